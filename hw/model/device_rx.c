/* SPDX-License-Identifier: BSD-3-Clause */
/* From a wire port through the pipeline into an Rx queue; events into theirs. */
#include "device.h"

enum {
	RX_BUFFER_MIN = 64,
	ROOM_MIN = 4,				  /* buffers */
	PLENTY = MPNIC_FRAME_MAX / RX_BUFFER_MIN, /* so many hold any frame */
	EVENT_BODY = sizeof(((struct mpnic_event_cpl *)0)->body),
};

static bool is_group(const uint8_t *mac)
{
	return mac[0] & 1;
}

/* The MAC filter. Broadcast always passes. */
static bool passes(const struct mpnic_device *d, unsigned int port, const uint8_t *mac)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	const uint16_t flags = d->port[port].flags;

	if (flags & MPNIC_PORT_PROMISCUOUS || !memcmp(mac, broadcast, sizeof(broadcast)))
		return true;
	if (is_group(mac) && flags & MPNIC_PORT_ALL_MULTICAST)
		return true;
	for (unsigned int i = 0; i < MPNIC_MAC_FILTERS; i++)
		if (d->mac[i].used && d->mac[i].port == port && !memcmp(d->mac[i].mac, mac, 6))
			return true;
	return false;
}

/* ---- events --------------------------------------------------------------------------------- */

static bool event_room(struct mpnic_device *d)
{
	struct device_queue *q = &d->event;
	const uint32_t read = d->doorbells[MPNIC_DOORBELL_EVENT / 4];
	const uint32_t unread = q->cpl_next - read;

	if (!q->enabled || q->stopped)
		return false;
	if (unread <= 1u << q->log2)
		return unread < 1u << q->log2;
	if (q->bad_tail != read)
		queue_error(q, MPNIC_QUEUE_ERROR_DOORBELL);
	q->bad_tail = read;
	return false;
}

/* Returns false if there was no room: it is counted. */
bool device_event(struct mpnic_device *d, const struct mpnic_event_cpl *event)
{
	struct mpnic_event_cpl cpl = *event;

	if (!event_room(d)) {
		d->event.stats.drops++;
		return false;
	}
	if (queue_complete(d, &d->event, &cpl, sizeof(cpl)))
		return false;
	d->event.stats.frames++;
	d->event.stats.bytes += sizeof(cpl);
	return true;
}

/* ---- the pipeline --------------------------------------------------------------------------- */

void device_pipeline(struct mpnic_device *d, struct device_frame *frame)
{
	struct mpnic_event event;

	if (mpnic_state_packet(d->state, &frame->hdr, &frame->csum, d->now_ns, &frame->result,
			       &event)) {
		struct mpnic_event_cpl cpl = {.kind = MPNIC_EVENT_KIND_FRAME};

		memcpy(cpl.body, &event, EVENT_BODY);
		device_event(d, &cpl);
	}
	if (!frame->result.drop)
		mpnic_deparse(frame->data, frame->len, &frame->hdr, &frame->csum, &frame->result);
}

/* ---- to the host ---------------------------------------------------------------------------- */

static struct device_queue *choose(struct mpnic_device *d, unsigned int port, uint16_t rx_queue)
{
	const struct device_port *p = &d->port[port];
	const unsigned int index =
		p->queue_count ? p->queue_base + rx_queue % p->queue_count : MPNIC_QUEUES;

	return index < MPNIC_QUEUES && d->rx[index].enabled && !d->rx[index].stopped ? &d->rx[index]
										     : NULL;
}

static void describe(struct mpnic_rx_cpl *cpl, const struct device_frame *frame, uint64_t now_ns)
{
	const struct mpnic_hdr *hdr = &frame->hdr;
	const struct mpnic_result *r = &frame->result;

	*cpl = (struct mpnic_rx_cpl){
		.meta = {.dsn = r->dsn,
			 .conn_id = r->conn_id,
			 .signs = r->signs,
			 .dsn_state = r->dsn_state,
			 .map_csum = r->map_csum,
			 .flags = r->flags,
			 .side = (uint8_t)(r->side | r->dir << 1),
			 .punt = r->punt,
			 .token = r->token,
			 .speaks = r->speaks,
			 .flow = r->flow},
		.time_ns = now_ns,
		.hash = r->hash,
		.mark = r->mark,
		.flow_id = r->flow_id,
		.vlan_outer = hdr->vlan_outer,
		.parse = hdr->parse,
		.l3_off = hdr->l3_off,
		.l4_off = hdr->l4_off,
		.payload_off = hdr->payload_off,
		.csum_ip = frame->csum.ip,
		.csum_l4 = frame->csum.l4,
		.ip_proto = hdr->ip_proto,
		.source = hdr->source,
		.vlan_count = (uint8_t)(hdr->vlan_count | hdr->ip_version << 4),
	};
}

/* A descriptor that is no buffer: it alone is completed, and the frame takes the next ones. */
static int refuse(struct mpnic_device *d, struct device_queue *q, enum mpnic_queue_error_code error)
{
	struct mpnic_rx_cpl cpl = {
		.buffers = 1, .status = MPNIC_RX_STATUS_LOST, .error = (uint8_t)error};

	queue_error(q, error);
	q->head++;
	q->stats.head = q->head;
	return queue_complete(d, q, &cpl, sizeof(cpl));
}

static enum mpnic_queue_error_code check(const struct mpnic_rx_desc *desc)
{
	for (unsigned int i = 0; i < sizeof(desc->reserved); i++)
		if (desc->reserved[i])
			return MPNIC_QUEUE_ERROR_DESC_FLAGS;
	return desc->len < RX_BUFFER_MIN ? MPNIC_QUEUE_ERROR_DESC_LEN : MPNIC_QUEUE_ERROR_NONE;
}

