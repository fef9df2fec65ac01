/* SPDX-License-Identifier: BSD-3-Clause */
/* The device's registers as the host sees them, its reset, its time and its interrupts. */
#include <errno.h>
#include <stdlib.h>

#include "device.h"

enum {
	STAT_STEP = 0x100, /* bytes of BAR 0 from one port's counters to the next one's */
	ADMIN_LOG2_MAX = 8,
	MAILBOX_AT_WORK = 1u << 31,
	MTU_DEFAULT = 1500,
	NS_PER_US = 1000,
};

void mpnic_device_defaults(struct mpnic_device_config *config)
{
	*config = (struct mpnic_device_config){.serial = "mpnic-model"};
	mpnic_state_defaults(&config->state);
	for (unsigned int port = 0; port < MPNIC_PORTS; port++) {
		memcpy(config->mac[port], (uint8_t[]){0x02, 'm', 'p', 'n', 0, (uint8_t)port}, 6);
		config->speed[port] = 100000;
	}
}

void device_count(struct mpnic_device *d, unsigned int port, unsigned int stat, uint64_t n)
{
	d->port[port].stat[stat / 8] += n;
}

/* ---- interrupts ----------------------------------------------------------------------------- */

/* Raised at the end of the poll, so that a burst makes one. */
void device_irq(struct mpnic_device *d, uint32_t vector)
{
	if (vector < MPNIC_VECTORS)
		d->vector[vector].pending = d->irqs_pending = true;
}

static uint64_t due_ns(const struct device_vector *v)
{
	return v->last_ns + (uint64_t)v->interval_us * NS_PER_US;
}

static void raise_irqs(struct mpnic_device *d)
{
	if (!d->irqs_pending)
		return;
	d->irqs_pending = false;
	for (unsigned int i = 0; i < MPNIC_VECTORS; i++) {
		struct device_vector *v = &d->vector[i];

		if (!v->pending)
			continue;
		if (v->interval_us && d->now_ns < due_ns(v)) {
			d->irqs_pending = true;
			continue;
		}
		v->pending = false;
		v->last_ns = d->now_ns;
		if (d->fault_irq)
			d->fault_irq = false;
		else
			d->ops->irq(d->ctx, i);
	}
}

/* ---- reset ---------------------------------------------------------------------------------- */

static void reset_queues(struct mpnic_device *d)
{
	memset(d->rx, 0, sizeof(d->rx));
	memset(d->tx, 0, sizeof(d->tx));
	memset(&d->event, 0, sizeof(d->event));
	memset(d->vector, 0, sizeof(d->vector));
	d->event.kind = MPNIC_QUEUE_EVENT;
	for (unsigned int i = 0; i < MPNIC_QUEUES; i++) {
		d->rx[i].kind = MPNIC_QUEUE_RX;
		d->tx[i].kind = MPNIC_QUEUE_TX;
	}
}

/* Counters and the link live on. */
static void reset_ports(struct mpnic_device *d)
{
	memset(d->mac, 0, sizeof(d->mac));
	for (unsigned int i = 0; i < MPNIC_PORTS; i++) {
		d->port[i].flags &= MPNIC_PORT_LINK;
		d->port[i].mtu = MTU_DEFAULT;
		d->port[i].queue_base = 0;
		d->port[i].queue_count = 0;
		d->port[i].link_changed = false;
	}
}

int mpnic_device_reset(struct mpnic_device *d, enum mpnic_reset_code reason)
{
	struct mpnic_state *state;
	const int err = mpnic_state_new(&d->config.state, &state);

	if (err)
		return err;
	mpnic_state_free(d->state);
	d->state = state;
	for (unsigned int i = 0; i < MPNIC_DOORBELL_SIZE / 4; i++)
		d->doorbells[i] = 0;
	reset_queues(d);
	reset_ports(d);
	memset(&d->win, 0, sizeof(d->win));
	d->admin_ring = d->admin_cpl = 0;
	d->admin_log2 = MPNIC_RING_LOG2_MIN;
	d->admin_vector = NO_VECTOR;
	d->admin_control = d->admin_error = 0;
	d->mailbox_command = d->mailbox_status = d->mailbox_result = 0;
	d->mailbox_arg[0] = d->mailbox_arg[1] = 0;
	d->mailbox_waits = false;
	d->fault_irq = d->fault_phase = d->fault_buffers = false;
	d->reset_reason = reason;
	d->generation++;
	device_fw_reset(d);
	return 0;
}

