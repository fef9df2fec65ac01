/* SPDX-License-Identifier: BSD-3-Clause */
/* The gates as firmware sees them (registers fw), and firmware itself, built natively. */
#include <errno.h>

#include "device.h"

enum {
	NS_PER_MS = 1000000,
	FW_STEPS = 16, /* of firmware in one poll */
	MAC_USED = 1u << 16,
	MAC_PORT = 17,
	CAUSE_ILLEGAL = 2, /* mcause of an illegal instruction */
};

/* ---- windows -------------------------------------------------------------------------------- */

/* A window of registers over a record. */
struct span {
	uint32_t first, size;
	uint8_t *bytes;
	bool writable;
};

struct reg_window {
	uint32_t first, size, at;
	bool writable;
};

#define BLOCK 128 /* bytes of the map in which one window is, or none */
#define WINDOW(reg, member, write)                                   \
	{                                                            \
		reg, sizeof(((struct mpnic_device *)0)->member),     \
			offsetof(struct mpnic_device, member), write \
	}

/* But for those that share the first block with registers. */
static const struct reg_window windows[4096 / BLOCK] = {
	[MPNIC_FW_ADMIN_CMD / BLOCK] = WINDOW(MPNIC_FW_ADMIN_CMD, win.admin_cmd, false),
	[MPNIC_FW_ADMIN_CPL / BLOCK] = WINDOW(MPNIC_FW_ADMIN_CPL, win.admin_cpl, true),
	[MPNIC_FW_TABLE_CMD / BLOCK] = WINDOW(MPNIC_FW_TABLE_CMD, win.table_cmd, true),
	[MPNIC_FW_TABLE_RSP / BLOCK] = WINDOW(MPNIC_FW_TABLE_RSP, win.table_rsp, false),
	[MPNIC_FW_SETTINGS / BLOCK] = WINDOW(MPNIC_FW_SETTINGS, win.settings, true),
	[MPNIC_FW_EVENT / BLOCK] = WINDOW(MPNIC_FW_EVENT, win.event, true),
	[MPNIC_FW_MAILBOX / BLOCK... MPNIC_FW_MAILBOX / BLOCK + MPNIC_MAILBOX_WINDOW / BLOCK - 1] =
		WINDOW(MPNIC_FW_MAILBOX, win.mailbox, true),
};
static const struct reg_window low_windows[] = {
	WINDOW(MPNIC_FW_SERIAL, config.serial, false),
	WINDOW(MPNIC_FW_MAC, config.mac, false),
};

_Static_assert(sizeof(struct mpnic_admin_cpl) <= BLOCK && sizeof(struct mpnic_table_cmd) <= BLOCK,
	       "blocks of windows");

static bool in_window(struct mpnic_device *d, const struct reg_window *w, uint32_t off,
		      struct span *span)
{
	if (off - w->first >= w->size)
		return false;
	*span = (struct span){w->first, w->size, (uint8_t *)d + w->at, w->writable};
	return true;
}

static bool find_window(struct mpnic_device *d, uint32_t off, struct span *span)
{
	if (off >= BLOCK)
		return in_window(d, &windows[off / BLOCK % (4096 / BLOCK)], off, span);
	return in_window(d, &low_windows[0], off, span) || in_window(d, &low_windows[1], off, span);
}

/* ---- queues --------------------------------------------------------------------------------- */

static struct device_queue *selected_queue(struct mpnic_device *d)
{
	return device_queue(d, d->queue_select >> 16, d->queue_select & 0xffff);
}

static volatile uint32_t *doorbell(struct mpnic_device *d, const struct device_queue *q)
{
	if (q->kind == MPNIC_QUEUE_RX)
		return &d->doorbells[MPNIC_DOORBELL_RX / 4 + (q - d->rx)];
	if (q->kind == MPNIC_QUEUE_TX)
		return &d->doorbells[MPNIC_DOORBELL_TX / 4 + (q - d->tx)];
	return &d->doorbells[MPNIC_DOORBELL_EVENT / 4];
}

static uint32_t read_queue(struct mpnic_device *d, uint32_t off)
{
	struct device_queue *q = selected_queue(d);
	uint32_t word;

	if (!q)
		return 0;
	switch (off) {
	case MPNIC_FW_QUEUE_CONTROL:
		return q->enabled;
	case MPNIC_FW_QUEUE_LOG2:
		return q->log2;
	case MPNIC_FW_QUEUE_VECTOR:
		return q->vector;
	case MPNIC_FW_QUEUE_RING:
		return (uint32_t)q->ring;
	case MPNIC_FW_QUEUE_RING + 4:
		return (uint32_t)(q->ring >> 32);
	case MPNIC_FW_QUEUE_CPL:
		return (uint32_t)q->cpl;
	case MPNIC_FW_QUEUE_CPL + 4:
		return (uint32_t)(q->cpl >> 32);
	}
	q->stats.enabled = q->enabled && !q->stopped;
	q->stats.tail = *doorbell(d, q);
	memcpy(&word, (uint8_t *)&q->stats + (off - MPNIC_FW_QUEUE_STATS), sizeof(word));
	return word;
}

