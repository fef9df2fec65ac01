/* SPDX-License-Identifier: BSD-3-Clause */
/* table_bench.sv, Verilated, clock by clock. */
#ifndef MPNIC_TABLE_BENCH_H
#define MPNIC_TABLE_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "mpnic_regs.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
	BENCH_HASH_LATENCY = 5,
	BENCH_RSS_LATENCY = 3,
	BENCH_TABLE_LATENCY = 6,
	BENCH_READ_LATENCY = 3,
	BENCH_PUT_READ_LATENCY = 8, /* where gates put, behind the clocks of the hash */
};

struct bench_entry {
	uint64_t key[5];
	uint32_t value;
	bool valid;
};

/* What is driven in one clock. */
struct bench_in {
	bool load, clear, valid, put, port_valid, port_write;
	uint8_t fault;
	uint8_t secret[MPNIC_HASH_KEY_LEN];
	uint64_t key[5];
	uint32_t place, put_value;
	struct bench_entry entry;
};

/* What stands at the outputs in that clock. */
struct bench_out {
	bool loaded, rss_loaded, ready, hash_valid, rss_valid, valid, hit, put, port_valid;
	uint64_t hash;
	uint32_t rss, value;
	struct bench_entry entry;
};

struct bench;

/* After reset; NULL without memory. Where the RTL leaves registers open, @seed fills them. */
struct bench *bench_open(uint64_t seed);
void bench_close(struct bench *bench);
void bench_clock(struct bench *bench, const struct bench_in *in, struct bench_out *out);
uint32_t bench_entries(void);
uint32_t bench_key_words(void); /* of 64 bits; 0: 32 bits */
bool bench_puts(void);

#ifdef __cplusplus
}
#endif

#endif
