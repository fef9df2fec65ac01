/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_driver SIM IMAGE: libmpnic in this process, the simulated card (C model) in another, port 0
 * looped: frames a second out and back, latency of one, what a doorbell and an admin command cost.
 * The card spins on one core while there is something to do, this program on another. Frames are
 * counted in windows of a millisecond: on a machine with other work, some of them have both cores.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../driver/card.h"
#include "mpnic.h"

enum {
	BUF_SIZE = 2048,
	RING_LOG2 = 10,
	BUFS = 1 << RING_LOG2,
	BURST = 32,
	WINDOW = 512,
	WINDOWS = 2000,
	WINDOW_NS = 1000000,
	SAMPLES = 5000,
};

struct setup {
	struct mpnic_dev *dev;
	struct mpnic_dma dma; /* Rx buffers, then one frame */
	struct mpnic_rxq *rx;
	struct mpnic_txq *tx;
};

static pid_t sim;
static char folder[] = "/tmp/mpnic-bench-XXXXXX", socket_path[64];

static __attribute__((noreturn)) void fail(const char *what, const char *why)
{
	fprintf(stderr, "bench_driver: %s: %s\n", what, why);
	if (sim > 0)
		kill(sim, SIGKILL);
	unlink(socket_path);
	rmdir(folder);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Onto the nth of the processors that we may use, if there are so many. */
static void pin(const cpu_set_t *allowed, int nth)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, allowed) || nth--)
			continue;
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

static void start_sim(const char *path)
{
	cpu_set_t allowed;
	const char *const argv[] = {path,	 "serve",   "--quiet", "--socket",
				    socket_path, "--port0", "loop",    NULL};

	sched_getaffinity(0, sizeof(allowed), &allowed);
	pin(&allowed, 1);
	sim = card_start((char *const *)argv, socket_path);
	pin(&allowed, 0);
	if (sim < 0)
		fail(path, "does not start");
}

static void post(struct setup *s, unsigned int slot)
{
	const struct mpnic_buf buf = {
		.iova = s->dma.iova + (uint64_t)slot * BUF_SIZE,
		.cookie = (uint8_t *)s->dma.addr + (size_t)slot * BUF_SIZE,
		.len = BUF_SIZE,
	};

	mpnic_rxq_post(s->rx, &buf, 1);
}

static void set_up(struct setup *s, const char *image)
{
	static const uint8_t head[14] = {255, 255, 255, 255, 255, 255,	2,
					 0,   0,   0,	0,   1,	  0x88, 0xb5};
	const struct mpnic_queue_options options = {.log2 = RING_LOG2, .vector = MPNIC_NO_VECTOR};
	const struct mpnic_options open = {.firmware = image};
	const struct mpnic_admin_port port = {
		.flags = MPNIC_PORT_UP | MPNIC_PORT_PROMISCUOUS, .mtu = 9000, .queue_count = 1};
	char name[80], error[MPNIC_ERROR_MAX];

	snprintf(name, sizeof(name), MPNIC_VFIO_USER "%s", socket_path);
	if (mpnic_open(name, &open, &s->dev, error))
		fail("open", error);
	if (mpnic_start(s->dev, 0) || mpnic_dma_alloc(s->dev, (BUFS + 1) * BUF_SIZE, &s->dma) ||
	    mpnic_rxq_create(s->dev, 0, &options, &s->rx) ||
	    mpnic_txq_create(s->dev, 0, &options, &s->tx) || mpnic_admin_port_set(s->dev, 0, &port))
		fail("start", mpnic_error(s->dev));
	memcpy((uint8_t *)s->dma.addr + BUFS * BUF_SIZE, head, sizeof(head));
	for (unsigned int i = 0; i < BUFS; i++)
		post(s, i);
}

/* Takes what came and posts its buffers again. Returns how many frames. */
static unsigned int receive(struct setup *s)
{
	struct mpnic_frame frame[BURST];
	struct mpnic_buf buf[BURST];
	const int n = mpnic_rxq_burst(s->rx, frame, BURST);

	if (n < 0)
		fail("receive", mpnic_error(s->dev));
	for (int i = 0; i < n; i++)
		buf[i] = *mpnic_rxq_buf(s->rx, frame[i].desc);
	if (n)
		mpnic_rxq_post(s->rx, buf, (unsigned int)n);
	return (unsigned int)n;
}

