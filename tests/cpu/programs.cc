// SPDX-License-Identifier: BSD-3-Clause
#include "programs.h"

#include "random.h"

namespace
{

constexpr uint32_t HANDLER = RAM_WORDS - 64; // word

const std::vector<Form> FORMS = {
	{"lui", 0x7f, 0x37},
	{"auipc", 0x7f, 0x17},
	{"jal", 0x7f, 0x6f},
	{"jalr", 0x707f, 0x67},
	{"beq", 0x707f, 0x0063},
	{"bne", 0x707f, 0x1063},
	{"blt", 0x707f, 0x4063},
	{"bge", 0x707f, 0x5063},
	{"bltu", 0x707f, 0x6063},
	{"bgeu", 0x707f, 0x7063},
	{"lb", 0x707f, 0x0003},
	{"lh", 0x707f, 0x1003},
	{"lw", 0x707f, 0x2003},
	{"lbu", 0x707f, 0x4003},
	{"lhu", 0x707f, 0x5003},
	{"sb", 0x707f, 0x0023},
	{"sh", 0x707f, 0x1023},
	{"sw", 0x707f, 0x2023},
	{"addi", 0x707f, 0x0013},
	{"slti", 0x707f, 0x2013},
	{"sltiu", 0x707f, 0x3013},
	{"xori", 0x707f, 0x4013},
	{"ori", 0x707f, 0x6013},
	{"andi", 0x707f, 0x7013},
	{"slli", 0xfe00707f, 0x00001013},
	{"srli", 0xfe00707f, 0x00005013},
	{"srai", 0xfe00707f, 0x40005013},
	{"add", 0xfe00707f, 0x00000033},
	{"sub", 0xfe00707f, 0x40000033},
	{"sll", 0xfe00707f, 0x00001033},
	{"slt", 0xfe00707f, 0x00002033},
	{"sltu", 0xfe00707f, 0x00003033},
	{"xor", 0xfe00707f, 0x00004033},
	{"srl", 0xfe00707f, 0x00005033},
	{"sra", 0xfe00707f, 0x40005033},
	{"or", 0xfe00707f, 0x00006033},
	{"and", 0xfe00707f, 0x00007033},
	{"fence", 0x707f, 0x000f},
	{"mret", 0xffffffff, 0x30200073},
	{"wfi", 0xffffffff, 0x10500073},
	{"csrrw", 0x707f, 0x1073},
	{"csrrs", 0x707f, 0x2073},
	{"csrrc", 0x707f, 0x3073},
	{"csrrwi", 0x707f, 0x5073},
	{"csrrsi", 0x707f, 0x6073},
	{"csrrci", 0x707f, 0x7073},
};

std::vector<uint32_t> make_csrs()
{
	std::vector<uint32_t> csrs = {0x300, 0x301, 0x304, 0x305, 0x310, 0x320, 0x340,
				      0x341, 0x342, 0x343, 0x344, 0xb00, 0xb02, 0xb80,
				      0xb82, 0xf11, 0xf12, 0xf13, 0xf14, 0xf15};

	for (uint32_t i = 3; i < 32; i++) {
		csrs.push_back(0x320 + i);
		csrs.push_back(0xb00 + i);
		csrs.push_back(0xb80 + i);
	}
	return csrs;
}

const std::vector<uint32_t> CSRS = make_csrs();

// Few registers, so that results are used.
uint32_t some_reg()
{
	return one_in(3) ? below(32) : one_in(8) ? 0 : 8 + below(6);
}

// A CSR; those of traps and interrupts, which make what comes after strange, not too often.
uint32_t some_csr()
{
	if (one_in(10)) // numbers beside those that are there, mostly
		return one_in(4) ? below(4096)
				 : CSRS[below(unsigned(CSRS.size()))] ^ 1u << below(12);
	if (one_in(3)) // mcycle, minstret
		return CSRS[11 + below(4)];
	if (one_in(2)) // not those that are just zero
		return CSRS[below(20)];
	return CSRS[below(unsigned(CSRS.size()))];
}

uint32_t branch_offset()
{
	uint32_t offset = 4 * (below(16) - 6);

	if (one_in(8))
		offset = uint32_t(rnd()) & ~1u;
	return (offset >> 12 & 1) << 31 | (offset >> 5 & 63) << 25 | (offset >> 1 & 15) << 8 |
	       (offset >> 11 & 1) << 7;
}

uint32_t jump_offset()
{
	uint32_t offset = 4 * (below(64) - 20);

	if (one_in(8))
		offset = uint32_t(rnd()) & ~1u;
	return (offset >> 20 & 1) << 31 | (offset >> 1 & 1023) << 21 | (offset >> 11 & 1) << 20 |
	       (offset >> 12 & 255) << 12;
}

uint32_t some_insn()
{
	const Form &form = FORMS[below(unsigned(FORMS.size()))];
	uint32_t insn = (uint32_t(rnd()) & 0xfe000000) | some_reg() << 20 | some_reg() << 15 |
			some_reg() << 7;

	switch (form.match & 0x7f) {
	case 0x63:
		insn = (insn & 0x01fff000) | branch_offset();
		break;
	case 0x6f:
		insn = (insn & 0x00000fff) | jump_offset();
		break;
	case 0x37:
	case 0x17:
		insn = (insn & 0x00000fff) | (uint32_t(rnd()) & ~0xfffu);
		break;
	case 0x73:
		insn = (insn & 0x000fffff) | some_csr() << 20;
		if (insn >> 30 == 3 && one_in(2)) // read-only
			insn &= ~0x000f8000u;
		break;
	case 0x03: // offsets and immediates: small ones, and all
	case 0x13:
		if (one_in(2))
			insn &= 0x00ffffff;
		break;
	default:
		break;
	}
	insn = (insn & ~form.mask) | form.match;
	// Else it would sleep, or be somewhere else, most of the time.
	if (form.mask == 0xffffffff && !one_in(3))
		return some_insn();
	return insn;
}

// ANDI, to a multiple of 4: accesses of words and halves are aligned more often.
uint32_t align_insn()
{
	const uint32_t reg = some_reg();

	return 0xffc00000 | reg << 15 | 7 << 12 | reg << 7 | 0x13;
}

// Behind an instruction that writes a CSR, one that reads it.
uint32_t read_back(uint32_t before)
{
	return (before & 0xfff00000) | 0x2000 | some_reg() << 7 | 0x73;
}

} // namespace

