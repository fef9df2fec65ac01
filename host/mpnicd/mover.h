/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mover: a thread that carries frames between the NIC's ports and the kernel's interfaces, in
 * bursts, and gives control what is of the slow path:
 *
 *   held    SYNs and MP_JOINs: control lets them go, or not. Nobody has data to send behind them
 *           before they arrived, so nothing overtakes
 *   copied  other handshake packets, control options, FIN, RST: they go on at once, and control
 *           sees the same frame
 *
 * Of received frames the card says which are slow (nic.c); frames of the kernel are decoded here.
 */
#ifndef MPNICD_MOVER_H
#define MPNICD_MOVER_H

#include <pthread.h>

#include "nic.h"
#include "tap.h"

/* What the mover says of a frame that control gets; stands beside the mbuf. */
struct mover_note {
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	uint8_t port;	  /* of the card */
	bool from_kernel;
	bool held;	   /* else the frame has gone on */
	bool punted;	   /* the card gave it back instead of sending it */
	bool csum_partial; /* from_kernel: the TCP checksum is of the pseudo header alone */
};

static inline struct mover_note *mover_note(struct rte_mbuf *m)
{
	_Static_assert(sizeof(struct mover_note) <= NIC_PRIV, "room beside an mbuf");
	return (struct mover_note *)(m + 1);
}

/* Of one port; written by the mover alone, read by others at any time. */
struct mover_count {
	uint64_t to_kernel, to_kernel_bytes;	 /* frames by the fast path */
	uint64_t from_kernel, from_kernel_bytes; /* likewise */
	uint64_t held, copied;			 /* given to control */
	uint64_t no_mbuf;			 /* lost: no buffer for a frame of the kernel */
	uint64_t too_long;			 /* lost: longer than the MTU allows */
	uint64_t kernel_errors;			 /* of reading: the interface is gone */
	uint64_t kernel_full;			 /* lost: the kernel took no more */
	uint64_t nic_full;			 /* lost: the Tx queue took no more */
	uint64_t control_full;			 /* held frames lost, copies not given */
};

struct mover {
	struct nic *nic;
	struct tap tap[NIC_PORTS];
	struct rte_ring *slow; /* to control, struct rte_mbuf * with its note */
	int wake_fd;	       /* eventfd: something is in the ring and control sleeps */
	atomic_bool control_sleeps;
	struct mover_count count[NIC_PORTS];
	/* The thread. */
	pthread_t thread;
	atomic_int wanted, is; /* enum mover_state */
	unsigned int idle;     /* rounds without a frame */
};

/* Start the thread; taps are open, the NIC is started. 0 or a negative errno. */
int mover_start(struct mover *mover, struct nic *nic);
void mover_stop(struct mover *mover);
/* The thread stands still, so that ports may be reset; and goes on. */
void mover_pause(struct mover *mover);
void mover_resume(struct mover *mover);

/* To the kernel of a port: by any thread. Frees the frame. False: the kernel did not take it. */
bool mover_to_kernel(const struct mover *mover, unsigned int port, struct rte_mbuf *m);

#endif
