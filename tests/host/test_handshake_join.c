/* SPDX-License-Identifier: BSD-3-Clause */
/* Joined subflows, rule by rule: numbers are those of docs/handshake.md. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "shake_ends.h"
#include "mpnic_model.h"

#define NONCE_X 0x01020304u
#define NONCE_Y 0xa1a2a3a4u
#define ISN_X	70000u
#define ISN_Y	90000u

static const struct hs_config v0 = {.versions = HS_V0};
static const struct hs_config v1 = {.versions = HS_V1};

static const struct hs_join_plan plan_x = {
	.id = 7,
	.backup = true,
	.nonce = NONCE_X,
	.isn = ISN_X,
	.addr = {.version = 4, .bytes = {10, 0, 2, 2}},
	.port = 80,
};
static const struct hs_join_plan plan_y = {.id = 3, .nonce = NONCE_Y, .isn = ISN_Y};

/* A joined subflow: x opens it, on whichever end of the connection; y listens. */
struct sub {
	struct end a, b;
	struct hs_conn *cx, *cy;
	struct hs_join x, y;
	struct hs_result r;
	struct hs_out out;
	uint64_t now;
};

static void connect_ends(struct sub *s, const struct hs_config *cfg, bool by_listener)
{
	memset(s, 0, sizeof(*s));
	shake(&s->a, &s->b, cfg, cfg);
	talk(&s->a, &s->b);
	s->cx = by_listener ? &s->b.c : &s->a.c;
	s->cy = by_listener ? &s->a.c : &s->b.c;
	cr_assert_eq(hs_join_open(&s->x, s->cx, &plan_x, 0), 0);
	hs_join_listen(&s->y, &plan_y);
}

static struct mpnic_hdr segment(const struct hs_join *j, const struct hs_out *out,
				enum hs_kind kind, uint16_t len)
{
	static const uint8_t flags[] = {0, SYN, SYN | ACK, ACK, RST | ACK};
	const struct mpnic_out_options options = {
		.flags = 0, .mptcp = out->opt, .mptcp_count = out->count};
	const struct mpnic_hdr plain = {
		.tcp_flags = flags[kind],
		.payload_len = len,
		.seq = j->isn + (kind > HS_SYNACK),
		.ack = kind == HS_SYN ? 0 : j->peer_isn + 1,
	};
	uint8_t opts[MPNIC_TCP_OPT_MAX];
	const int n = mpnic_encode_options(&options, opts);

	cr_assert_geq(n, 0);
	return with_options(&plain, opts, (size_t)n);
}

static struct mpnic_hdr send_on(struct sub *s, bool x, enum hs_kind kind, uint16_t len)
{
	const struct hs_segment seg = {
		.kind = (uint8_t)kind, .room = 40, .len = len, .ssn = 1, .offset = x ? 100 : 50};
	struct hs_join *j = x ? &s->x : &s->y;

	cr_assert_eq(hs_join_send(j, x ? s->cx : s->cy, &seg, s->now, &s->out), 0);
	return segment(j, &s->out, kind, len);
}

static unsigned int take_on(struct sub *s, bool x, const struct mpnic_hdr *hdr)
{
	struct mpnic_hdr copy = *hdr;

	hs_join_receive(x ? &s->x : &s->y, x ? s->cx : s->cy, &copy, s->now, &s->r);
	return s->r.events;
}

/* SYN and SYN/ACK. */
static void two_of_three(struct sub *s)
{
	struct mpnic_hdr hdr;

	cr_assert_eq(hs_join_due(&s->x, s->cx, 0), HS_SYN);
	hdr = send_on(s, true, HS_SYN, 0);
	cr_assert_eq(take_on(s, false, &hdr), HS_EV_SYN);
	cr_assert_eq(hs_join_due(&s->y, s->cy, 0), HS_SYNACK);
	hdr = send_on(s, false, HS_SYNACK, 0);
	cr_assert_eq(take_on(s, true, &hdr), 0);
	cr_assert_eq(s->x.state, HS_THIRD);
	cr_assert_eq(hs_join_due(&s->x, s->cx, 0), HS_ACK);
}

