/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection tracker and MPTCP's crypto, on records made by hand. */
#include <criterion/criterion.h>
#include <string.h>

#include "mpcrypto.h"
#include "track.h"

#define SYN    0x02
#define SYNACK 0x12
#define RST    0x04
#define ACK    0x10

/* Keys of real captures, with the token of B and the IDSN of A as computed by others. */
#define V0_KEY_A   0x9c9eabd1e46a33b2
#define V0_KEY_B   0x967d2770b6960552
#define V0_TOKEN_B 0xe47f0142
#define V0_IDSN_A  0x9851b565d52abec9
#define V1_KEY_A   0x1fdb5df328bc3def
#define V1_KEY_B   0x29a6c86981ad933c
#define V1_TOKEN_B 0xa35d6d82
#define V1_IDSN_A  0xc8072fb90edab04d

struct bench {
	struct track *track;
	uint64_t frame;
	struct mpnic_hdr hdr; /* of the next packet */
	struct mpnic_csum csum;
	uint16_t port; /* A's */
};

static const struct track_limits wide = {.flows = 100, .conns = 100};

static void begin(struct bench *b, const struct track_limits *limits)
{
	memset(b, 0, sizeof(*b));
	b->track = track_new(limits);
	b->port = 1000;
	cr_assert_not_null(b->track);
}

/* A segment without options; from 0: A, 1: B. */
static void segment(struct bench *b, unsigned int from, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct mpnic_hdr *h = &b->hdr;

	memset(h, 0, sizeof(*h));
	memset(&b->csum, 0, sizeof(b->csum));
	h->flags = MPNIC_HDR_L3 | MPNIC_HDR_L4 | MPNIC_HDR_TCP;
	h->payload_off = 54;
	h->ip_version = 4;
	h->src[0] = h->dst[0] = 10;
	h->src[3] = from ? 2 : 1;
	h->dst[3] = from ? 1 : 2;
	h->sport = from ? 80 : b->port;
	h->dport = from ? b->port : 80;
	h->tcp_flags = flags;
	h->seq = seq;
	h->ack = ack;
	h->tcpopt = MPNIC_TCPOPT_OK;
	b->csum.ip = b->csum.l4 = MPNIC_CSUM_GOOD;
}

static void payload(struct bench *b, uint16_t len, uint16_t sum)
{
	b->hdr.payload_len = len;
	b->csum.payload_seen = len;
	b->csum.payload_sum = sum;
}

static struct mpnic_opt *option(struct bench *b, uint8_t subtype, uint8_t version)
{
	struct mpnic_opt *o = &b->hdr.opt[b->hdr.mptcp_count++];

	b->hdr.mptcp |= MPNIC_MPTCP_PRESENT;
	o->subtype = subtype;
	o->version = version;
	o->length = 12;
	return o;
}

static struct mpnic_opt *capable(struct bench *b, uint8_t version, uint64_t sender_key,
				 uint64_t receiver_key)
{
	struct mpnic_opt *o = option(b, MPNIC_SUBTYPE_MP_CAPABLE, version);

	o->flags = MPNIC_CAPABLE_H;
	if (sender_key)
		o->fields |= MPNIC_FIELD_SENDER_KEY;
	if (receiver_key)
		o->fields |= MPNIC_FIELD_RECEIVER_KEY;
	o->capable.sender_key = sender_key;
	o->capable.receiver_key = receiver_key;
	return o;
}

static void send(struct bench *b)
{
	b->frame++;
	cr_assert_eq(track_packet(b->track, &b->hdr, &b->csum, b->frame, b->frame * 1000), 0);
}

static const struct track_conn *conclude(struct bench *b, unsigned int conns)
{
	track_finish(b->track);
	cr_assert_eq(track_conns(b->track), conns);
	return conns ? track_conn(b->track, conns - 1) : NULL;
}

static void handshake_v1(struct bench *b)
{
	segment(b, 0, SYN, 100, 0);
	capable(b, 1, 0, 0);
	send(b);
	segment(b, 1, SYNACK, 500, 101);
	capable(b, 1, V1_KEY_B, 0);
	send(b);
	segment(b, 0, ACK, 101, 501);
	capable(b, 1, V1_KEY_A, V1_KEY_B);
	send(b);
}

static struct mpnic_opt *mapping(struct bench *b, uint64_t dsn, bool wide_dsn, uint32_t ssn,
				 uint16_t len, uint16_t checksum)
{
	struct mpnic_opt *o = option(b, MPNIC_SUBTYPE_DSS, 1);

	o->flags = MPNIC_DSS_M | (wide_dsn ? MPNIC_DSS_m8 : 0);
	o->fields = MPNIC_FIELD_MAPPING | MPNIC_FIELD_CHECKSUM | (wide_dsn ? MPNIC_FIELD_DSN8 : 0);
	o->dss.dsn = dsn;
	o->dss.ssn = ssn;
	o->data_len = len;
	o->checksum = checksum;
	return o;
}

