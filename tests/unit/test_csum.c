/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage csum: each verdict, and the payload's sum. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

static struct frame f;

#define assert_csum(is, name) cr_assert_eq(is, MPNIC_CSUM_##name, #is " is %s", mpnic_csum_name(is))

/* All the ways in which TCP and UDP are carried. */
static const struct spec carriers[] = {
	{.ip = 4, .proto = 6, .tcp_flags = ACK},
	{.ip = 6, .proto = 6, .tcp_flags = ACK},
	{.ip = 4, .proto = 17},
	{.ip = 6, .proto = 17},
	{.ip = 4, .proto = 6, .ip_opt_len = 8, .tags = 1},
};

enum {
	CARRIERS = sizeof(carriers) / sizeof(carriers[0]),
};

static size_t field_of(const struct spec *s)
{
	return f.l4 + (s->proto == 6 ? 16 : 6);
}

Test(csum, good_and_every_bit_bad)
{
	unsigned int i, bit;

	for (i = 0; i < CARRIERS; i++) {
		struct spec s = carriers[i];
		struct result r;

		s.payload_len = 33;
		build(&s, &f);
		r = run_frame(&f);
		assert_csum(r.csum.l4, GOOD);
		cr_assert_eq(r.csum.ip, s.ip == 4 ? MPNIC_CSUM_GOOD : MPNIC_CSUM_NONE);
		cr_assert_eq(r.csum.payload_seen, 33);
		cr_assert_eq(r.csum.payload_sum, naive_sum(f.bytes + f.payload, 33));
		for (bit = 0; bit < 33 * 8; bit++) {
			f.bytes[f.payload + bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_csum(run_frame(&f).csum.l4, BAD);
			f.bytes[f.payload + bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

Test(csum, every_payload_length)
{
	unsigned int i;

	for (i = 0; i < CARRIERS; i++) {
		struct spec s = carriers[i];

		for (s.payload_len = 0; s.payload_len < 400; s.payload_len++) {
			struct result r;

			build(&s, &f);
			r = run_frame(&f);
			assert_csum(r.csum.l4, GOOD);
			cr_assert_eq(r.csum.payload_sum,
				     naive_sum(f.bytes + f.payload, s.payload_len));
			cr_assert_eq(r.csum.payload_seen, s.payload_len);
			cr_assert_eq(r.csum.frame_len, f.len);
		}
	}
}

Test(csum, largest_frame)
{
	struct spec s = carriers[0];
	struct result r;

	s.payload_len = 65535 - 14 - 40;
	build(&s, &f);
	r = run_frame(&f);
	cr_assert_eq(f.len, 65535);
	assert_csum(r.csum.l4, GOOD);
	cr_assert_eq(r.csum.frame_len, 65535);
	cr_assert_eq(r.csum.payload_sum, naive_sum(f.bytes + f.payload, s.payload_len));
	/* Longer ones are taken as that long. */
	memset(f.bytes + f.len, 0, 100);
	r = run(f.bytes, f.len + 100, 0);
	assert_csum(r.csum.l4, GOOD);
	cr_assert_eq(r.csum.frame_len, 65535);
}

Test(csum, ip)
{
	struct spec s = carriers[0];
	unsigned int bit;

	build(&s, &f);
	assert_csum(run_frame(&f).csum.ip, GOOD);
	/* Every bit of the header that does not change how it is read. */
	for (bit = 8; bit < 16; bit++) {
		f.bytes[f.l3 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_csum(run_frame(&f).csum.ip, BAD);
		f.bytes[f.l3 + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (bit = 64; bit < 160; bit++) {
		f.bytes[f.l3 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_csum(run_frame(&f).csum.ip, BAD);
		f.bytes[f.l3 + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	/* Fragments have the header too. */
	put16(f.bytes + f.l3 + 6, 0x2000);
	fix_ip_csum(&f);
	assert_csum(run_frame(&f).csum.ip, GOOD);
}

Test(csum, ip_not_judged)
{
	struct spec s = carriers[0];

	s.ip_opt_len = 12;
	build(&s, &f);
	assert_csum(run(f.bytes, f.l4 - 1, 0).csum.ip, NOT_JUDGED);
	assert_csum(run(f.bytes, f.l4, 0).csum.ip, GOOD);
}

Test(csum, none)
{
	struct spec s = {.ip = 6, .proto = 58, .payload_len = 8};
	struct result r;

	build(&s, &f);
	r = run_frame(&f);
	assert_csum(r.csum.ip, NONE);
	assert_csum(r.csum.l4, NONE);
	cr_assert_eq(r.csum.payload_seen, 0);
	put16(f.bytes + 12, 0x0806);
	r = run_frame(&f);
	assert_csum(r.csum.ip, NONE);
	assert_csum(r.csum.l4, NONE);
	cr_assert_eq(r.csum.frame_len, f.len);
	r = run(f.bytes, 5, 0);
	assert_csum(r.csum.l4, NONE);
	cr_assert_eq(r.csum.frame_len, 5);
}

Test(csum, none_where_the_ip_header_is_wrong)
{
	build(&carriers[0], &f);
	f.bytes[f.l3] = 0x55;
	assert_csum(run_frame(&f).csum.l4, NONE);
	f.bytes[f.l3] = 0x44;
	assert_csum(run_frame(&f).csum.l4, NONE);
	f.bytes[f.l3] = 0x45;
	put16(f.bytes + f.l3 + 2, 19);
	assert_csum(run_frame(&f).csum.l4, NONE);
	assert_csum(run_frame(&f).csum.ip, NONE);
}

Test(csum, partial)
{
	unsigned int i;

	for (i = 0; i < CARRIERS; i++) {
		struct spec s = carriers[i];

		s.payload_len = 501;
		build(&s, &f);
		put16(f.bytes + field_of(&s), pseudo(&f, s.proto));
		assert_csum(run_frame(&f).csum.l4, PARTIAL);
		put16(f.bytes + field_of(&s), 0xffffu - pseudo(&f, s.proto));
		assert_csum(run_frame(&f).csum.l4, BAD);
	}
}

Test(csum, good_is_asked_before_partial)
{
	struct spec s = carriers[0];
	uint32_t rest;

	/* With the pseudo header's sum in the field, two bytes of payload make all of it right. */
	s.payload_len = 2;
	build(&s, &f);
	put16(f.bytes + field_of(&s), pseudo(&f, 6));
	put16(f.bytes + f.payload, 0);
	rest = (uint32_t)pseudo(&f, 6) + naive_sum(f.bytes + f.l4, f.l4_len);
	rest = rest > 0xffff ? rest - 0xffff : rest;
	put16(f.bytes + f.payload, 0xffff - rest);
	assert_csum(run_frame(&f).csum.l4, GOOD);
}

Test(csum, zero)
{
	struct spec s = carriers[2];

	s.payload_len = 20;
	build(&s, &f);
	put16(f.bytes + field_of(&s), 0);
	assert_csum(run_frame(&f).csum.l4, ZERO);
	s = carriers[3];
	s.payload_len = 20;
	build(&s, &f);
	put16(f.bytes + field_of(&s), 0);
	assert_csum(run_frame(&f).csum.l4, BAD);
	/* To TCP it is a value like any other. */
	s = carriers[0];
	build(&s, &f);
	put16(f.bytes + field_of(&s), 0);
	assert_csum(run_frame(&f).csum.l4, BAD);
}

Test(csum, truncated_payload)
{
	unsigned int i;
	size_t len;

	for (i = 0; i < CARRIERS; i++) {
		struct spec s = carriers[i];

		s.payload_len = 150;
		build(&s, &f);
		for (len = f.payload; len < f.len; len++) {
			struct result r = run(f.bytes, len, 0);

			assert_csum(r.csum.l4, NOT_JUDGED);
			cr_assert_eq(r.csum.truncated, 1);
			cr_assert_eq(r.csum.payload_seen, len - f.payload);
			cr_assert_eq(r.csum.payload_sum,
				     naive_sum(f.bytes + f.payload, len - f.payload));
		}
	}
}

Test(csum, truncated_comes_before_zero)
{
	struct spec s = carriers[2];

	s.payload_len = 20;
	build(&s, &f);
	put16(f.bytes + field_of(&s), 0);
	assert_csum(run(f.bytes, f.len - 1, 0).csum.l4, NOT_JUDGED);
}

Test(csum, not_judged)
{
	static const uint8_t deep[144] = {6, 17};
	struct spec s = carriers[0];

	s.payload_len = 40;
	build(&s, &f);
	put16(f.bytes + f.l3 + 6, 0x2000);
	assert_csum(run_frame(&f).csum.l4, NOT_JUDGED);
	put16(f.bytes + f.l3 + 6, 0);
	assert_csum(run(f.bytes, f.l4 + 19, 0).csum.l4, NOT_JUDGED);
	s = (struct spec){.ip = 6, .proto = 6, .first = 60, .ext = deep, .ext_len = sizeof(deep)};
	build(&s, &f);
	cr_assert_eq(run_frame(&f).hdr.parse, MPNIC_PARSE_TOO_DEEP);
	assert_csum(run_frame(&f).csum.l4, NOT_JUDGED);
	s = carriers[0];
	s.payload_len = 40;
	build(&s, &f);
	f.bytes[f.l4 + 12] = 4 << 4;
	assert_csum(run_frame(&f).csum.l4, NOT_JUDGED);
	put16(f.bytes + f.l3 + 2, 39);
	assert_csum(run_frame(&f).csum.l4, NOT_JUDGED);
	s = carriers[2];
	build(&s, &f);
	put16(f.bytes + f.l4 + 4, 7);
	assert_csum(run_frame(&f).csum.l4, NOT_JUDGED);
}

Test(csum, udp_length_not_ip_length)
{
	struct spec s = carriers[2];
	struct result r;

	/* IP carries 10 bytes more than the datagram has. */
	s.payload_len = 30;
	build(&s, &f);
	put16(f.bytes + f.l4 + 4, 28);
	f.l4_len = 28;
	fix_l4_csum(&f, 17);
	r = run_frame(&f);
	assert_csum(r.csum.l4, GOOD);
	cr_assert_eq(r.csum.payload_seen, 20);
	/* Those 10 bytes may be missing. */
	assert_csum(run(f.bytes, f.len - 10, 0).csum.l4, GOOD);
	assert_csum(run(f.bytes, f.len - 11, 0).csum.l4, NOT_JUDGED);
}

Test(csum, sum_of_zeros_is_zero)
{
	static const uint8_t zeros[512];
	uint8_t ones[512];
	size_t len;

	memset(ones, 0xff, sizeof(ones));
	for (len = 0; len <= sizeof(zeros); len++) {
		cr_assert_eq(mpnic_sum16(zeros, len), 0);
		cr_assert_eq(mpnic_sum16(ones, len), len == 0  ? 0
						     : len % 2 ? naive_sum(ones, len)
							       : 0xffff);
	}
}

Test(csum, sum_beyond_a_block)
{
	/* Longer than the blocks in which the sum is taken; all their sums carry. */
	const size_t len = ((size_t)3 << 26) + 4099;
	uint8_t *data = malloc(len);
	uint16_t sum;

	if (!data)
		cr_skip_test("no memory for %zu bytes", len);
	memset(data, 0xff, len);
	sum = mpnic_sum16(data, len - 1);
	cr_assert_eq(sum, 0xffff);
	data[len - 2] = 0xfe;
	cr_assert_eq(mpnic_sum16(data, len - 1), 0xfffe);
	free(data);
}
