/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table files (docs/tables.md): settings and entries of the pipeline's tables as text.
 *
 * Pure: text comes in, settings and entries come out. Text is hostile: its size is bounded, and
 * every error names line and column, what is wrong, and what would be right.
 */
#ifndef SIM_TABLES_H
#define SIM_TABLES_H

#include <stdbool.h>
#include <stddef.h>

#include "mpnic_state.h"

#define TABLES_TEXT_MAX	   (16u << 20) /* bytes of a file */
#define TABLES_ENTRIES_MAX (1u << 17)
#define TABLES_CONNS	   256 /* that a file can name */

struct tables;

struct tables_error {
	unsigned int line, column; /* from 1 */
	char what[200];
};

/*
 * tables_parse() - @defaults: settings that the text does not mention.
 * Returns 0, -EINVAL with *error filled in, or -ENOMEM.
 */
int tables_parse(const char *text, size_t len, const struct mpnic_state_config *defaults,
		 struct tables **tables, struct tables_error *error);
void tables_free(struct tables *tables);

const struct mpnic_state_config *tables_config(const struct tables *tables);

/* Who gives flow ids and connection ids; MPNIC_ID_NONE if there are none. */
struct tables_ids {
	void *context;
	uint32_t (*flow)(void *context);
	uint32_t (*conn)(void *context, unsigned int number);
};

/*
 * tables_apply() - insert the entries into a state of these settings.
 * Returns 0, or -EINVAL with *error filled in: an entry that is there already or has no room.
 */
int tables_apply(const struct tables *tables, struct mpnic_state *state,
		 const struct tables_ids *ids, struct tables_error *error);

#endif
