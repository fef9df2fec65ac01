/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts of the C model's stages that no header offers, for the benches here. */
#ifndef RULES_REFERENCE_H
#define RULES_REFERENCE_H

#include "mpnic_state.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The rule that find_rule() finds for this key: its index, or -1, and its action. */
int reference_rule(const struct mpnic_state *state, const struct mpnic_rule_key *key,
		   struct mpnic_action *action);

void reference_count_flow(struct mpnic_flow *flow, uint16_t bytes, uint64_t now_ns);

void reference_count(const struct mpnic_csum *csum, const struct mpnic_result *result,
		     struct mpnic_state_counters *counters);

#ifdef __cplusplus
}
#endif

#endif
