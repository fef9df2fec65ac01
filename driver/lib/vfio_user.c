/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transport: client of the vfio-user protocol, version 0.1. Structures of the payloads:
 * <linux/vfio.h>.
 *
 * One request is under way at a time. What the server sends is hostile: sizes, ids, commands and
 * descriptors are checked, and a server that breaks the protocol, or does not answer in time,
 * counts as gone from then on.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* F_GET_SEALS, MSG_CMSG_CLOEXEC */
#endif
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MS	   1000000ull
#define REPLY_MAX  65536 /* bytes of a message's payload */
#define FDS_MAX	   16	 /* descriptors that are looked for in a message, to close them */
#define PAGE_BYTES 4096u
#define KIND_MASK  0xfu
#define NO_REPLY   0x10u
#define IS_ERROR   0x20u

enum command {
	CMD_VERSION = 1,
	CMD_DMA_MAP = 2,
	CMD_DMA_UNMAP = 3,
	CMD_GET_INFO = 4,
	CMD_GET_REGION_INFO = 5,
	CMD_GET_IRQ_INFO = 7,
	CMD_SET_IRQS = 8,
	CMD_REGION_READ = 9,
	CMD_REGION_WRITE = 10,
	CMD_RESET = 13,
};

struct header {
	uint16_t id, command;
	uint32_t size, flags, error;
};

struct region_access {
	uint64_t offset;
	uint32_t region, count;
	uint32_t data;
};

#define ACCESS_HEAD offsetof(struct region_access, data)
#define ACCESS_SIZE (ACCESS_HEAD + 4)

struct dma_map {
	uint32_t argsz, flags;
	uint64_t offset, addr, size;
};

struct dma_unmap {
	uint32_t argsz, flags;
	uint64_t addr, size;
};

struct vfio_user {
	struct mpnic_transport transport;
	pthread_mutex_t lock;
	int fd;
	uint16_t id;
	uint64_t limit_ns;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	uint32_t vectors; /* MSI-X */
	void *page;	  /* of doorbells */
	uint8_t reply[REPLY_MAX];
	uint32_t reply_size;
	int fds[FDS_MAX]; /* that came with the reply */
	unsigned int fd_count;
};

_Static_assert(sizeof(struct header) == 16, "header");
_Static_assert(sizeof(struct dma_map) == 32 && sizeof(struct dma_unmap) == 24, "DMA messages");

static struct vfio_user *of(struct mpnic_transport *transport)
{
	return (struct vfio_user *)transport;
}

static int why(struct vfio_user *v, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int why(struct vfio_user *v, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(v->transport.why, sizeof(v->transport.why), format, args);
	va_end(args);
	return err;
}

static void drop_fds(struct vfio_user *v)
{
	for (unsigned int i = 0; i < v->fd_count; i++)
		close(v->fds[i]);
	v->fd_count = 0;
}

/* The end: why says of what. */
static int gone(struct vfio_user *v)
{
	if (v->fd >= 0)
		close(v->fd);
	v->fd = -1;
	drop_fds(v);
	return -ENODEV;
}

#define GONE(v, ...) (why((v), 0, __VA_ARGS__), gone(v))

/* --- bytes ----------------------------------------------------------------------------------- */

static int await(struct vfio_user *v, short events, uint64_t deadline)
{
	for (;;) {
		struct pollfd p = {.fd = v->fd, .events = events};
		uint64_t now = mpnic_i_now();
		int n;

		if (now >= deadline)
			return GONE(v, "the server did not answer in %u ms",
				    (unsigned int)(v->limit_ns / MS));
		n = poll(&p, 1, (int)((deadline - now) / MS) + 1);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return GONE(v, "poll: %s", strerror(errno));
	}
}

static int send_bytes(struct vfio_user *v, const void *data, size_t size, int fd, uint64_t deadline)
{
	const uint8_t *at = data;

	while (size) {
		union {
			char buf[CMSG_SPACE(sizeof(int))];
			struct cmsghdr align;
		} control = {0};
		struct iovec iov = {.iov_base = (void *)at, .iov_len = size};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n;
		int err;

		if (fd >= 0) {
			struct cmsghdr *c;

			msg.msg_control = control.buf;
			msg.msg_controllen = sizeof(control.buf);
			c = CMSG_FIRSTHDR(&msg);
			c->cmsg_level = SOL_SOCKET;
			c->cmsg_type = SCM_RIGHTS;
			c->cmsg_len = CMSG_LEN(sizeof(int));
			memcpy(CMSG_DATA(c), &fd, sizeof(fd));
		}
		n = sendmsg(v->fd, &msg, MSG_NOSIGNAL);
		if (n > 0) {
			at += n;
			size -= (size_t)n;
			fd = -1; /* it went with the first byte */
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return GONE(v, "the server closed the connection (%s)", strerror(errno));
		err = await(v, POLLOUT, deadline);
		if (err)
			return err;
	}
	return 0;
}

static void keep_fds(struct vfio_user *v, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (v->fd_count < FDS_MAX)
				v->fds[v->fd_count++] = fd;
			else
				close(fd);
		}
	}
}

