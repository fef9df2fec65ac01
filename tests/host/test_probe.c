/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions to peers: what is sent, when, to whom, and what an answer means. */
#define _GNU_SOURCE /* memmem */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "build.h"
#include "mpnic_model.h"
#include "probe.h"

#define MS  1000000ull
#define S   1000000000ull
#define DAY 1700000000u /* some second since 1970 */

static struct probe_now at(uint64_t ns)
{
	return (struct probe_now){.ns = ns, .s = DAY + ns / S};
}

static struct policy_rules allowing(void)
{
	struct policy_rules rules = {0};

	for (unsigned int s = 0; s < POLICY_SETTINGS; s++)
		rules.value[s] = policy_settings[s].initial;
	return rules;
}

static struct probe *create(const struct probe_config *config)
{
	struct probe *probe;
	const char *wrong;

	cr_assert_eq(probe_create(config, 1, &probe, &wrong), 0);
	return probe;
}

static struct probe *usual(void)
{
	const struct probe_config config = PROBE_CONFIG_DEFAULT;

	return create(&config);
}

static struct probe_ask ask_of(unsigned int host, unsigned int version)
{
	struct probe_ask ask = {.mss = 1460,
				.questions = POLICY_ASK_V1 | POLICY_ASK_V0,
				.handshake_s = DAY,
				.tag = host};

	ask.peer.network = 3;
	ask.peer.port = 443;
	ask.peer.addr.version = version;
	ask.from.version = version;
	ask.from.bytes[0] = 10;
	put32(ask.peer.addr.bytes, 0xc0000200 + host);
	return ask;
}

static const struct probe_random numbers = {
	.isn = {0xfffffffe, 0x20000000}, .key = {0x1111, 0x0123456789abcdef}, .port = {7, 7}};

static enum probe_start begin(struct probe *probe, const struct probe_ask *ask, uint64_t ns)
{
	const struct policy_rules rules = allowing();

	return probe_start(probe, ask, &rules, &numbers, at(ns));
}

static bool syn(struct probe *probe, uint64_t ns, struct probe_packet *packet)
{
	return probe_next(probe, at(ns), packet);
}

/* What comes back to @packet; a test then changes what it is about. */
static void reply_to(const struct probe_packet *packet, uint8_t flags, const uint8_t *opts,
		     size_t opt_len, struct frame *frame)
{
	const struct spec spec = {.ip = packet->src.version,
				  .proto = 6,
				  .tcp_flags = flags,
				  .opts = opts,
				  .opt_len = opt_len};
	const bool v4 = packet->src.version == 4;
	uint8_t *l4;

	build(&spec, frame);
	l4 = frame->bytes + frame->l4;
	memcpy(frame->bytes + frame->l3 + (v4 ? 12 : 8), packet->dst.bytes, v4 ? 4 : 16);
	memcpy(frame->bytes + frame->l3 + (v4 ? 16 : 24), packet->src.bytes, v4 ? 4 : 16);
	put16(l4, packet->dport);
	put16(l4 + 2, packet->sport);
	put32(l4 + 4, 5000);
	put32(l4 + 8, packet->seq + 1);
}

static enum probe_input give(struct probe *probe, struct frame *frame, uint8_t network, uint64_t ns,
			     struct probe_packet *rst)
{
	struct mpnic_csum csum;
	struct mpnic_hdr hdr;

	if (frame->bytes[12] == 8)
		fix_ip_csum(frame);
	fix_l4_csum(frame, 6);
	mpnic_packet(frame->bytes, frame->len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &hdr, &csum);
	return probe_input(probe, &hdr, &csum, network, at(ns), rst);
}

static enum probe_input answer(struct probe *probe, const struct probe_packet *packet,
			       uint8_t flags, const uint8_t *opts, size_t opt_len, uint64_t ns,
			       struct probe_packet *rst)
{
	static struct frame frame;

	reply_to(packet, flags, opts, opt_len, &frame);
	return give(probe, &frame, packet->network, ns, rst);
}

#define SYNACK	  (SYN | ACK)
#define OPTS(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})
#define KEY	  1, 2, 3, 4, 5, 6, 7, 8
#define V1_SYNACK 30, 12, 0x01, 0x01, KEY
#define V0_SYNACK 30, 12, 0x00, 0x01, KEY

/* One question, @opts in the SYN/ACK: what is seen? */
static enum sight_what seen(uint8_t question, const uint8_t *opts, size_t opt_len)
{
	struct probe *probe = usual();
	struct probe_ask ask = ask_of(1, 4);
	struct probe_packet packet, rst;
	struct probe_report report;

