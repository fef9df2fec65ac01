/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The generator of gen.h. A frame is built from a spec: what it should be, and in which fields it
 * lies. Checksums are computed by what the finished headers claim, so that lies reach the verdicts
 * behind them.
 */
#include "gen.h"

#include <stdbool.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define RIGHT	      (-1) /* of a field that may lie: say what is */
#define EXTS_MAX      10

enum {
	V6_HOP = 0,
	V6_ROUTING = 43,
	V6_FRAGMENT = 44,
	V6_DEST = 60
};
enum {
	PROTO_TCP = 6,
	PROTO_UDP = 17
};
enum {
	FIN = 1,
	SYN = 2,
	RST = 4,
	PSH = 8,
	ACK = 16,
	URG = 32,
	ECE = 64,
	CWR = 128
};
enum {
	OPT_EOL = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_WSCALE = 3,
	OPT_SACKP = 4,
	OPT_TS = 8
};
enum seg {
	SEG_SYN,
	SEG_SYNACK,
	SEG_ACK,
	SEG_RST
};
enum fill {
	FILL_RANDOM,
	FILL_ZERO,
	FILL_ONES,
	FILLS
};
enum sum {
	SUM_GOOD,
	SUM_BAD,
	SUM_PARTIAL,
	SUM_ZERO,
	SUM_NEAR,
	SUMS
};

struct rng {
	uint64_t state;
};

struct ext {
	uint8_t type;
	uint8_t len; /* in units of 8 bytes behind the first */
	uint8_t left;
};

struct spec {
	unsigned int vlans;
	uint16_t tpid[3];
	int ethertype;
	unsigned int ip;     /* 4, 6, or 0: none */
	unsigned int ip_opt; /* bytes of IPv4 options, a multiple of 4 */
	unsigned int exts;
	struct ext ext[EXTS_MAX];
	uint8_t proto;
	uint8_t tcp_flags;
	unsigned int opt_len;
	uint8_t opts[MPNIC_TCP_OPT_MAX];
	uint32_t payload;
	enum fill fill;
	int version, ihl, ip_len, frag, doff, udp_len;
	enum sum ip_sum, l4_sum;
	uint32_t pad;
	uint32_t cut; /* frame length at most; 0: as long as it is */
};

static const uint16_t tpids[4] = {0x8100, 0x88a8, 0x9100, 0x9200};

/* --- random numbers ------------------------------------------------------------------------- */

