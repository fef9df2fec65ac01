/* SPDX-License-Identifier: BSD-3-Clause */
/* MP_JOIN: tokens, learnt flows, and the rules of fallback that the tables answer for. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "run.h"
#include "stateful.h"

#define TOKEN  0xa35d6d82
#define SECOND 1000000000ull

static struct mpnic_state_config config;
static struct mpnic_state *state;

static void set_up(void)
{
	small_config(&config);
	config.learnt.actions = MPNIC_ACTION_MARK;
	config.learnt.mark = 99;
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

TestSuite(join, .init = set_up, .fini = tear_down);
TestSuite(rules_of_state, .init = set_up, .fini = tear_down);

static void add_token(uint8_t flags, uint8_t cap)
{
	const struct mpnic_token_entry entry = {
		.token = TOKEN,
		.conn_id = 3,
		.flags = flags,
		.cap = cap,
	};

	cr_assert_eq(mpnic_token_insert(state, &entry), 0);
}

static void give_ids(uint32_t first, uint32_t count)
{
	for (; count; count--)
		cr_assert_eq(mpnic_flow_id_give(state, first++), 0);
}

static void check_learns_nothing(const struct pkt *pkt, uint8_t verdict)
{
	struct mpnic_table_stats stats;
	struct mpnic_key key;
	bool flip;

	cr_assert_eq(feed(state, pkt, 0).result.token, verdict, "not %s",
		     mpnic_token_name(verdict));
	cr_assert(!mpnic_flow_key(state, &pkt->hdr, false, &key, &flip) ||
		  mpnic_flow_find(state, &key) == MPNIC_ID_NONE);
	mpnic_table_stats(state, MPNIC_TABLE_STASH, &stats);
	cr_assert_eq(stats.used, 0);
	cr_assert_eq(mpnic_token_find(state, TOKEN)->provisional, 0);
}

static void check_learnt(unsigned int ip, bool turn, bool side_b)
{
	struct pkt syn = pkt_join(ip, TOKEN);
	const struct mpnic_flow *flow;
	struct out out;

	renew();
	if (turn)
		pkt_turn(&syn);
	SET_CONN(state, 3, flags, MPNIC_CONN_QUEUE);
	SET_CONN(state, 3, rx_queue, 17);
	add_token(side_b ? MPNIC_TOKEN_ENTRY_SIDE_B : 0, 1);
	give_ids(40, 2);
	flow = mpnic_flow_at(state, 40);

	out = feed(state, &syn, 5ull << 20);
	cr_assert_eq(out.result.token, MPNIC_TOKEN_LEARNT);
	cr_assert_eq(out.result.flow, MPNIC_FLOW_LEARNT);
	cr_assert_eq(out.result.flow_id, 40);
	cr_assert_eq(out.result.conn_id, 3);
	cr_assert_eq(out.result.dir, 0);
	/* The token is the receiver's, so the sender is the other side. */
	cr_assert_eq(out.result.side, !side_b);
	cr_assert_eq(out.result.rx_queue, 17, "a join follows its connection");
	cr_assert_eq(out.result.mark, 99);
	cr_assert_eq(out.result.signs & ~(uint32_t)MPNIC_SIGN_HANDSHAKE,
		     MPNIC_SIGN_JOIN | MPNIC_SIGN_JOIN_LEARNT);
	cr_assert_eq(out.event.token, TOKEN);
	cr_assert_eq(out.event.nonce, 0xcafebabe);
	cr_assert_eq(out.event.addr_id, 9);
	cr_assert_eq(out.event.generation, 1);
	cr_assert_eq(flow->packets, 1);
	cr_assert_eq(flow->bytes, syn.csum.frame_len);
	cr_assert_eq(flow->last_seen, 5);
	cr_assert_eq(flow->flags & MPNIC_FLOW_STATE_PROVISIONAL, MPNIC_FLOW_STATE_PROVISIONAL);
	cr_assert_eq(flow->generation, 1);
	cr_assert_eq(mpnic_token_find(state, TOKEN)->provisional, 1);

	/* The answer, and the SYN once more. */
	pkt_turn(&syn);
	syn.hdr.tcp_flags = SYN | ACK;
	out = feed(state, &syn, 0);
	cr_assert_eq(out.result.flow, MPNIC_FLOW_LEARNT);
	cr_assert_eq(out.result.dir, 1);
	cr_assert_eq(out.result.side, side_b);
	pkt_turn(&syn);
	syn.hdr.tcp_flags = SYN;
	out = feed(state, &syn, 0);
	cr_assert_eq(out.result.token, MPNIC_TOKEN_KNOWN);
	cr_assert_eq(out.result.flow_id, 40);
	cr_assert_eq(out.result.signs & MPNIC_SIGN_JOIN_LEARNT, 0);
	cr_assert_eq(mpnic_token_find(state, TOKEN)->provisional, 1);
	cr_assert_eq(flow->packets, 3);
}