int mpnic_device_new(const struct mpnic_device_config *config, const struct mpnic_device_ops *ops,
		     void *ctx, uint32_t *doorbells, uint64_t now_ns, struct mpnic_device **device)
{
	struct mpnic_device *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->config = *config;
	d->ops = ops;
	d->ctx = ctx;
	d->doorbells = doorbells;
	d->now_ns = now_ns;
	err = mpnic_device_reset(d, MPNIC_RESET_POWER);
	if (err) {
		mpnic_device_free(d);
		return err;
	}
	*device = d;
	return 0;
}

void mpnic_device_free(struct mpnic_device *d)
{
	if (!d)
		return;
	mpnic_state_free(d->state);
	free(d);
}

const struct mpnic_state *mpnic_device_state(const struct mpnic_device *d)
{
	return d->state;
}

/* ---- registers ------------------------------------------------------------------------------ */

static uint32_t device_status(const struct mpnic_device *d)
{
	switch (d->fw_status) {
	case MPNIC_FW_STATUS_RUNNING:
		return MPNIC_DEVICE_STATUS_RUNNING;
	case MPNIC_FW_STATUS_CRASHED:
	case MPNIC_FW_STATUS_HUNG:
		return MPNIC_DEVICE_STATUS_FAILED;
	default:
		return MPNIC_DEVICE_STATUS_BOOT;
	}
}

static uint32_t half(uint64_t value, uint32_t high)
{
	return (uint32_t)(high ? value >> 32 : value);
}

static void set_half(uint64_t *value, uint32_t high, uint32_t word)
{
	*value = high ? (*value & 0xffffffff) | (uint64_t)word << 32
		      : (*value & ~UINT64_C(0xffffffff)) | word;
}

static uint32_t read_time(struct mpnic_device *d, uint32_t high)
{
	if (!high)
		d->time_latch = d->now_ns;
	return half(d->time_latch, high);
}

static uint32_t read_stat(const struct mpnic_device *d, uint32_t at)
{
	const uint32_t port = at / STAT_STEP, stat = at % STAT_STEP / 8;

	if (port >= MPNIC_PORTS || stat >= DEVICE_STATS)
		return 0;
	return half(d->port[port].stat[stat], at & 4);
}

static uint32_t read_host(struct mpnic_device *d, uint32_t offset)
{
	switch (offset) {
	case MPNIC_HOST_SIGNATURE:
		return MPNIC_SIGNATURE;
	case MPNIC_HOST_REGS_VERSION:
		return MPNIC_REGS_MAJOR << 16 | MPNIC_REGS_MINOR;
	case MPNIC_HOST_CAPS:
		return MPNIC_CAP_NEED_KICK | MPNIC_CAP_MPTCP;
	case MPNIC_HOST_CAPS_REQUIRED:
		return MPNIC_CAP_NEED_KICK;
	case MPNIC_HOST_DEVICE_STATUS:
		return device_status(d);
	case MPNIC_HOST_FW_STATUS:
		return d->fw_status;
	case MPNIC_HOST_FW_VERSION:
		return d->fw_version;
	case MPNIC_HOST_HEARTBEAT:
		return d->heartbeat;
	case MPNIC_HOST_GENERATION:
		return d->generation;
	case MPNIC_HOST_RESET:
		return d->reset_reason;
	case MPNIC_HOST_GEOMETRY:
		return MPNIC_PORTS | MPNIC_QUEUES << 8 | MPNIC_VECTORS << 16;
	case MPNIC_HOST_TIME:
	case MPNIC_HOST_TIME + 4:
		return read_time(d, offset & 4);
	case MPNIC_HOST_ADMIN_RING:
	case MPNIC_HOST_ADMIN_RING + 4:
		return half(d->admin_ring, offset & 4);
	case MPNIC_HOST_ADMIN_CPL:
	case MPNIC_HOST_ADMIN_CPL + 4:
		return half(d->admin_cpl, offset & 4);
	case MPNIC_HOST_ADMIN_LOG2:
		return d->admin_log2;
	case MPNIC_HOST_ADMIN_VECTOR:
		return d->admin_vector;
	case MPNIC_HOST_ADMIN_CONTROL:
		return d->admin_control;
	case MPNIC_HOST_ADMIN_ERROR:
		return d->admin_error;
	case MPNIC_HOST_MAILBOX_COMMAND:
		return d->mailbox_command;
	case MPNIC_HOST_MAILBOX_STATUS:
		return d->mailbox_waits ? MAILBOX_AT_WORK : d->mailbox_status;
	case MPNIC_HOST_MAILBOX_ARG0:
		return d->mailbox_arg[0];
	case MPNIC_HOST_MAILBOX_ARG1:
		return d->mailbox_arg[1];
	case MPNIC_HOST_MAILBOX_RESULT:
		return d->mailbox_result;
	default:
		return 0;
	}
}

