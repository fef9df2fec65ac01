/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection tracker, rule by rule (docs/conns.md): real options through decoder and model. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "conns_lab.h"
#include "mpcrypto.h"

#define ISN_A  100u
#define ISN_B  500u
#define KEY_A  0x1fdb5df328bc3defull
#define KEY_B  0x29a6c86981ad933cull
#define H      MPNIC_CAPABLE_H
#define SECOND 1000000000ull
#define MINUTE (60 * SECOND)

struct world {
	struct lab l;
	unsigned int version;
	uint8_t flags;
	uint64_t idsn[2];
	uint32_t token[2];
};

static void begin(struct world *w, unsigned int version, unsigned int host)
{
	memset(w, 0, sizeof(*w));
	cr_assert_eq(lab_new(&w->l, NULL), 0);
	w->l.host = host;
	w->version = version;
	w->flags = H;
	mpcrypto_key(version, KEY_A, &w->token[0], &w->idsn[0]);
	mpcrypto_key(version, KEY_B, &w->token[1], &w->idsn[1]);
}

static struct conns_info info_of(const struct world *w)
{
	struct conns_info info = {.state = CONNS_FREE};
	uint32_t at = 0;

	conns_list(w->l.conns, &at, &info);
	return info;
}

static bool flow_of(const struct world *w, unsigned int index, struct conns_flow_info *flow)
{
	const struct conns_info info = info_of(w);

	return conns_list_flow(w->l.conns, &info, index, flow);
}

static struct conns_counts counts_of(const struct world *w)
{
	struct conns_counts counts;

	conns_counts(w->l.conns, &counts);
	return counts;
}

static void finish(struct world *w)
{
	cr_assert_eq(w->l.failed, w->l.no_nic ? w->l.failed : 0);
	lab_free(&w->l);
}

static void plain_syn(struct world *w)
{
	lab_segment(&w->l, 0, SYN, ISN_A, 0, 0, NULL);
}

static void offer(struct world *w)
{
	struct opts o = {.len = 0};

	opt_capable(&o, w->version, w->flags, w->version ? 0 : 1, KEY_A, 0);
	lab_segment(&w->l, 0, SYN, ISN_A, 0, 0, &o);
}

static void answer_with(struct world *w, unsigned int version, uint8_t flags, uint64_t key)
{
	struct opts o = {.len = 0};

	opt_capable(&o, version, flags, 1, key, 0);
	lab_segment(&w->l, 1, SYN | ACK, ISN_B, ISN_A + 1, 0, &o);
}

static void answer(struct world *w)
{
	answer_with(w, w->version, w->flags, KEY_B);
}

static void plain_answer(struct world *w)
{
	lab_segment(&w->l, 1, SYN | ACK, ISN_B, ISN_A + 1, 0, NULL);
}

static void third_with(struct world *w, uint64_t key_b)
{
	struct opts o = {.len = 0};

	opt_capable(&o, w->version, w->flags, 2, KEY_A, key_b);
	lab_segment(&w->l, 0, ACK, ISN_A + 1, ISN_B + 1, 0, &o);
}

static void third(struct world *w)
{
	third_with(w, KEY_B);
}

static void bare(struct world *w, unsigned int from, uint32_t rel, uint32_t ack_rel,
		 unsigned int payload)
{
	const uint32_t isn[2] = {ISN_A, ISN_B};

	lab_segment(&w->l, from, ACK, isn[from] + rel, isn[!from] + ack_rel, payload, NULL);
}

static void handshake(struct world *w)
{
	offer(w);
	answer(w);
	third(w);
}

/* @csum: -1 none, 0 right, 1 wrong */
static void data(struct world *w, unsigned int from, uint32_t rel, uint32_t ack_rel, uint16_t len,
		 int csum)
{
	const uint64_t dsn = w->idsn[from] + rel;
	const uint32_t isn[2] = {ISN_A, ISN_B};
	struct opts o = {.len = 0};

	opt_dss(&o, MPNIC_DSS_A | MPNIC_DSS_M, w->idsn[!from] + ack_rel, dsn, rel, len,
		csum < 0 ? -1 : lab_checksum(dsn, rel, len) ^ csum);
	lab_segment(&w->l, from, ACK, isn[from] + rel, isn[!from] + ack_rel, len, &o);
}

static void data_ack(struct world *w, unsigned int from, uint32_t rel, uint32_t ack_rel)
{
	const uint32_t isn[2] = {ISN_A, ISN_B};
	struct opts o = {.len = 0};

	opt_dss(&o, MPNIC_DSS_A, w->idsn[!from] + ack_rel, 0, 0, 0, -1);
	lab_segment(&w->l, from, ACK, isn[from] + rel, isn[!from] + ack_rel, 0, &o);
}

static void infinite(struct world *w, unsigned int from, uint32_t rel, uint32_t ack_rel,
		     unsigned int len)
{
	const uint32_t isn[2] = {ISN_A, ISN_B};
	struct opts o = {.len = 0};

	opt_dss(&o, MPNIC_DSS_M, 0, w->idsn[from] + rel, rel, 0,
		w->flags & MPNIC_CAPABLE_A ? 0 : -1);
	lab_segment(&w->l, from, ACK, isn[from] + rel, isn[!from] + ack_rel, len, &o);
}

static void mp_fail(struct world *w, unsigned int from, uint8_t flags, uint32_t rel,
		    uint32_t ack_rel, uint64_t dsn)
{
	const uint32_t isn[2] = {ISN_A, ISN_B};
	struct opts o = {.len = 0};

	opt_put(&o, 0x1e0c60, 3);
	opt_put(&o, 0, 1);
	opt_put(&o, dsn, 8);
	lab_segment(&w->l, from, flags, isn[from] + rel, isn[!from] + ack_rel, 0, &o);
}

/* Open, with data and Data ACKs both ways. */
static void confirmed(struct world *w)
{
	const int csum = w->flags & MPNIC_CAPABLE_A ? 0 : -1;

	handshake(w);
	data(w, 0, 1, 1, 10, csum);
	data_ack(w, 1, 1, 11);
	data(w, 1, 1, 11, 10, csum);
	data_ack(w, 0, 11, 11);
}

/* A join on path 1, by @opener; @bad: 1 HMAC of the SYN/ACK wrong, 2 of the ACK. */
static void join_syn(struct world *w, unsigned int opener, uint32_t token)
{
	struct opts o = {.len = 0};

	w->l.path = 1;
	opt_join_syn(&o, 3, token, 0x1111);
	lab_segment(&w->l, opener, SYN, 7000, 0, 0, &o);
}

static void join_hmac(const struct world *w, unsigned int from, unsigned int opener,
		      uint8_t hmac[20])
{
	const uint64_t key[2] = {KEY_A, KEY_B};
	const bool opens = from == opener;

	mpcrypto_join(w->version, key[from], key[!from], opens ? 0x1111 : 0x2222,
		      opens ? 0x2222 : 0x1111, hmac);
}

static void join_synack(struct world *w, unsigned int opener, bool bad)
{
	struct opts o = {.len = 0};
	uint8_t hmac[20];
	uint64_t left;

	join_hmac(w, !opener, opener, hmac);
	memcpy(&left, hmac, 8);
	opt_join_synack(&o, 4, __builtin_bswap64(left) ^ bad, 0x2222);
	lab_segment(&w->l, !opener, SYN | ACK, 9000, 7001, 0, &o);
}

static void join_ack(struct world *w, unsigned int opener, bool bad, unsigned int payload)
{
	struct opts o = {.len = 0};
	uint8_t hmac[20];

	join_hmac(w, opener, opener, hmac);
	hmac[19] ^= bad;
	opt_join_ack(&o, hmac);
	lab_segment(&w->l, opener, ACK, 7001, 9001, payload, &o);
}

static void join(struct world *w, unsigned int opener)
{
	join_syn(w, opener, w->token[!opener]);
	join_synack(w, opener, false);
	join_ack(w, opener, false, 0);
}

