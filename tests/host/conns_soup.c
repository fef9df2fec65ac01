/* SPDX-License-Identifier: BSD-3-Clause */
#include "conns_soup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conns_internal.h"
#include "conns_lab.h"
#include "mpcrypto.h"

#define check(condition)                                                                        \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

#define SECOND 1000000000ull
#define KEY_A  0x1fdb5df328bc3defull
#define KEY_B  0x29a6c86981ad933cull

/* ---- what must hold ------------------------------------------------------------------------- */

static bool is_zero(const void *data, size_t len)
{
	const uint8_t *byte = data;

	while (len && !*byte) {
		byte++;
		len--;
	}
	return !len;
}

/* A free place remembers nothing of who had it. */
static void check_free(const struct conn *n, const struct flow *f)
{
	if (n) {
		struct conn copy = *n;

		copy.link = (struct link){0, 0};
		copy.list = 0;
		check(is_zero(&copy, sizeof(copy)));
	}
	if (f) {
		struct flow copy = *f;

		copy.next = copy.generation = 0;
		check(is_zero(&copy, sizeof(copy)));
	}
}

static void check_flow(struct conns *c, const struct conn *n, uint32_t at)
{
	const struct flow *f = &c->flow[at];

	check(f->state != CONNS_FREE);
	check(&c->conn[f->conn] == n);
	check((conns_find_flow(c, &f->key, f->network) == f) == (f->state != CONNS_ENDED));
	check(f->state != CONNS_ENDED || (f->nic != NIC_NONE && !f->in_half && !f->nic_want));
}

static unsigned int check_conn(struct conns *c, const struct conn *n)
{
	unsigned int live = 0, all = 0;

	for (unsigned int i = 0; i < CONNS_FLOWS_MAX; i++) {
		if (n->flow[i] == NONE)
			continue;
		all++;
		check_flow(c, n, n->flow[i]);
		live += c->flow[n->flow[i]].state != CONNS_ENDED;
	}
	check(live == n->info.flows);
	check(n->info.number && n->info.rule < CONNS_RULES);
	check((n->info.state == CONNS_ENDED) == (n->list == LIST_ENDED));
	check((n->info.state == CONNS_TCP) == (n->list == LIST_TCP));
	check((n->info.state == CONNS_OPEN) == (n->list == LIST_OPEN));
	check(n->info.state != CONNS_ENDED ||
	      (!live && !n->token_hashed[0] && !n->token_hashed[1]));
	check(n->info.state != CONNS_ENDED || is_zero(n->key, sizeof(n->key)));
	check(live || n->info.state == CONNS_OPEN || n->info.state == CONNS_ENDED);
	for (unsigned int side = 0; side < 2; side++) {
		unsigned int found;

		if (!n->token_hashed[side])
			continue;
		check(conns_find_token(c, n->info.token[side], side == host_side(n), &found) == n);
		check(found == side);
	}
	return all;
}

static uint32_t length(const struct conns *c, const struct list *l, bool due)
{
	uint32_t count = 0;

	for (uint32_t at = l->first; at != NONE && count <= c->config.conns; count++)
		at = due ? c->conn[at].due.next : c->conn[at].link.next;
	return count;
}

void conns_check(struct conns *c)
{
	uint32_t flows = 0, sum = 0, half = 0, due = 0, used = 0;

	for (uint32_t i = 0; i < c->config.conns; i++) {
		due += c->conn[i].is_due;
		if (c->conn[i].info.state == CONNS_FREE)
			check_free(&c->conn[i], NULL);
		else
			flows += check_conn(c, &c->conn[i]);
	}
	for (uint32_t i = 0; i < c->config.flows; i++) {
		used += c->flow[i].state != CONNS_FREE;
		half += c->flow[i].in_half;
		if (c->flow[i].state == CONNS_FREE)
			check_free(NULL, &c->flow[i]);
	}
	check(used == flows && used == c->counts.used_flows);
	check(half == c->half_joins.count && half <= c->config.half_joins);
	for (unsigned int i = 0; i < LISTS; i++) {
		check(length(c, &c->lists[i], false) == c->lists[i].count);
		sum += c->lists[i].count;
	}
	check(sum == c->config.conns);
	check(length(c, &c->due, true) == c->due.count && c->due.count == due);
	check(c->lists[LIST_HALF_IN].count <= c->config.half_in);
	check(c->lists[LIST_HALF_OUT].count <= c->config.half_out);
	check(c->sights <= c->config.sights && c->changes <= c->config.changes);
}

