/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stateful half of mpnic's pipeline: flow, dss, act, deparse (docs/state.md). What the
 * stateless half says of a frame (mpnic_model.h) comes in, what is to be done with it goes out.
 *
 * All memory is taken by mpnic_state_new(), none for a packet. A state belongs to one thread at a
 * time; there is no global one. Frames are hostile; entries are inserted by who owns the state.
 */
#ifndef MPNIC_STATE_H
#define MPNIC_STATE_H

#include <stdbool.h>

#include "mpnic_model.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mpnic_state;

#define MPNIC_TABLE_MAX (1u << 24)

/* Sizes and settings. mpnic_state_defaults() fills in what docs/state.md calls the default. */
struct mpnic_state_config {
	/* Entries, each a power of two from 8 to MPNIC_TABLE_MAX; sizes of the tables, and of the
	 * state behind them. */
	uint32_t flows; /* flow ids, of exact and masked entries together, and size of each table */
	uint32_t stash; /* learnt flows */
	uint32_t conns; /* connections */
	uint32_t tokens; /* token table */
	uint32_t peers;	 /* peer table */

	/* Of the tables' hash: secret, random, per reset. The default is neither. */
	uint8_t hash_key[MPNIC_HASH_KEY_LEN];
	uint8_t rss_key[MPNIC_RSS_KEY_LEN];
	uint16_t reta[MPNIC_RETA_SIZE];

	bool exact_vlan;	    /* VLANs are part of the exact key */
	bool masked;		    /* the settable mask is looked up */
	struct mpnic_key mask;	    /* 1: the bit is part of the key; kind is always */
	uint64_t host_sources;	    /* bit s: frames of source s come from the host */
	uint8_t network[64];	    /* by source */
	uint8_t first_syn[256];	    /* by network: enum first_syn for peers without an entry */
	uint8_t prefix4, prefix6;   /* bits of an address that the peer table looks at */
	struct mpnic_action miss;   /* where no entry decides */
	struct mpnic_action learnt; /* given to learnt flows */
	uint8_t join_unknown;	    /* enum join */
	uint8_t join_full;	    /* enum join; never DROP */
	uint32_t join_rate;	    /* punts of MP_JOINs a second */
	uint32_t join_burst;	    /* and at once; 0 of either: none */
	uint32_t event_mask;	    /* bits sign that make an event */
};

void mpnic_state_defaults(struct mpnic_state_config *config);

/*
 * mpnic_state_new() - empty tables.
 * Returns 0, -EINVAL for a size or setting that docs/state.md rules out, -ENOMEM.
 */
int mpnic_state_new(const struct mpnic_state_config *config, struct mpnic_state **state);
void mpnic_state_free(struct mpnic_state *state);

/* ---- the table port: what firmware does in the NIC ------------------------------------------ */

/*
 * Insertions return 0, -EEXIST if the key is there, -ENOSPC if there is no room for it (nothing is
 * changed), -EINVAL for an id or value out of range. Removals return -ENOENT if it is not there.
 * A key has its bits outside the mask zero and its ends in order: mpnic_flow_key() makes it so.
 */

/* mpnic_flow_key() - the key of a frame under the exact (@masked false) or the settable mask.
 * Returns false if the frame has none. @flip: the frame's sender is the upper end. */
bool mpnic_flow_key(const struct mpnic_state *state, const struct mpnic_hdr *hdr, bool masked,
		    struct mpnic_key *key, bool *flip);

/* The key's flow gets id @flow_id with the state *flow, its generation counted up. */
int mpnic_flow_insert(struct mpnic_state *state, const struct mpnic_key *key, uint32_t flow_id,
		      const struct mpnic_flow *flow);
int mpnic_flow_remove(struct mpnic_state *state, const struct mpnic_key *key);
/* Look a key up in stash, flow and masked table. Returns the id, or MPNIC_ID_NONE. */
uint32_t mpnic_flow_find(const struct mpnic_state *state, const struct mpnic_key *key);
/* The state at an id, or NULL; valid until mpnic_state_free(). */
const struct mpnic_flow *mpnic_flow_at(const struct mpnic_state *state, uint32_t flow_id);
/* mpnic_flow_set() - the state at an id becomes *flow; its generation is not changed. */
int mpnic_flow_set(struct mpnic_state *state, uint32_t flow_id, const struct mpnic_flow *flow);

/* Flow ids that gates may give to learnt flows, first in, first out; at most as many as the stash.
 */
int mpnic_flow_id_give(struct mpnic_state *state, uint32_t flow_id);
/* mpnic_stash_move() - a learnt flow, confirmed or not, moves to the flow table, its id kept. */
int mpnic_stash_move(struct mpnic_state *state, const struct mpnic_key *key);

/* Connections and token entries likewise. */
const struct mpnic_conn *mpnic_conn_at(const struct mpnic_state *state, uint32_t conn_id);
int mpnic_conn_set(struct mpnic_state *state, uint32_t conn_id, const struct mpnic_conn *conn);

int mpnic_token_insert(struct mpnic_state *state, const struct mpnic_token_entry *entry);
int mpnic_token_remove(struct mpnic_state *state, uint32_t token);
const struct mpnic_token_entry *mpnic_token_find(const struct mpnic_state *state, uint32_t token);
/* Replaces the entry of entry->token. */
int mpnic_token_set(struct mpnic_state *state, const struct mpnic_token_entry *entry);

