/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside of the vfio-user server, whose interface is vfio_user.h:
 *   vfio_user.c  socket, life of a server and of a client
 *   vfu_link.c   the stream: messages in, messages out
 *   vfu_msg.c    commands
 *   vfu_dma.c    DMA maps and accesses
 *   vfu_irq.c    interrupts
 */
#ifndef SIM_VFU_PRIVATE_H
#define SIM_VFU_PRIVATE_H

#include <pthread.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#include "unix_path.h"
#include "vfio_user.h"

enum vfu_command {
	VFU_VERSION = 1,
	VFU_DMA_MAP = 2,
	VFU_DMA_UNMAP = 3,
	VFU_DEVICE_GET_INFO = 4,
	VFU_DEVICE_GET_REGION_INFO = 5,
	VFU_DEVICE_GET_IRQ_INFO = 7,
	VFU_DEVICE_SET_IRQS = 8,
	VFU_REGION_READ = 9,
	VFU_REGION_WRITE = 10,
	VFU_DMA_READ = 11,
	VFU_DMA_WRITE = 12,
	VFU_DEVICE_RESET = 13,
	VFU_REGION_WRITE_MULTI = 15,
	VFU_COMMANDS
};

#define VFU_FLAG_TYPE	  0xfu
#define VFU_TYPE_COMMAND  0u
#define VFU_TYPE_REPLY	  1u
#define VFU_FLAG_NO_REPLY (1u << 4)
#define VFU_FLAG_ERROR	  (1u << 5)
#define VFU_FLAGS	  (VFU_FLAG_TYPE | VFU_FLAG_NO_REPLY | VFU_FLAG_ERROR)

/* The layouts below, and QEMU's shorter one of DMA messages, are taken as bytes of this order. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a little-endian machine");

struct vfu_header {
	uint16_t id;
	uint16_t command;
	uint32_t size; /* of the message, with the header */
	uint32_t flags;
	uint32_t error;
};

/* Of REGION_READ and REGION_WRITE, either way; data follow. */
struct vfu_region_access {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
};

/* Of DMA_READ and DMA_WRITE, either way; data follow. */
struct vfu_dma_access {
	uint64_t address;
	uint64_t count;
};

#define VFU_PAYLOAD_MAX (VFU_XFER_MAX + sizeof(struct vfu_region_access))
#define VFU_FIRST_MAX	4096 /* payload before a version is agreed on */
#define VFU_REQUESTS	16   /* DMA messages under way */
#define VFU_DMA_CHUNK	65536
#define VFU_OUT_MAX	(256 * 1024) /* where so much waits to be read by a client, it is not heard */
#define VFU_LOG_LINES	64	     /* for each client */
#define VFU_BURST	64	     /* messages of a client before others are looked at */
#define VFU_DMA_MS	2000	     /* default */

/* ---- the stream: vfu_link.c ---------------------------------------------------------------- */

struct vfu_out; /* what the socket did not take yet */

/* What is being received; the server's thread only. */
struct vfu_in {
	struct vfu_header header;
	size_t got; /* of header and payload */
	uint8_t *payload;
	int fds[VFU_FDS_MAX];
	unsigned int fd_count;
	bool fds_lost; /* more were sent than are taken */
};

/* ---- DMA: vfu_dma.c ------------------------------------------------------------------------ */

struct vfu_map {
	uint64_t iova, size;
	bool readable, writable;
	uint8_t *data; /* NULL: by message only */
	void *mapped;
	size_t mapped_len;
	unsigned int users; /* accesses under way */
	bool dying;	    /* no longer in the table */
};

/*
 * QEMU declares `count` of DMA_READ and DMA_WRITE with 32 bits, so that its data begin 4
 * bytes before the specification's, and pads the message behind them.
 */
enum vfu_layout {
	VFU_LAYOUT_SPEC,
	VFU_LAYOUT_SHORT,
	VFU_LAYOUT_UNKNOWN, /* might be QEMU: ask before the first access */
	VFU_LAYOUT_ASKED,
};

enum vfu_request_state {
	VFU_REQUEST_FREE,
	VFU_REQUEST_SENT,
	VFU_REQUEST_DONE,
};

