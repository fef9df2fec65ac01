/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What firmware does: insertions step by step as the model plans them, removals, flow ids, settings
 * in memories, reads. Each command is done to the model in its slot.
 */
#include <stdlib.h>

#include "drive.h"

static struct command *add(struct drive *d, uint8_t op, uint32_t id)
{
	struct command *c;

	if (d->queued == sizeof(d->queue) / sizeof(d->queue[0]))
		abort();
	c = &d->queue[(d->first + d->queued++) % (sizeof(d->queue) / sizeof(d->queue[0]))];
	memset(c, 0, sizeof(*c));
	c->cmd.op = op;
	c->cmd.id = id;
	fill(d, c->cmd.reserved, sizeof(c->cmd.reserved));
	return c;
}

static void add_data(struct drive *d, uint8_t op, uint32_t id, const void *data, size_t len)
{
	struct command *c = add(d, op, id);

	fill(d, c->cmd.data, sizeof(c->cmd.data));
	memcpy(c->cmd.data, data, len);
}

/* ---- tables -------------------------------------------------------------------------------- */

static struct table *table_of(struct drive *d, uint8_t which)
{
	struct table *tables[] = {&d->state->flow, &d->state->stash, &d->state->masked,
				  &d->state->token, &d->state->peer};

	return tables[which];
}

static uint32_t size_of(const struct table *t)
{
	return TABLE_MIN * (t->mask + 1);
}

static uint64_t hash_of(struct drive *d, const struct table *t, const struct table_key *key)
{
	return mpnic_table_hash(&d->state->hash, key, t->key_words);
}

static uint32_t value_at(const struct table *t, uint32_t place)
{
	return t->buckets[place / TABLE_WAYS].value[place % TABLE_WAYS];
}

static struct table_key key_at(const struct table *t, uint32_t place)
{
	struct table_key key = {0};

	memcpy(&key, t->keys + ((size_t)place << t->key_shift), 8 * t->key_words);
	return key;
}

/* As in record table_place. The model's peer table holds indices, the RTL's what they give. */
static struct mpnic_table_place place_of(struct drive *d, uint8_t which,
					 const struct table_key *key, uint32_t value,
					 const struct mpnic_peer_entry *peer)
{
	struct mpnic_table_place place = {.value = value, .valid = 1};

	memcpy(place.key, key, sizeof(place.key));
	if (which == MPNIC_TABLE_PEER) {
		if (!peer)
			peer = &d->state->peers[value];
		place.value = peer->speaks | (uint32_t)peer->first_syn << 8;
	}
	return place;
}

static struct mpnic_table_place place_at(struct drive *d, uint8_t which, uint32_t at)
{
	const struct table *t = table_of(d, which);
	const struct table_key key = key_at(t, at);

	if (value_at(t, at) == MPNIC_ID_NONE)
		return (struct mpnic_table_place){0};
	return place_of(d, which, &key, value_at(t, at), NULL);
}

static void add_write(struct drive *d, uint8_t which, uint32_t at, enum effect effect,
		      const struct mpnic_table_place *place)
{
	struct command *c = add(d, MPNIC_TABLE_OP_WRITE, at);

	c->cmd.which = which;
	c->effect = effect;
	fill(d, c->cmd.data, sizeof(c->cmd.data));
	if (place)
		memcpy(c->cmd.data, place, sizeof(*place));
	else
		c->cmd.data[offsetof(struct mpnic_table_place, valid)] = 0;
}

static void add_read(struct drive *d, uint8_t which, uint32_t at)
{
	add(d, MPNIC_TABLE_OP_READ, at)->cmd.which = which;
}

/* What stands somewhere, perhaps but for a bit. */
static void find_standing(struct drive *d, uint8_t which, uint32_t at)
{
	struct table_key key = key_at(table_of(d, which), at);

	if (one_in(d, 4))
		key.word[below(d, KEY_WORDS)] ^= 1ull << below(d, 64);
	add_data(d, MPNIC_TABLE_OP_FIND, (uint32_t)rnd(d), &key, sizeof(key));
}

/* What a packet looks for. */
static void find_sought(struct drive *d, const struct mpnic_hdr *hdr)
{
	struct mpnic_key key;
	bool flip;

	if (mpnic_flow_key(d->state, hdr, one_in(d, 3), &key, &flip))
		add_data(d, MPNIC_TABLE_OP_FIND, (uint32_t)rnd(d), &key, sizeof(key));
}

