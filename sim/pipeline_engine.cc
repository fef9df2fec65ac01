// SPDX-License-Identifier: BSD-3-Clause
// The Verilated pipeline behind pipeline_engine.h. Every clock it also checks the stream rules of
// all sides: frames leave whole, in their order, those that are not dropped, and what is offered
// does not change while it waits. Lanes and side bands that the rules leave open are driven with
// noise.
#include "pipeline_engine.h"

#include <cinttypes>
#include <cstring>
#include <deque>
#include <new>
#include <type_traits>
#include <vector>

#include "Vmpnic_pipeline.h"
#include "verilated_top.h"

namespace
{

using Top = Vmpnic_pipeline;
using Data = std::remove_reference_t<decltype(Top::s_axis_tdata_i)>;
using Keep = std::remove_reference_t<decltype(Top::s_axis_tkeep_i)>;

constexpr size_t BEAT = sizeof(Data);
constexpr uint64_t RING = PIPELINE_UNDER_WAY;
constexpr unsigned RESET_CLOCKS = 4;
constexpr unsigned TIMEOUT_CLOCKS = 100000;

template <typename Port, typename Record> void from_port(Record &record, const Port &port)
{
	// Ports of more than 64 bits are arrays of 32-bit words.
	static_assert(sizeof(Port) == (sizeof(Record) + 3) / 4 * 4, "record and port differ");
	memcpy(&record, &port, sizeof(record));
}

template <typename Port, typename Record> void to_port(Port &port, const Record &record)
{
	static_assert(sizeof(Port) == (sizeof(Record) + 3) / 4 * 4, "record and port differ");
	memcpy(&port, &record, sizeof(record));
}

struct Slot {
	std::vector<uint8_t> data; // whole beats; noise behind the frame
	std::vector<uint8_t> out;
	uint32_t len;
	uint8_t user;
	uint64_t time, commands; // commands that enter before it
	uint64_t in_first, in_last;
};

struct Command {
	mpnic_table_cmd cmd;
	uint64_t frames; // that enter before it
};

// What stood at the frames' output in a clock in which the sink was not ready.
struct Held {
	bool valid;
	Data data;
	mpnic_hdr hdr;
	mpnic_csum csum;
	mpnic_result result;
};

Keep keep_of(size_t bytes)
{
	return static_cast<Keep>(bytes >= BEAT ? ~UINT64_C(0) : (UINT64_C(1) << bytes) - 1);
}

} // namespace

struct pipeline_engine : VerilatedTop<Top> {
	unsigned in_pause, out_pause, event_pause;
	uint32_t event_mask;
	uint64_t stalls;
	Slot ring[RING];

	// Since the last reset.
	struct Run {
		uint64_t sent, taken, slotted, committed, done; // frames; done: left or dropped
		bool dropped[RING];
		size_t in_off, out_off; // position in the frame that is being taken, that leaves
		bool offered;		// the beat at the input waits for tready
		uint64_t cmds_sent, cmds_in_order, cmds_slotted, cmds_answered;
		Held held;
		uint64_t events_due, events;
		bool event_held;
		mpnic_event event;
		uint64_t out_first;
	} run;
	std::deque<Command> commands; // not taken
	std::deque<pipeline_report> reports;
};

