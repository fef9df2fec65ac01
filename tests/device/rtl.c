/* SPDX-License-Identifier: BSD-3-Clause */
/* The device's tests on its RTL, which is given the clocks that it needs. */
#include "device_engine.h"
#include "host.h"

enum {
	PATIENCE = 1 << 20, /* clocks until what was begun is done */
};

static int open_patient(const struct mpnic_device_config *config,
			const struct mpnic_device_ops *ops, void *ctx, uint32_t *doorbells,
			uint64_t now_ns, struct mpnic_device **device)
{
	const int err = rtl_device_engine.open(config, ops, ctx, doorbells, now_ns, device);

	if (!err)
		device_engine_patience(*device, PATIENCE, true);
	return err;
}

__attribute__((constructor)) static void use_rtl(void)
{
	static struct card_engine patient;

	patient = rtl_device_engine;
	patient.open = open_patient;
	host_engine = &patient;
	host_save = device_engine_save;
	host_restore = device_engine_restore;
}
