/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage parse: each verdict, and the fields that go with it. */
#include <criterion/criterion.h>
#include <string.h>

#include "run.h"

static struct frame f;

static const struct spec tcp4 = {.ip = 4, .proto = 6, .tcp_flags = ACK, .payload_len = 100};
static const struct spec tcp6 = {.ip = 6, .proto = 6, .tcp_flags = ACK, .payload_len = 100};
static const struct spec udp4 = {.ip = 4, .proto = 17, .payload_len = 100};

#define assert_parse(r, name)                                          \
	cr_assert_eq((r).hdr.parse, MPNIC_PARSE_##name, "parse is %s", \
		     mpnic_parse_name((r).hdr.parse))

/* A verdict before the IP header was believed: nothing of it shows. */
static void check_no_l3(const struct mpnic_hdr *hdr)
{
	static const uint8_t zero[16];

	cr_assert_eq(hdr->flags, 0);
	cr_assert_eq(hdr->ip_version, 0);
	cr_assert_eq(hdr->ip_proto, 0);
	cr_assert_eq(hdr->l4_off, 0);
	cr_assert_eq(hdr->l4_len, 0);
	check_same(hdr->src, zero, 16, "src");
	check_same(hdr->dst, zero, 16, "dst");
}

static void check_no_l4(const struct mpnic_hdr *hdr)
{
	cr_assert_eq(hdr->flags & (MPNIC_HDR_L4 | MPNIC_HDR_TCP), 0);
	cr_assert_eq(hdr->sport, 0);
	cr_assert_eq(hdr->dport, 0);
	cr_assert_eq(hdr->payload_off, 0);
	cr_assert_eq(hdr->payload_len, 0);
	cr_assert_eq(hdr->doff, 0);
}

