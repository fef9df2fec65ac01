/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses, neighbours, echo, and who a segment is for. */
#include "private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ARP_LEN	      28
#define ARP_TYPE      0x0806
#define ICMP4	      1
#define ICMP6	      58
#define ECHO4	      8
#define ECHO6	      128
#define NEIGH_SOLICIT 135
#define NEIGH_ADVERT  136
#define NA_LEN	      32
#define PORT_FIRST    32768

static const uint8_t broadcast[MAC_LEN] = {255, 255, 255, 255, 255, 255};

uint64_t extend(uint32_t low, uint64_t near)
{
	const int64_t step = (int32_t)(low - (uint32_t)near);

	return near + (uint64_t)step;
}

uint32_t stack_random32(struct stack *st)
{
	uint32_t v;

	st->env.random(st->env.ctx, &v, sizeof(v));
	return v;
}

struct stack *stack_new(const struct stack_config *cfg, const struct stack_env *env)
{
	struct stack *st = calloc(1, sizeof(*st));

	if (!st)
		return NULL;
	st->cfg = *cfg;
	st->env = *env;
	return st;
}

void stack_free(struct stack *st)
{
	if (!st)
		return;
	for (unsigned i = 0; i < st->subs; i++)
		sf_free(st->sub[i]);
	for (unsigned i = 0; i < st->conns; i++)
		conn_free(st->conn[i]);
	free(st);
}

int stack_listen(struct stack *st, uint16_t port, const struct app *app)
{
	if (st->listeners == LISTENERS_MAX)
		return -ENOSPC;
	st->listener[st->listeners].port = port;
	st->listener[st->listeners++].app = app;
	return 0;
}

static const struct app *listening(const struct stack *st, uint16_t port)
{
	for (unsigned i = 0; i < st->listeners; i++)
		if (st->listener[i].port == port)
			return st->listener[i].app;
	return NULL;
}

static bool ours(const struct stack *st, const struct ipaddr *a)
{
	for (unsigned i = 0; i < st->cfg.addrs; i++)
		if (ipaddr_equal(&st->cfg.addr[i], a))
			return true;
	return false;
}

struct conn *stack_conn(struct stack *st, const struct app *app)
{
	struct conn *c;

	if (st->conns == CONNS_MAX)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->tx = malloc(TX_SIZE);
	if (!c->tx || reasm_init(&c->rx, WINDOW)) {
		conn_free(c);
		return NULL;
	}
	c->st = st;
	c->app = app;
	c->r.offered = c->r.answered = NO_VERSION;
	c->resend_at = c->linger_at = c->fastclose_at = NEVER;
	st->conn[st->conns++] = c;
	return c;
}

/* The one that has lingered longest makes room. */
static void make_room(struct stack *st)
{
	struct subflow *old = NULL;

	for (unsigned i = 0; i < st->subs; i++) {
		struct subflow *sf = st->sub[i];

		if (!sf->dead && sf->linger_at != NEVER && (!old || sf->linger_at < old->linger_at))
			old = sf;
	}
	if (old)
		sf_gone(old);
}

struct subflow *stack_subflow(struct conn *c, const struct endpoint *local,
			      const struct endpoint *remote)
{
	struct stack *st = c->st;
	struct subflow *sf;

	if (st->subs > SUBFLOWS_MAX - 2)
		make_room(st);
	if (st->subs == SUBFLOWS_MAX || c->subs == CONN_SUBFLOWS)
		return NULL;
	sf = calloc(1, sizeof(*sf));
	if (!sf)
		return NULL;
	/* Twice the window: a mapping that is not whole yet does not make it smaller. */
	sf->maps = calloc(MAPS_MAX, sizeof(sf->maps[0]));
	if (!sf->maps || reasm_init(&sf->rx, 2 * WINDOW)) {
		sf_free(sf);
		return NULL;
	}
	sf->st = st;
	sf->c = c;
	sf->local = *local;
	sf->remote = *remote;
	sf->first = !c->r.local.addr.len;
	sf->iss = stack_random32(st);
	sf->peer_mss = local->addr.len == 4 ? 536 : 1220;
	sf->rto = 5 * st->cfg.rto_min;
	sf->ssthresh = UINT32_MAX;
	sf->rto_at = sf->linger_at = sf->remove_at = sf->fail_at = NEVER;
	sf->heard = st->now;
	if (sf->first) {
		c->r.local = *local;
		c->r.remote = *remote;
	}
	st->sub[st->subs++] = sf;
	c->sub[c->subs++] = sf;
	return sf;
}

