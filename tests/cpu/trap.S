/* SPDX-License-Identifier: BSD-3-Clause */
/* Exceptions: each cause, with what mcause, mepc, mtval and mstatus are then; what is illegal. */
#include "frame.inc"

	.macro illegal word
	next_check
1:	.word \word
	want_trap 2, 1b
	want s5, \word
	.endm

	/* CSR instruction: CSRRS x5, csr, rs1 */
	.macro illegal_csr csr, rs1
	illegal (\csr << 20) + (\rs1 << 15) + 0x22f3
	.endm

main:
	/* ECALL, EBREAK; MIE goes to MPIE and comes back. */
	check 1
1:	ecall
	want_trap 11, 1b
	want s5, 0
	check 2
1:	ebreak
	want_trap 3, 1b
	want s5, 0
	check 3
	la s8, 2f
	csrr s9, mtvec
	csrw mtvec, s8
	csrw mie, x0
	.macro stack mstatus, inside
	li t0, \mstatus
	csrw mstatus, t0
	li t2, \inside
	ecall
	.endm
	stack 0x08, 0x80
	stack 0x88, 0x80
	stack 0x00, 0x00
	stack 0x80, 0x00
	csrw mtvec, s9
	j 3f
	.align 2
2:	csrr t1, mstatus
	andi t1, t1, 0x88
	bne t1, t2, fail
	la t3, 4f
	csrr t4, mepc
	csrw mepc, t3
	mret
4:	csrr t1, mstatus
	andi t1, t1, 0x88
	li t3, 0x80 /* MPIE is 1 after MRET */
	beqz t2, 5f
	li t3, 0x88
5:	bne t1, t3, fail
	addi t4, t4, 4
	jr t4
3:	csrw mstatus, x0

	/* Illegal: what has no opcode, function or form. rd, if any, is t0. */
	check 100
	li t0, 0x1234567
	.irp word, 0x00000000, 0xffffffff, 0x0000b283, 0x0000f283
	illegal \word
	.endr
	check 110 /* stores, branches, JALR */
	.irp word, 0x0050b023, 0x0050c023, 0x0050d023, 0x0050e023, 0x0050f023
	illegal \word
	.endr
	.irp word, 0x0000a063, 0x0000b063, 0x00009067, 0x0000a067, 0x0000c067, 0x0000f067
	illegal \word
	.endr
	check 130 /* shifts, other arithmetic, multiplication */
	.irp word, 0x40009293, 0x02009293, 0x0200d293, 0x8000d293, 0x6000d293, 0x4200d293
	illegal \word
	.endr
	.irp word, 0x405292b3, 0x4052a2b3, 0x4052b2b3, 0x4052c2b3, 0x4052e2b3, 0x4052f2b3
	illegal \word
	.endr
	.irp word, 0x025282b3, 0x025292b3, 0x0252a2b3, 0x0252b2b3, 0x0252c2b3, 0x0252d2b3, 0x0252e2b3, 0x0252f2b3
	illegal \word
	.endr
	.irp word, 0x805282b3, 0x205282b3, 0x105282b3, 0x085282b3, 0x045282b3, 0x605282b3
	illegal \word
	.endr
	check 160 /* opcodes of other extensions: FENCE.I, AMO, F, custom, RV64 */
	.irp word, 0x0000100f, 0x1005a2af, 0x0000a007, 0x0000a027, 0x0000000b, 0x0000002b, 0x0000005b, 0x0000007b
	illegal \word
	.endr
	.irp word, 0x0000001b, 0x0000003b, 0x00000043, 0x00000047, 0x0000004b, 0x0000004f, 0x00000053, 0x00000057
	illegal \word
	.endr
	.irp word, 0x0000006b, 0x00000077, 0x0000001f, 0x0000003f, 0x0000005f, 0x0000007f
	illegal \word
	.endr
	check 190 /* SYSTEM: URET, SRET, DRET, MRET and others with fields set */
	.irp word, 0x00200073, 0x10200073, 0x7b200073, 0x30200173, 0x30208073, 0x10508073, 0x105000f3
	illegal \word
	.endr
	.irp word, 0x000000f3, 0x00008073, 0x001000f3, 0x00108073, 0x20200073, 0x0000c073, 0x3000c073
	illegal \word
	.endr
	want t0, 0x1234567

	/* CSRs that are not there, and read-only ones that are written. */
	check 300
	.irp csr, 0x001, 0x100, 0x105, 0x140, 0x180, 0x200, 0x280, 0x345, 0x34f, 0x3ff, 0x5c0, 0x5c8
	illegal_csr \csr, 0
	.endr
	.irp csr, 0x600, 0x800, 0x8ff, 0xa00, 0xd00, 0xdff, 0xe00, 0xeff, 0xf10, 0xf16, 0xf1f, 0xfff
	illegal_csr \csr, 0
	.endr
	.irp csr, 0xf11, 0xf12, 0xf13, 0xf14, 0xf15
	illegal_csr \csr, 5
	next_check
