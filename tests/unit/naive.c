/* SPDX-License-Identifier: BSD-3-Clause */
#include "naive.h"

#define BIG_ENDIAN_16(p) ((uint16_t)((p)[0] * 256 + (p)[1]))
#define BIG_ENDIAN_32(p) ((uint32_t)BIG_ENDIAN_16(p) * 65536 + BIG_ENDIAN_16((p) + 2))

static void step(const uint8_t *opts, unsigned int len, int whole, unsigned int pos,
		 struct naive_walk *walk)
{
	unsigned int opt_len;

	if (pos == len) {
		walk->verdict = whole ? MPNIC_TCPOPT_OK : MPNIC_TCPOPT_CUT;
		return;
	}
	walk->starts += (uint64_t)1 << pos;
	if (opts[pos] == 0) {
		walk->verdict = MPNIC_TCPOPT_OK;
		return;
	}
	if (opts[pos] == 1) {
		step(opts, len, whole, pos + 1, walk);
		return;
	}
	walk->verdict = whole ? MPNIC_TCPOPT_OVERRUN : MPNIC_TCPOPT_CUT;
	if (pos + 1 == len)
		return;
	opt_len = opts[pos + 1];
	if (opt_len == 0 || opt_len == 1) {
		walk->verdict = MPNIC_TCPOPT_LEN_BELOW_2;
		return;
	}
	if (pos + opt_len > len)
		return;
	switch (opts[pos] * 256 + opt_len) {
	case 2 * 256 + 4:
		walk->noted |= MPNIC_HDR_MSS;
		walk->mss = BIG_ENDIAN_16(opts + pos + 2);
		break;
	case 3 * 256 + 3:
		walk->noted |= MPNIC_HDR_WSCALE;
		walk->wscale = opts[pos + 2];
		break;
	case 4 * 256 + 2:
		walk->noted |= MPNIC_HDR_SACK_PERMITTED;
		break;
	case 8 * 256 + 10:
		walk->noted |= MPNIC_HDR_TIMESTAMPS;
		walk->ts_val = BIG_ENDIAN_32(opts + pos + 2);
		walk->ts_ecr = BIG_ENDIAN_32(opts + pos + 6);
		break;
	default:
		break;
	}
	if (opts[pos] == 30)
		walk->mptcp[walk->mptcp_count++] = (uint8_t)pos;
	step(opts, len, whole, pos + opt_len, walk);
}

struct naive_walk naive_walk(const uint8_t *opts, unsigned int len, int whole)
{
	struct naive_walk walk = {0};

	step(opts, len, whole, 0, &walk);
	return walk;
}

uint16_t naive_sum(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		sum += i % 2 ? data[i] : data[i] * 256u;
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return (uint16_t)sum;
}

enum naive_segment naive_segment(uint8_t tcp_flags)
{
	const int fin = tcp_flags & 1, syn = tcp_flags & 2, rst = tcp_flags & 4,
		  ack = tcp_flags & 16;

	if (syn && !ack && !rst && !fin)
		return NAIVE_SYN;
	if (syn && ack && !rst && !fin)
		return NAIVE_SYNACK;
	if (rst && !syn)
		return NAIVE_RST;
	if (ack && !syn && !rst)
		return NAIVE_ACK;
	return NAIVE_INVALID;
}

enum {
	V0 = 1,
	V1 = 2,
	VX = 4, /* not known */
	ANY_VERSION = V0 | V1 | VX,
	WITHOUT = 1, /* payload */
	WITH = 2,
	EITHER = 3,
	ACK_RST = NAIVE_ACK | NAIVE_RST,
	ANY_SEGMENT = 31,
	ANY_LENGTH = 0,	 /* from 4 */
	ALL_LENGTHS = 1, /* from 3 */
};

/* One right form. Flags must equal @value under @mask and have a bit of @need, if that is not 0. */
struct form {
	uint8_t subtype, length, segments, versions, payload, mask, value, need;
	uint16_t fields;
};

#define F(name) MPNIC_FIELD_##name
#define DSS_FORM(len, mask, value, fields)                                   \
	{                                                                    \
		2, len, ACK_RST, ANY_VERSION, EITHER, mask, value, 0, fields \
	}
