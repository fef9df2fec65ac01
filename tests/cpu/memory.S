/* SPDX-License-Identifier: BSD-3-Clause */
/* Loads and stores: sizes, signs, places in a word, offsets; what is beside a store stays. */
#include "frame.inc"

main:
	la s1, pattern
	/* Each byte and half of pattern: 80 7f fe 01 00 ff 55 aa */
	.macro load op, offset, value
	\op t0, \offset(s1)
	want t0, \value
	next_check
	.endm
	check 1
	load lb, 0, 0xffffff80
	load lb, 1, 0x7f
	load lb, 2, 0xfffffffe
	load lb, 3, 1
	load lb, 4, 0
	load lb, 5, 0xffffffff
	load lb, 6, 0x55
	load lb, 7, 0xffffffaa
	check 11
	load lbu, 0, 0x80
	load lbu, 1, 0x7f
	load lbu, 2, 0xfe
	load lbu, 3, 1
	load lbu, 4, 0
	load lbu, 5, 0xff
	load lbu, 6, 0x55
	load lbu, 7, 0xaa
	check 21
	load lh, 0, 0x7f80
	load lh, 2, 0x01fe
	load lh, 4, 0xffffff00
	load lh, 6, 0xffffaa55
	check 31
	load lhu, 0, 0x7f80
	load lhu, 2, 0x01fe
	load lhu, 4, 0xff00
	load lhu, 6, 0xaa55
	check 41
	load lw, 0, 0x01fe7f80
	load lw, 4, 0xaa55ff00

	/* Offsets to both ends. */
	check 51
	addi t1, s1, 2044
	lw t0, -2044(t1)
	want t0, 0x01fe7f80
	addi t1, s1, -2047
	lb t0, 2047(t1)
	want t0, 0xffffff80
	addi t1, s1, 1024
	addi t1, t1, 1024
	lw t0, -2048(t1)
	want t0, 0x01fe7f80
	lhu t1, 6(s1)
	want t1, 0xaa55
	/* Base and destination are the same; x0 as destination. */
	mv t1, s1
	lw t1, 4(t1)
	want t1, 0xaa55ff00
	lw x0, 0(s1)
	want x0, 0

	/* Stores: into a word of ones, and back. */
	la s1, scratch
	.macro put op, offset, value, low, high
	li t0, -1
	sw t0, 0(s1)
	sw t0, 4(s1)
	li t0, \value
	\op t0, \offset(s1)
	lw t1, 0(s1)
	lw t2, 4(s1)
	want t1, \low
	want t2, \high
	next_check
	.endm
	check 101
	put sb, 0, 0x12345600, 0xffffff00, 0xffffffff
	put sb, 1, 0x12345681, 0xffff81ff, 0xffffffff
	put sb, 2, 0x12345642, 0xff42ffff, 0xffffffff
	put sb, 3, 0x12345623, 0x23ffffff, 0xffffffff
	put sb, 4, 0x12345614, 0xffffffff, 0xffffff14
	put sb, 7, 0x12345607, 0xffffffff, 0x07ffffff
	check 111
	put sh, 0, 0x12348001, 0xffff8001, 0xffffffff
	put sh, 2, 0x12344002, 0x4002ffff, 0xffffffff
	put sh, 4, 0x12342004, 0xffffffff, 0xffff2004
	put sh, 6, 0x12341006, 0xffffffff, 0x1006ffff
	check 121
	put sw, 0, 0x80000001, 0x80000001, 0xffffffff
	put sw, 4, 0x01234567, 0xffffffff, 0x01234567
	check 131
	put sw, 0, 0, 0, 0xffffffff
	sw x0, 4(s1)
	lw t2, 4(s1)
	want t2, 0
	addi t1, s1, 2047
	li t0, 0xa7
	sb t0, -2047(t1)
	lw t2, 0(s1)
	want t2, 0xa7
	addi t1, s1, -1024
	sh t0, 1024(t1)
	lw t2, 0(s1)
	want t2, 0xa7
	sw t1, 1024(t1)
	lw t2, 0(s1)
	want_same t1, t2

	/* A word copied by each size. */
	check 141
	la a0, pattern
	.macro copy read, write, size, count
	.set at, 0
	.rept \count
	\read t0, at(a0)
	\write t0, at(s1)
	.set at, at + \size
	.endr
	lw t1, 0(s1)
	lw t2, 4(s1)
	want t1, 0x01fe7f80
	want t2, 0xaa55ff00
	sw x0, 0(s1)
	sw x0, 4(s1)
	next_check
	.endm
	copy lb, sb, 1, 8
	copy lbu, sb, 1, 8
	copy lh, sh, 2, 4
	copy lhu, sh, 2, 4
	copy lw, sw, 4, 2

	/* What is stored is what is fetched next: nothing is fetched ahead. */
	check 151
	beqz s0, 2f
	la t1, 1f
	li t0, 0x00700293 /* li t0, 7 */
	sw t0, 0(t1)
1:	li t0, 1
	want t0, 7
2:
	/* FENCE is there, in all its forms, and does nothing to registers. */
	check 161
	li t0, 0x77
	fence
	fence rw, w
	.word 0x8330000f /* fence.tso */
	.word 0x0ff2828f /* rs1 and rd set, which is reserved: an ordinary fence */
	want t0, 0x77

	want_traps 0
	j pass

	.section .rodata
	.align 2
pattern:
	.byte 0x80, 0x7f, 0xfe, 0x01, 0x00, 0xff, 0x55, 0xaa