	ask.questions = question;
	cr_assert_eq(begin(probe, &ask, S), PROBE_TAKEN);
	cr_assert(syn(probe, S, &packet));
	cr_assert_eq(answer(probe, &packet, SYNACK, opts, opt_len, S + 5 * MS, &rst), PROBE_ANSWER);
	cr_assert(probe_report(probe, &report));
	cr_assert_eq(report.sights, 1);
	cr_assert_not(probe_report(probe, &report), "each report once");
	probe_destroy(probe);
	return report.sight[0].what;
}

#define seen_v1(...) seen(POLICY_ASK_V1, OPTS(__VA_ARGS__))
#define seen_v0(...) seen(POLICY_ASK_V0, OPTS(__VA_ARGS__))
#define NOTHING	     1, 1, 1, 1

static void check_packet(const struct probe_packet *packet, const struct probe_ask *ask)
{
	cr_assert_eq(packet->tcp_flags, SYN);
	cr_assert_eq(packet->network, 3);
	cr_assert_eq(memcmp(&packet->dst, &ask->peer.addr, sizeof(packet->dst)), 0);
	cr_assert_eq(memcmp(&packet->src, &ask->from, sizeof(packet->src)), 0);
	cr_assert_eq(packet->dport, 443);
	cr_assert(packet->sport >= 61000 && packet->sport <= 61255, "a reserved port");
	cr_assert_eq(packet->ack, 0);
	cr_assert_eq(packet->mss, 1460);
	cr_assert_gt(packet->window, 0);
}

/* What goes out is right to the decoder: a SYN of that version, without an error. */
static void check_syn(const struct probe_packet *packet, unsigned int version)
{
	struct mpnic_hdr hdr;

	cr_assert_eq(mpnic_decode_options(packet->opts, packet->opt_len, SYN, 0,
					  MPNIC_GIVEN_UNKNOWN, &hdr),
		     0);
	cr_assert_eq(hdr.mptcp_count, 1);
	cr_assert_eq(hdr.opt[0].subtype, MPNIC_SUBTYPE_MP_CAPABLE);
	cr_assert_eq(hdr.opt[0].error, MPNIC_OPT_ERROR_NONE);
	cr_assert_eq(hdr.opt[0].version, version);
	cr_assert_eq(hdr.opt[0].flags, MPNIC_CAPABLE_H);
	if (!version)
		cr_assert_eq(hdr.opt[0].capable.sender_key, numbers.key[1]);
}

Test(probe, one_syn_for_each_question_answered_with_a_rst)
{
	for (unsigned int version = 4; version <= 6; version += 2) {
		struct probe *probe = usual();
		const struct probe_ask ask = ask_of(1, version);
		struct probe_packet one, two, rst;
		struct probe_report report;

		cr_assert_eq(begin(probe, &ask, S), PROBE_TAKEN);
		cr_assert(syn(probe, S, &one));
		cr_assert_not(syn(probe, S, &two), "one at a time");
		check_packet(&one, &ask);
		check_syn(&one, 1);
		cr_assert_eq(one.seq, numbers.isn[0]);
		cr_assert_eq(answer(probe, &one, SYNACK, OPTS(NOTHING), S + 20 * MS, &rst),
			     PROBE_ANSWER);
		cr_assert_eq(rst.tcp_flags, RST);
		cr_assert_eq(rst.seq, 0xffffffff, "SEQ = SEG.ACK");
		cr_assert_eq(rst.sport, one.sport);
		cr_assert_eq(rst.dport, 443);
		cr_assert_eq(rst.opt_len, 0);
		cr_assert_eq(memcmp(&rst.dst, &one.dst, sizeof(rst.dst)), 0);

		cr_assert(syn(probe, S + 20 * MS, &two));
		check_packet(&two, &ask);
		check_syn(&two, 0);
		cr_assert_neq(two.sport, one.sport);
		cr_assert_eq(two.seq, numbers.isn[1]);
		cr_assert_eq(answer(probe, &two, SYNACK, OPTS(V0_SYNACK), S + 50 * MS, &rst),
			     PROBE_ANSWER);
		cr_assert(probe_report(probe, &report));
		cr_assert_eq(report.tag, 1);
		cr_assert_eq(report.sights, 2);
		cr_assert_eq(report.sight[0].what, SIGHT_PROBE_ABSENT_V1);
		cr_assert_eq(report.sight[0].offer, SIGHT_OFFER_V1);
		cr_assert_eq(report.sight[1].what, SIGHT_PROBE_V0);
		cr_assert_eq(report.sight[1].offer, SIGHT_OFFER_V0);
		cr_assert_eq(report.sight[1].began_s, DAY + 1);
		cr_assert_eq(memcmp(&report.sight[0].peer, &ask.peer, sizeof(ask.peer)), 0,
			     "the exact peer, never a prefix");
		cr_assert_eq(report.question[0].rtt_ns, 20 * MS);
		cr_assert_eq(report.question[1].rtt_ns, 30 * MS);
		cr_assert_not(report.question[1].rtt_unsure);
		cr_assert(report.question[1].capable);
		cr_assert_eq(report.question[1].capable_version, 0);
		cr_assert_eq(report.question[1].capable_flags, 1);
		cr_assert_eq(report.question[1].capable_length, 12);
		cr_assert_not(report.question[0].capable);
		cr_assert_eq(report.question[0].tcp_flags, SYNACK);
		cr_assert_eq(probe_counts(probe)->syns, 2);
		cr_assert_eq(probe_counts(probe)->rsts, 2);
		cr_assert_eq(probe_counts(probe)->answers, 2);
		probe_destroy(probe);
	}
}

