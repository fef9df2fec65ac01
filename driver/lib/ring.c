/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings: Rx, Tx and event queues. Nothing is allocated for a frame and nothing waits.
 *
 * The host writes descriptors and never reads them back: what is posted is in a shadow that the
 * device cannot reach. A completion is copied before it is looked at, because a device may change
 * it meanwhile.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REPORT_EVERY 32 /* Tx descriptors, at most, without asking for a completion */
#define BUF_MIN	     64
#define BUF_MAX	     65535u

/* --- what all kinds share -------------------------------------------------------------------- */

static size_t ring_bytes(const struct queue *q)
{
	return q->kind == MPNIC_QUEUE_EVENT ? 0 : (size_t)q->entries * sizeof(struct mpnic_rx_desc);
}

_Static_assert(sizeof(struct mpnic_rx_desc) == sizeof(struct mpnic_tx_desc), "descriptors");

static int check_options(struct mpnic_dev *dev, const struct mpnic_queue_options *o)
{
	if (o->log2 < MPNIC_RING_LOG2_MIN || o->log2 > MPNIC_RING_LOG2_MAX)
		return mpnic_i_fail(dev, -EINVAL, "a ring of 2^%u entries; 2^%u to 2^%u can be",
				    o->log2, MPNIC_RING_LOG2_MIN, MPNIC_RING_LOG2_MAX);
	if (o->vector != MPNIC_NO_VECTOR && o->vector >= dev->info.vectors)
		return mpnic_i_fail(dev, -ERANGE, "vector %u of %u", o->vector, dev->info.vectors);
	return 0;
}

static int queue_init(struct queue *q, struct mpnic_dev *dev, uint8_t kind, unsigned int index,
		      const struct mpnic_queue_options *options)
{
	struct mpnic_queue_options o = {.vector = MPNIC_NO_VECTOR};
	int err;

	if (options)
		o = *options;
	if (!o.log2)
		o.log2 = 9;
	err = check_options(dev, &o);
	if (err)
		return err;
	q->dev = dev;
	q->kind = kind;
	q->index = index;
	q->log2 = o.log2;
	q->vector = o.vector;
	q->entries = 1u << o.log2;
	q->mask = q->entries - 1;
	q->state = -ESTALE;
	switch (kind) {
	case MPNIC_QUEUE_RX:
		q->cpl_size = sizeof(struct mpnic_rx_cpl);
		q->doorbell = MPNIC_DOORBELL_RX + 4 * index;
		break;
	case MPNIC_QUEUE_TX:
		q->cpl_size = sizeof(struct mpnic_tx_cpl);
		q->doorbell = MPNIC_DOORBELL_TX + 4 * index;
		break;
	default:
		q->cpl_size = sizeof(struct mpnic_event_cpl);
		q->doorbell = MPNIC_DOORBELL_EVENT;
	}
	err = mpnic_dma_alloc(dev, ring_bytes(q) + q->entries * q->cpl_size, &q->mem);
	if (err)
		return err;
	q->ring = q->mem.addr;
	q->cpl = q->ring + ring_bytes(q);
	return 0;
}

/* Create the queue at the device, whose numbers begin with 0. */
static int queue_enable(struct queue *q)
{
	struct mpnic_admin_queue create = {
		.kind = q->kind,
		.ring_log2 = (uint8_t)q->log2,
		.irq = (uint16_t)q->vector,
		.ring = q->kind == MPNIC_QUEUE_EVENT ? 0 : q->mem.iova,
		.cpl = q->mem.iova + ring_bytes(q),
	};
	int err;

	memset(q->cpl, 0, q->entries * q->cpl_size);
	q->cpl_head = 0;
	err = mpnic_i_doorbell_preset(q->dev, q->doorbell, 0);
	if (err)
		return mpnic_i_fail(q->dev, err, "the doorbell cannot be set: %s",
				    q->dev->transport->why);
	err = mpnic_admin_queue_create(q->dev, q->index, &create);
	if (!err)
		q->state = 0;
	return err;
}

