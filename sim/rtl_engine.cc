// SPDX-License-Identifier: BSD-3-Clause
// The Verilated pipeline behind rtl_engine.h. Every clock it also checks the stream rules of both
// sides: what leaves must be what was taken, beat for beat, and must not change while it waits.
// Lanes and side bands that the rules leave open are driven with noise.
#include "rtl_engine.h"

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "Vmpnic_stateless.h"
#include "verilated_top.h"

namespace
{

using Top = Vmpnic_stateless;
using Data = std::remove_reference_t<decltype(Top::s_axis_tdata_i)>;
using Keep = std::remove_reference_t<decltype(Top::s_axis_tkeep_i)>;

constexpr size_t BEAT = sizeof(Data);
constexpr uint64_t RING = 1024;
constexpr unsigned RESET_CLOCKS = 4;
constexpr unsigned IDLE_CLOCKS = 64;
constexpr unsigned TIMEOUT_CLOCKS = 100000;

static_assert(sizeof(Keep) * 8 == BEAT, "tkeep has a bit for each byte of tdata");
static_assert(sizeof(std::remove_reference_t<decltype(Top::m_axis_hdr_o)>) == sizeof(mpnic_hdr),
	      "header record");
static_assert(sizeof(std::remove_reference_t<decltype(Top::m_axis_csum_o)>) == sizeof(mpnic_csum),
	      "checksum record");

struct Slot {
	std::vector<uint8_t> data; // whole beats; noise behind the frame
	uint32_t len;
	uint8_t user;
	uint64_t in_first, in_last;
};

// What stood at the output in a clock in which the sink was not ready.
struct Held {
	bool valid;
	Data data;
	mpnic_hdr hdr;
	mpnic_csum csum;
};

Keep keep_of(size_t bytes)
{
	return static_cast<Keep>(bytes >= BEAT ? ~UINT64_C(0) : (UINT64_C(1) << bytes) - 1);
}

} // namespace

struct rtl_engine : VerilatedTop<Top> {
	rtl_engine_opts opts;
	uint64_t stalls;

	Slot ring[RING];
	uint64_t sent, taken, left; // frames queued, taken whole, left whole
	size_t in_off, out_off;	    // position in the frame that is being taken, that leaves
	uint64_t beats_in, beats_out;
	bool offered; // the beat at the input waits for tready
	bool idle_checked;

	Held held;
	mpnic_hdr hdr;
	mpnic_csum csum;
	uint64_t out_first;
};

namespace
{

// Offer the next beat, unless one waits already or the source pauses.
void drive_input(rtl_engine *e, uint64_t dice)
{
	Top &top = *e->top;

	if (e->offered)
		return;
	if (e->taken == e->sent || (dice & 0xff) < e->opts.in_pause) {
		top.s_axis_tvalid_i = 0;
		top.s_axis_tlast_i = dice >> 16 & 1;
		top.s_axis_tuser_i = static_cast<uint8_t>(dice >> 24);
		top.s_axis_tkeep_i = static_cast<Keep>(dice);
		return;
	}

	const Slot &slot = e->ring[e->taken % RING];
	const size_t rest = slot.len - e->in_off;

	memcpy(&top.s_axis_tdata_i, slot.data.data() + e->in_off, BEAT);
	top.s_axis_tkeep_i = keep_of(rest);
	top.s_axis_tuser_i = e->in_off ? static_cast<uint8_t>(dice >> 24) : slot.user;
	top.s_axis_tlast_i = rest <= BEAT;
	top.s_axis_tvalid_i = 1;
	e->offered = true;
}

void take_input(rtl_engine *e)
{
	const Top &top = *e->top;

	if (!e->offered)
		return;
	if (!top.s_axis_tready_o) {
		e->stalls += top.m_axis_tready_i;
		return;
	}

	Slot &slot = e->ring[e->taken % RING];

	if (!e->in_off)
		slot.in_first = e->clocks;
	slot.in_last = e->clocks;
	e->offered = false;
	e->beats_in++;
	e->in_off += BEAT;
	if (top.s_axis_tlast_i) {
		e->in_off = 0;
		e->taken++;
	}
}

int broken(const rtl_engine *e, const char *rule)
{
	fprintf(stderr, "rtl: clock %" PRIu64 ", frame %" PRIu64 ", byte %zu: %s\n", e->clocks,
		e->left, e->out_off, rule);
	return -EPROTO;
}

const char *check_output(const rtl_engine *e)
{
	const Top &top = *e->top;
	const Slot &slot = e->ring[e->left % RING];
	const size_t rest = slot.len - e->out_off;
	const bool last = rest <= BEAT;

	if (e->beats_out >= e->beats_in)
		return "a beat leaves that was not taken";
	if (top.m_axis_tfirst_o != (e->out_off == 0))
		return "tfirst is wrong";
	if (top.m_axis_tlast_o != last)
		return "tlast is wrong";
	if (top.m_axis_tkeep_o != keep_of(rest))
		return "tkeep is wrong";
	if (memcmp(&top.m_axis_tdata_o, slot.data.data() + e->out_off, last ? rest : BEAT))
		return "the frame is harmed";
	if (!e->held.valid)
		return nullptr;
	if (memcmp(&top.m_axis_tdata_o, &e->held.data, BEAT))
		return "tdata changed while it waited";
	if (!e->out_off && memcmp(&top.m_axis_hdr_o, &e->held.hdr, sizeof(e->held.hdr)))
		return "the header record changed while it waited";
	if (last && memcmp(&top.m_axis_csum_o, &e->held.csum, sizeof(e->held.csum)))
		return "the checksum record changed while it waited";
	return nullptr;
}

void hold_output(rtl_engine *e)
{
	const Top &top = *e->top;

	e->held.valid = true;
	memcpy(&e->held.data, &top.m_axis_tdata_o, BEAT);
	memcpy(&e->held.hdr, &top.m_axis_hdr_o, sizeof(e->held.hdr));
	memcpy(&e->held.csum, &top.m_axis_csum_o, sizeof(e->held.csum));
}

// Returns 1 if a frame's last beat left, 2 if another beat did, 0, or -EPROTO.
int take_output(rtl_engine *e)
{
	const Top &top = *e->top;

	if (!top.m_axis_tvalid_o)
		return e->held.valid ? broken(e, "tvalid fell while it waited") : 0;
	if (const char *rule = check_output(e))
		return broken(e, rule);
	if (!top.m_axis_tready_i) {
		hold_output(e);
		return 0;
	}

	e->held.valid = false;
	e->beats_out++;
	if (!e->out_off) {
		memcpy(&e->hdr, &top.m_axis_hdr_o, sizeof(e->hdr));
		e->out_first = e->clocks;
	}
	e->out_off += BEAT;
	if (!top.m_axis_tlast_o)
		return 2;
	memcpy(&e->csum, &top.m_axis_csum_o, sizeof(e->csum));
	e->out_off = 0;
	e->left++;
	return 1;
}

// One clock: inputs settle, handshakes are looked at, then the edge. As take_output().
int run_clock(rtl_engine *e)
{
	const uint64_t dice = e->noise();
	Top &top = *e->top;

	drive_input(e, dice);
	top.m_axis_tready_i = (dice >> 8 & 0xff) >= e->opts.out_pause;
	e->settle(0);
	// The output first: it may only carry what was taken in an earlier clock.
	const int event = take_output(e);
	take_input(e);
	e->settle(1);
	return event;
}

} // namespace

