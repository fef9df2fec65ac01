/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * timing: clocks of the whole pipeline. With a sink that is always ready it takes a beat a clock,
 * whatever is done with the frames, dropped ones included, as long as frames of the same connection
 * do not follow each other; those are taken one every two clocks. A command to a table costs a
 * clock at the most.
 *
 * timing --bench: how fast the Verilated pipeline runs, by processor time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mpnic_state.h"
#include "pipeline_engine.h"

enum {
	BEAT = 64,
	FLOWS_USED = 64,
	LATENCY_MAX = 110, /* clocks from the last beat in to the first beat out */
};

struct run {
	struct pipeline_engine *rtl;
	struct mpnic_state *state;
	uint64_t sent, left, dropped, committed, answered, told, events;
	uint64_t first_in, last_in, latency;
};

static void tell(void *ctx, const struct mpnic_table_cmd *cmd)
{
	struct run *r = ctx;

	r->told++;
	if (pipeline_engine_command(r->rtl, cmd, true))
		abort();
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint32_t sum_be(const uint8_t *p, size_t len, uint32_t sum)
{
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	return i < len ? sum + (uint32_t)(p[i] << 8) : sum;
}

/* A right TCP segment of flow n with a Data ACK: one beat if it has no payload. */
static void make_frame(unsigned int n, size_t payload, uint8_t *f)
{
	static const uint8_t dss[8] = {30, 8, 0x20, 0x01, 0, 0, 0, 9};
	const uint16_t len = (uint16_t)(28 + payload), total = (uint16_t)(20 + len);
	uint8_t *ip = f + 14, *tcp = ip + 20;
	uint8_t pseudo[12] = {10, 0, 0, 1, 10, 0, 0, 2, 0, 6, (uint8_t)(len >> 8), (uint8_t)len};
	uint16_t sum;

	memset(f, 0, 62 + payload);
	f[12] = 8;
	ip[0] = 0x45;
	ip[2] = (uint8_t)(total >> 8);
	ip[3] = (uint8_t)total;
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, pseudo, 8);
	sum = (uint16_t)~fold(sum_be(ip, 20, 0));
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
	tcp[0] = (uint8_t)(1 + n / 250);
	tcp[1] = (uint8_t)(1 + n % 250);
	tcp[3] = 80;
	tcp[7] = 77;
	tcp[12] = 7 << 4;
	tcp[13] = 16;
	memcpy(tcp + 20, dss, 8);
	for (size_t i = 0; i < payload; i++)
		tcp[28 + i] = (uint8_t)(i * 7);
	sum = (uint16_t)~fold(sum_be(tcp, len, sum_be(pseudo, 12, 0)));
	tcp[16] = (uint8_t)(sum >> 8);
	tcp[17] = (uint8_t)sum;
}

/* FLOWS_USED flows, each with a connection of its own. */
static void insert_flows(struct run *r)
{
	for (unsigned int n = 0; n < FLOWS_USED; n++) {
		struct mpnic_flow flow = {.conn_id = n, .flags = MPNIC_FLOW_STATE_FIRST};
		const struct mpnic_conn conn = {.dsn_next = {1, 1}};
		struct mpnic_key key;
		struct mpnic_hdr hdr;
		struct mpnic_csum csum;
		uint8_t frame[62];
		bool flip;

		make_frame(n, 0, frame);
		mpnic_packet(frame, sizeof(frame), MPNIC_USER(MPNIC_GIVEN_V1, 0), &hdr, &csum);
		mpnic_flow_key(r->state, &hdr, false, &key, &flip);
		flow.dir[0].flags = flow.dir[1].flags = MPNIC_DIR_ISN | MPNIC_DIR_THIRD;
		mpnic_conn_set(r->state, n, &conn);
		if (mpnic_flow_insert(r->state, &key, n, &flow))
			abort();
	}
}

static void take(struct run *r, const struct pipeline_report *p)
{
	switch (p->what) {
	case PIPELINE_COMMIT:
		r->committed++;
		r->dropped += p->result.drop != MPNIC_DROP_NONE;
		return;
	case PIPELINE_FRAME:
		if (!r->left++)
			r->first_in = p->in_first;
		r->last_in = p->in_last;
		if (p->out_first - p->in_last > r->latency)
			r->latency = p->out_first - p->in_last;
		return;
	case PIPELINE_RESPONSE:
		r->answered++;
		return;
	case PIPELINE_EVENT:
		r->events++;
		return;
	default:
		return;
	}
}

static int drain(struct run *r)
{
	struct pipeline_report p;
	int got;

	while ((got = pipeline_engine_next(r->rtl, &p)) > 0)
		take(r, &p);
	return got;
}

static int start(struct run *r, const struct mpnic_state_config *config)
{
	const struct pipeline_engine_opts opts = {.seed = 1};
	struct mpnic_settings settings;

	*r = (struct run){0};
	if (pipeline_engine_open(&opts, &r->rtl) || mpnic_state_new(config, &r->state))
		return -1;
	mpnic_state_watch(r->state, tell, r, &settings);
	pipeline_engine_settings(r->rtl, &settings);
	insert_flows(r);
	return drain(r);
}

