/* SPDX-License-Identifier: BSD-3-Clause */
/* Records made by hand, for the tests of tracker and control: a connection of A and B. */
#ifndef TESTS_REPLAY_SEGMENTS_H
#define TESTS_REPLAY_SEGMENTS_H

#include <criterion/criterion.h>
#include <string.h>

#include "control.h"
#include "mpcrypto.h"
#include "track.h"

#define SEGMENTS static __attribute__((unused))

#define SYN    0x02
#define SYNACK 0x12
#define RST    0x04
#define ACK    0x10

/* Keys of real captures, with the token of B and the IDSN of A as computed by others. */
#define V0_KEY_A   0x9c9eabd1e46a33b2
#define V0_KEY_B   0x967d2770b6960552
#define V0_TOKEN_B 0xe47f0142
#define V0_IDSN_A  0x9851b565d52abec9
#define V1_KEY_A   0x1fdb5df328bc3def
#define V1_KEY_B   0x29a6c86981ad933c
#define V1_TOKEN_B 0xa35d6d82
#define V1_IDSN_A  0xc8072fb90edab04d

struct bench {
	struct track *track;
	uint64_t frame;
	struct mpnic_hdr hdr; /* of the next packet */
	struct mpnic_csum csum;
	uint16_t port; /* A's */
	/* With a control, packets go on through the stateful half. */
	struct control *control;
	struct mpnic_result result;
	uint64_t time_ns; /* of the next packet */
};

SEGMENTS const struct track_limits wide = {.flows = 100, .conns = 100};

SEGMENTS void begin(struct bench *b, const struct track_limits *limits)
{
	memset(b, 0, sizeof(*b));
	b->track = track_new(limits);
	b->port = 1000;
	cr_assert_not_null(b->track);
}

/* A segment without options; from 0: A, 1: B. */
SEGMENTS void segment(struct bench *b, unsigned int from, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct mpnic_hdr *h = &b->hdr;

	memset(h, 0, sizeof(*h));
	memset(&b->csum, 0, sizeof(b->csum));
	h->parse = MPNIC_PARSE_TCP;
	h->ip_proto = 6;
	h->flags = MPNIC_HDR_L3 | MPNIC_HDR_L4 | MPNIC_HDR_TCP;
	h->payload_off = 54;
	h->ip_version = 4;
	h->src[0] = h->dst[0] = 10;
	h->src[3] = from ? 2 : 1;
	h->dst[3] = from ? 1 : 2;
	h->sport = from ? 80 : b->port;
	h->dport = from ? b->port : 80;
	h->tcp_flags = flags;
	h->seq = seq;
	h->ack = ack;
	h->tcpopt = MPNIC_TCPOPT_OK;
	b->csum.ip = b->csum.l4 = MPNIC_CSUM_GOOD;
}

SEGMENTS void payload(struct bench *b, uint16_t len, uint16_t sum)
{
	b->hdr.payload_len = len;
	b->csum.payload_seen = len;
	b->csum.payload_sum = sum;
}

SEGMENTS struct mpnic_opt *option(struct bench *b, uint8_t subtype, uint8_t version)
{
	struct mpnic_opt *o = &b->hdr.opt[b->hdr.mptcp_count++];

	b->hdr.mptcp |= MPNIC_MPTCP_PRESENT;
	o->subtype = subtype;
	o->version = version;
	o->length = 12;
	return o;
}

SEGMENTS struct mpnic_opt *capable(struct bench *b, uint8_t version, uint64_t sender_key,
				   uint64_t receiver_key)
{
	struct mpnic_opt *o = option(b, MPNIC_SUBTYPE_MP_CAPABLE, version);

	o->flags = MPNIC_CAPABLE_H;
	if (sender_key)
		o->fields |= MPNIC_FIELD_SENDER_KEY;
	if (receiver_key)
		o->fields |= MPNIC_FIELD_RECEIVER_KEY;
	o->capable.sender_key = sender_key;
	o->capable.receiver_key = receiver_key;
	return o;
}

