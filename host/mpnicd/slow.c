/* SPDX-License-Identifier: BSD-3-Clause */
#include "slow.h"

#include "mpnic_model.h"

enum {
	TCP_FIN = 1,
	TCP_SYN = 2,
	TCP_RST = 4,
};

static enum slow_class class_of_option(const struct mpnic_opt *opt)
{
	switch (opt->subtype) {
	case MPNIC_SUBTYPE_DSS:
		return SLOW_NOT;
	case MPNIC_SUBTYPE_MP_JOIN:
		return SLOW_HOLD;
	default:
		return SLOW_COPY;
	}
}

enum slow_class slow_class(const uint8_t *frame, size_t len)
{
	enum slow_class class = SLOW_NOT;
	struct mpnic_hdr hdr;

	mpnic_headers(frame, len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &hdr);
	if (hdr.parse != MPNIC_PARSE_TCP)
		return SLOW_NOT;
	if (hdr.tcp_flags & TCP_SYN)
		return SLOW_HOLD;
	if (hdr.tcp_flags & (TCP_FIN | TCP_RST))
		class = SLOW_COPY;
	for (unsigned int i = 0; i < hdr.mptcp_count; i++) {
		const enum slow_class c = class_of_option(&hdr.opt[i]);

		class = c > class ? c : class;
	}
	return class;
}
