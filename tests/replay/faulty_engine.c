/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The RTL's engine, wrong where the environment says so, for tests of what replay does with a
 * difference. MPNIC_FAULT is "N:hdr:BYTE", "N:csum:BYTE", "N:result:BYTE" or "N:frame:BYTE": of the
 * Nth frame that leaves, that byte is inverted; "N:event:BYTE": of the Nth event; "N:answer:BYTE":
 * of the answer to the Nth command; "N:stall:0": the Nth frame never comes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline_engine.h"

int __real_pipeline_engine_next(struct pipeline_engine *engine, struct pipeline_report *report);
int __wrap_pipeline_engine_next(struct pipeline_engine *engine, struct pipeline_report *report);

struct fault {
	unsigned long number;
	char what[16];
	size_t byte;
};

static struct fault read_fault(void)
{
	const char *text = getenv("MPNIC_FAULT");
	struct fault f = {0};

	if (text && sscanf(text, "%lu:%15[a-z]:%zu", &f.number, f.what, &f.byte) != 3)
		abort();
	return f;
}

/* Whether it is in what this report tells of, and in which bytes. */
static void *broken_part(const struct fault *f, struct pipeline_report *r)
{
	static uint8_t frame[MPNIC_REPLAY_MAX];

	if (r->what == PIPELINE_FRAME && !strcmp(f->what, "hdr"))
		return &r->hdr;
	if (r->what == PIPELINE_FRAME && !strcmp(f->what, "csum"))
		return &r->csum;
	if (r->what == PIPELINE_FRAME && !strcmp(f->what, "result"))
		return &r->result;
	if (r->what == PIPELINE_EVENT && !strcmp(f->what, "event"))
		return &r->event;
	if (r->what == PIPELINE_RESPONSE && !strcmp(f->what, "answer"))
		return &r->rsp;
	if (r->what != PIPELINE_FRAME || strcmp(f->what, "frame"))
		return NULL;
	memcpy(frame, r->frame, r->len);
	r->frame = frame;
	return frame;
}

int __wrap_pipeline_engine_next(struct pipeline_engine *engine, struct pipeline_report *r)
{
	static unsigned long seen;
	const struct fault f = read_fault();
	const int got = __real_pipeline_engine_next(engine, r);
	uint8_t *bytes;

	if (got != 1)
		return got;
	if (!strcmp(f.what, "stall") && r->what == PIPELINE_FRAME && ++seen == f.number)
		return -ETIMEDOUT;
	bytes = broken_part(&f, r);
	if (bytes && ++seen == f.number)
		bytes[f.byte] ^= 0xff;
	return got;
}
