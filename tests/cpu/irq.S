/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupts: timer and external, masked and not, order, WFI. */
#include "frame.inc"

	/* The timer's line: up, down. */
	.macro timer_up
	li t6, TIMECMP
	sw x0, 0(t6)
	sw x0, 4(t6)
	.endm
	.macro timer_down
	li t6, TIMECMP
	li t5, -1
	sw t5, 4(t6)
	.endm
	.macro external value
	li t6, EXTERNAL
	li t5, \value
	sw t5, 0(t6)
	.endm

	/* Wait, for as long as an emulator may take, until mip is this. */
	.macro wait_mip value
	li t5, 100000
	li t6, \value
9:	csrr t4, mip
	beq t4, t6, 8f
	addi t5, t5, -1
	bnez t5, 9b
	j fail
8:
	.endm

	/* Interrupts lead here: which it was and where go to s7 and s8, its source is silenced. */
	.align 2
on_interrupt:
	csrr s7, mcause
	csrr s8, mepc
	csrr s9, mtval
	csrr s10, mstatus
	addi s2, s2, 1
	bgez s7, fail
	li t6, 0x80000007
	beq s7, t6, 1f
	external 0
	mret
1:	timer_down
	mret

main:
	la t0, on_interrupt
	csrw mtvec, t0
	timer_down
	wait_mip 0

	/* A line that is not enabled, here or there, changes nothing but mip. */
	check 1
	timer_up
	wait_mip 0x80
	csrsi mstatus, 8
	nop
	want_traps 0
	csrci mstatus, 8
	check 2
	li t0, 0x80
	csrw mie, t0
	nop
	want_traps 0

	/* It comes with the instruction behind the one that enables it. */
	check 3
	csrsi mstatus, 8
1:	nop
	want_traps 1
	want s7, 0x80000007
	want s9, 0
	la t0, 1b
	want_same t0, s8
	andi t0, s10, 0x88
	want t0, 0x80
	csrr t0, mstatus
	andi t0, t0, 0x88
	want t0, 0x88
	wait_mip 0
	check 4
	csrci mstatus, 8
	csrw mie, x0
	timer_up
	wait_mip 0x80
	csrsi mstatus, 8
	li t0, 0x80
	csrw mie, t0
1:	nop
	want_traps 1
	la t0, 1b
	want_same t0, s8
	check 5 /* MRET enables too */
	csrci mstatus, 8
	timer_up
	wait_mip 0x80
	la t0, 1f
	csrw mepc, t0
	li t0, 0x1880 /* MPP: machine mode, which QEMU wants to be told */
	csrs mstatus, t0
	mret
	j fail
1:	nop
	want_traps 1
	la t0, 1b
	want_same t0, s8

	/* In time: a loop is interrupted, and goes on where it was. */
	check 6
	li t0, TIME
	lw t1, 0(t0)
	li t2, TIMECMP
	li t3, 300
	add t1, t1, t3
	sw t1, 0(t2)
	sw x0, 4(t2)
	li t3, 0
1:	addi t3, t3, 1
	beqz s2, 1b
2:	want_traps 1
	la t0, 1b
	bltu s8, t0, fail
	la t0, 2b
	bgtu s8, t0, fail

	/* WFI: ends at once if a line is up, waits otherwise; with MIE, the interrupt is behind it. */
	check 7
	csrci mstatus, 8
	timer_up
	wait_mip 0x80
	wfi
	want_traps 0
	check 8
	csrsi mstatus, 8
	want_traps 1
	li t0, TIME
	lw t1, 0(t0)
	li t2, TIMECMP
	li t3, 500
	add t1, t1, t3
	sw t1, 0(t2)
	sw x0, 4(t2)
	wfi
1:	nop
	want_traps 1
	beqz s0, 2f
	la t0, 1b /* QEMU's WFI may be a nop */
	want_same t0, s8
2:	timer_down
	wait_mip 0

	/* Exceptions with interrupts enabled: MPIE, and none inside. */
	check 9
	la t0, handler
	csrw mtvec, t0
	csrsi mstatus, 8
1:	ecall
	want_trap 11, 1b
	csrr t0, mstatus
	andi t0, t0, 0x88
	want t0, 0x88
	csrci mstatus, 8
	la t0, on_interrupt
	csrw mtvec, t0

	beqz s0, pass
	/* The external line, which QEMU has behind another controller. */

	check 101
	li t0, 0x880
	csrw mie, t0
	external 1
	wait_mip 0x800
	csrsi mstatus, 8
1:	nop
	want_traps 1
	want s7, 0x8000000b
	la t0, 1b
	want_same t0, s8
	wait_mip 0

	/* Both: external first, then timer. */
	check 102
	csrci mstatus, 8
	external 1
	timer_up
	wait_mip 0x880
	la t0, 2f
	csrw mtvec, t0
	csrsi mstatus, 8
1:	j fail
	.align 2
2:	csrr t0, mcause
	want t0, 0x8000000b
	external 0
	la t0, 3f
	csrw mtvec, t0
	csrsi mstatus, 8
4:	j fail
	.align 2
3:	csrr t0, mcause
	want t0, 0x80000007
	csrr t0, mepc
	la t1, 4b
	want_same t0, t1
	timer_down

	/* Each enabled alone while both are up. */
	check 103
	la t0, on_interrupt
	csrw mtvec, t0
	csrw mie, x0
	external 1
	timer_up
	wait_mip 0x880
	csrsi mstatus, 8
	li t0, 0x80
	csrw mie, t0
	want_traps 1
	want s7, 0x80000007
	wait_mip 0x800
	li t0, 0x800
	csrw mie, t0
	want_traps 1
	want s7, 0x8000000b

	/* mip is not writable. */
	check 104
	csrci mstatus, 8
	external 1
	wait_mip 0x800
	csrw mip, x0
	csrr t0, mip
	want t0, 0x800
	/* WFI does not wait for what is not enabled in mie, but for what is. */
	check 105
	li t0, 0x880
	csrw mie, t0
	wfi
	want_traps 0
	external 0
	j pass