static void expect_tcp(const struct world *w, unsigned int rule, unsigned int by)
{
	const struct conns_info i = info_of(w);

	cr_assert_eq(i.state, CONNS_TCP, "state %d", i.state);
	cr_assert_eq(i.rule, rule, "rule %u, not %u", i.rule, rule);
	cr_assert_eq(i.by, by, "by %u", i.by);
	cr_assert_eq(counts_of(w).rule[rule], 1);
	cr_assert_eq(lab_count_log(&w->l, CONNS_FELL_BACK, rule), 1);
}

static void expect_noted(const struct world *w, unsigned int rule)
{
	cr_assert_gt(info_of(w).noted[rule], 0, "rule %u was not noted", rule);
	cr_assert_eq(lab_count_log(&w->l, CONNS_NOTED, rule), 1);
}

/* Nothing of a connection is left in the NIC, or in the tracker. */
static void expect_clean(struct world *w)
{
	const struct conns_counts counts = counts_of(w);
	struct mpnic_table_stats stats;

	cr_assert_eq(counts.used_conns, 0, "%u connections", counts.used_conns);
	cr_assert_eq(counts.used_flows, 0, "%u flows", counts.used_flows);
	mpnic_table_stats(w->l.nic, MPNIC_TABLE_FLOW, &stats);
	cr_assert_eq(stats.used, 0);
	mpnic_table_stats(w->l.nic, MPNIC_TABLE_STASH, &stats);
	cr_assert_eq(stats.used, 0);
	mpnic_table_stats(w->l.nic, MPNIC_TABLE_TOKEN, &stats);
	cr_assert_eq(stats.used, 0);
	for (uint32_t i = 0; i < 64; i++)
		cr_assert_eq(mpnic_conn_at(w->l.nic, i)->idsn[0], 0, "connection %u", i);
}

/* ---- a connection --------------------------------------------------------------------------- */

static void check_open(unsigned int version, unsigned int host)
{
	const struct mpnic_conn *conn;
	struct conns_flow_info flow;
	struct conns_info i;
	struct world w;
	uint64_t key[2];

	begin(&w, version, host);
	confirmed(&w);
	i = info_of(&w);
	cr_assert_eq(i.state, CONNS_OPEN);
	cr_assert_eq(i.out, host == 0);
	cr_assert_eq(i.version, version);
	cr_assert(i.confirmed && i.in_nic && !i.not_in_nic);
	conn = mpnic_conn_at(w.l.nic, i.conn_id);
	for (unsigned int side = 0; side < 2; side++) {
		cr_assert(i.key_known[side]);
		cr_assert_eq(i.token[side], w.token[side]);
		cr_assert_eq(i.idsn[side], w.idsn[side]);
		cr_assert_eq(conn->idsn[side], w.idsn[side]);
		/* Events of every frame ended with A's data or its Data ACK. */
		cr_assert_eq(i.dsn[side], w.idsn[side] + (side ? 1 : 11));
		cr_assert_not_null(mpnic_token_find(w.l.nic, w.token[side]));
	}
	cr_assert_eq(conn->version, version);
	cr_assert_eq(conn->flags, 0);
	cr_assert_eq(conns_keys(w.l.conns, i.number, key), 0);
	cr_assert(key[0] == KEY_A && key[1] == KEY_B);
	cr_assert(flow_of(&w, 0, &flow));
	cr_assert(flow.first && flow.in_nic && flow.opener == 0);
	cr_assert_eq(flow.port[0], 40000);
	cr_assert_eq(flow.port[1], 80);
	cr_assert_eq(flow.addr[0].bytes[3], 1);
	cr_assert_eq(flow.addr[1].bytes[3], 2);
	cr_assert(!flow_of(&w, 1, &flow));
	cr_assert_eq(lab_count_sights(&w.l, SIGHT_ANSWER_V1), version && !host);
	cr_assert_eq(lab_count_sights(&w.l, SIGHT_ANSWER_V0), !version && !host);
	cr_assert_eq(lab_count_sights(&w.l, SIGHT_CONFIRM_V1), version && !host);
	cr_assert_eq(lab_count_sights(&w.l, SIGHT_CONFIRM_V0), !version && !host);
	cr_assert_eq(lab_count_sights(&w.l, SIGHT_CLIENT_V1), version && host);
	cr_assert_eq(lab_count_sights(&w.l, SIGHT_CLIENT_V0), !version && host);
	cr_assert_eq(w.l.sights, host ? 1 : 2);
	cr_assert_eq(w.l.sight[0].peer.port, host ? 0 : 80);
	cr_assert_eq(w.l.sight[0].peer.addr.bytes[3], host ? 1 : 2);
	cr_assert_eq(w.l.sight[0].began_s, 1700000001);
	/* Events of every frame end with the first Data ACK; data does not come here. */
	cr_assert_eq(w.l.done[CONNS_DO_FLOW_SET], 1);
	cr_assert_eq(w.l.seen, 3);
	lab_segment(&w.l, 0, FIN | ACK, ISN_A + 11, ISN_B + 11, 0, NULL);
	lab_segment(&w.l, 1, FIN | ACK, ISN_B + 11, ISN_A + 12, 0, NULL);
	lab_tick(&w.l, MINUTE + 1); /* asks */
	cr_assert_eq(w.l.asked, 1);
	lab_tick(&w.l, MINUTE);
	lab_tick(&w.l, 2 * MINUTE); /* an open connection waits for another subflow */
	expect_clean(&w);
	cr_assert_eq(conns_keys(w.l.conns, i.number, key), -ENOENT);
	finish(&w);
}

Test(conns, version_1_by_the_host)
{
	check_open(1, 0);
}

Test(conns, version_1_to_the_host)
{
	check_open(1, 1);
}

Test(conns, version_0_by_the_host)
{
	check_open(0, 0);
}

Test(conns, version_0_to_the_host)
{
	check_open(0, 1);
}

/* What names a connection comes after it and goes before it. */
Test(conns, order_of_what_the_nic_is_told)
{
	static const uint8_t on[] = {CONNS_DO_CONN_SET, CONNS_DO_FLOW_ADD, CONNS_DO_TOKEN_ADD,
				     CONNS_DO_TOKEN_ADD};
	static const uint8_t off[] = {CONNS_DO_TOKEN_REMOVE, CONNS_DO_TOKEN_REMOVE,
				      CONNS_DO_FLOW_REMOVE, CONNS_DO_CONN_SET};
	struct world w;

	begin(&w, 0, 0);
	offer(&w);
	answer(&w);
	cr_assert_eq(w.l.orders, 4);
	cr_assert_eq(memcmp(w.l.order, on, 4), 0);
	w.l.orders = 0;
	lab_segment(&w.l, 0, RST, ISN_A + 1, 0, 0, NULL);
	cr_assert_eq(w.l.orders, 4);
	cr_assert_eq(memcmp(w.l.order, off, 4), 0);
	expect_clean(&w);
	finish(&w);
}

Test(conns, third_packet_lost_and_keys_with_data)
{
	struct opts o = {.len = 0};
	struct world w;

	begin(&w, 1, 0);
	offer(&w);
	answer(&w);
	opt_capable_data(&o, H, KEY_A, KEY_B, 10, -1);
	lab_segment(&w.l, 0, ACK, ISN_A + 1, ISN_B + 1, 10, &o);
	cr_assert_eq(info_of(&w).state, CONNS_OPEN);
	data_ack(&w, 1, 1, 11);
	cr_assert(info_of(&w).confirmed);
	finish(&w);
}

/* ---- rules of the handshake ----------------------------------------------------------------- */

Test(conns, rule_1_answer_without_mp_capable)
{
	struct world w;

	begin(&w, 1, 0);
	offer(&w);
	plain_answer(&w);
	expect_tcp(&w, 1, 1);
	cr_assert_eq(w.l.sights, 1);
	cr_assert_eq(w.l.sight[0].what, SIGHT_ABSENT);
	cr_assert_eq(w.l.sight[0].offer, SIGHT_OFFER_V1);
	cr_assert_eq(w.l.done[CONNS_DO_FLOW_ADD], 0, "it costs the NIC nothing");
	plain_answer(&w); /* again */
	cr_assert_eq(w.l.sights, 1);
	finish(&w);
}

