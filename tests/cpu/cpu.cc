// SPDX-License-Identifier: BSD-3-Clause
// cpu [--count N] [--seed S]: the processor's RTL beside its C model on N random instructions: each
// retired one, each access of the bus, memory, when interrupts are taken and when WFI ends. Code is
// valid, nearly valid, or noise; it writes over itself; the bus waits, fails, and interrupts come
// when they like. Exit code 1: they differ, or not everything was tried.
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <deque>
#include <map>
#include <memory>

#include "Vmpnic_cpu.h"
#include "programs.h"
#include "random.h"
#include "rv32i.h"
#include "verilated.h"

namespace
{

constexpr uint64_t ROUND = 1500;     // retired instructions with one image
constexpr unsigned LONG_SLEEP = 400; // clocks; nothing may be enabled that wakes it
constexpr unsigned HANG = 200;	     // clocks without an instruction

// ---- memory and bus ----------------------------------------------------------------------------

struct Access {
	char kind; // fetch, load, store
	uint32_t addr, wdata;
	uint8_t strobes;
	uint32_t rdata;
	bool error;
};

uint32_t rtl_ram[RAM_WORDS], model_ram[RAM_WORDS];
bool stored[RAM_WORDS]; // words that the program wrote
uint64_t fetched_stored;
std::deque<Access> accesses; // of the RTL, which the model has not made
unsigned wait_max, wait_left, error_rate;

// RAM is repeated all over the even sixteenths of the address space; the others are devices, which
// answer something else each time, or with an error.
bool is_ram(uint32_t addr)
{
	return !(addr >> 28 & 1);
}

void write_ram(uint32_t *ram, uint32_t addr, uint32_t wdata, uint8_t strobes)
{
	uint32_t mask = 0;

	for (unsigned i = 0; i < 4; i++)
		mask |= strobes >> i & 1 ? 0xffu << 8 * i : 0;
	uint32_t &word = ram[addr / 4 % RAM_WORDS];
	word = (word & ~mask) | (wdata & mask);
}

void answer(Vmpnic_cpu &top)
{
	const bool ram = is_ram(top.addr_o);
	Access a = {top.fetch_o	  ? 'f'
		    : top.wstrb_o ? 's'
				  : 'l',
		    top.addr_o,
		    top.wdata_o,
		    top.wstrb_o,
		    uint32_t(rnd()),
		    false};

	a.error = error_rate && one_in(ram ? error_rate : 4);
	if (!a.error && ram) {
		a.rdata = rtl_ram[a.addr / 4 % RAM_WORDS];
		write_ram(rtl_ram, a.addr, a.wdata, a.strobes);
	} else if (!ram && a.kind == 'f') {
		a.rdata = some_word();
	}
	accesses.push_back(a);
	top.ready_i = 1;
	top.rdata_i = a.rdata;
	top.error_i = a.error;
}

bool model_differs; // in an access

bool take(char kind, uint32_t addr, uint32_t wdata, uint8_t strobes, Access &a)
{
	if (accesses.empty()) {
		printf("  model: access %c %08x, none of the RTL\n", kind, addr);
		model_differs = true;
		return false;
	}
	a = accesses.front();
	accesses.pop_front();
	if (a.kind == kind && a.addr == addr && a.strobes == strobes &&
	    (!strobes || a.wdata == wdata))
		return true;
	printf("  model: %c %08x %x %08x, RTL: %c %08x %x %08x\n", kind, addr, strobes, wdata,
	       a.kind, a.addr, a.strobes, a.wdata);
	model_differs = true;
	return false;
}

int model_read(char kind, uint32_t addr, uint32_t *word)
{
	Access a;

	if (!take(kind, addr, 0, 0, a) || a.error)
		return -1;
	*word = is_ram(addr) ? model_ram[addr / 4 % RAM_WORDS] : a.rdata;
	return 0;
}

int model_fetch(void *, uint32_t addr, uint32_t *word)
{
	fetched_stored += is_ram(addr) && stored[addr / 4 % RAM_WORDS];
	return model_read('f', addr, word);
}

int model_load(void *, uint32_t addr, uint32_t *word)
{
	return model_read('l', addr, word);
}

int model_store(void *, uint32_t addr, uint32_t word, uint8_t strobes)
{
	Access a;

	if (!take('s', addr, word, strobes, a) || a.error)
		return -1;
	if (is_ram(addr)) {
		write_ram(model_ram, addr, word, strobes);
		stored[addr / 4 % RAM_WORDS] = true;
	}
	return 0;
}

const rv32i_bus bus = {nullptr, model_fetch, model_load, model_store};

// ---- what was tried ----------------------------------------------------------------------------

std::map<uint32_t, uint64_t> causes, csrs_read, csrs_written;
std::map<const char *, uint64_t> forms;
uint64_t sleeps, branches[2], retired_all, rounds;

void note(const rv32i_retire &r, uint32_t next)
{
	retired_all++;
	if (r.trap) {
		causes[r.cause]++;
		return;
	}
	const Form *form = find_form(r.insn);
	if (!form) {
		printf("%08x retired, but there is no such instruction\n", r.insn);
		model_differs = true;
		return;
	}
	forms[form->name]++;
	if ((r.insn & 0x7f) == 0x63)
		branches[next != r.pc + 4]++;
	if ((r.insn & 0x7f) != 0x73 || !(r.insn >> 12 & 3))
		return;
	csrs_read[r.insn >> 20] += r.rd != 0;
	csrs_written[r.insn >> 20] += (r.insn >> 12 & 3) == 1 || (r.insn >> 15 & 31);
}

bool tried_all()
{
	static const uint32_t all_causes[] = {
		0, 1, 2, 3, 4, 5, 6, 7, 11, RV32I_INTERRUPT | 7, RV32I_INTERRUPT | 11};
	bool all = sleeps && fetched_stored && branches[0] && branches[1];

	for (const Form &form : all_forms())
		if (!forms[form.name]) {
			printf("not tried: %s\n", form.name);
			all = false;
		}
	for (const uint32_t cause : all_causes)
		if (!causes[cause]) {
			printf("not tried: cause %x\n", cause);
			all = false;
		}
	for (const uint32_t csr : all_csrs())
		if (!csrs_read[csr] || (csr < 0xc00 && !csrs_written[csr])) {
			printf("not tried: CSR %x\n", csr);
			all = false;
		}
	return all;
}

// ---- lock-step ---------------------------------------------------------------------------------

Vmpnic_cpu *top;
rv32i cpu;
uint64_t now;		      // clock
uint64_t cpu_clock;	      // at which cpu.mcycle is what the RTL's counter is
uint32_t lines, lines_before; // of this clock, and of the one before
uint32_t lines_seen;	      // by the instruction under way
bool asleep_before;
bool wfi_ends; // so the model says: its record is expected now
rv32i_retire wanted;

bool fail(const char *what)
{
	printf("round %" PRIu64 ", clock %" PRIu64 ", pc %08x: %s\n", rounds, now, cpu.pc, what);
	return false;
}

bool step(uint32_t mip, uint64_t last_clock)
{
	cpu.mcycle += last_clock - cpu_clock;
	cpu_clock = last_clock;
	if (!rv32i_step(&cpu, &bus, mip, &wanted))
		return false;
	cpu_clock++;
	note(wanted, cpu.pc);
	return true;
}

bool same_record()
{
	if (top->retire_trap_o == wanted.trap && top->retire_pc_o == wanted.pc &&
	    top->retire_insn_o == wanted.insn && top->retire_cause_o == wanted.cause &&
	    top->retire_rd_o == wanted.rd && top->retire_value_o == wanted.value)
		return true;
	printf("  model: trap %d cause %x pc %08x insn %08x x%d = %08x\n"
	       "  RTL:   trap %d cause %x pc %08x insn %08x x%d = %08x\n",
	       wanted.trap, wanted.cause, wanted.pc, wanted.insn, wanted.rd, wanted.value,
	       top->retire_trap_o, top->retire_cause_o, top->retire_pc_o, top->retire_insn_o,
	       top->retire_rd_o, top->retire_value_o);
	return fail("records differ");
}

// The instruction's last clock was the one before.
bool check_retire()
{
	if (!wfi_ends && !step(lines_seen, now - 1))
		return fail("the model sleeps");
	wfi_ends = false;
	lines_seen = lines_before;
	if (model_differs)
		return fail("accesses differ");
	if (!accesses.empty())
		return fail("the RTL made one access more");
	return same_record();
}

// WFI: the model says each clock whether it ends.
bool check_sleep()
{
	if (!asleep_before) {
		sleeps++;
		if (step(lines_seen, now))
			return fail("the RTL sleeps, the model does not");
		return model_differs ? fail("accesses differ") : true;
	}
	wfi_ends = step(lines_before, now);
	return true;
}

struct Request {
	bool waits;
	uint8_t fetch, strobes;
	uint32_t addr, wdata;
};

bool check_bus(Request &r)
{
	const bool same = top->valid_o && top->fetch_o == r.fetch && top->wstrb_o == r.strobes &&
			  top->addr_o == r.addr && (!r.strobes || top->wdata_o == r.wdata);

	if (r.waits && !same)
		return fail("a request changed");
	if (top->valid_o && (top->addr_o & 3))
		return fail("an address is no multiple of 4");
	if (top->valid_o && top->fetch_o && top->wstrb_o)
		return fail("a fetch writes");
	r = {bool(top->valid_o), top->fetch_o, top->wstrb_o, top->addr_o, top->wdata_o};
	return true;
}

void drive_bus(Request &r)
{
	top->ready_i = 0;
	top->rdata_i = uint32_t(rnd());
	top->error_i = rnd() & 1;
	if (!top->valid_o) {
		top->ready_i = rnd() & 1;
	} else if (!wait_left) {
		answer(*top);
		r.waits = false;
		wait_left = below(wait_max + 1);
	} else {
		wait_left--;
	}
}

void edge()
{
	top->clk_i = 1;
	top->eval();
	top->clk_i = 0;
	top->eval();
	now++;
}

void reset()
{
	top->rst_ni = 0;
	top->ready_i = 0;
	edge();
	edge();
	top->rst_ni = 1;
	rv32i_reset(&cpu, 0x80000000);
	cpu_clock = now;
	accesses.clear();
	lines_seen = lines = 0;
	asleep_before = wfi_ends = false;
	some_program(rtl_ram);
	memcpy(model_ram, rtl_ram, sizeof(model_ram));
	memset(stored, 0, sizeof(stored));
	wait_max = one_in(3) ? 0 : 1 + below(4);
	error_rate = one_in(4) ? 0 : one_in(2) ? 40 : 400;
}

void new_lines(unsigned rate)
{
	lines_before = lines;
	if (rate && one_in(rate))
		lines ^= RV32I_MIP_TIMER;
	if (rate && one_in(rate))
		lines ^= RV32I_MIP_EXTERNAL;
	top->irq_timer_i = lines & RV32I_MIP_TIMER ? 1 : 0;
	top->irq_external_i = lines & RV32I_MIP_EXTERNAL ? 1 : 0;
}

bool run_round(uint64_t count)
{
	static const unsigned rates[] = {0, 2, 10, 40, 400};
	const unsigned rate = rates[below(5)];
	const uint64_t end = retired_all + count;
	unsigned idle = 0, asleep = 0;
	Request request = {};

	reset();
	while (retired_all < end) {
		new_lines(rate);
		top->eval();
		if (wfi_ends && !top->retire_valid_o)
			return fail("the RTL sleeps on");
		if (top->retire_valid_o && !check_retire())
			return false;
		if (asleep_before && !top->sleep_o && !top->retire_valid_o)
			return fail("the RTL woke up and did nothing");
		if (top->sleep_o && !check_sleep())
			return false;
		asleep_before = top->sleep_o && !wfi_ends;
		if (!check_bus(request))
			return false;
		drive_bus(request);
		idle = top->retire_valid_o || top->sleep_o ? 0 : idle + 1;
		asleep = top->sleep_o ? asleep + 1 : 0;
		if (idle > HANG)
			return fail("the RTL hangs");
		if (asleep > LONG_SLEEP)
			break;
		edge();
	}
	if (memcmp(rtl_ram, model_ram, sizeof(rtl_ram)))
		return fail("memories differ");
	return true;
}

} // namespace

int main(int argc, char **argv)
{
	uint64_t count = 300000, seed = 1;

	options(argc, argv, count, seed);
	Verilated::commandArgs(argc, argv);
	const auto owner = std::make_unique<Vmpnic_cpu>();

	top = owner.get();
	while (retired_all < count) {
		if (!run_round(ROUND))
			return 1;
		rounds++;
	}
	top->final();
	printf("seed %" PRIu64 ": %" PRIu64 " instructions and traps in %" PRIu64
	       " clocks, %" PRIu64 " programs, %" PRIu64 " times asleep, %" PRIu64
	       " fetches of what was stored\n",
	       seed, retired_all, now, rounds, sleeps, fetched_stored);
	printf("causes:");
	for (const auto &[cause, n] : causes)
		printf(" %x: %" PRIu64, cause, n);
	printf("\n");
	if (count >= 1000000 && !tried_all()) {
		printf("not everything was tried\n");
		return 1;
	}
	return 0;
}
