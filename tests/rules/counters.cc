// SPDX-License-Identifier: BSD-3-Clause
// counters [--count N] [--seed S]: RTL of the verdict counters beside the C model's: packets of
// one source and verdict at every distance, of few, of all; the same one so long that what is
// counted modulo 2^18 goes round; reads all the time, or none. A read must lie between what the
// model has when it is asked and when it is answered; at the end all counters are read. Exit code
// 1: they differ.
#include <cinttypes>
#include <cstdio>
#include <memory>

#include "Vmpnic_counters.h"
#include "verilated.h"

// C gives functions the names of structs.
#pragma GCC diagnostic ignored "-Wshadow"
#include "random.h"
#include "reference.h"

namespace
{

constexpr unsigned SOURCES = 64, NUMBERS = sizeof(struct mpnic_state_counters) / 8;
constexpr unsigned ANSWER_MAX = 150, CLEAR_MAX = 8300, GOES_ROUND = 1u << 18;
constexpr unsigned PACKETS = offsetof(struct mpnic_state_counters, packets) / 8;
constexpr unsigned PARTS = 10;

struct Packet {
	unsigned source;
	mpnic_result result;
	struct mpnic_csum csum;
	bool event, lost;
};

struct mpnic_state_counters counters[SOURCES];
Packet before[4];
uint64_t same_source[4], same_all[4]; // by distance
uint64_t exact, between;

uint64_t value(unsigned source, unsigned number)
{
	uint64_t v;

	memcpy(&v, reinterpret_cast<const uint8_t *>(&counters[source]) + 8 * number, 8);
	return v;
}

void random_verdict(Packet &p)
{
	mpnic_result &r = p.result;

	fill(r);
	r.flow &= 7;
	r.token &= 7;
	r.dsn_state &= 15;
	r.map_csum &= 15;
	r.punt &= 7;
	r.drop &= 7;
	r.actions &= MPNIC_ACTION_REWRITE - 1;
	if (one_in(2))
		r.dsn_state = 0;
	if (one_in(2))
		r.signs &= uint32_t(rnd() & rnd());
	p.event = one_in(2);
	p.lost = one_in(2);
	p.csum.frame_len = one_in(3) ? 0xffff : one_in(4) ? 0 : uint16_t(rnd());
}

// One field of it changes.
void change_verdict(Packet &p)
{
	Packet other;

	random_verdict(other);
	switch (below(PARTS)) {
	case 0:
		p.result.flow = other.result.flow;
		break;
	case 1:
		p.result.token = other.result.token;
		break;
	case 2:
		p.result.dsn_state = other.result.dsn_state;
		break;
	case 3:
		p.result.map_csum = other.result.map_csum;
		break;
	case 4:
		p.result.punt = other.result.punt;
		break;
	case 5:
		p.result.drop = other.result.drop;
		break;
	case 6:
		p.result.actions ^= uint16_t(1u << below(6));
		break;
	case 7:
		p.result.signs ^= 1u << below(32);
		break;
	case 8:
		p.event = other.event;
		break;
	default:
		p.lost = other.lost;
	}
	p.csum.frame_len = other.csum.frame_len;
}

void count_packet(const Packet &p)
{
	struct mpnic_state_counters &c = counters[p.source];

	reference_count(&p.csum, &p.result, &c);
	c.events += p.event;
	c.events_lost += p.lost;
	for (unsigned d = 0; d < 4; d++) {
		const Packet &b = before[d];

		if (b.source != p.source)
			continue;
		same_source[d]++;
		same_all[d] += b.result.signs == p.result.signs &&
			       b.result.dsn_state == p.result.dsn_state;
	}
}

void remember(const Packet *p)
{
	for (unsigned d = 3; d; d--)
		before[d] = before[d - 1];
	before[0].source = SOURCES;
	if (p)
		before[0] = *p;
}

void clock_edge(Vmpnic_counters &top)
{
	top.clk_i = 1;
	top.eval();
	top.clk_i = 0;
}

} // namespace