static unsigned int transmit(struct setup *s, uint32_t len, unsigned int n)
{
	const struct mpnic_buf buf = {.iova = s->dma.iova + BUFS * BUF_SIZE, .len = len};
	struct mpnic_send send[BURST];
	struct mpnic_sent sent[BURST];
	int taken;

	while (mpnic_txq_done(s->tx, sent, BURST) > 0)
		;
	for (unsigned int i = 0; i < n; i++)
		send[i] = (struct mpnic_send){.buf = &buf, .bufs = 1};
	taken = n ? mpnic_txq_burst(s->tx, send, n) : 0;
	if (taken < 0)
		fail("send", mpnic_error(s->dev));
	return (unsigned int)taken;
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Frames that come back in one window, by the second. */
static uint64_t window(struct setup *s, uint32_t len, uint64_t *under_way)
{
	const uint64_t start = now_ns();
	uint64_t got = 0, now = start;

	while (now < start + WINDOW_NS) {
		unsigned int n;

		if (*under_way + BURST <= WINDOW)
			*under_way += transmit(s, len, BURST);
		n = receive(s);
		*under_way -= n;
		got += n;
		now = now_ns();
	}
	return got * 1000000000 / (now - start);
}

static void throughput(struct setup *s, uint32_t len)
{
	static uint64_t sample[WINDOWS];
	uint64_t under_way = 0;

	for (unsigned int i = 0; i < WINDOWS; i++)
		sample[i] = window(s, len, &under_way);
	while (under_way)
		under_way -= receive(s);
	qsort(sample, WINDOWS, sizeof(sample[0]), compare);
	printf("%5u bytes   %10.2f million frames a second out and back (median; %.2f in the best tenth)\n",
	       len, (double)sample[WINDOWS / 2] / 1e6, (double)sample[WINDOWS * 9 / 10] / 1e6);
}

static void latency(struct setup *s)
{
	static uint64_t sample[SAMPLES];

	for (unsigned int i = 0; i < SAMPLES; i++) {
		const uint64_t start = now_ns();

		transmit(s, 60, 1);
		while (!receive(s))
			;
		sample[i] = now_ns() - start;
	}
	qsort(sample, SAMPLES, sizeof(sample[0]), compare);
	printf("latency       %10.2f us median, %.2f us at 99 %%, of one frame out and back\n",
	       (double)sample[SAMPLES / 2] / 1e3, (double)sample[SAMPLES * 99 / 100] / 1e3);
}

/* One buffer at a time, so a doorbell each; beside bursts of the same number. */
static void doorbell(struct setup *s)
{
	const struct mpnic_buf one = {.iova = s->dma.iova, .cookie = s->dma.addr, .len = BUF_SIZE};
	const struct mpnic_queue_options options = {.log2 = 15, .vector = MPNIC_NO_VECTOR};
	struct mpnic_buf many[BURST];
	const unsigned int count = 1 << 14;
	struct mpnic_rxq *rx;
	uint64_t single, burst;

	for (unsigned int i = 0; i < BURST; i++)
		many[i] = one;
	if (mpnic_rxq_create(s->dev, 1, &options, &rx))
		fail("a queue", mpnic_error(s->dev));
	single = now_ns();
	for (unsigned int i = 0; i < count; i++)
		mpnic_rxq_post(rx, &one, 1);
	single = now_ns() - single;
	burst = now_ns();
	for (unsigned int i = 0; i + BURST < count; i += BURST)
		mpnic_rxq_post(rx, many, BURST);
	burst = now_ns() - burst;
	printf("doorbell      %10.1f ns beside its descriptor, which takes %.1f ns\n",
	       (double)single / count - (double)burst / count, (double)burst / count);
	mpnic_rxq_destroy(rx);
}

static void count_done(void *ctx, int err, const struct mpnic_admin_cpl *cpl)
{
	(void)err;
	(void)cpl;
	++*(unsigned int *)ctx;
}

static void admin(struct setup *s)
{
	struct mpnic_admin_cmd nop = {.op = MPNIC_ADMIN_OP_NOP};
	const unsigned int count = 20000;
	unsigned int done = 0, posted = 0;
	uint64_t start = now_ns(), one;

	for (unsigned int i = 0; i < count / 10; i++)
		if (mpnic_admin_nop(s->dev))
			fail("admin", mpnic_error(s->dev));
	one = now_ns() - start;
	start = now_ns();
	while (done < count) {
		if (posted < count && !mpnic_admin_post(s->dev, &nop, count_done, &done))
			posted++;
		else
			mpnic_admin_poll(s->dev);
	}
	printf("admin         %10.0f commands a second, %.0f one after the other\n",
	       count * 1e9 / (double)(now_ns() - start), count / 10 * 1e9 / (double)one);
}

int main(int argc, char **argv)
{
	struct setup s;

	if (argc != 3) {
		fputs("usage: bench_driver SIM IMAGE\n", stderr);
		return 2;
	}
	if (!mkdtemp(folder))
		return 1;
	snprintf(socket_path, sizeof(socket_path), "%s/card", folder);
	start_sim(argv[1]);
	set_up(&s, argv[2]);
	throughput(&s, 60);
	throughput(&s, 512);
	throughput(&s, 1514);
	latency(&s);
	doorbell(&s);
	admin(&s);
	mpnic_rxq_destroy(s.rx);
	mpnic_txq_destroy(s.tx);
	mpnic_close(s.dev);
	kill(sim, SIGTERM);
	waitpid(sim, NULL, 0);
	unlink(socket_path);
	rmdir(folder);
	return 0;
}