Test(probe, keys_are_in_no_report)
{
	struct probe *probe = usual();
	const struct probe_ask ask = ask_of(1, 4);
	struct probe_packet packet, rst;
	struct probe_report report;
	const uint8_t theirs[] = {KEY}, other[] = {8, 7, 6, 5, 4, 3, 2, 1};

	begin(probe, &ask, S);
	syn(probe, S, &packet);
	answer(probe, &packet, SYNACK, OPTS(NOTHING), S, &rst);
	syn(probe, S, &packet);
	answer(probe, &packet, SYNACK, OPTS(V0_SYNACK), S, &rst);
	cr_assert(probe_report(probe, &report));
	cr_assert_null(memmem(&report, sizeof(report), &numbers.key[1], 8));
	cr_assert_null(memmem(&report, sizeof(report), theirs, 8));
	cr_assert_null(memmem(&report, sizeof(report), other, 8));
	probe_destroy(probe);
}

Test(probe, rule_5_version_of_the_answer)
{
	cr_assert_eq(seen_v1(V1_SYNACK), SIGHT_PROBE_V1);
	cr_assert_eq(seen_v0(V0_SYNACK), SIGHT_PROBE_V0);
	cr_assert_eq(seen_v0(V1_SYNACK), SIGHT_MALFORMED, "not above what was offered");
	cr_assert_eq(seen_v1(30, 12, 0x02, 0x01, KEY), SIGHT_MALFORMED);
}

Test(probe, rule_6_strict_v0_listener_is_asked_again)
{
	cr_assert_eq(seen_v1(NOTHING), SIGHT_PROBE_ABSENT_V1);
	cr_assert_eq(seen_v0(NOTHING), SIGHT_PROBE_ABSENT_V0);
	cr_assert_eq(seen(POLICY_ASK_V1, NULL, 0), SIGHT_PROBE_ABSENT_V1, "no option at all");
}

Test(probe, rule_7_answer_of_version_0_to_the_question_for_v1_answers_both)
{
	struct probe *probe = usual();
	struct probe_ask ask = ask_of(1, 4);
	struct probe_packet packet, rst;
	struct probe_report report;

	ask.all = true;
	begin(probe, &ask, S);
	syn(probe, S, &packet);
	answer(probe, &packet, SYNACK, OPTS(V0_SYNACK), S, &rst);
	cr_assert_not(syn(probe, S, &packet), "there is nothing more to ask");
	cr_assert(probe_report(probe, &report));
	cr_assert_eq(report.sights, 1);
	cr_assert_eq(report.sight[0].what, SIGHT_PROBE_V0);
	cr_assert_eq(report.sight[0].offer, SIGHT_OFFER_V1);
	probe_destroy(probe);
}

Test(probe, rule_8_b_bit_in_the_answer_is_ignored_with_its_option)
{
	cr_assert_eq(seen_v1(30, 12, 0x01, 0x41, KEY), SIGHT_PROBE_ABSENT_V1);
	cr_assert_eq(seen_v0(30, 12, 0x00, 0x41, KEY), SIGHT_PROBE_ABSENT_V0);
	cr_assert_eq(seen_v1(30, 4, 0x01, 0x41), SIGHT_PROBE_ABSENT_V1, "B may change the length");
}

