// SPDX-License-Identifier: BSD-3-Clause
// Stage dss (docs/state.md, "dss"): what mpnic_dss_rules says of each packet, with the state of all
// flows and connections around it.
//
// Packets come in with their records and what flow found of them, and leave in order, valid_o with
// the result: DSS_LATENCY clocks after they were taken, one more if held. There is no back pressure
// on the way out.
//
// Guarantees:
// - Results and state are as if each packet had left before the next came in: whichever flows and
//   connections follow each other.
// - ready_o is low for one clock behind two packets in a row that have state of the same flow or
//   connection, while a command comes in, for a few clocks behind it, and never else: one packet a
//   clock of different connections, one every two clocks of one.
// - A command is done between two packets: it sees what those before it left, those behind see it.
//
// The state stands in here: the DSS state of record flow (both directions, without what is
// reserved, flags above DIR_END and map_judge above 15), and of record conn idsn[A], dsn_next, and
// flags CSUM and TCP. All else of these records belongs to flow. Memory contents are open until
// they are written: by a command (before the flow stands in a table), or because the flow is fresh.
module mpnic_dss #(
  parameter int unsigned FLOWS = 65536,  // powers of two
  parameter int unsigned CONNS = 65536
) (
  input  logic                           clk_i,
  input  logic                           rst_ni,

  input  logic                           valid_i,
  output logic                           ready_o,
  input  logic [mpnic_pkg::HDR_W-1:0]    hdr_i,
  input  logic [mpnic_pkg::CSUM_W-1:0]   csum_i,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [mpnic_pkg::RESULT_W-1:0] result_i,  // flow's fields; dss's are ignored
  // verilator lint_on UNUSEDSIGNAL
  input  logic                           known_i,  // flow_id and conn_id are there, and in range
  input  logic                           fresh_i,  // the flow was learnt with this packet
  input  logic                           first_i,  // flow flag FIRST

  output logic                           valid_o,
  output logic [mpnic_pkg::RESULT_W-1:0] result_o,

  // Reads and writes by firmware; every command has its response, in order.
  input  logic                           cmd_valid_i,
  output logic                           cmd_ready_o,
  input  logic                           cmd_write_i,
  input  logic [1:0]                     cmd_what_i,  // enum dss_mem
  // verilator lint_off UNUSEDSIGNAL
  input  logic [31:0]                    cmd_id_i,
  input  logic [mpnic_pkg::DIR_W-1:0]    cmd_data_i,
  // verilator lint_on UNUSEDSIGNAL
  output logic                           rsp_valid_o,
  output logic [mpnic_pkg::DIR_W-1:0]    rsp_data_o,  // what is there behind the command

  // With valid_o: the state that the packet left, of directions 1 and 0, sides B and A.
  output logic [2*mpnic_pkg::DIR_W-1:0]  commit_dirs_o,
  output logic [127:0]                   commit_next_o
);

  localparam int unsigned FLOW_IDX_W = $clog2(FLOWS);
  localparam int unsigned CONN_IDX_W = $clog2(CONNS);
  localparam int unsigned LAST = mpnic_rtl_pkg::DSS_LATENCY;  // stages of mpnic_dss_rules
  localparam int unsigned FLAGS_LSB = mpnic_pkg::DIR_FLAGS_LSB;
  localparam int unsigned FLAGS_W = mpnic_pkg::DIR_END + 1;
  localparam int unsigned LOW_W = mpnic_pkg::DIR_MAP_JUDGE_LSB + 4;
  localparam int unsigned STATE_W = LOW_W + FLAGS_W;  // a direction in memory

