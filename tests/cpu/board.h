/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the self-checking programs run on: RAM and devices around the RTL or the C model. Addresses
 * and devices are those of QEMU's machine "virt", so that the same ELF file runs there, but for the
 * two registers behind the finisher.
 */
#ifndef CPU_BOARD_H
#define CPU_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BOARD_RAM      0x80000000u
#define BOARD_RAM_SIZE 0x10000u
#define BOARD_FINISHER 0x00100000u /* write: ends the program; read: BOARD_MAGIC, 0 on QEMU */
#define BOARD_EXTERNAL 0x00100004u /* bit 0: the external interrupt's line */
#define BOARD_CONSOLE  0x10000000u /* characters */
#define BOARD_TIMECMP  0x02004000u /* 64 bits */
#define BOARD_TIME     0x0200bff8u /* 64 bits */
#define BOARD_MAGIC    0x6d706e63u
#define BOARD_PASS     0x5555u
#define BOARD_FAIL     0x3333u

struct board {
	uint32_t ram[BOARD_RAM_SIZE / 4];
	uint64_t time, timecmp; /* who runs the board counts up its time */
	bool external;
	uint32_t finished; /* what was written to the finisher */
};

/* board_load() - put the segments of an ELF file into RAM. Returns 0 or a negative errno. */
int board_load(struct board *board, const char *path);

/* One access, in words as on the processor's bus; strobes 0: read. Returns 0 or -EFAULT. */
int board_access(struct board *board, uint32_t addr, uint8_t strobes, uint32_t wdata,
		 uint32_t *rdata);

/* The lines of interrupts, as RV32I_MIP_*. */
uint32_t board_lines(const struct board *board);

#ifdef __cplusplus
}
#endif

#endif
