/* SPDX-License-Identifier: BSD-3-Clause */
/* Clocks of instructions, as docs/cpu.md tells them, with RAM that answers after a clock. */
#include "frame.inc"

	/* Between two CSRRs of mcycle, which take 3. */
	.macro takes clocks, instruction:vararg
	next_check
	csrr t0, mcycle
	\instruction
	csrr t1, mcycle
	sub t0, t1, t0
	want t0, 3 + \clocks
	.endm

main:
	la a1, scratch
	li a2, 31
	check 0
	takes 3, add t2, t2, t2
	takes 3, addi t2, t2, 1
	takes 3, lui t2, 5
	takes 3, auipc t2, 5
	takes 4, slli t2, t2, 0
	takes 5, srai t2, t2, 8
	takes 11, srli t2, t2, 7
	takes 14, sll t2, t2, a2
	takes 5, lw t2, 0(a1)
	takes 5, lb t2, 1(a1)
	takes 4, sb t2, 0(a1)
	takes 4, sw t2, 0(a1)
	takes 3, beq x0, x0, . + 4
	takes 3, bne x0, x0, . + 4
	takes 3, jal t2, . + 4
	takes 3, csrw mscratch, t2
	takes 3, fence
	/* ECALL, and the 8 instructions of the handler. */
	takes 4 + 8 * 3, ecall
	j pass