Test(probe, rule_9_no_crypto_bit_is_ignored_another_one_is_no_answer)
{
	cr_assert_eq(seen_v1(30, 12, 0x01, 0x00, KEY), SIGHT_PROBE_ABSENT_V1);
	cr_assert_eq(seen_v1(30, 12, 0x01, 0x20, KEY), SIGHT_PROBE_ABSENT_V1, "C is no crypto bit");
	cr_assert_eq(seen_v0(30, 12, 0x00, 0x00, KEY), SIGHT_PROBE_ABSENT_V0);
	cr_assert_eq(seen_v1(30, 12, 0x01, 0x02, KEY), SIGHT_MALFORMED, "we proposed H alone");
	cr_assert_eq(seen_v0(30, 12, 0x00, 0x20, KEY), SIGHT_MALFORMED);
	cr_assert_eq(seen_v1(30, 12, 0x01, 0xa1, KEY), SIGHT_PROBE_V1, "A and C are its business");
}

Test(probe, rule_13_wrong_length_or_form)
{
	cr_assert_eq(seen_v1(30, 20, 0x01, 0x01, KEY, KEY), SIGHT_MALFORMED);
	cr_assert_eq(seen_v1(30, 4, 0x01, 0x81), SIGHT_MALFORMED);
	cr_assert_eq(seen_v1(30, 40, 0x01, 0x01), SIGHT_MALFORMED, "beyond the header");
}

Test(probe, echo_of_our_own_option_or_key)
{
	cr_assert_eq(seen_v1(30, 4, 0x01, 0x01), SIGHT_ECHO);
	cr_assert_eq(seen_v0(30, 12, 0x00, 0x01, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef),
		     SIGHT_ECHO);
	cr_assert_eq(seen_v0(30, 12, 0x00, 0x81, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef),
		     SIGHT_ECHO, "the key, if not the flags");
	/* In version 1 the key is not in our SYN: an equal one is chance. */
	cr_assert_eq(seen_v1(30, 12, 0x01, 0x01, 0, 0, 0, 0, 0, 0, 0x11, 0x11), SIGHT_PROBE_V1);
}

Test(probe, v1_is_enough_unless_all_is_asked_for)
{
	for (unsigned int all = 0; all < 2; all++) {
		struct probe *probe = usual();
		struct probe_ask ask = ask_of(1, 4);
		struct probe_packet packet, rst;

		ask.all = all;
		begin(probe, &ask, S);
		syn(probe, S, &packet);
		answer(probe, &packet, SYNACK, OPTS(V1_SYNACK), S, &rst);
		cr_assert_eq(syn(probe, S, &packet), all);
		if (all)
			check_syn(&packet, 0);
		probe_destroy(probe);
	}
}

Test(probe, rst_is_a_closed_port)
{
	struct probe *probe = usual();
	struct probe_ask ask = ask_of(1, 4);
	struct probe_packet packet, rst;
	struct probe_report report;

	ask.all = true;
	begin(probe, &ask, S);
	syn(probe, S, &packet);
	cr_assert_eq(answer(probe, &packet, RST, NULL, 0, S, &rst), PROBE_CONSUMED);
	cr_assert_not(probe_report(probe, &report), "a RST without ACK answers no SYN");
	cr_assert_eq(answer(probe, &packet, RST | ACK, NULL, 0, S, &rst), PROBE_CONSUMED);
	cr_assert(probe_report(probe, &report));
	cr_assert_eq(report.sight[0].what, SIGHT_RESET);
	cr_assert_not(syn(probe, S, &packet));
	probe_destroy(probe);
}

Test(probe, silence_is_repeated_once_then_lost)
{
	struct probe *probe = usual();
	struct probe_ask ask = ask_of(1, 4);
	struct probe_packet packet, again;
	struct probe_report report;

	begin(probe, &ask, S);
	cr_assert_eq(probe_deadline(probe), S);
	syn(probe, S, &packet);
	cr_assert_eq(probe_deadline(probe), 2 * S);
	cr_assert_not(syn(probe, 2 * S - 1, &again));
	cr_assert(syn(probe, 2 * S, &again));
	cr_assert_eq(memcmp(&again, &packet, sizeof(packet)), 0, "a retransmission");
	cr_assert_eq(probe_deadline(probe), 3 * S);
	cr_assert_not(probe_report(probe, &report));
	cr_assert_not(syn(probe, 3 * S, &again), "v0 is not asked of silence");
	cr_assert_eq(probe_deadline(probe), UINT64_MAX);
	cr_assert(probe_report(probe, &report));
	cr_assert_eq(report.sights, 1);
	cr_assert_eq(report.sight[0].what, SIGHT_PROBE_LOST);
	cr_assert_eq(report.question[0].asked, 2);
	cr_assert_eq(report.question[0].rtt_ns, 0);
	cr_assert_eq(report.question[1].asked, 0);
	cr_assert_eq(report.question[1].what, SIGHTS);
	cr_assert_eq(probe_counts(probe)->lost, 1);
	probe_destroy(probe);
}

