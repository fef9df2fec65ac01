/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables: two arrays of buckets of four. Rules: docs/state.md, "Tables". */
#include <errno.h>
#include <stdlib.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "internal.h"
#include "table.h"

enum {
	LINE = 64,
	LARGE_PAGE = 2 << 20,
	NOT_THERE = UINT32_MAX,
};

/* A place is the number of an entry: its bucket, counted through both arrays, and its way. */

void *mpnic_zalloc(size_t count, size_t size)
{
	const size_t bytes = count * size;
	const size_t align = bytes >= LARGE_PAGE ? LARGE_PAGE : LINE;
	const size_t room = (bytes + align - 1) / align * align;
	uint8_t *base = calloc(1, room + align);
	uint8_t *p;

	if (!base)
		return NULL;
	/* calloc() leaves pages that it has fresh from the system untouched: most tables are never
	 * full. It aligns to 16 bytes, so that there is room for where it began. */
	p = base + align - (uintptr_t)base % align;
	memcpy(p - sizeof(base), &base, sizeof(base));
#ifdef MADV_HUGEPAGE
	/* Random accesses to more than the TLB covers cost a page walk each. */
	if (align == LARGE_PAGE)
		(void)madvise(p, room, MADV_HUGEPAGE);
#endif
	return p;
}

void mpnic_zfree(void *p)
{
	void *base = NULL;

	if (p)
		memcpy(&base, (uint8_t *)p - sizeof(base), sizeof(base));
	free(base);
}

int mpnic_table_init(struct table *t, uint32_t size, unsigned int key_words,
		     const struct table_hash *hash)
{
	*t = (struct table){
		.mask = size / TABLE_MIN - 1,
		.key_words = key_words,
		.hash = hash,
		.stats.size = size,
	};
	/* No key crosses a cache line. */
	while (1u << t->key_shift < key_words)
		t->key_shift++;
	t->buckets = mpnic_zalloc(size / TABLE_WAYS, sizeof(*t->buckets));
	t->keys = mpnic_zalloc((size_t)size << t->key_shift, sizeof(*t->keys));
	if (!t->buckets || !t->keys) {
		mpnic_table_free(t);
		return -ENOMEM;
	}
	mpnic_table_clear(t);
	return 0;
}

void mpnic_table_clear(struct table *t)
{
	uint32_t i;

	for (i = 0; i < t->stats.size / TABLE_WAYS; i++)
		memset(t->buckets[i].value, 0xff, sizeof(t->buckets[i].value));
	t->stats.used = 0;
}

void mpnic_table_free(struct table *t)
{
	mpnic_zfree(t->buckets);
	mpnic_zfree(t->keys);
	t->buckets = NULL;
	t->keys = NULL;
}

static uint64_t *key_at(const struct table *t, uint32_t place)
{
	return t->keys + ((size_t)place << t->key_shift);
}

static uint32_t value_at(const struct table *t, uint32_t place)
{
	return t->buckets[place / TABLE_WAYS].value[place % TABLE_WAYS];
}

static bool key_equal(const struct table *t, uint32_t place, const struct table_key *key)
{
	const uint64_t *other = key_at(t, place);
	uint64_t differs = 0;
	unsigned int i;

	for (i = 0; i < t->key_words; i++)
		differs |= other[i] ^ key->word[i];
	return !differs;
}

static uint32_t place_in(const struct table *t, uint32_t bucket, uint32_t tag,
			 const struct table_key *key)
{
	const struct table_bucket *b = &t->buckets[bucket];
	unsigned int way;

	for (way = 0; way < TABLE_WAYS; way++) {
		if (b->tag[way] == tag && b->value[way] != MPNIC_ID_NONE &&
		    key_equal(t, bucket * TABLE_WAYS + way, key))
			return bucket * TABLE_WAYS + way;
	}
	return NOT_THERE;
}

static uint32_t place_of(const struct table *t, const struct table_key *key, uint64_t hash)
{
	const uint32_t place = place_in(t, table_bucket0(t, hash), (uint32_t)(hash >> 32), key);

	return place != NOT_THERE ? place
				  : place_in(t, table_bucket1(t, hash), (uint32_t)hash, key);
}

