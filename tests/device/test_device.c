/* SPDX-License-Identifier: BSD-3-Clause */
/* The device as a driver sees it: registers, boot, queues, filters, errors, interrupts, reset. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "build.h"
#include "host.h"

enum {
	LOG2 = 3,
	RING = 1 << LOG2,
	TCP_LEN = 54, /* of a frame without options and payload */
};

static void frame_of(struct frame *f, size_t payload, uint8_t flags)
{
	const struct spec spec = {.ip = 4, .proto = 6, .tcp_flags = flags, .payload_len = payload};

	build(&spec, f);
}

/* A frame of @payload bytes of TCP payload from the wire of @port. */
static void receive(struct host *h, unsigned int port, size_t payload)
{
	static struct frame f;

	frame_of(&f, payload, ACK);
	h->engine->receive(h->device, port, f.bytes, f.len);
}

/* ---- registers and boot --------------------------------------------------------------------- */

Test(device, identity)
{
	struct host *h = host_new();

	cr_assert_eq(host_read(h, MPNIC_HOST_SIGNATURE), MPNIC_SIGNATURE);
	cr_assert_eq(host_read(h, MPNIC_HOST_REGS_VERSION) >> 16, MPNIC_REGS_MAJOR);
	cr_assert_eq(host_read(h, MPNIC_HOST_DEVICE_STATUS), MPNIC_DEVICE_STATUS_BOOT);
	cr_assert_eq(host_read(h, MPNIC_HOST_FW_STATUS), MPNIC_FW_STATUS_NONE);
	cr_assert_eq(host_read(h, MPNIC_HOST_RESET), MPNIC_RESET_POWER);
	cr_assert_eq(host_read(h, MPNIC_HOST_GEOMETRY),
		     MPNIC_PORTS | MPNIC_QUEUES << 8 | MPNIC_VECTORS << 16);
	cr_assert_eq(host_read(h, 0xffc), 0, "nothing there");
	host_free(h);
}

Test(device, firmware_is_loaded_by_the_mailbox)
{
	struct host *h = host_new();

	cr_assert_eq(host_boot(h), MPNIC_DEVICE_STATUS_RUNNING);
	cr_assert_eq(host_read(h, MPNIC_HOST_FW_STATUS), MPNIC_FW_STATUS_RUNNING);
	cr_assert_neq(host_read(h, MPNIC_HOST_FW_VERSION), 0);
	host_free(h);
}

Test(device, a_damaged_image_is_refused)
{
	struct host *h = host_new();
	uint32_t word;

	cr_assert_eq(host_boot(h), MPNIC_DEVICE_STATUS_RUNNING);
	host_write(h, MPNIC_HOST_RESET, MPNIC_RESET_MAGIC << 16 | MPNIC_RESET_UPGRADE);
	cr_assert_eq(host_read(h, MPNIC_HOST_DEVICE_STATUS), MPNIC_DEVICE_STATUS_BOOT);
	word = host_mailbox(h, MPNIC_MAILBOX_START, 1024, 0);
	cr_assert_neq(word, MPNIC_STATUS_OK);
	cr_assert_neq(host_read(h, MPNIC_HOST_FW_STATUS), MPNIC_FW_STATUS_RUNNING);
	host_free(h);
}

Test(device, heartbeat_and_time)
{
	struct host *h = host_up(1, LOG2);
	const uint32_t beat = host_read(h, MPNIC_HOST_HEARTBEAT);

	for (unsigned int i = 0; i < 10; i++) {
		h->now_ns += MPNIC_HEARTBEAT_MS * (uint64_t)HOST_MS;
		host_poll(h, 1);
	}
	cr_assert_geq(host_read(h, MPNIC_HOST_HEARTBEAT) - beat, 9);
	cr_assert_eq(host_read(h, MPNIC_HOST_TIME), (uint32_t)h->now_ns);
	cr_assert_eq(host_read(h, MPNIC_HOST_TIME + 4), (uint32_t)(h->now_ns >> 32));
	host_free(h);
}

Test(device, hung_firmware_is_noticed)
{
	struct host *h = host_up(1, LOG2);
	struct mpnic_crash crash;

	h->engine->fault(h->device, MPNIC_FAULT_FW_HANG);
	h->now_ns += 10000 * (uint64_t)HOST_MS;
	host_poll(h, 2);
	cr_assert_eq(host_read(h, MPNIC_HOST_DEVICE_STATUS), MPNIC_DEVICE_STATUS_FAILED);
	cr_assert_eq(host_read(h, MPNIC_HOST_FW_STATUS), MPNIC_FW_STATUS_HUNG);
	cr_assert_eq(host_mailbox(h, MPNIC_MAILBOX_CRASH, 0, 0), MPNIC_STATUS_OK);
	cr_assert_eq(host_read(h, MPNIC_HOST_MAILBOX_RESULT), sizeof(crash));
	cr_assert_eq(host_read(h, MPNIC_BAR_MAILBOX), MPNIC_FW_STATUS_HUNG);
	host_free(h);
}

