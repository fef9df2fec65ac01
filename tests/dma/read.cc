// SPDX-License-Identifier: BSD-3-Clause
// read [--count CLOCKS] [--seed S]: mpnic_dma_read beside a memory that answers late, in any order
// of ids, beat by beat, badly, and beside clients that take their answers when they like, or never.
// Exit code 1: a burst is none of its request, crosses 4 KiB, an answer is wrong, late or missing,
// or a clock is lost.
#include "Vmpnic_dma_read.h"
#include "dma.h"

namespace
{

constexpr unsigned CLIENTS = 4, BULK = 2, ROUND = 3000, HANG = 4000;

struct Burst {
	uint64_t beat; // number of the next one in memory
	unsigned left;
	uint64_t due;
};

struct Client {
	// Of the bench.
	unsigned ask_one_in = 1, take_percent = 100, longest = 2000;
	bool aligned = false, offers = false;
	Request offered;
	// Requests whose bursts are still to come; whose answers are.
	std::deque<Request> to_ask, to_answer;
	unsigned asked = 0, answered = 0; // beats of the first of each
	bool bad = false;		  // an answer's beat
	uint64_t requests = 0, beats = 0, progress = 0;
	std::deque<Burst> bursts;
};

struct Bench {
	std::unique_ptr<Vmpnic_dma_read> top = std::make_unique<Vmpnic_dma_read>();
	Client client[CLIENTS];
	Answers answers;
	unsigned latency = 10, jitter = 0, ar_percent = 100, r_percent = 100;
	unsigned under_way = 0, most_under_way = 0;
	int r_id = -1; // of the beat that stands on R
	unsigned r_waits = 0;
	uint64_t last_r = 0;
	// What stood on AR and was not taken.
	bool ar_stood = false;
	uint64_t ar_addr = 0;
	unsigned ar_rest = 0;

	void reset();
	void clock();
	void drive();
	void sample_requests();
	void sample_ar();
	void sample_r();
	void sample_answer();
	void check_data(const Client &c);
	void check_progress();
	bool idle() const;
};

void Bench::reset()
{
	for (auto &c : client)
		c = Client();
	under_way = most_under_way = 0;
	r_id = -1;
	ar_stood = false;
	top->rst_ni = 0;
	top->req_valid_i = top->rsp_ready_i = top->m_axi_arready_i = top->m_axi_rvalid_i = 0;
	for (int i = 0; i < 4; i++) {
		top->clk_i = i & 1;
		top->eval();
	}
	top->rst_ni = 1;
}

void Bench::drive()
{
	uint32_t valid = 0, ready = 0;

	for (unsigned i = 0; i < CLIENTS; i++) {
		Client &c = client[i];

		if (!c.offers && c.ask_one_in && one_in(c.ask_one_in)) {
			c.offers = true;
			c.offered = some_request(c.longest);
			if (c.aligned)
				c.offered = {c.offered.addr & ~uint64_t(PAGE - 1), c.longest};
		}
		valid |= uint32_t(c.offers) << i;
		top->req_addr_i[i * 2] = uint32_t(c.offered.addr);
		top->req_addr_i[i * 2 + 1] = uint32_t(c.offered.addr >> 32);
		reinterpret_cast<uint16_t *>(&top->req_len_i)[i] = uint16_t(c.offered.len);
		ready |= uint32_t(below(100) < c.take_percent) << i;
	}
	top->req_valid_i = valid & 15;
	top->rsp_ready_i = ready & 15;
	top->m_axi_arready_i = below(100) < ar_percent;
	if (r_id < 0 && below(100) < r_percent) {
		const unsigned from = below(CLIENTS);

		for (unsigned i = 0; i < CLIENTS && r_id < 0; i++) {
			const auto &b = client[(from + i) % CLIENTS].bursts;

			if (!b.empty() && b.front().due <= now)
				r_id = int((from + i) % CLIENTS);
		}
		if (r_id >= 0) {
			const Burst &b = client[r_id].bursts.front();

			for (unsigned w = 0; w < 8; w++) {
				const uint64_t x = mixed(b.beat * 8 + w);

				top->m_axi_rdata_i[w * 2] = uint32_t(x);
				top->m_axi_rdata_i[w * 2 + 1] = uint32_t(x >> 32);
			}
			top->m_axi_rid_i = uint8_t(r_id);
			top->m_axi_rresp_i = uint8_t(answers.of(b.beat));
			top->m_axi_rlast_i = b.left == 1;
		}
	}
	top->m_axi_rvalid_i = r_id >= 0;
}

void Bench::sample_requests()
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		Client &c = client[i];

