/* SPDX-License-Identifier: BSD-3-Clause */
#include "card_engine.h"

const struct card_engine model_device_engine = {
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
	NULL,
	NULL,
	false,
	true,
	mpnic_device_serve,
};