Test(join, is_learnt_from_either_end_of_either_side)
{
	unsigned int n;

	for (n = 0; n < 8; n++)
		check_learnt(n & 1 ? 6 : 4, n & 2, n & 4);
}

Test(join, learnt_flow_moves_to_the_flow_table)
{
	const struct pkt syn = pkt_join(4, TOKEN);
	struct mpnic_table_stats stats;
	struct mpnic_key key;
	struct out out;
	bool flip;

	add_token(0, 9);
	give_ids(40, 1);
	feed(state, &syn, 0);
	cr_assert(mpnic_flow_key(state, &syn.hdr, false, &key, &flip));
	cr_assert_eq(mpnic_flow_insert(state, &key, 7, mpnic_flow_at(state, 40)), -EEXIST);
	cr_assert_eq(mpnic_stash_move(state, &key), 0);
	cr_assert_eq(mpnic_stash_move(state, &key), -ENOENT);
	mpnic_table_stats(state, MPNIC_TABLE_STASH, &stats);
	cr_assert_eq(stats.used, 0);
	cr_assert_eq(mpnic_flow_find(state, &key), 40);
	out = feed(state, &syn, 0);
	cr_assert_eq(out.result.flow, MPNIC_FLOW_EXACT);
	cr_assert_eq(out.result.flow_id, 40);
	cr_assert_eq(mpnic_flow_at(state, 40)->packets, 2);
	cr_assert_eq(mpnic_flow_at(state, 40)->generation, 1);
	cr_assert_eq(mpnic_flow_remove(state, &key), 0);
	cr_assert_eq(feed(state, &syn, 0).result.token, MPNIC_TOKEN_FULL);
}

Test(join, what_is_not_a_sound_syn_learns_nothing)
{
	const struct pkt right = pkt_join(4, TOKEN);
	struct pkt pkt = right;
	unsigned int verdict;

	add_token(0, 9);
	give_ids(40, 4);
	for (verdict = 0; verdict <= MPNIC_CSUM_NOT_JUDGED; verdict++) {
		pkt = right;
		pkt.csum.l4 = (uint8_t)verdict;
		if (verdict != MPNIC_CSUM_GOOD && verdict != MPNIC_CSUM_PARTIAL)
			check_learns_nothing(&pkt, MPNIC_TOKEN_NONE);
	}
	pkt = right;
	pkt.csum.ip = MPNIC_CSUM_BAD;
	check_learns_nothing(&pkt, MPNIC_TOKEN_NONE);
	pkt.csum.ip = MPNIC_CSUM_NOT_JUDGED;
	check_learns_nothing(&pkt, MPNIC_TOKEN_NONE);
	pkt = right;
	pkt.hdr.parse = MPNIC_PARSE_TRUNCATED;
	check_learns_nothing(&pkt, MPNIC_TOKEN_NONE);
	pkt = right;
	pkt.hdr.opt[0].error = MPNIC_OPT_ERROR_LENGTH;
	check_learns_nothing(&pkt, MPNIC_TOKEN_NONE);
	for (verdict = 0; verdict < 256; verdict++) {
		pkt = right;
		pkt.hdr.tcp_flags = (uint8_t)verdict;
		if ((verdict & (SYN | ACK | RST | FIN)) != SYN)
			check_learns_nothing(&pkt, MPNIC_TOKEN_NONE);
	}
	cr_assert_eq(feed(state, &right, 0).result.token, MPNIC_TOKEN_LEARNT);
}

