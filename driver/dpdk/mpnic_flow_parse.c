/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_flow: what a rule says. It comes to a ternary rule of the card, or to a token, the one RAW
 * shape that says "an MP_JOIN SYN with this token".
 *
 * What the card cannot match or do is refused, by name and bits; nothing is ignored.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>

#include "mpnic_flow.h"
#include "rte_pmd_mpnic.h"

enum {
	JOIN_PATTERN = 8,  /* bytes of an MP_JOIN's option up to its token */
	OPTION_BYTES = 40, /* of a TCP header, at most */
};

#define KEY(field) offsetof(struct mpnic_rule_key, field)

/* --- refusals --------------------------------------------------------------------------------- */

int pmd_flow_refuse(struct making *m, int err, enum rte_flow_error_type type, const void *cause,
		    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(m->text, PMD_FLOW_TEXT, format, args);
	va_end(args);
	return rte_flow_error_set(m->error, err, type, cause, m->text);
}

#define REFUSE_ITEM(m, item, ...) \
	pmd_flow_refuse(m, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM, item, __VA_ARGS__)
#define REFUSE_MASK(m, item, ...) \
	pmd_flow_refuse(m, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM_MASK, (item)->mask, __VA_ARGS__)
#define REFUSE_ACTION(m, action, ...) \
	pmd_flow_refuse(m, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, action, __VA_ARGS__)

/* The first byte of a mask with bits that cannot be matched: @known has those that can. */
static int check_mask(struct making *m, const struct rte_flow_item *item, const char *name,
		      const void *mask, const void *known, size_t size)
{
	const uint8_t *bits = mask, *can = known;

	for (size_t i = 0; i < size; i++)
		if (bits[i] & ~can[i])
			return REFUSE_MASK(
				m, item, "item %s: mask bits 0x%02x of byte %zu cannot be matched",
				name, bits[i] & ~can[i], i);
	return 0;
}

static const void *mask_of(const struct rte_flow_item *item, const void *by_default)
{
	return item->mask ? item->mask : by_default;
}

/* last makes a range, which a ternary rule is not; without spec the rest means nothing. */
static int check_item(struct making *m, const struct rte_flow_item *item, const char *name)
{
	if (item->last)
		return pmd_flow_refuse(m, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM_LAST, item->last,
				       "item %s: ranges cannot be matched", name);
	if (!item->spec && item->mask)
		return pmd_flow_refuse(m, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM_SPEC, item,
				       "item %s: a mask without spec", name);
	return 0;
}

/* --- items ------------------------------------------------------------------------------------ */

/* @bytes of a key at @offset, from wire order. */
static void match_bytes(struct making *m, size_t offset, const void *spec, const void *mask,
			size_t bytes)
{
	memcpy((uint8_t *)&m->rule.value + offset, spec, bytes);
	memcpy((uint8_t *)&m->rule.mask + offset, mask, bytes);
}

static void match16(struct making *m, size_t offset, rte_be16_t spec, rte_be16_t mask)
{
	const uint16_t value = rte_be_to_cpu_16(spec), bits = rte_be_to_cpu_16(mask);

	match_bytes(m, offset, &value, &bits, sizeof(value));
}

static void match8(struct making *m, size_t offset, uint8_t spec, uint8_t mask)
{
	match_bytes(m, offset, &spec, &mask, sizeof(spec));
}

static void match_untagged(struct making *m)
{
	match16(m, KEY(vlan), 0, RTE_BE16(0xffff));
}

static int item_eth(struct making *m, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_eth known = {.hdr.ether_type = 0xffff, .has_vlan = 1};
	const struct rte_flow_item_eth *spec = item->spec;
	const struct rte_flow_item_eth *mask = mask_of(item, &rte_flow_item_eth_mask);
	int err;

	if (m->l2 || m->l3)
		return REFUSE_ITEM(m, item, "item eth: it must come first");
	m->l2 = true;
	if (!spec)
		return 0;
	err = check_mask(m, item, "eth", mask, &known,
			 offsetof(struct rte_flow_item_eth, type) + 2);
	if (err)
		return err;
	if (mask->reserved || (mask->has_vlan && spec->has_vlan))
		return REFUSE_MASK(m, item,
				   "item eth: has_vlan can be matched as 0 alone; give an "
				   "item vlan with its vid");
	if (mask->has_vlan)
		match_untagged(m);
	match16(m, KEY(ethertype), spec->type & mask->type, mask->type);
	/* The type is the one behind the tags, and of a tagged frame that is not this one. */
	if (mask->type)
		match_untagged(m);
	return 0;
}

