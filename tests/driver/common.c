/* SPDX-License-Identifier: BSD-3-Clause */
#include "common.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t some_frame[256] = {2, 0, 0, 0, 0, 1};

struct mpnic_dev *start_fake(struct fake **fake, const struct mpnic_options *options)
{
	struct mpnic_options o = options ? *options : (struct mpnic_options){0};
	char error[MPNIC_ERROR_MAX];
	struct mpnic_dev *dev;
	int err;

	*fake = fake_new();
	fake_run_firmware(*fake, 0x10002);
	if (!o.firmware_path && !o.firmware)
		o.firmware_path = "/nonexistent";
	err = mpnic_attach(fake_transport(*fake), &o, &dev, error);
	cr_assert_eq(err, 0, "%s", error);
	err = mpnic_start(dev, MPNIC_START_KEEP);
	cr_assert_eq(err, 0, "%s", mpnic_error(dev));
	return dev;
}

const char *test_folder(void)
{
	static char folder[] = "/tmp/mpnic-test-XXXXXX";
	static bool made;

	if (!made)
		cr_assert(mkdtemp(folder));
	made = true;
	return folder;
}

const char *write_file(const char *name, const void *data, size_t size)
{
	static char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", test_folder(), name);
	file = fopen(path, "wb");
	cr_assert(file);
	cr_assert_eq(fwrite(data, 1, size, file), size);
	cr_assert_eq(fclose(file), 0);
	return path;
}
