/* SPDX-License-Identifier: BSD-3-Clause */
/* What a simulated card is run by: the device's C model, or its Verilated RTL. Functions are those
 * of mpnic_device.h. */
#ifndef SIM_CARD_ENGINE_H
#define SIM_CARD_ENGINE_H

#include "mpnic_device.h"

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
};

extern const struct card_engine model_device_engine;

/* By name; NULL: there is none. */
const struct card_engine *card_engine_find(const char *name);

#endif