1:	csrrwi t0, \csr, 0
	want_trap 2, 1b
	next_check
1:	csrrw t0, \csr, x0
	want_trap 2, 1b
	next_check
1:	csrrsi t0, \csr, 1
	want_trap 2, 1b
	next_check
1:	csrrci t0, \csr, 31
	want_trap 2, 1b
	next_check
1:	csrrc t0, \csr, t0
	want_trap 2, 1b
	.endr
	want t0, 0x1234567

	/* Access faults. The fetch goes on at s6. */
	check 400
	li t1, NOWHERE
	.macro faults cause, instruction:vararg
	next_check
1:	\instruction
	want_trap \cause, 1b
	want s5, NOWHERE
	want t0, 0x1234567
	.endm
	faults 5, lb t0, 0(t1)
	faults 5, lbu t0, 0(t1)
	faults 5, lh t0, 0(t1)
	faults 5, lhu t0, 0(t1)
	faults 5, lw t0, 0(t1)
	faults 7, sb t0, 0(t1)
	faults 7, sh t0, 0(t1)
	faults 7, sw t0, 0(t1)
	check 410
	addi t1, t1, -12
	faults 5, lw t0, 12(t1)
	faults 7, sw t0, 12(t1)
	check 420
	la s6, 1f
	li t1, NOWHERE
	jalr t2, 0(t1)
	j fail
1:	want s2, 1
	want s3, 1
	want s4, NOWHERE
	want s5, NOWHERE
	la t3, 1b
	addi t3, t3, -4
	want_same t2, t3
	li s2, 0
	li s6, 0

	/* Jumps to where no instruction begins; the link is not written. */
	check 500
	la t1, main
	.macro jumps_to offset
	next_check
1:	jalr t0, \offset(t1)
	want_trap 0, 1b
	la t6, main + (\offset & ~1)
	bne s5, t6, fail
	want t0, 0x1234567
	.endm
	jumps_to 2
	jumps_to 3
	jumps_to -2
	jumps_to 6
	/* Of JAL and branches, QEMU 7.2 does not tell where to. */
	.macro jumped_to label
	beqz s0, 2f
	la t6, \label
	bne s5, t6, fail
2:
	.endm
	check 510
1:	.word 0x002002ef /* jal t0, 2 */
	want_trap 0, 1b
	jumped_to 1b + 2
	want t0, 0x1234567
	check 511
1:	.word 0xfe000fe3 /* beq x0, x0, -2 */
	want_trap 0, 1b
	jumped_to 1b - 2
	check 512
1:	.word 0x00001163 /* bne x0, x0, 2: not taken, no trap */
	want_traps 0
	check 513
1:	.word 0x00000163 /* beq x0, x0, 2 */
	want_trap 0, 1b

	beqz s0, pass
	/* What QEMU has, or does otherwise: CSRs of extensions, misaligned loads and stores. */

	check 590
	illegal 0x12000073 /* SFENCE.VMA */
	li s1, 0 /* a register that is zero is written all the same */
	illegal_csr 0xf14, 9
	want t0, 0x1234567
	check 600
	.irp csr, 0x302, 0x303, 0x306, 0x307, 0x308, 0x30a, 0x311, 0x312, 0x321, 0x322, 0x347, 0x34a, 0x34b
	illegal_csr \csr, 0
	.endr
	.irp csr, 0x3a0, 0x3b0, 0x747, 0x757, 0x7a0, 0x7a1, 0x7b0, 0x7c0, 0xb01, 0xb20, 0xb7f, 0xb81, 0xba0, 0xbff
	illegal_csr \csr, 0
	.endr
	.irp csr, 0xc00, 0xc01, 0xc02, 0xc03, 0xc80, 0xc81, 0xc82, 0xda0, 0xfb0
	illegal_csr \csr, 0
	.endr

	check 700
	la t1, scratch
	sw x0, 0(t1)
	sw x0, 4(t1)
	.macro misaligned cause, offset, op
	next_check
1:	\op t0, \offset(t1)
	want_trap \cause, 1b
	addi t2, t1, \offset
	want_same s5, t2
	want t0, 0x1234567
	.endm
	misaligned 4, 1, lh
	misaligned 4, 3, lh
	misaligned 4, 1, lhu
	misaligned 4, 3, lhu
	misaligned 4, 1, lw
	misaligned 4, 2, lw
	misaligned 4, 3, lw
	misaligned 6, 1, sh
	misaligned 6, 3, sh
	misaligned 6, 1, sw
	misaligned 6, 2, sw
	misaligned 6, 3, sw
	lw t2, 0(t1)
	want t2, 0
	lw t2, 4(t1)
	want t2, 0
	/* Misaligned comes before access fault. */
	check 750
	li t1, NOWHERE
	misaligned 4, 1, lw
	misaligned 6, 2, sw

	want_traps 0
	j pass
