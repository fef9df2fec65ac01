/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flows: ids, the stash, insertion and removal, ageing.
 *
 * An id is free; taken by an entry of the flow or the masked table; given to gates, who use it for
 * a learnt flow; or at rest behind its use, until nothing under way can know it any more. A learnt
 * flow stands in the stash until the host confirms it, or its time is over.
 */
#include "internal.h"

enum {
	FLOW_TAIL = offsetof(struct mpnic_flow, packets),
	/* One id in so many is kept for learnt flows, as far as the stash has room. */
	GIVE_SHARE = 64,
	AGE_SPAN = 1024, /* ids that one command AGE looks at */
	DIR_BITS = 2 * MPNIC_DIR_END - 1,
	ENDS = MPNIC_EXCEPT_LOWER | MPNIC_EXCEPT_UPPER,
	FLOW_BITS = MPNIC_FLOW_STATE_FLIP | MPNIC_FLOW_STATE_SIDE_B | MPNIC_FLOW_STATE_FIRST,
	TOKEN_DATA = sizeof(struct mpnic_token_entry),
};

/* Record flow behind its directions. */
struct tail {
	uint64_t packets, bytes;
	uint32_t conn_id, last_seen, mark;
	uint16_t rx_queue, strip, actions;
	uint8_t prio, generation;
	uint16_t flags;
	uint8_t except, reserved[9];
};

_Static_assert(sizeof(struct tail) == sizeof(struct mpnic_flow) - FLOW_TAIL, "record flow");
_Static_assert(offsetof(struct mpnic_admin_flow, reserved) % 4 == 2 &&
		       sizeof(((struct mpnic_admin_flow *)0)->reserved) == 10,
	       "record admin_flow");
_Static_assert(offsetof(struct tail, flags) == offsetof(struct mpnic_flow, flags) - FLOW_TAIL &&
		       offsetof(struct tail, except) ==
			       offsetof(struct mpnic_flow, except) - FLOW_TAIL,
	       "record flow");

static const struct mpnic_admin_flow *given_flow(const struct fw *fw)
{
	return (const struct mpnic_admin_flow *)fw->cmd.data;
}

/* The window's records are aligned as they are in it. */
static const struct mpnic_key *given_key(const struct fw *fw)
{
	return (const struct mpnic_key *)given_flow(fw)->key;
}

static const struct mpnic_action *given_action(const struct fw *fw)
{
	return (const struct mpnic_action *)given_flow(fw)->action;
}

static void read_tail(const struct fw *fw, uint8_t op, uint32_t id, struct tail *tail)
{
	fw_command(fw, op, 0, id);
	fw_answer(fw, tail, sizeof(*tail));
}

static void write_tail(const struct fw *fw, uint32_t id, const struct tail *tail)
{
	fw_command_data(fw, MPNIC_TABLE_OP_FLOW, 0, id, tail, sizeof(*tail));
}

/* ---- ids ------------------------------------------------------------------------------------ */

void fw_flows_start(struct fw *fw)
{
	fw->flow_ids = (struct fw_ids){.count = fw->flows};
}

/* Ids that rested long enough are free. */
static void end_rest(struct fw *fw)
{
	while (fw->drain_count && fw_tick(fw) - fw->drained_at[fw->drain_first] >= FW_DRAIN_TICKS) {
		fw_ids_free(&fw->flow_ids, fw->draining[fw->drain_first]);
		fw->drain_first = (fw->drain_first + 1) % FW_DRAINING;
		fw->drain_count--;
	}
}

/* There is room for one: who takes an entry away asks before. */
static void begin_rest(struct fw *fw, uint32_t id)
{
	const uint32_t at = (fw->drain_first + fw->drain_count++) % FW_DRAINING;

	fw->draining[at] = (uint16_t)id;
	fw->drained_at[at] = fw_tick(fw);
}

static uint8_t generation_of(const struct fw *fw, uint32_t id, bool first)
{
	struct tail tail;

	/* What stands there before the first use is open. */
	if (first)
		return 0;
	read_tail(fw, MPNIC_TABLE_OP_FLOW_READ, id, &tail);
	return tail.generation;
}

static void give_one(struct fw *fw)
{
	const uint32_t at = (fw->given_first + fw->given_count) % FW_STASH_MAX;
	uint32_t id;
	bool first;

	id = fw_ids_take(&fw->flow_ids, &first);
	if (id == FW_NONE)
		return;
	fw_command_word(fw, MPNIC_TABLE_OP_GIVE, id, generation_of(fw, id, first));
	fw->given[at] = (uint16_t)id;
	fw->given_count++;
}

