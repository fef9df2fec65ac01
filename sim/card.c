/* SPDX-License-Identifier: BSD-3-Clause */
/* A simulated card's threads and wires. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "card_internal.h"

enum {
	WIRE_BURST = 32,	   /* frames of one wire before the other's turn */
	SPIN_NS = 50000,	   /* the device looks around for so long before it sleeps */
	CAPTURE_POLL_NS = 1000000, /* a capture waits for the driver: look again after this */
	NS_PER_S = 1000000000,
	NS_PER_MS = 1000000,
};

uint64_t card_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

void card_log(const struct card *card, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (card->config.log)
		card->config.log(text);
}

void card_wake(struct card *card)
{
	const uint64_t one = 1;

	/* It fails only where the count is full: then the thread wakes anyway. */
	if (atomic_load(&card->asleep))
		(void)!write(card->wake_fd, &one, sizeof(one));
}

void card_stop(struct card *card)
{
	const uint64_t one = 1;

	atomic_store(&card->stop, true);
	(void)!write(card->wake_fd, &one, sizeof(one));
}

void card_want_stats(struct card *card)
{
	const uint64_t one = 1;

	atomic_store(&card->want_stats, true);
	(void)!write(card->wake_fd, &one, sizeof(one));
}

/* ---- wires ---------------------------------------------------------------------------------- */

static void end_wire(struct card *card, unsigned int port, int err)
{
	card->wire_ended[port] = true;
	if (err == -ENODATA)
		card_log(card, "port %u: the capture is at its end", port);
	else
		card_log(card, "port %u: %s", port, wire_error(card->wire[port]));
}

/* A capture can wait, a wire cannot: its frames are taken when the driver has buffers. */
static bool may_receive(struct card *card, unsigned int port)
{
	if (card->wire_ended[port] || card->link_off[port] || card->dead)
		return false;
	return wire_fd(card->wire[port]) >= 0 || card->engine->has_room(card->device, port);
}

/* Returns whether a frame came. */
static bool receive(struct card *card, unsigned int port, uint64_t now)
{
	unsigned int i;

	for (i = 0; i < WIRE_BURST && may_receive(card, port); i++) {
		const int len =
			wire_fault_recv(card->fault[port], card->frame, sizeof(card->frame), now);

		if (len == 0)
			break;
		if (len < 0) {
			end_wire(card, port, len);
			break;
		}
		card->engine->receive(card->device, port, card->frame, (size_t)len);
	}
	return i > 0;
}

static void watch_links(struct card *card)
{
	for (unsigned int port = 0; port < MPNIC_PORTS; port++)
		card->engine->link(card->device, port,
				   !card->link_off[port] && wire_link(card->wire[port]));
}

/* ---- the device's thread -------------------------------------------------------------------- */

/* What the device and its wires have to do now. */
static bool turn(struct card *card)
{
	const uint64_t now = card->now_ns = card_now_ns();
	bool busy = false;

	if (!card->dead)
		busy |= card->engine->poll(card->device, now);
	for (unsigned int port = 0; port < MPNIC_PORTS; port++) {
		busy |= receive(card, port, now);
		wire_fault_flush(card->fault[port], now);
	}
	return busy;
}

static bool step(struct card *card)
{
	bool busy = card_bus_serve(card);

	busy |= card_command_serve(card);
	if (!card->engine->quick || !card->server)
		return turn(card) || busy;
	vfu_burst_begin(card->server, &card->burst);
	busy |= turn(card);
	vfu_burst_end(&card->burst);
	return busy;
}

static uint64_t next_due(const struct card *card, uint64_t wake)
{
	for (unsigned int port = 0; port < MPNIC_PORTS; port++) {
		const uint64_t due = wire_fault_due(card->fault[port]);
		const bool capture = wire_fd(card->wire[port]) < 0 && !card->wire_ended[port];

		if (due < wake)
			wake = due;
		if (capture && wake > card->now_ns + CAPTURE_POLL_NS)
			wake = card->now_ns + CAPTURE_POLL_NS;
	}
	return wake;
}

/* Until a doorbell's kick, a register access, a frame, a command, or a time. */
static void sleep_until(struct card *card, uint64_t wake)
{
	struct pollfd fds[1 + MPNIC_PORTS + CARD_COMMAND_FDS];
	const uint64_t now = card_now_ns();
	struct timespec timeout = {0};
	unsigned int n = 0;
	uint64_t count;

	if (wake > now) {
		timeout.tv_sec = (time_t)((wake - now) / NS_PER_S);
		timeout.tv_nsec = (long)((wake - now) % NS_PER_S);
	}
	fds[n++] = (struct pollfd){.fd = card->wake_fd, .events = POLLIN};
	for (unsigned int port = 0; port < MPNIC_PORTS; port++)
		if (wire_fd(card->wire[port]) >= 0 && may_receive(card, port))
			fds[n++] =
				(struct pollfd){.fd = wire_fd(card->wire[port]), .events = POLLIN};
	n += card_command_fds(card, fds + n);
	ppoll(fds, n, &timeout, NULL);
	if (fds[0].revents)
		(void)!read(card->wake_fd, &count, sizeof(count));
}

