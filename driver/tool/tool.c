/* SPDX-License-Identifier: BSD-3-Clause */
/* mpnic-tool: command line. */
#include "tool.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *arguments, *summary;
	int (*run)(struct tool *t);
} commands[] = {
	{"list", "[vfio-user:PATH]...", "cards of this machine, and simulated ones", list_main},
	{"info", "DEV", "what it is, what it can, how it is", info_main},
	{"regs", "DEV", "its registers by name", regs_main},
	{"stats", "DEV", "counters of ports, queues and pipeline that are not 0", stats_main},
	{"tables", "DEV", "how full the tables are", tables_main},
	{"port", "DEV N [SETTING]...", "a port's state; settings below", port_main},
	{"fw", "status|load|log|crash DEV [FILE]", "firmware: state, load, log, crash record",
	 fw_main},
	{"reset", "DEV REASON",
	 "reset it; reasons: driver, user, upgrade, ... (fw must be loaded then)", reset_main},
	{"selftest", "DEV", "its self-test", selftest_main},
	{"ping", "DEV", "frames out of a port whose wire is looped, and back", ping_main},
};

static void usage(FILE *out)
{
	fputs("Usage: mpnic-tool COMMAND [OPTION]... [ARGUMENT]...\n"
	      "Looks at mpnic cards and takes care of them. DEV is a PCI address (0000:01:00.0) of a card that is\n"
	      "bound to vfio-pci, or vfio-user:PATH, the socket of a simulated one.\n\nCommands:\n",
	      out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		char head[64];

		snprintf(head, sizeof(head), "%s %s", commands[i].name, commands[i].arguments);
		fprintf(out, "  %-36s %s\n", head, commands[i].summary);
	}
	fputs("\nSettings of a port: up, down, promisc on|off, allmulti on|off, mtu BYTES, mac add|del ADDRESS\n"
	      "\nOptions:\n"
	      "  --json             JSON for programs\n"
	      "  --all              stats: counters that are 0 too\n"
	      "  --firmware FILE    this image\n"
	      "  --firmware-path P  folders to search for it (default: MPNIC_FIRMWARE_PATH, " MPNIC_FW_PATH
	      ")\n"
	      "  --timeout MS       how long a simulated device may take to answer (default 2000)\n"
	      "  --sysfs TREE       list: look there instead of /sys/bus/pci\n"
	      "  --dump FILE        list: read this output of `lspci -xxxx`\n"
	      "  --port N, --queue N, --count N, --size BYTES   ping (default 0, 0, 100, 256)\n"
	      "\nExit code: 0 fine; 1 the device refused, failed, or is not well; 2 wrong usage; 3 no such device.\n",
	      out);
}

int complain(int code, const char *format, ...)
{
	va_list args;

	fputs("mpnic-tool: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return code;
}

int device_failed(const struct mpnic_dev *dev)
{
	return complain(EXIT_WRONG, "%s", mpnic_error(dev));
}

bool parse_number(const char *text, unsigned long max, unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 0);
	return !errno && end != text && !*end && *text != '-' && *value <= max;
}

static int open_name(const struct tool *t, const char *name, struct mpnic_dev **dev)
{
	const struct mpnic_options options = {
		.firmware = t->firmware,
		.firmware_path = t->firmware_path,
		.driver = "mpnic-tool",
		.timeout_ms = t->timeout_ms,
	};
	char error[MPNIC_ERROR_MAX];
	int err = mpnic_open(name, &options, dev, error);

	if (err == -EINVAL)
		return complain(EXIT_USAGE, "%s", error);
	return err ? complain(EXIT_ABSENT, "%s: %s", name, error) : EXIT_FINE;
}

int open_device(const struct tool *t, int index, struct mpnic_dev **dev)
{
	if (index >= t->argc)
		return complain(EXIT_USAGE, "%s: which device? A PCI address or vfio-user:PATH",
				t->argv[0]);
	return open_name(t, t->argv[index], dev);
}