		if (!c.offers || !(top->req_ready_o >> i & 1))
			continue;
		c.offers = false;
		if (c.to_ask.empty() && c.to_answer.empty())
			c.progress = now;
		c.to_ask.push_back(c.offered);
		c.to_answer.push_back(c.offered);
	}
}

void Bench::sample_ar()
{
	const uint64_t addr = top->m_axi_araddr_o;
	const unsigned id = top->m_axi_arid_o, beats = top->m_axi_arlen_o + 1;
	const unsigned rest = id | unsigned(beats) << 8;

	CHECK(!ar_stood || (top->m_axi_arvalid_o && addr == ar_addr && rest == ar_rest),
	      "AR changed while it waited");
	ar_stood = top->m_axi_arvalid_o && !top->m_axi_arready_i;
	ar_addr = addr;
	ar_rest = rest;
	if (!top->m_axi_arvalid_o || !top->m_axi_arready_i)
		return;
	CHECK(top->m_axi_arsize_o == 6 && top->m_axi_arburst_o == 1, "AR: size or kind of burst");
	CHECK(addr % BEAT == 0, "AR: address %" PRIx64, addr);
	CHECK(addr % PAGE + beats * BEAT <= PAGE, "burst crosses 4 KiB: %" PRIx64 " %u", addr,
	      beats);
	if (id >= CLIENTS || client[id].to_ask.empty()) {
		fail("burst of client %u, which asks for nothing", id);
		return;
	}
	Client &c = client[id];
	const Request &r = c.to_ask.front();
	CHECK(addr == (r.first_beat() + c.asked) * BEAT && c.asked + beats <= r.span(),
	      "client %u: burst of %u beats at %" PRIx64 ", request %" PRIx64 " %u, %u asked", id,
	      beats, addr, r.addr, r.len, c.asked);
	c.asked += beats;
	if (c.asked >= r.span()) {
		c.to_ask.pop_front();
		c.asked = 0;
	}
	c.bursts.push_back({addr / BEAT, beats, now + latency + below(jitter + 1)});
	most_under_way = std::max(most_under_way, ++under_way);
}

void Bench::sample_r()
{
	if (r_id < 0)
		return;
	r_waits = top->m_axi_rready_o ? 0 : r_waits + 1;
	CHECK(r_waits < 2, "R waits");
	if (!top->m_axi_rready_o)
		return;
	auto &bursts = client[r_id].bursts;

	last_r = now;
	bursts.front().beat++;
	if (!--bursts.front().left) {
		bursts.pop_front();
		under_way--;
	}
	r_id = -1;
}

void Bench::check_data(const Client &c)
{
	const Request &r = c.to_answer.front();
	const uint64_t from = r.addr + uint64_t(c.answered) * BEAT;
	const unsigned n = std::min(BEAT, r.len - c.answered * BEAT);

	for (unsigned i = 0; i < n; i++)
		if (get_byte(top->rsp_data_o, i) != byte_at(from + i)) {
			fail("byte %u of request %" PRIx64 " %u is wrong", c.answered * BEAT + i,
			     r.addr, r.len);
			return;
		}
}

