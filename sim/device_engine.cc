// SPDX-License-Identifier: BSD-3-Clause
// The Verilated device behind device_engine.h: host memory on AXI4, registers on AXI4-Lite, wires
// on AXI-Stream. The rules of those buses are checked in every clock.
// In C++ its function mpnic_csum() hides the record of that name.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include "device_engine.h"
#pragma GCC diagnostic pop

#include <cinttypes>
#include <cstring>
#include <deque>
#include <new>
#include <vector>

#include "Vmpnic_device.h"
#include "Vmpnic_device___024root.h"
#include "mpnic_regs.h"
#include "verilated_top.h"
#if DEVICE_SAVABLE
#include "verilated_save.h"
#endif

namespace
{

using Top = Vmpnic_device;

constexpr size_t BEAT = 64;
constexpr unsigned RESET_CLOCKS = 8;
constexpr unsigned STUCK_CLOCKS = 1000;
constexpr unsigned CLEAR_CLOCKS = 1 << 20;
constexpr unsigned POLL_CLOCKS = 256; // of a poll: what a register access waits for at most
constexpr unsigned IDLE_CLOCKS =
	128;			 // what may be on its way between two parts while all seem idle
constexpr unsigned LATENCY = 40; // clocks of a transfer at most, with noise
constexpr uint64_t WAKE_NS = 100000, TICK_NS = 1000000;
constexpr uint64_t NS_PER_CLOCK = 1500; // at most
const uint32_t boot_rom[] = {
#include "mpnic-boot.inc"
};

constexpr uint32_t RAM_TEXT = 0x40 / 4, RAM_END = MPNIC_FW_IMAGE_MAX / 4;
constexpr uint32_t JUMP_TO_SELF = 0x0000006f;
constexpr uint32_t ROOM_MIN = 8;   // buffers: the smallest ring's
constexpr size_t WAITING_MAX = 64; // frames from a wire

struct Read {
	uint64_t addr, due;
	unsigned id, beats, done;
};

struct Write {
	uint64_t addr, due;
	unsigned beats;
	std::vector<uint8_t> data, strobe;
	bool error;
};

struct Wire {
	std::deque<std::vector<uint8_t>> in;
	size_t at;    // of the frame that is offered
	bool offered; // a beat waits for tready
	std::vector<uint8_t> out;
};

// What stood at an output that waited.
struct Held {
	bool valid;
	uint64_t a, b;
	uint8_t data[BEAT];
};

} // namespace

struct mpnic_device : VerilatedTop<Top> {
	mpnic_device_config config;
	const mpnic_device_ops *ops;
	void *ctx;
	uint32_t *doorbells;
	uint32_t rung[MPNIC_DOORBELL_SIZE / 4]; // as the RTL knows them
	uint64_t now, caller_now;		// the device's time follows the caller's
	unsigned patience, stalls;
	bool patient, busy, lose_irq, bad_phase, bad_buffers;
	std::deque<Read> reads;
	std::deque<Write> writes; // the first ones whole
	size_t whole;		  // of them
	bool read_offered, answer_offered;
	size_t reading; // which of reads
	Wire wire[MPNIC_PORTS];
	Held ar, aw, w, tx[MPNIC_PORTS];
	struct device_engine_counts counts;
};