static void join(struct sub *s)
{
	struct mpnic_hdr hdr;

	two_of_three(s);
	hdr = send_on(s, true, HS_ACK, 0);
	cr_assert_eq(take_on(s, false, &hdr) & HS_EV_ESTABLISHED, HS_EV_ESTABLISHED);
	cr_assert_eq(hs_join_due(&s->y, s->cy, 0), HS_ACK);
	hdr = send_on(s, false, HS_ACK, 0);
	cr_assert_eq(take_on(s, true, &hdr) & HS_EV_ESTABLISHED, HS_EV_ESTABLISHED);
	cr_assert(s->cx->joins == 1 && s->cy->joins == 1);
}

/* A RST with this reason; version 0 has no option for it. */
static void check_reset(struct sub *s, bool x, enum hs_why why, unsigned int reason)
{
	struct hs_join *j = x ? &s->x : &s->y;
	struct hs_conn *c = x ? s->cx : s->cy;
	struct mpnic_hdr hdr;

	cr_assert(s->r.events & HS_EV_RESET);
	cr_assert(j->state == HS_CLOSED && j->why == why, "%s", hs_why_name(j->why));
	cr_assert_eq(hs_join_due(j, c, 0), HS_RST);
	hdr = send_on(s, x, HS_RST, 0);
	if (c->version)
		cr_assert_eq(option(&hdr, MPNIC_SUBTYPE_MP_TCPRST)->tcprst.reason, reason);
	else
		cr_assert_eq(hdr.mptcp, 0);
	cr_assert_eq(hs_join_due(j, c, 1000000), HS_NOTHING);
	/* The connection itself goes on. */
	cr_assert_eq(c->state, HS_ESTABLISHED);
}

Test(join, both_versions_from_both_ends)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct sub s;

		connect_ends(&s, i & 1 ? &v1 : &v0, i & 2);
		join(&s);
		cr_assert(s.y.peer_id == 7 && s.x.peer_id == 3);
		cr_assert(s.y.peer_backup && !s.x.peer_backup);
		cr_assert_eq(hs_join_due(&s.x, s.cx, 1000000), HS_NOTHING);
		cr_assert_eq(hs_join_due(&s.y, s.cy, 1000000), HS_NOTHING);
		hs_join_closed(&s.x, s.cx);
		cr_assert_eq(s.cx->joins, 0);
	}
}

/* The HMACs, by Python's hmac: keys are KEY_A, KEY_B, nonces NONCE_X, NONCE_Y. */
Test(join, vectors)
{
	static const struct {
		uint64_t short_hmac;
		uint8_t hmac[20];
	} want[] = {
		{0xaf7018897a8ae1f4, {0x9e, 0xe0, 0xe6, 0x99, 0x8a, 0x6a, 0x15, 0x41, 0x4b, 0xd2,
				      0xa0, 0xa1, 0x6d, 0xc8, 0x9a, 0x68, 0x52, 0xbe, 0xff, 0x3a}},
		{0x686039bc3e2aeb1b, {0x75, 0x3f, 0x6d, 0x8c, 0x84, 0xce, 0x80, 0xef, 0x20, 0xa8,
				      0xd7, 0x6c, 0x0d, 0x0a, 0xef, 0x3b, 0x15, 0x93, 0x1d, 0xca}},
	};
	struct mpnic_hdr hdr;
	struct sub s;

	for (unsigned int i = 0; i < 2; i++) {
		connect_ends(&s, i ? &v1 : &v0, false);
		hdr = send_on(&s, true, HS_SYN, 0);
		cr_assert_eq(hdr.opt[0].join_syn.token, s.b.c.own_token);
		take_on(&s, false, &hdr);
		hdr = send_on(&s, false, HS_SYNACK, 0);
		cr_assert_eq(hdr.opt[0].join_synack.hmac64, want[i].short_hmac);
		take_on(&s, true, &hdr);
		hdr = send_on(&s, true, HS_ACK, 0);
		cr_assert(!memcmp(hdr.opt[0].join_ack.hmac, want[i].hmac, 20));
	}
}

