/* SPDX-License-Identifier: BSD-3-Clause */
/* The Toeplitz hash against published vectors, and the tables' hash against docs/state.md. */
#include <criterion/criterion.h>
#include <string.h>

#include "build.h"
#include "table.h"

/* Microsoft's RSS key and "Verifying the RSS hash calculation". */
static const uint8_t rss_key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static const struct {
	uint8_t version;
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint32_t addresses, with_ports;
} vectors[] = {
	{4, {66, 9, 149, 187}, {161, 142, 100, 80}, 2794, 1766, 0x323e8fc2, 0x51ccc178},
	{4, {199, 92, 111, 2}, {65, 69, 140, 83}, 14230, 4739, 0xd718262a, 0xc626b0ea},
	{4, {24, 19, 198, 95}, {12, 22, 207, 184}, 12898, 38024, 0xd2d0a5de, 0x5c2b394a},
	{4, {38, 27, 205, 30}, {209, 142, 163, 6}, 48228, 2217, 0x82989176, 0xafc7327f},
	{4, {153, 39, 163, 191}, {202, 188, 127, 2}, 44251, 1303, 0x5d1809c5, 0x10e828a2},
	{6,
	 {0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff, [15] = 7},
	 {0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x00, 0x03, [15] = 1},
	 2794,
	 1766,
	 0x2cc18cd5,
	 0x40207d3d},
	{6,
	 {0x3f, 0xfe, 0x05, 0x01, 0x00, 0x08, 0x00, 0x00, 0x02, 0x60, 0x97, 0xff, 0xfe, 0x40, 0xef,
	  0xab},
	 {0xff, 0x02, [15] = 1},
	 14230,
	 4739,
	 0x0f0c461c,
	 0xdde51bbf},
	{6,
	 {0x3f, 0xfe, 0x19, 0x00, 0x45, 0x45, 0x00, 0x03, 0x02, 0x00, 0xf8, 0xff, 0xfe, 0x21, 0x67,
	  0xcf},
	 {0xfe, 0x80, [8] = 0x02, 0x00, 0xf8, 0xff, 0xfe, 0x21, 0x67, 0xcf},
	 44251,
	 38024,
	 0x4b61e985,
	 0x02d1feef},
};

Test(toeplitz, published_vectors)
{
	unsigned int i;

	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const size_t len = vectors[i].version == 4 ? 4 : 16;
		uint8_t data[36];

		memcpy(data, vectors[i].src, len);
		memcpy(data + len, vectors[i].dst, len);
		put16(data + 2 * len, vectors[i].sport);
		put16(data + 2 * len + 2, vectors[i].dport);
		cr_assert_eq(mpnic_toeplitz(rss_key, data, 2 * len), vectors[i].addresses);
		cr_assert_eq(mpnic_toeplitz(rss_key, data, 2 * len + 4), vectors[i].with_ports);
	}
}

Test(toeplitz, published_vectors_through_the_pipeline)
{
	struct mpnic_state_config config;
	struct mpnic_state *state;
	unsigned int i;

	mpnic_state_defaults(&config);
	for (i = 0; i < MPNIC_RETA_SIZE; i++)
		config.reta[i] = (uint16_t)(1000 + i);
	cr_assert_eq(mpnic_state_new(&config, &state), 0);
	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct mpnic_hdr hdr = {
			.parse = MPNIC_PARSE_UDP,
			.flags = MPNIC_HDR_L3 | MPNIC_HDR_L4,
			.ip_version = vectors[i].version,
			.ip_proto = 17,
			.sport = vectors[i].sport,
			.dport = vectors[i].dport,
		};
		const struct mpnic_csum csum = {.frame_len = 100};
		struct mpnic_result result;
		struct mpnic_event event;

		memcpy(hdr.src, vectors[i].src, 16);
		memcpy(hdr.dst, vectors[i].dst, 16);
		mpnic_state_packet(state, &hdr, &csum, 0, &result, &event);
		cr_assert_eq(result.hash, vectors[i].with_ports);
		cr_assert_eq(result.rx_queue, 1000 + vectors[i].with_ports % 128);
		/* A fragment has no ports. */
		hdr.parse = MPNIC_PARSE_FRAGMENT;
		hdr.flags = MPNIC_HDR_L3 | MPNIC_HDR_FRAG;
		mpnic_state_packet(state, &hdr, &csum, 0, &result, &event);
		cr_assert_eq(result.hash, vectors[i].addresses);
		hdr.flags = 0;
		mpnic_state_packet(state, &hdr, &csum, 0, &result, &event);
		cr_assert_eq(result.hash, 0);
		cr_assert_eq(result.rx_queue, 1000);
	}
	mpnic_state_free(state);
}

/* docs/state.md, "Hash", word for word: bit by bit. */
static unsigned int bit_of(const uint8_t *bytes, unsigned int i)
{
	return bytes[i / 8] >> (7 - i % 8) & 1;
}

static uint64_t naive_hash(const uint8_t key[56], const uint8_t data[40])
{
	uint64_t hash = 0, offset = 0;
	unsigned int i, j, round;

	for (j = 0; j < 64; j++) {
		unsigned int parity = 0;

		for (i = 0; i < 320; i++)
			parity ^= bit_of(data, i) & bit_of(key, i + j);
		hash = hash << 1 | parity;
	}
	for (i = 48; i < 56; i++)
		offset = offset << 8 | key[i];
	hash ^= offset;
	for (round = 0; round < 4; round++) {
		const uint32_t left = (uint32_t)(hash >> 32), right = (uint32_t)hash;
		const uint32_t turned = (left << 1 | left >> 31) & (left << 8 | left >> 24);

		hash = (uint64_t)(right ^ turned ^ (left << 2 | left >> 30)) << 32 | left;
	}
	return hash;
}

Test(toeplitz, table_hash_equals_the_documented_one)
{
	uint64_t seed = 0x6d706e6963001001;
	unsigned int n, i;

	for (n = 0; n < 2000; n++) {
		struct table_hash hash;
		struct table_key key;
		uint8_t secret[56], bytes[40];

		for (i = 0; i < sizeof(secret); i++)
			secret[i] = (uint8_t)(rnd(&seed) >> 40);
		for (i = 0; i < sizeof(bytes); i++)
			bytes[i] = n % 4 ? (uint8_t)(rnd(&seed) >> 40) : 0;
		if (n % 4 == 0)
			bytes[n / 4 % 40] = (uint8_t)(1u << n / 160 % 8);
		memcpy(&key, bytes, sizeof(key));
		mpnic_table_hash_prepare(&hash, secret);
		cr_assert_eq(mpnic_table_hash(&hash, &key, 5), naive_hash(secret, bytes));
		/* With and without the processor's multiplication; and in 32 bits. */
		cr_assert_eq(mpnic_toeplitz64(&hash.toeplitz, key.word, 5),
			     mpnic_toeplitz64_plain(&hash.toeplitz, key.word, 5));
		cr_assert_eq(mpnic_toeplitz64(&hash.toeplitz, key.word, 5) >> 32,
			     mpnic_toeplitz(secret, bytes, 40));
	}
}