static int item_vlan(struct making *m, const struct rte_flow_item *item)
{
	const struct rte_flow_item_vlan *spec = item->spec;
	const struct rte_flow_item_vlan *mask = mask_of(item, &rte_flow_item_vlan_mask);

	if (!m->l2 || m->l3)
		return REFUSE_ITEM(m, item, "item vlan: it comes behind eth, once");
	if (m->rule.mask[KEY(vlan)] || m->rule.mask[KEY(ethertype)])
		return REFUSE_ITEM(m, item, "item vlan: behind an eth that has a type, or no VLAN");
	if (!spec || mask->tci != RTE_BE16(0x0fff))
		return REFUSE_MASK(m, item,
				   "item vlan: the vid must be matched, all of it, and "
				   "nothing else of the tci (mask 0x0fff)");
	if (mask->inner_type || mask->has_more_vlan || mask->reserved)
		return REFUSE_MASK(m, item,
				   "item vlan: inner_type and has_more_vlan cannot be matched; "
				   "say the type by the next item");
	/* The key has the id and one, so that 0 is a frame without a tag. */
	match16(m, KEY(vlan), rte_cpu_to_be_16((rte_be_to_cpu_16(spec->tci) & 0xfff) + 1),
		RTE_BE16(0xffff));
	return 0;
}

/* Layer 3 directly behind Ethernet is a frame without a tag. */
static int enter_l3(struct making *m, const struct rte_flow_item *item, uint8_t version)
{
	const uint16_t type = version == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6;
	uint16_t spec, mask;

	if (m->l3)
		return REFUSE_ITEM(m, item, "one layer 3 item can be matched, not two");
	memcpy(&spec, m->rule.value + KEY(ethertype), sizeof(spec));
	memcpy(&mask, m->rule.mask + KEY(ethertype), sizeof(mask));
	if ((spec ^ type) & mask)
		return REFUSE_ITEM(m, item, "eth's type 0x%04x is not that of IPv%u", spec,
				   version);
	if (m->l2 && !m->rule.mask[KEY(vlan)])
		match_untagged(m);
	match8(m, KEY(ip_version), version, 0xff);
	m->l3 = true;
	m->any_l3 = !item->spec;
	return 0;
}

static int item_ipv4(struct making *m, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_ipv4 known = {
		.hdr = {.src_addr = UINT32_MAX, .dst_addr = UINT32_MAX, .next_proto_id = 0xff}};
	const struct rte_flow_item_ipv4 *spec = item->spec;
	const struct rte_flow_item_ipv4 *mask = mask_of(item, &rte_flow_item_ipv4_mask);
	int err = enter_l3(m, item, 4);

	if (err || !spec)
		return err;
	err = check_mask(m, item, "ipv4", mask, &known, sizeof(known));
	if (err)
		return err;
	match_bytes(m, KEY(src), &spec->hdr.src_addr, &mask->hdr.src_addr, 4);
	match_bytes(m, KEY(dst), &spec->hdr.dst_addr, &mask->hdr.dst_addr, 4);
	match8(m, KEY(ip_proto), spec->hdr.next_proto_id, mask->hdr.next_proto_id);
	return 0;
}

static int item_ipv6(struct making *m, const struct rte_flow_item *item)
{
	struct rte_flow_item_ipv6 known = {0};
	const struct rte_flow_item_ipv6 *spec = item->spec;
	const struct rte_flow_item_ipv6 *mask = mask_of(item, &rte_flow_item_ipv6_mask);
	int err = enter_l3(m, item, 6);

	if (err || !spec)
		return err;
	memset(known.hdr.src_addr, 0xff, sizeof(known.hdr.src_addr));
	memset(known.hdr.dst_addr, 0xff, sizeof(known.hdr.dst_addr));
	err = check_mask(m, item, "ipv6", mask, &known, sizeof(known));
	if (err)
		return err;
	match_bytes(m, KEY(src), spec->hdr.src_addr, mask->hdr.src_addr, 16);
	match_bytes(m, KEY(dst), spec->hdr.dst_addr, mask->hdr.dst_addr, 16);
	return 0;
}

