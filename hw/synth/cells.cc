// SPDX-License-Identifier: BSD-3-Clause
#include "cells.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

namespace
{

[[noreturn]] void fail(const std::string &text)
{
	fprintf(stderr, "cells: %s\n", text.c_str());
	exit(EXIT_FAILURE);
}

} // namespace

Cells::Cells(VerilatedContext *context) : random_(static_cast<uint64_t>(context->randSeed()))
{
	const char *path = getenv("MPNIC_CELLS");
	std::ifstream file(path ? path : "");
	std::string line;

	if (!file)
		fail(std::string(path ? path : "MPNIC_CELLS is not set") + ": cannot be read");
	while (std::getline(file, line)) {
		std::istringstream words(line);

		read({std::istream_iterator<std::string>(words), {}});
	}
	next_.resize(flops_.size());
}

uint32_t Cells::net(const std::string &word) const
{
	const unsigned long value = strtoul(word.c_str(), nullptr, 10);

	if (value >= nets_.size())
		fail("there is no net " + word);
	return static_cast<uint32_t>(value);
}

void Cells::step(decltype(Step::kind) kind, size_t at)
{
	const auto n = static_cast<uint32_t>(at);

	if (steps_.empty() || steps_.back().kind != kind)
		steps_.push_back({kind, n, n});
	steps_.back().to = n + 1;
}

void Cells::read(std::vector<std::string> words)
{
	const std::string kind = words.empty() ? "" : words[0];
	const size_t n = words.size();

	if (kind == "nets" && n == 2) {
		nets_.resize(strtoul(words[1].c_str(), nullptr, 10));
		nets_.at(1) = 1;
	} else if (kind == "lut" && n >= 4 && n <= 9) {
		Lut lut = {strtoull(words[2].c_str(), nullptr, 16), net(words[1]), {}};

		for (size_t i = 3; i < n; i++)
			lut.in[i - 3] = net(words[i]);
		step(Step::LUT, luts_.size());
		luts_.push_back(lut);
	} else if (kind == "ram" && n >= 5 && (words[2] == "5" || words[2] == "6") &&
		   n == 5 + 2 * strtoul(words[2].c_str(), nullptr, 10)) {
		Ram ram = {random_(), net(words[1]), net(words[3]), net(words[4]), 0, {}, {}};

		ram.n = static_cast<uint32_t>(n - 5) / 2;
		for (size_t i = 0; i < ram.n; i++) {
			ram.read[i] = net(words[5 + i]);
			ram.write[i] = net(words[5 + ram.n + i]);
		}
		step(Step::RAM, rams_.size());
		rams_.push_back(ram);
	} else if (kind == "srl" && (n == 8 || n == 9)) {
		Shift shift = {static_cast<uint32_t>(random_()),
			       net(words[1]),
			       net(words[2]),
			       net(words[3]),
			       static_cast<uint32_t>(n - 4),
			       {}};

		for (size_t i = 4; i < n; i++)
			shift.at[i - 4] = net(words[i]);
		step(Step::SHIFT, shifts_.size());
		shifts_.push_back(shift);
	} else if (kind == "ff" && n == 7 && words[5].size() == 2) {
		const Flop flop = {net(words[1]), net(words[2]),      net(words[3]),
				   net(words[4]), words[5][0] == 'a', words[5][1] == '1'};

		nets_[flop.q] = words[6] == "x" ? random_() & 1 : words[6] == "1";
		flops_.push_back(flop);
	} else if (kind == "port" && n >= 3) {
		auto &nets = names_[words[1]];

		for (size_t i = 2; i < n; i++)
			nets.push_back(net(words[i]));
	} else {
		fail("a line that is not known: " + kind);
	}
}

void Cells::port(const char *name, void *data, unsigned width, bool input)
{
	const auto found = names_.find(name);

	if (found == names_.end() || found->second.size() != width)
		fail(std::string("the file has no such port: ") + name);
	ports_.push_back({static_cast<uint8_t *>(data), found->second, input});
	if (found->first == "clk_i")
		clk_ = found->second[0];
}

// Ports as Verilator lays them out: on a little-endian machine bit n is bit n % 8 of byte n / 8.
bool Cells::take_inputs()
{
	bool changed = false;

	for (const Port &port : ports_) {
		if (!port.input)
			continue;
		for (size_t i = 0; i < port.nets.size(); i++) {
			uint8_t &value = nets_[port.nets[i]];
			const uint8_t now = port.data[i / 8] >> i % 8 & 1;

			changed |= value != now;
			value = now;
		}
	}
	return changed;
}

void Cells::give_outputs()
{
	for (const Port &port : ports_) {
		if (port.input)
			continue;
		for (size_t i = 0; i < port.nets.size(); i++) {
			uint8_t &byte = port.data[i / 8];

			byte = static_cast<uint8_t>((byte & ~(1U << i % 8)) |
						    static_cast<unsigned>(nets_[port.nets[i]])
							    << i % 8);
		}
	}
}

inline uint32_t Cells::address(const uint32_t *nets, unsigned n) const
{
	uint32_t value = 0;

	for (unsigned i = 0; i < n; i++)
		value |= static_cast<uint32_t>(nets_[nets[i]]) << i;
	return value;
}

void Cells::evaluate()
{
	for (const Step &step : steps_) {
		for (uint32_t i = step.from; i < step.to; i++) {
			if (step.kind == Step::LUT) {
				// Inputs that a LUT does not have are net 0.
				const Lut &lut = luts_[i];

				nets_[lut.out] = lut.init >> address(lut.in, 6) & 1;
			} else if (step.kind == Step::RAM) {
				const Ram &ram = rams_[i];

				nets_[ram.out] = ram.bits >> address(ram.read, ram.n) & 1;
			} else {
				const Shift &shift = shifts_[i];

				nets_[shift.out] = shift.bits >> address(shift.at, shift.n) & 1;
			}
		}
	}
}

// Whether a flip-flop changed that is reset at once.
bool Cells::reset()
{
	bool changed = false;

	for (const Flop &flop : flops_) {
		if (!flop.at_once || !nets_[flop.reset])
			continue;
		changed |= nets_[flop.q] != flop.value;
		nets_[flop.q] = flop.value;
	}
	return changed;
}

void Cells::settle()
{
	do
		evaluate();
	while (reset());
}

void Cells::clock()
{
	for (size_t i = 0; i < flops_.size(); i++) {
		const Flop &flop = flops_[i];

		next_[i] = nets_[flop.reset] ? flop.value
					     : nets_[nets_[flop.enable] ? flop.d : flop.q];
	}
	for (Ram &ram : rams_) {
		const uint64_t bit = UINT64_C(1) << address(ram.write, ram.n);

		if (nets_[ram.enable])
			ram.bits = nets_[ram.data] ? ram.bits | bit : ram.bits & ~bit;
	}
	for (Shift &shift : shifts_)
		if (nets_[shift.enable])
			shift.bits = shift.bits << 1 | nets_[shift.data];
	for (size_t i = 0; i < flops_.size(); i++)
		nets_[flops_[i].q] = next_[i];
}

void Cells::eval()
{
	const bool was_high = nets_[clk_];

	if (take_inputs() || !settled_)
		settle();
	settled_ = true;
	if (nets_[clk_] && !was_high) {
		clock();
		settle();
	}
	give_outputs();
}
