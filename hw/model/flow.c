/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage flow: keys, look-ups, learning, who decides, RSS. Rules: docs/state.md, "flow". */
#include "state.h"

enum {
	RSS_WORDS4 = 2, /* addresses; ports */
	RSS_WORDS6 = 5,
	SUBTYPES = 16,
};

static bool has_ports(const struct mpnic_hdr *hdr)
{
	return (hdr->flags & MPNIC_HDR_L4) &&
	       (hdr->parse == MPNIC_PARSE_TCP || hdr->parse == MPNIC_PARSE_UDP);
}

/* ---- keys ---------------------------------------------------------------------------------- */

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static bool is_upper_end(const struct mpnic_hdr *hdr)
{
	const uint64_t src = get_be64(hdr->src), dst = get_be64(hdr->dst);
	const uint64_t src2 = get_be64(hdr->src + 8), dst2 = get_be64(hdr->dst + 8);

	if (src != dst)
		return src > dst;
	return src2 != dst2 ? src2 > dst2 : hdr->sport > hdr->dport;
}

/*
 * Record key, put together as the words that are hashed and compared: a word that is read soon
 * after its bytes were written one by one waits for them.
 */
static void set_ends(const struct mpnic_hdr *hdr, bool swap, uint16_t vlan, struct table_key *key)
{
	const uint8_t *lo = swap ? hdr->dst : hdr->src, *hi = swap ? hdr->src : hdr->dst;
	const uint64_t lo_port = swap ? hdr->dport : hdr->sport;
	const uint64_t hi_port = swap ? hdr->sport : hdr->dport;

	_Static_assert(offsetof(struct mpnic_key, lo_port) == 32, "words");
	key->word[0] = load64(lo);
	key->word[1] = load64(lo + 8);
	key->word[2] = load64(hi);
	key->word[3] = load64(hi + 8);
	key->word[4] = lo_port | hi_port << 16 | (uint64_t)vlan << 32 |
		       (uint64_t)hdr->ip_proto << 48 | (uint64_t)hdr->ip_version << 56;
}

static bool exact_key(const struct mpnic_state *state, const struct mpnic_hdr *hdr,
		      struct table_key *key, bool *flip)
{
	if (!has_ports(hdr))
		return false;
	*flip = is_upper_end(hdr);
	set_ends(hdr, *flip, state->config.exact_vlan ? vlan_of(hdr) : 0, key);
	return true;
}

static bool masked_key(const struct mpnic_state *state, const struct mpnic_hdr *hdr,
		       struct table_key *key)
{
	unsigned int i;

	if (!(hdr->flags & MPNIC_HDR_L3))
		return false;
	set_ends(hdr, false, vlan_of(hdr), key);
	for (i = 0; i < KEY_WORDS; i++)
		key->word[i] &= state->mask.word[i];
	key->word[4] |= (uint64_t)KIND_MASKED << 56;
	return true;
}

bool mpnic_flow_key(const struct mpnic_state *state, const struct mpnic_hdr *hdr, bool masked,
		    struct mpnic_key *key, bool *flip)
{
	struct table_key k = {0};
	bool has_key;

	*flip = false;
	has_key = masked ? masked_key(state, hdr, &k) : exact_key(state, hdr, &k, flip);
	memcpy(key, &k, sizeof(*key));
	return has_key;
}

void mpnic_flow_keys(const struct mpnic_state *state, const struct mpnic_hdr *hdr,
		     struct frame_keys *keys)
{
	keys->flip = false;
	keys->has_exact = exact_key(state, hdr, &keys->exact, &keys->flip);
	if (keys->has_exact)
		keys->exact_hash = mpnic_table_hash(&state->hash, &keys->exact, KEY_WORDS);
	/* An empty table has no answer: it is not asked. */
	keys->has_masked = state->masked.stats.used && masked_key(state, hdr, &keys->masked);
	if (keys->has_masked)
		keys->masked_hash = mpnic_table_hash(&state->hash, &keys->masked, KEY_WORDS);
}

/* ---- rules --------------------------------------------------------------------------------- */

