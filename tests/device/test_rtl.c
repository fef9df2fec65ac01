/* SPDX-License-Identifier: BSD-3-Clause */
/* What the device in RTL alone has: a processor that other firmware may run on. */
#include <criterion/criterion.h>

#include "host.h"

Test(device, the_processors_writes_wait_for_each_other)
{
	struct host *h = host_new();

	cr_assert_eq(host_boot_image(h, PROBE_IMAGE), MPNIC_DEVICE_STATUS_RUNNING);
	cr_assert_eq(host_read(h, MPNIC_HOST_FW_VERSION), 64);
	cr_assert_eq(host_read(h, MPNIC_HOST_HEARTBEAT), 0);
	host_free(h);
}
