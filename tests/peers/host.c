/* SPDX-License-Identifier: BSD-3-Clause */
#include "host.h"

#include <errno.h>
#include <netinet/ether.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BURST 64 /* frames of a wire before the next one's turn */

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static void get_random(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	if (getrandom(buf, len, 0) != (ssize_t)len)
		abort();
}

static void send_frame(void *ctx, unsigned port, const uint8_t *frame, size_t len)
{
	struct host *h = ctx;

	port_send(&h->port[port], frame, len);
}

static void usage(const char *what, const char *value)
{
	fprintf(stderr, "--%s: \"%s\" is none; see --help\n", what, value);
	exit(2);
}

void host_init(struct host *h)
{
	memset(h, 0, sizeof(*h));
	h->cfg.rto_min = 200000;
	h->cfg.idle = 120 * 1000000ull;
	h->cfg.mtu = 1500;
	get_random(NULL, h->cfg.mac, MAC_LEN);
	h->cfg.mac[0] = (uint8_t)((h->cfg.mac[0] & ~1) | 2);
}

static void set_mode(struct host *h, const char *value)
{
	static const char *const names[] = {"strict", "answer-v0", "tcp"};

	for (unsigned i = 0; i < 3; i++) {
		if (strcmp(value, names[i]))
			continue;
		h->cfg.mode = (enum stack_mode)i;
		return;
	}
	usage("mode", value);
}

static void set_fault(struct host *h, const char *value)
{
	static const char *const names[] = {"hmac", "idsn", "csum", "token", "no-dss"};

	for (unsigned i = 0; i < 5; i++) {
		if (strcmp(value, names[i]))
			continue;
		h->cfg.faults |= 1u << i;
		return;
	}
	usage("fault", value);
}

static void add_addr(struct host *h, const char *what, const char *value)
{
	if (h->cfg.addrs == STACK_ADDRS || !ipaddr_parse(value, &h->cfg.addr[h->cfg.addrs]))
		usage(what, value);
	h->cfg.addrs++;
}

static void set_advertise(struct host *h, const char *value)
{
	char text[64] = "";
	const char *comma = strchr(value, ',');
	const size_t len = comma ? (size_t)(comma - value) : strlen(value);

	if (len < sizeof(text))
		memcpy(text, value, len);
	add_addr(h, "advertise", text);
	h->cfg.advertise = h->cfg.addr[h->cfg.addrs - 1];
	if (comma)
		h->cfg.advertise_port = (uint16_t)atoi(comma + 1);
}

static void set_mac(struct host *h, const char *value)
{
	struct ether_addr mac;

	if (!ether_aton_r(value, &mac))
		usage("mac", value);
	memcpy(h->cfg.mac, mac.ether_addr_octet, MAC_LEN);
}

static unsigned number(const char *what, const char *value, unsigned least, unsigned most)
{
	char *end;
	const unsigned long n = strtoul(value, &end, 10);

	if (*end || n < least || n > most)
		usage(what, value);
	return (unsigned)n;
}

bool host_option(struct host *h, int option, const char *value)
{
	switch (option) {
	case 'w':
		if (h->ports == HOST_PORTS || port_open(&h->port[h->ports], value))
			exit(1);
		h->cfg.ports = ++h->ports;
		return true;
	case 'a':
		add_addr(h, "addr", value);
		return true;
	case 'm':
		set_mac(h, value);
		return true;
	case 'M':
		set_mode(h, value);
		return true;
	case 'c':
		h->cfg.checksum = true;
		return true;
	case 'l':
		h->cfg.long_dsn = true;
		return true;
	case 'r':
		h->cfg.rto_min = 1000ull * number("rto-min", value, 1, 60000);
		return true;
	case 't':
		h->cfg.mtu = number("mtu", value, 576, 1500);
		return true;
	case 'i':
		h->cfg.idle = 1000000ull * number("idle", value, 1, 86400);
		return true;
	case 'f':
		set_fault(h, value);
		return true;
	case 'A':
		set_advertise(h, value);
		return true;
	default:
		return false;
	}
}

int host_start(struct host *h, void (*report)(void *, enum stack_event, struct conn *))
{
	const struct stack_env env = {h, send_frame, get_random, report};
	const struct sigaction act = {.sa_handler = stop};

	if (!h->ports || !h->cfg.addrs) {
		fprintf(stderr, "a --wire and an --addr are needed; see --help\n");
		return -EINVAL;
	}
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	h->st = stack_new(&h->cfg, &env);
	if (!h->st)
		return -ENOMEM;
	stack_tick(h->st, port_now());
	return 0;
}

static void receive(struct host *h, unsigned port)
{
	uint8_t frame[FRAME_MAX];

	for (unsigned i = 0; i < BURST; i++) {
		const size_t n = port_recv(&h->port[port], frame, sizeof(frame));

		if (!n)
			return;
		stack_input(h->st, port, frame, n, port_now());
	}
}

void host_run(struct host *h, const bool *over, uint64_t linger)
{
	uint64_t end = NEVER;
	struct pollfd p[HOST_PORTS];

	for (unsigned i = 0; i < h->ports; i++)
		p[i] = (struct pollfd){.fd = h->port[i].fd, .events = POLLIN};
	while (!stopped && port_now() < end) {
		const uint64_t next = stack_tick(h->st, port_now());
		const uint64_t now = port_now();
		const uint64_t wait = next > now ? (next - now) / 1000 + 1 : 0;
		const uint64_t most = *over ? 20 : 1000;

		if (*over && end == NEVER)
			end = now + linger;
		if (poll(p, h->ports, (int)(wait < most ? wait : most)) < 0)
			continue;
		for (unsigned i = 0; i < h->ports; i++)
			if (p[i].revents)
				receive(h, i);
	}
}

void host_stop(struct host *h)
{
	stack_free(h->st);
	for (unsigned i = 0; i < h->ports; i++)
		port_close(&h->port[i]);
}
