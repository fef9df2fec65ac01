/* SPDX-License-Identifier: BSD-3-Clause */
/* libFuzzer: a hostile table file, parsed and inserted. */
#include <stdlib.h>

#include "control.h"
#include "tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t take_flow(void *control)
{
	return control_take_id((struct control *)control);
}

static uint32_t take_conn(void *control, unsigned int number)
{
	return control_take_conn((struct control *)control, number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tables_ids ids = {.flow = take_flow, .conn = take_conn};
	struct mpnic_state_config config;
	struct control *control;
	struct tables_error error;
	struct tables *tables;

	control_defaults(&config);
	config.flows = config.stash = config.tokens = config.peers = 16;
	config.conns = 512;
	if (tables_parse((const char *)data, size, &config, &tables, &error)) {
		if (!error.line || !error.column || !error.what[0])
			abort();
		return 0;
	}
	/* Whatever the parser takes, the state must take too. */
	if (control_new(tables_config(tables), &control))
		abort();
	ids.context = control;
	(void)tables_apply(tables, control_state(control), &ids, &error);
	control_free(control);
	tables_free(tables);
	return 0;
}
