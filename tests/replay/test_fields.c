/* SPDX-License-Identifier: BSD-3-Clause */
/* The field tables must name every byte of the records, or a difference could go unmarked. */
#include <criterion/criterion.h>

#include "fields.h"

static void whole(const struct field *f, unsigned int n, size_t from, size_t to)
{
	size_t at = from;

	for (unsigned int i = 0; i < n; i++) {
		cr_assert_eq(f[i].offset, at, "%s at %zu, expected %zu", f[i].name, f[i].offset,
			     at);
		at += f[i].size;
	}
	cr_assert_eq(at, to);
}

Test(fields, cover_the_records)
{
	whole(fields_hdr, FIELDS_HDR, 0, offsetof(struct mpnic_hdr, opt));
	whole(fields_opt, FIELDS_OPT, 0, sizeof(struct mpnic_opt));
	whole(fields_csum, FIELDS_CSUM, 0, sizeof(struct mpnic_csum));
	whole(fields_result, FIELDS_RESULT, 0, sizeof(struct mpnic_result));
	whole(fields_event, FIELDS_EVENT, 0, sizeof(struct mpnic_event));
}
