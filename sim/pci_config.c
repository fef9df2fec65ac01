/* SPDX-License-Identifier: BSD-3-Clause */
#include <linux/pci_regs.h>
#include <string.h>

#include "mpnic_device_regs.h"
#include "pci_config.h"

enum {
	CAP_PM = 0x40,
	CAP_EXP = 0x50,
	CAP_MSIX = 0x90,
	CAP_VENDOR = 0xa0,
	EXP_LNK_X16_GEN4 = 16 << 4 | 4,
};

static void put(uint8_t *to, uint32_t value, unsigned int len)
{
	for (unsigned int i = 0; i < len; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

static void set(struct pci_config *c, unsigned int at, uint32_t value, unsigned int len)
{
	put(c->bytes + at, value, len);
}

static void allow(struct pci_config *c, unsigned int at, uint32_t bits, unsigned int len)
{
	put(c->writable + at, bits, len);
}

static void set_header(struct pci_config *c)
{
	set(c, PCI_VENDOR_ID, MPNIC_PCI_VENDOR_ID, 2);
	set(c, PCI_DEVICE_ID, MPNIC_PCI_DEVICE_ID, 2);
	set(c, PCI_STATUS, PCI_STATUS_CAP_LIST, 2);
	set(c, PCI_CLASS_REVISION, MPNIC_PCI_CLASS << 8 | MPNIC_REGS_MAJOR, 4);
	set(c, PCI_BASE_ADDRESS_0, PCI_BASE_ADDRESS_MEM_TYPE_64, 4);
	set(c, PCI_SUBSYSTEM_VENDOR_ID, MPNIC_PCI_VENDOR_ID, 2);
	set(c, PCI_SUBSYSTEM_ID, MPNIC_PCI_DEVICE_ID, 2);
	set(c, PCI_CAPABILITY_LIST, CAP_PM, 1);
	allow(c, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE,
	      2);
	allow(c, PCI_CACHE_LINE_SIZE, 0xff, 1);
	allow(c, PCI_INTERRUPT_LINE, 0xff, 1);
	/* All ones read back as the size. */
	allow(c, PCI_BASE_ADDRESS_0, ~(MPNIC_BAR_SIZE - 1u), 4);
	allow(c, PCI_BASE_ADDRESS_1, ~0u, 4);
}

static void set_pm(struct pci_config *c)
{
	set(c, CAP_PM, PCI_CAP_ID_PM, 1);
	set(c, CAP_PM + PCI_CAP_LIST_NEXT, CAP_EXP, 1);
	set(c, CAP_PM + PCI_PM_PMC, 3, 2);
	set(c, CAP_PM + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET, 2);
	allow(c, CAP_PM + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK, 2);
}

static void set_express(struct pci_config *c)
{
	set(c, CAP_EXP, PCI_CAP_ID_EXP, 1);
	set(c, CAP_EXP + PCI_CAP_LIST_NEXT, CAP_MSIX, 1);
	set(c, CAP_EXP + PCI_EXP_FLAGS, 2, 2);
	set(c, CAP_EXP + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_FLR | PCI_EXP_DEVCAP_RBER, 4);
	set(c, CAP_EXP + PCI_EXP_LNKCAP, EXP_LNK_X16_GEN4, 4);
	set(c, CAP_EXP + PCI_EXP_LNKSTA, EXP_LNK_X16_GEN4, 2);
	allow(c, CAP_EXP + PCI_EXP_DEVCTL, 0xffff & ~PCI_EXP_DEVCTL_BCR_FLR, 2);
}

static void set_msix(struct pci_config *c)
{
	set(c, CAP_MSIX, PCI_CAP_ID_MSIX, 1);
	set(c, CAP_MSIX + PCI_CAP_LIST_NEXT, CAP_VENDOR, 1);
	set(c, CAP_MSIX + PCI_MSIX_FLAGS, MPNIC_VECTORS - 1, 2);
	set(c, CAP_MSIX + PCI_MSIX_TABLE, MPNIC_BAR_MSIX_TABLE, 4);
	set(c, CAP_MSIX + PCI_MSIX_PBA, MPNIC_BAR_MSIX_PBA, 4);
	allow(c, CAP_MSIX + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL, 2);
}

static void set_vendor(struct pci_config *c)
{
	const struct mpnic_pci_cap cap = {
		.id = PCI_CAP_ID_VNDR,
		.len = sizeof(cap),
		.version = 1,
		.signature = MPNIC_SIGNATURE,
		.bar = 0,
		.window = MPNIC_BAR_MAILBOX,
	};

	memcpy(c->bytes + CAP_VENDOR, &cap, sizeof(cap));
}

void pci_config_reset(struct pci_config *c)
{
	memset(c, 0, sizeof(*c));
	set_header(c);
	set_pm(c);
	set_express(c);
	set_msix(c);
	set_vendor(c);
}

void pci_config_read(const struct pci_config *c, uint32_t offset, void *data, uint32_t len)
{
	memcpy(data, c->bytes + offset, len);
}

bool pci_config_write(struct pci_config *c, uint32_t offset, const void *data, uint32_t len)
{
	const uint8_t *from = data;
	/* In the upper byte of the register; it always reads 0. */
	const uint8_t flr = PCI_EXP_DEVCTL_BCR_FLR >> 8;
	const uint8_t *devctl = &c->bytes[CAP_EXP + PCI_EXP_DEVCTL + 1];
	bool reset = false;

	for (uint32_t i = 0; i < len; i++) {
		uint8_t *byte = &c->bytes[offset + i];

		*byte = (uint8_t)((*byte & ~c->writable[offset + i]) |
				  (from[i] & c->writable[offset + i]));
		reset |= byte == devctl && from[i] & flr;
	}
	return reset;
}