static int receive_bytes(struct vfio_user *v, void *data, size_t size, uint64_t deadline)
{
	uint8_t *at = data;

	while (size) {
		union {
			char buf[CMSG_SPACE(FDS_MAX * sizeof(int))];
			struct cmsghdr align;
		} control;
		struct iovec iov = {.iov_base = at, .iov_len = size};
		struct msghdr msg = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.buf,
			.msg_controllen = sizeof(control.buf),
		};
		ssize_t n = recvmsg(v->fd, &msg, MSG_CMSG_CLOEXEC);
		int err;

		if (n > 0) {
			keep_fds(v, &msg);
			at += n;
			size -= (size_t)n;
			continue;
		}
		if (!n)
			return GONE(v, "the server closed the connection");
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return GONE(v, "the server closed the connection (%s)", strerror(errno));
		err = await(v, POLLIN, deadline);
		if (err)
			return err;
	}
	return 0;
}

/* --- messages -------------------------------------------------------------------------------- */

/*
 * All memory that we share has a file, so a server has no reason to ask for bytes by message. It is
 * refused, not hung up on.
 */
static int refuse(struct vfio_user *v, const struct header *h, uint64_t deadline)
{
	struct header reply = {
		.id = h->id,
		.command = h->command,
		.size = sizeof(reply),
		.flags = 1 | IS_ERROR,
		.error = EOPNOTSUPP,
	};

	drop_fds(v);
	return h->flags & NO_REPLY ? 0 : send_bytes(v, &reply, sizeof(reply), -1, deadline);
}

static int receive_reply(struct vfio_user *v, uint16_t command, uint64_t deadline)
{
	for (;;) {
		struct header h;
		int err = receive_bytes(v, &h, sizeof(h), deadline);

		if (err)
			return err;
		if (mpnic_i_now() > deadline)
			return GONE(v,
				    "the server did not answer in %u ms, but sent other messages",
				    (unsigned int)(v->limit_ns / MS));
		if (h.size < sizeof(h) || h.size - sizeof(h) > REPLY_MAX)
			return GONE(v, "the server sent a message of %u bytes", h.size);
		v->reply_size = h.size - (uint32_t)sizeof(h);
		err = receive_bytes(v, v->reply, v->reply_size, deadline);
		if (err)
			return err;
		if ((h.flags & KIND_MASK) == 0) {
			err = refuse(v, &h, deadline);
			if (err)
				return err;
			continue;
		}
		if ((h.flags & KIND_MASK) != 1 || h.id != v->id || h.command != command)
			return GONE(
				v,
				"the server answered command %u, id %u, with %u, %u (flags 0x%x)",
				command, v->id, h.command, h.id, h.flags);
		if (!(h.flags & IS_ERROR))
			return 0;
		drop_fds(v);
		if (!h.error || h.error > 4095)
			return why(v, -EIO, "the server failed without an error number");
		why(v, 0, "the server says: %s", strerror((int)h.error));
		/* These are words of ours: the device is gone, the caller is wrong. */
		return h.error == ENODEV || h.error == EINVAL ? -EIO : -(int)h.error;
	}
}

