// SPDX-License-Identifier: BSD-3-Clause
// rules [--count N] [--seed S]: RTL of the ternary rules beside the C model: a key in nearly every
// clock, while rules are switched off and on between two keys and loaded under them. Each must get
// index and action of the rule that the model finds at the key's own moment, RULES_LATENCY clocks
// later. Rules: masks of no bit, one bit, fields, borders of nine bits, all bits; equal prios; of
// few values, so that many match. Keys: of a rule, with the bits outside its mask at random, and
// beside a rule by one bit. Exit code 1: they differ.
#include <cinttypes>
#include <cstdio>
#include <deque>
#include <memory>

#include "Vmpnic_rules.h"
#include "verilated.h"

// C gives functions the names of structs.
#pragma GCC diagnostic ignored "-Wshadow"
#include "random.h"
#include "reference.h"

namespace
{

constexpr unsigned LATENCY = 15; // mpnic_rtl_pkg::RULES_LATENCY
constexpr unsigned LOAD_MAX = 4200;
constexpr unsigned KEY_BYTES = sizeof(mpnic_rule_key), KEY_BITS = KEY_BYTES * 8, BASES = 4;

struct Expected {
	uint64_t clock;
	int index;
	mpnic_action action;
};

mpnic_state *state;
mpnic_rule rules[MPNIC_RULES];
bool loaded[MPNIC_RULES], on[MPNIC_RULES];
mpnic_rule_key bases[BASES];
unsigned prios, narrow, busy_id;
std::deque<Expected> expected;
// What was tried.
uint64_t hits, ties, won[MPNIC_RULES], flipped[KEY_BITS], busy_keys, at_once, resets;

void random_mask(uint8_t *mask)
{
	const unsigned from = below(KEY_BITS), bits = one_in(2) ? 9 : 1 + below(40);

	memset(mask, 0, KEY_BYTES);
	switch (below(8)) {
	case 0: // every key, or half of them
		if (!one_in(10))
			mask[below(KEY_BYTES)] = uint8_t(1u << below(8));
		break;
	case 1:
		memset(mask, 0xff, KEY_BYTES);
		if (one_in(2))
			mask[below(KEY_BYTES)] = uint8_t(rnd());
		break;
	case 2:
	case 3: // one chunk, or across some
		for (unsigned i = one_in(2) ? from : from / 9 * 9; i < from + bits && i < KEY_BITS;
		     i++)
			mask[i / 8] |= uint8_t(1u << i % 8);
		break;
	case 4:
		for (unsigned i = 0; i < KEY_BYTES; i++)
			mask[i] = uint8_t(rnd() & rnd() & rnd());
		break;
	case 5:
		memset(mask + below(4) * 8, 0xff, 16);
		break;
	case 6:
		mask[below(KEY_BYTES)] = 0xff;
		break;
	default:
		for (unsigned i = 0; i < KEY_BYTES; i++)
			mask[i] = uint8_t(rnd());
	}
}

void random_rule(mpnic_rule &rule)
{
	fill(rule);
	memcpy(rule.value, one_in(6) ? &rules[below(MPNIC_RULES)] : (void *)&bases[below(BASES)],
	       KEY_BYTES);
	random_mask(rule.mask);
	for (unsigned more = below(narrow + 1); more; more--) {
		uint8_t mask[KEY_BYTES];

		random_mask(mask);
		for (unsigned i = 0; i < KEY_BYTES; i++)
			rule.mask[i] |= mask[i];
	}
	if (one_in(8)) // beside another by a bit
		rule.value[below(KEY_BYTES)] ^= uint8_t(1u << below(8));
	rule.actions = uint16_t(below(MPNIC_ACTION_REWRITE));
	rule.prio = one_in(4) ? uint8_t(rnd()) : uint8_t(below(prios));
	if (one_in(16))
		rule.prio = one_in(2) ? 0 : 255;
	rule.valid = 1;
}

void random_key(mpnic_rule_key &key)
{
	const mpnic_rule &rule = rules[below(MPNIC_RULES)];
	auto k = reinterpret_cast<uint8_t *>(&key);

	if (one_in(32)) {
		fill(key);
		return;
	}
	if (one_in(4)) {
		key = bases[below(BASES)];
	} else { // bits outside the mask do not count
		mpnic_rule_key noise = bases[below(BASES)];

		if (one_in(2))
			fill(noise);
		auto n = reinterpret_cast<const uint8_t *>(&noise);
		for (unsigned i = 0; i < KEY_BYTES; i++)
			k[i] = uint8_t((rule.value[i] & rule.mask[i]) | (n[i] & ~rule.mask[i]));
	}
	if (one_in(3)) {
		const unsigned bit = below(KEY_BITS);

		k[bit / 8] ^= uint8_t(1u << bit % 8);
		flipped[bit]++;
	}
}

void model_set(unsigned id)
{
	if (mpnic_rule_set(state, id, on[id] ? &rules[id] : nullptr))
		abort();
}

void find(const mpnic_rule_key &key, uint64_t clock)
{
	Expected e = {};

	e.clock = clock;
	e.index = reference_rule(state, &key, &e.action);
	if (e.index >= 0) {
		hits++;
		won[e.index]++;
		for (unsigned i = unsigned(e.index) + 1; i < MPNIC_RULES; i++)
			ties += on[i] && rules[i].prio == e.action.prio;
	}
	expected.push_back(e);
}

void reset(Vmpnic_rules &top)
{
	top.rst_ni = 0;
	top.valid_i = top.off_i = top.on_i = top.load_i = 0;
	for (unsigned i = 0; i < 3; i++) {
		top.eval();
		top.clk_i = 1;
		top.eval();
		top.clk_i = 0;
	}
	top.rst_ni = 1;
	expected.clear();
	for (unsigned i = 0; i < MPNIC_RULES; i++) {
		loaded[i] = on[i] = false;
		model_set(i);
	}
	resets++;
}

bool compare(const Vmpnic_rules &top, uint64_t clock)
{
	const bool due = !expected.empty() && expected.front().clock + LATENCY == clock;

	if (top.valid_o != due) {
		printf("clock %" PRIu64 ": valid_o is %u\n", clock, top.valid_o);
		return false;
	}
	if (!due)
		return true;
	const Expected &e = expected.front();
	const bool hit = e.index >= 0;
	if (top.hit_o != hit || (hit && top.index_o != e.index) ||
	    memcmp(&top.action_o, &e.action, sizeof(e.action))) {
		printf("clock %" PRIu64 ": key of clock %" PRIu64
		       ": model: rule %d, RTL: %s, rule %u, mark %08x, model %08x\n",
		       clock, e.clock, e.index, top.hit_o ? "hit" : "no hit", top.index_o,
		       top.action_o[0], e.action.mark);
		return false;
	}
	expected.pop_front();
	return true;
}

// What is done to a rule between two keys. Returns false if nothing.
bool operate(Vmpnic_rules &top, unsigned want)
{
	static unsigned last;
	const unsigned id = last = one_in(3)   ? busy_id ^ below(8)
				   : one_in(2) ? last
					       : below(MPNIC_RULES);
	const bool loading = top.busy_o && id == busy_id;

	top.id_i = uint8_t(id);
	if (on[id] && one_in(want + 1)) {
		top.off_i = 1;
		on[id] = false;
	} else if (!on[id] && loaded[id] && !loading && one_in(2)) {
		top.on_i = 1;
		on[id] = true;
	} else if (!on[id] && !top.busy_o) {
		random_rule(rules[id]);
		memcpy(&top.data_i, &rules[id], sizeof(rules[id]));
		top.load_i = 1;
		loaded[id] = true;
		busy_id = id;
		return true; // the model knows it when it is on
	} else {
		return false;
	}
	model_set(id);
	return true;
}

bool tried_all()
{
	bool all = hits && ties && busy_keys && at_once && resets > 2;

	for (uint64_t w : won)
		all &= w > 0;
	for (uint64_t f : flipped)
		all &= f > 0;
	return all;
}

} // namespace