Test(join, cap_of_a_token)
{
	struct pkt syn = pkt_join(4, TOKEN);
	struct mpnic_token_entry entry;
	unsigned int n;

	add_token(0, 3);
	give_ids(40, 10);
	for (n = 0; n < 6; n++) {
		struct mpnic_result r;

		syn.hdr.sport = (uint16_t)(1000 + n);
		r = feed(state, &syn, 0).result;
		cr_assert_eq(r.token, n < 3 ? MPNIC_TOKEN_LEARNT : MPNIC_TOKEN_CAPPED);
		cr_assert_eq(!!(r.signs & MPNIC_SIGN_JOIN_REFUSED), n >= 3);
		cr_assert_eq(r.flow, n < 3 ? MPNIC_FLOW_LEARNT : MPNIC_FLOW_MISS);
	}
	/* Who confirms one makes room for one. */
	entry = *mpnic_token_find(state, TOKEN);
	entry.provisional--;
	cr_assert_eq(mpnic_token_set(state, &entry), 0);
	cr_assert_eq(feed(state, &syn, 0).result.token, MPNIC_TOKEN_LEARNT);
}

Test(join, stash_or_ids_exhausted)
{
	struct pkt syn = pkt_join(4, TOKEN);
	struct mpnic_table_stats stats;
	unsigned int n, learnt = 0;

	config.join_full = MPNIC_JOIN_PUNT;
	renew();
	add_token(0, 255);
	cr_assert_eq(feed(state, &syn, 0).result.token, MPNIC_TOKEN_FULL);
	cr_assert_eq(feed(state, &syn, 0).result.punt, MPNIC_PUNT_JOIN_FULL);
	give_ids(100, config.stash);
	cr_assert_eq(mpnic_flow_id_give(state, 1), -ENOSPC);
	cr_assert_eq(mpnic_flow_id_give(state, config.flows), -EINVAL);
	for (n = 0; n < 200; n++) {
		struct mpnic_result r;

		syn.hdr.sport = (uint16_t)(1000 + n);
		r = feed(state, &syn, n * SECOND).result;
		if (r.token == MPNIC_TOKEN_LEARNT) {
			cr_assert_eq(r.flow_id, 100 + learnt, "first in, first out");
			learnt++;
		} else {
			cr_assert_eq(r.token, MPNIC_TOKEN_FULL);
			cr_assert(r.signs & MPNIC_SIGN_JOIN_REFUSED);
			cr_assert_eq(r.punt, MPNIC_PUNT_JOIN_FULL);
		}
	}
	mpnic_table_stats(state, MPNIC_TABLE_STASH, &stats);
	cr_assert_eq(stats.used, learnt);
	cr_assert_eq(stats.moved, 0);
	cr_assert_geq(learnt, config.stash * 3 / 4);
	cr_assert_eq(mpnic_token_find(state, TOKEN)->provisional, learnt);
}

Test(join, token_that_the_host_decides_on)
{
	const struct pkt syn = pkt_join(6, TOKEN);
	struct mpnic_result r;

	add_token(MPNIC_TOKEN_ENTRY_PUNT, 9);
	give_ids(40, 4);
	check_learns_nothing(&syn, MPNIC_TOKEN_PUNTED);
	r = feed(state, &syn, 0).result;
	cr_assert_eq(r.punt, MPNIC_PUNT_JOIN);
	cr_assert_eq(r.signs, MPNIC_SIGN_JOIN);
	cr_assert_eq(mpnic_token_remove(state, TOKEN), 0);
	cr_assert_eq(feed(state, &syn, 0).result.token, MPNIC_TOKEN_UNKNOWN);
}

