/* SPDX-License-Identifier: BSD-3-Clause */
/* The objects of `--json`, one a line; their schema is docs/json.md. */
#ifndef SIM_JSON_H
#define SIM_JSON_H

#include <stdbool.h>
#include <stdio.h>

#include "capture.h"
#include "engine.h"
#include "totals.h"
#include "track.h"

/* Before the first object: without memory the program ends, with a message. */
void json_setup(void);

/* Keys are left out unless show_keys. Errors of writing show in ferror(out). */
void json_connection(FILE *out, const char *file, const struct track_conn *conn, bool show_keys);
void json_packet(FILE *out, const char *file, const struct capture_frame *frame,
		 const struct mpnic_hdr *hdr, const struct mpnic_csum *csum,
		 const struct mpnic_result *result, const uint64_t *idsn, bool show_keys);
void json_event(FILE *out, const char *file, const struct capture_frame *frame,
		const struct mpnic_event *event);
void json_totals(FILE *out, const char *file, const struct totals *totals,
		 const struct track_totals *tracked, unsigned int conns);
void json_engine(FILE *out, enum engine_kind kind, const struct engine_counts *counts);
void json_error(FILE *out, const char *file, uint64_t offset, const char *what);
void json_difference(FILE *out, const struct engine_difference *difference);

#endif