/* An insertion into a table that only firmware changes. */
static bool insert(struct drive *d, uint8_t which, const struct table_key *key, uint32_t value)
{
	struct table *t = table_of(d, which);
	const uint64_t hash = hash_of(d, t, key);
	struct mpnic_table_place place;
	unsigned int move;

	if (mpnic_table_find(t, key, hash) != MPNIC_ID_NONE)
		return false;
	if (mpnic_table_plan(t, hash, TABLE_MOVES, &d->path)) {
		d->no_room++;
		return false;
	}
	d->table = t;
	d->key = *key;
	d->value = value;
	d->insertions++;
	if (which == MPNIC_TABLE_FLOW && d->path.moves && !one_in(d, 4)) {
		const struct table_key moved = key_at(t, d->path.at[below(d, d->path.moves)]);
		struct mpnic_key k;

		memcpy(&k, &moved, sizeof(k));
		aim_packets(d, &k);
	}
	for (move = d->path.moves; move--;) {
		place = place_at(d, which, d->path.at[move]);
		d->moves++;
		if (one_in(d, 2))
			add_read(d, which, d->path.at[move]);
		add_write(d, which, d->path.at[move + 1], EFFECT_STEP, &place);
		add_write(d, which, d->path.at[move], EFFECT_STEP, NULL);
	}
	place = place_of(d, which, key, value, &d->peer);
	add_write(d, which, d->path.at[0], EFFECT_PLACE, &place);
	return true;
}

/* A place that is taken, or any. */
static uint32_t some_place(struct drive *d, uint8_t which)
{
	const struct table *t = table_of(d, which);
	unsigned int tries;
	uint32_t at = 0;

	for (tries = 0; tries < 8; tries++) {
		at = below(d, size_of(t));
		if (value_at(t, at) != MPNIC_ID_NONE)
			break;
	}
	return at;
}

static uint32_t place_with(const struct table *t, uint32_t value)
{
	uint32_t at;

	for (at = 0; at < size_of(t); at++) {
		if (value_at(t, at) == value)
			return at;
	}
	return MPNIC_ID_NONE;
}

static void remove_some(struct drive *d, uint8_t which)
{
	const uint32_t at = some_place(d, which);

	if (value_at(table_of(d, which), at) != MPNIC_ID_NONE)
		add_write(d, which, at, EFFECT_CLEAR, NULL);
}

/* ---- flows --------------------------------------------------------------------------------- */

static bool in_ring(const struct id_ring *ring, uint32_t id)
{
	unsigned int i;

	for (i = 0; i < ring->count; i++) {
		if (ring->ids[(ring->first + i) & (ring->size - 1)] == id)
			return true;
	}
	return false;
}

/* Some often, so that what shares an id meets. */
static uint32_t some_id(struct drive *d)
{
	return below(d, one_in(d, 3) ? BENCH_FLOWS : 8);
}

static bool is_free(struct drive *d, uint32_t id)
{
	const struct mpnic_state *s = d->state;

	return !in_ring(&s->flow_ids, id) && place_with(&s->flow, id) == MPNIC_ID_NONE &&
	       place_with(&s->stash, id) == MPNIC_ID_NONE;
}

static void some_action(struct drive *d, struct mpnic_action *action)
{
	fill(d, action, sizeof(*action));
	action->actions &= MPNIC_ACTION_REWRITE - 1;
	action->prio = (uint8_t)(one_in(d, 3) ? rnd(d) : 100 + below(d, 3));
	action->except = 0;
}

static uint32_t some_conn(struct drive *d)
{
	if (one_in(d, 12))
		return one_in(d, 2) ? BENCH_CONNS : (uint32_t)rnd(d);
	return below(d, BENCH_CONNS);
}

static void write_flow(struct drive *d, uint32_t id)
{
	struct mpnic_flow flow;
	struct mpnic_action action;

	fill(d, &flow, sizeof(flow));
	some_action(d, &action);
	memcpy(&flow.mark, &action, offsetof(struct mpnic_action, prio) + 1);
	/* Bits that there are not, too. */
	flow.except = one_in(d, 3) ? 0 : (uint8_t)(rnd(d) & rnd(d));
	flow.conn_id = one_in(d, 6) ? MPNIC_ID_NONE : some_conn(d);
	if (one_in(d, 2))
		flow.packets = (one_in(d, 2) ? UINT64_MAX : UINT32_MAX) - below(d, 4);
	if (one_in(d, 2))
		flow.bytes = (one_in(d, 2) ? UINT64_MAX : UINT32_MAX) - below(d, 100000);
	add_data(d, MPNIC_TABLE_OP_FLOW, id, &flow.packets,
		 sizeof(flow) - offsetof(struct mpnic_flow, packets));
}

static void insert_flow(struct drive *d, const struct mpnic_hdr *hdr)
{
	struct mpnic_key key;
	struct table_key k;
	const uint32_t id = below(d, BENCH_FLOWS);
	bool flip;

	if (!is_free(d, id) || !mpnic_flow_key(d->state, hdr, false, &key, &flip))
		return;
	memcpy(&k, &key, sizeof(k));
	if (mpnic_table_find(&d->state->stash, &k, hash_of(d, &d->state->stash, &k)) !=
	    MPNIC_ID_NONE)
		return;
	if (one_in(d, 2))
		write_flow(d, id);
	insert(d, MPNIC_TABLE_FLOW, &k, id);
}

