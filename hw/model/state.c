/* SPDX-License-Identifier: BSD-3-Clause */
/* Settings, memory, and the table port. Rules: docs/state.md, "Tables". */
#include <errno.h>
#include <stdlib.h>

#include "state.h"

enum {
	NS_PER_S = 1000000000,
};

/* Microsoft's, which is everyone's for RSS. */
static const uint8_t default_rss_key[MPNIC_RSS_KEY_LEN] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* For runs that are to be repeated: the bits of pi behind its point. */
static const uint8_t default_hash_key[MPNIC_HASH_KEY_LEN] = {
	0x24, 0x3f, 0x6a, 0x88, 0x85, 0xa3, 0x08, 0xd3, 0x13, 0x19, 0x8a, 0x2e, 0x03, 0x70,
	0x73, 0x44, 0xa4, 0x09, 0x38, 0x22, 0x29, 0x9f, 0x31, 0xd0, 0x08, 0x2e, 0xfa, 0x98,
	0xec, 0x4e, 0x6c, 0x89, 0x45, 0x28, 0x21, 0xe6, 0x38, 0xd0, 0x13, 0x77, 0xbe, 0x54,
	0x66, 0xcf, 0x34, 0xe9, 0x0c, 0x6c, 0xc0, 0xac, 0x29, 0xb7, 0xc9, 0x7c, 0x50, 0xdd,
};

void mpnic_state_defaults(struct mpnic_state_config *config)
{
	*config = (struct mpnic_state_config){
		.flows = 64 << 10,
		.stash = 256,
		.conns = 64 << 10,
		.tokens = 64 << 10,
		.peers = 4 << 10,
		.masked = true,
		.prefix4 = PREFIX4_MAX,
		.prefix6 = PREFIX6_MAX,
		.miss.prio = UINT8_MAX,
		.learnt.prio = UINT8_MAX,
		.join_rate = 1000,
		.join_burst = 64,
		/* Not what anyone can raise without knowing of a connection. */
		.event_mask = ~(uint32_t)(MPNIC_SIGN_JOIN_UNKNOWN | MPNIC_SIGN_MALFORMED),
	};
	memset(config->mask.lo_addr, 0xff, sizeof(config->mask.lo_addr));
	memcpy(config->rss_key, default_rss_key, sizeof(config->rss_key));
	memcpy(config->hash_key, default_hash_key, sizeof(config->hash_key));
}

static bool is_size(uint32_t size)
{
	return size >= TABLE_MIN && size <= MPNIC_TABLE_MAX && !(size & (size - 1));
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	uint8_t all = 0;

	while (len--)
		all |= bytes[len];
	return !all;
}

/* REWRITE is reserved: what is not done is not promised. */
static bool actions_ok(uint16_t actions)
{
	return actions < MPNIC_ACTION_REWRITE;
}

static bool config_ok(const struct mpnic_state_config *c)
{
	unsigned int i;

	if (!is_size(c->flows) || !is_size(c->stash) || !is_size(c->conns) || !is_size(c->tokens) ||
	    !is_size(c->peers))
		return false;
	if (c->prefix4 > PREFIX4_MAX || c->prefix6 > PREFIX6_MAX)
		return false;
	if (!actions_ok(c->miss.actions) || !actions_ok(c->learnt.actions))
		return false;
	if (c->join_unknown > MPNIC_JOIN_DROP || c->join_full > MPNIC_JOIN_PUNT)
		return false;
	for (i = 0; i < sizeof(c->first_syn); i++) {
		if (c->first_syn[i] > MPNIC_FIRST_SYN_PUNT)
			return false;
	}
	return !is_zero(c->hash_key, sizeof(c->hash_key));
}

static bool id_ring_init(struct id_ring *ring, uint32_t size)
{
	ring->size = size;
	ring->ids = mpnic_zalloc(size, sizeof(*ring->ids));
	return ring->ids;
}

