// SPDX-License-Identifier: BSD-3-Clause
// write [--count CLOCKS] [--seed S]: mpnic_dma_write beside clients and an AXI memory that wait
// when they like and answer late and badly. Exit code 1: a burst is none of its request or crosses
// 4 KiB, bytes, strobes or an answer are wrong or missing, turns are not fair, or a clock is lost
// on W.
#include "Vmpnic_dma_write.h"
#include "dma.h"

namespace
{

constexpr unsigned CLIENTS = 5, ROUND = 3000;

struct Client {
	unsigned ask_one_in = 1, data_percent = 100, longest = 2000;
	bool fixed = false; // all requests are `form`
	Request form, offered;
	bool offers = false;
	unsigned passed_over = 0; // others' requests that were taken meanwhile
	// Requests whose data is still to come, its number, and requests that are not done.
	std::deque<std::pair<Request, uint64_t>> data;
	unsigned given = 0;    // beats of the first
	std::deque<bool> done; // failed
	bool dat_stands = false;
};

struct Burst {
	unsigned beats;
	bool bad;
};

struct Bench {
	std::unique_ptr<Vmpnic_dma_write> top = std::make_unique<Vmpnic_dma_write>();
	Client client[CLIENTS];
	Answers answers;
	unsigned aw_percent = 100, w_percent = 100, b_percent = 100, latency = 0, jitter = 0;
	uint64_t serial = 0, requests = 0, w_beats = 0, w_gaps = 0, answered = 0;
	// Requests in the order in which they were taken: what AW, W have to come to yet.
	std::deque<Request> to_aw;
	std::deque<std::pair<Request, uint64_t>> to_w;
	unsigned aw_at = 0, w_at = 0; // beats
	std::deque<Burst> aw;	      // bursts whose data has not come
	std::deque<unsigned> w;	      // lengths of bursts whose address has not come
	unsigned w_in_burst = 0;
	std::deque<std::pair<uint64_t, bool>> b; // due, bad
	// To each answer, how many requests it ends: client and how it went.
	struct End {
		unsigned client, bursts;
		bool bad;
	};
	std::deque<End> ends;
	std::deque<std::pair<uint64_t, End>> expect_done; // not before this clock
	bool b_stands = false;
	bool aw_stood = false, w_stood = false;
	uint64_t aw_before = 0, w_before = 0;

