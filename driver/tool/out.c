/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Output. Each command makes one JSON document; people get it as text: scalars a line each, arrays
 * of objects as tables, whose columns are the first object's keys.
 */
#include "tool.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 16
#define CELL	512

static json_t *must(json_t *value)
{
	if (value)
		return value;
	fputs("mpnic-tool: out of memory\n", stderr);
	exit(EXIT_WRONG);
}

static void set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, must(value))) {
		fputs("mpnic-tool: out of memory\n", stderr);
		exit(EXIT_WRONG);
	}
}

void set_text(json_t *object, const char *key, const char *format, ...)
{
	char text[CELL];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* Whatever a device or a file said, the document stays one. */
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
			*c = '?';
	set(object, key, json_string(text));
}

void set_number(json_t *object, const char *key, uint64_t value)
{
	set(object, key, json_integer((json_int_t)(value > INT64_MAX ? INT64_MAX : value)));
}

void set_bool(json_t *object, const char *key, bool value)
{
	set(object, key, json_boolean(value));
}

json_t *set_array(json_t *object, const char *key)
{
	set(object, key, json_array());
	return json_object_get(object, key);
}

json_t *set_object(json_t *object, const char *key)
{
	set(object, key, json_object());
	return json_object_get(object, key);
}

json_t *add_row(json_t *array)
{
	json_array_append_new(array, must(json_object()));
	return json_array_get(array, json_array_size(array) - 1);
}

void set_bits(json_t *object, const char *key, uint32_t bits, const char *(*name)(unsigned int))
{
	json_t *array = set_array(object, key);

	for (unsigned int bit = 0; bit < 32; bit++) {
		char text[16];

		if (!(bits >> bit & 1))
			continue;
		snprintf(text, sizeof(text), "bit%u", bit);
		json_array_append_new(array, must(json_string(name(bit) ? name(bit) : text)));
	}
}

/* --- for people ------------------------------------------------------------------------------ */

static void cell(const json_t *value, char text[CELL])
{
	const json_t *item;
	size_t i, used = 0;

	*text = '\0';
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING:
		snprintf(text, CELL, "%s", json_string_value(value));
		break;
	case JSON_INTEGER:
		snprintf(text, CELL, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		snprintf(text, CELL, "%.1f", json_real_value(value));
		break;
	case JSON_TRUE:
		snprintf(text, CELL, "yes");
		break;
	case JSON_FALSE:
		snprintf(text, CELL, "no");
		break;
	case JSON_ARRAY:
		json_array_foreach(value, i, item) if (used < CELL) used +=
			(size_t)snprintf(text + used, CELL - used, "%s%s", used ? ", " : "",
					 json_string_value(item));
		break;
	default:
		snprintf(text, CELL, "-");
	}
	if (!*text)
		snprintf(text, CELL, "-");
}

static bool is_table(const json_t *value)
{
	return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

/* Numbers to the right, text to the left; nothing behind the last column. */
static void print_cell(const char *text, size_t width, bool number, bool last)
{
	if (number)
		printf("  %*s", (int)width, text);
	else if (last)
		printf("  %s", text);
	else
		printf("  %-*s", (int)width, text);
}

static void print_table(const json_t *rows)
{
	size_t width[COLUMNS] = {0}, count = 0, i;
	const char *column[COLUMNS];
	bool number[COLUMNS];
	const json_t *row, *value;
	const char *key;
	char text[CELL];

	json_object_foreach((json_t *)json_array_get(rows, 0), key, value)
	{
		if (count == COLUMNS)
			break;
		column[count] = key;
		number[count] = json_is_number(value);
		width[count++] = strlen(key);
	}
	json_array_foreach(rows, i, row) for (size_t c = 0; c < count; c++)
	{
		cell(json_object_get(row, column[c]), text);
		if (strlen(text) > width[c])
			width[c] = strlen(text);
	}
	for (size_t c = 0; c < count; c++)
		print_cell(column[c], width[c], number[c], c + 1 == count);
	putchar('\n');
	json_array_foreach(rows, i, row)
	{
		for (size_t c = 0; c < count; c++) {
			value = json_object_get(row, column[c]);
			cell(value, text);
			print_cell(text, width[c], number[c], c + 1 == count);
		}
		putchar('\n');
	}
}

static void print_object(const json_t *object, unsigned int indent)
{
	const json_t *value;
	const char *key;
	size_t width = 0;
	char text[CELL];

	json_object_foreach((json_t *)object, key,
			    value) if (!json_is_object(value) && !is_table(value) &&
				       strlen(key) > width) width = strlen(key);
	json_object_foreach((json_t *)object, key, value)
	{
		if (json_is_object(value) && !json_object_size(value)) {
			printf("%*s%s: nothing but 0\n", indent, "", key);
		} else if (json_is_object(value)) {
			printf("%*s%s\n", indent, "", key);
			print_object(value, indent + 2);
		} else if (is_table(value)) {
			printf("%*s%s\n", indent, "", key);
			print_table(value);
		} else {
			cell(value, text);
			printf("%*s%-*s  %s\n", indent, "", (int)width, key, text);
		}
	}
}

int output(const struct tool *t, json_t *document)
{
	must(document);
	if (t->json) {
		json_dumpf(document, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_object(document, 0);
	}
	json_decref(document);
	return EXIT_FINE;
}
