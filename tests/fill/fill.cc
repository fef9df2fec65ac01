// SPDX-License-Identifier: BSD-3-Clause
// mpnic_fill beside fill_checksums() of hw/model/device_tx.c, whose rules are written anew here.
// Header records are the C model's; frames are hostile: cut, of wrong lengths, with headers of any
// kind.
#include <algorithm>
#include <cinttypes>
#include <memory>

#include "Vmpnic_fill.h"
#include "frames.h"
#include "verilated.h"

// A record has the name of a function.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include "mpnic_model.h"
#pragma GCC diagnostic pop

namespace
{

constexpr unsigned LONGEST = 9600, SHORTEST = 14, HANG = 3000;

Vmpnic_fill *top;

// ---- the rules
// ------------------------------------------------------------------------------------

// The sum of big-endian words from `at` on, with the carries added.
uint64_t sum(const uint8_t *at, size_t len)
{
	uint64_t s = 0;

	for (size_t i = 0; i < len; i++)
		s += i & 1 ? at[i] : at[i] << 8;
	return s;
}

uint16_t csum_of(uint64_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return uint16_t(~s);
}

uint64_t ip_filled, tcp_filled, udp_filled, udp_zero, cut, fragments, untouched;

Bytes filled(const Bytes &frame, const mpnic_hdr &h, bool counts)
{
	Bytes out = frame;
	const size_t l4_end = size_t(h.l4_off) + h.l4_len;

	if (!(h.flags & MPNIC_HDR_L3)) {
		untouched += counts;
		return out;
	}
	if (h.ip_version == 4 && h.l4_off <= frame.size()) {
		uint8_t *ip = &out[h.l3_off];

		ip[10] = ip[11] = 0;
		const uint16_t c = csum_of(sum(ip, 4u * (ip[0] & 15)));

		ip[10] = uint8_t(c >> 8);
		ip[11] = uint8_t(c);
		ip_filled += counts;
	}
	const bool udp = h.parse == MPNIC_PARSE_UDP;

	fragments += counts && h.parse == MPNIC_PARSE_FRAGMENT;
	if ((!udp && h.parse != MPNIC_PARSE_TCP) || h.flags & MPNIC_HDR_ROUTING)
		return out;
	if (l4_end > frame.size()) {
		cut += counts;
		return out;
	}
	uint8_t *l4 = &out[h.l4_off], *field = l4 + (udp ? 6 : 16);
	const unsigned addr = h.ip_version == 4 ? 4 : 16;

	field[0] = field[1] = 0;
	uint16_t c = csum_of(sum(h.src, addr) + sum(h.dst, addr) + h.l4_len + h.ip_proto +
			     sum(l4, h.l4_len));

	if (udp && !c) {
		c = 0xffff;
		udp_zero += counts;
	}
	field[0] = uint8_t(c >> 8);
	field[1] = uint8_t(c);
	(udp ? udp_filled : tcp_filled) += counts;
	return out;
}

// ---- frames
// ---------------------------------------------------------------------------------------

void be16(Bytes &f, size_t at, unsigned value)
{
	f[at] = uint8_t(value >> 8);
	f[at + 1] = uint8_t(value);
}

size_t payload_len()
{
	switch (below(8)) {
	case 0:
		return below(LONGEST - 300);
	case 1:
	case 2:
		return below(1500);
	default:
		return below(150);
	}
}

mpnic_hdr headers(const Bytes &frame)
{
	mpnic_hdr hdr;
	struct mpnic_csum csum;

	mpnic_packet(frame.data(), frame.size(), uint8_t(below(16)), &hdr, &csum);
	return hdr;
}

bool shorts; // frames of one beat, for a while

Bytes new_frame()
{
	const bool v6 = one_in(2), udp = one_in(2);
	const unsigned tags = one_in(2) ? 0 : below(3);
	Bytes f = random_bytes(12);
	unsigned proto = udp ? 17 : 6;

	if (shorts)
		return random_bytes(SHORTEST + below(BEAT + 1 - SHORTEST));
	if (one_in(20))
		return random_bytes(SHORTEST + below(one_in(4) ? LONGEST - SHORTEST : 300));
	for (unsigned i = 0; i < tags; i++)
		f.insert(f.end(), {0x81, 0, uint8_t(rnd()), uint8_t(rnd())});
	f.insert(f.end(), {uint8_t(v6 ? 0x86 : 0x08), uint8_t(v6 ? 0xdd : 0)});
	Bytes l4 = random_bytes((udp ? 8 : 20) + (udp ? 0 : 4 * below(11)) + payload_len());

	if (one_in(8))
		std::fill(l4.begin(), l4.end(), uint8_t(one_in(2) ? 0 : 0xff));
	if (udp)
		be16(l4, 4, unsigned(one_in(16) ? rnd() : one_in(8) ? 8 + below(30) : l4.size()));
	else
		l4[12] = uint8_t(one_in(16) ? rnd() : 0x50 + 0x10 * below(11));
	if (one_in(16))
		proto = below(256);
	Bytes ip;

	if (v6) {
		Bytes exts;
		unsigned next = proto;

		for (unsigned i = below(one_in(2) ? 1 : 4); i; i--) {
			static const uint8_t kinds[] = {0, 43, 60, 44};
			Bytes ext = random_bytes(8 * (1 + (one_in(3) ? below(4) : 0)));

			ext[0] = uint8_t(next);
			ext[1] = uint8_t(ext.size() / 8 - 1);
			next = kinds[below(one_in(4) ? 4 : 3)];
			if (next == 43 && !one_in(4))
				ext[3] = 0;
			exts.insert(exts.begin(), ext.begin(), ext.end());
		}
		ip = random_bytes(40);
		ip[0] = 0x60 | (ip[0] & 15);
		be16(ip, 4, unsigned(exts.size() + l4.size()));
		ip[6] = uint8_t(next);
		ip.insert(ip.end(), exts.begin(), exts.end());
	} else {
		ip = random_bytes(20 + (one_in(3) ? 4 * below(11) : 0));
		ip[0] = uint8_t(0x40 | ip.size() / 4);
		be16(ip, 2, unsigned(ip.size() + l4.size()));
		ip[6] = uint8_t(one_in(12) ? rnd() : 0x40);
		ip[7] = uint8_t(one_in(12) ? rnd() : 0);
		ip[9] = uint8_t(proto);
	}
	if (one_in(16)) // another IP length, also an odd one and a far too long one
		be16(ip, v6 ? 4 : 2,
		     unsigned(one_in(2) ? rnd() : ip.size() + below(unsigned(l4.size()))));
	const size_t ip_at = f.size();

	f.insert(f.end(), ip.begin(), ip.end());
	const size_t l4_at = f.size();

	f.insert(f.end(), l4.begin(), l4.end());
	if (one_in(8)) // what a short frame is padded with
		f.resize(f.size() + below(20));
	if (one_in(12))
		f.resize(SHORTEST + below(unsigned(f.size())));
	if (one_in(8))
		f[below(unsigned(std::min<size_t>(f.size(), 80)))] ^= uint8_t(1 << below(8));
	if (f.size() > LONGEST)
		f.resize(LONGEST);
	if (f.size() < SHORTEST)
		f.resize(SHORTEST);
	// A checksum of 0: what is missing goes to two bytes of the payload.
	const size_t hole = (l4_at + 61) & ~size_t(1);

	if (one_in(6) && hole + 2 < f.size()) {
		be16(f, hole, 0);
		const mpnic_hdr h = headers(f);
		const Bytes out = filled(f, h, false);
		const size_t field = h.l4_off + (h.parse == MPNIC_PARSE_UDP ? 6u : 16u);

		if (field + 2 < f.size()) {
			f[hole] = out[field];
			f[hole + 1] = out[field + 1];
		}
	}
	// One more carry in the header's sum.
	const size_t ident = ip_at + 4;

	if (!v6 && one_in(6) && ip_at + 12 < f.size()) {
		be16(f, ident, 0);
		const Bytes out = filled(f, headers(f), false);

		be16(f, ident, (out[ip_at + 10] << 8 | out[ip_at + 11]) + 256 * below(4));
	}
	return f;
}

// ---- the bench
// ------------------------------------------------------------------------------------

struct Item {
	Bytes frame;
	mpnic_hdr hdr;
	uint8_t side;
};
std::deque<Item> leave;
uint64_t frames_done;

bool fail(const char *what)
{
	printf("frame %" PRIu64 ": %s\n", frames_done, what);
	return false;
}

bool run(uint64_t frames)
{
	Rate gives, takes;
	Sink sink;
	std::deque<Beat> source;
	Item item{};
	bool fast = false, stuffed = false, cleared = false;
	uint64_t idle = 0, clocks = 0, mode_left = 0, given = 0, empty = 0;
	uint8_t side = 0;

	while (frames_done < frames) {
		const bool drains = given >= frames;

		if (!mode_left--) {
			fast = one_in(3);
			stuffed = !fast && one_in(4);
			shorts = one_in(stuffed ? 3 : 20);
			mode_left = 2000;
		}
		if (source.empty() && !drains) {
			item.frame = new_frame();
			item.hdr = headers(item.frame);
			item.side = uint8_t(rnd());
			const auto beats = to_beats(item.frame);
			source.insert(source.end(), beats.begin(), beats.end());
		}
		const bool valid =
			!source.empty() && (gives(fast || stuffed || drains) || top->s_valid_i);
		const Beat offered = valid ? source.front() : Beat{};

		top->s_valid_i = valid;
		if (valid) {
			top->s_first_i = offered.first;
			top->s_last_i = offered.last;
			top->s_bytes_i = uint8_t(offered.bytes);
			put(top->s_data_i, offered.data, BEAT);
			put(top->s_hdr_i, &item.hdr, sizeof(item.hdr));
			top->s_side_i = item.side;
		} else {
			fill(top->s_hdr_i);
		}
		top->m_ready_i = drains || (!stuffed && takes(fast));
		top->eval();

		Beat out{};
		std::string wrong;
		const bool left = top->m_valid_o && top->m_ready_i;

		out.first = top->m_first_o;
		out.last = top->m_last_o;
		out.bytes = top->m_bytes_o;
		memcpy(out.data, &top->m_data_o, BEAT);
		if (left && out.first)
			side = top->m_side_o;
		if (left && side != top->m_side_o)
			return fail("side changes");
		if (sink.clock(top->m_valid_o, out, left, wrong)) {
			if (leave.empty() || leave.front().frame != sink.frame)
				return fail("another frame leaves");
			if (leave.front().side != side)
				return fail("another side");
			leave.pop_front();
			frames_done++;
		}
		if (!wrong.empty())
			return fail(wrong.c_str());
		const bool take = valid && top->s_ready_o;

		if (take) {
			source.pop_front();
			if (offered.last) {
				given++;
				leave.push_back(
					{filled(item.frame, item.hdr, true), item.hdr, item.side});
			}
		}
		empty = leave.empty() ? empty + 1 : 0;
		cleared = fast && (cleared || empty > 8);
		if (fast && cleared && !top->s_ready_o)
			return fail("not ready, though all that leaves is taken");
		idle = (take || left || leave.empty() || !top->m_ready_i) ? 0 : idle + 1;
		if (idle > HANG)
			return fail("hangs");
		top->clk_i = 1;
		top->eval();
		top->clk_i = 0;
		if (take)
			top->s_valid_i = 0;
		clocks++;
	}
	printf("%" PRIu64 " frames in %" PRIu64 " clocks: filled in %" PRIu64 " IPv4, %" PRIu64
	       " TCP, %" PRIu64 " UDP (%" PRIu64 " of them 0); %" PRIu64 " cut, %" PRIu64
	       " fragments, %" PRIu64 " not IP\n",
	       frames_done, clocks, ip_filled, tcp_filled, udp_filled, udp_zero, cut, fragments,
	       untouched);
	if (!ip_filled || !tcp_filled || !udp_filled || !udp_zero || !cut || !fragments ||
	    !untouched)
		return fail("not everything was tried");
	return true;
}

} // namespace

int main(int argc, char **argv)
{
	uint64_t count = 20000, seed = 1;

	options(argc, argv, count, seed);
	Verilated::commandArgs(argc, argv);
	const auto owner = std::make_unique<Vmpnic_fill>();

	top = owner.get();
	top->s_valid_i = 0;
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