static uint32_t give_goal(const struct fw *fw)
{
	const uint32_t share = fw->flow_ids.count / GIVE_SHARE;

	return min_u32(fw->stash, share ? share : 1);
}

void fw_flows_serve(struct fw *fw)
{
	end_rest(fw);
	while (fw->given_count < give_goal(fw) && fw->flow_ids.used < fw->flow_ids.count)
		give_one(fw);
}

static bool in_ring(const uint16_t *ring, uint32_t size, uint32_t first, uint32_t count,
		    uint32_t id)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (ring[(first + i) % size] == id)
			return true;
	}
	return false;
}

static bool is_given(const struct fw *fw, uint32_t id)
{
	return in_ring(fw->given, FW_STASH_MAX, fw->given_first, fw->given_count, id);
}

/* ---- the stash ------------------------------------------------------------------------------ */

/* Gates take ids in the order in which they were given: those before this one are taken too. */
static void not_given(struct fw *fw, uint32_t id)
{
	uint32_t at;

	if (!is_given(fw, id))
		return;
	do {
		at = fw->given_first;
		fw->given_first = (at + 1) % FW_STASH_MAX;
		fw->given_count--;
	} while (fw->given[at] != id);
}

static void note_learnt(struct fw *fw, uint32_t place, uint32_t id)
{
	struct fw_learnt *l = &fw->learnt[place];
	struct tail tail;

	if (l->there && l->id == id)
		return;
	not_given(fw, id);
	read_tail(fw, MPNIC_TABLE_OP_FLOW_READ, id, &tail);
	*l = (struct fw_learnt){
		.conn_id = tail.conn_id,
		.since = fw_tick(fw),
		.id = (uint16_t)id,
		.there = true,
		.side_b = tail.flags & MPNIC_FLOW_STATE_SIDE_B,
	};
}

static void read_token(const struct fw *fw, uint32_t index, struct mpnic_token_entry *entry)
{
	fw_command(fw, MPNIC_TABLE_OP_TOKEN_READ, 0, index);
	fw_answer(fw, entry, sizeof(*entry));
}

/*
 * A token's count of provisional flows is read and written back, and gates may count up in between:
 * then a flow is missing from it. So the flows in the stash are counted from time to time, and the
 * count is never left below them.
 */
static void repair_count(struct fw *fw, const struct fw_learnt *of)
{
	const uint32_t index = fw_token_index(fw, of->conn_id, of->side_b);
	struct mpnic_token_entry entry;
	uint32_t i, count = 0;

	if (index == FW_NONE)
		return;
	for (i = 0; i < fw->stash; i++) {
		const struct fw_learnt *l = &fw->learnt[i];

		count += l->there && l->conn_id == of->conn_id && l->side_b == of->side_b;
	}
	read_token(fw, index, &entry);
	if (entry.provisional >= count)
		return;
	entry.provisional = (uint8_t)min_u32(count, UINT8_MAX);
	fw_command_data(fw, MPNIC_TABLE_OP_TOKEN, 0, index, &entry, TOKEN_DATA);
}

/* A learnt flow is confirmed or removed. */
static void count_down(struct fw *fw, uint32_t conn_id, bool side_b)
{
	const uint32_t index = fw_token_index(fw, conn_id, side_b);
	struct mpnic_token_entry entry;

	if (index == FW_NONE)
		return;
	read_token(fw, index, &entry);
	if (!entry.provisional)
		return;
	entry.provisional--;
	fw_command_data(fw, MPNIC_TABLE_OP_TOKEN, 0, index, &entry, TOKEN_DATA);
}

/* A learnt flow leaves the stash. */
static void leave_stash(struct fw *fw, uint32_t place)
{
	const struct fw_learnt l = fw->learnt[place];

	fw_place_clear(fw, &fw->table[MPNIC_TABLE_STASH], place);
	fw->learnt[place].there = false;
	count_down(fw, l.conn_id, l.side_b);
}

static bool too_old(const struct fw *fw, const struct fw_learnt *l)
{
	return l->there && fw_tick(fw) - l->since >= FW_CONFIRM_TICKS;
}

static void expire(struct fw *fw, uint32_t place)
{
	const struct mpnic_event body = {
		.flow_id = fw->learnt[place].id,
		.conn_id = fw->learnt[place].conn_id,
		.time_ns = fw->now,
	};

	if (fw->drain_count == FW_DRAINING || !fw_event_room(fw))
		return;
	leave_stash(fw, place);
	begin_rest(fw, body.flow_id);
	fw_event(fw, MPNIC_EVENT_KIND_LEARNT_AGED, &body);
}

