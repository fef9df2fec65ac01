// SPDX-License-Identifier: BSD-3-Clause
// Descriptors of the Tx queues: which queue has its turn, its ring fetched ahead, one descriptor after
// the other out.
//
// A queue's descriptors leave in their order, those of one frame together, and a frame is begun only when
// its last descriptor is here: that is one with EOP, or the last that a frame may have; then the rest of
// the frame leaves with out_skip_o, up to EOP. Queues take turns, 32 frames each. Descriptors are fetched
// up to 32 a queue, never beyond the doorbell or round the ring's end in one request. A doorbell that is too
// far ahead stops the queue until it is rung anew: err_valid_o, once for each value. A ring that cannot be
// read is told with err_ring_o when all before it is done with; then works_i has to fall.
module mpnic_tx_desc (
  input  logic         clk_i,
  input  logic         rst_ni,

  // Queues: works or not; log2 of its entries, 4 bits each; nothing of it is under way behind here.
  input  logic [15:0]  works_i,
  input  logic [63:0]  log2_i,
  input  logic [15:0]  idle_i,
  input  logic [511:0] tails_i,
  output logic [15:0]  busy_o,  // something of it is under way in here

  // A queue becomes as new; it must not work, nor be busy.
  input  logic         clear_i,
  input  logic [3:0]   clear_index_i,

  output logic [3:0]   ring_index_o,
  input  logic [63:0]  ring_i,
  input  logic [3:0]   head_index_i,
  output logic [31:0]  head_o,

  output logic         req_valid_o,
  input  logic         req_ready_i,
  output logic [63:0]  req_addr_o,
  output logic [15:0]  req_len_o,
  input  logic         rsp_valid_i,
  output logic         rsp_ready_o,
  input  logic [511:0] rsp_data_i,
  input  logic         rsp_last_i,
  input  logic         rsp_error_i,

  output logic         err_valid_o,
  input  logic         err_ready_i,
  output logic         err_ring_o,  // else the doorbell
  output logic [3:0]   err_index_o,

  output logic         out_valid_o,
  input  logic         out_ready_i,
  output logic [127:0] out_desc_o,
  output logic [3:0]   out_index_o,
  output logic         out_first_o,
  output logic         out_end_o,   // the frame's last here
  output logic         out_skip_o,
  output logic [31:0]  out_head_o,  // number behind it

  output logic         ends_o,      // pulse: a frame's last descriptor, or the last skipped, goes out
  output logic [3:0]   ends_index_o
);

  localparam int unsigned EOP_LSB = mpnic_device_pkg::TX_DESC_FLAGS_LSB + mpnic_device_pkg::TX_EOP;
  localparam int unsigned BURST = 32;    // frames of a queue before the next one's turn
  localparam logic [5:0]  CACHE = 6'd32;  // descriptors of a queue
  localparam logic [5:0]  FETCH = 6'd16;  // worth a request while frames are here

  // The next one behind `last` of those that are set.
  function automatic logic [3:0] next(input logic [15:0] set, input logic [3:0] last);
    logic [15:0] behind;
    for (int i = 0; i < 16; i++) behind[i] = set[i] & (4'(i) > last);
    if (behind == '0) behind = set;
    next = '0;
    for (int i = 15; i >= 0; i--) if (behind[i]) next = 4'(i);
  endfunction

  // ---- queues ------------------------------------------------------------------------------------

  // Of descriptors that are here: how many, how many with EOP.
  logic [95:0] cached_q, eops_q, most;
  logic [15:0] skipping_q, ok_q, fail_q, fetching_q, whole, some, can, can_q;
  logic        add, add_error, ask, judge, judge_ok, pop, pop_eop, pop_end, pop_skip;
  logic [3:0]  add_index, f_q, p_q;
  logic [5:0]  add_count, add_eops;
  generate
    for (genvar q = 0; q < 16; q++) begin : gen_queue
      logic [5:0] cached, eops;
      logic       mine_add, mine_pop, mine_clear;
      assign cached = cached_q[q*6+:6];
      assign eops = eops_q[q*6+:6];
      assign mine_add = add & (add_index == 4'(q));
      assign mine_pop = pop & (p_q == 4'(q));
      assign mine_clear = clear_i & (clear_index_i == 4'(q));
      // As many descriptors as a frame may have.
      assign most[q*6+:6] = (log2_i[q*4+:4] >= 4'd5) ? 6'd32 : 6'd1 << log2_i[q*4+:3];
      assign whole[q] = (eops != '0) | (cached >= most[q*6+:6]);
      assign some[q] = skipping_q[q] ? cached != '0 : whole[q];
      assign can[q] = works_i[q] & ok_q[q] & some[q];
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          cached_q[q*6+:6] <= '0;
          eops_q[q*6+:6] <= '0;
          skipping_q[q] <= 1'b0;
          ok_q[q] <= 1'b0;
          fail_q[q] <= 1'b0;
          fetching_q[q] <= 1'b0;
        end else if (mine_clear) begin
          cached_q[q*6+:6] <= '0;
          eops_q[q*6+:6] <= '0;
          skipping_q[q] <= 1'b0;
          ok_q[q] <= 1'b0;
          fail_q[q] <= 1'b0;
        end else begin
          cached_q[q*6+:6] <= cached + ((mine_add && !add_error) ? add_count : '0) - 6'(mine_pop);
          eops_q[q*6+:6] <= eops + ((mine_add && !add_error) ? add_eops : '0)
                            - 6'(mine_pop && pop_eop);
          if (mine_pop) skipping_q[q] <= ~pop_eop & (pop_skip | pop_end);
          if (judge && f_q == 4'(q)) ok_q[q] <= judge_ok;
          if (mine_add) fail_q[q] <= add_error;
          if (ask && f_q == 4'(q)) fetching_q[q] <= 1'b1;
          else if (mine_add) fetching_q[q] <= 1'b0;
        end
      end
    end
  endgenerate
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) can_q <= '0;
    else can_q <= can;
  end

  // Numbers of the next descriptor to leave.
  logic [31:0] head_mem[16];
  logic [31:0] pop_head;
  logic [3:0]  head_index;
  assign head_index = clear_i ? clear_index_i : p_q;
  always_ff @(posedge clk_i) begin
    if (clear_i || pop) head_mem[head_index] <= clear_i ? '0 : pop_head;
  end
  assign head_o = head_mem[head_index_i];

  // ---- fetching ------------------------------------------------------------------------------------
  // Queues that work are visited in turn: READ what is known of it at one time, then count, then DO.

  typedef enum logic [2:0] {F_PICK, F_READ, F_SUB, F_COUNT, F_MIN, F_DO, F_ERROR, F_ASK} f_state_t;
  f_state_t    f_state_q;
  logic [31:0] tail_q, f_head_q, ready_q, bad_tail_q;
  logic [15:0] slot_q;
  logic [16:0] size_q, left_q, round_q;
  logic [5:0]  f_cached_q, room_q, count_q, left6_q;
  logic        was_fetching_q, bad_q, ring_q, popping, mine_clears, waits, f_works, wants;
  logic [3:0]  f_log2;
  logic [63:0] addr_q;
  logic        fifo_ready;
  assign ring_index_o = f_q;
  assign f_log2 = log2_i[f_q*4+:4];
  assign f_works = works_i[f_q];
  assign mine_clears = clear_i & (clear_index_i == f_q);

  // The doorbell that was counted last.
  logic [31:0] bad_mem[16];
  always_ff @(posedge clk_i) begin
    if (clear_i) bad_mem[clear_index_i] <= '0;
    else if (f_state_q == F_ERROR && err_ready_i && !ring_q) bad_mem[f_q] <= tail_q;
  end

  // Nothing of the queue is under way: errors are counted in the order of what they are about.
  assign waits = ~idle_i[f_q] | popping;
  assign wants = ~was_fetching_q & ~fail_q[f_q] & (count_q != '0)
                 & ((room_q >= FETCH) | (left6_q <= room_q) | ~whole[f_q]);
  assign judge = (f_state_q == F_DO) & f_works;
  assign judge_ok = ~bad_q;
  assign ask = (f_state_q == F_DO) & f_works & ~bad_q & wants & ~mine_clears;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      f_state_q <= F_PICK;
      f_q <= '0;
    end else begin
      unique case (f_state_q)
        F_PICK: begin
          f_q <= next(works_i, f_q);
          if (works_i != '0) f_state_q <= F_READ;
        end
        F_READ: f_state_q <= F_SUB;
        F_SUB: f_state_q <= F_COUNT;
        F_COUNT: f_state_q <= F_MIN;
        F_MIN: f_state_q <= F_DO;
        F_DO: begin
          f_state_q <= F_PICK;
          if (f_works && bad_q && !waits && bad_tail_q != tail_q) f_state_q <= F_ERROR;
          else if (f_works && !bad_q && fail_q[f_q] && !waits && !some[f_q]) f_state_q <= F_ERROR;
          else if (ask) f_state_q <= F_ASK;
        end
        F_ERROR: if (err_ready_i && !clear_i) f_state_q <= F_PICK;
        F_ASK: if (req_ready_i) f_state_q <= F_PICK;
        default: f_state_q <= F_PICK;
      endcase
      // A visit to a queue that starts anew knows the old one.
      if (mine_clears && f_state_q != F_ASK) f_state_q <= F_PICK;
    end
  end
  always_ff @(posedge clk_i) begin
    if (f_state_q == F_READ) begin
      tail_q <= tails_i[f_q*32+:32];
      f_head_q <= head_mem[f_q];
      f_cached_q <= cached_q[f_q*6+:6];
      was_fetching_q <= fetching_q[f_q];
      size_q <= 17'd1 << f_log2;
    end
    if (f_state_q == F_SUB) begin
      ready_q <= tail_q - f_head_q;
      slot_q <= (f_head_q[15:0] + 16'(f_cached_q)) & (size_q[15:0] - 16'd1);
      room_q <= CACHE - f_cached_q;
      bad_tail_q <= bad_mem[f_q];
    end
    if (f_state_q == F_COUNT) begin
      bad_q <= ready_q > 32'(size_q);
      left_q <= (ready_q < 32'(f_cached_q)) ? '0 : ready_q[16:0] - 17'(f_cached_q);
      round_q <= size_q - 17'(slot_q);
      addr_q <= ring_i + 64'({slot_q, 4'd0});
    end
    if (f_state_q == F_MIN) begin
      left6_q <= (left_q > 17'd63) ? 6'd63 : left_q[5:0];
      count_q <= room_q;
      if (left_q < 17'(room_q) && left_q <= round_q) count_q <= left_q[5:0];
      else if (round_q < 17'(room_q)) count_q <= round_q[5:0];
    end
    if (f_state_q == F_DO) ring_q <= ~bad_q;
  end
  assign err_valid_o = (f_state_q == F_ERROR) & ~clear_i;
  assign err_ring_o = ring_q;
  assign err_index_o = f_q;
  assign req_valid_o = (f_state_q == F_ASK) & fifo_ready;
  assign req_addr_o = addr_q;
  assign req_len_o = 16'({count_q, 4'd0});

  // What comes: of which queue, how many, from which place of its cache on.
  logic       from_valid, r_last;
  logic [3:0] from_index;
  logic [5:0] from_count;
  logic [4:0] from_first, ask_first;
  assign ask_first = f_head_q[4:0] + f_cached_q[4:0];
  mpnic_fifo #(
    .W(15),
    .DEPTH(16)
  ) u_from (
    .clk_i,
    .rst_ni,
    .valid_i((f_state_q == F_ASK) & req_ready_i),
    .ready_o(fifo_ready),
    .data_i ({f_q, count_q, ask_first}),
    .valid_o(from_valid),
    .ready_i(r_last),
    .data_o ({from_index, from_count, from_first})
  );

  // ---- the cache: four banks by a descriptor's number, 8 rows for each queue -----------------------

  logic         r_mid_q, r0_valid_q, r0_first_q, r0_last_q, r0_error_q;
  logic [511:0] r0_data_q;
  logic [5:0]   r_left, r_left_q, r0_count_q, eops_sum_q, eops_sum;
  logic [4:0]   r_at, r_at_q, r0_at_q;
  logic [3:0]   r0_index_q, r0_have_q, r_have;
  logic         take;
  assign rsp_ready_o = from_valid;
  assign take = rsp_valid_i & from_valid;
  assign r_last = take & rsp_last_i;
  assign r_left = r_mid_q ? r_left_q : from_count;
  assign r_at = r_mid_q ? r_at_q : from_first;
  always_comb begin
    for (int i = 0; i < 4; i++) r_have[i] = 6'(i) < r_left;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      r_mid_q <= 1'b0;
      r0_valid_q <= 1'b0;
    end else begin
      r0_valid_q <= take;
      if (take) r_mid_q <= ~rsp_last_i;
    end
  end
  always_ff @(posedge clk_i) begin
    if (take) begin
      r_left_q <= (r_left < 6'd4) ? '0 : r_left - 6'd4;
      r_at_q <= r_at + 5'd4;
      r0_data_q <= rsp_data_i;
      r0_first_q <= ~r_mid_q;
      r0_last_q <= rsp_last_i;
      r0_error_q <= rsp_error_i;
      r0_have_q <= r_have;
      r0_at_q <= r_at;
      r0_index_q <= from_index;
      r0_count_q <= from_count;
    end
    if (r0_valid_q) eops_sum_q <= eops_sum;
  end
  always_comb begin
    eops_sum = r0_first_q ? '0 : eops_sum_q;
    for (int i = 0; i < 4; i++) begin
      eops_sum += 6'(r0_have_q[i] && r0_data_q[i*128+EOP_LSB]);
    end
  end
  assign add = r0_valid_q & r0_last_q;
  assign add_error = r0_error_q;
  assign add_index = r0_index_q;
  assign add_count = r0_count_q;
  assign add_eops = eops_sum;

  logic [31:0]  p_head;
  logic [511:0] row_q;
  assign p_head = head_mem[p_q];
  generate
    for (genvar b = 0; b < 4; b++) begin : gen_bank
      logic [1:0]   lane;  // of the beat, that goes here
      logic [2:0]   row;
      logic [127:0] word_q;
      assign lane = 2'(b) - r0_at_q[1:0];
      assign row = r0_at_q[4:2] + 3'((4'(b) | 4'd8) < (4'(r0_at_q[1:0]) | 4'd8));
      (* ram_style = "block" *) logic [127:0] mem[128];
      always_ff @(posedge clk_i) begin
        if (r0_valid_q && r0_have_q[lane]) mem[{r0_index_q, row}] <= r0_data_q[lane*128+:128];
        word_q <= mem[{p_q, p_head[4:2]}];
      end
      assign row_q[b*128+:128] = word_q;
    end
  endgenerate

  // ---- out ------------------------------------------------------------------------------------

  typedef enum logic [1:0] {P_PICK, P_READ, P_TAKE} p_state_t;
  p_state_t     p_state_q;
  logic         mid_q, p_skip_q, out_free, out_valid_q, end_out;
  logic [4:0]   burst_q;
  logic [5:0]   segments_q;
  logic [31:0]  p_head_q;
  logic [127:0] desc;
  assign desc = row_q[p_head_q[1:0]*128+:128];
  assign out_free = ~out_valid_q | out_ready_i;
  assign pop = (p_state_q == P_TAKE) & out_free & ~clear_i;
  assign pop_eop = desc[EOP_LSB];
  assign pop_skip = p_skip_q;
  assign pop_end = pop_eop | (segments_q + 6'd1 == most[p_q*6+:6]);
  assign pop_head = p_head_q + 32'd1;
  assign end_out = p_skip_q ? pop_eop : pop_end;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      p_state_q <= P_PICK;
      p_q <= '0;
      mid_q <= 1'b0;
      out_valid_q <= 1'b0;
    end else begin
      if (out_free) out_valid_q <= pop;
      unique case (p_state_q)
        P_PICK: begin
          p_q <= next(can_q, p_q);
          if (can_q != '0) p_state_q <= P_READ;
        end
        P_READ: p_state_q <= (mid_q || can[p_q]) ? P_TAKE : P_PICK;
        P_TAKE: begin
          if (pop) begin
            mid_q <= ~p_skip_q & ~pop_end;
            p_state_q <= P_READ;
            if (burst_q == 5'(BURST - 1) && (p_skip_q || pop_end)) p_state_q <= P_PICK;
          end
        end
        default: p_state_q <= P_PICK;
      endcase
    end
  end
  always_ff @(posedge clk_i) begin
    if (p_state_q == P_PICK) burst_q <= '0;
    else if (pop && end_out) burst_q <= burst_q + 5'd1;
    if (p_state_q == P_READ) begin
      p_head_q <= p_head;
      if (!mid_q) begin
        p_skip_q <= skipping_q[p_q];
        segments_q <= '0;
      end
    end
    if (pop) begin
      segments_q <= segments_q + 6'd1;
      out_desc_o <= desc;
      out_index_o <= p_q;
      out_first_o <= ~mid_q;
      out_end_o <= end_out;
      out_skip_o <= p_skip_q;
      out_head_o <= pop_head;
    end
  end
  assign out_valid_o = out_valid_q;
  assign ends_o = pop & end_out;
  assign ends_index_o = p_q;

  assign popping = (p_state_q != P_PICK) & (p_q == f_q);
  always_comb begin
    busy_o = fetching_q;
    if (p_state_q != P_PICK) busy_o[p_q] = 1'b1;
  end

endmodule
