/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The firmware: admin commands, tables, ageing, health (docs/firmware.md). One source for the NIC's
 * RV32I core and for the C model. Everything that it remembers is in struct fw.
 */
#ifndef MPNIC_FIRMWARE_FW_H
#define MPNIC_FIRMWARE_FW_H

#include "hal.h"

/* Register FW_VERSION and field fw_version of image and identity: major << 16 | minor. */
#define FW_VERSION (1u << 16 | 0)
#define FW_NAME	   "mpnic"

enum {
	FW_IDS_MAX = 64 << 10,	  /* flow ids, and token indices, that it can keep account of */
	FW_STASH_MAX = 256,	  /* places of the stash */
	FW_SEARCHED = 1024,	  /* buckets that one insertion looks at, at most */
	FW_MOVES = 5,		  /* moves of one insertion, at most */
	FW_DRAINING = 256,	  /* flow ids that were taken back and rest */
	FW_DRAIN_TICKS = 2,	  /* for so long, in units of last_seen (2^20 ns), at least */
	FW_CONFIRM_TICKS = 28610, /* 30 s: a learnt flow that is not confirmed by then is removed */
	FW_WATCHDOG_MS = 500,
};

struct fw; /* below, for who needs its size */

/*
 * fw_start() - the core has just begun to run the firmware: tables, settings and queues are as a
 * reset left them. Draws the hash key, fills the memories that need it, tells the host.
 * @hal is kept. Natively a reset of the device calls it again, after boot ran.
 */
void fw_start(struct fw *fw, const struct hal *hal);

/*
 * fw_poll() - does one bounded piece of work: a mailbox command, a beat, a step of ageing, or an
 * admin command. Returns whether there was any; if not, the caller may sleep until register PENDING
 * is not 0, or for a millisecond.
 */
bool fw_poll(struct fw *fw);

#include "fw_state.h"

#endif
