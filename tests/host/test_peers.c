/* SPDX-License-Identifier: BSD-3-Clause */
/* The peer version cache: a test for each rule and each fault that it answers for (docs/peers.md).
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "mpnic_regs.h"
#include "naive_peers.h"
#include "peers_internal.h"

#define DAY 86400

static const uint32_t t0 = 1700000000;

static struct peers_config config_of(uint32_t capacity)
{
	struct peers_config config;

	peers_defaults(&config);
	config.capacity = capacity;
	config.pins = 64;
	memcpy(config.secret, "a secret of ours", PEERS_SECRET_SIZE);
	return config;
}

static struct peers *cache(uint32_t capacity)
{
	const struct peers_config config = config_of(capacity);
	struct peers *p;

	cr_assert_eq(peers_new(&config, &p, NULL), 0);
	return p;
}

static struct peer_key key_of(uint8_t network, uint32_t host, uint16_t port)
{
	struct peer_key key = {.network = network, .addr.version = 4, .port = port};

	host = __builtin_bswap32(host);
	memcpy(key.addr.bytes, &host, 4);
	return key;
}

static struct peer_key peer(void)
{
	return key_of(1, 0x0a000001, 443);
}

/* A sight of a connection that began at @s and showed it a second later. */
static struct peers_change saw_of(struct peers *p, struct peer_key key, enum sight_what what,
				  enum sight_offer offer, uint32_t s)
{
	const struct sight sight = {
		.peer = key, .what = what, .offer = offer, .began_s = s, .now_s = s + 1};
	struct peers_change change;

	cr_assert_eq(peers_see(p, &sight, &change), 0);
	return change;
}

static struct peers_change saw(struct peers *p, enum sight_what what, uint32_t s)
{
	return saw_of(p, peer(), what, SIGHT_OFFER_V1, s);
}

static struct peers_change saw_v0(struct peers *p, enum sight_what what, uint32_t s)
{
	return saw_of(p, peer(), what, SIGHT_OFFER_V0, s);
}

static struct peers_view look_of(struct peers *p, struct peer_key key, uint32_t s)
{
	struct peers_view view;

	peers_look(p, &key, s, &view);
	return view;
}

static struct peers_view look(struct peers *p, uint32_t s)
{
	return look_of(p, peer(), s);
}

#define assert_is(view, a, c)                        \
	do {                                         \
		const struct peers_view v_ = (view); \
		cr_assert_eq(v_.answer, a);          \
		cr_assert_eq(v_.confidence, c);      \
	} while (0)

/* Rules of mptcp-wire.md, section 4 */

Test(peers, rule_2_answer_to_a_plain_syn_says_nothing)
{
	struct peers *p = cache(16);

	saw_of(p, peer(), SIGHT_ABSENT, SIGHT_OFFER_NONE, t0);
	saw_of(p, peer(), SIGHT_ANSWER_V1, SIGHT_OFFER_NONE, t0);
	cr_assert_not(look(p, t0 + 1).known);
	peers_free(p);
}

Test(peers, rule_5_version_above_the_offer_is_no_answer)
{
	struct peers *p = cache(16);

	saw_v0(p, SIGHT_ANSWER_V1, t0);
	assert_is(look(p, t0 + 1), PEERS_UNKNOWN, PEERS_UNSURE);
	peers_free(p);
}

Test(peers, rule_6_absent_is_no_conclusion_but_a_question)
{
	struct peers *p = cache(16);
	struct peers_view view;

	saw(p, SIGHT_ABSENT, t0);
	view = look(p, t0 + 1);
	cr_assert_eq(view.answer, PEERS_UNKNOWN);
	cr_assert_eq(view.ask, PEERS_ASK_V1 | PEERS_ASK_V0);
	cr_assert_eq(view.ask_s, t0 + 1);
	/* A v0 listener that follows RFC 6824: v1 absent, v0 answered. */
	saw(p, SIGHT_PROBE_ABSENT_V1, t0 + 1);
	saw_v0(p, SIGHT_PROBE_V0, t0 + 2);
	assert_is(look(p, t0 + 3), PEERS_V0, PEERS_CLAIMED);
	/* To v1 it stays silent of MPTCP, which is nothing new. */
	saw(p, SIGHT_ABSENT, t0 + 100);
	saw(p, SIGHT_ABSENT, t0 + 200);
	saw(p, SIGHT_ABSENT, t0 + 300);
	assert_is(look(p, t0 + 301), PEERS_V0, PEERS_CLAIMED);
	peers_free(p);
}

Test(peers, rule_6_probe_that_finds_neither_concludes_none)
{
	struct peers *p = cache(16);

	saw(p, SIGHT_ABSENT, t0);
	saw(p, SIGHT_PROBE_ABSENT_V1, t0 + 1);
	cr_assert_eq(look(p, t0 + 2).answer, PEERS_UNKNOWN);
	saw_v0(p, SIGHT_PROBE_ABSENT_V0, t0 + 2);
	assert_is(look(p, t0 + 3), PEERS_NONE, PEERS_CLAIMED);
	cr_assert(look(p, t0 + 3).sure);
	cr_assert_eq(look(p, t0 + 3).expires_s, t0 + 3 + 6 * 3600);
	/* None is asked again after half an hour. */
	cr_assert_eq(look(p, t0 + 3 + 1799).ask, 0);
	cr_assert_eq(look(p, t0 + 3 + 1800).ask, PEERS_ASK_V1);
	cr_assert_eq(look(p, t0 + 3 + 6 * 3600).answer, PEERS_UNKNOWN);
	peers_free(p);
}

/* Fault of XNU and Linux 6.18: a SYN/ACK of a lower version teaches them nothing. */
Test(peers, rule_7_fault_lower_version_syn_ack_not_learnt)
{
	struct peers *p = cache(16);
	struct peers_change change = saw(p, SIGHT_ANSWER_V0, t0);

	assert_is(look(p, t0 + 1), PEERS_V0, PEERS_CLAIMED);
	cr_assert(change.tell_nic && change.save);
	cr_assert_not(look(p, t0 + 1).sure);
	cr_assert_eq(look(p, t0 + 1).set_by, SIGHT_ANSWER_V0);
	cr_assert_eq(look(p, t0 + 1).expires_s, t0 + 1 + 3600);
	/* The rest of the same connection, which cannot be v0, adds nothing. */
	saw(p, SIGHT_FELL_BACK, t0);
	saw_v0(p, SIGHT_CONFIRM_V0, t0 + 10);
	assert_is(look(p, t0 + 11), PEERS_V0, PEERS_CONFIRMED);
	cr_assert_eq(look(p, t0 + 11).expires_s, t0 + 11 + DAY);
	peers_free(p);
}

Test(peers, rule_7_claimed_v0_that_does_not_take_v0_is_forgotten_at_once)
{
	struct peers *p = cache(16);

	saw(p, SIGHT_ANSWER_V0, t0);
	saw_v0(p, SIGHT_ABSENT, t0 + 10);
	cr_assert_eq(look(p, t0 + 11).answer, PEERS_UNKNOWN);
	cr_assert_neq(look(p, t0 + 11).ask, 0);
	peers_free(p);
}

