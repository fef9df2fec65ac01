/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private: the one kind of table behind flow, stash, masked, token and peer (docs/state.md,
 * "Tables"), and its keyed hash. Insertion stands here in its steps, so that a test can look at
 * the table between any two of them.
 */
#ifndef MPNIC_MODEL_TABLE_H
#define MPNIC_MODEL_TABLE_H

#include <stdbool.h>

#include "mpnic_state.h"

#define HIDDEN __attribute__((visibility("hidden")))
/* For functions that only fetch: gcc takes those for pure, and removes their calls. */
#define FETCH static inline __attribute__((always_inline))

enum {
	KEY_WORDS = 5, /* the longest key, a flow's, in 64-bit words */
	TABLE_WAYS = 4,
	TABLE_MIN = 2 * TABLE_WAYS,
	TABLE_MOVES = 5,     /* of one insertion */
	TABLE_LOOKED = 1024, /* buckets that one insertion may look at */
};

/* A Toeplitz key made ready for data of up to KEY_WORDS words and 64 bits of hash. */
struct toeplitz {
	uint64_t word[KEY_WORDS + 1];	  /* as numbers, first bit highest */
	uint64_t reversed[KEY_WORDS + 1]; /* first bit lowest */
};

struct table_hash {
	struct toeplitz toeplitz;
	uint64_t offset;
};

/* Bytes of a table's key, zeros behind them. */
struct table_key {
	uint64_t word[KEY_WORDS];
};

HIDDEN void mpnic_toeplitz_prepare(struct toeplitz *t, const uint8_t *key, size_t len);
/* 64 bits of hash over @words words of bytes. The upper half is mpnic_toeplitz(). */
HIDDEN uint64_t mpnic_toeplitz64(const struct toeplitz *t, const uint64_t *data,
				 unsigned int words);
HIDDEN uint64_t mpnic_toeplitz64_plain(const struct toeplitz *t, const uint64_t *data,
				       unsigned int words);

HIDDEN void mpnic_table_hash_prepare(struct table_hash *hash,
				     const uint8_t key[MPNIC_HASH_KEY_LEN]);
/* The hash of a key of which the first @words words are not known to be zero. */
HIDDEN uint64_t mpnic_table_hash(const struct table_hash *hash, const struct table_key *key,
				 unsigned int words);

/*
 * Four entries without their keys: half a cache line, so that a look-up that finds nothing touches
 * two lines, and one that does a third. A tag is the half of the hash that does not choose the
 * bucket; so it also says where the entry's other place is, and moves are planned without keys.
 */
struct table_bucket {
	uint32_t tag[TABLE_WAYS];
	uint32_t value[TABLE_WAYS]; /* MPNIC_ID_NONE: free */
};

struct table {
	struct table_bucket *buckets; /* those of array 0, then those of array 1 */
	uint64_t *keys;		      /* by place, 1 << key_shift words each */
	uint32_t mask;		      /* buckets of one array, less 1 */
	unsigned int key_words, key_shift;
	const struct table_hash *hash;
	struct mpnic_table_stats stats;
	/* Told of every place that is written or cleared, if not NULL. */
	void (*wrote)(void *ctx, const struct table *t, uint32_t place);
	void *wrote_ctx;
};

/* @size: entries, a power of two, TABLE_MIN or more. Returns 0 or -ENOMEM. */
HIDDEN int mpnic_table_init(struct table *t, uint32_t size, unsigned int key_words,
			    const struct table_hash *hash);
HIDDEN void mpnic_table_free(struct table *t);

/* At which places of its two buckets the key stands, and at which anything does: bits of the ways
 * of array 0, then of array 1. */
HIDDEN void mpnic_table_look(const struct table *t, const struct table_key *key, uint64_t hash,
			     uint8_t *hits, uint8_t *taken);
/* Returns the key's value, or MPNIC_ID_NONE. @hash is the key's. */
HIDDEN uint32_t mpnic_table_find(const struct table *t, const struct table_key *key, uint64_t hash);

