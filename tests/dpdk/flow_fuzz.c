/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_flow with whatever an application may say: random items, masks, actions, in random order.
 * What validates must be created, what does not must not, and says why; under the sanitizers, which
 * see what is read beyond an item's bytes, for each of them has memory of just its size.
 *
 * usage: flow_fuzz EAL-ARGUMENTS -- SECONDS SEED
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_flow.h>

#include "rte_pmd_mpnic.h"

enum {
	ITEMS = 6,
	ACTIONS = 5,
	QUEUES = 4,
	KEEP = 80, /* rules: more than there is room for */
};

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20) % below;
}

/* Memory of a case; freed behind it. */
static void *memory[64];
static unsigned int taken;

static void *take(size_t size)
{
	void *m = size ? malloc(size) : NULL;

	if (m)
		memory[taken++] = m;
	return m;
}

/* Mostly zeros and ones, as masks are. */
static void *draw_bytes(size_t size)
{
	uint8_t *bytes = take(size);
	const uint32_t style = draw(4);

	for (size_t i = 0; i < size; i++)
		bytes[i] = style == 0 ? 0 : style == 1 ? 0xff : draw(4) ? 0 : (uint8_t)draw(256);
	return bytes;
}

static const struct {
	int type;
	size_t size;
} item_kinds[] = {
	{RTE_FLOW_ITEM_TYPE_VOID, 0},
	{RTE_FLOW_ITEM_TYPE_ETH, sizeof(struct rte_flow_item_eth)},
	{RTE_FLOW_ITEM_TYPE_VLAN, sizeof(struct rte_flow_item_vlan)},
	{RTE_FLOW_ITEM_TYPE_IPV4, sizeof(struct rte_flow_item_ipv4)},
	{RTE_FLOW_ITEM_TYPE_IPV6, sizeof(struct rte_flow_item_ipv6)},
	{RTE_FLOW_ITEM_TYPE_TCP, sizeof(struct rte_flow_item_tcp)},
	{RTE_FLOW_ITEM_TYPE_UDP, sizeof(struct rte_flow_item_udp)},
	{RTE_FLOW_ITEM_TYPE_SCTP, sizeof(struct rte_flow_item_sctp)},
	{RTE_FLOW_ITEM_TYPE_RAW, sizeof(struct rte_flow_item_raw)},
	{RTE_PMD_MPNIC_ITEM_MPTCP, sizeof(struct rte_pmd_mpnic_item_mptcp)},
	{-77, 8},
};

/* The one shape that is taken, or something near it. */
static void draw_raw(struct rte_flow_item_raw *spec, struct rte_flow_item_raw *mask)
{
	static const uint8_t join[8] = {30, 12, 0x10, 0};
	static const uint8_t bits[8] = {0xff, 0xff, 0xf0, 0, 0xff, 0xff, 0xff, 0xff};
	const uint16_t length = draw(3) ? 8 : (uint16_t)draw(12);
	uint8_t *pattern = draw_bytes(length), *pattern_mask = draw_bytes(length);

	*spec = (struct rte_flow_item_raw){.relative = !!draw(8),
					   .search = !!draw(8),
					   .offset = draw(8) ? 0 : (int32_t)draw(9),
					   .limit = draw(8) ? 40 : (uint16_t)draw(99),
					   .length = length,
					   .pattern = draw(16) ? pattern : NULL};
	*mask = *spec;
	mask->pattern = draw(16) ? pattern_mask : NULL;
	if (length != sizeof(join) || !draw(4))
		return;
	memcpy(pattern, join, 4);
	pattern[7] = (uint8_t)draw(8);
	memcpy(pattern_mask, bits, sizeof(bits));
}

static void draw_item(struct rte_flow_item *item)
{
	const unsigned int kind = draw(RTE_DIM(item_kinds));
	const size_t size = item_kinds[kind].size;
	void *spec = draw_bytes(size), *mask = draw_bytes(size);

	if (item_kinds[kind].type == RTE_FLOW_ITEM_TYPE_RAW)
		draw_raw(spec, mask);
	item->type = (enum rte_flow_item_type)item_kinds[kind].type;
	item->spec = draw(3) ? spec : NULL;
	item->mask = draw(3) ? mask : NULL;
	item->last = draw(20) ? NULL : spec;
}

/* Layers in their order, so that much of it makes sense. */
static void draw_layers(struct rte_flow_item *item)
{
	static struct rte_flow_item_tcp syn[2];

	syn[0].hdr.tcp_flags = 2;
	syn[1].hdr.tcp_flags = 0x12;
	item[0] = (struct rte_flow_item){.type = RTE_FLOW_ITEM_TYPE_ETH};
	item[1].type = draw(2) ? RTE_FLOW_ITEM_TYPE_IPV4 : RTE_FLOW_ITEM_TYPE_IPV6;
	item[2] = (struct rte_flow_item){
		.type = RTE_FLOW_ITEM_TYPE_TCP, .spec = &syn[0], .mask = &syn[1]};
	if (draw(2)) {
		struct rte_flow_item_raw *spec = take(sizeof(*spec)), *mask = take(sizeof(*mask));

		draw_raw(spec, mask);
		item[3] = (struct rte_flow_item){
			.type = RTE_FLOW_ITEM_TYPE_RAW, .spec = spec, .mask = mask};
	}
}

