/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage mptcp: every subtype, version and length form, every error, and their order. */
#include <criterion/criterion.h>
#include <string.h>

#include "run.h"

#define assert_error(hdr, name)                                                 \
	cr_assert_eq((hdr).opt[0].error, MPNIC_OPT_ERROR_##name, "error is %s", \
		     mpnic_opt_error_name((hdr).opt[0].error))

#define FIELD(name) MPNIC_FIELD_##name

/* 0xa0, 0xa1 ... as wire bytes, so that a field tells where it came from. */
#define W4(n) (n), (n) + 1, (n) + 2, (n) + 3
#define W8(n) W4(n), W4((n) + 4)

/* An option with an error shows nothing but its frame. */
static void check_blank(const struct mpnic_opt *opt)
{
	static const uint8_t zero[24];

	cr_assert_eq(opt->fields, 0);
	cr_assert_eq(opt->addr_id, 0);
	cr_assert_eq(opt->data_len, 0);
	cr_assert_eq(opt->checksum, 0);
	cr_assert_eq(opt->port, 0);
	check_same(opt->body, zero, sizeof(zero), "body");
}

static void check_version(const struct mpnic_opt *opt, unsigned int version, unsigned int from)
{
	cr_assert_eq(opt->version, version);
	cr_assert_eq(opt->version_from, from);
}

Test(mptcp, length_2_has_no_subtype)
{
	unsigned int given;

	for (given = 0; given <= 2; given++) {
		struct mpnic_hdr hdr = DECODE(ACK, 0, given, 30, 2, 1, 1);

		cr_assert_eq(hdr.mptcp, MPNIC_MPTCP_PRESENT | MPNIC_MPTCP_MALFORMED);
		cr_assert_eq(hdr.mptcp_count, 1);
		cr_assert_eq(hdr.opt[0].subtype, MPNIC_SUBTYPE_NONE);
		cr_assert_eq(hdr.opt[0].length, 2);
		cr_assert_eq(hdr.opt[0].flags, 0);
		assert_error(hdr, LENGTH);
		check_version(&hdr.opt[0], 255, MPNIC_VERSION_FROM_NONE);
		check_blank(&hdr.opt[0]);
	}
}

Test(mptcp, offset_and_length)
{
	struct mpnic_hdr hdr = DECODE(ACK, 9, UNKNOWN, 1, 30, 3, 0x51, 30, 4, 0x40, 7);

	cr_assert_eq(hdr.mptcp_count, 2);
	cr_assert_eq(hdr.mptcp, MPNIC_MPTCP_PRESENT);
	cr_assert_eq(hdr.opt[0].offset, 1);
	cr_assert_eq(hdr.opt[0].length, 3);
	cr_assert_eq(hdr.opt[0].flags, 1);
	cr_assert_eq(hdr.opt[1].offset, 4);
	cr_assert_eq(hdr.opt[1].length, 4);
	cr_assert_eq(hdr.opt[1].subtype, MPNIC_SUBTYPE_REMOVE_ADDR);
}

Test(mptcp, capable_syn_v1)
{
	struct mpnic_hdr hdr = DECODE(SYN, 0, UNKNOWN, 30, 4, 0x01, 0xa1);

	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].subtype, MPNIC_SUBTYPE_MP_CAPABLE);
	cr_assert_eq(hdr.opt[0].flags, MPNIC_CAPABLE_A | MPNIC_CAPABLE_C | MPNIC_CAPABLE_H);
	cr_assert_eq(hdr.opt[0].fields, 0);
	check_version(&hdr.opt[0], 1, MPNIC_VERSION_FROM_CARRIED);
}

Test(mptcp, capable_syn_v0)
{
	struct mpnic_hdr hdr = DECODE(SYN, 0, V1_GIVEN, 30, 12, 0x00, 0x01, W8(0xa0));

	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].fields, FIELD(SENDER_KEY));
	cr_assert_eq(hdr.opt[0].capable.sender_key, 0xa0a1a2a3a4a5a6a7);
	cr_assert_eq(hdr.opt[0].capable.receiver_key, 0);
	/* The version that it carries counts, whatever was given. */
	check_version(&hdr.opt[0], 0, MPNIC_VERSION_FROM_CARRIED);
}