/* Stop the queue at the device. */
static int queue_disable(struct queue *q)
{
	int err = 0;

	if (q->state == 0 || q->state == -EPROTO || q->state == -EIO)
		err = mpnic_admin_queue_destroy(q->dev, q->kind, q->index);
	q->state = -ESTALE;
	return err;
}

static void *cpl_at(const struct queue *q, uint32_t number)
{
	return q->cpl + (size_t)(number & q->mask) * q->cpl_size;
}

/* All completions end with their phase. */
static bool cpl_written(const struct queue *q, uint32_t number)
{
	const uint8_t *phase = (uint8_t *)cpl_at(q, number) + q->cpl_size - 1;

	return __atomic_load_n(phase, __ATOMIC_ACQUIRE) == ((number >> q->log2 & 1) ^ 1);
}

static bool cpl_there(const struct queue *q)
{
	return cpl_written(q, q->cpl_head);
}

_Static_assert(offsetof(struct mpnic_rx_cpl, phase) == sizeof(struct mpnic_rx_cpl) - 1, "phase");
_Static_assert(offsetof(struct mpnic_tx_cpl, phase) == sizeof(struct mpnic_tx_cpl) - 1, "phase");
_Static_assert(offsetof(struct mpnic_event_cpl, phase) == sizeof(struct mpnic_event_cpl) - 1,
	       "phase");

/* Its size is said by the caller, who knows it when he is compiled. */
static inline void cpl_copy(struct queue *q, void *to, size_t size)
{
	memcpy(to, cpl_at(q, q->cpl_head), size);
	atomic_signal_fence(memory_order_seq_cst); /* from here on the copy alone is looked at */
	q->cpl_head++;
}

static int lied(struct queue *q)
{
	q->count.lies++;
	q->state = -EPROTO;
	return -EPROTO;
}

/* The device says that it could not reach the ring itself: the queue does nothing more. */
static int stopped(struct queue *q)
{
	q->state = -EIO;
	return -EIO;
}

static int ring_doorbell(struct queue *q, uint32_t value)
{
	int err = mpnic_i_doorbell(q->dev, q->doorbell, value, &q->count.kicks);

	if (err)
		q->state = err;
	return err;
}

/* --- Rx -------------------------------------------------------------------------------------- */

static int check_index(struct mpnic_dev *dev, unsigned int index, const void *taken)
{
	if (index >= dev->info.queues)
		return mpnic_i_fail(dev, -ERANGE, "queue %u of %u", index, dev->info.queues);
	if (taken)
		return mpnic_i_fail(dev, -EBUSY, "queue %u is there already", index);
	return 0;
}

static void rxq_free(struct mpnic_rxq *rx)
{
	free(rx->shadow);
	free(rx);
}

int mpnic_rxq_create(struct mpnic_dev *dev, unsigned int index,
		     const struct mpnic_queue_options *options, struct mpnic_rxq **queue)
{
	int err = check_index(dev, index, index < MPNIC_QUEUES ? dev->rxq[index] : NULL);
	struct mpnic_rxq *rx;

	if (err)
		return err;
	rx = calloc(1, sizeof(*rx));
	if (!rx)
		return mpnic_i_fail(dev, -ENOMEM, "out of memory");
	err = queue_init(&rx->q, dev, MPNIC_QUEUE_RX, index, options);
	if (!err) {
		rx->shadow = calloc(rx->q.entries, sizeof(*rx->shadow));
		err = rx->shadow ? queue_enable(&rx->q)
				 : mpnic_i_fail(dev, -ENOMEM, "out of memory");
	}
	if (err) {
		mpnic_dma_free(dev, &rx->q.mem);
		rxq_free(rx);
		return err;
	}
	dev->rxq[index] = rx;
	*queue = rx;
	return 0;
}