/* ---- input ---------------------------------------------------------------------------------- */

struct soup {
	struct lab lab;
	const uint8_t *data;
	size_t size;
	unsigned int version;
	bool honest, stays_honest; /* the NIC and its events are as they are */
	unsigned int who;	   /* which connection's keys */
	uint64_t keys[8][2], idsns[8][2];
	uint32_t tokens[8][2];
};

static unsigned int take(struct soup *s)
{
	if (!s->size)
		return 0;
	s->size--;
	return *s->data++;
}

static uint64_t take_bytes(struct soup *s, unsigned int count)
{
	uint64_t value = 0;

	while (count--)
		value = value << 8 | take(s);
	return value;
}

static void add_capable(struct soup *s, struct opts *o, unsigned int how)
{
	const uint64_t a = s->keys[s->who][0] ^ (how >> 4 == 1);
	const uint64_t b = s->keys[s->who][1] ^ (how >> 4 == 2);
	const uint8_t flags = MPNIC_CAPABLE_H | (how & 8 ? MPNIC_CAPABLE_A : 0);

	switch (how & 7) {
	case 0:
		opt_capable(o, 1, flags, 0, 0, 0);
		break;
	case 1:
		opt_capable(o, 0, flags, 1, a, 0);
		break;
	case 2:
	case 3:
		opt_capable(o, s->version, flags, 1, b, 0);
		break;
	case 4:
	case 5:
		opt_capable(o, s->version, flags, 2, a, b);
		break;
	case 6:
		opt_capable_data(o, flags, a, b, 10, how & 8 ? 0 : -1);
		break;
	default:
		opt_capable(o, how >> 4, flags, 1, b, 0);
		break;
	}
}

static void add_join(struct soup *s, struct opts *o, unsigned int how)
{
	const unsigned int opener = how >> 2 & 1;
	const uint64_t *key = s->keys[s->who];
	const bool bad = how & 8;
	uint8_t hmac[20];
	uint64_t left;

	switch (how & 3) {
	case 0:
		opt_join_syn(o, 3, s->tokens[s->who][!opener] ^ bad, 0x1111);
		return;
	case 1:
		mpcrypto_join(s->version, key[!opener], key[opener], 0x2222, 0x1111, hmac);
		memcpy(&left, hmac, 8);
		opt_join_synack(o, 4, __builtin_bswap64(left) ^ bad, 0x2222);
		return;
	default:
		mpcrypto_join(s->version, key[opener], key[!opener], 0x1111, 0x2222, hmac);
		hmac[3] ^= bad;
		opt_join_ack(o, hmac);
		return;
	}
}

static void add_dss(struct soup *s, struct opts *o, unsigned int from)
{
	const unsigned int how = take(s);
	const uint32_t rel = 1 + (how >> 4) * 10;

	opt_dss(o, how & (MPNIC_DSS_A | MPNIC_DSS_M | MPNIC_DSS_F), s->idsns[s->who][!from] + rel,
		s->idsns[s->who][from] + rel, rel, how & 2 ? 0 : 10, how & 8 ? 0 : -1);
}

static void add_control(struct soup *s, struct opts *o, unsigned int from)
{
	static const uint8_t addr[4] = {10, 0, 2, 2};
	const uint64_t *key = s->keys[s->who];
	const unsigned int how = take(s);
	const uint64_t bad = how & 8 ? 1 : 0;

	switch (how & 7) {
	case 0:
	case 1:
		opt_add_addr(
			o, (uint8_t)(how >> 4), addr,
			mpcrypto_add_addr(key[from], key[!from], (uint8_t)(how >> 4), addr, 4, 0) ^
				bad);
		return;
	case 2:
		opt_put(o, 0x1e0540, 3);
		opt_put(o, how >> 4, 1);
		opt_put(o, 3, 1);
		return;
	case 3:
		opt_put(o, how & 16 ? 0x1e0351 : 0x1e0350, 3);
		return;
	case 4:
	case 5:
		opt_put(o, 0x1e0c6000, 4);
		opt_put(o, s->idsns[s->who][!from] + 1 - bad, 8);
		return;
	case 6:
		opt_put(o, 0x1e0c7000, 4);
		opt_put(o, key[!from] ^ bad, 8);
		return;
	default:
		opt_put(o, 0x1e048006, 4);
		return;
	}
}

static void add_raw(struct soup *s, struct opts *o)
{
	unsigned int len = take(s) % 41;

	while (len--)
		opt_put(o, take(s), 1);
}