static int enter_l4(struct making *m, const struct rte_flow_item *item, uint8_t parse,
		    uint8_t proto)
{
	uint8_t spec, mask;

	if (m->l4)
		return REFUSE_ITEM(m, item, "one layer 4 item can be matched, not two");
	spec = m->rule.value[KEY(ip_proto)];
	mask = m->rule.mask[KEY(ip_proto)];
	if ((spec ^ proto) & mask)
		return REFUSE_ITEM(m, item, "the IP item's protocol %u is not this one, %u", spec,
				   proto);
	/* Whole headers in unfragmented packets: of a fragment no ports are known. */
	match8(m, KEY(parse), parse, 0xff);
	m->l4 = true;
	return 0;
}

static int item_tcp(struct making *m, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_tcp known = {
		.hdr = {.src_port = 0xffff, .dst_port = 0xffff, .tcp_flags = 0xff}};
	const struct rte_flow_item_tcp *spec = item->spec;
	const struct rte_flow_item_tcp *mask = mask_of(item, &rte_flow_item_tcp_mask);
	int err = enter_l4(m, item, MPNIC_PARSE_TCP, IPPROTO_TCP);

	if (err || !spec)
		return err;
	err = check_mask(m, item, "tcp", mask, &known, sizeof(known));
	if (err)
		return err;
	match16(m, KEY(sport), spec->hdr.src_port, mask->hdr.src_port);
	match16(m, KEY(dport), spec->hdr.dst_port, mask->hdr.dst_port);
	match8(m, KEY(tcp_flags), spec->hdr.tcp_flags, mask->hdr.tcp_flags);
	m->syn = !mask->hdr.src_port && !mask->hdr.dst_port && mask->hdr.tcp_flags == 0x12 &&
		 (spec->hdr.tcp_flags & 0x12) == 0x02;
	return 0;
}

static int item_udp(struct making *m, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_udp known = {
		.hdr = {.src_port = 0xffff, .dst_port = 0xffff}};
	const struct rte_flow_item_udp *spec = item->spec;
	const struct rte_flow_item_udp *mask = mask_of(item, &rte_flow_item_udp_mask);
	int err = enter_l4(m, item, MPNIC_PARSE_UDP, IPPROTO_UDP);

	if (err || !spec)
		return err;
	err = check_mask(m, item, "udp", mask, &known, sizeof(known));
	if (err)
		return err;
	match16(m, KEY(sport), spec->hdr.src_port, mask->hdr.src_port);
	match16(m, KEY(dport), spec->hdr.dst_port, mask->hdr.dst_port);
	return 0;
}

/* "An MP_JOIN SYN with this token", and nothing else (RFC 8684 3.2, figure 5). */
static int item_raw(struct making *m, const struct rte_flow_item *item)
{
	static const uint8_t join[4] = {30, 12, 0x10, 0};
	static const uint8_t join_mask[JOIN_PATTERN] = {0xff, 0xff, 0xf0, 0,
							0xff, 0xff, 0xff, 0xff};
	const struct rte_flow_item_raw *spec = item->spec, *mask = item->mask;
	rte_be32_t token;

	if (!spec || !mask || !spec->relative || !spec->search || spec->offset ||
	    spec->limit != OPTION_BYTES || spec->length != JOIN_PATTERN || !spec->pattern ||
	    !mask->pattern || memcmp(mask->pattern, join_mask, sizeof(join_mask)) ||
	    memcmp(spec->pattern, join, 2) || (spec->pattern[2] & 0xf0) != join[2] || !m->syn ||
	    !m->any_l3)
		return REFUSE_ITEM(m, item,
				   "item raw: it can say one thing, an MP_JOIN SYN with a token: "
				   "eth / ipv4 or ipv6 / tcp flags SYN / raw as in the guide");
	memcpy(&token, spec->pattern + 4, sizeof(token));
	m->is_token = true;
	m->token = rte_be_to_cpu_32(token);
	return 0;
}

static int item_mptcp(struct making *m, const struct rte_flow_item *item)
{
	const struct rte_pmd_mpnic_item_mptcp *spec = item->spec, *mask = item->mask;

	if (!spec || !mask)
		return REFUSE_ITEM(m, item, "item mptcp: spec and mask are needed");
	match_bytes(m, KEY(subtypes), &spec->subtypes, &mask->subtypes, sizeof(spec->subtypes));
	return 0;
}

