// SPDX-License-Identifier: BSD-3-Clause
// Descriptors of 16 Rx queues, fetched ahead of frames: up to 32 a queue, never beyond its doorbell,
// never round its ring's end in one request.
//
// What is fetched of the queue at look_index_i stands at the outputs: the number of its next
// descriptor, whether that is there (desc_o: a clock behind look_index_i) or will never be, since its
// ring could not be read. take_i takes it. A queue is fetched for while on_i has its bit; busy_o tells
// that something of it is under way. start_i empties a queue that is neither.
module mpnic_rx_desc (
  input  logic          clk_i,
  input  logic          rst_ni,

  input  logic [15:0]   on_i,
  output logic [15:0]   busy_o,
  output logic          idle_o,        // nothing is asked for
  input  logic          start_i,
  input  logic [3:0]    start_index_i,
  input  logic [511:0]  tails_i,

  // The ring of the queue at scan_index_o.
  output logic [3:0]    scan_index_o,
  input  logic [57:0]   scan_ring_i,   // address / 64
  input  logic [3:0]    scan_log2_i,

  input  logic [3:0]    look_index_i,
  output logic [31:0]   look_head_o,
  output logic          look_there_o,
  output logic          look_lost_o,
  output logic [127:0]  desc_o,
  input  logic          take_i,

  output logic          req_valid_o,
  input  logic          req_ready_i,
  output logic [63:0]   req_addr_o,
  output logic [15:0]   req_len_o,
  input  logic          rsp_valid_i,
  output logic          rsp_ready_o,
  input  logic [511:0]  rsp_data_i,
  input  logic          rsp_last_i,
  input  logic          rsp_error_i
);

  localparam int unsigned QUEUES = 16;
  localparam int unsigned AHEAD = 32;  // descriptors of a queue
  localparam int unsigned MANY = 8;    // fetched at once, unless it has fewer

  // ---- state of queues ---------------------------------------------------------------------------

  // Numbers of descriptors: taken; those that follow modulo 64: asked for, come, come and good.
  logic [31:0]         head_mem[QUEUES];
  logic [QUEUES-1:0]   fresh_q;  // head is 0, whatever the memory holds
  logic [6*QUEUES-1:0] asked, landed, good;
  logic [QUEUES-1:0]   bad;      // a fetch failed
  logic                asks, lands, lands_bad;
  logic [3:0]          asks_index, lands_index;
  logic [5:0]          asks_count, lands_count;
  generate
    for (genvar q = 0; q < QUEUES; q++) begin : gen_queue
      logic [5:0] asked_q, landed_q, good_q;
      logic       bad_q, starts, mine;
      assign starts = start_i && start_index_i == 4'(q);
      assign mine = lands && lands_index == 4'(q);
      assign asked[q*6+:6] = asked_q;
      assign landed[q*6+:6] = landed_q;
      assign good[q*6+:6] = good_q;
      assign bad[q] = bad_q;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          asked_q <= '0;
          landed_q <= '0;
          good_q <= '0;
          bad_q <= 1'b0;
        end else if (starts) begin
          asked_q <= '0;
          landed_q <= '0;
          good_q <= '0;
          bad_q <= 1'b0;
        end else begin
          if (asks && asks_index == 4'(q)) asked_q <= asked_q + asks_count;
          if (mine) landed_q <= landed_q + lands_count;
          if (mine && !lands_bad && !bad_q) good_q <= good_q + lands_count;
          if (mine && lands_bad) bad_q <= 1'b1;
        end
      end
    end
  endgenerate

  logic [31:0] look_head;
  assign look_head = fresh_q[look_index_i] ? '0 : head_mem[look_index_i];
  assign look_head_o = look_head;
  assign look_there_o = good[look_index_i*6+:6] != look_head[5:0];
  assign look_lost_o = bad[look_index_i] & ~look_there_o;
  always_ff @(posedge clk_i) begin
    if (take_i) head_mem[look_index_i] <= look_head + 32'd1;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      fresh_q <= '1;
    end else begin
      if (take_i) fresh_q[look_index_i] <= 1'b0;
      if (start_i) fresh_q[start_index_i] <= 1'b1;
    end
  end

  // ---- queues are looked at in turns: what is to be fetched? -------------------------------------

  logic        moves;  // the stages go on
  logic [3:0]  scan_q, a_index_q, b_index_q, c_index_q, d_index_q;
  logic        a_valid_q, b_valid_q, c_valid_q, d_valid_q;
  assign scan_index_o = scan_q;

  logic [31:0] a_tail_q, a_head_q, b_ready_q;
  logic [5:0]  a_asked_q, a_ahead, b_ahead_q;  // ahead: asked for and not taken
  logic [57:0] a_ring_q, b_ring_q, c_ring_q;
  logic [3:0]  a_log2_q, b_log2_q;
  logic [14:0] b_at_q;
  // How many the host has written beyond those that were asked for, how much room there is, how many
  // slots to the ring's end.
  logic [31:0] b_rest;
  logic [15:0] b_size, b_slot, b_to_end;
  logic [5:0]  c_rest_q, c_room_q, c_to_end_q, c_ahead_q, c_count;
  logic [14:0] c_slot_q;
  logic [14:0] d_slot_q;
  logic [57:0] d_ring_q;
  logic [5:0]  d_count_q;
  logic [4:0]  c_first_q, d_first_q;
  logic        c_worth;
  assign a_ahead = a_asked_q - a_head_q[5:0];
  assign b_size = 16'd1 << b_log2_q;
  assign b_rest = b_ready_q - 32'(b_ahead_q);
  assign b_slot = 16'(b_at_q) & (b_size - 16'd1);
  assign b_to_end = b_size - b_slot;
  always_comb begin
    c_count = (c_rest_q < c_room_q) ? c_rest_q : c_room_q;
    if (c_to_end_q < c_count) c_count = c_to_end_q;
  end
  assign c_worth = (c_count != '0) & ((c_count >= 6'(MANY)) | (c_ahead_q < 6'(MANY)) |
                                      (c_count == c_to_end_q));
  assign moves = ~d_valid_q | asks;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      scan_q <= '0;
      a_valid_q <= 1'b0;
      b_valid_q <= 1'b0;
      c_valid_q <= 1'b0;
      d_valid_q <= 1'b0;
    end else if (moves) begin
      scan_q <= scan_q + 4'd1;
      a_valid_q <= on_i[scan_q] & ~bad[scan_q];
      b_valid_q <= a_valid_q;
      // A doorbell too far ahead, or with nothing new.
      c_valid_q <= b_valid_q & (b_ready_q <= 32'(b_size)) & (b_ready_q > 32'(b_ahead_q));
      d_valid_q <= c_valid_q & c_worth;
    end
  end
  always_ff @(posedge clk_i) begin
    if (moves) begin
      a_index_q <= scan_q;
      a_tail_q <= tails_i[scan_q*32+:32];
      a_head_q <= fresh_q[scan_q] ? '0 : head_mem[scan_q];
      a_asked_q <= asked[scan_q*6+:6];
      a_ring_q <= scan_ring_i;
      a_log2_q <= scan_log2_i;
      b_index_q <= a_index_q;
      b_ready_q <= a_tail_q - a_head_q;
      b_ahead_q <= a_ahead;
      b_at_q <= a_head_q[14:0] + 15'(a_ahead);
      b_ring_q <= a_ring_q;
      b_log2_q <= a_log2_q;
      c_index_q <= b_index_q;
      c_rest_q <= (b_rest >= 32'(AHEAD)) ? 6'(AHEAD) : b_rest[5:0];
      c_room_q <= 6'(AHEAD) - b_ahead_q;
      c_to_end_q <= (b_to_end >= 16'(AHEAD)) ? 6'(AHEAD) : b_to_end[5:0];
      c_ahead_q <= b_ahead_q;
      c_slot_q <= b_slot[14:0];
      c_first_q <= b_at_q[4:0];
      c_ring_q <= b_ring_q;
      d_index_q <= c_index_q;
      d_count_q <= c_count;
      d_slot_q <= c_slot_q;
      d_first_q <= c_first_q;
      d_ring_q <= c_ring_q;
    end
  end

  // ---- fetches under way -------------------------------------------------------------------------

  logic       flight_room, flight_valid;
  logic [3:0] flight_index;
  logic [4:0] flight_first;
  logic [5:0] flight_count;
  assign req_valid_o = d_valid_q & flight_room;
  assign req_addr_o = {d_ring_q, 6'd0} + {45'd0, d_slot_q, 4'd0};
  assign req_len_o = {6'd0, d_count_q, 4'd0};
  assign asks = req_valid_o & req_ready_i;
  assign asks_index = d_index_q;
  assign asks_count = d_count_q;
  mpnic_fifo #(
    .W    (15),
    .DEPTH(32)
  ) u_flight (
    .clk_i,
    .rst_ni,
    .valid_i(asks),
    .ready_o(flight_room),
    .data_i ({d_index_q, d_first_q, d_count_q}),
    .valid_o(flight_valid),
    .ready_i(lands),
    .data_o ({flight_index, flight_first, flight_count})
  );

  // Four descriptors a beat; one a clock goes to its place.
  logic         beat_valid, beat_pop, beat_last, beat_error;
  logic [511:0] beat;
  mpnic_fifo #(
    .W    (514),
    .DEPTH(16)
  ) u_beats (
    .clk_i,
    .rst_ni,
    .valid_i(rsp_valid_i),
    .ready_o(rsp_ready_o),
    .data_i ({rsp_error_i, rsp_last_i, rsp_data_i}),
    .valid_o(beat_valid),
    .ready_i(beat_pop),
    .data_o ({beat_error, beat_last, beat})
  );
  logic [5:0]   at_q;
  logic         puts;
  logic [127:0] desc;
  logic [8:0]   put_addr;
  assign puts = beat_valid & flight_valid;
  assign lands = puts & (at_q == flight_count - 6'd1);
  assign lands_bad = beat_error;
  assign lands_index = flight_index;
  assign lands_count = flight_count;
  assign beat_pop = puts & ((at_q[1:0] == 2'd3) | lands);
  assign desc = beat[at_q[1:0]*128+:128];
  assign put_addr = {flight_index, flight_first + at_q[4:0]};
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) at_q <= '0;
    else if (puts) at_q <= lands ? '0 : at_q + 6'd1;
  end

  (* ram_style = "block" *) logic [127:0] cache[QUEUES*AHEAD];
  logic [127:0] cache_q;
  always_ff @(posedge clk_i) begin
    if (puts) cache[put_addr] <= desc;
    cache_q <= cache[{look_index_i, look_head[4:0]}];
  end
  assign desc_o = cache_q;

  assign idle_o = ~d_valid_q & ~flight_valid;
  always_comb begin
    for (int q = 0; q < QUEUES; q++) begin
      busy_o[q] = asked[q*6+:6] != landed[q*6+:6] ||
                  (a_valid_q && a_index_q == 4'(q)) || (b_valid_q && b_index_q == 4'(q)) ||
                  (c_valid_q && c_index_q == 4'(q)) || (d_valid_q && d_index_q == 4'(q));
    end
  end

  // A fetch's last beat is where its last descriptor is.
  logic unused;
  assign unused = ^{beat_last, b_slot[15]};

endmodule
