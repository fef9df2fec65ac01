// SPDX-License-Identifier: BSD-3-Clause
// Entries of stage flow and which of them decides (docs/state.md, "flow", Who decides): what stands at
// flow ids, but for counters and stage dss's state, is kept here. Numbers in names are clocks behind the
// slot's first; each memory is read and written at its clock, so that slots are done in order. One
// slot a clock.
//
// A slot reads the entries of an exact and of a masked id. A learnt flow's entry is written by its own
// packet, which does not read it but has it; so has a masked entry of the same id.
module mpnic_decide #(
  parameter int unsigned FLOWS = 65536,
  parameter int unsigned CONNS = 65536
) (
  input  logic                             clk_i,
  input  logic                             rst_ni,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [mpnic_pkg::SETTINGS_W-1:0] settings_i,
  // verilator lint_on UNUSEDSIGNAL

  input  logic                             found20_i,  // an exact entry, or learnt
  input  logic                             fresh20_i,  // learnt with this packet:
  input  logic [$clog2(CONNS)-1:0]         conn20_i,
  input  logic [7:0]                       generation20_i,
  input  logic                             side_b20_i,
  input  logic                             flip20_i,
  input  logic [$clog2(FLOWS)-1:0]         id20_i,
  input  logic                             masked20_i,
  input  logic [$clog2(FLOWS)-1:0]         masked_id20_i,
  input  logic [6:0]                       where23_i,  // bits except, but for the ends
  input  logic                             upper23_i,  // sent by the upper end
  input  logic                             rule23_i,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [mpnic_pkg::ACTION_W-1:0]   rule_action23_i,
  // verilator lint_on UNUSEDSIGNAL
  input  logic [6:0]                       hash25_i,

  output logic                             counts25_o,  // the exact entry counts it
  output logic                             masked_counts25_o,
  output logic                             rule_counts25_o,
  output logic [mpnic_pkg::ACTION_W-1:0]   action27_o,
  output logic [15:0]                      rx_queue27_o,
  output logic                             conn_ok27_o,
  output logic [$clog2(CONNS)-1:0]         conn27_o,
  output logic                             flip27_o,  // flags of the exact entry
  output logic                             side_b27_o,
  output logic                             first27_o,
  output logic [7:0]                       generation27_o,

  // Commands.
  input  logic                             flow20_i,  // id20_i is written
  input  logic                             read22_i,  // what was read leaves with flow23_o
  input  logic                             conn23_i,
  input  logic                             reta25_i,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [31:0]                      id_i,
  input  logic [mpnic_pkg::TABLE_RSP_W-1:0] data_i,
  // verilator lint_on UNUSEDSIGNAL
  output logic [mpnic_pkg::TABLE_RSP_W-1:0] flow23_o  // zero unless it was read
);

  localparam int unsigned CONN_W = $clog2(CONNS);
  localparam int unsigned FLAGS_W = mpnic_pkg::FLOW_STATE_PROVISIONAL + 1;
  localparam int unsigned ACTIONS_W = mpnic_pkg::ACTION_REWRITE + 1;
  localparam int unsigned EXCEPT_W = mpnic_pkg::EXCEPT_OUTRANKED + 1;
  localparam int unsigned BEHIND = mpnic_pkg::FLOW_PACKETS_LSB;  // commands carry what is behind dir

