/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A second reading of docs/pipeline.md, as plain as can be and with nothing taken from hw/model, to
 * hold the model against: the option walk, the checksum, and which forms of an MPTCP option are
 * right.
 */
#ifndef NAIVE_H
#define NAIVE_H

#include "mpnic_model.h"

struct naive_walk {
	uint8_t verdict; /* enum mpnic_tcpopt_code */
	uint64_t starts;
	unsigned int mptcp_count;
	uint8_t mptcp[20]; /* their offsets: at most 20 options of 2 bytes */
	uint16_t noted;	   /* bits of hdr.flags */
	uint16_t mss;
	uint8_t wscale;
	uint32_t ts_val, ts_ecr;
};

struct naive_walk naive_walk(const uint8_t *opts, unsigned int len, int whole);

uint16_t naive_sum(const uint8_t *data, size_t len);

enum naive_segment {
	NAIVE_SYN = 1,
	NAIVE_SYNACK = 2,
	NAIVE_ACK = 4,
	NAIVE_RST = 8,
	NAIVE_INVALID = 16,
};

enum naive_segment naive_segment(uint8_t tcp_flags);

/*
 * Is the option at @wire, @len bytes of it, right for its segment? Returns 1 with *fields, or 0.
 */
int naive_form(const uint8_t *wire, unsigned int len, uint8_t tcp_flags, int payload,
	       unsigned int given, uint16_t *fields);

/* May options of these subtypes (255: none) stand on one segment? @v0: MP_CAPABLE is version 0. */
int naive_combination(const uint8_t *subtypes, unsigned int count, enum naive_segment segment,
		      int v0);

#endif
