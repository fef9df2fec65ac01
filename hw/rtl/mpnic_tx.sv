// SPDX-License-Identifier: BSD-3-Clause
// Tx queues: frames from host memory, as device_tx.c has them up to send().
//
//   mpnic_tx_desc: rings -> descriptors -> mpnic_tx_gather: data -> frames and records
//     -> m_*, counters, completions
//
// Frames of a queue leave in its order; a queue's completions and counters follow in the same order, when
// the frame has left or was discarded. m_* is stable while it waits; m_port_o, m_csum_o and m_bypass_o are
// valid with all beats. A frame whose class {csum, bypass} differs from that of the one before waits for
// class_idle_i, which is looked at from the third clock behind that one's last beat on.
//
// Queue port: a request stands until qp_ready_o, which comes with the data (read_queue() and
// write_queue() in device_fw.c). QUEUE_CONTROL reads 2 after a stop while frames that were begun are under
// way; they leave and are completed. A start waits until they are. tails_i of the queue must be 0 from the
// clock behind qp_ready_o of a write of QUEUE_CONTROL on.
//
// A completion that cannot be written, or a ring that cannot be read, stops its queue; frames of it that
// were begun still leave, but nothing more is completed.
module mpnic_tx (
  input  logic          clk_i,
  input  logic          rst_ni,

  input  logic          qp_valid_i,
  output logic          qp_ready_o,
  input  logic [3:0]    qp_index_i,
  input  logic          qp_write_i,
  input  logic [10:0]   qp_addr_i,
  input  logic [31:0]   qp_wdata_i,
  output logic [31:0]   qp_rdata_o,
  input  logic [511:0]  tails_i,

  // mpnic_dma_read: descriptors, data.
  output logic          desc_req_valid_o,
  input  logic          desc_req_ready_i,
  output logic [63:0]   desc_req_addr_o,
  output logic [15:0]   desc_req_len_o,
  input  logic          desc_rsp_valid_i,
  output logic          desc_rsp_ready_o,
  output logic          data_req_valid_o,
  input  logic          data_req_ready_i,
  output logic [63:0]   data_req_addr_o,
  output logic [15:0]   data_req_len_o,
  input  logic          data_rsp_valid_i,
  output logic          data_rsp_ready_o,
  input  logic [511:0]  rsp_data_i,
  input  logic          rsp_last_i,
  input  logic          rsp_error_i,

  // mpnic_dma_write: completions.
  output logic          cpl_req_valid_o,
  input  logic          cpl_req_ready_i,
  output logic [63:0]   cpl_req_addr_o,
  output logic [15:0]   cpl_req_len_o,
  output logic          cpl_dat_valid_o,
  input  logic          cpl_dat_ready_i,
  output logic [511:0]  cpl_dat_data_o,
  input  logic          cpl_done_valid_i,
  input  logic          cpl_done_error_i,

  output logic          irq_valid_o,
  output logic [5:0]    irq_vector_o,
  input  logic [63:0]   irq_pending_i,

  output logic          m_valid_o,
  input  logic          m_ready_i,
  output logic          m_first_o,
  output logic          m_last_o,
  output logic [6:0]    m_bytes_o,
  output logic [511:0]  m_data_o,
  output logic          m_port_o,
  output logic          m_csum_o,
  output logic          m_bypass_o,
  input  logic          class_idle_i
);

  localparam logic [3:0]  RING_ADDR = 4'(mpnic_device_pkg::QUEUE_ERROR_RING_ADDR);
  localparam logic [3:0]  DOORBELL = 4'(mpnic_device_pkg::QUEUE_ERROR_DOORBELL);
  localparam logic [10:0] CONTROL = 11'(mpnic_device_pkg::FW_QUEUE_CONTROL);
  localparam logic [10:0] LOG2 = 11'(mpnic_device_pkg::FW_QUEUE_LOG2);
  localparam logic [10:0] VECTOR = 11'(mpnic_device_pkg::FW_QUEUE_VECTOR);
  localparam logic [10:0] RING = 11'(mpnic_device_pkg::FW_QUEUE_RING);
  localparam logic [10:0] CPL = 11'(mpnic_device_pkg::FW_QUEUE_CPL);
  localparam logic [10:0] STATS = 11'(mpnic_device_pkg::FW_QUEUE_STATS);