`include "mpnic_records.svh"

  // An entry: action, except, conn_id and whether it is in range, generation, flags.
  localparam int unsigned ACT_W = 64 + ACTIONS_W + 8;  // { prio, actions, strip, rx_queue, mark }
  localparam int unsigned PRIO_LSB = 64 + ACTIONS_W;
  localparam int unsigned EXCEPT_LSB = ACT_W;
  localparam int unsigned CONN_LSB = EXCEPT_LSB + EXCEPT_W;
  localparam int unsigned OK_LSB = CONN_LSB + CONN_W;
  localparam int unsigned GENERATION_LSB = OK_LSB + 1;
  localparam int unsigned FLAGS_LSB = GENERATION_LSB + 8;
  localparam int unsigned ENTRY_W = FLAGS_LSB + FLAGS_W;

  // verilator lint_off UNUSEDSIGNAL
  function automatic logic [ACT_W-1:0] pack_action(input logic [mpnic_pkg::ACTION_W-1:0] action);
    pack_action = {action[mpnic_pkg::ACTION_PRIO_LSB+:8],
                   action[mpnic_pkg::ACTION_ACTIONS_LSB+:ACTIONS_W], action[63:0]};
  endfunction

  function automatic logic [mpnic_pkg::ACTION_W-1:0] unpack_action(input logic [ACT_W-1:0] action);
    unpack_action = {8'd0, action[PRIO_LSB+:8], 16'(action[64+:ACTIONS_W]), action[63:0]};
  endfunction

  mpnic_settings_t settings;
  // verilator lint_on UNUSEDSIGNAL
  assign settings = settings_i;

  // --- 20 to 22: entries ---------------------------------------------------------------------------

  logic [ENTRY_W-1:0]              entries[FLOWS];
  logic [ENTRY_W-1:0]              given, learnt20, learnt21_q, learnt22_q;
  logic [ENTRY_W-1:0]              exact21_q, exact22_q, exact23_q;
  // verilator lint_off UNUSEDSIGNAL
  logic [ENTRY_W-1:0]              masked21_q, masked22_q;
  // verilator lint_on UNUSEDSIGNAL
  logic [ACT_W-1:0]                masked23_q;
  logic [EXCEPT_W-1:0]             masked_except23_q;
  logic                            found21_q, found22_q, found23_q, fresh21_q, fresh22_q;
  logic                            some21_q, some22_q, some23_q, same21_q, same22_q;
  logic [31:0]                     given_conn;
  logic [mpnic_pkg::ACTION_W-1:0]  given_action;
  assign given_conn = data_i[mpnic_pkg::FLOW_CONN_ID_LSB-BEHIND+:32];
  assign given_action = {8'd0, data_i[mpnic_pkg::FLOW_MARK_LSB-BEHIND+:88]};
  assign given = {data_i[mpnic_pkg::FLOW_FLAGS_LSB-BEHIND+:FLAGS_W],
                  data_i[mpnic_pkg::FLOW_GENERATION_LSB-BEHIND+:8],
                  ~|given_conn[31:CONN_W], given_conn[CONN_W-1:0],
                  data_i[mpnic_pkg::FLOW_EXCEPT_LSB-BEHIND+:EXCEPT_W], pack_action(given_action)};
  always_comb begin
    learnt20 = '0;
    learnt20[FLAGS_LSB+mpnic_pkg::FLOW_STATE_PROVISIONAL] = 1'b1;
    learnt20[FLAGS_LSB+mpnic_pkg::FLOW_STATE_SIDE_B] = side_b20_i;
    learnt20[FLAGS_LSB+mpnic_pkg::FLOW_STATE_FLIP] = flip20_i;
    learnt20[GENERATION_LSB+:8] = generation20_i;
    learnt20[OK_LSB] = 1'b1;
    learnt20[CONN_LSB+:CONN_W] = conn20_i;
    learnt20[ACT_W-1:0] = pack_action(settings.learnt);
  end
  always_ff @(posedge clk_i) begin
    if (flow20_i | fresh20_i) entries[id20_i] <= flow20_i ? given : learnt20;
    else exact21_q <= entries[id20_i];
  end
  always_ff @(posedge clk_i) masked21_q <= entries[masked_id20_i];
  always_ff @(posedge clk_i) begin
    {learnt22_q, learnt21_q} <= {learnt21_q, learnt20};
    {exact22_q, masked22_q} <= {exact21_q, masked21_q};
    {found23_q, found22_q, found21_q} <= {found22_q, found21_q, found20_i};
    {fresh22_q, fresh21_q} <= {fresh21_q, fresh20_i};
    {some23_q, some22_q, some21_q} <= {some22_q, some21_q, masked20_i};
    same21_q <= fresh20_i & (id20_i == masked_id20_i);
    same22_q <= same21_q;
    exact23_q <= fresh22_q ? learnt22_q : exact22_q;
    masked23_q <= same22_q ? learnt22_q[ACT_W-1:0] : masked22_q[ACT_W-1:0];
    masked_except23_q <= masked22_q[EXCEPT_LSB+:EXCEPT_W] & {EXCEPT_W{~same22_q}};
  end

  // verilator lint_off UNUSEDSIGNAL
  mpnic_flow_t flow;
  // verilator lint_on UNUSEDSIGNAL
  logic        read23_q;
  always_ff @(posedge clk_i) read23_q <= read22_i;
  always_comb begin
    flow = '0;
    {flow.prio, flow.actions} = {exact23_q[PRIO_LSB+:8], 16'(exact23_q[64+:ACTIONS_W])};
    {flow.strip, flow.rx_queue, flow.mark} = exact23_q[63:0];
    flow.conn_id = 32'(exact23_q[CONN_LSB+:CONN_W]) | {32{~exact23_q[OK_LSB]}};
    flow.generation = exact23_q[GENERATION_LSB+:8];
    flow.flags = 16'(exact23_q[FLAGS_LSB+:FLAGS_W]);
    flow.except = 8'(exact23_q[EXCEPT_LSB+:EXCEPT_W]);
    flow23_o = flow[mpnic_pkg::FLOW_W-1:BEHIND] & {mpnic_pkg::TABLE_RSP_W{read23_q}};
  end

  // --- 23 and 24: who decides ----------------------------------------------------------------------

  localparam logic [1:0] EXACT = 2'd0, MASKED = 2'd1, RULE = 2'd2, MISS = 2'd3;
  logic [ACT_W-1:0]               exact24_q, exact25_q, masked24_q, masked25_q;
  logic [87:0]                    rule24_q, rule25_q;  // what is not reserved
  logic [mpnic_pkg::ACTION_W-1:0] action26_q, action27_q;
  logic                           found24_q, some24_q, hit24_q;
  logic                           masked_first_q, rule_exact_q, rule_masked_q, by_masked;
  logic [1:0]                     who25_q;
  logic                           always24_q, always25_q, masked_always24_q, masked_always25_q;
  logic                           found25_q, some25_q;
  logic [EXCEPT_W-1:0]            where23;  // of the exact entry's frames
  always_comb begin
    where23 = where23_i;
    where23[mpnic_pkg::EXCEPT_UPPER] = upper23_i;
    where23[mpnic_pkg::EXCEPT_LOWER] = ~upper23_i;
  end
  assign by_masked = some24_q & (~found24_q | masked_first_q);
  always_ff @(posedge clk_i) begin
    {exact25_q, exact24_q} <= {exact24_q, exact23_q[ACT_W-1:0]};
    {masked25_q, masked24_q} <= {masked24_q, masked23_q};
    {rule25_q, rule24_q} <= {rule24_q, rule_action23_i[87:0]};
    found24_q <= found23_q & ~|(exact23_q[EXCEPT_LSB+:EXCEPT_W] & where23);
    some24_q <= some23_q & ~|(masked_except23_q & where23_i);
    hit24_q <= rule23_i;
    {found25_q, some25_q} <= {found24_q, some24_q};
    {always25_q, always24_q} <=
        {always24_q, ~exact23_q[EXCEPT_LSB+mpnic_pkg::EXCEPT_OUTRANKED]};
    {masked_always25_q, masked_always24_q} <=
        {masked_always24_q, ~masked_except23_q[mpnic_pkg::EXCEPT_OUTRANKED]};
    masked_first_q <= masked23_q[PRIO_LSB+:8] < exact23_q[PRIO_LSB+:8];
    rule_exact_q <= rule_action23_i[mpnic_pkg::ACTION_PRIO_LSB+:8] <= exact23_q[PRIO_LSB+:8];
    rule_masked_q <= rule_action23_i[mpnic_pkg::ACTION_PRIO_LSB+:8] <= masked23_q[PRIO_LSB+:8];
    who25_q <= (hit24_q & (by_masked ? rule_masked_q : (~found24_q | rule_exact_q))) ? RULE :
               by_masked ? MASKED : found24_q ? EXACT : MISS;
    case (who25_q)
      EXACT: action26_q <= unpack_action(exact25_q);
      MASKED: action26_q <= unpack_action(masked25_q);
      RULE: action26_q <= {8'd0, rule25_q};
      default: action26_q <= {8'd0, settings.miss[87:0]};
    endcase
    action27_q <= action26_q;
  end
  assign action27_o = action27_q;
  assign counts25_o = found25_q & (always25_q | (who25_q == EXACT));
  assign masked_counts25_o = some25_q & (masked_always25_q | (who25_q == MASKED));
  assign rule_counts25_o = who25_q == RULE;

  // --- 23 to 27: queue -----------------------------------------------------------------------------

  logic [16:0]       queues[CONNS];  // flag QUEUE, rx_queue
  logic [15:0]       reta[mpnic_pkg::RETA_SIZE];
  logic [CONN_W-1:0] conn23;
  logic [16:0]       queue24_q, queue25_q, queue26_q;
  logic [15:0]       reta26_q, rx_queue27_q;
  logic              conn24_q, conn25_q, conn26_q;
  assign conn23 = conn23_i ? id_i[CONN_W-1:0] : exact23_q[CONN_LSB+:CONN_W];
  always_ff @(posedge clk_i) begin
    if (conn23_i) queues[conn23] <= {data_i[24+mpnic_pkg::CONN_QUEUE], data_i[15:0]};
    else queue24_q <= queues[conn23];
  end
  always_ff @(posedge clk_i) begin
    if (reta25_i) reta[id_i[6:0]] <= data_i[15:0];
    reta26_q <= reta[hash25_i];
  end
  always_ff @(posedge clk_i) begin
    {queue26_q, queue25_q} <= {queue25_q, queue24_q};
    {conn26_q, conn25_q, conn24_q} <= {conn25_q, conn24_q, found23_q & exact23_q[OK_LSB]};
    rx_queue27_q <= action26_q[mpnic_pkg::ACTION_ACTIONS_LSB+mpnic_pkg::ACTION_QUEUE] ?
                    action26_q[mpnic_pkg::ACTION_RX_QUEUE_LSB+:16] :
                    (conn26_q & queue26_q[16]) ? queue26_q[15:0] : reta26_q;
  end
  assign rx_queue27_o = rx_queue27_q;

  // --- 23 to 27: the rest of the exact entry ---------------------------------------------------------

  localparam int unsigned REST_W = ENTRY_W - CONN_LSB;
  logic [REST_W-1:0] rest27;
  mpnic_delay #(.W(REST_W), .N(4)) u_rest (
    .clk_i, .rst_ni,
    .data_i(exact23_q[ENTRY_W-1:CONN_LSB] & {REST_W{found23_q}}),
    .data_o(rest27)
  );
  assign conn27_o = rest27[0+:CONN_W];
  assign conn_ok27_o = rest27[OK_LSB-CONN_LSB];
  assign generation27_o = rest27[GENERATION_LSB-CONN_LSB+:8];
  assign flip27_o = rest27[FLAGS_LSB-CONN_LSB+mpnic_pkg::FLOW_STATE_FLIP];
  assign side_b27_o = rest27[FLAGS_LSB-CONN_LSB+mpnic_pkg::FLOW_STATE_SIDE_B];
  assign first27_o = rest27[FLAGS_LSB-CONN_LSB+mpnic_pkg::FLOW_STATE_FIRST];

endmodule
