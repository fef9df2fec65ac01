/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP of one subflow (RFC 9293, timestamps and window scale of RFC 7323, RFC 6298, NewReno). */
#include "private.h"

#include <stdlib.h>
#include <string.h>

#define IW_SEGMENTS 10
#define RTO_MAX	    (60 * 1000000ull)

static uint32_t timestamp(const struct subflow *sf)
{
	return (uint32_t)(sf->st->now / 1000);
}

static uint16_t own_mss(const struct subflow *sf)
{
	return (uint16_t)(sf->st->cfg.mtu - (sf->local.addr.len == 4 ? 40 : 60));
}

uint16_t sf_payload_max(const struct subflow *sf)
{
	const uint16_t mss = own_mss(sf) < sf->peer_mss ? own_mss(sf) : sf->peer_mss;
	const struct conn *c = sf->c;
	const bool none = c->tx_infinite && c->rx_infinite && sf->una >= c->inf_until;
	const uint16_t dss = c->mode == CONN_MPTCP && !none ? DSS_MAX : 0;
	const uint16_t options = (uint16_t)((sf->ts ? TS_LEN : 0) + dss);

	return mss > options + 1 ? (uint16_t)(mss - options) : 1;
}

static void arm(struct subflow *sf)
{
	const uint64_t rto = sf->rto << sf->backoff;

	sf->rto_at = sf->st->now + (rto < RTO_MAX ? rto : RTO_MAX);
}

static uint32_t flight(const struct subflow *sf)
{
	return (uint32_t)(sf->nxt - sf->una);
}

/* Out onto the wire. Segments with SYN carry the scale-less window. */
static void emit(struct subflow *sf, uint8_t flags, uint32_t seq, const struct seg *g)
{
	struct segment s = {.flags = flags, .seq = seq};
	uint8_t frame[FRAME_MAX];
	struct optbuf b = {.n = 0};
	const bool is_syn = flags & SYN;

	if (!sf->mac_known)
		return;
	if (is_syn)
		put_syn_options(&b, own_mss(sf), WSCALE);
	if (sf->ts || (is_syn && sf->active))
		put_timestamps(&b, timestamp(sf), sf->ts_recent);
	mp_options(sf, flags, g, &b);
	s.ip.src_mac = sf->st->cfg.mac;
	s.ip.dst_mac = sf->peer_mac;
	s.ip.src = sf->local.addr;
	s.ip.dst = sf->remote.addr;
	s.ip.proto = 6;
	s.sport = sf->local.port;
	s.dport = sf->remote.port;
	if (flags & ACK) {
		s.ack = sf->irs + 1 + (uint32_t)sf->rx.next;
		if (sf->fin_came && sf->rx.next == sf->fin_off)
			s.ack++;
	}
	s.window = (uint16_t)(is_syn ? 65535 : WINDOW >> WSCALE);
	s.options = b.b;
	s.options_len = b.n;
	if (g) {
		s.data = g->data;
		s.len = g->len;
	}
	if (flags & ACK)
		sf->ack_due = false;
	sf->st->env.send(sf->st->env.ctx, sf->port, frame, segment_build(frame, &s));
}

static uint32_t seq_of(const struct subflow *sf, uint64_t off)
{
	return sf->iss + 1 + (uint32_t)off;
}

void sf_send_ack(struct subflow *sf)
{
	emit(sf, ACK, seq_of(sf, sf->nxt), NULL);
}

void answer_reset(struct stack *st, unsigned port, const struct segment *in)
{
	struct segment s = {.ip.proto = 6};
	uint8_t frame[FRAME_MAX];

	s.ip.src_mac = st->cfg.mac;
	s.ip.dst_mac = in->ip.src_mac;
	s.ip.src = in->ip.dst;
	s.ip.dst = in->ip.src;
	s.sport = in->dport;
	s.dport = in->sport;
	if (in->flags & ACK) {
		s.seq = in->ack;
		s.flags = RST;
	} else {
		s.ack = in->seq + (uint32_t)in->len + !!(in->flags & SYN) + !!(in->flags & FIN);
		s.flags = RST | ACK;
	}
	st->env.send(st->env.ctx, port, frame, segment_build(frame, &s));
}

