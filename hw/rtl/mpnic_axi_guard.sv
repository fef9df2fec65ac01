// SPDX-License-Identifier: BSD-3-Clause
// Between the device's AXI4 masters and the bus: keeps the bus's rules while the device is reset.
// While cut_i is high nothing of the inside is heard; reads that are under way are taken and thrown
// away, bursts whose address went out are written to their end with no byte enabled, answers are taken.
// idle_o: nothing is under way on the bus. Otherwise it passes on, addresses one clock later; data
// does not pass before its address. At most WRITES bursts of writes are under way.
module mpnic_axi_guard #(
  parameter int unsigned WRITES = 32  // a power of two
) (
  input  logic         clk_i,
  input  logic         rst_ni,  // of the bus, not the device's
  input  logic         cut_i,
  output logic         idle_o,

  input  logic         s_arvalid_i,
  output logic         s_arready_o,
  input  logic [3:0]   s_arid_i,
  input  logic [63:0]  s_araddr_i,
  input  logic [7:0]   s_arlen_i,
  output logic         s_rvalid_o,
  input  logic         s_rready_i,
  output logic [3:0]   s_rid_o,
  output logic [511:0] s_rdata_o,
  output logic [1:0]   s_rresp_o,
  output logic         s_rlast_o,
  input  logic         s_awvalid_i,
  output logic         s_awready_o,
  input  logic [63:0]  s_awaddr_i,
  input  logic [7:0]   s_awlen_i,
  input  logic         s_wvalid_i,
  output logic         s_wready_o,
  input  logic [511:0] s_wdata_i,
  input  logic [63:0]  s_wstrb_i,
  output logic         s_bvalid_o,
  input  logic         s_bready_i,
  output logic [1:0]   s_bresp_o,

  output logic         m_arvalid_o,
  input  logic         m_arready_i,
  output logic [3:0]   m_arid_o,
  output logic [63:0]  m_araddr_o,
  output logic [7:0]   m_arlen_o,
  input  logic         m_rvalid_i,
  output logic         m_rready_o,
  input  logic [3:0]   m_rid_i,
  input  logic [511:0] m_rdata_i,
  input  logic [1:0]   m_rresp_i,
  input  logic         m_rlast_i,
  output logic         m_awvalid_o,
  input  logic         m_awready_i,
  output logic [63:0]  m_awaddr_o,
  output logic [7:0]   m_awlen_o,
  output logic         m_wvalid_o,
  input  logic         m_wready_i,
  output logic [511:0] m_wdata_o,
  output logic [63:0]  m_wstrb_o,
  output logic         m_wlast_o,
  input  logic         m_bvalid_i,
  output logic         m_bready_o,
  input  logic [1:0]   m_bresp_i
);

  localparam int unsigned COUNT_W = 16;

  // --- reads ---------------------------------------------------------------------------------------

  logic ar_take, ar_leave, r_end;
  logic [COUNT_W-1:0] reads_q;  // bursts taken, not answered
  assign s_arready_o = ~cut_i & (~m_arvalid_o | m_arready_i);
  assign ar_take = s_arvalid_i & s_arready_o;
  assign ar_leave = m_arvalid_o & m_arready_i;
  assign r_end = m_rvalid_i & m_rready_o & m_rlast_i;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      m_arvalid_o <= 1'b0;
      reads_q <= '0;
    end else begin
      if (ar_take) m_arvalid_o <= 1'b1;
      else if (ar_leave) m_arvalid_o <= 1'b0;
      if (ar_take != r_end) reads_q <= ar_take ? reads_q + COUNT_W'(1) : reads_q - COUNT_W'(1);
    end
  end
  always_ff @(posedge clk_i) begin
    if (ar_take) begin
      m_arid_o <= s_arid_i;
      m_araddr_o <= s_araddr_i;
      m_arlen_o <= s_arlen_i;
    end
  end
  assign s_rvalid_o = m_rvalid_i & ~cut_i;
  assign m_rready_o = s_rready_i | cut_i;
  assign s_rid_o = m_rid_i;
  assign s_rdata_o = m_rdata_i;
  assign s_rresp_o = m_rresp_i;
  assign s_rlast_o = m_rlast_i;

  // --- writes --------------------------------------------------------------------------------------

  logic               aw_take, aw_leave, aw_valid_q, w_leave, b_end, lens_room, len_valid;
  logic [7:0]         len, beat_q;
  logic [COUNT_W-1:0] writes_q;
  assign s_awready_o = ~cut_i & (~aw_valid_q | aw_leave);
  assign aw_take = s_awvalid_i & s_awready_o;
  // Room that is there stays until the address leaves.
  assign m_awvalid_o = aw_valid_q & lens_room;
  assign aw_leave = m_awvalid_o & m_awready_i;
  assign w_leave = m_wvalid_o & m_wready_i;
  assign b_end = m_bvalid_i & m_bready_o;
  mpnic_fifo #(
    .W(8),
    .DEPTH(WRITES)
  ) u_lens (
    .clk_i,
    .rst_ni,
    .valid_i(aw_leave),
    .ready_o(lens_room),
    .data_i (m_awlen_o),
    .valid_o(len_valid),
    .ready_i(w_leave & m_wlast_o),
    .data_o (len)
  );
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      aw_valid_q <= 1'b0;
      writes_q <= '0;
      beat_q <= '0;
    end else begin
      if (aw_take) aw_valid_q <= 1'b1;
      else if (aw_leave) aw_valid_q <= 1'b0;
      if (aw_take != b_end) writes_q <= aw_take ? writes_q + COUNT_W'(1) : writes_q - COUNT_W'(1);
      if (w_leave) beat_q <= m_wlast_o ? '0 : beat_q + 8'd1;
    end
  end
  always_ff @(posedge clk_i) begin
    if (aw_take) begin
      m_awaddr_o <= s_awaddr_i;
      m_awlen_o <= s_awlen_i;
    end
  end

  // A beat that waits must not change when the device is cut off: one beat is kept.
  logic         kept_valid_q, fills;
  logic [511:0] kept_data_q;
  logic [63:0]  kept_strb_q;
  assign fills = len_to_come & ~(kept_valid_q & ~w_leave) & (s_wvalid_i | cut_i);
  assign s_wready_o = fills & ~cut_i;
  // Beats whose address was taken and that were not.
  logic [COUNT_W-1:0] due_q;
  logic               len_to_come;
  assign len_to_come = due_q != '0;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      kept_valid_q <= 1'b0;
      due_q <= '0;
    end else begin
      if (fills) kept_valid_q <= 1'b1;
      else if (w_leave) kept_valid_q <= 1'b0;
      due_q <= due_q + (aw_take ? COUNT_W'(s_awlen_i) + COUNT_W'(1) : '0) - COUNT_W'(fills);
    end
  end
  always_ff @(posedge clk_i) begin
    if (fills) begin
      kept_data_q <= s_wdata_i;
      kept_strb_q <= cut_i ? '0 : s_wstrb_i;
    end
  end
  assign m_wvalid_o = kept_valid_q & len_valid;  // behind its address
  assign m_wdata_o = kept_data_q;
  assign m_wstrb_o = kept_strb_q;
  assign m_wlast_o = beat_q == len;
  assign s_bvalid_o = m_bvalid_i & ~cut_i;
  assign m_bready_o = s_bready_i | cut_i;
  assign s_bresp_o = m_bresp_i;

  assign idle_o = (reads_q == '0) & (writes_q == '0);

endmodule
