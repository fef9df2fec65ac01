/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lockstep [--count STEPS] [--seed S] [--spoil WHAT]: two hosts do the same to the model and to the
 * RTL: descriptors good and bad, frames from both wires and from all queues, admin commands, queues
 * that come and go. Behind each step both have the same memory, bit for bit (buffers, completions,
 * events), the same frames on their wires, the same counters and answers.
 *
 * With --spoil something of the RTL's is wrong (phase, buffers: of a completion; wire: of a frame
 * that left), and only a difference that is noticed passes.
 *
 * Not compared: how many interrupts completions make, which is a matter of time; the log; how often
 * a table moved entries, whose hash is secret.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "device_engine.h"
#include "gen.h"
#include "host.h"

enum {
	PAIRS = 4,
	LOG2 = 4,
	SIDES = 2,
	MODEL = 0,
	RTL = 1,
	RECENT = 8,
	TUPLES = 6, /* flows of the frames that are right */
	FULL = HOST_MEM - (1 << 17),
	KINDS = 9,
};

static struct host *host[SIDES];
static uint64_t seed, done_steps;
static unsigned int done_of[KINDS];
static struct mpnic_key recent[RECENT];
static unsigned int recent_count;
static uint32_t posted[PAIRS], taken[PAIRS]; /* Rx descriptors */
static const char *doing, *spoil;

static uint32_t below(uint32_t n)
{
	return (uint32_t)((rnd(&seed) >> 32) * n >> 32);
}

static __attribute__((noreturn)) void differs(const char *what, uint64_t at)
{
	if (spoil) {
		printf("lockstep: %s spoilt, noticed in step %" PRIu64 ": %s\n", spoil, done_steps,
		       what);
		exit(0);
	}
	fprintf(stderr, "lockstep: step %" PRIu64 " (%s): %s differs at 0x%" PRIx64 "\n",
		done_steps, doing, what, at);
	exit(1);
}

/* ---- both hosts do the same ----------------------------------------------------------------- */

#define EACH(h) for (struct host * h, **at_ = host; at_ < host + SIDES && (h = *at_, true); at_++)

/* Frames have the same time on both sides. */
static void sync_time(void)
{
	uint64_t now =
		host[MODEL]->now_ns > host[RTL]->now_ns ? host[MODEL]->now_ns : host[RTL]->now_ns;

	now += below(16) ? 1000 : below(50) * (uint64_t)HOST_MS;
	EACH(h)
	{
		h->now_ns = now;
		host_poll(h, 1);
	}
}

static void poll_both(void)
{
	EACH(h)
	host_poll(h, 2);
}

static uint16_t admin(uint16_t op, uint32_t id, uint32_t arg, const void *in, size_t len,
		      uint8_t out[112])
{
	uint8_t answer[SIDES][112] = {{0}};
	uint16_t status[SIDES];

	for (unsigned int i = 0; i < SIDES; i++)
		status[i] = host_admin(host[i], op, id, arg, in, len, answer[i]);
	if (status[MODEL] != status[RTL]) {
		fprintf(stderr, "lockstep: command %u: model %u, RTL %u\n", op, status[MODEL],
			status[RTL]);
		differs("an admin command's status", op);
	}
	if (op == MPNIC_ADMIN_OP_QUEUE_GET)
		for (unsigned int i = 0; i < SIDES; i++)
			((struct mpnic_admin_queue_stats *)(void *)answer[i])->interrupts = 0;
	for (unsigned int i = 0; i < 112; i++)
		if (answer[MODEL][i] != answer[RTL][i]) {
			fprintf(stderr, "lockstep: byte %u: model %02x, RTL %02x\n", i,
				answer[MODEL][i], answer[RTL][i]);
			differs("an admin command's answer", (uint64_t)op << 16 | i);
		}
	if (out)
		memcpy(out, answer[MODEL], 112);
	return status[MODEL];
}

/* ---- what must be the same ------------------------------------------------------------------ */