void fw_stash_scan(struct fw *fw, unsigned int places)
{
	const struct fw_table *t = &fw->table[MPNIC_TABLE_STASH];
	struct fw_key key;
	uint32_t id;

	while (places--) {
		const uint32_t place = fw->scan;

		if (!(places % 16))
			fw_alive(fw);
		fw->scan = (place + 1) % fw->stash;
		if (!fw_place_read(fw, t, place, &key, &id))
			continue;
		note_learnt(fw, place, id);
		if (too_old(fw, &fw->learnt[place]))
			expire(fw, place);
		else
			repair_count(fw, &fw->learnt[place]);
	}
}

/* Whether an id stands for a flow or an entry now. */
static bool in_use(struct fw *fw, uint32_t id)
{
	if (!fw_ids_taken(&fw->flow_ids, id))
		return false;
	/* Gates may have taken it since. */
	if (is_given(fw, id))
		fw_stash_scan(fw, fw->stash);
	return !is_given(fw, id) &&
	       !in_ring(fw->draining, FW_DRAINING, fw->drain_first, fw->drain_count, id);
}

/* ---- keys ----------------------------------------------------------------------------------- */

/* But for its kind. */
static bool within(const struct mpnic_key *key, const struct mpnic_key *mask)
{
	const uint8_t *bytes = (const uint8_t *)key, *allowed = (const uint8_t *)mask;
	uint8_t beyond = 0;
	size_t i;

	for (i = 0; i < offsetof(struct mpnic_key, kind); i++)
		beyond |= bytes[i] & (uint8_t)~allowed[i];
	return !beyond;
}

static bool in_order(const struct mpnic_key *key)
{
	const int order = memcmp(key->lo_addr, key->hi_addr, sizeof(key->lo_addr));

	return order < 0 || (!order && key->lo_port <= key->hi_port);
}

/* Whether a look-up could ever find it: others are mistakes. */
static bool key_ok(const struct fw *fw, const struct mpnic_key *key)
{
	const uint8_t version = key->kind & (uint8_t)~KEY_MASKED;

	if (version != 4 && version != 6)
		return false;
	if (version == 4 &&
	    !(all_zero_words(key->lo_addr + 4, 3) && all_zero_words(key->hi_addr + 4, 3)))
		return false;
	if (key->kind & KEY_MASKED)
		return within(key, &fw->settings.mask);
	return in_order(key) && (fw->settings.exact_vlan || !key->vlan);
}

/* Where a flow stands. */
struct spot {
	const struct fw_key *key;
	struct mpnic_table_found seen;
	struct fw_table *table; /* the one that it is in, or belongs to */
	struct fw_found found;
	bool there, learnt;
};

static void look_up(struct fw *fw, struct spot *s)
{
	const bool masked = given_key(fw)->kind & KEY_MASKED;

	s->key = (const struct fw_key *)given_key(fw);
	fw_look(fw, s->key, &s->seen);
	s->learnt = false;
	if (!masked) {
		s->table = &fw->table[MPNIC_TABLE_STASH];
		s->learnt = s->there = fw_table_find(fw, s->table, s->key, &s->seen, &s->found);
		if (s->there) {
			note_learnt(fw, s->found.place, s->found.value);
			return;
		}
	}
	s->table = &fw->table[masked ? MPNIC_TABLE_MASKED : MPNIC_TABLE_FLOW];
	s->there = fw_table_find(fw, s->table, s->key, &s->seen, &s->found);
}

/* ---- commands ------------------------------------------------------------------------------- */

static uint32_t check_flow(const struct fw *fw, const struct mpnic_admin_flow *flow)
{
	if (!key_ok(fw, given_key(fw)) || flow->flow_id || (flow->flags & (uint16_t)~FLOW_BITS) ||
	    !(all_zero(flow->reserved, 2) && all_zero_words(flow->reserved + 2, 2)))
		return MPNIC_STATUS_INVALID;
	if (flow->conn_id != MPNIC_ID_NONE && flow->conn_id >= fw->conns)
		return MPNIC_STATUS_RANGE;
	/* Under the settable mask a key has no ends. */
	if ((given_key(fw)->kind & KEY_MASKED) && (given_action(fw)->except & ENDS))
		return MPNIC_STATUS_INVALID;
	return fw_action_check(fw, given_action(fw));
}

static void set_action(struct tail *tail, const struct mpnic_action *action)
{
	tail->mark = action->mark;
	tail->rx_queue = action->rx_queue;
	tail->strip = action->strip;
	tail->actions = action->actions;
	tail->prio = action->prio;
	tail->except = action->except;
}

