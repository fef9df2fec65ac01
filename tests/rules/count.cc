// SPDX-License-Identifier: BSD-3-Clause
// count [--count N] [--seed S]: RTL of the counters of entries beside the C model's counting:
// packets of one entry at every distance, fresh ones, commands that read and write between them,
// values about to overflow. Every read must be what the model has at the command's own moment; at
// the end all entries are read. Exit code 1: they differ.
#include <cinttypes>
#include <cstdio>
#include <memory>

#include "Vmpnic_count.h"
#include "verilated.h"

// C gives functions the names of structs.
#pragma GCC diagnostic ignored "-Wshadow"
#include "random.h"
#include "reference.h"

namespace
{

constexpr unsigned LATENCY = 10; // of an answer
constexpr unsigned NEAR = 8;	 // clocks that are looked back

struct Slot {
	enum {
		NONE,
		PACKET,
		FRESH,
		READ,
		WRITE
	} kind;
	unsigned id;
};

struct Values {
	uint64_t packets, bytes;
	uint32_t seen;
};

mpnic_flow flows[ENTRIES];
bool known[ENTRIES]; // it was fresh or written
Slot slots[NEAR];    // the last ones
uint64_t pairs[NEAR][5][5];

Values values(unsigned id)
{
	return {flows[id].packets, flows[id].bytes, flows[id].last_seen};
}

void set(unsigned id, const Values &v)
{
	flows[id].packets = v.packets;
	flows[id].bytes = v.bytes;
	flows[id].last_seen = v.seen;
	known[id] = true;
}

void note(Slot slot)
{
	for (unsigned d = 0; d < NEAR; d++) {
		if (slots[d].kind != Slot::NONE && slots[d].id == slot.id)
			pairs[d][slot.kind][slots[d].kind]++;
	}
	for (unsigned d = NEAR - 1; d; d--)
		slots[d] = slots[d - 1];
	slots[0] = slot;
}

uint64_t border()
{
	static const uint64_t borders[] = {0, 1ull << 32, 0, 1ull << 48, 1ull << 63, 1ull << 33};

	return borders[below(6)] - (one_in(4) ? 0 : 1 + below(one_in(2) ? 5 : 100000));
}

void put(WData *words, const Values &v)
{
	memcpy(words, &v.packets, 8);
	memcpy(words + 2, &v.bytes, 8);
	memcpy(words + 4, &v.seen, 4);
}

bool tried_all()
{
	for (unsigned d = 0; d < NEAR; d++) {
		for (unsigned now = 1; now < 5; now++) {
			for (unsigned then = 1; then < 5; then++) {
				// One command is answered before the next comes.
				if (now >= Slot::READ && then >= Slot::READ)
					continue;
				if (!pairs[d][now][then])
					return false;
			}
		}
	}
	return true;
}

} // namespace

int main(int argc, char **argv)
{
	uint64_t count = 1000000, seed = 1, clock = 0, packets = 0, reads = 0, writes = 0;
	uint64_t cmd_clock = 0;
	unsigned mood_left = 0, mood = 0, gap = 0, cmds = 1, fresh = 1, few = 0, ending = 0;
	bool waiting = false, reading = false;
	Values want = {};

	options(argc, argv, count, seed);
	Verilated::commandArgs(argc, argv);
	Verilated::randReset(2); // what reset leaves open
	Verilated::randSeed(int(seed));
	auto owner = std::make_unique<Vmpnic_count>();
	Vmpnic_count &top = *owner;
	top.rst_ni = 0;
	top.valid_i = top.cmd_read_i = top.cmd_write_i = 0;
	for (unsigned i = 0; i < 3; i++) {
		top.clk_i = 1;
		top.eval();
		top.clk_i = 0;
		top.eval();
	}
	top.rst_ni = 1;
	for (; ending < ENTRIES || waiting; clock++) {
		const bool end = packets >= count;

		if (!mood_left--) {
			mood_left = 1 + below(one_in(4) ? 1000 : 60);
			mood = below(4);
			few = below(ENTRIES);
			gap = one_in(2) ? 0 : 1 + below(3);
			cmds = 1 + below(30);
			fresh = one_in(2) ? 400 : 1 + below(20);
		}
		unsigned id = few;
		if (mood == 1)
			id = (few + below(2)) % ENTRIES;
		else if (mood == 2)
			id = (few + below(5)) % ENTRIES;
		else if (mood == 3)
			id = below(ENTRIES);
		Slot slot = {Slot::NONE, id};
		top.valid_i = top.cmd_read_i = top.cmd_write_i = 0;
		top.id_i = below(ENTRIES);
		top.bytes_i = uint16_t(rnd());
		top.seen_i = uint32_t(rnd());
		top.fresh_i = below(2);
		if (!waiting) {
			top.cmd_id_i = below(ENTRIES);
			fill(top.cmd_data_i);
		}
		if (end ? !waiting : !waiting && one_in(cmds)) {
			if (end)
				id = slot.id = ending++;
			if (known[id] && (end || one_in(2))) {
				slot.kind = Slot::READ;
				top.cmd_read_i = 1;
				want = values(id);
				reads++;
			} else {
				slot.kind = Slot::WRITE;
				top.cmd_write_i = 1;
				want = {border(), border(), uint32_t(rnd())};
				if (one_in(8))
					want = {rnd(), rnd(), 0};
				put(top.cmd_data_i, want);
				set(id, want);
				writes++;
			}
			top.cmd_id_i = id;
			waiting = true;
			reading = top.cmd_read_i;
			cmd_clock = clock;
		} else if (!end && (!gap || one_in(gap + 1))) {
			const bool is_fresh = one_in(fresh);

			slot.kind = is_fresh ? Slot::FRESH : Slot::PACKET;
			top.valid_i = 1;
			top.id_i = id;
			top.fresh_i = is_fresh;
			if (one_in(3))
				top.bytes_i = one_in(2) ? 0xffff : uint16_t(below(2));
			if (is_fresh)
				set(id, {0, 0, 0});
			// Of an entry without a value nothing is promised but that others do not
			// suffer.
			reference_count_flow(&flows[id], top.bytes_i,
					     uint64_t(top.seen_i) << 20 | (rnd() & 0xfffff));
			packets++;
		}
		note(slot);
		top.eval();
		if (top.rsp_valid_o != (waiting && clock == cmd_clock + LATENCY)) {
			printf("clock %" PRIu64 ": rsp_valid_o is %u\n", clock, top.rsp_valid_o);
			return 1;
		}
		if (top.rsp_valid_o) {
			WData words[5];

			put(words, want);
			if (reading && memcmp(words, &top.rsp_o, sizeof(words))) {
				printf("clock %" PRIu64 ": read of entry %u\n", clock,
				       top.cmd_id_i);
				for (unsigned i = 0; i < 5; i++)
					printf("  word %u: model %08x, RTL %08x\n", i, words[i],
					       top.rsp_o[i]);
				return 1;
			}
			waiting = false;
		}
		top.clk_i = 1;
		top.eval();
		top.clk_i = 0;
	}
	top.final();
	printf("seed %" PRIu64 ": %" PRIu64 " packets in %" PRIu64 " clocks, %" PRIu64
	       " reads, %" PRIu64 " writes\n",
	       seed, packets, clock, reads, writes);
	if (count >= 1000000 && !tried_all()) {
		printf("not everything was tried\n");
		return 1;
	}
	return 0;
}
