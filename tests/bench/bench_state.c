/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Speed of the model's stateful half on one core: flow, dss, act and the event decision, for many
 * active flows in random order, one frame at a time and in bursts.
 *
 * bench_state [--json]
 *
 * Method: tables of 64 Ki and of 1 Mi entries, each filled to 95 %, every flow with a connection of
 * its own. Every round passes over all flows in another random order; in each, every flow sends the
 * next 1,460 bytes with a DSS that maps them and a Data ACK, so that each frame changes its flow's
 * mapping and its connection. Records of frames are made from a template in the cache; what making
 * them costs is measured alone and taken off. The best of several rounds counts.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mpnic_state.h"

enum {
	ROUNDS = 7,
	SMALL = 64 << 10,
	LARGE = 1 << 20,
	MSS = 1460,
	BURST = MPNIC_STATE_BURST,
};

struct bench {
	struct mpnic_state *state;
	uint32_t size, flows, *order;
	struct mpnic_hdr hdr[BURST];
	struct mpnic_csum csum[BURST];
	struct mpnic_result result[BURST];
	struct mpnic_event event[BURST];
	uint32_t round;
	uint64_t time_ns, mapped, sent;
};

/* Time that this thread had a core. */
static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static uint64_t rnd(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717ull;
}

static void fail(const char *what)
{
	fprintf(stderr, "bench_state: %s\n", what);
	exit(1);
}

static void set_ends(uint32_t flow, struct mpnic_hdr *hdr)
{
	const uint8_t src[4] = {10, (uint8_t)(flow >> 16), (uint8_t)(flow >> 8), (uint8_t)flow};

	memcpy(hdr->src, src, sizeof(src));
	hdr->sport = (uint16_t)(1024 + flow % 5000);
}

static void make_template(struct mpnic_hdr *hdr, struct mpnic_csum *csum)
{
	*hdr = (struct mpnic_hdr){
		.parse = MPNIC_PARSE_TCP,
		.tcpopt = MPNIC_TCPOPT_OK,
		.mptcp = MPNIC_MPTCP_PRESENT,
		.flags = MPNIC_HDR_L3 | MPNIC_HDR_L4 | MPNIC_HDR_TCP,
		.ip_version = 4,
		.ip_proto = 6,
		.dst = {192, 168, 0, 1},
		.dport = 443,
		.ack = 1,
		.tcp_flags = 0x10,
		.payload_len = MSS,
		.mptcp_count = 1,
		.opt[0] =
			{
				.subtype = MPNIC_SUBTYPE_DSS,
				.length = 26,
				.version = MPNIC_VERSION_UNKNOWN,
				.flags = 0x0f,
				.fields = MPNIC_FIELD_DATA_ACK | MPNIC_FIELD_DATA_ACK8 |
					  MPNIC_FIELD_MAPPING | MPNIC_FIELD_DSN8,
				.data_len = MSS,
				.dss = {.data_ack = 1},
			},
	};
	*csum = (struct mpnic_csum){
		.ip = MPNIC_CSUM_GOOD,
		.l4 = MPNIC_CSUM_GOOD,
		.frame_len = MSS + 80,
		.payload_seen = MSS,
	};
}

/* What a round sends: the same place in every flow. */
static void make_frame(const struct bench *b, uint32_t flow, struct mpnic_hdr *hdr)
{
	const uint32_t rel = 1 + b->round * MSS;

	set_ends(flow, hdr);
	hdr->seq = rel;
	hdr->opt[0].dss.ssn = rel;
	hdr->opt[0].dss.dsn = 1 + (uint64_t)b->round * MSS;
}

static void insert_flows(struct bench *b)
{
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;
	uint32_t i;

	make_template(&hdr, &csum);
	for (i = 0; i < b->flows; i++) {
		struct mpnic_flow flow = {.conn_id = i, .flags = MPNIC_FLOW_STATE_FIRST};
		const struct mpnic_conn conn = {.dsn_next = {1, 1}};
		struct mpnic_key key;
		bool flip;

		set_ends(i, &hdr);
		mpnic_flow_key(b->state, &hdr, false, &key, &flip);
		if (flip)
			flow.flags |= MPNIC_FLOW_STATE_FLIP;
		flow.dir[0].flags = MPNIC_DIR_ISN | MPNIC_DIR_THIRD;
		flow.dir[1].flags = MPNIC_DIR_ISN | MPNIC_DIR_DATA_ACK;
		mpnic_conn_set(b->state, i, &conn);
		if (mpnic_flow_insert(b->state, &key, i, &flow))
			fail("the table does not take 95 %");
	}
}

