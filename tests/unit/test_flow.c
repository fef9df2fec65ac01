/* SPDX-License-Identifier: BSD-3-Clause */
/* Stages flow and act: keys, look-ups, who decides, peers, settings, counters. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gen.h"
#include "run.h"
#include "stateful.h"

static struct mpnic_state_config config;
static struct mpnic_state *state;

static void set_up(void)
{
	small_config(&config);
	state = state_new(&config);
}

static void tear_down(void)
{
	mpnic_state_free(state);
}

static void renew(void)
{
	mpnic_state_free(state);
	state = state_new(&config);
}

TestSuite(flow, .init = set_up, .fini = tear_down);

static const struct mpnic_flow plain = {NO_CONN, .prio = 100};

/* ---- keys ---------------------------------------------------------------------------------- */

static void check_key_of_both_directions(unsigned int ip)
{
	uint64_t seed = 0x6d706e6963003001 + ip;
	unsigned int n;

	for (n = 0; n < 2000; n++) {
		struct pkt pkt = pkt_tcp(ip, ACK, NULL, 0);
		struct mpnic_key key, other;
		bool flip, other_flip;

		/* Few values, so that ends are often equal in part. */
		pkt_ends(&pkt, (uint32_t)(rnd(&seed) >> 62 << 24 | 1), rnd(&seed) >> 62,
			 (uint32_t)(rnd(&seed) >> 62 << 24 | 1), rnd(&seed) >> 62);
		if (ip == 6)
			memcpy(pkt.hdr.dst, pkt.hdr.src, 12);
		cr_assert(mpnic_flow_key(state, &pkt.hdr, false, &key, &flip));
		pkt_turn(&pkt);
		cr_assert(mpnic_flow_key(state, &pkt.hdr, false, &other, &other_flip));
		check_same(&key, &other, sizeof(key), "key");
		if (memcmp(key.lo_addr, key.hi_addr, 16) || key.lo_port != key.hi_port)
			cr_assert_neq(flip, other_flip);
		else
			cr_assert(!flip && !other_flip);
		cr_assert_leq(memcmp(key.lo_addr, key.hi_addr, 16), 0);
		cr_assert_eq(key.kind, ip);
	}
}

Test(flow, one_key_for_both_directions)
{
	check_key_of_both_directions(4);
	check_key_of_both_directions(6);
}

Test(flow, direction_and_side)
{
	unsigned int order, side_b;

	for (order = 0; order < 2; order++) {
		for (side_b = 0; side_b < 2; side_b++) {
			const struct mpnic_flow flow = {
				.conn_id = 5,
				.flags = side_b ? MPNIC_FLOW_STATE_SIDE_B : 0,
			};
			struct pkt pkt = pkt_tcp(4, ACK, NULL, 0);
			struct mpnic_result r;

			pkt_ends(&pkt, order ? 9 : 1, 5, 4, 5);
			add_flow(state, &pkt, 7 + 2 * order + side_b, &flow);
			r = feed(state, &pkt, 0).result;
			cr_assert_eq(r.flow, MPNIC_FLOW_EXACT);
			cr_assert_eq(r.flow_id, 7 + 2 * order + side_b);
			cr_assert_eq(r.conn_id, 5);
			cr_assert_eq(r.dir, 0);
			cr_assert_eq(r.side, side_b);
			pkt_turn(&pkt);
			r = feed(state, &pkt, 0).result;
			cr_assert_eq(r.flow_id, 7 + 2 * order + side_b);
			cr_assert_eq(r.dir, 1);
			cr_assert_eq(r.side, !side_b);
			renew();
		}
	}
}

Test(flow, vlan_in_the_exact_key_only_if_set)
{
	struct pkt pkt = pkt_tcp(4, ACK, NULL, 0), tagged = pkt;

	tagged.hdr.vlan_count = 1;
	tagged.hdr.vlan_outer = 0xe000; /* id 0: not the same as no tag */
	add_flow(state, &pkt, 1, &plain);
	cr_assert_eq(feed(state, &tagged, 0).result.flow_id, 1);

	config.exact_vlan = true;
	renew();
	add_flow(state, &pkt, 1, &plain);
	cr_assert_eq(feed(state, &tagged, 0).result.flow_id, MPNIC_ID_NONE);
	add_flow(state, &tagged, 2, &plain);
	cr_assert_eq(feed(state, &tagged, 0).result.flow_id, 2);
	cr_assert_eq(feed(state, &pkt, 0).result.flow_id, 1);
	/* Priority bits are not part of the key. */
	tagged.hdr.vlan_outer = 0;
	cr_assert_eq(feed(state, &tagged, 0).result.flow_id, 2);
}

