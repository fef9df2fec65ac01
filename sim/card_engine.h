/* SPDX-License-Identifier: BSD-3-Clause */
/* What a simulated card is run by: the device's C model, or its Verilated RTL. Functions are those
 * of mpnic_device.h. */
#ifndef SIM_CARD_ENGINE_H
#define SIM_CARD_ENGINE_H

#include "mpnic_device.h"

/* Waveforms, of clocks since power came up. */
struct card_trace {
	uint64_t clock;	    /* now */
	uint64_t from, end; /* what the last file has, or will have, once it is closed */
	bool open;
};

struct card_engine {
	const char *name;
	int (*open)(const struct mpnic_device_config *config, const struct mpnic_device_ops *ops,
		    void *ctx, uint32_t *doorbells, uint64_t now_ns, struct mpnic_device **device);
	void (*free)(struct mpnic_device *device);
	uint32_t (*read)(struct mpnic_device *device, uint32_t offset);
	void (*write)(struct mpnic_device *device, uint32_t offset, uint32_t value);
	int (*reset)(struct mpnic_device *device, enum mpnic_reset_code reason);
	void (*receive)(struct mpnic_device *device, unsigned int port, const uint8_t *frame,
			size_t len);
	bool (*has_room)(const struct mpnic_device *device, unsigned int port);
	void (*link)(struct mpnic_device *device, unsigned int port, bool up);
	bool (*poll)(struct mpnic_device *device, uint64_t now_ns);
	bool (*sleep)(struct mpnic_device *device, uint64_t *wake_ns);
	void (*fault)(struct mpnic_device *device, enum mpnic_device_fault fault);
	/*
	 * Waveforms of @clocks clocks into an FST file, from clock @from or from now on; a file
	 * that is open is closed. @path NULL: no more. Returns 0, -EIO with a message on stderr, or
	 * -ENOTSUP in a build that has none. NULL: this engine has no clocks.
	 */
	int (*trace)(struct mpnic_device *device, const char *path, uint64_t from, uint64_t clocks);
	void (*trace_state)(const struct mpnic_device *device, struct card_trace *trace);
	bool traces; /* this build does */
	bool quick;  /* a poll takes some microseconds, so that a client can wait for its end */
	bool (*serve)(struct mpnic_device *device, uint64_t now_ns); /* NULL: not this engine */
};

extern const struct card_engine model_device_engine;

/* By name; NULL: there is none. */
const struct card_engine *card_engine_find(const char *name);

#endif