static void add_options(struct soup *s, struct opts *o, unsigned int from)
{
	switch (take(s) & 7) {
	case 0:
		return;
	case 1:
	case 2:
		add_capable(s, o, take(s));
		return;
	case 3:
		add_join(s, o, take(s));
		return;
	case 4:
	case 5:
		add_dss(s, o, from);
		return;
	case 6:
		add_control(s, o, from);
		return;
	default:
		add_raw(s, o);
		return;
	}
}

static uint32_t take_number(struct soup *s, uint32_t isn, unsigned int how)
{
	switch (how & 7) {
	case 7:
		return (uint32_t)take_bytes(s, 4);
	case 6:
		return isn + take(s);
	case 5:
		return isn;
	default:
		return isn + 1;
	}
}

static void segment(struct soup *s)
{
	static const uint8_t flags[] = {SYN,	   SYN | ACK, ACK, ACK,	      ACK, ACK | FIN,
					RST | ACK, RST,	      FIN, SYN | RST, 0,   SYN | FIN,
					SYN | ACK, SYN,	      ACK, ACK};
	const unsigned int what = take(s), where = take(s), from = what & 1;
	const uint32_t isn[2] = {where >> 6 == 3 ? 5000 : 100, 500};
	const uint8_t flag = flags[what >> 1 & 15];
	const unsigned int numbers = take(s);
	struct opts o = {.len = 0};
	uint32_t seq, ack;

	s->who = where & 7;
	s->lab.port = (uint16_t)(40000 + s->who);
	s->lab.path = where >> 3 & 1;
	s->lab.network = where >> 4 == 15;
	s->lab.sent = where & 32 ? CONNS_SENT_STRIPPED : CONNS_SENT_AS_IS;
	seq = take_number(s, isn[from], flag & SYN ? 5 : numbers);
	ack = take_number(s, isn[!from], numbers >> 4);
	add_options(s, &o, from);
	s->lab.given = what & 0x80 ? s->version : MPNIC_GIVEN_UNKNOWN;
	lab_segment(&s->lab, from, flag, seq, ack, what & 0x40 ? 10 : 0, &o);
}

/* What chance alone seldom brings: a whole handshake, and one of a join of the same connection. */
static void handshake(struct soup *s)
{
	const unsigned int how = take(s);
	struct opts o[3] = {{.len = 0}};

	s->who = how & 7;
	s->lab.port = (uint16_t)(40000 + s->who);
	s->lab.path = s->lab.network = 0;
	s->lab.sent = CONNS_SENT_AS_IS;
	add_capable(s, &o[0], (s->version ? 0 : 1) | (how & 8));
	add_capable(s, &o[1], 2 | (how & 8));
	add_capable(s, &o[2], 4 | (how & 8));
	lab_segment(&s->lab, 0, SYN, 100, 0, 0, &o[0]);
	lab_segment(&s->lab, 1, SYN | ACK, 500, 101, 0, &o[1]);
	if (!(how & 16))
		lab_segment(&s->lab, 0, ACK, 101, 501, 0, &o[2]);
}

static void join(struct soup *s)
{
	const unsigned int how = take(s), opener = how >> 3 & 1, side = opener << 2;
	struct opts o[3] = {{.len = 0}};

	s->who = how & 7;
	s->lab.port = (uint16_t)(40000 + (how >> 4));
	s->lab.path = 1;
	add_join(s, &o[0], side);
	add_join(s, &o[1], side | 1);
	add_join(s, &o[2], side | 2);
	lab_segment(&s->lab, opener, SYN, 100, 0, 0, &o[0]);
	lab_segment(&s->lab, !opener, SYN | ACK, 500, 101, 0, &o[1]);
	if (take(s) & 7)
		lab_segment(&s->lab, opener, ACK, 101, 501, 0, &o[2]);
}

static void event(struct soup *s)
{
	struct mpnic_event e;
	uint8_t *byte = (uint8_t *)&e;

	if (s->stays_honest)
		return;
	memset(&e, 0, sizeof(e));
	for (size_t i = 0; i < sizeof(e) && take(s) & 3; i++)
		byte[(i * 7 + take(s)) % sizeof(e)] = (uint8_t)take(s);
	e.signs ^= (uint32_t)take_bytes(s, 4);
	e.conn_id = take(s) & 3;
	e.src[0] = e.dst[0] = 10;
	e.src[2] = e.dst[2] = 1;
	e.src[3] = 1;
	e.dst[3] = 2;
	e.ip_version = 4;
	e.sport = (uint16_t)(40000 + (take(s) & 7));
	e.dport = 80;
	s->honest = false;
	conns_event(s->lab.conns, &e, s->lab.now);
	lab_drain(&s->lab);
}

