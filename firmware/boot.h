/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Boot: the code in the ROM of the NIC's core. Before firmware runs it serves the mailbox, takes an
 * image, checks it and runs it; after firmware died it serves the mailbox again, with what is left.
 */
#ifndef MPNIC_FIRMWARE_BOOT_H
#define MPNIC_FIRMWARE_BOOT_H

#include "hal.h"

/* What boot keeps; nobody else writes it. */
struct boot {
	const struct hal *hal;
	bool dead;		  /* firmware crashed or hung: until a reset nothing is loaded */
	struct mpnic_crash crash; /* valid if dead */
};

/*
 * boot_start() - the core comes out of a reset: of the device (register STATUS reads NONE), or by
 * the watchdog (it reads HUNG; then the crash record says what can be known still).
 */
void boot_start(struct boot *boot, const struct hal *hal);

/*
 * boot_poll() - serve the mailbox if a command waits. After a START that was found good, hal->run
 * was called (natively; on the core it does not return). Returns whether there was anything to do.
 */
bool boot_poll(struct boot *boot);

/*
 * boot_crashed() - firmware took a trap: boot_poll() serves the mailbox from now on.
 * @crash: cause, pc, value, x, at_sp; the rest is filled in here.
 */
void boot_crashed(struct boot *boot, const struct mpnic_crash *crash);

/*
 * boot_mailbox() - one command of the mailbox that needs no boot: NOP, CRASH, LOG; the others are
 * answered with BUSY or UNKNOWN. @crash: NULL where there was none. Firmware that runs serves
 * its mailbox with it.
 */
void boot_mailbox(const struct hal *hal, const struct mpnic_crash *crash);

#endif
