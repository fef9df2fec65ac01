// SPDX-License-Identifier: BSD-3-Clause
#include "rv32i.h"

#include <string.h>

enum opcode {
	OP_LOAD = 0x03,
	OP_FENCE = 0x0f,
	OP_IMM = 0x13,
	OP_AUIPC = 0x17,
	OP_STORE = 0x23,
	OP_REG = 0x33,
	OP_LUI = 0x37,
	OP_BRANCH = 0x63,
	OP_JALR = 0x67,
	OP_JAL = 0x6f,
	OP_SYSTEM = 0x73,
};

enum {
	INSN_ECALL = 0x00000073,
	INSN_EBREAK = 0x00100073,
	INSN_WFI = 0x10500073,
	INSN_MRET = 0x30200073,
};

enum csr {
	CSR_MSTATUS = 0x300,
	CSR_MISA = 0x301,
	CSR_MIE = 0x304,
	CSR_MTVEC = 0x305,
	CSR_MSTATUSH = 0x310,
	CSR_MCOUNTINHIBIT = 0x320,
	CSR_MHPMEVENT3 = 0x323,
	CSR_MHPMEVENT31 = 0x33f,
	CSR_MSCRATCH = 0x340,
	CSR_MEPC = 0x341,
	CSR_MCAUSE = 0x342,
	CSR_MTVAL = 0x343,
	CSR_MIP = 0x344,
	CSR_MCYCLE = 0xb00,
	CSR_MINSTRET = 0xb02,
	CSR_MHPMCOUNTER31 = 0xb1f,
	CSR_MCYCLEH = 0xb80,
	CSR_MINSTRETH = 0xb82,
	CSR_MHPMCOUNTER31H = 0xb9f,
	CSR_MVENDORID = 0xf11,
	CSR_MCONFIGPTR = 0xf15,
};

#define MSTATUS_MIE  (1u << 3)
#define MSTATUS_MPIE (1u << 7)
#define MSTATUS_MPP  (3u << 11) /* machine mode, always */
#define MIE_BITS     (RV32I_MIP_EXTERNAL | RV32I_MIP_TIMER)
#define MCAUSE_BITS  (RV32I_INTERRUPT | 0xf)
#define MISA_RV32I   0x40000100u

/* What an instruction does, until it is known that it does not trap. */
struct effect {
	bool trap;
	uint32_t cause, tval; /* of a trap */
	uint32_t next;	      /* pc */
	uint8_t rd;
	uint32_t value;
	bool csr_write;
	uint32_t csr, csr_value;
	bool mret;
};

static void trap(struct effect *e, uint32_t cause, uint32_t tval)
{
	e->trap = true;
	e->cause = cause;
	e->tval = tval;
}

/* ---- fields -----------------------------------------------------------------------------------
 */

static uint32_t bits(uint32_t insn, unsigned int msb, unsigned int lsb)
{
	return (insn >> lsb) & ((2u << (msb - lsb)) - 1);
}

/* @value as a number of @width bits with a sign. */
static uint32_t extend(uint32_t value, unsigned int width)
{
	const uint32_t sign = 1u << (width - 1);

	return (value ^ sign) - sign;
}

static uint32_t imm_i(uint32_t insn)
{
	return extend(bits(insn, 31, 20), 12);
}

static uint32_t imm_s(uint32_t insn)
{
	return extend(bits(insn, 31, 25) << 5 | bits(insn, 11, 7), 12);
}

static uint32_t imm_b(uint32_t insn)
{
	return extend(bits(insn, 31, 31) << 12 | bits(insn, 7, 7) << 11 | bits(insn, 30, 25) << 5 |
			      bits(insn, 11, 8) << 1,
		      13);
}

static uint32_t imm_j(uint32_t insn)
{
	return extend(bits(insn, 31, 31) << 20 | bits(insn, 19, 12) << 12 |
			      bits(insn, 20, 20) << 11 | bits(insn, 30, 21) << 1,
		      21);
}

/* ---- control and status registers
 * ---------------------------------------------------------------- */

