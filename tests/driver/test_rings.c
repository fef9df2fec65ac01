/* SPDX-License-Identifier: BSD-3-Clause */
/* Rings over a device in memory: frames of many pieces, errors, and completions that lie. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common.h"

#define BUFS 64
#define SIZE 2048

static struct fake *fake;
static struct mpnic_dev *dev;
static struct mpnic_dma dma;
static struct mpnic_rxq *rx;
static struct mpnic_txq *tx;
static const struct mpnic_queue_options small = {.log2 = 3, .vector = MPNIC_NO_VECTOR};
static uintptr_t number[BUFS];

static struct mpnic_buf buf_at(unsigned int i, uint32_t len)
{
	return (struct mpnic_buf){dma.iova + SIZE * (i % BUFS), &number[i % BUFS], len};
}

static uint8_t *bytes_of(const struct mpnic_buf *buf)
{
	return (uint8_t *)dma.addr + (buf->iova - dma.iova);
}

static void set_up(const struct mpnic_queue_options *options)
{
	dev = start_fake(&fake, NULL);
	OK(mpnic_dma_alloc(dev, BUFS * SIZE, &dma));
	OK(mpnic_rxq_create(dev, 0, options, &rx));
	OK(mpnic_txq_create(dev, 0, options, &tx));
}

static void post(unsigned int count, uint32_t len)
{
	for (unsigned int i = 0; i < count; i++) {
		struct mpnic_buf b = buf_at(i, len);

		cr_assert_eq(mpnic_rxq_post(rx, &b, 1), 1);
	}
}

Test(driver_rings, options)
{
	struct mpnic_queue_options o = {.log2 = 2, .vector = MPNIC_NO_VECTOR};
	struct mpnic_rxq *again;

	set_up(NULL);
	cr_assert_eq(mpnic_rxq_room(rx), 512);
	cr_assert_eq(mpnic_rxq_create(dev, 0, NULL, &again), -EBUSY);
	cr_assert_eq(mpnic_rxq_create(dev, 16, NULL, &again), -ERANGE);
	cr_assert_eq(mpnic_rxq_create(dev, 1, &o, &again), -EINVAL);
	o.log2 = 16;
	cr_assert_eq(mpnic_rxq_create(dev, 1, &o, &again), -EINVAL);
	o.log2 = 5;
	o.vector = 64;
	cr_assert_eq(mpnic_rxq_create(dev, 1, &o, &again), -ERANGE);
	fake->rx[1].enabled = true; /* the device's refusal */
	cr_assert_eq(mpnic_rxq_create(dev, 1, NULL, &again), -EEXIST);
	OK(mpnic_rxq_destroy(rx));
	cr_assert(!fake->rx[0].enabled);
	OK(mpnic_rxq_create(dev, 0, NULL, &rx));
	mpnic_close(dev);
}