Test(parse, tcp_over_ipv4)
{
	struct result r;

	build(&tcp4, &f);
	r = run_frame(&f);
	assert_parse(r, TCP);
	cr_assert_eq(r.hdr.flags, MPNIC_HDR_L3 | MPNIC_HDR_L4 | MPNIC_HDR_TCP);
	cr_assert_eq(r.hdr.ethertype, 0x0800);
	cr_assert_eq(r.hdr.l3_off, 14);
	cr_assert_eq(r.hdr.l4_off, 34);
	cr_assert_eq(r.hdr.l4_len, 120);
	cr_assert_eq(r.hdr.ip_version, 4);
	cr_assert_eq(r.hdr.ip_proto, 6);
	cr_assert_arr_eq(r.hdr.src, "\x0a\x01\x02\x03\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	cr_assert_arr_eq(r.hdr.dst, "\x0a\x04\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	cr_assert_eq(r.hdr.sport, 40000);
	cr_assert_eq(r.hdr.dport, 443);
	cr_assert_eq(r.hdr.seq, 0x01020304);
	cr_assert_eq(r.hdr.ack, 0x05060708);
	cr_assert_eq(r.hdr.window, 0xabcd);
	cr_assert_eq(r.hdr.tcp_flags, ACK);
	cr_assert_eq(r.hdr.doff, 5);
	cr_assert_eq(r.hdr.payload_off, 54);
	cr_assert_eq(r.hdr.payload_len, 100);
	cr_assert_eq(r.hdr.opt_len, 0);
	cr_assert_eq(r.hdr.vlan_count, 0);
}

Test(parse, tcp_over_ipv6)
{
	struct result r;

	build(&tcp6, &f);
	r = run_frame(&f);
	assert_parse(r, TCP);
	cr_assert_eq(r.hdr.flags, MPNIC_HDR_L3 | MPNIC_HDR_L4 | MPNIC_HDR_TCP);
	cr_assert_eq(r.hdr.l4_off, 54);
	cr_assert_eq(r.hdr.l4_len, 120);
	cr_assert_eq(r.hdr.ip_version, 6);
	cr_assert_arr_eq(r.hdr.src, f.bytes + 22, 16);
	cr_assert_arr_eq(r.hdr.dst, f.bytes + 38, 16);
	cr_assert_eq(r.hdr.payload_off, 74);
	cr_assert_eq(r.hdr.payload_len, 100);
}

Test(parse, source_and_given_from_user)
{
	unsigned int user;

	build(&tcp4, &f);
	for (user = 0; user < 256; user++)
		cr_assert_eq(run(f.bytes, f.len, (uint8_t)user).hdr.source, user >> 2);
}

Test(parse, options_are_copied_whatever_their_length)
{
	uint8_t opts[40];
	struct spec s = tcp4;
	struct result r;
	unsigned int i;

	for (i = 0; i < 40; i++)
		opts[i] = (uint8_t)(0x80 + i);
	s.opts = opts;
	for (s.payload_len = 0; s.payload_len < 60; s.payload_len++) {
		for (s.opt_len = 0; s.opt_len <= 40; s.opt_len += 4) {
			build(&s, &f);
			r = run_frame(&f);
			assert_parse(r, TCP);
			cr_assert_eq(r.hdr.opt_len, s.opt_len);
			for (i = 0; i < 40; i++)
				cr_assert_eq(r.hdr.opts[i], i < s.opt_len ? 0x80 + i : 0);
		}
	}
}

Test(parse, udp)
{
	struct spec s = udp4;
	struct result r;

	build(&s, &f);
	r = run_frame(&f);
	assert_parse(r, UDP);
	cr_assert_eq(r.hdr.flags, MPNIC_HDR_L3 | MPNIC_HDR_L4);
	cr_assert_eq(r.hdr.sport, 40000);
	cr_assert_eq(r.hdr.dport, 443);
	cr_assert_eq(r.hdr.payload_off, 42);
	cr_assert_eq(r.hdr.payload_len, 100);
	cr_assert_eq(r.hdr.tcpopt, MPNIC_TCPOPT_NONE);

	s.ip = 6;
	build(&s, &f);
	r = run_frame(&f);
	assert_parse(r, UDP);
	cr_assert_eq(r.hdr.payload_off, 62);

	/* The IP packet may be longer than the UDP datagram. */
	put16(f.bytes + f.l4 + 4, 50);
	r = run_frame(&f);
	assert_parse(r, UDP);
	cr_assert_eq(r.hdr.l4_len, 108);
	cr_assert_eq(r.hdr.payload_len, 42);
}

Test(parse, other_l4)
{
	struct spec s = {.ip = 4};
	unsigned int proto;

	for (proto = 0; proto < 256; proto++) {
		struct result r;

		if (proto == 6 || proto == 17)
			continue;
		s.proto = (uint8_t)proto;
		build(&s, &f);
		r = run_frame(&f);
		assert_parse(r, OTHER_L4);
		cr_assert_eq(r.hdr.ip_proto, proto);
		cr_assert_eq(r.hdr.l4_off, 34);
		check_no_l4(&r.hdr);
	}
}

Test(parse, other_l4_over_ipv6)
{
	/* Authentication, encryption, no next header: they end the walk. */
	static const uint8_t protos[] = {51, 50, 59, 58, 132, 1, 135};
	struct spec s = {.ip = 6, .payload_len = 40};
	unsigned int i;

	for (i = 0; i < sizeof(protos); i++) {
		struct result r;

		s.proto = protos[i];
		build(&s, &f);
		r = run_frame(&f);
		assert_parse(r, OTHER_L4);
		cr_assert_eq(r.hdr.ip_proto, protos[i]);
		cr_assert_eq(r.hdr.l4_len, 40);
	}
}

Test(parse, fragment_v4)
{
	static const struct {
		uint16_t field;
		int fragment;
	} cases[] = {
		{0x0000, 0}, {0x4000, 0}, {0x8000, 0}, {0x2000, 1},
		{0x0001, 1}, {0x1fff, 1}, {0x6000, 1}, {0x3fff, 1},
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct result r;

		build(&tcp4, &f);
		put16(f.bytes + f.l3 + 6, cases[i].field);
		r = run_frame(&f);
		cr_assert_eq(r.hdr.parse,
			     cases[i].fragment ? MPNIC_PARSE_FRAGMENT : MPNIC_PARSE_TCP);
		cr_assert_eq(!!(r.hdr.flags & MPNIC_HDR_FRAG), cases[i].fragment);
		cr_assert_eq(r.hdr.l4_off, 34);
		cr_assert_eq(r.hdr.l4_len, 120);
		if (cases[i].fragment)
			check_no_l4(&r.hdr);
	}
}

Test(parse, fragment_v6)
{
	/* The last one is atomic (RFC 6946). */
	static const uint16_t fields[] = {0x0001, 0x0008, 0xfff9, 0x0000};
	unsigned int i;

	for (i = 0; i < 4; i++) {
		uint8_t ext[8] = {6, 0, 0, 0, 0, 0, 0, 1};
		struct spec s = tcp6;
		struct result r;

		put16(ext + 2, fields[i]);
		s.first = 44;
		s.ext = ext;
		s.ext_len = 8;
		build(&s, &f);
		r = run_frame(&f);
		assert_parse(r, FRAGMENT);
		cr_assert_eq(r.hdr.flags, MPNIC_HDR_L3 | MPNIC_HDR_FRAG);
		cr_assert_eq(r.hdr.ip_proto, 44);
		cr_assert_eq(r.hdr.l4_off, 54);
		cr_assert_eq(r.hdr.l4_len, 128);
		check_no_l4(&r.hdr);
	}
}

Test(parse, not_ip)
{
	static const uint16_t types[] = {0x0806, 0x0026, 0x8847, 0x9100, 0x88cc, 0xffff, 0};
	unsigned int i;

	build(&tcp4, &f);
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct result r;

		put16(f.bytes + 12, types[i]);
		r = run_frame(&f);
		assert_parse(r, NOT_IP);
		cr_assert_eq(r.hdr.ethertype, types[i]);
		cr_assert_eq(r.hdr.l3_off, 0);
		check_no_l3(&r.hdr);
		check_no_l4(&r.hdr);
	}
}

