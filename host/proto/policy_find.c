/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Policy: building it, and finding the rules for a peer. Nested prefixes are flattened: a sorted
 * array says from which address on which prefix is the longest, so that a look-up is one binary
 * search. Inheritance among prefixes is done when it is sealed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"

typedef unsigned __int128 addr_num; /* an address, IPv4 in the highest 32 bits */

#define NONE	  UINT32_MAX
#define NODES_NEW 16

/* Where a setting comes from: kind in the two highest bits. */
enum origin {
	FROM_BUILT_IN = 0,
	FROM_DEFAULTS = 1,
	FROM_NETWORK = 2,
	FROM_PREFIX = 3,
};

#define ORIGIN(kind, index) ((uint32_t)(kind) << 30 | (uint32_t)(index))
#define ORIGIN_INDEX(from)  ((from)&0x3fffffff)

struct entry {
	struct policy_prefix prefix; /* values: as given */
	struct policy_values all;    /* ... and what it inherits from other prefixes */
	uint32_t from[POLICY_SETTINGS];
};

/* All entries of one address and length; sorted by port, then network. */
struct node {
	uint32_t first, count; /* entries */
	uint32_t parent;       /* the next longer one around it; NONE */
};

/* From this address on, to the next step, this is the longest prefix. */
struct step {
	addr_num start;
	uint32_t node; /* NONE */
};

struct steps {
	struct step *step;
	size_t count;
};

struct network {
	bool configured;
	char name[POLICY_NAME_SIZE];
	uint32_t line;
	struct policy_values values;
	struct policy_rules rules;
};

struct attached {
	uint8_t port, network;
	int16_t vlan; /* -1: all others */
};

struct policy {
	struct policy_values defaults;
	struct network network[POLICY_NETWORKS];
	struct attached attached[POLICY_ATTACHED];
	size_t attachments;
	struct entry *entry;
	size_t entries, room;
	struct node *node;
	size_t nodes;
	struct steps v4, v6;
};

static addr_num number_of(const struct ip_addr *addr)
{
	addr_num number = 0;

	for (size_t i = 0; i < sizeof(addr->bytes); i++)
		number = number << 8 | addr->bytes[i];
	return number;
}

/* Bits behind a prefix. */
static addr_num behind(unsigned int bits)
{
	return bits >= 128 ? 0 : ~(addr_num)0 >> bits;
}

static void inherit_network(struct policy *policy, unsigned int network)
{
	struct network *of = &policy->network[network];

	for (unsigned int s = 0; s < POLICY_SETTINGS; s++) {
		if (of->values.set & 1u << s) {
			of->rules.value[s] = of->values.value[s];
			of->rules.from[s] = ORIGIN(FROM_NETWORK, network);
		} else if (policy->defaults.set & 1u << s) {
			of->rules.value[s] = policy->defaults.value[s];
			of->rules.from[s] = ORIGIN(FROM_DEFAULTS, 0);
		} else {
			of->rules.value[s] = policy_settings[s].initial;
			of->rules.from[s] = ORIGIN(FROM_BUILT_IN, 0);
		}
	}
}

struct policy *policy_create(void)
{
	struct policy *policy = calloc(1, sizeof(*policy));
	uint32_t line[2];

	if (policy && policy_seal(policy, line)) {
		policy_destroy(policy);
		return NULL;
	}
	return policy;
}

void policy_destroy(struct policy *policy)
{
	if (!policy)
		return;
	free(policy->entry);
	free(policy->node);
	free(policy->v4.step);
	free(policy->v6.step);
	free(policy);
}

static int check(const struct policy_values *values)
{
	if (values->set >> POLICY_SETTINGS)
		return -EINVAL;
	for (unsigned int s = 0; s < POLICY_SETTINGS; s++) {
		const struct policy_setting_info *info = &policy_settings[s];
		const uint32_t value = values->value[s];
		uint32_t words = 0;

		if (!(values->set & 1u << s))
			continue;
		while (info->words && info->words[words])
			words++;
		if (info->words ? value >= words : value < info->min || value > info->max)
			return -EINVAL;
		if (policy_unavailable(s, value))
			return -ENOTSUP;
	}
	return 0;
}

int policy_defaults(struct policy *policy, const struct policy_values *values)
{
	const int bad = check(values);

	if (bad)
		return bad;
	policy->defaults = *values;
	return 0;
}

