/* SPDX-License-Identifier: BSD-3-Clause */
#include "talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIN = 1,
	SYN = 2,
	RST = 4,
	ACK = 16,
	QUEUE = 256,
	PIECES_MAX = 46,
};

/* A mapping, as its sender sees it. Places in the stream count from 0. */
struct map {
	uint32_t at, len;
	uint64_t dsn;
	uint16_t csum;	   /* as declared, without a DATA_FIN */
	uint16_t csum_fin; /* with one */
	bool has_csum, fin, dsn4, capable;
	int kind; /* 0: as it should be; 1: cut anew; 2: contradicts */
};

/* A segment to be sent. */
struct piece {
	uint32_t at, n;
	int map; /* whose option it carries; -1: none */
	bool fin;
};

struct sender {
	uint64_t base; /* relative sequence number of the stream's first byte */
	uint8_t *bytes;
	uint32_t len, room;
	struct map *map;
	unsigned int maps, maps_room;
	struct piece queue[QUEUE];
	unsigned int queued;
	bool every; /* every segment has its option */
	bool bare;  /* infinite, or stripped */
	bool acked; /* a Data ACK came back */
	bool sent;  /* data */
	unsigned int mss;
};

struct flow {
	struct sender sender[2];
	unsigned int step; /* of the handshake */
	uint32_t syn_data;
	uint16_t port;
	bool ended; /* a FIN or RST was sent */
};

struct talk {
	struct talk_info info;
	struct flow flow[TALK_FLOWS];
	uint64_t rnd;
	unsigned int mss_max;
	uint64_t next[2];      /* next number to give, by side */
	uint64_t delivered[2]; /* one beyond the highest that was sent, by side */
	unsigned int left;
	unsigned int width; /* of DSNs: 4, 8, or 0: either */
	bool jumps, big;
	bool fin_sent[2];
};

static uint64_t draw(struct talk *t)
{
	t->rnd ^= t->rnd >> 12;
	t->rnd ^= t->rnd << 25;
	t->rnd ^= t->rnd >> 27;
	return t->rnd * 0x2545f4914f6cdd1dull;
}

static uint32_t below(struct talk *t, uint32_t n)
{
	return (uint32_t)((draw(t) >> 33) % n);
}

static bool percent(struct talk *t, uint32_t p)
{
	return below(t, 100) < p;
}

static void put(uint8_t *p, uint64_t v, unsigned int octets)
{
	while (octets--) {
		p[octets] = (uint8_t)v;
		v >>= 8;
	}
}

