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

/* One MPTCP option of hdr. */
void reading_print_option(FILE *out, const struct mpnic_hdr *hdr, const struct mpnic_opt *opt,
			  bool show_keys);

#endif
