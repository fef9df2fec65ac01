/* SPDX-License-Identifier: BSD-3-Clause */
#include "oracle.h"

#include <stdlib.h>
#include <string.h>

enum {
	FLOWS = 256,
	SLACK = 1 << 18, /* bytes before the first that was seen */
};

struct map {
	uint64_t at; /* place in the stream */
	uint32_t len, length;
	uint64_t dsn;
	uint16_t csum;
	bool has_csum;
};

struct stream {
	bool isn_known;
	uint32_t isn;
	bool placed;	  /* some byte was seen */
	uint64_t origin;  /* place of byte[0] */
	uint64_t highest; /* one beyond the highest byte seen */
	uint8_t *byte, *seen;
	size_t room;
	struct map *map;
	unsigned int maps, maps_room;
	int newest; /* the mapping with the highest bytes; -1 */
	bool quiet; /* nothing has disturbed it */
	uint64_t newest_end;
	uint32_t passed;
	bool ended; /* an infinite mapping, after which nothing is judged */
};

struct flow {
	struct stream stream[2];
	uint32_t syn_data;
	bool syn;
};

struct oracle {
	uint64_t idsn[2];
	uint64_t highest[2]; /* data sequence numbers, one beyond, by side */
	struct flow flow[FLOWS];
};

static uint64_t get(const uint8_t *p, unsigned int octets)
{
	uint64_t v = 0;

	while (octets--)
		v = v << 8 | *p++;
	return v;
}

struct oracle *oracle_new(const uint64_t idsn[2], const uint64_t next[2])
{
	struct oracle *o = calloc(1, sizeof(*o));

	if (!o)
		abort();
	memcpy(o->idsn, idsn, sizeof(o->idsn));
	memcpy(o->highest, next, sizeof(o->highest));
	for (unsigned int i = 0; i < FLOWS; i++)
		o->flow[i].stream[0].newest = o->flow[i].stream[1].newest = -1;
	return o;
}

void oracle_free(struct oracle *o)
{
	for (unsigned int i = 0; i < FLOWS; i++) {
		for (unsigned int dir = 0; dir < 2; dir++) {
			free(o->flow[i].stream[dir].byte);
			free(o->flow[i].stream[dir].seen);
			free(o->flow[i].stream[dir].map);
		}
	}
	free(o);
}

void oracle_isn(struct oracle *o, unsigned int flow, unsigned int dir, uint32_t isn)
{
	o->flow[flow].stream[dir].isn_known = true;
	o->flow[flow].stream[dir].isn = isn;
}

/* ---- the stream ---------------------------------------------------------------------------- */

/* The 64-bit place nearest to @around that ends with these 32 bits. */
static uint64_t nearest(uint32_t low, uint64_t around)
{
	uint64_t best = (around & ~0xffffffffull) | low;

	if (best > around && best - around > 0x80000000 && best >= 1ull << 32)
		best -= 1ull << 32;
	else if (best < around && around - best > 0x80000000)
		best += 1ull << 32;
	return best;
}

/* The same where numbers wrap at 64 bits. */
static uint64_t nearest_dsn(uint32_t low, uint64_t around)
{
	uint64_t tries[3], best;

	tries[0] = (around & ~0xffffffffull) | low;
	tries[1] = tries[0] + (1ull << 32);
	tries[2] = tries[0] - (1ull << 32);
	best = tries[0];
	for (int i = 1; i < 3; i++) {
		const int64_t a = (int64_t)(tries[i] - around), b = (int64_t)(best - around);

		if (llabs(a) < llabs(b))
			best = tries[i];
	}
	return best;
}

static size_t index_of(struct stream *s, uint64_t place, uint32_t n)
{
	const size_t at = (size_t)(place - s->origin);

	if (at + n > s->room) {
		const size_t room = (at + n) * 2;

		s->byte = realloc(s->byte, room);
		s->seen = realloc(s->seen, room);
		if (!s->byte || !s->seen)
			abort();
		memset(s->seen + s->room, 0, room - s->room);
		s->room = room;
	}
	return at;
}

