// SPDX-License-Identifier: BSD-3-Clause
#include "model.h"

#include <string.h>

#include "state.h"

static struct mpnic_state state;

void act_model_reset(void)
{
	memset(&state, 0, sizeof(state));
}

void act_model_set(const struct mpnic_settings *settings)
{
	state.config.join_unknown = settings->join_policy & 3;
	state.config.join_full = settings->join_policy & 4 ? MPNIC_JOIN_PUNT : MPNIC_JOIN_PASS;
	state.config.event_mask = settings->event_mask;
	state.join_interval = settings->join_interval;
	state.join_slack = settings->join_slack;
}

bool act_model_packet(const struct act_packet *packet, struct mpnic_result *result,
		      struct mpnic_event *event)
{
	struct mpnic_flow flow = {.generation = packet->generation};
	const struct found found = {
		.flow = packet->generation ? &flow : NULL,
		.action = packet->action,
		.first_syn = packet->first_syn,
	};

	state.now = packet->time;
	*result = packet->result;
	return mpnic_act(&state, &packet->hdr, &packet->csum, &found, result, event);
}

bool act_model_due(const struct mpnic_result *result)
{
	return result->signs & state.config.event_mask;
}

uint64_t act_model_counter(unsigned int source, unsigned int number)
{
	uint64_t value;

	memcpy(&value, (const uint8_t *)&state.counters[source] + 8 * number, sizeof(value));
	return value;
}
