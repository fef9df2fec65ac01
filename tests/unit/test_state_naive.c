/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flow and act beside docs/state.md written down again, without tables: lists that are searched,
 * byte by byte, for frames of a small world in which all rules meet.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "run.h"
#include "stateful.h"

enum {
	FLOWS = 24, /* then learnt ones */
	LEARNT = 8,
	MASKED = 6,
	TOKENS = 10,
	PEERS = 6,
	RULES = 8,
	QUEUE_RSS = 7000,
};

/* One end of a flow, as bytes that can be compared. */
struct end {
	uint8_t version, addr[16], port[2];
};

struct naive_flow {
	struct end opener, peer;
	uint16_t vlan;
	bool learnt, there;
};

static struct mpnic_state_config config;
static struct mpnic_state *state;
static struct naive_flow flows[FLOWS + LEARNT];
static struct mpnic_flow entries[FLOWS + LEARNT + MASKED]; /* what each id says */
static uint64_t packets[FLOWS + LEARNT + MASKED], rule_packets[MPNIC_RULES];
static uint8_t masked_addr[MASKED][16], masked_version[MASKED];
static struct mpnic_token_entry tokens[TOKENS];
static struct mpnic_peer_entry peers[PEERS];
static struct mpnic_rule rules[MPNIC_RULES];
static unsigned int learnt;
static double credit, last_s;

static struct end end_of(const struct mpnic_hdr *hdr, bool dst)
{
	struct end end = {.version = hdr->ip_version};

	memcpy(end.addr, dst ? hdr->dst : hdr->src, 16);
	put16(end.port, dst ? hdr->dport : hdr->sport);
	return end;
}

static uint16_t vlan(const struct mpnic_hdr *hdr)
{
	return config.exact_vlan && hdr->vlan_count ? (uint16_t)(hdr->vlan_outer % 4096 + 1) : 0;
}

static bool same(struct end a, struct end b)
{
	return !memcmp(&a, &b, sizeof(a));
}

/* Returns the index of the frame's flow, or -1. */
static int find_flow(const struct mpnic_hdr *hdr, bool *from_peer)
{
	const struct end src = end_of(hdr, false), dst = end_of(hdr, true);
	unsigned int i;

	if (hdr->parse != MPNIC_PARSE_TCP && hdr->parse != MPNIC_PARSE_UDP)
		return -1;
	for (i = 0; i < FLOWS + LEARNT; i++) {
		const struct naive_flow *f = &flows[i];

		if (!f->there || f->vlan != vlan(hdr))
			continue;
		*from_peer = !same(f->opener, src);
		if ((same(f->opener, src) && same(f->peer, dst)) ||
		    (same(f->opener, dst) && same(f->peer, src)))
			return (int)i;
	}
	*from_peer = false;
	return -1;
}

static int find_masked(const struct mpnic_hdr *hdr)
{
	int i;

	for (i = 0; i < MASKED; i++) {
		if (masked_version[i] == hdr->ip_version && !memcmp(masked_addr[i], hdr->src, 16))
			return i;
	}
	return -1;
}

static int find_rule(const struct mpnic_hdr *hdr)
{
	int best = -1, i;

	/* All rules of this test ask for the source, the flags and the subtypes alone. */
	for (i = 0; i < MPNIC_RULES; i++) {
		struct mpnic_rule_key value, mask;
		unsigned int subtypes = 0, n;

		memcpy(&value, rules[i].value, sizeof(value));
		memcpy(&mask, rules[i].mask, sizeof(mask));
		for (n = 0; n < hdr->mptcp_count; n++)
			subtypes |= hdr->opt[n].error ? 0 : 1u << hdr->opt[n].subtype;
		if (!rules[i].valid || ((hdr->source ^ value.source) & mask.source) ||
		    ((hdr->tcp_flags ^ value.tcp_flags) & mask.tcp_flags) ||
		    ((subtypes ^ value.subtypes) & mask.subtypes))
			continue;
		if (best < 0 || rules[i].prio < rules[best].prio)
			best = i;
	}
	return best;
}

static bool sound_syn(const struct pkt *pkt)
{
	return pkt->hdr.parse == MPNIC_PARSE_TCP && pkt->csum.l4 == MPNIC_CSUM_GOOD &&
	       pkt->csum.ip != MPNIC_CSUM_BAD && (pkt->hdr.tcp_flags & 0x17) == SYN;
}

