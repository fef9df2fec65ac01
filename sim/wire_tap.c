/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A TAP interface: what the kernel sends on it is received here. Its frames are as on a wire: no
 * virtio header, so no offloads.
 */
#include <ctype.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "wire_private.h"

#define DEVICE	 "/dev/net/tun"
#define REST_MAX 65536 /* of a frame that is too long */

struct tap {
	uint8_t rest[REST_MAX];
};

static int check_name(struct wire *w, const char *name)
{
	size_t len = strlen(name);
	bool bad = !len || !strcmp(name, ".") || !strcmp(name, "..");

	for (size_t i = 0; i < len; i++)
		bad |= !isgraph((unsigned char)name[i]) || strchr("/:%", name[i]);
	if (bad)
		return wire_fail(w, -EINVAL,
				 "\"%s\": no name of an interface; it is tap:NAME, as tap:tap0",
				 w->spec);
	if (len >= IFNAMSIZ)
		return wire_fail(w, -EINVAL, "\"%s\": the name has %zu bytes, at most %d can be",
				 w->spec, len, IFNAMSIZ - 1);
	return 0;
}

static int attach_error(struct wire *w, const char *name, int err)
{
	switch (err) {
	case -EPERM:
		return wire_fail(w, err,
				 "%s: not permitted; run as root, or as root: ip tuntap add dev %s "
				 "mode tap user USER",
				 w->spec, name);
	case -EBUSY:
		return wire_fail(w, err, "%s: another program is attached to it; stop that one",
				 w->spec);
	case -EINVAL:
		return wire_fail(w, err,
				 "%s: there is such an interface, and it is no TAP with one queue; "
				 "choose another name",
				 w->spec);
	default:
		return wire_fail(w, err, "%s: TUNSETIFF: %s", w->spec, strerror(-err));
	}
}

/* Who may not do that finds it done, or does it elsewhere: wire_link() tells. */
static void bring_up(const char *name)
{
	const int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = {0};

	if (s < 0)
		return;
	memcpy(r.ifr_name, name, strlen(name));
	if (!ioctl(s, SIOCGIFFLAGS, &r) && !(r.ifr_flags & IFF_UP)) {
		r.ifr_flags |= IFF_UP;
		(void)!ioctl(s, SIOCSIFFLAGS, &r);
	}
	close(s);
}

static int tap_open(struct wire *w, const char *rest)
{
	struct tap *t = calloc(1, sizeof(*t));
	struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int err;

	w->state = t;
	if (!t)
		return wire_fail(w, -ENOMEM, "out of memory");
	err = check_name(w, rest);
	if (err)
		return err;
	w->fd = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (w->fd < 0)
		return wire_fail(w, -errno,
				 "%s: " DEVICE ": %s; it needs the kernel's tun module and, in a "
				 "container, that device",
				 w->spec, strerror(errno));
	memcpy(r.ifr_name, rest, strlen(rest));
	if (ioctl(w->fd, TUNSETIFF, &r))
		return attach_error(w, rest, -errno);
	bring_up(rest);
	return 0;
}

static int tap_recv(struct wire *w, void *buf, size_t size, size_t *len, uint64_t *time_ns)
{
	struct tap *t = w->state;
	struct iovec part[2] = {{buf, size}, {t->rest, sizeof(t->rest)}};
	ssize_t got = readv(w->fd, part, 2);

	(void)time_ns;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got < 0)
		return wire_fail(w, -errno, "%s: %s; was the interface removed?", w->spec,
				 strerror(errno));
	*len = (size_t)got;
	return 1;
}

static int tap_send(struct wire *w, const void *frame, size_t len, uint64_t time_ns)
{
	(void)time_ns;
	if (write(w->fd, frame, len) == (ssize_t)len)
		return 0;
	switch (errno) {
	case EAGAIN:
	case EINTR:
	case ENOBUFS:
	case ENOMEM:
		return -EAGAIN;
	case EIO: /* the interface is down */
		return -ENOTCONN;
	default:
		return wire_fail(w, -errno, "%s: %s", w->spec, strerror(errno));
	}
}

/*
 * The driver takes frames while the interface is up. That is asked through the file, not by its
 * name: an interface may be moved to another network namespace, and have another name there.
 */
static bool tap_link(struct wire *w)
{
	struct pollfd p = {.fd = w->fd, .events = POLLOUT};

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLOUT | POLLERR)) == POLLOUT;
}

static int tap_close(struct wire *w)
{
	free(w->state);
	return 0;
}

const struct wire_kind wire_tap = {"tap", tap_open, tap_recv, tap_send, tap_link, tap_close, false};
