/* SPDX-License-Identifier: BSD-3-Clause */
/* Random numbers from a seed (xorshift64*), the same everywhere. */
#ifndef SHAKE_RANDOM_H
#define SHAKE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t rnd(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717ull;
}

/* 0 to n - 1. */
static inline unsigned int below(uint64_t *state, unsigned int n)
{
	return (unsigned int)(rnd(state) >> 33) % n;
}

static inline void rnd_bytes(uint64_t *state, void *out, size_t len)
{
	uint8_t *p = out;

	while (len--)
		*p++ = (uint8_t)(rnd(state) >> 56);
}

#endif
