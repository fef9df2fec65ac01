// SPDX-License-Identifier: BSD-3-Clause
// From a wire into the device: length and MAC filter, as mpnic_device_receive() has them.
//
// Only whole good frames leave at m_*, in their order, as they came. Each frame makes one pulse, when
// its end was taken: stat_frames_o with its length, or, the first that holds, stat_down_o (the port is
// not up), stat_length_o (below 14 bytes, above 9600 or the MTU and 22), stat_filtered_o. A frame is
// judged by flags, MTU and filter as they are in the clock in which its first beat is taken. A beat that
// is not what AXI-Stream frames are made of (a gap before the last beat, an empty last one) makes its
// frame one of a wrong length. A frame that is too long, if ever it ends, takes no more memory than the
// longest good one, so that whatever comes s_axis_tready_o rises again as soon as m_* is taken.
// One beat a clock.
module mpnic_port_rx #(
  parameter int unsigned PORT = 0
) (
  input  logic                                  clk_i,
  input  logic                                  rst_ni,

  input  logic [15:0]                           flags_i,
  input  logic [15:0]                           mtu_i,
  // Place k: { used, port, address, its first byte lowest }.
  input  logic [mpnic_device_pkg::MAC_FILTERS*50-1:0] macs_i,

  input  logic [511:0]                          s_axis_tdata_i,
  input  logic [63:0]                           s_axis_tkeep_i,  // ones from bit 0 on
  input  logic                                  s_axis_tlast_i,
  input  logic                                  s_axis_tvalid_i,
  output logic                                  s_axis_tready_o,

  output logic                                  m_valid_o,
  input  logic                                  m_ready_i,
  output logic                                  m_first_o,
  output logic                                  m_last_o,
  output logic [6:0]                            m_bytes_o,
  output logic [511:0]                          m_data_o,

  output logic                                  stat_frames_o,
  output logic [15:0]                           stat_bytes_o,
  output logic                                  stat_filtered_o,
  output logic                                  stat_down_o,
  output logic                                  stat_length_o
);

  localparam int unsigned FILTERS = mpnic_device_pkg::MAC_FILTERS;
  localparam logic [15:0] OVER_MTU = 16'd22;  // Ethernet header and two VLAN tags

  logic [FILTERS-1:0] same;
  generate
    for (genvar k = 0; k < FILTERS; k++) begin : gen_match
      assign same[k] = macs_i[k*50+:50] == {1'b1, 1'(PORT), s_axis_tdata_i[47:0]};
    end
  endgenerate

  // 0: the beat, and, with a frame's first, what the frame is judged by.
  logic               take, begins_q;
  logic               valid0_q, first0_q, last0_q;
  logic [511:0]       data0_q;
  logic [63:0]        keep0_q;
  logic [FILTERS-1:0] same0_q;
  logic               up0_q, all0_q, groups0_q, broadcast0_q;
  logic [15:0]        mtu0_q;
  assign take = s_axis_tvalid_i & s_axis_tready_o;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      begins_q <= 1'b1;
      valid0_q <= 1'b0;
    end else begin
      valid0_q <= take;
      if (take) begins_q <= s_axis_tlast_i;
    end
  end
  always_ff @(posedge clk_i) begin
    if (take) begin
      first0_q <= begins_q;
      last0_q <= s_axis_tlast_i;
      data0_q <= s_axis_tdata_i;
      keep0_q <= s_axis_tkeep_i;
      if (begins_q) begin
        same0_q <= same;
        broadcast0_q <= &s_axis_tdata_i[47:0];
        up0_q <= flags_i[mpnic_device_pkg::PORT_UP];
        all0_q <= flags_i[mpnic_device_pkg::PORT_PROMISCUOUS];
        groups0_q <= flags_i[mpnic_device_pkg::PORT_ALL_MULTICAST];
        mtu0_q <= mtu_i;
      end
    end
  end

  // 1: the beat's bytes, 0 for one that must not be; does the address pass; the longest length.
  logic         valid1_q, first1_q, last1_q, up1_q, pass1_q;
  logic [511:0] data1_q;
  logic [6:0]   bytes, bytes1_q;
  logic [15:0]  limit1_q;
  logic         whole;
  assign whole = ~|(keep0_q[63:1] & ~keep0_q[62:0]) & (last0_q | keep0_q[63]);
  always_comb begin
    bytes = '0;
    for (int i = 0; i < 64; i++) begin
      if (keep0_q[i] && (i == 63 || !keep0_q[(i+1)%64])) bytes |= 7'(i + 1);
    end
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid1_q <= 1'b0;
    else valid1_q <= valid0_q;
  end
  always_ff @(posedge clk_i) begin
    first1_q <= first0_q;
    last1_q <= last0_q;
    data1_q <= data0_q;
    bytes1_q <= whole ? bytes : '0;
    up1_q <= up0_q;
    pass1_q <= all0_q | broadcast0_q | (groups0_q & data0_q[0]) | (|same0_q);
    // What MAC it is for is known from the first beat alone.
    if (!first0_q) pass1_q <= pass1_q;
    limit1_q <= (mtu0_q > 16'(mpnic_pkg::FRAME_MAX) - OVER_MTU) ? 16'(mpnic_pkg::FRAME_MAX)
                                                               : mtu0_q + OVER_MTU;
  end

  // 2: the length up to here. A frame that is far too long counts no further.
  logic         valid2_q, last2_q, up2_q, pass2_q, broken2_q;
  logic [511:0] data2_q;
  logic [6:0]   bytes2_q;
  logic [15:0]  limit2_q, len2_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid2_q <= 1'b0;
    else valid2_q <= valid1_q;
  end
  always_ff @(posedge clk_i) begin
    data2_q <= data1_q;
    bytes2_q <= bytes1_q;
    last2_q <= last1_q;
    up2_q <= up1_q;
    pass2_q <= pass1_q;
    limit2_q <= limit1_q;
    if (valid1_q) begin
      broken2_q <= (bytes1_q == '0) | (broken2_q & ~first1_q);
      if (first1_q) len2_q <= 16'(bytes1_q);
      else if (!len2_q[14]) len2_q <= len2_q + 16'(bytes1_q);
    end
  end

  // 3: the verdict on the frame up to here.
  logic         valid3_q, last3_q, up3_q, pass3_q, over3_q, short3_q;
  logic [511:0] data3_q;
  logic [6:0]   bytes3_q;
  logic [15:0]  len3_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid3_q <= 1'b0;
    else valid3_q <= valid2_q;
  end
  always_ff @(posedge clk_i) begin
    data3_q <= data2_q;
    bytes3_q <= bytes2_q;
    last3_q <= last2_q;
    up3_q <= up2_q;
    pass3_q <= pass2_q;
    len3_q <= len2_q;
    over3_q <= broken2_q | (len2_q > limit2_q);
    short3_q <= len2_q < 16'(mpnic_pkg::FRAME_MIN);
  end

  // What is found bad goes at once, and nothing more of it is written.
  logic bad, good_end, room, push, drop;
  assign bad = ~up3_q | ~pass3_q | over3_q;
  assign push = valid3_q & ~bad;
  assign good_end = push & last3_q & ~short3_q;
  assign drop = valid3_q & (bad | (last3_q & short3_q));
  mpnic_frame_fifo #(
    .W(520),
    .DEPTH(512),
    .MARGIN(16)
  ) u_frames (
    .clk_i,
    .rst_ni,
    .room_o  (room),
    .push_i  (push),
    .data_i  ({last3_q, bytes3_q, data3_q}),
    .commit_i(good_end),
    .drop_i  (drop),
    .valid_o (m_valid_o),
    .ready_i (m_ready_i),
    .data_o  ({m_last_o, m_bytes_o, m_data_o})
  );
  assign s_axis_tready_o = room;

  logic out_first_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) out_first_q <= 1'b1;
    else if (m_valid_o && m_ready_i) out_first_q <= m_last_o;
  end
  assign m_first_o = out_first_q;

  // The pulses.
  logic        frames_q, filtered_q, down_q, length_q, off_length;
  logic [15:0] bytes_q;
  assign off_length = over3_q | short3_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      frames_q <= 1'b0;
      filtered_q <= 1'b0;
      down_q <= 1'b0;
      length_q <= 1'b0;
    end else begin
      frames_q <= good_end;
      down_q <= valid3_q & last3_q & ~up3_q;
      length_q <= valid3_q & last3_q & up3_q & off_length;
      filtered_q <= valid3_q & last3_q & up3_q & ~off_length & ~pass3_q;
    end
  end
  always_ff @(posedge clk_i) bytes_q <= len3_q;
  assign stat_frames_o = frames_q;
  assign stat_bytes_o = bytes_q;
  assign stat_filtered_o = filtered_q;
  assign stat_down_o = down_q;
  assign stat_length_o = length_q;

endmodule