static bool has_all(const struct stream *s, uint64_t place, uint32_t n)
{
	const uint64_t at = place - s->origin;

	return n && at + n <= s->room && !memchr(s->seen + at, 0, n);
}

static bool has_any(const struct stream *s, uint64_t place, uint32_t n)
{
	const uint64_t at = place - s->origin;

	for (uint32_t i = 0; i < n && at + i < s->room; i++) {
		if (s->seen[at + i])
			return true;
	}
	return false;
}

static void keep(struct stream *s, uint64_t place, const uint8_t *bytes, uint32_t n)
{
	const size_t at = index_of(s, place, n);

	memcpy(s->byte + at, bytes, n);
	memset(s->seen + at, 1, n);
	if (place + n > s->highest)
		s->highest = place + n;
}

/* ---- checksums ----------------------------------------------------------------------------- */

static enum oracle_sum outcome_of(const struct stream *s, const struct map *m)
{
	uint32_t ssn = (uint32_t)m->at;
	const uint8_t *p;
	uint64_t sum;

	if (!m->has_csum)
		return ORACLE_NONE;
	if (!has_all(s, m->at, m->len))
		return ORACLE_INCOMPLETE;
	/* The checksum is of the pseudo header, then the data, as 16-bit words. */
	sum = (m->dsn >> 48) + (m->dsn >> 32 & 0xffff) + (m->dsn >> 16 & 0xffff) +
	      (m->dsn & 0xffff) + (ssn >> 16) + (ssn & 0xffff) + m->length;
	p = s->byte + (m->at - s->origin);
	for (uint32_t i = 0; i < m->len; i++)
		sum += i & 1 ? p[i] : (unsigned int)p[i] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (~sum & 0xffff) % 0xffff == m->csum % 0xffffu ? ORACLE_RIGHT : ORACLE_WRONG;
}

bool oracle_sum(const struct oracle *o, unsigned int flow, unsigned int dir, uint64_t dsn,
		uint32_t len, enum oracle_sum outcome)
{
	const struct stream *s = &o->flow[flow].stream[dir];
	bool found = false;

	for (unsigned int i = s->maps; i--;) {
		const struct map *m = &s->map[i];

		if (m->dsn != dsn || m->len != len)
			continue;
		found = true;
		if (outcome_of(s, m) == outcome)
			return true;
	}
	return !found && outcome == ORACLE_UNKNOWN;
}

/* ---- mappings ------------------------------------------------------------------------------ */

static void disturb(struct stream *s, const struct map *m)
{
	const struct map *newest = s->newest < 0 ? NULL : &s->map[s->newest];

	if (newest && m->at < newest->at + newest->len && newest->at < m->at + m->len)
		s->quiet = false;
}

/* One that is wholly behind all others is the newest. */
static void follow_newest(struct stream *s, int index)
{
	const struct map *m = &s->map[index];

	if (s->newest >= 0 && m->at < s->newest_end) {
		disturb(s, m);
		if (m->at + m->len > s->newest_end) {
			s->newest_end = m->at + m->len;
			s->quiet = false;
		}
		return;
	}
	s->newest = index;
	s->newest_end = m->at + m->len;
	s->quiet = true;
	s->passed = 0;
}

static bool known(struct stream *s, const struct map *m, int *index)
{
	for (unsigned int i = s->maps; i--;) {
		struct map *k = &s->map[i];

		if (k->at == m->at && k->len == m->len && k->dsn == m->dsn &&
		    k->length == m->length && k->csum == m->csum && k->has_csum == m->has_csum) {
			*index = (int)i;
			return true;
		}
	}
	return false;
}

