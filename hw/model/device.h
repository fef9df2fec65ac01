/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the device's model: device.c (registers, reset, time), device_rx.c, device_tx.c, and
 * device_fw.c (the gates as firmware sees them). */
#ifndef MPNIC_MODEL_DEVICE_H
#define MPNIC_MODEL_DEVICE_H

#include "boot.h"
#include "fw.h"
#include "internal.h"
#include "mpnic_device.h"

enum {
	DEVICE_BURST = 32,	 /* frames of one queue before the next one's turn */
	DEVICE_DESC_CACHE = 32,	 /* descriptors that are fetched at once */
	DEVICE_LOG_SIZE = 16384, /* bytes of the firmware's log that are kept */
	NO_VECTOR = 0xffff,
	VLAN_TAGS_MAX = 8, /* bytes that a frame may be longer than its MTU for */
	ETH_HDR = 14,
	DEVICE_STATS = MPNIC_STAT_TX_PUNTED / 8 + 1,
};

/* A ring pair in host memory. Numbers run free; a slot is a number modulo the ring's size. */
struct device_queue {
	uint8_t kind; /* enum queue */
	uint8_t log2;
	bool enabled;
	bool stopped; /* the ring itself could not be reached: nothing more until it is created anew
		       */
	bool skipping; /* Tx: behind an error, up to the frame's last descriptor */
	uint16_t vector;
	uint64_t ring, cpl;
	uint32_t head;	   /* descriptors that were taken */
	uint32_t cpl_next; /* completions that were written */
	uint32_t bad_tail; /* the last doorbell that made no sense, once counted */
	/* Descriptors that were fetched: numbers from cache_first on. */
	uint32_t cache_first, cache_count;
	union {
		struct mpnic_rx_desc rx[DEVICE_DESC_CACHE];
		struct mpnic_tx_desc tx[DEVICE_DESC_CACHE];
	} cache;
	struct mpnic_admin_queue_stats stats;
};

/* What waits for its interrupt. */
struct device_vector {
	bool pending;
	uint32_t interval_us;
	uint64_t last_ns;
};

struct device_mac {
	uint8_t mac[6];
	uint8_t port;
	bool used;
};

struct device_port {
	uint16_t flags; /* bits port */
	uint16_t mtu, queue_base, queue_count;
	bool link_changed;
	uint64_t stat[DEVICE_STATS];
};

/* Windows that firmware fills before a GO register, or that gates fill for it. */
struct device_windows {
	struct mpnic_admin_cmd admin_cmd;
	struct mpnic_admin_cpl admin_cpl;
	struct mpnic_table_cmd table_cmd;
	struct mpnic_table_rsp table_rsp;
	struct mpnic_settings settings;
	struct mpnic_event_cpl event;
	uint8_t mailbox[MPNIC_MAILBOX_WINDOW];
};

struct mpnic_device {
	struct mpnic_device_config config;
	const struct mpnic_device_ops *ops;
	void *ctx;
	volatile uint32_t *doorbells;
	struct mpnic_state *state;
	uint64_t now_ns;

	/* Registers. */
	uint32_t fw_status, fw_version, heartbeat, generation, reset_reason;
	uint64_t time_latch, fw_time_latch;
	uint64_t admin_ring, admin_cpl;
	uint32_t admin_log2, admin_vector, admin_control, admin_error;
	uint32_t admin_head, admin_cpl_next;
	bool admin_waits; /* a command stands in its window */
	uint32_t mailbox_command, mailbox_status, mailbox_arg[2], mailbox_result;
	bool mailbox_waits;
	struct device_windows win;

	struct device_queue rx[MPNIC_QUEUES], tx[MPNIC_QUEUES], event;
	uint32_t rx_looked; /* Rx queues whose doorbell was looked at in this poll */
	struct device_vector vector[MPNIC_VECTORS];
	bool irqs_pending; /* of one vector at least */
	struct device_port port[MPNIC_PORTS];
	struct device_mac mac[MPNIC_MAC_FILTERS];

	/* Firmware, and its view. */
	struct hal hal;
	struct boot boot;
	_Alignas(4) uint8_t ram[HAL_RAM_SIZE]; /* what images are loaded to */
	struct fw fw;
	bool fw_runs, fw_hangs;
	uint64_t watchdog_ns; /* when it bites; 0: off */
	uint32_t queue_select, port_select, mac_select, vector_select, log_select;
	uint8_t log[DEVICE_LOG_SIZE];
	uint32_t log_end;

	bool busy; /* something was done in this poll */
	bool fault_irq, fault_phase, fault_buffers;
	uint8_t frame[MPNIC_FRAME_MAX];
};

/* ---- device.c ------------------------------------------------------------------------------- */

__attribute__((visibility("hidden"))) void device_count(struct mpnic_device *d, unsigned int port,
							unsigned int stat, uint64_t n);
__attribute__((visibility("hidden"))) void device_irq(struct mpnic_device *d, uint32_t vector);

/* ---- device_queue.c ------------------------------------------------------------------------- */

/* NULL: there is no such queue. */
__attribute__((visibility("hidden"))) struct device_queue *
device_queue(struct mpnic_device *d, unsigned int kind, unsigned int index);
__attribute__((visibility("hidden"))) void device_queue_start(struct device_queue *q);
__attribute__((visibility("hidden"))) void queue_error(struct device_queue *q,
						       enum mpnic_queue_error_code error);
/* Descriptors that the host has written and the device has not taken. */
__attribute__((visibility("hidden"))) uint32_t queue_ready(struct device_queue *q, uint32_t tail);
/* The descriptor numbered @at, which is ready; NULL: the ring cannot be read, the queue stops. */
__attribute__((visibility("hidden"))) const void *
queue_desc(struct mpnic_device *d, struct device_queue *q, uint32_t at, uint32_t ready);
/* Write the next completion, of @size bytes of which the last is its phase. */
__attribute__((visibility("hidden"))) int
queue_complete(struct mpnic_device *d, struct device_queue *q, void *cpl, size_t size);

/* ---- device_rx.c, device_tx.c --------------------------------------------------------------- */

/* What is known of a frame when it leaves the pipeline. Its stages write all of the records: nobody
 * clears them before. */
struct device_frame {
	uint8_t *data;
	size_t len;
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;
	struct mpnic_result result;
};

__attribute__((visibility("hidden"))) void device_pipeline(struct mpnic_device *d,
							   struct device_frame *frame);
__attribute__((visibility("hidden"))) void device_to_host(struct mpnic_device *d, unsigned int port,
							  const struct device_frame *frame);
__attribute__((visibility("hidden"))) bool device_event(struct mpnic_device *d,
							const struct mpnic_event_cpl *event);
__attribute__((visibility("hidden"))) void device_transmit(struct mpnic_device *d,
							   unsigned int index);

/* ---- device_fw.c ---------------------------------------------------------------------------- */

__attribute__((visibility("hidden"))) void device_fw_reset(struct mpnic_device *d);
__attribute__((visibility("hidden"))) void device_fw_poll(struct mpnic_device *d);
/* Admin commands alone, as far as they are done at once. */
__attribute__((visibility("hidden"))) void device_fw_serve(struct mpnic_device *d);

#endif
