/* SPDX-License-Identifier: BSD-3-Clause */
#include "model.h"

#include "gen.h"
#include "mpnic_model.h"

size_t frame_random(uint64_t seed, const uint8_t **bytes)
{
	static struct gen_packet packet;

	gen_random(seed, &packet);
	*bytes = packet.frame;
	return packet.len;
}

void frame_header(const uint8_t *bytes, size_t len, unsigned int source, struct mpnic_hdr *hdr)
{
	struct mpnic_csum csum;

	mpnic_packet(bytes, len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, source), hdr, &csum);
}