static void emit_seg(struct subflow *sf, struct seg *g)
{
	const bool last = g->off + g->len + g->fin == sf->nxt;

	g->sent = sf->st->now;
	emit(sf, (uint8_t)(ACK | (g->fin ? FIN : 0) | (g->len && last ? PSH : 0)),
	     seq_of(sf, g->off), g);
}

static void emit_syn(struct subflow *sf)
{
	if (sf->state == SF_SYN_SENT)
		emit(sf, SYN, sf->iss, NULL);
	else
		emit(sf, SYN | ACK, sf->iss, NULL);
	arm(sf);
}

void sf_connect(struct subflow *sf)
{
	if (!sf->mac_known)
		stack_resolve(sf);
	if (sf->mac_known)
		emit_syn(sf);
	else
		arm(sf);
}

static void free_segs(struct subflow *sf)
{
	while (sf->head) {
		struct seg *g = sf->head;

		sf->head = g->next;
		free(g);
	}
	sf->tail = NULL;
}

void sf_free(struct subflow *sf)
{
	free_segs(sf);
	reasm_free(&sf->rx);
	free(sf->maps);
	free(sf);
}

static void gone(struct subflow *sf, const char *how)
{
	struct conn *c = sf->c;

	if (sf->dead)
		return;
	sf->dead = true;
	for (unsigned i = 0; i < c->subs; i++) {
		if (c->sub[i] != sf)
			continue;
		c->subs--;
		memmove(&c->sub[i], &c->sub[i + 1], (c->subs - i) * sizeof(c->sub[0]));
		break;
	}
	mp_subflow_gone(sf, how);
}

void sf_gone(struct subflow *sf)
{
	gone(sf, "fin");
}

void sf_reset(struct subflow *sf)
{
	emit(sf, RST | ACK, seq_of(sf, sf->nxt), NULL);
	gone(sf, "reset");
}

static void peer_syn(struct subflow *sf, const struct segment *s, const struct options *o)
{
	sf->irs = s->seq;
	if (o->mss)
		sf->peer_mss = o->mss;
	sf->ts = o->has_ts;
	sf->ts_recent = o->tsval;
	sf->peer_scale = o->has_wscale ? o->wscale : 0;
	sf->wnd_edge = s->window;
}

void sf_accept(struct subflow *sf, const struct segment *s, const struct options *o)
{
	sf->state = SF_SYN_RCVD;
	peer_syn(sf, s, o);
	mp_syn(sf, o);
	emit_syn(sf);
}

static void open_now(struct subflow *sf)
{
	sf->state = SF_OPEN;
	sf->was_open = true;
	sf->backoff = 0;
	sf->rto_at = NEVER;
	sf->cwnd = IW_SEGMENTS * (uint32_t)sf_payload_max(sf);
	mp_opened(sf);
}

static void syn_sent(struct subflow *sf, const struct segment *s, const struct options *o)
{
	if ((s->flags & ACK) && s->ack != sf->iss + 1) {
		if (!(s->flags & RST))
			answer_reset(sf->st, sf->port, s);
		return;
	}
	if (s->flags & RST) {
		if (s->flags & ACK)
			gone(sf, "refused");
		return;
	}
	if ((s->flags & (SYN | ACK)) != (SYN | ACK))
		return;
	peer_syn(sf, s, o);
	if (!sf->backoff)
		sf->rto = sf->st->cfg.rto_min * 2;
	if (!mp_syn_ack(sf, o)) {
		sf_reset(sf);
		return;
	}
	if (!sf->first) { /* 3.2: no data before the peer has acknowledged the HMAC */
		sf->state = SF_PRE_ESTABLISHED;
		sf->backoff = 0;
		arm(sf);
		sf_send_ack(sf);
		return;
	}
	open_now(sf);
	if (!sf->dead && sf->ack_due)
		sf_send_ack(sf);
	if (!sf->dead)
		mp_push(sf->c);
}

