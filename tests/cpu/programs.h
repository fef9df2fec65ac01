// SPDX-License-Identifier: BSD-3-Clause
// Random programs for the processor, and the list of its instructions, written down a third time.
#ifndef CPU_PROGRAMS_H
#define CPU_PROGRAMS_H

#include <cstdint>
#include <vector>

constexpr uint32_t RAM_WORDS = 16384;

// An instruction: insn & mask == match.
struct Form {
	const char *name;
	uint32_t mask, match;
};

const std::vector<Form> &all_forms();
const std::vector<uint32_t> &all_csrs();

// The form of an instruction, nullptr if it is illegal (a CSR's number aside).
const Form *find_form(uint32_t insn);

// Mostly an instruction.
uint32_t some_word();

// All of RAM: code to start with at 0, a handler of traps, and words.
void some_program(uint32_t *ram);

#endif
