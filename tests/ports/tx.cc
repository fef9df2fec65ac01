// SPDX-License-Identifier: BSD-3-Clause
// mpnic_port_tx beside its rules: padding, links that go, aborts in any clock.
#include <cinttypes>
#include <memory>

#include "Vmpnic_port_tx.h"
#include "frames.h"
#include "mpnic_device_regs.h"
#include "verilated.h"

namespace
{

constexpr unsigned LONGEST = 9600, SHORTEST = 14, HANG = 3000;

Vmpnic_port_tx *top;
std::deque<Beat> source;
std::deque<Bytes> leave;
unsigned swallowed; // frames, of which no count came yet
uint64_t frames_done, sent, refused, down, aborted, padded;
size_t left_bytes; // of the frame whose last beat the wire saw in the clock before; 0: none
bool left_refused;
bool alive, up;
Bytes half;

bool fail(const char *what)
{
	printf("frame %" PRIu64 ": %s\n", frames_done, what);
	return false;
}

void new_frame()
{
	size_t len = SHORTEST + below(120);

	if (one_in(4))
		len = BEAT * (1 + below(4)) - 1 + below(3);
	else if (one_in(8))
		len = one_in(4) ? LONGEST - below(3) : SHORTEST + below(LONGEST - SHORTEST);
	const auto beats = to_beats(random_bytes(len));
	source.insert(source.end(), beats.begin(), beats.end());
}

void taken(const Beat &beat)
{
	if (beat.first) {
		alive = true;
		up = top->flags_i & MPNIC_PORT_UP && top->flags_i & MPNIC_PORT_LINK;
		half.clear();
	}
	if (!alive)
		return;
	half.insert(half.end(), beat.data, beat.data + beat.bytes);
	if (!beat.last)
		return;
	frames_done++;
	alive = false;
	padded += half.size() < MPNIC_WIRE_MIN;
	if (half.size() < MPNIC_WIRE_MIN)
		half.resize(MPNIC_WIRE_MIN);
	if (up)
		leave.push_back(half);
	else
		swallowed++;
}

// What left is told of a clock later; what is swallowed, some time.
bool check_pulses()
{
	if (top->stat_down_o && !swallowed--)
		return fail("a count of nothing");
	down += top->stat_down_o;
	if (top->stat_frames_o != (left_bytes && !left_refused) ||
	    top->stat_wire_o != (left_bytes && left_refused))
		return fail("another count");
	if (top->stat_frames_o && top->stat_bytes_o != left_bytes)
		return fail("other bytes");
	sent += top->stat_frames_o;
	refused += top->stat_wire_o;
	left_bytes = 0;
	return true;
}

bool run(uint64_t frames)
{
	Rate gives, takes;
	Sink sink;
	bool fast = false, stuffed = false, begins = true, inside = false;
	uint64_t idle = 0, clocks = 0, mode_left = 0, abort_left = 0;

	while (frames_done < frames || !source.empty() || swallowed || left_bytes ||
	       !leave.empty()) {
		const bool drains = frames_done >= frames;

		if (!mode_left--) {
			fast = one_in(3);
			stuffed = !fast && one_in(4); // until nothing more goes in
			mode_left = stuffed ? 6000 : 2000;
		}
		if (one_in(100))
			top->flags_i = uint16_t(
				one_in(4) ? rnd() : rnd() | MPNIC_PORT_UP | MPNIC_PORT_LINK);
		if (!abort_left && one_in(300) && !drains) {
			abort_left = 1 + below(3);
			aborted += alive;
			// What comes next is a frame, or the rest of the one before.
			if (one_in(2)) {
				while (!source.empty() && !source.front().first)
					source.pop_front();
				top->s_valid_i = 0;
			}
		}
		top->abort_i = abort_left != 0;
		if (abort_left) {
			abort_left--;
			alive = false;
		}
		if (source.empty() && !drains)
			new_frame();
		const bool valid =
			!source.empty() && (gives(fast || stuffed || drains) || top->s_valid_i);
		const Beat offered = valid ? source.front() : Beat{};

		top->s_valid_i = valid;
		if (valid) {
			top->s_first_i = offered.first;
			top->s_last_i = offered.last;
			top->s_bytes_i = uint8_t(offered.bytes);
			put(top->s_data_i, offered.data, BEAT);
		}
		top->m_axis_tready_i = drains || (!stuffed && takes(fast));
		top->m_axis_refused_i = one_in(3);
		top->eval();

		if (!check_pulses())
			return false;
		Beat out{};
		std::string wrong;
		const uint64_t keep = top->m_axis_tkeep_o;

		while (out.bytes < BEAT && keep >> out.bytes & 1)
			out.bytes++;
		if (top->m_axis_tvalid_o && out.bytes < BEAT && keep >> out.bytes)
			return fail("gaps in tkeep");
		out.first = begins;
		out.last = top->m_axis_tlast_o;
		memcpy(out.data, &top->m_axis_tdata_o, BEAT);
		const bool left = top->m_axis_tvalid_o && top->m_axis_tready_i;

		if (inside && !top->m_axis_tvalid_o)
			return fail("a gap inside of a frame");
		if (left) {
			begins = out.last;
			inside = !out.last;
		}
		if (sink.clock(top->m_axis_tvalid_o, out, left, wrong)) {
			if (leave.empty() || leave.front() != sink.frame)
				return fail("another frame leaves");
			left_bytes = leave.front().size();
			left_refused = top->m_axis_refused_i;
			leave.pop_front();
		}
		if (!wrong.empty())
			return fail(wrong.c_str());
		const bool take = valid && top->s_ready_o;

		if (take && top->abort_i)
			return fail("taken in an abort");
		if (take) {
			taken(offered);
			source.pop_front();
		}
		if (fast && mode_left < 1000 && !top->s_ready_o && !top->abort_i)
			return fail("not ready, though all that leaves is taken");
		idle = (take || left || (leave.empty() && !swallowed) || !top->m_axis_tready_i)
			       ? 0
			       : idle + 1;
		if (idle > HANG)
			return fail("hangs");
		top->clk_i = 1;
		top->eval();
		top->clk_i = 0;
		if (take)
			top->s_valid_i = 0;
		clocks++;
	}
	if (!sent || !refused || !down || !padded || !aborted)
		return fail("not everything was tried");
	printf("%" PRIu64 " frames in %" PRIu64 " clocks: %" PRIu64 " sent, %" PRIu64
	       " refused, %" PRIu64 " swallowed, %" PRIu64 " short; %" PRIu64
	       " aborts in a frame\n",
	       frames_done, clocks, sent, refused, down, padded, aborted);
	return true;
}

} // namespace

int main(int argc, char **argv)
{
	uint64_t count = 10000, seed = 1;

	options(argc, argv, count, seed);
	Verilated::commandArgs(argc, argv);
	const auto owner = std::make_unique<Vmpnic_port_tx>();

	top = owner.get();
	top->s_valid_i = 0;
	top->abort_i = 0;
	top->flags_i = MPNIC_PORT_UP | MPNIC_PORT_LINK;
	top->rst_ni = 0;
	for (unsigned i = 0; i < 4; i++) {
		top->clk_i = 1;
		top->eval();
		top->clk_i = 0;
		top->eval();
	}
	top->rst_ni = 1;
	const bool ok = run(count);

	top->final();
	return ok ? 0 : 1;
}