Test(device, crashed_firmware_leaves_a_record_and_a_reset_brings_it_back)
{
	struct host *h = host_up(1, LOG2);
	const uint32_t generation = host_read(h, MPNIC_HOST_GENERATION);

	h->engine->fault(h->device, MPNIC_FAULT_FW_CRASH);
	host_poll(h, 2);
	cr_assert_eq(host_read(h, MPNIC_HOST_FW_STATUS), MPNIC_FW_STATUS_CRASHED);
	cr_assert_eq(host_mailbox(h, MPNIC_MAILBOX_CRASH, 0, 0), MPNIC_STATUS_OK);
	cr_assert_eq(host_read(h, MPNIC_BAR_MAILBOX), MPNIC_FW_STATUS_CRASHED);
	host_write(h, MPNIC_HOST_RESET, MPNIC_RESET_MAGIC << 16 | MPNIC_RESET_HEARTBEAT);
	cr_assert_eq(host_read(h, MPNIC_HOST_GENERATION), generation + 1);
	cr_assert_eq(host_read(h, MPNIC_HOST_RESET), MPNIC_RESET_HEARTBEAT);
	cr_assert_eq(host_boot(h), MPNIC_DEVICE_STATUS_RUNNING);
	host_free(h);
}

Test(device, reset_wants_its_magic_and_a_known_reason)
{
	struct host *h = host_up(1, LOG2);
	const uint32_t generation = host_read(h, MPNIC_HOST_GENERATION);

	host_write(h, MPNIC_HOST_RESET, MPNIC_RESET_USER);
	host_write(h, MPNIC_HOST_RESET, MPNIC_RESET_MAGIC << 16 | 0x7777);
	cr_assert_eq(host_read(h, MPNIC_HOST_GENERATION), generation);
	cr_assert_eq(host_read(h, MPNIC_HOST_DEVICE_STATUS), MPNIC_DEVICE_STATUS_RUNNING);
	host_free(h);
}

/* ---- receive -------------------------------------------------------------------------------- */

Test(device, a_frame_arrives_with_what_the_pipeline_says)
{
	struct host *h = host_up(1, LOG2);
	static struct frame f;
	const struct mpnic_rx_cpl *cpl;
	uint64_t buffer;

	buffer = host_buffer(h, 0, 2048);
	host_ring_rx(h, 0);
	frame_of(&f, 100, ACK);
	h->engine->receive(h->device, 1, f.bytes, f.len);
	cpl = host_rx(h, 0);
	cr_assert(cpl);
	cr_assert_eq(cpl->status, MPNIC_RX_STATUS_OK);
	cr_assert_eq(cpl->len, f.len);
	cr_assert_eq(cpl->buffers, 1);
	cr_assert_eq(cpl->source, 1);
	cr_assert_eq(cpl->parse, MPNIC_PARSE_TCP);
	cr_assert_eq(cpl->csum_ip, MPNIC_CSUM_GOOD);
	cr_assert_eq(cpl->csum_l4, MPNIC_CSUM_GOOD);
	cr_assert_eq(cpl->l3_off, 14);
	cr_assert_eq(cpl->l4_off, 34);
	cr_assert_eq(cpl->payload_off, TCP_LEN);
	cr_assert_eq(cpl->vlan_count, 4 << 4);
	cr_assert_eq(cpl->meta.flow, MPNIC_FLOW_MISS);
	cr_assert_eq(cpl->meta.dsn_state, MPNIC_DSN_NO_FLOW);
	cr_assert_neq(cpl->hash, 0);
	cr_assert_eq(cpl->time_ns, h->now_ns);
	cr_assert_arr_eq(host_at(h, buffer, f.len), f.bytes, f.len);
	cr_assert_eq(host_stat(h, 1, MPNIC_STAT_RX_FRAMES), 1);
	cr_assert_eq(host_stat(h, 1, MPNIC_STAT_RX_BYTES), f.len);
	host_free(h);
}

/* The flow of frame_of()'s frames, opened by their sender, of a connection that the other side
 * began. */
Test(device, side_and_direction_of_a_flow)
{
	struct host *h = host_up(1, LOG2);
	struct mpnic_admin_flow flow = {.conn_id = 5, .flags = MPNIC_FLOW_STATE_SIDE_B};
	const struct mpnic_conn conn = {.version = MPNIC_GIVEN_V1};
	const struct mpnic_rx_cpl *cpl;
	static struct frame f;
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;
	struct mpnic_key key;
	bool flip;

	frame_of(&f, 100, ACK);
	mpnic_packet(f.bytes, f.len, 0, &hdr, &csum);
	cr_assert(mpnic_flow_key(h->keys, &hdr, false, &key, &flip));
	memcpy(flow.key, &key, sizeof(key));
	flow.flags |= flip ? MPNIC_FLOW_STATE_FLIP : 0;
	cr_assert_eq(host_admin(h, MPNIC_ADMIN_OP_CONN_SET, 5, 0, &conn, sizeof(conn), NULL), 0);
	cr_assert_eq(host_admin(h, MPNIC_ADMIN_OP_FLOW_ADD, 0, 0, &flow, sizeof(flow), NULL), 0);
	host_buffer(h, 0, 2048);
	host_ring_rx(h, 0);
	h->engine->receive(h->device, 0, f.bytes, f.len);
	cpl = host_rx(h, 0);
	cr_assert(cpl);
	cr_assert_eq(cpl->meta.flow, MPNIC_FLOW_EXACT);
	cr_assert_eq(cpl->meta.conn_id, 5);
	cr_assert_eq(cpl->meta.side, 1, "side 1, direction 0");
	host_free(h);
}

