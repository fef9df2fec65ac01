/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The handshake engine, rule by rule: numbers are those of docs/handshake.md. Segments pass through
 * encoder, frame and decoder on their way.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "shake_ends.h"
#include "mpnic_model.h"

#define FIELD(name) MPNIC_FIELD_##name
#define H	    MPNIC_CAPABLE_H
#define A	    MPNIC_CAPABLE_A
#define B	    MPNIC_CAPABLE_B
#define C	    MPNIC_CAPABLE_C

static const struct hs_config v0 = {.versions = HS_V0};
static const struct hs_config v1 = {.versions = HS_V1};
static const struct hs_config both = {.versions = HS_V0 | HS_V1};
static const struct hs_config v0_csum = {.versions = HS_V0, .csum = HS_CSUM_REQUIRE};
static const struct hs_config v1_csum = {.versions = HS_V1, .csum = HS_CSUM_REQUIRE};
static const struct hs_config v0_refuse = {.versions = HS_V0, .csum = HS_CSUM_REFUSE};
static const struct hs_config v1_refuse = {.versions = HS_V1, .csum = HS_CSUM_REFUSE};

#define K4(k, s)                                                                                 \
	(uint8_t)((k) >> ((s) + 24)), (uint8_t)((k) >> ((s) + 16)), (uint8_t)((k) >> ((s) + 8)), \
		(uint8_t)((k) >> (s))
#define K8(k) K4((uint64_t)(k), 32), K4((uint64_t)(k), 0)

/* It is TCP, for this reason and rule, and says nothing of MPTCP any more. */
static void check_tcp(struct end *e, enum hs_why why, unsigned int rule)
{
	struct mpnic_hdr hdr;

	cr_assert_eq(e->c.state, HS_TCP, "state is %s", hs_state_name(e->c.state));
	cr_assert_eq(e->c.why, why, "why is %s", hs_why_name(e->c.why));
	cr_assert_eq(hs_why_rule(why), rule);
	hdr = end_send(e, HS_ACK, e->acked, 0);
	cr_assert_eq(hdr.mptcp, 0, "an option on an ACK");
	hdr = end_send(e, HS_ACK, e->acked, 10);
	cr_assert_eq(hdr.mptcp, 0, "an option on data");
}

static void check_mptcp(const struct end *a, const struct end *b, unsigned int version)
{
	cr_assert(a->c.state == HS_THIRD || a->c.state == HS_ESTABLISHED);
	cr_assert_eq(b->c.state, HS_ESTABLISHED);
	cr_assert(a->c.version == version && b->c.version == version);
	cr_assert(a->c.peer_key == b->c.own_key && b->c.peer_key == a->c.own_key);
	cr_assert(a->c.peer_token == b->c.own_token && b->c.peer_token == a->c.own_token);
	cr_assert(a->c.peer_idsn == b->c.own_idsn && b->c.peer_idsn == a->c.own_idsn);
	cr_assert_eq(a->c.csum, b->c.csum);
}

/* An initiator that has sent its SYN, and a plain SYN/ACK for it. */
static struct mpnic_hdr answer_to(struct end *a, const struct hs_config *cfg)
{
	struct mpnic_hdr hdr = {.tcp_flags = SYN | ACK, .seq = ISN_B, .ack = ISN_A + 1};

	end_open(a, cfg);
	end_send(a, HS_SYN, 0, 0);
	return hdr;
}