Test(probe, answer_after_a_repetition_is_of_unsure_round_trip)
{
	struct probe *probe = usual();
	struct probe_ask ask = ask_of(1, 4);
	struct probe_packet packet, rst;
	struct probe_report report;

	begin(probe, &ask, S);
	syn(probe, S, &packet);
	syn(probe, 2 * S, &packet);
	answer(probe, &packet, SYNACK, OPTS(V1_SYNACK), 2 * S + MS, &rst);
	cr_assert(probe_report(probe, &report));
	cr_assert(report.question[0].rtt_unsure);
	cr_assert_eq(report.question[0].rtt_ns, MS);
	probe_destroy(probe);
}

Test(probe, late_and_repeated_answers_get_a_rst_and_change_nothing)
{
	struct probe *probe = usual();
	struct probe_ask ask = ask_of(1, 4);
	struct probe_packet packet, rst;
	struct probe_report report;

	ask.questions = POLICY_ASK_V1;
	begin(probe, &ask, S);
	syn(probe, S, &packet);
	answer(probe, &packet, SYNACK, OPTS(V1_SYNACK), S, &rst);
	cr_assert(probe_report(probe, &report));
	for (unsigned int i = 0; i < 7; i++)
		cr_assert_eq(answer(probe, &packet, SYNACK, OPTS(NOTHING), S + MS, &rst),
			     PROBE_ANSWER);
	cr_assert_eq(answer(probe, &packet, SYNACK, OPTS(NOTHING), S + MS, &rst), PROBE_CONSUMED,
		     "no more than that");
	cr_assert_not(probe_report(probe, &report));
	cr_assert_eq(probe_counts(probe)->answers, 1);
	cr_assert_eq(probe_counts(probe)->rsts, 8);
	probe_destroy(probe);
}

/* What an off-path attacker, another host or a bit error sends is no answer. */
Test(probe, only_the_right_packet_is_an_answer)
{
	struct probe *probe = usual();
	const struct probe_ask ask = ask_of(1, 4);
	struct probe_packet packet, rst;
	struct probe_report report;
	struct mpnic_csum csum;
	struct mpnic_hdr hdr;
	struct frame frame;

	begin(probe, &ask, S);
	syn(probe, S, &packet);
	for (unsigned int bit = 0; bit < 32; bit++) {
		reply_to(&packet, SYNACK, OPTS(V1_SYNACK), &frame);
		put32(frame.bytes + frame.l4 + 8, (packet.seq + 1) ^ 1u << bit);
		cr_assert_eq(give(probe, &frame, 3, S, &rst), PROBE_CONSUMED);
	}
	reply_to(&packet, SYNACK, OPTS(V1_SYNACK), &frame);
	put16(frame.bytes + frame.l4, 444);
	cr_assert_eq(give(probe, &frame, 3, S, &rst), PROBE_CONSUMED);
	reply_to(&packet, SYNACK, OPTS(V1_SYNACK), &frame);
	put16(frame.bytes + frame.l4 + 2, packet.sport + 1);
	cr_assert_eq(give(probe, &frame, 3, S, &rst), PROBE_CONSUMED);
	put16(frame.bytes + frame.l4 + 2, 60999);
	cr_assert_eq(give(probe, &frame, 3, S, &rst), PROBE_NOT_OURS);
	put16(frame.bytes + frame.l4 + 2, 61256);
	cr_assert_eq(give(probe, &frame, 3, S, &rst), PROBE_NOT_OURS);
	reply_to(&packet, SYNACK, OPTS(V1_SYNACK), &frame);
	frame.bytes[frame.l3 + 15] ^= 1; /* source */
	cr_assert_eq(give(probe, &frame, 3, S, &rst), PROBE_CONSUMED);
	reply_to(&packet, SYNACK, OPTS(V1_SYNACK), &frame);
	frame.bytes[frame.l3 + 19] ^= 1; /* destination */
	cr_assert_eq(give(probe, &frame, 3, S, &rst), PROBE_CONSUMED);
	reply_to(&packet, SYNACK, OPTS(V1_SYNACK), &frame);
	cr_assert_eq(give(probe, &frame, 4, S, &rst), PROBE_CONSUMED, "of another network");
	for (unsigned int flags = 0; flags < 32; flags++) {
		if (flags == SYNACK || flags == (SYNACK | PSH) || (flags & ~PSH) == (RST | ACK))
			continue;
		cr_assert_eq(answer(probe, &packet, flags, OPTS(V1_SYNACK), S, &rst),
			     PROBE_CONSUMED);
	}
	reply_to(&packet, SYNACK, OPTS(V1_SYNACK), &frame);
	fix_ip_csum(&frame);
	fix_l4_csum(&frame, 6);
	frame.bytes[frame.l4 + 14] ^= 1;
	mpnic_packet(frame.bytes, frame.len, 2, &hdr, &csum);
	cr_assert_eq(probe_input(probe, &hdr, &csum, 3, at(S), &rst), PROBE_CONSUMED);
	cr_assert_not(probe_report(probe, &report));
	cr_assert_eq(probe_counts(probe)->answers, 0);
	cr_assert_eq(answer(probe, &packet, SYNACK, OPTS(V1_SYNACK), S, &rst), PROBE_ANSWER);
	cr_assert(probe_report(probe, &report));
	probe_destroy(probe);
}

