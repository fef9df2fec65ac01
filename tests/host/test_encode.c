/* SPDX-License-Identifier: BSD-3-Clause */
/* The encoder against the decoder, over every form, and against what real stacks have sent. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "shake_capture.h"
#include "mpnic_encode.h"
#include "mpnic_model.h"
#include "shake_random.h"

#define FIELD(name) MPNIC_FIELD_##name

enum {
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	ACK = 0x10,
};

static const uint8_t segments[] = {SYN, SYN | ACK, ACK, RST};

/* Every set of fields that some form has. */
static const uint16_t field_sets[] = {
	0,
	FIELD(SENDER_KEY),
	FIELD(SENDER_KEY) | FIELD(RECEIVER_KEY),
	FIELD(SENDER_KEY) | FIELD(RECEIVER_KEY) | FIELD(DATA_LEN),
	FIELD(SENDER_KEY) | FIELD(RECEIVER_KEY) | FIELD(DATA_LEN) | FIELD(CHECKSUM),
	FIELD(ADDR_ID) | FIELD(TOKEN) | FIELD(NONCE),
	FIELD(ADDR_ID) | FIELD(HMAC) | FIELD(NONCE),
	FIELD(HMAC),
	FIELD(DATA_ACK),
	FIELD(DATA_ACK) | FIELD(DATA_ACK8),
	FIELD(MAPPING),
	FIELD(MAPPING) | FIELD(CHECKSUM),
	FIELD(MAPPING) | FIELD(DSN8),
	FIELD(MAPPING) | FIELD(DSN8) | FIELD(CHECKSUM),
	FIELD(DATA_ACK) | FIELD(MAPPING),
	FIELD(DATA_ACK) | FIELD(MAPPING) | FIELD(CHECKSUM),
	FIELD(DATA_ACK) | FIELD(DATA_ACK8) | FIELD(MAPPING),
	FIELD(DATA_ACK) | FIELD(DATA_ACK8) | FIELD(MAPPING) | FIELD(CHECKSUM),
	FIELD(DATA_ACK) | FIELD(MAPPING) | FIELD(DSN8),
	FIELD(DATA_ACK) | FIELD(MAPPING) | FIELD(DSN8) | FIELD(CHECKSUM),
	FIELD(DATA_ACK) | FIELD(DATA_ACK8) | FIELD(MAPPING) | FIELD(DSN8),
	FIELD(DATA_ACK) | FIELD(DATA_ACK8) | FIELD(MAPPING) | FIELD(DSN8) | FIELD(CHECKSUM),
	FIELD(ADDR_ID) | FIELD(ADDR4),
	FIELD(ADDR_ID) | FIELD(ADDR4) | FIELD(PORT),
	FIELD(ADDR_ID) | FIELD(ADDR4) | FIELD(HMAC),
	FIELD(ADDR_ID) | FIELD(ADDR4) | FIELD(PORT) | FIELD(HMAC),
	FIELD(ADDR_ID) | FIELD(ADDR6),
	FIELD(ADDR_ID) | FIELD(ADDR6) | FIELD(PORT),
	FIELD(ADDR_ID) | FIELD(ADDR6) | FIELD(HMAC),
	FIELD(ADDR_ID) | FIELD(ADDR6) | FIELD(PORT) | FIELD(HMAC),
	FIELD(ADDR_ID),
	FIELD(REASON),
};

#define SETS (sizeof(field_sets) / sizeof(field_sets[0]))

/* One option's bytes, decoded; false if the decoder calls it wrong here. */
static bool decode_one(const uint8_t *wire, size_t len, uint8_t tcp_flags, uint16_t payload,
		       unsigned int given, struct mpnic_hdr *hdr)
{
	uint8_t opts[MPNIC_TCP_OPT_MAX];

	memset(opts, 1, sizeof(opts));
	memcpy(opts, wire, len);
	cr_assert_eq(mpnic_decode_options(opts, (len + 3) & ~3u, tcp_flags, payload, given, hdr),
		     0);
	return hdr->mptcp_count == 1 && hdr->opt[0].length == len && !hdr->opt[0].error;
}