Test(conns, rule_2_answer_with_mp_capable_to_a_plain_syn)
{
	struct world w;

	begin(&w, 1, 1);
	plain_syn(&w);
	answer(&w);
	expect_noted(&w, 2);
	cr_assert_neq(info_of(&w).state, CONNS_ANSWER);
	finish(&w);
}

Test(conns, rule_3_third_packet_without_mp_capable)
{
	for (unsigned int host = 0; host < 2; host++) {
		struct world w;

		begin(&w, 1, host);
		offer(&w);
		answer(&w);
		bare(&w, 0, 1, 2, 0); /* acknowledges what was not sent */
		cr_assert_eq(info_of(&w).state, CONNS_ANSWER);
		bare(&w, 0, 1, 1, 0);
		expect_tcp(&w, 3, 0);
		cr_assert_eq(lab_count_sights(&w.l, SIGHT_FELL_BACK), !host);
		cr_assert_eq(lab_count_sights(&w.l, SIGHT_CLIENT_V1), host);
		third(&w); /* too late */
		expect_tcp(&w, 3, 0);
		finish(&w);
	}
}

Test(conns, rule_4_plain_syn_behind_unanswered_ones)
{
	unsigned int offered;
	struct world w;

	begin(&w, 1, 0);
	offer(&w);
	cr_assert_eq(conns_syn_number(w.l.conns, &w.l.hdr, 0, &offered), 1);
	offer(&w);
	cr_assert_eq(conns_syn_number(w.l.conns, &w.l.hdr, 0, &offered), 2);
	cr_assert_eq(offered, 2);
	w.l.sent = CONNS_SENT_STRIPPED; /* by policy, from the third on */
	offer(&w);
	cr_assert_eq(conns_syn_number(w.l.conns, &w.l.hdr, 0, &offered), 3);
	cr_assert_eq(offered, 2);
	plain_answer(&w);
	expect_tcp(&w, 4, 1);
	cr_assert_eq(w.l.sights, 1);
	cr_assert_eq(w.l.sight[0].what, SIGHT_DROPPED);
	finish(&w);

	/* Both arrived, and the first one is answered: the third packet decides. */
	begin(&w, 1, 1);
	offer(&w);
	plain_syn(&w);
	answer(&w);
	third(&w);
	cr_assert_eq(info_of(&w).state, CONNS_OPEN);
	finish(&w);
	begin(&w, 1, 1);
	offer(&w);
	plain_syn(&w);
	answer(&w);
	bare(&w, 0, 1, 1, 0);
	expect_tcp(&w, 4, 0);
	finish(&w);
}

Test(conns, rule_4_silence_says_nothing)
{
	struct world w;

	begin(&w, 1, 0);
	offer(&w);
	plain_syn(&w);
	lab_tick(&w.l, 129 * SECOND);
	cr_assert_eq(w.l.sights, 0);
	lab_tick(&w.l, 2 * SECOND);
	cr_assert_eq(w.l.sights, 1);
	cr_assert_eq(w.l.sight[0].what, SIGHT_SILENT);
	expect_clean(&w);
	finish(&w);
}

Test(conns, rule_5_answer_of_a_higher_version)
{
	struct world w;

	begin(&w, 0, 0);
	offer(&w);
	answer_with(&w, 1, H, KEY_B);
	expect_tcp(&w, 5, 1);
	cr_assert_eq(w.l.sight[0].what, SIGHT_MALFORMED);
	finish(&w);
}

Test(conns, rule_6_strict_version_0_listener_looks_like_tcp)
{
	struct world w;

	begin(&w, 1, 0);
	offer(&w);
	plain_answer(&w);
	bare(&w, 0, 1, 1, 0);
	expect_tcp(&w, 1, 1);
	cr_assert_eq(w.l.sight[0].what, SIGHT_ABSENT, "cause unknown: never v0");
	cr_assert_eq(w.l.sights, 1);
	finish(&w);
}

Test(conns, rule_7_answer_of_version_0)
{
	struct world w;

	begin(&w, 1, 0);
	offer(&w);
	answer_with(&w, 0, H, KEY_B);
	expect_tcp(&w, 7, 1);
	cr_assert_eq(w.l.sights, 1);
	cr_assert_eq(w.l.sight[0].what, SIGHT_ANSWER_V0);
	cr_assert_eq(w.l.sight[0].offer, SIGHT_OFFER_V1);
	finish(&w);
}

Test(conns, rule_8_extensibility_bit)
{
	struct world w;

	begin(&w, 1, 0);
	w.flags = H | MPNIC_CAPABLE_B;
	offer(&w);
	plain_answer(&w);
	expect_tcp(&w, 8, 1);
	finish(&w);
}

Test(conns, rule_9_no_crypto_bit)
{
	struct world w;

	begin(&w, 1, 0);
	w.flags = 0;
	offer(&w);
	plain_answer(&w);
	expect_tcp(&w, 9, 1);
	finish(&w);
}

Test(conns, rule_10_either_sides_a_bit_means_checksums)
{
	struct world w;

	for (unsigned int side = 0; side < 2; side++) {
		begin(&w, 1, 0);
		w.flags = side ? H : H | MPNIC_CAPABLE_A;
		offer(&w);
		answer_with(&w, 1, side ? H | MPNIC_CAPABLE_A : H, KEY_B);
		w.flags = H | MPNIC_CAPABLE_A;
		third(&w);
		cr_assert(info_of(&w).csum);
		cr_assert_eq(info_of(&w).noted[10], 0);
		cr_assert(mpnic_conn_at(w.l.nic, 0)->flags & MPNIC_CONN_CSUM);
		finish(&w);
	}
	begin(&w, 1, 0);
	offer(&w);
	answer_with(&w, 1, H | MPNIC_CAPABLE_A, KEY_B);
	third(&w); /* does not repeat it */
	expect_noted(&w, 10);
	finish(&w);
}

Test(conns, rule_11_stateless_responder_looks_like_tcp)
{
	struct world w;

	begin(&w, 1, 1);
	offer(&w);
	plain_answer(&w); /* the host's own: a SYN cookie */
	expect_tcp(&w, 1, 1);
	bare(&w, 0, 1, 1, 0);
	cr_assert_eq(w.l.sights, 1);
	cr_assert_eq(w.l.sight[0].what, SIGHT_CLIENT_V1, "the client offered version 1");
	finish(&w);
}

Test(conns, rule_12_corrupted_options_and_unexpected_numbers)
{
	static const uint8_t broken[] = {30, 12, 0x01, H, 1, 2, 3, 4, 5, 6, 7, 8, 2, 1};
	struct opts o = {.len = 0};
	struct world w;

	begin(&w, 1, 0);
	offer(&w);
	opt_raw(&o, broken, sizeof(broken));
	lab_segment(&w.l, 1, SYN | ACK, ISN_B, ISN_A + 1, 0, &o);
	expect_tcp(&w, 12, 1);
	cr_assert_eq(w.l.sight[0].what, SIGHT_MALFORMED);
	finish(&w);

	begin(&w, 1, 0);
	offer(&w);
	o.len = 0;
	opt_capable(&o, 1, H, 1, KEY_B, 0);
	lab_segment(&w.l, 1, SYN | ACK, ISN_B, ISN_A + 2, 0, &o);
	expect_noted(&w, 12);
	cr_assert_eq(info_of(&w).state, CONNS_SYN, "it answers nothing");
	cr_assert_eq(w.l.sights, 0);
	answer(&w);
	third(&w);
	cr_assert_eq(info_of(&w).state, CONNS_OPEN);
	finish(&w);
}