Test(peers, rule_13_malformed_counts_as_absent_but_apart)
{
	struct peers *p = cache(16);
	struct peers_view view;

	saw(p, SIGHT_MALFORMED, t0);
	view = look(p, t0 + 1);
	cr_assert_eq(view.answer, PEERS_UNKNOWN);
	cr_assert_eq(view.run, 1);
	cr_assert_eq(peers_count(view.counts, SIGHT_MALFORMED), 1);
	cr_assert_eq(peers_count(view.counts, SIGHT_ABSENT), 0);
	peers_free(p);
}

Test(peers, rule_32_only_a_completed_handshake_proves_a_version)
{
	static const enum sight_what claims[] = {SIGHT_ANSWER_V1, SIGHT_PROBE_V1};
	struct peers *p = cache(16);
	uint32_t i;

	for (i = 0; i < 20; i++) {
		saw(p, claims[i % 2], t0 + 100 * i);
		cr_assert_not(look(p, t0 + 100 * i + 1).sure);
	}
	saw_of(p, key_of(1, 2, 80), SIGHT_ANSWER_V0, SIGHT_OFFER_V1, t0);
	saw_of(p, key_of(1, 2, 80), SIGHT_PROBE_V0, SIGHT_OFFER_V0, t0 + 5);
	cr_assert_not(look_of(p, key_of(1, 2, 80), t0 + 6).sure);
	saw(p, SIGHT_CONFIRM_V1, t0 + 5000);
	assert_is(look(p, t0 + 5001), PEERS_V1, PEERS_CONFIRMED);
	cr_assert(look(p, t0 + 5001).sure);
	peers_free(p);
}

Test(peers, rule_32_observations_stay_apart)
{
	struct peers *p = cache(16);
	struct peers_view view;
	unsigned int i, j;

	saw(p, SIGHT_CONFIRM_V1, t0);
	for (i = 0; i < SIGHTS; i++) {
		if (i == SIGHT_CLIENT_V1 || i == SIGHT_CLIENT_V0 || i == SIGHT_CLIENT_TCP)
			continue;
		for (j = 0; j < i % 5 + (i > 15 ? 20 : 0); j++)
			saw_of(p, peer(), (enum sight_what)i, SIGHT_OFFER_V1, t0);
	}
	view = look(p, t0 + 1);
	for (i = 0; i < SIGHTS; i++) {
		unsigned int n = i % 5 + (i > 15 ? 20 : 0) + (i == SIGHT_CONFIRM_V1);

		if (peers_is_client((enum sight_what)i))
			n = 0;
		cr_assert_eq(peers_count(view.counts, (enum sight_what)i), n > 15 ? 15 : n,
			     "sight %u", i);
	}
	peers_free(p);
}

static struct peers_change drop(struct peers *p, uint32_t host, uint32_t s)
{
	return saw_of(p, key_of(1, host, 443), SIGHT_DROPPED, SIGHT_OFFER_V1, s);
}

Test(peers, rule_33_back_off_of_a_destination_doubles_up_to_its_cap)
{
	struct peers_config config = config_of(16);
	uint32_t s = t0, i, lasts = 600;
	struct peers *p;

	config.backoff_cap_s = 10000;
	cr_assert_eq(peers_new(&config, &p, NULL), 0);
	for (i = 0; i < 9; i++) {
		saw(p, SIGHT_DROPPED, s);
		cr_assert_eq(look(p, s + 1).backoff_s, s + 1 + lasts, "level %u", i);
		/* Connections of before, or during it, are the same observation. */
		saw(p, SIGHT_DROPPED, s + lasts - 2);
		cr_assert_eq(look(p, s + lasts).backoff_s, s + 1 + lasts);
		cr_assert_eq(look(p, s + 1 + lasts).backoff_s, 0);
		s += lasts + 2;
		lasts = lasts * 2 > 10000 ? 10000 : lasts * 2;
	}
	/* Long after it is over the next one is the first again. */
	saw(p, SIGHT_DROPPED, s + 30000);
	cr_assert_eq(look(p, s + 30001).backoff_level, 1);
	peers_free(p);
}

/* Fault of Linux: one bad destination switches MPTCP off for the whole network namespace. */
Test(peers, rule_33_fault_one_bad_destination_switches_mptcp_off_for_everyone)
{
	struct peers *p = cache(64);
	uint32_t i;

	for (i = 0; i < 20; i++)
		drop(p, 0x0a000001, t0 + i * 100000);
	/* Nor do its ports, and neighbours in one site. */
	for (i = 0; i < 20; i++)
		saw_of(p, key_of(1, 0x0a000001 + i, (uint16_t)(80 + i)), SIGHT_DROPPED,
		       SIGHT_OFFER_V1, t0 + 2000000 + i);
	cr_assert_eq(look_of(p, key_of(1, 0x01020304, 80), t0 + 2000001).network_backoff_s, 0);
	peers_free(p);
}

Test(peers, rule_33_network_backs_off_after_several_distinct_destinations)
{
	struct peers *p = cache(64);
	struct peers_change change;

	drop(p, 0x0a000001, t0);
	drop(p, 0x0a010001, t0 + 1);
	change = drop(p, 0x0a020001, t0 + 2);
	cr_assert_not(change.network_changed);
	change = drop(p, 0x0a030001, t0 + 3);
	cr_assert(change.network_changed);
	cr_assert_eq(change.alarms, PEERS_ALARM_BLACKHOLE);
	cr_assert_eq(look_of(p, key_of(1, 5, 80), t0 + 4).network_backoff_s, t0 + 4 + 3600);
	cr_assert_eq(look_of(p, key_of(2, 5, 80), t0 + 4).network_backoff_s, 0, "other network");
	cr_assert_eq(look_of(p, key_of(1, 5, 80), t0 + 4 + 3600).network_backoff_s, 0);
	/* Four more, after it: twice as long. */
	drop(p, 0x0a040001, t0 + 5000);
	drop(p, 0x0a050001, t0 + 5001);
	drop(p, 0x0a060001, t0 + 5002);
	drop(p, 0x0a070001, t0 + 5003);
	cr_assert_eq(look_of(p, key_of(1, 5, 80), t0 + 5004).network_backoff_s, t0 + 5004 + 7200);
	peers_free(p);
}

Test(peers, rule_33_network_wants_them_within_its_window_and_without_success)
{
	struct peers *p = cache(64);

	drop(p, 0x0a000001, t0);
	drop(p, 0x0a010001, t0 + 1);
	drop(p, 0x0a020001, t0 + 2);
	drop(p, 0x0a030001, t0 + 3700);
	cr_assert_eq(look_of(p, peer(), t0 + 3701).network_backoff_s, 0);
	drop(p, 0x0a040001, t0 + 3702);
	drop(p, 0x0a050001, t0 + 3703);
	saw_of(p, key_of(1, 0x0b000001, 80), SIGHT_ANSWER_V1, SIGHT_OFFER_V1, t0 + 3710);
	drop(p, 0x0a060001, t0 + 3720);
	cr_assert_eq(look_of(p, peer(), t0 + 3721).network_backoff_s, 0);
	peers_free(p);
}

