// SPDX-License-Identifier: BSD-3-Clause
// fill [--count FRAMES] [--seed S]: mpnic_fill on generated frames, hostile ones too, with the
// headers that the model finds in them, beside sums that are taken byte by byte. Source and sink
// pause as they like. Exit code 1: a frame, its order, its side band or a stream rule is wrong, or
// a clock is lost while nobody pauses.
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include "Vmpnic_fill.h"
#include "model.h"
#include "random.h"

namespace
{

constexpr size_t BEAT = 64;
constexpr uint64_t STUCK = 10000;

struct Frame {
	std::vector<uint8_t> bytes;
	mpnic_hdr hdr;
	uint8_t side;
};

struct Bench {
	std::unique_ptr<Vmpnic_fill> top = std::make_unique<Vmpnic_fill>();
	std::deque<Frame> in, out; // to come, and as they must leave
	size_t in_at = 0, out_at = 0;
	bool offered = false, held = false;
	uint8_t held_data[BEAT];
	unsigned in_pause = 0, out_pause = 0; // of 256
	uint64_t clocks = 0, moved = 0, frames = 0, left = 0;
};

[[noreturn]] void fail(const Bench &b, const char *what)
{
	fprintf(stderr, "fill: clock %" PRIu64 ", frame %" PRIu64 ", byte %zu: %s\n", b.clocks,
		b.left, b.out_at, what);
	exit(1);
}

// ---- what is right -----------------------------------------------------------------------------

struct Sum {
	uint64_t total = 0;

