/* SPDX-License-Identifier: BSD-3-Clause */
/* mpnicctl: shows and changes what mpnicd knows. Guide: docs/mpnicctl.md. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "table.h"

#define DEFAULT_SOCKET "/run/mpnic/mpnicd.sock"
#define ARRAY_SIZE(a)  (sizeof(a) / sizeof((a)[0]))

/* Exit codes; docs/mpnicctl.md. */
enum {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,     /* mpnicd, or a file, says no */
	EXIT_USAGE = 2,	      /* what was typed makes no sense */
	EXIT_UNREACHABLE = 3, /* no mpnicd at the socket, or it went */
};

struct call {
	const char *socket;
	bool json;
	char **word; /* of the command line, behind the command's own */
	int words;
	bool follow, watch, all;
	const char *network;
};

struct command {
	const char *name, *sub; /* sub NULL: none */
	int least, most;	/* words behind it */
	int (*run)(const struct call *call);
	const char *usage, *help;
};

static volatile sig_atomic_t stopped;

/* ---- asking --------------------------------------------------------------------------------- */

struct rows {
	const struct call *call;
	struct table table;
	bool tabled;
	void (*each)(const struct call *call, const json_t *row);
};

static void take_row(void *ctx, const json_t *row)
{
	struct rows *r = ctx;

	if (r->call->json) {
		json_dumpf(row, stdout, JSON_COMPACT);
		putchar('\n');
		fflush(stdout);
	} else if (r->each) {
		r->each(r->call, row);
	} else if (r->tabled) {
		table_row(&r->table, row);
	}
}

/* Ask, print rows, and return the exit code; *result (if wanted) gets the last line. */
static int ask(const struct call *call, const char *name, json_t *args, struct rows *rows,
	       json_t **result)
{
	const char *problem;
	const int fd = client_connect(call->socket);
	int code = EXIT_DONE;
	json_t *line;

	if (fd < 0) {
		fprintf(stderr,
			"mpnicctl: %s: %s; is mpnicd running, and may you use its socket?\n",
			call->socket, strerror(-fd));
		json_decref(args);
		return EXIT_UNREACHABLE;
	}
	rows->call = call;
	line = client_ask(fd, name, args, take_row, rows, &problem);
	close(fd);
	if (!call->json && rows->tabled)
		table_end(&rows->table);
	if (!line) {
		fprintf(stderr, "mpnicctl: %s\n", problem);
		return EXIT_UNREACHABLE;
	}
	if (!json_is_true(json_object_get(line, "ok"))) {
		const char *error = json_string_value(json_object_get(line, "error"));

		fprintf(stderr, "mpnicctl: %s\n", error ? error : "refused");
		code = EXIT_REFUSED;
	}
	json_object_del(line, "ok");
	if (result)
		*result = line;
	else
		json_decref(line);
	return code;
}

static int ask_table(const struct call *call, const char *name, json_t *args,
		     const struct column *column, unsigned int columns)
{
	struct rows rows = {.tabled = true};

	table_begin(&rows.table, column, columns);
	return ask(call, name, args, &rows, NULL);
}

