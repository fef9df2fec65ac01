/* SPDX-License-Identifier: BSD-3-Clause */
/* What holds for every input: many random ones, from seeds that are printed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

static struct frame f;

static void print_seed(const char *what, uint64_t seed)
{
	printf("%s: seed %llu\n", what, (unsigned long long)seed);
	fflush(stdout);
}

/* Option bytes that are more often nearly right than random ones are. */
static unsigned int random_options(uint64_t *state, uint8_t *opts)
{
	static const uint8_t kinds[] = {0, 1, 1, 1, 2, 3, 4, 5, 8, 30, 30, 30, 30, 30, 254};
	static const uint8_t lens[] = {4, 3, 2, 10, 10, 12, 20, 8, 0, 1, 16, 24, 22, 28, 40, 255};
	const unsigned int len = (unsigned int)(rnd(state) >> 33) % 41;
	unsigned int i, pos = 0;

	for (i = 0; i < 40; i++)
		opts[i] = (uint8_t)(rnd(state) >> 40);
	while (pos < 40 && rnd(state) >> 60) {
		opts[pos] = kinds[(rnd(state) >> 33) % sizeof(kinds)];
		if (opts[pos] < 2) {
			pos++;
			continue;
		}
		if (pos + 1 == 40)
			break;
		opts[pos + 1] = lens[(rnd(state) >> 33) % sizeof(lens)];
		if (pos + 2 < 40 && rnd(state) >> 62)
			opts[pos + 2] &= 0x8f;
		pos += opts[pos + 1] ? opts[pos + 1] : 1;
	}
	return len;
}

static void check_walk(const struct mpnic_hdr *hdr, const uint8_t *opts, unsigned int len,
		       int whole)
{
	const struct naive_walk walk = naive_walk(opts, len, whole);
	const unsigned int count = walk.mptcp_count < 4 ? walk.mptcp_count : 4;
	unsigned int i;

	cr_assert_eq(hdr->tcpopt, walk.verdict);
	cr_assert_eq(hdr->opt_starts, walk.starts);
	cr_assert_eq(hdr->flags & 0x780, walk.noted);
	cr_assert_eq(hdr->mss, walk.mss);
	cr_assert_eq(hdr->wscale, walk.wscale);
	cr_assert_eq(hdr->ts_val, walk.ts_val);
	cr_assert_eq(hdr->ts_ecr, walk.ts_ecr);
	cr_assert_eq(hdr->mptcp_count, count);
	cr_assert_eq(!!(hdr->mptcp & MPNIC_MPTCP_PRESENT), count > 0);
	cr_assert_eq(!!(hdr->mptcp & MPNIC_MPTCP_TOO_MANY), walk.mptcp_count > 4);
	for (i = 0; i < count; i++) {
		cr_assert_eq(hdr->opt[i].offset, walk.mptcp[i]);
		cr_assert_eq(hdr->opt[i].length, opts[walk.mptcp[i] + 1]);
	}
}

Test(property, walk_equals_the_naive_one)
{
	uint64_t state = 0x6d706e6963000001;
	unsigned int n;

	print_seed("walk", state);
	for (n = 0; n < 200000; n++) {
		uint8_t opts[40];
		const unsigned int len = random_options(&state, opts);
		const uint8_t tcp_flags = (uint8_t)(rnd(&state) >> 30 & 0x3f);
		const unsigned int given = (unsigned int)(rnd(&state) >> 30) % 3;
		const unsigned int payload = (unsigned int)(rnd(&state) >> 30) % 2;
		struct mpnic_hdr hdr = decode(tcp_flags, payload, given, opts, len);
		unsigned int i, bad = 0;

		if (len == 0) {
			cr_assert_eq(hdr.tcpopt, MPNIC_TCPOPT_NONE);
			continue;
		}
		check_walk(&hdr, opts, len, 1);
		for (i = 0; i < hdr.mptcp_count; i++) {
			const struct mpnic_opt *opt = &hdr.opt[i];
			uint16_t fields = 0;
			const int right = naive_form(opts + opt->offset, opt->length, tcp_flags,
						     (int)payload, given, &fields);

			cr_assert_eq(!opt->error, right);
			cr_assert_eq(opt->fields, fields);
			bad |= !right;
		}
		cr_assert_eq(!!(hdr.mptcp & MPNIC_MPTCP_MALFORMED), bad);
	}
}

