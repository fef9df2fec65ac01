/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: a probe engine among peers that answer anything. The input is a list of steps: start
 * a probe, let time pass, answer a SYN with options and flags of the input's choice, or send any
 * header. What must hold: no SYN without a probe_start() that took it, no more SYNs than the bucket
 * lets through, every SYN to a peer that was asked for and from a reserved port, RSTs only as
 * answers to what names a SYN's number, and no more sights than questions.
 */
#include <stdlib.h>
#include <string.h>

#include "mpnic_model.h"
#include "probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOSTS 8
#define MS    1000000ull

struct input {
	const uint8_t *at;
	size_t left;
};

struct world {
	struct probe *probe;
	struct probe_now now;
	struct probe_packet last; /* SYN */
	uint64_t taken, syns, reports;
};

static const struct probe_config small = {.port_first = 5000,
					  .port_last = 5007,
					  .per_second = 20,
					  .burst = 2,
					  .at_once = 3,
					  .timeout_ms = 100,
					  .repeats = 1,
					  .peers = 4,
					  .handshake_age_s = 1000};

static void must(int truth)
{
	if (!truth)
		abort();
}

static uint8_t take(struct input *input)
{
	if (!input->left)
		return 0;
	input->left--;
	return *input->at++;
}

static void take_bytes(struct input *input, void *to, size_t count)
{
	for (size_t i = 0; i < count; i++)
		((uint8_t *)to)[i] = take(input);
}

static void begin(struct world *world, struct input *input)
{
	struct policy_rules rules = {.value = {[POLICY_PROBE] = 1, [POLICY_PROBE_INTERVAL] = 60}};
	const uint8_t what = take(input), kind = take(input);
	struct probe_random random;
	struct probe_ask ask = {.questions = kind & 7, .all = kind & 8, .handshake_s = 100000};

	ask.peer.port = kind & 16 ? 0 : 80;
	ask.peer.addr.version = ask.from.version = kind & 32 ? 6 : 4;
	ask.peer.addr.bytes[0] = what % HOSTS;
	ask.handshake_s = kind & 64 ? 0 : 100000;
	rules.value[POLICY_PROBE] = !(kind & 128);
	take_bytes(input, &random, sizeof(random));
	if (probe_start(world->probe, &ask, &rules, &random, world->now) == PROBE_TAKEN) {
		must(ask.peer.port && ask.handshake_s && rules.value[POLICY_PROBE]);
		world->taken++;
	}
}

static void send_all(struct world *world)
{
	struct probe_packet packet;

	while (probe_next(world->probe, world->now, &packet)) {
		world->last = packet;
		world->syns++;
		must(packet.tcp_flags == 2 && packet.dport == 80);
		must(packet.sport >= small.port_first && packet.sport <= small.port_last);
		must(packet.dst.bytes[0] < HOSTS);
	}
	must(probe_deadline(world->probe) >= world->now.ns);
	must(world->syns <= small.burst + world->now.ns * small.per_second / 1000000000);
	must(world->syns <= world->taken * 2 * (1 + small.repeats));
}

static void collect(struct world *world)
{
	struct probe_report report;

	while (probe_report(world->probe, &report)) {
		world->reports++;
		must(report.sights <= PROBE_QUESTIONS && (report.sights || report.abandoned));
		for (unsigned int i = 0; i < report.sights; i++)
			must(report.sight[i].what < SIGHTS && report.sight[i].peer.port == 80);
	}
	must(world->reports <= world->taken);
}

/* An answer to the last SYN, as far as the input does not change it. */
static void answer(struct world *world, struct input *input)
{
	const uint8_t flags = take(input), off = take(input), len = take(input) % 41 & ~3;
	const struct mpnic_csum csum = {.l4 = off & 128 ? MPNIC_CSUM_BAD : MPNIC_CSUM_GOOD};
	struct probe_packet rst;
	uint8_t opts[40] = {0};
	struct mpnic_hdr hdr;

	take_bytes(input, opts, len);
	mpnic_decode_options(opts, len, flags, 0, MPNIC_GIVEN_UNKNOWN, &hdr);
	hdr.parse = MPNIC_PARSE_TCP;
	hdr.ip_version = world->last.dst.version;
	hdr.tcp_flags = flags;
	hdr.opt_len = len;
	hdr.sport = 80 + (off & 1);
	hdr.dport = world->last.sport + (off >> 1 & 3);
	hdr.ack = world->last.seq + 1 + (off >> 3 & 1);
	memcpy(hdr.opts, opts, len);
	memcpy(hdr.src, world->last.dst.bytes, sizeof(hdr.src));
	memcpy(hdr.dst, world->last.src.bytes, sizeof(hdr.dst));
	if (probe_input(world->probe, &hdr, &csum, off >> 4 & 1, world->now, &rst) != PROBE_ANSWER)
		return;
	must(rst.tcp_flags == 4 && rst.seq == hdr.ack && rst.dport == 80 && !(off & 0x98));
}

/* Headers as they come, the model's decoder included. */
static void anything(struct world *world, struct input *input)
{
	uint8_t frame[128];
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;
	struct probe_packet rst;
	const size_t len = take(input) % sizeof(frame);

	take_bytes(input, frame, len);
	mpnic_packet(frame, len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &hdr, &csum);
	probe_input(world->probe, &hdr, &csum, 0, world->now, &rst);
}

static void step(struct world *world, struct input *input)
{
	switch (take(input) % 8) {
	case 0:
	case 1:
		begin(world, input);
		break;
	case 2:
	case 3:
	case 4:
		answer(world, input);
		break;
	case 5:
		world->now.ns += take(input) * MS;
		break;
	case 6:
		world->now.ns += take(input) * 1000 * MS;
		collect(world);
		break;
	default:
		anything(world, input);
		break;
	}
	world->now.s = 100000 + world->now.ns / 1000000000;
	send_all(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world world = {.now = {.s = 100000}};
	struct input input = {data, size};
	const char *wrong;

	must(!probe_create(&small, 99, &world.probe, &wrong));
	while (input.left)
		step(&world, &input);
	world.now.ns += 10000 * MS;
	send_all(&world);
	collect(&world);
	probe_destroy(world.probe);
	return 0;
}
