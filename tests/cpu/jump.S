/* SPDX-License-Identifier: BSD-3-Clause */
/* Branches with all pairs of edge values, forwards and backwards; JAL and JALR. */
#include "frame.inc"

	.set sign, SIGN

	/* Taken where the condition (the assembler's, -1 or 0) holds. */
	.macro branch op, a, b, condition
	li t0, \a
	li t1, \b
	li t2, 0
	\op t0, t1, 1f
	addi t2, t2, 1
1:	addi t2, t2, 2
	want t2, 3 + (\condition)
	.endm

	/* Backwards. */
	.macro branch_back op, a, b, condition
	li t0, \a
	li t1, \b
	li t2, 0
	j 2f
1:	addi t2, t2, 1
	j 3f
2:	\op t0, t1, 1b
	addi t2, t2, 2
3:	want t2, 2 + (\condition)
	.endm

	.macro branches which
	.irp a, 0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x00010000
	.irp b, 0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x80010000
	\which beq, \a, \b, "\a == \b"
	\which bne, \a, \b, "\a != \b"
	\which blt, \a, \b, "(\a ^ sign) < (\b ^ sign)"
	\which bge, \a, \b, "(\a ^ sign) >= (\b ^ sign)"
	\which bltu, \a, \b, "\a < \b"
	\which bgeu, \a, \b, "\a >= \b"
	next_check
	.endr
	.endr
	.endm

main:
	check 1
	branches branch
	check 101
	branches branch_back

	/* A register with itself; x0. */
	check 201
	li t0, 5
	beq t0, t0, 1f
	j fail
1:	bne t0, t0, fail_near
	blt t0, t0, fail_near
	bge t0, t0, 1f
	j fail
1:	bltu x0, t0, 1f
fail_near:
	j fail
1:	bge x0, t0, fail_near

	/* Every distance that is a power of two, both ways, for branches and JAL. */
	check 202
	la t0, far_branch
	jalr ra, 0(t0)
	check 203
	la t0, far_jump
	jalr ra, 0(t0)

	/* Links. */
	check 211
	jal t0, 1f
1:	la t1, 1b
	want_same t0, t1
	check 212
	la t0, 2f
	jalr t1, 0(t0)
1:	j fail
2:	la t2, 1b
	want_same t1, t2
	check 213 /* bit 0 is dropped; the same register twice; offsets */
	la t0, 2f + 1
	jalr t0, 0(t0)
1:	j fail
2:	la t2, 1b
	want_same t0, t2
	check 214
	la t0, 2f - 2047
	jalr t1, 2047(t0)
1:	j fail
2:	la t0, 2f + 2045
	jalr x0, -2044(t0)
1:	j fail
2:	want x0, 0
	check 215 /* a link is written when the target was read */
	la t0, 2f
	mv t2, t0
	jalr t0, 0(t0)
2:	want_same t0, t2

	/* AUIPC beyond both ends of memory comes around. */
	check 221
1:	auipc t0, 0x80000
	la t1, 1b
	li t2, 0x80000000
	add t1, t1, t2
	want_same t0, t1

	want_traps 0
	j pass

	/* Hops of 8 * 2^n bytes, forwards, then backwards. */
	.align 3
far_branch:
	li t0, 0
	.macro hop_forward size
	beq x0, x0, . + \size
	.fill (\size - 4) / 4, 4, 0 /* illegal */
	addi t0, t0, 1
	.endm
	.irp size, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4092
	hop_forward \size
	.endr
	want t0, 10
	li t0, 0
	j 1f
2:	want t0, 1
	ret
	.fill 1014, 4, 0
1:	addi t0, t0, 1
	beq x0, x0, 2b
	ret

far_jump:
	li t0, 0
	.macro jump_forward size
	jal x0, . + \size
	.fill (\size - 4) / 4, 4, 0
	addi t0, t0, 1
	.endm
	.irp size, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192
	jump_forward \size
	.endr
	want t0, 11
	ret