Test(flow, settable_mask)
{
	struct pkt pkt = pkt_tcp(4, ACK, NULL, 0);
	struct mpnic_result r;
	struct mpnic_key key;
	bool flip;

	/* The default: the source address alone. */
	cr_assert(mpnic_flow_key(state, &pkt.hdr, true, &key, &flip));
	cr_assert_eq(mpnic_flow_insert(state, &key, 3, &plain), 0);
	pkt_ends(&pkt, 0x0a010203, 1, 0x01020304, 2);
	pkt.hdr.parse = MPNIC_PARSE_OTHER_L4;
	pkt.hdr.flags = MPNIC_HDR_L3;
	pkt.hdr.ip_proto = 1;
	r = feed(state, &pkt, 0).result;
	cr_assert_eq(r.flow, MPNIC_FLOW_MASKED);
	cr_assert_eq(r.masked_id, 3);
	cr_assert_eq(r.flow_id, MPNIC_ID_NONE);
	pkt_turn(&pkt);
	r = feed(state, &pkt, 0).result;
	cr_assert_eq(r.flow, MPNIC_FLOW_MISS);

	/* A /24 of the destination, and the VLAN. */
	memset(&config.mask, 0, sizeof(config.mask));
	memset(config.mask.hi_addr, 0xff, 3);
	config.mask.vlan = 0xffff;
	renew();
	pkt = pkt_tcp(4, ACK, NULL, 0);
	pkt_ends(&pkt, 5, 6, 0xc0a80901, 7);
	cr_assert(mpnic_flow_key(state, &pkt.hdr, true, &key, &flip));
	cr_assert_eq(mpnic_flow_insert(state, &key, 4, &plain), 0);
	pkt_ends(&pkt, 8, 9, 0xc0a809fe, 10);
	cr_assert_eq(feed(state, &pkt, 0).result.masked_id, 4);
	pkt.hdr.vlan_count = 1;
	cr_assert_eq(feed(state, &pkt, 0).result.masked_id, MPNIC_ID_NONE);
	/* What no look-up could find is refused. */
	key.lo_port = 1;
	cr_assert_eq(mpnic_flow_insert(state, &key, 5, &plain), -EINVAL);
	cr_assert_eq(mpnic_flow_remove(state, &key), -ENOENT);
}

Test(flow, ipv6_is_not_ipv4)
{
	struct pkt v4 = pkt_tcp(4, ACK, NULL, 0), v6 = pkt_tcp(6, ACK, NULL, 0);

	memset(v6.hdr.src, 0, 16);
	memset(v6.hdr.dst, 0, 16);
	memcpy(v6.hdr.src, v4.hdr.src, 4);
	memcpy(v6.hdr.dst, v4.hdr.dst, 4);
	add_flow(state, &v4, 1, &plain);
	cr_assert_eq(feed(state, &v6, 0).result.flow_id, MPNIC_ID_NONE);
	add_flow(state, &v6, 2, &plain);
	cr_assert_eq(feed(state, &v6, 0).result.flow_id, 2);
	cr_assert_eq(feed(state, &v4, 0).result.flow_id, 1);
}

Test(flow, insertions_that_are_refused)
{
	struct pkt pkt = pkt_tcp(4, ACK, NULL, 0);
	struct mpnic_key key = add_flow(state, &pkt, 1, &plain), bad;
	struct mpnic_flow flow = plain;

	cr_assert_eq(mpnic_flow_insert(state, &key, 2, &plain), -EEXIST);
	cr_assert_eq(mpnic_flow_find(state, &key), 1);
	bad = key;
	bad.lo_port ^= 1;
	cr_assert_eq(mpnic_flow_insert(state, &bad, config.flows, &plain), -EINVAL);
	flow.conn_id = config.conns;
	cr_assert_eq(mpnic_flow_insert(state, &bad, 2, &flow), -EINVAL);
	flow = plain;
	flow.actions = MPNIC_ACTION_REWRITE;
	cr_assert_eq(mpnic_flow_insert(state, &bad, 2, &flow), -EINVAL);
	bad.kind = 5;
	cr_assert_eq(mpnic_flow_insert(state, &bad, 2, &plain), -EINVAL);
	bad = key;
	memcpy(bad.lo_addr, key.hi_addr, 16);
	memcpy(bad.hi_addr, key.lo_addr, 16);
	cr_assert_eq(mpnic_flow_insert(state, &bad, 2, &plain), -EINVAL);
	bad = key;
	bad.vlan = 1;
	cr_assert_eq(mpnic_flow_insert(state, &bad, 2, &plain), -EINVAL);
	bad = key;
	bad.hi_addr[4] = 1;
	cr_assert_eq(mpnic_flow_insert(state, &bad, 2, &plain), -EINVAL);
	cr_assert_null(mpnic_flow_at(state, config.flows));
	cr_assert_null(mpnic_conn_at(state, config.conns));
	cr_assert_null(mpnic_state_counters(state, 64));
	cr_assert_null(mpnic_rule_count(state, 64));
	cr_assert_eq(mpnic_flow_remove(state, &key), 0);
	cr_assert_eq(mpnic_flow_remove(state, &key), -ENOENT);
	cr_assert_eq(feed(state, &pkt, 0).result.flow, MPNIC_FLOW_MISS);
}

Test(flow, settings_that_are_refused)
{
	struct mpnic_state_config c = config;
	struct mpnic_state *s;

	c.flows = 1000;
	cr_assert_eq(mpnic_state_new(&c, &s), -EINVAL);
	c.flows = 4;
	cr_assert_eq(mpnic_state_new(&c, &s), -EINVAL);
	c = config;
	c.peers = 0;
	cr_assert_eq(mpnic_state_new(&c, &s), -EINVAL);
	c = config;
	c.prefix4 = 33;
	cr_assert_eq(mpnic_state_new(&c, &s), -EINVAL);
	c = config;
	c.join_full = MPNIC_JOIN_DROP;
	cr_assert_eq(mpnic_state_new(&c, &s), -EINVAL);
	c = config;
	c.first_syn[255] = 3;
	cr_assert_eq(mpnic_state_new(&c, &s), -EINVAL);
	c = config;
	c.miss.actions = MPNIC_ACTION_REWRITE;
	cr_assert_eq(mpnic_state_new(&c, &s), -EINVAL);
	c = config;
	memset(c.hash_key, 0, sizeof(c.hash_key));
	cr_assert_eq(mpnic_state_new(&c, &s), -EINVAL);
	mpnic_state_free(NULL);
}

/* ---- who decides --------------------------------------------------------------------------- */