static struct mpnic_token_entry *find_token(uint32_t token)
{
	unsigned int i;

	for (i = 0; i < TOKENS; i++) {
		if (tokens[i].token == token)
			return &tokens[i];
	}
	return NULL;
}

static void expect_join(const struct pkt *pkt, int *flow, struct mpnic_result *r)
{
	struct mpnic_token_entry *t;
	const struct mpnic_conn *conn;

	if (!sound_syn(pkt) || !pkt->hdr.mptcp_count ||
	    pkt->hdr.opt[0].subtype != MPNIC_SUBTYPE_MP_JOIN || pkt->hdr.opt[0].error)
		return;
	t = find_token(pkt->hdr.opt[0].join_syn.token);
	conn = t ? mpnic_conn_at(state, t->conn_id) : NULL;
	if (*flow >= 0) {
		r->token = MPNIC_TOKEN_KNOWN;
	} else if (!t) {
		r->token = MPNIC_TOKEN_UNKNOWN;
	} else if (conn->flags & MPNIC_CONN_TCP) {
		r->token = MPNIC_TOKEN_FALLBACK;
	} else if (t->flags & MPNIC_TOKEN_ENTRY_PUNT) {
		r->token = MPNIC_TOKEN_PUNTED;
	} else if (t->provisional >= t->cap) {
		r->token = MPNIC_TOKEN_CAPPED;
	} else if (learnt == LEARNT) {
		r->token = MPNIC_TOKEN_FULL;
	} else {
		r->token = MPNIC_TOKEN_LEARNT;
		t->provisional++;
		*flow = (int)(FLOWS + learnt++);
		flows[*flow] = (struct naive_flow){
			.opener = end_of(&pkt->hdr, false),
			.peer = end_of(&pkt->hdr, true),
			.vlan = vlan(&pkt->hdr),
			.learnt = true,
			.there = true,
		};
		entries[*flow] = (struct mpnic_flow){
			.conn_id = t->conn_id,
			.flags = t->flags & MPNIC_TOKEN_ENTRY_SIDE_B ? 0 : MPNIC_FLOW_STATE_SIDE_B,
			.actions = config.learnt.actions,
			.mark = config.learnt.mark,
			.prio = config.learnt.prio,
		};
	}
}

static uint8_t expect_peer(const struct pkt *pkt, struct mpnic_result *r)
{
	const struct mpnic_peer_entry *best = NULL;
	unsigned int i;

	if (!sound_syn(pkt) || !pkt->hdr.mptcp_count || pkt->hdr.opt[0].error ||
	    pkt->hdr.opt[0].subtype != MPNIC_SUBTYPE_MP_CAPABLE || pkt->hdr.source > 1)
		return MPNIC_FIRST_SYN_PASS;
	for (i = 0; i < PEERS; i++) {
		const struct mpnic_peer_entry *p = &peers[i];

		if (p->ip_version != pkt->hdr.ip_version || p->network != pkt->hdr.source ||
		    memcmp(p->addr, pkt->hdr.dst, 16))
			continue;
		if (p->port == pkt->hdr.dport || (!p->port && (!best || !best->port)))
			best = p;
	}
	r->speaks = best ? best->speaks : MPNIC_SPEAKS_UNKNOWN;
	return best ? best->first_syn : config.first_syn[pkt->hdr.source];
}

/* A bucket of tokens, in floating point: full at burst, one taken a punt. */
static bool bucket_takes(double now_s)
{
	credit += (now_s - last_s) * config.join_rate;
	credit = credit > config.join_burst ? config.join_burst : credit;
	last_s = now_s;
	if (credit < 1 - 1e-6)
		return false;
	credit -= 1;
	return true;
}

static void punt(struct mpnic_result *r, uint8_t reason, bool limited, double now_s)
{
	if (r->punt)
		return;
	if (limited && !bucket_takes(now_s))
		r->drop = MPNIC_DROP_JOIN_LIMIT;
	else
		r->punt = reason;
}

