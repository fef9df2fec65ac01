/* SPDX-License-Identifier: BSD-3-Clause */
/* v0peer: a web server that speaks MPTCP version 0 (RFC 6824), in user space, on wires. */
#include "host.h"
#include "http.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>

static const struct option options[] = {
	HOST_OPTIONS,
	{"port", required_argument, NULL, 'p'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static void help(void)
{
	printf("v0peer --wire SPEC... --addr ADDRESS... [OPTION...]\n" HOST_USAGE
	       "  --port PORT                         where it listens; default 8080\n"
	       "GET /bytes/N, GET /hash/N, POST; every connection is reported as a line of JSON.\n");
}

static void report(void *ctx, enum stack_event e, struct conn *c)
{
	(void)ctx;
	report_event(e, c ? conn_report(c) : NULL);
}

int main(int argc, char **argv)
{
	const bool over = false;
	unsigned port = 8080;
	struct host h;
	int option;

	host_init(&h);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'p') {
			port = (unsigned)atoi(optarg);
		} else if (option == 'h') {
			help();
			return 0;
		} else if (!host_option(&h, option, optarg)) {
			return 2;
		}
	}
	if (host_start(&h, report))
		return 2;
	stack_listen(h.st, (uint16_t)port, &http_app);
	report_ready();
	host_run(&h, &over, 0);
	host_stop(&h);
	return 0;
}
