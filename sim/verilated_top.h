/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every Verilated design needs around it: context, trace, coverage, a clock, noise. C++; the
 * build defines RTL_TRACE or RTL_COVERAGE as the design was built.
 */
#ifndef VERILATED_TOP_H
#define VERILATED_TOP_H

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <unistd.h>

#include "verilated.h"
#if RTL_TRACE
#include "verilated_fst_c.h"
#endif
#if RTL_COVERAGE
#include "verilated_cov.h"
#endif

template <typename Top> struct VerilatedTop {
	// A random start would count as the first toggle of bits that never change.
#if RTL_COVERAGE
	static constexpr int RANDOM_RESET = 0;
#else
	static constexpr int RANDOM_RESET = 2;
#endif

	uint64_t random = 1, clocks = 0;
	std::unique_ptr<VerilatedContext> context;
	std::unique_ptr<Top> top;
#if RTL_TRACE
	std::unique_ptr<VerilatedFstC> fst;
#endif

	// Returns 0, -EIO with a message, or -ENOTSUP where a trace is asked of a build without.
	int open(uint64_t seed, const char *trace)
	{
		random = (seed ^ UINT64_C(0x9e3779b97f4a7c15)) | UINT64_C(1) << 63;
		context = std::make_unique<VerilatedContext>();
		context->randReset(RANDOM_RESET);
		context->randSeed(static_cast<int>(seed & 0x7fffffff) | 1);
		context->traceEverOn(trace != nullptr);
		top = std::make_unique<Top>(context.get());
		return open_trace(trace);
	}

	uint64_t noise()
	{
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		return random;
	}

	// One half of a clock; inputs settle in the first.
	void settle(unsigned half)
	{
		top->clk_i = half & 1;
		top->eval();
#if RTL_TRACE
		if (fst)
			fst->dump(2 * clocks + half);
#endif
		clocks += half;
	}

	// The last clocks are out of reset: ready outputs need not be high in the first.
	void reset(unsigned n)
	{
		for (unsigned i = 0; i < n; i++) {
			top->rst_ni = i >= n / 2;
			settle(0);
			settle(1);
		}
	}

	void close()
	{
		top->final();
#if RTL_TRACE
		if (fst)
			fst->close();
#endif
#if RTL_COVERAGE
		write_coverage();
#endif
	}

      private:
	int open_trace(const char *trace)
	{
		if (!trace)
			return 0;
#if RTL_TRACE
		fst = std::make_unique<VerilatedFstC>();
		top->trace(fst.get(), 99);
		fst->open(trace);
		if (!fst->isOpen()) {
			fprintf(stderr, "rtl: %s: cannot write the trace\n", trace);
			return -EIO;
		}
		return 0;
#else
		return -ENOTSUP;
#endif
	}

#if RTL_COVERAGE
	// Counters live in the design, so each leaves a file; verilator_coverage merges them.
	void write_coverage()
	{
		static unsigned tops;
		const char *dir = getenv("RTL_COVERAGE_DIR");

		if (!dir)
			return;
		const std::string file = std::string(dir) + "/" + top->modelName() + "-" +
					 std::to_string(getpid()) + "-" + std::to_string(tops++) +
					 ".dat";
		context->coveragep()->write(file.c_str());
	}
#endif
};

#endif
