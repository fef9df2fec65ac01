// SPDX-License-Identifier: BSD-3-Clause
// rx [--count CLOCKS] [--seed S]: mpnic_rx behind its DMA masters beside the device's model, in the
// same memory: frames, rings, doorbells, all of them hostile. What is in memory, the counters, the
// registers and the interrupts must be the same. Exit code 1: they differ, or a clock is lost.
#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "Vrx_bench.h"
#include "mpnic_device_regs.h"
#include "mpnic_regs.h"
#include "random.h"
#include "reference.h"
#include "verilated.h"

namespace
{

constexpr unsigned QUEUES = MPNIC_QUEUES, BEAT = 64, PAGE = 4096, FRAME_MAX = 9600;
constexpr unsigned HANG = 60000; // clocks

uint64_t now;
unsigned failures;

template <typename... T> void fail(const char *format, T... values)
{
	if (failures++ > 10)
		return;
	printf("clock %" PRIu64 ": ", now);
	printf(format, values...);
	printf("\n");
}

#define CHECK(condition, ...)              \
	do {                               \
		if (!(condition))          \
			fail(__VA_ARGS__); \
	} while (0)

// ---- memory ------------------------------------------------------------------------------------

// A queue's part of the address space, and parts of that.
enum Part {
	RING,
	CPL,
	BUFFERS
};
constexpr uint64_t BAD_PAGE = UINT64_C(1) << 34, BAD_SOME = UINT64_C(1) << 35;

uint64_t place(unsigned queue, Part part)
{
	return uint64_t(queue + 1) << 48 | uint64_t(part + 1) << 40;
}

unsigned owner(uint64_t addr)
{
	return unsigned(addr >> 48) - 1;
}

Part part(uint64_t addr)
{
	return Part((addr >> 40 & 0xff) - 1);
}

bool ring_bad[QUEUES], ring_some_bad[QUEUES], cpl_bad[QUEUES];

// Can this beat not be reached?
bool is_bad(uint64_t addr)
{
	const unsigned q = owner(addr);

	if (q >= QUEUES)
		return true;
	switch (part(addr)) {
	case RING:
		return ring_bad[q] || (ring_some_bad[q] && (addr / BEAT) % 8 == 3);
	case CPL:
		return cpl_bad[q];
	default:
		return addr & BAD_PAGE || (addr & BAD_SOME && (addr / PAGE) % 4 == 3);
	}
}

struct Memory {
	std::unordered_map<uint64_t, std::array<uint8_t, PAGE>> pages;
	std::set<uint64_t> touched;

	uint8_t *at(uint64_t addr)
	{
		const uint64_t page = addr / PAGE;
		auto found = pages.find(page);

		if (found == pages.end()) {
			found = pages.emplace(page, std::array<uint8_t, PAGE>()).first;
			found->second.fill(0);
		}
		return found->second.data() + addr % PAGE;
	}
	void write(uint64_t addr, const uint8_t *data, size_t n)
	{
		for (size_t i = 0; i < n; i++) {
			if (!i || !((addr + i) % PAGE))
				touched.insert((addr + i) / PAGE);
			*at(addr + i) = data[i];
		}
	}
	void read(uint64_t addr, uint8_t *data, size_t n)
	{
		for (size_t i = 0; i < n; i++)
			data[i] = *at(addr + i);
	}
};

Memory rtl_memory, ref_memory;

void host_write(uint64_t addr, const void *data, size_t n)
{
	rtl_memory.write(addr, static_cast<const uint8_t *>(data), n);
	ref_memory.write(addr, static_cast<const uint8_t *>(data), n);
}

// ---- the bench ---------------------------------------------------------------------------------

struct Frame {
	std::vector<uint8_t> data;
	mpnic_hdr hdr;
	mpnic_csum csum;
	mpnic_result result;
	uint64_t time;
	unsigned port;
};

struct Burst {
	uint64_t addr;
	unsigned beats;
	uint64_t due;
	bool bad;
};

struct WBeat {
	uint8_t data[BEAT];
	uint64_t strobes;
	bool last;
};

struct Bench {
	std::unique_ptr<Vrx_bench> top = std::make_unique<Vrx_bench>();
	// How AXI behaves.
	unsigned ar_percent = 100, r_percent = 100, aw_percent = 100, w_percent = 100;
	unsigned read_latency = 20, b_latency = 10, jitter = 0;
	std::deque<Burst> reads, writes, answers;
	std::deque<WBeat> beats;
	bool r_stands = false, b_stands = false;
	uint64_t w_beats = 0;
	bool keeps_times = false;
	std::vector<uint64_t> w_times;

	// Frames to be sent.
	std::deque<Frame> frames;
	size_t sent = 0; // bytes of the first
	bool s_stands = false;
	unsigned s_percent = 100;