`include "mpnic_device_records.svh"

  // ---- queues -----------------------------------------------------------------------------------

  logic [15:0] enabled_q, stopped_q, works, idle, desc_busy, busy;
  logic [63:0] log2_q;
  logic        init, clear, enable, disable_it, stop, begun, done_a, done_c, done_d;
  logic [3:0]  init_q, clear_index, stop_index, begun_index, done_a_index, done_c_index,
               done_d_index, qp_index_q;
  assign works = enabled_q & ~stopped_q;
  assign busy = desc_busy | ~idle;
  generate
    for (genvar q = 0; q < 16; q++) begin : gen_queue
      // Frames and completions under way.
      logic [8:0] work_q;
      assign idle[q] = work_q == '0;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          work_q <= '0;
          enabled_q[q] <= 1'b0;
          stopped_q[q] <= 1'b0;
        end else begin
          work_q <= work_q + 9'(begun && begun_index == 4'(q)) - 9'(done_a && done_a_index == 4'(q))
                    - 9'(done_c && done_c_index == 4'(q)) - 9'(done_d && done_d_index == 4'(q));
          if (enable && qp_index_q == 4'(q)) enabled_q[q] <= 1'b1;
          else if (disable_it && qp_index_q == 4'(q)) enabled_q[q] <= 1'b0;
          if (clear && clear_index == 4'(q)) stopped_q[q] <= 1'b0;
          else if (stop && stop_index == 4'(q)) stopped_q[q] <= 1'b1;
        end
      end
    end
  endgenerate

  // ---- queue port ---------------------------------------------------------------------------------
  // Behind a reset all queues are made as new, one a clock.

  typedef enum logic [2:0] {Q_INIT, Q_IDLE, Q_DO, Q_DRAIN, Q_CLEAR, Q_READY} q_state_t;
  q_state_t    q_state_q;
  logic        qp_write_q, starts_q, stats_idle, is_control;
  logic [10:0] qp_addr_q;
  logic [31:0] qp_wdata_q, rdata, rdata_q;
  assign init = q_state_q == Q_INIT;
  assign is_control = qp_addr_q == CONTROL;
  assign clear = init | (q_state_q == Q_CLEAR && stats_idle);
  assign clear_index = init ? init_q : qp_index_q;
  assign disable_it = (q_state_q == Q_DO) & qp_write_q & is_control;
  assign enable = (q_state_q == Q_READY) & starts_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      q_state_q <= Q_INIT;
      init_q <= '0;
    end else begin
      if (init) init_q <= init_q + 4'd1;
      unique case (q_state_q)
        Q_INIT: if (init_q == 4'd15) q_state_q <= Q_IDLE;
        Q_IDLE: if (qp_valid_i) q_state_q <= Q_DO;
        Q_DO: q_state_q <= (qp_write_q && is_control && qp_wdata_q[0]) ? Q_DRAIN : Q_READY;
        Q_DRAIN: if (!busy[qp_index_q]) q_state_q <= Q_CLEAR;
        Q_CLEAR: if (stats_idle) q_state_q <= Q_READY;
        Q_READY: q_state_q <= Q_IDLE;
        default: q_state_q <= Q_IDLE;
      endcase
    end
  end
  always_ff @(posedge clk_i) begin
    if (q_state_q == Q_IDLE) begin
      qp_index_q <= qp_index_i;
      qp_write_q <= qp_write_i;
      qp_addr_q <= qp_addr_i;
      qp_wdata_q <= qp_wdata_i;
    end
    if (q_state_q == Q_DO) begin
      starts_q <= qp_write_q & is_control & qp_wdata_q[0];
      rdata_q <= rdata;
    end
  end
  assign qp_ready_o = q_state_q == Q_READY;
  assign qp_rdata_o = rdata_q;

  // How a queue was set up: places in units of 64 bytes; a vector of its own, and which.
  logic [25:0] ring_lo_mem[16];
  logic [31:0] ring_hi_mem[16];
  logic [25:0] cpl_lo_mem[16];
  logic [31:0] cpl_hi_mem[16];
  logic [6:0]  vector_mem[16];
  logic        set;
  logic [3:0]  set_index;
  logic [31:0] set_data;
  assign set = (q_state_q == Q_DO) & qp_write_q;
  assign set_index = init ? init_q : qp_index_q;
  assign set_data = init ? '0 : qp_wdata_q;
  always_ff @(posedge clk_i) begin
    if (init || (set && qp_addr_q == RING)) ring_lo_mem[set_index] <= set_data[31:6];
    if (init || (set && qp_addr_q == RING + 11'd4)) ring_hi_mem[set_index] <= set_data;
    if (init || (set && qp_addr_q == CPL)) cpl_lo_mem[set_index] <= set_data[31:6];
    if (init || (set && qp_addr_q == CPL + 11'd4)) cpl_hi_mem[set_index] <= set_data;
    if (init || (set && qp_addr_q == VECTOR)) begin
      vector_mem[set_index] <= {set_data < 32'(mpnic_device_pkg::VECTORS), set_data[5:0]};
    end
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) log2_q <= '0;
    else if (set && qp_addr_q == LOG2) log2_q[qp_index_q*4+:4] <= qp_wdata_q[3:0];
  end

  // Counters of a queue: { last error, completions, interrupts, errors, bytes, frames }.
  localparam int unsigned STATS_W = 4 + 32 + 4 * 64;
  logic [STATS_W-1:0] stats_mem[16];
  logic [STATS_W-1:0] qp_stats;
  logic [31:0]        qp_head;
  logic [6:0]         qp_vector;
  assign qp_stats = stats_mem[qp_index_q];
  assign qp_vector = vector_mem[qp_index_q];
  always_comb begin
    rdata = '0;
    unique case (qp_addr_q)
      CONTROL: rdata = enabled_q[qp_index_q] ? 32'd1 : busy[qp_index_q] ? 32'd2 : 32'd0;
      LOG2: rdata = 32'(log2_q[qp_index_q*4+:4]);
      VECTOR: rdata = qp_vector[6] ? 32'(qp_vector[5:0]) : 32'hffff;
      RING: rdata = {ring_lo_mem[qp_index_q], 6'd0};
      RING + 11'd4: rdata = ring_hi_mem[qp_index_q];
      CPL: rdata = {cpl_lo_mem[qp_index_q], 6'd0};
      CPL + 11'd4: rdata = cpl_hi_mem[qp_index_q];
      STATS: rdata = qp_stats[0+:32];              // frames
      STATS + 11'd4: rdata = qp_stats[32+:32];
      STATS + 11'd8: rdata = qp_stats[64+:32];     // bytes
      STATS + 11'd12: rdata = qp_stats[96+:32];
      STATS + 11'd24: rdata = qp_stats[128+:32];   // errors
      STATS + 11'd28: rdata = qp_stats[160+:32];
      STATS + 11'd32: rdata = qp_stats[192+:32];   // interrupts
      STATS + 11'd36: rdata = qp_stats[224+:32];
      STATS + 11'd40: rdata = tails_i[qp_index_q*32+:32];
      STATS + 11'd44: rdata = qp_head;
      STATS + 11'd48: rdata = qp_stats[256+:32];   // completions
      STATS + 11'd52: rdata = {16'd0, 7'd0, works[qp_index_q], 4'd0, qp_stats[288+:4]};
      default: ;
    endcase
  end

  // ---- rings and data -------------------------------------------------------------------------------

  logic         err_valid, err_ready, err_ring, d_valid, d_ready, d_first, d_end, d_skip;
  logic [3:0]   ring_index, err_index, d_index;
  logic [31:0]  d_head;
  logic [127:0] desc;
  mpnic_tx_desc u_desc (
    .clk_i,
    .rst_ni,
    .works_i      (works),
    .log2_i       (log2_q),
    .idle_i       (idle),
    .tails_i,
    .busy_o       (desc_busy),
    .clear_i      (clear),
    .clear_index_i(clear_index),
    .ring_index_o (ring_index),
    .ring_i       ({ring_hi_mem[ring_index], ring_lo_mem[ring_index], 6'd0}),
    .head_index_i (qp_index_q),
    .head_o       (qp_head),
    .req_valid_o  (desc_req_valid_o),
    .req_ready_i  (desc_req_ready_i),
    .req_addr_o   (desc_req_addr_o),
    .req_len_o    (desc_req_len_o),
    .rsp_valid_i  (desc_rsp_valid_i),
    .rsp_ready_o  (desc_rsp_ready_o),
    .rsp_data_i,
    .rsp_last_i,
    .rsp_error_i,
    .err_valid_o  (err_valid),
    .err_ready_i  (err_ready),
    .err_ring_o   (err_ring),
    .err_index_o  (err_index),
    .out_valid_o  (d_valid),
    .out_ready_i  (d_ready),
    .out_desc_o   (desc),
    .out_index_o  (d_index),
    .out_first_o  (d_first),
    .out_end_o    (d_end),
    .out_skip_o   (d_skip),
    .out_head_o   (d_head),
    .ends_o       (begun),
    .ends_index_o (begun_index)
  );

  logic        r_valid, r_ready, r_port, r_csum, r_bypass, r_counts, r_reports;
  logic        b_valid, b_ready;
  logic [3:0]  r_index, r_error;
  logic [31:0] r_head;
  logic [15:0] r_len;
  mpnic_tx_gather u_gather (
    .clk_i,
    .rst_ni,
    .desc_valid_i (d_valid),
    .desc_ready_o (d_ready),
    .desc_i       (desc),
    .desc_index_i (d_index),
    .desc_first_i (d_first),
    .desc_end_i   (d_end),
    .desc_skip_i  (d_skip),
    .desc_head_i  (d_head),
    .req_valid_o  (data_req_valid_o),
    .req_ready_i  (data_req_ready_i),
    .req_addr_o   (data_req_addr_o),
    .req_len_o    (data_req_len_o),
    .rsp_valid_i  (data_rsp_valid_i),
    .rsp_ready_o  (data_rsp_ready_o),
    .rsp_data_i,
    .rsp_error_i,
    .rec_valid_o  (r_valid),
    .rec_ready_i  (r_ready),
    .rec_index_o  (r_index),
    .rec_head_o   (r_head),
    .rec_len_o    (r_len),
    .rec_port_o   (r_port),
    .rec_csum_o   (r_csum),
    .rec_bypass_o (r_bypass),
    .rec_error_o  (r_error),
    .rec_counts_o (r_counts),
    .rec_reports_o(r_reports),
    .b_valid_o    (b_valid),
    .b_ready_i    (b_ready),
    .b_last_o     (m_last_o),
    .b_bytes_o    (m_bytes_o),
    .b_data_o     (m_data_o)
  );

  // ---- frames leave -----------------------------------------------------------------------------------

  logic       send_q, first_q, sent_q, leaves, retire, a_free, same_class, may;
  logic [1:0] class_q, settle_q;
  assign same_class = ~sent_q | (class_q == {r_csum, r_bypass});
  assign may = same_class | (class_idle_i & (settle_q == '0));
  assign m_valid_o = send_q & b_valid;
  assign b_ready = send_q & m_ready_i;
  assign leaves = m_valid_o & m_ready_i & m_last_o;
  assign m_first_o = first_q;
  assign m_port_o = r_port;
  assign m_csum_o = r_csum;
  assign m_bypass_o = r_bypass;
  // A record goes with its frame's last beat, or by itself.
  assign retire = leaves | (r_valid & a_free & ~send_q & (r_error != '0));
  assign r_ready = retire;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      send_q <= 1'b0;
      first_q <= 1'b1;
      sent_q <= 1'b0;
      settle_q <= '0;
    end else begin
      if (leaves) send_q <= 1'b0;
      else if (r_valid && a_free && r_error == '0 && may) send_q <= 1'b1;
      if (m_valid_o && m_ready_i) first_q <= m_last_o;
      if (leaves) sent_q <= 1'b1;
      if (leaves) settle_q <= 2'd2;
      else if (settle_q != '0) settle_q <= settle_q - 2'd1;
    end
  end
  always_ff @(posedge clk_i) begin
    if (leaves) class_q <= {r_csum, r_bypass};
  end

  // ---- counters -----------------------------------------------------------------------------------
  // One event in two clocks: a completion that was written, an error of a ring or a doorbell, a frame.

  typedef enum logic [1:0] {NEWS_DONE, NEWS_ERROR, NEWS_FRAME} news_t;
  logic               a_valid_q, a_reports_q, a_counts_q, a_take, c_take, write_q, c_valid;
  logic               cplq_ready, done_valid, done_error, ring_error, irq_held_q;
  logic [3:0]         a_index_q, a_error_q, c_index, news_index, s_index_q, s_error_q;
  logic [15:0]        a_len_q, s_len_q;
  logic [31:0]        a_head_q;
  logic               news, s_frame_q, s_error_counts_q, s_cpl_q;
  logic [6:0]         news_vector, s_vector_q;
  logic [STATS_W-1:0] stats_q, stats_d;
  assign a_free = ~a_valid_q | a_take;
  assign stats_idle = ~write_q;
  always_comb begin
    c_take = 1'b0;
    err_ready = 1'b0;
    a_take = 1'b0;
    news_index = a_index_q;
    if (stats_idle && !clear) begin
      if (c_valid && done_valid) begin
        c_take = 1'b1;
        news_index = c_index;
      end else if (err_valid) begin
        err_ready = 1'b1;
        news_index = err_index;
      end else if (a_valid_q && (!a_reports_q || cplq_ready)) begin
        a_take = 1'b1;
      end
    end
  end
  assign news = c_take | err_ready | a_take;
  assign ring_error = c_take & done_error & ~stopped_q[c_index];
  assign news_vector = vector_mem[news_index];
  assign stop = ring_error | (err_ready & err_ring);
  assign stop_index = news_index;
  assign done_a = a_take & ~a_reports_q;
  assign done_a_index = a_index_q;
  assign done_c = c_take;
  assign done_c_index = c_index;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      a_valid_q <= 1'b0;
      write_q <= 1'b0;
    end else begin
      a_valid_q <= retire | (a_valid_q & ~a_take);
      write_q <= news;
    end
  end
  always_ff @(posedge clk_i) begin
    if (retire) begin
      a_index_q <= r_index;
      a_head_q <= r_head;
      a_len_q <= r_len;
      a_error_q <= r_error;
      a_counts_q <= r_counts;
      a_reports_q <= r_reports;
    end
    if (news) begin
      stats_q <= stats_mem[news_index];
      s_index_q <= news_index;
      s_len_q <= a_len_q;
      s_frame_q <= a_take & (a_error_q == '0);
      s_error_counts_q <= ring_error | err_ready | (a_take & a_counts_q);
      s_error_q <= a_take ? a_error_q : (err_ready && !err_ring) ? DOORBELL : RING_ADDR;
      s_cpl_q <= c_take & ~done_error & ~stopped_q[c_index];
      s_vector_q <= news_vector;
      irq_held_q <= irq_pending_i[news_vector[5:0]];
    end
  end
  always_comb begin
    stats_d = stats_q;
    stats_d[0+:64] = stats_q[0+:64] + 64'(s_frame_q);
    stats_d[64+:64] = stats_q[64+:64] + (s_frame_q ? 64'(s_len_q) : '0);
    stats_d[128+:64] = stats_q[128+:64] + 64'(s_error_counts_q);
    stats_d[192+:64] = stats_q[192+:64] + 64'(irq_valid_o && !irq_held_q);
    stats_d[256+:32] = stats_q[256+:32] + 32'(s_cpl_q);
    if (s_error_counts_q) stats_d[288+:4] = s_error_q;
  end
  logic [3:0] stats_index;
  assign stats_index = clear ? clear_index : s_index_q;
  always_ff @(posedge clk_i) begin
    if (clear || write_q) stats_mem[stats_index] <= clear ? '0 : stats_d;
  end
  assign irq_valid_o = write_q & s_cpl_q & s_vector_q[6];
  assign irq_vector_o = s_vector_q[5:0];

  // ---- completions --------------------------------------------------------------------------------

  logic        q_valid, q_pop, under_ready;
  logic [3:0]  q_index, q_error;
  logic [31:0] q_head;
  mpnic_fifo #(
    .W(4 + 4 + 32),
    .DEPTH(16)
  ) u_cplq (
    .clk_i,
    .rst_ni,
    .valid_i(a_take & a_reports_q),
    .ready_o(cplq_ready),
    .data_i ({a_index_q, a_error_q, a_head_q}),
    .valid_o(q_valid),
    .ready_i(q_pop),
    .data_o ({q_index, q_error, q_head})
  );

  // NEXT takes the number of the completion, PLACE makes its address, SEND has it written.
  typedef enum logic [1:0] {C_NEXT, C_PLACE, C_SEND} c_state_t;
  c_state_t    c_state_q;
  logic        c_stopped, next_takes, req_q, dat_q, phase_q;
  logic [3:0]  c_log2;
  logic [31:0] next_mem[16];
  logic [31:0] next_number;
  logic [63:0] c_base_q, c_addr_q;
  logic [14:0] c_mask_q, number_q;
  logic [3:0]  next_index;
  assign c_stopped = stopped_q[q_index];
  assign c_log2 = log2_q[q_index*4+:4];
  assign next_number = next_mem[q_index];
  assign next_takes = (c_state_q == C_NEXT) & q_valid & ~c_stopped & under_ready & ~clear;
  // Nothing is completed any more: what was begun is done with.
  assign done_d = (c_state_q == C_NEXT) & q_valid & c_stopped;
  assign done_d_index = q_index;
  assign q_pop = done_d | (c_state_q == C_PLACE);
  assign next_index = clear ? clear_index : q_index;
  always_ff @(posedge clk_i) begin
    if (clear || next_takes) next_mem[next_index] <= clear ? '0 : next_number + 32'd1;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      c_state_q <= C_NEXT;
      req_q <= 1'b0;
      dat_q <= 1'b0;
    end else begin
      if (cpl_req_ready_i) req_q <= 1'b0;
      if (cpl_dat_ready_i) dat_q <= 1'b0;
      unique case (c_state_q)
        C_NEXT: if (next_takes) c_state_q <= C_PLACE;
        C_PLACE: begin
          c_state_q <= C_SEND;
          req_q <= 1'b1;
          dat_q <= 1'b1;
        end
        C_SEND: if ((!req_q || cpl_req_ready_i) && (!dat_q || cpl_dat_ready_i)) c_state_q <= C_NEXT;
        default: c_state_q <= C_NEXT;
      endcase
    end
  end
  mpnic_tx_cpl_t cpl_q;
  always_ff @(posedge clk_i) begin
    if (next_takes) begin
      number_q <= next_number[14:0];
      c_base_q <= {cpl_hi_mem[q_index], cpl_lo_mem[q_index], 6'd0};
      c_mask_q <= 15'((16'd1 << c_log2) - 16'd1);
      phase_q <= ~next_number[5'(c_log2)];
    end
    if (c_state_q == C_PLACE) begin
      c_addr_q <= c_base_q + 64'({number_q & c_mask_q, 4'd0});
      cpl_q <= '0;
      cpl_q.head <= q_head;
      cpl_q.error <= 8'(q_error);
      cpl_q.phase <= 8'(phase_q);
    end
  end
  assign cpl_req_valid_o = req_q;
  assign cpl_req_addr_o = c_addr_q;
  assign cpl_req_len_o = 16'd16;
  assign cpl_dat_valid_o = dat_q;
  assign cpl_dat_data_o = 512'(cpl_q);

  // Those that are being written, and what came of them.
  mpnic_fifo #(
    .W(4),
    .DEPTH(16)
  ) u_under (
    .clk_i,
    .rst_ni,
    .valid_i(next_takes),
    .ready_o(under_ready),
    .data_i (q_index),
    .valid_o(c_valid),
    .ready_i(c_take),
    .data_o (c_index)
  );
  logic unused_ready;
  mpnic_fifo #(
    .W(1),
    .DEPTH(16)
  ) u_done (
    .clk_i,
    .rst_ni,
    .valid_i(cpl_done_valid_i),
    .ready_o(unused_ready),
    .data_i (cpl_done_error_i),
    .valid_o(done_valid),
    .ready_i(c_take),
    .data_o (done_error)
  );

endmodule