int policy_network_add(struct policy *policy, uint8_t network, const char *name, uint32_t line,
		       const struct policy_values *values)
{
	struct network *of = &policy->network[network];
	const int bad = check(values);

	if (bad)
		return bad;
	if (!name[0] || strlen(name) >= POLICY_NAME_SIZE)
		return -EINVAL;
	if (of->configured || policy_network_number(policy, name) >= 0)
		return -EEXIST;
	of->configured = true;
	snprintf(of->name, sizeof(of->name), "%s", name);
	of->line = line;
	of->values = *values;
	return 0;
}

static bool prefix_ok(const struct policy_prefix *prefix)
{
	const unsigned int most = prefix->addr.version == 4 ? 32 : 128;

	if (prefix->addr.version != 4 && prefix->addr.version != 6)
		return false;
	if (prefix->bits > most || prefix->network < -1 || prefix->network >= POLICY_NETWORKS)
		return false;
	return !(number_of(&prefix->addr) & behind(prefix->bits));
}

int policy_prefix_add(struct policy *policy, const struct policy_prefix *prefix)
{
	const int bad = check(&prefix->values);
	struct entry *entry = policy->entry;

	if (bad)
		return bad;
	if (!prefix_ok(prefix))
		return -EINVAL;
	if (policy->entries == POLICY_PREFIXES_MAX)
		return -ENOSPC;
	if (policy->entries == policy->room) {
		const size_t room = policy->room ? 2 * policy->room : NODES_NEW;

		entry = realloc(entry, room * sizeof(*entry));
		if (!entry)
			return -ENOMEM;
		policy->entry = entry;
		policy->room = room;
	}
	entry[policy->entries++] = (struct entry){.prefix = *prefix};
	return 0;
}

/* Order of prefixes: by version, address, length; then port, network. */
static int order_address(const struct policy_prefix *a, const struct policy_prefix *b)
{
	const int bytes = memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr.bytes));

	if (a->addr.version != b->addr.version)
		return a->addr.version < b->addr.version ? -1 : 1;
	if (bytes)
		return bytes;
	return (a->bits > b->bits) - (a->bits < b->bits);
}

static int order_place(const struct policy_prefix *prefix, unsigned int port, int network)
{
	if (prefix->port != port)
		return prefix->port < port ? -1 : 1;
	return (prefix->network > network) - (prefix->network < network);
}

static int order(const void *a, const void *b)
{
	const struct policy_prefix *left = &((const struct entry *)a)->prefix;
	const struct policy_prefix *right = &((const struct entry *)b)->prefix;
	const int address = order_address(left, right);

	return address ? address : order_place(left, right->port, right->network);
}