/* Masked entries share ids with exact ones, learnt ones too. */
static void insert_masked(struct drive *d, const struct mpnic_hdr *hdr, uint32_t id)
{
	struct mpnic_key key;
	struct table_key k;
	bool flip;

	if (!mpnic_flow_key(d->state, hdr, true, &key, &flip))
		return;
	memcpy(&k, &key, sizeof(k));
	if (one_in(d, 2) && is_free(d, id))
		write_flow(d, id);
	insert(d, MPNIC_TABLE_MASKED, &k, id);
}

static void move_from_stash(struct drive *d, uint32_t at)
{
	const struct table *t = &d->state->stash;
	struct table_key key;

	if (at == MPNIC_ID_NONE || value_at(t, at) == MPNIC_ID_NONE)
		return;
	key = key_at(t, at);
	if (insert(d, MPNIC_TABLE_FLOW, &key, value_at(t, at)))
		add_write(d, MPNIC_TABLE_STASH, at, EFFECT_CLEAR, NULL);
}

static void give(struct drive *d, uint32_t id)
{
	const struct id_ring *ring = &d->state->flow_ids;

	if (ring->count < ring->size && is_free(d, id))
		add_data(d, MPNIC_TABLE_OP_GIVE, id, &d->state->flows[id].generation, 1);
}

/* ---- tokens, peers, rules ------------------------------------------------------------------ */

static void write_token(struct drive *d, uint32_t index, uint32_t token)
{
	struct mpnic_token_entry entry;

	fill(d, &entry, sizeof(entry));
	entry.token = token;
	entry.conn_id = some_conn(d);
	if (!one_in(d, 5))
		entry.flags &= (uint8_t)~MPNIC_TOKEN_ENTRY_PUNT;
	entry.cap = (uint8_t)(one_in(d, 8) ? rnd(d) : below(d, 6));
	entry.provisional = (uint8_t)(one_in(d, 8) ? rnd(d) : one_in(d, 4) ? below(d, 6) : 0);
	add_data(d, MPNIC_TABLE_OP_TOKEN, index, &entry, sizeof(entry));
}

static void insert_token(struct drive *d, uint32_t token)
{
	const uint32_t index = id_ring_first(&d->state->token_ids);
	const struct table_key key = token_key(token);

	if (index == MPNIC_ID_NONE)
		return;
	write_token(d, index, token);
	insert(d, MPNIC_TABLE_TOKEN, &key, index);
}

static void change_token(struct drive *d, uint32_t index)
{
	if (index == MPNIC_ID_NONE)
		return;
	if (one_in(d, 3))
		add(d, MPNIC_TABLE_OP_TOKEN_READ, index);
	else
		write_token(d, index, d->state->tokens[index].token);
}

static void some_peer(struct drive *d, const struct mpnic_hdr *hdr, uint8_t source)
{
	d->peer = (struct mpnic_peer_entry){
		.port = one_in(d, 2) ? 0 : hdr->dport,
		.network = d->state->config.network[source],
		.ip_version = hdr->ip_version,
		.speaks = (uint8_t)below(d, 4),
		.first_syn = (uint8_t)below(d, 4),
	};
	memcpy(d->peer.addr, hdr->dst, sizeof(d->peer.addr));
	mpnic_peer_prefix(d->state, d->peer.ip_version, d->peer.addr);
}

static void insert_peer(struct drive *d, const struct mpnic_hdr *hdr, uint8_t source)
{
	const uint32_t index = id_ring_first(&d->state->peer_ids);
	struct table_key key;

	some_peer(d, hdr, source);
	key = mpnic_peer_key(&d->peer);
	if (index != MPNIC_ID_NONE)
		insert(d, MPNIC_TABLE_PEER, &key, index);
}

static void change_peer(struct drive *d, uint32_t at)
{
	const uint32_t index = value_at(&d->state->peer, at);
	struct mpnic_table_place place;
	struct table_key key;

	if (index == MPNIC_ID_NONE)
		return;
	d->peer = d->state->peers[index];
	d->peer.speaks = (uint8_t)below(d, 4);
	d->peer.first_syn = (uint8_t)below(d, 4);
	key = key_at(&d->state->peer, at);
	place = place_of(d, MPNIC_TABLE_PEER, &key, index, &d->peer);
	add_write(d, MPNIC_TABLE_PEER, at, EFFECT_VALUE, &place);
}

