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
//   connection, from when a command comes in until its response, and never else: one packet a clock
//   of different connections, one every two clocks of one.
// - A command is done between two packets: it sees what those before it left, those behind see it.
//
// The state stands in here: the DSS state of record flow (both directions, without what is
// reserved, flags above DIR_END and map_judge above 15), and of record conn idsn[A], dsn_next, and
// flags CSUM and TCP. All else of these records belongs to flow. Memory contents are open until
// they are written: by a command (before the flow stands in a table), or because the flow is fresh.
//
// Memories are read in two clocks, and written behind the loop: what packets ahead left meanwhile
// is forwarded (mpnic_dss_keys, mpnic_dss_forward). A packet reads and writes its own direction of
// its flow alone; of the other one it needs isn and flags, and it may set it to zero: then a flag
// beside them says so. dsn_next of the other side, which no packet changes, is read when all
// packets ahead have written, so that nothing needs to be forwarded.
module mpnic_dss #(
  parameter int unsigned FLOWS = 65536,  // powers of two
  parameter int unsigned CONNS = 65536,
  parameter bit          COMMIT = 1'b0  // commit_*_o: for tests
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

  // With valid_o, if COMMIT: what the packet left of its own direction, of isn and flags of the
  // other one, whether all else of that is zero; dsn_next of its side.
  output logic [mpnic_pkg::DIR_W-1:0]    commit_dir_o,
  output logic [mpnic_pkg::DIR_W-1:0]    commit_other_o,
  output logic                           commit_zero_o,
  output logic [63:0]                    commit_next_o
);

  localparam int unsigned FLOW_IDX_W = $clog2(FLOWS);
  localparam int unsigned CONN_IDX_W = $clog2(CONNS);
  localparam int unsigned LAST = mpnic_rtl_pkg::DSS_LATENCY;  // stages of mpnic_dss_rules
  localparam int unsigned DIR_W = mpnic_pkg::DIR_W;
  localparam int unsigned FLAGS_LSB = mpnic_pkg::DIR_FLAGS_LSB;
  localparam int unsigned HEAD_W = mpnic_rtl_pkg::DSS_HEAD_W;
  localparam int unsigned MAPS_W = mpnic_rtl_pkg::DSS_MAPS_W;
  localparam int unsigned MEM_W = mpnic_rtl_pkg::DSS_MAPS_MEM_W;
  localparam int unsigned PASS_W = mpnic_rtl_pkg::DSS_PASS_W;
  localparam int unsigned ZERO = HEAD_W;  // beside the head: all else of the direction is zero

