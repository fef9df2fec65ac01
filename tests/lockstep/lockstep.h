/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LOCKSTEP_H
#define LOCKSTEP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "gen.h"
#include "mpnic_model.h"
#include "rtl_engine.h"

#define CLASS_CAPTURE GEN_CLASSES
#define SUBTYPE_CODES 17 /* 0 to 15, and none */

/* What was seen; sums over all workers. */
struct counts {
	uint64_t frames, bytes, clocks, chunks;
	uint64_t classes[GEN_CLASSES + 1];
	uint64_t parse[16], tcpopt[8], ip[8], l4[8];
	uint64_t version_from[4], opt_count[MPNIC_MPTCP_OPTS + 1];
	uint64_t errors[SUBTYPE_CODES][16];
	uint64_t hdr_bits[16], mptcp_bits[8], field_bits[16];
	uint64_t truncated;
};

/* frames.c: all frames of a run, by index: enumerations, then captures, then random ones. */
struct frames;

int frames_open(bool enumerations, char *const *files, int count, struct frames **frames);
void frames_close(struct frames *frames);
/* Those that are not random; indices from there on are. */
uint64_t frames_fixed(const struct frames *frames);
void frames_get(const struct frames *frames, uint64_t seed, uint64_t index,
		struct gen_packet *packet);

/* report.c */
bool records_equal(const struct mpnic_hdr *hdr, const struct mpnic_csum *csum,
		   const struct rtl_result *rtl);
void print_difference(FILE *out, const struct mpnic_hdr *hdr, const struct mpnic_csum *csum,
		      const struct rtl_result *rtl);
void count_frame(struct counts *counts, unsigned int class, const struct rtl_result *rtl);
void add_counts(struct counts *sum, const struct counts *counts);
void print_counts(const struct counts *counts);
/* What the contract names and no frame has reached, and the other way round; returns how many. */
unsigned int print_unreached(const struct counts *counts);

#endif
