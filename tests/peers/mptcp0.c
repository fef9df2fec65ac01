/* SPDX-License-Identifier: BSD-3-Clause */
/* A connection of one subflow or more: MPTCP version 0 as RFC 6824 has it, or TCP. */
#include "private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void conn_end(struct conn *c, const char *how)
{
	if (c->dead)
		return;
	c->dead = true;
	if (!c->r.end)
		c->r.end = how;
	c->st->env.report(c->st->env.ctx, EVENT_END, c);
	if (c->state)
		c->app->gone(c, c->state);
	c->state = NULL;
}

void conn_free(struct conn *c)
{
	if (c->state)
		c->app->gone(c, c->state);
	reasm_free(&c->rx);
	free(c->tx);
	free(c);
}

const struct conn_report *conn_report(const struct conn *c)
{
	return &c->r;
}

/* Without MPTCP on the wire in that direction. */
static bool plain_tx(const struct conn *c)
{
	return c->mode != CONN_MPTCP || c->tx_infinite;
}

static bool plain_rx(const struct conn *c)
{
	return c->mode != CONN_MPTCP || c->rx_infinite;
}

static bool eof(const struct conn *c)
{
	return c->fin_known && c->rx.next >= c->fin_at;
}

/* Handshakes. */

void mp_new_key(struct conn *c)
{
	do {
		c->st->env.random(c->st->env.ctx, c->key, KEY_LEN);
		c->token = key_token(c->key);
	} while (stack_by_token(c->st, c->token)); /* 3.1: no collision of tokens */
	c->idsn = key_idsn(c->key) + (c->st->cfg.faults & FAULT_IDSN ? 1 : 0);
}

static void peer_key(struct conn *c, const uint8_t *key)
{
	memcpy(c->peer_key, key, KEY_LEN);
	c->have_peer_key = true;
	c->peer_token = key_token(key);
	c->peer_idsn = key_idsn(key);
}

/* 3.1: HMAC-SHA1 is the only proposal that can be chosen here; none at all makes it invalid. */
static bool usable(const struct opt_capable *o)
{
	return !o->version && o->len == 12 && (o->flags & FLAG_SHA1) && !(o->flags & FLAG_EXT);
}

void mp_syn(struct subflow *sf, const struct options *o)
{
	const enum stack_mode mode = sf->st->cfg.mode;
	const struct opt_capable *cap = &o->capable;
	struct conn *c = sf->c;

	if (!sf->first) {
		if (!sf->nonce)
			sf->nonce = stack_random32(sf->st);
		if (o->join.len == 12) {
			sf->peer_nonce = o->join.nonce;
			sf->peer_id = o->join.id;
			sf->backup = o->join.backup;
		}
		return;
	}
	if (cap->len && c->r.offered == NO_VERSION)
		c->r.offered = cap->version;
	sf->syn_plain = true;
	if (mode == MODE_TCP || !cap->len)
		return;
	if (usable(cap) && !c->have_peer_key) {
		peer_key(c, cap->key[0]);
		c->r.checksum = sf->st->cfg.checksum || (cap->flags & FLAG_CSUM);
	} else if (!usable(cap) && (!cap->version || mode != MODE_ANSWER_V0)) {
		return;
	}
	if (c->r.answered == NO_VERSION)
		mp_new_key(c);
	c->r.answered = 0;
	sf->syn_plain = false; /* of a plain SYN the answer is plain */
}

static void own_hmac(const struct subflow *sf, uint8_t hmac[HMAC_LEN])
{
	const struct conn *c = sf->c;

	join_hmac(c->key, c->peer_key, sf->nonce, sf->peer_nonce, hmac);
	if (sf->st->cfg.faults & FAULT_HMAC)
		hmac[7] ^= 1;
}

static bool hmac_right(const struct subflow *sf, const uint8_t *got, size_t len)
{
	const struct conn *c = sf->c;
	uint8_t hmac[HMAC_LEN];

	join_hmac(c->peer_key, c->key, sf->peer_nonce, sf->nonce, hmac);
	return !memcmp(hmac, got, len);
}

