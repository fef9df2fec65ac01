/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage dss, rule by rule (docs/state.md, "dss"), and the fallback rules that it answers for, by
 * their numbers. Long random conversations against an independent computation: tests/state.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "mpnic_state.h"
#include "run.h"

#define SIGN(name)  MPNIC_SIGN_##name
#define DSN(name)   MPNIC_DSN_##name
#define JUDGE(name) MPNIC_MAP_CSUM_##name

enum {
	AUTO = -1, /* the right checksum */
	NO_CSUM = -2,
	WRONG = -3,
};

/* One segment. Numbers are relative: to the ISNs, to the IDSNs. */
struct sent {
	uint8_t flags; /* 0: ACK */
	uint32_t rel, n;
	uint32_t ack;	    /* relative; 0: 1 */
	bool has_ack, ack4; /* Data ACK */
	uint64_t data_ack;
	bool map, map4, fin;
	uint64_t dsn;
	uint32_t ssn;
	uint16_t len;
	int csum;
	const uint8_t *opts; /* other options, before the DSS */
	size_t opt_len;
	uint8_t l4; /* 0: good */
	bool flip;  /* a byte of the payload was changed on the way */
};

struct conv {
	struct mpnic_flow flow;
	struct mpnic_conn conn;
	struct mpnic_result r;
	uint32_t isn[2];
	uint64_t idsn[2];
};

static void start(struct conv *c, uint32_t isn, uint64_t idsn, bool csum)
{
	memset(c, 0, sizeof(*c));
	for (unsigned int i = 0; i < 2; i++) {
		c->isn[i] = isn + i * 0x1234;
		c->idsn[i] = idsn + i * 0x123456789;
		c->conn.idsn[i] = c->idsn[i];
		c->conn.dsn_next[i] = c->idsn[i] + 1;
	}
	c->conn.flags = csum ? MPNIC_CONN_CSUM : 0;
	c->flow.flags = MPNIC_FLOW_STATE_FIRST;
}

/* Byte of the stream at a relative sequence number. */
static uint8_t stream(unsigned int dir, uint32_t rel)
{
	return (uint8_t)((rel * 2654435761u + dir * 77) >> 13);
}

static uint8_t *copy_stream(unsigned int dir, uint32_t rel, uint32_t n)
{
	uint8_t *bytes = malloc(n + 1);

	cr_assert_not_null(bytes);
	for (uint32_t i = 0; i < n; i++)
		bytes[i] = stream(dir, rel + i);
	return bytes;
}

static void put64(uint8_t *p, uint64_t v)
{
	put32(p, (uint32_t)(v >> 32));
	put32(p + 4, (uint32_t)v);
}

