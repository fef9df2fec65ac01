/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An "RTL" for tests of what replay does with a difference: the model behind rtl_engine.h, wrong in
 * the frame that the environment names. MPNIC_FAULT is "N:hdr:BYTE", "N:csum:BYTE" or
 * "N:frame:BYTE": in the Nth frame, that byte is inverted. "N:stall:0" brings no more frames.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mpnic_model.h"
#include "rtl_engine.h"

#define SLOTS 64

struct rtl_engine {
	unsigned long frames, first, faulty;
	char what[16];
	size_t byte;
	struct {
		uint8_t frame[MPNIC_REPLAY_MAX];
		size_t len;
		uint8_t user;
	} slot[SLOTS];
};

int rtl_engine_open(const struct rtl_engine_opts *opts, struct rtl_engine **engine)
{
	const char *fault = getenv("MPNIC_FAULT");
	struct rtl_engine *e = calloc(1, sizeof(*e));

	if (opts->trace || !e) {
		free(e);
		return opts->trace ? -ENOTSUP : -ENOMEM;
	}
	if (fault && sscanf(fault, "%lu:%15[a-z]:%zu", &e->faulty, e->what, &e->byte) != 3)
		abort();
	*engine = e;
	return 0;
}

int rtl_engine_send(struct rtl_engine *e, const uint8_t *frame, size_t len, uint8_t user)
{
	if (e->frames - e->first == SLOTS)
		return -EAGAIN;
	memcpy(e->slot[e->frames % SLOTS].frame, frame, len);
	e->slot[e->frames % SLOTS].len = len;
	e->slot[e->frames % SLOTS].user = user;
	e->frames++;
	return 0;
}

int rtl_engine_recv(struct rtl_engine *e, struct rtl_result *r)
{
	uint8_t *frame = e->slot[e->first % SLOTS].frame;
	size_t len = e->slot[e->first % SLOTS].len;

	if (e->first == e->frames)
		return 0;
	memset(r, 0, sizeof(*r));
	mpnic_packet(frame, len, e->slot[e->first % SLOTS].user, &r->hdr, &r->csum);
	r->frame = frame;
	r->len = (uint32_t)len;
	r->in_first = 10 * e->first;
	r->out_last = 10 * e->first + 25;
	e->first++;
	if (e->first != e->faulty)
		return 1;
	if (!strcmp(e->what, "stall"))
		return -ETIMEDOUT;
	if (!strcmp(e->what, "hdr"))
		((uint8_t *)&r->hdr)[e->byte] ^= 0xff;
	else if (!strcmp(e->what, "csum"))
		((uint8_t *)&r->csum)[e->byte] ^= 0xff;
	else
		frame[e->byte] ^= 0xff; /* what was sent is the engine's own copy */
	return 1;
}

uint64_t rtl_engine_clocks(const struct rtl_engine *e)
{
	return 10 * e->first;
}

uint64_t rtl_engine_stalls(const struct rtl_engine *e)
{
	(void)e;
	return 0;
}

void rtl_engine_close(struct rtl_engine *e)
{
	free(e);
}