Test(device, a_frame_is_scattered_over_buffers)
{
	struct host *h = host_up(1, LOG2);
	static struct frame f;
	const struct mpnic_rx_cpl *cpl;
	uint64_t first, second;

	first = host_buffer(h, 0, 64);
	second = host_buffer(h, 0, 512);
	host_ring_rx(h, 0);
	frame_of(&f, 200, ACK);
	h->engine->receive(h->device, 0, f.bytes, f.len);
	cpl = host_rx(h, 0);
	cr_assert(cpl && cpl->status == MPNIC_RX_STATUS_OK && cpl->buffers == 2);
	cr_assert_arr_eq(host_at(h, first, 64), f.bytes, 64);
	cr_assert_arr_eq(host_at(h, second, f.len - 64), f.bytes + 64, f.len - 64);
	host_free(h);
}

Test(device, a_frame_that_buffers_do_not_hold_is_truncated)
{
	struct host *h = host_up(1, LOG2);
	const struct mpnic_rx_cpl *cpl;

	host_buffer(h, 0, 64);
	host_ring_rx(h, 0);
	receive(h, 0, 200);
	cpl = host_rx(h, 0);
	cr_assert(cpl);
	cr_assert_eq(cpl->status, MPNIC_RX_STATUS_TRUNCATED);
	cr_assert_eq(cpl->len, 64);
	host_free(h);
}

Test(device, without_buffers_frames_are_dropped_and_counted)
{
	struct host *h = host_up(1, LOG2);

	receive(h, 0, 10);
	cr_assert_null(host_rx(h, 0));
	cr_assert_eq(host_stat(h, 0, MPNIC_STAT_RX_NO_BUFFER), 1);
	host_buffer(h, 0, 256);
	host_ring_rx(h, 0);
	receive(h, 0, 10);
	cr_assert(host_rx(h, 0));
	host_free(h);
}

Test(device, rings_go_round)
{
	struct host *h = host_up(1, LOG2);
	const struct mpnic_rx_cpl *cpl;

	for (unsigned int i = 0; i < 5 * RING; i++) {
		host_buffer(h, 0, 256);
		host_ring_rx(h, 0);
		receive(h, 0, i);
		cpl = host_rx(h, 0);
		cr_assert(cpl, "completion %u", i);
		cr_assert_eq(cpl->len, TCP_LEN + i);
		cr_assert_null(host_rx(h, 0));
	}
	host_free(h);
}

Test(device, descriptors_go_on_at_the_rings_start)
{
	struct host *h = host_up(1, LOG2);
	uint64_t buffer[6];

	for (unsigned int round = 0; round < 4; round++) {
		for (unsigned int i = 0; i < 6; i++)
			buffer[i] = host_buffer(h, 0, 256);
		host_ring_rx(h, 0);
		for (unsigned int i = 0; i < 6; i++) {
			const struct mpnic_rx_cpl *cpl;
			static struct frame f;

			frame_of(&f, 10 * round + i, ACK);
			h->engine->receive(h->device, 0, f.bytes, f.len);
			cpl = host_rx(h, 0);
			cr_assert(cpl && cpl->status == MPNIC_RX_STATUS_OK);
			cr_assert_arr_eq(host_at(h, buffer[i], f.len), f.bytes, f.len);
		}
	}
	host_free(h);
}

Test(device, a_descriptor_that_is_no_buffer_does_not_stall_the_queue)
{
	struct host *h = host_up(1, LOG2);
	const struct mpnic_rx_cpl *cpl;
	struct mpnic_rx_desc *desc;

	host_buffer(h, 0, 64);
	desc = host_at(h, h->rx[0].desc, sizeof(*desc));
	desc->len = 63;
	host_buffer(h, 0, 256);
	desc[1].reserved[5] = 1;
	host_buffer(h, 0, 256);
	host_ring_rx(h, 0);
	receive(h, 0, 10);
	cpl = host_rx(h, 0);
	cr_assert(cpl && cpl->status == MPNIC_RX_STATUS_LOST && cpl->buffers == 1);
	cr_assert_eq(cpl->error, MPNIC_QUEUE_ERROR_DESC_LEN);
	cpl = host_rx(h, 0);
	cr_assert(cpl && cpl->error == MPNIC_QUEUE_ERROR_DESC_FLAGS);
	cpl = host_rx(h, 0);
	cr_assert(cpl && cpl->status == MPNIC_RX_STATUS_OK && cpl->len == TCP_LEN + 10);
	host_free(h);
}

Test(device, a_buffer_that_cannot_be_written_loses_its_frame_alone)
{
	struct host *h = host_up(1, LOG2);
	const struct mpnic_rx_cpl *cpl;
	struct mpnic_rx_desc *desc;

	host_buffer(h, 0, 256);
	desc = host_at(h, h->rx[0].desc, sizeof(*desc));
	desc->addr = 64;
	host_buffer(h, 0, 256);
	host_ring_rx(h, 0);
	receive(h, 0, 10);
	receive(h, 0, 20);
	cpl = host_rx(h, 0);
	cr_assert(cpl && cpl->status == MPNIC_RX_STATUS_LOST);
	cr_assert_eq(cpl->error, MPNIC_QUEUE_ERROR_DESC_ADDR);
	cpl = host_rx(h, 0);
	cr_assert(cpl && cpl->status == MPNIC_RX_STATUS_OK && cpl->len == TCP_LEN + 20);
	host_free(h);
}

