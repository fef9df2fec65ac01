/* SPDX-License-Identifier: BSD-3-Clause */
/* What the device's model alone has: it sleeps, its bursts are of one poll. */
#include <criterion/criterion.h>

#include "build.h"
#include "host.h"

enum {
	LOG2 = 3,
};

static void frame_of(struct frame *f, size_t payload)
{
	const struct spec spec = {.ip = 4, .proto = 6, .tcp_flags = ACK, .payload_len = payload};

	build(&spec, f);
}

static void receive(struct host *h, unsigned int port, size_t payload)
{
	static struct frame f;

	frame_of(&f, payload);
	h->engine->receive(h->device, port, f.bytes, f.len);
}

Test(device, a_burst_makes_one_interrupt)
{
	struct host *h = host_up(1, LOG2);

	for (unsigned int i = 0; i < 6; i++)
		host_buffer(h, 0, 256);
	host_ring_rx(h, 0);
	receive(h, 0, 1);
	receive(h, 0, 1);
	host_poll(h, 4);
	cr_assert_eq(h->irqs[0], 1);
	host_free(h);
}

Test(device, it_sleeps_unless_a_doorbell_was_rung)
{
	struct host *h = host_up(1, LOG2);
	static struct frame f;
	uint64_t wake;

	host_poll(h, 8);
	cr_assert(h->engine->sleep(h->device, &wake));
	cr_assert_eq(h->doorbells[MPNIC_DOORBELL_NEED_KICK / 4], 1);
	cr_assert(wake > h->now_ns && wake <= h->now_ns + 200 * (uint64_t)HOST_MS);
	host_poll(h, 1);
	cr_assert_eq(h->doorbells[MPNIC_DOORBELL_NEED_KICK / 4], 0);
	frame_of(&f, 1);
	host_send(h, 0, f.bytes, (uint16_t)f.len, MPNIC_TX_EOP, 0);
	host_ring_tx(h, 0);
	cr_assert_not(h->engine->sleep(h->device, &wake));
	cr_assert_eq(h->doorbells[MPNIC_DOORBELL_NEED_KICK / 4], 0);
	host_free(h);
}

/* As host_admin(), without a poll. Returns whether it was answered. */
static bool served(struct host *h, uint16_t op, bool *all)
{
	const uint32_t slot = h->admin.tail++ % h->admin.size;
	struct mpnic_admin_cmd *cmd = host_at(h, h->admin.desc + slot * sizeof(*cmd), sizeof(*cmd));
	const struct mpnic_admin_cpl *cpl =
		host_at(h, h->admin.cpl + slot * sizeof(*cpl), sizeof(*cpl));
	const uint8_t before = cpl->phase;

	*cmd = (struct mpnic_admin_cmd){.op = op, .cookie = ++h->cookie};
	h->doorbells[MPNIC_DOORBELL_ADMIN / 4] = h->admin.tail;
	*all = h->engine->serve(h->device, h->now_ns);
	return cpl->phase != before && cpl->cookie == h->cookie && cpl->op == op;
}

/* Firmware alone: the sleep goes on, and frames wait for a poll. */
Test(device, admin_commands_are_served_during_a_sleep)
{
	struct host *h = host_up(1, LOG2);
	static struct frame f;
	uint64_t wake;
	bool all;

	host_poll(h, 8);
	cr_assert(h->engine->sleep(h->device, &wake));
	frame_of(&f, 1);
	host_send(h, 0, f.bytes, (uint16_t)f.len, MPNIC_TX_EOP, 0);
	host_ring_tx(h, 0);
	for (unsigned int i = 0; i < 20; i++) {
		cr_assert(served(h, MPNIC_ADMIN_OP_NOP, &all));
		cr_assert(all);
	}
	cr_assert_eq(h->doorbells[MPNIC_DOORBELL_NEED_KICK / 4], 1);
	cr_assert_eq(h->sent_count, 0);
	host_poll(h, 2);
	cr_assert_eq(h->sent_count, 1);
	h->engine->fault(h->device, MPNIC_FAULT_FW_HANG);
	cr_assert_not(served(h, MPNIC_ADMIN_OP_NOP, &all));
	cr_assert_not(all);
	host_free(h);
}

static void post(struct host *h, unsigned int buffers)
{
	while (buffers--)
		host_buffer(h, 0, 64);
	host_ring_rx(h, 0);
}

/* Takes the next completion; none: the frame was dropped. */
static bool came_whole(struct host *h, size_t payload)
{
	const struct mpnic_rx_cpl *cpl;

	receive(h, 0, payload);
	cpl = host_rx(h, 0);
	return cpl && cpl->status == MPNIC_RX_STATUS_OK && cpl->len == 54 + payload;
}

Test(device, an_rx_doorbell_is_looked_at_in_each_poll)
{
	struct host *h = host_up(1, 8);

	post(h, 200);
	host_poll(h, 1);
	cr_assert(came_whole(h, 1));
	/* Not between two frames, while there are buffers for any. */
	h->doorbells[MPNIC_DOORBELL_RX / 4] += 1000;
	cr_assert(came_whole(h, 1));
	host_poll(h, 1);
	cr_assert_not(came_whole(h, 1));
	cr_assert_eq(host_stat(h, 0, MPNIC_STAT_RX_NO_BUFFER), 1);
	/* What made no sense is looked at again at once. */
	host_ring_rx(h, 0);
	cr_assert(came_whole(h, 1));
	host_free(h);
}

Test(device, an_rx_doorbell_is_looked_at_where_buffers_may_be_short)
{
	struct host *h = host_up(1, 8);

	post(h, 200);
	host_poll(h, 1);
	for (unsigned int i = 0; i < 195; i++)
		cr_assert(came_whole(h, 1));
	post(h, 100);
	cr_assert(came_whole(h, 1400));
	host_free(h);
}
