/* SPDX-License-Identifier: BSD-3-Clause */
/* MPTCP options, option areas and frames: the decoder's way back. */
#include "mpnic_encode.h"

#include <errno.h>

#include "internal.h"

#define FIELD(name) MPNIC_FIELD_##name

enum {
	KIND_NOP = 1,
	KIND_MSS = 2,
	KIND_WSCALE = 3,
	KIND_SACK_PERMITTED = 4,
	KIND_TIMESTAMPS = 8,
	WSCALE_MAX = 14,
	TPID_C = 0x8100,
	TPID_S = 0x88a8,
	ETH_LEN = 14,
	IP_LEN_MAX = 65535,
	/* A tail's bytes stand behind kind, length and subtype. */
	HEAD_LEN = 3,
};

/* A wire image that grows; every option fits in it, so that room is asked for once, at the end. */
struct image {
	uint8_t bytes[MPNIC_TCP_OPT_MAX];
	unsigned int len;
};

static uint8_t *take(struct image *image, unsigned int len)
{
	uint8_t *place = image->bytes + image->len;

	image->len += len;
	return place;
}

static void put_be16(uint8_t *p, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(p, &v, sizeof(v));
}

static void put_be32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

static void put_be64(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
}

static void add8(struct image *image, uint8_t v)
{
	*take(image, 1) = v;
}

static void add16(struct image *image, uint16_t v)
{
	put_be16(take(image, 2), v);
}

static void add32(struct image *image, uint32_t v)
{
	put_be32(take(image, 4), v);
}

static void add64(struct image *image, uint64_t v)
{
	put_be64(take(image, 8), v);
}

/* Kind, length (set at the end), subtype with the low nibble. */
static void add_head(struct image *image, const struct mpnic_opt *opt, uint8_t nibble)
{
	add8(image, MPNIC_TCPOPT_KIND_MPTCP);
	add8(image, 0);
	add8(image, (uint8_t)(opt->subtype << 4 | nibble));
}

static bool capable_form(const struct mpnic_opt *opt)
{
	const bool csum = opt->flags & MPNIC_CAPABLE_A, v1 = opt->version == 1;

	if (opt->version > 1 || (opt->flags & MPNIC_CAPABLE_B))
		return false;
	if (!(opt->flags & (v1 ? 0x1f : 0x3f)))
		return false;
	switch (opt->fields) {
	case 0:
		return v1;
	case FIELD(SENDER_KEY):
	case FIELD(SENDER_KEY) | FIELD(RECEIVER_KEY):
		return true;
	case FIELD(SENDER_KEY) | FIELD(RECEIVER_KEY) | FIELD(DATA_LEN):
		return v1 && !csum;
	case FIELD(SENDER_KEY) | FIELD(RECEIVER_KEY) | FIELD(DATA_LEN) | FIELD(CHECKSUM):
		return v1 && csum;
	default:
		return false;
	}
}

static int encode_capable(const struct mpnic_opt *opt, struct image *image)
{
	if (!capable_form(opt))
		return -EINVAL;
	add_head(image, opt, opt->version);
	add8(image, opt->flags);
	if (opt->fields & FIELD(SENDER_KEY))
		add64(image, opt->capable.sender_key);
	if (opt->fields & FIELD(RECEIVER_KEY))
		add64(image, opt->capable.receiver_key);
	if (opt->fields & FIELD(DATA_LEN))
		add16(image, opt->data_len);
	if (opt->fields & FIELD(CHECKSUM))
		add16(image, opt->checksum);
	return 0;
}

static int encode_join(const struct mpnic_opt *opt, struct image *image)
{
	add_head(image, opt, opt->flags);
	switch (opt->fields) {
	case FIELD(ADDR_ID) | FIELD(TOKEN) | FIELD(NONCE):
		add8(image, opt->addr_id);
		add32(image, opt->join_syn.token);
		add32(image, opt->join_syn.nonce);
		return 0;
	case FIELD(ADDR_ID) | FIELD(HMAC) | FIELD(NONCE):
		add8(image, opt->addr_id);
		add64(image, opt->join_synack.hmac64);
		add32(image, opt->join_synack.nonce2);
		return 0;
	case FIELD(HMAC):
		add8(image, 0);
		memcpy(take(image, sizeof(opt->join_ack.hmac)), opt->join_ack.hmac,
		       sizeof(opt->join_ack.hmac));
		return 0;
	default:
		return -EINVAL;
	}
}