static struct mpnic_rule any_rule(uint8_t prio, uint32_t mark)
{
	return (struct mpnic_rule){
		.prio = prio,
		.mark = mark,
		.actions = MPNIC_ACTION_MARK,
		.valid = 1,
	};
}

Test(flow, lowest_prio_decides_and_ties_have_an_order)
{
	unsigned int n;

	/* Every order of three priorities, with ties; the mark tells who it was. */
	for (n = 0; n < 64; n++) {
		const uint8_t prio[3] = {n & 3, n >> 2 & 3, n >> 4 & 3};
		const struct mpnic_rule rule = any_rule(prio[0], 1);
		struct mpnic_flow flow = {NO_CONN, .actions = MPNIC_ACTION_MARK};
		struct pkt pkt = pkt_tcp(4, ACK, NULL, 0);
		unsigned int best = 0, i;
		struct mpnic_result r;
		struct mpnic_key key;
		bool flip;

		cr_assert_eq(mpnic_rule_set(state, 63, &rule), 0);
		flow.prio = prio[1];
		flow.mark = 2;
		add_flow(state, &pkt, 1, &flow);
		flow.prio = prio[2];
		flow.mark = 3;
		cr_assert(mpnic_flow_key(state, &pkt.hdr, true, &key, &flip));
		cr_assert_eq(mpnic_flow_insert(state, &key, 2, &flow), 0);
		for (i = 1; i < 3; i++) {
			if (prio[i] < prio[best])
				best = i;
		}
		r = feed(state, &pkt, 0).result;
		cr_assert_eq(r.mark, best + 1);
		cr_assert_eq(r.actions, MPNIC_ACTION_MARK);
		cr_assert_eq(r.flow, MPNIC_FLOW_EXACT);
		cr_assert_eq(r.rule, 63);
		cr_assert_eq(r.masked_id, 2);
		renew();
	}
}

/* A frame that each bit of except suits, and one that it does not: by end, tag and source. */
static struct pkt except_pkt(unsigned int bit, bool suits)
{
	struct pkt pkt = pkt_tcp(4, ACK, NULL, 0);

	pkt_ends(&pkt, 0x0a000001, 1, 0x0a000002, 2);
	if ((bit == MPNIC_EXCEPT_UPPER) == suits)
		pkt_ends(&pkt, 0x0a000002, 2, 0x0a000001, 1);
	pkt.hdr.vlan_count = (bit == MPNIC_EXCEPT_TAGGED) == suits;
	pkt.hdr.source = 0;
	if (bit >= MPNIC_EXCEPT_PORT0 && suits)
		pkt.hdr.source = bit == MPNIC_EXCEPT_PORT0 ? 0 : bit == MPNIC_EXCEPT_PORT1 ? 1 : 2;
	else if (bit >= MPNIC_EXCEPT_PORT0)
		pkt.hdr.source = bit == MPNIC_EXCEPT_PORT0 ? 2 : 0;
	return pkt;
}

static void check_except(unsigned int bit, bool masked, bool suits)
{
	const bool ends = bit == MPNIC_EXCEPT_LOWER || bit == MPNIC_EXCEPT_UPPER;
	struct mpnic_flow flow = {NO_CONN, .actions = MPNIC_ACTION_MARK, .mark = 5, .prio = 9};
	const struct mpnic_rule rule = any_rule(10, 1);
	struct pkt pkt = except_pkt(bit, suits);
	struct mpnic_result r;
	struct mpnic_key key;
	bool flip;

	if (bit == MPNIC_EXCEPT_LOWER)
		pkt = except_pkt(MPNIC_EXCEPT_UPPER, !suits);
	flow.except = (uint8_t)bit;
	cr_assert(mpnic_flow_key(state, &pkt.hdr, masked, &key, &flip));
	cr_assert_eq(mpnic_flow_insert(state, &key, 3, &flow), 0);
	cr_assert_eq(mpnic_rule_set(state, 0, &rule), 0);
	r = feed(state, &pkt, 8 << 20).result;
	if (masked && ends)
		suits = false;
	cr_assert_eq(r.flow, masked ? MPNIC_FLOW_MASKED : MPNIC_FLOW_EXACT);
	cr_assert_eq(masked ? r.masked_id : r.flow_id, 3);
	cr_assert_eq(r.mark, suits ? 1 : 5, "bit %x, masked %d, suits %d", bit, masked, suits);
	cr_assert_eq(masked ? mpnic_masked_count(state, 3)->packets
			    : mpnic_flow_at(state, 3)->packets,
		     !suits);
	cr_assert_eq(masked ? mpnic_masked_count(state, 3)->last_seen
			    : mpnic_flow_at(state, 3)->last_seen,
		     suits ? 0 : 8);
	renew();
}

/* Neither decided on nor counted, but found. */
Test(flow, frames_that_an_entry_excepts)
{
	unsigned int bit, n;

	for (bit = MPNIC_EXCEPT_LOWER; bit <= MPNIC_EXCEPT_OTHERS; bit *= 2)
		for (n = 0; n < 4; n++)
			check_except(bit, n & 1, n & 2);
}

Test(flow, there_are_no_other_bits_of_except)
{
	struct mpnic_flow flow = {NO_CONN, .except = 2 * MPNIC_EXCEPT_OUTRANKED};
	struct pkt pkt = pkt_tcp(4, ACK, NULL, 0);
	struct mpnic_key key;
	bool flip;

	cr_assert(mpnic_flow_key(state, &pkt.hdr, false, &key, &flip));
	cr_assert_eq(mpnic_flow_insert(state, &key, 3, &flow), -EINVAL);
	flow.except = 2 * MPNIC_EXCEPT_OUTRANKED - 1;
	cr_assert_eq(mpnic_flow_insert(state, &key, 3, &flow), 0);
}

