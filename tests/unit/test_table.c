/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables: fill, moves, churn, and keys of someone who knows the hash key. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "table.h"

enum {
	FILL_SIZE = 16384,
	SMALL = 256,
};

static struct table_hash hash;

static void new_hash(uint64_t *seed)
{
	uint8_t key[MPNIC_HASH_KEY_LEN];
	unsigned int i;

	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(rnd(seed) >> 40);
	mpnic_table_hash_prepare(&hash, key);
}

static uint64_t hash_of(const struct table_key *key)
{
	return mpnic_table_hash(&hash, key, KEY_WORDS);
}

static struct table_key flow_key(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport)
{
	struct mpnic_key key = {.lo_port = sport, .hi_port = dport, .proto = 6, .kind = 4};
	struct table_key k;

	put32(key.lo_addr, src);
	put32(key.hi_addr, dst);
	memcpy(&k, &key, sizeof(k));
	return k;
}

static struct table_key numbered_key(uint32_t i)
{
	return flow_key(0x0a000000 + i, 40000, 0x0a800001, 443);
}

/* Keys as they come, not as a test would wish. */
enum pattern {
	RANDOM,
	ADDRESSES,	/* one after the other */
	PORTS,		/* one after the other, then the next address */
	HALF_A_SUBNET,	/* some of one subnet's addresses */
	PORTS_OF_A_FEW, /* some ports of a few addresses */
	NETWORKS,	/* the first bytes of the address count up */
	GRID,		/* a few of everything */
	PATTERNS
};

static struct table_key pattern_key(enum pattern pattern, uint32_t i, uint64_t *seed)
{
	switch (pattern) {
	case RANDOM:
		return flow_key((uint32_t)rnd(seed), (uint16_t)(rnd(seed) >> 20),
				(uint32_t)rnd(seed), (uint16_t)(rnd(seed) >> 20));
	case ADDRESSES:
		return numbered_key(i);
	case PORTS:
		return flow_key(0xc0a80101 + (i >> 16), (uint16_t)i, 0xc0a80001, 80);
	case HALF_A_SUBNET:
		return numbered_key((uint32_t)(rnd(seed) >> 33) % (2 * FILL_SIZE));
	case PORTS_OF_A_FEW:
		return flow_key(0x0a000000 | (rnd(seed) >> 33 & 0x1f),
				(uint16_t)(rnd(seed) >> 33 & 0x3ff), 0x0a800001, 443);
	case NETWORKS:
		return flow_key(__builtin_bswap32(i), 1024, 0x08080808, 53);
	default:
		return flow_key(0x0a000000 | (i & 0x1f), (uint16_t)(1024 + (i >> 5 & 0x3f)),
				0x0a800000 | i >> 11, 443);
	}
}

static double fill(enum pattern pattern, uint64_t *seed)
{
	struct table t;
	uint32_t i;
	double filled;
	int err = 0;

	new_hash(seed);
	cr_assert_eq(mpnic_table_init(&t, FILL_SIZE, KEY_WORDS, &hash), 0);
	for (i = 0; err != -ENOSPC; i++) {
		const struct table_key key = pattern_key(pattern, i, seed);

		err = mpnic_table_insert(&t, &key, hash_of(&key), i);
		cr_assert(!err || err == -EEXIST || err == -ENOSPC);
	}
	cr_assert_eq(t.stats.full, 1);
	cr_assert_eq(t.stats.used, t.stats.inserted);
	filled = (double)t.stats.used / t.stats.size;
	mpnic_table_free(&t);
	return filled;
}

Test(table, fills_to_95_percent_before_the_first_failure)
{
	uint64_t seed = 0x6d706e6963002001;
	unsigned int pattern, n;

	for (pattern = 0; pattern < PATTERNS; pattern++) {
		double least = 1, sum = 0;

		for (n = 0; n < 10; n++) {
			const double filled = fill(pattern, &seed);

			least = filled < least ? filled : least;
			sum += filled;
		}
		printf("pattern %u: first failure at %.2f %%, mean %.2f %%\n", pattern, 100 * least,
		       100 * sum / 10);
		cr_expect_geq(least, 0.95, "pattern %u: %f", pattern, least);
	}
}