Test(parse, runt)
{
	struct mpnic_hdr want = {.parse = MPNIC_PARSE_RUNT};
	size_t len;

	build(&tcp4, &f);
	for (len = 0; len < 14; len++) {
		struct result r = run(f.bytes, len, MPNIC_USER(UNKNOWN, 0));

		check_same(&r.hdr, &want, sizeof(want), "runt");
	}
	assert_parse(run(f.bytes, 14, 0), TRUNCATED);
}

Test(parse, vlan)
{
	static const uint16_t tpids[] = {0x8100, 0x88a8};
	struct spec s = tcp4;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		struct result r;

		s.tags = i / 4 + 1;
		s.tpid[0] = tpids[i & 1];
		s.tpid[1] = tpids[i >> 1 & 1];
		s.tci[0] = 0x6123;
		s.tci[1] = 0x2fff;
		build(&s, &f);
		r = run_frame(&f);
		assert_parse(r, TCP);
		cr_assert_eq(r.hdr.vlan_count, s.tags);
		cr_assert_eq(r.hdr.vlan_outer, 0x6123);
		cr_assert_eq(r.hdr.vlan_inner, s.tags == 2 ? 0x2fff : 0);
		cr_assert_eq(r.hdr.ethertype, 0x0800);
		cr_assert_eq(r.hdr.l3_off, 14 + 4 * s.tags);
		cr_assert_eq(r.csum.l4, MPNIC_CSUM_GOOD);
	}
}

