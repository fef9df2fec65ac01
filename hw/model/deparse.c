/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage deparse: edits of the frame, of the same length. Rules: docs/state.md, "deparse". */
#include "internal.h"
#include "mpnic_state.h"

enum {
	KIND_NOP = 1,
	TCP_CSUM_OFF = 16,
};

/* Adds without carries being lost. */
static uint16_t add16(uint32_t a, uint32_t b)
{
	const uint32_t sum = a + b;

	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* What a byte counts in the checksum: @off is its place in the TCP header. */
static uint16_t weight(uint8_t byte, unsigned int off)
{
	return off % 2 ? byte : (uint16_t)(byte << 8);
}

/*
 * The option becomes NOPs; RFC 1624, equation 3: HC' = ~(~HC + ~m + m'). @sum is ~HC, and becomes
 * that of the new field.
 */
static uint16_t blank(uint8_t *tcp, unsigned int off, unsigned int len, uint16_t sum)
{
	for (; len; len--, off++) {
		sum = add16(sum, (uint16_t)~weight(tcp[off], off));
		sum = add16(sum, weight(KIND_NOP, off));
		tcp[off] = KIND_NOP;
	}
	return sum;
}

/* The length of the option at @pos if it is to be stripped, else 0. */
static unsigned int to_strip(const struct window *opts, unsigned int pos, uint16_t strip)
{
	const uint8_t *opt = window_at(opts, pos, 3);

	/* The walk reached it, so what is wholly there is well formed. */
	if (!opt || opt[0] != MPNIC_TCPOPT_KIND_MPTCP || opt[1] < 3 ||
	    !window_at(opts, pos, opt[1]))
		return 0;
	return strip >> (opt[2] >> 4) & 1 ? opt[1] : 0;
}

void mpnic_deparse(uint8_t *frame, size_t len, const struct mpnic_hdr *hdr,
		   const struct mpnic_csum *csum, struct mpnic_result *result)
{
	const struct window w = {
		.data = frame,
		.avail = len < MPNIC_REPLAY_MAX ? (unsigned int)len : MPNIC_REPLAY_MAX,
	};
	const struct window opts = {
		.data = window_at(&w, hdr->l4_off + TCP_HDR_MIN, hdr_options(hdr).avail),
		.avail = hdr_options(hdr).avail,
	};
	uint64_t starts = hdr->opt_starts;
	uint8_t *tcp;
	uint16_t sum;

	if (!result->strip || !starts || !opts.data)
		return;
	tcp = frame + hdr->l4_off;
	sum = (uint16_t)~get_be16(tcp + TCP_CSUM_OFF);
	for (; starts; starts &= starts - 1) {
		const unsigned int pos = (unsigned int)__builtin_ctzll(starts);
		const unsigned int opt_len = to_strip(&opts, pos, result->strip);

		if (!opt_len)
			continue;
		sum = blank(tcp, TCP_HDR_MIN + pos, opt_len, sum);
		result->flags |= MPNIC_RESULT_STRIPPED;
	}
	if (!(result->flags & MPNIC_RESULT_STRIPPED) || csum->l4 == MPNIC_CSUM_PARTIAL)
		return;
	sum = (uint16_t)~sum;
	tcp[TCP_CSUM_OFF] = (uint8_t)(sum >> 8);
	tcp[TCP_CSUM_OFF + 1] = (uint8_t)sum;
}