Test(join, rule_14_no_join_before_a_dss)
{
	struct mpnic_hdr hdr;
	struct hs_join j;
	struct end a, b;

	end_open(&a, &v1);
	cr_assert_eq(hs_join_open(&j, &a.c, &plan_x, 0), -ENOTCONN);
	shake(&a, &b, &v1, &v1);
	cr_assert_eq(hs_join_open(&j, &a.c, &plan_x, 0), -EAGAIN);
	cr_assert_eq(hs_join_open(&j, &b.c, &plan_x, 0), -EAGAIN);
	/* MP_CAPABLE with data is a DSS. */
	hdr = end_send(&a, HS_ACK, 0, 10);
	end_take(&b, &hdr);
	cr_assert_eq(hs_join_open(&j, &b.c, &plan_x, 0), 0);
	hdr = end_send(&b, HS_ACK, 0, 0);
	end_take(&a, &hdr);
	cr_assert_eq(hs_join_open(&j, &a.c, &plan_x, 0), 0);
}

Test(join, c_flag_forbids_joins_to_the_first_address)
{
	const struct hs_config no_join = {.versions = HS_V1, .no_join = true};
	struct hs_join_plan plan = plan_x;
	struct hs_join j;
	struct end a, b;

	shake(&a, &b, &v1, &no_join);
	talk(&a, &b);
	plan.to_first = true;
	cr_assert_eq(hs_join_open(&j, &a.c, &plan, 0), -EPERM);
	cr_assert_eq(hs_join_open(&j, &b.c, &plan, 0), 0);
	plan.to_first = false;
	cr_assert_eq(hs_join_open(&j, &a.c, &plan, 0), 0);
}

Test(join, rule_28_unknown_token)
{
	const struct hs_config *cfgs[] = {&v0, &v1};

	for (unsigned int i = 0; i < 2; i++) {
		struct mpnic_hdr hdr, bad;
		uint32_t token;
		struct sub s;

		connect_ends(&s, cfgs[i], false);
		hdr = send_on(&s, true, HS_SYN, 0);
		cr_assert(hs_join_token(&hdr, &token) && token == s.b.c.own_token);
		token++;
		bad = WITH(&hdr, 30, 12, 0x10, 7, (uint8_t)(token >> 24), (uint8_t)(token >> 16),
			   (uint8_t)(token >> 8), (uint8_t)token, 1, 2, 3, 4);
		take_on(&s, false, &bad);
		check_reset(&s, false, HS_WHY_JOIN_TOKEN, HS_REASON_MPTCP);
		bad = without_options(&hdr);
		cr_assert_not(hs_join_token(&bad, &token));
	}
}

/* Nobody has the token, so nobody knows the version: the option goes out, v0 ignores it. */
Test(join, rule_28_rst_without_a_connection)
{
	struct hs_out out;

	hs_tcprst(HS_REASON_MPTCP, &out);
	cr_assert(out.count == 1 && out.opt[0].opt.subtype == MPNIC_SUBTYPE_MP_TCPRST);
	cr_assert_eq(out.opt[0].opt.tcprst.reason, 1);
}

Test(join, rule_28_wrong_hmac_in_the_synack)
{
	const struct hs_config *cfgs[] = {&v0, &v1};

	for (unsigned int i = 0; i < 2; i++) {
		struct mpnic_hdr hdr;
		struct sub s;

		connect_ends(&s, cfgs[i], false);
		hdr = send_on(&s, true, HS_SYN, 0);
		take_on(&s, false, &hdr);
		hdr = send_on(&s, false, HS_SYNACK, 0);
		hdr.opts[4] ^= 1;
		take_on(&s, true, &hdr);
		check_reset(&s, true, HS_WHY_JOIN_HMAC, HS_REASON_MPTCP);
	}
}

