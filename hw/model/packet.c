/* SPDX-License-Identifier: BSD-3-Clause */
/* The stages in a row. */
#include <errno.h>

#include "internal.h"

enum {
	USER_GIVEN_MASK = 3,
};

static void decode_options(const uint8_t *opts, unsigned int given, struct mpnic_hdr *hdr)
{
	const struct window w = {.data = opts, .avail = hdr->opt_len};
	const uint64_t places = mpnic_tcpopt_walk(&w, hdr);

	if (places)
		mpnic_mptcp_at(&w, places, given, hdr);
}

void mpnic_headers(const uint8_t *frame, size_t len, uint8_t user, struct mpnic_hdr *hdr)
{
	mpnic_parse(frame, len, user, hdr);
	if (hdr->doff)
		decode_options(frame + hdr->l4_off + TCP_HDR_MIN, user & USER_GIVEN_MASK, hdr);
}

void mpnic_packet(const uint8_t *frame, size_t len, uint8_t user, struct mpnic_hdr *hdr,
		  struct mpnic_csum *csum)
{
	mpnic_headers(frame, len, user, hdr);
	mpnic_csum(frame, len, hdr, csum);
}

int mpnic_decode_options(const uint8_t *opts, size_t opt_len, uint8_t tcp_flags,
			 uint16_t payload_len, unsigned int given, struct mpnic_hdr *hdr)
{
	clear(hdr, sizeof(*hdr));
	if (opt_len > MPNIC_TCP_OPT_MAX)
		return -EINVAL;
	hdr->parse = MPNIC_PARSE_TCP;
	hdr->flags = MPNIC_HDR_L4 | MPNIC_HDR_TCP;
	hdr->tcp_flags = tcp_flags;
	hdr->doff = (uint8_t)((TCP_HDR_MIN + opt_len + 3) / 4);
	hdr->payload_off = (uint8_t)(4 * hdr->doff);
	hdr->payload_len = payload_len;
	hdr->opt_len = (uint8_t)opt_len;
	if (opt_len)
		memcpy(hdr->opts, opts, opt_len);
	decode_options(opts, given, hdr);
	return 0;
}