static struct mpnic_admin_queue_stats queue_stats(struct host *h, unsigned int kind,
						  unsigned int index)
{
	const struct mpnic_admin_queue queue = {.kind = (uint8_t)kind};
	uint8_t out[112];
	struct mpnic_admin_queue_stats stats;

	cr_assert_eq(host_admin(h, MPNIC_ADMIN_OP_QUEUE_GET, index, 0, &queue, sizeof(queue), out),
		     0);
	memcpy(&stats, out, sizeof(stats));
	return stats;
}

Test(device, a_doorbell_beyond_the_ring_is_counted_and_ignored)
{
	struct host *h = host_up(1, LOG2);
	struct mpnic_admin_queue_stats stats;

	h->doorbells[MPNIC_DOORBELL_RX / 4] = RING + 1;
	receive(h, 0, 1);
	receive(h, 0, 1);
	stats = queue_stats(h, MPNIC_QUEUE_RX, 0);
	cr_assert_eq(stats.errors, 1, "once for a value");
	cr_assert_eq(stats.last_error, MPNIC_QUEUE_ERROR_DOORBELL);
	cr_assert_eq(stats.drops, 2);
	host_buffer(h, 0, 256);
	host_ring_rx(h, 0);
	receive(h, 0, 1);
	cr_assert(host_rx(h, 0), "it goes on");
	host_free(h);
}

Test(device, a_ring_that_cannot_be_reached_stops_its_queue_alone)
{
	struct host *h = host_up(2, LOG2);
	const struct mpnic_admin_queue queue = {
		.kind = MPNIC_QUEUE_TX, .ring_log2 = LOG2, .irq = 0xffff, .ring = 64, .cpl = 64};
	static struct frame f;

	cr_assert_eq(host_admin(h, MPNIC_ADMIN_OP_QUEUE_DESTROY, 0, 0, &queue, sizeof(queue), NULL),
		     0);
	cr_assert_eq(host_admin(h, MPNIC_ADMIN_OP_QUEUE_CREATE, 0, 0, &queue, sizeof(queue), NULL),
		     0);
	h->doorbells[MPNIC_DOORBELL_TX / 4] = 1;
	host_poll(h, 2);
	cr_assert_eq(queue_stats(h, MPNIC_QUEUE_TX, 0).last_error, MPNIC_QUEUE_ERROR_RING_ADDR);
	cr_assert_eq(queue_stats(h, MPNIC_QUEUE_TX, 0).enabled, 0);
	frame_of(&f, 10, ACK);
	host_send(h, 1, f.bytes, (uint16_t)f.len, MPNIC_TX_EOP, 0);
	host_ring_tx(h, 1);
	host_poll(h, 2);
	cr_assert_eq(h->sent_count, 1);
	cr_assert_eq(queue_stats(h, MPNIC_QUEUE_TX, 0).errors, 1, "it tries no more");
	host_free(h);
}

/* ---- filters and ports ---------------------------------------------------------------------- */

static bool gets(struct host *h, unsigned int port, const uint8_t *mac)
{
	static struct frame f;
	bool there;

	frame_of(&f, 10, ACK);
	memcpy(f.bytes, mac, 6);
	host_buffer(h, 0, 256);
	host_ring_rx(h, 0);
	h->engine->receive(h->device, port, f.bytes, f.len);
	there = host_rx(h, 0) != NULL;
	if (!there)
		h->rx[0].tail--;
	return there;
}

Test(device, the_mac_filter_lets_pass_what_it_is_told)
{
	struct host *h = host_up(1, LOG2);
	const struct mpnic_admin_mac mine = {.mac = {2, 0, 0, 0, 0, 1}};
	const uint8_t other[6] = {2, 0, 0, 0, 0, 2}, all[6] = {255, 255, 255, 255, 255, 255};
	const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1};

	cr_assert(gets(h, 0, other), "promiscuous");
	host_port(h, 0, MPNIC_PORT_UP, 0, 1);
	cr_assert_not(gets(h, 0, other));
	cr_assert_not(gets(h, 0, mine.mac));
	cr_assert(gets(h, 0, all));
	cr_assert_not(gets(h, 0, group));
	cr_assert_eq(host_admin(h, MPNIC_ADMIN_OP_MAC_ADD, 0, 0, &mine, sizeof(mine), NULL), 0);
	cr_assert(gets(h, 0, mine.mac));
	cr_assert_not(gets(h, 0, other));
	host_port(h, 1, MPNIC_PORT_UP, 0, 1);
	cr_assert_not(gets(h, 1, mine.mac), "the other port's");
	host_port(h, 0, MPNIC_PORT_UP | MPNIC_PORT_ALL_MULTICAST, 0, 1);
	cr_assert(gets(h, 0, group));
	cr_assert_eq(host_admin(h, MPNIC_ADMIN_OP_MAC_REMOVE, 0, 0, &mine, sizeof(mine), NULL), 0);
	cr_assert_not(gets(h, 0, mine.mac));
	cr_assert_eq(host_stat(h, 0, MPNIC_STAT_RX_FILTERED), 5);
	host_free(h);
}