/* What shows that SYNs with the option pass ends a back-off; what shows something else does not. */
Test(peers, rule_33_fault_reset_of_the_back_off_that_tests_the_wrong_thing)
{
	static const enum sight_what passes[] = {SIGHT_ANSWER_V1, SIGHT_ANSWER_V0, SIGHT_ABSENT,
						 SIGHT_PROBE_V1, SIGHT_PROBE_ABSENT_V0};
	static const enum sight_what others[] = {SIGHT_SILENT,	 SIGHT_RESET,	   SIGHT_CLIENT_V1,
						 SIGHT_DSS_LOST, SIGHT_FELL_BACK,  SIGHT_PROBE_LOST,
						 SIGHT_CSUM_BAD, SIGHT_CLIENT_TCP, SIGHT_CLIENT_V0};
	unsigned int i;

	for (i = 0; i < sizeof(passes) / sizeof(passes[0]); i++) {
		struct peers *p = cache(16);

		saw(p, SIGHT_DROPPED, t0);
		saw_of(p, peer(), passes[i], SIGHT_OFFER_V1, t0 + 10);
		cr_assert_eq(look(p, t0 + 11).backoff_s, 0, "sight %u", passes[i]);
		cr_assert_eq(look(p, t0 + 11).backoff_level, 0);
		peers_free(p);
	}
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const struct sight old = {
			.peer = peer(),
			.what = SIGHT_CONFIRM_V1,
			.offer = SIGHT_OFFER_V1,
			.began_s = t0 - 5,
			.now_s = t0 + 20,
		};
		struct peers *p = cache(16);
		struct peers_change change;

		saw(p, SIGHT_DROPPED, t0);
		saw_of(p, peer(), others[i], SIGHT_OFFER_V1, t0 + 10);
		/* A plain SYN that is answered, and a connection of before the drop. */
		saw_of(p, peer(), SIGHT_ABSENT, SIGHT_OFFER_NONE, t0 + 20);
		cr_assert_eq(peers_see(p, &old, &change), 0);
		cr_assert_eq(look(p, t0 + 21).backoff_s, t0 + 601, "sight %u", others[i]);
		peers_free(p);
	}
}

/* Faults of other stacks */

/* Fault of XNU: the peer that takes an evicted entry's place has its state. */
Test(peers, fault_evicted_entry_leaks_into_its_successor)
{
	struct peers *p = cache(1);
	struct peers_record r;
	struct peers_change change;
	static const uint8_t none[PEERS_COUNTS_SIZE] = {0};
	uint8_t counts[PEERS_COUNTS_SIZE] = {0};

	/* A rich entry. */
	saw(p, SIGHT_DROPPED, t0);
	saw(p, SIGHT_CONFIRM_V1, t0 + 1);
	saw(p, SIGHT_ABSENT, t0 + 200);
	saw(p, SIGHT_CONFIRM_V1, t0 + 300);
	saw(p, SIGHT_ABSENT, t0 + 400);
	change = saw_of(p, key_of(2, 77, 80), SIGHT_DROPPED, SIGHT_OFFER_V1, t0 + 1000);
	cr_assert(change.evicted);
	cr_assert_eq(change.evicted_key.addr.bytes[0], 10);
	cr_assert_eq(change.evicted_key.port, 443);
	cr_assert_not(look(p, t0 + 1001).known);
	cr_assert_eq(peers_get(p, &change.key, &r), 0);
	cr_assert_eq(r.answer, PEERS_UNKNOWN);
	cr_assert_eq(r.confidence + r.mixed + r.v0_absent + r.run, 0);
	cr_assert_eq(r.set_by, PEERS_BY_NOBODY);
	cr_assert_eq(r.backoff_level, 1);
	cr_assert_eq(r.expires_s + r.set_s + r.counted_s + r.probe_s, 0);
	memcpy(counts, r.counts, sizeof(counts));
	cr_assert_eq(peers_count(counts, SIGHT_DROPPED), 1);
	counts[SIGHT_DROPPED / 2] = 0;
	cr_assert_eq(memcmp(counts, none, sizeof(none)), 0);
	peers_free(p);
}

/* Fault of XNU: a v1 that was confirmed once is believed for ever. */
Test(peers, fault_confirmed_v1_never_expires)
{
	struct peers *p = cache(16);
	uint32_t budget = 100;
	struct peers_change change;

	saw(p, SIGHT_CONFIRM_V1, t0);
	assert_is(look(p, t0 + 7 * DAY), PEERS_V1, PEERS_CONFIRMED);
	assert_is(look(p, t0 + 1 + 7 * DAY), PEERS_UNKNOWN, PEERS_UNSURE);
	cr_assert(look(p, t0 + 1 + 7 * DAY).expired);
	cr_assert(peers_age(p, t0 + 1 + 7 * DAY, &budget, &change));
	cr_assert_eq(change.old_answer, PEERS_V1);
	cr_assert_eq(change.answer, PEERS_UNKNOWN);
	cr_assert(change.tell_nic && change.save);
	cr_assert_not(peers_age(p, t0 + 1 + 7 * DAY, &budget, &change));
	/* Another handshake makes it last. */
	saw(p, SIGHT_CONFIRM_V1, t0 + 8 * DAY);
	saw(p, SIGHT_CONFIRM_V1, t0 + 14 * DAY);
	assert_is(look(p, t0 + 20 * DAY), PEERS_V1, PEERS_CONFIRMED);
	peers_free(p);
}

/* Fault of XNU: its key is the address alone. */
Test(peers, fault_two_networks_share_one_private_address)
{
	struct peers *p = cache(16);
	uint32_t i;

	saw_of(p, key_of(1, 0xc0a80001, 80), SIGHT_CONFIRM_V1, SIGHT_OFFER_V1, t0);
	saw_of(p, key_of(2, 0xc0a80001, 80), SIGHT_CONFIRM_V0, SIGHT_OFFER_V0, t0);
	cr_assert_eq(look_of(p, key_of(1, 0xc0a80001, 80), t0 + 1).answer, PEERS_V1);
	cr_assert_eq(look_of(p, key_of(2, 0xc0a80001, 80), t0 + 1).answer, PEERS_V0);
	cr_assert_not(look_of(p, key_of(3, 0xc0a80001, 80), t0 + 1).known);
	peers_free(p);
	/* Nor where the hash's tag is the same, which so many keys see to. */
	p = cache(64);
	for (i = 0; i < 64; i++)
		saw_of(p, key_of(1, i, 80), SIGHT_CONFIRM_V1, SIGHT_OFFER_V1, t0);
	for (i = 0; i < 64 * 250; i++) {
		cr_assert_not(look_of(p, key_of((uint8_t)(2 + i / 64), i % 64, 80), t0 + 1).known);
		cr_assert_not(look_of(p, key_of(1, i % 64, (uint16_t)(81 + i)), t0 + 1).known);
	}
	peers_free(p);
}

