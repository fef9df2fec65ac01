/* SPDX-License-Identifier: BSD-3-Clause */
/* The table port's work as commands to the NIC's gates (record table_cmd), for who watches. */
#include "state.h"

static void tell(struct mpnic_state *state, uint8_t op, uint8_t which, uint32_t id,
		 const void *data, size_t len)
{
	struct mpnic_table_cmd cmd = {.op = op, .which = which, .id = id};

	if (!state->tell)
		return;
	if (len)
		memcpy(cmd.data, data, len);
	state->tell(state->tell_ctx, &cmd);
}

/* Record flow behind its directions. */
void mpnic_tell_flow(struct mpnic_state *state, uint32_t flow_id)
{
	const struct mpnic_flow *flow = &state->flows[flow_id];

	tell(state, MPNIC_TABLE_OP_FLOW, 0, flow_id, &flow->packets,
	     sizeof(*flow) - offsetof(struct mpnic_flow, packets));
}

void mpnic_tell_dir(struct mpnic_state *state, uint32_t flow_id, unsigned int dir)
{
	const struct mpnic_flow *flow = &state->flows[flow_id];

	tell(state, MPNIC_TABLE_OP_DSS_WRITE, (uint8_t)(MPNIC_DSS_MEM_DIR0 + dir), flow_id,
	     &flow->dir[dir], sizeof(flow->dir[dir]));
}

/*
 * What gates do not look at is not told. A connection that was all zero is told whole: it may be
 * new, and the NIC's memories hold anything then.
 */
void mpnic_tell_conn(struct mpnic_state *state, uint32_t conn_id, const struct mpnic_conn *before)
{
	static const struct mpnic_conn none;
	const struct mpnic_conn *conn = &state->conns[conn_id];
	const bool whole = !memcmp(before, &none, sizeof(none));
	uint8_t fixed[9];

	if (whole || before->rx_queue != conn->rx_queue || before->flags != conn->flags ||
	    before->version != conn->version)
		tell(state, MPNIC_TABLE_OP_CONN, 0, conn_id, &conn->rx_queue, 4);
	if (whole || before->idsn[0] != conn->idsn[0] || before->flags != conn->flags) {
		memcpy(fixed, &conn->idsn[0], 8);
		fixed[8] = conn->flags;
		tell(state, MPNIC_TABLE_OP_DSS_WRITE, MPNIC_DSS_MEM_CONN, conn_id, fixed,
		     sizeof(fixed));
	}
	if (whole || memcmp(before->dsn_next, conn->dsn_next, sizeof(conn->dsn_next)))
		tell(state, MPNIC_TABLE_OP_DSS_WRITE, MPNIC_DSS_MEM_NEXT, conn_id, conn->dsn_next,
		     sizeof(conn->dsn_next));
}

void mpnic_tell_token(struct mpnic_state *state, uint32_t index)
{
	tell(state, MPNIC_TABLE_OP_TOKEN, 0, index, &state->tokens[index],
	     sizeof(state->tokens[index]));
}

void mpnic_tell_give(struct mpnic_state *state, uint32_t flow_id)
{
	tell(state, MPNIC_TABLE_OP_GIVE, 0, flow_id, &state->flows[flow_id].generation, 1);
}

void mpnic_tell_rule(struct mpnic_state *state, unsigned int index)
{
	const struct mpnic_rule *rule = &state->rule[index];

	tell(state, MPNIC_TABLE_OP_RULE_OFF, 0, index, NULL, 0);
	tell(state, MPNIC_TABLE_OP_RULE_LOAD, 0, index, rule, sizeof(*rule));
	if (rule->valid)
		tell(state, MPNIC_TABLE_OP_RULE_ON, 0, index, NULL, 0);
}

static enum mpnic_table_code table_code(const struct mpnic_state *state, const struct table *t)
{
	if (t == &state->flow)
		return MPNIC_TABLE_FLOW;
	if (t == &state->stash)
		return MPNIC_TABLE_STASH;
	if (t == &state->masked)
		return MPNIC_TABLE_MASKED;
	return t == &state->token ? MPNIC_TABLE_TOKEN : MPNIC_TABLE_PEER;
}

static void tell_place(void *ctx, const struct table *t, uint32_t place)
{
	struct mpnic_state *state = ctx;
	const enum mpnic_table_code code = table_code(state, t);
	const uint32_t value = t->buckets[place / TABLE_WAYS].value[place % TABLE_WAYS];
	struct mpnic_table_place at = {.valid = value != MPNIC_ID_NONE};

	/* Only gates put there. */
	if (code == MPNIC_TABLE_STASH && at.valid)
		return;
	if (at.valid) {
		memcpy(at.key, t->keys + ((size_t)place << t->key_shift),
		       t->key_words * sizeof(*t->keys));
		at.value = value;
		if (code == MPNIC_TABLE_PEER)
			at.value = (uint32_t)(state->peers[value].speaks |
					      state->peers[value].first_syn << 8);
	}
	tell(state, MPNIC_TABLE_OP_WRITE, (uint8_t)code, place, &at, sizeof(at));
}

static void set_settings(const struct mpnic_state *state, struct mpnic_settings *settings)
{
	const struct mpnic_state_config *c = &state->config;

	*settings = (struct mpnic_settings){
		.mask = c->mask,
		.host_sources = c->host_sources,
		.join_interval = state->join_interval,
		.join_slack = state->join_slack,
		.miss = c->miss,
		.event_mask = c->event_mask,
		.learnt = c->learnt,
		.exact_vlan = c->exact_vlan,
		.prefix4 = c->prefix4,
		.prefix6 = c->prefix6,
		.join_policy =
			(uint8_t)(c->join_unknown | (c->join_full == MPNIC_JOIN_PUNT ? 4 : 0)),
	};
}

void mpnic_state_watch(struct mpnic_state *state, mpnic_command_fn *fn, void *ctx,
		       struct mpnic_settings *settings)
{
	struct table *tables[] = {&state->flow, &state->stash, &state->masked, &state->token,
				  &state->peer};
	const struct mpnic_state_config *c = &state->config;
	const struct id_ring *ids = &state->flow_ids;
	unsigned int i;

	state->tell = fn;
	state->tell_ctx = ctx;
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		tables[i]->wrote = tell_place;
		tables[i]->wrote_ctx = state;
	}
	set_settings(state, settings);
	tell(state, MPNIC_TABLE_OP_HASH_KEY, 0, 0, c->hash_key, sizeof(c->hash_key));
	tell(state, MPNIC_TABLE_OP_RSS_KEY, 0, 0, c->rss_key, sizeof(c->rss_key));
	for (i = 0; i < SOURCES; i++)
		tell(state, MPNIC_TABLE_OP_NETWORK, 0, i, &c->network[i], 1);
	for (i = 0; i < sizeof(c->first_syn); i++)
		tell(state, MPNIC_TABLE_OP_FIRST_SYN, 0, i, &c->first_syn[i], 1);
	for (i = 0; i < MPNIC_RETA_SIZE; i++)
		tell(state, MPNIC_TABLE_OP_RETA, 0, i, &c->reta[i], 2);
	for (i = 0; i < ids->count; i++)
		mpnic_tell_give(state, ids->ids[(ids->first + i) & (ids->size - 1)]);
}
