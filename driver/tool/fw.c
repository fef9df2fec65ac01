/* SPDX-License-Identifier: BSD-3-Clause */
/* Command fw: firmware's state, loading, log and crash record. */
#include "tool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LOG_MAX \
	(1u << 20) /* bytes of a log that are read: a device that never ends is not followed */

static int fw_status(struct tool *t, struct mpnic_dev *dev)
{
	json_t *doc = json_object();
	uint32_t status, fw, version;

	if (mpnic_reg_read(dev, MPNIC_HOST_DEVICE_STATUS, &status) ||
	    mpnic_reg_read(dev, MPNIC_HOST_FW_STATUS, &fw) || mpnic_fw_version(dev, &version)) {
		json_decref(doc);
		return device_failed(dev);
	}
	set_text(doc, "device", "%s", mpnic_device_status_name(status));
	set_text(doc, "firmware", "%s", mpnic_fw_status_name(fw));
	set_text(doc, "meaning", "%s", mpnic_fw_status_text(fw));
	set_text(doc, "version", "%u.%u", version >> 16, version & 0xffff);
	output(t, doc);
	return status == MPNIC_DEVICE_STATUS_FAILED ? EXIT_WRONG : EXIT_FINE;
}

static int fw_load(struct tool *t, struct mpnic_dev *dev)
{
	const char *path = t->argc > 3 ? t->argv[3] : t->firmware;
	char found[4096];

	if (!path) {
		if (mpnic_fw_find(dev, found, sizeof(found)))
			return device_failed(dev);
		path = found;
	}
	if (mpnic_fw_load(dev, path))
		return device_failed(dev);
	return fw_status(t, dev);
}

/* Firmware's log is text, but whoever wrote it: nothing of it is for the terminal to obey. */
static void print_log(const char *text, int count)
{
	for (int i = 0; i < count; i++) {
		unsigned char c = (unsigned char)text[i];

		putchar(c == '\n' || c == '\t' || (c >= 0x20 && c < 0x7f) ? c : '?');
	}
}

static int fw_log(struct tool *t, struct mpnic_dev *dev)
{
	json_t *doc = json_object(), *lines = set_array(doc, "log");
	uint32_t from = 0, total = 0;
	char line[256];
	size_t used = 0;

	while (total < LOG_MAX) {
		char text[MPNIC_MAILBOX_WINDOW];
		uint32_t first;
		int count = mpnic_fw_log(dev, from, text, sizeof(text), &first);

		if (count < 0) {
			json_decref(doc);
			return device_failed(dev);
		}
		if (!count)
			break;
		if (!t->json)
			print_log(text, count);
		for (int i = 0; i < count; i++) {
			if (text[i] != '\n' && used < sizeof(line) - 1) {
				line[used++] = text[i];
				continue;
			}
			line[used] = '\0';
			set_text(add_row(lines), "text", "%s", line);
			used = 0;
		}
		from = first + (uint32_t)count;
		total += (uint32_t)count;
	}
	line[used] = '\0';
	if (used)
		set_text(add_row(lines), "text", "%s", line);
	if (t->json)
		return output(t, doc);
	json_decref(doc);
	return EXIT_FINE;
}

/* Names of mcause, RISC-V Privileged Architecture, table 3.6. */
static const char *cause_name(uint32_t cause)
{
	static const char *const names[] = {
		"instruction address misaligned",
		"instruction access fault",
		"illegal instruction",
		"breakpoint",
		"load address misaligned",
		"load access fault",
		"store address misaligned",
		"store access fault",
	};

	if (cause < sizeof(names) / sizeof(names[0]))
		return names[cause];
	return cause == 11 ? "environment call" : cause >> 31 ? "interrupt" : "?";
}

static int fw_crash(struct tool *t, struct mpnic_dev *dev)
{
	static const char *const abi[32] = {
		"zero", "ra", "sp", "gp", "tp",	 "t0",	"t1", "t2", "s0", "s1", "a0",
		"a1",	"a2", "a3", "a4", "a5",	 "a6",	"a7", "s2", "s3", "s4", "s5",
		"s6",	"s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
	};
	struct mpnic_crash c;
	json_t *doc, *o, *rows;
	int err = mpnic_fw_crash(dev, &c);

	if (err == -ENOENT)
		return complain(EXIT_WRONG, "the firmware has not crashed since the reset");
	if (err)
		return device_failed(dev);
	doc = json_object();
	set_text(doc, "status", "%s", mpnic_fw_status_name(c.status));
	set_text(doc, "cause", "0x%x (%s)", c.cause, cause_name(c.cause));
	set_text(doc, "pc", "0x%08x", c.pc);
	set_text(doc, "value", "0x%08x", c.value);
	set_number(doc, "time_ns", c.time_ns);
	set_text(doc, "firmware_version", "%u.%u", c.fw_version >> 16, c.fw_version & 0xffff);
	set_number(doc, "heartbeat", c.heartbeat);
	o = set_object(doc, "registers");
	for (unsigned int i = 0; i < 32; i++)
		set_text(o, abi[i], "0x%08x", c.x[i]);
	rows = set_array(doc, "stack");
	for (unsigned int i = 0; i < sizeof(c.at_sp) / sizeof(c.at_sp[0]); i++) {
		json_t *row = add_row(rows);

		set_text(row, "address", "0x%08x", c.x[2] + 4 * i);
		set_text(row, "word", "0x%08x", c.at_sp[i]);
	}
	return output(t, doc);
}

int fw_main(struct tool *t)
{
	static const struct {
		const char *name;
		int (*run)(struct tool *t, struct mpnic_dev *dev);
	} verbs[] = {
		{"status", fw_status}, {"load", fw_load}, {"log", fw_log}, {"crash", fw_crash}};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]) && t->argc > 1; i++) {
		struct mpnic_dev *dev;
		int code;

		if (strcmp(t->argv[1], verbs[i].name))
			continue;
		code = open_device(t, 2, &dev);
		if (code)
			return code;
		code = verbs[i].run(t, dev);
		mpnic_close(dev);
		return code;
	}
	return complain(EXIT_USAGE, "fw takes status, load, log or crash, and a device");
}
