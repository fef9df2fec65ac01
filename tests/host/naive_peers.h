/* SPDX-License-Identifier: BSD-3-Clause */
/* The peer version cache once more: a list, no index, no packing, never full; default numbers. */
#ifndef NAIVE_PEERS_H
#define NAIVE_PEERS_H

#include "peers.h"

struct naive_view {
	uint8_t answer, confidence;
	bool mixed;
	uint32_t expires_s, backoff_s, network_backoff_s;
};

struct naive;

struct naive *naive_new(void);
void naive_free(struct naive *naive);
void naive_see(struct naive *naive, const struct sight *sight);
void naive_look(const struct naive *naive, const struct peer_key *key, uint32_t now,
		struct naive_view *view);

#endif
