/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage parse: Ethernet, VLAN tags, IP, TCP and UDP headers. Rules: docs/pipeline.md, "parse". */
#include "internal.h"

enum {
	ETH_VLAN = 0x8100,
	ETH_SVLAN = 0x88a8,
	ETH_IPV4 = 0x0800,
	ETH_IPV6 = 0x86dd,
	VLAN_TAGS_MAX = 2,
	IPV4_HDR_MIN = 20,
	IPV4_FRAG_MASK = 0x3fff, /* more fragments, and the offset */
	IPV6_HDR_LEN = 40,
	IPV6_HOPOPTS = 0,
	IPV6_ROUTING = 43,
	IPV6_FRAGMENT = 44,
	IPV6_DSTOPTS = 60,
};

static uint8_t verdict_short(const struct window *w)
{
	return w->more ? MPNIC_PARSE_TOO_DEEP : MPNIC_PARSE_TRUNCATED;
}

static bool is_vlan(uint16_t ethertype)
{
	return ethertype == ETH_VLAN || ethertype == ETH_SVLAN;
}

/* What the IP headers say of the packet behind them. */
struct l4 {
	unsigned int off, len;
	uint8_t proto;
};

/*
 * The options that are there, zero behind them. Each word is loaded from where its bytes end with
 * the options at the latest, and shifted into place: no loop over bytes, no branch, and nothing is
 * read behind the options. Before them stands more than a word, the TCP header.
 */
static void copy_options(const uint8_t *opts, unsigned int len, struct mpnic_hdr *hdr)
{
	unsigned int i;

	hdr->opt_len = (uint8_t)len;
	for (i = 0; i < MPNIC_TCP_OPT_MAX; i += 8) {
		const int over = (int)(i + 8) - (int)len;
		const unsigned int shift = over > 0 ? (unsigned int)over : 0;
		uint64_t word;

		memcpy(&word, opts + i - shift, sizeof(word));
		word = shift < 8 ? word >> 8 * shift : 0;
		memcpy(hdr->opts + i, &word, sizeof(word));
	}
}

static uint8_t parse_tcp(const struct window *w, struct l4 l4, struct mpnic_hdr *hdr)
{
	const uint8_t *tcp = window_at(w, l4.off, TCP_HDR_MIN);
	unsigned int hdr_len, opt_len, opt_avail;

	if (l4.len < TCP_HDR_MIN)
		return MPNIC_PARSE_L4_LEN;
	if (!tcp)
		return verdict_short(w);
	hdr->flags |= MPNIC_HDR_L4 | MPNIC_HDR_TCP;
	hdr->sport = get_be16(tcp);
	hdr->dport = get_be16(tcp + 2);
	hdr->seq = get_be32(tcp + 4);
	hdr->ack = get_be32(tcp + 8);
	hdr->doff = tcp[12] >> 4;
	hdr->tcp_flags = tcp[13];
	hdr->window = get_be16(tcp + 14);

	hdr_len = 4u * (tcp[12] >> 4);
	if (hdr_len < TCP_HDR_MIN || hdr_len > l4.len)
		return MPNIC_PARSE_TCP_DOFF;
	hdr->payload_off = (uint8_t)(l4.off + hdr_len);
	hdr->payload_len = (uint16_t)(l4.len - hdr_len);

	opt_len = hdr_len - TCP_HDR_MIN;
	opt_avail = w->avail - l4.off - TCP_HDR_MIN;
	copy_options(tcp + TCP_HDR_MIN, opt_len < opt_avail ? opt_len : opt_avail, hdr);
	return opt_len > opt_avail ? verdict_short(w) : MPNIC_PARSE_TCP;
}