Test(parse, vlan_depth)
{
	struct spec s = tcp4;
	struct result r;

	s.tags = 3;
	s.tpid[2] = 0x88a8;
	s.tci[0] = 1;
	s.tci[1] = 2;
	build(&s, &f);
	r = run_frame(&f);
	assert_parse(r, VLAN_DEPTH);
	cr_assert_eq(r.hdr.vlan_count, 2);
	cr_assert_eq(r.hdr.vlan_outer, 1);
	cr_assert_eq(r.hdr.vlan_inner, 2);
	cr_assert_eq(r.hdr.ethertype, 0x88a8);
	cr_assert_eq(r.hdr.l3_off, 0);

	/* The third one need not be whole to be seen. */
	r = run(f.bytes, 22, 0);
	assert_parse(r, VLAN_DEPTH);
}

Test(parse, vlan_truncated)
{
	struct spec s = tcp4;
	size_t len;

	s.tags = 2;
	s.tci[0] = 0x111;
	s.tci[1] = 0x222;
	build(&s, &f);
	for (len = 14; len < 22; len++) {
		struct result r = run(f.bytes, len, 0);

		assert_parse(r, TRUNCATED);
		cr_assert_eq(r.hdr.vlan_count, len < 18 ? 0 : 1);
		cr_assert_eq(r.hdr.vlan_outer, len < 18 ? 0 : 0x111);
		cr_assert_eq(r.hdr.vlan_inner, 0);
		cr_assert_eq(r.hdr.ethertype, 0);
		cr_assert_eq(r.hdr.l3_off, 0);
	}
}

Test(parse, ip_version)
{
	unsigned int version, ip;

	for (ip = 4; ip <= 6; ip += 2) {
		for (version = 0; version < 16; version++) {
			struct result r;

			build(ip == 4 ? &tcp4 : &tcp6, &f);
			f.bytes[f.l3] = (uint8_t)(version << 4 | (f.bytes[f.l3] & 15));
			r = run_frame(&f);
			if (version == ip) {
				assert_parse(r, TCP);
				continue;
			}
			assert_parse(r, IP_VERSION);
			cr_assert_eq(r.hdr.l3_off, 14);
			check_no_l3(&r.hdr);
		}
	}
}

Test(parse, ip_hdr_len)
{
	unsigned int ihl;

	for (ihl = 0; ihl < 5; ihl++) {
		struct result r;

		build(&tcp4, &f);
		f.bytes[f.l3] = (uint8_t)(0x40 | ihl);
		r = run_frame(&f);
		assert_parse(r, IP_HDR_LEN);
		check_no_l3(&r.hdr);
	}
}

Test(parse, ipv4_options)
{
	struct spec s = tcp4;

	for (s.ip_opt_len = 4; s.ip_opt_len <= 40; s.ip_opt_len += 4) {
		struct result r;
		size_t len;

		build(&s, &f);
		r = run_frame(&f);
		assert_parse(r, TCP);
		cr_assert(r.hdr.flags & MPNIC_HDR_V4_OPTIONS);
		cr_assert_eq(r.hdr.l4_off, 34 + s.ip_opt_len);
		cr_assert_eq(r.csum.ip, MPNIC_CSUM_GOOD);
		cr_assert_eq(r.csum.l4, MPNIC_CSUM_GOOD);

		for (len = 34; len < f.l4; len++) {
			r = run(f.bytes, len, 0);
			assert_parse(r, TRUNCATED);
			cr_assert_eq(r.hdr.flags, MPNIC_HDR_L3 | MPNIC_HDR_V4_OPTIONS);
			cr_assert_eq(r.hdr.l4_off, 34 + s.ip_opt_len);
			cr_assert_eq(r.csum.ip, MPNIC_CSUM_NOT_JUDGED);
		}
	}
}