static void set_rule_key(const struct mpnic_hdr *hdr, struct mpnic_rule_key *key)
{
	unsigned int i;

	*key = (struct mpnic_rule_key){
		.sport = hdr->sport,
		.dport = hdr->dport,
		.vlan = vlan_of(hdr),
		.ethertype = hdr->ethertype,
		.source = hdr->source,
		.parse = hdr->parse,
		.ip_version = hdr->ip_version,
		.ip_proto = hdr->ip_proto,
		.tcp_flags = hdr->tcp_flags,
		.mptcp = hdr->mptcp,
	};
	memcpy(key->src, hdr->src, sizeof(key->src));
	memcpy(key->dst, hdr->dst, sizeof(key->dst));
	for (i = 0; i < hdr->mptcp_count; i++) {
		if (!hdr->opt[i].error && hdr->opt[i].subtype < SUBTYPES)
			key->subtypes |= (uint16_t)(1u << hdr->opt[i].subtype);
	}
}

static bool rule_matches(const struct rule *rule, const uint64_t *key)
{
	uint64_t differs = 0;
	unsigned int i;

	for (i = 0; i < RULE_WORDS; i++)
		differs |= (key[i] & rule->mask[i]) ^ rule->value[i];
	return !differs;
}

static const struct rule *find_rule(const struct mpnic_state *state, const struct mpnic_hdr *hdr)
{
	struct mpnic_rule_key key;
	uint64_t words[RULE_WORDS];
	unsigned int i;

	if (!state->rule_count)
		return NULL;
	set_rule_key(hdr, &key);
	memcpy(words, &key, sizeof(words));
	for (i = 0; i < state->rule_count; i++) {
		if (rule_matches(&state->rules[i], words))
			return &state->rules[i];
	}
	return NULL;
}

/* ---- MP_JOIN and first SYN ----------------------------------------------------------------- */

static void learn_flow(struct mpnic_state *state, const struct mpnic_token_entry *entry, bool flip,
		       struct mpnic_flow *flow)
{
	const struct mpnic_action *action = &state->config.learnt;
	const uint8_t generation = (uint8_t)(flow->generation + 1);

	clear(flow, sizeof(*flow));
	flow->generation = generation;
	flow->conn_id = entry->conn_id;
	flow->flags = MPNIC_FLOW_STATE_PROVISIONAL;
	if (flip)
		flow->flags |= MPNIC_FLOW_STATE_FLIP;
	if (!(entry->flags & MPNIC_TOKEN_ENTRY_SIDE_B))
		flow->flags |= MPNIC_FLOW_STATE_SIDE_B;
	flow->mark = action->mark;
	flow->rx_queue = action->rx_queue;
	flow->strip = action->strip;
	flow->actions = action->actions;
	flow->prio = action->prio;
}

/* A SYN of no known flow, with this token. */
static uint8_t join(struct mpnic_state *state, const struct frame_keys *keys, uint32_t token,
		    struct mpnic_result *result)
{
	const uint32_t index = mpnic_token_index(state, token);
	struct mpnic_token_entry *entry = index == MPNIC_ID_NONE ? NULL : &state->tokens[index];
	const struct mpnic_conn *conn = entry ? conn_of(state, entry->conn_id) : NULL;
	const uint32_t id = id_ring_first(&state->flow_ids);

	if (!conn)
		return MPNIC_TOKEN_UNKNOWN;
	if (state->join_tcp[entry->conn_id])
		return MPNIC_TOKEN_FALLBACK;
	if (entry->flags & MPNIC_TOKEN_ENTRY_PUNT)
		return MPNIC_TOKEN_PUNTED;
	if (entry->provisional >= entry->cap)
		return MPNIC_TOKEN_CAPPED;
	if (id == MPNIC_ID_NONE ||
	    mpnic_table_put(&state->stash, &keys->exact, keys->exact_hash, id))
		return MPNIC_TOKEN_FULL;

	id_ring_drop(&state->flow_ids);
	learn_flow(state, entry, keys->flip, &state->flows[id]);
	entry->provisional++;
	result->flow = MPNIC_FLOW_LEARNT;
	result->flow_id = id;
	return MPNIC_TOKEN_LEARNT;
}

static void look_up_token(struct mpnic_state *state, const struct mpnic_hdr *hdr,
			  const struct frame_keys *keys, struct mpnic_result *result)
{
	const struct mpnic_opt *opt = first_option(hdr, MPNIC_SUBTYPE_MP_JOIN);

	if (!opt || opt->error)
		return;
	if (result->flow_id != MPNIC_ID_NONE)
		result->token = MPNIC_TOKEN_KNOWN;
	else
		result->token = join(state, keys, opt->join_syn.token, result);
}