static void set_low(uint64_t *value, uint32_t word)
{
	*value = (*value & ~UINT64_C(0xffffffff)) | word;
}

static void set_high(uint64_t *value, uint32_t word)
{
	*value = (*value & 0xffffffff) | (uint64_t)word << 32;
}

static void write_queue(struct mpnic_device *d, uint32_t off, uint32_t value)
{
	struct device_queue *q = selected_queue(d);

	if (!q)
		return;
	switch (off) {
	case MPNIC_FW_QUEUE_CONTROL:
		/* The doorbell of a queue that starts is not that of the one before it. */
		*doorbell(d, q) = 0;
		if (value & 1)
			device_queue_start(q);
		else
			q->enabled = false;
		break;
	case MPNIC_FW_QUEUE_LOG2:
		q->log2 = (uint8_t)(value & 15);
		break;
	case MPNIC_FW_QUEUE_VECTOR:
		q->vector = value < MPNIC_VECTORS ? (uint16_t)value : NO_VECTOR;
		break;
	case MPNIC_FW_QUEUE_RING:
		set_low(&q->ring, value & ~63u);
		break;
	case MPNIC_FW_QUEUE_RING + 4:
		set_high(&q->ring, value);
		break;
	case MPNIC_FW_QUEUE_CPL:
		set_low(&q->cpl, value & ~63u);
		break;
	case MPNIC_FW_QUEUE_CPL + 4:
		set_high(&q->cpl, value);
		break;
	}
}

/* ---- ports ---------------------------------------------------------------------------------- */

static uint32_t read_port(struct mpnic_device *d, uint32_t off)
{
	struct device_port *p = &d->port[d->port_select % MPNIC_PORTS];

	switch (off) {
	case MPNIC_FW_PORT_FLAGS:
		p->link_changed = false;
		return p->flags;
	case MPNIC_FW_PORT_MTU:
		return p->mtu;
	case MPNIC_FW_PORT_QUEUES:
		return p->queue_base | (uint32_t)p->queue_count << 16;
	default:
		return d->config.speed[d->port_select % MPNIC_PORTS];
	}
}

static void write_port(struct mpnic_device *d, uint32_t off, uint32_t value)
{
	struct device_port *p = &d->port[d->port_select % MPNIC_PORTS];
	const uint32_t writable = MPNIC_PORT_UP | MPNIC_PORT_PROMISCUOUS | MPNIC_PORT_ALL_MULTICAST;

	switch (off) {
	case MPNIC_FW_PORT_FLAGS:
		p->flags = (uint16_t)((p->flags & MPNIC_PORT_LINK) | (value & writable));
		break;
	case MPNIC_FW_PORT_MTU:
		p->mtu = (uint16_t)value;
		break;
	case MPNIC_FW_PORT_QUEUES:
		p->queue_base = (uint16_t)value;
		p->queue_count = (uint16_t)(value >> 16);
		break;
	}
}

static uint32_t read_mac(const struct mpnic_device *d, uint32_t off)
{
	const struct device_mac *m = &d->mac[d->mac_select % MPNIC_MAC_FILTERS];
	uint32_t word = 0;

	if (off == MPNIC_FW_MAC_LOW) {
		memcpy(&word, m->mac, 4);
		return word;
	}
	memcpy(&word, m->mac + 4, 2);
	return word | (m->used ? MAC_USED : 0) | (uint32_t)m->port << MAC_PORT;
}

static void write_mac(struct mpnic_device *d, uint32_t off, uint32_t value)
{
	struct device_mac *m = &d->mac[d->mac_select % MPNIC_MAC_FILTERS];

	if (off == MPNIC_FW_MAC_LOW) {
		memcpy(m->mac, &value, 4);
		return;
	}
	memcpy(m->mac + 4, &value, 2);
	m->used = value & MAC_USED;
	m->port = value >> MAC_PORT & 1;
}

/* ---- log ------------------------------------------------------------------------------------ */

static uint32_t log_first(const struct mpnic_device *d)
{
	return d->log_end > DEVICE_LOG_SIZE ? d->log_end - DEVICE_LOG_SIZE : 0;
}

