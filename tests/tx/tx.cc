// SPDX-License-Identifier: BSD-3-Clause
// mpnic_tx beside the rules of hw/model/device_tx.c, written anew here: what leaves of each queue,
// what is completed, what is counted. The host is hostile: descriptors with every error, memory
// that cannot be reached, doorbells too far ahead, rings that vanish, queues that start and stop in
// traffic.
#include <algorithm>
#include <cinttypes>
#include <map>
#include <memory>

#include "Vmpnic_tx.h"
#include "frames.h"
#include "mpnic_device_regs.h"
#include "verilated.h"

namespace
{

constexpr unsigned QUEUES = 16, SEGMENTS = 32, LONGEST = 9600, SHORTEST = 14, HANG = 20000;
constexpr uint64_t RINGS = 0x7000000000, CPLS = 0x9000000000, DATA = 0x1000, BAD = 0xbad0000000;

Vmpnic_tx *top;
uint64_t now, most; // clocks; of them at most
bool failed;

bool fail(unsigned q, const char *what)
{
	if (!failed)
		printf("clock %" PRIu64 ", queue %u: %s\n", now, q, what);
	failed = true;
	return false;
}

// ---- memory
// ---------------------------------------------------------------------------------------

// What stands at an address of DATA is a function of it; at BAD nothing does.
uint8_t byte_at(uint64_t addr)
{
	uint64_t z = (addr >> 3) * 0x9e3779b97f4a7c15;

	z ^= z >> 29;
	z *= 0xbf58476d1ce4e5b9;
	return uint8_t(z >> 8 * (addr & 7));
}

bool is_bad(uint64_t addr, size_t len)
{
	return addr + len > BAD;
}

// ---- queues as the host has them, and the reference
// -----------------------------------------------

struct Frame {
	Bytes bytes;
	unsigned port, cls;
};

// What comes of descriptors: a frame or an error, a completion or none.
struct Outcome {
	unsigned error;
	bool counts, reports;
	uint32_t head;
	Frame frame;
};

struct Queue {
	unsigned log2 = 3, vector = 0xffff;
	uint64_t ring = 0, cpl = 0;
	bool runs = false, ring_bad = false, cpl_bad = false;
	std::vector<mpnic_tx_desc> slots;
	uint32_t tail = 0, seen = 0; // rung; the head that the host knows, by completions
	uint32_t known = 0;	     // judged by the reference
	bool ring_failed = false;    // a fetch was answered with an error
	bool cpl_failed = false, done_failed = false; // a completion's write, as it is answered
	std::vector<mpnic_tx_desc> descs;	      // that were given, from `known` on
	bool skipping = false;
	std::deque<Outcome> sends;     // frames to leave
	std::deque<Outcome> completes; // completions to come
	uint64_t frames = 0, bytes = 0, errors = 0, left = 0, left_bytes = 0, irqs = 0;
	unsigned last_error = 0;
	uint32_t cpls = 0, done_ok = 0, asked = 0;
	bool outstanding = false; // a fetch
	bool longs = false;	  // frames of many descriptors
	unsigned makes = 0; // descriptors that are still to come of the frame that is being made
} queues[QUEUES];

uint64_t total_frames, total_cpls, error_seen[16], starts, stops, ring_stops, cpl_stops, bad_bells,
	skipped_frames, held_classes, restarts;

unsigned size_of(const Queue &q)
{
	return 1u << q.log2;
}

unsigned check(const mpnic_tx_desc &d, bool first)
{
	const unsigned known = MPNIC_TX_EOP | MPNIC_TX_CSUM | MPNIC_TX_BYPASS | MPNIC_TX_REPORT;

	if (d.flags & ~known || d.reserved[0] || d.reserved[1] || d.reserved[2] ||
	    (!first && (d.flags & (MPNIC_TX_CSUM | MPNIC_TX_BYPASS) || d.port)) ||
	    ((d.flags & MPNIC_TX_REPORT) && !(d.flags & MPNIC_TX_EOP)))
		return MPNIC_QUEUE_ERROR_DESC_FLAGS;
	if (first && d.port > 1)
		return MPNIC_QUEUE_ERROR_PORT;
	return d.len ? 0 : MPNIC_QUEUE_ERROR_DESC_LEN;
}

// One frame of the descriptors that are known; false if there is none.
bool reference(Queue &q)
{
	const unsigned max = std::min(size_of(q), SEGMENTS);
	Outcome o{};
	unsigned n = 0;

	if (q.skipping) {
		if (q.descs.empty())
			return false;
		const bool eop = q.descs[0].flags & MPNIC_TX_EOP;

		q.descs.erase(q.descs.begin());
		q.known++;
		if (!eop)
			return true;
		q.skipping = false;
		skipped_frames++;
		o.error = MPNIC_QUEUE_ERROR_SEGMENTS;
		o.reports = true;
		o.head = q.known;
		q.completes.push_back(o);
		return true;
	}
	while (n < q.descs.size() && n < max && !(q.descs[n].flags & MPNIC_TX_EOP))
		n++;
	if (n == q.descs.size() && n < max)
		return false;
	if (n < max)
		n++;
	for (unsigned i = 0; i < n; i++) {
		const auto &d = q.descs[i];
		unsigned error = check(d, !i);

		if (!error && o.frame.bytes.size() + d.len > LONGEST)
			error = MPNIC_QUEUE_ERROR_FRAME_LEN;
		if (!error && is_bad(d.addr, d.len))
			error = MPNIC_QUEUE_ERROR_DESC_ADDR;
		if (!o.error)
			o.error = error;
		if (o.error)
			continue;
		for (unsigned b = 0; b < d.len; b++)
			o.frame.bytes.push_back(byte_at(d.addr + b));
	}
	const auto &last = q.descs[n - 1];

	if (!(last.flags & MPNIC_TX_EOP)) {
		o.error = MPNIC_QUEUE_ERROR_SEGMENTS;
		q.skipping = true;
	} else if (!o.error && o.frame.bytes.size() < SHORTEST) {
		o.error = MPNIC_QUEUE_ERROR_FRAME_LEN;
	}
	o.frame.port = q.descs[0].port;
	o.frame.cls = q.descs[0].flags >> 1 & 3;
	o.counts = o.error;
	o.reports = !q.skipping && (o.error || last.flags & MPNIC_TX_REPORT);
	q.known += n;
	o.head = q.known;
	q.descs.erase(q.descs.begin(), q.descs.begin() + n);
	if (o.error) {
		q.errors++;
		q.last_error = o.error;
		error_seen[o.error]++;
	} else {
		q.frames++;
		q.bytes += o.frame.bytes.size();
		q.sends.push_back(o);
	}
	if (o.reports)
		q.completes.push_back(o);
	return true;
}

void start_over(Queue &q)
{
	const unsigned log2 = one_in(2) ? 3 : one_in(2) ? 3 + below(4) : 5 + below(6);
	const unsigned k = unsigned(&q - queues);

	q = Queue{};
	q.log2 = log2;
	q.vector = one_in(4) ? 0xffff : below(MPNIC_VECTORS);
	q.ring = RINGS + (uint64_t(k) << 32) + 64 * below(1000);
	q.cpl = CPLS + (uint64_t(k) << 32) + 64 * below(1000);
	q.longs = one_in(6);
	q.slots.resize(size_of(q));
}

// The next descriptor; a frame may begin anywhere.
mpnic_tx_desc new_desc(Queue &q, bool hostile)
{
	mpnic_tx_desc d{};
	const bool first = !q.makes;

	if (first) {
		q.makes = one_in(3) ? 1 + below(4) : 1;
		if (hostile && one_in(16))
			q.makes = 30 + below(8);
		if (hostile && one_in(8))
			q.makes = 6 + below(5);
		if (q.longs && !one_in(4))
			q.makes = 17 + below(17);
		if (one_in(3))
			d.flags |= MPNIC_TX_CSUM;
		if (one_in(4))
			d.flags |= MPNIC_TX_BYPASS;
		if (one_in(3) || q.log2 > 8)
			d.flags &= uint16_t(~(MPNIC_TX_CSUM | MPNIC_TX_BYPASS));
		d.port = uint8_t(below(2));
	}
	switch (below(8)) {
	case 0:
		d.len = uint16_t(1 + below(20));
		break;
	case 1:
		d.len = uint16_t(BEAT * (1 + below(4)) - 1 + below(3));
		break;
	case 2:
		d.len = uint16_t(1 + below(one_in(10) ? LONGEST : 1600));
		break;
	default:
		d.len = uint16_t(14 + below(100));
	}
	if (hostile && one_in(30))
		d.len = uint16_t(one_in(3) ? rnd() : one_in(2) ? 9599 + below(3) : 1 + below(14));
	d.addr = one_in(3) ? DATA + below(1 << 20) : DATA + 64 * below(1 << 14);
	if (!--q.makes) {
		d.flags |= MPNIC_TX_EOP;
		if (one_in(3))
			d.flags |= MPNIC_TX_REPORT;
	}
	if (hostile && one_in(12)) {
		switch (below(7)) {
		case 0:
			d.len = 0;
			break;
		case 1:
			d.flags ^= uint16_t(1 << below(16));
			break;
		case 2:
			d.reserved[below(3)] = uint8_t(1 << below(8));
			break;
		case 3:
			d.port = uint8_t(one_in(2) ? 1 + below(3) : rnd());
			break;
		case 4:
			d.addr = BAD - 1 - below(100);
			break;
		case 5:
			d.addr = BAD + rnd() % (UINT64_C(1) << 40);
			break;
		case 6:
			fill(d);
			d.addr = DATA + d.addr % 0x10000;
		}
	}
	return d;
}

// As many new descriptors as there is room for, or fewer, then the doorbell.
uint32_t access(unsigned q, bool write, unsigned addr, uint32_t data = 0);

void post(Queue &q, bool hostile)
{
	// What is taken may be written anew, completed or not.
	if (one_in(3))
		q.seen = access(unsigned(&q - queues), false, MPNIC_FW_QUEUE_STATS + 44);
	const unsigned room = size_of(q) - (q.tail - q.seen);
	const unsigned n = one_in(4) ? room : std::min(room, 1 + below(40));

	for (unsigned i = 0; i < n; i++)
		q.slots[q.tail++ % size_of(q)] = new_desc(q, hostile);
}

// ---- mpnic_dma_read
// -----------------------------------------------------------------------------------

struct Read {
	uint64_t addr;
	unsigned len, at;
	uint64_t when;
	int queue; // of descriptors; -1: data
	bool error;
};
std::deque<Read> reads[2]; // descriptors, data
unsigned given;		   // the client that an answer stands for, 0 none

void descriptors_asked(uint64_t addr, unsigned len)
{
	const unsigned k = unsigned((addr - RINGS) >> 32);
	Read r{addr, len, 0, now + 1 + below(one_in(8) ? 400 : 40), int(k), false};

	if (addr < RINGS || k >= QUEUES) {
		fail(99, "descriptors of no queue");
		return;
	}
	Queue &q = queues[k];
	const uint64_t slot = (addr - q.ring) / 16;
	const unsigned n = len / 16;

	if (addr < q.ring || addr % 16 || len % 16 || !n || n > 32 || slot + n > size_of(q) ||
	    slot != q.asked % size_of(q))
		fail(k, "not the next descriptors");
	if (q.tail - q.asked < n || q.tail - q.asked > size_of(q))
		fail(k, "descriptors that were not rung for");
	if (q.outstanding || q.ring_failed)
		fail(k, "one request too many");
	r.error = q.ring_bad;
	q.outstanding = true;
	q.asked += n;
	reads[0].push_back(r);
}

void answer_descriptors(const Read &r, uint8_t *beat, unsigned bytes)
{
	Queue &q = queues[r.queue];

	for (unsigned i = 0; i < bytes; i += 16)
		memcpy(beat + i, &q.slots[(r.addr + r.at + i - q.ring) / 16], 16);
}

void descriptors_came(const Read &r)
{
	Queue &q = queues[r.queue];

	q.outstanding = false;
	if (r.error) {
		q.ring_failed = true;
		return;
	}
	for (unsigned i = 0; i < r.len; i += 16)
		q.descs.push_back(q.slots[(r.addr + i - q.ring) / 16]);
	while (reference(q))
		;
}

void drive_reads(bool fast)
{
	top->desc_req_ready_i = fast || one_in(2);
	top->data_req_ready_i = fast || one_in(2);
	top->desc_rsp_valid_i = top->data_rsp_valid_i = 0;
	given = 0;
	const unsigned c = below(2), other = 1 - c;
	auto can = [&](unsigned i) { return !reads[i].empty() && reads[i].front().when <= now; };

	if (!fast && one_in(4))
		return;
	if (can(c))
		given = 1 + c;
	else if (can(other))
		given = 1 + other;
	if (!given)
		return;
	Read &r = reads[given - 1].front();
	const unsigned bytes = std::min(r.len - r.at, BEAT);
	uint8_t beat[BEAT];

	fill(beat);
	if (given == 1)
		answer_descriptors(r, beat, bytes);
	else
		for (unsigned i = 0; i < bytes; i++)
			beat[i] = byte_at(r.addr + r.at + i);
	put(top->rsp_data_i, beat, BEAT);
	top->rsp_last_i = r.at + BEAT >= r.len;
	top->rsp_error_i = top->rsp_last_i ? r.error : rnd() & 1;
	top->desc_rsp_valid_i = given == 1;
	top->data_rsp_valid_i = given == 2;
}

void clock_reads()
{
	if (top->desc_req_valid_o && top->desc_req_ready_i)
		descriptors_asked(top->desc_req_addr_o, top->desc_req_len_o);
	if (top->data_req_valid_o && top->data_req_ready_i) {
		const uint64_t addr = top->data_req_addr_o;
		const unsigned len = top->data_req_len_o;

		if (!len || len > LONGEST)
			fail(99, "a read of a wrong length");
		reads[1].push_back({addr, len, 0, now + 1 + below(one_in(8) ? 300 : 60), -1,
				    is_bad(addr, len)});
	}
	if (!given || !(given == 1 ? top->desc_rsp_ready_o : top->data_rsp_ready_o))
		return;
	Read &r = reads[given - 1].front();

	r.at += BEAT;
	if (r.at < r.len)
		return;
	if (given == 1)
		descriptors_came(r);
	reads[given - 1].pop_front();
}

// ---- mpnic_dma_write
// ----------------------------------------------------------------------------------

std::deque<uint64_t> write_addrs;
std::deque<mpnic_tx_cpl> write_data;
struct Write {
	unsigned queue;
	uint64_t when;
	bool error;
};
std::deque<Write> writes;

void completion(uint64_t addr, const mpnic_tx_cpl &cpl)
{
	const unsigned k = unsigned((addr - CPLS) >> 32);

	if (addr < CPLS || k >= QUEUES) {
		fail(99, "a completion of no queue");
		return;
	}
	Queue &q = queues[k];
	const unsigned slot = q.cpls & (size_of(q) - 1);

	if (addr != q.cpl + 16 * slot) {
		fail(k, "a completion at another place");
		return;
	}
	if (q.completes.empty()) {
		fail(k, "a completion of nothing");
		return;
	}
	const Outcome o = q.completes.front();

	q.completes.pop_front();
	if (cpl.head != o.head || cpl.error != o.error)
		fail(k, "another completion");
	if (cpl.phase != !(q.cpls >> q.log2 & 1))
		fail(k, "the wrong phase");
	for (auto b : cpl.reserved)
		if (b)
			fail(k, "reserved bytes in a completion");
	// The frame has left: none that is to leave was made of descriptors before.
	if (!q.sends.empty() && int32_t(q.sends.front().head - o.head) <= 0)
		fail(k, "completed before it has left");
	q.cpls++;
	total_cpls++;
	const bool error = q.cpl_bad && one_in(3);

	writes.push_back({k, now + 1 + below(one_in(8) ? 300 : 30), error});
	if (error)
		q.cpl_failed = true;
	else if (!q.cpl_failed && int32_t(o.head - q.seen) > 0)
		q.seen = o.head;
}

uint64_t pending;	   // vectors that hold an interrupt back
std::deque<unsigned> irqs; // queues that an interrupt is due for

void drive_writes(bool fast)
{
	top->cpl_req_ready_i = fast || one_in(2);
	top->cpl_dat_ready_i = fast || one_in(2);
	top->cpl_done_valid_i = 0;
	if (writes.empty() || writes.front().when > now)
		return;
	const Write w = writes.front();
	Queue &q = queues[w.queue];

	writes.pop_front();
	top->cpl_done_valid_i = 1;
	top->cpl_done_error_i = w.error;
	// Behind the first that failed nothing counts.
	if (w.error)
		q.done_failed = true;
	if (q.done_failed)
		return;
	q.done_ok++;
	if (q.vector == 0xffff)
		return;
	irqs.push_back(w.queue);
	q.irqs += !(pending >> q.vector & 1);
}

void clock_writes()
{
	if (top->cpl_req_valid_o && top->cpl_req_ready_i) {
		if (top->cpl_req_len_o != 16)
			fail(99, "a completion of a wrong length");
		write_addrs.push_back(top->cpl_req_addr_o);
	}
	if (top->cpl_dat_valid_o && top->cpl_dat_ready_i) {
		mpnic_tx_cpl cpl;

		memcpy(&cpl, &top->cpl_dat_data_o, sizeof(cpl));
		write_data.push_back(cpl);
	}
	while (!write_addrs.empty() && !write_data.empty()) {
		completion(write_addrs.front(), write_data.front());
		write_addrs.pop_front();
		write_data.pop_front();
	}
	if (!top->irq_valid_o)
		return;
	if (irqs.empty()) {
		fail(99, "an interrupt for nothing");
		return;
	}
	Queue &q = queues[irqs.front()];

	if (top->irq_vector_o != q.vector)
		fail(irqs.front(), "another vector");
	irqs.pop_front();
}

// ---- frames
// -------------------------------------------------------------------------------------------

Sink sink;
unsigned under_way, last_class = ~0u;

void frame_left(unsigned port, unsigned cls)
{
	for (unsigned k = 0; k < QUEUES; k++) {
		Queue &q = queues[k];

		if (q.sends.empty())
			continue;
		const Frame &f = q.sends.front().frame;

		if (f.port != port || f.cls != cls || f.bytes != sink.frame)
			continue;
		q.left++;
		q.left_bytes += f.bytes.size();
		q.sends.pop_front();
		total_frames++;
		return;
	}
	fail(99, "a frame of no queue");
}

void clock_frames()
{
	Beat out{};
	std::string wrong;
	static unsigned port, cls;
	const bool left = top->m_valid_o && top->m_ready_i;
	static bool offered;

	out.first = top->m_first_o;
	out.last = top->m_last_o;
	out.bytes = top->m_bytes_o;
	memcpy(out.data, &top->m_data_o, BEAT);
	const unsigned this_cls = unsigned(top->m_csum_o | top->m_bypass_o << 1);

	if (top->m_valid_o && out.first && !offered) {
		port = top->m_port_o;
		cls = this_cls;
		if (last_class != ~0u && cls != last_class) {
			held_classes++;
			if (under_way)
				fail(99, "another class, before the way is free");
		}
	}
	offered = top->m_valid_o && !(left && out.last);
	if (top->m_valid_o && (port != top->m_port_o || cls != this_cls))
		fail(99, "class or port change");
	if (sink.clock(top->m_valid_o, out, left, wrong)) {
		frame_left(port, cls);
		last_class = cls;
		under_way++;
	}
	if (!wrong.empty())
		fail(99, wrong.c_str());
}

// ---- the queue port
// -------------------------------------------------------------------------------------

struct Access {
	unsigned queue;
	bool write;
	unsigned addr;
	uint32_t data;
};
std::deque<Access> todo;
std::deque<uint32_t> got;
uint64_t port_waits;

void drive_port()
{
	top->qp_valid_i = !todo.empty();
	if (todo.empty())
		return;
	top->qp_index_i = uint8_t(todo.front().queue);
	top->qp_write_i = todo.front().write;
	top->qp_addr_i = uint16_t(todo.front().addr);
	top->qp_wdata_i = todo.front().data;
}

uint32_t tails[QUEUES];

void clock_port()
{
	port_waits = todo.empty() || top->qp_ready_o ? 0 : port_waits + 1;
	if (port_waits > HANG)
		fail(todo.front().queue, "the queue port hangs");
	if (!top->qp_ready_o)
		return;
	if (todo.empty()) {
		fail(99, "an answer to nothing");
		return;
	}
	const Access a = todo.front();

	todo.pop_front();
	if (!a.write)
		got.push_back(top->qp_rdata_o);
	else if (a.addr == MPNIC_FW_QUEUE_CONTROL)
		tails[a.queue] = 0;
}

// ---- the clock
// ------------------------------------------------------------------------------------------

Rate takes;
uint64_t mode_left;
bool fast;

void clock()
{
	if (!mode_left--) {
		fast = one_in(3);
		mode_left = 3000;
	}
	for (unsigned k = 0; k < QUEUES; k++)
		put((reinterpret_cast<uint32_t *>(&top->tails_i))[k], &tails[k], 4);
	drive_reads(fast);
	drive_writes(fast);
	drive_port();
	// What has left is under way for a while. It is seen two clocks late.
	if (under_way && (fast ? one_in(4) : one_in(40)))
		under_way = one_in(2) ? 0 : under_way - 1;
	static unsigned free_before;

	free_before = free_before << 1 | !under_way;
	top->class_idle_i = free_before >> 2 & 1;
	top->m_ready_i = takes(fast);
	top->irq_pending_i = pending;
	top->eval();
	clock_reads();
	clock_writes();
	clock_frames();
	clock_port();
	top->clk_i = 1;
	top->eval();
	top->clk_i = 0;
	top->eval();
	now++;
	if (now > most)
		fail(99, "no end of it");
}

uint32_t access(unsigned q, bool write, unsigned addr, uint32_t data)
{
	todo.push_back({q, write, addr, data});
	got.clear();
	while (!todo.empty() && !failed)
		clock();
	return write || got.empty() ? 0 : got.front();
}

uint64_t read64(unsigned q, unsigned addr)
{
	const uint32_t low = access(q, false, addr);

	return low | uint64_t(access(q, false, addr + 4)) << 32;
}

// Nothing moves any more: neither in the bench nor in the device.
bool is_quiet()
{
	return reads[0].empty() && reads[1].empty() && writes.empty() && !top->desc_req_valid_o &&
	       !top->data_req_valid_o && !top->m_valid_o && !top->cpl_req_valid_o;
}

void settle_down()
{
	unsigned quiet = 0;

	for (uint64_t i = 0; quiet < 3000 && !failed; i++) {
		clock();
		quiet = is_quiet() ? quiet + 1 : 0;
		if (i > 400000) {
			fail(99, "hangs");
			return;
		}
	}
}

void start(unsigned k)
{
	Queue &q = queues[k];
	const uint64_t rubbish = rnd() & 63;

	if (q.runs) {
		access(k, true, MPNIC_FW_QUEUE_CONTROL, 0);
		while (access(k, false, MPNIC_FW_QUEUE_CONTROL) && !failed)
			;
	}
	start_over(q);
	access(k, true, MPNIC_FW_QUEUE_LOG2, q.log2 | uint32_t(rnd() << 4));
	access(k, true, MPNIC_FW_QUEUE_VECTOR, q.vector == 0xffff ? 64 + below(1 << 20) : q.vector);
	access(k, true, MPNIC_FW_QUEUE_RING, uint32_t(q.ring | rubbish));
	access(k, true, MPNIC_FW_QUEUE_RING + 4, uint32_t(q.ring >> 32));
	access(k, true, MPNIC_FW_QUEUE_CPL, uint32_t(q.cpl | rubbish));
	access(k, true, MPNIC_FW_QUEUE_CPL + 4, uint32_t(q.cpl >> 32));
	if (access(k, false, MPNIC_FW_QUEUE_LOG2) != q.log2 ||
	    access(k, false, MPNIC_FW_QUEUE_VECTOR) != q.vector ||
	    read64(k, MPNIC_FW_QUEUE_RING) != q.ring || read64(k, MPNIC_FW_QUEUE_CPL) != q.cpl)
		fail(k, "its set-up reads otherwise");
	if (access(k, false, MPNIC_FW_QUEUE_CONTROL) != 0)
		fail(k, "works before it was started");
	access(k, true, MPNIC_FW_QUEUE_CONTROL, 1 | uint32_t(rnd() << 1));
	if (access(k, false, MPNIC_FW_QUEUE_CONTROL) != 1)
		fail(k, "does not work");
	q.runs = true;
	starts++;
}

// ---- what is compared
// -----------------------------------------------------------------------------------

constexpr unsigned STATS = MPNIC_FW_QUEUE_STATS;

// What has left is counted, whatever was forgotten by a stop.
void check_left(unsigned k)
{
	Queue &q = queues[k];

	if (q.outstanding)
		fail(k, "descriptors are fetched, though all is done with");
	if (read64(k, STATS) != q.left || read64(k, STATS + 8) != q.left_bytes)
		fail(k, "frames and bytes");
	if (access(k, false, STATS + 48) != q.done_ok)
		fail(k, "completions");
	if (read64(k, STATS + 32) != q.irqs)
		fail(k, "interrupts");
	if (read64(k, STATS + 16) != 0)
		fail(k, "drops");
}

// All is done with: every frame has left, every completion is there, and the counters are right.
void check_stats(unsigned k)
{
	Queue &q = queues[k];

	check_left(k);
	const uint64_t errors = read64(k, STATS + 24);
	const uint32_t word = access(k, false, STATS + 52);

	if (word >> 8 != !(q.ring_failed || q.cpl_failed))
		fail(k, "enabled");
	if (access(k, false, STATS + 40) != tails[k])
		fail(k, "tail");
	if (access(k, false, STATS + 56) || access(k, false, STATS + 60))
		fail(k, "reserved");
	// Where completions ended it, it is open how many frames were begun.
	if (q.cpl_failed) {
		if (!errors || errors > q.errors + 1 + q.ring_failed ||
		    access(k, false, STATS + 44) > q.known)
			fail(k, "errors, where completions ended it");
		cpl_stops++;
		return;
	}
	// What is left of a frame that is not whole has no more than a frame's descriptors.
	if (!q.ring_failed && q.asked != q.tail)
		fail(k, "not all was fetched");
	if (q.ring_failed) {
		q.errors++;
		q.last_error = MPNIC_QUEUE_ERROR_RING_ADDR;
		ring_stops++;
	}
	if (!q.sends.empty() || !q.completes.empty() || q.frames != q.left ||
	    q.bytes != q.left_bytes)
		fail(k, "not all has left");
	if (errors != q.errors)
		fail(k, ("errors: " + std::to_string(errors) + ", not " + std::to_string(q.errors))
				.c_str());
	if ((word & 0xff) != q.last_error)
		fail(k, "last error");
	if (access(k, false, STATS + 44) != q.known)
		fail(k, "head");
}

void ring(unsigned k)
{
	tails[k] = queues[k].tail;
}

// Traffic on some queues up to an end at which all is compared.
void run_round()
{
	const bool hostile = !one_in(4);
	unsigned active = 1 + below(one_in(3) ? QUEUES : 3);
	std::vector<unsigned> who;

	pending = rnd();
	for (unsigned i = 0; i < active; i++)
		who.push_back(below(QUEUES));
	std::sort(who.begin(), who.end());
	who.erase(std::unique(who.begin(), who.end()), who.end());
	active = unsigned(who.size());
	for (auto k : who)
		start(k);
	for (auto k : who) {
		queues[k].ring_bad = false;
		queues[k].cpl_bad = hostile && one_in(10);
	}
	for (unsigned i = 0; i < 20 + below(60) && !failed; i++) {
		const unsigned k = who[below(active)];
		Queue &q = queues[k];

		if (!q.ring_failed && !q.cpl_failed)
			post(q, hostile);
		ring(k);
		if (hostile && one_in(60))
			q.ring_bad = true;
		if (hostile && one_in(40)) {
			// Stopped in traffic: what was begun ends, the rest is forgotten.
			access(k, true, MPNIC_FW_QUEUE_CONTROL, 0);
			stops++;
			for (unsigned j = below(3) ? 0 : below(200); j && !failed; j--)
				clock();
			if (one_in(2)) {
				while (access(k, false, MPNIC_FW_QUEUE_CONTROL) && !failed)
					;
				check_left(k);
			} else {
				// A start waits for the end.
				access(k, true, MPNIC_FW_QUEUE_CONTROL, 1);
				restarts++;
				access(k, true, MPNIC_FW_QUEUE_CONTROL, 0);
				while (access(k, false, MPNIC_FW_QUEUE_CONTROL) && !failed)
					;
			}
			q.runs = false;
			start(k);
		}
		for (unsigned j = below(one_in(4) ? 1500 : 100); j && !failed; j--)
			clock();
	}
	settle_down();
	for (auto k : who) {
		Queue &q = queues[k];

		// Too far ahead, twice the same: once counted, and as if it was not rung.
		if (hostile && !q.ring_failed && !q.cpl_failed && one_in(2)) {
			const uint32_t bad =
				q.known + size_of(q) + 1 + below(one_in(2) ? 3 : 1u << 31);

			tails[k] = bad;
			for (unsigned j = 0; j < 400; j++)
				clock();
			ring(k);
			for (unsigned j = 0; j < 200; j++)
				clock();
			tails[k] = bad;
			for (unsigned j = 0; j < 200; j++)
				clock();
			q.errors++;
			q.last_error = MPNIC_QUEUE_ERROR_DOORBELL;
			bad_bells++;
			error_seen[MPNIC_QUEUE_ERROR_DOORBELL]++;
			ring(k);
		}
	}
	settle_down();
	for (auto k : who)
		if (!failed)
			check_stats(k);
	for (auto k : who) {
		access(k, true, MPNIC_FW_QUEUE_CONTROL, 0);
		while (access(k, false, MPNIC_FW_QUEUE_CONTROL) && !failed)
			;
		queues[k].runs = false;
	}
}

} // namespace

