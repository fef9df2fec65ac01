/* SPDX-License-Identifier: BSD-3-Clause */
/* An end of a connection with as much TCP around the engine as a test needs. */
#ifndef SHAKE_ENDS_H
#define SHAKE_ENDS_H

#include "handshake.h"

enum {
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	ACK = 0x10,
};

struct end {
	struct hs_conn c;
	struct hs_result r; /* of what came last */
	struct hs_out out;  /* of what was sent last */
	uint32_t acked;	    /* bytes of ours that the peer has, as far as we know */
	uint32_t received;  /* bytes of its that we have, in order */
	uint64_t now;	    /* ms */
};

#define KEY_A 0x9c9eabd1e46a33b2ull
#define KEY_B 0x967d2770b6960552ull
#define ISN_A 0xfffffff0u
#define ISN_B 5000u

void end_open(struct end *e, const struct hs_config *cfg);
void end_listen(struct end *e, const struct hs_config *cfg);

/*
 * A segment, encoded to a frame and decoded again. @offset, @len: its payload in the stream.
 * end_try() returns what hs_send() does; end_send() fails the test if that is not 0.
 */
int end_try(struct end *e, enum hs_kind kind, uint32_t offset, uint16_t len, struct mpnic_hdr *hdr);
struct mpnic_hdr end_send(struct end *e, enum hs_kind kind, uint32_t offset, uint16_t len);

/* Payload of the stream from @offset on: what both ends agree on. */
void end_payload(uint32_t offset, uint16_t len, uint8_t *out);

/* The engine gets a copy of the segment; then TCP's numbers move. Returns the events. */
unsigned int end_take(struct end *e, const struct mpnic_hdr *hdr);

/* A segment with other option bytes. */
struct mpnic_hdr with_options(const struct mpnic_hdr *hdr, const uint8_t *opts, size_t len);
#define WITH(hdr, ...) \
	with_options(hdr, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
struct mpnic_hdr without_options(const struct mpnic_hdr *hdr);

/* First MPTCP option of a subtype, without an error; NULL. */
const struct mpnic_opt *option(const struct mpnic_hdr *hdr, unsigned int subtype);

/* SYN, SYN/ACK, ACK between two ends, none of them lost. */
void shake(struct end *a, struct end *b, const struct hs_config *cfg_a,
	   const struct hs_config *cfg_b);

/* And data both ways, until both are confirmed or TCP. */
void talk(struct end *a, struct end *b);

#endif
