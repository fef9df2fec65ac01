/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pins: answers that an operator fixed for prefixes. A sorted array, in which the pin before a
 * peer's place is in the smallest prefix around it, or in one of the peer's own neighbours; from
 * there links lead to the prefixes around it.
 */
#include "peers_internal.h"

#include <errno.h>
#include <string.h>

struct ip_addr peers_mask(const struct ip_addr *addr, unsigned int bits)
{
	struct ip_addr out = {.version = addr->version};
	const unsigned int whole = bits / 8, rest = bits % 8;

	memcpy(out.bytes, addr->bytes, whole);
	if (rest)
		out.bytes[whole] = (uint8_t)(addr->bytes[whole] & 0xff00u >> rest);
	return out;
}

static int compare_prefix(const struct peers_pin *a, const struct peers_pin *b)
{
	int d = a->network - b->network;

	if (!d)
		d = a->addr.version - b->addr.version;
	if (!d)
		d = memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr.bytes));
	if (!d)
		d = a->bits - b->bits;
	return d;
}

static int compare(const struct peers_pin *a, const struct peers_pin *b)
{
	const int d = compare_prefix(a, b);

	return d ? d : a->port - b->port;
}

/* How many pins are not behind @pin. */
static uint32_t place(const struct peers_pins *pins, const struct peers_pin *pin)
{
	uint32_t low = 0, high = pins->count;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (compare(&pins->pin[middle], pin) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool covers(const struct peers_pin *pin, uint8_t network, const struct ip_addr *addr)
{
	const unsigned int whole = pin->bits / 8, rest = pin->bits % 8;

	if (pin->network != network || pin->addr.version != addr->version ||
	    memcmp(pin->addr.bytes, addr->bytes, whole))
		return false;
	return !rest || !((pin->addr.bytes[whole] ^ addr->bytes[whole]) & 0xff00u >> rest & 0xff);
}

static uint32_t around(const struct peers_pins *pins, uint32_t head, const struct peers_pin *pin)
{
	while (head != PEERS_NO_PIN && !covers(&pins->pin[head], pin->network, &pin->addr))
		head = pins->parent[head];
	return head;
}

/* After a change: groups, and who is around whom. Prefixes nest, so the one around is the one
 * before, or around that. */
static void link_pins(struct peers_pins *pins)
{
	uint32_t i, head = PEERS_NO_PIN;

	for (i = 0; i < pins->count; i++) {
		const struct peers_pin *pin = &pins->pin[i];

		if (head == PEERS_NO_PIN || compare_prefix(&pins->pin[head], pin)) {
			pins->parent[i] = around(pins, head, pin);
			pins->group[i] = 0;
			head = i;
		}
		pins->head[i] = head;
		pins->group[head]++;
	}
}

static const struct peers_pin *in_group(const struct peers_pins *pins, uint32_t head, uint16_t port)
{
	const struct peers_pin *group = &pins->pin[head];
	uint32_t low = 0, high = pins->group[head];

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (group[middle].port == port)
			return &group[middle];
		if (group[middle].port < port)
			low = middle + 1;
		else
			high = middle;
	}
	return group->port ? NULL : group;
}

const struct peers_pin *peers_pin_find(const struct peers_pins *pins, const struct peer_key *key)
{
	const struct peers_pin last = {
		.network = key->network,
		.addr = key->addr,
		.bits = UINT8_MAX,
		.port = UINT16_MAX,
	};
	uint32_t head;

	if (!pins->count || !key->port)
		return NULL;
	head = place(pins, &last);
	if (!head)
		return NULL;
	for (head = pins->head[head - 1]; head != PEERS_NO_PIN; head = pins->parent[head]) {
		const struct peers_pin *pin;

		if (!covers(&pins->pin[head], key->network, &key->addr))
			continue;
		pin = in_group(pins, head, key->port);
		if (pin)
			return pin;
	}
	return NULL;
}

int peers_pin_put(struct peers_pins *pins, const struct peers_pin *pin)
{
	const uint32_t at = place(pins, pin);

	if (at && !compare(&pins->pin[at - 1], pin)) {
		pins->pin[at - 1] = *pin;
		return 0;
	}
	if (pins->count == pins->max)
		return -ENOSPC;
	memmove(&pins->pin[at + 1], &pins->pin[at], (pins->count - at) * sizeof(*pin));
	pins->pin[at] = *pin;
	pins->count++;
	link_pins(pins);
	return 0;
}

int peers_pin_drop(struct peers_pins *pins, const struct peers_pin *pin)
{
	const uint32_t at = place(pins, pin);

	if (!at || compare(&pins->pin[at - 1], pin))
		return -ENOENT;
	memmove(&pins->pin[at - 1], &pins->pin[at], (pins->count - at) * sizeof(*pin));
	pins->count--;
	link_pins(pins);
	return 0;
}
