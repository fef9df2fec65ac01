/* SPDX-License-Identifier: BSD-3-Clause */
#include "card_engine.h"

#include <string.h>

#include "device_engine.h"

static const struct card_engine model = {
	"model",
	mpnic_device_new,
	mpnic_device_free,
	mpnic_device_read,
	mpnic_device_write,
	mpnic_device_reset,
	mpnic_device_receive,
	mpnic_device_has_room,
	mpnic_device_link,
	mpnic_device_poll,
	mpnic_device_sleep,
	mpnic_device_fault,
};

const struct card_engine *card_engine_find(const char *name)
{
	if (!strcmp(name, model.name))
		return &model;
	return strcmp(name, rtl_device_engine.name) ? NULL : &rtl_device_engine;
}