static uint32_t read_log(struct mpnic_device *d)
{
	const uint32_t at = d->log_select;

	if (at < log_first(d) || at >= d->log_end)
		return 0;
	d->log_select++;
	return d->log[at % DEVICE_LOG_SIZE];
}

static void write_log(struct mpnic_device *d, uint32_t value)
{
	d->log[d->log_end++ % DEVICE_LOG_SIZE] = (uint8_t)value;
}

/* ---- what GO registers do ------------------------------------------------------------------- */

static void do_admin(struct mpnic_device *d)
{
	const uint32_t slot = d->admin_cpl_next & ((1u << d->admin_log2) - 1);
	struct mpnic_admin_cpl *cpl = &d->win.admin_cpl;

	if (!d->admin_waits)
		return;
	d->admin_waits = false;
	/* The host may have switched the queue off meanwhile. */
	if (!(d->admin_control & MPNIC_ADMIN_CONTROL_ENABLE))
		return;
	cpl->phase = !(d->admin_cpl_next >> d->admin_log2 & 1);
	if (d->ops->dma_write(d->ctx, d->admin_cpl + slot * sizeof(*cpl), cpl, sizeof(*cpl))) {
		d->admin_error = MPNIC_QUEUE_ERROR_RING_ADDR;
		return;
	}
	d->admin_cpl_next++;
	device_irq(d, d->admin_vector);
}

static void do_table(struct mpnic_device *d)
{
	mpnic_state_command(d->state, &d->win.table_cmd, &d->win.table_rsp);
}

static void do_mailbox(struct mpnic_device *d, uint32_t status)
{
	d->mailbox_status = status;
	d->mailbox_waits = false;
}

static uint32_t pending(const struct mpnic_device *d)
{
	bool link = false;

	for (unsigned int i = 0; i < MPNIC_PORTS; i++)
		link |= d->port[i].link_changed;
	return (d->admin_waits ? MPNIC_FW_PENDING_ADMIN : 0) |
	       (d->mailbox_waits ? MPNIC_FW_PENDING_MAILBOX : 0) |
	       (link ? MPNIC_FW_PENDING_LINK : 0);
}

static uint32_t random_word(struct mpnic_device *d)
{
	uint32_t word;

	d->ops->random(d->ctx, &word, sizeof(word));
	return word;
}

static uint32_t read_size(const struct mpnic_device *d, uint32_t index)
{
	const struct mpnic_state_config *c = &d->config.state;
	const uint32_t sizes[] = {c->flows, c->stash, c->conns, c->tokens, c->peers, 0};

	return sizes[index];
}

/* ---- the bus -------------------------------------------------------------------------------- */

static uint32_t read_reg(struct mpnic_device *d, uint32_t off)
{
	switch (off) {
	case MPNIC_FW_VERSION:
		return d->fw_version;
	case MPNIC_FW_BEAT:
		return d->heartbeat;
	case MPNIC_FW_TIME:
		d->fw_time_latch = d->now_ns;
		return (uint32_t)d->fw_time_latch;
	case MPNIC_FW_TIME + 4:
		return (uint32_t)(d->fw_time_latch >> 32);
	case MPNIC_FW_PENDING:
		return pending(d);
	case MPNIC_FW_GEOMETRY:
		return MPNIC_PORTS | MPNIC_QUEUES << 8 | MPNIC_VECTORS << 16;
	case MPNIC_FW_RANDOM:
		return random_word(d);
	case MPNIC_FW_STATUS:
		return d->fw_status;
	case MPNIC_FW_QUEUE_SELECT:
		return d->queue_select;
	case MPNIC_FW_PORT_SELECT:
		return d->port_select;
	case MPNIC_FW_PORT_FLAGS:
	case MPNIC_FW_PORT_MTU:
	case MPNIC_FW_PORT_QUEUES:
	case MPNIC_FW_PORT_SPEED:
		return read_port(d, off);
	case MPNIC_FW_MAC_SELECT:
		return d->mac_select;
	case MPNIC_FW_MAC_LOW:
	case MPNIC_FW_MAC_HIGH:
		return read_mac(d, off);
	case MPNIC_FW_VECTOR_SELECT:
		return d->vector_select;
	case MPNIC_FW_VECTOR_INTERVAL:
		return d->vector[d->vector_select % MPNIC_VECTORS].interval_us;
	case MPNIC_FW_LOG_SELECT:
		return d->log_select;
	case MPNIC_FW_LOG_BYTE:
		return read_log(d);
	case MPNIC_FW_LOG_FIRST:
		return log_first(d);
	case MPNIC_FW_LOG_END:
		return d->log_end;
	case MPNIC_FW_MAILBOX_COMMAND:
		return d->mailbox_command;
	case MPNIC_FW_MAILBOX_ARG0:
	case MPNIC_FW_MAILBOX_ARG1:
		return d->mailbox_arg[off == MPNIC_FW_MAILBOX_ARG1];
	default:
		return 0;
	}
}

