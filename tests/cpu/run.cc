// SPDX-License-Identifier: BSD-3-Clause
// run model|rtl [--waits] FILE.elf...: run self-checking programs on the board (tests/cpu/board.h),
// on the C model or on the RTL, which has waits on its bus then. Exit code 1: a program failed.
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <memory>

#include "board.h"
#include "random.h"
#include "rv32i.h"
#include "verilated.h"

#ifdef RAM_IMAGE // the processor with its own RAM, which starts with the contents of that file
#include "Vcpu_system.h"
using Top = Vcpu_system;
#else
#include "Vmpnic_cpu.h"
using Top = Vmpnic_cpu;
#endif

namespace
{

constexpr uint64_t LIMIT = 4000000; // steps or clocks of a program

board machine;

int access(uint32_t addr, uint8_t strobes, uint32_t wdata, uint32_t *rdata)
{
	return board_access(&machine, addr, strobes, wdata, rdata);
}

int model_read(void *, uint32_t addr, uint32_t *word)
{
	return access(addr, 0, 0, word);
}

int model_write(void *, uint32_t addr, uint32_t word, uint8_t strobes)
{
	uint32_t old;

	return access(addr, strobes, word, &old);
}

uint64_t run_model()
{
	const rv32i_bus bus = {nullptr, model_read, model_read, model_write};
	rv32i_retire retire;
	uint64_t retired = 0;
	rv32i cpu;

	rv32i_reset(&cpu, BOARD_RAM);
	for (uint64_t steps = 0; steps < LIMIT; steps++) {
		if (rv32i_step(&cpu, &bus, board_lines(&machine), &retire) && !retire.trap)
			retired++;
		machine.time++;
		if (machine.finished)
			return retired;
	}
	return 0;
}

// What a bus answers while nothing is asked, or it is not ready.
void noise(Top &top)
{
	top.ready_i = top.valid_o ? 0 : rnd() & 1;
	top.error_i = rnd() & 1;
	top.rdata_i = uint32_t(rnd());
}

uint64_t run_rtl(bool waits)
{
	const auto top = std::make_unique<Top>();
	unsigned wait = 1;
	uint64_t retired = 0;

	top->rst_ni = 0;
	for (uint64_t clock = 0; clock < LIMIT; clock++) {
		const uint32_t lines = board_lines(&machine);
		uint32_t word = 0;

		top->irq_timer_i = lines & RV32I_MIP_TIMER ? 1 : 0;
		top->irq_external_i = lines & RV32I_MIP_EXTERNAL ? 1 : 0;
		top->clk_i = 0;
		top->eval();
		noise(*top);
		if (top->rst_ni && top->valid_o && !wait--) {
			top->error_i = access(top->addr_o, top->wstrb_o, top->wdata_o, &word) != 0;
			top->rdata_i = word;
			top->ready_i = 1;
			wait = waits ? below(4) : 1;
		}
		top->eval();
		if (top->rst_ni && top->retire_valid_o && !top->retire_trap_o)
			retired++;
		if (machine.finished)
			return retired + 1; // the store itself
		top->clk_i = 1;
		top->eval();
		if (clock == 4)
			top->rst_ni = 1;
		machine.time++;
	}
	return 0;
}

#ifdef RAM_IMAGE
bool write_image()
{
	FILE *file = fopen(RAM_IMAGE, "w");

	if (!file)
		return false;
	for (const uint32_t word : machine.ram)
		fprintf(file, "%08x\n", word);
	return fclose(file) == 0;
}
#else
bool write_image()
{
	return true;
}
#endif

bool run(const char *path, bool rtl, bool waits)
{
	const int error = board_load(&machine, path);

	if (error) {
		printf("%s: %s\n", path, strerror(-error));
		return false;
	}
	if (rtl && !write_image()) {
		printf("%s: no image of its RAM\n", path);
		return false;
	}
	const uint64_t retired = rtl ? run_rtl(waits) : run_model();
	if (machine.finished == BOARD_PASS) {
		printf("%s: passed, %" PRIu64 " instructions in %" PRIu64 " %s\n", path, retired,
		       machine.time, rtl ? "clocks" : "steps");
		return true;
	}
	if (machine.finished)
		printf("%s: check %u failed\n", path, machine.finished >> 17);
	else
		printf("%s: does not end\n", path);
	return false;
}

} // namespace

int main(int argc, char **argv)
{
	bool waits = false, good = argc > 2;

	if (argc < 3 || (strcmp(argv[1], "rtl") && strcmp(argv[1], "model"))) {
		fprintf(stderr, "usage: run model|rtl [--waits] FILE.elf...\n");
		return 2;
	}
	Verilated::commandArgs(argc, argv);
	rng = 1;
	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "--waits"))
			waits = true;
		else if (argv[i][0] != '+')
			good &= run(argv[i], !strcmp(argv[1], "rtl"), waits);
	}
	return good ? 0 : 1;
}