/* Each of its 160 bits counts. */
Test(join, rule_28_wrong_hmac_in_the_third_ack)
{
	for (unsigned int bit = 0; bit < 160; bit++) {
		struct mpnic_hdr hdr;
		struct sub s;

		connect_ends(&s, bit & 1 ? &v1 : &v0, false);
		two_of_three(&s);
		hdr = send_on(&s, true, HS_ACK, 0);
		hdr.opts[4 + bit / 8] ^= (uint8_t)(1u << bit % 8);
		take_on(&s, false, &hdr);
		check_reset(&s, false, HS_WHY_JOIN_HMAC, HS_REASON_MPTCP);
		cr_assert_eq(s.cy->joins, 0);
	}
}

Test(join, rule_28_mp_join_missing)
{
	struct mpnic_hdr hdr;
	struct sub s;

	connect_ends(&s, &v1, false);
	hdr = send_on(&s, true, HS_SYN, 0);
	take_on(&s, false, &hdr);
	hdr = send_on(&s, false, HS_SYNACK, 0);
	hdr = without_options(&hdr);
	take_on(&s, true, &hdr);
	check_reset(&s, true, HS_WHY_JOIN_ABSENT, HS_REASON_MPTCP);
	connect_ends(&s, &v1, false);
	two_of_three(&s);
	hdr = send_on(&s, true, HS_ACK, 0);
	hdr = without_options(&hdr);
	take_on(&s, false, &hdr);
	check_reset(&s, false, HS_WHY_JOIN_ABSENT, HS_REASON_MPTCP);
}

Test(join, rule_28_refused_by_policy)
{
	struct mpnic_hdr hdr;
	struct sub s;

	connect_ends(&s, &v1, false);
	hdr = send_on(&s, true, HS_SYN, 0);
	hs_join_refuse(&s.y, s.cy, HS_REASON_POLICY);
	cr_assert_eq(hs_join_due(&s.y, s.cy, 0), HS_RST);
	s.y.peer_isn = hdr.seq;
	hdr = send_on(&s, false, HS_RST, 0);
	cr_assert_eq(option(&hdr, MPNIC_SUBTYPE_MP_TCPRST)->tcprst.reason, 3);
	cr_assert_eq(take_on(&s, true, &hdr), HS_EV_RESET | HS_EV_TCPRST);
	cr_assert(s.x.state == HS_CLOSED && s.x.reason == 3);
}

Test(join, rule_29_no_data_before_the_third_ack_is_acknowledged)
{
	const struct hs_segment data = {.kind = HS_ACK, .room = 40, .len = 10, .ssn = 1};
	const struct hs_segment fin = {.kind = HS_ACK, .room = 40, .data_fin = true};
	struct mpnic_hdr hdr, ack;
	struct sub s;

	connect_ends(&s, &v1, false);
	two_of_three(&s);
	cr_assert_eq(hs_join_send(&s.x, s.cx, &data, 0, &s.out), -EAGAIN);
	cr_assert_eq(hs_join_due(&s.x, s.cx, 0), HS_ACK);
	hdr = send_on(&s, true, HS_ACK, 0);
	cr_assert_eq(hs_join_send(&s.x, s.cx, &data, 0, &s.out), -EAGAIN);
	cr_assert_eq(hs_join_send(&s.x, s.cx, &fin, 0, &s.out), -EAGAIN);
	take_on(&s, false, &hdr);
	ack = send_on(&s, false, HS_ACK, 0);
	/* A SYN/ACK that comes again is no acknowledgement, one of something else neither. */
	hdr = (struct mpnic_hdr){.tcp_flags = SYN | ACK, .seq = ISN_Y, .ack = ISN_X + 1};
	take_on(&s, true, &hdr);
	cr_assert(s.x.state == HS_THIRD && hs_join_due(&s.x, s.cx, 0) == HS_ACK);
	hdr = ack;
	hdr.ack = ISN_X;
	take_on(&s, true, &hdr);
	cr_assert_eq(s.x.state, HS_THIRD);
	take_on(&s, true, &ack);
	cr_assert_eq(s.x.state, HS_ESTABLISHED);
	cr_assert_eq(hs_join_send(&s.x, s.cx, &data, 0, &s.out), 0);
	cr_assert_eq(s.out.opt[0].opt.subtype, MPNIC_SUBTYPE_DSS);
}

