/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reassembly of a stream: bytes come at any offset, are read in order. Bounded: what lies beyond
 * the room, or would make one gap too many, is refused.
 */
#ifndef PEERS_REASM_H
#define PEERS_REASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REASM_SPANS 64

struct reasm {
	uint8_t *ring;
	size_t size;
	uint64_t base; /* first byte that was not read yet */
	uint64_t next; /* first byte that has not come yet */
	struct {
		uint64_t from, to;
	} span[REASM_SPANS]; /* what came beyond next; in order, apart */
	unsigned spans;
};

/* 0 or -ENOMEM. */
int reasm_init(struct reasm *r, size_t size);
void reasm_free(struct reasm *r);
/* False where it was refused, in whole or in part. Bytes that came before stay as they were. */
bool reasm_put(struct reasm *r, uint64_t at, const uint8_t *data, size_t len);
/* Bytes in order from offset at, in one piece: how many, and where. */
size_t reasm_peek(const struct reasm *r, uint64_t at, const uint8_t **data);
void reasm_skip(struct reasm *r, size_t len);

#endif
