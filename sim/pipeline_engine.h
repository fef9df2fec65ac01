/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole Verilated pipeline (hw/rtl/mpnic_pipeline.sv) behind a C interface: frames and commands
 * to its tables in; what it says of each frame, frames, events and answers out.
 *
 * Frames and commands are queued in an order of the caller's. The pipeline takes them in that
 * order, as docs/state.md has it: all that one does to tables and state is over before the next.
 */
#ifndef PIPELINE_ENGINE_H
#define PIPELINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mpnic_regs.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pipeline_engine;

struct pipeline_engine_opts {
	uint64_t seed;	   /* of noise and pauses; equal seeds give equal runs */
	const char *trace; /* FST file of the whole run, or NULL */
};

enum pipeline_what {
	PIPELINE_SLOT,	   /* frame `number` has entered the stateful half */
	PIPELINE_COMMAND,  /* so has command `number` */
	PIPELINE_RESPONSE, /* the answer to command `number` */
	PIPELINE_COMMIT,   /* the stages' result of frame `number`; dropped ones too */
	PIPELINE_FRAME,	   /* frame `number` has left */
	PIPELINE_EVENT,
};

/* What happened, in the order in which it did. Numbers count from 0 from the last reset on. */
struct pipeline_report {
	enum pipeline_what what;
	uint64_t number;
	uint64_t clock;
	struct mpnic_result result; /* COMMIT; FRAME, with STRIPPED */
	bool lost;		    /* COMMIT: its event found no room */
	struct mpnic_hdr hdr;	    /* FRAME */
	struct mpnic_csum csum;
	const uint8_t *frame; /* owned by the engine, valid until the next call */
	uint32_t len;
	uint64_t in_first, in_last, out_first; /* clocks of beats */
	struct mpnic_event event;	       /* EVENT */
	struct mpnic_table_rsp rsp;	       /* RESPONSE */
};

/* Returns 0 with an engine whose tables are clear, -ENOMEM, -EIO, -ENOTSUP as rtl_engine_open(). */
int pipeline_engine_open(const struct pipeline_engine_opts *opts, struct pipeline_engine **engine);

/* Reset: tables are clear, settings are all zero, what was queued or under way is gone. */
void pipeline_engine_reset(struct pipeline_engine *engine);

/* Chances in 1/256 that the source of frames, the sink of frames, the sink of events pause in a
 * clock; at first 0: never. */
void pipeline_engine_pauses(struct pipeline_engine *engine, unsigned int in, unsigned int out,
			    unsigned int event);

/* While no frame is under way. */
void pipeline_engine_settings(struct pipeline_engine *engine,
			      const struct mpnic_settings *settings);

/*
 * Queue a frame (1 to MPNIC_REPLAY_MAX bytes, copied) with its `user` byte and its time. Runs no
 * clock. Returns 0, -EINVAL for a length out of range, -EAGAIN if PIPELINE_UNDER_WAY are queued or
 * under way.
 */
#define PIPELINE_UNDER_WAY 1024
int pipeline_engine_frame(struct pipeline_engine *engine, const uint8_t *frame, size_t len,
			  uint8_t user, uint64_t time_ns);

/*
 * Queue a command. In order: it enters behind all frames that were queued before it and before
 * those that are queued behind; else as soon as it can (PIPELINE_SLOT and PIPELINE_COMMAND tell
 * when that was).
 */
int pipeline_engine_command(struct pipeline_engine *engine, const struct mpnic_table_cmd *cmd,
			    bool in_order);

/*
 * Run the clock until there is something to report. Returns 1 with *report; 0 if all frames have
 * left or were dropped and all commands are answered; -ETIMEDOUT if 100,000 clocks bring nothing;
 * -EPROTO if the pipeline broke a stream rule (message on stderr with the clock).
 */
int pipeline_engine_next(struct pipeline_engine *engine, struct pipeline_report *report);

/* Clocks run so far, and those of them in which a beat waited for a pipeline that was not ready
 * although the sink was. */
uint64_t pipeline_engine_clocks(const struct pipeline_engine *engine);
uint64_t pipeline_engine_stalls(const struct pipeline_engine *engine);

void pipeline_engine_close(struct pipeline_engine *engine);

#ifdef __cplusplus
}
#endif

#endif
