/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of JSON on stdout: what happens to connections. */
#ifndef PEERS_REPORT_H
#define PEERS_REPORT_H

#include "stack.h"

/* r is NULL where an MP_JOIN was refused that belongs to no connection. */
void report_event(enum stack_event e, const struct conn_report *r);
void report_ready(void);
/* At the client's end. */
void report_result(const struct conn_report *r, bool right, uint64_t got, uint64_t sent);

#endif