/* Frames of all sizes and pieces, for many rounds of a small ring, through Tx and back by Rx. */
Test(driver_rings, loop)
{
	uint8_t want[8][MPNIC_FRAME_MAX];
	uint32_t lens[8], posted = 0;

	set_up(&(struct mpnic_queue_options){.log2 = 4, .vector = MPNIC_NO_VECTOR});
	fake->loop = true;
	for (unsigned int round = 0; round < 3000; round++) {
		struct mpnic_frame frame[8];
		struct mpnic_sent sent[8];
		struct mpnic_buf pieces[4][4];
		struct mpnic_send send[4];
		unsigned int count = 1 + fake_random(fake) % 3, i;

		while (mpnic_rxq_room(rx)) {
			struct mpnic_buf b =
				buf_at(32 + posted++ % 32, 64 + fake_random(fake) % 1900);

			cr_assert_eq(mpnic_rxq_post(rx, &b, 1), 1);
		}
		for (i = 0; i < count; i++) {
			send[i] = (struct mpnic_send){.buf = pieces[i], .cookie = &send[i]};
			send[i].bufs = 1 + fake_random(fake) % 3;
			send[i].port = round & 1;
			lens[i] = 0;
			for (unsigned int p = 0; p < send[i].bufs; p++) {
				pieces[i][p] = buf_at(4 * i + p, 14 + fake_random(fake) % 80);
				for (uint32_t n = 0; n < pieces[i][p].len; n++)
					bytes_of(&pieces[i][p])[n] = want[i][lens[i]++] =
						(uint8_t)fake_random(fake);
			}
		}
		cr_assert_eq(mpnic_txq_burst(tx, send, count), count);
		cr_assert_eq(mpnic_txq_done(tx, sent, 8), count);
		for (i = 0; i < count; i++)
			cr_assert(sent[i].cookie == &send[i] && !sent[i].err);
		cr_assert_eq(mpnic_rxq_burst(rx, frame, 8), count);
		for (i = 0; i < count; i++) {
			uint32_t at = 0;

			cr_assert_eq(frame[i].cpl.status, MPNIC_RX_STATUS_OK);
			cr_assert_eq(frame[i].cpl.len, lens[i]);
			for (uint32_t b = 0; b < frame[i].cpl.buffers; b++) {
				const struct mpnic_buf *buf = mpnic_rxq_buf(rx, frame[i].desc + b);
				uint32_t n = lens[i] - at < buf->len ? lens[i] - at : buf->len;

				cr_assert(!memcmp(bytes_of(buf), want[i] + at, n));
				at += n;
			}
			cr_assert_eq(at, lens[i]);
		}
	}
	cr_assert_eq(fake->bad_dma, 0);
	mpnic_close(dev);
}

Test(driver_rings, room_and_wrong_frames)
{
	struct mpnic_buf b[33];
	struct mpnic_send send[9];
	struct mpnic_sent sent[9];

	set_up(&small);
	for (unsigned int i = 0; i < 33; i++)
		b[i] = buf_at(i, 100);
	for (unsigned int i = 0; i < 9; i++)
		send[i] = (struct mpnic_send){.buf = b, .bufs = 1};
	fake->hold_tx = true;
	cr_assert_eq(mpnic_txq_burst(tx, send, 9), 8);
	cr_assert_eq(mpnic_txq_burst(tx, send, 1), 0);
	cr_assert_eq(mpnic_txq_room(tx), 0);
	fake->hold_tx = false;
	fake_work(fake);
	cr_assert_eq(mpnic_txq_done(tx, sent, 3), 3); /* a few at a time */
	cr_assert_eq(mpnic_txq_done(tx, sent, 9), 5);
	send[2].bufs = 0;
	cr_assert_eq(mpnic_txq_burst(tx, send, 9), 2); /* up to the wrong one */
	cr_assert_eq(mpnic_txq_burst(tx, send + 2, 1), -EINVAL);
	send[2].bufs = 9; /* more than the ring has */
	cr_assert_eq(mpnic_txq_burst(tx, send + 2, 1), -EINVAL);
	send[2] = (struct mpnic_send){.buf = b, .bufs = 1, .port = 2};
	cr_assert_eq(mpnic_txq_burst(tx, send + 2, 1), -EINVAL);
	send[2] = (struct mpnic_send){.buf = b, .bufs = 1, .flags = MPNIC_TX_EOP};
	cr_assert_eq(mpnic_txq_burst(tx, send + 2, 1), -EINVAL);
	b[0].len = 13;
	send[2] = (struct mpnic_send){.buf = b, .bufs = 1};
	cr_assert_eq(mpnic_txq_burst(tx, send + 2, 1), -EINVAL);
	b[0].len = 9601;
	cr_assert_eq(mpnic_txq_burst(tx, send + 2, 1), -EINVAL);
	b[0].len = 0;
	cr_assert_eq(mpnic_rxq_post(rx, b, 33), -EINVAL);
	b[0].len = 64;
	cr_assert_eq(mpnic_rxq_post(rx, b, 33), 8);
	cr_assert_eq(mpnic_rxq_post(rx, b, 1), 0);
	mpnic_close(dev);
}