Test(flow, rules_by_prio_then_index)
{
	struct pkt pkt = pkt_tcp(4, ACK, NULL, 0);
	struct mpnic_rule rule = any_rule(5, 0);
	struct mpnic_result r;
	unsigned int i;

	for (i = 0; i < MPNIC_RULES; i++) {
		rule.mark = i;
		rule.prio = (uint8_t)(i < 20 ? 9 : i < 40 ? 4 : 6);
		cr_assert_eq(mpnic_rule_set(state, MPNIC_RULES - 1 - i, &rule), 0);
	}
	r = feed(state, &pkt, 0).result;
	cr_assert_eq(r.rule, 24); /* 63 - 39, the lowest index of prio 4 */
	cr_assert_eq(r.mark, 39);
	cr_assert_eq(r.flow, MPNIC_FLOW_RULE);
	cr_assert_eq(mpnic_rule_set(state, 24, NULL), 0);
	cr_assert_eq(feed(state, &pkt, 7 << 20).result.rule, 25);
	cr_assert_eq(mpnic_rule_count(state, 25)->packets, 1);
	cr_assert_eq(mpnic_rule_count(state, 25)->bytes, pkt.csum.frame_len);
	cr_assert_eq(mpnic_rule_count(state, 25)->last_seen, 7);
	cr_assert_eq(mpnic_rule_count(state, 26)->packets, 0);
	cr_assert_eq(mpnic_rule_set(state, 64, &rule), -EINVAL);
	rule.valid = 2;
	cr_assert_eq(mpnic_rule_set(state, 1, &rule), -EINVAL);
}

/* Each field of a rule key: a rule on all its bits matches its frame, and no frame with another. */
Test(flow, every_field_of_a_rule)
{
	static const uint8_t opts[8] = {30, 4, 0x01, 0x01, 30, 4, 0x50, 1};
	struct pkt pkt = pkt_tcp(6, SYN, opts, sizeof(opts));
	const struct mpnic_rule_key right = {
		.src = {0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b,
			0x2c, 0x2d, 0x2e, 0x2f},
		.dst = {0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b,
			0x3c, 0x3d, 0x3e, 0x3f},
		.sport = 40000,
		.dport = 443,
		.vlan = 0x124,
		.ethertype = 0x86dd,
		.subtypes = 1, /* the MP_PRIO has an error: it does not belong on a SYN */
		.source = 33,
		.parse = MPNIC_PARSE_TCP,
		.ip_version = 6,
		.ip_proto = 6,
		.tcp_flags = SYN,
		.mptcp = MPNIC_MPTCP_PRESENT | MPNIC_MPTCP_MALFORMED | MPNIC_MPTCP_COMBINATION,
	};
	struct mpnic_rule rule = any_rule(0, 0);
	unsigned int bit;

	pkt.hdr.source = 33;
	pkt.hdr.vlan_count = 1;
	pkt.hdr.vlan_outer = 0xf123;
	memcpy(rule.value, &right, sizeof(right));
	memset(rule.mask, 0xff, sizeof(rule.mask));
	cr_assert_eq(mpnic_rule_set(state, 0, &rule), 0);
	cr_assert_eq(feed(state, &pkt, 0).result.rule, 0);
	for (bit = 0; bit < 8 * sizeof(right); bit++) {
		rule.value[bit / 8] ^= 1u << bit % 8;
		cr_assert_eq(mpnic_rule_set(state, 0, &rule), 0);
		cr_assert_eq(feed(state, &pkt, 0).result.rule, 255);
		/* Unless nobody asks for that bit. */
		rule.mask[bit / 8] ^= 1u << bit % 8;
		cr_assert_eq(mpnic_rule_set(state, 0, &rule), 0);
		cr_assert_eq(feed(state, &pkt, 0).result.rule, 0);
		rule.value[bit / 8] ^= 1u << bit % 8;
		rule.mask[bit / 8] ^= 1u << bit % 8;
	}
}

Test(flow, rules_see_every_frame)
{
	struct pkt arp = {.hdr.parse = MPNIC_PARSE_NOT_IP, .hdr.ethertype = 0x0806};
	const struct mpnic_rule_key value = {.ethertype = 0x0806}, mask = {.ethertype = 0xffff};
	struct mpnic_rule rule = any_rule(0, 77);

	cr_assert_eq(feed(state, &arp, 0).result.flow, MPNIC_FLOW_NONE);
	memcpy(rule.value, &value, sizeof(value));
	memcpy(rule.mask, &mask, sizeof(mask));
	cr_assert_eq(mpnic_rule_set(state, 3, &rule), 0);
	cr_assert_eq(feed(state, &arp, 0).result.flow, MPNIC_FLOW_RULE);
	cr_assert_eq(feed(state, &arp, 0).result.mark, 77);
}

Test(flow, default_action)
{
	const struct pkt pkt = pkt_tcp(4, ACK, NULL, 0);
	struct mpnic_result r;

	config.miss.actions = MPNIC_ACTION_QUEUE | MPNIC_ACTION_MARK;
	config.miss.rx_queue = 300;
	config.miss.mark = 12345;
	renew();
	r = feed(state, &pkt, 0).result;
	cr_assert_eq(r.flow, MPNIC_FLOW_MISS);
	cr_assert_eq(r.rx_queue, 300);
	cr_assert_eq(r.mark, 12345);
	/* An entry that says nothing decides that nothing is done. */
	add_flow(state, &pkt, 9, &plain);
	r = feed(state, &pkt, 0).result;
	cr_assert_eq(r.rx_queue, 0);
	cr_assert_eq(r.mark, 0);
	cr_assert_eq(r.actions, 0);
}