/*
 * A request and its reply, of at least min bytes of payload, in v->reply. The lock is held.
 */
static int request(struct vfio_user *v, uint16_t command, const void *payload, size_t size, int fd,
		   size_t min)
{
	uint64_t deadline = mpnic_i_now() + v->limit_ns;
	uint8_t message[sizeof(struct header) + 128];
	struct header h = {.command = command, .size = (uint32_t)(sizeof(h) + size)};
	int err;

	if (v->fd < 0)
		return -ENODEV;
	v->transport.why[0] = '\0';
	h.id = ++v->id;
	memcpy(message, &h, sizeof(h));
	memcpy(message + sizeof(h), payload, size);
	err = send_bytes(v, message, h.size, fd, deadline);
	if (!err)
		err = receive_reply(v, command, deadline);
	if (err)
		return err;
	if (v->reply_size < min)
		return GONE(v, "the server answered command %u with %u bytes, %zu are due", command,
			    v->reply_size, min);
	return 0;
}

/* The same for requests whose reply brings no descriptors. */
static int plain_request(struct vfio_user *v, uint16_t command, const void *payload, size_t size,
			 int fd, size_t min)
{
	int err = request(v, command, payload, size, fd, min);

	drop_fds(v);
	return err;
}

/* --- setting up ------------------------------------------------------------------------------ */

static int negotiate(struct vfio_user *v)
{
	static const uint16_t ours[2] = {0, 1};
	uint16_t theirs[2];
	int err = plain_request(v, CMD_VERSION, ours, sizeof(ours), -1, sizeof(theirs));

	if (err == -ENODEV && !strncmp(v->transport.why, "the server closed", 17))
		return why(v, err,
			   "the server closed the connection at once: it may have another client");
	if (err)
		return err;
	memcpy(theirs, v->reply, sizeof(theirs));
	if (theirs[0] != 0 || theirs[1] > 1)
		return why(v, -EPROTONOSUPPORT, "the server speaks vfio-user %u.%u", theirs[0],
			   theirs[1]);
	return 0;
}

static int get_info(struct vfio_user *v)
{
	struct vfio_irq_info irq = {.argsz = sizeof(irq), .index = VFIO_PCI_MSIX_IRQ_INDEX};
	struct vfio_device_info info = {.argsz = 16};
	int err = plain_request(v, CMD_GET_INFO, &info, 16, -1, 16);

	if (err)
		return err;
	memcpy(&info, v->reply, 16);
	if (!(info.flags & VFIO_DEVICE_FLAGS_PCI) || info.num_regions <= VFIO_PCI_BAR0_REGION_INDEX)
		return why(v, -EPROTONOSUPPORT, "the server's device is no PCI device");
	v->vectors = 0;
	if (info.num_irqs <= VFIO_PCI_MSIX_IRQ_INDEX)
		return 0;
	err = plain_request(v, CMD_GET_IRQ_INFO, &irq, sizeof(irq), -1, sizeof(irq));
	if (err)
		return err;
	memcpy(&irq, v->reply, sizeof(irq));
	v->vectors = irq.flags & VFIO_IRQ_INFO_EVENTFD ? irq.count : 0;
	return 0;
}

static bool covers(uint64_t offset, uint64_t size)
{
	return offset <= MPNIC_BAR_DOORBELL && offset % PAGE_BYTES == 0 &&
	       size >= MPNIC_BAR_DOORBELL + PAGE_BYTES - offset;
}

