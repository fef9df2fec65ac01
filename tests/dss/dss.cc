// SPDX-License-Identifier: BSD-3-Clause
// dss [--count N] [--seed S]: RTL of stage dss beside the C model, packet by packet: every result,
// the state that each packet left, every response to a command. Packets are those of generated
// conversations and hostile records on hostile states, in bursts of one flow, of one connection,
// and mixed, while commands read and write. It also holds ready_o to its word: one clock behind a
// packet of the same flow or connection, or a command, and else never low. Exit code 1: they
// differ.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>

#include "Vmpnic_dss.h"
#include "random.h"
#include "verilated.h"

// C gives functions the names of structs.
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#include "mpnic_state.h"
#include "talk.h"
}

namespace
{

constexpr unsigned FLOWS = 64, CONNS = 32; // as the RTL was built
constexpr unsigned TALKS = 6;		   // they have the first connections and flows
constexpr unsigned HOSTILE_FLOW = TALKS * TALK_FLOWS;
constexpr uint32_t STATE_FLAGS = 0x3fff;
// Those that packets of the other direction ask for.
constexpr uint32_t OTHER_FLAGS = MPNIC_DIR_ISN | MPNIC_DIR_SYN_DATA | MPNIC_DIR_CAPABLE |
				 MPNIC_DIR_CAPABLE_V1 | MPNIC_DIR_THIRD | MPNIC_DIR_END |
				 MPNIC_DIR_DATA | MPNIC_DIR_INFINITE | MPNIC_DIR_DATA_ACK;
constexpr unsigned CMD_DIR0 = 0, CMD_NEXT = 2, CMD_CONN = 3;

struct Packet {
	mpnic_hdr hdr;
	struct mpnic_csum csum;
	mpnic_result result;
	bool known, fresh, first;
	unsigned flow, conn;
};

struct Command {
	bool write;
	unsigned what, id;
	uint8_t data[sizeof(mpnic_dir)];
};

struct Expected {
	mpnic_result result;
	mpnic_dir dir[2];
	uint64_t next[2];
	bool known;
};

struct Response {
	uint8_t data[sizeof(mpnic_dir)];
};

mpnic_flow flows[FLOWS];
mpnic_conn conns[CONNS];
unsigned conn_of[FLOWS];
std::deque<Command> commands;
uint64_t states[16], judges[16], signs[32], flags[8], data_fins;

// ---- conversations -----------------------------------------------------------------------------

struct Talk {
	talk *t = nullptr;
	uint64_t seed = 0;
} talks[TALKS];

void command(bool write, unsigned what, unsigned id, const void *data, size_t len)
{
	Command c = {write, what, id, {}};

	fill(c.data);
	if (data) {
		memset(c.data, 0, sizeof(c.data));
		memcpy(c.data, data, len);
	}
	commands.push_back(c);
}

void write_flow(unsigned id, const mpnic_dir dir[2])
{
	command(true, CMD_DIR0, id, &dir[0], sizeof(dir[0]));
	command(true, CMD_DIR0 + 1, id, &dir[1], sizeof(dir[1]));
}

void write_conn(unsigned id, uint64_t idsn, const uint64_t next[2], uint8_t conn_flags)
{
	uint8_t fixed[9];

	memcpy(fixed, &idsn, 8);
	fixed[8] = conn_flags;
	command(true, CMD_CONN, id, fixed, sizeof(fixed));
	command(true, CMD_NEXT, id, next, 16);
}

void start_talk(unsigned i)
{
	Talk &talk = talks[i];

	if (talk.t)
		talk_free(talk.t);
	talk.t = talk_new(rnd(), 200 + below(800), TALK_MSS_MAX);
	const struct talk_info *info = talk_info(talk.t);
	write_conn(i, info->idsn[0], info->next, info->csum ? MPNIC_CONN_CSUM : 0);
	for (unsigned f = 0; f < TALK_FLOWS; f++) {
		const talk_flow_info &flow = info->flow[f];
		mpnic_dir dir[2] = {};

		flows[i * TALK_FLOWS + f].flags = f ? 0 : MPNIC_FLOW_STATE_FIRST;
		if (f < info->flows && !flow.handshake && flow.isn_known) {
			for (unsigned d = 0; d < 2; d++) {
				dir[d].isn = flow.isn[d];
				dir[d].flags = MPNIC_DIR_ISN | MPNIC_DIR_THIRD;
			}
		}
		write_flow(i * TALK_FLOWS + f, dir);
	}
}

// Returns false if a conversation has to be set up before.
bool talk_packet(unsigned i, Packet &p)
{
	static talk_segment seg;

	if (!talks[i].t || !talk_next(talks[i].t, &seg)) {
		start_talk(i);
		return false;
	}
	mpnic_packet(seg.frame, seg.len, MPNIC_USER(talk_info(talks[i].t)->version, 0), &p.hdr,
		     &p.csum);
	p.flow = i * TALK_FLOWS + seg.flow;
	p.conn = i;
	p.result.dir = uint8_t(seg.dir);
	p.result.side = uint8_t(seg.side);
	return true;
}

// ---- hostile packets and states ----------------------------------------------------------------

// Something near, or at a border, or anything.
uint64_t about(uint64_t x)
{
	static const uint64_t far[] = {0,	   1,	       2,	   0xffff,     0x10000,
				       0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0x100000000,
				       1ull << 33, 1ull << 62, INT64_MAX,  1ull << 63, 0x80007fff};

	switch (below(8)) {
	case 0:
		return x + far[below(15)];
	case 1:
		return x - far[below(15)];
	case 2:
		return x + below(70000);
	case 3:
		return one_in(4) ? rnd() : x - below(70000);
	case 4:
		return x + below(8) - 4;
	case 5:
		return x + below(3000) - 1500;
	default:
		return x;
	}
}

uint16_t some_len()
{
	static const uint16_t border[] = {0, 1, 2, 3, 0xffff, 0xfffe, 0x8000, 1460};

	return one_in(4) ? border[below(8)] : one_in(8) ? uint16_t(rnd()) : uint16_t(below(2000));
}

void random_dir(mpnic_dir &d, uint64_t next)
{
	fill(d);
	d.flags = uint32_t(rnd() & (one_in(3) ? rnd() : STATE_FLAGS)) & STATE_FLAGS;
	if (!one_in(4))
		d.flags |= MPNIC_DIR_ISN | (one_in(3) ? 0 : MPNIC_DIR_MAP);
	if (!one_in(4))
		d.flags &= ~uint32_t(MPNIC_DIR_INFINITE | MPNIC_DIR_MAP_DONE);
	d.reserved = 0;
	d.map_judge = one_in(3) ? uint8_t(below(16)) : 0;
	d.map_len = some_len();
	d.map_pos = one_in(3) ? some_len() : d.map_len ? uint16_t(below(d.map_len)) : 0;
	d.map_dsn = about(next);
	d.prev_len = some_len();
	d.prev_ssn = one_in(3) ? uint32_t(about(d.map_ssn)) : d.map_ssn - d.prev_len;
	d.prev_dsn = one_in(3) ? uint32_t(about(d.map_dsn)) : uint32_t(d.map_dsn) - d.prev_len;
	if (one_in(8)) // its end is as far from next as numbers can be
		d.map_dsn = next + (1ull << 63) - d.map_len;
	if (one_in(8))
		d.map_sum = one_in(2) ? 0 : 0xffff;
	if (one_in(8))
		d.map_csum = one_in(2) ? 0 : 0xffff;
}

void random_state()
{
	const unsigned flow = HOSTILE_FLOW + below(FLOWS - HOSTILE_FLOW), conn = conn_of[flow];
	const uint64_t from = one_in(3) ? rnd() : rnd() << 32, next[2] = {from, about(from)};
	mpnic_dir dir[2];

	flows[flow].flags = uint16_t(one_in(3) ? 0 : MPNIC_FLOW_STATE_FIRST);
	const bool anew = !one_in(3);

	if (anew)
		write_conn(conn, about(from), next,
			   one_in(10) ? uint8_t(below(4)) : uint8_t(below(2)));
	random_dir(dir[0], anew ? next[0] : conns[conn].dsn_next[0]);
	random_dir(dir[1], anew ? next[1] : conns[conn].dsn_next[1]);
	write_flow(flow, dir);
}

uint16_t fold(uint64_t x)
{
	while (x >> 16)
		x = (x & 0xffff) + (x >> 16);
	return uint16_t(x);
}

uint16_t swap(uint16_t x)
{
	return uint16_t(x << 8 | x >> 8);
}

void random_option(Packet &p, mpnic_opt &o, const mpnic_dir &d, uint32_t rel)
{
	static const uint8_t often[] = {MPNIC_SUBTYPE_DSS, MPNIC_SUBTYPE_DSS, MPNIC_SUBTYPE_DSS,
					MPNIC_SUBTYPE_MP_CAPABLE};
	const uint64_t *next = conns[p.conn].dsn_next;
	const unsigned side = p.result.side;

	fill(o);
	o.subtype = one_in(12)	? uint8_t(below(256))
		    : one_in(4) ? uint8_t(below(10))
				: often[below(4)];
	o.error = one_in(8) ? uint8_t(rnd()) : 0;
	o.version = uint8_t(one_in(8) ? below(256) : below(2));
	o.data_len = one_in(3) ? some_len() : one_in(2) ? p.hdr.payload_len : d.map_len;
	if (o.subtype == MPNIC_SUBTYPE_DSS) {
		if (one_in(2))
			o.fields |= MPNIC_FIELD_MAPPING;
		if (one_in(3))
			o.flags &= uint8_t(~MPNIC_DSS_F);
		else if (o.flags & MPNIC_DSS_F && one_in(2))
			o.data_len++;
		o.dss.data_ack = about(next[!side]);
		o.dss.ssn = one_in(3)	? uint32_t(about(d.map_ssn))
			    : one_in(4) ? d.prev_ssn
			    : one_in(2) ? rel
			    : one_in(2) ? d.map_ssn
					: d.map_ssn + d.map_len;
		o.dss.dsn = one_in(3) ? about(next[side])
			    : one_in(4)
				    ? about(d.map_dsn)
				    : d.map_dsn + uint64_t(int64_t(int32_t(o.dss.ssn - d.map_ssn)));
		if (one_in(8)) { // a DATA_FIN alone, about where the segment ends
			const uint32_t shift = one_in(2) ? uint32_t(d.map_dsn) - d.map_ssn
							 : d.prev_dsn - d.prev_ssn;

			o.fields |= MPNIC_FIELD_MAPPING;
			o.flags |= MPNIC_DSS_F;
			o.data_len = 1;
			o.dss.dsn = one_in(2) ? about(next[side])
					      : about((d.map_dsn & ~0xffffffffull) +
						      (shift + rel + p.hdr.payload_len));
		}
		if (one_in(2) && (o.fields & MPNIC_FIELD_DSN8) == 0)
			o.dss.dsn &= 0xffffffff;
	}
	if (one_in(4))
		o.checksum = d.map_csum;
	if (one_in(2))
		o.checksum = uint16_t(~fold((o.dss.dsn & 0xffffffff) + (next[side] >> 32) +
					    o.dss.ssn + o.data_len + p.csum.payload_sum));
	if (o.subtype == MPNIC_SUBTYPE_DSS && (o.fields & MPNIC_FIELD_DSN8) && one_in(2))
		o.checksum = uint16_t(~fold((o.dss.dsn & 0xffffffff) + (o.dss.dsn >> 32) +
					    o.dss.ssn + o.data_len + p.csum.payload_sum));
}

void hostile_packet(unsigned flow, Packet &p)
{
	mpnic_hdr &hdr = p.hdr;

	fill(hdr);
	fill(p.csum);
	p.flow = flow;
	p.conn = one_in(50) ? below(CONNS) : conn_of[flow];
	p.result.dir = uint8_t(below(2));
	p.result.side = uint8_t(one_in(4) ? below(2) : p.result.dir);
	const mpnic_dir &d = flows[flow].dir[p.result.dir], &other = flows[flow].dir[!p.result.dir];
	hdr.parse = one_in(40) ? uint8_t(below(20)) : uint8_t(MPNIC_PARSE_TCP);
	p.csum.ip = one_in(40) ? uint8_t(below(256)) : uint8_t(MPNIC_CSUM_GOOD);
	p.csum.l4 = one_in(40) ? uint8_t(below(8)) : uint8_t(MPNIC_CSUM_GOOD);
	hdr.tcp_flags = one_in(8) ? uint8_t(rnd()) : one_in(12) ? 2 : one_in(10) ? 18 : 16;
	hdr.payload_len = one_in(6) ? 0 : some_len();
	uint32_t rel = one_in(2)   ? d.map_ssn + d.map_pos
		       : one_in(2) ? uint32_t(about(d.map_ssn))
		       : one_in(2) ? uint32_t(about(d.prev_ssn))
				   : d.map_ssn + below(d.map_len + 1);
	if (hdr.tcp_flags & 2)
		rel = one_in(2) ? 0 : uint32_t(about(0));
	else if (one_in(3) && d.map_len > d.map_pos && rel == d.map_ssn + d.map_pos)
		hdr.payload_len = uint16_t(d.map_len - d.map_pos);
	hdr.seq = d.isn + rel;
	hdr.ack = uint32_t(about(other.isn + 1));
	if (one_in(3)) {
		const uint16_t sum = uint16_t(~fold(uint64_t(d.map_sum) + d.map_csum));

		p.csum.payload_sum = (rel - d.map_ssn) & 1 ? swap(sum) : sum;
	}
	hdr.mptcp_count = uint8_t(one_in(5) ? 0 : one_in(3) ? below(5) : 1);
	for (auto &o : hdr.opt)
		random_option(p, o, d, rel);
}

// ---- what comes next ---------------------------------------------------------------------------

unsigned mood, mood_left, mood_flow, gap_of;

bool next_packet(Packet &p)
{
	if (!mood_left--) {
		mood = below(5);
		mood_left = 1 + below(one_in(4) ? 400 : 30);
		mood_flow = HOSTILE_FLOW + below(FLOWS - HOSTILE_FLOW);
		gap_of = one_in(3) ? 1 + below(4) : 0;
	}
	fill(p.result);
	p.known = true;
	p.fresh = false;
	if (mood < 2) {
		if (!talk_packet(mood ? mood_left % TALKS : mood_flow % TALKS, p))
			return false;
	} else {
		unsigned flow = mood_flow;

		if (mood == 3) // few flows, close together
			flow = HOSTILE_FLOW + (mood_flow + below(3)) % (FLOWS - HOSTILE_FLOW);
		else if (mood == 4)
			flow = HOSTILE_FLOW + below(FLOWS - HOSTILE_FLOW);
		if (one_in(12))
			random_state();
		hostile_packet(flow, p);
		p.known = !one_in(40);
		p.fresh = p.known && one_in(60);
	}
	if (p.fresh)
		flows[p.flow].flags = 0;
	p.first = flows[p.flow].flags & MPNIC_FLOW_STATE_FIRST;
	p.result.flow_id = p.flow;
	p.result.conn_id = p.conn;
	p.result.reserved = 0;
	memset(p.result.reserved2, 0, sizeof(p.result.reserved2));
	p.result.signs &= ~uint32_t(MPNIC_SIGN_CSUM_BAD);
	return true;
}

// ---- the model ---------------------------------------------------------------------------------

bool sound(const Packet &p)
{
	return p.hdr.parse == MPNIC_PARSE_TCP && p.csum.ip != MPNIC_CSUM_BAD &&
	       p.csum.ip != MPNIC_CSUM_NOT_JUDGED &&
	       (p.csum.l4 == MPNIC_CSUM_GOOD || p.csum.l4 == MPNIC_CSUM_PARTIAL);
}

Expected model(const Packet &p)
{
	mpnic_flow flow = flows[p.flow];
	mpnic_conn &conn = conns[p.conn];
	Expected e = {};

	e.result = p.result;
	e.known = p.known && sound(p);
	flow.flags = p.first ? MPNIC_FLOW_STATE_FIRST : 0;
	if (p.fresh)
		memset(flow.dir, 0, sizeof(flow.dir));
	mpnic_dss(&p.hdr, &p.csum, p.known ? &flow : nullptr, p.known ? &conn : nullptr, &e.result);
	if (e.known)
		memcpy(flows[p.flow].dir, flow.dir, sizeof(flow.dir));
	memcpy(e.dir, flow.dir, sizeof(e.dir));
	memcpy(e.next, conn.dsn_next, sizeof(e.next));
	states[e.result.dsn_state & 15]++;
	judges[e.result.map_csum & 15]++;
	data_fins += e.result.data_fin != 0;
	for (unsigned i = 0; i < 32; i++)
		signs[i] += (e.result.signs & ~p.result.signs) >> i & 1;
	for (unsigned i = 0; i < 8; i++)
		flags[i] += e.result.flags >> i & 1;
	return e;
}

Response model_command(const Command &c)
{
	mpnic_flow &flow = flows[c.id % FLOWS];
	mpnic_conn &conn = conns[c.id % CONNS];
	Response r = {};

	if (c.what == CMD_CONN) {
		if (c.write) {
			memcpy(&conn.idsn[0], c.data, 8);
			conn.flags = c.data[8];
		}
	} else if (c.what == CMD_NEXT) {
		if (c.write)
			memcpy(conn.dsn_next, c.data, 16);
		memcpy(r.data, conn.dsn_next, 16);
	} else {
		mpnic_dir &dir = flow.dir[c.what];

		if (c.write) {
			memcpy(&dir, c.data, sizeof(dir));
			dir.reserved = 0;
			dir.map_judge &= 15;
			dir.flags &= STATE_FLAGS;
		}
		memcpy(r.data, &dir, sizeof(dir));
	}
	return r;
}

// ---- the clock ---------------------------------------------------------------------------------

template <typename Port, typename T> void drive(Port &port, const T &value)
{
	static_assert(sizeof(port) == sizeof(value), "width");
	memcpy(&port, &value, sizeof(value));
}

void show(const char *name, const void *want, const void *got, size_t len)
{
	auto w = static_cast<const uint8_t *>(want), g = static_cast<const uint8_t *>(got);

	for (size_t i = 0; i < len; i++)
		if (w[i] != g[i])
			printf("  %s byte %zu: model %02x, RTL %02x\n", name, i, w[i], g[i]);
}

bool compare(const Expected &e, Vmpnic_dss &top, uint64_t number)
{
	const bool result = !memcmp(&e.result, &top.result_o, sizeof(e.result));
	// Of the other direction isn and flags leave, and whether all else is zero; its mappings
	// are looked at when a packet of it comes, or a command.
	const unsigned dir = e.result.dir & 1, side = e.result.side & 1;
	mpnic_dir other = {}, zero = e.dir[!dir];

	other.isn = e.dir[!dir].isn;
	other.flags = e.dir[!dir].flags & OTHER_FLAGS;
	zero.isn = 0;
	zero.flags &= ~OTHER_FLAGS;
	const mpnic_dir none = {};
	const bool state =
		!e.known || (!memcmp(&e.dir[dir], &top.commit_dir_o, sizeof(e.dir[0])) &&
			     !memcmp(&other, &top.commit_other_o, sizeof(other)) &&
			     (!top.commit_zero_o || !memcmp(&zero, &none, sizeof(none))) &&
			     e.next[side] == top.commit_next_o);

	if (result && state)
		return true;
	printf("packet %" PRIu64 " differs\n", number);
	show("result", &e.result, &top.result_o, sizeof(e.result));
	if (!state) {
		show("dir", &e.dir[dir], &top.commit_dir_o, sizeof(e.dir[0]));
		show("other", &other, &top.commit_other_o, sizeof(other));
		show("next", &e.next[side], &top.commit_next_o, sizeof(e.next[0]));
	}
	return false;
}

struct Taken {
	uint64_t clock;
	bool touches;
	unsigned flow, conn;
};

bool tried_all()
{
	bool all = data_fins;

	for (unsigned i = 1; i <= MPNIC_DSN_SYN; i++)
		all &= states[i] > 0;
	for (unsigned i = 1; i <= MPNIC_MAP_CSUM_REPLACED; i++)
		all &= judges[i] > 0;
	for (unsigned i = 0; i <= 22; i++)
		all &= signs[i] > 0;
	return all && signs[29] && signs[30] && flags[0] && flags[1] && flags[2] && flags[3];
}

} // namespace

