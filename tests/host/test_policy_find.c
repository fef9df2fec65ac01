/* SPDX-License-Identifier: BSD-3-Clause */
/* Which rules are for whom: longest prefix, inheritance field by field, networks. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "build.h"
#include "policy.h"

static struct policy_prefix prefix4(uint32_t addr, uint8_t bits, uint16_t port, int network,
				    enum policy_setting setting, uint32_t value)
{
	struct policy_prefix prefix = {.bits = bits, .port = port, .network = network, .line = 7};

	prefix.addr.version = 4;
	put32(prefix.addr.bytes, addr);
	prefix.values.set = 1u << setting;
	prefix.values.value[setting] = value;
	return prefix;
}

static struct peer_key peer4(uint8_t network, uint32_t addr, uint16_t port)
{
	struct peer_key peer = {.network = network, .port = port, .addr = {.version = 4}};

	put32(peer.addr.bytes, addr);
	return peer;
}

static uint32_t find(const struct policy *policy, struct peer_key peer, enum policy_setting setting)
{
	struct policy_rules rules;

	policy_find(policy, &peer, &rules);
	return rules.value[setting];
}

static void add(struct policy *policy, struct policy_prefix prefix)
{
	cr_assert_eq(policy_prefix_add(policy, &prefix), 0);
}

static void seal(struct policy *policy)
{
	uint32_t line[2];

	cr_assert_eq(policy_seal(policy, line), 0);
}

#define STRIP POLICY_STRIP_FROM

Test(policy_find, nothing_configured_is_what_is_built_in)
{
	struct policy *policy = policy_create();
	struct peer_key peer = peer4(200, 0x0a000001, 80);
	struct policy_rules rules;
	char text[64];

	policy_find(policy, &peer, &rules);
	for (unsigned int s = 0; s < POLICY_SETTINGS; s++) {
		cr_assert_eq(rules.value[s], policy_settings[s].initial);
		policy_origin(policy, rules.from[s], text, sizeof(text));
		cr_assert_str_eq(text, "built in");
	}
	policy_destroy(policy);
}

Test(policy_find, longest_prefix_then_network_then_defaults)
{
	struct policy *policy = policy_create();
	struct policy_values values = {.set = 1u << STRIP | 1u << POLICY_PROBE};
	struct peer_key peer = peer4(3, 0x0a010203, 80);
	struct policy_rules rules;
	char text[96];

	values.value[STRIP] = 2;
	cr_assert_eq(policy_defaults(policy, &values), 0);
	values = (struct policy_values){.set = 1u << STRIP};
	values.value[STRIP] = 3;
	cr_assert_eq(policy_network_add(policy, 3, "lab", 40, &values), 0);
	add(policy, prefix4(0x0a000000, 8, 0, -1, POLICY_REFUSED, POLICY_REFUSED_TCP));
	add(policy, prefix4(0x0a010000, 16, 443, 3, STRIP, 5));
	add(policy, prefix4(0x0a010000, 16, 0, -1, STRIP, 4));
	seal(policy);

	cr_assert_eq(find(policy, peer4(3, 0x0b000000, 80), STRIP), 3);
	cr_assert_eq(find(policy, peer4(2, 0x0b000000, 80), STRIP), 2);
	cr_assert_eq(find(policy, peer4(3, 0x0a010203, 80), STRIP), 4);
	cr_assert_eq(find(policy, peer4(3, 0x0a010203, 443), STRIP), 5);
	cr_assert_eq(find(policy, peer4(2, 0x0a010203, 443), STRIP), 4);

	policy_find(policy, &peer, &rules);
	policy_origin(policy, rules.from[STRIP], text, sizeof(text));
	cr_assert_str_eq(text, "prefix 10.1.0.0/16 (line 7)");
	cr_assert_eq(rules.value[POLICY_REFUSED], POLICY_REFUSED_TCP, "inherited by field");
	policy_origin(policy, rules.from[POLICY_REFUSED], text, sizeof(text));
	cr_assert_str_eq(text, "prefix 10.0.0.0/8 (line 7)");
	policy_origin(policy, rules.from[POLICY_PROBE], text, sizeof(text));
	cr_assert_str_eq(text, "defaults");
	policy_origin(policy, rules.from[POLICY_MODE], text, sizeof(text));
	cr_assert_str_eq(text, "built in");
	peer.port = 443;
	policy_find(policy, &peer, &rules);
	policy_origin(policy, rules.from[STRIP], text, sizeof(text));
	cr_assert_str_eq(text, "prefix 10.1.0.0/16 port 443 in network lab (line 7)");
	peer = peer4(3, 0xc0000001, 1);
	policy_find(policy, &peer, &rules);
	policy_origin(policy, rules.from[STRIP], text, sizeof(text));
	cr_assert_str_eq(text, "network lab (line 40)");
	/* A number out of nowhere is no reason to read beyond an array. */
	policy_origin(policy, UINT32_MAX, text, sizeof(text));
	cr_assert_str_eq(text, "?");
	policy_origin(policy, 2u << 30 | 9, text, sizeof(text));
	cr_assert_str_eq(text, "?");
	policy_destroy(policy);
}

