/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage flow of the C model with a way to its rules and its counting. */
#include "reference.h"

#include "flow.c"

int reference_rule(const struct mpnic_state *state, const struct mpnic_rule_key *key,
		   struct mpnic_action *action)
{
	uint64_t words[RULE_WORDS];
	unsigned int i;

	memset(action, 0, sizeof(*action));
	memcpy(words, key, sizeof(words));
	for (i = 0; i < state->rule_count; i++) {
		if (rule_matches(&state->rules[i], words)) {
			*action = state->rules[i].action;
			return state->rules[i].index;
		}
	}
	return -1;
}

void reference_count_flow(struct mpnic_flow *flow, uint16_t bytes, uint64_t now_ns)
{
	count_flow(flow, bytes, now_ns);
}