static uint32_t bus_read(void *ctx, uint32_t off)
{
	struct mpnic_device *d = ctx;
	struct span span;
	uint32_t word;

	if (find_window(d, off, &span)) {
		memcpy(&word, span.bytes + (off - span.first), sizeof(word));
		return word;
	}
	if (off - MPNIC_FW_SIZES < 24)
		return read_size(d, (off - MPNIC_FW_SIZES) / 4);
	if ((off > MPNIC_FW_QUEUE_SELECT && off < MPNIC_FW_PORT_SELECT) ||
	    off - MPNIC_FW_QUEUE_STATS < sizeof(struct mpnic_admin_queue_stats))
		return read_queue(d, off);
	return read_reg(d, off);
}

static void bus_read_words(void *ctx, uint32_t off, void *to, unsigned int words)
{
	uint8_t *bytes = to;
	struct span span;
	uint32_t word;

	if (find_window(ctx, off, &span) && off - span.first + 4 * words <= span.size) {
		memcpy(bytes, span.bytes + (off - span.first), 4 * (size_t)words);
		return;
	}
	for (; words; words--, off += 4, bytes += 4) {
		word = bus_read(ctx, off);
		memcpy(bytes, &word, sizeof(word));
	}
}

static void bus_write(void *ctx, uint32_t off, uint32_t value)
{
	struct mpnic_device *d = ctx;
	struct span span;

	if (find_window(d, off, &span)) {
		if (span.writable)
			memcpy(span.bytes + (off - span.first), &value, sizeof(value));
		return;
	}
	switch (off) {
	case MPNIC_FW_MAILBOX_DONE:
		do_mailbox(d, value);
		break;
	case MPNIC_FW_VERSION:
		d->fw_version = value;
		break;
	case MPNIC_FW_BEAT:
		d->heartbeat = value;
		break;
	case MPNIC_FW_WATCHDOG:
		d->watchdog_ns = value ? d->now_ns + (uint64_t)value * NS_PER_MS : 0;
		break;
	case MPNIC_FW_ADMIN_GO:
		do_admin(d);
		break;
	case MPNIC_FW_TABLE_GO:
		do_table(d);
		break;
	case MPNIC_FW_SETTINGS_GO:
		mpnic_state_settings(d->state, &d->win.settings);
		break;
	case MPNIC_FW_EVENT_GO:
		device_event(d, &d->win.event);
		break;
	case MPNIC_FW_QUEUE_SELECT:
		d->queue_select = value;
		break;
	case MPNIC_FW_QUEUE_CONTROL:
	case MPNIC_FW_QUEUE_LOG2:
	case MPNIC_FW_QUEUE_VECTOR:
	case MPNIC_FW_QUEUE_RING:
	case MPNIC_FW_QUEUE_RING + 4:
	case MPNIC_FW_QUEUE_CPL:
	case MPNIC_FW_QUEUE_CPL + 4:
		write_queue(d, off, value);
		break;
	case MPNIC_FW_PORT_SELECT:
		d->port_select = value;
		break;
	case MPNIC_FW_PORT_FLAGS:
	case MPNIC_FW_PORT_MTU:
	case MPNIC_FW_PORT_QUEUES:
		write_port(d, off, value);
		break;
	case MPNIC_FW_MAC_SELECT:
		d->mac_select = value;
		break;
	case MPNIC_FW_MAC_LOW:
	case MPNIC_FW_MAC_HIGH:
		write_mac(d, off, value);
		break;
	case MPNIC_FW_VECTOR_SELECT:
		d->vector_select = value;
		break;
	case MPNIC_FW_VECTOR_INTERVAL:
		d->vector[d->vector_select % MPNIC_VECTORS].interval_us = value;
		break;
	case MPNIC_FW_LOG:
		write_log(d, value);
		break;
	case MPNIC_FW_LOG_SELECT:
		d->log_select = value;
		break;
	case MPNIC_FW_STATUS:
		d->fw_status = value;
		break;
	case MPNIC_FW_MAILBOX_ARG0:
	case MPNIC_FW_MAILBOX_ARG1:
		d->mailbox_arg[off == MPNIC_FW_MAILBOX_ARG1] = value;
		break;
	case MPNIC_FW_MAILBOX_RESULT:
		d->mailbox_result = value;
		break;
	}
}