/* Two networks share one private address: each has its own policy. */
Test(policy_find, one_address_in_two_networks)
{
	struct policy *policy = policy_create();

	add(policy, prefix4(0x0a000001, 32, 0, 1, STRIP, 1));
	add(policy, prefix4(0x0a000001, 32, 0, 2, STRIP, 2));
	seal(policy);
	cr_assert_eq(find(policy, peer4(1, 0x0a000001, 80), STRIP), 1);
	cr_assert_eq(find(policy, peer4(2, 0x0a000001, 80), STRIP), 2);
	policy_destroy(policy);
}

Test(policy_find, ends_of_the_address_space)
{
	struct policy *policy = policy_create();
	struct policy_prefix six = {.addr = {.version = 6}, .network = -1};
	struct peer_key peer = {.addr = {.version = 6}};

	add(policy, prefix4(0, 0, 0, -1, STRIP, 2));
	add(policy, prefix4(0xffffffff, 32, 0, -1, STRIP, 3));
	add(policy, prefix4(0, 32, 0, -1, STRIP, 4));
	six.values.set = 1u << STRIP;
	six.values.value[STRIP] = 9;
	six.bits = 128;
	memset(six.addr.bytes, 0xff, 16);
	add(policy, six);
	seal(policy);
	cr_assert_eq(find(policy, peer4(0, 0xffffffff, 1), STRIP), 3);
	cr_assert_eq(find(policy, peer4(0, 0xfffffffe, 1), STRIP), 2);
	cr_assert_eq(find(policy, peer4(0, 0, 1), STRIP), 4);
	cr_assert_eq(find(policy, peer4(0, 1, 1), STRIP), 2);
	cr_assert_eq(find(policy, peer, STRIP), 1, "an IPv4 prefix is not for IPv6");
	memset(peer.addr.bytes, 0xff, 16);
	cr_assert_eq(find(policy, peer, STRIP), 9);
	peer.addr.bytes[15] = 0xfe;
	cr_assert_eq(find(policy, peer, STRIP), 1);
	policy_destroy(policy);
}

