/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of wire ports, whose interface is wire.h: one file a kind. */
#ifndef SIM_WIRE_PRIVATE_H
#define SIM_WIRE_PRIVATE_H

#include <errno.h>

#include "wire.h"

struct wire_kind {
	const char *name;
	/* `rest` is what stands behind the colon of the spec. */
	int (*open)(struct wire *wire, const char *rest);
	/*
	 * Returns 1 with a frame's length (of the whole frame; no more than size of it is there),
	 * 0, -EBADMSG for a frame that was dropped and counted, -ENODATA, or an error.
	 */
	int (*recv)(struct wire *wire, void *buf, size_t size, size_t *len, uint64_t *time_ns);
	int (*send)(struct wire *wire, const void *frame, size_t len, uint64_t time_ns);
	bool (*link)(struct wire *wire);
	int (*close)(struct wire *wire);
	bool stamps; /* what is sent is kept with its time */
};

struct wire {
	const struct wire_kind *kind;
	char *spec;
	void *state; /* of the kind */
	int fd;	     /* -1: none */
	int broken;  /* the error that ended it */
	char error[WIRE_ERROR_MAX];
	struct wire_stats stats;
};

extern const struct wire_kind wire_tap, wire_pcap, wire_unix;

/* Set the error's text; returns err. */
int wire_fail(struct wire *wire, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Other threads read the counters, and none but the wire's writes them. */
static inline void wire_count(uint64_t *counter, uint64_t more)
{
	__atomic_store_n(counter, *counter + more, __ATOMIC_RELAXED);
}

#endif