struct conn *stack_by_token(struct stack *st, uint32_t token)
{
	for (unsigned i = 0; i < st->conns; i++)
		if (st->conn[i]->token == token && st->conn[i]->mode == CONN_MPTCP &&
		    !st->conn[i]->dead)
			return st->conn[i];
	return NULL;
}

static struct subflow *find(const struct stack *st, const struct segment *s)
{
	for (unsigned i = 0; i < st->subs; i++) {
		struct subflow *sf = st->sub[i];

		if (!sf->dead && sf->local.port == s->dport && sf->remote.port == s->sport &&
		    ipaddr_equal(&sf->local.addr, &s->ip.dst) &&
		    ipaddr_equal(&sf->remote.addr, &s->ip.src))
			return sf;
	}
	return NULL;
}

/* Neighbours. */

static void ask_ipv4(struct stack *st, unsigned port, const struct subflow *sf)
{
	uint8_t f[14 + ARP_LEN] = {0};

	memcpy(f, broadcast, MAC_LEN);
	memcpy(f + 6, st->cfg.mac, MAC_LEN);
	put16(f + 12, ARP_TYPE);
	put16(f + 14, 1);
	put16(f + 16, 0x0800);
	f[18] = MAC_LEN;
	f[19] = 4;
	put16(f + 20, 1);
	memcpy(f + 22, st->cfg.mac, MAC_LEN);
	memcpy(f + 28, sf->local.addr.b, 4);
	memcpy(f + 38, sf->remote.addr.b, 4);
	st->env.send(st->env.ctx, port, f, sizeof(f));
}

static void send_icmp6(struct stack *st, unsigned port, const struct ip_packet *ip, uint8_t *body,
		       size_t len)
{
	uint8_t f[FRAME_MAX];
	const size_t at = ip_build(f, ip, len);

	put16(body + 2, 0);
	put16(body + 2, ip_payload_sum(ip, body, len));
	memcpy(f + at, body, len);
	st->env.send(st->env.ctx, port, f, at + len);
}

static void ask_ipv6(struct stack *st, unsigned port, const struct subflow *sf)
{
	uint8_t mac[MAC_LEN] = {0x33, 0x33, 0xff};
	uint8_t body[NA_LEN] = {NEIGH_SOLICIT};
	struct ip_packet ip = {.src_mac = st->cfg.mac, .dst_mac = mac, .proto = ICMP6};
	static const uint8_t group[13] = {0xff, 2, [11] = 1, 0xff};

	ip.src = sf->local.addr;
	ip.dst.len = 16;
	memcpy(ip.dst.b, group, sizeof(group));
	memcpy(ip.dst.b + 13, sf->remote.addr.b + 13, 3);
	memcpy(mac + 3, sf->remote.addr.b + 13, 3);
	memcpy(body + 8, sf->remote.addr.b, 16);
	body[24] = 1; /* source link-layer address */
	body[25] = 1;
	memcpy(body + 26, st->cfg.mac, MAC_LEN);
	send_icmp6(st, port, &ip, body, sizeof(body));
}

