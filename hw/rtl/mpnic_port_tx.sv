// SPDX-License-Identifier: BSD-3-Clause
// From the device to a wire: padding to 60 bytes, store and forward.
//
// Frames leave whole, in their order, one beat a clock, without gaps where the wire takes them. While
// the port is not up or has no link in the clock in which a frame's first beat is taken, the frame is
// swallowed: stat_down_o, once, when its end was taken. Else, in the clock behind its last beat on the wire,
// stat_frames_o with its length, padding included; or stat_wire_o, if m_axis_refused_i was high with that
// beat. abort_i: what stands before is reset. While it is high nothing is taken; a frame that was half
// taken is forgotten without a count, and beats up to the next first one are no frame. Frames that were
// wholly taken leave.
module mpnic_port_tx (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         abort_i,

  input  logic [15:0]  flags_i,

  input  logic         s_valid_i,
  output logic         s_ready_o,
  input  logic         s_first_i,
  input  logic         s_last_i,
  input  logic [6:0]   s_bytes_i,
  input  logic [511:0] s_data_i,

  output logic [511:0] m_axis_tdata_o,
  output logic [63:0]  m_axis_tkeep_o,
  output logic         m_axis_tlast_o,
  output logic         m_axis_tvalid_o,
  input  logic         m_axis_tready_i,
  input  logic         m_axis_refused_i,  // with a last beat: the wire does not take the frame

  output logic         stat_frames_o,
  output logic [15:0]  stat_bytes_o,
  output logic         stat_wire_o,
  output logic         stat_down_o
);

  localparam logic [6:0] WIRE_MIN = 7'(mpnic_device_pkg::WIRE_MIN);

  function automatic logic [63:0] ones(input logic [6:0] n);
    for (int i = 0; i < 64; i++) ones[i] = 7'(i) < n;
  endfunction

  // 0: the beat. Behind an abort the frame's rest is not taken for one.
  logic         room, take, link, alive_q, send_q, alive_d, send_d;
  logic         valid0_q, first0_q, last0_q, send0_q;
  logic [511:0] data0_q;
  logic [6:0]   bytes0_q;
  assign s_ready_o = room & ~abort_i;
  assign take = s_valid_i & s_ready_o;
  assign link = flags_i[mpnic_device_pkg::PORT_UP] & flags_i[mpnic_device_pkg::PORT_LINK];
  assign alive_d = s_first_i | alive_q;
  assign send_d = s_first_i ? link : send_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      alive_q <= 1'b0;
      valid0_q <= 1'b0;
    end else begin
      valid0_q <= take & alive_d;
      if (abort_i) alive_q <= 1'b0;
      else if (take) alive_q <= alive_d;
    end
  end
  always_ff @(posedge clk_i) begin
    if (take) begin
      send_q <= send_d;
      send0_q <= send_d;
      first0_q <= s_first_i;
      last0_q <= s_last_i;
      data0_q <= s_data_i;
      bytes0_q <= s_bytes_i;
    end
  end

  // 1: with its padding, and zeros behind the frame's end.
  logic         valid1_q, last1_q, send1_q;
  logic [511:0] data1_q, mask;
  logic [63:0]  keep;
  logic [6:0]   bytes, bytes1_q;
  assign keep = ones(bytes0_q);
  always_comb begin
    for (int i = 0; i < 64; i++) mask[8*i+:8] = {8{keep[i]}};
  end
  assign bytes = (first0_q && bytes0_q < WIRE_MIN) ? WIRE_MIN : bytes0_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid1_q <= 1'b0;
    else valid1_q <= valid0_q;
  end
  always_ff @(posedge clk_i) begin
    if (valid0_q) begin
      send1_q <= send0_q;
      last1_q <= last0_q;
      data1_q <= data0_q & mask;
      bytes1_q <= bytes;
    end
  end

  // An abort waits until the beats before it have passed: they may end a frame.
  logic abort_q, abort2_q, ends;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      abort_q <= 1'b0;
      abort2_q <= 1'b0;
    end else begin
      abort_q <= abort_i;
      abort2_q <= abort_q;
    end
  end
  assign ends = valid1_q & last1_q;

  logic         f_valid, f_ready, f_last;
  logic [6:0]   f_bytes;
  logic [511:0] f_data;
  mpnic_frame_fifo #(
    .W(520),
    .DEPTH(512),
    .MARGIN(16)
  ) u_frames (
    .clk_i,
    .rst_ni,
    .room_o  (room),
    .push_i  (valid1_q & send1_q),
    .data_i  ({last1_q, bytes1_q, data1_q}),
    .commit_i(ends),
    .drop_i  (abort2_q),
    .valid_o (f_valid),
    .ready_i (f_ready),
    .data_o  ({f_last, f_bytes, f_data})
  );

  // To the wire, from registers.
  logic         valid_q, last_q;
  logic [6:0]   bytes_q;
  logic [511:0] data_q;
  logic [63:0]  keep_q;
  assign f_ready = ~valid_q | m_axis_tready_i;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (f_ready) valid_q <= f_valid;
  end
  always_ff @(posedge clk_i) begin
    if (f_ready) begin
      last_q <= f_last;
      bytes_q <= f_bytes;
      data_q <= f_data;
      keep_q <= ones(f_bytes);
    end
  end
  assign m_axis_tvalid_o = valid_q;
  assign m_axis_tlast_o = last_q;
  assign m_axis_tdata_o = data_q;
  assign m_axis_tkeep_o = keep_q;

  // What left, and what did not.
  logic        leaves, begins_q, frames_q, wire_q, down_q;
  logic [15:0] len_q;
  assign leaves = valid_q & m_axis_tready_i;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      begins_q <= 1'b1;
      frames_q <= 1'b0;
      wire_q <= 1'b0;
      down_q <= 1'b0;
    end else begin
      if (leaves) begins_q <= last_q;
      frames_q <= leaves & last_q & ~m_axis_refused_i;
      wire_q <= leaves & last_q & m_axis_refused_i;
      down_q <= ends & ~send1_q;
    end
  end
  always_ff @(posedge clk_i) begin
    if (leaves) len_q <= (begins_q ? 16'd0 : len_q) + 16'(bytes_q);
  end
  assign stat_frames_o = frames_q;
  assign stat_bytes_o = len_q;
  assign stat_wire_o = wire_q;
  assign stat_down_o = down_q;

endmodule