/* Returns false if there is no such CSR. */
static bool csr_read(const struct rv32i *cpu, uint32_t mip, uint32_t csr, uint32_t *value)
{
	*value = 0;
	switch (csr) {
	case CSR_MSTATUS:
		*value =
			MSTATUS_MPP | (cpu->mie ? MSTATUS_MIE : 0) | (cpu->mpie ? MSTATUS_MPIE : 0);
		return true;
	case CSR_MISA:
		*value = MISA_RV32I;
		return true;
	case CSR_MIE:
		*value = cpu->mie_mask;
		return true;
	case CSR_MTVEC:
		*value = cpu->mtvec;
		return true;
	case CSR_MSCRATCH:
		*value = cpu->mscratch;
		return true;
	case CSR_MEPC:
		*value = cpu->mepc;
		return true;
	case CSR_MCAUSE:
		*value = cpu->mcause;
		return true;
	case CSR_MTVAL:
		*value = cpu->mtval;
		return true;
	case CSR_MIP:
		*value = mip & MIE_BITS;
		return true;
	case CSR_MCYCLE:
		*value = (uint32_t)cpu->mcycle;
		return true;
	case CSR_MCYCLEH:
		*value = (uint32_t)(cpu->mcycle >> 32);
		return true;
	case CSR_MINSTRET:
		*value = (uint32_t)cpu->minstret;
		return true;
	case CSR_MINSTRETH:
		*value = (uint32_t)(cpu->minstret >> 32);
		return true;
	case CSR_MSTATUSH:
	case CSR_MCOUNTINHIBIT:
		return true;
	default: /* counters and identities that are zero */
		return (csr >= CSR_MHPMEVENT3 && csr <= CSR_MHPMEVENT31) ||
		       (csr > CSR_MINSTRET && csr <= CSR_MHPMCOUNTER31) ||
		       (csr > CSR_MINSTRETH && csr <= CSR_MHPMCOUNTER31H) ||
		       (csr >= CSR_MVENDORID && csr <= CSR_MCONFIGPTR);
	}
}

static uint64_t set_low(uint64_t counter, uint32_t value)
{
	return (counter & ~(uint64_t)UINT32_MAX) | value;
}

static uint64_t set_high(uint64_t counter, uint32_t value)
{
	return (counter & UINT32_MAX) | (uint64_t)value << 32;
}

static void csr_write(struct rv32i *cpu, uint32_t csr, uint32_t value)
{
	switch (csr) {
	case CSR_MSTATUS:
		cpu->mie = value & MSTATUS_MIE;
		cpu->mpie = value & MSTATUS_MPIE;
		break;
	case CSR_MIE:
		cpu->mie_mask = value & MIE_BITS;
		break;
	case CSR_MTVEC:
		cpu->mtvec = value & ~3u;
		break;
	case CSR_MSCRATCH:
		cpu->mscratch = value;
		break;
	case CSR_MEPC:
		cpu->mepc = value & ~3u;
		break;
	case CSR_MCAUSE:
		cpu->mcause = value & MCAUSE_BITS;
		break;
	case CSR_MTVAL:
		cpu->mtval = value;
		break;
	case CSR_MCYCLE:
		cpu->mcycle = set_low(cpu->mcycle, value);
		break;
	case CSR_MCYCLEH:
		cpu->mcycle = set_high(cpu->mcycle, value);
		break;
	case CSR_MINSTRET:
		cpu->minstret = set_low(cpu->minstret, value);
		break;
	case CSR_MINSTRETH:
		cpu->minstret = set_high(cpu->minstret, value);
		break;
	default: /* read-only bits */
		break;
	}
}

/* ---- instructions -------------------------------------------------------------------------------
 */

/* An arithmetic instruction. Returns false if there is none of this funct3 and funct7. */
static bool arithmetic(uint32_t f3, uint32_t f7, uint32_t a, uint32_t b, uint32_t *value)
{
	const uint32_t shift = b & 31;

	switch (f7 << 4 | f3) {
	case 0x000:
		*value = a + b;
		return true;
	case 0x200:
		*value = a - b;
		return true;
	case 0x001:
		*value = a << shift;
		return true;
	case 0x002:
		*value = (int32_t)a < (int32_t)b;
		return true;
	case 0x003:
		*value = a < b;
		return true;
	case 0x004:
		*value = a ^ b;
		return true;
	case 0x005:
		*value = a >> shift;
		return true;
	case 0x205:
		*value = a >> shift | (a >> 31 ? ~(UINT32_MAX >> shift) : 0);
		return true;
	case 0x006:
		*value = a | b;
		return true;
	case 0x007:
		*value = a & b;
		return true;
	default:
		return false;
	}
}

