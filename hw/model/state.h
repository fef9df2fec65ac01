/* SPDX-License-Identifier: BSD-3-Clause */
/* Private: what a state is made of, and what flow leaves for act beside the result. */
#ifndef MPNIC_MODEL_STATE_H
#define MPNIC_MODEL_STATE_H

#include "internal.h"
#include "table.h"

enum {
	SOURCES = 64,
	RULE_WORDS = sizeof(struct mpnic_rule_key) / 8,
	TOKEN_WORDS = 1,
	PEER_WORDS = 3, /* address, port, network, IP version */
	KIND_MASKED = 0x80,
	SEEN_SHIFT = 20, /* of last_seen */
	PREFIX4_MAX = 32,
	PREFIX6_MAX = 128,
};

/* A rule ready to be compared. They stand by prio, then index: the first that matches counts. */
struct rule {
	uint64_t value[RULE_WORDS], mask[RULE_WORDS];
	struct mpnic_action action;
	uint8_t index;
};

/* Ids that are free: first in, first out. */
struct id_ring {
	uint32_t *ids;
	uint32_t size, first, count;
};

struct mpnic_state {
	struct mpnic_state_config config;
	struct table_hash hash;
	struct toeplitz rss;
	struct table_key mask; /* the settable one, with kind */

	struct table flow, stash, masked, token, peer;
	struct mpnic_flow *flows;
	struct mpnic_rule_count
		*masked_counts; /* by flow id; those of exact entries are in flows */
	struct mpnic_conn *conns;
	uint8_t *join_tcp; /* by connection: flag TCP as flow has it, beside dss's in conns */
	/* Entries do not move either: the tables hold their indices. */
	struct mpnic_token_entry *tokens;
	struct mpnic_peer_entry *peers;
	struct id_ring flow_ids, token_ids, peer_ids;

	mpnic_command_fn *tell; /* or NULL */
	void *tell_ctx;

	struct rule rules[MPNIC_RULES];
	unsigned int rule_count;
	struct mpnic_rule rule[MPNIC_RULES];
	struct mpnic_rule_count rule_counts[MPNIC_RULES];

	uint64_t now;
	uint64_t join_interval, join_slack, join_next; /* the bucket of MP_JOIN punts, ns */
	uint32_t event_seq;
	struct mpnic_state_counters counters[SOURCES];
};

/* Keys and hashes of a frame: what depends on no frame before it. */
struct frame_keys {
	struct table_key exact, masked;
	uint64_t exact_hash, masked_hash;
	bool has_exact, has_masked, flip;
};

/* What flow found. */
struct found {
	struct mpnic_flow *flow; /* exact or learnt */
	struct mpnic_conn *conn;
	struct mpnic_action action;
	uint8_t first_syn; /* enum first_syn; PASS for what is none */
};

static inline bool id_ring_put(struct id_ring *ring, uint32_t id)
{
	if (ring->count == ring->size)
		return false;
	ring->ids[(ring->first + ring->count++) & (ring->size - 1)] = id;
	return true;
}

/* The first id, which stays until id_ring_drop(); MPNIC_ID_NONE without one. */
static inline uint32_t id_ring_first(const struct id_ring *ring)
{
	return ring->count ? ring->ids[ring->first] : MPNIC_ID_NONE;
}

static inline void id_ring_drop(struct id_ring *ring)
{
	ring->first = (ring->first + 1) & (ring->size - 1);
	ring->count--;
}

static inline struct mpnic_conn *conn_of(const struct mpnic_state *state, uint32_t conn_id)
{
	return conn_id < state->config.conns ? &state->conns[conn_id] : NULL;
}

/* SYN without ACK, as stage mptcp has it. */
static inline bool is_first_syn(const struct mpnic_hdr *hdr)
{
	return (hdr->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

/* The first option of a subtype, errors or not. */
static inline const struct mpnic_opt *first_option(const struct mpnic_hdr *hdr, uint8_t subtype)
{
	unsigned int i;

	for (i = 0; i < hdr->mptcp_count; i++) {
		if (hdr->opt[i].subtype == subtype)
			return &hdr->opt[i];
	}
	return NULL;
}

/* As in record key. */
static inline uint16_t vlan_of(const struct mpnic_hdr *hdr)
{
	return hdr->vlan_count ? (uint16_t)((hdr->vlan_outer & 0xfff) + 1) : 0;
}

static inline struct table_key token_key(uint32_t token)
{
	return (struct table_key){.word[0] = token};
}

/* Commands that do in the NIC what the table port does here; nothing where nobody watches. */
HIDDEN void mpnic_tell_flow(struct mpnic_state *state, uint32_t flow_id);
HIDDEN void mpnic_tell_dir(struct mpnic_state *state, uint32_t flow_id, unsigned int dir);
HIDDEN void mpnic_tell_conn(struct mpnic_state *state, uint32_t conn_id,
			    const struct mpnic_conn *before);
HIDDEN void mpnic_tell_token(struct mpnic_state *state, uint32_t index);
HIDDEN void mpnic_tell_give(struct mpnic_state *state, uint32_t flow_id);
HIDDEN void mpnic_tell_rule(struct mpnic_state *state, unsigned int index);

/* The settable mask of the configuration is looked up from now on. */
HIDDEN void mpnic_state_mask(struct mpnic_state *state);
/* Rules in the order in which they are tried, from those that are valid. */
HIDDEN void mpnic_rules_sort(struct mpnic_state *state);

/* An address anded with the prefix length that is set for its version. */
HIDDEN void mpnic_peer_prefix(const struct mpnic_state *state, uint8_t ip_version, uint8_t *addr);
HIDDEN uint32_t mpnic_token_index(const struct mpnic_state *state, uint32_t token);
HIDDEN struct table_key mpnic_peer_key(const struct mpnic_peer_entry *entry);

HIDDEN void mpnic_flow_keys(const struct mpnic_state *state, const struct mpnic_hdr *hdr,
			    struct frame_keys *keys);
/* Stage flow. Writes every byte of *result and *found. */
HIDDEN void mpnic_flow_stage(struct mpnic_state *state, const struct mpnic_hdr *hdr,
			     const struct mpnic_csum *csum, const struct frame_keys *keys,
			     struct mpnic_result *result, struct found *found);
/* Stage act, with its event. Returns whether one was written. */
HIDDEN bool mpnic_act(struct mpnic_state *state, const struct mpnic_hdr *hdr,
		      const struct mpnic_csum *csum, const struct found *found,
		      struct mpnic_result *result, struct mpnic_event *event);

#endif
