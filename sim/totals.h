/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts over the frames of a file, or of all files. */
#ifndef SIM_TOTALS_H
#define SIM_TOTALS_H

#include <stdbool.h>
#include <stdint.h>

#include "capture.h"
#include "control.h"
#include "mpnic_state.h"

#define TOTALS_PARSE	15
#define TOTALS_TCPOPT	5
#define TOTALS_CSUM	6
#define TOTALS_SUBTYPES 17 /* 0 to 15, and none */
#define TOTALS_ERRORS	11
#define TOTALS_FRAMES	8 /* frame numbers that are kept of each kind of error */

struct totals_error {
	uint64_t count;
	uint64_t frame[TOTALS_FRAMES]; /* the first ones */
};

struct totals {
	uint64_t frames, bytes, wire_bytes;
	uint64_t refused;   /* of interfaces that are not Ethernet: not read */
	uint64_t truncated; /* by the snap length */
	uint64_t overlong;  /* above MPNIC_REPLAY_MAX: read up to there */
	uint64_t len_lies;  /* the file's two lengths of a packet contradict each other */
	uint64_t vlan[3];   /* by number of tags */
	uint64_t parse[TOTALS_PARSE];
	uint64_t tcpopt[TOTALS_TCPOPT];
	uint64_t ip_csum[TOTALS_CSUM], tcp_csum[TOTALS_CSUM], udp_csum[TOTALS_CSUM];
	uint64_t mptcp_packets;
	uint64_t option[TOTALS_SUBTYPES];
	struct totals_error malformed[TOTALS_SUBTYPES][TOTALS_ERRORS];
	struct totals_error chain[TOTALS_TCPOPT];
	struct totals_error too_many, combination;
	struct mpnic_state_counters nic; /* of the stateful half */
	struct control_counts control;
};

void totals_frame(struct totals *totals, const struct capture_frame *frame);
void totals_records(struct totals *totals, uint64_t frame, const struct mpnic_hdr *hdr,
		    const struct mpnic_csum *csum);

/* Take over what the stateful half and the host's part have counted. */
void totals_state(struct totals *totals, struct control *control);

/* Add counts; frame numbers, which mean nothing across files, are not taken over. */
void totals_merge(struct totals *all, const struct totals *one);

/* Subtype code of an index of `option` and `malformed`. */
unsigned int totals_subtype(unsigned int index);

#endif