/* An answer that is one object. */
static int ask_object(const struct call *call, const char *name, json_t *args)
{
	struct rows rows = {0};
	json_t *result = NULL;
	const int code = ask(call, name, args, &rows, &result);

	if (!code && call->json) {
		json_dumpf(result, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (!code) {
		table_object(result, "");
	}
	json_decref(result);
	return code;
}

/* ---- words ---------------------------------------------------------------------------------- */

static int usage_error(const char *format, const char *word)
{
	fputs("mpnicctl: ", stderr);
	fprintf(stderr, format, word);
	fputs("\n", stderr);
	return EXIT_USAGE;
}

/* ADDRESS[/LENGTH] and perhaps a PORT, from word @at on. Returns how many words, 0: none. */
static int take_peer(const struct call *call, int at, json_t *args)
{
	char text[INET6_ADDRSTRLEN + 4];
	uint8_t addr[16];
	char *slash, *end;
	unsigned long port;

	if (at >= call->words || strlen(call->word[at]) >= sizeof(text))
		return 0;
	strcpy(text, call->word[at]);
	slash = strchr(text, '/');
	if (slash)
		*slash = '\0';
	if (inet_pton(AF_INET, text, addr) != 1 && inet_pton(AF_INET6, text, addr) != 1)
		return 0;
	json_object_set_new(args, "address", json_string(call->word[at]));
	if (call->network)
		json_object_set_new(args, "network", json_string(call->network));
	if (at + 1 >= call->words)
		return 1;
	port = strtoul(call->word[at + 1], &end, 10);
	if (*end || port > 65535)
		return 1;
	json_object_set_new(args, "port", json_integer((json_int_t)port));
	return 2;
}

static int peer_args(const struct call *call, json_t **args, bool speaks)
{
	int used;

	*args = json_object();
	used = take_peer(call, 0, *args);
	if (!used) {
		json_decref(*args);
		return usage_error("\"%s\" is no address; ADDRESS[/LENGTH] [PORT]", call->word[0]);
	}
	if (speaks) {
		const char *word = used < call->words ? call->word[used++] : "";

		if (strcmp(word, "v1") && strcmp(word, "v0") && strcmp(word, "none")) {
			json_decref(*args);
			return usage_error("\"%s\": what a peer speaks is v1, v0 or none", word);
		}
		json_object_set_new(*args, "speaks", json_string(word));
	}
	if (used < call->words) {
		json_decref(*args);
		return usage_error("\"%s\" is too much", call->word[used]);
	}
	return 0;
}

/* ---- commands ------------------------------------------------------------------------------- */

static int peers_list(const struct call *call)
{
	static const struct column column[] = {
		{"NETWORK", "network", false, 0}, {"ADDRESS", "address", false, 15},
		{"PORT", "port", true, 5},	  {"SPEAKS", "speaks", false, 7},
		{"HOW", "how", false, 9},	  {"SEEN", "source", false, 14},
		{"AGE", "age", true, 7},	  {"EXPIRES", "expires", true, 7},
		{"NOTE", "note", false, 0},
	};
	json_t *args = json_object();

	if (call->network)
		json_object_set_new(args, "network", json_string(call->network));
	return ask_table(call, "peers", args, column, ARRAY_SIZE(column));
}

static int peer_object(const struct call *call, const char *name, bool speaks)
{
	json_t *args;
	const int err = peer_args(call, &args, speaks);

	return err ? err : ask_object(call, name, args);
}

static int peers_show(const struct call *call)
{
	return peer_object(call, "peer-show", false);
}

static int peers_set(const struct call *call)
{
	return peer_object(call, "peer-set", true);
}

static int peers_pin(const struct call *call)
{
	return peer_object(call, "peer-pin", true);
}

static int peers_unpin(const struct call *call)
{
	return peer_object(call, "peer-unpin", false);
}

static int peers_remove(const struct call *call)
{
	return peer_object(call, "peer-remove", false);
}

static int peers_flush(const struct call *call)
{
	json_t *args = json_object();

	if (!call->network && !call->all) {
		json_decref(args);
		return usage_error("peers flush forgets what was learnt: %s",
				   "say --network NAME or --all");
	}
	if (call->network)
		json_object_set_new(args, "network", json_string(call->network));
	return ask_object(call, "peers-flush", args);
}

static void print_line(const struct call *call, const json_t *row)
{
	(void)call;
	json_dumpf(row, stdout, JSON_COMPACT);
	putchar('\n');
}

static int peers_export(const struct call *call)
{
	struct rows rows = {.each = print_line};

	if (call->words && !freopen(call->word[0], "w", stdout)) {
		fprintf(stderr, "mpnicctl: %s: %s\n", call->word[0], strerror(errno));
		return EXIT_REFUSED;
	}
	return ask(call, "peers-export", json_object(), &rows, NULL);
}

static int peers_import(const struct call *call)
{
	FILE *in = strcmp(call->word[0], "-") ? fopen(call->word[0], "r") : stdin;
	unsigned long number = 0, taken = 0;
	char *line = NULL;
	size_t size = 0;
	int code = EXIT_DONE;

	if (!in) {
		fprintf(stderr, "mpnicctl: %s: %s\n", call->word[0], strerror(errno));
		return EXIT_REFUSED;
	}
	while (code == EXIT_DONE && getline(&line, &size, in) > 0) {
		struct rows rows = {0};
		json_error_t e;
		json_t *record = json_loads(line, 0, &e);

		number++;
		if (!json_is_object(record)) {
			fprintf(stderr, "mpnicctl: %s, line %lu: no object of JSON: %s\n",
				call->word[0], number, e.text);
			json_decref(record);
			code = EXIT_REFUSED;
			break;
		}
		code = ask(call, "peer-import", record, &rows, NULL);
		if (code == EXIT_REFUSED)
			fprintf(stderr, "mpnicctl: that was line %lu of %s\n", number,
				call->word[0]);
		taken += code == EXIT_DONE;
	}
	if (!call->json)
		printf("%lu peers taken in\n", taken);
	free(line);
	if (in != stdin)
		fclose(in);
	return code;
}

static void print_conn(const struct call *call, const json_t *row)
{
	char *text[5];
	const json_t *subflow;
	size_t i;

	(void)call;
	text[0] = table_text(json_object_get(row, "id"));
	text[1] = table_text(json_object_get(row, "state"));
	text[2] = table_text(json_object_get(row, "version"));
	text[3] = table_text(json_object_get(row, "initiator"));
	text[4] = table_text(json_object_get(row, "note"));
	printf("conn %s  %s  version %s  began by %s  %s\n", text[0], text[1], text[2], text[3],
	       text[4]);
	for (i = 0; i < ARRAY_SIZE(text); i++)
		free(text[i]);
	json_array_foreach(json_object_get(row, "subflows"), i, subflow)
	{
		text[0] = table_text(json_object_get(subflow, "local"));
		text[1] = table_text(json_object_get(subflow, "remote"));
		text[2] = table_text(json_object_get(subflow, "state"));
		text[3] = table_text(json_object_get(subflow, "note"));
		printf("  %-28s %-28s %-12s %s\n", text[0], text[1], text[2], text[3]);
		for (unsigned int k = 0; k < 4; k++)
			free(text[k]);
	}
}

static int conns(const struct call *call)
{
	struct rows rows = {.each = print_conn};
	json_t *args = json_object();

	json_object_set_new(args, "all", json_boolean(call->all));
	return ask(call, "conns", args, &rows, NULL);
}

static int events(const struct call *call)
{
	static const struct column column[] = {
		{"TIME", "time", false, 23},
		{"WHAT", "what", false, 18},
		{"WHO", "who", false, 24},
		{"DETAIL", "detail", false, 0},
	};
	struct rows rows = {.tabled = true};
	json_t *args = json_object();

	json_object_set_new(args, "follow", json_boolean(call->follow));
	table_begin(&rows.table, column, ARRAY_SIZE(column));
	/* Who follows sees each line when it comes. */
	if (call->follow && !call->json)
		table_end(&rows.table);
	return ask(call, "events", args, &rows, NULL);
}

static int stats(const struct call *call)
{
	for (;;) {
		const int code = ask_object(call, "stats", NULL);

		if (code || !call->watch || stopped)
			return code;
		sleep(1);
		if (!call->json)
			putchar('\n');
	}
}

static int policy_show(const struct call *call)
{
	json_t *args;
	int err;

	if (!call->words) {
		struct rows rows = {.each = print_line};

		return ask(call, "policy", NULL, &rows, NULL);
	}
	err = peer_args(call, &args, false);
	return err ? err : ask_object(call, "policy-for", args);
}

static int policy_reload(const struct call *call)
{
	return ask_object(call, "policy-reload", NULL);
}

static int probe(const struct call *call)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	char address[NI_MAXHOST];
	struct addrinfo *found;
	json_t *args;
	char *end;
	const unsigned long port = strtoul(call->word[1], &end, 10);
	int err;

	if (*end || !port || port > 65535)
		return usage_error("\"%s\" is no port", call->word[1]);
	err = getaddrinfo(call->word[0], NULL, &hints, &found);
	if (err) {
		fprintf(stderr, "mpnicctl: %s: %s\n", call->word[0], gai_strerror(err));
		return EXIT_REFUSED;
	}
	err = getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof(address), NULL, 0,
			  NI_NUMERICHOST);
	freeaddrinfo(found);
	if (err)
		return EXIT_REFUSED;
	args = json_object();
	json_object_set_new(args, "address", json_string(address));
	json_object_set_new(args, "port", json_integer((json_int_t)port));
	if (call->network)
		json_object_set_new(args, "network", json_string(call->network));
	return ask_object(call, "probe", args);
}

