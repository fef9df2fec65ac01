/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Server of the vfio-user protocol, version 0.1, for one PCI device: a client (QEMU, a DPDK driver)
 * reaches the device's registers, interrupts and DMA through an AF_UNIX stream socket. What is
 * supported, and why it is as it is: docs/vfio-user.md. Protocol: QEMU's
 * docs/interop/vfio-user.rst; structures: <linux/vfio.h>. Host byte order; sizes in bytes; errors
 * are negative errno values.
 *
 * Threads: vfu_serve() and vfu_run() belong to one thread, the server's; all callbacks are made
 * there. vfu_dma_*(), vfu_irq(), vfu_stop() and vfu_stats() may be called from any thread at any
 * time between vfu_open() and vfu_close(), also from callbacks.
 *
 * One client at a time: a second one is closed at once, unless the first has said no VERSION for a
 * second. When a client goes the device's state stays.
 *
 * The library installs a handler for SIGBUS (sim/safe_copy.h), because a client may cut off the
 * file behind memory that it has shared.
 */
#ifndef SIM_VFIO_USER_H
#define SIM_VFIO_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VFU_REGIONS	9     /* VFIO_PCI_NUM_REGIONS: BAR 0 to 5, ROM, config space, VGA */
#define VFU_IRQS	5     /* VFIO_PCI_NUM_IRQS: INTx, MSI, MSI-X, ERR, REQ */
#define VFU_AREAS_MAX	8     /* mapped areas of one region */
#define VFU_VECTORS_MAX 2048  /* of MSI-X, as in PCI */
#define VFU_MAPS_MAX	65535 /* DMA maps of a client; QEMU refuses a server that says more */
#define VFU_FDS_MAX	16    /* file descriptors of one message; QEMU's bound too */
#define VFU_XFER_MAX	(1024 * 1024) /* bytes that one region access or DMA message carries */
#define VFU_ERROR_MAX	256

struct vfu_server;

struct vfu_area {
	uint64_t offset; /* in the region, of whole pages */
	uint64_t size;	 /* of whole pages */
};

/* A region of size 0 is not there. */
struct vfu_region {
	uint64_t size;
	bool readable, writable;
	/*
	 * Areas that a client may map: byte x of the region is byte fd_offset + x of the file. All
	 * of a region can be mapped where one area covers it. The fd stays the caller's, and must
	 * stay open. Accesses by message reach the callbacks for these areas too.
	 */
	unsigned int areas;
	struct vfu_area area[VFU_AREAS_MAX];
	int fd;
	uint64_t fd_offset;
};

/*
 * All are called in the server's thread and must be quick: they must not wait for a wire, for a
 * simulation step, or for DMA by message. Any but region_read and region_write may be NULL.
 */
struct vfu_ops {
	/*
	 * The access lies within the region, and the region allows it; len is 1 to VFU_XFER_MAX.
	 * Alignment and widths are the device's to judge. Returns 0, or the error for the client.
	 */
	int (*region_read)(void *ctx, unsigned int region, uint64_t offset, void *data,
			   uint32_t len);
	int (*region_write)(void *ctx, unsigned int region, uint64_t offset, const void *data,
			    uint32_t len);
	/* DEVICE_RESET. Without it the device says that it cannot be reset. */
	int (*reset)(void *ctx);
	/* A client has agreed on a version; it has gone, its DMA maps and eventfds with it. */
	void (*client_new)(void *ctx);
	void (*client_gone)(void *ctx);
	/* A range can be reached by DMA, or no longer can: it is called before the client's answer.
	 */
	void (*dma_changed)(void *ctx, uint64_t iova, uint64_t size, bool mapped);
	/*
	 * What was refused and why, for people; one line, printable, no newline. Bounded for each
	 * client. Also called from vfu_close().
	 */
	void (*log)(void *ctx, const char *text);
};

struct vfu_config {
	const char *path; /* of the socket; used by vfu_open() alone */
	struct vfu_region region[VFU_REGIONS];
	uint32_t irq[VFU_IRQS];	   /* vectors of each kind, by VFIO_PCI_*_IRQ_INDEX */
	unsigned int dma_ms;	   /* how long a DMA by message may take in all; 0: 2000 */
	const struct vfu_ops *ops; /* must stay */
};

/*
 * Create the socket (mode 0600) and listen. A socket that nobody listens on is replaced; anything
 * else at that path stays. Returns 0; -EADDRINUSE: another server lives there; -EEXIST: there is
 * something that is no socket; -EINVAL: the configuration; -ENAMETOOLONG; or another error. Unless
 * it is 0, error says what is wrong and what to do.
 */
