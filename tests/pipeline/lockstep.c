/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lockstep [-c COUNT] [-s SEED]: the whole pipeline in RTL beside the C model.
 *
 * Frames are those of generated conversations, many at a time, hostile ones, floods of MP_JOIN and
 * of first SYNs; tables are small, so that they are full most of the time; the host's part is that
 * of a replay, and an operator changes rules, peers and masked entries under way. In rounds: each
 * has other settings, from a seed of its own. Every record of every frame, every event, every
 * counter and every state at the round's end must be equal.
 *
 * A second model, the twin, is driven by the same commands as the RTL alone
 * (mpnic_state_command()): it must say the same of every frame, and answer every command that reads
 * as the RTL does.
 *
 * Exit code 1: RTL and model differ, or something was never reached. That such faults are noticed
 * is shown by tests/replay/test_replay.py, behind the same engine.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "difference.h"
#include "engine.h"
#include "fields.h"
#include "gen.h"
#include "mpnic_model.h"
#include "state.h"
#include "talk.h"
#include "track.h"

/* The sizes that the RTL was built with: tests/pipeline/pipeline.mk. */
#ifndef FLOWS
#error "sizes of the tables"
#endif

enum {
	TALKS = 6,
	ROUND = 5000, /* frames */
	MSS_MAX = 1500,
	MS = 1000000, /* ns */
	ROUND_SOURCES = 4,
	VALUES = 32, /* of an enum or a field of signs, at most */
};

struct run {
	uint64_t seed;
	struct engine *engine;
	struct mpnic_state_config config;
	struct control *control;
	struct mpnic_state *twin;
	mpnic_command_fn *tell; /* the engine's */
	void *tell_ctx;
	struct track *track;
	struct talk *talk[TALKS];
	/* Of those whose connection and flows the operator sets up: the connection, else ID_NONE.
	 */
	uint32_t talk_conn[TALKS];
	bool inserted[TALKS][TALK_FLOWS];
	struct talk_place {
		unsigned int talk, flow, dir;
		bool here;
	} place; /* of the frame in hand, if it is a conversation's */
	unsigned int conns_taken;
	bool flood; /* of MP_JOINs, until there is no room */
	bool bare;  /* most options are lost on the way */
	uint64_t time, frames;
	uint32_t source; /* the first of this round's */
	uint32_t operator_ids[FLOWS / 4];
	struct gen_packet last_join;
	/* What was found, or set, in this round. */
	bool exact[FLOWS], masked[FLOWS], rules[MPNIC_RULES];
	uint64_t places; /* of tables that were taken at a round's end */
	uint64_t flows[VALUES], tokens[VALUES], dsn[VALUES], drops[VALUES], punts[VALUES],
		signs[VALUES], events, stripped;
};