Test(mptcp, capable_synack)
{
	unsigned int version;

	for (version = 0; version < 2; version++) {
		struct mpnic_hdr hdr =
			DECODE(SYN | ACK, 0, UNKNOWN, 30, 12, (uint8_t)version, 0x01, W8(0xb0));

		assert_error(hdr, NONE);
		cr_assert_eq(hdr.opt[0].fields, FIELD(SENDER_KEY));
		cr_assert_eq(hdr.opt[0].capable.sender_key, 0xb0b1b2b3b4b5b6b7);
		cr_assert_eq(hdr.opt[0].version, version);
	}
}

Test(mptcp, capable_ack)
{
	unsigned int version;

	for (version = 0; version < 2; version++) {
		struct mpnic_hdr hdr =
			DECODE(ACK, 0, UNKNOWN, 30, 20, (uint8_t)version, 0x81, W8(0xa0), W8(0xb0));

		assert_error(hdr, NONE);
		cr_assert_eq(hdr.opt[0].fields, FIELD(SENDER_KEY) | FIELD(RECEIVER_KEY));
		cr_assert_eq(hdr.opt[0].capable.sender_key, 0xa0a1a2a3a4a5a6a7);
		cr_assert_eq(hdr.opt[0].capable.receiver_key, 0xb0b1b2b3b4b5b6b7);
		cr_assert_eq(hdr.opt[0].data_len, 0);
	}
}

Test(mptcp, capable_ack_with_data)
{
	struct mpnic_hdr hdr = DECODE(ACK | PSH, 5, UNKNOWN, 30, 22, 1, 0x01, W8(0xa0), W8(0xb0),
				      0x12, 0x34, 1, 1);

	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].fields, FIELD(SENDER_KEY) | FIELD(RECEIVER_KEY) | FIELD(DATA_LEN));
	cr_assert_eq(hdr.opt[0].data_len, 0x1234);
	cr_assert_eq(hdr.opt[0].checksum, 0);

	hdr = DECODE(ACK, 5, UNKNOWN, 30, 24, 1, 0x81, W8(0xa0), W8(0xb0), 0x12, 0x34, 0x56, 0x78);
	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].fields,
		     FIELD(SENDER_KEY) | FIELD(RECEIVER_KEY) | FIELD(DATA_LEN) | FIELD(CHECKSUM));
	cr_assert_eq(hdr.opt[0].data_len, 0x1234);
	cr_assert_eq(hdr.opt[0].checksum, 0x5678);
}

Test(mptcp, capable_errors_in_their_order)
{
	struct mpnic_hdr hdr;

	/* Everything is wrong; then, one by one, what came first is mended. */
	hdr = DECODE(RST, 0, UNKNOWN, 30, 3, 0x02, 1);
	assert_error(hdr, LENGTH);
	cr_assert_eq(hdr.opt[0].flags, 0);
	check_version(&hdr.opt[0], 2, MPNIC_VERSION_FROM_CARRIED);
	hdr = DECODE(RST, 0, UNKNOWN, 30, 5, 0x02, 0x40, 0, 1, 1, 1);
	assert_error(hdr, VERSION);
	cr_assert_eq(hdr.opt[0].flags, 0x40);
	assert_error(DECODE(RST, 0, UNKNOWN, 30, 5, 0x01, 0x40, 0, 1, 1, 1), EXTENSIBILITY);
	assert_error(DECODE(RST, 0, UNKNOWN, 30, 5, 0x01, 0x00, 0, 1, 1, 1), SEGMENT);
	assert_error(DECODE(ACK, 1, UNKNOWN, 30, 5, 0x01, 0x00, 0, 1, 1, 1), LENGTH);
	hdr = DECODE(ACK, 1, UNKNOWN, 30, 22, 0x01, 0x80, W8(1), W8(9), 0, 1, 1, 1);
	assert_error(hdr, CSUM_FLAG);
	check_blank(&hdr.opt[0]);
	hdr = DECODE(ACK, 1, UNKNOWN, 30, 24, 0x01, 0x00, W8(1), W8(9), 0, 1, 2, 3);
	assert_error(hdr, CSUM_FLAG);
	hdr = DECODE(ACK, 1, UNKNOWN, 30, 22, 0x01, 0x00, W8(1), W8(9), 0, 1, 1, 1);
	assert_error(hdr, NO_CRYPTO);
	check_blank(&hdr.opt[0]);
	hdr = DECODE(ACK, 1, UNKNOWN, 30, 22, 0x01, 0x10, W8(1), W8(9), 0, 1, 1, 1);
	assert_error(hdr, NONE);
}