int mpnic_rxq_stop(struct mpnic_rxq *rx)
{
	return queue_disable(&rx->q);
}

int mpnic_rxq_drain(struct mpnic_rxq *rx, void (*back)(void *ctx, const struct mpnic_buf *buf),
		    void *ctx)
{
	struct queue *q = &rx->q;
	int err = queue_disable(q);

	for (; back && q->head != q->tail; q->head++)
		back(ctx, &rx->shadow[q->head & q->mask]);
	q->head = q->tail;
	return err;
}

int mpnic_rxq_destroy(struct mpnic_rxq *rx)
{
	struct mpnic_dev *dev = rx->q.dev;
	int err = queue_disable(&rx->q);

	dev->rxq[rx->q.index] = NULL;
	mpnic_dma_free(dev, &rx->q.mem);
	rxq_free(rx);
	return err;
}

unsigned int mpnic_rxq_posted(const struct mpnic_rxq *rx)
{
	return rx->q.tail - rx->q.head;
}

unsigned int mpnic_rxq_room(const struct mpnic_rxq *rx)
{
	return rx->q.entries - mpnic_rxq_posted(rx);
}

unsigned int mpnic_rxq_ready(const struct mpnic_rxq *rx, unsigned int max)
{
	const struct queue *q = &rx->q;
	unsigned int bufs = 0, posted = mpnic_rxq_posted(rx);

	if (max > posted)
		max = posted;
	for (uint32_t at = q->cpl_head; bufs < max && cpl_written(q, at); at++) {
		const struct mpnic_rx_cpl *cpl = cpl_at(q, at);
		const uint16_t taken = __atomic_load_n(&cpl->buffers, __ATOMIC_RELAXED);

		bufs += taken ? taken : 1;
	}
	return bufs < posted ? bufs : posted;
}

static void write_rx_desc(struct mpnic_rxq *rx, uint32_t number)
{
	struct queue *q = &rx->q;
	struct mpnic_rx_desc *desc =
		(struct mpnic_rx_desc *)q->ring + ((number - q->base) & q->mask);
	const struct mpnic_buf *buf = &rx->shadow[number & q->mask];

	*desc = (struct mpnic_rx_desc){.addr = buf->iova, .len = (uint16_t)buf->len};
}

int mpnic_rxq_post(struct mpnic_rxq *rx, const struct mpnic_buf *buf, unsigned int count)
{
	struct queue *q = &rx->q;
	unsigned int room = mpnic_rxq_room(rx), n;
	int err = q->state;

	if (err)
		return err;
	if (count > room)
		count = room;
	for (n = 0; n < count; n++) {
		if (buf[n].len < BUF_MIN || buf[n].len > BUF_MAX)
			break;
		rx->shadow[q->tail & q->mask] = buf[n];
		write_rx_desc(rx, q->tail);
		q->tail++;
	}
	if (!n)
		return count ? -EINVAL : 0;
	err = ring_doorbell(q, q->tail - q->base);
	/* The buffers are the queue's all the same: the device may have seen the doorbell. */
	return err && err != -ENODEV ? err : (int)n;
}

const struct mpnic_buf *mpnic_rxq_buf(const struct mpnic_rxq *rx, uint32_t number)
{
	return &rx->shadow[number & rx->q.mask];
}

/* A completion that says more than can be is no more than a lost frame, if its buffers are right.
 */
