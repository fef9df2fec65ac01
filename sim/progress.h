/* SPDX-License-Identifier: BSD-3-Clause */
/* Progress on long files: a line on stderr, renewed once or twice a second. */
#ifndef SIM_PROGRESS_H
#define SIM_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool on, shown;
	const char *file;
	uint64_t size; /* of the file; 0: not known */
	uint64_t began_ns, last_ns;
};

void progress_begin(struct progress *progress, bool on, const char *file, uint64_t size);
void progress_step(struct progress *progress, uint64_t position, uint64_t frames);

/* Also before anything else is written to stderr. */
void progress_end(struct progress *progress);

#endif