Test(mpcrypto, vectors)
{
	uint32_t token;
	uint64_t idsn;

	mpcrypto_key(0, V0_KEY_B, &token, &idsn);
	cr_assert_eq(token, V0_TOKEN_B);
	mpcrypto_key(0, V0_KEY_A, &token, &idsn);
	cr_assert_eq(idsn, V0_IDSN_A);
	mpcrypto_key(1, V1_KEY_B, &token, &idsn);
	cr_assert_eq(token, V1_TOKEN_B);
	mpcrypto_key(1, V1_KEY_A, &token, &idsn);
	cr_assert_eq(idsn, V1_IDSN_A);
}

Test(track, v1_handshake)
{
	const struct track_conn *c;
	struct bench b;

	begin(&b, &wide);
	handshake_v1(&b);
	c = conclude(&b, 1);
	cr_assert_eq(c->outcome, TRACK_V1);
	cr_assert_eq(c->token[1], V1_TOKEN_B);
	cr_assert_eq(c->idsn[0], V1_IDSN_A);
	cr_assert_eq(c->confirm.frame, 3);
	cr_assert(c->csum_known && !c->csum);
	cr_assert_eq(track_version(b.track, &b.hdr), MPNIC_GIVEN_V1);
	track_free(b.track);
}

Test(track, v0_handshake)
{
	const struct track_conn *c;
	struct bench b;

	begin(&b, &wide);
	segment(&b, 0, SYN, 100, 0);
	capable(&b, 0, V0_KEY_A, 0);
	send(&b);
	cr_assert_eq(track_version(b.track, &b.hdr), MPNIC_GIVEN_UNKNOWN);
	segment(&b, 1, SYNACK, 500, 101);
	capable(&b, 0, V0_KEY_B, 0)->flags |= MPNIC_CAPABLE_A;
	send(&b);
	segment(&b, 0, ACK, 101, 501);
	capable(&b, 0, V0_KEY_A, V0_KEY_B);
	send(&b);
	c = conclude(&b, 1);
	cr_assert_eq(c->outcome, TRACK_V0);
	cr_assert_eq(c->token[1], V0_TOKEN_B);
	cr_assert_eq(c->idsn[0], V0_IDSN_A);
	cr_assert(c->csum, "either side's A bit turns checksums on");
	track_free(b.track);
}