/* The state stands there before its key does. */
static void write_state(const struct fw *fw, uint32_t id, uint8_t generation)
{
	const struct mpnic_admin_flow *flow = given_flow(fw);
	struct tail tail = {
		.conn_id = flow->conn_id,
		.last_seen = fw_tick(fw),
		.generation = generation,
		.flags = flow->flags,
	};

	set_action(&tail, given_action(fw));
	fw_settle(fw);
	hal_clear_words(fw->hal, FW_CMD_DATA, sizeof(struct mpnic_dir) / 4);
	fw_go(fw, MPNIC_TABLE_OP_DSS_WRITE, MPNIC_DSS_MEM_DIR0, id);
	fw_command(fw, MPNIC_TABLE_OP_DSS_WRITE, MPNIC_DSS_MEM_DIR1, id);
	write_tail(fw, id, &tail);
}

uint32_t fw_flow_add(struct fw *fw)
{
	uint32_t status = check_flow(fw, given_flow(fw)), place, id;
	struct spot s;
	bool first;

	if (status)
		return status;
	look_up(fw, &s);
	if (s.there)
		return MPNIC_STATUS_EXISTS;
	/* All others may be at rest. */
	if (fw->flow_ids.used == fw->flow_ids.count)
		return fw->drain_count ? (uint32_t)FW_LATER : MPNIC_STATUS_FULL;
	place = fw_table_make_room(fw, s.table, &s.seen, &s.found);
	if (place == FW_NONE)
		return MPNIC_STATUS_FULL;
	id = fw_ids_take(&fw->flow_ids, &first);
	write_state(fw, id, (uint8_t)(generation_of(fw, id, first) + 1));
	fw_place_write(fw, s.table, place, s.key, id);
	s.table->used++;
	*(hal_word *)fw->cpl.data = id;
	return MPNIC_STATUS_OK;
}

uint32_t fw_flow_remove(struct fw *fw)
{
	struct spot s;

	if (fw->drain_count == FW_DRAINING)
		return FW_LATER;
	look_up(fw, &s);
	if (!s.there)
		return MPNIC_STATUS_MISSING;
	if (s.learnt) {
		leave_stash(fw, s.found.place);
	} else {
		fw_place_clear(fw, s.table, s.found.place);
		s.table->used--;
	}
	begin_rest(fw, s.found.value);
	return MPNIC_STATUS_OK;
}

/* The later of two times of last_seen. */
static uint32_t later(const struct fw *fw, uint32_t a, uint32_t b)
{
	return fw_tick(fw) - a < fw_tick(fw) - b ? a : b;
}

/* When an entry was found last, or made; whichever table it is in. */
static uint32_t last_seen(const struct fw *fw, uint32_t id)
{
	struct tail exact, masked;

	read_tail(fw, MPNIC_TABLE_OP_MASKED_READ, id, &masked);
	read_tail(fw, MPNIC_TABLE_OP_FLOW_READ, id, &exact);
	return later(fw, exact.last_seen, masked.last_seen);
}

/* Counters are read and written back: frames in between are not counted. */
uint32_t fw_flow_set(struct fw *fw)
{
	const uint32_t id = fw->cmd.id;
	struct tail tail;
	uint32_t status, seen;

	if (id >= fw->flows)
		return MPNIC_STATUS_RANGE;
	status = fw_action_check(fw, given_action(fw));
	if (status)
		return status;
	if (!in_use(fw, id))
		return MPNIC_STATUS_MISSING;
	seen = last_seen(fw, id);
	read_tail(fw, MPNIC_TABLE_OP_FLOW_READ, id, &tail);
	tail.last_seen = later(fw, seen, tail.last_seen);
	set_action(&tail, given_action(fw));
	write_tail(fw, id, &tail);
	return MPNIC_STATUS_OK;
}

uint32_t fw_flow_get(struct fw *fw)
{
	struct mpnic_admin_flow_state *out = (struct mpnic_admin_flow_state *)fw->cpl.data;
	struct tail tail;
	struct spot s;
	uint32_t id;
	uint8_t d;

	look_up(fw, &s);
	if (!s.there)
		return MPNIC_STATUS_MISSING;
	id = s.found.value;
	read_tail(fw,
		  s.table->which == MPNIC_TABLE_MASKED ? MPNIC_TABLE_OP_MASKED_READ
						       : MPNIC_TABLE_OP_FLOW_READ,
		  id, &tail);
	out->flow_id = id;
	out->generation = tail.generation;
	out->learnt = s.learnt;
	out->packets = tail.packets;
	out->bytes = tail.bytes;
	out->conn_id = tail.conn_id;
	for (d = 0; d < 2; d++) {
		fw_command(fw, MPNIC_TABLE_OP_DSS_READ, (uint8_t)(MPNIC_DSS_MEM_DIR0 + d), id);
		fw_answer(fw, out->dir + d * sizeof(struct mpnic_dir), sizeof(struct mpnic_dir));
	}
	out->last_seen = last_seen(fw, id);
	return MPNIC_STATUS_OK;
}