Test(join, rule_29_the_third_ack_is_repeated)
{
	static const uint64_t times[] = {1000, 3000, 7000, 15000, 31000};
	struct mpnic_hdr hdr;
	struct sub s;

	connect_ends(&s, &v1, false);
	two_of_three(&s);
	hdr = send_on(&s, true, HS_ACK, 0);
	for (unsigned int i = 0; i < HS_TRIES - 1; i++) {
		cr_assert_eq(hs_join_deadline(&s.x), times[i]);
		s.now = times[i];
		cr_assert_eq(hs_join_due(&s.x, s.cx, s.now), HS_ACK);
		hdr = send_on(&s, true, HS_ACK, 0);
		cr_assert_eq(hdr.opt[0].length, 24);
	}
	/* Each one that arrives is acknowledged. */
	take_on(&s, false, &hdr);
	send_on(&s, false, HS_ACK, 0);
	cr_assert_eq(hs_join_due(&s.y, s.cy, s.now), HS_NOTHING);
	take_on(&s, false, &hdr);
	cr_assert_eq(hs_join_due(&s.y, s.cy, s.now), HS_ACK);
	/* And if none does, it ends. */
	s.now = hs_join_deadline(&s.x);
	cr_assert_eq(hs_join_due(&s.x, s.cx, s.now), HS_NOTHING);
	cr_assert(s.x.state == HS_CLOSED && s.x.why == HS_WHY_SILENT);
}

Test(join, rule_18_data_acknowledged_without_data_ack_on_a_join)
{
	struct mpnic_hdr hdr;
	struct sub s;

	connect_ends(&s, &v1, false);
	join(&s);
	s.x.dss_passes = false;
	send_on(&s, true, HS_ACK, 10);
	hdr = (struct mpnic_hdr){.tcp_flags = ACK, .seq = ISN_Y + 1, .ack = ISN_X + 11};
	take_on(&s, true, &hdr);
	check_reset(&s, true, HS_WHY_NO_DATA_ACK, HS_REASON_MIDDLEBOX);
	cr_assert_eq(s.cx->joins, 0);
}

/* On the first subflow, when others are there: version 1 resets it, version 0 does not say so. */
Test(join, rule_18_with_other_subflows)
{
	struct mpnic_hdr hdr;
	struct sub s;

	connect_ends(&s, &v1, false);
	join(&s);
	s.a.c.dss_passes = false;
	hdr = (struct mpnic_hdr){.tcp_flags = ACK, .seq = ISN_B + 51, .ack = ISN_A + 101};
	cr_assert_eq(end_take(&s.a, &hdr), HS_EV_RESET);
	hdr = end_send(&s.a, HS_RST, 100, 0);
	cr_assert_eq(option(&hdr, MPNIC_SUBTYPE_MP_TCPRST)->tcprst.reason, HS_REASON_MIDDLEBOX);
}

Test(join, rule_27_checksum_presence_on_a_join)
{
	struct mpnic_hdr hdr;
	struct sub s;

	connect_ends(&s, &v1, false);
	join(&s);
	hdr = send_on(&s, true, HS_ACK, 10);
	hdr = WITH(&hdr, 30, 16, 0x20, MPNIC_DSS_M, 0, 0, 0, 1, 0, 0, 0, 101, 0, 10, 9, 9);
	take_on(&s, false, &hdr);
	check_reset(&s, false, HS_WHY_CSUM_PRESENCE, HS_REASON_MPTCP);
}

