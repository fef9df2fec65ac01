// SPDX-License-Identifier: BSD-3-Clause
// Frames of the Tx queues, gathered from what their descriptors point at.
//
// Descriptors come as mpnic_tx_desc gives them. Each frame, and each end of a frame whose rest was
// skipped, makes one record, in their order; the beats of good frames leave at b_* in the same order, each
// beat no sooner than all of its frame is here and good. Several data reads are under way, each with its
// room in the buffer of 256 beats. An error discards its frame alone: the first of its descriptors'
// errors, a failed read among them, or SEGMENTS where the last one has no EOP.
module mpnic_tx_gather (
  input  logic         clk_i,
  input  logic         rst_ni,

  input  logic         desc_valid_i,
  output logic         desc_ready_o,
  input  logic [127:0] desc_i,
  input  logic [3:0]   desc_index_i,
  input  logic         desc_first_i,
  input  logic         desc_end_i,
  input  logic         desc_skip_i,
  input  logic [31:0]  desc_head_i,

  output logic         req_valid_o,
  input  logic         req_ready_i,
  output logic [63:0]  req_addr_o,
  output logic [15:0]  req_len_o,
  input  logic         rsp_valid_i,
  output logic         rsp_ready_o,
  input  logic [511:0] rsp_data_i,
  input  logic         rsp_error_i,

  // Records: queue, number behind the frame, its length if it is good; class and port; enum queue_error;
  // the error counts; a completion is due.
  output logic         rec_valid_o,
  input  logic         rec_ready_i,
  output logic [3:0]   rec_index_o,
  output logic [31:0]  rec_head_o,
  output logic [15:0]  rec_len_o,
  output logic         rec_port_o,
  output logic         rec_csum_o,
  output logic         rec_bypass_o,
  output logic [3:0]   rec_error_o,
  output logic         rec_counts_o,
  output logic         rec_reports_o,

  output logic         b_valid_o,
  input  logic         b_ready_i,
  output logic         b_last_o,
  output logic [6:0]   b_bytes_o,
  output logic [511:0] b_data_o
);

  localparam logic [3:0] NONE = 4'(mpnic_device_pkg::QUEUE_ERROR_NONE);
  localparam logic [3:0] DESC_LEN = 4'(mpnic_device_pkg::QUEUE_ERROR_DESC_LEN);
  localparam logic [3:0] DESC_FLAGS = 4'(mpnic_device_pkg::QUEUE_ERROR_DESC_FLAGS);
  localparam logic [3:0] DESC_ADDR = 4'(mpnic_device_pkg::QUEUE_ERROR_DESC_ADDR);
  localparam logic [3:0] FRAME_LEN = 4'(mpnic_device_pkg::QUEUE_ERROR_FRAME_LEN);
  localparam logic [3:0] SEGMENTS = 4'(mpnic_device_pkg::QUEUE_ERROR_SEGMENTS);
  localparam logic [3:0] PORT = 4'(mpnic_device_pkg::QUEUE_ERROR_PORT);
  localparam int unsigned FLAGS = mpnic_device_pkg::TX_DESC_FLAGS_LSB;
  localparam logic [8:0] ROOM = 9'd256;  // beats

  // ---- descriptors -----------------------------------------------------------------------------
  // CALC looks at one, EMIT asks for its data and notes what is to come.

  logic [15:0] flags;
  logic [7:0]  port;
  logic [3:0]  wrong;
  assign flags = desc_i[FLAGS+:16];
  assign port = desc_i[mpnic_device_pkg::TX_DESC_PORT_LSB+:8];
  always_comb begin
    wrong = NONE;
    if (desc_i[mpnic_device_pkg::TX_DESC_LEN_LSB+:16] == '0) wrong = DESC_LEN;
    if (desc_first_i && port >= 8'(mpnic_device_pkg::PORTS)) wrong = PORT;
    if (flags[15:4] != '0 || desc_i[mpnic_device_pkg::TX_DESC_RESERVED_LSB+:24] != '0) begin
      wrong = DESC_FLAGS;
    end
    if (!desc_first_i && (flags[mpnic_device_pkg::TX_CSUM] || flags[mpnic_device_pkg::TX_BYPASS]
                          || port != '0)) begin
      wrong = DESC_FLAGS;
    end
    if (flags[mpnic_device_pkg::TX_REPORT] && !flags[mpnic_device_pkg::TX_EOP]) wrong = DESC_FLAGS;
  end

  logic        emit_q, take, emit, e_first_q, e_end_q, e_skip_q, e_eop_q, e_report_q;
  logic [3:0]  e_index_q, e_wrong_q, f_error_q, error, end_error;
  logic [31:0] e_head_q;
  logic [63:0] e_addr_q;
  logic [15:0] e_len_q;
  logic [16:0] sum_q;             // of the frame, with this one
  logic [13:0] f_len_q, f_len;    // of the frame, without; with, if it is read
  logic [7:0]  f_beats_q, beats;  // of the frame up to there
  logic        f_port_q, f_csum_q, f_bypass_q;
  logic        reads, noted, op_ready, asks, fits;
  logic [8:0]  room_q;
  logic [7:0]  need;
  assign desc_ready_o = ~emit_q;
  assign take = desc_valid_i & ~emit_q;
  always_comb begin
    error = e_first_q ? NONE : f_error_q;
    if (error == NONE) error = e_wrong_q;
    if (error == NONE && sum_q > 17'(mpnic_pkg::FRAME_MAX)) error = FRAME_LEN;
  end
  assign reads = (error == NONE) & ~e_skip_q;
  assign f_len = reads ? sum_q[13:0] : e_first_q ? '0 : f_len_q;
  always_comb begin
    end_error = error;
    if (error == NONE && sum_q < 17'(mpnic_pkg::FRAME_MIN)) end_error = FRAME_LEN;
    if (e_skip_q || !e_eop_q) end_error = SEGMENTS;
  end
  assign beats = 8'((sum_q + 17'd63) >> 6);
  assign need = beats - (e_first_q ? '0 : f_beats_q);
  assign fits = 9'(need) <= room_q;
  assign noted = reads | e_end_q;
  assign asks = emit_q & reads & fits & op_ready;
  assign emit = emit_q & (~noted | op_ready) & (~reads | (fits & req_ready_i));
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) emit_q <= 1'b0;
    else emit_q <= take | (emit_q & ~emit);
  end
  always_ff @(posedge clk_i) begin
    if (take) begin
      e_index_q <= desc_index_i;
      e_first_q <= desc_first_i;
      e_end_q <= desc_end_i;
      e_skip_q <= desc_skip_i;
      e_eop_q <= flags[mpnic_device_pkg::TX_EOP];
      e_report_q <= flags[mpnic_device_pkg::TX_REPORT];
      e_head_q <= desc_head_i;
      e_addr_q <= desc_i[mpnic_device_pkg::TX_DESC_ADDR_LSB+:64];
      e_len_q <= desc_i[mpnic_device_pkg::TX_DESC_LEN_LSB+:16];
      e_wrong_q <= wrong;
      sum_q <= 17'(desc_i[mpnic_device_pkg::TX_DESC_LEN_LSB+:16])
               + (desc_first_i ? '0 : 17'(f_len_q));
      if (desc_first_i) begin
        f_port_q <= port[0];
        f_csum_q <= flags[mpnic_device_pkg::TX_CSUM];
        f_bypass_q <= flags[mpnic_device_pkg::TX_BYPASS];
      end
    end
    if (emit && !e_skip_q) begin
      f_error_q <= error;
      f_len_q <= f_len;
      if (reads) f_beats_q <= beats;
      else if (e_first_q) f_beats_q <= '0;
    end
  end
  // The request waits for nothing but its turn; it is noted in the same clock.
  assign req_valid_o = asks;
  assign req_addr_o = e_addr_q;
  assign req_len_o = e_len_q;

  // What is to come: a segment, the end of a frame, or both.
  localparam int unsigned OP_W = 2 + 16 + 4 + 32 + 14 + 3 + 4 + 3;
  logic            op_valid, op_pop, op_reads, op_end, op_port, op_csum, op_bypass;
  logic            op_skip, op_eop, op_report;
  logic [15:0]     op_len;
  logic [3:0]      op_index, op_error;
  logic [31:0]     op_head;
  logic [13:0]     op_total;
  mpnic_fifo #(
    .W(OP_W),
    .DEPTH(64)
  ) u_ops (
    .clk_i,
    .rst_ni,
    .valid_i(emit & noted),
    .ready_o(op_ready),
    .data_i ({reads, e_end_q, e_len_q, e_index_q, e_head_q, f_len, f_port_q, f_csum_q, f_bypass_q,
              end_error, e_skip_q, e_eop_q, e_report_q}),
    .valid_o(op_valid),
    .ready_i(op_pop),
    .data_o ({op_reads, op_end, op_len, op_index, op_head, op_total, op_port, op_csum, op_bypass,
              op_error, op_skip, op_eop, op_report})
  );

  // ---- data ------------------------------------------------------------------------------------
  // A frame's next byte goes to offset off_q of its beat. Where its end and a whole beat come at once,
  // the end comes a clock later.

  logic         mid_q, failed_q, flush_q, go, last_beat, ends, good, read_error, spill;
  logic [15:0]  rem, rem_q;
  logic [5:0]   off_q;
  logic [6:0]   b;
  logic [7:0]   to;
  logic [3:0]   last_error;
  logic         recs_ready;
  assign rem = mid_q ? rem_q : op_len;
  assign last_beat = rem <= 16'd64;
  assign b = last_beat ? rem[6:0] : 7'd64;
  assign to = 8'(off_q) + 8'(b);
  assign ends = op_end & (~op_reads | last_beat);
  assign go = op_valid & (~op_reads | rsp_valid_i) & ~flush_q & (~ends | recs_ready);
  assign rsp_ready_o = op_valid & op_reads & ~flush_q & (~ends | recs_ready);
  assign op_pop = go & (~op_reads | last_beat);
  assign read_error = failed_q | (op_reads & rsp_error_i);
  always_comb begin
    last_error = op_error;
    if (read_error && op_error != SEGMENTS) last_error = DESC_ADDR;
  end
  assign good = last_error == NONE;
  assign spill = to > 8'd64;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      mid_q <= 1'b0;
      failed_q <= 1'b0;
      flush_q <= 1'b0;
      off_q <= '0;
    end else begin
      flush_q <= 1'b0;
      if (go) begin
        mid_q <= op_reads & ~last_beat;
        failed_q <= ~ends & (failed_q | (op_reads & last_beat & rsp_error_i));
        flush_q <= ends & good & spill;
        if (ends) off_q <= '0;
        else if (op_reads) off_q <= to[5:0];
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (go) rem_q <= rem - 16'd64;
  end

  mpnic_fifo #(
    .W(4 + 32 + 16 + 3 + 4 + 2),
    .DEPTH(64)
  ) u_recs (
    .clk_i,
    .rst_ni,
    .valid_i(go & ends),
    .ready_o(recs_ready),
    .data_i ({op_index, op_head, 16'(op_total), op_port, op_csum, op_bypass, last_error,
              ~op_skip & ~good, op_eop & (op_report | ~good)}),
    .valid_o(rec_valid_o),
    .ready_i(rec_ready_i),
    .data_o ({rec_index_o, rec_head_o, rec_len_o, rec_port_o, rec_csum_o, rec_bypass_o,
              rec_error_o, rec_counts_o, rec_reports_o})
  );

  // Into place, in two steps, and merged with what the beat has already.
  logic [2:0]   valid_q, push_q, last_q, drop_q, again_q;  // again: the rest of the beat before
  logic [17:0]  off_at_q;
  logic [20:0]  bytes_q;
  logic [511:0] data0_q, data1_q, data2_q, rest_q, merged;
  logic [63:0]  mine;
  logic [6:0]   flush_bytes_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= '0;
      push_q <= '0;
      last_q <= '0;
      drop_q <= '0;
    end else begin
      valid_q <= {valid_q[1:0], go & op_reads};
      push_q <= {push_q[1:0], (go & op_reads & (to[6] | (ends & good))) | flush_q};
      last_q <= {last_q[1:0], (go & ends & good & ~spill) | flush_q};
      drop_q <= {drop_q[1:0], go & ends & ~good};
    end
  end
  always_ff @(posedge clk_i) begin
    again_q <= {again_q[1:0], flush_q};
    off_at_q <= {off_at_q[11:0], off_q};
    bytes_q <= {bytes_q[13:0], flush_q ? flush_bytes_q : spill ? 7'd64 : to[6:0]};
    flush_bytes_q <= {1'b0, to[5:0]};
    data0_q <= rsp_data_i;
    for (int i = 0; i < 16; i++) begin
      data1_q[32*i+:32] <= data0_q[{4'(i)-off_at_q[5:2], 5'd0}+:32];
    end
    unique case (off_at_q[7:6])
      2'd0: data2_q <= data1_q;
      2'd1: data2_q <= {data1_q[503:0], data1_q[511:504]};
      2'd2: data2_q <= {data1_q[495:0], data1_q[511:496]};
      default: data2_q <= {data1_q[487:0], data1_q[511:488]};
    endcase
    if (valid_q[2]) rest_q <= (push_q[2] && !last_q[2]) ? data2_q : merged;
  end
  always_comb begin
    for (int i = 0; i < 64; i++) mine[i] = 6'(i) >= off_at_q[17:12];
    for (int i = 0; i < 64; i++) begin
      merged[8*i+:8] = (mine[i] && !again_q[2]) ? data2_q[8*i+:8] : rest_q[8*i+:8];
    end
  end

  // The buffer, written a clock later.
  logic         w_push_q, w_last_q, w_drop_q, b_pop;
  logic [6:0]   w_bytes_q;
  logic [511:0] w_data_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      w_push_q <= 1'b0;
      w_last_q <= 1'b0;
      w_drop_q <= 1'b0;
    end else begin
      w_push_q <= push_q[2];
      w_last_q <= last_q[2];
      w_drop_q <= drop_q[2];
    end
  end
  always_ff @(posedge clk_i) begin
    w_bytes_q <= bytes_q[20:14];
    w_data_q <= merged;
  end
  mpnic_frame_fifo #(
    .W(520),
    .DEPTH(256)
  ) u_frames (
    .clk_i,
    .rst_ni,
    // verilator lint_off PINCONNECTEMPTY
    .room_o  (),
    // verilator lint_on PINCONNECTEMPTY
    .push_i  (w_push_q),
    .data_i  ({w_last_q, w_bytes_q, w_data_q}),
    .commit_i(w_last_q),
    .drop_i  (w_drop_q),
    .valid_o (b_valid_o),
    .ready_i (b_ready_i),
    .data_o  ({b_last_o, b_bytes_o, b_data_o})
  );

  // Room for what is not yet asked for: a discarded frame's comes back behind its last data.
  logic       back_q;
  logic [7:0] back_beats_q;
  assign b_pop = b_valid_o & b_ready_i;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      room_q <= ROOM;
      back_q <= 1'b0;
    end else begin
      back_q <= go & ends & ~good;
      room_q <= room_q - ((emit && reads) ? 9'(need) : '0) + (back_q ? 9'(back_beats_q) : '0)
                + 9'(b_pop);
    end
  end
  always_ff @(posedge clk_i) back_beats_q <= 8'((15'(op_total) + 15'd63) >> 6);

endmodule
