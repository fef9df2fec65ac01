/* SPDX-License-Identifier: BSD-3-Clause */
/* How a card is found: as a PCI device that is bound to vfio-pci, or as a vdev. */
#include <errno.h>

#include <bus_pci_driver.h>
#include <bus_vdev_driver.h>
#include <ethdev_pci.h>
#include <ethdev_vdev.h>
#include <rte_ether.h>
#include <rte_malloc.h>

#include <rte_telemetry.h>

#include "mpnic_pmd.h"

RTE_LOG_REGISTER(mpnic_pmd_logtype, pmd.net.mpnic, NOTICE);

#define CARD_ARGUMENTS                                                                               \
	"firmware=<path> ports=<1-2> timeout_ms=<100-600000> watchdog_ms=<10-10000> metadata=<0|1> " \
	"mask=<src|dst|src+dst>"
#define VDEV_ARGUMENTS \
	"socket=<path> engine=model port0=<wire> port1=<wire> control=<path> " CARD_ARGUMENTS

RTE_INIT(net_mpnic_telemetry)
{
	rte_telemetry_register_cmd("/net_mpnic/card", pmd_telemetry,
				   "Health and tables of a port's card. Parameter: port id");
}

/* INTERNAL symbols may change with any release, also within 22.11. */
static int check_dpdk(void)
{
	if (!strcmp(rte_version(), "DPDK " MPNIC_DPDK_VERSION))
		return 0;
	PMD_LOG(ERR, "this driver was built for DPDK %s, and this is %s: build it anew",
		MPNIC_DPDK_VERSION, rte_version());
	return -ENOTSUP;
}

/* The rings' bookkeeping is in the memory of the process that opened the card. */
static int check_process(const char *name)
{
	if (rte_eal_process_type() == RTE_PROC_PRIMARY)
		return 0;
	PMD_LOG(ERR, "%s: secondary processes are not supported; use the primary one's telemetry",
		name);
	return -ENOTSUP;
}

/* The second port has a name of its own. */
static void port_name(const struct rte_device *device, unsigned int index, char *name, size_t size)
{
	snprintf(name, size, index ? "%s_port%u" : "%s", device->name, index);
}

static int set_macs(struct rte_eth_dev *eth, const struct pmd_card *card, unsigned int index)
{
	eth->data->mac_addrs = rte_calloc("mpnic_mac", PMD_MACS, RTE_ETHER_ADDR_LEN, 0);
	if (!eth->data->mac_addrs)
		return -ENOMEM;
	memcpy(eth->data->mac_addrs[0].addr_bytes,
	       &mpnic_identity(card->dev)->mac[index * RTE_ETHER_ADDR_LEN], RTE_ETHER_ADDR_LEN);
	return 0;
}

int pmd_port_create(struct pmd_card *card, struct rte_device *device, unsigned int index)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	struct rte_eth_dev *eth;
	struct pmd_port *port;

	port_name(device, index, name, sizeof(name));
	eth = rte_eth_dev_allocate(name);
	if (!eth)
		return -ENOMEM;
	port = rte_zmalloc_socket("mpnic_port", sizeof(*port), RTE_CACHE_LINE_SIZE,
				  device->numa_node);
	eth->data->dev_private = port;
	if (!port || set_macs(eth, card, index)) {
		rte_eth_dev_release_port(eth);
		return -ENOMEM;
	}
	port->card = card;
	port->eth = eth;
	port->index = index;
	eth->device = device;
	eth->dev_ops = &pmd_ops;
	eth->data->numa_node = device->numa_node;
	eth->data->mtu = RTE_ETHER_MTU;
	eth->data->dev_flags |= RTE_ETH_DEV_AUTOFILL_QUEUE_XSTATS | RTE_ETH_DEV_INTR_LSC |
				RTE_ETH_DEV_FLOW_OPS_THREAD_SAFE;
	pmd_port_init_fp(eth);
	pmd_lock(card);
	card->port[index] = port;
	card->open++;
	pmd_unlock(card);
	pmd_link_update(eth, 0);
	return 0;
}

static void release(struct pmd_card *card)
{
	for (unsigned int i = 0; i < MPNIC_PORTS; i++) {
		struct pmd_port *port = card->port[i];

		if (port) {
			card->port[i] = NULL;
			rte_eth_dev_release_port(port->eth);
		}
	}
	pmd_card_close(card);
}

static int probe(struct rte_device *device, const char *text, bool vdev)
{
	struct pmd_args args;
	struct pmd_card *card;
	int err = check_dpdk();

	if (!err)
		err = check_process(device->name);
	if (!err)
		err = pmd_args_parse(text, vdev, &args);
	if (!err)
		err = pmd_card_open(device->name, &args, &card);
	if (err)
		return err;
	for (unsigned int i = 0; i < card->ports && !err; i++)
		err = pmd_port_create(card, device, i);
	if (!err)
		err = pmd_watchdog_start(card);
	if (err) {
		PMD_LOG(ERR, "%s: no port: %s", device->name, strerror(-err));
		release(card);
		return err;
	}
	for (unsigned int i = 0; i < card->ports; i++)
		rte_eth_dev_probing_finish(card->port[i]->eth);
	return 0;
}