static void expect_act(struct mpnic_result *r, uint8_t first_syn, double now_s)
{
	if (r->actions & MPNIC_ACTION_DROP)
		r->drop = MPNIC_DROP_ACTION;
	if (r->actions & MPNIC_ACTION_PUNT)
		r->punt = MPNIC_PUNT_ACTION;
	if (!r->drop && r->token == MPNIC_TOKEN_UNKNOWN && config.join_unknown == MPNIC_JOIN_PUNT)
		punt(r, MPNIC_PUNT_JOIN_UNKNOWN, true, now_s);
	if (!r->drop && r->token == MPNIC_TOKEN_UNKNOWN && config.join_unknown == MPNIC_JOIN_DROP)
		r->drop = MPNIC_DROP_JOIN_UNKNOWN;
	if (!r->drop && r->token == MPNIC_TOKEN_PUNTED)
		punt(r, MPNIC_PUNT_JOIN, false, now_s);
	if (!r->drop && (r->token == MPNIC_TOKEN_CAPPED || r->token == MPNIC_TOKEN_FULL) &&
	    config.join_full == MPNIC_JOIN_PUNT)
		punt(r, MPNIC_PUNT_JOIN_FULL, true, now_s);
	if (!r->drop && first_syn == MPNIC_FIRST_SYN_PUNT)
		punt(r, MPNIC_PUNT_FIRST_SYN, false, now_s);
	if (!r->drop && first_syn == MPNIC_FIRST_SYN_STRIP)
		r->strip |= 1;
	if (r->drop)
		r->punt = 0;
	if (r->drop || r->punt)
		r->strip = 0;
	r->actions &= MPNIC_ACTION_QUEUE | MPNIC_ACTION_MARK | MPNIC_ACTION_MIRROR;
	r->actions |= (r->drop ? MPNIC_ACTION_DROP : 0) | (r->punt ? MPNIC_ACTION_PUNT : 0) |
		      (r->strip ? MPNIC_ACTION_STRIP : 0);
}

static uint32_t expect_signs(const struct mpnic_result *r, const struct mpnic_hdr *hdr)
{
	const bool refused = r->token == MPNIC_TOKEN_CAPPED || r->token == MPNIC_TOKEN_FULL;

	return (r->token && r->token != MPNIC_TOKEN_UNKNOWN ? MPNIC_SIGN_JOIN : 0) |
	       (r->token == MPNIC_TOKEN_LEARNT ? MPNIC_SIGN_JOIN_LEARNT : 0) |
	       (r->token == MPNIC_TOKEN_UNKNOWN ? MPNIC_SIGN_JOIN_UNKNOWN : 0) |
	       (refused ? MPNIC_SIGN_JOIN_REFUSED : 0) |
	       (r->token == MPNIC_TOKEN_FALLBACK ? MPNIC_SIGN_JOIN_FALLBACK : 0) |
	       (hdr->mptcp & MPNIC_MPTCP_MALFORMED ? MPNIC_SIGN_MALFORMED : 0) |
	       (r->actions & MPNIC_ACTION_MIRROR ? MPNIC_SIGN_MIRROR : 0);
}

/* The sender is the end whose address and port, as bytes, are not the higher ones. */
static bool is_lower(const struct mpnic_hdr *hdr)
{
	const int order = memcmp(hdr->src, hdr->dst, 16);

	return order < 0 || (!order && hdr->sport <= hdr->dport);
}

static bool excepts(const struct mpnic_flow *e, const struct mpnic_hdr *hdr, bool masked)
{
	const uint8_t except = masked ? e->except & 0x3c : e->except;

	return ((except & MPNIC_EXCEPT_LOWER) && is_lower(hdr)) ||
	       ((except & MPNIC_EXCEPT_UPPER) && !is_lower(hdr)) ||
	       ((except & MPNIC_EXCEPT_TAGGED) && hdr->vlan_count) ||
	       ((except & MPNIC_EXCEPT_PORT0) && hdr->source == 0) ||
	       ((except & MPNIC_EXCEPT_PORT1) && hdr->source == 1) ||
	       ((except & MPNIC_EXCEPT_OTHERS) && hdr->source >= 2);
}

static bool counts(const struct mpnic_flow *e, const struct mpnic_flow *decides,
		   const struct mpnic_hdr *hdr, bool masked)
{
	return !excepts(e, hdr, masked) && (e == decides || !(e->except & MPNIC_EXCEPT_OUTRANKED));
}

static struct mpnic_result expect(const struct pkt *pkt, double now_s)
{
	struct mpnic_result r = {.conn_id = MPNIC_ID_NONE, .rule = 255};
	const int masked = find_masked(&pkt->hdr), rule = find_rule(&pkt->hdr);
	unsigned int prio = 256, actions = 0;
	const struct mpnic_flow *entry = NULL;
	bool from_peer = false;
	int flow = find_flow(&pkt->hdr, &from_peer);
	uint16_t queue = 0;
	uint8_t first_syn;