/* Rules that look at a few bits, so that some match. */
static void load_rule(struct drive *d, uint32_t index)
{
	struct mpnic_rule *rule = &d->rules[index];
	struct mpnic_rule_key value, mask = {0};
	struct mpnic_action action;
	struct mpnic_hdr hdr;
	unsigned int i;

	memset(rule, 0, sizeof(*rule));
	fill(d, &value, sizeof(value));
	fill(d, &hdr, sizeof(hdr));
	some_header(d, &hdr);
	value.dport = hdr.dport;
	memcpy(value.src, hdr.src, sizeof(hdr.src));
	value.ip_version = hdr.ip_version;
	value.ip_proto = hdr.ip_proto;
	switch (below(d, 5)) {
	case 0:
		mask.dport = 0xffff;
		mask.source = 0x21;
		break;
	case 1:
		memset(mask.src, 0xff, sizeof(hdr.src));
		mask.tcp_flags = (uint8_t)(1 << below(d, 8));
		break;
	case 2:
		mask.ip_version = 0xff;
		mask.subtypes = (uint16_t)(1 << below(d, 16));
		break;
	case 3:
		mask.ip_proto = 0xff;
		mask.vlan = (uint16_t)(1 << below(d, 13));
		mask.parse = 1;
		mask.ethertype = (uint16_t)(1 << below(d, 16));
		break;
	default:
		for (i = 0; i < 3; i++)
			((uint8_t *)&mask)[below(d, sizeof(mask))] |= (uint8_t)(1 << below(d, 8));
	}
	memcpy(rule->value, &value, sizeof(value));
	memcpy(rule->mask, &mask, sizeof(mask));
	some_action(d, &action);
	memcpy(&rule->mark, &action, offsetof(struct mpnic_action, prio) + 1);
	rule->valid = 1;
	add(d, MPNIC_TABLE_OP_RULE_OFF, index);
	add_data(d, MPNIC_TABLE_OP_RULE_LOAD, index, rule, sizeof(*rule));
	add(d, MPNIC_TABLE_OP_RULE_ON, index);
	d->rules_loaded += !d->loaded[index];
	d->loaded[index] = true;
}

static void some_rule(struct drive *d, uint32_t index)
{
	if (one_in(d, 400))
		load_rule(d, index);
	else if (!d->loaded[index])
		return;
	else if (one_in(d, 2))
		add(d, MPNIC_TABLE_OP_RULE_READ, index);
	else
		add(d,
		    d->state->rule[index].valid ? MPNIC_TABLE_OP_RULE_OFF : MPNIC_TABLE_OP_RULE_ON,
		    index);
}

/* ---- what comes next ----------------------------------------------------------------------- */

static void write_conn(struct drive *d, uint32_t id)
{
	struct mpnic_conn conn;

	fill(d, &conn, sizeof(conn));
	conn.flags &= MPNIC_CONN_CSUM | MPNIC_CONN_QUEUE | (one_in(d, 4) ? MPNIC_CONN_TCP : 0);
	add_data(d, MPNIC_TABLE_OP_CONN, id, &conn.rx_queue, 4);
}

static uint8_t some_network(struct drive *d)
{
	return (uint8_t)(NETWORK_STEP * below(d, NETWORKS));
}

static void write_small(struct drive *d, uint32_t source, uint32_t hash)
{
	const uint64_t v = rnd(d);
	const uint8_t network = some_network(d), first_syn = (uint8_t)below(d, 3);

	switch (below(d, 3)) {
	case 0:
		add_data(d, MPNIC_TABLE_OP_NETWORK, source, &network, 1);
		break;
	case 1:
		add_data(d, MPNIC_TABLE_OP_FIRST_SYN, d->state->config.network[source], &first_syn,
			 1);
		break;
	default:
		add_data(d, MPNIC_TABLE_OP_RETA, hash % MPNIC_RETA_SIZE, &v, 2);
	}
}

/* What firmware does with an entry that packets look for at this moment. */
static void aimed_exact(struct drive *d)
{
	const uint32_t id = d->said.flow_id, other = some_id(d);
	const uint32_t at = place_with(&d->state->flow, id);
	const uint32_t stash = place_with(&d->state->stash, id);

	if (id == MPNIC_ID_NONE) {
		if (one_in(d, 2))
			insert_flow(d, &d->last);
		else
			give(d, other);
		return;
	}
	switch (below(d, 6)) {
	case 0:
		if (stash != MPNIC_ID_NONE)
			add_write(d, MPNIC_TABLE_STASH, stash, EFFECT_CLEAR, NULL);
		else if (at != MPNIC_ID_NONE)
			add_write(d, MPNIC_TABLE_FLOW, at, EFFECT_CLEAR, NULL);
		break;
	case 1:
		if (stash != MPNIC_ID_NONE)
			add_read(d, MPNIC_TABLE_STASH, stash);
		else if (at != MPNIC_ID_NONE)
			add_read(d, MPNIC_TABLE_FLOW, at);
		break;
	case 2:
		move_from_stash(d, stash);
		break;
	case 3:
		write_flow(d, id);
		break;
	case 4:
		if (d->said.conn_id != MPNIC_ID_NONE)
			write_conn(d, d->said.conn_id);
		break;
	default:
		add(d, MPNIC_TABLE_OP_FLOW_READ, id);
	}
}

