/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "pipeline_engine.h"

#define AHEAD 64 /* frames that the model may be ahead: the RTL sees them back to back */

/* A frame on its way through the RTL. */
struct sent {
	struct engine_place place;
	struct engine_reading model, rtl;
	struct mpnic_result commit; /* what the RTL told before the last stage */
	uint8_t user;
	bool committed, has_left, event_due;
	uint32_t len;
	uint64_t clock[4]; /* in_first, in_last, out_first, out_last */
	uint8_t frame[MPNIC_REPLAY_MAX], model_left[MPNIC_REPLAY_MAX], rtl_left[MPNIC_REPLAY_MAX];
};

struct engine {
	enum engine_kind kind;
	struct pipeline_engine *rtl; /* or NULL */
	struct mpnic_state *state;
	struct mpnic_settings settings;
	struct engine_counts counts;
	struct engine_difference difference;
	int err; /* of a command that could not be queued */
	/* Since engine_begin(): */
	uint64_t sent_frames, compared;
	uint64_t events_due, events, due[AHEAD]; /* frames whose events have not come */
	uint64_t told, answered;		 /* commands */
	uint64_t sources;			 /* bit s: frames of source s were sent */
	struct mpnic_table_rsp rsp;
	struct sent sent[AHEAD];
};

int engine_open(enum engine_kind kind, const char *trace, struct engine **engine)
{
	struct pipeline_engine_opts opts = {.trace = trace};
	struct engine *e = calloc(1, sizeof(*e));
	int err = 0;

	if (!e)
		return -ENOMEM;
	e->kind = kind;
	if (kind != ENGINE_MODEL)
		err = pipeline_engine_open(&opts, &e->rtl);
	if (err) {
		free(e);
		return err;
	}
	*engine = e;
	return 0;
}

void engine_pauses(struct engine *e, unsigned int in, unsigned int out, unsigned int event)
{
	if (e->rtl)
		pipeline_engine_pauses(e->rtl, in, out, event);
}

static void tell(void *ctx, const struct mpnic_table_cmd *cmd)
{
	struct engine *e = ctx;
	const int err = pipeline_engine_command(e->rtl, cmd, true);

	e->err = e->err ? e->err : err;
	e->told++;
}

int engine_begin(struct engine *e, struct mpnic_state *state)
{
	e->state = state;
	if (!e->rtl)
		return 0;
	e->counts.commands += e->told;
	e->sent_frames = e->compared = e->events_due = e->events = e->told = e->answered =
		e->sources = 0;
	pipeline_engine_reset(e->rtl);
	mpnic_state_watch(state, tell, e, &e->settings);
	pipeline_engine_settings(e->rtl, &e->settings);
	return e->err;
}

/* ---- what the RTL says --------------------------------------------------------------------- */

static struct sent *sent_at(struct engine *e, uint64_t number)
{
	return &e->sent[number % AHEAD];
}

static void differ(struct engine *e, const struct sent *s)
{
	e->difference = (struct engine_difference){
		.place = s->place,
		.model = s->model,
		.rtl = s->rtl,
		.frame = s->frame,
		.len = s->len,
		.model_left = s->has_left ? s->model_left : NULL,
		.rtl_left = s->has_left ? s->rtl_left : NULL,
		.user = s->user,
		.in_first = s->clock[0],
		.in_last = s->clock[1],
		.out_first = s->clock[2],
		.out_last = s->clock[3],
	};
}

/* The oldest event that is due but not here is the next that comes. */
static int take_event(struct engine *e, const struct mpnic_event *event)
{
	struct sent *s;

	if (e->events == e->events_due) {
		fprintf(stderr, "rtl: an event of no frame\n");
		return -EPROTO;
	}
	s = sent_at(e, e->due[e->events++ % AHEAD]);
	s->rtl.has_event = true;
	s->rtl.event = *event;
	return 0;
}

static void take_commit(struct engine *e, const struct pipeline_report *r)
{
	struct sent *s = sent_at(e, r->number);

	s->committed = true;
	s->commit = s->rtl.result = r->result;
	s->event_due = r->result.signs & e->settings.event_mask && !r->lost;
	if (s->event_due)
		e->due[e->events_due++ % AHEAD] = r->number;
	/* Nothing of it leaves, and so no record. */
	s->rtl.hdr = s->model.hdr;
	s->rtl.csum = s->model.csum;
}

static void take_frame(struct engine *e, const struct pipeline_report *r)
{
	struct sent *s = sent_at(e, r->number);

	s->has_left = true;
	s->rtl.hdr = r->hdr;
	s->rtl.csum = r->csum;
	s->rtl.result = r->result;
	memcpy(s->rtl_left, r->frame, r->len);
	s->clock[0] = r->in_first;
	s->clock[1] = r->in_last;
	s->clock[2] = r->out_first;
	s->clock[3] = r->clock;
}

/* Takes one report. Returns 0 or an error. */
static int step(struct engine *e)
{
	struct pipeline_report r;
	int got = pipeline_engine_next(e->rtl, &r);

	if (got <= 0)
		return got ? got : -EPROTO;
	switch (r.what) {
	case PIPELINE_COMMIT:
		take_commit(e, &r);
		return 0;
	case PIPELINE_FRAME:
		take_frame(e, &r);
		return 0;
	case PIPELINE_EVENT:
		return take_event(e, &r.event);
	case PIPELINE_RESPONSE:
		e->rsp = r.rsp;
		e->answered++;
		return 0;
	default:
		return 0;
	}
}

