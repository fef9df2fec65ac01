/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What net_mpnic gives applications beyond ethdev. Guide: docs/dpdk.md.
 *
 * Metadata
 * --------
 * MPTCP metadata of received frames, as a dynamic field of mbufs. A program that wants it gives the
 * device the argument metadata=1, looks the field and the flag up by their names (it need not link
 * to the driver), and reads the field of mbufs that have the flag:
 *
 *   int at = rte_mbuf_dynfield_lookup(RTE_PMD_MPNIC_META_FIELD, NULL);
 *   int bit = rte_mbuf_dynflag_lookup(RTE_PMD_MPNIC_META_FLAG, NULL);
 *
 *   if (m->ol_flags & RTE_BIT64(bit)) {
 *           const struct rte_pmd_mpnic_meta *meta =
 *                   RTE_MBUF_DYNFIELD(m, at, const struct rte_pmd_mpnic_meta *);
 *           ...
 *   }
 *
 * Of such mbufs l2_len, l3_len and l4_len are set too, as far as the frame has these headers: the
 * payload begins behind them.
 *
 * Punted frames
 * -------------
 * A frame that the card gives to the host to decide comes in an Rx queue, with its reason in the
 * field `punt`. If it has the flag RTE_PMD_MPNIC_FROM_HOST_FLAG it is one that the host wanted to
 * send. To let it go, send it with the flag RTE_PMD_MPNIC_BYPASS_FLAG: then the tables do not see
 * it again. Both flags come with metadata=1.
 *
 * Tables and events
 * -----------------
 * Functions return 0, a count, or a negative errno: -ENODEV no such port, or not of this driver;
 * -EIO the card must be reset; -ETIMEDOUT; -ENOENT, -EEXIST, -ENOSPC, -EINVAL, -ERANGE as the card
 * says (docs/device-records.md, enum status). All ports of a card have the same tables. A reset
 * empties them: they are the application's to fill again. Functions other than _events() may be
 * called by any thread; they wait for the card. Records are those of mpnic_regs.h: little-endian,
 * addresses in wire order.
 */
#ifndef RTE_PMD_MPNIC_H
#define RTE_PMD_MPNIC_H

#include <stdint.h>

#include "mpnic_device_regs.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RTE_PMD_MPNIC_META_FIELD     "rte_net_mpnic_dynfield_meta"
#define RTE_PMD_MPNIC_META_FLAG	     "rte_net_mpnic_dynflag_meta"
#define RTE_PMD_MPNIC_FROM_HOST_FLAG "rte_net_mpnic_dynflag_from_host"
#define RTE_PMD_MPNIC_BYPASS_FLAG    "rte_net_mpnic_dynflag_bypass"

/* Host byte order. Values: enum mpnic_dsn_code and so on in mpnic_regs.h, docs/records.md. */
struct rte_pmd_mpnic_meta {
	uint64_t dsn;	  /* data sequence number of the first payload byte, if dsn_state says so */
	uint32_t conn_id; /* connection; 0xffffffff: none */
	uint32_t signs;	  /* bits sign: handshakes, fallback */
	uint8_t dsn_state; /* enum dsn: MAPPED, or why there is no data sequence number */
	uint8_t map_csum;  /* enum map_csum: of the mapping that ends with this segment */
	uint8_t flags;	   /* bits result: retransmission, reinjection, ... */
	uint8_t side;	   /* bit 0: sent by the connection's listener; bit 1: by the flow's peer */
	uint8_t punt;	   /* enum punt: why the frame came instead of being sent */
	uint8_t token;	   /* enum token: what became of an MP_JOIN */
	uint8_t speaks;	   /* enum speaks: the peer of a first SYN */
	uint8_t flow;	   /* enum flow: which entry was found */
};

/*
 * Register field and flag, or find them where they are. *offset, *flag: for RTE_MBUF_DYNFIELD() and
 * ol_flags. Returns 0; -1 with rte_errno where no room is left.
 */
int rte_pmd_mpnic_meta_register(int *offset, uint64_t *flag);

/*
 * rte_flow: an item and actions of the card's own, for C programs (docs/dpdk.md, rules).
 */
#define RTE_PMD_MPNIC_ITEM_MPTCP    (-1000)
#define RTE_PMD_MPNIC_ACTION_PUNT   (-1000) /* a fate: to the host, with `punt` set; no conf */
#define RTE_PMD_MPNIC_ACTION_STRIP  (-1001) /* MPTCP options become NOPs */
#define RTE_PMD_MPNIC_ACTION_MIRROR (-1002) /* an event tells of the frame; no conf */