/* The fields that a flag byte asks for; the checksum is the one that no flag tells of. */
static uint16_t dss_fields(uint8_t flags)
{
	uint16_t fields = 0;

	if (flags & MPNIC_DSS_A)
		fields |= FIELD(DATA_ACK);
	if ((flags & MPNIC_DSS_A) && (flags & MPNIC_DSS_a8))
		fields |= FIELD(DATA_ACK8);
	if (flags & MPNIC_DSS_M)
		fields |= FIELD(MAPPING);
	if ((flags & MPNIC_DSS_M) && (flags & MPNIC_DSS_m8))
		fields |= FIELD(DSN8);
	return fields;
}

/* A number of 8 or 4 octets; false if it does not fit in those. */
static bool add_number(struct image *image, uint64_t v, bool eight)
{
	if (eight) {
		add64(image, v);
		return true;
	}
	add32(image, (uint32_t)v);
	return v >> 32 == 0;
}

static int encode_dss(const struct mpnic_opt *opt, struct image *image)
{
	const bool map = opt->fields & FIELD(MAPPING), csum = opt->fields & FIELD(CHECKSUM);

	if ((opt->fields & ~FIELD(CHECKSUM)) != dss_fields(opt->flags) || (csum && !map))
		return -EINVAL;
	if ((opt->flags & MPNIC_DSS_F) && !map)
		return -EINVAL;
	add_head(image, opt, 0);
	add8(image, opt->flags);
	if ((opt->fields & FIELD(DATA_ACK)) &&
	    !add_number(image, opt->dss.data_ack, opt->fields & FIELD(DATA_ACK8)))
		return -EINVAL;
	if (!map)
		return 0;
	if (!add_number(image, opt->dss.dsn, opt->fields & FIELD(DSN8)))
		return -EINVAL;
	add32(image, opt->dss.ssn);
	add16(image, opt->data_len);
	if (csum)
		add16(image, opt->checksum);
	return 0;
}

/* Bytes of the address, or 0 if the record is no ADD_ADDR. */
static unsigned int add_addr_len(const struct mpnic_opt *opt)
{
	const bool echo = opt->flags & 1, hmac = opt->fields & FIELD(HMAC);
	unsigned int len;

	switch (opt->fields & ~(FIELD(PORT) | FIELD(HMAC))) {
	case FIELD(ADDR_ID) | FIELD(ADDR4):
		len = 4;
		break;
	case FIELD(ADDR_ID) | FIELD(ADDR6):
		len = 16;
		break;
	default:
		return 0;
	}
	if (opt->version == 0)
		return !hmac && opt->flags == (len == 4 ? 4 : 6) ? len : 0;
	return opt->version == 1 && hmac != echo ? len : 0;
}

static int encode_add_addr(const struct mpnic_opt *opt, struct image *image)
{
	const unsigned int len = add_addr_len(opt);

	if (!len)
		return -EINVAL;
	add_head(image, opt, opt->flags);
	add8(image, opt->addr_id);
	memcpy(take(image, len), opt->add_addr.addr, len);
	if (opt->fields & FIELD(PORT))
		add16(image, opt->port);
	if (opt->fields & FIELD(HMAC))
		add64(image, opt->add_addr.addr_hmac);
	return 0;
}

/* @min: the shortest length that the subtype may have. */
static int encode_tail(const struct mpnic_opt *opt, const uint8_t *tail, unsigned int min,
		       struct image *image)
{
	if (opt->fields || opt->length < min || opt->length > MPNIC_TCP_OPT_MAX)
		return -EINVAL;
	add_head(image, opt, opt->flags);
	if (opt->length > HEAD_LEN)
		memcpy(take(image, opt->length - HEAD_LEN), tail, opt->length - HEAD_LEN);
	return 0;
}