void stack_resolve(struct subflow *sf)
{
	struct stack *st = sf->st;

	for (unsigned i = 0; i < st->nears; i++) {
		const struct neighbour *n = &st->near[i];

		if (!n->known || !ipaddr_equal(&n->addr, &sf->remote.addr))
			continue;
		memcpy(sf->peer_mac, n->mac, MAC_LEN);
		sf->port = n->port;
		sf->mac_known = true;
		return;
	}
	for (unsigned port = 0; port < st->cfg.ports; port++) {
		if (sf->local.addr.len == 4)
			ask_ipv4(st, port, sf);
		else
			ask_ipv6(st, port, sf);
	}
}

/* Only what some subflow waits for is remembered. */
static void neighbour_is(struct stack *st, unsigned port, const struct ipaddr *a,
			 const uint8_t *mac)
{
	struct neighbour *n = NULL;

	for (unsigned i = 0; i < st->nears && !n; i++)
		if (ipaddr_equal(&st->near[i].addr, a))
			n = &st->near[i];
	for (unsigned i = 0; i < st->subs; i++) {
		struct subflow *sf = st->sub[i];

		if (sf->dead || sf->mac_known || !ipaddr_equal(&sf->remote.addr, a))
			continue;
		if (!n)
			n = &st->near[st->nears < NEIGHBOURS_MAX ? st->nears++ : 0];
		n->addr = *a;
		memcpy(n->mac, mac, MAC_LEN);
		n->port = port;
		n->known = true;
		sf_connect(sf);
	}
}

static void arp(struct stack *st, unsigned port, const uint8_t *f, size_t len)
{
	struct ipaddr sender = {.len = 4}, target = {.len = 4};
	uint8_t r[14 + ARP_LEN];

	if (len < sizeof(r) || get16(f + 14) != 1 || get16(f + 16) != 0x0800)
		return;
	memcpy(sender.b, f + 28, 4);
	memcpy(target.b, f + 38, 4);
	if (get16(f + 20) == 2)
		neighbour_is(st, port, &sender, f + 22);
	if (get16(f + 20) != 1 || !ours(st, &target))
		return;
	memcpy(r, f, sizeof(r));
	memcpy(r, f + 22, MAC_LEN);
	memcpy(r + 6, st->cfg.mac, MAC_LEN);
	put16(r + 20, 2);
	memcpy(r + 22, st->cfg.mac, MAC_LEN);
	memcpy(r + 28, target.b, 4);
	memcpy(r + 32, f + 22, MAC_LEN);
	memcpy(r + 38, sender.b, 4);
	st->env.send(st->env.ctx, port, r, sizeof(r));
}

static void solicited(struct stack *st, unsigned port, const struct ip_packet *in)
{
	uint8_t body[NA_LEN] = {NEIGH_ADVERT, [4] = 0x60}; /* solicited, override */
	struct ip_packet ip = {.src_mac = st->cfg.mac, .dst_mac = in->src_mac, .proto = ICMP6};
	struct ipaddr target = {.len = 16};

	if (in->len < 24)
		return;
	memcpy(target.b, in->data + 8, 16);
	if (!ours(st, &target))
		return;
	ip.src = target;
	ip.dst = in->src;
	memcpy(body + 8, target.b, 16);
	body[24] = 2; /* target link-layer address */
	body[25] = 1;
	memcpy(body + 26, st->cfg.mac, MAC_LEN);
	send_icmp6(st, port, &ip, body, sizeof(body));
}

static void advertised(struct stack *st, unsigned port, const struct ip_packet *in)
{
	struct ipaddr target = {.len = 16};

	if (in->len < NA_LEN || in->data[24] != 2)
		return;
	memcpy(target.b, in->data + 8, 16);
	neighbour_is(st, port, &target, in->data + 26);
}

