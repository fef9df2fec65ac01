/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What net_mpnic gives applications beyond ethdev. Guide: docs/dpdk.md.
 *
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
 */
#ifndef RTE_PMD_MPNIC_H
#define RTE_PMD_MPNIC_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RTE_PMD_MPNIC_META_FIELD "rte_net_mpnic_dynfield_meta"
#define RTE_PMD_MPNIC_META_FLAG	 "rte_net_mpnic_dynflag_meta"

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

#ifdef __cplusplus
}
#endif

#endif
