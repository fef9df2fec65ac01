/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints where RTL and model differ: both records field by field, and the frame. */
#ifndef SIM_DIFFERENCE_H
#define SIM_DIFFERENCE_H

#include <stdbool.h>
#include <stdio.h>

#include "engine.h"

/* trace: the waveform file, or NULL. Keys are hidden unless show_keys. */
void difference_print(FILE *out, const struct engine_difference *difference, const char *trace,
		      bool show_keys);

#endif