Test(flow, queue_of_the_action_then_of_the_connection_then_rss)
{
	struct mpnic_flow flow = {.conn_id = 2};
	struct pkt pkt = pkt_tcp(4, ACK, NULL, 0);
	struct mpnic_key key;
	unsigned int i;

	for (i = 0; i < MPNIC_RETA_SIZE; i++)
		config.reta[i] = (uint16_t)(500 + i);
	renew();
	key = add_flow(state, &pkt, 1, &flow);
	cr_assert_eq(feed(state, &pkt, 0).result.rx_queue,
		     500 + feed(state, &pkt, 0).result.hash % 128);
	SET_CONN(state, 2, flags, MPNIC_CONN_QUEUE);
	SET_CONN(state, 2, rx_queue, 44);
	cr_assert_eq(feed(state, &pkt, 0).result.rx_queue, 44);
	pkt_turn(&pkt);
	cr_assert_eq(feed(state, &pkt, 0).result.rx_queue, 44);
	SET_FLOW(state, mpnic_flow_find(state, &key), actions, MPNIC_ACTION_QUEUE);
	SET_FLOW(state, 1, rx_queue, 45);
	cr_assert_eq(feed(state, &pkt, 0).result.rx_queue, 45);
}

/* ---- act ----------------------------------------------------------------------------------- */

Test(flow, drop_wins_over_punt_and_neither_is_stripped)
{
	struct mpnic_flow flow = {NO_CONN, .strip = 4, .mark = 8, .actions = 0x3f};
	const struct pkt pkt = pkt_tcp(4, ACK, NULL, 0);
	struct mpnic_result r;

	add_flow(state, &pkt, 1, &flow);
	r = feed(state, &pkt, 0).result;
	cr_assert_eq(r.drop, MPNIC_DROP_ACTION);
	cr_assert_eq(r.punt, MPNIC_PUNT_NONE);
	cr_assert_eq(r.strip, 0);
	cr_assert_eq(r.actions, MPNIC_ACTION_QUEUE | MPNIC_ACTION_MARK | MPNIC_ACTION_DROP |
					MPNIC_ACTION_MIRROR);
	cr_assert(r.signs & MPNIC_SIGN_MIRROR);
	SET_FLOW(state, 1, actions, flow_.actions & (uint16_t)~MPNIC_ACTION_DROP);
	r = feed(state, &pkt, 0).result;
	cr_assert_eq(r.drop, MPNIC_DROP_NONE);
	cr_assert_eq(r.punt, MPNIC_PUNT_ACTION);
	cr_assert_eq(r.strip, 0);
	SET_FLOW(state, 1, actions, flow_.actions & (uint16_t)~MPNIC_ACTION_PUNT);
	r = feed(state, &pkt, 0).result;
	cr_assert_eq(r.strip, 4);
	cr_assert_eq(r.actions, MPNIC_ACTION_QUEUE | MPNIC_ACTION_MARK | MPNIC_ACTION_STRIP |
					MPNIC_ACTION_MIRROR);
}

Test(flow, events_have_a_mask_and_lost_ones_are_counted)
{
	const struct mpnic_flow flow = {NO_CONN, .actions = MPNIC_ACTION_MIRROR};
	const struct pkt pkt = pkt_tcp(6, ACK, NULL, 0);
	struct mpnic_result r;
	struct out out;

	add_flow(state, &pkt, 1, &flow);
	out = feed(state, &pkt, 1000);
	cr_assert(out.has_event);
	cr_assert_eq(out.event.seq, 0);
	cr_assert_eq(out.event.signs, out.result.signs);
	cr_assert_eq(out.event.time_ns, 1000);
	cr_assert_eq(out.event.flow_id, 1);
	cr_assert_eq(out.event.generation, 1);
	cr_assert_eq(out.event.sport, 40000);
	cr_assert_eq(out.event.seq_no, 0x01020304);
	cr_assert_eq(out.event.version, MPNIC_VERSION_UNKNOWN);
	cr_assert(!memcmp(out.event.src, pkt.hdr.src, 16));
	/* Lost: no room. The number is used up. */
	cr_assert(!mpnic_state_packet(state, &pkt.hdr, &pkt.csum, 0, &r, NULL));
	out = feed(state, &pkt, 0);
	cr_assert_eq(out.event.seq, 2);
	cr_assert_eq(out.event.time_ns, 1000, "time goes back");
	cr_assert_eq(mpnic_state_counters(state, 0)->events, 2);
	cr_assert_eq(mpnic_state_counters(state, 0)->events_lost, 1);

	config.event_mask = ~(uint32_t)MPNIC_SIGN_MIRROR;
	renew();
	add_flow(state, &pkt, 1, &flow);
	out = feed(state, &pkt, 0);
	cr_assert(!out.has_event);
	cr_assert(out.result.signs & MPNIC_SIGN_MIRROR);
}

/* ---- peers --------------------------------------------------------------------------------- */

static void add_peer(const uint8_t *addr, uint16_t port, uint8_t network, uint8_t ip_version,
		     uint8_t speaks, uint8_t first_syn)
{
	struct mpnic_peer_entry entry = {
		.port = port,
		.network = network,
		.ip_version = ip_version,
		.speaks = speaks,
		.first_syn = first_syn,
	};

	memcpy(entry.addr, addr, ip_version == 4 ? 4 : 16);
	cr_assert_eq(mpnic_peer_insert(state, &entry), 0);
	cr_assert_eq(mpnic_peer_insert(state, &entry), -EEXIST);
	cr_assert_eq(mpnic_peer_find(state, &entry)->speaks, speaks);
}