static uint64_t rnd(struct rng *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static unsigned int below(struct rng *r, unsigned int n)
{
	return (unsigned int)((rnd(r) >> 32) * n >> 32);
}

static bool one_in(struct rng *r, unsigned int n)
{
	return !below(r, n);
}

static void noise(struct rng *r, uint8_t *p, size_t len)
{
	uint64_t word;

	for (; len >= 8; p += 8, len -= 8) {
		word = rnd(r);
		memcpy(p, &word, 8);
	}
	word = rnd(r);
	memcpy(p, &word, len);
}

/* --- bytes and sums ------------------------------------------------------------------------- */

static void put16(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static unsigned int get16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static uint64_t sum(const uint8_t *p, size_t len)
{
	uint64_t total = 0;
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		total += get16(p + i);
	if (len & 1)
		total += (unsigned int)p[len - 1] << 8;
	return total;
}

static unsigned int fold(uint64_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (unsigned int)total;
}

/* The field's value, where the rest folds to @rest and the pseudo header to @pseudo. */
static unsigned int field(struct rng *r, enum sum kind, unsigned int rest, unsigned int pseudo)
{
	const unsigned int good = ~rest & 0xffff;

	switch (kind) {
	case SUM_GOOD:
		return good;
	case SUM_PARTIAL:
		return pseudo;
	case SUM_ZERO:
		return 0;
	case SUM_NEAR:
		return one_in(r, 2) ? good ^ 1u << below(r, 16) : good ^ 0xffff;
	default:
		return (unsigned int)rnd(r) & 0xffff;
	}
}

/* --- from spec to frame --------------------------------------------------------------------- */

struct frame {
	struct rng *r;
	struct gen_packet *packet;
	uint32_t len;
	uint32_t l3, l4;
};

/* Append bytes of noise, as far as they fit; the caller writes over them. */
static uint8_t *append(struct frame *f, uint32_t len)
{
	uint8_t *start = f->packet->frame + f->len;

	if (len > MPNIC_REPLAY_MAX - f->len)
		len = MPNIC_REPLAY_MAX - f->len;
	noise(f->r, start, len);
	f->len += len;
	return start;
}

static void build_l2(struct frame *f, const struct spec *s)
{
	const int right = s->ip == 4 ? 0x0800 : s->ip == 6 ? 0x86dd : 0x0806;
	unsigned int i;

	append(f, 12);
	for (i = 0; i < s->vlans; i++)
		put16(append(f, 4), s->tpid[i]);
	put16(append(f, 2), (unsigned int)(s->ethertype == RIGHT ? right : s->ethertype));
	f->l3 = f->len;
}

static uint8_t lie(int claimed, uint8_t right)
{
	return claimed == RIGHT ? right : (uint8_t)claimed;
}

static void build_ipv4(struct frame *f, const struct spec *s)
{
	uint8_t *ip = append(f, 20 + s->ip_opt);

	ip[0] = (uint8_t)(lie(s->version, 4) << 4 |
			  (lie(s->ihl, (uint8_t)(5 + s->ip_opt / 4)) & 15));
	put16(ip + 6, s->frag == RIGHT ? (one_in(f->r, 2) ? 0x4000 : 0) : (unsigned int)s->frag);
	ip[9] = s->proto;
	f->l4 = f->l3 + 4 * (ip[0] & 15u);
}

static void build_ipv6(struct frame *f, const struct spec *s)
{
	uint8_t *next = append(f, 40) + 6;
	unsigned int i;

	next[-6] = (uint8_t)(lie(s->version, 6) << 4 | (next[-6] & 15));
	for (i = 0; i < s->exts; i++) {
		const struct ext *e = &s->ext[i];

		*next = e->type;
		next = append(f, 8 + 8u * e->len);
		next[1] = e->len;
		next[3] = e->left;
	}
	*next = s->proto;
	f->l4 = f->len;
}

static void build_l4(struct frame *f, const struct spec *s)
{
	const unsigned int words = (s->opt_len + 3) / 4;
	uint8_t *l4;

	if (s->proto == PROTO_TCP) {
		l4 = append(f, 20 + 4 * words);
		l4[12] = (uint8_t)(lie(s->doff, (uint8_t)(5 + words)) << 4 | (l4[12] & 15));
		l4[13] = s->tcp_flags;
		memcpy(l4 + 20, s->opts, s->opt_len);
	} else if (s->proto == PROTO_UDP) {
		l4 = append(f, 8);
		put16(l4 + 4, s->udp_len == RIGHT ? 8 + s->payload : (unsigned int)s->udp_len);
	}
}

static void build_payload(struct frame *f, const struct spec *s)
{
	const uint32_t start = f->len;

	append(f, s->payload);
	if (s->fill != FILL_RANDOM)
		memset(f->packet->frame + start, s->fill == FILL_ZERO ? 0 : 0xff, f->len - start);
}

static void set_ip_len(struct frame *f, const struct spec *s)
{
	uint8_t *ip = f->packet->frame + f->l3;
	const uint32_t right = f->len - f->l3 - (s->ip == 6 ? 40 : 0);

	put16(ip + (s->ip == 6 ? 4 : 2), s->ip_len == RIGHT ? right : (unsigned int)s->ip_len);
}

static void sum_ipv4(struct frame *f, const struct spec *s)
{
	uint8_t *ip = f->packet->frame + f->l3;

	if (s->ip != 4 || f->l4 > f->len || f->l4 < f->l3 + 20)
		return;
	put16(ip + 10, 0);
	put16(ip + 10, field(f->r, s->ip_sum, fold(sum(ip, f->l4 - f->l3)), 0));
}

static void sum_l4(struct frame *f, const struct spec *s)
{
	const bool udp = s->proto == PROTO_UDP;
	const unsigned int at = udp ? 6 : 16;
	uint8_t *ip = f->packet->frame + f->l3;
	uint8_t *l4 = f->packet->frame + f->l4;
	uint32_t claimed, there;
	unsigned int pseudo;

	if ((!udp && s->proto != PROTO_TCP) || f->l4 + at + 2 > f->len)
		return;
	claimed =
		s->ip == 4 ? get16(ip + 2) - (f->l4 - f->l3) : get16(ip + 4) - (f->l4 - f->l3 - 40);
	claimed = udp ? get16(l4 + 4) : claimed & 0xffff;
	there = claimed < f->len - f->l4 ? claimed : f->len - f->l4;
	pseudo = fold((s->ip == 4 ? sum(ip + 12, 8) : sum(ip + 8, 32)) + s->proto + claimed);
	put16(l4 + at, 0);
	put16(l4 + at, field(f->r, s->l4_sum, fold(pseudo + sum(l4, there)), pseudo));
	if (udp && s->l4_sum == SUM_GOOD && !get16(l4 + at))
		put16(l4 + at, 0xffff);
}

static void build(struct rng *r, const struct spec *s, struct gen_packet *packet)
{
	struct frame f = {.r = r, .packet = packet};

	packet->user = (uint8_t)rnd(r);
	build_l2(&f, s);
	if (s->ip == 4)
		build_ipv4(&f, s);
	else if (s->ip == 6)
		build_ipv6(&f, s);
	if (s->ip)
		build_l4(&f, s);
	build_payload(&f, s);
	if (s->ip) {
		set_ip_len(&f, s);
		append(&f, s->pad);
		sum_ipv4(&f, s);
		sum_l4(&f, s);
	}
	packet->len = s->cut && s->cut < f.len ? s->cut : f.len;
}

static void plain(struct spec *s)
{
	*s = (struct spec){
		.ethertype = RIGHT,
		.ip = 4,
		.proto = PROTO_TCP,
		.tcp_flags = ACK,
		.version = RIGHT,
		.ihl = RIGHT,
		.ip_len = RIGHT,
		.frag = RIGHT,
		.doff = RIGHT,
		.udp_len = RIGHT,
	};
}

/* --- TCP options ---------------------------------------------------------------------------- */

static bool put_option(struct rng *r, struct spec *s, uint8_t kind, unsigned int len)
{
	if (len > MPNIC_TCP_OPT_MAX - s->opt_len)
		return false;
	noise(r, s->opts + s->opt_len, len);
	s->opts[s->opt_len] = kind;
	if (len > 1)
		s->opts[s->opt_len + 1] = (uint8_t)len;
	s->opt_len += len;
	return true;
}

static bool put_mptcp(struct rng *r, struct spec *s, unsigned int len, unsigned int subtype,
		      unsigned int nibble, unsigned int flags)
{
	const unsigned int at = s->opt_len;

	if (!put_option(r, s, MPNIC_TCPOPT_KIND_MPTCP, len))
		return false;
	if (len > 2)
		s->opts[at + 2] = (uint8_t)(subtype << 4 | nibble);
	if (len > 3)
		s->opts[at + 3] = (uint8_t)flags;
	return true;
}

static void put_nops(struct spec *s, unsigned int count)
{
	while (count-- && s->opt_len < MPNIC_TCP_OPT_MAX)
		s->opts[s->opt_len++] = OPT_NOP;
}

/* Bytes up to @len: mostly NOPs, or the end and what may stand behind it, or noise. */
static void fill_options(struct rng *r, struct spec *s, unsigned int len)
{
	uint8_t *rest = s->opts + s->opt_len;

	if (len <= s->opt_len)
		return;
	noise(r, rest, len - s->opt_len);
	switch (below(r, 4)) {
	case 0:
		rest[0] = OPT_EOL;
		break;
	case 1:
		break;
	default:
		memset(rest, OPT_NOP, len - s->opt_len);
	}
	s->opt_len = len;
}

static unsigned int dss_len(unsigned int flags, bool with_sum)
{
	unsigned int len = 4;

	if (flags & MPNIC_DSS_A)
		len += flags & MPNIC_DSS_a8 ? 8 : 4;
	if (flags & MPNIC_DSS_M)
		len += (flags & MPNIC_DSS_m8 ? 14 : 10) + (with_sum ? 2 : 0);
	return len;
}

/* An MPTCP option: what stands in its first bytes. Length 0: there is none. */
struct form {
	unsigned int len, nibble, flags;
};

static struct form capable_form(struct rng *r, unsigned int version, enum seg seg, bool data)
{
	const unsigned int flags = MPNIC_CAPABLE_H | (one_in(r, 2) ? MPNIC_CAPABLE_A : 0u);
	struct form form = {.nibble = version, .flags = flags};

	if (seg == SEG_SYN)
		form.len = version ? 4 : 12;
	else if (seg == SEG_SYNACK)
		form.len = 12;
	else if (seg == SEG_ACK)
		form.len = !data ? 20 : flags & MPNIC_CAPABLE_A ? 24 : 22;
	return form;
}

static struct form add_addr_form(struct rng *r, unsigned int version)
{
	const bool v6 = one_in(r, 2), echo = one_in(r, 2);
	struct form form = {.len = 8, .nibble = version ? echo : v6 ? 6 : 4};

	if (v6)
		form.len += 12;
	if (one_in(r, 2))
		form.len += 2;
	if (version && !echo)
		form.len += 8;
	return form;
}

/* A form that docs/pipeline.md calls right for that version and segment, as far as there is one. */
static struct form right_form(struct rng *r, unsigned int subtype, unsigned int version,
			      enum seg seg, bool data)
{
	static const unsigned int join_len[] = {12, 16, 24, 24};
	struct form form = {.nibble = below(r, 16), .flags = (unsigned int)rnd(r) & 0xff};

	switch (subtype) {
	case MPNIC_SUBTYPE_MP_CAPABLE:
		return capable_form(r, version, seg, data);
	case MPNIC_SUBTYPE_MP_JOIN:
		form.len = join_len[seg];
		break;
	case MPNIC_SUBTYPE_DSS:
		if (form.flags & MPNIC_DSS_F)
			form.flags |= MPNIC_DSS_M;
		form.len = dss_len(form.flags, one_in(r, 2));
		break;
	case MPNIC_SUBTYPE_ADD_ADDR:
		return add_addr_form(r, version);
	case MPNIC_SUBTYPE_REMOVE_ADDR:
		form.len = 4 + below(r, 8);
		break;
	case MPNIC_SUBTYPE_MP_PRIO:
		form.len = version ? 3 : 3 + below(r, 2);
		break;
	case MPNIC_SUBTYPE_MP_FAIL:
	case MPNIC_SUBTYPE_MP_FASTCLOSE:
		form.len = 12;
		break;
	default:
		form.len = 4;
	}
	return form;
}

static enum seg seg_of(uint8_t tcp_flags)
{
	if (tcp_flags & SYN)
		return tcp_flags & ACK ? SEG_SYNACK : SEG_SYN;
	return tcp_flags & RST ? SEG_RST : SEG_ACK;
}

static void put_right_mptcp(struct rng *r, struct spec *s, unsigned int subtype,
			    unsigned int version)
{
	const struct form form = right_form(r, subtype, version, seg_of(s->tcp_flags), s->payload);

	put_mptcp(r, s, form.len, subtype, form.nibble, form.flags);
}

/* What else a stack puts there. */
static void put_common(struct rng *r, struct spec *s)
{
	if (s->tcp_flags & SYN) {
		if (!one_in(r, 4))
			put_option(r, s, OPT_MSS, 4);
		if (one_in(r, 2))
			put_option(r, s, OPT_SACKP, 2);
		if (one_in(r, 2))
			put_option(r, s, OPT_WSCALE, 3);
	}
	if (one_in(r, 2)) {
		put_nops(s, below(r, 3));
		put_option(r, s, OPT_TS, 10);
	}
}

static unsigned int words_up(unsigned int len)
{
	return (len + 3) & ~3u;
}

static void put_right_options(struct rng *r, struct spec *s)
{
	static const uint8_t on_seg[4][6] = {
		[SEG_SYN] = {0, 0, 0, 1, 1, 1},
		[SEG_SYNACK] = {0, 0, 0, 1, 1, 1},
		[SEG_ACK] = {0, 1, 2, 2, 2, 2},
		[SEG_RST] = {7, 8, 8, 8, 8, 6},
	};
	const unsigned int version = below(r, 2);
	const enum seg seg = seg_of(s->tcp_flags);
	unsigned int more;

	put_common(r, s);
	put_right_mptcp(r, s, on_seg[seg][below(r, 6)], version);
	for (more = seg == SEG_ACK ? below(r, 3) : 0; more; more--)
		put_right_mptcp(r, s, 2 + below(r, 6), version);
	fill_options(r, s, words_up(s->opt_len));
}

/* Kinds and lengths that mostly make a chain, but need not. */
static void put_hostile_options(struct rng *r, struct spec *s)
{
	static const uint8_t kinds[] = {30, 30, 30, 30, 30, 30, 1, 1, 2, 3, 4, 5, 8, 8, 254, 19};
	static const uint8_t lens[] = {4, 3, 2, 10, 12, 20, 8, 16};
	const unsigned int goal = 4 * below(r, 11);
	unsigned int at;

	while (s->opt_len < goal) {
		const unsigned int room = goal - s->opt_len;
		const uint8_t kind = kinds[below(r, ARRAY_SIZE(kinds))];
		unsigned int len = one_in(r, 2) ? lens[below(r, 8)] : below(r, 24);

		at = s->opt_len;
		if (kind == MPNIC_TCPOPT_KIND_MPTCP && one_in(r, 3)) {
			put_right_mptcp(r, s, below(r, 9), below(r, 2));
			if (s->opt_len > at + 3 && one_in(r, 3))
				s->opts[at + 2 + below(r, 2)] ^= (uint8_t)(1u << below(r, 8));
			if (s->opt_len > at)
				continue;
		}
		if (kind == OPT_NOP)
			len = 1;
		len = len < room ? len : room;
		put_option(r, s, one_in(r, 40) ? (uint8_t)rnd(r) : kind, len);
		if (len > 1 && one_in(r, 16))
			s->opts[at + 1] = (uint8_t)(one_in(r, 2) ? rnd(r) : len + 1);
		if (len > 3 && kind == MPNIC_TCPOPT_KIND_MPTCP && one_in(r, 2))
			s->opts[at + 2] = (uint8_t)(below(r, 9) << 4 | below(r, 2));
		if (!len)
			break;
	}
	if (one_in(r, 3))
		fill_options(r, s, goal);
}

static uint8_t seg_flags(struct rng *r, enum seg seg)
{
	const uint8_t noise_bits = (uint8_t)rnd(r);

	switch (seg) {
	case SEG_SYN:
		return SYN | (noise_bits & (ECE | CWR | PSH));
	case SEG_SYNACK:
		return SYN | ACK | (noise_bits & (ECE | CWR));
	case SEG_RST:
		return RST | (noise_bits & (ACK | PSH));
	default:
		return ACK | (noise_bits & (PSH | URG | ECE | CWR)) | (one_in(r, 8) ? FIN : 0);
	}
}

/* One of each kind of segment, right and invalid, that the mptcp stage tells apart. */
static const uint8_t seg_kinds[8] = {
	SYN, SYN | ACK, ACK, RST, RST | ACK, SYN | FIN, PSH, SYN | RST | ACK,
};

/* --- headers -------------------------------------------------------------------------------- */

static void put_ext(struct spec *s, unsigned int type, unsigned int len, unsigned int left)
{
	struct ext *e;

	if (s->exts == EXTS_MAX)
		return;
	e = &s->ext[s->exts++];
	e->type = (uint8_t)type;
	e->len = (uint8_t)len;
	e->left = (uint8_t)left;
}

static uint8_t chain_type(struct rng *r)
{
	static const uint8_t types[] = {V6_HOP, V6_ROUTING, V6_DEST, V6_DEST};

	return types[below(r, 4)];
}

static void random_chain(struct rng *r, struct spec *s, unsigned int count)
{
	s->ip = 6;
	while (count--)
		put_ext(s, chain_type(r), one_in(r, 3) ? below(r, 18) : below(r, 2),
			one_in(r, 2) ? 0 : below(r, 4));
}

static void random_vlans(struct rng *r, struct spec *s)
{
	unsigned int i;

	s->vlans = one_in(r, 3) ? below(r, 4) : 0;
	for (i = 0; i < s->vlans; i++)
		s->tpid[i] = tpids[one_in(r, 8) ? below(r, 4) : below(r, 2)];
}

static enum sum random_sum(struct rng *r)
{
	return one_in(r, 4) ? (enum sum)below(r, SUMS) : SUM_GOOD;
}

static uint32_t random_payload(struct rng *r)
{
	const unsigned int dice = below(r, 4096);

	if (dice < 1)
		return below(r, 65535 - 200);
	if (dice < 8)
		return below(r, MPNIC_FRAME_MAX);
	if (dice < 256)
		return below(r, 1500);
	return dice & 1 ? below(r, 100) : 0;
}

/* A right packet of any kind. */
static void random_plain(struct rng *r, struct spec *s)
{
	plain(s);
	random_vlans(r, s);
	s->ip = one_in(r, 2) ? 6 : 4;
	if (s->ip == 4 && one_in(r, 6))
		s->ip_opt = 4 * below(r, 11);
	if (s->ip == 6 && one_in(r, 5))
		random_chain(r, s, below(r, 4));
	s->tcp_flags = seg_flags(r, (enum seg)below(r, 4));
	s->payload = random_payload(r);
	if (one_in(r, 6))
		s->proto = PROTO_UDP;
	else
		put_right_options(r, s);
	s->ip_sum = random_sum(r);
	s->l4_sum = random_sum(r);
}

/* --- enumerations: index -> frame ----------------------------------------------------------- */

/* Take the next digit, in base @n, of an index. */
static unsigned int digit(uint64_t *index, unsigned int n)
{
	const unsigned int value = (unsigned int)(*index % n);

	*index /= n;
	return value;
}

/* A cut inside the last @span bytes of what a plain TCP packet without payload would be. */
static void cut_options(struct rng *r, struct spec *s)
{
	const unsigned int len = 14 + 4 * s->vlans + (s->ip == 6 ? 40 : 20) + 20 + s->opt_len;

	s->cut = len - below(r, s->opt_len + 1);
}

static void enum_option_walk(struct rng *r, uint64_t i, struct spec *s)
{
	static const uint8_t kinds[] = {
		MPNIC_TCPOPT_KIND_MPTCP, OPT_MSS, OPT_WSCALE, OPT_SACKP, OPT_TS, 254};
	unsigned int len = digit(&i, 44), at = digit(&i, 220), total = 4;

	for (; at >= total; total += 4)
		at -= total;
	s->ip = one_in(r, 2) ? 6 : 4;
	s->tcp_flags = seg_flags(r, (enum seg)below(r, 4));
	noise(r, s->opts, sizeof(s->opts));
	put_nops(s, at);
	s->opts[at] = kinds[digit(&i, ARRAY_SIZE(kinds))];
	if (at + 1 < total)
		s->opts[at + 1] = (uint8_t)(len == 42 ? 128 : len == 43 ? 255 : len);
	s->opt_len = at + len < total ? at + len : total;
	if (s->opt_len < at + 2)
		s->opt_len = at + 2 < total ? at + 2 : total;
	fill_options(r, s, total);
	s->payload = below(r, 2);
	if (one_in(r, 8))
		cut_options(r, s);
}

static void enum_option_kind(struct rng *r, uint64_t i, struct spec *s)
{
	const uint8_t kind = (uint8_t)digit(&i, 256);

	put_option(r, s, kind, 2 + digit(&i, 10));
	s->opts[0] = kind;
	fill_options(r, s, 12 + 4 * below(r, 8));
}

/* Subtypes whose low nibble decides: with each of its values. */
static void enum_nibble_length(struct rng *r, uint64_t i, struct spec *s)
{
	const unsigned int subtype =
		digit(&i, 2) ? MPNIC_SUBTYPE_ADD_ADDR : MPNIC_SUBTYPE_MP_CAPABLE;
	const unsigned int len = 2 + digit(&i, 39);
	const unsigned int nibble = digit(&i, 16);

	s->tcp_flags = seg_kinds[digit(&i, 8)];
	s->payload = digit(&i, 2);
	put_nops(s, below(r, 41 - len));
	put_mptcp(r, s, len, subtype, nibble, one_in(r, 2) ? 0x01 : 0x81);
	fill_options(r, s, words_up(s->opt_len));
}

static void enum_subtype_length(struct rng *r, uint64_t i, struct spec *s)
{
	const unsigned int subtype = digit(&i, 16), len = 2 + digit(&i, 39);

	s->tcp_flags = seg_kinds[digit(&i, 8)];
	s->payload = digit(&i, 2);
	put_nops(s, below(r, 41 - len));
	put_mptcp(r, s, len, subtype, below(r, 16), (unsigned int)rnd(r));
	fill_options(r, s, words_up(s->opt_len));
}

static void enum_tcp_flags(struct rng *r, uint64_t i, struct spec *s)
{
	const unsigned int subtype = digit(&i, 16), version = digit(&i, 2);

	s->payload = digit(&i, 2);
	s->tcp_flags = (uint8_t)digit(&i, 256);
	put_right_mptcp(r, s, subtype, version);
	fill_options(r, s, words_up(s->opt_len));
}

static void enum_dss(struct rng *r, uint64_t i, struct spec *s)
{
	const unsigned int flags = digit(&i, 256), len = 2 + digit(&i, 39);

	s->payload = below(r, 40);
	put_nops(s, below(r, 41 - len));
	put_mptcp(r, s, len, MPNIC_SUBTYPE_DSS, below(r, 16), flags);
	fill_options(r, s, words_up(s->opt_len));
}

static void enum_capable(struct rng *r, uint64_t i, struct spec *s)
{
	static const uint8_t versions[] = {0, 1, 2, 15};
	static const uint8_t lens[] = {3, 4, 12, 13, 20, 22, 24};
	static const uint8_t flags[] = {SYN, SYN | ACK, ACK, ACK | PSH};
	const unsigned int option_flags = digit(&i, 256), version = versions[digit(&i, 4)];
	const unsigned int len = lens[digit(&i, 7)], form = digit(&i, 4);

	s->tcp_flags = flags[form];
	s->payload = form == 3;
	put_nops(s, below(r, 41 - len));
	put_mptcp(r, s, len, MPNIC_SUBTYPE_MP_CAPABLE, version, option_flags);
	fill_options(r, s, words_up(s->opt_len));
}

static void put_several(struct rng *r, struct spec *s, uint64_t *i, unsigned int count)
{
	while (count--)
		put_mptcp(r, s, 3 + below(r, 2), digit(i, 16), below(r, 2), (unsigned int)rnd(r));
	fill_options(r, s, words_up(s->opt_len));
}

static void enum_pairs(struct rng *r, uint64_t i, struct spec *s)
{
	s->tcp_flags = seg_kinds[digit(&i, 8)];
	s->payload = digit(&i, 2);
	put_several(r, s, &i, 2);
}

static void enum_triples(struct rng *r, uint64_t i, struct spec *s)
{
	s->tcp_flags = seg_kinds[digit(&i, 4)];
	put_several(r, s, &i, 3);
}

static void enum_quads(struct rng *r, uint64_t i, struct spec *s)
{
	s->tcp_flags = seg_kinds[one_in(r, 4) ? below(r, 8) : 2];
	put_several(r, s, &i, 4);
}

static void enum_many(struct rng *r, uint64_t i, struct spec *s)
{
	unsigned int count = 1 + digit(&i, 13);

	s->tcp_flags = seg_kinds[digit(&i, 8)];
	while (count--)
		put_mptcp(r, s, 2 + below(r, 2), below(r, 16), below(r, 16), 0);
	fill_options(r, s, words_up(s->opt_len));
}

static void enum_ethertype(struct rng *r, uint64_t i, struct spec *s)
{
	s->ethertype = (int)i;
	s->ip = one_in(r, 2) ? 6 : 4;
}

static void enum_vlan(struct rng *r, uint64_t i, struct spec *s)
{
	static const struct {
		uint8_t ip, proto;
	} inner[] = {{4, PROTO_TCP}, {6, PROTO_TCP}, {4, PROTO_UDP}, {0, 0}};
	const unsigned int kind = digit(&i, 4);
	unsigned int stack, k;

	s->cut = digit(&i, 36); /* 0: whole */
	stack = digit(&i, 85);
	s->ip = inner[kind].ip;
	s->proto = inner[kind].proto;
	s->payload = below(r, 50);
	/* 85 = 1 + 4 + 16 + 64: the stacks of none, one, two and three tags. */
	for (k = 1; stack >= k; k *= 4) {
		stack -= k;
		s->vlans++;
	}
	for (k = 0; k < s->vlans; k++, stack /= 4)
		s->tpid[k] = tpids[stack % 4];
}

static void enum_truncation(struct rng *r, uint64_t i, struct spec *s)
{
	unsigned int count;

	s->cut = 1 + digit(&i, 255);
	s->ip = digit(&i, 2) ? 6 : 4;
	s->vlans = digit(&i, 3);
	for (count = 0; count < s->vlans; count++)
		s->tpid[count] = tpids[below(r, 2)];
	count = digit(&i, 4);
	if (s->ip == 4)
		s->ip_opt = count * 12;
	else
		random_chain(r, s, count);
	s->payload = 30 + below(r, 100);
	if (digit(&i, 3) == 2)
		s->proto = PROTO_UDP;
	else
		put_right_options(r, s);
	fill_options(r, s, s->proto == PROTO_UDP ? 0 : MPNIC_TCP_OPT_MAX);
}

static void enum_ipv4_lengths(struct rng *r, uint64_t i, struct spec *s)
{
	s->ihl = (int)digit(&i, 16);
	s->doff = (int)digit(&i, 16);
	s->ip_len = (int)digit(&i, 140);
	put_right_options(r, s);
	fill_options(r, s, MPNIC_TCP_OPT_MAX);
	s->payload = 20;
}

static void enum_ipv4_udp(struct rng *r, uint64_t i, struct spec *s)
{
	static const uint8_t ihls[] = {5, 6, 15, 4};

	s->proto = PROTO_UDP;
	s->ihl = ihls[digit(&i, 4)];
	s->udp_len = (int)digit(&i, 64);
	s->ip_len = 15 + (int)digit(&i, 64);
	s->payload = 40 + below(r, 2);
}

static void enum_protocol(struct rng *r, uint64_t i, struct spec *s)
{
	s->ip = digit(&i, 2) ? 6 : 4;
	s->proto = (uint8_t)digit(&i, 256);
	s->payload = below(r, 80);
	if (digit(&i, 2))
		s->version = (int)below(r, 16);
}

static void enum_ipv4_options(struct rng *r, uint64_t i, struct spec *s)
{
	s->ip_opt = 4 * digit(&i, 11);
	if (digit(&i, 2))
		s->proto = PROTO_UDP;
	s->payload = digit(&i, 70);
	s->ip_sum = (enum sum)digit(&i, SUMS);
	put_right_options(r, s);
}

static void enum_fragment(struct rng *r, uint64_t i, struct spec *s)
{
	const unsigned int bit = digit(&i, 17);

	s->frag = bit < 16 ? 1 << bit : (int)(rnd(r) & 0xffff);
	s->ip = digit(&i, 4) ? 4 : 6;
	if (digit(&i, 2))
		s->proto = PROTO_UDP;
	s->payload = below(r, 100);
	if (s->ip == 4)
		return;
	if (one_in(r, 2))
		random_chain(r, s, below(r, 3));
	put_ext(s, V6_FRAGMENT, 0, one_in(r, 2) ? 0 : (unsigned int)rnd(r) & 0xff);
}

static void enum_ipv6_lengths(struct rng *r, uint64_t i, struct spec *s)
{
	static const struct ext chains[4] = {
		{0, 0, 0},
		{V6_HOP, 0, 0},
		{V6_ROUTING, 2, 1},
		{V6_DEST, 1, 0},
	};
	const unsigned int chain = digit(&i, 4);

	s->ip = 6;
	if (chain)
		put_ext(s, chains[chain].type, chains[chain].len, chains[chain].left);
	s->doff = (int)digit(&i, 16);
	s->ip_len = (int)digit(&i, 128);
	put_right_options(r, s);
	fill_options(r, s, MPNIC_TCP_OPT_MAX);
	s->payload = 20;
}

static void enum_ipv6_udp(struct rng *r, uint64_t i, struct spec *s)
{
	s->ip = 6;
	s->proto = PROTO_UDP;
	s->udp_len = (int)digit(&i, 64);
	s->ip_len = (int)digit(&i, 64);
	s->payload = 40 + below(r, 2);
}

/* Chains of equal headers. */
static void enum_chain(struct rng *r, uint64_t i, struct spec *s)
{
	static const uint8_t types[] = {V6_HOP, V6_ROUTING, V6_DEST};
	static const uint8_t finals[] = {PROTO_TCP, PROTO_UDP, V6_FRAGMENT, 59, 58, 51};
	const uint8_t type = types[digit(&i, 3)];
	const unsigned int left = digit(&i, 2), len = digit(&i, 18), how = digit(&i, 4);
	unsigned int count = digit(&i, EXTS_MAX + 1);

	s->ip = 6;
	s->proto = finals[digit(&i, 6)];
	while (count--)
		put_ext(s, type, len, left);
	put_right_options(r, s);
	s->payload = below(r, 30);
	if (how == 1)
		s->ip_len = (int)below(r, 200);
	else if (how == 2)
		s->cut = 54 + below(r, 160);
}

/* Chains of all orders, whose lengths may jump out. */
static void enum_chain_mix(struct rng *r, uint64_t i, struct spec *s)
{
	static const uint8_t types[] = {V6_HOP, V6_ROUTING, V6_DEST, V6_FRAGMENT};
	unsigned int count = 1 + digit(&i, 4);

	s->ip = 6;
	while (count--)
		put_ext(s, types[digit(&i, 4)],
			one_in(r, 16) ? (unsigned int)rnd(r) & 0xff : below(r, 4), below(r, 2));
	put_right_options(r, s);
	s->payload = below(r, 30);
	if (one_in(r, 3))
		s->cut = 54 + below(r, 160);
}

static void enum_payload(struct rng *r, uint64_t i, struct spec *s)
{
	s->fill = (enum fill)digit(&i, FILLS);
	s->l4_sum = (enum sum)digit(&i, SUMS);
	s->ip = digit(&i, 2) ? 6 : 4;
	if (digit(&i, 2))
		s->proto = PROTO_UDP;
	else
		put_option(r, s, OPT_NOP, 4 * below(r, 11));
	s->payload = digit(&i, 260);
}

static void enum_udp_sum(struct rng *r, uint64_t i, struct spec *s)
{
	s->proto = PROTO_UDP;
	s->ip = digit(&i, 2) ? 6 : 4;
	s->l4_sum = (enum sum)digit(&i, SUMS);
	s->fill = (enum fill)digit(&i, FILLS);
	s->payload = digit(&i, 40);
	if (digit(&i, 2))
		s->udp_len = 8 + (int)below(r, s->payload + 1);
}

static void enum_padding(struct rng *r, uint64_t i, struct spec *s)
{
	s->ip = digit(&i, 2) ? 6 : 4;
	if (digit(&i, 2))
		s->proto = PROTO_UDP;
	s->pad = digit(&i, 150);
	s->payload = digit(&i, 8) + (one_in(r, 4) ? 60 : 0);
	if (s->proto == PROTO_TCP)
		put_right_options(r, s);
}

static void enum_size(struct rng *r, uint64_t i, struct spec *s)
{
	const unsigned int goal = 54 + (unsigned int)i;

	(void)r;
	s->payload = goal - 54;
}

static void enum_size_jumbo(struct rng *r, uint64_t i, struct spec *s)
{
	s->ip = one_in(r, 2) ? 6 : 4;
	s->payload = 1500 + (unsigned int)i * 83 + below(r, 83);
	put_right_options(r, s);
}

/* The largest frames, and IP lengths at their end. */
static void enum_size_largest(struct rng *r, uint64_t i, struct spec *s)
{
	s->ip = digit(&i, 2) ? 6 : 4;
	s->fill = (enum fill)digit(&i, FILLS);
	s->payload = 65535 - 74 - 20 * digit(&i, 2);
	if (one_in(r, 2))
		s->ip_len = 65535 - (int)below(r, 60);
}

static void enum_runt(struct rng *r, uint64_t i, struct spec *s)
{
	s->cut = 1 + digit(&i, 24);
	s->ip = one_in(r, 2) ? 6 : 4;
}

static const struct {
	enum gen_class class;
	uint32_t count;
	void (*fill)(struct rng *r, uint64_t index, struct spec *s);
	bool each_given; /* four times, once with each value of `given` */
} enums[] = {
	{GEN_OPTION_WALK, 44 * 220 * 6, enum_option_walk, false},
	{GEN_OPTION_KIND, 256 * 10, enum_option_kind, false},
	{GEN_SUBTYPE_LENGTH, 2 * 39 * 16 * 8 * 2, enum_nibble_length, true},
	{GEN_SUBTYPE_LENGTH, 16 * 39 * 8 * 2, enum_subtype_length, true},
	{GEN_TCP_FLAGS, 16 * 2 * 2 * 256, enum_tcp_flags, true},
	{GEN_DSS, 256 * 39, enum_dss, true},
	{GEN_CAPABLE, 256 * 4 * 7 * 4, enum_capable, false},
	{GEN_SEVERAL, 8 * 2 * 16 * 16, enum_pairs, true},
	{GEN_SEVERAL, 4 * 16 * 16 * 16, enum_triples, false},
	{GEN_SEVERAL, 16 * 16 * 16 * 16, enum_quads, false},
	{GEN_SEVERAL, 13 * 8 * 20, enum_many, false},
	{GEN_ETHERTYPE, 65536, enum_ethertype, false},
	{GEN_VLAN, 4 * 36 * 85, enum_vlan, false},
	{GEN_TRUNCATION, 255 * 2 * 3 * 4 * 3, enum_truncation, false},
	{GEN_IPV4, 16 * 16 * 140, enum_ipv4_lengths, false},
	{GEN_IPV4, 4 * 64 * 64, enum_ipv4_udp, false},
	{GEN_IPV4, 11 * 2 * 70 * SUMS, enum_ipv4_options, false},
	{GEN_IPV4, 2 * 256 * 2, enum_protocol, false},
	{GEN_IPV6, 4 * 16 * 128, enum_ipv6_lengths, false},
	{GEN_IPV6, 64 * 64, enum_ipv6_udp, false},
	{GEN_CHAIN, 3 * 2 * 18 * 4 * (EXTS_MAX + 1) * 6, enum_chain, false},
	{GEN_CHAIN, 4 * 256 * 8, enum_chain_mix, false},
	{GEN_FRAGMENT, 17 * 4 * 2 * 8, enum_fragment, false},
	{GEN_UDP, 2 * SUMS *FILLS * 40 * 2, enum_udp_sum, false},
	{GEN_PAYLOAD, FILLS *SUMS * 2 * 2 * 260, enum_payload, false},
	{GEN_PADDING, 2 * 2 * 150 * 8, enum_padding, false},
	{GEN_SIZE, 1600, enum_size, false},
	{GEN_SIZE, 97, enum_size_jumbo, false},
	{GEN_SIZE, 2 * FILLS * 2, enum_size_largest, false},
	{GEN_RUNT, 24 * 16, enum_runt, false},
};

static uint64_t enum_frames(size_t i)
{
	return (uint64_t)enums[i].count * (enums[i].each_given ? 4 : 1);
}

uint64_t gen_enum_count(void)
{
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(enums); i++)
		total += enum_frames(i);
	return total;
}

void gen_enum(uint64_t index, struct gen_packet *packet)
{
	struct rng r = {.state = index};
	struct spec s;
	size_t i = 0;

	while (i < ARRAY_SIZE(enums) - 1 && index >= enum_frames(i))
		index -= enum_frames(i++);
	plain(&s);
	s.cut = 0;
	enums[i].fill(&r, index % enums[i].count, &s);
	build(&r, &s, packet);
	packet->class = enums[i].class;
	if (enums[i].each_given)
		packet->user = (uint8_t)((packet->user & ~3u) | (index / enums[i].count & 3));
}

/* --- random frames -------------------------------------------------------------------------- */

static void lie_somewhere(struct rng *r, struct spec *s)
{
	switch (below(r, 6)) {
	case 0:
		s->version = (int)below(r, 16);
		break;
	case 1:
		s->ihl = (int)below(r, 16);
		break;
	case 2:
		s->ip_len = (int)(one_in(r, 2) ? below(r, 200) : rnd(r) & 0xffff);
		break;
	case 3:
		s->frag = (int)(rnd(r) & 0xffff);
		break;
	case 4:
		s->doff = (int)below(r, 16);
		break;
	default:
		s->udp_len = (int)(one_in(r, 2) ? below(r, 100) : rnd(r) & 0xffff);
	}
}

static void random_options(struct rng *r, struct spec *s)
{
	random_vlans(r, s);
	s->ip = one_in(r, 2) ? 6 : 4;
	if (s->ip == 6 && one_in(r, 6))
		random_chain(r, s, 1 + below(r, 3));
	s->tcp_flags = one_in(r, 4) ? (uint8_t)rnd(r) : seg_flags(r, (enum seg)below(r, 4));
	s->payload = random_payload(r);
	s->l4_sum = random_sum(r);
	if (one_in(r, 8)) {
		s->opt_len = 4 * below(r, 11);
		noise(r, s->opts, s->opt_len);
	} else {
		put_hostile_options(r, s);
	}
}

static void flip_bits(struct rng *r, struct gen_packet *packet)
{
	const unsigned int span = packet->len < 160 ? packet->len : 160;
	unsigned int count = 1 + below(r, 8);

	while (count--)
		packet->frame[below(r, span)] ^= (uint8_t)(1u << below(r, 8));
}

static void make_noise(struct rng *r, struct gen_packet *packet)
{
	static const uint16_t types[] = {0x0800, 0x86dd, 0x8100, 0x88a8};
	static const uint8_t nexts[] = {PROTO_TCP,  PROTO_UDP, V6_HOP,
					V6_ROUTING, V6_DEST,   V6_FRAGMENT};
	uint8_t *p = packet->frame;
	unsigned int at = 12, type = below(r, 4);

	packet->len = 1 + below(r, one_in(r, 16) ? 2000 : 260);
	packet->user = (uint8_t)rnd(r);
	noise(r, p, packet->len < 256 ? 256 : packet->len);
	for (; type >= 2 && at < 24; at += 4, type = below(r, 4))
		put16(p + at, types[type]);
	put16(p + at, types[type]);
	at += 2;
	p[at] = type == 0 ? (uint8_t)(0x45 + below(r, 11)) : 0x60;
	put16(p + at + (type ? 4 : 2), below(r, 300));
	p[at + (type ? 6 : 9)] = nexts[below(r, 6)];
	if (!type)
		put16(p + at + 6, 0);
}

static void random_spec(struct rng *r, enum gen_class class, struct spec *s)
{
	plain(s);
	switch (class) {
	case GEN_OPTIONS:
		random_options(r, s);
		break;
	case GEN_CHAIN:
		random_plain(r, s);
		s->ip_opt = 0;
		random_chain(r, s, below(r, EXTS_MAX + 1));
		if (one_in(r, 4))
			s->cut = 54 + below(r, 200);
		break;
	case GEN_TRUNCATION:
		random_plain(r, s);
		s->cut = 1 + below(r, one_in(r, 4) ? 1600 : 220);
		break;
	case GEN_IPV4:
	case GEN_IPV6:
		random_plain(r, s);
		lie_somewhere(r, s);
		if (one_in(r, 2))
			lie_somewhere(r, s);
		break;
	case GEN_PADDING:
		random_plain(r, s);
		s->pad = below(r, one_in(r, 8) ? 1500 : 64);
		if (one_in(r, 2))
			s->ip_len = (int)below(r, 120);
		break;
	default:
		random_plain(r, s);
	}
}

void gen_random(uint64_t seed, struct gen_packet *packet)
{
	static const enum gen_class classes[] = {
		GEN_OPTIONS, GEN_OPTIONS,    GEN_OPTIONS, GEN_OPTIONS, GEN_OPTIONS, GEN_OPTIONS,
		GEN_CHAIN,   GEN_TRUNCATION, GEN_IPV4,	  GEN_IPV6,    GEN_PADDING, GEN_FLIPS,
		GEN_FLIPS,   GEN_NOISE,	     GEN_PLAIN,	  GEN_PLAIN,
	};
	struct rng r = {.state = seed};
	struct spec s;

	packet->class = classes[below(&r, ARRAY_SIZE(classes))];
	if (packet->class == GEN_NOISE) {
		make_noise(&r, packet);
		return;
	}
	random_spec(&r, packet->class, &s);
	build(&r, &s, packet);
	if (packet->class == GEN_FLIPS)
		flip_bits(&r, packet);
}

const char *gen_class_name(enum gen_class class)
{
	static const char *const names[GEN_CLASSES] = {
		[GEN_OPTION_WALK] = "option_walk",
		[GEN_OPTION_KIND] = "option_kind",
		[GEN_SUBTYPE_LENGTH] = "subtype_length",
		[GEN_TCP_FLAGS] = "tcp_flags",
		[GEN_DSS] = "dss",
		[GEN_CAPABLE] = "capable",
		[GEN_SEVERAL] = "several",
		[GEN_OPTIONS] = "options",
		[GEN_ETHERTYPE] = "ethertype",
		[GEN_VLAN] = "vlan",
		[GEN_TRUNCATION] = "truncation",
		[GEN_IPV4] = "ipv4",
		[GEN_IPV6] = "ipv6",
		[GEN_CHAIN] = "chain",
		[GEN_FRAGMENT] = "fragment",
		[GEN_UDP] = "udp",
		[GEN_PAYLOAD] = "payload",
		[GEN_PADDING] = "padding",
		[GEN_SIZE] = "size",
		[GEN_RUNT] = "runt",
		[GEN_PLAIN] = "plain",
		[GEN_FLIPS] = "flips",
		[GEN_NOISE] = "noise",
	};

	return class < GEN_CLASSES ? names[class] : "?";
}