Test(join, rule_34_a_failed_address_is_not_tried_again)
{
	struct hs_addr other = {.addr = plan_x.addr, .port = 81, .id = 9};
	struct mpnic_hdr hdr;
	struct hs_join_plan plan = plan_x;
	struct sub s;

	connect_ends(&s, &v1, false);
	hdr = send_on(&s, true, HS_SYN, 0);
	hdr = (struct mpnic_hdr){.tcp_flags = RST | ACK, .ack = ISN_X + 1};
	/* A RST that is not for this SYN. */
	hdr.ack++;
	cr_assert_eq(take_on(&s, true, &hdr), HS_EV_IGNORED);
	hdr.ack--;
	cr_assert_eq(take_on(&s, true, &hdr), HS_EV_RESET);
	cr_assert_eq(hs_join_open(&s.x, s.cx, &plan_x, 0), -EHOSTUNREACH);
	plan.port = 81;
	cr_assert_eq(hs_join_open(&s.x, s.cx, &plan, 0), 0);
	/* A new ADD_ADDR of another port does not help; its own does, and one without port. */
	for (unsigned int i = 0; i < 3; i++) {
		other.port = (uint16_t[]){81, 80, 0}[i];
		cr_assert_eq(hs_add_addr(&s.b.c, &other, 0), 0);
		hdr = end_send(&s.b, HS_ACK, 50, 0);
		end_take(&s.a, &hdr);
		hdr = end_send(&s.a, HS_ACK, 100, 0);
		end_take(&s.b, &hdr);
		cr_assert_eq(hs_join_open(&s.x, s.cx, &plan_x, 0), i ? 0 : -EHOSTUNREACH);
		if (!i)
			continue;
		hdr = send_on(&s, true, HS_SYN, 0);
		hdr = (struct mpnic_hdr){.tcp_flags = RST | ACK, .ack = ISN_X + 1};
		take_on(&s, true, &hdr);
	}
}

/* What is remembered is bounded; what is forgotten is counted. */
Test(join, rule_34_bounded)
{
	struct hs_join_plan plan = plan_x;
	struct mpnic_hdr rst = {.tcp_flags = RST | ACK, .ack = ISN_X + 1};
	struct sub s;

	connect_ends(&s, &v1, false);
	for (unsigned int i = 0; i < HS_FAILED_MAX + 3; i++) {
		plan.port = (uint16_t)(1000 + i);
		cr_assert_eq(hs_join_open(&s.x, s.cx, &plan, 0), 0);
		send_on(&s, true, HS_SYN, 0);
		take_on(&s, true, &rst);
		cr_assert_eq(hs_join_open(&s.x, s.cx, &plan, 0), -EHOSTUNREACH);
	}
	cr_assert_eq(s.cx->failures_lost, 3);
	plan.port = 1002;
	cr_assert_eq(hs_join_open(&s.x, s.cx, &plan, 0), 0);
}

Test(join, an_established_join_that_ends_is_no_failure)
{
	struct mpnic_hdr hdr = {.tcp_flags = RST | ACK, .ack = ISN_X + 1};
	struct sub s;

	connect_ends(&s, &v1, false);
	join(&s);
	take_on(&s, true, &hdr);
	cr_assert_eq(s.cx->joins, 0);
	cr_assert_eq(hs_join_open(&s.x, s.cx, &plan_x, 0), 0);
}

