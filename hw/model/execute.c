/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table port as gates have it: raw commands (record table_cmd), done as hw/rtl/mpnic_flow.sv
 * and mpnic_dss.sv do them. The inverse of commands.c.
 */
#include <errno.h>

#include "state.h"

enum {
	ACTION_BITS = 2 * MPNIC_ACTION_REWRITE - 1,
	FLOW_BITS = 2 * MPNIC_FLOW_STATE_PROVISIONAL - 1,
	EXCEPT_BITS = 2 * MPNIC_EXCEPT_OUTRANKED - 1,
	DIR_BITS = 2 * MPNIC_DIR_END - 1,
	TOKEN_BITS = 2 * MPNIC_TOKEN_ENTRY_PUNT - 1,
	JUDGE_BITS = 15,
	PEER_BITS = 3, /* of speaks, of first_syn */
	FLOW_TAIL = offsetof(struct mpnic_flow, packets),
	COUNTERS = sizeof(struct mpnic_state_counters) / 8,
	JOIN_FULL = 1 << 2, /* of settings.join_policy */
};

/* ---- tables -------------------------------------------------------------------------------- */

static struct table *table_of(struct mpnic_state *state, uint8_t which)
{
	switch (which) {
	case MPNIC_TABLE_FLOW:
		return &state->flow;
	case MPNIC_TABLE_STASH:
		return &state->stash;
	case MPNIC_TABLE_MASKED:
		return &state->masked;
	case MPNIC_TABLE_TOKEN:
		return &state->token;
	case MPNIC_TABLE_PEER:
		return &state->peer;
	default:
		return NULL;
	}
}

static size_t key_bytes(uint8_t which)
{
	if (which == MPNIC_TABLE_TOKEN)
		return sizeof(uint32_t);
	return which == MPNIC_TABLE_PEER ? offsetof(struct mpnic_peer_entry, speaks)
					 : sizeof(struct mpnic_key);
}

/* What a table's memory holds of a value. The model keeps a peer's in its entry, which by commands
 * is that of the place. */
static uint32_t value_of(struct mpnic_state *state, uint8_t which, uint32_t place,
			 const struct mpnic_table_place *given)
{
	struct mpnic_peer_entry *peer;

	if (which == MPNIC_TABLE_TOKEN)
		return given->value & (state->config.tokens - 1);
	if (which != MPNIC_TABLE_PEER)
		return given->value & (state->config.flows - 1);
	peer = &state->peers[place];
	memcpy(peer, given->key, offsetof(struct mpnic_peer_entry, speaks));
	peer->speaks = given->value & PEER_BITS;
	peer->first_syn = given->value >> 8 & PEER_BITS;
	return place;
}

static void write_place(struct mpnic_state *state, const struct mpnic_table_cmd *cmd)
{
	struct table *t = table_of(state, cmd->which);
	struct mpnic_table_place given;
	struct table_key key = {0};
	uint32_t place;

	if (!t)
		return;
	place = cmd->id & (t->stats.size - 1);
	memcpy(&given, cmd->data, sizeof(given));
	/* Into the stash gates alone put. */
	if (!(given.valid & 1) || t == &state->stash) {
		mpnic_table_write(t, place, &key, MPNIC_ID_NONE);
		return;
	}
	memcpy(&key, given.key, key_bytes(cmd->which));
	mpnic_table_write(t, place, &key, value_of(state, cmd->which, place, &given));
}

/* Of a place that is not taken key and value mean nothing: here they are zero. */
static void read_place(struct mpnic_state *state, const struct mpnic_table_cmd *cmd,
		       struct mpnic_table_rsp *rsp)
{
	const struct table *t = table_of(state, cmd->which);
	struct mpnic_table_place at = {.valid = 1};
	uint32_t place;

	if (!t)
		return;
	place = cmd->id & (t->stats.size - 1);
	at.value = t->buckets[place / TABLE_WAYS].value[place % TABLE_WAYS];
	if (at.value == MPNIC_ID_NONE)
		return;
	memcpy(at.key, t->keys + ((size_t)place << t->key_shift), key_bytes(cmd->which));
	if (t == &state->peer)
		at.value = state->peers[at.value].speaks |
			   (uint32_t)state->peers[at.value].first_syn << 8;
	memcpy(rsp->data, &at, sizeof(at));
}

