/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to the firmware, but for its size: what it remembers. */
#ifndef MPNIC_FIRMWARE_FW_STATE_H
#define MPNIC_FIRMWARE_FW_STATE_H

enum {
	FW_TABLES = 5,	   /* enum table */
	FW_KEY_WORDS = 10, /* of 4 bytes, of the longest key */
};

struct fw_table {
	uint8_t which; /* enum table */
	uint8_t key_words;
	uint32_t size;
	uint32_t mask; /* buckets of one array, less 1 */
	uint32_t used, full, moved;
};

/* Ids from 0 on: 1 is taken. They are handed out in turns, so that one rests as long as it can. */
struct fw_ids {
	uint32_t count, used;
	uint32_t next;	/* where the search for a free one begins */
	uint32_t fresh; /* this one, and all behind it, were never handed out */
	uint32_t taken[FW_IDS_MAX / 32];
};

/* A bucket that a search has looked at. */
struct fw_node {
	uint16_t bucket;
	uint16_t from; /* parent << 5 | way << 3 | moves */
};

/* What firmware knows of a learnt flow, by its place in the stash. */
struct fw_learnt {
	uint32_t conn_id;
	uint32_t since; /* when it was seen first, in units of last_seen */
	uint16_t id;
	bool there, side_b;
};

/* What an admin command waits for, before it is answered. */
enum fw_wait {
	FW_WAIT_NONE,
	FW_WAIT_QUEUE,	  /* nothing of a queue is under way */
	FW_WAIT_SETTINGS, /* settings were taken over */
	FW_WAIT_TIMER,	  /* time goes on */
};

struct fw {
	const struct hal *hal;
	bool dead;		      /* hardware that it does not know */
	uint32_t flows, stash, conns; /* sizes */
	uint32_t vectors, queues, ports;

	uint64_t now; /* device time, ns, as read last */
	uint64_t beat_at;
	uint32_t beat;

	bool busy; /* cmd is being worked on */
	_Alignas(8) struct mpnic_admin_cmd cmd;
	_Alignas(8) struct mpnic_admin_cpl cpl;
	uint32_t cpl_words; /* of the window that are not zero, at most */
	enum fw_wait wait;
	uint64_t wait_since;
	uint32_t wait_polls;

	struct mpnic_settings settings;
	uint32_t rules[2]; /* bit i: index i is in use */
	struct fw_table table[FW_TABLES];
	struct fw_ids flow_ids, token_ids;
	uint32_t probe_max; /* how far a token's index is from where its search begins, at most */

	/* Ids that gates may give to learnt flows, in the order in which they take them. */
	uint16_t given[FW_STASH_MAX];
	uint32_t given_first, given_count;
	struct fw_learnt learnt[FW_STASH_MAX];
	uint32_t scan; /* the stash's place that is looked at next */
	uint64_t scan_at;
	bool scanned;	 /* by the poll before this one */
	uint32_t failed; /* bits self_test */

	uint16_t draining[FW_DRAINING];
	uint32_t drained_at[FW_DRAINING]; /* in units of last_seen */
	uint32_t drain_first, drain_count;

	uint8_t link_up;  /* bit p: port p's link, as last seen */
	uint8_t link_due; /* an event is to tell of it */

	_Alignas(4) struct fw_node nodes[FW_SEARCHED];
};

#endif