/* What is for the connection comes and goes on any subflow. */
Test(join, connection_options_on_a_join)
{
	const struct hs_addr addr = {.addr = {.version = 4, .bytes = {10, 0, 3, 1}}, .id = 4};
	struct mpnic_hdr hdr;
	struct sub s;

	connect_ends(&s, &v1, false);
	join(&s);
	cr_assert_eq(hs_add_addr(s.cx, &addr, 0), 0);
	hdr = send_on(&s, true, HS_ACK, 0);
	cr_assert(option(&hdr, MPNIC_SUBTYPE_ADD_ADDR));
	cr_assert_eq(take_on(&s, false, &hdr), HS_EV_ADD_ADDR);
	hdr = send_on(&s, false, HS_ACK, 0);
	cr_assert_eq(take_on(&s, true, &hdr), HS_EV_ADD_ADDR_ECHO);
	/* MP_FASTCLOSE ends all of it. */
	hdr = WITH(&hdr, 30, 12, 0x70, 0, 0x9c, 0x9e, 0xab, 0xd1, 0xe4, 0x6a, 0x33, 0xb2);
	cr_assert_eq(take_on(&s, true, &hdr), HS_EV_FASTCLOSE | HS_EV_RESET);
	cr_assert(s.x.state == HS_CLOSED && s.cx->state == HS_CLOSED);
	cr_assert_eq(hs_join_due(&s.x, s.cx, 0), HS_RST);
	cr_assert_eq(hs_due(s.cx, 0), HS_RST);
}

Test(join, strange_segments_are_ignored)
{
	struct mpnic_hdr hdr, other;
	struct sub s;

	connect_ends(&s, &v1, false);
	hdr = send_on(&s, true, HS_SYN, 0);
	take_on(&s, false, &hdr);
	/* The SYN again, with another nonce; with the same it is answered again. */
	send_on(&s, false, HS_SYNACK, 0);
	other = hdr;
	other.opts[11] ^= 1;
	cr_assert_eq(take_on(&s, false, &other), HS_EV_IGNORED);
	cr_assert_eq(hs_join_due(&s.y, s.cy, 0), HS_NOTHING);
	cr_assert_eq(take_on(&s, false, &hdr), HS_EV_SYN);
	cr_assert_eq(hs_join_due(&s.y, s.cy, 0), HS_SYNACK);
	hdr = send_on(&s, false, HS_SYNACK, 0);
	other = hdr;
	other.ack++;
	cr_assert_eq(take_on(&s, true, &other), HS_EV_IGNORED);
	take_on(&s, true, &hdr);
	hdr = send_on(&s, true, HS_ACK, 0);
	other = hdr;
	other.ack++;
	cr_assert_eq(take_on(&s, false, &other), HS_EV_IGNORED);
	cr_assert(take_on(&s, false, &hdr) & HS_EV_ESTABLISHED);
	/* Lost SYN/ACKs are sent again. */
	connect_ends(&s, &v1, false);
	hdr = send_on(&s, true, HS_SYN, 0);
	take_on(&s, false, &hdr);
	send_on(&s, false, HS_SYNACK, 0);
	cr_assert_eq(hs_join_due(&s.y, s.cy, 999), HS_NOTHING);
	cr_assert_eq(hs_join_due(&s.y, s.cy, 1000), HS_SYNACK);
}

/* A connection that has become TCP takes no joins, and says nothing on those that it has. */
Test(join, rule_26_after_the_fallback)
{
	struct mpnic_hdr hdr, syn;
	struct sub s;

	connect_ends(&s, &v1, false);
	syn = send_on(&s, true, HS_SYN, 0);
	connect_ends(&s, &v1, false);
	join(&s);
	hdr = send_on(&s, true, HS_ACK, 10);
	hdr = WITH(&hdr, 30, 14, 0x20, MPNIC_DSS_M, 0, 0, 0, 1, 0, 0, 0, 101, 0, 0);
	cr_assert(take_on(&s, false, &hdr) & HS_EV_TCP);
	cr_assert(s.cy->state == HS_TCP && s.cy->why == HS_WHY_INFINITE);
	hdr = send_on(&s, false, HS_ACK, 10);
	cr_assert_eq(hdr.mptcp, 0);
	hs_join_listen(&s.y, &plan_y);
	take_on(&s, false, &syn);
	cr_assert(s.y.state == HS_CLOSED && s.y.why == HS_WHY_JOIN_ABSENT);
	cr_assert_eq(hs_join_due(&s.y, s.cy, 0), HS_RST);
}