/* Fault of XNU: every fallback, however late, is booked as a failure of the version. */
Test(peers, fault_mid_connection_fallback_booked_as_a_version_failure)
{
	struct peers *p = cache(16);
	unsigned int i;

	saw(p, SIGHT_CONFIRM_V1, t0);
	for (i = 0; i < 50; i++) {
		saw(p, i % 2 ? SIGHT_DSS_LOST : SIGHT_CSUM_BAD, t0 + 100 * (i + 1));
		assert_is(look(p, t0 + 100 * (i + 1)), PEERS_V1, PEERS_CONFIRMED);
		cr_assert_eq(look(p, t0 + 100 * (i + 1)).run, 0);
	}
	cr_assert_eq(peers_count(look(p, t0 + 6000).counts, SIGHT_DSS_LOST), 15);
	peers_free(p);
}

/* gateway.md, section 5 */

Test(learnt, linux_enables_mptcp_by_socket_so_ports_are_apart)
{
	struct peers *p = cache(16);

	saw_of(p, key_of(1, 9, 80), SIGHT_CONFIRM_V1, SIGHT_OFFER_V1, t0);
	cr_assert_not(look_of(p, key_of(1, 9, 81), t0 + 1).known);
	/* Nor is an answer spread to neighbours. */
	cr_assert_not(look_of(p, key_of(1, 8, 80), t0 + 1).known);
	peers_free(p);
}

Test(learnt, confirmation_is_the_first_data_ack_not_the_syn_ack)
{
	struct peers *p = cache(16);

	saw(p, SIGHT_ANSWER_V1, t0);
	assert_is(look(p, t0 + 1), PEERS_V1, PEERS_CLAIMED);
	cr_assert_eq(look(p, t0 + 1).expires_s, t0 + 1 + 3600);
	saw(p, SIGHT_CONFIRM_V1, t0);
	assert_is(look(p, t0 + 1), PEERS_V1, PEERS_CONFIRMED);
	peers_free(p);
}

Test(learnt, handshakes_that_end_in_tcp_are_failures_of_the_offer)
{
	struct peers *p = cache(16);
	unsigned int i;

	for (i = 0; i < 3; i++) {
		saw(p, SIGHT_ANSWER_V1, t0 + 100 * i);
		saw(p, SIGHT_FELL_BACK, t0 + 100 * i);
	}
	assert_is(look(p, t0 + 300), PEERS_NONE, PEERS_CLAIMED);
	peers_free(p);
}

Test(learnt, echo_of_our_option_is_a_broken_middlebox)
{
	struct peers *p = cache(16);
	struct peers_change change = saw(p, SIGHT_ECHO, t0);

	cr_assert_eq(change.alarms, PEERS_ALARM_MIDDLEBOX);
	cr_assert_eq(look(p, t0 + 1).answer, PEERS_UNKNOWN);
	cr_assert_eq(look(p, t0 + 1).ask, 0, "a probe would be copied too");
	peers_free(p);
}

Test(learnt, inbound_syns_are_a_role_of_their_own)
{
	struct peers *p = cache(16);
	struct peers_change change = saw(p, SIGHT_CLIENT_V1, t0);

	cr_assert_eq(change.key.port, 0);
	cr_assert_not(look(p, t0 + 1).known);
	assert_is(look_of(p, key_of(1, 0x0a000001, 0), t0 + 1), PEERS_V1, PEERS_CLAIMED);
	peers_free(p);
}

Test(learnt, inbound_v0_and_tcp_never_lower_v1)
{
	struct peers *p = cache(16);
	const struct peer_key client = key_of(1, 0x0a000001, 0);
	unsigned int i;

	saw(p, SIGHT_CONFIRM_V1, t0);
	saw(p, SIGHT_CLIENT_V1, t0);
	for (i = 1; i < 10; i++) {
		saw(p, i % 2 ? SIGHT_CLIENT_V0 : SIGHT_CLIENT_TCP, t0 + 100 * i);
		assert_is(look(p, t0 + 100 * i + 1), PEERS_V1, PEERS_CONFIRMED);
		cr_assert_eq(look_of(p, client, t0 + 100 * i + 1).answer, PEERS_V1);
		cr_assert(look_of(p, client, t0 + 100 * i + 1).mixed);
	}
	/* The other way round it rises. */
	saw_of(p, key_of(1, 5, 1), SIGHT_CLIENT_TCP, SIGHT_OFFER_NONE, t0);
	saw_of(p, key_of(1, 5, 1), SIGHT_CLIENT_V0, SIGHT_OFFER_NONE, t0);
	cr_assert_eq(look_of(p, key_of(1, 5, 0), t0 + 1).answer, PEERS_V0);
	peers_free(p);
}

Test(learnt, two_gateways_do_not_lock_each_other_at_v0)
{
	struct peers *p = cache(16);
	unsigned int i;

	/* Who speaks both takes v0 where v0 is offered: no step down. */
	saw(p, SIGHT_CONFIRM_V1, t0);
	for (i = 1; i < 10; i++) {
		saw_v0(p, SIGHT_ANSWER_V0, t0 + 100 * i);
		saw_v0(p, SIGHT_CONFIRM_V0, t0 + 100 * i);
	}
	assert_is(look(p, t0 + 1001), PEERS_V1, PEERS_CONFIRMED);
	cr_assert_not(look(p, t0 + 1001).mixed);
	peers_free(p);
}

Test(learnt, v0_is_asked_for_v1_again_and_rises_by_a_handshake)
{
	struct peers *p = cache(16);

	saw_v0(p, SIGHT_CONFIRM_V0, t0);
	cr_assert_eq(look(p, t0 + 2).ask, 0);
	cr_assert_eq(look(p, t0 + 1 + 6 * 3600).ask, PEERS_ASK_V1);
	saw(p, SIGHT_PROBE_ABSENT_V1, t0 + 6 * 3600 + 10);
	cr_assert_eq(look(p, t0 + 6 * 3600 + 11).ask, 0);
	cr_assert_eq(look(p, t0 + 12 * 3600 + 20).ask, PEERS_ASK_V1);
	/* One v1 answer is not enough against a confirmed v0, three apart are, a handshake is. */
	saw(p, SIGHT_PROBE_V1, t0 + 12 * 3600 + 20);
	assert_is(look(p, t0 + 12 * 3600 + 21), PEERS_V0, PEERS_CONFIRMED);
	saw(p, SIGHT_PROBE_V1, t0 + 13 * 3600 + 20);
	saw(p, SIGHT_PROBE_V1, t0 + 14 * 3600 + 20);
	assert_is(look(p, t0 + 14 * 3600 + 21), PEERS_V1, PEERS_CLAIMED);
	saw(p, SIGHT_CONFIRM_V1, t0 + 15 * 3600);
	assert_is(look(p, t0 + 15 * 3600 + 1), PEERS_V1, PEERS_CONFIRMED);
	peers_free(p);
}