int rtl_engine_open(const struct rtl_engine_opts *opts, struct rtl_engine **engine)
{
	try {
		auto e = std::make_unique<rtl_engine>();

		e->opts = *opts;
		if (const int err = e->open(opts->seed, opts->trace))
			return err;
		e->top->s_axis_tvalid_i = 0;
		e->top->m_axis_tready_i = 0;
		e->reset(RESET_CLOCKS);
		*engine = e.release();
		return 0;
	} catch (const std::bad_alloc &) {
		return -ENOMEM;
	}
}

int rtl_engine_send(struct rtl_engine *e, const uint8_t *frame, size_t len, uint8_t user)
{
	if (!len || len > MPNIC_REPLAY_MAX)
		return -EINVAL;
	if (e->sent - e->left == RING)
		return -EAGAIN;

	Slot &slot = e->ring[e->sent % RING];
	const size_t beats = (len + BEAT - 1) / BEAT;

	if (slot.data.size() < beats * BEAT) {
		try {
			slot.data.resize(beats * BEAT);
		} catch (const std::bad_alloc &) {
			return -ENOMEM;
		}
	}
	memset(slot.data.data() + (beats - 1) * BEAT, static_cast<int>(e->noise() & 0xff), BEAT);
	memcpy(slot.data.data(), frame, len);
	slot.len = static_cast<uint32_t>(len);
	slot.user = user;
	e->sent++;
	e->idle_checked = false;
	return 0;
}

// With nothing under way, nothing may come.
static int check_idle(struct rtl_engine *e)
{
	if (e->idle_checked)
		return 0;
	e->idle_checked = true;
	for (unsigned i = 0; i < IDLE_CLOCKS; i++) {
		const int event = run_clock(e);

		if (event)
			return event;
	}
	return 0;
}

int rtl_engine_recv(struct rtl_engine *e, struct rtl_result *result)
{
	unsigned quiet = 0;

	if (e->left == e->sent)
		return check_idle(e);

	const Slot &slot = e->ring[e->left % RING];

	while (quiet++ < TIMEOUT_CLOCKS) {
		const int event = run_clock(e);

		if (event < 0)
			return event;
		if (event == 2)
			quiet = 0;
		if (event != 1)
			continue;
		result->hdr = e->hdr;
		result->csum = e->csum;
		result->frame = slot.data.data();
		result->len = slot.len;
		result->in_first = slot.in_first;
		result->in_last = slot.in_last;
		result->out_first = e->out_first;
		result->out_last = e->clocks - 1;
		return 1;
	}
	fprintf(stderr, "rtl: clock %" PRIu64 ": nothing has left for %u clocks\n", e->clocks,
		TIMEOUT_CLOCKS);
	return -ETIMEDOUT;
}

uint64_t rtl_engine_clocks(const struct rtl_engine *e)
{
	return e->clocks;
}

uint64_t rtl_engine_stalls(const struct rtl_engine *e)
{
	return e->stalls;
}

void rtl_engine_close(struct rtl_engine *e)
{
	if (!e)
		return;
	e->close();
	delete e;
}