static int declare(struct stream *s, const struct map *m)
{
	int index;

	if (known(s, m, &index))
		return index;
	if (s->maps == s->maps_room) {
		s->maps_room = s->maps_room * 2 + 16;
		s->map = realloc(s->map, s->maps_room * sizeof(*s->map));
		if (!s->map)
			abort();
	}
	s->map[s->maps] = *m;
	follow_newest(s, (int)s->maps);
	return (int)s->maps++;
}

/* The option of a subtype in the option bytes, or NULL. */
static const uint8_t *find_option(const uint8_t *opt, const uint8_t *end, unsigned int subtype)
{
	while (opt < end && *opt) {
		if (*opt == 1) {
			opt++;
			continue;
		}
		if (end - opt < 2 || opt[1] < 2 || opt[1] > end - opt)
			return NULL;
		if (opt[0] == 30 && opt[1] > 2 && opt[2] >> 4 == subtype)
			return opt;
		opt += opt[1];
	}
	return NULL;
}

/* The mapping of a segment: RFC 8684 figure 9, figure 4. Returns false if it has none. */
static bool read_map(const struct oracle *o, const uint8_t *opts, const uint8_t *end,
		     unsigned int side, struct map *m, uint32_t *ssn, bool *infinite)
{
	const uint8_t *opt = find_option(opts, end, 2);
	unsigned int ack, octets;
	bool fin;

	*infinite = false;
	memset(m, 0, sizeof(*m));
	if (!opt) {
		opt = find_option(opts, end, 0);
		if (!opt || opt[1] < 22 || side)
			return false;
		m->dsn = o->idsn[0] + 1;
		*ssn = 1;
		m->len = m->length = (uint32_t)get(opt + 20, 2);
		m->has_csum = opt[1] == 24;
		m->csum = m->has_csum ? (uint16_t)get(opt + 22, 2) : 0;
		return m->len;
	}
	if (!(opt[3] & 4))
		return false;
	ack = opt[3] & 1 ? (opt[3] & 2 ? 8 : 4) : 0;
	octets = opt[3] & 8 ? 8 : 4;
	fin = opt[3] & 16;
	m->has_csum = opt[1] == 4 + ack + octets + 6 + 2;
	m->dsn = get(opt + 4 + ack, octets);
	if (octets == 4)
		m->dsn = nearest_dsn((uint32_t)m->dsn, o->highest[side]);
	*ssn = (uint32_t)get(opt + 4 + ack + octets, 4);
	m->length = (uint32_t)get(opt + 4 + ack + octets + 4, 2);
	if (m->has_csum)
		m->csum = (uint16_t)get(opt + 4 + ack + octets + 6, 2);
	*infinite = !m->length;
	m->len = m->length - fin;
	return m->length && m->len;
}

/* ---- segments ------------------------------------------------------------------------------ */

static void find_dsn(const struct stream *s, uint64_t place, struct oracle_segment *seg)
{
	for (unsigned int i = 0; i < s->maps; i++) {
		const struct map *m = &s->map[i];
		uint64_t dsn;

		if (place < m->at || place >= m->at + m->len)
			continue;
		dsn = m->dsn + (place - m->at);
		if (seg->has_dsn && dsn != seg->dsn)
			seg->several = true;
		if (!seg->has_dsn)
			seg->dsn = dsn;
		seg->has_dsn = true;
		if ((int)i == s->newest)
			seg->in_newest = true;
	}
}

/* Bytes that come one after the other, each once or the same again, complete a mapping. */
static void pass(struct stream *s, uint64_t place, uint32_t n, struct oracle_segment *seg)
{
	const struct map *m;

	if (s->newest < 0)
		return;
	m = &s->map[s->newest];
	if (place + n <= m->at + s->passed || place >= m->at + m->len)
		return;
	if (place != m->at + s->passed || place + n > m->at + m->len) {
		s->quiet = false;
		return;
	}
	s->passed += n;
	if (s->passed < m->len || !s->quiet || s->ended)
		return;
	seg->due = true;
	seg->due_dsn = m->dsn;
	seg->due_len = m->len;
}