Test(policy_find, what_is_refused)
{
	struct policy *policy = policy_create();
	struct policy_prefix prefix = prefix4(0x0a000000, 8, 0, -1, STRIP, 1);
	const struct policy_values none = {0};
	struct policy_values bad = {.set = 1u << POLICY_SETTINGS};
	uint32_t line[2];

	cr_assert_eq(policy_defaults(policy, &bad), -EINVAL);
	bad = (struct policy_values){.set = 1u << STRIP};
	bad.value[STRIP] = 16;
	cr_assert_eq(policy_defaults(policy, &bad), -EINVAL);
	bad.set = 1u << POLICY_MODE;
	bad.value[POLICY_MODE] = 2;
	cr_assert_eq(policy_network_add(policy, 1, "a", 1, &bad), -EINVAL);
	cr_assert_eq(policy_network_add(policy, 1, "", 1, &none), -EINVAL);
	cr_assert_eq(policy_network_add(policy, 1, "0123456789012345678901234567890x", 1, &none),
		     -EINVAL);
	cr_assert_eq(policy_network_add(policy, 1, "a", 1, &none), 0);
	cr_assert_eq(policy_network_add(policy, 1, "b", 1, &none), -EEXIST);
	cr_assert_eq(policy_network_add(policy, 2, "a", 1, &none), -EEXIST);
	prefix.bits = 33;
	cr_assert_eq(policy_prefix_add(policy, &prefix), -EINVAL);
	prefix.bits = 6;
	cr_assert_eq(policy_prefix_add(policy, &prefix), -EINVAL, "bits behind the length");
	prefix.bits = 7;
	prefix.network = 256;
	cr_assert_eq(policy_prefix_add(policy, &prefix), -EINVAL);
	prefix.network = -1;
	prefix.addr.version = 5;
	cr_assert_eq(policy_prefix_add(policy, &prefix), -EINVAL);
	prefix = prefix4(0x0a000000, 8, 0, -1, STRIP, 1);
	prefix.values.value[STRIP] = 99;
	cr_assert_eq(policy_prefix_add(policy, &prefix), -EINVAL);
	prefix.values.value[STRIP] = 1;
	prefix.line = 11;
	cr_assert_eq(policy_prefix_add(policy, &prefix), 0);
	prefix.line = 12;
	cr_assert_eq(policy_prefix_add(policy, &prefix), 0);
	cr_assert_eq(policy_seal(policy, line), -EEXIST);
	cr_assert(line[0] + line[1] == 23 && line[0] != line[1]);
	policy_destroy(policy);
	policy_destroy(NULL);
}

Test(policy_find, as_many_prefixes_as_there_may_be)
{
	struct policy *policy = policy_create();
	struct policy_prefix prefix;

	for (uint32_t i = 0; i < POLICY_PREFIXES_MAX; i++)
		add(policy, prefix4(i << 8, 24, 0, -1, STRIP, i % 16));
	prefix = prefix4(0xff000000, 8, 0, -1, STRIP, 1);
	cr_assert_eq(policy_prefix_add(policy, &prefix), -ENOSPC);
	seal(policy);
	for (uint32_t i = 0; i < POLICY_PREFIXES_MAX; i++)
		cr_assert_eq(find(policy, peer4(0, i << 8 | 7, 1), STRIP), i % 16);
	cr_assert_eq(find(policy, peer4(0, POLICY_PREFIXES_MAX << 8, 1), STRIP), 1);
	policy_destroy(policy);
}

Test(policy_find, networks_of_ports_and_vlans)
{
	struct policy *policy = policy_create();
	const struct policy_values none = {0};
	uint8_t network;

	policy_network_add(policy, 1, "one", 1, &none);
	policy_network_add(policy, 2, "two", 1, &none);
	cr_assert_eq(policy_attach(policy, 3, 0, -1), -ENOENT);
	cr_assert_eq(policy_attach(policy, 1, POLICY_PORTS, -1), -EINVAL);
	cr_assert_eq(policy_attach(policy, 1, 0, 4095), -EINVAL);
	cr_assert_eq(policy_attach(policy, 1, 0, -1), 0);
	cr_assert_eq(policy_attach(policy, 2, 0, -1), -EEXIST);
	cr_assert_eq(policy_attach(policy, 2, 1, 12), 0);
	cr_assert_eq(policy_attach(policy, 1, 1, 0), 0);
	seal(policy);
	cr_assert_eq(policy_network_of(policy, 0, 0), 1);
	cr_assert_eq(policy_network_of(policy, 0, 99), 1);
	cr_assert_eq(policy_network_of(policy, 1, 12), 2);
	cr_assert_eq(policy_network_of(policy, 1, 0), 1);
	cr_assert_eq(policy_network_of(policy, 1, 13), 0);
	cr_assert_eq(policy_network_of(policy, 5, 0), 0);
	cr_assert_eq(policy_network_of(policy, 256, 0), 0, "not port 0");
	cr_assert(policy_port_is_one(policy, 0, &network) && network == 1);
	cr_assert_not(policy_port_is_one(policy, 1, &network));
	cr_assert(policy_port_is_one(policy, 2, &network) && network == 0);
	cr_assert_eq(policy_network_number(policy, "two"), 2);
	cr_assert_eq(policy_network_number(policy, "three"), -ENOENT);
	cr_assert_str_eq(policy_network_name(policy, 1), "one");
	cr_assert_null(policy_network_name(policy, 0));
	policy_destroy(policy);
}