static const struct {
	int type;
	size_t size;
} action_kinds[] = {
	{RTE_FLOW_ACTION_TYPE_VOID, 0},
	{RTE_FLOW_ACTION_TYPE_QUEUE, sizeof(struct rte_flow_action_queue)},
	{RTE_FLOW_ACTION_TYPE_DROP, 0},
	{RTE_FLOW_ACTION_TYPE_MARK, sizeof(struct rte_flow_action_mark)},
	{RTE_FLOW_ACTION_TYPE_COUNT, sizeof(struct rte_flow_action_count)},
	{RTE_FLOW_ACTION_TYPE_RSS, sizeof(struct rte_flow_action_rss)},
	{RTE_PMD_MPNIC_ACTION_PUNT, 0},
	{RTE_PMD_MPNIC_ACTION_STRIP, sizeof(struct rte_pmd_mpnic_action_strip)},
	{RTE_PMD_MPNIC_ACTION_MIRROR, 0},
	{RTE_FLOW_ACTION_TYPE_JUMP, sizeof(struct rte_flow_action_jump)},
	{-99, 8},
};

static void draw_rss(struct rte_flow_action_rss *rss)
{
	const uint32_t queues = draw(6);
	uint16_t *queue = take(queues * sizeof(*queue));

	for (uint32_t i = 0; i < queues; i++)
		queue[i] = (uint16_t)(draw(8) ? i : draw(9));
	*rss = (struct rte_flow_action_rss){.func = (enum rte_eth_hash_function)draw(4),
					    .level = draw(3),
					    .types = draw(2) ? RTE_ETH_RSS_IP : draw(1u << 31),
					    .queue_num = queues,
					    .queue = queue};
}

static void draw_action(struct rte_flow_action *action)
{
	const unsigned int kind = draw(RTE_DIM(action_kinds));
	void *conf = draw_bytes(action_kinds[kind].size);

	action->type = (enum rte_flow_action_type)action_kinds[kind].type;
	if (action->type == RTE_FLOW_ACTION_TYPE_RSS)
		draw_rss(conf);
	action->conf = draw(6) ? conf : NULL;
}

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "flow_fuzz: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

static struct rte_flow *one_case(void)
{
	const struct rte_flow_attr attr = {.group = !draw(20),
					   .priority = draw(300),
					   .ingress = !!draw(20),
					   .egress = !draw(20),
					   .transfer = !draw(20)};
	struct rte_flow_item item[ITEMS] = {0};
	struct rte_flow_action action[ACTIONS] = {0};
	struct rte_flow_error error = {0};
	struct rte_flow *flow;
	int valid;

	if (draw(3))
		draw_layers(item);
	else
		for (unsigned int i = 0; i + 1 < ITEMS && draw(5); i++)
			draw_item(&item[i]);
	for (unsigned int i = 0; i + 1 < ACTIONS && (!i || draw(2)); i++)
		draw_action(&action[i]);
	valid = rte_flow_validate(0, &attr, item, action, &error);
	if (valid && (!error.message || !error.message[0]))
		die("refused without a reason");
	flow = rte_flow_create(0, &attr, item, action, &error);
	if (!valid != !!flow)
		die("validate says %d, and it was %s: %s", valid, flow ? "created" : "refused",
		    error.message);
	while (taken)
		free(memory[--taken]);
	return flow;
}

static void start(void)
{
	const struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_RSS},
					  .rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IP};
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		"fuzz", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);

	if (!pool || rte_eth_dev_configure(0, QUEUES, 1, &conf))
		die("no port");
	for (uint16_t q = 0; q < QUEUES; q++)
		if (rte_eth_rx_queue_setup(0, q, 64, SOCKET_ID_ANY, NULL, pool))
			die("no queue");
	if (rte_eth_tx_queue_setup(0, 0, 64, SOCKET_ID_ANY, NULL) || rte_eth_dev_start(0))
		die("the port does not start");
}

int main(int argc, char **argv)
{
	static struct rte_flow *kept[KEEP];
	const int used = rte_eal_init(argc, argv);
	struct rte_flow_error error;
	uint64_t until, cases = 0, made = 0;

	if (used < 0 || argc - used < 3)
		die("usage: flow_fuzz EAL-ARGUMENTS -- SECONDS SEED");
	seed = strtoull(argv[argc - 1], NULL, 0) * 0x9e3779b97f4a7c15u + 1;
	start();
	until = rte_get_timer_cycles() + strtoull(argv[argc - 2], NULL, 0) * rte_get_timer_hz();
	for (; rte_get_timer_cycles() < until; cases++) {
		struct rte_flow **at = &kept[draw(KEEP)];

		if (*at && rte_flow_destroy(0, *at, &error))
			die("destroy: %s", error.message);
		*at = one_case();
		made += *at != NULL;
	}
	if (rte_flow_flush(0, &error))
		die("flush: %s", error.message);
	if (!made || made == cases)
		die("%" PRIu64 " of %" PRIu64 " rules were made: that is no test", made, cases);
	printf("flow_fuzz: %" PRIu64 " rules, of which %" PRIu64 " were made\n", cases, made);
	rte_eth_dev_stop(0);
	rte_eth_dev_close(0);
	return rte_eal_cleanup();
}