static void measure(struct subflow *sf, uint64_t rtt)
{
	const uint64_t min = sf->st->cfg.rto_min;

	if (!sf->srtt) {
		sf->srtt = rtt ? rtt : 1;
		sf->rttvar = rtt / 2;
	} else {
		const uint64_t off = rtt > sf->srtt ? rtt - sf->srtt : sf->srtt - rtt;

		sf->rttvar = (3 * sf->rttvar + off) / 4;
		sf->srtt = (7 * sf->srtt + rtt) / 8;
	}
	sf->rto = sf->srtt + 4 * sf->rttvar;
	if (sf->rto < min)
		sf->rto = min;
}

static void resend(struct subflow *sf)
{
	struct seg *g = sf->head;

	if (!g)
		return;
	g->again = true;
	sf->c->r.retransmits++;
	emit_seg(sf, g);
}

static void lose(struct subflow *sf)
{
	const uint32_t mss = sf_payload_max(sf), half = flight(sf) / 2;

	sf->ssthresh = half > 2 * mss ? half : 2 * mss;
}

static void pop_acked(struct subflow *sf)
{
	while (sf->head && sf->head->off + sf->head->len + sf->head->fin <= sf->una) {
		struct seg *g = sf->head;

		if (!g->again)
			measure(sf, sf->st->now - g->sent);
		if (g->fin)
			sf->fin_acked = true;
		sf->head = g->next;
		if (!sf->head)
			sf->tail = NULL;
		mp_sub_acked(sf, g);
		free(g);
	}
}

static void new_ack(struct subflow *sf, uint64_t ack)
{
	const uint32_t mss = sf_payload_max(sf), acked = (uint32_t)(ack - sf->una);

	sf->una = ack;
	sf->dups = 0;
	sf->backoff = 0;
	pop_acked(sf);
	if (sf->recovering && ack < sf->recover) {
		resend(sf); /* NewReno: the next hole */
	} else if (sf->recovering) {
		sf->recovering = false;
		sf->cwnd = sf->ssthresh;
	} else if (sf->cwnd < sf->ssthresh) {
		sf->cwnd += acked < 2 * mss ? acked : 2 * mss;
	} else {
		sf->cwnd += mss * mss / sf->cwnd + 1;
	}
	if (sf->cwnd > WINDOW)
		sf->cwnd = WINDOW;
	if (flight(sf))
		arm(sf);
	else
		sf->rto_at = NEVER;
}

/* 3: a duplicate with an MPTCP option other than DSS is no sign of congestion. */
static void dup_ack(struct subflow *sf, const struct segment *s, const struct options *o)
{
	if (!flight(sf) || s->len || o->signal || s->window != sf->last_window ||
	    (s->flags & FIN) || ++sf->dups != 3 || sf->recovering)
		return;
	lose(sf);
	sf->recovering = true;
	sf->recover = sf->nxt;
	sf->cwnd = sf->ssthresh;
	resend(sf);
}

/* False: the acknowledgement is of what was never sent. */
static bool take_ack(struct subflow *sf, const struct segment *s, const struct options *o)
{
	const uint64_t ack = extend(s->ack - sf->iss - 1, sf->una);
	const uint64_t edge = ack + ((uint64_t)s->window << sf->peer_scale);

	if (ack > sf->nxt && ack < 1ull << 63)
		return false;
	if (ack > 1ull << 63 || ack < sf->una)
		return true;
	if (edge > sf->wnd_edge)
		sf->wnd_edge = edge;
	if (ack > sf->una)
		new_ack(sf, ack);
	else
		dup_ack(sf, s, o);
	sf->last_window = s->window;
	return true;
}

static void take_data(struct subflow *sf, const struct segment *s, uint64_t off)
{
	if (s->flags & FIN) {
		sf->fin_came = true;
		sf->fin_off = off + s->len;
	}
	if (!s->len)
		return;
	reasm_put(&sf->rx, off, s->data, s->len);
	sf->ack_due = true;
	mp_deliver(sf);
}

/* Both FINs are through: the side that sent its own first lingers. */
static void finish(struct subflow *sf)
{
	const bool came = sf->fin_came && sf->rx.next >= sf->fin_off;

	if (!came || !sf->fin_acked)
		return;
	sf->rto_at = NEVER;
	if (sf->linger_at == NEVER)
		sf->linger_at = sf->st->now + LINGER;
	mp_subflow_closed(sf);
	if (!sf->closed_first)
		gone(sf, "fin");
}

