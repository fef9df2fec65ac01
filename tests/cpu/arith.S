/* SPDX-License-Identifier: BSD-3-Clause */
/* Arithmetic: each instruction with all pairs of edge values, against what the assembler computes. */
#include "frame.inc"

main:
	/* Registers: each holds its own value while all others hold theirs. */
	check 1
	.irp n, 1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 23, 24, 25, 26, 27, 28, 29, 30
	li x\n, 0x5a000000 + \n * 0x10101
	.endr
	.irp n, 1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 23, 24, 25, 26, 27, 28, 29, 30
	want x\n, 0x5a000000 + \n * 0x10101
	.endr
	check 2
	.irp n, 3, 8, 18, 19, 20, 21, 22, 31
	mv t0, x\n
	li x\n, 0x12345678 + \n
	addi t1, x\n, -\n
	mv x\n, t0
	want t1, 0x12345678
	.endr
	li gp, 2

	/* x0 is zero, whatever is written to it. */
	check 3
	li t0, -1
	li t1, 3
	add x0, t0, t1
	sub x0, t0, t1
	sll x0, t0, t1
	slt x0, t0, t1
	sltu x0, t1, t0
	xor x0, t0, t1
	srl x0, t0, t1
	sra x0, t0, t1
	or x0, t0, t1
	and x0, t0, t1
	addi x0, t0, 5
	slti x0, t0, 5
	sltiu x0, t1, 5
	xori x0, t0, 5
	ori x0, t0, 5
	andi x0, t0, 5
	slli x0, t0, 5
	srli x0, t0, 5
	srai x0, t0, 5
	lui x0, 0xfffff
	auipc x0, 0xfffff
	want x0, 0
	mv t2, x0
	want t2, 0

	/* LUI, AUIPC */
	check 4
	.irp v, 0, 1, 0x7ffff, 0x80000, 0xfffff, 0xa5a5a
	lui t0, \v
	srli t1, t0, 12
	want t1, \v
	slli t1, t0, 20
	want t1, 0
	auipc t0, \v
	auipc t1, 0
	sub t0, t0, t1
	want t0, ((\v << 12) - 4) & MASK
	.endr

	/* Register-register, by a table. */
	check 5
	la a0, table
	la a1, table_end
1:	lw t0, 0(a0)
	lw t1, 4(a0)
	.macro row_op op, offset
	\op t2, t0, t1
	lw t3, \offset(a0)
	bne t2, t3, fail
	mv t2, t0
	\op t2, t2, t1
	bne t2, t3, fail
	mv t2, t1
	\op t2, t0, t2
	bne t2, t3, fail
	next_check
	.endm
	row_op add, 8
	row_op sub, 12
	row_op sll, 16
	row_op slt, 20
	row_op sltu, 24
	row_op xor, 28
	row_op srl, 32
	row_op sra, 36
	row_op or, 40
	row_op and, 44
	want s2, 0
	li gp, 5
	addi a0, a0, 48
	bne a0, a1, 1b

	/* Register-immediate. */
	.macro imm_op op, a, value
	li t0, \a
	\op t0, t0, imm
	want t0, \value
	next_check
	.endm
	check 100
	.irp a, 0, 1, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0x000007ff, 0xfffff800
	.irp i, 0, 1, -1, 0x555, -0x556, 2047, -2048
	.set imm, \i
	imm_op addi, \a, (\a + \i) & MASK
	imm_op slti, \a, -((\a ^ SIGN) < ((\i & MASK) ^ SIGN))
	imm_op sltiu, \a, -(\a < (\i & MASK))
	imm_op xori, \a, (\a ^ \i) & MASK
	imm_op ori, \a, (\a | \i) & MASK
	imm_op andi, \a, (\a & \i) & MASK
	.endr
	.endr
	check 1000
	.irp a, 1, 0x80000000, 0xffffffff, 0x7fffffff, 0x12345678, 0x87654321
	.irp i, 0, 1, 2, 4, 7, 8, 9, 15, 16, 24, 31
	.set imm, \i
	imm_op slli, \a, (\a << \i) & MASK
	imm_op srli, \a, \a >> \i
	imm_op srai, \a, ((\a >> \i) | ((0 - (\a >> 31)) << (32 - \i))) & MASK
	.endr
	.endr

	want_traps 0
	j pass

	.section .rodata
	.align 2
	/* a, b, and what is to come out. The assembler reckons with 64 bits; its "true" is -1. */
	.macro row a, b
	.word \a, \b
	.word (\a + \b) & MASK
	.word (\a - \b) & MASK
	.word (\a << (\b & 31)) & MASK
	.word -((\a ^ SIGN) < (\b ^ SIGN))
	.word -(\a < \b)
	.word \a ^ \b
	.word \a >> (\b & 31)
	.word ((\a >> (\b & 31)) | ((0 - (\a >> 31)) << (32 - (\b & 31)))) & MASK
	.word \a | \b
	.word \a & \b
	.endm
table:
	.irp a, 0, 1, 2, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0x55555555, 0xaaaaaaaa, 0xdeadbeef
	.irp b, 0, 1, 2, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0x0000001f, 0xaaaaaaa8, 0xdeadbeef
	row \a, \b
	.endr
	.endr
table_end:
