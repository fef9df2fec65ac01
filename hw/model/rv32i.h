/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Instruction-set model of the firmware's processor, hw/rtl/mpnic_cpu.sv (docs/cpu.md): RV32I,
 * Zicsr, machine mode alone. It gives the same results instruction by instruction: registers,
 * CSRs, traps, and each access of the bus; it does not count the bus's clocks.
 *
 * All state is in struct rv32i, memory and devices are the caller's. Nothing is allocated, nothing
 * is global. The program that runs is hostile: whatever it does ends in a trap or in one of the
 * callbacks, which check addresses.
 */
#ifndef RV32I_H
#define RV32I_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Codes of mcause; an interrupt has RV32I_INTERRUPT set besides. */
enum rv32i_cause {
	RV32I_JUMP_MISALIGNED = 0, /* mtval: where to */
	RV32I_FETCH_FAULT = 1,	   /* mtval: address */
	RV32I_ILLEGAL = 2,	   /* mtval: the instruction */
	RV32I_BREAKPOINT = 3,	   /* EBREAK; mtval: 0 */
	RV32I_LOAD_MISALIGNED = 4, /* mtval: address, as of the next three */
	RV32I_LOAD_FAULT = 5,
	RV32I_STORE_MISALIGNED = 6,
	RV32I_STORE_FAULT = 7,
	RV32I_TIMER = 7,     /* an interrupt; mtval: 0 */
	RV32I_ECALL = 11,    /* mtval: 0 */
	RV32I_EXTERNAL = 11, /* an interrupt; mtval: 0 */
};
#define RV32I_INTERRUPT (1u << 31)

/* Bits of mip and mie. */
#define RV32I_MIP_TIMER	   (1u << 7)
#define RV32I_MIP_EXTERNAL (1u << 11)

/*
 * The processor. Members may be read between two steps; they may be written too, x[0] and the low
 * two bits of addresses to zero only.
 */
struct rv32i {
	uint32_t x[32];
	uint32_t pc; /* of the next instruction */
	bool asleep; /* in WFI, which was fetched */

	bool mie, mpie;	   /* bits of mstatus */
	uint32_t mie_mask; /* CSR mie: RV32I_MIP_* */
	uint32_t mtvec, mepc, mcause, mtval, mscratch;
	uint64_t mcycle; /* counted up by 1 a step; the caller adds what a step takes besides */
	uint64_t minstret;
};

/*
 * Memory and devices, in words: addresses are multiples of 4, and a part of a word is read as the
 * whole of it. Each callback returns 0, or anything else for an access fault, and then *word is not
 * looked at. @ctx is the caller's own.
 */
struct rv32i_bus {
	void *ctx;
	int (*fetch)(void *ctx, uint32_t addr, uint32_t *word);
	int (*load)(void *ctx, uint32_t addr, uint32_t *word);
	/* Bit i of @strobes: bits 8*i to 8*i+7 of @word are written. One to four, adjacent. The
	 * others repeat what is written, as on the RTL's bus. */
	int (*store)(void *ctx, uint32_t addr, uint32_t word, uint8_t strobes);
};

/* What became of one instruction, as on the RTL's retire port. */
struct rv32i_retire {
	bool trap; /* trapped, or (cause & RV32I_INTERRUPT) an interrupt came before it */
	uint32_t pc;
	uint32_t insn;	/* 0 where none was fetched: interrupt, fetch fault */
	uint32_t cause; /* as mcause, of a trap; else 0 */
	uint8_t rd;	/* register written, 0: none */
	uint32_t value; /* written to it, else 0 */
};

/* rv32i_reset() - the state after reset; of the registers only x0 is set by the RTL, here all are.
 */
void rv32i_reset(struct rv32i *cpu, uint32_t pc);

/*
 * rv32i_step() - one instruction, or the interrupt that comes before it. One that comes while a WFI
 * waits is behind the WFI.
 * @mip: lines of interrupts (RV32I_MIP_*), as they are throughout this step.
 * @retire: filled in if something retired or trapped; may not be NULL.
 * Returns false if the instruction is a WFI that waits: call again when lines have changed.
 */
bool rv32i_step(struct rv32i *cpu, const struct rv32i_bus *bus, uint32_t mip,
		struct rv32i_retire *retire);

#ifdef __cplusplus
}
#endif

#endif