#define ACK4 F(DATA_ACK)
#define ACK8 (F(DATA_ACK) | F(DATA_ACK8))
#define MAP4 F(MAPPING)
#define MAP8 (F(MAPPING) | F(DSN8))
#define CSUM F(CHECKSUM)
#define ADD_FORM(len, versions, mask, value, fields)                                     \
	{                                                                                \
		3, len, ACK_RST, versions, EITHER, mask, value, 0, F(ADDR_ID) | (fields) \
	}

static const struct form forms[] = {
	{0, 4, NAIVE_SYN, V1, EITHER, 0x40, 0, 0x1f, 0},
	{0, 12, NAIVE_SYN, V0, EITHER, 0x40, 0, 0x3f, F(SENDER_KEY)},
	{0, 12, NAIVE_SYNACK, V0, EITHER, 0x40, 0, 0x3f, F(SENDER_KEY)},
	{0, 12, NAIVE_SYNACK, V1, EITHER, 0x40, 0, 0x1f, F(SENDER_KEY)},
	{0, 20, NAIVE_ACK, V0, WITHOUT, 0x40, 0, 0x3f, F(SENDER_KEY) | F(RECEIVER_KEY)},
	{0, 20, NAIVE_ACK, V1, WITHOUT, 0x40, 0, 0x1f, F(SENDER_KEY) | F(RECEIVER_KEY)},
	{0, 22, NAIVE_ACK, V1, WITH, 0xc0, 0, 0x1f, F(SENDER_KEY) | F(RECEIVER_KEY) | F(DATA_LEN)},
	{0, 24, NAIVE_ACK, V1, WITH, 0xc0, 0x80, 0x1f,
	 F(SENDER_KEY) | F(RECEIVER_KEY) | F(DATA_LEN) | CSUM},

	{1, 12, NAIVE_SYN, ANY_VERSION, EITHER, 0, 0, 0, F(ADDR_ID) | F(TOKEN) | F(NONCE)},
	{1, 16, NAIVE_SYNACK, ANY_VERSION, EITHER, 0, 0, 0, F(ADDR_ID) | F(HMAC) | F(NONCE)},
	{1, 24, NAIVE_ACK, ANY_VERSION, EITHER, 0, 0, 0, F(HMAC)},

	/* Without M there must be no F: both are in the mask. */
	DSS_FORM(4, 0x15, 0x00, 0),
	DSS_FORM(8, 0x17, 0x01, ACK4),
	DSS_FORM(12, 0x17, 0x03, ACK8),
	DSS_FORM(14, 0x0d, 0x04, MAP4),
	DSS_FORM(16, 0x0d, 0x04, MAP4 | CSUM),
	DSS_FORM(18, 0x0d, 0x0c, MAP8),
	DSS_FORM(20, 0x0d, 0x0c, MAP8 | CSUM),
	DSS_FORM(18, 0x0f, 0x05, ACK4 | MAP4),
	DSS_FORM(20, 0x0f, 0x05, ACK4 | MAP4 | CSUM),
	DSS_FORM(22, 0x0f, 0x07, ACK8 | MAP4),
	DSS_FORM(24, 0x0f, 0x07, ACK8 | MAP4 | CSUM),
	DSS_FORM(22, 0x0f, 0x0d, ACK4 | MAP8),
	DSS_FORM(24, 0x0f, 0x0d, ACK4 | MAP8 | CSUM),
	DSS_FORM(26, 0x0f, 0x0f, ACK8 | MAP8),
	DSS_FORM(28, 0x0f, 0x0f, ACK8 | MAP8 | CSUM),

	ADD_FORM(8, V0, 15, 4, F(ADDR4)),
	ADD_FORM(10, V0, 15, 4, F(ADDR4) | F(PORT)),
	ADD_FORM(20, V0, 15, 6, F(ADDR6)),
	ADD_FORM(22, V0, 15, 6, F(ADDR6) | F(PORT)),
	ADD_FORM(16, V1, 1, 0, F(ADDR4) | F(HMAC)),
	ADD_FORM(18, V1, 1, 0, F(ADDR4) | F(PORT) | F(HMAC)),
	ADD_FORM(28, V1, 1, 0, F(ADDR6) | F(HMAC)),
	ADD_FORM(30, V1, 1, 0, F(ADDR6) | F(PORT) | F(HMAC)),
	ADD_FORM(8, V1, 1, 1, F(ADDR4)),
	ADD_FORM(10, V1, 1, 1, F(ADDR4) | F(PORT)),
	ADD_FORM(20, V1, 1, 1, F(ADDR6)),
	ADD_FORM(22, V1, 1, 1, F(ADDR6) | F(PORT)),

	{4, ANY_LENGTH, ACK_RST, ANY_VERSION, EITHER, 0, 0, 0, 0},
	{5, 3, ACK_RST, ANY_VERSION, EITHER, 0, 0, 0, 0},
	{5, 4, ACK_RST, V0, EITHER, 0, 0, 0, F(ADDR_ID)},
	{6, 12, ACK_RST, ANY_VERSION, EITHER, 0, 0, 0, 0},
	{7, 12, NAIVE_ACK, ANY_VERSION, EITHER, 0, 0, 0, 0},
	{7, 12, NAIVE_RST, V1 | VX, EITHER, 0, 0, 0, 0},
	{8, 4, NAIVE_RST, V1, EITHER, 0, 0, 0, F(REASON)},
	{15, ALL_LENGTHS, ANY_SEGMENT, ANY_VERSION, EITHER, 0, 0, 0, 0},
};