int main(int argc, char **argv)
{
	uint64_t count = 400000, seed = 1;

	options(argc, argv, count, seed);
	Verilated::commandArgs(argc, argv);
	auto owner = std::make_unique<Vmpnic_dss>();
	Vmpnic_dss &top = *owner;
	std::deque<Expected> expected;
	std::deque<Response> responses;
	Packet packet;
	Taken taken[2] = {}; // the last packet, the one before
	bool have = false, was_low = false,
	     was_low2 = false; // in the last clock, in the one before
	uint64_t accepted = 0, compared = 0, clocks = 0, held = 0, commanded = 0, quiet = 0;
	unsigned gap = 0;

	for (unsigned f = 0; f < FLOWS; f++) {
		const mpnic_dir zero[2] = {};

		conn_of[f] = f < HOSTILE_FLOW ? f / TALK_FLOWS : TALKS + f % (CONNS - TALKS);
		if (f >= FLOWS - 6)
			conn_of[f] = CONNS - 1;
		flows[f].flags = uint16_t(one_in(2) ? MPNIC_FLOW_STATE_FIRST : 0);
		write_flow(f, zero);
	}
	for (unsigned c = 0; c < CONNS; c++) {
		const uint64_t next[2] = {rnd(), rnd()};

		write_conn(c, rnd(), next, uint8_t(below(2)));
	}
	top.rst_ni = 0;
	top.valid_i = top.cmd_valid_i = 0;
	for (unsigned i = 0; i < 4; i++) {
		top.clk_i = 1;
		top.eval();
		top.clk_i = 0;
		top.eval();
	}
	top.rst_ni = 1;
	while (compared < count) {
		// What is offered. Conversations and new states wait for their commands.
		if (!have && commands.empty())
			have = next_packet(packet);
		const bool offer = have && !gap && (commands.empty() || one_in(2));
		if (gap)
			gap--;
		if (have && commands.empty() && one_in(40))
			command(false, below(3), below(FLOWS), nullptr, 0);
		top.valid_i = offer;
		if (offer) {
			drive(top.hdr_i, packet.hdr);
			drive(top.csum_i, packet.csum);
			drive(top.result_i, packet.result);
			top.known_i = packet.known;
			top.fresh_i = packet.fresh;
			top.first_i = packet.first;
		} else {
			fill(top.hdr_i);
			fill(top.result_i);
			top.known_i = below(2);
		}
		top.cmd_valid_i = !commands.empty();
		if (!commands.empty()) {
			top.cmd_write_i = commands[0].write;
			top.cmd_what_i = uint8_t(commands[0].what);
			top.cmd_id_i = commands[0].id;
			drive(top.cmd_data_i, commands[0].data);
		}
		top.eval();
		clocks++;
		quiet++;
		// Its word.
		const bool low = !top.ready_o;
		if (!commands.empty() || !responses.empty())
			quiet = 0;
		if (low && quiet > 8) {
			// The one before has gone on in the last clock.
			const bool close = taken[0].clock == clocks - 1 &&
					   (taken[1].clock == clocks - 2 || was_low2);
			const bool related =
				taken[0].touches && taken[1].touches &&
				(taken[0].flow == taken[1].flow || taken[0].conn == taken[1].conn);

			held++;
			if (!close || !related || was_low) {
				printf("clock %" PRIu64 ": ready_o is low without reason\n",
				       clocks);
				return 1;
			}
		}
		was_low2 = was_low;
		was_low = low;
		if (top.ready_o && top.cmd_valid_i && top.cmd_ready_o) {
			printf("clock %" PRIu64 ": both a packet and a command are taken\n",
			       clocks);
			return 1;
		}
		if (top.cmd_valid_i && top.cmd_ready_o) {
			responses.push_back(model_command(commands[0]));
			commands.pop_front();
			commanded++;
		} else if (offer && top.ready_o) {
			expected.push_back(model(packet));
			taken[1] = taken[0];
			taken[0] = {clocks, packet.known && sound(packet), packet.flow,
				    packet.conn};
			have = false;
			accepted++;
			gap = gap_of ? below(gap_of + 1) : 0;
		}
		// What leaves.
		if (top.valid_o) {
			if (expected.empty()) {
				printf("a result without a packet\n");
				return 1;
			}
			if (!compare(expected.front(), top, compared))
				return 1;
			expected.pop_front();
			compared++;
		}
		if (top.rsp_valid_o) {
			if (responses.empty() || memcmp(responses.front().data, &top.rsp_data_o,
							sizeof(Response::data))) {
				printf("response %" PRIu64 " differs\n", commanded);
				if (!responses.empty())
					show("response", responses.front().data, &top.rsp_data_o,
					     sizeof(Response::data));
				return 1;
			}
			responses.pop_front();
		}
		if (expected.size() > 16 || clocks > 40 * count + 100000) {
			printf("packets are lost, or it stands still\n");
			return 1;
		}
		top.clk_i = 1;
		top.eval();
		top.clk_i = 0;
	}
	top.final();
	printf("seed %" PRIu64 ": %" PRIu64 " packets in %" PRIu64 " clocks, %" PRIu64
	       " commands; held for a clock %" PRIu64 " times\n",
	       seed, compared, clocks, commanded, held);
	printf("dsn_state:");
	for (unsigned i = 0; i < 11; i++)
		printf(" %" PRIu64, states[i]);
	printf("\nmap_csum:");
	for (unsigned i = 0; i < 11; i++)
		printf(" %" PRIu64, judges[i]);
	printf("\nsigns:");
	for (unsigned i = 0; i < 32; i++)
		printf(" %" PRIu64, signs[i]);
	printf("\n");
	for (auto &t : talks)
		if (t.t)
			talk_free(t.t);
	if (count >= 100000 && !tried_all()) {
		printf("not everything was tried\n");
		return 1;
	}
	return 0;
}
