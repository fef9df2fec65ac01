/* SPDX-License-Identifier: BSD-3-Clause */
#include "card_engine.h"

#include <string.h>

#include "device_engine.h"

const struct card_engine *card_engine_find(const char *name)
{
	if (!strcmp(name, model_device_engine.name))
		return &model_device_engine;
	return strcmp(name, rtl_device_engine.name) ? NULL : &rtl_device_engine;
}