static void id_ring_fill(struct id_ring *ring)
{
	uint32_t id;

	for (id = 0; id < ring->size; id++)
		id_ring_put(ring, id);
}

static bool allocate(struct mpnic_state *s)
{
	const struct mpnic_state_config *c = &s->config;
	uint32_t id;

	if (mpnic_table_init(&s->flow, c->flows, KEY_WORDS, &s->hash) ||
	    mpnic_table_init(&s->stash, c->stash, KEY_WORDS, &s->hash) ||
	    mpnic_table_init(&s->masked, c->flows, KEY_WORDS, &s->hash) ||
	    mpnic_table_init(&s->token, c->tokens, TOKEN_WORDS, &s->hash) ||
	    mpnic_table_init(&s->peer, c->peers, PEER_WORDS, &s->hash))
		return false;
	s->flows = mpnic_zalloc(c->flows, sizeof(*s->flows));
	s->masked_counts = mpnic_zalloc(c->flows, sizeof(*s->masked_counts));
	s->conns = mpnic_zalloc(c->conns, sizeof(*s->conns));
	s->join_tcp = mpnic_zalloc(c->conns, sizeof(*s->join_tcp));
	s->tokens = mpnic_zalloc(c->tokens, sizeof(*s->tokens));
	s->peers = mpnic_zalloc(c->peers, sizeof(*s->peers));
	if (!s->flows || !s->masked_counts || !s->conns || !s->join_tcp || !s->tokens ||
	    !s->peers || !id_ring_init(&s->flow_ids, c->stash) ||
	    !id_ring_init(&s->token_ids, c->tokens) || !id_ring_init(&s->peer_ids, c->peers))
		return false;
	id_ring_fill(&s->token_ids);
	id_ring_fill(&s->peer_ids);
	for (id = 0; id < c->flows; id++)
		s->flows[id].conn_id = MPNIC_ID_NONE;
	return true;
}

void mpnic_state_mask(struct mpnic_state *state)
{
	memcpy(&state->mask, &state->config.mask, sizeof(state->mask));
	state->mask.word[KEY_WORDS - 1] |= 0xffull << 56;
}

int mpnic_state_new(const struct mpnic_state_config *config, struct mpnic_state **state)
{
	struct mpnic_state *s;

	if (!config_ok(config))
		return -EINVAL;
	s = mpnic_zalloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->config = *config;
	mpnic_table_hash_prepare(&s->hash, config->hash_key);
	mpnic_toeplitz_prepare(&s->rss, config->rss_key, sizeof(config->rss_key));
	mpnic_state_mask(s);
	if (!allocate(s)) {
		mpnic_state_free(s);
		return -ENOMEM;
	}
	/* Rounded up, so that the rate is never exceeded; 0: none passes. */
	if (config->join_rate && config->join_burst) {
		s->join_interval = (NS_PER_S + config->join_rate - 1ull) / config->join_rate;
		s->join_slack = (config->join_burst - 1) * s->join_interval;
	}
	*state = s;
	return 0;
}

void mpnic_state_free(struct mpnic_state *state)
{
	if (!state)
		return;
	mpnic_table_free(&state->flow);
	mpnic_table_free(&state->stash);
	mpnic_table_free(&state->masked);
	mpnic_table_free(&state->token);
	mpnic_table_free(&state->peer);
	mpnic_zfree(state->flows);
	mpnic_zfree(state->masked_counts);
	mpnic_zfree(state->conns);
	mpnic_zfree(state->join_tcp);
	mpnic_zfree(state->tokens);
	mpnic_zfree(state->peers);
	mpnic_zfree(state->flow_ids.ids);
	mpnic_zfree(state->token_ids.ids);
	mpnic_zfree(state->peer_ids.ids);
	mpnic_zfree(state);
}

/* ---- flows --------------------------------------------------------------------------------- */

static struct table_key flow_key(const struct mpnic_key *key)
{
	struct table_key k;

