/* SPDX-License-Identifier: BSD-3-Clause */
/* From a Tx queue through the pipeline to a wire port. */
#include <errno.h>

#include "device.h"

enum {
	TCP_CSUM_AT = 16,
	UDP_CSUM_AT = 6,
	IP4_CSUM_AT = 10,
	TX_FLAGS = MPNIC_TX_EOP | MPNIC_TX_CSUM | MPNIC_TX_BYPASS | MPNIC_TX_REPORT,
	TX_FIRST_ONLY = MPNIC_TX_CSUM | MPNIC_TX_BYPASS,
};

/* ---- checksums ------------------------------------------------------------------------------ */

static void put_be16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static uint16_t add16(uint16_t a, uint16_t b)
{
	const uint32_t sum = (uint32_t)a + b;

	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static void fill_ip4(uint8_t *ip)
{
	put_be16(ip + IP4_CSUM_AT, 0);
	put_be16(ip + IP4_CSUM_AT, (uint16_t)~mpnic_sum16(ip, (ip[0] & 15u) * 4));
}

/* TCP or UDP, all of it in the frame. */
static void fill_l4(uint8_t *frame, const struct mpnic_hdr *hdr)
{
	const unsigned int addr_len = hdr->ip_version == 4 ? 4 : 16;
	const bool udp = hdr->parse == MPNIC_PARSE_UDP;
	uint8_t *l4 = frame + hdr->l4_off, *field = l4 + (udp ? UDP_CSUM_AT : TCP_CSUM_AT);
	uint16_t sum = add16(hdr->l4_len, hdr->ip_proto);

	sum = add16(sum, mpnic_sum16(hdr->src, addr_len));
	sum = add16(sum, mpnic_sum16(hdr->dst, addr_len));
	put_be16(field, 0);
	sum = (uint16_t)~add16(sum, mpnic_sum16(l4, hdr->l4_len));
	put_be16(field, udp && !sum ? 0xffff : sum);
}

/*
 * What cannot be summed, a fragment's checksum or that of a cut frame, is left as it is. The IPv4
 * header ends at l4_off.
 */
static void fill_checksums(struct device_frame *frame)
{
	const struct mpnic_hdr *hdr = &frame->hdr;
	const bool l4 = hdr->parse == MPNIC_PARSE_TCP || hdr->parse == MPNIC_PARSE_UDP;

	if (!(hdr->flags & MPNIC_HDR_L3))
		return;
	if (hdr->ip_version == 4 && hdr->l4_off <= frame->len)
		fill_ip4(frame->data + hdr->l3_off);
	if (l4 && !(hdr->flags & MPNIC_HDR_ROUTING) &&
	    (size_t)hdr->l4_off + hdr->l4_len <= frame->len)
		fill_l4(frame->data, hdr);
}

/* ---- gathering ------------------------------------------------------------------------------ */

/* A frame whose descriptors are all there. */
struct gather {
	uint32_t segments;
	size_t len;
	uint16_t first_flags, last_flags;
	uint8_t port;
	enum mpnic_queue_error_code error;
};

static enum mpnic_queue_error_code check(const struct mpnic_tx_desc *desc, bool first)
{
	if (desc->flags & ~TX_FLAGS || desc->reserved[0] || desc->reserved[1] || desc->reserved[2])
		return MPNIC_QUEUE_ERROR_DESC_FLAGS;
	if (!first && (desc->flags & TX_FIRST_ONLY || desc->port))
		return MPNIC_QUEUE_ERROR_DESC_FLAGS;
	if (desc->flags & MPNIC_TX_REPORT && !(desc->flags & MPNIC_TX_EOP))
		return MPNIC_QUEUE_ERROR_DESC_FLAGS;
	if (first && desc->port >= MPNIC_PORTS)
		return MPNIC_QUEUE_ERROR_PORT;
	return desc->len ? MPNIC_QUEUE_ERROR_NONE : MPNIC_QUEUE_ERROR_DESC_LEN;
}

/* One descriptor joins the frame; the first error stays. */
static void join(struct mpnic_device *d, struct gather *g, const struct mpnic_tx_desc *desc)
{
	enum mpnic_queue_error_code error = check(desc, !g->segments);

	if (!error && g->len + desc->len > sizeof(d->frame))
		error = MPNIC_QUEUE_ERROR_FRAME_LEN;
	if (!error && !g->error &&
	    d->ops->dma_read(d->ctx, desc->addr, d->frame + g->len, desc->len))
		error = MPNIC_QUEUE_ERROR_DESC_ADDR;
	if (!g->segments) {
		g->first_flags = desc->flags;
		g->port = desc->port;
	}
	if (!g->error)
		g->error = error;
	g->last_flags = desc->flags;
	g->len += g->error ? 0 : desc->len;
	g->segments++;
}

/* As many descriptors as a frame may have; a small ring never holds more than its size. */
static uint32_t segments_max(const struct device_queue *q)
{
	return 1u << q->log2 < MPNIC_TX_SEGMENTS ? 1u << q->log2 : MPNIC_TX_SEGMENTS;
}

/* Is there a descriptor with EOP among the ready ones? Only a whole frame is begun. */
static bool is_whole(struct mpnic_device *d, struct device_queue *q, uint32_t ready)
{
	const uint32_t max = segments_max(q);

	for (uint32_t i = 0; i < ready && i < max; i++) {
		const struct mpnic_tx_desc *desc = queue_desc(d, q, q->head + i, ready);

		if (!desc)
			return false;
		if (desc->flags & MPNIC_TX_EOP)
			return true;
	}
	/* Too many segments: the error is found when they are taken. */
	return ready >= max;
}

static int gather(struct mpnic_device *d, struct device_queue *q, uint32_t ready, struct gather *g)
{
	const uint32_t max = segments_max(q);

	*g = (struct gather){0};
	/* The host may have changed them since is_whole(). */
	do {
		const struct mpnic_tx_desc *desc = queue_desc(d, q, q->head + g->segments, ready);

		if (!desc)
			return -EIO;
		join(d, g, desc);
	} while (!(g->last_flags & MPNIC_TX_EOP) && g->segments < max && g->segments < ready);
	if (!(g->last_flags & MPNIC_TX_EOP)) {
		g->error = MPNIC_QUEUE_ERROR_SEGMENTS;
		q->skipping = true;
	} else if (!g->error && g->len < MPNIC_FRAME_MIN) {
		g->error = MPNIC_QUEUE_ERROR_FRAME_LEN;
	}
	return 0;
}

static int report(struct mpnic_device *d, struct device_queue *q, enum mpnic_queue_error_code error)
{
	struct mpnic_tx_cpl cpl = {.head = q->head, .error = (uint8_t)error};

	return queue_complete(d, q, &cpl, sizeof(cpl));
}

/* The rest of a frame that was refused for its many descriptors. */
static void skip(struct mpnic_device *d, struct device_queue *q, uint32_t ready)
{
	for (; ready && q->skipping; ready--) {
		const struct mpnic_tx_desc *desc = queue_desc(d, q, q->head, ready);

		if (!desc)
			return;
		q->skipping = !(desc->flags & MPNIC_TX_EOP);
		q->head++;
	}
	q->stats.head = q->head;
	if (!q->skipping)
		report(d, q, MPNIC_QUEUE_ERROR_SEGMENTS);
}

/* ---- sending -------------------------------------------------------------------------------- */

static void to_wire(struct mpnic_device *d, unsigned int port, uint8_t *data, size_t len)
{
	if ((d->port[port].flags & (MPNIC_PORT_UP | MPNIC_PORT_LINK)) !=
	    (MPNIC_PORT_UP | MPNIC_PORT_LINK)) {
		device_count(d, port, MPNIC_STAT_TX_DOWN, 1);
		return;
	}
	if (len < MPNIC_WIRE_MIN) {
		memset(data + len, 0, MPNIC_WIRE_MIN - len);
		len = MPNIC_WIRE_MIN;
	}
	if (d->ops->wire_send(d->ctx, port, data, len)) {
		device_count(d, port, MPNIC_STAT_TX_WIRE, 1);
		return;
	}
	device_count(d, port, MPNIC_STAT_TX_FRAMES, 1);
	device_count(d, port, MPNIC_STAT_TX_BYTES, len);
}

static void send(struct mpnic_device *d, const struct gather *g)
{
	struct device_frame frame;
	const uint8_t user = MPNIC_USER(MPNIC_GIVEN_UNKNOWN, MPNIC_SOURCE_HOST + g->port);

	frame.data = d->frame;
	frame.len = g->len;
	mpnic_packet(frame.data, frame.len, user, &frame.hdr, &frame.csum);
	if (g->first_flags & MPNIC_TX_CSUM) {
		fill_checksums(&frame);
		mpnic_csum(frame.data, frame.len, &frame.hdr, &frame.csum);
	}
	if (g->first_flags & MPNIC_TX_BYPASS) {
		to_wire(d, g->port, frame.data, frame.len);
		return;
	}
	device_pipeline(d, &frame);
	if (frame.result.drop) {
		device_count(d, g->port, MPNIC_STAT_TX_DROPPED, 1);
	} else if (frame.result.punt) {
		device_count(d, g->port, MPNIC_STAT_TX_PUNTED, 1);
		device_to_host(d, g->port, &frame);
	} else {
		to_wire(d, g->port, frame.data, frame.len);
	}
}

/* One frame of a queue. Returns false if there is none, or the queue stopped. */
static bool transmit_one(struct mpnic_device *d, struct device_queue *q, uint32_t tail)
{
	uint32_t ready = queue_ready(q, tail);
	struct gather g;

	if (!ready)
		return false;
	if (q->skipping) {
		skip(d, q, ready);
		return !q->stopped;
	}
	if (!is_whole(d, q, ready) || gather(d, q, ready, &g))
		return false;
	q->head += g.segments;
	q->stats.head = q->head;
	if (g.error) {
		queue_error(q, g.error);
	} else {
		q->stats.frames++;
		q->stats.bytes += g.len;
		send(d, &g);
	}
	if (q->skipping)
		return true;
	if (g.error || g.last_flags & MPNIC_TX_REPORT)
		return !report(d, q, g.error);
	return true;
}

void device_transmit(struct mpnic_device *d, unsigned int index)
{
	const uint32_t tail = d->doorbells[MPNIC_DOORBELL_TX / 4 + index];

	for (unsigned int i = 0; i < DEVICE_BURST; i++) {
		if (!transmit_one(d, &d->tx[index], tail))
			return;
		d->busy = true;
	}
}