	void reset();
	void clock();
	void drive();
	void take_requests();
	void take_data();
	void take_aw();
	void take_w();
	void take_b();
	void take_done();
	void match();
	bool idle() const;
};

uint8_t data_byte(uint64_t serial, unsigned at)
{
	return uint8_t(mixed(serial << 16 ^ at / 8) >> at % 8 * 8);
}

void Bench::reset()
{
	for (auto &c : client)
		c = Client();
	to_aw.clear();
	to_w.clear();
	aw.clear();
	w.clear();
	b.clear();
	ends.clear();
	expect_done.clear();
	aw_at = w_at = w_in_burst = 0;
	b_stands = aw_stood = w_stood = false;
	top->rst_ni = 0;
	top->req_valid_i = top->dat_valid_i = top->m_axi_awready_i = top->m_axi_wready_i = 0;
	top->m_axi_bvalid_i = 0;
	for (int i = 0; i < 4; i++) {
		top->clk_i = i & 1;
		top->eval();
	}
	top->rst_ni = 1;
}

// Bursts of a request, as long as pages allow.
unsigned bursts_of(const Request &r)
{
	return unsigned(((r.addr % PAGE) + r.len - 1) / PAGE + 1);
}

void Bench::drive()
{
	uint32_t valid = 0, dat = 0;

	for (unsigned i = 0; i < CLIENTS; i++) {
		Client &c = client[i];

		if (!c.offers && c.ask_one_in && one_in(c.ask_one_in)) {
			c.offers = true;
			c.offered = c.fixed ? c.form : some_request(c.longest);
			c.passed_over = 0;
		}
		valid |= uint32_t(c.offers) << i;
		top->req_addr_i[i * 2] = uint32_t(c.offered.addr);
		top->req_addr_i[i * 2 + 1] = uint32_t(c.offered.addr >> 32);
		uint32_t &len = top->req_len_i[i / 2];
		len = i % 2 ? (len & 0xffff) | c.offered.len << 16
			    : (len & ~0xffffu) | c.offered.len;
		if (!c.dat_stands && !c.data.empty() && below(100) < c.data_percent) {
			const unsigned at = c.given * BEAT;

			c.dat_stands = true;
			for (unsigned k = 0; k < BEAT / 8; k++) {
				const uint64_t x =
					mixed(c.data.front().second << 16 ^ (at / 8 + k));

				top->dat_data_i[i * 16 + k * 2] = uint32_t(x);
				top->dat_data_i[i * 16 + k * 2 + 1] = uint32_t(x >> 32);
			}
		}
		dat |= uint32_t(c.dat_stands) << i;
	}
	top->req_valid_i = valid & 31;
	top->dat_valid_i = dat & 31;
	top->m_axi_awready_i = below(100) < aw_percent;
	top->m_axi_wready_i = below(100) < w_percent;
	if (!b_stands && !b.empty() && b.front().first <= now && below(100) < b_percent) {
		b_stands = true;
		top->m_axi_bresp_i = b.front().second ? 2 + below(2) : below(2);
	}
	top->m_axi_bvalid_i = b_stands;
}

void Bench::take_requests()
{
	const unsigned taken = top->req_ready_o & top->req_valid_i;

	CHECK(!(top->req_ready_o & (top->req_ready_o - 1)), "several requests at once");
	for (unsigned i = 0; i < CLIENTS; i++) {
		Client &c = client[i];

		if (c.offers && taken && !(taken >> i & 1))
			CHECK(++c.passed_over < CLIENTS, "client %u has no turn", i);
		if (!(taken >> i & 1))
			continue;
		c.offers = false;
		c.data.push_back({c.offered, ++serial});
		to_aw.push_back(c.offered);
		to_w.push_back({c.offered, serial});
		ends.push_back({i, bursts_of(c.offered), false});
		requests++;
	}
}

void Bench::take_data()
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		Client &c = client[i];

		if (!(top->dat_ready_o & top->dat_valid_i & 1u << i))
			continue;
		c.dat_stands = false;
		if (++c.given < c.data.front().first.packed())
			continue;
		c.data.pop_front();
		c.given = 0;
	}
}

void Bench::take_aw()
{
	const uint64_t addr = top->m_axi_awaddr_o;
	const unsigned beats = top->m_axi_awlen_o + 1;
	bool bad = false;

	CHECK(!aw_stood || (top->m_axi_awvalid_o && aw_before == (addr ^ beats)),
	      "AW changed while it waited");
	aw_stood = top->m_axi_awvalid_o && !top->m_axi_awready_i;
	aw_before = addr ^ beats;
	if (!top->m_axi_awvalid_o || !top->m_axi_awready_i)
		return;
	CHECK(top->m_axi_awsize_o == 6 && top->m_axi_awburst_o == 1 && top->m_axi_awid_o == 0,
	      "AW: size, kind of burst, or id");
	CHECK(addr % BEAT == 0, "AW: address %" PRIx64, addr);
	CHECK(addr % PAGE + beats * BEAT <= PAGE, "burst crosses 4 KiB: %" PRIx64 " %u", addr,
	      beats);
	if (to_aw.empty()) {
		fail("burst that nothing asked for");
		return;
	}
	const Request &r = to_aw.front();
	CHECK(addr == (r.first_beat() + aw_at) * BEAT && aw_at + beats <= r.span(),
	      "burst of %u beats at %" PRIx64 ", request %" PRIx64 " %u, %u asked", beats, addr,
	      r.addr, r.len, aw_at);
	for (unsigned i = 0; i < beats; i++)
		bad |= answers.of(addr / BEAT + i) >= 2;
	aw.push_back({beats, bad});
	aw_at += beats;
	if (aw_at < r.span())
		return;
	to_aw.pop_front();
	aw_at = 0;
}

