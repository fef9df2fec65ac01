/* SPDX-License-Identifier: BSD-3-Clause */
/* Policy: the settings, and every decision that follows from them. Page: docs/decisions.md. */
#include <string.h>

#include "policy.h"

static const char *const mode_words[] = {"act", "observe", NULL};
static const char *const offer_words[] = {"tcp", "v1", "v0", NULL};
static const char *const refused_words[] = {"tcp", "probe", "retry", NULL};
static const char *const trouble_words[] = {"note", "back_off", NULL};
static const char *const join_words[] = {"pass", "drop", NULL};
static const char *const switch_words[] = {"off", "on", NULL};

const struct policy_setting_info policy_settings[POLICY_SETTINGS] = {
	[POLICY_MODE] = {"mode", mode_words, 0, 0, POLICY_ACT, "RFC 8684 6",
			 "the point of mpnicd; observe changes no packet and sends none"},
	[POLICY_UNKNOWN] = {"unknown", offer_words, 0, 0, POLICY_OFFER_V1, "RFC 8684 3.1",
			    "an initiator SHOULD signal the highest version that it supports"},
	[POLICY_KNOWN_V1] = {"known_v1", offer_words, 0, 0, POLICY_OFFER_V1, "RFC 8684 3.1",
			     "what is known of a peer is used for later connections"},
	[POLICY_KNOWN_V0] = {"known_v0", offer_words, 0, 0, POLICY_OFFER_TCP, "RFC 8684 3.1",
			     "such a listener ignores a SYN of v1, so TCP is what comes of it; "
			     "without the option no middlebox can drop the SYN"},
	[POLICY_REFUSED] = {"refused", refused_words, 0, 0, POLICY_REFUSED_PROBE, "RFC 8684 3.1",
			    "v0 is in general preferred to TCP, and a SYN/ACK without MP_CAPABLE "
			    "does not tell which it is; the connection does not wait for it"},
	[POLICY_STRIP_FROM] = {"strip_from", NULL, 0, 15, 1, "RFC 8684 3.1, 3.9.3",
			       "how often an unanswered SYN is sent with the option is local "
			       "policy; Linux alone spends two time-outs"},
	[POLICY_DSS_LOST] = {"dss_lost", trouble_words, 0, 0, POLICY_NOTE, "RFC 8684 3.7",
			     "the version was right, a route changed; the hosts close the "
			     "subflow or fall back themselves"},
	[POLICY_CHECKSUM_BAD] = {"checksum_bad", trouble_words, 0, 0, POLICY_NOTE, "RFC 8684 3.7",
				 "the hosts fall back and lose no data; MPTCP does not try to "
				 "prevent middleboxes that change the payload"},
	[POLICY_JOIN_BAD_HMAC] = {"join_bad_hmac", join_words, 0, 0, POLICY_JOIN_PASS,
				  "RFC 8684 3.8, 3.9.3",
				  "the host answers with a RST, which tells the sender at once; "
				  "a drop leaves it to time-outs"},
	[POLICY_JOIN_UNKNOWN_TOKEN] = {"join_unknown_token", join_words, 0, 0, POLICY_JOIN_PASS,
				       "RFC 8684 3.8, 3.9.3",
				       "the host may know a connection that began elsewhere; if "
				       "not, it answers with a RST"},
	[POLICY_PROBE] = {"probe", switch_words, 0, 0, 1, "RFC 8684 3.1",
			  "an initiator MAY attempt v0 to discover what the listener supports"},
	[POLICY_PROBE_INTERVAL] = {"probe_interval", NULL, 60, 31 * 86400, 3600, "-",
				   "a peer sees one SYN or two an hour at most; the cache asks "
				   "much less often"},
};

const char *policy_unavailable(enum policy_setting setting, uint32_t value)
{
	if (setting == POLICY_UNKNOWN && value == POLICY_OFFER_V0)
		return "v1";
	if (setting == POLICY_KNOWN_V1 && value == POLICY_OFFER_V0)
		return "v1";
	if (setting == POLICY_KNOWN_V0 && value == POLICY_OFFER_V0)
		return "tcp";
	if (setting == POLICY_REFUSED && value == POLICY_REFUSED_RETRY)
		return "probe";
	return NULL;
}

