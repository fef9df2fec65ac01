/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device in RTL, Verilated, as an engine of the simulated card and of tests.
 *
 * What differs from the model:
 *  - Table sizes are the build's; others are refused with -EINVAL.
 *  - The device reads doorbells with each poll: it has no NEED_KICK.
 *  - Its time follows the caller's, but goes no faster than its firmware can bear (1.5 us a clock).
 */
#ifndef DEVICE_ENGINE_H
#define DEVICE_ENGINE_H

#include "card_engine.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const struct card_engine rtl_device_engine;

/*
 * device_engine_patience() - how many clocks a poll lasts at most (256); it ends before, once
 * nothing is to be done. A reset is waited for if it is @patient; else a host sees DEVICE_STATUS
 * RESET.
 */
void device_engine_patience(struct mpnic_device *device, unsigned int clocks, bool patient);

/*
 * device_engine_save() - the device as it stands, into a file; a device of the same build becomes
 * what was saved. For tests, which need not load firmware again each time: in builds with
 * DEVICE_SAVABLE alone. Returns 0, -EBUSY if something is under way, -EIO, -ENOENT.
 */
int device_engine_save(struct mpnic_device *device, const char *path);
int device_engine_restore(struct mpnic_device *device, const char *path);

/* device_engine_noise() - stalls, latency and reordering of bus and wires: of 256 clocks, in how
 * many a side that may wait does. Drawn from @seed. */
void device_engine_noise(struct mpnic_device *device, unsigned int stalls, uint64_t seed);

/* Clocks since power came up; beats of data that were read and written. */
struct device_engine_counts {
	uint64_t clocks, read_beats, write_beats;
};
void device_engine_counts(const struct mpnic_device *device, struct device_engine_counts *counts);

#ifdef __cplusplus
}
#endif

#endif