static void fill(uint64_t *seed, struct mpnic_opt *opt)
{
	opt->addr_id = (uint8_t)rnd(seed);
	opt->data_len = (uint16_t)rnd(seed);
	opt->checksum = (uint16_t)rnd(seed);
	opt->port = (uint16_t)rnd(seed);
	rnd_bytes(seed, opt->body, sizeof(opt->body));
}

/* The record as the decoder would leave it: what the form does not have is zero. */
static struct mpnic_opt canonical(const struct mpnic_opt *in, unsigned int len)
{
	struct mpnic_opt opt = *in;
	const uint16_t f = in->fields;
	unsigned int body = 0;

	opt.length = (uint8_t)len;
	if (!(f & FIELD(ADDR_ID)))
		opt.addr_id = 0;
	if (!(f & (FIELD(DATA_LEN) | FIELD(MAPPING))))
		opt.data_len = 0;
	if (!(f & FIELD(CHECKSUM)))
		opt.checksum = 0;
	if (!(f & FIELD(PORT)))
		opt.port = 0;
	switch (in->subtype) {
	case MPNIC_SUBTYPE_MP_CAPABLE:
		body = f & FIELD(RECEIVER_KEY) ? 16 : f & FIELD(SENDER_KEY) ? 8 : 0;
		break;
	case MPNIC_SUBTYPE_MP_JOIN:
		body = f & FIELD(TOKEN) ? 8 : f & FIELD(NONCE) ? 12 : 20;
		break;
	case MPNIC_SUBTYPE_DSS:
		if (!(f & FIELD(DATA_ACK)))
			opt.dss.data_ack = 0;
		body = f & FIELD(MAPPING) ? 20 : 8;
		break;
	case MPNIC_SUBTYPE_ADD_ADDR:
		if (f & FIELD(ADDR4))
			memset(opt.add_addr.addr + 4, 0, 12);
		body = f & FIELD(HMAC) ? 24 : 16;
		break;
	case MPNIC_SUBTYPE_MP_FAIL:
	case MPNIC_SUBTYPE_MP_FASTCLOSE:
		body = 8;
		break;
	case MPNIC_SUBTYPE_MP_TCPRST:
		body = 1;
		break;
	default:
		break;
	}
	memset(opt.body + body, 0, sizeof(opt.body) - body);
	return opt;
}

/* Equal, but for where the option stood, and for a version that nobody said. */
static bool same(const struct mpnic_opt *want, const struct mpnic_opt *got)
{
	struct mpnic_opt a = *want, b = *got;

	a.version_from = b.version_from = 0;
	a.offset = b.offset = 0;
	if (a.version == MPNIC_VERSION_UNKNOWN)
		b.version = MPNIC_VERSION_UNKNOWN;
	return !memcmp(&a, &b, sizeof(a));
}

/* Some segment and version exist for which the bytes decode to the record. */
static bool decodes_to(const struct mpnic_opt *want, const uint8_t *wire, size_t len)
{
	struct mpnic_hdr hdr;

	for (unsigned int i = 0; i < 4 * 2 * 3; i++) {
		if (decode_one(wire, len, segments[i % 4], i / 4 % 2, i / 8, &hdr) &&
		    same(want, &hdr.opt[0]))
			return true;
	}
	return false;
}

static void check_one(const struct mpnic_opt *opt, unsigned int *forms)
{
	uint8_t tail[MPNIC_OPT_TAIL_MAX], wire[MPNIC_TCP_OPT_MAX + 1];
	const int len = mpnic_encode_option(opt, tail, wire, sizeof(wire));
	struct mpnic_opt want;

	if (len == -EINVAL)
		return;
	cr_assert_gt(len, 0);
	want = canonical(opt, (unsigned int)len);
	cr_assert(decodes_to(&want, wire, (size_t)len),
		  "subtype %u version %u flags %#x fields %#x: %d bytes decode to something else",
		  opt->subtype, opt->version, opt->flags, opt->fields, len);
	++*forms;
	cr_assert_eq(mpnic_encode_option(opt, tail, wire, (size_t)len), len);
	cr_assert_eq(mpnic_encode_option(opt, tail, wire, (size_t)len - 1), -ENOSPC);
}

