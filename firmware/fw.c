/* SPDX-License-Identifier: BSD-3-Clause */
/* Start and loop. */
#include "boot.h"
#include "internal.h"

enum {
	NS_PER_MS = 1000000,
	BEAT_NS = MPNIC_HEARTBEAT_MS * NS_PER_MS,
	SCAN_NS = 5 * NS_PER_MS / 2, /* between two looks at some places of the stash */
	SCAN_PLACES = 8,
	IDS_MAX = FW_IDS_MAX,
	SOURCES = 64,
	NETWORKS = 256,
	KEY_TRIES = 16,
};

/* Microsoft's, which is everyone's for RSS. */
static const _Alignas(4) uint8_t default_rss_key[MPNIC_RSS_KEY_LEN] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* ---- start ---------------------------------------------------------------------------------- */

static void set_table(struct fw *fw, uint8_t which, uint32_t size, uint8_t key_words)
{
	fw->table[which] = (struct fw_table){
		.which = which, .key_words = key_words, .size = size, .mask = size / 8 - 1};
}

static bool size_ok(uint32_t size, uint32_t max)
{
	return size >= 8 && size <= max && !(size & (size - 1));
}

/* Returns false for hardware that it cannot keep account of. */
static bool read_sizes(struct fw *fw)
{
	const uint32_t geometry = hal_read(fw->hal, MPNIC_FW_GEOMETRY);
	uint32_t size[5];

	hal_read_words(fw->hal, MPNIC_FW_SIZES, size, 5);
	fw->flows = size[0];
	fw->stash = size[1];
	fw->conns = size[2];
	fw->ports = geometry & 0xff;
	fw->queues = geometry >> 8 & 0xff;
	fw->vectors = geometry >> 16;
	set_table(fw, MPNIC_TABLE_FLOW, size[0], FW_KEY_WORDS);
	set_table(fw, MPNIC_TABLE_STASH, size[1], FW_KEY_WORDS);
	set_table(fw, MPNIC_TABLE_MASKED, size[0], FW_KEY_WORDS);
	set_table(fw, MPNIC_TABLE_TOKEN, size[3], 1);
	set_table(fw, MPNIC_TABLE_PEER, size[4], 5);
	fw->token_ids.count = size[3];
	return size_ok(size[0], IDS_MAX) && size_ok(size[1], FW_STASH_MAX) && size[2] &&
	       size_ok(size[3], IDS_MAX) && size_ok(size[4], IDS_MAX) && fw->ports <= MPNIC_PORTS;
}

/* A key of zeros is refused by docs/state.md; a generator that gives no others is broken. */
static void draw_key(const struct fw *fw, uint32_t key[MPNIC_HASH_KEY_LEN / 4])
{
	unsigned int i, tries = KEY_TRIES;
	uint32_t differs;

	do {
		differs = 0;
		for (i = 0; i < MPNIC_HASH_KEY_LEN / 4; i++) {
			key[i] = hal_read(fw->hal, MPNIC_FW_RANDOM);
			differs |= key[i] ^ key[0];
		}
	} while (!differs && --tries);
	if (differs)
		return;
	fw_log(fw, FW_ERROR, "the random generator stands still: tables can be attacked");
	for (i = 0; i < MPNIC_HASH_KEY_LEN / 4; i++)
		key[i] ^= 0x9e3779b9 * (i + 1);
}

static void set_hash_key(struct fw *fw)
{
	uint32_t key[MPNIC_HASH_KEY_LEN / 4];

	draw_key(fw, key);
	fw_command_data(fw, MPNIC_TABLE_OP_HASH_KEY, 0, 0, key, sizeof(key));
	/* Nobody is to read it in what is left. */
	memset(key, 0, sizeof(key));
	fw_settle(fw);
	hal_write_words(fw->hal, MPNIC_FW_TABLE_CMD + offsetof(struct mpnic_table_cmd, data), key,
			MPNIC_HASH_KEY_LEN / 4);
}

static void fill_memories(const struct fw *fw)
{
	uint32_t i;

	for (i = 0; i < MPNIC_RULES; i++)
		fw_command(fw, MPNIC_TABLE_OP_RULE_OFF, 0, i);
	fw_command_data(fw, MPNIC_TABLE_OP_RSS_KEY, 0, 0, default_rss_key, sizeof(default_rss_key));
	for (i = 0; i < SOURCES; i++)
		fw_command_word(fw, MPNIC_TABLE_OP_NETWORK, i, 0);
	for (i = 0; i < NETWORKS; i++)
		fw_command_word(fw, MPNIC_TABLE_OP_FIRST_SYN, i, 0);
	for (i = 0; i < MPNIC_RETA_SIZE; i++)
		fw_command_word(fw, MPNIC_TABLE_OP_RETA, i, 0);
}

