/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ROM's first instructions, and the trap vector of boot and firmware. Both save all registers
 * before anything else: behind a watchdog they are all that is left of what hung.
 */
	.macro	save_registers
	csrw	mscratch, t0
	la	t0, boot_saved
	sw	zero, 0(t0)
	.irp	n, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, \
		24, 25, 26, 27, 28, 29, 30, 31
	sw	x\n, 4 * \n(t0)
	.endr
	csrr	t1, mscratch
	sw	t1, 4 * 5(t0)
	la	sp, __boot_stack_top
	.endm

	.section .text.start, "ax"
	.globl	_start
_start:
	save_registers
	la	t0, boot_vector
	csrw	mtvec, t0
	csrw	mstatus, zero
	la	t0, __bss_start
	la	t1, __bss_end
1:	bgeu	t0, t1, 2f
	sw	zero, 0(t0)
	addi	t0, t0, 4
	j	1b
2:	j	boot_reset

	.balign	4
boot_vector:
	save_registers
	csrr	a0, mcause
	csrr	a1, mepc
	csrr	a2, mtval
	j	boot_trap

	.section .noinit, "aw", @nobits
	.balign	4
	.globl	boot_saved
boot_saved:
	.space	4 * 32