Test(parse, ip_len_v4)
{
	struct spec s = tcp4;
	unsigned int total;

	s.ip_opt_len = 8;
	build(&s, &f);
	for (total = 0; total < 28; total++) {
		struct result r;

		put16(f.bytes + f.l3 + 2, total);
		r = run_frame(&f);
		assert_parse(r, IP_LEN);
		check_no_l3(&r.hdr);
	}
	put16(f.bytes + f.l3 + 2, 28);
	assert_parse(run_frame(&f), L4_LEN);
}

static const uint8_t hop_by_hop[8] = {6, 0, 1, 4};

Test(parse, ip_len_v6)
{
	struct spec s = tcp6;
	unsigned int plen;
	struct result r;

	s.first = 0;
	s.ext = hop_by_hop;
	s.ext_len = 8;
	build(&s, &f);
	for (plen = 0; plen < 8; plen++) {
		put16(f.bytes + f.l3 + 4, plen);
		r = run_frame(&f);
		assert_parse(r, IP_LEN);
		cr_assert_eq(r.hdr.flags, MPNIC_HDR_L3 | MPNIC_HDR_V6_EXT);
		cr_assert_eq(r.hdr.ip_version, 6);
		cr_assert_eq(r.hdr.l4_off, 0);
		cr_assert_eq(r.hdr.l4_len, 0);
		cr_assert_eq(r.hdr.ip_proto, 0);
	}
	put16(f.bytes + f.l3 + 4, 8);
	r = run_frame(&f);
	assert_parse(r, L4_LEN);
	cr_assert_eq(r.hdr.l4_off, 62);
}

Test(parse, l4_len)
{
	unsigned int len, proto;

	for (proto = 6; proto <= 17; proto += 11) {
		const unsigned int need = proto == 6 ? 20 : 8;

		for (len = 0; len < need; len++) {
			struct result r;

			build(proto == 6 ? &tcp4 : &udp4, &f);
			put16(f.bytes + f.l3 + 2, 20 + len);
			r = run_frame(&f);
			assert_parse(r, L4_LEN);
			cr_assert_eq(r.hdr.l4_len, len);
			cr_assert_eq(r.hdr.flags, MPNIC_HDR_L3);
			check_no_l4(&r.hdr);
			/* The IP length is looked at before the frame's. */
			r = run(f.bytes, f.l4 + len, 0);
			assert_parse(r, L4_LEN);
		}
	}
}

Test(parse, tcp_doff)
{
	unsigned int doff;

	for (doff = 0; doff < 16; doff++) {
		struct spec s = tcp4;
		struct result r;

		s.payload_len = 12;
		build(&s, &f);
		f.bytes[f.l4 + 12] = (uint8_t)(doff << 4);
		r = run_frame(&f);
		cr_assert_eq(r.hdr.doff, doff);
		cr_assert_eq(r.hdr.sport, 40000);
		cr_assert(r.hdr.flags & MPNIC_HDR_TCP);
		if (doff >= 5 && doff <= 8) {
			assert_parse(r, TCP);
			cr_assert_eq(r.hdr.payload_len, 12 - 4 * (doff - 5));
			continue;
		}
		assert_parse(r, TCP_DOFF);
		cr_assert_eq(r.hdr.payload_off, 0);
		cr_assert_eq(r.hdr.payload_len, 0);
		cr_assert_eq(r.hdr.opt_len, 0);
		cr_assert_eq(r.hdr.tcpopt, MPNIC_TCPOPT_NONE);
	}
}

Test(parse, udp_len)
{
	static const struct {
		uint16_t len;
		int ok;
	} cases[] = {{0, 0}, {7, 0}, {8, 1}, {107, 1}, {108, 1}, {109, 0}, {65535, 0}};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct result r;

		build(&udp4, &f);
		put16(f.bytes + f.l4 + 4, cases[i].len);
		r = run_frame(&f);
		cr_assert_eq(r.hdr.parse, cases[i].ok ? MPNIC_PARSE_UDP : MPNIC_PARSE_UDP_LEN);
		cr_assert_eq(r.hdr.dport, 443);
		cr_assert_eq(r.hdr.payload_off, cases[i].ok ? 42 : 0);
		cr_assert_eq(r.hdr.payload_len, cases[i].ok ? cases[i].len - 8 : 0);
	}
}

