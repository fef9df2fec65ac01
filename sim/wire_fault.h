/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A wire with faults: frames are lost, doubled, damaged, held back or overtaken, in either
 * direction, by chance, from a seed, so that a run can be repeated. Without faults it is the wire.
 */
#ifndef SIM_WIRE_FAULT_H
#define SIM_WIRE_FAULT_H

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

#define WIRE_FAULT_HELD_MAX 1024 /* frames of a direction that are held back; more are lost */

struct wire_fault;

/* The wire stays the caller's. Returns 0 or -ENOMEM. */
int wire_fault_new(struct wire *wire, struct wire_fault **fault);
void wire_fault_free(struct wire_fault *fault);

/*
 * @spec: a list, separated by commas, of what is to happen from now on; "none" ends it all.
 *   drop=P dup=P corrupt=P reorder=P   chances, 0 to 1
 *   delay=US                           each frame is this late
 *   seed=N
 *   rx, tx                             what follows is for this direction alone; else for both
 * Returns 0, or -EINVAL with error saying what is wrong; then nothing is changed.
 */
int wire_fault_set(struct wire_fault *fault, const char *spec, char error[WIRE_ERROR_MAX]);

/* As wire_send() and wire_recv(), at time @now_ns. */
int wire_fault_send(struct wire_fault *fault, const void *frame, size_t len, uint64_t now_ns);
int wire_fault_recv(struct wire_fault *fault, void *buf, size_t size, uint64_t now_ns);

/* When a frame that is held back is due; UINT64_MAX: none is. Frames to the wire are sent by
 * wire_fault_flush(). */
uint64_t wire_fault_due(const struct wire_fault *fault);
void wire_fault_flush(struct wire_fault *fault, uint64_t now_ns);

struct wire_fault_counts {
	uint64_t dropped, doubled, corrupted, reordered, delayed, overflowed;
};

void wire_fault_counts(const struct wire_fault *fault, struct wire_fault_counts *counts);

#endif