/*
 * mpnic_table_insert() - @value is not MPNIC_ID_NONE.
 * Returns 0, -EEXIST, or -ENOSPC if no chain of moves makes room; then nothing is changed.
 */
HIDDEN int mpnic_table_insert(struct table *t, const struct table_key *key, uint64_t hash,
			      uint32_t value);
/* mpnic_table_put() - insertion as gates do it: without moves. */
HIDDEN int mpnic_table_put(struct table *t, const struct table_key *key, uint64_t hash,
			   uint32_t value);
/* Returns the value that the key had, or MPNIC_ID_NONE if it is not there. */
HIDDEN uint32_t mpnic_table_remove(struct table *t, const struct table_key *key, uint64_t hash);

/*
 * An insertion in its steps. at[0] is the new key's place, at[moves] is free; what stands at at[i]
 * goes to at[i + 1], the last first, each copied before it is cleared.
 */
struct table_path {
	unsigned int moves;
	unsigned int left; /* steps that are left, two a move */
	uint32_t at[TABLE_MOVES + 1];
};

/* All of its steps but the last: plans them, takes them. Returns 0 or -ENOSPC. */
HIDDEN int mpnic_table_make_room(struct table *t, uint64_t hash, struct table_path *path);
HIDDEN int mpnic_table_plan(const struct table *t, uint64_t hash, unsigned int max_moves,
			    struct table_path *path);
/* Takes one step; returns false when there is none left. */
HIDDEN bool mpnic_table_step(struct table *t, struct table_path *path);
HIDDEN void mpnic_table_place(struct table *t, const struct table_path *path,
			      const struct table_key *key, uint64_t hash, uint32_t value);

/* As the table port does it: what stands at a place becomes @key with @value; MPNIC_ID_NONE:
 * nothing stands there. Not told to `wrote`. */
HIDDEN void mpnic_table_write(struct table *t, uint32_t place, const struct table_key *key,
			      uint32_t value);
/* Nothing is in the table. */
HIDDEN void mpnic_table_clear(struct table *t);

/* The places of a hash's buckets. */
static inline uint32_t table_bucket0(const struct table *t, uint64_t hash)
{
	return (uint32_t)hash & t->mask;
}

static inline uint32_t table_bucket1(const struct table *t, uint64_t hash)
{
	return ((uint32_t)(hash >> 32) & t->mask) + t->mask + 1;
}

/* First half of a look-up in a burst: fetch the buckets. */
FETCH void table_prefetch(const struct table *t, uint64_t hash)
{
	__builtin_prefetch(&t->buckets[table_bucket0(t, hash)]);
	__builtin_prefetch(&t->buckets[table_bucket1(t, hash)]);
}

/*
 * Second half: by the tags alone, which place the key would stand at. Fetches its key. Returns the
 * value there, or MPNIC_ID_NONE; a guess that is good for further fetches, not an answer.
 */
FETCH uint32_t table_prefetch_key(const struct table *t, uint64_t hash)
{
	const uint32_t at[2] = {table_bucket0(t, hash), table_bucket1(t, hash)};
	const uint32_t tag[2] = {(uint32_t)(hash >> 32), (uint32_t)hash};
	unsigned int a, way;

	for (a = 0; a < 2; a++) {
		const struct table_bucket *bucket = &t->buckets[at[a]];

		for (way = 0; way < TABLE_WAYS; way++) {
			if (bucket->tag[way] != tag[a] || bucket->value[way] == MPNIC_ID_NONE)
				continue;
			__builtin_prefetch(
				&t->keys[(size_t)(at[a] * TABLE_WAYS + way) << t->key_shift]);
			return bucket->value[way];
		}
	}
	return MPNIC_ID_NONE;
}

/* Zeroed memory for an array, cache lines whole, in large pages where it is large; or NULL. What is
 * not written takes no memory where the system gives it page by page. */
HIDDEN void *mpnic_zalloc(size_t count, size_t size);
/* What mpnic_zalloc() gave, or NULL. */
HIDDEN void mpnic_zfree(void *p);

#endif
