/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whatever may pass, in any order: the input is a program of frames, events of the NIC, steps of
 * the clock and answers to what is asked of the NIC. Segments have right headers and checksums, and
 * options, flags and numbers of the input's; the parts have fuzzers of their own for the rest.
 */
#include <stdlib.h>
#include <string.h>

#include "mpnic_encode.h"
#include "mpnic_model.h"
#include "plane.h"

struct input {
	const uint8_t *at;
	size_t left;
};

static uint8_t byte(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->at++;
}

static uint32_t word(struct input *in)
{
	uint32_t v = 0;

	for (unsigned int i = 0; i < 4; i++)
		v = v << 8 | byte(in);
	return v;
}

static void fill(struct input *in, void *to, size_t len)
{
	uint8_t *bytes = to;

	while (len--)
		*bytes++ = byte(in);
}

static void random_bytes(void *ctx, void *bytes, size_t count)
{
	uint64_t *state = ctx;
	uint8_t *at = bytes;

	for (; count; count--) {
		*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
		*at++ = (uint8_t)(*state >> 56);
	}
}

static void frame(struct plane *plane, struct input *in, struct plane_now now)
{
	static const uint8_t flags[] = {2, 18, 16, 4, 20, 17, 24, 1};
	const uint8_t what = byte(in), ends = byte(in);
	const bool out = what & 1, v6 = what & 2;
	struct mpnic_out_frame f = {.ip_version = v6 ? 6 : 4,
				    .ttl = 1,
				    .sport = (uint16_t)(ends & 3),
				    .dport = (uint16_t)(ends >> 2 & 3),
				    .seq = what & 4 ? word(in) : 1,
				    .ack = what & 8 ? word(in) : 2,
				    .tcp_flags = flags[what >> 5]};
	uint8_t opts[MPNIC_TCP_OPT_MAX] = {0}, bytes[256];
	const size_t opt_len = (size_t)(byte(in) % 11) * 4;
	struct plane_frame p = {.frame = bytes, .from_kernel = out};
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;
	int len;

	f.src[0] = f.dst[0] = 10;
	f.src[3] = ends >> 4 & 3;
	f.dst[3] = ends >> 6 & 3;
	if (what & 16 && opt_len >= 4)
		memcpy(opts, "\x1e\x04\x01\x01", 4);
	else
		fill(in, opts, opt_len);
	len = mpnic_encode_frame(&f, opts, opt_len, NULL, 0, bytes, sizeof(bytes));
	if (len < 0)
		abort();
	mpnic_packet(bytes, (size_t)len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &hdr, &csum);
	mpnic_headers(bytes, (size_t)len, (uint8_t)MPNIC_USER(plane_version(plane, &hdr, 0), 0),
		      &hdr);
	p.hdr = &hdr;
	p.csum = &csum;
	/* Only a SYN of the host is ever edited. */
	if (plane_frame(plane, &p, now) == PLANE_STRIP && !(out && hdr.tcp_flags == 2))
		abort();
}

static void event(struct plane *plane, struct input *in, struct plane_now now)
{
	struct mpnic_event e;

	fill(in, &e, sizeof(e) / 2);
	memset((uint8_t *)&e + sizeof(e) / 2, 0, sizeof(e) / 2);
	e.flow_id &= 15;
	e.conn_id &= 15;
	plane_event(plane, &e, now);
}

static void fetch(struct plane *plane, struct input *in, struct plane_now now)
{
	struct conns_action action;
	struct probe_packet packet;
	struct peer_key key;
	struct path path;
	unsigned int n = 0;

	while (conns_next_action(plane_conns(plane), &action)) {
		const uint8_t how = byte(in);

		if (++n > 10000)
			abort(); /* it does not end */
		if (how & 1)
			conns_failed(plane_conns(plane), &action, how & 2 ? -28 : -17);
		else if (action.what == CONNS_DO_FLOW_ASK)
			conns_flow_seen(plane_conns(plane), &action, how, how, now.ns);
	}
	while (plane_next_probe(plane, now, &packet, &path))
		if (packet.dst.version != path.addr.version)
			abort();
	while (plane_next_peer(plane, &key)) {
		uint8_t speaks, first_syn;

		plane_nic_peer(plane, &key, now, &speaks, &first_syn);
		if (first_syn == MPNIC_FIRST_SYN_PUNT)
			abort();
	}
	plane_peers_missed(plane);
}

static struct plane *make(const struct policy *policy, uint64_t *state)
{
	struct plane_config c = {.random = random_bytes,
				 .ctx = state,
				 .probe = (struct probe_config)PROBE_CONFIG_DEFAULT};
	struct plane *plane;
	const char *wrong;

	conns_defaults(&c.conns);
	c.conns.conns = 8;
	c.conns.flows = 16;
	c.conns.half_in = c.conns.half_out = 4;
	c.conns.half_joins = 4;
	c.conns.sights = c.conns.changes = 16;
	c.conns.policy = CONNS_DROP_JOIN_UNKNOWN | CONNS_DROP_JOIN_BAD;
	peers_defaults(&c.peers);
	c.peers.capacity = 8;
	c.peers.pins = 2;
	c.probe.peers = 8;
	if (plane_new(&c, policy, &plane, &wrong))
		abort();
	return plane;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy *policy;
	struct plane_now now = {.ns = 1, .s = 1700000000};
	struct input in = {data, size};
	struct plane *plane;
	uint64_t state = 1;
	uint32_t line[2];

	if (!policy) {
		policy = policy_create();
		if (!policy || policy_seal(policy, line))
			abort();
	}
	plane = make(policy, &state);
	while (in.left) {
		const uint8_t op = byte(&in);

		if (op < 160)
			frame(plane, &in, now);
		else if (op < 200)
			event(plane, &in, now);
		else if (op < 220)
			plane_drain(plane, op & 1, now);
		else
			now.s += (uint32_t)1 << (op - 220) % 24;
		now.ns = (now.s - 1700000000) * UINT64_C(1000000000) + 1;
		plane_settle(plane, op & 7, now);
		conns_tick(plane_conns(plane), now.ns, 16);
		if (op & 1)
			fetch(plane, &in, now);
	}
	plane_free(plane);
	return 0;
}
