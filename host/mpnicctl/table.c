/* SPDX-License-Identifier: BSD-3-Clause */
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ROWS_FOR_WIDTHS = 256,
	TEXT_MAX = 256,
};

/* What a terminal might take for a command is not printed as it came. */
static void clean(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 32 || *text == 127)
			*text = '?';
}

char *table_text(const json_t *value)
{
	char text[TEXT_MAX];
	char *out;

	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING:
		out = strdup(json_string_value(value));
		break;
	case JSON_INTEGER:
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		out = strdup(text);
		break;
	case JSON_REAL:
		snprintf(text, sizeof(text), "%.3f", json_real_value(value));
		out = strdup(text);
		break;
	case JSON_TRUE:
		out = strdup("yes");
		break;
	case JSON_FALSE:
	case JSON_NULL:
		out = strdup("-");
		break;
	default:
		out = json_dumps(value, JSON_COMPACT);
		break;
	}
	if (!out)
		abort(); /* no memory for a line of text */
	clean(out);
	return out;
}

static const json_t *member(const json_t *row, const char *key)
{
	const char *dot = strchr(key, '.');
	char first[64];

	if (!dot)
		return json_object_get(row, key);
	snprintf(first, sizeof(first), "%.*s", (int)(dot - key), key);
	return member(json_object_get(row, first), dot + 1);
}

void table_begin(struct table *table, const struct column *column, unsigned int columns)
{
	*table = (struct table){.column = column, .columns = columns};
	for (unsigned int i = 0; i < columns; i++) {
		const unsigned int len = (unsigned int)strlen(column[i].title);

		table->wide[i] = len > column[i].wide ? len : column[i].wide;
	}
}

static void print_cell(const struct table *t, unsigned int i, const char *text)
{
	const bool last = i + 1 == t->columns;

	if (t->column[i].right)
		printf("%*s", (int)t->wide[i], text);
	else
		printf("%-*s", last ? 0 : (int)t->wide[i], text);
	fputs(last ? "\n" : "  ", stdout);
}

static void print_waiting(struct table *t)
{
	for (unsigned int i = 0; !t->titled && i < t->columns; i++)
		print_cell(t, i, t->column[i].title);
	t->titled = true;
	for (size_t r = 0; r < t->rows; r++)
		for (unsigned int i = 0; i < t->columns; i++) {
			print_cell(t, i, t->cell[r * t->columns + i]);
			free(t->cell[r * t->columns + i]);
		}
	t->rows = 0;
	fflush(stdout);
}

void table_row(struct table *t, const json_t *row)
{
	if (!t->cell) {
		t->cell = calloc((size_t)ROWS_FOR_WIDTHS * t->columns, sizeof(*t->cell));
		if (!t->cell)
			abort();
	}
	for (unsigned int i = 0; i < t->columns; i++) {
		char *text = table_text(member(row, t->column[i].key));
		const unsigned int len = (unsigned int)strlen(text);

		t->cell[t->rows * t->columns + i] = text;
		if (!t->titled && len > t->wide[i])
			t->wide[i] = len;
	}
	t->rows++;
	if (t->titled || t->rows == ROWS_FOR_WIDTHS)
		print_waiting(t);
}

void table_end(struct table *t)
{
	print_waiting(t);
	free(t->cell);
	t->cell = NULL;
}

void table_object(const json_t *object, const char *prefix)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		char name[128], *text;

		snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", key);
		if (json_is_object(value)) {
			table_object(value, name);
			continue;
		}
		text = table_text(value);
		printf("%-40s %s\n", name, text);
		free(text);
	}
}
