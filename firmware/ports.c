/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports and their links, addresses, queues, vectors, firmware's own events. */
#include "internal.h"

enum {
	MTU_MIN = 68, /* IPv4's */
	MTU_MAX = MPNIC_FRAME_MAX - MPNIC_FRAME_MIN,
	MTU_DEFAULT = 1500,
	PORT_BITS = MPNIC_PORT_UP | MPNIC_PORT_PROMISCUOUS | MPNIC_PORT_ALL_MULTICAST,
	MAC_USED = 1 << 16,
	MAC_PORT_SHIFT = 17,
	MAC_BYTES = 6,
	NO_VECTOR = 0xffff,
	QUEUE_OFF = 0,
	QUEUE_WORKS = 1,
	BUS_ALIGN = 63,
	DESTROY_NS = 1000000000, /* after which a queue that does not end is given up */
};

/* ---- links and events ----------------------------------------------------------------------- */

static uint32_t port_flags(const struct fw *fw, uint32_t port)
{
	hal_write(fw->hal, MPNIC_FW_PORT_SELECT, port);
	return hal_read(fw->hal, MPNIC_FW_PORT_FLAGS);
}

/* Reading flags clears what PENDING says, so they are read here alone. */
static uint32_t see_port(struct fw *fw, uint32_t port)
{
	const uint32_t flags = port_flags(fw, port);
	const uint8_t bit = (uint8_t)(1 << port);
	const bool up = flags & MPNIC_PORT_LINK;

	if (up != !!(fw->link_up & bit)) {
		fw->link_up ^= bit;
		fw->link_due |= bit;
	}
	return flags;
}

void fw_links(struct fw *fw)
{
	uint32_t port;

	for (port = 0; port < fw->ports; port++)
		see_port(fw, port);
}

void fw_ports_start(struct fw *fw)
{
	uint32_t port;

	for (port = 0; port < fw->ports; port++) {
		see_port(fw, port);
		hal_write(fw->hal, MPNIC_FW_PORT_FLAGS, 0);
		hal_write(fw->hal, MPNIC_FW_PORT_MTU, MTU_DEFAULT);
		hal_write(fw->hal, MPNIC_FW_PORT_QUEUES, 0);
	}
	/* A driver asks for the state; events are of changes. */
	fw->link_due = 0;
}

bool fw_event_room(const struct fw *fw)
{
	return !hal_read(fw->hal, MPNIC_FW_EVENT_GO);
}

void fw_event(const struct fw *fw, uint8_t kind, const struct mpnic_event *body)
{
	struct {
		_Alignas(4) struct mpnic_event_cpl cpl;
	} event = {.cpl.kind = kind};

	memcpy(event.cpl.body, body, sizeof(event.cpl.body));
	fw_settle(fw);
	hal_write_words(fw->hal, MPNIC_FW_EVENT, &event, sizeof(event) / 4);
	hal_write(fw->hal, MPNIC_FW_EVENT_GO, 1);
}

static void tell_link(struct fw *fw)
{
	struct mpnic_event body = {
		.time_ns = fw->now, .flow_id = MPNIC_ID_NONE, .conn_id = MPNIC_ID_NONE};
	uint8_t port = 0;

	while (!(fw->link_due >> port & 1))
		port++;
	fw->link_due &= (uint8_t) ~(1 << port);
	body.source = port;
	body.reason = fw->link_up >> port & 1;
	fw_log_number(fw, FW_INFO, body.reason ? "link up, port " : "link down, port ", port);
	fw_event(fw, MPNIC_EVENT_KIND_LINK, &body);
}

bool fw_events_serve(struct fw *fw)
{
	if (!fw_event_room(fw))
		return false;
	tell_link(fw);
	return true;
}

/* ---- ports ---------------------------------------------------------------------------------- */

static void made_mac(const struct fw *fw, uint32_t port, uint8_t mac[MAC_BYTES])
{
	uint32_t words[3];

	hal_read_words(fw->hal, MPNIC_FW_MAC, words, 3);
	memcpy(mac, (const uint8_t *)words + MAC_BYTES * port, MAC_BYTES);
}

uint32_t fw_port_get(struct fw *fw)
{
	const uint32_t port = fw->cmd.id;
	struct mpnic_admin_port out = {0};
	uint32_t queues;

	if (port >= fw->ports)
		return MPNIC_STATUS_RANGE;
	out.flags = (uint16_t)see_port(fw, port);
	out.mtu = (uint16_t)hal_read(fw->hal, MPNIC_FW_PORT_MTU);
	out.speed = hal_read(fw->hal, MPNIC_FW_PORT_SPEED);
	queues = hal_read(fw->hal, MPNIC_FW_PORT_QUEUES);
	out.queue_base = (uint16_t)queues;
	out.queue_count = (uint16_t)(queues >> 16);
	made_mac(fw, port, out.mac);
	memcpy(fw->cpl.data, &out, sizeof(out));
	return MPNIC_STATUS_OK;
}

