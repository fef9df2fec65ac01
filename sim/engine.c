/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mpnic_model.h"
#include "rtl_engine.h"

#define AHEAD 64 /* frames that the model may be ahead: the RTL sees them back to back */

struct sent {
	struct engine_place place;
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;
	uint8_t user;
	uint32_t len;
	uint8_t frame[MPNIC_REPLAY_MAX];
};

struct engine {
	enum engine_kind kind;
	struct rtl_engine *rtl;
	struct engine_counts counts;
	struct engine_difference difference;
	unsigned int first, pending;
	struct sent sent[AHEAD];
};

int engine_open(enum engine_kind kind, const char *trace, struct engine **engine)
{
	struct rtl_engine_opts opts = {.trace = trace};
	struct engine *e = calloc(1, sizeof(*e));
	int err = 0;

	if (!e)
		return -ENOMEM;
	e->kind = kind;
	if (kind != ENGINE_MODEL)
		err = rtl_engine_open(&opts, &e->rtl);
	if (err) {
		free(e);
		return err;
	}
	*engine = e;
	return 0;
}

static int differ(struct engine *e, const struct sent *s, const struct rtl_result *r)
{
	e->difference = (struct engine_difference){
		.place = s->place,
		.model_hdr = s->hdr,
		.rtl_hdr = r->hdr,
		.model_csum = s->csum,
		.rtl_csum = r->csum,
		.frame = s->frame,
		.len = s->len,
		.rtl_frame = r->frame,
		.rtl_len = r->len,
		.user = s->user,
		.in_first = r->in_first,
		.in_last = r->in_last,
		.out_first = r->out_first,
		.out_last = r->out_last,
	};
	return -EBADE;
}

/* The oldest frame under way leaves the RTL and is compared. */
static int compare_one(struct engine *e)
{
	const struct sent *s = &e->sent[e->first];
	struct rtl_result r;
	int got = rtl_engine_recv(e->rtl, &r);

	if (got <= 0)
		return got ? got : -EPROTO;
	if (memcmp(&s->hdr, &r.hdr, sizeof(r.hdr)) || memcmp(&s->csum, &r.csum, sizeof(r.csum)) ||
	    s->len != r.len || memcmp(s->frame, r.frame, r.len))
		return differ(e, s, &r);
	e->first = (e->first + 1) % AHEAD;
	e->pending--;
	e->counts.compared++;
	return 0;
}

static int run_both(struct engine *e, const struct engine_place *place, const uint8_t *frame,
		    size_t len, uint8_t user, const struct mpnic_hdr *hdr,
		    const struct mpnic_csum *csum)
{
	struct sent *s;
	int err = e->pending == AHEAD ? compare_one(e) : 0;

	if (err)
		return err;
	s = &e->sent[(e->first + e->pending) % AHEAD];
	s->place = *place;
	s->hdr = *hdr;
	s->csum = *csum;
	s->user = user;
	s->len = (uint32_t)len;
	memcpy(s->frame, frame, len);
	err = rtl_engine_send(e->rtl, frame, len, user);
	if (!err)
		e->pending++;
	return err;
}

static int run_rtl(struct engine *e, const uint8_t *frame, size_t len, uint8_t user,
		   struct mpnic_hdr *hdr, struct mpnic_csum *csum)
{
	struct rtl_result r;
	int err = rtl_engine_send(e->rtl, frame, len, user);

	if (err)
		return err;
	err = rtl_engine_recv(e->rtl, &r);
	if (err <= 0)
		return err ? err : -EPROTO;
	*hdr = r.hdr;
	*csum = r.csum;
	return 0;
}

int engine_packet(struct engine *e, const struct engine_place *place, const uint8_t *frame,
		  size_t len, uint8_t user, struct mpnic_hdr *hdr, struct mpnic_csum *csum)
{
	if (len > MPNIC_REPLAY_MAX)
		len = MPNIC_REPLAY_MAX;
	e->counts.packets++;
	e->counts.empty += !len;
	if (e->kind == ENGINE_RTL && len)
		return run_rtl(e, frame, len, user, hdr, csum);
	mpnic_packet(frame, len, user, hdr, csum);
	if (e->kind == ENGINE_BOTH && len)
		return run_both(e, place, frame, len, user, hdr, csum);
	return 0;
}

int engine_flush(struct engine *e)
{
	int err = 0;

	while (e->pending && !err)
		err = compare_one(e);
	return err;
}

const struct engine_difference *engine_difference(const struct engine *e)
{
	return &e->difference;
}

void engine_counts(const struct engine *e, struct engine_counts *counts)
{
	*counts = e->counts;
	if (!e->rtl)
		return;
	counts->clocks = rtl_engine_clocks(e->rtl);
	counts->stalls = rtl_engine_stalls(e->rtl);
}

void engine_close(struct engine *e)
{
	if (!e)
		return;
	if (e->rtl)
		rtl_engine_close(e->rtl);
	free(e);
}