/* RFC 8684 3.3.1, over the whole pseudo header as bytes. */
static uint16_t map_checksum(unsigned int dir, uint64_t dsn, uint32_t ssn, uint16_t len, bool fin)
{
	uint8_t head[16] = {0}, *bytes = copy_stream(dir, ssn, len);
	uint32_t sum;

	put64(head, dsn);
	put32(head + 8, ssn);
	put16(head + 12, len);
	sum = mpnic_sum16(head, 16) + (uint32_t)mpnic_sum16(bytes, len - fin);
	free(bytes);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

static size_t put_dss(struct conv *c, unsigned int dir, const struct sent *s, uint8_t *opt)
{
	const uint64_t dsn = c->idsn[dir] + s->dsn;
	size_t at = 4;

	opt[0] = 30;
	opt[2] = 0x20;
	opt[3] = (uint8_t)((s->has_ack ? 1 : 0) | (s->has_ack && !s->ack4 ? 2 : 0) |
			   (s->map ? 4 : 0) | (s->map && !s->map4 ? 8 : 0) | (s->fin ? 16 : 0));
	if (s->has_ack) {
		const uint64_t ack = c->idsn[!dir] + s->data_ack;

		if (s->ack4)
			put32(opt + at, (uint32_t)ack);
		else
			put64(opt + at, ack);
		at += s->ack4 ? 4 : 8;
	}
	if (s->map) {
		if (s->map4)
			put32(opt + at, (uint32_t)dsn);
		else
			put64(opt + at, dsn);
		at += s->map4 ? 4 : 8;
		put32(opt + at, s->ssn);
		put16(opt + at + 4, s->len);
		at += 6;
		if (s->csum != NO_CSUM) {
			int csum = s->csum;

			if (csum < 0)
				csum = map_checksum(dir, dsn, s->ssn, s->len, s->fin) ^
				       (s->csum == WRONG ? 0x0100 : 0);
			put16(opt + at, (unsigned int)csum);
			at += 2;
		}
	}
	opt[1] = (uint8_t)at;
	return at;
}

static const struct mpnic_result *send_one(struct conv *c, unsigned int dir, struct sent s)
{
	const uint8_t flags = s.flags ? s.flags : ACK;
	struct mpnic_csum csum = {.ip = MPNIC_CSUM_GOOD, .l4 = s.l4 ? s.l4 : MPNIC_CSUM_GOOD};
	uint8_t opts[40] = {0}, *bytes = copy_stream(dir, s.rel, s.n);
	struct mpnic_hdr hdr;
	size_t at = s.opt_len;

	if (s.opt_len)
		memcpy(opts, s.opts, s.opt_len);
	if (s.has_ack || s.map)
		at += put_dss(c, dir, &s, opts + at);
	cr_assert_eq(mpnic_decode_options(opts, at, flags, (uint16_t)s.n, UNKNOWN, &hdr), 0);
	hdr.parse = MPNIC_PARSE_TCP;
	hdr.tcp_flags = flags;
	hdr.payload_len = (uint16_t)s.n;
	hdr.seq = c->isn[dir] + s.rel;
	hdr.ack = c->isn[!dir] + (s.ack ? s.ack : 1);
	if (s.flip)
		bytes[s.n / 2] ^= 0x40;
	csum.payload_sum = mpnic_sum16(bytes, s.n);
	csum.payload_seen = (uint16_t)s.n;
	free(bytes);
	memset(&c->r, 0, sizeof(c->r));
	c->r.dir = (uint8_t)dir;
	c->r.side = (uint8_t)(dir ^ !!(c->flow.flags & MPNIC_FLOW_STATE_SIDE_B));
	mpnic_dss(&hdr, &csum, &c->flow, &c->conn, &c->r);
	return &c->r;
}

#define SEND(c, dir, ...) send_one(c, dir, (struct sent){__VA_ARGS__})
#define MAPPED(d, s, l)	  .map = true, .dsn = (d), .ssn = (s), .len = (l), .csum = AUTO
#define BARE_MAP(d, s, l) .map = true, .dsn = (d), .ssn = (s), .len = (l), .csum = NO_CSUM
#define DACK(a)		  .has_ack = true, .data_ack = (a)
#define OPTS(...) \
	.opts = (const uint8_t[]){__VA_ARGS__}, .opt_len = sizeof((const uint8_t[]){__VA_ARGS__})
#define KEY_A	    1, 2, 3, 4, 5, 6, 7, 8
#define KEY_B	    9, 10, 11, 12, 13, 14, 15, 16
#define CAPABLE_SYN OPTS(30, 4, 0x01, 0x01)
#define CAPABLE_ANS OPTS(30, 12, 0x01, 0x01, KEY_B)
#define CAPABLE_ACK OPTS(30, 20, 0x01, 0x01, KEY_A, KEY_B)

static void expect_sign(const struct conv *c, uint32_t signs)
{
	cr_expect_eq(c->r.signs, signs, "signs are %#x, not %#x", c->r.signs, signs);
}

static void expect_mapped(const struct conv *c, unsigned int dir, uint64_t dsn)
{
	cr_expect_eq(c->r.dsn_state, DSN(MAPPED), "dsn_state is %s",
		     mpnic_dsn_name(c->r.dsn_state));
	cr_expect_eq(c->r.dsn - c->idsn[dir], dsn, "dsn is %#lx, not %#lx",
		     (unsigned long)(c->r.dsn - c->idsn[dir]), (unsigned long)dsn);
}

static void expect_state(const struct conv *c, uint8_t state)
{
	cr_expect_eq(c->r.dsn_state, state, "dsn_state is %s, not %s",
		     mpnic_dsn_name(c->r.dsn_state), mpnic_dsn_name(state));
	cr_expect_eq(c->r.dsn, 0);
}

static void expect_judge(const struct conv *c, uint8_t judge)
{
	cr_expect_eq(c->r.map_csum, judge, "map_csum is %s, not %s",
		     mpnic_map_csum_name(c->r.map_csum), mpnic_map_csum_name(judge));
	cr_expect_eq(!!(c->r.flags & MPNIC_RESULT_MAP), judge != JUDGE(NONE));
	cr_expect_eq(!!(c->r.signs & SIGN(CSUM_BAD)), judge == JUDGE(BAD));
}

/* A version 1 handshake, and the first Data ACKs of both sides. */
static void shake(struct conv *c)
{
	SEND(c, 0, .flags = SYN, CAPABLE_SYN);
	expect_sign(c, SIGN(HANDSHAKE) | SIGN(CAPABLE_SYN));
	SEND(c, 1, .flags = SYN | ACK, CAPABLE_ANS);
	expect_sign(c, SIGN(HANDSHAKE));
	SEND(c, 0, .rel = 1, CAPABLE_ACK);
	expect_sign(c, SIGN(HANDSHAKE));
}

static void establish(struct conv *c, uint32_t isn, uint64_t idsn, bool csum)
{
	start(c, isn, idsn, csum);
	shake(c);
	SEND(c, 0, .rel = 1, DACK(1));
	SEND(c, 1, .rel = 1, DACK(1));
	expect_sign(c, 0);
}

#define IDSN 0x1122334455667788u

/* ---- what comes before the rules ----------------------------------------------------------- */

Test(dss, without_a_flow_or_a_connection)
{
	struct mpnic_hdr hdr = {.parse = MPNIC_PARSE_TCP, .tcp_flags = ACK, .payload_len = 1};
	struct mpnic_csum csum = {.l4 = MPNIC_CSUM_GOOD};
	struct mpnic_result r = {.signs = SIGN(JOIN)};
	struct mpnic_flow flow = {0};

	mpnic_dss(&hdr, &csum, NULL, NULL, &r);
	cr_expect_eq(r.dsn_state, DSN(NO_FLOW));
	cr_expect_eq(r.signs, SIGN(JOIN), "signs of the stage before stay");
	mpnic_dss(&hdr, &csum, &flow, NULL, &r);
	cr_expect_eq(r.dsn_state, DSN(NO_FLOW));
	hdr.payload_len = 0;
	mpnic_dss(&hdr, &csum, NULL, NULL, &r);
	cr_expect_eq(r.dsn_state, DSN(NONE));
	hdr.payload_len = 1;
	hdr.parse = MPNIC_PARSE_UDP;
	mpnic_dss(&hdr, &csum, NULL, NULL, &r);
	cr_expect_eq(r.dsn_state, DSN(NONE));
}

Test(dss, a_wrong_checksum_changes_nothing)
{
	struct conv c, was;

	establish(&c, 1000, IDSN, true);
	was = c;
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 10), .l4 = MPNIC_CSUM_BAD);
	expect_state(&c, DSN(BAD_CSUM));
	expect_sign(&c, 0);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 10), .l4 = MPNIC_CSUM_NOT_JUDGED);
	expect_state(&c, DSN(BAD_CSUM));
	SEND(&c, 0, .flags = SYN, .l4 = MPNIC_CSUM_BAD, CAPABLE_SYN);
	expect_sign(&c, 0);
	check_same(&c.flow, &was.flow, sizeof(c.flow), "flow");
	check_same(&c.conn, &was.conn, sizeof(c.conn), "conn");
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 10), .l4 = MPNIC_CSUM_PARTIAL);
	expect_judge(&c, JUDGE(GOOD));
}

Test(dss, a_connection_that_fell_back)
{
	struct conv c, was;

	establish(&c, 1000, IDSN, true);
	c.conn.flags |= MPNIC_CONN_TCP;
	was = c;
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 10));
	expect_state(&c, DSN(NOT_MPTCP));
	expect_sign(&c, 0);
	SEND(&c, 0, .flags = ACK | FIN, .rel = 1);
	expect_sign(&c, SIGN(END));
	SEND(&c, 0, .flags = SYN);
	expect_sign(&c, SIGN(HANDSHAKE));
	check_same(&c.flow, &was.flow, sizeof(c.flow), "flow");
	check_same(&c.conn, &was.conn, sizeof(c.conn), "conn");
}

Test(dss, signs_that_need_no_flow)
{
	struct mpnic_csum csum = {.l4 = MPNIC_CSUM_GOOD};
	struct mpnic_result r = {0};
	struct mpnic_hdr hdr = DECODE(SYN, 0, UNKNOWN, 30, 4, 1, 1);

	hdr.parse = MPNIC_PARSE_TCP;
	hdr.tcp_flags = SYN;
	mpnic_dss(&hdr, &csum, NULL, NULL, &r);
	cr_expect_eq(r.signs, SIGN(CAPABLE_SYN));
	hdr.tcp_flags = SYN | FIN;
	r.signs = 0;
	mpnic_dss(&hdr, &csum, NULL, NULL, &r);
	cr_expect_eq(r.signs, 0);
}

/* ---- 1: SYN -------------------------------------------------------------------------------- */