static void compare_memory(uint64_t from, uint64_t to)
{
	const uint8_t *m = host[MODEL]->mem, *r = host[RTL]->mem;

	if (!memcmp(m + from, r + from, to - from))
		return;
	for (uint64_t i = from; i < to; i++) {
		if (m[i] == r[i])
			continue;
		fprintf(stderr, "lockstep: model %02x, RTL %02x\n", m[i], r[i]);
		differs("memory", HOST_BASE + i);
	}
}

static void compare_sent(void)
{
	const struct host *m = host[MODEL], *r = host[RTL];

	if (m->sent_count != r->sent_count)
		differs("the number of frames on the wires", r->sent_count);
	for (unsigned int i = 0; i < HOST_SENT_MAX && i < m->sent_count; i++)
		if (m->sent[i].port != r->sent[i].port || m->sent[i].len != r->sent[i].len ||
		    memcmp(m->sent[i].data, r->sent[i].data, m->sent[i].len))
			differs("a frame on a wire", i);
}

/* Answers of admin commands are compared where they come. */
static void compare(void)
{
	const struct host_ring *a = &host[MODEL]->admin;
	const uint64_t answers = a->cpl - HOST_BASE;

	if (host[MODEL]->used != host[RTL]->used)
		differs("what the hosts have taken of their memory", host[RTL]->used);
	compare_memory(0, answers);
	compare_memory(answers + a->size * sizeof(struct mpnic_admin_cpl), host[MODEL]->used);
	compare_sent();
	for (unsigned int port = 0; port < MPNIC_PORTS; port++)
		for (uint32_t stat = 0; stat <= MPNIC_STAT_TX_PUNTED; stat += 8)
			if (host_stat(host[MODEL], port, stat) != host_stat(host[RTL], port, stat))
				differs("a port's counter", port << 8 | stat);
	for (unsigned int i = 0; i < MPNIC_VECTORS; i++)
		if (!host[MODEL]->irqs[i] != !host[RTL]->irqs[i])
			differs("whether a vector was raised", i);
}

/* What the device has taken, by the completions that both hosts have. */
static void take_completions(void)
{
	for (unsigned int q = 0; q < PAIRS; q++) {
		const struct mpnic_rx_cpl *cpl;

		while (host_rx(host[RTL], q) && (cpl = host_rx(host[MODEL], q)))
			taken[q] += cpl->buffers;
	}
}

/* ---- frames --------------------------------------------------------------------------------- */

static void remember(const uint8_t *bytes, size_t len, unsigned int source)
{
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;
	struct mpnic_key key;
	bool flip;

	mpnic_packet(bytes, len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, source), &hdr, &csum);
	if (mpnic_flow_key(host[MODEL]->keys, &hdr, below(4) == 0, &key, &flip))
		recent[recent_count++ % RECENT] = key;
}

/* Of a few flows, with MPTCP options now and then; or hostile. */
static size_t some_frame(const uint8_t **bytes)
{
	static const uint8_t syn[4] = {30, 4, 0x01, 0x01};
	static const uint8_t join[12] = {30, 12, 0x10, 1, 0, 0, 0, 9, 1, 2, 3, 4};
	static struct gen_packet hostile;
	static struct frame f;
	struct spec spec = {.ip = below(4) ? 4 : 6, .proto = below(4) ? 6 : 17};

	if (!below(3)) {
		do
			gen_random(rnd(&seed), &hostile);
		while (hostile.len > MPNIC_FRAME_MAX || !hostile.len);
		*bytes = hostile.frame;
		return hostile.len;
	}
	spec.tags = below(4) ? 0 : below(3);
	spec.payload_len = below(4) ? below(300) : below(1400);
	spec.tcp_flags = below(4) ? ACK : SYN;
	if (spec.proto == 6 && spec.tcp_flags == SYN) {
		spec.opts = below(2) ? syn : join;
		spec.opt_len = spec.opts == syn ? sizeof(syn) : sizeof(join);
		spec.payload_len = 0;
	}
	build(&spec, &f);
	put16(f.bytes + f.l4, 1000 + below(TUPLES));
	if (below(4))
		fix_l4_csum(&f, spec.proto);
	*bytes = f.bytes;
	return f.len;
}