static void aimed_masked(struct drive *d)
{
	const uint32_t id = d->said.masked_id, other = some_id(d);
	const uint32_t at = place_with(&d->state->masked, id);

	if (id == MPNIC_ID_NONE) {
		/* Soon a learnt flow may have the same id. */
		if (one_in(d, 3))
			insert_masked(d, &d->last, other);
		else if (d->state->flow_ids.count)
			insert_masked(d, &d->last, id_ring_first(&d->state->flow_ids));
		else
			give(d, other);
		return;
	}
	switch (below(d, 4)) {
	case 0:
		if (at != MPNIC_ID_NONE)
			add_write(d, MPNIC_TABLE_MASKED, at, EFFECT_CLEAR, NULL);
		break;
	case 1:
		/* An id that was given has a generation. */
		if (!in_ring(&d->state->flow_ids, id))
			write_flow(d, id);
		break;
	case 2:
		if (at != MPNIC_ID_NONE)
			add_read(d, MPNIC_TABLE_MASKED, at);
		break;
	default:
		add(d, MPNIC_TABLE_OP_MASKED_READ, id);
	}
}

static void aimed_token(struct drive *d)
{
	const uint32_t token = d->last.opt[0].join_syn.token;
	const uint32_t index = mpnic_token_index(d->state, token);

	if (index == MPNIC_ID_NONE)
		insert_token(d, token);
	else if (one_in(d, 8))
		add_write(d, MPNIC_TABLE_TOKEN, place_with(&d->state->token, index), EFFECT_CLEAR,
			  NULL);
	else if (one_in(d, 4))
		write_conn(d, d->state->tokens[index].conn_id % BENCH_CONNS);
	else
		change_token(d, index);
}

static void aimed_peer(struct drive *d)
{
	struct mpnic_peer_entry key = {.ip_version = d->last.ip_version};
	const uint8_t source = d->last.source % 64;
	const struct mpnic_peer_entry *entry;
	const uint8_t first_syn = (uint8_t)below(d, 3);
	uint32_t at;

	key.network = d->state->config.network[source];
	key.port = one_in(d, 2) ? 0 : d->last.dport;
	memcpy(key.addr, d->last.dst, sizeof(key.addr));
	mpnic_peer_prefix(d->state, key.ip_version, key.addr);
	entry = mpnic_peer_find(d->state, &key);
	if (one_in(d, 4)) {
		add_data(d, MPNIC_TABLE_OP_FIRST_SYN, key.network, &first_syn, 1);
		return;
	}
	if (!entry) {
		insert_peer(d, &d->last, source);
		return;
	}
	at = place_with(&d->state->peer, (uint32_t)(entry - d->state->peers));
	if (one_in(d, 3))
		add_write(d, MPNIC_TABLE_PEER, at, EFFECT_CLEAR, NULL);
	else
		change_peer(d, at);
}

/* Room for a burst of new flows, at the end of which something runs out: the stash's places, flow
 * ids, or what the token's cap allows. */
static void restock(struct drive *d)
{
	const struct mpnic_state *s = d->state;
	const uint32_t index = value_at(&s->token, some_place(d, MPNIC_TABLE_TOKEN));
	struct mpnic_token_entry entry;
	uint32_t at, id, ids = 1 + below(d, 12);

	if (index == MPNIC_ID_NONE)
		return;
	entry = s->tokens[index];
	entry.conn_id = below(d, BENCH_CONNS);
	entry.flags = (uint8_t)below(d, 2) * MPNIC_TOKEN_ENTRY_SIDE_B;
	entry.provisional = (uint8_t)(one_in(d, 2) ? 0 : rnd(d));
	entry.cap = (uint8_t)(entry.provisional + below(d, 10));
	for (at = 0; at < BENCH_STASH; at++) {
		if (value_at(&s->stash, at) != MPNIC_ID_NONE && !one_in(d, 8))
			add_write(d, MPNIC_TABLE_STASH, at, EFFECT_CLEAR, NULL);
	}
	for (id = one_in(d, 2) ? 0 : below(d, BENCH_FLOWS); ids && id < BENCH_FLOWS; id++) {
		if (s->flow_ids.count + ids <= s->flow_ids.size && is_free(d, id)) {
			add_data(d, MPNIC_TABLE_OP_GIVE, id, &s->flows[id].generation, 1);
			ids--;
		}
	}
	add_data(d, MPNIC_TABLE_OP_TOKEN, index, &entry, sizeof(entry));
	aim_joins(d, entry.token, 40 * d->queued);
}