bool mp_syn_ack(struct subflow *sf, const struct options *o)
{
	struct conn *c = sf->c;

	sf->ack_due = true;
	if (!sf->first) {
		sf->peer_nonce = o->join.nonce;
		sf->peer_id = o->join.id;
		sf->backup = o->join.backup;
		return o->join.len == 16 && hmac_right(sf, o->join.hmac, 8);
	}
	c->r.answered = o->capable.len ? o->capable.version : NO_VERSION;
	c->mode = CONN_TCP;
	if (sf->syn_plain || !usable(&o->capable) || c->r.offered == NO_VERSION)
		return true;
	peer_key(c, o->capable.key[0]);
	c->r.checksum = sf->st->cfg.checksum || (o->capable.flags & FLAG_CSUM);
	c->mode = CONN_MPTCP;
	return true;
}

bool mp_third(struct subflow *sf, const struct segment *s, const struct options *o)
{
	const struct opt_capable *cap = &o->capable;
	struct conn *c = sf->c;

	if (!sf->first) {
		sf->ack_due = true; /* 3.2: it must trigger one */
		return o->join.len == 24 && !s->len && hmac_right(sf, o->join.hmac, HMAC_LEN);
	}
	c->mode = CONN_TCP;
	if (c->r.answered == NO_VERSION || !c->have_peer_key)
		return true;
	/* 3.1: the third packet decides. */
	if (cap->len != 20 || cap->version || memcmp(cap->key[0], c->peer_key, KEY_LEN) ||
	    memcmp(cap->key[1], c->key, KEY_LEN)) {
		c->r.fallback = "no MP_CAPABLE on the third packet";
		return true;
	}
	c->r.checksum |= !!(cap->flags & FLAG_CSUM);
	c->mode = CONN_MPTCP;
	return true;
}

void mp_opened(struct subflow *sf)
{
	struct conn *c = sf->c;

	c->r.subflows++;
	if (!sf->first) {
		sf->st->env.report(sf->st->env.ctx, EVENT_SUBFLOW, c);
		return;
	}
	c->r.mptcp = c->mode == CONN_MPTCP;
	c->tx_limit = sf->wnd_edge;
	c->opened = true;
	sf->st->env.report(sf->st->env.ctx, EVENT_OPEN, c);
	c->state = c->app->open(c, c->app->arg);
	if (!c->state)
		conn_abort(c);
}

/* Options that are sent. */

static uint8_t capable_flags(bool checksum)
{
	return (uint8_t)(FLAG_SHA1 | (checksum ? FLAG_CSUM : 0));
}

static void syn_options(struct subflow *sf, uint8_t flags, struct optbuf *b)
{
	struct conn *c = sf->c;
	struct opt_join j = {.id = sf->id, .nonce = sf->nonce, .backup = sf->own_backup};
	uint8_t hmac[HMAC_LEN];

	if (sf->first) {
		if (sf->st->cfg.mode == MODE_TCP || sf->syn_plain)
			return;
		if (!(flags & ACK))
			c->r.offered = 0;
		put_capable(b, capable_flags(sf->st->cfg.checksum), c->key, NULL);
		return;
	}
	j.len = flags & ACK ? 16 : 12;
	j.token = c->peer_token ^ (sf->st->cfg.faults & FAULT_TOKEN ? 1 : 0);
	own_hmac(sf, hmac);
	memcpy(j.hmac, hmac, 8);
	put_join(b, &j);
}

static uint16_t map_checksum(const struct conn *c, const struct opt_dss *d, const struct seg *g)
{
	struct sum data = {0};

	if (g)
		sum_add(&data, g->data, g->len);
	return dss_checksum(d->dsn, d->ssn, d->len, &data) ^
	       (c->st->cfg.faults & FAULT_CSUM ? 0x0100 : 0);
}

/* The mapping of a segment, of a DATA_FIN alone, or the infinite one. */
static void put_mapping(const struct subflow *sf, const struct seg *g, struct opt_dss *d)
{
	const struct conn *c = sf->c;
	const bool fin_alone = !g && c->fin_sent && !c->fin_acked && c->tx_una == c->tx_end;

	d->dsn8 = c->st->cfg.long_dsn;
	d->has_csum = c->r.checksum;
	if (c->tx_infinite) {
		d->has_map = sf->una < c->inf_until;
		d->dsn = c->idsn + 1 + c->inf_data;
		d->ssn = (uint32_t)c->inf_off + 1;
		return;
	}
	if (!fin_alone && !(g && g->len))
		return;
	d->has_map = true;
	d->dsn = c->idsn + 1 + (g ? g->data_off : c->tx_end);
	d->ssn = g ? (uint32_t)g->off + 1 : 0;
	d->fin = g ? g->data_fin : true;
	d->len = (uint16_t)((g ? g->len : 0) + d->fin);
	if (d->has_csum)
		d->csum = map_checksum(c, d, g);
}