static void check_frame(struct mpnic_rxq *rx, struct mpnic_frame *frame)
{
	struct mpnic_rx_cpl *cpl = &frame->cpl;
	struct queue *q = &rx->q;
	uint32_t room = 0;

	for (uint32_t i = 0; i < cpl->buffers && room < cpl->len; i++)
		room += rx->shadow[(frame->desc + i) & q->mask].len;
	if (cpl->len > room || cpl->len > MPNIC_FRAME_MAX || cpl->status > MPNIC_RX_STATUS_LOST ||
	    cpl->source >= MPNIC_SOURCE_HOST + MPNIC_PORTS) {
		q->count.lies++;
		cpl->status = MPNIC_RX_STATUS_LOST;
		cpl->len = 0;
		cpl->source = 0;
	}
	if (cpl->l3_off > cpl->len)
		cpl->l3_off = 0;
	if (cpl->l4_off > cpl->len)
		cpl->l4_off = 0;
	if (cpl->payload_off > cpl->len)
		cpl->payload_off = 0;
}

int mpnic_rxq_burst(struct mpnic_rxq *rx, struct mpnic_frame *frame, unsigned int count)
{
	struct queue *q = &rx->q;
	unsigned int n = 0;

	if (q->state)
		return q->state;
	while (n < count && q->head != q->tail && cpl_there(q)) {
		struct mpnic_frame *f = &frame[n];

		cpl_copy(q, &f->cpl, sizeof(f->cpl));
		if (!f->cpl.buffers || f->cpl.buffers > q->tail - q->head) {
			lied(q);
			return n ? (int)n : -EPROTO;
		}
		f->desc = q->head;
		q->head += f->cpl.buffers;
		check_frame(rx, f);
		q->count.frames++;
		q->count.bytes += f->cpl.len;
		q->count.errors += f->cpl.status != MPNIC_RX_STATUS_OK;
		n++;
		if (f->cpl.status != MPNIC_RX_STATUS_OK &&
		    f->cpl.error == MPNIC_QUEUE_ERROR_RING_ADDR) {
			stopped(q);
			break;
		}
	}
	return (int)n;
}

/* --- Tx -------------------------------------------------------------------------------------- */

static void txq_lost(struct mpnic_txq *tx)
{
	tx->lost = tx->known = tx->q.tail;
	tx->error = 0;
	tx->unasked = 0;
}

static void txq_free(struct mpnic_txq *tx)
{
	free(tx->shadow);
	free(tx);
}

int mpnic_txq_create(struct mpnic_dev *dev, unsigned int index,
		     const struct mpnic_queue_options *options, struct mpnic_txq **queue)
{
	int err = check_index(dev, index, index < MPNIC_QUEUES ? dev->txq[index] : NULL);
	struct mpnic_txq *tx;

	if (err)
		return err;
	tx = calloc(1, sizeof(*tx));
	if (!tx)
		return mpnic_i_fail(dev, -ENOMEM, "out of memory");
	err = queue_init(&tx->q, dev, MPNIC_QUEUE_TX, index, options);
	if (!err) {
		tx->shadow = calloc(tx->q.entries, sizeof(*tx->shadow));
		err = tx->shadow ? queue_enable(&tx->q)
				 : mpnic_i_fail(dev, -ENOMEM, "out of memory");
	}
	if (err) {
		mpnic_dma_free(dev, &tx->q.mem);
		txq_free(tx);
		return err;
	}
	dev->txq[index] = tx;
	*queue = tx;
	return 0;
}

int mpnic_txq_destroy(struct mpnic_txq *tx)
{
	struct mpnic_dev *dev = tx->q.dev;
	int err = queue_disable(&tx->q);

	dev->txq[tx->q.index] = NULL;
	mpnic_dma_free(dev, &tx->q.mem);
	txq_free(tx);
	return err;
}

int mpnic_txq_stop(struct mpnic_txq *tx)
{
	return queue_disable(&tx->q);
}

int mpnic_txq_drain(struct mpnic_txq *tx, void (*back)(void *ctx, void *cookie), void *ctx)
{
	struct queue *q = &tx->q;
	const int err = queue_disable(q);

	while (q->head != q->tail) {
		const struct tx_slot *slot = &tx->shadow[q->head & q->mask];

		if (back)
			back(ctx, slot->cookie);
		q->head += slot->bufs;
	}
	txq_lost(tx);
	return err;
}

