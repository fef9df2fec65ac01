// SPDX-License-Identifier: BSD-3-Clause
// Collects a frame's parse window and marks, as the bytes pass, what parse wants to know first.
//
// win_valid_o pulses once a frame, in the clock after the beat that completes the window or ends the
// frame; the other outputs are valid in that clock alone. Frames of one beat may follow each other
// in every clock. Bytes of win_o beyond the frame are zero. Marks of slots beyond the frame are those
// of other bytes: a walk that comes there has left the frame, but each slot has one way on, or none
// and a stop.
module mpnic_window #(
  parameter int unsigned DATA_W = 512
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,

  input  logic                      beat_valid_i,
  input  logic [DATA_W-1:0]         beat_data_i,
  input  logic [DATA_W/8-1:0]       beat_keep_i,
  input  logic [$clog2(DATA_W/8):0] beat_bytes_i,  // ones in beat_keep_i
  input  logic                      beat_last_i,
  input  logic [7:0]                beat_user_i,

  output logic                      win_valid_o,
  output logic [8*mpnic_pkg::PARSE_WINDOW-1:0] win_o,  // byte i is bits [8*i +: 8]
  output logic [7:0]                win_len_o,  // bytes of the frame in it, 1 to PARSE_WINDOW
  output logic                      win_more_o,  // the frame is longer
  output logic [7:0]                win_user_o,

  // Ethernet: the frame ends in a VLAN tag; a third tag; IPv4; IPv6; tagged at all, twice.
  output logic                      win_tag_cut_o,
  output logic                      win_tag_depth_o,
  output logic                      win_ipv4_o,
  output logic                      win_ipv6_o,
  output logic [31:0]               win_tagged_o,  // the same in all bits, of eight registers
  output logic [31:0]               win_two_tags_o,
  // IPv6 extension headers: slot 0 for no tag, one, two; slots 1 to 15.
  output logic [mpnic_rtl_pkg::MARKS*mpnic_rtl_pkg::MARK_W-1:0] win_marks_o
);

  localparam int unsigned BYTES = DATA_W / 8;
  localparam int unsigned PARTS = mpnic_pkg::PARSE_WINDOW / BYTES;  // beats in the window
  localparam int unsigned STEPS = mpnic_rtl_pkg::V6_STEPS;
  localparam int unsigned MARK_W = mpnic_rtl_pkg::MARK_W;
  localparam int unsigned SHARED = BYTES / 8;

  // --- which beat this is ------------------------------------------------------------------------

  // One-hot; zero behind the window.
  (* keep *) logic [PARTS-1:0] part_q;
  logic                        done;
  logic [7:0]                  part_off;
  assign done = part_q[PARTS-1] | beat_last_i;
  always_comb begin
    part_off = '0;
    for (int unsigned b = 0; b < PARTS; b++) part_off = part_off | (part_q[b] ? 8'(b * BYTES) : 8'd0);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      part_q <= PARTS'(1);
      win_valid_o <= 1'b0;
    end else begin
      if (beat_valid_i) part_q <= beat_last_i ? PARTS'(1) : part_q << 1;
      win_valid_o <= beat_valid_i & done & (|part_q);
    end
  end

  // --- the window --------------------------------------------------------------------------------

  logic [DATA_W-1:0] data;
  always_comb begin
    for (int unsigned i = 0; i < BYTES; i++) begin
      data[8*i+:8] = beat_data_i[8*i+:8] & {8{beat_keep_i[i]}};
    end
  end

  // A part takes what is at the input while it is the next one, valid or not: no enable has to wait
  // for the handshake, and the valid beat comes last.
  always_ff @(posedge clk_i) begin
    for (int unsigned b = 0; b < PARTS; b++) begin
      if (part_q[b]) win_o[b*DATA_W+:DATA_W] <= data;
      else if (part_q[0]) win_o[b*DATA_W+:DATA_W] <= '0;
    end
    if (part_q[0]) win_user_o <= beat_user_i;
    win_len_o <= part_off + 8'(beat_bytes_i);
    win_more_o <= ~beat_last_i;
  end

  // --- Ethernet ----------------------------------------------------------------------------------

  // The three places of an EtherType: what it is, and whether it is there.
  logic [2:0] vlan_d, vlan_q, v4_d, v4_q, v6_d, v6_q, there_d, there_q;
  generate
    for (genvar p = 0; p < 3; p++) begin : gen_ethertype
      localparam int unsigned PART = (12 + 4 * p) / BYTES;
      localparam int unsigned OFF = (12 + 4 * p) % BYTES;
      logic [15:0] ethertype;
      assign ethertype = {beat_data_i[8*OFF+:8], beat_data_i[8*OFF+8+:8]};
      always_comb begin
        if (part_q[PART]) begin
          vlan_d[p] = (ethertype == 16'h8100) | (ethertype == 16'h88a8);
          v4_d[p] = ethertype == 16'h0800;
          v6_d[p] = ethertype == 16'h86dd;
          there_d[p] = beat_keep_i[OFF+1];
        end else begin
          vlan_d[p] = vlan_q[p];
          v4_d[p] = v4_q[p];
          v6_d[p] = v6_q[p];
          there_d[p] = there_q[p] & ~part_q[0];
        end
      end
    end
  endgenerate

  logic one_tag, two_tags;  // at least one, two
  assign one_tag = vlan_d[0] & there_d[1];
  assign two_tags = one_tag & vlan_d[1] & there_d[2];

  always_ff @(posedge clk_i) begin
    vlan_q <= vlan_d;
    v4_q <= v4_d;
    v6_q <= v6_d;
    there_q <= there_d;
    win_tag_cut_o <= (there_d[0] & vlan_d[0] & ~there_d[1]) | (one_tag & vlan_d[1] & ~there_d[2]);
    win_tag_depth_o <= two_tags & vlan_d[2];
    win_ipv4_o <= (there_d[0] & v4_d[0]) | (one_tag & v4_d[1]) | (two_tags & v4_d[2]);
    win_ipv6_o <= (there_d[0] & v6_d[0]) | (one_tag & v6_d[1]) | (two_tags & v6_d[2]);
  end

  logic [7:0] once, twice;
  mpnic_copies u_once (
    .clk_i,
    .rst_ni,
    .en_i  (beat_valid_i),
    .data_i(one_tag),
    .data_o(once)
  );
  mpnic_copies u_twice (
    .clk_i,
    .rst_ni,
    .en_i  (beat_valid_i),
    .data_i(two_tags),
    .data_o(twice)
  );
  assign win_tagged_o = {4{once}};
  assign win_two_tags_o = {4{twice}};

  // --- IPv6 extension headers --------------------------------------------------------------------

  // Slot s is at byte 54 + 8 * s without a tag, 4 bytes later with each. Slots above 0 come, but for
  // the first bytes of slot 1, behind the beat with the tags: so they are chosen as the beats pass.
  // Both are 0 with a frame's first beat, where slot 1 can only start if there is no tag.
  logic       first_next;
  logic [7:0] pick_one, pick_two;  // at least one tag, two
  assign first_next = beat_valid_i ? beat_last_i : part_q[0];
  mpnic_copies u_pick_one (
    .clk_i,
    .rst_ni,
    .en_i  (beat_valid_i | part_q[0]),
    .data_i(one_tag & ~first_next),
    .data_o(pick_one)
  );
  mpnic_copies u_pick_two (
    .clk_i,
    .rst_ni,
    .en_i  (beat_valid_i | part_q[0]),
    .data_i(two_tags & ~first_next),
    .data_o(pick_two)
  );

  // What a slot's first two bytes say, whichever slot it is.
  function automatic logic [MARK_W-1:0] mark_of(input logic [15:0] head);
    logic goes_on;
    goes_on = mpnic_rtl_pkg::is_v6_ext(head[7:0]) & (head[15:12] == 4'd0);
    mark_of = '0;
    mark_of[STEPS-1:0] = STEPS'(goes_on) << head[11:8];
    mark_of[mpnic_rtl_pkg::MARK_STOP] = ~goes_on;
    mark_of[mpnic_rtl_pkg::MARK_ROUTING] = head[7:0] == 8'd43;
    mark_of[mpnic_rtl_pkg::MARK_NEXT+:16] = head;
  endfunction

  // Slots that lie alike in their beats share this.
  logic [SHARED*MARK_W-1:0] shared;
  logic [SHARED-1:0]        shared_segments;
  generate
    for (genvar c = 0; c < SHARED; c++) begin : gen_shared
      logic [15:0] head;
      logic [7:0]  segments;  // of the fourth byte
      always_comb begin
        if (pick_two[c]) begin
          head = beat_data_i[8*((62+8*c)%BYTES)+:16];
          segments = beat_data_i[8*((65+8*c)%BYTES)+:8];
        end else if (pick_one[c]) begin
          head = beat_data_i[8*((58+8*c)%BYTES)+:16];
          segments = beat_data_i[8*((61+8*c)%BYTES)+:8];
        end else begin
          head = beat_data_i[8*((54+8*c)%BYTES)+:16];
          segments = beat_data_i[8*((57+8*c)%BYTES)+:8];
        end
      end
      assign shared[MARK_W*c+:MARK_W] = mark_of(head);
      assign shared_segments[c] = |segments;
    end

    for (genvar m = 0; m < mpnic_rtl_pkg::MARKS; m++) begin : gen_mark
      localparam int unsigned S = (m < 3) ? 0 : m - 2;
      localparam int unsigned OFF = (m < 3) ? 54 + 4 * m : 54 + 8 * S;  // the first it can have
      localparam int unsigned SPAN = (m < 3) ? 0 : 8;  // the last one is so much later
      localparam logic [15:0] INSIDE = 16'h7fff >> S;  // lengths that end at a slot to walk

      logic [MARK_W-1:0] mark, mark_q;
      logic              segments, here, segments_here;
      if (m < 3) begin : gen_slot0
        assign mark = mark_of(beat_data_i[8*(OFF%BYTES)+:16]);
        assign segments = |beat_data_i[8*((OFF+3)%BYTES)+:8];
      end else begin : gen_slot
        assign mark = shared[MARK_W*(S%SHARED)+:MARK_W];
        assign segments = shared_segments[S%SHARED];
      end
      if (OFF / BYTES == (OFF + SPAN) / BYTES) begin : gen_here
        assign here = part_q[OFF/BYTES];
      end else if (OFF / BYTES == (OFF + 4) / BYTES) begin : gen_two_later
        assign here = pick_two[S%SHARED] ? part_q[(OFF+SPAN)/BYTES] : part_q[OFF/BYTES];
      end else begin : gen_tagged_later
        assign here = pick_one[S%SHARED] ? part_q[(OFF+SPAN)/BYTES] : part_q[OFF/BYTES];
      end
      if ((OFF + 3) / BYTES == (OFF + 3 + SPAN) / BYTES) begin : gen_segments_here
        assign segments_here = part_q[(OFF+3)/BYTES];
      end else if ((OFF + 3) / BYTES == (OFF + 7) / BYTES) begin : gen_segments_two_later
        assign segments_here = pick_two[S%SHARED] ? part_q[(OFF+3+SPAN)/BYTES]
                                                  : part_q[(OFF+3)/BYTES];
      end else begin : gen_segments_tagged_later
        assign segments_here = pick_one[S%SHARED] ? part_q[(OFF+3+SPAN)/BYTES]
                                                  : part_q[(OFF+3)/BYTES];
      end
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          mark_q <= '0;
          mark_q[mpnic_rtl_pkg::MARK_STOP] <= 1'b1;
        end else begin
          if (here) begin
            mark_q <= mark;
            mark_q[mpnic_rtl_pkg::MARK_STOP] <= mark[mpnic_rtl_pkg::MARK_STOP] |
                                                ~INSIDE[mark[mpnic_rtl_pkg::MARK_LENGTH+:4]];
          end
          if (segments_here) mark_q[mpnic_rtl_pkg::MARK_SEGMENTS] <= segments;
        end
      end
      assign win_marks_o[MARK_W*m+:MARK_W] = mark_q;
    end
  endgenerate

endmodule