static int one_item(struct making *m, const struct rte_flow_item *item)
{
	static const struct {
		int type;
		const char *name;
		int (*take)(struct making *m, const struct rte_flow_item *item);
	} items[] = {
		{RTE_FLOW_ITEM_TYPE_ETH, "eth", item_eth},
		{RTE_FLOW_ITEM_TYPE_VLAN, "vlan", item_vlan},
		{RTE_FLOW_ITEM_TYPE_IPV4, "ipv4", item_ipv4},
		{RTE_FLOW_ITEM_TYPE_IPV6, "ipv6", item_ipv6},
		{RTE_FLOW_ITEM_TYPE_TCP, "tcp", item_tcp},
		{RTE_FLOW_ITEM_TYPE_UDP, "udp", item_udp},
		{RTE_FLOW_ITEM_TYPE_RAW, "raw", item_raw},
		{RTE_PMD_MPNIC_ITEM_MPTCP, "mptcp", item_mptcp},
	};

	if (m->is_token)
		return REFUSE_ITEM(m, item, "an item behind raw cannot be matched");
	for (unsigned int i = 0; i < RTE_DIM(items); i++) {
		int err;

		if ((int)item->type != items[i].type)
			continue;
		err = check_item(m, item, items[i].name);
		return err ? err : items[i].take(m, item);
	}
	return REFUSE_ITEM(m, item, "items of type %d cannot be matched", (int)item->type);
}

static int take_pattern(struct making *m, const struct rte_flow_item *item)
{
	match8(m, KEY(source), (uint8_t)m->port->index, 0xff);
	for (; item->type != RTE_FLOW_ITEM_TYPE_END; item++) {
		int err;

		if (item->type == RTE_FLOW_ITEM_TYPE_VOID)
			continue;
		err = one_item(m, item);
		if (err)
			return err;
	}
	return 0;
}

/* --- actions ---------------------------------------------------------------------------------- */

static int take_fate(struct making *m, const struct rte_flow_action *action)
{
	if (m->fate)
		return REFUSE_ACTION(m, action, "a rule has one fate: queue, rss, drop or punt");
	m->fate = true;
	return 0;
}

static int action_queue(struct making *m, const struct rte_flow_action *action)
{
	const struct rte_flow_action_queue *conf = action->conf;
	const unsigned int queues = m->port->eth->data->nb_rx_queues;

	if (!conf || conf->index >= queues)
		return pmd_flow_refuse(m, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_CONF, conf,
				       "action queue: the port has %u queues", queues);
	m->rule.rx_queue = conf->index;
	m->rule.actions |= MPNIC_ACTION_QUEUE;
	return take_fate(m, action);
}

/* The card has one RSS table: a rule can leave a frame to it, and no more. */
static int action_rss(struct making *m, const struct rte_flow_action *action)
{
	const struct rte_flow_action_rss *conf = action->conf;

	if (conf && (conf->func != RTE_ETH_HASH_FUNCTION_DEFAULT &&
		     conf->func != RTE_ETH_HASH_FUNCTION_TOEPLITZ))
		return REFUSE_ACTION(m, action, "action rss: the hash is Toeplitz's");
	if (conf && conf->types & ~PMD_RSS_HF)
		return REFUSE_ACTION(m, action, "action rss: types 0x%" PRIx64 " cannot be hashed",
				     conf->types & ~PMD_RSS_HF);
	if (conf && (conf->level > 1 || conf->key_len))
		return REFUSE_ACTION(m, action, "action rss: level and key are the port's");
	if (conf && conf->queue_num && conf->queue_num != m->port->eth->data->nb_rx_queues)
		return REFUSE_ACTION(m, action, "action rss: over all %u queues of the port alone",
				     m->port->eth->data->nb_rx_queues);
	for (unsigned int i = 0; conf && i < conf->queue_num; i++)
		if (conf->queue[i] != i)
			return REFUSE_ACTION(m, action,
					     "action rss: over the port's queues in their order");
	return take_fate(m, action);
}

static int action_drop(struct making *m, const struct rte_flow_action *action)
{
	m->rule.actions |= MPNIC_ACTION_DROP;
	return take_fate(m, action);
}

static int action_punt(struct making *m, const struct rte_flow_action *action)
{
	m->rule.actions |= MPNIC_ACTION_PUNT;
	return take_fate(m, action);
}

static int action_mark(struct making *m, const struct rte_flow_action *action)
{
	const struct rte_flow_action_mark *conf = action->conf;

	if (!conf || conf->id > UINT32_MAX - PMD_MARK_BASE)
		return pmd_flow_refuse(m, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_CONF, conf,
				       "action mark: ids from 0 to 0x%x",
				       UINT32_MAX - PMD_MARK_BASE);
	if (m->rule.actions & MPNIC_ACTION_MARK)
		return REFUSE_ACTION(m, action, "action mark: twice");
	m->rule.mark = conf->id + PMD_MARK_BASE;
	m->rule.actions |= MPNIC_ACTION_MARK;
	return 0;
}