Test(driver_rings, reports)
{
	struct mpnic_buf b;
	struct mpnic_send send[100];
	struct mpnic_sent sent[100];

	set_up(NULL);
	b = buf_at(0, 60);
	for (unsigned int i = 0; i < 100; i++)
		send[i] = (struct mpnic_send){.buf = &b, .bufs = 1, .cookie = &send[i]};
	cr_assert_eq(mpnic_txq_burst(tx, send, 100), 100);
	cr_assert_eq(fake->tx[0].cpl, 4); /* one for 32 descriptors, and the last */
	cr_assert_eq(mpnic_txq_done(tx, sent, 100), 100);
	mpnic_close(dev);
}

/* A frame that could not be sent does not hold up those behind it. */
Test(driver_rings, errors_go_on)
{
	struct mpnic_buf b[2];
	struct mpnic_send send[3];
	struct mpnic_sent sent[8];
	struct mpnic_frame frame[4];
	struct mpnic_queue_counters count;

	set_up(&small);
	b[0] = buf_at(0, 100);
	b[1] = (struct mpnic_buf){0xdead0000, NULL, 100};
	for (unsigned int round = 0; round < 50; round++) {
		send[0] = (struct mpnic_send){.buf = &b[0], .bufs = 1, .cookie = &send[0]};
		send[1] = (struct mpnic_send){.buf = b, .bufs = 2, .cookie = &send[1]};
		send[2] = (struct mpnic_send){.buf = &b[0], .bufs = 1, .cookie = &send[2]};
		cr_assert_eq(mpnic_txq_burst(tx, send, 3), 3);
		cr_assert_eq(mpnic_txq_done(tx, sent, 8), 3);
		cr_assert(!sent[0].err && sent[1].err == -EIO && !sent[2].err);
		cr_assert_eq(sent[1].error, MPNIC_QUEUE_ERROR_DESC_ADDR);
		b[1].len = 200;
		cr_assert_eq(mpnic_rxq_post(rx, &b[1], 1), 1);
		cr_assert_eq(mpnic_rxq_post(rx, &b[0], 1), 1);
		fake_receive(fake, 0, some_frame, 100);
		fake_receive(fake, 0, some_frame, 100);
		cr_assert_eq(mpnic_rxq_burst(rx, frame, 4), 2);
		cr_assert_eq(frame[0].cpl.status, MPNIC_RX_STATUS_LOST);
		cr_assert_eq(frame[1].cpl.status, MPNIC_RX_STATUS_OK);
	}
	mpnic_txq_counters(tx, &count);
	cr_assert(count.frames == 150 && count.errors == 50 && !count.lies);
	mpnic_rxq_counters(rx, &count);
	cr_assert(count.frames == 100 && count.errors == 50 && !count.lies);
	mpnic_close(dev);
}

Test(driver_rings, truncated)
{
	struct mpnic_frame frame;

	set_up(&small);
	post(2, 64);
	cr_assert(fake_receive(fake, 0, bytes_of(&(struct mpnic_buf){.iova = dma.iova}), 200));
	cr_assert_eq(mpnic_rxq_burst(rx, &frame, 1), 1);
	cr_assert_eq(frame.cpl.status, MPNIC_RX_STATUS_TRUNCATED);
	cr_assert_eq(frame.cpl.len, 128);
	mpnic_close(dev);
}

/* --- doorbells ------------------------------------------------------------------------------- */

Test(driver_rings, kicks_only_sleepers)
{
	struct mpnic_queue_counters count;
	struct mpnic_buf b;
	unsigned int kicks;

	set_up(&small);
	b = buf_at(0, 100);
	fake->awake = true;
	fake_work(fake);
	kicks = fake->kicks;
	cr_assert_eq(mpnic_rxq_post(rx, &b, 1), 1);
	cr_assert_eq(fake->kicks, kicks);
	fake->awake = false;
	fake_work(fake);
	cr_assert_eq(mpnic_rxq_post(rx, &b, 1), 1);
	cr_assert_eq(fake->kicks, kicks + 1);
	mpnic_rxq_counters(rx, &count);
	cr_assert_eq(count.kicks, 1);
	mpnic_close(dev);
}