static void put_signals(struct subflow *sf, struct optbuf *b)
{
	const struct stack_config *cfg = &sf->st->cfg;
	const struct opt_add add = {
		.id = cfg->addrs + 1, .addr = cfg->advertise, .port = cfg->advertise_port};

	if (sf->failed)
		put_fail(b, sf->fail_dsn);
	else if (sf->send_add && put_add(b, &add))
		sf->send_add = false;
	else if (sf->send_remove && put_remove(b, sf->remove_id))
		sf->send_remove = false;
	else if (sf->send_prio && put_prio(b, sf->own_backup, NULL))
		sf->send_prio = false;
}

/* False: an address is to be sent that does not fit beside the DSS, as IPv6 with 8 octets. */
static bool fits_with_add(const struct subflow *sf, const struct opt_dss *d, const struct optbuf *b)
{
	const struct stack_config *cfg = &sf->st->cfg;
	struct optbuf try = *b;
	const struct opt_add add = {.addr = cfg->advertise, .port = cfg->advertise_port};

	return !sf->send_add || (put_dss(&try, d) && put_add(&try, &add));
}

void mp_options(struct subflow *sf, uint8_t flags, const struct seg *g, struct optbuf *b)
{
	struct conn *c = sf->c;
	struct opt_dss d = {.here = true};
	struct opt_join j = {.len = 24};

	if (flags & SYN) {
		syn_options(sf, flags, b);
		return;
	}
	if (c->mode != CONN_MPTCP)
		return;
	if (flags & RST) {
		if (sf->failed)
			put_fail(b, sf->fail_dsn);
		return;
	}
	if (sf->state == SF_PRE_ESTABLISHED) {
		own_hmac(sf, j.hmac);
		put_join(b, &j);
		return;
	}
	if (!g && sf->first && sf->active && !c->acked_once && !c->dss_came) {
		put_capable(b, capable_flags(c->r.checksum), c->key, c->peer_key);
		return;
	}
	if (sf->st->cfg.faults & FAULT_NO_DSS)
		return;
	if (!g && sf->send_fastclose) {
		put_fastclose(b, c->peer_key);
		return;
	}
	d.has_ack = !c->rx_infinite;
	d.ack8 = c->peer_dsn8 || sf->st->cfg.long_dsn;
	d.ack = c->peer_idsn + 1 + c->rx.next + eof(c);
	put_mapping(sf, g, &d);
	if ((d.has_ack || d.has_map) && (g || fits_with_add(sf, &d, b)))
		put_dss(b, &d);
	if (!g)
		put_signals(sf, b);
}

/* Sending. */

static struct subflow *pick(struct conn *c)
{
	struct subflow *best = NULL, *spare = NULL;
	bool some = false; /* a subflow that is no backup and not stale is there */

	if (plain_tx(c))
		return c->subs && sf_can_send(c->sub[0]) ? c->sub[0] : NULL;
	for (unsigned i = 0; i < c->subs; i++) {
		struct subflow *sf = c->sub[(c->turn + i) % c->subs];
		const bool good = sf->state == SF_OPEN && !sf->backup && !sf->fin_queued &&
				  sf->backoff < STALE_AFTER && !sf->failed;

		some |= good;
		if (good && !best && sf_can_send(sf))
			best = sf;
		if (!good && !spare && sf_can_send(sf))
			spare = sf;
	}
	if (some)
		spare = NULL;
	c->turn++;
	return best ? best : spare;
}

static void note_sent(struct conn *c)
{
	if (c->tx_nxt > c->tx_top)
		c->tx_top = c->tx_nxt;
	if (!plain_tx(c) && c->resend_at == NEVER)
		c->resend_at = c->st->now + (8 * c->st->cfg.rto_min << c->resends);
}

