/* SPDX-License-Identifier: BSD-3-Clause */
/* What is offered to whom: the rules of fallback that policy answers for. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "policy.h"

/* Rules as they are built in; a test then changes what it is about. */
static struct policy_rules built_in(void)
{
	struct policy_rules rules = {0};

	for (unsigned int s = 0; s < POLICY_SETTINGS; s++)
		rules.value[s] = policy_settings[s].initial;
	return rules;
}

static struct policy_decision first(const struct policy_rules *rules, struct policy_peer peer,
				    enum sight_offer asks)
{
	struct policy_decision decision;

	policy_first_syn(rules, &peer, asks, &decision);
	return decision;
}

static struct policy_next after(const struct policy_rules *rules, struct policy_peer peer,
				enum sight_what what, enum sight_offer offer)
{
	struct policy_next next;

	policy_after(rules, &peer, what, offer, &next);
	return next;
}

#define check_syn(decision, does, what, why)                                          \
	do {                                                                          \
		cr_assert_eq((decision).syn, MPNIC_FIRST_SYN_##does);                 \
		cr_assert_eq((decision).offer, SIGHT_OFFER_##what);                   \
		cr_assert_eq((decision).reason, POLICY_BECAUSE_##why, "reason is %s", \
			     policy_reason_name((decision).reason));                  \
	} while (0)

static const struct policy_peer nobody;
static const struct policy_peer sure_v1 = {.speaks = MPNIC_SPEAKS_V1, .sure = true};
static const struct policy_peer sure_v0 = {.speaks = MPNIC_SPEAKS_V0, .sure = true};
static const struct policy_peer sure_none = {.speaks = MPNIC_SPEAKS_NONE, .sure = true};

Test(policy, unknown_peer_gets_the_highest_version)
{
	struct policy_rules rules = built_in();

	check_syn(first(&rules, nobody, SIGHT_OFFER_V1), PASS, V1, UNKNOWN);
	rules.value[POLICY_UNKNOWN] = POLICY_OFFER_TCP;
	check_syn(first(&rules, nobody, SIGHT_OFFER_V1), STRIP, NONE, UNKNOWN_TCP);
	cr_assert_eq(first(&rules, nobody, SIGHT_OFFER_V1).ask, POLICY_ASK_V1 | POLICY_ASK_V0);
	rules.value[POLICY_REFUSED] = POLICY_REFUSED_TCP;
	cr_assert_eq(first(&rules, nobody, SIGHT_OFFER_V1).ask, 0);
	/* What the cache learnt by other ways is used. */
	check_syn(first(&rules, sure_v1, SIGHT_OFFER_V1), PASS, V1, V1);
}

Test(policy, plain_syn_stays_plain)
{
	const struct policy_rules rules = built_in();

	check_syn(first(&rules, sure_v1, SIGHT_OFFER_NONE), PASS, NONE, PLAIN);
	check_syn(first(&rules, sure_none, SIGHT_OFFER_NONE), PASS, NONE, PLAIN);
}

Test(policy, rule_4_unanswered_syns)
{
	struct policy_rules rules = built_in();
	const struct policy_decision sent = first(&rules, nobody, SIGHT_OFFER_V1);
	struct policy_decision again;

	policy_syn_again(&rules, &sent, SIGHT_OFFER_V1, 1, &again);
	check_syn(again, STRIP, NONE, UNANSWERED);
	rules.value[POLICY_STRIP_FROM] = 3;
	policy_syn_again(&rules, &sent, SIGHT_OFFER_V1, 2, &again);
	check_syn(again, PASS, V1, EARLY);
	policy_syn_again(&rules, &sent, SIGHT_OFFER_V1, 3, &again);
	check_syn(again, STRIP, NONE, UNANSWERED);
	policy_syn_again(&rules, &sent, SIGHT_OFFER_V1, 4, &again);
	check_syn(again, STRIP, NONE, UNANSWERED);
	rules.value[POLICY_STRIP_FROM] = 0;
	policy_syn_again(&rules, &sent, SIGHT_OFFER_V1, 100, &again);
	check_syn(again, PASS, V1, EARLY);
}

Test(policy, rule_4_linux_strips_by_itself_and_is_left_alone)
{
	const struct policy_rules rules = built_in();
	const struct policy_decision sent = first(&rules, nobody, SIGHT_OFFER_V1);
	struct policy_decision again;

	policy_syn_again(&rules, &sent, SIGHT_OFFER_NONE, 2, &again);
	check_syn(again, PASS, NONE, PLAIN);
}

Test(policy, rule_4_repetition_of_a_plain_syn_is_plain)
{
	struct policy_rules rules = built_in();
	const struct policy_decision sent = first(&rules, sure_none, SIGHT_OFFER_V1);
	struct policy_decision again;

	rules.value[POLICY_STRIP_FROM] = 0;
	policy_syn_again(&rules, &sent, SIGHT_OFFER_V1, 1, &again);
	check_syn(again, STRIP, NONE, STRIPPED_BEFORE);
}

Test(policy, rule_4_known_v1_keeps_its_option_when_a_syn_is_lost)
{
	const struct policy_rules rules = built_in();
	const struct policy_decision sent = first(&rules, sure_v1, SIGHT_OFFER_V1);
	struct policy_peer unsure = sure_v1;
	struct policy_decision again;

	policy_syn_again(&rules, &sent, SIGHT_OFFER_V1, 1, &again);
	check_syn(again, PASS, V1, V1);
	unsure.sure = false;
	const struct policy_decision other = first(&rules, unsure, SIGHT_OFFER_V1);

	policy_syn_again(&rules, &other, SIGHT_OFFER_V1, 1, &again);
	check_syn(again, STRIP, NONE, UNANSWERED);
}

Test(policy, rule_5_a_v0_host_offers_v0_to_all_who_may_know_it)
{
	struct policy_rules rules = built_in();

	check_syn(first(&rules, nobody, SIGHT_OFFER_V0), PASS, V0, UNKNOWN);
	check_syn(first(&rules, sure_v1, SIGHT_OFFER_V0), PASS, V0, V1);
	check_syn(first(&rules, sure_v0, SIGHT_OFFER_V0), PASS, V0, V0);
	check_syn(first(&rules, sure_none, SIGHT_OFFER_V0), STRIP, NONE, NONE);
	rules.value[POLICY_KNOWN_V1] = POLICY_OFFER_TCP;
	check_syn(first(&rules, sure_v0, SIGHT_OFFER_V0), STRIP, NONE, V0_TCP);
	/* An answer of version 0 to it is what was asked for. */
	rules = built_in();
	cr_assert_eq(after(&rules, nobody, SIGHT_ANSWER_V0, SIGHT_OFFER_V0).ask, 0);
	cr_assert_eq(after(&rules, nobody, SIGHT_ABSENT, SIGHT_OFFER_V0).ask, POLICY_ASK_V1);
}

Test(policy, rule_6_refused_v1_syn)
{
	struct policy_rules rules = built_in();
	struct policy_next next = after(&rules, nobody, SIGHT_ABSENT, SIGHT_OFFER_V1);

	cr_assert_eq(next.ask, POLICY_ASK_V0);
	cr_assert_eq(next.reason, POLICY_BECAUSE_REFUSED_ASK);
	cr_assert_not(next.back_off, "an absent option is no failure of the path");
	rules.value[POLICY_REFUSED] = POLICY_REFUSED_TCP;
	next = after(&rules, nobody, SIGHT_ABSENT, SIGHT_OFFER_V1);
	cr_assert_eq(next.ask, 0);
	cr_assert_eq(next.reason, POLICY_BECAUSE_REFUSED);
	rules = built_in();
	rules.value[POLICY_PROBE] = 0;
	next = after(&rules, nobody, SIGHT_ABSENT, SIGHT_OFFER_V1);
	cr_assert_eq(next.ask, 0);
	cr_assert_eq(next.reason, POLICY_BECAUSE_PROBING_OFF);
}

Test(policy, rule_6_known_v0)
{
	struct policy_rules rules = built_in();

	check_syn(first(&rules, sure_v0, SIGHT_OFFER_V1), STRIP, NONE, V0_TCP);
	rules.value[POLICY_KNOWN_V0] = POLICY_OFFER_V1;
	check_syn(first(&rules, sure_v0, SIGHT_OFFER_V1), PASS, V1, V0_TRY_V1);
	cr_assert_eq(after(&rules, sure_v0, SIGHT_ABSENT, SIGHT_OFFER_V1).ask, 0,
		     "the answer is known");
}

Test(policy, rule_6_v0_needs_the_gateway)
{
	struct policy *policy = policy_create();
	struct policy_values values = {.set = 1u << POLICY_REFUSED};

	values.value[POLICY_REFUSED] = POLICY_REFUSED_RETRY;
	cr_assert_eq(policy_defaults(policy, &values), -ENOTSUP);
	cr_assert_str_eq(policy_unavailable(POLICY_REFUSED, POLICY_REFUSED_RETRY), "probe");
	for (unsigned int s = POLICY_UNKNOWN; s <= POLICY_KNOWN_V0; s++) {
		values = (struct policy_values){.set = 1u << s};
		values.value[s] = POLICY_OFFER_V0;
		cr_assert_eq(policy_defaults(policy, &values), -ENOTSUP);
		values.value[s] = POLICY_OFFER_V1;
		cr_assert_eq(policy_defaults(policy, &values), 0);
	}
	policy_destroy(policy);
}

Test(policy, rule_7_answer_of_version_0)
{
	struct policy_rules rules = built_in();
	struct policy_next next = after(&rules, nobody, SIGHT_ANSWER_V0, SIGHT_OFFER_V1);

	/* Learnt at once; the question is for whether somebody forged it. */
	cr_assert_eq(next.reason, POLICY_BECAUSE_ANSWERED_V0);
	cr_assert_eq(next.ask, POLICY_ASK_V0);
	cr_assert_eq(after(&rules, sure_v0, SIGHT_ANSWER_V0, SIGHT_OFFER_V1).ask, 0);
	cr_assert_eq(after(&rules, sure_v1, SIGHT_ANSWER_V0, SIGHT_OFFER_V1).ask,
		     POLICY_ASK_V1 | POLICY_ASK_V0);
	rules.value[POLICY_REFUSED] = POLICY_REFUSED_TCP;
	cr_assert_eq(after(&rules, nobody, SIGHT_ANSWER_V0, SIGHT_OFFER_V1).ask, 0);
}

Test(policy, rule_13_broken_answer_is_refused_and_not_asked_about)
{
	const struct policy_rules rules = built_in();

	cr_assert_eq(after(&rules, nobody, SIGHT_MALFORMED, SIGHT_OFFER_V1).ask, 0);
	cr_assert_eq(after(&rules, nobody, SIGHT_ECHO, SIGHT_OFFER_V1).ask, 0);
	cr_assert_eq(after(&rules, nobody, SIGHT_ECHO, SIGHT_OFFER_V1).reason,
		     POLICY_BECAUSE_REFUSED);
}

Test(policy, rule_19_and_21_trouble_in_a_connection_is_no_failure_of_the_version)
{
	struct policy_rules rules = built_in();
	struct policy_next next = after(&rules, sure_v1, SIGHT_DSS_LOST, SIGHT_OFFER_V1);

	cr_assert_not(next.back_off);
	cr_assert_eq(next.reason, POLICY_BECAUSE_TROUBLE_NOTED);
	cr_assert_not(after(&rules, sure_v1, SIGHT_CSUM_BAD, SIGHT_OFFER_V1).back_off);
	rules.value[POLICY_CHECKSUM_BAD] = POLICY_BACK_OFF;
	cr_assert(after(&rules, sure_v1, SIGHT_CSUM_BAD, SIGHT_OFFER_V1).back_off);
	cr_assert_not(after(&rules, sure_v1, SIGHT_DSS_LOST, SIGHT_OFFER_V1).back_off);
	rules.value[POLICY_DSS_LOST] = POLICY_BACK_OFF;
	cr_assert(after(&rules, sure_v1, SIGHT_DSS_LOST, SIGHT_OFFER_V1).back_off);
}

Test(policy, rule_28_joins)
{
	struct policy_rules rules = built_in();

	cr_assert(policy_join_passes(&rules, POLICY_JOIN_BAD_HMAC), "the host answers by RST");
	cr_assert(policy_join_passes(&rules, POLICY_JOIN_UNKNOWN_TOKEN));
	rules.value[POLICY_JOIN_BAD_HMAC] = POLICY_JOIN_DROP;
	cr_assert_not(policy_join_passes(&rules, POLICY_JOIN_BAD_HMAC));
	cr_assert(policy_join_passes(&rules, POLICY_JOIN_UNKNOWN_TOKEN));
	rules.value[POLICY_MODE] = POLICY_OBSERVE;
	cr_assert(policy_join_passes(&rules, POLICY_JOIN_BAD_HMAC));
}

Test(policy, rule_32_known_answers)
{
	struct policy_rules rules = built_in();

	check_syn(first(&rules, sure_v1, SIGHT_OFFER_V1), PASS, V1, V1);
	check_syn(first(&rules, sure_none, SIGHT_OFFER_V1), STRIP, NONE, NONE);
	rules.value[POLICY_KNOWN_V1] = POLICY_OFFER_TCP;
	check_syn(first(&rules, sure_v1, SIGHT_OFFER_V1), STRIP, NONE, V1_TCP);
}

Test(policy, rule_32_absent_once_is_no_answer)
{
	const struct policy_rules rules = built_in();
	struct policy_peer peer = sure_none;

	peer.sure = false;
	check_syn(first(&rules, peer, SIGHT_OFFER_V1), PASS, V1, NOT_SURE);
	peer.speaks = MPNIC_SPEAKS_V0; /* one SYN/ACK that may be forged */
	check_syn(first(&rules, peer, SIGHT_OFFER_V1), PASS, V1, NOT_SURE);
	/* A peer that is sure to speak v1: is it stripped, forged, or did it change? */
	cr_assert_eq(after(&rules, sure_v1, SIGHT_ABSENT, SIGHT_OFFER_V1).ask,
		     POLICY_ASK_V1 | POLICY_ASK_V0);
}

Test(policy, rule_32_old_answers_are_asked_for_again)
{
	struct policy_rules rules = built_in();
	struct policy_peer peer = sure_none;

	cr_assert_eq(first(&rules, peer, SIGHT_OFFER_V1).ask, 0);
	peer.probe_due = true;
	cr_assert_eq(first(&rules, peer, SIGHT_OFFER_V1).ask, POLICY_ASK_V1 | POLICY_ASK_V0);
	rules.value[POLICY_PROBE] = 0;
	cr_assert_eq(first(&rules, peer, SIGHT_OFFER_V1).ask, 0);
	rules = built_in();
	peer = sure_v1;
	peer.probe_due = true;
	cr_assert_eq(first(&rules, peer, SIGHT_OFFER_V1).ask, 0, "the connection itself asks");
}

Test(policy, rule_33_back_off)
{
	const struct policy_rules rules = built_in();
	struct policy_peer peer = sure_v1;

	peer.backed_off = true;
	check_syn(first(&rules, peer, SIGHT_OFFER_V1), STRIP, NONE, BACK_OFF);
	check_syn(first(&rules, peer, SIGHT_OFFER_V0), STRIP, NONE, BACK_OFF);
	cr_assert_eq(policy_nic(&rules, &peer), MPNIC_FIRST_SYN_STRIP);
}

Test(policy, mixed_peer_is_offered_v1_and_not_asked)
{
	struct policy_rules rules = built_in();
	struct policy_peer peer = sure_v0;

	peer.mixed = true;
	check_syn(first(&rules, peer, SIGHT_OFFER_V1), PASS, V1, MIXED);
	cr_assert_eq(after(&rules, peer, SIGHT_ABSENT, SIGHT_OFFER_V1).ask, 0);
	cr_assert_eq(after(&rules, peer, SIGHT_ANSWER_V0, SIGHT_OFFER_V1).ask, 0);
	rules.value[POLICY_KNOWN_V1] = POLICY_OFFER_TCP;
	check_syn(first(&rules, peer, SIGHT_OFFER_V1), STRIP, NONE, V1_TCP);
}

/* Silence and a closed port say nothing of MPTCP; nor does an inbound packet lead to a question. */
Test(policy, what_leads_to_no_question)
{
	static const enum sight_what quiet[] = {
		SIGHT_ANSWER_V1,  SIGHT_DROPPED,	 SIGHT_SILENT,		SIGHT_RESET,
		SIGHT_CONFIRM_V1, SIGHT_CONFIRM_V0,	 SIGHT_FELL_BACK,	SIGHT_CLIENT_V1,
		SIGHT_CLIENT_V0,  SIGHT_CLIENT_TCP,	 SIGHT_PROBE_V1,	SIGHT_PROBE_V0,
		SIGHT_PROBE_LOST, SIGHT_PROBE_ABSENT_V1, SIGHT_PROBE_ABSENT_V0,
	};
	const struct policy_rules rules = built_in();

	for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++) {
		for (unsigned int offer = 0; offer <= SIGHT_OFFER_V0; offer++) {
			const struct policy_next next = after(&rules, nobody, quiet[i], offer);

			cr_assert_eq(next.ask, 0);
			cr_assert_not(next.back_off);
			cr_assert_eq(next.reason, POLICY_BECAUSE_NOTHING);
		}
	}
	cr_assert_eq(after(&rules, nobody, SIGHT_ABSENT, SIGHT_OFFER_NONE).ask, 0);
}

/* Every peer, host, and event under one set of rules. */
static void each_peer(const struct policy_rules *rules,
		      void (*check)(const struct policy_rules *, const struct policy_peer *))
{
	for (unsigned int bits = 0; bits < 64; bits++) {
		const struct policy_peer peer = {.speaks = bits & 3,
						 .sure = bits & 4,
						 .mixed = bits & 8,
						 .backed_off = bits & 16,
						 .probe_due = bits & 32};

		check(rules, &peer);
	}
}

static void each_rules(void (*check)(const struct policy_rules *, const struct policy_peer *))
{
	struct policy_rules rules = built_in();

	for (unsigned int bits = 0; bits < 512; bits++) {
		rules.value[POLICY_MODE] = bits & 1;
		rules.value[POLICY_UNKNOWN] = bits >> 1 & 1;
		rules.value[POLICY_KNOWN_V1] = bits >> 2 & 1;
		rules.value[POLICY_KNOWN_V0] = bits >> 3 & 1;
		rules.value[POLICY_REFUSED] = bits >> 4 & 1;
		rules.value[POLICY_STRIP_FROM] = bits >> 5 & 3;
		rules.value[POLICY_PROBE] = bits >> 7 & 1;
		rules.value[POLICY_DSS_LOST] = bits >> 8 & 1;
		each_peer(&rules, check);
	}
}

static void observes(const struct policy_rules *rules, const struct policy_peer *peer)
{
	if (rules->value[POLICY_MODE] != POLICY_OBSERVE)
		return;
	cr_assert_eq(policy_nic(rules, peer), MPNIC_FIRST_SYN_PASS);
	cr_assert_not(policy_may_probe(rules));
	for (unsigned int asks = 0; asks <= SIGHT_OFFER_V0; asks++) {
		const struct policy_decision sent = first(rules, *peer, asks);
		struct policy_decision again;

		policy_syn_again(rules, &sent, asks, 5, &again);
		cr_assert_eq(sent.syn, MPNIC_FIRST_SYN_PASS);
		cr_assert_eq(sent.offer, asks);
		cr_assert_eq(sent.ask, 0);
		cr_assert_eq(again.syn, MPNIC_FIRST_SYN_PASS);
		for (unsigned int what = 0; what < SIGHTS; what++) {
			const struct policy_next next = after(rules, *peer, what, asks);

			cr_assert_not(next.ask || next.back_off);
		}
	}
}

Test(policy, observe_touches_nothing)
{
	each_rules(observes);
}

/* Where the NIC is told to decide alone, it does what the host would have done. */
static void nic_agrees(const struct policy_rules *rules, const struct policy_peer *peer)
{
	const enum mpnic_first_syn_code told = policy_nic(rules, peer);

	if (told == MPNIC_FIRST_SYN_PUNT)
		return;
	for (unsigned int asks = SIGHT_OFFER_V1; asks <= SIGHT_OFFER_V0; asks++) {
		const struct policy_decision sent = first(rules, *peer, asks);

		cr_assert_eq(sent.syn, told);
		for (unsigned int nth = 1; nth < 17; nth++) {
			struct policy_decision again;

			policy_syn_again(rules, &sent, asks, nth, &again);
			cr_assert_eq(again.syn, told);
		}
	}
}

Test(policy, nic_is_told_only_what_the_host_would_do)
{
	struct policy_rules rules = built_in();

	each_rules(nic_agrees);
	cr_assert_eq(policy_nic(&rules, &sure_v1), MPNIC_FIRST_SYN_PASS);
	cr_assert_eq(policy_nic(&rules, &sure_none), MPNIC_FIRST_SYN_STRIP);
	cr_assert_eq(policy_nic(&rules, &sure_v0), MPNIC_FIRST_SYN_PUNT);
	cr_assert_eq(policy_nic(&rules, &nobody), MPNIC_FIRST_SYN_PUNT);
}

static void consistent(const struct policy_rules *rules, const struct policy_peer *peer)
{
	for (unsigned int asks = 0; asks <= SIGHT_OFFER_V0; asks++) {
		const struct policy_decision sent = first(rules, *peer, asks);

		cr_assert_lt(sent.reason, POLICY_REASONS);
		/* Nothing is ever offered that the host did not offer. */
		if (sent.syn == MPNIC_FIRST_SYN_PASS)
			cr_assert_eq(sent.offer, asks);
		else
			cr_assert_eq(sent.offer, SIGHT_OFFER_NONE);
		if (!policy_may_probe(rules))
			cr_assert_eq(sent.ask, 0);
		for (unsigned int what = 0; what < SIGHTS && !policy_may_probe(rules); what++)
			cr_assert_eq(after(rules, *peer, what, asks).ask, 0);
	}
}

Test(policy, never_more_than_the_host_offers_never_a_forbidden_question)
{
	each_rules(consistent);
}

Test(policy, every_reason_and_setting_is_explained)
{
	for (unsigned int r = 0; r < POLICY_REASONS; r++) {
		cr_assert(policy_reason_name(r) && policy_reason_text(r) && policy_reason_rfc(r));
		for (unsigned int other = 0; other < r; other++)
			cr_assert_str_neq(policy_reason_name(r), policy_reason_name(other));
	}
	cr_assert_str_eq(policy_reason_name(POLICY_REASONS), "?");
	cr_assert_str_eq(policy_reason_text(POLICY_REASONS), "?");
	cr_assert_str_eq(policy_reason_rfc(POLICY_REASONS), "?");
	for (unsigned int s = 0; s < POLICY_SETTINGS; s++)
		cr_assert(policy_settings[s].name && policy_settings[s].rfc &&
			  policy_settings[s].why);
}
