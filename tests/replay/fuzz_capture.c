/* SPDX-License-Identifier: BSD-3-Clause */
/* libFuzzer: a hostile file through reader, model, tracker and both reports. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture.h"
#include "json.h"
#include "mpnic_model.h"
#include "reading.h"
#include "report.h"
#include "totals.h"
#include "track.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static FILE *sink;

static void packet(struct track *track, struct totals *totals, const struct capture_frame *frame)
{
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;
	unsigned int version;

	totals_frame(totals, frame);
	if (frame->iface->link_type != CAPTURE_LINK_ETHERNET)
		return;
	mpnic_headers(frame->data, frame->len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &hdr);
	version = track_version(track, &hdr);
	mpnic_packet(frame->data, frame->len, MPNIC_USER(version, 0), &hdr, &csum);
	totals_records(totals, frame->number, &hdr, &csum);
	if (track_packet(track, &hdr, &csum, frame->number, frame->time_ns))
		abort();
	reading_print(sink, &hdr, &csum, true);
	json_packet(sink, "fuzz", frame, &hdr, &csum, true);
}

static void report(struct track *track, const struct totals *totals)
{
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
	struct totals totals = {0};
	struct capture_frame frame;
	struct capture *capture;
	struct track *track;
	FILE *file;

	if (!sink)
		sink = fopen("/dev/null", "w");
	file = size ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;
	if (!file || !sink)
		return 0;
	track = track_new(&limits);
	if (!track || capture_open(file, &capture) == -ENOMEM)
		abort();
	while (capture_next(capture, &frame) > 0)
		packet(track, &totals, &frame);
	report(track, &totals);
	track_free(track);
	capture_close(capture);
	fclose(file);
	return 0;
}