/* Which subtypes of MPTCP options a segment has, well formed: bit s of subtype s (RFC 8684 8.1). */
struct rte_pmd_mpnic_item_mptcp {
	uint16_t subtypes;
};

struct rte_pmd_mpnic_action_strip {
	uint16_t subtypes; /* bit s: options of subtype s */
};

/* The last connections of the card are those of rules on tokens: ids of the application's own are
 * below the number of connections (identity.conns) less this. */
#define RTE_PMD_MPNIC_RULE_CONNS 256

/*
 * Events of the card, of both ports: by one thread at a time, never waits. The card has a ring of
 * RTE_PMD_MPNIC_EVENT_RING from the start of its first port to the stop of its last; what finds no
 * room there is counted (xstat rx_events_lost), and event.seq has a gap. -EAGAIN: no port is
 * started.
 */
#define RTE_PMD_MPNIC_EVENT_RING 1024
int rte_pmd_mpnic_events(uint16_t port_id, struct mpnic_event_cpl *event, unsigned int count);

/* Connection @conn_id, which flows and tokens name. A subflow's frames go to conn->rx_queue, a
 * queue of the port that they came by. */
int rte_pmd_mpnic_conn_set(uint16_t port_id, uint32_t conn_id, const struct mpnic_conn *conn);
/* Returns how many connections an application may use, with ids from 0. */
int rte_pmd_mpnic_conn_count(uint16_t port_id);

/* Flows by their 5-tuple. @flow_id: NULL, or gets the id under which state and events know it.
 * mbuf.hash.fdir.hi is action.mark - 1: in the card mark 0 means none. */
int rte_pmd_mpnic_flow_add(uint16_t port_id, const struct mpnic_admin_flow *flow,
			   uint32_t *flow_id);
int rte_pmd_mpnic_flow_remove(uint16_t port_id, const struct mpnic_key *key);
int rte_pmd_mpnic_flow_get(uint16_t port_id, const struct mpnic_key *key,
			   struct mpnic_admin_flow_state *state);
int rte_pmd_mpnic_flow_set(uint16_t port_id, uint32_t flow_id, const struct mpnic_action *action);
/* @direction: 0 of the flow's opener, 1 of its peer. */
int rte_pmd_mpnic_flow_dss_set(uint16_t port_id, uint32_t flow_id, unsigned int direction,
			       const struct mpnic_dir *dir);
/* A learnt flow whose MP_JOIN's HMAC was right; one whose HMAC was wrong is removed. */
int rte_pmd_mpnic_flow_confirm(uint16_t port_id, const struct mpnic_key *key);
/* One step of a scan for flows that were not seen for @units of last_seen; as mpnic_admin_age(). */
int rte_pmd_mpnic_flow_age(uint16_t port_id, uint32_t from, uint32_t units,
			   struct mpnic_admin_aged *aged);

int rte_pmd_mpnic_token_add(uint16_t port_id, const struct mpnic_token_entry *entry);
int rte_pmd_mpnic_token_remove(uint16_t port_id, uint32_t token);
int rte_pmd_mpnic_token_get(uint16_t port_id, uint32_t token, struct mpnic_token_entry *entry);

/* What peers speak, and what happens to a first SYN to them. */
int rte_pmd_mpnic_peer_set(uint16_t port_id, const struct mpnic_peer_entry *entry);
int rte_pmd_mpnic_peer_remove(uint16_t port_id, const struct mpnic_peer_entry *entry);
int rte_pmd_mpnic_peer_get(uint16_t port_id, const struct mpnic_peer_entry *which,
			   struct mpnic_peer_entry *entry);
/* First SYNs to peers that no entry names, in @network. @first_syn: enum first_syn. */
int rte_pmd_mpnic_network_default(uint16_t port_id, unsigned int network, unsigned int first_syn);
/* The network that frames of this port are in. */
int rte_pmd_mpnic_network_set(uint16_t port_id, uint8_t network);

/* Settings of the stateful half: masks, what makes an event, unknown MP_JOINs. */
int rte_pmd_mpnic_settings_get(uint16_t port_id, struct mpnic_settings *settings);
int rte_pmd_mpnic_settings_set(uint16_t port_id, const struct mpnic_settings *settings);

/* How full the card's tables are. */
int rte_pmd_mpnic_tables(uint16_t port_id, struct mpnic_admin_tables *tables);

#ifdef __cplusplus
}
#endif

#endif