/* Behind the packet just before, and in front of those to come. */
static void firmware_aim(struct drive *d)
{
	d->aimed++;
	/* The count, with what was learnt just before. */
	if (d->said.token == MPNIC_TOKEN_LEARNT && one_in(d, 2)) {
		const uint32_t token = d->last.opt[0].join_syn.token;
		const uint32_t index = mpnic_token_index(d->state, token);

		if (index != MPNIC_ID_NONE)
			add(d, MPNIC_TABLE_OP_TOKEN_READ, index);
		return;
	}
	switch (below(d, 15)) {
	case 0:
	case 1:
	case 2:
	case 3:
		aimed_exact(d);
		break;
	case 4:
	case 5:
		aimed_masked(d);
		break;
	case 6:
	case 7:
		aimed_token(d);
		break;
	case 8:
	case 9:
		aimed_peer(d);
		break;
	case 10:
		restock(d);
		break;
	case 11:
		write_small(d, d->last.source % 64, d->said.hash);
		break;
	case 12:
	case 13:
		find_sought(d, &d->last);
		break;
	default:
		if (d->said.rule != UINT8_MAX)
			some_rule(d, d->said.rule);
	}
}

void firmware_plan(struct drive *d)
{
	struct mpnic_hdr hdr = {0};
	uint8_t which, rss[MPNIC_RSS_KEY_LEN];

	if (d->beside) {
		add(d, MPNIC_TABLE_OP_MASKED_READ, d->beside - 1);
		d->beside = 0;
		return;
	}
	if (d->rss_old && one_in(d, 400)) {
		fill(d, rss, sizeof(rss));
		add_data(d, MPNIC_TABLE_OP_RSS_KEY, 0, rss, sizeof(rss));
		d->rss_old = false;
		return;
	}
	if (d->rules_loaded < 12 && one_in(d, d->rules_loaded < 3 ? 20 : 200)) {
		load_rule(d, below(d, MPNIC_RULES));
		return;
	}
	if (one_in(d, 2)) {
		firmware_aim(d);
		return;
	}
	some_header(d, &hdr);
	switch (below(d, 21)) {
	case 0:
	case 1:
		insert_flow(d, &hdr);
		break;
	case 2:
		remove_some(d, MPNIC_TABLE_FLOW);
		break;
	case 3:
		insert_masked(d, &hdr, some_id(d));
		break;
	case 4:
		if (one_in(d, 2))
			remove_some(d, MPNIC_TABLE_MASKED);
		else
			remove_some(d, MPNIC_TABLE_PEER);
		break;
	case 5:
		move_from_stash(d, some_place(d, MPNIC_TABLE_STASH));
		break;
	case 6:
	case 7:
		remove_some(d, MPNIC_TABLE_STASH);
		break;
	case 8:
	case 9:
	case 10:
		give(d, some_id(d));
		break;
	case 11:
		insert_token(d, some_token(d));
		break;
	case 12:
		if (one_in(d, 2))
			remove_some(d, MPNIC_TABLE_TOKEN);
		break;
	case 13:
		change_token(d, value_at(&d->state->token, some_place(d, MPNIC_TABLE_TOKEN)));
		break;
	case 14:
		if (one_in(d, 2))
			insert_peer(d, &hdr, (uint8_t)below(d, 64));
		else
			change_peer(d, some_place(d, MPNIC_TABLE_PEER));
		break;
	case 15:
		write_conn(d, below(d, BENCH_CONNS));
		break;
	case 16:
		write_small(d, below(d, 64), (uint32_t)rnd(d));
		break;
	case 17:
		some_rule(d, below(d, MPNIC_RULES));
		break;
	case 18:
		which = (uint8_t)below(d, 5);
		add_read(d, which, some_place(d, which));
		break;
	case 19:
		which = (uint8_t)below(d, 5);
		find_standing(d, which, some_place(d, which));
		break;
	default:
		add(d, one_in(d, 2) ? MPNIC_TABLE_OP_FLOW_READ : MPNIC_TABLE_OP_MASKED_READ,
		    below(d, BENCH_FLOWS));
	}
}

static void some_settings(struct drive *d)
{
	struct mpnic_state_config *config = &d->state->config;
	struct mpnic_settings *s = &d->settings;

	fill(d, s, sizeof(*s));
	if (one_in(d, 8)) {
		memset(&s->mask, 0xff, sizeof(s->mask));
	} else if (!one_in(d, 3)) {
		memset(&s->mask, 0, sizeof(s->mask));
		memset(s->mask.lo_addr, 0xff, sizeof(s->mask.lo_addr));
		s->mask.hi_port = one_in(d, 2) ? 0xffff : 0;
		s->mask.kind = (uint8_t)rnd(d);
	}
	some_action(d, &s->miss);
	some_action(d, &s->learnt);
	s->exact_vlan = (uint8_t)one_in(d, 3);
	s->prefix4 = (uint8_t)(one_in(d, 2) ? 32 - below(d, 8) : below(d, 33));
	s->prefix6 = (uint8_t)(one_in(d, 2) ? 128 - below(d, 8) : below(d, 129));

	config->exact_vlan = s->exact_vlan;
	config->prefix4 = s->prefix4;
	config->prefix6 = s->prefix6;
	config->host_sources = s->host_sources;
	config->miss = s->miss;
	config->learnt = s->learnt;
	memcpy(&d->state->mask, &s->mask, sizeof(s->mask));
	d->state->mask.word[KEY_WORDS - 1] |= 0xffull << 56;
	bench_settings(d->bench, s);
}

