/* SPDX-License-Identifier: BSD-3-Clause */
/* The Ethernet captures of tests/captures, one after the other. */
#ifndef HOST_CAPTURE_H
#define HOST_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

/* @caplen: bytes that are there, @len: that were on the wire. */
typedef void (*capture_frame)(void *arg, const char *path, const uint8_t *data, size_t caplen,
			      size_t len);

/* Every frame of one file; fails the test if it cannot be read. */
void capture_read(const char *path, capture_frame frame, void *arg);

/* Every frame of every capture; returns how many files there were. */
unsigned int capture_each(capture_frame frame, void *arg);

#endif