static bool send_some(struct conn *c)
{
	struct subflow *sf = c->tx_nxt < c->tx_end ? pick(c) : NULL;
	uint64_t n;
	bool fin;

	if (!sf)
		return false;
	n = sf_payload_max(sf);
	if (n > c->tx_end - c->tx_nxt)
		n = c->tx_end - c->tx_nxt;
	if (n > sf->wnd_edge - sf->nxt)
		n = sf->wnd_edge - sf->nxt;
	if (!plain_tx(c)) { /* 3.3.5: the window is the connection's */
		const uint64_t left = c->tx_limit > c->tx_nxt ? c->tx_limit - c->tx_nxt : 0;

		n = n < left ? n : left;
	}
	if (!n)
		return false;
	fin = !plain_tx(c) && c->fin_wanted && c->tx_nxt + n == c->tx_end;
	sf_send(sf, c->tx_nxt, (uint16_t)n, fin, false);
	c->tx_nxt += n;
	c->fin_sent |= fin;
	note_sent(c);
	return true;
}

static void send_data_fin(struct conn *c)
{
	for (unsigned i = 0; i < c->subs; i++) {
		if (c->sub[i]->state != SF_OPEN)
			continue;
		c->fin_sent = true;
		sf_send_ack(c->sub[i]);
		note_sent(c);
		return;
	}
}

static void send_fins(struct conn *c)
{
	const bool all =
		plain_tx(c) ? c->fin_wanted && c->tx_nxt == c->tx_end : c->fin_acked && eof(c);

	for (unsigned i = 0; i < c->subs; i++) {
		struct subflow *sf = c->sub[i];
		const bool peers = !plain_rx(c) && sf->fin_came && sf->rx.next >= sf->fin_off;

		if (sf->state == SF_OPEN && !sf->fin_queued && (all || peers))
			sf_send(sf, c->tx_end, 0, false, true);
	}
}

/* 3.4.1: on all subflows, once DSS has passed both ways. */
static void advertise(struct conn *c)
{
	if (c->advertised || plain_tx(c) || !c->acked_once || !c->dss_came ||
	    !c->st->cfg.advertise.len)
		return;
	c->advertised = true;
	for (unsigned i = 0; i < c->subs; i++) {
		c->sub[i]->send_add = true;
		sf_send_ack(c->sub[i]);
	}
}

void mp_push(struct conn *c)
{
	if (!c->opened || c->aborted)
		return;
	while (send_some(c))
		;
	if (c->tx_nxt < c->tx_end)
		for (unsigned i = 0; i < c->subs; i++)
			if (c->sub[i]->state == SF_OPEN && !c->sub[i]->head)
				sf_probe_later(c->sub[i]);
	if (c->fin_wanted && !c->fin_sent && !plain_tx(c) && c->tx_una == c->tx_end)
		send_data_fin(c);
	send_fins(c);
	advertise(c);
}

size_t conn_write(struct conn *c, const void *data, size_t len)
{
	const uint8_t *p = data;
	const size_t room = TX_SIZE - (size_t)(c->tx_end - c->tx_una);

	if (c->fin_wanted || c->dead)
		return 0;
	if (len > room)
		len = room;
	for (size_t i = 0; i < len; i++)
		c->tx[(c->tx_end + i) % TX_SIZE] = p[i];
	c->tx_end += len;
	c->r.bytes_out += len;
	mp_push(c);
	return len;
}

uint64_t conn_acked(const struct conn *c)
{
	return c->tx_una;
}

void conn_finish(struct conn *c)
{
	c->fin_wanted = true;
	mp_push(c);
}

static void room(struct conn *c)
{
	if (c->state)
		c->app->room(c, c->state);
}

void mp_sub_acked(struct subflow *sf, const struct seg *g)
{
	struct conn *c = sf->c;

	if (!plain_tx(c) || g->data_off + g->len <= c->tx_una)
		return;
	c->tx_una = g->data_off + g->len;
	room(c);
}

void mp_handover(struct conn *c)
{
	if (plain_tx(c) || c->subs < 2)
		return;
	c->tx_nxt = c->tx_una;
	mp_push(c);
}

/* Falling back (3.6). */

static void reset_others(struct conn *c, const struct subflow *keep)
{
	for (unsigned i = c->subs; i-- > 0;)
		if (i < c->subs && c->sub[i] != keep)
			sf_reset(c->sub[i]);
}

static bool contiguous(const struct conn *c, struct subflow *sf)
{
	if (c->tx_una == c->tx_nxt && c->tx_nxt == c->tx_top) {
		sf->delta = (int64_t)(c->tx_nxt - sf->nxt);
		sf->linear_from = sf->nxt;
		return true;
	}
	return (int64_t)(c->tx_nxt - sf->nxt) == sf->delta &&
	       c->tx_una >= sf->linear_from + (uint64_t)sf->delta;
}