int main(int argc, char **argv)
{
	uint64_t count = 20000, seed = 1;

	options(argc, argv, count, seed);
	most = 2000000 + 1000 * count;
	Verilated::commandArgs(argc, argv);
	const auto owner = std::make_unique<Vmpnic_tx>();

	top = owner.get();
	top->qp_valid_i = 0;
	top->rst_ni = 0;
	for (unsigned i = 0; i < 4; i++) {
		top->clk_i = 1;
		top->eval();
		top->clk_i = 0;
		top->eval();
	}
	top->rst_ni = 1;
	for (unsigned k = 0; k < QUEUES && !failed; k++) {
		if (access(k, false, MPNIC_FW_QUEUE_CONTROL) ||
		    access(k, false, MPNIC_FW_QUEUE_VECTOR) || read64(k, MPNIC_FW_QUEUE_RING) ||
		    read64(k, STATS) || read64(k, STATS + 24))
			fail(k, "not zero behind a reset");
	}
	while (total_frames < count && !failed)
		run_round();
	top->final();
	printf("%" PRIu64 " clocks: %" PRIu64 " frames, %" PRIu64 " completions, %" PRIu64
	       " changes of class; %" PRIu64 " starts, %" PRIu64 " stops, %" PRIu64
	       " of them started anew at once; stopped by their ring %" PRIu64
	       ", their completions %" PRIu64 "; %" PRIu64 " bad doorbells, %" PRIu64
	       " skipped\nerrors:",
	       now, total_frames, total_cpls, held_classes, starts, stops, restarts, ring_stops,
	       cpl_stops, bad_bells, skipped_frames);
	for (unsigned e = 1; e <= MPNIC_QUEUE_ERROR_PORT; e++)
		printf(" %u: %" PRIu64, e, error_seen[e]);
	printf("\n");
	return failed ? 1 : 0;
}