namespace
{

int broken(const pipeline_engine *e, const char *rule)
{
	fprintf(stderr, "rtl: clock %" PRIu64 ", frame %" PRIu64 ", byte %zu: %s\n", e->clocks,
		e->run.done, e->run.out_off, rule);
	return -EPROTO;
}

pipeline_report &report(pipeline_engine *e, pipeline_what what, uint64_t number)
{
	e->reports.emplace_back();

	pipeline_report &r = e->reports.back();

	r.what = what;
	r.number = number;
	r.clock = e->clocks;
	return r;
}

// ---- in ----------------------------------------------------------------------------------------

// Offer the next beat, unless one waits already, the source pauses, or a command is to come first.
void drive_frames(pipeline_engine *e, uint64_t dice)
{
	Top &top = *e->top;

	if (e->run.offered)
		return;

	const Slot &slot = e->ring[e->run.taken % RING];

	if (e->run.taken == e->run.sent || (dice & 0xff) < e->in_pause ||
	    (!e->run.in_off && e->run.cmds_slotted < slot.commands)) {
		top.s_axis_tvalid_i = 0;
		top.s_axis_tlast_i = dice >> 16 & 1;
		top.s_axis_tuser_i = static_cast<uint8_t>(dice >> 24);
		top.s_axis_tkeep_i = static_cast<Keep>(dice);
		top.s_axis_ttime_i = dice;
		return;
	}

	const size_t rest = slot.len - e->run.in_off;

	memcpy(&top.s_axis_tdata_i, slot.data.data() + e->run.in_off, BEAT);
	top.s_axis_tkeep_i = keep_of(rest);
	top.s_axis_tuser_i = e->run.in_off ? static_cast<uint8_t>(dice >> 24) : slot.user;
	top.s_axis_ttime_i = e->run.in_off ? dice : slot.time;
	top.s_axis_tlast_i = rest <= BEAT;
	top.s_axis_tvalid_i = 1;
	e->run.offered = true;
}

void take_frames(pipeline_engine *e)
{
	const Top &top = *e->top;

	if (!e->run.offered)
		return;
	if (!top.s_axis_tready_o) {
		e->stalls += top.m_axis_tready_i;
		return;
	}

	Slot &slot = e->ring[e->run.taken % RING];

	if (!e->run.in_off)
		slot.in_first = e->clocks;
	slot.in_last = e->clocks;
	e->run.offered = false;
	e->run.in_off += BEAT;
	if (top.s_axis_tlast_i) {
		e->run.in_off = 0;
		e->run.taken++;
	}
}

void drive_commands(pipeline_engine *e)
{
	Top &top = *e->top;

	top.cmd_valid_i = !e->commands.empty() && e->commands.front().frames <= e->run.slotted;
	if (top.cmd_valid_i)
		to_port(top.cmd_i, e->commands.front().cmd);
}

// ---- out ---------------------------------------------------------------------------------------

// What is told of slots, results, answers in this clock.
const char *take_records(pipeline_engine *e)
{
	const Top &top = *e->top;

	if (top.slot_o && top.cmd_slot_o)
		return "a frame and a command in one slot";
	if (top.cmd_valid_i && top.cmd_ready_o)
		e->commands.pop_front();
	if (top.slot_o) {
		if (e->run.slotted == e->run.taken)
			return "a frame enters that was not taken";
		report(e, PIPELINE_SLOT, e->run.slotted++);
	}
	if (top.cmd_slot_o)
		report(e, PIPELINE_COMMAND, e->run.cmds_slotted++);
	if (top.rsp_valid_o) {
		if (e->run.cmds_answered == e->run.cmds_slotted)
			return "an answer without a command";
		from_port(report(e, PIPELINE_RESPONSE, e->run.cmds_answered++).rsp, top.rsp_o);
	}
	if (top.commit_valid_o) {
		if (e->run.committed == e->run.slotted)
			return "a result of a frame that did not enter";

		pipeline_report &r = report(e, PIPELINE_COMMIT, e->run.committed);

		from_port(r.result, top.commit_result_o);
		r.lost = top.commit_lost_o;
		e->run.events_due += r.result.signs & e->event_mask && !r.lost;
		e->run.dropped[e->run.committed++ % RING] = r.result.drop != MPNIC_DROP_NONE;
	}
	return nullptr;
}

const char *take_event(pipeline_engine *e)
{
	const Top &top = *e->top;

	if (!top.event_valid_o)
		return e->run.event_held ? "an event vanished while it waited" : nullptr;

	mpnic_event event;

	from_port(event, top.event_o);
	if (e->run.event_held && memcmp(&event, &e->run.event, sizeof(event)))
		return "an event changed while it waited";
	e->run.event = event;
	e->run.event_held = !top.event_ready_i;
	if (top.event_ready_i)
		report(e, PIPELINE_EVENT, e->run.events++).event = event;
	return nullptr;
}

void skip_dropped(pipeline_engine *e)
{
	while (e->run.done < e->run.committed && e->run.dropped[e->run.done % RING])
		e->run.done++;
}

const char *check_frame(const pipeline_engine *e)
{
	const Top &top = *e->top;
	const size_t rest = e->ring[e->run.done % RING].len - e->run.out_off;

	if (e->run.done == e->run.committed)
		return "a beat leaves of a frame that is not judged";
	if (top.m_axis_tfirst_o != (e->run.out_off == 0))
		return "tfirst is wrong";
	if (top.m_axis_tlast_o != (rest <= BEAT))
		return "tlast is wrong";
	if (top.m_axis_tkeep_o != keep_of(rest))
		return "tkeep is wrong";
	if (!e->run.held.valid)
		return nullptr;
	if (memcmp(&top.m_axis_tdata_o, &e->run.held.data, BEAT))
		return "tdata changed while it waited";
	return nullptr;
}

// The records stand still during the whole frame.
const char *check_records(const pipeline_engine *e)
{
	const Top &top = *e->top;

	if (!e->run.held.valid && !e->run.out_off)
		return nullptr;
	if (memcmp(&top.m_axis_hdr_o, &e->run.held.hdr, sizeof(e->run.held.hdr)))
		return "the header record changed";
	if (memcmp(&top.m_axis_csum_o, &e->run.held.csum, sizeof(e->run.held.csum)))
		return "the checksum record changed";
	if (memcmp(&top.m_axis_result_o, &e->run.held.result, sizeof(e->run.held.result)))
		return "the result changed";
	return nullptr;
}

void hold_frame(pipeline_engine *e)
{
	const Top &top = *e->top;

	e->run.held.valid = !top.m_axis_tready_i;
	memcpy(&e->run.held.data, &top.m_axis_tdata_o, BEAT);
	from_port(e->run.held.hdr, top.m_axis_hdr_o);
	from_port(e->run.held.csum, top.m_axis_csum_o);
	from_port(e->run.held.result, top.m_axis_result_o);
}

void finish_frame(pipeline_engine *e)
{
	Slot &slot = e->ring[e->run.done % RING];
	pipeline_report &r = report(e, PIPELINE_FRAME, e->run.done);

	r.hdr = e->run.held.hdr;
	r.csum = e->run.held.csum;
	r.result = e->run.held.result;
	r.frame = slot.out.data();
	r.len = slot.len;
	r.in_first = slot.in_first;
	r.in_last = slot.in_last;
	r.out_first = e->run.out_first;
	e->run.out_off = 0;
	e->run.done++;
}

const char *take_frame(pipeline_engine *e)
{
	const Top &top = *e->top;

	if (!top.m_axis_tvalid_o)
		return e->run.held.valid ? "tvalid fell while it waited" : nullptr;
	if (const char *rule = check_frame(e))
		return rule;
	if (const char *rule = check_records(e))
		return rule;
	hold_frame(e);
	if (!top.m_axis_tready_i)
		return nullptr;

	Slot &slot = e->ring[e->run.done % RING];

	if (!e->run.out_off)
		e->run.out_first = e->clocks;
	memcpy(slot.out.data() + e->run.out_off, &top.m_axis_tdata_o, BEAT);
	e->run.out_off += BEAT;
	if (top.m_axis_tlast_o)
		finish_frame(e);
	return nullptr;
}

// One clock: inputs settle, handshakes are looked at, then the edge.
int run_clock(pipeline_engine *e)
{
	const uint64_t dice = e->noise();
	Top &top = *e->top;

	drive_frames(e, dice);
	drive_commands(e);
	top.m_axis_tready_i = (dice >> 8 & 0xff) >= e->out_pause;
	top.event_ready_i = (dice >> 32 & 0xff) >= e->event_pause;
	e->settle(0);
	// The outputs first: they may only tell of what was taken in an earlier clock.
	skip_dropped(e);
	const char *rule = take_frame(e);

	if (!rule)
		rule = take_event(e);
	if (!rule)
		rule = take_records(e);
	if (rule)
		return broken(e, rule);
	skip_dropped(e);
	take_frames(e);
	e->settle(1);
	return 0;
}

bool under_way(const pipeline_engine *e)
{
	return e->run.done < e->run.sent || e->run.cmds_answered < e->run.cmds_sent ||
	       e->run.event_held || e->run.events < e->run.events_due;
}

} // namespace

