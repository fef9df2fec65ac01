/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host that does whatever it likes: random registers, doorbells, rings, commands, and frames. The
 * device must neither crash nor lose its way: one queue that is used as it should be works all the
 * while, and a reset brings everything back.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "build.h"
#include "gen.h"
#include "host.h"

enum {
	ROUNDS = 60, /* ROUNDS_SLOW where a clock is a clock */
	ROUNDS_SLOW = 3,
	STEPS = 600,
	GOOD = 7, /* the queue that is used as it should be */
	LOG2 = 3,
};

static uint32_t below(uint64_t *seed, uint32_t n)
{
	return (uint32_t)((rnd(seed) >> 32) * n >> 32);
}

static uint32_t some_value(uint64_t *seed)
{
	static const uint32_t values[] = {0, 1, 7, 8, 9, 0x7f, 0x100, 0xffff, 0x80000000, ~0u};

	return below(seed, 2) ? values[below(seed, sizeof(values) / sizeof(values[0]))]
			      : (uint32_t)rnd(seed);
}

/* Any register but RESET, and but what ends the good queue's admin ring. */
static void poke(struct host *h, uint64_t *seed)
{
	const uint32_t offset =
		below(seed, 4) ? below(seed, 64) * 4 : below(seed, MPNIC_BAR_SIZE / 4) * 4;

	if (offset >= MPNIC_HOST_ADMIN_RING && offset <= MPNIC_HOST_ADMIN_CONTROL)
		return;
	host_read(h, offset);
	if (offset != MPNIC_HOST_RESET || !below(seed, 8))
		host_write(h, offset, some_value(seed));
}

static void ring_bells(struct host *h, uint64_t *seed)
{
	const uint32_t at = below(seed, MPNIC_DOORBELL_NEED_KICK / 4);

	if (at == MPNIC_DOORBELL_ADMIN / 4 || at == MPNIC_DOORBELL_RX / 4 + GOOD ||
	    at == MPNIC_DOORBELL_TX / 4 + GOOD)
		return;
	h->doorbells[at] = below(seed, 2) ? h->doorbells[at] + below(seed, 12) : some_value(seed);
}

/* Bytes of rings and buffers of the queues that are not the good one's. */
static void scribble(struct host *h, uint64_t *seed)
{
	const uint64_t from = h->rx[0].desc - HOST_BASE;
	const uint64_t to = h->tx[GOOD - 1].cpl - HOST_BASE;

	for (unsigned int i = 0; i < 32; i++)
		h->mem[from + rnd(seed) % (to - from)] = (uint8_t)rnd(seed);
}

/* Descriptors that are nearly right. */
static void describe(struct host *h, uint64_t *seed)
{
	const unsigned int q = below(seed, GOOD);
	struct mpnic_tx_desc *desc =
		host_at(h, (below(seed, 2) ? h->tx : h->rx)[q].desc + 16 * below(seed, 1 << LOG2),
			sizeof(*desc));

	*desc = (struct mpnic_tx_desc){
		.addr = below(seed, 8) ? HOST_BASE + (rnd(seed) % HOST_MEM) : rnd(seed),
		.len = (uint16_t)(below(seed, 4) ? below(seed, 2000) : rnd(seed)),
		.flags = below(seed, 3) ? MPNIC_TX_EOP | (below(seed, 16) & MPNIC_TX_CSUM)
					: (uint16_t)rnd(seed),
		.port = (uint8_t)(below(seed, 8) ? below(seed, 2) : rnd(seed)),
	};
}

/* Any command about other queues, vectors and tables; ports and settings are the good queue's. */
static void command(struct host *h, uint64_t *seed)
{
	const uint16_t op = (uint16_t)below(seed, 40);
	uint8_t data[112];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = below(seed, 3) ? 0 : (uint8_t)rnd(seed);
	if (op == MPNIC_ADMIN_OP_PORT_SET || op == MPNIC_ADMIN_OP_SETTINGS_SET ||
	    op == MPNIC_ADMIN_OP_RETA_SET || op == MPNIC_ADMIN_OP_RULE_SET)
		return;
	if (op == MPNIC_ADMIN_OP_QUEUE_CREATE || op == MPNIC_ADMIN_OP_QUEUE_DESTROY)
		host_admin(h, op, below(seed, GOOD), 0, data, sizeof(data), NULL);
	else
		host_admin(h, op, some_value(seed) % 2048, some_value(seed), data, sizeof(data),
			   NULL);
}

/* A frame from the wire that only the good queue has buffers for. */
static void good_frame(struct host *h, uint64_t *seed)
{
	static struct frame f;
	const struct spec spec = {.ip = 4, .proto = 17, .payload_len = below(seed, 1000)};
	const struct mpnic_rx_cpl *cpl;
	uint64_t buffer;

	h->used = HOST_MEM / 2; /* buffers are used again */
	buffer = host_buffer(h, GOOD, 2048);
	host_ring_rx(h, GOOD);
	build(&spec, &f);
	h->engine->receive(h->device, 1, f.bytes, f.len);
	cpl = host_rx(h, GOOD);
	cr_assert(cpl, "the good queue's frame is lost");
	cr_assert_eq(cpl->len, f.len);
	cr_assert_arr_eq(host_at(h, buffer, f.len), f.bytes, f.len);
}

static void bad_frame(struct host *h, uint64_t *seed)
{
	static struct gen_packet p;

	gen_random(rnd(seed), &p);
	h->engine->receive(h->device, 0, p.frame, p.len);
}

static void step(struct host *h, uint64_t *seed)
{
	switch (below(seed, 8)) {
	case 0:
		poke(h, seed);
		break;
	case 1:
		ring_bells(h, seed);
		break;
	case 2:
		scribble(h, seed);
		break;
	case 3:
		command(h, seed);
		break;
	case 4:
		good_frame(h, seed);
		break;
	case 5:
		bad_frame(h, seed);
		break;
	case 6:
		describe(h, seed);
		break;
	default:
		h->now_ns += below(seed, 1000000);
		host_poll(h, 1);
	}
}

Test(hostile, one_good_queue_beside_a_mad_host)
{
	const bool slow = strcmp(host_engine->name, "model");

	for (uint64_t round = 0; round < (slow ? ROUNDS_SLOW : ROUNDS); round++) {
		uint64_t seed = round * 7919 + 1;
		struct host *h = host_up(GOOD + 1, LOG2);
		const uint32_t generation = host_read(h, MPNIC_HOST_GENERATION);

		host_port(h, 0, MPNIC_PORT_UP | MPNIC_PORT_PROMISCUOUS, 0, GOOD);
		host_port(h, 1, MPNIC_PORT_UP | MPNIC_PORT_PROMISCUOUS, GOOD, 1);
		for (unsigned int i = 0; i < STEPS; i++)
			step(h, &seed);
		cr_assert_eq(host_read(h, MPNIC_HOST_GENERATION), generation, "a reset by itself");
		host_write(h, MPNIC_HOST_RESET, MPNIC_RESET_MAGIC << 16 | MPNIC_RESET_USER);
		cr_assert_eq(host_boot(h), MPNIC_DEVICE_STATUS_RUNNING);
		host_free(h);
	}
}
