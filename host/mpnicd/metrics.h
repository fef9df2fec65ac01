/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Metrics in OpenMetrics text (https://openmetrics.io) by HTTP: GET /metrics. Listens on a loopback
 * address or a Unix socket alone; who needs more puts a proxy before it.
 */
#ifndef MPNICD_METRICS_H
#define MPNICD_METRICS_H

#include <stddef.h>
#include <stdio.h>

struct metrics;

/*
 * Listen at @where: "127.0.0.1:PORT", "[::1]:PORT" or "unix:PATH" (mode 0660). @write writes all
 * metrics, without the closing "# EOF". 0 or a negative errno with a message.
 */
int metrics_open(struct metrics **metrics, const char *where, void (*write)(void *ctx, FILE *out),
		 void *ctx, char *error, size_t size);
void metrics_close(struct metrics *metrics);

/* Readable when metrics_run() has something to do. */
int metrics_fd(const struct metrics *metrics);
void metrics_run(struct metrics *metrics);

#endif