Test(dss, syn_again_and_another_one)
{
	struct conv c;

	start(&c, 0xfffffff0, IDSN, false);
	SEND(&c, 0, .flags = SYN, CAPABLE_SYN);
	cr_expect_eq(c.flow.dir[0].isn, 0xfffffff0);
	cr_expect_eq(c.flow.dir[0].flags, MPNIC_DIR_ISN | MPNIC_DIR_CAPABLE | MPNIC_DIR_CAPABLE_V1);
	/* The last attempt is plain; what was offered before stays known. */
	SEND(&c, 0, .flags = SYN);
	cr_expect(c.flow.dir[0].flags & MPNIC_DIR_CAPABLE);
	/* Another ISN before the handshake is over starts anew. */
	SEND(&c, 0, .flags = SYN, .rel = 99);
	cr_expect_eq(c.flow.dir[0].isn, 0xfffffff0 + 99);
	cr_expect_eq(c.flow.dir[0].flags, MPNIC_DIR_ISN);
}

Test(dss, a_forged_syn_inside_a_connection_changes_nothing)
{
	struct conv c, was;

	establish(&c, 1000, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 20));
	was = c;
	SEND(&c, 0, .flags = SYN, .rel = 1);
	SEND(&c, 1, .flags = SYN | ACK, .rel = 1);
	check_same(&c.flow, &was.flow, sizeof(c.flow), "flow");
	SEND(&c, 0, .rel = 11, .n = 10);
	expect_judge(&c, JUDGE(GOOD));
	/* After its end the ports may be used again, and nothing is left of before. */
	SEND(&c, 1, .flags = RST | ACK, .rel = 1);
	SEND(&c, 0, .flags = SYN, .rel = 5000);
	cr_expect_eq(c.flow.dir[0].isn, 6000);
	cr_expect_eq(c.flow.dir[0].flags, MPNIC_DIR_ISN);
	cr_expect_eq(c.flow.dir[1].flags, 0);
}

Test(dss, data_on_a_syn_is_outside_the_data_sequence_space)
{
	struct conv c;

	start(&c, 0xffffffff, IDSN, true);
	SEND(&c, 0, .flags = SYN, .n = 20, CAPABLE_SYN);
	expect_state(&c, DSN(SYN));
	/* The listener takes all of it: subflow sequence number 1 is at 21 (RFC 8684 figure 19). */
	SEND(&c, 1, .flags = SYN | ACK, .ack = 21, CAPABLE_ANS);
	cr_expect_eq(c.flow.dir[0].isn, 0xffffffff + 20);
	/* Both again, which changes nothing. */
	SEND(&c, 0, .flags = SYN, .n = 20, CAPABLE_SYN);
	cr_expect_eq(c.flow.dir[0].isn, 0xffffffff + 20);
	SEND(&c, 1, .flags = SYN | ACK, .ack = 21, CAPABLE_ANS);
	cr_expect_eq(c.flow.dir[0].isn, 0xffffffff + 20);
	/* The bytes are those behind the SYN's. */
	c.isn[0] += 20;
	SEND(&c, 0, .rel = 1, .ack = 1, CAPABLE_ACK);
	SEND(&c, 0, .rel = 1, .n = 20, MAPPED(1, 1, 20), DACK(1));
	expect_mapped(&c, 0, 1);
	expect_judge(&c, JUDGE(GOOD));
}

Test(dss, data_on_a_syn_that_was_not_taken)
{
	struct conv c;

	start(&c, 7, IDSN, true);
	SEND(&c, 0, .flags = SYN, .n = 20, CAPABLE_SYN);
	SEND(&c, 1, .flags = SYN | ACK, .ack = 1, CAPABLE_ANS);
	SEND(&c, 0, .rel = 1, CAPABLE_ACK);
	SEND(&c, 0, .rel = 1, .n = 20, MAPPED(1, 1, 20), DACK(1));
	expect_mapped(&c, 0, 1);
	expect_judge(&c, JUDGE(GOOD));
}

Test(dss, rule_01_and_06_answer_without_mp_capable)
{
	struct conv c;

	start(&c, 1, IDSN, false);
	SEND(&c, 0, .flags = SYN, CAPABLE_SYN);
	SEND(&c, 1, .flags = SYN | ACK);
	expect_sign(&c, SIGN(HANDSHAKE) | SIGN(CAPABLE_ABSENT));
	/* Not of a join, nor where none was offered. */
	c.flow.flags = 0;
	SEND(&c, 1, .flags = SYN | ACK);
	expect_sign(&c, SIGN(HANDSHAKE));
	start(&c, 1, IDSN, false);
	SEND(&c, 0, .flags = SYN);
	SEND(&c, 1, .flags = SYN | ACK);
	expect_sign(&c, SIGN(HANDSHAKE));
}

Test(dss, rule_03_third_packet_without_mp_capable)
{
	struct conv c;

	start(&c, 1, IDSN, false);
	SEND(&c, 0, .flags = SYN, CAPABLE_SYN);
	SEND(&c, 1, .flags = SYN | ACK, CAPABLE_ANS);
	SEND(&c, 0, .rel = 1);
	expect_sign(&c, SIGN(HANDSHAKE) | SIGN(THIRD_ABSENT));
	SEND(&c, 0, .rel = 1);
	expect_sign(&c, 0);
	/* Of a join it is not asked. */
	start(&c, 1, IDSN, false);
	c.flow.flags = 0;
	SEND(&c, 0, .flags = SYN, CAPABLE_SYN);
	SEND(&c, 1, .flags = SYN | ACK, CAPABLE_ANS);
	SEND(&c, 0, .rel = 1);
	expect_sign(&c, SIGN(HANDSHAKE));
	/* A DSS shows as much: the third packet was lost. */
	start(&c, 1, IDSN, false);
	SEND(&c, 0, .flags = SYN, CAPABLE_SYN);
	SEND(&c, 1, .flags = SYN | ACK, CAPABLE_ANS);
	SEND(&c, 1, .rel = 1, DACK(1));
	expect_sign(&c, 0);
	SEND(&c, 0, .rel = 1, DACK(1));
	expect_sign(&c, SIGN(HANDSHAKE));
}

