/* SPDX-License-Identifier: BSD-3-Clause */
/* mpnicd: the control plane of an mpnic card. Guide: docs/mpnicd.md. */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "daemon.h"

#define DEFAULT_CONFIG "/etc/mpnicd.conf"

enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1, /* of the machine, the card, a file */
	EXIT_USAGE = 2,	 /* command line or configuration */
};

void daemon_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("mpnicd: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

static void random_bytes(void *ctx, void *bytes, size_t count)
{
	(void)ctx;
	/* Up to 256 bytes come whole once the kernel is seeded; without them nothing is secret. */
	if (getrandom(bytes, count, 0) != (ssize_t)count)
		abort();
}

/* ---- start ---------------------------------------------------------------------------------- */

static int fail(int err, char *error, size_t size, const char *what)
{
	snprintf(error, size, "%s: %s", what, strerror(-err));
	return err;
}

static int open_taps(struct daemon *d, char *error, size_t size)
{
	if (d->config.ports < d->nic.ports) {
		snprintf(error, size, "%s: tap: the card has %u ports, each needs a name",
			 d->config_path, d->nic.ports);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < NIC_PORTS; i++)
		d->mover.tap[i].fd = -1;
	for (unsigned int i = 0; i < d->nic.ports; i++) {
		const int err = tap_open(&d->mover.tap[i], d->config.tap[i],
					 d->nic.mac[i].addr_bytes, d->nic.mtu, error, size);

		if (err)
			return err;
	}
	return 0;
}

static int open_control(struct daemon *d, char *error, size_t size)
{
	struct plane_config c = {.random = random_bytes, .probe = d->config.probes};
	struct mpnic_settings settings;
	const char *wrong = NULL;
	uint32_t conns, flows;
	int err = push_room(&d->nic, &conns, &flows);

	if (!err)
		err = push_settings(&d->nic, &settings);
	if (err)
		return fail(err, error, size, "the card's tables");
	conns_defaults(&c.conns);
	c.conns.conns = conns < c.conns.conns ? conns : c.conns.conns;
	c.conns.flows = flows < c.conns.flows ? flows : c.conns.flows;
	c.conns.epoch_s = (uint32_t)daemon_look_at_clock(d);
	c.conns.host_sources = settings.host_sources;
	c.conns.exact_vlan = settings.exact_vlan;
	c.conns.policy = CONNS_DROP_JOIN_UNKNOWN | CONNS_DROP_JOIN_BAD;
	random_bytes(NULL, c.conns.key, sizeof(c.conns.key));
	peers_defaults(&c.peers);
	c.peers.capacity = d->config.cache_entries;
	c.peers.pins = 4096;
	random_bytes(NULL, c.peers.secret, sizeof(c.peers.secret));
	err = plane_new(&c, d->config.policy, &d->plane, &wrong);
	if (err)
		return fail(err, error, size, wrong ? wrong : "control");
	return 0;
}

static int open_metrics(struct daemon *d, char *error, size_t size)
{
	char where[CONFIG_PATH_SIZE + 8], ip[64];

	if (d->config.metrics_socket[0]) {
		snprintf(where, sizeof(where), "unix:%s", d->config.metrics_socket);
	} else if (d->config.metrics_addr.version) {
		words_addr(&d->config.metrics_addr, ip, sizeof(ip));
		snprintf(where, sizeof(where),
			 d->config.metrics_addr.version == 6 ? "[%s]:%u" : "%s:%u", ip,
			 d->config.metrics_port);
	} else {
		return 0;
	}
	return metrics_open(&d->metrics, where, counters_metrics, d, error, size);
}

/* In which network the card's own table looks for the peers of a port. */
static int set_networks(struct daemon *d, char *error, size_t size)
{
	for (unsigned int i = 0; i < d->nic.ports; i++) {
		uint8_t network = 0;
		int err;

		if (!policy_port_is_one(plane_policy(d->plane), i, &network))
			daemon_say("port %s: several networks by VLAN: its SYNs are decided by "
				   "mpnicd alone",
				   d->config.tap[i]);
		err = push_network(&d->nic, i, network);
		if (err)
			return fail(err, error, size, "networks of the card's ports");
	}
	return 0;
}

/* From root to the user of the configuration. With CAP_NET_ADMIN alone there is nothing to drop. */
static int drop_privileges(const char *user, char *error, size_t size)
{
	const struct passwd *p;

	/* Keys of connections are in memory: no core dump, no debugger. */
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (!*user || geteuid())
		return 0;
	errno = 0;
	p = getpwnam(user);
	if (!p) {
		snprintf(error, size, "user: there is no \"%s\"", user);
		return -ENOENT;
	}
	if (initgroups(user, p->pw_gid) || setgid(p->pw_gid) || setuid(p->pw_uid))
		return fail(-errno, error, size, "user: privileges cannot be dropped");
	return 0;
}

static int start(struct daemon *d, char *error, size_t size)
{
	int err = nic_eal("mpnicd", d->config.device, error, size);

	if (!err)
		err = nic_start(&d->nic, d->config.mtu, error, size);
	if (!err)
		err = open_taps(d, error, size);
	if (!err)
		err = open_control(d, error, size);
	if (!err)
		err = set_networks(d, error, size);
	if (!err && d->config.cache_file[0])
		err = daemon_open_store(d, error, size);
	if (!err)
		err = ctl_open(&d->ctl, d->config.control_socket, d->config.control_group,
			       daemon_commands, d, error, size);
	if (!err)
		err = open_metrics(d, error, size);
	if (!err)
		err = drop_privileges(d->config.user, error, size);
	if (!err && (err = mover_start(&d->mover, &d->nic)))
		fail(err, error, size, "the mover");
	return err;
}

static void finish(struct daemon *d)
{
	if (d->mover.slow)
		mover_stop(&d->mover);
	metrics_close(d->metrics);
	ctl_close(d->ctl);
	if (d->store)
		store_close(d->store);
	plane_free(d->plane);
	for (unsigned int i = 0; i < NIC_PORTS; i++)
		tap_close(&d->mover.tap[i]);
	if (d->nic.pool)
		nic_stop(&d->nic);
	config_free(&d->config);
}

/* Signals come by a descriptor (loop.c), in no thread of DPDK's. */
static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int run(struct daemon *d)
{
	char error[DAEMON_ERROR] = "";
	int err;

	block_signals();
	err = start(d, error, sizeof(error));
	if (!err) {
		daemon_say("ready: %u ports, control socket %s", d->nic.ports,
			   d->config.control_socket);
		sd_notify(0, "READY=1");
		err = daemon_loop(d, error, sizeof(error));
		sd_notify(0, "STOPPING=1");
	}
	finish(d);
	if (err)
		daemon_say("%s", error);
	return err ? EXIT_FAILED : EXIT_DONE;
}

/* ---- command line --------------------------------------------------------------------------- */

static void help(FILE *out)
{
	fputs("usage: mpnicd [--config FILE] [--check]\n\n"
	      "  --config FILE  configuration; else " DEFAULT_CONFIG "\n"
	      "  --check        say whether the configuration is right, and end\n"
	      "  --help         this text\n\n"
	      "SIGHUP reads the configuration again, SIGTERM and SIGINT end mpnicd.\n"
	      "Exit codes: 0 ended as told; 1 failed; 2 usage or configuration.\n",
	      out);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, 'k'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	static struct daemon d = {.config_path = DEFAULT_CONFIG};
	char error[CONFIG_ERROR_SIZE];
	bool check = false;

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (c) {
		case 'c':
			d.config_path = optarg;
			break;
		case 'k':
			check = true;
			break;
		case 'h':
			help(stdout);
			return EXIT_DONE;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind != argc) {
		fprintf(stderr, "mpnicd: \"%s\" is too much; mpnicd --help\n", argv[optind]);
		return EXIT_USAGE;
	}
	if (config_load(d.config_path, &d.config, error, sizeof(error))) {
		daemon_say("%s", error);
		return EXIT_USAGE;
	}
	if (check) {
		config_free(&d.config);
		return EXIT_DONE;
	}
	for (unsigned int i = 0; i < NIC_PORTS; i++)
		d.mover.tap[i].fd = -1;
	return run(&d);
}