Test(mptcp, capable_versions)
{
	unsigned int version;

	for (version = 0; version < 16; version++) {
		struct mpnic_hdr hdr =
			DECODE(SYN | ACK, 0, UNKNOWN, 30, 12, (uint8_t)version, 1, W8(1));

		cr_assert_eq(hdr.opt[0].version, version);
		cr_assert_eq(hdr.opt[0].error,
			     version > 1 ? MPNIC_OPT_ERROR_VERSION : MPNIC_OPT_ERROR_NONE);
	}
}

Test(mptcp, capable_crypto_bits)
{
	unsigned int flags;

	for (flags = 0; flags < 64; flags++) {
		struct mpnic_hdr v0 = DECODE(SYN, 0, UNKNOWN, 30, 12, 0x00, (uint8_t)flags, W8(1));
		struct mpnic_hdr v1 = DECODE(SYN, 0, UNKNOWN, 30, 4, 0x01, (uint8_t)flags);

		cr_assert_eq(v0.opt[0].error,
			     flags ? MPNIC_OPT_ERROR_NONE : MPNIC_OPT_ERROR_NO_CRYPTO);
		cr_assert_eq(v1.opt[0].error,
			     flags & 0x1f ? MPNIC_OPT_ERROR_NONE : MPNIC_OPT_ERROR_NO_CRYPTO);
	}
}

Test(mptcp, join_syn)
{
	struct mpnic_hdr hdr = DECODE(SYN, 0, V1_GIVEN, 30, 12, 0x11, 9, W4(0xa0), W4(0xb0));

	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].flags, 1);
	cr_assert_eq(hdr.opt[0].fields, FIELD(ADDR_ID) | FIELD(TOKEN) | FIELD(NONCE));
	cr_assert_eq(hdr.opt[0].addr_id, 9);
	cr_assert_eq(hdr.opt[0].join_syn.token, 0xa0a1a2a3);
	cr_assert_eq(hdr.opt[0].join_syn.nonce, 0xb0b1b2b3);
	check_version(&hdr.opt[0], 1, MPNIC_VERSION_FROM_GIVEN);
	hdr = DECODE(SYN, 0, UNKNOWN, 30, 12, 0x10, 9, W4(0xa0), W4(0xb0));
	check_version(&hdr.opt[0], 255, MPNIC_VERSION_FROM_NONE);
}

Test(mptcp, join_synack)
{
	struct mpnic_hdr hdr = DECODE(SYN | ACK, 0, V0_GIVEN, 30, 16, 0x10, 3, W8(0xa0), W4(0xb0));

	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].fields, FIELD(ADDR_ID) | FIELD(HMAC) | FIELD(NONCE));
	cr_assert_eq(hdr.opt[0].addr_id, 3);
	cr_assert_eq(hdr.opt[0].join_synack.hmac64, 0xa0a1a2a3a4a5a6a7);
	cr_assert_eq(hdr.opt[0].join_synack.nonce2, 0xb0b1b2b3);
	check_version(&hdr.opt[0], 0, MPNIC_VERSION_FROM_GIVEN);
}

Test(mptcp, join_ack)
{
	struct mpnic_hdr hdr =
		DECODE(ACK, 0, UNKNOWN, 30, 24, 0x10, 0, W8(0xa0), W8(0xa8), W4(0xb0));

	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].fields, FIELD(HMAC));
	cr_assert_arr_eq(hdr.opt[0].join_ack.hmac, hdr.opts + 4, 20);
	cr_assert_eq(hdr.opt[0].body[20], 0);
}

Test(mptcp, join_errors)
{
	assert_error(DECODE(RST | ACK, 0, UNKNOWN, 30, 3, 0x10, 1), SEGMENT);
	assert_error(DECODE(SYN | FIN, 0, UNKNOWN, 30, 12, 0x10, 1, W8(1)), SEGMENT);
	assert_error(DECODE(SYN, 0, UNKNOWN, 30, 3, 0x10, 1), LENGTH);
	assert_error(DECODE(SYN, 0, UNKNOWN, 30, 16, 0x10, 1, W8(1), W4(1)), LENGTH);
	assert_error(DECODE(SYN | ACK, 0, UNKNOWN, 30, 12, 0x10, 1, W8(1)), LENGTH);
	assert_error(DECODE(ACK, 0, UNKNOWN, 30, 12, 0x10, 1, W8(1)), LENGTH);
}

