/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <string.h>

#include "stateful.h"

struct pkt pkt_tcp(unsigned int ip, uint8_t tcp_flags, const uint8_t *opts, size_t opt_len)
{
	static struct frame frame;
	const struct spec spec = {
		.ip = ip,
		.proto = 6,
		.tcp_flags = tcp_flags,
		.opts = opts,
		.opt_len = opt_len,
	};
	struct pkt pkt;

	build(&spec, &frame);
	mpnic_packet(frame.bytes, frame.len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &pkt.hdr,
		     &pkt.csum);
	return pkt;
}

struct pkt pkt_join(unsigned int ip, uint32_t token)
{
	uint8_t opts[12] = {30, 12, 0x10, 9, [8] = 0xca, 0xfe, 0xba, 0xbe};

	put32(opts + 4, token);
	return pkt_tcp(ip, SYN, opts, sizeof(opts));
}

struct pkt pkt_first_syn(unsigned int ip)
{
	static const uint8_t opts[4] = {30, 4, 0x01, 0x01};

	return pkt_tcp(ip, SYN, opts, sizeof(opts));
}

void pkt_ends(struct pkt *pkt, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport)
{
	const unsigned int at = pkt->hdr.ip_version == 4 ? 0 : 12;

	put32(pkt->hdr.src + at, src);
	put32(pkt->hdr.dst + at, dst);
	pkt->hdr.sport = sport;
	pkt->hdr.dport = dport;
}

void pkt_turn(struct pkt *pkt)
{
	const struct mpnic_hdr was = pkt->hdr;

	memcpy(pkt->hdr.src, was.dst, sizeof(was.dst));
	memcpy(pkt->hdr.dst, was.src, sizeof(was.src));
	pkt->hdr.sport = was.dport;
	pkt->hdr.dport = was.sport;
}

void small_config(struct mpnic_state_config *config)
{
	mpnic_state_defaults(config);
	config->flows = 1024;
	config->stash = 16;
	config->conns = 64;
	config->tokens = 64;
	config->peers = 64;
}

struct mpnic_state *state_new(const struct mpnic_state_config *config)
{
	struct mpnic_state *state = NULL;
	const int err = mpnic_state_new(config, &state);

	cr_assert_eq(err, 0, "mpnic_state_new: %d", err);
	return state;
}

struct out feed(struct mpnic_state *state, const struct pkt *pkt, uint64_t time_ns)
{
	struct out out, other;

	memset(&out, 0xa5, sizeof(out));
	out.has_event =
		mpnic_state_packet(state, &pkt->hdr, &pkt->csum, time_ns, &out.result, &out.event);
	memset(&other, 0xa5, sizeof(other));
	if (!out.has_event)
		cr_assert(!memcmp(&out.event, &other.event, sizeof(out.event)));
	cr_assert_eq(out.result.reserved, 0);
	cr_assert_eq(out.result.reserved2[0], 0);
	return out;
}

struct mpnic_key add_flow(struct mpnic_state *state, const struct pkt *pkt, uint32_t flow_id,
			  const struct mpnic_flow *flow)
{
	struct mpnic_flow with_flip = *flow;
	struct mpnic_key key;
	bool flip;
	int err;

	cr_assert(mpnic_flow_key(state, &pkt->hdr, false, &key, &flip));
	if (flip)
		with_flip.flags |= MPNIC_FLOW_STATE_FLIP;
	err = mpnic_flow_insert(state, &key, flow_id, &with_flip);
	cr_assert_eq(err, 0, "mpnic_flow_insert: %d", err);
	return key;
}
