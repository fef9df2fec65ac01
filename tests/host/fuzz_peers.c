/* SPDX-License-Identifier: BSD-3-Clause */
/* libFuzzer: commands and observations from bytes, on a small cache; what must hold is checked. */
#include <stdlib.h>
#include <string.h>

#include "peers.h"

enum {
	CAPACITY = 32,
	PINS = 4
};

static const uint8_t *at, *end;

static uint32_t take(unsigned int n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 8 | (at < end ? *at++ : 0);
	return v;
}

static struct peer_key take_key(void)
{
	const uint32_t b = take(2);
	struct peer_key key = {
		.network = b & 1, .addr.version = b & 2 ? 6 : 4, .port = (uint16_t)(b >> 2 & 3)};

	key.addr.bytes[0] = (uint8_t)(b >> 8);
	key.addr.bytes[b >> 4 & 7] ^= (uint8_t)(b >> 8 & 3);
	return key;
}

static void check(const struct peers *p, const struct peers_change *change)
{
	struct peers_stats stats;
	struct peers_record r;
	uint32_t cursor = 0, n = 0;

	peers_stats(p, &stats);
	if (stats.entries > CAPACITY || stats.pins > PINS ||
	    stats.protected_entries > stats.entries)
		abort();
	while (peers_next(p, &cursor, &r)) {
		struct peers_record again;

		if (peers_record_wrong(&r) || peers_get(p, &r.key, &again))
			abort();
		n++;
	}
	if (n != stats.entries || change->answer > PEERS_NONE)
		abort();
}

/* One observation never turns a proven v1 round but the third in a row. */
static void see(struct peers *p, uint32_t now)
{
	const uint32_t b = take(2);
	struct sight s = {
		.peer = take_key(),
		.what = (enum sight_what)(b % (SIGHTS + 1)),
		.offer = (enum sight_offer)(b >> 8 & 3),
		.began_s = now - (b >> 10 & 63),
		.now_s = now,
	};
	struct peers_change change;
	struct peers_view before, after;

	peers_look(p, &s.peer, now, &before);
	if (peers_see(p, &s, &change))
		return;
	peers_look(p, &change.key, now, &after);
	if (change.key.port && before.learnt == PEERS_V1 && before.sure && !before.pinned &&
	    after.learnt != PEERS_V1 && before.run < 2)
		abort();
	if (before.pinned && after.answer != before.answer && change.key.port)
		abort();
	check(p, &change);
}

static void command(struct peers *p, uint32_t now, unsigned int which)
{
	struct peers_change change = {0};
	const struct peer_key key = take_key();
	struct peers_pin pin = {.network = key.network, .addr = key.addr, .port = key.port};
	struct peers_flush flush = {.network = key.network, .prefix = key.addr};
	uint32_t budget = 16;

	switch (which) {
	case 0:
		peers_set(p, &key, (enum peers_answer)take(1), now, &change);
		break;
	case 1:
		peers_remove(p, &key);
		break;
	case 2:
		pin.bits = (uint8_t)take(1);
		pin.answer = (uint8_t)take(1);
		peers_pin(p, &pin);
		break;
	case 3:
		pin.bits = (uint8_t)take(1);
		peers_unpin(p, &pin);
		break;
	case 4:
		flush.bits = (uint8_t)take(1);
		flush.all_addresses = take(1) & 1;
		peers_flush(p, &flush, NULL, NULL);
		break;
	case 5:
		peers_back_off(p, &key, now, &change);
		break;
	default:
		peers_age(p, now, &budget, &change);
		break;
	}
	check(p, &change);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct peers_config config;
	struct peers *p;
	uint32_t now = 1700000000;

	peers_defaults(&config);
	config.capacity = CAPACITY;
	config.pins = PINS;
	if (peers_new(&config, &p, NULL))
		abort();
	at = data;
	end = data + size;
	while (at < end) {
		const uint32_t b = take(1);

		/* Seconds, hours, years, and back again. */
		now += b & 0x80 ? take(1) : 0;
		now += (b & 0xc0) == 0x40 ? take(2) * 60 : 0;
		if ((b & 0xf8) == 0x38)
			now -= take(3);
		if ((b & 7) < 5)
			see(p, now);
		else
			command(p, now, take(1) % 7);
	}
	peers_free(p);
	return 0;
}