/* The part of a segment that lies in the window; false: none does, say so. */
static bool acceptable(const struct subflow *sf, const struct segment *s, uint64_t off)
{
	const uint64_t top = sf->rx.base + sf->rx.size;

	if (off > 1ull << 63) /* before the first byte */
		return s->len && off + s->len < 1ull << 63;
	return off + s->len >= sf->rx.base && off <= top;
}

/* RFC 5961: a RST must hit the next byte exactly. */
static void take_reset(struct subflow *sf, uint64_t off)
{
	const uint64_t next = sf->rx.next + (sf->fin_came && sf->rx.next == sf->fin_off);

	if (off != next && !(off == sf->rx.next)) {
		sf_send_ack(sf);
		return;
	}
	gone(sf, sf->linger_at != NEVER ? "fin" : "reset");
}

/* A SYN again: the SYN/ACK was lost, or it is not of this connection. */
static void take_syn(struct subflow *sf, const struct segment *s, const struct options *o)
{
	if (sf->state == SF_SYN_RCVD && s->seq == sf->irs && !(s->flags & ACK)) {
		mp_syn(sf, o);
		emit(sf, SYN | ACK, sf->iss, NULL);
		return;
	}
	sf_send_ack(sf);
}

static bool old_timestamp(const struct subflow *sf, const struct options *o)
{
	return sf->ts && o->has_ts && (int32_t)(o->tsval - sf->ts_recent) < 0;
}

/* The handshake's end; false: nothing more is to be done with this segment. */
static bool third(struct subflow *sf, const struct segment *s, const struct options *o)
{
	if (sf->state == SF_PRE_ESTABLISHED) {
		open_now(sf);
		return true;
	}
	if (s->ack != sf->iss + 1) {
		answer_reset(sf->st, sf->port, s);
		return false;
	}
	sf->wnd_edge = (uint64_t)s->window << sf->peer_scale;
	if (!mp_third(sf, s, o)) {
		sf_reset(sf);
		return false;
	}
	open_now(sf);
	return !sf->dead;
}

static void open_input(struct subflow *sf, const struct segment *s, const struct options *o,
		       uint64_t off)
{
	struct conn *c = sf->c;

	if (!take_ack(sf, s, o)) {
		sf_send_ack(sf);
		return;
	}
	if (sf->dead)
		return;
	if (mp_input(sf, s, o) && !sf->dead)
		take_data(sf, s, off);
	if (sf->dead)
		return;
	if (s->flags & FIN) {
		sf->ack_due = true;
		mp_deliver(sf);
	}
	if (sf->dead)
		return;
	mp_push(c);
	if (sf->dead)
		return;
	if (sf->ack_due)
		sf_send_ack(sf);
	finish(sf);
}

void sf_input(struct subflow *sf, const struct segment *s, const struct options *o)
{
	uint64_t off;

	sf->heard = sf->st->now;
	sf->remove_at = NEVER;
	sf->c->r.bad_options += o->bad;
	if (sf->state == SF_SYN_SENT) {
		syn_sent(sf, s, o);
		return;
	}
	off = extend(s->seq - sf->irs - 1, sf->rx.next);
	if (s->flags & SYN) {
		take_syn(sf, s, o);
		return;
	}
	if (old_timestamp(sf, o) && !(s->flags & RST)) {
		sf_send_ack(sf);
		return;
	}
	if (!acceptable(sf, s, off)) {
		if (!(s->flags & RST))
			sf_send_ack(sf);
		return;
	}
	if (s->flags & RST) {
		sf->c->r.fails += o->fail;
		take_reset(sf, off);
		return;
	}
	if (!(s->flags & ACK))
		return;
	if (sf->ts && o->has_ts && off <= sf->rx.next)
		sf->ts_recent = o->tsval;
	if (off > 1ull << 63)
		sf->ack_due = true;
	if (sf->state != SF_OPEN && !third(sf, s, o))
		return;
	open_input(sf, s, o, off);
}

bool sf_can_send(const struct subflow *sf)
{
	return sf->state == SF_OPEN && !sf->dead && !sf->fin_queued && !sf->failed &&
	       flight(sf) < sf->cwnd && sf->nxt < sf->wnd_edge;
}