static void stop(struct run *r)
{
	pipeline_engine_close(r->rtl);
	mpnic_state_free(r->state);
}

/* @flows different ones in turn, sizes from @payload on, @step more each. */
static int send_frames(struct run *r, unsigned int count, unsigned int flows, size_t payload,
		       size_t step, bool commands)
{
	uint8_t frame[2048];

	for (unsigned int i = 0; i < count; i++) {
		const struct mpnic_table_cmd cmd = {.op = MPNIC_TABLE_OP_READ, .id = i % 256};
		struct pipeline_report p;

		make_frame(i % flows, payload, frame);
		while (pipeline_engine_frame(r->rtl, frame, 62 + payload,
					     MPNIC_USER(MPNIC_GIVEN_V1, 0), i)) {
			if (pipeline_engine_next(r->rtl, &p) != 1)
				return -1;
			take(r, &p);
		}
		if (commands && !(i % 8) && pipeline_engine_command(r->rtl, &cmd, false))
			return -1;
		r->told += commands && !(i % 8);
		r->sent++;
		payload = payload + step > 1456 ? payload + step - 1456 : payload + step;
	}
	return drain(r);
}

/* Returns how many of the limits were broken. */
static int check(const char *what, const struct mpnic_state_config *config, unsigned int flows,
		 size_t payload, size_t step, uint64_t stalls_max, bool commands)
{
	struct run r;
	uint64_t stalls;
	int bad = start(&r, config);

	if (!bad)
		bad = send_frames(&r, 4000, flows, payload, step, commands);
	if (bad) {
		printf("%s: failed\n", what);
		return 1;
	}
	stalls = pipeline_engine_stalls(r.rtl);
	bad = (stalls > stalls_max) + (r.committed != r.sent) + (r.left + r.dropped != r.sent) +
	      (!stalls_max && r.latency > LATENCY_MAX) + (r.answered != r.told);
	printf("%s: %" PRIu64 " frames, %" PRIu64 " dropped, %" PRIu64 " events, %" PRIu64
	       " clocks stalled (at most %" PRIu64 "), first beat up to %" PRIu64
	       " clocks behind the last one in%s\n",
	       what, r.sent, r.dropped, r.events, stalls, stalls_max, r.latency,
	       bad ? ": WRONG" : "");
	stop(&r);
	return bad;
}

/* Every action alone and all of them, over one-beat frames and over all sizes. */
static int check_actions(struct mpnic_state_config *config)
{
	static const char *const names[] = {"queue", "mark", "drop", "punt", "strip", "mirror"};
	int bad = 0;

	config->event_mask = MPNIC_SIGN_MIRROR;
	for (unsigned int bit = 0; bit < 6; bit++) {
		config->miss.actions = (uint16_t)(1u << bit);
		config->miss.strip = 0xffff;
		config->miss.prio = 0;
		bad += check(names[bit], config, 2000, 0, 0, 0, false);
		bad += check(names[bit], config, 2000, 0, 37, 0, false);
	}
	config->miss.actions = 0x33 | MPNIC_ACTION_MIRROR;
	bad += check("all but drop and punt", config, 2000, 0, 0, 0, false);
	return bad;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int bench(const struct mpnic_state_config *config, size_t payload)
{
	const unsigned int count = payload ? 10000 : 200000;
	const uint64_t beats = (62 + payload + BEAT - 1) / BEAT;
	struct run r;
	double seconds;

	if (start(&r, config))
		return 1;
	seconds = now();
	if (send_frames(&r, count, FLOWS_USED, payload, 0, false))
		return 1;
	seconds = now() - seconds;
	printf("pipeline in RTL: %zu-byte frames of %d flows: %.0f beats/s, %.0f packets/s\n",
	       62 + payload, FLOWS_USED, (double)(beats * count) / seconds, count / seconds);
	stop(&r);
	return 0;
}

int main(int argc, char **argv)
{
	struct mpnic_state_config config;
	int bad = 0;

	mpnic_state_defaults(&config);
	if (argc > 1 && !strcmp(argv[1], "--bench"))
		return bench(&config, 0) + bench(&config, 1452);
	bad += check("flows in turn, one beat", &config, FLOWS_USED, 0, 0, 0, false);
	bad += check("flows in turn, all sizes", &config, FLOWS_USED, 0, 37, 0, false);
	bad += check("two flows in turn, one beat", &config, 2, 0, 0, 0, false);
	bad += check("one flow, one beat", &config, 1, 0, 0, 4000, false);
	bad += check("one flow, two beats", &config, 1, 40, 0, 0, false);
	bad += check("commands beside, one beat", &config, FLOWS_USED, 0, 0, 500, true);
	bad += check_actions(&config);
	return bad != 0;
}