/* Returns false if there is no such comparison. */
static bool compare(uint32_t f3, uint32_t a, uint32_t b, bool *taken)
{
	switch (f3) {
	case 0:
		*taken = a == b;
		return true;
	case 1:
		*taken = a != b;
		return true;
	case 4:
		*taken = (int32_t)a < (int32_t)b;
		return true;
	case 5:
		*taken = (int32_t)a >= (int32_t)b;
		return true;
	case 6:
		*taken = a < b;
		return true;
	case 7:
		*taken = a >= b;
		return true;
	default:
		return false;
	}
}

static void jump(struct effect *e, uint32_t target)
{
	if (target & 2) {
		trap(e, RV32I_JUMP_MISALIGNED, target);
		return;
	}
	e->next = target;
}

static void load(const struct rv32i_bus *bus, uint32_t f3, uint32_t addr, struct effect *e)
{
	const unsigned int size = 1u << (f3 & 3), width = 8 * size;
	uint32_t word;

	if (addr & (size - 1)) {
		trap(e, RV32I_LOAD_MISALIGNED, addr);
		return;
	}
	if (bus->load(bus->ctx, addr & ~3u, &word)) {
		trap(e, RV32I_LOAD_FAULT, addr);
		return;
	}
	word >>= 8 * (addr & 3);
	if (size < 4)
		word = f3 & 4 ? bits(word, width - 1, 0) : extend(bits(word, width - 1, 0), width);
	e->value = word;
}

static void store(const struct rv32i_bus *bus, uint32_t f3, uint32_t addr, uint32_t value,
		  struct effect *e)
{
	static const uint32_t repeat[] = {0x01010101, 0x00010001, 1};
	static const uint8_t strobes[] = {1, 3, 15};
	const unsigned int size = 1u << f3;
	uint32_t word;

	if (addr & (size - 1)) {
		trap(e, RV32I_STORE_MISALIGNED, addr);
		return;
	}
	word = size < 4 ? bits(value, 8 * size - 1, 0) * repeat[f3] : value;
	if (bus->store(bus->ctx, addr & ~3u, word, (uint8_t)(strobes[f3] << (addr & 3))))
		trap(e, RV32I_STORE_FAULT, addr);
}

/* Returns false if it is illegal. */
static bool csr_access(const struct rv32i *cpu, uint32_t mip, uint32_t insn, struct effect *e)
{
	const uint32_t f3 = bits(insn, 14, 12), field = bits(insn, 19, 15);
	const uint32_t operand = f3 & 4 ? field : cpu->x[field];
	uint32_t old;

	e->csr = bits(insn, 31, 20);
	e->csr_write = (f3 & 3) == 1 || field;
	if (!csr_read(cpu, mip, e->csr, &old) || (e->csr_write && e->csr >= 0xc00))
		return false;
	e->rd = bits(insn, 11, 7);
	e->value = old;
	e->csr_value = (f3 & 3) == 1 ? operand : (f3 & 3) == 2 ? old | operand : old & ~operand;
	return true;
}

/* SYSTEM, but for WFI. Returns false if it is illegal. */
static bool system_insn(const struct rv32i *cpu, uint32_t mip, uint32_t insn, struct effect *e)
{
	if (bits(insn, 14, 12) & 3)
		return csr_access(cpu, mip, insn, e);
	switch (insn) {
	case INSN_ECALL:
		trap(e, RV32I_ECALL, 0);
		return true;
	case INSN_EBREAK:
		trap(e, RV32I_BREAKPOINT, 0);
		return true;
	case INSN_MRET:
		e->mret = true;
		e->next = cpu->mepc;
		return true;
	default:
		return false;
	}
}

