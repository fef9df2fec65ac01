/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage mptcp: every Multipath TCP option, decoded. Rules: docs/pipeline.md, "mptcp". */
#include "internal.h"

/* Kind of segment, a bit each, so that rules are masks. */
enum segment {
	SEG_SYN = 1,
	SEG_SYNACK = 2,
	SEG_ACK = 4,
	SEG_RST = 8,
	SEG_INVALID = 16,
};

#define SUB(name) (1u << MPNIC_SUBTYPE_##name)

enum {
	SUBS_JOIN_TO_FASTCLOSE = SUB(MP_JOIN) | SUB(DSS) | SUB(ADD_ADDR) | SUB(REMOVE_ADDR) |
				 SUB(MP_PRIO) | SUB(MP_FAIL) | SUB(MP_FASTCLOSE),
	SUBS_ONCE = 0x1ff & ~SUB(ADD_ADDR),
	SUBS_NOT_BESIDE_CAPABLE = SUBS_JOIN_TO_FASTCLOSE | SUB(MP_TCPRST),
	SUBS_NOT_BESIDE_JOIN = SUBS_NOT_BESIDE_CAPABLE & ~SUB(MP_JOIN),
	SUBS_NOT_BESIDE_TCPRST = SUB(DSS) | SUB(ADD_ADDR) | SUB(REMOVE_ADDR) | SUB(MP_PRIO),
};

/* What the decoders know of the segment. */
struct context {
	enum segment segment;
	bool payload;
	unsigned int given;
};

static enum segment segment_of(uint8_t tcp_flags)
{
	switch (tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) {
	case TCP_ACK:
	case TCP_ACK | TCP_FIN:
		return SEG_ACK;
	case TCP_SYN:
		return SEG_SYN;
	case TCP_SYN | TCP_ACK:
		return SEG_SYNACK;
	case TCP_RST:
	case TCP_RST | TCP_ACK:
	case TCP_RST | TCP_FIN:
	case TCP_RST | TCP_ACK | TCP_FIN:
		return SEG_RST;
	default:
		return SEG_INVALID;
	}
}

static bool capable_length_ok(const struct context *ctx, unsigned int version, unsigned int len)
{
	switch (ctx->segment) {
	case SEG_SYN:
		return len == (version ? 4 : 12);
	case SEG_SYNACK:
		return len == 12;
	default:
		if (!ctx->payload)
			return len == 20;
		return version && (len == 22 || len == 24);
	}
}

static uint8_t decode_capable(const struct context *ctx, const uint8_t *wire, struct mpnic_opt *opt)
{
	const uint8_t crypto = opt->version ? 0x1f : 0x3f;
	const bool csum = opt->flags & MPNIC_CAPABLE_A;

	if (opt->length == 3)
		return MPNIC_OPT_ERROR_LENGTH;
	if (opt->version > 1)
		return MPNIC_OPT_ERROR_VERSION;
	if (opt->flags & MPNIC_CAPABLE_B)
		return MPNIC_OPT_ERROR_EXTENSIBILITY;
	if (ctx->segment & (SEG_RST | SEG_INVALID))
		return MPNIC_OPT_ERROR_SEGMENT;
	if (!capable_length_ok(ctx, opt->version, opt->length))
		return MPNIC_OPT_ERROR_LENGTH;
	if ((opt->length == 22 && csum) || (opt->length == 24 && !csum))
		return MPNIC_OPT_ERROR_CSUM_FLAG;
	if (!(opt->flags & crypto))
		return MPNIC_OPT_ERROR_NO_CRYPTO;

	if (opt->length >= 12) {
		opt->fields |= MPNIC_FIELD_SENDER_KEY;
		opt->capable.sender_key = get_be64(wire + 4);
	}
	if (opt->length >= 20) {
		opt->fields |= MPNIC_FIELD_RECEIVER_KEY;
		opt->capable.receiver_key = get_be64(wire + 12);
	}
	if (opt->length >= 22) {
		opt->fields |= MPNIC_FIELD_DATA_LEN;
		opt->data_len = get_be16(wire + 20);
	}
	if (opt->length >= 24) {
		opt->fields |= MPNIC_FIELD_CHECKSUM;
		opt->checksum = get_be16(wire + 22);
	}
	return MPNIC_OPT_ERROR_NONE;
}