/* What can be read alone may be given back as it was read. */
uint32_t fw_port_set(struct fw *fw)
{
	const uint32_t port = fw->cmd.id;
	struct mpnic_admin_port in;

	memcpy(&in, fw->cmd.data, sizeof(in));
	if (port >= fw->ports)
		return MPNIC_STATUS_RANGE;
	if ((in.flags & (uint16_t) ~(PORT_BITS | MPNIC_PORT_LINK)) || in.mtu < MTU_MIN ||
	    in.mtu > MTU_MAX || !all_zero(in.reserved, sizeof(in.reserved)))
		return MPNIC_STATUS_INVALID;
	if (in.queue_base > fw->queues || in.queue_count > fw->queues - in.queue_base)
		return MPNIC_STATUS_RANGE;
	hal_write(fw->hal, MPNIC_FW_PORT_SELECT, port);
	hal_write(fw->hal, MPNIC_FW_PORT_MTU, in.mtu);
	hal_write(fw->hal, MPNIC_FW_PORT_QUEUES, in.queue_base | (uint32_t)in.queue_count << 16);
	hal_write(fw->hal, MPNIC_FW_PORT_FLAGS, in.flags & PORT_BITS);
	return MPNIC_STATUS_OK;
}

/* ---- addresses ------------------------------------------------------------------------------ */

/* Returns the place of an address, or FW_NONE; *free: the first free place, or FW_NONE. */
static uint32_t find_mac(const struct fw *fw, uint32_t low, uint32_t high, uint32_t *free)
{
	uint32_t i;

	*free = FW_NONE;
	for (i = 0; i < MPNIC_MAC_FILTERS; i++) {
		uint32_t there;

		hal_write(fw->hal, MPNIC_FW_MAC_SELECT, i);
		there = hal_read(fw->hal, MPNIC_FW_MAC_HIGH);
		if (!(there & MAC_USED)) {
			*free = *free == FW_NONE ? i : *free;
			continue;
		}
		if (there == high && hal_read(fw->hal, MPNIC_FW_MAC_LOW) == low)
			return i;
	}
	return FW_NONE;
}

static uint32_t given_mac(const struct fw *fw, uint32_t *low, uint32_t *high)
{
	const uint8_t *data = fw->cmd.data;

	if (fw->cmd.id >= fw->ports)
		return MPNIC_STATUS_RANGE;
	if (all_zero(data, MAC_BYTES) || data[6] || data[7])
		return MPNIC_STATUS_INVALID;
	memcpy(low, data, sizeof(*low));
	*high = (uint32_t)(data[4] | data[5] << 8) | MAC_USED | fw->cmd.id << MAC_PORT_SHIFT;
	return MPNIC_STATUS_OK;
}

/* While it is written it is not in use. */
static void write_mac(const struct fw *fw, uint32_t place, uint32_t low, uint32_t high)
{
	hal_write(fw->hal, MPNIC_FW_MAC_SELECT, place);
	hal_write(fw->hal, MPNIC_FW_MAC_HIGH, 0);
	hal_write(fw->hal, MPNIC_FW_MAC_LOW, low);
	hal_write(fw->hal, MPNIC_FW_MAC_HIGH, high);
}

uint32_t fw_mac_add(struct fw *fw)
{
	uint32_t low, high, free;
	const uint32_t status = given_mac(fw, &low, &high);

	if (status)
		return status;
	if (find_mac(fw, low, high, &free) != FW_NONE)
		return MPNIC_STATUS_EXISTS;
	if (free == FW_NONE)
		return MPNIC_STATUS_FULL;
	write_mac(fw, free, low, high);
	return MPNIC_STATUS_OK;
}

uint32_t fw_mac_remove(struct fw *fw)
{
	uint32_t low, high, free, place;
	const uint32_t status = given_mac(fw, &low, &high);

	if (status)
		return status;
	place = find_mac(fw, low, high, &free);
	if (place == FW_NONE)
		return MPNIC_STATUS_MISSING;
	write_mac(fw, place, 0, 0);
	return MPNIC_STATUS_OK;
}

/* ---- queues --------------------------------------------------------------------------------- */

/* Selects the queue that a command names. Returns a status. */
static uint32_t select_queue(const struct fw *fw, uint32_t kind)
{
	const uint32_t index = fw->cmd.id;

	if (kind > MPNIC_QUEUE_EVENT)
		return MPNIC_STATUS_INVALID;
	if (index >= (kind == MPNIC_QUEUE_EVENT ? 1 : fw->queues))
		return MPNIC_STATUS_RANGE;
	hal_write(fw->hal, MPNIC_FW_QUEUE_SELECT, kind << 16 | index);
	return MPNIC_STATUS_OK;
}