	_Static_assert(sizeof(k) == sizeof(*key), "key");
	memcpy(&k, key, sizeof(k));
	return k;
}

static bool in_mask(const struct mpnic_key *key, const struct mpnic_key *mask)
{
	const uint8_t *bytes = (const uint8_t *)key, *allowed = (const uint8_t *)mask;
	uint8_t beyond = 0;
	size_t i;

	for (i = 0; i < offsetof(struct mpnic_key, kind); i++)
		beyond |= bytes[i] & ~allowed[i];
	return !beyond;
}

static bool ends_in_order(const struct mpnic_key *key)
{
	const int order = memcmp(key->lo_addr, key->hi_addr, sizeof(key->lo_addr));

	return order < 0 || (order == 0 && key->lo_port <= key->hi_port);
}

/* Whether a look-up could ever find the key. */
static bool key_ok(const struct mpnic_state *state, const struct mpnic_key *key)
{
	const uint8_t version = key->kind & ~KIND_MASKED;

	if (version != 4 && version != 6)
		return false;
	if (version == 4 && (!is_zero(key->lo_addr + 4, 12) || !is_zero(key->hi_addr + 4, 12)))
		return false;
	if (key->kind & KIND_MASKED)
		return state->config.masked && in_mask(key, &state->config.mask);
	return ends_in_order(key) && (state->config.exact_vlan || !key->vlan);
}

/* An entry may say more than its connection's id; what it says must be. */
static bool flow_ok(const struct mpnic_state *state, uint32_t flow_id,
		    const struct mpnic_flow *flow)
{
	return flow_id < state->config.flows && actions_ok(flow->actions) &&
	       flow->except < 2 * MPNIC_EXCEPT_OUTRANKED &&
	       (flow->conn_id == MPNIC_ID_NONE || conn_of(state, flow->conn_id));
}

static void write_flow(struct mpnic_state *state, uint32_t flow_id, const struct mpnic_flow *flow,
		       uint8_t generation)
{
	state->flows[flow_id] = *flow;
	state->flows[flow_id].generation = generation;
	state->masked_counts[flow_id] = (struct mpnic_rule_count){0};
	mpnic_tell_dir(state, flow_id, 0);
	mpnic_tell_dir(state, flow_id, 1);
	mpnic_tell_flow(state, flow_id);
}

int mpnic_flow_insert(struct mpnic_state *state, const struct mpnic_key *key, uint32_t flow_id,
		      const struct mpnic_flow *flow)
{
	const struct table_key k = flow_key(key);
	const uint64_t hash = mpnic_table_hash(&state->hash, &k, KEY_WORDS);
	const bool masked = key->kind & KIND_MASKED;
	struct table *t = masked ? &state->masked : &state->flow;
	struct table_path path;

	if (!key_ok(state, key) || !flow_ok(state, flow_id, flow))
		return -EINVAL;
	if (mpnic_table_find(t, &k, hash) != MPNIC_ID_NONE ||
	    (!masked && mpnic_table_find(&state->stash, &k, hash) != MPNIC_ID_NONE))
		return -EEXIST;
	/* The state stands there before its key does. */
	if (mpnic_table_make_room(t, hash, &path))
		return -ENOSPC;
	write_flow(state, flow_id, flow, (uint8_t)(state->flows[flow_id].generation + 1));
	mpnic_table_place(t, &path, &k, hash, flow_id);
	return 0;
}

int mpnic_flow_remove(struct mpnic_state *state, const struct mpnic_key *key)
{
	const struct table_key k = flow_key(key);
	const uint64_t hash = mpnic_table_hash(&state->hash, &k, KEY_WORDS);

	if (key->kind & KIND_MASKED)
		return mpnic_table_remove(&state->masked, &k, hash) == MPNIC_ID_NONE ? -ENOENT : 0;
	if (mpnic_table_remove(&state->stash, &k, hash) != MPNIC_ID_NONE)
		return 0;
	return mpnic_table_remove(&state->flow, &k, hash) == MPNIC_ID_NONE ? -ENOENT : 0;
}

