/* SPDX-License-Identifier: BSD-3-Clause */
/* Which frames are of the slow path: by the model's decoder, without state. */
#ifndef MPNICD_SLOW_H
#define MPNICD_SLOW_H

#include <stddef.h>
#include <stdint.h>

enum slow_class {
	SLOW_NOT,
	SLOW_COPY, /* control sees it, and it goes on */
	SLOW_HOLD, /* it goes on when control says so */
};

/* @len: bytes of the frame that are there; its headers must be among them. */
enum slow_class slow_class(const uint8_t *frame, size_t len);

#endif
