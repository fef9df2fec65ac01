/* SPDX-License-Identifier: BSD-3-Clause */
/* What firmware can find out about itself while everything runs. */
#include "internal.h"

enum {
	TRIED = 256,	     /* places that are looked at for a free one */
	TIMER_POLLS = 50000, /* polls in which time should have gone on */
};

/* Where a search remembers buckets: between two insertions nothing is there. */
static bool ram_ok(struct fw *fw)
{
	static const uint32_t patterns[] = {0x55555555, 0xaaaaaaaa, 0x00000000, 0xffffffff};
	volatile hal_word *word = (volatile hal_word *)fw->nodes;
	const uint32_t words = sizeof(fw->nodes) / 4;
	uint32_t i, p;

	for (p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++) {
		for (i = 0; i < words; i++)
			word[i] = patterns[p] ^ i;
		fw_alive(fw);
		for (i = 0; i < words; i++) {
			if (word[i] != (patterns[p] ^ i))
				return false;
		}
		fw_alive(fw);
	}
	return true;
}

/* A key of no kind: whatever passes meanwhile, nothing is looked up by it. */
static bool place_ok(const struct fw *fw, const struct fw_table *t, uint32_t place)
{
	const uint32_t value = 0x5a5a & (t->size - 1);
	struct fw_key key, back;
	uint32_t i, got;
	bool good;

	for (i = 0; i < FW_KEY_WORDS; i++)
		key.word[i] = 0xa5a5a5a5 ^ i;
	key.word[FW_KEY_WORDS - 1] &= 0x00ffffff;
	fw_place_write(fw, t, place, &key, value);
	good = fw_place_read(fw, t, place, &back, &got) && !memcmp(&key, &back, sizeof(key)) &&
	       got == value;
	fw_place_clear(fw, t, place);
	return good && !fw_place_read(fw, t, place, &back, &got);
}

static bool table_ok(const struct fw *fw)
{
	const struct fw_table *t = &fw->table[MPNIC_TABLE_FLOW];
	const uint32_t from = hal_read(fw->hal, MPNIC_FW_RANDOM);
	struct fw_key key;
	uint32_t i, value;

	fw_alive(fw);
	for (i = 0; i < TRIED; i++) {
		const uint32_t place = (from + i) & (t->size - 1);

		if (!fw_place_read(fw, t, place, &key, &value))
			return place_ok(fw, t, place);
	}
	/* Nothing is free there: nothing can be said. */
	return true;
}

uint32_t fw_self_test(struct fw *fw)
{
	if (fw->wait != FW_WAIT_TIMER) {
		fw->failed = (ram_ok(fw) ? 0 : MPNIC_SELF_TEST_RAM) |
			     (table_ok(fw) ? 0 : MPNIC_SELF_TEST_TABLE);
		fw->wait = FW_WAIT_TIMER;
		fw->wait_since = fw->now;
		fw->wait_polls = 0;
		return FW_LATER;
	}
	if (fw->now == fw->wait_since) {
		if (fw->wait_polls++ < TIMER_POLLS)
			return FW_LATER;
		fw->failed |= MPNIC_SELF_TEST_TIMER;
	}
	if (fw->failed)
		fw_log_number(fw, FW_ERROR, "self-test failed, bits ", fw->failed);
	memcpy(fw->cpl.data, &fw->failed, sizeof(fw->failed));
	return MPNIC_STATUS_OK;
}