static void echo(struct stack *st, unsigned port, const struct ip_packet *in)
{
	struct ip_packet ip = {.src_mac = st->cfg.mac, .dst_mac = in->src_mac, .proto = in->proto};
	const bool v4 = in->proto == ICMP4;
	uint8_t f[FRAME_MAX];
	struct sum sum = {0};
	uint8_t *p;
	size_t at;

	if (in->len > FRAME_MAX - 64)
		return;
	ip.src = in->dst;
	ip.dst = in->src;
	at = ip_build(f, &ip, in->len);
	p = f + at;
	memcpy(p, in->data, in->len);
	p[0] = v4 ? 0 : ECHO6 + 1;
	put16(p + 2, 0);
	sum_add(&sum, p, in->len);
	put16(p + 2, v4 ? sum_end(&sum) : ip_payload_sum(&ip, p, in->len));
	st->env.send(st->env.ctx, port, f, at + in->len);
}

static void icmp(struct stack *st, unsigned port, const struct ip_packet *in)
{
	const bool v4 = in->src.len == 4;
	struct sum sum = {0};

	if (in->proto != (v4 ? ICMP4 : ICMP6) || in->len < 8)
		return;
	sum_add(&sum, in->data, in->len);
	if (v4 ? sum_end(&sum) : ip_payload_sum(in, in->data, in->len))
		return;
	if (!v4 && in->data[0] == NEIGH_SOLICIT)
		solicited(st, port, in);
	else if (!v4 && in->data[0] == NEIGH_ADVERT)
		advertised(st, port, in);
	else if (in->data[0] == (v4 ? ECHO4 : ECHO6) && ours(st, &in->dst))
		echo(st, port, in);
}

/* Segments. */

/* What opens a connection or joins one; NULL: refused, or to be ignored. */
static struct conn *conn_for_syn(struct stack *st, unsigned port, const struct segment *s,
				 const struct options *o)
{
	const bool mptcp = st->cfg.mode != MODE_TCP;
	const struct app *app = listening(st, s->dport);
	struct conn *c = NULL;

	/* 3.1: B = 1 is not understood here, and such a SYN is ignored without a word. */
	if (mptcp && o->capable.len && (o->capable.flags & FLAG_EXT))
		return NULL;
	if (mptcp && o->join.len) {
		/* 3.2: by token, whatever the port; one that is not known, or full, is reset. */
		if (o->join.len == 12)
			c = stack_by_token(st, o->join.token);
		if (c && !c->tx_infinite && !c->rx_infinite && c->subs < CONN_SUBFLOWS)
			return c;
		if (c)
			c->r.joins_refused++;
		st->env.report(st->env.ctx, EVENT_REFUSED, c);
		app = NULL;
	}
	if (app)
		c = stack_conn(st, app);
	else
		c = NULL;
	if (!c)
		answer_reset(st, port, s);
	return c;
}

static void syn(struct stack *st, unsigned port, const struct segment *s, const struct options *o)
{
	struct conn *c = conn_for_syn(st, port, s, o);
	const struct endpoint local = {s->ip.dst, s->dport}, remote = {s->ip.src, s->sport};
	struct subflow *sf;

	if (!c)
		return;
	sf = stack_subflow(c, &local, &remote);
	if (!sf) {
		if (!c->subs)
			c->dead = true;
		answer_reset(st, port, s);
		return;
	}
	memcpy(sf->peer_mac, s->ip.src_mac, MAC_LEN);
	sf->mac_known = true;
	sf->port = port;
	sf_accept(sf, s, o);
}

/* An old connection that only lingers makes room for a new one of the same ports. */
static bool reopens(const struct subflow *sf, const struct segment *s)
{
	return (s->flags & (SYN | ACK | RST)) == SYN && sf->linger_at != NEVER &&
	       (int32_t)(s->seq - sf->irs) > 0;
}

static void tcp(struct stack *st, unsigned port, const struct segment *s)
{
	struct subflow *sf = find(st, s);
	struct options o;

	if (!ours(st, &s->ip.dst))
		return;
	options_parse(s->options, s->options_len, &o);
	if (o.wrong_length)
		return;
	if (sf && reopens(sf, s)) {
		sf_gone(sf);
		sf = NULL;
	}
	if (sf) {
		memcpy(sf->peer_mac, s->ip.src_mac, MAC_LEN);
		sf->port = port;
		sf_input(sf, s, &o);
	} else if ((s->flags & (SYN | ACK | RST)) == SYN) {
		syn(st, port, s, &o);
	} else if (!(s->flags & RST)) {
		answer_reset(st, port, s);
	}
}

