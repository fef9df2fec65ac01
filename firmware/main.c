/* SPDX-License-Identifier: BSD-3-Clause */
/* The firmware on the NIC's core. */
#include "fw.h"

/* The memory behind it is the stack's. */
static struct fw firmware;
static const struct hal gates;

int main(void);

/*
 * Interrupts are never taken, but for waking: their lines are enabled, and mstatus.MIE is 0. The
 * external one is high while PENDING is not 0, so nothing is missed between a poll and WFI; the
 * timer's comes once a millisecond.
 */
int main(void)
{
	__asm__ volatile("csrw mie, %0" : : "r"(1u << 11 | 1u << 7));
	fw_start(&firmware, &gates);
	for (;;) {
		while (fw_poll(&firmware))
			;
		__asm__ volatile("wfi");
	}
}
