/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The C model of the whole device: two wire ports, the pipeline, queues in host memory, and
 * firmware, built natively from the same source (docs/device.md). What a driver sees is
 * mpnic_device_regs.h; around it stand the caller's bus, interrupts and wires.
 *
 * All memory is taken by mpnic_device_new() and mpnic_device_reset(). A device belongs to one
 * thread at a time; only the page of doorbells is written by others, as a host writes it.
 */
#ifndef MPNIC_DEVICE_H
#define MPNIC_DEVICE_H

#include "mpnic_device_regs.h"
#include "mpnic_state.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mpnic_device;

/* What the device stands in. They are called by the thread that called the device. */
struct mpnic_device_ops {
	/* @len bytes from or to bus address @addr. Returns 0 or a negative errno. */
	int (*dma_read)(void *ctx, uint64_t addr, void *buf, size_t len);
	int (*dma_write)(void *ctx, uint64_t addr, const void *buf, size_t len);
	/* MSI-X message @vector, below MPNIC_VECTORS. */
	void (*irq)(void *ctx, unsigned int vector);
	/* A frame leaves at wire port @port. Returns 0, or why the wire did not take it. */
	int (*wire_send)(void *ctx, unsigned int port, const void *frame, size_t len);
	/* Random bytes, unpredictable: the secret of the tables' hash is made of them. */
	void (*random)(void *ctx, void *buf, size_t len);
};

struct mpnic_device_config {
	/* Sizes of the tables; of the rest nothing is read, firmware sets it. */
	struct mpnic_state_config state;
	uint8_t mac[MPNIC_PORTS][6];
	uint32_t speed[MPNIC_PORTS]; /* Mb/s */
	char serial[32];	     /* text, padded with zeros */
};

/* Tables as docs/state.md says, locally administered addresses, 100 Gb/s. */
void mpnic_device_defaults(struct mpnic_device_config *config);

/*
 * mpnic_device_new() - a device after power-up, at time @now_ns.
 * @doorbells: MPNIC_DOORBELL_SIZE bytes that the host writes to (MPNIC_DOORBELL_*), zeroed here;
 * they stay the caller's Returns 0, -EINVAL for sizes that mpnic_state_new() refuses, -ENOMEM.
 */
#define MPNIC_DOORBELL_SIZE 4096
int mpnic_device_new(const struct mpnic_device_config *config, const struct mpnic_device_ops *ops,
		     void *ctx, uint32_t *doorbells, uint64_t now_ns, struct mpnic_device **device);
void mpnic_device_free(struct mpnic_device *device);

/*
 * A word of BAR 0, but for the page of doorbells and the MSI-X structures, which are the caller's.
 * @offset is a multiple of 4 below MPNIC_BAR_SIZE; where nothing is, 0 is read, and a write is
 * lost.
 */
uint32_t mpnic_device_read(struct mpnic_device *device, uint32_t offset);
void mpnic_device_write(struct mpnic_device *device, uint32_t offset, uint32_t value);

/* mpnic_device_reset() - as register RESET. Returns 0, or -ENOMEM: then nothing was reset. */
int mpnic_device_reset(struct mpnic_device *device, enum mpnic_reset_code reason);

/* mpnic_device_receive() - a frame from the wire of @port. Hostile; @len of any size. */
void mpnic_device_receive(struct mpnic_device *device, unsigned int port, const uint8_t *frame,
			  size_t len);

/* mpnic_device_has_room() - the port is up, and each queue that its frames may go to has buffers
 * for some: who can wait with a frame, does. */
bool mpnic_device_has_room(const struct mpnic_device *device, unsigned int port);

void mpnic_device_link(struct mpnic_device *device, unsigned int port, bool up);

/*
 * mpnic_device_poll() - the time is @now_ns; do some of what there is to do: frames of each Tx
 * queue, an admin command, firmware, interrupts that are due. Returns whether anything was done.
 */
bool mpnic_device_poll(struct mpnic_device *device, uint64_t now_ns);

/*
 * mpnic_device_sleep() - nothing was done: set NEED_KICK. Returns false, with NEED_KICK clear
 * again, if a doorbell was rung meanwhile; else *wake_ns is when something is due without a
 * doorbell. mpnic_device_poll() ends the sleep.
 */
bool mpnic_device_sleep(struct mpnic_device *device, uint64_t *wake_ns);

/*
 * mpnic_device_serve() - as mpnic_device_poll(), of firmware alone: admin commands first of all.
 * May be called during a sleep, which goes on. Returns whether nothing is left: no admin command,
 * and no interrupt that is to be raised later.
 */
bool mpnic_device_serve(struct mpnic_device *device, uint64_t now_ns);

/* What goes wrong on purpose, so that drivers can be tested. */
enum mpnic_device_fault {
	MPNIC_FAULT_FW_HANG,	/* firmware does nothing more */
	MPNIC_FAULT_FW_CRASH,	/* firmware takes a trap */
	MPNIC_FAULT_IRQ_LOST,	/* the next interrupt is not raised */
	MPNIC_FAULT_CPL_PHASE,	/* the next Rx completion has the wrong phase */
	MPNIC_FAULT_CPL_BUFFERS /* the next Rx completion says too many buffers */
};
void mpnic_device_fault(struct mpnic_device *device, enum mpnic_device_fault fault);

/* The state behind the pipeline, for reports and comparison; valid until reset. */
const struct mpnic_state *mpnic_device_state(const struct mpnic_device *device);

#ifdef __cplusplus
}
#endif

#endif