static void receive(void)
{
	const uint8_t *bytes;
	const size_t len = some_frame(&bytes);
	const unsigned int port = below(2);

	doing = "a frame from a wire";
	EACH(h)
	h->engine->receive(h->device, port, bytes, len);
	remember(bytes, len, port);
}

/* ---- queues --------------------------------------------------------------------------------- */

static void post_buffers(void)
{
	const unsigned int queue = below(PAIRS), shift = below(2) ? 0 : below(64);
	const uint16_t len = (uint16_t)(below(3) ? 2048 : 64 + below(1000));
	const unsigned int bad = below(12), n = 1 + below(6);

	doing = "buffers";
	for (unsigned int i = 0; i < n; i++) {
		/* Now and then one more than the ring has room for. */
		if (posted[queue] - taken[queue] >= 1 << LOG2 && below(30))
			break;
		posted[queue]++;
		EACH(h)
		{
			struct host_ring *ring = &h->rx[queue];
			struct mpnic_rx_desc *desc;

			host_buffer(h, queue, (uint16_t)(len + 64));
			desc = host_at(h,
				       ring->desc + (ring->tail - 1) % ring->size * sizeof(*desc),
				       sizeof(*desc));
			desc->addr += shift;
			desc->len = bad == 1 ? 63 : bad == 2 ? 0 : len;
			desc->reserved[3] = bad == 3;
			if (bad == 4)
				desc->addr = 0x1000;
		}
	}
	EACH(h)
	host_ring_rx(h, queue);
}

static void send(void)
{
	static const uint16_t flag_sets[] = {0, 0, MPNIC_TX_CSUM, MPNIC_TX_BYPASS,
					     MPNIC_TX_CSUM | MPNIC_TX_BYPASS};
	const unsigned int queue = below(PAIRS), bad = below(16), segments = 1 + below(4);
	const uint16_t first = flag_sets[below(5)],
		       last = MPNIC_TX_EOP | (below(2) ? MPNIC_TX_REPORT : 0);
	const uint8_t *bytes;
	const size_t len = some_frame(&bytes);
	const uint8_t port = bad == 1 ? 2 : (uint8_t)below(2);
	const unsigned int shift = below(64);
	size_t at = 0;

	doing = "a frame from the host";
	remember(bytes, len, MPNIC_SOURCE_HOST);
	for (unsigned int i = 0; i < segments; i++) {
		const size_t rest = len - at;
		const bool end = i + 1 == segments || rest < 2;
		const size_t n = end ? rest : 1 + below((uint32_t)rest - 1);
		const uint16_t flags = (uint16_t)((i ? 0 : first) | (end && bad != 2 ? last : 0));

		EACH(h)
		{
			struct host_ring *ring = &h->tx[queue];
			struct mpnic_tx_desc *desc;

			host_send(h, queue, NULL, 0, flags, i ? 0 : port);
			desc = host_at(h,
				       ring->desc + (ring->tail - 1) % ring->size * sizeof(*desc),
				       sizeof(*desc));
			desc->addr = host_alloc(h, n + 64) + shift;
			desc->len = (uint16_t)n;
			memcpy(host_at(h, desc->addr, n), bytes + at, n);
			if (bad == 3 && end)
				desc->addr = 0x7000;
			if (bad == 4 && end)
				desc->len = 0;
			if (bad == 5)
				desc->reserved[1] = 1;
			if (bad == 6)
				desc->flags |= 0x100;
		}
		at += n;
		if (end)
			break;
	}
	EACH(h)
	host_ring_tx(h, queue);
}

static void doorbell(void)
{
	const unsigned int queue = below(PAIRS), ahead = 17 + below(100);
	const unsigned int at = (below(2) ? MPNIC_DOORBELL_RX : MPNIC_DOORBELL_TX) / 4 + queue;

	doing = "a doorbell that is too far";
	EACH(h)
	{
		const uint32_t right = h->doorbells[at];

		h->doorbells[at] = right + ahead;
		host_poll(h, 1);
		h->doorbells[at] = right;
	}
}

