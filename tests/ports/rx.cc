// SPDX-License-Identifier: BSD-3-Clause
// mpnic_port_rx beside its rules: hostile frames, filters and flags that change at any time.
#include <cinttypes>
#include <memory>

#include "Vmpnic_port_rx.h"
#include "frames.h"
#include "mpnic_device_regs.h"
#include "verilated.h"

namespace
{

constexpr unsigned PORT = 1, LONGEST = 9600, SHORTEST = 14, OVER_MTU = 22, HANG = 3000;

enum Verdict {
	FRAME,
	DOWN,
	LENGTH,
	FILTERED,
	VERDICTS
};

struct Told {
	Verdict verdict;
	size_t bytes;
};

Vmpnic_port_rx *top;
struct Mac {
	uint8_t mac[6];
	bool port, used;
} macs[MPNIC_MAC_FILTERS];
std::deque<Beat> source;
std::deque<uint64_t> keeps;
std::deque<Told> told;	 // verdicts to come
std::deque<Bytes> leave; // frames to come
uint64_t counts[VERDICTS], malformed, taken_frames;

// The frame that is being taken: judged with its first beat.
struct {
	bool up, passes, broken;
	size_t limit, len;
	Bytes bytes;
} now;

void set_macs()
{
	uint8_t bits[MPNIC_MAC_FILTERS * 50 / 8 + 8] = {};

	for (unsigned k = 0; k < MPNIC_MAC_FILTERS; k++) {
		uint64_t place = 0;

		memcpy(&place, macs[k].mac, 6);
		place |= uint64_t(macs[k].port) << 48 | uint64_t(macs[k].used) << 49;
		for (unsigned i = 0; i < 50; i++)
			if (place >> i & 1)
				bits[(k * 50 + i) / 8] |= uint8_t(1 << (k * 50 + i) % 8);
	}
	put(top->macs_i, bits, sizeof(bits));
}

void new_macs()
{
	const bool full = one_in(2);

	for (auto &m : macs) {
		fill(m.mac);
		m.mac[0] &= uint8_t(one_in(4) ? 0xff : 0xfe);
		m.port = one_in(2);
		m.used = full || one_in(2);
	}
	set_macs();
}

size_t new_length()
{
	const size_t limit = top->mtu_i + OVER_MTU;

	switch (below(24)) {
	case 0:
		return 1 + below(SHORTEST);
	case 1:
		return SHORTEST - 1 + below(3);
	case 2:
		return limit - 1 + below(3);
	case 3:
		return LONGEST - 1 + below(3);
	case 4:
		return BEAT * (1 + below(8)) - 1 + below(3);
	case 5:
		return one_in(20) ? 1000000 : one_in(4) ? 60000 + below(9000) : 9000 + below(30000);
	case 6:
	case 7:
		return 14 + below(unsigned(limit));
	default:
		return 14 + below(200);
	}
}

void new_frame()
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	Bytes frame = random_bytes(new_length());
	const unsigned k = below(MPNIC_MAC_FILTERS);
	std::vector<uint64_t> keep;

	if (frame.size() >= 6) {
		if (one_in(8)) {
			memcpy(&frame[0], broadcast, 6);
			if (one_in(3))
				frame[one_in(2) ? 0 : 5] ^= one_in(2) ? 0x80 : 1;
		} else if (!one_in(4)) {
			memcpy(&frame[0], macs[k].mac, 6);
		}
		if (one_in(8))
			frame[below(6)] ^= uint8_t(1 << below(8));
	}
	auto beats = to_beats(frame);
	for (const auto &b : beats)
		keep.push_back(b.bytes == BEAT ? ~uint64_t(0) : (uint64_t(1) << b.bytes) - 1);
	if (one_in(16)) { // not what frames are made of
		auto &x = keep[below(unsigned(keep.size()))];

		if (one_in(2))
			x = one_in(2) ? 0 : rnd();
		else if (one_in(2))
			x = (uint64_t(1) << below(64)) - 1;
		else
			x &= ~(uint64_t(1) << below(64));
		malformed++;
	}
	source.insert(source.end(), beats.begin(), beats.end());
	keeps.insert(keeps.end(), keep.begin(), keep.end());
}

bool passes(const uint8_t *mac)
{
	bool is_broadcast = true;

	for (unsigned i = 0; i < 6; i++)
		is_broadcast &= mac[i] == 0xff;
	if (is_broadcast || top->flags_i & MPNIC_PORT_PROMISCUOUS)
		return true;
	if (mac[0] & 1 && top->flags_i & MPNIC_PORT_ALL_MULTICAST)
		return true;
	for (const auto &m : macs)
		if (m.used && m.port == PORT && !memcmp(m.mac, mac, 6))
			return true;
	return false;
}