static uint64_t rnd(struct run *r)
{
	uint64_t z = r->seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint32_t below(struct run *r, uint32_t n)
{
	return (uint32_t)((rnd(r) >> 32) * n >> 32);
}

static bool one_in(struct run *r, uint32_t n)
{
	return !below(r, n);
}

static void fill(struct run *r, void *to, size_t len)
{
	uint8_t *p = to;

	while (len--)
		*p++ = (uint8_t)(rnd(r) >> 24);
}

/* ---- the twin ------------------------------------------------------------------------------- */

static void tell_twin(void *ctx, const struct mpnic_table_cmd *cmd)
{
	struct run *r = ctx;
	struct mpnic_table_rsp rsp;

	if (mpnic_state_command(r->twin, cmd, &rsp))
		abort();
}

static void tell_both(void *ctx, const struct mpnic_table_cmd *cmd)
{
	struct run *r = ctx;

	tell_twin(r, cmd);
	r->tell(r->tell_ctx, cmd);
}

/* It knows no more of the round's configuration than its sizes, and what it is told. */
static int begin_twin(struct run *r)
{
	struct mpnic_state *state = control_state(r->control);
	struct mpnic_state_config config;
	struct mpnic_settings settings;
	int err;

	mpnic_state_defaults(&config);
	config.flows = FLOWS;
	config.stash = STASH;
	config.conns = CONNS;
	config.tokens = TOKENS;
	config.peers = PEERS;
	err = mpnic_state_new(&config, &r->twin);
	if (err)
		return err;
	mpnic_state_watch(state, tell_twin, r, &settings);
	return mpnic_state_settings(r->twin, &settings);
}

static int begin(struct run *r)
{
	struct mpnic_state *state = control_state(r->control);
	int err = begin_twin(r);

	if (!err)
		err = engine_begin(r->engine, state);
	r->tell = state->tell;
	r->tell_ctx = state->tell_ctx;
	state->tell = tell_both;
	state->tell_ctx = r;
	return err;
}

/* ---- settings and entries ------------------------------------------------------------------- */

/* Mostly passes: what is dropped tries nothing behind it. */
static uint16_t some_actions(struct run *r)
{
	uint16_t actions = below(r, MPNIC_ACTION_REWRITE);

	if (!one_in(r, 4))
		actions &= (uint16_t) ~(MPNIC_ACTION_DROP | MPNIC_ACTION_PUNT);
	return actions;
}

static struct mpnic_action some_action(struct run *r)
{
	return (struct mpnic_action){
		.mark = (uint32_t)rnd(r),
		.rx_queue = (uint16_t)rnd(r),
		.strip = one_in(r, 2) ? (uint16_t)(1u << below(r, 16)) : (uint16_t)rnd(r),
		.actions = some_actions(r),
		.prio = (uint8_t)below(r, 4),
	};
}

static void some_config(struct run *r)
{
	struct mpnic_state_config *c = &r->config;

	control_defaults(c);
	c->flows = FLOWS;
	c->stash = STASH;
	c->conns = CONNS;
	c->tokens = TOKENS;
	c->peers = PEERS;
	fill(r, c->hash_key, sizeof(c->hash_key));
	fill(r, c->rss_key, sizeof(c->rss_key));
	fill(r, c->reta, sizeof(c->reta));
	c->exact_vlan = one_in(r, 2);
	if (one_in(r, 2))
		fill(r, &c->mask, sizeof(c->mask));
	c->host_sources = rnd(r);
	for (unsigned int i = 0; i < sizeof(c->network); i++)
		c->network[i] = (uint8_t)below(r, 3);
	for (unsigned int i = 0; i < sizeof(c->first_syn); i++)
		c->first_syn[i] = (uint8_t)below(r, 3);
	c->prefix4 = one_in(r, 2) ? 32 : (uint8_t)below(r, 33);
	c->prefix6 = one_in(r, 2) ? 128 : (uint8_t)below(r, 129);
	if (one_in(r, 3))
		c->miss = some_action(r);
	if (one_in(r, 3))
		c->learnt = some_action(r);
	c->join_unknown = (uint8_t)below(r, 3);
	c->join_full = (uint8_t)below(r, 2);
	c->join_rate = below(r, 4) ? below(r, 1000000) : 0;
	c->join_burst = below(r, 20);
	if (one_in(r, 2))
		c->event_mask = (uint32_t)rnd(r);
}

/* Rules that look at few bits match often. */
static void some_rule(struct run *r, struct mpnic_rule *rule)
{
	const struct mpnic_action a = some_action(r);
	struct mpnic_rule_key value = {0}, mask = {0};

	fill(r, &value, sizeof(value));
	value.parse = MPNIC_PARSE_TCP;
	value.ip_version = one_in(r, 2) ? 4 : 6;
	mask.subtypes = one_in(r, 2) ? (uint16_t)(1u << below(r, 9)) : 0;
	mask.tcp_flags = one_in(r, 2) ? (uint8_t)(1u << below(r, 8)) : 0;
	mask.ip_version = one_in(r, 3) ? 0xff : 0;
	mask.parse = one_in(r, 3) ? 0xff : 0;
	mask.sport = one_in(r, 3) ? 3 : 0;
	mask.src[below(r, 16)] = one_in(r, 3) ? (uint8_t)(1u << below(r, 8)) : 0;
	mask.vlan = one_in(r, 4) ? 7 : 0;
	mask.mptcp = one_in(r, 4) ? 3 : 0;
	*rule = (struct mpnic_rule){
		.mark = a.mark,
		.rx_queue = a.rx_queue,
		.strip = a.strip,
		.actions = a.actions,
		.prio = (uint8_t)below(r, 6),
		.valid = 1,
	};
	memcpy(rule->value, &value, sizeof(value));
	memcpy(rule->mask, &mask, sizeof(mask));
}

static void change_rule(struct run *r)
{
	const uint32_t index = below(r, 8) * 9;
	struct mpnic_rule rule;

	some_rule(r, &rule);
	r->rules[index] = true;
	mpnic_rule_set(control_state(r->control), index, one_in(r, 3) ? NULL : &rule);
}

/* The destination of a frame, as the peer table would be asked for it. */
static void change_peer(struct run *r, const struct mpnic_hdr *hdr)
{
	struct mpnic_state *state = control_state(r->control);
	struct mpnic_peer_entry peer = {
		.port = one_in(r, 2) ? hdr->dport : 0,
		.network = (uint8_t)below(r, 3),
		.ip_version = hdr->ip_version,
		.speaks = (uint8_t)below(r, 4),
		.first_syn = (uint8_t)below(r, 3),
	};
	const unsigned int bits = hdr->ip_version == 4 ? r->config.prefix4 : r->config.prefix6;

	if (!hdr->ip_version)
		return;
	for (unsigned int i = 0; i < bits; i++)
		peer.addr[i / 8] |= hdr->dst[i / 8] & (0x80 >> i % 8);
	if (mpnic_peer_insert(state, &peer) == -EEXIST || one_in(r, 4))
		mpnic_peer_remove(state, &peer);
}

/* A connection that was written, for what stands there before is open; ID_NONE if none is found. */
static uint32_t some_conn(struct run *r)
{
	for (unsigned int i = 0; i < 32; i++) {
		const uint32_t id = below(r, 128);

		if (mpnic_token_find(control_state(r->control),
				     mpnic_conn_at(control_state(r->control), id)->token[0]))
			return id;
	}
	return MPNIC_ID_NONE;
}

/* Some connection's token; 0 if there is none. */
static uint32_t some_token(struct run *r)
{
	const uint32_t id = some_conn(r);

	if (id == MPNIC_ID_NONE)
		return 0;
	return mpnic_conn_at(control_state(r->control), id)->token[below(r, 2)];
}

/* An entry for frames like this one: under the settable mask, or exact and of some connection. */
static void change_entry(struct run *r, const struct mpnic_hdr *hdr)
{
	struct mpnic_state *state = control_state(r->control);
	const struct mpnic_action a = some_action(r);
	/* Seldom: conversations go on for some hundred frames. */
	const bool masked = !one_in(r, 20);
	const struct mpnic_flow flow = {
		.conn_id = masked ? MPNIC_ID_NONE : some_conn(r),
		.mark = a.mark,
		.rx_queue = a.rx_queue,
		.strip = a.strip,
		.actions = a.actions,
		.prio = a.prio,
		.except = one_in(r, 2) ? (uint8_t)(1u << below(r, 7)) : 0,
	};
	struct mpnic_key key;
	bool flip;

	if (!mpnic_flow_key(state, hdr, masked, &key, &flip))
		return;
	/* What an id stands for does not change: the end of the round reads it as one or the other.
	 */
	if (mpnic_flow_remove(state, &key))
		mpnic_flow_insert(state, &key, r->operator_ids[below(r, FLOWS / 8) * 2 + masked],
				  &flow);
}

/* A token's owner wants to decide, or lets more or fewer flows be learnt. */
static void change_token(struct run *r)
{
	struct mpnic_state *state = control_state(r->control);
	const struct mpnic_token_entry *found = mpnic_token_find(state, some_token(r));
	struct mpnic_token_entry entry;

	if (!found)
		return;
	entry = *found;
	entry.flags ^= one_in(r, 2) ? MPNIC_TOKEN_ENTRY_PUNT : 0;
	entry.cap = (uint8_t)(one_in(r, 2) ? 255 : below(r, 8));
	mpnic_token_set(state, &entry);
}

static void operate(struct run *r, const struct mpnic_hdr *hdr)
{
	switch (below(r, 100)) {
	case 0:
		change_rule(r);
		return;
	case 1:
	case 2:
		change_peer(r, hdr);
		return;
	case 3:
	case 4:
		change_entry(r, hdr);
		return;
	case 5:
	case 6:
		change_token(r);
		return;
	default:
		return;
	}
}

/* ---- frames --------------------------------------------------------------------------------- */

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint32_t sum_be(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	return sum;
}

/* An IPv4 SYN with 12 bytes of options, from one of a few ports. */
static void make_syn(struct run *r, const uint8_t option[12], struct gen_packet *p)
{
	uint8_t *f = p->frame, *ip = f + 14, *tcp = ip + 20;
	uint8_t pseudo[12];
	uint16_t sum;

	memset(f, 0, 66);
	f[12] = 0x08;
	memcpy(ip, (uint8_t[]){0x45, 0, 0, 52, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 1, 2},
	       20);
	ip[15] = (uint8_t)below(r, 3);
	ip[19] = (uint8_t)below(r, 3);
	sum = (uint16_t)~fold(sum_be(ip, 20, 0));
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
	tcp[1] = (uint8_t)below(r, 40);
	tcp[3] = 80;
	fill(r, tcp + 4, 4);
	tcp[12] = 8 << 4;
	tcp[13] = 2;
	memcpy(tcp + 20, option, 12);
	memcpy(pseudo, ip + 12, 8);
	memcpy(pseudo + 8, (uint8_t[]){0, 6, 0, 32}, 4);
	sum = (uint16_t)~fold(sum_be(tcp, 32, sum_be(pseudo, 12, 0)));
	tcp[16] = (uint8_t)(sum >> 8);
	tcp[17] = (uint8_t)sum;
	p->len = 66;
}

/* A token that is somebody's, or nobody's; or the same SYN again. */
static void make_join(struct run *r, struct gen_packet *p)
{
	const uint32_t token = one_in(r, 5) ? (uint32_t)rnd(r) : some_token(r);
	uint8_t option[12] = {30, 12, 0x10, 1};

	if (r->last_join.len && one_in(r, 4)) {
		*p = r->last_join;
		return;
	}
	option[4] = (uint8_t)(token >> 24);
	option[5] = (uint8_t)(token >> 16);
	option[6] = (uint8_t)(token >> 8);
	option[7] = (uint8_t)token;
	fill(r, option + 8, 4);
	make_syn(r, option, p);
	r->last_join = *p;
}

static void make_first_syn(struct run *r, struct gen_packet *p)
{
	const uint8_t v1[12] = {30, 4, 0x01, 0x01, 1, 1, 1, 1, 1, 1, 1, 1};
	const uint8_t v0[12] = {30, 12, 0x00, 0x01, 9, 8, 7, 6, 5, 4, 3, 2};

	make_syn(r, one_in(r, 2) ? v1 : v0, p);
}

/* Two bytes of the TCP header are others now: repair its checksum. */
static void put_be16(uint8_t *tcp, unsigned int at, uint16_t value)
{
	const uint16_t old = (uint16_t)(tcp[at] << 8 | tcp[at + 1]);
	const uint16_t csum = (uint16_t)(tcp[16] << 8 | tcp[17]);
	const uint16_t sum = (uint16_t)~fold((uint16_t)~csum + (uint32_t)(uint16_t)~old + value);

	tcp[at] = (uint8_t)(value >> 8);
	tcp[at + 1] = (uint8_t)value;
	tcp[16] = (uint8_t)(sum >> 8);
	tcp[17] = (uint8_t)sum;
}

/* What stands in the options' place: nothing, or one that conversations do not have. */
static unsigned int other_options(struct run *r, uint8_t options[40], uint8_t *flags)
{
	static const uint8_t kinds[][12] = {
		{30, 12, 0x70, 0, 1, 2, 3, 4, 5, 6, 7, 8}, /* MP_FASTCLOSE */
		{30, 4, 0x80, 1},			   /* MP_TCPRST */
		{30, 8, 0x34, 2, 10, 0, 0, 9},		   /* ADD_ADDR, v0 */
		{30, 8, 0x31, 2, 10, 0, 0, 9},		   /* ADD_ADDR, v1, echo */
		{30, 4, 0x40, 2},			   /* REMOVE_ADDR */
		{30, 3, 0x50},				   /* MP_PRIO, v1 */
		{30, 12, 0x60, 0, 1, 2, 3, 4, 5, 6, 7, 8}, /* MP_FAIL */
	};
	const uint8_t *kind = kinds[below(r, 7)];

	memset(options, 1, 40);
	if (one_in(r, 2))
		return 0;
	memcpy(options, kind, kind[1]);
	*flags |= kind[2] == 0x80 ? 4 : 0;
	return kind[1];
}

/* A DSS option's mapping becomes infinite, so that those behind it come too late. */
static void make_infinite(const struct mpnic_opt *opt, uint8_t *tcp)
{
	const uint8_t flags = tcp[20 + opt->offset + 3];
	const unsigned int ack = flags & 1 ? (flags & 2 ? 8 : 4) : 0;
	const unsigned int dsn = flags & 8 ? 8 : 4;
	const unsigned int at = 20u + opt->offset + 4 + ack + dsn + 4;

	if (flags & 4 && !opt->error && !(at % 2))
		put_be16(tcp, at, 0);
}

/* Handshakes lose their options, or change the version; other segments get other options. */
static void change_options(struct run *r, struct gen_packet *p)
{
	const uint8_t user = MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0);
	struct mpnic_csum csum;
	struct mpnic_hdr hdr;
	uint8_t options[40], *tcp, flags;
	unsigned int used;

	mpnic_packet(p->frame, p->len, user, &hdr, &csum);
	if (hdr.parse != MPNIC_PARSE_TCP || hdr.opt_len < 4 || hdr.l4_len < hdr.doff * 4)
		return;
	tcp = p->frame + hdr.l4_off;
	flags = tcp[13];
	if (hdr.mptcp_count && hdr.opt[0].subtype == MPNIC_SUBTYPE_MP_CAPABLE && one_in(r, 2)) {
		const unsigned int at = 20u + hdr.opt[0].offset + 2;

		if (!(at % 2))
			put_be16(tcp, at, (uint16_t)((tcp[at] ^ 1) << 8 | tcp[at + 1]));
		return;
	}
	if (hdr.mptcp_count && hdr.opt[0].subtype == MPNIC_SUBTYPE_DSS && one_in(r, 8)) {
		make_infinite(&hdr.opt[0], tcp);
		return;
	}
	used = other_options(r, options, &flags);
	for (unsigned int i = 0; used <= hdr.opt_len && i < hdr.opt_len; i += 2)
		put_be16(tcp, 20 + i, (uint16_t)(options[i] << 8 | options[i + 1]));
	put_be16(tcp, 12, (uint16_t)(tcp[12] << 8 | flags));
}