Test(flow, peers_by_port_then_any_port_then_network)
{
	struct pkt syn = pkt_first_syn(4);
	struct mpnic_result r;

	config.host_sources = 1ull << 5 | 1ull << 6;
	config.network[5] = 3;
	config.network[6] = 4;
	config.first_syn[3] = MPNIC_FIRST_SYN_PUNT;
	renew();
	add_peer(syn.hdr.dst, 443, 3, 4, MPNIC_SPEAKS_V0, MPNIC_FIRST_SYN_STRIP);
	add_peer(syn.hdr.dst, 0, 3, 4, MPNIC_SPEAKS_V1, MPNIC_FIRST_SYN_PASS);

	/* Not from a host: nobody asks. */
	r = feed(state, &syn, 0).result;
	cr_assert_eq(r.speaks, MPNIC_SPEAKS_UNKNOWN);
	cr_assert_eq(r.actions, 0);
	syn.hdr.source = 5;
	r = feed(state, &syn, 0).result;
	cr_assert_eq(r.speaks, MPNIC_SPEAKS_V0);
	cr_assert_eq(r.strip, 1);
	cr_assert_eq(r.actions, MPNIC_ACTION_STRIP);
	syn.hdr.dport = 80;
	r = feed(state, &syn, 0).result;
	cr_assert_eq(r.speaks, MPNIC_SPEAKS_V1);
	cr_assert_eq(r.actions, 0);
	/* Another address: the network's default. Another network: its default. */
	syn.hdr.dst[3] ^= 1;
	r = feed(state, &syn, 0).result;
	cr_assert_eq(r.speaks, MPNIC_SPEAKS_UNKNOWN);
	cr_assert_eq(r.punt, MPNIC_PUNT_FIRST_SYN);
	cr_assert_eq(r.actions, MPNIC_ACTION_PUNT);
	syn.hdr.dst[3] ^= 1;
	syn.hdr.source = 6;
	r = feed(state, &syn, 0).result;
	cr_assert_eq(r.speaks, MPNIC_SPEAKS_UNKNOWN);
	cr_assert_eq(r.punt, MPNIC_PUNT_NONE);
	/* Neither a SYN/ACK, nor one whose option has an error, nor one that is not sound. */
	syn.hdr.source = 5;
	syn.hdr.tcp_flags = SYN | ACK;
	cr_assert_eq(feed(state, &syn, 0).result.speaks, MPNIC_SPEAKS_UNKNOWN);
	syn.hdr.tcp_flags = SYN;
	syn.hdr.opt[0].error = MPNIC_OPT_ERROR_EXTENSIBILITY;
	cr_assert_eq(feed(state, &syn, 0).result.speaks, MPNIC_SPEAKS_UNKNOWN);
	syn.hdr.opt[0].error = MPNIC_OPT_ERROR_NONE;
	syn.csum.l4 = MPNIC_CSUM_BAD;
	cr_assert_eq(feed(state, &syn, 0).result.speaks, MPNIC_SPEAKS_UNKNOWN);
	syn.csum.l4 = MPNIC_CSUM_PARTIAL;
	cr_assert_eq(feed(state, &syn, 0).result.speaks, MPNIC_SPEAKS_V1);
}

Test(flow, peers_by_prefix)
{
	static const unsigned int bits4[] = {0, 1, 8, 20, 24, 31, 32};
	static const unsigned int bits6[] = {0, 3, 48, 56, 64, 127, 128};
	unsigned int ip, i, bit;

	config.host_sources = 1;
	for (ip = 4; ip <= 6; ip += 2) {
		for (i = 0; i < 7; i++) {
			const unsigned int len = ip == 4 ? bits4[i] : bits6[i];
			struct pkt syn = pkt_first_syn(ip);
			uint8_t addr[16] = {0};

			config.prefix4 = (uint8_t)bits4[i];
			config.prefix6 = (uint8_t)bits6[i];
			renew();
			for (bit = 0; bit < len; bit++)
				addr[bit / 8] |= syn.hdr.dst[bit / 8] & 0x80 >> bit % 8;
			add_peer(addr, 0, 0, (uint8_t)ip, MPNIC_SPEAKS_NONE, MPNIC_FIRST_SYN_STRIP);
			for (bit = 0; bit < (ip == 4 ? 32 : 128); bit++) {
				syn.hdr.dst[bit / 8] ^= 0x80 >> bit % 8;
				cr_assert_eq(feed(state, &syn, 0).result.speaks,
					     bit < len ? MPNIC_SPEAKS_UNKNOWN : MPNIC_SPEAKS_NONE);
				syn.hdr.dst[bit / 8] ^= 0x80 >> bit % 8;
			}
		}
	}
}

Test(flow, peers_that_are_refused)
{
	struct mpnic_peer_entry entry = {.addr = {10, 1, 2, 3}, .ip_version = 4};

	config.prefix4 = 24;
	renew();
	cr_assert_eq(mpnic_peer_insert(state, &entry), -EINVAL);
	entry.addr[3] = 0;
	entry.speaks = 9;
	cr_assert_eq(mpnic_peer_insert(state, &entry), -EINVAL);
	entry.speaks = 0;
	entry.first_syn = 3;
	cr_assert_eq(mpnic_peer_insert(state, &entry), -EINVAL);
	entry.first_syn = 0;
	entry.addr[9] = 1;
	cr_assert_eq(mpnic_peer_insert(state, &entry), -EINVAL);
	entry.addr[9] = 0;
	cr_assert_eq(mpnic_peer_remove(state, &entry), -ENOENT);
	cr_assert_eq(mpnic_peer_insert(state, &entry), 0);
	cr_assert_eq(mpnic_peer_remove(state, &entry), 0);
	cr_assert_null(mpnic_peer_find(state, &entry));
}