uint32_t mpnic_device_read(struct mpnic_device *d, uint32_t offset)
{
	uint32_t word;

	if (offset >= MPNIC_BAR_MAILBOX && offset < MPNIC_BAR_MAILBOX + MPNIC_MAILBOX_WINDOW) {
		memcpy(&word, d->win.mailbox + (offset - MPNIC_BAR_MAILBOX), sizeof(word));
		return word;
	}
	if (offset - MPNIC_HOST_SERIAL < sizeof(d->config.serial)) {
		memcpy(&word, d->config.serial + (offset - MPNIC_HOST_SERIAL), sizeof(word));
		return word;
	}
	if (offset >= MPNIC_BAR_STAT && offset < MPNIC_BAR_MAILBOX)
		return read_stat(d, offset - MPNIC_BAR_STAT);
	return read_host(d, offset);
}

static void write_reset(struct mpnic_device *d, uint32_t value)
{
	const uint32_t reason = value & 0xffff;

	/* A host sees by GENERATION that it was not done for want of memory. */
	if (value >> 16 == MPNIC_RESET_MAGIC && reason <= MPNIC_RESET_USER)
		mpnic_device_reset(d, (enum mpnic_reset_code)reason);
}

/* The rings' places are settled while the queue is off. */
static void write_admin(struct mpnic_device *d, uint32_t offset, uint32_t value)
{
	if (d->admin_control & MPNIC_ADMIN_CONTROL_ENABLE)
		return;
	switch (offset) {
	case MPNIC_HOST_ADMIN_RING:
	case MPNIC_HOST_ADMIN_RING + 4:
		set_half(&d->admin_ring, offset & 4, value);
		d->admin_ring &= ~UINT64_C(63);
		break;
	case MPNIC_HOST_ADMIN_CPL:
	case MPNIC_HOST_ADMIN_CPL + 4:
		set_half(&d->admin_cpl, offset & 4, value);
		d->admin_cpl &= ~UINT64_C(63);
		break;
	case MPNIC_HOST_ADMIN_LOG2:
		if (value >= MPNIC_RING_LOG2_MIN && value <= ADMIN_LOG2_MAX)
			d->admin_log2 = value;
		break;
	case MPNIC_HOST_ADMIN_VECTOR:
		d->admin_vector = value < MPNIC_VECTORS ? value : NO_VECTOR;
		break;
	}
}

static void write_admin_control(struct mpnic_device *d, uint32_t value)
{
	const uint32_t rise = value & ~d->admin_control;

	d->admin_control = value & MPNIC_ADMIN_CONTROL_ENABLE;
	if (!(rise & MPNIC_ADMIN_CONTROL_ENABLE))
		return;
	d->admin_head = d->admin_cpl_next = 0;
	d->admin_error = MPNIC_QUEUE_ERROR_NONE;
	d->doorbells[MPNIC_DOORBELL_ADMIN / 4] = 0;
}

static void write_mailbox(struct mpnic_device *d, uint32_t offset, uint32_t value)
{
	if (d->mailbox_waits)
		return;
	if (offset != MPNIC_HOST_MAILBOX_COMMAND) {
		d->mailbox_arg[offset == MPNIC_HOST_MAILBOX_ARG1] = value;
		return;
	}
	d->mailbox_command = value;
	d->mailbox_result = 0;
	d->mailbox_waits = true;
}