/* Whether the page of doorbells can be mapped: one of the areas that the reply tells of covers it.
 */
static bool doorbells_mappable(const struct vfio_user *v, const struct vfio_region_info *info)
{
	uint32_t at = info->cap_offset;

	if (!(info->flags & VFIO_REGION_INFO_FLAG_MMAP))
		return false;
	if (!(info->flags & VFIO_REGION_INFO_FLAG_CAPS))
		return true;
	/* Each capability is behind the one before it, so the walk ends. */
	for (uint32_t from = sizeof(*info); at >= from;) {
		struct vfio_info_cap_header cap;
		struct vfio_region_info_cap_sparse_mmap sparse;
		uint64_t area[2];

		if (at > v->reply_size || v->reply_size - at < sizeof(sparse))
			return false;
		memcpy(&cap, v->reply + at, sizeof(cap));
		if (cap.id != VFIO_REGION_INFO_CAP_SPARSE_MMAP) {
			from = at + (uint32_t)sizeof(cap);
			at = cap.next;
			continue;
		}
		memcpy(&sparse, v->reply + at, sizeof(sparse));
		at += (uint32_t)sizeof(sparse);
		for (uint32_t i = 0; i < sparse.nr_areas; i++, at += (uint32_t)sizeof(area)) {
			if (v->reply_size - at < sizeof(area))
				return false;
			memcpy(area, v->reply + at, sizeof(area));
			if (covers(area[0], area[1]))
				return true;
		}
		return false;
	}
	return true; /* no word of areas: all of the region */
}

/*
 * A file that its owner may cut off is not touched: an access behind its end is a SIGBUS. A sealed
 * one cannot be.
 */
static int map_page(struct vfio_user *v, uint64_t region_offset)
{
	uint64_t offset = region_offset + MPNIC_BAR_DOORBELL;
	struct stat st;
	int seals;

	if (v->fd_count != 1)
		return why(v, -ENOTSUP, "the server gave %u files for its registers", v->fd_count);
	seals = fcntl(v->fds[0], F_GET_SEALS);
	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return why(v, -ENOTSUP, "the server's doorbells are in a file that is not sealed");
	if (fstat(v->fds[0], &st) || st.st_size < 0 || offset < region_offset ||
	    offset + PAGE_BYTES > (uint64_t)st.st_size || offset + PAGE_BYTES < offset)
		return why(v, -ENOTSUP, "the server's doorbells lie beyond its file");
	v->page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, v->fds[0],
		       (off_t)offset);
	if (v->page != MAP_FAILED)
		return 0;
	v->page = NULL;
	return why(v, -ENOTSUP, "the server's doorbells cannot be mapped: %s", strerror(errno));
}

static int get_region(struct vfio_user *v)
{
	struct vfio_region_info info = {.argsz = 4096, .index = VFIO_PCI_BAR0_REGION_INDEX};
	const uint32_t access = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	int err = request(v, CMD_GET_REGION_INFO, &info, sizeof(info), -1, sizeof(info));

	if (err)
		return err;
	memcpy(&info, v->reply, sizeof(info));
	if (info.index != VFIO_PCI_BAR0_REGION_INDEX || info.size < MPNIC_BAR_SIZE ||
	    (info.flags & access) != access) {
		drop_fds(v);
		return why(v, -EPROTONOSUPPORT, "the server's BAR 0 has %llu bytes and flags 0x%x",
			   (unsigned long long)info.size, info.flags);
	}
	if (doorbells_mappable(v, &info))
		map_page(v, info.offset);
	else
		why(v, 0, "the server does not let its doorbells be mapped");
	drop_fds(v);
	return 0;
}

