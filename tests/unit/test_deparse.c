/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage deparse: what is stripped, what is not touched, and the checksum. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "gen.h"
#include "run.h"
#include "stateful.h"

enum {
	NOP = 1,
};

/* mpnic_packet() and mpnic_deparse() over memory of exactly @len bytes. Returns the edited copy. */
static uint8_t *strip(const uint8_t *frame, size_t len, uint8_t user, uint16_t subtypes,
		      struct result *before, struct mpnic_result *result)
{
	uint8_t *copy = malloc(len ? len : 1);

	cr_assert_not_null(copy);
	memcpy(copy, frame, len);
	*before = run(copy, len, user);
	*result = (struct mpnic_result){.strip = subtypes};
	mpnic_deparse(copy, len, &before->hdr, &before->csum, result);
	return copy;
}

/* What the TCP checksum is off by, modulo 0xffff, by the naive sum. The frame's TCP part is whole.
 */
static unsigned int error_of(const uint8_t *frame, const struct mpnic_hdr *hdr)
{
	uint8_t pseudo_header[40] = {0};

	memcpy(pseudo_header, hdr->src, 16);
	memcpy(pseudo_header + 16, hdr->dst, 16);
	pseudo_header[33] = 6;
	put16(pseudo_header + 34, hdr->l4_len);
	return (naive_sum(pseudo_header, 40) + naive_sum(frame + hdr->l4_off, hdr->l4_len)) %
	       0xffff;
}

/* Which option bytes are to become NOPs, by the naive walk. */
static uint64_t bytes_to_strip(const struct mpnic_hdr *hdr, uint16_t subtypes)
{
	const struct naive_walk walk =
		naive_walk(hdr->opts, hdr->opt_len, hdr->parse == MPNIC_PARSE_TCP);
	uint64_t bytes = 0;
	unsigned int pos, len;

	for (pos = 0; pos < hdr->opt_len; pos++) {
		const uint8_t *opt = hdr->opts + pos;

		if (!(walk.starts >> pos & 1) || opt[0] != 30 || pos + 2 >= hdr->opt_len)
			continue;
		len = opt[1];
		if (len < 3 || pos + len > hdr->opt_len || !(subtypes >> (opt[2] >> 4) & 1))
			continue;
		for (; len; len--)
			bytes |= 1ull << (pos + len - 1);
	}
	return bytes;
}

static void check_strip(const uint8_t *frame, size_t len, uint8_t user, uint16_t subtypes)
{
	struct result before, after;
	struct mpnic_result result;
	uint8_t *copy = strip(frame, len, user, subtypes, &before, &result);
	const size_t opts = before.hdr.l4_off + 20u, field = before.hdr.l4_off + 16u;
	const uint64_t gone = before.hdr.opt_starts ? bytes_to_strip(&before.hdr, subtypes) : 0;
	unsigned int i;
	size_t at;

	cr_assert_eq(!!(result.flags & MPNIC_RESULT_STRIPPED), gone != 0);
	for (at = 0; at < len; at++) {
		if (gone && (at == field || at == field + 1))
			continue;
		if (at >= opts && at - opts < 40 && gone >> (at - opts) & 1)
			cr_assert_eq(copy[at], NOP);
		else
			cr_assert_eq(copy[at], frame[at], "byte %zu", at);
	}
	if (!gone) {
		check_same(copy, frame, len, "frame");
		free(copy);
		return;
	}
	after = run(copy, len, user);
	cr_assert_eq(after.hdr.parse, before.hdr.parse);
	cr_assert_eq(after.hdr.tcpopt, before.hdr.tcpopt);
	cr_assert_eq(after.hdr.flags, before.hdr.flags);
	for (i = 0; i < after.hdr.mptcp_count; i++)
		cr_assert(after.hdr.opt[i].subtype > 15 ||
			  !(subtypes >> after.hdr.opt[i].subtype & 1));
	if (before.csum.l4 == MPNIC_CSUM_PARTIAL)
		check_same(copy + field, frame + field, 2, "partial checksum");
	else if (before.csum.l4 != MPNIC_CSUM_NOT_JUDGED)
		cr_assert_eq(error_of(copy, &after.hdr), error_of(frame, &before.hdr));
	/* By accident a wrong field is a pseudo header's sum, and one of those right. */
	if (before.csum.l4 == MPNIC_CSUM_BAD && after.csum.l4 == MPNIC_CSUM_PARTIAL)
		after.csum.l4 = MPNIC_CSUM_BAD;
	if (before.csum.l4 == MPNIC_CSUM_PARTIAL && after.csum.l4 == MPNIC_CSUM_GOOD)
		after.csum.l4 = MPNIC_CSUM_PARTIAL;
	cr_assert_eq(after.csum.l4, before.csum.l4, "%s becomes %s",
		     mpnic_csum_name(before.csum.l4), mpnic_csum_name(after.csum.l4));
	free(copy);
}

static struct frame f;

static void build_tcp(const uint8_t *opts, size_t opt_len, size_t payload_len)
{
	const struct spec spec = {
		.ip = 4,
		.proto = 6,
		.tcp_flags = ACK,
		.opts = opts,
		.opt_len = opt_len,
		.payload_len = payload_len,
	};

	build(&spec, &f);
}

