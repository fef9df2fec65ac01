/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gates for tests of the firmware: registers fw (hw/regs/device.toml) over the model's tables, and
 * the host's side of admin queue and mailbox without queues or a bus.
 */
#ifndef GATES_H
#define GATES_H

#include "boot.h"
#include "fw.h"
#include "mpnic_state.h"

enum {
	GATES_LOG = 4096, /* bytes of the log that are kept */
	GATES_EVENTS = 64,
	GATES_STEP_NS = 1000, /* time of a poll */
	GATES_POLLS = 200000, /* in which a command is to be answered */
};

struct gates_queue {
	uint32_t control, log2, vector;
	uint64_t ring, cpl;
};

struct gates {
	struct mpnic_state_config config;
	struct mpnic_state *state;
	struct hal hal;
	struct fw fw;
	struct boot boot;
	_Alignas(8) uint8_t ram[HAL_RAM_SIZE];

	uint64_t now, latched;
	uint64_t step;	 /* by which time goes on with each poll */
	uint64_t random; /* state of a generator; 0: it stands still */
	uint32_t status, version, beat;
	uint64_t watchdog; /* when it bites, 0: off */
	uint32_t beats_seen;

	_Alignas(8) struct mpnic_admin_cmd cmd;
	_Alignas(8) struct mpnic_admin_cpl cpl;
	bool admin_waits;
	_Alignas(8) struct mpnic_table_cmd table_cmd;
	_Alignas(8) struct mpnic_table_rsp table_rsp;
	unsigned int table_polls; /* for how many reads of TABLE_GO a command is under way */
	unsigned int table_busy;
	_Alignas(8) struct mpnic_settings settings;
	unsigned int settings_polls, settings_busy;
	int settings_error; /* what the model said of settings */
	_Alignas(8) struct mpnic_event_cpl event;
	struct mpnic_event_cpl events[GATES_EVENTS];
	unsigned int event_count;
	bool event_busy; /* there is no room */

	uint32_t queue_select, port_select, mac_select, vector_select;
	struct gates_queue queue[3][MPNIC_QUEUES];
	unsigned int queue_polls, queue_busy; /* of a queue that stops */
	uint32_t port_flags[MPNIC_PORTS], port_mtu[MPNIC_PORTS], port_queues[MPNIC_PORTS];
	uint8_t link_changed;
	uint32_t mac_low[MPNIC_MAC_FILTERS], mac_high[MPNIC_MAC_FILTERS];
	uint32_t interval[MPNIC_VECTORS];

	uint8_t log[GATES_LOG];
	uint32_t log_end, log_select;

	uint32_t mailbox_command, mailbox_arg[2], mailbox_result, mailbox_status;
	bool mailbox_waits;
	_Alignas(8) uint8_t mailbox[MPNIC_MAILBOX_WINDOW];
	uint32_t run_entry; /* of the last image that boot ran */
	unsigned int runs;

	/* Called before a table command is done; when PENDING is read. */
	void (*before)(struct gates *g);
	void (*polled)(struct gates *g);
	uint32_t commands[32];		      /* that were done, by table_op */
	uint8_t hash_key[MPNIC_HASH_KEY_LEN]; /* the last that was written */
	unsigned int misused;		      /* accesses that the contract does not allow */
	/* What the table port is made to get wrong: bits of what READ says. */
	uint8_t flip;
	/* Every access, in order; NULL: nobody listens. */
	void (*trace)(struct gates *g, bool write, uint32_t off, uint32_t value);
};

/* Small tables, random bits from @seed; firmware does not run yet. */
void gates_init(struct gates *g, const struct mpnic_state_config *config, uint64_t seed);
void gates_free(struct gates *g);
/* The same as for a device: hal over these registers. */
uint32_t gates_read(void *ctx, uint32_t off);
void gates_write(void *ctx, uint32_t off, uint32_t value);

/* fw_start(), past boot. */
void gates_start(struct gates *g);
/* A poll of the firmware, or of boot while none runs; time goes on. */
bool gates_poll(struct gates *g);
/* Time goes on by @ns, in steps that a watchdog endures, and firmware is polled. */
void gates_pass(struct gates *g, uint64_t ns);

/*
 * An admin command; its completion is in g->cpl. Returns its status, or -1 if none came in
 * GATES_POLLS polls. @data: @len bytes, the rest is zero.
 */
int gates_admin(struct gates *g, uint16_t op, uint32_t id, uint32_t arg, const void *data,
		size_t len);
/* The same for a command that is whole in g->cmd. */
int gates_admin_raw(struct gates *g);

/* A command of the mailbox; returns its status, or -1. */
int gates_mailbox(struct gates *g, uint32_t command, uint32_t arg0, uint32_t arg1);

/* What is there of the log as a string, cut at @size - 1. */
void gates_log_text(struct gates *g, char *text, size_t size);

#endif
