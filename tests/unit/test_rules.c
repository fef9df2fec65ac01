/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fallback rules of RFC 8684 and RFC 6824, by their numbers in the project's list, as far as
 * decoding answers for them: that one segment shows what a rule asks about.
 *
 * What needs a connection's history is for later parts: 1 to 4 (who offered and who answered), 6
 * (an answer without MP_CAPABLE; one segment shows only that there is none), 11 (keys), 12
 * (unexpected ACK numbers), 14 (no MP_JOIN before a DSS), 17, 19, 20, 23, 26 (state after data), 30
 * to 34 (windows, duplicate ACKs, caches, retries).
 */
#include <criterion/criterion.h>

#include "run.h"

#define KEY_A 1, 2, 3, 4, 5, 6, 7, 8
#define KEY_B 9, 10, 11, 12, 13, 14, 15, 16

#define assert_error(hdr, name)                                                 \
	cr_assert_eq((hdr).opt[0].error, MPNIC_OPT_ERROR_##name, "error is %s", \
		     mpnic_opt_error_name((hdr).opt[0].error))

Test(rules, rule_01_no_option_shows_as_none)
{
	struct mpnic_hdr hdr = DECODE(SYN | ACK, 0, UNKNOWN, 2, 4, 5, 0xb4, 1, 1, 4, 2);

	cr_assert_eq(hdr.mptcp, 0);
	cr_assert_eq(hdr.mptcp_count, 0);
}

Test(rules, rule_05_version_of_syn_and_synack)
{
	struct mpnic_hdr hdr = DECODE(SYN, 0, UNKNOWN, 30, 4, 0x01, 0x01);

	cr_assert_eq(hdr.opt[0].version, 1);
	/* A version above ours is named, not guessed at, whatever its length. */
	hdr = DECODE(SYN, 0, UNKNOWN, 30, 4, 0x02, 0x01);
	assert_error(hdr, VERSION);
	cr_assert_eq(hdr.opt[0].version, 2);
	hdr = DECODE(SYN | ACK, 0, UNKNOWN, 30, 12, 0x01, 0x01, KEY_B);
	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].version, 1);
}

Test(rules, rule_07_synack_of_version_0_to_a_v1_syn)
{
	/* The answer is well formed and says plainly that the peer speaks v0. */
	struct mpnic_hdr hdr = DECODE(SYN | ACK, 0, V1_GIVEN, 30, 12, 0x00, 0x01, KEY_B);

	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].version, 0);
	cr_assert_eq(hdr.opt[0].version_from, MPNIC_VERSION_FROM_CARRIED);
	cr_assert_eq(hdr.opt[0].capable.sender_key, 0x090a0b0c0d0e0f10);
}

Test(rules, rule_08_b_bit)
{
	/* In both versions, and before any question of length: B may change it. */
	assert_error(DECODE(SYN, 0, UNKNOWN, 30, 4, 0x01, 0x41), EXTENSIBILITY);
	assert_error(DECODE(SYN, 0, UNKNOWN, 30, 12, 0x00, 0x41, KEY_A), EXTENSIBILITY);
	assert_error(DECODE(SYN, 0, UNKNOWN, 30, 8, 0x01, 0x41, 1, 2, 3, 4), EXTENSIBILITY);
	assert_error(DECODE(SYN | ACK, 0, UNKNOWN, 30, 12, 0x01, 0xc1, KEY_B), EXTENSIBILITY);
}

Test(rules, rule_09_no_crypto_bit)
{
	assert_error(DECODE(SYN, 0, UNKNOWN, 30, 4, 0x01, 0x80), NO_CRYPTO);
	assert_error(DECODE(SYN, 0, UNKNOWN, 30, 12, 0x00, 0x80, KEY_A), NO_CRYPTO);
	/* C is a crypto bit in v0, but says "no joins to this address" in v1. */
	assert_error(DECODE(SYN, 0, UNKNOWN, 30, 4, 0x01, 0x20), NO_CRYPTO);
	assert_error(DECODE(SYN, 0, UNKNOWN, 30, 12, 0x00, 0x20, KEY_A), NONE);
	/* An algorithm that nobody has yet is a proposal; who has it is the responder's question.
	 */
	assert_error(DECODE(SYN, 0, UNKNOWN, 30, 4, 0x01, 0x02), NONE);
}

