/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables as docs/state.md has them: hash, look-up, insertion with moves. */
#include "internal.h"

enum {
	WAYS = 4,
	KEY_BITS_WORDS = 12, /* of the Toeplitz key */
	RSP_VALUE = MPNIC_FW_TABLE_RSP + offsetof(struct mpnic_table_place, value),
	RSP_VALID = MPNIC_FW_TABLE_RSP + offsetof(struct mpnic_table_place, valid),
	MOVES_MASK = 7,
	WAY_SHIFT = 3,
	PARENT_SHIFT = 5,
};

/* ---- hash ----------------------------------------------------------------------------------- */

static uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The key's word @at, shifted left by @by bits with what is behind it. */
static uint32_t key_word(const uint32_t *key, unsigned int at, unsigned int by)
{
	return by ? key[at] << by | key[at + 1] >> (32 - by) : key[at];
}

/* One value's sums are those of its bits, of which the highest is first in the data. */
static void prepare_part(const uint32_t *key, unsigned int by, uint32_t part[16][4])
{
	unsigned int n, bit, i;

	memset(part, 0, 16 * sizeof(part[0]));
	for (n = 0; n < 16; n++) {
		for (bit = 0; bit < 4; bit++) {
			for (i = 0; i < 3 && n & 8 >> bit; i++)
				part[n][i] ^= key_word(key, i, by + bit);
		}
	}
}

void fw_hash_prepare(struct fw_hash *hash, const uint8_t key[MPNIC_HASH_KEY_LEN])
{
	uint32_t words[KEY_BITS_WORDS + 2] = {0};
	unsigned int i;

	for (i = 0; i < KEY_BITS_WORDS; i++)
		words[i] = get_be32(key + 4 * i);
	for (i = 0; i < FW_KEY_WORDS; i++) {
		prepare_part(words + i, 0, hash->part[i][0]);
		prepare_part(words + i, 4, hash->part[i][1]);
	}
	hash->offset_high = get_be32(key + 48);
	hash->offset_low = get_be32(key + 52);
	memset(words, 0, sizeof(words));
}

static uint32_t rotate(uint32_t v, unsigned int by)
{
	return v << by | v >> (32 - by);
}

/* A sum of 96 bits. */
struct sum {
	uint32_t a, b, c;
};

/* @offset: of a value's sums, 16 bytes each. */
static inline void add_part(struct sum *s, const uint32_t part[16][4], uint32_t offset)
{
	const uint32_t *p = (const uint32_t *)((const uint8_t *)part + offset);

	s->a ^= p[0];
	s->b ^= p[1];
	s->c ^= p[2];
}

/*
 * Toeplitz by 4 bits of data at a time, of all words the bytes at the same place: they need the
 * same shift, which is one for all. Values times 16 are offsets, so that the core, which shifts by
 * a bit or a byte a clock, has little to shift. Most words of IPv4 keys are zero, and add nothing.
 */
static struct sum toeplitz(const struct fw_hash *hash, const struct fw_key *key, unsigned int words)
{
	struct used {
		const uint8_t *bytes;
		const uint32_t (*part)[16][4];
	} list[FW_KEY_WORDS], *end = list, *u;
	struct sum s = {0, 0, 0};
	unsigned int i, k;

	for (k = 0; k < words; k++) {
		if (key->word[k])
			*end++ = (struct used){(const uint8_t *)&key->word[k], hash->part[k]};
	}
	for (i = 4; i--;) {
		s.a = s.a << 8 | s.b >> 24;
		s.b = s.b << 8 | s.c >> 24;
		s.c <<= 8;
		for (u = list; u != end; u++) {
			const uint32_t byte = u->bytes[i];

			if (!byte)
				continue;
			add_part(&s, u->part[0], byte & 0xf0);
			add_part(&s, u->part[1], byte << 4 & 0xf0);
		}
	}
	return s;
}

struct fw_hashed fw_hash(const struct fw_hash *hash, const struct fw_key *key, unsigned int words)
{
	const struct sum s = toeplitz(hash, key, words);
	uint32_t left = s.a ^ hash->offset_high, right = s.b ^ hash->offset_low;
	unsigned int round;

	for (round = 0; round < 4; round++) {
		const uint32_t next = right ^ (rotate(left, 1) & rotate(left, 8)) ^ rotate(left, 2);

		right = left;
		left = next;
	}
	return (struct fw_hashed){.low = right, .high = left};
}

/* ---- places --------------------------------------------------------------------------------- */

bool fw_place_read(const struct fw *fw, const struct fw_table *t, uint32_t place,
		   struct fw_key *key, uint32_t *value)
{
	fw_command(fw, MPNIC_TABLE_OP_READ, t->which, place);
	if (!(hal_read(fw->hal, RSP_VALID) & 1))
		return false;
	memset(key, 0, sizeof(*key));
	hal_read_words(fw->hal, MPNIC_FW_TABLE_RSP, key, t->key_words);
	*value = hal_read(fw->hal, RSP_VALUE);
	return true;
}

void fw_place_write(const struct fw *fw, const struct fw_table *t, uint32_t place,
		    const struct fw_key *key, uint32_t value)
{
	const uint32_t tail[] = {value, 1};
	const uint32_t data = MPNIC_FW_TABLE_CMD + offsetof(struct mpnic_table_cmd, data);

	hal_write_words(fw->hal, data, key, FW_KEY_WORDS);
	hal_write_words(fw->hal, data + offsetof(struct mpnic_table_place, value), tail, 2);
	fw_command(fw, MPNIC_TABLE_OP_WRITE, t->which, place);
}

