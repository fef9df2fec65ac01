// SPDX-License-Identifier: BSD-3-Clause
// guard [--count CUTS] [--seed S]: mpnic_axi_guard between a master that is reset at any moment, in
// the middle of all that it does, and a bus that waits as it likes. Exit code 1: the bus sees a
// broken rule, a byte that the master did not write, or not all that it began; the master does not
// get its answers; the guard is idle when something is under way, or never.
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>

#include "Vmpnic_axi_guard.h"
#include "random.h"

namespace
{

constexpr uint64_t STUCK = 100000;

struct Read {
	uint64_t addr;
	unsigned id, beats;
};

struct Write {
	uint64_t addr;
	unsigned beats;
};

struct Bench {
	std::unique_ptr<Vmpnic_axi_guard> top = std::make_unique<Vmpnic_axi_guard>();
	uint64_t clocks = 0, serial = 0, reads = 0, writes = 0, cuts = 0, cut_beats = 0;
	unsigned pause = 0; // of 256
	// The master, since it was reset last.
	bool cut = false, ar = false, aw = false, w = false;
	std::deque<Read> asked;	   // answers that it waits for
	std::deque<uint64_t> data; // beats that the guard has taken and the bus has not
	unsigned to_write = 0,
		 open = 0; // beats of addresses that were given; writes without answer
	// The bus.
	std::deque<Read> due;	 // reads without answer
	unsigned r_at = 0;	 // beat of the first
	std::deque<Write> begun; // whose data has not come
	unsigned w_at = 0, answers = 0;
	unsigned missing = 0; // beats of addresses that went out before a cut, and no data
	bool r = false, b = false, held_ar = false, held_aw = false, held_w = false;
	uint64_t was_ar = 0, was_aw = 0, was_w = 0;
};

[[noreturn]] void fail(const Bench &x, const char *what)
{
	fprintf(stderr, "guard: clock %" PRIu64 ", cut %" PRIu64 ": %s\n", x.clocks, x.cuts, what);
	exit(1);
}

bool pauses(const Bench &x)
{
	return below(256) < x.pause;
}

uint64_t *words(Vmpnic_axi_guard &top, bool out)
{
	return out ? reinterpret_cast<uint64_t *>(&top.m_wdata_o)
		   : reinterpret_cast<uint64_t *>(&top.s_wdata_i);
}

// ---- the master
// ----------------------------------------------------------------------------------

void drive_master(Bench &x)
{
	Vmpnic_axi_guard &top = *x.top;

	if (x.cut) {
		// In reset: what it says means nothing.
		const bool mute = x.cuts & 1;

		top.s_rready_i = top.s_bready_i = !mute && below(2);
		top.s_arvalid_i = top.s_awvalid_i = top.s_wvalid_i = !mute && below(2);
		return;
	}
	top.s_rready_i = !pauses(x);
	top.s_bready_i = !pauses(x);
	if (!x.ar && !pauses(x)) {
		x.ar = true;
		top.s_araddr_i = rnd();
		top.s_arid_i = below(16);
		top.s_arlen_i = below(4) ? below(4) : below(64);
	}
	if (!x.aw && x.to_write < 100 && !pauses(x)) {
		x.aw = true;
		top.s_awaddr_i = rnd();
		top.s_awlen_i = below(4) ? below(4) : below(64);
	}
	if (!x.w && x.to_write && !pauses(x)) {
		x.w = true;
		words(top, false)[0] = ++x.serial;
		top.s_wstrb_i = rnd();
	}
	top.s_arvalid_i = x.ar;
	top.s_awvalid_i = x.aw;
	top.s_wvalid_i = x.w;
}

void take_master(Bench &x)
{
	Vmpnic_axi_guard &top = *x.top;

	if (x.cut) {
		if (top.s_arready_o || top.s_awready_o || top.s_wready_o || top.s_rvalid_o ||
		    top.s_bvalid_o)
			fail(x, "the master is heard, or answered, while it is cut off");
		return;
	}
	if (x.ar && top.s_arready_o) {
		x.ar = false;
		x.asked.push_back({top.s_araddr_i, top.s_arid_i, top.s_arlen_i + 1u});
	}
	if (x.w && top.s_wready_o) {
		x.w = false;
		x.data.push_back(x.serial ^ top.s_wstrb_i);
		x.to_write--;
	}
	if (x.aw && top.s_awready_o) {
		x.aw = false;
		x.to_write += top.s_awlen_i + 1u;
		x.open++;
	}
	if (top.s_rvalid_o && top.s_rready_i) {
		if (x.asked.empty() || x.asked.front().id != top.s_rid_o ||
		    *reinterpret_cast<uint64_t *>(&top.s_rdata_o) != x.asked.front().addr)
			fail(x, "an answer to no question");
		if (top.s_rlast_o)
			x.asked.pop_front();
	}
	if (top.s_bvalid_o && top.s_bready_i && !x.open--)
		fail(x, "an answer to no write");
}

// ---- the bus
// -------------------------------------------------------------------------------------

void drive_bus(Bench &x)
{
	Vmpnic_axi_guard &top = *x.top;

	top.m_arready_i = !pauses(x);
	top.m_awready_i = !pauses(x);
	top.m_wready_i = !pauses(x);
	if (!x.r && !x.due.empty() && !pauses(x)) {
		x.r = true;
		*reinterpret_cast<uint64_t *>(&top.m_rdata_i) = x.due.front().addr;
		top.m_rid_i = x.due.front().id;
		top.m_rlast_i = x.r_at + 1 == x.due.front().beats;
	}
	top.m_rvalid_i = x.r;
	if (!x.b && x.answers && !pauses(x))
		x.b = true;
	top.m_bvalid_i = x.b;
}

void stands(Bench &x, bool *held, uint64_t *was, bool valid, bool ready, uint64_t now)
{
	if (*held && (!valid || *was != now))
		fail(x, "what is offered to the bus changes");
	*held = valid && !ready;
	*was = now;
}

void take_write_beat(Bench &x)
{
	Vmpnic_axi_guard &top = *x.top;

	if (x.begun.empty())
		fail(x, "data whose address the bus has not seen, nor will");
	if (top.m_wlast_o != (x.w_at + 1 == x.begun.front().beats))
		fail(x, "WLAST");
	if (!x.data.empty() && (words(top, true)[0] ^ top.m_wstrb_o) == x.data.front())
		x.data.pop_front();
	else if (x.data.empty() && !top.m_wstrb_o && x.missing) {
		x.missing--;
		x.cut_beats++;
	} else
		fail(x, "bytes that the master did not write");
	if (++x.w_at < x.begun.front().beats)
		return;
	x.w_at = 0;
	x.begun.pop_front();
	x.answers++;
	x.writes++;
}

void take_bus(Bench &x)
{
	Vmpnic_axi_guard &top = *x.top;

	stands(x, &x.held_ar, &x.was_ar, top.m_arvalid_o, top.m_arready_i,
	       top.m_araddr_o ^ top.m_arlen_o ^ top.m_arid_o << 8);
	stands(x, &x.held_aw, &x.was_aw, top.m_awvalid_o, top.m_awready_i,
	       top.m_awaddr_o ^ top.m_awlen_o);
	stands(x, &x.held_w, &x.was_w, top.m_wvalid_o, top.m_wready_i,
	       words(top, true)[0] ^ top.m_wstrb_o ^ top.m_wlast_o);
	if (top.m_rvalid_i && top.m_rready_o) {
		x.r = false;
		if (++x.r_at == x.due.front().beats) {
			x.r_at = 0;
			x.due.pop_front();
			x.reads++;
		}
	}
	if (top.m_bvalid_i && top.m_bready_o) {
		x.b = false;
		x.answers--;
	}
	if (top.m_arvalid_o && top.m_arready_i)
		x.due.push_back({top.m_araddr_o, top.m_arid_o, top.m_arlen_o + 1u});
	if (top.m_awvalid_o && top.m_awready_i)
		x.begun.push_back({top.m_awaddr_o, top.m_awlen_o + 1u});
	if (top.m_wvalid_o && top.m_wready_i)
		take_write_beat(x);
}

// ---- time
// ----------------------------------------------------------------------------------------

bool under_way(const Bench &x)
{
	return !x.due.empty() || !x.begun.empty() || x.answers || x.top->m_arvalid_o ||
	       x.top->m_awvalid_o;
}

void clock(Bench &x)
{
	x.top->clk_i = 0;
	drive_master(x);
	drive_bus(x);
	x.top->cut_i = x.cut;
	x.top->eval();
	if (x.top->idle_o && under_way(x))
		fail(x, "idle, with something under way");
	// Addresses first: data may come in the same clock.
	take_bus(x);
	take_master(x);
	x.top->clk_i = 1;
	x.top->eval();
	x.clocks++;
}

// The master is reset: it forgets all; what the guard has of it goes on.
void cut(Bench &x)
{
	x.cut = true;
	x.cuts++;
	x.ar = x.aw = x.w = false;
	x.asked.clear();
	x.missing = x.to_write;
	x.to_write = x.open = 0;
	for (uint64_t i = 0; !x.top->idle_o || under_way(x); i++) {
		clock(x);
		if (i > STUCK)
			fail(x, "never idle");
	}
	if (x.missing)
		fail(x, "a burst without its beats");
	if (!x.data.empty())
		fail(x, "data that the guard took is lost");
	x.cut = false;
	x.top->s_arvalid_i = x.top->s_awvalid_i = x.top->s_wvalid_i = 0;
}

// Without a pause a beat leaves with each clock.
void check_speed(Bench &x)
{
	const uint64_t start = x.clocks;
	uint64_t before;

	x.pause = 0;
	for (unsigned i = 0; i < 100; i++)
		clock(x);
	before = x.serial;
	for (unsigned i = 0; i < 1000; i++)
		clock(x);
	if (x.serial - before < 990 || x.clocks - start != 1100)
		fail(x, "beats are lost between clocks");
}

} // namespace

int main(int argc, char **argv)
{
	uint64_t count = 4000, seed = 1;
	Bench x;

	Verilated::commandArgs(argc, argv);
	options(argc, argv, count, seed);
	x.top->rst_ni = 0;
	x.top->s_arvalid_i = x.top->s_awvalid_i = x.top->s_wvalid_i = x.top->cut_i = 0;
	x.top->m_rvalid_i = x.top->m_bvalid_i = 0;
	for (int i = 0; i < 4; i++) {
		x.top->clk_i = i & 1;
		x.top->eval();
	}
	x.top->rst_ni = 1;
	check_speed(x);
	while (x.cuts < count) {
		x.pause = below(4) ? below(200) : 0;
		for (unsigned i = below(300); i--;)
			clock(x);
		cut(x);
	}
	if (!x.cut_beats)
		fail(x, "no burst was cut");
	printf("guard: %" PRIu64 " cuts, %" PRIu64 " reads, %" PRIu64 " writes, %" PRIu64
	       " beats without their data\n",
	       x.cuts, x.reads, x.writes, x.cut_beats);
	return 0;
}