void sf_send(struct subflow *sf, uint64_t data_off, uint16_t len, bool data_fin, bool fin)
{
	struct conn *c = sf->c;
	struct seg *g = calloc(1, sizeof(*g) + len);

	if (!g)
		return;
	g->off = sf->nxt;
	g->data_off = data_off;
	g->len = len;
	g->data_fin = data_fin;
	g->fin = fin;
	for (uint16_t i = 0; i < len; i++)
		g->data[i] = c->tx[(data_off + i) % TX_SIZE];
	if (len && (int64_t)(data_off - g->off) != sf->delta) {
		sf->delta = (int64_t)(data_off - g->off);
		sf->linear_from = g->off;
	}
	if (sf->tail)
		sf->tail->next = g;
	else
		sf->head = g;
	sf->tail = g;
	sf->nxt += len + (fin ? 1u : 0);
	if (fin) {
		sf->fin_queued = true;
		sf->closed_first = !sf->fin_came;
	}
	if (sf->rto_at == NEVER)
		arm(sf);
	/* The listener falls back where the third ACK is lost: it goes before all data at first. */
	if (sf->first && c->r.active && c->mode == CONN_MPTCP && !c->acked_once && !c->dss_came &&
	    len)
		emit(sf, ACK, seq_of(sf, g->off), NULL);
	emit_seg(sf, g);
}

void sf_probe_later(struct subflow *sf)
{
	if (sf->rto_at == NEVER)
		arm(sf);
}

static bool syn_timer(struct subflow *sf)
{
	if (sf->state == SF_OPEN)
		return false;
	if (++sf->backoff > SYN_TRIES) {
		gone(sf, "timeout");
		return true;
	}
	if (sf->state == SF_PRE_ESTABLISHED) {
		sf_send_ack(sf);
		arm(sf);
		return true;
	}
	if (sf->first && sf->backoff >= CAPABLE_TRIES && sf->state == SF_SYN_SENT)
		sf->syn_plain = true;
	sf_connect(sf);
	return true;
}

/* A closed window is asked with a byte of what waits. */
static void probe(struct subflow *sf)
{
	struct conn *c = sf->c;

	if (c->tx_nxt < c->tx_end && !sf->fin_queued) {
		sf_send(sf, c->tx_nxt, 1, false, false);
		c->tx_nxt++;
		if (c->tx_nxt > c->tx_top)
			c->tx_top = c->tx_nxt;
	}
}

static void data_timer(struct subflow *sf)
{
	sf->rto_at = NEVER;
	if (!sf->head) {
		probe(sf);
		return;
	}
	if (++sf->backoff > RETRIES_MAX) {
		gone(sf, "timeout");
		return;
	}
	if (sf->backoff == 1)
		lose(sf);
	sf->cwnd = sf_payload_max(sf);
	sf->recovering = true; /* what was in flight is sent again as acknowledgements come */
	sf->recover = sf->nxt;
	resend(sf);
	arm(sf);
	if (sf->backoff == STALE_AFTER)
		mp_handover(sf->c);
}

void sf_timer(struct subflow *sf)
{
	const uint64_t now = sf->st->now;

	if (now >= sf->linger_at) {
		gone(sf, "fin");
		return;
	}
	if (now >= sf->remove_at || now >= sf->heard + sf->st->cfg.idle) {
		emit(sf, RST | ACK, seq_of(sf, sf->nxt), NULL);
		gone(sf, "timeout");
		return;
	}
	if (now >= sf->fail_at) {
		sf->fail_at = now + 2 * sf->rto;
		sf_send_ack(sf);
	}
	if (now < sf->rto_at)
		return;
	sf->rto_at = NEVER;
	if (!syn_timer(sf))
		data_timer(sf);
}

uint64_t sf_next_timer(const struct subflow *sf)
{
	uint64_t at = sf->heard + sf->st->cfg.idle;

	at = sf->rto_at < at ? sf->rto_at : at;
	at = sf->linger_at < at ? sf->linger_at : at;
	at = sf->remove_at < at ? sf->remove_at : at;
	return sf->fail_at < at ? sf->fail_at : at;
}