`include "mpnic_records.svh"

  // verilator lint_off UNUSEDSIGNAL
  function automatic logic [STATE_W-1:0] pack(input logic [mpnic_pkg::DIR_W-1:0] dir);
    pack = {dir[FLAGS_LSB+:FLAGS_W], dir[LOW_W-1:0]};
  endfunction
  // verilator lint_on UNUSEDSIGNAL

  function automatic logic [mpnic_pkg::DIR_W-1:0] unpack(input logic [STATE_W-1:0] state);
    unpack = '0;
    unpack[FLAGS_LSB+:FLAGS_W] = state[LOW_W+:FLAGS_W];
    unpack[LOW_W-1:0] = state[LOW_W-1:0];
  endfunction

  // --- 1: one packet or command, held while its state is under way ------------------------------

  // By stage, as all that follows.
  logic                  v1_q, known1_q, fresh1_q, dir1_q, side1_q, cmd1_q;
  logic [FLOW_IDX_W-1:0] flow1_q;
  logic [CONN_IDX_W-1:0] conn1_q;
  logic                  sound1, touches1, hold1, free1, take_packet, take_cmd;
  logic                  v2_q, touches2_q, cmd2_q, v3_q, cmd3_q;
  logic [FLOW_IDX_W-1:0] flow2_q, flow3_q, flow4_q, flow5_q, flow6_q;
  logic [CONN_IDX_W-1:0] conn2_q, conn3_q, conn4_q, conn5_q, conn6_q;

  // verilator lint_off UNUSEDSIGNAL
  mpnic_result_t result_in;
  // verilator lint_on UNUSEDSIGNAL
  assign result_in = result_i;

  // One command at a time: its data stay here until it is done.
  logic                        busy_q, cmd_write_q;
  logic [1:0]                  cmd_what_q;
  logic [mpnic_pkg::DIR_W-1:0] cmd_data_q;
  assign take_cmd = cmd_valid_i & cmd_ready_o;
  assign cmd_ready_o = ~busy_q & free1;
  assign ready_o = free1 & ~(cmd_valid_i & ~busy_q);
  assign take_packet = valid_i & ready_o;
  assign free1 = ~v1_q | ~hold1;

  assign touches1 = cmd1_q | (known1_q & sound1);
  assign hold1 = (v2_q & touches2_q & touches1 &
                  (cmd1_q | (flow1_q == flow2_q) | (conn1_q == conn2_q))) |
                 (touches1 & ((v2_q & cmd2_q) | (v3_q & cmd3_q)));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      v1_q <= 1'b0;
      busy_q <= 1'b0;
    end else begin
      if (free1) v1_q <= take_packet | take_cmd;
      if (take_cmd) busy_q <= 1'b1;
      else if (rsp_valid_o) busy_q <= 1'b0;
    end
  end
  always_ff @(posedge clk_i) begin
    if (take_cmd) begin
      cmd_write_q <= cmd_write_i;
      cmd_what_q <= cmd_what_i;
      cmd_data_q <= cmd_data_i;
    end
    if (take_packet || take_cmd) begin
      cmd1_q <= take_cmd;
      known1_q <= ~take_cmd & known_i;
      fresh1_q <= ~take_cmd & fresh_i;
      dir1_q <= ~take_cmd & result_in.dir[0];
      side1_q <= ~take_cmd & result_in.side[0];
      flow1_q <= take_cmd ? cmd_id_i[FLOW_IDX_W-1:0] : result_in.flow_id[FLOW_IDX_W-1:0];
      conn1_q <= take_cmd ? cmd_id_i[CONN_IDX_W-1:0] : result_in.conn_id[CONN_IDX_W-1:0];
    end
  end

  // --- stages 2 to 7 never wait -----------------------------------------------------------------

  logic [LAST:4] v_q, cmd_q;
  logic          known2_q, fresh2_q, fresh3_q, dir2_q, dir3_q, dir4_q, dir5_q;
  logic          side2_q, side3_q, side4_q, side5_q;
  logic          writes3_q, writes4_q, writes5_q, writes6_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      v2_q <= 1'b0;
      v3_q <= 1'b0;
      v_q <= '0;
    end else begin
      v2_q <= v1_q & ~hold1;
      v3_q <= v2_q;
      v_q <= {v_q[LAST-1:4], v3_q};
    end
  end
  always_ff @(posedge clk_i) begin
    cmd2_q <= cmd1_q;
    cmd3_q <= cmd2_q;
    cmd_q <= {cmd_q[LAST-1:4], cmd3_q};
    touches2_q <= touches1;
    known2_q <= known1_q & sound1;
    fresh2_q <= fresh1_q;
    fresh3_q <= fresh2_q;
    {dir5_q, dir4_q, dir3_q, dir2_q} <= {dir4_q, dir3_q, dir2_q, dir1_q};
    {side5_q, side4_q, side3_q, side2_q} <= {side4_q, side3_q, side2_q, side1_q};
    {flow6_q, flow5_q, flow4_q, flow3_q, flow2_q} <=
        {flow5_q, flow4_q, flow3_q, flow2_q, flow1_q};
    {conn6_q, conn5_q, conn4_q, conn3_q, conn2_q} <=
        {conn5_q, conn4_q, conn3_q, conn2_q, conn1_q};
  end

  // --- memories: read at 1, there at 2; written at 6 ---------------------------------------------

  logic [STATE_W-1:0] mem_dir0[FLOWS];
  logic [STATE_W-1:0] mem_dir1[FLOWS];
  logic [63:0]        mem_next0[CONNS];
  logic [63:0]        mem_next1[CONNS];
  logic [65:0]        mem_conn[CONNS];  // TCP, CSUM, idsn[A]: gates do not change them
  logic [STATE_W-1:0] d0_2_q, d1_2_q, d0_6_q, d1_6_q, d0_7_q, d1_7_q;
  logic [63:0]        n0_2_q, n1_2_q, n0_6_q, n1_6_q, n0_7_q, n1_7_q;
  logic [65:0]        conn2, conn3;
  logic               we;
  always_ff @(posedge clk_i) begin
    if (we) begin
      mem_dir0[flow6_q] <= d0_6_q;
      mem_dir1[flow6_q] <= d1_6_q;
    end
    d0_2_q <= mem_dir0[flow1_q];
    d1_2_q <= mem_dir1[flow1_q];
  end
  always_ff @(posedge clk_i) begin
    if (we) begin
      mem_next0[conn6_q] <= n0_6_q;
      mem_next1[conn6_q] <= n1_6_q;
    end
    n0_2_q <= mem_next0[conn1_q];
    n1_2_q <= mem_next1[conn1_q];
  end
  always_ff @(posedge clk_i) begin
    if (v2_q && cmd2_q && cmd_write_q && cmd_what_q == mpnic_pkg::DSS_MEM_CONN[1:0]) begin
      mem_conn[conn2_q] <= {cmd_data_q[64+mpnic_pkg::CONN_TCP],
                            cmd_data_q[64+mpnic_pkg::CONN_CSUM], cmd_data_q[63:0]};
    end
    conn2 <= mem_conn[conn1_q];
    conn3 <= conn2;
  end

  // --- 2, 3: state that is newer than the memory's -----------------------------------------------

  // A packet at 2 may have missed what is at 6 and 7; at 3, what comes out of 5, and is at 6 now.
  // Equality is looked at a clock before.
  logic same_flow6_q, same_flow7_q, same_conn6_q, same_conn7_q;  // the packet at 2 and that at 6, 7
  logic flow_3to5_q, flow_3to6_q, conn_3to5_q, conn_3to6_q;  // the packet at 3 and that at 5, 6
  always_ff @(posedge clk_i) begin
    same_flow6_q <= writes5_q & (flow1_q == flow5_q);
    same_flow7_q <= writes6_q & (flow1_q == flow6_q);
    same_conn6_q <= writes5_q & (conn1_q == conn5_q);
    same_conn7_q <= writes6_q & (conn1_q == conn6_q);
    flow_3to5_q <= writes4_q & (flow2_q == flow4_q);
    flow_3to6_q <= writes5_q & (flow2_q == flow5_q);
    conn_3to5_q <= writes4_q & (conn2_q == conn4_q);
    conn_3to6_q <= writes5_q & (conn2_q == conn5_q);
  end

  logic [STATE_W-1:0] d0_3_q, d1_3_q;
  logic [63:0]        n0_3_q, n1_3_q;
  always_ff @(posedge clk_i) begin
    d0_3_q <= same_flow6_q ? d0_6_q : same_flow7_q ? d0_7_q : d0_2_q;
    d1_3_q <= same_flow6_q ? d1_6_q : same_flow7_q ? d1_7_q : d1_2_q;
    n0_3_q <= same_conn6_q ? n0_6_q : same_conn7_q ? n0_7_q : n0_2_q;
    n1_3_q <= same_conn6_q ? n1_6_q : same_conn7_q ? n1_7_q : n1_2_q;
  end

  // What comes out of 5 is the end of a long way: it is chosen last, and by its place relative to
  // the packet at 3, so that nothing is turned twice.
  logic [STATE_W-1:0] d0_3, d1_3, self3, other3, self4_q, other4_q, self5, other5;
  logic [63:0]        n0_3, n1_3, next3, ack_next3, next4_q, ack_next4_q, ack_next5_q, next5;
  logic [mpnic_pkg::DIR_W-1:0] rules_dir, rules_other;
  assign d0_3 = (flow_3to6_q ? d0_6_q : d0_3_q) & {STATE_W{~fresh3_q}};
  assign d1_3 = (flow_3to6_q ? d1_6_q : d1_3_q) & {STATE_W{~fresh3_q}};
  assign n0_3 = conn_3to6_q ? n0_6_q : n0_3_q;
  assign n1_3 = conn_3to6_q ? n1_6_q : n1_3_q;
  assign self3 = dir3_q ? d1_3 : d0_3;
  assign other3 = dir3_q ? d0_3 : d1_3;
  assign next3 = side3_q ? n1_3 : n0_3;
  assign ack_next3 = side3_q ? n0_3 : n1_3;
  assign self5 = pack(rules_dir);
  assign other5 = pack(rules_other);
  logic from5, turn5, conn_from5, conn_turn5;
  assign from5 = flow_3to5_q & ~fresh3_q;
  assign turn5 = dir3_q ^ dir5_q;
  assign conn_from5 = conn_3to5_q;
  assign conn_turn5 = side3_q ^ side5_q;
  always_ff @(posedge clk_i) begin
    self4_q <= from5 ? (turn5 ? other5 : self5) : self3;
    other4_q <= from5 ? (turn5 ? self5 : other5) : other3;
    next4_q <= conn_from5 ? (conn_turn5 ? ack_next5_q : next5) : next3;
    ack_next4_q <= conn_from5 ? (conn_turn5 ? next5 : ack_next5_q) : ack_next3;
    ack_next5_q <= ack_next4_q;
  end

  logic [mpnic_pkg::RESULT_W-1:0] rules_result;
  mpnic_dss_rules u_rules (
    .clk_i,
    .take_i      (take_packet | take_cmd),
    .hdr_i,
    .csum_i,
    .known_i     (take_packet & known_i),
    .first_i,
    .dir_i       (result_in.dir[0]),
    .side_i      (result_in.side[0]),
    .sound1_o    (sound1),
    .idsn3_i     (conn3[63:0]),
    .conn_csum3_i(conn3[64]),
    .conn_tcp3_i (conn3[65]),
    .dir4_i      (unpack(self4_q)),
    .other4_i    (unpack(other4_q)),
    .next4_i     (next4_q),
    .ack_next4_i (ack_next4_q),
    .dir5_o      (rules_dir),
    .other5_o    (rules_other),
    .next5_o     (next5),
    .result_o    (rules_result)
  );

  // --- 5, 6: what is written ---------------------------------------------------------------------

  // Whoever has state writes it, changed or not.
  always_ff @(posedge clk_i) begin
    writes3_q <= v2_q & (known2_q | cmd2_q);
    {writes6_q, writes5_q, writes4_q} <= {writes5_q, writes4_q, writes3_q};
  end
  assign we = writes6_q & v_q[6];

  logic cmd5;
  assign cmd5 = v_q[5] & cmd_q[5] & cmd_write_q;
  always_ff @(posedge clk_i) begin
    d0_6_q <= (cmd5 && cmd_what_q == mpnic_pkg::DSS_MEM_DIR0[1:0]) ? pack(cmd_data_q) :
              dir5_q ? other5 : self5;
    d1_6_q <= (cmd5 && cmd_what_q == mpnic_pkg::DSS_MEM_DIR1[1:0]) ? pack(cmd_data_q) :
              dir5_q ? self5 : other5;
    n0_6_q <= (cmd5 && cmd_what_q == mpnic_pkg::DSS_MEM_NEXT[1:0]) ? cmd_data_q[63:0] :
              side5_q ? ack_next5_q : next5;
    n1_6_q <= (cmd5 && cmd_what_q == mpnic_pkg::DSS_MEM_NEXT[1:0]) ? cmd_data_q[127:64] :
              side5_q ? next5 : ack_next5_q;
    d0_7_q <= d0_6_q;
    d1_7_q <= d1_6_q;
    n0_7_q <= n0_6_q;
    n1_7_q <= n1_6_q;
  end

  // --- out ---------------------------------------------------------------------------------------

  assign rsp_valid_o = v_q[6] & cmd_q[6];
  always_comb begin
    unique case (cmd_what_q)
      mpnic_pkg::DSS_MEM_DIR0[1:0]: rsp_data_o = unpack(d0_6_q);
      mpnic_pkg::DSS_MEM_DIR1[1:0]: rsp_data_o = unpack(d1_6_q);
      mpnic_pkg::DSS_MEM_NEXT[1:0]: rsp_data_o = mpnic_pkg::DIR_W'({n1_6_q, n0_6_q});
      default: rsp_data_o = '0;
    endcase
  end

  // flow's fields of the result go around.
  localparam int unsigned IDS_LSB = mpnic_pkg::RESULT_FLOW_ID_LSB;
  localparam int unsigned ACT_LSB = mpnic_pkg::RESULT_MARK_LSB;
  localparam int unsigned HEAD_W = mpnic_pkg::RESULT_FLAGS_LSB;
  localparam int unsigned IDS_W = mpnic_pkg::RESULT_DSN_LSB - IDS_LSB;
  localparam int unsigned ACT_W = mpnic_pkg::RESULT_RESERVED2_LSB - ACT_LSB;
  localparam int unsigned KEPT_W = HEAD_W + IDS_W + ACT_W + 32;
  logic [KEPT_W-1:0] kept1_q, kept7;
  always_ff @(posedge clk_i) begin
    if (take_packet) begin
      kept1_q <= {result_in.signs, result_i[ACT_LSB+:ACT_W], result_i[IDS_LSB+:IDS_W],
                  result_i[HEAD_W-1:0]};
    end
  end
  mpnic_delay #(.W(KEPT_W), .N(LAST - 1)) u_kept (
    .clk_i, .rst_ni,
    .data_i(kept1_q),
    .data_o(kept7)
  );
  always_comb begin
    result_o = rules_result;
    result_o[HEAD_W-1:0] = kept7[HEAD_W-1:0];
    result_o[IDS_LSB+:IDS_W] = kept7[HEAD_W+:IDS_W];
    result_o[ACT_LSB+:ACT_W] = kept7[HEAD_W+IDS_W+:ACT_W];
    result_o[mpnic_pkg::RESULT_SIGNS_LSB+:32] =
        rules_result[mpnic_pkg::RESULT_SIGNS_LSB+:32] | kept7[KEPT_W-1-:32];
  end
  assign valid_o = v_q[LAST] & ~cmd_q[LAST];
  assign commit_dirs_o = {unpack(d1_7_q), unpack(d0_7_q)};
  assign commit_next_o = {n1_7_q, n0_7_q};

  // Nobody waits longer than a clock, but for commands; what is under way side by side is of
  // different flows and connections.
  logic held_q;
  // verilator lint_off SYNCASYNCNET
  always @(posedge clk_i) begin
    held_q <= rst_ni & v1_q & hold1;
    if (rst_ni && v1_q && !cmd1_q && !(v2_q && cmd2_q) && !(v3_q && cmd3_q)) begin
      assert (!(hold1 && held_q));
    end
    if (rst_ni && writes3_q && v3_q && v2_q && known2_q) begin
      assert (flow2_q != flow3_q && conn2_q != conn3_q);
    end
  end
  // verilator lint_on SYNCASYNCNET

endmodule