int pipeline_engine_open(const struct pipeline_engine_opts *opts, struct pipeline_engine **engine)
{
	try {
		auto e = std::make_unique<pipeline_engine>();

		if (const int err = e->open(opts->seed, opts->trace))
			return err;
		pipeline_engine_reset(e.get());
		*engine = e.release();
		return 0;
	} catch (const std::bad_alloc &) {
		return -ENOMEM;
	}
}

void pipeline_engine_reset(struct pipeline_engine *e)
{
	static const mpnic_settings none = {};

	e->run = {};
	e->commands.clear();
	e->reports.clear();
	e->top->s_axis_tvalid_i = e->top->s_axis_tdivert_i = 0;
	e->top->d_ready_i = 0;
	e->top->m_axis_tready_i = 0;
	e->top->cmd_valid_i = 0;
	e->top->event_ready_i = 0;
	pipeline_engine_settings(e, &none);
	e->reset(RESET_CLOCKS);
}

void pipeline_engine_pauses(struct pipeline_engine *e, unsigned int in, unsigned int out,
			    unsigned int event)
{
	e->in_pause = in;
	e->out_pause = out;
	e->event_pause = event;
}

void pipeline_engine_settings(struct pipeline_engine *e, const struct mpnic_settings *settings)
{
	to_port(e->top->settings_i, *settings);
	e->event_mask = settings->event_mask;
}

