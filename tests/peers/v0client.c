/* SPDX-License-Identifier: BSD-3-Clause */
/* v0client: fetches from, or sends to, a web server by MPTCP version 0 (RFC 6824), on wires. */
#include "fetch.h"
#include "host.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>

#define LINGER_US 300000

static const struct option options[] = {
	HOST_OPTIONS,
	{"to", required_argument, NULL, 'T'},
	{"port", required_argument, NULL, 'p'},
	{"get", required_argument, NULL, 'G'},
	{"post", required_argument, NULL, 'P'},
	{"second", required_argument, NULL, 's'},
	{"at", required_argument, NULL, '@'},
	{"join-advertised", no_argument, NULL, 'J'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

struct client {
	struct host h; /* first: reports come with it */
	struct fetch f;
	struct endpoint to;
};

static void help(void)
{
	printf("v0client --wire SPEC... --addr ADDRESS... --to ADDRESS --get N|--post N "
	       "[OPTION...]\n" HOST_USAGE
	       "  --port PORT                         of the server; default 8080\n"
	       "  --second ADDRESS                    for further subflows\n"
	       "  --at BYTES:WHAT                     join, join-backup, prio, remove, kill, abort\n"
	       "  --join-advertised                   to addresses that the server advertises\n"
	       "Exit code 0: all bytes came and are right. The last line of JSON tells.\n");
}

static void report(void *ctx, enum stack_event e, struct conn *c)
{
	struct client *client = ctx;

	report_event(e, c ? conn_report(c) : NULL);
	if (e == EVENT_END) {
		client->f.over = true;
		client->f.report = *conn_report(c);
	}
	if (e == EVENT_ADD_ADDR)
		fetch_advertised(&client->f, conn_report(c));
}

static void wrong(const char *value)
{
	fprintf(stderr, "\"%s\": no such value; see --help\n", value);
	exit(2);
}

static void own_option(struct client *c, int option, const char *value)
{
	switch (option) {
	case 'T':
		if (!ipaddr_parse(value, &c->to.addr))
			wrong(value);
		break;
	case 'p':
		c->to.port = (uint16_t)atoi(value);
		break;
	case 'G':
	case 'P':
		c->f.bytes = strtoull(value, NULL, 10);
		c->f.post = option == 'P';
		break;
	case 's':
		if (!ipaddr_parse(value, &c->f.second) || !host_option(&c->h, 'a', value))
			wrong(value);
		break;
	case '@':
		if (!fetch_step(&c->f, value))
			wrong(value);
		break;
	case 'J':
		c->f.join_advertised = true;
		break;
	case 'h':
		help();
		exit(0);
	default:
		exit(2);
	}
}

/* The first address of the server's family. */
static const struct ipaddr *own_address(const struct client *c)
{
	for (unsigned i = 0; i < c->h.cfg.addrs; i++)
		if (c->h.cfg.addr[i].len == c->to.addr.len)
			return &c->h.cfg.addr[i];
	wrong("no --addr of the family of --to");
	return NULL;
}

int main(int argc, char **argv)
{
	static struct client c = {.to.port = 8080};
	const struct app app = fetch_app(&c.f);
	int option;

	host_init(&c.h);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!host_option(&c.h, option, optarg))
			own_option(&c, option, optarg);
	if (!c.to.addr.len)
		wrong("--to is needed");
	if (host_start(&c.h, report))
		return 2;
	if (!stack_connect(c.h.st, own_address(&c), &c.to, &app))
		return 1;
	host_run(&c.h, &c.f.over, LINGER_US);
	host_stop(&c.h);
	report_result(&c.f.report, c.f.right, c.f.got, c.f.sent);
	return c.f.right ? 0 : 1;
}