void Bench::take_w()
{
	uint64_t sum = top->m_axi_wstrb_o ^ uint64_t(top->m_axi_wlast_o) << 7;

	for (unsigned i = 0; i < 16; i++)
		sum = mixed(sum ^ top->m_axi_wdata_o[i]);
	CHECK(!w_stood || (top->m_axi_wvalid_o && w_before == sum), "W changed while it waited");
	w_stood = top->m_axi_wvalid_o && !top->m_axi_wready_i;
	w_before = sum;
	w_gaps += !top->m_axi_wvalid_o;
	if (!top->m_axi_wvalid_o || !top->m_axi_wready_i)
		return;
	if (to_w.empty()) {
		fail("data that nothing asked for");
		return;
	}
	const auto &[r, number] = to_w.front();
	for (unsigned i = 0; i < BEAT; i++) {
		// Modulo 2^64, as addresses are.
		const uint64_t at = (r.first_beat() + w_at) * BEAT + i - r.addr;
		const bool strobe = top->m_axi_wstrb_o >> i & 1;

		if (strobe != (at < r.len)) {
			fail("strobe %u of beat %u of request %" PRIx64 " %u", i, w_at, r.addr,
			     r.len);
			break;
		}
		if (strobe && get_byte(top->m_axi_wdata_o, i) != data_byte(number, unsigned(at))) {
			fail("byte %" PRIu64 " of request %" PRIx64 " %u", at, r.addr, r.len);
			break;
		}
	}
	w_beats++;
	w_in_burst++;
	if (top->m_axi_wlast_o) {
		w.push_back(w_in_burst);
		w_in_burst = 0;
	}
	if (++w_at < r.span())
		return;
	CHECK(top->m_axi_wlast_o, "a request's last beat does not end its burst");
	to_w.pop_front();
	w_at = 0;
}

// Bursts that have both address and data are answered.
void Bench::match()
{
	while (!aw.empty() && !w.empty()) {
		const bool bad = aw.front().bad;
		uint64_t due = now + 1 + latency + below(jitter + 1);

		CHECK(aw.front().beats == w.front(), "burst of %u beats has %u", aw.front().beats,
		      w.front());
		if (!b.empty())
			due = std::max(due, b.back().first);
		b.push_back({due, bad});
		aw.pop_front();
		w.pop_front();
	}
}

void Bench::take_b()
{
	if (!top->m_axi_bvalid_i || !top->m_axi_bready_o)
		return;
	const bool bad = b.front().second;

	b_stands = false;
	b.pop_front();
	answered++;
	if (ends.empty()) {
		fail("more bursts than the requests have");
		return;
	}
	ends.front().bad |= bad;
	if (--ends.front().bursts)
		return;
	expect_done.push_back({now, ends.front()});
	ends.pop_front();
}

void Bench::take_done()
{
	const unsigned done = top->done_valid_o;

	CHECK(!(done & (done - 1)), "several requests are done at once");
	if (!done) {
		CHECK(expect_done.empty() || now - expect_done.front().first < 4,
		      "a request was answered, but is not done");
		return;
	}
	if (expect_done.empty()) {
		fail("a request is done that was not answered");
		return;
	}
	const End &e = expect_done.front().second;

	CHECK(done == 1u << e.client && top->done_error_o == e.bad, "done %x, error %u, not %u, %u",
	      done, top->done_error_o, e.client, e.bad);
	expect_done.pop_front();
}

void Bench::clock()
{
	drive();
	top->clk_i = 0;
	top->eval();
	take_done();
	take_b();
	take_requests();
	take_data();
	take_aw();
	take_w();
	match();
	top->clk_i = 1;
	top->eval();
	now++;
}