static uint8_t decode_join(const struct context *ctx, const uint8_t *wire, struct mpnic_opt *opt)
{
	switch (ctx->segment) {
	case SEG_SYN:
		if (opt->length != 12)
			return MPNIC_OPT_ERROR_LENGTH;
		opt->fields = MPNIC_FIELD_ADDR_ID | MPNIC_FIELD_TOKEN | MPNIC_FIELD_NONCE;
		opt->addr_id = wire[3];
		opt->join_syn.token = get_be32(wire + 4);
		opt->join_syn.nonce = get_be32(wire + 8);
		return MPNIC_OPT_ERROR_NONE;
	case SEG_SYNACK:
		if (opt->length != 16)
			return MPNIC_OPT_ERROR_LENGTH;
		opt->fields = MPNIC_FIELD_ADDR_ID | MPNIC_FIELD_HMAC | MPNIC_FIELD_NONCE;
		opt->addr_id = wire[3];
		opt->join_synack.hmac64 = get_be64(wire + 4);
		opt->join_synack.nonce2 = get_be32(wire + 12);
		return MPNIC_OPT_ERROR_NONE;
	case SEG_ACK:
		if (opt->length != 24)
			return MPNIC_OPT_ERROR_LENGTH;
		opt->fields = MPNIC_FIELD_HMAC;
		memcpy(opt->join_ack.hmac, wire + 4, sizeof(opt->join_ack.hmac));
		return MPNIC_OPT_ERROR_NONE;
	default:
		return MPNIC_OPT_ERROR_SEGMENT;
	}
}

static unsigned int dss_ack_len(uint8_t flags)
{
	if (!(flags & MPNIC_DSS_A))
		return 0;
	return flags & MPNIC_DSS_a8 ? 8 : 4;
}

static unsigned int dss_map_len(uint8_t flags)
{
	if (!(flags & MPNIC_DSS_M))
		return 0;
	return flags & MPNIC_DSS_m8 ? 14 : 10;
}

static void decode_dss_ack(const uint8_t *wire, struct mpnic_opt *opt)
{
	if (opt->flags & MPNIC_DSS_a8) {
		opt->fields |= MPNIC_FIELD_DATA_ACK | MPNIC_FIELD_DATA_ACK8;
		opt->dss.data_ack = get_be64(wire);
	} else {
		opt->fields |= MPNIC_FIELD_DATA_ACK;
		opt->dss.data_ack = get_be32(wire);
	}
}

static void decode_dss_map(const uint8_t *wire, struct mpnic_opt *opt)
{
	if (opt->flags & MPNIC_DSS_m8) {
		opt->fields |= MPNIC_FIELD_MAPPING | MPNIC_FIELD_DSN8;
		opt->dss.dsn = get_be64(wire);
		wire += 8;
	} else {
		opt->fields |= MPNIC_FIELD_MAPPING;
		opt->dss.dsn = get_be32(wire);
		wire += 4;
	}
	opt->dss.ssn = get_be32(wire);
	opt->data_len = get_be16(wire + 4);
}

static uint8_t decode_dss(const struct context *ctx, const uint8_t *wire, struct mpnic_opt *opt)
{
	const unsigned int ack_len = dss_ack_len(opt->flags), map_len = dss_map_len(opt->flags);
	const unsigned int len = 4 + ack_len + map_len;
	const bool csum = map_len && opt->length == len + 2;

	if (ctx->segment & (SEG_SYN | SEG_SYNACK | SEG_INVALID))
		return MPNIC_OPT_ERROR_SEGMENT;
	if (opt->length != len && !csum)
		return MPNIC_OPT_ERROR_LENGTH;
	if ((opt->flags & MPNIC_DSS_F) && !map_len)
		return MPNIC_OPT_ERROR_FIN_NO_MAP;

	if (ack_len)
		decode_dss_ack(wire + 4, opt);
	if (map_len)
		decode_dss_map(wire + 4 + ack_len, opt);
	if (csum) {
		opt->fields |= MPNIC_FIELD_CHECKSUM;
		opt->checksum = get_be16(wire + len);
	}
	return MPNIC_OPT_ERROR_NONE;
}