Test(learnt, reset_and_silence_say_nothing)
{
	struct peers *p = cache(16);
	unsigned int i;

	for (i = 0; i < 10; i++)
		saw(p, i % 2 ? SIGHT_RESET : SIGHT_SILENT, t0 + i * 100);
	cr_assert_not(look(p, t0 + 1000).known);
	saw(p, SIGHT_CONFIRM_V1, t0 + 1000);
	for (i = 0; i < 10; i++)
		saw(p, i % 2 ? SIGHT_RESET : SIGHT_SILENT, t0 + 2000 + i * 100);
	assert_is(look(p, t0 + 4000), PEERS_V1, PEERS_CONFIRMED);
	cr_assert_eq(look(p, t0 + 4000).run, 0);
	peers_free(p);
}

Test(learnt, conflicting_answers_make_a_peer_mixed)
{
	struct peers *p = cache(16);
	uint32_t i;

	saw(p, SIGHT_CONFIRM_V1, t0);
	saw(p, SIGHT_ABSENT, t0 + 100);
	cr_assert_not(look(p, t0 + 101).mixed);
	saw(p, SIGHT_CONFIRM_V1, t0 + 200);
	cr_assert(look(p, t0 + 201).mixed);
	/* No number of refusals turns a mixed peer round, and no probe is wanted. */
	for (i = 0; i < 10; i++)
		saw(p, i % 2 ? SIGHT_ABSENT : SIGHT_ANSWER_V0, t0 + 300 + 100 * i);
	assert_is(look(p, t0 + 1301), PEERS_V1, PEERS_CONFIRMED);
	cr_assert_eq(look(p, t0 + 1301).ask, 0);
	/* Seven handshakes in a row do. */
	for (i = 0; i < 7; i++) {
		cr_assert(look(p, t0 + 2000 + 100 * i).mixed);
		saw(p, SIGHT_CONFIRM_V1, t0 + 2000 + 100 * i);
	}
	cr_assert_not(look(p, t0 + 3000).mixed);
	peers_free(p);
}

Test(learnt, parallel_connections_are_one_observation)
{
	struct peers *p = cache(16);
	unsigned int i;

	for (i = 0; i < 20; i++) {
		const struct sight s = {
			.peer = peer(),
			.what = SIGHT_ABSENT,
			.offer = SIGHT_OFFER_V1,
			.began_s = t0,
			.now_s = t0 + i,
		};
		struct peers_change change;

		peers_see(p, &s, &change);
	}
	cr_assert_eq(look(p, t0 + 20).run, 1);
	cr_assert_eq(look(p, t0 + 20).answer, PEERS_UNKNOWN);
	/* A handshake outweighs what began before it was done. */
	saw(p, SIGHT_CONFIRM_V1, t0 + 30);
	saw(p, SIGHT_ABSENT, t0 + 30);
	cr_assert_eq(look(p, t0 + 32).run, 0);
	peers_free(p);
}

Test(learnt, downgrade_of_a_confirmed_v1_takes_three_apart_and_alarms)
{
	struct peers *p = cache(16);

	saw(p, SIGHT_CONFIRM_V1, t0);
	cr_assert_eq(saw(p, SIGHT_ABSENT, t0 + 100).alarms, PEERS_ALARM_DOUBT);
	cr_assert_eq(look(p, t0 + 101).ask, PEERS_ASK_V1);
	/* Within a minute, however many: nothing. */
	saw(p, SIGHT_ABSENT, t0 + 110);
	saw(p, SIGHT_ANSWER_V0, t0 + 120);
	saw(p, SIGHT_PROBE_ABSENT_V1, t0 + 150);
	cr_assert_eq(look(p, t0 + 151).run, 1);
	cr_assert_eq(saw(p, SIGHT_ABSENT, t0 + 200).alarms, 0);
	assert_is(look(p, t0 + 201), PEERS_V1, PEERS_CONFIRMED);
	cr_assert_eq(saw(p, SIGHT_ABSENT, t0 + 300).alarms, PEERS_ALARM_DOWNGRADE);
	assert_is(look(p, t0 + 301), PEERS_NONE, PEERS_CLAIMED);
	peers_free(p);
}

Test(learnt, doubts_lapse_and_a_handshake_ends_them)
{
	struct peers *p = cache(16);

	saw(p, SIGHT_CONFIRM_V1, t0);
	saw(p, SIGHT_ABSENT, t0 + 100);
	saw(p, SIGHT_ABSENT, t0 + 200);
	cr_assert_eq(look(p, t0 + 201).run, 2);
	cr_assert_eq(look(p, t0 + 201 + DAY).run, 0);
	cr_assert_eq(saw(p, SIGHT_ABSENT, t0 + 202 + DAY).alarms, PEERS_ALARM_DOUBT);
	peers_free(p);
}

Test(learnt, rate_of_downgrades_in_a_network_is_limited)
{
	struct peers *p = cache(64);
	uint32_t i, j, down = 0, held = 0;

	for (i = 0; i < 20; i++)
		saw_of(p, key_of(1, i, 80), SIGHT_CONFIRM_V1, SIGHT_OFFER_V1, t0);
	for (j = 1; j <= 3; j++) {
		for (i = 0; i < 20; i++) {
			const uint8_t alarms = saw_of(p, key_of(1, i, 80), SIGHT_ANSWER_V0,
						      SIGHT_OFFER_V1, t0 + 100 * j)
						       .alarms;

			down += alarms == PEERS_ALARM_DOWNGRADE;
			held += alarms == PEERS_ALARM_HELD;
		}
	}
	cr_assert_eq(down, 16);
	cr_assert_eq(held, 4);
	assert_is(look_of(p, key_of(1, 0, 80), t0 + 400), PEERS_V0, PEERS_CLAIMED);
	assert_is(look_of(p, key_of(1, 19, 80), t0 + 400), PEERS_V1, PEERS_CONFIRMED);
	cr_assert_eq(
		saw_of(p, key_of(1, 19, 80), SIGHT_ANSWER_V0, SIGHT_OFFER_V1, t0 + 4000).alarms,
		PEERS_ALARM_DOWNGRADE, "the next hour");
	peers_free(p);
}

Test(learnt, one_forged_or_stripped_syn_ack_pins_nobody)
{
	unsigned int what;

	for (what = 0; what < SIGHTS; what++) {
		struct peers *p = cache(16);

		if (what == SIGHT_CONFIRM_V0 || what == SIGHT_CONFIRM_V1) {
			peers_free(p);
			continue;
		}
		saw(p, (enum sight_what)what, t0);
		cr_assert_not(look(p, t0 + 1).sure, "sight %u", what);
		peers_free(p);
		p = cache(16);
		saw(p, SIGHT_CONFIRM_V1, t0);
		saw(p, (enum sight_what)what, t0 + 1000);
		assert_is(look(p, t0 + 1001), PEERS_V1, PEERS_CONFIRMED);
		peers_free(p);
		p = cache(16);
		saw_v0(p, SIGHT_CONFIRM_V0, t0);
		saw(p, (enum sight_what)what, t0 + 1000);
		assert_is(look(p, t0 + 1001), PEERS_V0, PEERS_CONFIRMED);
		peers_free(p);
	}
}

/* Commands */

static struct peers_pin pin_of(uint32_t host, uint8_t bits, uint16_t port, uint8_t answer)
{
	const struct peer_key key = key_of(1, host, port);

