/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration space of the simulated card: PCI Express endpoint, one 64-bit BAR, power
 * management, MSI-X, and the vendor-specific capability by which drivers know the card.
 */
#ifndef SIM_PCI_CONFIG_H
#define SIM_PCI_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#define PCI_CONFIG_SIZE 256

struct pci_config {
	uint8_t bytes[PCI_CONFIG_SIZE];
	uint8_t writable[PCI_CONFIG_SIZE]; /* 1: the bit may be written */
};

void pci_config_reset(struct pci_config *config);

/* @offset + @len is at most PCI_CONFIG_SIZE. */
void pci_config_read(const struct pci_config *config, uint32_t offset, void *data, uint32_t len);

/* Returns whether a function-level reset was asked for. */
bool pci_config_write(struct pci_config *config, uint32_t offset, const void *data, uint32_t len);

#endif