int main(int argc, char **argv)
{
	uint64_t count = 1000000, seed = 1, clock = 0, packets = 0, reads = 0, asked = 0, least = 0;
	uint64_t rounds = 0;
	unsigned mood_left = 0, gap = 0, few = 0, change = 0, ask = 1, ending = 0, slowest = 0;
	unsigned pause = 0;
	bool waiting = false, round = false;
	Packet p = {};

	options(argc, argv, count, seed);
	Verilated::commandArgs(argc, argv);
	Verilated::randReset(2); // what reset leaves open
	Verilated::randSeed(int(seed));
	auto owner = std::make_unique<Vmpnic_counters>();
	Vmpnic_counters &top = *owner;
	top.valid_i = top.read_i = 0;
	for (unsigned again = 0; again < 2; again++) { // the second time, in the middle of it
		top.rst_ni = 0;
		top.eval();
		clock_edge(top);
		top.rst_ni = 1;
		for (unsigned i = 0; again && !top.ready_o; i++) {
			top.eval();
			clock_edge(top);
			if (i > CLEAR_MAX) {
				printf("ready_o stays low\n");
				return 1;
			}
		}
		for (unsigned i = 0; i < 1000 && !again; i++) {
			top.eval();
			clock_edge(top);
		}
	}
	random_verdict(p);
	for (; ending < SOURCES * NUMBERS || waiting; clock++) {
		const bool end = packets >= count;

		if (!mood_left--) {
			mood_left = 1 + below(one_in(4) ? 3000 : 100);
			few = 1 + below(one_in(2) ? 3 : SOURCES);
			change = one_in(3) ? 1 : one_in(2) ? 1 + below(4) : 40;
			gap = one_in(2) ? 0 : 1 + below(4);
			ask = one_in(2) ? 1 : 1 + below(500);
			round = one_in(300);
			if (round) { // it goes round, once and more
				mood_left = GOES_ROUND * 5 / 2 + below(GOES_ROUND);
				few = 1;
				change = one_in(2) ? 1u << 30 : 1000;
				gap = 0;
				ask = one_in(2) ? 1 : 1u << 30;
				rounds++;
			}
			p.source = below(SOURCES);
		}
		top.valid_i = top.read_i = 0;
		fill(top.result_i);
		top.source_i = uint8_t(below(SOURCES));
		top.read_source_i = uint8_t(below(SOURCES));
		top.read_number_i = uint8_t(below(128));
		if (!waiting && (end ? packets >= count : one_in(ask))) {
			top.read_source_i = uint8_t(end ? ending / NUMBERS : below(SOURCES));
			top.read_number_i = uint8_t(end ? ending % NUMBERS : below(NUMBERS));
			if (round) // no help for the sweeper
				top.read_source_i = uint8_t(p.source ^ (1 + below(SOURCES - 1)));
			else if (!end && one_in(2)) {
				top.read_source_i = uint8_t(p.source);
				if (one_in(2)) // that all packets count
					top.read_number_i = uint8_t(PACKETS + below(2));
			}
			ending += end;
			top.read_i = 1;
			waiting = true;
			asked = clock;
			least = value(top.read_source_i, top.read_number_i);
			reads++;
			pause = !round && one_in(3) ? 1 + below(200) : 0;
		}
		static unsigned source, number;
		if (top.read_i) {
			source = top.read_source_i;
			number = top.read_number_i;
		}
		const bool packet = !end && !pause && !(gap && one_in(gap + 1));
		top.eval();
		if (top.read_valid_o) {
			const uint64_t most = value(source, number);

			if (!waiting || top.read_o < least || top.read_o > most) {
				printf("clock %" PRIu64 ": counter %u of source %u: model %" PRIu64
				       " to %" PRIu64 ", RTL %" PRIu64 "\n",
				       clock, number, source, least, most, uint64_t(top.read_o));
				return 1;
			}
			waiting = false;
			(least == most ? exact : between)++;
			if (clock - asked > slowest)
				slowest = unsigned(clock - asked);
		}
		if (waiting && clock > asked + ANSWER_MAX) {
			printf("clock %" PRIu64 ": no answer\n", clock);
			return 1;
		}
		if (packet) {
			if (few > 1)
				p.source = (p.source + below(few)) % SOURCES;
			if (one_in(change)) {
				if (one_in(2))
					change_verdict(p);
				else
					random_verdict(p);
			}
			top.valid_i = 1;
			top.source_i = uint8_t(p.source);
			memcpy(&top.result_i, &p.result, sizeof(p.result));
			top.len_i = p.csum.frame_len;
			top.event_i = p.event;
			top.lost_i = p.lost;
			count_packet(p);
			packets++;
		}
		remember(packet ? &p : nullptr);
		if (pause)
			pause--;
		top.eval();
		clock_edge(top);
	}
	top.final();
	printf("seed %" PRIu64 ": %" PRIu64 " packets in %" PRIu64 " clocks, %" PRIu64
	       " reads, %" PRIu64 " of them exact, answered within %u clocks; went round %" PRIu64
	       " times\n",
	       seed, packets, clock, reads, exact, slowest, rounds);
	for (unsigned d = 0; d < 4 && count >= 1000000; d++) {
		if (!same_source[d] || !same_all[d] || !rounds || !exact || !between) {
			printf("not everything was tried\n");
			return 1;
		}
	}
	return 0;
}