const std::vector<Form> &all_forms()
{
	return FORMS;
}

const std::vector<uint32_t> &all_csrs()
{
	return CSRS;
}

const Form *find_form(uint32_t insn)
{
	for (const Form &form : FORMS)
		if ((insn & form.mask) == form.match)
			return &form;
	return nullptr;
}

uint32_t some_word()
{
	switch (below(24)) {
	case 0:
		return uint32_t(rnd());
	case 1:
		return some_insn() ^ 1u << below(32);
	case 2:
		return some_insn() ^ 1u << below(32) ^ 1u << below(32);
	case 3:
		return 0x73 | uint32_t(below(0x800)) << 20; // ECALL and its neighbours
	case 4:
	case 5:
	case 6:
		return align_insn();
	case 7:
		return one_in(2) ? 0x73 : 0x100073; // ECALL, EBREAK
	default:
		return some_insn();
	}
}

void some_program(uint32_t *ram)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < RAM_WORDS; i++)
		ram[i] = i && (ram[i - 1] & 0x7f) == 0x73 && one_in(4) ? read_back(ram[i - 1])
								       : some_word();
	// Each register a value: LUI, ADDI.
	for (uint32_t reg = 1; reg < 32; reg++) {
		const uint32_t value = one_in(3) ? uint32_t(rnd() >> 32 & rnd()) : uint32_t(rnd());

		ram[at++] = (one_in(6) ? 0 : value & ~0xfffu) | reg << 7 | 0x37;
		ram[at++] = (one_in(6) ? 0 : value << 20) | reg << 15 | reg << 7 | 0x13;
	}
	// mtvec: LUI x31, at RAM's end; ADDI; CSRRW. Sometimes it is left at 0.
	if (!one_in(16)) {
		ram[at++] = 0x80010000 | 31 << 7 | 0x37;
		ram[at++] = (0u - 4 * (RAM_WORDS - HANDLER)) << 20 | 31 << 15 | 31 << 7 | 0x13;
		ram[at++] = 0x305u << 20 | 31 << 15 | 0x1073;
	}
	// mie: random lines; mstatus.MIE
	ram[at++] = 0x304u << 20 | below(32) << 15 | 0x1073;
	ram[at++] = 0x300u << 20 | 8 << 15 | 0x6073;
	// The handler: looks at mcause, mtval and mstatus, and goes on to mepc + 4.
	at = HANDLER;
	for (const uint32_t csr : {0x342u, 0x343u, 0x300u}) // CSRRS x30, csr, x0
		ram[at++] = csr << 20 | 30 << 7 | 0x2073;
	if (one_in(4))
		ram[at++] = 0x304u << 20 | below(32) << 15 | 0x1073;
	ram[at++] = 0x341u << 20 | 31 << 7 | 0x2073;	  // CSRRS x31, mepc, x0
	ram[at++] = 4u << 20 | 31 << 15 | 31 << 7 | 0x13; // ADDI x31, x31, 4
	if (one_in(4))
		ram[at++] = some_insn();
	ram[at++] = 0x341u << 20 | 31 << 15 | 0x1073; // CSRRW x0, mepc, x31
	ram[at++] = 0x30200073;
}