Test(flow, indices_come_back)
{
	struct mpnic_token_entry entry = {0};
	struct mpnic_table_stats stats;
	uint32_t round, i, used = 0;

	/* Far more insertions than entries, each found where it was put. */
	for (round = 0; round < 50; round++) {
		used = 0;
		for (i = 0; i < config.tokens + 8; i++) {
			entry.token = round << 16 | i;
			entry.cap = (uint8_t)i;
			used += !mpnic_token_insert(state, &entry);
		}
		mpnic_table_stats(state, MPNIC_TABLE_TOKEN, &stats);
		cr_assert_eq(stats.used, used);
		cr_assert_gt(used, config.tokens * 8 / 10);
		for (i = 0; i < config.tokens + 8; i++) {
			const struct mpnic_token_entry *e =
				mpnic_token_find(state, round << 16 | i);

			cr_assert(!e || (e->token == (round << 16 | i) && e->cap == (uint8_t)i));
			cr_assert_eq(mpnic_token_remove(state, round << 16 | i), e ? 0 : -ENOENT);
		}
	}
	entry.conn_id = config.conns;
	cr_assert_eq(mpnic_token_insert(state, &entry), -EINVAL);
}

/* ---- counting ------------------------------------------------------------------------------ */

Test(flow, counters_and_age_of_entries)
{
	struct pkt pkt = pkt_tcp(4, ACK, NULL, 0);
	const struct mpnic_rule_count *masked;
	const struct mpnic_flow *exact;
	struct mpnic_flow flow = plain;
	struct mpnic_key key;
	unsigned int n;
	bool flip;

	flow.packets = (1ull << 32) - 3;
	flow.bytes = (1ull << 32) - 3;
	add_flow(state, &pkt, 1, &flow);
	cr_assert(mpnic_flow_key(state, &pkt.hdr, true, &key, &flip));
	cr_assert_eq(mpnic_flow_insert(state, &key, 2, &plain), 0);
	exact = mpnic_flow_at(state, 1);
	masked = mpnic_masked_count(state, 2);
	for (n = 1; n <= 10; n++) {
		pkt.csum.frame_len = (uint16_t)(1000 + n);
		feed(state, &pkt, (uint64_t)n << 40);
		cr_assert_eq(exact->packets, (1ull << 32) - 3 + n);
		cr_assert_eq(masked->packets, n);
		cr_assert_eq(masked->bytes, 1000 * n + n * (n + 1) / 2);
		cr_assert_eq(exact->last_seen, n << 20);
		cr_assert_eq(masked->last_seen, n << 20);
	}
	/* The peer's frames are the flow's, but not the masked entry's; time does not go back. */
	pkt_turn(&pkt);
	pkt.csum.l4 = MPNIC_CSUM_BAD;
	feed(state, &pkt, 5);
	cr_assert_eq(exact->packets, (1ull << 32) + 8);
	cr_assert_eq(exact->bytes, (1ull << 32) - 3 + 10000 + 55 + 1010);
	cr_assert_eq(masked->packets, 10);
	cr_assert_eq(exact->last_seen, 10u << 20);
}

Test(flow, generation_counts_the_uses_of_an_id)
{
	struct pkt pkt = pkt_tcp(4, ACK, NULL, 0);
	unsigned int n;

	for (n = 1; n < 600; n++) {
		const struct mpnic_key key = add_flow(state, &pkt, 1, &plain);

		cr_assert_eq(mpnic_flow_at(state, 1)->generation, n % 256);
		cr_assert_eq(mpnic_flow_at(state, 1)->packets, 0);
		feed(state, &pkt, 0);
		cr_assert_eq(mpnic_flow_remove(state, &key), 0);
	}
}

static uint64_t sum_of(const uint64_t *counters, unsigned int n)
{
	return n ? *counters + sum_of(counters + 1, n - 1) : 0;
}

/* Frames from a small world, in which much is known, and hostile ones. */
static struct pkt some_pkt(uint64_t *seed)
{
	static struct gen_packet packet;
	const uint64_t r = rnd(seed);
	struct pkt pkt;

	switch (r >> 60) {
	case 0 ... 3:
		gen_random(r, &packet);
		mpnic_packet(packet.frame, packet.len, packet.user, &pkt.hdr, &pkt.csum);
		return pkt;
	case 4 ... 7:
		pkt = pkt_join(r >> 59 & 1 ? 4 : 6, (uint32_t)(r >> 40 & 31));
		break;
	case 8 ... 9:
		pkt = pkt_first_syn(r >> 59 & 1 ? 4 : 6);
		break;
	default:
		pkt = pkt_tcp(r >> 59 & 1 ? 4 : 6, ACK, NULL, 0);
	}
	pkt_ends(&pkt, 0x0a010200 | (r >> 8 & 3), r >> 10 & 3, 0x0a010200 | (r >> 12 & 3),
		 r >> 14 & 3);
	pkt.hdr.source = r >> 16 & 3;
	if (!(r >> 18 & 15))
		pkt.csum.l4 = MPNIC_CSUM_BAD;
	return pkt;
}

/* A state in which every table has entries, and every limit is near. */
static struct mpnic_state *busy_state(void)
{
	uint64_t seed = 0x6d706e6963003011;
	struct mpnic_state_config c;
	struct mpnic_state *s;
	unsigned int i;