Test(property, options_alone_equal_options_in_a_frame)
{
	uint64_t state = 0x6d706e6963000002;
	unsigned int n;

	print_seed("frame path", state);
	for (n = 0; n < 20000; n++) {
		uint8_t opts[40];
		struct spec s = {
			.ip = n % 2 ? 4 : 6,
			.proto = 6,
			.opts = opts,
			.tcp_flags = (uint8_t)(rnd(&state) >> 40),
			.payload_len = (rnd(&state) >> 40) % 3,
		};
		const unsigned int given = (unsigned int)(rnd(&state) >> 40) % 3;
		struct mpnic_hdr alone;
		struct result r;

		s.opt_len = random_options(&state, opts) & ~3u;
		build(&s, &f);
		r = run(f.bytes, f.len, MPNIC_USER(given, 0));
		alone = decode(s.tcp_flags, (unsigned int)s.payload_len, given, opts, s.opt_len);
		cr_assert_eq(alone.tcpopt, r.hdr.tcpopt);
		cr_assert_eq(alone.mptcp, r.hdr.mptcp);
		cr_assert_eq(alone.mptcp_count, r.hdr.mptcp_count);
		cr_assert_eq(alone.opt_starts, r.hdr.opt_starts);
		cr_assert_eq(alone.flags & 0x780, r.hdr.flags & 0x780);
		cr_assert_eq(alone.mss, r.hdr.mss);
		cr_assert_eq(alone.wscale, r.hdr.wscale);
		cr_assert_eq(alone.ts_val, r.hdr.ts_val);
		cr_assert_eq(alone.ts_ecr, r.hdr.ts_ecr);
		check_same(alone.opts, r.hdr.opts, 40, "opts");
		check_same(alone.opt, r.hdr.opt, sizeof(alone.opt), "opt");
	}
}

Test(property, sum_equals_the_naive_one)
{
	uint64_t state = 0x6d706e6963000003;
	unsigned int n;

	print_seed("sum", state);
	for (n = 0; n < 3000; n++) {
		const size_t len = (rnd(&state) >> 33) % (n % 10 ? 300 : 20000);
		const unsigned int dense = n % 3;
		uint8_t *data = malloc(len + 1);
		uint8_t *exact = malloc(len ? len : 1);
		size_t i;

		cr_assert(data && exact);
		for (i = 0; i < len; i++)
			data[i] = dense == 0	      ? (uint8_t)(rnd(&state) >> 50)
				  : dense == 1	      ? 0xff
				  : rnd(&state) >> 58 ? 0
						      : 0x80;
		memcpy(exact, data, len);
		cr_assert_eq(mpnic_sum16(exact, len), naive_sum(data, len), "%zu bytes", len);
		free(exact);
		free(data);
	}
}

/* Frames of every kind, for what must hold however much of them is there. */
static void build_some(unsigned int i, uint64_t *state, uint8_t *opts)
{
	static const uint8_t ext[48] = {43, 1, 0, 0, [16] = 60, [24] = 0, 2, [24 + 8] = 0};
	struct spec s = {
		.tags = i % 3,
		.tpid[0] = i % 2 ? 0x88a8 : 0x8100,
		.ip = i / 3 % 2 ? 4 : 6,
		.proto = i % 7 == 6 ? 17 : 6,
		.opts = opts,
		.opt_len = random_options(state, opts) & ~3u,
		.tcp_flags = (uint8_t)(rnd(state) >> 40),
		.payload_len = (rnd(state) >> 40) % 200,
		.padding = i % 5,
	};

	if (s.ip == 4) {
		s.ip_opt_len = i % 4 * 4;
	} else if (i % 4 == 0) {
		s.first = 0;
		s.ext = ext;
		s.ext_len = 48;
		s.ext_last = 24;
	}
	build(&s, &f);
}