Test(mptcp, dss_every_form)
{
	unsigned int flags, csum;

	for (flags = 0; flags < 256; flags++) {
		for (csum = 0; csum < 2; csum++) {
			uint8_t opts[40] = {30, 4, 0x20, (uint8_t)flags};
			unsigned int pos = 4, i;
			const unsigned int ack_len = flags & 1 ? flags & 2 ? 8 : 4 : 0;
			const unsigned int dsn_len = flags & 4 ? flags & 8 ? 8 : 4 : 0;
			struct mpnic_hdr hdr;
			const struct mpnic_opt *opt = &hdr.opt[0];
			uint64_t ack = 0, dsn = 0;

			for (i = 4; i < 40; i++)
				opts[i] = (uint8_t)(0x80 + i);
			for (i = 0; i < ack_len; i++)
				ack = ack << 8 | opts[pos++];
			for (i = 0; i < dsn_len; i++)
				dsn = dsn << 8 | opts[pos++];
			opts[1] = (uint8_t)(pos + (dsn_len ? 6 : 0) + (csum ? 2 : 0));
			hdr = decode(ACK, 1, UNKNOWN, opts, opts[1]);
			cr_assert_eq(opt->flags, flags);
			check_version(opt, 255, MPNIC_VERSION_FROM_NONE);
			if (csum && !dsn_len) {
				assert_error(hdr, LENGTH);
				check_blank(opt);
				continue;
			}
			if ((flags & 16) && !dsn_len) {
				assert_error(hdr, FIN_NO_MAP);
				check_blank(opt);
				continue;
			}
			assert_error(hdr, NONE);
			cr_assert_eq(!!(opt->fields & FIELD(DATA_ACK)), ack_len > 0);
			cr_assert_eq(!!(opt->fields & FIELD(DATA_ACK8)), ack_len == 8);
			cr_assert_eq(!!(opt->fields & FIELD(MAPPING)), dsn_len > 0);
			cr_assert_eq(!!(opt->fields & FIELD(DSN8)), dsn_len == 8);
			cr_assert_eq(!!(opt->fields & FIELD(CHECKSUM)), csum);
			cr_assert_eq(opt->dss.data_ack, ack);
			cr_assert_eq(opt->dss.dsn, dsn);
			if (!dsn_len)
				continue;
			cr_assert_eq(opt->dss.ssn,
				     (uint32_t)get16(opts + pos) << 16 | get16(opts + pos + 2));
			cr_assert_eq(opt->data_len, get16(opts + pos + 4));
			cr_assert_eq(opt->checksum, csum ? get16(opts + pos + 6) : 0);
		}
	}
}

Test(mptcp, dss_errors_in_their_order)
{
	assert_error(DECODE(SYN | ACK, 0, UNKNOWN, 30, 3, 0x20, 1), SEGMENT);
	assert_error(DECODE(SYN, 0, UNKNOWN, 30, 4, 0x20, 0x10), SEGMENT);
	assert_error(DECODE(ACK, 0, UNKNOWN, 30, 3, 0x20, 1), LENGTH);
	assert_error(DECODE(ACK, 0, UNKNOWN, 30, 5, 0x20, 0x10, 0, 1, 1, 1), LENGTH);
	assert_error(DECODE(ACK, 0, UNKNOWN, 30, 4, 0x20, 0x10), FIN_NO_MAP);
	assert_error(DECODE(RST, 0, UNKNOWN, 30, 8, 0x20, 0x01, W4(1)), NONE);
}

