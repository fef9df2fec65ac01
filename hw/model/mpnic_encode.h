/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The encoder beside the decoder of mpnic_model.h: from the decoder's own record of an MPTCP option
 * (RFC 8684, RFC 6824) to wire bytes, from options to the option area of a TCP header, and from
 * that to a whole frame. It has no state, allocates nothing and may be called from any number of
 * threads.
 */
#ifndef MPNIC_ENCODE_H
#define MPNIC_ENCODE_H

#include "mpnic_regs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of an option that its record does not hold: 40 of option area less kind, length, subtype.
 */
#define MPNIC_OPT_TAIL_MAX 37

/*
 * mpnic_encode_option() - one MPTCP option.
 * @opt:  the record. opt->fields says which parts are present and with that the form; subtype,
 * flags and, for MP_CAPABLE and ADD_ADDR, version count as well. Parts whose bit is not set, offset
 * and version_from are not read. length may be 0, but for REMOVE_ADDR and MP_EXPERIMENTAL, which
 * have no other sign of their length.
 * @tail: REMOVE_ADDR: length - 3 address ids; MP_EXPERIMENTAL: what stands behind the subtype byte;
 *        not read for others. Of a record out of a struct mpnic_hdr: hdr.opts + opt.offset + 3.
 * @out:  where the option's bytes go
 * @room: bytes that may be written there
 * Reserved bits in flags go out as they are: a sender must leave them 0 (RFC 8684 3).
 * Returns the option's length in bytes; -EINVAL for a record that the decoder would give for no
 * option, one with an error included; -ENOSPC if it is longer than @room. Nothing is written then.
 */
int mpnic_encode_option(const struct mpnic_opt *opt, const uint8_t *tail, uint8_t *out,
			size_t room);

/* An option to be sent. */
struct mpnic_out_opt {
	struct mpnic_opt opt;
	uint8_t tail[MPNIC_OPT_TAIL_MAX]; /* as in mpnic_encode_option() */
};

/* The options of a segment. */
struct mpnic_out_options {
	/* MPNIC_HDR_MSS, _WSCALE, _SACK_PERMITTED, _TIMESTAMPS: which are present */
	uint16_t flags;
	uint16_t mss;	/* bytes */
	uint8_t wscale; /* shift, 0 to 14 (RFC 7323 2.3) */
	uint32_t ts_val, ts_ecr;
	const struct mpnic_out_opt *mptcp; /* in their order on the wire; the caller's */
	unsigned int mptcp_count;
};

/*
 * mpnic_encode_options() - the option area of a TCP header: MSS, SACK-permitted, timestamps, window
 * scale, MPTCP options, padded with NOPs.
 * @out: MPNIC_TCP_OPT_MAX bytes
 * Every option starts on a word of 4 bytes as stacks expect it, NOPs before it (RFC 7323 A); where
 * that does not fit in 40 bytes, options follow one another without a gap.
 * Returns its length, a multiple of 4; -ENOSPC if it does not fit in 40 bytes either way; -EINVAL
 * for a flag that is not named above, a shift beyond 14 and as mpnic_encode_option().
 */
int mpnic_encode_options(const struct mpnic_out_options *options, uint8_t *out);

/* The headers of a TCP segment in an Ethernet frame; numbers in host order. */
struct mpnic_out_frame {
	uint8_t dst_mac[6], src_mac[6];
	uint8_t vlan_count;  /* 0 to 2 tags: 0x8100; of two, the outer one is 0x88a8 */
	uint16_t vlan[2];    /* TCI, the outer one first */
	uint8_t ip_version;  /* 4 or 6 */
	uint8_t tos;	     /* IPv4 type of service, IPv6 traffic class */
	uint8_t ttl;	     /* IPv6: hop limit */
	uint16_t ip_id;	     /* IPv4 alone; DF is set */
	uint32_t flow_label; /* IPv6 alone, 20 bits */
	uint8_t src[16];     /* wire order; IPv4 in the first 4 bytes */
	uint8_t dst[16];
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t tcp_flags; /* CWR (bit 7) to FIN (bit 0) */
	uint16_t window;   /* not scaled */
};

/*
 * mpnic_encode_frame() - a whole frame with right lengths and checksums, without padding at its
 * end.
 * @opts, @opt_len:        the option area, as mpnic_encode_options() leaves it; a multiple of 4
 * @payload, @payload_len: may be NULL, 0
 * @out, @room:            where the frame goes; must not overlap the other arguments
 * Returns the frame's length; -EINVAL for an IP version, tag count, option length or flow label
 * that cannot be; -EMSGSIZE if the IP length would not fit in 16 bits; -ENOSPC if @room is too
 * small.
 */
int mpnic_encode_frame(const struct mpnic_out_frame *frame, const uint8_t *opts, size_t opt_len,
		       const void *payload, size_t payload_len, uint8_t *out, size_t room);

#ifdef __cplusplus
}
#endif

#endif