/* The other bucket of what stands at a place. */
static uint32_t other_bucket(const struct table *t, uint32_t place)
{
	const uint32_t bucket = place / TABLE_WAYS;
	const uint32_t index = t->buckets[bucket].tag[place % TABLE_WAYS] & t->mask;

	return bucket > t->mask ? index : index + t->mask + 1;
}

/*
 * What is not found is often inserted next: at the first free place; or, where there is none,
 * behind a look at the keys that stand there, and at their other buckets.
 */
FETCH void fetch_for_insertion(const struct table *t, const uint32_t bucket[2], uint8_t taken)
{
	unsigned int i = (unsigned int)__builtin_ctz(~(unsigned int)taken);

	if (i < TABLE_MIN) {
		__builtin_prefetch(key_at(t, bucket[i / TABLE_WAYS] * TABLE_WAYS + i % TABLE_WAYS),
				   1);
		return;
	}
	for (i = 0; i < TABLE_MIN; i++) {
		const uint32_t place = bucket[i / TABLE_WAYS] * TABLE_WAYS + i % TABLE_WAYS;

		__builtin_prefetch(key_at(t, place));
		__builtin_prefetch(&t->buckets[other_bucket(t, place)]);
	}
}

void mpnic_table_look(const struct table *t, const struct table_key *key, uint64_t hash,
		      uint8_t *hits, uint8_t *taken)
{
	const uint32_t bucket[2] = {table_bucket0(t, hash), table_bucket1(t, hash)};
	const uint32_t tag[2] = {(uint32_t)(hash >> 32), (uint32_t)hash};
	unsigned int i;

	*hits = *taken = 0;
	for (i = 0; i < TABLE_MIN && t->stats.used; i++) {
		const uint32_t place = bucket[i / TABLE_WAYS] * TABLE_WAYS + i % TABLE_WAYS;
		const struct table_bucket *b = &t->buckets[bucket[i / TABLE_WAYS]];

		if (b->value[i % TABLE_WAYS] == MPNIC_ID_NONE)
			continue;
		*taken |= (uint8_t)(1u << i);
		if (b->tag[i % TABLE_WAYS] == tag[i / TABLE_WAYS] && key_equal(t, place, key))
			*hits |= (uint8_t)(1u << i);
	}
	fetch_for_insertion(t, bucket, *taken);
}

uint32_t mpnic_table_find(const struct table *t, const struct table_key *key, uint64_t hash)
{
	const uint32_t place = t->stats.used ? place_of(t, key, hash) : NOT_THERE;

	return place == NOT_THERE ? MPNIC_ID_NONE : value_at(t, place);
}

static uint32_t free_place(const struct table *t, uint32_t bucket)
{
	unsigned int way;

	for (way = 0; way < TABLE_WAYS; way++) {
		if (t->buckets[bucket].value[way] == MPNIC_ID_NONE)
			return bucket * TABLE_WAYS + way;
	}
	return NOT_THERE;
}

/* A bucket that the search has looked at, and which entry of which bucket would move there. */
struct node {
	uint32_t bucket;
	uint16_t parent, moves;
	uint32_t from; /* that entry's place */
};

static void trace_path(const struct node *nodes, unsigned int last, uint32_t place,
		       struct table_path *path)
{
	unsigned int i;

	path->moves = nodes[last].moves;
	path->left = 2 * path->moves;
	for (i = path->moves; i; i--) {
		path->at[i] = place;
		place = nodes[last].from;
		last = nodes[last].parent;
	}
	path->at[0] = place;
}

/*
 * Breadth first. The chain that is found never passes a bucket twice: behind the second time comes
 * nothing that was not found, shorter, behind the first. So there is no need to remember buckets.
 */
int mpnic_table_plan(const struct table *t, uint64_t hash, unsigned int max_moves,
		     struct table_path *path)
{
	struct node nodes[TABLE_LOOKED];
	unsigned int looked = 2, i, way;

	nodes[0] = (struct node){.bucket = table_bucket0(t, hash)};
	nodes[1] = (struct node){.bucket = table_bucket1(t, hash)};
	for (i = 0; i < looked; i++) {
		const uint32_t place = free_place(t, nodes[i].bucket);

		if (place != NOT_THERE) {
			trace_path(nodes, i, place, path);
			return 0;
		}
		for (way = 0; way < TABLE_WAYS && nodes[i].moves < max_moves; way++) {
			if (looked == TABLE_LOOKED)
				break;
			nodes[looked].from = nodes[i].bucket * TABLE_WAYS + way;
			nodes[looked].bucket = other_bucket(t, nodes[looked].from);
			nodes[looked].parent = (uint16_t)i;
			nodes[looked++].moves = (uint16_t)(nodes[i].moves + 1);
		}
	}
	return -ENOSPC;
}