/* A listener that has answered a SYN; the SYN's options are given. */
static unsigned int offer_to(struct end *b, const struct hs_config *cfg, const uint8_t *opts,
			     size_t len)
{
	const struct mpnic_hdr syn = {.tcp_flags = SYN, .seq = ISN_A};
	const struct mpnic_hdr hdr = with_options(&syn, opts, len);

	end_listen(b, cfg);
	return end_take(b, &hdr);
}
#define OFFER(b, cfg, ...) \
	offer_to(b, cfg, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* A SYN/ACK of the listener, without MP_CAPABLE. */
static void check_answers_plainly(struct end *b, enum hs_why why, unsigned int rule)
{
	struct mpnic_hdr hdr;

	cr_assert_eq(b->r.events, HS_EV_SYN);
	cr_assert_eq(b->r.why, why, "why is %s", hs_why_name(b->r.why));
	cr_assert_eq(hs_due(&b->c, b->now), HS_SYNACK);
	hdr = end_send(b, HS_SYNACK, 0, 0);
	cr_assert_eq(hdr.mptcp, 0);
	hdr = (struct mpnic_hdr){.tcp_flags = ACK, .seq = ISN_A + 1, .ack = ISN_B + 1};
	end_take(b, &hdr);
	check_tcp(b, why, rule);
}

/* ---- MP_CAPABLE ------------------------------------------------------------------------------ */

Test(handshake, version_1)
{
	struct end a, b;

	shake(&a, &b, &v1, &v1);
	check_mptcp(&a, &b, 1);
	cr_assert_eq(a.c.state, HS_THIRD);
	talk(&a, &b);
	cr_assert(a.c.confirmed && b.c.confirmed);
	cr_assert_eq(a.c.state, HS_ESTABLISHED);
	check_mptcp(&a, &b, 1);
}

Test(handshake, version_0)
{
	struct end a, b;

	shake(&a, &b, &v0, &v0);
	check_mptcp(&a, &b, 0);
	talk(&a, &b);
	cr_assert(a.c.confirmed && b.c.confirmed);
	check_mptcp(&a, &b, 0);
}

/* The vectors of real captures: Ka, Kb are KEY_A, KEY_B. */
Test(handshake, vector_of_version_0)
{
	struct end a, b;

	shake(&a, &b, &v0, &v0);
	cr_assert_eq(a.c.peer_token, 0xe47f0142);
	cr_assert_eq(a.c.own_idsn, 0x9851b565d52abec9);
	cr_assert_eq(b.c.own_token, 0xe47f0142);
	cr_assert_eq(b.c.peer_idsn, 0x9851b565d52abec9);
}

Test(handshake, vector_of_version_1)
{
	const struct mpnic_hdr plain = {.tcp_flags = SYN | ACK, .seq = ISN_B, .ack = 78};
	struct mpnic_hdr hdr = WITH(&plain, 30, 12, 1, H, K8(0x29a6c86981ad933c));
	struct end a = {.now = 0};

	hs_open(&a.c, &v1, 0x1fdb5df328bc3def, 77, 0);
	end_send(&a, HS_SYN, 0, 0);
	cr_assert_eq(end_take(&a, &hdr), HS_EV_ESTABLISHED);
	cr_assert_eq(a.c.peer_token, 0xa35d6d82);
	cr_assert_eq(a.c.own_idsn, 0xc8072fb90edab04d);
}

/* What stands on each segment, by version. */
Test(handshake, forms_of_mp_capable)
{
	static const uint16_t keys = FIELD(SENDER_KEY) | FIELD(RECEIVER_KEY);
	struct mpnic_hdr hdr;
	struct end a, b;

	end_open(&a, &v1);
	hdr = end_send(&a, HS_SYN, 0, 0);
	cr_assert(option(&hdr, 0)->length == 4 && option(&hdr, 0)->flags == H);
	end_open(&a, &v0);
	hdr = end_send(&a, HS_SYN, 0, 0);
	cr_assert(option(&hdr, 0)->length == 12 && option(&hdr, 0)->version == 0);
	end_listen(&b, &v0);
	end_take(&b, &hdr);
	hdr = end_send(&b, HS_SYNACK, 0, 0);
	cr_assert(option(&hdr, 0)->length == 12 && option(&hdr, 0)->version == 0);
	end_take(&a, &hdr);
	hdr = end_send(&a, HS_ACK, 0, 0);
	cr_assert_eq(option(&hdr, 0)->fields, keys);
	cr_assert(option(&hdr, 0)->capable.sender_key == KEY_A);
	cr_assert(option(&hdr, 0)->capable.receiver_key == KEY_B);
}

Test(handshake, rule_1_synack_without_mp_capable_is_tcp)
{
	const struct hs_config *cfgs[] = {&v0, &v1};

	for (unsigned int i = 0; i < 2; i++) {
		struct end a;
		struct mpnic_hdr hdr = answer_to(&a, cfgs[i]);

		cr_assert_eq(end_take(&a, &hdr), HS_EV_TCP);
		cr_assert_eq(hs_due(&a.c, 0), HS_ACK);
		check_tcp(&a, HS_WHY_ABSENT, 1);
	}
}

Test(handshake, rule_2_plain_syn_gets_a_plain_synack)
{
	struct end b;

	offer_to(&b, &both, NULL, 0);
	check_answers_plainly(&b, HS_WHY_NOT_OFFERED, 2);
}

/* An MP_CAPABLE that nobody asked for is not taken. */
Test(handshake, rule_2_answer_to_a_plain_syn_has_none)
{
	struct end a;
	struct mpnic_hdr hdr = {.tcp_flags = SYN | ACK, .seq = ISN_B, .ack = ISN_A + 1};
	const struct hs_config none = {.versions = 0};

	end_open(&a, &none);
	cr_assert_eq(end_send(&a, HS_SYN, 0, 0).mptcp, 0);
	hdr = WITH(&hdr, 30, 12, 0, H, K8(KEY_B));
	end_take(&a, &hdr);
	check_tcp(&a, HS_WHY_CORRUPT, 12);
}

Test(handshake, rule_3_third_packet_without_mp_capable_is_tcp)
{
	const struct hs_config *cfgs[] = {&v0, &v1};

	for (unsigned int i = 0; i < 2; i++) {
		struct end a, b;
		struct mpnic_hdr hdr;

		end_open(&a, cfgs[i]);
		end_listen(&b, cfgs[i]);
		hdr = end_send(&a, HS_SYN, 0, 0);
		end_take(&b, &hdr);
		hdr = end_send(&b, HS_SYNACK, 0, 0);
		end_take(&a, &hdr);
		hdr = end_send(&a, HS_ACK, 0, 0);
		hdr = without_options(&hdr);
		cr_assert_eq(end_take(&b, &hdr), HS_EV_TCP);
		check_tcp(&b, HS_WHY_THIRD_ABSENT, 3);
	}
}

/* Data may overtake it; that which has MP_CAPABLE is on the way then. */
Test(handshake, rule_3_data_that_overtakes_the_third_packet_does_not_decide)
{
	struct mpnic_hdr first, second;
	struct end a, b;

	end_open(&a, &v1);
	end_listen(&b, &v1);
	first = end_send(&a, HS_SYN, 0, 0);
	end_take(&b, &first);
	first = end_send(&b, HS_SYNACK, 0, 0);
	end_take(&a, &first);
	first = end_send(&a, HS_ACK, 0, 100);
	second = end_send(&a, HS_ACK, 100, 100);
	cr_assert_eq(end_take(&b, &second), HS_EV_IGNORED);
	cr_assert_eq(b.c.state, HS_SYN_RECEIVED);
	cr_assert_eq(end_take(&b, &first), HS_EV_ESTABLISHED);
	/* Without DSS it does decide. */
	end_listen(&b, &v1);
	b.c.state = HS_LISTEN;
	first = (struct mpnic_hdr){.tcp_flags = SYN, .seq = ISN_A};
	first = WITH(&first, 30, 4, 1, H);
	end_take(&b, &first);
	second = without_options(&second);
	cr_assert_eq(end_take(&b, &second), HS_EV_TCP);
}

/* SYNs with MP_CAPABLE, then plain ones, each after its time; then nobody is there. */
Test(handshake, rule_4_unanswered_syns_end_plain)
{
	const struct hs_config cfg = {.versions = HS_V1, .capable_syns = 3, .rto_ms = 100};
	static const uint64_t times[] = {0, 100, 300, 700, 1500, 3100};
	struct mpnic_hdr hdr;
	struct end a;

	end_open(&a, &cfg);
	for (unsigned int i = 0; i < HS_TRIES; i++) {
		cr_assert_eq(hs_deadline(&a.c), times[i]);
		if (i) {
			a.now = times[i] - 1;
			cr_assert_eq(hs_due(&a.c, a.now), HS_NOTHING);
		}
		a.now = times[i];
		cr_assert_eq(hs_due(&a.c, a.now), HS_SYN);
		hdr = end_send(&a, HS_SYN, 0, 0);
		cr_assert_eq(!!option(&hdr, 0), i < 3);
	}
	a.now = 6300;
	cr_assert_eq(hs_due(&a.c, a.now), HS_NOTHING);
	cr_assert(a.c.state == HS_CLOSED && a.c.why == HS_WHY_SILENT);
	cr_assert_eq(hs_deadline(&a.c), HS_NEVER);
}

Test(handshake, rule_4_only_the_plain_syn_was_answered)
{
	struct mpnic_hdr hdr;
	struct end a;

	hdr = answer_to(&a, &v1);
	end_send(&a, HS_SYN, 0, 0);
	end_send(&a, HS_SYN, 0, 0);
	end_take(&a, &hdr);
	check_tcp(&a, HS_WHY_PLAIN_ANSWERED, 4);
}

/* Both SYNs arrive, in either order: what the initiator took from the SYN/ACKs its third ACK tells.
 */
Test(handshake, rule_4_the_third_packet_decides)
{
	for (unsigned int order = 0; order < 2; order++) {
		for (unsigned int first = 0; first < 2; first++) {
			struct mpnic_hdr syn[2], synack[2], third;
			struct end a, b;

			end_open(&a, &v1);
			end_listen(&b, &v1);
			syn[0] = end_send(&a, HS_SYN, 0, 0);
			end_send(&a, HS_SYN, 0, 0);
			syn[1] = end_send(&a, HS_SYN, 0, 0);
			cr_assert(option(&syn[0], 0) && !option(&syn[1], 0));
			end_take(&b, &syn[order]);
			synack[order] = end_send(&b, HS_SYNACK, 0, 0);
			end_take(&b, &syn[!order]);
			synack[!order] = end_send(&b, HS_SYNACK, 0, 0);
			cr_assert(option(&synack[0], 0) && !option(&synack[1], 0));
			end_take(&a, &synack[first]);
			end_take(&a, &synack[!first]);
			third = end_send(&a, HS_ACK, 0, 0);
			end_take(&b, &third);
			if (first == 0)
				check_mptcp(&a, &b, 1);
			else
				check_tcp(&b, HS_WHY_THIRD_ABSENT, 3);
			cr_assert_eq(a.c.state == HS_TCP, b.c.state == HS_TCP);
		}
	}
}

Test(handshake, rule_5_a_higher_version_is_answered_with_ours)
{
	struct mpnic_hdr hdr;
	struct end b;

	OFFER(&b, &both, 30, 4, 2, H);
	cr_assert_eq(b.r.why, HS_WHY_NONE);
	hdr = end_send(&b, HS_SYNACK, 0, 0);
	cr_assert(option(&hdr, 0) && option(&hdr, 0)->version == 1);
	/* A lower one with the lower one, if this end has it. */
	OFFER(&b, &both, 30, 12, 0, H, K8(KEY_A));
	hdr = end_send(&b, HS_SYNACK, 0, 0);
	cr_assert(option(&hdr, 0) && option(&hdr, 0)->version == 0);
	OFFER(&b, &v1, 30, 12, 0, H, K8(KEY_A));
	check_answers_plainly(&b, HS_WHY_VERSION, 5);
}

Test(handshake, rule_5_synack_of_a_higher_version_is_tcp)
{
	struct end a;
	struct mpnic_hdr hdr = answer_to(&a, &v0);

	hdr = WITH(&hdr, 30, 12, 1, H, K8(KEY_B));
	end_take(&a, &hdr);
	check_tcp(&a, HS_WHY_VERSION, 5);
	hdr = answer_to(&a, &v1);
	hdr = WITH(&hdr, 30, 12, 2, H, K8(KEY_B));
	end_take(&a, &hdr);
	check_tcp(&a, HS_WHY_VERSION, 5);
}

Test(handshake, rule_6_strict_v0_listener_answers_a_v1_syn_plainly)
{
	struct end a, b;

	OFFER(&b, &v0, 30, 4, 1, H);
	check_answers_plainly(&b, HS_WHY_NO_KEY_IN_SYN, 6);
	/* Which the initiator cannot tell from plain TCP. */
	shake(&a, &b, &both, &v0);
	check_tcp(&a, HS_WHY_ABSENT, 1);
}

/* Even an end that speaks version 0 cannot go on with it: the listener has no key. */
Test(handshake, rule_7_answered_v0_is_said_plainly)
{
	const struct hs_config *cfgs[] = {&v1, &both};

	for (unsigned int i = 0; i < 2; i++) {
		struct end a;
		struct mpnic_hdr hdr = answer_to(&a, cfgs[i]);

		hdr = WITH(&hdr, 30, 12, 0, H, K8(KEY_B));
		end_take(&a, &hdr);
		check_tcp(&a, HS_WHY_ANSWERED_V0, 7);
	}
}

Test(handshake, rule_8_b_flag)
{
	struct mpnic_hdr hdr;
	struct end a, b;

	/* Version 1 ignores the option, whatever its length. */
	OFFER(&b, &both, 30, 4, 1, B | H);
	check_answers_plainly(&b, HS_WHY_EXTENSIBILITY, 8);
	OFFER(&b, &both, 30, 7, 1, B, 1, 2, 3);
	check_answers_plainly(&b, HS_WHY_EXTENSIBILITY, 8);
	/* Version 0 drops the SYN, as if it had not come. */
	cr_assert_eq(OFFER(&b, &both, 30, 12, 0, B | H, K8(KEY_A)), HS_EV_IGNORED);
	cr_assert_eq(b.c.state, HS_LISTEN);
	cr_assert_eq(hs_due(&b.c, 0), HS_NOTHING);
	hdr = (struct mpnic_hdr){.tcp_flags = SYN, .seq = ISN_A};
	hdr = WITH(&hdr, 30, 12, 0, H, K8(KEY_A));
	cr_assert_eq(end_take(&b, &hdr), HS_EV_SYN);
	hdr = answer_to(&a, &v1);
	hdr = WITH(&hdr, 30, 12, 1, B | H, K8(KEY_B));
	end_take(&a, &hdr);
	check_tcp(&a, HS_WHY_EXTENSIBILITY, 8);
}

Test(handshake, rule_9_algorithms)
{
	struct mpnic_hdr hdr;
	struct end a, b;

	OFFER(&b, &v1, 30, 4, 1, A);
	check_answers_plainly(&b, HS_WHY_NO_CRYPTO, 9);
	/* Bits that are not H: proposals that this end does not have. */
	OFFER(&b, &v1, 30, 4, 1, 0x1e);
	check_answers_plainly(&b, HS_WHY_NO_CRYPTO, 9);
	OFFER(&b, &v0, 30, 12, 0, C, K8(KEY_A));
	check_answers_plainly(&b, HS_WHY_NO_CRYPTO, 9);
	/* Of several one is chosen. */
	OFFER(&b, &v1, 30, 4, 1, 0x1f);
	hdr = end_send(&b, HS_SYNACK, 0, 0);
	cr_assert_eq(option(&hdr, 0)->flags, H);
	/* No algorithm, one that was not proposed, and two. */
	for (unsigned int flags = 0; flags < 4; flags++) {
		hdr = answer_to(&a, &v1);
		hdr = WITH(&hdr, 30, 12, 1, (uint8_t)flags, K8(KEY_B));
		end_take(&a, &hdr);
		if (flags != H)
			check_tcp(&a, HS_WHY_NO_CRYPTO, 9);
		else
			cr_assert_eq(a.c.state, HS_THIRD);
	}
}

/* Every pair of wishes. Version 0 knows no refusal; the third ACK repeats A. */
Test(handshake, rule_10_checksums)
{
	for (unsigned int i = 0; i < 2 * 3 * 3; i++) {
		const struct hs_config ca = {.versions = (uint8_t)(1 + i / 9), .csum = i % 3};
		const struct hs_config cb = {.versions = (uint8_t)(1 + i / 9), .csum = i / 3 % 3};
		const bool wanted = ca.csum == HS_CSUM_REQUIRE || cb.csum == HS_CSUM_REQUIRE;
		const bool refused = ca.csum == HS_CSUM_REFUSE || cb.csum == HS_CSUM_REFUSE;
		struct mpnic_hdr hdr;
		struct end a, b;

		shake(&a, &b, &ca, &cb);
		if (ca.versions == HS_V1 && wanted && refused) {
			cr_assert(a.c.state == HS_TCP && b.c.state == HS_TCP);
			if (cb.csum == HS_CSUM_REFUSE)
				cr_assert_eq(b.c.why, HS_WHY_CSUM_REFUSED);
			else
				check_tcp(&a, HS_WHY_CSUM_REFUSED, 10);
			continue;
		}
		check_mptcp(&a, &b, i / 9);
		cr_assert_eq(a.c.csum, wanted);
		hdr = end_send(&a, HS_ACK, 0, 0);
		cr_assert_eq(option(&hdr, 0)->flags, wanted ? A | H : H);
	}
}

Test(handshake, rule_10_refused_is_not_answered)
{
	struct end a, b;

	OFFER(&b, &v1_refuse, 30, 4, 1, A | H);
	check_answers_plainly(&b, HS_WHY_CSUM_REFUSED, 10);
	shake(&a, &b, &v0_csum, &v0_refuse);
	check_mptcp(&a, &b, 0);
	cr_assert(a.c.csum && b.c.csum);
}

Test(handshake, rule_11_no_unique_key_no_mp_capable)
{
	struct mpnic_hdr hdr = {.tcp_flags = SYN, .seq = ISN_A};
	struct end b = {.now = 0};

	hs_listen(&b.c, &v1, NULL, ISN_B);
	hdr = WITH(&hdr, 30, 4, 1, H);
	end_take(&b, &hdr);
	check_answers_plainly(&b, HS_WHY_NO_KEY, 11);
}

Test(handshake, rule_12_broken_options)
{
	struct mpnic_hdr hdr;
	struct end a, b;

	/* MP_CAPABLE is whole, the chain behind it is not. */
	OFFER(&b, &v1, 30, 4, 1, H, 8, 10, 0, 0);
	check_answers_plainly(&b, HS_WHY_CORRUPT, 12);
	hdr = answer_to(&a, &v1);
	hdr = WITH(&hdr, 30, 12, 1, H, K8(KEY_B), 8, 0, 0, 0);
	end_take(&a, &hdr);
	check_tcp(&a, HS_WHY_CORRUPT, 12);
	/* In the third packet. */
	OFFER(&b, &v1, 30, 4, 1, H);
	end_send(&b, HS_SYNACK, 0, 0);
	hdr = (struct mpnic_hdr){.tcp_flags = ACK, .seq = ISN_A + 1, .ack = ISN_B + 1};
	hdr = WITH(&hdr, 30, 20, 1, H, K8(KEY_A), K8(KEY_B), 8, 1, 0, 0);
	end_take(&b, &hdr);
	check_tcp(&b, HS_WHY_CORRUPT, 12);
	/* And behind it, until a DSS has come. */
	shake(&a, &b, &v1, &v1);
	hdr = end_send(&a, HS_ACK, 0, 0);
	hdr = WITH(&hdr, 30, 1, 1, 1);
	end_take(&b, &hdr);
	check_tcp(&b, HS_WHY_CORRUPT, 12);
	shake(&a, &b, &v1, &v1);
	talk(&a, &b);
	end_take(&b, &hdr);
	cr_assert_eq(b.c.state, HS_ESTABLISHED);
}

Test(handshake, rule_12_third_packet_contradicts_what_was_agreed)
{
	static const uint8_t flags[] = {A | H, 0x02, H | 0x02};
	const struct mpnic_hdr ack = {.tcp_flags = ACK, .seq = ISN_A + 1, .ack = ISN_B + 1};
	struct mpnic_hdr hdr;
	struct end b;

	for (unsigned int i = 0; i < sizeof(flags); i++) {
		OFFER(&b, &v1, 30, 4, 1, H);
		hdr = WITH(&ack, 30, 20, 1, flags[i], K8(KEY_A), K8(KEY_B));
		end_take(&b, &hdr);
		check_tcp(&b, HS_WHY_CORRUPT, 12);
	}
	OFFER(&b, &both, 30, 4, 1, H);
	hdr = WITH(&ack, 30, 20, 0, H, K8(KEY_A), K8(KEY_B));
	end_take(&b, &hdr);
	check_tcp(&b, HS_WHY_CORRUPT, 12);
}

Test(handshake, rule_12_unexpected_acknowledgement)
{
	struct mpnic_hdr hdr;
	struct end a, b;

	/* The listener: of more than its SYN. */
	end_open(&a, &v1);
	end_listen(&b, &v1);
	hdr = end_send(&a, HS_SYN, 0, 0);
	end_take(&b, &hdr);
	hdr = end_send(&b, HS_SYNACK, 0, 0);
	end_take(&a, &hdr);
	hdr = end_send(&a, HS_ACK, 0, 0);
	hdr.ack++;
	end_take(&b, &hdr);
	check_tcp(&b, HS_WHY_BAD_ACK, 12);
	/* The initiator: of data that it has not sent. */
	shake(&a, &b, &v1, &v1);
	end_send(&a, HS_ACK, 0, 100);
	hdr = end_send(&b, HS_ACK, 0, 0);
	hdr.ack = ISN_A + 1 + 102;
	end_take(&a, &hdr);
	check_tcp(&a, HS_WHY_BAD_ACK, 12);
}

/* A late SYN/ACK for an attempt before this one neither ends nor makes anything. */
Test(handshake, rule_12_an_answer_to_another_syn_decides_nothing)
{
	struct end a;
	struct mpnic_hdr hdr = answer_to(&a, &v0);

	hdr.ack = ISN_A - (1 << 24) + 1;
	cr_assert_eq(end_take(&a, &hdr), HS_EV_IGNORED);
	cr_assert(a.c.state == HS_SYN_SENT && a.c.ignored == 1);
	hdr = WITH(&hdr, 30, 12, 0, H, K8(KEY_B));
	hdr.ack = ISN_A + 1;
	cr_assert_eq(end_take(&a, &hdr), HS_EV_ESTABLISHED);
}

Test(handshake, rule_12_another_key_in_the_synack_that_is_sent_again)
{
	struct mpnic_hdr hdr;
	struct end a, b;

	shake(&a, &b, &v1, &v1);
	hdr = (struct mpnic_hdr){.tcp_flags = SYN | ACK, .seq = ISN_B, .ack = ISN_A + 1};
	hdr = WITH(&hdr, 30, 12, 1, H, K8(KEY_B));
	end_take(&a, &hdr);
	cr_assert_eq(a.c.state, HS_THIRD);
	hdr = WITH(&hdr, 30, 12, 1, H, K8(KEY_B + 1));
	end_take(&a, &hdr);
	check_tcp(&a, HS_WHY_CORRUPT, 12);
}

/* The SYN that is sent again has another key in it. */
Test(handshake, rule_12_another_syn_with_the_same_number)
{
	struct mpnic_hdr hdr = {.tcp_flags = SYN, .seq = ISN_A};
	struct end b;

	OFFER(&b, &v0, 30, 12, 0, H, K8(KEY_A));
	cr_assert(b.c.answer_capable);
	hdr = WITH(&hdr, 30, 12, 0, H, K8(KEY_A + 1));
	end_take(&b, &hdr);
	cr_assert_eq(b.r.why, HS_WHY_CORRUPT);
	cr_assert_eq(end_send(&b, HS_SYNACK, 0, 0).mptcp, 0);
	/* And one with another number is nobody's here. */
	hdr.seq++;
	cr_assert_eq(end_take(&b, &hdr), HS_EV_IGNORED);
}

Test(handshake, rule_13_wrong_length_is_no_mp_capable)
{
	struct mpnic_hdr hdr;
	struct end a, b;

	OFFER(&b, &both, 30, 12, 1, H, K8(KEY_A));
	check_answers_plainly(&b, HS_WHY_MALFORMED, 13);
	OFFER(&b, &both, 30, 4, 0, H);
	check_answers_plainly(&b, HS_WHY_MALFORMED, 13);
	OFFER(&b, &both, 30, 3, 1);
	check_answers_plainly(&b, HS_WHY_MALFORMED, 13);
	hdr = answer_to(&a, &v1);
	hdr = WITH(&hdr, 30, 20, 1, H, K8(KEY_B), K8(KEY_A));
	end_take(&a, &hdr);
	check_tcp(&a, HS_WHY_MALFORMED, 13);
	OFFER(&b, &v1, 30, 4, 1, H);
	hdr = (struct mpnic_hdr){.tcp_flags = ACK, .seq = ISN_A + 1, .ack = ISN_B + 1};
	hdr = WITH(&hdr, 30, 12, 1, H, K8(KEY_A));
	end_take(&b, &hdr);
	check_tcp(&b, HS_WHY_MALFORMED, 13);
}

Test(handshake, rule_13_wrong_key_is_no_mp_capable)
{
	const struct mpnic_hdr ack = {.tcp_flags = ACK, .seq = ISN_A + 1, .ack = ISN_B + 1};
	struct mpnic_hdr hdr;
	struct end b;

	OFFER(&b, &v1, 30, 4, 1, H);
	hdr = WITH(&ack, 30, 20, 1, H, K8(KEY_A), K8(KEY_B + 1));
	end_take(&b, &hdr);
	check_tcp(&b, HS_WHY_WRONG_KEY, 13);
	/* Version 0 has said its own key before. */
	OFFER(&b, &v0, 30, 12, 0, H, K8(KEY_A));
	hdr = WITH(&ack, 30, 20, 0, H, K8(KEY_A + 1), K8(KEY_B));
	end_take(&b, &hdr);
	check_tcp(&b, HS_WHY_WRONG_KEY, 13);
}

Test(handshake, rule_13_our_own_option_back)
{
	struct end a;
	struct mpnic_hdr hdr = answer_to(&a, &v1);

	hdr = WITH(&hdr, 30, 4, 1, H);
	end_take(&a, &hdr);
	check_tcp(&a, HS_WHY_ECHO, 13);
	hdr = answer_to(&a, &v0);
	hdr = WITH(&hdr, 30, 12, 0, H, K8(KEY_A));
	end_take(&a, &hdr);
	check_tcp(&a, HS_WHY_ECHO, 13);
}

/* ---- the third ACK and first data ------------------------------------------------------------ */

Test(handshake, rule_15_first_data_carries_mp_capable_until_it_is_acknowledged)
{
	for (unsigned int csum = 0; csum < 2; csum++) {
		const struct mpnic_opt *opt;
		struct mpnic_hdr hdr, again, ack;
		struct end a, b;

		shake(&a, &b, csum ? &v1_csum : &v1, &v1);
		hdr = end_send(&a, HS_ACK, 0, 100);
		opt = option(&hdr, MPNIC_SUBTYPE_MP_CAPABLE);
		cr_assert(opt && opt->length == (csum ? 24 : 22) && opt->data_len == 100);
		/* The first mapping only; what follows has a DSS. */
		again = end_send(&a, HS_ACK, 100, 50);
		cr_assert_null(option(&again, MPNIC_SUBTYPE_MP_CAPABLE));
		opt = option(&again, MPNIC_SUBTYPE_DSS);
		cr_assert(opt && opt->dss.dsn == a.c.own_idsn + 101 && opt->dss.ssn == 101);
		/* Sent again, with it. */
		again = end_send(&a, HS_ACK, 0, 100);
		cr_assert(option(&again, MPNIC_SUBTYPE_MP_CAPABLE));
		/* Twice is as good as once (TSO). */
		end_take(&b, &hdr);
		end_take(&b, &again);
		cr_assert(b.c.state == HS_ESTABLISHED && b.c.peer_dss);
		ack = end_send(&b, HS_ACK, 0, 0);
		opt = option(&ack, MPNIC_SUBTYPE_DSS);
		cr_assert(opt && (opt->fields & FIELD(DATA_ACK)));
		end_take(&a, &ack);
		cr_assert(a.c.confirmed && a.c.data_una == a.c.own_idsn + 101);
		again = end_send(&a, HS_ACK, 0, 100);
		cr_assert_null(option(&again, MPNIC_SUBTYPE_MP_CAPABLE));
	}
}

/* The checksum field, against one that is computed from the bytes. */
Test(handshake, rule_15_checksum_of_the_first_mapping)
{
	uint8_t bytes[16 + 100] = {0};
	struct mpnic_hdr hdr;
	struct end a, b;
	uint64_t dsn;

	shake(&a, &b, &v1_csum, &v1);
	hdr = end_send(&a, HS_ACK, 0, 100);
	dsn = __builtin_bswap64(a.c.own_idsn + 1);
	memcpy(bytes, &dsn, 8);
	bytes[11] = 1;
	bytes[13] = 100;
	end_payload(0, 100, bytes + 16);
	cr_assert_eq(option(&hdr, 0)->checksum, (uint16_t)~mpnic_sum16(bytes, sizeof(bytes)));
	/* With a DSS: another place in the stream, and of odd length. */
	talk(&a, &b);
	hdr = end_send(&a, HS_ACK, 100, 33);
	memset(bytes, 0, sizeof(bytes));
	dsn = __builtin_bswap64(a.c.own_idsn + 101);
	memcpy(bytes, &dsn, 8);
	bytes[11] = 101;
	bytes[13] = 33;
	end_payload(100, 33, bytes + 16);
	cr_assert_eq(option(&hdr, MPNIC_SUBTYPE_DSS)->checksum,
		     (uint16_t)~mpnic_sum16(bytes, 16 + 33));
}

/* The third ACK is lost, but MP_CAPABLE is on the data as well. */
Test(handshake, rule_15_lost_third_ack)
{
	struct mpnic_hdr hdr;
	struct end a, b;

	end_open(&a, &v1);
	end_listen(&b, &v1);
	hdr = end_send(&a, HS_SYN, 0, 0);
	end_take(&b, &hdr);
	hdr = end_send(&b, HS_SYNACK, 0, 0);
	end_take(&a, &hdr);
	end_send(&a, HS_ACK, 0, 0);
	hdr = end_send(&a, HS_ACK, 0, 100);
	cr_assert_eq(end_take(&b, &hdr), HS_EV_ESTABLISHED);
	cr_assert(b.c.peer_dss && b.received == 100);
}

/* B sends first: its DSS says that the keys have arrived. */
Test(handshake, rule_15_not_needed_once_a_dss_has_come)
{
	struct mpnic_hdr hdr;
	struct end a, b;

	shake(&a, &b, &v1, &v1);
	hdr = end_send(&b, HS_ACK, 0, 100);
	end_take(&a, &hdr);
	cr_assert_eq(a.c.state, HS_ESTABLISHED);
	hdr = end_send(&a, HS_ACK, 0, 100);
	cr_assert(option(&hdr, MPNIC_SUBTYPE_DSS) && !option(&hdr, 0));
}

Test(handshake, rule_15_first_data_with_neither_is_tcp)
{
	struct mpnic_hdr hdr;
	struct end a, b;

	shake(&a, &b, &v1, &v1);
	hdr = end_send(&a, HS_ACK, 0, 100);
	hdr = without_options(&hdr);
	end_take(&b, &hdr);
	check_tcp(&b, HS_WHY_FIRST_DATA_BARE, 15);
	/* Of the listener too: it has fallen back, and nothing else tells. */
	shake(&a, &b, &v1, &v1);
	hdr = end_send(&b, HS_ACK, 0, 100);
	hdr = without_options(&hdr);
	end_take(&a, &hdr);
	check_tcp(&a, HS_WHY_FIRST_DATA_BARE, 15);
}

Test(handshake, rule_15_data_fin_does_not_fit_into_mp_capable)
{
	struct hs_segment s = {.kind = HS_ACK, .room = 30, .len = 10, .ssn = 1, .data_fin = true};
	struct hs_out out;
	struct end a, b;

	shake(&a, &b, &v1, &v1);
	cr_assert_eq(hs_send(&a.c, &s, 0, &out), 0);
	cr_assert(out.fin_later && out.opt[0].opt.data_len == 10);
	talk(&a, &b);
	s = (struct hs_segment){
		.kind = HS_ACK, .room = 30, .offset = 100, .ssn = 101, .data_fin = true};
	cr_assert_eq(hs_send(&a.c, &s, 0, &out), 0);
	cr_assert(!out.fin_later && out.opt[0].opt.data_len == 1 && out.opt[0].opt.dss.ssn == 0 &&
		  (out.opt[0].opt.flags & MPNIC_DSS_F));
}

/* Without data the third ACK is repeated a few times, as long as nothing says that it arrived. */
Test(handshake, rule_15_repetition_of_the_third_ack)
{
	struct mpnic_hdr hdr;
	struct end a, b;
	unsigned int n = 0;

	shake(&a, &b, &v1, &v1);
	while (hs_deadline(&a.c) != HS_NEVER) {
		a.now = hs_deadline(&a.c);
		cr_assert_eq(hs_due(&a.c, a.now), HS_ACK);
		hdr = end_send(&a, HS_ACK, 0, 0);
		cr_assert_eq(option(&hdr, 0)->length, 20);
		n++;
	}
	cr_assert_eq(n, HS_REPEATS);
	cr_assert_eq(a.c.state, HS_THIRD);
	shake(&a, &b, &v1, &v1);
	hdr = end_send(&b, HS_ACK, 0, 0);
	end_take(&a, &hdr);
	cr_assert_eq(hs_deadline(&a.c), HS_NEVER);
	/* A SYN/ACK that comes again asks for it. */
	shake(&a, &b, &v0, &v0);
	hdr = (struct mpnic_hdr){.tcp_flags = SYN | ACK, .seq = ISN_B, .ack = ISN_A + 1};
	hdr = WITH(&hdr, 30, 12, 0, H, K8(KEY_B));
	end_take(&a, &hdr);
	cr_assert_eq(hs_due(&a.c, 0), HS_ACK);
}

Test(handshake, rule_16_v0_sends_its_third_ack_before_data)
{
	struct mpnic_hdr hdr;
	struct end a, b;

	end_open(&a, &v0);
	end_listen(&b, &v0);
	hdr = end_send(&a, HS_SYN, 0, 0);
	end_take(&b, &hdr);
	hdr = end_send(&b, HS_SYNACK, 0, 0);
	end_take(&a, &hdr);
	cr_assert_eq(end_try(&a, HS_ACK, 0, 100, &hdr), -EAGAIN);
	hdr = end_send(&a, HS_ACK, 0, 0);
	cr_assert_eq(option(&hdr, 0)->length, 20);
	end_take(&b, &hdr);
	hdr = end_send(&a, HS_ACK, 0, 100);
	cr_assert(option(&hdr, MPNIC_SUBTYPE_DSS) && !option(&hdr, 0));
	/* Again before the next one, as long as no DSS has come. */
	cr_assert_eq(end_try(&a, HS_ACK, 0, 100, &hdr), -EAGAIN);
	hdr = end_send(&b, HS_ACK, 0, 0);
	end_take(&a, &hdr);
	cr_assert_eq(end_try(&a, HS_ACK, 0, 100, &hdr), 0);
}

/* MP_CAPABLE with data does not exist in version 0. */
Test(handshake, rule_16_v0_third_ack_with_data_is_none)
{
	struct mpnic_hdr hdr = {
		.tcp_flags = ACK, .seq = ISN_A + 1, .ack = ISN_B + 1, .payload_len = 10};
	struct end b;

	OFFER(&b, &v0, 30, 12, 0, H, K8(KEY_A));
	hdr = WITH(&hdr, 30, 20, 0, H, K8(KEY_A), K8(KEY_B));
	end_take(&b, &hdr);
	check_tcp(&b, HS_WHY_MALFORMED, 13);
}

Test(handshake, rule_17_a_mapping_in_every_segment)
{
	struct hs_segment s = {.kind = HS_ACK, .room = 12, .len = 10, .ssn = 101, .offset = 100};
	struct mpnic_hdr hdr;
	struct hs_out out;
	struct end a, b;

	shake(&a, &b, &v1, &v1);
	for (unsigned int i = 0; i < 5; i++) {
		hdr = end_send(&b, HS_ACK, i * 10, 10);
		cr_assert_eq(option(&hdr, MPNIC_SUBTYPE_DSS)->dss.dsn, b.c.own_idsn + 1 + i * 10);
	}
	/* Where there is no room for it, data is not sent without. */
	talk(&a, &b);
	cr_assert_eq(hs_send(&a.c, &s, 0, &out), -ENOSPC);
	s.room = 30;
	s.len = 65535;
	cr_assert_eq(hs_send(&a.c, &s, 0, &out), 0);
	s.data_fin = true;
	cr_assert_eq(hs_send(&a.c, &s, 0, &out), -EMSGSIZE);
}

/* One infinite mapping with the next data, from what was delivered; then nothing. */
static void check_infinite(struct end *e, uint64_t dsn)
{
	struct mpnic_hdr hdr = end_send(e, HS_ACK, 0, 0);
	const struct mpnic_opt *opt;

	cr_assert_eq(hdr.mptcp, 0, "an ACK has no infinite mapping");
	hdr = end_send(e, HS_ACK, 0, 10);
	opt = option(&hdr, MPNIC_SUBTYPE_DSS);
	cr_assert(opt && (opt->fields & FIELD(MAPPING)) && opt->data_len == 0);
	cr_assert(!(opt->fields & FIELD(DATA_ACK)) && opt->checksum == 0);
	cr_assert_eq(opt->dss.dsn, dsn);
	cr_assert_eq(opt->dss.ssn, (uint32_t)(dsn - e->c.own_idsn));
	hdr = end_send(e, HS_ACK, 10, 10);
	cr_assert_eq(hdr.mptcp, 0);
}

Test(handshake, rule_18_data_acknowledged_without_data_ack)
{
	const struct hs_config *cfgs[] = {&v0, &v1, &v1_csum};

	for (unsigned int i = 0; i < 3; i++) {
		struct mpnic_hdr hdr;
		struct end a, b;

		shake(&a, &b, cfgs[i], cfgs[i]);
		hdr = end_send(&a, HS_ACK, 0, 100);
		end_take(&b, &hdr);
		hdr = end_send(&b, HS_ACK, 0, 0);
		hdr = without_options(&hdr);
		cr_assert_eq(end_take(&a, &hdr), HS_EV_TCP);
		cr_assert_eq(a.c.why, HS_WHY_NO_DATA_ACK);
		cr_assert_eq(hs_why_rule(a.c.why), 18);
		check_infinite(&a, a.c.own_idsn + 1);
	}
}

/* The listener learns it from the mapping. */
Test(handshake, rule_25_after_an_infinite_mapping)
{
	struct mpnic_hdr hdr;
	struct end a, b;

	shake(&a, &b, &v1, &v1);
	hdr = end_send(&a, HS_ACK, 0, 100);
	end_take(&b, &hdr);
	hdr = end_send(&b, HS_ACK, 0, 0);
	hdr = without_options(&hdr);
	end_take(&a, &hdr);
	hdr = end_send(&a, HS_ACK, 100, 10);
	cr_assert_eq(end_take(&b, &hdr), HS_EV_TCP);
	check_tcp(&b, HS_WHY_INFINITE, 25);
}

Test(handshake, rule_18_an_echo_in_the_place_of_dss_is_no_sign)
{
	struct mpnic_hdr hdr;
	struct end a, b;

	shake(&a, &b, &v1, &v1);
	hdr = end_send(&a, HS_ACK, 0, 100);
	end_take(&b, &hdr);
	hdr = end_send(&b, HS_ACK, 0, 0);
	hdr = WITH(&hdr, 30, 3, 0x50);
	end_take(&a, &hdr);
	cr_assert_neq(a.c.state, HS_TCP);
}

/* ---- fallback and errors later --------------------------------------------------------------- */

/* A caller that finds a wrong checksum says so; version 1 answers, and both are TCP. */
Test(handshake, rule_23_mp_fail_is_answered_by_version_1)
{
	const struct mpnic_opt *opt;
	struct mpnic_hdr hdr;
	struct end a, b;

	shake(&a, &b, &v1_csum, &v1);
	talk(&a, &b);
	cr_assert_eq(hs_fail(&a.c, b.c.own_idsn + 1 + 50, 0), 0);
	cr_assert_eq(a.c.why, HS_WHY_CSUM_BAD);
	cr_assert_eq(hs_due(&a.c, 0), HS_ACK);
	hdr = end_send(&a, HS_ACK, 100, 0);
	opt = option(&hdr, MPNIC_SUBTYPE_MP_FAIL);
	cr_assert(opt && opt->fail.fail_dsn == b.c.own_idsn + 51);
	cr_assert_eq(end_take(&b, &hdr), HS_EV_FAIL | HS_EV_TCP);
	cr_assert(b.c.state == HS_TCP && b.c.why == HS_WHY_MP_FAIL);
	cr_assert_eq(hs_due(&b.c, 0), HS_ACK);
	hdr = end_send(&b, HS_ACK, 50, 0);
	opt = option(&hdr, MPNIC_SUBTYPE_MP_FAIL);
	cr_assert(opt && opt->fail.fail_dsn == a.c.own_idsn + 101);
	/* The answer ends the repetition, and is not answered. */
	end_take(&a, &hdr);
	cr_assert_eq(hs_due(&a.c, 100000), HS_NOTHING);
	cr_assert_eq(hs_due(&b.c, 100000), HS_NOTHING);
	check_infinite(&b, b.c.own_idsn + 51);
	check_infinite(&a, a.c.own_idsn + 101);
}

Test(handshake, rule_23_a_lost_answer_is_given_again)
{
	struct mpnic_hdr hdr;
	struct end a, b;
	unsigned int n = 0;

	shake(&a, &b, &v1_csum, &v1);
	talk(&a, &b);
	hs_fail(&a.c, b.c.own_idsn + 51, 0);
	while (hs_deadline(&a.c) != HS_NEVER) {
		a.now = hs_deadline(&a.c);
		hdr = end_send(&a, HS_ACK, 100, 0);
		end_take(&b, &hdr);
		hdr = end_send(&b, HS_ACK, 50, 0);
		cr_assert(option(&hdr, MPNIC_SUBTYPE_MP_FAIL));
		n++;
	}
	cr_assert_eq(n, 1 + HS_REPEATS);
}

Test(handshake, rule_23_version_0_has_no_answer)
{
	struct mpnic_hdr hdr;
	struct end a, b;

	shake(&a, &b, &v0_csum, &v0);
	talk(&a, &b);
	hs_fail(&a.c, b.c.own_idsn + 51, 0);
	hdr = end_send(&a, HS_ACK, 100, 0);
	cr_assert_eq(end_take(&b, &hdr), HS_EV_FAIL | HS_EV_TCP);
	cr_assert_eq(hs_due(&b.c, 0), HS_NOTHING);
	/* The infinite mapping is what says that it arrived. */
	hdr = end_send(&b, HS_ACK, 50, 10);
	cr_assert(hdr.mptcp_count == 1 && hdr.opt[0].data_len == 0);
	cr_assert_neq(hs_deadline(&a.c), HS_NEVER);
	end_take(&a, &hdr);
	cr_assert_eq(hs_deadline(&a.c), HS_NEVER);
	check_infinite(&a, a.c.own_idsn + 101);
	hdr = end_send(&b, HS_ACK, 60, 10);
	cr_assert_eq(hdr.mptcp, 0);
}

/* RFC 8684 3.3.2: 64 bits are acknowledged with 64 bits. */
Test(handshake, data_ack_is_as_long_as_the_peers_numbers)
{
	struct mpnic_hdr hdr;
	struct end a, b;

	shake(&a, &b, &v1, &v1);
	hdr = end_send(&a, HS_ACK, 0, 10);
	end_take(&b, &hdr);
	hdr = end_send(&b, HS_ACK, 0, 0);
	cr_assert_eq(hdr.opt[0].length, 8);
	cr_assert_eq(hdr.opt[0].dss.data_ack, (uint32_t)(a.c.own_idsn + 11));
	hdr = end_send(&a, HS_ACK, 10, 10);
	cr_assert_eq(option(&hdr, MPNIC_SUBTYPE_DSS)->fields & FIELD(DSN8), FIELD(DSN8));
	end_take(&b, &hdr);
	hdr = end_send(&b, HS_ACK, 0, 0);
	cr_assert_eq(hdr.opt[0].length, 12);
	cr_assert_eq(hdr.opt[0].dss.data_ack, a.c.own_idsn + 21);
}

/* On a RST it is of one subflow of several (rule 21): an event, no end of MPTCP. */
Test(handshake, rule_21_mp_fail_on_a_rst)
{
	struct mpnic_hdr hdr = {.tcp_flags = RST | ACK, .seq = ISN_A + 101, .ack = ISN_B + 51};
	struct end a, b;

	shake(&a, &b, &v1_csum, &v1);
	talk(&a, &b);
	hdr = WITH(&hdr, 30, 12, 0x60, 0, K8(5), 30, 4, 0x80, 6);
	cr_assert_eq(end_take(&b, &hdr), HS_EV_FAIL | HS_EV_TCPRST | HS_EV_RESET);
	cr_assert(b.c.state == HS_CLOSED && b.c.why == HS_WHY_RST && b.r.accepted == 3);
}

Test(handshake, rule_26_never_back_to_mptcp)
{
	struct mpnic_hdr hdr, dss;
	struct hs_join j;
	const struct hs_join_plan plan = {.id = 1};
	struct end a, b;

	shake(&a, &b, &v1, &v1);
	talk(&a, &b);
	dss = end_send(&a, HS_ACK, 100, 10);
	hdr = WITH(&dss, 30, 18, 0x20, MPNIC_DSS_M | MPNIC_DSS_m8, K8(a.c.own_idsn + 101), 0, 0, 0,
		   101, 0, 0);
	cr_assert_eq(end_take(&b, &hdr), HS_EV_TCP);
	end_take(&b, &dss);
	check_tcp(&b, HS_WHY_INFINITE, 25);
	cr_assert_eq(hs_join_open(&j, &b.c, &plan, 0), -ENOTCONN);
	cr_assert_eq(hs_prio(&b.c, true, NULL), -ENOTCONN);
}

Test(handshake, rule_27_checksum_other_than_agreed)
{
	for (unsigned int i = 0; i < 4; i++) {
		const bool version = i & 1, csum = i & 2;
		const struct hs_config cfg = {.versions = version ? HS_V1 : HS_V0,
					      .csum = csum ? HS_CSUM_REQUIRE : HS_CSUM_ACCEPT};
		struct mpnic_hdr hdr;
		struct end a, b;

		shake(&a, &b, &cfg, &cfg);
		talk(&a, &b);
		hdr = end_send(&a, HS_ACK, 100, 10);
		if (csum)
			hdr = WITH(&hdr, 30, 14, 0x20, MPNIC_DSS_M, 0, 0, 0, 1, 0, 0, 0, 101, 0,
				   10);
		else
			hdr = WITH(&hdr, 30, 16, 0x20, MPNIC_DSS_M, 0, 0, 0, 1, 0, 0, 0, 101, 0, 10,
				   9, 9);
		end_take(&b, &hdr);
		if (!version && !csum) {
			cr_assert_eq(b.c.state, HS_ESTABLISHED, "v0 ignores the field");
			continue;
		}
		cr_assert_eq(b.r.events, HS_EV_RESET);
		cr_assert_eq(b.c.why, HS_WHY_CSUM_PRESENCE);
		cr_assert_eq(hs_due(&b.c, 0), HS_RST);
		hdr = end_send(&b, HS_RST, 0, 0);
		if (version)
			cr_assert_eq(option(&hdr, MPNIC_SUBTYPE_MP_TCPRST)->tcprst.reason, 1);
		else
			cr_assert_eq(hdr.mptcp, 0);
		cr_assert_eq(hs_due(&b.c, 0), HS_NOTHING);
	}
}

Test(handshake, rule_30_data_ack_of_what_was_not_sent)
{
	struct mpnic_hdr hdr;
	struct end a, b;

	shake(&a, &b, &v1, &v1);
	hdr = end_send(&a, HS_ACK, 0, 100);
	end_take(&b, &hdr);
	hdr = end_send(&b, HS_ACK, 0, 0);
	hdr = WITH(&hdr, 30, 12, 0x20, MPNIC_DSS_A | MPNIC_DSS_a8, K8(a.c.own_idsn + 102));
	cr_assert_eq(end_take(&a, &hdr), HS_EV_IGNORED);
	cr_assert(a.r.why == HS_WHY_DATA_ACK && !a.c.confirmed);
	/* Of 4 octets, and the last byte. */
	hdr = WITH(&hdr, 30, 8, 0x20, MPNIC_DSS_A, K4(a.c.own_idsn + 101, 0));
	cr_assert_eq(end_take(&a, &hdr), HS_EV_CONFIRMED);
	cr_assert_eq(a.c.data_una, a.c.own_idsn + 101);
}

/* ---- addresses ------------------------------------------------------------------------------- */

static const struct hs_addr addr4 = {
	.addr = {.version = 4, .bytes = {10, 0, 2, 1}}, .port = 0, .id = 5};
static const struct hs_addr addr6 = {
	.addr = {.version = 6, .bytes = {0xfd, 1, [15] = 9}}, .port = 8080, .id = 200};

static void connected(struct end *a, struct end *b, const struct hs_config *cfg)
{
	shake(a, b, cfg, cfg);
	talk(a, b);
	cr_assert(a->c.confirmed && b->c.confirmed);
}

Test(handshake, add_addr_and_its_echo)
{
	const struct hs_addr *addrs[] = {&addr4, &addr6};

	for (unsigned int i = 0; i < 2; i++) {
		struct mpnic_hdr hdr;
		struct end a, b;

		connected(&a, &b, &v1);
		cr_assert_eq(hs_add_addr(&b.c, addrs[i], 0), 0);
		cr_assert_eq(hs_due(&b.c, 0), HS_ACK);
		hdr = end_send(&b, HS_ACK, 50, 0);
		cr_assert_eq(option(&hdr, MPNIC_SUBTYPE_ADD_ADDR)->length, i ? 30 : 16);
		cr_assert_eq(end_take(&a, &hdr), HS_EV_ADD_ADDR);
		cr_assert_eq(hs_due(&a.c, 0), HS_ACK);
		hdr = end_send(&a, HS_ACK, 100, 0);
		cr_assert_eq(option(&hdr, MPNIC_SUBTYPE_ADD_ADDR)->length, i ? 22 : 8);
		cr_assert_eq(end_take(&b, &hdr), HS_EV_ADD_ADDR_ECHO);
		cr_assert(hs_due(&a.c, 1000000) == HS_NOTHING &&
			  hs_due(&b.c, 1000000) == HS_NOTHING);
		/* An echo of what was not announced. */
		cr_assert_eq(end_take(&b, &hdr), HS_EV_IGNORED);
	}
}

Test(handshake, add_addr_is_repeated_without_an_echo)
{
	struct end a, b;
	unsigned int n = 0;

	connected(&a, &b, &v1);
	hs_add_addr(&b.c, &addr4, 0);
	for (; hs_deadline(&b.c) != HS_NEVER; n++) {
		b.now = hs_deadline(&b.c);
		cr_assert_eq(hs_due(&b.c, b.now), HS_ACK);
		cr_assert_eq(end_send(&b, HS_ACK, 50, 0).opt[0].subtype, MPNIC_SUBTYPE_ADD_ADDR);
	}
	cr_assert_eq(n, 1 + HS_REPEATS);
}

Test(handshake, add_addr_of_version_0_has_neither_hmac_nor_echo)
{
	struct mpnic_hdr hdr;
	struct end a, b;

	connected(&a, &b, &v0);
	hs_add_addr(&b.c, &addr6, 0);
	hdr = end_send(&b, HS_ACK, 50, 0);
	cr_assert_eq(hdr.opt[0].length, 22);
	cr_assert_eq(hdr.opt[0].flags, 6);
	cr_assert_eq(end_take(&a, &hdr), HS_EV_ADD_ADDR);
	cr_assert_eq(hs_due(&a.c, 1000000), HS_NOTHING);
	cr_assert_eq(hs_due(&b.c, 1000000), HS_NOTHING);
	/* The same length and address as a v1 echo: the connection's version tells. */
	hdr = WITH(&hdr, 30, 8, 0x34, 9, 10, 0, 0, 1);
	cr_assert_eq(end_take(&a, &hdr), HS_EV_ADD_ADDR);
}

/* Rule 30, and what some public captures have in the place of the HMAC. */
Test(handshake, rule_30_add_addr_with_a_bad_hmac)
{
	struct mpnic_hdr hdr;
	struct end a, b;
	/* By Python's hmac: leftmost 64 bits; no port bytes in the message; one bit off. */
	static const uint64_t right = 0x9b851e6f7d94ba71;
	static const uint64_t bad[] = {0x524c33c2bf7f956c, 0x461bfac1ff2686a6, right ^ 1};

	connected(&a, &b, &v1);
	for (unsigned int i = 0; i < 3; i++) {
		hdr = end_send(&b, HS_ACK, 50, 0);
		hdr = WITH(&hdr, 30, 16, 0x30, 5, 10, 0, 2, 1, K8(bad[i]));
		cr_assert_eq(end_take(&a, &hdr), HS_EV_IGNORED);
		cr_assert_eq(a.r.why, HS_WHY_ADD_ADDR_HMAC);
		cr_assert_eq(hs_due(&a.c, 0), HS_NOTHING);
		cr_assert_eq(a.r.accepted, 0);
	}
	hdr = WITH(&hdr, 30, 16, 0x30, 5, 10, 0, 2, 1, K8(right));
	cr_assert_eq(end_take(&a, &hdr), HS_EV_ADD_ADDR);
	/* Reserved bits are the receiver's to ignore (RFC 8684 3.4.1). */
	hdr = WITH(&hdr, 30, 16, 0x3e, 5, 10, 0, 2, 1, K8(right));
	cr_assert_eq(end_take(&a, &hdr), HS_EV_ADD_ADDR);
}

Test(handshake, rule_30_remove_addr)
{
	static const uint8_t ids[] = {5, 6, 200};
	struct mpnic_hdr hdr;
	struct end a, b;

	connected(&a, &b, &v1);
	hs_add_addr(&b.c, &addr4, 0);
	hdr = end_send(&b, HS_ACK, 50, 0);
	end_take(&a, &hdr);
	end_send(&a, HS_ACK, 100, 0);
	hs_add_addr(&b.c, &addr6, 0);
	hdr = end_send(&b, HS_ACK, 50, 0);
	end_take(&a, &hdr);
	end_send(&a, HS_ACK, 100, 0);
	cr_assert_eq(hs_remove_addr(&b.c, ids, 0), -EINVAL);
	cr_assert_eq(hs_remove_addr(&b.c, ids, HS_REMOVE_MAX + 1), -EINVAL);
	cr_assert_eq(hs_remove_addr(&b.c, ids, 3), 0);
	cr_assert_eq(hs_remove_addr(&b.c, ids, 3), -ENOSPC);
	cr_assert_eq(hs_due(&b.c, 0), HS_ACK);
	hdr = end_send(&b, HS_ACK, 50, 0);
	cr_assert_eq(option(&hdr, MPNIC_SUBTYPE_REMOVE_ADDR)->length, 6);
	/* Id 6 is not known. */
	cr_assert_eq(end_take(&a, &hdr), HS_EV_REMOVE_ADDR | HS_EV_IGNORED);
	cr_assert(a.r.removed[0] == 1u << 5 && a.r.removed[3] == 1u << 8);
	cr_assert_eq(a.r.why, HS_WHY_UNKNOWN_ID);
	/* What is removed is not announced any more. */
	cr_assert_eq(hs_due(&b.c, 1000000), HS_NOTHING);
	cr_assert_eq(end_take(&a, &hdr), HS_EV_IGNORED);
	/* Id 0 is the first subflow's, known without a word. */
	hdr = WITH(&hdr, 30, 4, 0x40, 0);
	cr_assert_eq(end_take(&a, &hdr), HS_EV_REMOVE_ADDR);
}

Test(handshake, mp_prio)
{
	static const uint8_t id = 7;
	struct mpnic_hdr hdr;
	struct end a, b;

	connected(&a, &b, &v1);
	cr_assert_eq(hs_prio(&a.c, true, &id), -EOPNOTSUPP);
	cr_assert_eq(hs_prio(&a.c, true, NULL), 0);
	hdr = end_send(&a, HS_ACK, 100, 0);
	cr_assert(hdr.opt[0].length == 3 && hdr.opt[0].flags == 1);
	cr_assert_eq(end_take(&b, &hdr), HS_EV_PRIO);
	cr_assert_eq(b.r.accepted, 1);
	/* With an id it is version 0's. */
	hdr = WITH(&hdr, 30, 4, 0x50, 7);
	cr_assert_eq(end_take(&b, &hdr), 0);
	connected(&a, &b, &v0);
	cr_assert_eq(hs_prio(&a.c, false, &id), 0);
	cr_assert_eq(hs_due(&a.c, 0), HS_ACK);
	hdr = end_send(&a, HS_ACK, 100, 0);
	cr_assert(hdr.opt[0].length == 4 && hdr.opt[0].addr_id == 7 && hdr.opt[0].flags == 0);
	cr_assert_eq(end_take(&b, &hdr), HS_EV_PRIO);
}

/* Four times on an ACK, then on a RST (RFC 8684 3.5); version 0's RST has nothing on it. */
Test(handshake, fastclose_until_a_rst_comes)
{
	for (unsigned int version = 0; version < 2; version++) {
		struct mpnic_hdr hdr;
		struct end a, b;
		unsigned int n = 0;

		connected(&a, &b, version ? &v1 : &v0);
		cr_assert_eq(hs_fastclose(&a.c, true, 0), version ? 0 : -EOPNOTSUPP);
		connected(&a, &b, version ? &v1 : &v0);
		cr_assert_eq(hs_fastclose(&a.c, false, 0), 0);
		cr_assert_eq(a.c.state, HS_FASTCLOSE_WAIT);
		while (hs_due(&a.c, a.now) == HS_ACK) {
			hdr = end_send(&a, HS_ACK, 100, 0);
			cr_assert_eq(
				option(&hdr, MPNIC_SUBTYPE_MP_FASTCLOSE)->fastclose.fastclose_key,
				KEY_B);
			a.now = hs_deadline(&a.c);
			n++;
		}
		cr_assert_eq(n, 1 + HS_REPEATS);
		cr_assert_eq(hs_due(&a.c, a.now), HS_RST);
		hdr = end_send(&a, HS_RST, 100, 0);
		cr_assert_eq(!!option(&hdr, MPNIC_SUBTYPE_MP_FASTCLOSE), version);
		cr_assert_eq(hs_deadline(&a.c), HS_NEVER);
	}
}

Test(handshake, fastclose_is_answered_with_a_rst)
{
	struct mpnic_hdr hdr, close;
	struct end a, b;

	connected(&a, &b, &v1);
	hs_fastclose(&a.c, false, 0);
	close = end_send(&a, HS_ACK, 100, 0);
	/* With another key it is nothing. */
	hdr = WITH(&close, 30, 12, 0x70, 0, K8(KEY_A));
	cr_assert_eq(end_take(&b, &hdr), HS_EV_IGNORED);
	cr_assert(b.r.why == HS_WHY_WRONG_KEY && b.c.state == HS_ESTABLISHED);
	cr_assert_eq(end_take(&b, &close), HS_EV_FASTCLOSE | HS_EV_RESET);
	cr_assert(b.c.state == HS_CLOSED && b.c.why == HS_WHY_FASTCLOSE);
	cr_assert_eq(hs_due(&b.c, 0), HS_RST);
	hdr = end_send(&b, HS_RST, 50, 0);
	cr_assert_eq(hdr.mptcp, 0);
	cr_assert_eq(end_take(&a, &hdr), HS_EV_RESET);
	cr_assert(a.c.state == HS_CLOSED && a.c.why == HS_WHY_FASTCLOSE);
	cr_assert_eq(hs_due(&a.c, 1000000), HS_NOTHING);
}

Test(handshake, fastclose_of_both_at_once)
{
	struct mpnic_hdr hdr, other;
	struct end a, b;

	connected(&a, &b, &v1);
	hs_fastclose(&a.c, false, 0);
	hs_fastclose(&b.c, false, 0);
	hdr = end_send(&a, HS_ACK, 100, 0);
	other = end_send(&b, HS_ACK, 50, 0);
	end_take(&b, &hdr);
	end_take(&a, &other);
	cr_assert(hs_due(&a.c, 0) == HS_RST && hs_due(&b.c, 0) == HS_RST);
	cr_assert_eq(end_send(&a, HS_RST, 100, 0).mptcp, 0);
}

Test(handshake, fastclose_on_a_rst)
{
	struct mpnic_hdr hdr;
	struct end a, b;

	connected(&a, &b, &v1);
	hs_fastclose(&a.c, true, 0);
	cr_assert_eq(hs_due(&a.c, 0), HS_RST);
	hdr = end_send(&a, HS_RST, 100, 0);
	cr_assert(option(&hdr, MPNIC_SUBTYPE_MP_FASTCLOSE));
	cr_assert_eq(end_take(&b, &hdr), HS_EV_FASTCLOSE | HS_EV_RESET);
	cr_assert_eq(hs_due(&b.c, 0), HS_NOTHING);
	/* Version 0 has no such form: a RST, no more. */
	connected(&a, &b, &v0);
	hdr = WITH(&hdr, 30, 12, 0x70, 0, K8(KEY_B));
	cr_assert_eq(end_take(&b, &hdr), HS_EV_RESET);
}

Test(handshake, a_rst_before_the_connection)
{
	struct mpnic_hdr hdr;
	struct end a;

	hdr = answer_to(&a, &v1);
	hdr.tcp_flags = RST | ACK;
	hdr.ack++;
	cr_assert_eq(end_take(&a, &hdr), HS_EV_IGNORED);
	hdr.ack--;
	cr_assert_eq(end_take(&a, &hdr), HS_EV_RESET);
	cr_assert(a.c.state == HS_CLOSED && a.c.why == HS_WHY_RST);
	cr_assert_eq(hs_due(&a.c, 1000000), HS_NOTHING);
}

/* Segments that mean nothing in a state are counted, and change nothing else. */
Test(handshake, what_means_nothing_changes_nothing)
{
	static const uint8_t flags[] = {SYN, SYN | ACK, ACK, RST, SYN | RST, 0};
	struct mpnic_hdr hdr = {.seq = 1, .ack = 1};
	struct end a, b;

	for (unsigned int i = 0; i < sizeof(flags); i++) {
		struct hs_conn was;

		hdr.tcp_flags = flags[i];
		end_open(&a, &v1);
		end_send(&a, HS_SYN, 0, 0);
		was = a.c;
		cr_assert_eq(end_take(&a, &hdr), HS_EV_IGNORED);
		was.ignored = a.c.ignored;
		cr_assert(!memcmp(&was, &a.c, sizeof(was)));
		if (flags[i] == SYN)
			continue;
		end_listen(&b, &v1);
		was = b.c;
		cr_assert_eq(end_take(&b, &hdr), HS_EV_IGNORED);
		was.ignored = b.c.ignored;
		cr_assert(!memcmp(&was, &b.c, sizeof(was)));
	}
}

Test(handshake, c_flag)
{
	const struct hs_config v1_c = {.versions = HS_V1, .no_join = true};
	const struct hs_config v0_c = {.versions = HS_V0, .no_join = true};
	struct mpnic_hdr hdr;
	struct end a, b;

	shake(&a, &b, &v1_c, &v1);
	cr_assert(b.c.peer_no_join && !a.c.peer_no_join);
	shake(&a, &b, &v1, &v1_c);
	cr_assert(a.c.peer_no_join && !b.c.peer_no_join);
	/* In version 0 it is a crypto bit. */
	end_open(&a, &v0_c);
	hdr = end_send(&a, HS_SYN, 0, 0);
	cr_assert_eq(option(&hdr, 0)->flags, H);
	OFFER(&b, &v0, 30, 12, 0, C | H, K8(KEY_A));
	cr_assert(b.c.offered && !b.c.peer_no_join);
}

Test(handshake, names)
{
	for (unsigned int i = 0; i < HS_WHYS; i++)
		cr_assert(hs_why_name(i) && hs_why_name(i)[0] != '?');
	cr_assert_str_eq(hs_why_name(HS_WHYS), "?");
	cr_assert_str_eq(hs_state_name(HS_THIRD), "third ACK sent");
	cr_assert_str_eq(hs_state_name(HS_FASTCLOSE_WAIT + 1), "?");
	cr_assert_eq(hs_why_rule(HS_WHYS), 0);
}

/* In order nothing has been overtaken: a DSS does not stand for MP_CAPABLE there. */
Test(handshake, rule_3_dss_in_the_third_packet)
{
	const struct hs_config *cfgs[] = {&v0, &v1};

	for (unsigned int i = 0; i < 2; i++) {
		struct mpnic_hdr hdr;
		struct end a, b;

		end_open(&a, cfgs[i]);
		end_listen(&b, cfgs[i]);
		hdr = end_send(&a, HS_SYN, 0, 0);
		end_take(&b, &hdr);
		hdr = end_send(&b, HS_SYNACK, 0, 0);
		end_take(&a, &hdr);
		hdr = end_send(&a, HS_ACK, 0, 0);
		hdr = WITH(&hdr, 30, 8, 0x20, MPNIC_DSS_A, 0, 0, 0, 1);
		end_take(&b, &hdr);
		check_tcp(&b, HS_WHY_THIRD_ABSENT, 3);
	}
}

/* What was mapped before is closed: the other end may have taken it. */
Test(handshake, rule_15_bare_first_data_after_own_mappings)
{
	struct mpnic_hdr hdr, bare;
	struct end a, b;

	shake(&a, &b, &v1_csum, &v1);
	hdr = end_send(&a, HS_ACK, 0, 100);
	end_take(&b, &hdr);
	bare = end_send(&b, HS_ACK, 0, 100);
	bare = without_options(&bare);
	bare.ack = ISN_A + 1;
	cr_assert_eq(end_take(&a, &bare), HS_EV_TCP);
	cr_assert_eq(a.c.why, HS_WHY_FIRST_DATA_BARE);
	check_infinite(&a, a.c.own_idsn + 1);
}

/* A caller without room gets nothing, and is not asked for ever. */
Test(handshake, without_room)
{
	struct hs_segment s = {.room = 3};
	struct mpnic_hdr hdr;
	struct hs_out out;
	struct end a, b;

	end_open(&a, &v1);
	s.kind = HS_SYN;
	cr_assert_eq(hs_send(&a.c, &s, 0, &out), -ENOSPC);
	cr_assert_eq(hs_due(&a.c, 0), HS_NOTHING);
	OFFER(&b, &v1, 30, 4, 1, H);
	s.kind = HS_SYNACK;
	cr_assert_eq(hs_send(&b.c, &s, 0, &out), -ENOSPC);
	cr_assert_eq(hs_due(&b.c, 0), HS_NOTHING);
	shake(&a, &b, &v1, &v1);
	s.kind = HS_ACK;
	cr_assert_eq(hs_send(&a.c, &s, 0, &out), -ENOSPC);
	s.len = 10;
	s.ssn = 1;
	cr_assert_eq(hs_send(&a.c, &s, 0, &out), -ENOSPC);
	s.len = 0;
	/* An echo, which the peer asks for again. */
	connected(&a, &b, &v1);
	hs_add_addr(&b.c, &addr4, 0);
	hs_remove_addr(&a.c, (const uint8_t[]){1}, 1);
	hdr = end_send(&b, HS_ACK, 50, 0);
	end_take(&a, &hdr);
	cr_assert_eq(hs_send(&a.c, &s, 0, &out), 0);
	cr_assert(out.count == 0 && a.c.echoes_lost == 1);
	cr_assert_eq(hs_due(&a.c, 0), HS_NOTHING);
	s.room = 4;
	hs_prio(&a.c, true, NULL);
	hs_remove_addr(&a.c, (const uint8_t[]){1}, 1);
	cr_assert_eq(hs_send(&a.c, &s, 0, &out), 0);
	cr_assert(out.count == 1 && out.opt[0].opt.subtype == MPNIC_SUBTYPE_REMOVE_ADDR);
	cr_assert_eq(hs_due(&a.c, 0), HS_ACK);
	cr_assert_eq(hs_send(&a.c, &s, 0, &out), 0);
	cr_assert(out.count == 1 && out.opt[0].opt.subtype == MPNIC_SUBTYPE_MP_PRIO);
	cr_assert_eq(hs_due(&a.c, 0), HS_NOTHING);
}

Test(handshake, what_a_state_does_not_send)
{
	const struct hs_segment syn = {.kind = HS_SYN, .room = 40};
	const struct hs_segment synack = {.kind = HS_SYNACK, .room = 40};
	const struct hs_segment ack = {.kind = HS_ACK, .room = 40};
	static const uint8_t id = 1;
	struct hs_out out;
	struct end a, b;

	end_open(&a, &v1);
	cr_assert_eq(hs_send(&a.c, &synack, 0, &out), -EINVAL);
	cr_assert_eq(hs_send(&a.c, &ack, 0, &out), -EINVAL);
	cr_assert_eq(hs_add_addr(&a.c, &addr4, 0), -ENOTCONN);
	cr_assert_eq(hs_remove_addr(&a.c, &id, 1), -ENOTCONN);
	cr_assert_eq(hs_prio(&a.c, true, NULL), -ENOTCONN);
	cr_assert_eq(hs_fastclose(&a.c, false, 0), -ENOTCONN);
	cr_assert_eq(hs_fail(&a.c, 0, 0), -ENOTCONN);
	shake(&a, &b, &v1, &v1);
	cr_assert_eq(hs_send(&a.c, &syn, 0, &out), -EINVAL);
	talk(&a, &b);
	/* Nobody has agreed on checksums, so none can be wrong. */
	cr_assert_eq(hs_fail(&a.c, 0, 0), -EOPNOTSUPP);
	cr_assert_eq(hs_prio(&a.c, true, NULL), 0);
	cr_assert_eq(hs_prio(&a.c, true, NULL), -ENOSPC);
	for (unsigned int i = 0; i <= HS_ANNOUNCE_MAX; i++)
		cr_assert_eq(hs_add_addr(&a.c, &addr4, 0), i < HS_ANNOUNCE_MAX ? 0 : -ENOSPC);
}

/* More addresses at once than echoes are kept for. */
Test(handshake, echoes_are_bounded)
{
	struct mpnic_hdr hdr;
	struct end a, b;

	connected(&a, &b, &v1);
	hs_add_addr(&b.c, &addr4, 0);
	hdr = end_send(&b, HS_ACK, 50, 0);
	for (unsigned int i = 0; i < HS_ECHO_MAX + 2; i++)
		cr_assert_eq(end_take(&a, &hdr), HS_EV_ADD_ADDR);
	cr_assert_eq(a.c.echoes_lost, 2);
	/* As many as fit beside each other: 8 bytes each in 30. */
	hdr = end_send(&a, HS_ACK, 100, 0);
	cr_assert(hdr.mptcp_count == 3 && hdr.opt[2].subtype == MPNIC_SUBTYPE_ADD_ADDR);
	hdr = end_send(&a, HS_ACK, 100, 0);
	cr_assert(hdr.mptcp_count == 2 && hdr.opt[1].subtype == MPNIC_SUBTYPE_DSS);
}

/* Behind the fallback addresses and priorities are nothing any more. */
Test(handshake, rule_26_control_options_after_the_fallback)
{
	static const uint8_t none[4];
	struct mpnic_hdr hdr;
	struct end a, b;

	shake(&a, &b, &v1_csum, &v1);
	talk(&a, &b);
	hs_fail(&a.c, b.c.own_idsn + 51, 0);
	hdr = end_send(&b, HS_ACK, 50, 0);
	hdr = WITH(&hdr, 30, 4, 0x40, 0, 30, 3, 0x51, 30, 12, 0x70, 0, K8(KEY_A));
	cr_assert_eq(end_take(&a, &hdr), 0);
	cr_assert(a.c.state == HS_TCP && a.r.accepted == 0 && a.r.removed[0] == none[0]);
}

/* A SYN/ACK of somebody else in an open connection. */
Test(handshake, a_strange_synack_is_ignored)
{
	struct mpnic_hdr hdr = {.tcp_flags = SYN | ACK, .seq = ISN_B + 1, .ack = ISN_A + 1};
	struct end a, b;

	shake(&a, &b, &v1, &v1);
	cr_assert_eq(end_take(&a, &hdr), HS_EV_IGNORED);
	cr_assert_eq(hs_due(&a.c, 0), HS_NOTHING);
	hdr = (struct mpnic_hdr){.tcp_flags = ACK, .seq = ISN_A, .ack = ISN_B + 1};
	end_listen(&b, &v1);
	hdr.tcp_flags = SYN;
	end_take(&b, &hdr);
	hdr.tcp_flags = ACK;
	cr_assert_eq(end_take(&b, &hdr), HS_EV_IGNORED, "before its window");
}

/* Linux announces addresses right behind the third ACK. The HMAC says that the key has arrived. */
Test(handshake, add_addr_before_any_dss)
{
	struct mpnic_hdr hdr;
	struct end a, b;

	shake(&a, &b, &v1, &v1);
	hs_add_addr(&b.c, &addr4, 0);
	hdr = end_send(&b, HS_ACK, 0, 0);
	hdr = with_options(&hdr, hdr.opts + hdr.opt[0].offset, hdr.opt[0].length);
	cr_assert(hdr.mptcp_count == 1 && option(&hdr, MPNIC_SUBTYPE_ADD_ADDR));
	cr_assert_eq(end_take(&a, &hdr), HS_EV_ADD_ADDR);
	cr_assert_eq(a.c.state, HS_THIRD);
	cr_assert_eq(hs_due(&a.c, 0), HS_ACK);
	hdr = end_send(&a, HS_ACK, 0, 0);
	cr_assert(option(&hdr, MPNIC_SUBTYPE_ADD_ADDR) && !option(&hdr, 0));
	cr_assert_eq(end_take(&b, &hdr), HS_EV_ADD_ADDR_ECHO | HS_EV_CONFIRMED);
	cr_assert_eq(hs_deadline(&a.c), HS_NEVER);
	/* First data has it all the same. */
	hdr = end_send(&a, HS_ACK, 0, 10);
	cr_assert_eq(option(&hdr, 0)->length, 22);
	/* Version 0's shows nothing: anybody may send it. */
	shake(&a, &b, &v0, &v0);
	hdr = end_send(&b, HS_ACK, 0, 0);
	hdr = WITH(&hdr, 30, 8, 0x34, 9, 10, 0, 0, 1);
	cr_assert_eq(end_take(&a, &hdr), HS_EV_ADD_ADDR);
	cr_assert_neq(hs_deadline(&a.c), HS_NEVER);
	hdr = end_send(&a, HS_ACK, 0, 0);
	cr_assert_eq(option(&hdr, 0)->length, 20);
	/* One with a wrong HMAC neither. */
	shake(&a, &b, &v1, &v1);
	hdr = end_send(&b, HS_ACK, 0, 0);
	hdr = WITH(&hdr, 30, 16, 0x30, 5, 10, 0, 2, 1, K8(7));
	end_take(&a, &hdr);
	cr_assert_neq(hs_deadline(&a.c), HS_NEVER);
	hdr = end_send(&a, HS_ACK, 0, 0);
	cr_assert_eq(option(&hdr, 0)->length, 20);
}