Test(probe, only_peers_with_which_a_handshake_was_completed)
{
	struct probe *probe = usual();
	struct probe_ask ask = ask_of(1, 4);

	ask.handshake_s = 0;
	cr_assert_eq(begin(probe, &ask, S), PROBE_NO_HANDSHAKE);
	ask.handshake_s = DAY + 1 - 7 * 86400 - 1;
	cr_assert_eq(begin(probe, &ask, S), PROBE_NO_HANDSHAKE);
	ask.handshake_s++;
	cr_assert_eq(begin(probe, &ask, S), PROBE_TAKEN);
	ask = ask_of(2, 4);
	ask.handshake_s = DAY + 1000; /* the clock was set back */
	cr_assert_eq(begin(probe, &ask, S), PROBE_TAKEN);
	cr_assert_eq(probe_counts(probe)->starts[PROBE_NO_HANDSHAKE], 2);
	probe_destroy(probe);
}

/* A peer as a client has no port; and nothing that comes in makes the engine ask. */
Test(probe, never_because_of_an_inbound_packet)
{
	struct probe *probe = usual();
	struct probe_ask ask = ask_of(1, 4);
	struct probe_packet packet = {.src = ask.from, .dst = ask.peer.addr, .dport = 443};
	struct probe_packet rst;

	ask.peer.port = 0;
	cr_assert_eq(begin(probe, &ask, S), PROBE_NOT_ASKABLE);
	for (unsigned int port = 61000; port <= 61255; port++) {
		packet.sport = port;
		cr_assert_eq(answer(probe, &packet, SYN, OPTS(30, 4, 1, 1), S, &rst),
			     PROBE_CONSUMED);
		cr_assert_eq(answer(probe, &packet, SYNACK, OPTS(V0_SYNACK), S, &rst),
			     PROBE_CONSUMED);
	}
	cr_assert_not(syn(probe, 9 * S, &packet));
	cr_assert_eq(probe_deadline(probe), UINT64_MAX);
	cr_assert_eq(probe_counts(probe)->strays, 512);
	probe_destroy(probe);
}

Test(probe, never_a_peer_that_policy_excludes)
{
	struct probe *probe = usual();
	struct policy_rules rules = allowing();
	const struct probe_ask ask = ask_of(1, 4);

	rules.value[POLICY_PROBE] = 0;
	cr_assert_eq(probe_start(probe, &ask, &rules, &numbers, at(S)), PROBE_EXCLUDED);
	rules = allowing();
	rules.value[POLICY_MODE] = POLICY_OBSERVE;
	cr_assert_eq(probe_start(probe, &ask, &rules, &numbers, at(S)), PROBE_EXCLUDED);
	cr_assert_eq(begin(probe, &ask, S), PROBE_TAKEN, "a refusal takes no turn");
	probe_destroy(probe);
}