static int connect_to(struct vfio_user *v)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	uint64_t deadline = mpnic_i_now() + v->limit_ns;

	strcpy(address.sun_path, v->path);
	v->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (v->fd < 0)
		return why(v, -errno, "socket: %s", strerror(errno));
	while (connect(v->fd, (struct sockaddr *)&address, sizeof(address))) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || mpnic_i_now() > deadline)
			return GONE(v, "nobody serves %s: %s", v->path, strerror(errno));
		mpnic_i_sleep(5 * MS); /* its queue of clients is full */
	}
	return 0;
}

static int set_up(struct vfio_user *v)
{
	int err = connect_to(v);

	if (!err)
		err = negotiate(v);
	if (!err)
		err = get_info(v);
	if (!err)
		err = get_region(v);
	if (err && v->fd >= 0)
		gone(v);
	return err;
}

/* --- ops ------------------------------------------------------------------------------------- */

static int vu_read(struct vfio_user *v, uint32_t offset, uint32_t *value)
{
	struct region_access a = {
		.offset = offset,
		.region = VFIO_PCI_BAR0_REGION_INDEX,
		.count = 4,
	};
	int err;

	pthread_mutex_lock(&v->lock);
	err = plain_request(v, CMD_REGION_READ, &a, ACCESS_HEAD, -1, ACCESS_SIZE);
	if (!err) {
		memcpy(&a, v->reply, ACCESS_SIZE);
		if (v->reply_size != ACCESS_SIZE || a.offset != offset || a.count != 4 ||
		    a.region != VFIO_PCI_BAR0_REGION_INDEX)
			err = GONE(v, "the server answered an access to 0x%x with another's",
				   offset);
		else
			*value = a.data;
	}
	pthread_mutex_unlock(&v->lock);
	return err;
}

/*
 * A simulator that does not get to a read within a few milliseconds, on a machine with much to do,
 * says EBUSY rather than keep its client waiting (mpnic-sim serve: 10 ms). A card would have
 * stalled the processor.
 */
static int vu_read32(struct mpnic_transport *t, uint32_t offset, uint32_t *value)
{
	uint64_t deadline = mpnic_i_now() + of(t)->limit_ns;
	int err;

	do {
		*value = 0;
		err = vu_read(of(t), offset, value);
	} while (err == -EBUSY && mpnic_i_now() < deadline);
	return err;
}

/* Posted, as a write on PCI is: what is sent behind it is done behind it. */
static int vu_write32(struct mpnic_transport *t, uint32_t offset, uint32_t value)
{
	struct vfio_user *v = of(t);
	struct {
		struct header header;
		struct region_access access;
	} m = {
		.header =
			{
				.command = CMD_REGION_WRITE,
				.size = sizeof(struct header) + ACCESS_SIZE,
				.flags = NO_REPLY,
			},
		.access =
			{
				.offset = offset,
				.region = VFIO_PCI_BAR0_REGION_INDEX,
				.count = 4,
				.data = value,
			},
	};
	int err = -ENODEV;

	pthread_mutex_lock(&v->lock);
	if (v->fd >= 0) {
		m.header.id = ++v->id;
		err = send_bytes(v, &m, m.header.size, -1, mpnic_i_now() + v->limit_ns);
	}
	pthread_mutex_unlock(&v->lock);
	return err;
}

static int vu_map_doorbells(struct mpnic_transport *t, volatile uint32_t **page)
{
	*page = of(t)->page;
	return *page ? 0 : -ENOTSUP;
}

static int vu_dma_map(struct mpnic_transport *t, void *addr, uint64_t size, uint64_t iova, int fd,
		      uint64_t fd_offset)
{
	struct dma_map m = {
		.argsz = sizeof(m),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.offset = fd_offset,
		.addr = iova,
		.size = size,
	};
	struct vfio_user *v = of(t);
	int err;

	(void)addr;
	pthread_mutex_lock(&v->lock);
	if (fd < 0)
		err = why(v, -EINVAL, "memory without a file cannot be shared with a server");
	else
		err = plain_request(v, CMD_DMA_MAP, &m, sizeof(m), fd, 0);
	pthread_mutex_unlock(&v->lock);
	return err;
}

