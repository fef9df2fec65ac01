/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl.h"

#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unix_path.h"

enum {
	OUT_HIGH = 65536,   /* no more rows are made while so many bytes wait */
	ROWS_AT_ONCE = 256, /* of one client, before others have their turn */
};

struct client {
	struct ctl *ctl;
	int fd; /* -1: free */
	bool gone;
	bool eof; /* it says nothing more, and may still read */
	char *in, *out;
	size_t in_len;
	size_t out_len, out_done, out_size;
	uint32_t events; /* as epoll knows them */
	bool answering;
	bool more; /* rows can be made now */
	struct ctl_answer answer;
};

struct ctl {
	int listener, epoll;
	struct unix_path bound;
	const struct ctl_command *commands;
	void *ctx;
	struct client client[CTL_CLIENTS];
};

/* ---- output --------------------------------------------------------------------------------- */

static int collect(const char *text, size_t len, void *ctx)
{
	struct client *c = ctx;

	if (c->out_len + len > c->out_size) {
		const size_t size = (c->out_len + len) * 2;
		char *out = realloc(c->out, size);

		if (!out)
			return -1;
		c->out = out;
		c->out_size = size;
	}
	memcpy(c->out + c->out_len, text, len);
	c->out_len += len;
	return 0;
}

/* Takes over *line. */
static void put_line(struct client *c, json_t *line)
{
	if (!line || json_dump_callback(line, collect, c, JSON_COMPACT) || collect("\n", 1, c))
		c->gone = true;
	json_decref(line);
}

static void put_end(struct client *c)
{
	struct ctl_answer *a = &c->answer;
	json_t *line = json_object();

	json_object_set_new(line, "ok", json_boolean(!a->error[0]));
	if (a->error[0])
		json_object_set_new(line, "error", json_string(a->error));
	else if (a->result)
		json_object_update(line, a->result);
	json_decref(a->result);
	free(a->cursor.state);
	c->answering = false;
	put_line(c, line);
}

/* Rows, as long as there is room for them. */
static void put_rows(struct client *c)
{
	c->more = true;
	for (unsigned int i = 0; c->answering && i < ROWS_AT_ONCE; i++) {
		json_t *row = NULL, *line;
		enum ctl_next next = CTL_END;

		if (c->out_len - c->out_done > OUT_HIGH)
			return;
		if (c->answer.next && !c->answer.error[0])
			next = c->answer.next(c->ctl->ctx, &c->answer.cursor, &row);
		if (next == CTL_END)
			put_end(c);
		if (next != CTL_ROW) {
			c->more = false;
			return;
		}
		line = json_object();
		json_object_set_new(line, "row", row);
		put_line(c, line);
	}
	c->more = c->answering;
}

static void flush(struct client *c)
{
	while (c->out_done < c->out_len) {
		const ssize_t n = send(c->fd, c->out + c->out_done, c->out_len - c->out_done,
				       MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			c->gone = true;
			return;
		}
		c->out_done += (size_t)n;
	}
	c->out_done = c->out_len = 0;
}

/* ---- requests ------------------------------------------------------------------------------- */

void ctl_refuse(struct ctl_answer *answer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(answer->error, sizeof(answer->error), format, args);
	va_end(args);
}

