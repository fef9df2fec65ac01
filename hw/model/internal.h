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

/*
 * Zero a record. In pieces, for of one memset() of this size gcc makes a string instruction, which
 * takes longer to start than all of the stores.
 */
static inline void clear(void *record, size_t len)
{
	uint8_t *p = record;

	for (; len >= 64; len -= 64, p += 64)
		memset(p, 0, 64);
	memset(p, 0, len);
}

/*
 * mpnic_tcpopt() and mpnic_mptcp() with the option bytes read from where they came from, which
 * spares the way through the record. @opts holds all of the window's @avail bytes.
 * The walk returns the places of the MPTCP options, bit i for one that starts at byte i; each is
 * wholly inside @opts.
 */
__attribute__((visibility("hidden"))) uint64_t mpnic_tcpopt_walk(const struct window *opts,
								 struct mpnic_hdr *hdr);
__attribute__((visibility("hidden"))) void mpnic_mptcp_at(const struct window *opts,
							  uint64_t places, unsigned int given,
							  struct mpnic_hdr *hdr);

/* Only what is sound changes state (docs/state.md). */
static inline bool is_sound(const struct mpnic_hdr *hdr, const struct mpnic_csum *csum)
{
	return hdr->parse == MPNIC_PARSE_TCP && csum->ip != MPNIC_CSUM_BAD &&
	       csum->ip != MPNIC_CSUM_NOT_JUDGED &&
	       (csum->l4 == MPNIC_CSUM_GOOD || csum->l4 == MPNIC_CSUM_PARTIAL);
}

/* The option bytes in a record. A record from outside may claim more than it has room for. */
static inline struct window hdr_options(const struct mpnic_hdr *hdr)
{
	return (struct window){
		.data = hdr->opts,
		.avail = hdr->opt_len < MPNIC_TCP_OPT_MAX ? hdr->opt_len : MPNIC_TCP_OPT_MAX,
	};
}

#endif
