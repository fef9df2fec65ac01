/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Wire ports: where a simulated card's Ethernet frames come from and go to. Frames are 14 to 9,600
 * bytes, without FCS. A wire never blocks; what cannot be sent is dropped with a count, as on a
 * cable. Not thread-safe: a wire belongs to one thread at a time, but wire_stats() may be called
 * by others.
 *
 * Kinds (docs/wires.md):
 *   tap:NAME             a TAP interface, created or attached to
 *   pcap:IN[,OUT]        frames of a capture (pcap, pcapng); what is sent goes to OUT (pcapng);
 *                        without IN nothing comes
 *   unix:LOCAL[,REMOTE]  datagrams, a frame each, as QEMU's `-netdev dgram`; without REMOTE the
 *                        peer is who sent last
 *   loop                 what is sent comes back
 *   none                 nothing comes, what is sent is dropped
 */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_FRAME_MIN 14
#define WIRE_FRAME_MAX 9600
#define WIRE_ERROR_MAX 512
#define WIRE_LOOP_MAX  256 /* frames that `loop` holds */

struct wire;

/*
 * Returns 0, or -EINVAL for a spec that cannot be understood, or the error of opening what it
 * names; error then says what is wrong, where, and what to do.
 */
int wire_open(const char *spec, struct wire **wire, char error[WIRE_ERROR_MAX]);

/* The spec as it was given. */
const char *wire_spec(const struct wire *wire);

/*
 * Next frame. Returns its length; 0: nothing now; -ENODATA: nothing more will come (the end of a
 * capture); another error: the wire is broken (wire_error()), and stays so. size is at least
 * WIRE_FRAME_MAX. Frames that are too short or too long are dropped with a count on the way.
 */
int wire_recv(struct wire *wire, void *buf, size_t size);

/* As wire_recv(), with the time stamp of a capture, ns since 1970; 0 where there is none. */
int wire_recv_time(struct wire *wire, void *buf, size_t size, uint64_t *time_ns);

/*
 * Send a frame. Returns 0 where it has left; -EMSGSIZE where it is too long or too short, -EAGAIN
 * where the other side takes none now, -ENOTCONN where there is no other side: it was dropped and
 * counted; or another error, also dropped and counted.
 */
int wire_send(struct wire *wire, const void *frame, size_t len);

/* As wire_send(), with the time stamp for a capture, ns since 1970; wire_send() takes the clock's,
 * or 0 where no capture is written. */
int wire_send_time(struct wire *wire, const void *frame, size_t len, uint64_t time_ns);

/* For poll(): readable when wire_recv() may have something. -1 where there is nothing to wait for
 * (pcap, none: read until they say 0 or -ENODATA). */
int wire_fd(const struct wire *wire);

/*
 * Is there another side: the TAP is up, the datagram peer is there, the capture is not at its end
 * or has an output.
 */
bool wire_link(struct wire *wire);

/* After an error of wire_recv() or wire_send(), or of a capture's frames: what was wrong. */
const char *wire_error(const struct wire *wire);

struct wire_counts {
	uint64_t frames, bytes;
	uint64_t too_short, too_long; /* dropped */
	uint64_t truncated;	      /* received: cut by a capture's snap length; dropped */
	uint64_t foreign; /* received: of a capture's interface that is no Ethernet; dropped */
	uint64_t busy;	  /* sent: the other side took none; dropped */
	uint64_t no_peer; /* sent: nobody there; dropped */
	uint64_t errors;  /* other errors */
};

struct wire_stats {
	struct wire_counts rx, tx;
};

void wire_stats(const struct wire *wire, struct wire_stats *stats);

/* Write out what is buffered. Returns 0, or the error of an output file; the wire is gone. */
int wire_close(struct wire *wire);

#endif
