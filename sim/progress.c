/* SPDX-License-Identifier: BSD-3-Clause */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define INTERVAL_NS 500000000u
#define STEP_FRAMES 256 /* the clock is looked at once in so many */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void progress_begin(struct progress *p, bool on, const char *file, uint64_t size)
{
	*p = (struct progress){.on = on, .file = file, .size = size};
	if (on)
		p->began_ns = p->last_ns = now_ns();
}

void progress_step(struct progress *p, uint64_t position, uint64_t frames)
{
	uint64_t now, ms;

	if (!p->on || frames % STEP_FRAMES)
		return;
	now = now_ns();
	if (now - p->last_ns < INTERVAL_NS)
		return;
	p->last_ns = now;
	p->shown = true;
	ms = (now - p->began_ns) / 1000000;
	fprintf(stderr, "\r%s: %" PRIu64 " frames, %" PRIu64 " MB", p->file, frames,
		position / 1000000);
	if (p->size)
		fprintf(stderr, " (%" PRIu64 " %%)", position * 100 / p->size);
	fprintf(stderr, ", %" PRIu64 " frames/s\033[K", ms ? frames * 1000 / ms : 0);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
