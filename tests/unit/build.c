/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "build.h"
#include "naive.h"

void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint64_t rnd(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717ull;
}

static int is_v4(const struct frame *frame)
{
	return frame->bytes[frame->l3] >> 4 == 4;
}

static size_t csum_field(const struct frame *frame, uint8_t proto)
{
	return frame->l4 + (proto == 17 ? 6 : 16);
}

uint16_t pseudo(const struct frame *frame, uint8_t proto)
{
	const uint8_t *ip = frame->bytes + frame->l3;
	uint8_t bytes[40] = {0};

	if (is_v4(frame))
		memcpy(bytes, ip + 12, 8);
	else
		memcpy(bytes, ip + 8, 32);
	bytes[33] = proto;
	put16(bytes + 34, proto == 17 ? get16(frame->bytes + frame->l4 + 4) : frame->l4_len);
	return naive_sum(bytes, sizeof(bytes));
}

void fix_ip_csum(struct frame *frame)
{
	uint8_t *ip = frame->bytes + frame->l3;

	put16(ip + 10, 0);
	put16(ip + 10, 0xffffu - naive_sum(ip, 4u * (ip[0] & 15)));
}

void fix_l4_csum(struct frame *frame, uint8_t proto)
{
	uint8_t *field = frame->bytes + csum_field(frame, proto);
	uint32_t sum;

	put16(field, 0);
	sum = pseudo(frame, proto);
	sum += naive_sum(frame->bytes + frame->l4, frame->l4_len);
	sum = sum > 0xffff ? sum - 0xffff : sum;
	put16(field, sum == 0xffff && proto == 17 ? 0xffff : 0xffff - sum);
}

static void put_ipv4(const struct spec *spec, struct frame *frame)
{
	uint8_t *ip = frame->bytes + frame->l3;
	const size_t hdr_len = 20 + spec->ip_opt_len;

	ip[0] = (uint8_t)(0x40 | hdr_len / 4);
	put16(ip + 4, 0x1234);
	ip[8] = 64;
	ip[9] = spec->proto;
	memcpy(ip + 12, "\x0a\x01\x02\x03\x0a\x04\x05\x06", 8);
	memset(ip + 20, 1, spec->ip_opt_len);
	frame->l4 = frame->l3 + hdr_len;
}

static void put_ipv6(const struct spec *spec, struct frame *frame)
{
	uint8_t *ip = frame->bytes + frame->l3;
	unsigned int i;

	ip[0] = 0x60;
	ip[6] = spec->ext_len ? spec->first : spec->proto;
	ip[7] = 64;
	for (i = 0; i < 32; i++)
		ip[8 + i] = (uint8_t)(0x20 + i);
	if (spec->ext_len) {
		memcpy(ip + 40, spec->ext, spec->ext_len);
		ip[40 + spec->ext_last] = spec->proto;
	}
	frame->l4 = frame->l3 + 40 + spec->ext_len;
}

static size_t put_l4(const struct spec *spec, struct frame *frame)
{
	uint8_t *l4 = frame->bytes + frame->l4;

	if (spec->proto != 6 && spec->proto != 17)
		return 0;
	put16(l4, 40000);
	put16(l4 + 2, 443);
	if (spec->proto == 17) {
		put16(l4 + 4, (unsigned int)(8 + spec->payload_len));
		return 8;
	}
	put32(l4 + 4, 0x01020304);
	put32(l4 + 8, 0x05060708);
	l4[12] = (uint8_t)((20 + spec->opt_len) / 4 << 4);
	l4[13] = spec->tcp_flags;
	put16(l4 + 14, 0xabcd);
	if (spec->opt_len)
		memcpy(l4 + 20, spec->opts, spec->opt_len);
	return 20 + spec->opt_len;
}

void build(const struct spec *spec, struct frame *frame)
{
	size_t end, i;

	memset(frame->bytes, 0, 512);
	memcpy(frame->bytes, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01", 12);
	for (i = 0; i < spec->tags; i++) {
		put16(frame->bytes + 12 + 4 * i, spec->tpid[i] ? spec->tpid[i] : 0x8100);
		put16(frame->bytes + 14 + 4 * i, spec->tci[i]);
	}
	put16(frame->bytes + 12 + 4 * i, spec->ip == 4 ? 0x0800 : 0x86dd);
	frame->l3 = 14 + 4 * i;
	if (spec->ip == 4)
		put_ipv4(spec, frame);
	else
		put_ipv6(spec, frame);
	frame->payload = frame->l4 + put_l4(spec, frame);
	for (i = 0; i < spec->payload_len; i++)
		frame->bytes[frame->payload + i] = (uint8_t)(7 * i + i / 256 + 1);
	end = frame->payload + spec->payload_len;
	frame->l4_len = (unsigned int)(end - frame->l4);
	memset(frame->bytes + end, 0xee, spec->padding);
	frame->len = end + spec->padding;

	if (spec->ip == 4) {
		put16(frame->bytes + frame->l3 + 2, (unsigned int)(end - frame->l3));
		fix_ip_csum(frame);
	} else {
		put16(frame->bytes + frame->l3 + 4, (unsigned int)(end - frame->l3 - 40));
	}
	if (spec->proto == 6 || spec->proto == 17)
		fix_l4_csum(frame, spec->proto);
}
