// SPDX-License-Identifier: BSD-3-Clause
// The counters of one port (registers stat of hw/regs/device.toml), 64 bits each, in memory. What is
// added waits in small sums, which are carried over one a clock, so that a counter is COUNTERS clocks
// late at most. They live until power goes.
module mpnic_port_stats (
  input  logic        clk_i,
  input  logic        rst_ni,

  // By register: what is added in this clock. Frames one by one, bytes up to 65,535.
  input  logic [15:0] add_i,
  input  logic [15:0] rx_bytes_i,  // with RX_FRAMES
  input  logic [15:0] tx_bytes_i,  // with TX_FRAMES

  input  logic [3:0]  read_i,      // which one; read_o is one clock later
  output logic [63:0] read_o,
  output logic        ready_o      // all are zero after reset
);

  localparam int unsigned COUNTERS = 16;
  localparam int unsigned SUM_W = 21;  // 16 clocks of 65,535
  localparam int unsigned RX_BYTES = mpnic_device_pkg::STAT_RX_BYTES / 8;
  localparam int unsigned TX_BYTES = mpnic_device_pkg::STAT_TX_BYTES / 8;
  localparam int unsigned RX_FRAMES = mpnic_device_pkg::STAT_RX_FRAMES / 8;
  localparam int unsigned TX_FRAMES = mpnic_device_pkg::STAT_TX_FRAMES / 8;

  logic [3:0] at_q;
  logic       clear_q;
  assign ready_o = ~clear_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      at_q <= '0;
      clear_q <= 1'b1;
    end else begin
      at_q <= at_q + 4'd1;
      if (&at_q) clear_q <= 1'b0;
    end
  end

  // Sums: 5 bits where frames are counted, SUM_W where bytes are.
  logic [COUNTERS*SUM_W-1:0] sums_q, sums_d;
  logic [SUM_W-1:0]          sum, added;
  always_comb begin
    sums_d = sums_q;
    added = '0;
    for (int unsigned i = 0; i < COUNTERS; i++) begin
      if (i == RX_BYTES) added = add_i[RX_FRAMES] ? SUM_W'(rx_bytes_i) : '0;
      else if (i == TX_BYTES) added = add_i[TX_FRAMES] ? SUM_W'(tx_bytes_i) : '0;
      else added = SUM_W'(add_i[i]);
      sums_d[SUM_W*i+:SUM_W] =
          ((4'(i) == at_q) ? '0 : sums_q[SUM_W*i+:SUM_W]) + added;
    end
  end
  assign sum = sums_q[SUM_W*at_q+:SUM_W];
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) sums_q <= '0;
    else sums_q <= sums_d;
  end

  // One place is read while the one before it is written.
  logic [63:0]      mem[COUNTERS];
  logic [63:0]      old_q;
  logic [SUM_W-1:0] sum_q;
  logic [3:0]       place_q;
  logic             carry_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) carry_q <= 1'b0;
    else carry_q <= ~clear_q;
  end
  always_ff @(posedge clk_i) begin
    old_q <= mem[at_q];
    sum_q <= sum;
    place_q <= at_q;
    if (clear_q) mem[at_q] <= '0;
    else if (carry_q) mem[place_q] <= old_q + 64'(sum_q);
    read_o <= mem[read_i];
  end

endmodule
