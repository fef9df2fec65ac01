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
