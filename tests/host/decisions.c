/* SPDX-License-Identifier: BSD-3-Clause */
/* decisions TABLE: prints one table of docs/decisions.md or docs/policy.md, out of the code that
 * decides. What a sight teaches is said here in words: peers.c counts how many it takes. */
#include <stdio.h>
#include <string.h>

#include "mpnic_model.h"
#include "probe.h"

#define RST_ACK 0x14
#define SYN_ACK 0x12

static struct policy_rules built_in(void)
{
	struct policy_rules rules = {0};

	for (unsigned int s = 0; s < POLICY_SETTINGS; s++)
		rules.value[s] = policy_settings[s].initial;
	return rules;
}

static const char *questions(uint8_t ask)
{
	static const char *const names[] = {"-", "v1", "v0", "v1, v0"};

	return names[ask & 3];
}

struct change {
	const char *text;
	enum policy_setting setting;
	uint32_t value;
};

static const struct change usual = {"-", POLICY_MODE, POLICY_ACT};

static struct policy_rules changed(const struct change *change)
{
	struct policy_rules rules = built_in();

	rules.value[change->setting] = change->value;
	return rules;
}

static void first_row(const char *state, struct policy_peer peer, const struct change *change)
{
	static const char *const acts[] = {"passes", "stripped", "asks mpnicd"};
	const struct policy_rules rules = changed(change);
	struct policy_decision v1, v0;

	policy_first_syn(&rules, &peer, SIGHT_OFFER_V1, &v1);
	policy_first_syn(&rules, &peer, SIGHT_OFFER_V0, &v0);
	printf("| %s | %s | %s | %s | %s | %s | %s | %s |\n", state, change->text, acts[v1.syn],
	       acts[v0.syn], acts[policy_nic(&rules, &peer)], questions(v1.ask),
	       policy_reason_text(v1.reason), policy_reason_rfc(v1.reason));
}

static void first_syn(void)
{
	static const struct change unknown_tcp = {"`unknown = \"tcp\"`", POLICY_UNKNOWN,
						  POLICY_OFFER_TCP};
	static const struct change v1_tcp = {"`known_v1 = \"tcp\"`", POLICY_KNOWN_V1,
					     POLICY_OFFER_TCP};
	static const struct change v0_v1 = {"`known_v0 = \"v1\"`", POLICY_KNOWN_V0,
					    POLICY_OFFER_V1};
	static const struct change observe = {"`mode = \"observe\"`", POLICY_MODE, POLICY_OBSERVE};
	static const struct change no_probe = {"`probe = false`", POLICY_PROBE, 0};
	const struct policy_peer none = {0};
	const struct policy_peer v1 = {.speaks = MPNIC_SPEAKS_V1, .sure = true};
	const struct policy_peer v0 = {.speaks = MPNIC_SPEAKS_V0, .sure = true};
	const struct policy_peer tcp = {.speaks = MPNIC_SPEAKS_NONE, .sure = true};
	struct policy_peer other;

	printf("| the cache says | policy, where not built in | SYN of v1 | SYN of v0 | the NIC | then "
	       "ask | why (SYN of v1) | source |\n|---|---|---|---|---|---|---|---|\n");
	first_row("nothing", none, &usual);
	first_row("nothing", none, &unknown_tcp);
	first_row("v1", v1, &usual);
	first_row("v1", v1, &v1_tcp);
	other = v1;
	other.sure = false;
	first_row("v1, not sure", other, &usual);
	first_row("v0", v0, &usual);
	first_row("v0", v0, &v0_v1);
	other = v0;
	other.probe_due = true;
	first_row("v0, old", other, &usual);
	other = v0;
	other.sure = false;
	first_row("v0, not sure", other, &usual);
	first_row("no MPTCP", tcp, &usual);
	other = tcp;
	other.probe_due = true;
	first_row("no MPTCP, old", other, &usual);
	first_row("no MPTCP, old", other, &no_probe);
	other = tcp;
	other.sure = false;
	first_row("no MPTCP, not sure", other, &usual);
	other = v1;
	other.mixed = true;
	first_row("mixed", other, &usual);
	first_row("mixed", other, &v1_tcp);
	other = v1;
	other.backed_off = true;
	first_row("back-off", other, &usual);
	other.probe_due = true;
	first_row("back-off, old", other, &usual);
	first_row("no MPTCP", tcp, &observe);
}