void taken(const Beat &beat, uint64_t keep)
{
	unsigned bytes = 0;

	if (beat.first) {
		now.up = top->flags_i & MPNIC_PORT_UP;
		now.passes = passes(beat.data);
		now.limit = std::min<size_t>(LONGEST, top->mtu_i + OVER_MTU);
		now.len = 0;
		now.broken = false;
		now.bytes.clear();
	}
	while (bytes < BEAT && keep >> bytes & 1)
		bytes++;
	if (!bytes || (bytes < BEAT && (keep >> bytes || !beat.last)))
		now.broken = true;
	now.len += bytes;
	if (now.len <= LONGEST)
		now.bytes.insert(now.bytes.end(), beat.data, beat.data + bytes);
	if (!beat.last)
		return;
	taken_frames++;
	if (!now.up) {
		told.push_back({DOWN, 0});
	} else if (now.broken || now.len < SHORTEST || now.len > now.limit) {
		told.push_back({LENGTH, 0});
	} else if (!now.passes) {
		told.push_back({FILTERED, 0});
	} else {
		told.push_back({FRAME, now.len});
		leave.push_back(now.bytes);
	}
}

bool fail(const char *what)
{
	printf("frame %" PRIu64 ": %s\n", taken_frames, what);
	return false;
}

bool check_pulses()
{
	const bool pulse[VERDICTS] = {bool(top->stat_frames_o), bool(top->stat_down_o),
				      bool(top->stat_length_o), bool(top->stat_filtered_o)};
	unsigned n = 0;

	for (unsigned v = 0; v < VERDICTS; v++) {
		if (!pulse[v])
			continue;
		n++;
		if (told.empty())
			return fail("a verdict on nothing");
		if (told.front().verdict != v)
			return fail("another verdict");
		if (v == FRAME && top->stat_bytes_o != told.front().bytes)
			return fail("other bytes");
		told.pop_front();
		counts[v]++;
	}
	return n <= 1 || fail("two verdicts at once");
}

bool run(uint64_t frames)
{
	Rate gives, takes;
	Sink sink;
	uint64_t idle = 0, clocks = 0, mode_left = 0;
	bool fast = false, stuffed = false;

	while (taken_frames < frames || !source.empty() || !told.empty() || !leave.empty()) {
		if (!mode_left--) {
			fast = one_in(3);
			stuffed = !fast && one_in(4); // until nothing more goes in
			mode_left = stuffed ? 6000 : 2000;
		}
		const bool drains = taken_frames >= frames;

		if (one_in(200)) {
			top->flags_i = uint16_t(rnd() & 6);
			top->flags_i |= uint16_t(one_in(8) ? 0 : 1) | uint16_t(rnd() << 3);
			if (one_in(2))
				top->flags_i &= uint16_t(~6u);
		}
		if (one_in(500))
			new_macs();
		if (one_in(500))
			top->mtu_i = uint16_t(one_in(4) ? rnd() : one_in(2) ? 1500 : below(9700));
		if (source.empty() && !drains)
			new_frame();
		const bool valid = !source.empty() &&
				   (gives(fast || stuffed || drains) || top->s_axis_tvalid_i);
		const Beat offered = valid ? source.front() : Beat{};

		top->s_axis_tvalid_i = valid;
		if (valid) {
			put(top->s_axis_tdata_i, offered.data, BEAT);
			top->s_axis_tkeep_i = keeps.front();
			top->s_axis_tlast_i = offered.last;
		}
		top->m_ready_i = drains || (!stuffed && takes(fast));
		top->eval();

		if (!check_pulses())
			return false;
		Beat out{};
		std::string wrong;

		out.first = top->m_first_o;
		out.last = top->m_last_o;
		out.bytes = top->m_bytes_o;
		memcpy(out.data, &top->m_data_o, BEAT);
		if (sink.clock(top->m_valid_o, out, top->m_valid_o && top->m_ready_i, wrong)) {
			if (leave.empty() || leave.front() != sink.frame)
				return fail("another frame leaves");
			leave.pop_front();
		}
		if (!wrong.empty())
			return fail(wrong.c_str());
		const bool take = valid && top->s_axis_tready_o;

		if (take) {
			taken(offered, keeps.front());
			source.pop_front();
			keeps.pop_front();
		}
		// Where all is taken at once nothing has to wait.
		if (fast && mode_left < 1000 && !top->s_axis_tready_o)
			return fail("not ready, though all that leaves is taken");
		idle = (take || told.empty() || !top->m_ready_i) ? 0 : idle + 1;
		if (idle > HANG)
			return fail("hangs");
		top->clk_i = 1;
		top->eval();
		top->clk_i = 0;
		if (take)
			top->s_axis_tvalid_i = 0;
		clocks++;
	}
	for (unsigned v = 0; v < VERDICTS; v++)
		if (!counts[v])
			return fail("a verdict never came");
	printf("%" PRIu64 " frames in %" PRIu64 " clocks: %" PRIu64 " good, %" PRIu64
	       " down, %" PRIu64 " of a wrong length, %" PRIu64 " filtered; %" PRIu64
	       " malformed\n",
	       taken_frames, clocks, counts[FRAME], counts[DOWN], counts[LENGTH], counts[FILTERED],
	       malformed);
	return true;
}

} // namespace

int main(int argc, char **argv)
{
	uint64_t count = 10000, seed = 1;

	options(argc, argv, count, seed);
	Verilated::commandArgs(argc, argv);
	const auto owner = std::make_unique<Vmpnic_port_rx>();

	top = owner.get();
	top->mtu_i = 1500;
	top->flags_i = 1;
	new_macs();
	top->s_axis_tvalid_i = 0;
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
