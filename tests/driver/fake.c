/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REG(f, name) ((f)->reg[MPNIC_HOST_##name / 4])
#define BUSY	     (1u << 31)

static struct fake *of(struct mpnic_transport *transport)
{
	return (struct fake *)transport;
}

uint32_t fake_random(struct fake *fake)
{
	fake->random ^= fake->random << 13;
	fake->random ^= fake->random >> 7;
	fake->random ^= fake->random << 17;
	return (uint32_t)(fake->random >> 16);
}

uint32_t fake_crc(const void *data, size_t size)
{
	const uint8_t *at = data;
	uint32_t crc = ~0u;

	while (size--) {
		crc ^= *at++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

void fake_image(void *image, size_t size, uint32_t version)
{
	struct mpnic_fw_header h = {
		.magic = MPNIC_FW_IMAGE_MAGIC,
		.header_version = 1,
		.regs_major = MPNIC_REGS_MAJOR,
		.fw_version = version,
		.length = (uint32_t)(size - sizeof(h)),
		.name = "fake",
	};

	for (size_t i = sizeof(h); i < size; i++)
		((uint8_t *)image)[i] = (uint8_t)(i * 7);
	memcpy(image, &h, sizeof(h));
	h.crc = fake_crc(image, size);
	memcpy(image, &h, sizeof(h));
}

/* --- DMA ------------------------------------------------------------------------------------- */

static void *dma(struct fake *fake, uint64_t iova, uint64_t size)
{
	for (unsigned int i = 0; i < FAKE_MAPS; i++) {
		struct fake_map *m = &fake->map[i];

		if (m->addr && iova >= m->iova && iova - m->iova <= m->size &&
		    size <= m->size - (iova - m->iova))
			return m->addr + (iova - m->iova);
	}
	fake->bad_dma++;
	return NULL;
}

/* All but the last byte, then that: the phase. */
static void write_cpl(void *to, const void *from, size_t size)
{
	memcpy(to, from, size - 1);
	__atomic_store_n((uint8_t *)to + size - 1, ((const uint8_t *)from)[size - 1],
			 __ATOMIC_RELEASE);
}

static void raise_irq(const struct fake *fake, unsigned int vector)
{
	const uint64_t one = 1;

	if (vector < MPNIC_VECTORS && fake->irq_fd[vector] >= 0 &&
	    write(fake->irq_fd[vector], &one, sizeof(one)) < 0)
		abort();
}

static uint8_t phase_of(uint32_t number, unsigned int log2)
{
	return (number >> log2 & 1) ^ 1;
}

/* --- rings ----------------------------------------------------------------------------------- */

bool fake_receive(struct fake *fake, unsigned int queue, const void *data, uint32_t len)
{
	struct fake_queue *q = &fake->rx[queue];
	uint32_t mask = (1u << q->made.ring_log2) - 1, done = 0;
	uint32_t tail = fake->page[(MPNIC_DOORBELL_RX + 4 * queue) / 4];
	struct mpnic_rx_cpl cpl = {.len = len, .l3_off = 14, .l4_off = 34, .payload_off = 54};
	struct mpnic_rx_cpl *at;

	if (!q->enabled || q->head == tail)
		return false;
	while (done < len && q->head != tail) {
		const struct mpnic_rx_desc *d =
			dma(fake, q->made.ring + 16ull * (q->head & mask), 16);
		uint32_t n = len - done;
		void *to;

		if (!d)
			return false;
		if (n > d->len)
			n = d->len;
		to = dma(fake, d->addr, n);
		if (to)
			memcpy(to, (const uint8_t *)data + done, n);
		else
			cpl.status = MPNIC_RX_STATUS_LOST, cpl.error = MPNIC_QUEUE_ERROR_DESC_ADDR;
		done += n;
		q->head++;
		cpl.buffers++;
	}
	if (done < len) {
		cpl.status = MPNIC_RX_STATUS_TRUNCATED;
		cpl.len = done;
	}
	at = dma(fake, q->made.cpl + 64ull * (q->cpl & mask), 64);
	cpl.phase = phase_of(q->cpl, q->made.ring_log2);
	if (fake->lie_rx)
		fake->lie_rx(fake, &cpl);
	if (at)
		write_cpl(at, &cpl, sizeof(cpl));
	q->cpl++;
	raise_irq(fake, q->made.irq);
	return true;
}

bool fake_event(struct fake *fake, uint8_t kind)
{
	struct fake_queue *q = &fake->event;
	uint32_t mask = (1u << q->made.ring_log2) - 1;
	struct mpnic_event_cpl cpl = {.kind = kind}, *at;

	if (!q->enabled || q->cpl - fake->page[MPNIC_DOORBELL_EVENT / 4] > mask)
		return false;
	at = dma(fake, q->made.cpl + 128ull * (q->cpl & mask), 128);
	if (!at)
		return false;
	memcpy(cpl.body, &q->cpl, 4);
	cpl.phase = phase_of(q->cpl++, q->made.ring_log2);
	write_cpl(at, &cpl, sizeof(cpl));
	raise_irq(fake, q->made.irq);
	return true;
}

static void complete_tx(struct fake *fake, struct fake_queue *q, uint8_t error)
{
	uint32_t mask = (1u << q->made.ring_log2) - 1;
	struct mpnic_tx_cpl cpl = {.head = q->head, .error = error}, *at;

	cpl.phase = phase_of(q->cpl, q->made.ring_log2);
	if (fake->lie_tx)
		fake->lie_tx(fake, &cpl);
	at = dma(fake, q->made.cpl + 16ull * (q->cpl & mask), 16);
	if (at)
		write_cpl(at, &cpl, sizeof(cpl));
	q->cpl++;
	raise_irq(fake, q->made.irq);
}

static void send_one(struct fake *fake, unsigned int queue, uint32_t tail)
{
	struct fake_queue *q = &fake->tx[queue];
	uint32_t mask = (1u << q->made.ring_log2) - 1, len = 0;
	uint8_t *frame = fake->frame[fake->frames % FAKE_FRAMES];
	uint8_t error = fake->tx_error;
	uint16_t flags = 0;

	while (q->head != tail && !(flags & MPNIC_TX_EOP)) {
		const struct mpnic_tx_desc *d =
			dma(fake, q->made.ring + 16ull * (q->head & mask), 16);
		const void *from = d ? dma(fake, d->addr, d->len) : NULL;

		q->head++;
		if (!d)
			return;
		flags = d->flags;
		if (!from || len + d->len > MPNIC_FRAME_MAX) {
			error = MPNIC_QUEUE_ERROR_DESC_ADDR;
			continue;
		}
		memcpy(frame + len, from, d->len);
		len += d->len;
	}
	fake->tx_error = 0;
	if (!error) {
		fake->frame_len[fake->frames++ % FAKE_FRAMES] = len;
		if (fake->loop)
			fake_receive(fake, queue, frame, len);
	}
	if (flags & MPNIC_TX_REPORT || error)
		complete_tx(fake, q, error);
}

static void work_tx(struct fake *fake)
{
	for (unsigned int i = 0; i < MPNIC_QUEUES; i++) {
		uint32_t tail = fake->page[(MPNIC_DOORBELL_TX + 4 * i) / 4];

		while (fake->tx[i].enabled && fake->tx[i].head != tail && !fake->hold_tx)
			send_one(fake, i, tail);
	}
}

/* --- admin ----------------------------------------------------------------------------------- */

static struct fake_queue *queue_of(struct fake *fake, unsigned int kind, uint32_t index)
{
	if (index >= MPNIC_QUEUES)
		return NULL;
	if (kind == MPNIC_QUEUE_RX)
		return &fake->rx[index];
	if (kind == MPNIC_QUEUE_TX)
		return &fake->tx[index];
	return kind == MPNIC_QUEUE_EVENT && !index ? &fake->event : NULL;
}

static uint16_t queue_command(struct fake *fake, const struct mpnic_admin_cmd *cmd,
			      struct mpnic_admin_cpl *cpl)
{
	struct mpnic_admin_queue made;
	struct mpnic_admin_queue_stats stats = {0};
	struct fake_queue *q;

	memcpy(&made, cmd->data, sizeof(made));
	q = queue_of(fake, made.kind, cmd->id);
	if (!q)
		return MPNIC_STATUS_RANGE;
	if (cmd->op == MPNIC_ADMIN_OP_QUEUE_CREATE) {
		if (q->enabled)
			return MPNIC_STATUS_EXISTS;
		*q = (struct fake_queue){.made = made, .enabled = true};
		return MPNIC_STATUS_OK;
	}
	if (!q->enabled)
		return MPNIC_STATUS_MISSING;
	if (cmd->op == MPNIC_ADMIN_OP_QUEUE_DESTROY) {
		q->enabled = false;
		return MPNIC_STATUS_OK;
	}
	stats.head = q->head;
	stats.cpl = q->cpl;
	stats.enabled = 1;
	memcpy(cpl->data, &stats, sizeof(stats));
	return MPNIC_STATUS_OK;
}

static void identity(const struct fake *fake, struct mpnic_admin_cpl *cpl)
{
	struct mpnic_admin_identity id = {
		.admin_version = MPNIC_ADMIN_VERSION,
		.ports = MPNIC_PORTS,
		.queues = MPNIC_QUEUES,
		.vectors = MPNIC_VECTORS,
		.flows = 65536,
		.fw_version = REG(fake, FW_VERSION),
		.fw_name = "fake",
		.serial = "FAKE-1",
	};

	memcpy(cpl->data, &id, sizeof(id));
}

static uint16_t answer(struct fake *fake, const struct mpnic_admin_cmd *cmd,
		       struct mpnic_admin_cpl *cpl)
{
	struct mpnic_admin_log log = {0};

	switch (cmd->op) {
	case MPNIC_ADMIN_OP_IDENTIFY:
		identity(fake, cpl);
		return MPNIC_STATUS_OK;
	case MPNIC_ADMIN_OP_QUEUE_CREATE:
	case MPNIC_ADMIN_OP_QUEUE_DESTROY:
	case MPNIC_ADMIN_OP_QUEUE_GET:
		return queue_command(fake, cmd, cpl);
	case MPNIC_ADMIN_OP_STATS:
		for (uint64_t i = 0; i < 12; i++) {
			uint64_t value = 1000 * cmd->id + cmd->arg + i;

			memcpy(cpl->data + 8 * i, &value, 8);
		}
		return MPNIC_STATUS_OK;
	case MPNIC_ADMIN_OP_LOG:
		log.first = cmd->id;
		log.count = (uint32_t)strlen(fake->log);
		log.count = cmd->id < log.count ? log.count - cmd->id : 0;
		if (log.count > sizeof(log.text))
			log.count = sizeof(log.text);
		memcpy(log.text, fake->log + cmd->id, log.count);
		memcpy(cpl->data, &log, sizeof(log));
		return MPNIC_STATUS_OK;
	default:
		/* The command's data comes back: tests see what arrived. */
		memcpy(cpl->data, cmd->data, sizeof(cpl->data));
		return cmd->op <= MPNIC_ADMIN_OP_SELF_TEST ? MPNIC_STATUS_OK : MPNIC_STATUS_UNKNOWN;
	}
}

static void admin_one(struct fake *fake)
{
	uint64_t ring = REG(fake, ADMIN_RING) | (uint64_t)fake->reg[MPNIC_HOST_ADMIN_RING / 4 + 1]
							<< 32;
	uint64_t done = REG(fake, ADMIN_CPL) | (uint64_t)fake->reg[MPNIC_HOST_ADMIN_CPL / 4 + 1]
						       << 32;
	unsigned int log2 = REG(fake, ADMIN_LOG2) & 15;
	uint32_t mask = (1u << log2) - 1;
	const struct mpnic_admin_cmd *cmd =
		dma(fake, ring + 128ull * (fake->admin_head & mask), 128);
	struct mpnic_admin_cpl cpl = {0}, *at;

	fake->admin_head++;
	if (!cmd)
		return;
	if (cmd->op < 64)
		fake->ops[cmd->op]++;
	cpl.op = cmd->op;
	cpl.cookie = cmd->cookie;
	cpl.status = answer(fake, cmd, &cpl);
	if (cpl.status)
		memset(cpl.data, 0, sizeof(cpl.data));
	cpl.phase = phase_of(fake->admin_cpl, log2);
	if (fake->lie && !fake->lie(fake, cmd, &cpl))
		return;
	at = dma(fake, done + 128ull * (fake->admin_cpl & mask), 128);
	fake->admin_cpl++;
	if (at)
		write_cpl(at, &cpl, sizeof(cpl));
	raise_irq(fake, REG(fake, ADMIN_VECTOR));
}

void fake_work(struct fake *fake)
{
	fake->page[MPNIC_DOORBELL_NEED_KICK / 4] = !fake->awake;
	if (REG(fake, DEVICE_STATUS) != MPNIC_DEVICE_STATUS_RUNNING)
		return;
	while (REG(fake, ADMIN_CONTROL) & 1 && !fake->deaf &&
	       fake->admin_head != fake->page[MPNIC_DOORBELL_ADMIN / 4] &&
	       fake->page[MPNIC_DOORBELL_ADMIN / 4] - fake->admin_head <= 256)
		admin_one(fake);
	work_tx(fake);
}

/* --- mailbox --------------------------------------------------------------------------------- */

static uint32_t judge_image(const struct fake *fake, uint32_t size)
{
	struct mpnic_fw_header h;
	static uint8_t copy[MPNIC_FW_IMAGE_MAX];

	memcpy(&h, fake->image, sizeof(h));
	if (h.magic != MPNIC_FW_IMAGE_MAGIC)
		return MPNIC_FW_STATUS_BAD_MAGIC;
	if (size > MPNIC_FW_IMAGE_MAX || size < sizeof(h) || h.length != size - sizeof(h) ||
	    h.header_version != 1)
		return MPNIC_FW_STATUS_BAD_HEADER;
	memcpy(copy, fake->image, size);
	memset(copy + offsetof(struct mpnic_fw_header, crc), 0, 4);
	if (fake_crc(copy, size) != h.crc)
		return MPNIC_FW_STATUS_BAD_CHECKSUM;
	return h.regs_major == MPNIC_REGS_MAJOR ? MPNIC_FW_STATUS_RUNNING
						: MPNIC_FW_STATUS_BAD_HARDWARE;
}

void fake_run_firmware(struct fake *fake, uint32_t version)
{
	REG(fake, FW_STATUS) = MPNIC_FW_STATUS_RUNNING;
	REG(fake, DEVICE_STATUS) = MPNIC_DEVICE_STATUS_RUNNING;
	REG(fake, FW_VERSION) = version;
}

static uint32_t start_firmware(struct fake *fake)
{
	struct mpnic_fw_header h;
	uint32_t status = judge_image(fake, REG(fake, MAILBOX_ARG0));

	fake->starts++;
	REG(fake, FW_STATUS) = status;
	if (status != MPNIC_FW_STATUS_RUNNING)
		return MPNIC_STATUS_INVALID;
	memcpy(&h, fake->image, sizeof(h));
	fake_run_firmware(fake, h.fw_version);
	return MPNIC_STATUS_OK;
}

static uint32_t run_mailbox(struct fake *fake, uint32_t command)
{
	uint32_t at = REG(fake, MAILBOX_ARG0), size = REG(fake, MAILBOX_ARG1);
	struct mpnic_crash crash = {.status = REG(fake, FW_STATUS), .pc = 0x1234, .cause = 2};
	size_t len = strlen(fake->log);

	switch (command) {
	case MPNIC_MAILBOX_NOP:
		return MPNIC_STATUS_OK;
	case MPNIC_MAILBOX_LOAD:
		if (REG(fake, DEVICE_STATUS) != MPNIC_DEVICE_STATUS_BOOT)
			return MPNIC_STATUS_BUSY;
		if (size > MPNIC_MAILBOX_WINDOW || at > MPNIC_FW_IMAGE_MAX - size)
			return MPNIC_STATUS_RANGE;
		memcpy(fake->image + at, fake->window, size);
		REG(fake, FW_STATUS) = MPNIC_FW_STATUS_LOADING;
		return MPNIC_STATUS_OK;
	case MPNIC_MAILBOX_START:
		return start_firmware(fake);
	case MPNIC_MAILBOX_CRASH:
		memcpy(fake->window, &crash, sizeof(crash));
		REG(fake, MAILBOX_RESULT) =
			REG(fake, DEVICE_STATUS) == MPNIC_DEVICE_STATUS_FAILED ? sizeof(crash) : 0;
		return MPNIC_STATUS_OK;
	case MPNIC_MAILBOX_LOG:
		if (at > len)
			at = (uint32_t)len;
		memcpy(fake->window, fake->log + at, len - at);
		REG(fake, MAILBOX_RESULT) = (uint32_t)(len - at);
		return MPNIC_STATUS_OK;
	default:
		return MPNIC_STATUS_UNKNOWN;
	}
}

/* --- transport ------------------------------------------------------------------------------- */

static void reset(struct fake *fake, uint32_t why)
{
	REG(fake, RESET) = why;
	REG(fake, GENERATION)++;
	REG(fake, DEVICE_STATUS) = MPNIC_DEVICE_STATUS_BOOT;
	REG(fake, FW_STATUS) = MPNIC_FW_STATUS_NONE;
	REG(fake, FW_VERSION) = 0;
	REG(fake, ADMIN_CONTROL) = 0;
	memset(fake->rx, 0, sizeof(fake->rx));
	memset(fake->tx, 0, sizeof(fake->tx));
	memset(&fake->event, 0, sizeof(fake->event));
	fake->resets++;
}

static int fake_read32(struct mpnic_transport *t, uint32_t offset, uint32_t *value)
{
	struct fake *fake = of(t);

	if (fake->gone)
		return -ENODEV;
	if (fake->fail_access)
		return fake->fail_access;
	fake_work(fake);
	if (fake->reset_due && !--fake->slow_reset) {
		reset(fake, fake->reset_due & 0xffff);
		fake->reset_due = 0;
	}
	if (offset == MPNIC_HOST_HEARTBEAT && !fake->still)
		REG(fake, HEARTBEAT)++;
	*value = 0;
	if (offset < sizeof(fake->reg))
		*value = fake->reg[offset / 4];
	else if (offset >= MPNIC_BAR_STAT && offset < MPNIC_BAR_STAT + 0x200)
		*value = offset % 8 ? 0 : offset;
	else if (offset >= MPNIC_BAR_MAILBOX && offset < MPNIC_BAR_MAILBOX + MPNIC_MAILBOX_WINDOW)
		*value = fake->window[(offset - MPNIC_BAR_MAILBOX) / 4];
	if (fake->lie_reg)
		*value = fake->lie_reg(fake, offset, *value);
	return 0;
}

static int fake_write32(struct mpnic_transport *t, uint32_t offset, uint32_t value)
{
	struct fake *fake = of(t);

	if (fake->gone)
		return -ENODEV;
	if (fake->fail_access)
		return fake->fail_access;
	fake->writes++;
	if (offset == MPNIC_HOST_RESET) {
		if (value >> 16 == MPNIC_RESET_MAGIC && fake->slow_reset)
			fake->reset_due = value;
		else if (value >> 16 == MPNIC_RESET_MAGIC && !fake->no_reset)
			reset(fake, value & 0xffff);
	} else if (offset == MPNIC_HOST_MAILBOX_COMMAND) {
		REG(fake, MAILBOX_STATUS) = fake->mailbox_busy ? BUSY : run_mailbox(fake, value);
	} else if (offset == MPNIC_HOST_ADMIN_CONTROL) {
		if (value & ~REG(fake, ADMIN_CONTROL) & 1)
			fake->admin_head = fake->admin_cpl = 0;
		REG(fake, ADMIN_CONTROL) = value;
	} else if (offset < sizeof(fake->reg)) {
		fake->reg[offset / 4] = value;
	} else if (offset >= MPNIC_BAR_MAILBOX &&
		   offset < MPNIC_BAR_MAILBOX + MPNIC_MAILBOX_WINDOW) {
		fake->window[(offset - MPNIC_BAR_MAILBOX) / 4] = value;
	} else if (offset >= MPNIC_BAR_DOORBELL && offset < MPNIC_BAR_DOORBELL + 4096) {
		fake->page[(offset - MPNIC_BAR_DOORBELL) / 4] = value;
	} else if (offset == MPNIC_BAR_KICK) {
		fake->kicks++;
		fake_work(fake);
	}
	return 0;
}

static int fake_map_doorbells(struct mpnic_transport *t, volatile uint32_t **page)
{
	*page = of(t)->page;
	return of(t)->no_page ? -ENOTSUP : 0;
}

static int fake_dma_map(struct mpnic_transport *t, void *addr, uint64_t size, uint64_t iova, int fd,
			uint64_t fd_offset)
{
	struct fake *fake = of(t);

	(void)fd;
	(void)fd_offset;
	if (fake->gone)
		return -ENODEV;
	for (unsigned int i = 0; i < FAKE_MAPS; i++)
		if (!fake->map[i].addr) {
			fake->map[i] = (struct fake_map){addr, iova, size};
			return 0;
		}
	return -ENOSPC;
}

static int fake_dma_unmap(struct mpnic_transport *t, uint64_t iova, uint64_t size)
{
	struct fake *fake = of(t);

	for (unsigned int i = 0; i < FAKE_MAPS; i++)
		if (fake->map[i].addr && fake->map[i].iova == iova && fake->map[i].size == size) {
			fake->map[i].addr = NULL;
			return fake->gone ? -ENODEV : 0;
		}
	return fake->gone ? -ENODEV : -ENOENT;
}

static int fake_irq_set(struct mpnic_transport *t, unsigned int first, unsigned int count,
			const int *fds)
{
	memcpy(of(t)->irq_fd + first, fds, count * sizeof(*fds));
	return of(t)->gone ? -ENODEV : 0;
}

static int fake_reset(struct mpnic_transport *t)
{
	if (of(t)->gone)
		return -ENODEV;
	reset(of(t), MPNIC_RESET_POWER);
	return 0;
}

static int fake_reconnect(struct mpnic_transport *t)
{
	struct fake *fake = of(t);

	if (fake->stays_gone)
		return -ENODEV;
	fake->gone = false;
	memset(fake->map, 0, sizeof(fake->map));
	return 0;
}

static void fake_close(struct mpnic_transport *t)
{
	free(of(t)->page);
	free(of(t));
}

static const struct mpnic_transport_ops ops = {
	.read32 = fake_read32,
	.write32 = fake_write32,
	.map_doorbells = fake_map_doorbells,
	.dma_map = fake_dma_map,
	.dma_unmap = fake_dma_unmap,
	.irq_set = fake_irq_set,
	.reset = fake_reset,
	.reconnect = fake_reconnect,
	.close = fake_close,
};

struct fake *fake_new(void)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	if (!fake)
		abort();
	fake->page = calloc(1, 4096);
	if (!fake->page)
		abort();
	fake->transport.ops = &ops;
	fake->transport.kind = "fake";
	fake->transport.pci = "0000:01:00.0";
	fake->random = 88172645463325252ull;
	for (unsigned int i = 0; i < MPNIC_VECTORS; i++)
		fake->irq_fd[i] = -1;
	REG(fake, SIGNATURE) = MPNIC_SIGNATURE;
	REG(fake, REGS_VERSION) = MPNIC_REGS_MAJOR << 16 | MPNIC_REGS_MINOR;
	REG(fake, CAPS) = MPNIC_CAP_NEED_KICK | MPNIC_CAP_MPTCP;
	REG(fake, CAPS_REQUIRED) = MPNIC_CAP_NEED_KICK;
	REG(fake, DEVICE_STATUS) = MPNIC_DEVICE_STATUS_BOOT;
	REG(fake, GEOMETRY) = MPNIC_PORTS | MPNIC_QUEUES << 8 | MPNIC_VECTORS << 16;
	memcpy(&REG(fake, SERIAL), "FAKE-1", 6);
	fake->page[MPNIC_DOORBELL_NEED_KICK / 4] = 1;
	return fake;
}

struct mpnic_transport *fake_transport(struct fake *fake)
{
	return &fake->transport;
}
