/* SPDX-License-Identifier: BSD-3-Clause */
#include "shake_ends.h"

#include <criterion/criterion.h>
#include <string.h>

#include "mpnic_model.h"

void end_open(struct end *e, const struct hs_config *cfg)
{
	memset(e, 0, sizeof(*e));
	hs_open(&e->c, cfg, KEY_A, ISN_A, 0);
}

void end_listen(struct end *e, const struct hs_config *cfg)
{
	const uint64_t key = KEY_B;

	memset(e, 0, sizeof(*e));
	hs_listen(&e->c, cfg, &key, ISN_B);
}

void end_payload(uint32_t offset, uint16_t len, uint8_t *out)
{
	for (uint32_t i = 0; i < len; i++)
		out[i] = (uint8_t)((offset + i) * 7 + (offset + i) / 256);
}

static uint8_t flags_of(enum hs_kind kind)
{
	switch (kind) {
	case HS_SYN:
		return SYN;
	case HS_SYNACK:
		return SYN | ACK;
	case HS_RST:
		return RST | ACK;
	default:
		return ACK;
	}
}

static struct mpnic_hdr through_the_wire(const struct end *e, const struct hs_out *out,
					 enum hs_kind kind, uint32_t offset, const uint8_t *payload,
					 uint16_t len)
{
	const struct mpnic_out_options options = {
		.flags = MPNIC_HDR_TIMESTAMPS, .mptcp = out->opt, .mptcp_count = out->count};
	const struct mpnic_out_frame f = {
		.ip_version = 4,
		.tcp_flags = flags_of(kind),
		.seq = e->c.isn + (kind == HS_SYN || kind == HS_SYNACK ? 0 : 1 + offset),
		.ack = kind == HS_SYN ? 0 : e->c.peer_isn + 1 + e->received,
	};
	uint8_t opts[MPNIC_TCP_OPT_MAX], frame[2048];
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;
	const int opt_len = mpnic_encode_options(&options, opts);
	int frame_len;

	cr_assert_geq(opt_len, 0, "options: %d", opt_len);
	frame_len =
		mpnic_encode_frame(&f, opts, (size_t)opt_len, payload, len, frame, sizeof(frame));
	cr_assert_gt(frame_len, 0);
	mpnic_packet(frame, (size_t)frame_len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &hdr, &csum);
	cr_assert_eq(csum.l4, MPNIC_CSUM_GOOD);
	return hdr;
}

int end_try(struct end *e, enum hs_kind kind, uint32_t offset, uint16_t len, struct mpnic_hdr *hdr)
{
	uint8_t payload[1500];
	struct hs_segment s = {
		.kind = (uint8_t)kind,
		.room = MPNIC_TCP_OPT_MAX - 10, /* timestamps */
		.len = len,
		.offset = offset,
		.ssn = 1 + offset,
		.received = e->received,
	};
	int err;

	end_payload(offset, len, payload);
	s.sum = mpnic_sum16(payload, len);
	err = hs_send(&e->c, &s, e->now, &e->out);
	if (!err)
		*hdr = through_the_wire(e, &e->out, kind, offset, payload, len);
	return err;
}

struct mpnic_hdr end_send(struct end *e, enum hs_kind kind, uint32_t offset, uint16_t len)
{
	struct mpnic_hdr hdr;

	cr_assert_eq(end_try(e, kind, offset, len, &hdr), 0);
	return hdr;
}

unsigned int end_take(struct end *e, const struct mpnic_hdr *hdr)
{
	struct mpnic_hdr copy = *hdr;
	uint32_t acked;

	hs_receive(&e->c, &copy, e->now, &e->r);
	if (hdr->tcp_flags & (SYN | RST))
		return e->r.events;
	acked = hdr->ack - e->c.isn - 1;
	if ((int32_t)(acked - e->acked) > 0)
		e->acked = acked;
	if (hdr->seq == e->c.peer_isn + 1 + e->received)
		e->received += hdr->payload_len;
	return e->r.events;
}

struct mpnic_hdr with_options(const struct mpnic_hdr *hdr, const uint8_t *opts, size_t len)
{
	struct mpnic_hdr out;

	cr_assert_eq(mpnic_decode_options(opts, len, hdr->tcp_flags, hdr->payload_len,
					  MPNIC_GIVEN_UNKNOWN, &out),
		     0);
	out.seq = hdr->seq;
	out.ack = hdr->ack;
	return out;
}

struct mpnic_hdr without_options(const struct mpnic_hdr *hdr)
{
	return with_options(hdr, NULL, 0);
}

const struct mpnic_opt *option(const struct mpnic_hdr *hdr, unsigned int subtype)
{
	for (unsigned int i = 0; i < hdr->mptcp_count; i++) {
		if (hdr->opt[i].subtype == subtype && !hdr->opt[i].error)
			return &hdr->opt[i];
	}
	return NULL;
}

void shake(struct end *a, struct end *b, const struct hs_config *cfg_a,
	   const struct hs_config *cfg_b)
{
	struct mpnic_hdr hdr;

	end_open(a, cfg_a);
	end_listen(b, cfg_b);
	cr_assert_eq(hs_due(&a->c, 0), HS_SYN);
	hdr = end_send(a, HS_SYN, 0, 0);
	end_take(b, &hdr);
	cr_assert_eq(hs_due(&b->c, 0), HS_SYNACK);
	hdr = end_send(b, HS_SYNACK, 0, 0);
	end_take(a, &hdr);
	cr_assert_eq(hs_due(&a->c, 0), HS_ACK);
	hdr = end_send(a, HS_ACK, 0, 0);
	end_take(b, &hdr);
	cr_assert_eq(hs_due(&a->c, 0), HS_NOTHING);
	cr_assert_eq(hs_due(&b->c, 0), HS_NOTHING);
}

void talk(struct end *a, struct end *b)
{
	struct mpnic_hdr hdr = end_send(a, HS_ACK, a->acked, 100);

	end_take(b, &hdr);
	hdr = end_send(b, HS_ACK, b->acked, 50);
	end_take(a, &hdr);
	hdr = end_send(a, HS_ACK, a->acked, 0);
	end_take(b, &hdr);
}
