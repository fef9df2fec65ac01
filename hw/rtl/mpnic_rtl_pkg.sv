// SPDX-License-Identifier: BSD-3-Clause
// Hand-written constants and functions of the RTL.
// verilator lint_off UNUSEDPARAM
package mpnic_rtl_pkg;

  // Clocks that each header stage takes from valid_i to valid_o. FIFO depths follow from them.
  localparam int unsigned PARSE_LATENCY = 5;
  localparam int unsigned TCPOPT_LATENCY = 7;
  localparam int unsigned MPTCP_LATENCY = 2;

  // Clocks of a table's hash, the last of them of what stands behind its linear part; and of a look-up.
  localparam int unsigned HASH_LATENCY = 5;
  localparam int unsigned MIX_LATENCY = 2;
  localparam int unsigned TABLE_LATENCY = 6;
  // Clocks of a read of a table's entry: of a table into which gates put, and of others.
  localparam int unsigned PUT_PORT_LATENCY = 8;
  localparam int unsigned PORT_LATENCY = 3;

  // Clocks of a look-up among the rules.
  localparam int unsigned RULES_LATENCY = 15;

  // What tcpopt tells mptcp: MPTCP_OPTS places, option k's at [k * LOC_OPT_W +: LOC_OPT_W], each
  // { head, bytes 29 to 1 from its kind byte on, 0, offset in opts[5:0], valid }; above them
  // { too many, no data, no handshake, a payload, ACK, RST, SYN/ACK, SYN }: the last four the kind
  // of segment, no data is neither ACK nor RST, no handshake none of SYN, SYN/ACK, ACK. The head is
  // { subtype 14 to 0, one-hot; length 30, 28 ... 4, one-hot; length above 3; length above 2 }.
  localparam int unsigned LOC_OPT_BYTES = 29;
  localparam int unsigned LOC_HEAD_LSB = LOC_OPT_BYTES * 8 + 8;
  localparam int unsigned LOC_HEAD_W = 31;
  localparam int unsigned LOC_OPT_W = LOC_HEAD_LSB + LOC_HEAD_W;
  localparam int unsigned LOC_SEG_LSB = 4 * LOC_OPT_W;
  localparam int unsigned LOC_SEG_W = 7;
  localparam int unsigned LOC_TOO_MANY = LOC_SEG_LSB + LOC_SEG_W;
  localparam int unsigned LOC_W = LOC_TOO_MANY + 1;

  // What mpnic_window marks of a slot in which an IPv6 extension header may start: by which number
  // of slots the walk goes on (bit k: k + 1 slots, and an extension header follows), whether it
  // stops, whether a routing header follows, whether the header's segments left are not 0, and its
  // first two bytes, next header and length. Slot 0 is marked thrice: for no tag, one, two.
  localparam int unsigned V6_STEPS = 15;
  localparam int unsigned MARK_STOP = V6_STEPS;
  localparam int unsigned MARK_ROUTING = V6_STEPS + 1;
  localparam int unsigned MARK_SEGMENTS = V6_STEPS + 2;
  localparam int unsigned MARK_NEXT = V6_STEPS + 3;
  localparam int unsigned MARK_LENGTH = V6_STEPS + 11;
  localparam int unsigned MARK_W = V6_STEPS + 19;
  localparam int unsigned MARKS = 18;  // V6_EXT_SLOTS + 2

  // Clocks of stages flow and act; of dss from the packet's acceptance to its result, if it is not
  // held.
  localparam int unsigned FLOW_LATENCY = 27;
  localparam int unsigned DSS_LATENCY = 14;
  localparam int unsigned ACT_LATENCY = 3;
  localparam int unsigned STRIP_LATENCY = 6;  // inside deparse

  // State of stage dss under way: a direction's isn and flags, its mappings (the lower part of them in
  // memory), what has passed of the newest.
  localparam int unsigned DSS_HEAD_W = 40;
  localparam int unsigned DSS_MAPS_MEM_W = 194;
  localparam int unsigned DSS_MAPS_W = DSS_MAPS_MEM_W + 160;
  localparam int unsigned DSS_PASS_W = 55;

  // Numbers on the wire: the first byte, in the lowest bits, is the highest.
  function automatic logic [15:0] be16(input logic [15:0] x);
    be16 = {x[7:0], x[15:8]};
  endfunction

  function automatic logic [31:0] be32(input logic [31:0] x);
    be32 = {x[7:0], x[15:8], x[23:16], x[31:24]};
  endfunction

  // Hop-by-hop, routing and destination options.
  function automatic logic is_v6_ext(input logic [7:0] next);
    is_v6_ext = (next == 8'd0) | (next == 8'd43) | (next == 8'd60);
  endfunction

endpackage
// verilator lint_on UNUSEDPARAM
