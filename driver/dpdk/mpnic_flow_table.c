/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules in the card's tables. There are 64 ternary rules and tens of thousands of entries, so what
 * can be one is one: a whole 5-tuple in the flow table, addresses under the settable mask in the
 * masked table.
 *
 * A key says less than a rule does. A flow's is for both directions, and neither has the port that
 * a frame came from; what a rule does not mean its entry excepts (bits except of its action), so
 * that both do the same to the same frames.
 */
#include <stddef.h>

#include "mpnic_flow.h"

enum {
	MASKED = 0x80, /* of key.kind */
	ADDR_MAX = 16,
};

/* A rule in the types of its fields. */
struct fields {
	struct mpnic_rule_key value, mask;
	unsigned int addr; /* bytes of an address */
};

static bool all_ones(const uint8_t *bytes, size_t len)
{
	uint8_t all = 0xff;

	for (size_t i = 0; i < len; i++)
		all &= bytes[i];
	return all == 0xff;
}

static bool same_mask(const uint8_t *mask, const uint8_t *wanted, size_t len)
{
	return !memcmp(mask, wanted, len);
}

static void masked_copy(uint8_t *to, const uint8_t *value, const uint8_t *mask, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = value[i] & mask[i];
}

/* Frames of this port alone: not the other's, nor what hosts send. */
static uint8_t other_sources(unsigned int port)
{
	return (uint8_t)(MPNIC_EXCEPT_OTHERS | (port ? MPNIC_EXCEPT_PORT0 : MPNIC_EXCEPT_PORT1));
}

/* What an entry is told of VLANs. @in_key: keys have them. */
static bool take_vlan(const struct fields *f, bool in_key, struct pmd_entry *entry)
{
	if (!f->mask.vlan)
		return !in_key;
	if (f->mask.vlan != 0xffff)
		return false;
	if (in_key) {
		entry->key.vlan = f->value.vlan;
		return true;
	}
	entry->action.except |= MPNIC_EXCEPT_TAGGED;
	return !f->value.vlan;
}

static bool is_5_tuple(const struct fields *f)
{
	return f->mask.parse == 0xff &&
	       (f->value.parse == MPNIC_PARSE_TCP || f->value.parse == MPNIC_PARSE_UDP) &&
	       f->mask.sport == 0xffff && f->mask.dport == 0xffff &&
	       all_ones(f->mask.src, f->addr) && all_ones(f->mask.dst, f->addr);
}

/* The end whose address, then port, is lower comes first in an exact key; of equal ones the sender.
 */
static bool sent_by_upper(const struct fields *f)
{
	const int order = memcmp(f->value.src, f->value.dst, f->addr);

	return order > 0 || (!order && f->value.sport > f->value.dport);
}

static bool take_exact(const struct pmd_keys *keys, const struct fields *f, struct pmd_entry *entry)
{
	const bool upper = sent_by_upper(f);
	struct mpnic_key *key = &entry->key;

	memcpy(upper ? key->hi_addr : key->lo_addr, f->value.src, f->addr);
	memcpy(upper ? key->lo_addr : key->hi_addr, f->value.dst, f->addr);
	key->lo_port = upper ? f->value.dport : f->value.sport;
	key->hi_port = upper ? f->value.sport : f->value.dport;
	key->proto = f->value.parse == MPNIC_PARSE_TCP ? IPPROTO_TCP : IPPROTO_UDP;
	key->kind = f->value.ip_version;
	entry->action.except |= upper ? MPNIC_EXCEPT_LOWER : MPNIC_EXCEPT_UPPER;
	return take_vlan(f, keys->exact_vlan, entry);
}

/* Without ports: those of a frame that has none are 0 in its key. */
static bool take_masked(const struct pmd_keys *keys, const struct fields *f,
			struct pmd_entry *entry)
{
	const struct mpnic_key *mask = &keys->mask;
	struct mpnic_key *key = &entry->key;

	if (f->mask.parse || f->mask.sport || f->mask.dport || mask->lo_port || mask->hi_port ||
	    (mask->vlan && mask->vlan != 0xffff) || f->mask.ip_proto != mask->proto ||
	    !same_mask(f->mask.src, mask->lo_addr, f->addr) ||
	    !same_mask(f->mask.dst, mask->hi_addr, f->addr))
		return false;
	masked_copy(key->lo_addr, f->value.src, f->mask.src, f->addr);
	masked_copy(key->hi_addr, f->value.dst, f->mask.dst, f->addr);
	key->proto = f->value.ip_proto & f->mask.ip_proto;
	key->kind = f->value.ip_version | MASKED;
	return take_vlan(f, mask->vlan, entry);
}