/* All of it is here. */
static bool is_complete(const struct sent *s)
{
	return s->committed && (s->has_left || s->commit.drop) &&
	       (!s->event_due || s->rtl.has_event);
}

static bool is_equal(const struct sent *s)
{
	struct mpnic_result commit = s->model.result;

	commit.flags &= (uint8_t)~MPNIC_RESULT_STRIPPED;
	if (memcmp(&s->model.hdr, &s->rtl.hdr, sizeof(s->rtl.hdr)) ||
	    memcmp(&s->model.csum, &s->rtl.csum, sizeof(s->rtl.csum)) ||
	    memcmp(&s->model.result, &s->rtl.result, sizeof(s->rtl.result)) ||
	    memcmp(&commit, &s->commit, sizeof(commit)))
		return false;
	if (s->model.has_event != s->rtl.has_event)
		return false;
	if (s->rtl.has_event && memcmp(&s->model.event, &s->rtl.event, sizeof(s->rtl.event)))
		return false;
	return !s->has_left || !memcmp(s->model_left, s->rtl_left, s->len);
}

/* The oldest frame under way leaves the RTL and is compared. */
static int compare_one(struct engine *e)
{
	const struct sent *s = sent_at(e, e->compared);
	int err = 0;

	while (!err && !is_complete(s))
		err = step(e);
	if (err)
		return err;
	if (e->kind == ENGINE_BOTH && !is_equal(s)) {
		differ(e, s);
		return -EBADE;
	}
	e->compared++;
	e->counts.compared += e->kind == ENGINE_BOTH;
	return 0;
}

int engine_ask(struct engine *e, const struct mpnic_table_cmd *cmd, struct mpnic_table_rsp *rsp)
{
	int err;

	if (!e->rtl)
		return -ENODEV;
	tell(e, cmd);
	err = e->err;
	while (!err && e->answered < e->told)
		err = step(e);
	*rsp = e->rsp;
	return err;
}

/* ---- counters ------------------------------------------------------------------------------ */

#define COUNTERS (sizeof(struct mpnic_state_counters) / sizeof(uint64_t))

static int compare_counters(struct engine *e, uint8_t source)
{
	const uint64_t *model = (const uint64_t *)mpnic_state_counters(e->state, source);
	struct mpnic_table_cmd cmd = {.op = MPNIC_TABLE_OP_COUNT, .which = source};
	struct mpnic_table_rsp rsp;
	uint64_t count;
	int err;

	for (; cmd.id < COUNTERS; cmd.id++) {
		err = engine_ask(e, &cmd, &rsp);
		if (err)
			return err;
		memcpy(&count, rsp.data, sizeof(count));
		if (count == model[cmd.id])
			continue;
		fields_counter_name(cmd.id, e->difference.counter, sizeof(e->difference.counter));
		e->difference.model_count = model[cmd.id];
		e->difference.rtl_count = count;
		return -EBADE;
	}
	return 0;
}

/* ---- frames -------------------------------------------------------------------------------- */

int engine_packet(struct engine *e, const struct engine_place *place, const uint8_t *frame,
		  size_t len, uint8_t user, uint64_t time_ns)
{
	struct sent *s = sent_at(e, e->sent_frames);
	int err = e->err;

	e->counts.packets++;
	if (!e->rtl)
		return 0;
	if (len > MPNIC_REPLAY_MAX)
		len = MPNIC_REPLAY_MAX;
	if (!err && e->sent_frames - e->compared == AHEAD)
		err = compare_one(e);
	if (!err)
		err = pipeline_engine_frame(e->rtl, frame, len, user, time_ns);
	if (err)
		return err;
	s->place = *place;
	s->user = user;
	e->sources |= 1ull << (user >> 2);
	s->len = (uint32_t)len;
	s->committed = s->has_left = s->event_due = false;
	s->rtl.has_event = false;
	memcpy(s->frame, frame, len);
	e->sent_frames++;
	return 0;
}

int engine_result(struct engine *e, struct engine_reading *reading, uint8_t *left)
{
	struct sent *s = sent_at(e, e->sent_frames - 1);
	int err = 0;

	if (!e->rtl)
		return 0;
	s->model = *reading;
	memcpy(s->model_left, left, s->len);
	if (e->kind == ENGINE_BOTH)
		return 0;
	while (!err && e->compared < e->sent_frames)
		err = compare_one(e);
	if (err)
		return err;
	*reading = s->rtl;
	if (s->has_left)
		memcpy(left, s->rtl_left, s->len);
	return 0;
}

void engine_empty(struct engine *e)
{
	e->counts.packets++;
	e->counts.empty++;
}

int engine_flush(struct engine *e)
{
	int err = e->err;

	if (!e->rtl)
		return err;
	while (!err && e->compared < e->sent_frames)
		err = compare_one(e);
	while (!err && e->answered < e->told)
		err = step(e);
	for (uint8_t source = 0; source < 64 && !err && e->kind == ENGINE_BOTH; source++) {
		if (e->sources >> source & 1)
			err = compare_counters(e, source);
	}
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
	counts->commands += e->told;
	counts->clocks = pipeline_engine_clocks(e->rtl);
	counts->stalls = pipeline_engine_stalls(e->rtl);
}

void engine_close(struct engine *e)
{
	if (!e)
		return;
	if (e->rtl)
		pipeline_engine_close(e->rtl);
	free(e);
}
