/* SPDX-License-Identifier: BSD-3-Clause */
/* The Rx queues of the device's model, alone, behind the bench's memory. */
#ifndef TESTS_RX_REFERENCE_H
#define TESTS_RX_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

#include "mpnic_regs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Memory as the bench has it: 0, or not all could be reached. */
int reference_dma_read(uint64_t addr, void *buf, size_t len);
int reference_dma_write(uint64_t addr, const void *buf, size_t len);

void reference_reset(void);
void reference_write(unsigned int queue, unsigned int offset, uint32_t value);
uint32_t reference_read(unsigned int queue, unsigned int offset);
void reference_doorbell(unsigned int queue, uint32_t tail);
void reference_port(unsigned int port, uint16_t queue_base, uint16_t queue_count);
void reference_frame(unsigned int port, const uint8_t *data, size_t len,
		     const struct mpnic_hdr *hdr, const struct mpnic_csum *csum,
		     const struct mpnic_result *result, uint64_t time_ns);
/* Fetch what may be fetched ahead; returns the number behind the last descriptor that is there. */
uint32_t reference_fetch(unsigned int queue);
uint64_t reference_stat(unsigned int port, unsigned int stat);
/* Interrupts that are asked for. */
uint64_t reference_pending(void);
void reference_raise(uint64_t vectors);

#ifdef __cplusplus
}
#endif

#endif
