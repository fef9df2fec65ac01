/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Toeplitz hash, for RSS and, with a bijection behind it, for the tables. Rules: docs/state.md,
 * "Tables" and "flow".
 *
 * Output bit j is the parity of the data anded with the key from its bit j on. That is a product of
 * polynomials without carries, so that one word of data costs two multiplications where the
 * processor has them: about 5 ns for a flow's key. Without them every bit of data that is set costs
 * three shifts.
 */
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "internal.h"
#include "table.h"

enum {
	WORD_BITS = 64,
	FEISTEL_ROUNDS = 4,
};

static uint64_t load_be64(const uint64_t *word)
{
	return __builtin_bswap64(*word);
}

static uint64_t reverse_bits(uint64_t v)
{
	v = (v & 0x5555555555555555) << 1 | (v >> 1 & 0x5555555555555555);
	v = (v & 0x3333333333333333) << 2 | (v >> 2 & 0x3333333333333333);
	v = (v & 0x0f0f0f0f0f0f0f0f) << 4 | (v >> 4 & 0x0f0f0f0f0f0f0f0f);
	return __builtin_bswap64(v);
}

void mpnic_toeplitz_prepare(struct toeplitz *t, const uint8_t *key, size_t len)
{
	uint8_t bytes[sizeof(t->word)] = {0};
	unsigned int i;

	memcpy(bytes, key, len < sizeof(bytes) ? len : sizeof(bytes));
	for (i = 0; i <= KEY_WORDS; i++) {
		t->word[i] = get_be64(bytes + 8 * i);
		t->reversed[i] = reverse_bits(t->word[i]);
	}
}

uint64_t mpnic_toeplitz64_plain(const struct toeplitz *t, const uint64_t *data, unsigned int words)
{
	uint64_t hash = 0;
	unsigned int i;

	for (i = 0; i < words; i++) {
		uint64_t bits = load_be64(&data[i]);

		while (bits) {
			const unsigned int at = (unsigned int)__builtin_clzll(bits);

			/* Two shifts, for one by all of a word is undefined. */
			hash ^= t->word[i] << at | t->word[i + 1] >> 1 >> (WORD_BITS - 1 - at);
			bits &= ~(1ull << (WORD_BITS - 1 - at));
		}
	}
	return hash;
}

#ifdef __x86_64__
/*
 * Data bit i is the coefficient of x^(63-i), key bit m that of x^m: bit 63 + j of the product sums
 * what belongs to output bit j.
 */
__attribute__((target("pclmul"))) static uint64_t multiply(const struct toeplitz *t,
							   const uint64_t *data, unsigned int words)
{
	__m128i low = _mm_setzero_si128(), high = low;
	uint64_t hash;
	unsigned int i;

	for (i = 0; i < words; i++) {
		const __m128i d = _mm_cvtsi64_si128((long long)load_be64(&data[i]));
		const __m128i k = _mm_loadu_si128((const __m128i *)&t->reversed[i]);

		low = _mm_xor_si128(low, _mm_clmulepi64_si128(d, k, 0x00));
		high = _mm_xor_si128(high, _mm_clmulepi64_si128(d, k, 0x10));
	}
	hash = (uint64_t)_mm_cvtsi128_si64(low) >> (WORD_BITS - 1);
	hash ^= (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(low, low)) << 1;
	hash ^= (uint64_t)_mm_cvtsi128_si64(high) << 1;
	return reverse_bits(hash);
}

uint64_t mpnic_toeplitz64(const struct toeplitz *t, const uint64_t *data, unsigned int words)
{
	return __builtin_cpu_supports("pclmul") ? multiply(t, data, words)
						: mpnic_toeplitz64_plain(t, data, words);
}
#else
uint64_t mpnic_toeplitz64(const struct toeplitz *t, const uint64_t *data, unsigned int words)
{
	return mpnic_toeplitz64_plain(t, data, words);
}
#endif

uint32_t mpnic_toeplitz(const uint8_t *key, const uint8_t *data, size_t len)
{
	uint64_t window = (uint64_t)get_be32(key) << 32;
	uint32_t hash = 0;
	unsigned int bit;
	size_t i;

	for (i = 0; i < len; i++) {
		window |= (uint64_t)key[i + 4] << 24;
		for (bit = 0x80; bit; bit >>= 1) {
			if (data[i] & bit)
				hash ^= (uint32_t)(window >> 32);
			window <<= 1;
		}
	}
	return hash;
}

static uint32_t rotate(uint32_t v, unsigned int by)
{
	return v << by | v >> (32 - by);
}

/*
 * A Toeplitz hash is linear: keys that differ in few bits, as those of one subnet do, fall into
 * small groups of buckets that they cannot leave, and a table of them is full at 75 %. A fixed
 * bijection that is not linear ends that, and takes nothing from what the secret key gives. This
 * one is one level of logic a round.
 */
static uint64_t mix(uint64_t hash)
{
	uint32_t left = (uint32_t)(hash >> 32), right = (uint32_t)hash;
	unsigned int round;

	for (round = 0; round < FEISTEL_ROUNDS; round++) {
		const uint32_t next = right ^ (rotate(left, 1) & rotate(left, 8)) ^ rotate(left, 2);

		right = left;
		left = next;
	}
	return (uint64_t)left << 32 | right;
}

void mpnic_table_hash_prepare(struct table_hash *hash, const uint8_t key[MPNIC_HASH_KEY_LEN])
{
	mpnic_toeplitz_prepare(&hash->toeplitz, key, sizeof(hash->toeplitz.word));
	hash->offset = get_be64(key + sizeof(hash->toeplitz.word));
}

uint64_t mpnic_table_hash(const struct table_hash *hash, const struct table_key *key,
			  unsigned int words)
{
	return mix(mpnic_toeplitz64(&hash->toeplitz, key->word, words) ^ hash->offset);
}