	return (struct peers_pin){
		.network = 1, .bits = bits, .answer = answer, .addr = key.addr, .port = port};
}

Test(commands, longest_pin_wins_over_what_is_learnt)
{
	struct peers *p = cache(16);
	const struct peers_pin pins[] = {
		pin_of(0x0a000000, 8, 0, PEERS_NONE),	pin_of(0x0a000000, 24, 0, PEERS_V0),
		pin_of(0x0a000001, 32, 80, PEERS_NONE), pin_of(0x0a000000, 24, 443, PEERS_V1),
		pin_of(0, 0, 22, PEERS_NONE),
	};
	unsigned int i;

	saw(p, SIGHT_CONFIRM_V1, t0);
	for (i = 0; i < 5; i++)
		cr_assert_eq(peers_pin(p, &pins[i]), 0);
	cr_assert_eq(look_of(p, key_of(1, 0x0a000001, 443), t0 + 1).answer, PEERS_V1);
	cr_assert_eq(look_of(p, key_of(1, 0x0a000001, 443), t0 + 1).bits, 24);
	cr_assert_eq(look_of(p, key_of(1, 0x0a000001, 80), t0 + 1).answer, PEERS_NONE);
	cr_assert_eq(look_of(p, key_of(1, 0x0a000001, 80), t0 + 1).bits, 32);
	cr_assert_eq(look_of(p, key_of(1, 0x0a000002, 80), t0 + 1).answer, PEERS_V0);
	cr_assert_eq(look_of(p, key_of(1, 0x0a010002, 80), t0 + 1).answer, PEERS_NONE);
	cr_assert_eq(look_of(p, key_of(1, 0x0b010002, 22), t0 + 1).answer, PEERS_NONE);
	cr_assert_not(look_of(p, key_of(1, 0x0b010002, 80), t0 + 1).pinned);
	cr_assert_not(look_of(p, key_of(2, 0x0a000001, 80), t0 + 1).pinned);
	cr_assert_not(look_of(p, key_of(1, 0x0a000001, 0), t0 + 1).pinned,
		      "clients are not pinned");
	/* Learning goes on below, and shows through when the pin is gone. */
	cr_assert_eq(peers_unpin(p, &pins[3]), 0);
	assert_is(look(p, t0 + 1), PEERS_V0, PEERS_OPERATOR);
	cr_assert_eq(look(p, t0 + 1).learnt, PEERS_V1);
	cr_assert_eq(peers_unpin(p, &pins[1]), 0);
	cr_assert_eq(peers_unpin(p, &pins[0]), 0);
	assert_is(look(p, t0 + 1), PEERS_V1, PEERS_CONFIRMED);
	cr_assert_eq(peers_unpin(p, &pins[0]), -ENOENT);
	peers_free(p);
}

Test(commands, learning_never_sets_a_prefix_nor_moves_a_pin)
{
	struct peers *p = cache(16);
	const struct peers_pin pin = pin_of(0x0a000000, 8, 0, PEERS_V1);
	unsigned int i;

	cr_assert_eq(peers_pin(p, &pin), 0);
	for (i = 0; i < 10; i++)
		saw(p, SIGHT_ABSENT, t0 + 1000 * i);
	cr_assert_eq(look(p, t0 + 20000).answer, PEERS_V1);
	cr_assert_eq(look(p, t0 + 365 * DAY).answer, PEERS_V1);
	cr_assert_null(peers_pin_at(p, 1));
	peers_free(p);
}

Test(commands, pins_are_checked_and_bounded)
{
	struct peers *p = cache(16);
	struct peers_pin pin = pin_of(0x0a000001, 8, 0, PEERS_V1);
	unsigned int i;

	cr_assert_eq(peers_pin(p, &pin), -EINVAL, "host bits");
	pin = pin_of(0x0a000000, 33, 0, PEERS_V1);
	cr_assert_eq(peers_pin(p, &pin), -EINVAL);
	pin = pin_of(0x0a000000, 8, 0, PEERS_UNKNOWN);
	cr_assert_eq(peers_pin(p, &pin), -EINVAL);
	for (i = 0; i < 64; i++) {
		pin = pin_of(i, 32, 0, PEERS_V0);
		cr_assert_eq(peers_pin(p, &pin), 0);
	}
	pin = pin_of(64, 32, 0, PEERS_V0);
	cr_assert_eq(peers_pin(p, &pin), -ENOSPC);
	pin = pin_of(63, 32, 0, PEERS_V1);
	cr_assert_eq(peers_pin(p, &pin), 0, "a pin is replaced");
	cr_assert_eq(look_of(p, key_of(1, 63, 9), t0).answer, PEERS_V1);
	peers_free(p);
}

Test(commands, set_lasts_until_proof_or_its_time)
{
	struct peers *p = cache(16);
	const struct peer_key key = peer();
	struct peers_change change;

	cr_assert_eq(peers_set(p, &key, PEERS_NONE, t0, &change), 0);
	assert_is(look(p, t0 + 1), PEERS_NONE, PEERS_OPERATOR);
	saw(p, SIGHT_ANSWER_V1, t0 + 100);
	assert_is(look(p, t0 + 101), PEERS_NONE, PEERS_OPERATOR);
	saw(p, SIGHT_CONFIRM_V1, t0 + 100);
	assert_is(look(p, t0 + 102), PEERS_V1, PEERS_CONFIRMED);
	cr_assert_eq(peers_set(p, &key, PEERS_UNKNOWN, t0, &change), -EINVAL);
	cr_assert_eq(peers_remove(p, &key), 0);
	cr_assert_eq(peers_remove(p, &key), -ENOENT);
	cr_assert_not(look(p, t0 + 103).known);
	peers_free(p);
}

static void count_gone(void *ctx, const struct peer_key *key)
{
	(void)key;
	++*(unsigned int *)ctx;
}

Test(commands, flush_by_network_and_prefix)
{
	struct peers *p = cache(64);
	struct peers_flush which = {.network = 1, .bits = 24};
	const struct peer_key base = key_of(1, 0x0a000000, 0);
	unsigned int i, gone = 0;

	for (i = 0; i < 20; i++)
		saw_of(p, key_of((uint8_t)(i % 2), 0x0a000000 + (i / 2 << 7), 80), SIGHT_CONFIRM_V1,
		       SIGHT_OFFER_V1, t0);
	which.prefix = base.addr;
	cr_assert_eq(peers_flush(p, &which, count_gone, &gone), 2);
	cr_assert_eq(gone, 2);
	which.all_addresses = true;
	cr_assert_eq(peers_flush(p, &which, NULL, NULL), 8);
	cr_assert(look_of(p, key_of(0, 0x0a000000, 80), t0 + 1).known);
	which.all_networks = true;
	cr_assert_eq(peers_flush(p, &which, NULL, NULL), 10);
	peers_free(p);
}

/* Table */

