/* SPDX-License-Identifier: BSD-3-Clause */
/* Tokens, peers, rules, connections, settings, small memories, counters. */
#include "internal.h"

enum {
	SOURCES = 64,
	NETWORKS = 256,
	RETA_PART = 48,
	COUNTERS = 116, /* docs/state.md, "Counters" */
	COUNTERS_PART = 12,
	JOIN_POLICY_MAX = MPNIC_JOIN_DROP, /* of bits 1:0 */
	JOIN_FULL = 4,
	PREFIX4_MAX = 32,
	PREFIX6_MAX = 128,
	TOKEN_BITS = MPNIC_TOKEN_ENTRY_SIDE_B | MPNIC_TOKEN_ENTRY_PUNT,
	CONN_BITS = MPNIC_CONN_CSUM | MPNIC_CONN_TCP | MPNIC_CONN_QUEUE,
	PEER_KEY = offsetof(struct mpnic_peer_entry, speaks),
};

uint32_t fw_action_check(const struct fw *fw, const struct mpnic_action *action)
{
	/* REWRITE is reserved: what is not done is not promised. */
	if (action->actions >= MPNIC_ACTION_REWRITE || action->except >= 2 * MPNIC_EXCEPT_OUTRANKED)
		return MPNIC_STATUS_INVALID;
	if ((action->actions & MPNIC_ACTION_QUEUE) && action->rx_queue >= fw->queues)
		return MPNIC_STATUS_RANGE;
	return MPNIC_STATUS_OK;
}

/* ---- tokens --------------------------------------------------------------------------------- */

/*
 * Of a learnt flow its connection is known, not its token. So a token's index is the first free one
 * from a number on that follows from connection and side: from there it is searched, no further
 * than one ever had to go.
 */
static uint32_t index_from(const struct fw *fw, uint32_t conn_id, bool side_b)
{
	return (conn_id * 2 + side_b) & (fw->token_ids.count - 1);
}

/* The token of side A brings flows that B opens. */
uint32_t fw_token_index(struct fw *fw, uint32_t conn_id, bool side_b)
{
	const uint32_t mask = fw->token_ids.count - 1;
	const uint32_t first = index_from(fw, conn_id, !side_b);
	struct mpnic_token_entry entry;
	uint32_t i;

	for (i = 0; i <= fw->probe_max; i++) {
		const uint32_t index = (first + i) & mask;

		if (!fw_ids_taken(&fw->token_ids, index))
			continue;
		fw_command(fw, MPNIC_TABLE_OP_TOKEN_READ, 0, index);
		fw_answer(fw, &entry, sizeof(entry));
		if (entry.conn_id == conn_id && !(entry.flags & MPNIC_TOKEN_ENTRY_SIDE_B) == side_b)
			return index;
	}
	return FW_NONE;
}

static bool find_token(struct fw *fw, uint32_t token, struct mpnic_table_found *seen,
		       struct fw_found *found)
{
	const struct fw_key key = {.word = {token}};

	fw_look(fw, &key, seen);
	return fw_table_find(fw, &fw->table[MPNIC_TABLE_TOKEN], &key, seen, found);
}

uint32_t fw_token_add(struct fw *fw)
{
	struct fw_table *t = &fw->table[MPNIC_TABLE_TOKEN];
	struct mpnic_token_entry entry;
	struct mpnic_table_found seen;
	struct fw_found found;
	struct fw_key key;
	uint32_t place, index, from;

	memcpy(&entry, fw->cmd.data, sizeof(entry));
	key = (struct fw_key){.word = {entry.token}};
	if (entry.reserved || (entry.flags & (uint8_t)~TOKEN_BITS))
		return MPNIC_STATUS_INVALID;
	if (entry.conn_id >= fw->conns)
		return MPNIC_STATUS_RANGE;
	if (find_token(fw, entry.token, &seen, &found))
		return MPNIC_STATUS_EXISTS;
	place = fw_table_make_room(fw, t, &seen, &found);
	if (place == FW_NONE)
		return MPNIC_STATUS_FULL;
	/* There are as many as there are places. */
	from = index_from(fw, entry.conn_id, entry.flags & MPNIC_TOKEN_ENTRY_SIDE_B);
	index = fw_ids_take_from(&fw->token_ids, from);
	from = (index - from) & (fw->token_ids.count - 1);
	if (from > fw->probe_max)
		fw->probe_max = from;
	fw_command_data(fw, MPNIC_TABLE_OP_TOKEN, 0, index, &entry, sizeof(entry));
	fw_place_write(fw, t, place, &key, index);
	t->used++;
	return MPNIC_STATUS_OK;
}