/* What stands in an ADD_ADDR by its length less the HMAC: address bytes, or 0 for a wrong length.
 */
static unsigned int add_addr_len(unsigned int len)
{
	switch (len) {
	case 8:
	case 10:
		return 4;
	case 20:
	case 22:
		return 16;
	default:
		return 0;
	}
}

static uint8_t decode_add_addr(const struct context *ctx, const uint8_t *wire,
			       struct mpnic_opt *opt)
{
	const uint8_t nibble = opt->flags;
	const bool hmac = opt->version == 1 && !(nibble & 1);
	unsigned int len = opt->length, addr_len;

	if (ctx->segment & (SEG_SYN | SEG_SYNACK | SEG_INVALID))
		return MPNIC_OPT_ERROR_SEGMENT;
	if (opt->version == MPNIC_VERSION_UNKNOWN)
		return MPNIC_OPT_ERROR_AMBIGUOUS;
	if (opt->version == 0 && nibble != 4 && nibble != 6)
		return MPNIC_OPT_ERROR_IPVER;
	if (hmac)
		len = len >= 8 ? len - 8 : 0;
	addr_len = add_addr_len(len);
	if (!addr_len || (opt->version == 0 && addr_len != (nibble == 4 ? 4 : 16)))
		return MPNIC_OPT_ERROR_LENGTH;

	opt->fields = MPNIC_FIELD_ADDR_ID;
	opt->addr_id = wire[3];
	if (addr_len == 4) {
		opt->fields |= MPNIC_FIELD_ADDR4;
		memcpy(opt->add_addr.addr, wire + 4, 4);
	} else {
		opt->fields |= MPNIC_FIELD_ADDR6;
		memcpy(opt->add_addr.addr, wire + 4, 16);
	}
	if (len > 4 + addr_len) {
		opt->fields |= MPNIC_FIELD_PORT;
		opt->port = get_be16(wire + 4 + addr_len);
	}
	if (hmac) {
		opt->fields |= MPNIC_FIELD_HMAC;
		opt->add_addr.addr_hmac = get_be64(wire + len);
	}
	return MPNIC_OPT_ERROR_NONE;
}

static uint8_t decode_remove_addr(const struct context *ctx, const struct mpnic_opt *opt)
{
	if (ctx->segment & (SEG_SYN | SEG_SYNACK | SEG_INVALID))
		return MPNIC_OPT_ERROR_SEGMENT;
	return opt->length < 4 ? MPNIC_OPT_ERROR_LENGTH : MPNIC_OPT_ERROR_NONE;
}

static uint8_t decode_prio(const struct context *ctx, const uint8_t *wire, struct mpnic_opt *opt)
{
	if (ctx->segment & (SEG_SYN | SEG_SYNACK | SEG_INVALID))
		return MPNIC_OPT_ERROR_SEGMENT;
	if (opt->length == 3)
		return MPNIC_OPT_ERROR_NONE;
	if (opt->length != 4 || ctx->given == MPNIC_GIVEN_V1)
		return MPNIC_OPT_ERROR_LENGTH;
	opt->fields = MPNIC_FIELD_ADDR_ID;
	opt->addr_id = wire[3];
	return MPNIC_OPT_ERROR_NONE;
}

static uint8_t decode_fail(const struct context *ctx, const uint8_t *wire, struct mpnic_opt *opt)
{
	if (ctx->segment & (SEG_SYN | SEG_SYNACK | SEG_INVALID))
		return MPNIC_OPT_ERROR_SEGMENT;
	if (opt->length != 12)
		return MPNIC_OPT_ERROR_LENGTH;
	opt->fail.fail_dsn = get_be64(wire + 4);
	return MPNIC_OPT_ERROR_NONE;
}

static uint8_t decode_fastclose(const struct context *ctx, const uint8_t *wire,
				struct mpnic_opt *opt)
{
	if (ctx->segment & (SEG_SYN | SEG_SYNACK | SEG_INVALID))
		return MPNIC_OPT_ERROR_SEGMENT;
	if (ctx->segment == SEG_RST && ctx->given == MPNIC_GIVEN_V0)
		return MPNIC_OPT_ERROR_SEGMENT;
	if (opt->length != 12)
		return MPNIC_OPT_ERROR_LENGTH;
	opt->fastclose.fastclose_key = get_be64(wire + 4);
	return MPNIC_OPT_ERROR_NONE;
}

