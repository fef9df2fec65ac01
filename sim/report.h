/* SPDX-License-Identifier: BSD-3-Clause */
/* The report for people. */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "engine.h"
#include "totals.h"
#include "track.h"

/* One block on a connection; it must have been concluded. Keys are hidden unless show_keys. */
void report_connection(FILE *out, const struct track_conn *conn, bool show_keys);

/* Counts of a file. */
void report_totals(FILE *out, const struct totals *totals, const struct track_totals *tracked,
		   unsigned int conns);

void report_engine(FILE *out, enum engine_kind kind, const struct engine_counts *counts);

/* A sentence on an outcome or on a reason of TRACK_REFUSED. */
const char *report_outcome(enum track_outcome outcome);
const char *report_reason(const char *reason);

#endif
