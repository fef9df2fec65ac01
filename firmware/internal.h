/* SPDX-License-Identifier: BSD-3-Clause */
/* Private: what the firmware's files share. */
#ifndef MPNIC_FIRMWARE_INTERNAL_H
#define MPNIC_FIRMWARE_INTERNAL_H

#include "fw.h"
#include "util.h"

#define FW_NONE UINT32_MAX /* no place, no id, no index */

enum {
	TICK_SHIFT = 20,   /* of last_seen: units of 2^20 ns */
	FW_LATER = 0xffff, /* instead of a status: ask again, the command is not done yet */
	KEY_MASKED = 0x80, /* of key.kind */
};

/* A table's key, zeros behind shorter ones. */
struct fw_key {
	uint32_t word[FW_KEY_WORDS];
};

static inline uint32_t fw_tick(const struct fw *fw)
{
	return (uint32_t)(fw->now >> TICK_SHIFT);
}

/* Serve the watchdog: in each heartbeat, and within what takes long. */
static inline void fw_alive(const struct fw *fw)
{
	hal_write(fw->hal, MPNIC_FW_WATCHDOG, FW_WATCHDOG_MS);
}

/* ---- log.c ---------------------------------------------------------------------------------- */

/* A line, in pieces: the level's name and the time, text and numbers, its end. */
enum fw_level {
	FW_ERROR,
	FW_WARN,
	FW_INFO
};
void fw_log(const struct fw *fw, enum fw_level level, const char *text);
void fw_log_number(const struct fw *fw, enum fw_level level, const char *text, uint32_t number);
/* @bytes: not trusted, up to @len or a zero. */
void fw_log_bytes(const struct fw *fw, enum fw_level level, const char *text, const uint8_t *bytes,
		  size_t len);

/* ---- the table port: a command at a time ---------------------------------------------------- */

enum {
	FW_CMD_DATA = MPNIC_FW_TABLE_CMD + offsetof(struct mpnic_table_cmd, data),
};

/*
 * Until the last command is done: before the windows are touched otherwise than by these, and
 * before anyone is told of what it did. Most take a few clocks, in which firmware goes on; HASH_KEY
 * and RULE_LOAD thousands. Gates that never answer are for the watchdog.
 */
static inline void fw_settle(const struct fw *fw)
{
	while (hal_read(fw->hal, MPNIC_FW_TABLE_GO))
		;
}

/* The command whose data stand in the window. */
static inline void fw_go(const struct fw *fw, uint8_t op, uint8_t which, uint32_t id)
{
	hal_write(fw->hal, MPNIC_FW_TABLE_CMD, (uint32_t)(op | which << 8));
	hal_write(fw->hal, MPNIC_FW_TABLE_CMD + offsetof(struct mpnic_table_cmd, id), id);
	hal_write(fw->hal, MPNIC_FW_TABLE_GO, 1);
}

/* A command without data; with a word of it; with @len bytes of it, a multiple of 4. */
static inline void fw_command(const struct fw *fw, uint8_t op, uint8_t which, uint32_t id)
{
	fw_settle(fw);
	fw_go(fw, op, which, id);
}

static inline void fw_command_word(const struct fw *fw, uint8_t op, uint32_t id, uint32_t word)
{
	fw_settle(fw);
	hal_write(fw->hal, FW_CMD_DATA, word);
	fw_go(fw, op, 0, id);
}

static inline void fw_command_data(const struct fw *fw, uint8_t op, uint8_t which, uint32_t id,
				   const void *data, size_t len)
{
	fw_settle(fw);
	hal_write_words(fw->hal, FW_CMD_DATA, data, (unsigned int)(len / 4));
	fw_go(fw, op, which, id);
}

/* The answer of the last command. */
static inline void fw_answer(const struct fw *fw, void *to, size_t len)
{
	fw_settle(fw);
	hal_read_words(fw->hal, MPNIC_FW_TABLE_RSP, to, (unsigned int)(len / 4));
}

/* ---- table.c -------------------------------------------------------------------------------- */

/* A key's hash, and what a look-up by it sees. */
void fw_look(const struct fw *fw, const struct fw_key *key, struct mpnic_table_found *seen);

/* What stands at a place; false: nothing. */
bool fw_place_read(const struct fw *fw, const struct fw_table *t, uint32_t place,
		   struct fw_key *key, uint32_t *value);
void fw_place_write(const struct fw *fw, const struct fw_table *t, uint32_t place,
		    const struct fw_key *key, uint32_t value);
void fw_place_clear(const struct fw *fw, const struct fw_table *t, uint32_t place);

