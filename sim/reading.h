/* SPDX-License-Identifier: BSD-3-Clause */
/* One packet's records as a line of text: for --packets and for packet comments. */
#ifndef SIM_READING_H
#define SIM_READING_H

#include <stdbool.h>
#include <stdio.h>

#include "mpnic_regs.h"

/* No line end is written. Keys are hidden unless show_keys. */
void reading_print(FILE *out, const struct mpnic_hdr *hdr, const struct mpnic_csum *csum,
		   bool show_keys);

/* What the stateful half says of the packet, to be put behind that. @idsn: of the sender's side, or
 * NULL where it is not known. */
void reading_print_result(FILE *out, const struct mpnic_hdr *hdr, const struct mpnic_result *result,
			  const uint64_t *idsn);

/* One event. */
void reading_print_event(FILE *out, const struct mpnic_event *event);

/* One MPTCP option of hdr. */
void reading_print_option(FILE *out, const struct mpnic_hdr *hdr, const struct mpnic_opt *opt,
			  bool show_keys);

#endif
