// SPDX-License-Identifier: BSD-3-Clause
#include "bench.h"

#include <cstring>
#include <memory>

#include "Vmpnic_flow.h"
#include "verilated.h"

namespace
{

constexpr unsigned RESET_CLOCKS = 4;

template <typename Port, typename T> void drive(Port &port, const T &value)
{
	static_assert(sizeof(port) == sizeof(value), "width");
	memcpy(&port, &value, sizeof(value));
}

template <typename Port, typename T> void take(const Port &port, T &value)
{
	static_assert(sizeof(port) == sizeof(value), "width");
	memcpy(&value, &port, sizeof(value));
}

} // namespace

struct bench {
	std::unique_ptr<VerilatedContext> context;
	std::unique_ptr<Vmpnic_flow> top;
};

static void edge(Vmpnic_flow *top)
{
	top->clk_i = 1;
	top->eval();
	top->clk_i = 0;
}

struct bench *bench_open(uint64_t seed, int argc, char **argv)
{
	auto b = std::make_unique<bench>();

	b->context = std::make_unique<VerilatedContext>();
	b->context->commandArgs(argc, argv);
	b->context->randReset(2);
	b->context->randSeed(static_cast<int>(seed & 0x7fffffff) | 1);
	b->top = std::make_unique<Vmpnic_flow>(b->context.get());
	b->top->rst_ni = 0;
	b->top->valid_i = 0;
	b->top->cmd_i = 0;
	b->top->clk_i = 0;
	b->top->eval();
	for (unsigned i = 0; i < RESET_CLOCKS; i++)
		edge(b->top.get());
	b->top->rst_ni = 1;
	return b.release();
}

void bench_close(struct bench *bench)
{
	bench->top->final();
	delete bench;
}

void bench_settings(struct bench *bench, const struct mpnic_settings *settings)
{
	drive(bench->top->settings_i, *settings);
}

void bench_clock(struct bench *bench, const struct bench_in *in, struct bench_out *out)
{
	Vmpnic_flow *top = bench->top.get();

	top->valid_i = in->valid;
	top->cmd_i = in->cmd;
	top->seen_i = in->seen;
	drive(top->hdr_i, in->hdr);
	drive(top->csum_i, in->csum);
	drive(top->table_cmd_i, in->table_cmd);
	top->eval();

	out->ready = top->ready_o;
	out->valid = top->valid_o;
	out->rsp_valid = top->rsp_valid_o;
	if (out->valid) {
		out->known = top->known_o;
		out->fresh = top->fresh_o;
		out->first = top->first_o;
		out->first_syn = top->first_syn_o;
		out->generation = top->generation_o;
		take(top->result_o, out->result);
		take(top->action_o, out->action);
	}
	if (out->rsp_valid)
		take(top->rsp_o, out->rsp);
	edge(top);
}
