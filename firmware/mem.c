/* SPDX-License-Identifier: BSD-3-Clause */
/* On the NIC's core there is no libc. Built with -fno-tree-loop-distribute-patterns, or these loops
 * would become calls of themselves. */
#include "hal.h"
#include "util.h"

#ifdef __riscv

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	if (!(((uintptr_t)t | (uintptr_t)f) & 3)) {
		for (; len >= 16; len -= 16, t += 16, f += 16) {
			const hal_word *from_word = (const hal_word *)f;
			hal_word *word = (hal_word *)t;

			word[0] = from_word[0];
			word[1] = from_word[1];
			word[2] = from_word[2];
			word[3] = from_word[3];
		}
		for (; len >= 4; len -= 4, t += 4, f += 4)
			*(hal_word *)t = *(const hal_word *)f;
	}
	while (len--)
		*t++ = *f++;
	return to;
}

void *memmove(void *to, const void *from, size_t len)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	if (t <= f)
		return memcpy(to, from, len);
	while (len--)
		t[len] = f[len];
	return to;
}

void *memset(void *to, int byte, size_t len)
{
	uint8_t *t = to;

	if (!byte && !((uintptr_t)t & 3)) {
		for (; len >= 16; len -= 16, t += 16) {
			hal_word *word = (hal_word *)t;

			word[0] = 0;
			word[1] = 0;
			word[2] = 0;
			word[3] = 0;
		}
		for (; len >= 4; len -= 4, t += 4)
			*(hal_word *)t = 0;
	}
	while (len--)
		*t++ = (uint8_t)byte;
	return to;
}

int memcmp(const void *a, const void *b, size_t len)
{
	const uint8_t *p = a, *q = b;

	for (; len--; p++, q++) {
		if (*p != *q)
			return *p - *q;
	}
	return 0;
}

#endif