Test(property, prefixes_are_truncated_consistently)
{
	uint64_t state = 0x6d706e6963000004;
	unsigned int n;

	print_seed("prefixes", state);
	for (n = 0; n < 120; n++) {
		uint8_t opts[40];
		struct result whole;
		size_t len;

		build_some(n, &state, opts);
		whole = run(f.bytes, f.len, MPNIC_USER(UNKNOWN, 0));
		cr_assert(whole.hdr.parse == MPNIC_PARSE_TCP || whole.hdr.parse == MPNIC_PARSE_UDP);
		cr_assert_eq(whole.csum.l4, MPNIC_CSUM_GOOD);
		for (len = 0; len < f.len; len++) {
			struct result r = run(f.bytes, len, MPNIC_USER(UNKNOWN, 0));
			const size_t end = f.payload + whole.hdr.payload_len;

			cr_assert_eq(r.csum.frame_len, len);
			if (len < 14) {
				cr_assert_eq(r.hdr.parse, MPNIC_PARSE_RUNT);
			} else if (len < f.payload) {
				cr_assert_eq(r.hdr.parse, MPNIC_PARSE_TRUNCATED);
			} else {
				check_same(&r.hdr, &whole.hdr, sizeof(r.hdr), "hdr");
				cr_assert_eq(r.csum.truncated, len < end);
				cr_assert_eq(r.csum.l4,
					     len < end ? MPNIC_CSUM_NOT_JUDGED : MPNIC_CSUM_GOOD);
			}
			if (len >= 14 && len < f.payload && r.hdr.payload_off && f.bytes[f.l4 + 12])
				check_walk(&r.hdr, f.bytes + f.l4 + 20,
					   (unsigned int)(len - f.l4 - 20), 0);
		}
	}
}

Test(property, unaligned_frames_read_alike)
{
	uint64_t state = 0x6d706e6963000005;
	unsigned int n, shift;

	print_seed("unaligned", state);
	for (n = 0; n < 120; n++) {
		uint8_t opts[40];
		struct result want;

		build_some(n, &state, opts);
		want = run_frame(&f);
		for (shift = 1; shift < 64; shift++) {
			uint8_t *copy = malloc(f.len + shift);
			struct result r;

			cr_assert_not_null(copy);
			memcpy(copy + shift, f.bytes, f.len);
			mpnic_packet(copy + shift, f.len, MPNIC_USER(UNKNOWN, 0), &r.hdr, &r.csum);
			check_same(&r.hdr, &want.hdr, sizeof(r.hdr), "hdr");
			check_same(&r.csum, &want.csum, sizeof(r.csum), "csum");
			free(copy);
		}
	}
}

Test(property, mutated_frames_keep_the_invariants)
{
	uint64_t state = 0x6d706e6963000006;
	unsigned int n;

	print_seed("mutated", state);
	for (n = 0; n < 50000; n++) {
		uint8_t opts[40];
		unsigned int flips;
		struct result r;
		size_t len;

		build_some(n, &state, opts);
		for (flips = (unsigned int)(rnd(&state) >> 62) + 1; flips; flips--)
			f.bytes[12 + (rnd(&state) >> 33) % (f.payload - 12)] =
				(uint8_t)(rnd(&state) >> 45);
		len = rnd(&state) >> 62 ? f.len : (rnd(&state) >> 33) % (f.len + 1);
		r = run(f.bytes, len, (uint8_t)(rnd(&state) >> 50));
		cr_assert_eq(r.csum.frame_len, len);
		cr_assert_leq(r.hdr.opt_len, 40);
		if (r.hdr.parse == MPNIC_PARSE_TCP || r.hdr.parse == MPNIC_PARSE_UDP) {
			cr_assert_leq((size_t)r.hdr.payload_off + r.csum.payload_seen, len);
			cr_assert_eq(r.csum.payload_sum,
				     naive_sum(f.bytes + r.hdr.payload_off, r.csum.payload_seen));
		} else {
			cr_assert_eq(r.csum.payload_seen, 0);
			cr_assert_eq(r.csum.truncated, 0);
		}
		if (r.hdr.tcpopt != MPNIC_TCPOPT_NONE)
			check_walk(&r.hdr, f.bytes + r.hdr.l4_off + 20, r.hdr.opt_len,
				   r.hdr.parse == MPNIC_PARSE_TCP);
	}
}

/* A record that no parse left, with every claim too large: memory outside is not touched. */
Test(property, hostile_records)
{
	uint64_t state = 0x6d706e6963000007;
	unsigned int n, i;

	print_seed("records", state);
	for (n = 0; n < 20000; n++) {
		struct mpnic_hdr *hdr = malloc(sizeof(*hdr));

		cr_assert_not_null(hdr);
		for (i = 0; i < sizeof(*hdr); i++)
			((uint8_t *)hdr)[i] = (uint8_t)(rnd(&state) >> 50);
		hdr->parse = MPNIC_PARSE_TCP;
		if (n % 2)
			random_options(&state, hdr->opts);
		mpnic_tcpopt(hdr);
		mpnic_mptcp(hdr, (unsigned int)(rnd(&state) >> 40));
		cr_assert_leq(hdr->mptcp_count, 4);
		free(hdr);
	}
}
