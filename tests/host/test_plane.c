/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control plane as one: what becomes of frames, and what follows for peers, probes and the NIC.
 * The parts have tests of their own.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "mpnic_encode.h"
#include "mpnic_model.h"
#include "plane.h"

enum {
	FIN = 1,
	SYN = 2,
	RST = 4,
	ACK = 16,
	PORT = 8080,
};

static uint64_t seed;

static void random_bytes(void *ctx, void *bytes, size_t count)
{
	uint8_t *at = bytes;

	(void)ctx;
	for (; count; count--) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		*at++ = (uint8_t)(seed >> 56);
	}
}

static struct plane *plane;
static struct policy *policy;
static struct clock {
	struct plane_now now;
} at;

static struct policy *make_policy(uint32_t set, enum policy_setting setting, uint32_t value)
{
	struct policy *p = policy_create();
	struct policy_values values = {.set = set};
	uint32_t line[2];

	values.value[setting] = value;
	cr_assert(p);
	cr_assert_eq(policy_defaults(p, &values), 0);
	cr_assert_eq(policy_seal(p, line), 0);
	return p;
}

static void set_up(void)
{
	struct plane_config c = {.random = random_bytes,
				 .probe = (struct probe_config)PROBE_CONFIG_DEFAULT};
	const char *wrong;

	seed = 1;
	at.now = (struct plane_now){.ns = 1000000000, .s = 1700000000};
	policy = make_policy(0, POLICY_MODE, 0);
	conns_defaults(&c.conns);
	c.conns.conns = 64;
	c.conns.flows = 256;
	c.conns.half_in = c.conns.half_out = 32;
	c.conns.half_joins = 32;
	c.conns.sights = c.conns.changes = 256;
	c.conns.policy = CONNS_DROP_JOIN_UNKNOWN | CONNS_DROP_JOIN_BAD;
	c.conns.epoch_s = at.now.s - 1;
	peers_defaults(&c.peers);
	c.peers.capacity = 1000;
	c.peers.pins = 16;
	cr_assert_eq(plane_new(&c, policy, &plane, &wrong), 0, "%s", wrong);
}

static void tear_down(void)
{
	plane_free(plane);
	policy_destroy(policy);
}

TestSuite(plane, .init = set_up, .fini = tear_down);

static void wait_s(uint32_t seconds)
{
	at.now.ns += seconds * UINT64_C(1000000000);
	at.now.s += seconds;
}

/* ---- frames --------------------------------------------------------------------------------- */

struct segment {
	bool from_kernel;
	uint8_t flags;
	uint16_t sport, dport;
	uint32_t seq, ack;
	const uint8_t *opts;
	size_t opt_len;
	uint8_t peer; /* last byte of its address */
};