Test(device, a_port_that_is_down_and_frames_of_wrong_length)
{
	struct host *h = host_up(1, LOG2);
	static uint8_t long_frame[MPNIC_FRAME_MAX + 1];

	host_buffer(h, 0, 2048);
	host_ring_rx(h, 0);
	h->engine->receive(h->device, 0, long_frame, 13);
	h->engine->receive(h->device, 0, long_frame, sizeof(long_frame));
	h->engine->receive(h->device, 0, long_frame, 1500 + 14 + 8 + 1);
	cr_assert_eq(host_stat(h, 0, MPNIC_STAT_RX_LENGTH), 3);
	h->engine->receive(h->device, 0, long_frame, 1500 + 14 + 8);
	cr_assert(host_rx(h, 0));
	host_port(h, 0, MPNIC_PORT_PROMISCUOUS, 0, 1);
	receive(h, 0, 1);
	cr_assert_eq(host_stat(h, 0, MPNIC_STAT_RX_DOWN), 1);
	host_free(h);
}

Test(device, each_port_has_its_queues)
{
	const struct mpnic_admin_queue rx = {.kind = MPNIC_QUEUE_RX};
	struct host *h = host_up(4, LOG2);

	for (unsigned int q = 0; q < 4; q++) {
		for (unsigned int i = 0; i < 4; i++)
			host_buffer(h, q, 256);
		host_ring_rx(h, q);
	}
	host_port(h, 0, MPNIC_PORT_UP | MPNIC_PORT_PROMISCUOUS, 2, 1);
	host_port(h, 1, MPNIC_PORT_UP | MPNIC_PORT_PROMISCUOUS, 3, 1);
	receive(h, 0, 1);
	cr_assert(host_rx(h, 2));
	receive(h, 1, 1);
	cr_assert(host_rx(h, 3));
	host_port(h, 1, MPNIC_PORT_UP | MPNIC_PORT_PROMISCUOUS, 0, 0);
	receive(h, 1, 1);
	cr_assert_eq(host_stat(h, 1, MPNIC_STAT_RX_NO_QUEUE), 1);
	cr_assert_eq(host_admin(h, MPNIC_ADMIN_OP_QUEUE_DESTROY, 2, 0, &rx, sizeof(rx), NULL), 0);
	receive(h, 0, 1);
	cr_assert_eq(host_stat(h, 0, MPNIC_STAT_RX_NO_QUEUE), 1);
	host_free(h);
}

/* ---- transmit ------------------------------------------------------------------------------- */

Test(device, a_frame_leaves_in_pieces_and_is_padded)
{
	struct host *h = host_up(1, LOG2);
	const struct mpnic_tx_cpl *cpl;
	static struct frame f;

	/* What it was padded with must not be this one's. */
	receive(h, 0, 200);
	frame_of(&f, 0, ACK);
	host_send(h, 0, f.bytes, 20, 0, 1);
	host_ring_tx(h, 0);
	host_poll(h, 2);
	cr_assert_eq(h->sent_count, 0, "a frame without its end waits");
	host_send(h, 0, f.bytes + 20, (uint16_t)(f.len - 20), MPNIC_TX_EOP | MPNIC_TX_REPORT, 0);
	host_ring_tx(h, 0);
	host_poll(h, 2);
	cr_assert_eq(h->sent_count, 1);
	cr_assert_eq(h->sent[0].port, 1);
	cr_assert_eq(h->sent[0].len, MPNIC_WIRE_MIN);
	cr_assert_arr_eq(h->sent[0].data, f.bytes, f.len);
	for (size_t i = f.len; i < MPNIC_WIRE_MIN; i++)
		cr_assert_eq(h->sent[0].data[i], 0);
	cpl = host_tx(h, 0);
	cr_assert(cpl && cpl->head == 2 && cpl->error == MPNIC_QUEUE_ERROR_NONE);
	cr_assert_null(host_tx(h, 0));
	host_free(h);
}

Test(device, checksums_are_filled_in)
{
	struct host *h = host_up(1, LOG2);
	static struct frame f;

	for (unsigned int i = 0; i < 8; i++) {
		const struct spec spec = {.ip = i & 1 ? 6 : 4,
					  .proto = i & 2 ? 17 : 6,
					  .tcp_flags = ACK,
					  .payload_len = i & 4 ? 101 : 0};
		const struct host_sent *sent = &h->sent[i];
		struct mpnic_hdr hdr;
		struct mpnic_csum csum;

		build(&spec, &f);
		put16(f.bytes + f.l4 + (i & 2 ? 6 : 16), 0x1234);
		if (spec.ip == 4)
			put16(f.bytes + f.l3 + 10, 0x4321);
		host_send(h, 0, f.bytes, (uint16_t)f.len, MPNIC_TX_EOP | MPNIC_TX_CSUM, 0);
		host_ring_tx(h, 0);
		host_poll(h, 1);
		cr_assert_eq(h->sent_count, i + 1);
		mpnic_packet(sent->data, sent->len, 0, &hdr, &csum);
		cr_assert_eq(csum.l4, MPNIC_CSUM_GOOD, "frame %u", i);
		cr_assert_eq(csum.ip, spec.ip == 4 ? MPNIC_CSUM_GOOD : MPNIC_CSUM_NONE);
	}
	host_free(h);
}

