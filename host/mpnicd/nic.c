/* SPDX-License-Identifier: BSD-3-Clause */
#include "nic.h"

#include <errno.h>
#include <inttypes.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_mbuf_dyn.h>
#include <rte_tcp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "rte_pmd_mpnic.h"

enum {
	DESCRIPTORS = 1024,
	MBUFS = 16383,
	CACHE = 256,
	FRAME_OVER = 22, /* bytes of a frame beyond its MTU: Ethernet, two VLAN tags */
	MEMORY_MB = 256,
	SLOW_MARK = 1,
};

#define TX_OFFLOADS                                                     \
	(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM | \
	 RTE_ETH_TX_OFFLOAD_UDP_CKSUM)

__attribute__((format(printf, 4, 5))) static int fail(int err, char *error, size_t size,
						      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, size, format, args);
	va_end(args);
	return err;
}

/* ---- EAL ------------------------------------------------------------------------------------ */

/* The CPUs that this process may use, as EAL writes them: both threads may run on any of them. */
static void write_lcores(char *text, size_t size)
{
	size_t len = 0;
	cpu_set_t set;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	len += (size_t)snprintf(text, size, "0@(");
	for (int cpu = 0; cpu < CPU_SETSIZE && len < size - 8; cpu++)
		if (CPU_ISSET(cpu, &set))
			len += (size_t)snprintf(text + len, size - len, "%s%d", len > 3 ? "," : "",
						cpu);
	snprintf(text + len, size - len, ")");
}

int nic_eal(const char *program, const char *device, char *error, size_t size)
{
	const bool pci =
		device[0] && strchr("0123456789abcdefABCDEF", device[0]) && strchr(device, ':');
	char lcores[512], arg[1024], memory[16], prefix[32], name[64];
	/* EAL may write to its arguments. */
	char no_huge[] = "--no-huge", m[] = "-m", file_prefix[] = "--file-prefix";
	char lcores_is[] = "--lcores", quiet[] = "--log-level=lib.eal:warning";
	char no_pci[] = "--no-pci", allow[] = "-a", vdev[] = "--vdev";
	char *argv[] = {name,	lcores_is,	     lcores, no_huge, m,
			memory, file_prefix,	     prefix, quiet,   pci ? allow : vdev,
			arg,	pci ? NULL : no_pci, NULL};

	if (snprintf(arg, sizeof(arg), "%s,metadata=1", device) >= (int)sizeof(arg))
		return fail(-EINVAL, error, size, "device: more than %zu bytes", sizeof(arg));
	snprintf(name, sizeof(name), "%s", program);
	snprintf(memory, sizeof(memory), "%d", MEMORY_MB);
	snprintf(prefix, sizeof(prefix), "mpnicd-%d", (int)getpid());
	write_lcores(lcores, sizeof(lcores));
	rte_openlog_stream(stderr);
	if (rte_eal_init((int)RTE_DIM(argv) - 1 - pci, argv) < 0)
		return fail(-rte_errno, error, size, "DPDK: %s; its own messages say more",
			    rte_strerror(rte_errno));
	return 0;
}

/* ---- rules ---------------------------------------------------------------------------------- */

static int mark_slow(uint16_t port, const struct rte_flow_item *pattern, char *error, size_t size)
{
	static const struct rte_flow_attr attr = {.ingress = 1, .priority = 0};
	const struct rte_flow_action_mark mark = {.id = SLOW_MARK};
	const struct rte_flow_action_rss rss = {.func = RTE_ETH_HASH_FUNCTION_DEFAULT};
	const struct rte_flow_action actions[] = {
		{.type = RTE_FLOW_ACTION_TYPE_MARK, .conf = &mark},
		{.type = RTE_FLOW_ACTION_TYPE_RSS, .conf = &rss},
		{.type = RTE_FLOW_ACTION_TYPE_END},
	};
	struct rte_flow_error e = {0};

	if (rte_flow_create(port, &attr, pattern, actions, &e))
		return 0;
	return fail(-rte_errno, error, size, "port %u, rules of the slow path: %s", port,
		    e.message ? e.message : rte_strerror(rte_errno));
}