Test(probe, a_reload_ends_what_is_excluded_now)
{
	struct probe *probe = usual();
	struct policy *policy = policy_create();
	struct policy_prefix prefix = {.addr = {.version = 4}, .bits = 32, .network = -1};
	struct probe_packet packet, rst;
	struct probe_report report;
	struct probe_ask ask;
	uint32_t line[2];

	for (unsigned int host = 1; host <= 2; host++) {
		ask = ask_of(host, 4);
		begin(probe, &ask, S);
		cr_assert(syn(probe, S, &packet));
	}
	prefix.addr = ask.peer.addr;
	prefix.values.set = 1u << POLICY_PROBE;
	cr_assert_eq(policy_prefix_add(policy, &prefix), 0);
	cr_assert_eq(policy_seal(policy, line), 0);
	probe_abandon(probe, policy);
	cr_assert(probe_report(probe, &report));
	cr_assert(report.abandoned);
	cr_assert_eq(report.tag, 2);
	cr_assert_eq(report.sights, 0);
	cr_assert_not(probe_report(probe, &report));
	cr_assert_eq(answer(probe, &packet, SYNACK, OPTS(V1_SYNACK), S + MS, &rst), PROBE_ANSWER,
		     "its peer is not left with half a connection");
	cr_assert(syn(probe, 2 * S, &packet), "the other one goes on");
	cr_assert_eq(packet.dst.bytes[3], 1);
	cr_assert_not(syn(probe, 2 * S, &packet));
	cr_assert_eq(probe_counts(probe)->abandoned, 1);
	policy_destroy(policy);
	probe_destroy(probe);
}

Test(probe, limit_per_peer)
{
	struct probe *probe = usual();
	struct policy_rules rules = allowing();
	struct probe_ask ask = ask_of(1, 4), other = ask_of(1, 4);
	struct probe_packet packet, rst;
	struct probe_report report;

	ask.questions = POLICY_ASK_V1;
	rules.value[POLICY_PROBE_INTERVAL] = 60;
	cr_assert_eq(probe_start(probe, &ask, &rules, &numbers, at(S)), PROBE_TAKEN);
	syn(probe, S, &packet);
	answer(probe, &packet, SYNACK, OPTS(V1_SYNACK), S, &rst);
	cr_assert(probe_report(probe, &report));
	cr_assert_eq(probe_start(probe, &ask, &rules, &numbers, at(61 * S - 1)), PROBE_TOO_SOON);
	other.peer.port = 80;
	cr_assert_eq(probe_start(probe, &other, &rules, &numbers, at(2 * S)), PROBE_TAKEN);
	other = ask;
	other.peer.network = 4;
	cr_assert_eq(probe_start(probe, &other, &rules, &numbers, at(2 * S)), PROBE_TAKEN);
	cr_assert_eq(probe_start(probe, &ask, &rules, &numbers, at(61 * S)), PROBE_TAKEN);
	/* Still under way, and its interval is over. */
	cr_assert_eq(probe_start(probe, &ask, &rules, &numbers, at(1000 * S)), PROBE_TOO_SOON);
	probe_destroy(probe);
}

/* In no span of time more SYNs than rate x span + burst. */
Test(probe, limit_in_total)
{
	struct probe_config config = PROBE_CONFIG_DEFAULT;
	uint64_t sent[4000];
	unsigned int count = 0, host = 0;
	struct probe *probe;

	config.per_second = 7;
	config.burst = 3;
	config.timeout_ms = 100;
	probe = create(&config);
	for (uint64_t ns = S; ns < 60 * S; ns += 10 * MS) {
		struct probe_ask ask = ask_of(++host, 4);
		struct probe_report report;
		struct probe_packet packet;

		begin(probe, &ask, ns);
		while (syn(probe, ns, &packet)) {
			cr_assert_lt(count, 4000);
			sent[count++] = ns;
		}
		while (probe_report(probe, &report))
			;
	}
	cr_assert_eq(count, 3 + 59 * 7 - 1, "all that is allowed, and no more");
	for (unsigned int a = 0; a < count; a++) {
		for (unsigned int b = a; b < count; b++)
			cr_assert_leq(b - a + 1, 3 + (sent[b] - sent[a]) * 7 / S);
	}
	cr_assert_gt(probe_counts(probe)->starts[PROBE_FULL], 0);
	cr_assert_eq(probe_counts(probe)->syns, count);
	probe_destroy(probe);
}

Test(probe, deadline_waits_for_the_bucket)
{
	struct probe_config config = PROBE_CONFIG_DEFAULT;
	struct probe_ask ask;
	struct probe_packet packet;
	struct probe *probe;

	config.per_second = 1;
	config.burst = 1;
	config.timeout_ms = 60000;
	probe = create(&config);
	for (unsigned int host = 1; host <= 2; host++) {
		ask = ask_of(host, 4);
		cr_assert_eq(begin(probe, &ask, S), PROBE_TAKEN);
	}
	cr_assert(syn(probe, S, &packet));
	cr_assert_not(syn(probe, S, &packet));
	cr_assert_eq(probe_deadline(probe), 2 * S);
	cr_assert_not(syn(probe, 2 * S - 1, &packet));
	cr_assert(syn(probe, 2 * S, &packet));
	probe_destroy(probe);
}