static const struct {
	const char *name, *text, *rfc;
} reasons[POLICY_REASONS] = {
	[POLICY_BECAUSE_PLAIN] = {"plain", "the host's own SYN offers no MPTCP", "RFC 8684 3.1"},
	[POLICY_BECAUSE_OBSERVE] = {"observe", "policy is to look on and touch nothing", "-"},
	[POLICY_BECAUSE_UNKNOWN] = {"unknown",
				    "nothing is known of the peer: the host's offer "
				    "goes out",
				    "RFC 8684 3.1"},
	[POLICY_BECAUSE_UNKNOWN_TCP] = {"unknown_tcp",
					"nothing is known of the peer, and policy is to offer "
					"nothing then",
					"RFC 8684 3.1"},
	[POLICY_BECAUSE_NOT_SURE] = {"not_sure",
				     "what was seen of the peer is too little to go by: the "
				     "host's offer goes out",
				     "RFC 8684 3.1, 6 figure 17"},
	[POLICY_BECAUSE_V1] = {"known_v1", "the peer speaks v1", "RFC 8684 3.1"},
	[POLICY_BECAUSE_V1_TCP] = {"known_v1_tcp", "policy is to offer MPTCP to no peer here",
				   "RFC 8684 3.1"},
	[POLICY_BECAUSE_V0] = {"known_v0", "the peer speaks v0, and so does the host's SYN",
			       "RFC 6824 3.1"},
	[POLICY_BECAUSE_V0_TRY_V1] = {"known_v0_try_v1",
				      "the peer spoke v0, and policy is to offer v1 all the same",
				      "RFC 8684 3.1"},
	[POLICY_BECAUSE_V0_TCP] = {"known_v0_tcp",
				   "the peer speaks v0, which the host does not: plain TCP at once",
				   "RFC 8684 3.1"},
	[POLICY_BECAUSE_NONE] = {"known_none", "the peer speaks no MPTCP", "RFC 8684 3.1"},
	[POLICY_BECAUSE_MIXED] = {"mixed",
				  "several hosts answer for this address, each in its own way: "
				  "the host's offer goes out, and nothing is tried behind it",
				  "RFC 8684 3.1"},
	[POLICY_BECAUSE_BACK_OFF] = {"back_off", "MPTCP failed here lately: plain TCP for a while",
				     "RFC 8684 3.9.3"},
	[POLICY_BECAUSE_UNANSWERED] = {"unanswered",
				       "SYNs with MP_CAPABLE were not answered: a plain one",
				       "RFC 8684 3.1"},
	[POLICY_BECAUSE_EARLY] = {"early", "too few SYNs were lost to blame the option for it",
				  "RFC 8684 3.1"},
	[POLICY_BECAUSE_STRIPPED_BEFORE] = {"stripped_before",
					    "the first SYN was plain, so its repetition is",
					    "RFC 8684 3.1"},
	[POLICY_BECAUSE_REFUSED] = {"refused", "no MP_CAPABLE in the answer: regular TCP",
				    "RFC 8684 3.1"},
	[POLICY_BECAUSE_REFUSED_ASK] = {"refused_ask",
					"no MP_CAPABLE in the answer: regular TCP, and a probe "
					"learns whether the peer speaks the other version",
					"RFC 8684 3.1"},
	[POLICY_BECAUSE_ANSWERED_V0] = {"answered_v0", "the answer names version 0",
					"RFC 8684 3.1"},
	[POLICY_BECAUSE_NOTHING] = {"nothing", "nothing follows from it for this connection", "-"},
	[POLICY_BECAUSE_PROBING_OFF] = {"probing_off",
					"policy does not allow questions to the peer",
					"RFC 8684 3.1"},
	[POLICY_BECAUSE_TROUBLE] = {"trouble", "policy is to back off after this",
				    "RFC 8684 3.9.3"},
	[POLICY_BECAUSE_TROUBLE_NOTED] = {"trouble_noted",
					  "no failure of the version: offers stay as they are",
					  "RFC 8684 3.7"},
};

const char *policy_reason_name(enum policy_reason reason)
{
	return reason < POLICY_REASONS ? reasons[reason].name : "?";
}

const char *policy_reason_text(enum policy_reason reason)
{
	return reason < POLICY_REASONS ? reasons[reason].text : "?";
}

const char *policy_reason_rfc(enum policy_reason reason)
{
	return reason < POLICY_REASONS ? reasons[reason].rfc : "?";
}

bool policy_may_probe(const struct policy_rules *rules)
{
	return rules->value[POLICY_PROBE] && rules->value[POLICY_MODE] == POLICY_ACT;
}

/* Offers by what is known. @offer: the setting for it. */
static void offer_by(struct policy_decision *decision, uint32_t offer, enum policy_reason pass,
		     enum policy_reason strip)
{
	if (offer == POLICY_OFFER_TCP) {
		decision->syn = MPNIC_FIRST_SYN_STRIP;
		decision->offer = SIGHT_OFFER_NONE;
		decision->reason = strip;
		return;
	}
	decision->reason = pass;
}

