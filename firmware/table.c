/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables as docs/state.md has them: look-up, insertion with moves. Gates know the hash. */
#include "internal.h"

enum {
	WAYS = 4,
	PLACES = 2 * WAYS, /* of a key */
	RSP_VALUE = MPNIC_FW_TABLE_RSP + offsetof(struct mpnic_table_place, value),
	RSP_VALID = MPNIC_FW_TABLE_RSP + offsetof(struct mpnic_table_place, valid),
	MOVES_MASK = 7,
	WAY_SHIFT = 3,
	PARENT_SHIFT = 5,
};

/* ---- places --------------------------------------------------------------------------------- */

/* Returns whether something stands there; the rest is in TABLE_RSP. */
static bool read_place(const struct fw *fw, const struct fw_table *t, uint32_t place)
{
	fw_command(fw, MPNIC_TABLE_OP_READ, t->which, place);
	fw_settle(fw);
	return hal_read(fw->hal, RSP_VALID) & 1;
}

bool fw_place_read(const struct fw *fw, const struct fw_table *t, uint32_t place,
		   struct fw_key *key, uint32_t *value)
{
	if (!read_place(fw, t, place))
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

	fw_settle(fw);
	hal_write_words(fw->hal, FW_CMD_DATA + offsetof(struct mpnic_table_place, value), tail, 2);
	fw_command_data(fw, MPNIC_TABLE_OP_WRITE, t->which, place, key, sizeof(*key));
}

void fw_place_clear(const struct fw *fw, const struct fw_table *t, uint32_t place)
{
	fw_settle(fw);
	hal_write(fw->hal, FW_CMD_DATA + offsetof(struct mpnic_table_place, valid), 0);
	fw_command(fw, MPNIC_TABLE_OP_WRITE, t->which, place);
}

/* ---- look-up -------------------------------------------------------------------------------- */

void fw_look(const struct fw *fw, const struct fw_key *key, struct mpnic_table_found *seen)
{
	fw_command_data(fw, MPNIC_TABLE_OP_FIND, 0, 0, key, sizeof(*key));
	fw_answer(fw, seen, sizeof(*seen));
}

/* Buckets are counted through both arrays. */
static uint32_t bucket_of(const struct fw_table *t, const struct mpnic_table_found *seen,
			  bool array)
{
	return array ? ((uint32_t)(seen->hash >> 32) & t->mask) + t->mask + 1
		     : (uint32_t)seen->hash & t->mask;
}

/* A key's place number @i. */
static uint32_t place_of(const struct fw_table *t, const struct mpnic_table_found *seen,
			 unsigned int i)
{
	return bucket_of(t, seen, i >= WAYS) * WAYS + i % WAYS;
}

/* The first of @count bits that is set, or @count. */
static unsigned int first_of(unsigned int bits, unsigned int count)
{
	unsigned int i = 0;

	for (bits |= 1u << count; !(bits & 1); bits >>= 1)
		i++;
	return i;
}