Test(mptcp, add_addr_v0)
{
	struct mpnic_hdr hdr = DECODE(ACK, 0, V0_GIVEN, 30, 8, 0x34, 5, 10, 0, 0, 2);
	const struct mpnic_opt *opt = &hdr.opt[0];

	assert_error(hdr, NONE);
	cr_assert_eq(opt->fields, FIELD(ADDR_ID) | FIELD(ADDR4));
	cr_assert_eq(opt->addr_id, 5);
	cr_assert_arr_eq(opt->add_addr.addr, "\x0a\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	check_version(opt, 0, MPNIC_VERSION_FROM_GIVEN);

	hdr = DECODE(ACK, 0, UNKNOWN, 30, 10, 0x34, 5, 10, 0, 0, 2, 0x1f, 0x90);
	assert_error(hdr, NONE);
	cr_assert_eq(opt->fields, FIELD(ADDR_ID) | FIELD(ADDR4) | FIELD(PORT));
	cr_assert_eq(opt->port, 8080);
	check_version(opt, 0, MPNIC_VERSION_FROM_INFERRED);

	hdr = DECODE(ACK, 0, UNKNOWN, 30, 20, 0x36, 5, W8(0xa0), W8(0xa8));
	assert_error(hdr, NONE);
	cr_assert_eq(opt->fields, FIELD(ADDR_ID) | FIELD(ADDR6));
	cr_assert_arr_eq(opt->add_addr.addr, hdr.opts + 4, 16);
	hdr = DECODE(ACK, 0, UNKNOWN, 30, 22, 0x36, 5, W8(0xa0), W8(0xa8), 0x1f, 0x90);
	assert_error(hdr, NONE);
	cr_assert_eq(opt->fields, FIELD(ADDR_ID) | FIELD(ADDR6) | FIELD(PORT));
	cr_assert_eq(opt->port, 8080);
	cr_assert_eq(opt->add_addr.addr_hmac, 0);
}

Test(mptcp, add_addr_v1)
{
	struct mpnic_hdr hdr = DECODE(ACK, 0, V1_GIVEN, 30, 16, 0x30, 5, 10, 0, 0, 2, W8(0xc0));
	const struct mpnic_opt *opt = &hdr.opt[0];

	assert_error(hdr, NONE);
	cr_assert_eq(opt->fields, FIELD(ADDR_ID) | FIELD(ADDR4) | FIELD(HMAC));
	cr_assert_eq(opt->add_addr.addr_hmac, 0xc0c1c2c3c4c5c6c7);
	hdr = DECODE(ACK, 0, UNKNOWN, 30, 18, 0x30, 5, 10, 0, 0, 2, 0x1f, 0x90, W8(0xc0));
	assert_error(hdr, NONE);
	cr_assert_eq(opt->fields, FIELD(ADDR_ID) | FIELD(ADDR4) | FIELD(PORT) | FIELD(HMAC));
	cr_assert_eq(opt->port, 8080);
	cr_assert_eq(opt->add_addr.addr_hmac, 0xc0c1c2c3c4c5c6c7);
	check_version(opt, 1, MPNIC_VERSION_FROM_INFERRED);
	hdr = DECODE(ACK, 0, UNKNOWN, 30, 28, 0x30, 5, W8(0xa0), W8(0xa8), W8(0xc0));
	assert_error(hdr, NONE);
	cr_assert_eq(opt->fields, FIELD(ADDR_ID) | FIELD(ADDR6) | FIELD(HMAC));
	cr_assert_eq(opt->add_addr.addr_hmac, 0xc0c1c2c3c4c5c6c7);
	hdr = DECODE(ACK, 0, UNKNOWN, 30, 30, 0x30, 5, W8(0xa0), W8(0xa8), 0x1f, 0x90, W8(0xc0));
	assert_error(hdr, NONE);
	cr_assert_eq(opt->fields, FIELD(ADDR_ID) | FIELD(ADDR6) | FIELD(PORT) | FIELD(HMAC));
	cr_assert_eq(opt->port, 8080);
}

Test(mptcp, add_addr_v1_echo)
{
	struct mpnic_hdr hdr = DECODE(ACK, 0, UNKNOWN, 30, 8, 0x31, 5, 10, 0, 0, 2);

	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].flags, 1);
	cr_assert_eq(hdr.opt[0].fields, FIELD(ADDR_ID) | FIELD(ADDR4));
	hdr = DECODE(ACK, 0, UNKNOWN, 30, 22, 0x31, 5, W8(0xa0), W8(0xa8), 0x1f, 0x90);
	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].fields, FIELD(ADDR_ID) | FIELD(ADDR6) | FIELD(PORT));
	assert_error(DECODE(ACK, 0, UNKNOWN, 30, 16, 0x31, 5, W4(1), W8(5)), LENGTH);
}

Test(mptcp, add_addr_reads_by_its_version)
{
	/* Nibble 4 is v0's IPVer; a v1 receiver ignores the reserved bits and sees no echo. */
	assert_error(DECODE(ACK, 0, V0_GIVEN, 30, 8, 0x34, 5, W4(1)), NONE);
	assert_error(DECODE(ACK, 0, UNKNOWN, 30, 8, 0x34, 5, W4(1)), NONE);
	assert_error(DECODE(ACK, 0, V1_GIVEN, 30, 8, 0x34, 5, W4(1)), LENGTH);
	assert_error(DECODE(ACK, 0, V1_GIVEN, 30, 16, 0x34, 5, W4(1), W8(5)), NONE);
	/* Nibble 5 is an echo to v1, a bad IPVer to v0, and nothing to who knows neither. */
	assert_error(DECODE(ACK, 0, V1_GIVEN, 30, 8, 0x35, 5, W4(1)), NONE);
	assert_error(DECODE(ACK, 0, V0_GIVEN, 30, 8, 0x35, 5, W4(1)), IPVER);
	assert_error(DECODE(ACK, 0, UNKNOWN, 30, 8, 0x35, 5, W4(1)), AMBIGUOUS);
}