Test(dss, rule_05_and_07_answer_of_another_version)
{
	struct conv c;

	start(&c, 1, IDSN, false);
	SEND(&c, 0, .flags = SYN, CAPABLE_SYN);
	SEND(&c, 1, .flags = SYN | ACK, OPTS(30, 12, 0x00, 0x01, KEY_B));
	expect_sign(&c, SIGN(HANDSHAKE) | SIGN(CAPABLE_VERSION));
	start(&c, 1, IDSN, false);
	SEND(&c, 0, .flags = SYN, OPTS(30, 12, 0x00, 0x01, KEY_A));
	SEND(&c, 1, .flags = SYN | ACK, CAPABLE_ANS);
	expect_sign(&c, SIGN(HANDSHAKE) | SIGN(CAPABLE_VERSION));
	start(&c, 1, IDSN, false);
	SEND(&c, 0, .flags = SYN, OPTS(30, 12, 0x00, 0x01, KEY_A));
	SEND(&c, 1, .flags = SYN | ACK, OPTS(30, 12, 0x00, 0x01, KEY_B));
	expect_sign(&c, SIGN(HANDSHAKE));
}

Test(dss, rule_13_wrong_length_or_form)
{
	struct conv c;

	start(&c, 1, IDSN, false);
	SEND(&c, 0, .flags = SYN, OPTS(30, 8, 0x01, 0x01, 0, 0, 0, 0));
	expect_sign(&c, SIGN(HANDSHAKE) | SIGN(CAPABLE_ERROR));
	SEND(&c, 0, .flags = SYN, CAPABLE_SYN);
	SEND(&c, 1, .flags = SYN | ACK, OPTS(30, 4, 0x01, 0x01));
	expect_sign(&c, SIGN(HANDSHAKE) | SIGN(CAPABLE_ERROR));
	SEND(&c, 1, .flags = SYN | ACK, CAPABLE_ANS);
	SEND(&c, 0, .rel = 1, OPTS(30, 12, 0x01, 0x01, KEY_A));
	expect_sign(&c, SIGN(HANDSHAKE) | SIGN(THIRD_ABSENT) | SIGN(CAPABLE_ERROR));
}

/* ---- first data ---------------------------------------------------------------------------- */

#define CAPABLE_DATA(len, csum)                                                       \
	OPTS(30, 24, 0x01, 0x81, KEY_A, KEY_B, (uint8_t)((len) >> 8), (uint8_t)(len), \
	     (uint8_t)((csum) >> 8), (uint8_t)(csum))

Test(dss, rule_15_mp_capable_with_data)
{
	struct conv c;
	unsigned int csum;

	start(&c, 0xfffffffe, UINT64_MAX, true);
	shake(&c);
	csum = map_checksum(0, c.idsn[0] + 1, 1, 300, false);
	SEND(&c, 0, .rel = 1, .n = 101, CAPABLE_DATA(300, csum));
	expect_sign(&c, 0);
	expect_mapped(&c, 0, 1);
	cr_expect_eq(c.r.dsn, 0, "behind the wrap");
	/* Segments that hardware cut from one repeat the option. */
	SEND(&c, 0, .rel = 102, .n = 99, CAPABLE_DATA(300, csum));
	expect_mapped(&c, 0, 102);
	expect_judge(&c, JUDGE(NONE));
	SEND(&c, 0, .rel = 201, .n = 100, CAPABLE_DATA(300, csum));
	expect_judge(&c, JUDGE(GOOD));
	cr_expect_eq(c.r.map_dsn, c.idsn[0] + 1);
	cr_expect_eq(c.r.map_len, 300);
	expect_sign(&c, 0);
	/* 22 bytes where no checksums were negotiated. */
	start(&c, 5, IDSN, false);
	shake(&c);
	SEND(&c, 0, .rel = 1, .n = 50, OPTS(30, 22, 0x01, 0x01, KEY_A, KEY_B, 0, 50, 1, 1));
	expect_mapped(&c, 0, 1);
	expect_judge(&c, JUDGE(ABSENT));
}

Test(dss, rule_15_and_16_first_data_bare)
{
	struct conv c;

	start(&c, 1, IDSN, false);
	shake(&c);
	SEND(&c, 0, .rel = 1, .n = 10);
	expect_sign(&c, SIGN(FIRST_DATA_BARE) | SIGN(NO_MAPPING));
	expect_state(&c, DSN(NO_MAPPING));
	SEND(&c, 0, .rel = 11, .n = 10);
	expect_sign(&c, SIGN(NO_MAPPING));
	/* A DSS does as well, and is the rule in v0; not asked of the listener. */
	start(&c, 1, IDSN, false);
	shake(&c);
	SEND(&c, 0, .rel = 1, .n = 10, BARE_MAP(1, 1, 10));
	expect_sign(&c, 0);
	start(&c, 1, IDSN, false);
	shake(&c);
	SEND(&c, 1, .rel = 1, .n = 10);
	expect_sign(&c, SIGN(NO_MAPPING));
}

Test(dss, mp_capable_with_data_counts_from_a_alone)
{
	struct conv c;

	start(&c, 1, IDSN, false);
	shake(&c);
	SEND(&c, 1, .rel = 1, .n = 50, OPTS(30, 22, 0x01, 0x01, KEY_B, KEY_A, 0, 50, 1, 1));
	expect_state(&c, DSN(NO_MAPPING));
	c.flow.flags = 0;
	SEND(&c, 0, .rel = 1, .n = 50, OPTS(30, 22, 0x01, 0x01, KEY_A, KEY_B, 0, 50, 1, 1));
	expect_state(&c, DSN(NO_MAPPING));
}

Test(dss, rule_17_no_mapping_before_the_first_data_ack)
{
	struct conv c;

	start(&c, 1, IDSN, false);
	shake(&c);
	SEND(&c, 0, .rel = 1, .n = 10, BARE_MAP(1, 1, 20));
	expect_sign(&c, 0);
	SEND(&c, 0, .rel = 11, .n = 10);
	expect_mapped(&c, 0, 11);
	expect_sign(&c, SIGN(NO_MAPPING));
	SEND(&c, 1, .rel = 1, .ack = 21, DACK(21));
	SEND(&c, 0, .rel = 21, .n = 10, BARE_MAP(21, 21, 20));
	SEND(&c, 0, .rel = 31, .n = 10);
	expect_sign(&c, 0);
}

Test(dss, rule_18_acknowledged_without_data_ack)
{
	struct conv c;

	start(&c, 0xffffffe0, IDSN, false);
	shake(&c);
	SEND(&c, 0, .rel = 1, .n = 100, BARE_MAP(1, 1, 100));
	SEND(&c, 1, .rel = 1, .ack = 1);
	expect_sign(&c, 0);
	SEND(&c, 1, .flags = RST | ACK, .rel = 1, .ack = 101);
	expect_sign(&c, SIGN(END));
	SEND(&c, 1, .rel = 1, .ack = 101);
	expect_sign(&c, SIGN(NO_DATA_ACK));
	/* What follows on the first subflow: an infinite mapping. Behind it nothing is asked. */
	SEND(&c, 0, .rel = 101, .n = 10, BARE_MAP(101, 101, 0));
	expect_sign(&c, SIGN(INFINITE));
	expect_state(&c, DSN(INFINITE));
	SEND(&c, 1, .rel = 1, .ack = 111);
	expect_sign(&c, 0);
	SEND(&c, 0, .rel = 111, .n = 10);
	expect_sign(&c, 0);
	expect_state(&c, DSN(INFINITE));
	SEND(&c, 1, .rel = 1, .n = 10, .ack = 111);
	expect_sign(&c, 0);
	expect_state(&c, DSN(INFINITE));
}