static int mark_tcp_flag(uint16_t port, uint8_t flag, char *error, size_t size)
{
	const struct rte_flow_item_tcp tcp = {.hdr.tcp_flags = flag};
	const struct rte_flow_item pattern[] = {
		{.type = RTE_FLOW_ITEM_TYPE_TCP, .spec = &tcp, .mask = &tcp},
		{.type = RTE_FLOW_ITEM_TYPE_END},
	};

	return mark_slow(port, pattern, error, size);
}

static int mark_option(uint16_t port, unsigned int subtype, char *error, size_t size)
{
	const struct rte_pmd_mpnic_item_mptcp mptcp = {.subtypes = (uint16_t)(1u << subtype)};
	const struct rte_flow_item pattern[] = {
		{.type = (enum rte_flow_item_type)RTE_PMD_MPNIC_ITEM_MPTCP,
		 .spec = &mptcp,
		 .mask = &mptcp},
		{.type = RTE_FLOW_ITEM_TYPE_END},
	};

	return mark_slow(port, pattern, error, size);
}

/* All but DSS, which data has. */
static int mark_rules(uint16_t port, char *error, size_t size)
{
	static const uint8_t flags[] = {RTE_TCP_SYN_FLAG, RTE_TCP_FIN_FLAG, RTE_TCP_RST_FLAG};
	static const uint8_t subtypes[] = {MPNIC_SUBTYPE_MP_CAPABLE,   MPNIC_SUBTYPE_MP_JOIN,
					   MPNIC_SUBTYPE_ADD_ADDR,     MPNIC_SUBTYPE_REMOVE_ADDR,
					   MPNIC_SUBTYPE_MP_PRIO,      MPNIC_SUBTYPE_MP_FAIL,
					   MPNIC_SUBTYPE_MP_FASTCLOSE, MPNIC_SUBTYPE_MP_TCPRST};
	int err = 0;

	for (unsigned int i = 0; !err && i < RTE_DIM(flags); i++)
		err = mark_tcp_flag(port, flags[i], error, size);
	for (unsigned int i = 0; !err && i < RTE_DIM(subtypes); i++)
		err = mark_option(port, subtypes[i], error, size);
	return err;
}

/* ---- ports ---------------------------------------------------------------------------------- */

static int on_reset(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	struct nic *nic = arg;

	(void)type;
	(void)ret;
	if (nic_port_of(nic, port) < NIC_PORTS)
		atomic_store(&nic->failed, true);
	return 0;
}

static int configure(struct nic *nic, uint16_t port, char *error, size_t size)
{
	struct rte_eth_conf conf = {
		.rxmode = {.mtu = nic->mtu, .offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM},
		.txmode = {.offloads = TX_OFFLOADS},
	};
	int err = rte_eth_dev_configure(port, 1, NIC_TXQS, &conf);

	if (err)
		return fail(err, error, size, "port %u: %s", port, rte_strerror(-err));
	err = rte_eth_rx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL, nic->pool);
	for (uint16_t q = 0; !err && q < NIC_TXQS; q++)
		err = rte_eth_tx_queue_setup(port, q, DESCRIPTORS, SOCKET_ID_ANY, NULL);
	if (err)
		return fail(err, error, size, "port %u, queues: %s", port, rte_strerror(-err));
	return 0;
}

static int up(struct nic *nic, unsigned int i, char *error, size_t size)
{
	const uint16_t port = nic->port[i];
	int err = rte_eth_dev_start(port);

	if (err)
		return fail(err, error, size, "port %u does not start: %s", port,
			    rte_strerror(-err));
	nic->started[i] = true;
	/* The kernel asks for multicast groups of its own: all of them come. */
	err = rte_eth_allmulticast_enable(port);
	if (err)
		return fail(err, error, size, "port %u, multicast: %s", port, rte_strerror(-err));
	return 0;
}