	small_config(&c);
	c.join_unknown = MPNIC_JOIN_PUNT;
	c.join_full = MPNIC_JOIN_PUNT;
	c.host_sources = 2;
	c.first_syn[0] = MPNIC_FIRST_SYN_PUNT;
	c.join_rate = 1000000;
	c.join_burst = 3;
	s = state_new(&c);
	for (i = 0; i < 16; i++) {
		struct mpnic_token_entry token = {.token = i, .conn_id = i, .cap = 3};
		struct mpnic_flow flow = {.conn_id = i, .prio = (uint8_t)i};
		struct pkt pkt = some_pkt(&seed);
		struct mpnic_key key;
		bool flip;

		token.flags = i & 3;
		SET_CONN(s, i, flags, (uint8_t)(i >> 1 & 7));
		SET_CONN(s, i, rx_queue, (uint16_t)(100 + i));
		cr_assert_eq(mpnic_token_insert(s, &token), 0);
		if (i < 8)
			mpnic_flow_id_give(s, 500 + i);
		flow.actions = (uint16_t)(rnd(&seed) >> 40 & 0x3f);
		if (mpnic_flow_key(s, &pkt.hdr, false, &key, &flip))
			mpnic_flow_insert(s, &key, i, &flow);
		if (i < 4 && mpnic_flow_key(s, &pkt.hdr, true, &key, &flip))
			mpnic_flow_insert(s, &key, 100 + i, &flow);
	}
	return s;
}

Test(flow, counters_add_up)
{
	static struct mpnic_state_counters expected[64];
	struct mpnic_state *s = busy_state();
	uint64_t seed = 0x6d706e6963003002, events = 0, written = 0;
	unsigned int n, i;

	for (n = 0; n < 20000; n++) {
		const struct pkt pkt = some_pkt(&seed);
		struct mpnic_state_counters *e = &expected[pkt.hdr.source];
		const struct out out = feed(s, &pkt, n * 500ull);

		e->packets++;
		e->bytes += pkt.csum.frame_len;
		e->flow[out.result.flow]++;
		e->token[out.result.token]++;
		e->dsn[out.result.dsn_state]++;
		e->map_csum[out.result.map_csum]++;
		e->punt[out.result.punt]++;
		e->drop[out.result.drop]++;
		for (i = 0; i < 16; i++)
			e->action[i] += out.result.actions >> i & 1;
		for (i = 0; i < 32; i++)
			e->sign[i] += out.result.signs >> i & 1;
		e->events += out.has_event;
		written += out.has_event;
		if (out.has_event)
			cr_assert_eq(out.event.seq, written - 1);
	}
	for (i = 0; i < 64; i++) {
		const struct mpnic_state_counters *c = mpnic_state_counters(s, i);

		check_same(c, &expected[i], sizeof(*c), "counters");
		cr_assert_eq(sum_of(c->flow, 8), c->packets);
		cr_assert_eq(sum_of(c->token, 8), c->packets);
		cr_assert_eq(sum_of(c->punt, 8), c->packets);
		cr_assert_eq(sum_of(c->drop, 8), c->packets);
		events += c->events;
	}
	cr_assert_eq(events, written);
	/* The world is one in which everything happens. */
	for (i = MPNIC_TOKEN_KNOWN; i <= MPNIC_TOKEN_FALLBACK; i++)
		cr_assert_gt(expected[0].token[i] + expected[1].token[i] + expected[2].token[i] +
				     expected[3].token[i],
			     0, "token %s", mpnic_token_name(i));
	for (i = MPNIC_FLOW_MISS; i <= MPNIC_FLOW_MASKED; i++)
		cr_assert_gt(expected[0].flow[i], 0, "flow %s", mpnic_flow_name(i));
	mpnic_state_free(s);
}

Test(flow, a_burst_is_its_frames_one_by_one)
{
	enum {
		MOST = 80,
	};
	static struct pkt pkts[MOST];
	static struct out outs[MOST];
	struct mpnic_state *single = busy_state(), *burst = busy_state();
	uint64_t seed = 0x6d706e6963003003, time = 0;
	unsigned int round, i;

	for (round = 0; round < 1500; round++) {
		const unsigned int n = (unsigned int)(rnd(&seed) >> 40) % (MOST + 1);
		struct mpnic_state_frame frames[MOST];

		memset(outs, 0x5a, sizeof(outs));
		for (i = 0; i < n; i++) {
			pkts[i] = some_pkt(&seed);
			frames[i] = (struct mpnic_state_frame){
				.hdr = &pkts[i].hdr,
				.csum = &pkts[i].csum,
				.time_ns = time += rnd(&seed) >> 54,
				.result = &outs[i].result,
				.event = &outs[i].event,
			};
		}
		mpnic_state_burst(burst, frames, n);
		for (i = 0; i < n; i++) {
			const struct out out = feed(single, &pkts[i], frames[i].time_ns);

			cr_assert_eq(out.has_event, frames[i].has_event);
			check_same(&outs[i].result, &out.result, sizeof(out.result), "result");
			if (out.has_event)
				check_same(&outs[i].event, &out.event, sizeof(out.event), "event");
		}
		/* Room for new flows comes back, so that learning goes on. */
		if (round % 50 == 49) {
			mpnic_flow_id_give(single, 600 + round % 400);
			mpnic_flow_id_give(burst, 600 + round % 400);
		}
	}
	for (i = 0; i < 1024; i++)
		check_same(mpnic_flow_at(single, i), mpnic_flow_at(burst, i),
			   sizeof(struct mpnic_flow), "flow");
	mpnic_state_free(single);
	mpnic_state_free(burst);
}