/* All flag bytes, versions and field sets, and sets with a bit too many or too few. */
Test(encode, decode_of_encode_is_the_record)
{
	static const uint8_t versions[] = {0, 1, 2, MPNIC_VERSION_UNKNOWN};
	unsigned int forms = 0, others = 0, left = 12;
	uint64_t seed = 1;

	for (unsigned int subtype = 0; subtype < 16; subtype++) {
		for (unsigned int i = 0; i < 4 * 256 * SETS * 17; i++) {
			const unsigned int bit = i % 17, set = i / 17 % SETS;
			struct mpnic_opt opt = {
				.subtype = (uint8_t)subtype,
				.version = versions[i / 17 / SETS % 4],
				.flags = (uint8_t)(i / 17 / SETS / 4),
				.fields = field_sets[set],
			};

			/* A bit turned over, for a part of the flag bytes. */
			if (bit && left-- % 4)
				continue;
			if (bit)
				opt.fields ^= (uint16_t)(1u << (bit - 1));
			fill(&seed, &opt);
			if (subtype == MPNIC_SUBTYPE_DSS && !(opt.fields & FIELD(DATA_ACK8)))
				opt.dss.data_ack &= 0xffffffff;
			if (subtype == MPNIC_SUBTYPE_DSS && !(opt.fields & FIELD(DSN8)))
				opt.dss.dsn &= 0xffffffff;
			check_one(&opt, bit ? &others : &forms);
		}
	}
	/*
	 * As many as there must be. MP_CAPABLE: v0 126 flag bytes x 12, 20; v1 124 x 4, 12, 20 and
	 * 62 x 22, 24. MP_JOIN, of 16 nibbles and 3 versions; DSS: 64 flag bytes without M and F,
	 * 128 with M, of two lengths. ADD_ADDR: v0 4, v1 16 nibbles x 4. MP_PRIO, MP_FAIL,
	 * MP_FASTCLOSE, MP_TCPRST. REMOVE_ADDR and MP_EXPERIMENTAL have no length here.
	 */
	cr_assert_eq(forms, 748 + 144 + 3 * (64 + 256) + 68 + 80 + 48 + 48 + 32, "%u", forms);
}

Test(encode, records_of_no_form_are_refused)
{
	const struct mpnic_opt syn = {.version = 1, .flags = MPNIC_CAPABLE_H};
	const struct mpnic_opt dss = {
		.subtype = MPNIC_SUBTYPE_DSS,
		.flags = MPNIC_DSS_A,
		.fields = FIELD(DATA_ACK),
		.version = 1,
	};
	const struct mpnic_opt remove = {.subtype = MPNIC_SUBTYPE_REMOVE_ADDR, .length = 4};
	const struct mpnic_opt prio = {
		.subtype = MPNIC_SUBTYPE_MP_PRIO,
		.fields = FIELD(ADDR_ID),
	};
	uint8_t wire[MPNIC_TCP_OPT_MAX], tail[MPNIC_OPT_TAIL_MAX] = {0};
	struct mpnic_opt bad;

#define REFUSED(good, change)                                                               \
	do {                                                                                \
		bad = good;                                                                 \
		cr_assert_gt(mpnic_encode_option(&bad, tail, wire, sizeof(wire)), 0);       \
		bad.change;                                                                 \
		cr_assert_eq(mpnic_encode_option(&bad, tail, wire, sizeof(wire)), -EINVAL); \
	} while (0)
	REFUSED(syn, version = 0); /* a SYN of version 0 has a key */
	REFUSED(syn, version = 2);
	REFUSED(syn, flags |= MPNIC_CAPABLE_B);
	REFUSED(syn, flags = 0);
	REFUSED(syn, error = MPNIC_OPT_ERROR_LENGTH);
	REFUSED(syn, length = 12);
	REFUSED(syn, subtype = 9);
	REFUSED(syn, subtype = MPNIC_SUBTYPE_NONE);
	REFUSED(dss, dss.data_ack = 1ull << 32); /* more than 4 octets */
	REFUSED(dss, flags |= MPNIC_DSS_a8);
	REFUSED(dss, flags |= MPNIC_DSS_F);
	REFUSED(dss, fields |= FIELD(CHECKSUM));
	REFUSED(remove, length = 3);
	REFUSED(remove, length = 41);
	REFUSED(remove, flags = 16);
	REFUSED(prio, version = 1);
#undef REFUSED
}