/* ---- Against a naive reading of the rule in policy.h ---- */

#define LIST 48

struct list {
	struct policy_prefix prefix[LIST];
	unsigned int count;
	struct policy_values defaults, network[4];
};

static bool covers_addr(const struct policy_prefix *prefix, const struct ip_addr *addr)
{
	if (prefix->addr.version != addr->version)
		return false;
	for (unsigned int bit = 0; bit < prefix->bits; bit++) {
		const uint8_t mask = 0x80 >> bit % 8;

		if ((prefix->addr.bytes[bit / 8] ^ addr->bytes[bit / 8]) & mask)
			return false;
	}
	return true;
}

static bool covers(const struct policy_prefix *outer, const struct policy_prefix *inner)
{
	return outer->bits <= inner->bits && covers_addr(outer, &inner->addr) &&
	       (!outer->port || outer->port == inner->port) &&
	       (outer->network < 0 || outer->network == inner->network);
}

static unsigned int rank(const struct policy_prefix *prefix)
{
	return prefix->bits * 4 + !!prefix->port * 2 + (prefix->network >= 0);
}

static uint32_t naive(const struct list *list, const struct peer_key *peer,
		      enum policy_setting setting)
{
	const struct policy_prefix whole = {.addr = peer->addr,
					    .bits = peer->addr.version == 4 ? 32 : 128,
					    .port = peer->port,
					    .network = peer->network};
	const struct policy_prefix *winner = NULL, *best = NULL;

	for (unsigned int i = 0; i < list->count; i++) {
		const struct policy_prefix *prefix = &list->prefix[i];

		if (covers(prefix, &whole) && (!winner || rank(prefix) > rank(winner)))
			winner = prefix;
	}
	for (unsigned int i = 0; winner && i < list->count; i++) {
		const struct policy_prefix *prefix = &list->prefix[i];

		if (prefix->values.set & 1u << setting && covers(prefix, winner) &&
		    (!best || rank(prefix) > rank(best)))
			best = prefix;
	}
	if (best)
		return best->values.value[setting];
	if (peer->network < 4 && list->network[peer->network].set & 1u << setting)
		return list->network[peer->network].value[setting];
	if (list->defaults.set & 1u << setting)
		return list->defaults.value[setting];
	return policy_settings[setting].initial;
}

static struct policy_values some_values(uint64_t *seed)
{
	struct policy_values values = {.set = rnd(seed) & rnd(seed) & 0xfff};

	for (unsigned int s = 0; s < POLICY_SETTINGS; s++)
		values.value[s] = rnd(seed) % 2;
	values.value[STRIP] = rnd(seed) % 16;
	values.value[POLICY_PROBE_INTERVAL] = 60 + rnd(seed) % 1000;
	return values;
}

/* Few different bits, so that prefixes nest, touch and repeat. */
static struct ip_addr some_addr(uint64_t *seed)
{
	struct ip_addr addr = {.version = rnd(seed) % 2 ? 4 : 6};
	const unsigned int bytes = addr.version == 4 ? 4 : 16;

	for (unsigned int i = 0; i < bytes; i++) {
		if (rnd(seed) % 2)
			addr.bytes[i] = rnd(seed) % 4 ? 0xff * (rnd(seed) % 2) : rnd(seed) & 0x81;
	}
	return addr;
}

