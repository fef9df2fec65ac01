/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage act of the C model with a way to its counting. */
#include "reference.h"

#include "act.c"

void reference_count(const struct mpnic_csum *csum, const struct mpnic_result *result,
		     struct mpnic_state_counters *counters)
{
	count(csum, result, counters);
}