static void renew_queue(void)
{
	const unsigned int queue = below(PAIRS), kind = below(2);
	const struct mpnic_admin_queue q = {.kind = (uint8_t)kind};

	doing = "a queue that is made anew";
	admin(MPNIC_ADMIN_OP_QUEUE_GET, queue, 0, &q, sizeof(q), NULL);
	admin(MPNIC_ADMIN_OP_QUEUE_DESTROY, queue, 0, &q, sizeof(q), NULL);
	if (kind == MPNIC_QUEUE_RX)
		posted[queue] = taken[queue] = 0;
	EACH(h)
	if (host_queue(h, kind, queue, LOG2, kind * 16 + queue,
		       kind == MPNIC_QUEUE_RX ? &h->rx[queue] : &h->tx[queue]))
		differs("whether a queue can be made", queue);
}

/* ---- admin commands ------------------------------------------------------------------------- */

static void flow_command(void)
{
	static const uint16_t ops[] = {MPNIC_ADMIN_OP_FLOW_ADD, MPNIC_ADMIN_OP_FLOW_ADD,
				       MPNIC_ADMIN_OP_FLOW_ADD, MPNIC_ADMIN_OP_FLOW_REMOVE,
				       MPNIC_ADMIN_OP_FLOW_GET, MPNIC_ADMIN_OP_FLOW_CONFIRM};
	const struct mpnic_action action = {
		.mark = below(100),
		.rx_queue = (uint16_t)below(16),
		.strip = (uint16_t)(below(4) ? 0 : 1u << below(9)),
		.actions = (uint16_t)below(below(2) ? 4 : 64),
	};
	struct mpnic_admin_flow flow = {.conn_id = MPNIC_ID_NONE};

	if (!recent_count)
		return;
	memcpy(flow.key, &recent[below(recent_count < RECENT ? recent_count : RECENT)],
	       sizeof(flow.key));
	memcpy(flow.action, &action, sizeof(flow.action));
	admin(ops[below(6)], 0, 0, &flow, sizeof(flow), NULL);
}

static void table_command(void)
{
	const struct mpnic_peer_entry peer = {.addr = {10, 1, 2, (uint8_t)below(4)},
					      .ip_version = 4,
					      .speaks = (uint8_t)below(4),
					      .first_syn = (uint8_t)below(3)};
	const struct mpnic_token_entry token = {.token = 9 + (below(2) ? 0 : below(3) << 24),
						.conn_id = below(8)};

	if (below(2))
		admin(below(3) ? MPNIC_ADMIN_OP_PEER_SET : MPNIC_ADMIN_OP_PEER_REMOVE, 0, 0, &peer,
		      sizeof(peer), NULL);
	else
		admin(below(3) ? MPNIC_ADMIN_OP_TOKEN_ADD : MPNIC_ADMIN_OP_TOKEN_REMOVE, 0, 0,
		      &token, sizeof(token), NULL);
}

static void port_command(void)
{
	const struct mpnic_admin_port port = {
		.flags = (uint16_t)((below(8) ? MPNIC_PORT_UP : 0) |
				    (below(3) ? MPNIC_PORT_PROMISCUOUS : 0) |
				    (below(2) ? MPNIC_PORT_ALL_MULTICAST : 0)),
		.mtu = (uint16_t)(below(3) ? 9000 : 100 + below(1400)),
		.queue_base = (uint16_t)below(PAIRS),
		.queue_count = (uint16_t)below(PAIRS + 1),
	};
	const struct mpnic_admin_mac mac = {
		.mac = {2, 0, 0, 0, 0, (uint8_t)below(4)},
	};

	if (below(3))
		admin(MPNIC_ADMIN_OP_PORT_SET, below(2), 0, &port, sizeof(port), NULL);
	else
		admin(below(2) ? MPNIC_ADMIN_OP_MAC_ADD : MPNIC_ADMIN_OP_MAC_REMOVE, below(2), 0,
		      &mac, sizeof(mac), NULL);
}