	uint32_t tails[QUEUES] = {};
	uint64_t pending = 0;
	uint64_t stat[2][2] = {}; // by port: no queue, no buffer
	uint64_t port_queues = 0;
	// Called for what is written into a ring of completions.
	void (*completion)(unsigned queue, const mpnic_rx_cpl &cpl) = nullptr;
	// No access to a queue's memory is allowed.
	bool quiet[QUEUES] = {};

	void reset();
	void clock();
	void clocks(unsigned n);
	void drive_stream();
	void drive_axi();
	void sample_axi();
	void take_burst(const Burst &burst);
	uint32_t qp(unsigned index, unsigned offset, bool write, uint32_t value);
	uint32_t get(unsigned index, unsigned offset)
	{
		return qp(index, offset, false, 0);
	}
	bool settle();
};

template <typename Port, typename Record> void put_record(Port &port, const Record &record)
{
	memcpy(&port[0], &record, sizeof(record));
}

void Bench::reset()
{
	reads.clear();
	writes.clear();
	answers.clear();
	beats.clear();
	frames.clear();
	sent = 0;
	r_stands = b_stands = s_stands = false;
	pending = 0;
	port_queues = 0;
	memset(tails, 0, sizeof(tails));
	memset(stat, 0, sizeof(stat));
	memset(quiet, 0, sizeof(quiet));
	top->rst_ni = 0;
	top->qp_valid_i = top->s_valid_i = top->m_axi_rvalid_i = top->m_axi_bvalid_i = 0;
	for (int i = 0; i < 4; i++) {
		top->clk_i = i & 1;
		top->eval();
	}
	top->rst_ni = 1;
}

void Bench::drive_stream()
{
	if (!s_stands && !frames.empty() && below(100) < s_percent) {
		const Frame &f = frames.front();
		const size_t n = std::min<size_t>(BEAT, f.data.size() - sent);
		uint8_t beat[BEAT];

		for (auto &b : beat)
			b = uint8_t(rnd());
		memcpy(beat, f.data.data() + sent, n);
		memcpy(&top->s_data_i[0], beat, BEAT);
		top->s_first_i = !sent;
		top->s_last_i = sent + n == f.data.size();
		top->s_bytes_i = uint8_t(n);
		put_record(top->s_hdr_i, f.hdr);
		put_record(top->s_csum_i, f.csum);
		put_record(top->s_result_i, f.result);
		top->s_time_i = f.time;
		top->s_port_i = uint8_t(f.port);
		s_stands = true;
	}
	top->s_valid_i = s_stands;
}

void Bench::drive_axi()
{
	top->m_axi_arready_i = below(100) < ar_percent;
	top->m_axi_awready_i = below(100) < aw_percent;
	top->m_axi_wready_i = below(100) < w_percent;
	if (!r_stands && !reads.empty() && reads.front().due <= now && below(100) < r_percent) {
		const Burst &b = reads.front();

		rtl_memory.read(b.addr, reinterpret_cast<uint8_t *>(&top->m_axi_rdata_i[0]), BEAT);
		top->m_axi_rresp_i = is_bad(b.addr) ? 2 + below(2) : 0;
		top->m_axi_rlast_i = b.beats == 1;
		if (is_bad(b.addr))
			for (unsigned i = 0; i < 16; i++)
				top->m_axi_rdata_i[i] = uint32_t(rnd());
		r_stands = true;
	}
	top->m_axi_rvalid_i = r_stands;
	if (!b_stands && !answers.empty() && answers.front().due <= now) {
		top->m_axi_bresp_i = answers.front().bad ? 2 + below(2) : 0;
		b_stands = true;
	}
	top->m_axi_bvalid_i = b_stands;
}

void Bench::take_burst(const Burst &burst)
{
	uint64_t due = now + 1 + b_latency + below(jitter + 1);
	Burst answer = burst;

	for (unsigned i = 0; i < burst.beats; i++) {
		const uint64_t addr = burst.addr + i * BEAT;
		const WBeat &w = beats.front();
		const bool bad = is_bad(addr);

		for (unsigned k = 0; k < BEAT && !bad; k++)
			if (w.strobes >> k & 1)
				rtl_memory.write(addr + k, w.data + k, 1);
		answer.bad |= bad;
		if (completion && !bad && part(addr) == CPL) {
			mpnic_rx_cpl cpl;

			memcpy(&cpl, w.data, sizeof(cpl));
			completion(owner(addr), cpl);
		}
		beats.pop_front();
	}
	if (!answers.empty())
		due = std::max(due, answers.back().due);
	answer.due = due;
	answers.push_back(answer);
}

void Bench::sample_axi()
{
	if (top->m_axi_arvalid_o && top->m_axi_arready_i) {
		const unsigned q = owner(top->m_axi_araddr_o);

		CHECK(q < QUEUES && !quiet[q], "read at %" PRIx64, uint64_t(top->m_axi_araddr_o));
		reads.push_back({top->m_axi_araddr_o, top->m_axi_arlen_o + 1u,
				 now + read_latency + below(jitter + 1), false});
	}
	if (r_stands && top->m_axi_rready_o) {
		r_stands = false;
		reads.front().addr += BEAT;
		if (!--reads.front().beats)
			reads.pop_front();
	}
	if (top->m_axi_awvalid_o && top->m_axi_awready_i) {
		const unsigned q = owner(top->m_axi_awaddr_o);

		CHECK(q >= QUEUES || !quiet[q], "write at %" PRIx64, uint64_t(top->m_axi_awaddr_o));
		writes.push_back({top->m_axi_awaddr_o, top->m_axi_awlen_o + 1u, 0, false});
	}
	if (b_stands && top->m_axi_bready_o) {
		b_stands = false;
		answers.pop_front();
	}
	if (top->m_axi_wvalid_o && top->m_axi_wready_i) {
		WBeat w;

		memcpy(w.data, &top->m_axi_wdata_o[0], BEAT);
		w.strobes = top->m_axi_wstrb_o;
		w.last = top->m_axi_wlast_o;
		beats.push_back(w);
		w_beats++;
		if (keeps_times)
			w_times.push_back(now);
	}
	while (!writes.empty() && beats.size() >= writes.front().beats) {
		take_burst(writes.front());
		writes.pop_front();
	}
}

void Bench::clock()
{
	drive_stream();
	drive_axi();
	for (unsigned i = 0; i < QUEUES; i++)
		top->tails_i[i] = tails[i];
	top->port_queues_i = port_queues;
	top->irq_pending_i = pending;
	top->clk_i = 0;
	top->eval();
	sample_axi();
	CHECK(!top->unstable_o, "a client's request or data changed while it waited");
	if (s_stands && top->s_ready_o) {
		s_stands = false;
		sent += top->s_bytes_i;
		if (top->s_last_i) {
			frames.pop_front();
			sent = 0;
		}
	}
	if (top->irq_valid_o)
		pending |= UINT64_C(1) << top->irq_vector_o;
	for (unsigned port = 0; port < 2; port++) {
		stat[port][0] += top->stat_no_queue_o >> port & 1;
		stat[port][1] += top->stat_no_buffer_o >> port & 1;
	}
	// The integrator's part of a write to QUEUE_CONTROL.
	if (top->qp_valid_i && top->qp_ready_o && top->qp_write_i &&
	    top->qp_addr_i == MPNIC_FW_QUEUE_CONTROL)
		tails[top->qp_index_i] = 0;
	top->clk_i = 1;
	top->eval();
	now++;
}

void Bench::clocks(unsigned n)
{
	while (n--)
		clock();
}

uint32_t Bench::qp(unsigned index, unsigned offset, bool write, uint32_t value)
{
	top->qp_valid_i = 1;
	top->qp_index_i = uint8_t(index);
	top->qp_write_i = write;
	top->qp_addr_i = uint16_t(offset);
	top->qp_wdata_i = value;
	for (unsigned i = 0; i < HANG; i++) {
		// Ready depends on registers alone.
		const bool ready = top->qp_ready_o;
		const uint32_t word = top->qp_rdata_o;

		clock();
		if (!ready)
			continue;
		top->qp_valid_i = 0;
		if (one_in(2))
			clock();
		return word;
	}
	fail("register %x of queue %u is not answered", offset, index);
	top->qp_valid_i = 0;
	return 0;
}

// Until nothing is under way.
bool Bench::settle()
{
	for (unsigned i = 0; i < HANG; i++) {
		if (frames.empty() && top->idle_o && reads.empty() && writes.empty() &&
		    answers.empty() && beats.empty()) {
			// The scanner of doorbells needs its time.
			clocks(60);
			if (top->idle_o && reads.empty())
				return true;
		}
		clock();
	}
	fail("hangs: %zu frames, idle %u, %zu reads, %zu writes, %zu answers", frames.size(),
	     top->idle_o, reads.size(), writes.size(), answers.size());
	return false;
}

// ---- the host ----------------------------------------------------------------------------------

struct Host {
	bool runs = false;
	unsigned log2 = 0;
	uint64_t ring = 0;
	uint32_t tail = 0, written = 0; // rung; descriptors that were written
};

Host host[QUEUES];
uint64_t frame_time = UINT64_C(0x123456789abcdef);
bool tiny;	    // buffers
unsigned none_left; // descriptors in a row that are none
unsigned hostility; // 0: none; else one in so many
enum {
	COUNT_FRAMES,
	COUNT_STARTS,
	COUNT_STOPPED,
	COUNT_RING_LATE,
	COUNT_FAR,
	COUNTS
};
uint64_t counted[COUNTS];

bool hostile()
{
	return hostility && one_in(hostility);
}

mpnic_rx_desc some_desc(unsigned q)
{
	static const uint16_t lens[] = {64, 65, 128, 256, 1500, 2048, 9600, 65535};
	mpnic_rx_desc d = {};

	d.len = one_in(3) ? uint16_t(64 + below(one_in(2) ? 200 : 3000)) : lens[below(8)];
	if (tiny)
		d.len = uint16_t(64 + below(100));
	d.addr = place(q, BUFFERS) + below(1u << 18);
	if (one_in(2))
		d.addr &= ~uint64_t(BEAT - 1);
	if (one_in(3))
		d.addr += BAD_SOME; // good or bad
	if (none_left) {
		none_left--;
		d.len = uint16_t(below(64));
		return d;
	}
	if (!hostile())
		return d;
	switch (below(4)) {
	case 0:
		d.len = uint16_t(below(64));
		none_left = below(3);
		break;
	case 1:
		d.reserved[below(6)] = uint8_t(1u << below(8));
		if (one_in(2))
			d.len = uint16_t(below(64));
		break;
	case 2:
		d.addr |= BAD_PAGE;
		break;
	default:
		d.addr = rnd() | UINT64_C(1) << 63;
	}
	return d;
}

void write_descs(unsigned q, uint32_t until)
{
	Host &h = host[q];

	for (; int32_t(until - h.written) > 0; h.written++) {
		const mpnic_rx_desc d = some_desc(q);

		host_write(h.ring + (h.written & ((1u << h.log2) - 1)) * sizeof(d), &d, sizeof(d));
	}
}

void reg_write(Bench &b, unsigned q, unsigned offset, uint32_t value)
{
	b.qp(q, offset, true, value);
	reference_write(q, offset, value);
}

void stop_queue(Bench &b, unsigned q)
{
	uint32_t state = 2;

	reg_write(b, q, MPNIC_FW_QUEUE_CONTROL, below(3) << 1);
	for (unsigned i = 0; i < HANG && state; i++) {
		state = b.get(q, MPNIC_FW_QUEUE_CONTROL);
		CHECK(state == 0 || state == 2, "queue %u is stopped and reads %u", q, state);
	}
	CHECK(!state, "queue %u does not stop", q);
	host[q].runs = false;
	host[q].tail = 0;
	b.quiet[q] = true;
}

void start_queue(Bench &b, unsigned q)
{
	Host &h = host[q];
	static const uint8_t logs[] = {3, 3, 4, 5, 6, 8, 15, 0};
	const unsigned vector = below(one_in(4) ? 80 : 4);

	if (!h.runs || one_in(2)) {
		stop_queue(b, q);
		h.log2 = logs[below(hostility ? 8 : 7)];
		h.ring = place(q, RING) + below(1u << 20) * uint64_t(BEAT);
		const uint64_t cpl = place(q, CPL) + below(1u << 20) * uint64_t(BEAT);
		// The low bits are none.
		reg_write(b, q, MPNIC_FW_QUEUE_LOG2, h.log2 | below(16) << 4);
		reg_write(b, q, MPNIC_FW_QUEUE_VECTOR, one_in(10) ? 0xffff : vector);
		reg_write(b, q, MPNIC_FW_QUEUE_RING, uint32_t(h.ring) | below(64));
		reg_write(b, q, MPNIC_FW_QUEUE_RING + 4, uint32_t(h.ring >> 32));
		reg_write(b, q, MPNIC_FW_QUEUE_CPL, uint32_t(cpl) | below(64));
		reg_write(b, q, MPNIC_FW_QUEUE_CPL + 4, uint32_t(cpl >> 32));
		ring_bad[q] = hostile();
		cpl_bad[q] = hostile();
	} else if (ring_bad[q]) {
		ring_bad[q] = false;
	}
	b.quiet[q] = false;
	reg_write(b, q, MPNIC_FW_QUEUE_CONTROL, 1 | below(1000) << 1);
	h.runs = true;
	h.tail = h.written = 0;
	counted[COUNT_STARTS]++;
}

void ring(Bench &b, unsigned q, uint32_t tail)
{
	host[q].tail = tail;
	b.tails[q] = tail;
	reference_doorbell(q, tail);
}

uint32_t queue_head(unsigned q)
{
	return reference_read(q, MPNIC_FW_QUEUE_STATS + offsetof(mpnic_admin_queue_stats, head));
}

bool works(unsigned q)
{
	return reference_read(q, MPNIC_FW_QUEUE_STATS +
					 offsetof(mpnic_admin_queue_stats, last_error)) >>
		       8 &
	       1;
}

// The host gives buffers, or rings what makes no sense.
void give(Bench &b, unsigned q)
{
	Host &h = host[q];
	const uint32_t head = queue_head(q), size = 1u << h.log2;
	uint32_t tail = head + below(std::min(size, 60u) + 1);

	if (one_in(3))
		tail = head + std::min(size, 100u);
	if (hostile()) {
		switch (below(3)) {
		case 0:
			tail = head + size + 1 + below(3);
			break;
		case 1:
			tail = head - 1 - below(5);
			break;
		default:
			tail = uint32_t(rnd());
		}
		counted[COUNT_FAR]++;
	} else if (int32_t(tail - h.tail) < 0 && h.tail - head <= size && !one_in(10)) {
		tail = h.tail; // doorbells go forward
	}
	if (tail - head <= size)
		write_descs(q, tail);
	ring(b, q, tail);
}

Frame some_frame()
{
	Frame f;
	unsigned len;

	fill(f.hdr);
	fill(f.csum);
	fill(f.result);
	switch (below(5)) {
	case 0:
		len = 14 + below(60);
		break;
	case 1:
		len = BEAT * (1 + below(24));
		break;
	case 2:
		len = one_in(4) ? FRAME_MAX - below(3) : 14 + below(FRAME_MAX - 13);
		break;
	default:
		len = 14 + below(1600);
	}
	f.data.resize(len);
	for (auto &byte : f.data)
		byte = uint8_t(rnd());
	if (!one_in(4))
		f.result.rx_queue = uint16_t(below(20));
	frame_time += 1 + below(5000);
	f.time = frame_time;
	f.port = below(2);
	return f;
}

// ---- both sides beside each other --------------------------------------------------------------

void compare_memory(const std::set<unsigned> &stopped)
{
	std::set<uint64_t> pages = rtl_memory.touched;

	pages.insert(ref_memory.touched.begin(), ref_memory.touched.end());
	for (uint64_t page : pages) {
		const uint64_t addr = page * PAGE;
		uint8_t *a = rtl_memory.at(addr), *b = ref_memory.at(addr);

		if (!memcmp(a, b, PAGE))
			continue;
		// Behind a completion that failed, frames and completions may have been written.
		if (stopped.count(owner(addr)) && part(addr) != RING) {
			memcpy(b, a, PAGE);
			continue;
		}
		unsigned at = 0;
		while (a[at] == b[at])
			at++;
		fail("memory at %" PRIx64 " (queue %u, part %u) differs: RTL %02x, model %02x",
		     addr + at, owner(addr), unsigned(part(addr)), a[at], b[at]);
		memcpy(b, a, PAGE);
	}
	rtl_memory.touched.clear();
	ref_memory.touched.clear();
	if (rtl_memory.pages.size() < 3000)
		return;
	// Rings stay.
	for (auto *m : {&rtl_memory, &ref_memory})
		for (auto i = m->pages.begin(); i != m->pages.end();)
			i = part(i->first * PAGE) == BUFFERS ? m->pages.erase(i) : std::next(i);
}

void compare_registers(Bench &b, bool whole)
{
	static const unsigned config[] = {
		MPNIC_FW_QUEUE_CONTROL, MPNIC_FW_QUEUE_LOG2,	 MPNIC_FW_QUEUE_VECTOR,
		MPNIC_FW_QUEUE_RING,	MPNIC_FW_QUEUE_RING + 4, MPNIC_FW_QUEUE_CPL,
		MPNIC_FW_QUEUE_CPL + 4,
	};
	const unsigned from = below(QUEUES), n = whole ? QUEUES : 4;

	for (unsigned i = 0; i < n; i++) {
		const unsigned q = (from + i * 5) % QUEUES;

		for (unsigned at = 0; at < sizeof(mpnic_admin_queue_stats); at += 4) {
			const unsigned offset = MPNIC_FW_QUEUE_STATS + at;
			const uint32_t rtl = b.get(q, offset), ref = reference_read(q, offset);

			CHECK(rtl == ref, "queue %u, stats %u: RTL %x, model %x", q, at, rtl, ref);
		}
		for (unsigned offset : config) {
			if (!whole && one_in(2))
				continue;
			const uint32_t rtl = b.get(q, offset), ref = reference_read(q, offset);

			CHECK(rtl == ref, "queue %u, register %x: RTL %x, model %x", q, offset, rtl,
			      ref);
		}
	}
	for (unsigned port = 0; port < 2; port++) {
		CHECK(b.stat[port][0] == reference_stat(port, MPNIC_STAT_RX_NO_QUEUE),
		      "port %u: %" PRIu64 " frames without a queue, model %" PRIu64, port,
		      b.stat[port][0], reference_stat(port, MPNIC_STAT_RX_NO_QUEUE));
		CHECK(b.stat[port][1] == reference_stat(port, MPNIC_STAT_RX_NO_BUFFER),
		      "port %u: %" PRIu64 " frames without a buffer, model %" PRIu64, port,
		      b.stat[port][1], reference_stat(port, MPNIC_STAT_RX_NO_BUFFER));
	}
	CHECK(b.pending == reference_pending(), "interrupts: RTL %" PRIx64 ", model %" PRIx64,
	      b.pending, reference_pending());
}

unsigned some_percent()
{
	static const unsigned percents[] = {100, 100, 100, 90, 50, 15};

	return percents[below(6)];
}

void some_bus(Bench &b)
{
	b.ar_percent = some_percent();
	b.r_percent = some_percent();
	b.aw_percent = some_percent();
	b.w_percent = some_percent();
	b.s_percent = some_percent();
	b.read_latency = below(one_in(2) ? 20 : 200);
	b.b_latency = below(one_in(2) ? 10 : one_in(3) ? 600 : 120);
	b.jitter = below(30);
}

void some_ports(Bench &b)
{
	for (unsigned port = 0; port < 2; port++) {
		uint16_t base = uint16_t(below(16)), count = uint16_t(below(17 - base));

		if (one_in(2))
			count = uint16_t(1 + below(std::min(3, 16 - base)));

		if (one_in(8))
			base = uint16_t(rnd());
		if (one_in(4))
			count = uint16_t(one_in(2) ? below(40) : unsigned(rnd()));
		b.port_queues &= ~(UINT64_C(0xffffffff) << 32 * port);
		b.port_queues |= uint64_t(base | uint32_t(count) << 16) << 32 * port;
		reference_port(port, base, count);
	}
}

// A ring that goes bad under descriptors that both sides have fetched already.
void spoil(unsigned q)
{
	const uint32_t head = queue_head(q);

	// Of a doorbell that went back, one side may have more.
	if (!works(q) || ring_bad[q] || host[q].written != host[q].tail ||
	    host[q].tail - head > 8 || host[q].tail - head > 1u << host[q].log2)
		return;
	if (host[q].tail != head && reference_fetch(q) != host[q].tail)
		return; // the ring's end is between them
	ring_bad[q] = true;
	counted[COUNT_RING_LATE]++;
}

void batch(Bench &b)
{
	std::set<unsigned> stopped;
	std::vector<Frame> frames;
	bool worked[QUEUES];

	for (unsigned q = 0; q < QUEUES; q++) {
		if (hostile())
			spoil(q);
		if (hostile())
			cpl_bad[q] = !cpl_bad[q];
	}
	if (one_in(3))
		some_bus(b);
	if (one_in(3))
		some_ports(b);
	if (one_in(2)) {
		const uint64_t vectors = rnd() | rnd();

		b.pending &= ~vectors;
		reference_raise(vectors);
	}
	for (unsigned q = 0; q < QUEUES; q++) {
		if (one_in(host[q].runs ? (works(q) ? 60 : 3) : 4))
			start_queue(b, q);
		else if (host[q].runs && one_in(80))
			stop_queue(b, q);
		if (host[q].runs && one_in(2))
			give(b, q);
		else if (!host[q].runs && hostile())
			ring(b, q, one_in(2) ? below(12) : uint32_t(rnd()));
		worked[q] = works(q);
	}
	if (one_in(2))
		b.clocks(below(500));
	for (unsigned i = below(one_in(3) ? 60 : 12); i; i--)
		frames.push_back(some_frame());
	b.frames.assign(frames.begin(), frames.end());
	if (!b.settle())
		return;
	for (const auto &f : frames)
		reference_frame(f.port, f.data.data(), f.data.size(), &f.hdr, &f.csum, &f.result,
				f.time);
	counted[COUNT_FRAMES] += frames.size();
	for (unsigned q = 0; q < QUEUES; q++)
		if (worked[q] && !works(q))
			stopped.insert(q);
	counted[COUNT_STOPPED] += stopped.size();
	compare_memory(stopped);
	compare_registers(b, one_in(8));
}

void start_over(Bench &b)
{
	b.completion = nullptr;

	for (auto &h : host)
		h = Host();
	memset(ring_bad, 0, sizeof(ring_bad));
	memset(ring_some_bad, 0, sizeof(ring_some_bad));
	memset(cpl_bad, 0, sizeof(cpl_bad));
	tiny = one_in(3);
	for (auto *m : {&rtl_memory, &ref_memory}) {
		m->pages.clear();
		m->touched.clear();
	}
	b.reset();
	reference_reset();
	// No queue has started.
	memset(b.quiet, 1, sizeof(b.quiet));
}

// ---- queues come and go in traffic -------------------------------------------------------------

std::unordered_map<uint64_t, Frame> sent_frames; // by time; without completion
uint32_t completed[QUEUES];			 // descriptors
uint64_t wild_frames, wild_stops, wild_whole;

// Buffers of their own for all slots.
mpnic_rx_desc apart_desc(unsigned q, unsigned slot)
{
	mpnic_rx_desc d = some_desc(q);

	d.len = uint16_t(std::min<unsigned>(d.len, 14000));
	d.addr = place(q, BUFFERS) + slot * UINT64_C(16384) + below(2000);
	return d;
}

// Its buffers have the frame.
void check_completion(unsigned q, const mpnic_rx_cpl &cpl)
{
	const Host &h = host[q];
	std::vector<uint8_t> data;

	bool refusable = false;

	for (unsigned i = 0; i < cpl.buffers && i <= 160; i++) {
		const unsigned slot = completed[q]++ & ((1u << h.log2) - 1);
		mpnic_rx_desc d;

		rtl_memory.read(h.ring + slot * sizeof(d), reinterpret_cast<uint8_t *>(&d),
				sizeof(d));
		const size_t n = std::min<size_t>(d.len, cpl.len - data.size());
		refusable = d.len < BEAT ||
			    std::any_of(d.reserved, d.reserved + 6, [](uint8_t x) { return x; });
		data.resize(data.size() + n);
		rtl_memory.read(d.addr, data.data() + data.size() - n, n);
	}
	CHECK(refusable == (cpl.error == MPNIC_QUEUE_ERROR_DESC_LEN ||
			    cpl.error == MPNIC_QUEUE_ERROR_DESC_FLAGS),
	      "queue %u: error %u does not fit the descriptor", q, cpl.error);
	if (cpl.status == MPNIC_RX_STATUS_LOST)
		return;
	auto found = sent_frames.find(cpl.time_ns);
	if (found == sent_frames.end()) {
		fail("queue %u: completion of a frame that was not sent", q);
		return;
	}
	const auto &whole = found->second.data;
	CHECK(data.size() == cpl.len && data.size() <= whole.size() &&
		      !memcmp(data.data(), whole.data(), data.size()),
	      "queue %u: %u bytes in buffers are not the frame's", q, cpl.len);
	CHECK((cpl.status == MPNIC_RX_STATUS_OK) == (cpl.len == whole.size()),
	      "queue %u: status %u of %u bytes, frame has %zu", q, cpl.status, cpl.len,
	      whole.size());
	wild_whole += cpl.status == MPNIC_RX_STATUS_OK;
	sent_frames.erase(found);
}

uint64_t queue_frames(Bench &b, unsigned q)
{
	return b.get(q, MPNIC_FW_QUEUE_STATS);
}

void wild_step(Bench &b, uint64_t &delivered, bool restarts)
{
	const unsigned q = below(QUEUES);
	Host &h = host[q];

	while (b.frames.size() < 20) {
		const Frame f = some_frame();

		b.frames.push_back(f);
		sent_frames[f.time] = f;
		wild_frames++;
	}
	if (!h.runs) {
		start_queue(b, q);
		cpl_bad[q] = false;
		ring_some_bad[q] = hostile();
		completed[q] = 0;
		return;
	}
	if (hostile())
		b.tails[below(QUEUES)] = uint32_t(rnd()) | 1u << 31;
	// Anew, without a stop: what it had counted is lost.
	if (restarts && one_in(25)) {
		b.qp(q, MPNIC_FW_QUEUE_CONTROL, true, 1);
		h.written = completed[q] = 0;
		return;
	}
	if (one_in(25)) {
		stop_queue(b, q);
		for (const auto *list : {&b.reads, &b.writes, &b.answers})
			for (const auto &burst : *list)
				CHECK(owner(burst.addr) != q,
				      "queue %u has stopped, but waits for %" PRIx64, q,
				      burst.addr);
		delivered += queue_frames(b, q);
		wild_stops++;
		return;
	}
	const uint32_t head =
		b.get(q, MPNIC_FW_QUEUE_STATS + offsetof(mpnic_admin_queue_stats, head));
	const uint32_t size = 1u << h.log2, tail = head + below(std::min(size, 200u) + 1);
	for (; int32_t(tail - h.written) > 0; h.written++) {
		const unsigned slot = h.written & (size - 1);
		const mpnic_rx_desc d = apart_desc(q, slot);

		host_write(h.ring + slot * sizeof(d), &d, sizeof(d));
	}
	// In steps, for each of which something is fetched.
	for (unsigned i = below(4); i && b.tails[q] - head < size; i--) {
		const uint32_t step = b.tails[q] + 1 + below(6);

		if (int32_t(h.written - step) < 0)
			break;
		b.tails[q] = step;
		b.clocks(25);
	}
	// Too far, also when all that is under way is counted.
	if (hostile())
		b.tails[q] = one_in(2) ? head + size + 5000 + below(3) : head + below(size);
	else if (int32_t(tail - b.tails[q]) > 0 || b.tails[q] - head > size)
		b.tails[q] = tail;
	// Not beyond what was written.
	if (b.tails[q] - head <= size && int32_t(b.tails[q] - h.written) > 0)
		b.tails[q] = h.written;
}

void wild(Bench &b)
{
	const uint64_t until = now + 25000, sent_before = wild_frames;
	uint64_t delivered = 0, dropped = 0;
	const bool restarts = one_in(3);

	start_over(b);
	sent_frames.clear();
	b.completion = check_completion;
	some_ports(b);
	while (now < until && !failures) {
		wild_step(b, delivered, restarts);
		if (one_in(2))
			b.clocks(below(100));
		if (one_in(40))
			some_bus(b);
		if (one_in(40))
			some_ports(b);
	}
	if (!b.settle())
		return;
	for (unsigned q = 0; q < QUEUES; q++)
		if (host[q].runs)
			delivered += queue_frames(b, q);
	for (const auto &port : b.stat)
		dropped += port[0] + port[1];
	CHECK(restarts || delivered + dropped == wild_frames - sent_before,
	      "%" PRIu64 " frames sent, %" PRIu64 " delivered, %" PRIu64 " dropped",
	      wild_frames - sent_before, delivered, dropped);
}

// ---- speed -------------------------------------------------------------------------------------

// Frames of one length into aligned buffers of one queue: beats of W, and clocks, for each.
void speed(Bench &b, unsigned len, unsigned offset, double least)
{
	constexpr unsigned FRAMES = 400;
	std::vector<Frame> frames;

	start_over(b);
	b.ar_percent = b.r_percent = b.aw_percent = b.w_percent = b.s_percent = 100;
	b.read_latency = 100;
	b.b_latency = 40;
	b.jitter = 0;
	b.port_queues = UINT64_C(0x10000) | UINT64_C(0x10000) << 32;
	b.quiet[0] = false;
	host[0].log2 = 9;
	host[0].ring = place(0, RING);
	reg_write(b, 0, MPNIC_FW_QUEUE_LOG2, 9);
	reg_write(b, 0, MPNIC_FW_QUEUE_VECTOR, 1);
	reg_write(b, 0, MPNIC_FW_QUEUE_RING + 4, uint32_t(host[0].ring >> 32));
	reg_write(b, 0, MPNIC_FW_QUEUE_CPL + 4, uint32_t(place(0, CPL) >> 32));
	reg_write(b, 0, MPNIC_FW_QUEUE_CONTROL, 1);
	for (unsigned i = 0; i < 512; i++) {
		mpnic_rx_desc d = {};

		d.addr = place(0, BUFFERS) + i * 2 * PAGE + offset;
		d.len = 2048;
		host_write(host[0].ring + i * sizeof(d), &d, sizeof(d));
	}
	b.tails[0] = 512;
	b.clocks(400);
	for (unsigned i = 0; i < FRAMES; i++) {
		Frame f = some_frame();

		f.data.resize(len);
		frames.push_back(f);
	}
	b.frames.assign(frames.begin(), frames.end());
	b.keeps_times = true;
	b.settle();
	b.keeps_times = false;
	// Without the beginning and the end.
	const double beats = double(b.w_times.size()) / FRAMES;
	if (b.w_times.empty()) {
		fail("no data");
		return;
	}
	const size_t from = b.w_times.size() / 4, to = b.w_times.size() * 3 / 4;
	const double clocks = double(b.w_times[to] - b.w_times[from]) / double(to - from) * beats;
	b.w_times.clear();
	printf("rx: %u bytes at %u: %.2f beats of W in %.2f clocks a frame\n", len, offset, beats,
	       clocks);
	CHECK(clocks <= least, "too slow");
}

} // namespace

