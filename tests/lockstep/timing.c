/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Line rate and latency, counted in clocks: with a sink that is always ready the pipeline takes a
 * beat a clock, whatever the frames, and its records are there within the limits below.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gen.h"
#include "rtl_engine.h"

#define BEAT	     64
#define WINDOW_BEATS (MPNIC_PARSE_WINDOW / BEAT)

/*
 * From the clock in which the last beat of the header window is taken to the record, unless the
 * frame before it leaves up to the clock before.
 */
#define HDR_CLOCKS_MAX 16
/* From the clock in which a frame's last beat is taken to the one in which it leaves. */
#define LAST_CLOCKS_MAX 20

struct latency {
	uint64_t min, max;
};

struct run {
	struct rtl_engine *engine;
	uint64_t frames, beats, late, first_in, last_in, last_out;
	struct latency hdr, last;
};

static struct gen_packet packet;

static void note(struct latency *l, uint64_t clocks)
{
	if (clocks < l->min)
		l->min = clocks;
	if (clocks > l->max)
		l->max = clocks;
}

static int receive(struct run *run)
{
	struct rtl_result r;
	const int err = rtl_engine_recv(run->engine, &r);
	uint64_t beats, window, hdr;

	if (err != 1)
		return -1;
	beats = (r.len + BEAT - 1) / BEAT;
	window = beats < WINDOW_BEATS ? beats : WINDOW_BEATS;
	if (!run->frames++)
		run->first_in = r.in_first;
	run->last_in = r.in_last;
	run->beats += beats;
	hdr = r.out_first - (r.in_first + window - 1);
	run->late += hdr > HDR_CLOCKS_MAX && r.out_first != run->last_out + 1;
	run->last_out = r.out_last;
	note(&run->hdr, hdr);
	note(&run->last, r.out_last - r.in_last);
	return 0;
}

static int open_run(struct run *run)
{
	const struct rtl_engine_opts opts = {.seed = 1};

	*run = (struct run){.hdr.min = UINT64_MAX, .last.min = UINT64_MAX};
	return rtl_engine_open(&opts, &run->engine);
}

/* Returns how many of the limits were broken. */
static int close_run(struct run *run, const char *what)
{
	const uint64_t clocks = run->last_in - run->first_in + 1;
	const uint64_t stalls = rtl_engine_stalls(run->engine);
	const int bad = (stalls != 0) + (clocks != run->beats) + (run->late != 0) +
			(run->last.max > LAST_CLOCKS_MAX);

	printf("%s: %" PRIu64 " frames, %" PRIu64 " beats in %" PRIu64 " clocks, %" PRIu64
	       " stalls; header record after %" PRIu64 " to %" PRIu64
	       " clocks, last beat after %" PRIu64 " to %" PRIu64 "%s\n",
	       what, run->frames, run->beats, clocks, stalls, run->hdr.min, run->hdr.max,
	       run->last.min, run->last.max, bad ? ": WRONG" : "");
	rtl_engine_close(run->engine);
	return bad;
}

/* @count frames; fill() makes the i-th. */
static int measure(const char *what, uint64_t count, void (*fill)(uint64_t i))
{
	struct run run;
	uint64_t sent = 0, got;

	if (open_run(&run))
		return 1;
	for (got = 0; got < count; got++) {
		/* Always enough under way that the source has no gap. */
		for (; sent < count && sent - got < 64; sent++) {
			fill(sent);
			if (rtl_engine_send(run.engine, packet.frame, packet.len, packet.user))
				return 1;
		}
		if (receive(&run)) {
			printf("%s: frame %" PRIu64 " did not come\n", what, got);
			return 1;
		}
	}
	return close_run(&run, what);
}

static void fill_each_size(uint64_t i)
{
	gen_random(i, &packet);
	packet.len = 14 + (uint32_t)(i / 100) % 187;
}

static void fill_min_size(uint64_t i)
{
	gen_enum(i % 50000, &packet);
	packet.len = 60;
}

static void fill_enum(uint64_t i)
{
	gen_enum(i * 7 % gen_enum_count(), &packet);
}

static void fill_random(uint64_t i)
{
	gen_random(i, &packet);
}

int main(void)
{
	int bad = 0;

	printf("limits: no stall, a beat a clock, header record after %d clocks, last beat after %d\n",
	       HDR_CLOCKS_MAX, LAST_CLOCKS_MAX);
	bad += measure("60 bytes, back to back", 20000, fill_min_size);
	bad += measure("14 to 200 bytes, a hundred of each", 18700, fill_each_size);
	bad += measure("enumerated frames", 20000, fill_enum);
	bad += measure("random frames", 20000, fill_random);
	return bad != 0;
}
