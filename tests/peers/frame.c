/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define ETH_LEN	   14
#define TYPE_IPV4  0x0800
#define TYPE_IPV6  0x86dd
#define PROTO_TCP  6
#define IPV4_LEN   20
#define IPV6_LEN   40
#define TCP_LEN	   20
#define EXT_HOP	   0
#define EXT_DEST   60
#define HOP_LIMIT  64
#define DONT_FRAG  0x4000
#define FRAG_BITS  0x3fff /* offset, and that more come */
#define VERSION_4  0x40
#define VERSION_6  0x60
#define TCP_SUM_AT 16

bool ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b)
{
	return a->len == b->len && !memcmp(a->b, b->b, a->len);
}

bool ipaddr_parse(const char *text, struct ipaddr *a)
{
	a->len = strchr(text, ':') ? 16 : 4;
	return inet_pton(a->len == 4 ? AF_INET : AF_INET6, text, a->b) == 1;
}

const char *ipaddr_text(const struct ipaddr *a, char *text, size_t size)
{
	if (!a->len || !inet_ntop(a->len == 4 ? AF_INET : AF_INET6, a->b, text, (socklen_t)size))
		return "none";
	return text;
}

uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

uint64_t get64(const uint8_t *p)
{
	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

void put64(uint8_t *p, uint64_t v)
{
	put32(p, (uint32_t)(v >> 32));
	put32(p + 4, (uint32_t)v);
}

void sum_add(struct sum *s, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++, s->odd = !s->odd)
		s->total += s->odd ? p[i] : (uint64_t)p[i] << 8;
}

void sum_add16(struct sum *s, uint16_t value)
{
	s->total += value;
}

void sum_add32(struct sum *s, uint32_t value)
{
	s->total += (value >> 16) + (value & 0xffff);
}

void sum_add64(struct sum *s, uint64_t value)
{
	sum_add32(s, (uint32_t)(value >> 32));
	sum_add32(s, (uint32_t)value);
}

uint16_t sum_end(const struct sum *s)
{
	uint64_t t = s->total;

	while (t >> 16)
		t = (t & 0xffff) + (t >> 16);
	return (uint16_t)~t;
}

uint16_t ip_payload_sum(const struct ip_packet *ip, const uint8_t *data, size_t len)
{
	struct sum s = {0};

	sum_add(&s, ip->src.b, ip->src.len);
	sum_add(&s, ip->dst.b, ip->dst.len);
	sum_add32(&s, (uint32_t)len);
	sum_add16(&s, ip->proto);
	sum_add(&s, data, len);
	return sum_end(&s);
}

static int ipv4_parse(const uint8_t *p, size_t size, struct ip_packet *ip)
{
	struct sum s = {0};
	size_t head, total;

	if (size < IPV4_LEN || (p[0] & 0xf0) != VERSION_4)
		return -EBADMSG;
	head = (size_t)(p[0] & 15) * 4;
	total = get16(p + 2);
	if (head < IPV4_LEN || total < head || total > size)
		return -EBADMSG;
	sum_add(&s, p, head);
	if (sum_end(&s))
		return -EBADMSG;
	if (get16(p + 6) & FRAG_BITS)
		return -ENOTSUP;
	ip->src.len = ip->dst.len = 4;
	memcpy(ip->src.b, p + 12, 4);
	memcpy(ip->dst.b, p + 16, 4);
	ip->proto = p[9];
	ip->data = p + head;
	ip->len = total - head;
	return 0;
}

static int ipv6_parse(const uint8_t *p, size_t size, struct ip_packet *ip)
{
	size_t at = IPV6_LEN, end;

	if (size < IPV6_LEN || (p[0] & 0xf0) != VERSION_6)
		return -EBADMSG;
	end = IPV6_LEN + get16(p + 4);
	if (end > size)
		return -EBADMSG;
	ip->src.len = ip->dst.len = 16;
	memcpy(ip->src.b, p + 8, 16);
	memcpy(ip->dst.b, p + 24, 16);
	ip->proto = p[6];
	while (ip->proto == EXT_HOP || ip->proto == EXT_DEST) {
		if (at + 8 > end)
			return -EBADMSG;
		ip->proto = p[at];
		at += 8 + (size_t)p[at + 1] * 8;
	}
	if (at > end)
		return -EBADMSG;
	ip->data = p + at;
	ip->len = end - at;
	return 0;
}

