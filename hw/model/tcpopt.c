/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage tcpopt: the walk over the TCP options. Rules: docs/pipeline.md, "tcpopt". */
#include "internal.h"

enum {
	KIND_EOL = 0,
	KIND_NOP = 1,
	KIND_MSS = 2,
	KIND_WSCALE = 3,
	KIND_SACK_PERMITTED = 4,
	KIND_TIMESTAMPS = 8,
};

/* An option of @len bytes, kind and length included, that is wholly there. */
static void note(struct mpnic_hdr *hdr, const uint8_t *opt, unsigned int len)
{
	if (opt[0] == KIND_TIMESTAMPS && len == 10) {
		hdr->flags |= MPNIC_HDR_TIMESTAMPS;
		hdr->ts_val = get_be32(opt + 2);
		hdr->ts_ecr = get_be32(opt + 6);
	} else if (opt[0] == KIND_MSS && len == 4) {
		hdr->flags |= MPNIC_HDR_MSS;
		hdr->mss = get_be16(opt + 2);
	} else if (opt[0] == KIND_WSCALE && len == 3) {
		hdr->flags |= MPNIC_HDR_WSCALE;
		hdr->wscale = opt[2];
	} else if (opt[0] == KIND_SACK_PERMITTED && len == 2) {
		hdr->flags |= MPNIC_HDR_SACK_PERMITTED;
	}
}

uint64_t mpnic_tcpopt_walk(const struct window *opts, struct mpnic_hdr *hdr)
{
	const bool whole = hdr->parse == MPNIC_PARSE_TCP;
	const unsigned int end = opts->avail;
	uint64_t starts = 0, places = 0;
	unsigned int pos = 0;
	uint8_t verdict = whole ? MPNIC_TCPOPT_OK : MPNIC_TCPOPT_CUT;

	if (!(hdr->flags & MPNIC_HDR_TCP) || !hdr->payload_off || 4u * hdr->doff <= TCP_HDR_MIN)
		return 0;

	while (pos < end) {
		const uint8_t *opt = opts->data + pos;
		unsigned int len;

		starts |= 1ull << pos;
		if (opt[0] == KIND_NOP) {
			pos++;
			continue;
		}
		if (opt[0] == KIND_EOL) {
			verdict = MPNIC_TCPOPT_OK;
			break;
		}
		if (!window_at(opts, pos, 2)) {
			verdict = whole ? MPNIC_TCPOPT_OVERRUN : MPNIC_TCPOPT_CUT;
			break;
		}
		len = opt[1];
		if (len < 2) {
			verdict = MPNIC_TCPOPT_LEN_BELOW_2;
			break;
		}
		if (!window_at(opts, pos, len)) {
			verdict = whole ? MPNIC_TCPOPT_OVERRUN : MPNIC_TCPOPT_CUT;
			break;
		}
		if (opt[0] == MPNIC_TCPOPT_KIND_MPTCP)
			places |= 1ull << pos;
		else
			note(hdr, opt, len);
		pos += len;
	}
	hdr->tcpopt = verdict;
	hdr->opt_starts = starts;
	return places;
}

void mpnic_tcpopt(struct mpnic_hdr *hdr)
{
	const struct window opts = hdr_options(hdr);

	mpnic_tcpopt_walk(&opts, hdr);
}
