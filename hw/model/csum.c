/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage csum: IPv4, TCP and UDP checksums, and the payload's sum. Rules: docs/pipeline.md, "csum".
 */
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "internal.h"

enum {
	TCP_CSUM_OFF = 16,
	UDP_LEN_OFF = 4,
	UDP_CSUM_OFF = 6,
};

/* Folds until no carry is left; 0 only for 0. */
static uint16_t fold(uint64_t sum)
{
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)sum;
}

/*
 * The sum is taken of little-endian words, many at a time, and swapped at the end (RFC 1071 2 B).
 * Of 64-bit words, @all is the sum modulo 2^64 and @high that of their upper halves; what the lower
 * halves add up to follows from both, so that a word costs two additions and a shift.
 */
struct sum {
	uint64_t all, high;
};

/* Bytes that a struct sum takes at once, far from the 2^32 words that it could hold. */
#define SUM_BLOCK ((size_t)1 << 26)

static uint64_t sum_total(struct sum s)
{
	return s.high + (s.all - (s.high << 32));
}

/* Up to SUM_BLOCK bytes. A last word of fewer than eight has zeros behind it. */
static uint64_t sum_words(const uint8_t *data, size_t len)
{
	struct sum s = {0};
	uint64_t word;
	size_t i;

	for (i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, data + i, sizeof(word));
		s.all += word;
		s.high += word >> 32;
	}
	for (word = 0; len > i; len--)
		word = word << 8 | data[len - 1];
	s.all += word;
	s.high += word >> 32;
	return sum_total(s);
}

#ifdef __x86_64__
enum {
	VEC = 32,
	STEP = 4 * VEC,
	WIDE_MIN = 2 * VEC, /* below, words are as fast */
};

static inline __attribute__((target("avx2"), always_inline)) __m256i load(const uint8_t *data)
{
	return _mm256_loadu_si256((const __m256i *)data);
}

static inline __attribute__((target("avx2"), always_inline)) uint64_t lanes(__m256i v)
{
	const __m128i half =
		_mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

	return (uint64_t)_mm_cvtsi128_si64(half) + (uint64_t)_mm_extract_epi64(half, 1);
}

/*
 * Up to SUM_BLOCK bytes, VEC at least. The last vector ends with the data; the bytes that were
 * summed before are masked. An odd last byte is added by itself, to keep that vector's words whole.
 */
__attribute__((target("avx2"))) static uint64_t sum_wide(const uint8_t *data, size_t len)
{
	static const uint8_t mask[2 * VEC] __attribute__((aligned(VEC))) = {
		[VEC... 2 * VEC - 1] = 0xff,
	};
	__m256i all0 = _mm256_setzero_si256(), all1 = all0, high0 = all0, high1 = all0;
	const size_t even = len & ~(size_t)1;
	struct sum s;
	__m256i last;
	size_t i;

	for (i = 0; i + STEP <= len; i += STEP) {
		const __m256i a = load(data + i), b = load(data + i + VEC);
		const __m256i c = load(data + i + 2 * VEC), d = load(data + i + 3 * VEC);

		all0 = _mm256_add_epi64(all0, _mm256_add_epi64(a, b));
		all1 = _mm256_add_epi64(all1, _mm256_add_epi64(c, d));
		high0 = _mm256_add_epi64(high0, _mm256_add_epi64(_mm256_srli_epi64(a, 32),
								 _mm256_srli_epi64(b, 32)));
		high1 = _mm256_add_epi64(high1, _mm256_add_epi64(_mm256_srli_epi64(c, 32),
								 _mm256_srli_epi64(d, 32)));
	}
	for (; i + VEC <= len; i += VEC) {
		const __m256i a = load(data + i);

		all0 = _mm256_add_epi64(all0, a);
		high0 = _mm256_add_epi64(high0, _mm256_srli_epi64(a, 32));
	}
	last = _mm256_and_si256(load(data + even - VEC), load(mask + (even - i)));
	all1 = _mm256_add_epi64(all1, last);
	high1 = _mm256_add_epi64(high1, _mm256_srli_epi64(last, 32));

	s.all = lanes(_mm256_add_epi64(all0, all1));
	s.high = lanes(_mm256_add_epi64(high0, high1));
	return sum_total(s) + (len > even ? data[even] : 0);
}

static uint64_t sum_block(const uint8_t *data, size_t len)
{
	return len >= WIDE_MIN && __builtin_cpu_supports("avx2") ? sum_wide(data, len)
								 : sum_words(data, len);
}
#else
static uint64_t sum_block(const uint8_t *data, size_t len)
{
	return sum_words(data, len);
}
#endif