static uint32_t entry_in(const struct policy *policy, const struct node *node, unsigned int port,
			 int network)
{
	uint32_t low = node->first, high = node->first + node->count;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		const int way = order_place(&policy->entry[middle].prefix, port, network);

		if (!way)
			return middle;
		if (way < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NONE;
}

/* Which entries of a node hold a port and a network, the most specific first: number @i of 4. */
static uint32_t entry_nth(const struct policy *policy, const struct node *node, unsigned int port,
			  int network, unsigned int i)
{
	if ((i < 2 && !port) || (!(i & 1) && network < 0))
		return NONE;
	return entry_in(policy, node, i < 2 ? port : 0, i & 1 ? -1 : network);
}

static void inherit(struct entry *entry, const struct entry *from, uint32_t index)
{
	for (unsigned int s = 0; s < POLICY_SETTINGS; s++) {
		if (entry->all.set & 1u << s || !(from->prefix.values.set & 1u << s))
			continue;
		entry->all.set |= 1u << s;
		entry->all.value[s] = from->prefix.values.value[s];
		entry->from[s] = ORIGIN(FROM_PREFIX, index);
	}
}

/* All that holds the whole of an entry, itself first. */
static void inherit_prefixes(struct policy *policy, uint32_t index, uint32_t node)
{
	struct entry *entry = &policy->entry[index];

	entry->all = (struct policy_values){0};
	while (node != NONE) {
		const struct node *at = &policy->node[node];

		for (unsigned int i = 0; i < 4; i++) {
			const uint32_t found =
				entry_nth(policy, at, entry->prefix.port, entry->prefix.network, i);

			if (found != NONE)
				inherit(entry, &policy->entry[found], found);
		}
		node = at->parent;
	}
}

static addr_num node_start(const struct policy *policy, uint32_t node)
{
	return number_of(&policy->entry[policy->node[node].first].prefix.addr);
}

static addr_num node_end(const struct policy *policy, uint32_t node)
{
	return node_start(policy, node) |
	       behind(policy->entry[policy->node[node].first].prefix.bits);
}

static void add_step(struct steps *steps, addr_num start, uint32_t node)
{
	if (steps->count && steps->step[steps->count - 1].start == start)
		steps->count--; /* nothing lies between */
	steps->step[steps->count++] = (struct step){.start = start, .node = node};
}

/* Closes the prefixes that end before @start; *inner is the longest one that is open. */
static void close_nodes(const struct policy *policy, struct steps *steps, uint32_t *inner,
			addr_num start)
{
	while (*inner != NONE && node_end(policy, *inner) < start) {
		const addr_num end = node_end(policy, *inner);

		*inner = policy->node[*inner].parent;
		add_step(steps, end + 1, *inner);
	}
}

static void close_all(const struct policy *policy, struct steps *steps, uint32_t inner)
{
	while (inner != NONE) {
		const addr_num end = node_end(policy, inner);

		inner = policy->node[inner].parent;
		if (end != ~(addr_num)0)
			add_step(steps, end + 1, inner);
	}
}

/* Nodes @from to @to are of one version, outer ones before inner ones. */
static int flatten(struct policy *policy, struct steps *steps, uint32_t from, uint32_t to)
{
	uint32_t inner = NONE;

	free(steps->step);
	*steps = (struct steps){0};
	steps->step = calloc(2 * (size_t)(to - from) + 1, sizeof(*steps->step));
	if (!steps->step)
		return -ENOMEM;
	add_step(steps, 0, NONE);
	for (uint32_t node = from; node < to; node++) {
		const addr_num start = node_start(policy, node);

		close_nodes(policy, steps, &inner, start);
		policy->node[node].parent = inner;
		add_step(steps, start, node);
		inner = node;
	}
	close_all(policy, steps, inner);
	return 0;
}

static int make_nodes(struct policy *policy, uint32_t *first_v6)
{
	struct node *nodes = calloc(policy->entries + 1, sizeof(*nodes));
	uint32_t count = 0;

	if (!nodes)
		return -ENOMEM;
	*first_v6 = NONE;
	for (uint32_t i = 0; i < policy->entries; i++) {
		const struct policy_prefix *prefix = &policy->entry[i].prefix;

		if (i && !order_address(prefix, &policy->entry[i - 1].prefix)) {
			nodes[count - 1].count++;
			continue;
		}
		if (prefix->addr.version == 6 && *first_v6 == NONE)
			*first_v6 = count;
		nodes[count] = (struct node){.first = i, .count = 1, .parent = NONE};
		count++;
	}
	if (*first_v6 == NONE)
		*first_v6 = count;
	free(policy->node);
	policy->node = nodes;
	policy->nodes = count;
	return 0;
}

static int order_attached(const void *a, const void *b)
{
	const struct attached *left = a, *right = b;

	if (left->port != right->port)
		return left->port < right->port ? -1 : 1;
	return (left->vlan > right->vlan) - (left->vlan < right->vlan);
}

int policy_seal(struct policy *policy, uint32_t line[2])
{
	uint32_t first_v6;

	if (policy->entries)
		qsort(policy->entry, policy->entries, sizeof(*policy->entry), order);
	for (size_t i = 1; i < policy->entries; i++) {
		if (order(&policy->entry[i - 1], &policy->entry[i]))
			continue;
		line[0] = policy->entry[i - 1].prefix.line;
		line[1] = policy->entry[i].prefix.line;
		return -EEXIST;
	}
	qsort(policy->attached, policy->attachments, sizeof(*policy->attached), order_attached);
	for (unsigned int n = 0; n < POLICY_NETWORKS; n++)
		inherit_network(policy, n);
	if (make_nodes(policy, &first_v6) || flatten(policy, &policy->v4, 0, first_v6) ||
	    flatten(policy, &policy->v6, first_v6, policy->nodes))
		return -ENOMEM;
	for (uint32_t node = 0; node < policy->nodes; node++) {
		for (uint32_t i = 0; i < policy->node[node].count; i++)
			inherit_prefixes(policy, policy->node[node].first + i, node);
	}
	return 0;
}

static uint32_t longest(const struct steps *steps, addr_num addr)
{
	size_t low = 0, high = steps->count; /* step[low].start <= addr < step[high].start */

	while (high - low > 1) {
		const size_t middle = low + (high - low) / 2;

		if (steps->step[middle].start <= addr)
			low = middle;
		else
			high = middle;
	}
	return steps->step[low].node;
}

/* The entry that decides on a peer, or NULL. */
static const struct entry *entry_for(const struct policy *policy, const struct peer_key *peer)
{
	const struct steps *steps = peer->addr.version == 4 ? &policy->v4 : &policy->v6;
	uint32_t node = longest(steps, number_of(&peer->addr));

	while (node != NONE) {
		const struct node *at = &policy->node[node];

		for (unsigned int i = 0; i < 4; i++) {
			const uint32_t found = entry_nth(policy, at, peer->port, peer->network, i);

			if (found != NONE)
				return &policy->entry[found];
		}
		node = at->parent;
	}
	return NULL;
}

void policy_find(const struct policy *policy, const struct peer_key *peer,
		 struct policy_rules *rules)
{
	const struct entry *entry = entry_for(policy, peer);

	*rules = policy->network[peer->network].rules;
	if (!entry)
		return;
	for (unsigned int s = 0; s < POLICY_SETTINGS; s++) {
		if (!(entry->all.set & 1u << s))
			continue;
		rules->value[s] = entry->all.value[s];
		rules->from[s] = entry->from[s];
	}
}

static void prefix_text(const struct policy *policy, const struct policy_prefix *prefix, char *text,
			size_t size)
{
	char addr[INET6_ADDRSTRLEN] = "?", port[16] = "", network[64] = "";

	inet_ntop(prefix->addr.version == 4 ? AF_INET : AF_INET6, prefix->addr.bytes, addr,
		  sizeof(addr));
	if (prefix->port)
		snprintf(port, sizeof(port), " port %u", prefix->port);
	if (prefix->network >= 0) {
		const char *name = policy_network_name(policy, prefix->network);

		snprintf(network, sizeof(network), " in network %s", name ? name : "?");
	}
	snprintf(text, size, "prefix %s/%u%s%s (line %u)", addr, prefix->bits, port, network,
		 prefix->line);
}

void policy_origin(const struct policy *policy, uint32_t from, char *text, size_t size)
{
	const uint32_t index = ORIGIN_INDEX(from);

	switch (from >> 30) {
	case FROM_PREFIX:
		if (index < policy->entries) {
			prefix_text(policy, &policy->entry[index].prefix, text, size);
			return;
		}
		break;
	case FROM_NETWORK:
		if (index < POLICY_NETWORKS && policy->network[index].configured) {
			snprintf(text, size, "network %s (line %u)", policy->network[index].name,
				 policy->network[index].line);
			return;
		}
		break;
	case FROM_DEFAULTS:
		snprintf(text, size, "defaults");
		return;
	default:
		snprintf(text, size, "built in");
		return;
	}
	snprintf(text, size, "?");
}

int policy_attach(struct policy *policy, uint8_t network, unsigned int port, int vlan)
{
	struct attached *attached = &policy->attached[policy->attachments];

	if (!policy->network[network].configured)
		return -ENOENT;
	if (port >= POLICY_PORTS || vlan < -1 || vlan > 4094)
		return -EINVAL;
	for (size_t i = 0; i < policy->attachments; i++) {
		if (policy->attached[i].port == port && policy->attached[i].vlan == vlan)
			return -EEXIST;
	}
	if (policy->attachments == POLICY_ATTACHED)
		return -ENOSPC;
	*attached = (struct attached){.port = port, .network = network, .vlan = vlan};
	policy->attachments++;
	return 0;
}

static const struct attached *attached_at(const struct policy *policy, unsigned int port, int vlan)
{
	const struct attached key = {.port = port, .vlan = vlan};

	if (port >= POLICY_PORTS)
		return NULL;
	return bsearch(&key, policy->attached, policy->attachments, sizeof(key), order_attached);
}

uint8_t policy_network_of(const struct policy *policy, unsigned int port, int vlan)
{
	const struct attached *found = attached_at(policy, port, vlan);

	if (!found)
		found = attached_at(policy, port, -1);
	return found ? found->network : 0;
}

bool policy_port_is_one(const struct policy *policy, unsigned int port, uint8_t *network)
{
	*network = policy_network_of(policy, port, -1);
	for (size_t i = 0; i < policy->attachments; i++) {
		if (policy->attached[i].port == port && policy->attached[i].network != *network)
			return false;
	}
	return true;
}

const char *policy_network_name(const struct policy *policy, uint8_t network)
{
	return policy->network[network].configured ? policy->network[network].name : NULL;
}

int policy_network_number(const struct policy *policy, const char *name)
{
	for (int i = 0; i < POLICY_NETWORKS; i++) {
		if (policy->network[i].configured && !strcmp(policy->network[i].name, name))
			return i;
	}
	return -ENOENT;
}

size_t policy_prefixes(const struct policy *policy)
{
	return policy->entries;
}

const struct policy_prefix *policy_prefix_at(const struct policy *policy, size_t i)
{
	return i < policy->entries ? &policy->entry[i].prefix : NULL;
}
