/* SPDX-License-Identifier: BSD-3-Clause */
/* Clocks of instructions, as docs/cpu.md tells them, with RAM that answers after a clock. */
#include "frame.inc"

	/* Between two CSRRs of mcycle, which take 4. */
	.macro takes clocks, instruction:vararg
	next_check
	csrr t0, mcycle
	\instruction
	csrr t1, mcycle
	sub t0, t1, t0
	want t0, 4 + \clocks
	.endm

main:
	la a1, scratch
	li a2, 31
	check 0
	takes 4, add t2, t2, t2
	takes 4, addi t2, t2, 1
	takes 4, lui t2, 5
	takes 4, auipc t2, 5
	takes 5, slli t2, t2, 0
	takes 6, srai t2, t2, 8
	takes 12, srli t2, t2, 7
	takes 15, sll t2, t2, a2
	takes 6, lw t2, 0(a1)
	takes 6, lb t2, 1(a1)
	takes 6, sb t2, 0(a1)
	takes 6, sw t2, 0(a1)
	takes 4, beq x0, x0, . + 4
	takes 4, bne x0, x0, . + 4
	takes 4, jal t2, . + 4
	takes 4, csrw mscratch, t2
	takes 4, fence
	/* ECALL, and the 8 instructions of the handler. */
	takes 5 + 8 * 4, ecall
	j pass
