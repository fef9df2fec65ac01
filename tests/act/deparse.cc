// SPDX-License-Identifier: BSD-3-Clause
// deparse [--count N] [--seed S] [CAPTURE...]: RTL of stage deparse beside the C model: every beat
// and record that leaves, and the rules of the stream in every clock. Frames are generated,
// enumerated and those of captures, with random options to strip, some dropped, with pauses on all
// sides; records come early or late. Exit code 1: they differ.
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include "Vmpnic_deparse.h"
#include "random.h"
#include "verilated.h"

// C gives functions the names of structs.
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#include "capture.h"
#define class gen_kind // a word of C++
#include "gen.h"
#undef class
#include "mpnic_state.h"
}

namespace
{

constexpr unsigned BYTES = DATA_W / 8;
constexpr unsigned FRAMES = 16; // as the RTL was built
constexpr unsigned AHEAD = 40;	// frames whose beats and records wait in the bench
constexpr unsigned FILLED = 20; // clocks until all is on its way

// ---- frames ------------------------------------------------------------------------------------

struct Frame {
	std::vector<uint8_t> in, out;
	mpnic_hdr hdr;
	struct mpnic_csum csum;
	mpnic_result result, left; // as it comes, as it leaves
	bool drop;
};

std::vector<std::vector<uint8_t>> captured;
gen_packet packet;
uint64_t verdicts[6], dropped, stripped, unchanged, walks[5];
unsigned size_limit = 300;

// Whole frames, and what a snap length of 96 leaves of them.
void load(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct capture *capture = nullptr;
	capture_frame frame;

	if (!file || capture_open(file, &capture)) {
		printf("%s: cannot be read\n", path);
		exit(2);
	}
	while (captured.size() < 200000 && capture_next(capture, &frame) == 1)
		if (frame.len && frame.len <= 1600)
			captured.emplace_back(frame.data, frame.data + frame.len);
	capture_close(capture);
	fclose(file);
}

void next_frame(Frame &f)
{
	if (!captured.empty() && one_in(4)) {
		const auto &c = captured[below(unsigned(captured.size()))];

		packet.len = uint32_t(c.size());
		packet.user = uint8_t(rnd());
		memcpy(packet.frame, c.data(), c.size());
	} else if (one_in(3)) {
		gen_enum(rnd() % gen_enum_count(), &packet);
	} else {
		gen_random(rnd(), &packet);
	}
	if (one_in(8) && packet.len > 80)
		packet.len = 60 + below(80);
	if (packet.len > size_limit && !one_in(200))
		packet.len = 34 + below(size_limit - 34);
	if (!packet.len)
		packet.len = 1;
	f.in.assign(packet.frame, packet.frame + packet.len);
	f.out = f.in;
	mpnic_packet(f.in.data(), f.in.size(), packet.user, &f.hdr, &f.csum);
	fill(f.result);
	f.result.flags &= uint8_t(~MPNIC_RESULT_STRIPPED);
	f.result.strip = one_in(3)   ? 0xffff
			 : one_in(3) ? uint16_t(1u << below(16))
				     : uint16_t(rnd());
	if (one_in(8))
		f.result.strip = 0;
	f.result.drop = one_in(6) ? uint8_t(1 + below(7)) : 0;
	f.drop = f.result.drop;
	f.left = f.result;
	if (f.drop) {
		dropped++;
		return;
	}
	mpnic_deparse(f.out.data(), f.out.size(), &f.hdr, &f.csum, &f.left);
	if (f.left.flags & MPNIC_RESULT_STRIPPED) {
		stripped++;
		verdicts[f.csum.l4 % 6]++;
		walks[f.hdr.tcpopt % 5]++;
	} else {
		unchanged++;
	}
}

// ---- the clock ---------------------------------------------------------------------------------

template <typename Port, typename T> void drive(Port &port, const T &value)
{
	static_assert(sizeof(port) == sizeof(value), "width");
	memcpy(&port, &value, sizeof(value));
}

bool same(const char *name, const void *want, const void *got, size_t len)
{
	auto w = static_cast<const uint8_t *>(want), g = static_cast<const uint8_t *>(got);

	if (!memcmp(w, g, len))
		return true;
	for (size_t i = 0; i < len; i++)
		if (w[i] != g[i])
			printf("  %s byte %zu: model %02x, RTL %02x\n", name, i, w[i], g[i]);
	return false;
}

// How often each side is ready, of 8 clocks, and whether the sides wait for each other.
struct Mood {
	unsigned left, beats, records, sink;
} mood;

void new_mood()
{
	mood.left = 20 + below(300);
	mood.beats = one_in(2) ? 8 : below(9);
	mood.records = one_in(2) ? 8 : below(9);
	mood.sink = one_in(2) ? 8 : below(9);
	size_limit = one_in(3) ? 64 : one_in(2) ? 200 : 1600;
}

unsigned beats_of(const Frame &f)
{
	return unsigned((f.in.size() + BYTES - 1) / BYTES);
}

Vmpnic_deparse *top;

void edge()
{
	top->clk_i = 1;
	top->eval();
	top->clk_i = 0;
}

// The frames from the oldest that has not left on, and how many of them each side has seen.
std::deque<Frame> frames;
unsigned beats_seen, records_seen, beat_in, beat_out;
std::deque<uint64_t> record_clocks; // when they came, of frames whose beats have not all come

bool check_beat(const Frame &f)
{
	const unsigned off = beat_out * BYTES;
	const unsigned len =
		unsigned(f.out.size()) - off < BYTES ? unsigned(f.out.size()) - off : BYTES;
	const bool last = beat_out + 1 == beats_of(f);

	if (top->m_first_o != !beat_out || top->m_last_o != last || top->m_bytes_o != len) {
		printf("beat %u: first %d, last %d, bytes %d instead of %u\n", beat_out,
		       top->m_first_o, top->m_last_o, top->m_bytes_o, len);
		return false;
	}
	return same("data", f.out.data() + off, &top->m_data_o, len) &
	       same("hdr", &f.hdr, &top->m_hdr_o, sizeof(f.hdr)) &
	       same("csum", &f.csum, &top->m_csum_o, sizeof(f.csum)) &
	       same("result", &f.left, &top->m_result_o, sizeof(f.left));
}

bool run(uint64_t count)
{
	uint64_t clock = 0, given = 0, left = 0, idle = 0;
	unsigned sink_since = 0, out = 0; // out: of frames, the one that leaves
	bool offers_beat = false, offers_record = false, waited = false;

	while (left < count) {
		if (!mood.left--)
			new_mood();
		while (frames.size() < AHEAD && given < count) {
			frames.emplace_back();
			next_frame(frames.back());
			given++;
		}
		// What is offered stays until it is taken.
		offers_beat |= below(8) < mood.beats;
		offers_record |= below(8) < mood.records;
		top->s_valid_i = offers_beat && beats_seen < frames.size();
		if (top->s_valid_i) {
			const Frame &f = frames[beats_seen];
			const unsigned off = beat_in * BYTES;
			const size_t rest = f.in.size() - off;
			uint8_t beat[BYTES];

			fill(beat);
			memcpy(beat, f.in.data() + off, rest < BYTES ? rest : BYTES);
			memcpy(&top->s_data_i, beat, BYTES);
			top->s_first_i = !beat_in;
			top->s_last_i = beat_in + 1 == beats_of(f);
			top->s_bytes_i = uint8_t(rest < BYTES ? rest : BYTES);
		}
		top->r_valid_i = offers_record && records_seen < frames.size();
		if (top->r_valid_i) {
			const Frame &f = frames[records_seen];

			drive(top->r_hdr_i, f.hdr);
			drive(top->r_csum_i, f.csum);
			drive(top->r_result_i, f.result);
		}
		top->m_ready_i = below(8) < mood.sink;
		top->eval();

		// What leaves: the oldest frame that is not dropped, if all its beats so far came.
		while (out < frames.size() && frames[out].drop)
			out++;
		if (top->m_valid_o) {
			const bool came =
				out < records_seen &&
				(out < beats_seen || (out == beats_seen && beat_out < beat_in));

			if (!came || !check_beat(frames[out])) {
				printf("clock %" PRIu64 ": frame %" PRIu64 " differs\n", clock,
				       left + out);
				return false;
			}
		} else if (waited) {
			printf("clock %" PRIu64 ": m_valid_o fell\n", clock);
			return false;
		}
		waited = top->m_valid_o && !top->m_ready_i;
		// Line rate: nothing waits whose record came some time ago, if the sink waits for
		// nothing.
		sink_since = top->m_ready_i ? sink_since + 1 : 0;
		if (!top->s_ready_o && !record_clocks.empty() &&
		    record_clocks[0] + FILLED < clock &&
		    (sink_since > FILLED || frames[beats_seen].drop)) {
			printf("clock %" PRIu64 ": s_ready_o is low without reason\n", clock);
			return false;
		}
		if (!top->r_ready_o &&
		    records_seen - (out < beats_seen ? out : beats_seen) < FRAMES) {
			printf("clock %" PRIu64 ": r_ready_o is low without reason\n", clock);
			return false;
		}

		idle++;
		if (top->m_valid_o && top->m_ready_i) {
			idle = 0;
			if (++beat_out == beats_of(frames[out])) {
				beat_out = 0;
				out++;
			}
		}
		if (top->r_valid_i && top->r_ready_o) {
			idle = 0;
			offers_record = false;
			records_seen++;
			record_clocks.push_back(clock);
		}
		if (top->s_valid_i && top->s_ready_o) {
			idle = 0;
			offers_beat = false;
			if (record_clocks.empty()) {
				printf("clock %" PRIu64 ": a beat is taken before its record\n",
				       clock);
				return false;
			}
			if (++beat_in == beats_of(frames[beats_seen])) {
				beat_in = 0;
				beats_seen++;
				record_clocks.pop_front();
			}
		}
		while (!frames.empty() && beats_seen && (out || frames[0].drop)) {
			out -= out ? 1 : 0;
			frames.pop_front();
			beats_seen--;
			records_seen--;
			left++;
		}
		edge();
		clock++;
		if (idle > 10000) {
			printf("clock %" PRIu64 ": it stands still\n", clock);
			return false;
		}
	}
	return true;
}

bool tried_all()
{
	return dropped && unchanged && verdicts[MPNIC_CSUM_GOOD] && verdicts[MPNIC_CSUM_BAD] &&
	       verdicts[MPNIC_CSUM_PARTIAL] && verdicts[MPNIC_CSUM_NOT_JUDGED] &&
	       walks[MPNIC_TCPOPT_OK] && walks[MPNIC_TCPOPT_LEN_BELOW_2] &&
	       walks[MPNIC_TCPOPT_OVERRUN] && walks[MPNIC_TCPOPT_CUT];
}

} // namespace

