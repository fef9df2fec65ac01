/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "card.h"
#include "exit_code.h"
#include "serve.h"
#include "trace_twin.h"

static const char usage_text[] =
	"Usage: mpnic-sim serve --socket PATH [OPTION]...\n"
	"A simulated card, which a driver reaches by the vfio-user protocol at socket PATH.\n"
	"\n"
	"  -s, --socket PATH    socket of the card; mode 0600\n"
	"  -e, --engine NAME    what runs the device: model (in C; default) or rtl (Verilated, slow)\n"
	"  -0, --port0 WIRE     what wire port 0 is connected to; default: none\n"
	"  -1, --port1 WIRE     the same of wire port 1\n"
	"  -c, --control PATH   socket for commands: statistics, faults on purpose (docs/serve.md)\n"
	"  -f, --flows N        flows that the tables hold, a power of two; default: 65536\n"
	"  -S, --serial TEXT    serial number of the card, at most 31 characters\n"
	"      --trace FILE     waveforms of the RTL (FST), which is slower by then\n"
	"      --trace-from N   the first clock of them; default: as soon as the card is up\n"
	"      --trace-for N    how many clocks; default: 100000\n"
	"  -q, --quiet          say nothing but errors\n"
	"  -h, --help           this text\n"
	"\n"
	"A WIRE is one of\n"
	"  tap:NAME             a TAP interface, which is made if it is not there\n"
	"  pcap:IN[,OUT]        the frames of a capture; what is sent goes to OUT (pcapng)\n"
	"  unix:LOCAL[,REMOTE]  Unix datagrams, a frame each, as of QEMU's -netdev dgram\n"
	"  loop                 what is sent comes back\n"
	"  none                 no wire\n"
	"\n"
	"SIGINT and SIGTERM end it, SIGUSR1 prints statistics. The card keeps its state from one driver\n"
	"to the next; it has no firmware until a driver loads it.\n"
	"\n"
	"Exit code: 0; 1 the system or a wire failed; 2 usage.\n";

enum {
	OPT_TRACE = 256,
	OPT_TRACE_FROM,
	OPT_TRACE_FOR
};

