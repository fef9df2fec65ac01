/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles of the DPDK driver for each frame, beside other drivers on the same machine in one run.
 *
 * usage: bench_dpdk EAL-ARGUMENTS -- [ROUNDS]
 *
 * Method. Each port has one queue pair, and 256 frames of 60 bytes go round: received and sent
 * again 32 at a time, as an application would. What is measured is rx_burst and tx_burst alone, by
 * the time stamp counter, and only when 32 frames wait (rte_eth_rx_queue_count(), where the driver
 * has it): the card, a simulated one on another core, is no part of it. Ports take turns, ROUNDS
 * bursts each at a time, so that a busy moment of the machine hits all; of each port's bursts the
 * median counts.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

enum {
	BURST = 32,
	GOING = 256,
	DESCS = 1024,
	TURNS = 40,
	FRAME = 60,
	PORTS = 8,
	WAIT_MS = 2000,
};

struct port {
	uint16_t id;
	char name[RTE_ETH_NAME_MAX_LEN];
	bool counts; /* it tells how many frames wait */
	uint32_t *rx, *tx;
	unsigned int bursts;
};

static struct rte_mempool *pool;

__attribute__((noreturn)) static void die(const char *what, int err)
{
	fprintf(stderr, "bench_dpdk: %s: %s\n", what, rte_strerror(-err));
	exit(1);
}

static void must(int err, const char *what)
{
	if (err)
		die(what, err);
}

static void start(struct port *p)
{
	const struct rte_eth_conf conf = {0};

	must(rte_eth_dev_configure(p->id, 1, 1, &conf), "configure");
	must(rte_eth_rx_queue_setup(p->id, 0, DESCS, SOCKET_ID_ANY, NULL, pool), "Rx queue");
	must(rte_eth_tx_queue_setup(p->id, 0, DESCS, SOCKET_ID_ANY, NULL), "Tx queue");
	rte_eth_promiscuous_enable(p->id);
	must(rte_eth_dev_start(p->id), "start");
	p->counts = rte_eth_rx_queue_count(p->id, 0) >= 0;
}

/* Frames that the loop sends round. */
static void feed(const struct port *p)
{
	struct rte_mbuf *mbuf[BURST];

	for (unsigned int n = 0; n < GOING; n += BURST) {
		must(rte_pktmbuf_alloc_bulk(pool, mbuf, BURST), "mbufs");
		for (unsigned int i = 0; i < BURST; i++) {
			uint8_t *frame = (uint8_t *)rte_pktmbuf_append(mbuf[i], FRAME);

			memset(frame, 0, FRAME);
			frame[0] = frame[6] = 2;
			frame[12] = 0x88;
			frame[13] = 0xb5;
		}
		for (uint16_t sent = 0; sent < BURST;)
			sent += rte_eth_tx_burst(p->id, 0, mbuf + sent, BURST - sent);
	}
}

static bool wait_frames(const struct port *p)
{
	const uint64_t until = rte_get_timer_cycles() + WAIT_MS * rte_get_timer_hz() / 1000;

	while (p->counts && rte_eth_rx_queue_count(p->id, 0) < BURST)
		if (rte_get_timer_cycles() > until)
			return false;
	return true;
}

static bool one_burst(struct port *p)
{
	struct rte_mbuf *mbuf[BURST];
	uint64_t begin, received, sent;
	uint16_t n, out;

	if (!wait_frames(p))
		return false;
	begin = rte_rdtsc_precise();
	n = rte_eth_rx_burst(p->id, 0, mbuf, BURST);
	received = rte_rdtsc_precise();
	out = rte_eth_tx_burst(p->id, 0, mbuf, n);
	sent = rte_rdtsc_precise();
	while (out < n)
		out += rte_eth_tx_burst(p->id, 0, mbuf + out, n - out);
	if (n != BURST)
		return true;
	p->rx[p->bursts] = (uint32_t)(received - begin);
	p->tx[p->bursts++] = (uint32_t)(sent - received);
	return true;
}

static int by_size(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double median(uint32_t *cycles, unsigned int count)
{
	qsort(cycles, count, sizeof(*cycles), by_size);
	return count ? (double)cycles[count / 2] / BURST : 0;
}

static void report(struct port *p)
{
	const double rx = median(p->rx, p->bursts), tx = median(p->tx, p->bursts);

	printf("%-20s %8.1f %8.1f %8.1f   %u bursts%s\n", p->name, rx, tx, rx + tx, p->bursts,
	       p->counts ? "" : ", frames always wait");
}

int main(int argc, char **argv)
{
	static struct port port[PORTS];
	const int used = rte_eal_init(argc, argv);
	unsigned int count = 0, rounds;
	uint16_t id;

	if (used < 0)
		return 2;
	rounds = argc - used > 1 ? (unsigned int)atoi(argv[used + 1]) : 2000;
	pool = rte_pktmbuf_pool_create("bench", 32767, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	if (!pool)
		die("no pool", -rte_errno);
	RTE_ETH_FOREACH_DEV(id)
	{
		struct port *p = &port[count];

		/* A card's second port has no part in this. */
		rte_eth_dev_get_name_by_port(id, p->name);
		if (count == PORTS || strstr(p->name, "_port1"))
			continue;
		p->id = id;
		p->rx = calloc((size_t)rounds * TURNS, sizeof(*p->rx));
		p->tx = calloc((size_t)rounds * TURNS, sizeof(*p->tx));
		if (!p->rx || !p->tx)
			die("no memory", -ENOMEM);
		start(p);
		feed(p);
		count++;
	}
	for (unsigned int turn = 0; turn < TURNS; turn++)
		for (unsigned int i = 0; i < count; i++)
			for (unsigned int n = 0; n < rounds; n++)
				if (!one_burst(&port[i]))
					die(port[i].name, -ETIMEDOUT);
	printf("cycles a frame, bursts of %u, frames of %u bytes, median; %.0f MHz\n"
	       "%-20s %8s %8s %8s\n",
	       BURST, FRAME, (double)rte_get_tsc_hz() / 1e6, "driver", "Rx", "Tx", "both");
	for (unsigned int i = 0; i < count; i++)
		report(&port[i]);
	for (unsigned int i = 0; i < count; i++) {
		rte_eth_dev_stop(port[i].id);
		rte_eth_dev_close(port[i].id);
	}
	return rte_eal_cleanup();
}
