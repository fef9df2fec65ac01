/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the stages of the model share: bounded reads, big-endian loads, and the way from tcpopt to
 * mptcp that spares a second walk.
 */
#ifndef MPNIC_MODEL_INTERNAL_H
#define MPNIC_MODEL_INTERNAL_H

#include <stdbool.h>
#include <string.h>

#include "mpnic_model.h"

enum tcp_flag_bits {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
};

enum {
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	TCP_HDR_MIN = 20,
	UDP_HDR_LEN = 8,
};

/* Bytes that may be read. Every read of hostile bytes asks window_at() for its place first. */
struct window {
	const uint8_t *data;
	unsigned int avail;
	bool more; /* the frame goes on behind the window */
};

/* @len bytes at @off, or NULL if they are not all there. */
static inline const uint8_t *window_at(const struct window *w, unsigned int off, unsigned int len)
{
	return off <= w->avail && len <= w->avail - off ? w->data + off : NULL;
}

static inline uint16_t get_be16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap16(v);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static inline uint64_t get_be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

/* A length from outside may be larger than the record; everything reads through this. */
static inline unsigned int hdr_opt_len(const struct mpnic_hdr *hdr)
{
	return hdr->opt_len < MPNIC_TCP_OPT_MAX ? hdr->opt_len : MPNIC_TCP_OPT_MAX;
}

/* mpnic_tcpopt(), and the places of the MPTCP options: bit i for one that starts at opts[i]. */
__attribute__((visibility("hidden"))) uint64_t mpnic_tcpopt_walk(struct mpnic_hdr *hdr);

/* mpnic_mptcp() where those places are known. */
__attribute__((visibility("hidden"))) void mpnic_mptcp_at(struct mpnic_hdr *hdr, unsigned int given,
							  uint64_t places);

#endif
