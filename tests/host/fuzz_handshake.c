/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer over the handshake engine: an end of either role with two joined subflows gets hostile
 * segments, right ones among them so that it comes far, while its caller sends and says whatever it
 * likes. Whatever comes, what goes out can be encoded and fits, and what docs/handshake.md rules
 * out does not happen.
 */
#include <stdlib.h>
#include <string.h>

#include "handshake.h"
#include "mpcrypto.h"
#include "mpnic_model.h"

#define JOINS 2
#define ISN   1000u
#define KEY   0x1111222233334444ull

/* The input, read piece by piece; zeros behind its end. */
struct input {
	const uint8_t *data;
	size_t len;
};

struct world {
	struct input in;
	struct hs_conn c;
	struct hs_join j[JOINS];
	uint64_t now;
	bool was_tcp;
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static uint8_t get8(struct input *in)
{
	if (!in->len)
		return 0;
	in->len--;
	return *in->data++;
}

static uint64_t get(struct input *in, unsigned int bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | get8(in);
	return v;
}

static void put(uint8_t *p, uint64_t v, unsigned int bytes)
{
	while (bytes--) {
		p[bytes] = (uint8_t)v;
		v >>= 8;
	}
}

/* A right option, as a peer with key KEY + 1 (if it is heard of) would send; returns its length. */
static unsigned int right_option(struct world *w, uint8_t *p)
{
	const struct hs_conn *c = &w->c;
	const uint8_t which = get8(&w->in);
	const uint64_t peer = c->peer_key ? c->peer_key : KEY + 1;
	const struct hs_join *j = &w->j[which >> 7];
	uint8_t hmac[MPCRYPTO_JOIN_HMAC_LEN];

	memset(p, 0, MPNIC_TCP_OPT_MAX);
	p[0] = MPNIC_TCPOPT_KIND_MPTCP;
	p[2] = c->version;
	p[3] = (uint8_t)(MPNIC_CAPABLE_H | (which & 0x40 ? MPNIC_CAPABLE_A : 0));
	switch (which % 12) {
	case 0: /* SYN of either version */
		p[2] = which >> 4 & 1;
		put(p + 4, peer, 8);
		return p[1] = p[2] ? 4 : 12;
	case 1:
		put(p + 4, peer, 8);
		return p[1] = 12;
	case 2:
		put(p + 4, peer, 8);
		put(p + 12, c->own_key, 8);
		return p[1] = 20;
	case 3: /* with data */
		put(p + 4, peer, 8);
		put(p + 12, c->own_key, 8);
		put(p + 20, get8(&w->in), 2);
		return p[1] = which & 0x40 ? 24 : 22;
	case 4: /* Data ACK of what was sent, and a mapping */
		p[2] = 0x20;
		p[3] = MPNIC_DSS_A | MPNIC_DSS_a8 | MPNIC_DSS_M;
		put(p + 4, c->own_idsn + 1 + get8(&w->in), 8);
		put(p + 12, c->peer_idsn + 1, 4);
		p[19] = 1;
		p[21] = get8(&w->in);
		return p[1] = which & 0x40 ? 24 : 22;
	case 5: /* ADD_ADDR, right or its echo */
		p[2] = (uint8_t)(0x30 | (c->version ? which >> 6 & 1 : 4));
		p[3] = which;
		put(p + 4, get(&w->in, 2), 4);
		if (!c->version || (p[2] & 1))
			return p[1] = 8;
		put(p + 8, mpcrypto_add_addr(peer, c->own_key, which, p + 4, 4, 0), 8);
		return p[1] = 16;
	case 6: /* MP_JOIN's SYN */
		p[2] = 0x10;
		p[3] = which;
		put(p + 4, c->own_token, 4);
		put(p + 8, 77, 4);
		return p[1] = 12;
	case 7:
		p[2] = 0x10;
		mpcrypto_join(c->version, peer, c->own_key, 77, j->nonce, hmac);
		memcpy(p + 4, hmac, 8);
		put(p + 12, 77, 4);
		return p[1] = 16;
	case 8:
		p[2] = 0x10;
		p[3] = 0;
		mpcrypto_join(c->version, peer, c->own_key, j->peer_nonce, j->nonce, hmac);
		memcpy(p + 4, hmac, sizeof(hmac));
		return p[1] = 24;
	case 9: /* MP_FAIL or MP_FASTCLOSE */
		p[2] = which & 0x40 ? 0x60 : 0x70;
		put(p + 4, c->own_key, 8);
		return p[1] = 12;
	case 10: /* REMOVE_ADDR */
		p[2] = 0x40;
		p[3] = which;
		p[4] = get8(&w->in);
		return p[1] = 5;
	default: /* infinite mapping */
		p[2] = 0x20;
		p[3] = MPNIC_DSS_M;
		return p[1] = 14;
	}
}

static unsigned int options(struct world *w, uint8_t *opts)
{
	const uint8_t how = get8(&w->in);
	unsigned int len = 0;

	for (unsigned int i = 0; i < how % 3; i++) {
		uint8_t one[MPNIC_TCP_OPT_MAX];
		const unsigned int n = right_option(w, one);

		if (len + n > MPNIC_TCP_OPT_MAX)
			break;
		memcpy(opts + len, one, n);
		len += n;
	}
	/* Noise in it, or noise alone. */
	if (how & 0x80 && len)
		opts[get8(&w->in) % len] ^= get8(&w->in);
	if (how & 0x40) {
		for (unsigned int n = get8(&w->in) % 16; n && len < MPNIC_TCP_OPT_MAX; n--)
			opts[len++] = get8(&w->in);
	}
	return len;
}

static struct mpnic_hdr segment(struct world *w, uint32_t isn, uint32_t peer_isn)
{
	static const uint8_t flags[] = {0x02, 0x12, 0x10, 0x10, 0x10, 0x11, 0x14, 0x04};
	const uint8_t how = get8(&w->in);
	uint8_t opts[MPNIC_TCP_OPT_MAX];
	const unsigned int len = options(w, opts);
	const uint16_t payload = how & 8 ? get8(&w->in) : 0;
	struct mpnic_hdr hdr;

