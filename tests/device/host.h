/* SPDX-License-Identifier: BSD-3-Clause */
/* A host around the device's model, for its tests: memory, wires, interrupts, and the little driver
 * that it takes to bring it up. */
#ifndef TESTS_DEVICE_HOST_H
#define TESTS_DEVICE_HOST_H

#include <stdbool.h>

#include "card_engine.h"

enum {
	HOST_MEM = 4 << 20,
	HOST_SENT_MAX = 64,
	HOST_MS = 1000000,
};
#define HOST_BASE UINT64_C(0x10000000) /* bus address of the memory */

struct host_sent {
	unsigned int port;
	size_t len;
	uint8_t data[MPNIC_FRAME_MAX];
};

struct host_ring {
	uint64_t desc, cpl;
	uint32_t size, tail, next; /* written, completions read */
};

struct host {
	const struct card_engine *engine; /* whose functions @device takes */
	struct mpnic_device *device;
	struct mpnic_state *keys; /* without entries: what keys frames have */
	uint32_t doorbells[MPNIC_DOORBELL_SIZE / 4];
	uint64_t now_ns, used, drawn;
	uint8_t *mem;
	struct host_sent sent[HOST_SENT_MAX];
	unsigned int sent_count, irqs[MPNIC_VECTORS];
	int wire_error; /* what wire_send answers */
	struct host_ring admin, rx[MPNIC_QUEUES], tx[MPNIC_QUEUES], event;
	uint16_t cookie;
};

/* What host_new() makes: the model, unless what is linked with it says otherwise. */
extern const struct card_engine *host_engine;

struct host *host_new(void); /* as power comes up; small tables */
struct host *host_new_engine(const struct card_engine *engine);
void host_free(struct host *h);

/* Memory of the host's, zeroed; its bus address. */
uint64_t host_alloc(struct host *h, size_t len);
void *host_at(struct host *h, uint64_t addr, size_t len);

void host_poll(struct host *h, unsigned int times);
uint32_t host_read(struct host *h, uint32_t offset);
void host_write(struct host *h, uint32_t offset, uint32_t value);
uint64_t host_stat(struct host *h, unsigned int port, uint32_t stat);

/* The mailbox. Returns its status. */
uint32_t host_mailbox(struct host *h, uint32_t command, uint32_t arg0, uint32_t arg1);
/* Where engines can do that: the device as firmware runs, kept from one test to the next. */
extern int (*host_save)(struct mpnic_device *device, const char *path);
extern int (*host_restore)(struct mpnic_device *device, const char *path);
/* Load and start the firmware's image. Returns DEVICE_STATUS. */
uint32_t host_boot(struct host *h);
/* The same with another image. */
uint32_t host_boot_image(struct host *h, const char *path);
void host_admin_ring(struct host *h);
/* One admin command; returns its status, 0xffff if it is not answered. @out: 112 bytes, or NULL. */
uint16_t host_admin(struct host *h, uint16_t op, uint32_t id, uint32_t arg, const void *in,
		    size_t len, void *out);

/* Firmware, admin ring, port 0 and 1 up and promiscuous, and @pairs queue pairs of 2^log2. */
struct host *host_up(unsigned int pairs, unsigned int log2);
struct host *host_up_engine(const struct card_engine *engine, unsigned int pairs,
			    unsigned int log2);
uint16_t host_queue(struct host *h, unsigned int kind, unsigned int index, unsigned int log2,
		    unsigned int irq, struct host_ring *ring);
void host_port(struct host *h, unsigned int port, uint16_t flags, uint16_t base, uint16_t count);

/* One Rx buffer of @len bytes; its address. It is seen by the device when rung. */
uint64_t host_buffer(struct host *h, unsigned int queue, uint16_t len);
void host_ring_rx(struct host *h, unsigned int queue);
/* The next completion, or NULL. */
const struct mpnic_rx_cpl *host_rx(struct host *h, unsigned int queue);
void host_send(struct host *h, unsigned int queue, const void *data, uint16_t len, uint16_t flags,
	       uint8_t port);
void host_ring_tx(struct host *h, unsigned int queue);
const struct mpnic_tx_cpl *host_tx(struct host *h, unsigned int queue);
const struct mpnic_event_cpl *host_event(struct host *h);

#endif
