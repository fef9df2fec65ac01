/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket: requests, rows, hostile clients. Server and clients are in one thread. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl.h"

#define MANY 20000 /* rows of a long list */

struct server {
	struct ctl *ctl;
	char path[64], dir[32];
	unsigned int made, handled;
	unsigned int news; /* rows that "follow" may give */
};

static struct server server;

/* ---- commands ------------------------------------------------------------------------------- */

static void echo(void *ctx, const json_t *args, struct ctl_answer *answer)
{
	struct server *s = ctx;

	s->handled++;
	answer->result = json_object();
	json_object_set(answer->result, "args", args ? (json_t *)args : json_null());
}

static void refuse(void *ctx, const json_t *args, struct ctl_answer *answer)
{
	(void)ctx;
	(void)args;
	ctl_refuse(answer, "no: %d", 7);
}

static enum ctl_next next_of_many(void *ctx, struct ctl_cursor *cursor, json_t **row)
{
	struct server *s = ctx;

	if (cursor->at[0] == MANY)
		return CTL_END;
	*row = json_integer((json_int_t)cursor->at[0]++);
	s->made++;
	return CTL_ROW;
}

static void many(void *ctx, const json_t *args, struct ctl_answer *answer)
{
	(void)ctx;
	(void)args;
	answer->next = next_of_many;
	answer->cursor.state = malloc(16); /* lost if it is not freed: the sanitizer tells */
}

static enum ctl_next next_of_follow(void *ctx, struct ctl_cursor *cursor, json_t **row)
{
	const struct server *s = ctx;

	if (cursor->at[0] == s->news)
		return CTL_WAIT;
	*row = json_integer((json_int_t)++cursor->at[0]);
	return CTL_ROW;
}

static void follow(void *ctx, const json_t *args, struct ctl_answer *answer)
{
	(void)ctx;
	(void)args;
	answer->next = next_of_follow;
}

static const struct ctl_command commands[] = {
	{"echo", echo}, {"refuse", refuse}, {"many", many}, {"follow", follow}, {0},
};

/* ---- server and clients --------------------------------------------------------------------- */

static void start(void)
{
	char error[256] = "";

	memset(&server, 0, sizeof(server));
	strcpy(server.dir, "/tmp/mpnic-ctl-XXXXXX");
	cr_assert(mkdtemp(server.dir));
	snprintf(server.path, sizeof(server.path), "%s/control", server.dir);
	cr_assert_eq(
		ctl_open(&server.ctl, server.path, "", commands, &server, error, sizeof(error)), 0,
		"%s", error);
}

static void stop(void)
{
	ctl_close(server.ctl);
	cr_assert_eq(access(server.path, F_OK), -1, "the socket was left");
	rmdir(server.dir);
}

TestSuite(ctl, .init = start, .fini = stop, .timeout = 30);

static void turn(void)
{
	struct pollfd p = {.fd = ctl_fd(server.ctl), .events = POLLIN};

	while (poll(&p, 1, 0) == 1)
		ctl_run(server.ctl);
}

