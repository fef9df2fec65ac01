/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device in memory behind libmpnic's transport, for tests: registers, mailbox, firmware images,
 * admin queue and rings as the contract has them, and knobs that make it slow, dumb, dead or a
 * liar. It works whenever the driver accesses a register (it always wants to be kicked), so a test
 * is in step with it.
 */
#ifndef TESTS_FAKE_H
#define TESTS_FAKE_H

#include <pthread.h>

#include "mpnic.h"

#define FAKE_MAPS   64
#define FAKE_FRAMES 64

struct fake_map {
	uint8_t *addr;
	uint64_t iova, size;
};

struct fake_queue {
	struct mpnic_admin_queue made;
	bool enabled;
	uint32_t head, cpl; /* descriptors taken; completions written */
	uint32_t tail;	    /* events: read by the host */
};

struct fake {
	struct mpnic_transport transport;
	uint32_t reg[0x1000 / 4];
	uint32_t window[MPNIC_MAILBOX_WINDOW / 4];
	uint32_t *page;
	uint8_t image[MPNIC_FW_IMAGE_MAX];
	char log[256];
	struct fake_map map[FAKE_MAPS];
	int irq_fd[MPNIC_VECTORS];
	struct fake_queue rx[MPNIC_QUEUES], tx[MPNIC_QUEUES], event;
	uint32_t admin_head, admin_cpl;
	/* What came out of Tx queues, newest last. */
	uint8_t frame[FAKE_FRAMES][MPNIC_FRAME_MAX];
	uint32_t frame_len[FAKE_FRAMES];
	unsigned int frames;
	unsigned int ops[64]; /* admin commands seen, by op */
	unsigned int bad_dma; /* accesses to what is not mapped */
	unsigned int resets, starts, kicks, writes;

	/* Knobs. */
	uint32_t reset_due;
	bool gone; /* the transport is dead; reconnect brings it back */
	bool stays_gone;
	bool no_page;		 /* doorbells cannot be mapped */
	bool still;		 /* heartbeat stands still */
	bool deaf;		 /* admin commands are not taken */
	bool no_reset;		 /* register RESET does nothing */
	unsigned int slow_reset; /* accesses until register RESET takes effect */
	bool loop;		 /* frames sent come back on the Rx queue of the same index */
	bool hold_tx;		 /* Tx descriptors are not taken */
	bool awake;		 /* NEED_KICK is 0: nothing happens until fake_work() */
	bool mailbox_busy;	 /* it stays at work */
	int fail_access;	 /* this error for each register access */
	uint8_t tx_error;	 /* enum queue_error of the next frame sent */
	/* Changes an admin completion before it is written; false: it is not written. */
	bool (*lie)(struct fake *fake, const struct mpnic_admin_cmd *cmd,
		    struct mpnic_admin_cpl *cpl);
	/* Changes a word read from a register. */
	uint32_t (*lie_reg)(struct fake *fake, uint32_t offset, uint32_t value);
	void (*lie_rx)(struct fake *fake, struct mpnic_rx_cpl *cpl);
	void (*lie_tx)(struct fake *fake, struct mpnic_tx_cpl *cpl);
	uint64_t random;
};

/* A good device in state boot. Closing the transport frees it, unless keep is set. */
struct fake *fake_new(void);
struct mpnic_transport *fake_transport(struct fake *fake);
/* Do what there is to do. */
void fake_work(struct fake *fake);
/* A frame arrives for an Rx queue. false: it found no buffer, or no queue. */
bool fake_receive(struct fake *fake, unsigned int queue, const void *data, uint32_t len);
bool fake_event(struct fake *fake, uint8_t kind);
uint32_t fake_random(struct fake *fake);
/* Write an image with a good head and checksum; size is of the whole, a multiple of 4. */
void fake_image(void *image, size_t size, uint32_t version);
uint32_t fake_crc(const void *data, size_t size);
/* What a device with an image of that version has come to. */
void fake_run_firmware(struct fake *fake, uint32_t version);

#endif