	// Bytes behind the frame's end are zero.
	void add(const std::vector<uint8_t> &bytes, size_t from, size_t to)
	{
		for (size_t i = from; i < to && i < bytes.size(); i++)
			total += (i - from) % 2 ? bytes[i] : bytes[i] * 256u;
	}
	uint16_t inverse() const
	{
		uint64_t x = total;

		while (x >> 16)
			x = (x & 0xffff) + (x >> 16);
		return static_cast<uint16_t>(~x);
	}
};

void put(std::vector<uint8_t> &bytes, size_t at, uint16_t value)
{
	if (at + 1 >= bytes.size())
		return;
	bytes[at] = static_cast<uint8_t>(value >> 8);
	bytes[at + 1] = static_cast<uint8_t>(value);
}

void fill_in(Frame &f)
{
	const mpnic_hdr &h = f.hdr;
	const bool udp = h.parse == MPNIC_PARSE_UDP, tcp = h.parse == MPNIC_PARSE_TCP;
	const size_t end = size_t(h.l4_off) + h.l4_len, field = h.l4_off + (udp ? 6u : 16u);

	if (!(h.flags & MPNIC_HDR_L3))
		return;
	if (h.ip_version == 4 && h.l4_off <= f.bytes.size()) {
		Sum sum;

		put(f.bytes, h.l3_off + 10u, 0);
		sum.add(f.bytes, h.l3_off, h.l3_off + (f.bytes[h.l3_off] & 15u) * 4);
		put(f.bytes, h.l3_off + 10u, sum.inverse());
	}
	if ((!udp && !tcp) || h.flags & MPNIC_HDR_ROUTING || end > f.bytes.size())
		return;

	Sum sum;
	const unsigned addr = h.ip_version == 4 ? 4 : 16;

	put(f.bytes, field, 0);
	sum.add(f.bytes, h.l4_off, end);
	sum.add({h.src, h.src + addr}, 0, addr);
	sum.add({h.dst, h.dst + addr}, 0, addr);
	sum.total += h.l4_len + h.ip_proto;
	put(f.bytes, field, udp && !sum.inverse() ? 0xffff : sum.inverse());
}

// ---- frames ------------------------------------------------------------------------------------

void describe(Frame &f)
{
	frame_header(f.bytes.data(), f.bytes.size(), below(64), &f.hdr);
	f.side = static_cast<uint8_t>(rnd());
}

Frame some_frame()
{
	const uint8_t *bytes;
	size_t len;
	Frame f;

	do
		len = frame_random(rnd(), &bytes);
	while (len < MPNIC_FRAME_MIN || len > MPNIC_FRAME_MAX);
	f.bytes.assign(bytes, bytes + len);
	// Sums of zero: what is written then is ones for UDP.
	describe(f);
	if (one_in(16) && f.hdr.parse == MPNIC_PARSE_UDP && f.hdr.payload_len > 1 &&
	    size_t(f.hdr.payload_off) + 2 <= f.bytes.size()) {
		Frame twin = f;
		const size_t at = f.hdr.payload_off, field = f.hdr.l4_off + 6u;
		unsigned word;

		fill_in(twin);
		word = (f.bytes[at] << 8 | f.bytes[at + 1]) +
		       (twin.bytes[field] << 8 | twin.bytes[field + 1]);
		put(f.bytes, at, static_cast<uint16_t>(word + (word >> 16)));
		describe(f);
	}
	return f;
}

// 9 beats, in a row.
Frame plain_frame()
{
	Frame f;

	f.bytes.assign(512 + 64, 0);
	describe(f);
	return f;
}

void give(Bench &b, Frame f)
{
	b.in.push_back(f);
	fill_in(f);
	b.out.push_back(f);
	b.frames++;
}

// ---- a clock -----------------------------------------------------------------------------------

bool pauses(unsigned of256)
{
	return below(256) < of256;
}

void drive(Bench &b)
{
	Vmpnic_fill &top = *b.top;

	top.m_ready_i = !pauses(b.out_pause);
	if (b.offered)
		return;
	top.s_valid_i = 0;
	fill(top.s_data_i);
	fill(top.s_hdr_i);
	top.s_bytes_i = below(65);
	top.s_first_i = below(2);
	top.s_last_i = below(2);
	top.s_side_i = below(256);
	if (b.in.empty() || pauses(b.in_pause))
		return;

	const Frame &f = b.in.front();
	const size_t rest = f.bytes.size() - b.in_at, n = rest < BEAT ? rest : BEAT;

	memcpy(&top.s_data_i, &f.bytes[b.in_at], n);
	memcpy(&top.s_hdr_i, &f.hdr, sizeof(f.hdr));
	top.s_bytes_i = static_cast<uint8_t>(n);
	top.s_first_i = !b.in_at;
	top.s_last_i = rest <= BEAT;
	top.s_side_i = f.side;
	top.s_valid_i = 1;
	b.offered = true;
}

void take_in(Bench &b)
{
	if (!b.offered || !b.top->s_ready_o)
		return;
	b.offered = false;
	b.in_at += BEAT;
	if (b.in_at < b.in.front().bytes.size())
		return;
	b.in_at = 0;
	b.in.pop_front();
}

void take_out(Bench &b)
{
	Vmpnic_fill &top = *b.top;

	if (b.held && (!top.m_valid_o || memcmp(b.held_data, &top.m_data_o, BEAT)))
		fail(b, "a beat changes while it waits");
	b.held = top.m_valid_o && !top.m_ready_i;
	memcpy(b.held_data, &top.m_data_o, BEAT);
	if (!top.m_valid_o)
		return;
	if (b.out.empty())
		fail(b, "a frame that never came");

	const Frame &f = b.out.front();
	const size_t rest = f.bytes.size() - b.out_at, n = rest < BEAT ? rest : BEAT;

	if (top.m_first_o != !b.out_at || top.m_last_o != (rest <= BEAT) || top.m_bytes_o != n)
		fail(b, "first, last or the number of bytes");
	if (top.m_side_o != f.side)
		fail(b, "the side band");
	if (memcmp(&top.m_data_o, &f.bytes[b.out_at], n))
		fail(b, "bytes");
	if (b.held)
		return;
	b.moved++;
	b.out_at += BEAT;
	if (rest > BEAT)
		return;
	b.out_at = 0;
	b.out.pop_front();
	b.left++;
}

void clock(Bench &b)
{
	b.top->clk_i = 0;
	drive(b);
	b.top->eval();
	take_in(b);
	take_out(b);
	b.top->clk_i = 1;
	b.top->eval();
	b.clocks++;
}

void drain(Bench &b)
{
	for (uint64_t i = 0; !b.out.empty(); i++) {
		const uint64_t before = b.moved;

		clock(b);
		if (b.moved != before)
			i = 0;
		if (i > STUCK)
			fail(b, "nothing moves");
	}
}

// Of frames of 9 beats, one beat a clock, but for the first one's way.
void check_speed(Bench &b)
{
	constexpr unsigned FRAMES = 200, WAY = 40;
	uint64_t start;

	b.in_pause = b.out_pause = 0;
	for (unsigned i = 0; i < FRAMES; i++)
		give(b, plain_frame());
	start = b.clocks;
	drain(b);
	if (b.clocks - start > FRAMES * 9 + WAY)
		fail(b, "a clock is lost between beats");
}

} // namespace

int main(int argc, char **argv)
{
	uint64_t count = 60000, seed = 1;
	Bench b;

	Verilated::commandArgs(argc, argv);
	options(argc, argv, count, seed);
	b.top->rst_ni = 0;
	b.top->s_valid_i = b.top->m_ready_i = 0;
	for (int i = 0; i < 4; i++) {
		b.top->clk_i = i & 1;
		b.top->eval();
	}
	b.top->rst_ni = 1;
	check_speed(b);
	while (b.frames < count) {
		b.in_pause = below(3) ? below(200) : 0;
		b.out_pause = below(3) ? below(200) : 0;
		for (unsigned i = below(200); i--;)
			give(b, some_frame());
		while (b.in.size() > 2)
			clock(b);
	}
	drain(b);
	printf("fill: %" PRIu64 " frames, %" PRIu64 " clocks\n", b.left, b.clocks);
	return 0;
}