static void set_place(struct table *t, uint32_t place, const uint64_t *key, uint64_t hash,
		      uint32_t value)
{
	const uint32_t bucket = place / TABLE_WAYS;

	memcpy(key_at(t, place), key, t->key_words * sizeof(*key));
	t->buckets[bucket].tag[place % TABLE_WAYS] =
		bucket > t->mask ? (uint32_t)hash : (uint32_t)(hash >> 32);
	t->buckets[bucket].value[place % TABLE_WAYS] = value;
}

void mpnic_table_write(struct table *t, uint32_t place, const struct table_key *key, uint32_t value)
{
	t->stats.used -= value_at(t, place) != MPNIC_ID_NONE;
	t->stats.used += value != MPNIC_ID_NONE;
	if (value == MPNIC_ID_NONE)
		t->buckets[place / TABLE_WAYS].value[place % TABLE_WAYS] = MPNIC_ID_NONE;
	else
		set_place(t, place, key->word, mpnic_table_hash(t->hash, key, t->key_words), value);
}

static void write_place(struct table *t, uint32_t place, const uint64_t *key, uint64_t hash,
			uint32_t value)
{
	set_place(t, place, key, hash, value);
	if (t->wrote)
		t->wrote(t->wrote_ctx, t, place);
}

static void clear_place(struct table *t, uint32_t place)
{
	t->buckets[place / TABLE_WAYS].value[place % TABLE_WAYS] = MPNIC_ID_NONE;
	if (t->wrote)
		t->wrote(t->wrote_ctx, t, place);
}

bool mpnic_table_step(struct table *t, struct table_path *path)
{
	const unsigned int move = path->left ? (path->left - 1) / 2 : 0;
	struct table_key key = {0};

	if (!path->left)
		return false;
	if (path->left-- % 2) {
		clear_place(t, path->at[move]);
		return true;
	}
	memcpy(key.word, key_at(t, path->at[move]), t->key_words * sizeof(key.word[0]));
	write_place(t, path->at[move + 1], key.word, mpnic_table_hash(t->hash, &key, t->key_words),
		    value_at(t, path->at[move]));
	t->stats.moved++;
	return true;
}

void mpnic_table_place(struct table *t, const struct table_path *path, const struct table_key *key,
		       uint64_t hash, uint32_t value)
{
	write_place(t, path->at[0], key->word, hash, value);
	t->stats.inserted++;
	t->stats.used++;
}

static int make_room(struct table *t, uint64_t hash, unsigned int max_moves,
		     struct table_path *path)
{
	if (mpnic_table_plan(t, hash, max_moves, path)) {
		t->stats.full++;
		return -ENOSPC;
	}
	while (mpnic_table_step(t, path))
		;
	return 0;
}

int mpnic_table_make_room(struct table *t, uint64_t hash, struct table_path *path)
{
	return make_room(t, hash, TABLE_MOVES, path);
}

static int insert(struct table *t, const struct table_key *key, uint64_t hash, uint32_t value,
		  unsigned int max_moves)
{
	struct table_path path;

	if (place_of(t, key, hash) != NOT_THERE)
		return -EEXIST;
	if (make_room(t, hash, max_moves, &path))
		return -ENOSPC;
	mpnic_table_place(t, &path, key, hash, value);
	return 0;
}

int mpnic_table_insert(struct table *t, const struct table_key *key, uint64_t hash, uint32_t value)
{
	return insert(t, key, hash, value, TABLE_MOVES);
}

int mpnic_table_put(struct table *t, const struct table_key *key, uint64_t hash, uint32_t value)
{
	return insert(t, key, hash, value, 0);
}

uint32_t mpnic_table_remove(struct table *t, const struct table_key *key, uint64_t hash)
{
	const uint32_t place = place_of(t, key, hash);
	uint32_t value;

	if (place == NOT_THERE)
		return MPNIC_ID_NONE;
	value = value_at(t, place);
	clear_place(t, place);
	t->stats.removed++;
	t->stats.used--;
	return value;
}
