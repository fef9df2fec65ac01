/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whatever a client may say to the control socket: the input is what it writes, cut into pieces at
 * each byte 0x00, between which the server runs.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl.h"

static struct ctl *ctl;
static char path[64];

static void echo(void *ctx, const json_t *args, struct ctl_answer *answer)
{
	(void)ctx;
	answer->result = json_object();
	json_object_set(answer->result, "args", args ? (json_t *)args : json_null());
}

static enum ctl_next next(void *ctx, struct ctl_cursor *cursor, json_t **row)
{
	(void)ctx;
	if (cursor->at[0]++ == 100)
		return CTL_END;
	*row = json_string("row");
	return CTL_ROW;
}

static void rows(void *ctx, const json_t *args, struct ctl_answer *answer)
{
	(void)ctx;
	(void)args;
	answer->next = next;
	answer->cursor.state = malloc(1);
}

static const struct ctl_command commands[] = {{"echo", echo}, {"rows", rows}, {0}};

static void clean_up(void)
{
	ctl_close(ctl);
}

static void set_up(void)
{
	char error[256];

	snprintf(path, sizeof(path), "/tmp/mpnic-fuzz-ctl-%d", (int)getpid());
	if (ctl_open(&ctl, path, "", commands, NULL, error, sizeof(error))) {
		fprintf(stderr, "%s\n", error);
		exit(1);
	}
	atexit(clean_up);
}

static void turn(int fd)
{
	struct pollfd p = {.fd = ctl_fd(ctl), .events = POLLIN};
	char text[4096];

	while (poll(&p, 1, 0) == 1) {
		ctl_run(ctl);
		while (recv(fd, text, sizeof(text), MSG_DONTWAIT) > 0)
			;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	if (!ctl)
		set_up();
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(a.sun_path, path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof(a)))
		abort();
	turn(fd);
	while (size) {
		const uint8_t *end = memchr(data, 0, size);
		const size_t len = end ? (size_t)(end - data) : size;

		if (len && send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		turn(fd);
		data += len + !!end;
		size -= len + !!end;
	}
	close(fd);
	turn(-1);
	return 0;
}