static uint8_t decode_tcprst(const struct context *ctx, const uint8_t *wire, struct mpnic_opt *opt)
{
	if (ctx->given == MPNIC_GIVEN_V0)
		return MPNIC_OPT_ERROR_VERSION;
	if (ctx->segment != SEG_RST)
		return MPNIC_OPT_ERROR_SEGMENT;
	if (opt->length != 4)
		return MPNIC_OPT_ERROR_LENGTH;
	opt->fields = MPNIC_FIELD_REASON;
	opt->tcprst.reason = wire[3];
	return MPNIC_OPT_ERROR_NONE;
}

/* The version that an option's own form tells; VERSION_UNKNOWN if none. */
static uint8_t inferred_version(const struct mpnic_opt *opt)
{
	switch (opt->subtype) {
	case MPNIC_SUBTYPE_MP_TCPRST:
		return 1;
	case MPNIC_SUBTYPE_MP_PRIO:
		return opt->length == 4 ? 0 : MPNIC_VERSION_UNKNOWN;
	case MPNIC_SUBTYPE_ADD_ADDR:
		if (opt->flags == 4 || opt->flags == 6)
			return 0;
		return opt->flags <= 1 ? 1 : MPNIC_VERSION_UNKNOWN;
	default:
		return MPNIC_VERSION_UNKNOWN;
	}
}

static void set_version(const struct context *ctx, uint8_t nibble, struct mpnic_opt *opt)
{
	if (opt->subtype == MPNIC_SUBTYPE_MP_CAPABLE) {
		opt->version = nibble;
		opt->version_from = MPNIC_VERSION_FROM_CARRIED;
	} else if (ctx->given != MPNIC_GIVEN_UNKNOWN) {
		opt->version = (uint8_t)ctx->given;
		opt->version_from = MPNIC_VERSION_FROM_GIVEN;
	} else {
		opt->version = inferred_version(opt);
		if (opt->version != MPNIC_VERSION_UNKNOWN)
			opt->version_from = MPNIC_VERSION_FROM_INFERRED;
	}
}

static uint8_t decode_subtype(const struct context *ctx, const uint8_t *wire, struct mpnic_opt *opt)
{
	switch (opt->subtype) {
	case MPNIC_SUBTYPE_MP_CAPABLE:
		return decode_capable(ctx, wire, opt);
	case MPNIC_SUBTYPE_MP_JOIN:
		return decode_join(ctx, wire, opt);
	case MPNIC_SUBTYPE_DSS:
		return decode_dss(ctx, wire, opt);
	case MPNIC_SUBTYPE_ADD_ADDR:
		return decode_add_addr(ctx, wire, opt);
	case MPNIC_SUBTYPE_REMOVE_ADDR:
		return decode_remove_addr(ctx, opt);
	case MPNIC_SUBTYPE_MP_PRIO:
		return decode_prio(ctx, wire, opt);
	case MPNIC_SUBTYPE_MP_FAIL:
		return decode_fail(ctx, wire, opt);
	case MPNIC_SUBTYPE_MP_FASTCLOSE:
		return decode_fastclose(ctx, wire, opt);
	case MPNIC_SUBTYPE_MP_TCPRST:
		return decode_tcprst(ctx, wire, opt);
	case MPNIC_SUBTYPE_MP_EXPERIMENTAL:
		return MPNIC_OPT_ERROR_NONE;
	default:
		return MPNIC_OPT_ERROR_SUBTYPE;
	}
}

