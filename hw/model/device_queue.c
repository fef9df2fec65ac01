/* SPDX-License-Identifier: BSD-3-Clause */
/* Rings in host memory: fetching descriptors, writing completions. All of it is hostile. */
#include <errno.h>

#include "device.h"

struct device_queue *device_queue(struct mpnic_device *d, unsigned int kind, unsigned int index)
{
	if (kind == MPNIC_QUEUE_EVENT)
		return index ? NULL : &d->event;
	if (kind > MPNIC_QUEUE_EVENT || index >= MPNIC_QUEUES)
		return NULL;
	return kind == MPNIC_QUEUE_RX ? &d->rx[index] : &d->tx[index];
}

void device_queue_start(struct device_queue *q)
{
	q->stopped = q->skipping = false;
	q->head = q->cpl_next = q->cache_count = q->bad_tail = 0;
	q->stats = (struct mpnic_admin_queue_stats){0};
	q->enabled = true;
}

void queue_error(struct device_queue *q, enum mpnic_queue_error_code error)
{
	q->stats.errors++;
	q->stats.last_error = (uint8_t)error;
	q->stopped |= error == MPNIC_QUEUE_ERROR_RING_ADDR;
}

uint32_t queue_ready(struct device_queue *q, uint32_t tail)
{
	const uint32_t ready = tail - q->head;

	q->stats.tail = tail; /* that it was looked at */
	if (!q->enabled || q->stopped)
		return 0;
	if (ready <= 1u << q->log2)
		return ready;
	/* Counted once for each value that is rung. */
	if (q->bad_tail != tail)
		queue_error(q, MPNIC_QUEUE_ERROR_DOORBELL);
	q->bad_tail = tail;
	return 0;
}

static int fetch(struct mpnic_device *d, struct device_queue *q, uint32_t at, uint32_t ready)
{
	const uint32_t size = 1u << q->log2, slot = at & (size - 1);
	uint32_t n = ready - (at - q->head);
	int err;

	if (n > DEVICE_DESC_CACHE)
		n = DEVICE_DESC_CACHE;
	if (n > size - slot)
		n = size - slot;
	err = d->ops->dma_read(d->ctx, q->ring + slot * sizeof(q->cache.rx[0]), &q->cache,
			       n * sizeof(q->cache.rx[0]));
	q->cache_first = at;
	q->cache_count = err ? 0 : n;
	return err;
}

const void *queue_desc(struct mpnic_device *d, struct device_queue *q, uint32_t at, uint32_t ready)
{
	if (at - q->cache_first >= q->cache_count && fetch(d, q, at, ready)) {
		queue_error(q, MPNIC_QUEUE_ERROR_RING_ADDR);
		return NULL;
	}
	return q->kind == MPNIC_QUEUE_TX ? (const void *)&q->cache.tx[at - q->cache_first]
					 : (const void *)&q->cache.rx[at - q->cache_first];
}

int queue_complete(struct mpnic_device *d, struct device_queue *q, void *cpl, size_t size)
{
	const uint32_t slot = q->cpl_next & ((1u << q->log2) - 1);
	uint8_t *phase = (uint8_t *)cpl + size - 1;

	*phase = !(q->cpl_next >> q->log2 & 1);
	if (d->fault_phase && q->kind == MPNIC_QUEUE_RX) {
		*phase ^= 1;
		d->fault_phase = false;
	}
	if (d->ops->dma_write(d->ctx, q->cpl + slot * size, cpl, size)) {
		queue_error(q, MPNIC_QUEUE_ERROR_RING_ADDR);
		return -EIO;
	}
	q->cpl_next++;
	q->stats.cpl = q->cpl_next;
	if (q->vector != NO_VECTOR) {
		q->stats.interrupts += !d->vector[q->vector].pending;
		device_irq(d, q->vector);
	}
	return 0;
}