/* What a look-up finds: place and value if the key is there; else the first free one of its places,
 * or FW_NONE. */
struct fw_found {
	uint32_t place, value, free;
};

/* @seen: of the key, from fw_look(). */
bool fw_table_find(const struct fw *fw, const struct fw_table *t, const struct fw_key *key,
		   const struct mpnic_table_found *seen, struct fw_found *found);
/* Behind a look-up that found nothing: moves entries as docs/state.md says, "Insertion". Returns
 * a free place for the key, or FW_NONE with nothing changed. */
uint32_t fw_table_make_room(struct fw *fw, struct fw_table *t, const struct mpnic_table_found *seen,
			    const struct fw_found *found);

/* ---- ids.c ---------------------------------------------------------------------------------- */

/* Returns an id, or FW_NONE. @first: it was never handed out before. */
uint32_t fw_ids_take(struct fw_ids *ids, bool *first);
/* The first free one from @from on, in turns. */
uint32_t fw_ids_take_from(struct fw_ids *ids, uint32_t from);
void fw_ids_free(struct fw_ids *ids, uint32_t id);
static inline bool fw_ids_taken(const struct fw_ids *ids, uint32_t id)
{
	return ids->taken[id / 32] >> id % 32 & 1;
}

/* ---- flows.c: flows, the stash, tokens ------------------------------------------------------ */

void fw_flows_start(struct fw *fw);
/* Ids that have rested are free; gates have ids to give. */
void fw_flows_serve(struct fw *fw);
/* Look at the next places of the stash. */
void fw_stash_scan(struct fw *fw, unsigned int places);

uint32_t fw_flow_add(struct fw *fw);
uint32_t fw_flow_remove(struct fw *fw);
uint32_t fw_flow_set(struct fw *fw);
uint32_t fw_flow_get(struct fw *fw);
uint32_t fw_flow_dss_set(struct fw *fw);
uint32_t fw_flow_confirm(struct fw *fw);
uint32_t fw_age(struct fw *fw);

/* ---- tables.c: tokens, peers, rules, connections, small memories ---------------------------- */

/* Of the token that flows of this connection are learnt by. Returns its index, or FW_NONE. */
uint32_t fw_token_index(struct fw *fw, uint32_t conn_id, bool side_b);

uint32_t fw_token_add(struct fw *fw);
uint32_t fw_token_remove(struct fw *fw);
uint32_t fw_token_get(struct fw *fw);
uint32_t fw_peer_set(struct fw *fw);
uint32_t fw_peer_remove(struct fw *fw);
uint32_t fw_peer_get(struct fw *fw);
uint32_t fw_rule_set(struct fw *fw);
uint32_t fw_rule_get(struct fw *fw);
uint32_t fw_conn_set(struct fw *fw);
uint32_t fw_network_set(struct fw *fw);
uint32_t fw_network_default(struct fw *fw);
uint32_t fw_reta_set(struct fw *fw);
uint32_t fw_rss_key_set(struct fw *fw);
uint32_t fw_settings_get(struct fw *fw);
uint32_t fw_settings_set(struct fw *fw);
uint32_t fw_stats(struct fw *fw);
uint32_t fw_tables(struct fw *fw);
/* Returns a status: whether an action may be given to an entry. */
uint32_t fw_action_check(const struct fw *fw, const struct mpnic_action *action);

/* ---- ports.c: ports, addresses, queues, vectors --------------------------------------------- */

void fw_ports_start(struct fw *fw);
/* The link of a port changed: remember that an event is due. */
void fw_links(struct fw *fw);
/* Queue the event that is due (link_due), if there is room. Returns whether it was. */
bool fw_events_serve(struct fw *fw);
/* An event may be queued. */
bool fw_event_room(const struct fw *fw);
void fw_event(const struct fw *fw, uint8_t kind, const struct mpnic_event *body);

uint32_t fw_port_get(struct fw *fw);
uint32_t fw_port_set(struct fw *fw);
uint32_t fw_mac_add(struct fw *fw);
uint32_t fw_mac_remove(struct fw *fw);
uint32_t fw_queue_create(struct fw *fw);
uint32_t fw_queue_destroy(struct fw *fw);
uint32_t fw_queue_get(struct fw *fw);
uint32_t fw_vector_set(struct fw *fw);

/* ---- admin.c -------------------------------------------------------------------------------- */

/* Work on the admin command that waits. */
void fw_admin(struct fw *fw);

/* ---- selftest.c ----------------------------------------------------------------------------- */

uint32_t fw_self_test(struct fw *fw);

#endif