/* Version 0 alone has an address id in it (RFC 6824 3.3.8). */
static int encode_prio(const struct mpnic_opt *opt, struct image *image)
{
	if (opt->fields & ~FIELD(ADDR_ID) || (opt->fields && opt->version == 1))
		return -EINVAL;
	add_head(image, opt, opt->flags);
	if (opt->fields)
		add8(image, opt->addr_id);
	return 0;
}

/* MP_FAIL, MP_FASTCLOSE. */
static int encode_number(const struct mpnic_opt *opt, uint64_t number, struct image *image)
{
	if (opt->fields)
		return -EINVAL;
	add_head(image, opt, opt->flags);
	add8(image, 0);
	add64(image, number);
	return 0;
}

static int encode_tcprst(const struct mpnic_opt *opt, struct image *image)
{
	if (opt->fields != FIELD(REASON) || !opt->version)
		return -EINVAL;
	add_head(image, opt, opt->flags);
	add8(image, opt->tcprst.reason);
	return 0;
}

static int encode_subtype(const struct mpnic_opt *opt, const uint8_t *tail, struct image *image)
{
	switch (opt->subtype) {
	case MPNIC_SUBTYPE_MP_CAPABLE:
		return encode_capable(opt, image);
	case MPNIC_SUBTYPE_MP_JOIN:
		return encode_join(opt, image);
	case MPNIC_SUBTYPE_DSS:
		return encode_dss(opt, image);
	case MPNIC_SUBTYPE_ADD_ADDR:
		return encode_add_addr(opt, image);
	case MPNIC_SUBTYPE_REMOVE_ADDR:
		return encode_tail(opt, tail, HEAD_LEN + 1, image);
	case MPNIC_SUBTYPE_MP_PRIO:
		return encode_prio(opt, image);
	case MPNIC_SUBTYPE_MP_FAIL:
		return encode_number(opt, opt->fail.fail_dsn, image);
	case MPNIC_SUBTYPE_MP_FASTCLOSE:
		return encode_number(opt, opt->fastclose.fastclose_key, image);
	case MPNIC_SUBTYPE_MP_TCPRST:
		return encode_tcprst(opt, image);
	case MPNIC_SUBTYPE_MP_EXPERIMENTAL:
		return encode_tail(opt, tail, HEAD_LEN, image);
	default:
		return -EINVAL;
	}
}

static bool is_nibble(const struct mpnic_opt *opt)
{
	return opt->subtype == MPNIC_SUBTYPE_MP_CAPABLE || opt->subtype == MPNIC_SUBTYPE_DSS ||
	       opt->flags < 16;
}

int mpnic_encode_option(const struct mpnic_opt *opt, const uint8_t *tail, uint8_t *out, size_t room)
{
	struct image image = {.len = 0};
	int err;

	if (opt->error || (opt->version > 1 && opt->version != MPNIC_VERSION_UNKNOWN))
		return -EINVAL;
	if (!is_nibble(opt))
		return -EINVAL;
	err = encode_subtype(opt, tail, &image);
	if (err)
		return err;
	if (opt->length && opt->length != image.len)
		return -EINVAL;
	image.bytes[1] = (uint8_t)image.len;
	if (image.len > room)
		return -ENOSPC;
	memcpy(out, image.bytes, image.len);
	return (int)image.len;
}

/* An area that is being laid out; `packed` leaves no gaps. */
struct area {
	uint8_t *out;
	unsigned int len;
	bool packed;
};

static unsigned int gap(unsigned int len)
{
	return -len & 3u;
}

/* Room for @len bytes; NOPs before them make them end on a word. NULL if there is none. */
static uint8_t *area_take(struct area *area, unsigned int len)
{
	const unsigned int nops = area->packed ? 0 : gap(len);
	uint8_t *place = area->out + area->len + nops;

	if (len + nops > MPNIC_TCP_OPT_MAX - area->len)
		return NULL;
	memset(area->out + area->len, KIND_NOP, nops);
	area->len += len + nops;
	return place;
}

