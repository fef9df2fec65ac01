/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Small tables where nothing else is said, for tests that read thousands of small files: with
 * sanitizers the tables of a card take longer to make than such a file takes to read.
 */
#include "control.h"

void __real_control_defaults(struct mpnic_state_config *config);
void __wrap_control_defaults(struct mpnic_state_config *config);

void __wrap_control_defaults(struct mpnic_state_config *config)
{
	__real_control_defaults(config);
	config->flows = 256;
	config->stash = 64; /* as many as the gates hold ids: the numbers are a card's */
	config->conns = 256;
	config->tokens = 256;
	config->peers = 32;
}