static void offer_v0_peer(const struct policy_rules *rules, enum sight_offer asks,
			  struct policy_decision *decision)
{
	/* known_v0 is about SYNs of v1; to a host that speaks v0 only "no MPTCP here" says no. */
	const uint32_t offer = rules->value[POLICY_KNOWN_V0];

	if (asks == SIGHT_OFFER_V0 && rules->value[POLICY_KNOWN_V1] != POLICY_OFFER_TCP)
		decision->reason = POLICY_BECAUSE_V0;
	else
		offer_by(decision, offer, POLICY_BECAUSE_V0_TRY_V1, POLICY_BECAUSE_V0_TCP);
}

static void offer_known(const struct policy_rules *rules, const struct policy_peer *peer,
			enum sight_offer asks, struct policy_decision *decision)
{
	const uint32_t unknown = rules->value[POLICY_UNKNOWN];
	const uint32_t known_v1 = rules->value[POLICY_KNOWN_V1];

	if (peer->backed_off)
		offer_by(decision, POLICY_OFFER_TCP, 0, POLICY_BECAUSE_BACK_OFF);
	else if (peer->mixed)
		offer_by(decision, known_v1, POLICY_BECAUSE_MIXED, POLICY_BECAUSE_V1_TCP);
	else if (peer->speaks == MPNIC_SPEAKS_UNKNOWN)
		offer_by(decision, unknown, POLICY_BECAUSE_UNKNOWN, POLICY_BECAUSE_UNKNOWN_TCP);
	else if (peer->speaks == MPNIC_SPEAKS_V1)
		offer_by(decision, known_v1,
			 peer->sure ? POLICY_BECAUSE_V1 : POLICY_BECAUSE_NOT_SURE,
			 POLICY_BECAUSE_V1_TCP);
	else if (!peer->sure)
		offer_by(decision, unknown, POLICY_BECAUSE_NOT_SURE, POLICY_BECAUSE_UNKNOWN_TCP);
	else if (peer->speaks == MPNIC_SPEAKS_V0)
		offer_v0_peer(rules, asks, decision);
	else
		offer_by(decision, POLICY_OFFER_TCP, 0, POLICY_BECAUSE_NONE);
}

/* A connection that offers nothing learns nothing: whether to ask instead. */
static uint8_t ask_instead(const struct policy_rules *rules, const struct policy_peer *peer,
			   const struct policy_decision *decision)
{
	if (decision->syn != MPNIC_FIRST_SYN_STRIP || !policy_may_probe(rules))
		return 0;
	if (decision->reason == POLICY_BECAUSE_V1_TCP)
		return 0;
	if (decision->reason == POLICY_BECAUSE_UNKNOWN_TCP)
		return rules->value[POLICY_REFUSED] == POLICY_REFUSED_PROBE
			       ? POLICY_ASK_V1 | POLICY_ASK_V0
			       : 0;
	return peer->probe_due && !peer->mixed ? POLICY_ASK_V1 | POLICY_ASK_V0 : 0;
}

void policy_first_syn(const struct policy_rules *rules, const struct policy_peer *peer,
		      enum sight_offer asks, struct policy_decision *decision)
{
	*decision = (struct policy_decision){.syn = MPNIC_FIRST_SYN_PASS, .offer = asks};
	if (asks == SIGHT_OFFER_NONE) {
		decision->reason = POLICY_BECAUSE_PLAIN;
		return;
	}
	if (rules->value[POLICY_MODE] == POLICY_OBSERVE) {
		decision->reason = POLICY_BECAUSE_OBSERVE;
		return;
	}
	offer_known(rules, peer, asks, decision);
	decision->ask = ask_instead(rules, peer, decision);
}

void policy_syn_again(const struct policy_rules *rules, const struct policy_decision *first,
		      enum sight_offer asks, unsigned int nth, struct policy_decision *decision)
{
	const uint32_t from = rules->value[POLICY_STRIP_FROM];

	*decision = (struct policy_decision){.syn = MPNIC_FIRST_SYN_PASS, .offer = asks};
	if (asks == SIGHT_OFFER_NONE) {
		decision->reason = POLICY_BECAUSE_PLAIN;
		return;
	}
	if (rules->value[POLICY_MODE] == POLICY_OBSERVE) {
		decision->reason = POLICY_BECAUSE_OBSERVE;
		return;
	}
	if (first->syn == MPNIC_FIRST_SYN_STRIP)
		offer_by(decision, POLICY_OFFER_TCP, 0, POLICY_BECAUSE_STRIPPED_BEFORE);
	else if (first->reason == POLICY_BECAUSE_V1)
		decision->reason = POLICY_BECAUSE_V1; /* the way is known to be clear: loss */
	else if (from && nth >= from)
		offer_by(decision, POLICY_OFFER_TCP, 0, POLICY_BECAUSE_UNANSWERED);
	else
		decision->reason = POLICY_BECAUSE_EARLY;
}