/* The tracker does not follow their joins: of half of them the operator knows all. */
static void set_up_conn(struct run *r, unsigned int i)
{
	const struct talk_info *info = talk_info(r->talk[i]);
	const struct mpnic_conn conn = {
		.version = (uint8_t)info->version,
		.flags = info->csum ? MPNIC_CONN_CSUM : 0,
		.rx_queue = (uint16_t)rnd(r),
		.idsn = {info->idsn[0], info->idsn[1]},
		.dsn_next = {info->next[0], info->next[1]},
	};

	memset(r->inserted[i], 0, sizeof(r->inserted[i]));
	r->talk_conn[i] = one_in(r, 2) || r->conns_taken == CONNS / 4
				  ? MPNIC_ID_NONE
				  : control_take_conn(r->control, r->conns_taken++);
	if (r->talk_conn[i] != MPNIC_ID_NONE)
		mpnic_conn_set(control_state(r->control), r->talk_conn[i], &conn);
}

/* Before a flow's first frame passes. */
static void set_up_flow(struct run *r, const struct mpnic_hdr *hdr)
{
	struct mpnic_state *state = control_state(r->control);
	const unsigned int i = r->place.talk, number = r->place.flow;
	const struct talk_flow_info *info;
	struct mpnic_flow flow = {0};
	struct mpnic_key key;
	bool flip;

	if (!r->place.here || r->talk_conn[i] == MPNIC_ID_NONE || r->inserted[i][number] ||
	    !mpnic_flow_key(state, hdr, false, &key, &flip))
		return;
	info = &talk_info(r->talk[i])->flow[number];
	r->inserted[i][number] = true;
	flow.conn_id = r->talk_conn[i];
	/* FLIP: the opener's frames are those that the key was turned round for. */
	flow.flags = (uint16_t)((number ? 0 : MPNIC_FLOW_STATE_FIRST) |
				(info->side_b ? MPNIC_FLOW_STATE_SIDE_B : 0) |
				(flip != (r->place.dir == 1) ? MPNIC_FLOW_STATE_FLIP : 0));
	for (unsigned int dir = 0; dir < 2 && !info->handshake; dir++) {
		flow.dir[dir].isn = info->isn[dir];
		flow.dir[dir].flags = MPNIC_DIR_ISN | MPNIC_DIR_THIRD;
	}
	mpnic_flow_insert(state, &key, r->operator_ids[below(r, FLOWS / 8) * 2], &flow);
}