Test(dss, rule_18_is_not_asked_of_joins_nor_where_one_was_seen)
{
	struct conv c;

	start(&c, 9, IDSN, false);
	c.flow.flags = 0;
	shake(&c);
	SEND(&c, 0, .rel = 1, .n = 100, BARE_MAP(1, 1, 100));
	SEND(&c, 1, .rel = 1, .ack = 101);
	expect_sign(&c, 0);
	establish(&c, 9, IDSN, false);
	SEND(&c, 0, .rel = 1, .n = 100, BARE_MAP(1, 1, 100));
	SEND(&c, 1, .rel = 1, .ack = 101);
	expect_sign(&c, 0);
	/* MP_CAPABLE leaves no room for one. */
	start(&c, 9, IDSN, false);
	shake(&c);
	SEND(&c, 1, .rel = 1, .n = 100, BARE_MAP(1, 1, 100));
	SEND(&c, 0, .rel = 1, .ack = 101, CAPABLE_ACK);
	expect_sign(&c, 0);
}

Test(dss, rule_19_options_lost_later)
{
	struct conv c;

	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 10));
	SEND(&c, 0, .rel = 11, .n = 10);
	expect_state(&c, DSN(NO_MAPPING));
	expect_sign(&c, SIGN(UNMAPPED));
	/* Before what is tracked it is a matter of memory, and no sign. */
	SEND(&c, 0, .rel = 50, .n = 10, MAPPED(50, 50, 10));
	SEND(&c, 0, .rel = 60, .n = 10, MAPPED(60, 60, 10));
	SEND(&c, 0, .rel = 1, .n = 10);
	expect_state(&c, DSN(PAST));
	expect_sign(&c, 0);
	cr_expect(c.r.flags & MPNIC_RESULT_RETRANSMISSION);
}

/* ---- 7: checksums, rules 21 to 27 ---------------------------------------------------------- */

Test(dss, rule_21_22_24_wrong_checksum)
{
	struct conv c;

	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 11, MAPPED(1, 1, 31));
	SEND(&c, 0, .rel = 12, .n = 9, MAPPED(1, 1, 31), .flip = true);
	expect_judge(&c, JUDGE(NONE));
	SEND(&c, 0, .rel = 21, .n = 11);
	expect_judge(&c, JUDGE(BAD));
	cr_expect_eq(c.r.map_dsn, c.idsn[0] + 1);
	cr_expect_eq(c.r.map_len, 31);
	/* It does not stick to the next. */
	SEND(&c, 0, .rel = 32, .n = 9, MAPPED(32, 32, 9));
	expect_judge(&c, JUDGE(GOOD));
	SEND(&c, 0, .rel = 41, .n = 9, .map = true, .dsn = 41, .ssn = 41, .len = 9, .csum = WRONG);
	expect_judge(&c, JUDGE(BAD));
	/* The answers: on an ACK, on a RST; then the infinite mapping. */
	SEND(&c, 1, .rel = 1, OPTS(30, 12, 0x60, 0, KEY_A));
	expect_sign(&c, SIGN(MP_FAIL));
	SEND(&c, 0, .rel = 50, .n = 9, .map = true, .dsn = 41, .ssn = 41, .len = 0, .csum = 0);
	expect_sign(&c, SIGN(INFINITE));
	SEND(&c, 1, .flags = RST | ACK, .rel = 1, OPTS(30, 12, 0x60, 0, KEY_A));
	expect_sign(&c, SIGN(MP_FAIL) | SIGN(END));
}

Test(dss, rule_23_mp_fail_in_answer)
{
	struct conv c;

	establish(&c, 1, IDSN, true);
	SEND(&c, 1, .rel = 1, OPTS(30, 12, 0x60, 0, KEY_A));
	expect_sign(&c, SIGN(MP_FAIL));
	SEND(&c, 0, .rel = 1, OPTS(30, 12, 0x60, 0, KEY_A));
	expect_sign(&c, SIGN(MP_FAIL));
	cr_expect_eq(c.r.dir, 0);
}

Test(dss, rule_25_behind_an_infinite_mapping)
{
	struct conv c;

	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 20));
	SEND(&c, 0, .rel = 21, .n = 10, .map = true, .dsn = 21, .ssn = 21, .csum = 0);
	expect_sign(&c, SIGN(INFINITE));
	expect_judge(&c, JUDGE(REPLACED));
	expect_state(&c, DSN(INFINITE));
	/* What is sent again from before has its number still, but nothing is judged. */
	SEND(&c, 0, .rel = 11, .n = 10, MAPPED(1, 1, 20), .flip = true);
	expect_sign(&c, 0);
	expect_mapped(&c, 0, 11);
	expect_judge(&c, JUDGE(NONE));
	SEND(&c, 0, .rel = 31, .n = 10, MAPPED(31, 31, 10));
	expect_sign(&c, SIGN(AFTER_INFINITE));
	expect_state(&c, DSN(INFINITE));
}

Test(dss, rule_26_after_fallback_nothing_counts)
{
	struct conv c;

	establish(&c, 1, IDSN, true);
	c.conn.flags |= MPNIC_CONN_TCP;
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 10), DACK(1));
	expect_state(&c, DSN(NOT_MPTCP));
	cr_expect_eq(c.r.data_ack, 0);
}

Test(dss, rule_27_presence_of_the_checksum)
{
	struct conv c;

	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, BARE_MAP(1, 1, 10));
	expect_sign(&c, SIGN(CSUM_MISSING));
	expect_judge(&c, JUDGE(MISSING));
	SEND(&c, 0, .rel = 11, .n = 10, BARE_MAP(11, 11, 20));
	SEND(&c, 0, .rel = 21, .n = 10);
	expect_judge(&c, JUDGE(MISSING));
	establish(&c, 1, IDSN, false);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 10));
	expect_sign(&c, SIGN(CSUM_EXTRA));
	expect_judge(&c, JUDGE(EXTRA));
	expect_mapped(&c, 0, 1);
	SEND(&c, 0, .rel = 11, .n = 10, BARE_MAP(11, 11, 20));
	SEND(&c, 0, .rel = 21, .n = 10, .flip = true);
	expect_sign(&c, 0);
	expect_judge(&c, JUDGE(ABSENT));
}

