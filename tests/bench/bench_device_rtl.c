/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_device_rtl: what the device in RTL needs, in clocks: insertions by its firmware, frames to
 * the host and back through DMA; and how fast it is simulated. Figures of clocks do not depend on
 * the machine. Text for people; docs/performance.md has the method.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "build.h"
#include "device_engine.h"
#include "host.h"

enum {
	MHZ = 200,
	FLOWS = 480,
	FRAMES = 480,
	RX_LOG2 = 9,
	FRAME = 512,
};

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static __attribute__((noreturn)) void fail(const char *what)
{
	fprintf(stderr, "bench_device_rtl: %s\n", what);
	exit(1);
}

static struct device_engine_counts count(const struct host *h)
{
	struct device_engine_counts c;

	device_engine_counts(h->device, &c);
	return c;
}

static void flow_of(struct mpnic_admin_flow *flow, uint32_t i)
{
	struct mpnic_key key = {.lo_port = 80, .hi_port = (uint16_t)i, .proto = 6, .kind = 4};

	memset(flow, 0, sizeof(*flow));
	memcpy(key.lo_addr, "\12\0\0\1", 4);
	key.hi_addr[0] = 20;
	memcpy(flow->key, &key, sizeof(key));
	flow->conn_id = MPNIC_ID_NONE;
}

/* As many commands as the ring holds, then until all are answered. */
static void insertions(struct host *h)
{
	struct device_engine_counts before = count(h);
	uint64_t clocks;
	uint32_t i = 0;

	device_engine_patience(h->device, 64, true);
	while (i < FLOWS) {
		const uint32_t first = h->admin.tail;

		for (unsigned int k = 0; k + 1 < h->admin.size && i < FLOWS; k++, i++) {
			const uint32_t slot = h->admin.tail++ % h->admin.size;
			struct mpnic_admin_cmd *cmd =
				host_at(h, h->admin.desc + slot * sizeof(*cmd), sizeof(*cmd));

			*cmd = (struct mpnic_admin_cmd){.op = MPNIC_ADMIN_OP_FLOW_ADD};
			flow_of((struct mpnic_admin_flow *)(void *)cmd->data, i);
		}
		h->doorbells[MPNIC_DOORBELL_ADMIN / 4] = h->admin.tail;
		while (h->admin.next != h->admin.tail) {
			const uint32_t slot = h->admin.next % h->admin.size;
			const struct mpnic_admin_cpl *cpl =
				host_at(h, h->admin.cpl + slot * sizeof(*cpl), sizeof(*cpl));

			if (cpl->phase != !(h->admin.next / h->admin.size & 1)) {
				h->engine->poll(h->device, h->now_ns);
				continue;
			}
			if (cpl->status)
				fail("a flow was not added");
			h->admin.next++;
		}
		if (h->admin.tail == first)
			break;
	}
	clocks = count(h).clocks - before.clocks;
	printf("insertions by firmware   %8.0f clocks each, %6.0f a second at %d MHz\n",
	       (double)clocks / FLOWS, 1e6 * MHZ * FLOWS / (double)clocks, MHZ);
}

/* Frames from the wire, as fast as they come, into buffers that are all there. */
static void receive(struct host *h, size_t len)
{
	const struct spec spec = {.ip = 4, .proto = 17, .payload_len = len - 42};
	struct device_engine_counts before, after;
	static struct frame f;
	double start;

	h->used = HOST_MEM / 2; /* again */
	build(&spec, &f);
	for (unsigned int i = 0; i < FRAMES; i++)
		host_buffer(h, 0, 2048);
	host_ring_rx(h, 0);
	h->engine->poll(h->device, h->now_ns);
	device_engine_patience(h->device, 64, false);
	before = count(h);
	start = seconds();
	for (unsigned int i = 0; i < FRAMES; i++)
		h->engine->receive(h->device, 0, f.bytes, f.len);
	for (unsigned int got = 0; got < FRAMES;) {
		if (host_rx(h, 0))
			got++;
		else
			h->engine->poll(h->device, h->now_ns);
	}
	after = count(h);
	printf("received, %4zu bytes      %8.2f clocks a frame, %5.1f bytes a clock, W busy %5.1f %%, %6.0f frames a second simulated\n",
	       len, (double)(after.clocks - before.clocks) / FRAMES,
	       (double)len * FRAMES / (double)(after.clocks - before.clocks),
	       100.0 * (double)(after.write_beats - before.write_beats) /
		       (double)(after.clocks - before.clocks),
	       FRAMES / (seconds() - start));
}

static void transmit(struct host *h, size_t len, uint16_t flags)
{
	const struct spec spec = {.ip = 4, .proto = 17, .payload_len = len - 42};
	struct device_engine_counts before, after;
	static struct frame f;
	const unsigned int sent = h->sent_count;
	double start;

	h->used = HOST_MEM / 2;
	build(&spec, &f);
	for (unsigned int i = 0; i < FRAMES; i++)
		host_send(h, 0, f.bytes, (uint16_t)f.len, MPNIC_TX_EOP | flags, 0);
	device_engine_patience(h->device, 64, false);
	before = count(h);
	start = seconds();
	host_ring_tx(h, 0);
	while (h->sent_count - sent < FRAMES)
		h->engine->poll(h->device, h->now_ns);
	after = count(h);
	printf("sent%s, %4zu bytes  %8.2f clocks a frame, %5.1f bytes a clock, %26.0f frames a second simulated\n",
	       flags ? " with sums" : "          ", len,
	       (double)(after.clocks - before.clocks) / FRAMES,
	       (double)len * FRAMES / (double)(after.clocks - before.clocks),
	       FRAMES / (seconds() - start));
}

/* Of one frame: from its first beat on the wire to its completion in memory; and out again. */
static void latency(struct host *h)
{
	const struct spec spec = {.ip = 4, .proto = 17, .payload_len = FRAME - 42};
	uint64_t start;
	static struct frame f;
	unsigned int sent;

	build(&spec, &f);
	host_buffer(h, 0, 2048);
	host_ring_rx(h, 0);
	device_engine_patience(h->device, 2000, false);
	h->engine->poll(h->device, h->now_ns);
	device_engine_patience(h->device, 1, false);
	start = count(h).clocks;
	h->engine->receive(h->device, 0, f.bytes, f.len);
	while (!host_rx(h, 0))
		h->engine->poll(h->device, h->now_ns);
	printf("latency, 512 bytes       %8" PRIu64 " clocks from the wire to the completion",
	       count(h).clocks - start);
	device_engine_patience(h->device, 2000, false);
	h->engine->poll(h->device, h->now_ns);
	device_engine_patience(h->device, 1, false);
	sent = h->sent_count;
	host_send(h, 0, f.bytes, (uint16_t)f.len, MPNIC_TX_EOP, 0);
	start = count(h).clocks;
	host_ring_tx(h, 0);
	while (h->sent_count == sent)
		h->engine->poll(h->device, h->now_ns);
	printf(", %" PRIu64 " from the doorbell to the wire\n", count(h).clocks - start);
}

int main(void)
{
	struct host *h = host_up(1, RX_LOG2);

	printf("boot, image of 24 KiB    %8" PRIu64 " clocks\n", count(h).clocks);
	insertions(h);
	receive(h, 64);
	receive(h, FRAME);
	receive(h, 1500);
	transmit(h, 64, 0);
	transmit(h, FRAME, 0);
	transmit(h, FRAME, MPNIC_TX_CSUM);
	transmit(h, 1500, 0);
	latency(h);
	host_free(h);
	return 0;
}