Test(mptcp, add_addr_errors_in_their_order)
{
	struct mpnic_hdr hdr;

	assert_error(DECODE(SYN, 0, UNKNOWN, 30, 3, 0x35, 1), SEGMENT);
	hdr = DECODE(ACK, 0, UNKNOWN, 30, 3, 0x35, 1);
	assert_error(hdr, AMBIGUOUS);
	check_version(&hdr.opt[0], 255, MPNIC_VERSION_FROM_NONE);
	assert_error(DECODE(ACK, 0, V0_GIVEN, 30, 3, 0x35, 1), IPVER);
	/* The version shows beside a wrong length. */
	hdr = DECODE(ACK, 0, UNKNOWN, 30, 3, 0x36, 1);
	assert_error(hdr, LENGTH);
	check_version(&hdr.opt[0], 0, MPNIC_VERSION_FROM_INFERRED);
	assert_error(DECODE(ACK, 0, UNKNOWN, 30, 8, 0x36, 1, W4(1)), LENGTH);
	assert_error(DECODE(ACK, 0, UNKNOWN, 30, 20, 0x34, 1, W8(1), W8(9)), LENGTH);
}

Test(mptcp, remove_addr)
{
	unsigned int len;

	assert_error(DECODE(SYN, 0, UNKNOWN, 30, 4, 0x40, 1), SEGMENT);
	assert_error(DECODE(ACK, 0, UNKNOWN, 30, 3, 0x40, 1), LENGTH);
	for (len = 4; len <= 40; len++) {
		uint8_t opts[40] = {30, (uint8_t)len, 0x40};
		struct mpnic_hdr hdr = decode(ACK, 0, UNKNOWN, opts, len);

		assert_error(hdr, NONE);
		check_blank(&hdr.opt[0]);
		cr_assert_eq(hdr.opt[0].length, len);
	}
}

Test(mptcp, prio)
{
	struct mpnic_hdr hdr = DECODE(ACK, 0, UNKNOWN, 30, 3, 0x51, 1);

	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].flags, 1);
	check_version(&hdr.opt[0], 255, MPNIC_VERSION_FROM_NONE);
	hdr = DECODE(ACK, 0, UNKNOWN, 30, 4, 0x50, 6);
	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].fields, FIELD(ADDR_ID));
	cr_assert_eq(hdr.opt[0].addr_id, 6);
	check_version(&hdr.opt[0], 0, MPNIC_VERSION_FROM_INFERRED);
	assert_error(DECODE(ACK, 0, V0_GIVEN, 30, 4, 0x50, 6), NONE);
	assert_error(DECODE(ACK, 0, V1_GIVEN, 30, 4, 0x50, 6), LENGTH);
	assert_error(DECODE(ACK, 0, V1_GIVEN, 30, 3, 0x50, 1), NONE);
	assert_error(DECODE(ACK, 0, UNKNOWN, 30, 5, 0x50, 6, 1, 1, 1, 1), LENGTH);
	assert_error(DECODE(SYN | ACK, 0, UNKNOWN, 30, 5, 0x50, 6, 1, 1, 1, 1), SEGMENT);
}

Test(mptcp, fail)
{
	struct mpnic_hdr hdr = DECODE(ACK, 0, UNKNOWN, 30, 12, 0x60, 0, W8(0xa0));

	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].fail.fail_dsn, 0xa0a1a2a3a4a5a6a7);
	cr_assert_eq(hdr.opt[0].fields, 0);
	assert_error(DECODE(RST, 0, UNKNOWN, 30, 12, 0x60, 0, W8(1)), NONE);
	assert_error(DECODE(SYN, 0, UNKNOWN, 30, 8, 0x60, 0, W4(1)), SEGMENT);
	assert_error(DECODE(ACK, 0, UNKNOWN, 30, 8, 0x60, 0, W4(1)), LENGTH);
}