static uint32_t sum_bytes(const uint8_t *p, size_t n)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i + 1 < n; i += 2)
		sum += (unsigned int)p[i] << 8 | p[i + 1];
	if (n & 1)
		sum += (unsigned int)p[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* ---- making a connection ------------------------------------------------------------------- */

/* A number of so many bits that is often shortly before a wrap. */
static uint64_t near_wrap(struct talk *t, unsigned int bits)
{
	const uint64_t mask = bits == 64 ? UINT64_MAX : (1ull << bits) - 1;

	switch (below(t, 4)) {
	case 0:
		return mask - below(t, 100000);
	case 1:
		return ((draw(t) & ~0xffffffffull) - below(t, 100000)) & mask;
	case 2:
		return ((draw(t) & ~0x7fffffffull) - below(t, 100000)) & mask;
	default:
		return draw(t) & mask;
	}
}

static void make_flow(struct talk *t, unsigned int index)
{
	struct talk_flow_info *info = &t->info.flow[index];
	struct flow *flow = &t->flow[index];
	unsigned int dir;

	info->level = (enum talk_level)below(t, 3);
	info->side_b = index && percent(t, 30);
	info->handshake = percent(t, 80);
	info->isn_known = info->handshake || percent(t, 70);
	info->conflicts = info->level == TALK_ROUGH && percent(t, 20);
	flow->port = (uint16_t)(1024 + below(t, 60000));
	if (info->handshake && !index && percent(t, 15))
		flow->syn_data = 1 + below(t, 1400);
	for (dir = 0; dir < 2; dir++) {
		struct sender *s = &flow->sender[dir];

		info->isn[dir] = (uint32_t)near_wrap(t, 32);
		s->base = info->handshake ? 1 : (uint32_t)near_wrap(t, 32) | 1;
		s->every = percent(t, 70);
		s->mss = percent(t, 20) ? 1 + below(t, 40) : 500 + below(t, t->mss_max - 500);
	}
}

struct talk *talk_new(uint64_t seed, unsigned int segments, unsigned int mss_max)
{
	struct talk *t = calloc(1, sizeof(*t));
	unsigned int i;

	if (!t)
		abort();
	t->rnd = seed * 0x9e3779b97f4a7c15ull | 1;
	for (i = 0; i < 8; i++)
		draw(t);
	t->left = segments;
	t->mss_max = mss_max;
	t->info.version = below(t, 2);
	t->info.csum = percent(t, 75);
	t->info.presence = percent(t, 10);
	t->info.flows = 1 + below(t, TALK_FLOWS);
	t->info.fallback =
		percent(t, 70) ? TALK_STAYS : (enum talk_fallback)below(t, TALK_FALLBACKS);
	t->width = below(t, 3) * 4;
	t->jumps = percent(t, 30);
	t->big = percent(t, 30);
	for (i = 0; i < 2; i++) {
		t->info.idsn[i] = near_wrap(t, 64);
		t->next[i] = t->delivered[i] = t->info.next[i] = t->info.idsn[i] + 1;
	}
	for (i = 0; i < t->info.flows; i++) {
		make_flow(t, i);
		/* Who cannot follow is not asked to find its way back. */
		t->jumps &= t->info.flow[i].isn_known;
	}
	return t;
}

void talk_free(struct talk *t)
{
	unsigned int i, dir;

	for (i = 0; i < TALK_FLOWS; i++) {
		for (dir = 0; dir < 2; dir++) {
			free(t->flow[i].sender[dir].bytes);
			free(t->flow[i].sender[dir].map);
		}
	}
	free(t);
}

const struct talk_info *talk_info(const struct talk *t)
{
	return &t->info;
}

/* ---- what the sender has to send ----------------------------------------------------------- */

static void grow(struct sender *s, uint32_t n)
{
	if (s->len + n > s->room) {
		s->room = (s->len + n) * 2;
		s->bytes = realloc(s->bytes, s->room);
		if (!s->bytes)
			abort();
	}
	s->len += n;
}

static uint16_t declared(const struct sender *s, const struct map *m, bool fin)
{
	uint8_t head[16] = {0};

	put(head, m->dsn, 8);
	put(head + 8, s->base + m->at, 4);
	put(head + 12, m->len + fin, 2);
	return (uint16_t)~fold(sum_bytes(head, 16) + sum_bytes(s->bytes + m->at, m->len));
}

static int add_map(struct talk *t, struct sender *s, struct map m)
{
	m.has_csum = t->info.csum ^ (t->info.presence && percent(t, 20));
	m.csum = declared(s, &m, false);
	m.csum_fin = declared(s, &m, true);
	m.dsn4 = t->width == 4 || (!t->width && percent(t, 50));
	if (s->maps == s->maps_room) {
		s->maps_room = s->maps_room * 2 + 16;
		s->map = realloc(s->map, s->maps_room * sizeof(*s->map));
		if (!s->map)
			abort();
	}
	s->map[s->maps] = m;
	return (int)s->maps++;
}

static uint32_t map_length(struct talk *t, const struct sender *s)
{
	uint32_t len;

	switch (below(t, t->big ? 5 : 3)) {
	case 0:
		len = 1 + below(t, 30);
		break;
	case 1:
		len = 1 + below(t, s->mss);
		break;
	case 2:
		len = 1 + below(t, 4 * s->mss);
		break;
	case 3:
		len = 1 + below(t, PIECES_MAX * s->mss);
		break;
	default:
		len = 65535;
	}
	if (len > (PIECES_MAX - 1) * s->mss)
		len = (PIECES_MAX - 1) * s->mss;
	return len < 65534 ? len : 65534 + (len > 65534);
}

static void queue_piece(struct sender *s, struct piece p)
{
	if (s->queued < QUEUE)
		s->queue[s->queued++] = p;
}

/* Cut a mapping into segments. */
static void queue_map(struct talk *t, struct sender *s, int index)
{
	const struct map m = s->map[index];
	uint32_t at = 0;

	while (at < m.len) {
		uint32_t n = percent(t, 70) ? s->mss : 1 + below(t, s->mss);

		if (n > m.len - at || s->queued + PIECES_MAX > QUEUE)
			n = m.len - at;
		if (n > 20000)
			n = 20000;
		queue_piece(s, (struct piece){
				       .at = m.at + at,
				       .n = n,
				       .map = s->every || !s->acked || !at ? index : -1,
				       .fin = m.fin,
			       });
		at += n;
	}
}

/* Numbers are given near to what was sent, as a window makes sure of. */
static uint64_t give_numbers(struct talk *t, unsigned int side, uint32_t len)
{
	uint64_t dsn;

	if (t->jumps && percent(t, 10) && t->next[side] - t->delivered[side] < 1u << 20)
		t->next[side] += below(t, 0x7f000000);
	dsn = t->next[side];
	t->next[side] += len;
	return dsn;
}

/* Data that another subflow has sent already. */
static const struct map *reinjected(struct talk *t, unsigned int index, unsigned int side,
				    const struct sender **from)
{
	const unsigned int other = below(t, t->info.flows);
	const struct sender *s = &t->flow[other].sender[side ^ t->info.flow[other].side_b];
	const struct map *m;

	if (other == index || !s->maps || s->maps < 2 || !percent(t, 20))
		return NULL;
	m = &s->map[s->maps - 1 - below(t, s->maps < 8 ? s->maps : 8)];
	*from = s;
	return m->kind || m->fin || t->delivered[side] - m->dsn >= 0x70000000 ? NULL : m;
}

static void new_data(struct talk *t, unsigned int index, unsigned int dir)
{
	struct sender *s = &t->flow[index].sender[dir];
	const unsigned int side = dir ^ t->info.flow[index].side_b;
	const struct sender *from = NULL;
	const bool first = !index && !dir && !s->maps && t->info.flow[0].handshake &&
			   t->next[0] == t->info.idsn[0] + 1;
	const struct map *again = s->bare || first ? NULL : reinjected(t, index, side, &from);
	const uint32_t len = again ? again->len : map_length(t, s), at = s->len;
	struct map m;
	int number;
	uint32_t i;

	if (again) {
		const uint32_t src = again->at;

		m = *again;
		grow(s, len);
		memcpy(s->bytes + at, from->bytes + src, len);
	} else {
		grow(s, len);
		for (i = 0; i < len; i += 8) {
			const uint64_t word = draw(t);

			memcpy(s->bytes + at + i, &word, len - i < 8 ? len - i : 8);
		}
		if (s->bare) {
			queue_piece(s, (struct piece){
					       .at = at,
					       .n = len < 9000 ? len : 9000,
					       .map = -1,
				       });
			s->len = at + (len < 9000 ? len : 9000);
			return;
		}
		m = (struct map){.dsn = first ? t->info.idsn[0] + 1 : 0};
		if (first)
			t->next[side] += len;
		else
			m.dsn = give_numbers(t, side, len);
	}
	m.at = at;
	m.len = len;
	m.capable = first && t->info.version && !t->flow[0].syn_data;
	m.fin = !again && len < 65535 && t->left < 200 && percent(t, 20);
	t->next[side] += m.fin;
	number = add_map(t, s, m);
	/* Changed on the way, the same wherever it is sent again. */
	if (percent(t, 10))
		s->bytes[at + below(t, len)] ^= (uint8_t)(1 + below(t, 255));
	queue_map(t, s, number);
}

/* ---- the network --------------------------------------------------------------------------- */

static struct piece take(struct sender *s, unsigned int i)
{
	const struct piece p = s->queue[i];

	s->queued--;
	memmove(s->queue + i, s->queue + i + 1, (s->queued - i) * sizeof(p));
	return p;
}

static int map_at(const struct sender *s, uint32_t at)
{
	unsigned int i;

	for (i = s->maps; i--;) {
		if (!s->map[i].kind && at - s->map[i].at < s->map[i].len)
			return (int)i;
	}
	return -1;
}

/* Any bytes that were given to the network, sent again, with other boundaries. */
static struct piece other_boundaries(struct talk *t, const struct sender *s, uint32_t end)
{
	const uint32_t back = end < 30000 ? end : 30000;
	struct piece p = {.at = end - 1 - below(t, back), .map = -1};

	p.n = 1 + below(t, 3 * s->mss < 20000 ? 3 * s->mss : 20000);
	if (p.n > end - p.at)
		p.n = end - p.at;
	if (percent(t, 70))
		p.map = map_at(s, p.at + (percent(t, 20) ? p.n - 1 : 0));
	return p;
}

/* A mapping of bytes that have one already: by the same numbers, or against them. */
static struct piece cut_anew(struct talk *t, struct sender *s, uint32_t end, bool conflict)
{
	struct piece p = other_boundaries(t, s, end);
	const int old = map_at(s, p.at);
	struct map m;
	uint32_t off;

	if (old < 0)
		return p;
	m = s->map[old];
	off = p.at - m.at;
	/* The whole again would be the same mapping, with a checksum over bytes that were changed.
	 */
	if (!off && m.len == 1)
		return p;
	m.dsn += off + conflict * (1 + below(t, 100));
	m.at += off;
	m.len = 1 + below(t, m.len - off - !off);
	m.fin = m.capable = false;
	m.kind = 1 + conflict;
	p.map = add_map(t, s, m);
	return p;
}

/* The next segment that arrives of a direction. */
static struct piece arrive(struct talk *t, const struct talk_flow_info *info, struct sender *s)
{
	unsigned int i = 0;
	struct piece p;

	if (info->level == TALK_CLEAN)
		return take(s, 0);
	/* Lost: it comes again, later. */
	while (s->queued > 1 && percent(t, 5)) {
		p = take(s, below(t, s->queued < 4 ? s->queued : 4));
		queue_piece(s, p);
	}
	if (percent(t, 8))
		i = below(t, s->queued < 6 ? s->queued : 6);
	if (info->level == TALK_ROUGH && percent(t, 10)) {
		/* Up to where something was sent. */
		const uint32_t end = s->queue[0].at;

		if (end && percent(t, 30))
			return cut_anew(t, s, end, info->conflicts && percent(t, 30));
		if (end)
			return other_boundaries(t, s, end);
	}
	p = s->queue[i];
	if (!percent(t, 5))
		take(s, i);
	/* Merged with the bytes behind it. */
	if (info->level == TALK_ROUGH && percent(t, 5))
		p.n += below(t, s->len - p.at - p.n + 1 < 5000 ? s->len - p.at - p.n + 1 : 5000);
	return p;
}

/* ---- frames -------------------------------------------------------------------------------- */

struct tcp {
	uint8_t flags;
	uint32_t seq, ack;
	uint8_t opts[40];
	unsigned int opt_len;
	const uint8_t *payload;
	uint32_t n;
};

static void write_frame(const struct talk *t, unsigned int flow, unsigned int dir, struct tcp *tcp,
			struct talk_segment *seg)
{
	uint8_t *ip = seg->frame + 14, *l4 = ip + 20, pseudo[12] = {0};
	uint32_t l4_len;

	while (tcp->opt_len & 3)
		tcp->opts[tcp->opt_len++] = 1;
	l4_len = 20 + tcp->opt_len + tcp->n;
	memset(seg->frame, 0, 54);
	put(seg->frame, 0x020000000001 + dir, 6);
	put(seg->frame + 6, 0x020000000002 - dir, 6);
	put(seg->frame + 12, 0x0800, 2);
	ip[0] = 0x45;
	put(ip + 2, 20 + l4_len, 2);
	ip[8] = 64;
	ip[9] = 6;
	put(ip + 12, 0x0a000001 + dir, 4);
	put(ip + 16, 0x0a000002 - dir, 4);
	put(ip + 10, (uint16_t)~sum_bytes(ip, 20), 2);
	put(l4, dir ? 443 : t->flow[flow].port, 2);
	put(l4 + 2, dir ? t->flow[flow].port : 443, 2);
	put(l4 + 4, tcp->seq, 4);
	put(l4 + 8, tcp->ack, 4);
	l4[12] = (uint8_t)((20 + tcp->opt_len) << 2);
	l4[13] = tcp->flags;
	put(l4 + 14, 0x1000, 2);
	memcpy(l4 + 20, tcp->opts, tcp->opt_len);
	if (tcp->n)
		memcpy(l4 + 20 + tcp->opt_len, tcp->payload, tcp->n);
	memcpy(pseudo, ip + 12, 8);
	pseudo[9] = 6;
	put(pseudo + 10, l4_len, 2);
	put(l4 + 16, (uint16_t)~fold(sum_bytes(pseudo, 12) + sum_bytes(l4, l4_len)), 2);
	seg->len = 34 + l4_len;
	seg->flow = flow;
	seg->dir = dir;
	seg->side = dir ^ t->info.flow[flow].side_b;
}

static uint8_t *more_opts(struct tcp *tcp, unsigned int len)
{
	uint8_t *opt = tcp->opts + tcp->opt_len;

	memset(opt, 0, len);
	opt[0] = 30;
	opt[1] = (uint8_t)len;
	tcp->opt_len += len;
	return opt;
}

static void put_keys(struct talk *t, struct tcp *tcp, unsigned int len)
{
	uint8_t *opt = more_opts(tcp, len);
	unsigned int i;

	opt[2] = (uint8_t)t->info.version;
	opt[3] = (uint8_t)(1 | (t->info.csum ? 0x80 : 0));
	for (i = 4; i < len && i < 20; i++)
		opt[i] = (uint8_t)(i * 7);
}

/* DSS with a Data ACK, a mapping, or both. */
static void put_dss(struct talk *t, const struct sender *s, unsigned int side, struct tcp *tcp,
		    const struct map *m, bool fin, struct talk_segment *seg)
{
	const bool ack = !m || percent(t, 80), ack4 = percent(t, 50);
	const unsigned int a = ack ? (ack4 ? 4 : 8) : 0;
	const unsigned int d = m ? (m->dsn4 ? 4 : 8) : 0;
	uint8_t *opt = more_opts(tcp, 4 + a + (m ? d + 6 + 2 * m->has_csum : 0));

	opt[2] = 0x20;
	opt[3] = (uint8_t)(ack | (ack && !ack4) << 1 | (m ? 4 : 0) | (m && !m->dsn4 ? 8 : 0) |
			   (fin ? 16 : 0));
	opt += 4;
	if (ack) {
		const uint64_t sent = t->delivered[!side] - t->info.next[!side];

		seg->true_ack = true;
		seg->data_ack =
			t->delivered[!side] - below(t, sent < 100000 ? (uint32_t)sent + 1 : 100000);
		put(opt, seg->data_ack, a);
		opt += a;
	}
	if (m) {
		put(opt, m->dsn, d);
		put(opt + d, s->base + m->at, 4);
		put(opt + d + 4, m->len + fin, 2);
		if (m->has_csum)
			put(opt + d + 6, fin ? m->csum_fin : m->csum, 2);
	}
	if (fin) {
		seg->true_fin = true;
		seg->data_fin = m->dsn + m->len;
		if ((int64_t)(seg->data_fin + 1 - t->delivered[side]) > 0)
			t->delivered[side] = seg->data_fin + 1;
	}
}

static void put_capable_data(struct talk *t, const struct map *m, struct tcp *tcp)
{
	uint8_t *opt;

	put_keys(t, tcp, t->info.csum ? 24 : 22);
	opt = tcp->opts + tcp->opt_len - (t->info.csum ? 4 : 2);
	put(opt, m->len, 2);
	if (t->info.csum)
		put(opt + 2, m->csum, 2);
}

static struct tcp tcp_of(const struct talk *t, unsigned int flow, unsigned int dir, uint32_t rel)
{
	const struct talk_flow_info *info = &t->info.flow[flow];
	const struct sender *other = &t->flow[flow].sender[!dir];

	return (struct tcp){
		.flags = ACK,
		.seq = info->isn[dir] + rel + (dir ? 0 : t->flow[flow].syn_data),
		.ack = info->isn[!dir] + (uint32_t)other->base + (dir ? t->flow[flow].syn_data : 0),
	};
}

static void send_data(struct talk *t, unsigned int flow, unsigned int dir, struct talk_segment *seg)
{
	struct sender *s = &t->flow[flow].sender[dir];
	const unsigned int side = dir ^ t->info.flow[flow].side_b;
	const struct talk_flow_info *info = &t->info.flow[flow];
	struct piece p = arrive(t, info, s);
	struct tcp tcp = tcp_of(t, flow, dir, (uint32_t)s->base + p.at);
	const int truth = map_at(s, p.at);
	const struct map *m = p.map >= 0 && !s->bare ? &s->map[p.map] : NULL;

	tcp.payload = s->bytes + p.at;
	tcp.n = p.n;
	/* What is more than a window behind has been acknowledged. */
	if (m && (t->delivered[side] - m->dsn < 1ull << 63) &&
	    t->delivered[side] - m->dsn >= 0x70000000)
		m = NULL;
	if (m && m->capable && (!s->acked || percent(t, 50)) && m->has_csum == t->info.csum &&
	    !p.fin)
		put_capable_data(t, m, &tcp);
	else if (m) /* A DATA_FIN may be added when a mapping is sent again. */
		put_dss(t, s, side, &tcp, m, p.fin && (info->level == TALK_CLEAN || percent(t, 60)),
			seg);
	else if (!s->bare && percent(t, 70))
		put_dss(t, s, side, &tcp, NULL, false, seg);
	if (percent(t, 1)) {
		tcp.flags |= FIN;
		t->flow[flow].ended = true;
	}
	s->sent = true;
	write_frame(t, flow, dir, &tcp, seg);
	if (truth >= 0) {
		const struct map *w = &s->map[truth];
		const uint64_t end = w->dsn + w->len;

		seg->true_dsn = true;
		seg->dsn = w->dsn + (p.at - w->at);
		if (m && !m->kind && (int64_t)(end - t->delivered[side]) > 0)
			t->delivered[side] = end;
	}
}

static void send_ack(struct talk *t, unsigned int flow, unsigned int dir, struct talk_segment *seg)
{
	struct sender *s = &t->flow[flow].sender[dir];
	const unsigned int side = dir ^ t->info.flow[flow].side_b;
	struct tcp tcp = tcp_of(t, flow, dir, (uint32_t)s->base + s->len);

	if (!s->bare && !t->fin_sent[side] && t->left < 20 && percent(t, 30)) {
		struct map m = {.dsn = t->next[side], .at = (uint32_t)-s->base};

		/* Alone: subflow sequence number 0. */
		if (m.dsn - t->delivered[side] < 0x70000000) {
			m.has_csum = t->info.csum;
			m.dsn4 = percent(t, 50);
			t->fin_sent[side] = true;
			put_dss(t, s, side, &tcp, &m, true, seg);
			t->next[side]++;
		}
	} else if (!s->bare) {
		put_dss(t, s, side, &tcp, NULL, false, seg);
		t->flow[flow].sender[!dir].acked = true;
	}
	write_frame(t, flow, dir, &tcp, seg);
}

/* What must change nothing: text on a RST, bytes without ACK, a SYN in between. */
static void send_junk(struct talk *t, unsigned int flow, unsigned int dir, struct talk_segment *seg)
{
	static const uint8_t text[] = "no such connection here";
	struct sender *s = &t->flow[flow].sender[dir];
	uint32_t at = s->queued ? s->queue[0].at : s->len;
	struct tcp tcp = tcp_of(t, flow, dir, (uint32_t)s->base + at);

	tcp.payload = text;
	tcp.n = 1 + below(t, sizeof(text) - 1);
	if (percent(t, 40) && !t->flow[flow].ended && s->sent && t->info.flow[flow].isn_known) {
		/* Endpoints take no SYN inside a connection. */
		tcp.flags = dir ? SYN | ACK : SYN;
	} else if (percent(t, 70)) {
		tcp.flags = 0;
	} else {
		tcp.flags = RST | ACK;
		t->flow[flow].ended = true;
	}
	write_frame(t, flow, dir, &tcp, seg);
}

static bool send_handshake(struct talk *t, unsigned int flow, struct talk_segment *seg)
{
	static const uint8_t fast[1400];
	struct flow *f = &t->flow[flow];
	const struct talk_flow_info *info = &t->info.flow[flow];
	struct tcp tcp = {0};

	if (!info->handshake || f->step > 3)
		return false;
	switch (f->step++) {
	case 0:
	case 1: /* sent again */
		tcp.flags = SYN;
		tcp.seq = info->isn[0];
		tcp.payload = fast;
		tcp.n = f->syn_data;
		if (!flow)
			put_keys(t, &tcp, t->info.version ? 4 : 12);
		write_frame(t, flow, 0, &tcp, seg);
		if (percent(t, 80))
			f->step = 2;
		return true;
	case 2:
		tcp.flags = SYN | ACK;
		tcp.seq = info->isn[1];
		tcp.ack = info->isn[0] + 1 + f->syn_data;
		if (!flow)
			put_keys(t, &tcp, 12);
		write_frame(t, flow, 1, &tcp, seg);
		return true;
	default:
		tcp = tcp_of(t, flow, 0, 1);
		if (!flow)
			put_keys(t, &tcp, 20);
		write_frame(t, flow, 0, &tcp, seg);
		return true;
	}
}

static void send_infinite(struct talk *t, unsigned int flow, unsigned int dir,
			  struct talk_segment *seg)
{
	struct sender *s = &t->flow[flow].sender[dir];
	struct tcp tcp = tcp_of(t, flow, dir, (uint32_t)s->base + s->len);
	struct map m = {
		.at = s->len,
		.dsn = t->next[dir ^ t->info.flow[flow].side_b],
		.has_csum = t->info.csum,
	};

	if (t->info.fallback == TALK_FAIL && percent(t, 50)) {
		put(more_opts(&tcp, 12) + 2, 0x6000, 2);
		write_frame(t, flow, dir, &tcp, seg);
		return;
	}
	if (t->info.fallback != TALK_STRIPPED)
		put_dss(t, s, dir ^ t->info.flow[flow].side_b, &tcp, &m, false, seg);
	s->bare = true;
	write_frame(t, flow, dir, &tcp, seg);
}

bool talk_next(struct talk *t, struct talk_segment *seg)
{
	const unsigned int flow = below(t, t->info.flows), dir = below(t, 2);
	struct sender *s = &t->flow[flow].sender[dir];

	if (!t->left)
		return false;
	t->left--;
	seg->true_dsn = seg->true_ack = seg->true_fin = false;
	if (send_handshake(t, flow, seg))
		return true;
	if (t->info.fallback != TALK_STAYS && !flow && !s->bare && t->left < 300 &&
	    percent(t, 10)) {
		send_infinite(t, flow, dir, seg);
		return true;
	}
	if (t->info.flow[flow].level == TALK_ROUGH && percent(t, 2)) {
		send_junk(t, flow, dir, seg);
		return true;
	}
	/* One that has sent all may not fall behind what is queued for it. */
	if (percent(t, 15)) {
		send_ack(t, flow, dir, seg);
		return true;
	}
	if (s->queued < 8 && s->queued + 2 * PIECES_MAX < QUEUE)
		new_data(t, flow, dir);
	send_data(t, flow, dir, seg);
	return true;
}