static void set_up(struct bench *b, uint32_t size)
{
	struct mpnic_state_config config;
	uint64_t seed = 88172645463325252;
	uint32_t i;

	*b = (struct bench){.size = size, .flows = (uint32_t)(size * 0.95)};
	mpnic_state_defaults(&config);
	config.flows = size;
	config.conns = size;
	b->order = malloc(b->flows * sizeof(*b->order));
	if (!b->order || mpnic_state_new(&config, &b->state))
		fail("no memory");
	for (i = 0; i < b->flows; i++) {
		const uint32_t j = (uint32_t)(rnd(&seed) >> 33) % (i + 1);

		b->order[i] = b->order[j];
		b->order[j] = i;
	}
	for (i = 0; i < BURST; i++)
		make_template(&b->hdr[i], &b->csum[i]);
	insert_flows(b);
}

static void tear_down(struct bench *b)
{
	mpnic_state_free(b->state);
	free(b->order);
}

/* Another order each round: a random one, from another place on. */
static uint32_t flow_of(const struct bench *b, uint32_t i)
{
	const uint32_t at = i + b->round * 7919;

	return b->order[at % b->flows];
}

static void pass_none(struct bench *b)
{
	uint32_t i;

	for (i = 0; i < b->flows; i++) {
		make_frame(b, flow_of(b, i), &b->hdr[i % BURST]);
		/* The record is made, though nobody reads it. */
		__asm__ volatile("" : : "r"(&b->hdr[i % BURST]) : "memory");
	}
}

static void pass_single(struct bench *b)
{
	uint32_t i;

	for (i = 0; i < b->flows; i++) {
		const uint32_t at = i % BURST;

		make_frame(b, flow_of(b, i), &b->hdr[at]);
		mpnic_state_packet(b->state, &b->hdr[at], &b->csum[at], b->time_ns += 100,
				   &b->result[at], &b->event[at]);
		b->mapped += b->result[at].dsn_state == MPNIC_DSN_MAPPED;
	}
	b->sent += b->flows;
}

static void pass_burst(struct bench *b)
{
	struct mpnic_state_frame frames[BURST];
	uint32_t i, n;

	for (i = 0; i < b->flows; i += n) {
		for (n = 0; n < BURST && i + n < b->flows; n++) {
			make_frame(b, flow_of(b, i + n), &b->hdr[n]);
			frames[n] = (struct mpnic_state_frame){
				.hdr = &b->hdr[n],
				.csum = &b->csum[n],
				.time_ns = b->time_ns += 100,
				.result = &b->result[n],
				.event = &b->event[n],
			};
		}
		mpnic_state_burst(b->state, frames, n);
		b->mapped += b->result[0].dsn_state == MPNIC_DSN_MAPPED ? n : 0;
	}
	b->sent += b->flows;
}

/* Best time of a frame, ns. Small tables get more passes a round. */
static double measure(struct bench *b, void (*pass)(struct bench *b))
{
	const unsigned int passes = LARGE / b->size;
	double best = 0;
	unsigned int i, n;

	for (i = 0; i <= ROUNDS; i++) {
		const double start = now_ns();
		double ns;

		for (n = 0; n < passes; n++, b->round++)
			pass(b);
		ns = (now_ns() - start) / passes / b->flows;
		/* The first warms up. */
		if (i && (i == 1 || ns < best))
			best = ns;
	}
	return best;
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = {SMALL, LARGE};
	const bool json = argc > 1 && !strcmp(argv[1], "--json");
	static struct bench b;
	unsigned int i;

	if (argc > 2 || (argc == 2 && !json)) {
		fprintf(stderr, "usage: bench_state [--json]\n");
		return 2;
	}
	if (json)
		printf("[");
	else
		printf("flow, dss and act on one core, flows in random order; making of records "
		       "taken off\n%10s %10s | %11s %6s | %11s %6s | %6s\n",
		       "entries", "flows", "single Mp/s", "ns", "burst Mp/s", "ns", "ratio");
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		double none, single, burst;

		set_up(&b, sizes[i]);
		none = measure(&b, pass_none);
		b.round = 0;
		single = measure(&b, pass_single) - none;
		burst = measure(&b, pass_burst) - none;
		if (json)
			printf("%s{\"entries\":%" PRIu32 ",\"flows\":%" PRIu32
			       ",\"single_pps\":%.0f,\"burst_pps\":%.0f,\"record_ns\":%.2f}",
			       i ? "," : "", b.size, b.flows, 1e9 / single, 1e9 / burst, none);
		else
			printf("%10" PRIu32 " %10" PRIu32
			       " | %11.2f %6.1f | %11.2f %6.1f | %6.2f\n",
			       b.size, b.flows, 1e3 / single, single, 1e3 / burst, burst,
			       single / burst);
		if (b.mapped != b.sent)
			fail("a frame has no data sequence number: not what is to be measured");
		tear_down(&b);
	}
	if (json)
		printf("]\n");
	return 0;
}