Test(join, policies_for_unknown_tokens)
{
	const struct pkt syn = pkt_join(4, TOKEN);
	struct mpnic_result r;

	r = feed(state, &syn, 0).result;
	cr_assert_eq(r.token, MPNIC_TOKEN_UNKNOWN);
	cr_assert_eq(r.signs, MPNIC_SIGN_JOIN_UNKNOWN);
	cr_assert_eq(r.actions, 0);
	config.join_unknown = MPNIC_JOIN_DROP;
	renew();
	r = feed(state, &syn, 0).result;
	cr_assert_eq(r.drop, MPNIC_DROP_JOIN_UNKNOWN);
	cr_assert_eq(r.actions, MPNIC_ACTION_DROP);
	config.join_unknown = MPNIC_JOIN_PUNT;
	renew();
	r = feed(state, &syn, 0).result;
	cr_assert_eq(r.punt, MPNIC_PUNT_JOIN_UNKNOWN);
	/* No rate, no punts. */
	config.join_rate = 0;
	renew();
	cr_assert_eq(feed(state, &syn, 0).result.drop, MPNIC_DROP_JOIN_LIMIT);
	config.join_rate = 1;
	config.join_burst = 0;
	renew();
	cr_assert_eq(feed(state, &syn, 0).result.drop, MPNIC_DROP_JOIN_LIMIT);
}

Test(join, a_frame_that_an_action_drops_or_punts_takes_nothing_from_the_bucket)
{
	const struct pkt syn = pkt_join(4, TOKEN);
	struct mpnic_rule rule = {.valid = 1, .actions = MPNIC_ACTION_DROP};
	unsigned int n;

	config.join_unknown = MPNIC_JOIN_PUNT;
	config.join_burst = 1;
	renew();
	cr_assert_eq(mpnic_rule_set(state, 0, &rule), 0);
	for (n = 0; n < 5; n++)
		cr_assert_eq(feed(state, &syn, 0).result.drop, MPNIC_DROP_ACTION);
	rule.actions = MPNIC_ACTION_PUNT;
	cr_assert_eq(mpnic_rule_set(state, 0, &rule), 0);
	for (n = 0; n < 5; n++)
		cr_assert_eq(feed(state, &syn, 0).result.punt, MPNIC_PUNT_ACTION);
	cr_assert_eq(mpnic_rule_set(state, 0, NULL), 0);
	cr_assert_eq(feed(state, &syn, 0).result.punt, MPNIC_PUNT_JOIN_UNKNOWN);
	cr_assert_eq(feed(state, &syn, 0).result.drop, MPNIC_DROP_JOIN_LIMIT);
}

/* ---- rules of fallback --------------------------------------------------------------------- */

Test(rules_of_state, rule_26_no_subflow_joins_after_fallback)
{
	const struct pkt syn = pkt_join(4, TOKEN);

	add_token(0, 9);
	give_ids(40, 4);
	SET_CONN(state, 3, flags, MPNIC_CONN_TCP);
	check_learns_nothing(&syn, MPNIC_TOKEN_FALLBACK);
	cr_assert_eq(feed(state, &syn, 0).result.signs, MPNIC_SIGN_JOIN | MPNIC_SIGN_JOIN_FALLBACK);
	cr_assert_eq(feed(state, &syn, 0).result.actions, 0);
}

Test(rules_of_state, rule_28_unknown_token_shows_and_is_never_learnt)
{
	struct mpnic_table_stats stats;
	uint64_t seed = 0x6d706e6963004001;
	unsigned int n;

	config.event_mask = MPNIC_SIGN_JOIN_UNKNOWN;
	renew();
	add_token(0, 255);
	give_ids(40, 16);
	for (n = 0; n < 2000; n++) {
		/* Near the right one as well as far from it. */
		const uint32_t guess = n < 32 ? TOKEN ^ 1u << n : (uint32_t)rnd(&seed) | 1;
		const struct pkt syn = pkt_join(n % 2 ? 4 : 6, guess);
		const struct out out = feed(state, &syn, 0);

		cr_assert_eq(out.result.token, MPNIC_TOKEN_UNKNOWN);
		cr_assert(out.result.signs & MPNIC_SIGN_JOIN_UNKNOWN);
		cr_assert_eq(out.result.flow_id, MPNIC_ID_NONE);
		cr_assert_eq(out.event.token, guess);
	}
	mpnic_table_stats(state, MPNIC_TABLE_STASH, &stats);
	cr_assert_eq(stats.inserted, 0);
}

