/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection tracker and MPTCP's crypto, on records made by hand. */
#include <criterion/criterion.h>
#include <string.h>

#include "segments.h"

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
	track_free(b.track);
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