unsigned int mpnic_txq_room(const struct mpnic_txq *tx)
{
	return tx->q.entries - (tx->q.tail - tx->q.head);
}

/* Bytes of a frame, or 0 for one that the device would refuse. */
static uint32_t send_bytes(const struct queue *q, const struct mpnic_send *send)
{
	uint32_t bytes = 0;

	if (!send->bufs || send->bufs > MPNIC_TX_SEGMENTS || send->bufs > q->entries ||
	    send->port >= q->dev->info.ports || send->flags & ~(MPNIC_TX_CSUM | MPNIC_TX_BYPASS))
		return 0;
	for (unsigned int i = 0; i < send->bufs; i++) {
		if (!send->buf[i].len || send->buf[i].len > BUF_MAX)
			return 0;
		bytes += send->buf[i].len;
	}
	return bytes >= MPNIC_FRAME_MIN && bytes <= MPNIC_FRAME_MAX ? bytes : 0;
}

static struct mpnic_tx_desc *tx_desc_at(const struct queue *q, uint32_t number)
{
	return (struct mpnic_tx_desc *)q->ring + ((number - q->base) & q->mask);
}

static void write_frame(struct mpnic_txq *tx, const struct mpnic_send *send)
{
	struct queue *q = &tx->q;

	for (unsigned int i = 0; i < send->bufs; i++) {
		const uint16_t end = i + 1 == send->bufs ? MPNIC_TX_EOP : 0;

		*tx_desc_at(q, q->tail + i) = (struct mpnic_tx_desc){
			.addr = send->buf[i].iova,
			.len = (uint16_t)send->buf[i].len,
			.flags = (uint16_t)((i ? 0 : send->flags) | end),
			.port = i ? 0 : send->port,
		};
	}
	tx->shadow[q->tail & q->mask] = (struct tx_slot){send->cookie, send->bufs};
	q->tail += send->bufs;
	tx->unasked += send->bufs;
}

/* The device has not been told of the frame that was written last: it can still be changed. */
static void ask_report(struct mpnic_txq *tx)
{
	tx_desc_at(&tx->q, tx->q.tail - 1)->flags |= MPNIC_TX_REPORT;
	tx->unasked = 0;
}

/* How many of the frames could be written. */
static unsigned int write_frames(struct mpnic_txq *tx, const struct mpnic_send *send,
				 unsigned int count, bool *wrong)
{
	uint32_t room = mpnic_txq_room(tx);
	uint64_t bytes = 0;
	unsigned int n;

	for (n = 0; n < count; n++) {
		const uint32_t size = send_bytes(&tx->q, &send[n]);

		*wrong = !size;
		if (!size || send[n].bufs > room)
			break;
		room -= send[n].bufs;
		bytes += size;
		write_frame(tx, &send[n]);
		if (tx->unasked >= REPORT_EVERY)
			ask_report(tx);
	}
	tx->q.count.frames += n;
	tx->q.count.bytes += bytes;
	return n;
}

int mpnic_txq_burst(struct mpnic_txq *tx, const struct mpnic_send *send, unsigned int count)
{
	struct queue *q = &tx->q;
	bool wrong = false;
	unsigned int n;
	int err = q->state;

	if (err)
		return err;
	n = write_frames(tx, send, count, &wrong);
	if (!n)
		return wrong ? -EINVAL : 0;
	ask_report(tx);
	err = ring_doorbell(q, q->tail - q->base);
	/* The frames are the queue's all the same: the device may have seen the doorbell. */
	return err && err != -ENODEV ? err : (int)n;
}

static bool is_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/*
 * Take completions until the frame that ends at @end is done: 1, or until none is there: 0. No more
 * than a ring's at a time, or a device that goes on writing them could keep us here.
 */
