/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer target over the C model: frames, and option bytes alone. The first bytes of an input
 * say what it is; what must hold for every input is checked against the naive reading of the unit
 * tests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mpnic_model.h"
#include "naive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(condition)                                                                        \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

static void check_option(const struct mpnic_hdr *hdr, const struct mpnic_opt *opt,
			 unsigned int given)
{
	static const uint8_t zero[24];
	uint16_t fields = 0;
	const int right = naive_form(hdr->opts + opt->offset, opt->length, hdr->tcp_flags,
				     hdr->payload_len != 0, given, &fields);

	check((opt->error == 0) == (right != 0));
	check(opt->fields == fields);
	if (opt->error)
		check(!memcmp(opt->body, zero, sizeof(zero)) && !opt->data_len && !opt->checksum &&
		      !opt->port && !opt->addr_id);
}

static void check_options(const struct mpnic_hdr *hdr, unsigned int given, int whole)
{
	const struct naive_walk walk = naive_walk(hdr->opts, hdr->opt_len, whole);
	const unsigned int count = walk.mptcp_count < 4 ? walk.mptcp_count : 4;
	uint8_t subtypes[4];
	unsigned int i, malformed = 0;
	int v0 = 0;

	check(hdr->tcpopt == walk.verdict);
	check(hdr->opt_starts == walk.starts);
	check((hdr->flags & 0x780) == walk.noted);
	check(hdr->mss == walk.mss && hdr->wscale == walk.wscale);
	check(hdr->ts_val == walk.ts_val && hdr->ts_ecr == walk.ts_ecr);
	check(hdr->mptcp_count == count);
	for (i = 0; i < count; i++) {
		const struct mpnic_opt *opt = &hdr->opt[i];

		check(opt->offset == walk.mptcp[i]);
		check(opt->length == hdr->opts[opt->offset + 1]);
		check_option(hdr, opt, given);
		malformed |= opt->error != 0;
		subtypes[i] = opt->subtype;
		v0 |= opt->subtype == 0 && opt->version == 0;
	}
	for (; i < 4; i++) {
		static const struct mpnic_opt none;

		check(!memcmp(&hdr->opt[i], &none, sizeof(none)));
	}
	check(!!(hdr->mptcp & MPNIC_MPTCP_PRESENT) == (count > 0));
	check(!!(hdr->mptcp & MPNIC_MPTCP_TOO_MANY) == (walk.mptcp_count > 4));
	check(!!(hdr->mptcp & MPNIC_MPTCP_MALFORMED) == malformed);
	check(((hdr->mptcp & MPNIC_MPTCP_COMBINATION) == 0) ==
	      naive_combination(subtypes, count, naive_segment(hdr->tcp_flags), v0));
}

static void check_places(const struct mpnic_hdr *hdr, size_t len)
{
	check(hdr->opt_len <= MPNIC_TCP_OPT_MAX);
	if (hdr->vlan_count)
		check((size_t)14 + 4u * hdr->vlan_count <= len);
	if (hdr->flags & MPNIC_HDR_L4)
		check((size_t)hdr->l4_off + 8 <= len);
	if (hdr->parse == MPNIC_PARSE_TCP || hdr->parse == MPNIC_PARSE_UDP)
		check(hdr->payload_off <= len && hdr->payload_off <= MPNIC_PARSE_WINDOW);
	if (hdr->flags & MPNIC_HDR_TCP)
		check((size_t)hdr->l4_off + 20 + hdr->opt_len <= len);
}

static void check_csum(const uint8_t *frame, size_t len, const struct mpnic_hdr *hdr,
		       const struct mpnic_csum *csum)
{
	check(csum->frame_len == len);
	if (hdr->parse != MPNIC_PARSE_TCP && hdr->parse != MPNIC_PARSE_UDP) {
		check(!csum->payload_seen && !csum->payload_sum && !csum->truncated);
		check(csum->l4 == MPNIC_CSUM_NONE || csum->l4 == MPNIC_CSUM_NOT_JUDGED);
		return;
	}
	check((size_t)hdr->payload_off + csum->payload_seen <= len);
	check(csum->truncated == (csum->payload_seen < hdr->payload_len));
	check(csum->payload_sum == naive_sum(frame + hdr->payload_off, csum->payload_seen));
}

static void fuzz_frame(const uint8_t *frame, size_t len, uint8_t user)
{
	struct mpnic_hdr hdr, again;
	struct mpnic_csum csum, csum_again;

	if (len > MPNIC_REPLAY_MAX)
		return;
	memset(&hdr, 0xa5, sizeof(hdr));
	memset(&csum, 0xa5, sizeof(csum));
	mpnic_packet(frame, len, user, &hdr, &csum);

	/* The stages one by one say the same, whatever the records held before. */
	memset(&again, 0x5a, sizeof(again));
	memset(&csum_again, 0x5a, sizeof(csum_again));
	mpnic_parse(frame, len, user, &again);
	mpnic_tcpopt(&again);
	mpnic_mptcp(&again, user & 3);
	mpnic_csum(frame, len, &again, &csum_again);
	check(!memcmp(&hdr, &again, sizeof(hdr)));
	check(!memcmp(&csum, &csum_again, sizeof(csum)));

	check(hdr.source == user >> 2);
	check_places(&hdr, len);
	check_csum(frame, len, &hdr, &csum);
	if (hdr.tcpopt != MPNIC_TCPOPT_NONE)
		check_options(&hdr, user & 3, hdr.parse == MPNIC_PARSE_TCP);
}

static void fuzz_options(const uint8_t *opts, size_t len, uint8_t tcp_flags, uint8_t how)
{
	const unsigned int given = how & 3;
	struct mpnic_hdr hdr;

	memset(&hdr, 0xa5, sizeof(hdr));
	if (mpnic_decode_options(opts, len, tcp_flags, how >> 2, given, &hdr)) {
		check(len > MPNIC_TCP_OPT_MAX);
		return;
	}
	check(len <= MPNIC_TCP_OPT_MAX && hdr.opt_len == len);
	if (len)
		check_options(&hdr, given, 1);
	else
		check(hdr.tcpopt == MPNIC_TCPOPT_NONE && !hdr.mptcp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	if (data[0] & 1)
		fuzz_options(data + 3, size - 3, data[1], data[2]);
	else
		fuzz_frame(data + 3, size - 3, data[2]);
	return 0;
}
