/* SPDX-License-Identifier: BSD-3-Clause */
#include "port.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define WAIT_US 20000

uint64_t port_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int fail(const char *spec, int err)
{
	fprintf(stderr, "%s: %s\n", spec, strerror(err));
	return -err;
}

static int open_tap(struct port *p, const char *spec, const char *name)
{
	struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI};

	if (!*name || strlen(name) >= IFNAMSIZ)
		return fail(spec, EINVAL);
	memcpy(r.ifr_name, name, strlen(name));
	p->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (p->fd < 0 || ioctl(p->fd, TUNSETIFF, &r))
		return fail(spec, errno);
	return 0;
}

static int unix_address(struct sockaddr_un *a, const char *path, size_t len)
{
	if (!len || len >= sizeof(a->sun_path))
		return -EINVAL;
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	memcpy(a->sun_path, path, len);
	return 0;
}

static int open_unix(struct port *p, const char *spec, const char *paths)
{
	const struct timeval wait = {.tv_usec = WAIT_US};
	const char *comma = strchr(paths, ',');

	if (!comma || unix_address(&p->local, paths, (size_t)(comma - paths)) ||
	    unix_address(&p->remote, comma + 1, strlen(comma + 1)))
		return fail(spec, EINVAL);
	p->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unlink(p->local.sun_path);
	if (p->fd < 0 || bind(p->fd, (const struct sockaddr *)&p->local, sizeof(p->local)) ||
	    setsockopt(p->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)))
		return fail(spec, errno);
	return 0;
}

int port_open(struct port *p, const char *spec)
{
	memset(p, 0, sizeof(*p));
	if (!strncmp(spec, "tap:", 4))
		return open_tap(p, spec, spec + 4);
	if (!strncmp(spec, "unix:", 5))
		return open_unix(p, spec, spec + 5);
	return fail(spec, EINVAL);
}

size_t port_recv(struct port *p, uint8_t *frame, size_t size)
{
	const ssize_t n = p->local.sun_family ? recv(p->fd, frame, size, MSG_DONTWAIT)
					      : read(p->fd, frame, size);

	return n > 0 ? (size_t)n : 0;
}

void port_send(struct port *p, const uint8_t *frame, size_t len)
{
	if (p->local.sun_family)
		(void)!sendto(p->fd, frame, len, MSG_NOSIGNAL, (const struct sockaddr *)&p->remote,
			      sizeof(p->remote));
	else
		(void)!write(p->fd, frame, len);
}

void port_close(struct port *p)
{
	if (p->local.sun_family)
		unlink(p->local.sun_path);
	close(p->fd);
}
