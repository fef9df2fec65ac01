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
#ifndef RTL_TRACE
#define RTL_TRACE 0
#endif
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
	uint64_t trace_from = 0, trace_end = 0; // clocks that the last trace is of
#if RTL_TRACE
	std::unique_ptr<VerilatedFstC> fst;
#endif

	// @trace: file of a trace of all clocks, or null. As start_trace().
	int open(uint64_t seed, const char *trace)
	{
		random = (seed ^ UINT64_C(0x9e3779b97f4a7c15)) | UINT64_C(1) << 63;
		context = std::make_unique<VerilatedContext>();
		context->randReset(RANDOM_RESET);
		context->randSeed(static_cast<int>(seed & 0x7fffffff) | 1);
		context->traceEverOn(RTL_TRACE);
		top = std::make_unique<Top>(context.get());
		return trace ? start_trace(trace, 0, UINT64_MAX) : 0;
	}

	// Waveforms of the clocks from @from until before @end into a file; a trace that is being
	// written ends. Returns 0, -EIO with a message, or -ENOTSUP in a build without tracing.
	int start_trace(const char *file, uint64_t from, uint64_t end)
	{
#if RTL_TRACE
		stop_trace();
		fst = std::make_unique<VerilatedFstC>();
		top->trace(fst.get(), 99);
		fst->open(file);
		if (!fst->isOpen()) {
			fprintf(stderr, "rtl: %s: cannot write the trace\n", file);
			fst.reset();
			return -EIO;
		}
		trace_from = from;
		trace_end = end;
		return 0;
#else
		(void)file;
		(void)from;
		(void)end;
		return -ENOTSUP;
#endif
	}

	// The file is whole behind it.
	void stop_trace()
	{
#if RTL_TRACE
		if (!fst)
			return;
		fst->close();
		fst.reset();
		if (trace_end > clocks)
			trace_end = clocks > trace_from ? clocks : trace_from;
#endif
	}

	bool is_tracing() const
	{
#if RTL_TRACE
		return fst != nullptr;
#else
		return false;
#endif
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
		if (fst && clocks >= trace_from)
			fst->dump(2 * clocks + half);
#endif
		clocks += half;
#if RTL_TRACE
		if (fst && clocks >= trace_end)
			stop_trace();
#endif
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
		stop_trace();
#if RTL_COVERAGE
		write_coverage();
#endif
	}

#if RTL_COVERAGE
      private:
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