/* Frame 0 is wrong, as the test says; frame 1 must leave all the same. */
static void refused(struct host *h, enum mpnic_queue_error_code error)
{
	const struct mpnic_tx_cpl *cpl;
	static struct frame f;

	frame_of(&f, 10, ACK);
	host_send(h, 0, f.bytes, (uint16_t)f.len, MPNIC_TX_EOP | MPNIC_TX_REPORT, 0);
	host_ring_tx(h, 0);
	host_poll(h, 3);
	cpl = host_tx(h, 0);
	cr_assert(cpl);
	cr_assert_eq(cpl->error, error, "%s", mpnic_queue_error_name(cpl->error));
	cpl = host_tx(h, 0);
	cr_assert(cpl && cpl->error == MPNIC_QUEUE_ERROR_NONE && cpl->head == h->tx[0].tail);
	cr_assert_eq(h->sent_count, 1);
	cr_assert_eq(queue_stats(h, MPNIC_QUEUE_TX, 0).errors, 1);
	host_free(h);
}

Test(device, tx_desc_len)
{
	struct host *h = host_up(1, LOG2);
	const uint8_t bytes[64] = {0};

	host_send(h, 0, bytes, 0, 0, 0);
	host_send(h, 0, bytes, 64, MPNIC_TX_EOP, 0);
	refused(h, MPNIC_QUEUE_ERROR_DESC_LEN);
}

Test(device, tx_desc_flags)
{
	struct host *h = host_up(1, LOG2);
	const uint8_t bytes[64] = {0};

	host_send(h, 0, bytes, 64, MPNIC_TX_EOP | 0x4000, 0);
	refused(h, MPNIC_QUEUE_ERROR_DESC_FLAGS);
}

Test(device, tx_flags_of_first_on_second)
{
	struct host *h = host_up(1, LOG2);
	const uint8_t bytes[64] = {0};

	host_send(h, 0, bytes, 64, 0, 0);
	host_send(h, 0, bytes, 64, MPNIC_TX_EOP | MPNIC_TX_BYPASS, 0);
	refused(h, MPNIC_QUEUE_ERROR_DESC_FLAGS);
}

Test(device, tx_port)
{
	struct host *h = host_up(1, LOG2);
	const uint8_t bytes[64] = {0};

	host_send(h, 0, bytes, 64, MPNIC_TX_EOP, MPNIC_PORTS);
	refused(h, MPNIC_QUEUE_ERROR_PORT);
}

Test(device, tx_desc_addr)
{
	struct host *h = host_up(1, LOG2);
	const uint8_t bytes[64] = {0};
	struct mpnic_tx_desc *desc;

	host_send(h, 0, bytes, 64, MPNIC_TX_EOP, 0);
	desc = host_at(h, h->tx[0].desc, sizeof(*desc));
	desc->addr = ~UINT64_C(0) - 10;
	refused(h, MPNIC_QUEUE_ERROR_DESC_ADDR);
}

Test(device, tx_frame_len)
{
	static uint8_t bytes[5000];
	struct host *h = host_up(1, LOG2);

	host_send(h, 0, bytes, 5000, 0, 0);
	host_send(h, 0, bytes, 5000, MPNIC_TX_EOP, 0);
	refused(h, MPNIC_QUEUE_ERROR_FRAME_LEN);
	h = host_up(1, LOG2);
	host_send(h, 0, bytes, 13, MPNIC_TX_EOP, 0);
	refused(h, MPNIC_QUEUE_ERROR_FRAME_LEN);
}

Test(device, tx_segments)
{
	struct host *h = host_up(1, 6);
	const uint8_t bytes[64] = {0};

	for (unsigned int i = 0; i < MPNIC_TX_SEGMENTS + 5; i++)
		host_send(h, 0, bytes, 16, 0, 0);
	host_send(h, 0, bytes, 16, MPNIC_TX_EOP, 0);
	refused(h, MPNIC_QUEUE_ERROR_SEGMENTS);
}

Test(device, a_small_ring_full_of_a_frame_without_end_does_not_stall)
{
	struct host *h = host_up(1, LOG2);
	const uint8_t bytes[64] = {0};

	for (unsigned int i = 0; i < RING; i++)
		host_send(h, 0, bytes, 16, 0, 0);
	host_ring_tx(h, 0);
	host_poll(h, 2);
	host_send(h, 0, bytes, 16, MPNIC_TX_EOP, 0);
	refused(h, MPNIC_QUEUE_ERROR_SEGMENTS);
}

Test(device, many_segments_are_sent)
{
	struct host *h = host_up(1, 6);
	uint8_t bytes[MPNIC_TX_SEGMENTS * 16];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37);
	for (unsigned int i = 0; i < MPNIC_TX_SEGMENTS; i++)
		host_send(h, 0, bytes + 16 * i, 16, i == MPNIC_TX_SEGMENTS - 1 ? MPNIC_TX_EOP : 0,
			  0);
	host_ring_tx(h, 0);
	host_poll(h, 2);
	cr_assert_eq(h->sent_count, 1);
	cr_assert_eq(h->sent[0].len, sizeof(bytes));
	cr_assert_arr_eq(h->sent[0].data, bytes, sizeof(bytes));
	host_free(h);
}

