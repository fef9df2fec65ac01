/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of libmpnic share. Names that other programs could have begin with mpnic_i_. */
#ifndef MPNIC_INTERNAL_H
#define MPNIC_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "mpnic.h"

#define ARRAY_SIZE(a)  (sizeof(a) / sizeof((a)[0]))
#define ADMIN_LOG2_MAX 8
#define KNOWN_CAPS     (MPNIC_CAP_NEED_KICK | MPNIC_CAP_MPTCP | MPNIC_CAP_REWRITE)
#define STATE_MS       2000 /* how long the device may take to change its state */

struct dma_entry {
	struct dma_entry *next;
	void *addr;
	uint64_t size, iova, fd_offset;
	int fd;
	bool owned; /* of mpnic_dma_alloc() */
};

struct admin_wait {
	bool finished;
	int err;
	struct mpnic_admin_cpl cpl;
};

/* A command under way. Abandoned: nobody wants its completion, its place is kept for it. */
struct admin_slot {
	uint16_t op, cookie;
	bool abandoned;
	uint64_t deadline; /* ns */
	mpnic_admin_done done;
	void *ctx;
};

struct admin_queue {
	pthread_mutex_t lock; /* recursive: callbacks may post */
	atomic_int state;     /* 0: works; else why not */
	bool polling;
	unsigned int log2;
	atomic_uint timeouts;
	struct mpnic_dma mem;
	struct mpnic_admin_cmd *cmd;
	struct mpnic_admin_cpl *cpl;
	uint32_t tail, head; /* issued; completed */
	int irq_fd;
	struct admin_slot slot[1u << ADMIN_LOG2_MAX];
};

/*
 * What all queues have. Numbers are free-running; the device's own begin with 0 when it is
 * created, ours go on: ours minus base are the device's.
 */
struct queue {
	struct mpnic_dev *dev;
	uint8_t kind; /* enum mpnic_queue_code */
	unsigned int index, log2, vector;
	uint32_t entries, mask;
	uint32_t base;
	uint32_t tail, head; /* descriptors given; taken back */
	uint32_t cpl_head;   /* completions taken, the device's number */
	uint32_t doorbell;   /* its offset in the page */
	atomic_int state;    /* 0: works; else the errno that calls on it return */
	struct mpnic_dma mem;
	uint8_t *ring, *cpl;
	size_t cpl_size; /* of one completion */
	struct mpnic_queue_counters count;
};

struct mpnic_rxq {
	struct queue q;
	struct mpnic_buf *shadow; /* by number & mask */
};

struct tx_slot {
	void *cookie;
	uint32_t bufs; /* first descriptor of a frame: how many it has */
};

struct mpnic_txq {
	struct queue q;
	struct tx_slot *shadow;
	uint32_t known;	  /* done, as completions say */
	uint32_t lost;	  /* frames below were lost in a reset */
	uint32_t unasked; /* descriptors since the last that asks for a completion */
	uint8_t error;	  /* of the frame that ends at known */
};

struct mpnic_evq {
	struct queue q;
};

struct mpnic_dev {
	struct mpnic_transport *transport;
	struct mpnic_options options;
	char *firmware, *firmware_path, *driver; /* copies of the options' */
	struct mpnic_info info;
	struct mpnic_admin_identity identity;
	bool started;
	volatile uint32_t *page; /* of doorbells; NULL: by message */
	bool kick;		 /* the device may sleep */
	struct dma_entry *dma;
	int irq_fd[MPNIC_VECTORS];
	struct admin_queue admin;
	struct mpnic_rxq *rxq[MPNIC_QUEUES];
	struct mpnic_txq *txq[MPNIC_QUEUES];
	struct mpnic_evq *evq;
	uint32_t beat;
	uint64_t beat_ns; /* when it was seen to move last; 0: not seen yet */
	char error[MPNIC_ERROR_MAX];
};

#pragma GCC visibility push(hidden)

/* device.c */
uint64_t mpnic_i_now(void); /* ns, monotonic */
void mpnic_i_sleep(uint64_t ns);
/* Note the text of an error and return it. */
int mpnic_i_fail(struct mpnic_dev *dev, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void mpnic_i_log(const struct mpnic_dev *dev, enum mpnic_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int mpnic_i_read(struct mpnic_dev *dev, uint32_t offset, uint32_t *value);
int mpnic_i_write(struct mpnic_dev *dev, uint32_t offset, uint32_t value);
/* Wait until DEVICE_STATUS is other than RESET. */
int mpnic_i_settle(struct mpnic_dev *dev, uint32_t *status);
/* Ring a doorbell: everything written before is seen before it. kicks: NULL, or counts. */
int mpnic_i_doorbell(struct mpnic_dev *dev, uint32_t offset, uint32_t value, uint64_t *kicks);
/* Set a doorbell of a queue that does not work yet. */
int mpnic_i_doorbell_preset(struct mpnic_dev *dev, uint32_t offset, uint32_t value);
/* Copy text of a device: what does not print becomes '?'. to has size bytes, NUL included. */
void mpnic_i_text(char *to, size_t size, const void *from, size_t len);

/* firmware.c */
int mpnic_i_fw_start(struct mpnic_dev *dev, unsigned int flags, bool *fresh);

/* admin.c */
int mpnic_i_admin_init(struct mpnic_dev *dev);
void mpnic_i_admin_free(struct mpnic_dev *dev);
int mpnic_i_admin_start(struct mpnic_dev *dev);
/* No commands from now on; those under way end with err. */
void mpnic_i_admin_fail(struct mpnic_dev *dev, int err);

/* dma.c */
int mpnic_i_dma_remap(struct mpnic_dev *dev);
void mpnic_i_dma_free_all(struct mpnic_dev *dev);

/* ring.c */
void mpnic_i_queues_lost(struct mpnic_dev *dev, int err);
int mpnic_i_queues_stop(struct mpnic_dev *dev);
int mpnic_i_queues_again(struct mpnic_dev *dev);
void mpnic_i_queues_free(struct mpnic_dev *dev);
int mpnic_i_queues_state(const struct mpnic_dev *dev);

#pragma GCC visibility pop

#endif