int mpnic_peer_insert(struct mpnic_state *state, const struct mpnic_peer_entry *entry);
int mpnic_peer_remove(struct mpnic_state *state, const struct mpnic_peer_entry *entry);
const struct mpnic_peer_entry *mpnic_peer_find(const struct mpnic_state *state,
					       const struct mpnic_peer_entry *key);

/* mpnic_rule_set() - @rule NULL, or not valid: the index is free. Zeroes the rule's counters. */
int mpnic_rule_set(struct mpnic_state *state, unsigned int index, const struct mpnic_rule *rule);

/* Frames that a rule was the matching one of. */
struct mpnic_rule_count {
	uint64_t packets, bytes;
	uint32_t last_seen; /* as in record flow */
};

/* NULL for an index out of range. */
const struct mpnic_rule_count *mpnic_rule_count(const struct mpnic_state *state,
						unsigned int index);

/* Fill and cost of a table, for statistics and ageing decisions. */
struct mpnic_table_stats {
	uint32_t size, used;
	uint64_t inserted, removed, moved, full;
};

void mpnic_table_stats(const struct mpnic_state *state, enum mpnic_table_code table,
		       struct mpnic_table_stats *stats);

/*
 * mpnic_state_watch() - from now on every change that the table port makes is told as the commands
 * that make it in the NIC, each in the moment in which it is done. Told first: the memories that
 * the configuration fills, and flow ids that were given. The tables must be empty. *settings: the
 * rest of the configuration. Gates' own changes, which frames make, are not told. @tell must not
 * touch the state.
 */
typedef void mpnic_command_fn(void *ctx, const struct mpnic_table_cmd *cmd);
void mpnic_state_watch(struct mpnic_state *state, mpnic_command_fn *tell, void *ctx,
		       struct mpnic_settings *settings);

/*
 * mpnic_state_command() - what gates do for one command to their tables and memories, as
 * mpnic_state_watch() tells them; who drives a state by commands uses none of the functions
 * above that change it, and mpnic_state_watch() tells nothing of commands. As in gates, bits of
 * places, ids, indices and fields that a memory does not have do not count, and a memory that does
 * not exist does nothing and reads as zero. A state begins as after a reset: tables are empty; what
 * no command has written yet is what the configuration said.
 * @rsp: every byte is written.
 * Returns 0, or -EINVAL for an operation that does not exist; nothing was done then.
 */
int mpnic_state_command(struct mpnic_state *state, const struct mpnic_table_cmd *cmd,
			struct mpnic_table_rsp *rsp);

/*
 * mpnic_state_settings() - take over settings between two frames.
 * Returns 0 or -EINVAL, with nothing changed, for a value that docs/state.md rules out.
 */
int mpnic_state_settings(struct mpnic_state *state, const struct mpnic_settings *settings);

/* Frames that a masked entry was found by; those of record flow are of the exact entry with the
 * same id. NULL for an id out of range. */
const struct mpnic_rule_count *mpnic_masked_count(const struct mpnic_state *state,
						  uint32_t flow_id);

/* ---- frames --------------------------------------------------------------------------------- */

/*
 * mpnic_state_packet() - flow, dss and act for one frame.
 * @hdr, @csum: what mpnic_packet() said of it
 * @time_ns:    the device's time
 * @result:     every byte is written
 * @event:      written if there is an event due; NULL: there is no room for one, it is lost
 * Returns whether one was written.
 */
bool mpnic_state_packet(struct mpnic_state *state, const struct mpnic_hdr *hdr,
			const struct mpnic_csum *csum, uint64_t time_ns,
			struct mpnic_result *result, struct mpnic_event *event);

/* One frame of a burst. */
struct mpnic_state_frame {
	const struct mpnic_hdr *hdr;
	const struct mpnic_csum *csum;
	uint64_t time_ns;
	struct mpnic_result *result;
	struct mpnic_event *event; /* or NULL */
	bool has_event;		   /* out */
};

/* mpnic_state_burst() - the same for @n frames in their order, with the cache misses of up to
 * MPNIC_STATE_BURST of them taken at once. */
#define MPNIC_STATE_BURST 32
void mpnic_state_burst(struct mpnic_state *state, struct mpnic_state_frame *frames, unsigned int n);

/*
 * mpnic_deparse() - edit a frame in place as *result says. @frame and @len are those that
 * mpnic_packet() saw. Sets MPNIC_RESULT_STRIPPED in result->flags if bytes changed.
 */
void mpnic_deparse(uint8_t *frame, size_t len, const struct mpnic_hdr *hdr,
		   const struct mpnic_csum *csum, struct mpnic_result *result);

/* ---- stages --------------------------------------------------------------------------------- */

/*
 * mpnic_dss() - stage dss alone. *result holds what flow said (flow_id, dir, side, token ...);
 * @flow and @conn are the state at its ids, NULL where there is none.
 */
void mpnic_dss(const struct mpnic_hdr *hdr, const struct mpnic_csum *csum, struct mpnic_flow *flow,
	       struct mpnic_conn *conn, struct mpnic_result *result);

/* mpnic_toeplitz() - @len bytes under a key of at least @len + 4 bytes. */
uint32_t mpnic_toeplitz(const uint8_t *key, const uint8_t *data, size_t len);

/* Counters by source: docs/state.md, "Counters". */
struct mpnic_state_counters {
	uint64_t flow[8], token[8], dsn[16], map_csum[16], punt[8], drop[8];
	uint64_t action[16], sign[32];
	uint64_t packets, bytes, events, events_lost;
};

/* NULL for a source above 63. */

const struct mpnic_state_counters *mpnic_state_counters(const struct mpnic_state *state,
							unsigned int source);

#ifdef __cplusplus
}
#endif

#endif