/* What the decoder takes the encoder makes, to the bit: every flag byte, length, segment. */
static void check_wire(uint8_t *wire, unsigned int len, unsigned int context, unsigned int *forms)
{
	struct mpnic_hdr hdr;
	uint8_t again[MPNIC_TCP_OPT_MAX];

	if (!decode_one(wire, len, segments[context % 4], context / 4 % 2, context / 8, &hdr))
		return;
	++*forms;
	cr_assert_eq(mpnic_encode_option(&hdr.opt[0], hdr.opts + 3, again, sizeof(again)), (int)len,
		     "subtype %u version %u flags %#x fields %#x, %u bytes", hdr.opt[0].subtype,
		     hdr.opt[0].version, hdr.opt[0].flags, hdr.opt[0].fields, len);
	cr_assert(!memcmp(wire, again, len), "subtype %u: other bytes", hdr.opt[0].subtype);
}

Test(encode, encode_of_decode_is_the_bytes)
{
	unsigned int forms[16] = {0};
	uint64_t seed = 2;

	for (unsigned int head = 0; head < 256; head++) {
		const unsigned int subtype = head >> 4;
		const bool flag_byte =
			subtype == MPNIC_SUBTYPE_MP_CAPABLE || subtype == MPNIC_SUBTYPE_DSS;

		if ((subtype == MPNIC_SUBTYPE_DSS && (head & 15)) ||
		    (subtype == MPNIC_SUBTYPE_MP_CAPABLE && (head & 15) > 2))
			continue;
		for (unsigned int i = 0; i < (flag_byte ? 256 : 1) * 38 * 24; i++) {
			uint8_t wire[MPNIC_TCP_OPT_MAX];
			const unsigned int len = 3 + i / 24 % 38;

			rnd_bytes(&seed, wire, sizeof(wire));
			wire[0] = MPNIC_TCPOPT_KIND_MPTCP;
			wire[1] = (uint8_t)len;
			wire[2] = (uint8_t)head;
			if (flag_byte)
				wire[3] = (uint8_t)(i / 24 / 38);
			/* The byte that no record holds, reserved. */
			if (subtype == MPNIC_SUBTYPE_MP_FAIL ||
			    (subtype == MPNIC_SUBTYPE_MP_JOIN && len == 24) ||
			    subtype == MPNIC_SUBTYPE_MP_FASTCLOSE)
				wire[3] = 0;
			check_wire(wire, len, i % 24, &forms[subtype]);
		}
	}
	/*
	 * As many as there must be. MP_CAPABLE: v0 126 flag bytes on SYN and SYN/ACK (with payload
	 * or not) and ACK, v1 124 and 62 of one length on an ACK with payload; three given versions
	 * of each.
	 */
	cr_assert_eq(forms[MPNIC_SUBTYPE_MP_CAPABLE], 3 * (126 * 5 + 124 * 5 + 124));
	/* 16 nibbles, three segments, payload or not, three given versions. */
	cr_assert_eq(forms[MPNIC_SUBTYPE_MP_JOIN], 16 * 3 * 2 * 3);
	/* 8 of each 32 flag bytes have neither M nor F, 16 have M: two lengths. ACK and RST. */
	cr_assert_eq(forms[MPNIC_SUBTYPE_DSS], 8 * (8 + 16 * 2) * 2 * 2 * 3);
	cr_assert_eq(forms[MPNIC_SUBTYPE_REMOVE_ADDR], 16 * 37 * 2 * 2 * 3);
	cr_assert_eq(forms[MPNIC_SUBTYPE_MP_FAIL], 16 * 2 * 2 * 3);
	cr_assert_eq(forms[MPNIC_SUBTYPE_MP_EXPERIMENTAL], 16 * 38 * 24);
	cr_assert_eq(forms[MPNIC_SUBTYPE_MP_TCPRST], 16 * 2 * 2);
}