Test(table, hash_is_siphash_1_3)
{
	uint8_t secret[PEERS_SECRET_SIZE], msg[20], mac[8];
	const struct peer_key key = {
		.network = 7,
		.addr = {6, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
		.port = 0x1234};
	unsigned int c = 1, d = 3, i;
	size_t size = 8;
	OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t("size", &size),
			       OSSL_PARAM_construct_uint("c-rounds", &c),
			       OSSL_PARAM_construct_uint("d-rounds", &d),
			       OSSL_PARAM_construct_end()};
	EVP_MAC *siphash = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(siphash);
	uint64_t expected = 0;

	for (i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)(i * 17);
	memcpy(msg, key.addr.bytes, 16);
	memcpy(msg + 16, "\x34\x12\x07\x06", 4);
	cr_assert(EVP_MAC_init(ctx, secret, sizeof(secret), params));
	cr_assert(EVP_MAC_update(ctx, msg, sizeof(msg)));
	cr_assert(EVP_MAC_final(ctx, mac, &size, sizeof(mac)));
	for (i = 0; i < 8; i++)
		expected |= (uint64_t)mac[i] << 8 * i;
	cr_assert_eq(peers_hash(secret, &key), expected);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(siphash);
}

Test(table, answers_have_the_numbers_of_the_nic)
{
	cr_assert_eq((int)PEERS_UNKNOWN, (int)MPNIC_SPEAKS_UNKNOWN);
	cr_assert_eq((int)PEERS_V1, (int)MPNIC_SPEAKS_V1);
	cr_assert_eq((int)PEERS_V0, (int)MPNIC_SPEAKS_V0);
	cr_assert_eq((int)PEERS_NONE, (int)MPNIC_SPEAKS_NONE);
}

Test(table, an_entry_takes_at_most_64_bytes_index_and_all)
{
	struct peers *p = cache(1000000);
	struct peers_stats stats;

	peers_stats(p, &stats);
	cr_assert_lt(stats.memory, 64000000 + 4 * (2 << 20), "%zu", (size_t)stats.memory);
	peers_free(p);
}

/* A flood of strangers passes over who is confirmed, and who is in use. */
Test(table, eviction_spares_confirmed_then_used)
{
	struct peers *p = cache(128);
	struct peers_stats stats;
	uint32_t i;

	for (i = 0; i < 100; i++)
		saw_of(p, key_of(1, i, 80), SIGHT_CONFIRM_V1, SIGHT_OFFER_V1, t0);
	for (i = 0; i < 10000; i++) {
		saw_of(p, key_of(2, i, 80), SIGHT_ABSENT, SIGHT_OFFER_V1, t0 + 1);
		if (i >= 5)
			cr_assert(look_of(p, key_of(2, 5, 80), t0 + 2).known, "used, yet gone: %u",
				  i);
	}
	for (i = 0; i < 100; i++)
		cr_assert(look_of(p, key_of(1, i, 80), t0 + 2).known);
	peers_stats(p, &stats);
	cr_assert_eq(stats.entries, 128);
	cr_assert_eq(stats.evicted_protected, 0);
	cr_assert_eq(stats.protected_entries, 100);
	peers_free(p);
}

Test(table, confirmed_entries_leave_an_eighth_to_newcomers)
{
	struct peers *p = cache(64);
	struct peers_stats stats;
	uint32_t i;

	for (i = 0; i < 1000; i++)
		saw_of(p, key_of(1, i, 80), SIGHT_CONFIRM_V1, SIGHT_OFFER_V1, t0);
	peers_stats(p, &stats);
	cr_assert_eq(stats.protected_entries, 56);
	cr_assert_eq(stats.entries, 64);
	peers_free(p);
}

Test(table, expired_entries_lose_their_protection)
{
	struct peers *p = cache(64);
	struct peers_stats stats;
	uint32_t i;

	for (i = 0; i < 56; i++)
		saw_of(p, key_of(1, i, 80), SIGHT_CONFIRM_V1, SIGHT_OFFER_V1, t0);
	for (i = 0; i < 100; i++)
		saw_of(p, key_of(2, i, 80), SIGHT_ABSENT, SIGHT_OFFER_V1, t0 + 30 * DAY);
	peers_stats(p, &stats);
	cr_assert_eq(stats.protected_entries, 0);
	cr_assert_gt(stats.evicted_expired, 30);
	peers_free(p);
}

Test(table, clients_are_never_protected)
{
	struct peers *p = cache(16);
	struct peers_stats stats;
	uint32_t i;

	for (i = 0; i < 100; i++)
		saw_of(p, key_of(1, i, 80), SIGHT_CLIENT_V1, SIGHT_OFFER_V1, t0);
	peers_stats(p, &stats);
	cr_assert_eq(stats.protected_entries, 0);
	peers_free(p);
}

Test(table, cursor_survives_changes)
{
	struct peers *p = cache(4096);
	static uint8_t seen[2000];
	struct peers_record r;
	uint32_t cursor = 0, i, n = 0;

	for (i = 0; i < 1000; i++)
		saw_of(p, key_of(1, i, 80), SIGHT_CONFIRM_V1, SIGHT_OFFER_V1, t0);
	while (peers_next(p, &cursor, &r)) {
		const uint32_t host = (uint32_t)(r.key.addr.bytes[2] << 8 | r.key.addr.bytes[3]);
		const struct peer_key gone = key_of(1, n % 500, 80);

		cr_assert_eq(seen[host]++, 0);
		/* The even half comes and goes meanwhile. */
		if (n % 2 == 0) {
			peers_remove(p, &gone);
			saw_of(p, key_of(1, 1000 + n / 2 % 900, 80), SIGHT_ABSENT, SIGHT_OFFER_V1,
			       t0);
		}
		n++;
	}
	for (i = 0; i < 1000; i++)
		cr_assert(seen[i] || (i < 500 && i % 2 == 0), "%u", i);
	peers_free(p);
}

Test(table, clock_steps_backwards)
{
	struct peers *p = cache(16);
	uint32_t s = t0 - 400 * DAY;

	saw(p, SIGHT_CONFIRM_V1, t0);
	saw_of(p, key_of(1, 2, 80), SIGHT_DROPPED, SIGHT_OFFER_V1, t0);
	/* An hour back: nothing is lost. */
	assert_is(look(p, t0 - 3600), PEERS_V1, PEERS_CONFIRMED);
	/* A year back: too far in the future to be true, and learnt anew at once. */
	cr_assert_eq(look(p, s).answer, PEERS_UNKNOWN);
	cr_assert_eq(look_of(p, key_of(1, 2, 80), s).backoff_s, 0);
	saw(p, SIGHT_ABSENT, s);
	cr_assert_eq(look(p, s + 1).run, 1);
	saw(p, SIGHT_CONFIRM_V1, s + 100);
	assert_is(look(p, s + 101), PEERS_V1, PEERS_CONFIRMED);
	cr_assert_eq(look(p, s + 101).set_s, s + 101);
	peers_free(p);
}