/* On through the stateful half, with the host's part. */
SEGMENTS void send_on(struct bench *b)
{
	const struct mpnic_conn *conn;

	control_before(b->control, b->track, &b->hdr, b->time_ns);
	control_packet(b->control, b->track, &b->hdr, &b->csum, b->time_ns, &b->result, NULL,
		       &conn);
	cr_assert_eq(track_result(b->track, &b->hdr, &b->csum, &b->result, conn, b->frame), 0);
}

SEGMENTS void send(struct bench *b)
{
	b->frame++;
	b->time_ns += 1000;
	cr_assert_eq(track_packet(b->track, &b->hdr, &b->csum, b->frame, b->time_ns), 0);
	if (b->control)
		send_on(b);
}

SEGMENTS const struct track_conn *conclude(struct bench *b, unsigned int conns)
{
	track_finish(b->track);
	cr_assert_eq(track_conns(b->track), conns);
	return conns ? track_conn(b->track, conns - 1) : NULL;
}

SEGMENTS void handshake_v1(struct bench *b)
{
	segment(b, 0, SYN, 100, 0);
	capable(b, 1, 0, 0);
	send(b);
	segment(b, 1, SYNACK, 500, 101);
	capable(b, 1, V1_KEY_B, 0);
	send(b);
	segment(b, 0, ACK, 101, 501);
	capable(b, 1, V1_KEY_A, V1_KEY_B);
	send(b);
}

SEGMENTS struct mpnic_opt *mapping(struct bench *b, uint64_t dsn, bool wide_dsn, uint32_t ssn,
				   uint16_t len, uint16_t checksum)
{
	struct mpnic_opt *o = option(b, MPNIC_SUBTYPE_DSS, 1);

	o->flags = MPNIC_DSS_M | (wide_dsn ? MPNIC_DSS_m8 : 0);
	o->fields = MPNIC_FIELD_MAPPING | MPNIC_FIELD_CHECKSUM | (wide_dsn ? MPNIC_FIELD_DSN8 : 0);
	o->dss.dsn = dsn;
	o->dss.ssn = ssn;
	o->data_len = len;
	o->checksum = checksum;
	return o;
}

/* MP_JOIN SYN, SYN/ACK and ACK of B's own, towards A. */
SEGMENTS void join_by_b(struct bench *b, uint32_t token, uint64_t flip)
{
	struct mpnic_opt *o;
	uint8_t hmac[20];
	uint64_t hmac64;

	b->port++;
	segment(b, 1, SYN, 900, 0);
	o = option(b, MPNIC_SUBTYPE_MP_JOIN, 1);
	o->fields = MPNIC_FIELD_TOKEN | MPNIC_FIELD_NONCE | MPNIC_FIELD_ADDR_ID;
	o->join_syn.token = token;
	o->join_syn.nonce = 0x1111;
	o->addr_id = 4;
	o->flags = 1;
	send(b);
	segment(b, 0, SYNACK, 800, 901);
	o = option(b, MPNIC_SUBTYPE_MP_JOIN, 1);
	o->fields = MPNIC_FIELD_HMAC | MPNIC_FIELD_NONCE | MPNIC_FIELD_ADDR_ID;
	mpcrypto_join(1, V1_KEY_A, V1_KEY_B, 0x2222, 0x1111, hmac);
	memcpy(&hmac64, hmac, 8);
	o->join_synack.hmac64 = __builtin_bswap64(hmac64) ^ flip;
	o->join_synack.nonce2 = 0x2222;
	send(b);
	segment(b, 1, ACK, 901, 801);
	o = option(b, MPNIC_SUBTYPE_MP_JOIN, 1);
	o->fields = MPNIC_FIELD_HMAC;
	mpcrypto_join(1, V1_KEY_B, V1_KEY_A, 0x1111, 0x2222, hmac);
	hmac[19] ^= (uint8_t)flip;
	memcpy(o->join_ack.hmac, hmac, sizeof(hmac));
	send(b);
}

/* Of a mapping whose payload sums to `payload_sum`. */
SEGMENTS uint16_t dss_checksum(uint64_t dsn, uint32_t ssn, uint16_t len, uint16_t payload_sum)
{
	uint32_t sum = payload_sum + len;

	for (int i = 0; i < 4; i++)
		sum += dsn >> 16 * i & 0xffff;
	sum += (ssn >> 16) + (ssn & 0xffff);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

#endif