static void make_talk(struct run *r, struct gen_packet *p)
{
	const unsigned int i = below(r, TALKS);
	static struct talk_segment seg;

	while (!r->talk[i] || !talk_next(r->talk[i], &seg)) {
		if (r->talk[i])
			talk_free(r->talk[i]);
		r->talk[i] = talk_new(rnd(r), 50 + below(r, 1000), MSS_MAX);
		if (!r->talk[i])
			abort();
		set_up_conn(r, i);
	}
	r->place = (struct talk_place){.talk = i, .flow = seg.flow, .dir = seg.dir, .here = true};
	p->len = (uint32_t)(seg.len < sizeof(p->frame) ? seg.len : sizeof(p->frame));
	memcpy(p->frame, seg.frame, p->len);
	if (one_in(r, p->frame[34 + 13] & 2 ? 4 : r->bare ? 2 : 30))
		change_options(r, p);
}

/* What comes in turns every few frames, so that floods come back to back. */
static void make_frame(struct run *r, unsigned int kind, struct gen_packet *p)
{
	switch (kind) {
	case 0:
		make_join(r, p);
		break;
	case 1:
		make_first_syn(r, p);
		break;
	case 2:
		do
			gen_random(rnd(r), p);
		while (!p->len || p->len > 2000);
		break;
	default:
		make_talk(r, p);
	}
}