/* A DMA message under way. */
struct vfu_request {
	enum vfu_request_state state;
	uint16_t id, command;
	enum vfu_layout layout;
	const struct vfu_map *map;
	uint64_t address;
	uint8_t *to; /* of the caller, who waits */
	uint32_t len;
	int result;
};

/* The table of maps is read with the server's lock or maps_lock, and changed with both. */
struct vfu_dma {
	pthread_rwlock_t maps_lock; /* taken before the server's lock */
	struct vfu_map **map;	    /* by iova */
	uint32_t maps, room;
	struct vfu_request request[VFU_REQUESTS];
	uint16_t next_id;
	enum vfu_layout layout;
};

/* ---- interrupts: vfu_irq.c ----------------------------------------------------------------- */

struct vfu_vector {
	int fd; /* -1: none */
	bool masked, pending;
};

/* -------------------------------------------------------------------------------------------- */

struct vfu_server {
	struct vfu_config config;
	const struct vfu_ops *ops;
	void *ctx;
	int listen_fd, epoll_fd, stop_fd, spare_fd;
	struct unix_path bound;
	size_t page;

	/* The server's thread only. */
	struct vfu_in in;
	uint8_t *reply;	       /* payload of the answer that is being made */
	bool negotiated;       /* a version is agreed on */
	struct timespec since; /* the client is connected */
	bool closing;	       /* after this reply */
	uint32_t client_fds;   /* that the client takes in a message */
	unsigned int log_left;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	bool serving; /* thread is one */
	pthread_t thread;
	int fd;		 /* of the client, -1: none */
	bool out_dead;	 /* the client reads no more */
	uint32_t events; /* that epoll looks for */
	struct vfu_out *out_first, **out_last;
	size_t out_bytes;
	uint32_t client_xfer; /* bytes that the client takes in a DMA message */
	struct vfu_dma dma;
	struct vfu_stats stats;

	pthread_mutex_t irq_lock; /* taken last */
	struct vfu_vector *vector[VFU_IRQS];
	uint64_t irqs;
};

/* vfio_user.c */
void vfu_log(struct vfu_server *server, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* vfu_link.c. A message of the client: 1: there is one in `in`, 0: none yet, -errno: the end. */
int vfu_link_receive(struct vfu_server *server);
void vfu_link_close_fds(struct vfu_server *server); /* those that were not taken over */
void vfu_link_next(struct vfu_server *server);	    /* done with it */
bool vfu_link_is_eventfd(int fd);
/* Queue a message behind those that wait. fd -1: none. Never blocks. The lock is held. */
void vfu_link_send(struct vfu_server *server, struct vfu_header *header, const struct iovec *part,
		   int parts, int fd);
void vfu_link_flush(struct vfu_server *server);
void vfu_link_update(struct vfu_server *server);
/* So much waits to be read by the client that it is not heard. The lock is held. */
bool vfu_link_muted(const struct vfu_server *server);
void vfu_link_open(struct vfu_server *server, int fd);
void vfu_link_close(struct vfu_server *server);

/* vfu_msg.c. Answer the message in `in`. */
void vfu_msg_handle(struct vfu_server *server);

/* vfu_dma.c. The server's thread, without the lock. */
int vfu_dma_init(struct vfu_server *server);
int vfu_dma_map(struct vfu_server *server, uint64_t iova, uint64_t size, bool readable,
		bool writable, int fd, uint64_t offset);
int vfu_dma_unmap(struct vfu_server *server, uint64_t iova, uint64_t size);
void vfu_dma_unmap_all(struct vfu_server *server);
void vfu_dma_reply(struct vfu_server *server, const struct vfu_header *header,
		   const uint8_t *payload, size_t len);

/* vfu_irq.c. The server's thread. */
struct vfu_irq_change {
	uint32_t index, start, count;
	uint32_t data, action; /* VFIO_IRQ_SET_DATA_, VFIO_IRQ_SET_ACTION_ */
	const uint8_t *bools;  /* DATA_BOOL: count of them */
	const int *fds;	       /* DATA_EVENTFD: count of them, -1: none; taken over where used */
};

int vfu_irq_init(struct vfu_server *server);
void vfu_irq_free(struct vfu_server *server);
int vfu_irq_change(struct vfu_server *server, const struct vfu_irq_change *change);
uint32_t vfu_irq_flags(unsigned int index);
void vfu_irq_forget(struct vfu_server *server, unsigned int index);

#endif
