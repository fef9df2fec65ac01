// SPDX-License-Identifier: BSD-3-Clause
// Collects a frame's parse window and marks, as the bytes pass, what parse wants to know first.
//
// win_valid_o pulses once a frame, in the clock after the beat that completes the window or ends the
// frame; the other outputs are valid in that clock alone. Frames of one beat may follow each other
// in every clock. Bytes of win_o beyond the frame are zero. Marks of words beyond the frame are those
// of other bytes: a walk that comes there has left the frame, but each word has one way on, or none
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
  // Word i of IPv6 extension headers starts at byte 54 + 4 * i.
  output logic [mpnic_rtl_pkg::V6_WORDS*mpnic_rtl_pkg::MARK_W-1:0] win_marks_o
);

  localparam int unsigned BYTES = DATA_W / 8;
  localparam int unsigned PARTS = mpnic_pkg::PARSE_WINDOW / BYTES;  // beats in the window
  localparam int unsigned STEPS = mpnic_rtl_pkg::V6_STEPS;

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

  // For each pair of bytes 2 and 3 modulo 4 of the beat, as next header and length.
  logic [BYTES/4-1:0]       routing, near;
  logic [BYTES/4*4-1:0]     length;
  logic [BYTES/4*STEPS-1:0] steps;
  logic [BYTES/4-1:0]       segments;  // of byte 1 modulo 4, the fourth of a header
  always_comb begin
    for (int unsigned i = 0; i < BYTES / 4; i++) begin
      routing[i] = beat_data_i[32*i+16+:8] == 8'd43;
      near[i] = mpnic_rtl_pkg::is_v6_ext(beat_data_i[32*i+16+:8]) &
                (beat_data_i[32*i+28+:4] == 4'd0);
      length[4*i+:4] = beat_data_i[32*i+24+:4];
      steps[STEPS*i+:STEPS] = STEPS'(near[i]) << length[4*i+:4];
      segments[i] = |beat_data_i[32*i+8+:8];
    end
  end

  generate
    for (genvar i = 0; i < mpnic_rtl_pkg::V6_WORDS; i++) begin : gen_word
      localparam int unsigned OFF = 54 + 4 * i;
      localparam int unsigned AT = (OFF % BYTES) / 4;
      localparam logic [15:0] LATE = 16'h7fff >> (i / 2);  // lengths that end at a slot to walk
      localparam logic [15:0] EARLY = 16'hffff >> (i / 2);
      logic [mpnic_rtl_pkg::MARK_W-1:0] mark_q;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          mark_q <= '0;
          mark_q[mpnic_rtl_pkg::MARK_STOP_LATE] <= 1'b1;
          mark_q[mpnic_rtl_pkg::MARK_STOP_EARLY] <= 1'b1;
        end else begin
          if (part_q[OFF/BYTES]) begin
            mark_q[STEPS-1:0] <= steps[STEPS*AT+:STEPS];
            mark_q[mpnic_rtl_pkg::MARK_ROUTING] <= routing[AT];
            mark_q[mpnic_rtl_pkg::MARK_STOP_LATE] <= ~near[AT] | ~LATE[length[4*AT+:4]];
            mark_q[mpnic_rtl_pkg::MARK_STOP_EARLY] <= ~near[AT] | ~EARLY[length[4*AT+:4]];
          end
          if (part_q[(OFF+3)/BYTES]) begin
            mark_q[mpnic_rtl_pkg::MARK_SEGMENTS] <= segments[((OFF+3)%BYTES)/4];
          end
        end
      end
      assign win_marks_o[mpnic_rtl_pkg::MARK_W*i+:mpnic_rtl_pkg::MARK_W] = mark_q;
    end
  endgenerate

endmodule
