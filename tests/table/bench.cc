// SPDX-License-Identifier: BSD-3-Clause
#include "bench.h"

#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

#include "Vtable_bench.h"
#include "verilated.h"

namespace
{

using Top = Vtable_bench;
using Place = std::remove_reference_t<decltype(Top::port_place_i)>;

constexpr unsigned KEY_BYTES = KEY_W / 8;
constexpr unsigned RESET_CLOCKS = 4;

// Entries as the port has them: key, value of 32 bits, valid.
template <typename Port> void put_entry(Port &port, const bench_entry &entry)
{
	uint8_t bytes[sizeof(Port)] = {};

	static_assert(sizeof(Port) > KEY_BYTES + 4, "an entry");
	memcpy(bytes, entry.key, KEY_BYTES);
	memcpy(bytes + KEY_BYTES, &entry.value, 4);
	bytes[KEY_BYTES + 4] = entry.valid;
	memcpy(&port, bytes, sizeof(bytes));
}

template <typename Port> void get_entry(const Port &port, bench_entry &entry)
{
	uint8_t bytes[sizeof(Port)];

	memcpy(bytes, &port, sizeof(bytes));
	memset(entry.key, 0, sizeof(entry.key));
	memcpy(entry.key, bytes, KEY_BYTES);
	memcpy(&entry.value, bytes + KEY_BYTES, 4);
	entry.valid = bytes[KEY_BYTES + 4] & 1;
}

} // namespace

struct bench {
	std::unique_ptr<VerilatedContext> context;
	std::unique_ptr<Top> top;
};

static void edge(Top *top)
{
	top->clk_i = 1;
	top->eval();
	top->clk_i = 0;
	top->eval();
}

struct bench *bench_open(uint64_t seed)
{
	try {
		auto b = std::make_unique<bench>();

		b->context = std::make_unique<VerilatedContext>();
		b->context->randReset(2);
		b->context->randSeed(static_cast<int>(seed & 0x7fffffff) | 1);
		b->top = std::make_unique<Top>(b->context.get());
		b->top->clk_i = 0;
		b->top->rst_ni = 0;
		b->top->fault_i = 0;
		b->top->load_i = 0;
		b->top->clear_i = 0;
		b->top->valid_i = 0;
		b->top->port_valid_i = 0;
		for (unsigned i = 0; i < RESET_CLOCKS; i++)
			edge(b->top.get());
		b->top->rst_ni = 1;
		b->top->eval();
		return b.release();
	} catch (const std::bad_alloc &) {
		return nullptr;
	}
}

void bench_close(struct bench *bench)
{
	bench->top->final();
	delete bench;
}

void bench_clock(struct bench *bench, const struct bench_in *in, struct bench_out *out)
{
	Top *top = bench->top.get();

	top->fault_i = in->fault;
	top->load_i = in->load;
	top->clear_i = in->clear;
	top->valid_i = in->valid;
	top->port_valid_i = in->port_valid;
	top->port_write_i = in->port_write;
	top->port_place_i = static_cast<Place>(in->place & (ENTRIES - 1));
	top->put_i = in->put;
	top->put_value_i = in->put_value;
	// It stays until it is loaded.
	if (in->load)
		memcpy(&top->secret_i, in->secret, sizeof(in->secret));
	memcpy(&top->key_i, in->key, KEY_BYTES);
	put_entry(top->port_entry_i, in->entry);
	top->eval();

	out->loaded = top->loaded_o;
	out->rss_loaded = top->rss_loaded_o;
	out->ready = top->ready_o;
	out->hash_valid = top->hash_valid_o;
	out->hash = top->hash_o;
	out->rss_valid = top->rss_valid_o;
	out->rss = top->rss_o;
	out->valid = top->valid_o;
	out->hit = top->hit_o;
	out->value = top->value_o;
	out->put = top->put_o;
	out->port_valid = top->port_rvalid_o;
	get_entry(top->port_entry_o, out->entry);
	edge(top);
}

uint32_t bench_entries(void)
{
	return ENTRIES;
}

uint32_t bench_key_words(void)
{
	return KEY_W / 64;
}

bool bench_puts(void)
{
	return PUT;
}