Test(dss, in_order_at_every_boundary)
{
	/* Every cut of an odd mapping into three, over every wrap at once. */
	for (uint32_t a = 1; a < 40; a++) {
		for (uint32_t b = a + 1; b <= 41; b++) {
			struct conv c;

			establish(&c, 0xffffffff - a, (uint64_t)0 - 20, true);
			SEND(&c, 0, .rel = 1, .n = a, MAPPED(1, 1, 41));
			expect_judge(&c, JUDGE(NONE));
			SEND(&c, 0, .rel = 1 + a, .n = b - a, MAPPED(1, 1, 41));
			expect_mapped(&c, 0, 1 + a);
			if (b < 41)
				SEND(&c, 0, .rel = 1 + b, .n = 41 - b);
			expect_judge(&c, JUDGE(GOOD));
			cr_expect_eq(c.r.flags & MPNIC_RESULT_RETRANSMISSION, 0);
			cr_expect_eq(c.conn.dsn_next[0], c.idsn[0] + 42);
		}
	}
}

Test(dss, a_mapping_of_64_kib_in_46_segments)
{
	struct conv c;
	const uint32_t len = 65535;

	establish(&c, 0xffff8000, 0xffffffffffff8000, true);
	for (uint32_t at = 0; at < len; at += 1425) {
		const uint32_t n = len - at < 1425 ? len - at : 1425;

		SEND(&c, 0, .rel = 1 + at, .n = n, MAPPED(1, 1, 65535));
		expect_mapped(&c, 0, 1 + at);
		expect_judge(&c, at + n == len ? JUDGE(GOOD) : JUDGE(NONE));
	}
}

Test(dss, bytes_out_of_order)
{
	struct conv c;

	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 30));
	SEND(&c, 0, .rel = 21, .n = 10, MAPPED(1, 1, 30));
	expect_mapped(&c, 0, 21);
	expect_judge(&c, JUDGE(ORDER));
	SEND(&c, 0, .rel = 11, .n = 10, MAPPED(1, 1, 30));
	expect_mapped(&c, 0, 11);
	expect_judge(&c, JUDGE(NONE));
	SEND(&c, 0, .rel = 31, .n = 10, MAPPED(31, 31, 10));
	expect_judge(&c, JUDGE(GOOD));
}

Test(dss, bytes_again_with_other_boundaries)
{
	struct conv c;

	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 30));
	SEND(&c, 0, .rel = 6, .n = 5, MAPPED(1, 1, 30));
	cr_expect(c.r.flags & MPNIC_RESULT_RETRANSMISSION);
	SEND(&c, 0, .rel = 11, .n = 10, MAPPED(1, 1, 30));
	cr_expect_eq(c.r.flags & MPNIC_RESULT_RETRANSMISSION, 0);
	SEND(&c, 0, .rel = 15, .n = 16, MAPPED(1, 1, 30));
	expect_judge(&c, JUDGE(OVERLAP));
	cr_expect_eq(c.r.flags & MPNIC_RESULT_RETRANSMISSION, 0);
	/* Wholly in one segment it can be judged whatever was before. */
	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 30));
	SEND(&c, 0, .rel = 1, .n = 30, MAPPED(1, 1, 30));
	expect_judge(&c, JUDGE(GOOD));
	SEND(&c, 0, .rel = 1, .n = 30, MAPPED(1, 1, 30));
	expect_judge(&c, JUDGE(NONE));
}

Test(dss, a_segment_beyond_the_mappings_end)
{
	struct conv c;

	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 30));
	SEND(&c, 0, .rel = 11, .n = 25);
	expect_mapped(&c, 0, 11);
	expect_judge(&c, JUDGE(STRADDLE));
	cr_expect_eq(c.conn.dsn_next[0], c.idsn[0] + 31);
	/* The rest of it was of the next mapping, whose start was not seen by itself. */
	SEND(&c, 0, .rel = 36, .n = 5, MAPPED(31, 31, 10));
	expect_judge(&c, JUDGE(ORDER));
	SEND(&c, 0, .rel = 41, .n = 15, MAPPED(41, 41, 10));
	expect_judge(&c, JUDGE(STRADDLE));
}

Test(dss, loss_in_one_mapping_does_not_hinder_the_next)
{
	struct conv c;

	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 20));
	SEND(&c, 0, .rel = 21, .n = 10, MAPPED(21, 21, 20));
	expect_judge(&c, JUDGE(REPLACED));
	cr_expect_eq(c.r.map_dsn, c.idsn[0] + 1);
	SEND(&c, 0, .rel = 31, .n = 10, MAPPED(21, 21, 20));
	expect_judge(&c, JUDGE(GOOD));
	/* What was lost comes late: its number from prev. */
	SEND(&c, 0, .rel = 11, .n = 10);
	expect_mapped(&c, 0, 11);
	cr_expect(c.r.flags & MPNIC_RESULT_RETRANSMISSION);
	/* A verdict of the new mapping is worth more than that the old one was replaced. */
	SEND(&c, 0, .rel = 41, .n = 10, MAPPED(41, 41, 20));
	SEND(&c, 0, .rel = 61, .n = 10, MAPPED(61, 61, 10));
	expect_judge(&c, JUDGE(GOOD));
	cr_expect_eq(c.r.map_dsn, c.idsn[0] + 61);
}

Test(dss, a_mapping_that_comes_late)
{
	struct conv c;

	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 10));
	SEND(&c, 0, .rel = 21, .n = 10, MAPPED(21, 21, 20));
	SEND(&c, 0, .rel = 11, .n = 10, MAPPED(11, 11, 10));
	expect_mapped(&c, 0, 11);
	expect_judge(&c, JUDGE(GOOD));
	cr_expect(c.r.flags & MPNIC_RESULT_RETRANSMISSION);
	SEND(&c, 0, .rel = 31, .n = 10);
	expect_judge(&c, JUDGE(GOOD));
	/* It is kept: prev is now the one before map. */
	SEND(&c, 0, .rel = 16, .n = 5);
	expect_mapped(&c, 0, 16);
	/* One before prev is not kept, but numbers its own segment, and is judged. */
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 10), .flip = true);
	expect_mapped(&c, 0, 1);
	expect_judge(&c, JUDGE(BAD));
	SEND(&c, 0, .rel = 1, .n = 10);
	expect_state(&c, DSN(PAST));
}

Test(dss, payload_that_is_not_of_the_stream)
{
	struct conv c;

	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 20));
	SEND(&c, 0, .flags = RST | ACK, .rel = 11, .n = 10, .flip = true);
	expect_state(&c, DSN(NONE));
	expect_judge(&c, JUDGE(NONE));
	expect_sign(&c, SIGN(END));
	SEND(&c, 0, .flags = PSH, .rel = 11, .n = 10, .flip = true);
	expect_state(&c, DSN(NONE));
	SEND(&c, 0, .flags = ACK | FIN, .rel = 11, .n = 10);
	expect_judge(&c, JUDGE(GOOD));
}

