/* SPDX-License-Identifier: BSD-3-Clause */
/* libFuzzer: a hostile file through reader, model, tracker, the host's part and both reports. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture.h"
#include "control.h"
#include "json.h"
#include "mpnic_model.h"
#include "reading.h"
#include "report.h"
#include "totals.h"
#include "track.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static FILE *sink;

/* What belongs to one file. */
struct run {
	struct track *track;
	struct control *control;
	struct totals totals;
};

static void packet(struct run *run, const struct capture_frame *frame)
{
	struct track *track = run->track;
	const struct mpnic_conn *conn;
	struct mpnic_result result;
	struct mpnic_event event;
	uint64_t idsn = 1;
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;
	unsigned int version;

	totals_frame(&run->totals, frame);
	if (frame->iface->link_type != CAPTURE_LINK_ETHERNET)
		return;
	mpnic_headers(frame->data, frame->len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &hdr);
	version = track_version(track, &hdr);
	mpnic_packet(frame->data, frame->len, MPNIC_USER(version, 0), &hdr, &csum);
	totals_records(&run->totals, frame->number, &hdr, &csum);
	if (track_packet(track, &hdr, &csum, frame->number, frame->time_ns))
		abort();
	control_before(run->control, track, &hdr, frame->time_ns);
	if (control_packet(run->control, track, &hdr, &csum, frame->time_ns, &result, &event,
			   &conn)) {
		reading_print_event(sink, &event);
		json_event(sink, "fuzz", frame, &event);
	}
	if (track_result(track, &hdr, &csum, &result, conn, frame->number))
		abort();
	reading_print(sink, &hdr, &csum, true);
	reading_print_result(sink, &hdr, &result, &idsn);
	json_packet(sink, "fuzz", frame, &hdr, &csum, &result, &idsn, true);
}

/* Small tables, so that they fill. */
static struct control *new_control(void)
{
	struct mpnic_state_config config;
	struct control *control;

	control_defaults(&config);
	config.flows = config.stash = config.conns = config.tokens = config.peers = 16;
	if (control_new(&config, &control))
		abort();
	return control;
}

static void report(struct run *run)
{
	struct track *track = run->track;
	struct totals *totals = &run->totals;

	totals_state(totals, run->control);
	track_finish(track);
	for (unsigned int i = 0; i < track_conns(track); i++) {
		report_connection(sink, track_conn(track, i), true);
		json_connection(sink, "fuzz", track_conn(track, i), true);
	}
	report_totals(sink, totals, track_totals(track), track_conns(track));
	json_totals(sink, "fuzz", totals, track_totals(track), track_conns(track));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct track_limits limits = {.flows = 64, .conns = 16};
	struct run run = {NULL};
	struct capture_frame frame;
	struct capture *capture;
	FILE *file;

	if (!sink)
		sink = fopen("/dev/null", "w");
	file = size ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;
	if (!file || !sink)
		return 0;
	run.track = track_new(&limits);
	run.control = new_control();
	if (!run.track || capture_open(file, &capture) == -ENOMEM)
		abort();
	while (capture_next(capture, &frame) > 0)
		packet(&run, &frame);
	report(&run);
	track_free(run.track);
	control_free(run.control);
	capture_close(capture);
	fclose(file);
	return 0;
}