/* An infinite mapping from the last byte that a Data ACK covered, then no mappings. */
static void go_infinite(struct subflow *sf, const char *why)
{
	struct conn *c = sf->c;
	uint64_t acked;

	if (c->tx_infinite)
		return;
	if (!contiguous(c, sf) || sf->fin_queued) {
		sf_reset(sf);
		return;
	}
	c->tx_infinite = true;
	c->resend_at = NEVER;
	c->r.fallback = why;
	c->inf_data = c->tx_una;
	c->inf_off = c->tx_una - (uint64_t)sf->delta;
	c->inf_until = sf->nxt + 1;
	acked = sf->una + (uint64_t)sf->delta;
	if (acked > c->tx_una && acked <= c->tx_nxt)
		c->tx_una = acked;
	reset_others(c, sf);
	sf->ack_due = true;
	room(c);
}

static void path_has_no_dss(struct subflow *sf)
{
	struct conn *c = sf->c;

	if (!sf->first) {
		sf_reset(sf);
		return;
	}
	go_infinite(sf, "data acknowledged without a Data ACK");
	if (!c->dss_came)
		c->rx_infinite = true;
}

static void take_infinite(struct subflow *sf, const struct opt_dss *d, uint64_t data_off)
{
	struct conn *c = sf->c;
	const uint64_t start = extend(d->ssn - 1, sf->rx.base);

	if (c->rx_infinite)
		return;
	if (data_off + (sf->rx.base - start) != c->rx.next || c->rx.spans) {
		sf_reset(sf);
		return;
	}
	c->rx_infinite = true;
	sf->failed = false;
	sf->fail_at = NEVER;
	go_infinite(sf, "the peer sent an infinite mapping");
}

static void take_fail(struct subflow *sf)
{
	struct conn *c = sf->c;

	c->r.fails++;
	if (c->subs == 1)
		go_infinite(sf, "MP_FAIL");
}

/* Receiving. */

static void tell_eof(struct conn *c)
{
	if (c->eof_told || !c->state)
		return;
	c->eof_told = true;
	c->app->eof(c, c->state);
}

static void drain(struct conn *c)
{
	const uint8_t *p;
	size_t n;

	while ((n = reasm_peek(&c->rx, c->rx.base, &p))) {
		c->r.bytes_in += n;
		reasm_skip(&c->rx, n);
		if (c->state)
			c->app->data(c, c->state, p, n);
	}
	if (eof(c))
		tell_eof(c);
}

static void take_bytes(struct conn *c, uint64_t data_off, const uint8_t *p, size_t n)
{
	if (data_off > c->rx.next + WINDOW && data_off < 1ull << 63)
		c->r.out_of_window++;
	else if (data_off < 1ull << 63)
		reasm_put(&c->rx, data_off, p, n);
}

static void data_fin(struct conn *c, uint64_t at)
{
	if (c->fin_known || at > c->rx.next + WINDOW)
		return;
	c->fin_known = true;
	c->fin_at = at;
}

static bool data_fin_alone(struct subflow *sf, const struct opt_dss *d, uint64_t dsn, uint64_t at)
{
	const struct sum none = {0};
	struct conn *c = sf->c;

	if (!d->fin || d->ssn || d->len != 1)
		return false;
	sf->ack_due = true;
	if (c->r.checksum && dss_checksum(dsn, 0, 1, &none) != d->csum)
		c->r.csum_bad++;
	else
		data_fin(c, at);
	drain(c);
	return true;
}

static struct map *find_map(struct subflow *sf, uint64_t at)
{
	for (unsigned i = 0; i < sf->n_maps; i++)
		if (sf->maps[i].start <= at && at < sf->maps[i].start + sf->maps[i].bytes)
			return &sf->maps[i];
	return NULL;
}

