/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What reads the packets: the C model, or the Verilated RTL beside it. The model always runs: it is
 * what the host's part of a replay plans its tables by. With ENGINE_BOTH every byte of every record
 * of the RTL is compared with it; with ENGINE_RTL what is reported is the RTL's.
 *
 * For each frame: mpnic_packet(), engine_packet(), mpnic_state_packet() and mpnic_deparse(),
 * engine_result(). What the table port does in between goes to the RTL in the same order.
 */
#ifndef SIM_ENGINE_H
#define SIM_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mpnic_state.h"

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

/* What is said of one frame. */
struct engine_reading {
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;
	struct mpnic_result result; /* flag STRIPPED with it */
	struct mpnic_event event;
	bool has_event;
};

/* The first packet of which RTL and model say different things. */
struct engine_difference {
	struct engine_place place;
	struct engine_reading model, rtl;
	const uint8_t *frame; /* as sent */
	uint32_t len;
	const uint8_t *model_left, *rtl_left; /* as it leaves; NULL: not looked at */
	uint8_t user;
	uint64_t in_first, in_last, out_first, out_last; /* clocks; 0 where it was dropped */
	char counter[40]; /* not empty: this one differs behind the last frame, nothing else */
	uint64_t model_count, rtl_count;
};

struct engine_counts {
	uint64_t packets;  /* read by the engine */
	uint64_t compared; /* of them, found equal in both */
	uint64_t empty;	   /* of no bytes: the RTL cannot be given them */
	uint64_t commands; /* of the table port */
	uint64_t clocks, stalls;
};

/*
 * trace: FST file or NULL. Returns 0 or a negative errno; -ENOTSUP where this program was built
 * without tracing.
 */
int engine_open(enum engine_kind kind, const char *trace, struct engine **engine);

/* Chances in 1/256 that the RTL's source of frames, and its sinks of frames and of events, pause in
 * a clock; 0 at first. */
void engine_pauses(struct engine *engine, unsigned int in, unsigned int out, unsigned int event);

/* From now on @state is the model's, whose tables are empty; so are the RTL's. Returns 0 or an
 * error of the RTL engine. */
int engine_begin(struct engine *engine, struct mpnic_state *state);

/*
 * One frame (cut at MPNIC_REPLAY_MAX bytes) enters; the RTL follows some frames behind. Returns 0,
 * -EBADE if a difference was found (some frames before), or the RTL engine's error.
 */
int engine_packet(struct engine *engine, const struct engine_place *place, const uint8_t *frame,
		  size_t len, uint8_t user, uint64_t time_ns);

/*
 * What the model says of it, and @left, as it leaves (as many bytes as entered). With ENGINE_RTL
 * both become what the RTL says. Returns as engine_packet().
 */
int engine_result(struct engine *engine, struct engine_reading *reading, uint8_t *left);

/* A packet of no bytes, which no engine is given. */
void engine_empty(struct engine *engine);

/* Let the RTL catch up with the model, and compare counters. Returns as engine_packet(). */
int engine_flush(struct engine *engine);

/* Ask the RTL, behind all that was sent, while nothing is under way. Returns 0, -ENODEV without an
 * RTL, or its error. */
int engine_ask(struct engine *engine, const struct mpnic_table_cmd *cmd,
	       struct mpnic_table_rsp *rsp);

/* After -EBADE; valid until the engine is closed. */
const struct engine_difference *engine_difference(const struct engine *engine);

void engine_counts(const struct engine *engine, struct engine_counts *counts);
void engine_close(struct engine *engine);

#endif
