/* SPDX-License-Identifier: BSD-3-Clause */
/* What reads the packets: the C model, the Verilated RTL, or both in lock-step. */
#ifndef SIM_ENGINE_H
#define SIM_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mpnic_regs.h"

enum engine_kind {
	ENGINE_BOTH,
	ENGINE_MODEL,
	ENGINE_RTL,
};

struct engine;

/* A frame's place in its file. The name must live as long as the engine. */
struct engine_place {
	const char *file;
	uint64_t frame;
};

/* The first packet of which RTL and model say different things. */
struct engine_difference {
	struct engine_place place;
	struct mpnic_hdr model_hdr, rtl_hdr;
	struct mpnic_csum model_csum, rtl_csum;
	const uint8_t *frame; /* as sent */
	uint32_t len;
	const uint8_t *rtl_frame; /* as it left */
	uint32_t rtl_len;
	uint8_t user;
	uint64_t in_first, in_last, out_first, out_last; /* clocks */
};

struct engine_counts {
	uint64_t packets;  /* read by the engine */
	uint64_t compared; /* of them, found equal in both */
	uint64_t empty;	   /* of no bytes: the RTL cannot be given them */
	uint64_t clocks, stalls;
};

/*
 * trace: FST file or NULL. Returns 0 or a negative errno; -ENOTSUP where this program was built
 * without tracing.
 */
int engine_open(enum engine_kind kind, const char *trace, struct engine **engine);

/*
 * Read one frame (cut at MPNIC_REPLAY_MAX bytes). With ENGINE_BOTH the records are the model's and
 * the RTL follows some frames behind. Returns 0, -EBADE if a difference was found (here or some
 * frames before), or the RTL engine's error.
 */
int engine_packet(struct engine *engine, const struct engine_place *place, const uint8_t *frame,
		  size_t len, uint8_t user, struct mpnic_hdr *hdr, struct mpnic_csum *csum);

/* Let the RTL catch up with the model. Returns as engine_packet(). */
int engine_flush(struct engine *engine);

/* After -EBADE; valid until the engine is closed. */
const struct engine_difference *engine_difference(const struct engine *engine);

void engine_counts(const struct engine *engine, struct engine_counts *counts);
void engine_close(struct engine *engine);

#endif
