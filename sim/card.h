/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A simulated card: the device, model or RTL, between a host and two wires. The host is a process
 * at a vfio-user socket, or this one (card_local_*).
 *
 * Two threads: the device's, in which card_run() runs, has device and wires; the server's, which
 * the card makes, has the socket. They meet in a page of doorbells, in DMA, and where a register
 * access is handed over: it waits CARD_ACCESS_MS at most, however long a step of the device takes.
 * A host in this process is any threads of it. They take the device's place for a moment where the
 * device's thread sleeps (card_local_serve()).
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
	const char *socket;	       /* path of the vfio-user socket; NULL: a local host */
	const char *control;	       /* path of the command socket (docs/serve.md), or NULL */
	const char *wire[MPNIC_PORTS]; /* specs of wire.h */
	const struct card_engine *engine;
	struct mpnic_device_config device;
	const char *trace; /* file for waveforms of an engine that writes some, or NULL */
	uint64_t trace_from, trace_for; /* clocks */
	void (*log)(const char *text);	/* a line for people; called by all threads */
};

/* Returns 0 or a negative errno; then error says what is wrong and what to do. */
int card_open(const struct card_config *config, struct card **card, char error[CARD_ERROR_MAX]);

/* Run until card_stop(). Returns 0, or the error that ended it. */
int card_run(struct card *card);

/* Safe in a signal handler. */
void card_stop(struct card *card);
void card_want_stats(struct card *card);

/*
 * For a local host, while card_run() runs. Words of BAR 0; writes are posted, and one to BAR_KICK
 * only wakes the device. Returns 0; -EBUSY: the device did not get to a read within CARD_ACCESS_MS.
 */
int card_local_read(struct card *card, uint32_t offset, uint32_t *value);
int card_local_write(struct card *card, uint32_t offset, uint32_t value);
int card_local_reset(struct card *card);
/*
 * Let firmware do in this thread what the host asks of it now, admin commands first of all. Returns
 * 0 if nothing is left to do; -EBUSY: something is, or the device's thread is at work, which is to
 * be kicked as ever.
 */
int card_local_serve(struct card *card);
/* The page of doorbells, MPNIC_DOORBELL_SIZE bytes; valid until card_close(). */
uint32_t *card_local_doorbells(struct card *card);
/* Let the device reach @size bytes at @addr under bus address @iova. -EEXIST: that overlaps. */
int card_local_map(struct card *card, void *addr, uint64_t size, uint64_t iova);
/* A range as it was mapped. -ENOENT. Once it returns 0 the device no longer touches it. */
int card_local_unmap(struct card *card, uint64_t iova, uint64_t size);
/* The eventfd that a vector signals; -1: none. It stays the caller's. */
int card_local_irq(struct card *card, unsigned int vector, int fd);

/* Returns 0, or the error of a wire's output file. */
int card_close(struct card *card);

#endif
