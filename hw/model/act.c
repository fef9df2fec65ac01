/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage act: what is done with a frame, events and counters. Rules: docs/state.md, "act". */
#include "state.h"

#define SIGN(name) MPNIC_SIGN_##name

enum {
	DONE_LATER = MPNIC_ACTION_DROP | MPNIC_ACTION_PUNT | MPNIC_ACTION_STRIP,
	ACTIONS_DONE = MPNIC_ACTION_REWRITE - 1,
};

static void apply_action(const struct mpnic_action *action, struct mpnic_result *result)
{
	result->actions = action->actions & ACTIONS_DONE;
	if (action->actions & MPNIC_ACTION_MARK)
		result->mark = action->mark;
	if (action->actions & MPNIC_ACTION_STRIP)
		result->strip = action->strip;
	if (action->actions & MPNIC_ACTION_DROP)
		result->drop = MPNIC_DROP_ACTION;
	if (action->actions & MPNIC_ACTION_PUNT)
		result->punt = MPNIC_PUNT_ACTION;
}

/*
 * Whether one more punt of an MP_JOIN is within rate and burst. The bucket is kept as the time at
 * which it would be full again: a comparison and an addition, where tokens need a product.
 */
static bool take_join_punt(struct mpnic_state *state)
{
	const uint64_t now = state->now;
	const uint64_t start = state->join_next > now ? state->join_next : now;

	if (!state->join_interval || start - now > state->join_slack)
		return false;
	state->join_next = start + state->join_interval;
	return true;
}

static void punt_limited(struct mpnic_state *state, uint8_t reason, struct mpnic_result *result)
{
	if (result->punt)
		return;
	if (take_join_punt(state))
		result->punt = reason;
	else
		result->drop = MPNIC_DROP_JOIN_LIMIT;
}

static void act_on_join(struct mpnic_state *state, struct mpnic_result *result)
{
	switch (result->token) {
	case MPNIC_TOKEN_UNKNOWN:
		if (state->config.join_unknown == MPNIC_JOIN_PUNT)
			punt_limited(state, MPNIC_PUNT_JOIN_UNKNOWN, result);
		else if (state->config.join_unknown == MPNIC_JOIN_DROP)
			result->drop = MPNIC_DROP_JOIN_UNKNOWN;
		return;
	case MPNIC_TOKEN_PUNTED:
		if (!result->punt)
			result->punt = MPNIC_PUNT_JOIN;
		return;
	case MPNIC_TOKEN_CAPPED:
	case MPNIC_TOKEN_FULL:
		if (state->config.join_full == MPNIC_JOIN_PUNT)
			punt_limited(state, MPNIC_PUNT_JOIN_FULL, result);
		return;
	default:
		return;
	}
}

static void act_on_first_syn(uint8_t first_syn, struct mpnic_result *result)
{
	if (first_syn == MPNIC_FIRST_SYN_STRIP)
		result->strip |= 1u << MPNIC_SUBTYPE_MP_CAPABLE;
	else if (first_syn == MPNIC_FIRST_SYN_PUNT && !result->punt)
		result->punt = MPNIC_PUNT_FIRST_SYN;
}

/* What came of it. */
static void settle(struct mpnic_result *result)
{
	if (result->drop)
		result->punt = MPNIC_PUNT_NONE;
	if (result->drop || result->punt)
		result->strip = 0;
	result->actions &= ~DONE_LATER;
	if (result->drop)
		result->actions |= MPNIC_ACTION_DROP;
	if (result->punt)
		result->actions |= MPNIC_ACTION_PUNT;
	if (result->strip)
		result->actions |= MPNIC_ACTION_STRIP;
}

static uint32_t signs_of(const struct mpnic_hdr *hdr, const struct mpnic_result *result)
{
	static const uint32_t by_token[] = {
		[MPNIC_TOKEN_KNOWN] = SIGN(JOIN),
		[MPNIC_TOKEN_LEARNT] = SIGN(JOIN) | SIGN(JOIN_LEARNT),
		[MPNIC_TOKEN_PUNTED] = SIGN(JOIN),
		[MPNIC_TOKEN_UNKNOWN] = SIGN(JOIN_UNKNOWN),
		[MPNIC_TOKEN_CAPPED] = SIGN(JOIN) | SIGN(JOIN_REFUSED),
		[MPNIC_TOKEN_FULL] = SIGN(JOIN) | SIGN(JOIN_REFUSED),
		[MPNIC_TOKEN_FALLBACK] = SIGN(JOIN) | SIGN(JOIN_FALLBACK),
	};
	uint32_t signs = by_token[result->token];

	if (hdr->tcpopt == MPNIC_TCPOPT_LEN_BELOW_2 || hdr->tcpopt == MPNIC_TCPOPT_OVERRUN ||
	    (hdr->mptcp & MPNIC_MPTCP_MALFORMED))
		signs |= SIGN(MALFORMED);
	if (result->actions & MPNIC_ACTION_MIRROR)
		signs |= SIGN(MIRROR);
	return signs;
}