void fw_place_clear(const struct fw *fw, const struct fw_table *t, uint32_t place)
{
	hal_write(fw->hal,
		  MPNIC_FW_TABLE_CMD + offsetof(struct mpnic_table_cmd, data) +
			  offsetof(struct mpnic_table_place, valid),
		  0);
	fw_command(fw, MPNIC_TABLE_OP_WRITE, t->which, place);
}

/* ---- look-up -------------------------------------------------------------------------------- */

/* Reads of one table after another: what does not change stays in the window. */
static inline void begin_reads(const struct fw *fw, const struct fw_table *t)
{
	hal_write(fw->hal, MPNIC_FW_TABLE_CMD, (uint32_t)(MPNIC_TABLE_OP_READ | t->which << 8));
}

/* Returns whether something stands there; the rest is in TABLE_RSP. */
static inline bool read_next(const struct fw *fw, uint32_t place)
{
	hal_write(fw->hal, MPNIC_FW_TABLE_CMD + offsetof(struct mpnic_table_cmd, id), place);
	hal_write(fw->hal, MPNIC_FW_TABLE_GO, 1);
	while (hal_read(fw->hal, MPNIC_FW_TABLE_GO))
		;
	return hal_read(fw->hal, RSP_VALID) & 1;
}

/* Buckets are counted through both arrays. */
static uint32_t bucket_of(const struct fw_table *t, struct fw_hashed hashed, bool array)
{
	return array ? (hashed.high & t->mask) + t->mask + 1 : hashed.low & t->mask;
}

/* Whether a key is the one that was read last. From its end: there the ports are. */
static bool is_key(const struct fw *fw, const struct fw_table *t, const struct fw_key *key)
{
	unsigned int i;

	for (i = t->key_words; i--;) {
		if (hal_read(fw->hal, MPNIC_FW_TABLE_RSP + 4 * i) != key->word[i])
			return false;
	}
	return true;
}

bool fw_table_find(const struct fw *fw, const struct fw_table *t, const struct fw_key *key,
		   struct fw_hashed hashed, struct fw_found *found)
{
	uint32_t place, end;
	unsigned int array;

	found->free = FW_NONE;
	begin_reads(fw, t);
	for (array = 0; array < 2; array++) {
		place = bucket_of(t, hashed, array) * WAYS;
		for (end = place + WAYS; place != end; place++) {
			if (!read_next(fw, place)) {
				if (found->free == FW_NONE)
					found->free = place;
			} else if (is_key(fw, t, key)) {
				found->place = place;
				found->value = hal_read(fw->hal, RSP_VALUE);
				return true;
			}
		}
	}
	return false;
}

/* ---- insertion ------------------------------------------------------------------------------ */

static uint32_t free_place(const struct fw *fw, const struct fw_table *t, uint32_t bucket)
{
	uint32_t place = bucket * WAYS;
	const uint32_t end = place + WAYS;

	begin_reads(fw, t);
	for (; place != end; place++) {
		if (!read_next(fw, place))
			return place;
	}
	return FW_NONE;
}

/* The bucket where what stands at @place, which is taken, could stand too. */
static uint32_t other_bucket(const struct fw *fw, const struct fw_table *t, uint32_t place)
{
	struct fw_key key;

	read_next(fw, place);
	hal_read_words(fw->hal, MPNIC_FW_TABLE_RSP, &key, t->key_words);
	return bucket_of(t, fw_hash(&fw->hash, &key, t->key_words), place / WAYS <= t->mask);
}

/* Of a bucket that is full: what stands there may move, and leads on. Returns how many there are
 * to look at. */
static unsigned int go_on(struct fw *fw, const struct fw_table *t, unsigned int node,
			  unsigned int count)
{
	const unsigned int moves = fw->nodes[node].from & MOVES_MASK;
	const uint32_t first = (uint32_t)fw->nodes[node].bucket * WAYS;
	unsigned int way;

	begin_reads(fw, t);
	for (way = 0; way < WAYS && moves < FW_MOVES && count < FW_SEARCHED; way++) {
		fw->nodes[count].bucket = (uint16_t)other_bucket(fw, t, first + way);
		fw->nodes[count++].from =
			(uint16_t)(node << PARENT_SHIFT | way << WAY_SHIFT | (moves + 1));
	}
	return count;
}

/* Each is copied before it is cleared, the last first, so that all are found at every moment. */
static uint32_t move_along(struct fw *fw, struct fw_table *t, unsigned int node, uint32_t place)
{
	struct fw_key key;
	uint32_t value = 0;

	while (fw->nodes[node].from & MOVES_MASK) {
		const unsigned int parent = fw->nodes[node].from >> PARENT_SHIFT;
		const uint32_t from = (uint32_t)fw->nodes[parent].bucket * WAYS +
				      (fw->nodes[node].from >> WAY_SHIFT & (WAYS - 1));

		fw_place_read(fw, t, from, &key, &value);
		fw_place_write(fw, t, place, &key, value);
		fw_place_clear(fw, t, from);
		t->moved++;
		place = from;
		node = parent;
	}
	return place;
}

uint32_t fw_table_make_room(struct fw *fw, struct fw_table *t, struct fw_hashed hashed,
			    const struct fw_found *found)
{
	unsigned int count = 2, node;

	if (found->free != FW_NONE)
		return found->free;
	fw->nodes[0] = (struct fw_node){.bucket = (uint16_t)bucket_of(t, hashed, false)};
	fw->nodes[1] = (struct fw_node){.bucket = (uint16_t)bucket_of(t, hashed, true)};
	for (node = 0; node < count; node++) {
		const uint32_t place =
			node < 2 ? FW_NONE : free_place(fw, t, fw->nodes[node].bucket);

		if (place != FW_NONE)
			return move_along(fw, t, node, place);
		count = go_on(fw, t, node, count);
	}
	t->full++;
	return FW_NONE;
}