static void again_row(const char *state, struct policy_peer peer, const struct change *change)
{
	static const char *const acts[] = {"passes", "stripped"};
	const struct policy_rules rules = changed(change);
	struct policy_decision sent, again[4];

	policy_first_syn(&rules, &peer, SIGHT_OFFER_V1, &sent);
	for (unsigned int nth = 1; nth <= 4; nth++)
		policy_syn_again(&rules, &sent, SIGHT_OFFER_V1, nth, &again[nth - 1]);
	printf("| %s | %s | %s | %s | %s | %s | %s | %s |\n", state, change->text, acts[sent.syn],
	       acts[again[0].syn], acts[again[1].syn], acts[again[2].syn],
	       policy_reason_text(again[3].reason), policy_reason_rfc(again[3].reason));
}

static void syn_again(void)
{
	static const struct change third = {"`strip_from = 3`", POLICY_STRIP_FROM, 3};
	static const struct change never = {"`strip_from = 0`", POLICY_STRIP_FROM, 0};
	static const struct change observe = {"`mode = \"observe\"`", POLICY_MODE, POLICY_OBSERVE};
	const struct policy_peer none = {0};
	const struct policy_peer v1 = {.speaks = MPNIC_SPEAKS_V1, .sure = true};
	const struct policy_peer tcp = {.speaks = MPNIC_SPEAKS_NONE, .sure = true};

	printf("| the cache says | policy | first SYN | 1st repetition | 2nd | 3rd | why (4th) | source "
	       "|\n|---|---|---|---|---|---|---|---|\n");
	again_row("nothing", none, &usual);
	again_row("nothing", none, &third);
	again_row("nothing", none, &never);
	again_row("v1", v1, &usual);
	again_row("no MPTCP", tcp, &never);
	again_row("nothing", none, &observe);
}

/* What each sight is, and teaches. */
static const struct {
	const char *seen, *teaches, *rfc;
} sights[SIGHTS] = {
	[SIGHT_ANSWER_V1] = {"SYN/ACK with MP_CAPABLE of version 1",
			     "v1, not sure: the handshake is not over", "8684 3.1"},
	[SIGHT_ANSWER_V0] = {"SYN/ACK with MP_CAPABLE of version 0",
			     "v0 at once, not sure; lowers a confirmed v1 only as often as the "
			     "limit on downgrades allows",
			     "8684 3.1"},
	[SIGHT_ABSENT] = {"SYN/ACK without MP_CAPABLE",
			  "absent, cause unknown: no MPTCP, another version, a middlebox, SYN "
			  "cookies; one is no answer",
			  "8684 3.1, 6 figure 17"},
	[SIGHT_MALFORMED] = {"its MP_CAPABLE has a wrong length or form", "as absent", "8684 3.1"},
	[SIGHT_ECHO] = {"its MP_CAPABLE is our own",
			"a middlebox copies options; nothing about the peer", "8684 6"},
	[SIGHT_DROPPED] = {"SYNs with MP_CAPABLE unanswered, a plain one answered",
			   "back-off for the peer; for the network after several peers",
			   "8684 3.1, 3.9.3"},
	[SIGHT_SILENT] = {"no SYN was answered", "nothing", "8684 3.1"},
	[SIGHT_RESET] = {"RST to the SYN", "nothing: a closed port", "9293 3.10.7.3"},
	[SIGHT_CONFIRM_V1] = {"first DATA_ACK, version 1",
			      "v1, sure, for its time; ends the back-off", "8684 3.1, 3.7"},
	[SIGHT_CONFIRM_V0] = {"first DATA_ACK, version 0",
			      "v0, sure, for its time; ends the back-off", "6824 3.1, 3.6"},
	[SIGHT_FELL_BACK] = {"answered, but TCP before the first DATA_ACK",
			     "one failure of the version: somebody takes options from data",
			     "8684 3.7"},
	[SIGHT_DSS_LOST] = {"options vanished after the first DATA_ACK",
			    "a sign of the path, no failure of the version", "8684 3.7"},
	[SIGHT_CSUM_BAD] = {"a DSS checksum was wrong",
			    "a sign of the path, no failure of the version", "8684 3.7"},
	[SIGHT_CLIENT_V1] = {"the peer as a client, third packet, version 1",
			     "of the client role alone", "8684 3.1"},
	[SIGHT_CLIENT_V0] = {"... version 0",
			     "of the client role alone; may be a gateway: never lowers v1",
			     "6824 3.1"},
	[SIGHT_CLIENT_TCP] = {"... no MPTCP", "of the client role alone", "8684 3.1"},
	[SIGHT_PROBE_V1] = {"probe: version 1", "v1, claimed until a DATA_ACK", "8684 3.1"},
	[SIGHT_PROBE_V0] = {"probe: version 0", "v0, claimed until a DATA_ACK", "8684 3.1"},
	[SIGHT_PROBE_ABSENT_V1] = {"probe: v1 question without MP_CAPABLE",
				   "absent; with the same to v0: no MPTCP", "8684 3.1"},
	[SIGHT_PROBE_ABSENT_V0] = {"probe: v0 question without MP_CAPABLE",
				   "absent; with the same to v1: no MPTCP", "8684 3.1"},
	[SIGHT_PROBE_LOST] = {"probe: silence, where the host has connected before",
			      "the option may be dropped: as dropped, but weaker", "8684 3.1"},
};

