/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stream to a client. Sending never blocks: what the socket does not take waits in a queue,
 * which the server's thread empties. While too much waits there the client is not heard, so that a
 * client that asks and never reads stops itself alone, and memory stays bounded.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vfu_private.h"

#define PARTS_MAX 4

struct vfu_out {
	struct vfu_out *next;
	size_t len, sent;
	int fd; /* to go with the first byte; not ours to close; -1: none */
	uint8_t data[];
};

/* ---- in ------------------------------------------------------------------------------------ */

#define EVENTFD_LINK "anon_inode:[eventfd]"

bool vfu_link_is_eventfd(int fd)
{
	char path[32], target[sizeof(EVENTFD_LINK)];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, target, sizeof(target));
	return len == sizeof(EVENTFD_LINK) - 1 && !memcmp(target, EVENTFD_LINK, (size_t)len);
}

/*
 * Memory and eventfds are all that is ever taken. Others go at once, not only when the message is
 * whole: the client's own end of the connection, kept here, would hide that the client has gone.
 */
static bool acceptable(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && (S_ISREG(st.st_mode) || vfu_link_is_eventfd(fd));
}

static void take_fds(struct vfu_in *in, const struct cmsghdr *c)
{
	size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	const uint8_t *data = CMSG_DATA(c);

	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, data + i * sizeof(fd), sizeof(fd));
		if (in->fd_count < VFU_FDS_MAX && acceptable(fd)) {
			in->fds[in->fd_count++] = fd;
			continue;
		}
		close(fd);
		in->fds_lost = true;
	}
}

