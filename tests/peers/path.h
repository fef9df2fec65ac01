/* SPDX-License-Identifier: BSD-3-Clause */
/* A middlebox: what it does to the frames between its sides a and b. No I/O, no clock. */
#ifndef PEERS_PATH_H
#define PEERS_PATH_H

#include "frame.h"

#define PATH_FLOWS 64

enum {
	PATH_DROP_CAPABLE_SYN = 1, /* every SYN (no SYN/ACK) with MP_CAPABLE is lost */
	PATH_STRIP_SYN = 2,	   /* MP_CAPABLE becomes no-operations in SYNs */
	PATH_STRIP_SYNACK = 4,	   /* ... in SYN/ACKs */
	PATH_STRIP_THIRD = 8,	   /* ... in what has no SYN */
};

struct path_config {
	unsigned what;
	uint64_t strip_after;	/* of so many payload bytes all MPTCP options go; or UINT64_MAX */
	uint64_t corrupt_at[2]; /* stream offset of a byte that is changed, from a, from b; not in
				 * subflows that were joined */
	double loss, reorder, dup;
	uint64_t seed;
};

struct path_counts {
	uint64_t frames, dropped, stripped, corrupted, lost, reordered, duplicated;
};

struct path_flow {
	struct ipaddr addr[2];
	uint16_t port[2];
	uint32_t isn[2];
	uint64_t bytes; /* payload that has passed, both ways */
	bool joined;
};

struct path {
	struct path_config cfg;
	struct path_counts n;
	uint64_t random;
	struct path_flow flow[PATH_FLOWS]; /* the oldest makes room */
	unsigned flows;
	uint8_t held[2][FRAME_MAX];
	size_t held_len[2]; /* of the frame that the next one overtakes */
	void (*send)(void *ctx, bool up, const uint8_t *frame, size_t len);
	void *ctx;
};

/* Sets the defaults of the configuration, which does nothing. */
void path_init(struct path *p, void (*send)(void *, bool, const uint8_t *, size_t), void *ctx);
/* A frame from a (up) or b; FRAME_MAX at most. It may be changed. */
void path_frame(struct path *p, bool up, uint8_t *frame, size_t len);
/* Lets go what was held, where nothing follows. */
void path_flush(struct path *p);

#endif
