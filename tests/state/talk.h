/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Conversations: MPTCP connections as frames, with what is true of them known by construction. A
 * pure function of the seed. Nothing here is taken from the model.
 */
#ifndef TALK_H
#define TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TALK_FLOWS 4

/* What happens to the segments of one flow. */
enum talk_level {
	TALK_CLEAN, /* each once, in order */
	TALK_LOSSY, /* lost and sent again, doubled, reordered, with the same boundaries */
	TALK_ROUGH, /* other boundaries, merged, mappings cut anew, text on RSTs, forged SYNs */
};

enum talk_fallback {
	TALK_STAYS,
	TALK_INFINITE, /* an infinite mapping, then bare data */
	TALK_FAIL,     /* MP_FAIL and its answer, then the same */
	TALK_STRIPPED, /* options are lost from some point on */
	TALK_FALLBACKS
};

struct talk_flow_info {
	enum talk_level level;
	uint32_t isn[2];
	bool side_b; /* the connection's listener opens it */
	bool handshake;
	bool isn_known; /* handshake, or the flow was inserted with its ISNs */
	bool conflicts; /* some mappings contradict others */
};

struct talk_info {
	unsigned int version, flows;
	bool csum;
	bool presence; /* some mappings have no checksum where there should be one, or have one */
	enum talk_fallback fallback;
	uint64_t idsn[2], next[2];
	struct talk_flow_info flow[TALK_FLOWS];
};

struct talk_segment {
	uint8_t frame[70000];
	size_t len;
	unsigned int flow, dir, side;
	/* What is true of it. */
	bool true_dsn; /* the sender mapped its first byte, to dsn */
	uint64_t dsn;
	bool true_ack;
	uint64_t data_ack;
	bool true_fin;
	uint64_t data_fin;
};

struct talk;

/* @mss_max: of new data, above 500; what is sent again may be longer. */
struct talk *talk_new(uint64_t seed, unsigned int segments, unsigned int mss_max);
#define TALK_MSS_MAX 9000
void talk_free(struct talk *talk);
const struct talk_info *talk_info(const struct talk *talk);
/* Returns false at the end. */
bool talk_next(struct talk *talk, struct talk_segment *segment);

#endif
