/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The C model of mpnic's pipeline: a decoder of Ethernet, IP, TCP and Multipath TCP (RFC 8684, RFC
 * 6824) that equals the RTL bit for bit, and that any program may use as a library.
 *
 * It has no state, allocates nothing and may be called from any number of threads. Frames are
 * hostile: every read is bounded by the length that was given. What each record says, and in which
 * order verdicts are reached, is docs/pipeline.md; the records are mpnic_regs.h.
 */
#ifndef MPNIC_MODEL_H
#define MPNIC_MODEL_H

#include "mpnic_regs.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The `user` byte that goes with a frame: bits 1:0 enum mpnic_given_code, bits 7:2 the source.
 * MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0) is right where nothing is known.
 */
#define MPNIC_USER(given, source) ((uint8_t)((given) | (source) << 2))

/*
 * mpnic_packet() - all four stages over one frame.
 * @frame: the frame from its destination address on; need not be aligned
 * @len:   bytes that are there, 0 to MPNIC_REPLAY_MAX; a larger value is taken as MPNIC_REPLAY_MAX
 * @user:  MPNIC_USER()
 * @hdr:   header record; every byte is written
 * @csum:  checksum record; every byte is written
 */
void mpnic_packet(const uint8_t *frame, size_t len, uint8_t user, struct mpnic_hdr *hdr,
		  struct mpnic_csum *csum);

/* mpnic_headers() - parse, tcpopt and mptcp alone: mpnic_packet() without the checksums. */
void mpnic_headers(const uint8_t *frame, size_t len, uint8_t user, struct mpnic_hdr *hdr);

/*
 * The stages, in their order; each takes what the one before it left.
 * mpnic_parse() writes every byte of *hdr, tcpopt and mptcp fill in their fields.
 */
void mpnic_parse(const uint8_t *frame, size_t len, uint8_t user, struct mpnic_hdr *hdr);
void mpnic_tcpopt(struct mpnic_hdr *hdr);
void mpnic_mptcp(struct mpnic_hdr *hdr, unsigned int given);
void mpnic_csum(const uint8_t *frame, size_t len, const struct mpnic_hdr *hdr,
		struct mpnic_csum *csum);

/*
 * mpnic_decode_options() - decode the options of one TCP header, without a frame.
 * @opts, @opt_len: option bytes, 0 to MPNIC_TCP_OPT_MAX (-EINVAL beyond)
 * @tcp_flags:      the segment's TCP flags; they say which forms are right
 * @payload_len:    the segment's payload, bytes; MP_CAPABLE's form depends on it being 0
 * @given:          enum mpnic_given_code
 * @hdr:            every byte is written; only what tcpopt and mptcp fill in is of use
 * Returns 0 or a negative errno. Malformed options are no error here: see hdr->tcpopt, hdr->mptcp.
 */
int mpnic_decode_options(const uint8_t *opts, size_t opt_len, uint8_t tcp_flags,
			 uint16_t payload_len, unsigned int given, struct mpnic_hdr *hdr);

/*
 * mpnic_sum16() - ones' complement sum of bytes as big-endian 16-bit words, folded, not inverted.
 * An odd last byte is padded with zero. 0 only if all bytes are 0.
 */
uint16_t mpnic_sum16(const uint8_t *data, size_t len);

#ifdef __cplusplus
}
#endif

#endif
