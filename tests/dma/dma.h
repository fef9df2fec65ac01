// SPDX-License-Identifier: BSD-3-Clause
// What the benches of both DMA masters share: clocks, requests, wide ports, how a run fails.
#ifndef TESTS_DMA_H
#define TESTS_DMA_H

#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include "random.h"
#include "verilated.h"

constexpr unsigned BEAT = 64, PAGE = 4096;

inline uint64_t now; // clock
inline unsigned failures;

template <typename... T> void fail(const char *format, T... values)
{
	if (failures++ > 10)
		return;
	printf("clock %" PRIu64 ": ", now);
	printf(format, values...);
	printf("\n");
}

#define CHECK(condition, ...)              \
	do {                               \
		if (!(condition))          \
			fail(__VA_ARGS__); \
	} while (0)

struct Request {
	uint64_t addr;
	unsigned len;

	uint64_t first_beat() const
	{
		return addr / BEAT;
	}
	// In memory; numbers of beats are modulo 2^58.
	unsigned span() const
	{
		return unsigned((addr % BEAT + len + BEAT - 1) / BEAT);
	}
	unsigned packed() const
	{
		return (len + BEAT - 1) / BEAT;
	}
};

inline uint64_t mixed(uint64_t x)
{
	x = (x ^ x >> 31) * 0x9e3779b97f4a7c15;
	x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9;
	return x ^ x >> 32;
}

// What memory holds.
inline uint8_t byte_at(uint64_t addr)
{
	return uint8_t(mixed(addr / 8) >> addr % 8 * 8);
}

// Places where something goes wrong: pages' edges, the end of the address space, any byte.
inline Request some_request(unsigned longest)
{
	Request r;

	switch (below(4)) {
	case 0:
		r.len = 1 + below(std::min(longest, 130u));
		break;
	case 1:
		r.len = BEAT * (1 + below(std::max(1u, std::min(longest / BEAT, 16u))));
		break;
	case 2:
		r.len = 1 + below(std::min(longest, 1600u));
		break;
	default:
		r.len = one_in(8) ? longest - below(std::min(longest, 4u)) : 1 + below(longest);
	}
	r.addr = rnd();
	if (one_in(3))
		r.addr = r.addr / PAGE * PAGE - below(300) + below(200);
	if (one_in(3))
		r.addr = r.addr / BEAT * BEAT;
	if (one_in(20))
		r.addr = -uint64_t(below(3000));
	r.len = std::max(1u, std::min(r.len, longest));
	return r;
}

// OKAY and EXOKAY are no errors; which beat of memory answers how depends on its number alone.
struct Answers {
	unsigned rate = 0; // one in this many beats fails; 0: none

	unsigned of(uint64_t beat) const
	{
		const uint64_t x = mixed(beat ^ 0x5bd1e995);

		if (rate && x % rate == 0)
			return 2 + (x >> 40 & 1);
		return x >> 41 & 1;
	}
};

template <typename Wide> uint8_t get_byte(const Wide &port, unsigned at)
{
	return uint8_t(port[at / 4] >> at % 4 * 8);
}

template <typename Wide> void put_word(Wide &port, unsigned word, uint32_t value)
{
	port[word] = value;
}

#endif