static int version_of(const uint8_t *wire, unsigned int len, unsigned int given)
{
	const unsigned int subtype = wire[2] / 16, nibble = wire[2] % 16;

	if (subtype == 0)
		return nibble == 0 ? V0 : nibble == 1 ? V1 : 0;
	if (given == MPNIC_GIVEN_V0)
		return V0;
	if (given == MPNIC_GIVEN_V1)
		return V1;
	if (subtype == 8)
		return V1;
	if (subtype == 5 && len == 4)
		return V0;
	if (subtype == 3 && (nibble == 4 || nibble == 6))
		return V0;
	if (subtype == 3 && (nibble == 0 || nibble == 1))
		return V1;
	return VX;
}

static int length_fits(const struct form *form, unsigned int len)
{
	if (form->length == ANY_LENGTH)
		return len >= 4;
	if (form->length == ALL_LENGTHS)
		return len >= 3;
	return len == form->length;
}

int naive_form(const uint8_t *wire, unsigned int len, uint8_t tcp_flags, int payload,
	       unsigned int given, uint16_t *fields)
{
	uint8_t flags;
	size_t i;

	if (len < 3)
		return 0;
	flags = wire[2] % 16;
	if (wire[2] / 16 == 0 || wire[2] / 16 == 2)
		flags = len > 3 ? wire[3] : 0;
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const struct form *f = &forms[i];

		if (f->subtype == wire[2] / 16 && length_fits(f, len) &&
		    (f->segments & naive_segment(tcp_flags)) &&
		    (f->versions & version_of(wire, len, given)) &&
		    (f->payload & (payload ? WITH : WITHOUT)) && (flags & f->mask) == f->value &&
		    (!f->need || (flags & f->need))) {
			*fields = f->fields;
			return 1;
		}
	}
	return 0;
}

/*
 * Which subtype may stand beside which: y yes, n no, a on an ACK, 0 on an ACK if MP_CAPABLE is
 * version 0. Rows and columns: MP_CAPABLE, MP_JOIN, DSS, ADD_ADDR, REMOVE_ADDR, MP_PRIO, MP_FAIL,
 * MP_FASTCLOSE, MP_TCPRST.
 */
static const char beside[9][10] = {
	"nn0nannnn", "nnnnnnnnn", "0nnyyyyyn", "nnyyyyyyn", "anyynyyyn",
	"nnyyynyyn", "nnyyyynyy", "nnyyyyyny", "nnnnnnyyn",
};

int naive_combination(const uint8_t *subtypes, unsigned int count, enum naive_segment segment,
		      int v0)
{
	unsigned int i, j;

	for (i = 0; i < count; i++) {
		for (j = i + 1; j < count; j++) {
			char may;

			if (subtypes[i] > 8 || subtypes[j] > 8)
				continue;
			may = beside[subtypes[i]][subtypes[j]];
			if (may == 'n' || (may == 'a' && segment != NAIVE_ACK) ||
			    (may == '0' && (segment != NAIVE_ACK || !v0)))
				return 0;
		}
	}
	return 1;
}
