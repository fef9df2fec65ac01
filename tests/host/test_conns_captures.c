/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Real traffic: captures go through decoder, model and connection tracker as a daemon would have
 * it, once with the host as each end, and come out as the replay's own tracker has them.
 */
#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "capture.h"
#include "conns_lab.h"
#include "track.h"

struct run {
	const char *name;
	unsigned int host;
	struct track *track;
	struct lab lab;
	unsigned int no_flow; /* segments of data that the NIC had no flow for */
	unsigned int not_sound;
};

typedef void frame_fn(struct run *r, const struct capture_frame *frame);

static void each_frame(struct run *r, frame_fn *handle)
{
	FILE *file = fopen(r->name, "rb");
	struct capture *capture;
	struct capture_frame frame;

	cr_assert_not_null(file, "%s", r->name);
	cr_assert_eq(capture_open(file, &capture), 0);
	while (capture_next(capture, &frame) > 0)
		handle(r, &frame);
	capture_close(capture);
	fclose(file);
}

static void decode(const struct capture_frame *frame, unsigned int given, struct mpnic_hdr *hdr,
		   struct mpnic_csum *csum)
{
	const size_t len = frame->len < MPNIC_REPLAY_MAX ? frame->len : MPNIC_REPLAY_MAX;

	mpnic_packet(frame->data, len, MPNIC_USER(given, 0), hdr, csum);
}

static void to_track(struct run *r, const struct capture_frame *frame)
{
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;

	decode(frame, MPNIC_GIVEN_UNKNOWN, &hdr, &csum);
	decode(frame, track_version(r->track, &hdr), &hdr, &csum);
	cr_assert_eq(track_packet(r->track, &hdr, &csum, frame->number, frame->time_ns), 0);
}

static void to_lab(struct run *r, const struct capture_frame *frame)
{
	struct lab *l = &r->lab;
	const struct track_flow *flow;
	unsigned int dir = 0;

	decode(frame, MPNIC_GIVEN_UNKNOWN, &l->hdr, &l->csum);
	decode(frame, conns_version(l->conns, &l->hdr, 0), &l->hdr, &l->csum);
	r->not_sound += l->hdr.parse == MPNIC_PARSE_TCP && l->csum.l4 == MPNIC_CSUM_NOT_JUDGED;
	flow = track_find(r->track, &l->hdr, &dir);
	if (flow && flow->conn)
		dir ^= flow->opener;
	l->now = frame->time_ns;
	lab_pass(l, dir == r->host);
	r->no_flow += flow && flow->conn && flow->conn->key_known[0] && flow->conn->key_known[1] &&
		      flow->conn->syn_seen && l->result.dsn_state == MPNIC_DSN_NO_FLOW;
}

static bool is_same(const struct track_flow *f, const struct conns_flow_info *info)
{
	return f->port[0] == info->port[0] && f->port[1] == info->port[1] &&
	       f->ip_version == info->addr[0].version &&
	       !memcmp(f->addr[0], info->addr[0].bytes, 16) &&
	       !memcmp(f->addr[1], info->addr[1].bytes, 16);
}

static bool find_conn(const struct run *r, const struct track_conn *c, struct conns_info *info)
{
	struct conns_flow_info flow;
	uint32_t at = 0;

	while (conns_list(r->lab.conns, &at, info))
		if (conns_list_flow(r->lab.conns, info, 0, &flow) && is_same(c->flow[0], &flow))
			return true;
	return false;
}

static bool find_flow(const struct run *r, const struct conns_info *of, const struct track_flow *f,
		      struct conns_flow_info *info)
{
	for (unsigned int i = 0; conns_list_flow(r->lab.conns, of, i, info); i++)
		if (is_same(f, info))
			return true;
	return false;
}

static void check_joins(const struct run *r, const struct track_conn *c,
			const struct conns_info *of)
{
	for (unsigned int i = 1; i < c->flows; i++) {
		const struct track_join *j = &c->flow[i]->join;
		struct conns_flow_info info;
		const bool found = find_flow(r, of, c->flow[i], &info);

		if (j->ack_verdict != TRACK_GOOD)
			continue; /* reset in its handshake */
		cr_assert(found, "%s: subflow %u", r->name, i);
		cr_assert_eq(info.state, CONNS_OPEN);
		cr_assert_eq(info.synack_hmac, CONNS_HMAC_GOOD);
		cr_assert_eq(info.ack_hmac, CONNS_HMAC_GOOD);
		cr_assert_eq(info.opener, c->flow[i]->opener);
		cr_assert(info.id[0] == j->id[0] && info.id[1] == j->id[1]);
		cr_assert(info.in_nic);
		for (unsigned int end = 0; end < 2; end++)
			cr_assert(c->event_count[TRACK_PRIO][0] || c->event_count[TRACK_PRIO][1] ||
				  info.backup[end] == j->backup[end]);
	}
}

