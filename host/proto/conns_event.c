/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection tracker: what the NIC's events say, and what follows from data and from ends. */
#include <string.h>

#include "conns_internal.h"

/* A number further ahead of what was seen is not believed. Without events it is not seen how far a
 * connection has come, so this is wide: a blind guess hits it once in 2^24. */
#define DSN_REACH (1ull << 40)

/* ---- numbers -------------------------------------------------------------------------------- */

/* A number of the side's data that may be right: not before its first, not far ahead. */
static bool is_plausible(const struct conn *n, unsigned int side, uint64_t dsn)
{
	const struct conns_info *i = &n->info;

	return i->key_known[side] && !beyond(i->idsn[side] + 1, dsn) &&
	       !beyond(dsn, i->dsn[side] + DSN_REACH);
}

void conns_number(struct conn *n, unsigned int side, uint64_t end)
{
	if (is_plausible(n, side, end) && beyond(end, n->info.dsn[side]))
		n->info.dsn[side] = end;
}

void conns_data_ack(struct conns *c, struct conn *n, unsigned int side, uint64_t data_ack)
{
	struct conns_info *i = &n->info;

	/* Without the key nothing is known of the numbers, and no Data ACK proves anything. */
	if (!is_plausible(n, !side, data_ack))
		return;
	n->dss_seen[side] = true;
	n->bare_acks[side] = 0;
	conns_number(n, !side, data_ack);
	if (i->confirmed || side == host_side(n))
		return;
	i->confirmed = true;
	i->confirmed_ns = c->now;
	c->counts.confirmed++;
	conns_log(c, n, CONNS_CONFIRMED, 0, (uint8_t)side, 0);
	if (i->out)
		conns_sight(c, n, i->version ? SIGHT_CONFIRM_V1 : SIGHT_CONFIRM_V0);
	conns_due(c, n);
}

/* ---- fallback in a connection --------------------------------------------------------------- */

/* Sights on a confirmed peer; once a connection each. */
static void tell_once(struct conns *c, const struct conn *n, bool *told, enum sight_what what)
{
	if (*told || !n->info.out || !n->info.confirmed)
		return;
	*told = true;
	conns_sight(c, n, what);
}

void conns_infinite(struct conns *c, struct conn *n, unsigned int side)
{
	n->infinite[side] = true;
	if (n->fail_rst)
		conns_fall_back(c, n, 24, (uint8_t)side);
	else if (n->fail[0] || n->fail[1])
		conns_fall_back(c, n, 22, (uint8_t)side);
	else if (n->bare_acks[!side])
		conns_fall_back(c, n, 18, (uint8_t)side);
	else if (n->infinite[!side])
		conns_fall_back(c, n, 25, (uint8_t)side);
	else
		conns_note(c, n, 25, (uint8_t)side);
}

static unsigned int open_flows(const struct conns *c, const struct conn *n)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < CONNS_FLOWS_MAX; i++)
		count += n->flow[i] != NONE && c->flow[n->flow[i]].state == CONNS_OPEN &&
			 !c->flow[n->flow[i]].closing;
	return count;
}

void conns_mp_fail(struct conns *c, struct conn *n, const struct flow *f, unsigned int side,
		   uint64_t dsn, bool rst)
{
	/* The packet and the NIC's event of it may both come, and the RST that it came on closed
	 * the subflow already. */
	const bool alone = open_flows(c, n) <= !f->closing;

	if (!is_plausible(n, !side, dsn)) {
		c->counts.fail_bad++;
		return;
	}
	tell_once(c, n, &n->told_csum, SIGHT_CSUM_BAD);
	if (rst && !alone) {
		conns_note(c, n, 21, (uint8_t)side);
		return;
	}
	n->fail[side] = true;
	n->fail_rst |= rst;
	conns_note(c, n, rst ? 24 : 22, (uint8_t)side);
	if (!rst && n->fail[!side] && n->info.version)
		conns_fall_back(c, n, 23, (uint8_t)side);
	else if (n->infinite[0] || n->infinite[1])
		conns_fall_back(c, n, 22, (uint8_t)side);
}

void conns_options_lost(struct conns *c, struct conn *n, unsigned int side)
{
	conns_note(c, n, 19, (uint8_t)side);
	tell_once(c, n, &n->told_lost, SIGHT_DSS_LOST);
}

/* ---- ends ----------------------------------------------------------------------------------- */