/* The type of IP packets says nothing that their version does not say. */
static bool type_is_implied(const struct fields *f)
{
	const uint16_t type = f->value.ip_version == 4 ? 0x0800 : 0x86dd;

	return !((f->value.ethertype ^ type) & f->mask.ethertype);
}

bool pmd_entry_of(const struct pmd_keys *keys, unsigned int port, const struct mpnic_rule *rule,
		  struct pmd_entry *entry)
{
	struct fields f = {.addr = ADDR_MAX};

	memcpy(&f.value, rule->value, sizeof(f.value));
	memcpy(&f.mask, rule->mask, sizeof(f.mask));
	if (f.mask.ip_version != 0xff || f.mask.subtypes || f.mask.tcp_flags || f.mask.mptcp ||
	    !type_is_implied(&f))
		return false;
	if (f.value.ip_version == 4)
		f.addr = 4;
	*entry = (struct pmd_entry){
		.action = {.mark = rule->mark,
			   .rx_queue = rule->rx_queue,
			   .strip = rule->strip,
			   .actions = rule->actions,
			   .prio = rule->prio,
			   .except = other_sources(port) | MPNIC_EXCEPT_OUTRANKED},
	};
	return is_5_tuple(&f) ? take_exact(keys, &f, entry) : take_masked(keys, &f, entry);
}

/* --- back ------------------------------------------------------------------------------------- */

static void give_exact(const struct mpnic_key *key, bool upper, struct fields *f)
{
	memcpy(f->value.src, upper ? key->hi_addr : key->lo_addr, ADDR_MAX);
	memcpy(f->value.dst, upper ? key->lo_addr : key->hi_addr, ADDR_MAX);
	memset(f->mask.src, 0xff, f->addr);
	memset(f->mask.dst, 0xff, f->addr);
	f->value.sport = upper ? key->hi_port : key->lo_port;
	f->value.dport = upper ? key->lo_port : key->hi_port;
	f->mask.sport = f->mask.dport = 0xffff;
	f->value.parse = key->proto == IPPROTO_TCP ? MPNIC_PARSE_TCP : MPNIC_PARSE_UDP;
	f->mask.parse = 0xff;
}

static void give_masked(const struct mpnic_key *key, const struct mpnic_key *mask, struct fields *f)
{
	memcpy(f->value.src, key->lo_addr, ADDR_MAX);
	memcpy(f->value.dst, key->hi_addr, ADDR_MAX);
	memcpy(f->mask.src, mask->lo_addr, f->addr);
	memcpy(f->mask.dst, mask->hi_addr, f->addr);
	f->value.ip_proto = key->proto;
	f->mask.ip_proto = mask->proto;
}

void pmd_rule_of(const struct pmd_keys *keys, unsigned int port, const struct pmd_entry *entry,
		 struct mpnic_rule *rule)
{
	const bool masked = pmd_entry_is_masked(entry);
	const uint8_t version = entry->key.kind & (uint8_t)~MASKED;
	struct fields f = {.value = {.source = (uint8_t)port, .ip_version = version},
			   .mask = {.source = 0xff, .ip_version = 0xff},
			   .addr = version == 4 ? 4 : ADDR_MAX};

	if (masked)
		give_masked(&entry->key, &keys->mask, &f);
	else
		give_exact(&entry->key, entry->action.except & MPNIC_EXCEPT_LOWER, &f);
	if ((masked ? keys->mask.vlan != 0 : keys->exact_vlan) ||
	    (entry->action.except & MPNIC_EXCEPT_TAGGED)) {
		f.value.vlan = entry->key.vlan;
		f.mask.vlan = 0xffff;
	}
	*rule = (struct mpnic_rule){
		.mark = entry->action.mark,
		.rx_queue = entry->action.rx_queue,
		.strip = entry->action.strip,
		.actions = entry->action.actions,
		.prio = entry->action.prio,
		.valid = 1,
	};
	memcpy(rule->value, &f.value, sizeof(f.value));
	memcpy(rule->mask, &f.mask, sizeof(f.mask));
}
