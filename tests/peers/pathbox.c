/* SPDX-License-Identifier: BSD-3-Clause */
/* pathbox: a middlebox between two wires that drops, strips, corrupts, loses, reorders, repeats. */
#include "path.h"
#include "port.h"

#include <getopt.h>
#include <jansson.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define BURST 64

static volatile sig_atomic_t stopped;

struct box {
	struct path path;
	struct port port[2]; /* a, b */
	pcap_t *pcap;
	pcap_dumper_t *dump; /* what leaves the box */
};

static const struct option options[] = {
	{"a", required_argument, NULL, 'a'},
	{"b", required_argument, NULL, 'b'},
	{"drop-capable-syn", no_argument, NULL, 'd'},
	{"strip", required_argument, NULL, 's'},
	{"strip-after", required_argument, NULL, 'n'},
	{"corrupt-from-a", required_argument, NULL, 'x'},
	{"corrupt-from-b", required_argument, NULL, 'y'},
	{"loss", required_argument, NULL, 'l'},
	{"reorder", required_argument, NULL, 'r'},
	{"dup", required_argument, NULL, 'u'},
	{"seed", required_argument, NULL, 'S'},
	{"pcap", required_argument, NULL, 'p'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static void help(void)
{
	printf("pathbox --a WIRE --b WIRE [OPTION...]   (WIRE: tap:NAME or unix:LOCAL,REMOTE)\n"
	       "  --drop-capable-syn             SYNs with MP_CAPABLE are lost\n"
	       "  --strip syn|synack|third       MP_CAPABLE is taken out there; may be repeated\n"
	       "  --strip-after N                all MPTCP options, after N payload bytes of a flow\n"
	       "  --corrupt-from-a N, -b N       the byte at N of each stream from that side\n"
	       "  --loss P, --reorder P, --dup P chances from 0 to 1; --seed N\n"
	       "  --pcap FILE                    what leaves the box\n"
	       "SIGTERM ends it, with its counters as a line of JSON.\n");
}

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static void forward(void *ctx, bool up, const uint8_t *frame, size_t len)
{
	struct box *b = ctx;
	struct pcap_pkthdr head = {.caplen = (unsigned)len, .len = (unsigned)len};

	if (b->dump) {
		gettimeofday(&head.ts, NULL);
		pcap_dump((unsigned char *)b->dump, &head, frame);
	}
	port_send(&b->port[up], frame, len);
}

static void open_pcap(struct box *b, const char *file)
{
	b->pcap = pcap_open_dead(DLT_EN10MB, 65535);
	b->dump = b->pcap ? pcap_dump_open(b->pcap, file) : NULL;
	if (b->dump)
		return;
	fprintf(stderr, "%s: %s\n", file, b->pcap ? pcap_geterr(b->pcap) : "no memory");
	exit(1);
}

static unsigned strip_what(const char *name)
{
	static const char *const names[] = {"syn", "synack", "third"};

	for (unsigned i = 0; i < 3; i++)
		if (!strcmp(name, names[i]))
			return PATH_STRIP_SYN << i;
	fprintf(stderr, "--strip: \"%s\" is none of syn, synack, third\n", name);
	exit(2);
}

static double probability(const char *text)
{
	char *end;
	const double p = strtod(text, &end);

	if (!*end && p >= 0 && p <= 1)
		return p;
	fprintf(stderr, "\"%s\": no chance from 0 to 1\n", text);
	exit(2);
}

static void take(struct box *b, int option, const char *value)
{
	struct path_config *cfg = &b->path.cfg;

	switch (option) {
	case 'a':
	case 'b':
		if (port_open(&b->port[option == 'b'], value))
			exit(1);
		break;
	case 'd':
		cfg->what |= PATH_DROP_CAPABLE_SYN;
		break;
	case 's':
		cfg->what |= strip_what(value);
		break;
	case 'n':
		cfg->strip_after = strtoull(value, NULL, 10);
		break;
	case 'x':
	case 'y':
		cfg->corrupt_at[option == 'y'] = strtoull(value, NULL, 10);
		break;
	case 'l':
		cfg->loss = probability(value);
		break;
	case 'r':
		cfg->reorder = probability(value);
		break;
	case 'u':
		cfg->dup = probability(value);
		break;
	case 'S':
		cfg->seed = strtoull(value, NULL, 10);
		break;
	case 'p':
		open_pcap(b, value);
		break;
	case 'h':
		help();
		exit(0);
	default:
		exit(2);
	}
}

static void pass(struct box *b, unsigned side)
{
	uint8_t frame[FRAME_MAX];

	for (unsigned i = 0; i < BURST; i++) {
		const size_t n = port_recv(&b->port[side], frame, sizeof(frame));

		if (!n)
			return;
		path_frame(&b->path, side == 0, frame, n);
	}
}

static void counters(const struct path_counts *n)
{
	json_t *o =
		json_pack("{sI sI sI sI sI sI sI}", "frames", (json_int_t)n->frames, "dropped",
			  (json_int_t)n->dropped, "stripped", (json_int_t)n->stripped, "corrupted",
			  (json_int_t)n->corrupted, "lost", (json_int_t)n->lost, "reordered",
			  (json_int_t)n->reordered, "duplicated", (json_int_t)n->duplicated);

	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

int main(int argc, char **argv)
{
	static struct box b = {.port = {{.fd = -1}, {.fd = -1}}};
	const struct sigaction act = {.sa_handler = stop};
	struct pollfd p[2];
	int option;

	path_init(&b.path, forward, &b);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		take(&b, option, optarg);
	if (b.port[0].fd < 0 || b.port[1].fd < 0) {
		fprintf(stderr, "--a and --b are needed; see --help\n");
		return 2;
	}
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	printf("{\"event\":\"ready\"}\n");
	fflush(stdout);
	for (unsigned i = 0; i < 2; i++)
		p[i] = (struct pollfd){.fd = b.port[i].fd, .events = POLLIN};
	while (!stopped) {
		const int n = poll(p, 2, b.path.held_len[0] || b.path.held_len[1] ? 2 : 1000);

		if (!n)
			path_flush(&b.path);
		for (unsigned i = 0; n > 0 && i < 2; i++)
			if (p[i].revents)
				pass(&b, i);
	}
	counters(&b.path.n);
	if (b.dump)
		pcap_dump_close(b.dump);
	if (b.pcap)
		pcap_close(b.pcap);
	port_close(&b.port[0]);
	port_close(&b.port[1]);
	return 0;
}