int main(int argc, char **argv)
{
	uint64_t count = 100000, seed = 1;

	for (int i = 1; i < argc; i++) {
		if (i + 1 < argc && !strcmp(argv[i], "--count"))
			count = strtoull(argv[++i], nullptr, 0);
		else if (i + 1 < argc && !strcmp(argv[i], "--seed"))
			seed = strtoull(argv[++i], nullptr, 0);
		else if (argv[i][0] != '+')
			load(argv[i]);
	}
	rng = seed;
	Verilated::commandArgs(argc, argv);
	const auto owner = std::make_unique<Vmpnic_deparse>();

	top = owner.get();
	top->rst_ni = 0;
	top->s_valid_i = top->r_valid_i = 0;
	for (unsigned i = 0; i < 4; i++) {
		top->eval();
		edge();
	}
	top->rst_ni = 1;
	if (!run(count))
		return 1;
	top->final();
	printf("%u bits, seed %" PRIu64 ": %" PRIu64 " frames, %zu captured ones, %" PRIu64
	       " stripped, %" PRIu64 " unchanged, %" PRIu64 " dropped\nstripped, by csum.l4:",
	       DATA_W, seed, count, captured.size(), stripped, unchanged, dropped);
	for (auto n : verdicts)
		printf(" %" PRIu64, n);
	printf("; by tcpopt:");
	for (auto n : walks)
		printf(" %" PRIu64, n);
	printf("\n");
	if (count >= 50000 && !tried_all()) {
		printf("not everything was tried\n");
		return 1;
	}
	return 0;
}