Test(rules, rule_10_a_bit_shows_on_every_form)
{
	struct mpnic_hdr hdr = DECODE(SYN, 0, UNKNOWN, 30, 4, 0x01, 0x81);

	cr_assert(hdr.opt[0].flags & MPNIC_CAPABLE_A);
	hdr = DECODE(SYN | ACK, 0, UNKNOWN, 30, 12, 0x01, 0x81, KEY_B);
	cr_assert(hdr.opt[0].flags & MPNIC_CAPABLE_A);
	hdr = DECODE(ACK, 0, UNKNOWN, 30, 20, 0x01, 0x81, KEY_A, KEY_B);
	cr_assert(hdr.opt[0].flags & MPNIC_CAPABLE_A);
}

Test(rules, rule_13_wrong_length)
{
	static const struct {
		uint8_t tcp_flags, payload, version, right;
	} types[] = {
		{SYN, 0, 1, 4},	 {SYN, 0, 0, 12}, {SYN | ACK, 0, 1, 12}, {SYN | ACK, 0, 0, 12},
		{ACK, 0, 1, 20}, {ACK, 0, 0, 20}, {ACK, 1, 1, 22},
	};
	unsigned int i, len;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		for (len = 4; len <= 40; len++) {
			uint8_t opts[40] = {30, (uint8_t)len, types[i].version, 0x01};
			struct mpnic_hdr hdr =
				decode(types[i].tcp_flags, types[i].payload, UNKNOWN, opts, len);

			if (len == types[i].right)
				assert_error(hdr, NONE);
			else if (types[i].payload && len == 24)
				assert_error(hdr, CSUM_FLAG);
			else
				assert_error(hdr, LENGTH);
		}
	}
}

Test(rules, rule_13_echoed_key_shows)
{
	/* Whether it is the right one is for who holds the connection. */
	struct mpnic_hdr hdr = DECODE(ACK, 0, UNKNOWN, 30, 20, 0x01, 0x01, KEY_A, KEY_B);

	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].capable.receiver_key, 0x090a0b0c0d0e0f10);
}

Test(rules, rule_15_first_data_carries_mp_capable)
{
	struct mpnic_hdr hdr =
		DECODE(ACK, 100, UNKNOWN, 30, 22, 0x01, 0x01, KEY_A, KEY_B, 0, 100, 1, 1);

	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].data_len, 100);
	hdr = DECODE(ACK, 100, UNKNOWN, 30, 24, 0x01, 0x81, KEY_A, KEY_B, 0, 100, 0xab, 0xcd);
	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].data_len, 100);
	cr_assert_eq(hdr.opt[0].checksum, 0xabcd);
	/* Data with the third ACK's form says nothing of the mapping. */
	assert_error(DECODE(ACK, 100, UNKNOWN, 30, 20, 0x01, 0x01, KEY_A, KEY_B), LENGTH);
	/* Nor does a mapping without data. */
	assert_error(DECODE(ACK, 0, UNKNOWN, 30, 22, 0x01, 0x01, KEY_A, KEY_B, 0, 0, 1, 1), LENGTH);
	/* 22 without checksums, 24 with them, and nothing else. */
	assert_error(DECODE(ACK, 1, UNKNOWN, 30, 22, 0x01, 0x81, KEY_A, KEY_B, 0, 1, 1, 1),
		     CSUM_FLAG);
	assert_error(DECODE(ACK, 1, UNKNOWN, 30, 24, 0x01, 0x01, KEY_A, KEY_B, 0, 1, 0, 0),
		     CSUM_FLAG);
}

Test(rules, rule_15_duplicates_with_a_larger_mapping)
{
	/* Segments that hardware cut from one: the mapping may be longer than the payload. */
	struct mpnic_hdr hdr =
		DECODE(ACK, 1400, UNKNOWN, 30, 22, 0x01, 0x01, KEY_A, KEY_B, 0x10, 0, 1, 1);

	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].data_len, 4096);
}

Test(rules, rule_16_v0_no_data_on_the_third_ack)
{
	unsigned int len;

	assert_error(DECODE(ACK, 0, UNKNOWN, 30, 20, 0x00, 0x01, KEY_A, KEY_B), NONE);
	for (len = 4; len <= 40; len++) {
		uint8_t opts[40] = {30, (uint8_t)len, 0x00, 0x81};

		assert_error(decode(ACK, 1, UNKNOWN, opts, len), LENGTH);
	}
}

