/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of a simulated card: card.c (threads, wires), card_bus.c (what its host reaches),
 * card_socket.c and card_local.c (a host in another process, in this one), card_command.c (the
 * command socket). */
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

/* What the host's side asks of the device's thread, which answers in the order of asking. */
struct card_request {
	enum card_request_kind {
		CARD_READ,
		CARD_WRITE,
		CARD_RESET,
		CARD_LOCAL /* as card_local.c has it */
	} kind;
	bool done; /* the device's thread has answered */
	bool left; /* nobody waits for the answer, or not any more */
	int err;   /* of a reset, or local */
	uint32_t offset, len;
	uint8_t data[CARD_REQUEST_MAX];
};

/* How a host reaches the card. */
struct card_host {
	const struct mpnic_device_ops *device_ops; /* what the device reaches; ctx: the card */
	int (*open)(struct card *card, char error[CARD_ERROR_MAX]);
	int (*start)(struct card *card);  /* the device is there */
	void (*stop)(struct card *card);  /* the device will go; also if it was not started */
	void (*close)(struct card *card); /* also if open() failed */
};

/* A range of the host's memory that the device reaches. */
struct card_map {
	uint64_t iova, size;
	uint8_t *addr;
};

struct card {
	struct card_config config;
	const struct card_host *host;
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

	/* Of the host's side. */
	struct pci_config pci;
	uint8_t msix[CARD_MSIX_BYTES];

	/* Between both. */
	pthread_mutex_t lock;
	pthread_cond_t answered;
	struct card_request requests[CARD_REQUESTS]; /* a ring */
	unsigned int request_first, request_count;
	atomic_bool requested;

	/* Of the device's thread, or who has its lock. */
	pthread_mutex_t device_lock;
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
	struct card_map *maps;	 /* of a local host, by iova */
	unsigned int map_count, map_last;
	int irq_fd[MPNIC_VECTORS];
	uint8_t frame[WIRE_FRAME_MAX];
};

/* A line for people. */
__attribute__((format(printf, 2, 3))) void card_log(const struct card *card, const char *format,
						    ...);

uint64_t card_now_ns(void);

/* Make the device's thread look around. From any thread, and from a signal handler. */
void card_wake(struct card *card);

/* ---- card_bus.c ------------------------------------------------------------------------------ */

int card_bus_open(struct card *card, char error[CARD_ERROR_MAX]);
void card_bus_close(struct card *card);
/*
 * Give the device's thread a request, and wait for its answer, @ms at most. A write that is not
 * answered in time is done later, in its order: hosts post writes, and are not told of one that was
 * lost. Returns 0, or -EBUSY where a read was not answered, or the ring has been full for too long.
 */
int card_bus_ask(struct card *card, enum card_request_kind kind, uint32_t offset, void *data,
		 uint32_t len, unsigned int ms);
/* BAR 0, at most CARD_REQUEST_MAX - 8 bytes at once; a register is written by whole words. */
int card_bus_read(struct card *card, uint64_t offset, uint8_t *data, uint32_t len);
int card_bus_write(struct card *card, uint64_t offset, const uint8_t *data, uint32_t len);
/* In the device's thread: answer what the host's side asks. Returns whether it did. */
bool card_bus_serve(struct card *card);
/* For device_ops. */
int card_wire_send(void *ctx, unsigned int port, const void *frame, size_t len);
void card_random(void *ctx, void *buf, size_t len);

/* ---- card_socket.c, card_local.c ------------------------------------------------------------- */

extern const struct card_host card_socket, card_local;
/* In the device's thread. */
int card_local_carry_out(struct card *card, const void *request);

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