void firmware_restart(struct drive *d)
{
	uint8_t key[MPNIC_HASH_KEY_LEN];

	some_settings(d);
	fill(d, key, sizeof(key));
	add_data(d, MPNIC_TABLE_OP_HASH_KEY, 0, key, sizeof(key));
	d->rss_old = d->rss_old || one_in(d, 4);
}

/* Everything that is read is written before. */
void firmware_start(struct drive *d)
{
	static unsigned int step;
	const uint8_t zero = 0, network = some_network(d);
	const uint16_t queue = 0;
	unsigned int i = step++;

	d->rss_old = true;
	if (!i)
		firmware_restart(d);
	if (i < BENCH_FLOWS)
		write_flow(d, i);
	if (i < BENCH_CONNS)
		write_conn(d, i);
	if (i < 64)
		add_data(d, MPNIC_TABLE_OP_NETWORK, i, &network, 1);
	if (i < NETWORKS)
		add_data(d, MPNIC_TABLE_OP_FIRST_SYN, NETWORK_STEP * i, &zero, 1);
	if (i < MPNIC_RETA_SIZE / 2) {
		add_data(d, MPNIC_TABLE_OP_RETA, 2 * i, &queue, 2);
		add_data(d, MPNIC_TABLE_OP_RETA, 2 * i + 1, &queue, 2);
	}
}

/* ---- the model ----------------------------------------------------------------------------- */

static void clear_table(struct drive *d, uint8_t which, unsigned int key_words)
{
	struct table *t = table_of(d, which);
	const uint32_t size = size_of(t);

	mpnic_table_free(t);
	if (mpnic_table_init(t, size, key_words, &d->state->hash))
		abort();
}

static void refill(struct id_ring *ring)
{
	uint32_t id;

	ring->first = ring->count = 0;
	for (id = 0; id < ring->size; id++)
		id_ring_put(ring, id);
}

static void model_hash_key(struct drive *d, const uint8_t *key)
{
	mpnic_table_hash_prepare(&d->state->hash, key);
	clear_table(d, MPNIC_TABLE_FLOW, KEY_WORDS);
	clear_table(d, MPNIC_TABLE_STASH, KEY_WORDS);
	clear_table(d, MPNIC_TABLE_MASKED, KEY_WORDS);
	clear_table(d, MPNIC_TABLE_TOKEN, TOKEN_WORDS);
	clear_table(d, MPNIC_TABLE_PEER, PEER_WORDS);
	refill(&d->state->token_ids);
	refill(&d->state->peer_ids);
}

static void model_write(struct drive *d, const struct command *c)
{
	struct table *t = table_of(d, c->cmd.which);
	struct table_key key;
	uint32_t index;

	switch (c->effect) {
	case EFFECT_STEP:
		mpnic_table_step(t, &d->path);
		break;
	case EFFECT_PLACE:
		mpnic_table_place(t, &d->path, &d->key, hash_of(d, t, &d->key), d->value);
		if (c->cmd.which == MPNIC_TABLE_TOKEN)
			id_ring_drop(&d->state->token_ids);
		if (c->cmd.which == MPNIC_TABLE_PEER) {
			id_ring_drop(&d->state->peer_ids);
			d->state->peers[d->value] = d->peer;
		}
		break;
	case EFFECT_VALUE:
		d->state->peers[value_at(t, c->cmd.id)] = d->peer;
		break;
	case EFFECT_CLEAR:
		index = value_at(t, c->cmd.id);
		if (index == MPNIC_ID_NONE)
			break;
		key = key_at(t, c->cmd.id);
		/* Of what stands in two places firmware clears the one that counts. */
		mpnic_table_remove(t, &key, hash_of(d, t, &key));
		if (c->cmd.which == MPNIC_TABLE_TOKEN)
			id_ring_put(&d->state->token_ids, index);
		if (c->cmd.which == MPNIC_TABLE_PEER)
			id_ring_put(&d->state->peer_ids, index);
		break;
	default:
		break;
	}
}

static void read_flow(struct drive *d, uint32_t id, const struct tally *tally,
		      struct mpnic_table_rsp *rsp)
{
	struct mpnic_flow flow = d->state->flows[id];

	flow.packets = tally->packets;
	flow.bytes = tally->bytes;
	flow.last_seen = tally->seen;
	if (!conn_of(d->state, flow.conn_id))
		flow.conn_id = MPNIC_ID_NONE;
	flow.actions &= 2 * MPNIC_ACTION_REWRITE - 1;
	flow.flags &= 2 * MPNIC_FLOW_STATE_PROVISIONAL - 1;
	flow.except &= 2 * MPNIC_EXCEPT_OUTRANKED - 1;
	memset(flow.reserved, 0, sizeof(flow.reserved));
	memcpy(rsp->data, &flow.packets, sizeof(rsp->data));
}

