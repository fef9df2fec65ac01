/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netlist_test CLOCKS SEED: random hostile frames through a pipeline with random pauses on both
 * sides, for about so many clocks. Every record is compared with the C model's, and a digest of
 * all records and the clocks of their frames goes to stdout: the RTL and its netlist must print the
 * same.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen.h"
#include "mpnic_model.h"
#include "rtl_engine.h"

#define LONGEST	  2048 /* longer frames try little that is new, and cost a thousand clocks */
#define UNDER_WAY 16
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

struct run {
	struct rtl_engine *engine;
	uint64_t seed, sent, received, digest;
	struct gen_packet ring[UNDER_WAY];
};

static uint64_t digest(uint64_t state, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len--)
		state = (state ^ *p++) * FNV_PRIME;
	return state;
}

static int send_one(struct run *run)
{
	struct gen_packet *packet = &run->ring[run->sent % UNDER_WAY];

	do
		gen_random(run->seed++, packet);
	while (packet->len > LONGEST || !packet->len);
	run->sent++;
	return rtl_engine_send(run->engine, packet->frame, packet->len, packet->user);
}

static int receive_one(struct run *run)
{
	const struct gen_packet *packet = &run->ring[run->received % UNDER_WAY];
	struct rtl_result result;
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;

	if (rtl_engine_recv(run->engine, &result) != 1)
		return -1;
	mpnic_packet(packet->frame, packet->len, packet->user, &hdr, &csum);
	if (memcmp(&hdr, &result.hdr, sizeof(hdr)) || memcmp(&csum, &result.csum, sizeof(csum))) {
		fprintf(stderr,
			"netlist_test: frame %" PRIu64 " (%s, %u bytes): not the model's "
			"records\n",
			run->received, gen_class_name(packet->class), packet->len);
		return -1;
	}
	run->digest = digest(run->digest, &result.hdr, sizeof(result.hdr));
	run->digest = digest(run->digest, &result.csum, sizeof(result.csum));
	run->digest = digest(run->digest, &result.in_first, 4 * sizeof(result.in_first));
	run->received++;
	return 0;
}

static int run_clocks(struct run *run, uint64_t clocks)
{
	while (rtl_engine_clocks(run->engine) < clocks) {
		while (run->sent - run->received < UNDER_WAY)
			if (send_one(run))
				return -1;
		if (receive_one(run))
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct run *run = calloc(1, sizeof(*run));
	struct rtl_engine_opts opts = {.in_pause = 32, .out_pause = 32};
	int ret;

	if (argc != 3 || !run) {
		fprintf(stderr, "usage: netlist_test CLOCKS SEED\n");
		return 2;
	}
	run->seed = opts.seed = strtoull(argv[2], NULL, 0);
	run->digest = FNV_BASIS;
	ret = rtl_engine_open(&opts, &run->engine);
	if (!ret) {
		ret = run_clocks(run, strtoull(argv[1], NULL, 0));
		rtl_engine_close(run->engine);
	}
	if (!ret)
		printf("{\"frames\": %" PRIu64 ", \"clocks\": %s, \"digest\": \"%016" PRIx64
		       "\"}\n",
		       run->received, argv[1], run->digest);
	free(run);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
