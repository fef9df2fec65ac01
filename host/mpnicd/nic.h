/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The NIC, as DPDK gives it: EAL, ports, queues, and the rules by which the card itself says which
 * received frames are of the slow path (handshakes, control options, ends of connections).
 *
 * Each port has one Rx queue and a Tx queue for each thread that sends: the mover and control.
 */
#ifndef MPNICD_NIC_H
#define MPNICD_NIC_H

#include <rte_ether.h>
#include <rte_mbuf.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NIC_PORTS 2
#define NIC_BURST 32
#define NIC_PRIV  32 /* bytes beside an mbuf for who has it: mover.h */

enum nic_txq {
	NIC_TXQ_MOVER,
	NIC_TXQ_CONTROL,
	NIC_TXQS,
};

struct nic {
	unsigned int ports;
	uint16_t port[NIC_PORTS]; /* in DPDK */
	bool started[NIC_PORTS];
	struct rte_ether_addr mac[NIC_PORTS];
	unsigned int mtu;
	struct rte_mempool *pool;
	int meta_at;
	uint64_t meta_flag, from_host_flag, bypass_flag;
	/* The card must be reset: set by the driver's thread, cleared by nic_recover(). */
	atomic_bool failed;
};

/*
 * Start DPDK with one device, of the name and arguments that `--vdev` or `-a` of EAL take
 * (docs/dpdk.md); metadata=1 is added. Once in a process. 0 or a negative errno with a message.
 */
int nic_eal(const char *program, const char *device, char *error, size_t size);

/* Configure and start the ports of the device. */
int nic_start(struct nic *nic, unsigned int mtu, char *error, size_t size);
void nic_stop(struct nic *nic);

/* Reset a card that has failed and start its ports again: its tables are empty then. -EAGAIN: it is
 * not there yet. No other thread may use the ports meanwhile. */
int nic_recover(struct nic *nic, char *error, size_t size);

/* Which port of the card it is, by its number in DPDK; NIC_PORTS: none of it. */
unsigned int nic_port_of(const struct nic *nic, uint16_t id);

/* Whether a received frame is of the slow path. */
static inline bool nic_is_slow(const struct nic *nic, const struct rte_mbuf *m)
{
	return m->ol_flags & (RTE_MBUF_F_RX_FDIR_ID | nic->from_host_flag);
}

#endif
