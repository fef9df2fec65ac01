/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to tests/flow: what firmware, packets and comparison share. */
#ifndef MPNIC_FLOW_DRIVE_H
#define MPNIC_FLOW_DRIVE_H

#include "bench.h"
#include "state.h"

enum {
	HOSTS = 8,
	PORTS = 3,
	TOKEN_POOL = 40,
	OPS = MPNIC_TABLE_OP_FIND + 1,
	NETWORKS = 4, /* NETWORK_STEP from one to the next */
	NETWORK_STEP = 85,
};

/* What a command does to the model, beside what its op says. */
enum effect {
	EFFECT_NONE,
	EFFECT_STEP,  /* of the insertion under way */
	EFFECT_PLACE, /* its last */
	EFFECT_CLEAR, /* what stands there is removed */
	EFFECT_VALUE, /* what stands there gets another value */
};

struct command {
	struct mpnic_table_cmd cmd;
	enum effect effect;
};

enum {
	EXCEPTS = 7, /* bits except */
};

/* Counters of an entry, kept beside the model's: there an exact and a masked entry of one id share
 * theirs. */
struct tally {
	uint64_t packets, bytes;
	uint32_t seen;
};

struct drive {
	struct bench *bench;
	struct mpnic_state *state;
	struct mpnic_settings settings;
	uint64_t rng;
	uint32_t seen;

	/* Firmware. */
	struct command queue[32];
	unsigned int first, queued;
	struct table *table; /* of the insertion under way */
	struct table_path path;
	struct table_key key;
	uint32_t value;
	struct mpnic_peer_entry peer;
	struct mpnic_rule rules[MPNIC_RULES]; /* as loaded */
	bool loaded[MPNIC_RULES];
	unsigned int rules_loaded; /* few, so that something is left for others to decide */
	bool rss_old;		   /* a new RSS key is due */
	struct tally exact[BENCH_FLOWS], masked[BENCH_FLOWS], rule[MPNIC_RULES];
	uint64_t ops[OPS], moves, insertions, no_room, aimed;
	uint64_t found[3]; /* by FIND: in flow, masked, stash */
	/* Entries that were found with a bit except: exact, masked; it suited the frame or not. */
	uint64_t excepts[2][EXCEPTS][2];

	/* Packets. */
	unsigned int mood, left, gap;
	bool joins_next;
	uint32_t token_next;
	struct mpnic_hdr last; /* the packet just before, and what was said of it */
	struct mpnic_result said;
	uint32_t beside; /* 1 and the id that was learnt beside a masked entry: its count is read */
	struct mpnic_hdr pattern;
	uint64_t seed;
};

uint64_t rnd(struct drive *d);
uint32_t below(struct drive *d, uint32_t limit);
bool one_in(struct drive *d, uint32_t n);
void fill(struct drive *d, void *p, size_t len);

/* The next packet, hostile or not. */
void next_packet(struct drive *d, struct mpnic_hdr *hdr, struct mpnic_csum *csum);
/* A header that flows are made of. */
void some_header(struct drive *d, struct mpnic_hdr *hdr);
uint32_t some_token(struct drive *d);
/* From now on packets are of this flow. */
void aim_packets(struct drive *d, const struct mpnic_key *key);
/* For so many packets none that learn, then a burst of MP_JOINs with this token. */
void aim_joins(struct drive *d, uint32_t token, unsigned int later);

/* Commands that set all up, behind reset; that start anew with another key and other settings. */
void firmware_start(struct drive *d);
void firmware_restart(struct drive *d);
/* Some commands, to be given one after the other; there may be none. */
void firmware_plan(struct drive *d);
/* Does the command to the model. */
void firmware_model(struct drive *d, const struct command *c, struct mpnic_table_rsp *rsp);

#endif