static void pass_time(struct soup *s)
{
	static const uint64_t span[] = {1000,	     SECOND,	   6 * SECOND,	 11 * SECOND,
					61 * SECOND, 131 * SECOND, 300 * SECOND, 90000 * SECOND};

	s->lab.mute = take(s) & 1;
	lab_tick(&s->lab, span[take(s) & 7]);
	if (s->lab.asked && take(s) & 1)
		conns_flow_seen(s->lab.conns, &s->lab.ask, 5, 500,
				s->lab.now - (take(s) & 1) * 100 * SECOND);
}

static void trouble(struct soup *s)
{
	const unsigned int what = take(s) & 7;

	if (s->stays_honest && (what == 0 || what == 4))
		return;
	switch (what) {
	case 0:
		s->lab.no_nic = true;
		s->honest = false;
		break;
	case 1:
		s->lab.no_nic = false;
		break;
	case 2:
		s->lab.no_events = true;
		break;
	case 3:
		s->lab.no_events = false;
		break;
	case 4:
		conns_learnt_aged(s->lab.conns, take(s) & 31);
		s->honest = false;
		break;
	case 5:
		s->lab.no_drain = true;
		break;
	case 6:
		s->lab.no_drain = false;
		lab_drain(&s->lab);
		break;
	default:
		check(!lab_reset_nic(&s->lab));
		lab_drain(&s->lab);
		break;
	}
}

static void listing(const struct soup *s)
{
	struct conns_flow_info flow;
	struct conns_info info;
	uint64_t key[2];
	uint32_t at = 0;

	while (conns_list(s->lab.conns, &at, &info)) {
		for (unsigned int i = 0; i < info.flows; i++)
			check(conns_list_flow(s->lab.conns, &info, i, &flow));
		check(!conns_list_flow(s->lab.conns, &info, info.flows, &flow));
		check(!conns_keys(s->lab.conns, info.number, key) ==
		      (info.key_known[0] && info.key_known[1]));
	}
}

/* Time takes everything along, from here and from the NIC. */
static void end(struct soup *s)
{
	struct mpnic_table_stats stats;
	struct conns_counts counts;

	s->lab.no_nic = s->lab.no_drain = false;
	lab_drain(&s->lab);
	for (unsigned int i = 0; i < 4; i++)
		lab_tick(&s->lab, 90000 * SECOND);
	conns_counts(s->lab.conns, &counts);
	check(!counts.used_conns && !counts.used_flows);
	conns_check(s->lab.conns);
	if (!s->honest)
		return;
	mpnic_table_stats(s->lab.nic, MPNIC_TABLE_FLOW, &stats);
	check(!stats.used);
	mpnic_table_stats(s->lab.nic, MPNIC_TABLE_TOKEN, &stats);
	check(!stats.used);
	for (uint32_t i = 0; i < 16; i++)
		check(!mpnic_conn_at(s->lab.nic, i)->idsn[0]);
}

void conns_soup(const uint8_t *data, size_t size)
{
	struct soup s = {.data = data, .size = size, .honest = true};
	struct conns_config g;
	const unsigned int how = take(&s);

	lab_config(&g);
	g.conns = 16;
	g.flows = how & 4 ? 16 : 32;
	g.half_in = g.half_out = 5;
	g.half_joins = 6;
	g.sights = g.changes = 8;
	g.policy = how & 8 ? 0x1ff : 0;
	check(!lab_new(&s.lab, &g));
	s.version = how & 1;
	s.lab.host = how >> 1 & 1;
	s.lab.all = how & 16;
	s.stays_honest = how & 32;
	for (unsigned int i = 0; i < 16; i++) {
		s.keys[i / 2][i % 2] = (i % 2 ? KEY_B : KEY_A) + i / 2 * 1000;
		mpcrypto_key(s.version, s.keys[i / 2][i % 2], &s.tokens[i / 2][i % 2],
			     &s.idsns[i / 2][i % 2]);
	}
	while (s.size) {
		const unsigned int what = take(&s) & 31;

		if (what < 20)
			segment(&s);
		else if (what < 23)
			handshake(&s);
		else if (what < 26)
			join(&s);
		else if (what < 28)
			pass_time(&s);
		else if (what < 29)
			event(&s);
		else if (what < 31)
			trouble(&s);
		else
			listing(&s);
		conns_check(s.lab.conns);
	}
	end(&s);
	lab_free(&s.lab);
}
