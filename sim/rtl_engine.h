/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Verilated pipeline (hw/rtl/mpnic_stateless.sv) behind a C interface: frames in, frames with
 * their records out, in order, one simulation clock at a time.
 */
#ifndef RTL_ENGINE_H
#define RTL_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "mpnic_regs.h"

#ifdef __cplusplus
extern "C" {
#endif

struct rtl_engine;

struct rtl_engine_opts {
	uint64_t seed;	    /* of the pauses below; equal seeds give equal runs */
	unsigned in_pause;  /* chance in 1/256 that the source pauses in a clock; 0: never */
	unsigned out_pause; /* chance in 1/256 that the sink is not ready in a clock; 0: never */
	const char *trace;  /* FST file of the whole run, or NULL */
};

/* One frame as it left the pipeline. Clocks count from 0 at the engine's reset. */
struct rtl_result {
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;
	const uint8_t *frame; /* owned by the engine, valid until the next call */
	uint32_t len;
	uint64_t in_first, in_last;   /* clocks in which the first and last beat were taken */
	uint64_t out_first, out_last; /* clocks in which they left */
};

/*
 * Open an engine in reset state. Returns 0, -ENOMEM, -EIO (trace file; message on stderr), or
 * -ENOTSUP where a trace is asked of a build without tracing.
 */
int rtl_engine_open(const struct rtl_engine_opts *opts, struct rtl_engine **engine);

/*
 * Queue one frame (1 to MPNIC_REPLAY_MAX bytes, copied) with its `user` byte. Runs no clock.
 * Returns 0, -EINVAL for a length out of range, -EAGAIN if 1024 frames are under way.
 */
int rtl_engine_send(struct rtl_engine *engine, const uint8_t *frame, size_t len, uint8_t user);

/*
 * Run the clock until the next frame has left. Returns 1 with *result, 0 if no frame is under way,
 * -ETIMEDOUT if 100,000 clocks bring nothing, -EPROTO if the pipeline broke a stream rule (message
 * on stderr with the clock).
 */
int rtl_engine_recv(struct rtl_engine *engine, struct rtl_result *result);

/* Clocks run so far, and those of them in which a beat waited for a pipeline that was not ready
 * although the sink was. */
uint64_t rtl_engine_clocks(const struct rtl_engine *engine);
uint64_t rtl_engine_stalls(const struct rtl_engine *engine);

void rtl_engine_close(struct rtl_engine *engine);

#ifdef __cplusplus
}
#endif

#endif