void Bench::sample_answer()
{
	const unsigned valid = top->rsp_valid_o;

	CHECK(!(valid & (valid - 1)), "answers for several clients: %x", valid);
	for (unsigned i = 0; i < CLIENTS; i++) {
		Client &c = client[i];

		if (!(valid >> i & 1))
			continue;
		if (c.to_answer.empty()) {
			fail("answer for client %u, which asked for nothing", i);
			continue;
		}
		if (!(top->rsp_ready_i >> i & 1))
			continue;
		const Request r = c.to_answer.front();
		const bool last = c.answered + 1 == r.packed();
		bool bad = false;

		for (unsigned b = 0; last && b < r.span(); b++)
			bad |= answers.of((r.first_beat() + b) & (UINT64_MAX / BEAT)) >= 2;
		check_data(c);
		CHECK(top->rsp_last_o == last, "client %u: last %u", i, top->rsp_last_o);
		CHECK(!last || top->rsp_error_o == bad, "client %u: error %u", i, top->rsp_error_o);
		c.answered++;
		c.beats++;
		c.progress = now;
		if (last) {
			c.to_answer.pop_front();
			c.answered = 0;
			c.requests++;
		}
	}
}

void Bench::check_progress()
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		Client &c = client[i];

		if (c.to_answer.empty() || !c.take_percent || now - c.progress < HANG)
			continue;
		fail("client %u hangs", i);
		c.progress = now;
	}
}

void Bench::clock()
{
	drive();
	top->clk_i = 0;
	top->eval();
	sample_answer();
	sample_requests();
	sample_r();
	sample_ar();
	check_progress();
	top->clk_i = 1;
	top->eval();
	now++;
}

bool Bench::idle() const
{
	for (const auto &c : client)
		if (c.offers || !c.to_answer.empty() || !c.bursts.empty())
			return false;
	return true;
}

unsigned some_percent()
{
	static const unsigned percents[] = {100, 100, 90, 50, 20, 3};

	return percents[below(6)];
}

uint64_t requests, errors_possible, at_once, stalled_rounds;

// Traffic of all kinds; then what is under way comes to its end.
void random_round(Bench &b)
{
	b.reset();
	b.answers.rate = one_in(2) ? 0 : 3 + below(200);
	b.latency = below(150);
	b.jitter = below(60);
	b.ar_percent = some_percent();
	b.r_percent = some_percent();
	errors_possible += b.answers.rate != 0;
	for (auto &c : b.client) {
		c.ask_one_in = one_in(3) ? 1 : one_in(6) ? 0 : 1 + below(100);
		c.take_percent = some_percent();
		c.longest = one_in(10) ? 65535 : 1 + below(one_in(2) ? 200 : 9600);
	}
	if (one_in(3)) {
		stalled_rounds++;
		b.client[below(CLIENTS)].take_percent = 0;
	}
	for (unsigned i = 0; i < ROUND; i++)
		b.clock();
	for (auto &c : b.client) {
		c.ask_one_in = 0;
		c.take_percent = std::max(c.take_percent, 50u);
		c.progress = std::max(c.progress, now);
	}
	b.ar_percent = std::max(b.ar_percent, 50u);
	b.r_percent = 100;
	b.latency = b.jitter = 0;
	for (unsigned i = 0; i < 40000 && !b.idle() && !failures; i++)
		b.clock();
	CHECK(b.idle(), "not all is answered");
	for (auto &c : b.client)
		requests += c.requests;
	at_once = std::max<uint64_t>(at_once, b.most_under_way);
}