static uint32_t places_used(const struct table *t)
{
	uint32_t used = 0, i;

	for (i = 0; i < t->stats.size; i++)
		used += t->buckets[i / TABLE_WAYS].value[i % TABLE_WAYS] != MPNIC_ID_NONE;
	return used;
}

static void check_all(const struct table *t, uint32_t count, const bool *there)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		const struct table_key key = numbered_key(i);

		cr_assert_eq(mpnic_table_find(t, &key, hash_of(&key)),
			     there[i] ? i : MPNIC_ID_NONE);
	}
}

Test(table, every_key_is_found_at_every_moment_of_an_insertion)
{
	uint64_t seed = 0x6d706e6963002002;
	unsigned int run, longest = 0;

	for (run = 0; run < 8; run++) {
		static bool there[2 * SMALL];
		struct table t;
		uint32_t i;

		new_hash(&seed);
		memset(there, 0, sizeof(there));
		cr_assert_eq(mpnic_table_init(&t, SMALL, KEY_WORDS, &hash), 0);
		for (i = 0; i < 2 * SMALL; i++) {
			const struct table_key key = numbered_key(i);
			struct table_path path;

			if (mpnic_table_plan(&t, hash_of(&key), TABLE_MOVES, &path))
				continue;
			longest = path.moves > longest ? path.moves : longest;
			check_all(&t, i, there);
			while (mpnic_table_step(&t, &path))
				check_all(&t, i, there);
			cr_assert_eq(places_used(&t), t.stats.used, "an old place is not cleared");
			mpnic_table_place(&t, &path, &key, hash_of(&key), i);
			there[i] = true;
			check_all(&t, i + 1, there);
		}
		cr_assert_gt(t.stats.used, SMALL * 95 / 100);
		mpnic_table_free(&t);
	}
	cr_assert_geq(longest, 3, "the test saw chains of %u moves only", longest);
}

Test(table, equals_a_naive_map_under_churn)
{
	enum {
		KEYS = 1024,
		STEPS = 400000,
	};
	static uint32_t value[KEYS]; /* 0: not there */
	uint64_t seed = 0x6d706e6963002003;
	uint32_t used = 0, n, refused = 0;
	struct table t;

	new_hash(&seed);
	cr_assert_eq(mpnic_table_init(&t, 512, KEY_WORDS, &hash), 0);
	for (n = 0; n < STEPS; n++) {
		const uint32_t i = (uint32_t)(rnd(&seed) >> 33) % KEYS;
		const struct table_key key = numbered_key(i);
		const uint64_t h = hash_of(&key);
		/* Grows to all that fits, shrinks, grows again. */
		const bool insert = rnd(&seed) >> 61 < (n / 20000 % 2 ? 3 : 6);
		int err;

		cr_assert_eq(mpnic_table_find(&t, &key, h), value[i] ? value[i] : MPNIC_ID_NONE);
		if (insert) {
			err = mpnic_table_insert(&t, &key, h, n + 1);
			cr_assert(value[i] ? err == -EEXIST : err == 0 || err == -ENOSPC);
			refused += err == -ENOSPC;
			cr_assert(err != -ENOSPC || used > 512 * 90 / 100);
			if (!err) {
				value[i] = n + 1;
				used++;
			}
		} else {
			cr_assert_eq(mpnic_table_remove(&t, &key, h),
				     value[i] ? value[i] : MPNIC_ID_NONE);
			used -= value[i] != 0;
			value[i] = 0;
		}
		cr_assert_eq(t.stats.used, used);
	}
	cr_assert_eq(t.stats.inserted - t.stats.removed, used);
	cr_assert_eq(t.stats.full, refused);
	cr_assert_gt(refused, 0);
	cr_assert_gt(t.stats.moved, 0);
	mpnic_table_free(&t);
}

/* The @n'th key behind *from that has both buckets in common with @like. */
static struct table_key colliding_key(const struct table *t, uint64_t like, uint32_t *from)
{
	for (;;) {
		const struct table_key key = flow_key(0xac100000 + (*from)++, 1, 0x01010101, 2);
		const uint64_t h = hash_of(&key);

		if (table_bucket0(t, h) == table_bucket0(t, like) &&
		    table_bucket1(t, h) == table_bucket1(t, like))
			return key;
	}
}

