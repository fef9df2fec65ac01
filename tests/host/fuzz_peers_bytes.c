/* SPDX-License-Identifier: BSD-3-Clause */
/* libFuzzer: bytes of a record, as a store has them. What is accepted is the same when it is
 * written again, and a cache takes it. */
#include <stdlib.h>
#include <string.h>

#include "peers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const uint8_t *data, size_t size, const struct peers_item *item)
{
	uint8_t key[PEERS_KEY_SIZE], value[PEERS_VALUE_SIZE];
	const size_t len = item->kind == PEERS_KIND_PIN ? PEERS_PIN_SIZE : PEERS_VALUE_SIZE;

	if (item->kind == PEERS_KIND_PIN)
		peers_encode_pin(&item->pin, key, value);
	else
		peers_encode(&item->record, key, value);
	if (size != PEERS_KEY_SIZE + len || memcmp(data, key, PEERS_KEY_SIZE) ||
	    memcmp(data + PEERS_KEY_SIZE, value, len))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t key_len = size < PEERS_KEY_SIZE ? size : PEERS_KEY_SIZE;
	static struct peers *p;
	struct peers_item item;
	uint32_t now = 1700000000;

	if (!p) {
		struct peers_config config;

		peers_defaults(&config);
		config.capacity = 8;
		config.pins = 8;
		if (peers_new(&config, &p, NULL))
			abort();
	}
	if (peers_decode(data, key_len, data + key_len, size - key_len, &item))
		return 0;
	same(data, size, &item);
	if (item.kind == PEERS_KIND_PIN) {
		if (peers_pin(p, &item.pin) == -22)
			abort();
		peers_unpin(p, &item.pin);
	} else {
		struct peers_view view;

		if (peers_import(p, &item.record, now, NULL))
			abort();
		peers_look(p, &item.record.key, now, &view);
		if (!view.known)
			abort();
	}
	return 0;
}