/* False: there is no room for it. */
static bool take_map(struct subflow *sf, const struct opt_dss *d)
{
	struct conn *c = sf->c;
	const uint64_t first = c->peer_idsn + 1;
	const uint64_t dsn = d->dsn8 ? d->dsn : extend((uint32_t)d->dsn, first + c->rx.next);
	const uint64_t start = extend(d->ssn - 1, sf->rx.next);
	struct map m = {.start = start,
			.data_off = dsn - first,
			.dsn = dsn,
			.ssn = d->ssn,
			.bytes = (uint32_t)d->len - d->fin,
			.len = d->len,
			.csum = d->csum,
			.has_csum = c->r.checksum,
			.fin = d->fin};

	c->r.maps++;
	c->peer_dsn8 |= d->dsn8;
	if (!d->len) {
		take_infinite(sf, d, dsn - first);
		return true;
	}
	if (data_fin_alone(sf, d, dsn, dsn - first))
		return true;
	if (start + m.bytes <= sf->rx.base || start > 1ull << 63 || find_map(sf, start))
		return true; /* known, or past: a mapping is fixed */
	if (sf->n_maps == MAPS_MAX)
		return false;
	sf->maps[sf->n_maps++] = m;
	return true;
}

static void take_data_ack(struct subflow *sf, const struct segment *s, const struct opt_dss *d)
{
	struct conn *c = sf->c;
	const uint64_t first = c->idsn + 1;
	const uint64_t ack = d->ack8 ? d->ack : extend((uint32_t)d->ack, first + c->tx_una);
	const uint64_t limit = ack - first + ((uint64_t)s->window << sf->peer_scale);
	uint64_t off = ack - first;

	c->r.data_acks++;
	if (c->tx_infinite || off > c->tx_top + c->fin_sent)
		return;
	c->acked_once = true;
	if (limit > c->tx_limit)
		c->tx_limit = limit;
	if (c->fin_sent && off == c->tx_end + 1) {
		c->fin_acked = true;
		off--;
	}
	if (off > c->tx_una) {
		c->tx_una = off;
		if (c->tx_nxt < off)
			c->tx_nxt = off;
		c->resends = 0;
		c->resend_at = NEVER;
		if (c->tx_una < c->tx_nxt)
			note_sent(c);
		room(c);
	}
}

static void take_remove(struct subflow *on, const struct options *o)
{
	struct conn *c = on->c;

	c->r.removes += o->removes;
	for (unsigned i = 0; i < o->removes; i++) {
		for (unsigned k = 0; k < c->subs; k++) {
			struct subflow *sf = c->sub[k];

			if (sf->peer_id != o->remove[i] || sf->state != SF_OPEN)
				continue;
			/* 3.4.2: a keepalive first; whoever answers stays. */
			sf->remove_at = sf->st->now + KEEPALIVE_WAIT;
			sf->nxt--;
			sf_send_ack(sf);
			sf->nxt++;
		}
	}
}

static void take_prio(struct subflow *on, const struct options *o)
{
	struct conn *c = on->c;

	c->r.prios++;
	if (!o->prio_has_id)
		on->backup = o->prio_backup;
	for (unsigned i = 0; i < c->subs && o->prio_has_id; i++)
		if (c->sub[i]->peer_id == o->prio_id)
			c->sub[i]->backup = o->prio_backup;
}

static void take_adds(struct conn *c, const struct options *o)
{
	for (unsigned i = 0; i < o->adds; i++) {
		c->r.adds++;
		c->r.added = o->add[i].addr;
		c->r.added_port = o->add[i].port ? o->add[i].port : c->r.remote.port;
		c->st->env.report(c->st->env.ctx, EVENT_ADD_ADDR, c);
	}
}

static void take_fastclose(struct conn *c, const struct options *o)
{
	if (memcmp(o->fastclose_key, c->key, KEY_LEN))
		return;
	if (!c->r.end)
		c->r.end = "fastclose";
	reset_others(c, NULL);
	conn_end(c, "fastclose");
}

bool mp_input(struct subflow *sf, const struct segment *s, const struct options *o)
{
	const struct opt_dss *d = &o->dss;
	struct conn *c = sf->c;
	bool take = true;

	if (c->mode != CONN_MPTCP)
		return true;
	if (o->join.len == 24)
		sf->ack_due = true;
	if (o->fastclose)
		take_fastclose(c, o);
	if (sf->dead)
		return false;
	/* 3.3: a checksum that was agreed on and is not there. */
	if (d->has_map && c->r.checksum && !d->has_csum) {
		sf_reset(sf);
		return false;
	}
	c->dss_came |= d->here;
	if (d->has_ack)
		take_data_ack(sf, s, d);
	else if (!c->acked_once && sf->una && !c->tx_infinite && !o->adds)
		path_has_no_dss(sf); /* an address that came shows that options pass */
	if (!sf->dead && d->has_map)
		take = take_map(sf, d);
	if (sf->dead)
		return false;
	take_adds(c, o);
	if (o->removes)
		take_remove(sf, o);
	if (o->prio)
		take_prio(sf, o);
	if (o->fail)
		take_fail(sf);
	return take && !sf->dead;
}

