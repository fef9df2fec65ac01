/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Command ping: frames out of a port whose wire is looped back (a cable, or mpnic-sim's wire
 * `loop`), through a Tx queue and an Rx queue, and a look at every byte that comes back.
 */
#include "tool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WINDOW	  32 /* frames under way at most */
#define BUF_SIZE  2048
#define WAIT_NS	  1000000000ull /* for the last frame */
#define IDLE_NS	  200000000ull	/* without a frame, until the device's health is looked at */
#define ETHERTYPE 0x88b5	/* IEEE 802: local experiments */
#define MAGIC	  "mpnicping"
#define HEAD	  14
#define SEQ_AT	  (HEAD + 10)

struct ping {
	const struct tool *t;
	struct mpnic_dev *dev;
	struct mpnic_dma dma; /* WINDOW buffers to send, then 3 times as many to receive */
	struct mpnic_rxq *rx;
	struct mpnic_txq *tx;
	struct mpnic_admin_port before; /* the port as it was */
	uint64_t sent_ns[WINDOW];	/* by number % WINDOW; 0: not under way */
	uint64_t number[WINDOW];
	uint64_t sent, received, refused, damaged, others, least, most, sum;
	unsigned int under_way;
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint8_t *tx_buf(const struct ping *p, uint64_t number)
{
	return (uint8_t *)p->dma.addr + (number % WINDOW) * BUF_SIZE;
}

/* Every byte of a frame follows from its number. */
static void fill(const struct ping *p, uint8_t *frame, uint64_t number)
{
	uint64_t x = number + 1;

	memcpy(frame, p->before.mac, 6);
	memcpy(frame + 6, p->before.mac, 6);
	frame[6] |= 2; /* locally administered */
	frame[12] = ETHERTYPE >> 8;
	frame[13] = ETHERTYPE & 0xff;
	memcpy(frame + HEAD, MAGIC, 10);
	memcpy(frame + SEQ_AT, &number, 8);
	for (unsigned long i = SEQ_AT + 8; i < p->t->size; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		frame[i] = (uint8_t)(x >> 56);
	}
}

/* --- set up ---------------------------------------------------------------------------------- */

/* Frames of this port, and no others', go to our queue, whatever they are addressed to. */
static int take_port(struct ping *p)
{
	struct mpnic_admin_port port;
	int err = mpnic_admin_port_get(p->dev, (unsigned int)p->t->port, &p->before);

	if (err)
		return err;
	port = p->before;
	port.flags = MPNIC_PORT_UP | MPNIC_PORT_PROMISCUOUS;
	port.speed = 0;
	memset(port.mac, 0, sizeof(port.mac));
	if (port.mtu < p->t->size - HEAD)
		port.mtu = (uint16_t)(p->t->size - HEAD);
	port.queue_base = (uint16_t)p->t->queue;
	port.queue_count = 1;
	return mpnic_admin_port_set(p->dev, (unsigned int)p->t->port, &port);
}

static void give_port_back(struct ping *p)
{
	struct mpnic_admin_port port = p->before;

	port.flags &= (uint16_t)~MPNIC_PORT_LINK;
	port.speed = 0;
	memset(port.mac, 0, sizeof(port.mac));
	if (mpnic_admin_port_set(p->dev, (unsigned int)p->t->port, &port))
		complain(0, "the port's settings could not be restored: %s", mpnic_error(p->dev));
}

static int post_all(struct ping *p)
{
	for (unsigned int i = 0; i < 3 * WINDOW; i++) {
		struct mpnic_buf buf = {
			.iova = p->dma.iova + (WINDOW + i) * BUF_SIZE,
			.cookie = (uint8_t *)p->dma.addr + (WINDOW + i) * BUF_SIZE,
			.len = BUF_SIZE,
		};
		int n = mpnic_rxq_post(p->rx, &buf, 1);

		if (n < 0)
			return n;
	}
	return 0;
}

static int set_up(struct ping *p)
{
	const struct mpnic_queue_options options = {.log2 = 7, .vector = MPNIC_NO_VECTOR};
	int err = mpnic_dma_alloc(p->dev, 4 * WINDOW * BUF_SIZE, &p->dma);

	if (!err)
		err = mpnic_rxq_create(p->dev, (unsigned int)p->t->queue, &options, &p->rx);
	if (!err)
		err = mpnic_txq_create(p->dev, (unsigned int)p->t->queue, &options, &p->tx);
	if (!err)
		err = post_all(p);
	return err ? err : take_port(p);
}

/* --- back and forth -------------------------------------------------------------------------- */

static int send_more(struct ping *p)
{
	while (p->sent < p->t->count && p->under_way < WINDOW && !p->sent_ns[p->sent % WINDOW]) {
		uint64_t n = p->sent;
		struct mpnic_buf buf = {
			.iova = p->dma.iova + (n % WINDOW) * BUF_SIZE,
			.len = (uint32_t)p->t->size,
		};
		struct mpnic_send send = {
			.buf = &buf,
			.bufs = 1,
			.port = (uint8_t)p->t->port,
			.flags = MPNIC_TX_BYPASS,
		};
		int got;

		fill(p, tx_buf(p, n), n);
		p->sent_ns[n % WINDOW] = now();
		p->number[n % WINDOW] = n;
		got = mpnic_txq_burst(p->tx, &send, 1);
		if (got <= 0) {
			p->sent_ns[n % WINDOW] = 0;
			return got;
		}
		p->sent++;
		p->under_way++;
	}
	return 0;
}

static int reap(struct ping *p)
{
	struct mpnic_sent sent[WINDOW];
	int n = mpnic_txq_done(p->tx, sent, WINDOW);

	for (int i = 0; i < n; i++)
		p->refused += sent[i].err != 0;
	return n < 0 ? n : 0;
}

static void arrived(struct ping *p, const struct mpnic_frame *f, const uint8_t *frame)
{
	uint8_t want[BUF_SIZE];
	uint64_t number, took;

	if (f->cpl.status != MPNIC_RX_STATUS_OK || f->cpl.len != p->t->size ||
	    f->cpl.buffers != 1 || memcmp(frame + HEAD, MAGIC, 10)) {
		p->others++;
		return;
	}
	memcpy(&number, frame + SEQ_AT, 8);
	if (!p->sent_ns[number % WINDOW] || p->number[number % WINDOW] != number) {
		p->others++; /* twice, or one that was given up */
		return;
	}
	took = now() - p->sent_ns[number % WINDOW];
	p->sent_ns[number % WINDOW] = 0;
	p->under_way--;
	fill(p, want, number);
	if (memcmp(frame, want, p->t->size)) {
		p->damaged++;
		return;
	}
	if (!p->received || took < p->least)
		p->least = took;
	if (took > p->most)
		p->most = took;
	p->sum += took;
	p->received++;
}

/* Returns how many frames came, or an error. */
static int receive(struct ping *p)
{
	struct mpnic_frame frame[WINDOW];
	int n = mpnic_rxq_burst(p->rx, frame, WINDOW);

	for (int i = 0; i < n; i++) {
		for (uint32_t b = 0; b < frame[i].cpl.buffers; b++) {
			struct mpnic_buf buf = *mpnic_rxq_buf(p->rx, frame[i].desc + b);
			int err;

			if (!b)
				arrived(p, &frame[i], buf.cookie);
			err = mpnic_rxq_post(p->rx, &buf, 1);
			if (err < 0)
				return err;
		}
	}
	return n;
}

static void give_up_old(struct ping *p, uint64_t before)
{
	for (unsigned int i = 0; i < WINDOW; i++)
		if (p->sent_ns[i] && p->sent_ns[i] < before) {
			p->sent_ns[i] = 0;
			p->under_way--;
		}
}

static int exchange(struct ping *p)
{
	uint64_t moved = now();

	while (p->sent < p->t->count || p->under_way) {
		const struct timespec pause = {.tv_nsec = 20000};
		struct mpnic_health h;
		int err = send_more(p), got;

		if (!err)
			err = reap(p);
		got = err ? err : receive(p);
		if (got < 0) {
			/* It knows more than a number. */
			if (!mpnic_health(p->dev, &h))
				complain(0, "a queue failed: %s", strerror(-got));
			return got;
		}
		if (got) {
			moved = now();
			continue;
		}
		give_up_old(p, now() - WAIT_NS);
		nanosleep(&pause, NULL);
		if (now() - moved < IDLE_NS)
			continue;
		moved = now();
		err = mpnic_health(p->dev, &h);
		if (err)
			return err;
	}
	return 0;
}

/* --- report ---------------------------------------------------------------------------------- */

static int report(const struct ping *p, uint64_t took)
{
	uint64_t lost = p->sent - p->received - p->damaged;
	json_t *doc = json_object();

	set_number(doc, "sent", p->sent);
	set_number(doc, "received", p->received);
	set_number(doc, "lost", lost);
	set_number(doc, "damaged", p->damaged);
	set_number(doc, "refused", p->refused);
	set_number(doc, "other_frames", p->others);
	if (p->received) {
		set_number(doc, "round_trip_ns_min", p->least);
		set_number(doc, "round_trip_ns_mean", p->sum / p->received);
		set_number(doc, "round_trip_ns_max", p->most);
		set_number(doc, "frames_per_second", took ? p->received * 1000000000 / took : 0);
	}
	output(p->t, doc);
	return lost || p->damaged || p->refused ? EXIT_WRONG : EXIT_FINE;
}

int ping_main(struct tool *t)
{
	struct ping p = {.t = t};
	int code = open_device(t, 1, &p.dev);
	uint64_t start;
	int err;

	if (code)
		return code;
	err = mpnic_start(p.dev, 0);
	if (!err)
		err = set_up(&p);
	if (!err) {
		start = now();
		err = exchange(&p);
		if (err)
			code = device_failed(p.dev);
		else
			code = report(&p, now() - start);
		if (err != -ENODEV)
			give_port_back(&p);
	} else {
		code = device_failed(p.dev);
	}
	mpnic_close(p.dev);
	return code;
}
