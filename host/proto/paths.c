/* SPDX-License-Identifier: BSD-3-Clause */
#include "paths.h"

#include <string.h>

enum {
	WAYS = 4,
};

/* Who chooses addresses does not know the seed; a collision costs a path, no more. */
static size_t set_of(const struct paths *paths, uint8_t network, const struct ip_addr *addr)
{
	uint64_t h = paths->seed ^ network ^ (uint64_t)addr->version << 8, word;

	for (unsigned int i = 0; i < sizeof(addr->bytes); i += sizeof(word)) {
		memcpy(&word, addr->bytes + i, sizeof(word));
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return (size_t)(h >> 32) % (PATHS / WAYS) * WAYS;
}

static bool is_of(const struct path *p, uint8_t network, const struct ip_addr *addr)
{
	return p->used_ns && p->network == network && p->addr.version == addr->version &&
	       !memcmp(p->addr.bytes, addr->bytes, sizeof(addr->bytes));
}

const struct path *paths_find(const struct paths *paths, uint8_t network,
			      const struct ip_addr *addr)
{
	const struct path *set = &paths->path[set_of(paths, network, addr)];

	for (unsigned int i = 0; i < WAYS; i++)
		if (is_of(&set[i], network, addr))
			return &set[i];
	return NULL;
}

static struct path *place_for(struct paths *paths, uint8_t network, const struct ip_addr *addr)
{
	struct path *set = &paths->path[set_of(paths, network, addr)], *oldest = set;

	for (unsigned int i = 0; i < WAYS; i++) {
		if (is_of(&set[i], network, addr))
			return &set[i];
		if (set[i].used_ns < oldest->used_ns)
			oldest = &set[i];
	}
	return oldest;
}

static struct ip_addr addr_of(const struct mpnic_hdr *hdr, const uint8_t bytes[16])
{
	struct ip_addr addr = {.version = hdr->ip_version};

	memcpy(addr.bytes, bytes, sizeof(addr.bytes));
	return addr;
}

void paths_learn(struct paths *paths, const uint8_t *frame, const struct mpnic_hdr *hdr,
		 uint8_t network, unsigned int port, uint64_t now_ns)
{
	const struct ip_addr addr = addr_of(hdr, hdr->dst);
	struct path *p = place_for(paths, network, &addr);
	const uint32_t handshake_s = is_of(p, network, &addr) ? p->handshake_s : 0;

	*p = (struct path){
		.network = network,
		.addr = addr,
		.from = addr_of(hdr, hdr->src),
		.port = (uint8_t)port,
		.vlan_count = hdr->vlan_count,
		.vlan = {hdr->vlan_outer, hdr->vlan_inner},
		.mss = hdr->flags & MPNIC_HDR_MSS ? hdr->mss : 0,
		.handshake_s = handshake_s,
		.used_ns = now_ns ? now_ns : 1,
	};
	memcpy(p->dst_mac, frame, sizeof(p->dst_mac));
	memcpy(p->src_mac, frame + sizeof(p->dst_mac), sizeof(p->src_mac));
}

void paths_answered(struct paths *paths, uint8_t network, const struct ip_addr *addr,
		    uint32_t now_s)
{
	struct path *set = &paths->path[set_of(paths, network, addr)];

	for (unsigned int i = 0; i < WAYS; i++)
		if (is_of(&set[i], network, addr))
			set[i].handshake_s = now_s;
}