/* Bus addresses at both ends of a ring. */
static bool ring_ok(uint64_t addr, uint64_t bytes)
{
	return !(addr & BUS_ALIGN) && addr + bytes - 1 >= addr;
}

static uint32_t cpl_size(uint8_t kind)
{
	if (kind == MPNIC_QUEUE_EVENT)
		return sizeof(struct mpnic_event_cpl);
	return kind == MPNIC_QUEUE_RX ? sizeof(struct mpnic_rx_cpl) : sizeof(struct mpnic_tx_cpl);
}

static uint32_t check_queue(const struct fw *fw, const struct mpnic_admin_queue *q)
{
	const uint64_t entries = 1u << (q->ring_log2 & 31);

	if (q->ring_log2 < MPNIC_RING_LOG2_MIN || q->ring_log2 > MPNIC_RING_LOG2_MAX ||
	    !all_zero(q->reserved, sizeof(q->reserved)) ||
	    !all_zero(q->reserved2, sizeof(q->reserved2)) ||
	    !ring_ok(q->cpl, entries * cpl_size(q->kind)))
		return MPNIC_STATUS_INVALID;
	if (q->kind == MPNIC_QUEUE_EVENT
		    ? q->ring != 0
		    : !ring_ok(q->ring, entries * sizeof(struct mpnic_rx_desc)))
		return MPNIC_STATUS_INVALID;
	if (q->irq != NO_VECTOR && q->irq >= fw->vectors)
		return MPNIC_STATUS_RANGE;
	return MPNIC_STATUS_OK;
}

uint32_t fw_queue_create(struct fw *fw)
{
	struct mpnic_admin_queue q;
	uint32_t status;

	memcpy(&q, fw->cmd.data, sizeof(q));
	status = select_queue(fw, q.kind);
	if (!status)
		status = check_queue(fw, &q);
	if (status)
		return status;
	switch (hal_read(fw->hal, MPNIC_FW_QUEUE_CONTROL)) {
	case QUEUE_OFF:
		break;
	case QUEUE_WORKS:
		return MPNIC_STATUS_EXISTS;
	default: /* of its predecessor something is under way */
		return MPNIC_STATUS_BUSY;
	}
	hal_write(fw->hal, MPNIC_FW_QUEUE_LOG2, q.ring_log2);
	hal_write(fw->hal, MPNIC_FW_QUEUE_VECTOR, q.irq);
	hal_write64(fw->hal, MPNIC_FW_QUEUE_RING, q.ring);
	hal_write64(fw->hal, MPNIC_FW_QUEUE_CPL, q.cpl);
	hal_write(fw->hal, MPNIC_FW_QUEUE_CONTROL, QUEUE_WORKS);
	return MPNIC_STATUS_OK;
}

uint32_t fw_queue_destroy(struct fw *fw)
{
	const uint32_t status = select_queue(fw, fw->cmd.data[0]);
	uint32_t control;

	if (status)
		return status;
	control = hal_read(fw->hal, MPNIC_FW_QUEUE_CONTROL);
	if (fw->wait != FW_WAIT_QUEUE) {
		if (control == QUEUE_OFF)
			return MPNIC_STATUS_MISSING;
		hal_write(fw->hal, MPNIC_FW_QUEUE_CONTROL, QUEUE_OFF);
		fw->wait = FW_WAIT_QUEUE;
		fw->wait_since = fw->now;
		return FW_LATER;
	}
	if (control == QUEUE_OFF)
		return MPNIC_STATUS_OK;
	return fw->now - fw->wait_since < DESTROY_NS ? (uint32_t)FW_LATER : MPNIC_STATUS_IO;
}

uint32_t fw_queue_get(struct fw *fw)
{
	const uint32_t status = select_queue(fw, fw->cmd.data[0]);

	if (status)
		return status;
	hal_read_words(fw->hal, MPNIC_FW_QUEUE_STATS, fw->cpl.data,
		       sizeof(struct mpnic_admin_queue_stats) / 4);
	return MPNIC_STATUS_OK;
}

uint32_t fw_vector_set(struct fw *fw)
{
	struct mpnic_admin_vector in;

	memcpy(&in, fw->cmd.data, sizeof(in));
	if (fw->cmd.id >= fw->vectors)
		return MPNIC_STATUS_RANGE;
	if (!all_zero(in.reserved, sizeof(in.reserved)))
		return MPNIC_STATUS_INVALID;
	hal_write(fw->hal, MPNIC_FW_VECTOR_SELECT, fw->cmd.id);
	hal_write(fw->hal, MPNIC_FW_VECTOR_INTERVAL, in.interval_us);
	return MPNIC_STATUS_OK;
}
