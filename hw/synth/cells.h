/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A netlist of UltraScale+ cells as hw/synth/cells.py writes it, simulated a clock at a time. It
 * stands in the place of a Verilated design: a class derived from this one has its ports as
 * members, under the same names and of the same types.
 *
 * The file is that of the environment variable MPNIC_CELLS. Of its lines:
 *   nets N                            nets are numbers below N; 0 and 1 are the constants
 *   lut OUT INIT IN...                INIT (hexadecimal) bit {..., IN1, IN0}
 *   ram OUT N DATA WE READ... WRITE...  a column of 2^N bits: shown at N nets, written at N others
 *   srl OUT DATA CE A...              a shift register of 2^(nets of A) bits
 *   ff Q D CE R HOW INIT              HOW: s0 or s1, R sets to 0 or 1 with the clock; a0 or a1, at
 * once port NAME NET...                  its nets, lowest first in an order in which what is not
 * clocked can be evaluated.
 *
 * What the file leaves open (INIT x, contents of RAMs and shift registers) starts with random
 * values. A file that cannot be read or is not whole ends the program with a message: this is a
 * part of a test.
 */
#ifndef CELLS_H
#define CELLS_H

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "verilated.h"

class Cells
{
      public:
	Cells(const Cells &) = delete;
	Cells &operator=(const Cells &) = delete;

	// Inputs settle; where clk_i has risen since the last call, also a clock.
	void eval();
	void final()
	{
	}

      protected:
	explicit Cells(VerilatedContext *context);

	// A member of the derived class that is a port.
	void port(const char *name, void *data, unsigned width, bool input);

      private:
	struct Lut {
		uint64_t init;
		uint32_t out, in[6];
	};
	struct Ram {
		uint64_t bits;
		uint32_t out, data, enable, n, read[6], write[6];
	};
	struct Shift {
		uint32_t bits, out, data, enable, n, at[5];
	};
	struct Flop {
		uint32_t q, d, enable, reset;
		bool at_once;
		uint8_t value;
	};
	struct Step {
		enum {
			LUT,
			RAM,
			SHIFT
		} kind;
		uint32_t from, to;
	};
	struct Port {
		uint8_t *data;
		std::vector<uint32_t> nets;
		bool input;
	};

	void read(std::vector<std::string> words);
	uint32_t net(const std::string &word) const;
	void step(decltype(Step::kind) kind, size_t at);
	uint32_t address(const uint32_t *nets, unsigned n) const;
	bool take_inputs();
	void give_outputs();
	void evaluate();
	bool reset();
	void settle();
	void clock();

	std::mt19937_64 random_;
	std::vector<uint8_t> nets_, next_;
	std::vector<Lut> luts_;
	std::vector<Ram> rams_;
	std::vector<Shift> shifts_;
	std::vector<Flop> flops_;
	std::vector<Step> steps_; // runs of cells of a kind, in the order of the file
	std::map<std::string, std::vector<uint32_t>> names_;
	std::vector<Port> ports_;
	uint32_t clk_ = 0;
	bool settled_ = false;
};

#endif
