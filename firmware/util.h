/* SPDX-License-Identifier: BSD-3-Clause */
/* Private: what freestanding C lacks. */
#ifndef MPNIC_FIRMWARE_UTIL_H
#define MPNIC_FIRMWARE_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __riscv
/* In mem.c; the compiler calls them too. */
void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);
#else
#include <string.h>
#endif

static inline bool all_zero(const void *from, size_t len)
{
	const uint8_t *p = (const uint8_t *)from;
	uint32_t all = 0;

	for (; ((uintptr_t)p & 3) && len; len--)
		all |= *p++;
	for (; len >= 4; len -= 4, p += 4)
		all |= *(const uint32_t *)(const void *)p;
	while (len--)
		all |= *p++;
	return !all;
}

/* @from: aligned to 4. */
static inline bool all_zero_words(const void *from, unsigned int words)
{
	const uint32_t *p = (const uint32_t *)from;
	uint32_t all = 0;

	while (words--)
		all |= *p++;
	return !all;
}

static inline uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

#endif