uint32_t mpnic_flow_find(const struct mpnic_state *state, const struct mpnic_key *key)
{
	const struct table_key k = flow_key(key);
	const uint64_t hash = mpnic_table_hash(&state->hash, &k, KEY_WORDS);
	uint32_t id;

	if (key->kind & KIND_MASKED)
		return mpnic_table_find(&state->masked, &k, hash);
	id = mpnic_table_find(&state->stash, &k, hash);
	return id != MPNIC_ID_NONE ? id : mpnic_table_find(&state->flow, &k, hash);
}

const struct mpnic_flow *mpnic_flow_at(const struct mpnic_state *state, uint32_t flow_id)
{
	return flow_id < state->config.flows ? &state->flows[flow_id] : NULL;
}

const struct mpnic_rule_count *mpnic_masked_count(const struct mpnic_state *state, uint32_t flow_id)
{
	return flow_id < state->config.flows ? &state->masked_counts[flow_id] : NULL;
}

int mpnic_flow_set(struct mpnic_state *state, uint32_t flow_id, const struct mpnic_flow *flow)
{
	const struct mpnic_flow *at = mpnic_flow_at(state, flow_id);
	struct mpnic_flow before;
	unsigned int d;

	if (!flow_ok(state, flow_id, flow))
		return -EINVAL;
	before = *at;
	state->flows[flow_id] = *flow;
	state->flows[flow_id].generation = before.generation;
	state->masked_counts[flow_id] = (struct mpnic_rule_count){0};
	for (d = 0; d < 2; d++) {
		if (memcmp(&before.dir[d], &at->dir[d], sizeof(before.dir[d])))
			mpnic_tell_dir(state, flow_id, d);
	}
	mpnic_tell_flow(state, flow_id);
	return 0;
}

int mpnic_flow_id_give(struct mpnic_state *state, uint32_t flow_id)
{
	if (flow_id >= state->config.flows)
		return -EINVAL;
	if (!id_ring_put(&state->flow_ids, flow_id))
		return -ENOSPC;
	mpnic_tell_give(state, flow_id);
	return 0;
}

int mpnic_stash_move(struct mpnic_state *state, const struct mpnic_key *key)
{
	const struct table_key k = flow_key(key);
	const uint64_t hash = mpnic_table_hash(&state->hash, &k, KEY_WORDS);
	const uint32_t id = mpnic_table_find(&state->stash, &k, hash);
	int err;

	if (id == MPNIC_ID_NONE)
		return -ENOENT;
	/* It is found in both for a moment, and never in neither. */
	err = mpnic_table_insert(&state->flow, &k, hash, id);
	if (!err)
		mpnic_table_remove(&state->stash, &k, hash);
	return err;
}

const struct mpnic_conn *mpnic_conn_at(const struct mpnic_state *state, uint32_t conn_id)
{
	return conn_of(state, conn_id);
}

int mpnic_conn_set(struct mpnic_state *state, uint32_t conn_id, const struct mpnic_conn *conn)
{
	struct mpnic_conn *to = conn_of(state, conn_id);
	struct mpnic_conn before;

	if (!to)
		return -EINVAL;
	before = *to;
	*to = *conn;
	state->join_tcp[conn_id] = conn->flags & MPNIC_CONN_TCP;
	mpnic_tell_conn(state, conn_id, &before);
	return 0;
}

/* ---- tokens and peers ---------------------------------------------------------------------- */

/* The key takes the index of a free entry, which is written before. A table has as many entries as
 * places, so that there is one if there is a place. */