/* The fallback that the other tracker's outcome allows. */
static bool is_expected(const struct track_conn *c, unsigned int rule)
{
	switch (c->outcome) {
	case TRACK_SILENT:
		return rule == 1 || rule == 4;
	case TRACK_ANSWERED_V0:
		return rule == 7;
	case TRACK_REFUSED:
		return !strcmp(c->reason, "third_ack_without_mp_capable") &&
		       (rule == 3 || rule == 15);
	default:
		return track_is_tcp(c) && rule >= 18 && rule <= 25;
	}
}

static void check_conn(const struct run *r, const struct track_conn *c)
{
	const bool tcp = track_is_tcp(c);
	struct conns_info info;

	if (!c->offer.frame) /* it began before the capture */
		return;
	cr_assert(find_conn(r, c, &info), "%s: connection %u", r->name, c->number);
	cr_assert_eq(info.out, r->host == 0);
	cr_assert_eq(info.state == CONNS_TCP, tcp, "%s: connection %u: state %d", r->name,
		     c->number, info.state);
	if (tcp)
		cr_assert(is_expected(c, info.rule), "%s: rule %u", r->name, info.rule);
	if (c->outcome != TRACK_V1 && c->outcome != TRACK_V0)
		return;
	cr_assert_eq(info.version, c->version);
	cr_assert_eq(info.csum, c->csum);
	cr_assert(info.confirmed, "%s", r->name);
	for (unsigned int side = 0; side < 2; side++) {
		cr_assert_eq(info.key_known[side], c->key_known[side]);
		cr_assert_eq(info.token[side], c->token[side]);
		cr_assert_eq(info.idsn[side], c->idsn[side]);
		if (!tcp)
			cr_assert_eq(info.data_fin[side], c->dss[side].data_fin > 0, "%s: side %u",
				     r->name, side);
	}
	check_joins(r, c, &info);
}

static unsigned int count_events(const struct run *r, enum track_event_kind kind,
				 enum track_verdict verdict)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < track_conns(r->track); i++) {
		const struct track_conn *c = track_conn(r->track, i);

		for (unsigned int e = 0; c->offer.frame && e < c->events; e++)
			count += c->event[e].kind == kind && c->event[e].verdict == verdict;
	}
	return count;
}

static void check_counts(const struct run *r)
{
	struct conns_counts counts;
	unsigned int good = 0, began = 0;

	for (unsigned int i = 0; i < track_conns(r->track); i++) {
		const struct track_conn *c = track_conn(r->track, i);

		began += !!c->offer.frame;
		for (unsigned int f = 1; c->offer.frame && f < c->flows; f++)
			good += c->flow[f]->join.ack_verdict == TRACK_GOOD;
	}
	conns_counts(r->lab.conns, &counts);
	cr_assert_eq(counts.began, began, "%s", r->name);
	cr_assert_eq(counts.joined, good, "%s: %u joins", r->name, good);
	cr_assert_eq(r->lab.done[CONNS_DO_FLOW_CONFIRM], good);
	cr_assert_eq(counts.addr_bad, count_events(r, TRACK_ADD_ADDR, TRACK_BAD), "%s", r->name);
	cr_assert_eq(counts.lost_changes, 0);
	cr_assert_eq(r->lab.failed, 0, "%s", r->name);
	cr_assert_eq(r->no_flow, 0, "%s: %u segments of data passed the NIC too early", r->name,
		     r->no_flow);
}

/* Everything ends by time, and nothing is left anywhere. */
static void check_end(struct run *r)
{
	struct mpnic_table_stats stats;
	struct conns_counts counts;

	for (unsigned int i = 0; i < 4; i++)
		lab_tick(&r->lab, 2 * 86400 * 1000000000ull);
	conns_counts(r->lab.conns, &counts);
	cr_assert_eq(counts.used_conns, 0, "%s: %u", r->name, counts.used_conns);
	cr_assert_eq(counts.used_flows, 0);
	for (unsigned int t = MPNIC_TABLE_FLOW; t <= MPNIC_TABLE_TOKEN; t++) {
		mpnic_table_stats(r->lab.nic, t, &stats);
		cr_assert_eq(stats.used, 0, "%s: %u left in table %u", r->name, stats.used, t);
	}
}