int vfu_open(const struct vfu_config *config, void *ctx, struct vfu_server **server,
	     char error[VFU_ERROR_MAX]);

/* Readable (poll, epoll) when vfu_serve() has something to do. */
int vfu_poll_fd(const struct vfu_server *server);

/*
 * Wait for at most timeout_ms (-1: for ever, 0: do not wait), then do what there is to do, some of
 * it if it is much. Returns 0, -ECANCELED after vfu_stop(), or an error of the system, after which
 * there is no way on. Clients' errors are not its errors.
 */
int vfu_serve(struct vfu_server *server, int timeout_ms);

/* Serve until vfu_stop(), then return 0; or an error of vfu_serve(). */
int vfu_run(struct vfu_server *server);

/* Make vfu_run() return, now or when it is called. Safe in a signal handler. */
void vfu_stop(struct vfu_server *server);

/*
 * DMA: from iova to buf, from buf to iova. The range may span adjacent maps. It is judged as a
 * whole before the first byte moves; what the client changes meanwhile may leave it half done.
 * Returns 0;
 *   -EFAULT     not mapped, or its file no longer holds it, or no client
 *   -EACCES     the map does not allow it
 *   -ECANCELED  the client unmapped it, or left, meanwhile
 *   -EIO        the client refused a DMA message or answered it wrongly
 *   -ETIMEDOUT  the client did not answer it
 *   -EDEADLK    called from a callback, and only a message could do it
 * In memory that is shared, bytes move in ascending order, by aligned words of 8 bytes, each at
 * once, and single bytes before and behind those; calls are ordered as the caller made them. So
 * what a client reads in the last word of a completion (a phase bit, a valid flag) is never there
 * before the rest. len 0 is fine.
 */
int vfu_dma_read(struct vfu_server *server, uint64_t iova, void *buf, size_t len);
int vfu_dma_write(struct vfu_server *server, uint64_t iova, const void *buf, size_t len);

/*
 * A burst: many accesses of one thread, one after the other, for the price of few. Each is as
 * vfu_dma_read() or vfu_dma_write(); but the client's maps and unmaps wait for the burst's end, so
 * that it is to be short. Outside of a burst they are vfu_dma_read() and vfu_dma_write(). A thread
 * that is in a burst begins no other, and calls neither those two nor vfu_serve().
 */
struct vfu_burst {
	struct vfu_server *server;
	bool begun;
	/* Counted in vfu_stats() at its end. */
	uint64_t reads, read_bytes, writes, write_bytes, errors;
};

void vfu_burst_begin(struct vfu_server *server, struct vfu_burst *burst);
void vfu_burst_end(struct vfu_burst *burst);
int vfu_burst_read(struct vfu_burst *burst, uint64_t iova, void *buf, size_t len);
int vfu_burst_write(struct vfu_burst *burst, uint64_t iova, const void *buf, size_t len);

#define VFU_IRQ_MASKED 1 /* kept until it is unmasked */
#define VFU_IRQ_ABSENT 2 /* the client has given no eventfd */

/*
 * Raise an interrupt: irq is VFIO_PCI_*_IRQ_INDEX. Returns 0, VFU_IRQ_MASKED, VFU_IRQ_ABSENT, or
 * -EINVAL where the device has no such vector. INTx masks itself until the client unmasks it.
 */
int vfu_irq(struct vfu_server *server, unsigned int irq, unsigned int vector);

struct vfu_stats {
	uint64_t clients;      /* that agreed on a version */
	uint64_t turned_away;  /* connections while there was a client */
	uint64_t commands;     /* from clients */
	uint64_t errors;       /* commands answered with an error, or that would have been */
	uint64_t broken;       /* connections closed because the stream made no sense */
	uint64_t late_replies; /* replies that nobody waits for */
	uint64_t dma_reads, dma_read_bytes; /* that succeeded */
	uint64_t dma_writes, dma_write_bytes;
	uint64_t dma_messages; /* DMA_READ and DMA_WRITE sent */
	uint64_t dma_errors;
	uint64_t irqs; /* signalled */
	uint32_t maps; /* at present */
	bool connected;
};

void vfu_stats(struct vfu_server *server, struct vfu_stats *stats);

/*
 * Disconnect the client, remove the socket, free all. No other call may be under way or follow.
 */
void vfu_close(struct vfu_server *server);

#endif
