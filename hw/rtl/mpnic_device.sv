// SPDX-License-Identifier: BSD-3-Clause
// The device (docs/device.md): two wire ports, the pipeline, queues in host memory, firmware, and the host
// interface: AXI4-Lite for BAR 0, an AXI4 master for DMA, one interrupt pulse a vector.
//
//  wire 0, 1 -> port_rx -+                            +-> rx -> host: buffers, completions
//     Tx queues -> tx ---+-> pipeline -> by source ---+
//               fill <---+- (checksums to fill in)    +-> port_tx -> wire 0, 1
//
// A frame from the host whose checksums are to be filled in passes the stateless half twice: first it
// leaves behind it, for fill, and then it comes again as it will leave. One with BYPASS goes to its
// port at once, or behind fill. So frames that go different ways are never under way at the same time
// (mpnic_tx, class_idle).
//
// What is of the bus and the wires lives on while the device is reset: guard, ports' transmitters,
// counters, the host's registers.
module mpnic_device #(
  parameter              ROM = "",  // boot's, for $readmemh
  parameter int unsigned FLOWS = 65536,
  parameter int unsigned STASH = 256,
  parameter int unsigned CONNS = 65536,
  parameter int unsigned TOKENS = 65536,
  parameter int unsigned PEERS = 4096
) (
  // The pipeline's clock is clk_i, or clk_i gated by pipe_busy_o: while that is low nothing there changes.
  input  logic                               clk_i,
  input  logic                               clk_pipe_i,
  output logic                               pipe_busy_o,
  input  logic                               rst_ni,      // power came up, or PCI reset

  // Time in ns, never goes back; random bits, other ones in each clock; what the card was made with.
  input  logic [63:0]                        now_i,
  input  logic [31:0]                        random_i,
  input  logic [255:0]                       serial_i,
  input  logic [95:0]                        macs_i,      // first byte of port 0's lowest
  input  logic [63:0]                        speeds_i,    // Mb/s, 32 bits a port
  input  logic [1:0]                         links_i,     // the wire is there

  // BAR 0.
  input  logic                               s_axil_awvalid_i,
  output logic                               s_axil_awready_o,
  input  logic [16:0]                        s_axil_awaddr_i,
  input  logic                               s_axil_wvalid_i,
  output logic                               s_axil_wready_o,
  input  logic [31:0]                        s_axil_wdata_i,
  input  logic [3:0]                         s_axil_wstrb_i,
  output logic                               s_axil_bvalid_o,
  input  logic                               s_axil_bready_i,
  output logic [1:0]                         s_axil_bresp_o,
  input  logic                               s_axil_arvalid_i,
  output logic                               s_axil_arready_o,
  input  logic [16:0]                        s_axil_araddr_i,
  output logic                               s_axil_rvalid_o,
  input  logic                               s_axil_rready_i,
  output logic [31:0]                        s_axil_rdata_o,
  output logic [1:0]                         s_axil_rresp_o,

  // DMA: incrementing bursts of whole beats, inside of 4 KiB.
  output logic                               m_axi_arvalid_o,
  input  logic                               m_axi_arready_i,
  output logic [3:0]                         m_axi_arid_o,
  output logic [63:0]                        m_axi_araddr_o,
  output logic [7:0]                         m_axi_arlen_o,
  output logic [2:0]                         m_axi_arsize_o,
  output logic [1:0]                         m_axi_arburst_o,
  input  logic                               m_axi_rvalid_i,
  output logic                               m_axi_rready_o,
  input  logic [3:0]                         m_axi_rid_i,
  input  logic [511:0]                       m_axi_rdata_i,
  input  logic [1:0]                         m_axi_rresp_i,
  input  logic                               m_axi_rlast_i,
  output logic                               m_axi_awvalid_o,
  input  logic                               m_axi_awready_i,
  output logic [3:0]                         m_axi_awid_o,
  output logic [63:0]                        m_axi_awaddr_o,
  output logic [7:0]                         m_axi_awlen_o,
  output logic [2:0]                         m_axi_awsize_o,
  output logic [1:0]                         m_axi_awburst_o,
  output logic                               m_axi_wvalid_o,
  input  logic                               m_axi_wready_i,
  output logic [511:0]                       m_axi_wdata_o,
  output logic [63:0]                        m_axi_wstrb_o,
  output logic                               m_axi_wlast_o,
  input  logic                               m_axi_bvalid_i,
  output logic                               m_axi_bready_o,
  input  logic [1:0]                         m_axi_bresp_i,

  output logic [63:0]                        irq_o,

  // Wires, port 1's bits above port 0's.
  input  logic [1023:0]                      s_axis_tdata_i,
  input  logic [127:0]                       s_axis_tkeep_i,  // ones from bit 0 on; all but in a last beat
  input  logic [1:0]                         s_axis_tlast_i,
  input  logic [1:0]                         s_axis_tvalid_i,
  output logic [1:0]                         s_axis_tready_o,
  output logic [1023:0]                      m_axis_tdata_o,
  output logic [127:0]                       m_axis_tkeep_o,
  output logic [1:0]                         m_axis_tlast_o,
  output logic [1:0]                         m_axis_tvalid_o,
  input  logic [1:0]                         m_axis_tready_i,
  // With a frame's last beat: the wire does not take it, it is counted as that.
  input  logic [1:0]                         m_axis_refused_i,

  // A queue's doorbell became 0, by enum queue: for a simulation whose doorbells are memory.
  output logic [2:0]                         clear_valid_o,
  output logic [3:0]                         clear_index_o,
  // The processor sleeps, no frame and no transfer is under way.
  output logic                               idle_o,

  // What was done to the tables, in its order (mpnic_stateful), for lock-step and debugging.
  output logic                               commit_valid_o,
  output logic [mpnic_pkg::RESULT_W-1:0]     commit_result_o,
  output logic [63:0]                        commit_time_o,
  output logic [7:0]                         commit_source_o
);

  localparam int unsigned PORTS = 2;
  localparam int unsigned FRAME_BEATS = 150;  // of the longest frame
  localparam int unsigned FILL_BEATS = 512;   // that mpnic_fill can keep
  localparam logic [7:0]  GIVEN = 8'(mpnic_pkg::GIVEN_UNKNOWN);

  // Clients of the DMA masters.
  localparam int unsigned RD_RX = 0;
  localparam int unsigned RD_TX = 1;
  localparam int unsigned RD_DATA = 2;
  localparam int unsigned RD_ADMIN = 3;
  localparam int unsigned RDS = 4;
  localparam int unsigned WR_DATA = 0;
  localparam int unsigned WR_RX = 1;
  localparam int unsigned WR_TX = 2;
  localparam int unsigned WR_EVENT = 3;
  localparam int unsigned WR_ADMIN = 4;
  localparam int unsigned WRS = 5;

  logic rst_n, cut;  // rst_n: of what is reset with the device

  // --- DMA -----------------------------------------------------------------------------------------

  logic [RDS-1:0]     rd_valid, rd_ready, rsp_valid, rsp_ready;
  logic [RDS*64-1:0]  rd_addr;
  logic [RDS*16-1:0]  rd_len;
  logic [511:0]       rsp_data;
  logic               rsp_last, rsp_error;
  logic [WRS-1:0]     wr_valid, wr_ready, dat_valid, dat_ready, done_valid;
  logic [WRS*64-1:0]  wr_addr;
  logic [WRS*16-1:0]  wr_len;
  logic [WRS*512-1:0] dat_data;
  logic               done_error;

  logic         arvalid, arready, rvalid, rready, rlast, awvalid, awready, wvalid, wready, bvalid, bready;
  logic [3:0]   arid, rid;
  logic [63:0]  araddr, awaddr, wstrb;
  logic [7:0]   arlen, awlen;
  logic [511:0] rdata, wdata;
  logic [1:0]   rresp, bresp;
  // verilator lint_off PINCONNECTEMPTY
  mpnic_dma_read #(
    .CLIENTS(RDS)
  ) u_dma_read (
    .clk_i,
    .rst_ni         (rst_n),
    .req_valid_i    (rd_valid),
    .req_ready_o    (rd_ready),
    .req_addr_i     (rd_addr),
    .req_len_i      (rd_len),
    .rsp_valid_o    (rsp_valid),
    .rsp_ready_i    (rsp_ready),
    .rsp_data_o     (rsp_data),
    .rsp_last_o     (rsp_last),
    .rsp_error_o    (rsp_error),
    .m_axi_arvalid_o(arvalid),
    .m_axi_arready_i(arready),
    .m_axi_arid_o   (arid),
    .m_axi_araddr_o (araddr),
    .m_axi_arlen_o  (arlen),
    .m_axi_arsize_o (),
    .m_axi_arburst_o(),
    .m_axi_rvalid_i (rvalid),
    .m_axi_rready_o (rready),
    .m_axi_rid_i    (rid),
    .m_axi_rdata_i  (rdata),
    .m_axi_rresp_i  (rresp),
    .m_axi_rlast_i  (rlast)
  );
  mpnic_dma_write #(
    .CLIENTS(WRS)
  ) u_dma_write (
    .clk_i,
    .rst_ni         (rst_n),
    .req_valid_i    (wr_valid),
    .req_ready_o    (wr_ready),
    .req_addr_i     (wr_addr),
    .req_len_i      (wr_len),
    .dat_valid_i    (dat_valid),
    .dat_ready_o    (dat_ready),
    .dat_data_i     (dat_data),
    .done_valid_o   (done_valid),
    .done_error_o   (done_error),
    .m_axi_awvalid_o(awvalid),
    .m_axi_awready_i(awready),
    .m_axi_awid_o   (),
    .m_axi_awaddr_o (awaddr),
    .m_axi_awlen_o  (awlen),
    .m_axi_awsize_o (),
    .m_axi_awburst_o(),
    .m_axi_wvalid_o (wvalid),
    .m_axi_wready_i (wready),
    .m_axi_wdata_o  (wdata),
    .m_axi_wstrb_o  (wstrb),
    .m_axi_wlast_o  (),
    .m_axi_bvalid_i (bvalid),
    .m_axi_bready_o (bready),
    .m_axi_bid_i    (4'd0),
    .m_axi_bresp_i  (bresp)
  );
  // verilator lint_on PINCONNECTEMPTY
  logic bus_idle;
  mpnic_axi_guard u_guard (
    .clk_i,
    .rst_ni,
    .cut_i      (cut),
    .idle_o     (bus_idle),
    .s_arvalid_i(arvalid),
    .s_arready_o(arready),
    .s_arid_i   (arid),
    .s_araddr_i (araddr),
    .s_arlen_i  (arlen),
    .s_rvalid_o (rvalid),
    .s_rready_i (rready),
    .s_rid_o    (rid),
    .s_rdata_o  (rdata),
    .s_rresp_o  (rresp),
    .s_rlast_o  (rlast),
    .s_awvalid_i(awvalid),
    .s_awready_o(awready),
    .s_awaddr_i (awaddr),
    .s_awlen_i  (awlen),
    .s_wvalid_i (wvalid),
    .s_wready_o (wready),
    .s_wdata_i  (wdata),
    .s_wstrb_i  (wstrb),
    .s_bvalid_o (bvalid),
    .s_bready_i (bready),
    .s_bresp_o  (bresp),
    .m_arvalid_o(m_axi_arvalid_o),
    .m_arready_i(m_axi_arready_i),
    .m_arid_o   (m_axi_arid_o),
    .m_araddr_o (m_axi_araddr_o),
    .m_arlen_o  (m_axi_arlen_o),
    .m_rvalid_i (m_axi_rvalid_i),
    .m_rready_o (m_axi_rready_o),
    .m_rid_i    (m_axi_rid_i),
    .m_rdata_i  (m_axi_rdata_i),
    .m_rresp_i  (m_axi_rresp_i),
    .m_rlast_i  (m_axi_rlast_i),
    .m_awvalid_o(m_axi_awvalid_o),
    .m_awready_i(m_axi_awready_i),
    .m_awaddr_o (m_axi_awaddr_o),
    .m_awlen_o  (m_axi_awlen_o),
    .m_wvalid_o (m_axi_wvalid_o),
    .m_wready_i (m_axi_wready_i),
    .m_wdata_o  (m_axi_wdata_o),
    .m_wstrb_o  (m_axi_wstrb_o),
    .m_wlast_o  (m_axi_wlast_o),
    .m_bvalid_i (m_axi_bvalid_i),
    .m_bready_o (m_axi_bready_o),
    .m_bresp_i  (m_axi_bresp_i)
  );
  assign m_axi_arsize_o = 3'd6;
  assign m_axi_arburst_o = 2'd1;
  assign m_axi_awid_o = '0;
  assign m_axi_awsize_o = 3'd6;
  assign m_axi_awburst_o = 2'd1;

  // --- the host's registers, firmware, interrupts --------------------------------------------------

  logic         core_ready, fw_ready, irq_ready, table_ready;
  logic [7:0]   fw_status, admin_error;
  logic [31:0]  fw_version, heartbeat, mail_wdata, mail_command, mail_status, mail_result;
  logic         mail_write, mail_waits, box_valid, box_write, box_ready;
  logic [1:0]   mail_arg;
  logic [63:0]  mail_args, admin_ring, admin_cpl_addr;
  logic [8:0]   box_word;
  logic [31:0]  box_wdata, box_rdata, admin_tail, event_tail;
  logic         admin_enable;
  logic [3:0]   admin_log2, stat_read;
  logic [15:0]  admin_vector;
  logic [511:0] rx_tails, tx_tails;
  logic [2:0]   clear_kind;
  logic [127:0] stat;
  assign s_axil_bresp_o = '0;
  assign s_axil_rresp_o = '0;
  mpnic_regs u_regs (
    .clk_i,
    .rst_ni,
    .s_axil_awvalid_i,
    .s_axil_awready_o,
    .s_axil_awaddr_i,
    .s_axil_wvalid_i,
    .s_axil_wready_o,
    .s_axil_wdata_i,
    .s_axil_wstrb_i,
    .s_axil_bvalid_o,
    .s_axil_bready_i,
    .s_axil_arvalid_i,
    .s_axil_arready_o,
    .s_axil_araddr_i,
    .s_axil_rvalid_o,
    .s_axil_rready_i,
    .s_axil_rdata_o,
    .cut_o         (cut),
    .idle_i        (bus_idle),
    .core_rst_no   (rst_n),
    .ready_i       (core_ready),
    .now_i,
    .serial_i,
    .fw_status_i   (fw_status),
    .fw_version_i  (fw_version),
    .heartbeat_i   (heartbeat),
    .mail_command_o(mail_write),
    .mail_arg_o    (mail_arg),
    .mail_wdata_o  (mail_wdata),
    .mail_waits_i  (mail_waits),
    .mail_command_i(mail_command),
    .mail_status_i (mail_status),
    .mail_args_i   (mail_args),
    .mail_result_i (mail_result),
    .box_valid_o   (box_valid),
    .box_write_o   (box_write),
    .box_word_o    (box_word),
    .box_wdata_o   (box_wdata),
    .box_ready_i   (box_ready),
    .box_rdata_i   (box_rdata),
    .admin_enable_o(admin_enable),
    .admin_ring_o  (admin_ring),
    .admin_cpl_o   (admin_cpl_addr),
    .admin_log2_o  (admin_log2),
    .admin_vector_o(admin_vector),
    .admin_error_i (admin_error),
    .admin_tail_o  (admin_tail),
    .event_tail_o  (event_tail),
    .rx_tails_o    (rx_tails),
    .tx_tails_o    (tx_tails),
    .clear_kind_i  (clear_kind),
    .clear_index_i (qp_index),
    .stat_read_o   (stat_read),
    .stat_i        (stat)
  );
  assign core_ready = fw_ready & irq_ready & table_ready;

  logic [2:0]                               qp_valid, qp_ready;
  logic [3:0]                               qp_index;
  logic                                     qp_write;
  logic [10:0]                              qp_addr;
  logic [31:0]                              qp_wdata, port_flags, port_mtu, interval_in, interval_out;
  logic [95:0]                              qp_rdata;
  logic [63:0]                              port_queues;
  logic [32*50-1:0]                         mac_filter;
  logic [5:0]                               vector;
  logic                                     interval_write, hold, empty, fw_sleeps;
  logic                                     admin_valid, admin_serve, admin_answer;
  logic [mpnic_device_pkg::ADMIN_CMD_W-1:0] admin_cmd;
  logic [mpnic_device_pkg::ADMIN_CPL_W-1:0] admin_cpl;
  logic                                     table_valid, table_take, table_busy, table_rsp_valid;
  logic [mpnic_pkg::TABLE_CMD_W-1:0]        table_cmd;
  logic [mpnic_pkg::TABLE_RSP_W-1:0]        table_rsp;
  logic [mpnic_pkg::SETTINGS_W-1:0]         settings;
  logic                                     fw_event_valid, fw_event_ready;
  logic [mpnic_device_pkg::EVENT_CPL_W-1:0] fw_event;
  mpnic_fw #(
    .ROM   (ROM),
    .FLOWS (FLOWS),
    .STASH (STASH),
    .CONNS (CONNS),
    .TOKENS(TOKENS),
    .PEERS (PEERS)
  ) u_fw (
    .clk_i,
    .pwr_rst_ni       (rst_ni),
    .rst_ni           (rst_n),
    .ready_o          (fw_ready),
    .sleep_o          (fw_sleeps),
    .now_i,
    .random_i,
    .serial_i,
    .macs_i,
    .speeds_i,
    .links_i,
    .status_o         (fw_status),
    .version_o        (fw_version),
    .heartbeat_o      (heartbeat),
    .mail_command_i   (mail_write),
    .mail_arg_i       (mail_arg),
    .mail_wdata_i     (mail_wdata),
    .mail_waits_o     (mail_waits),
    .mail_command_o   (mail_command),
    .mail_status_o    (mail_status),
    .mail_args_o      (mail_args),
    .mail_result_o    (mail_result),
    .box_valid_i      (box_valid),
    .box_write_i      (box_write),
    .box_word_i       (box_word),
    .box_wdata_i      (box_wdata),
    .box_ready_o      (box_ready),
    .box_rdata_o      (box_rdata),
    .admin_valid_i    (admin_valid),
    .admin_cmd_i      (admin_cmd),
    .admin_serve_o    (admin_serve),
    .admin_cpl_valid_o(admin_answer),
    .admin_cpl_o      (admin_cpl),
    .table_busy_o     (table_busy),
    .table_valid_o    (table_valid),
    .table_ready_i    (table_take),
    .table_cmd_o      (table_cmd),
    .table_rsp_valid_i(table_rsp_valid),
    .table_rsp_i      (table_rsp),
    .hold_o           (hold),
    .empty_i          (empty),
    .settings_o       (settings),
    .event_valid_o    (fw_event_valid),
    .event_ready_i    (fw_event_ready),
    .event_o          (fw_event),
    .qp_valid_o       (qp_valid),
    .qp_index_o       (qp_index),
    .qp_write_o       (qp_write),
    .qp_addr_o        (qp_addr),
    .qp_wdata_o       (qp_wdata),
    .qp_ready_i       (qp_ready),
    .qp_rdata_i       (qp_rdata),
    .port_flags_o     (port_flags),
    .port_mtu_o       (port_mtu),
    .port_queues_o    (port_queues),
    .mac_filter_o     (mac_filter),
    .vector_o         (vector),
    .interval_write_o (interval_write),
    .interval_o       (interval_out),
    .interval_i       (interval_in)
  );
  assign clear_kind = qp_valid & qp_ready &
                      {3{qp_write & (qp_addr == 11'(mpnic_device_pkg::FW_QUEUE_CONTROL))}};

  assign clear_valid_o = clear_kind;
  assign clear_index_o = qp_index;

  logic [3:0]  ask_valid;  // Rx, Tx, event, admin queue
  logic [23:0] ask_vector;
  logic [63:0] asked, irq_pending;
  always_comb begin
    asked = '0;
    for (int unsigned i = 0; i < 4; i++) begin
      asked = asked | (64'(ask_valid[i]) << ask_vector[6*i+:6]);
    end
  end
  mpnic_irq u_irq (
    .clk_i,
    .rst_ni    (rst_n),
    .now_i,
    .ask_i     (asked),
    .pending_o (irq_pending),
    .irq_o,
    .select_i  (vector),
    .write_i   (interval_write),
    .interval_i(interval_out),
    .interval_o(interval_in),
    .ready_o   (irq_ready)
  );

  mpnic_admin u_admin (
    .clk_i,
    .rst_ni      (rst_n),
    .enable_i    (admin_enable),
    .ring_i      (admin_ring),
    .cpl_i       (admin_cpl_addr),
    .log2_i      (admin_log2),
    .vector_i    (admin_vector),
    .tail_i      (admin_tail),
    .error_o     (admin_error),
    .serve_i     (admin_serve),
    .cmd_valid_o (admin_valid),
    .cmd_o       (admin_cmd),
    .cpl_valid_i (admin_answer),
    // verilator lint_off PINCONNECTEMPTY
    .cpl_ready_o (),
    // verilator lint_on PINCONNECTEMPTY
    .cpl_data_i  (admin_cpl),
    .rd_valid_o  (rd_valid[RD_ADMIN]),
    .rd_ready_i  (rd_ready[RD_ADMIN]),
    .rd_addr_o   (rd_addr[64*RD_ADMIN+:64]),
    .rd_len_o    (rd_len[16*RD_ADMIN+:16]),
    .rsp_valid_i (rsp_valid[RD_ADMIN]),
    .rsp_ready_o (rsp_ready[RD_ADMIN]),
    .rsp_data_i  (rsp_data),
    .rsp_last_i  (rsp_last),
    .rsp_error_i (rsp_error),
    .wr_valid_o  (wr_valid[WR_ADMIN]),
    .wr_ready_i  (wr_ready[WR_ADMIN]),
    .wr_addr_o   (wr_addr[64*WR_ADMIN+:64]),
    .wr_len_o    (wr_len[16*WR_ADMIN+:16]),
    .dat_valid_o (dat_valid[WR_ADMIN]),
    .dat_ready_i (dat_ready[WR_ADMIN]),
    .dat_data_o  (dat_data[512*WR_ADMIN+:512]),
    .done_valid_i(done_valid[WR_ADMIN]),
    .done_error_i(done_error),
    .irq_valid_o (ask_valid[3]),
    .irq_vector_o(ask_vector[18+:6])
  );

  // --- from the wires ------------------------------------------------------------------------------

  // Streams that enter the pipeline: wire 0, 1, host, and those whose checksums were filled in.
  localparam int unsigned IN_HOST = 2;
  localparam int unsigned IN_FILL = 3;
  localparam int unsigned INS = 4;
  logic [INS-1:0]     in_valid, in_ready, in_first, in_last;
  logic [7*INS-1:0]   in_bytes;
  logic [512*INS-1:0] in_data;

  logic [PORTS-1:0]    rx_frames, rx_filtered, rx_down, rx_length;
  logic [16*PORTS-1:0] rx_bytes;
  generate
    for (genvar p = 0; p < PORTS; p++) begin : gen_port_rx
      // What is left of a frame that a reset cut is no frame.
      logic inside_q, rest_q, wire_ready;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          inside_q <= 1'b0;
          rest_q <= 1'b0;
        end else begin
          if (s_axis_tvalid_i[p] && s_axis_tready_o[p]) inside_q <= ~s_axis_tlast_i[p];
          if (cut) rest_q <= inside_q;
          else if (s_axis_tvalid_i[p] && s_axis_tlast_i[p]) rest_q <= 1'b0;
        end
      end
      assign s_axis_tready_o[p] = ~cut & (rest_q | wire_ready);
      mpnic_port_rx #(
        .PORT(p)
      ) u_port_rx (
        .clk_i,
        .rst_ni         (rst_n),
        .s_axis_tdata_i (s_axis_tdata_i[512*p+:512]),
        .s_axis_tkeep_i (s_axis_tkeep_i[64*p+:64]),
        .s_axis_tlast_i (s_axis_tlast_i[p]),
        .s_axis_tvalid_i(s_axis_tvalid_i[p] & ~rest_q & ~cut),
        .s_axis_tready_o(wire_ready),
        .flags_i        (port_flags[16*p+:16]),
        .mtu_i          (port_mtu[16*p+:16]),
        .macs_i         (mac_filter),
        .m_valid_o      (in_valid[p]),
        .m_ready_i      (in_ready[p]),
        .m_first_o      (in_first[p]),
        .m_last_o       (in_last[p]),
        .m_bytes_o      (in_bytes[7*p+:7]),
        .m_data_o       (in_data[512*p+:512]),
        .stat_frames_o  (rx_frames[p]),
        .stat_bytes_o   (rx_bytes[16*p+:16]),
        .stat_filtered_o(rx_filtered[p]),
        .stat_down_o    (rx_down[p]),
        .stat_length_o  (rx_length[p])
      );
    end
  endgenerate

  // --- from the host -------------------------------------------------------------------------------

  logic         tx_valid, tx_ready, tx_first, tx_last, tx_port, tx_csum, tx_bypass, class_idle;
  logic [6:0]   tx_bytes;
  logic [511:0] tx_data;
  mpnic_tx u_tx (
    .clk_i,
    .rst_ni         (rst_n),
    .tails_i        (tx_tails),
    .qp_valid_i     (qp_valid[1]),
    .qp_index_i     (qp_index),
    .qp_write_i     (qp_write),
    .qp_addr_i      (qp_addr),
    .qp_wdata_i     (qp_wdata),
    .qp_ready_o     (qp_ready[1]),
    .qp_rdata_o     (qp_rdata[63:32]),
    .desc_req_valid_o   (rd_valid[RD_TX]),
    .desc_req_ready_i   (rd_ready[RD_TX]),
    .desc_req_addr_o    (rd_addr[64*RD_TX+:64]),
    .desc_req_len_o     (rd_len[16*RD_TX+:16]),
    .desc_rsp_valid_i(rsp_valid[RD_TX]),
    .desc_rsp_ready_o(rsp_ready[RD_TX]),
    .data_req_valid_o   (rd_valid[RD_DATA]),
    .data_req_ready_i   (rd_ready[RD_DATA]),
    .data_req_addr_o    (rd_addr[64*RD_DATA+:64]),
    .data_req_len_o     (rd_len[16*RD_DATA+:16]),
    .data_rsp_valid_i(rsp_valid[RD_DATA]),
    .data_rsp_ready_o(rsp_ready[RD_DATA]),
    .rsp_data_i     (rsp_data),
    .rsp_last_i     (rsp_last),
    .rsp_error_i    (rsp_error),
    .cpl_req_valid_o    (wr_valid[WR_TX]),
    .cpl_req_ready_i    (wr_ready[WR_TX]),
    .cpl_req_addr_o     (wr_addr[64*WR_TX+:64]),
    .cpl_req_len_o      (wr_len[16*WR_TX+:16]),
    .cpl_dat_valid_o(dat_valid[WR_TX]),
    .cpl_dat_ready_i(dat_ready[WR_TX]),
    .cpl_dat_data_o (dat_data[512*WR_TX+:512]),
    .cpl_done_valid_i(done_valid[WR_TX]),
    .cpl_done_error_i(done_error),
    .irq_valid_o    (ask_valid[1]),
    .irq_vector_o   (ask_vector[6+:6]),
    .irq_pending_i  (irq_pending),
    .m_valid_o      (tx_valid),
    .m_ready_i      (tx_ready),
    .m_first_o      (tx_first),
    .m_last_o       (tx_last),
    .m_bytes_o      (tx_bytes),
    .m_data_o       (tx_data),
    .m_port_o       (tx_port),
    .m_csum_o       (tx_csum),
    .m_bypass_o     (tx_bypass),
    .class_idle_i   (class_idle)
  );

  // Straight to its port, or into the pipeline; there it may be diverted, if fill has room for it and
  // for all that are on their way there.
  logic        direct, direct_ready, fill_room_q, fill_in, fill_out;
  logic [9:0]  fill_beats_q;
  assign direct = tx_bypass & ~tx_csum;
  assign tx_ready = direct ? direct_ready : in_ready[IN_HOST] & host_may;
  logic host_may;
  assign host_may = ~tx_csum | ~tx_first | fill_room_q;
  assign in_valid[IN_HOST] = tx_valid & ~direct & host_may;
  assign in_first[IN_HOST] = tx_first;
  assign in_last[IN_HOST] = tx_last;
  assign in_bytes[7*IN_HOST+:7] = tx_bytes;
  assign in_data[512*IN_HOST+:512] = tx_data;
  assign fill_in = in_valid[IN_HOST] & in_ready[IN_HOST] & tx_csum;
  always_ff @(posedge clk_i or negedge rst_n) begin
    if (!rst_n) begin
      fill_beats_q <= '0;
      fill_room_q <= 1'b0;
    end else begin
      if (fill_in != fill_out) fill_beats_q <= fill_in ? fill_beats_q + 10'd1 : fill_beats_q - 10'd1;
      // As it was a clock ago: two beats may have come since.
      fill_room_q <= 32'(fill_beats_q) <= FILL_BEATS - FRAME_BEATS - 2;
    end
  end

  // --- into the pipeline: one whole frame after the other, in turns ----------------------------------

  logic [INS-1:0] may, turn, turn_q, lock_q, choice;
  logic           locked_q, s_valid, s_ready, s_take, s_first, s_last, s_divert;
  logic [6:0]     s_bytes;
  logic [511:0]   s_data;
  logic [7:0]     s_user;
  assign may = in_valid & {INS{~hold}};
  // The next in turn behind the one whose turn was last.
  always_comb begin
    turn = '0;
    for (int unsigned i = 0; i < INS; i++) begin
      if (turn_q[i]) begin
        for (int unsigned k = INS; k >= 1; k--) begin
          if (may[2'(i+k)]) turn = INS'(1) << 2'(i + k);
        end
      end
    end
  end
  assign choice = locked_q ? lock_q : turn;
  assign s_valid = locked_q ? |(lock_q & in_valid) : |may;
  assign in_ready = choice & {INS{s_ready}};
  assign s_take = s_valid & s_ready;
  always_comb begin
    s_first = 1'b0;
    s_last = 1'b0;
    s_bytes = '0;
    s_data = '0;
    for (int unsigned i = 0; i < INS; i++) begin
      s_first = s_first | (choice[i] & in_first[i]);
      s_last = s_last | (choice[i] & in_last[i]);
      s_bytes = s_bytes | ({7{choice[i]}} & in_bytes[7*i+:7]);
      s_data = s_data | ({512{choice[i]}} & in_data[512*i+:512]);
    end
  end
  assign s_divert = choice[IN_HOST] & tx_csum;
  logic [5:0] source;
  assign source = {4'd0, choice[IN_HOST] | choice[IN_FILL],
                   (choice[1] | (choice[IN_HOST] & tx_port) | (choice[IN_FILL] & fill_port))};
  assign s_user = {source, GIVEN[1:0]};
  always_ff @(posedge clk_i or negedge rst_n) begin
    if (!rst_n) begin
      locked_q <= 1'b0;
      lock_q <= '0;
      turn_q <= INS'(1);
    end else if (s_take) begin
      locked_q <= ~s_last;
      lock_q <= choice;
      turn_q <= choice;
    end
  end

  logic         p_valid, p_ready, p_last, p_divert;
  logic [6:0]   p_bytes;
  logic [511:0] p_data;
  logic [63:0]  p_keep;
  logic [7:0]   p_user;
  mpnic_fifo #(
    .W(512 + 7 + 8 + 2),
    .DEPTH(16)
  ) u_in (
    .clk_i,
    .rst_ni (rst_n),
    .valid_i(s_valid),
    .ready_o(s_ready),
    .data_i ({s_divert, s_user, s_last, s_bytes, s_data}),
    .valid_o(p_valid),
    .ready_i(p_ready),
    .data_o ({p_divert, p_user, p_last, p_bytes, p_data})
  );
  always_comb begin
    for (int unsigned i = 0; i < 64; i++) p_keep[i] = 7'(i) < p_bytes;
  end

  logic                           m_valid, m_ready, m_first, m_last, d_valid, d_ready, d_first, d_last;
  logic [6:0]                     m_bytes, d_bytes;
  logic [511:0]                   m_data, d_data;
  logic [mpnic_pkg::HDR_W-1:0]    m_hdr, d_hdr;
  logic [mpnic_pkg::CSUM_W-1:0]   m_csum;
  logic [mpnic_pkg::RESULT_W-1:0] m_result;
  logic                           event_valid, event_ready;
  logic [mpnic_pkg::EVENT_W-1:0]  event_data;
  mpnic_pipeline #(
    .DATA_W(512),
    .FLOWS (FLOWS),
    .STASH (STASH),
    .CONNS (CONNS),
    .TOKENS(TOKENS),
    .PEERS (PEERS)
  ) u_pipeline (
    .clk_i           (clk_pipe_i),
    .rst_ni          (rst_n),
    .settings_i      (settings),
    .s_axis_tdata_i  (p_data),
    .s_axis_tkeep_i  (p_keep),
    .s_axis_tuser_i  (p_user),
    .s_axis_ttime_i  (now_i),
    .s_axis_tdivert_i(p_divert),
    .s_axis_tlast_i  (p_last),
    .s_axis_tvalid_i (p_valid),
    .s_axis_tready_o (p_ready),
    .m_axis_tdata_o  (m_data),
    // verilator lint_off PINCONNECTEMPTY
    .m_axis_tkeep_o  (),
    // verilator lint_on PINCONNECTEMPTY
    .m_axis_bytes_o  (m_bytes),
    .m_axis_tlast_o  (m_last),
    .m_axis_tfirst_o (m_first),
    .m_axis_tvalid_o (m_valid),
    .m_axis_tready_i (m_ready),
    .m_axis_hdr_o    (m_hdr),
    .m_axis_csum_o   (m_csum),
    .m_axis_result_o (m_result),
    .d_valid_o       (d_valid),
    .d_ready_i       (d_ready),
    .d_first_o       (d_first),
    .d_last_o        (d_last),
    .d_bytes_o       (d_bytes),
    .d_data_o        (d_data),
    .d_hdr_o         (d_hdr),
    .cmd_valid_i     (table_valid),
    .cmd_ready_o     (table_take),
    .cmd_i           (table_cmd),
    .rsp_valid_o     (table_rsp_valid),
    .rsp_o           (table_rsp),
    .event_valid_o   (event_valid),
    .event_ready_i   (event_ready),
    .event_o         (event_data),
    // verilator lint_off PINCONNECTEMPTY
    .slot_o          (),
    .cmd_slot_o      (),
    .commit_lost_o   (),
    // verilator lint_on PINCONNECTEMPTY
    .commit_valid_o,
    .commit_result_o,
    .commit_time_o,
    .commit_source_o
  );

  // What goes on inside behind the last activity is over within LINGER clocks.
  localparam int unsigned LINGER = 255;
  logic       active;
  logic [7:0] linger_q;
  assign active = s_valid | p_valid | ~empty | event_valid | table_busy | hold | ~table_ready;
  assign pipe_busy_o = active | (linger_q != '0);
  always_ff @(posedge clk_i or negedge rst_n) begin
    if (!rst_n) linger_q <= '1;
    else if (active) linger_q <= 8'(LINGER);
    else if (linger_q != '0) linger_q <= linger_q - 8'd1;
  end

  // The tables are ready once the table port is, for the first time.
  always_ff @(posedge clk_i or negedge rst_n) begin
    if (!rst_n) table_ready <= 1'b0;
    else if (table_take) table_ready <= 1'b1;
  end

  // --- behind the pipeline ---------------------------------------------------------------------------

  logic       drops, m_from_host, m_port, m_to_host, m_end, host_ready, m_punted;
  logic [1:0] port_ready;
  assign drops = commit_valid_o & (commit_result_o[mpnic_pkg::RESULT_DROP_LSB+:8] != '0);
  assign m_from_host = m_hdr[mpnic_pkg::HDR_SOURCE_LSB+1];
  assign m_port = m_hdr[mpnic_pkg::HDR_SOURCE_LSB];
  assign m_punted = m_result[mpnic_pkg::RESULT_PUNT_LSB+:8] != '0;
  assign m_to_host = ~m_from_host | m_punted;
  assign m_ready = m_to_host ? host_ready : port_ready[m_port];
  assign m_end = m_valid & m_ready & m_last;

  // When a frame passed the tables goes with it.
  logic        time_there, times_room;
  logic [63:0] m_time;
  mpnic_ram_fifo #(
    .W(64),
    .DEPTH(256)
  ) u_times (
    .clk_i,
    .rst_ni (rst_n),
    .valid_i(commit_valid_o & ~drops),
    .ready_o(times_room),
    .data_i (commit_time_o),
    .valid_o(time_there),
    .ready_i(m_end),
    .data_o (m_time)
  );

  logic [1:0] no_queue, no_buffer;
  // verilator lint_off PINCONNECTEMPTY
  mpnic_rx u_rx (
    .clk_i,
    .rst_ni          (rst_n),
    .port_queues_i   (port_queues),
    .tails_i         (rx_tails),
    .qp_valid_i      (qp_valid[0]),
    .qp_index_i      (qp_index),
    .qp_write_i      (qp_write),
    .qp_addr_i       (qp_addr),
    .qp_wdata_i      (qp_wdata),
    .qp_ready_o      (qp_ready[0]),
    .qp_rdata_o      (qp_rdata[31:0]),
    .s_valid_i       (m_valid & m_to_host),
    .s_ready_o       (host_ready),
    .s_first_i       (m_first),
    .s_last_i        (m_last),
    .s_bytes_i       (m_bytes),
    .s_data_i        (m_data),
    .s_hdr_i         (m_hdr),
    .s_csum_i        (m_csum),
    .s_result_i      (m_result),
    .s_time_i        (m_time),
    .s_port_i        (m_port),
    .desc_req_valid_o(rd_valid[RD_RX]),
    .desc_req_ready_i(rd_ready[RD_RX]),
    .desc_req_addr_o (rd_addr[64*RD_RX+:64]),
    .desc_req_len_o  (rd_len[16*RD_RX+:16]),
    .desc_rsp_valid_i(rsp_valid[RD_RX]),
    .desc_rsp_ready_o(rsp_ready[RD_RX]),
    .desc_rsp_data_i (rsp_data),
    .desc_rsp_last_i (rsp_last),
    .desc_rsp_error_i(rsp_error),
    .data_req_valid_o(wr_valid[WR_DATA]),
    .data_req_ready_i(wr_ready[WR_DATA]),
    .data_req_addr_o (wr_addr[64*WR_DATA+:64]),
    .data_req_len_o  (wr_len[16*WR_DATA+:16]),
    .data_dat_valid_o(dat_valid[WR_DATA]),
    .data_dat_ready_i(dat_ready[WR_DATA]),
    .data_dat_data_o (dat_data[512*WR_DATA+:512]),
    .data_done_valid_i(done_valid[WR_DATA]),
    .data_done_error_i(done_error),
    .cpl_req_valid_o (wr_valid[WR_RX]),
    .cpl_req_ready_i (wr_ready[WR_RX]),
    .cpl_req_addr_o  (wr_addr[64*WR_RX+:64]),
    .cpl_req_len_o   (wr_len[16*WR_RX+:16]),
    .cpl_dat_valid_o (dat_valid[WR_RX]),
    .cpl_dat_ready_i (dat_ready[WR_RX]),
    .cpl_dat_data_o  (dat_data[512*WR_RX+:512]),
    .cpl_done_valid_i(done_valid[WR_RX]),
    .cpl_done_error_i(done_error),
    .irq_valid_o     (ask_valid[0]),
    .irq_vector_o    (ask_vector[0+:6]),
    .irq_pending_i   (irq_pending),
    .stat_no_queue_o (no_queue),
    .stat_no_buffer_o(no_buffer),
    .idle_o          ()
  );
  // verilator lint_on PINCONNECTEMPTY

  mpnic_events u_events (
    .clk_i,
    .rst_ni       (rst_n),
    .event_valid_i(event_valid),
    .event_ready_o(event_ready),
    .event_i      (event_data),
    .fw_valid_i   (fw_event_valid),
    .fw_ready_o   (fw_event_ready),
    .fw_event_i   (fw_event),
    .tail_i       (event_tail),
    .qp_valid_i   (qp_valid[2]),
    .qp_write_i   (qp_write),
    .qp_addr_i    (qp_addr),
    .qp_wdata_i   (qp_wdata),
    .qp_ready_o   (qp_ready[2]),
    .qp_rdata_o   (qp_rdata[95:64]),
    .wr_valid_o   (wr_valid[WR_EVENT]),
    .wr_ready_i   (wr_ready[WR_EVENT]),
    .wr_addr_o    (wr_addr[64*WR_EVENT+:64]),
    .wr_len_o     (wr_len[16*WR_EVENT+:16]),
    .dat_valid_o  (dat_valid[WR_EVENT]),
    .dat_ready_i  (dat_ready[WR_EVENT]),
    .dat_data_o   (dat_data[512*WR_EVENT+:512]),
    .done_valid_i (done_valid[WR_EVENT]),
    .done_error_i (done_error),
    .irq_valid_o  (ask_valid[2]),
    .irq_vector_o (ask_vector[12+:6]),
    .irq_pending_i(irq_pending)
  );

  // --- checksums of the host's frames ----------------------------------------------------------------

  logic       bypass_q, fill_valid, fill_ready, fill_first, fill_last, fill_port, fill_bypass;
  // verilator lint_off UNUSEDSIGNAL
  logic [7:0] fill_side;  // { bypass, port }
  // verilator lint_on UNUSEDSIGNAL
  logic [6:0] fill_bytes;
  logic [511:0] fill_data;
  // Of all frames that are on their way to fill: they are of one class.
  always_ff @(posedge clk_i or negedge rst_n) begin
    if (!rst_n) bypass_q <= 1'b0;
    else if (fill_in && tx_first) bypass_q <= tx_bypass;
  end
  mpnic_fill u_fill (
    .clk_i,
    .rst_ni   (rst_n),
    .s_valid_i(d_valid),
    .s_ready_o(d_ready),
    .s_first_i(d_first),
    .s_last_i (d_last),
    .s_bytes_i(d_bytes),
    .s_data_i (d_data),
    .s_hdr_i  (d_hdr),
    .s_side_i ({6'd0, bypass_q, d_hdr[mpnic_pkg::HDR_SOURCE_LSB]}),
    .m_valid_o(fill_valid),
    .m_ready_i(fill_ready),
    .m_first_o(fill_first),
    .m_last_o (fill_last),
    .m_bytes_o(fill_bytes),
    .m_data_o (fill_data),
    .m_side_o (fill_side)
  );
  assign fill_port = fill_side[0];
  assign fill_bypass = fill_side[1];
  assign fill_ready = fill_bypass ? port_ready[fill_port] : in_ready[IN_FILL];
  assign fill_out = fill_valid & fill_ready;
  assign in_valid[IN_FILL] = fill_valid & ~fill_bypass;
  assign in_first[IN_FILL] = fill_first;
  assign in_last[IN_FILL] = fill_last;
  assign in_bytes[7*IN_FILL+:7] = fill_bytes;
  assign in_data[512*IN_FILL+:512] = fill_data;

  // --- to the wires ----------------------------------------------------------------------------------

  logic [1:0]  from_m, from_tx, from_fill, tx_down, tx_frames, tx_refused;
  logic [31:0] tx_sent_bytes;
  assign direct_ready = port_ready[tx_port];
  assign from_m = {2{m_valid & ~m_to_host}} & {m_port, ~m_port};
  assign from_tx = {2{tx_valid & direct}} & {tx_port, ~tx_port};
  assign from_fill = {2{fill_valid & fill_bypass}} & {fill_port, ~fill_port};
  generate
    for (genvar p = 0; p < PORTS; p++) begin : gen_port_tx
      mpnic_port_tx u_port_tx (
        .clk_i,
        .rst_ni,
        .abort_i        (cut),
        .flags_i        (port_flags[16*p+:16]),
        .s_valid_i      (from_m[p] | from_tx[p] | from_fill[p]),
        .s_ready_o      (port_ready[p]),
        .s_first_i      (from_m[p] ? m_first : from_tx[p] ? tx_first : fill_first),
        .s_last_i       (from_m[p] ? m_last : from_tx[p] ? tx_last : fill_last),
        .s_bytes_i      (from_m[p] ? m_bytes : from_tx[p] ? tx_bytes : fill_bytes),
        .s_data_i       (from_m[p] ? m_data : from_tx[p] ? tx_data : fill_data),
        .m_axis_tdata_o (m_axis_tdata_o[512*p+:512]),
        .m_axis_tkeep_o (m_axis_tkeep_o[64*p+:64]),
        .m_axis_tlast_o (m_axis_tlast_o[p]),
        .m_axis_tvalid_o(m_axis_tvalid_o[p]),
        .m_axis_tready_i(m_axis_tready_i[p]),
        .m_axis_refused_i(m_axis_refused_i[p]),
        .stat_down_o    (tx_down[p]),
        .stat_frames_o  (tx_frames[p]),
        .stat_wire_o    (tx_refused[p]),
        .stat_bytes_o   (tx_sent_bytes[16*p+:16])
      );
    end
  endgenerate

  // --- how many frames are where ---------------------------------------------------------------------

  // In the pipeline and in front of it: settings change when there is none.
  localparam int unsigned COUNT_W = 12;
  logic [COUNT_W-1:0] inside_q, flight_q;
  logic [2:0]         flight_less;
  assign empty = inside_q == '0;
  assign class_idle = flight_q == '0;
  // Of the host's: from mpnic_tx until they are dropped, with the host again, or with their port.
  logic host_drops, host_ends, direct_ends, fill_ends, host_starts, enters, diverted;
  assign host_drops = drops & commit_source_o[1];
  assign host_ends = m_end & m_from_host;
  assign direct_ends = tx_valid & direct & direct_ready & tx_last;
  assign fill_ends = fill_out & fill_bypass & fill_last;
  assign host_starts = tx_valid & tx_ready & tx_last;
  assign enters = s_take & s_first;
  assign diverted = d_valid & d_ready & d_last;
  assign flight_less = 3'(host_drops) + 3'(host_ends) + 3'(direct_ends) + 3'(fill_ends);
  always_ff @(posedge clk_i or negedge rst_n) begin
    if (!rst_n) begin
      inside_q <= '0;
      flight_q <= '0;
    end else begin
      inside_q <= inside_q + COUNT_W'(enters) - COUNT_W'(drops) - COUNT_W'(m_end) -
                  COUNT_W'(diverted);
      flight_q <= flight_q + COUNT_W'(host_starts) - COUNT_W'(flight_less);
    end
  end

  assign idle_o = fw_sleeps & bus_idle & empty & class_idle & (fill_beats_q == '0);

  // --- counters --------------------------------------------------------------------------------------

  generate
    for (genvar p = 0; p < PORTS; p++) begin : gen_stats
      logic [15:0] add;
      // verilator lint_off PINCONNECTEMPTY
      mpnic_port_stats u_stats (
        .clk_i,
        .rst_ni,
        .add_i     (add),
        .rx_bytes_i(rx_bytes[16*p+:16]),
        .tx_bytes_i(tx_sent_bytes[16*p+:16]),
        .read_i    (stat_read),
        .read_o    (stat[64*p+:64]),
        .ready_o   ()
      );
      // verilator lint_on PINCONNECTEMPTY
      always_comb begin
        add = '0;
        add[mpnic_device_pkg::STAT_RX_FRAMES/8] = rx_frames[p];
        add[mpnic_device_pkg::STAT_RX_FILTERED/8] = rx_filtered[p];
        add[mpnic_device_pkg::STAT_RX_DOWN/8] = rx_down[p];
        add[mpnic_device_pkg::STAT_RX_LENGTH/8] = rx_length[p];
        add[mpnic_device_pkg::STAT_RX_NO_QUEUE/8] = no_queue[p];
        add[mpnic_device_pkg::STAT_RX_NO_BUFFER/8] = no_buffer[p];
        add[mpnic_device_pkg::STAT_RX_DROPPED/8] =
            drops & ~commit_source_o[1] & (commit_source_o[0] == 1'(p));
        add[mpnic_device_pkg::STAT_TX_FRAMES/8] = tx_frames[p];
        add[mpnic_device_pkg::STAT_TX_DOWN/8] = tx_down[p];
        add[mpnic_device_pkg::STAT_TX_WIRE/8] = tx_refused[p];
        add[mpnic_device_pkg::STAT_TX_DROPPED/8] =
            drops & commit_source_o[1] & (commit_source_o[0] == 1'(p));
        add[mpnic_device_pkg::STAT_TX_PUNTED/8] =
            m_end & m_from_host & m_punted & (m_port == 1'(p));
      end
    end
  endgenerate

`ifdef VERILATOR
  always_ff @(posedge clk_i) begin
    if (rst_n) begin
      assert (times_room | ~commit_valid_o | drops) else $fatal(1, "mpnic_device: time lost");
      assert (time_there | ~m_valid) else $fatal(1, "mpnic_device: time not there");
      assert ($onehot0({from_m[0], from_tx[0], from_fill[0]}) &
              $onehot0({from_m[1], from_tx[1], from_fill[1]}))
        else $fatal(1, "mpnic_device: frames of two classes at once");
    end
  end
`endif

endmodule