Test(mptcp, fastclose)
{
	struct mpnic_hdr hdr = DECODE(ACK, 0, UNKNOWN, 30, 12, 0x70, 0, W8(0xa0));

	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].fastclose.fastclose_key, 0xa0a1a2a3a4a5a6a7);
	assert_error(DECODE(RST, 0, UNKNOWN, 30, 12, 0x70, 0, W8(1)), NONE);
	assert_error(DECODE(RST, 0, V1_GIVEN, 30, 12, 0x70, 0, W8(1)), NONE);
	assert_error(DECODE(RST, 0, V0_GIVEN, 30, 12, 0x70, 0, W8(1)), SEGMENT);
	assert_error(DECODE(ACK, 0, V0_GIVEN, 30, 12, 0x70, 0, W8(1)), NONE);
	assert_error(DECODE(SYN, 0, UNKNOWN, 30, 8, 0x70, 0, W4(1)), SEGMENT);
	assert_error(DECODE(ACK, 0, UNKNOWN, 30, 8, 0x70, 0, W4(1)), LENGTH);
}

Test(mptcp, tcprst)
{
	struct mpnic_hdr hdr = DECODE(RST | ACK, 0, UNKNOWN, 30, 4, 0x81, 6);

	assert_error(hdr, NONE);
	cr_assert_eq(hdr.opt[0].flags, 1);
	cr_assert_eq(hdr.opt[0].fields, FIELD(REASON));
	cr_assert_eq(hdr.opt[0].tcprst.reason, 6);
	check_version(&hdr.opt[0], 1, MPNIC_VERSION_FROM_INFERRED);
	hdr = DECODE(ACK, 0, V0_GIVEN, 30, 3, 0x80, 1);
	assert_error(hdr, VERSION);
	check_version(&hdr.opt[0], 0, MPNIC_VERSION_FROM_GIVEN);
	assert_error(DECODE(ACK, 0, UNKNOWN, 30, 3, 0x80, 1), SEGMENT);
	assert_error(DECODE(RST, 0, V1_GIVEN, 30, 3, 0x80, 1), LENGTH);
	assert_error(DECODE(RST, 0, V1_GIVEN, 30, 5, 0x80, 1, 1, 1, 1, 1), LENGTH);
}

Test(mptcp, unassigned_and_experimental)
{
	unsigned int subtype, len;

	for (subtype = 9; subtype <= 15; subtype++) {
		for (len = 3; len <= 40; len++) {
			uint8_t opts[40] = {30, (uint8_t)len, (uint8_t)(subtype << 4 | 5)};
			struct mpnic_hdr hdr = decode(ACK, 0, V1_GIVEN, opts, len);

			cr_assert_eq(hdr.opt[0].subtype, subtype);
			cr_assert_eq(hdr.opt[0].flags, 5);
			cr_assert_eq(hdr.opt[0].error,
				     subtype < 15 ? MPNIC_OPT_ERROR_SUBTYPE : MPNIC_OPT_ERROR_NONE);
			check_version(&hdr.opt[0], 1, MPNIC_VERSION_FROM_GIVEN);
			check_blank(&hdr.opt[0]);
		}
	}
}

Test(mptcp, given_3_reads_as_unknown)
{
	struct mpnic_hdr hdr = DECODE(ACK, 0, 3, 30, 8, 0x34, 5, W4(1));

	assert_error(hdr, NONE);
	check_version(&hdr.opt[0], 0, MPNIC_VERSION_FROM_INFERRED);
}

Test(mptcp, many_options)
{
	unsigned int count, i;

	for (count = 1; count <= 20; count++) {
		uint8_t opts[40];
		struct mpnic_hdr hdr;

		memset(opts, 1, sizeof(opts));
		for (i = 0; i < count; i++)
			memcpy(opts + 2 * i, "\x1e\x02", 2);
		hdr = decode(ACK, 0, UNKNOWN, opts, sizeof(opts));
		cr_assert_eq(hdr.mptcp_count, count < 4 ? count : 4);
		cr_assert_eq(!!(hdr.mptcp & MPNIC_MPTCP_TOO_MANY), count > 4);
		/* Without a subtype there is nothing to combine. */
		cr_assert_eq(hdr.mptcp & MPNIC_MPTCP_COMBINATION, 0);
		for (i = 0; i < 4; i++)
			cr_assert_eq(hdr.opt[i].length, i < count ? 2 : 0);
	}
}

Test(mptcp, the_fifth_option_counts_for_nothing_else)
{
	/* A fifth, malformed and of a kind that may not be there. */
	struct mpnic_hdr hdr = DECODE(ACK, 0, UNKNOWN, 30, 3, 0x50, 30, 4, 0x40, 1, 30, 4, 0x20, 0,
				      30, 3, 0xf0, 30, 3, 0x10, 1, 1, 1);

	cr_assert_eq(hdr.mptcp, MPNIC_MPTCP_PRESENT | MPNIC_MPTCP_TOO_MANY);
}