`include "mpnic_records.svh"

  // --- parts of record dir -----------------------------------------------------------------------

  // verilator lint_off UNUSEDSIGNAL
  function automatic logic [HEAD_W-1:0] head_of(input logic [DIR_W-1:0] dir);
    logic [31:0] flags;
    flags = dir[FLAGS_LSB+:32];
    head_of = {flags[mpnic_pkg::DIR_ISN], flags[mpnic_pkg::DIR_SYN_DATA],
               flags[mpnic_pkg::DIR_CAPABLE], flags[mpnic_pkg::DIR_CAPABLE_V1],
               flags[mpnic_pkg::DIR_THIRD], flags[mpnic_pkg::DIR_END], flags[mpnic_pkg::DIR_DATA],
               flags[mpnic_pkg::DIR_INFINITE], dir[mpnic_pkg::DIR_ISN_LSB+:32]};
  endfunction

  function automatic logic [MEM_W-1:0] maps_of(input logic [DIR_W-1:0] dir);
    maps_of = {dir[FLAGS_LSB+mpnic_pkg::DIR_PREV], dir[FLAGS_LSB+mpnic_pkg::DIR_MAP],
               dir[mpnic_pkg::DIR_PREV_DSN_LSB+:32], dir[mpnic_pkg::DIR_PREV_SSN_LSB+:32],
               dir[mpnic_pkg::DIR_PREV_LEN_LSB+:16], dir[mpnic_pkg::DIR_MAP_LEN_LSB+:16],
               dir[mpnic_pkg::DIR_MAP_DSN_LSB+:64], dir[mpnic_pkg::DIR_MAP_SSN_LSB+:32]};
  endfunction

  function automatic logic [PASS_W-1:0] pass_of(input logic [DIR_W-1:0] dir);
    pass_of = {dir[FLAGS_LSB+mpnic_pkg::DIR_MAP_DONE], dir[FLAGS_LSB+mpnic_pkg::DIR_MAP_CSUM],
               dir[FLAGS_LSB+mpnic_pkg::DIR_MAP_FIN], dir[mpnic_pkg::DIR_MAP_JUDGE_LSB+:4],
               dir[mpnic_pkg::DIR_MAP_SUM_LSB+:16], dir[mpnic_pkg::DIR_MAP_CSUM_LSB+:16],
               dir[mpnic_pkg::DIR_MAP_POS_LSB+:16]};
  endfunction
  // verilator lint_on UNUSEDSIGNAL

  function automatic logic [DIR_W-1:0] dir_of(input logic [HEAD_W-1:0] head,
                                              input logic [MEM_W-1:0] maps);
    dir_of = '0;
    {dir_of[FLAGS_LSB+mpnic_pkg::DIR_ISN], dir_of[FLAGS_LSB+mpnic_pkg::DIR_SYN_DATA],
     dir_of[FLAGS_LSB+mpnic_pkg::DIR_CAPABLE], dir_of[FLAGS_LSB+mpnic_pkg::DIR_CAPABLE_V1],
     dir_of[FLAGS_LSB+mpnic_pkg::DIR_THIRD], dir_of[FLAGS_LSB+mpnic_pkg::DIR_END],
     dir_of[FLAGS_LSB+mpnic_pkg::DIR_DATA], dir_of[FLAGS_LSB+mpnic_pkg::DIR_INFINITE],
     dir_of[mpnic_pkg::DIR_ISN_LSB+:32]} = head;
    {dir_of[FLAGS_LSB+mpnic_pkg::DIR_PREV], dir_of[FLAGS_LSB+mpnic_pkg::DIR_MAP],
     dir_of[mpnic_pkg::DIR_PREV_DSN_LSB+:32], dir_of[mpnic_pkg::DIR_PREV_SSN_LSB+:32],
     dir_of[mpnic_pkg::DIR_PREV_LEN_LSB+:16], dir_of[mpnic_pkg::DIR_MAP_LEN_LSB+:16],
     dir_of[mpnic_pkg::DIR_MAP_DSN_LSB+:64], dir_of[mpnic_pkg::DIR_MAP_SSN_LSB+:32]} = maps;
  endfunction

  function automatic logic [DIR_W-1:0] dir_of_pass(input logic [PASS_W-1:0] pass,
                                                   input logic data_ack);
    dir_of_pass = '0;
    dir_of_pass[FLAGS_LSB+mpnic_pkg::DIR_DATA_ACK] = data_ack;
    {dir_of_pass[FLAGS_LSB+mpnic_pkg::DIR_MAP_DONE],
     dir_of_pass[FLAGS_LSB+mpnic_pkg::DIR_MAP_CSUM],
     dir_of_pass[FLAGS_LSB+mpnic_pkg::DIR_MAP_FIN], dir_of_pass[mpnic_pkg::DIR_MAP_JUDGE_LSB+:4],
     dir_of_pass[mpnic_pkg::DIR_MAP_SUM_LSB+:16], dir_of_pass[mpnic_pkg::DIR_MAP_CSUM_LSB+:16],
     dir_of_pass[mpnic_pkg::DIR_MAP_POS_LSB+:16]} = pass;
  endfunction

  // --- 1: one packet or command, held behind a packet of the same flow or connection -------------

  // By stage, as all that follows.
  logic                  v1_q, known1_q, fresh1_q, dir1_q, side1_q, cmd1_q;
  logic [FLOW_IDX_W-1:0] flow1_q, flow2_q, flow8;
  logic [CONN_IDX_W-1:0] conn1_q, conn2_q, conn8, conn9_q;
  logic                  sound1, touches1, hold1, free1, take_cmd;

  // verilator lint_off UNUSEDSIGNAL
  mpnic_result_t result_in;
  // verilator lint_on UNUSEDSIGNAL
  assign result_in = result_i;

  // One command at a time: its data stay here until it is done, then what it read.
  logic             busy_q, cmd_write_q, cmd_conn_q, cmd_next_q;
  logic [DIR_W-1:0] cmd_data_q;
  assign take_cmd = cmd_valid_i & cmd_ready_o;
  assign cmd_ready_o = ~busy_q & free1;
  assign ready_o = free1 & ~busy_q & ~cmd_valid_i;
  assign free1 = ~v1_q | ~hold1;

  // The packet or command that was right ahead has state; is it of the same flow, connection?
  logic before1_q, same_flow1_q, same_conn1_q;
  assign touches1 = known1_q & sound1;
  assign hold1 = before1_q & (cmd1_q | (touches1 & (same_flow1_q | same_conn1_q)));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      v1_q <= 1'b0;
      busy_q <= 1'b0;
      before1_q <= 1'b0;
    end else begin
      v1_q <= ~free1 | (~busy_q & (valid_i | cmd_valid_i));
      if (take_cmd) busy_q <= 1'b1;
      else if (rsp_valid_o) busy_q <= 1'b0;
      before1_q <= v1_q & free1 & touches1;
    end
  end
  logic cmd_in;
  assign cmd_in = cmd_valid_i & ~busy_q;
  always_ff @(posedge clk_i) begin
    if (free1) begin
      cmd1_q <= cmd_in;
      known1_q <= ~cmd_in & known_i;
      fresh1_q <= ~cmd_in & fresh_i;
      dir1_q <= cmd_in ? cmd_what_i[0] : result_in.dir[0];
      side1_q <= ~cmd_in & result_in.side[0];
      flow1_q <= cmd_in ? cmd_id_i[FLOW_IDX_W-1:0] : result_in.flow_id[FLOW_IDX_W-1:0];
      conn1_q <= cmd_in ? cmd_id_i[CONN_IDX_W-1:0] : result_in.conn_id[CONN_IDX_W-1:0];
      same_flow1_q <= result_in.flow_id[FLOW_IDX_W-1:0] == flow1_q;
      same_conn1_q <= result_in.conn_id[CONN_IDX_W-1:0] == conn1_q;
    end
  end

  // --- stages 2 to 14 never wait -----------------------------------------------------------------

  logic [LAST:2] v_q, cmd_q;
  // Commands that write record dir, dsn_next, what packets do not change of a connection.
  logic [12:2]   put_dir_q;
  logic [9:2]    put_next_q;
  logic          put_conn2_q;
  logic          known2_q, touch2, fresh2_q, fresh3_q, fresh4_q, fresh5_q;
  logic [11:2]   dir_q;
  logic          side2_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      v_q <= '0;
      put_dir_q <= '0;
      put_next_q <= '0;
    end else begin
      v_q <= {v_q[LAST-1:2], v1_q & ~hold1};
      put_dir_q <= {put_dir_q[11:2],
                    v1_q & ~hold1 & cmd1_q & cmd_write_q & ~cmd_next_q & ~cmd_conn_q};
      put_next_q <= {put_next_q[8:2], v1_q & ~hold1 & cmd1_q & cmd_write_q & cmd_next_q};
    end
  end
  always_ff @(posedge clk_i) begin
    cmd_q <= {cmd_q[LAST-1:2], cmd1_q};
    known2_q <= touches1;
    put_conn2_q <= cmd1_q & cmd_write_q & cmd_conn_q;
    {fresh5_q, fresh4_q, fresh3_q, fresh2_q} <= {fresh4_q, fresh3_q, fresh2_q, fresh1_q};
    dir_q <= {dir_q[10:2], dir1_q};
    side2_q <= side1_q;
    flow2_q <= flow1_q;
    conn2_q <= conn1_q;
    conn9_q <= conn8;
  end
  assign touch2 = v_q[2] & known2_q;

  logic [1:0] flow_sel4, dir_sel4, next_sel4;
  logic       flow_near5, flow_far5, dir_near5, dir_far5, next_near5, next_far5;
  logic       touch8, side8;
  // verilator lint_off UNUSEDSIGNAL
  logic       dir_touch8, next_touch8;
  logic [FLOW_IDX_W-1:0] dir_flow8;
  // verilator lint_on UNUSEDSIGNAL
  logic       dir8;
  mpnic_dss_keys #(.KEY_W(FLOW_IDX_W)) u_flow_keys (
    .clk_i, .rst_ni, .touch_i(touch2), .alone_i(fresh2_q), .key_i(flow2_q), .sel_o(flow_sel4),
    .near_o(flow_near5), .far_o(flow_far5), .touch8_o(touch8), .key8_o(flow8)
  );
  mpnic_dss_keys #(.KEY_W(FLOW_IDX_W + 1)) u_dir_keys (
    .clk_i, .rst_ni, .touch_i(touch2), .alone_i(fresh2_q), .key_i({dir_q[2], flow2_q}),
    .sel_o(dir_sel4), .near_o(dir_near5), .far_o(dir_far5), .touch8_o(dir_touch8),
    .key8_o({dir8, dir_flow8})
  );
  mpnic_dss_keys #(.KEY_W(CONN_IDX_W + 1)) u_next_keys (
    .clk_i, .rst_ni, .touch_i(touch2), .alone_i(1'b0), .key_i({side2_q, conn2_q}),
    .sel_o(next_sel4), .near_o(next_near5), .far_o(next_far5), .touch8_o(next_touch8),
    .key8_o({side8, conn8})
  );

  // --- memories: read at 2, there at 4, written at 8; what has passed 4 stages later -------------

  logic [FLOW_IDX_W-1:0] flow3_q, flow4_q, flow5_q, flow6_q, flow9_q, flow10_q, flow11_q, flow12_q;
  logic                  dir12_q, touch9_q, touch10_q, touch11_q, touch12_q;
  always_ff @(posedge clk_i) begin
    {flow6_q, flow5_q, flow4_q, flow3_q} <= {flow5_q, flow4_q, flow3_q, flow2_q};
    {flow12_q, flow11_q, flow10_q, flow9_q} <= {flow11_q, flow10_q, flow9_q, flow8};
    {touch12_q, touch11_q, touch10_q, touch9_q} <= {touch11_q, touch10_q, touch9_q, touch8};
    dir12_q <= dir_q[11];
  end

  logic write_dir8, write_dir12, write_next8, write_next9;
  assign write_dir8 = touch8 | put_dir_q[8];
  assign write_dir12 = touch12_q | put_dir_q[12];
  assign write_next8 = touch8 | put_next_q[8];
  assign write_next9 = put_next_q[9];

  logic [2*HEAD_W+1:0] mem_head[FLOWS];  // direction 1, 0
  logic [2*HEAD_W+1:0] head3_q, head4_q, head8_d;
  logic [MEM_W-1:0]    mem_maps[2*FLOWS];
  logic [MEM_W-1:0]    maps3_q, maps4_q, maps8_d;
  always_ff @(posedge clk_i) begin
    if (write_dir8) mem_head[flow8] <= head8_d;
    head3_q <= mem_head[flow2_q];
    head4_q <= head3_q;
  end
  always_ff @(posedge clk_i) begin
    if (write_dir8) mem_maps[{flow8, dir8}] <= maps8_d;
    maps3_q <= mem_maps[{flow2_q, dir_q[2]}];
    maps4_q <= maps3_q;
  end

  // dsn_next, twice: the other side's is read when all packets ahead have written.
  logic [63:0]         mem_next[2*CONNS];
  logic [63:0]         mem_ack[2*CONNS];
  logic [63:0]         next3_q, next4_q, ack9_q, ack10_q, next8_d;
  logic [CONN_IDX_W:0] next_place;
  assign next_place = write_next9 ? {conn9_q, 1'b1} : {conn8, side8};
  always_ff @(posedge clk_i) begin
    if (write_next8 || write_next9) mem_next[next_place] <= next8_d;
    next3_q <= mem_next[{conn2_q, side2_q}];
    next4_q <= next3_q;
  end
  always_ff @(posedge clk_i) begin
    if (write_next8 || write_next9) mem_ack[next_place] <= next8_d;
    ack9_q <= mem_ack[{conn8, ~side8}];
    ack10_q <= ack9_q;
  end

  logic [65:0] mem_conn[CONNS];  // TCP, CSUM, idsn[A]: packets do not change them
  logic [65:0] conn2_d_q, conn3_d_q;
  always_ff @(posedge clk_i) begin
    if (v_q[2] && put_conn2_q) begin
      mem_conn[conn2_q] <= {cmd_data_q[64+mpnic_pkg::CONN_TCP], cmd_data_q[64+mpnic_pkg::CONN_CSUM],
                            cmd_data_q[63:0]};
    end
    conn2_d_q <= mem_conn[conn1_q];
    conn3_d_q <= conn2_d_q;
  end

  logic [PASS_W-1:0] mem_pass[2*FLOWS];
  logic [PASS_W-1:0] pass7_q, pass8_q, pass12_d;
  logic [1:0]        mem_acks[FLOWS];  // DATA_ACK of direction 1, 0
  logic [1:0]        acks7_q, acks8_q, acks12_d;
  always_ff @(posedge clk_i) begin
    if (write_dir12) mem_pass[{flow12_q, dir12_q}] <= pass12_d;
    pass7_q <= mem_pass[{flow6_q, dir_q[6]}];
    pass8_q <= pass7_q;
  end
  always_ff @(posedge clk_i) begin
    if (write_dir12) mem_acks[flow12_q] <= acks12_d;
    acks7_q <= mem_acks[flow6_q];
    acks8_q <= acks7_q;
  end

  // --- heads: from memory and back by direction, in between by the packet's ----------------------

  logic [HEAD_W-1:0] rules_head7, rules_other7, self7, head6_q;
  logic [HEAD_W:0]   other6_q, other7, left_self, left_other;
  logic [2*HEAD_W+1:0] head5_q, head8_q, head9_q, head10_q;
  logic              zero_other7, zero7_q, cmd_dir7;
  assign cmd_dir7 = put_dir_q[7];
  assign self7 = cmd_dir7 ? head_of(cmd_data_q) : rules_head7;
  assign other7 = {zero7_q | zero_other7, rules_other7};
  assign left_self = dir_q[5] ? head8_q[HEAD_W+1+:HEAD_W+1] : head8_q[HEAD_W:0];
  assign left_other = dir_q[5] ? head8_q[HEAD_W:0] : head8_q[HEAD_W+1+:HEAD_W+1];

  // Before the last choice: of a packet at 8, or older.
  logic [HEAD_W:0] old_self5, old_other5;
  logic            turn5_q, clear5, zero6_q;
  assign old_self5 = flow_far5 ? left_self
                               : dir_q[5] ? head5_q[HEAD_W+1+:HEAD_W+1] : head5_q[HEAD_W:0];
  assign old_other5 = flow_far5 ? left_other
                                : dir_q[5] ? head5_q[HEAD_W:0] : head5_q[HEAD_W+1+:HEAD_W+1];
  // Nothing is to be kept of its direction but the head.
  assign clear5 = fresh5_q | (flow_near5 ? (turn5_q & other7[ZERO]) : old_self5[ZERO]);
  always_ff @(posedge clk_i) begin
    unique case (flow_sel4)
      2'd1: head5_q <= head8_q;
      2'd2: head5_q <= head9_q;
      2'd3: head5_q <= head10_q;
      default: head5_q <= head4_q;
    endcase
    head6_q <= flow_near5 ? (turn5_q ? other7[HEAD_W-1:0] : self7)
                          : (old_self5[HEAD_W-1:0] & {HEAD_W{~fresh5_q}});
    other6_q[HEAD_W-1:0] <= flow_near5 ? (turn5_q ? self7 : other7[HEAD_W-1:0])
                                       : (old_other5[HEAD_W-1:0] & {HEAD_W{~fresh5_q}});
    other6_q[ZERO] <= flow_near5 ? (~turn5_q & other7[ZERO]) : (old_other5[ZERO] | fresh5_q);
    turn5_q <= dir_q[4] ^ dir_q[6];
    zero6_q <= clear5;
    zero7_q <= other6_q[ZERO];
    head8_q <= dir_q[7] ? {1'b0, self7, other7} : {other7, 1'b0, self7};
    head9_q <= head8_q;
    head10_q <= head9_q;
  end
  assign head8_d = head8_q;

  // --- mappings and dsn_next ---------------------------------------------------------------------

  // What memory does not hold of mappings: ends, differences, prev's upper half, which is the one
  // near map's.
  logic [MAPS_W-1:0] maps4, maps6, maps7, rules_maps7;
  logic [31:0]       map_ssn4, prev_ssn4, prev_dsn4;
  logic [63:0]       map_dsn4;
  // verilator lint_off UNUSEDSIGNAL
  logic [32:0]       prev_d4;
  logic [MAPS_W-1:0] left_maps8;
  // verilator lint_on UNUSEDSIGNAL
  assign {prev_dsn4, prev_ssn4} = maps4_q[191:128];
  assign {map_dsn4, map_ssn4} = maps4_q[95:0];
  assign prev_d4 = {1'b0, prev_dsn4} - {1'b0, map_dsn4[31:0]};
  assign maps4 = {(prev_d4[32] & ~prev_d4[31]) ? map_dsn4[63:32] + 32'd1 :
                  (~prev_d4[32] & prev_d4[31]) ? map_dsn4[63:32] - 32'd1 : map_dsn4[63:32],
                  prev_dsn4 - prev_ssn4, prev_ssn4 + {16'd0, maps4_q[127:112]},
                  map_dsn4[31:0] - map_ssn4, map_ssn4 + {16'd0, maps4_q[111:96]}, maps4_q};
  mpnic_dss_forward #(.W(MAPS_W)) u_maps (
    .clk_i, .mem_i(maps4), .sel_i(dir_sel4), .near_i(dir_near5), .far_i(dir_far5),
    .clear_i(clear5), .state_o(maps6), .new_i(maps7), .left_o(left_maps8)
  );
  assign maps7 = rules_maps7;
  assign maps8_d = put_dir_q[8] ? maps_of(cmd_data_q) : left_maps8[MEM_W-1:0];

  logic [63:0] next6, next7, left_next8;
  mpnic_dss_forward #(.W(64)) u_next (
    .clk_i, .mem_i(next4_q), .sel_i(next_sel4), .near_i(next_near5), .far_i(next_far5),
    .clear_i(1'b0), .state_o(next6), .new_i(next7), .left_o(left_next8)
  );
  assign next8_d = put_next_q[9] ? cmd_data_q[127:64] :
                   put_next_q[8] ? cmd_data_q[63:0] : left_next8;

  // --- what has passed ---------------------------------------------------------------------------

  logic [1:0]        dir_sel5_q, dir_sel6_q, dir_sel7_q, dir_sel8_q;
  logic [1:0]        flow_sel5_q, flow_sel6_q, flow_sel7_q, flow_sel8_q;
  logic [3:0]        from6_q, from7_q, from8_q;
  logic [2:0]        from9_q;
  logic              fresh6_q, fresh7_q, fresh8_q, fresh9_q, zero8_q, zero9_q, was_zero7_q;
  logic [PASS_W-1:0] pass10, pass11, left_pass12;
  always_ff @(posedge clk_i) begin
    {dir_sel8_q, dir_sel7_q, dir_sel6_q, dir_sel5_q} <=
        {dir_sel7_q, dir_sel6_q, dir_sel5_q, dir_sel4};
    {flow_sel8_q, flow_sel7_q, flow_sel6_q, flow_sel5_q} <=
        {flow_sel7_q, flow_sel6_q, flow_sel5_q, flow_sel4};
    from6_q <= {dir_near5, dir_far5, flow_near5, flow_far5};
    {from8_q, from7_q} <= {from7_q, from6_q};
    from9_q <= {from8_q[3:2], from8_q[0]};
    {fresh9_q, fresh8_q, fresh7_q, fresh6_q} <= {fresh8_q, fresh7_q, fresh6_q, fresh5_q};
    {zero9_q, zero8_q, was_zero7_q} <= {zero8_q, was_zero7_q, zero6_q};
  end
  mpnic_dss_forward #(.W(PASS_W)) u_pass (
    .clk_i, .mem_i(pass8_q), .sel_i(dir_sel8_q), .near_i(from9_q[2]), .far_i(from9_q[1]),
    .clear_i(zero9_q), .state_o(pass10), .new_i(pass11), .left_o(left_pass12)
  );
  assign pass12_d = put_dir_q[12] ? pass_of(cmd_data_q) : left_pass12;

  // The other direction's bit of a packet two ahead counts if it was of the other direction.
  logic [1:0] acks9_q, acks10_q, acks11, acks12_q, acks13_q, acks14_q, old_acks9, acks9;
  logic       same9_q, turn9_q;
  assign old_acks9 = from9_q[0] ? acks12_q : acks9_q;
  assign acks9 = {2{~fresh9_q}} & (dir_q[9] ? {old_acks9[0], old_acks9[1]} : old_acks9);
  always_ff @(posedge clk_i) begin
    unique case (flow_sel8_q)
      2'd1: acks9_q <= acks12_q;
      2'd2: acks9_q <= acks13_q;
      2'd3: acks9_q <= acks14_q;
      default: acks9_q <= acks8_q;
    endcase
    same9_q <= from8_q[1] & (dir_q[8] == dir_q[10]);
    turn9_q <= from8_q[1] & (dir_q[8] != dir_q[10]);
    acks10_q <= same9_q ? acks11 : turn9_q ? {acks11[0], acks11[1]} : acks9;
    acks12_q <= dir_q[11] ? {acks11[0], acks11[1]} : acks11;
    acks13_q <= acks12_q;
    acks14_q <= acks13_q;
  end
  always_comb begin
    acks12_d = acks12_q;
    if (put_dir_q[12] && dir12_q) acks12_d[1] = cmd_data_q[FLAGS_LSB+mpnic_pkg::DIR_DATA_ACK];
    if (put_dir_q[12] && !dir12_q) acks12_d[0] = cmd_data_q[FLAGS_LSB+mpnic_pkg::DIR_DATA_ACK];
  end

  logic [mpnic_pkg::RESULT_W-1:0] rules_result;
  mpnic_dss_rules u_rules (
    .clk_i,
    .take_i       (free1),
    .hdr_i,
    .csum_i,
    .known_i      (known_i & ~cmd_in),
    .first_i,
    .dir_i        (result_in.dir[0]),
    .side_i       (result_in.side[0]),
    .sound1_o     (sound1),
    .idsn3_i      (conn3_d_q[63:0]),
    .conn_csum3_i (conn3_d_q[64]),
    .conn_tcp3_i  (conn3_d_q[65]),
    .isn5_i       (old_self5[31:0] & {32{~fresh5_q}}),
    .near5_i      (flow_near5),
    .turn5_i      (turn5_q),
    .head6_i      (head6_q),
    .other6_i     (other6_q[HEAD_W-1:0]),
    .maps6_i      (maps6),
    .next6_i      (next6),
    .head7_o      (rules_head7),
    .other7_o     (rules_other7),
    .zero_other7_o(zero_other7),
    .maps7_o      (rules_maps7),
    .next7_o      (next7),
    .pass10_i     (pass10),
    .acks10_i     (acks10_q),
    .pass11_o     (pass11),
    .acks11_o     (acks11),
    .ack_next10_i (ack10_q),
    .result_o     (rules_result)
  );

  // --- commands ----------------------------------------------------------------------------------

  // The answer is what goes to the memories, written or as it was.
  logic             see2, see8, see10_q, see12, see_next_q, see_dir_q, see9_q;
  logic [DIR_W-1:0] rsp_q, rsp8, rsp12;
  assign see2 = v_q[2] & cmd_q[2];
  assign see8 = v_q[8] & cmd_q[8];
  assign see12 = v_q[12] & cmd_q[12];
  assign rsp8 = dir_of(dir_q[8] ? head8_q[HEAD_W+1+:HEAD_W] : head8_q[HEAD_W-1:0], maps8_d);
  assign rsp12 = dir_of_pass(pass12_d, acks12_d[dir12_q]);
  always_ff @(posedge clk_i) begin
    if (cmd_in) begin
      cmd_write_q <= cmd_write_i;
      cmd_next_q <= cmd_what_i == mpnic_pkg::DSS_MEM_NEXT[1:0];
      cmd_conn_q <= cmd_what_i == mpnic_pkg::DSS_MEM_CONN[1:0];
      cmd_data_q <= cmd_data_i;
    end
    see9_q <= see8;
    see10_q <= see9_q;
    see_next_q <= cmd_next_q;
    see_dir_q <= ~cmd_next_q & ~cmd_conn_q;
    if (see2) rsp_q <= '0;
    else if (see8 && see_dir_q) rsp_q <= rsp8;
    else if (see8 && see_next_q) rsp_q[63:0] <= next8_d;
    else if (see10_q && see_next_q) rsp_q[127:64] <= cmd_write_q ? cmd_data_q[127:64] : ack10_q;
    else if (see12 && see_dir_q) rsp_q <= rsp_q | rsp12;
  end
  assign rsp_valid_o = v_q[LAST] & cmd_q[LAST];
  assign rsp_data_o = rsp_q;

  // --- out ---------------------------------------------------------------------------------------

  // flow's fields of the result go around.
  localparam int unsigned IDS_LSB = mpnic_pkg::RESULT_FLOW_ID_LSB;
  localparam int unsigned ACT_LSB = mpnic_pkg::RESULT_MARK_LSB;
  localparam int unsigned KEEP_W = mpnic_pkg::RESULT_FLAGS_LSB;
  localparam int unsigned IDS_W = mpnic_pkg::RESULT_DSN_LSB - IDS_LSB;
  localparam int unsigned ACT_W = mpnic_pkg::RESULT_RESERVED2_LSB - ACT_LSB;
  localparam int unsigned KEPT_W = KEEP_W + IDS_W + ACT_W + 32;
  logic [KEPT_W-1:0] kept1_q, kept;
  always_ff @(posedge clk_i) begin
    if (free1) begin
      kept1_q <= {result_in.signs, result_i[ACT_LSB+:ACT_W], result_i[IDS_LSB+:IDS_W],
                  result_i[KEEP_W-1:0]};
    end
  end
  mpnic_delay #(.W(KEPT_W), .N(LAST - 1)) u_kept (
    .clk_i, .rst_ni,
    .data_i(kept1_q),
    .data_o(kept)
  );
  always_comb begin
    result_o = rules_result;
    result_o[KEEP_W-1:0] = kept[KEEP_W-1:0];
    result_o[IDS_LSB+:IDS_W] = kept[KEEP_W+:IDS_W];
    result_o[ACT_LSB+:ACT_W] = kept[KEEP_W+IDS_W+:ACT_W];
    result_o[mpnic_pkg::RESULT_SIGNS_LSB+:32] =
        rules_result[mpnic_pkg::RESULT_SIGNS_LSB+:32] | kept[KEPT_W-1-:32];
  end
  assign valid_o = v_q[LAST] & ~cmd_q[LAST];

  generate
    if (COMMIT) begin : gen_commit
      logic [HEAD_W-1:0]   self9_q, self10_q, self11_q, self12_q, self13_q, self14_q;
      logic [HEAD_W:0]     other9_q, other10_q, other11_q, other12_q, other13_q, other14_q;
      logic [MEM_W-1:0]    maps9_q, maps10_q, maps11_q, maps12_q, maps13_q, maps14_q;
      logic [63:0]         next9_q, next10_q, next11_q, next12_q, next13_q, next14_q;
      logic [PASS_W-1:0]   pass13_q, pass14_q;
      logic                dir13_q, dir14_q;
      always_ff @(posedge clk_i) begin
        self9_q <= dir_q[8] ? head8_q[HEAD_W+1+:HEAD_W] : head8_q[HEAD_W-1:0];
        other9_q <= dir_q[8] ? head8_q[HEAD_W:0] : head8_q[HEAD_W+1+:HEAD_W+1];
        maps9_q <= left_maps8[MEM_W-1:0];
        next9_q <= left_next8;
        {self13_q, self12_q, self11_q, self10_q} <= {self12_q, self11_q, self10_q, self9_q};
        {other13_q, other12_q, other11_q, other10_q} <=
            {other12_q, other11_q, other10_q, other9_q};
        {maps13_q, maps12_q, maps11_q, maps10_q} <= {maps12_q, maps11_q, maps10_q, maps9_q};
        {next13_q, next12_q, next11_q, next10_q} <= {next12_q, next11_q, next10_q, next9_q};
        {self14_q, other14_q, maps14_q, next14_q} <= {self13_q, other13_q, maps13_q, next13_q};
        {pass14_q, pass13_q} <= {pass13_q, left_pass12};
        {dir14_q, dir13_q} <= {dir13_q, dir12_q};
      end
      assign commit_dir_o = dir_of(self14_q, maps14_q) | dir_of_pass(pass14_q, acks14_q[dir14_q]);
      assign commit_other_o = dir_of(other14_q[HEAD_W-1:0], '0) |
                              dir_of_pass('0, acks14_q[~dir14_q]);
      assign commit_zero_o = other14_q[ZERO];
      assign commit_next_o = next14_q;
    end else begin : gen_no_commit
      assign commit_dir_o = '0;
      assign commit_other_o = '0;
      assign commit_zero_o = 1'b0;
      assign commit_next_o = '0;
    end
  endgenerate

  // Nobody waits longer than a clock.
  logic held_q;
  // verilator lint_off SYNCASYNCNET
  always @(posedge clk_i) begin
    held_q <= rst_ni & v1_q & hold1;
    if (rst_ni && v1_q) assert (!(hold1 && held_q));
  end
  // verilator lint_on SYNCASYNCNET

endmodule
