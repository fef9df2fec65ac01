/* SPDX-License-Identifier: BSD-3-Clause */
/* The command socket: statistics and faults on purpose. A line is a command, a line of JSON its
 * answer; docs/serve.md. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "card_internal.h"
#include "mpnic_device_map.h"

enum {
	CLIENTS = CARD_COMMAND_FDS - 1,
	LINE_MAX_BYTES = 512,
};

struct card_client {
	int fd; /* -1: free */
	size_t len;
	char line[LINE_MAX_BYTES];
};

/* ---- statistics ----------------------------------------------------------------------------- */

static json_t *wire_json(const struct wire_counts *c)
{
	return json_pack("{sI sI sI sI sI sI sI}", "frames", (json_int_t)c->frames, "bytes",
			 (json_int_t)c->bytes, "too_short", (json_int_t)c->too_short, "too_long",
			 (json_int_t)c->too_long, "busy", (json_int_t)c->busy, "no_peer",
			 (json_int_t)c->no_peer, "errors", (json_int_t)c->errors);
}

static json_t *fault_json(const struct wire_fault_counts *c)
{
	return json_pack("{sI sI sI sI sI sI}", "dropped", (json_int_t)c->dropped, "doubled",
			 (json_int_t)c->doubled, "corrupted", (json_int_t)c->corrupted, "reordered",
			 (json_int_t)c->reordered, "delayed", (json_int_t)c->delayed, "overflowed",
			 (json_int_t)c->overflowed);
}

static const char *lower(const char *from, char to[32])
{
	unsigned int i;

	for (i = 0; i < 31 && from[i]; i++)
		to[i] = (char)tolower((unsigned char)from[i]);
	to[i] = 0;
	return to;
}

static json_t *port_json(const struct card *card, unsigned int port)
{
	struct wire_fault_counts faults;
	struct wire_stats wire;
	json_t *out = json_object();
	char name[32];

	for (unsigned int i = 0; i < MPNIC_STAT_REGISTERS; i++) {
		const struct mpnic_register *reg = &mpnic_stat_registers[i];
		const uint32_t at = MPNIC_BAR_STAT + 0x100 * port + reg->offset;
		const uint64_t low = card->engine->read(card->device, at);
		const uint64_t high = card->engine->read(card->device, at + 4);

		json_object_set_new(out, lower(reg->name, name),
				    json_integer((json_int_t)(high << 32 | low)));
	}
	wire_stats(card->wire[port], &wire);
	wire_fault_counts(card->fault[port], &faults);
	json_object_set_new(out, "wire", json_string(wire_spec(card->wire[port])));
	json_object_set_new(out, "wire_rx", wire_json(&wire.rx));
	json_object_set_new(out, "wire_tx", wire_json(&wire.tx));
	json_object_set_new(out, "faults", fault_json(&faults));
	return out;
}

static json_t *server_json(const struct card *card)
{
	struct vfu_stats s;

	vfu_stats(card->server, &s);
	return json_pack("{sb sI sI sI sI sI sI sI sI sI}", "connected", s.connected, "clients",
			 (json_int_t)s.clients, "commands", (json_int_t)s.commands, "errors",
			 (json_int_t)s.errors, "dma_reads", (json_int_t)s.dma_reads,
			 "dma_read_bytes", (json_int_t)s.dma_read_bytes, "dma_writes",
			 (json_int_t)s.dma_writes, "dma_write_bytes", (json_int_t)s.dma_write_bytes,
			 "dma_errors", (json_int_t)s.dma_errors, "irqs", (json_int_t)s.irqs);
}

char *card_stats(const struct card *card)
{
	json_t *ports = json_array(), *out;
	char *text;

	for (unsigned int port = 0; port < MPNIC_PORTS; port++)
		json_array_append_new(ports, port_json(card, port));
	out = json_pack("{so}", "ports", ports);
	/* A card with its host in the same process has none. */
	if (card->server)
		json_object_set_new(out, "server", server_json(card));
	text = json_dumps(out, JSON_COMPACT);
	json_decref(out);
	return text;
}

/* ---- commands ------------------------------------------------------------------------------- */

/* Each writes its answer, which it owns no more, or returns NULL with why. */
typedef json_t *command_fn(struct card *card, char *args, char why[WIRE_ERROR_MAX]);

static json_t *do_stats(struct card *card, char *args, char why[WIRE_ERROR_MAX])
{
	char *text = card_stats(card);
	json_t *out = text ? json_loads(text, 0, NULL) : NULL;

	(void)args;
	if (!out)
		snprintf(why, WIRE_ERROR_MAX, "no memory");
	free(text);
	return out;
}