/* Mostly forward, by very little or by seconds; in a flood nothing that waits is given up. */
static uint64_t next_time(struct run *r)
{
	r->time += one_in(r, 50) && !r->flood ? below(r, 1000) * (uint64_t)MS : below(r, 5000);
	return one_in(r, 20) ? r->time - below(r, MS) : r->time;
}

static void note(struct run *r, const struct engine_reading *n)
{
	r->flows[n->result.flow]++;
	r->tokens[n->result.token]++;
	r->dsn[n->result.dsn_state]++;
	r->drops[n->result.drop]++;
	r->punts[n->result.punt]++;
	for (unsigned int i = 0; i < 32; i++)
		r->signs[i] += n->result.signs >> i & 1;
	if (n->result.flow_id != MPNIC_ID_NONE)
		r->exact[n->result.flow_id] = true;
	if (n->result.masked_id != MPNIC_ID_NONE)
		r->masked[n->result.masked_id] = true;
	r->events += n->has_event;
	r->stripped += !!(n->result.flags & MPNIC_RESULT_STRIPPED);
}

static int run_frame(struct run *r, const struct gen_packet *p, uint8_t source)
{
	static uint8_t left[MPNIC_REPLAY_MAX];
	const struct engine_place place = {.file = "generated", .frame = ++r->frames};
	const uint64_t time = next_time(r);
	const struct mpnic_conn *conn;
	struct mpnic_result result;
	struct mpnic_event event;
	struct engine_reading n;
	bool has_event;
	uint8_t user = MPNIC_USER(MPNIC_GIVEN_UNKNOWN, source);
	int err;

	mpnic_packet(p->frame, p->len, user, &n.hdr, &n.csum);
	user = MPNIC_USER(track_version(r->track, &n.hdr), source);
	mpnic_packet(p->frame, p->len, user, &n.hdr, &n.csum);
	err = track_packet(r->track, &n.hdr, &n.csum, r->frames, time);
	if (err)
		return err;
	set_up_flow(r, &n.hdr);
	operate(r, &n.hdr);
	control_before(r->control, r->track, &n.hdr, time);
	err = engine_packet(r->engine, &place, p->frame, p->len, user, time);
	if (err)
		return err;
	has_event = mpnic_state_packet(r->twin, &n.hdr, &n.csum, time, &result, &event);
	n.has_event = control_packet(r->control, r->track, &n.hdr, &n.csum, time, &n.result,
				     &n.event, &conn);
	if (memcmp(&result, &n.result, sizeof(result)) || has_event != n.has_event ||
	    (has_event && memcmp(&event, &n.event, sizeof(event)))) {
		printf("frame %" PRIu64 ": model and twin differ\n", r->frames);
		return -EINVAL;
	}
	memcpy(left, p->frame, p->len);
	mpnic_deparse(left, p->len, &n.hdr, &n.csum, &n.result);
	note(r, &n);
	return engine_result(r->engine, &n, left);
}