uint32_t fw_token_remove(struct fw *fw)
{
	struct fw_table *t = &fw->table[MPNIC_TABLE_TOKEN];
	struct mpnic_token_entry entry;
	struct mpnic_table_found seen;
	struct fw_found found;

	memcpy(&entry, fw->cmd.data, sizeof(entry));
	if (!find_token(fw, entry.token, &seen, &found))
		return MPNIC_STATUS_MISSING;
	fw_place_clear(fw, t, found.place);
	fw_ids_free(&fw->token_ids, found.value);
	t->used--;
	return MPNIC_STATUS_OK;
}

uint32_t fw_token_get(struct fw *fw)
{
	struct mpnic_token_entry entry;
	struct mpnic_table_found seen;
	struct fw_found found;
	uint32_t token;

	memcpy(&token, fw->cmd.data, sizeof(token));
	if (!find_token(fw, token, &seen, &found))
		return MPNIC_STATUS_MISSING;
	fw_command(fw, MPNIC_TABLE_OP_TOKEN_READ, 0, found.value);
	fw_answer(fw, &entry, sizeof(entry));
	entry.token = token;
	memcpy(fw->cpl.data, &entry, sizeof(entry));
	return MPNIC_STATUS_OK;
}

/* ---- peers ---------------------------------------------------------------------------------- */

/* Bits behind the prefix are zero, or no look-up finds it. */
static bool prefix_ok(const struct fw *fw, const struct mpnic_peer_entry *peer)
{
	const unsigned int bits =
		peer->ip_version == 4 ? fw->settings.prefix4 : fw->settings.prefix6;
	const unsigned int whole = bits / 8;

	if (whole >= sizeof(peer->addr))
		return true;
	return !(peer->addr[whole] & 0xff >> bits % 8) &&
	       all_zero(peer->addr + whole + 1, sizeof(peer->addr) - whole - 1);
}

static bool peer_key_ok(const struct fw *fw, const struct mpnic_peer_entry *peer)
{
	if (peer->ip_version != 4 && peer->ip_version != 6)
		return false;
	if (peer->ip_version == 4 && !all_zero(peer->addr + 4, sizeof(peer->addr) - 4))
		return false;
	return prefix_ok(fw, peer);
}

static struct fw_key peer_key(const struct mpnic_peer_entry *peer)
{
	struct fw_key key = {{0}};

	memcpy(&key, peer, PEER_KEY);
	return key;
}

static bool find_peer(struct fw *fw, const struct fw_key *key, struct mpnic_table_found *seen,
		      struct fw_found *found)
{
	fw_look(fw, key, seen);
	return fw_table_find(fw, &fw->table[MPNIC_TABLE_PEER], key, seen, found);
}

uint32_t fw_peer_set(struct fw *fw)
{
	struct fw_table *t = &fw->table[MPNIC_TABLE_PEER];
	struct mpnic_peer_entry peer;
	struct mpnic_table_found seen;
	struct fw_found found;
	struct fw_key key;
	uint32_t place;
	bool there;

	memcpy(&peer, fw->cmd.data, sizeof(peer));
	if (!peer_key_ok(fw, &peer) || peer.speaks > MPNIC_SPEAKS_NONE ||
	    peer.first_syn > MPNIC_FIRST_SYN_PUNT ||
	    !all_zero(peer.reserved, sizeof(peer.reserved)))
		return MPNIC_STATUS_INVALID;
	key = peer_key(&peer);
	there = find_peer(fw, &key, &seen, &found);
	place = there ? found.place : fw_table_make_room(fw, t, &seen, &found);
	if (place == FW_NONE)
		return MPNIC_STATUS_FULL;
	fw_place_write(fw, t, place, &key, peer.speaks | (uint32_t)peer.first_syn << 8);
	t->used += !there;
	return MPNIC_STATUS_OK;
}

uint32_t fw_peer_remove(struct fw *fw)
{
	struct fw_table *t = &fw->table[MPNIC_TABLE_PEER];
	struct mpnic_peer_entry peer;
	struct mpnic_table_found seen;
	struct fw_found found;
	struct fw_key key;

	memcpy(&peer, fw->cmd.data, sizeof(peer));
	key = peer_key(&peer);
	if (!find_peer(fw, &key, &seen, &found))
		return MPNIC_STATUS_MISSING;
	fw_place_clear(fw, t, found.place);
	t->used--;
	return MPNIC_STATUS_OK;
}

uint32_t fw_peer_get(struct fw *fw)
{
	struct mpnic_peer_entry peer;
	struct mpnic_table_found seen;
	struct fw_found found;
	struct fw_key key;

	memcpy(&peer, fw->cmd.data, sizeof(peer));
	key = peer_key(&peer);
	if (!find_peer(fw, &key, &seen, &found))
		return MPNIC_STATUS_MISSING;
	peer.speaks = (uint8_t)found.value;
	peer.first_syn = (uint8_t)(found.value >> 8);
	memset(peer.reserved, 0, sizeof(peer.reserved));
	memcpy(fw->cpl.data, &peer, sizeof(peer));
	return MPNIC_STATUS_OK;
}