static int device(const struct call *call)
{
	return ask_object(call, "device", NULL);
}

static int drain(const struct call *call)
{
	const bool on = !strcmp(call->word[0], "on");
	json_t *args;

	if (!on && strcmp(call->word[0], "off"))
		return usage_error("\"%s\": drain on, or drain off", call->word[0]);
	args = json_object();
	json_object_set_new(args, "on", json_boolean(on));
	return ask_object(call, "drain", args);
}

static const struct command commands[] = {
	{"peers", "list", 0, 0, peers_list, "peers [list]", "what each peer speaks"},
	{"peers", "show", 1, 2, peers_show, "peers show ADDRESS [PORT]",
	 "all that is known of a peer, and why"},
	{"peers", "set", 2, 3, peers_set, "peers set ADDRESS [PORT] v1|v0|none",
	 "say what it speaks, until it is seen to speak something else"},
	{"peers", "pin", 2, 3, peers_pin, "peers pin ADDRESS[/LENGTH] [PORT] v1|v0|none",
	 "say what it speaks, for good; prefixes too"},
	{"peers", "unpin", 1, 2, peers_unpin, "peers unpin ADDRESS[/LENGTH] [PORT]", "end that"},
	{"peers", "remove", 1, 2, peers_remove, "peers remove ADDRESS [PORT]", "forget a peer"},
	{"peers", "flush", 0, 0, peers_flush, "peers flush --network NAME | --all",
	 "forget what was learnt; what is pinned stays"},
	{"peers", "export", 0, 1, peers_export, "peers export [FILE]", "as lines of JSON"},
	{"peers", "import", 1, 1, peers_import, "peers import FILE", "what export wrote; -: stdin"},
	{"conns", NULL, 0, 0, conns, "conns [--all]",
	 "MPTCP connections and their subflows; --all: also those that ended"},
	{"events", NULL, 0, 0, events, "events [--follow]", "what happened, and happens"},
	{"stats", NULL, 0, 0, stats, "stats [--watch]", "counters of mpnicd and of the NIC"},
	{"policy", "show", 0, 2, policy_show, "policy show [ADDRESS [PORT]]",
	 "the rules, or those for a peer and where they come from"},
	{"policy", "reload", 0, 0, policy_reload, "policy reload", "read the configuration again"},
	{"probe", NULL, 2, 2, probe, "probe HOST PORT", "ask a peer which versions it speaks"},
	{"device", NULL, 0, 0, device, "device", "the NIC: its health, tables and queues"},
	{"drain", NULL, 1, 1, drain, "drain on|off", "begin no MPTCP connection any more"},
};