static const uint8_t capable_v1[] = {30, 4, 0x01, 0x01};
static const uint8_t capable_v0_synack[] = {30, 12, 0x00, 0x01, 1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t capable_v1_synack[] = {30, 12, 0x01, 0x01, 1, 2, 3, 4, 5, 6, 7, 8};

static enum plane_fate pass(const struct segment *s)
{
	struct mpnic_out_frame f = {
		.dst_mac = {2, 0, 0, 0, 0, 9},
		.src_mac = {2, 0, 0, 0, 0, 1},
		.ip_version = 4,
		.ttl = 64,
		.sport = s->sport,
		.dport = s->dport,
		.seq = s->seq,
		.ack = s->ack,
		.tcp_flags = s->flags,
		.window = 1000,
	};
	const uint8_t host[4] = {10, 0, 0, 1}, peer[4] = {10, 0, 0, s->peer ? s->peer : 9};
	struct plane_frame frame = {.from_kernel = s->from_kernel};
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;
	uint8_t bytes[256];
	int len;

	memcpy(f.src, s->from_kernel ? host : peer, 4);
	memcpy(f.dst, s->from_kernel ? peer : host, 4);
	len = mpnic_encode_frame(&f, s->opts, s->opt_len, NULL, 0, bytes, sizeof(bytes));
	cr_assert_gt(len, 0);
	mpnic_packet(bytes, (size_t)len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &hdr, &csum);
	frame.frame = bytes;
	frame.hdr = &hdr;
	frame.csum = &csum;
	return plane_frame(plane, &frame, at.now);
}

/* The host's SYN with MP_CAPABLE of version 1. */
static enum plane_fate syn_to(uint8_t peer, uint16_t sport)
{
	return pass(&(struct segment){.from_kernel = true,
				      .flags = SYN,
				      .sport = sport,
				      .dport = PORT,
				      .seq = 1000,
				      .opts = capable_v1,
				      .opt_len = sizeof(capable_v1),
				      .peer = peer});
}

static enum plane_fate answer_from(uint8_t peer, uint16_t sport, const uint8_t *opts, size_t len)
{
	return pass(&(struct segment){.flags = SYN | ACK,
				      .sport = PORT,
				      .dport = sport,
				      .seq = 5000,
				      .ack = 1001,
				      .opts = opts,
				      .opt_len = len,
				      .peer = peer});
}

static struct peer_key key_of(uint8_t peer)
{
	return (struct peer_key){.addr = {.version = 4, .bytes = {10, 0, 0, peer}}, .port = PORT};
}

static struct peers_view view_of(uint8_t peer)
{
	const struct peer_key key = key_of(peer);
	struct peers_view v;

	peers_look(plane_peers(plane), &key, at.now.s, &v);
	return v;
}

static void say(uint8_t peer, enum peers_answer answer)
{
	const struct peer_key key = key_of(peer);
	struct peers_change change;

	cr_assert_eq(peers_set(plane_peers(plane), &key, answer, at.now.s, &change), 0);
}

static unsigned int probes_sent(struct probe_packet *last, struct path *path)
{
	unsigned int n = 0;

	plane_settle(plane, 100, at.now);
	while (plane_next_probe(plane, at.now, last, path))
		n++;
	return n;
}

/* ---- what is offered ------------------------------------------------------------------------ */

Test(plane, an_unknown_peer_is_offered_what_the_host_offers)
{
	cr_assert_eq(syn_to(9, 40000), PLANE_PASS);
	cr_assert_eq(plane_counts(plane)->offers[POLICY_BECAUSE_UNKNOWN], 1);
}

Test(plane, a_peer_that_speaks_tcp_alone_is_offered_nothing)
{
	say(9, PEERS_NONE);
	cr_assert_eq(syn_to(9, 40000), PLANE_STRIP);
	cr_assert_eq(plane_counts(plane)->stripped, 1);
	say(9, PEERS_V1);
	cr_assert_eq(syn_to(9, 40001), PLANE_PASS);
}

Test(plane, rule_04_the_first_repeated_syn_is_plain)
{
	cr_assert_eq(syn_to(9, 40000), PLANE_PASS);
	wait_s(1);
	cr_assert_eq(syn_to(9, 40000), PLANE_STRIP);
	/* Another connection is another attempt. */
	cr_assert_eq(syn_to(8, 40000), PLANE_PASS);
}

Test(plane, draining_strips_and_ends_with_it)
{
	plane_drain(plane, true, at.now);
	cr_assert_eq(syn_to(9, 40000), PLANE_STRIP);
	plane_drain(plane, false, at.now);
	cr_assert_eq(syn_to(9, 40001), PLANE_PASS);
}

Test(plane, observing_touches_nothing)
{
	struct policy *observe = make_policy(1u << POLICY_MODE, POLICY_MODE, POLICY_OBSERVE);

	say(9, PEERS_NONE);
	cr_assert_eq(plane_set_policy(plane, observe, at.now), policy);
	cr_assert_eq(syn_to(9, 40000), PLANE_PASS);
	plane_drain(plane, true, at.now);
	cr_assert_eq(syn_to(9, 40001), PLANE_PASS, "draining is no reason to touch");
	plane_set_policy(plane, policy, at.now);
	policy_destroy(observe);
}

Test(plane, a_plain_syn_is_nobodys_business)
{
	say(9, PEERS_NONE);
	cr_assert_eq(pass(&(struct segment){.from_kernel = true,
					    .flags = SYN,
					    .sport = 40000,
					    .dport = PORT,
					    .seq = 1000}),
		     PLANE_PASS);
	cr_assert_eq(plane_counts(plane)->stripped, 0);
}

/* ---- what is learnt ------------------------------------------------------------------------- */

Test(plane, rule_07_an_answer_with_version_0_is_learnt_at_once)
{
	syn_to(9, 40000);
	cr_assert_eq(answer_from(9, 40000, capable_v0_synack, sizeof(capable_v0_synack)),
		     PLANE_PASS);
	plane_settle(plane, 100, at.now);
	cr_assert_eq(view_of(9).answer, PEERS_V0);
	cr_assert_not(view_of(9).sure, "one SYN/ACK proves nothing");
}

Test(plane, rule_06_silence_on_mptcp_leads_to_a_question)
{
	struct probe_packet p;
	struct path path;

	syn_to(9, 40000);
	cr_assert_eq(probes_sent(&p, &path), 0, "asked before anything was seen");
	answer_from(9, 40000, NULL, 0);
	cr_assert_eq(probes_sent(&p, &path), 1);
	cr_assert_eq(p.tcp_flags, SYN);
	cr_assert_eq(p.dport, PORT);
	cr_assert_eq(p.opts[2] & 0xf, 0, "the question is for version 0");
	cr_assert_eq(p.dst.bytes[3], 9);
	/* It leaves as the host's own SYN did. */
	cr_assert_eq(path.dst_mac[5], 9);
	cr_assert_eq(path.src_mac[5], 1);
	cr_assert_eq(view_of(9).answer, PEERS_UNKNOWN);
}

Test(plane, the_answer_to_a_question_is_not_the_kernels)
{
	struct probe_packet p;
	struct path path;
	enum plane_fate fate;

	syn_to(9, 40000);
	answer_from(9, 40000, NULL, 0);
	probes_sent(&p, &path);
	fate = pass(&(struct segment){.flags = SYN | ACK,
				      .sport = PORT,
				      .dport = p.sport,
				      .seq = 7,
				      .ack = p.seq + 1,
				      .opts = capable_v0_synack,
				      .opt_len = sizeof(capable_v0_synack)});
	cr_assert_eq(fate, PLANE_OURS);
	cr_assert_eq(probes_sent(&p, &path), 1, "no RST");
	cr_assert_eq(p.tcp_flags, RST);
	cr_assert_eq(view_of(9).answer, PEERS_V0);
	/* What acknowledges something else is forged: nothing is sent, nothing learnt. */
	cr_assert_eq(
		pass(&(struct segment){
			.flags = SYN | ACK, .sport = PORT, .dport = p.sport, .ack = p.seq + 99}),
		PLANE_OURS);
	cr_assert_eq(probes_sent(&p, &path), 0);
}

Test(plane, nobody_is_asked_because_of_a_packet_that_came)
{
	struct probe_packet p;
	struct path path;

	pass(&(struct segment){.flags = SYN,
			       .sport = 5555,
			       .dport = 80,
			       .seq = 1,
			       .opts = capable_v1,
			       .opt_len = sizeof(capable_v1)});
	answer_from(9, 40000, NULL, 0);
	answer_from(9, 40001, capable_v0_synack, sizeof(capable_v0_synack));
	cr_assert_eq(probes_sent(&p, &path), 0);
}

Test(plane, an_old_answer_is_asked_for_when_the_host_has_reached_the_peer)
{
	struct probe_packet p;
	struct path path;
	unsigned int hours = 0;

	/* As often, and as far apart, as it takes; a probe in vain makes it last. */
	for (unsigned int i = 0; i < 10 && view_of(9).answer != PEERS_NONE; i++) {
		const struct sight sight = {.peer = key_of(9),
					    .what = i == 1 ? SIGHT_PROBE_ABSENT_V0 : SIGHT_ABSENT,
					    .offer = i == 1 ? SIGHT_OFFER_V0 : SIGHT_OFFER_V1,
					    .began_s = at.now.s,
					    .now_s = at.now.s};
		struct peers_change change;

		cr_assert_eq(peers_see(plane_peers(plane), &sight, &change), 0);
		wait_s(120);
	}
	cr_assert_eq(view_of(9).answer, PEERS_NONE);
	while (!view_of(9).ask && hours++ < 1000)
		wait_s(3600);
	cr_assert_eq(view_of(9).answer, PEERS_NONE, "it went before it was old");
	cr_assert(view_of(9).ask);
	cr_assert_eq(syn_to(9, 40000), PLANE_STRIP);
	cr_assert_eq(probes_sent(&p, &path), 0, "asked before the host has reached it");
	/* A SYN/ACK for another SYN does not count. */
	pass(&(struct segment){
		.flags = SYN | ACK, .sport = PORT, .dport = 40000, .seq = 1, .ack = 4711});
	cr_assert_eq(probes_sent(&p, &path), 0);
	answer_from(9, 40000, NULL, 0);
	cr_assert_geq(probes_sent(&p, &path), 1);
}

Test(plane, who_was_never_spoken_to_is_not_asked_by_hand)
{
	const struct peer_key key = key_of(9);
	enum probe_start start;
	uint64_t tag;

	cr_assert_eq(plane_ask(plane, &key, at.now, &tag, &start), -ENETUNREACH);
	syn_to(9, 40000);
	cr_assert_eq(plane_ask(plane, &key, at.now, &tag, &start), 0);
	cr_assert_eq(start, PROBE_NO_HANDSHAKE);
	answer_from(9, 40000, capable_v1_synack, sizeof(capable_v1_synack));
	plane_settle(plane, 100, at.now);
	cr_assert_eq(plane_ask(plane, &key, at.now, &tag, &start), 0);
	cr_assert_eq(start, PROBE_TAKEN);
}

/* ---- the NIC, the file, the log ------------------------------------------------------------- */

Test(plane, the_nic_is_told_what_the_cache_and_the_policy_say)
{
	const struct peer_key key = key_of(9);
	uint8_t speaks, first_syn;

	plane_nic_peer(plane, &key, at.now, &speaks, &first_syn);
	cr_assert_eq(first_syn, MPNIC_FIRST_SYN_PASS);
	say(9, PEERS_NONE);
	plane_nic_peer(plane, &key, at.now, &speaks, &first_syn);
	cr_assert_eq(speaks, MPNIC_SPEAKS_NONE);
	cr_assert_eq(first_syn, MPNIC_FIRST_SYN_STRIP);
	say(9, PEERS_V1);
	plane_drain(plane, true, at.now);
	plane_nic_peer(plane, &key, at.now, &speaks, &first_syn);
	cr_assert_eq(speaks, MPNIC_SPEAKS_V1);
	cr_assert_eq(first_syn, MPNIC_FIRST_SYN_STRIP);
}

Test(plane, changed_peers_come_out_once)
{
	struct peer_key key;

	cr_assert_not(plane_next_peer(plane, &key));
	syn_to(9, 40000);
	answer_from(9, 40000, capable_v0_synack, sizeof(capable_v0_synack));
	plane_settle(plane, 100, at.now);
	cr_assert(plane_next_peer(plane, &key));
	cr_assert_eq(key.addr.bytes[3], 9);
	while (plane_next_peer(plane, &key))
		cr_assert_eq(key.addr.bytes[3], 9);
}

Test(plane, an_answer_that_is_too_old_is_taken_from_the_nic)
{
	struct peer_key key;
	uint8_t speaks, first_syn;

	say(9, PEERS_NONE);
	for (unsigned int year = 0; year < 20 && !plane_next_peer(plane, &key); year++) {
		wait_s(365 * 86400);
		for (unsigned int i = 0; i < 100; i++)
			plane_settle(plane, 100, at.now);
	}
	cr_assert_eq(key.addr.bytes[3], 9);
	plane_nic_peer(plane, &key, at.now, &speaks, &first_syn);
	cr_assert_eq(speaks, MPNIC_SPEAKS_UNKNOWN);
	cr_assert_eq(first_syn, MPNIC_FIRST_SYN_PASS);
}

Test(plane, too_many_changed_peers_are_said_once_and_none_is_lost)
{
	const struct peer_key key = key_of(9);
	struct peer_key out;
	unsigned int n = 0;

	for (unsigned int i = 0; i < 100000; i++)
		plane_touch_peer(plane, &key);
	cr_assert_gt(plane_counts(plane)->peers_missed, 0);
	cr_assert(plane_peers_missed(plane));
	cr_assert_not(plane_peers_missed(plane));
	while (plane_next_peer(plane, &out))
		n++;
	cr_assert_eq(n, 0, "all are gone through anyway");
}

Test(plane, notes_are_numbered_and_old_ones_go)
{
	const struct plane_note *n;

	cr_assert_null(plane_note(plane, 1));
	for (unsigned int i = 0; i < 5000; i++)
		plane_tell(plane, NOTE_NIC_RESET, at.now);
	n = plane_note(plane, 1);
	cr_assert(n && n->seq > 1 && n->seq == 5000 - 4096 + 1, "%u", (unsigned int)n->seq);
	cr_assert_eq(plane_note(plane, 5000)->seq, 5000);
	cr_assert_null(plane_note(plane, 5001));
}

Test(plane, paths_of_many_peers_are_bounded_and_right)
{
	for (unsigned int round = 0; round < 40; round++)
		for (unsigned int peer = 2; peer < 250; peer++)
			syn_to((uint8_t)peer, (uint16_t)(10000 + round * 250 + peer));
	for (unsigned int peer = 2; peer < 250; peer++) {
		const struct peer_key key = key_of((uint8_t)peer);
		enum probe_start start;
		uint64_t tag;

		cr_assert_eq(plane_ask(plane, &key, at.now, &tag, &start), 0, "peer %u", peer);
	}
}