static void close_flow(struct conns *c, struct flow *f, bool sure, uint64_t span)
{
	if (f->closing && f->sure)
		return;
	f->closing = true;
	f->sure = sure;
	f->asked = f->ask_due = f->rst_counted = false;
	f->touched_ns = c->now;
	f->deadline_ns = c->now + span;
	conns_half_join(c, f, false);
}

/* The host goes on with it: so the RST that the wire brought was not its end. */
void conns_alive(struct conns *c, struct flow *f)
{
	if (f->closing && !f->sure && !(f->fin[0] && f->fin[1])) {
		c->counts.rst_doubted++;
		f->closing = false;
		f->rst[0] = f->rst[1] = false;
	}
	if (f->state == CONNS_OPEN || f->state == CONNS_TCP)
		conns_deadline(c, f);
}

void conns_fin(struct conns *c, struct flow *f, unsigned int dir)
{
	f->fin[dir] = true;
	if (f->fin[!dir] && !(f->closing && (f->rst[0] || f->rst[1])))
		close_flow(c, f, false, c->config.times.time_wait);
}

/* In a handshake a RST must name the one number that its sender can know. */
static bool is_exact(const struct flow *f, unsigned int dir, uint32_t seq, uint32_t ack,
		     bool has_ack)
{
	if (!dir)
		return seq == f->syn.isn + 1;
	if (f->answered)
		return seq == f->isn_peer + 1 || (has_ack && ack == f->syn.isn + 1);
	return has_ack && ack - (f->syn.isn + 1) <= f->syn.data;
}

static void rst_in_handshake(struct conns *c, struct flow *f, unsigned int dir)
{
	struct conn *n = conn_of(c, f);

	if (f->first && dir && !f->answered && n->info.out && n->offer.seen)
		conns_sight(c, n, SIGHT_RESET);
	conns_end_flow(c, f, (uint8_t)(dir ^ f->opener));
}

void conns_rst(struct conns *c, struct flow *f, unsigned int dir, bool out, uint32_t seq,
	       uint32_t ack, bool has_ack)
{
	struct conn *n = conn_of(c, f);

	if (f->state == CONNS_SYN || f->state == CONNS_ANSWER) {
		if (is_exact(f, dir, seq, ack, has_ack))
			rst_in_handshake(c, f, dir);
		else
			c->counts.rst_doubted++;
		return;
	}
	f->rst[dir] = true;
	if (f->rst_reason == MIDDLEBOX && (f->hole[0] || f->hole[1]))
		conns_options_lost(c, n, (f->hole[0] ? 0 : 1) ^ f->opener);
	close_flow(c, f, out, c->config.times.rst_wait);
	if (out || f->nic == NIC_NONE)
		return;
	/* A host that keeps the connection answers with a challenge ACK (RFC 5961 3.2), which the
	 * NIC counts; so it is asked before the RST goes on, and again at the deadline. */
	f->ask_due = true;
	conns_due(c, n);
}

/* ---- signs ---------------------------------------------------------------------------------- */

/* One event on its way. */
struct news {
	struct conns *c;
	const struct mpnic_event *e;
	struct conn *n;
	struct flow *f;
	unsigned int dir;
	uint8_t side;
};

static bool is_first_byte(const struct news *w)
{
	return w->e->seq_no == w->f->syn.isn + 1;
}

static void on_third_absent(struct news *w)
{
	if (w->n->info.state == CONNS_ANSWER && is_first_byte(w) &&
	    w->e->ack_no == w->f->isn_peer + 1)
		conns_fall_back(w->c, w->n, w->e->payload_len ? 16 : 3, w->side);
}

static void on_first_bare(struct news *w)
{
	if (!w->n->info.confirmed && is_first_byte(w))
		conns_fall_back(w->c, w->n, w->n->info.version ? 15 : 16, w->side);
}

/* Whoever knows the ports can send one such segment; a peer without MPTCP sends nothing else. */
static void on_no_data_ack(struct news *w)
{
	struct conn *n = w->n;
	uint8_t *count = &n->bare_acks[w->side];

	if (*count && (int32_t)(w->e->ack_no - n->bare_ack[w->side]) <= 0)
		return;
	n->bare_ack[w->side] = w->e->ack_no;
	conns_note(w->c, n, 18, w->side);
	if (++*count == BARE_ACKS_MOST || n->infinite[!w->side])
		conns_fall_back(w->c, n, 18, w->side);
}