/* ---- what stands at the end ---------------------------------------------------------------- */

static int compare_state(struct run *r, uint8_t op, uint8_t which, uint32_t id, const void *model,
			 size_t len, const char *what)
{
	const struct mpnic_table_cmd cmd = {.op = op, .which = which, .id = id};
	struct mpnic_table_rsp rsp, twin;
	int err = engine_ask(r->engine, &cmd, &rsp);

	if (err)
		return err;
	mpnic_state_command(r->twin, &cmd, &twin);
	if (!memcmp(rsp.data, model, len) && !memcmp(&rsp, &twin, sizeof(rsp)))
		return 0;
	printf("RTL and %s differ: %s %u at the end of the round:\n  model",
	       memcmp(rsp.data, model, len) ? "model" : "twin", what, id);
	for (size_t i = 0; i < len; i++)
		printf(" %02x", ((const uint8_t *)model)[i]);
	printf("\n  rtl  ");
	for (size_t i = 0; i < len; i++)
		printf(" %02x", rsp.data[i]);
	putchar('\n');
	return -EINVAL;
}

/* What FIND says of a key that stands somewhere. */
static int compare_find(struct run *r, const uint8_t *key)
{
	struct mpnic_table_cmd cmd = {.op = MPNIC_TABLE_OP_FIND};
	struct mpnic_table_rsp rtl, twin;
	int err;

	memcpy(cmd.data, key, sizeof(struct mpnic_key));
	err = engine_ask(r->engine, &cmd, &rtl);
	if (err)
		return err;
	mpnic_state_command(r->twin, &cmd, &twin);
	if (!memcmp(&rtl, &twin, sizeof(rtl)))
		return 0;
	puts("RTL and twin differ: what is found at the end of the round");
	return -EINVAL;
}