static uint8_t parse_udp(const struct window *w, struct l4 l4, struct mpnic_hdr *hdr)
{
	const uint8_t *udp = window_at(w, l4.off, UDP_HDR_LEN);
	unsigned int udp_len;

	if (l4.len < UDP_HDR_LEN)
		return MPNIC_PARSE_L4_LEN;
	if (!udp)
		return verdict_short(w);
	hdr->flags |= MPNIC_HDR_L4;
	hdr->sport = get_be16(udp);
	hdr->dport = get_be16(udp + 2);

	udp_len = get_be16(udp + 4);
	if (udp_len < UDP_HDR_LEN || udp_len > l4.len)
		return MPNIC_PARSE_UDP_LEN;
	hdr->payload_off = (uint8_t)(l4.off + UDP_HDR_LEN);
	hdr->payload_len = (uint16_t)(udp_len - UDP_HDR_LEN);
	return MPNIC_PARSE_UDP;
}

static uint8_t parse_l4(const struct window *w, struct l4 l4, struct mpnic_hdr *hdr)
{
	if (l4.proto == PROTO_TCP)
		return parse_tcp(w, l4, hdr);
	if (l4.proto == PROTO_UDP)
		return parse_udp(w, l4, hdr);
	return MPNIC_PARSE_OTHER_L4;
}

static void set_l4(struct l4 l4, struct mpnic_hdr *hdr)
{
	hdr->ip_proto = l4.proto;
	hdr->l4_off = (uint8_t)l4.off;
	hdr->l4_len = (uint16_t)l4.len;
}

static uint8_t parse_ipv4(const struct window *w, unsigned int off, struct mpnic_hdr *hdr)
{
	const uint8_t *ip = window_at(w, off, IPV4_HDR_MIN);
	unsigned int hdr_len, total_len;
	struct l4 l4;

	if (!ip)
		return MPNIC_PARSE_TRUNCATED;
	if (ip[0] >> 4 != 4)
		return MPNIC_PARSE_IP_VERSION;
	hdr_len = 4u * (ip[0] & 0xf);
	if (hdr_len < IPV4_HDR_MIN)
		return MPNIC_PARSE_IP_HDR_LEN;
	total_len = get_be16(ip + 2);
	if (total_len < hdr_len)
		return MPNIC_PARSE_IP_LEN;

	hdr->flags = MPNIC_HDR_L3 | (hdr_len > IPV4_HDR_MIN ? MPNIC_HDR_V4_OPTIONS : 0);
	hdr->ip_version = 4;
	memcpy(hdr->src, ip + 12, 4);
	memcpy(hdr->dst, ip + 16, 4);
	l4 = (struct l4){.off = off + hdr_len, .len = total_len - hdr_len, .proto = ip[9]};
	set_l4(l4, hdr);
	if (l4.off > w->avail)
		return MPNIC_PARSE_TRUNCATED;
	if (get_be16(ip + 6) & IPV4_FRAG_MASK) {
		hdr->flags |= MPNIC_HDR_FRAG;
		return MPNIC_PARSE_FRAGMENT;
	}
	return parse_l4(w, l4, hdr);
}

static bool is_v6_ext(uint8_t next)
{
	return next == IPV6_HOPOPTS || next == IPV6_ROUTING || next == IPV6_DSTOPTS;
}

/* Where the walk over the extension headers stands. */
struct v6_walk {
	unsigned int len; /* bytes walked */
	uint8_t next;
	bool routing; /* a routing header with segments left */
};

/* Takes extension headers while there are any; false if one is not wholly there. */
static bool walk_v6_ext(const struct window *w, unsigned int start, struct v6_walk *walk)
{
	unsigned int walked;

	for (walked = 0; is_v6_ext(walk->next); walked++) {
		const uint8_t *ext;

		if (walked == MPNIC_V6_EXT_MAX || walk->len >= 8 * MPNIC_V6_EXT_SLOTS)
			return true;
		ext = window_at(w, start + walk->len, 8);
		if (!ext)
			return false;
		if (walk->next == IPV6_ROUTING && ext[3])
			walk->routing = true;
		walk->next = ext[0];
		walk->len += 8 * (ext[1] + 1u);
		if (start + walk->len > w->avail)
			return false;
	}
	return true;
}

