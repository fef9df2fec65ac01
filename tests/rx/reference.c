/* SPDX-License-Identifier: BSD-3-Clause */
#include "reference.h"

#include <stdlib.h>

#include "device.h"

static struct mpnic_device device;
static uint32_t doorbells[MPNIC_DOORBELL_SIZE / 4];

static int read_memory(void *ctx, uint64_t addr, void *buf, size_t len)
{
	(void)ctx;
	return reference_dma_read(addr, buf, len);
}

static int write_memory(void *ctx, uint64_t addr, const void *buf, size_t len)
{
	(void)ctx;
	return reference_dma_write(addr, buf, len);
}

static const struct mpnic_device_ops ops = {.dma_read = read_memory, .dma_write = write_memory};

void reference_reset(void)
{
	memset(&device, 0, sizeof(device));
	memset(doorbells, 0, sizeof(doorbells));
	device.ops = &ops;
	device.doorbells = doorbells;
	device_fw_reset(&device);
}

void reference_write(unsigned int queue, unsigned int offset, uint32_t value)
{
	device.hal.write(&device, MPNIC_FW_QUEUE_SELECT, MPNIC_QUEUE_RX << 16 | queue);
	device.hal.write(&device, offset, value);
}

uint32_t reference_read(unsigned int queue, unsigned int offset)
{
	device.hal.write(&device, MPNIC_FW_QUEUE_SELECT, MPNIC_QUEUE_RX << 16 | queue);
	return device.hal.read(&device, offset);
}

void reference_doorbell(unsigned int queue, uint32_t tail)
{
	doorbells[MPNIC_DOORBELL_RX / 4 + queue] = tail;
}

void reference_port(unsigned int port, uint16_t queue_base, uint16_t queue_count)
{
	device.port[port].queue_base = queue_base;
	device.port[port].queue_count = queue_count;
}

void reference_frame(unsigned int port, const uint8_t *data, size_t len,
		     const struct mpnic_hdr *hdr, const struct mpnic_csum *csum,
		     const struct mpnic_result *result, uint64_t time_ns)
{
	struct device_frame frame = {
		.data = device.frame, .len = len, .hdr = *hdr, .csum = *csum, .result = *result};

	memcpy(frame.data, data, len);
	device.now_ns = time_ns;
	device_to_host(&device, port, &frame);
}

uint32_t reference_fetch(unsigned int queue)
{
	struct device_queue *q = &device.rx[queue];
	const uint32_t ready = doorbells[MPNIC_DOORBELL_RX / 4 + queue] - q->head;

	if (!q->enabled || q->stopped || !ready || ready > 1u << q->log2)
		return q->head;
	q->cache_count = 0;
	if (!queue_desc(&device, q, q->head, ready))
		abort(); /* the bench asks only for what can be read */
	return q->cache_first + q->cache_count;
}

uint64_t reference_stat(unsigned int port, unsigned int stat)
{
	return device.port[port].stat[stat / 8];
}

uint64_t reference_pending(void)
{
	uint64_t vectors = 0;

	for (unsigned int i = 0; i < MPNIC_VECTORS; i++)
		vectors |= (uint64_t)device.vector[i].pending << i;
	return vectors;
}

void reference_raise(uint64_t vectors)
{
	for (unsigned int i = 0; i < MPNIC_VECTORS; i++)
		if (vectors >> i & 1)
			device.vector[i].pending = false;
}