static int parse_port(char **args, unsigned int *port, char why[WIRE_ERROR_MAX])
{
	const char *word = strsep(args, " ");

	if (word && strlen(word) == 1 && *word >= '0' && *word < '0' + MPNIC_PORTS && *args) {
		*port = (unsigned int)(*word - '0');
		return 0;
	}
	snprintf(why, WIRE_ERROR_MAX, "a port, 0 to %d, comes first, then what is to happen",
		 MPNIC_PORTS - 1);
	return -EINVAL;
}

static json_t *do_wire(struct card *card, char *args, char why[WIRE_ERROR_MAX])
{
	unsigned int port;

	if (parse_port(&args, &port, why) || wire_fault_set(card->fault[port], args, why))
		return NULL;
	return json_object();
}

static json_t *do_link(struct card *card, char *args, char why[WIRE_ERROR_MAX])
{
	unsigned int port;

	if (parse_port(&args, &port, why))
		return NULL;
	if (strcmp(args, "up") && strcmp(args, "down")) {
		snprintf(why, WIRE_ERROR_MAX, "a link is put up or down");
		return NULL;
	}
	card->link_off[port] = *args == 'd';
	card->engine->link(card->device, port,
			   !card->link_off[port] && wire_link(card->wire[port]));
	return json_object();
}

static json_t *do_fault(struct card *card, char *args, char why[WIRE_ERROR_MAX])
{
	static const struct {
		const char *name;
		enum mpnic_device_fault fault;
	} faults[] = {
		{"fw-hang", MPNIC_FAULT_FW_HANG},	  {"fw-crash", MPNIC_FAULT_FW_CRASH},
		{"irq-lost", MPNIC_FAULT_IRQ_LOST},	  {"cpl-phase", MPNIC_FAULT_CPL_PHASE},
		{"cpl-buffers", MPNIC_FAULT_CPL_BUFFERS},
	};

	for (unsigned int i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (!args || strcmp(args, faults[i].name))
			continue;
		card->engine->fault(card->device, faults[i].fault);
		return json_object();
	}
	snprintf(why, WIRE_ERROR_MAX,
		 "a fault is one of fw-hang, fw-crash, irq-lost, cpl-phase, cpl-buffers");
	return NULL;
}

static json_t *trace_json(const struct card *card)
{
	struct card_trace t;

	card->engine->trace_state(card->device, &t);
	return json_pack("{sI sI sI sb}", "clock", (json_int_t)t.clock, "from", (json_int_t)t.from,
			 "end", (json_int_t)t.end, "open", t.open);
}

/* FILE [CLOCKS], from now on. */
static int start_trace(struct card *card, char *args, char why[WIRE_ERROR_MAX])
{
	const char *file = strsep(&args, " ");
	unsigned long long clocks = CARD_TRACE_FOR;
	char *end = NULL;
	int err;

	if (args) {
		errno = 0;
		clocks = strtoull(args, &end, 0);
	}
	if (!*file || (args && (end == args || *end || *args == '-' || errno)) || !clocks) {
		snprintf(why, WIRE_ERROR_MAX, "a file comes first, then a number of clocks");
		return -EINVAL;
	}
	err = card->engine->trace(card->device, file, 0, clocks);
	if (err)
		snprintf(why, WIRE_ERROR_MAX, "%.200s: %s", file, strerror(-err));
	return err;
}

static json_t *do_trace(struct card *card, char *args, char why[WIRE_ERROR_MAX])
{
	if (!card->engine->traces) {
		snprintf(why, WIRE_ERROR_MAX,
			 "waveforms are of the RTL (--engine rtl), and of `mpnic-sim-trace serve`");
		return NULL;
	}
	if (args && !strcmp(args, "off"))
		card->engine->trace(card->device, NULL, 0, 0);
	else if (args && start_trace(card, args, why))
		return NULL;
	return trace_json(card);
}

/* The device answers nothing more, as one whose power or link to the host has gone, until a reset
 * by PCI. */
static json_t *do_dead(struct card *card, char *args, char why[WIRE_ERROR_MAX])
{
	(void)args;
	(void)why;
	card->dead = true;
	return json_object();
}

static json_t *do_stop(struct card *card, char *args, char why[WIRE_ERROR_MAX])
{
	(void)args;
	(void)why;
	card_stop(card);
	return json_object();
}