int main(int argc, char **argv)
{
	uint64_t count = 1000000, seed = 1, compared = 0, clock = 0, loads = 0, switched = 0;
	uint64_t busy_since = 0;
	unsigned mood_left = 0, gap = 1, want = 4, quiet = 1;
	mpnic_state_config config;

	options(argc, argv, count, seed);
	mpnic_state_defaults(&config);
	config.flows = config.stash = config.conns = config.tokens = config.peers = 8;
	if (mpnic_state_new(&config, &state))
		return 2;
	Verilated::commandArgs(argc, argv);
	Verilated::randReset(2); // what reset leaves open
	Verilated::randSeed(int(seed));
	auto owner = std::make_unique<Vmpnic_rules>();
	Vmpnic_rules &top = *owner;
	for (auto &base : bases)
		fill(base);
	for (auto &rule : rules)
		memcpy(rule.value, &bases[below(BASES)], KEY_BYTES);
	prios = 3;
	reset(top);
	for (; compared < count; clock++) {
		if (!mood_left--) {
			mood_left = 1 + below(20000);
			gap = one_in(2) ? 0 : 1 + below(3);
			quiet = one_in(4) ? 1000 : 1 + below(60);
			want = below(12);
			narrow = below(4);
			prios = 1 + below(one_in(3) ? 256 : 4);
			if (one_in(4))
				fill(bases[below(BASES)]);
			if (one_in(60))
				reset(top);
		}
		top.valid_i = top.off_i = top.on_i = top.load_i = 0;
		top.id_i = uint8_t(below(MPNIC_RULES));
		if (top.busy_o)
			top.id_i = uint8_t(rnd() & 63);
		else
			fill(top.data_i);
		if (one_in(quiet) && operate(top, want)) {
			loads += top.load_i;
			switched += top.off_i | top.on_i;
			if (top.load_i)
				busy_since = clock;
			at_once += !expected.empty() && expected.back().clock + 1 == clock;
		} else if (!gap || one_in(gap + 1)) {
			mpnic_rule_key key;

			random_key(key);
			memcpy(&top.key_i, &key, sizeof(key));
			top.valid_i = 1;
			busy_keys += top.busy_o;
			find(key, clock);
		} else {
			fill(top.key_i);
		}
		top.eval();
		if (!compare(top, clock))
			return 1;
		compared += top.valid_o;
		top.clk_i = 1;
		top.eval();
		top.clk_i = 0;
		if (top.load_i && !top.busy_o) {
			printf("busy_o is low behind load_i\n");
			return 1;
		}
		if (top.busy_o && clock > busy_since + LOAD_MAX) {
			printf("busy_o stays high\n");
			return 1;
		}
	}
	top.final();
	printf("seed %" PRIu64 ": %" PRIu64 " keys in %" PRIu64 " clocks, %" PRIu64
	       " found a rule; rules switched %" PRIu64 " times, loaded %" PRIu64 " times\n",
	       seed, compared, clock, hits, switched, loads);
	mpnic_state_free(state);
	if (count >= 1000000 && !tried_all()) {
		printf("not everything was tried\n");
		return 1;
	}
	return 0;
}