Test(table, hostile_sights_are_refused)
{
	struct peers *p = cache(16);
	struct sight bad[6];
	struct peers_change change;
	struct peers_stats stats;
	unsigned int i;

	for (i = 0; i < 6; i++)
		bad[i] = (struct sight){.peer = peer(), .offer = SIGHT_OFFER_V1, .now_s = t0};
	bad[0].what = (enum sight_what)SIGHTS;
	bad[1].offer = (enum sight_offer)3;
	bad[2].peer.addr.version = 5;
	bad[3].peer.port = 0;
	bad[4].peer.addr.bytes[9] = 1;
	bad[5].what = (enum sight_what) - 1;
	for (i = 0; i < 6; i++)
		cr_assert_eq(peers_see(p, &bad[i], &change), -EINVAL, "%u", i);
	peers_stats(p, &stats);
	cr_assert_eq(stats.refused, 6);
	cr_assert_eq(stats.entries, 0);
	peers_free(p);
}

Test(table, config_is_checked)
{
	struct peers_config config = config_of(0);
	struct peers *p;
	const char *why;

	cr_assert_eq(peers_new(&config, &p, &why), -EINVAL);
	cr_assert_not_null(why);
	config = config_of(1);
	config.observations = 1;
	cr_assert_eq(peers_new(&config, &p, &why), -EINVAL);
	config = config_of(1);
	config.v1_confirmed_s = 0;
	cr_assert_eq(peers_new(&config, &p, &why), -EINVAL);
	config = config_of(PEERS_CAPACITY_MAX + 1);
	cr_assert_eq(peers_new(&config, &p, &why), -EINVAL);
}

static uint64_t rnd(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void compare(struct peers *p, struct naive *n, const struct peer_key *key, uint32_t s)
{
	struct peers_view view, burst;
	struct naive_view expected;

	peers_look(p, key, s, &view);
	peers_look_burst(p, key, 1, s, &burst);
	cr_assert_eq(memcmp(&view, &burst, sizeof(view)), 0);
	naive_look(n, key, s, &expected);
	cr_assert_eq(view.answer, expected.answer, "answer %u, not %u", view.answer,
		     expected.answer);
	cr_assert_eq(view.confidence, expected.confidence);
	cr_assert_eq(view.mixed, expected.mixed);
	cr_assert_eq(view.backoff_s, expected.backoff_s);
	cr_assert_eq(view.network_backoff_s, expected.network_backoff_s);
	cr_assert_eq(view.expires_s, expected.expires_s);
}

/* Random sequences: table and learning against a list that knows the rules in plainer words. */
Test(property, as_the_naive_reference)
{
	static const uint32_t steps[] = {0, 1, 2, 30, 61, 120, 700, 3601, 7000, 25000, 90000};
	uint64_t seed = 0x9e3779b97f4a7c15;
	unsigned int round, i;

	for (round = 0; round < 200; round++) {
		struct peers *p = cache(64);
		struct naive *n = naive_new();
		uint32_t s = t0;

		for (i = 0; i < 400; i++) {
			const uint32_t step = steps[rnd(&seed) % (round % 2 ? 11 : 6)];
			struct sight sight = {
				.peer = key_of((uint8_t)(rnd(&seed) % 2),
					       (uint32_t)(rnd(&seed) % 6 << 8), 80),
				.what = (enum sight_what)(rnd(&seed) % SIGHTS),
				.offer = (enum sight_offer)(rnd(&seed) % 3),
			};
			struct peers_change change;

			/* Some rounds with few peers and few kinds, so that deep states are met. */
			if (round % 3 == 0) {
				static const enum sight_what few[] = {SIGHT_CONFIRM_V1,
								      SIGHT_ABSENT, SIGHT_ANSWER_V0,
								      SIGHT_DROPPED};

				sight.peer = peer();
				sight.what = few[rnd(&seed) % 4];
				sight.offer = SIGHT_OFFER_V1;
			}
			s += step;
			sight.began_s = s - (uint32_t)(rnd(&seed) % 90);
			sight.now_s = s;
			cr_assert_eq(peers_see(p, &sight, &change), 0);
			naive_see(n, &sight);
			compare(p, n, &change.key, s);
			compare(p, n, &change.key, s + (uint32_t)(rnd(&seed) % 8000));
		}
		naive_free(n);
		peers_free(p);
	}
}

/* Insertions, removals and evictions in a small table: what is in it is found, and nothing else. */
Test(property, index_finds_what_is_there)
{
	struct peers *p = cache(300);
	static bool there[1000];
	uint64_t seed = 42;
	unsigned int i, j, n = 0;
	struct peers_stats stats;

	for (i = 0; i < 60000; i++) {
		const uint32_t host = (uint32_t)(rnd(&seed) % 1000);
		const struct peer_key key = key_of(1, host, 80);

		if (rnd(&seed) % 3 == 0) {
			cr_assert_eq(peers_remove(p, &key), there[host] ? 0 : -ENOENT);
			n -= there[host];
			there[host] = false;
		} else {
			const struct peers_change change =
				saw_of(p, key, SIGHT_ABSENT, SIGHT_OFFER_V1, t0 + i);
			const uint8_t *b = change.evicted_key.addr.bytes;

			n += !there[host];
			there[host] = true;
			if (change.evicted) {
				cr_assert(there[b[2] << 8 | b[3]]);
				there[b[2] << 8 | b[3]] = false;
				n--;
			}
		}
		for (j = 0; j < 10; j++) {
			const uint32_t other = (uint32_t)(rnd(&seed) % 1000);

			cr_assert_eq(look_of(p, key_of(1, other, 80), t0 + i).known, there[other]);
		}
		peers_stats(p, &stats);
		cr_assert_eq(stats.entries, n);
		cr_assert_leq(n, 300);
	}
	peers_free(p);
}

Test(property, records_survive_export_and_import)
{
	struct peers *p = cache(256), *q = cache(256);
	uint64_t seed = 7;
	struct peers_record r, back;
	uint32_t cursor = 0, i;

	for (i = 0; i < 20000; i++) {
		const struct sight s = {
			.peer = key_of(1, (uint32_t)(rnd(&seed) % 200), 80),
			.what = (enum sight_what)(rnd(&seed) % SIGHTS),
			.offer = (enum sight_offer)(rnd(&seed) % 3),
			.began_s = t0 + i * 20,
			.now_s = t0 + i * 20 + 5,
		};
		struct peers_change change;

		peers_see(p, &s, &change);
	}
	while (peers_next(p, &cursor, &r)) {
		uint8_t key[PEERS_KEY_SIZE], value[PEERS_VALUE_SIZE];
		struct peers_item item;
		struct peers_view a, b;

		cr_assert_null(peers_record_wrong(&r), "%s", peers_record_wrong(&r));
		peers_encode(&r, key, value);
		cr_assert_null(peers_decode(key, sizeof(key), value, sizeof(value), &item));
		cr_assert_eq(item.kind, PEERS_KIND_RECORD);
		cr_assert_eq(peers_import(q, &item.record, t0 + i * 20, NULL), 0);
		cr_assert_eq(peers_get(q, &r.key, &back), 0);
		peers_look(p, &r.key, t0 + i * 20, &a);
		peers_look(q, &r.key, t0 + i * 20, &b);
		a.network_backoff_s = 0;
		cr_assert_eq(memcmp(&a, &b, sizeof(a)), 0);
	}
	peers_free(p);
	peers_free(q);
}