Test(driver_rings, doorbells_by_message)
{
	const struct mpnic_options o = {.firmware_path = "/nonexistent"};
	char error[MPNIC_ERROR_MAX];
	struct mpnic_frame frame;

	fake = fake_new();
	fake_run_firmware(fake, 1);
	fake->no_page = true;
	OK(mpnic_attach(fake_transport(fake), &o, &dev, error));
	cr_assert(!mpnic_info(dev)->doorbells_mapped);
	OK(mpnic_start(dev, 0));
	OK(mpnic_dma_alloc(dev, BUFS * SIZE, &dma));
	OK(mpnic_rxq_create(dev, 0, &small, &rx));
	post(3, 100);
	cr_assert(fake_receive(fake, 0, some_frame, 60));
	cr_assert_eq(mpnic_rxq_burst(rx, &frame, 1), 1);
	fake->gone = true;
	cr_assert_eq(mpnic_rxq_post(rx, &(struct mpnic_buf){dma.iova, NULL, 64}, 1), 1);
	cr_assert_eq(mpnic_rxq_post(rx, &(struct mpnic_buf){dma.iova, NULL, 64}, 1), -ENODEV);
	cr_assert_eq(mpnic_rxq_burst(rx, &frame, 1), -ENODEV);
	mpnic_close(dev);
}

Test(driver_rings, interrupts)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	uint64_t value;

	set_up(&(struct mpnic_queue_options){.log2 = 3, .vector = 5});
	OK(mpnic_irq_set(dev, 5, 1, &fd));
	cr_assert_eq(mpnic_irq_set(dev, 64, 1, &fd), -ERANGE);
	cr_assert_eq(mpnic_irq_set(dev, 0, 65, &fd), -ERANGE);
	post(1, 100);
	cr_assert(fake_receive(fake, 0, some_frame, 60));
	cr_assert_eq(read(fd, &value, 8), 8);
	mpnic_close(dev);
	close(fd);
}

/* --- what a stopped queue gives back --------------------------------------------------------- */

static unsigned int back_count;

static void back(void *ctx, const struct mpnic_buf *buf)
{
	cr_assert_eq(ctx, &back_count);
	cr_assert_eq(buf->cookie, &number[back_count + 1]);
	back_count++;
}

Test(driver_rings, drain)
{
	struct mpnic_frame frame;

	set_up(&small);
	post(4, 100);
	cr_assert(fake_receive(fake, 0, some_frame, 60));
	cr_assert_eq(mpnic_rxq_burst(rx, &frame, 1), 1);
	OK(mpnic_rxq_drain(rx, back, &back_count));
	cr_assert_eq(back_count, 3);
	cr_assert(!fake->rx[0].enabled);
	cr_assert_eq(mpnic_rxq_burst(rx, &frame, 1), -ESTALE);
	OK(mpnic_rxq_destroy(rx));
	mpnic_close(dev);
}

/* --- events ---------------------------------------------------------------------------------- */

Test(driver_rings, events)
{
	struct mpnic_event_cpl event[16];
	struct mpnic_evq *ev;
	uint32_t want = 0;

	dev = start_fake(&fake, NULL);
	OK(mpnic_evq_create(dev, &small, &ev));
	cr_assert_eq(mpnic_evq_burst(ev, event, 16), 0);
	for (unsigned int round = 0; round < 100; round++) {
		unsigned int count = 1 + fake_random(fake) % 8;
		unsigned int got;

		for (unsigned int i = 0; i < count; i++)
			cr_assert(fake_event(fake, 200));
		if (count == 8)
			cr_assert(!fake_event(fake, 0)); /* full: the device counts it as lost */
		got = (unsigned int)mpnic_evq_burst(ev, event, 16);
		cr_assert_eq(got, count);
		for (unsigned int i = 0; i < got; i++, want++) {
			uint32_t n;

			memcpy(&n, event[i].body, 4);
			cr_assert_eq(n, want);
		}
	}
	mpnic_close(dev);
}

/* --- lies ------------------------------------------------------------------------------------ */

