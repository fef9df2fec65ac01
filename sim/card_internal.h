/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of a simulated card: card.c (threads, wires), card_bus.c (what a client of the socket
 * reaches), card_command.c (the command socket). */
#ifndef SIM_CARD_INTERNAL_H
#define SIM_CARD_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "card.h"
#include "pci_config.h"
#include "unix_path.h"
#include "wire_fault.h"

enum {
	CARD_REQUEST_MAX = 4096, /* bytes that are handed over at once */
	CARD_REQUESTS = 64,
	CARD_MSIX_BYTES = MPNIC_VECTORS * 16,
};

/* What the server's thread asks of the device's, which answers in the order of asking. */
struct card_request {
	enum card_request_kind {
		CARD_READ,
		CARD_WRITE,
		CARD_RESET
	} kind;
	bool done; /* the device's thread has answered */
	bool left; /* nobody waits for the answer, or not any more */
	int err;   /* of a reset */
	uint32_t offset, len;
	uint8_t data[CARD_REQUEST_MAX];
};

struct card {
	struct card_config config;
	struct vfu_server *server;
	const struct card_engine *engine; /* runs the device */
	struct mpnic_device *device;
	pthread_t thread;
	bool thread_runs;
	atomic_bool stop, want_stats;
	atomic_int server_error;
	int wake_fd; /* eventfd: the device's thread has something to do */
	atomic_bool asleep;

	uint32_t *doorbells; /* mapped from doorbell_fd, as clients map it */
	int doorbell_fd;

	/* Of the server's thread. */
	struct pci_config pci;
	uint8_t msix[CARD_MSIX_BYTES];

	/* Between both. */
	pthread_mutex_t lock;
	pthread_cond_t answered;
	struct card_request requests[CARD_REQUESTS]; /* a ring */
	unsigned int request_first, request_count;
	atomic_bool requested;

	/* Of the device's thread. */
	uint64_t now_ns;
	struct vfu_burst burst; /* of DMA */
	struct wire *wire[MPNIC_PORTS];
	struct wire_fault *fault[MPNIC_PORTS];
	bool wire_ended[MPNIC_PORTS], link_off[MPNIC_PORTS];
	int command_fd; /* listening; -1: none */
	struct unix_path command_path;
	struct card_client *clients;
	uint64_t command_due_ns; /* when the command socket is looked at next */
	bool dead;		 /* the device does nothing more: fault injection */
	uint8_t frame[WIRE_FRAME_MAX];
};

/* A line for people. */
__attribute__((format(printf, 2, 3))) void card_log(const struct card *card, const char *format,
						    ...);

/* Make the device's thread look around. From any thread, and from a signal handler. */
void card_wake(struct card *card);

/* ---- card_bus.c ------------------------------------------------------------------------------ */

int card_bus_open(struct card *card, char error[CARD_ERROR_MAX]);
void card_bus_close(struct card *card);
/* In the device's thread: answer what the server's asks. Returns whether it did. */
bool card_bus_serve(struct card *card);
extern const struct mpnic_device_ops card_device_ops;

/* ---- card_command.c -------------------------------------------------------------------------- */

int card_command_open(struct card *card, char error[CARD_ERROR_MAX]);
void card_command_close(struct card *card);
/* For poll(): at most CARD_COMMAND_FDS of them. */
#define CARD_COMMAND_FDS 5
struct pollfd;
unsigned int card_command_fds(const struct card *card, struct pollfd *fds);
/* In the device's thread: read, carry out, answer. Returns whether there was anything. */
bool card_command_serve(struct card *card);

/* The wires' and ports' counters as JSON text; the caller frees it. NULL: no memory. */
char *card_stats(const struct card *card);

#endif