static int await_frame(struct mpnic_txq *tx, uint32_t end)
{
	struct queue *q = &tx->q;

	for (uint32_t n = 0; is_before(tx->known, end); n++) {
		bool inside = is_before(q->head, tx->known);
		struct mpnic_tx_cpl cpl;
		uint32_t advance;

		if (q->state)
			return q->state;
		if (n > q->entries || !cpl_there(q))
			return 0;
		cpl_copy(q, &cpl, sizeof(cpl));
		advance = cpl.head + q->base - tx->known;
		if (advance > q->tail - tx->known || (!advance && !cpl.error))
			return lied(q);
		tx->known += advance;
		/* An error that is told in the middle of a frame is the frame's. */
		if (cpl.error || !inside)
			tx->error = cpl.error;
		q->count.errors += cpl.error != 0;
		if (cpl.error == MPNIC_QUEUE_ERROR_RING_ADDR)
			return stopped(q);
	}
	return 1;
}

int mpnic_txq_done(struct mpnic_txq *tx, struct mpnic_sent *sent, unsigned int count)
{
	struct queue *q = &tx->q;
	unsigned int n;

	for (n = 0; n < count && q->head != q->tail; n++) {
		const struct tx_slot slot = tx->shadow[q->head & q->mask];
		uint32_t end = q->head + slot.bufs;
		bool lost = is_before(q->head, tx->lost);
		int err = lost ? 1 : await_frame(tx, end);

		if (err < 0)
			return n ? (int)n : err;
		if (!err)
			break;
		sent[n] = (struct mpnic_sent){.cookie = slot.cookie};
		if (lost) {
			sent[n].err = -ECANCELED;
		} else if (tx->known == end && tx->error) {
			sent[n].err = -EIO;
			sent[n].error = tx->error;
		}
		q->head = end;
	}
	return (int)n;
}

/* --- events ---------------------------------------------------------------------------------- */

int mpnic_evq_create(struct mpnic_dev *dev, const struct mpnic_queue_options *options,
		     struct mpnic_evq **queue)
{
	struct mpnic_evq *ev;
	int err = check_index(dev, 0, dev->evq);

	if (err)
		return err;
	ev = calloc(1, sizeof(*ev));
	if (!ev)
		return mpnic_i_fail(dev, -ENOMEM, "out of memory");
	err = queue_init(&ev->q, dev, MPNIC_QUEUE_EVENT, 0, options);
	if (!err)
		err = queue_enable(&ev->q);
	if (err) {
		mpnic_dma_free(dev, &ev->q.mem);
		free(ev);
		return err;
	}
	dev->evq = ev;
	*queue = ev;
	return 0;
}

int mpnic_evq_destroy(struct mpnic_evq *ev)
{
	struct mpnic_dev *dev = ev->q.dev;
	int err = queue_disable(&ev->q);

	dev->evq = NULL;
	mpnic_dma_free(dev, &ev->q.mem);
	free(ev);
	return err;
}

int mpnic_evq_burst(struct mpnic_evq *ev, struct mpnic_event_cpl *event, unsigned int count)
{
	struct queue *q = &ev->q;
	unsigned int n;
	int err;

	if (q->state)
		return q->state;
	for (n = 0; n < count && cpl_there(q); n++)
		cpl_copy(q, &event[n], sizeof(event[n]));
	if (!n)
		return 0;
	q->count.frames += n;
	err = ring_doorbell(q, q->cpl_head);
	return err && err != -ENODEV ? err : (int)n;
}

/* --- loss and return ------------------------------------------------------------------------- */

void mpnic_i_queues_lost(struct mpnic_dev *dev, int err)
{
	for (unsigned int i = 0; i < MPNIC_QUEUES; i++) {
		if (dev->rxq[i])
			dev->rxq[i]->q.state = err;
		if (dev->txq[i]) {
			dev->txq[i]->q.state = err;
			txq_lost(dev->txq[i]);
		}
	}
	if (dev->evq)
		dev->evq->q.state = err;
}