/* ---- the option area ------------------------------------------------------------------------- */

static struct mpnic_out_opt capable_syn_v0(void)
{
	return (struct mpnic_out_opt){.opt = {.flags = MPNIC_CAPABLE_H,
					      .fields = FIELD(SENDER_KEY),
					      .capable.sender_key = 0x0102030405060708}};
}

Test(encode, a_syn_as_linux_lays_it_out)
{
	static const uint8_t want[] = {2, 4, 0x05, 0xb4, 4,  2,	 8, 10, 0, 0, 0, 7, 0, 0, 0, 9,
				       1, 3, 3,	   8,	 30, 12, 0, 1,	1, 2, 3, 4, 5, 6, 7, 8};
	const struct mpnic_out_opt capable = capable_syn_v0();
	const struct mpnic_out_options options = {
		.flags = MPNIC_HDR_MSS | MPNIC_HDR_WSCALE | MPNIC_HDR_SACK_PERMITTED |
			 MPNIC_HDR_TIMESTAMPS,
		.mss = 1460,
		.wscale = 8,
		.ts_val = 7,
		.ts_ecr = 9,
		.mptcp = &capable,
		.mptcp_count = 1,
	};
	uint8_t out[MPNIC_TCP_OPT_MAX];

	cr_assert_eq(mpnic_encode_options(&options, out), (int)sizeof(want));
	cr_assert(!memcmp(out, want, sizeof(want)));
}

/* 42 bytes with NOPs, 40 without: IPv6, port and HMAC beside timestamps. */
Test(encode, what_fits_only_without_gaps_is_packed)
{
	struct mpnic_out_opt opt = {
		.opt = {.subtype = MPNIC_SUBTYPE_ADD_ADDR,
			.version = 1,
			.fields = FIELD(ADDR_ID) | FIELD(ADDR6) | FIELD(PORT) | FIELD(HMAC)}};
	struct mpnic_out_options options = {
		.flags = MPNIC_HDR_TIMESTAMPS, .mptcp = &opt, .mptcp_count = 1};
	uint8_t out[MPNIC_TCP_OPT_MAX];

	cr_assert_eq(mpnic_encode_options(&options, out), 40);
	cr_assert_eq(out[0], 8);
	cr_assert_eq(out[10], 30);
	options.flags |= MPNIC_HDR_WSCALE;
	cr_assert_eq(mpnic_encode_options(&options, out), -ENOSPC);
	options.flags = MPNIC_HDR_L3;
	cr_assert_eq(mpnic_encode_options(&options, out), -EINVAL);
	options.flags = MPNIC_HDR_WSCALE;
	options.wscale = 15;
	cr_assert_eq(mpnic_encode_options(&options, out), -EINVAL);
	options.flags = 0;
	opt.opt.error = 1;
	cr_assert_eq(mpnic_encode_options(&options, out), -EINVAL);
}

static struct mpnic_out_opt random_option(uint64_t *seed)
{
	for (;;) {
		struct mpnic_out_opt o = {
			.opt = {.subtype = (uint8_t)below(seed, 16),
				.version = (uint8_t)below(seed, 2),
				.flags = (uint8_t)rnd(seed),
				.fields = field_sets[below(seed, SETS)]},
		};
		uint8_t wire[MPNIC_TCP_OPT_MAX];
		int len;

		if (o.opt.subtype != MPNIC_SUBTYPE_MP_CAPABLE && o.opt.subtype != MPNIC_SUBTYPE_DSS)
			o.opt.flags &= 15;
		if (o.opt.subtype == MPNIC_SUBTYPE_REMOVE_ADDR ||
		    o.opt.subtype == MPNIC_SUBTYPE_MP_EXPERIMENTAL)
			o.opt.length = (uint8_t)(3 + below(seed, 8));
		rnd_bytes(seed, o.tail, sizeof(o.tail));
		len = mpnic_encode_option(&o.opt, o.tail, wire, sizeof(wire));
		if (len < 0)
			continue;
		o.opt.length = (uint8_t)len;
		return o;
	}
}