	mpnic_decode_options(opts, len, how & 0x80 ? get8(&w->in) : flags[how % 8], payload,
			     MPNIC_GIVEN_UNKNOWN, &hdr);
	hdr.seq = peer_isn + (hdr.tcp_flags & 2 ? 0 : 1);
	hdr.ack = isn + 1;
	if (how & 0x10)
		hdr.ack += get8(&w->in);
	if (how & 0x20)
		hdr.seq += get8(&w->in);
	if (how & 0x40)
		hdr.ack = (uint32_t)get(&w->in, 4);
	return hdr;
}

static void check_out(const struct world *w, const struct hs_out *out, unsigned int room)
{
	unsigned int len = 0;

	check(out->count <= MPNIC_MPTCP_OPTS);
	for (unsigned int i = 0; i < out->count; i++) {
		uint8_t wire[MPNIC_TCP_OPT_MAX];
		const int n =
			mpnic_encode_option(&out->opt[i].opt, out->opt[i].tail, wire, sizeof(wire));

		check(n > 0);
		len += (unsigned int)n;
		/* TCP says MP_FAIL or an infinite mapping, no more. */
		if (w->c.state == HS_TCP)
			check(out->opt[i].opt.subtype == MPNIC_SUBTYPE_MP_FAIL ||
			      (out->opt[i].opt.subtype == MPNIC_SUBTYPE_DSS &&
			       !out->opt[i].opt.data_len));
	}
	check(len <= room);
}

static void check_state(struct world *w)
{
	const struct hs_conn *c = &w->c;
	unsigned int joins = 0;

	for (unsigned int i = 0; i < JOINS; i++) {
		joins += w->j[i].state == HS_ESTABLISHED;
		check(w->j[i].state <= HS_ESTABLISHED);
	}
	check(c->joins == joins);
	check(c->state <= HS_FASTCLOSE_WAIT && c->version <= 1 && c->why < HS_WHYS);
	check(c->echoes <= HS_ECHO_MAX && c->failures <= HS_FAILED_MAX);
	check(!c->keys || (int64_t)(c->data_max - c->data_una) >= 0);
	/* Never back to MPTCP (rule 26). */
	check(!w->was_tcp || c->state == HS_TCP || c->state == HS_CLOSED);
	check(c->state != HS_TCP || c->why);
	w->was_tcp |= c->state == HS_TCP;
}

static void send(struct world *w, unsigned int where, const struct hs_segment *s)
{
	const uint8_t before = w->c.state;
	struct hs_out out;
	int err;

	if (where)
		err = hs_join_send(&w->j[where - 1], &w->c, s, w->now, &out);
	else
		err = hs_send(&w->c, s, w->now, &out);
	check(!err || s->len || s->data_fin || s->room < 24 || before == HS_LISTEN ||
	      before == HS_CLOSED || s->kind != HS_RST);
	if (!err && (!where || w->c.state != HS_TCP))
		check_out(w, &out, s->room);
}

/* All that is due now; it must come to an end even if the caller has little room. */
static void settle(struct world *w, uint8_t room)
{
	for (unsigned int where = 0; where <= JOINS; where++) {
		for (unsigned int n = 0;; n++) {
			struct hs_segment s = {.room = room};

			s.kind = (uint8_t)(where ? hs_join_due(&w->j[where - 1], &w->c, w->now)
						 : hs_due(&w->c, w->now));
			if (s.kind == HS_NOTHING)
				break;
			check(n < 16);
			send(w, where, &s);
			check_state(w);
		}
		if (where)
			check(hs_join_deadline(&w->j[where - 1]) > w->now);
		else
			check(hs_deadline(&w->c) > w->now);
	}
}

static void receive(struct world *w, unsigned int where)
{
	struct hs_join *j = where ? &w->j[where - 1] : NULL;
	struct mpnic_hdr hdr = j ? segment(w, j->isn, j->peer_isn)
				 : segment(w, w->c.isn, w->c.peer_isn ? w->c.peer_isn : 5000);
	struct hs_result r;

	if (j)
		hs_join_receive(j, &w->c, &hdr, w->now, &r);
	else
		hs_receive(&w->c, &hdr, w->now, &r);
	check(r.why < HS_WHYS && r.accepted < 1u << MPNIC_MPTCP_OPTS);
	check(!(r.events & (HS_EV_TCP | HS_EV_RESET | HS_EV_IGNORED)) || r.why);
}

static void speak(struct world *w)
{
	struct hs_addr addr = {.addr = {.version = 4}, .id = get8(&w->in)};
	uint8_t ids[HS_REMOVE_MAX + 1] = {get8(&w->in), 1, 2, 3};
	const uint8_t what = get8(&w->in);

	addr.addr.bytes[3] = what;
	if (what & 0x40)
		addr.addr.version = 6;
	if (what & 0x80)
		addr.port = 80;
	switch (what % 6) {
	case 0:
		hs_add_addr(&w->c, &addr, w->now);
		break;
	case 1:
		hs_remove_addr(&w->c, ids, what >> 4);
		break;
	case 2:
		hs_prio(&w->c, what & 0x10, what & 0x20 ? ids : NULL);
		break;
	case 3:
		hs_fastclose(&w->c, what & 0x10, w->now);
		break;
	case 4:
		hs_fail(&w->c, w->c.peer_idsn + what, w->now);
		break;
	default:
		hs_join_refuse(&w->j[0], &w->c, what);
		break;
	}
}

static void open_join(struct world *w, unsigned int i)
{
	const struct hs_join_plan plan = {.id = get8(&w->in),
					  .nonce = 5 + i,
					  .isn = 9000 + i,
					  .addr = {.version = 4, .bytes = {get8(&w->in) % 4}},
					  .port = 80};

	if (w->j[i].state == HS_ESTABLISHED)
		hs_join_closed(&w->j[i], &w->c);
	if (get8(&w->in) & 1)
		hs_join_listen(&w->j[i], &plan);
	else
		hs_join_open(&w->j[i], &w->c, &plan, w->now);
}

static void step(struct world *w)
{
	const uint8_t op = get8(&w->in);
	const unsigned int where = op >> 3 & 3 ? (op >> 3 & 3) - 1 : 0;
	struct hs_segment s = {.kind = HS_ACK, .room = 40};

	switch (op & 7) {
	case 0:
	case 1:
	case 2:
		receive(w, where);
		break;
	case 3:
		s.kind = (uint8_t)(op >> 5) % 5;
		s.len = get8(&w->in);
		s.offset = get8(&w->in);
		s.data_fin = s.len & 1;
		s.room = get8(&w->in) % 41;
		send(w, where, &s);
		break;
	case 4:
		w->now += get(&w->in, 2);
		break;
	case 5:
		speak(w);
		break;
	case 6:
		open_join(w, op >> 7);
		break;
	default:
		settle(w, op & 0x80 ? get8(&w->in) % 41 : 40);
		break;
	}
	check_state(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct world w = {.in = {data, len}};
	const uint8_t how = get8(&w.in);
	const struct hs_config cfg = {
		.versions = how & 3, .csum = (how >> 2 & 3) % 3, .no_join = how & 0x10};
	const uint64_t key = KEY;

	if (how & 0x80)
		hs_open(&w.c, &cfg, key, ISN, 0);
	else
		hs_listen(&w.c, &cfg, how & 0x40 ? NULL : &key, ISN);
	while (w.in.len)
		step(&w);
	settle(&w, 40);
	return 0;
}
