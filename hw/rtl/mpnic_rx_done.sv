// SPDX-License-Identifier: BSD-3-Clause
// What becomes of frames for Rx queues, in the order in which they were decided: completions, counters,
// errors, interrupts.
//
// An entry waits until its data is written, then has its completion written, unless its queue stopped;
// what it counts for is settled when that is answered, so that all is counted as if frames were done one
// by one. Entries of a queue that stopped before them count as frames without a queue, and those of
// frames whose own refused descriptor stopped it as frames without a buffer. irq_valid_o comes at
// least three clocks behind the last one; irq_pending_i is looked at in the clock before it.
module mpnic_rx_done (
  input  logic         clk_i,
  input  logic         rst_ni,

  // A frame's entries, the last of which is no REFUSE.
  input  logic         entry_valid_i,
  output logic         entry_ready_o,
  input  logic [2:0]   entry_kind_i,     // as below
  input  logic [3:0]   entry_index_i,    // queue
  input  logic         entry_port_i,
  input  logic [31:0]  entry_tail_i,     // doorbell
  input  logic [7:0]   entry_buffers_i,  // descriptors taken, each one with a write of data
  input  logic [13:0]  entry_len_i,      // bytes in them
  input  logic         entry_cut_i,      // not the whole frame
  input  logic         entry_ring_i,     // since the ring could not be read
  input  logic         entry_flags_i,    // REFUSE: for its flags, not its length

  input  logic [511:0] record_i,         // completion of the frame, as far as it is known with it
  output logic         record_ready_o,

  input  logic         data_done_valid_i,
  input  logic         data_done_error_i,
  output logic         data_seen_o,      // one was counted

  output logic         cpl_req_valid_o,
  input  logic         cpl_req_ready_i,
  output logic [63:0]  cpl_req_addr_o,
  output logic         cpl_dat_valid_o,
  input  logic         cpl_dat_ready_i,
  output logic [511:0] cpl_dat_data_o,
  input  logic         cpl_done_valid_i,
  input  logic         cpl_done_error_i,

  // Of the queues at these places.
  output logic [3:0]   cpl_index_o,
  input  logic [57:0]  cpl_base_i,       // address / 64
  input  logic [3:0]   cpl_log2_i,
  output logic [3:0]   irq_index_o,
  input  logic [6:0]   irq_vector_i,     // bit 6: none

  input  logic         start_i,          // of a queue of which nothing is under way
  input  logic [3:0]   start_index_i,
  output logic [15:0]  stopped_o,
  output logic [15:0]  busy_o,

  input  logic [3:0]   stats_index_i,
  output logic [423:0] stats_o,          // record admin_queue_stats up to last_error

  output logic         irq_valid_o,
  output logic [5:0]   irq_vector_o,
  input  logic [63:0]  irq_pending_i,
  output logic [1:0]   stat_no_queue_o,
  output logic [1:0]   stat_no_buffer_o,
  output logic         idle_o
);

  localparam int unsigned QUEUES = 16;
  localparam logic [2:0] FRAME = 3'd0;      // in its buffers
  localparam logic [2:0] REFUSE = 3'd1;     // a descriptor that is none
  localparam logic [2:0] NO_QUEUE = 3'd2;   // the other ones: of frames that are dropped. NO_BUFFER: 3
  localparam logic [2:0] DOORBELL = 3'd4;   // too far ahead
  localparam logic [2:0] RING = 3'd5;       // which could not be read

  // ---- entries -----------------------------------------------------------------------------------

  localparam int unsigned ENTRY_W = 65;
  logic               e_valid, e_pop, e_port, e_cut, e_ring, e_flags;
  logic [2:0]         e_kind;
  logic [3:0]         e_index;
  logic [31:0]        e_tail;
  logic [7:0]         e_buffers;
  logic [13:0]        e_len;
  logic [ENTRY_W-1:0] e;
  assign {e_kind, e_index, e_port, e_tail, e_buffers, e_len, e_cut, e_ring, e_flags} = e;
  mpnic_fifo #(
    .W    (ENTRY_W),
    .DEPTH(32)
  ) u_entries (
    .clk_i,
    .rst_ni,
    .valid_i(entry_valid_i),
    .ready_o(entry_ready_o),
    .data_i ({entry_kind_i, entry_index_i, entry_port_i, entry_tail_i, entry_buffers_i, entry_len_i,
              entry_cut_i, entry_ring_i, entry_flags_i}),
    .valid_o(e_valid),
    .ready_i(e_pop),
    .data_o (e)
  );

  // ---- writes of data that are answered ----------------------------------------------------------

  logic       data_valid, data_bad, gathers, gathered;
  logic [7:0] seen_q, bad_q;  // of the entry
  logic       data_room;
  mpnic_fifo #(
    .W    (1),
    .DEPTH(256)
  ) u_data_done (
    .clk_i,
    .rst_ni,
    .valid_i(data_done_valid_i),
    .ready_o(data_room),
    .data_i (data_done_error_i),
    .valid_o(data_valid),
    .ready_i(gathers),
    .data_o (data_bad)
  );
  assign data_seen_o = gathers & data_valid;

  // ---- completions -------------------------------------------------------------------------------

  typedef enum logic [0:0] {GATHER, FORM} state_e;
  state_e            state_q;
  logic [31:0]       next_mem[QUEUES];  // completion of the queue
  logic [QUEUES-1:0] next_fresh_q, stopped_q;
  logic [31:0]       next_q, number;
  logic [57:0]       base_q;
  logic [3:0]        log2_q;
  logic              writes_q, send_q, req_room, dat_room, d_room, d_push;
  logic [14:0]       slot;
  assign cpl_index_o = e_index;
  assign number = next_fresh_q[e_index] ? '0 : next_mem[e_index];
  assign gathered = (e_kind != FRAME) | (seen_q == e_buffers);
  assign gathers = (state_q == GATHER) & e_valid & ~gathered;
  assign slot = next_q[14:0] & ~(15'h7fff << log2_q);
  assign d_push = state_q == FORM;
  assign e_pop = d_push;
  assign record_ready_o = d_push & (e_kind != REFUSE);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= GATHER;
      seen_q <= '0;
      bad_q <= '0;
      send_q <= 1'b0;
      next_fresh_q <= '1;
    end else begin
      if (data_seen_o) begin
        seen_q <= seen_q + 8'd1;
        bad_q <= bad_q + 8'(data_bad);
      end
      if (d_push) begin
        seen_q <= '0;
        bad_q <= '0;
      end
      // What is formed finds room.
      send_q <= (state_q == FORM) & writes_q;
      if (state_q == FORM) begin
        state_q <= GATHER;
        if (writes_q) next_fresh_q[e_index] <= 1'b0;
      end else if (e_valid && gathered && d_room && req_room && dat_room && !send_q) begin
        state_q <= FORM;
      end
      if (start_i) next_fresh_q[start_index_i] <= 1'b1;
    end
  end

  logic [511:0] cpl, cpl_q;
  logic [57:0]  addr_q;
  always_comb begin
    cpl = (e_kind == REFUSE) ? '0 : record_i;
    cpl[mpnic_device_pkg::RX_CPL_LEN_LSB+:32] = (e_kind == REFUSE) ? '0 : 32'(e_len);
    cpl[mpnic_device_pkg::RX_CPL_BUFFERS_LSB+:16] = (e_kind == REFUSE) ? 16'd1 : 16'(e_buffers);
    if (e_kind == REFUSE) begin
      cpl[mpnic_device_pkg::RX_CPL_STATUS_LSB+:8] = mpnic_device_pkg::RX_STATUS_LOST;
      cpl[mpnic_device_pkg::RX_CPL_ERROR_LSB+:8] =
          e_flags ? mpnic_device_pkg::QUEUE_ERROR_DESC_FLAGS : mpnic_device_pkg::QUEUE_ERROR_DESC_LEN;
    end else if (bad_q != '0) begin
      cpl[mpnic_device_pkg::RX_CPL_STATUS_LSB+:8] = mpnic_device_pkg::RX_STATUS_LOST;
      cpl[mpnic_device_pkg::RX_CPL_ERROR_LSB+:8] = mpnic_device_pkg::QUEUE_ERROR_DESC_ADDR;
    end else begin
      cpl[mpnic_device_pkg::RX_CPL_STATUS_LSB+:8] =
          e_cut ? mpnic_device_pkg::RX_STATUS_TRUNCATED : mpnic_device_pkg::RX_STATUS_OK;
      cpl[mpnic_device_pkg::RX_CPL_ERROR_LSB+:8] = mpnic_device_pkg::QUEUE_ERROR_NONE;
    end
    // 1 in the ring's first round, then 0 and 1 in turns.
    cpl[mpnic_device_pkg::RX_CPL_PHASE_LSB+:8] = {7'd0, ~next_q[{1'b0, log2_q}]};
  end
  always_ff @(posedge clk_i) begin
    if (state_q == GATHER) begin
      next_q <= number;
      base_q <= cpl_base_i;
      log2_q <= cpl_log2_i;
      writes_q <= (e_kind == FRAME || e_kind == REFUSE) && !stopped_q[e_index];
    end
    if (state_q == FORM) begin
      cpl_q <= cpl;
      addr_q <= base_q + 58'(slot);
      if (writes_q) next_mem[e_index] <= next_q + 32'd1;
    end
  end
  mpnic_fifo #(
    .W    (58),
    .DEPTH(16)
  ) u_requests (
    .clk_i,
    .rst_ni,
    .valid_i(send_q),
    .ready_o(req_room),
    .data_i (addr_q),
    .valid_o(cpl_req_valid_o),
    .ready_i(cpl_req_ready_i),
    .data_o (cpl_req_addr_o[63:6])
  );
  assign cpl_req_addr_o[5:0] = 6'd0;
  mpnic_fifo #(
    .W    (512),
    .DEPTH(16)
  ) u_cpls (
    .clk_i,
    .rst_ni,
    .valid_i(send_q),
    .ready_o(dat_room),
    .data_i (cpl_q),
    .valid_o(cpl_dat_valid_o),
    .ready_i(cpl_dat_ready_i),
    .data_o (cpl_dat_data_o)
  );

  // ---- what was settled: completions are answered in their order ---------------------------------

  localparam int unsigned DONE_W = ENTRY_W + 9;
  logic              d_valid, d_pop, d_port, d_cut, d_ring, d_flags, d_writes;
  logic [2:0]        d_kind;
  logic [3:0]        d_index;
  logic [31:0]       d_tail;
  logic [7:0]        d_buffers, d_bad;
  logic [13:0]       d_len;
  logic [DONE_W-1:0] d;
  assign {d_bad, d_writes, d_kind, d_index, d_port, d_tail, d_buffers, d_len, d_cut, d_ring,
          d_flags} = d;
  mpnic_fifo #(
    .W    (DONE_W),
    .DEPTH(32)
  ) u_done (
    .clk_i,
    .rst_ni,
    .valid_i(d_push),
    .ready_o(d_room),
    .data_i ({bad_q, writes_q, e}),
    .valid_o(d_valid),
    .ready_i(d_pop),
    .data_o (d)
  );

  logic answer_valid, answer_bad, answer_room;
  mpnic_fifo #(
    .W    (1),
    .DEPTH(64)
  ) u_answers (
    .clk_i,
    .rst_ni,
    .valid_i(cpl_done_valid_i),
    .ready_o(answer_room),
    .data_i (cpl_done_error_i),
    .valid_o(answer_valid),
    .ready_i(d_pop & d_writes),
    .data_o (answer_bad)
  );

  // Read, looked at, written back.
  typedef enum logic [1:0] {READ, LOOK, WRITE} done_state_e;
  done_state_e       done_q;
  logic [455:0]      stats_mem[QUEUES];  // stats, and above them the last doorbell that made no sense
  logic [QUEUES-1:0] stats_fresh_q;
  logic [455:0]      old_q;
  logic [6:0]        vector_q;
  logic              halted_q, own_q, pending_q, new_tail_q, failed_q;
  assign irq_index_o = d_index;
  assign d_pop = done_q == WRITE;
  always_ff @(posedge clk_i) begin
    if (done_q == READ) begin
      old_q <= stats_fresh_q[d_index] ? '0 : stats_mem[d_index];
      vector_q <= irq_vector_i;
      halted_q <= stopped_q[d_index];
      failed_q <= d_writes & answer_bad;
    end
    if (done_q == LOOK) begin
      pending_q <= irq_pending_i[vector_q[5:0]];
      new_tail_q <= old_q[455:424] != d_tail;
    end
  end

  logic       final_entry, lives, no_buffer, no_queue, is_frame, is_refuse, good, rings;
  logic [8:0] errors;
  logic [7:0] last_error;
  assign final_entry = d_kind != REFUSE;
  assign is_frame = d_kind == FRAME;
  assign is_refuse = d_kind == REFUSE;
  assign lives = ~halted_q & (d_kind != NO_QUEUE);
  assign no_buffer = final_entry & (own_q | (lives & ~is_frame));
  assign no_queue = final_entry & ~own_q & ~lives;
  assign good = lives & (is_frame | is_refuse) & ~failed_q;
  assign rings = lives & (failed_q | (is_frame & d_ring) | (d_kind == RING));
  always_comb begin
    errors = '0;
    last_error = old_q[423:416];
    if (is_frame) begin
      errors = 9'(d_bad) + 9'(d_ring) + 9'(failed_q);
      if (d_bad != '0) last_error = mpnic_device_pkg::QUEUE_ERROR_DESC_ADDR;
    end else if (is_refuse) begin
      errors = 9'd1 + 9'(failed_q);
      last_error = d_flags ? mpnic_device_pkg::QUEUE_ERROR_DESC_FLAGS
                           : mpnic_device_pkg::QUEUE_ERROR_DESC_LEN;
    end else if (d_kind == DOORBELL) begin
      errors = 9'(new_tail_q);
      if (new_tail_q) last_error = mpnic_device_pkg::QUEUE_ERROR_DOORBELL;
    end else if (d_kind == RING) begin
      errors = 9'd1;
    end
    if (rings) last_error = mpnic_device_pkg::QUEUE_ERROR_RING_ADDR;
  end

  logic [455:0] stats;
  always_comb begin
    stats = old_q;
    if (no_buffer) stats[191:128] = old_q[191:128] + 64'd1;
    if (lives) begin
      if (good & is_frame) begin
        stats[63:0] = old_q[63:0] + 64'd1;
        stats[127:64] = old_q[127:64] + 64'(d_len);
      end
      stats[255:192] = old_q[255:192] + 64'(errors);
      if (good & ~vector_q[6] & ~pending_q) stats[319:256] = old_q[319:256] + 64'd1;
      stats[351:320] = '0;  // the doorbell's place
      if (is_frame | is_refuse) stats[383:352] = old_q[383:352] + (is_refuse ? 32'd1 : 32'(d_buffers));
      if (good) stats[415:384] = old_q[415:384] + 32'd1;
      stats[423:416] = last_error;
      if (d_kind == DOORBELL) stats[455:424] = d_tail;
    end
  end
  logic keeps;
  assign keeps = (done_q == WRITE) & (lives | no_buffer);
  always_ff @(posedge clk_i) begin
    if (keeps) stats_mem[d_index] <= stats;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      done_q <= READ;
      own_q <= 1'b0;
      stats_fresh_q <= '1;
      stopped_q <= '0;
    end else begin
      unique case (done_q)
        READ: if (d_valid && (!d_writes || answer_valid)) done_q <= LOOK;
        LOOK: done_q <= WRITE;
        default: begin
          done_q <= READ;
          own_q <= ~final_entry & (own_q | (lives & failed_q));
          if (keeps) stats_fresh_q[d_index] <= 1'b0;
          if (rings) stopped_q[d_index] <= 1'b1;
        end
      endcase
      if (start_i) begin
        stats_fresh_q[start_index_i] <= 1'b1;
        stopped_q[start_index_i] <= 1'b0;
      end
    end
  end
  assign stopped_o = stopped_q;
  assign stats_o = stats_fresh_q[stats_index_i] ? '0 : stats_mem[stats_index_i][423:0];
  assign irq_valid_o = (done_q == WRITE) & good & ~vector_q[6];
  assign irq_vector_o = vector_q[5:0];
  assign stat_no_queue_o = (2'd1 << d_port) & {2{(done_q == WRITE) & no_queue}};
  assign stat_no_buffer_o = (2'd1 << d_port) & {2{(done_q == WRITE) & no_buffer}};

  // ---- entries under way -------------------------------------------------------------------------

  generate
    for (genvar q = 0; q < QUEUES; q++) begin : gen_busy
      logic [6:0] count_q;
      logic       comes, goes;
      assign comes = entry_valid_i & entry_ready_o & (entry_index_i == 4'(q));
      assign goes = d_pop & (d_index == 4'(q));
      assign busy_o[q] = count_q != '0;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) count_q <= '0;
        else count_q <= count_q + 7'(comes) - 7'(goes);
      end
    end
  endgenerate
  assign idle_o = ~e_valid & ~d_valid;

  // There is room for all answers: no more was asked for. The record is there with the entry.
  logic unused;
  assign unused = ^{data_room, answer_room, d_cut, e_port, e_ring, e_tail};

endmodule