Test(table, crafted_keys_harm_nobody_else)
{
	enum {
		SIZE = 512,
		OTHERS = SIZE * 3 / 4,
		CRAFTED = 12,
	};
	uint64_t seed = 0x6d706e6963002004;
	unsigned int accepted = 0, refused = 0, i;
	uint32_t from = 0;
	struct table_key crafted[CRAFTED], victim;
	struct table t;

	new_hash(&seed);
	cr_assert_eq(mpnic_table_init(&t, SIZE, KEY_WORDS, &hash), 0);
	for (i = 0; i < OTHERS; i++) {
		const struct table_key key = numbered_key(i);

		cr_assert_eq(mpnic_table_insert(&t, &key, hash_of(&key), i), 0);
	}
	victim = numbered_key(7);
	for (i = 0; i < CRAFTED; i++) {
		int err;

		crafted[i] = colliding_key(&t, hash_of(&victim), &from);
		err = mpnic_table_insert(&t, &crafted[i], hash_of(&crafted[i]), 1000 + i);
		cr_assert(err == 0 || err == -ENOSPC);
		accepted += err == 0;
		refused += err == -ENOSPC;
		cr_assert_eq(mpnic_table_find(&t, &crafted[i], hash_of(&crafted[i])),
			     err ? MPNIC_ID_NONE : 1000 + i);
	}
	/* Two buckets hold eight, less the victim, who cannot go elsewhere either. */
	cr_assert_leq(accepted, 7);
	cr_assert_geq(refused, CRAFTED - 7);
	for (i = 0; i < OTHERS; i++) {
		const struct table_key key = numbered_key(i);

		cr_assert_eq(mpnic_table_find(&t, &key, hash_of(&key)), i);
	}
	/* Others still come and go. */
	for (i = OTHERS; i < OTHERS + SIZE / 16; i++) {
		const struct table_key key = numbered_key(i);

		cr_assert_eq(mpnic_table_insert(&t, &key, hash_of(&key), i), 0);
	}
	mpnic_table_free(&t);
}

Test(table, crafted_keys_cost_a_bounded_search)
{
	uint64_t seed = 0x6d706e6963002005;
	struct table_key first = numbered_key(0);
	uint32_t from = 0;
	unsigned int i;
	struct table t;

	new_hash(&seed);
	cr_assert_eq(mpnic_table_init(&t, SMALL, KEY_WORDS, &hash), 0);
	for (i = 0; i < 8; i++) {
		const struct table_key key = colliding_key(&t, hash_of(&first), &from);

		cr_assert_eq(mpnic_table_insert(&t, &key, hash_of(&key), i), 0);
	}
	/* Nothing but the eight is there, and the ninth has no way out. */
	cr_assert_eq(mpnic_table_insert(&t, &first, hash_of(&first), 8), -ENOSPC);
	cr_assert_eq(t.stats.used, 8);
	cr_assert_eq(t.stats.full, 1);
	first = numbered_key(1);
	cr_assert_eq(mpnic_table_insert(&t, &first, hash_of(&first), 9), 0);
	mpnic_table_free(&t);
}

Test(table, put_never_moves)
{
	uint64_t seed = 0x6d706e6963002006;
	unsigned int i, refused = 0;
	struct table t;

	new_hash(&seed);
	cr_assert_eq(mpnic_table_init(&t, SMALL, KEY_WORDS, &hash), 0);
	for (i = 0; i < SMALL; i++) {
		const struct table_key key = numbered_key(i);
		const int err = mpnic_table_put(&t, &key, hash_of(&key), i);

		cr_assert(err == 0 || err == -ENOSPC);
		refused += err != 0;
		if (!err)
			cr_assert_eq(mpnic_table_put(&t, &key, hash_of(&key), i), -EEXIST);
	}
	cr_assert_eq(t.stats.moved, 0);
	cr_assert_gt(refused, 0);
	cr_assert_gt(t.stats.used, SMALL / 2);
	mpnic_table_free(&t);
}