Test(conns, rule_12_corrupted_third_packet)
{
	static const uint8_t broken[] = {1, 1, 8, 1};
	struct opts o = {.len = 0};
	struct world w;

	begin(&w, 1, 1);
	offer(&w);
	answer(&w);
	opt_raw(&o, broken, sizeof(broken));
	lab_segment(&w.l, 0, ACK, ISN_A + 1, ISN_B + 1, 0, &o);
	expect_tcp(&w, 12, 0);
	finish(&w);
}

Test(conns, rule_13_wrong_length)
{
	static const uint8_t longer[] = {30, 16, 0x01, H, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
	struct opts o = {.len = 0};
	struct world w;

	begin(&w, 1, 0);
	offer(&w);
	opt_raw(&o, longer, sizeof(longer));
	lab_segment(&w.l, 1, SYN | ACK, ISN_B, ISN_A + 1, 0, &o);
	expect_tcp(&w, 13, 1);
	cr_assert_eq(w.l.sight[0].what, SIGHT_MALFORMED);
	finish(&w);
}

Test(conns, rule_13_echo_of_our_own_option)
{
	struct opts o = {.len = 0};
	struct world w;

	begin(&w, 1, 0);
	offer(&w);
	opt_capable(&o, 1, H, 0, 0, 0);
	lab_segment(&w.l, 1, SYN | ACK, ISN_B, ISN_A + 1, 0, &o);
	expect_tcp(&w, 13, 1);
	cr_assert_eq(w.l.sight[0].what, SIGHT_ECHO);
	cr_assert_eq(w.l.sights, 1);
	finish(&w);

	begin(&w, 0, 0);
	offer(&w);
	answer_with(&w, 0, H, KEY_A);
	expect_tcp(&w, 13, 1);
	cr_assert_eq(w.l.sight[0].what, SIGHT_ECHO);
	finish(&w);
}

Test(conns, rule_13_wrong_echoed_key)
{
	struct world w;

	begin(&w, 1, 1);
	offer(&w);
	answer(&w);
	third_with(&w, KEY_B ^ 1);
	expect_tcp(&w, 13, 0);
	cr_assert_eq(w.l.done[CONNS_DO_TOKEN_ADD], 0);
	finish(&w);

	begin(&w, 1, 1);
	handshake(&w);
	third_with(&w, KEY_B ^ 1); /* too late to change anything */
	expect_noted(&w, 13);
	cr_assert_eq(info_of(&w).state, CONNS_OPEN);
	finish(&w);
}

Test(conns, rule_14_join_before_a_dss)
{
	struct world w;

	begin(&w, 1, 0);
	handshake(&w);
	join_syn(&w, 0, w.token[1]);
	expect_noted(&w, 14);
	finish(&w);

	begin(&w, 1, 0);
	confirmed(&w);
	join_syn(&w, 0, w.token[1]);
	cr_assert_eq(info_of(&w).noted[14], 0);
	finish(&w);
}

Test(conns, rule_15_first_data_bare)
{
	struct world w;

	begin(&w, 1, 1);
	handshake(&w);
	bare(&w, 0, 1, 1, 10); /* only the NIC sees it */
	expect_tcp(&w, 15, 0);
	cr_assert_eq(w.l.seen, 3);
	cr_assert(mpnic_conn_at(w.l.nic, 0)->flags & MPNIC_CONN_TCP, "the NIC is told");
	finish(&w);

	begin(&w, 1, 1);
	offer(&w);
	answer(&w);
	bare(&w, 0, 1, 1, 10); /* in the place of the third packet */
	expect_tcp(&w, 15, 0);
	finish(&w);
}

Test(conns, rule_16_version_0_has_no_data_on_the_third_packet)
{
	struct opts o = {.len = 0};
	struct world w;

	begin(&w, 0, 1);
	offer(&w);
	answer(&w);
	opt_capable(&o, 0, H, 2, KEY_A, KEY_B);
	lab_segment(&w.l, 0, ACK, ISN_A + 1, ISN_B + 1, 10, &o);
	expect_tcp(&w, 16, 0);
	finish(&w);

	begin(&w, 0, 1);
	handshake(&w);
	bare(&w, 0, 1, 1, 10);
	expect_tcp(&w, 16, 0);
	finish(&w);
}

/* ---- options lost on data ------------------------------------------------------------------- */

Test(conns, rule_17_mapping_missing_before_the_first_data_ack)
{
	struct world w;

	begin(&w, 1, 0);
	handshake(&w);
	data(&w, 0, 1, 1, 10, -1);
	bare(&w, 0, 11, 1, 10);
	expect_noted(&w, 17);
	cr_assert_eq(info_of(&w).state, CONNS_OPEN);
	finish(&w);
}

Test(conns, rule_18_data_acknowledged_without_data_ack)
{
	struct world w;

	begin(&w, 1, 0);
	handshake(&w);
	data(&w, 0, 1, 1, 100, -1);
	bare(&w, 1, 1, 11, 0);
	expect_noted(&w, 18);
	cr_assert_eq(info_of(&w).state, CONNS_OPEN, "one segment may be anybody's");
	bare(&w, 1, 1, 11, 0);
	bare(&w, 1, 1, 11, 0);
	cr_assert_eq(info_of(&w).state, CONNS_OPEN, "nor does it count when it comes again");
	bare(&w, 1, 1, 31, 0);
	bare(&w, 1, 1, 61, 0);
	expect_tcp(&w, 18, 1);
	cr_assert_eq(lab_count_sights(&w.l, SIGHT_FELL_BACK), 1);
	finish(&w);

	/* The sender's infinite mapping settles it. */
	begin(&w, 1, 0);
	handshake(&w);
	data(&w, 0, 1, 1, 100, -1);
	bare(&w, 1, 1, 101, 0);
	infinite(&w, 0, 101, 1, 10);
	expect_tcp(&w, 18, 0);
	finish(&w);

	/* A Data ACK in between clears it. */
	begin(&w, 1, 0);
	handshake(&w);
	data(&w, 0, 1, 1, 100, -1);
	bare(&w, 1, 1, 11, 0);
	data_ack(&w, 1, 1, 51);
	bare(&w, 1, 1, 61, 0);
	bare(&w, 1, 1, 71, 0);
	bare(&w, 1, 1, 81, 0);
	cr_assert_eq(info_of(&w).state, CONNS_OPEN);
	finish(&w);
}

Test(conns, rule_19_unmapped_data_fills_the_window)
{
	struct world w;

	begin(&w, 1, 0);
	confirmed(&w); /* windows of 1000 bytes */
	bare(&w, 1, 11, 11, 900);
	cr_assert_eq(info_of(&w).noted[19], 0);
	bare(&w, 1, 11, 11, 900); /* again */
	cr_assert_eq(info_of(&w).noted[19], 0);
	bare(&w, 1, 911, 11, 100);
	expect_noted(&w, 19);
	cr_assert_eq(info_of(&w).state, CONNS_OPEN, "no fallback");
	cr_assert_eq(lab_count_sights(&w.l, SIGHT_DSS_LOST), 1);
	cr_assert_eq(lab_count_sights(&w.l, SIGHT_FELL_BACK), 0);
	finish(&w);

	/* Mappings that come back end the hole: two halves are not one whole. */
	begin(&w, 1, 0);
	confirmed(&w);
	bare(&w, 1, 11, 11, 900);
	data(&w, 1, 911, 11, 10, -1);
	bare(&w, 1, 921, 11, 900);
	cr_assert_eq(info_of(&w).noted[19], 0);
	finish(&w);
}

Test(conns, rule_19_reset_for_middlebox_interference)
{
	static const uint8_t tcprst[] = {30, 4, 0x80, 6};
	struct opts o = {.len = 0};
	struct world w;

	begin(&w, 1, 0);
	confirmed(&w);
	bare(&w, 1, 11, 11, 100);
	opt_raw(&o, tcprst, sizeof(tcprst));
	lab_segment(&w.l, 0, RST | ACK, ISN_A + 11, ISN_B + 11, 0, &o);
	expect_noted(&w, 19);
	finish(&w);
}

/* ---- checksums ------------------------------------------------------------------------------ */

static void with_checksums(struct world *w, unsigned int version, unsigned int host)
{
	begin(w, version, host);
	w->flags = H | MPNIC_CAPABLE_A;
	confirmed(w);
}

Test(conns, rule_21_checksum_wrong_on_one_of_several_subflows)
{
	struct world w;

	with_checksums(&w, 1, 0);
	join(&w, 0);
	w.l.path = 0;
	data(&w, 1, 11, 11, 10, 1);
	expect_noted(&w, 21);
	cr_assert_eq(lab_count_sights(&w.l, SIGHT_CSUM_BAD), 1);
	mp_fail(&w, 0, RST | ACK, 11, 11, w.idsn[1] + 11);
	cr_assert_eq(info_of(&w).state, CONNS_OPEN, "the connection goes on");
	cr_assert_eq(info_of(&w).noted[24], 0);
	lab_tick(&w.l, MINUTE);
	cr_assert_eq(info_of(&w).flows, 1);
	cr_assert_eq(lab_count_sights(&w.l, SIGHT_CSUM_BAD), 1);
	finish(&w);
}

Test(conns, rule_22_checksum_wrong_on_the_only_subflow)
{
	struct world w;

	with_checksums(&w, 1, 0);
	data(&w, 1, 11, 11, 10, 1);
	expect_noted(&w, 22);
	mp_fail(&w, 0, ACK, 11, 21, w.idsn[1] + 11);
	cr_assert_eq(info_of(&w).state, CONNS_OPEN);
	infinite(&w, 1, 21, 11, 10);
	expect_tcp(&w, 22, 1);
	cr_assert_eq(lab_count_sights(&w.l, SIGHT_CSUM_BAD), 1);
	cr_assert_eq(lab_count_sights(&w.l, SIGHT_FELL_BACK), 0, "it had been confirmed");
	finish(&w);
}

Test(conns, rule_23_mp_fail_is_answered)
{
	struct world w;

	with_checksums(&w, 1, 0);
	mp_fail(&w, 0, ACK, 11, 21, w.idsn[1] + 11);
	mp_fail(&w, 1, ACK, 21, 11, w.idsn[0] + 11);
	expect_tcp(&w, 23, 1);
	finish(&w);

	with_checksums(&w, 0, 0); /* version 0 has no such rule */
	mp_fail(&w, 0, ACK, 11, 21, w.idsn[1] + 11);
	mp_fail(&w, 1, ACK, 21, 11, w.idsn[0] + 11);
	cr_assert_eq(info_of(&w).state, CONNS_OPEN);
	finish(&w);

	with_checksums(&w, 1, 0); /* numbers that are not the connection's */
	mp_fail(&w, 0, ACK, 11, 21, w.idsn[1] - 5);
	mp_fail(&w, 1, ACK, 21, 11, w.idsn[0] - 5);
	cr_assert_eq(info_of(&w).state, CONNS_OPEN);
	cr_assert_gt(counts_of(&w).fail_bad, 0);
	finish(&w);
}

Test(conns, rule_24_mp_fail_on_a_reset)
{
	struct world w;

	with_checksums(&w, 1, 0);
	mp_fail(&w, 0, RST | ACK, 11, 11, w.idsn[1] + 11);
	expect_noted(&w, 24);
	lab_tick(&w.l, 11 * SECOND);
	cr_assert_eq(info_of(&w).flows, 0, "it waits for a new subflow");
	join(&w, 0);
	/* B's data goes on as an infinite mapping from there. */
	{
		struct opts o = {.len = 0};

		opt_dss(&o, MPNIC_DSS_M, 0, w.idsn[1] + 11, 1, 0, 0);
		lab_segment(&w.l, 1, ACK, 9001, 7001, 10, &o);
	}
	expect_tcp(&w, 24, 1);
	finish(&w);
}

Test(conns, rule_25_infinite_mappings)
{
	struct world w;

	begin(&w, 1, 0);
	confirmed(&w);
	infinite(&w, 0, 11, 11, 10);
	expect_noted(&w, 25);
	cr_assert_eq(info_of(&w).state, CONNS_OPEN, "one side's word");
	infinite(&w, 1, 11, 21, 10);
	expect_tcp(&w, 25, 1);
	finish(&w);
}

Test(conns, rule_26_no_join_after_fallback)
{
	struct conns_config g;
	struct world w;

	begin(&w, 1, 1);
	conns_free(w.l.conns);
	lab_config(&g);
	g.policy = CONNS_DROP_JOIN_FALLBACK;
	cr_assert_eq(conns_new(&g, &w.l.conns), 0);
	handshake(&w);
	bare(&w, 0, 1, 1, 10);
	expect_tcp(&w, 15, 0);
	join_syn(&w, 0, w.token[1]);
	expect_noted(&w, 26);
	cr_assert_eq(w.l.verdict.found, CONNS_JOIN_FALLBACK);
	cr_assert(w.l.verdict.drop);
	cr_assert_eq(info_of(&w).flows, 1);
	third(&w);
	data_ack(&w, 0, 11, 1);
	expect_tcp(&w, 15, 0); /* never back */
	finish(&w);
}

Test(conns, rule_27_checksum_presence)
{
	struct world w;

	begin(&w, 1, 0);
	confirmed(&w);
	data(&w, 0, 11, 11, 10, 0); /* not negotiated */
	expect_noted(&w, 27);
	cr_assert_eq(info_of(&w).state, CONNS_OPEN);
	finish(&w);

	with_checksums(&w, 0, 0);
	data(&w, 0, 11, 11, 10, -1); /* missing */
	expect_noted(&w, 27);
	finish(&w);
}

/* ---- joins and addresses -------------------------------------------------------------------- */

/* The NIC knows who opened the subflow, and which side that is. */
static void check_ends(struct world *w, unsigned int opener)
{
	lab_segment(&w->l, opener, ACK, 7001, 9001, 0, NULL);
	cr_assert(w->l.result.dir == 0 && w->l.result.side == opener);
	lab_segment(&w->l, !opener, ACK, 9001, 7001, 0, NULL);
	cr_assert(w->l.result.dir == 1 && w->l.result.side == !opener);
}

static void check_join(unsigned int version, unsigned int host, unsigned int opener, bool swap)
{
	struct conns_flow_info flow;
	struct world w;

	begin(&w, version, host);
	w.l.swap = swap;
	confirmed(&w);
	cr_assert_eq(w.l.result.side, 0);
	join_syn(&w, opener, w.token[!opener]);
	cr_assert_eq(w.l.result.token, MPNIC_TOKEN_LEARNT);
	join_synack(&w, opener, false);
	cr_assert_eq(w.l.done[CONNS_DO_FLOW_CONFIRM], 0);
	join_ack(&w, opener, false, 0);
	cr_assert_eq(w.l.done[CONNS_DO_FLOW_CONFIRM], 1);
	cr_assert(flow_of(&w, 1, &flow));
	cr_assert_eq(flow.state, CONNS_OPEN);
	cr_assert_eq(flow.opener, opener);
	cr_assert_eq(flow.out, opener == host);
	cr_assert_eq(flow.synack_hmac, CONNS_HMAC_GOOD);
	cr_assert_eq(flow.ack_hmac, CONNS_HMAC_GOOD);
	cr_assert(flow.id[0] == 3 && flow.id[1] == 4);
	cr_assert_eq(flow.addr[0].bytes[2], 2);
	cr_assert_eq(mpnic_token_find(w.l.nic, w.token[!opener])->provisional, 0);
	check_ends(&w, opener);
	join_ack(&w, opener, false, 0); /* again */
	join_ack(&w, opener, true, 0);	/* somebody's */
	cr_assert(flow_of(&w, 1, &flow));
	cr_assert_eq(flow.ack_hmac, CONNS_HMAC_GOOD);
	cr_assert_eq(info_of(&w).noted[28], 0);
	cr_assert_eq(lab_count_log(&w.l, CONNS_JOINED, 0), 1);
	finish(&w);
}

Test(conns, joins_of_both_sides_and_versions)
{
	for (unsigned int i = 0; i < 16; i++)
		check_join(i & 1, i >> 1 & 1, i >> 2 & 1, i >> 3);
}

static void begin_dropping(struct world *w, uint32_t policy)
{
	struct conns_config g;

	begin(w, 1, 1);
	conns_free(w->l.conns);
	lab_config(&g);
	g.policy = policy;
	cr_assert_eq(conns_new(&g, &w->l.conns), 0);
}

Test(conns, rule_28_unknown_token)
{
	struct world w;

	begin_dropping(&w, CONNS_DROP_JOIN_UNKNOWN);
	confirmed(&w);
	join_syn(&w, 0, w.token[1] ^ 1);
	cr_assert_eq(w.l.verdict.found, CONNS_JOIN_UNKNOWN);
	cr_assert(w.l.verdict.drop);
	/* The host's peer's own token names nothing that the host could be asked to join. */
	join_syn(&w, 0, w.token[0]);
	cr_assert_eq(w.l.verdict.found, CONNS_JOIN_UNKNOWN);
	cr_assert_eq(info_of(&w).flows, 1);
	cr_assert_eq(counts_of(&w).join_unknown, 2);
	finish(&w);
}

Test(conns, rule_28_wrong_hmac)
{
	struct conns_flow_info flow;
	struct world w;

	begin_dropping(&w, CONNS_DROP_JOIN_BAD);
	confirmed(&w);
	join_syn(&w, 0, w.token[1]);
	join_synack(&w, 0, false);
	join_ack(&w, 0, true, 0);
	cr_assert_eq(w.l.verdict.found, CONNS_JOIN_BAD);
	cr_assert(w.l.verdict.drop);
	expect_noted(&w, 28);
	cr_assert_eq(w.l.done[CONNS_DO_FLOW_REMOVE], 1, "the learnt flow goes");
	cr_assert_eq(mpnic_token_find(w.l.nic, w.token[1])->provisional, 0);
	join_ack(&w, 0, true, 0);
	cr_assert_eq(lab_count_log(&w.l, CONNS_JOIN_FAILED, 28), 1);
	/* It may have been anybody's: the right one still makes it a subflow. */
	join_ack(&w, 0, false, 0);
	cr_assert_eq(w.l.verdict.found, CONNS_FINE);
	cr_assert(flow_of(&w, 1, &flow));
	cr_assert_eq(flow.state, CONNS_OPEN);
	cr_assert(flow.in_nic);
	finish(&w);

	begin(&w, 1, 0);
	confirmed(&w);
	join_syn(&w, 0, w.token[1]);
	join_synack(&w, 0, true);
	cr_assert_eq(w.l.verdict.found, CONNS_JOIN_BAD);
	cr_assert(!w.l.verdict.drop, "policy says pass");
	expect_noted(&w, 28);
	finish(&w);
}

Test(conns, rule_28_mp_join_missing)
{
	struct world w;

	begin(&w, 1, 0);
	confirmed(&w);
	join_syn(&w, 0, w.token[1]);
	lab_segment(&w.l, 1, SYN | ACK, 9000, 7001, 0, NULL);
	expect_noted(&w, 28);
	finish(&w);

	begin(&w, 1, 1);
	confirmed(&w);
	join_syn(&w, 0, w.token[1]);
	join_synack(&w, 0, false);
	lab_segment(&w.l, 0, ACK, 7001, 9001, 0, NULL);
	expect_noted(&w, 28);
	finish(&w);
}

/* Token entries that punt: the NIC learns nothing, and is told of the subflow. */
static void check_punted(unsigned int opener, bool swap)
{
	struct conns_flow_info flow;
	struct world w;

	begin_dropping(&w, CONNS_PUNT_JOINS);
	w.l.swap = swap;
	confirmed(&w);
	join_syn(&w, opener, w.token[!opener]);
	cr_assert_eq(w.l.result.token, MPNIC_TOKEN_PUNTED);
	join_synack(&w, opener, false);
	cr_assert_eq(w.l.done[CONNS_DO_FLOW_ADD], 1);
	join_ack(&w, opener, false, 0);
	cr_assert_eq(w.l.done[CONNS_DO_FLOW_ADD], 2);
	cr_assert_eq(w.l.done[CONNS_DO_FLOW_CONFIRM], 0);
	cr_assert(flow_of(&w, 1, &flow));
	cr_assert(flow.in_nic);
	check_ends(&w, opener);
	finish(&w);
}

Test(conns, joins_that_the_nic_does_not_learn)
{
	for (unsigned int i = 0; i < 4; i++)
		check_punted(i & 1, i >> 1);
}

Test(conns, rule_29_no_data_with_the_third_packet_of_a_join)
{
	struct world w;

	begin(&w, 1, 1);
	confirmed(&w);
	join_syn(&w, 0, w.token[1]);
	join_synack(&w, 0, false);
	join_ack(&w, 0, false, 10);
	expect_noted(&w, 29);
	finish(&w);
}

static void add_addr(struct world *w, uint8_t id, uint64_t flip)
{
	static const uint8_t addr[4] = {10, 0, 2, 2};
	struct opts o = {.len = 0};

	w->l.path = 0;
	opt_add_addr(&o, id, addr, mpcrypto_add_addr(KEY_B, KEY_A, id, addr, 4, 0) ^ flip);
	lab_segment(&w->l, 1, ACK, ISN_B + 11, ISN_A + 11, 0, &o);
}

Test(conns, rule_30_addresses)
{
	static const uint8_t echo[] = {30, 8, 0x31, 9, 10, 0, 2, 2},
			     removed[] = {30, 5, 0x40, 9, 77};
	struct opts o = {.len = 0}, r = {.len = 0};
	struct conns_info i;
	struct world w;

	begin(&w, 1, 0);
	conns_free(w.l.conns);
	{
		struct conns_config g;

		lab_config(&g);
		g.policy = CONNS_DROP_ADDR_BAD;
		cr_assert_eq(conns_new(&g, &w.l.conns), 0);
	}
	confirmed(&w);
	add_addr(&w, 9, 1);
	cr_assert_eq(w.l.verdict.found, CONNS_ADDR_BAD);
	cr_assert(w.l.verdict.drop);
	expect_noted(&w, 30);
	cr_assert_eq(info_of(&w).addrs[1], 0);
	add_addr(&w, 9, 0);
	add_addr(&w, 9, 0);
	i = info_of(&w);
	cr_assert_eq(i.addrs[1], 1);
	cr_assert_eq(i.addr[1][0].hmac, CONNS_HMAC_GOOD);
	cr_assert_eq(i.addr[1][0].addr.bytes[2], 2);
	cr_assert(!i.addr[1][0].echoed);
	cr_assert_eq(lab_count_log(&w.l, CONNS_ADDR_ADDED, 0), 1);
	opt_raw(&o, echo, sizeof(echo));
	lab_segment(&w.l, 0, ACK, ISN_A + 11, ISN_B + 11, 0, &o);
	cr_assert(info_of(&w).addr[1][0].echoed);
	opt_raw(&r, removed, sizeof(removed));
	lab_segment(&w.l, 1, ACK, ISN_B + 11, ISN_A + 11, 0, &r);
	cr_assert_eq(info_of(&w).addrs[1], 0);
	cr_assert_eq(lab_count_log(&w.l, CONNS_ADDR_REMOVED, 0), 1, "77 is nobody's");
	cr_assert_eq(info_of(&w).noted[30], 2);
	finish(&w);
}

Test(conns, rule_30_dsn_out_of_window)
{
	struct opts o = {.len = 0};
	struct world w;

	begin(&w, 1, 0);
	confirmed(&w);
	opt_dss(&o, MPNIC_DSS_M, 0, w.idsn[1] + (1ull << 40), 11, 10, -1);
	lab_segment(&w.l, 1, ACK, ISN_B + 11, ISN_A + 11, 10, &o);
	expect_noted(&w, 30);
	cr_assert_leq(info_of(&w).dsn[1], w.idsn[1] + 11);
	finish(&w);
}

Test(conns, rule_34_no_new_try_to_where_a_join_failed)
{
	struct world w;

	begin(&w, 1, 0);
	confirmed(&w);
	join_syn(&w, 0, w.token[1]);
	join_synack(&w, 0, true);
	w.l.port++;
	join_syn(&w, 0, w.token[1]);
	expect_noted(&w, 34);
	w.l.port = 40000;
	add_addr(&w, 9, 0); /* 10.0.2.2: B's end of path 1 */
	w.l.port = 40002;
	join_syn(&w, 0, w.token[1]);
	cr_assert_eq(info_of(&w).noted[34], 1);
	finish(&w);
}

Test(conns, prio_and_fastclose)
{
	static const uint8_t backup[] = {30, 3, 0x51};
	struct opts o = {.len = 0}, f = {.len = 0};
	struct conns_flow_info flow;
	struct world w;

	begin(&w, 1, 0);
	confirmed(&w);
	opt_raw(&o, backup, sizeof(backup));
	lab_segment(&w.l, 1, ACK, ISN_B + 11, ISN_A + 11, 0, &o);
	cr_assert(flow_of(&w, 0, &flow));
	cr_assert(flow.backup[1] && !flow.backup[0]);
	opt_put(&f, 0x1e0c7000, 4);
	opt_put(&f, KEY_A ^ 1, 8);
	lab_segment(&w.l, 1, ACK, ISN_B + 11, ISN_A + 11, 0, &f);
	cr_assert_eq(counts_of(&w).fastclose_bad, 1);
	lab_tick(&w.l, MINUTE);
	cr_assert_eq(info_of(&w).state, CONNS_OPEN);
	f.len = 0;
	opt_put(&f, 0x1e0c7000, 4);
	opt_put(&f, KEY_A, 8);
	lab_segment(&w.l, 1, ACK, ISN_B + 11, ISN_A + 11, 0, &f);
	lab_tick(&w.l, MINUTE);
	expect_clean(&w);
	finish(&w);
}

/* ---- ends ----------------------------------------------------------------------------------- */

Test(conns, reset_from_the_wire_is_not_believed_at_once)
{
	struct world w;

	/* The host keeps the connection, and says so with a challenge ACK that only the NIC sees.
	 */
	begin(&w, 1, 0);
	confirmed(&w);
	lab_segment(&w.l, 1, RST, ISN_B + 11, 0, 0, NULL);
	cr_assert_gt(w.l.asked, 0, "before it goes on");
	w.l.asked = 0;
	data_ack(&w, 0, 11, 11);
	cr_assert_eq(w.l.seen, 4);
	lab_tick(&w.l, 9 * SECOND);
	cr_assert_eq(w.l.asked, 0);
	lab_tick(&w.l, 2 * SECOND);
	cr_assert_eq(w.l.asked, 1);
	lab_tick(&w.l, MINUTE);
	cr_assert_eq(info_of(&w).flows, 1, "it goes on");
	cr_assert_eq(counts_of(&w).rst_doubted, 1);
	/* Nothing comes behind this one. */
	lab_segment(&w.l, 1, RST, ISN_B + 11, 0, 0, NULL);
	lab_tick(&w.l, 11 * SECOND);
	lab_tick(&w.l, 6 * SECOND);
	cr_assert_eq(info_of(&w).flows, 0);
	cr_assert_eq(counts_of(&w).rst_doubted, 1);
	lab_tick(&w.l, 2 * MINUTE);
	expect_clean(&w);
	finish(&w);
}

Test(conns, idle_subflows_age_by_what_the_nic_saw)
{
	struct world w;

	begin(&w, 1, 0);
	confirmed(&w);
	w.l.now += 86000 * SECOND;
	data_ack(&w, 1, 11, 11); /* which does not come here */
	lab_tick(&w.l, 500 * SECOND);
	cr_assert_eq(w.l.asked, 1);
	lab_tick(&w.l, MINUTE);
	cr_assert_eq(info_of(&w).flows, 1);
	lab_tick(&w.l, 86400 * SECOND);
	lab_tick(&w.l, 86400 * SECOND);
	lab_tick(&w.l, MINUTE);
	expect_clean(&w);
	finish(&w);
}

Test(conns, fins_that_nobody_obeys)
{
	struct world w;

	begin(&w, 1, 0);
	confirmed(&w);
	lab_segment(&w.l, 0, FIN | ACK, ISN_A + 11, ISN_B + 11, 0, NULL);
	lab_segment(&w.l, 1, FIN | ACK, ISN_B + 11, ISN_A + 12, 0, NULL);
	w.l.now += 40 * SECOND;
	data_ack(&w, 1, 11, 11);
	lab_tick(&w.l, 21 * SECOND);
	lab_tick(&w.l, MINUTE);
	cr_assert_eq(info_of(&w).flows, 1);
	finish(&w);
}

Test(conns, the_host_goes_on_after_a_reset)
{
	struct world w;

	begin(&w, 1, 0);
	confirmed(&w);
	lab_segment(&w.l, 1, RST, ISN_B + 11, 0, 0, NULL);
	w.l.all = true;
	w.l.asked = 0;
	data(&w, 0, 11, 11, 10, -1);
	lab_tick(&w.l, MINUTE);
	cr_assert_eq(info_of(&w).flows, 1);
	cr_assert_eq(w.l.asked, 0);
	lab_segment(&w.l, 0, RST, ISN_A + 21, 0, 0, NULL); /* the host's own */
	lab_tick(&w.l, MINUTE);
	cr_assert_eq(w.l.asked, 0);
	cr_assert_eq(info_of(&w).flows, 0);
	finish(&w);
}

Test(conns, reset_in_the_handshake_must_name_the_number)
{
	struct world w;

	begin(&w, 1, 0);
	offer(&w);
	lab_segment(&w.l, 1, RST | ACK, 0, ISN_A + 2, 0, NULL);
	cr_assert_eq(w.l.sights, 0);
	cr_assert_eq(info_of(&w).state, CONNS_SYN);
	lab_segment(&w.l, 1, RST | ACK, 0, ISN_A + 1, 0, NULL);
	cr_assert_eq(w.l.sights, 1);
	cr_assert_eq(w.l.sight[0].what, SIGHT_RESET);
	expect_clean(&w);
	finish(&w);
}

Test(conns, syn_inside_a_connection)
{
	struct opts o = {.len = 0};
	struct world w;

	begin(&w, 1, 1);
	confirmed(&w);
	opt_capable(&o, 1, H, 0, 0, 0);
	lab_segment(&w.l, 0, SYN, 4000, 0, 0, &o);
	cr_assert_eq(info_of(&w).number, 1);
	cr_assert_eq(counts_of(&w).second_syn, 1);
	/* The host takes it: the old one was over. */
	o.len = 0;
	opt_capable(&o, 1, H, 1, KEY_B, 0);
	lab_segment(&w.l, 1, SYN | ACK, 8000, 4001, 0, &o);
	cr_assert_eq(info_of(&w).flows, 0);
	{
		struct conns_info info;
		uint32_t at = 1;

		cr_assert(conns_list(w.l.conns, &at, &info));
		cr_assert_eq(info.number, 2);
		cr_assert_eq(info.state, CONNS_ANSWER);
	}
	lab_tick(&w.l, 2 * MINUTE); /* without another subflow the old one is over */
	cr_assert_eq(info_of(&w).number, 2);
	finish(&w);
}

/* ---- what is lost --------------------------------------------------------------------------- */

Test(conns, lost_events_are_counted_and_numbers_catch_up)
{
	struct world w;

	begin(&w, 1, 0);
	handshake(&w);
	w.l.no_events = true;
	data(&w, 0, 1, 1, 10, -1);
	data_ack(&w, 1, 1, 11);
	data(&w, 0, 11, 1, 10, -1);
	cr_assert(!info_of(&w).confirmed);
	w.l.no_events = false;
	data_ack(&w, 1, 1, 21);
	cr_assert(info_of(&w).confirmed);
	cr_assert_eq(counts_of(&w).lost_events, 3);
	cr_assert_eq(info_of(&w).dsn[0], w.idsn[0] + 21);
	finish(&w);
}

Test(conns, not_in_the_nic_but_tracked)
{
	struct world w;

	begin(&w, 1, 0);
	w.l.no_nic = true;
	handshake(&w);
	cr_assert_eq(info_of(&w).state, CONNS_OPEN);
	cr_assert(info_of(&w).not_in_nic);
	cr_assert_eq(lab_count_log(&w.l, CONNS_NOT_IN_NIC, 0), 1);
	w.l.no_nic = false;
	conns_nic_reset(w.l.conns);
	lab_drain(&w.l);
	cr_assert(!info_of(&w).not_in_nic);
	data(&w, 0, 1, 1, 10, -1);
	data_ack(&w, 1, 1, 11);
	cr_assert(info_of(&w).confirmed);
	w.l.no_nic = true; /* what it cannot remove, it forgets */
	lab_segment(&w.l, 0, RST, ISN_A + 11, 0, 0, NULL);
	lab_tick(&w.l, MINUTE);
	lab_tick(&w.l, 2 * MINUTE);
	cr_assert_eq(counts_of(&w).used_conns, 0);
	cr_assert_eq(counts_of(&w).used_flows, 0);
	finish(&w);
}

Test(conns, learnt_flow_that_the_nic_forgot)
{
	struct conns_flow_info flow;
	struct world w;

	begin(&w, 1, 1);
	confirmed(&w);
	join_syn(&w, 0, w.token[1]);
	join_synack(&w, 0, false);
	{
		/* Firmware removed it, and the event of that was lost. */
		struct mpnic_key key;
		bool flip;

		cr_assert(mpnic_flow_key(w.l.nic, &w.l.hdr, false, &key, &flip));
		cr_assert_eq(mpnic_flow_remove(w.l.nic, &key), 0);
	}
	join_ack(&w, 0, false, 0);
	cr_assert_eq(w.l.failed, 1);
	w.l.failed = 0;
	cr_assert(flow_of(&w, 1, &flow));
	cr_assert(flow.in_nic, "it was added");
	cr_assert(!info_of(&w).not_in_nic);
	finish(&w);

	/* The event that it was learnt is lost. */
	begin(&w, 1, 1);
	confirmed(&w);
	w.l.no_events = true;
	join(&w, 0);
	cr_assert_eq(w.l.failed, 1);
	w.l.failed = 0;
	cr_assert_eq(w.l.done[CONNS_DO_FLOW_CONFIRM], 1);
	cr_assert(flow_of(&w, 1, &flow));
	cr_assert(flow.in_nic);
	finish(&w);
}

Test(conns, unsound_packets_change_nothing)
{
	struct world w;

	begin(&w, 1, 0);
	offer(&w);
	w.l.csum.l4 = MPNIC_CSUM_BAD;
	w.l.hdr.seq++;
	lab_pass(&w.l, true);
	cr_assert_eq(w.l.verdict.found, CONNS_NOT_SOUND);
	cr_assert_eq(counts_of(&w).used_flows, 1);
	cr_assert_eq(info_of(&w).number, 1);
	finish(&w);
}

/* ---- bounds --------------------------------------------------------------------------------- */

static void flood(struct world *w, unsigned int count, bool capable)
{
	struct opts o = {.len = 0};

	opt_capable(&o, 1, H, 0, 0, 0);
	for (unsigned int i = 0; i < count; i++) {
		w->l.path = 2 + i / 50000;
		w->l.port = (uint16_t)(i % 50000 + 1000);
		lab_segment(&w->l, w->l.host ? 0 : 1, SYN, i, 0, 0, capable ? &o : NULL);
	}
	w->l.path = 0;
	w->l.port = 40000;
}

Test(conns, flood_of_syns_costs_bounded_memory_and_no_connection)
{
	struct conns_counts counts;
	struct world w;

	for (unsigned int i = 0; i < 4; i++) {
		begin(&w, 1, i & 1);
		confirmed(&w);
		flood(&w, 5000, i & 2);
		counts = counts_of(&w);
		cr_assert_leq(counts.used_conns, 17);
		cr_assert_leq(counts.used_flows, 17);
		cr_assert_geq(counts.evicted_half, 5000 - 16);
		cr_assert_eq(info_of(&w).state, CONNS_OPEN);
		data_ack(&w, 1, 11, 11);
		join(&w, 0);
		cr_assert_eq(info_of(&w).flows, 2);
		finish(&w);
	}
}

/* Those of the wire do not take the host's own place. */
Test(conns, inbound_flood_leaves_the_hosts_own_handshake)
{
	struct opts o = {.len = 0};
	struct world w;

	begin(&w, 1, 0);
	offer(&w);
	opt_capable(&o, 1, H, 0, 0, 0);
	for (unsigned int i = 0; i < 1000; i++) {
		w.l.path = 3;
		w.l.port = (uint16_t)(1000 + i);
		lab_segment(&w.l, 1, SYN, i, 0, 0, &o);
	}
	w.l.path = 0;
	w.l.port = 40000;
	answer(&w);
	third(&w);
	cr_assert_eq(info_of(&w).number, 1);
	cr_assert_eq(info_of(&w).state, CONNS_OPEN);
	finish(&w);
}

Test(conns, flood_of_joins_leaves_subflows)
{
	struct world w;

	begin(&w, 1, 1);
	confirmed(&w);
	join(&w, 0);
	for (unsigned int i = 0; i < 200; i++) {
		w.l.port = (uint16_t)(2000 + i);
		join_syn(&w, 0, w.token[1]);
	}
	cr_assert_leq(info_of(&w).flows, 2 + CONNS_HALF_JOINS);
	{
		struct conns_flow_info flow;

		cr_assert(flow_of(&w, 1, &flow));
		cr_assert_eq(flow.state, CONNS_OPEN);
	}
	lab_tick(&w.l, 3 * MINUTE);
	cr_assert_eq(info_of(&w).flows, 2);
	cr_assert_eq(mpnic_token_find(w.l.nic, w.token[1])->provisional, 0);
	finish(&w);
}

Test(conns, queues_are_bounded_and_count)
{
	struct conns_change change;
	struct conns_config g;
	struct sight sight;
	struct world w;
	unsigned int changes = 0, sights = 0;

	begin(&w, 1, 0);
	conns_free(w.l.conns);
	lab_config(&g);
	g.sights = g.changes = 2;
	cr_assert_eq(conns_new(&g, &w.l.conns), 0);
	w.l.no_drain = true;
	for (unsigned int i = 0; i < 5; i++) {
		w.l.port++;
		offer(&w);
		plain_answer(&w);
	}
	while (conns_next_change(w.l.conns, &change))
		changes++;
	while (conns_next_sight(w.l.conns, &sight))
		sights++;
	cr_assert(changes == 2 && sights == 2);
	cr_assert_eq(counts_of(&w).lost_changes, 8);
	cr_assert_eq(counts_of(&w).lost_sights, 3);
	finish(&w);
}

Test(conns, sizes_are_checked)
{
	struct conns_config g;
	struct conns *c;

	lab_config(&g);
	g.conns = 0;
	cr_assert_eq(conns_new(&g, &c), -EINVAL);
	lab_config(&g);
	g.flows = g.conns - 1;
	cr_assert_eq(conns_new(&g, &c), -EINVAL);
	lab_config(&g);
	g.half_in = 0;
	cr_assert_eq(conns_new(&g, &c), -EINVAL);
	lab_config(&g);
	g.changes = CONNS_TABLE_MAX + 1;
	cr_assert_eq(conns_new(&g, &c), -EINVAL);
}
