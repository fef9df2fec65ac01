/* SPDX-License-Identifier: BSD-3-Clause */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEVICE "/dev/net/tun"

static int fail(struct tap *tap, char *error, size_t size, const char *what, const char *advice)
{
	const int err = errno;

	snprintf(error, size, "%s: %s: %s%s", tap->name, what, strerror(err), advice);
	tap_close(tap);
	return -err;
}

static int attach(struct tap *tap, char *error, size_t size)
{
	const int vnet_len = sizeof(struct virtio_net_hdr);
	struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};

	tap->fd = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tap->fd < 0)
		return fail(tap, error, size, DEVICE,
			    "; it needs the kernel's tun module and, in a container, that device");
	memcpy(r.ifr_name, tap->name, sizeof(r.ifr_name));
	if (ioctl(tap->fd, TUNSETIFF, &r))
		return fail(tap, error, size, "cannot make or attach to it",
			    errno == EPERM   ? "; CAP_NET_ADMIN is needed"
			    : errno == EBUSY ? "; another program has it"
					     : "");
	if (ioctl(tap->fd, TUNSETVNETHDRSZ, &vnet_len) || ioctl(tap->fd, TUNSETOFFLOAD, TUN_F_CSUM))
		return fail(tap, error, size, "offloads", "; this kernel's tun is too old");
	return 0;
}

static int configure(struct tap *tap, int sock, const uint8_t mac[6], unsigned int mtu, char *error,
		     size_t size)
{
	struct ifreq r = {0};

	memcpy(r.ifr_name, tap->name, sizeof(r.ifr_name));
	r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(r.ifr_hwaddr.sa_data, mac, 6);
	if (ioctl(sock, SIOCSIFHWADDR, &r))
		return fail(tap, error, size, "cannot set its address", "");
	memset(&r.ifr_ifru, 0, sizeof(r.ifr_ifru));
	r.ifr_mtu = (int)mtu;
	if (ioctl(sock, SIOCSIFMTU, &r))
		return fail(tap, error, size, "cannot set its MTU", "");
	memset(&r.ifr_ifru, 0, sizeof(r.ifr_ifru));
	if (ioctl(sock, SIOCGIFFLAGS, &r))
		return fail(tap, error, size, "cannot read its flags", "");
	r.ifr_flags |= IFF_UP;
	if (ioctl(sock, SIOCSIFFLAGS, &r))
		return fail(tap, error, size, "cannot bring it up", "");
	return 0;
}

int tap_open(struct tap *tap, const char *name, const uint8_t mac[6], unsigned int mtu, char *error,
	     size_t size)
{
	int sock, err;

	*tap = (struct tap){.fd = -1};
	if (!*name || strlen(name) >= sizeof(tap->name)) {
		snprintf(error, size, "\"%s\": the name of an interface has 1 to %zu bytes", name,
			 sizeof(tap->name) - 1);
		return -EINVAL;
	}
	memcpy(tap->name, name, strlen(name));
	err = attach(tap, error, size);
	if (err)
		return err;
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return fail(tap, error, size, "socket", "");
	err = configure(tap, sock, mac, mtu, error, size);
	close(sock);
	return err;
}

void tap_close(struct tap *tap)
{
	if (tap->fd >= 0)
		close(tap->fd);
	tap->fd = -1;
}

ssize_t tap_recv(const struct tap *tap, void *buf, size_t size, struct tap_csum *csum)
{
	struct virtio_net_hdr h;
	uint8_t more;
	struct iovec part[3] = {{&h, sizeof(h)}, {buf, size}, {&more, 1}};
	const ssize_t got = readv(tap->fd, part, 3);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got < 0)
		return -errno;
	if (got <= (ssize_t)sizeof(h))
		return -EIO;
	if ((size_t)got > sizeof(h) + size)
		return -EMSGSIZE;
	*csum = (struct tap_csum){.needed = h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM,
				  .start = h.csum_start,
				  .offset = h.csum_offset};
	return got - (ssize_t)sizeof(h);
}

int tap_send(const struct tap *tap, const struct iovec *piece, unsigned int pieces,
	     const struct tap_csum *csum)
{
	struct virtio_net_hdr h = {.flags = csum->valid ? VIRTIO_NET_HDR_F_DATA_VALID : 0};
	struct iovec part[1 + TAP_PIECES] = {{&h, sizeof(h)}};

	if (csum->needed) {
		h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h.csum_start = csum->start;
		h.csum_offset = csum->offset;
	}
	if (pieces > TAP_PIECES)
		return -EMSGSIZE;
	memcpy(part + 1, piece, pieces * sizeof(*piece));
	if (writev(tap->fd, part, (int)pieces + 1) >= 0)
		return 0;
	switch (errno) {
	case EAGAIN:
	case EINTR:
	case ENOBUFS:
	case ENOMEM:
		return -EAGAIN;
	case EIO: /* the interface is down */
		return -ENETDOWN;
	default:
		return -errno;
	}
}
