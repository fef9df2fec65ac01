// SPDX-License-Identifier: BSD-3-Clause
// act [--count N] [--seed S]: RTL of stage act beside the C model, clock by clock: every result,
// every event, which events are lost, and at the end the counters. Records are hostile; settings
// change when it is idle; a reset comes in between. Exit code 1: they differ.
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>

#include "Vmpnic_act.h"
#include "random.h"
#include "verilated.h"

// C gives functions the names of structs.
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#include "model.h"
}

namespace
{

constexpr unsigned EVENTS = 16; // as the RTL was built
constexpr unsigned LATENCY = 3; // ACT_LATENCY
constexpr unsigned SOURCES = 64, NUMBERS = sizeof(struct mpnic_state_counters) / 8;
constexpr unsigned PHASES = 3; // with a reset between

uint32_t sparse()
{
	return one_in(3) ? 0 : uint32_t(rnd() & rnd() & (one_in(2) ? rnd() & rnd() : ~0ull));
}

// ---- what comes --------------------------------------------------------------------------------

mpnic_settings settings;
uint64_t now;
unsigned mood_left, gap, pops; // pops: events are taken in so many of 8 clocks
bool flood;

void new_settings()
{
	static const uint64_t intervals[] = {0, 1, 2, 7, 1000, 1000000000};

	fill(settings);
	settings.join_interval = one_in(4) ? rnd() : intervals[below(6)];
	settings.join_slack = one_in(4) ? rnd() : settings.join_interval * below(20);
	if (one_in(4))
		settings.join_interval = 1 + (rnd() & 0x3fff);
	settings.join_policy = uint8_t(rnd());
	settings.event_mask = one_in(4) ? 0 : one_in(3) ? ~0u : sparse();
}

void pass_time()
{
	uint64_t step = 0;

	switch (below(8)) {
	case 0:
		step = below(3);
		break;
	case 1:
		step = settings.join_interval >> 62 ? 1 : settings.join_interval;
		break;
	case 2:
		step = below(2000);
		break;
	case 3: // to where the bucket's borders are
		step = settings.join_interval >> 40
			       ? 4
			       : settings.join_interval * below(3) + below(3) - 1;
		if (step >> 63)
			step = 0;
		break;
	default:
		break;
	}
	if (one_in(2000))
		step = rnd() >> below(64);
	now = now + step < now ? now : now + step;
}

void some_packet(act_packet &p)
{
	static const uint8_t often[] = {0, 6, 6, 2, 1, 8};

	fill(p);
	auto &r = p.result;
	r.flow &= 7;
	r.token &= 7;
	if (!flood && !one_in(3))
		r.token = MPNIC_TOKEN_NONE;
	else if (flood && !one_in(4))
		r.token = one_in(2) ? MPNIC_TOKEN_UNKNOWN : MPNIC_TOKEN_FULL;
	r.dsn_state &= 15;
	r.map_csum &= 15;
	r.signs = sparse();
	r.mark = 0;
	r.actions = r.strip = 0;
	r.punt = r.drop = 0;
	p.action.actions = uint16_t(one_in(3) ? rnd() : sparse());
	if (flood && !one_in(8))
		p.action.actions &= uint16_t(~(1u << 2 | 1u << 3));
	if (one_in(4))
		p.action.strip = 0;
	p.first_syn = uint8_t(one_in(2) ? 0 : below(4));
	p.generation = uint8_t(one_in(4) ? 0 : rnd());
	pass_time();
	p.time = now;
	auto &h = p.hdr;
	h.tcpopt = uint8_t(one_in(8) ? rnd() : below(5));
	h.mptcp = uint8_t(one_in(2) ? rnd() : 0);
	h.vlan_count = uint8_t(one_in(2) ? 0 : one_in(8) ? rnd() : below(3));
	if (one_in(8))
		h.vlan_outer |= 0xfff;
	h.mptcp_count = uint8_t(below(5));
	for (auto &o : h.opt) {
		o.subtype = one_in(8) ? uint8_t(rnd()) : often[below(6)];
		o.error = one_in(3) ? uint8_t(1u << below(8)) : 0;
		o.fields &= uint16_t(rnd());
	}
}

void new_mood()
{
	mood_left = 1 + below(one_in(4) ? 400 : 40);
	flood = one_in(2);
	gap = one_in(2) ? 0 : 1 + below(6);
	pops = one_in(4) ? 0 : one_in(3) ? 8 : below(9);
}

// ---- the model ---------------------------------------------------------------------------------

struct Slot {
	bool valid, lost;
	act_packet packet;
	mpnic_result result;
};

struct Event {
	mpnic_event event;
	uint64_t clock;
};

Slot slots[LATENCY + 1]; // by clocks since they were given
std::deque<Event> events;
uint64_t punts[8], drops[8], stripped, lost_events, written, full_clocks;

void step_model(uint64_t clock)
{
	Slot &s = slots[LATENCY - 1];
	Event e = {{}, clock};

	if (!s.valid)
		return;
	// A full FIFO stays full in the clock in which an event leaves.
	const bool room = events.size() < EVENTS;
	const bool wrote = act_model_packet(&s.packet, &s.result, room ? &e.event : nullptr);

	s.lost = !room && act_model_due(&s.result);
	lost_events += s.lost;
	written += wrote;
	punts[s.result.punt & 7]++;
	drops[s.result.drop & 7]++;
	stripped += s.result.strip != 0;
	if (wrote)
		events.push_back(e);
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

Vmpnic_act *top;

void edge()
{
	top->clk_i = 1;
	top->eval();
	top->clk_i = 0;
	top->eval();
}

bool check(uint64_t clock)
{
	const Slot &s = slots[LATENCY];
	const bool waits = !events.empty() && events[0].clock + 2 <= clock;

	if (top->valid_o != s.valid) {
		printf("clock %" PRIu64 ": valid_o is %d\n", clock, top->valid_o);
		return false;
	}
	if (s.valid && (!same("result", &s.result, &top->result_o, sizeof(s.result)) ||
			top->lost_o != s.lost)) {
		printf("clock %" PRIu64 ": result differs; lost: model %d, RTL %d\n", clock, s.lost,
		       top->lost_o);
		return false;
	}
	if (top->event_valid_o != waits) {
		printf("clock %" PRIu64 ": event_valid_o is %d\n", clock, top->event_valid_o);
		return false;
	}
	if (waits && !same("event", &events[0].event, &top->event_o, sizeof(mpnic_event))) {
		printf("clock %" PRIu64 ": event %u differs\n", clock, events[0].event.seq);
		return false;
	}
	return true;
}

bool reset()
{
	top->rst_ni = 0;
	top->valid_i = top->event_ready_i = top->cnt_read_i = 0;
	for (unsigned i = 0; i < 4; i++)
		edge();
	top->rst_ni = 1;
	for (auto &s : slots)
		s.valid = false;
	events.clear();
	act_model_reset();
	act_model_set(&settings);
	for (unsigned i = 0; i < 100000; i++) {
		if (top->ready_o)
			return true;
		edge();
	}
	printf("the counters are never ready\n");
	return false;
}

bool run(uint64_t count)
{
	uint64_t clock = 0, given = 0;
	unsigned idle = 0;
	bool change = false;

	while (given < count || idle < 8) {
		if (!mood_left--) {
			new_mood();
			change |= one_in(3);
		}
		// Settings change together with the packet that sees them first.
		const bool offer =
			given < count && (!change || idle >= LATENCY) && (!gap || !below(gap + 1));

		memmove(&slots[1], &slots[0], sizeof(slots) - sizeof(slots[0]));
		slots[0].valid = offer;
		idle = offer ? 0 : idle + 1;
		if (offer) {
			if (change) {
				new_settings();
				drive(top->settings_i, settings);
				act_model_set(&settings);
				change = false;
			}
			some_packet(slots[0].packet);
			given++;
		}
		act_packet p = slots[0].packet;
		if (!offer)
			p.time = now = now + 1 ? now + 1 : now;
		else // what the stage sets is not looked at
			p.result.mark = p.result.strip = p.result.actions = p.result.punt =
				p.result.drop = uint8_t(rnd());
		top->valid_i = offer;
		drive(top->hdr_i, p.hdr);
		drive(top->csum_i, p.csum);
		drive(top->result_i, p.result);
		drive(top->action_i, p.action);
		top->time_i = p.time;
		top->first_syn_i = p.first_syn & 3;
		top->generation_i = p.generation;
		top->event_ready_i = below(8) < pops;
		top->eval();
		full_clocks += events.size() == EVENTS;
		if (!check(clock))
			return false;
		const bool pop = top->event_valid_o && top->event_ready_i;
		step_model(clock);
		if (pop)
			events.pop_front();
		edge();
		clock++;
	}
	return true;
}

bool read_counter(unsigned source, unsigned number)
{
	const uint64_t want = act_model_counter(source, number);

	top->cnt_source_i = uint8_t(source);
	top->cnt_number_i = uint8_t(number);
	top->cnt_read_i = 1;
	for (unsigned i = 0; i < 300; i++) {
		edge();
		top->cnt_read_i = 0;
		if (!top->cnt_valid_o)
			continue;
		if (top->cnt_o == want)
			return true;
		printf("counter %u of source %u: model %" PRIu64 ", RTL %" PRIu64 "\n", number,
		       source, want, uint64_t(top->cnt_o));
		return false;
	}
	printf("counter %u of source %u is not answered\n", number, source);
	return false;
}

bool compare_counters()
{
	const unsigned all = below(SOURCES);

	top->valid_i = 0;
	for (unsigned i = 0; i < 200; i++)
		edge();
	for (unsigned s = 0; s < SOURCES; s++)
		for (unsigned n = 0; n < NUMBERS; n++)
			if ((s == all || one_in(16)) && !read_counter(s, n))
				return false;
	return true;
}

// Each verdict, and events lost.
bool tried_all()
{
	bool all = stripped && lost_events && written && full_clocks;

	for (unsigned i = 0; i <= MPNIC_PUNT_FIRST_SYN; i++)
		all &= punts[i] > 0;
	for (unsigned i = 0; i <= MPNIC_DROP_JOIN_LIMIT; i++)
		all &= drops[i] > 0;
	return all;
}

} // namespace

int main(int argc, char **argv)
{
	uint64_t count = 300000, seed = 1;

	options(argc, argv, count, seed);
	Verilated::commandArgs(argc, argv);
	const auto owner = std::make_unique<Vmpnic_act>();

	top = owner.get();
	for (unsigned phase = 0; phase < PHASES; phase++) {
		new_settings();
		drive(top->settings_i, settings);
		// Once close to where time and its sums go over.
		now = phase == 1 ? rnd() | 0xffffffull << 40 : rnd() >> 8;
		if (!reset() || !run(count / PHASES) || !compare_counters())
			return 1;
	}
	top->final();
	printf("seed %" PRIu64 ": %" PRIu64 " packets, %" PRIu64 " events, %" PRIu64
	       " lost, %" PRIu64 " stripped\npunt:",
	       seed, count, written, lost_events, stripped);
	for (unsigned i = 0; i < 6; i++)
		printf(" %" PRIu64, punts[i]);
	printf("\ndrop:");
	for (unsigned i = 0; i < 4; i++)
		printf(" %" PRIu64, drops[i]);
	printf("\n");
	if (count >= 100000 && !tried_all()) {
		printf("not everything was tried\n");
		return 1;
	}
	return 0;
}