/* Places of tables. Of one that is not taken key and value mean nothing. */
static int compare_tables(struct run *r)
{
	static const uint32_t sizes[] = {FLOWS, STASH, FLOWS, TOKENS, PEERS};
	struct mpnic_table_place rtl, twin;
	struct mpnic_table_rsp rsp;
	int err = 0;

	for (uint8_t which = MPNIC_TABLE_FLOW; which <= MPNIC_TABLE_PEER; which++) {
		for (uint32_t id = 0; id < sizes[which] && !err; id++) {
			const struct mpnic_table_cmd cmd = {
				MPNIC_TABLE_OP_READ, which, {0}, id, {0}};

			err = engine_ask(r->engine, &cmd, &rsp);
			memcpy(&rtl, &rsp, sizeof(rtl));
			mpnic_state_command(r->twin, &cmd, &rsp);
			memcpy(&twin, &rsp, sizeof(twin));
			r->places += twin.valid;
			if (!err && twin.valid)
				err = compare_find(r, twin.key);
			if (err || (!rtl.valid && !twin.valid) || !memcmp(&rtl, &twin, sizeof(rtl)))
				continue;
			printf("RTL and twin differ: place %u of %s\n", id,
			       mpnic_table_name(which));
			return -EINVAL;
		}
	}
	return err;
}

/* What the commands that read say besides, of RTL and twin. */
static int compare_rest(struct run *r)
{
	int err = compare_tables(r);

	for (uint32_t id = 0; id < CONNS && !err; id++) {
		const struct mpnic_conn *conn = mpnic_conn_at(control_state(r->control), id);

		/* What was not written is open. */
		if (conn->idsn[0] || conn->idsn[1] || conn->dsn_next[0] || conn->dsn_next[1])
			err = compare_state(r, MPNIC_TABLE_OP_DSS_READ, MPNIC_DSS_MEM_NEXT, id,
					    conn->dsn_next, sizeof(conn->dsn_next), "connection");
	}
	for (uint32_t i = 0; i < 4 * 128 && !err; i++) {
		const uint8_t source = (uint8_t)((r->source + i / 128) % 64);
		const uint64_t *counters = (const uint64_t *)mpnic_state_counters(r->twin, source);
		const uint64_t none = 0;

		err = compare_state(r, MPNIC_TABLE_OP_COUNT, source, i % 128,
				    i % 128 < sizeof(struct mpnic_state_counters) / 8
					    ? &counters[i % 128]
					    : &none,
				    sizeof(none), "counter");
	}
	return err;
}

static int compare_states(struct run *r)
{
	const struct mpnic_state *state = control_state(r->control);
	const size_t tail = sizeof(struct mpnic_flow) - offsetof(struct mpnic_flow, packets);
	int err = 0;

	for (uint32_t id = 0; id < FLOWS && !err; id++) {
		const struct mpnic_rule_count *count = mpnic_masked_count(state, id);
		const struct mpnic_flow *flow = mpnic_flow_at(state, id);
		struct mpnic_flow masked = *flow;

		masked.packets = count->packets;
		masked.bytes = count->bytes;
		masked.last_seen = count->last_seen;
		if (r->masked[id])
			err = compare_state(r, MPNIC_TABLE_OP_MASKED_READ, 0, id, &masked.packets,
					    tail, "masked entry");
		if (!r->exact[id])
			continue;
		if (!err)
			err = compare_state(r, MPNIC_TABLE_OP_FLOW_READ, 0, id, &flow->packets,
					    tail, "flow");
		for (uint8_t d = 0; d < 2 && !err; d++)
			err = compare_state(r, MPNIC_TABLE_OP_DSS_READ, d, id, &flow->dir[d],
					    sizeof(flow->dir[d]), "direction of flow");
	}
	for (uint32_t id = 0; id < MPNIC_RULES && !err; id++)
		err = !r->rules[id] ? 0
				    : compare_state(r, MPNIC_TABLE_OP_RULE_READ, 0, id,
						    mpnic_rule_count(state, id), 20, "rule");
	return err ? err : compare_rest(r);
}

/* Not so many events' that they find no room: of 64 frames under way each may have one. */
static unsigned int some_pause(struct run *r)
{
	static const uint8_t pauses[] = {0, 0, 0, 40, 128};

	return pauses[below(r, sizeof(pauses))];
}