Test(track, outcomes_that_are_not_mptcp)
{
	static const struct {
		const char *what;
		bool synack, answer, third;
		uint8_t offer_error, answer_version, answer_error, rst;
		enum track_outcome outcome;
		const char *reason;
	} cases[] = {
		{"silent", .synack = 1, .third = 1, .outcome = TRACK_SILENT},
		{"v0", .synack = 1, .answer = 1, .third = 1, .outcome = TRACK_ANSWERED_V0},
		{"no answer", .outcome = TRACK_REFUSED, .reason = "no_answer"},
		{"reset", .rst = 1, .outcome = TRACK_REFUSED, .reason = "rst"},
		{"third ACK", .synack = 1, .answer = 1, .answer_version = 1, .third = 1,
		 .outcome = TRACK_REFUSED, .reason = "third_ack_without_mp_capable"},
		{"no third ACK", .synack = 1, .answer = 1, .answer_version = 1,
		 .outcome = TRACK_REFUSED, .reason = "no_third_ack"},
		{"B bit", .synack = 1, .offer_error = MPNIC_OPT_ERROR_EXTENSIBILITY, .third = 1,
		 .outcome = TRACK_REFUSED, .reason = "offer_extensibility"},
		{"no crypto", .synack = 1, .offer_error = MPNIC_OPT_ERROR_NO_CRYPTO,
		 .outcome = TRACK_REFUSED, .reason = "offer_no_crypto"},
		{"wrong length", .synack = 1, .answer = 1, .answer_version = 1,
		 .answer_error = MPNIC_OPT_ERROR_LENGTH, .third = 1, .outcome = TRACK_REFUSED,
		 .reason = "answer_length"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct track_conn *c;
		struct bench b;

		begin(&b, &wide);
		segment(&b, 0, SYN, 100, 0);
		capable(&b, 1, 0, 0)->error = cases[i].offer_error;
		send(&b);
		if (cases[i].synack) {
			segment(&b, 1, SYNACK, 500, 101);
			if (cases[i].answer)
				capable(&b, cases[i].answer_version, V1_KEY_B, 0)->error =
					cases[i].answer_error;
			send(&b);
		}
		if (cases[i].rst) {
			segment(&b, 1, RST | ACK, 0, 101);
			send(&b);
		}
		if (cases[i].third) {
			segment(&b, 0, ACK, 101, 501);
			send(&b);
		}
		c = conclude(&b, 1);
		cr_assert_eq(c->outcome, cases[i].outcome, "%s", cases[i].what);
		if (cases[i].reason)
			cr_assert_str_eq(c->reason, cases[i].reason, "%s", cases[i].what);
		else
			cr_assert_null(c->reason, "%s", cases[i].what);
		track_free(b.track);
	}
}

Test(track, third_ack_with_another_key)
{
	const struct track_conn *c;
	struct bench b;

	begin(&b, &wide);
	handshake_v1(&b);
	b.port++;
	segment(&b, 0, SYN, 100, 0);
	capable(&b, 1, 0, 0);
	send(&b);
	segment(&b, 1, SYNACK, 500, 101);
	capable(&b, 1, V1_KEY_B + 1, 0);
	send(&b);
	segment(&b, 0, ACK, 101, 501);
	capable(&b, 1, V1_KEY_A, V1_KEY_B);
	send(&b);
	c = conclude(&b, 2);
	cr_assert_eq(c->outcome, TRACK_REFUSED);
	cr_assert_str_eq(c->reason, "confirm_wrong_key");
	track_free(b.track);
}

Test(track, synack_that_acknowledges_something_else)
{
	const struct track_conn *c;
	struct bench b;

	begin(&b, &wide);
	segment(&b, 0, SYN, 100, 0);
	capable(&b, 1, 0, 0);
	send(&b);
	segment(&b, 1, SYNACK, 500, 999);
	capable(&b, 1, V1_KEY_B, 0);
	send(&b);
	c = conclude(&b, 1);
	cr_assert_eq(c->outcome, TRACK_REFUSED);
	cr_assert_str_eq(c->reason, "answer_bad_ack");
	cr_assert_eq(c->version, MPNIC_GIVEN_UNKNOWN);
	track_free(b.track);
}

Test(track, ports_used_again)
{
	struct bench b;

	begin(&b, &wide);
	handshake_v1(&b);
	segment(&b, 0, SYN, 100, 0); /* the same SYN again: a retransmission */
	capable(&b, 1, 0, 0);
	send(&b);
	conclude(&b, 1);
	segment(&b, 0, SYN, 7777, 0);
	capable(&b, 1, 0, 0);
	send(&b);
	conclude(&b, 2);
	cr_assert_eq(track_conn(b.track, 0)->outcome, TRACK_V1);
	cr_assert_eq(track_conn(b.track, 1)->first_frame, 5);
	track_free(b.track);
}

Test(track, limits_are_kept_and_counted)
{
	static const struct track_limits small = {.flows = 3, .conns = 2};
	struct bench b;

	begin(&b, &small);
	for (int i = 0; i < 5; i++) {
		handshake_v1(&b);
		b.port++;
	}
	conclude(&b, 2);
	cr_assert_eq(track_totals(b.track)->conns_left_out, 3);
	cr_assert_eq(track_totals(b.track)->flows_left_out, 6);
	track_free(b.track);
}

Test(track, bad_checksum_changes_nothing)
{
	struct bench b;

	begin(&b, &wide);
	segment(&b, 0, SYN, 100, 0);
	capable(&b, 1, 0, 0);
	b.csum.l4 = MPNIC_CSUM_BAD;
	send(&b);
	segment(&b, 0, SYN, 100, 0);
	capable(&b, 1, 0, 0);
	b.csum.ip = MPNIC_CSUM_BAD;
	send(&b);
	conclude(&b, 0);
	cr_assert_eq(track_totals(b.track)->bad_checksum, 2);
	track_free(b.track);
}

Test(track, plain_tcp_is_only_counted)
{
	struct bench b;

	begin(&b, &wide);
	segment(&b, 0, SYN, 1, 0);
	send(&b);
	b.port++;
	segment(&b, 0, ACK, 1, 0);
	send(&b);
	b.port++;
	segment(&b, 0, ACK, 1, 0);
	b.hdr.tcpopt = MPNIC_TCPOPT_CUT;
	send(&b);
	conclude(&b, 0);
	cr_assert_eq(track_totals(b.track)->plain_flows, 2);
	cr_assert_eq(track_totals(b.track)->cut_flows, 1);
	track_free(b.track);
}

Test(track, seen_from_the_middle)
{
	const struct track_conn *c;
	struct bench b;

	begin(&b, &wide);
	segment(&b, 1, ACK, 1, 0);
	mapping(&b, 5, false, 1, 4, 0);
	payload(&b, 4, 0);
	send(&b);
	c = conclude(&b, 1);
	cr_assert_eq(c->outcome, TRACK_MIDDLE);
	cr_assert_eq(c->dss[0].csum_not_judged, 1, "4 octets of DSN, and no key");
	track_free(b.track);
}

/* MP_JOIN SYN, SYN/ACK and ACK of B's own, towards A. */
static void join_by_b(struct bench *b, uint32_t token, uint64_t flip)
{
	struct mpnic_opt *o;
	uint8_t hmac[20];
	uint64_t hmac64;

	b->port++;
	segment(b, 1, SYN, 900, 0);
	o = option(b, MPNIC_SUBTYPE_MP_JOIN, 1);
	o->fields = MPNIC_FIELD_TOKEN | MPNIC_FIELD_NONCE | MPNIC_FIELD_ADDR_ID;
	o->join_syn.token = token;
	o->join_syn.nonce = 0x1111;
	o->addr_id = 4;
	o->flags = 1;
	send(b);
	segment(b, 0, SYNACK, 800, 901);
	o = option(b, MPNIC_SUBTYPE_MP_JOIN, 1);
	o->fields = MPNIC_FIELD_HMAC | MPNIC_FIELD_NONCE | MPNIC_FIELD_ADDR_ID;
	mpcrypto_join(1, V1_KEY_A, V1_KEY_B, 0x2222, 0x1111, hmac);
	memcpy(&hmac64, hmac, 8);
	o->join_synack.hmac64 = __builtin_bswap64(hmac64) ^ flip;
	o->join_synack.nonce2 = 0x2222;
	send(b);
	segment(b, 1, ACK, 901, 801);
	o = option(b, MPNIC_SUBTYPE_MP_JOIN, 1);
	o->fields = MPNIC_FIELD_HMAC;
	mpcrypto_join(1, V1_KEY_B, V1_KEY_A, 0x1111, 0x2222, hmac);
	hmac[19] ^= (uint8_t)flip;
	memcpy(o->join_ack.hmac, hmac, sizeof(hmac));
	send(b);
}

Test(track, joins)
{
	const struct track_conn *c;
	const struct track_join *j;
	uint32_t token;
	uint64_t idsn;
	struct bench b;

	begin(&b, &wide);
	handshake_v1(&b);
	mpcrypto_key(1, V1_KEY_A, &token, &idsn);
	join_by_b(&b, token, 0);
	join_by_b(&b, token, 1);
	c = conclude(&b, 1);
	cr_assert_eq(c->flows, 3);
	cr_assert_eq(c->flow[1]->opener, 1, "B opened it: the token is A's");
	j = &c->flow[1]->join;
	cr_assert(j->token_known && j->backup[0] && j->id[0] == 4);
	cr_assert_eq(j->synack_verdict, TRACK_GOOD);
	cr_assert_eq(j->ack_verdict, TRACK_GOOD);
	j = &c->flow[2]->join;
	cr_assert_eq(j->synack_verdict, TRACK_BAD);
	cr_assert_eq(j->ack_verdict, TRACK_BAD);
	join_by_b(&b, token + 1, 0);
	c = conclude(&b, 2);
	cr_assert_eq(c->outcome, TRACK_MIDDLE);
	cr_assert_not(c->flow[0]->join.token_known);
	cr_assert_eq(c->flow[0]->join.synack_verdict, TRACK_KEY_UNKNOWN);
	track_free(b.track);
}

Test(track, join_syn_brings_the_version)
{
	struct mpnic_opt *o;
	struct bench b;

	begin(&b, &wide);
	handshake_v1(&b);
	b.port++;
	segment(&b, 0, SYN, 1, 0);
	o = option(&b, MPNIC_SUBTYPE_MP_JOIN, MPNIC_VERSION_UNKNOWN);
	o->fields = MPNIC_FIELD_TOKEN;
	o->join_syn.token = V1_TOKEN_B;
	cr_assert_eq(track_version(b.track, &b.hdr), MPNIC_GIVEN_V1);
	o->join_syn.token ^= 1;
	cr_assert_eq(track_version(b.track, &b.hdr), MPNIC_GIVEN_UNKNOWN);
	track_free(b.track);
}

/* Of a mapping whose payload sums to `payload_sum`. */
static uint16_t dss_checksum(uint64_t dsn, uint32_t ssn, uint16_t len, uint16_t payload_sum)
{
	uint32_t sum = payload_sum + len;

	for (int i = 0; i < 4; i++)
		sum += dsn >> 16 * i & 0xffff;
	sum += (ssn >> 16) + (ssn & 0xffff);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* DSNs of 4 octets, one of 8, and 4 again over a wrap of the lower half; the last checksum is
 * wrong. */
Test(track, dss_checksums)
{
	static const uint64_t dsn[] = {
		V1_IDSN_A + 1,
		V1_IDSN_A + 1500000000,
		V1_IDSN_A + 3000000000,
		(V1_IDSN_A | 0xffffffff) - 5,
		(V1_IDSN_A | 0xffffffff) + 5,
		(V1_IDSN_A | 0xffffffff) + 15,
	};
	const struct track_conn *c;
	struct bench b;

	begin(&b, &wide);
	handshake_v1(&b);
	for (uint32_t i = 0; i < 6; i++) {
		uint32_t ssn = 1 + 10 * i;
		bool octets8 = i == 1;

		segment(&b, 0, ACK, 100 + ssn, 501);
		payload(&b, 10, 0xbeef);
		mapping(&b, octets8 ? dsn[i] : (uint32_t)dsn[i], octets8, ssn, 10,
			dss_checksum(dsn[i], ssn, 10, 0xbeef) ^ (i == 5));
		send(&b);
	}
	c = conclude(&b, 1);
	cr_assert_eq(c->dss[0].csum_good, 5, "%lu", (unsigned long)c->dss[0].csum_good);
	cr_assert_eq(c->dss[0].csum_bad, 1);
	cr_assert_eq(c->event_count[TRACK_CSUM_BAD][0], 1);
	cr_assert_eq(c->dss[0].map8, 1);
	cr_assert_eq(c->dss[0].map4, 5);
	cr_assert_eq(c->event_count[TRACK_CSUM_EXTRA][0], 6, "it was not negotiated");
	track_free(b.track);
}

Test(track, mapping_over_two_segments_is_not_judged)
{
	const struct track_conn *c;
	struct bench b;

	begin(&b, &wide);
	handshake_v1(&b);
	segment(&b, 0, ACK, 101, 501);
	payload(&b, 10, 0xbeef);
	mapping(&b, V1_IDSN_A + 1, true, 1, 20, 0);
	send(&b);
	segment(&b, 0, ACK, 111, 501); /* its second half, with the same option */
	payload(&b, 10, 0xbeef);
	mapping(&b, V1_IDSN_A + 1, true, 1, 10, 0);
	send(&b);
	c = conclude(&b, 1);
	cr_assert_eq(c->dss[0].csum_not_judged, 2);
	track_free(b.track);
}

Test(track, add_addr_hmac)
{
	struct mpnic_opt *o;
	const struct track_conn *c;
	struct bench b;

	begin(&b, &wide);
	handshake_v1(&b);
	for (int i = 0; i < 2; i++) {
		segment(&b, 1, ACK, 501, 101);
		o = option(&b, MPNIC_SUBTYPE_ADD_ADDR, 1);
		o->fields = MPNIC_FIELD_ADDR_ID | MPNIC_FIELD_ADDR4 | MPNIC_FIELD_HMAC;
		o->addr_id = 9;
		o->add_addr.addr[0] = 10;
		o->add_addr.addr_hmac =
			mpcrypto_add_addr(V1_KEY_B, V1_KEY_A, 9, o->add_addr.addr, 4, 0) ^ i;
		send(&b);
	}
	c = conclude(&b, 1);
	cr_assert_eq(c->events, 2);
	cr_assert_eq(c->event[0].verdict, TRACK_GOOD);
	cr_assert_eq(c->event[1].verdict, TRACK_BAD);
	cr_assert_eq(c->event[0].from, 1);
	track_free(b.track);
}

Test(track, events_are_bounded_by_sender)
{
	const struct track_conn *c;
	struct bench b;

	begin(&b, &wide);
	handshake_v1(&b);
	for (int i = 0; i < 3 * TRACK_EVENTS_MAX; i++) {
		segment(&b, 0, ACK, 101, 501);
		option(&b, MPNIC_SUBTYPE_MP_FAIL, 1);
		send(&b);
	}
	segment(&b, 1, ACK, 501, 101);
	option(&b, MPNIC_SUBTYPE_MP_FAIL, 1);
	send(&b);
	c = conclude(&b, 1);
	cr_assert_eq(c->events, TRACK_EVENTS_MAX + 1);
	cr_assert_eq(c->event_count[TRACK_FAIL][0], 3 * TRACK_EVENTS_MAX);
	track_free(b.track);
}