static void reap(struct stack *st)
{
	unsigned n = 0;

	for (unsigned i = 0; i < st->subs; i++) {
		if (st->sub[i]->dead)
			sf_free(st->sub[i]);
		else
			st->sub[n++] = st->sub[i];
	}
	st->subs = n;
	n = 0;
	for (unsigned i = 0; i < st->conns; i++) {
		if (st->conn[i]->dead && !st->conn[i]->subs)
			conn_free(st->conn[i]);
		else
			st->conn[n++] = st->conn[i];
	}
	st->conns = n;
}

void stack_input(struct stack *st, unsigned port, const uint8_t *frame, size_t len, uint64_t now)
{
	struct ip_packet ip;
	struct segment s;

	st->now = now;
	if (len >= 14 && get16(frame + 12) == ARP_TYPE)
		arp(st, port, frame, len);
	else if (!ip_parse(frame, len, &ip) && ip.proto != 6)
		icmp(st, port, &ip);
	else if (!segment_parse(frame, len, &s))
		tcp(st, port, &s);
	reap(st);
}

uint64_t stack_tick(struct stack *st, uint64_t now)
{
	uint64_t next = NEVER;

	st->now = now;
	for (unsigned i = 0; i < st->subs; i++)
		if (!st->sub[i]->dead)
			sf_timer(st->sub[i]);
	for (unsigned i = 0; i < st->conns; i++)
		if (!st->conn[i]->dead)
			mp_timer(st->conn[i]);
	reap(st);
	for (unsigned i = 0; i < st->subs; i++) {
		const uint64_t at = sf_next_timer(st->sub[i]);

		next = at < next ? at : next;
	}
	for (unsigned i = 0; i < st->conns; i++) {
		const uint64_t at = mp_next_timer(st->conn[i]);

		next = at < next ? at : next;
	}
	return next;
}

static uint16_t free_port(struct stack *st)
{
	return (uint16_t)(PORT_FIRST + stack_random32(st) % (65536 - PORT_FIRST));
}

static struct subflow *open_subflow(struct conn *c, const struct ipaddr *local,
				    const struct endpoint *remote)
{
	const struct endpoint own = {*local, free_port(c->st)};
	struct subflow *sf = stack_subflow(c, &own, remote);

	if (sf)
		sf->active = true;
	return sf;
}

struct conn *stack_connect(struct stack *st, const struct ipaddr *local,
			   const struct endpoint *remote, const struct app *app)
{
	struct conn *c = stack_conn(st, app);
	struct subflow *sf;

	if (!c)
		return NULL;
	c->r.active = true;
	sf = open_subflow(c, local, remote);
	if (!sf) {
		c->dead = true;
		return NULL;
	}
	if (st->cfg.mode != MODE_TCP)
		mp_new_key(c);
	sf_connect(sf);
	return c;
}

int conn_join(struct conn *c, const struct ipaddr *local, const struct endpoint *remote,
	      bool backup)
{
	struct subflow *sf;

	/* 3.1: not before a DSS came. */
	if (c->mode != CONN_MPTCP || c->tx_infinite || c->rx_infinite || !c->acked_once)
		return -EINVAL;
	sf = open_subflow(c, local, remote);
	if (!sf)
		return -ENOSPC;
	sf->nonce = stack_random32(c->st);
	sf->own_backup = backup;
	for (unsigned i = 0; i < c->st->cfg.addrs; i++)
		if (ipaddr_equal(&c->st->cfg.addr[i], local))
			sf->id = (uint8_t)(i + 1);
	if (ipaddr_equal(local, &c->r.local.addr))
		sf->id = 0;
	sf_connect(sf);
	return 0;
}
