// SPDX-License-Identifier: BSD-3-Clause
// Random numbers of the benches around single modules of the RTL, and their options.
#ifndef RTL_RANDOM_H
#define RTL_RANDOM_H

#include <cstdint>
#include <cstdlib>
#include <cstring>

inline uint64_t rng;

inline uint64_t rnd()
{
	uint64_t z = rng += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

inline unsigned below(unsigned n)
{
	return unsigned((rnd() >> 32) * n >> 32);
}

inline bool one_in(unsigned n)
{
	return !below(n);
}

template <typename T> void fill(T &x)
{
	auto p = reinterpret_cast<uint8_t *>(&x);

	for (size_t i = 0; i < sizeof(x); i += 8) {
		const uint64_t r = rnd();

		memcpy(p + i, &r, sizeof(x) - i < 8 ? sizeof(x) - i : 8);
	}
}

// --count N, --seed S
inline void options(int argc, char **argv, uint64_t &count, uint64_t &seed)
{
	for (int i = 1; i + 1 < argc; i++) {
		if (!strcmp(argv[i], "--count"))
			count = strtoull(argv[++i], nullptr, 0);
		else if (!strcmp(argv[i], "--seed"))
			seed = strtoull(argv[++i], nullptr, 0);
	}
	rng = seed;
}

#endif