static const struct option long_options[] = {
	{"socket", required_argument, NULL, 's'},
	{"engine", required_argument, NULL, 'e'},
	{"port0", required_argument, NULL, '0'},
	{"port1", required_argument, NULL, '1'},
	{"control", required_argument, NULL, 'c'},
	{"flows", required_argument, NULL, 'f'},
	{"serial", required_argument, NULL, 'S'},
	{"quiet", no_argument, NULL, 'q'},
	{"trace", required_argument, NULL, OPT_TRACE},
	{"trace-from", required_argument, NULL, OPT_TRACE_FROM},
	{"trace-for", required_argument, NULL, OPT_TRACE_FOR},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* Signal handlers have no other way to it. */
static struct card *running;

static void on_end(int number)
{
	(void)number;
	card_stop(running);
}

static void on_stats(int number)
{
	(void)number;
	card_want_stats(running);
}

static void say(const char *text)
{
	fprintf(stderr, "mpnic-sim serve: %s\n", text);
}

static int bad_usage(const char *what, const char *arg)
{
	fprintf(stderr, "mpnic-sim serve: %s%s%s; `mpnic-sim serve --help` tells more\n", what,
		arg ? " " : "", arg ? arg : "");
	return -EINVAL;
}

static int set_flows(struct card_config *config, const char *arg)
{
	struct mpnic_state_config *state = &config->device.state;
	char *end;
	const unsigned long n = strtoul(arg, &end, 0);

	/* Ids of flows and of connections are what firmware keeps account of. */
	if (end == arg || *end || n < 256 || n > 65536 || n & (n - 1))
		return bad_usage("--flows takes a power of two from 256 to 65536, not", arg);
	state->flows = state->conns = state->tokens = (uint32_t)n;
	return 0;
}

static int set_engine(struct card_config *config, const char *arg)
{
	config->engine = card_engine_find(arg);
	return config->engine ? 0 : bad_usage("--engine takes model or rtl, not", arg);
}

static int set_serial(struct card_config *config, const char *arg)
{
	if (strlen(arg) >= sizeof(config->device.serial))
		return bad_usage("--serial takes at most 31 characters, not", arg);
	memset(config->device.serial, 0, sizeof(config->device.serial));
	strcpy(config->device.serial, arg);
	return 0;
}

static int set_clocks(uint64_t *clocks, const char *option, const char *arg)
{
	char *end;

	errno = 0;
	*clocks = strtoull(arg, &end, 0);
	if (end == arg || *end || *arg == '-' || errno)
		return bad_usage(option, arg);
	return 0;
}

/* What fits each other. */
static int check(const struct card_config *config, bool flows_given, bool window_given)
{
	const bool rtl = config->engine->trace;

	if (!config->socket)
		return bad_usage("--socket is missing", NULL);
	if (rtl && flows_given)
		return bad_usage(
			"--flows is for the model; tables of the RTL have the size of its build",
			NULL);
	if (config->trace && !rtl)
		return bad_usage("--trace needs the RTL: --engine rtl", NULL);
	if (window_given && !config->trace)
		return bad_usage("--trace-from and --trace-for are of a --trace", NULL);
	if (!config->trace_for)
		return bad_usage("--trace-for takes a number of clocks from 1 on, not 0", NULL);
	return 0;
}

/* Returns 0, a negative errno, or 1 for --help. */
static int parse(int argc, char **argv, struct card_config *config)
{
	bool flows_given = false, window_given = false;
	int c, err = 0;

	optind = 1;
	while (!err &&
	       (c = getopt_long(argc, argv, ":s:e:0:1:c:f:S:qh", long_options, NULL)) != -1) {
		switch (c) {
		case 's':
			config->socket = optarg;
			break;
		case 'e':
			err = set_engine(config, optarg);
			break;
		case '0':
		case '1':
			config->wire[c - '0'] = optarg;
			break;
		case 'c':
			config->control = optarg;
			break;
		case 'f':
			err = set_flows(config, optarg);
			flows_given = true;
			break;
		case 'S':
			err = set_serial(config, optarg);
			break;
		case OPT_TRACE:
			config->trace = optarg;
			break;
		case OPT_TRACE_FROM:
			err = set_clocks(&config->trace_from, "--trace-from takes a clock, not",
					 optarg);
			window_given = true;
			break;
		case OPT_TRACE_FOR:
			err = set_clocks(&config->trace_for,
					 "--trace-for takes a number of clocks, not", optarg);
			window_given = true;
			break;
		case 'q':
			config->log = NULL;
			break;
		case 'h':
			return 1;
		default:
			err = bad_usage(c == ':' ? "an argument is missing for" : "no option",
					argv[optind - 1]);
		}
	}
	if (!err && optind < argc)
		err = bad_usage("nothing is known of", argv[optind]);
	return err ? err : check(config, flows_given, window_given);
}

/* Whoever sees the socket may send a signal: it waits until there is a card to have it. */
static void hold_signals(bool hold)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static int handle_signals(void)
{
	struct sigaction end = {.sa_handler = on_end}, stats = {.sa_handler = on_stats};

	signal(SIGPIPE, SIG_IGN);
	if (sigaction(SIGINT, &end, NULL) || sigaction(SIGTERM, &end, NULL) ||
	    sigaction(SIGUSR1, &stats, NULL))
		return -errno;
	hold_signals(false);
	return 0;
}

int serve_main(int argc, char **argv, char **program)
{
	struct card_config config = {
		.wire = {"none", "none"}, .trace_for = CARD_TRACE_FOR, .log = say};
	char error[CARD_ERROR_MAX];
	int err, closed;

	mpnic_device_defaults(&config.device);
	config.engine = card_engine_find("model");
	err = parse(argc, argv, &config);
	if (err == 1) {
		fputs(usage_text, stdout);
		return EXIT_OK;
	}
	if (err)
		return EXIT_USAGE;
	if (config.trace && !config.engine->traces)
		return trace_twin(program);
	hold_signals(true);
	if (card_open(&config, &running, error)) {
		say(error);
		return EXIT_BROKEN;
	}
	err = handle_signals();
	if (!err && config.log)
		fprintf(stderr, "mpnic-sim serve: the card is at %s\n", config.socket);
	if (!err)
		err = card_run(running);
	if (err)
		fprintf(stderr, "mpnic-sim serve: %s\n", strerror(-err));
	closed = card_close(running);
	if (closed)
		fprintf(stderr, "mpnic-sim serve: a wire's output: %s\n", strerror(-closed));
	return err || closed ? EXIT_BROKEN : EXIT_OK;
}
