/* SPDX-License-Identifier: BSD-3-Clause */
/* What the bench needs of C whose headers are not C++. */
#ifndef TESTS_FILL_MODEL_H
#define TESTS_FILL_MODEL_H

#include <stddef.h>

#include "mpnic_regs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A random frame of sim/gen.h; returns its length, which may be of any size. */
size_t frame_random(uint64_t seed, const uint8_t **bytes);
/* The header record that the model makes of a frame of @source. */
void frame_header(const uint8_t *bytes, size_t len, unsigned int source, struct mpnic_hdr *hdr);

#ifdef __cplusplus
}
#endif

#endif
