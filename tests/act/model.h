/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage act of the C model alone, for a bench in C++. */
#ifndef ACT_MODEL_H
#define ACT_MODEL_H

#include <stdbool.h>

#include "mpnic_state.h"

struct act_packet {
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;
	struct mpnic_result result; /* of flow and dss: what belongs to act is zero */
	struct mpnic_action action;
	uint64_t time;
	uint8_t first_syn, generation;
};

/* As after reset. */
void act_model_reset(void);
void act_model_set(const struct mpnic_settings *settings);
/* Returns whether *event was written; NULL: there is no room for one. */
bool act_model_packet(const struct act_packet *packet, struct mpnic_result *result,
		      struct mpnic_event *event);
bool act_model_due(const struct mpnic_result *result);
/* By its number, as in struct mpnic_state_counters. */
uint64_t act_model_counter(unsigned int source, unsigned int number);

#endif
