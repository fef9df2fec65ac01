// SPDX-License-Identifier: BSD-3-Clause
// Stage deparse (docs/state.md, "deparse"): beats and records of a frame leave together, its options
// stripped as the result says, or not at all.
//
// Records may come before their frame's first beat or behind it; up to FRAMES of them wait here, so
// that none has to wait in front. m_hdr_o, m_csum_o and m_result_o are there with each beat of the
// frame, all outputs are stable while they wait. One beat a clock, whatever is done with it, frames
// that are dropped too. s_ready_o and r_ready_o depend on registers alone (s_ready_o: on whether the
// frame is dropped).
//
//   records -+-> record FIFO ----------------------------------------------------+-> m
//            +-> strip -> edit FIFO -> shift -+-> NOPs -> checksum -> beat FIFO -+
//   beats ------------------------------------+
//
// What the records promise (docs/pipeline.md): if option starts are there, TCP header and options are
// in the frame's first 192 bytes, and l4_off is 2 modulo 4.
module mpnic_deparse #(
  parameter int unsigned DATA_W = 512,  // 128, 256 or 512
  parameter int unsigned FRAMES = 64  // a power of two
) (
  input  logic                           clk_i,
  input  logic                           rst_ni,

  input  logic                           s_valid_i,
  output logic                           s_ready_o,
  input  logic                           s_first_i,
  input  logic                           s_last_i,
  input  logic [$clog2(DATA_W/8):0]      s_bytes_i,
  input  logic [DATA_W-1:0]              s_data_i,

  input  logic                           r_valid_i,
  output logic                           r_ready_o,
  input  logic [mpnic_pkg::HDR_W-1:0]    r_hdr_i,
  input  logic [mpnic_pkg::CSUM_W-1:0]   r_csum_i,
  input  logic [mpnic_pkg::RESULT_W-1:0] r_result_i,

  output logic                           m_valid_o,
  input  logic                           m_ready_i,
  output logic                           m_first_o,
  output logic                           m_last_o,
  output logic [$clog2(DATA_W/8):0]      m_bytes_o,
  output logic [DATA_W-1:0]              m_data_o,
  output logic [mpnic_pkg::HDR_W-1:0]    m_hdr_o,
  output logic [mpnic_pkg::CSUM_W-1:0]   m_csum_o,
  output logic [mpnic_pkg::RESULT_W-1:0] m_result_o
);