int ip_parse(const uint8_t *frame, size_t size, struct ip_packet *ip)
{
	memset(ip, 0, sizeof(*ip));
	if (size < ETH_LEN)
		return -EBADMSG;
	ip->dst_mac = frame;
	ip->src_mac = frame + MAC_LEN;
	switch (get16(frame + 12)) {
	case TYPE_IPV4:
		return ipv4_parse(frame + ETH_LEN, size - ETH_LEN, ip);
	case TYPE_IPV6:
		return ipv6_parse(frame + ETH_LEN, size - ETH_LEN, ip);
	default:
		return -ENOTSUP;
	}
}

int segment_parse(const uint8_t *frame, size_t size, struct segment *s)
{
	const int err = ip_parse(frame, size, &s->ip);
	const uint8_t *p = s->ip.data;
	size_t head;

	if (err)
		return err;
	if (s->ip.proto != PROTO_TCP)
		return -ENOTSUP;
	if (s->ip.len < TCP_LEN)
		return -EBADMSG;
	head = (size_t)(p[12] >> 4) * 4;
	if (head < TCP_LEN || head > s->ip.len || ip_payload_sum(&s->ip, p, s->ip.len))
		return -EBADMSG;
	s->sport = get16(p);
	s->dport = get16(p + 2);
	s->seq = get32(p + 4);
	s->ack = get32(p + 8);
	s->flags = p[13];
	s->window = get16(p + 14);
	s->options = p + TCP_LEN;
	s->options_len = head - TCP_LEN;
	s->data = p + head;
	s->len = s->ip.len - head;
	return 0;
}

static void ipv4_build(uint8_t *p, const struct ip_packet *ip, size_t len)
{
	struct sum s = {0};

	memset(p, 0, IPV4_LEN);
	p[0] = VERSION_4 | IPV4_LEN / 4;
	put16(p + 2, (uint16_t)(IPV4_LEN + len));
	put16(p + 6, DONT_FRAG);
	p[8] = HOP_LIMIT;
	p[9] = ip->proto;
	memcpy(p + 12, ip->src.b, 4);
	memcpy(p + 16, ip->dst.b, 4);
	sum_add(&s, p, IPV4_LEN);
	put16(p + 10, sum_end(&s));
}

static void ipv6_build(uint8_t *p, const struct ip_packet *ip, size_t len)
{
	memset(p, 0, 8);
	p[0] = VERSION_6;
	put16(p + 4, (uint16_t)len);
	p[6] = ip->proto;
	p[7] = ip->proto == 58 ? 255 : HOP_LIMIT; /* RFC 4861 7.1: neighbour discovery has 255 */
	memcpy(p + 8, ip->src.b, 16);
	memcpy(p + 24, ip->dst.b, 16);
}

size_t ip_build(uint8_t *frame, const struct ip_packet *ip, size_t len)
{
	const bool v4 = ip->src.len == 4;

	memmove(frame, ip->dst_mac, MAC_LEN);
	memmove(frame + MAC_LEN, ip->src_mac, MAC_LEN);
	put16(frame + 12, v4 ? TYPE_IPV4 : TYPE_IPV6);
	if (v4)
		ipv4_build(frame + ETH_LEN, ip, len);
	else
		ipv6_build(frame + ETH_LEN, ip, len);
	return ETH_LEN + (v4 ? IPV4_LEN : IPV6_LEN);
}

size_t segment_build(uint8_t *frame, const struct segment *s)
{
	const size_t len = TCP_LEN + s->options_len + s->len;
	const size_t at = ip_build(frame, &s->ip, len);
	uint8_t *p = frame + at;

	put16(p, s->sport);
	put16(p + 2, s->dport);
	put32(p + 4, s->seq);
	put32(p + 8, s->ack);
	p[12] = (uint8_t)((TCP_LEN + s->options_len) / 4 << 4);
	p[13] = s->flags;
	put16(p + 14, s->window);
	put32(p + TCP_SUM_AT, 0);
	if (s->options_len)
		memcpy(p + TCP_LEN, s->options, s->options_len);
	if (s->len)
		memcpy(p + TCP_LEN + s->options_len, s->data, s->len);
	put16(p + TCP_SUM_AT, ip_payload_sum(&s->ip, p, len));
	return at + len;
}