/* Of one key what a look-up sees. */
static void find_key(const struct mpnic_state *state, const struct mpnic_table_cmd *cmd,
		     struct mpnic_table_rsp *rsp)
{
	struct mpnic_table_found found = {0};
	struct table_key key;

	_Static_assert(sizeof(key) == sizeof(struct mpnic_key), "key");
	memcpy(&key, cmd->data, sizeof(key));
	found.hash = mpnic_table_hash(&state->hash, &key, KEY_WORDS);
	table_prefetch(&state->flow, found.hash);
	table_prefetch(&state->masked, found.hash);
	mpnic_table_look(&state->flow, &key, found.hash, &found.flow_hits, &found.flow_taken);
	mpnic_table_look(&state->masked, &key, found.hash, &found.masked_hits, &found.masked_taken);
	found.stash_hit = mpnic_table_find(&state->stash, &key, found.hash) != MPNIC_ID_NONE;
	memcpy(rsp->data, &found, sizeof(found));
}

static void set_hash_key(struct mpnic_state *state, const uint8_t *key)
{
	memcpy(state->config.hash_key, key, sizeof(state->config.hash_key));
	mpnic_table_hash_prepare(&state->hash, key);
	mpnic_table_clear(&state->flow);
	mpnic_table_clear(&state->stash);
	mpnic_table_clear(&state->masked);
	mpnic_table_clear(&state->token);
	mpnic_table_clear(&state->peer);
}

/* ---- state at ids -------------------------------------------------------------------------- */

static struct mpnic_flow *flow_of(struct mpnic_state *state, uint32_t id)
{
	return &state->flows[id & (state->config.flows - 1)];
}

static uint32_t conn_in_range(const struct mpnic_state *state, uint32_t conn_id)
{
	return conn_id < state->config.conns ? conn_id : MPNIC_ID_NONE;
}

static void write_flow(struct mpnic_state *state, const struct mpnic_table_cmd *cmd)
{
	struct mpnic_flow *flow = flow_of(state, cmd->id);

	memcpy(&flow->packets, cmd->data, sizeof(*flow) - FLOW_TAIL);
	flow->conn_id = conn_in_range(state, flow->conn_id);
	flow->actions &= ACTION_BITS;
	flow->flags &= FLOW_BITS;
	flow->except &= EXCEPT_BITS;
	memset(flow->reserved, 0, sizeof(flow->reserved));
	state->masked_counts[flow - state->flows] = (struct mpnic_rule_count){0};
}

static void read_flow(struct mpnic_state *state, const struct mpnic_table_cmd *cmd,
		      struct mpnic_table_rsp *rsp)
{
	struct mpnic_flow flow = *flow_of(state, cmd->id);
	const struct mpnic_rule_count *count =
		&state->masked_counts[cmd->id & (state->config.flows - 1)];

	_Static_assert(sizeof(rsp->data) == sizeof(flow) - FLOW_TAIL, "flow");
	if (cmd->op == MPNIC_TABLE_OP_MASKED_READ) {
		flow.packets = count->packets;
		flow.bytes = count->bytes;
		flow.last_seen = count->last_seen;
	}
	memcpy(rsp->data, &flow.packets, sizeof(rsp->data));
}

/* What flow keeps of a connection. Its flag TCP and that of dss are written one after the other. */
static void write_conn(struct mpnic_state *state, const struct mpnic_table_cmd *cmd)
{
	const uint32_t id = cmd->id & (state->config.conns - 1);
	const uint8_t flags = cmd->data[3];
	struct mpnic_conn *conn = &state->conns[id];

	memcpy(&conn->rx_queue, cmd->data, sizeof(conn->rx_queue));
	conn->version = cmd->data[2];
	conn->flags &= (uint8_t)~MPNIC_CONN_QUEUE;
	conn->flags |= flags & MPNIC_CONN_QUEUE;
	state->join_tcp[id] = flags & MPNIC_CONN_TCP;
}

static void write_token(struct mpnic_state *state, const struct mpnic_table_cmd *cmd)
{
	struct mpnic_token_entry *entry = &state->tokens[cmd->id & (state->config.tokens - 1)];

	memcpy(entry, cmd->data, sizeof(*entry));
	entry->conn_id = conn_in_range(state, entry->conn_id);
	entry->flags &= TOKEN_BITS;
	entry->reserved = 0;
}