static void check_area(const struct mpnic_out_options *o, const uint8_t *out, unsigned int len)
{
	struct mpnic_hdr hdr;

	cr_assert_eq(mpnic_decode_options(out, len, ACK, 0, MPNIC_GIVEN_UNKNOWN, &hdr), 0);
	cr_assert_eq(hdr.tcpopt, len ? MPNIC_TCPOPT_OK : MPNIC_TCPOPT_NONE);
	cr_assert_eq(hdr.flags & ~(MPNIC_HDR_L4 | MPNIC_HDR_TCP), o->flags);
	if (o->flags & MPNIC_HDR_MSS)
		cr_assert_eq(hdr.mss, o->mss);
	if (o->flags & MPNIC_HDR_WSCALE)
		cr_assert_eq(hdr.wscale, o->wscale);
	if (o->flags & MPNIC_HDR_TIMESTAMPS)
		cr_assert(hdr.ts_val == o->ts_val && hdr.ts_ecr == o->ts_ecr);
	cr_assert_eq(hdr.mptcp_count, o->mptcp_count);
	for (unsigned int i = 0; i < o->mptcp_count; i++) {
		const struct mpnic_out_opt *m = &o->mptcp[i];
		uint8_t wire[MPNIC_TCP_OPT_MAX];
		int n = mpnic_encode_option(&m->opt, m->tail, wire, sizeof(wire));

		cr_assert(!memcmp(wire, out + hdr.opt[i].offset, (size_t)n));
	}
}

/* Whatever set of options: it fits if its bytes are 40 at most, and comes back as it was. */
Test(encode, option_areas_come_back)
{
	static const struct {
		uint16_t flag;
		unsigned int len;
	} tcp[] = {{MPNIC_HDR_MSS, 4},
		   {MPNIC_HDR_WSCALE, 3},
		   {MPNIC_HDR_SACK_PERMITTED, 2},
		   {MPNIC_HDR_TIMESTAMPS, 10}};
	unsigned int fitted = 0, full = 0;
	uint64_t seed = 3;

	for (unsigned int n = 0; n < 30000; n++) {
		struct mpnic_out_opt mptcp[4];
		struct mpnic_out_options o = {.mptcp = mptcp, .mptcp_count = below(&seed, 5)};
		uint8_t out[MPNIC_TCP_OPT_MAX];
		unsigned int bytes = 0;
		int len;

		for (unsigned int i = 0; i < 4; i++) {
			if (!below(&seed, 2))
				continue;
			o.flags |= tcp[i].flag;
			bytes += tcp[i].len;
		}
		o.mss = (uint16_t)rnd(&seed);
		o.wscale = (uint8_t)below(&seed, 15);
		o.ts_val = (uint32_t)rnd(&seed);
		o.ts_ecr = (uint32_t)rnd(&seed);
		for (unsigned int i = 0; i < o.mptcp_count; i++) {
			mptcp[i] = random_option(&seed);
			bytes += mptcp[i].opt.length;
		}
		len = mpnic_encode_options(&o, out);
		if (bytes > MPNIC_TCP_OPT_MAX) {
			cr_assert_eq(len, -ENOSPC);
			full++;
			continue;
		}
		cr_assert(len >= (int)bytes && len <= MPNIC_TCP_OPT_MAX && len % 4 == 0);
		check_area(&o, out, (unsigned int)len);
		fitted++;
	}
	cr_assert(fitted > 5000 && full > 5000);
}

/* ---- frames ---------------------------------------------------------------------------------- */