	expect_join(pkt, &flow, &r);
	first_syn = expect_peer(pkt, &r);
	r.flow = rule >= 0 ? MPNIC_FLOW_RULE : MPNIC_FLOW_MISS;
	r.flow = masked >= 0 ? MPNIC_FLOW_MASKED : r.flow;
	r.flow = flow >= 0 ? (flows[flow].learnt ? MPNIC_FLOW_LEARNT : MPNIC_FLOW_EXACT) : r.flow;
	r.flow_id = flow >= 0 ? (uint32_t)flow : MPNIC_ID_NONE;
	r.masked_id = masked >= 0 ? (uint32_t)(FLOWS + LEARNT + masked) : MPNIC_ID_NONE;
	if (rule >= 0) {
		r.rule = (uint8_t)rule;
		prio = rules[rule].prio;
		actions = rules[rule].actions;
		r.mark = rules[rule].mark;
		r.strip = rules[rule].strip;
		queue = rules[rule].rx_queue;
	}
	if (flow >= 0) {
		r.dir = from_peer;
		r.side = from_peer != !!(entries[flow].flags & MPNIC_FLOW_STATE_SIDE_B);
		r.conn_id = entries[flow].conn_id;
		if (entries[flow].prio < prio && !excepts(&entries[flow], &pkt->hdr, false))
			entry = &entries[flow];
		prio = entry ? entry->prio : prio;
	}
	if (masked >= 0 && !excepts(&entries[FLOWS + LEARNT + masked], &pkt->hdr, true) &&
	    entries[FLOWS + LEARNT + masked].prio < prio)
		entry = &entries[FLOWS + LEARNT + masked];
	if (flow >= 0)
		packets[flow] += counts(&entries[flow], entry, &pkt->hdr, false);
	if (masked >= 0)
		packets[FLOWS + LEARNT + masked] +=
			counts(&entries[FLOWS + LEARNT + masked], entry, &pkt->hdr, true);
	if (rule >= 0 && !entry)
		rule_packets[rule]++;
	if (entry) {
		actions = entry->actions;
		r.mark = entry->mark;
		r.strip = entry->strip;
		queue = entry->rx_queue;
	}
	r.actions = (uint16_t)actions;
	r.mark = actions & MPNIC_ACTION_MARK ? r.mark : 0;
	r.strip = actions & MPNIC_ACTION_STRIP ? r.strip : 0;
	r.rx_queue = QUEUE_RSS;
	if (r.conn_id != MPNIC_ID_NONE && mpnic_conn_at(state, r.conn_id)->flags & MPNIC_CONN_QUEUE)
		r.rx_queue = mpnic_conn_at(state, r.conn_id)->rx_queue;
	if (actions & MPNIC_ACTION_QUEUE)
		r.rx_queue = queue;
	expect_act(&r, first_syn, now_s);
	r.signs = expect_signs(&r, &pkt->hdr);
	return r;
}

/* ---- the world ----------------------------------------------------------------------------- */

static unsigned int below(uint64_t *seed, unsigned int n)
{
	return (unsigned int)(rnd(seed) >> 33) % n;
}

static struct pkt random_pkt(uint64_t *seed)
{
	const unsigned int ip = below(seed, 3) ? 4 : 6, kind = below(seed, 8);
	struct pkt pkt;

	if (kind < 3)
		pkt = pkt_join(ip, below(seed, TOKENS + 2));
	else if (kind < 5)
		pkt = pkt_first_syn(ip);
	else
		pkt = pkt_tcp(ip, (uint8_t)(1u << below(seed, 5)), NULL, 0);
	pkt_ends(&pkt, below(seed, 3), (uint16_t)below(seed, 2), below(seed, 3),
		 (uint16_t)below(seed, 2));
	if (ip == 6)
		memcpy(pkt.hdr.dst, pkt.hdr.src, 12);
	pkt.hdr.source = (uint8_t)below(seed, 3);
	if (!below(seed, 4)) {
		pkt.hdr.vlan_count = 1;
		pkt.hdr.vlan_outer = (uint16_t)below(seed, 2);
	}
	if (!below(seed, 12))
		pkt.csum.l4 = MPNIC_CSUM_BAD;
	if (!below(seed, 12))
		pkt.hdr.parse = MPNIC_PARSE_TRUNCATED;
	if (pkt.hdr.mptcp_count && !below(seed, 12)) {
		pkt.hdr.opt[0].error = MPNIC_OPT_ERROR_LENGTH;
		pkt.hdr.opt[0].fields = 0;
		pkt.hdr.mptcp |= MPNIC_MPTCP_MALFORMED;
	}
	return pkt;
}