void mpnic_device_write(struct mpnic_device *d, uint32_t offset, uint32_t value)
{
	d->busy = true;
	if (offset >= MPNIC_BAR_MAILBOX && offset < MPNIC_BAR_MAILBOX + MPNIC_MAILBOX_WINDOW) {
		if (!d->mailbox_waits)
			memcpy(d->win.mailbox + (offset - MPNIC_BAR_MAILBOX), &value,
			       sizeof(value));
		return;
	}
	switch (offset) {
	case MPNIC_HOST_RESET:
		write_reset(d, value);
		break;
	case MPNIC_HOST_ADMIN_CONTROL:
		write_admin_control(d, value);
		break;
	case MPNIC_HOST_MAILBOX_COMMAND:
	case MPNIC_HOST_MAILBOX_ARG0:
	case MPNIC_HOST_MAILBOX_ARG1:
		write_mailbox(d, offset, value);
		break;
	default:
		write_admin(d, offset, value);
	}
}

/* ---- time ----------------------------------------------------------------------------------- */

void mpnic_device_link(struct mpnic_device *d, unsigned int port, bool up)
{
	struct device_port *p = &d->port[port];

	if (up == !!(p->flags & MPNIC_PORT_LINK))
		return;
	p->flags ^= MPNIC_PORT_LINK;
	p->link_changed = true;
	d->busy = true;
}

bool mpnic_device_poll(struct mpnic_device *d, uint64_t now_ns)
{
	bool busy;

	if (now_ns > d->now_ns)
		d->now_ns = now_ns;
	/* The host reads it with each doorbell: it is left alone where it is right. */
	if (d->doorbells[MPNIC_DOORBELL_NEED_KICK / 4])
		d->doorbells[MPNIC_DOORBELL_NEED_KICK / 4] = 0;
	d->rx_looked = 0;
	device_fw_poll(d);
	for (unsigned int i = 0; i < MPNIC_QUEUES; i++)
		device_transmit(d, i);
	raise_irqs(d);
	busy = d->busy;
	d->busy = false;
	return busy;
}

bool mpnic_device_serve(struct mpnic_device *d, uint64_t now_ns)
{
	const bool busy = d->busy;

	if (now_ns > d->now_ns)
		d->now_ns = now_ns;
	device_fw_serve(d);
	raise_irqs(d);
	/* It is the polls that are to say whether they did something. */
	d->busy = busy;
	return !d->irqs_pending && !d->admin_waits &&
	       (d->admin_error || !d->admin_control ||
		d->doorbells[MPNIC_DOORBELL_ADMIN / 4] == d->admin_head);
}

/* Has a doorbell been rung that there is something to do for? */
static bool is_rung(struct mpnic_device *d)
{
	if (d->admin_control && !d->admin_error &&
	    d->doorbells[MPNIC_DOORBELL_ADMIN / 4] != d->admin_head)
		return true;
	for (unsigned int i = 0; i < MPNIC_QUEUES; i++)
		if (d->tx[i].enabled &&
		    d->doorbells[MPNIC_DOORBELL_TX / 4 + i] != d->tx[i].stats.tail)
			return true;
	return false;
}

static void sooner(uint64_t *wake, uint64_t at)
{
	if (at < *wake)
		*wake = at;
}

bool mpnic_device_sleep(struct mpnic_device *d, uint64_t *wake_ns)
{
	*wake_ns = d->now_ns + MPNIC_HEARTBEAT_MS * UINT64_C(1000000);
	for (unsigned int i = 0; i < MPNIC_VECTORS; i++)
		if (d->vector[i].pending)
			sooner(wake_ns, due_ns(&d->vector[i]));
	if (d->watchdog_ns)
		sooner(wake_ns, d->watchdog_ns);
	d->doorbells[MPNIC_DOORBELL_NEED_KICK / 4] = 1;
	/* The host stores a doorbell, then loads NEED_KICK. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!is_rung(d))
		return true;
	d->doorbells[MPNIC_DOORBELL_NEED_KICK / 4] = 0;
	return false;
}
