/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures of Ethernet frames. */
#ifndef SHAKE_CAPTURE_H
#define SHAKE_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

/* @caplen: bytes that are there, @len: that were on the wire. */
typedef void (*capture_frame)(void *arg, const char *path, const uint8_t *data, size_t caplen,
			      size_t len);

/* Every frame of one file; fails the test if it cannot be read. */
void capture_read(const char *path, capture_frame frame, void *arg);

/* The files of a pattern, in order; the caller frees the list. Returns how many. */
unsigned int capture_list(const char *pattern, char **paths, unsigned int room);
void capture_list_free(char **paths, unsigned int files);

#endif