/* Returns false if it is illegal. */
static bool execute(const struct rv32i *cpu, const struct rv32i_bus *bus, uint32_t mip,
		    uint32_t insn, struct effect *e)
{
	const uint32_t f3 = bits(insn, 14, 12), f7 = bits(insn, 31, 25), rd = bits(insn, 11, 7);
	const uint32_t a = cpu->x[bits(insn, 19, 15)], b = cpu->x[bits(insn, 24, 20)];
	bool taken;

	switch (bits(insn, 6, 0)) {
	case OP_LUI:
		e->rd = rd;
		e->value = insn & ~0xfffu;
		return true;
	case OP_AUIPC:
		e->rd = rd;
		e->value = cpu->pc + (insn & ~0xfffu);
		return true;
	case OP_JAL:
		e->rd = rd;
		e->value = cpu->pc + 4;
		jump(e, cpu->pc + imm_j(insn));
		return true;
	case OP_JALR:
		e->rd = rd;
		e->value = cpu->pc + 4;
		jump(e, (a + imm_i(insn)) & ~1u);
		return f3 == 0;
	case OP_BRANCH:
		if (!compare(f3, a, b, &taken))
			return false;
		if (taken)
			jump(e, cpu->pc + imm_b(insn));
		return true;
	case OP_LOAD:
		if (f3 == 3 || f3 > 5)
			return false;
		e->rd = rd;
		load(bus, f3, a + imm_i(insn), e);
		return true;
	case OP_STORE:
		if (f3 > 2)
			return false;
		store(bus, f3, a + imm_s(insn), b, e);
		return true;
	case OP_IMM:
		e->rd = rd;
		return arithmetic(f3, (f3 & 3) == 1 ? f7 : 0, a, imm_i(insn), &e->value);
	case OP_REG:
		e->rd = rd;
		return arithmetic(f3, f7, a, b, &e->value);
	case OP_FENCE:
		return f3 == 0;
	case OP_SYSTEM:
		return system_insn(cpu, mip, insn, e);
	default:
		return false;
	}
}

/* ---- steps --------------------------------------------------------------------------------------
 */

static void enter_trap(struct rv32i *cpu, uint32_t insn, const struct effect *e,
		       struct rv32i_retire *retire)
{
	*retire =
		(struct rv32i_retire){.trap = true, .pc = cpu->pc, .insn = insn, .cause = e->cause};
	cpu->mepc = cpu->pc;
	cpu->mcause = e->cause;
	cpu->mtval = e->tval;
	cpu->mpie = cpu->mie;
	cpu->mie = false;
	cpu->pc = cpu->mtvec;
	cpu->mcycle++;
}

static void finish(struct rv32i *cpu, uint32_t insn, const struct effect *e,
		   struct rv32i_retire *retire)
{
	*retire = (struct rv32i_retire){.pc = cpu->pc, .insn = insn};
	cpu->mcycle++;
	cpu->minstret++;
	cpu->pc = e->next;
	if (e->rd) {
		cpu->x[e->rd] = e->value;
		retire->rd = e->rd;
		retire->value = e->value;
	}
	if (e->csr_write)
		csr_write(cpu, e->csr, e->csr_value);
	if (e->mret) {
		cpu->mie = cpu->mpie;
		cpu->mpie = true;
	}
}

/* In WFI: does it go on waiting? */
static bool sleeps(struct rv32i *cpu, uint32_t pending)
{
	cpu->asleep = !pending;
	return cpu->asleep;
}

void rv32i_reset(struct rv32i *cpu, uint32_t pc)
{
	memset(cpu, 0, sizeof(*cpu));
	cpu->pc = pc & ~3u;
}

bool rv32i_step(struct rv32i *cpu, const struct rv32i_bus *bus, uint32_t mip,
		struct rv32i_retire *retire)
{
	const uint32_t pending = mip & cpu->mie_mask;
	struct effect e = {.next = cpu->pc + 4};
	uint32_t insn = 0;

	if (cpu->asleep) {
		insn = INSN_WFI;
		if (sleeps(cpu, pending))
			return false;
	} else if (cpu->mie && pending) {
		trap(&e, RV32I_INTERRUPT, 0);
		e.cause |= pending & RV32I_MIP_EXTERNAL ? RV32I_EXTERNAL : RV32I_TIMER;
	} else if (bus->fetch(bus->ctx, cpu->pc, &insn)) {
		insn = 0;
		trap(&e, RV32I_FETCH_FAULT, cpu->pc);
	} else if (insn == INSN_WFI) {
		if (sleeps(cpu, pending))
			return false;
	} else if (!execute(cpu, bus, mip, insn, &e)) {
		trap(&e, RV32I_ILLEGAL, insn);
	}
	if (e.trap)
		enter_trap(cpu, insn, &e, retire);
	else
		finish(cpu, insn, &e, retire);
	return true;
}