/* The token itself stands in the table. */
static void read_token(struct mpnic_state *state, const struct mpnic_table_cmd *cmd,
		       struct mpnic_table_rsp *rsp)
{
	struct mpnic_token_entry entry = state->tokens[cmd->id & (state->config.tokens - 1)];

	entry.token = 0;
	memcpy(rsp->data, &entry, sizeof(entry));
}

static void give_id(struct mpnic_state *state, const struct mpnic_table_cmd *cmd)
{
	struct mpnic_flow *flow = flow_of(state, cmd->id);

	if (id_ring_put(&state->flow_ids, (uint32_t)(flow - state->flows)))
		flow->generation = cmd->data[0];
}

/* ---- stage dss ----------------------------------------------------------------------------- */

static void write_dss(struct mpnic_state *state, const struct mpnic_table_cmd *cmd)
{
	struct mpnic_conn *conn = &state->conns[cmd->id & (state->config.conns - 1)];
	const uint8_t what = cmd->which & 3, kept = MPNIC_CONN_CSUM | MPNIC_CONN_TCP;
	struct mpnic_dir *dir;

	switch (what) {
	case MPNIC_DSS_MEM_NEXT:
		memcpy(conn->dsn_next, cmd->data, sizeof(conn->dsn_next));
		return;
	case MPNIC_DSS_MEM_CONN:
		memcpy(&conn->idsn[0], cmd->data, sizeof(conn->idsn[0]));
		conn->flags &= (uint8_t)~kept;
		conn->flags |= cmd->data[sizeof(conn->idsn[0])] & kept;
		return;
	default:
		dir = &flow_of(state, cmd->id)->dir[what];
		memcpy(dir, cmd->data, sizeof(*dir));
		dir->flags &= DIR_BITS;
		dir->map_judge &= JUDGE_BITS;
		dir->reserved = 0;
	}
}

static void read_dss(struct mpnic_state *state, const struct mpnic_table_cmd *cmd,
		     struct mpnic_table_rsp *rsp)
{
	const struct mpnic_conn *conn = &state->conns[cmd->id & (state->config.conns - 1)];
	const uint8_t what = cmd->which & 3;
	const struct mpnic_dir *dir;

	if (what == MPNIC_DSS_MEM_CONN)
		return;
	if (what == MPNIC_DSS_MEM_NEXT) {
		memcpy(rsp->data, conn->dsn_next, sizeof(conn->dsn_next));
		return;
	}
	dir = &flow_of(state, cmd->id)->dir[what];
	memcpy(rsp->data, dir, sizeof(*dir));
}

/* ---- rules, small memories, counters ------------------------------------------------------- */

static void load_rule(struct mpnic_state *state, unsigned int index, const uint8_t *data)
{
	memcpy(&state->rule[index], data, sizeof(state->rule[index]));
	state->rule[index].valid = 0;
	memset(&state->rule_counts[index], 0, sizeof(state->rule_counts[index]));
	mpnic_rules_sort(state);
}

static void switch_rule(struct mpnic_state *state, unsigned int index, bool on)
{
	state->rule[index].valid = on;
	mpnic_rules_sort(state);
}

static void read_rule(const struct mpnic_state *state, unsigned int index,
		      struct mpnic_table_rsp *rsp)
{
	const struct mpnic_rule_count *count = &state->rule_counts[index];

	memcpy(rsp->data, &count->packets, 8);
	memcpy(rsp->data + 8, &count->bytes, 8);
	memcpy(rsp->data + 16, &count->last_seen, 4);
}

static void read_counter(const struct mpnic_state *state, const struct mpnic_table_cmd *cmd,
			 struct mpnic_table_rsp *rsp)
{
	const struct mpnic_state_counters *counters = &state->counters[cmd->which % SOURCES];
	const unsigned int number = cmd->id & 127;

	if (number < COUNTERS)
		memcpy(rsp->data, (const uint8_t *)counters + (size_t)number * 8, 8);
}

int mpnic_state_command(struct mpnic_state *state, const struct mpnic_table_cmd *cmd,
			struct mpnic_table_rsp *rsp)
{
	const unsigned int rule = cmd->id % MPNIC_RULES;