uint16_t mpnic_sum16(const uint8_t *data, size_t len)
{
	uint64_t sum = 0;

	for (; len > SUM_BLOCK; len -= SUM_BLOCK, data += SUM_BLOCK)
		sum = fold(sum + fold(sum_block(data, SUM_BLOCK)));
	sum += fold(sum_block(data, len));
	return __builtin_bswap16(fold(sum));
}

/* The addresses' unused bytes are zero, so both are summed whole. */
static uint16_t pseudo_sum(const struct mpnic_hdr *hdr, unsigned int len)
{
	return fold((uint64_t)mpnic_sum16(hdr->src, sizeof(hdr->src)) +
		    mpnic_sum16(hdr->dst, sizeof(hdr->dst)) + hdr->ip_proto + len);
}

static uint8_t judge_ip(const struct window *w, const struct mpnic_hdr *hdr)
{
	const uint8_t *ip;

	if (!(hdr->flags & MPNIC_HDR_L3) || hdr->ip_version != 4)
		return MPNIC_CSUM_NONE;
	ip = window_at(w, hdr->l3_off, hdr->l4_off - hdr->l3_off);
	if (!ip)
		return MPNIC_CSUM_NOT_JUDGED;
	return mpnic_sum16(ip, hdr->l4_off - hdr->l3_off) == 0xffff ? MPNIC_CSUM_GOOD
								    : MPNIC_CSUM_BAD;
}

/* TCP or UDP, whose header is wholly there. */
static uint8_t judge_l4(const struct window *w, const struct mpnic_hdr *hdr,
			const struct mpnic_csum *csum)
{
	const unsigned int hdr_len = hdr->payload_off - hdr->l4_off;
	const uint8_t *l4 = window_at(w, hdr->l4_off, hdr_len);
	const bool udp = hdr->parse == MPNIC_PARSE_UDP;
	uint16_t field, pseudo;

	if (!l4 || csum->truncated || (hdr->flags & MPNIC_HDR_ROUTING))
		return MPNIC_CSUM_NOT_JUDGED;
	field = get_be16(l4 + (udp ? UDP_CSUM_OFF : TCP_CSUM_OFF));
	if (udp && !field)
		return hdr->ip_version == 4 ? MPNIC_CSUM_ZERO : MPNIC_CSUM_BAD;
	pseudo = pseudo_sum(hdr, udp ? get_be16(l4 + UDP_LEN_OFF) : hdr->l4_len);
	if (fold((uint64_t)pseudo + mpnic_sum16(l4, hdr_len) + csum->payload_sum) == 0xffff)
		return MPNIC_CSUM_GOOD;
	return field == pseudo ? MPNIC_CSUM_PARTIAL : MPNIC_CSUM_BAD;
}

static uint8_t l4_without_payload(uint8_t parse)
{
	switch (parse) {
	case MPNIC_PARSE_FRAGMENT:
	case MPNIC_PARSE_TRUNCATED:
	case MPNIC_PARSE_TOO_DEEP:
	case MPNIC_PARSE_L4_LEN:
	case MPNIC_PARSE_TCP_DOFF:
	case MPNIC_PARSE_UDP_LEN:
		return MPNIC_CSUM_NOT_JUDGED;
	default:
		return MPNIC_CSUM_NONE;
	}
}

static void sum_payload(const struct window *w, const struct mpnic_hdr *hdr,
			struct mpnic_csum *csum)
{
	const unsigned int end = (unsigned int)hdr->payload_off + hdr->payload_len;
	unsigned int seen = hdr->payload_len;

	if (end > w->avail) {
		csum->truncated = 1;
		seen = w->avail > hdr->payload_off ? w->avail - hdr->payload_off : 0;
	}
	csum->payload_seen = (uint16_t)seen;
	if (seen)
		csum->payload_sum = mpnic_sum16(w->data + hdr->payload_off, seen);
}

void mpnic_csum(const uint8_t *frame, size_t len, const struct mpnic_hdr *hdr,
		struct mpnic_csum *csum)
{
	const struct window w = {
		.data = frame,
		.avail = len < MPNIC_REPLAY_MAX ? (unsigned int)len : MPNIC_REPLAY_MAX,
	};

	memset(csum, 0, sizeof(*csum));
	csum->frame_len = (uint16_t)w.avail;
	csum->ip = judge_ip(&w, hdr);
	if (hdr->parse == MPNIC_PARSE_TCP || hdr->parse == MPNIC_PARSE_UDP) {
		sum_payload(&w, hdr, csum);
		csum->l4 = judge_l4(&w, hdr, csum);
	} else {
		csum->l4 = l4_without_payload(hdr->parse);
	}
}