/* Every form of every subtype on every kind of segment, against the table of the right ones. */
static void check_forms(unsigned int subtype, unsigned int nibbles, unsigned int fourths)
{
	static const uint8_t segments[] = {0,
					   FIN,
					   SYN,
					   SYN | FIN,
					   RST,
					   RST | FIN,
					   RST | SYN,
					   RST | SYN | ACK | FIN,
					   ACK,
					   ACK | FIN,
					   ACK | SYN,
					   ACK | SYN | FIN,
					   ACK | RST,
					   ACK | RST | FIN,
					   ACK | PSH | URG,
					   SYN | 0xc0};
	uint8_t opts[40];
	unsigned int len, seg, payload, given, nibble, fourth, i;

	for (i = 0; i < 40; i++)
		opts[i] = (uint8_t)(0x40 + i);
	opts[0] = 30;
	for (len = 3; len <= 40; len++) {
		opts[1] = (uint8_t)len;
		for (nibble = 0; nibble < nibbles; nibble++) {
			opts[2] = (uint8_t)(subtype << 4 | nibble);
			for (fourth = 0; fourth < fourths; fourth++) {
				opts[3] = (uint8_t)fourth;
				for (i = 0; i < sizeof(segments) * 6; i++) {
					struct mpnic_hdr hdr;
					uint16_t fields = 0;
					int right;

					seg = i / 6;
					payload = i % 2;
					given = i / 2 % 3;
					mpnic_decode_options(opts, len, segments[seg],
							     (uint16_t)payload, given, &hdr);
					right = naive_form(opts, len, segments[seg], (int)payload,
							   given, &fields);
					cr_assert_eq(!hdr.opt[0].error, right,
						     "subtype %u length %u nibble %u byte %u "
						     "flags 0x%x payload %u given %u: %s",
						     subtype, len, nibble, fourth, segments[seg],
						     payload, given,
						     mpnic_opt_error_name(hdr.opt[0].error));
					cr_assert_eq(hdr.opt[0].fields, fields);
					if (!right)
						check_blank(&hdr.opt[0]);
				}
			}
		}
	}
}

Test(mptcp, every_form_of_capable)
{
	check_forms(MPNIC_SUBTYPE_MP_CAPABLE, 3, 256);
}

Test(mptcp, every_form_of_dss)
{
	check_forms(MPNIC_SUBTYPE_DSS, 1, 256);
}

Test(mptcp, every_form_of_the_others)
{
	unsigned int subtype;

	for (subtype = 1; subtype < 16; subtype++) {
		if (subtype != MPNIC_SUBTYPE_DSS)
			check_forms(subtype, 16, 2);
	}
}

/* All sequences of up to four options, of length 3, which is enough to show a subtype. */
Test(mptcp, every_combination)
{
	static const uint8_t segments[] = {ACK, SYN, SYN | ACK, RST, 0};
	unsigned int seg, code, count, i, version;

	for (code = 0; code < 12 * 12 * 12 * 12; code++) {
		uint8_t opts[12], subtypes[4];
		unsigned int rest = code;

		/* 9: unassigned, 10: experimental, 11: without a subtype */
		for (i = 0; i < 4; i++, rest /= 12)
			subtypes[i] = (uint8_t)(rest % 12 == 10 ? 15 : rest % 12);
		for (version = 0; version < 2; version++) {
			unsigned int len = 0;

			for (count = 0; count < 4; count++) {
				const uint8_t subtype = subtypes[count];

				opts[len++] = 30;
				opts[len++] = subtype == 11 ? 2 : 3;
				if (subtype != 11)
					opts[len++] = (uint8_t)(subtype << 4 | version);
			}
			for (seg = 0; seg < sizeof(segments); seg++) {
				struct mpnic_hdr hdr;
				int bad;

				mpnic_decode_options(opts, len, segments[seg], 0, UNKNOWN, &hdr);
				bad = !naive_combination(subtypes, 4, naive_segment(segments[seg]),
							 version == 0);
				cr_assert_eq(!!(hdr.mptcp & MPNIC_MPTCP_COMBINATION), bad,
					     "subtypes %u %u %u %u, flags 0x%x, version %u",
					     subtypes[0], subtypes[1], subtypes[2], subtypes[3],
					     segments[seg], version);
			}
		}
	}
}