/* In a table of which FIND says what stands where. */
static bool find_seen(const struct fw *fw, const struct fw_table *t,
		      const struct mpnic_table_found *seen, struct fw_found *found)
{
	const bool masked = t->which == MPNIC_TABLE_MASKED;
	const uint8_t hits = masked ? seen->masked_hits : seen->flow_hits;
	const uint8_t taken = masked ? seen->masked_taken : seen->flow_taken;
	const unsigned int room = first_of(~(unsigned int)taken, PLACES);

	found->free = room < PLACES ? place_of(t, seen, room) : FW_NONE;
	if (!hits)
		return false;
	found->place = place_of(t, seen, first_of(hits, PLACES));
	read_place(fw, t, found->place);
	found->value = hal_read(fw->hal, RSP_VALUE);
	return true;
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

static bool find_reading(const struct fw *fw, const struct fw_table *t, const struct fw_key *key,
			 const struct mpnic_table_found *seen, struct fw_found *found)
{
	unsigned int i;

	found->free = FW_NONE;
	for (i = 0; i < PLACES; i++) {
		const uint32_t place = place_of(t, seen, i);

		if (!read_place(fw, t, place)) {
			if (found->free == FW_NONE)
				found->free = place;
		} else if (is_key(fw, t, key)) {
			found->place = place;
			found->value = hal_read(fw->hal, RSP_VALUE);
			return true;
		}
	}
	return false;
}

bool fw_table_find(const struct fw *fw, const struct fw_table *t, const struct fw_key *key,
		   const struct mpnic_table_found *seen, struct fw_found *found)
{
	switch (t->which) {
	case MPNIC_TABLE_FLOW:
	case MPNIC_TABLE_MASKED:
		return find_seen(fw, t, seen, found);
	case MPNIC_TABLE_STASH:
		return seen->stash_hit && find_reading(fw, t, key, seen, found);
	default:
		return find_reading(fw, t, key, seen, found);
	}
}

/* ---- insertion ------------------------------------------------------------------------------ */

static uint32_t free_place(const struct fw *fw, const struct fw_table *t, uint32_t bucket)
{
	uint32_t place = bucket * WAYS;
	const uint32_t end = place + WAYS;

	for (; place != end; place++) {
		if (!read_place(fw, t, place))
			return place;
	}
	return FW_NONE;
}

/* Of what stands at @place, which is taken. A key that was read has zeros behind it. */
static void look_at_place(const struct fw *fw, const struct fw_table *t, uint32_t place,
			  struct mpnic_table_found *seen)
{
	struct fw_key key;

	read_place(fw, t, place);
	hal_read_words(fw->hal, MPNIC_FW_TABLE_RSP, &key, FW_KEY_WORDS);
	hal_write_words(fw->hal, FW_CMD_DATA, &key, FW_KEY_WORDS);
	fw_command(fw, MPNIC_TABLE_OP_FIND, 0, 0);
	fw_answer(fw, seen, sizeof(*seen));
}

/*
 * The bucket where what stands at @node's way could stand too becomes node number @count. Returns a
 * free place there, or FW_NONE. Nodes are looked at in the order in which they are made, so that
 * the first with a free place is the one that state.md's search ends at.
 */
static uint32_t add_node(struct fw *fw, const struct fw_table *t, unsigned int count,
			 unsigned int node, unsigned int way)
{
	const uint32_t place = (uint32_t)fw->nodes[node].bucket * WAYS + way;
	const unsigned int moves = fw->nodes[node].from & MOVES_MASK;
	const bool array = place / WAYS <= t->mask; /* the other one */
	struct mpnic_table_found seen;
	unsigned int taken, room;
	uint32_t bucket;

	look_at_place(fw, t, place, &seen);
	bucket = bucket_of(t, &seen, array);
	fw->nodes[count].bucket = (uint16_t)bucket;
	fw->nodes[count].from = (uint16_t)(node << PARENT_SHIFT | way << WAY_SHIFT | (moves + 1));
	if (t->which != MPNIC_TABLE_FLOW && t->which != MPNIC_TABLE_MASKED)
		return free_place(fw, t, bucket);
	taken = t->which == MPNIC_TABLE_FLOW ? seen.flow_taken : seen.masked_taken;
	room = first_of(~(array ? taken >> WAYS : taken), WAYS);
	return room < WAYS ? bucket * WAYS + room : FW_NONE;
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

uint32_t fw_table_make_room(struct fw *fw, struct fw_table *t, const struct mpnic_table_found *seen,
			    const struct fw_found *found)
{
	unsigned int count = 2, node, way;

	if (found->free != FW_NONE)
		return found->free;
	fw->nodes[0] = (struct fw_node){.bucket = (uint16_t)bucket_of(t, seen, false)};
	fw->nodes[1] = (struct fw_node){.bucket = (uint16_t)bucket_of(t, seen, true)};
	for (node = 0; node < count && (fw->nodes[node].from & MOVES_MASK) < FW_MOVES; node++) {
		for (way = 0; way < WAYS && count < FW_SEARCHED; way++, count++) {
			const uint32_t place = add_node(fw, t, count, node, way);

			if (place != FW_NONE)
				return move_along(fw, t, count, place);
		}
	}
	t->full++;
	return FW_NONE;
}