static void bus_write_words(void *ctx, uint32_t off, const void *from, unsigned int words)
{
	const uint8_t *bytes = from;
	struct span span;
	uint32_t word;

	if (find_window(ctx, off, &span) && span.writable &&
	    off - span.first + 4 * words <= span.size) {
		memcpy(span.bytes + (off - span.first), bytes, 4 * (size_t)words);
		return;
	}
	for (; words; words--, off += 4, bytes += 4) {
		memcpy(&word, bytes, sizeof(word));
		bus_write(ctx, off, word);
	}
}

/* ---- firmware ------------------------------------------------------------------------------- */

/* The image was found good; its native twin runs in its place. */
static void run(void *ctx, uint32_t entry)
{
	struct mpnic_device *d = ctx;

	(void)entry;
	d->fw_runs = true;
	fw_start(&d->fw, &d->hal);
}

void device_fw_reset(struct mpnic_device *d)
{
	d->hal = (struct hal){
		.ctx = d,
		.read = bus_read,
		.write = bus_write,
		.read_words = bus_read_words,
		.write_words = bus_write_words,
		.ram = d->ram,
		.run = run,
	};
	d->fw_runs = d->fw_hangs = d->admin_waits = false;
	d->fw_status = MPNIC_FW_STATUS_NONE;
	d->fw_version = d->heartbeat = 0;
	d->watchdog_ns = 0;
	d->queue_select = d->port_select = d->mac_select = d->vector_select = d->log_select = 0;
	boot_start(&d->boot, &d->hal);
}

/* The next admin command into its window, once the one before it was answered. */
static void fetch_admin(struct mpnic_device *d)
{
	const uint32_t tail = d->doorbells[MPNIC_DOORBELL_ADMIN / 4];
	const uint32_t size = 1u << d->admin_log2, slot = d->admin_head & (size - 1);

	if (!d->fw_runs || d->admin_waits || d->admin_error || tail == d->admin_head ||
	    !(d->admin_control & MPNIC_ADMIN_CONTROL_ENABLE))
		return;
	if (tail - d->admin_head > size) {
		d->admin_error = MPNIC_QUEUE_ERROR_DOORBELL;
		return;
	}
	if (d->ops->dma_read(d->ctx, d->admin_ring + slot * sizeof(d->win.admin_cmd),
			     &d->win.admin_cmd, sizeof(d->win.admin_cmd))) {
		d->admin_error = MPNIC_QUEUE_ERROR_RING_ADDR;
		return;
	}
	d->admin_head++;
	d->admin_waits = true;
	d->busy = true;
}

static void bite(struct mpnic_device *d)
{
	if (!d->watchdog_ns || d->now_ns < d->watchdog_ns)
		return;
	d->watchdog_ns = 0;
	d->fw_runs = d->fw_hangs = false;
	d->fw_status = MPNIC_FW_STATUS_HUNG;
	boot_start(&d->boot, &d->hal);
}

void device_fw_poll(struct mpnic_device *d)
{
	for (unsigned int i = 0; i < FW_STEPS && !d->fw_hangs; i++) {
		fetch_admin(d);
		if (!(d->fw_runs ? fw_poll(&d->fw) : boot_poll(&d->boot)))
			break;
		d->busy = true;
	}
	/* Behind firmware: it cannot help it if it was not called for long. */
	bite(d);
}

void device_fw_serve(struct mpnic_device *d)
{
	for (unsigned int i = 0; i < FW_STEPS && d->fw_runs && !d->fw_hangs; i++) {
		fetch_admin(d);
		if (!d->admin_waits)
			return;
		fw_poll(&d->fw);
	}
}

void mpnic_device_fault(struct mpnic_device *d, enum mpnic_device_fault fault)
{
	struct mpnic_crash crash = {.cause = CAUSE_ILLEGAL};

	switch (fault) {
	case MPNIC_FAULT_FW_HANG:
		d->fw_hangs = d->fw_runs;
		break;
	case MPNIC_FAULT_FW_CRASH:
		if (!d->fw_runs)
			break;
		d->fw_runs = d->fw_hangs = false;
		d->watchdog_ns = 0;
		boot_crashed(&d->boot, &crash);
		break;
	case MPNIC_FAULT_IRQ_LOST:
		d->fault_irq = true;
		break;
	case MPNIC_FAULT_CPL_PHASE:
		d->fault_phase = true;
		break;
	case MPNIC_FAULT_CPL_BUFFERS:
		d->fault_buffers = true;
		break;
	}
}