`include "mpnic_records.svh"

  localparam int unsigned BYTES = DATA_W / 8;
  localparam int unsigned BYTES_W = $clog2(BYTES) + 1;
  localparam int unsigned RECORDS_W =
      mpnic_pkg::RESULT_W + mpnic_pkg::CSUM_W + mpnic_pkg::HDR_W;
  localparam int unsigned BEATS = 8;  // in the beat FIFO and on their way to it
  localparam logic [7:0]  NOP = 8'd1;

  // --- records -----------------------------------------------------------------------------------

  // verilator lint_off UNUSEDSIGNAL
  mpnic_hdr_t    hdr;
  mpnic_csum_t   csum;
  mpnic_result_t result;
  // verilator lint_on UNUSEDSIGNAL
  assign hdr = r_hdr_i;
  assign csum = r_csum_i;
  assign result = r_result_i;

  // Edits on their way into their FIFO have their place there.
  localparam int unsigned PTR_W = $clog2(FRAMES);
  logic             r_take, dropped, record_room, edit_room_q, edit_pop;
  logic [PTR_W-1:0] edit_behind_q, edit_free_q;  // behind the one that comes; the next that leaves
  assign dropped = |result.drop[2:0];  // as many as are counted
  assign r_ready_o = record_room & edit_room_q;
  assign r_take = r_valid_i & r_ready_o;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      edit_room_q <= 1'b1;
      edit_behind_q <= PTR_W'(1);
      edit_free_q <= '0;
    end else begin
      edit_room_q <= edit_pop | (edit_room_q & ~(r_take & (edit_behind_q == edit_free_q)));
      if (r_take) edit_behind_q <= edit_behind_q + PTR_W'(1);
      if (edit_pop) edit_free_q <= edit_free_q + PTR_W'(1);
    end
  end

  // Of frames that leave, until they have left.
  logic                       record_valid, m_ends;
  logic [mpnic_pkg::RESULT_W-1:0] record_result;
  mpnic_ram_fifo #(
    .W(RECORDS_W),
    .DEPTH(FRAMES)
  ) u_records (
    .clk_i, .rst_ni,
    .valid_i(r_take & ~dropped),
    .ready_o(record_room),
    .data_i ({r_result_i, r_csum_i, r_hdr_i}),
    .valid_o(record_valid),
    .ready_i(m_ends),
    .data_o ({record_result, m_csum_o, m_hdr_o})
  );

  // --- edits -------------------------------------------------------------------------------------

  // The checksum's place, in words of four bytes: it is a word's upper half. Options start in the
  // upper half of the next.
  logic [5:0] place;
  assign place = hdr.l4_off[7:2] + 6'd4;

  logic        strip_valid, edit_dropped, edit_keeps;
  logic [39:0] strip_mask;
  logic [16:0] strip_delta;
  logic [5:0]  edit_place;
  mpnic_strip u_strip (
    .clk_i, .rst_ni,
    .valid_i (r_take),
    .opts_i  (hdr.opts),
    .starts_i(hdr.opt_starts[39:0]),
    .len_i   (hdr.opt_len[5:0]),
    .strip_i (result.strip),
    .valid_o (strip_valid),
    .mask_o  (strip_mask),
    .delta_o (strip_delta)
  );
  mpnic_delay #(.W(8), .N(mpnic_rtl_pkg::STRIP_LATENCY)) u_edit (
    .clk_i, .rst_ni,
    .data_i({dropped, csum.l4 == mpnic_pkg::CSUM_PARTIAL, place}),
    .data_o({edit_dropped, edit_keeps, edit_place})
  );

  localparam int unsigned EDIT_W = 8 + 40 + 17;
  logic              edit_valid, edit_ready, edit_push_room, waits_valid_q, waits_ready;
  logic              waits_dropped, waits_keeps;
  logic [5:0]        waits_place;
  logic [39:0]       waits_mask;
  logic [16:0]       waits_delta;
  logic [EDIT_W-1:0] edit, waits_q;
  mpnic_ram_fifo #(
    .W(EDIT_W),
    .DEPTH(FRAMES)
  ) u_edits (
    .clk_i, .rst_ni,
    .valid_i(strip_valid),
    .ready_o(edit_push_room),
    .data_i ({edit_dropped, edit_keeps, edit_place, strip_mask, strip_delta}),
    .valid_o(edit_valid),
    .ready_i(edit_ready),
    .data_o (edit)
  );
  assign edit_ready = ~waits_valid_q | waits_ready;
  assign edit_pop = edit_valid & edit_ready;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) waits_valid_q <= 1'b0;
    else waits_valid_q <= edit_valid | (waits_valid_q & ~waits_ready);
  end
  always_ff @(posedge clk_i) begin
    if (edit_pop) waits_q <= edit;
  end
  assign {waits_dropped, waits_keeps, waits_place, waits_mask, waits_delta} = waits_q;

  // --- the edit of the frame whose beats come, shifted to its place in a beat --------------------

  // The mask reaches over SPAN beats from the checksum's on.
  localparam int unsigned WORDS = BYTES / 4;
  localparam int unsigned PLACE_W = $clog2(WORDS);
  localparam int unsigned SPAN = (WORDS - 1 + 12 + WORDS - 1) / WORDS;
  localparam int unsigned BEAT_W = 6 - PLACE_W;

  // By words of four bytes, from the checksum's on, in two steps of four choices each.
  function automatic logic [127:0] shift(input logic [39:0] mask, input logic [3:0] word);
    logic [57:0] near;
    near = ({18'd0, mask} & {58{word[1:0] == 2'd0}}) | ({14'd0, mask, 4'd0} & {58{word[1:0] == 2'd1}}) |
           ({10'd0, mask, 8'd0} & {58{word[1:0] == 2'd2}}) |
           ({6'd0, mask, 12'd0} & {58{word[1:0] == 2'd3}});
    shift = ({64'd0, near, 6'd0} & {128{word[3:2] == 2'd0}}) |
            ({48'd0, near, 22'd0} & {128{word[3:2] == 2'd1}}) |
            ({32'd0, near, 38'd0} & {128{word[3:2] == 2'd2}}) |
            ({16'd0, near, 54'd0} & {128{word[3:2] == 2'd3}});
  endfunction

  logic                  head_valid_q, head_pop, head_dropped_q, head_strips_q, head_repairs_q;
  logic [PLACE_W-1:0]    head_word_q;
  logic [BEAT_W-1:0]     head_beat_q;
  logic [SPAN*BYTES-1:0] head_mask_q;
  logic [16:0]           head_delta_q;
  assign waits_ready = ~head_valid_q | head_pop;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) head_valid_q <= 1'b0;
    else head_valid_q <= waits_valid_q | (head_valid_q & ~head_pop);
  end
  always_ff @(posedge clk_i) begin
    if (waits_valid_q && waits_ready) begin
      head_dropped_q <= waits_dropped;
      head_strips_q <= |waits_mask;
      head_repairs_q <= ~waits_keeps & (|waits_mask);
      {head_beat_q, head_word_q} <= waits_place;
      head_mask_q <= (SPAN * BYTES)'(shift(waits_mask, 4'(waits_place[PLACE_W-1:0])));
      head_delta_q <= waits_delta;
    end
  end

  // --- beats: NOPs, then the checksum ------------------------------------------------------------

  logic              take, keep, beat_room;
  logic [BEAT_W-1:0] beat_q;  // number in the frame; all ones: behind the first 192 bytes
  assign s_ready_o = head_valid_q & (head_dropped_q | beat_room);
  assign take = s_valid_i & s_ready_o;
  assign keep = take & ~head_dropped_q;
  assign head_pop = take & s_last_i;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) beat_q <= '0;
    else if (take) beat_q <= s_last_i ? '0 : (&beat_q) ? beat_q : beat_q + BEAT_W'(1);
  end

  logic [SPAN-1:0]  hit;  // the beat is the k-th from the checksum's on
  logic [BYTES-1:0] nops;
  logic [15:0]      old;
  always_comb begin
    nops = '0;
    for (int unsigned k = 0; k < SPAN; k++) begin
      hit[k] = ((BEAT_W + 1)'(beat_q) == (BEAT_W + 1)'(head_beat_q) + (BEAT_W + 1)'(k)) & ~(&beat_q);
      nops |= head_mask_q[k*BYTES+:BYTES] & {BYTES{hit[k]}};
    end
    old = mpnic_rtl_pkg::be16(s_data_i[32*head_word_q+16+:16]);
  end

  logic               v1_q, v2_q, strips1_q, strips2_q, first1_q, first2_q, last1_q, last2_q;
  logic [BYTES_W-1:0] bytes1_q, bytes2_q;
  logic [DATA_W-1:0]  data1_q, data2_q;
  logic [WORDS-1:0]   at1_q;  // the word in which the checksum is written
  logic [16:0]        sum1_q;
  logic [15:0]        fixed;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) {v2_q, v1_q} <= '0;
    else {v2_q, v1_q} <= {v1_q, keep};
  end
  always_ff @(posedge clk_i) begin
    strips1_q <= head_strips_q;
    {first1_q, last1_q, bytes1_q} <= {s_first_i, s_last_i, s_bytes_i};
    for (int unsigned i = 0; i < BYTES; i++) begin
      data1_q[8*i+:8] <= nops[i] ? NOP : s_data_i[8*i+:8];
    end
    for (int unsigned w = 0; w < WORDS; w++) begin
      at1_q[w] <= hit[0] & head_repairs_q & (head_word_q == PLACE_W'(w));
    end
    sum1_q <= {1'b0, ~old} + {1'b0, head_delta_q[15:0]} + {16'd0, head_delta_q[16]};
  end
  assign fixed = ~(sum1_q[15:0] + {15'd0, sum1_q[16]});
  always_ff @(posedge clk_i) begin
    {strips2_q, first2_q, last2_q, bytes2_q} <= {strips1_q, first1_q, last1_q, bytes1_q};
    for (int unsigned w = 0; w < WORDS; w++) begin
      data2_q[32*w+:32] <= {at1_q[w] ? mpnic_rtl_pkg::be16(fixed) : data1_q[32*w+16+:16],
                            data1_q[32*w+:16]};
    end
  end

  // --- out ---------------------------------------------------------------------------------------

  logic             fifo_room, m_pop, m_strips;
  logic [BEATS-1:0] beats_q;  // as many ones as there are beats
  assign m_pop = m_valid_o & m_ready_i;
  assign m_ends = m_pop & m_last_o;
  assign beat_room = ~beats_q[BEATS-1];
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) beats_q <= '0;
    else if (keep != m_pop) beats_q <= keep ? {beats_q[BEATS-2:0], 1'b1} : beats_q >> 1;
  end
  mpnic_fifo #(
    .W(DATA_W + BYTES_W + 3),
    .DEPTH(BEATS)
  ) u_beats (
    .clk_i, .rst_ni,
    .valid_i(v2_q),
    .ready_o(fifo_room),
    .data_i ({strips2_q, first2_q, last2_q, bytes2_q, data2_q}),
    .valid_o(m_valid_o),
    .ready_i(m_ready_i),
    .data_o ({m_strips, m_first_o, m_last_o, m_bytes_o, m_data_o})
  );
  always_comb begin
    m_result_o = record_result;
    m_result_o[mpnic_pkg::RESULT_FLAGS_LSB+mpnic_pkg::RESULT_STRIPPED] =
        record_result[mpnic_pkg::RESULT_FLAGS_LSB+mpnic_pkg::RESULT_STRIPPED] | m_strips;
  end

`ifdef VERILATOR
  // What the counts promise, and what the records and beats that come have to.
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (edit_push_room | ~strip_valid) else $fatal(1, "mpnic_deparse: edit lost");
      assert (fifo_room | ~v2_q) else $fatal(1, "mpnic_deparse: beat lost");
      assert (record_valid | ~m_valid_o) else $fatal(1, "mpnic_deparse: beat without its record");
      assert (~take | (s_first_i == (beat_q == '0))) else $fatal(1, "mpnic_deparse: first beat");
      assert (~r_take | (hdr.opt_starts == '0) | (hdr.l4_off[1:0] == 2'd2))
      else $fatal(1, "mpnic_deparse: l4_off");
    end
  end
`endif

endmodule