namespace
{

[[noreturn]] void broken(mpnic_device *d, const char *rule)
{
	fprintf(stderr, "rtl: clock %" PRIu64 ": %s\n", d->clocks, rule);
	d->stop_trace();
	abort();
}

bool stall(mpnic_device *d)
{
	return d->stalls && (d->noise() >> 20 & 0xff) < d->stalls;
}

uint64_t latency(mpnic_device *d)
{
	return d->clocks + (d->stalls ? d->noise() % LATENCY : 0);
}

// What is offered stays until it is taken.
void hold(mpnic_device *d, Held *held, bool valid, bool ready, uint64_t a, uint64_t b,
	  const void *data, const char *rule)
{
	if (held->valid &&
	    (!valid || held->a != a || held->b != b || (data && memcmp(held->data, data, BEAT))))
		broken(d, rule);
	held->valid = valid && !ready;
	held->a = a;
	held->b = b;
	if (data && held->valid)
		memcpy(held->data, data, BEAT);
}

void check_burst(mpnic_device *d, uint64_t addr, unsigned beats)
{
	if (addr % BEAT)
		broken(d, "a burst that does not start at a beat");
	if (addr / 4096 != (addr + beats * BEAT - 1) / 4096)
		broken(d, "a burst across 4 KiB");
}

// ---- host memory
// ---------------------------------------------------------------------------------

void drive_read(mpnic_device *d)
{
	Top &top = *d->top;

	top.m_axi_arready_i = d->reads.size() < 64 && !stall(d);
	if (d->read_offered)
		return;
	top.m_axi_rvalid_i = 0;
	if (d->reads.empty() || stall(d))
		return;
	// A burst that has begun goes on; else the first of any id.
	if (!d->reads[d->reading < d->reads.size() ? d->reading : 0].done ||
	    d->reading >= d->reads.size()) {
		d->reading = d->stalls ? d->noise() % d->reads.size() : 0;
		for (size_t i = 0; i < d->reading; i++)
			if (d->reads[i].id == d->reads[d->reading].id)
				d->reading = i;
	}

	Read &r = d->reads[d->reading];

	if (r.due > d->clocks)
		return;
	top.m_axi_rvalid_i = 1;
	top.m_axi_rid_i = r.id;
	top.m_axi_rlast_i = r.done + 1 == r.beats;
	top.m_axi_rresp_i =
		d->ops->dma_read(d->ctx, r.addr + r.done * BEAT, &top.m_axi_rdata_i, BEAT) ? 2 : 0;
	d->read_offered = true;
}

void take_read(mpnic_device *d)
{
	Top &top = *d->top;

	hold(d, &d->ar, top.m_axi_arvalid_o, top.m_axi_arready_i, top.m_axi_araddr_o,
	     top.m_axi_arlen_o | top.m_axi_arid_o << 8, nullptr, "AR changes while it waits");
	if (top.m_axi_rvalid_i && top.m_axi_rready_o) {
		d->read_offered = false;
		d->counts.read_beats++;
		if (++d->reads[d->reading].done == d->reads[d->reading].beats) {
			d->reads.erase(d->reads.begin() + static_cast<long>(d->reading));
			d->reading = 0;
		}
	}
	if (top.m_axi_arvalid_o && top.m_axi_arready_i) {
		check_burst(d, top.m_axi_araddr_o, top.m_axi_arlen_o + 1u);
		d->reads.push_back({top.m_axi_araddr_o, latency(d), top.m_axi_arid_o,
				    top.m_axi_arlen_o + 1u, 0});
	}
}

void drive_write(mpnic_device *d)
{
	Top &top = *d->top;

	top.m_axi_awready_i = d->writes.size() < 64 && !stall(d);
	top.m_axi_wready_i = !stall(d);
	if (d->answer_offered)
		return;
	top.m_axi_bvalid_i = d->whole && d->writes.front().due <= d->clocks && !stall(d);
	top.m_axi_bresp_i = d->whole && d->writes.front().error ? 3 : 0;
	d->answer_offered = top.m_axi_bvalid_i;
}

bool is_rx_cpl(const mpnic_device *d, uint64_t addr)
{
	const auto &root = *d->top->rootp;

	for (unsigned q = 0; q < MPNIC_QUEUES; q++) {
		const uint64_t ring =
			static_cast<uint64_t>(root.mpnic_device__DOT__u_rx__DOT__cpl_high_mem[q])
				<< 32 |
			root.mpnic_device__DOT__u_rx__DOT__cpl_low_mem[q];
		const uint64_t size = sizeof(mpnic_rx_cpl)
				      << root.mpnic_device__DOT__u_rx__DOT__log2_mem[q];

		if (addr - ring < size)
			return true;
	}
	return false;
}

// Faults on purpose: one completion is not what the device wrote.
void spoil(mpnic_device *d, Write &w)
{
	auto *cpl = reinterpret_cast<mpnic_rx_cpl *>(w.data.data());

	if (!(d->bad_phase || d->bad_buffers) || w.data.size() != sizeof(*cpl) ||
	    !is_rx_cpl(d, w.addr))
		return;
	cpl->phase ^= d->bad_phase;
	if (d->bad_buffers)
		cpl->buffers = 0x7fff;
	d->bad_phase = d->bad_buffers = false;
}

// Runs of bytes that are enabled.
void store(mpnic_device *d, Write &w)
{
	size_t at = 0;

	spoil(d, w);
	while (at < w.data.size()) {
		size_t end = at;

		while (end < w.data.size() && w.strobe[end])
			end++;
		if (end > at && d->ops->dma_write(d->ctx, w.addr + at, &w.data[at], end - at))
			w.error = true;
		at = end + 1;
	}
	w.due = latency(d);
}

void take_beat(mpnic_device *d)
{
	Top &top = *d->top;

	if (d->whole == d->writes.size())
		broken(d, "data without an address");

	Write &w = d->writes[d->whole];
	const uint8_t *data = reinterpret_cast<const uint8_t *>(&top.m_axi_wdata_o);

	w.data.insert(w.data.end(), data, data + BEAT);
	for (unsigned i = 0; i < BEAT; i++)
		w.strobe.push_back(top.m_axi_wstrb_o >> i & 1);
	if (top.m_axi_wlast_o != (w.data.size() == w.beats * BEAT))
		broken(d, "WLAST is not with the last beat");
	d->counts.write_beats++;
	if (!top.m_axi_wlast_o)
		return;
	store(d, w);
	d->whole++;
}

void take_write(mpnic_device *d)
{
	Top &top = *d->top;

	hold(d, &d->aw, top.m_axi_awvalid_o, top.m_axi_awready_i, top.m_axi_awaddr_o,
	     top.m_axi_awlen_o, nullptr, "AW changes while it waits");
	hold(d, &d->w, top.m_axi_wvalid_o, top.m_axi_wready_i, top.m_axi_wstrb_o, top.m_axi_wlast_o,
	     &top.m_axi_wdata_o, "W changes while it waits");
	if (top.m_axi_bvalid_i && top.m_axi_bready_o) {
		d->answer_offered = false;
		d->writes.pop_front();
		d->whole--;
	}
	if (top.m_axi_awvalid_o && top.m_axi_awready_i) {
		check_burst(d, top.m_axi_awaddr_o, top.m_axi_awlen_o + 1u);
		d->writes.push_back({top.m_axi_awaddr_o, 0, top.m_axi_awlen_o + 1u, {}, {}, false});
	}
	if (top.m_axi_wvalid_o && top.m_axi_wready_i)
		take_beat(d);
}

// ---- wires
// ---------------------------------------------------------------------------------------

void set_bit(uint8_t *port, unsigned bit, bool value)
{
	*port = static_cast<uint8_t>((*port & ~(1u << bit)) | (value ? 1u << bit : 0));
}

void drive_wire(mpnic_device *d, unsigned p)
{
	Top &top = *d->top;
	Wire &wire = d->wire[p];
	uint8_t *data = reinterpret_cast<uint8_t *>(&top.s_axis_tdata_i) + BEAT * p;
	uint8_t *keep = reinterpret_cast<uint8_t *>(&top.s_axis_tkeep_i) + BEAT / 8 * p;

	set_bit(&top.m_axis_tready_i, p, !stall(d));
	if (wire.offered)
		return;
	set_bit(&top.s_axis_tvalid_i, p, false);
	if (wire.in.empty() || stall(d))
		return;

	const std::vector<uint8_t> &frame = wire.in.front();
	const size_t rest = frame.size() - wire.at, n = rest < BEAT ? rest : BEAT;
	const uint64_t ones = n < BEAT ? (UINT64_C(1) << n) - 1 : ~UINT64_C(0);

	memcpy(data, &frame[wire.at], n);
	memcpy(keep, &ones, sizeof(ones));
	set_bit(&top.s_axis_tlast_i, p, rest <= BEAT);
	set_bit(&top.s_axis_tvalid_i, p, true);
	wire.offered = true;
}

void take_wire(mpnic_device *d, unsigned p)
{
	Top &top = *d->top;
	Wire &wire = d->wire[p];
	const uint8_t *data = reinterpret_cast<const uint8_t *>(&top.m_axis_tdata_o) + BEAT * p;
	const bool valid = top.m_axis_tvalid_o >> p & 1, ready = top.m_axis_tready_i >> p & 1;
	uint64_t keep;

	if (wire.offered && top.s_axis_tready_o >> p & 1) {
		wire.offered = false;
		wire.at += BEAT;
		if (wire.at >= wire.in.front().size()) {
			wire.in.pop_front();
			wire.at = 0;
		}
	}
	set_bit(&top.m_axis_refused_i, p, false);
	memcpy(&keep, reinterpret_cast<const uint8_t *>(&top.m_axis_tkeep_o) + BEAT / 8 * p,
	       sizeof(keep));
	hold(d, &d->tx[p], valid, ready, keep, top.m_axis_tlast_o >> p & 1, nullptr,
	     "a wire's beat changes while it waits");
	if (!valid || !ready)
		return;
	if (keep & (keep + 1))
		broken(d, "a wire's beat with a gap");
	wire.out.insert(wire.out.end(), data, data + __builtin_popcountll(keep));
	if (!(top.m_axis_tlast_o >> p & 1))
		return;
	// Before the clock's edge, so that the device knows with the beat.
	set_bit(&top.m_axis_refused_i, p,
		d->ops->wire_send(d->ctx, p, wire.out.data(), wire.out.size()) != 0);
	wire.out.clear();
}

// ---- a clock
// -------------------------------------------------------------------------------------

void take_irqs(mpnic_device *d)
{
	uint64_t irqs = d->top->irq_o;

	for (; irqs; irqs &= irqs - 1) {
		if (d->lose_irq)
			d->lose_irq = false;
		else
			d->ops->irq(d->ctx, static_cast<unsigned>(__builtin_ctzll(irqs)));
	}
}

// Doorbells are memory here: a queue that starts clears its own.
void take_clear(mpnic_device *d)
{
	static const unsigned at[] = {MPNIC_DOORBELL_RX / 4, MPNIC_DOORBELL_TX / 4,
				      MPNIC_DOORBELL_EVENT / 4};

	for (unsigned kind = 0; kind < 3; kind++) {
		if (!(d->top->clear_valid_o >> kind & 1))
			continue;
		const unsigned i = at[kind] + (kind < 2 ? d->top->clear_index_o : 0u);

		d->doorbells[i] = d->rung[i] = 0;
	}
}

bool is_idle(const mpnic_device *d)
{
	bool idle = d->top->idle_o && d->reads.empty() && d->writes.empty();

	for (const Wire &wire : d->wire)
		idle = idle && wire.in.empty() && wire.out.empty();
	return idle;
}

// Firmware must not starve: however fast the caller's time goes by, it has some clocks for each
// millisecond. Who waits for what was begun has no such care.
void pass_time(mpnic_device *d)
{
	const uint64_t behind = d->caller_now > d->now ? d->caller_now - d->now : 0;

	d->now += d->patient || behind < NS_PER_CLOCK ? behind : NS_PER_CLOCK;
}

void clock(mpnic_device *d)
{
	Top &top = *d->top;
	bool pipe;

	pass_time(d);

	top.now_i = d->now;
	top.random_i = static_cast<uint32_t>(d->noise() >> 16);
	drive_read(d);
	drive_write(d);
	for (unsigned p = 0; p < MPNIC_PORTS; p++)
		drive_wire(d, p);
	d->settle(0);
	pipe = top.pipe_busy_o;
	take_read(d);
	take_write(d);
	for (unsigned p = 0; p < MPNIC_PORTS; p++)
		take_wire(d, p);
	take_irqs(d);
	take_clear(d);
	top.clk_pipe_i = pipe;
	d->settle(1);
	top.clk_pipe_i = 0;
	d->counts.clocks++;
}

// ---- registers
// -----------------------------------------------------------------------------------

uint32_t axil_read(mpnic_device *d, uint32_t offset)
{
	Top &top = *d->top;
	bool asked = false;

	top.s_axil_araddr_i = offset;
	top.s_axil_arvalid_i = 1;
	top.s_axil_rready_i = 1;
	for (unsigned i = 0; i < STUCK_CLOCKS; i++) {
		bool answered;
		uint32_t value;

		top.eval();
		asked = top.s_axil_arvalid_i && top.s_axil_arready_o;
		answered = top.s_axil_rvalid_o;
		value = top.s_axil_rdata_o;
		clock(d);
		if (asked)
			top.s_axil_arvalid_i = 0;
		if (answered)
			return value;
	}
	broken(d, "a register is not read");
}

void axil_write(mpnic_device *d, uint32_t offset, uint32_t value)
{
	Top &top = *d->top;

	top.s_axil_awaddr_i = offset;
	top.s_axil_wdata_i = value;
	top.s_axil_wstrb_i = 0xf;
	top.s_axil_awvalid_i = top.s_axil_wvalid_i = 1;
	top.s_axil_bready_i = 1;
	for (unsigned i = 0; i < STUCK_CLOCKS; i++) {
		bool address, data, answered;

		top.eval();
		address = top.s_axil_awvalid_i && top.s_axil_awready_o;
		data = top.s_axil_wvalid_i && top.s_axil_wready_o;
		answered = top.s_axil_bvalid_o;
		clock(d);
		if (address)
			top.s_axil_awvalid_i = 0;
		if (data)
			top.s_axil_wvalid_i = 0;
		if (answered)
			return;
	}
	broken(d, "a register is not written");
}

// The doorbells that the host has rung since.
void ring(mpnic_device *d)
{
	static const struct {
		uint32_t first, count;
	} runs[] = {{0, 2},
		    {MPNIC_DOORBELL_RX / 4, MPNIC_QUEUES},
		    {MPNIC_DOORBELL_TX / 4, MPNIC_QUEUES}};

	for (const auto &run : runs) {
		for (uint32_t i = run.first; i < run.first + run.count; i++) {
			const uint32_t value = __atomic_load_n(&d->doorbells[i], __ATOMIC_ACQUIRE);

			if (value == d->rung[i])
				continue;
			d->rung[i] = value;
			d->busy = true;
			axil_write(d, MPNIC_BAR_DOORBELL + 4 * i, value);
		}
	}
}

void clear_doorbells(mpnic_device *d)
{
	memset(d->doorbells, 0, MPNIC_DOORBELL_SIZE);
	memset(d->rung, 0, sizeof(d->rung));
}

int wait_clear(mpnic_device *d)
{
	for (unsigned i = 0; i < CLEAR_CLOCKS; i += 64) {
		if (axil_read(d, MPNIC_HOST_DEVICE_STATUS) != MPNIC_DEVICE_STATUS_RESET)
			return 0;
		for (unsigned k = 0; k < 64; k++)
			clock(d);
	}
	return -ETIMEDOUT;
}

// Inputs at rest, and an edge of the reset, so that what the device's own registers reset is so
// from the start.
void quiet(Top &top)
{
	top.s_axil_awvalid_i = top.s_axil_wvalid_i = top.s_axil_arvalid_i = 0;
	top.s_axil_bready_i = top.s_axil_rready_i = 1;
	top.m_axi_rvalid_i = top.m_axi_bvalid_i = 0;
	top.s_axis_tvalid_i = 0;
	top.links_i = 0;
	top.clk_i = top.clk_pipe_i = 0;
	top.rst_ni = 1;
	top.eval();
	top.rst_ni = 0;
	top.eval();
}

bool sizes_fit(const mpnic_device_config *config)
{
	const mpnic_state_config &s = config->state;

	return s.flows == DEVICE_FLOWS && s.stash == DEVICE_STASH && s.conns == DEVICE_CONNS &&
	       s.tokens == DEVICE_TOKENS && s.peers == DEVICE_PEERS;
}

// ---- as an engine
// ---------------------------------------------------------------------------------

void engine_free(mpnic_device *d);
bool engine_poll(mpnic_device *d, uint64_t now_ns);

int engine_open(const mpnic_device_config *config, const mpnic_device_ops *ops, void *ctx,
		uint32_t *doorbells, uint64_t now_ns, mpnic_device **device)
{
	mpnic_device *d;
	uint32_t seed;
	int err;

	if (!sizes_fit(config))
		return -EINVAL;
	d = new (std::nothrow) mpnic_device();
	if (!d)
		return -ENOMEM;
	d->config = *config;
	d->ops = ops;
	d->ctx = ctx;
	d->doorbells = doorbells;
	d->now = d->caller_now = now_ns;
	d->patience = POLL_CLOCKS;
	ops->random(ctx, &seed, sizeof(seed));
	err = d->open(seed, nullptr);
	if (err) {
		delete d;
		return err;
	}
	memcpy(&d->top->serial_i, config->serial, sizeof(config->serial));
	memcpy(&d->top->macs_i, config->mac, sizeof(config->mac));
	d->top->speeds_i = config->speed[0] | static_cast<uint64_t>(config->speed[1]) << 32;
	memcpy(&d->top->rootp->mpnic_device__DOT__u_fw__DOT__u_rom__DOT__mem, boot_rom,
	       sizeof(boot_rom));
	clear_doorbells(d);
	quiet(*d->top);
	d->reset(RESET_CLOCKS);
	err = wait_clear(d);
	if (err) {
		engine_free(d);
		return err;
	}
	*device = d;
	return 0;
}

void engine_free(mpnic_device *d)
{
	if (!d)
		return;
	d->close();
	delete d;
}

uint32_t engine_read(mpnic_device *d, uint32_t offset)
{
	ring(d);
	return axil_read(d, offset);
}

void engine_write(mpnic_device *d, uint32_t offset, uint32_t value)
{
	ring(d);
	d->busy = true;
	axil_write(d, offset, value);
	if (offset == MPNIC_HOST_RESET && value >> 16 == MPNIC_RESET_MAGIC &&
	    (value & 0xffff) <= MPNIC_RESET_USER) {
		clear_doorbells(d);
		if (d->patient && wait_clear(d))
			broken(d, "a reset does not end");
	}
	if (offset == MPNIC_HOST_ADMIN_CONTROL && value & MPNIC_ADMIN_CONTROL_ENABLE)
		d->doorbells[MPNIC_DOORBELL_ADMIN / 4] = d->rung[MPNIC_DOORBELL_ADMIN / 4] =
			axil_read(d, MPNIC_BAR_DOORBELL + MPNIC_DOORBELL_ADMIN);
}

int engine_reset(mpnic_device *d, mpnic_reset_code reason)
{
	engine_write(d, MPNIC_HOST_RESET, MPNIC_RESET_MAGIC << 16 | static_cast<uint32_t>(reason));
	return 0;
}

void engine_receive(mpnic_device *d, unsigned port, const uint8_t *frame, size_t len)
{
	d->busy = true;
	if (!len)
		return;
	d->wire[port].in.emplace_back(frame, frame + len);
	if (d->patient)
		engine_poll(d, d->now);
	while (d->wire[port].in.size() > WAITING_MAX)
		clock(d);
}

bool engine_has_room(const mpnic_device *d, unsigned port)
{
	const auto &root = *d->top->rootp;
	const unsigned flags = root.mpnic_device__DOT__u_fw__DOT__port_flags_q >> 3 * port;
	const uint64_t queues = root.mpnic_device__DOT__u_fw__DOT__port_queues_q >> 32 * port;
	const unsigned base = queues & 0xffff, count = queues >> 16 & 0xffff;
	bool any = false;

	// Who asks before each frame has two of them on their way at most.
	if (!(flags & MPNIC_PORT_UP) || !d->wire[port].in.empty())
		return false;
	for (unsigned i = base; i < MPNIC_QUEUES && i < base + count; i++) {
		const bool fresh = root.mpnic_device__DOT__u_rx__DOT__u_desc__DOT__fresh_q >> i & 1;
		const uint32_t head =
			fresh ? 0 : root.mpnic_device__DOT__u_rx__DOT__u_desc__DOT__head_mem[i];

		if (!(root.mpnic_device__DOT__u_rx__DOT__enabled_q >> i & 1))
			continue;
		any = true;
		if (d->rung[MPNIC_DOORBELL_RX / 4 + i] - head < ROOM_MIN)
			return false;
	}
	return any;
}

void engine_link(mpnic_device *d, unsigned port, bool up)
{
	set_bit(&d->top->links_i, port, up);
	d->busy = true;
}

bool engine_poll(mpnic_device *d, uint64_t now_ns)
{
	unsigned idle = 0;
	bool busy = d->busy;

	d->busy = false;
	if (now_ns > d->caller_now)
		d->caller_now = now_ns;
	for (unsigned i = 0; i < d->patience && idle < IDLE_CLOCKS; i++) {
		if (i % 16 == 0)
			ring(d);
		clock(d);
		idle = is_idle(d) ? idle + 1 : 0;
	}
	return busy || idle < IDLE_CLOCKS;
}

bool engine_sleep(mpnic_device *d, uint64_t *wake_ns)
{
	*wake_ns = d->now + WAKE_NS;
	return true;
}

void engine_fault(mpnic_device *d, enum mpnic_device_fault fault)
{
	auto &ram = d->top->rootp->mpnic_device__DOT__u_fw__DOT__u_ram__DOT__mem;

	switch (fault) {
	case MPNIC_FAULT_FW_HANG:
	case MPNIC_FAULT_FW_CRASH:
		for (uint32_t i = RAM_TEXT; i < RAM_END; i++)
			ram[i] = fault == MPNIC_FAULT_FW_HANG ? JUMP_TO_SELF : 0;
		// It may sleep until its timer.
		engine_poll(d, d->now + TICK_NS);
		break;
	case MPNIC_FAULT_IRQ_LOST:
		d->lose_irq = true;
		break;
	case MPNIC_FAULT_CPL_PHASE:
		d->bad_phase = true;
		break;
	case MPNIC_FAULT_CPL_BUFFERS:
		d->bad_buffers = true;
		break;
	}
}

int engine_trace(mpnic_device *d, const char *path, uint64_t from, uint64_t clocks)
{
	if (!path) {
		d->stop_trace();
		return 0;
	}
	if (from < d->clocks)
		from = d->clocks;
	return d->start_trace(path, from, clocks < UINT64_MAX - from ? from + clocks : UINT64_MAX);
}

void engine_trace_state(const mpnic_device *d, card_trace *trace)
{
	*trace = {d->clocks, d->trace_from, d->trace_end, d->is_tracing()};
}

} // namespace

