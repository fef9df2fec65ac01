/* SPDX-License-Identifier: BSD-3-Clause */
/* Admin commands for tests: records, and one good command of each kind. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "gates.h"

/* Keys of TCP flows over IPv4, ends in order; of a source address under the default settable mask.
 */
struct mpnic_key key_exact(uint32_t lo, uint16_t lo_port, uint32_t hi, uint16_t hi_port);
struct mpnic_key key_masked(uint32_t addr);
struct mpnic_admin_flow flow_with(const struct mpnic_key *key);
struct mpnic_peer_entry peer_at(uint32_t addr, uint16_t port);

/* A command of @op that a device that just started takes, but for MISSING. */
struct mpnic_admin_cmd good_command(uint16_t op);

/* Small tables. */
void commands_config(struct mpnic_state_config *config);

#endif