static bool has_capable(const struct mpnic_hdr *hdr)
{
	unsigned int i;

	for (i = 0; i < hdr->mptcp_count; i++) {
		if (hdr->opt[i].subtype == MPNIC_SUBTYPE_MP_CAPABLE && !hdr->opt[i].error)
			return true;
	}
	return false;
}

/* Returns what is to be done with the SYN. */
static uint8_t look_up_peer(struct mpnic_state *state, const struct mpnic_hdr *hdr,
			    struct mpnic_result *result)
{
	struct mpnic_peer_entry key = {.port = hdr->dport, .ip_version = hdr->ip_version};
	const struct mpnic_peer_entry *entry;

	if (!(state->config.host_sources >> (hdr->source % SOURCES) & 1) || !has_capable(hdr))
		return MPNIC_FIRST_SYN_PASS;
	key.network = state->config.network[hdr->source % SOURCES];
	memcpy(key.addr, hdr->dst, sizeof(key.addr));
	mpnic_peer_prefix(state, key.ip_version, key.addr);
	entry = mpnic_peer_find(state, &key);
	if (!entry) {
		key.port = 0;
		entry = mpnic_peer_find(state, &key);
	}
	if (!entry)
		return state->config.first_syn[key.network];
	result->speaks = entry->speaks;
	return entry->first_syn;
}

/* ---- the stage ----------------------------------------------------------------------------- */

static void look_up_exact(const struct mpnic_state *state, const struct frame_keys *keys,
			  struct mpnic_result *result)
{
	if (!keys->has_exact)
		return;
	result->flow_id = mpnic_table_find(&state->stash, &keys->exact, keys->exact_hash);
	if (result->flow_id != MPNIC_ID_NONE) {
		result->flow = MPNIC_FLOW_LEARNT;
		return;
	}
	result->flow_id = mpnic_table_find(&state->flow, &keys->exact, keys->exact_hash);
	if (result->flow_id != MPNIC_ID_NONE)
		result->flow = MPNIC_FLOW_EXACT;
}

static void count_flow(struct mpnic_flow *flow, uint16_t bytes, uint64_t now)
{
	flow->packets++;
	flow->bytes += bytes;
	flow->last_seen = (uint32_t)(now >> SEEN_SHIFT);
}

static void count(struct mpnic_rule_count *count, uint16_t bytes, uint64_t now)
{
	count->packets++;
	count->bytes += bytes;
	count->last_seen = (uint32_t)(now >> SEEN_SHIFT);
}

/* Bits except that a frame is one of, but for its end. */
static unsigned int where_from(const struct mpnic_hdr *hdr)
{
	const unsigned int source = hdr->source == 0   ? MPNIC_EXCEPT_PORT0
				    : hdr->source == 1 ? MPNIC_EXCEPT_PORT1
						       : MPNIC_EXCEPT_OTHERS;

	return source | (hdr->vlan_count ? MPNIC_EXCEPT_TAGGED : 0);
}

/* The entry, if it does not except such frames. */
static struct mpnic_flow *suits(struct mpnic_flow *entry, unsigned int where)
{
	return entry && !(entry->except & where) ? entry : NULL;
}

enum who {
	WHO_RULE,
	WHO_EXACT,
	WHO_MASKED,
	WHO_NONE
};

/* Of equal ones the earlier: rule, exact, masked. */
static enum who decide(const struct mpnic_state *state, const struct rule *rule,
		       const struct mpnic_flow *exact, const struct mpnic_flow *masked,
		       struct mpnic_action *action)
{
	const bool by_masked = masked && (!exact || masked->prio < exact->prio);
	const struct mpnic_flow *flow = by_masked ? masked : exact;

	if (rule && (!flow || rule->action.prio <= flow->prio)) {
		*action = rule->action;
		return WHO_RULE;
	}
	if (!flow) {
		*action = state->config.miss;
		return WHO_NONE;
	}
	action->mark = flow->mark;
	action->rx_queue = flow->rx_queue;
	action->strip = flow->strip;
	action->actions = flow->actions;
	action->prio = flow->prio;
	return by_masked ? WHO_MASKED : WHO_EXACT;
}

static bool counts(const struct mpnic_flow *entry, bool decides)
{
	return entry && (decides || !(entry->except & MPNIC_EXCEPT_OUTRANKED));
}