extern "C" {

void device_engine_patience(mpnic_device *d, unsigned clocks, bool patient)
{
	d->patience = clocks;
	d->patient = patient;
}

const struct card_engine rtl_device_engine = {
	"rtl",		engine_open,	    engine_free, engine_read, engine_write, engine_reset,
	engine_receive, engine_has_room,    engine_link, engine_poll, engine_sleep, engine_fault,
	engine_trace,	engine_trace_state, RTL_TRACE,	 false,	      nullptr,
};

#if DEVICE_SAVABLE
// Nothing may be under way: what is of the bus and the wires is not kept.
int device_engine_save(mpnic_device *d, const char *path)
{
	VerilatedSave file;

	if (!is_idle(d))
		return -EBUSY;
	file.open(path);
	if (!file.isOpen())
		return -EIO;
	file << *d->top;
	file.close();
	return 0;
}

int device_engine_restore(mpnic_device *d, const char *path)
{
	VerilatedRestore file;

	if (access(path, R_OK))
		return -ENOENT;
	file.open(path);
	file >> *d->top;
	file.close();
	d->now = d->caller_now = d->top->now_i;
	clear_doorbells(d);
	return 0;
}
#endif

void device_engine_noise(mpnic_device *d, unsigned stalls, uint64_t seed)
{
	d->stalls = stalls;
	d->random = seed | UINT64_C(1) << 63;
}

void device_engine_counts(const mpnic_device *d, struct device_engine_counts *counts)
{
	*counts = d->counts;
}

} // extern "C"