static void doze(struct card *card)
{
	uint64_t wake = card->now_ns + 100 * (uint64_t)NS_PER_MS;
	bool sleep;

	watch_links(card);
	/* From here on whoever has something wakes us; what came before is looked for once more. */
	atomic_store(&card->asleep, true);
	sleep = !atomic_load(&card->requested) && !atomic_load(&card->stop) &&
		(card->dead || card->engine->sleep(card->device, &wake));
	if (sleep) {
		pthread_mutex_unlock(&card->device_lock);
		sleep_until(card, next_due(card, wake));
		pthread_mutex_lock(&card->device_lock);
	}
	atomic_store(&card->asleep, false);
}

static void show_stats(struct card *card)
{
	char *text = card_stats(card);

	if (text)
		card_log(card, "%s", text);
	free(text);
}

/* With the device's lock. */
static void look_around(struct card *card, uint64_t *idle_since)
{
	if (atomic_exchange_explicit(&card->want_stats, false, memory_order_relaxed))
		show_stats(card);
	if (step(card))
		*idle_since = 0;
	else if (!*idle_since)
		*idle_since = card->now_ns;
	else if (card->now_ns - *idle_since > SPIN_NS)
		doze(card);
}

int card_run(struct card *card)
{
	uint64_t idle_since = 0;
	int err = 0;

	while (!atomic_load_explicit(&card->stop, memory_order_relaxed) && !err) {
		pthread_mutex_lock(&card->device_lock);
		look_around(card, &idle_since);
		pthread_mutex_unlock(&card->device_lock);
		err = atomic_load_explicit(&card->server_error, memory_order_relaxed);
	}
	return err;
}

/* ---- set-up --------------------------------------------------------------------------------- */

static int open_wires(struct card *card, char error[CARD_ERROR_MAX])
{
	char why[WIRE_ERROR_MAX];

	for (unsigned int port = 0; port < MPNIC_PORTS; port++) {
		int err = wire_open(card->config.wire[port], &card->wire[port], why);

		if (err) {
			snprintf(error, CARD_ERROR_MAX, "port %u: %.400s", port, why);
			return err;
		}
		err = wire_fault_new(card->wire[port], &card->fault[port]);
		if (err) {
			snprintf(error, CARD_ERROR_MAX, "no memory");
			return err;
		}
	}
	return 0;
}

static int start_trace(struct card *card)
{
	const struct card_config *c = &card->config;

	return c->trace ? card->engine->trace(card->device, c->trace, c->trace_from, c->trace_for)
			: 0;
}

static int open_all(struct card *card, char error[CARD_ERROR_MAX])
{
	int err = open_wires(card, error);

	if (err)
		return err;
	err = card_bus_open(card, error);
	if (err)
		return err;
	err = card->host->open(card, error);
	if (err)
		return err;
	err = card_command_open(card, error);
	if (err)
		return err;
	card->now_ns = card_now_ns();
	err = card->engine->open(&card->config.device, card->host->device_ops, card,
				 card->doorbells, card->now_ns, &card->device);
	if (!err)
		err = start_trace(card);
	if (!err)
		watch_links(card);
	if (!err)
		err = card->host->start(card);
	if (err)
		snprintf(error, CARD_ERROR_MAX, "the device: %s", strerror(-err));
	return err;
}

int card_open(const struct card_config *config, struct card **out, char error[CARD_ERROR_MAX])
{
	struct card *card = calloc(1, sizeof(*card));
	int err;

	if (!card) {
		snprintf(error, CARD_ERROR_MAX, "no memory");
		return -ENOMEM;
	}
	pthread_mutex_init(&card->device_lock, NULL);
	card->config = *config;
	card->engine = config->engine;
	card->host = config->socket ? &card_socket : &card_local;
	card->doorbell_fd = card->command_fd = -1;
	card->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (card->wake_fd < 0) {
		err = -errno;
		snprintf(error, CARD_ERROR_MAX, "eventfd: %s", strerror(-err));
	} else {
		err = open_all(card, error);
	}
	if (err) {
		card_close(card);
		return err;
	}
	*out = card;
	return 0;
}

int card_close(struct card *card)
{
	int err = 0;

	card->host->stop(card);
	card_command_close(card);
	card->host->close(card);
	card_bus_close(card);
	if (card->device)
		card->engine->free(card->device);
	for (unsigned int port = 0; port < MPNIC_PORTS; port++) {
		wire_fault_free(card->fault[port]);
		if (card->wire[port]) {
			const int closed = wire_close(card->wire[port]);

			err = err ? err : closed;
		}
	}
	if (card->wake_fd >= 0)
		close(card->wake_fd);
	pthread_mutex_destroy(&card->device_lock);
	free(card);
	return err;
}