Test(encode, frames_are_what_they_are_made_of)
{
	static uint8_t payload[2000], out[2200];
	uint64_t seed = 4;

	for (unsigned int n = 0; n < 4000; n++) {
		struct mpnic_out_frame f;
		uint8_t opts[MPNIC_TCP_OPT_MAX];
		const size_t opt_len = 4 * below(&seed, 11),
			     payload_len = below(&seed, sizeof(payload));
		struct mpnic_hdr hdr;
		struct mpnic_csum csum;
		int len;

		rnd_bytes(&seed, &f, sizeof(f));
		f.ip_version = below(&seed, 2) ? 4 : 6;
		f.vlan_count = (uint8_t)below(&seed, 3);
		f.flow_label &= 0xfffff;
		memset(opts, 1, sizeof(opts));
		rnd_bytes(&seed, payload, payload_len);
		len = mpnic_encode_frame(&f, opts, opt_len, payload, payload_len, out, sizeof(out));
		cr_assert_gt(len, 0);
		mpnic_packet(out, (size_t)len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &hdr, &csum);
		cr_assert_eq(hdr.parse, MPNIC_PARSE_TCP);
		cr_assert_eq(csum.l4, MPNIC_CSUM_GOOD);
		cr_assert_eq(csum.ip, f.ip_version == 4 ? MPNIC_CSUM_GOOD : MPNIC_CSUM_NONE);
		cr_assert(hdr.payload_len == payload_len && hdr.opt_len == opt_len);
		cr_assert_eq(len, hdr.payload_off + hdr.payload_len);
		cr_assert(!memcmp(out + hdr.payload_off, payload, payload_len));
		cr_assert(!memcmp(hdr.src, f.src, f.ip_version == 4 ? 4 : 16));
		cr_assert(!memcmp(hdr.dst, f.dst, f.ip_version == 4 ? 4 : 16));
		cr_assert(!memcmp(out, f.dst_mac, 6) && !memcmp(out + 6, f.src_mac, 6));
		cr_assert(hdr.sport == f.sport && hdr.dport == f.dport && hdr.seq == f.seq &&
			  hdr.ack == f.ack && hdr.window == f.window &&
			  hdr.tcp_flags == f.tcp_flags);
		cr_assert_eq(hdr.vlan_count, f.vlan_count);
		cr_assert(f.vlan_count < 1 || hdr.vlan_outer == f.vlan[0]);
		cr_assert(f.vlan_count < 2 || hdr.vlan_inner == f.vlan[1]);
		cr_assert_eq(mpnic_encode_frame(&f, opts, opt_len, payload, payload_len, out,
						(size_t)len - 1),
			     -ENOSPC);
	}
}

Test(encode, frames_that_cannot_be_are_refused)
{
	static uint8_t payload[65536], out[65600], opts[44];
	const struct mpnic_out_frame good = {.ip_version = 4};
	struct mpnic_out_frame f = good;

	f.ip_version = 5;
	cr_assert_eq(mpnic_encode_frame(&f, opts, 0, payload, 0, out, sizeof(out)), -EINVAL);
	f = good;
	f.vlan_count = 3;
	cr_assert_eq(mpnic_encode_frame(&f, opts, 0, payload, 0, out, sizeof(out)), -EINVAL);
	f = good;
	f.flow_label = 1u << 20;
	cr_assert_eq(mpnic_encode_frame(&f, opts, 0, payload, 0, out, sizeof(out)), -EINVAL);
	f = good;
	cr_assert_eq(mpnic_encode_frame(&f, opts, 44, payload, 0, out, sizeof(out)), -EINVAL);
	cr_assert_eq(mpnic_encode_frame(&f, opts, 2, payload, 0, out, sizeof(out)), -EINVAL);
	cr_assert_eq(mpnic_encode_frame(&f, opts, 0, payload, 65535 - 39, out, sizeof(out)),
		     -EMSGSIZE);
	cr_assert_eq(mpnic_encode_frame(&f, opts, 0, payload, 65535 - 40, out, sizeof(out)),
		     14 + 65535);
	f.ip_version = 6;
	cr_assert_eq(mpnic_encode_frame(&f, opts, 0, payload, 65535 - 19, out, sizeof(out)),
		     -EMSGSIZE);
	cr_assert_eq(mpnic_encode_frame(&f, opts, 0, payload, (size_t)-30, out, sizeof(out)),
		     -EMSGSIZE);
}

/* ---- real stacks ----------------------------------------------------------------------------- */