/* Exactly to the end of header or payload: fds are told apart by the read they come with. */
static ssize_t receive(struct vfu_server *s, void *to, size_t len)
{
	union {
		struct cmsghdr align;
		uint8_t space[CMSG_SPACE(VFU_FDS_MAX * sizeof(int))];
	} control;
	struct iovec part = {to, len};
	struct msghdr msg = {.msg_iov = &part,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	ssize_t got;

	do
		got = recvmsg(s->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? -EAGAIN : -ECONNRESET;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take_fds(&s->in, c);
	if (msg.msg_flags & MSG_CTRUNC)
		s->in.fds_lost = true;
	return got ? got : -ECONNRESET;
}

static int check_header(const struct vfu_server *s)
{
	const struct vfu_header *h = &s->in.header;
	size_t max = s->negotiated ? VFU_PAYLOAD_MAX : VFU_FIRST_MAX;

	if (h->size < sizeof(*h) || h->size - sizeof(*h) > max)
		return -EMSGSIZE;
	if ((h->flags & VFU_FLAG_TYPE) > VFU_TYPE_REPLY || (h->flags & ~VFU_FLAGS))
		return -EBADMSG;
	return 0;
}

int vfu_link_receive(struct vfu_server *s)
{
	struct vfu_in *in = &s->in;

	for (;;) {
		bool head = in->got < sizeof(in->header);
		size_t end = head ? sizeof(in->header) : in->header.size;
		uint8_t *to = head ? (uint8_t *)&in->header + in->got
				   : in->payload + (in->got - sizeof(in->header));
		ssize_t got;

		if (in->got == end)
			return 1;
		got = receive(s, to, end - in->got);
		if (got == -EAGAIN)
			return 0;
		if (got < 0)
			return (int)got;
		in->got += (size_t)got;
		if (head && in->got == sizeof(in->header)) {
			int err = check_header(s);

			if (err)
				return err;
		}
	}
}

void vfu_link_close_fds(struct vfu_server *s)
{
	struct vfu_in *in = &s->in;

	for (unsigned int i = 0; i < in->fd_count; i++)
		if (in->fds[i] >= 0)
			close(in->fds[i]);
	in->fd_count = 0;
	in->fds_lost = false;
}

void vfu_link_next(struct vfu_server *s)
{
	vfu_link_close_fds(s);
	s->in.got = 0;
}

/* ---- out ----------------------------------------------------------------------------------- */

/* The lock is held in all of these. */

bool vfu_link_muted(const struct vfu_server *s)
{
	return s->out_bytes > VFU_OUT_MAX;
}

void vfu_link_update(struct vfu_server *s)
{
	struct epoll_event event = {.data.fd = s->fd};

	if (s->fd < 0)
		return;
	event.events = (vfu_link_muted(s) ? 0 : EPOLLIN) | (s->out_first ? EPOLLOUT : 0);
	if (event.events == s->events)
		return;
	s->events = event.events;
	epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, s->fd, &event);
}

static void drop_all(struct vfu_server *s)
{
	while (s->out_first) {
		struct vfu_out *out = s->out_first;

		s->out_first = out->next;
		free(out);
	}
	s->out_last = &s->out_first;
	s->out_bytes = 0;
}

/* What the client has sent before is still read, to its end. */
static void die(struct vfu_server *s)
{
	s->out_dead = true;
	drop_all(s);
	shutdown(s->fd, SHUT_RDWR);
}

/* Returns the bytes sent, 0 if the socket takes none now, or -1 if it will take no more. */
static ssize_t push(struct vfu_server *s, struct iovec *part, int parts, int fd)
{
	union {
		struct cmsghdr align;
		uint8_t space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {.msg_iov = part, .msg_iovlen = (size_t)parts};
	ssize_t sent;

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	do
		sent = sendmsg(s->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno == EAGAIN)
		return 0;
	return sent;
}

/* Keep what lies behind the first `sent` bytes. */
static int keep(struct vfu_server *s, const struct iovec *part, int parts, size_t sent, size_t len,
		int fd)
{
	struct vfu_out *out = malloc(sizeof(*out) + len - sent);
	size_t at = 0;

	if (!out)
		return -ENOMEM;
	*out = (struct vfu_out){.len = len - sent, .fd = sent ? -1 : fd};
	for (int i = 0; i < parts; i++) {
		size_t skip = sent < part[i].iov_len ? sent : part[i].iov_len;
		size_t rest = part[i].iov_len - skip;

		sent -= skip;
		if (rest)
			memcpy(out->data + at, (const uint8_t *)part[i].iov_base + skip, rest);
		at += rest;
	}
	*s->out_last = out;
	s->out_last = &out->next;
	s->out_bytes += out->len;
	return 0;
}

void vfu_link_send(struct vfu_server *s, struct vfu_header *header, const struct iovec *part,
		   int parts, int fd)
{
	struct iovec all[PARTS_MAX] = {{header, sizeof(*header)}};
	size_t len = sizeof(*header);
	ssize_t sent = 0;

	if (s->fd < 0 || s->out_dead)
		return;
	for (int i = 0; i < parts; i++) {
		all[i + 1] = part[i];
		len += part[i].iov_len;
	}
	header->size = (uint32_t)len;
	if (!s->out_first)
		sent = push(s, all, parts + 1, fd);
	if (sent < 0 || ((size_t)sent < len && keep(s, all, parts + 1, (size_t)sent, len, fd)))
		die(s);
	vfu_link_update(s);
}

void vfu_link_flush(struct vfu_server *s)
{
	while (s->out_first) {
		struct vfu_out *out = s->out_first;
		struct iovec part = {out->data + out->sent, out->len - out->sent};
		ssize_t sent = push(s, &part, 1, out->fd);

		if (sent < 0) {
			die(s);
			break;
		}
		if (!sent)
			break;
		out->fd = -1;
		out->sent += (size_t)sent;
		s->out_bytes -= (size_t)sent;
		if (out->sent < out->len)
			continue;
		s->out_first = out->next;
		if (!s->out_first)
			s->out_last = &s->out_first;
		free(out);
	}
	vfu_link_update(s);
}

void vfu_link_open(struct vfu_server *s, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	s->fd = fd;
	s->events = event.events;
	s->out_dead = false;
	s->out_last = &s->out_first;
	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event))
		die(s);
}

void vfu_link_close(struct vfu_server *s)
{
	drop_all(s);
	close(s->fd); /* and epoll forgets it */
	s->fd = -1;
}