Test(deparse, strips_the_subtypes_that_are_asked_for)
{
	/* An MP_PRIO at an odd place, a DSS, an MP_FAIL, an option of length 2. */
	static const uint8_t opts[28] = {1,  30, 3,    0x50, 30, 8, 0x20, 1, 0, 0, 0, 9, 30, 2,
					 30, 12, 0x60, 0,    1,	 2, 3,	  4, 5, 6, 7, 8, 1,  0};
	struct mpnic_result result;
	struct result before;
	uint8_t *copy;

	build_tcp(opts, sizeof(opts), 11);
	copy = strip(f.bytes, f.len, 2, 1u << MPNIC_SUBTYPE_DSS, &before, &result);
	cr_assert_eq(result.flags, MPNIC_RESULT_STRIPPED);
	cr_assert(!memcmp(copy + f.l4 + 20, opts, 4));
	cr_assert(!memcmp(copy + f.l4 + 24, "\1\1\1\1\1\1\1\1", 8));
	cr_assert(!memcmp(copy + f.l4 + 32, opts + 12, 16));
	cr_assert_eq(run(copy, f.len, 2).csum.l4, MPNIC_CSUM_GOOD);
	free(copy);
	check_strip(f.bytes, f.len, 2, 0xffff);
	check_strip(f.bytes, f.len, 2, 1u << MPNIC_SUBTYPE_MP_PRIO);
	check_strip(f.bytes, f.len, 2, 1u << MPNIC_SUBTYPE_MP_FAIL);
	check_strip(f.bytes, f.len, 2, 1u << MPNIC_SUBTYPE_MP_JOIN);
	check_strip(f.bytes, f.len, 2, 0);
}

Test(deparse, options_beyond_the_decoded_ones)
{
	uint8_t opts[40];
	unsigned int i;

	for (i = 0; i < 13; i++)
		memcpy(opts + 3 * i, "\x1e\x03\x50", 3);
	opts[39] = 0;
	build_tcp(opts, sizeof(opts), 5);
	check_strip(f.bytes, f.len, 2, 1u << MPNIC_SUBTYPE_MP_PRIO);
}

Test(deparse, every_kind_of_checksum)
{
	static const uint8_t opts[12] = {30, 12, 0x60, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};
	unsigned int field;

	build_tcp(opts, sizeof(opts), 7);
	/* Every value of the field: good once, partial once, bad else, and none becomes another. */
	for (field = 0; field < 0x10000; field += field % 7 + 1) {
		put16(f.bytes + f.l4 + 16, field);
		check_strip(f.bytes, f.len, 2, 0xffff);
	}
	fix_l4_csum(&f, 6);
	check_strip(f.bytes, f.len, 2, 0xffff);
	put16(f.bytes + f.l4 + 16, pseudo(&f, 6));
	check_strip(f.bytes, f.len, 2, 0xffff);
	/* The two ways to write zero. */
	put16(f.bytes + f.l4 + 16, 0xffff);
	check_strip(f.bytes, f.len, 2, 0xffff);
}

Test(deparse, every_cut)
{
	static const uint8_t opts[24] = {30, 8, 0x20, 1, 0, 0, 0, 9, 30, 12, 0x60, 0,
					 1,  2, 3,    4, 5, 6, 7, 8, 30, 4,  0x50, 1};
	size_t len;

	build_tcp(opts, sizeof(opts), 20);
	for (len = 0; len <= f.len; len++)
		check_strip(f.bytes, len, 2, 0xffff);
}

Test(deparse, generated_frames)
{
	static struct gen_packet packet;
	uint64_t seed = 0x6d706e6963005001;
	unsigned int n, stripped = 0, per_verdict[6] = {0};

	for (n = 0; n < 60000; n++) {
		struct mpnic_result result;
		struct result before;

		gen_random(rnd(&seed), &packet);
		if (packet.len > 3000)
			packet.len = 3000;
		free(strip(packet.frame, packet.len, packet.user, 0xffff, &before, &result));
		if (!(result.flags & MPNIC_RESULT_STRIPPED) && n % 16)
			continue;
		stripped += result.flags & MPNIC_RESULT_STRIPPED ? 1 : 0;
		per_verdict[before.csum.l4]++;
		check_strip(packet.frame, packet.len, packet.user, 0xffff);
		check_strip(packet.frame, packet.len, packet.user, (uint16_t)rnd(&seed));
		check_strip(packet.frame, packet.len, packet.user,
			    (uint16_t)(1u << (rnd(&seed) >> 60)));
	}
	cr_assert_gt(stripped, 5000, "only %u were stripped", stripped);
	cr_assert_gt(per_verdict[MPNIC_CSUM_BAD], 100);
	cr_assert_gt(per_verdict[MPNIC_CSUM_PARTIAL], 100);
	cr_assert_gt(per_verdict[MPNIC_CSUM_NOT_JUDGED], 100);
}

Test(deparse, every_option_walk)
{
	static struct gen_packet packet;
	const uint64_t count = gen_enum_count();
	uint64_t i;

	for (i = 0; i < count; i++) {
		gen_enum(i, &packet);
		if (packet.class == GEN_OPTION_WALK || packet.class == GEN_SUBTYPE_LENGTH)
			check_strip(packet.frame, packet.len, packet.user, 0xffff);
		i += 6; /* one in seven: every length and place comes in many of them */
	}
}

Test(deparse, records_of_another_frame_are_safe)
{
	static struct gen_packet one, other;
	uint64_t seed = 0x6d706e6963005002;
	unsigned int n;

	for (n = 0; n < 20000; n++) {
		struct mpnic_result result = {.strip = 0xffff};
		struct mpnic_csum csum;
		struct mpnic_hdr hdr;
		uint8_t *copy;

		gen_random(rnd(&seed), &one);
		gen_random(rnd(&seed), &other);
		if (one.len > 200)
			one.len = 200;
		copy = malloc(one.len ? one.len : 1);
		cr_assert_not_null(copy);
		memcpy(copy, one.frame, one.len);
		mpnic_packet(other.frame, other.len, other.user, &hdr, &csum);
		mpnic_deparse(copy, one.len, &hdr, &csum, &result);
		free(copy);
	}
}
