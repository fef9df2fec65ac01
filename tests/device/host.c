/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

enum {
	NO_IRQ = 0xffff,
	AT_WORK = 1u << 31,
	POLLS = 64,
};

static uint8_t *find(struct host *h, uint64_t addr, size_t len)
{
	return addr >= HOST_BASE && len <= HOST_MEM && addr - HOST_BASE <= HOST_MEM - len
		       ? h->mem + (addr - HOST_BASE)
		       : NULL;
}

static int dma_read(void *ctx, uint64_t addr, void *buf, size_t len)
{
	const uint8_t *from = find(ctx, addr, len);

	if (!from)
		return -EFAULT;
	memcpy(buf, from, len);
	return 0;
}

static int dma_write(void *ctx, uint64_t addr, const void *buf, size_t len)
{
	uint8_t *to = find(ctx, addr, len);

	if (!to)
		return -EFAULT;
	memcpy(to, buf, len);
	return 0;
}

static void irq(void *ctx, unsigned int vector)
{
	((struct host *)ctx)->irqs[vector]++;
}

static int wire_send(void *ctx, unsigned int port, const void *frame, size_t len)
{
	struct host *h = ctx;
	struct host_sent *sent = &h->sent[h->sent_count % HOST_SENT_MAX];

	if (h->wire_error)
		return h->wire_error;
	sent->port = port;
	sent->len = len;
	memcpy(sent->data, frame, len);
	h->sent_count++;
	return 0;
}

static void random_bytes(void *ctx, void *buf, size_t len)
{
	struct host *h = ctx;

	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = (uint8_t)(h->cookie * 31 + i * 7 + h->drawn * 4 + 1);
	h->drawn++;
}

static const struct mpnic_device_ops ops = {dma_read, dma_write, irq, wire_send, random_bytes};

const struct card_engine *host_engine = &model_device_engine;
int (*host_save)(struct mpnic_device *device, const char *path);
int (*host_restore)(struct mpnic_device *device, const char *path);

static void *must(void *p)
{
	if (!p) {
		perror("host");
		abort();
	}
	return p;
}

struct host *host_new_engine(const struct card_engine *engine)
{
	struct host *h = must(calloc(1, sizeof(*h)));
	struct mpnic_device_config config;

	h->engine = engine;
	h->mem = must(calloc(1, HOST_MEM));
	h->now_ns = 1000 * (uint64_t)HOST_MS;
	mpnic_device_defaults(&config);
	config.state.flows = config.state.conns = config.state.tokens = 1024;
	config.state.stash = 64;
	config.state.peers = 256;
	if (mpnic_state_new(&config.state, &h->keys) ||
	    engine->open(&config, &ops, h, h->doorbells, h->now_ns, &h->device))
		abort();
	for (unsigned int port = 0; port < MPNIC_PORTS; port++)
		engine->link(h->device, port, true);
	return h;
}

struct host *host_new(void)
{
	return host_new_engine(host_engine);
}

void host_free(struct host *h)
{
	h->engine->free(h->device);
	mpnic_state_free(h->keys);
	free(h->mem);
	free(h);
}

uint64_t host_alloc(struct host *h, size_t len)
{
	const uint64_t at = (h->used + 63) & ~UINT64_C(63);

	if (at + len > HOST_MEM)
		abort();
	h->used = at + len;
	memset(h->mem + at, 0, len);
	return HOST_BASE + at;
}

void *host_at(struct host *h, uint64_t addr, size_t len)
{
	return must(find(h, addr, len));
}

void host_poll(struct host *h, unsigned int times)
{
	while (times--) {
		h->now_ns += 1000;
		h->engine->poll(h->device, h->now_ns);
	}
}

uint32_t host_read(struct host *h, uint32_t offset)
{
	return h->engine->read(h->device, offset);
}

void host_write(struct host *h, uint32_t offset, uint32_t value)
{
	h->engine->write(h->device, offset, value);
}

uint64_t host_stat(struct host *h, unsigned int port, uint32_t stat)
{
	const uint32_t at = MPNIC_BAR_STAT + 0x100 * port + stat;
	const uint64_t low = host_read(h, at);

	return (uint64_t)host_read(h, at + 4) << 32 | low;
}

/* ---- mailbox, firmware, admin queue --------------------------------------------------------- */

uint32_t host_mailbox(struct host *h, uint32_t command, uint32_t arg0, uint32_t arg1)
{
	host_write(h, MPNIC_HOST_MAILBOX_ARG0, arg0);
	host_write(h, MPNIC_HOST_MAILBOX_ARG1, arg1);
	host_write(h, MPNIC_HOST_MAILBOX_COMMAND, command);
	for (unsigned int i = 0; i < POLLS; i++) {
		const uint32_t status = host_read(h, MPNIC_HOST_MAILBOX_STATUS);

		if (!(status & AT_WORK))
			return status;
		host_poll(h, 1);
	}
	return AT_WORK;
}