/* RST with MP_FASTCLOSE on one subflow: the other is torn down too (RFC 8684 3.5). */
Test(join, fastclose_on_the_rst_of_a_join)
{
	struct mpnic_hdr hdr = {.tcp_flags = RST | ACK, .seq = ISN_X + 1, .ack = ISN_Y + 1};
	struct sub s;

	connect_ends(&s, &v1, false);
	join(&s);
	hdr = WITH(&hdr, 30, 12, 0x70, 0, 0x96, 0x7d, 0x27, 0x70, 0xb6, 0x96, 0x05, 0x52);
	cr_assert_eq(take_on(&s, false, &hdr), HS_EV_FASTCLOSE | HS_EV_RESET);
	cr_assert(s.y.state == HS_CLOSED && s.y.why == HS_WHY_FASTCLOSE);
	cr_assert_eq(hs_join_due(&s.y, s.cy, 0), HS_NOTHING);
	cr_assert(s.cy->state == HS_CLOSED && hs_due(s.cy, 0) == HS_RST);
}

/* Only one subflow may remain: the first, unless the infinite mapping came on a joined one. */
Test(join, rule_26_other_subflows_are_reset)
{
	struct mpnic_hdr hdr;
	struct hs_join more;
	struct sub s;

	connect_ends(&s, &v1, false);
	join(&s);
	cr_assert_eq(hs_join_open(&more, s.cy, &plan_x, 0), 0);
	hdr = end_send(&s.a, HS_ACK, 100, 10);
	hdr = WITH(&hdr, 30, 14, 0x20, MPNIC_DSS_M, 0, 0, 0, 1, 0, 0, 0, 101, 0, 0);
	cr_assert_eq(end_take(&s.b, &hdr), HS_EV_TCP);
	cr_assert_eq(hs_join_due(&s.y, s.cy, 0), HS_RST);
	cr_assert(s.y.state == HS_CLOSED && s.y.why == HS_WHY_INFINITE && s.cy->joins == 0);
	hdr = send_on(&s, false, HS_RST, 0);
	cr_assert_eq(hdr.mptcp, 0);
	cr_assert_eq(hs_join_due(&s.y, s.cy, 0), HS_NOTHING);
	cr_assert_eq(hs_join_due(&more, s.cy, 0), HS_RST);
	connect_ends(&s, &v1, false);
	join(&s);
	hdr = send_on(&s, true, HS_ACK, 10);
	hdr = WITH(&hdr, 30, 14, 0x20, MPNIC_DSS_M, 0, 0, 0, 1, 0, 0, 0, 101, 0, 0);
	cr_assert(take_on(&s, false, &hdr) & HS_EV_TCP);
	cr_assert_eq(hs_join_due(&s.y, s.cy, 0), HS_NOTHING);
	cr_assert_eq(s.y.state, HS_ESTABLISHED);
}

/* On all other subflows the one that closes sends a RST (RFC 8684 3.5, option A). */
Test(join, fastclose_resets_joins)
{
	struct sub s;

	connect_ends(&s, &v1, false);
	join(&s);
	cr_assert_eq(hs_fastclose(s.cx, false, 0), 0);
	cr_assert_eq(hs_join_due(&s.x, s.cx, 0), HS_RST);
	cr_assert(s.x.state == HS_CLOSED && s.x.why == HS_WHY_FASTCLOSE);
	cr_assert_eq(hs_due(s.cx, 0), HS_ACK);
}

Test(join, refused_later)
{
	struct sub s;

	connect_ends(&s, &v1, false);
	join(&s);
	hs_join_refuse(&s.y, s.cy, HS_REASON_POLICY);
	cr_assert(s.cy->joins == 0 && s.y.state == HS_CLOSED);
	cr_assert_eq(hs_join_due(&s.y, s.cy, 0), HS_RST);
}
