/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames for the stateful stages: a built one, decoded, whose record a test then changes. */
#ifndef STATEFUL_H
#define STATEFUL_H

#include "build.h"
#include "mpnic_state.h"

/* What comes in. */
struct pkt {
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;
};

/* What goes out. */
struct out {
	struct mpnic_result result;
	struct mpnic_event event;
	bool has_event;
};

/* A right TCP segment over @ip, 4 or 6, with these options (a multiple of 4 bytes). */
struct pkt pkt_tcp(unsigned int ip, uint8_t tcp_flags, const uint8_t *opts, size_t opt_len);
/* MP_JOIN's SYN; MP_CAPABLE's, version 1. */
struct pkt pkt_join(unsigned int ip, uint32_t token);
struct pkt pkt_first_syn(unsigned int ip);

/* IPv4 ends, or the last 4 bytes of IPv6 ones. */
void pkt_ends(struct pkt *pkt, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport);
/* The same, the other way round. */
void pkt_turn(struct pkt *pkt);

/* A state with small tables; @config of its defaults may be changed before. */
void small_config(struct mpnic_state_config *config);
struct mpnic_state *state_new(const struct mpnic_state_config *config);

/* mpnic_state_packet(), its outputs written over garbage. */
struct out feed(struct mpnic_state *state, const struct pkt *pkt, uint64_t time_ns);

/* Insert the flow of a packet; the packet's sender is its opener. Returns its key. */
struct mpnic_key add_flow(struct mpnic_state *state, const struct pkt *pkt, uint32_t flow_id,
			  const struct mpnic_flow *flow);

/* One field of a connection, of a flow's state. */
#define SET_CONN(state, id, field, value)                            \
	do {                                                         \
		struct mpnic_conn conn_ = *mpnic_conn_at(state, id); \
		conn_.field = value;                                 \
		cr_assert_eq(mpnic_conn_set(state, id, &conn_), 0);  \
	} while (0)
#define SET_FLOW(state, id, field, value)                            \
	do {                                                         \
		struct mpnic_flow flow_ = *mpnic_flow_at(state, id); \
		flow_.field = value;                                 \
		cr_assert_eq(mpnic_flow_set(state, id, &flow_), 0);  \
	} while (0)

#define NO_CONN .conn_id = MPNIC_ID_NONE

#endif
