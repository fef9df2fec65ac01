/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A firmware for the core in RTL that does nothing but write to a window while gates carry a table
 * command out of the windows' memory: then a write waits, and those behind it wait for it.
 * HEARTBEAT says how many were not done.
 */
#include "hal.h"
#include "mpnic_regs.h"

enum {
	ROUNDS = 64,
	WRITES = 8,
};

static const struct hal gates;

int main(void);

int main(void)
{
	uint32_t round, i, wrong = 0;

	for (round = 0; round < ROUNDS; round++) {
		hal_write(&gates, MPNIC_FW_TABLE_CMD, MPNIC_TABLE_OP_READ);
		hal_write(&gates, MPNIC_FW_TABLE_GO, 1);
		for (i = 0; i < WRITES; i++)
			hal_write(&gates, MPNIC_FW_SETTINGS + 4 * i, round * WRITES + i);
		for (i = 0; i < WRITES; i++)
			wrong += hal_read(&gates, MPNIC_FW_SETTINGS + 4 * i) != round * WRITES + i;
		while (hal_read(&gates, MPNIC_FW_TABLE_GO))
			;
	}
	hal_write(&gates, MPNIC_FW_VERSION, ROUNDS);
	hal_write(&gates, MPNIC_FW_BEAT, wrong);
	hal_write(&gates, MPNIC_FW_STATUS, MPNIC_FW_STATUS_RUNNING);
	/* Nothing is to wake it: it asks for nothing that is pending. */
	__asm__ volatile("csrw mie, zero");
	for (;;)
		__asm__ volatile("wfi");
}
