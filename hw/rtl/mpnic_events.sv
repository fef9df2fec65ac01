// SPDX-License-Identifier: BSD-3-Clause
// The event queue: events of the pipeline and of firmware into its ring (docs/device.md, "Rings").
// What finds no room, or no ring, counts as dropped. One event is under way at a time.
//
// Queue port: registers QUEUE_* of firmware (hw/regs/device.toml). A request stands until qp_ready_o,
// which comes with the data.
module mpnic_events (
  input  logic                                    clk_i,
  input  logic                                    rst_ni,

  input  logic                                    event_valid_i,
  output logic                                    event_ready_o,
  input  logic [mpnic_pkg::EVENT_W-1:0]           event_i,
  input  logic                                    fw_valid_i,
  output logic                                    fw_ready_o,
  input  logic [mpnic_device_pkg::EVENT_CPL_W-1:0] fw_event_i,

  input  logic [31:0]                             tail_i,  // events that the host has read

  input  logic                                    qp_valid_i,
  input  logic                                    qp_write_i,
  input  logic [10:0]                             qp_addr_i,
  input  logic [31:0]                             qp_wdata_i,
  output logic                                    qp_ready_o,
  output logic [31:0]                             qp_rdata_o,

  output logic                                    wr_valid_o,
  input  logic                                    wr_ready_i,
  output logic [63:0]                             wr_addr_o,
  output logic [15:0]                             wr_len_o,
  output logic                                    dat_valid_o,
  input  logic                                    dat_ready_i,
  output logic [511:0]                            dat_data_o,
  input  logic                                    done_valid_i,
  input  logic                                    done_error_i,

  output logic                                    irq_valid_o,
  output logic [5:0]                              irq_vector_o,
  input  logic [mpnic_device_pkg::VECTORS-1:0]    irq_pending_i
);

  localparam int unsigned CPL_W = mpnic_device_pkg::EVENT_CPL_W;
  localparam int unsigned CPL_BYTES = CPL_W / 8;
  localparam logic [15:0] NO_VECTOR = 16'hffff;

  // --- the queue's state ---------------------------------------------------------------------------

  logic        enabled_q, stopped_q, bad_q;
  logic [3:0]  log2_q;
  logic [15:0] vector_q;
  logic [63:0] ring_q, cpl_q, frames_q, drops_q, errors_q, interrupts_q;
  logic [31:0] next_q, tail_q, bad_tail_q;
  logic [7:0]  last_error_q;
  logic        works;
  assign works = enabled_q & ~stopped_q;

  logic [31:0] size, unread;
  assign size = 32'd1 << log2_q;
  assign unread = next_q - tail_i;

  // --- an event's way ------------------------------------------------------------------------------

  typedef enum logic [1:0] {IDLE, LOOK, SEND, DONE} state_e;
  state_e             state_q;
  logic               from_fw_q, room_q, ahead_q, sent_q, half_q;
  // verilator lint_off UNUSEDSIGNAL
  logic [CPL_W-1:0]   cpl_data_q;
  // verilator lint_on UNUSEDSIGNAL
  logic               qp_start, qp_stop;

  assign event_ready_o = (state_q == IDLE) & looked_q & ~fw_valid_i & event_valid_i & ~qp_start;
  assign fw_ready_o = (state_q == LOOK) & from_fw_q;
  logic takes_event, takes_fw, drops, drop_fw, ends, phase, looked_q;  // looked: room_q is right
  assign takes_event = event_ready_o & works & room_q;
  assign drops = drop_fw | (event_ready_o & ~takes_event);
  assign takes_fw = (state_q == IDLE) & fw_valid_i & ~qp_start;
  assign drop_fw = (state_q == LOOK) & from_fw_q & ~(works & room_q);
  assign ends = (state_q == DONE) & done_valid_i;
  assign phase = ~next_q[{1'b0, log2_q}];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= IDLE;
      sent_q <= 1'b0;
      half_q <= 1'b0;
      room_q <= 1'b0;
      looked_q <= 1'b0;
      ahead_q <= 1'b0;
    end else begin
      // Of registers that stand still between two events.
      room_q <= (unread < size) & (state_q == IDLE) & ~takes_event;
      looked_q <= (state_q == IDLE) & ~takes_event & ~takes_fw;
      ahead_q <= works & (unread > size) & (state_q == IDLE);
      unique case (state_q)
        IDLE: begin
          sent_q <= 1'b0;
          half_q <= 1'b0;
          if (takes_event) state_q <= SEND;
          else if (takes_fw) begin
            state_q <= LOOK;
            room_q <= unread < size;
          end
        end
        LOOK: state_q <= drop_fw ? IDLE : SEND;
        SEND: begin
          if (wr_valid_o && wr_ready_i) sent_q <= 1'b1;
          if (dat_valid_o && dat_ready_i) half_q <= 1'b1;
          if (dat_valid_o && dat_ready_i && half_q) state_q <= DONE;
        end
        default: if (done_valid_i) state_q <= IDLE;
      endcase
    end
  end
  always_ff @(posedge clk_i) begin
    if (state_q == IDLE) begin
      from_fw_q <= takes_fw;
      if (takes_fw) cpl_data_q <= fw_event_i;
      else begin
        cpl_data_q <= CPL_W'(event_i);
        cpl_data_q[mpnic_device_pkg::EVENT_CPL_KIND_LSB+:8] <= mpnic_device_pkg::EVENT_KIND_FRAME;
      end
    end
  end

  assign wr_valid_o = (state_q == SEND) & ~sent_q;
  assign wr_addr_o = cpl_q + {25'd0, (next_q & (size - 32'd1)), 7'd0};
  assign wr_len_o = 16'(CPL_BYTES);
  assign dat_valid_o = (state_q == SEND) & sent_q;
  assign dat_data_o = half_q ? {7'd0, phase, cpl_data_q[CPL_W-9:512]} : cpl_data_q[511:0];

  // --- counts --------------------------------------------------------------------------------------

  logic writes, rings_ahead;
  assign writes = ends & ~done_error_i;
  assign rings_ahead = ahead_q & ~(bad_q & (bad_tail_q == tail_i)) & (unread > size);
  assign irq_valid_o = writes & (vector_q != NO_VECTOR);
  assign irq_vector_o = vector_q[5:0];
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      enabled_q <= 1'b0;
      stopped_q <= 1'b0;
      {frames_q, drops_q, errors_q, interrupts_q} <= '0;
      {next_q, tail_q, bad_tail_q} <= '0;
      bad_q <= 1'b0;
      last_error_q <= '0;
      log2_q <= '0;
      vector_q <= '0;
      {ring_q, cpl_q} <= '0;
    end else begin
      tail_q <= tail_i;
      if (drops) drops_q <= drops_q + 64'd1;
      if (writes) begin
        frames_q <= frames_q + 64'd1;
        next_q <= next_q + 32'd1;
        if (irq_valid_o && !irq_pending_i[irq_vector_o]) interrupts_q <= interrupts_q + 64'd1;
      end
      if (ends && done_error_i) begin
        errors_q <= errors_q + 64'd1;
        last_error_q <= mpnic_device_pkg::QUEUE_ERROR_RING_ADDR;
        stopped_q <= 1'b1;
      end else if (rings_ahead) begin
        errors_q <= errors_q + 64'd1;
        last_error_q <= mpnic_device_pkg::QUEUE_ERROR_DOORBELL;
        bad_q <= 1'b1;
        bad_tail_q <= tail_i;
      end
      if (qp_stop) enabled_q <= 1'b0;
      if (qp_start) begin
        enabled_q <= 1'b1;
        stopped_q <= 1'b0;
        {frames_q, drops_q, errors_q, interrupts_q} <= '0;
        {next_q, bad_tail_q} <= '0;
        bad_q <= 1'b0;
        last_error_q <= '0;
      end
      if (qp_ready_o && qp_write_i) begin
        unique case (qp_addr_i)
          11'(mpnic_device_pkg::FW_QUEUE_LOG2): log2_q <= qp_wdata_i[3:0];
          11'(mpnic_device_pkg::FW_QUEUE_VECTOR):
            vector_q <= (qp_wdata_i < mpnic_device_pkg::VECTORS) ? qp_wdata_i[15:0] : NO_VECTOR;
          11'(mpnic_device_pkg::FW_QUEUE_RING): ring_q[31:0] <= {qp_wdata_i[31:6], 6'd0};
          11'(mpnic_device_pkg::FW_QUEUE_RING + 4): ring_q[63:32] <= qp_wdata_i;
          11'(mpnic_device_pkg::FW_QUEUE_CPL): cpl_q[31:0] <= {qp_wdata_i[31:6], 6'd0};
          11'(mpnic_device_pkg::FW_QUEUE_CPL + 4): cpl_q[63:32] <= qp_wdata_i;
          default: ;
        endcase
      end
    end
  end

  // --- the queue port ------------------------------------------------------------------------------

  logic is_control, idle;
  assign idle = state_q == IDLE;
  assign is_control = qp_addr_i == 11'(mpnic_device_pkg::FW_QUEUE_CONTROL);
  assign qp_ready_o = qp_valid_i & (idle | ~(is_control & qp_write_i & qp_wdata_i[0]));
  assign qp_start = qp_valid_i & idle & is_control & qp_write_i & qp_wdata_i[0];
  assign qp_stop = qp_valid_i & is_control & qp_write_i & ~qp_wdata_i[0];
  logic [511:0] stats;
  assign stats = {80'd0, 7'd0, works, last_error_q, next_q, 32'd0, tail_q, interrupts_q, errors_q,
                  drops_q, frames_q << 7, frames_q};
  always_comb begin
    unique case (qp_addr_i)
      11'(mpnic_device_pkg::FW_QUEUE_CONTROL): qp_rdata_o = {30'd0, ~enabled_q & ~idle, enabled_q};
      11'(mpnic_device_pkg::FW_QUEUE_LOG2): qp_rdata_o = {28'd0, log2_q};
      11'(mpnic_device_pkg::FW_QUEUE_VECTOR): qp_rdata_o = {16'd0, vector_q};
      11'(mpnic_device_pkg::FW_QUEUE_RING): qp_rdata_o = ring_q[31:0];
      11'(mpnic_device_pkg::FW_QUEUE_RING + 4): qp_rdata_o = ring_q[63:32];
      11'(mpnic_device_pkg::FW_QUEUE_CPL): qp_rdata_o = cpl_q[31:0];
      11'(mpnic_device_pkg::FW_QUEUE_CPL + 4): qp_rdata_o = cpl_q[63:32];
      default: qp_rdata_o = stats[32*qp_addr_i[5:2]+:32];
    endcase
  end

endmodule