/* Chains of extension headers: @count of kind @kind, @words 8-byte words each. */
static void build_chain(struct frame *frame, uint8_t kind, unsigned int count, unsigned int words)
{
	static uint8_t ext[2048];
	struct spec s = tcp6;
	unsigned int i;

	memset(ext, 0, sizeof(ext));
	for (i = 0; i < count; i++) {
		ext[8 * words * i] = kind;
		ext[8 * words * i + 1] = (uint8_t)(words - 1);
	}
	s.first = kind;
	s.ext = ext;
	s.ext_len = 8 * words * count;
	s.ext_last = 8 * words * (count - 1);
	build(&s, frame);
}

Test(parse, v6_extension_headers)
{
	static const uint8_t kinds[] = {0, 43, 60};
	unsigned int kind, count;

	for (kind = 0; kind < 3; kind++) {
		for (count = 1; count <= 7; count++) {
			struct result r;

			build_chain(&f, kinds[kind], count, 1);
			r = run_frame(&f);
			assert_parse(r, TCP);
			cr_assert_eq(r.hdr.flags, MPNIC_HDR_L3 | MPNIC_HDR_L4 | MPNIC_HDR_TCP |
							  MPNIC_HDR_V6_EXT);
			cr_assert_eq(r.hdr.l4_off, 54 + 8 * count);
			cr_assert_eq(r.hdr.l4_len, 120);
			cr_assert_eq(r.csum.l4, MPNIC_CSUM_GOOD);
		}
	}
}

Test(parse, too_deep_by_count)
{
	struct result r;

	build_chain(&f, 60, 8, 1);
	r = run_frame(&f);
	assert_parse(r, TOO_DEEP);
	cr_assert_eq(r.hdr.flags, MPNIC_HDR_L3 | MPNIC_HDR_V6_EXT);
	cr_assert_eq(r.hdr.l4_off, 0);
	cr_assert_eq(r.hdr.l4_len, 0);
	cr_assert_eq(r.hdr.ip_proto, 0);
	/* Seven are walked before the frame's end matters. */
	assert_parse(run(f.bytes, 54 + 56, 0), TOO_DEEP);
	assert_parse(run(f.bytes, 54 + 55, 0), TRUNCATED);
}

Test(parse, too_deep_by_slot)
{
	struct result r;

	/* The second header starts in slot 15, the last in which one may. */
	build_chain(&f, 0, 1, 15);
	f.bytes[f.l3 + 40] = 60;
	f.bytes[f.l4] = 132;
	f.bytes[f.l4 + 1] = 0;
	r = run_frame(&f);
	assert_parse(r, OTHER_L4);
	cr_assert_eq(r.hdr.l4_off, 54 + 128);
	/* In slot 16 none is taken. */
	build_chain(&f, 0, 1, 16);
	f.bytes[f.l3 + 40] = 60;
	f.bytes[f.l4] = 132;
	f.bytes[f.l4 + 1] = 0;
	r = run_frame(&f);
	assert_parse(r, TOO_DEEP);
	cr_assert_eq(r.hdr.l4_off, 0);
	/* Something else may stand there. */
	f.bytes[f.l3 + 40] = 132;
	r = run_frame(&f);
	assert_parse(r, OTHER_L4);
	cr_assert_eq(r.hdr.l4_off, 54 + 128);
}