/* ---- 5: mappings --------------------------------------------------------------------------- */

Test(dss, a_mapping_that_contradicts_one_in_force)
{
	struct conv c;

	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 20));
	SEND(&c, 0, .rel = 11, .n = 5, MAPPED(12, 11, 20));
	expect_sign(&c, SIGN(MAP_CONFLICT));
	expect_mapped(&c, 0, 11);
	SEND(&c, 0, .rel = 16, .n = 5);
	expect_judge(&c, JUDGE(CONFLICT));
	SEND(&c, 0, .rel = 21, .n = 5, MAPPED(21, 21, 5));
	expect_judge(&c, JUDGE(GOOD));
	/* And prev. */
	SEND(&c, 0, .rel = 11, .n = 5, MAPPED(12, 11, 5));
	expect_sign(&c, SIGN(MAP_CONFLICT));
	expect_mapped(&c, 0, 11);
	expect_judge(&c, JUDGE(NONE));
}

Test(dss, the_same_mapping_with_another_checksum)
{
	struct conv c;

	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 20));
	SEND(&c, 0, .rel = 11, .n = 5, .map = true, .dsn = 1, .ssn = 1, .len = 20, .csum = WRONG);
	expect_sign(&c, SIGN(MAP_CONFLICT));
	expect_mapped(&c, 0, 11);
	SEND(&c, 0, .rel = 1, .n = 20, MAPPED(1, 1, 20));
	expect_judge(&c, JUDGE(CONFLICT));
	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 20));
	SEND(&c, 0, .rel = 11, .n = 10, BARE_MAP(1, 1, 20));
	expect_sign(&c, SIGN(MAP_CONFLICT) | SIGN(CSUM_MISSING));
	expect_judge(&c, JUDGE(CONFLICT));
}

Test(dss, a_data_fin_that_is_added_is_no_conflict)
{
	struct conv c;

	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 20));
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 21), .fin = true);
	expect_sign(&c, SIGN(DATA_FIN));
	cr_expect_eq(c.r.data_fin, c.idsn[0] + 21);
	SEND(&c, 0, .rel = 11, .n = 10, MAPPED(1, 1, 21), .fin = true);
	expect_judge(&c, JUDGE(GOOD));
	cr_expect_eq(c.r.map_len, 20);
	cr_expect_eq(c.conn.dsn_next[0], c.idsn[0] + 22);
}

Test(dss, the_same_bytes_mapped_in_another_cut)
{
	struct conv c;

	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 30));
	/* It ends with the one in force: judged by itself. */
	SEND(&c, 0, .rel = 11, .n = 20, MAPPED(11, 11, 20));
	expect_sign(&c, 0);
	expect_mapped(&c, 0, 11);
	expect_judge(&c, JUDGE(GOOD));
	cr_expect_eq(c.r.map_len, 20);
	/* Inside it: both are judged. */
	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 30));
	SEND(&c, 0, .rel = 11, .n = 5, MAPPED(11, 11, 5));
	expect_judge(&c, JUDGE(GOOD));
	cr_expect_eq(c.r.map_len, 5);
	SEND(&c, 0, .rel = 16, .n = 15, MAPPED(1, 1, 30));
	expect_judge(&c, JUDGE(GOOD));
	cr_expect_eq(c.r.map_len, 30);
	/* It ends behind it: it is the one in force now. */
	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 30));
	SEND(&c, 0, .rel = 11, .n = 20, MAPPED(11, 11, 40));
	expect_judge(&c, JUDGE(REPLACED));
	SEND(&c, 0, .rel = 31, .n = 20, MAPPED(11, 11, 40));
	expect_judge(&c, JUDGE(GOOD));
	SEND(&c, 0, .rel = 5, .n = 5);
	expect_mapped(&c, 0, 5);
}

Test(dss, a_mapping_of_other_bytes_than_its_segments)
{
	struct conv c;

	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 20));
	/* RFC 8684 3.3.1 does not allow it, and it must not push the one in force aside. */
	SEND(&c, 0, .rel = 11, .n = 5, MAPPED(0x70000001, 0x70000001, 20));
	expect_mapped(&c, 0, 11);
	SEND(&c, 0, .rel = 16, MAPPED(21, 21, 20));
	SEND(&c, 0, .rel = 16, .n = 5);
	expect_judge(&c, JUDGE(GOOD));
}

Test(dss, a_far_number)
{
	struct conv c;

	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(0x80000002, 1, 10));
	expect_sign(&c, SIGN(DSN_FAR));
	expect_state(&c, DSN(FAR));
	expect_judge(&c, JUDGE(NONE));
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(0x80000000, 1, 10));
	expect_sign(&c, 0);
	expect_mapped(&c, 0, 0x80000000);
	SEND(&c, 1, .rel = 1, DACK(0x80000009 + 0x80000000ull));
	expect_sign(&c, 0);
	SEND(&c, 1, .rel = 1, DACK(0x8000000a + 0x80000000ull));
	expect_sign(&c, SIGN(DSN_FAR));
	cr_expect_eq(c.r.data_ack, 0);
}

Test(dss, numbers_of_4_octets_around_every_wrap)
{
	static const uint64_t starts[] = {
		0, 0xfffffff0, 0xfffffffffffffff0, 0x7ffffff0, 0x123456787ffffff0, 0x1fffffff0,
	};

	for (unsigned int i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct conv c;

		start(&c, 0xfffffff8, starts[i], true);
		c.idsn[1] = starts[i] + 3;
		c.conn.idsn[1] = c.idsn[1];
		c.conn.dsn_next[1] = c.idsn[1] + 1;
		shake(&c);
		for (uint32_t at = 1; at < 60; at += 7) {
			SEND(&c, 0, .rel = at, .n = 7, MAPPED(at, at, 7), .map4 = true, DACK(1),
			     .ack4 = true);
			expect_mapped(&c, 0, at);
			expect_judge(&c, JUDGE(GOOD));
			cr_expect_eq(c.r.data_ack, c.idsn[1] + 1);
			SEND(&c, 1, .rel = 1, DACK(at + 7), .ack4 = true);
			cr_expect_eq(c.r.data_ack, c.idsn[0] + at + 7);
			cr_expect(c.r.flags & MPNIC_RESULT_DATA_ACK);
		}
	}
}

