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

/* Row n: the sum of the key, shifted left by t, for each bit t of n, of which the highest is 0. */
void fw_hash_prepare(struct fw_hash *hash, const uint8_t key[MPNIC_HASH_KEY_LEN])
{
	unsigned int n, t, i;

	memset(hash, 0, sizeof(*hash));
	for (i = 0; i < KEY_BITS_WORDS; i++)
		hash->row[8][i] = get_be32(key + 4 * i);
	for (t = 1; t < 4; t++) {
		for (i = 0; i < KEY_BITS_WORDS; i++)
			hash->row[8 >> t][i] =
				hash->row[8][i] << t | hash->row[8][i + 1] >> (32 - t);
	}
	for (n = 3; n < 16; n++) {
		const unsigned int high = n & 8 ? 8 : n & 4 ? 4 : 2;

		for (i = 0; n != high && i < KEY_BITS_WORDS; i++)
			hash->row[n][i] = hash->row[high][i] ^ hash->row[n - high][i];
	}
	hash->offset_high = get_be32(key + 48);
	hash->offset_low = get_be32(key + 52);
}

static uint32_t rotate(uint32_t v, unsigned int by)
{
	return v << by | v >> (32 - by);
}

/*
 * Toeplitz by 4 bits of data at a time: those that are at the same place of their words first, so
 * that all of them need the same shift. Then the rounds.
 */
struct fw_hashed fw_hash(const struct fw_hash *hash, const struct fw_key *key, unsigned int words)
{
	static const uint8_t shift[8] = {4, 0, 12, 8, 20, 16, 28, 24}; /* of bytes in their order */
	uint32_t a = 0, b = 0, c = 0, left, right;
	unsigned int j, k, round;

	for (j = 8; j--;) {
		a = a << 4 | b >> 28;
		b = b << 4 | c >> 28;
		c <<= 4;
		for (k = 0; k < words; k++) {
			const uint32_t word = key->word[k];
			const uint32_t *row;

			if (!word)
				continue;
			row = hash->row[word >> shift[j] & 15] + k;
			a ^= row[0];
			b ^= row[1];
			c ^= row[2];
		}
	}
	left = a ^ hash->offset_high;
	right = b ^ hash->offset_low;
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

/* Buckets are counted through both arrays. */
static uint32_t bucket_of(const struct fw_table *t, struct fw_hashed hashed, bool array)
{
	return array ? (hashed.high & t->mask) + t->mask + 1 : hashed.low & t->mask;
}

/* Whether a key stands at the place that was read last. Most differ in their first word. */
static bool is_at(const struct fw *fw, const struct fw_table *t, const struct fw_key *key)
{
	unsigned int i;

	if (!(hal_read(fw->hal, RSP_VALID) & 1))
		return false;
	/* From the end: there the ports are. */
	for (i = t->key_words; i--;) {
		if (hal_read(fw->hal, MPNIC_FW_TABLE_RSP + 4 * i) != key->word[i])
			return false;
	}
	return true;
}

bool fw_table_find(const struct fw *fw, const struct fw_table *t, const struct fw_key *key,
		   struct fw_hashed hashed, struct fw_found *found)
{
	unsigned int i;

	found->free = FW_NONE;
	for (i = 0; i < 2 * WAYS; i++) {
		const uint32_t place = bucket_of(t, hashed, i >= WAYS) * WAYS + i % WAYS;

		fw_command(fw, MPNIC_TABLE_OP_READ, t->which, place);
		if (is_at(fw, t, key)) {
			found->place = place;
			found->value = hal_read(fw->hal, RSP_VALUE);
			return true;
		}
		if (found->free == FW_NONE && !(hal_read(fw->hal, RSP_VALID) & 1))
			found->free = place;
	}
	return false;
}

/* ---- insertion ------------------------------------------------------------------------------ */

static uint32_t free_place(const struct fw *fw, const struct fw_table *t, uint32_t bucket)
{
	unsigned int way;

	for (way = 0; way < WAYS; way++) {
		fw_command(fw, MPNIC_TABLE_OP_READ, t->which, bucket * WAYS + way);
		if (!(hal_read(fw->hal, RSP_VALID) & 1))
			return bucket * WAYS + way;
	}
	return FW_NONE;
}

/* The bucket where what stands at @place could stand too. */
static uint32_t other_bucket(const struct fw *fw, const struct fw_table *t, uint32_t place)
{
	struct fw_key key = {{0}};
	uint32_t value;

	fw_place_read(fw, t, place, &key, &value);
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
