/* SPDX-License-Identifier: BSD-3-Clause */
/* CSRs: the six instructions, what each CSR holds, what is read-only, counters. */
#include "frame.inc"

main:
	/* The six instructions, on mscratch. */
	check 1
	li t0, 0x12345678
	csrw mscratch, t0
	csrr t1, mscratch
	want t1, 0x12345678
	next_check
	li t0, 0xf0f0f0f0
	csrrw t1, mscratch, t0
	want t1, 0x12345678
	next_check
	li t0, 0x0000ffff
	csrrs t1, mscratch, t0
	want t1, 0xf0f0f0f0
	next_check
	li t0, 0xff0000ff
	csrrc t1, mscratch, t0
	want t1, 0xf0f0ffff
	next_check
	csrrwi t1, mscratch, 21
	want t1, 0x00f0ff00
	next_check
	csrrsi t1, mscratch, 10
	want t1, 21
	next_check
	csrrci t1, mscratch, 17
	want t1, 31
	next_check
	csrr t1, mscratch
	want t1, 14
	next_check
	/* The same register twice; nothing to set or clear; no register to read to. */
	li t0, 0x55
	csrrw t0, mscratch, t0
	want t0, 14
	next_check
	csrrs t0, mscratch, x0
	want t0, 0x55
	csrrc t0, mscratch, x0
	want t0, 0x55
	csrrsi t0, mscratch, 0
	want t0, 0x55
	csrrci t0, mscratch, 0
	want t0, 0x55
	next_check
	csrrwi x0, mscratch, 3
	csrrw t0, mscratch, x0
	want t0, 3
	csrr t0, mscratch
	want t0, 0
	next_check
	li t0, -1
	csrrs x0, mscratch, t0
	want x0, 0
	csrr t0, mscratch
	want t0, -1

	/* All bits of those that have 32; addresses of instructions have their low two bits 0. */
	.macro holds csr, value, wanted
	li t0, \value
	csrw \csr, t0
	csrr t1, \csr
	want t1, \wanted
	next_check
	.endm
	check 101
	.irp v, 0, 0xffffffff, 0xa5a5a5a5, 0x5a5a5a5a
	holds mscratch, \v, \v
	holds mtval, \v, \v
	holds mepc, \v & 0xfffffffc, \v & 0xfffffffc
	.endr
	csrr s8, mtvec
	.irp v, 0, 0xfffffffc, 0xa5a5a5a4, 0x5a5a5a58
	holds mtvec, \v, \v
	.endr
	csrw mtvec, s8

	/* mstatus, mie: bits of machine mode. */
	check 201
	csrw mstatus, x0
	csrrsi t0, mstatus, 8
	andi t0, t0, 0x88
	want t0, 0
	csrr t0, mstatus
	andi t0, t0, 0x88
	want t0, 8
	csrrci t0, mstatus, 8
	li t1, 0x80
	csrs mstatus, t1
	csrr t0, mstatus
	andi t0, t0, 0x88
	want t0, 0x80
	check 202
	csrw mie, x0
	li t1, 0x880
	csrs mie, t1
	csrr t0, mie
	want t0, 0x880
	li t1, 0x80
	csrrc t0, mie, t1
	csrr t0, mie
	want t0, 0x800
	csrw mie, t1
	csrr t0, mie
	want t0, 0x80
	csrw mie, x0
	/* mcause: an interrupt or not, and codes. */
	check 211
	.irp v, 0, 1, 11, 0x80000007, 0x8000000b
	holds mcause, \v, \v
	.endr

	/* Identities. */
	check 301
	csrr t0, mhartid
	want t0, 0
	csrr t0, mvendorid
	want t0, 0
	csrr t0, mconfigptr
	want t0, 0
	check 302
	csrr t0, misa
	li t1, 0xc0000100
	and t0, t0, t1
	want t0, 0x40000100

	/* Counters count. */
	check 401
	csrr t0, mcycle
	csrr t2, minstret
	nop
	nop
	csrr t1, mcycle
	csrr t3, minstret
	bgeu t0, t1, fail
	bgeu t2, t3, fail

	want_traps 0
	beqz s0, pass
	/* What QEMU, with more behind these CSRs or another count, need not have alike. */

	check 501
	csrr t0, misa
	want t0, 0x40000100
	li t1, -1
	csrw misa, t1
	csrr t0, misa
	want t0, 0x40000100
	check 502
	csrr t0, marchid
	want t0, 0
	csrr t0, mimpid
	want t0, 0
	check 503
	csrw mstatus, x0
	li t0, 0xffffff77
	csrw mstatus, t0
	csrr t1, mstatus
	want t1, 0x1800
	csrw mstatus, x0
	csrr t1, mstatus
	want t1, 0x1800
	csrw mstatush, t0
	csrr t1, mstatush
	want t1, 0
	check 504
	li t0, -1
	csrw mie, t0
	csrr t1, mie
	want t1, 0x880
	csrw mie, x0
	check 505
	csrr t1, mip
	want t1, 0
	csrw mip, t0
	csrr t1, mip
	want t1, 0
	check 506
	holds mcause, 0xffffffff, 0x8000000f
	holds mepc, 0xffffffff, 0xfffffffc
	holds mtvec, 0xffffffff, 0xfffffffc
	csrw mtvec, s8
	check 509
	holds mcountinhibit, 0xffffffff, 0

	/* Counters and events that are there, and zero. */
	check 510
	.irp csr, 0x323, 0x324, 0x32f, 0x330, 0x33e, 0x33f, 0xb03, 0xb04, 0xb0f, 0xb10, 0xb1f, 0xb83, 0xb84, 0xb8f, 0xb90, 0xb9f
	holds \csr, 0xffffffff, 0
	.endr

	/* minstret: each instruction but those that trap; a write is what the next one reads. */
	check 601
	csrr t0, minstret
	csrr t1, minstret
	sub t1, t1, t0
	want t1, 1
	check 602
	csrr t0, minstret
	ecall /* the trap handler: 8 */
	csrr t1, minstret
	sub t1, t1, t0
	want t1, 9
	want_traps 1
	check 603
	li t0, 0x12345
	csrw minstret, t0
	csrr t1, minstret
	want t1, 0x12345
	li t0, 0x777
	csrw minstreth, t0
	csrr t1, minstreth
	want t1, 0x777
	check 604
	csrw minstreth, x0
	li t0, -2
	csrw minstret, t0
	csrr t1, minstret
	csrr t2, minstret
	csrr t3, minstret
	csrr t4, minstreth
	want t1, -2
	want t2, -1
	want t3, 0
	want t4, 1
	check 605 /* the low half counts on while the high one is written */
	li t0, 0x100
	csrw minstret, t0
	csrw minstreth, x0
	csrr t1, minstret
	want t1, 0x101

	/* mcycle: read and written. */
	check 611
	csrw mcycleh, x0
	csrw mcycle, x0
	csrr t0, mcycle
	li t1, 50
	bgeu t0, t1, fail
	csrr t0, mcycleh
	want t0, 0
	li t0, -1
	csrw mcycle, t0
	nop
	csrr t0, mcycle
	bgeu t0, t1, fail
	csrr t0, mcycleh
	want t0, 1
	csrwi mcycleh, 9
	csrr t0, mcycleh
	want t0, 9

	want_traps 0
	j pass
