/* SPDX-License-Identifier: BSD-3-Clause */
/* mpnicd's control socket from the other side (host/mpnicd/ctl.h). */
#ifndef MPNICCTL_CLIENT_H
#define MPNICCTL_CLIENT_H

#include <jansson.h>

/* Connect. The descriptor, or a negative errno. */
int client_connect(const char *path);

/*
 * Send a request and give each row of its answer to @row (which must not keep it). @args: taken
 * over; NULL: none. Returns the last line of the answer (the caller's), or NULL if the connection
 * broke or what came makes no sense: *problem says what.
 */
json_t *client_ask(int fd, const char *command, json_t *args,
		   void (*row)(void *ctx, const json_t *row), void *ctx, const char **problem);

#endif