static void model_flow(struct drive *d, const struct mpnic_table_cmd *cmd)
{
	struct mpnic_flow *flow = &d->state->flows[cmd->id];

	memcpy(&flow->packets, cmd->data, sizeof(*flow) - offsetof(struct mpnic_flow, packets));
	d->exact[cmd->id] = (struct tally){flow->packets, flow->bytes, flow->last_seen};
	d->masked[cmd->id] = (struct tally){0};
}

static void model_find(struct drive *d, const struct mpnic_table_cmd *cmd,
		       struct mpnic_table_rsp *rsp)
{
	struct mpnic_table_found found;

	mpnic_state_command(d->state, cmd, rsp);
	memcpy(&found, rsp->data, sizeof(found));
	d->found[0] += !!found.flow_hits;
	d->found[1] += !!found.masked_hits;
	d->found[2] += found.stash_hit;
}

static void model_token(struct drive *d, const struct mpnic_table_cmd *cmd,
			struct mpnic_table_rsp *rsp)
{
	struct mpnic_token_entry *entry = &d->state->tokens[cmd->id], shown;

	if (cmd->op == MPNIC_TABLE_OP_TOKEN) {
		memcpy(entry, cmd->data, sizeof(*entry));
		return;
	}
	/* The token stands in the table. */
	shown = *entry;
	shown.token = 0;
	shown.flags &= MPNIC_TOKEN_ENTRY_SIDE_B | MPNIC_TOKEN_ENTRY_PUNT;
	shown.reserved = 0;
	if (!conn_of(d->state, shown.conn_id))
		shown.conn_id = MPNIC_ID_NONE;
	memcpy(rsp->data, &shown, sizeof(shown));
}

void firmware_model(struct drive *d, const struct command *c, struct mpnic_table_rsp *rsp)
{
	const struct mpnic_table_cmd *cmd = &c->cmd;
	struct mpnic_state *s = d->state;
	struct mpnic_table_place place;
	uint16_t queue;

	memset(rsp, 0, sizeof(*rsp));
	d->ops[cmd->op]++;
	switch (cmd->op) {
	case MPNIC_TABLE_OP_WRITE:
		model_write(d, c);
		break;
	case MPNIC_TABLE_OP_READ:
		place = place_at(d, cmd->which, cmd->id);
		memcpy(rsp->data, &place, sizeof(place));
		break;
	case MPNIC_TABLE_OP_FLOW:
		model_flow(d, cmd);
		break;
	case MPNIC_TABLE_OP_FLOW_READ:
		read_flow(d, cmd->id, &d->exact[cmd->id], rsp);
		break;
	case MPNIC_TABLE_OP_MASKED_READ:
		read_flow(d, cmd->id, &d->masked[cmd->id], rsp);
		break;
	case MPNIC_TABLE_OP_CONN:
		mpnic_state_command(s, cmd, rsp);
		break;
	case MPNIC_TABLE_OP_TOKEN:
	case MPNIC_TABLE_OP_TOKEN_READ:
		model_token(d, cmd, rsp);
		break;
	case MPNIC_TABLE_OP_GIVE:
		id_ring_put(&s->flow_ids, cmd->id);
		break;
	case MPNIC_TABLE_OP_RULE_OFF:
		mpnic_rule_set(s, cmd->id, NULL);
		break;
	case MPNIC_TABLE_OP_RULE_LOAD:
		d->rule[cmd->id] = (struct tally){0};
		break;
	case MPNIC_TABLE_OP_RULE_ON:
		mpnic_rule_set(s, cmd->id, &d->rules[cmd->id]);
		break;
	case MPNIC_TABLE_OP_RULE_READ:
		memcpy(rsp->data, &d->rule[cmd->id], 20);
		break;
	case MPNIC_TABLE_OP_NETWORK:
		s->config.network[cmd->id] = cmd->data[0];
		break;
	case MPNIC_TABLE_OP_FIRST_SYN:
		s->config.first_syn[cmd->id] = cmd->data[0] & 3;
		break;
	case MPNIC_TABLE_OP_RETA:
		memcpy(&queue, cmd->data, sizeof(queue));
		s->config.reta[cmd->id] = queue;
		break;
	case MPNIC_TABLE_OP_HASH_KEY:
		model_hash_key(d, cmd->data);
		break;
	case MPNIC_TABLE_OP_RSS_KEY:
		mpnic_toeplitz_prepare(&s->rss, cmd->data, MPNIC_RSS_KEY_LEN);
		break;
	case MPNIC_TABLE_OP_FIND:
		model_find(d, cmd, rsp);
		break;
	default:
		abort();
	}
}