/* An option's kind and length at a place for it; what follows them, or NULL if there is no room. */
static uint8_t *lay_head(struct area *area, uint8_t kind, uint8_t len)
{
	uint8_t *place = area_take(area, len);

	if (!place)
		return NULL;
	place[0] = kind;
	place[1] = len;
	return place + 2;
}

/* SACK-permitted takes the place of the NOPs before the timestamps. */
static bool lay_sack_and_timestamps(const struct mpnic_out_options *o, struct area *area)
{
	const bool sack = o->flags & MPNIC_HDR_SACK_PERMITTED;
	uint8_t *place;

	if (!(o->flags & MPNIC_HDR_TIMESTAMPS))
		return !sack || lay_head(area, KIND_SACK_PERMITTED, 2);
	place = area_take(area, sack ? 12 : 10);
	if (!place)
		return false;
	if (sack) {
		place[0] = KIND_SACK_PERMITTED;
		place[1] = 2;
		place += 2;
	}
	place[0] = KIND_TIMESTAMPS;
	place[1] = 10;
	put_be32(place + 2, o->ts_val);
	put_be32(place + 6, o->ts_ecr);
	return true;
}

static bool lay_tcp(const struct mpnic_out_options *o, struct area *area)
{
	uint8_t *place;

	if (o->flags & MPNIC_HDR_MSS) {
		place = lay_head(area, KIND_MSS, 4);
		if (!place)
			return false;
		put_be16(place, o->mss);
	}
	if (!lay_sack_and_timestamps(o, area))
		return false;
	if (o->flags & MPNIC_HDR_WSCALE) {
		place = lay_head(area, KIND_WSCALE, 3);
		if (!place)
			return false;
		*place = o->wscale;
	}
	return true;
}

static int lay_mptcp(const struct mpnic_out_opt *option, struct area *area)
{
	uint8_t bytes[MPNIC_TCP_OPT_MAX], *place;
	const int len = mpnic_encode_option(&option->opt, option->tail, bytes, sizeof(bytes));

	if (len < 0)
		return len;
	place = area_take(area, (unsigned int)len);
	if (!place)
		return -ENOSPC;
	memcpy(place, bytes, (size_t)len);
	return 0;
}

static int lay_out(const struct mpnic_out_options *o, bool packed, uint8_t *out)
{
	struct area area = {.out = out, .packed = packed};
	int err = lay_tcp(o, &area) ? 0 : -ENOSPC;
	unsigned int nops;

	for (unsigned int i = 0; !err && i < o->mptcp_count; i++)
		err = lay_mptcp(&o->mptcp[i], &area);
	if (err)
		return err;
	nops = gap(area.len);
	memset(out + area.len, KIND_NOP, nops);
	return (int)(area.len + nops);
}

int mpnic_encode_options(const struct mpnic_out_options *options, uint8_t *out)
{
	const uint16_t known =
		MPNIC_HDR_MSS | MPNIC_HDR_WSCALE | MPNIC_HDR_SACK_PERMITTED | MPNIC_HDR_TIMESTAMPS;
	int len;

	if (options->flags & ~known)
		return -EINVAL;
	if ((options->flags & MPNIC_HDR_WSCALE) && options->wscale > WSCALE_MAX)
		return -EINVAL;
	len = lay_out(options, false, out);
	return len == -ENOSPC ? lay_out(options, true, out) : len;
}

static uint8_t *put_ethernet(const struct mpnic_out_frame *f, uint8_t *p)
{
	memcpy(p, f->dst_mac, 6);
	memcpy(p + 6, f->src_mac, 6);
	p += 12;
	for (unsigned int i = 0; i < f->vlan_count; i++, p += 4) {
		put_be16(p, i + 1 < f->vlan_count ? TPID_S : TPID_C);
		put_be16(p + 2, f->vlan[i]);
	}
	put_be16(p, f->ip_version == 4 ? 0x0800 : 0x86dd);
	return p + 2;
}