static struct mpnic_flow random_entry(uint64_t *seed)
{
	return (struct mpnic_flow){
		.conn_id = below(seed, 2) ? below(seed, 8) : MPNIC_ID_NONE,
		.flags = below(seed, 2) ? MPNIC_FLOW_STATE_SIDE_B : 0,
		.prio = (uint8_t)below(seed, 4),
		.actions = (uint16_t)(below(seed, 3) ? 0 : below(seed, 0x40)),
		.mark = below(seed, 1000),
		.rx_queue = (uint16_t)below(seed, 1000),
		.strip = (uint16_t)below(seed, 8),
		.except = (uint8_t)(below(seed, 2) ? 0 : 1u << below(seed, 7)),
	};
}

static void fill_flows(uint64_t *seed)
{
	unsigned int i;

	for (i = 0; i < FLOWS; i++) {
		struct pkt pkt = random_pkt(seed);
		bool from_peer;

		pkt.hdr.parse = MPNIC_PARSE_TCP;
		if (find_flow(&pkt.hdr, &from_peer) >= 0)
			continue;
		entries[i] = random_entry(seed);
		flows[i] = (struct naive_flow){
			.opener = end_of(&pkt.hdr, false),
			.peer = end_of(&pkt.hdr, true),
			.vlan = vlan(&pkt.hdr),
			.there = true,
		};
		add_flow(state, &pkt, i, &entries[i]);
	}
	for (i = 0; i < LEARNT; i++)
		cr_assert_eq(mpnic_flow_id_give(state, FLOWS + i), 0);
	for (i = 0; i < MASKED; i++) {
		const unsigned int id = FLOWS + LEARNT + i;
		struct pkt pkt = random_pkt(seed);
		struct mpnic_key key;
		bool flip;

		entries[id] = random_entry(seed);
		cr_assert(mpnic_flow_key(state, &pkt.hdr, true, &key, &flip));
		if (mpnic_flow_insert(state, &key, id, &entries[id]))
			continue;
		memcpy(masked_addr[i], pkt.hdr.src, 16);
		masked_version[i] = pkt.hdr.ip_version;
	}
}

static void fill_others(uint64_t *seed)
{
	unsigned int i;

	for (i = 0; i < 8; i++) {
		SET_CONN(state, i, flags, (uint8_t)below(seed, 8));
		SET_CONN(state, i, rx_queue, (uint16_t)(2000 + i));
	}
	for (i = 0; i < TOKENS; i++) {
		tokens[i] = (struct mpnic_token_entry){
			.token = i,
			.conn_id = below(seed, 8),
			.flags = (uint8_t)(below(seed, 2) | (below(seed, 4) ? 0 : 2)),
			.cap = (uint8_t)below(seed, 4),
		};
		cr_assert_eq(mpnic_token_insert(state, &tokens[i]), 0);
	}
	for (i = 0; i < PEERS; i++) {
		const struct pkt pkt = random_pkt(seed);

		peers[i] = (struct mpnic_peer_entry){
			.port = (uint16_t)below(seed, 2),
			.network = (uint8_t)below(seed, 2),
			.ip_version = pkt.hdr.ip_version,
			.speaks = (uint8_t)below(seed, 4),
			.first_syn = (uint8_t)below(seed, 3),
		};
		memcpy(peers[i].addr, pkt.hdr.dst, 16);
		if (mpnic_peer_insert(state, &peers[i]))
			peers[i].ip_version = 0;
	}
	memset(rules, 0, sizeof(rules));
	for (i = 0; i < RULES; i++) {
		const unsigned int index = below(seed, MPNIC_RULES);
		const struct mpnic_rule_key value = {
			.source = (uint8_t)below(seed, 4),
			.tcp_flags = (uint8_t)below(seed, 32),
			.subtypes = (uint16_t)below(seed, 4),
		};
		const struct mpnic_rule_key mask = {
			.source = 3,
			.tcp_flags = (uint8_t)(1u << below(seed, 5)),
			.subtypes = (uint16_t)below(seed, 4),
		};
		const struct mpnic_flow like = random_entry(seed);

		rules[index] = (struct mpnic_rule){
			.valid = 1,
			.prio = like.prio,
			.actions = like.actions,
			.mark = like.mark,
			.rx_queue = like.rx_queue,
			.strip = like.strip,
		};
		memcpy(rules[index].value, &value, sizeof(value));
		memcpy(rules[index].mask, &mask, sizeof(mask));
		cr_assert_eq(mpnic_rule_set(state, index, &rules[index]), 0);
	}
}