static int insert_index(struct mpnic_state *state, struct table *t, struct id_ring *free_ids,
			const struct table_key *key)
{
	const uint64_t hash = mpnic_table_hash(&state->hash, key, t->key_words);
	const uint32_t index = id_ring_first(free_ids);
	int err;

	if (index == MPNIC_ID_NONE)
		return mpnic_table_find(t, key, hash) == MPNIC_ID_NONE ? -ENOSPC : -EEXIST;
	err = mpnic_table_insert(t, key, hash, index);
	if (!err)
		id_ring_drop(free_ids);
	return err;
}

static int remove_index(struct mpnic_state *state, struct table *t, struct id_ring *free_ids,
			const struct table_key *key)
{
	const uint64_t hash = mpnic_table_hash(&state->hash, key, t->key_words);
	const uint32_t index = mpnic_table_remove(t, key, hash);

	if (index == MPNIC_ID_NONE)
		return -ENOENT;
	id_ring_put(free_ids, index);
	return 0;
}

int mpnic_token_insert(struct mpnic_state *state, const struct mpnic_token_entry *entry)
{
	const struct table_key key = token_key(entry->token);
	const uint32_t index = id_ring_first(&state->token_ids);

	if (!conn_of(state, entry->conn_id))
		return -EINVAL;
	if (index != MPNIC_ID_NONE) {
		state->tokens[index] = *entry;
		mpnic_tell_token(state, index);
	}
	return insert_index(state, &state->token, &state->token_ids, &key);
}

int mpnic_token_remove(struct mpnic_state *state, uint32_t token)
{
	const struct table_key key = token_key(token);

	return remove_index(state, &state->token, &state->token_ids, &key);
}

uint32_t mpnic_token_index(const struct mpnic_state *state, uint32_t token)
{
	const struct table_key key = token_key(token);

	return mpnic_table_find(&state->token, &key,
				mpnic_table_hash(&state->hash, &key, TOKEN_WORDS));
}

const struct mpnic_token_entry *mpnic_token_find(const struct mpnic_state *state, uint32_t token)
{
	const uint32_t index = mpnic_token_index(state, token);

	return index == MPNIC_ID_NONE ? NULL : &state->tokens[index];
}

int mpnic_token_set(struct mpnic_state *state, const struct mpnic_token_entry *entry)
{
	const uint32_t index = mpnic_token_index(state, entry->token);

	if (!conn_of(state, entry->conn_id))
		return -EINVAL;
	if (index == MPNIC_ID_NONE)
		return -ENOENT;
	state->tokens[index] = *entry;
	mpnic_tell_token(state, index);
	return 0;
}

void mpnic_peer_prefix(const struct mpnic_state *state, uint8_t ip_version, uint8_t *addr)
{
	const unsigned int bits = ip_version == 4 ? state->config.prefix4 : state->config.prefix6;
	const unsigned int whole = bits / 8;

	if (whole >= 16)
		return;
	addr[whole] &= (uint8_t)(0xff00 >> bits % 8);
	memset(addr + whole + 1, 0, 15 - whole);
}

struct table_key mpnic_peer_key(const struct mpnic_peer_entry *entry)
{
	struct table_key key = {0};

	memcpy(&key, entry, offsetof(struct mpnic_peer_entry, speaks));
	return key;
}

static bool peer_ok(const struct mpnic_state *state, const struct mpnic_peer_entry *entry)
{
	uint8_t addr[sizeof(entry->addr)];

	if (entry->ip_version != 4 && entry->ip_version != 6)
		return false;
	if (entry->ip_version == 4 && !is_zero(entry->addr + 4, 12))
		return false;
	memcpy(addr, entry->addr, sizeof(addr));
	mpnic_peer_prefix(state, entry->ip_version, addr);
	return !memcmp(addr, entry->addr, sizeof(addr)) && entry->speaks <= MPNIC_SPEAKS_NONE &&
	       entry->first_syn <= MPNIC_FIRST_SYN_PUNT;
}