uint32_t fw_flow_dss_set(struct fw *fw)
{
	struct mpnic_dir dir;

	memcpy(&dir, fw->cmd.data, sizeof(dir));
	if (fw->cmd.id >= fw->flows)
		return MPNIC_STATUS_RANGE;
	if (fw->cmd.arg > 1 || dir.reserved || (dir.flags & ~(uint32_t)DIR_BITS) ||
	    dir.map_judge > MPNIC_MAP_CSUM_REPLACED)
		return MPNIC_STATUS_INVALID;
	if (!in_use(fw, fw->cmd.id))
		return MPNIC_STATUS_MISSING;
	fw_command_data(fw, MPNIC_TABLE_OP_DSS_WRITE, (uint8_t)(MPNIC_DSS_MEM_DIR0 + fw->cmd.arg),
			fw->cmd.id, &dir, sizeof(dir));
	return MPNIC_STATUS_OK;
}

/* It is found in both tables for a moment, and never in neither. */
uint32_t fw_flow_confirm(struct fw *fw)
{
	struct fw_table *flows = &fw->table[MPNIC_TABLE_FLOW];
	struct fw_found found;
	struct tail tail;
	struct spot s;
	uint32_t place;

	look_up(fw, &s);
	if (!s.learnt)
		return s.there ? MPNIC_STATUS_EXISTS : MPNIC_STATUS_MISSING;
	fw_table_find(fw, flows, s.key, &s.seen, &found);
	place = fw_table_make_room(fw, flows, &s.seen, &found);
	if (place == FW_NONE)
		return MPNIC_STATUS_FULL;
	read_tail(fw, MPNIC_TABLE_OP_FLOW_READ, s.found.value, &tail);
	tail.flags &= (uint16_t)~MPNIC_FLOW_STATE_PROVISIONAL;
	write_tail(fw, s.found.value, &tail);
	fw_place_write(fw, flows, place, s.key, s.found.value);
	flows->used++;
	leave_stash(fw, s.found.place);
	return MPNIC_STATUS_OK;
}

/* ---- ageing --------------------------------------------------------------------------------- */

static void strike(uint32_t *bits, uint32_t first, uint32_t id)
{
	if (id - first < AGE_SPAN)
		bits[(id - first) / 32] &= ~(1u << (id - first) % 32);
}

/* Ids of a span that stand for something: taken, not given, not at rest. */
static void in_use_from(const struct fw *fw, uint32_t first, uint32_t end, uint32_t *bits)
{
	uint32_t i;

	memset(bits, 0, AGE_SPAN / 8);
	for (i = first; i < end; i++) {
		if (fw_ids_taken(&fw->flow_ids, i))
			bits[(i - first) / 32] |= 1u << (i - first) % 32;
	}
	for (i = 0; i < fw->given_count; i++)
		strike(bits, first, fw->given[(fw->given_first + i) % FW_STASH_MAX]);
	for (i = 0; i < fw->drain_count; i++)
		strike(bits, first, fw->draining[(fw->drain_first + i) % FW_DRAINING]);
}

uint32_t fw_age(struct fw *fw)
{
	struct mpnic_admin_aged *out = (struct mpnic_admin_aged *)fw->cpl.data;
	const uint32_t first = fw->cmd.id, max = sizeof(out->id) / sizeof(out->id[0]);
	uint32_t bits[AGE_SPAN / 32], end, id;

	if (first >= fw->flows)
		return MPNIC_STATUS_RANGE;
	end = first + min_u32(AGE_SPAN, fw->flows - first);
	in_use_from(fw, first, end, bits);
	for (id = first; id < end && out->count < max; id++) {
		if (!(bits[(id - first) / 32] >> (id - first) % 32 & 1))
			continue;
		if (fw_tick(fw) - last_seen(fw, id) >= fw->cmd.arg)
			out->id[out->count++] = id;
	}
	out->next = id < fw->flows ? id : MPNIC_ID_NONE;
	return MPNIC_STATUS_OK;
}
