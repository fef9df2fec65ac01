/* SPDX-License-Identifier: BSD-3-Clause */
/* How fast the Verilated pipeline runs on one core, waveforms off, by processor time. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gen.h"
#include "rtl_engine.h"

#define BEAT 64

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int measure(const char *what, const struct gen_packet *p, uint64_t frames)
{
	const struct rtl_engine_opts opts = {0};
	const uint64_t beats = (p->len + BEAT - 1) / BEAT * frames;
	uint64_t sent = 0, got;
	struct rtl_result result;
	struct rtl_engine *engine;
	double seconds;

	if (rtl_engine_open(&opts, &engine))
		return 1;
	seconds = now();
	for (got = 0; got < frames; got++) {
		for (; sent < frames && sent - got < 64; sent++)
			rtl_engine_send(engine, p->frame, p->len, p->user);
		if (rtl_engine_recv(engine, &result) != 1)
			return 1;
	}
	seconds = now() - seconds;
	printf("rtl: %s: %.0f beats/s, %.0f packets/s\n", what, (double)beats / seconds,
	       (double)frames / seconds);
	rtl_engine_close(engine);
	return 0;
}

int main(void)
{
	static struct gen_packet p;
	uint64_t seed = 0;
	int bad;

	/* A right TCP packet with MPTCP options and some payload. */
	do {
		gen_random(seed++, &p);
	} while (p.class != GEN_PLAIN || p.len < 1514 || p.len > 2000);
	p.len = 60;
	bad = measure("60-byte frames", &p, 500000);
	p.len = 1514;
	return bad + measure("1514-byte frames", &p, 30000);
}
