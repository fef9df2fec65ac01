/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tracker and the peer version cache want to stand in the NIC's tables, and how it gets
 * there. */
#ifndef MPNICD_PUSH_H
#define MPNICD_PUSH_H

#include "conns.h"
#include "nic.h"

/* How far our clock is ahead of the device's. */
struct push {
	bool known;
	int64_t ahead_ns;
};

/* A frame that the device saw at @device_ns was told of at @now_ns. */
void push_clock(struct push *push, uint64_t device_ns, uint64_t now_ns);

/* How many connections and flows the tables have room for. 0 or a negative errno. */
int push_room(const struct nic *nic, uint32_t *conns, uint32_t *flows);

/* Do what the tracker has due, at most @budget things. Returns how many were done; -EIO if the card
 * must be reset. */
int push_actions(const struct push *push, const struct nic *nic, struct conns *conns,
		 unsigned int budget, uint64_t now_ns);

/* How the card looks at frames. 0 or a negative errno. */
int push_settings(const struct nic *nic, struct mpnic_settings *settings);

/* Which network the frames of a port are in. */
int push_network(const struct nic *nic, unsigned int port, uint8_t network);

/* A peer's entry; speaks UNKNOWN with first_syn PASS: there is none. */
int push_peer(const struct nic *nic, const struct peer_key *peer, unsigned int speaks,
	      unsigned int first_syn);

#endif