static struct mpnic_rx_cpl false_rx;

static void lie_rx(struct fake *f, struct mpnic_rx_cpl *cpl)
{
	uint8_t phase = cpl->phase;

	(void)f;
	*cpl = false_rx;
	cpl->phase = phase;
}

static int receive_lie(struct mpnic_rx_cpl cpl, struct mpnic_frame *frame)
{
	int n;

	set_up(&small);
	post(4, 100);
	false_rx = cpl;
	fake->lie_rx = lie_rx;
	cr_assert(fake_receive(fake, 0, some_frame, 60));
	n = mpnic_rxq_burst(rx, frame, 1);
	if (n < 0) {
		struct mpnic_health h;

		cr_assert_eq(mpnic_health(dev, &h), -EPROTO);
		cr_assert_eq(mpnic_rxq_post(rx, &(struct mpnic_buf){dma.iova, NULL, 64}, 1), n);
	}
	mpnic_close(dev);
	return n;
}

Test(driver_rings, rx_lies)
{
	struct mpnic_frame f;

	cr_assert_eq(receive_lie((struct mpnic_rx_cpl){.buffers = 0, .len = 60}, &f), -EPROTO);
	cr_assert_eq(receive_lie((struct mpnic_rx_cpl){.buffers = 5, .len = 60}, &f), -EPROTO);
	cr_assert_eq(receive_lie((struct mpnic_rx_cpl){.buffers = 0xffff, .len = 60}, &f), -EPROTO);
	cr_assert_eq(receive_lie((struct mpnic_rx_cpl){.buffers = 1, .len = 101}, &f), 1);
	cr_assert(f.cpl.status == MPNIC_RX_STATUS_LOST && !f.cpl.len);
	cr_assert_eq(receive_lie((struct mpnic_rx_cpl){.buffers = 4, .len = UINT32_MAX}, &f), 1);
	cr_assert(f.cpl.status == MPNIC_RX_STATUS_LOST && !f.cpl.len);
	cr_assert_eq(receive_lie((struct mpnic_rx_cpl){.buffers = 1, .len = 60, .status = 9}, &f),
		     1);
	cr_assert(f.cpl.status == MPNIC_RX_STATUS_LOST && !f.cpl.len);
	cr_assert_eq(receive_lie((struct mpnic_rx_cpl){.buffers = 1, .len = 60, .source = 4}, &f),
		     1);
	cr_assert_eq(f.cpl.status, MPNIC_RX_STATUS_LOST);
	cr_assert_eq(receive_lie((struct mpnic_rx_cpl){.buffers = 1,
						       .len = 60,
						       .l3_off = 61,
						       .l4_off = 200,
						       .payload_off = 60},
				 &f),
		     1);
	cr_assert(!f.cpl.l3_off && !f.cpl.l4_off && f.cpl.payload_off == 60);
}

static uint32_t false_head;
static uint8_t false_error;

static void lie_tx(struct fake *f, struct mpnic_tx_cpl *cpl)
{
	(void)f;
	cpl->head += false_head;
	cpl->error = false_error;
}

static int send_lie(uint32_t head, uint8_t error)
{
	struct mpnic_buf b[2];
	struct mpnic_send send = {.buf = b, .bufs = 2};
	struct mpnic_sent sent[4];
	int n;

	set_up(&small);
	b[0] = b[1] = buf_at(0, 100);
	false_head = head;
	false_error = error;
	fake->lie_tx = lie_tx;
	cr_assert_eq(mpnic_txq_burst(tx, &send, 1), 1);
	n = mpnic_txq_done(tx, sent, 4);
	if (n == 1)
		cr_assert_eq(sent[0].err, error ? -EIO : 0);
	mpnic_close(dev);
	return n;
}