static int client(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(a.sun_path, server.path);
	cr_assert_eq(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
	turn();
	return fd;
}

static void say(int fd, const char *text)
{
	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	turn();
}

/* All that is there, up to the size of *text less one; -1: the other side has closed. */
static ssize_t hear(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	turn();
	while (len < size - 1 && (n = recv(fd, text + len, size - 1 - len, 0)) > 0) {
		len += (size_t)n;
		turn();
	}
	text[len] = '\0';
	return !len && n == 0 ? -1 : (ssize_t)len;
}

static void expect(int fd, const char *request, const char *answer)
{
	char text[512];

	say(fd, request);
	hear(fd, text, sizeof(text));
	cr_assert_str_eq(text, answer);
}

/* ---- tests ---------------------------------------------------------------------------------- */

Test(ctl, a_request_is_answered_by_a_line)
{
	const int fd = client();

	expect(fd, "{\"command\":\"echo\",\"args\":{\"a\":1}}\n",
	       "{\"ok\":true,\"args\":{\"a\":1}}\n");
	expect(fd, "{\"command\":\"echo\"}\n", "{\"ok\":true,\"args\":null}\n");
	expect(fd, "{\"command\":\"refuse\"}\n", "{\"ok\":false,\"error\":\"no: 7\"}\n");
	close(fd);
}

Test(ctl, the_socket_is_for_owner_and_group)
{
	struct stat st;

	cr_assert_eq(stat(server.path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0660);
}

Test(ctl, what_makes_no_sense_is_refused_and_the_next_request_is_taken)
{
	static const char *const wrong[] = {
		"\n",
		"nonsense\n",
		"[]\n",
		"{}\n",
		"{\"command\":1}\n",
		"{\"command\":\"none\"}\n",
		"{\"command\":\"echo\",\"args\":[]}\n",
		"{\"command\":\"echo\",\"command\":\"echo\"}\n",
		"{\"command\":\"echo\"} more\n",
		"{\"command\":\"\\u0000\"}\n",
		"\xff\xfe\n",
	};
	const int fd = client();
	char text[512];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		say(fd, wrong[i]);
		hear(fd, text, sizeof(text));
		cr_assert_eq(strncmp(text, "{\"ok\":false,\"error\":\"", 21), 0, "%zu: %s", i,
			     text);
		cr_assert_eq(server.handled, 0);
	}
	expect(fd, "{\"command\":\"echo\"}\n", "{\"ok\":true,\"args\":null}\n");
	close(fd);
}

Test(ctl, requests_in_one_write_are_answered_in_their_order)
{
	const int fd = client();

	expect(fd, "{\"command\":\"echo\"}\n{\"command\":\"refuse\"}\n{\"comm",
	       "{\"ok\":true,\"args\":null}\n{\"ok\":false,\"error\":\"no: 7\"}\n");
	expect(fd, "and\":\"echo\"}\n", "{\"ok\":true,\"args\":null}\n");
	close(fd);
}

Test(ctl, a_line_without_end_is_cut_off_with_an_error)
{
	const int fd = client();
	char text[512], block[4096];

	memset(block, 'x', sizeof(block));
	for (unsigned int i = 0; i < CTL_LINE_MAX / sizeof(block); i++) {
		cr_assert_eq(send(fd, block, sizeof(block), MSG_NOSIGNAL), (ssize_t)sizeof(block));
		turn();
	}
	hear(fd, text, sizeof(text));
	cr_assert(strstr(text, "65536 bytes"), "%s", text);
	cr_assert_eq(hear(fd, text, sizeof(text)), -1, "it was not closed");
	close(fd);
}

Test(ctl, rows_are_made_as_they_are_read)
{
	const int fd = client();
	char *text = malloc(1 << 20);

	say(fd, "{\"command\":\"many\"}\n");
	cr_assert_lt(server.made, MANY / 2, "%u rows wait for a reader", server.made);
	cr_assert_gt(server.made, 0);
	hear(fd, text, 1 << 20);
	cr_assert_eq(server.made, MANY);
	cr_assert(strstr(text, "{\"row\":19999}\n{\"ok\":true}\n"));
	free(text);
	close(fd);
}

Test(ctl, a_client_that_goes_in_the_middle_of_a_list_costs_nothing)
{
	const int fd = client();

	say(fd, "{\"command\":\"many\"}\n");
	close(fd);
	turn();
	expect(client(), "{\"command\":\"echo\"}\n", "{\"ok\":true,\"args\":null}\n");
}

Test(ctl, one_that_reads_nothing_does_not_hold_others_up)
{
	const int slow = client(), fd = client();

	say(slow, "{\"command\":\"many\"}\n");
	expect(fd, "{\"command\":\"echo\"}\n", "{\"ok\":true,\"args\":null}\n");
	close(slow);
	close(fd);
}

Test(ctl, who_follows_gets_rows_as_they_come)
{
	const int fd = client();
	char text[128];

	say(fd, "{\"command\":\"follow\"}\n");
	cr_assert_eq(hear(fd, text, sizeof(text)), 0);
	server.news = 2;
	ctl_news(server.ctl);
	hear(fd, text, sizeof(text));
	cr_assert_str_eq(text, "{\"row\":1}\n{\"row\":2}\n");
	/* Whoever waits for rows costs no time. */
	cr_assert_eq(poll(&(struct pollfd){.fd = ctl_fd(server.ctl), .events = POLLIN}, 1, 0), 0);
	close(fd);
}

Test(ctl, a_client_that_has_said_all_still_gets_its_answer)
{
	const int fd = client();
	char text[128];

	cr_assert_gt(send(fd, "{\"command\":\"echo\"}\n", 19, MSG_NOSIGNAL), 0);
	shutdown(fd, SHUT_WR);
	hear(fd, text, sizeof(text));
	cr_assert_str_eq(text, "{\"ok\":true,\"args\":null}\n");
	cr_assert_eq(hear(fd, text, sizeof(text)), -1, "it was not closed");
	close(fd);
}

Test(ctl, clients_are_bounded)
{
	int fd[CTL_CLIENTS + 1];
	char text[128];

	for (unsigned int i = 0; i <= CTL_CLIENTS; i++)
		fd[i] = client();
	hear(fd[CTL_CLIENTS], text, sizeof(text));
	cr_assert_str_eq(text, "{\"ok\":false,\"error\":\"too many clients\"}\n");
	close(fd[0]);
	turn();
	expect(client(), "{\"command\":\"echo\"}\n", "{\"ok\":true,\"args\":null}\n");
	for (unsigned int i = 1; i <= CTL_CLIENTS; i++)
		close(fd[i]);
}

Test(ctl, nobodys_file_is_lost)
{
	char error[256], path[96];
	struct ctl *other;
	int fd;

	cr_assert_lt(ctl_open(&other, server.path, "", commands, &server, error, sizeof(error)), 0);
	cr_assert(strstr(error, "listens there"), "%s", error);
	snprintf(path, sizeof(path), "%s/file", server.dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	cr_assert_lt(ctl_open(&other, path, "", commands, &server, error, sizeof(error)), 0);
	cr_assert_eq(access(path, F_OK), 0);
	close(fd);
	unlink(path);
	cr_assert_lt(
		ctl_open(&other, path, "no such group", commands, &server, error, sizeof(error)),
		0);
	cr_assert(strstr(error, "no such group"), "%s", error);
}
