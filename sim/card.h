/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A simulated card: the device, model or RTL, between a vfio-user socket and two wires.
 *
 * Two threads: the device's, in which card_run() runs, has device and wires; the server's, which
 * the card makes, has the socket. They meet in a page of doorbells, in DMA, and where a register
 * access is handed over: it waits CARD_ACCESS_MS at most, however long a step of the device takes.
 */
#ifndef SIM_CARD_H
#define SIM_CARD_H

#include <stdbool.h>
#include <stdint.h>

#include "card_engine.h"
#include "vfio_user.h"
#include "wire.h"

#define CARD_ACCESS_MS 10
#define CARD_ERROR_MAX 512
#define CARD_TRACE_FOR 100000 /* clocks of waveforms, where nothing is said */

struct card;

struct card_config {
	const char *socket;	       /* path of the vfio-user socket */
	const char *control;	       /* path of the command socket (docs/serve.md), or NULL */
	const char *wire[MPNIC_PORTS]; /* specs of wire.h */
	const struct card_engine *engine;
	struct mpnic_device_config device;
	const char *trace; /* file for waveforms of an engine that writes some, or NULL */
	uint64_t trace_from, trace_for; /* clocks */
	void (*log)(const char *text);	/* a line for people; called by both threads */
};

/* Returns 0 or a negative errno; then error says what is wrong and what to do. */
int card_open(const struct card_config *config, struct card **card, char error[CARD_ERROR_MAX]);

/* Run until card_stop(). Returns 0, or the error that ended it. */
int card_run(struct card *card);

/* Safe in a signal handler. */
void card_stop(struct card *card);
void card_want_stats(struct card *card);

/* Returns 0, or the error of a wire's output file. */
int card_close(struct card *card);

#endif