/* docs/state.md's defaults: entries for a source address; 1000 punted joins a second, 64 at once.
 */
static void set_settings(struct fw *fw)
{
	struct mpnic_settings *s = &fw->settings;

	memset(s, 0, sizeof(*s));
	memset(s->mask.lo_addr, 0xff, sizeof(s->mask.lo_addr));
	s->host_sources = 3u << MPNIC_SOURCE_HOST;
	s->join_interval = NS_PER_MS;
	s->join_slack = 63 * NS_PER_MS;
	s->miss.prio = UINT8_MAX;
	s->learnt.prio = UINT8_MAX;
	s->event_mask = ~(uint32_t)(MPNIC_SIGN_JOIN_UNKNOWN | MPNIC_SIGN_MALFORMED);
	s->prefix4 = 32;
	s->prefix6 = 128;
	hal_write_words(fw->hal, MPNIC_FW_SETTINGS, s, sizeof(*s) / 4);
	hal_write(fw->hal, MPNIC_FW_SETTINGS_GO, 1);
	while (hal_read(fw->hal, MPNIC_FW_SETTINGS_GO))
		;
}

void fw_start(struct fw *fw, const struct hal *hal)
{
	memset(fw, 0, sizeof(*fw));
	fw->hal = hal;
	/* What stands in the completion's window is not known. */
	fw->cpl_words = (sizeof(fw->cpl) - offsetof(struct mpnic_admin_cpl, data)) / 4;
	fw->now = hal_read64(hal, MPNIC_FW_TIME);
	hal_write(hal, MPNIC_FW_VERSION, FW_VERSION);
	fw_log_number(fw, FW_INFO, FW_NAME " firmware, version ", FW_VERSION);
	if (!read_sizes(fw)) {
		fw_log(fw, FW_ERROR, "tables of sizes that this firmware does not know");
		fw->ports = 0;
		fw->dead = true;
		hal_write(hal, MPNIC_FW_STATUS, MPNIC_FW_STATUS_BAD_HARDWARE);
		return;
	}
	set_hash_key(fw);
	fill_memories(fw);
	set_settings(fw);
	fw_flows_start(fw);
	fw_ports_start(fw);
	fw_flows_serve(fw);
	fw->beat_at = fw->now + BEAT_NS;
	fw->scan_at = fw->now + SCAN_NS;
	fw_alive(fw);
	hal_write(hal, MPNIC_FW_STATUS, MPNIC_FW_STATUS_RUNNING);
}

/* ---- loop ----------------------------------------------------------------------------------- */

/* One that comes late is one beat, not several: the host counts on it that each is a sign of life.
 */
static bool beat(struct fw *fw)
{
	if (fw->now < fw->beat_at)
		return false;
	fw_alive(fw);
	hal_write(fw->hal, MPNIC_FW_BEAT, ++fw->beat);
	fw->beat_at += BEAT_NS;
	if (fw->beat_at <= fw->now)
		fw->beat_at = fw->now + BEAT_NS;
	return true;
}

/* Between two of them admin commands have their turn, however late the next one is. */
static bool scan(struct fw *fw)
{
	if (fw->scanned || fw->now < fw->scan_at) {
		fw->scanned = false;
		return false;
	}
	fw->scanned = true;
	fw->scan_at = fw->now + SCAN_NS;
	fw_stash_scan(fw, min_u32(SCAN_PLACES, fw->stash));
	return true;
}

bool fw_poll(struct fw *fw)
{
	const uint32_t pending = hal_read(fw->hal, MPNIC_FW_PENDING);

	fw->now = hal_read64(fw->hal, MPNIC_FW_TIME);
	if (pending & MPNIC_FW_PENDING_MAILBOX) {
		boot_mailbox(fw->hal, NULL);
		return true;
	}
	if (fw->dead)
		return false;
	if (beat(fw))
		return true;
	if (pending & MPNIC_FW_PENDING_LINK) {
		fw_links(fw);
		return true;
	}
	if ((fw->link_due && fw_events_serve(fw)) || scan(fw))
		return true;
	fw_flows_serve(fw);
	/* The next command often comes meanwhile. */
	if (!(hal_read(fw->hal, MPNIC_FW_PENDING) & MPNIC_FW_PENDING_ADMIN)) {
		/* The host took the command back. */
		fw->busy = false;
		return false;
	}
	fw_admin(fw);
	return true;
}