// Long requests of the bulk client, memory 100 clocks away: each clock brings a beat, but one of
// each request that is not aligned. The other clients do not take their answers.
void speed_round(Bench &b, bool aligned)
{
	uint64_t beats, spans, requests_before, from;

	b.reset();
	b.answers.rate = 0;
	b.latency = 100;
	b.jitter = 0;
	b.ar_percent = b.r_percent = 100;
	for (unsigned i = 0; i < CLIENTS; i++) {
		b.client[i].ask_one_in = i == BULK ? 1 : 5;
		b.client[i].take_percent = i == BULK ? 100 : 0;
		b.client[i].longest = i == BULK ? (aligned ? 16384 : 50000) : 100;
		b.client[i].aligned = i == BULK && aligned;
	}
	for (unsigned i = 0; i < 1500; i++)
		b.clock();
	from = now;
	beats = b.client[BULK].beats;
	requests_before = b.client[BULK].requests;
	for (unsigned i = 0; i < 4000; i++)
		b.clock();
	beats = b.client[BULK].beats - beats;
	spans = b.client[BULK].requests - requests_before;
	// The others' tries, and one beat of each request that is not aligned.
	const unsigned percent = unsigned(100 * (beats + 2 * spans) / (now - from));
	static bool said[2];
	if (!said[aligned])
		printf("read: %s requests: %" PRIu64 " beats in %" PRIu64 " clocks\n",
		       aligned ? "aligned" : "any", beats, now - from);
	said[aligned] = true;
	CHECK(percent >= 95, "%u %% of the clocks have a beat", percent);
}

// Of one client alone, all clocks.
void pure_speed(Bench &b, unsigned len, unsigned offset)
{
	uint64_t beats, from;

	b.reset();
	b.answers.rate = 0;
	b.latency = 100;
	b.jitter = 0;
	b.ar_percent = b.r_percent = 100;
	for (auto &c : b.client)
		c.ask_one_in = 0;
	Client &c = b.client[BULK];
	const Request r = {0x12345000 + offset, len};

	for (unsigned i = 0; i < 1000; i++) {
		c.offers = true;
		c.offered = r;
		b.clock();
	}
	from = now;
	beats = c.beats;
	for (unsigned i = 0; i < 5000; i++) {
		c.offers = true;
		c.offered = r;
		b.clock();
	}
	beats = c.beats - beats;
	const unsigned least = 5000 * r.packed() / (r.packed() + (offset != 0)) - r.packed() - 2;
	CHECK(beats >= least, "%u bytes at %u: %" PRIu64 " beats in %" PRIu64 " clocks", len,
	      offset, beats, now - from);
}

// A memory that takes few bursts: all clients have their share.
void fair_round(Bench &b)
{
	uint64_t least = UINT64_MAX, most = 0;

	b.reset();
	b.latency = b.jitter = 0;
	b.ar_percent = 20;
	b.r_percent = 100;
	for (auto &c : b.client)
		c.longest = 64;
	for (unsigned i = 0; i < 4000; i++)
		b.clock();
	for (const auto &c : b.client) {
		least = std::min(least, c.requests);
		most = std::max(most, c.requests);
	}
	CHECK(least * 5 >= most * 4, "clients have between %" PRIu64 " and %" PRIu64 " requests",
	      least, most);
}

} // namespace

int main(int argc, char **argv)
{
	uint64_t count = 400000, seed = 1;

	options(argc, argv, count, seed);
	Verilated::commandArgs(argc, argv);
	Bench b;

	pure_speed(b, 4096, 0);
	pure_speed(b, 4096, 1);
	pure_speed(b, 9000, 63);
	pure_speed(b, 16384, 32);
	pure_speed(b, 512, 0);
	while (now < count && !failures)
		random_round(b);
	printf("read: %" PRIu64 " requests, %" PRIu64 " bursts at once, %" PRIu64
	       " rounds with errors, %" PRIu64 " with a client that takes nothing\n",
	       requests, at_once, errors_possible, stalled_rounds);
	if (!failures) {
		speed_round(b, true);
		speed_round(b, false);
		fair_round(b);
	}
	CHECK(at_once >= 8 && requests && errors_possible && stalled_rounds, "not all was tried");
	b.top->final();
	return failures ? 1 : 0;
}