static int rxq_again(struct mpnic_rxq *rx)
{
	struct queue *q = &rx->q;
	int err;

	q->base = q->head;
	for (uint32_t n = q->head; n != q->tail; n++)
		write_rx_desc(rx, n);
	err = queue_enable(q);
	if (!err && q->head != q->tail)
		err = ring_doorbell(q, q->tail - q->base);
	return err;
}

/* Stop all queues at the device. */
int mpnic_i_queues_stop(struct mpnic_dev *dev)
{
	int err = 0;

	for (unsigned int i = 0; i < MPNIC_QUEUES; i++) {
		if (dev->rxq[i] && !err)
			err = queue_disable(&dev->rxq[i]->q);
		if (dev->txq[i] && !err)
			err = queue_disable(&dev->txq[i]->q);
	}
	if (dev->evq && !err)
		err = queue_disable(&dev->evq->q);
	mpnic_i_queues_lost(dev, -ESTALE);
	return err;
}

int mpnic_i_queues_again(struct mpnic_dev *dev)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < MPNIC_QUEUES; i++) {
		struct mpnic_txq *tx = dev->txq[i];

		if (dev->rxq[i])
			err = rxq_again(dev->rxq[i]);
		if (err || !tx)
			continue;
		tx->q.base = tx->q.tail;
		err = queue_enable(&tx->q);
	}
	if (!err && dev->evq)
		err = queue_enable(&dev->evq->q);
	return err;
}

/* The transport is closed; the rings' memory goes with the device's. */
void mpnic_i_queues_free(struct mpnic_dev *dev)
{
	for (unsigned int i = 0; i < MPNIC_QUEUES; i++) {
		if (dev->rxq[i])
			rxq_free(dev->rxq[i]);
		if (dev->txq[i])
			txq_free(dev->txq[i]);
	}
	free(dev->evq);
}

static bool is_broken(int state)
{
	return state == -EPROTO || state == -EIO;
}

/* -EPROTO or -EIO where a queue stands for that reason. */
int mpnic_i_queues_state(const struct mpnic_dev *dev)
{
	for (unsigned int i = 0; i < MPNIC_QUEUES; i++) {
		if (dev->rxq[i] && is_broken(dev->rxq[i]->q.state))
			return dev->rxq[i]->q.state;
		if (dev->txq[i] && is_broken(dev->txq[i]->q.state))
			return dev->txq[i]->q.state;
	}
	return dev->evq && is_broken(dev->evq->q.state) ? dev->evq->q.state : 0;
}

void mpnic_rxq_counters(const struct mpnic_rxq *queue, struct mpnic_queue_counters *counters)
{
	*counters = queue->q.count;
}

void mpnic_txq_counters(const struct mpnic_txq *queue, struct mpnic_queue_counters *counters)
{
	*counters = queue->q.count;
}

void mpnic_evq_counters(const struct mpnic_evq *queue, struct mpnic_queue_counters *counters)
{
	*counters = queue->q.count;
}

static void queue_state(const struct queue *q, struct mpnic_queue_state *state)
{
	*state = (struct mpnic_queue_state){
		.index = q->index,
		.log2 = q->log2,
		.tail = q->tail,
		.head = q->head,
		.completion = q->cpl_head,
		.state = q->state,
	};
}

void mpnic_rxq_state(const struct mpnic_rxq *queue, struct mpnic_queue_state *state)
{
	queue_state(&queue->q, state);
}

void mpnic_txq_state(const struct mpnic_txq *queue, struct mpnic_queue_state *state)
{
	queue_state(&queue->q, state);
}

void mpnic_rxq_peek(const struct mpnic_rxq *queue, unsigned int ahead, struct mpnic_rx_cpl *cpl)
{
	memcpy(cpl, cpl_at(&queue->q, queue->q.cpl_head + ahead), sizeof(*cpl));
}