static int find_fields(struct nic *nic, char *error, size_t size)
{
	static const char *const names[] = {RTE_PMD_MPNIC_META_FLAG, RTE_PMD_MPNIC_FROM_HOST_FLAG,
					    RTE_PMD_MPNIC_BYPASS_FLAG};
	uint64_t *const flags[] = {&nic->meta_flag, &nic->from_host_flag, &nic->bypass_flag};

	nic->meta_at = rte_mbuf_dynfield_lookup(RTE_PMD_MPNIC_META_FIELD, NULL);
	for (unsigned int i = 0; i < RTE_DIM(names); i++) {
		const int bit = rte_mbuf_dynflag_lookup(names[i], NULL);

		if (bit < 0 || nic->meta_at < 0)
			return fail(-ENODEV, error, size, "the device is no mpnic: %s is missing",
				    names[i]);
		*flags[i] = RTE_BIT64(bit);
	}
	return 0;
}

static int make_pool(struct nic *nic, char *error, size_t size)
{
	const unsigned int room = RTE_PKTMBUF_HEADROOM + nic->mtu + FRAME_OVER;
	const unsigned int least = RTE_MBUF_DEFAULT_BUF_SIZE;

	nic->pool = rte_pktmbuf_pool_create("frames", MBUFS, CACHE, NIC_PRIV,
					    (uint16_t)RTE_MAX(room, least), SOCKET_ID_ANY);
	if (!nic->pool)
		return fail(-rte_errno, error, size, "mbufs: %s", rte_strerror(rte_errno));
	return 0;
}

int nic_start(struct nic *nic, unsigned int mtu, char *error, size_t size)
{
	uint16_t port;
	int err;

	*nic = (struct nic){.mtu = mtu};
	err = make_pool(nic, error, size);
	if (err)
		return err;
	RTE_ETH_FOREACH_DEV(port)
	{
		if (nic->ports == NIC_PORTS)
			return fail(-EINVAL, error, size, "more than %d ports", NIC_PORTS);
		nic->port[nic->ports++] = port;
	}
	if (!nic->ports)
		return fail(-ENODEV, error, size, "the device has no port");
	rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_INTR_RESET, on_reset, nic);
	for (unsigned int i = 0; i < nic->ports; i++) {
		rte_eth_macaddr_get(nic->port[i], &nic->mac[i]);
		err = configure(nic, nic->port[i], error, size);
		if (!err)
			err = up(nic, i, error, size);
		if (!err)
			err = mark_rules(nic->port[i], error, size);
		if (err)
			return err;
	}
	return find_fields(nic, error, size);
}

static void stop_ports(struct nic *nic)
{
	for (unsigned int i = 0; i < nic->ports; i++)
		if (nic->started[i])
			rte_eth_dev_stop(nic->port[i]);
	memset(nic->started, 0, sizeof(nic->started));
}

void nic_stop(struct nic *nic)
{
	rte_eth_dev_callback_unregister(RTE_ETH_ALL, RTE_ETH_EVENT_INTR_RESET, on_reset, nic);
	stop_ports(nic);
	for (unsigned int i = 0; i < nic->ports; i++)
		rte_eth_dev_close(nic->port[i]);
	nic->ports = 0;
}

int nic_recover(struct nic *nic, char *error, size_t size)
{
	int err = 0;

	stop_ports(nic);
	for (unsigned int i = 0; !err && i < nic->ports; i++)
		err = rte_eth_dev_reset(nic->port[i]);
	if (err)
		return fail(-EAGAIN, error, size, "the card cannot be reset: %s",
			    rte_strerror(-err));
	/* What fails from now on is the next failure. */
	atomic_store(&nic->failed, false);
	for (unsigned int i = 0; !err && i < nic->ports; i++) {
		err = configure(nic, nic->port[i], error, size);
		if (!err)
			err = up(nic, i, error, size);
	}
	return err;
}

unsigned int nic_port_of(const struct nic *nic, uint16_t id)
{
	for (unsigned int i = 0; i < nic->ports; i++)
		if (nic->port[i] == id)
			return i;
	return NIC_PORTS;
}