static void after_cell(const struct policy_rules *rules, struct policy_peer peer,
		       enum sight_what what, enum sight_offer offer)
{
	struct policy_next next;

	policy_after(rules, &peer, what, offer, &next);
	if (next.back_off)
		printf(" back-off |");
	else
		printf(" %s |", questions(next.ask));
}

static void answers(void)
{
	const struct policy_rules rules = built_in();
	struct policy_rules tcp = built_in(), trouble = built_in();
	const struct policy_peer none = {0};
	const struct policy_peer v1 = {.speaks = MPNIC_SPEAKS_V1, .sure = true};
	const struct policy_peer v0 = {.speaks = MPNIC_SPEAKS_V0, .sure = true};
	const struct policy_peer mixed = {.mixed = true};

	tcp.value[POLICY_REFUSED] = POLICY_REFUSED_TCP;
	trouble.value[POLICY_DSS_LOST] = trouble.value[POLICY_CHECKSUM_BAD] = POLICY_BACK_OFF;
	printf("| seen | teaches the cache | source (RFC) | then ask, if nothing is known | ... v1 is "
	       "known | ... v0 is known | ... mixed | ... to an offer of v0 | `refused = \"tcp\"` | "
	       "`dss_lost`, `checksum_bad` = `\"back_off\"` |\n"
	       "|---|---|---|---|---|---|---|---|---|---|\n");
	for (unsigned int what = 0; what < SIGHTS; what++) {
		printf("| %s | %s | %s |", sights[what].seen, sights[what].teaches,
		       sights[what].rfc);
		after_cell(&rules, none, what, SIGHT_OFFER_V1);
		after_cell(&rules, v1, what, SIGHT_OFFER_V1);
		after_cell(&rules, v0, what, SIGHT_OFFER_V1);
		after_cell(&rules, mixed, what, SIGHT_OFFER_V1);
		after_cell(&rules, none, what, SIGHT_OFFER_V0);
		after_cell(&tcp, none, what, SIGHT_OFFER_V1);
		after_cell(&trouble, none, what, SIGHT_OFFER_V1);
		printf("\n");
	}
}

#define KEY 1, 2, 3, 4, 5, 6, 7, 8

static const struct answer {
	const char *text, *rfc;
	uint8_t flags, len, opts[20];
} probe_answers[] = {
	{"SYN/ACK, version 1, L = 12", "8684 3.1", SYN_ACK, 12, {30, 12, 1, 1, KEY}},
	{"SYN/ACK, version 0, L = 12", "8684 3.1", SYN_ACK, 12, {30, 12, 0, 1, KEY}},
	{"SYN/ACK without MP_CAPABLE", "8684 3.1, 6", SYN_ACK, 0, {0}},
	{"SYN/ACK, version 1, B = 1", "8684 3.1 (B)", SYN_ACK, 12, {30, 12, 1, 0x41, KEY}},
	{"SYN/ACK, version 0, B = 1", "6824 3.1 (B)", SYN_ACK, 12, {30, 12, 0, 0x41, KEY}},
	{"SYN/ACK, version 1, no crypto bit", "8684 3.1", SYN_ACK, 12, {30, 12, 1, 0, KEY}},
	{"SYN/ACK, version 1, another crypto bit than H",
	 "8684 3.1",
	 SYN_ACK,
	 12,
	 {30, 12, 1, 2, KEY}},
	{"SYN/ACK, version 1, A = 1 and C = 1", "8684 3.1", SYN_ACK, 12, {30, 12, 1, 0xa1, KEY}},
	{"SYN/ACK, version 1, L = 20", "8684 3.1", SYN_ACK, 20, {30, 20, 1, 1, KEY, KEY}},
	{"SYN/ACK, version 2, L = 12", "8684 3.1", SYN_ACK, 12, {30, 12, 2, 1, KEY}},
	{"SYN/ACK with the option of the v1 question", "8684 6", SYN_ACK, 4, {30, 4, 1, 1}},
	{"SYN/ACK with the option of the v0 question",
	 "8684 6",
	 SYN_ACK,
	 12,
	 {30, 12, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9}},
	{"RST with ACK", "9293 3.10.7.3", RST_ACK, 0, {0}},
};