static void new_world(uint64_t *seed)
{
	unsigned int i;

	memset(flows, 0, sizeof(flows));
	memset(entries, 0, sizeof(entries));
	memset(packets, 0, sizeof(packets));
	memset(rule_packets, 0, sizeof(rule_packets));
	memset(masked_version, 0, sizeof(masked_version));
	learnt = 0;
	small_config(&config);
	config.stash = 256; /* its buckets do not overflow: ids are what runs out */
	config.exact_vlan = below(seed, 2);
	config.host_sources = 3;
	config.network[1] = 1;
	config.first_syn[0] = (uint8_t)below(seed, 3);
	config.first_syn[1] = (uint8_t)below(seed, 3);
	config.join_unknown = (uint8_t)below(seed, 3);
	config.join_full = (uint8_t)below(seed, 2);
	config.join_rate = 1000;
	config.join_burst = 1 + below(seed, 5);
	config.learnt.actions = MPNIC_ACTION_MARK;
	config.learnt.mark = 5555;
	config.learnt.prio = (uint8_t)below(seed, 4);
	for (i = 0; i < MPNIC_RETA_SIZE; i++)
		config.reta[i] = QUEUE_RSS;
	credit = config.join_burst;
	last_s = 0;
	state = state_new(&config);
	fill_flows(seed);
	fill_others(seed);
}

#define compare(field)                                                                          \
	cr_assert_eq(got.field, wanted.field, "world %u, frame %u: " #field " is %lu, not %lu", \
		     world, n, (unsigned long)got.field, (unsigned long)wanted.field)

Test(state, equals_the_naive_reading)
{
	const uint32_t signs = MPNIC_SIGN_JOIN | MPNIC_SIGN_JOIN_LEARNT | MPNIC_SIGN_JOIN_UNKNOWN |
			       MPNIC_SIGN_JOIN_REFUSED | MPNIC_SIGN_JOIN_FALLBACK |
			       MPNIC_SIGN_MALFORMED | MPNIC_SIGN_MIRROR;
	uint64_t seed = 0x6d706e6963006001, drops[4] = {0}, punts[6] = {0};
	unsigned int world, n, i;

	for (world = 0; world < 300; world++) {
		uint64_t time = 0;

		new_world(&seed);
		for (n = 0; n < 400; n++) {
			const struct pkt pkt = random_pkt(&seed);
			struct mpnic_result got, wanted;

			time += 1000 * below(&seed, 300);
			wanted = expect(&pkt, (double)time / 1e9);
			got = feed(state, &pkt, time).result;
			got.signs &= signs;
			compare(flow);
			compare(token);
			compare(speaks);
			compare(rule);
			compare(dir);
			compare(side);
			compare(flow_id);
			compare(masked_id);
			compare(conn_id);
			compare(signs);
			compare(mark);
			compare(rx_queue);
			compare(drop);
			compare(punt);
			compare(strip);
			compare(actions);
			drops[got.drop]++;
			punts[got.punt]++;
		}
		for (i = 0; i < FLOWS + LEARNT + MASKED; i++)
			cr_assert_eq(i < FLOWS + LEARNT ? mpnic_flow_at(state, i)->packets
							: mpnic_masked_count(state, i)->packets,
				     packets[i]);
		for (i = 0; i < MPNIC_RULES; i++)
			cr_assert_eq(mpnic_rule_count(state, i)->packets, rule_packets[i]);
		for (i = 0; i < TOKENS; i++)
			cr_assert_eq(mpnic_token_find(state, i)->provisional,
				     tokens[i].provisional);
		mpnic_state_free(state);
	}
	for (i = 0; i < 4; i++)
		cr_assert_gt(drops[i], 100, "drop %s", mpnic_drop_name(i));
	for (i = 0; i < 6; i++)
		cr_assert_gt(punts[i], 100, "punt %s", mpnic_punt_name(i));
}