int reference_dma_read(uint64_t addr, void *buf, size_t len)
{
	int bad = 0;

	for (uint64_t at = addr / BEAT * BEAT; at - addr / BEAT * BEAT < addr % BEAT + len;
	     at += BEAT)
		bad |= is_bad(at);
	if (!bad)
		ref_memory.read(addr, static_cast<uint8_t *>(buf), len);
	return -bad;
}

int reference_dma_write(uint64_t addr, const void *buf, size_t len)
{
	auto data = static_cast<const uint8_t *>(buf);
	int bad = 0;

	while (len) {
		const size_t n = std::min<size_t>(len, BEAT - addr % BEAT);

		if (is_bad(addr))
			bad = 1;
		else
			ref_memory.write(addr, data, n);
		addr += n;
		data += n;
		len -= n;
	}
	return -bad;
}

int main(int argc, char **argv)
{
	uint64_t count = 1500000, seed = 1, next = 0;

	options(argc, argv, count, seed);
	Verilated::commandArgs(argc, argv);
	Bench b;

	speed(b, 512, 0, 9.005);
	speed(b, 1500, 0, 25.005);
	speed(b, 64, 0, 5.5);
	speed(b, 512, 30, 10.005);
	while (now < count && !failures) {
		if (now >= next) {
			hostility = one_in(4) ? 0 : 6 + below(40);
			wild(b);
			start_over(b);
			hostility = one_in(5) ? 0 : 3 + below(30);
			next = now + 60000;
		}
		batch(b);
	}
	printf("rx: %" PRIu64 " frames, %" PRIu64 " starts, %" PRIu64 " queues stopped, %" PRIu64
	       " rings spoilt, %" PRIu64 " doorbells without sense\n",
	       counted[COUNT_FRAMES], counted[COUNT_STARTS], counted[COUNT_STOPPED],
	       counted[COUNT_RING_LATE], counted[COUNT_FAR]);
	printf("rx: %" PRIu64 " frames in traffic with %" PRIu64 " stops, %" PRIu64 " whole\n",
	       wild_frames, wild_stops, wild_whole);
	if (!failures)
		CHECK(counted[COUNT_FRAMES] && counted[COUNT_STOPPED] && counted[COUNT_RING_LATE] &&
			      counted[COUNT_FAR] && wild_stops && wild_whole,
		      "not all was tried");
	b.top->final();
	return failures ? 1 : 0;
}