static void take_data(struct oracle *o, struct stream *s, unsigned int side, uint32_t rel,
		      const uint8_t *bytes, const uint8_t *opts, struct oracle_segment *seg)
{
	const uint32_t n = seg->n;
	uint64_t place;
	uint32_t ssn;
	struct map m;
	bool has;

	if (!s->placed) {
		s->placed = true;
		s->highest = (1ull << 32) + rel;
		s->origin = s->highest - SLACK;
	}
	place = nearest(rel, s->highest);
	has = read_map(o, opts, bytes, side, &m, &ssn, &seg->infinite);
	if (seg->infinite)
		s->ended = true;
	if (has) {
		m.at = nearest(ssn, place);
		has = m.at < place + n && place < m.at + m.len && !s->ended;
	}
	if (has) {
		declare(s, &m);
		seg->own = place >= m.at && place < m.at + m.len;
	}
	find_dsn(s, place, seg);
	seg->all_seen = has_all(s, place, n);
	seg->all_new = place >= s->highest && !has_any(s, place, n);
	keep(s, place, bytes, n);
	pass(s, place, n, seg);
	if (has && m.at == place && m.len == n && !s->ended && m.len && seg->all_new) {
		seg->due = s->quiet;
		seg->due_dsn = m.dsn;
		seg->due_len = m.len;
	}
	if (seg->has_dsn && (int64_t)(seg->dsn + 1 - o->highest[side]) > 0)
		o->highest[side] = seg->dsn + 1;
}

static void take_syn(struct flow *f, unsigned int dir, uint8_t flags, const uint8_t *tcp,
		     uint32_t n)
{
	const uint32_t seq = (uint32_t)get(tcp + 4, 4), ack = (uint32_t)get(tcp + 8, 4);
	struct stream *s = &f->stream[dir];

	if (s->placed)
		return;
	s->isn_known = true;
	/* RFC 8684 B.2: data on the SYN that is acknowledged does not count. */
	if (!(flags & 16)) {
		f->syn_data = n;
		f->syn = true;
		s->isn = seq;
		return;
	}
	s->isn = seq;
	if (f->syn_data && ack - f->stream[0].isn - 1 <= f->syn_data)
		f->stream[0].isn = ack - 1;
	f->syn_data = 0;
}

void oracle_segment(struct oracle *o, unsigned int flow, unsigned int dir, unsigned int side,
		    const uint8_t *frame, size_t len, struct oracle_segment *seg)
{
	const unsigned int ip_at = get(frame + 12, 2) == 0x8100 ? 18 : 14;
	const uint8_t *ip = frame + ip_at;
	const unsigned int v6 = ip[0] >> 4 == 6;
	const uint8_t *tcp = ip + (v6 ? 40 : (ip[0] & 15) * 4);
	const size_t ip_len = v6 ? 40 + get(ip + 4, 2) : get(ip + 2, 2);
	const uint8_t *payload = tcp + (tcp[12] >> 4) * 4;
	struct stream *s = &o->flow[flow].stream[dir];
	const uint8_t flags = tcp[13];

	(void)len;
	memset(seg, 0, sizeof(*seg));
	seg->n = (uint32_t)(ip_len - (size_t)(payload - ip));
	if ((flags & 7) == 2) {
		take_syn(&o->flow[flow], dir, flags, tcp, seg->n);
		return;
	}
	seg->known_isn = s->isn_known;
	/* RFC 9293 3.10.7: without ACK it is dropped; a RST's text is no data. */
	seg->data = seg->n && (flags & 22) == 16;
	if (seg->data && s->isn_known) {
		take_data(o, s, side, (uint32_t)get(tcp + 4, 4) - s->isn, payload, tcp + 20, seg);
	} else if ((flags & 4) == 0) {
		struct map m;
		uint32_t ssn;

		read_map(o, tcp + 20, payload, side, &m, &ssn, &seg->infinite);
		if (seg->infinite)
			s->ended = true;
	}
	seg->ended = s->ended;
}