/* ---- rules, connections --------------------------------------------------------------------- */

uint32_t fw_rule_set(struct fw *fw)
{
	const uint32_t index = fw->cmd.id, bit = 1u << index % 32;
	struct mpnic_rule rule;

	memcpy(&rule, fw->cmd.data, sizeof(rule));
	if (index >= MPNIC_RULES)
		return MPNIC_STATUS_RANGE;
	if (rule.valid > 1)
		return MPNIC_STATUS_INVALID;
	if (rule.valid) {
		const struct mpnic_action action = {.rx_queue = rule.rx_queue,
						    .actions = rule.actions};
		const uint32_t status = fw_action_check(fw, &action);

		if (status)
			return status;
	}
	fw_command(fw, MPNIC_TABLE_OP_RULE_OFF, 0, index);
	fw->rules[index / 32] &= ~bit;
	if (!rule.valid)
		return MPNIC_STATUS_OK;
	fw_command_data(fw, MPNIC_TABLE_OP_RULE_LOAD, 0, index, &rule, sizeof(rule));
	fw_command(fw, MPNIC_TABLE_OP_RULE_ON, 0, index);
	fw->rules[index / 32] |= bit;
	return MPNIC_STATUS_OK;
}

uint32_t fw_rule_get(struct fw *fw)
{
	const uint32_t index = fw->cmd.id;

	if (index >= MPNIC_RULES)
		return MPNIC_STATUS_RANGE;
	if (!(fw->rules[index / 32] >> index % 32 & 1))
		return MPNIC_STATUS_MISSING;
	fw_command(fw, MPNIC_TABLE_OP_RULE_READ, 0, index);
	fw_answer(fw, fw->cpl.data, 20);
	return MPNIC_STATUS_OK;
}

uint32_t fw_conn_set(struct fw *fw)
{
	const uint32_t id = fw->cmd.id;
	struct mpnic_conn conn;
	uint32_t fixed[3] = {0};

	memcpy(&conn, fw->cmd.data, sizeof(conn));
	if (id >= fw->conns)
		return MPNIC_STATUS_RANGE;
	if (conn.version > MPNIC_GIVEN_UNKNOWN || (conn.flags & (uint8_t)~CONN_BITS) ||
	    !all_zero(conn.reserved, sizeof(conn.reserved)))
		return MPNIC_STATUS_INVALID;
	if ((conn.flags & MPNIC_CONN_QUEUE) && conn.rx_queue >= fw->queues)
		return MPNIC_STATUS_RANGE;
	fw_command_word(fw, MPNIC_TABLE_OP_CONN, id,
			conn.rx_queue | (uint32_t)conn.version << 16 | (uint32_t)conn.flags << 24);
	memcpy(fixed, &conn.idsn[0], sizeof(conn.idsn[0]));
	fixed[2] = conn.flags;
	fw_command_data(fw, MPNIC_TABLE_OP_DSS_WRITE, MPNIC_DSS_MEM_CONN, id, fixed, sizeof(fixed));
	fw_command_data(fw, MPNIC_TABLE_OP_DSS_WRITE, MPNIC_DSS_MEM_NEXT, id, conn.dsn_next,
			sizeof(conn.dsn_next));
	return MPNIC_STATUS_OK;
}

/* ---- small memories ------------------------------------------------------------------------- */

uint32_t fw_network_set(struct fw *fw)
{
	const uint32_t network = fw->cmd.data[0];

	if (fw->cmd.id >= SOURCES)
		return MPNIC_STATUS_RANGE;
	fw_command_word(fw, MPNIC_TABLE_OP_NETWORK, fw->cmd.id, network);
	return MPNIC_STATUS_OK;
}

uint32_t fw_network_default(struct fw *fw)
{
	const uint32_t first_syn = fw->cmd.data[0];

	if (fw->cmd.id >= NETWORKS)
		return MPNIC_STATUS_RANGE;
	if (first_syn > MPNIC_FIRST_SYN_PUNT)
		return MPNIC_STATUS_INVALID;
	fw_command_word(fw, MPNIC_TABLE_OP_FIRST_SYN, fw->cmd.id, first_syn);
	return MPNIC_STATUS_OK;
}

