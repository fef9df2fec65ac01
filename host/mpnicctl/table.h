/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of JSON as a table for people. */
#ifndef MPNICCTL_TABLE_H
#define MPNICCTL_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct column {
	const char *title;
	const char *key;   /* member of a row; with '.': of an object in it */
	bool right;	   /* numbers */
	unsigned int wide; /* bytes, at least */
};

struct table {
	const struct column *column;
	unsigned int columns;
	char **cell; /* rows that wait for the widths of others */
	size_t rows, room;
	unsigned int wide[16];
	bool titled;
};

void table_begin(struct table *table, const struct column *column, unsigned int columns);
/* Prints, with what came before, as soon as the widths can be guessed. */
void table_row(struct table *table, const json_t *row);
/* Prints what still waits, and forgets it. */
void table_end(struct table *table);

/* A value as text; the caller frees it. Never NULL but without memory. */
char *table_text(const json_t *value);

/* Members of an object, one a line, those of objects in it with their path. */
void table_object(const json_t *object, const char *prefix);

#endif