static void ask(void)
{
	const struct mpnic_admin_queue q = {.kind = (uint8_t)below(3)};

	if (below(2))
		admin(MPNIC_ADMIN_OP_STATS, below(4), below(4) * 12, NULL, 0, NULL);
	else
		admin(MPNIC_ADMIN_OP_QUEUE_GET, q.kind == MPNIC_QUEUE_EVENT ? 0 : below(PAIRS), 0,
		      &q, sizeof(q), NULL);
}

static void command(void)
{
	static void (*const commands[])(void) = {flow_command, flow_command, table_command,
						 port_command, ask};

	doing = "an admin command";
	commands[below(5)]();
}

/* All events that are there, read by both. */
static void read_events(void)
{
	doing = "events are read";
	EACH(h)
	while (host_event(h))
		;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void all_up(void)
{
	struct mpnic_settings settings;
	uint8_t out[112];

	doing = "start";
	recent_count = 0;
	memset(posted, 0, sizeof(posted));
	memset(taken, 0, sizeof(taken));
	host[MODEL] = host_up_engine(&model_device_engine, PAIRS, LOG2);
	host[RTL] = host_up_engine(host_engine, PAIRS, LOG2);
	device_engine_noise(host[RTL]->device, below(2) ? 0 : below(180), rnd(&seed));
	EACH(h)
	h->cookie = 100;
	sync_time();
	admin(MPNIC_ADMIN_OP_SETTINGS_GET, 0, 0, NULL, 0, out);
	memcpy(&settings, out, sizeof(settings));
	settings.event_mask = ~0u;
	admin(MPNIC_ADMIN_OP_SETTINGS_SET, 0, 0, &settings, sizeof(settings), NULL);
	poll_both();
	compare();
}

static void all_down(void)
{
	EACH(h)
	host_free(h);
}

static void spoil_wire(void)
{
	struct host *r = host[RTL];

	if (r->sent_count)
		r->sent[0].data[r->sent[0].len - 1] ^= 1;
}

static void spoil_device(void)
{
	if (!spoil || !strcmp(spoil, "wire"))
		return;
	host[RTL]->engine->fault(host[RTL]->device, !strcmp(spoil, "phase")
							    ? MPNIC_FAULT_CPL_PHASE
							    : MPNIC_FAULT_CPL_BUFFERS);
}

static void step(void)
{
	static void (*const kinds[KINDS])(void) = {receive,	 receive,     receive,
						   post_buffers, send,	      send,
						   command,	 read_events, doorbell};
	const unsigned int kind = below(40) ? below(KINDS) : KINDS;

	const int refuses = below(8) ? 0 : -EAGAIN;

	sync_time();
	EACH(h)
	h->wire_error = refuses;
	if (kind == KINDS) {
		renew_queue();
	} else {
		kinds[kind]();
		done_of[kind]++;
	}
	poll_both();
	if (spoil && !strcmp(spoil, "wire"))
		spoil_wire();
	compare();
	take_completions();
	done_steps++;
}

static int usage(void)
{
	fputs("usage: lockstep [--count STEPS] [--seed S] [--spoil phase|buffers|wire]\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	uint64_t count = 3000;

	seed = 1;
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			return usage();
		if (!strcmp(argv[i], "--count"))
			count = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--seed"))
			seed = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--spoil"))
			spoil = argv[i + 1];
		else
			return usage();
	}
	if (spoil && strcmp(spoil, "phase") && strcmp(spoil, "buffers") && strcmp(spoil, "wire"))
		return usage();
	seed = seed * 0x9e3779b97f4a7c15 | 1;
	while (done_steps < count) {
		all_up();
		spoil_device();
		while (done_steps < count && host[MODEL]->used < FULL)
			step();
		all_down();
	}
	if (spoil) {
		fprintf(stderr, "lockstep: %s spoilt, and nobody noticed\n", spoil);
		return 1;
	}
	printf("lockstep: %" PRIu64
	       " steps, %u frames from wires, %u from the host, %u admin commands: "
	       "0 differences\n",
	       done_steps, done_of[0] + done_of[1] + done_of[2], done_of[4] + done_of[5],
	       done_of[6]);
	return 0;
}