/*
 * Fill buffers with the frame. Descriptors that are none end it only where the frame has begun:
 * then it is as if there were no more.
 */
static void fill(struct mpnic_device *d, struct device_queue *q, const struct device_frame *frame,
		 uint32_t ready, struct mpnic_rx_cpl *cpl)
{
	size_t done = 0;

	while (done < frame->len && cpl->buffers < ready) {
		const struct mpnic_rx_desc *desc = queue_desc(d, q, q->head + cpl->buffers, ready);
		size_t n;

		if (!desc || check(desc))
			break;
		n = frame->len - done < desc->len ? frame->len - done : desc->len;
		if (d->ops->dma_write(d->ctx, desc->addr, frame->data + done, n)) {
			cpl->status = MPNIC_RX_STATUS_LOST;
			cpl->error = MPNIC_QUEUE_ERROR_DESC_ADDR;
			queue_error(q, MPNIC_QUEUE_ERROR_DESC_ADDR);
		}
		done += n;
		cpl->buffers++;
	}
	cpl->len = (uint32_t)done;
	if (done < frame->len && cpl->status == MPNIC_RX_STATUS_OK)
		cpl->status = MPNIC_RX_STATUS_TRUNCATED;
}

/*
 * How far the host has rung the queue's doorbell: looked at once in a poll, and for each frame
 * where it may be short of buffers. Each look takes the line away from the host, which may be
 * writing it.
 */
static uint32_t rung(struct mpnic_device *d, const struct device_queue *q)
{
	const unsigned int index = (unsigned int)(q - d->rx);
	const uint32_t known = q->stats.tail - q->head;

	if (d->rx_looked >> index & 1 && known >= PLENTY && known <= 1u << q->log2)
		return q->stats.tail;
	d->rx_looked |= 1u << index;
	return d->doorbells[MPNIC_DOORBELL_RX / 4 + index];
}

/* Buffers that are ready, once those at the head that are none are out of the way. */
static uint32_t buffers(struct mpnic_device *d, struct device_queue *q, uint32_t tail)
{
	for (;;) {
		const uint32_t ready = queue_ready(q, tail);
		const struct mpnic_rx_desc *desc = ready ? queue_desc(d, q, q->head, ready) : NULL;
		enum mpnic_queue_error_code error;

		if (!desc)
			return 0;
		error = check(desc);
		if (!error)
			return ready;
		if (refuse(d, q, error))
			return 0;
	}
}

void device_to_host(struct mpnic_device *d, unsigned int port, const struct device_frame *frame)
{
	struct device_queue *q = choose(d, port, frame->result.rx_queue);
	struct mpnic_rx_cpl cpl;
	uint32_t ready;

	if (!q) {
		device_count(d, port, MPNIC_STAT_RX_NO_QUEUE, 1);
		return;
	}
	ready = buffers(d, q, rung(d, q));
	if (!ready) {
		device_count(d, port, MPNIC_STAT_RX_NO_BUFFER, 1);
		q->stats.drops++;
		return;
	}
	describe(&cpl, frame, d->now_ns);
	fill(d, q, frame, ready, &cpl);
	q->head += cpl.buffers;
	q->stats.head = q->head;
	if (d->fault_buffers) {
		cpl.buffers = 0x7fff;
		d->fault_buffers = false;
	}
	if (queue_complete(d, q, &cpl, sizeof(cpl)))
		return;
	q->stats.frames++;
	q->stats.bytes += cpl.len;
}

bool mpnic_device_has_room(const struct mpnic_device *d, unsigned int port)
{
	const struct device_port *p = &d->port[port];
	bool any = false;

	if (!(p->flags & MPNIC_PORT_UP))
		return false;
	for (unsigned int i = p->queue_base;
	     i < MPNIC_QUEUES && i < (unsigned int)p->queue_base + p->queue_count; i++) {
		const struct device_queue *q = &d->rx[i];

		if (!q->enabled || q->stopped)
			continue;
		any = true;
		if (d->doorbells[MPNIC_DOORBELL_RX / 4 + i] - q->head < ROOM_MIN)
			return false;
	}
	return any;
}

void mpnic_device_receive(struct mpnic_device *d, unsigned int port, const uint8_t *data,
			  size_t len)
{
	const struct device_port *p = &d->port[port];
	struct device_frame frame;

	d->busy = true;
	if (!(p->flags & MPNIC_PORT_UP)) {
		device_count(d, port, MPNIC_STAT_RX_DOWN, 1);
		return;
	}
	if (len < MPNIC_FRAME_MIN || len > MPNIC_FRAME_MAX ||
	    len > (size_t)p->mtu + ETH_HDR + VLAN_TAGS_MAX) {
		device_count(d, port, MPNIC_STAT_RX_LENGTH, 1);
		return;
	}
	if (!passes(d, port, data)) {
		device_count(d, port, MPNIC_STAT_RX_FILTERED, 1);
		return;
	}
	device_count(d, port, MPNIC_STAT_RX_FRAMES, 1);
	device_count(d, port, MPNIC_STAT_RX_BYTES, len);
	frame.data = d->frame;
	frame.len = len;
	memcpy(frame.data, data, len);
	mpnic_packet(frame.data, len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, port), &frame.hdr,
		     &frame.csum);
	device_pipeline(d, &frame);
	if (frame.result.drop) {
		device_count(d, port, MPNIC_STAT_RX_DROPPED, 1);
		return;
	}
	device_to_host(d, port, &frame);
}
