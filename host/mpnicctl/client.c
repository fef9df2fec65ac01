/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	LINE_MAX_BYTES = 1 << 20,
};

struct reader {
	int fd;
	char *buf;
	size_t len, done;
};

int client_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static bool send_all(int fd, const char *text, size_t len)
{
	while (len) {
		const ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		len -= (size_t)n;
	}
	return true;
}

static bool send_request(int fd, const char *command, json_t *args)
{
	json_t *request = json_object();
	char *text;
	bool sent;

	json_object_set_new(request, "command", json_string(command));
	if (args)
		json_object_set_new(request, "args", args);
	text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	sent = text && send_all(fd, text, strlen(text)) && send_all(fd, "\n", 1);
	free(text);
	return sent;
}

/* The next line as JSON, or NULL. */
static json_t *read_line(struct reader *r)
{
	for (;;) {
		char *end = memchr(r->buf + r->done, '\n', r->len - r->done);
		json_error_t e;
		json_t *line;
		ssize_t n;

		if (end) {
			line = json_loadb(r->buf + r->done, (size_t)(end - r->buf) - r->done, 0,
					  &e);
			r->done = (size_t)(end - r->buf) + 1;
			return line;
		}
		r->len -= r->done;
		memmove(r->buf, r->buf + r->done, r->len);
		r->done = 0;
		if (r->len == LINE_MAX_BYTES)
			return NULL;
		n = recv(r->fd, r->buf + r->len, LINE_MAX_BYTES - r->len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return NULL;
		r->len += (size_t)n;
	}
}

json_t *client_ask(int fd, const char *command, json_t *args,
		   void (*row)(void *ctx, const json_t *row), void *ctx, const char **problem)
{
	struct reader r = {.fd = fd, .buf = malloc(LINE_MAX_BYTES)};
	json_t *line = NULL;

	*problem = "mpnicd closed the connection";
	if (!r.buf || !send_request(fd, command, args))
		goto out;
	while ((line = read_line(&r))) {
		const json_t *found = json_object_get(line, "row");

		if (!found)
			break;
		row(ctx, found);
		json_decref(line);
	}
	if (line && !json_is_boolean(json_object_get(line, "ok"))) {
		*problem = "what came back is no answer of mpnicd";
		json_decref(line);
		line = NULL;
	}
out:
	free(r.buf);
	return line;
}
