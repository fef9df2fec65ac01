// SPDX-License-Identifier: BSD-3-Clause
// The admin queue: fetches one command at a time into its buffer, and writes the completion that
// firmware answers with to the host. A queue that is switched off answers nothing more; a ring that
// cannot be reached stops it, with the reason in error_o.
module mpnic_admin (
  input  logic                                     clk_i,
  input  logic                                     rst_ni,

  input  logic                                     enable_i,
  input  logic [63:0]                              ring_i,
  input  logic [63:0]                              cpl_i,
  input  logic [3:0]                               log2_i,
  input  logic [15:0]                              vector_i,
  input  logic [31:0]                              tail_i,
  output logic [7:0]                               error_o,

  // The command: it stands, valid, until its answer is taken. serve_i: firmware runs.
  input  logic                                     serve_i,
  output logic                                     cmd_valid_o,
  output logic [mpnic_device_pkg::ADMIN_CMD_W-1:0] cmd_o,
  input  logic                                     cpl_valid_i,
  output logic                                     cpl_ready_o,
  input  logic [mpnic_device_pkg::ADMIN_CPL_W-1:0] cpl_data_i,

  output logic                                     rd_valid_o,
  input  logic                                     rd_ready_i,
  output logic [63:0]                              rd_addr_o,
  output logic [15:0]                              rd_len_o,
  input  logic                                     rsp_valid_i,
  output logic                                     rsp_ready_o,
  input  logic [511:0]                             rsp_data_i,
  input  logic                                     rsp_last_i,
  input  logic                                     rsp_error_i,

  output logic                                     wr_valid_o,
  input  logic                                     wr_ready_i,
  output logic [63:0]                              wr_addr_o,
  output logic [15:0]                              wr_len_o,
  output logic                                     dat_valid_o,
  input  logic                                     dat_ready_i,
  output logic [511:0]                             dat_data_o,
  input  logic                                     done_valid_i,
  input  logic                                     done_error_i,

  output logic                                     irq_valid_o,
  output logic [5:0]                               irq_vector_o
);

  localparam int unsigned W = mpnic_device_pkg::ADMIN_CMD_W;
  localparam logic [15:0] NO_VECTOR = 16'hffff;

  typedef enum logic [2:0] {IDLE, ASK, ANSWER, WAITS, WRITE, DATA, DONE} state_e;
  state_e       state_q;
  logic         enable_q, rise, stale_q, half_q, asks_q, ahead_q;
  logic [7:0]   error_q;
  logic [31:0]  head_q, next_q, ready, size;
  logic [W-1:0] buf_q;
  assign size = 32'd1 << log2_i;
  assign ready = tail_i - head_q;
  assign rise = enable_i & ~enable_q;
  assign error_o = error_q;
  assign cmd_valid_o = state_q == WAITS;
  assign cmd_o = buf_q;
  assign cpl_ready_o = state_q == WAITS;

  assign rd_valid_o = state_q == ASK;
  assign rd_addr_o = ring_i + {25'd0, head_q & (size - 32'd1), 7'd0};
  assign rd_len_o = 16'(W / 8);
  assign rsp_ready_o = state_q == ANSWER;
  assign wr_valid_o = state_q == WRITE;
  assign wr_addr_o = cpl_i + {25'd0, next_q & (size - 32'd1), 7'd0};
  assign wr_len_o = 16'(W / 8);
  assign dat_valid_o = state_q == DATA;
  logic phase;
  assign phase = ~next_q[{1'b0, log2_i}];
  assign dat_data_o = half_q ? {7'd0, phase, buf_q[W-9:512]} : buf_q[511:0];
  assign irq_valid_o = (state_q == DONE) & done_valid_i & ~done_error_i & (vector_i != NO_VECTOR);
  assign irq_vector_o = vector_i[5:0];

  // A command of before the queue was switched off is thrown away, or its answer is.
  logic old;
  assign old = stale_q | ~enable_i | rise;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= IDLE;
      enable_q <= 1'b0;
      stale_q <= 1'b0;
      half_q <= 1'b0;
      asks_q <= 1'b0;
      ahead_q <= 1'b0;
      error_q <= mpnic_device_pkg::QUEUE_ERROR_NONE;
      head_q <= '0;
      next_q <= '0;
    end else begin
      enable_q <= enable_i;
      asks_q <= enable_q & enable_i & serve_i & (error_q == '0) & (ready != '0) &
                (state_q == IDLE) & ~asks_q;
      ahead_q <= ready > size;
      if (state_q != IDLE && (!enable_i || rise)) stale_q <= 1'b1;
      unique case (state_q)
        IDLE: begin
          stale_q <= 1'b0;
          half_q <= 1'b0;
          if (asks_q && enable_i && !rise) begin
            if (ahead_q) error_q <= mpnic_device_pkg::QUEUE_ERROR_DOORBELL;
            else state_q <= ASK;
          end
        end
        ASK: if (rd_ready_i) state_q <= ANSWER;
        ANSWER: begin
          if (rsp_valid_i) half_q <= ~rsp_last_i;
          if (rsp_valid_i && rsp_last_i) begin
            state_q <= (old | rsp_error_i) ? IDLE : WAITS;
            if (!old && rsp_error_i) error_q <= mpnic_device_pkg::QUEUE_ERROR_RING_ADDR;
            if (!old && !rsp_error_i) head_q <= head_q + 32'd1;
          end
        end
        WAITS: if (cpl_valid_i) state_q <= old ? IDLE : WRITE;
        WRITE: if (wr_ready_i) state_q <= DATA;
        DATA: begin
          if (dat_ready_i) half_q <= ~half_q;
          if (dat_ready_i && half_q) state_q <= DONE;
        end
        default: if (done_valid_i) begin
          state_q <= IDLE;
          if (!old) begin
            if (done_error_i) error_q <= mpnic_device_pkg::QUEUE_ERROR_RING_ADDR;
            else next_q <= next_q + 32'd1;
          end
        end
      endcase
      if (rise) begin
        head_q <= '0;
        next_q <= '0;
        error_q <= mpnic_device_pkg::QUEUE_ERROR_NONE;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (rsp_valid_i && rsp_ready_o) begin
      if (half_q) buf_q[W-1:512] <= rsp_data_i;
      else buf_q[511:0] <= rsp_data_i;
    end
    if (cpl_valid_i && cpl_ready_o) buf_q <= cpl_data_i;
  end

endmodule