bool Bench::idle() const
{
	for (const auto &c : client)
		if (c.offers || !c.data.empty())
			return false;
	return to_aw.empty() && to_w.empty() && ends.empty() && expect_done.empty();
}

unsigned some_percent()
{
	static const unsigned percents[] = {100, 100, 90, 50, 20, 3};

	return percents[below(6)];
}

uint64_t rounds_with_errors;

void random_round(Bench &b)
{
	b.reset();
	b.answers.rate = one_in(2) ? 0 : 3 + below(200);
	rounds_with_errors += b.answers.rate != 0;
	b.latency = one_in(4) ? below(400) : below(30);
	b.jitter = below(40);
	b.aw_percent = some_percent();
	b.w_percent = some_percent();
	b.b_percent = some_percent();
	for (auto &c : b.client) {
		c.ask_one_in = one_in(3) ? 1 : one_in(6) ? 0 : 1 + below(100);
		c.data_percent = some_percent();
		c.longest = one_in(10) ? 65535 : 1 + below(one_in(2) ? 200 : 9600);
	}
	for (unsigned i = 0; i < ROUND; i++)
		b.clock();
	for (auto &c : b.client) {
		c.ask_one_in = 0;
		c.data_percent = 100;
	}
	b.aw_percent = b.w_percent = b.b_percent = 100;
	for (unsigned i = 0; i < 60000 && !b.idle() && !failures; i++)
		b.clock();
	CHECK(b.idle(), "not all is done");
}

// With a sink that always takes, W has a beat in each clock.
void speed_round(Bench &b, const char *name, unsigned clients, unsigned len, unsigned offset)
{
	uint64_t gaps;

	b.reset();
	b.answers.rate = 0;
	b.latency = 30;
	b.jitter = 0;
	b.aw_percent = b.w_percent = b.b_percent = 100;
	for (unsigned i = 0; i < CLIENTS; i++) {
		Client &c = b.client[i];

		c.ask_one_in = i < clients;
		c.data_percent = 100;
		c.longest = 3000;
		c.fixed = len;
		c.form = {0x40000000 + i * 0x10000 + (i ? 0 : offset), i ? BEAT : len};
	}
	for (unsigned i = 0; i < 100; i++)
		b.clock();
	gaps = b.w_gaps;
	for (unsigned i = 0; i < 2000; i++)
		b.clock();
	CHECK(b.w_gaps == gaps, "%s: %" PRIu64 " of 2000 clocks are lost on W", name,
	      b.w_gaps - gaps);
}

// Nothing is answered: so many requests are under way.
void depth_round(Bench &b)
{
	uint64_t before;

	b.reset();
	b.latency = 100000;
	b.aw_percent = b.w_percent = b.b_percent = 100;
	before = b.requests;
	for (auto &c : b.client)
		c.fixed = true, c.form = {0x7000, BEAT};
	for (unsigned i = 0; i < 500; i++)
		b.clock();
	printf("write: %" PRIu64 " requests under way\n", b.requests - before);
	CHECK(b.requests - before >= 16, "too few requests under way");
}

} // namespace

int main(int argc, char **argv)
{
	uint64_t count = 400000, seed = 1;

	options(argc, argv, count, seed);
	Verilated::commandArgs(argc, argv);
	Bench b;

	speed_round(b, "512 bytes and completions", 2, 512, 0);
	speed_round(b, "single beats", 5, 64, 0);
	speed_round(b, "single beats of one client", 1, 64, 0);
	speed_round(b, "not aligned", 2, 512, 33);
	speed_round(b, "pages", 2, 9600, 1);
	speed_round(b, "any", 5, 0, 0);
	depth_round(b);
	const uint64_t before = b.requests;
	while (now < count && !failures)
		random_round(b);
	printf("write: %" PRIu64 " requests, %" PRIu64 " beats, %" PRIu64 " rounds with errors\n",
	       b.requests - before, b.w_beats, rounds_with_errors);
	CHECK(b.requests - before && rounds_with_errors, "not all was tried");
	b.top->final();
	return failures ? 1 : 0;
}
