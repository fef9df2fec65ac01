/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * timing OUT.json: clocks of the Verilated pipeline, source and sink never waiting, for every frame
 * size of docs/performance.md: clocks a frame back to back, stalls, and the latencies of both
 * records.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rtl_engine.h"

#define SHORTEST 60 /* without frame check sequence, as in a beat */
#define LONGEST	 1518
#define FRAMES	 32 /* of one size, back to back */
#define BEAT	 64 /* bytes */

struct timing {
	double clocks; /* a frame, the larger of both sides */
	uint64_t hdr;  /* clocks from the last beat of the parse window to the header record */
	uint64_t csum; /* clocks from the last beat to the checksum record */
	uint64_t stalls;
};

static void put16(uint8_t *p, unsigned int value)
{
	p[0] = value >> 8;
	p[1] = value & 0xff;
}

/* A TCP segment over IPv4 that fills the frame. */
static void build(uint8_t *frame, unsigned int len)
{
	for (unsigned int i = 0; i < len; i++)
		frame[i] = i;
	put16(frame + 12, 0x0800);
	frame[14] = 0x45;
	put16(frame + 16, len - 14);
	put16(frame + 20, 0);
	frame[23] = 6;
	frame[46] = 0x50;
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static int measure(unsigned int len, struct timing *timing)
{
	const struct rtl_engine_opts opts = {.seed = len};
	const unsigned int beats = (len + BEAT - 1) / BEAT;
	const unsigned int window = MPNIC_PARSE_WINDOW / BEAT;
	const unsigned int header = beats < window ? beats : window;
	struct rtl_result first = {0}, result = {0};
	uint8_t frame[LONGEST];
	struct rtl_engine *engine;
	int ret = rtl_engine_open(&opts, &engine);

	if (ret)
		return ret;
	build(frame, len);
	for (int i = 0; i < FRAMES && !ret; i++)
		ret = rtl_engine_send(engine, frame, len, MPNIC_GIVEN_UNKNOWN);
	memset(timing, 0, sizeof(*timing));
	for (int i = 0; i < FRAMES && !ret; i++) {
		ret = rtl_engine_recv(engine, &result) == 1 ? 0 : -EPROTO;
		if (!i)
			first = result;
		timing->hdr = max(timing->hdr, result.out_first - (result.in_first + header - 1));
		timing->csum = max(timing->csum, result.out_last - result.in_last);
	}
	timing->clocks =
		(double)max(result.in_first - first.in_first, result.out_first - first.out_first) /
		(FRAMES - 1);
	timing->stalls = rtl_engine_stalls(engine);
	rtl_engine_close(engine);
	return ret;
}

static int measure_all(FILE *out)
{
	struct timing t;

	fprintf(out, "{\"frames\": %d, \"sizes\": [", FRAMES);
	for (unsigned int len = SHORTEST; len <= LONGEST; len++) {
		const int ret = measure(len, &t);

		if (ret)
			return ret;
		fprintf(out,
			"%s\n{\"bytes\": %u, \"clocks\": %g, \"hdr\": %" PRIu64
			", \"csum\": %" PRIu64 ", \"stalls\": %" PRIu64 "}",
			len > SHORTEST ? "," : "", len, t.clocks, t.hdr, t.csum, t.stalls);
	}
	fprintf(out, "\n]}\n");
	return 0;
}

int main(int argc, char **argv)
{
	FILE *out = argc == 2 ? fopen(argv[1], "w") : NULL;
	int ret;

	if (!out) {
		fprintf(stderr, "usage: timing OUT.json, which must be writable\n");
		return 2;
	}
	ret = measure_all(out);
	if (fclose(out) && !ret)
		ret = -errno;
	if (ret)
		fprintf(stderr, "timing: %s\n", strerror(-ret));
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
