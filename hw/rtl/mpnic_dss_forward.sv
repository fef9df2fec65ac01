// SPDX-License-Identifier: BSD-3-Clause
// State between a memory and the loop that changes it: what the memory gave at stage 4, or what
// packets ahead left that it had not yet; at stage 6 for the packet there, and at stage 8, to be
// written, what it has become. The last choice is the end of a long way, so all others come before.
module mpnic_dss_forward #(
  parameter int unsigned W = 32
) (
  input  logic         clk_i,
  input  logic [W-1:0] mem_i,    // stage 4
  input  logic [1:0]   sel_i,    // these as mpnic_dss_keys gives them
  input  logic         near_i,
  input  logic         far_i,
  input  logic         clear_i,  // stage 5: unless near_i, zero
  output logic [W-1:0] state_o,  // stage 6
  input  logic [W-1:0] new_i,    // stage 7
  output logic [W-1:0] left_o    // stage 8
);

  logic [W-1:0] state5_q, state6_q, left8_q, left9_q, left10_q;
  always_ff @(posedge clk_i) begin
    unique case (sel_i)
      2'd1: state5_q <= left8_q;
      2'd2: state5_q <= left9_q;
      2'd3: state5_q <= left10_q;
      default: state5_q <= mem_i;
    endcase
    state6_q <= near_i ? new_i : ((far_i ? left8_q : state5_q) & {W{~clear_i}});
    left8_q <= new_i;
    left9_q <= left8_q;
    left10_q <= left9_q;
  end
  assign state_o = state6_q;
  assign left_o = left8_q;

endmodule