enum mpnic_first_syn_code policy_nic(const struct policy_rules *rules,
				     const struct policy_peer *peer)
{
	struct policy_decision v1, v0;

	policy_first_syn(rules, peer, SIGHT_OFFER_V1, &v1);
	policy_first_syn(rules, peer, SIGHT_OFFER_V0, &v0);
	if (v1.syn != v0.syn)
		return MPNIC_FIRST_SYN_PUNT;
	if (v1.syn == MPNIC_FIRST_SYN_STRIP || v1.reason == POLICY_BECAUSE_OBSERVE)
		return v1.syn;
	if (v1.reason == POLICY_BECAUSE_V1 || !rules->value[POLICY_STRIP_FROM])
		return MPNIC_FIRST_SYN_PASS;
	return MPNIC_FIRST_SYN_PUNT; /* repetitions need counting */
}

static void after_refusal(const struct policy_rules *rules, const struct policy_peer *peer,
			  enum sight_offer offer, struct policy_next *next)
{
	const bool settled = peer->sure && !peer->probe_due;

	next->reason = POLICY_BECAUSE_REFUSED;
	if (offer == SIGHT_OFFER_NONE || rules->value[POLICY_REFUSED] == POLICY_REFUSED_TCP)
		return;
	if (peer->mixed) {
		next->reason = POLICY_BECAUSE_MIXED; /* a question may reach another of them */
		return;
	}
	if (settled && (peer->speaks == MPNIC_SPEAKS_V0 || peer->speaks == MPNIC_SPEAKS_NONE))
		return;
	if (!policy_may_probe(rules)) {
		next->reason = POLICY_BECAUSE_PROBING_OFF;
		return;
	}
	next->reason = POLICY_BECAUSE_REFUSED_ASK;
	next->ask = offer == SIGHT_OFFER_V1 ? POLICY_ASK_V0 : POLICY_ASK_V1;
	if (peer->sure && peer->speaks == MPNIC_SPEAKS_V1)
		next->ask = POLICY_ASK_V1 | POLICY_ASK_V0; /* stripped, forged, or gone back? */
}

static void after_v0(const struct policy_rules *rules, const struct policy_peer *peer,
		     enum sight_offer offer, struct policy_next *next)
{
	next->reason = POLICY_BECAUSE_ANSWERED_V0;
	if (offer != SIGHT_OFFER_V1 || peer->mixed)
		return;
	if (rules->value[POLICY_REFUSED] == POLICY_REFUSED_TCP || !policy_may_probe(rules))
		return;
	if (peer->sure && peer->speaks == MPNIC_SPEAKS_V0)
		return;
	/* Who forged the SYN/ACK cannot forge the answer to a SYN of our own numbers. */
	next->ask = POLICY_ASK_V0;
	if (peer->sure && peer->speaks == MPNIC_SPEAKS_V1)
		next->ask |= POLICY_ASK_V1;
}

static void after_trouble(const struct policy_rules *rules, enum policy_setting setting,
			  struct policy_next *next)
{
	next->back_off = rules->value[setting] == POLICY_BACK_OFF;
	next->reason = next->back_off ? POLICY_BECAUSE_TROUBLE : POLICY_BECAUSE_TROUBLE_NOTED;
}

void policy_after(const struct policy_rules *rules, const struct policy_peer *peer,
		  enum sight_what what, enum sight_offer offer, struct policy_next *next)
{
	*next = (struct policy_next){.reason = POLICY_BECAUSE_NOTHING};
	if (rules->value[POLICY_MODE] == POLICY_OBSERVE) {
		next->reason = POLICY_BECAUSE_OBSERVE;
		return;
	}
	switch (what) {
	case SIGHT_ABSENT:
		after_refusal(rules, peer, offer, next);
		break;
	case SIGHT_ANSWER_V0:
		after_v0(rules, peer, offer, next);
		break;
	case SIGHT_MALFORMED:
	case SIGHT_ECHO: /* what copies or breaks this option does so with a probe's too */
		next->reason = POLICY_BECAUSE_REFUSED;
		break;
	case SIGHT_DSS_LOST:
		after_trouble(rules, POLICY_DSS_LOST, next);
		break;
	case SIGHT_CSUM_BAD:
		after_trouble(rules, POLICY_CHECKSUM_BAD, next);
		break;
	default:
		break;
	}
}

bool policy_join_passes(const struct policy_rules *rules, enum policy_setting setting)
{
	return rules->value[POLICY_MODE] == POLICY_OBSERVE ||
	       rules->value[setting] == POLICY_JOIN_PASS;
}