static const struct ctl_command *find(const struct ctl *ctl, const char *name)
{
	for (const struct ctl_command *c = ctl->commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static void request(struct client *c, const char *line, size_t len)
{
	const struct ctl_command *command = NULL;
	struct ctl_answer *a = &c->answer;
	const char *name = NULL;
	json_t *args, *root;
	json_error_t e;

	*a = (struct ctl_answer){0};
	c->answering = true;
	root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &e);
	args = json_object_get(root, "args");
	if (root)
		name = json_string_value(json_object_get(root, "command"));
	if (name)
		command = find(c->ctl, name);
	if (!root)
		ctl_refuse(a, "the request is not JSON: %s", e.text);
	else if (!name)
		ctl_refuse(a, "a request has a member \"command\", a string");
	else if (args && !json_is_object(args))
		ctl_refuse(a, "\"args\" is an object");
	else if (!command)
		ctl_refuse(a, "no such command: %.40s", name);
	else
		command->handle(c->ctl->ctx, args, a);
	json_decref(root);
}

/* One request at a time: the next one waits until this one is answered. */
static void take_lines(struct client *c)
{
	while (!c->answering && !c->gone) {
		const char *end = memchr(c->in, '\n', c->in_len);
		size_t len;

		if (!end && c->in_len == CTL_LINE_MAX) {
			c->answer = (struct ctl_answer){0};
			ctl_refuse(&c->answer, "a request has at most %d bytes", CTL_LINE_MAX);
			put_end(c);
			flush(c);
			c->gone = true;
			return;
		}
		if (!end)
			return;
		len = (size_t)(end - c->in);
		request(c, c->in, len);
		c->in_len -= len + 1;
		memmove(c->in, end + 1, c->in_len);
		put_rows(c);
	}
}

static void read_client(struct client *c)
{
	const ssize_t n = recv(c->fd, c->in + c->in_len, CTL_LINE_MAX - c->in_len, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		c->gone = true;
	else if (!n)
		c->eof = true;
	else
		c->in_len += (size_t)n;
}

/* ---- clients -------------------------------------------------------------------------------- */

static void drop(struct client *c)
{
	if (c->answering) {
		json_decref(c->answer.result);
		free(c->answer.cursor.state);
	}
	close(c->fd);
	free(c->in);
	free(c->out);
	*c = (struct client){.ctl = c->ctl, .fd = -1};
}

/* What is waited for: requests while none is answered, room while something is to be sent. */
static void watch(struct client *c)
{
	const bool in = !c->eof && c->in_len < CTL_LINE_MAX;
	const bool out = c->more || c->out_done < c->out_len;
	const uint32_t wanted = (in ? EPOLLIN : 0) | (out ? EPOLLOUT : 0);
	struct epoll_event event = {.events = wanted, .data.ptr = c};

	if (wanted != c->events)
		epoll_ctl(c->ctl->epoll, EPOLL_CTL_MOD, c->fd, &event);
	c->events = wanted;
}

static void work(struct client *c)
{
	put_rows(c);
	take_lines(c);
	flush(c);
	if (c->gone || (c->eof && !c->answering && !c->out_len))
		drop(c);
	else
		watch(c);
}

static void accept_clients(struct ctl *ctl)
{
	struct client *c = NULL;
	int fd;

	for (unsigned int i = 0; !c && i < CTL_CLIENTS; i++)
		if (ctl->client[i].fd < 0)
			c = &ctl->client[i];
	fd = accept4(ctl->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (c)
		*c = (struct client){.ctl = ctl, .fd = fd, .in = malloc(CTL_LINE_MAX)};
	if (!c || !c->in) {
		static const char busy[] = "{\"ok\":false,\"error\":\"too many clients\"}\n";

		(void)!send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
		if (c)
			c->fd = -1;
		return;
	}
	c->events = EPOLLIN;
	epoll_ctl(ctl->epoll, EPOLL_CTL_ADD, fd,
		  &(struct epoll_event){.events = c->events, .data.ptr = c});
}

void ctl_run(struct ctl *ctl)
{
	struct epoll_event event[CTL_CLIENTS + 1];
	const int n = epoll_wait(ctl->epoll, event, CTL_CLIENTS + 1, 0);

	for (int i = 0; i < n; i++) {
		struct client *c = event[i].data.ptr;

		if (!c) {
			accept_clients(ctl);
			continue;
		}
		if (c->fd < 0)
			continue;
		if (event[i].events & (EPOLLHUP | EPOLLERR))
			c->gone = true;
		else if (event[i].events & EPOLLIN)
			read_client(c);
		work(c);
	}
}

void ctl_news(struct ctl *ctl)
{
	for (unsigned int i = 0; i < CTL_CLIENTS; i++)
		if (ctl->client[i].fd >= 0 && ctl->client[i].answering)
			work(&ctl->client[i]);
}

/* ---- open, close ---------------------------------------------------------------------------- */

static int give_group(const char *path, const char *name, char *error, size_t size)
{
	const struct group *g = NULL;

	if (*name) {
		errno = 0;
		g = getgrnam(name);
		if (!g) {
			snprintf(error, size, "control socket: there is no group \"%s\"", name);
			return -ENOENT;
		}
	}
	if ((g && chown(path, (uid_t)-1, g->gr_gid)) || chmod(path, 0660)) {
		const int err = -errno;

		snprintf(error, size, "control socket %s: %s", path, strerror(-err));
		return err;
	}
	return 0;
}

int ctl_open(struct ctl **out, const char *path, const char *group,
	     const struct ctl_command *commands, void *ctx, char *error, size_t size)
{
	struct ctl *ctl = calloc(1, sizeof(*ctl));
	int err;

	if (!ctl)
		return -ENOMEM;
	ctl->commands = commands;
	ctl->ctx = ctx;
	for (unsigned int i = 0; i < CTL_CLIENTS; i++)
		ctl->client[i] = (struct client){.ctl = ctl, .fd = -1};
	ctl->epoll = epoll_create1(EPOLL_CLOEXEC);
	ctl->listener = unix_path_bind(path, SOCK_STREAM, &ctl->bound, error, size);
	if (ctl->listener < 0) {
		err = ctl->listener;
		close(ctl->epoll);
		free(ctl);
		return err;
	}
	err = give_group(path, group, error, size);
	if (err) {
		ctl_close(ctl);
		return err;
	}
	epoll_ctl(ctl->epoll, EPOLL_CTL_ADD, ctl->listener,
		  &(struct epoll_event){.events = EPOLLIN});
	*out = ctl;
	return 0;
}

void ctl_close(struct ctl *ctl)
{
	if (!ctl)
		return;
	for (unsigned int i = 0; i < CTL_CLIENTS; i++)
		if (ctl->client[i].fd >= 0)
			drop(&ctl->client[i]);
	unix_path_remove(&ctl->bound);
	close(ctl->listener);
	close(ctl->epoll);
	free(ctl);
}

int ctl_fd(const struct ctl *ctl)
{
	return ctl->epoll;
}
