/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's part in a replay: a small, deterministic stand-in for firmware and host, around the
 * stateful half of the model. From what the tracker knows it inserts flows and connections, moves
 * learnt flows out of the stash, tells the NIC of keys, of fallback, and removes what has ended.
 * docs/replay.md, "The host's part", says when. Frames are hostile: memory is that of the tables.
 */
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "mpnic_state.h"
#include "track.h"

#define CONTROL_QUEUES	  8		       /* that the default indirection table spreads over */
#define CONTROL_LINGER_NS (60 * 1000000000ull) /* flows stay so long behind their end */
#define CONTROL_CAP	  8		       /* unconfirmed joins of one token */

struct control_counts {
	uint64_t inserted, learnt, confirmed, removed; /* flows */
	uint64_t fallen_back;			       /* connections */
	uint64_t left_out; /* flows, connections, tokens that a table had no room for */
};

struct control;

/* Settings of a replay where no table file says more. */
void control_defaults(struct mpnic_state_config *config);

/* Returns 0, -EINVAL or -ENOMEM, as mpnic_state_new(). */
int control_new(const struct mpnic_state_config *config, struct control **control);
void control_free(struct control *control);

/* The tables, for whoever fills more of them. */
struct mpnic_state *control_state(struct control *control);
/* A flow id that the control will not use; MPNIC_ID_NONE if there is none. */
uint32_t control_take_id(struct control *control);
/* The id of a connection that is not the tracker's: they are taken from the end. */
uint32_t control_take_conn(struct control *control, unsigned int number);

/* control_before() - the host's part before a frame, which @track has had. */
void control_before(struct control *control, const struct track *track, const struct mpnic_hdr *hdr,
		    uint64_t time_ns);

/*
 * control_packet() - one frame through the stateful half, and the host's part behind it. @conn: the
 * connection's state behind it, or NULL. Returns whether there is an event.
 */
bool control_packet(struct control *control, const struct track *track, const struct mpnic_hdr *hdr,
		    const struct mpnic_csum *csum, uint64_t time_ns, struct mpnic_result *result,
		    struct mpnic_event *event, const struct mpnic_conn **conn);

void control_counts(const struct control *control, struct control_counts *counts);

#endif