int pipeline_engine_frame(struct pipeline_engine *e, const uint8_t *frame, size_t len, uint8_t user,
			  uint64_t time_ns)
{
	if (!len || len > MPNIC_REPLAY_MAX)
		return -EINVAL;
	// A frame that has left stays until the next call.
	if (e->run.sent - e->run.done >= RING - 1)
		return -EAGAIN;

	Slot &slot = e->ring[e->run.sent % RING];
	const size_t beats = (len + BEAT - 1) / BEAT;

	if (slot.data.size() < beats * BEAT) {
		try {
			slot.data.resize(beats * BEAT);
			slot.out.resize(beats * BEAT);
		} catch (const std::bad_alloc &) {
			return -ENOMEM;
		}
	}
	memset(slot.data.data() + (beats - 1) * BEAT, static_cast<int>(e->noise() & 0xff), BEAT);
	memcpy(slot.data.data(), frame, len);
	slot.len = static_cast<uint32_t>(len);
	slot.user = user;
	slot.time = time_ns;
	slot.commands = e->run.cmds_in_order;
	e->run.sent++;
	return 0;
}

int pipeline_engine_command(struct pipeline_engine *e, const struct mpnic_table_cmd *cmd,
			    bool in_order)
{
	try {
		e->commands.push_back({*cmd, in_order ? e->run.sent : 0});
	} catch (const std::bad_alloc &) {
		return -ENOMEM;
	}
	e->run.cmds_sent++;
	if (in_order)
		e->run.cmds_in_order = e->run.cmds_sent;
	return 0;
}

int pipeline_engine_next(struct pipeline_engine *e, struct pipeline_report *r)
{
	const uint64_t start = e->clocks;

	while (e->reports.empty()) {
		if (!under_way(e))
			return 0;
		if (e->clocks - start == TIMEOUT_CLOCKS) {
			fprintf(stderr, "rtl: clock %" PRIu64 ": nothing has come for %u clocks\n",
				e->clocks, TIMEOUT_CLOCKS);
			return -ETIMEDOUT;
		}
		if (const int err = run_clock(e))
			return err;
	}
	*r = e->reports.front();
	e->reports.pop_front();
	return 1;
}

uint64_t pipeline_engine_clocks(const struct pipeline_engine *e)
{
	return e->clocks;
}

uint64_t pipeline_engine_stalls(const struct pipeline_engine *e)
{
	return e->stalls;
}

void pipeline_engine_close(struct pipeline_engine *e)
{
	if (!e)
		return;
	e->close();
	delete e;
}