static const char *sight_name(unsigned int what)
{
	switch (what) {
	case SIGHT_PROBE_V1:
		return "v1";
	case SIGHT_PROBE_V0:
		return "v0";
	case SIGHT_PROBE_ABSENT_V1:
	case SIGHT_PROBE_ABSENT_V0:
		return "absent";
	case SIGHT_MALFORMED:
		return "malformed";
	case SIGHT_ECHO:
		return "echo";
	case SIGHT_RESET:
		return "closed port";
	default:
		return "?";
	}
}

/* The engine asks, gets the answer, and says what it has seen. */
static void probe_cell(const struct answer *answer, uint8_t question)
{
	static const struct probe_config config = PROBE_CONFIG_DEFAULT;
	const struct policy_rules rules = built_in();
	const struct probe_now now = {.ns = 1, .s = 1};
	const struct probe_random random = {.key = {9, 9}};
	const struct mpnic_csum csum = {.l4 = MPNIC_CSUM_GOOD};
	struct probe_ask ask = {.questions = question, .handshake_s = 1};
	struct probe_report report = {.sight[0].what = SIGHTS};
	struct probe_packet packet = {0};
	struct probe *probe;
	struct mpnic_hdr hdr;
	const char *wrong;

	ask.peer.addr.version = ask.from.version = 4;
	ask.peer.port = 1;
	if (probe_create(&config, 1, &probe, &wrong))
		return;
	probe_start(probe, &ask, &rules, &random, now);
	probe_next(probe, now, &packet);
	mpnic_decode_options(answer->opts, answer->len, answer->flags, 0, MPNIC_GIVEN_UNKNOWN,
			     &hdr);
	hdr.parse = MPNIC_PARSE_TCP;
	hdr.ip_version = 4;
	hdr.tcp_flags = answer->flags;
	hdr.opt_len = answer->len;
	memcpy(hdr.opts, answer->opts, answer->len);
	hdr.sport = packet.dport;
	hdr.dport = packet.sport;
	hdr.ack = packet.seq + 1;
	probe_input(probe, &hdr, &csum, 0, now, &packet);
	probe_report(probe, &report);
	printf(" %s |", sight_name(report.sight[0].what));
	probe_destroy(probe);
}

static void probes(void)
{
	printf("| answer to a probe | to the v1 question | to the v0 question | source (RFC) |\n"
	       "|---|---|---|---|\n");
	for (size_t i = 0; i < sizeof(probe_answers) / sizeof(probe_answers[0]); i++) {
		printf("| %s |", probe_answers[i].text);
		probe_cell(&probe_answers[i], POLICY_ASK_V1);
		probe_cell(&probe_answers[i], POLICY_ASK_V0);
		printf(" %s |\n", probe_answers[i].rfc);
	}
}

static void setting_values(unsigned int s)
{
	const struct policy_setting_info *info = &policy_settings[s];

	if (s == POLICY_PROBE) {
		printf("true, false | %s", info->initial ? "true" : "false");
		return;
	}
	if (!info->words) {
		printf("%u to %u | %u", info->min, info->max, info->initial);
		return;
	}
	for (unsigned int w = 0; info->words[w]; w++)
		printf("%s%s%s", w ? ", " : "", info->words[w],
		       policy_unavailable(s, w) ? " (needs the gateway: refused)" : "");
	printf(" | %s", info->words[info->initial]);
}

static void settings(void)
{
	printf("| setting | values | built in | because | source |\n|---|---|---|---|---|\n");
	for (unsigned int s = 0; s < POLICY_SETTINGS; s++) {
		printf("| `%s` | ", policy_settings[s].name);
		setting_values(s);
		printf(" | %s | %s |\n", policy_settings[s].why, policy_settings[s].rfc);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} tables[] = {{"first_syn", first_syn},
		      {"syn_again", syn_again},
		      {"answers", answers},
		      {"probes", probes},
		      {"settings", settings}};

	for (size_t i = 0; argc == 2 && i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (strcmp(argv[1], tables[i].name))
			continue;
		tables[i].print();
		return 0;
	}
	fprintf(stderr, "decisions TABLE: first_syn, syn_again, answers, probes, settings\n");
	return 2;
}