static const struct {
	const char *name, *help;
	command_fn *run;
} commands[] = {
	{"stats", "counters of ports, wires and socket", do_stats},
	{"wire", "PORT drop=P,dup=P,corrupt=P,reorder=P,delay=US,seed=N,rx,tx | none", do_wire},
	{"link", "PORT up|down", do_link},
	{"fault", "fw-hang|fw-crash|irq-lost|cpl-phase|cpl-buffers", do_fault},
	{"trace", "FILE [CLOCKS] | off; how far it is, without", do_trace},
	{"dead", "answer nothing more until a PCI reset", do_dead},
	{"stop", "end mpnic-sim", do_stop},
};

static json_t *carry_out(struct card *card, char *line)
{
	char why[WIRE_ERROR_MAX] = "", *args = line;
	const char *name = strsep(&args, " ");
	json_t *out, *known;

	for (unsigned int i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(name, commands[i].name))
			continue;
		out = commands[i].run(card, args, why);
		return out ? json_pack("{sb so}", "ok", 1, "answer", out)
			   : json_pack("{sb ss}", "ok", 0, "error", why);
	}
	known = json_object();
	for (unsigned int i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		json_object_set_new(known, commands[i].name, json_string(commands[i].help));
	return json_pack("{sb ss so}", "ok", 0, "error", "no such command", "commands", known);
}

/* ---- the socket ----------------------------------------------------------------------------- */

static void drop_client(struct card_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	client->len = 0;
}

static void answer(struct card *card, struct card_client *client, char *line)
{
	json_t *out = carry_out(card, line);
	char *text = out ? json_dumps(out, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;

	json_decref(out);
	if (text)
		text[len++] = '\n';
	/* Who does not read its answers loses the connection: nothing waits for it. */
	if (!text || send(client->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)len)
		drop_client(client);
	free(text);
}

static void read_client(struct card *card, struct card_client *client)
{
	const ssize_t n = recv(client->fd, client->line + client->len,
			       sizeof(client->line) - client->len, MSG_DONTWAIT);
	char *end;

	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			drop_client(client);
		return;
	}
	client->len += (size_t)n;
	while (client->fd >= 0 && (end = memchr(client->line, '\n', client->len))) {
		const size_t used = (size_t)(end - client->line) + 1;

		*end = 0;
		answer(card, client, client->line);
		if (client->fd < 0)
			return;
		memmove(client->line, client->line + used, client->len - used);
		client->len -= used;
	}
	if (client->len == sizeof(client->line))
		drop_client(client);
}

static bool accept_client(struct card *card)
{
	const int fd = accept4(card->command_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return false;
	for (unsigned int i = 0; i < CLIENTS; i++) {
		if (card->clients[i].fd >= 0)
			continue;
		card->clients[i].fd = fd;
		return true;
	}
	close(fd);
	return true;
}

unsigned int card_command_fds(const struct card *card, struct pollfd *fds)
{
	unsigned int n = 0;

	if (card->command_fd < 0)
		return 0;
	fds[n++] = (struct pollfd){.fd = card->command_fd, .events = POLLIN};
	for (unsigned int i = 0; i < CLIENTS; i++)
		if (card->clients[i].fd >= 0)
			fds[n++] = (struct pollfd){.fd = card->clients[i].fd, .events = POLLIN};
	return n;
}

bool card_command_serve(struct card *card)
{
	struct pollfd fds[CARD_COMMAND_FDS];
	const unsigned int n = card_command_fds(card, fds);

	/* A look at the socket costs a system call: it is for when a time has passed. */
	if (!n || card->now_ns < card->command_due_ns)
		return false;
	card->command_due_ns = card->now_ns + 1000000;
	if (poll(fds, n, 0) <= 0)
		return false;
	accept_client(card);
	for (unsigned int i = 0; i < CLIENTS; i++)
		if (card->clients[i].fd >= 0)
			read_client(card, &card->clients[i]);
	return true;
}

int card_command_open(struct card *card, char error[CARD_ERROR_MAX])
{
	int fd;

	if (!card->config.control)
		return 0;
	card->clients = calloc(CLIENTS, sizeof(*card->clients));
	if (!card->clients) {
		snprintf(error, CARD_ERROR_MAX, "no memory");
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < CLIENTS; i++)
		card->clients[i].fd = -1;
	fd = unix_path_bind(card->config.control, SOCK_STREAM, &card->command_path, error,
			    CARD_ERROR_MAX);
	if (fd < 0)
		return fd;
	card->command_fd = fd;
	return 0;
}

void card_command_close(struct card *card)
{
	if (card->command_fd >= 0)
		close(card->command_fd);
	unix_path_remove(&card->command_path);
	for (unsigned int i = 0; card->clients && i < CLIENTS; i++)
		drop_client(&card->clients[i]);
	free(card->clients);
}