static size_t read_image(const char *path, uint8_t *image, size_t size)
{
	FILE *file = must(fopen(path, "rb"));
	const size_t len = fread(image, 1, size, file);

	fclose(file);
	return len;
}

uint32_t host_boot_image(struct host *h, const char *path)
{
	static uint8_t image[MPNIC_FW_IMAGE_MAX];
	const size_t len = read_image(path, image, sizeof(image));

	for (size_t at = 0; at < len; at += MPNIC_MAILBOX_WINDOW) {
		const size_t n = len - at < MPNIC_MAILBOX_WINDOW ? len - at : MPNIC_MAILBOX_WINDOW;
		uint32_t word;

		for (size_t i = 0; i < n; i += 4) {
			memcpy(&word, image + at + i, 4);
			host_write(h, MPNIC_BAR_MAILBOX + (uint32_t)i, word);
		}
		if (host_mailbox(h, MPNIC_MAILBOX_LOAD, (uint32_t)at, (uint32_t)n))
			return ~0u;
	}
	host_mailbox(h, MPNIC_MAILBOX_START, (uint32_t)len, 0);
	host_poll(h, POLLS);
	return host_read(h, MPNIC_HOST_DEVICE_STATUS);
}

uint32_t host_boot(struct host *h)
{
	return host_boot_image(h, FIRMWARE_IMAGE);
}

static void ring_alloc(struct host *h, struct host_ring *ring, unsigned int log2, size_t desc,
		       size_t cpl)
{
	*ring = (struct host_ring){.size = 1u << log2};
	ring->desc = host_alloc(h, desc << log2);
	ring->cpl = host_alloc(h, cpl << log2);
}

void host_admin_ring(struct host *h)
{
	ring_alloc(h, &h->admin, 4, sizeof(struct mpnic_admin_cmd), sizeof(struct mpnic_admin_cpl));
	host_write(h, MPNIC_HOST_ADMIN_CONTROL, 0);
	host_write(h, MPNIC_HOST_ADMIN_RING, (uint32_t)h->admin.desc);
	host_write(h, MPNIC_HOST_ADMIN_RING + 4, (uint32_t)(h->admin.desc >> 32));
	host_write(h, MPNIC_HOST_ADMIN_CPL, (uint32_t)h->admin.cpl);
	host_write(h, MPNIC_HOST_ADMIN_CPL + 4, (uint32_t)(h->admin.cpl >> 32));
	host_write(h, MPNIC_HOST_ADMIN_LOG2, 4);
	host_write(h, MPNIC_HOST_ADMIN_VECTOR, NO_IRQ);
	host_write(h, MPNIC_HOST_ADMIN_CONTROL, MPNIC_ADMIN_CONTROL_ENABLE);
}

/* The completion at @ring->next, once its phase says that it is there. */
static const void *next_cpl(struct host *h, struct host_ring *ring, size_t size)
{
	const uint32_t slot = ring->next % ring->size;
	const uint8_t *cpl = host_at(h, ring->cpl + slot * size, size);

	if (cpl[size - 1] != !(ring->next / ring->size & 1))
		return NULL;
	ring->next++;
	return cpl;
}

uint16_t host_admin(struct host *h, uint16_t op, uint32_t id, uint32_t arg, const void *in,
		    size_t len, void *out)
{
	const uint32_t slot = h->admin.tail % h->admin.size;
	struct mpnic_admin_cmd *cmd = host_at(h, h->admin.desc + slot * sizeof(*cmd), sizeof(*cmd));
	const struct mpnic_admin_cpl *cpl = NULL;

	*cmd = (struct mpnic_admin_cmd){.op = op, .cookie = ++h->cookie, .id = id, .arg = arg};
	if (len)
		memcpy(cmd->data, in, len);
	h->doorbells[MPNIC_DOORBELL_ADMIN / 4] = ++h->admin.tail;
	for (unsigned int i = 0; i < POLLS && !cpl; i++) {
		host_poll(h, 1);
		cpl = next_cpl(h, &h->admin, sizeof(*cpl));
	}
	if (!cpl || cpl->cookie != h->cookie || cpl->op != op)
		return 0xffff;
	if (out)
		memcpy(out, cpl->data, sizeof(cpl->data));
	return cpl->status;
}

uint16_t host_queue(struct host *h, unsigned int kind, unsigned int index, unsigned int log2,
		    unsigned int vector, struct host_ring *ring)
{
	const size_t desc = kind == MPNIC_QUEUE_EVENT ? 0 : sizeof(struct mpnic_rx_desc);
	const size_t cpl = kind == MPNIC_QUEUE_RX   ? sizeof(struct mpnic_rx_cpl)
			   : kind == MPNIC_QUEUE_TX ? sizeof(struct mpnic_tx_cpl)
						    : sizeof(struct mpnic_event_cpl);
	struct mpnic_admin_queue queue = {
		.kind = (uint8_t)kind, .ring_log2 = (uint8_t)log2, .irq = (uint16_t)vector};

	ring_alloc(h, ring, log2, desc, cpl);
	queue.ring = desc ? ring->desc : 0;
	queue.cpl = ring->cpl;
	return host_admin(h, MPNIC_ADMIN_OP_QUEUE_CREATE, index, 0, &queue, sizeof(queue), NULL);
}

