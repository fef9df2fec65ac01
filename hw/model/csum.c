/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage csum: IPv4, TCP and UDP checksums, and the payload's sum. Rules: docs/pipeline.md, "csum". */
#include "internal.h"

enum {
	TCP_CSUM_OFF = 16,
	UDP_LEN_OFF = 4,
	UDP_CSUM_OFF = 6,
};

static uint16_t fold(uint64_t sum)
{
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)sum;
}

uint16_t mpnic_sum16(const uint8_t *data, size_t len)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += get_be16(data + i);
	if (len & 1)
		sum += (uint64_t)data[len - 1] << 8;
	return fold(sum);
}

static uint16_t pseudo_sum(const struct mpnic_hdr *hdr, unsigned int len)
{
	const unsigned int addr_len = hdr->ip_version == 4 ? 4 : 16;

	return fold((uint64_t)mpnic_sum16(hdr->src, addr_len) + mpnic_sum16(hdr->dst, addr_len) +
		    hdr->ip_proto + len);
}

static uint8_t judge_ip(const struct window *w, const struct mpnic_hdr *hdr)
{
	const uint8_t *ip;

	if (!(hdr->flags & MPNIC_HDR_L3) || hdr->ip_version != 4)
		return MPNIC_CSUM_NONE;
	ip = window_at(w, hdr->l3_off, hdr->l4_off - hdr->l3_off);
	if (!ip)
		return MPNIC_CSUM_NOT_JUDGED;
	return mpnic_sum16(ip, hdr->l4_off - hdr->l3_off) == 0xffff ? MPNIC_CSUM_GOOD
								    : MPNIC_CSUM_BAD;
}

/* TCP or UDP, whose header is wholly there. */
static uint8_t judge_l4(const struct window *w, const struct mpnic_hdr *hdr,
			const struct mpnic_csum *csum)
{
	const unsigned int hdr_len = hdr->payload_off - hdr->l4_off;
	const uint8_t *l4 = window_at(w, hdr->l4_off, hdr_len);
	const bool udp = hdr->parse == MPNIC_PARSE_UDP;
	uint16_t field, pseudo;

	if (!l4 || csum->truncated || (hdr->flags & MPNIC_HDR_ROUTING))
		return MPNIC_CSUM_NOT_JUDGED;
	field = get_be16(l4 + (udp ? UDP_CSUM_OFF : TCP_CSUM_OFF));
	if (udp && !field)
		return hdr->ip_version == 4 ? MPNIC_CSUM_ZERO : MPNIC_CSUM_BAD;
	pseudo = pseudo_sum(hdr, udp ? get_be16(l4 + UDP_LEN_OFF) : hdr->l4_len);
	if (fold((uint64_t)pseudo + mpnic_sum16(l4, hdr_len) + csum->payload_sum) == 0xffff)
		return MPNIC_CSUM_GOOD;
	return field == pseudo ? MPNIC_CSUM_PARTIAL : MPNIC_CSUM_BAD;
}

static uint8_t l4_without_payload(uint8_t parse)
{
	switch (parse) {
	case MPNIC_PARSE_FRAGMENT:
	case MPNIC_PARSE_TRUNCATED:
	case MPNIC_PARSE_TOO_DEEP:
	case MPNIC_PARSE_L4_LEN:
	case MPNIC_PARSE_TCP_DOFF:
	case MPNIC_PARSE_UDP_LEN:
		return MPNIC_CSUM_NOT_JUDGED;
	default:
		return MPNIC_CSUM_NONE;
	}
}

static void sum_payload(const struct window *w, const struct mpnic_hdr *hdr,
			struct mpnic_csum *csum)
{
	const unsigned int end = (unsigned int)hdr->payload_off + hdr->payload_len;
	unsigned int seen = hdr->payload_len;

	if (end > w->avail) {
		csum->truncated = 1;
		seen = w->avail > hdr->payload_off ? w->avail - hdr->payload_off : 0;
	}
	csum->payload_seen = (uint16_t)seen;
	if (seen)
		csum->payload_sum = mpnic_sum16(w->data + hdr->payload_off, seen);
}

void mpnic_csum(const uint8_t *frame, size_t len, const struct mpnic_hdr *hdr,
		struct mpnic_csum *csum)
{
	const struct window w = {
		.data = frame,
		.avail = len < MPNIC_REPLAY_MAX ? (unsigned int)len : MPNIC_REPLAY_MAX,
	};

	memset(csum, 0, sizeof(*csum));
	csum->frame_len = (uint16_t)w.avail;
	csum->ip = judge_ip(&w, hdr);
	if (hdr->parse == MPNIC_PARSE_TCP || hdr->parse == MPNIC_PARSE_UDP) {
		sum_payload(&w, hdr, csum);
		csum->l4 = judge_l4(&w, hdr, csum);
	} else {
		csum->l4 = l4_without_payload(hdr->parse);
	}
}
