/* SPDX-License-Identifier: BSD-3-Clause */
#include "card_engine.h"

#include <string.h>

#include "device_engine.h"

enum {
	POLL_CLOCKS = 256, /* of the RTL in one poll: what a register access waits for at most */
};

static int open_rtl(const struct mpnic_device_config *config, const struct mpnic_device_ops *ops,
		    void *ctx, uint32_t *doorbells, uint64_t now_ns, struct mpnic_device **device)
{
	const int err = rtl_device_new(config, ops, ctx, doorbells, now_ns, device);

	if (!err)
		device_engine_patience(*device, POLL_CLOCKS, false);
	return err;
}

static const struct card_engine engines[] = {
	{"model", mpnic_device_new, mpnic_device_free, mpnic_device_read, mpnic_device_write,
	 mpnic_device_reset, mpnic_device_receive, mpnic_device_has_room, mpnic_device_link,
	 mpnic_device_poll, mpnic_device_sleep, mpnic_device_fault},
	{"rtl", open_rtl, rtl_device_free, rtl_device_read, rtl_device_write, rtl_device_reset,
	 rtl_device_receive, rtl_device_has_room, rtl_device_link, rtl_device_poll,
	 rtl_device_sleep, rtl_device_fault},
};

const struct card_engine *card_engine_find(const char *name)
{
	for (unsigned int i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
		if (!strcmp(engines[i].name, name))
			return &engines[i];
	return NULL;
}
