// SPDX-License-Identifier: BSD-3-Clause
// BAR 0 as the host sees it (registers host, stat, doorbell of hw/regs/device.toml) on AXI4-Lite, and the
// device's reset. One access at a time; each is answered within a few clocks, whatever the device does. A
// write of less than a word, or to where nothing is, is lost; 0 is read where nothing is.
//
// A reset (power-up is one) cuts the device off the bus (cut_o) until nothing is under way there, holds
// it in reset (core_rst_no), and is over when its memories are clear (ready_i).
module mpnic_regs (
  input  logic         clk_i,
  input  logic         rst_ni,

  input  logic         s_axil_awvalid_i,
  output logic         s_axil_awready_o,
  input  logic [16:0]  s_axil_awaddr_i,
  input  logic         s_axil_wvalid_i,
  output logic         s_axil_wready_o,
  input  logic [31:0]  s_axil_wdata_i,
  input  logic [3:0]   s_axil_wstrb_i,
  output logic         s_axil_bvalid_o,
  input  logic         s_axil_bready_i,
  input  logic         s_axil_arvalid_i,
  output logic         s_axil_arready_o,
  input  logic [16:0]  s_axil_araddr_i,
  output logic         s_axil_rvalid_o,
  input  logic         s_axil_rready_i,
  output logic [31:0]  s_axil_rdata_o,

  output logic         cut_o,
  input  logic         idle_i,
  output logic         core_rst_no,
  input  logic         ready_i,

  input  logic [63:0]  now_i,
  input  logic [255:0] serial_i,

  // Firmware's side, as in mpnic_fw.
  input  logic [7:0]   fw_status_i,
  input  logic [31:0]  fw_version_i,
  input  logic [31:0]  heartbeat_i,
  output logic         mail_command_o,
  output logic [1:0]   mail_arg_o,
  output logic [31:0]  mail_wdata_o,
  input  logic         mail_waits_i,
  input  logic [31:0]  mail_command_i,
  input  logic [31:0]  mail_status_i,
  input  logic [63:0]  mail_args_i,
  input  logic [31:0]  mail_result_i,
  output logic         box_valid_o,
  output logic         box_write_o,
  output logic [8:0]   box_word_o,
  output logic [31:0]  box_wdata_o,
  input  logic         box_ready_i,
  input  logic [31:0]  box_rdata_i,

  output logic         admin_enable_o,
  output logic [63:0]  admin_ring_o,
  output logic [63:0]  admin_cpl_o,
  output logic [3:0]   admin_log2_o,
  output logic [15:0]  admin_vector_o,
  input  logic [7:0]   admin_error_i,

  output logic [31:0]  admin_tail_o,
  output logic [31:0]  event_tail_o,
  output logic [511:0] rx_tails_o,
  output logic [511:0] tx_tails_o,
  input  logic [2:0]   clear_kind_i,   // a queue starts or stops: its doorbell becomes 0
  input  logic [3:0]   clear_index_i,

  output logic [3:0]   stat_read_o,    // of both ports; answered in the clock behind
  input  logic [127:0] stat_i
);

  localparam int unsigned A_W = 17;
  localparam logic [31:0] CAPS = 32'd1 << mpnic_device_pkg::CAP_MPTCP;
  localparam int unsigned ADMIN_LOG2_MAX = 8;
  localparam logic [15:0] NO_VECTOR = 16'hffff;

  // --- accesses ------------------------------------------------------------------------------------

  typedef enum logic [2:0] {IDLE, WRITE, READ, READ2, READ3, ANSWER_W, ANSWER_R} state_e;
  state_e         state_q;
  logic [A_W-1:2] at_q;
  logic [31:0]    data_q;
  logic           whole_q, writes, box, box_done;
  // verilator lint_off UNUSEDSIGNAL
  logic           unused;
  assign unused = &{1'b0, s_axil_awaddr_i[1:0], s_axil_araddr_i[1:0]};
  // verilator lint_on UNUSEDSIGNAL

  logic take_w, take_r;
  assign take_w = (state_q == IDLE) & s_axil_awvalid_i & s_axil_wvalid_i;
  assign take_r = (state_q == IDLE) & s_axil_arvalid_i & ~take_w;
  assign s_axil_awready_o = take_w;
  assign s_axil_wready_o = take_w;
  assign s_axil_arready_o = take_r;
  assign s_axil_bvalid_o = state_q == ANSWER_W;
  assign s_axil_rvalid_o = state_q == ANSWER_R;
  assign box = {at_q, 2'd0} >= A_W'(mpnic_device_pkg::BAR_MAILBOX) &
               {at_q, 2'd0} < A_W'(mpnic_device_pkg::BAR_MAILBOX + mpnic_device_pkg::MAILBOX_WINDOW);
  // The window is not there while the device is reset.
  assign box_done = ~box | box_ready_i | ~core_runs_q | ~ready_i;
  assign writes = (state_q == WRITE) & whole_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) state_q <= IDLE;
    else begin
      unique case (state_q)
        IDLE: if (take_w) state_q <= WRITE;
              else if (take_r) state_q <= READ;
        WRITE: if (box_done || !whole_q) state_q <= ANSWER_W;
        READ: if (box_done) state_q <= READ2;
        READ2: state_q <= READ3;
        READ3: state_q <= ANSWER_R;
        ANSWER_W: if (s_axil_bready_i) state_q <= IDLE;
        default: if (s_axil_rready_i) state_q <= IDLE;
      endcase
    end
  end
  always_ff @(posedge clk_i) begin
    if (state_q == IDLE) begin
      at_q <= take_w ? s_axil_awaddr_i[A_W-1:2] : s_axil_araddr_i[A_W-1:2];
      data_q <= s_axil_wdata_i;
      whole_q <= &s_axil_wstrb_i;
    end
  end

  // Offset in the page of registers, and whether it is that page.
  logic [11:0] off;
  logic        in_host, in_doorbell;
  assign off = {at_q[11:2], 2'd0};
  assign in_host = at_q[16:12] == '0;
  assign in_doorbell = at_q[16:12] == 5'(mpnic_device_pkg::BAR_DOORBELL >> 12);
  logic write_host;
  assign write_host = writes & in_host;

  assign box_valid_o = ((state_q == READ) | writes) & box & core_runs_q & ready_i;
  assign box_write_o = state_q == WRITE;
  assign box_word_o = at_q[10:2];
  assign box_wdata_o = data_q;
  assign mail_wdata_o = data_q;
  assign mail_command_o = write_host & (off == 12'(mpnic_device_pkg::HOST_MAILBOX_COMMAND));
  assign mail_arg_o = {write_host & (off == 12'(mpnic_device_pkg::HOST_MAILBOX_ARG1)),
                       write_host & (off == 12'(mpnic_device_pkg::HOST_MAILBOX_ARG0))};

  // --- reset ---------------------------------------------------------------------------------------

  localparam int unsigned HOLD = 16;  // clocks at least

  typedef enum logic [1:0] {CUT, CLEAR, RUN} reset_e;
  reset_e      reset_q;
  logic [4:0]  held_q;
  logic [31:0] generation_q, reason_q;
  logic        asks, core_runs_q;  // core_rst_no, for what is no reset
  assign asks = write_host & (off == 12'(mpnic_device_pkg::HOST_RESET)) &
                (data_q[31:16] == 16'(mpnic_device_pkg::RESET_MAGIC)) &
                (data_q[15:0] <= 16'(mpnic_device_pkg::RESET_USER));
  assign cut_o = reset_q == CUT;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      reset_q <= CUT;
      held_q <= '0;
      generation_q <= 32'd1;
      reason_q <= 32'(mpnic_device_pkg::RESET_POWER);
      core_rst_no <= 1'b0;
      core_runs_q <= 1'b0;
    end else begin
      core_rst_no <= reset_q != CUT;
      core_runs_q <= reset_q != CUT;
      unique case (reset_q)
        CUT: begin
          if (32'(held_q) != HOLD) held_q <= held_q + 5'd1;
          else if (idle_i) reset_q <= CLEAR;
        end
        CLEAR: if (ready_i && core_runs_q) reset_q <= RUN;
        default: held_q <= '0;
      endcase
      if (asks) begin
        reset_q <= CUT;
        held_q <= '0;
        generation_q <= generation_q + 32'd1;
        reason_q <= {16'd0, data_q[15:0]};
      end
    end
  end

  // --- admin queue, doorbells ----------------------------------------------------------------------

  logic        enable_q;
  logic [63:0] ring_q, cpl_q;
  logic [3:0]  log2_q;
  logic [15:0] vector_q;
  logic [31:0] admin_tail_q, event_tail_q;
  logic [511:0] rx_tails_q, tx_tails_q;
  assign admin_enable_o = enable_q;
  assign admin_ring_o = ring_q;
  assign admin_cpl_o = cpl_q;
  assign admin_log2_o = log2_q;
  assign admin_vector_o = vector_q;
  assign admin_tail_o = admin_tail_q;
  assign event_tail_o = event_tail_q;
  assign rx_tails_o = rx_tails_q;
  assign tx_tails_o = tx_tails_q;

  logic write_control, write_settled, write_doorbell;
  assign write_control = write_host & (off == 12'(mpnic_device_pkg::HOST_ADMIN_CONTROL));
  assign write_settled = write_host & ~enable_q;
  assign write_doorbell = writes & in_doorbell;
  always_ff @(posedge clk_i or negedge core_rst_no) begin
    if (!core_rst_no) begin
      enable_q <= 1'b0;
      ring_q <= '0;
      cpl_q <= '0;
      log2_q <= 4'(mpnic_device_pkg::RING_LOG2_MIN);
      vector_q <= NO_VECTOR;
      admin_tail_q <= '0;
      event_tail_q <= '0;
      rx_tails_q <= '0;
      tx_tails_q <= '0;
    end else begin
      if (write_doorbell && off == 12'(mpnic_device_pkg::DOORBELL_ADMIN)) admin_tail_q <= data_q;
      if (write_doorbell && off == 12'(mpnic_device_pkg::DOORBELL_EVENT)) event_tail_q <= data_q;
      if (write_doorbell && off[11:6] == 6'(mpnic_device_pkg::DOORBELL_RX >> 6)) begin
        rx_tails_q[32*off[5:2]+:32] <= data_q;
      end
      if (write_doorbell && off[11:6] == 6'(mpnic_device_pkg::DOORBELL_TX >> 6)) begin
        tx_tails_q[32*off[5:2]+:32] <= data_q;
      end
      if (clear_kind_i[0]) rx_tails_q[32*clear_index_i+:32] <= '0;
      if (clear_kind_i[1]) tx_tails_q[32*clear_index_i+:32] <= '0;
      if (clear_kind_i[2]) event_tail_q <= '0;
      if (write_control) begin
        enable_q <= data_q[mpnic_device_pkg::ADMIN_CONTROL_ENABLE];
        if (data_q[mpnic_device_pkg::ADMIN_CONTROL_ENABLE] && !enable_q) admin_tail_q <= '0;
      end
      if (write_settled) begin
        unique case (off)
          12'(mpnic_device_pkg::HOST_ADMIN_RING): ring_q[31:0] <= {data_q[31:6], 6'd0};
          12'(mpnic_device_pkg::HOST_ADMIN_RING + 4): ring_q[63:32] <= data_q;
          12'(mpnic_device_pkg::HOST_ADMIN_CPL): cpl_q[31:0] <= {data_q[31:6], 6'd0};
          12'(mpnic_device_pkg::HOST_ADMIN_CPL + 4): cpl_q[63:32] <= data_q;
          12'(mpnic_device_pkg::HOST_ADMIN_LOG2):
            if (data_q >= mpnic_device_pkg::RING_LOG2_MIN && data_q <= ADMIN_LOG2_MAX)
              log2_q <= data_q[3:0];
          12'(mpnic_device_pkg::HOST_ADMIN_VECTOR):
            vector_q <= (data_q < mpnic_device_pkg::VECTORS) ? data_q[15:0] : NO_VECTOR;
          default: ;
        endcase
      end
    end
  end

  // --- reading -------------------------------------------------------------------------------------

  logic [31:0] host_value, value_q, time_high_q, stat_high_q, doorbell_value, stat_low;
  logic [63:0] stat;
  logic [7:0]  status;
  assign stat_read_o = at_q[6:3];
  assign stat = at_q[8] ? stat_i[127:64] : stat_i[63:0];
  assign stat_low = at_q[2] ? stat_high_q : stat[31:0];
  always_comb begin
    unique case (fw_status_i)
      mpnic_device_pkg::FW_STATUS_RUNNING: status = mpnic_device_pkg::DEVICE_STATUS_RUNNING;
      mpnic_device_pkg::FW_STATUS_CRASHED,
      mpnic_device_pkg::FW_STATUS_HUNG: status = mpnic_device_pkg::DEVICE_STATUS_FAILED;
      default: status = mpnic_device_pkg::DEVICE_STATUS_BOOT;
    endcase
    if (reset_q != RUN) status = mpnic_device_pkg::DEVICE_STATUS_RESET;
  end
  always_comb begin
    host_value = '0;
    unique case (off)
      12'(mpnic_device_pkg::HOST_SIGNATURE): host_value = mpnic_device_pkg::SIGNATURE;
      12'(mpnic_device_pkg::HOST_REGS_VERSION):
        host_value = {16'(mpnic_device_pkg::REGS_MAJOR), 16'(mpnic_device_pkg::REGS_MINOR)};
      12'(mpnic_device_pkg::HOST_CAPS): host_value = CAPS;
      12'(mpnic_device_pkg::HOST_DEVICE_STATUS): host_value = {24'd0, status};
      12'(mpnic_device_pkg::HOST_FW_STATUS): host_value = {24'd0, fw_status_i};
      12'(mpnic_device_pkg::HOST_FW_VERSION): host_value = fw_version_i;
      12'(mpnic_device_pkg::HOST_HEARTBEAT): host_value = heartbeat_i;
      12'(mpnic_device_pkg::HOST_GENERATION): host_value = generation_q;
      12'(mpnic_device_pkg::HOST_RESET): host_value = reason_q;
      12'(mpnic_device_pkg::HOST_GEOMETRY):
        host_value = {16'(mpnic_device_pkg::VECTORS), 8'(mpnic_device_pkg::QUEUES),
                      8'(mpnic_device_pkg::PORTS)};
      12'(mpnic_device_pkg::HOST_TIME): host_value = now_i[31:0];
      12'(mpnic_device_pkg::HOST_TIME + 4): host_value = time_high_q;
      12'(mpnic_device_pkg::HOST_ADMIN_RING): host_value = ring_q[31:0];
      12'(mpnic_device_pkg::HOST_ADMIN_RING + 4): host_value = ring_q[63:32];
      12'(mpnic_device_pkg::HOST_ADMIN_CPL): host_value = cpl_q[31:0];
      12'(mpnic_device_pkg::HOST_ADMIN_CPL + 4): host_value = cpl_q[63:32];
      12'(mpnic_device_pkg::HOST_ADMIN_LOG2): host_value = {28'd0, log2_q};
      12'(mpnic_device_pkg::HOST_ADMIN_VECTOR): host_value = {16'd0, vector_q};
      12'(mpnic_device_pkg::HOST_ADMIN_CONTROL): host_value = {31'd0, enable_q};
      12'(mpnic_device_pkg::HOST_ADMIN_ERROR): host_value = {24'd0, admin_error_i};
      12'(mpnic_device_pkg::HOST_MAILBOX_COMMAND): host_value = mail_command_i;
      12'(mpnic_device_pkg::HOST_MAILBOX_STATUS):
        host_value = mail_waits_i ? 32'h8000_0000 : mail_status_i;
      12'(mpnic_device_pkg::HOST_MAILBOX_ARG0): host_value = mail_args_i[31:0];
      12'(mpnic_device_pkg::HOST_MAILBOX_ARG1): host_value = mail_args_i[63:32];
      12'(mpnic_device_pkg::HOST_MAILBOX_RESULT): host_value = mail_result_i;
      default: if (off[11:5] == 7'(mpnic_device_pkg::HOST_SERIAL >> 5))
        host_value = serial_i[32*off[4:2]+:32];
    endcase
  end
  always_comb begin
    doorbell_value = '0;
    if (off == 12'(mpnic_device_pkg::DOORBELL_ADMIN)) doorbell_value = admin_tail_q;
    else if (off == 12'(mpnic_device_pkg::DOORBELL_EVENT)) doorbell_value = event_tail_q;
    else if (off[11:6] == 6'(mpnic_device_pkg::DOORBELL_RX >> 6))
      doorbell_value = rx_tails_q[32*off[5:2]+:32];
    else if (off[11:6] == 6'(mpnic_device_pkg::DOORBELL_TX >> 6))
      doorbell_value = tx_tails_q[32*off[5:2]+:32];
  end
  logic in_stat, stat_there, box_there_q;
  assign stat_there = 32'(at_q[6:3]) <= mpnic_device_pkg::STAT_TX_PUNTED / 8;
  assign in_stat = at_q[16:9] == 8'(mpnic_device_pkg::BAR_STAT >> 9);
  always_ff @(posedge clk_i) begin
    if (state_q == READ) begin
      value_q <= in_host ? host_value : in_doorbell ? doorbell_value : '0;
      box_there_q <= box & box_ready_i & box_valid_o;
      if (in_host && off == 12'(mpnic_device_pkg::HOST_TIME)) time_high_q <= now_i[63:32];
    end
    if (state_q == READ2) begin
      if (box_there_q) value_q <= box_rdata_i;
      if (in_stat) begin
        // Low words keep the high one for its read.
        value_q <= (at_q[7] || !stat_there) ? '0 : stat_low;
        if (!at_q[2]) stat_high_q <= stat[63:32];
      end
    end
    s_axil_rdata_o <= (state_q == READ3) ? value_q : s_axil_rdata_o;
  end

endmodule
