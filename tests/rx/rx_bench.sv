// SPDX-License-Identifier: BSD-3-Clause
// mpnic_rx behind both DMA masters, as in the device: clients 0 (descriptors), 0 and 1 (data,
// completions); the others ask for nothing.
module rx_bench (
  input  logic                           clk_i,
  input  logic                           rst_ni,

  input  logic                           s_valid_i,
  output logic                           s_ready_o,
  input  logic                           s_first_i,
  input  logic                           s_last_i,
  input  logic [6:0]                     s_bytes_i,
  input  logic [511:0]                   s_data_i,
  input  logic [mpnic_pkg::HDR_W-1:0]    s_hdr_i,
  input  logic [mpnic_pkg::CSUM_W-1:0]   s_csum_i,
  input  logic [mpnic_pkg::RESULT_W-1:0] s_result_i,
  input  logic [63:0]                    s_time_i,
  input  logic                           s_port_i,
  input  logic [63:0]                    port_queues_i,
  input  logic [511:0]                   tails_i,

  input  logic                           qp_valid_i,
  input  logic [3:0]                     qp_index_i,
  input  logic                           qp_write_i,
  input  logic [10:0]                    qp_addr_i,
  input  logic [31:0]                    qp_wdata_i,
  output logic                           qp_ready_o,
  output logic [31:0]                    qp_rdata_o,

  output logic                           irq_valid_o,
  output logic [5:0]                     irq_vector_o,
  input  logic [63:0]                    irq_pending_i,
  output logic [1:0]                     stat_no_queue_o,
  output logic [1:0]                     stat_no_buffer_o,
  output logic                           idle_o,
  output logic                           unstable_o,  // a request or data changed while it waited

  output logic                           m_axi_arvalid_o,
  input  logic                           m_axi_arready_i,
  output logic [63:0]                    m_axi_araddr_o,
  output logic [7:0]                     m_axi_arlen_o,
  input  logic                           m_axi_rvalid_i,
  output logic                           m_axi_rready_o,
  input  logic [511:0]                   m_axi_rdata_i,
  input  logic [1:0]                     m_axi_rresp_i,
  input  logic                           m_axi_rlast_i,

  output logic                           m_axi_awvalid_o,
  input  logic                           m_axi_awready_i,
  output logic [63:0]                    m_axi_awaddr_o,
  output logic [7:0]                     m_axi_awlen_o,
  output logic                           m_axi_wvalid_o,
  input  logic                           m_axi_wready_i,
  output logic [511:0]                   m_axi_wdata_o,
  output logic [63:0]                    m_axi_wstrb_o,
  output logic                           m_axi_wlast_o,
  input  logic                           m_axi_bvalid_i,
  output logic                           m_axi_bready_o,
  input  logic [1:0]                     m_axi_bresp_i
);

  logic         desc_req_valid, desc_req_ready, desc_rsp_valid, desc_rsp_ready;
  logic [63:0]  desc_req_addr;
  logic [15:0]  desc_req_len;
  logic [511:0] desc_rsp_data;
  logic         desc_rsp_last, desc_rsp_error;
  logic         data_req_valid, data_req_ready, data_dat_valid, data_dat_ready, data_done_valid;
  logic         cpl_req_valid, cpl_req_ready, cpl_dat_valid, cpl_dat_ready, cpl_done_valid;
  logic [63:0]  data_req_addr, cpl_req_addr;
  logic [15:0]  data_req_len, cpl_req_len;
  logic [511:0] data_dat_data, cpl_dat_data;
  logic         done_error;

  mpnic_rx u_rx (
    .clk_i, .rst_ni,
    .s_valid_i, .s_ready_o, .s_first_i, .s_last_i, .s_bytes_i, .s_data_i,
    .s_hdr_i, .s_csum_i, .s_result_i, .s_time_i, .s_port_i,
    .port_queues_i, .tails_i,
    .qp_valid_i, .qp_index_i, .qp_write_i, .qp_addr_i, .qp_wdata_i, .qp_ready_o, .qp_rdata_o,
    .desc_req_valid_o (desc_req_valid),
    .desc_req_ready_i (desc_req_ready),
    .desc_req_addr_o  (desc_req_addr),
    .desc_req_len_o   (desc_req_len),
    .desc_rsp_valid_i (desc_rsp_valid),
    .desc_rsp_ready_o (desc_rsp_ready),
    .desc_rsp_data_i  (desc_rsp_data),
    .desc_rsp_last_i  (desc_rsp_last),
    .desc_rsp_error_i (desc_rsp_error),
    .data_req_valid_o (data_req_valid),
    .data_req_ready_i (data_req_ready),
    .data_req_addr_o  (data_req_addr),
    .data_req_len_o   (data_req_len),
    .data_dat_valid_o (data_dat_valid),
    .data_dat_ready_i (data_dat_ready),
    .data_dat_data_o  (data_dat_data),
    .data_done_valid_i(data_done_valid),
    .data_done_error_i(done_error),
    .cpl_req_valid_o  (cpl_req_valid),
    .cpl_req_ready_i  (cpl_req_ready),
    .cpl_req_addr_o   (cpl_req_addr),
    .cpl_req_len_o    (cpl_req_len),
    .cpl_dat_valid_o  (cpl_dat_valid),
    .cpl_dat_ready_i  (cpl_dat_ready),
    .cpl_dat_data_o   (cpl_dat_data),
    .cpl_done_valid_i (cpl_done_valid),
    .cpl_done_error_i (done_error),
    .irq_valid_o, .irq_vector_o, .irq_pending_i,
    .stat_no_queue_o, .stat_no_buffer_o, .idle_o
  );

  // verilator lint_off PINCONNECTEMPTY
  logic [2:0] no_ready, no_valid;
  mpnic_dma_read u_read (
    .clk_i, .rst_ni,
    .req_valid_i({3'd0, desc_req_valid}),
    .req_ready_o({no_ready, desc_req_ready}),
    .req_addr_i ({192'd0, desc_req_addr}),
    .req_len_i  ({48'd0, desc_req_len}),
    .rsp_valid_o({no_valid, desc_rsp_valid}),
    .rsp_ready_i({3'd7, desc_rsp_ready}),
    .rsp_data_o (desc_rsp_data),
    .rsp_last_o (desc_rsp_last),
    .rsp_error_o(desc_rsp_error),
    .m_axi_arvalid_o, .m_axi_arready_i, .m_axi_arid_o(), .m_axi_araddr_o, .m_axi_arlen_o,
    .m_axi_arsize_o(), .m_axi_arburst_o(),
    .m_axi_rvalid_i, .m_axi_rready_o, .m_axi_rid_i(4'd0), .m_axi_rdata_i, .m_axi_rresp_i,
    .m_axi_rlast_i
  );

  logic [2:0] no_req_ready, no_dat_ready, no_done;
  mpnic_dma_write u_write (
    .clk_i, .rst_ni,
    .req_valid_i ({3'd0, cpl_req_valid, data_req_valid}),
    .req_ready_o ({no_req_ready, cpl_req_ready, data_req_ready}),
    .req_addr_i  ({192'd0, cpl_req_addr, data_req_addr}),
    .req_len_i   ({48'd0, cpl_req_len, data_req_len}),
    .dat_valid_i ({3'd0, cpl_dat_valid, data_dat_valid}),
    .dat_ready_o ({no_dat_ready, cpl_dat_ready, data_dat_ready}),
    .dat_data_i  ({1536'd0, cpl_dat_data, data_dat_data}),
    .done_valid_o({no_done, cpl_done_valid, data_done_valid}),
    .done_error_o(done_error),
    .m_axi_awvalid_o, .m_axi_awready_i, .m_axi_awid_o(), .m_axi_awaddr_o, .m_axi_awlen_o,
    .m_axi_awsize_o(), .m_axi_awburst_o(),
    .m_axi_wvalid_o, .m_axi_wready_i, .m_axi_wdata_o, .m_axi_wstrb_o, .m_axi_wlast_o,
    .m_axi_bvalid_i, .m_axi_bready_o, .m_axi_bid_i(4'd0), .m_axi_bresp_i
  );
  // verilator lint_on PINCONNECTEMPTY

  // What waits for ready stands still.
  logic [80:0]  desc_req_q, data_req_q, cpl_req_q;
  logic [512:0] data_dat_q, cpl_dat_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      {desc_req_q, data_req_q, cpl_req_q} <= '0;
      {data_dat_q, cpl_dat_q} <= '0;
    end else begin
      desc_req_q <= {desc_req_valid & ~desc_req_ready, desc_req_addr, desc_req_len};
      data_req_q <= {data_req_valid & ~data_req_ready, data_req_addr, data_req_len};
      cpl_req_q <= {cpl_req_valid & ~cpl_req_ready, cpl_req_addr, cpl_req_len};
      data_dat_q <= {data_dat_valid & ~data_dat_ready, data_dat_data};
      cpl_dat_q <= {cpl_dat_valid & ~cpl_dat_ready, cpl_dat_data};
    end
  end
  assign unstable_o =
      (desc_req_q[80] & (desc_req_q != {desc_req_valid, desc_req_addr, desc_req_len})) |
      (data_req_q[80] & (data_req_q != {data_req_valid, data_req_addr, data_req_len})) |
      (cpl_req_q[80] & (cpl_req_q != {cpl_req_valid, cpl_req_addr, cpl_req_len})) |
      (data_dat_q[512] & (data_dat_q != {data_dat_valid, data_dat_data})) |
      (cpl_dat_q[512] & (cpl_dat_q != {cpl_dat_valid, cpl_dat_data}));

  logic unused;
  assign unused = ^{no_ready, no_valid, no_req_ready, no_dat_ready, no_done};

endmodule