static struct policy_prefix some_prefix(uint64_t *seed)
{
	static const uint16_t ports[] = {0, 0, 80, 443, 65535};
	struct policy_prefix prefix = {.addr = some_addr(seed), .values = some_values(seed)};
	const unsigned int most = prefix.addr.version == 4 ? 32 : 128;

	prefix.bits = rnd(seed) % 4 ? rnd(seed) % (most / 4) * 4 : rnd(seed) % (most + 1);
	for (unsigned int bit = prefix.bits; bit < 128; bit++)
		prefix.addr.bytes[bit / 8] &= ~(0x80 >> bit % 8);
	prefix.port = ports[rnd(seed) % 5];
	prefix.network = (int)(rnd(seed) % 4) - 1;
	return prefix;
}

static bool is_there(const struct list *list, const struct policy_prefix *prefix)
{
	for (unsigned int i = 0; i < list->count; i++) {
		if (covers(&list->prefix[i], prefix) && covers(prefix, &list->prefix[i]))
			return true;
	}
	return false;
}

static void fill(struct list *list, struct policy *policy, uint64_t *seed)
{
	static const char *const names[] = {"n0", "n1", "n2", "n3"};
	const unsigned int want = rnd(seed) % (LIST + 1);

	list->defaults = some_values(seed);
	cr_assert_eq(policy_defaults(policy, &list->defaults), 0);
	for (unsigned int n = 0; n < 3; n++) {
		list->network[n] = some_values(seed);
		cr_assert_eq(policy_network_add(policy, n, names[n], n, &list->network[n]), 0);
	}
	for (unsigned int i = 0; i < want; i++) {
		const struct policy_prefix prefix = some_prefix(seed);

		if (is_there(list, &prefix))
			continue;
		list->prefix[list->count++] = prefix;
		add(policy, prefix);
	}
	seal(policy);
	cr_assert_eq(policy_prefixes(policy), list->count);
	cr_assert_null(policy_prefix_at(policy, list->count));
	for (unsigned int i = 0; i < list->count; i++)
		cr_assert(is_there(list, policy_prefix_at(policy, i)));
}

/* A peer anywhere, or at or beside the edge of a prefix. */
static struct peer_key some_peer(const struct list *list, uint64_t *seed)
{
	static const uint16_t ports[] = {0, 80, 443, 65535, 1};
	struct peer_key peer = {.network = rnd(seed) % 5, .addr = some_addr(seed)};
	const unsigned int bytes = peer.addr.version == 4 ? 4 : 16;

	peer.port = ports[rnd(seed) % 5];
	if (list->count && rnd(seed) % 4) {
		const struct policy_prefix *prefix = &list->prefix[rnd(seed) % list->count];
		const unsigned int most = prefix->addr.version == 4 ? 32 : 128;

		peer.addr = prefix->addr;
		for (unsigned int bit = prefix->bits; bit < most && rnd(seed) % 8; bit++)
			peer.addr.bytes[bit / 8] |= 0x80 >> bit % 8;
	} else if (rnd(seed) % 2) {
		memset(peer.addr.bytes, 0xff, bytes);
	}
	return peer;
}

Test(policy_find, property_against_a_naive_list)
{
	uint64_t seed = 4711;

	for (unsigned int round = 0; round < 1500; round++) {
		struct policy *policy = policy_create();
		struct list list = {0};

		fill(&list, policy, &seed);
		for (unsigned int i = 0; i < 60; i++) {
			const struct peer_key peer = some_peer(&list, &seed);
			struct policy_rules rules;

			policy_find(policy, &peer, &rules);
			for (unsigned int s = 0; s < POLICY_SETTINGS; s++)
				cr_assert_eq(rules.value[s], naive(&list, &peer, s),
					     "round %u, peer %u, %s", round, i,
					     policy_settings[s].name);
		}
		policy_destroy(policy);
	}
}
