/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of mpnic-tool share. */
#ifndef MPNIC_TOOL_H
#define MPNIC_TOOL_H

#include <jansson.h>
#include <stdbool.h>

#include "mpnic.h"

/* How the program ends. */
enum {
	EXIT_FINE = 0,
	EXIT_WRONG = 1, /* the device was reached, and refused, failed, or is not well */
	EXIT_USAGE = 2,
	EXIT_ABSENT = 3, /* the device cannot be opened */
};

struct tool {
	bool json, all;
	const char *firmware, *firmware_path, *sysfs, *dump;
	unsigned int timeout_ms;
	/* ping */
	unsigned long port, queue, count, size;
	int argc; /* what is left of the command line: argv[0] is the command */
	char **argv;
};

/* tool.c */

/* "mpnic-tool: " and the text to stderr; returns code. */
int complain(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with the text of the device's last error. */
int device_failed(const struct mpnic_dev *dev);
/* Opens argv[index]; complains and returns an exit code if it cannot. */
int open_device(const struct tool *t, int index, struct mpnic_dev **dev);
/* Opens it and starts its admin queue, leaving firmware and queues as they are. */
int open_running(const struct tool *t, int index, struct mpnic_dev **dev);
/* A number of the command line, up to max; false: it is none. */
bool parse_number(const char *text, unsigned long max, unsigned long *value);

/* out.c */

/* Prints a document, as JSON or for people, and takes it over. Returns EXIT_FINE. */
int output(const struct tool *t, json_t *document);
void set_text(json_t *object, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void set_number(json_t *object, const char *key, uint64_t value);
void set_bool(json_t *object, const char *key, bool value);
/* Names of the bits that are set, as an array of strings. */
void set_bits(json_t *object, const char *key, uint32_t bits, const char *(*name)(unsigned int));
/* A new object in an array, or under a key; it stays the document's. */
json_t *add_row(json_t *array);
json_t *set_object(json_t *object, const char *key);
json_t *set_array(json_t *object, const char *key);

/* The commands; each returns an exit code. */
int list_main(struct tool *t);
int info_main(struct tool *t);
int regs_main(struct tool *t);
int stats_main(struct tool *t);
int tables_main(struct tool *t);
int selftest_main(struct tool *t);
int reset_main(struct tool *t);
int port_main(struct tool *t);
int fw_main(struct tool *t);
int ping_main(struct tool *t);

#endif