/* A first SYN with MP_CAPABLE of version 1. */
static void first_syn(struct frame *f)
{
	static const uint8_t opts[4] = {30, 4, 0x01, 0x01};
	const struct spec spec = {
		.ip = 4, .proto = 6, .tcp_flags = SYN, .opts = opts, .opt_len = sizeof(opts)};

	build(&spec, f);
}

Test(device, a_first_syn_to_an_unknown_peer_is_punted_to_the_host_unless_it_bypasses)
{
	struct host *h = host_up(1, LOG2);
	const uint8_t punt = MPNIC_FIRST_SYN_PUNT;
	const struct mpnic_rx_cpl *cpl;
	static struct frame f;

	cr_assert_eq(host_admin(h, MPNIC_ADMIN_OP_NETWORK_DEFAULT, 0, 0, &punt, 1, NULL), 0);
	host_buffer(h, 0, 256);
	host_ring_rx(h, 0);
	first_syn(&f);
	host_send(h, 0, f.bytes, (uint16_t)f.len, MPNIC_TX_EOP, 0);
	host_ring_tx(h, 0);
	host_poll(h, 1);
	cr_assert_eq(h->sent_count, 0);
	cpl = host_rx(h, 0);
	cr_assert(cpl);
	cr_assert_eq(cpl->meta.punt, MPNIC_PUNT_FIRST_SYN);
	cr_assert_eq(cpl->source, MPNIC_SOURCE_HOST);
	cr_assert_eq(host_stat(h, 0, MPNIC_STAT_TX_PUNTED), 1);
	host_send(h, 0, f.bytes, (uint16_t)f.len, MPNIC_TX_EOP | MPNIC_TX_BYPASS, 0);
	host_ring_tx(h, 0);
	host_poll(h, 1);
	cr_assert_eq(h->sent_count, 1);
	host_free(h);
}

Test(device, what_the_wire_does_not_take_is_counted)
{
	struct host *h = host_up(1, LOG2);
	static struct frame f;

	frame_of(&f, 10, ACK);
	h->wire_error = -EAGAIN;
	host_send(h, 0, f.bytes, (uint16_t)f.len, MPNIC_TX_EOP, 0);
	host_ring_tx(h, 0);
	host_poll(h, 1);
	cr_assert_eq(host_stat(h, 0, MPNIC_STAT_TX_WIRE), 1);
	cr_assert_eq(host_stat(h, 0, MPNIC_STAT_TX_FRAMES), 0);
	h->wire_error = 0;
	host_send(h, 0, f.bytes, (uint16_t)f.len, MPNIC_TX_EOP, 0);
	host_ring_tx(h, 0);
	host_poll(h, 1);
	cr_assert_eq(host_stat(h, 0, MPNIC_STAT_TX_WIRE), 1);
	cr_assert_eq(host_stat(h, 0, MPNIC_STAT_TX_FRAMES), 1);
	cr_assert_eq(host_stat(h, 0, MPNIC_STAT_TX_BYTES), f.len);
	h->engine->link(h->device, 0, false);
	host_send(h, 0, f.bytes, (uint16_t)f.len, MPNIC_TX_EOP, 0);
	host_ring_tx(h, 0);
	host_poll(h, 1);
	cr_assert_eq(host_stat(h, 0, MPNIC_STAT_TX_DOWN), 1);
	cr_assert_eq(h->sent_count, 1);
	host_free(h);
}

Test(device, a_peer_that_speaks_tcp_alone_has_its_syn_stripped)
{
	struct host *h = host_up(1, LOG2);
	struct mpnic_peer_entry peer = {
		.ip_version = 4, .speaks = MPNIC_SPEAKS_NONE, .first_syn = MPNIC_FIRST_SYN_STRIP};
	static struct frame f;
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;

	first_syn(&f);
	memcpy(peer.addr, f.bytes + f.l3 + 16, 4);
	cr_assert_eq(host_admin(h, MPNIC_ADMIN_OP_PEER_SET, 0, 0, &peer, sizeof(peer), NULL), 0);
	host_send(h, 0, f.bytes, (uint16_t)f.len, MPNIC_TX_EOP, 0);
	host_ring_tx(h, 0);
	host_poll(h, 1);
	cr_assert_eq(h->sent_count, 1);
	mpnic_packet(h->sent[0].data, h->sent[0].len, 0, &hdr, &csum);
	cr_assert_eq(hdr.mptcp_count, 0);
	cr_assert_eq(csum.l4, MPNIC_CSUM_GOOD);
	host_free(h);
}

/* ---- events and interrupts ------------------------------------------------------------------ */