int mpnic_peer_insert(struct mpnic_state *state, const struct mpnic_peer_entry *entry)
{
	const struct table_key key = mpnic_peer_key(entry);
	const uint32_t index = id_ring_first(&state->peer_ids);

	if (!peer_ok(state, entry))
		return -EINVAL;
	if (index != MPNIC_ID_NONE)
		state->peers[index] = *entry;
	return insert_index(state, &state->peer, &state->peer_ids, &key);
}

int mpnic_peer_remove(struct mpnic_state *state, const struct mpnic_peer_entry *entry)
{
	const struct table_key key = mpnic_peer_key(entry);

	return remove_index(state, &state->peer, &state->peer_ids, &key);
}

const struct mpnic_peer_entry *mpnic_peer_find(const struct mpnic_state *state,
					       const struct mpnic_peer_entry *entry)
{
	const struct table_key key = mpnic_peer_key(entry);
	const uint32_t index = mpnic_table_find(&state->peer, &key,
						mpnic_table_hash(&state->hash, &key, PEER_WORDS));

	return index == MPNIC_ID_NONE ? NULL : &state->peers[index];
}

/* ---- rules --------------------------------------------------------------------------------- */

static void add_rule(struct mpnic_state *state, unsigned int index)
{
	const struct mpnic_rule *from = &state->rule[index];
	unsigned int at = state->rule_count++, i;
	struct rule *rule;

	/* Behind all of the same prio, for indices come in their order. */
	for (; at && state->rules[at - 1].action.prio > from->prio; at--)
		state->rules[at] = state->rules[at - 1];
	rule = &state->rules[at];
	*rule = (struct rule){
		.index = (uint8_t)index,
		.action.mark = from->mark,
		.action.rx_queue = from->rx_queue,
		.action.strip = from->strip,
		.action.actions = from->actions,
		.action.prio = from->prio,
	};
	memcpy(rule->value, from->value, sizeof(rule->value));
	memcpy(rule->mask, from->mask, sizeof(rule->mask));
	for (i = 0; i < RULE_WORDS; i++)
		rule->value[i] &= rule->mask[i];
}

void mpnic_rules_sort(struct mpnic_state *state)
{
	unsigned int i;

	state->rule_count = 0;
	for (i = 0; i < MPNIC_RULES; i++) {
		if (state->rule[i].valid)
			add_rule(state, i);
	}
}

int mpnic_rule_set(struct mpnic_state *state, unsigned int index, const struct mpnic_rule *rule)
{
	if (index >= MPNIC_RULES)
		return -EINVAL;
	if (rule && (rule->valid > 1 || !actions_ok(rule->actions)))
		return -EINVAL;
	memset(&state->rule_counts[index], 0, sizeof(state->rule_counts[index]));
	if (rule)
		state->rule[index] = *rule;
	else
		memset(&state->rule[index], 0, sizeof(state->rule[index]));
	mpnic_rules_sort(state);
	mpnic_tell_rule(state, index);
	return 0;
}

const struct mpnic_rule_count *mpnic_rule_count(const struct mpnic_state *state, unsigned int index)
{
	return index < MPNIC_RULES ? &state->rule_counts[index] : NULL;
}

/* ---- statistics ---------------------------------------------------------------------------- */

void mpnic_table_stats(const struct mpnic_state *state, enum mpnic_table_code table,
		       struct mpnic_table_stats *stats)
{
	switch (table) {
	case MPNIC_TABLE_FLOW:
		*stats = state->flow.stats;
		break;
	case MPNIC_TABLE_STASH:
		*stats = state->stash.stats;
		break;
	case MPNIC_TABLE_MASKED:
		*stats = state->masked.stats;
		break;
	case MPNIC_TABLE_TOKEN:
		*stats = state->token.stats;
		break;
	case MPNIC_TABLE_PEER:
		*stats = state->peer.stats;
		break;
	default:
		*stats = (struct mpnic_table_stats){0};
	}
}

const struct mpnic_state_counters *mpnic_state_counters(const struct mpnic_state *state,
							unsigned int source)
{
	return source < SOURCES ? &state->counters[source] : NULL;
}
