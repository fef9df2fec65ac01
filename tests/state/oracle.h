/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What RFC 8684 says of the segments of one connection, computed with all the memory it takes:
 * whole streams, every mapping that was ever declared. It reads frames and knows nothing of the
 * model, of its state or of its limits.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 8684 3.3.1 over the bytes of a mapping. */
enum oracle_sum {
	ORACLE_INCOMPLETE, /* not all of its bytes were seen */
	ORACLE_RIGHT,
	ORACLE_WRONG,
	ORACLE_NONE,	/* it has no checksum */
	ORACLE_UNKNOWN, /* no such mapping was declared */
};

struct oracle_segment {
	bool data; /* bytes of the stream */
	uint32_t n;
	bool known_isn;
	bool has_dsn;	/* a declared mapping covers the first byte */
	uint64_t dsn;	/* of the first one that was declared */
	bool several;	/* others say something else */
	bool own;	/* the segment's own mapping covers the first byte */
	bool in_newest; /* and so does the one with the highest bytes */
	bool all_seen;	/* all bytes came before */
	bool all_new;	/* no byte came before, nor one behind */
	bool infinite;	/* it declares an infinite mapping */
	bool ended;	/* one was declared, with this segment or before */
	/* A mapping that nothing disturbed ends here: its verdict must be given. */
	bool due;
	uint64_t due_dsn;
	uint32_t due_len;
};

struct oracle;

struct oracle *oracle_new(const uint64_t idsn[2], const uint64_t next[2]);
void oracle_free(struct oracle *oracle);
/* A flow that is taken up behind its handshake. */
void oracle_isn(struct oracle *oracle, unsigned int flow, unsigned int dir, uint32_t isn);
void oracle_segment(struct oracle *oracle, unsigned int flow, unsigned int dir, unsigned int side,
		    const uint8_t *frame, size_t len, struct oracle_segment *segment);

/* Is the mapping right that starts at a data sequence number? @any: of several alike, does one
 * have this outcome? */
bool oracle_sum(const struct oracle *oracle, unsigned int flow, unsigned int dir, uint64_t dsn,
		uint32_t len, enum oracle_sum outcome);

#endif