/* ---- start ---------------------------------------------------------------------------------- */

static void help(FILE *out)
{
	fputs("usage: mpnicctl [--socket PATH] [--json] [--network NAME] COMMAND\n\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-46s %s\n", commands[i].usage, commands[i].help);
	fputs("\nExit codes: 0 done; 1 refused; 2 usage; 3 mpnicd cannot be reached.\n", out);
}

static const struct command *find(int argc, char **argv, int *used)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *c = &commands[i];

		if (!argc || strcmp(c->name, argv[0]))
			continue;
		*used = 1;
		if (c->sub && argc > 1 && strcmp(c->sub, argv[1]))
			continue;
		/* The first one of several is what is meant if nothing is said. */
		*used = c->sub && argc > 1 ? 2 : 1;
		return c;
	}
	return NULL;
}

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static int dispatch(struct call *call, int argc, char **argv)
{
	int used = 0;
	const struct command *c = find(argc, argv, &used);

	if (!c && used)
		return usage_error("\"%s\": no such command; mpnicctl --help lists them", argv[1]);
	if (!c)
		return usage_error("\"%s\": no such command; mpnicctl --help lists them",
				   argc ? argv[0] : "");
	call->word = argv + used;
	call->words = argc - used;
	if (call->words < c->least || call->words > c->most)
		return usage_error("it is: mpnicctl %s", c->usage);
	return c->run(call);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'},  {"json", no_argument, NULL, 'j'},
		{"network", required_argument, NULL, 'n'}, {"follow", no_argument, NULL, 'f'},
		{"watch", no_argument, NULL, 'w'},	   {"all", no_argument, NULL, 'a'},
		{"help", no_argument, NULL, 'h'},	   {0},
	};
	struct call call = {.socket = getenv("MPNICD_SOCKET")};

	if (!call.socket)
		call.socket = DEFAULT_SOCKET;
	signal(SIGINT, stop);
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (c) {
		case 's':
			call.socket = optarg;
			break;
		case 'j':
			call.json = true;
			break;
		case 'n':
			call.network = optarg;
			break;
		case 'f':
			call.follow = true;
			break;
		case 'w':
			call.watch = true;
			break;
		case 'a':
			call.all = true;
			break;
		case 'h':
			help(stdout);
			return EXIT_DONE;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind == argc) {
		help(stderr);
		return EXIT_USAGE;
	}
	return dispatch(&call, argc - optind, argv + optind);
}