Test(parse, too_deep_by_window)
{
	struct result r;

	/* 54 + 144 > 192: the header ends beyond the window of a longer frame. */
	build_chain(&f, 0, 1, 18);
	r = run_frame(&f);
	assert_parse(r, TOO_DEEP);
	cr_assert_eq(r.hdr.ip_proto, 0);
	assert_parse(run(f.bytes, 193, 0), TOO_DEEP);
	assert_parse(run(f.bytes, 192, 0), TRUNCATED);

	/* A TCP header that starts inside and ends outside of it. */
	build_chain(&f, 0, 1, 16);
	r = run_frame(&f);
	assert_parse(r, TOO_DEEP);
	cr_assert_eq(r.hdr.l4_off, 182);
	cr_assert_eq(r.hdr.ip_proto, 6);
	check_no_l4(&r.hdr);
	assert_parse(run(f.bytes, 192, 0), TRUNCATED);

	/* TCP options that leave it. */
	build_chain(&f, 0, 1, 14);
	f.bytes[f.l4 + 12] = 15 << 4;
	r = run_frame(&f);
	assert_parse(r, TOO_DEEP);
	cr_assert_eq(r.hdr.l4_off, 166);
	cr_assert_eq(r.hdr.payload_off, 226);
	cr_assert_eq(r.hdr.opt_len, 6);
	cr_assert_eq(r.hdr.tcpopt, MPNIC_TCPOPT_CUT);
}

Test(parse, longest_v6_extension_header)
{
	build_chain(&f, 43, 1, 256);
	assert_parse(run_frame(&f), TOO_DEEP);
}

Test(parse, routing_header_with_segments_left)
{
	struct result r;

	build_chain(&f, 43, 2, 1);
	cr_assert_eq(run_frame(&f).hdr.flags & MPNIC_HDR_ROUTING, 0);
	f.bytes[f.l3 + 40 + 8 + 3] = 1;
	r = run_frame(&f);
	assert_parse(r, TCP);
	cr_assert(r.hdr.flags & MPNIC_HDR_ROUTING);
	cr_assert_eq(r.csum.l4, MPNIC_CSUM_NOT_JUDGED);
	/* A chain that cannot be walked does not show it. */
	r = run(f.bytes, f.l4 - 1, 0);
	assert_parse(r, TRUNCATED);
	cr_assert_eq(r.hdr.flags, MPNIC_HDR_L3 | MPNIC_HDR_V6_EXT);
	/* In other headers the byte means something else. */
	build_chain(&f, 60, 1, 1);
	f.bytes[f.l3 + 40 + 3] = 1;
	cr_assert_eq(run_frame(&f).hdr.flags & MPNIC_HDR_ROUTING, 0);
}

Test(parse, truncated_at_every_byte)
{
	unsigned int ip;

	for (ip = 4; ip <= 6; ip += 2) {
		const size_t min = ip == 4 ? 20 : 40;
		struct result whole;
		size_t len;

		build(ip == 4 ? &tcp4 : &tcp6, &f);
		whole = run_frame(&f);
		for (len = 14; len < f.payload; len++) {
			struct result r = run(f.bytes, len, MPNIC_USER(UNKNOWN, 0));

			assert_parse(r, TRUNCATED);
			cr_assert_eq(r.hdr.l3_off, 14);
			if (len < 14 + min)
				check_no_l3(&r.hdr);
			check_no_l4(&r.hdr);
			cr_assert_eq(r.csum.truncated, 0);
		}
		for (; len <= f.len; len++) {
			struct result r = run(f.bytes, len, MPNIC_USER(UNKNOWN, 0));

			check_same(&r.hdr, &whole.hdr, sizeof(r.hdr), "hdr");
			cr_assert_eq(r.csum.truncated, len < f.len);
		}
	}
}

Test(parse, padding_is_not_payload)
{
	struct spec s = tcp4;
	struct result r;

	s.payload_len = 0;
	s.padding = 6;
	build(&s, &f);
	cr_assert_eq(f.len, 60);
	r = run_frame(&f);
	assert_parse(r, TCP);
	cr_assert_eq(r.hdr.payload_len, 0);
	cr_assert_eq(r.csum.payload_seen, 0);
	cr_assert_eq(r.csum.l4, MPNIC_CSUM_GOOD);
}
