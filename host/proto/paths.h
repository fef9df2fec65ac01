/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the host reaches a peer: learnt from the SYNs that its kernel sends, which have found route
 * and neighbour already. Probes of ours go the same way. A table of fixed size, four places to a
 * hash; the one used longest ago makes room.
 */
#ifndef HOST_PATHS_H
#define HOST_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mpnic_regs.h"
#include "sight.h"

#define PATHS (1u << 14)

struct path {
	uint8_t network; /* of the peer, with addr the key */
	struct ip_addr addr;
	struct ip_addr from; /* the host's */
	uint8_t port;	     /* of the NIC */
	uint8_t dst_mac[6], src_mac[6];
	uint8_t vlan_count;
	uint16_t vlan[2];     /* TCI, the outer one first */
	uint16_t mss;	      /* that the host's SYN said; 0: none */
	uint32_t handshake_s; /* when a SYN of the host was answered last, since 1970; 0: never */
	uint64_t used_ns;     /* 0: free */
};

struct paths {
	uint64_t seed; /* secret */
	struct path path[PATHS];
};

/* A SYN of the kernel, decoded. */
void paths_learn(struct paths *paths, const uint8_t *frame, const struct mpnic_hdr *hdr,
		 uint8_t network, unsigned int port, uint64_t now_ns);

/* A SYN of the host to there was answered. */
void paths_answered(struct paths *paths, uint8_t network, const struct ip_addr *addr,
		    uint32_t now_s);

/* NULL: none is known. Valid until the next paths_learn(). */
const struct path *paths_find(const struct paths *paths, uint8_t network,
			      const struct ip_addr *addr);

#endif