static void check_capture(const char *name, unsigned int host, unsigned int *compared)
{
	static const struct track_limits wide = {.flows = 1000, .conns = 1000};
	struct run r = {.name = name, .host = host, .track = track_new(&wide)};

	cr_assert_not_null(r.track);
	cr_assert_eq(lab_new(&r.lab, NULL), 0);
	each_frame(&r, to_track);
	track_finish(r.track);
	each_frame(&r, to_lab);
	/* Captures whose frames are cut off have no checksums: nothing of them is believed. */
	if (!r.not_sound) {
		for (unsigned int i = 0; i < track_conns(r.track); i++, (*compared)++)
			check_conn(&r, track_conn(r.track, i));
		check_counts(&r);
	}
	check_end(&r);
	lab_free(&r.lab);
	track_free(r.track);
}

static void check_all(unsigned int host)
{
	unsigned int compared = 0;
	glob_t files;

	cr_assert_eq(glob("tests/captures/*.pcap*", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++)
		check_capture(files.gl_pathv[i], host, &compared);
	cr_assert_gt(compared, 35, "%u connections", compared);
	globfree(&files);
}

Test(conns_captures, as_replay_has_them_by_the_host)
{
	check_all(0);
}

Test(conns_captures, as_replay_has_them_to_the_host)
{
	check_all(1);
}

/* What single captures are about (tests/captures/README.md). */
static void run_one(struct run *r, const char *name, unsigned int host)
{
	static const struct track_limits wide = {.flows = 1000, .conns = 1000};

	*r = (struct run){.name = name, .host = host, .track = track_new(&wide)};
	cr_assert_not_null(r->track);
	cr_assert_eq(lab_new(&r->lab, NULL), 0);
	each_frame(r, to_track);
	each_frame(r, to_lab);
	track_free(r->track);
}

Test(conns_captures, what_they_show_of_the_peer)
{
	static const struct {
		const char *name;
		enum sight_what what;
	} cases[] = {
		{"tests/captures/v4.pcap", SIGHT_CONFIRM_V1},
		{"tests/captures/v6_csum.pcap", SIGHT_CONFIRM_V1},
		{"tests/captures/v0_scripted.pcap", SIGHT_CONFIRM_V0},
		{"tests/captures/v4_plain_server.pcap", SIGHT_ABSENT},
		{"tests/captures/v4_strip_syn.client.pcap", SIGHT_ABSENT},
		{"tests/captures/v4_synack_v0.client.pcap", SIGHT_ANSWER_V0},
		{"tests/captures/v4_strip_ack.server.pcap", SIGHT_FELL_BACK},
		{"tests/captures/v4_mp_fail.client.pcap", SIGHT_CSUM_BAD},
		{"tests/captures/v4_mp_fail_two.client.pcap", SIGHT_CSUM_BAD},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run r;

		run_one(&r, cases[i].name, 0);
		cr_assert_gt(lab_count_sights(&r.lab, cases[i].what), 0, "%s", cases[i].name);
		lab_free(&r.lab);
	}
}

Test(conns_captures, rules_that_they_show)
{
	static const struct {
		const char *name;
		enum conns_what what;
		unsigned int rule;
	} cases[] = {
		{"tests/captures/v4_plain_server.pcap", CONNS_FELL_BACK, 1},
		{"tests/captures/v4_strip_ack.server.pcap", CONNS_FELL_BACK, 3},
		{"tests/captures/v4_synack_v0.client.pcap", CONNS_FELL_BACK, 7},
		{"tests/captures/v4_mp_fail.client.pcap", CONNS_NOTED, 22},
		{"tests/captures/v4_mp_fail_two.client.pcap", CONNS_NOTED, 21},
		{"tests/captures/v4_add_addr_bad_hmac.client.pcap", CONNS_NOTED, 30},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run r;

		run_one(&r, cases[i].name, 1);
		cr_assert_gt(lab_count_log(&r.lab, cases[i].what, cases[i].rule), 0, "%s",
			     cases[i].name);
		lab_free(&r.lab);
	}
}
