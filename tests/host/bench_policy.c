/* SPDX-License-Identifier: BSD-3-Clause */
/* How long policy_find() takes, and what a policy costs in memory, by its number of prefixes. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy.h"

#define LOOKUPS 1000000u
#define PEERS	65536u

static uint64_t rnd(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* Number @i of a policy, none like another: every 40th a /8, in which lie others of /16 to /32, a
 * third of them with a port; half are IPv6. */
static struct policy_prefix some_prefix(unsigned int i, uint64_t *seed)
{
	struct policy_prefix prefix = {.network = -1, .bits = i % 40 ? 16 + rnd(seed) % 17 : 8};
	const uint16_t high = i % 40 ? i * 40503u : i / 40 << 8;

	prefix.addr.version = i % 80 < 40 ? 4 : 6;
	prefix.port = i % 3 ? 0 : 443;
	for (unsigned int b = 0; b < 4; b++)
		prefix.addr.bytes[b] = b < 2 ? (uint8_t)(high >> (8 - 8 * b)) : (uint8_t)rnd(seed);
	for (unsigned int bit = prefix.bits; bit < 32; bit++)
		prefix.addr.bytes[bit / 8] &= ~(0x80 >> bit % 8);
	prefix.values.set = 1u << POLICY_STRIP_FROM;
	prefix.values.value[POLICY_STRIP_FROM] = rnd(seed) % 16;
	return prefix;
}

static struct policy *make(unsigned int count, uint64_t *seed)
{
	struct policy *policy = policy_create();
	uint32_t line[2];

	for (unsigned int i = 0; policy && i < count; i++) {
		const struct policy_prefix prefix = some_prefix(i, seed);

		if (policy_prefix_add(policy, &prefix))
			return NULL;
	}
	if (policy && policy_seal(policy, line))
		return NULL;
	return policy;
}

static double lookups(const struct policy *policy, const struct peer_key *peers)
{
	struct policy_rules rules;
	uint64_t sum = 0, start = now_ns();

	for (unsigned int i = 0; i < LOOKUPS; i++) {
		policy_find(policy, &peers[i % PEERS], &rules);
		sum += rules.value[POLICY_STRIP_FROM];
	}
	if (!sum)
		printf("nothing found\n");
	return (double)(now_ns() - start) / LOOKUPS;
}

static int one(unsigned int count, const struct peer_key *peers)
{
	uint64_t seed = 1;
	struct policy *policy;
	struct mallinfo2 before = mallinfo2();
	double best = 1e9, start;

	start = now_ns();
	policy = make(count, &seed);
	if (!policy)
		return 1;
	start = now_ns() - start;
	for (unsigned int round = 0; round < 5; round++) {
		const double ns = lookups(policy, peers);

		if (ns < best)
			best = ns;
	}
	printf("| %u | %.0f | %.1f | %.0f |\n", count, best, start / 1e6,
	       (mallinfo2().uordblks + mallinfo2().hblkhd - before.uordblks - before.hblkhd) /
		       1024.0);
	policy_destroy(policy);
	return 0;
}

int main(void)
{
	static struct peer_key peers[PEERS];
	uint64_t seed = 2;
	int failed = 0;

	for (unsigned int i = 0; i < PEERS; i++) {
		const struct policy_prefix like = some_prefix(i, &seed);

		peers[i].addr = like.addr;
		for (unsigned int b = 1; b < 4; b++)
			peers[i].addr.bytes[b] ^= rnd(&seed);
		peers[i].port = i % 2 ? 443 : 80;
	}
	printf("| prefixes | ns a look-up (best of 5, random peers) | ms to build | KiB |\n|---|---|---|---|\n");
	failed |= one(10, peers);
	failed |= one(100, peers);
	failed |= one(1000, peers);
	failed |= one(10000, peers);
	return failed;
}
