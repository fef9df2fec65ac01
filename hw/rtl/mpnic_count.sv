// SPDX-License-Identifier: BSD-3-Clause
// Counters of entries (docs/state.md, "flow", Counting): packets and bytes, 64 bits each, and when
// the entry was seen last. In each clock a packet counts (valid_i), or a command reads or writes
// one entry's (cmd_read_i, cmd_write_i: at most one of the three), in any order of ids: each as if
// all before it had been done whole. A fresh packet's entry counts from 0 with it; what memory
// held does not matter, then or behind a write, so the memories need no initial value.
//
// A command is answered LATENCY clocks later by rsp_valid_o, a read with rsp_o, which stays until
// the next command's. Until then cmd_data_i stays, and no other command comes.
//
// Nothing is fed back: a packet's value is what memory shows, plus what the packets of the same
// entry add that memory does not show yet, which are those of the three clocks before; or it
// starts with a fresh one or a command's write among them. The upper halves are a clock behind the
// lower ones.
module mpnic_count #(
  parameter int unsigned ENTRIES = 65536  // a power of two
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,

  input  logic                       valid_i,
  input  logic [$clog2(ENTRIES)-1:0] id_i,
  input  logic [15:0]                bytes_i,
  input  logic [31:0]                seen_i,
  input  logic                       fresh_i,

  input  logic                       cmd_read_i,
  input  logic                       cmd_write_i,
  input  logic [$clog2(ENTRIES)-1:0] cmd_id_i,
  input  logic [159:0]               cmd_data_i,  // { seen, bytes, packets }
  output logic                       rsp_valid_o,
  output logic [159:0]               rsp_o
);

  localparam int unsigned LATENCY = 10;
  localparam int unsigned ID_W = $clog2(ENTRIES);
  localparam int unsigned BEFORE = 3;  // clocks whose packets memory does not show
  localparam int unsigned STAGES = 7;
  // verilator lint_off UNUSEDPARAM
  localparam STYLE = ENTRIES > 4096 ? "ultra" : "block";
  // verilator lint_on UNUSEDPARAM

  // --- what travels: [i - 1] is of stage i -------------------------------------------------------

  logic [STAGES-1:0]      packet_q, write_q;
  logic [BEFORE+1:0]      cut_q;  // what was before does not matter
  logic [LATENCY-1:0]     cmd_q;
  logic [STAGES*ID_W-1:0] id_q;
  logic [6*16-1:0]        bytes_q;  // 0 if it is no packet
  logic [31:0]            seen1_q, seen2_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      packet_q <= '0;
      write_q <= '0;
      cut_q <= '0;
      cmd_q <= '0;
    end else begin
      packet_q <= {packet_q[STAGES-2:0], valid_i};
      write_q <= {write_q[STAGES-2:0], cmd_write_i};
      cut_q <= {cut_q[BEFORE:0], cmd_write_i | (valid_i & fresh_i)};
      cmd_q <= {cmd_q[LATENCY-2:0], cmd_read_i | cmd_write_i};
    end
  end
  always_ff @(posedge clk_i) begin
    id_q <= {id_q[(STAGES-1)*ID_W-1:0], valid_i ? id_i : cmd_id_i};
    bytes_q <= {bytes_q[79:0], bytes_i & {16{valid_i}}};
    seen1_q <= valid_i ? seen_i : cmd_data_i[159:128];
    seen2_q <= seen1_q;
  end

  // --- 1 which of those before are of the same entry, 2 which of them count ----------------------

  logic [BEFORE-1:0] same, same2_q, cuts, uses, uses3_q;
  logic              zero, zero3_q, zero4_q, zero5_q, zero6_q;  // memory does not count
  logic              given, given3_q, given4_q, given5_q, given6_q;  // but the command's data
  always_comb begin
    for (int unsigned d = 0; d < BEFORE; d++) begin
      same[d] = (id_q[0+:ID_W] == id_q[ID_W*(d+1)+:ID_W]) & (packet_q[d+1] | write_q[d+1]);
    end
  end
  assign cuts = same2_q & cut_q[2+:BEFORE];
  assign uses = same2_q & ~{cuts[1] | cuts[0], cuts[0], 1'b0} & ~{BEFORE{cut_q[1]}};
  assign zero = cut_q[1] | (|cuts);
  assign given = write_q[1] | (|(uses & write_q[2+:BEFORE]));
  always_ff @(posedge clk_i) begin
    same2_q <= same;
    uses3_q <= uses;
    {zero6_q, zero5_q, zero4_q, zero3_q} <= {zero5_q, zero4_q, zero3_q, zero};
    {given6_q, given5_q, given4_q, given3_q} <= {given5_q, given4_q, given3_q, given};
  end

  // --- 3 and 4: what is added --------------------------------------------------------------------

  logic [16:0] bytes4a_q, bytes4b_q;
  logic [17:0] bytes5_q;
  logic [2:0]  packets4_q, packets5_q;
  always_ff @(posedge clk_i) begin
    bytes4a_q <= {1'b0, bytes_q[2*16+:16]} + {1'b0, bytes_q[3*16+:16] & {16{uses3_q[0]}}};
    bytes4b_q <= {1'b0, bytes_q[4*16+:16] & {16{uses3_q[1]}}} +
                 {1'b0, bytes_q[5*16+:16] & {16{uses3_q[2]}}};
    packets4_q <= {2'd0, packet_q[2]} + {2'd0, uses3_q[0] & packet_q[3]} +
                  {2'd0, uses3_q[1] & packet_q[4]} + {2'd0, uses3_q[2] & packet_q[5]};
    bytes5_q <= 18'(bytes4a_q) + 18'(bytes4b_q);
    packets5_q <= packets4_q;
  end

  // --- 3 to 6: lower halves, 4 to 7: upper halves ------------------------------------------------

  (* ram_style = STYLE *) logic [63:0] low_mem[ENTRIES];
  (* ram_style = STYLE *) logic [63:0] high_mem[ENTRIES];  // { bytes, packets }
  logic [63:0] low4_q, low5_q, low5, low7_q, high5_q, high6_q, high6, high7_q;
  logic [32:0] packets6_q, bytes6_q;
  assign low5 = given5_q ? {cmd_data_i[64+:32], cmd_data_i[0+:32]} : low5_q & {64{~zero5_q}};
  assign high6 = given6_q ? {cmd_data_i[96+:32], cmd_data_i[32+:32]} : high6_q & {64{~zero6_q}};
  always_ff @(posedge clk_i) begin
    if (packet_q[5] | write_q[5]) begin
      low_mem[id_q[5*ID_W+:ID_W]] <= {bytes6_q[31:0], packets6_q[31:0]};
    end
    if (packet_q[2] | cmd_q[2]) low4_q <= low_mem[id_q[2*ID_W+:ID_W]];
  end
  always_ff @(posedge clk_i) begin
    if (packet_q[6] | write_q[6]) high_mem[id_q[6*ID_W+:ID_W]] <= high7_q;
    if (packet_q[3] | cmd_q[3]) high5_q <= high_mem[id_q[3*ID_W+:ID_W]];
  end
  always_ff @(posedge clk_i) begin
    if (packet_q[3] | cmd_q[3]) low5_q <= low4_q;
    if (packet_q[4] | cmd_q[4]) begin
      high6_q <= high5_q;
      packets6_q <= 33'(low5[31:0]) + 33'(packets5_q);
      bytes6_q <= 33'(low5[63:32]) + 33'(bytes5_q);
    end
    if (packet_q[5] | cmd_q[5]) begin
      high7_q[31:0] <= high6[31:0] + 32'(packets6_q[32]);
      high7_q[63:32] <= high6[63:32] + 32'(bytes6_q[32]);
    end
  end

  // --- 2: when it was seen -----------------------------------------------------------------------

  (* ram_style = STYLE *) logic [31:0] seen_mem[ENTRIES];
  logic [31:0] seen3_q;
  always_ff @(posedge clk_i) begin
    if (packet_q[1] | write_q[1]) seen_mem[id_q[ID_W+:ID_W]] <= seen2_q;
    else if (cmd_q[1]) seen3_q <= seen_mem[id_q[ID_W+:ID_W]];
  end

  // --- what is answered --------------------------------------------------------------------------

  logic [159:0] rsp_q;
  always_ff @(posedge clk_i) begin
    if (cmd_q[5]) low7_q <= {bytes6_q[31:0], packets6_q[31:0]};
    if (cmd_q[6]) begin
      rsp_q <= {seen3_q, high7_q[63:32], low7_q[63:32], high7_q[31:0], low7_q[31:0]};
    end
  end
  assign rsp_valid_o = cmd_q[LATENCY-1];
  assign rsp_o = rsp_q;

endmodule
