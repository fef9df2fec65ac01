/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "exit_code.h"
#include "replay.h"
#include "serve.h"

static const struct {
	const char *name, *summary;
	int (*run)(int argc, char **argv, char **program);
} commands[] = {
	{"replay", "captures through RTL and C model, and a report on their MPTCP", replay_main},
	{"serve", "a simulated card behind a vfio-user socket", serve_main},
};

static void usage(FILE *out)
{
	fputs("Usage: mpnic-sim COMMAND [OPTION]... [ARGUMENT]...\n"
	      "The simulator of mpnic, a network card that understands Multipath TCP.\n\n"
	      "Commands:\n",
	      out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n`mpnic-sim COMMAND --help` tells more.\n", out);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		usage(stdout);
		return EXIT_OK;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1, argv);
	fprintf(stderr, "mpnic-sim: no command '%s'; `mpnic-sim --help` lists them\n", argv[1]);
	return EXIT_USAGE;
}
