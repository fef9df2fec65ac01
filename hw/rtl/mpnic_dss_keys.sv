// SPDX-License-Identifier: BSD-3-Clause
// Which of the packets ahead have the same key, for mpnic_dss_forward. A packet's key comes in at
// stage 2; of those at stages 7 to 10 that leave something (touch) it says which one counts.
//
// Guarantees: near_o, far_o and sel_o name the youngest packet ahead with the same key, if packets
// of one key are two clocks apart and the memory is read at stage 2 and written at stage 8.
module mpnic_dss_keys #(
  parameter int unsigned KEY_W = 16
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             touch_i,  // stage 2
  input  logic             alone_i,  // stage 2: nothing of those ahead counts at stage 7
  input  logic [KEY_W-1:0] key_i,
  output logic [1:0]       sel_o,   // stage 4: 0: memory's; else of the packet at 7 + sel_o
  output logic             near_o,  // stage 5: of the packet at 7
  output logic             far_o,   // stage 5: of the packet at 8, if not near_o
  output logic             touch8_o,
  output logic [KEY_W-1:0] key8_o
);

  logic             alone3_q, alone4_q;
  logic             same7_q, same8_q, same9_q;  // the packet at 3 and that at 7, 8, 9
  logic             near6_q, far7_q;  // the packet at 4 and that at 6, 7
  logic [9:3]       touch_q;
  logic [KEY_W-1:0] key3_q, key4_q, key5_q, key6_q, key7_q, key8_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) touch_q <= '0;
    else touch_q <= {touch_q[8:3], touch_i};
  end
  always_ff @(posedge clk_i) begin
    alone3_q <= alone_i;
    alone4_q <= alone3_q;
    key3_q <= key_i;
    key4_q <= key3_q;
    key5_q <= key4_q;
    key6_q <= key5_q;
    key7_q <= key6_q;
    key8_q <= key7_q;
    // Equality is looked at two clocks before, who has it counts in one.
    same7_q <= key_i == key6_q;
    same8_q <= key_i == key7_q;
    same9_q <= key_i == key8_q;
    sel_o <= (touch_q[7] && same7_q) ? 2'd1 : (touch_q[8] && same8_q) ? 2'd2 :
             (touch_q[9] && same9_q) ? 2'd3 : 2'd0;
    near6_q <= key3_q == key5_q;
    far7_q <= key3_q == key6_q;
    near_o <= touch_q[6] & near6_q & ~alone4_q;
    far_o <= touch_q[7] & far7_q;
  end
  assign touch8_o = touch_q[8];
  assign key8_o = key8_q;

  // verilator lint_off SYNCASYNCNET
  always @(posedge clk_i) begin
    if (rst_ni && touch_i && touch_q[3]) assert (key_i != key3_q);
  end
  // verilator lint_on SYNCASYNCNET

endmodule