static bool sum_right(const struct subflow *sf, const struct map *m)
{
	uint64_t at = m->start, end = m->start + m->bytes;
	struct sum data = {0};

	while (at < end) {
		const uint8_t *p;
		size_t n = reasm_peek(&sf->rx, at, &p);

		if (n > end - at)
			n = (size_t)(end - at);
		sum_add(&data, p, n);
		at += n;
	}
	return dss_checksum(m->dsn, m->ssn, m->len, &data) == m->csum;
}

/* 3.6: with others, this one is reset; alone, it goes on by an infinite mapping. */
static void sum_wrong(struct subflow *sf, const struct map *m)
{
	struct conn *c = sf->c;

	c->r.csum_bad++;
	c->r.fails_sent++;
	sf->failed = true;
	sf->fail_dsn = m->dsn;
	sf->ack_due = true;
	sf->fail_at = sf->st->now + 2 * sf->rto;
	if (c->subs > 1 || m->data_off != c->rx.next || c->rx.spans)
		sf_reset(sf);
}

static void forget_map(struct subflow *sf, struct map *m)
{
	*m = sf->maps[--sf->n_maps];
}

/* What can be delivered of a mapping; false: more must come first. */
static bool deliver_map(struct subflow *sf, struct map *m)
{
	struct conn *c = sf->c;
	const uint64_t end = m->start + m->bytes;
	const uint8_t *p;
	size_t n;

	if (m->has_csum && sf->rx.base == m->start) {
		if (sf->rx.next < end)
			return false;
		if (!sum_right(sf, m)) {
			sum_wrong(sf, m);
			return false;
		}
		m->has_csum = false;
	}
	n = reasm_peek(&sf->rx, sf->rx.base, &p);
	if (n > end - sf->rx.base)
		n = (size_t)(end - sf->rx.base);
	take_bytes(c, m->data_off + (sf->rx.base - m->start), p, n);
	reasm_skip(&sf->rx, n);
	if (m->fin)
		data_fin(c, m->data_off + m->bytes);
	if (sf->rx.base == end)
		forget_map(sf, m);
	drain(c);
	return true;
}

/* Data that nothing maps: true where it is taken as that of plain TCP from now on. */
static bool unmapped(struct subflow *sf)
{
	struct conn *c = sf->c;

	if (!c->dss_came && sf->first) { /* 3.6: options do not pass */
		if (!contiguous(c, sf)) {
			sf_reset(sf);
			return false;
		}
		c->mode = CONN_TCP;
		c->tx_una = sf->una + (uint64_t)sf->delta;
		c->r.fallback = "first data without a DSS";
		c->resend_at = NEVER;
		return true;
	}
	if (c->tx_infinite) {
		c->rx_infinite = true;
		return true;
	}
	if (sf->rx.next - sf->rx.base > WINDOW)
		sf_reset(sf); /* 3.3.1 */
	return false;
}

static void drop_past_maps(struct subflow *sf)
{
	for (unsigned i = sf->n_maps; i-- > 0;)
		if (sf->maps[i].start + sf->maps[i].bytes <= sf->rx.base)
			forget_map(sf, &sf->maps[i]);
}

void mp_deliver(struct subflow *sf)
{
	struct conn *c = sf->c;
	const uint8_t *p;
	struct map *m;
	size_t n;

	drop_past_maps(sf);
	while (!sf->dead && (n = reasm_peek(&sf->rx, sf->rx.base, &p))) {
		if (plain_rx(c)) {
			take_bytes(c, c->rx.next, p, n);
			reasm_skip(&sf->rx, n);
			drain(c);
			continue;
		}
		if (sf->failed)
			return;
		m = find_map(sf, sf->rx.base);
		if (m ? !deliver_map(sf, m) : !unmapped(sf))
			return;
	}
	if (!sf->dead && plain_rx(c) && sf->fin_came && sf->rx.next == sf->fin_off) {
		data_fin(c, c->rx.next);
		tell_eof(c);
	}
}

/* The end. */

static bool finished(const struct conn *c)
{
	return c->fin_acked && eof(c);
}