int open_running(const struct tool *t, int index, struct mpnic_dev **dev)
{
	int code = open_device(t, index, dev);
	int err;

	if (code)
		return code;
	err = mpnic_start(*dev, MPNIC_START_KEEP | MPNIC_START_NO_LOAD);
	if (!err)
		return EXIT_FINE;
	code = err == -ENOENT ? complain(EXIT_WRONG, "%s; load it: mpnic-tool fw load %s",
					 mpnic_error(*dev), t->argv[index])
			      : device_failed(*dev);
	mpnic_close(*dev);
	return code;
}

enum option_code {
	OPT_FIRST = 256,
	OPT_JSON,
	OPT_ALL,
	OPT_FIRMWARE,
	OPT_FIRMWARE_PATH,
	OPT_TIMEOUT,
	OPT_SYSFS,
	OPT_DUMP,
	OPT_PORT,
	OPT_QUEUE,
	OPT_COUNT,
	OPT_SIZE,
};

static const struct option long_options[] = {
	{"help", no_argument, NULL, 'h'},
	{"json", no_argument, NULL, OPT_JSON},
	{"all", no_argument, NULL, OPT_ALL},
	{"firmware", required_argument, NULL, OPT_FIRMWARE},
	{"firmware-path", required_argument, NULL, OPT_FIRMWARE_PATH},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"sysfs", required_argument, NULL, OPT_SYSFS},
	{"dump", required_argument, NULL, OPT_DUMP},
	{"port", required_argument, NULL, OPT_PORT},
	{"queue", required_argument, NULL, OPT_QUEUE},
	{"count", required_argument, NULL, OPT_COUNT},
	{"size", required_argument, NULL, OPT_SIZE},
	{0},
};

static int take_number(const char *name, unsigned long min, unsigned long max, unsigned long *value)
{
	if (parse_number(optarg, max, value) && *value >= min)
		return EXIT_FINE;
	return complain(EXIT_USAGE, "--%s takes a number from %lu to %lu, not '%s'", name, min, max,
			optarg);
}

static int take_option(struct tool *t, int option)
{
	unsigned long value;

	switch (option) {
	case OPT_JSON:
		t->json = true;
		return EXIT_FINE;
	case OPT_ALL:
		t->all = true;
		return EXIT_FINE;
	case OPT_FIRMWARE:
		t->firmware = optarg;
		return EXIT_FINE;
	case OPT_FIRMWARE_PATH:
		t->firmware_path = optarg;
		return EXIT_FINE;
	case OPT_SYSFS:
		t->sysfs = optarg;
		return EXIT_FINE;
	case OPT_DUMP:
		t->dump = optarg;
		return EXIT_FINE;
	case OPT_TIMEOUT:
		if (take_number("timeout", 1, 3600000, &value))
			return EXIT_USAGE;
		t->timeout_ms = (unsigned int)value;
		return EXIT_FINE;
	case OPT_PORT:
		return take_number("port", 0, MPNIC_PORTS - 1, &t->port);
	case OPT_QUEUE:
		return take_number("queue", 0, MPNIC_QUEUES - 1, &t->queue);
	case OPT_COUNT:
		return take_number("count", 1, 1000000000, &t->count);
	case OPT_SIZE:
		return take_number("size", 60, 1514, &t->size);
	default:
		return EXIT_USAGE; /* getopt has said why */
	}
}

int main(int argc, char **argv)
{
	struct tool t = {.count = 100, .size = 256};
	int option;

	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			return EXIT_FINE;
		}
		if (take_option(&t, option))
			return EXIT_USAGE;
	}
	t.argc = argc - optind;
	t.argv = argv + optind;
	if (!t.argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(t.argv[0], commands[i].name)) {
			int code = commands[i].run(&t);

			/* An answer that could not be written is no answer. */
			if (fflush(stdout) || ferror(stdout))
				return complain(EXIT_WRONG, "cannot write: %s", strerror(errno));
			return code;
		}
	return complain(EXIT_USAGE, "no command '%s'; `mpnic-tool --help` lists them", t.argv[0]);
}
