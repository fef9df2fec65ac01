// SPDX-License-Identifier: BSD-3-Clause
// Interrupts and their moderation: a vector that was asked for is raised, for one clock, once its
// least interval since it was raised last is over; what is asked for meanwhile is one with it. Each
// vector is looked at once in VECTORS clocks.
module mpnic_irq (
  input  logic                                       clk_i,
  input  logic                                       rst_ni,

  input  logic [63:0]                                now_i,      // ns
  input  logic [mpnic_device_pkg::VECTORS-1:0]       ask_i,
  output logic [mpnic_device_pkg::VECTORS-1:0]       pending_o,  // asked for, not raised
  output logic [mpnic_device_pkg::VECTORS-1:0]       irq_o,      // one-hot, if any

  // Intervals in us; 0: none is held back.
  input  logic [$clog2(mpnic_device_pkg::VECTORS)-1:0] select_i,
  input  logic                                       write_i,
  input  logic [31:0]                                interval_i,
  output logic [31:0]                                interval_o,

  output logic                                       ready_o     // intervals are zero after reset
);

  localparam int unsigned VECTORS = mpnic_device_pkg::VECTORS;
  localparam int unsigned V_W = $clog2(VECTORS);

  // The sweep; its first round clears.
  logic [V_W-1:0] at_q;
  logic           clear_q;
  assign ready_o = ~clear_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      at_q <= '0;
      clear_q <= 1'b1;
    end else begin
      at_q <= at_q + V_W'(1);
      if (&at_q) clear_q <= 1'b0;
    end
  end

  logic [31:0] intervals[VECTORS];
  logic [63:0] lasts[VECTORS];
  assign interval_o = intervals[select_i];
  always_ff @(posedge clk_i) begin
    if (clear_q) intervals[at_q] <= '0;
    else if (write_i) intervals[select_i] <= interval_i;
  end

  // 1: interval and last time; 2: the interval in ns; 3: when it is due; 4: whether it is.
  logic [V_W-1:0] at1_q, at2_q, at3_q, at4_q;
  logic           valid1_q, valid2_q, valid3_q, due_q, held2_q, held3_q;
  logic [31:0]    interval1_q;
  logic [63:0]    last1_q, last2_q, due3_q, now_q;
  logic [41:0]    ns2_q;
  always_ff @(posedge clk_i) begin
    at1_q <= at_q;
    interval1_q <= intervals[at_q];
    last1_q <= lasts[at_q];
    at2_q <= at1_q;
    ns2_q <= {interval1_q, 10'd0} - {6'd0, interval1_q, 4'd0} - {7'd0, interval1_q, 3'd0};
    held2_q <= interval1_q != '0;
    last2_q <= last1_q;
    at3_q <= at2_q;
    due3_q <= last2_q + 64'(ns2_q);
    held3_q <= held2_q;
    at4_q <= at3_q;
    now_q <= now_i;
    if (fire) lasts[at4_q] <= now_q;
  end

  logic                fire;
  logic [VECTORS-1:0]  pending_q, fired;
  assign fire = due_q & pending_q[at4_q];
  assign fired = VECTORS'(fire) << at4_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid1_q <= 1'b0;
      valid2_q <= 1'b0;
      valid3_q <= 1'b0;
      due_q <= 1'b0;
      pending_q <= '0;
      irq_o <= '0;
    end else begin
      valid1_q <= ~clear_q;
      valid2_q <= valid1_q;
      valid3_q <= valid2_q;
      due_q <= valid3_q & (~held3_q | (now_i >= due3_q));
      pending_q <= (pending_q & ~fired) | ask_i;
      irq_o <= fired;
    end
  end
  assign pending_o = pending_q;

endmodule
