// SPDX-License-Identifier: BSD-3-Clause
// mpnic_stateless around its header stages (standins.sv): what leaves is what came, beat by beat, in
// frames, each with its own header record at its first beat and its own checksum record at its last,
// and it is stable while it waits. With a sink that is always ready (READY), the source never waits.
`include "formal.svh"
module stateless_props #(
  parameter int unsigned DATA_W = 512,
  parameter int unsigned A_DEPTH = 16,
  parameter int unsigned B_DEPTH = 32,
  parameter int unsigned FRAMES = 32
) (
  input logic                        clk_i,
  input logic                        tvalid_i,
  input logic                        tlast_i,
  input logic [$clog2(DATA_W/8)-1:0] spare_i,  // bytes that a last beat lacks
  input logic                        tready_i
);
  localparam int unsigned BYTES = DATA_W / 8;

  logic rst_n_q = 1'b0;
  always_ff @(posedge clk_i) rst_n_q <= 1'b1;

  // Beats and frames are numbered as they come.
  logic [5:0]                  beats_in_q = '0, beats_out_q = '0, frames_out_q = '0;
  logic [DATA_W-1:0]           s_tdata, m_tdata;
  logic [BYTES-1:0]            s_tkeep, m_tkeep;
  logic                        s_tready, m_tvalid, m_tlast, m_tfirst, m_tready;
  logic [mpnic_pkg::HDR_W-1:0]  hdr;
  logic [mpnic_pkg::CSUM_W-1:0] csum;
  assign s_tdata = DATA_W'(beats_in_q);
  assign s_tkeep = tlast_i ? {BYTES{1'b1}} >> spare_i : {BYTES{1'b1}};
`ifdef READY
  assign m_tready = 1'b1;
`else
  assign m_tready = tready_i;
`endif
  mpnic_stateless #(
    .DATA_W(DATA_W), .A_DEPTH(A_DEPTH), .B_DEPTH(B_DEPTH), .FRAMES(FRAMES)
  ) u_dut (
    .clk_i, .rst_ni(rst_n_q),
    .s_axis_tdata_i(s_tdata), .s_axis_tkeep_i(s_tkeep), .s_axis_tuser_i(8'd0),
    .s_axis_tlast_i(tlast_i), .s_axis_tvalid_i(tvalid_i), .s_axis_tready_o(s_tready),
    .m_axis_tdata_o(m_tdata), .m_axis_tkeep_o(m_tkeep), .m_axis_tlast_o(m_tlast),
    .m_axis_tfirst_o(m_tfirst), .m_axis_tvalid_o(m_tvalid), .m_axis_tready_i(m_tready),
    .m_axis_hdr_o(hdr), .m_axis_csum_o(csum)
  );

  // Inside: no FIFO is pushed while it is full.
  (* hierconn *) logic \u_dut.a_room , \u_dut.in_valid , \u_dut.hdr_room , \u_dut.mptcp_valid ;
  (* hierconn *) logic \u_dut.csum_room , \u_dut.csum_valid ;

  logic kept;
  assign kept = (\u_dut.a_room | ~\u_dut.in_valid ) & (\u_dut.hdr_room | ~\u_dut.mptcp_valid ) &
                (\u_dut.csum_room | ~\u_dut.csum_valid );

  logic enters, leaves;
  assign enters = tvalid_i & s_tready & rst_n_q;
  assign leaves = m_tvalid & m_tready & rst_n_q;

  logic [$clog2(BYTES):0] bytes;
  always_comb begin
    bytes = '0;
    for (int unsigned i = 0; i < BYTES; i++) begin
      if (m_tkeep[i]) bytes = ($clog2(BYTES) + 1)'(i + 1);
    end
  end

  logic        first_q = 1'b1, waits_q = 1'b0, lived_q = 1'b0;
  logic [15:0] before_q = '0, csum_q = '0;
  logic [5:0]  tag_q = '0, hdr_q = '0;
  logic [BYTES-1:0] keep_q = '0;
  logic        tlast_q = 1'b0, tfirst_q = 1'b0;
  always_ff @(posedge clk_i) begin
    lived_q <= rst_n_q;
    beats_in_q <= beats_in_q + 6'(enters);
    if (leaves) begin
      beats_out_q <= beats_out_q + 6'd1;
      frames_out_q <= frames_out_q + 6'(m_tlast);
      first_q <= m_tlast;
      before_q <= m_tlast ? '0 : before_q + 16'(bytes);
    end
    waits_q <= rst_n_q & m_tvalid & ~m_tready;
    {tag_q, keep_q, tlast_q, tfirst_q} <= {m_tdata[5:0], m_tkeep, m_tlast, m_tfirst};
    hdr_q <= hdr[mpnic_pkg::HDR_SOURCE_LSB+:6];
    csum_q <= csum[mpnic_pkg::CSUM_FRAME_LEN_LSB+:16];
  end

  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
`ifdef READY
      if (lived_q) `PROVE(s_tready);
      `COVER(frames_out_q == 6'd3);
      `COVER(frames_out_q == 6'd1 && beats_out_q == 6'd2);
`else
      `PROVE(kept);
      if (m_tvalid) begin
        `PROVE(m_tfirst == first_q);
        `PROVE(m_tdata[5:0] == beats_out_q);
        `PROVE(m_tlast || (&m_tkeep));
        `PROVE(m_tkeep[0]);
        if (m_tfirst) `PROVE(hdr[mpnic_pkg::HDR_SOURCE_LSB+:6] == frames_out_q);
        if (m_tlast) begin
          `PROVE(csum[mpnic_pkg::CSUM_FRAME_LEN_LSB+:16] == before_q + 16'(bytes));
        end
      end
      if (waits_q) begin
        `PROVE(m_tvalid);
        `PROVE({m_tdata[5:0], m_tkeep, m_tlast, m_tfirst} == {tag_q, keep_q, tlast_q, tfirst_q});
        if (tfirst_q) `PROVE(hdr[mpnic_pkg::HDR_SOURCE_LSB+:6] == hdr_q);
        if (tlast_q) `PROVE(csum[mpnic_pkg::CSUM_FRAME_LEN_LSB+:16] == csum_q);
      end
      `COVER(leaves && m_tlast && !m_tfirst && frames_out_q == 6'd1);
      `COVER(waits_q && leaves && m_tfirst && m_tlast && frames_out_q == 6'd2);
      `COVER(!s_tready && lived_q && beats_out_q == 6'd1);
      `COVER(frames_out_q == 6'd3);
`endif
    end
  end
endmodule
