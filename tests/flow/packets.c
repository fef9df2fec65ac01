/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets for stage flow: of few hosts, ports and tokens, so that they find what is there; in
 * bursts of one flow, one token, one peer; and what the generator makes of frames. Of a header
 * record is kept what parse promises: MPTCP options are counted to 4, and a TCP header has L3 and
 * L4.
 */
#include "drive.h"
#include "gen.h"

uint64_t rnd(struct drive *d)
{
	uint64_t z = d->rng += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint32_t below(struct drive *d, uint32_t limit)
{
	return (uint32_t)((rnd(d) >> 32) * limit >> 32);
}

bool one_in(struct drive *d, uint32_t n)
{
	return !below(d, n);
}

void fill(struct drive *d, void *p, size_t len)
{
	uint8_t *bytes = p;

	for (; len >= 8; len -= 8, bytes += 8) {
		const uint64_t v = rnd(d);

		memcpy(bytes, &v, 8);
	}
	while (len--)
		*bytes++ = (uint8_t)rnd(d);
}

uint32_t some_token(struct drive *d)
{
	return 0x01010101u * (1 + below(d, TOKEN_POOL)) ^ 0x80;
}

/* Of the low hosts two differ in the last byte alone, of all others in the first. */
static void some_address(struct drive *d, bool v6, uint8_t *addr)
{
	const uint32_t host = below(d, HOSTS);

	memset(addr, 0, 16);
	addr[0] = host < 4 ? 10 : (uint8_t)(host << 5);
	addr[v6 ? 15 : 3] = host < 4 ? (uint8_t)(host << 6) : 0;
	if (v6)
		addr[7] = (uint8_t)(host & 1);
}

void some_header(struct drive *d, struct mpnic_hdr *hdr)
{
	const bool v6 = one_in(d, 3);

	hdr->parse = one_in(d, 8) ? MPNIC_PARSE_UDP : MPNIC_PARSE_TCP;
	hdr->flags |= MPNIC_HDR_L3 | MPNIC_HDR_L4;
	hdr->ip_version = v6 ? 6 : 4;
	hdr->ip_proto = hdr->parse == MPNIC_PARSE_TCP ? PROTO_TCP : PROTO_UDP;
	some_address(d, v6, hdr->src);
	some_address(d, v6, hdr->dst);
	hdr->sport = (uint16_t)(80 + (below(d, PORTS) << 7));
	hdr->dport = (uint16_t)(80 + (below(d, PORTS) << 7));
	hdr->vlan_count = (uint8_t)one_in(d, 4);
	hdr->vlan_outer = one_in(d, 4) ? 0xffff : (uint16_t)below(d, 2);
}

static void some_options(struct drive *d, struct mpnic_hdr *hdr)
{
	static const uint8_t often[] = {MPNIC_SUBTYPE_MP_JOIN, MPNIC_SUBTYPE_MP_CAPABLE};
	unsigned int i;

	hdr->mptcp_count = (uint8_t)(one_in(d, 3) ? below(d, 5) : 1);
	for (i = 0; i < MPNIC_MPTCP_OPTS; i++) {
		struct mpnic_opt *opt = &hdr->opt[i];

		if (!one_in(d, 8))
			opt->subtype = one_in(d, 4) ? (uint8_t)below(d, 18) : often[below(d, 2)];
		if (!one_in(d, 8))
			opt->error = 0;
		opt->join_syn.token = some_token(d);
	}
}

static void sound(struct mpnic_hdr *hdr, struct mpnic_csum *csum)
{
	hdr->tcp_flags = (uint8_t)((hdr->tcp_flags & ~(TCP_FIN | TCP_RST | TCP_ACK)) | TCP_SYN);
	hdr->parse = MPNIC_PARSE_TCP;
	csum->ip = MPNIC_CSUM_GOOD;
	csum->l4 = MPNIC_CSUM_GOOD;
}

static void generated(struct drive *d, struct mpnic_hdr *hdr, struct mpnic_csum *csum)
{
	static struct gen_packet packet;

	gen_random(d->seed++, &packet);
	mpnic_packet(packet.frame, packet.len, packet.user, hdr, csum);
}

enum mood {
	MIXED,
	HOSTILE,
	ONE_FLOW,	/* with its answers */
	JOINS,		/* of one token, of many flows */
	JOINS_ONE_FLOW, /* again and again, of a few tokens */
	JOINS_SEVERAL,	/* of few tokens, of few flows */
	FIRST_SYNS,	/* to few peers */
	GENERATED,
	MOODS,
	PLAIN, /* that learn nothing */
};

static void turn(struct mpnic_hdr *hdr)
{
	uint8_t addr[sizeof(hdr->src)];
	const uint16_t port = hdr->sport;

	memcpy(addr, hdr->src, sizeof(addr));
	memcpy(hdr->src, hdr->dst, sizeof(addr));
	memcpy(hdr->dst, addr, sizeof(addr));
	hdr->sport = hdr->dport;
	hdr->dport = port;
}

static void in_mood(struct drive *d, struct mpnic_hdr *hdr, struct mpnic_csum *csum)
{
	const uint32_t token = d->pattern.opt[0].join_syn.token;

	*hdr = d->pattern;
	if (d->mood == ONE_FLOW) {
		if (one_in(d, 3))
			turn(hdr);
		hdr->tcp_flags = (uint8_t)rnd(d);
		return;
	}
	if (!one_in(d, 16))
		sound(hdr, csum);
	hdr->mptcp_count = 1;
	hdr->opt[0].error = 0;
	hdr->opt[0].subtype = MPNIC_SUBTYPE_MP_JOIN;
	if (d->mood == FIRST_SYNS) {
		hdr->opt[0].subtype = MPNIC_SUBTYPE_MP_CAPABLE;
		if (one_in(d, 4))
			hdr->dport = (uint16_t)(80 + (below(d, PORTS) << 7));
		hdr->source = (uint8_t)(one_in(d, 4) ? rnd(d) : hdr->source);
		return;
	}
	if (d->mood != JOINS_ONE_FLOW) {
		some_header(d, hdr);
		hdr->parse = MPNIC_PARSE_TCP;
		hdr->ip_proto = PROTO_TCP;
		if (d->mood == JOINS && !one_in(d, 3))
			hdr->sport = (uint16_t)rnd(d);
	}
	if (d->mood == JOINS_SEVERAL || one_in(d, 6))
		hdr->opt[0].join_syn.token = one_in(d, 3) ? token : some_token(d);
}

void aim_packets(struct drive *d, const struct mpnic_key *key)
{
	struct mpnic_hdr *hdr = &d->pattern;

	fill(d, hdr, sizeof(*hdr));
	some_options(d, hdr);
	hdr->flags |= MPNIC_HDR_L3 | MPNIC_HDR_L4;
	hdr->parse = key->proto == PROTO_UDP ? MPNIC_PARSE_UDP : MPNIC_PARSE_TCP;
	hdr->ip_version = key->kind;
	hdr->ip_proto = key->proto;
	memcpy(hdr->src, key->lo_addr, sizeof(hdr->src));
	memcpy(hdr->dst, key->hi_addr, sizeof(hdr->dst));
	hdr->sport = key->lo_port;
	hdr->dport = key->hi_port;
	hdr->vlan_count = key->vlan != 0;
	hdr->vlan_outer = (uint16_t)(key->vlan - 1);
	d->mood = ONE_FLOW;
	d->left = 40 + below(d, 100);
	d->gap = one_in(d, 3);
}

void aim_joins(struct drive *d, uint32_t token, unsigned int later)
{
	d->mood = PLAIN;
	d->left = later;
	d->gap = 2;
	d->joins_next = true;
	d->token_next = token;
}

void next_packet(struct drive *d, struct mpnic_hdr *hdr, struct mpnic_csum *csum)
{
	if (!d->left--) {
		d->mood = below(d, MOODS);
		d->left = 1 + below(d, one_in(d, 4) ? 300 : 40);
		d->gap = one_in(d, 3) ? 1 + below(d, 4) : 0;
		fill(d, &d->pattern, sizeof(d->pattern));
		some_header(d, &d->pattern);
		some_options(d, &d->pattern);
		if (d->joins_next) {
			d->mood = one_in(d, 3) ? JOINS_SEVERAL : JOINS;
			d->pattern.opt[0].join_syn.token = d->token_next;
			d->joins_next = false;
		}
	}
	/* Generating takes long. */
	if (d->mood == GENERATED && one_in(d, 3)) {
		generated(d, hdr, csum);
		return;
	}
	fill(d, csum, sizeof(*csum));
	csum->ip = one_in(d, 8) ? (uint8_t)below(d, 7) : MPNIC_CSUM_GOOD;
	csum->l4 = one_in(d, 8) ? (uint8_t)below(d, 7) : MPNIC_CSUM_GOOD;
	if (d->mood >= ONE_FLOW && d->mood < GENERATED) {
		in_mood(d, hdr, csum);
	} else {
		fill(d, hdr, sizeof(*hdr));
		hdr->parse = (uint8_t)(one_in(d, 3) ? rnd(d) : below(d, 16));
		if (d->mood != HOSTILE || one_in(d, 3))
			some_header(d, hdr);
		else if (one_in(d, 2))
			hdr->ip_version = (uint8_t)(one_in(d, 2) ? 4 : 6);
		some_options(d, hdr);
		if (d->mood != PLAIN && one_in(d, 2))
			sound(hdr, csum);
		if (d->mood == PLAIN)
			hdr->tcp_flags |= TCP_ACK;
	}
	if (one_in(d, 2))
		hdr->source = (uint8_t)below(d, 4);
	if (hdr->parse == MPNIC_PARSE_TCP)
		hdr->flags |= MPNIC_HDR_L3 | MPNIC_HDR_L4 | MPNIC_HDR_TCP;
	if (hdr->mptcp_count > MPNIC_MPTCP_OPTS)
		hdr->mptcp_count &= 3;
}