static int vu_dma_unmap(struct mpnic_transport *t, uint64_t iova, uint64_t size)
{
	struct dma_unmap m = {.argsz = sizeof(m), .addr = iova, .size = size};
	struct vfio_user *v = of(t);
	int err;

	pthread_mutex_lock(&v->lock);
	err = plain_request(v, CMD_DMA_UNMAP, &m, sizeof(m), -1, 0);
	pthread_mutex_unlock(&v->lock);
	return err;
}

/* One at a time: a server need not take more than one descriptor in a message. */
static int set_one_irq(struct vfio_user *v, unsigned int vector, int fd)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
		.start = vector,
		.count = 1,
	};

	return plain_request(v, CMD_SET_IRQS, &set, sizeof(set), fd, 0);
}

static int vu_irq_set(struct mpnic_transport *t, unsigned int first, unsigned int count,
		      const int *fds)
{
	struct vfio_user *v = of(t);
	int err = 0;

	pthread_mutex_lock(&v->lock);
	if (v->fd < 0)
		err = -ENODEV;
	else if (first > v->vectors || count > v->vectors - first)
		err = why(v, -ERANGE, "the server's device has %u MSI-X vectors", v->vectors);
	for (unsigned int i = 0; !err && i < count; i++)
		err = set_one_irq(v, first + i, fds[i]);
	pthread_mutex_unlock(&v->lock);
	return err;
}

static int vu_reset(struct mpnic_transport *t)
{
	struct vfio_user *v = of(t);
	int err;

	pthread_mutex_lock(&v->lock);
	err = plain_request(v, CMD_RESET, "", 0, -1, 0);
	pthread_mutex_unlock(&v->lock);
	return err;
}

static void unmap_page(struct vfio_user *v)
{
	if (v->page)
		munmap(v->page, PAGE_BYTES);
	v->page = NULL;
}

static int vu_reconnect(struct mpnic_transport *t)
{
	struct vfio_user *v = of(t);
	int err;

	pthread_mutex_lock(&v->lock);
	gone(v);
	unmap_page(v);
	err = set_up(v);
	pthread_mutex_unlock(&v->lock);
	return err;
}

static void vu_close(struct mpnic_transport *t)
{
	struct vfio_user *v = of(t);

	gone(v);
	unmap_page(v);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

static const struct mpnic_transport_ops vfio_user_ops = {
	.read32 = vu_read32,
	.write32 = vu_write32,
	.map_doorbells = vu_map_doorbells,
	.dma_map = vu_dma_map,
	.dma_unmap = vu_dma_unmap,
	.irq_set = vu_irq_set,
	.reset = vu_reset,
	.reconnect = vu_reconnect,
	.close = vu_close,
};

static int fail(char error[MPNIC_ERROR_MAX], int err, const char *format, const char *arg)
{
	if (error)
		snprintf(error, MPNIC_ERROR_MAX, format, arg);
	return err;
}

int mpnic_vfio_user_open(const char *path, unsigned int timeout_ms,
			 struct mpnic_transport **transport, char error[MPNIC_ERROR_MAX])
{
	struct vfio_user *v;
	int err;

	if (!*path || strlen(path) >= sizeof(v->path))
		return fail(error, -EINVAL, "'%s' is no path for a socket", path);
	v = calloc(1, sizeof(*v));
	if (!v)
		return fail(error, -ENOMEM, "%s", "out of memory");
	v->transport.ops = &vfio_user_ops;
	v->transport.kind = "vfio-user";
	v->limit_ns = (timeout_ms ? timeout_ms : 2000) * MS;
	strcpy(v->path, path);
	pthread_mutex_init(&v->lock, NULL);
	err = set_up(v);
	if (err) {
		fail(error, err, "%s", v->transport.why);
		vu_close(&v->transport);
		return err;
	}
	*transport = &v->transport;
	return 0;
}