static int action_count(struct making *m, const struct rte_flow_action *action)
{
	if (m->count)
		return REFUSE_ACTION(m, action, "action count: twice");
	m->count = true;
	return 0;
}

static int action_strip(struct making *m, const struct rte_flow_action *action)
{
	const struct rte_pmd_mpnic_action_strip *conf = action->conf;

	if (!conf || !conf->subtypes)
		return pmd_flow_refuse(m, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_CONF, conf,
				       "action strip: which subtypes?");
	m->rule.strip |= conf->subtypes;
	m->rule.actions |= MPNIC_ACTION_STRIP;
	return 0;
}

static int action_mirror(struct making *m, const struct rte_flow_action *action)
{
	(void)action;
	m->rule.actions |= MPNIC_ACTION_MIRROR;
	return 0;
}

static int one_action(struct making *m, const struct rte_flow_action *action)
{
	static const struct {
		int type;
		int (*take)(struct making *m, const struct rte_flow_action *action);
	} actions[] = {
		{RTE_FLOW_ACTION_TYPE_QUEUE, action_queue},
		{RTE_FLOW_ACTION_TYPE_RSS, action_rss},
		{RTE_FLOW_ACTION_TYPE_DROP, action_drop},
		{RTE_FLOW_ACTION_TYPE_MARK, action_mark},
		{RTE_FLOW_ACTION_TYPE_COUNT, action_count},
		{RTE_PMD_MPNIC_ACTION_PUNT, action_punt},
		{RTE_PMD_MPNIC_ACTION_STRIP, action_strip},
		{RTE_PMD_MPNIC_ACTION_MIRROR, action_mirror},
	};

	for (unsigned int i = 0; i < RTE_DIM(actions); i++)
		if ((int)action->type == actions[i].type)
			return actions[i].take(m, action);
	return REFUSE_ACTION(m, action, "actions of type %d cannot be done", (int)action->type);
}

/* A frame that is dropped or punted is neither marked nor stripped: a rule must not say so. */
static int check_actions(struct making *m)
{
	const uint16_t did = m->rule.actions;

	if (!m->fate)
		return pmd_flow_refuse(m, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_NUM, NULL,
				       "the rule has no fate: queue, rss, drop or punt");
	if (did & (MPNIC_ACTION_DROP | MPNIC_ACTION_PUNT) &&
	    did & (MPNIC_ACTION_MARK | MPNIC_ACTION_STRIP))
		return pmd_flow_refuse(
			m, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, NULL,
			"a frame that is dropped or punted is not marked or stripped");
	if (m->is_token && did != MPNIC_ACTION_QUEUE)
		return pmd_flow_refuse(
			m, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, NULL,
			"subflows of a token can be given a queue, and nothing else");
	if (m->is_token && m->count)
		return pmd_flow_refuse(
			m, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, NULL,
			"action count: of a token there is the xstat rx_token_learnt");
	return 0;
}

static int take_actions(struct making *m, const struct rte_flow_action *action)
{
	for (; action->type != RTE_FLOW_ACTION_TYPE_END; action++) {
		int err;

		if (action->type == RTE_FLOW_ACTION_TYPE_VOID)
			continue;
		err = one_action(m, action);
		if (err)
			return err;
	}
	return check_actions(m);
}

static int take_attr(struct making *m, const struct rte_flow_attr *attr)
{
	if (attr->group)
		return pmd_flow_refuse(m, ENOTSUP, RTE_FLOW_ERROR_TYPE_ATTR_GROUP, attr,
				       "there is one group, 0");
	if (attr->egress || attr->transfer || !attr->ingress)
		return pmd_flow_refuse(m, ENOTSUP, RTE_FLOW_ERROR_TYPE_ATTR_EGRESS, attr,
				       "rules are for frames from the wire: ingress alone");
	if (attr->priority > PMD_PRIO_MAX)
		return pmd_flow_refuse(m, EINVAL, RTE_FLOW_ERROR_TYPE_ATTR_PRIORITY, attr,
				       "priorities from 0, the highest, to %u", PMD_PRIO_MAX);
	m->rule.prio = (uint8_t)attr->priority;
	m->rule.valid = 1;
	return 0;
}

int pmd_flow_parse(struct making *m, const struct rte_flow_attr *attr,
		   const struct rte_flow_item *pattern, const struct rte_flow_action *actions)
{
	int err = take_attr(m, attr);

	if (!err)
		err = take_pattern(m, pattern);
	return err ? err : take_actions(m, actions);
}