Test(rules, rule_18_infinite_mapping)
{
	struct mpnic_hdr hdr =
		DECODE(ACK, 10, UNKNOWN, 30, 14, 0x20, 0x04, 0, 0, 0, 9, 0, 0, 0, 5, 0, 0, 1, 1);

	assert_error(hdr, NONE);
	cr_assert(hdr.opt[0].fields & MPNIC_FIELD_MAPPING);
	cr_assert_eq(hdr.opt[0].data_len, 0);
	/* On a joined subflow: RST with reason 6. */
	hdr = DECODE(RST, 0, UNKNOWN, 30, 4, 0x80, 6);
	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].tcprst.reason, 6);
}

Test(rules, rule_21_and_24_mp_fail_on_a_rst)
{
	struct mpnic_hdr hdr =
		DECODE(RST | ACK, 0, UNKNOWN, 30, 12, 0x60, 0, KEY_A, 30, 4, 0x81, 2);

	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].fail.fail_dsn, 0x0102030405060708);
	cr_assert_eq(hdr.mptcp, MPNIC_MPTCP_PRESENT);
}

Test(rules, rule_22_mp_fail_on_an_ack)
{
	struct mpnic_hdr hdr =
		DECODE(ACK, 0, UNKNOWN, 30, 12, 0x60, 0, KEY_A, 30, 8, 0x20, 1, 0, 0, 0, 1);

	assert_error(hdr, NONE);
	cr_assert_eq(hdr.mptcp, MPNIC_MPTCP_PRESENT);
}

Test(rules, rule_25_infinite_mapping_with_a_checksum_field_of_0)
{
	struct mpnic_hdr hdr =
		DECODE(ACK, 10, UNKNOWN, 30, 16, 0x20, 0x04, 0, 0, 0, 9, 0, 0, 0, 5, 0, 0, 0, 0);

	assert_error(hdr, NONE);
	cr_assert(hdr.opt[0].fields & MPNIC_FIELD_CHECKSUM);
	cr_assert_eq(hdr.opt[0].data_len, 0);
	cr_assert_eq(hdr.opt[0].checksum, 0);
}

Test(rules, rule_27_presence_of_the_checksum_shows)
{
	struct mpnic_hdr hdr = DECODE(ACK, 10, UNKNOWN, 30, 16, 0x20, 0x04, 0, 0, 0, 9, 0, 0, 0, 5,
				      0, 10, 0xab, 0xcd);

	cr_assert(hdr.opt[0].fields & MPNIC_FIELD_CHECKSUM);
	cr_assert_eq(hdr.opt[0].checksum, 0xabcd);
	hdr = DECODE(ACK, 10, UNKNOWN, 30, 14, 0x20, 0x04, 0, 0, 0, 9, 0, 0, 0, 5, 0, 10, 1, 1);
	cr_assert_eq(hdr.opt[0].fields & MPNIC_FIELD_CHECKSUM, 0);
}

Test(rules, rule_28_reasons_of_a_refused_join)
{
	unsigned int reason;

	for (reason = 0; reason < 256; reason++) {
		struct mpnic_hdr hdr = DECODE(RST | ACK, 0, V1_GIVEN, 30, 4, 0x80, (uint8_t)reason);

		assert_error(hdr, NONE);
		cr_assert_eq(hdr.opt[0].tcprst.reason, reason);
	}
}

Test(rules, rule_29_third_ack_of_a_join)
{
	assert_error(DECODE(ACK, 0, UNKNOWN, 30, 24, 0x10, 0, KEY_A, KEY_B, 1, 2, 3, 4), NONE);
	/* Data there breaks a rule of the connection's state, not of the option's form. */
	assert_error(DECODE(ACK, 9, UNKNOWN, 30, 24, 0x10, 0, KEY_A, KEY_B, 1, 2, 3, 4), NONE);
}

Test(rules, fast_open_data_on_the_syn_changes_no_form)
{
	assert_error(DECODE(SYN, 500, UNKNOWN, 30, 4, 0x01, 0x01), NONE);
	assert_error(DECODE(SYN | ACK, 500, UNKNOWN, 30, 12, 0x01, 0x01, KEY_B), NONE);
}