void mp_subflow_closed(struct subflow *sf)
{
	struct conn *c = sf->c;

	for (unsigned i = 0; i < c->subs; i++)
		if (c->sub[i]->linger_at == NEVER)
			return;
	if (plain_tx(c) || plain_rx(c))
		conn_end(c, "fin");
	else if (finished(c))
		conn_end(c, "data_fin");
}

void mp_subflow_gone(struct subflow *sf, const char *how)
{
	struct conn *c = sf->c;

	if (!sf->first && !sf->was_open) {
		c->r.joins_refused++;
		sf->st->env.report(sf->st->env.ctx, EVENT_REFUSED, c);
	}
	if (!c->subs && (c->aborted || !c->opened || plain_tx(c) || plain_rx(c))) {
		conn_end(c, how);
		return;
	}
	if (!c->subs) {
		if (finished(c))
			conn_end(c, "data_fin");
		else
			c->linger_at = sf->st->now + CONN_LINGER; /* break before make */
		return;
	}
	if (plain_tx(c) || (!sf->head && !sf->failed))
		return;
	c->tx_nxt = c->tx_una;
	c->fin_sent &= c->fin_acked;
	mp_push(c);
}

void conn_abort(struct conn *c)
{
	if (c->aborted || c->dead)
		return;
	c->aborted = true;
	c->r.end = c->mode == CONN_MPTCP ? "fastclose" : "reset";
	if (c->mode != CONN_MPTCP || plain_tx(c) || !c->subs) {
		reset_others(c, NULL);
		conn_end(c, "reset");
		return;
	}
	reset_others(c, c->sub[0]);
	c->fastclose_at = c->st->now;
}

/* 3.5: until the RST of the peer comes; three times. */
static void fastclose(struct conn *c)
{
	if (++c->fastclose_tries > FASTCLOSE_TRIES || !c->subs) {
		reset_others(c, NULL);
		conn_end(c, "fastclose");
		return;
	}
	c->sub[0]->send_fastclose = true;
	sf_send_ack(c->sub[0]);
	c->fastclose_at = c->st->now + c->sub[0]->rto;
}

/* Nothing is in flight on a subflow, and yet the peer has not got all. */
static void data_resend(struct conn *c)
{
	const bool fin = c->fin_sent && !c->fin_acked;

	c->resend_at = NEVER;
	if (plain_tx(c) || !c->subs || (c->tx_una == c->tx_nxt && !fin))
		return;
	for (unsigned i = 0; i < c->subs; i++) {
		if (c->sub[i]->head && c->sub[i]->backoff < STALE_AFTER) {
			note_sent(c);
			return;
		}
	}
	if (++c->resends > RETRIES_MAX) {
		reset_others(c, NULL);
		conn_end(c, "timeout");
		return;
	}
	if (c->tx_una == c->tx_end && fin)
		send_data_fin(c);
	c->tx_nxt = c->tx_una;
	note_sent(c);
	mp_push(c);
}

void mp_timer(struct conn *c)
{
	const uint64_t now = c->st->now;

	if (now >= c->linger_at && !c->subs)
		conn_end(c, "timeout");
	else if (now >= c->fastclose_at)
		fastclose(c);
	else if (now >= c->resend_at)
		data_resend(c);
}

uint64_t mp_next_timer(const struct conn *c)
{
	uint64_t at = c->linger_at;

	if (c->dead)
		return NEVER;
	at = c->resend_at < at ? c->resend_at : at;
	return c->fastclose_at < at ? c->fastclose_at : at;
}

/* On demand. */

static struct subflow *newest(struct conn *c)
{
	return c->subs && c->mode == CONN_MPTCP ? c->sub[c->subs - 1] : NULL;
}

void conn_send_prio(struct conn *c, bool backup)
{
	struct subflow *sf = newest(c);

	if (!sf)
		return;
	sf->own_backup = backup;
	sf->send_prio = true;
	sf_send_ack(sf);
}

void conn_send_remove(struct conn *c)
{
	struct subflow *sf = newest(c);

	if (!sf || c->subs < 2)
		return;
	c->sub[0]->send_remove = true;
	c->sub[0]->remove_id = sf->id;
	sf_send_ack(c->sub[0]);
}

void conn_kill_subflow(struct conn *c)
{
	struct subflow *sf = newest(c);

	if (sf && c->subs > 1)
		sf_reset(sf);
}
