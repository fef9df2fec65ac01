// SPDX-License-Identifier: BSD-3-Clause
// The events of mpnic_act: each packet's record leaves ACT_LATENCY clocks after it came, in order;
// an event that is due is lost, which lost_o says with its packet, or leaves once, in order, with
// its packet's fields and its sequence number, which counts lost ones too; it is stable while it
// waits. None is lost while there is room, none waits for ever. The counters are a stand-in.
`include "formal.svh"
module act_props #(
  parameter int unsigned EVENTS = 4
) (
  input logic        clk_i,
  input logic [31:0] dues_i,  // by packet, whether its event is due: chosen at reset
  input logic        valid_i,
  input logic        event_ready_i
);
  localparam int unsigned SIGN = 31;  // none that act sets itself
  localparam int unsigned LATENCY = mpnic_rtl_pkg::ACT_LATENCY;
  logic rst_n_q = 1'b0;
  always_ff @(posedge clk_i) rst_n_q <= 1'b1;

  logic [31:0]                     dues_q = '0;
  logic [4:0]                      in_q = '0, out_q = '0;  // packets
  logic [LATENCY-1:0]              valid_q = '0;
  logic                            comes, valid, lost, event_valid;
  logic [mpnic_pkg::RESULT_W-1:0]  result_in, result;
  logic [mpnic_pkg::EVENT_W-1:0]   ev;
  logic [mpnic_pkg::SETTINGS_W-1:0] settings;
  assign comes = valid_i & rst_n_q;
  always_comb begin
    settings = '0;
    settings[mpnic_pkg::SETTINGS_EVENT_MASK_LSB+SIGN] = 1'b1;
    result_in = '0;
    result_in[mpnic_pkg::RESULT_FLOW_ID_LSB+:5] = in_q;
    result_in[mpnic_pkg::RESULT_SIGNS_LSB+SIGN] = dues_q[in_q];
  end
  mpnic_act #(.EVENTS(EVENTS)) u_dut (
    .clk_i, .rst_ni(rst_n_q), .settings_i(settings), .valid_i(comes), .hdr_i('0), .csum_i('0),
    .time_i(64'(in_q)), .result_i(result_in), .action_i('0), .first_syn_i('0), .generation_i('0),
    .valid_o(valid), .result_o(result), .lost_o(lost), .event_valid_o(event_valid), .event_o(ev),
    .event_ready_i, .cnt_read_i(1'b0), .cnt_source_i('0), .cnt_number_i('0), .cnt_valid_o(),
    .cnt_o(), .ready_o()
  );

  // Events that found room, as they should leave: { number in the sequence, packet }.
  logic [10*32-1:0] expected_q = '0;
  logic [4:0]       stored_q = '0, left_q = '0, before_q = '0, seq_q = '0;  // before: left, a clock ago
  logic [9:0]       seen, seen_q = '0;
  logic             due, waits_q = 1'b0, leaves;
  logic [2:0]       idle_q = '0;  // clocks in which events are taken and none is due
  assign due = valid & dues_q[out_q];
  assign leaves = event_valid & event_ready_i & rst_n_q;
  assign seen = {ev[mpnic_pkg::EVENT_SEQ_LSB+:5], ev[mpnic_pkg::EVENT_TIME_NS_LSB+:5]};
  always_ff @(posedge clk_i) begin
    if (!rst_n_q) dues_q <= dues_i;
    valid_q <= LATENCY'({valid_q, comes});
    in_q <= in_q + 5'(comes);
    out_q <= out_q + 5'(valid & rst_n_q);
    if (rst_n_q && due) begin
      seq_q <= seq_q + 5'd1;
      if (!lost) begin
        expected_q[10*stored_q+:10] <= {seq_q, out_q};
        stored_q <= stored_q + 5'd1;
      end
    end
    left_q <= left_q + 5'(leaves);
    before_q <= left_q;
    waits_q <= rst_n_q & event_valid & ~event_ready_i;
    seen_q <= seen;
    idle_q <= (!event_ready_i || comes || (|valid_q)) ? '0 : (&idle_q) ? idle_q : idle_q + 3'd1;
  end

  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
      `PROVE(valid == valid_q[LATENCY-1]);
      if (valid) `PROVE(result[mpnic_pkg::RESULT_FLOW_ID_LSB+:5] == out_q);
      if (lost) begin
        `PROVE(due);
        `PROVE(5'(stored_q - before_q) == 5'(EVENTS));
      end
      if (event_valid) begin
        `PROVE(left_q != stored_q);
        `PROVE(seen == expected_q[10*left_q+:10]);
        `PROVE(ev[mpnic_pkg::EVENT_FLOW_ID_LSB+:5] == ev[mpnic_pkg::EVENT_TIME_NS_LSB+:5]);
      end
      if (waits_q) `PROVE(event_valid && seen == seen_q);
      if (32'(idle_q) > EVENTS + 2) `PROVE(left_q == stored_q);
      `COVER(lost && left_q == 5'd2);
      `COVER(leaves && seen[9:5] != 5'(left_q) && left_q == 5'd5);
      `COVER(&idle_q && left_q == 5'd2);
    end
  end
endmodule

module mpnic_counters (
  input  logic                           clk_i,
  input  logic                           rst_ni,
  output logic                           ready_o,
  input  logic                           valid_i,
  input  logic [5:0]                     source_i,
  input  logic [mpnic_pkg::RESULT_W-1:0] result_i,
  input  logic [15:0]                    len_i,
  input  logic                           event_i,
  input  logic                           lost_i,
  input  logic                           read_i,
  input  logic [5:0]                     read_source_i,
  input  logic [6:0]                     read_number_i,
  output logic                           read_valid_o,
  output logic [63:0]                    read_o
);
  assign ready_o = 1'b1;
  assign read_valid_o = read_i;
  assign read_o = '0;
endmodule