static uint8_t parse_ipv6(const struct window *w, unsigned int off, struct mpnic_hdr *hdr)
{
	const uint8_t *ip = window_at(w, off, IPV6_HDR_LEN);
	unsigned int payload_len;
	struct v6_walk walk = {0};
	struct l4 l4;

	if (!ip)
		return MPNIC_PARSE_TRUNCATED;
	if (ip[0] >> 4 != 6)
		return MPNIC_PARSE_IP_VERSION;
	walk.next = ip[6];
	hdr->flags = MPNIC_HDR_L3 | (is_v6_ext(walk.next) ? MPNIC_HDR_V6_EXT : 0);
	hdr->ip_version = 6;
	memcpy(hdr->src, ip + 8, 16);
	memcpy(hdr->dst, ip + 24, 16);

	off += IPV6_HDR_LEN;
	if (!walk_v6_ext(w, off, &walk))
		return verdict_short(w);
	if (is_v6_ext(walk.next))
		return MPNIC_PARSE_TOO_DEEP;
	payload_len = get_be16(ip + 4);
	if (walk.len > payload_len)
		return MPNIC_PARSE_IP_LEN;

	if (walk.routing)
		hdr->flags |= MPNIC_HDR_ROUTING;
	l4 = (struct l4){off + walk.len, payload_len - walk.len, walk.next};
	set_l4(l4, hdr);
	if (l4.proto == IPV6_FRAGMENT) {
		hdr->flags |= MPNIC_HDR_FRAG;
		return MPNIC_PARSE_FRAGMENT;
	}
	return parse_l4(w, l4, hdr);
}

/* Takes the tags; @ethertype becomes the one behind them. Anything but NOT_IP ends the parse. */
static uint8_t parse_vlan(const struct window *w, uint16_t *ethertype, struct mpnic_hdr *hdr)
{
	unsigned int tags;

	for (tags = 0; is_vlan(*ethertype); tags++) {
		const uint8_t *tag = window_at(w, MPNIC_FRAME_MIN + 4 * tags, 4);

		if (tags == VLAN_TAGS_MAX)
			return MPNIC_PARSE_VLAN_DEPTH;
		if (!tag) {
			*ethertype = 0;
			return MPNIC_PARSE_TRUNCATED;
		}
		if (tags == 0)
			hdr->vlan_outer = get_be16(tag);
		else
			hdr->vlan_inner = get_be16(tag);
		*ethertype = get_be16(tag + 2);
		hdr->vlan_count = (uint8_t)(tags + 1);
	}
	return MPNIC_PARSE_NOT_IP;
}

static uint8_t parse_frame(const struct window *w, struct mpnic_hdr *hdr)
{
	const uint8_t *eth = window_at(w, 0, MPNIC_FRAME_MIN);
	unsigned int off = MPNIC_FRAME_MIN;
	uint16_t ethertype;

	if (!eth)
		return MPNIC_PARSE_RUNT;
	ethertype = get_be16(eth + 12);
	if (is_vlan(ethertype)) {
		const uint8_t verdict = parse_vlan(w, &ethertype, hdr);

		hdr->ethertype = ethertype;
		if (verdict != MPNIC_PARSE_NOT_IP)
			return verdict;
		off += 4u * hdr->vlan_count;
	}
	hdr->ethertype = ethertype;
	if (ethertype != ETH_IPV4 && ethertype != ETH_IPV6)
		return MPNIC_PARSE_NOT_IP;
	hdr->l3_off = (uint8_t)off;
	return ethertype == ETH_IPV4 ? parse_ipv4(w, off, hdr) : parse_ipv6(w, off, hdr);
}

void mpnic_parse(const uint8_t *frame, size_t len, uint8_t user, struct mpnic_hdr *hdr)
{
	const struct window w = {
		.data = frame,
		.avail = len < MPNIC_PARSE_WINDOW ? (unsigned int)len : MPNIC_PARSE_WINDOW,
		.more = len > MPNIC_PARSE_WINDOW,
	};

	clear(hdr, sizeof(*hdr));
	hdr->source = user >> 2;
	hdr->parse = parse_frame(&w, hdr);
}
