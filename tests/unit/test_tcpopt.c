/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage tcpopt: each verdict, and the options that are noted. */
#include <criterion/criterion.h>
#include <string.h>

#include "run.h"

static struct frame f;

#define assert_tcpopt(hdr, name)                                        \
	cr_assert_eq((hdr).tcpopt, MPNIC_TCPOPT_##name, "tcpopt is %s", \
		     mpnic_tcpopt_name((hdr).tcpopt))

Test(tcpopt, none)
{
	struct spec s = {.ip = 4, .proto = 6, .tcp_flags = ACK};
	struct mpnic_hdr hdr;

	build(&s, &f);
	assert_tcpopt(run_frame(&f).hdr, NONE);
	s.proto = 17;
	build(&s, &f);
	assert_tcpopt(run_frame(&f).hdr, NONE);
	hdr = decode(ACK, 0, UNKNOWN, NULL, 0);
	assert_tcpopt(hdr, NONE);
	cr_assert_eq(hdr.opt_starts, 0);
}

Test(tcpopt, ok)
{
	struct mpnic_hdr hdr = DECODE(SYN, 0, UNKNOWN, 2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5,
				      6, 7, 8, 1, 3, 3, 7);

	assert_tcpopt(hdr, OK);
	cr_assert_eq(hdr.flags & 0x780, MPNIC_HDR_MSS | MPNIC_HDR_WSCALE |
						MPNIC_HDR_SACK_PERMITTED | MPNIC_HDR_TIMESTAMPS);
	cr_assert_eq(hdr.mss, 1460);
	cr_assert_eq(hdr.wscale, 7);
	cr_assert_eq(hdr.ts_val, 0x01020304);
	cr_assert_eq(hdr.ts_ecr, 0x05060708);
	cr_assert_eq(hdr.opt_starts, 1u << 0 | 1u << 4 | 1u << 6 | 1u << 16 | 1u << 17);
	cr_assert_eq(hdr.mptcp, 0);
}

Test(tcpopt, ok_at_end_of_list)
{
	/* What follows the end is not looked at. */
	struct mpnic_hdr hdr = DECODE(ACK, 0, UNKNOWN, 1, 0, 2, 4, 5, 6, 30, 0);

	assert_tcpopt(hdr, OK);
	cr_assert_eq(hdr.opt_starts, 3);
	cr_assert_eq(hdr.flags & MPNIC_HDR_MSS, 0);
	cr_assert_eq(hdr.mptcp_count, 0);
}

Test(tcpopt, len_below_2)
{
	unsigned int len;

	for (len = 0; len < 2; len++) {
		struct mpnic_hdr hdr = DECODE(ACK, 0, UNKNOWN, 2, 4, 1, 2, 30, (uint8_t)len, 3, 3);

		assert_tcpopt(hdr, LEN_BELOW_2);
		cr_assert_eq(hdr.opt_starts, 0x11);
		cr_assert_eq(hdr.mss, 0x0102);
		cr_assert_eq(hdr.mptcp_count, 0);
	}
}

Test(tcpopt, overrun_without_length)
{
	struct mpnic_hdr hdr = DECODE(ACK, 0, UNKNOWN, 1, 1, 1, 30);

	assert_tcpopt(hdr, OVERRUN);
	cr_assert_eq(hdr.opt_starts, 15);
	cr_assert_eq(hdr.mptcp_count, 0);
}

Test(tcpopt, overrun_by_length)
{
	unsigned int len;

	for (len = 5; len < 256; len++) {
		struct mpnic_hdr hdr =
			DECODE(ACK, 0, UNKNOWN, 3, 3, 9, 1, 30, (uint8_t)len, 0x20, 0);

		assert_tcpopt(hdr, OVERRUN);
		cr_assert_eq(hdr.opt_starts, 0x19);
		cr_assert_eq(hdr.wscale, 9);
		cr_assert_eq(hdr.mptcp_count, 0);
	}
}