Test(device, events_find_room_or_are_counted)
{
	struct host *h = host_up(1, LOG2);
	const struct mpnic_event_cpl *event;
	struct mpnic_settings settings;
	uint8_t out[112];
	static struct frame f;

	cr_assert_eq(host_admin(h, MPNIC_ADMIN_OP_SETTINGS_GET, 0, 0, NULL, 0, out), 0);
	memcpy(&settings, out, sizeof(settings));
	settings.event_mask |= MPNIC_SIGN_CAPABLE_SYN;
	cr_assert_eq(
		host_admin(h, MPNIC_ADMIN_OP_SETTINGS_SET, 0, 0, &settings, sizeof(settings), NULL),
		0);
	while (host_event(h)) /* of the link */
		;
	first_syn(&f);
	for (unsigned int i = 0; i < RING + 3; i++)
		h->engine->receive(h->device, 0, f.bytes, f.len);
	for (unsigned int i = 0; i < RING; i++) {
		struct mpnic_event body = {0};

		event = host_event(h);
		cr_assert(event, "event %u", i);
		cr_assert_eq(event->kind, MPNIC_EVENT_KIND_FRAME);
		memcpy(&body, event->body, sizeof(event->body));
		cr_assert_eq(body.seq, i);
		cr_assert(body.signs & MPNIC_SIGN_CAPABLE_SYN);
	}
	cr_assert_null(host_event(h));
	h->engine->receive(h->device, 0, f.bytes, f.len);
	event = host_event(h);
	cr_assert(event);
	cr_assert_eq(((const struct mpnic_event *)(const void *)event->body)->seq, RING + 3,
		     "lost ones have numbers too");
	h->doorbells[MPNIC_DOORBELL_EVENT / 4] += 1000;
	h->engine->receive(h->device, 0, f.bytes, f.len);
	cr_assert_eq(queue_stats(h, MPNIC_QUEUE_EVENT, 0).last_error, MPNIC_QUEUE_ERROR_DOORBELL);
	host_free(h);
}

Test(device, the_link_makes_an_event)
{
	struct host *h = host_up(1, LOG2);
	const struct mpnic_event_cpl *event;
	struct mpnic_event body = {0};

	while (host_event(h))
		;
	h->engine->link(h->device, 1, false);
	host_poll(h, 2);
	event = host_event(h);
	cr_assert(event && event->kind == MPNIC_EVENT_KIND_LINK);
	memcpy(&body, event->body, sizeof(event->body));
	cr_assert_eq(body.source, 1);
	cr_assert_eq(body.reason, 0);
	host_free(h);
}

Test(device, an_interval_holds_the_next_interrupt_back)
{
	struct host *h = host_up(1, LOG2);
	unsigned int raised;
	const struct mpnic_admin_vector vector = {.interval_us = 100};

	for (unsigned int i = 0; i < 6; i++)
		host_buffer(h, 0, 256);
	host_ring_rx(h, 0);
	receive(h, 0, 1);
	receive(h, 0, 1);
	host_poll(h, 1);
	host_poll(h, 3);
	raised = h->irqs[0];
	cr_assert_geq(raised, 1);
	cr_assert_eq(host_admin(h, MPNIC_ADMIN_OP_VECTOR_SET, 0, 0, &vector, sizeof(vector), NULL),
		     0);
	h->now_ns += HOST_MS;
	receive(h, 0, 1);
	host_poll(h, 1);
	cr_assert_eq(h->irqs[0], raised + 1);
	receive(h, 0, 1);
	host_poll(h, 50);
	cr_assert_eq(h->irqs[0], raised + 1, "held back");
	host_poll(h, 60);
	cr_assert_eq(h->irqs[0], raised + 2, "and raised");
	h->engine->fault(h->device, MPNIC_FAULT_IRQ_LOST);
	h->now_ns += HOST_MS;
	receive(h, 0, 1);
	host_poll(h, 1);
	cr_assert_eq(h->irqs[0], raised + 2);
	host_free(h);
}

/* ---- sleep and reset ------------------------------------------------------------------------ */

/* The sum of the pipeline's first counters of source 0. */
static uint64_t counted(struct host *h)
{
	uint64_t counters[14], sum = 0;

	cr_assert_eq(host_admin(h, MPNIC_ADMIN_OP_STATS, 0, 0, NULL, 0, counters), 0);
	for (unsigned int i = 0; i < 12; i++)
		sum += counters[i];
	return sum;
}

Test(device, a_reset_leaves_nothing_of_queues_and_tables)
{
	struct host *h = host_up(2, LOG2);
	struct mpnic_peer_entry peer = {.addr = {10, 0, 0, 1}, .ip_version = 4, .speaks = 1};

	cr_assert_eq(host_admin(h, MPNIC_ADMIN_OP_PEER_SET, 0, 0, &peer, sizeof(peer), NULL), 0);
	host_buffer(h, 0, 256);
	host_ring_rx(h, 0);
	receive(h, 0, 1);
	cr_assert_neq(counted(h), 0);
	host_write(h, MPNIC_HOST_RESET, MPNIC_RESET_MAGIC << 16 | MPNIC_RESET_DRIVER);
	for (unsigned int i = 0; i < MPNIC_DOORBELL_SIZE / 4; i++)
		cr_assert_eq(h->doorbells[i], 0);
	receive(h, 0, 1);
	cr_assert_eq(host_stat(h, 0, MPNIC_STAT_RX_DOWN), 1);
	cr_assert_eq(host_boot(h), MPNIC_DEVICE_STATUS_RUNNING);
	host_admin_ring(h);
	cr_assert_eq(counted(h), 0);
	cr_assert_eq(host_admin(h, MPNIC_ADMIN_OP_PEER_GET, 0, 0, &peer, sizeof(peer), NULL),
		     MPNIC_STATUS_MISSING);
	host_free(h);
}