	memset(rsp, 0, sizeof(*rsp));
	switch (cmd->op) {
	case MPNIC_TABLE_OP_WRITE:
		write_place(state, cmd);
		return 0;
	case MPNIC_TABLE_OP_READ:
		read_place(state, cmd, rsp);
		return 0;
	case MPNIC_TABLE_OP_FLOW:
		write_flow(state, cmd);
		return 0;
	case MPNIC_TABLE_OP_FLOW_READ:
	case MPNIC_TABLE_OP_MASKED_READ:
		read_flow(state, cmd, rsp);
		return 0;
	case MPNIC_TABLE_OP_CONN:
		write_conn(state, cmd);
		return 0;
	case MPNIC_TABLE_OP_TOKEN:
		write_token(state, cmd);
		return 0;
	case MPNIC_TABLE_OP_TOKEN_READ:
		read_token(state, cmd, rsp);
		return 0;
	case MPNIC_TABLE_OP_GIVE:
		give_id(state, cmd);
		return 0;
	case MPNIC_TABLE_OP_RULE_OFF:
	case MPNIC_TABLE_OP_RULE_ON:
		switch_rule(state, rule, cmd->op == MPNIC_TABLE_OP_RULE_ON);
		return 0;
	case MPNIC_TABLE_OP_RULE_LOAD:
		load_rule(state, rule, cmd->data);
		return 0;
	case MPNIC_TABLE_OP_RULE_READ:
		read_rule(state, rule, rsp);
		return 0;
	case MPNIC_TABLE_OP_DSS_READ:
		read_dss(state, cmd, rsp);
		return 0;
	case MPNIC_TABLE_OP_DSS_WRITE:
		write_dss(state, cmd);
		return 0;
	case MPNIC_TABLE_OP_NETWORK:
		state->config.network[cmd->id % SOURCES] = cmd->data[0];
		return 0;
	case MPNIC_TABLE_OP_FIRST_SYN:
		state->config.first_syn[cmd->id % sizeof(state->config.first_syn)] =
			cmd->data[0] & PEER_BITS;
		return 0;
	case MPNIC_TABLE_OP_RETA:
		memcpy(&state->config.reta[cmd->id % MPNIC_RETA_SIZE], cmd->data, 2);
		return 0;
	case MPNIC_TABLE_OP_HASH_KEY:
		set_hash_key(state, cmd->data);
		return 0;
	case MPNIC_TABLE_OP_RSS_KEY:
		memcpy(state->config.rss_key, cmd->data, sizeof(state->config.rss_key));
		mpnic_toeplitz_prepare(&state->rss, cmd->data, sizeof(state->config.rss_key));
		return 0;
	case MPNIC_TABLE_OP_COUNT:
		read_counter(state, cmd, rsp);
		return 0;
	case MPNIC_TABLE_OP_FIND:
		find_key(state, cmd, rsp);
		return 0;
	default:
		return -EINVAL;
	}
}

/* ---- settings ------------------------------------------------------------------------------ */

int mpnic_state_settings(struct mpnic_state *state, const struct mpnic_settings *settings)
{
	struct mpnic_state_config *c = &state->config;

	if (settings->prefix4 > PREFIX4_MAX || settings->prefix6 > PREFIX6_MAX ||
	    settings->exact_vlan > 1 || settings->miss.actions >= MPNIC_ACTION_REWRITE ||
	    settings->learnt.actions >= MPNIC_ACTION_REWRITE ||
	    (settings->join_policy & ~JOIN_FULL) > MPNIC_JOIN_DROP)
		return -EINVAL;
	c->mask = settings->mask;
	mpnic_state_mask(state);
	c->host_sources = settings->host_sources;
	c->miss = settings->miss;
	c->learnt = settings->learnt;
	c->event_mask = settings->event_mask;
	c->exact_vlan = settings->exact_vlan;
	c->prefix4 = settings->prefix4;
	c->prefix6 = settings->prefix6;
	c->join_unknown = settings->join_policy & (JOIN_FULL - 1);
	c->join_full = settings->join_policy & JOIN_FULL ? MPNIC_JOIN_PUNT : MPNIC_JOIN_PASS;
	state->join_interval = settings->join_interval;
	state->join_slack = settings->join_slack;
	return 0;
}
