// SPDX-License-Identifier: BSD-3-Clause
// The DMA masters' addresses: bursts of one request after the other, each of which begins where the
// one before ended, none beyond its request's last beat, none across 4 KiB.
`include "formal.svh"

// One client asks for anything, at any time; AW is taken at any time. The order of requests is that of
// bursts, so a queue of what was asked for says where each burst must be.
module dma_write_props (
  input logic        clk_i,
  input logic        valid_i,
  input logic [63:0] addr_i,
  input logic [15:0] len_i,
  input logic        awready_i
);
  logic rst_n_q = 1'b0;
  always_ff @(posedge clk_i) rst_n_q <= 1'b1;

  logic        ready_o, awvalid;
  logic [63:0] awaddr;
  logic [7:0]  awlen;
  mpnic_dma_write #(.CLIENTS(1)) u_dut (
    .clk_i, .rst_ni(rst_n_q),
    .req_valid_i(valid_i & (len_i != '0)), .req_ready_o(ready_o), .req_addr_i(addr_i),
    .req_len_i(len_i),
    .dat_valid_i(1'b0), .dat_ready_o(), .dat_data_i(512'd0), .done_valid_o(), .done_error_o(),
    .m_axi_awvalid_o(awvalid), .m_axi_awready_i(awready_i), .m_axi_awid_o(),
    .m_axi_awaddr_o(awaddr), .m_axi_awlen_o(awlen), .m_axi_awsize_o(), .m_axi_awburst_o(),
    .m_axi_wvalid_o(), .m_axi_wready_i(1'b1), .m_axi_wdata_o(), .m_axi_wstrb_o(), .m_axi_wlast_o(),
    .m_axi_bvalid_i(1'b0), .m_axi_bready_o(), .m_axi_bid_i(4'd0), .m_axi_bresp_i(2'd0)
  );

  // The first request is watched: bursts until its last byte was covered are its own.
  logic        taken_q = 1'b0, over_q = 1'b0;
  logic [57:0] next_q = '0;           // beat of its next burst
  logic [10:0] left_q = '0;           // beats that no burst has had
  logic [17:0] bytes;
  logic [8:0]  beats;
  assign bytes = {2'd0, len_i} + {12'd0, addr_i[5:0]} + 18'd63;
  assign beats = {1'b0, awlen} + 9'd1;
  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
      if (valid_i && len_i != '0 && ready_o && !taken_q) begin
        taken_q <= 1'b1;
        next_q <= addr_i[63:6];
        left_q <= bytes[16:6];
      end
      if (awvalid && awready_i && !over_q) begin
        next_q <= next_q + {49'd0, beats};
        left_q <= left_q - {2'd0, beats};
        over_q <= left_q == {2'd0, beats};
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_n_q && awvalid) begin
      `PROVE(taken_q);
      `PROVE(awaddr[5:0] == '0);
      `PROVE({3'd0, awaddr[11:6]} + beats <= 9'd64);
      if (!over_q) `PROVE(awaddr[63:6] == next_q && {2'd0, beats} <= left_q);
      `COVER(!over_q && awready_i && left_q == {2'd0, beats} && next_q[5:0] == '0 && beats == 9'd3);
    end
  end
endmodule

// As above, with AR.
module dma_read_props (
  input logic        clk_i,
  input logic        valid_i,
  input logic [63:0] addr_i,
  input logic [15:0] len_i,
  input logic        arready_i
);
  logic rst_n_q = 1'b0;
  always_ff @(posedge clk_i) rst_n_q <= 1'b1;

  logic        ready_o, arvalid;
  logic [63:0] araddr;
  logic [7:0]  arlen;
  mpnic_dma_read #(.CLIENTS(1), .BULK(0)) u_dut (
    .clk_i, .rst_ni(rst_n_q),
    .req_valid_i(valid_i & (len_i != '0)), .req_ready_o(ready_o), .req_addr_i(addr_i),
    .req_len_i(len_i),
    .rsp_valid_o(), .rsp_ready_i(1'b0), .rsp_data_o(), .rsp_last_o(), .rsp_error_o(),
    .m_axi_arvalid_o(arvalid), .m_axi_arready_i(arready_i), .m_axi_arid_o(),
    .m_axi_araddr_o(araddr), .m_axi_arlen_o(arlen), .m_axi_arsize_o(), .m_axi_arburst_o(),
    .m_axi_rvalid_i(1'b0), .m_axi_rready_o(), .m_axi_rid_i(4'd0), .m_axi_rdata_i(512'd0),
    .m_axi_rresp_i(2'd0), .m_axi_rlast_i(1'b0)
  );

  // The first request is watched: bursts until its last byte was covered are its own.
  logic        taken_q = 1'b0, over_q = 1'b0;
  logic [57:0] next_q = '0;           // beat of its next burst
  logic [10:0] left_q = '0;           // beats that no burst has had
  logic [17:0] bytes;
  logic [8:0]  beats;
  assign bytes = {2'd0, len_i} + {12'd0, addr_i[5:0]} + 18'd63;
  assign beats = {1'b0, arlen} + 9'd1;
  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
      if (valid_i && len_i != '0 && ready_o && !taken_q) begin
        taken_q <= 1'b1;
        next_q <= addr_i[63:6];
        left_q <= bytes[16:6];
      end
      if (arvalid && arready_i && !over_q) begin
        next_q <= next_q + {49'd0, beats};
        left_q <= left_q - {2'd0, beats};
        over_q <= left_q == {2'd0, beats};
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_n_q && arvalid) begin
      `PROVE(taken_q);
      `PROVE(araddr[5:0] == '0);
      `PROVE({3'd0, araddr[11:6]} + beats <= 9'd64);
      if (!over_q) `PROVE(araddr[63:6] == next_q && {2'd0, beats} <= left_q);
      `COVER(!over_q && arready_i && left_q == {2'd0, beats} && next_q[5:0] == '0 && beats == 9'd3);
    end
  end
endmodule