Test(probe, state_is_bounded)
{
	struct probe_config config = PROBE_CONFIG_DEFAULT;
	struct probe_packet packet;
	struct probe_report report;
	struct probe_ask ask;
	struct probe *probe;
	uint64_t ns = S;

	config.at_once = 2;
	config.peers = 3;
	config.port_last = config.port_first + 3;
	config.repeats = 0;
	probe = create(&config);
	for (unsigned int host = 1; host <= 3; host++) {
		ask = ask_of(host, 4);
		cr_assert_eq(begin(probe, &ask, ns), host < 3 ? PROBE_TAKEN : PROBE_FULL);
	}
	while (syn(probe, ns, &packet))
		;
	ns += S;
	cr_assert_not(syn(probe, ns, &packet));
	cr_assert_eq(begin(probe, &ask, ns), PROBE_FULL, "reports were not collected");
	while (probe_report(probe, &report))
		;
	cr_assert_eq(begin(probe, &ask, ns), PROBE_FULL, "late answers are waited for");
	ns += S;
	cr_assert_eq(begin(probe, &ask, ns), PROBE_TAKEN);
	ask = ask_of(4, 4);
	cr_assert_eq(begin(probe, &ask, ns), PROBE_PEERS_FULL);
	cr_assert_eq(begin(probe, &ask, S + 3600 * S - 1), PROBE_PEERS_FULL);
	cr_assert_eq(begin(probe, &ask, S + 3600 * S), PROBE_TAKEN, "the first interval is over");
	cr_assert_eq(probe_counts(probe)->starts[PROBE_FULL], 3);
	cr_assert_eq(probe_counts(probe)->starts[PROBE_PEERS_FULL], 2);
	probe_destroy(probe);
}

Test(probe, a_port_is_never_of_two_questions)
{
	struct probe *probe = usual();
	bool taken[256] = {false};
	struct probe_packet packet;
	uint64_t ns = S;

	for (unsigned int host = 1; host <= 64; host++) {
		const struct probe_ask ask = ask_of(host, 4);

		cr_assert_eq(begin(probe, &ask, ns), PROBE_TAKEN);
	}
	for (unsigned int i = 0; i < 20; i++) {
		cr_assert(syn(probe, ns, &packet));
		cr_assert_not(taken[packet.sport - 61000]);
		taken[packet.sport - 61000] = true;
	}
	cr_assert_not(syn(probe, ns, &packet), "the burst is used up");
	probe_destroy(probe);
}

Test(probe, what_cannot_be_asked)
{
	struct probe *probe = usual();
	struct probe_ask ask = ask_of(1, 4);

	ask.questions = 0;
	cr_assert_eq(begin(probe, &ask, S), PROBE_NOT_ASKABLE);
	ask.questions = 4;
	cr_assert_eq(begin(probe, &ask, S), PROBE_NOT_ASKABLE);
	ask = ask_of(1, 4);
	ask.from.version = 6;
	cr_assert_eq(begin(probe, &ask, S), PROBE_NOT_ASKABLE);
	ask = ask_of(1, 5);
	cr_assert_eq(begin(probe, &ask, S), PROBE_NOT_ASKABLE);
	probe_destroy(probe);
	for (unsigned int i = 0; i < PROBE_STARTS; i++)
		cr_assert_str_neq(probe_start_name(i), "?");
	cr_assert_str_eq(probe_start_name(PROBE_STARTS), "?");
}

Test(probe, bad_configurations)
{
	const struct probe_config good = PROBE_CONFIG_DEFAULT;
	struct probe_config bad[13];
	struct probe *probe;
	const char *wrong;

	for (unsigned int i = 0; i < 13; i++)
		bad[i] = good;
	bad[0].port_first = 0;
	bad[1].port_last = 60999;
	bad[2].port_first = 1024;
	bad[3].at_once = 0;
	bad[4].at_once = 257;
	bad[5].at_once = 129;
	bad[6].per_second = 0;
	bad[7].burst = 0;
	bad[8].timeout_ms = 9;
	bad[9].repeats = 6;
	bad[10].peers = 0;
	bad[11].peers = PROBE_PEERS_MAX + 1;
	bad[12].per_second = 100001;
	for (unsigned int i = 0; i < 13; i++) {
		cr_assert_eq(probe_create(&bad[i], 1, &probe, &wrong), -EINVAL, "%u", i);
		cr_assert_null(probe);
		cr_assert_not_null(wrong);
	}
	probe_destroy(NULL);
}