/* Punts that may come in so much time, and those that came. */
static void flood(uint32_t rate, uint32_t burst, uint64_t span_ns)
{
	enum {
		GUESSES = 1000000,
	};
	struct pkt syn = pkt_join(4, TOKEN);
	uint64_t seed = 0x6d706e6963004002, most, least, punts = 0, drops = 0;
	unsigned int n;

	config.join_unknown = MPNIC_JOIN_PUNT;
	config.join_rate = rate;
	config.join_burst = burst;
	renew();
	for (n = 0; n < GUESSES; n++) {
		struct mpnic_result r;

		syn.hdr.opt[0].join_syn.token = (uint32_t)rnd(&seed);
		syn.hdr.sport = (uint16_t)(rnd(&seed) >> 40);
		/* By default no event tells of a guess. */
		cr_assert(!mpnic_state_packet(state, &syn.hdr, &syn.csum, span_ns / GUESSES * n, &r,
					      NULL));
		punts += r.punt == MPNIC_PUNT_JOIN_UNKNOWN;
		drops += r.drop == MPNIC_DROP_JOIN_LIMIT;
	}
	most = (uint64_t)((double)rate * (double)span_ns / 1e9) + burst;
	least = most * 99 / 100 - 2;
	cr_assert_eq(punts + drops, GUESSES);
	cr_assert_leq(punts, most, "%lu punts of %lu", punts, most);
	cr_assert_geq(punts, least, "%lu punts of %lu", punts, least);
	cr_assert_eq(mpnic_state_counters(state, 0)->punt[MPNIC_PUNT_JOIN_UNKNOWN], punts);
	cr_assert_eq(mpnic_state_counters(state, 0)->token[MPNIC_TOKEN_UNKNOWN], GUESSES);
	cr_assert_eq(mpnic_state_counters(state, 0)->events_lost, 0);
}

Test(rules_of_state, rule_28_a_flood_of_guesses_costs_the_host_nothing)
{
	flood(1000, 64, SECOND);
	flood(1, 1, 100 * SECOND);
	flood(7, 100, SECOND / 10);
	flood(30000, 64, 3 * SECOND);
}

Test(rules_of_state, rule_28_rounding_never_exceeds_the_rate)
{
	const struct pkt syn = pkt_join(4, TOKEN);
	unsigned int n, punts = 0;

	config.join_unknown = MPNIC_JOIN_PUNT;
	config.join_rate = 700000000; /* one in 1.43 ns */
	config.join_burst = 1;
	renew();
	for (n = 0; n < 1000; n++)
		punts += feed(state, &syn, n).result.punt != 0;
	cr_assert_leq(punts, 701);
	cr_assert_geq(punts, 500);
}

Test(rules_of_state, rule_28_quiet_gives_back_no_more_than_the_burst)
{
	const struct pkt syn = pkt_join(4, TOKEN);
	unsigned int n, round, punts;

	config.join_unknown = MPNIC_JOIN_PUNT;
	config.join_rate = 10;
	config.join_burst = 5;
	renew();
	for (round = 1; round < 4; round++) {
		for (n = punts = 0; n < 100; n++)
			punts += feed(state, &syn, round * 1000 * SECOND).result.punt != 0;
		cr_assert_eq(punts, 5);
	}
	/* One interval, one more. */
	for (n = punts = 0; n < 100; n++)
		punts += feed(state, &syn, 3000 * SECOND + SECOND / 10).result.punt != 0;
	cr_assert_eq(punts, 1);
}

Test(rules_of_state, rule_29_a_join_is_provisional_until_the_host_has_seen_its_third_ack)
{
	static const uint8_t third[24] = {30, 24, 0x10};
	const struct pkt syn = pkt_join(4, TOKEN), ack = pkt_tcp(4, ACK, third, sizeof(third));

	add_token(MPNIC_TOKEN_ENTRY_SIDE_B, 9);
	give_ids(40, 4);
	feed(state, &syn, 0);
	cr_assert_eq(feed(state, &ack, 0).result.flow_id, 40);
	/* The HMAC is the host's to check: gates conclude nothing from it. */
	cr_assert(mpnic_flow_at(state, 40)->flags & MPNIC_FLOW_STATE_PROVISIONAL);
	cr_assert_eq(mpnic_token_find(state, TOKEN)->provisional, 1);
}