/* Sum, not folded, of what TCP's checksum covers beside its own bytes. */
static uint32_t pseudo_sum(const struct mpnic_out_frame *f, size_t tcp_len)
{
	const size_t len = f->ip_version == 4 ? 4 : 16;

	return (uint32_t)mpnic_sum16(f->src, len) + mpnic_sum16(f->dst, len) + PROTO_TCP +
	       (uint32_t)tcp_len;
}

static uint8_t *put_ipv4(const struct mpnic_out_frame *f, size_t tcp_len, uint8_t *p)
{
	memset(p, 0, 20);
	p[0] = 0x45;
	p[1] = f->tos;
	put_be16(p + 2, (uint16_t)(20 + tcp_len));
	put_be16(p + 4, f->ip_id);
	p[6] = 0x40;
	p[8] = f->ttl;
	p[9] = PROTO_TCP;
	memcpy(p + 12, f->src, 4);
	memcpy(p + 16, f->dst, 4);
	put_be16(p + 10, (uint16_t)~mpnic_sum16(p, 20));
	return p + 20;
}

static uint8_t *put_ipv6(const struct mpnic_out_frame *f, size_t tcp_len, uint8_t *p)
{
	put_be32(p, 6u << 28 | (uint32_t)f->tos << 20 | f->flow_label);
	put_be16(p + 4, (uint16_t)tcp_len);
	p[6] = PROTO_TCP;
	p[7] = f->ttl;
	memcpy(p + 8, f->src, 16);
	memcpy(p + 24, f->dst, 16);
	return p + 40;
}

static void put_tcp(const struct mpnic_out_frame *f, const uint8_t *opts, size_t opt_len,
		    const void *payload, size_t payload_len, uint8_t *p)
{
	const size_t len = TCP_HDR_MIN + opt_len + payload_len;
	uint32_t sum;

	put_be16(p, f->sport);
	put_be16(p + 2, f->dport);
	put_be32(p + 4, f->seq);
	put_be32(p + 8, f->ack);
	p[12] = (uint8_t)((TCP_HDR_MIN + opt_len) << 2);
	p[13] = f->tcp_flags;
	put_be16(p + 14, f->window);
	put_be32(p + 16, 0);
	if (opt_len)
		memcpy(p + TCP_HDR_MIN, opts, opt_len);
	if (payload_len)
		memcpy(p + TCP_HDR_MIN + opt_len, payload, payload_len);
	sum = pseudo_sum(f, len) + mpnic_sum16(p, len);
	sum = (sum & 0xffff) + (sum >> 16);
	put_be16(p + 16, (uint16_t) ~(sum + (sum >> 16)));
}

int mpnic_encode_frame(const struct mpnic_out_frame *frame, const uint8_t *opts, size_t opt_len,
		       const void *payload, size_t payload_len, uint8_t *out, size_t room)
{
	const bool v4 = frame->ip_version == 4;
	size_t tcp_len, len;
	uint8_t *p;

	if ((!v4 && frame->ip_version != 6) || frame->vlan_count > 2 || frame->flow_label >> 20)
		return -EINVAL;
	if (opt_len > MPNIC_TCP_OPT_MAX || opt_len % 4)
		return -EINVAL;
	if (payload_len > IP_LEN_MAX)
		return -EMSGSIZE;
	tcp_len = TCP_HDR_MIN + opt_len + payload_len;
	if (tcp_len + (v4 ? 20 : 0) > IP_LEN_MAX)
		return -EMSGSIZE;
	len = ETH_LEN + 4u * frame->vlan_count + (v4 ? 20 : 40) + tcp_len;
	if (len > room)
		return -ENOSPC;
	p = put_ethernet(frame, out);
	p = v4 ? put_ipv4(frame, tcp_len, p) : put_ipv6(frame, tcp_len, p);
	put_tcp(frame, opts, opt_len, payload, payload_len, p);
	return (int)len;
}