/* Ports that the application has closed are gone already; those that run are stopped. */
static int remove_ports(const struct rte_device *device)
{
	int err = 0;

	for (unsigned int i = 0; i < MPNIC_PORTS; i++) {
		char name[RTE_ETH_NAME_MAX_LEN];
		struct rte_eth_dev *eth;
		int closed;

		port_name(device, i, name, sizeof(name));
		eth = rte_eth_dev_allocated(name);
		if (!eth)
			continue;
		if (eth->data->dev_started)
			rte_eth_dev_stop(eth->data->port_id);
		closed = rte_eth_dev_close(eth->data->port_id);
		err = err ? err : closed;
	}
	return err;
}

/* The card among the ports of a vdev. */
static struct pmd_card *card_of(const struct rte_device *device)
{
	for (unsigned int i = 0; i < MPNIC_PORTS; i++) {
		char name[RTE_ETH_NAME_MAX_LEN];
		struct rte_eth_dev *eth;

		port_name(device, i, name, sizeof(name));
		eth = rte_eth_dev_allocated(name);
		if (eth)
			return pmd_port_of(eth)->card;
	}
	return NULL;
}

static int vdev_probe(struct rte_vdev_device *dev)
{
	if (dev->device.numa_node == SOCKET_ID_ANY)
		dev->device.numa_node = (int)rte_socket_id();
	return probe(&dev->device, rte_vdev_device_args(dev), true);
}

static int vdev_remove(struct rte_vdev_device *dev)
{
	return remove_ports(&dev->device);
}

static int vdev_dma_map(struct rte_vdev_device *dev, void *addr, uint64_t iova, size_t len)
{
	struct pmd_card *card = card_of(&dev->device);

	return card ? pmd_card_map(card, addr, iova, len) : -ENODEV;
}

static int vdev_dma_unmap(struct rte_vdev_device *dev, void *addr, uint64_t iova, size_t len)
{
	struct pmd_card *card = card_of(&dev->device);

	(void)addr;
	return card ? pmd_card_unmap(card, iova, len) : -ENODEV;
}

static struct rte_vdev_driver vdev_driver = {
	.probe = vdev_probe,
	.remove = vdev_remove,
	.dma_map = vdev_dma_map,
	.dma_unmap = vdev_dma_unmap,
	.drv_flags = RTE_VDEV_DRV_NEED_IOVA_AS_VA,
};

RTE_PMD_REGISTER_VDEV(net_mpnic, vdev_driver);
RTE_PMD_REGISTER_PARAM_STRING(net_mpnic, VDEV_ARGUMENTS);

/* libmpnic maps the card itself, through VFIO. */
static int pci_probe(struct rte_pci_driver *driver, struct rte_pci_device *dev)
{
	(void)driver;
	return probe(&dev->device, dev->device.devargs ? dev->device.devargs->args : "", false);
}

static int pci_remove(struct rte_pci_device *dev)
{
	return remove_ports(&dev->device);
}

static const struct rte_pci_id pci_ids[] = {
	{RTE_PCI_DEVICE(MPNIC_PCI_VENDOR_ID, MPNIC_PCI_DEVICE_ID)},
	{.vendor_id = 0},
};

static struct rte_pci_driver pci_driver = {
	.id_table = pci_ids,
	.probe = pci_probe,
	.remove = pci_remove,
	.drv_flags = RTE_PCI_DRV_NEED_IOVA_AS_VA,
};

RTE_PMD_REGISTER_PCI(net_mpnic_pci, pci_driver);
RTE_PMD_REGISTER_PCI_TABLE(net_mpnic_pci, pci_ids);
RTE_PMD_REGISTER_PARAM_STRING(net_mpnic_pci, CARD_ARGUMENTS);
RTE_PMD_REGISTER_KMOD_DEP(net_mpnic_pci, "vfio-pci");

/* What dpdk-pmdinfo.py reads from the file. DPDK's own build makes these texts with a tool. */
#define PMD_INFO(name, more) "PMD_INFO_STRING= {\"name\": \"" name "\", " more "}"

extern const char net_mpnic_pmd_info[], net_mpnic_pci_pmd_info[];
const char net_mpnic_pmd_info[] __rte_used =
	PMD_INFO("net_mpnic", "\"params\": \"" VDEV_ARGUMENTS "\", \"pci_ids\": []");
/* 0x6d70:0x8684, and any subsystem. */
const char net_mpnic_pci_pmd_info[] __rte_used =
	PMD_INFO("net_mpnic_pci", "\"params\": \"" CARD_ARGUMENTS "\", \"kmod\": \"vfio-pci\", "
				  "\"pci_ids\": [[28016, 34436, 65535, 65535]]");
_Static_assert(MPNIC_PCI_VENDOR_ID == 28016 && MPNIC_PCI_DEVICE_ID == 34436, "pci_ids");