struct seen {
	unsigned int options[16], frames;
};

static void encode_options_again(const char *path, const struct mpnic_hdr *hdr, struct seen *seen)
{
	for (unsigned int i = 0; i < hdr->mptcp_count; i++) {
		const struct mpnic_opt *opt = &hdr->opt[i];
		const uint8_t *wire = hdr->opts + opt->offset;
		uint8_t out[MPNIC_TCP_OPT_MAX];

		if (opt->error)
			continue;
		cr_assert_eq(mpnic_encode_option(opt, wire + 3, out, sizeof(out)), opt->length,
			     "%s: subtype %u", path, opt->subtype);
		cr_assert(!memcmp(out, wire, opt->length), "%s: subtype %u: other bytes", path,
			  opt->subtype);
		seen->options[opt->subtype]++;
	}
}

/* Real frames without IP options, whole and summed, are built again from what they say. */
static void build_again(const char *path, const uint8_t *data, size_t len,
			const struct mpnic_hdr *hdr, struct seen *seen)
{
	const uint8_t *ip = data + hdr->l3_off, *tcp = data + hdr->l4_off;
	struct mpnic_out_frame f = {
		.vlan_count = hdr->vlan_count,
		.vlan = {hdr->vlan_outer, hdr->vlan_inner},
		.ip_version = hdr->ip_version,
		.sport = hdr->sport,
		.dport = hdr->dport,
		.seq = hdr->seq,
		.ack = hdr->ack,
		.tcp_flags = hdr->tcp_flags,
		.window = hdr->window,
	};
	static uint8_t out[MPNIC_REPLAY_MAX];
	int got;

	memcpy(f.dst_mac, data, 6);
	memcpy(f.src_mac, data + 6, 6);
	memcpy(f.src, hdr->src, 16);
	memcpy(f.dst, hdr->dst, 16);
	if (f.ip_version == 4) {
		if (ip[0] != 0x45 || ip[6] != 0x40)
			return;
		f.tos = ip[1];
		f.ttl = ip[8];
		f.ip_id = (uint16_t)(ip[4] << 8 | ip[5]);
	} else {
		if (hdr->l4_off != hdr->l3_off + 40)
			return;
		f.tos = (uint8_t)(ip[0] << 4 | ip[1] >> 4);
		f.flow_label = (uint32_t)(ip[1] & 15) << 16 | (uint32_t)ip[2] << 8 | ip[3];
		f.ttl = ip[7];
	}
	got = mpnic_encode_frame(&f, tcp + 20, hdr->opt_len, data + hdr->payload_off,
				 hdr->payload_len, out, sizeof(out));
	cr_assert_eq(got, hdr->payload_off + hdr->payload_len, "%s", path);
	cr_assert_leq((size_t)got, len);
	cr_assert(!memcmp(out, data, (size_t)got), "%s: another frame", path);
	seen->frames++;
}

static void encode_again(void *arg, const char *path, const uint8_t *data, size_t caplen,
			 size_t len)
{
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;

	mpnic_packet(data, caplen, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &hdr, &csum);
	encode_options_again(path, &hdr, arg);
	if (hdr.parse == MPNIC_PARSE_TCP && caplen == len && csum.l4 == MPNIC_CSUM_GOOD &&
	    csum.ip != MPNIC_CSUM_BAD)
		build_again(path, data, caplen, &hdr, arg);
}

Test(encode, options_and_frames_of_the_captures)
{
	struct seen seen = {.frames = 0};
	char *paths[256];
	const unsigned int files = capture_list("tests/captures/*.pcap*", paths, 256);

	cr_assert_gt(files, 30);
	for (unsigned int i = 0; i < files; i++)
		capture_read(paths[i], encode_again, &seen);
	capture_list_free(paths, files);
	for (unsigned int subtype = 0; subtype <= MPNIC_SUBTYPE_MP_TCPRST; subtype++)
		cr_assert_gt(seen.options[subtype], 0, "no option of subtype %u", subtype);
	cr_assert_gt(seen.frames, 800, "%u", seen.frames);
}
