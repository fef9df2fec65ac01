/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Unix datagrams, an Ethernet frame each. Who sends from a socket without a name cannot be
 * answered; the peer stays who it was.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unix_path.h"
#include "wire_private.h"

struct unix_wire {
	struct unix_path bound;
	struct sockaddr_un peer;
	socklen_t peer_len; /* 0: not known */
	bool fixed;	    /* by the spec */
};

static int unix_open(struct wire *w, const char *rest)
{
	struct unix_wire *u = calloc(1, sizeof(*u));
	const char *comma = strchr(rest, ',');
	size_t len = comma ? (size_t)(comma - rest) : strlen(rest);
	char local[sizeof(u->peer.sun_path) + 1];
	int err;

	w->state = u;
	if (!u)
		return wire_fail(w, -ENOMEM, "out of memory");
	if (!len)
		return wire_fail(w, -EINVAL, "\"%s\": a path is needed: unix:LOCAL[,REMOTE]",
				 w->spec);
	if (len >= sizeof(local))
		len = sizeof(local) - 1; /* too long by one: that is refused */
	memcpy(local, rest, len);
	local[len] = 0;
	if (comma) {
		err = unix_path_address(comma + 1, &u->peer, w->error, sizeof(w->error));
		if (err)
			return err;
		u->peer_len = sizeof(u->peer);
		u->fixed = true;
	}
	w->fd = unix_path_bind(local, SOCK_DGRAM, &u->bound, w->error, sizeof(w->error));
	return w->fd < 0 ? w->fd : 0;
}

static int unix_recv(struct wire *w, void *buf, size_t size, size_t *len, uint64_t *time_ns)
{
	struct unix_wire *u = w->state;
	struct sockaddr_un from;
	struct iovec part = {buf, size};
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &part, .msg_iovlen = 1};
	ssize_t got;

	(void)time_ns;
	/* No room for descriptors: the kernel drops them. MSG_TRUNC: say how long it really is. */
	got = recvmsg(w->fd, &msg, MSG_DONTWAIT | MSG_TRUNC);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got < 0)
		return wire_fail(w, -errno, "%s: %s", w->spec, strerror(errno));
	if (!u->fixed && msg.msg_namelen > sizeof(sa_family_t) &&
	    msg.msg_namelen <= sizeof(u->peer)) {
		u->peer = from;
		u->peer_len = msg.msg_namelen;
	}
	*len = (size_t)got;
	return 1;
}

static int unix_send(struct wire *w, const void *frame, size_t len, uint64_t time_ns)
{
	struct unix_wire *u = w->state;
	ssize_t sent;

	(void)time_ns;
	if (!u->peer_len)
		return -ENOTCONN;
	do
		sent = sendto(w->fd, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL,
			      (const struct sockaddr *)&u->peer, u->peer_len);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 0;
	switch (errno) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return -EAGAIN;
	case ECONNREFUSED:
	case ENOENT:
	case ENOTSOCK:
		return -ENOTCONN;
	default:
		return wire_fail(w, -errno, "%s: %s", w->spec, strerror(errno));
	}
}

/* A socket that is there can be connected to; one that takes frames of another alone says EPERM. */
static bool unix_link(struct wire *w)
{
	const struct unix_wire *u = w->state;
	int fd, err;

	if (!u->peer_len)
		return false;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	err = connect(fd, (const struct sockaddr *)&u->peer, u->peer_len);
	if (err)
		err = errno;
	close(fd);
	return !err || err == EPERM;
}

static int unix_close(struct wire *w)
{
	struct unix_wire *u = w->state;

	if (u)
		unix_path_remove(&u->bound);
	free(u);
	return 0;
}

const struct wire_kind wire_unix = {"unix",    unix_open,  unix_recv, unix_send,
				    unix_link, unix_close, false};
