/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket: a Unix stream socket at which each line is a request in JSON, and is answered
 * by lines of JSON (docs/mpnicctl.md):
 *
 *   {"command": "peers", "args": {...}}
 *   {"row": {...}}                            none or more
 *   {"ok": true, ...} or {"ok": false, "error": "..."}
 *
 * Who connects is hostile: lines, clients and what waits for a slow reader are bounded. Rows are
 * made as the client reads, so that a list of a million costs no memory; a command that follows
 * what happens gives rows as long as the client stays.
 */
#ifndef MPNICD_CTL_H
#define MPNICD_CTL_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define CTL_LINE_MAX 65536 /* bytes of a request */
#define CTL_CLIENTS  32
#define CTL_ERROR    256

struct ctl;

/* Where a list has come to; a command uses it as it likes. Zero at first. */
struct ctl_cursor {
	uint64_t at[4];
	void *state; /* freed by free(), with the answer */
};

enum ctl_next {
	CTL_END,  /* no more rows */
	CTL_ROW,  /* *row was made: the caller's now */
	CTL_WAIT, /* none now, perhaps later */
};

/* The answer of a command: what a handler fills in. */
struct ctl_answer {
	/* Members of the last line beside "ok"; NULL: none. Taken over. */
	json_t *result;
	char error[CTL_ERROR]; /* not "": that is the answer */
	/* Rows before it; NULL: none. */
	enum ctl_next (*next)(void *ctx, struct ctl_cursor *cursor, json_t **row);
	struct ctl_cursor cursor;
};

struct ctl_command {
	const char *name;
	void (*handle)(void *ctx, const json_t *args, struct ctl_answer *answer);
};

/*
 * Listen at @path, mode 0660, its group @group ("": as it is). @commands ends with a NULL name;
 * @ctx goes to handlers. 0 or a negative errno with a message.
 */
int ctl_open(struct ctl **ctl, const char *path, const char *group,
	     const struct ctl_command *commands, void *ctx, char *error, size_t size);
void ctl_close(struct ctl *ctl);

/* Readable when ctl_run() has something to do. */
int ctl_fd(const struct ctl *ctl);
/* Does what can be done without waiting. */
void ctl_run(struct ctl *ctl);
/* Something has happened: clients that wait for rows are asked again. */
void ctl_news(struct ctl *ctl);

/* For handlers: an answer that is an error. */
void ctl_refuse(struct ctl_answer *answer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
