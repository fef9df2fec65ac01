/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of libmpnic share. */
#ifndef TESTS_DRIVER_COMMON_H
#define TESTS_DRIVER_COMMON_H

#include "fake.h"

#define OK(call)                                                             \
	do {                                                                 \
		int ok_err = (call);                                         \
		cr_assert_eq(ok_err, 0, "%s: %s", #call, strerror(-ok_err)); \
	} while (0)

extern const uint8_t some_frame[256];

/* Attach to a fake whose firmware runs already. */
struct mpnic_dev *start_fake(struct fake **fake, const struct mpnic_options *options);
/* Write a file below the test's own folder; returns its path, which the next call overwrites. */
const char *write_file(const char *name, const void *data, size_t size);
/* The folder; "": tests make it when they first need it. */
const char *test_folder(void);

#endif