Test(driver_rings, tx_lies)
{
	cr_assert_eq(send_lie(0, 0), 1);
	cr_assert_eq(send_lie(0, 255), 1); /* an error that is not known is one */
	cr_assert_eq(send_lie(1, 0), -EPROTO);
	cr_assert_eq(send_lie(UINT32_MAX, 0), 0);	    /* half a frame: wait for the rest */
	cr_assert_eq(send_lie(UINT32_MAX - 1, 0), -EPROTO); /* nothing done, no error */
	cr_assert_eq(send_lie(UINT32_MAX - 1, 5), 0);	    /* nothing done, but an error */
	cr_assert_eq(send_lie(UINT32_MAX - 2, 0), -EPROTO);
	cr_assert_eq(send_lie(0x80000000, 0), -EPROTO);
	cr_assert_eq(send_lie(0, MPNIC_QUEUE_ERROR_RING_ADDR), -EIO);
}

static void lie_twice(struct fake *f, struct mpnic_tx_cpl *cpl)
{
	struct mpnic_tx_cpl half = *cpl, *at;

	/* First an error in the frame's middle, then its end, without one. */
	half.head--;
	half.error = MPNIC_QUEUE_ERROR_DESC_LEN;
	for (unsigned int m = 0; m < FAKE_MAPS; m++)
		if (f->map[m].iova + 8 * 16 == f->tx[0].made.cpl) {
			at = (struct mpnic_tx_cpl *)(f->map[m].addr + 8 * 16) + f->tx[0].cpl++;
			*at = half;
		}
}

Test(driver_rings, an_error_in_the_middle_is_the_frames)
{
	struct mpnic_buf b[2];
	struct mpnic_send send = {.buf = b, .bufs = 2};
	struct mpnic_sent sent[4];

	set_up(&small);
	b[0] = b[1] = buf_at(0, 100);
	fake->lie_tx = lie_twice;
	cr_assert_eq(mpnic_txq_burst(tx, &send, 1), 1);
	cr_assert_eq(mpnic_txq_done(tx, sent, 4), 1);
	cr_assert_eq(sent[0].err, -EIO);
	cr_assert_eq(sent[0].error, MPNIC_QUEUE_ERROR_DESC_LEN);
	fake->lie_tx = NULL;
	cr_assert_eq(mpnic_txq_burst(tx, &send, 1), 1);
	cr_assert_eq(mpnic_txq_done(tx, sent, 4), 1);
	cr_assert_eq(sent[0].err, 0);
	mpnic_close(dev);
}

/* Random bytes in all rings at any moment: nothing but errors comes of it. */
Test(driver_rings, noise)
{
	for (unsigned int round = 0; round < 300; round++) {
		struct mpnic_event_cpl event[4];
		struct mpnic_frame frame[4];
		struct mpnic_sent sent[4];
		struct mpnic_evq *ev;
		struct mpnic_send send;
		struct mpnic_buf b;

		set_up(&small);
		OK(mpnic_evq_create(dev, &small, &ev));
		fake->random += round * 0x9e3779b97f4a7c15ull;
		post(8, 100);
		b = buf_at(1, 100);
		send = (struct mpnic_send){.buf = &b, .bufs = 1, .cookie = &send};
		for (unsigned int step = 0; step < 20; step++) {
			for (unsigned int m = 0; m < FAKE_MAPS; m++)
				for (unsigned int i = 0; fake->map[m].addr && i < 40; i++)
					fake->map[m].addr[fake_random(fake) % fake->map[m].size] =
						(uint8_t)(fake_random(fake) % 3);
			mpnic_txq_burst(tx, &send, 1);
			for (int n = mpnic_rxq_burst(rx, frame, 4); n > 0; n--) {
				uint32_t room = 0;

				for (uint32_t i = 0; i < frame[n - 1].cpl.buffers; i++)
					room += mpnic_rxq_buf(rx, frame[n - 1].desc + i)->len;
				cr_assert_leq(frame[n - 1].cpl.len, room);
			}
			for (int n = mpnic_txq_done(tx, sent, 4); n > 0; n--)
				cr_assert_eq(sent[n - 1].cookie, &send);
			mpnic_evq_burst(ev, event, 4);
			mpnic_admin_poll(dev);
			mpnic_rxq_post(rx, &b, 1);
		}
		fake->deaf = false;
		mpnic_close(dev);
	}
}