/* ---- events -------------------------------------------------------------------------------- */

/* What the options say. An option with an error has no fields. */
static void set_event_options(const struct mpnic_hdr *hdr, struct mpnic_event *event)
{
	const struct mpnic_opt *capable = first_option(hdr, MPNIC_SUBTYPE_MP_CAPABLE);
	unsigned int i = hdr->mptcp_count;

	event->version = capable ? capable->version : MPNIC_VERSION_UNKNOWN;
	/* From the last to the first, so that the first that has a field counts. */
	while (i--) {
		const struct mpnic_opt *opt = &hdr->opt[i];

		if (opt->fields & MPNIC_FIELD_TOKEN) {
			event->token = opt->join_syn.token;
			event->nonce = opt->join_syn.nonce;
		}
		if (opt->fields & MPNIC_FIELD_ADDR_ID)
			event->addr_id = opt->addr_id;
		if (opt->fields & MPNIC_FIELD_REASON)
			event->reason = opt->tcprst.reason;
	}
}

static uint64_t event_dsn(const struct mpnic_hdr *hdr, const struct mpnic_result *result)
{
	unsigned int i;

	if (!(result->signs & (SIGN(MP_FAIL) | SIGN(DATA_FIN))))
		return result->dsn;
	if (!(result->signs & SIGN(MP_FAIL)))
		return result->data_fin;
	for (i = 0; i < hdr->mptcp_count; i++) {
		if (hdr->opt[i].subtype == MPNIC_SUBTYPE_MP_FAIL && !hdr->opt[i].error)
			return hdr->opt[i].fail.fail_dsn;
	}
	return 0;
}

static void write_event(const struct mpnic_state *state, const struct mpnic_hdr *hdr,
			const struct found *found, const struct mpnic_result *result,
			struct mpnic_event *event)
{
	*event = (struct mpnic_event){
		.seq = state->event_seq,
		.signs = result->signs,
		.time_ns = state->now,
		.flow_id = result->flow_id,
		.conn_id = result->conn_id,
		.source = hdr->source,
		.dir = result->dir,
		.side = result->side,
		.generation = found->flow ? found->flow->generation : 0,
		.tcp_flags = hdr->tcp_flags,
		.ip_version = hdr->ip_version,
		.map_csum = result->map_csum,
		.sport = hdr->sport,
		.dport = hdr->dport,
		.vlan = vlan_of(hdr),
		.map_len = result->map_len,
		.seq_no = hdr->seq,
		.ack_no = hdr->ack,
		.dsn = event_dsn(hdr, result),
		.map_dsn = result->map_dsn,
		.data_ack = result->data_ack,
		.payload_len = hdr->payload_len,
	};
	memcpy(event->src, hdr->src, sizeof(event->src));
	memcpy(event->dst, hdr->dst, sizeof(event->dst));
	set_event_options(hdr, event);
}

/* ---- counters ------------------------------------------------------------------------------ */

static void count_bits(uint64_t *counters, uint32_t bits)
{
	for (; bits; bits &= bits - 1)
		counters[__builtin_ctz(bits)]++;
}

static void count(const struct mpnic_csum *csum, const struct mpnic_result *result,
		  struct mpnic_state_counters *counters)
{
	counters->packets++;
	counters->bytes += csum->frame_len;
	counters->flow[result->flow]++;
	counters->token[result->token]++;
	counters->dsn[result->dsn_state]++;
	counters->map_csum[result->map_csum]++;
	counters->punt[result->punt]++;
	counters->drop[result->drop]++;
	count_bits(counters->action, result->actions);
	count_bits(counters->sign, result->signs);
}

bool mpnic_act(struct mpnic_state *state, const struct mpnic_hdr *hdr,
	       const struct mpnic_csum *csum, const struct found *found,
	       struct mpnic_result *result, struct mpnic_event *event)
{
	struct mpnic_state_counters *counters = &state->counters[hdr->source % SOURCES];

	apply_action(&found->action, result);
	if (!result->drop)
		act_on_join(state, result);
	if (!result->drop)
		act_on_first_syn(found->first_syn, result);
	settle(result);
	result->signs |= signs_of(hdr, result);
	count(csum, result, counters);

	if (!(result->signs & state->config.event_mask))
		return false;
	if (event) {
		write_event(state, hdr, found, result, event);
		counters->events++;
	} else {
		counters->events_lost++;
	}
	state->event_seq++;
	return event;
}