static int run_round(struct run *r, uint64_t frames)
{
	static const struct track_limits limits = {.flows = 65536, .conns = CONNS / 2};
	static struct gen_packet p;
	unsigned int kind = 9;
	int err;

	some_config(r);
	r->source = below(r, 64);
	r->flood = one_in(r, 4);
	r->bare = one_in(r, 4);
	engine_pauses(r->engine, some_pause(r), some_pause(r), some_pause(r) / 2);
	r->track = track_new(&limits);
	err = r->track ? control_new(&r->config, &r->control) : -ENOMEM;
	if (!err)
		err = begin(r);
	/* The operator's ids are taken out of the host's. */
	for (unsigned int i = 0; i < FLOWS / 4 && !err; i++)
		r->operator_ids[i] = control_take_id(r->control);
	/* In a flood few are left for what is learnt. */
	for (unsigned int i = 0; i < FLOWS * 5 / 8 && r->flood && !err; i++)
		control_take_id(r->control);
	memset(r->exact, 0, sizeof(r->exact));
	memset(r->masked, 0, sizeof(r->masked));
	memset(r->rules, 0, sizeof(r->rules));
	for (; frames && !err; frames--) {
		if (one_in(r, 12))
			kind = r->flood && one_in(r, 2) ? 0 : below(r, 16);
		r->place.here = false;
		make_frame(r, kind, &p);
		err = run_frame(r, &p, (uint8_t)(r->source + below(r, ROUND_SOURCES)) % 64);
	}
	if (!err)
		err = engine_flush(r->engine);
	if (!err)
		err = compare_states(r);
	for (unsigned int i = 0; i < TALKS; i++) {
		if (r->talk[i])
			talk_free(r->talk[i]);
		r->talk[i] = NULL;
	}
	r->conns_taken = 0;
	mpnic_state_free(r->twin);
	r->twin = NULL;
	control_free(r->control);
	track_free(r->track);
	r->control = NULL;
	r->track = NULL;
	return err;
}

static const char *sign_name(unsigned int bit)
{
	return fields_sign_bits[bit];
}

/* What a run must reach: every value that has a name. */
struct kind {
	const char *what;
	const char *(*name)(unsigned int value);
	size_t counts; /* where in struct run */
};

static const struct kind kinds[] = {
	{"flow", mpnic_flow_name, offsetof(struct run, flows)},
	{"token", mpnic_token_name, offsetof(struct run, tokens)},
	{"dsn", mpnic_dsn_name, offsetof(struct run, dsn)},
	{"punt", mpnic_punt_name, offsetof(struct run, punts)},
	{"drop", mpnic_drop_name, offsetof(struct run, drops)},
	{"sign", sign_name, offsetof(struct run, signs)},
};

/* The count of a value; NULL behind the last one that has a name. */
static const uint64_t *count_of(const struct run *r, const struct kind *kind, unsigned int value)
{
	if (value >= VALUES || !strcmp(kind->name(value), "?"))
		return NULL;
	return (const uint64_t *)((const char *)r + kind->counts) + value;
}

static void report(const struct run *r)
{
	struct engine_counts counts;
	const uint64_t *n;

	engine_counts(r->engine, &counts);
	printf("%" PRIu64 " frames compared, %" PRIu64 " commands, %" PRIu64 " clocks, %" PRIu64
	       " events, %" PRIu64 " stripped\n",
	       counts.compared, counts.commands, counts.clocks, r->events, r->stripped);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
		for (unsigned int i = 0; (n = count_of(r, &kinds[k], i)); i++)
			printf("%s %s %" PRIu64 "  ", kinds[k].what, kinds[k].name(i), *n);
		putchar('\n');
	}
}

/* A long run that leaves a verdict or a sign out has tried less than it says. */
static int missed(const struct run *r)
{
	const uint64_t *n;
	int missed = 0;

	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
		for (unsigned int i = 0; (n = count_of(r, &kinds[k], i)); i++) {
			if (*n)
				continue;
			printf("never reached: %s %s\n", kinds[k].what, kinds[k].name(i));
			missed++;
		}
	}
	return missed;
}

int main(int argc, char **argv)
{
	static struct run r;
	uint64_t count = 100000, seed = 1, round = 0;
	int c, err;

	while ((c = getopt(argc, argv, "c:s:")) != -1) {
		if (c == 'c')
			count = strtoull(optarg, NULL, 0);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	err = engine_open(ENGINE_BOTH, getenv("TRACE"), &r.engine);
	for (; count && !err; round++) {
		const uint64_t frames = count < ROUND ? count : ROUND;

		r.seed = seed * 1000003 + round;
		err = run_round(&r, frames);
		count -= frames;
	}
	if (err == -EBADE)
		difference_print(stdout, engine_difference(r.engine), NULL, true);
	else if (err)
		fprintf(stderr, "lockstep: %s\n", strerror(-err));
	if (!err || err == -EBADE)
		report(&r);
	if (!err && round >= 40 && missed(&r))
		err = -EINVAL;
	engine_close(r.engine);
	return err != 0;
}