Test(dss, subflow_numbers_wrap)
{
	struct conv c;

	/* 4 GiB into a subflow: rel and ssn wrap with the sequence number. */
	establish(&c, 0x1234, IDSN, true);
	SEND(&c, 0, .rel = 0xfffffff0, .n = 11, MAPPED(5, 0xfffffff0, 37));
	expect_mapped(&c, 0, 5);
	SEND(&c, 0, .rel = 0xfffffffb, .n = 9);
	expect_mapped(&c, 0, 16);
	SEND(&c, 0, .rel = 4, .n = 17);
	expect_mapped(&c, 0, 25);
	expect_judge(&c, JUDGE(GOOD));
	SEND(&c, 0, .rel = 21, .n = 9, MAPPED(42, 21, 9));
	expect_judge(&c, JUDGE(GOOD));
	SEND(&c, 0, .rel = 0xfffffff8, .n = 8);
	expect_mapped(&c, 0, 13);
}

Test(dss, data_fin_with_and_without_data)
{
	struct conv c;

	establish(&c, 1, 0xfffffffffffffff0, true);
	/* Every segment of the mapping has it; it is reached with the last. */
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 21), .fin = true);
	expect_sign(&c, SIGN(DATA_FIN));
	cr_expect_eq(c.r.data_fin, c.idsn[0] + 21);
	cr_expect_eq(c.conn.dsn_next[0], c.idsn[0] + 11);
	SEND(&c, 0, .rel = 11, .n = 10, MAPPED(1, 1, 21), .fin = true);
	expect_judge(&c, JUDGE(GOOD));
	cr_expect_eq(c.r.map_len, 20);
	cr_expect_eq(c.r.flags & MPNIC_RESULT_REINJECTION, 0);
	cr_expect_eq(c.conn.dsn_next[0], c.idsn[0] + 22);
	/* Alone: subflow sequence number 0, length 1. */
	SEND(&c, 1, .rel = 1, MAPPED(1, 0, 1), .fin = true, .map4 = true);
	expect_sign(&c, SIGN(DATA_FIN));
	expect_state(&c, DSN(NONE));
	expect_judge(&c, JUDGE(NONE));
	cr_expect_eq(c.r.data_fin, c.idsn[1] + 1);
	cr_expect_eq(c.conn.dsn_next[1], c.idsn[1] + 2);
	cr_expect_eq(c.flow.dir[1].flags & MPNIC_DIR_MAP, 0);
}

Test(dss, an_old_mapping_whose_upper_half_cannot_be_told)
{
	struct conv c;

	/* The subflow was idle while others carried more than 2^31 bytes. */
	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 10));
	c.conn.dsn_next[0] += 0xc0000000;
	SEND(&c, 0, .rel = 11, .n = 10, MAPPED(0xc0000001, 11, 10), .map4 = true);
	expect_mapped(&c, 0, 0xc0000001);
	expect_judge(&c, JUDGE(GOOD));
	SEND(&c, 0, .rel = 1, .n = 10);
	expect_state(&c, DSN(PAST));
}

Test(dss, no_syn_was_seen)
{
	struct conv c;

	start(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 0, .n = 10, MAPPED(1, 0, 10), .fin = false);
	expect_state(&c, DSN(NO_ISN));
	expect_judge(&c, JUDGE(NONE));
	expect_sign(&c, 0);
	SEND(&c, 0, .rel = 0, .n = 10);
	expect_state(&c, DSN(NO_ISN));
	expect_sign(&c, 0);
	/* Numbers of the connection need none. */
	SEND(&c, 0, .rel = 0, MAPPED(500, 0, 1), .fin = true, DACK(1));
	cr_expect_eq(c.r.data_fin, c.idsn[0] + 500);
	cr_expect(c.r.flags & MPNIC_RESULT_DATA_ACK);
}

/* ---- 3, 8, 9 ------------------------------------------------------------------------------- */

Test(dss, control_options_raise_their_signs)
{
	struct conv c;

	establish(&c, 1, IDSN, false);
	SEND(&c, 0, .rel = 1, OPTS(30, 12, 0x70, 0, KEY_B));
	expect_sign(&c, SIGN(FASTCLOSE));
	SEND(&c, 0, .flags = RST, .rel = 1, OPTS(30, 4, 0x80, 1));
	expect_sign(&c, SIGN(TCPRST) | SIGN(END));
	SEND(&c, 0, .rel = 1, OPTS(30, 8, 0x31, 1, 10, 0, 0, 1));
	expect_sign(&c, SIGN(ADD_ADDR));
	SEND(&c, 0, .rel = 1, OPTS(30, 4, 0x40, 1));
	expect_sign(&c, SIGN(REMOVE_ADDR));
	SEND(&c, 0, .rel = 1, OPTS(30, 3, 0x50, 30, 4, 0x40, 9));
	expect_sign(&c, SIGN(MP_PRIO) | SIGN(REMOVE_ADDR));
	SEND(&c, 0, .rel = 1, OPTS(30, 3, 0x40));
	expect_sign(&c, 0);
}

Test(dss, reinjection_on_another_subflow)
{
	struct conv c, d;

	establish(&c, 1, IDSN, true);
	SEND(&c, 0, .rel = 1, .n = 100, MAPPED(1, 1, 100));
	cr_expect_eq(c.r.flags & (MPNIC_RESULT_REINJECTION | MPNIC_RESULT_RETRANSMISSION), 0);
	establish(&d, 77777, IDSN, true);
	d.conn = c.conn;
	SEND(&d, 0, .rel = 1, .n = 100, MAPPED(1, 1, 100));
	cr_expect(d.r.flags & MPNIC_RESULT_REINJECTION);
	SEND(&d, 0, .rel = 1, .n = 100, MAPPED(1, 1, 100));
	cr_expect(d.r.flags & MPNIC_RESULT_RETRANSMISSION);
	cr_expect_eq(d.r.flags & MPNIC_RESULT_REINJECTION, 0);
	SEND(&d, 0, .rel = 101, .n = 100, MAPPED(100, 101, 100));
	cr_expect_eq(d.r.flags & MPNIC_RESULT_REINJECTION, 0);
}

Test(dss, sides_of_a_subflow_that_the_listener_opened)
{
	struct conv c;

	start(&c, 1, IDSN, true);
	c.flow.flags = MPNIC_FLOW_STATE_SIDE_B;
	/* The opener, direction 0, is the connection's B. */
	c.idsn[0] = c.conn.idsn[1];
	c.idsn[1] = c.conn.idsn[0];
	SEND(&c, 0, .flags = SYN);
	SEND(&c, 1, .flags = SYN | ACK);
	SEND(&c, 0, .rel = 1);
	SEND(&c, 0, .rel = 1, .n = 10, MAPPED(1, 1, 10), DACK(1), .map4 = true, .ack4 = true);
	expect_mapped(&c, 0, 1);
	expect_judge(&c, JUDGE(GOOD));
	cr_expect_eq(c.conn.dsn_next[1], c.conn.idsn[1] + 11);
	cr_expect_eq(c.r.data_ack, c.conn.idsn[0] + 1);
}
