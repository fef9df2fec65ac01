/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_device: what a packet costs the device's model alone, on one core with host memory beside
 * it: frames go from a Tx queue to the wire, and come back from there into an Rx queue, so that
 * each passes the pipeline twice. No card, no socket, no other core: what bench_driver says can
 * come near this, and never above it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "build.h"
#include "host.h"

enum {
	LOG2 = 9,
	RING = 1 << LOG2,
	BURST = 32,
	BURSTS = 50000,
};

/* Of this process: others do not count. */
static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static __attribute__((noreturn)) void fail(const char *what)
{
	fprintf(stderr, "bench_device: %s\n", what);
	exit(1);
}

static void post(struct host *h, unsigned int n, const uint64_t *buffers)
{
	struct host_ring *ring = &h->rx[0];

	for (; n; n--, ring->tail++) {
		const uint32_t slot = ring->tail % ring->size;
		struct mpnic_rx_desc *desc =
			host_at(h, ring->desc + slot * sizeof(*desc), sizeof(*desc));

		*desc = (struct mpnic_rx_desc){.addr = buffers[slot], .len = 2048};
	}
	host_ring_rx(h, 0);
}

static void transmit(struct host *h, uint64_t data, size_t len)
{
	struct host_ring *ring = &h->tx[0];

	for (unsigned int i = 0; i < BURST; i++) {
		const uint32_t slot = ring->tail++ % ring->size;
		struct mpnic_tx_desc *desc =
			host_at(h, ring->desc + slot * sizeof(*desc), sizeof(*desc));

		*desc = (struct mpnic_tx_desc){
			.addr = data,
			.len = (uint16_t)len,
			.flags = (uint16_t)(MPNIC_TX_EOP | (i + 1 == BURST ? MPNIC_TX_REPORT : 0))};
	}
	host_ring_tx(h, 0);
}

/* A burst out and back. */
static void burst(struct host *h, uint64_t data, size_t len, const uint64_t *buffers)
{
	unsigned int got = 0;

	transmit(h, data, len);
	h->sent_count = 0;
	h->engine->poll(h->device, ++h->now_ns);
	if (h->sent_count != BURST || !host_tx(h, 0))
		fail("not all frames were sent");
	for (unsigned int i = 0; i < BURST; i++)
		h->engine->receive(h->device, 0, h->sent[i].data, h->sent[i].len);
	while (host_rx(h, 0))
		got++;
	if (got != BURST)
		fail("not all frames came back");
	post(h, got, buffers);
}

static void measure(struct host *h, const char *what, const struct frame *f,
		    const uint64_t *buffers)
{
	const uint64_t data = host_alloc(h, f->len);
	double took;

	memcpy(host_at(h, data, f->len), f->bytes, f->len);
	for (unsigned int i = 0; i < BURSTS / 10; i++)
		burst(h, data, f->len, buffers);
	took = seconds();
	for (unsigned int i = 0; i < BURSTS; i++)
		burst(h, data, f->len, buffers);
	took = seconds() - took;
	printf("%-28s %4zu bytes %8.1f ns a frame out and back, %6.2f million packets a second\n",
	       what, f->len, took * 1e9 / BURSTS / BURST, 2e-6 * BURSTS * BURST / took);
}

int main(void)
{
	/* A DSS with mapping and checksum, of a connection that no table knows. */
	static const uint8_t dss[20] = {30, 20, 0x20, 0x05, 0, 0, 0, 1, 0, 0,
					0,  2,	0,    0,    0, 1, 2, 0, 0, 0};
	const struct spec tcp = {.ip = 4,
				 .proto = 6,
				 .tcp_flags = ACK,
				 .opts = dss,
				 .opt_len = sizeof(dss),
				 .payload_len = 512};
	const struct spec udp = {.ip = 4, .proto = 17, .payload_len = 18};
	struct host *h = host_up(1, LOG2);
	static struct frame f;
	uint64_t buffers[RING];

	h->used = HOST_MEM / 4;
	for (unsigned int i = 0; i < RING; i++)
		buffers[i] = host_alloc(h, 2048);
	post(h, RING, buffers);
	f.len = 60;
	memcpy(f.bytes, "\xff\xff\xff\xff\xff\xff\2\0\0\0\0\1\x88\xb5", 14);
	measure(h, "no IP", &f, buffers);
	build(&udp, &f);
	measure(h, "UDP", &f, buffers);
	build(&tcp, &f);
	measure(h, "TCP with DSS", &f, buffers);
	host_free(h);
	return 0;
}