/* @wire: the option from its kind byte on; all of its opt->length bytes are there. */
static void decode(const struct context *ctx, const uint8_t *wire, struct mpnic_opt *opt)
{
	if (opt->length == 2) {
		opt->subtype = MPNIC_SUBTYPE_NONE;
		opt->version = MPNIC_VERSION_UNKNOWN;
		opt->error = MPNIC_OPT_ERROR_LENGTH;
		return;
	}
	opt->subtype = wire[2] >> 4;
	if (opt->subtype != MPNIC_SUBTYPE_MP_CAPABLE && opt->subtype != MPNIC_SUBTYPE_DSS)
		opt->flags = wire[2] & 0xf;
	else if (opt->length > 3)
		opt->flags = wire[3];
	set_version(ctx, wire[2] & 0xf, opt);
	opt->error = decode_subtype(ctx, wire, opt);
}

/* Subtypes that must not stand beside MP_CAPABLE on this segment. */
static unsigned int not_beside_capable(const struct mpnic_hdr *hdr, enum segment segment)
{
	unsigned int i;

	if (segment != SEG_ACK)
		return SUBS_NOT_BESIDE_CAPABLE;
	for (i = 0; i < hdr->mptcp_count; i++) {
		if (hdr->opt[i].subtype == MPNIC_SUBTYPE_MP_CAPABLE && !hdr->opt[i].version)
			return SUBS_NOT_BESIDE_CAPABLE & ~(SUB(REMOVE_ADDR) | SUB(DSS));
	}
	return SUBS_NOT_BESIDE_CAPABLE & ~SUB(REMOVE_ADDR);
}

static bool bad_combination(const struct mpnic_hdr *hdr, enum segment segment)
{
	unsigned int seen = 0, twice = 0, i;

	for (i = 0; i < hdr->mptcp_count; i++) {
		unsigned int bit;

		if (hdr->opt[i].subtype == MPNIC_SUBTYPE_NONE)
			continue;
		bit = 1u << hdr->opt[i].subtype;
		twice |= seen & bit;
		seen |= bit;
	}
	if (twice & SUBS_ONCE)
		return true;
	if ((seen & SUB(MP_CAPABLE)) && (seen & not_beside_capable(hdr, segment)))
		return true;
	if ((seen & SUB(MP_JOIN)) && (seen & SUBS_NOT_BESIDE_JOIN))
		return true;
	return (seen & SUB(MP_TCPRST)) && (seen & SUBS_NOT_BESIDE_TCPRST);
}

void mpnic_mptcp_at(const struct window *opts, uint64_t places, unsigned int given,
		    struct mpnic_hdr *hdr)
{
	const struct context ctx = {
		.segment = segment_of(hdr->tcp_flags),
		.payload = hdr->payload_len,
		.given = given < MPNIC_GIVEN_UNKNOWN ? given : MPNIC_GIVEN_UNKNOWN,
	};

	uint8_t bits = MPNIC_MPTCP_PRESENT, count = 0;

	for (; places && count < MPNIC_MPTCP_OPTS; places &= places - 1) {
		const unsigned int pos = (unsigned int)__builtin_ctzll(places);
		const uint8_t *wire = opts->data + pos;
		struct mpnic_opt *opt = &hdr->opt[count++];

		opt->offset = (uint8_t)pos;
		opt->length = wire[1];
		decode(&ctx, wire, opt);
		if (opt->error)
			bits |= MPNIC_MPTCP_MALFORMED;
	}
	if (places)
		bits |= MPNIC_MPTCP_TOO_MANY;
	hdr->mptcp_count = count;
	if (count > 1 && bad_combination(hdr, ctx.segment))
		bits |= MPNIC_MPTCP_COMBINATION;
	hdr->mptcp = bits;
}

void mpnic_mptcp(struct mpnic_hdr *hdr, unsigned int given)
{
	const struct window opts = hdr_options(hdr);
	uint64_t starts = hdr->opt_starts, places = 0;

	for (; starts; starts &= starts - 1) {
		const unsigned int pos = (unsigned int)__builtin_ctzll(starts);
		const uint8_t *opt = window_at(&opts, pos, 2);

		if (opt && opt[0] == MPNIC_TCPOPT_KIND_MPTCP && opt[1] >= 2 &&
		    window_at(&opts, pos, opt[1]))
			places |= 1ull << pos;
	}
	hdr->mptcp = 0;
	hdr->mptcp_count = 0;
	clear(hdr->opt, sizeof(hdr->opt));
	if (places)
		mpnic_mptcp_at(&opts, places, given, hdr);
}