Test(tcpopt, cut_by_the_frame)
{
	static const uint8_t opts[12] = {1, 1, 30, 8, 0x20, 1, 0, 0, 0, 9, 0, 0};
	struct spec s = {.ip = 4, .proto = 6, .tcp_flags = ACK, .opts = opts, .opt_len = 12};
	size_t there;

	build(&s, &f);
	for (there = 0; there < 12; there++) {
		struct result r = run(f.bytes, f.l4 + 20 + there, MPNIC_USER(UNKNOWN, 0));

		cr_assert_eq(r.hdr.parse, MPNIC_PARSE_TRUNCATED);
		cr_assert_eq(r.hdr.opt_len, there);
		/* With the end of the list in sight the walk was complete. */
		if (there == 11)
			assert_tcpopt(r.hdr, OK);
		else
			assert_tcpopt(r.hdr, CUT);
		cr_assert_eq(r.hdr.opt_starts, there < 3    ? (1u << there) - 1
					       : there < 11 ? 7
							    : 0x407);
		cr_assert_eq(r.hdr.mptcp_count, there >= 10);
		cr_assert_eq(r.hdr.payload_off, 66);
	}
}

Test(tcpopt, cut_options_of_bad_length)
{
	static const uint8_t opts[8] = {1, 30, 1, 1, 1, 1, 1, 1};
	struct spec s = {.ip = 4, .proto = 6, .tcp_flags = ACK, .opts = opts, .opt_len = 8};

	build(&s, &f);
	assert_tcpopt(run(f.bytes, f.l4 + 20 + 3, 0).hdr, LEN_BELOW_2);
	assert_tcpopt(run(f.bytes, f.l4 + 20 + 2, 0).hdr, CUT);
}

Test(tcpopt, last_of_a_kind_wins)
{
	struct mpnic_hdr hdr =
		DECODE(SYN, 0, UNKNOWN, 2, 4, 0, 1, 2, 4, 0, 2, 3, 3, 4, 3, 3, 5, 1, 1);

	cr_assert_eq(hdr.mss, 2);
	cr_assert_eq(hdr.wscale, 5);
}

Test(tcpopt, other_lengths_are_ignored)
{
	static const struct {
		uint8_t kind, right;
		uint16_t flag;
	} kinds[] = {
		{2, 4, MPNIC_HDR_MSS},
		{3, 3, MPNIC_HDR_WSCALE},
		{4, 2, MPNIC_HDR_SACK_PERMITTED},
		{8, 10, MPNIC_HDR_TIMESTAMPS},
	};
	unsigned int i, len;

	for (i = 0; i < 4; i++) {
		for (len = 2; len <= 40; len++) {
			uint8_t opts[40];
			struct mpnic_hdr hdr;

			memset(opts, 1, sizeof(opts));
			opts[0] = kinds[i].kind;
			opts[1] = (uint8_t)len;
			hdr = decode(SYN, 0, UNKNOWN, opts, sizeof(opts));
			assert_tcpopt(hdr, OK);
			cr_assert_eq(hdr.flags & 0x780, len == kinds[i].right ? kinds[i].flag : 0);
		}
	}
}

Test(tcpopt, right_then_wrong_length_keeps_the_right_one)
{
	struct mpnic_hdr hdr = DECODE(SYN, 0, UNKNOWN, 2, 4, 1, 2, 2, 6, 9, 9, 9, 9, 1, 1);

	cr_assert_eq(hdr.mss, 0x0102);
}

Test(tcpopt, unknown_kinds_are_passed)
{
	unsigned int kind;

	for (kind = 5; kind < 256; kind++) {
		struct mpnic_hdr hdr;

		if (kind == 8 || kind == 30)
			continue;
		hdr = DECODE(SYN, 0, UNKNOWN, (uint8_t)kind, 6, 0, 0, 0, 0, 2, 4, 1, 1, 1, 1);
		assert_tcpopt(hdr, OK);
		cr_assert_eq(hdr.opt_starts, 0xc41);
		cr_assert_eq(hdr.mss, 0x0101);
		cr_assert_eq(hdr.mptcp_count, 0);
	}
}

Test(tcpopt, lengths_of_decode_options)
{
	static const uint8_t opts[64] = {1};
	struct mpnic_hdr hdr;
	size_t len;

	for (len = 0; len <= 40; len++)
		cr_assert_eq(mpnic_decode_options(opts, len, ACK, 0, UNKNOWN, &hdr), 0);
	cr_assert_lt(mpnic_decode_options(opts, 41, ACK, 0, UNKNOWN, &hdr), 0);
	cr_assert_lt(mpnic_decode_options(opts, SIZE_MAX, ACK, 0, UNKNOWN, &hdr), 0);
}
