/* SPDX-License-Identifier: BSD-3-Clause */
/* mpnic_flow, Verilated, slot by slot. */
#ifndef MPNIC_FLOW_BENCH_H
#define MPNIC_FLOW_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "mpnic_regs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As the RTL was built. */
enum {
	BENCH_FLOWS = 64,
	BENCH_STASH = 16,
	BENCH_CONNS = 16,
	BENCH_TOKENS = 32,
	BENCH_PEERS = 32,
};

/* What is driven in one clock. */
struct bench_in {
	bool valid, cmd;
	uint32_t seen;
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;
	struct mpnic_table_cmd table_cmd; /* stays until it is answered */
};

/* What stands at the outputs in that clock. */
struct bench_out {
	bool ready, valid, known, fresh, first, rsp_valid;
	uint8_t first_syn, generation;
	struct mpnic_result result;
	struct mpnic_action action;
	struct mpnic_table_rsp rsp;
};

struct bench;

/* After reset. Where the RTL leaves registers open, @seed fills them. @argc, @argv: for the RTL. */
struct bench *bench_open(uint64_t seed, int argc, char **argv);
void bench_close(struct bench *bench);
void bench_settings(struct bench *bench, const struct mpnic_settings *settings);
void bench_clock(struct bench *bench, const struct bench_in *in, struct bench_out *out);

#ifdef __cplusplus
}
#endif

#endif