uint32_t fw_reta_set(struct fw *fw)
{
	const uint32_t first = fw->cmd.id, count = fw->cmd.arg;
	uint16_t queue[RETA_PART];
	uint32_t i;

	if (!count || count > RETA_PART)
		return MPNIC_STATUS_INVALID;
	if (first >= MPNIC_RETA_SIZE || count > MPNIC_RETA_SIZE - first)
		return MPNIC_STATUS_RANGE;
	memcpy(queue, fw->cmd.data, sizeof(queue));
	for (i = 0; i < count; i++) {
		if (queue[i] >= fw->queues)
			return MPNIC_STATUS_RANGE;
	}
	if (!all_zero(queue + count, sizeof(queue) - count * sizeof(queue[0])))
		return MPNIC_STATUS_INVALID;
	for (i = 0; i < count; i++)
		fw_command_word(fw, MPNIC_TABLE_OP_RETA, first + i, queue[i]);
	return MPNIC_STATUS_OK;
}

uint32_t fw_rss_key_set(struct fw *fw)
{
	fw_command_data(fw, MPNIC_TABLE_OP_RSS_KEY, 0, 0, fw->cmd.data, MPNIC_RSS_KEY_LEN);
	return MPNIC_STATUS_OK;
}

/* ---- settings ------------------------------------------------------------------------------- */

uint32_t fw_settings_get(struct fw *fw)
{
	memcpy(fw->cpl.data, &fw->settings, sizeof(fw->settings));
	return MPNIC_STATUS_OK;
}

static uint32_t check_settings(const struct fw *fw, const struct mpnic_settings *s)
{
	const struct mpnic_settings *old = &fw->settings;
	uint32_t status, i, learnt = 0;

	if (s->exact_vlan > 1 || s->prefix4 > PREFIX4_MAX || s->prefix6 > PREFIX6_MAX ||
	    (s->join_policy & ~JOIN_FULL) > JOIN_POLICY_MAX || s->miss.except || s->learnt.except)
		return MPNIC_STATUS_INVALID;
	status = fw_action_check(fw, &s->miss);
	if (!status)
		status = fw_action_check(fw, &s->learnt);
	if (status)
		return status;
	/* Keys that are there were made under the old ones, and would be found no more. */
	for (i = 0; i < fw->stash; i++)
		learnt |= fw->learnt[i].there;
	if ((fw->table[MPNIC_TABLE_MASKED].used && memcmp(&s->mask, &old->mask, sizeof(s->mask))) ||
	    ((fw->table[MPNIC_TABLE_FLOW].used || learnt) && s->exact_vlan != old->exact_vlan) ||
	    (fw->table[MPNIC_TABLE_PEER].used &&
	     (s->prefix4 != old->prefix4 || s->prefix6 != old->prefix6)))
		return MPNIC_STATUS_BUSY;
	return MPNIC_STATUS_OK;
}

uint32_t fw_settings_set(struct fw *fw)
{
	struct mpnic_settings settings;
	uint32_t status;

	if (fw->wait == FW_WAIT_SETTINGS)
		return hal_read(fw->hal, MPNIC_FW_SETTINGS_GO) ? (uint32_t)FW_LATER
							       : MPNIC_STATUS_OK;
	memcpy(&settings, fw->cmd.data, sizeof(settings));
	status = check_settings(fw, &settings);
	if (status)
		return status;
	fw->settings = settings;
	hal_write_words(fw->hal, MPNIC_FW_SETTINGS, &settings, sizeof(settings) / 4);
	hal_write(fw->hal, MPNIC_FW_SETTINGS_GO, 1);
	fw->wait = FW_WAIT_SETTINGS;
	return FW_LATER;
}

/* ---- statistics ----------------------------------------------------------------------------- */

uint32_t fw_stats(struct fw *fw)
{
	const uint32_t first = fw->cmd.arg;
	uint32_t i;

	if (fw->cmd.id >= SOURCES || first >= COUNTERS)
		return MPNIC_STATUS_RANGE;
	for (i = 0; i < COUNTERS_PART && first + i < COUNTERS; i++) {
		fw_command(fw, MPNIC_TABLE_OP_COUNT, (uint8_t)fw->cmd.id, first + i);
		fw_answer(fw, fw->cpl.data + 8 * i, 8);
	}
	return MPNIC_STATUS_OK;
}

uint32_t fw_tables(struct fw *fw)
{
	struct mpnic_admin_tables *out = (struct mpnic_admin_tables *)fw->cpl.data;
	uint32_t i;

	/* Gates alone know how full it is. */
	fw_stash_scan(fw, fw->stash);
	for (i = 0; i < FW_TABLES; i++) {
		out->used[i] = fw->table[i].used;
		out->size[i] = fw->table[i].size;
		out->full[i] = fw->table[i].full;
		out->moved[i] = fw->table[i].moved;
	}
	for (i = 0; i < fw->stash; i++)
		out->used[MPNIC_TABLE_STASH] += fw->learnt[i].there;
	out->free_ids = fw->flow_ids.count - fw->flow_ids.used;
	out->given_ids = fw->given_count;
	return MPNIC_STATUS_OK;
}