static void on_unmapped(struct news *w)
{
	struct flow *f = w->f;
	const uint32_t first = w->e->seq_no, end = first + w->e->payload_len;
	const uint32_t window = f->window[!w->dir] ? f->window[!w->dir] : UINT16_MAX;

	if (!f->hole[w->dir]) {
		f->hole[w->dir] = true;
		f->hole_first[w->dir] = first;
		f->hole_end[w->dir] = end;
		conns_due(w->c, w->n); /* from now on every frame is wanted */
	} else if ((int32_t)(first - f->hole_end[w->dir]) <= 0 &&
		   (int32_t)(end - f->hole_end[w->dir]) > 0) {
		f->hole_end[w->dir] = end;
	}
	if (f->hole_end[w->dir] - f->hole_first[w->dir] >= window)
		conns_options_lost(w->c, w->n, w->side);
}

static void on_csum_bad(struct news *w)
{
	if (!is_plausible(w->n, w->side, w->e->map_dsn))
		return;
	conns_note(w->c, w->n, open_flows(w->c, w->n) > 1 ? 21 : 22, w->side);
	tell_once(w->c, w->n, &w->n->told_csum, SIGHT_CSUM_BAD);
}

static void on_infinite(struct news *w)
{
	conns_infinite(w->c, w->n, w->side);
}

static void on_fail(struct news *w)
{
	conns_mp_fail(w->c, w->n, w->f, w->side, w->e->dsn, w->e->tcp_flags & TCP_RST);
}

static void on_tcprst(struct news *w)
{
	w->f->rst_reason = w->e->reason;
}

static void on_data_fin(struct news *w)
{
	w->n->info.data_fin[w->side] = true;
	if (w->e->dsn && !(w->e->signs & MPNIC_SIGN_MP_FAIL))
		conns_number(w->n, w->side, w->e->dsn + 1);
}

static const struct {
	uint32_t sign;
	uint8_t rule; /* that it is a note on; 0: none */
	void (*handle)(struct news *w);
} signs[] = {
	{MPNIC_SIGN_THIRD_ABSENT, 0, on_third_absent},
	{MPNIC_SIGN_FIRST_DATA_BARE, 0, on_first_bare},
	{MPNIC_SIGN_NO_MAPPING, 17, NULL},
	{MPNIC_SIGN_NO_DATA_ACK, 0, on_no_data_ack},
	{MPNIC_SIGN_UNMAPPED, 0, on_unmapped},
	{MPNIC_SIGN_CSUM_BAD, 0, on_csum_bad},
	{MPNIC_SIGN_CSUM_MISSING | MPNIC_SIGN_CSUM_EXTRA, 27, NULL},
	{MPNIC_SIGN_DSN_FAR, 30, NULL},
	{MPNIC_SIGN_MP_FAIL, 0, on_fail},
	{MPNIC_SIGN_INFINITE, 0, on_infinite},
	{MPNIC_SIGN_AFTER_INFINITE, 25, NULL},
	{MPNIC_SIGN_TCPRST, 0, on_tcprst},
	{MPNIC_SIGN_DATA_FIN, 0, on_data_fin},
};

static bool is_mptcp(const struct conn *n)
{
	return n->info.state == CONNS_ANSWER || n->info.state == CONNS_OPEN;
}

static void on_signs(struct news *w)
{
	for (unsigned int i = 0; i < sizeof(signs) / sizeof(signs[0]) && is_mptcp(w->n); i++) {
		if (!(w->e->signs & signs[i].sign))
			continue;
		if (signs[i].rule)
			conns_note(w->c, w->n, signs[i].rule, w->side);
		if (signs[i].handle)
			signs[i].handle(w);
	}
}

static void on_numbers(struct news *w)
{
	const struct mpnic_event *e = w->e;
	const bool other = e->signs & (MPNIC_SIGN_MP_FAIL | MPNIC_SIGN_DATA_FIN);

	if (w->n->info.state != CONNS_OPEN)
		return;
	if (e->data_ack)
		conns_data_ack(w->c, w->n, w->side, e->data_ack);
	if (!e->payload_len || !e->dsn || other || (e->signs & MPNIC_SIGN_UNMAPPED))
		return;
	conns_number(w->n, w->side, e->dsn + e->payload_len);
	if (!w->f->hole[w->dir])
		return;
	w->f->hole[w->dir] = false; /* mappings are back */
	conns_due(w->c, w->n);
}