void host_port(struct host *h, unsigned int port, uint16_t flags, uint16_t base, uint16_t count)
{
	struct mpnic_admin_port p = {
		.flags = flags, .mtu = 1500, .queue_base = base, .queue_count = count};

	if (host_admin(h, MPNIC_ADMIN_OP_PORT_SET, port, 0, &p, sizeof(p), NULL))
		abort();
}

/* Time goes on from where it was. */
static bool restore(struct host *h, const char *path)
{
	if (!host_restore || h->engine == &model_device_engine || host_restore(h->device, path))
		return false;
	h->now_ns = host_read(h, MPNIC_HOST_TIME);
	h->now_ns |= (uint64_t)host_read(h, MPNIC_HOST_TIME + 4) << 32;
	return true;
}

/* Others may do the same at the same time. */
static void save(struct host *h, const char *path)
{
	char own[256];

	if (!host_save || h->engine == &model_device_engine)
		return;
	snprintf(own, sizeof(own), "%s.%d", path, (int)getpid());
	if (host_save(h->device, own) || rename(own, path))
		abort();
}

/* Loading an image takes the RTL's core two million clocks: once for all tests. */
static uint32_t boot_once(struct host *h)
{
	const char *path = getenv("HOST_SNAPSHOT");
	uint32_t status;

	if (path && restore(h, path))
		return host_read(h, MPNIC_HOST_DEVICE_STATUS);
	status = host_boot(h);
	if (path)
		save(h, path);
	return status;
}

struct host *host_up(unsigned int pairs, unsigned int log2)
{
	return host_up_engine(host_engine, pairs, log2);
}

struct host *host_up_engine(const struct card_engine *engine, unsigned int pairs, unsigned int log2)
{
	struct host *h = host_new_engine(engine);

	if (boot_once(h) != MPNIC_DEVICE_STATUS_RUNNING)
		abort();
	host_admin_ring(h);
	for (unsigned int i = 0; i < pairs; i++)
		if (host_queue(h, MPNIC_QUEUE_RX, i, log2, i, &h->rx[i]) ||
		    host_queue(h, MPNIC_QUEUE_TX, i, log2, 16 + i, &h->tx[i]))
			abort();
	if (host_queue(h, MPNIC_QUEUE_EVENT, 0, 3, 32, &h->event))
		abort();
	for (unsigned int port = 0; port < MPNIC_PORTS; port++)
		host_port(h, port, MPNIC_PORT_UP | MPNIC_PORT_PROMISCUOUS, 0, (uint16_t)pairs);
	return h;
}

/* ---- queues --------------------------------------------------------------------------------- */

uint64_t host_buffer(struct host *h, unsigned int queue, uint16_t len)
{
	struct host_ring *ring = &h->rx[queue];
	struct mpnic_rx_desc *desc =
		host_at(h, ring->desc + ring->tail++ % ring->size * sizeof(*desc), sizeof(*desc));

	*desc = (struct mpnic_rx_desc){.addr = host_alloc(h, len), .len = len};
	return desc->addr;
}

void host_ring_rx(struct host *h, unsigned int queue)
{
	h->doorbells[MPNIC_DOORBELL_RX / 4 + queue] = h->rx[queue].tail;
}

const struct mpnic_rx_cpl *host_rx(struct host *h, unsigned int queue)
{
	return next_cpl(h, &h->rx[queue], sizeof(struct mpnic_rx_cpl));
}

void host_send(struct host *h, unsigned int queue, const void *data, uint16_t len, uint16_t flags,
	       uint8_t port)
{
	struct host_ring *ring = &h->tx[queue];
	struct mpnic_tx_desc *desc =
		host_at(h, ring->desc + ring->tail++ % ring->size * sizeof(*desc), sizeof(*desc));

	*desc = (struct mpnic_tx_desc){
		.addr = host_alloc(h, len), .len = len, .flags = flags, .port = port};
	if (len)
		memcpy(host_at(h, desc->addr, len), data, len);
}

void host_ring_tx(struct host *h, unsigned int queue)
{
	h->doorbells[MPNIC_DOORBELL_TX / 4 + queue] = h->tx[queue].tail;
}

const struct mpnic_tx_cpl *host_tx(struct host *h, unsigned int queue)
{
	return next_cpl(h, &h->tx[queue], sizeof(struct mpnic_tx_cpl));
}

const struct mpnic_event_cpl *host_event(struct host *h)
{
	const struct mpnic_event_cpl *cpl = next_cpl(h, &h->event, sizeof(struct mpnic_event_cpl));

	if (cpl)
		h->doorbells[MPNIC_DOORBELL_EVENT / 4] = h->event.next;
	return cpl;
}
