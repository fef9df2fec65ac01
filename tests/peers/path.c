/* SPDX-License-Identifier: BSD-3-Clause */
#include "path.h"

#include <string.h>

#define OPT_MPTCP   30
#define SUB_CAPABLE 0
#define SUB_JOIN    1
#define ANY	    (-1)

void path_init(struct path *p, void (*send)(void *, bool, const uint8_t *, size_t), void *ctx)
{
	memset(p, 0, sizeof(*p));
	p->cfg.strip_after = p->cfg.corrupt_at[0] = p->cfg.corrupt_at[1] = UINT64_MAX;
	p->send = send;
	p->ctx = ctx;
}

/* splitmix64 */
static bool chance(struct path *p, double of)
{
	uint64_t z;

	if (of <= 0)
		return false;
	p->random += 0x9e3779b97f4a7c15ull;
	z = p->random + p->cfg.seed;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	z ^= z >> 31;
	return (double)(z >> 11) / (double)(1ull << 53) < of;
}

/* The options of that subtype, or any of MPTCP; they become no-operations where strip is set. */
static unsigned options(const struct segment *s, int subtype, bool strip)
{
	uint8_t *o = (uint8_t *)s->options;
	unsigned found = 0;
	size_t at = 0;

	while (at < s->options_len && o[at]) {
		size_t n = 1;

		if (o[at] != 1) {
			if (at + 2 > s->options_len || o[at + 1] < 2 ||
			    at + o[at + 1] > s->options_len)
				break;
			n = o[at + 1];
		}
		if (o[at] == OPT_MPTCP && n > 2 && (subtype == ANY || o[at + 2] >> 4 == subtype)) {
			found++;
			if (strip)
				memset(o + at, 1, n);
		}
		at += n;
	}
	return found;
}

static struct path_flow *flow_of(struct path *p, bool up, const struct segment *s)
{
	const struct ipaddr *a = up ? &s->ip.src : &s->ip.dst, *b = up ? &s->ip.dst : &s->ip.src;
	const uint16_t ap = up ? s->sport : s->dport, bp = up ? s->dport : s->sport;
	struct path_flow *f = NULL;

	for (unsigned i = 0; i < PATH_FLOWS && i < p->flows; i++) {
		struct path_flow *g = &p->flow[i];

		if (g->port[0] == ap && g->port[1] == bp && ipaddr_equal(&g->addr[0], a) &&
		    ipaddr_equal(&g->addr[1], b))
			f = g;
	}
	if ((s->flags & (SYN | ACK)) == SYN && (!f || f->isn[!up] != s->seq)) {
		if (!f)
			f = &p->flow[p->flows++ % PATH_FLOWS];
		*f = (struct path_flow){{*a, *b}, {ap, bp}, {0}, 0, false};
		f->joined = options(s, SUB_JOIN, false);
	}
	if (f && (s->flags & SYN))
		f->isn[!up] = s->seq;
	return f;
}

static void corrupt(struct path *p, bool up, const struct path_flow *f, struct segment *s)
{
	const uint64_t at = p->cfg.corrupt_at[!up];
	const uint32_t from = s->seq - f->isn[!up] - 1;

	if (f->joined || (s->flags & SYN) || at < from || at >= from + (uint64_t)s->len)
		return;
	((uint8_t *)s->data)[at - from] ^= 0x20;
	p->n.corrupted++;
}

static unsigned strip(struct path *p, const struct path_flow *f, const struct segment *s)
{
	const bool is_syn = s->flags & SYN, is_ack = s->flags & ACK;
	const unsigned what = p->cfg.what;
	unsigned n = 0;

	if ((is_syn && !is_ack && (what & PATH_STRIP_SYN)) ||
	    (is_syn && is_ack && (what & PATH_STRIP_SYNACK)) ||
	    (!is_syn && (what & PATH_STRIP_THIRD)))
		n = options(s, SUB_CAPABLE, true);
	if (f && f->bytes >= p->cfg.strip_after && !is_syn)
		n += options(s, ANY, true);
	return n;
}

static void seal(const struct segment *s)
{
	uint8_t *tcp = (uint8_t *)s->ip.data;

	put16(tcp + 16, 0);
	put16(tcp + 16, ip_payload_sum(&s->ip, tcp, s->ip.len));
}

/* False: it is dropped. */
static bool meddle(struct path *p, bool up, uint8_t *frame, size_t len)
{
	struct path_flow *f;
	struct segment s;

	if (segment_parse(frame, len, &s))
		return true;
	if ((p->cfg.what & PATH_DROP_CAPABLE_SYN) && (s.flags & (SYN | ACK)) == SYN &&
	    options(&s, SUB_CAPABLE, false)) {
		p->n.dropped++;
		return false;
	}
	f = flow_of(p, up, &s);
	if (f)
		corrupt(p, up, f, &s);
	p->n.stripped += strip(p, f, &s);
	if (f)
		f->bytes += s.len;
	seal(&s);
	return true;
}

static void release(struct path *p, bool up)
{
	const size_t len = p->held_len[up];

	p->held_len[up] = 0;
	if (len)
		p->send(p->ctx, up, p->held[up], len);
}

void path_frame(struct path *p, bool up, uint8_t *frame, size_t len)
{
	p->n.frames++;
	if (len > FRAME_MAX || !meddle(p, up, frame, len))
		return;
	if (chance(p, p->cfg.loss)) {
		p->n.lost++;
		return;
	}
	if (!p->held_len[up] && chance(p, p->cfg.reorder)) {
		p->n.reordered++;
		memcpy(p->held[up], frame, len);
		p->held_len[up] = len;
		return;
	}
	p->send(p->ctx, up, frame, len);
	if (chance(p, p->cfg.dup)) {
		p->n.duplicated++;
		p->send(p->ctx, up, frame, len);
	}
	release(p, up);
}

void path_flush(struct path *p)
{
	release(p, false);
	release(p, true);
}