/* ---- events --------------------------------------------------------------------------------- */

static void event_key(const struct conns *c, const struct mpnic_event *e, struct mpnic_key *key,
		      bool *upper)
{
	struct mpnic_hdr h = {
		.ip_version = e->ip_version,
		.ip_proto = 6,
		.sport = e->sport,
		.dport = e->dport,
	};

	memcpy(h.src, e->src, sizeof(h.src));
	memcpy(h.dst, e->dst, sizeof(h.dst));
	conns_key(c, &h, key, upper);
	key->vlan = c->config.exact_vlan ? e->vlan : 0;
}

static struct flow *flow_of(const struct conns *c, const struct conn *n,
			    const struct mpnic_key *key)
{
	for (unsigned int i = 0; i < CONNS_FLOWS_MAX; i++) {
		struct flow *f = n->flow[i] == NONE ? NULL : &c->flow[n->flow[i]];

		if (f && f->state != CONNS_ENDED && !memcmp(&f->key, key, sizeof(*key)))
			return f;
	}
	return NULL;
}

/* The SYN of a join that did not come by here: its event has nearly all of it. */
static struct flow *learn(struct conns *c, const struct conn *n, const struct mpnic_event *e,
			  const struct mpnic_key *key, bool upper)
{
	const bool from_host = c->config.host_sources >> (e->source & 63) & 1;
	const struct syn syn = {
		.time_ns = c->now,
		.isn = e->seq_no,
		.token = e->token,
		.nonce = e->nonce,
		.data = e->payload_len,
		.kind = SYN_JOIN,
		.wscale = UINT8_MAX,
		.addr_id = e->addr_id,
		.seen = true,
		.out = from_host,
		.upper = upper,
		.partial = true,
	};
	struct step s = {.c = c, .key = *key, .upper = upper};

	if (conns_find_flow(c, key, n->info.network))
		return NULL;
	return conns_begin(&s, &syn, n->info.network);
}

static void on_learnt(struct conns *c, struct flow *f, const struct mpnic_event *e)
{
	if (f->nic != NIC_NONE)
		return;
	f->nic = NIC_LEARNT;
	f->nic_id = e->flow_id;
	f->nic_want = !f->failed;
	conns_due(c, conn_of(c, f));
}

static void on_end(struct news *w)
{
	const struct mpnic_event *e = w->e;

	if (!(e->signs & MPNIC_SIGN_END))
		return;
	/* The packet has told already, or does so again: its count of packets is the right one. */
	if ((e->tcp_flags & TCP_RST) && w->f->closing && w->f->rst[w->dir])
		return;
	if (e->tcp_flags & TCP_RST)
		conns_rst(w->c, w->f, w->dir, w->side == host_side(w->n), e->seq_no, e->ack_no,
			  e->tcp_flags & TCP_ACK);
	else
		conns_fin(w->c, w->f, w->dir);
}

static void count_lost(struct conns *c, uint32_t seq)
{
	if (c->event_seen)
		c->counts.lost_events += seq - c->event_seq;
	c->event_seen = true;
	c->event_seq = seq + 1;
}

void conns_event(struct conns *c, const struct mpnic_event *e, uint64_t now_ns)
{
	const uint32_t at = e->conn_id - c->config.conn_base;
	struct news w = {.c = c, .e = e};
	struct mpnic_key key;
	bool upper;

	if (now_ns > c->now)
		c->now = now_ns;
	c->counts.events++;
	count_lost(c, e->seq);
	if (at < c->config.conns && is_live(&c->conn[at])) {
		w.n = &c->conn[at];
		event_key(c, e, &key, &upper);
		w.f = flow_of(c, w.n, &key);
		if (!w.f && (e->signs & MPNIC_SIGN_JOIN_LEARNT))
			w.f = learn(c, w.n, e, &key, upper);
	}
	if (!w.f) {
		c->counts.stray_events++;
		return;
	}
	w.n = conn_of(c, w.f);
	w.f->events++;
	w.dir = upper != w.f->upper;
	w.side = (uint8_t)(w.dir ^ w.f->opener);
	if (e->signs & MPNIC_SIGN_JOIN_LEARNT)
		on_learnt(c, w.f, e);
	if (w.side == host_side(w.n) && !(e->signs & MPNIC_SIGN_END))
		conns_alive(c, w.f);
	on_numbers(&w);
	on_signs(&w);
	on_end(&w);
}