static uint32_t rss_hash(const struct mpnic_state *state, const struct mpnic_hdr *hdr)
{
	const uint32_t ports = has_ports(hdr) ? (uint32_t)hdr->sport << 16 | hdr->dport : 0;
	const uint64_t tail = __builtin_bswap64((uint64_t)ports << 32);
	uint64_t words[RSS_WORDS6];

	if (!(hdr->flags & MPNIC_HDR_L3))
		return 0;
	if (hdr->ip_version == 4) {
		words[0] =
			__builtin_bswap64((uint64_t)get_be32(hdr->src) << 32 | get_be32(hdr->dst));
		words[1] = tail;
		return (uint32_t)(mpnic_toeplitz64(&state->rss, words, RSS_WORDS4) >> 32);
	}
	words[0] = load64(hdr->src);
	words[1] = load64(hdr->src + 8);
	words[2] = load64(hdr->dst);
	words[3] = load64(hdr->dst + 8);
	words[4] = tail;
	return (uint32_t)(mpnic_toeplitz64(&state->rss, words, RSS_WORDS6) >> 32);
}

static uint16_t queue_of(const struct mpnic_state *state, const struct found *found, uint32_t hash)
{
	if (found->action.actions & MPNIC_ACTION_QUEUE)
		return found->action.rx_queue;
	if (found->conn && (found->conn->flags & MPNIC_CONN_QUEUE))
		return found->conn->rx_queue;
	return state->config.reta[hash % MPNIC_RETA_SIZE];
}

static void set_flow(struct mpnic_state *state, const struct frame_keys *keys,
		     struct mpnic_result *result, struct found *found)
{
	struct mpnic_flow *flow = &state->flows[result->flow_id];

	found->flow = flow;
	found->conn = conn_of(state, flow->conn_id);
	result->dir = keys->flip != !!(flow->flags & MPNIC_FLOW_STATE_FLIP);
	result->side = result->dir ^ !!(flow->flags & MPNIC_FLOW_STATE_SIDE_B);
	if (found->conn)
		result->conn_id = flow->conn_id;
}

void mpnic_flow_stage(struct mpnic_state *state, const struct mpnic_hdr *hdr,
		      const struct mpnic_csum *csum, const struct frame_keys *keys,
		      struct mpnic_result *result, struct found *found)
{
	const struct rule *rule = find_rule(state, hdr);
	struct mpnic_flow *masked = NULL, *exact;
	const unsigned int where = where_from(hdr);
	enum who who;

	clear(result, sizeof(*result));
	*found = (struct found){0};
	result->flow_id = MPNIC_ID_NONE;
	result->masked_id = MPNIC_ID_NONE;
	result->conn_id = MPNIC_ID_NONE;
	result->rule = UINT8_MAX;
	result->flow = hdr->flags & MPNIC_HDR_L3 ? MPNIC_FLOW_MISS : MPNIC_FLOW_NONE;

	if (rule) {
		result->rule = rule->index;
		result->flow = MPNIC_FLOW_RULE;
	}
	if (keys->has_masked)
		result->masked_id =
			mpnic_table_find(&state->masked, &keys->masked, keys->masked_hash);
	if (result->masked_id != MPNIC_ID_NONE) {
		result->flow = MPNIC_FLOW_MASKED;
		masked = &state->flows[result->masked_id];
	}
	look_up_exact(state, keys, result);
	if (is_first_syn(hdr) && hdr->mptcp_count && is_sound(hdr, csum)) {
		look_up_token(state, hdr, keys, result);
		found->first_syn = look_up_peer(state, hdr, result);
	}
	if (result->flow_id != MPNIC_ID_NONE)
		set_flow(state, keys, result, found);
	/* What stands at the masked id may have just been learnt. */
	exact = suits(found->flow, where | (keys->flip ? MPNIC_EXCEPT_UPPER : MPNIC_EXCEPT_LOWER));
	masked = suits(masked, where);
	who = decide(state, rule, exact, masked, &found->action);
	if (who == WHO_RULE)
		count(&state->rule_counts[rule->index], csum->frame_len, state->now);
	if (counts(masked, who == WHO_MASKED))
		count(&state->masked_counts[result->masked_id], csum->frame_len, state->now);
	if (counts(exact, who == WHO_EXACT))
		count_flow(exact, csum->frame_len, state->now);
	result->hash = rss_hash(state, hdr);
	result->rx_queue = queue_of(state, found, result->hash);
}
