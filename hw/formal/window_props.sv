// SPDX-License-Identifier: BSD-3-Clause
// mpnic_window on any stream of frames: each frame gives one window, in the clock after the beat that
// completes it or ends the frame, and never else; in that clock its length, whether there is more, the
// user byte of its first beat, what its EtherTypes say, and any byte chosen at will are the frame's.
`include "formal.svh"
module window_props #(
  parameter int unsigned DATA_W = 512  // the EtherTypes are in the first beat
) (
  input logic                      clk_i,
  input logic                      valid_i,
  input logic                      last_i,
  input logic [$clog2(DATA_W/8):0] bytes_i,
  input logic [7:0]                user_i,
  input logic [DATA_W-1:0]         data_i
);
  localparam int unsigned BYTES = DATA_W / 8;
  localparam int unsigned PARTS = mpnic_pkg::PARSE_WINDOW / BYTES;

  logic rst_n_q = 1'b0;
  always_ff @(posedge clk_i) rst_n_q <= 1'b1;

  (* anyconst *) logic [7:0] place;  // of the byte

  logic [BYTES-1:0]                   keep;
  logic [8*mpnic_pkg::PARSE_WINDOW-1:0] win;
  logic [7:0]                         win_len, win_user;
  logic [31:0]                        tagged, two_tags;
  logic                               win_valid, more, tag_cut, tag_depth, ipv4, ipv6;
  assign keep = ~({BYTES{1'b1}} << bytes_i);
  mpnic_window #(.DATA_W(DATA_W)) u_dut (
    .clk_i, .rst_ni(rst_n_q), .beat_valid_i(valid_i), .beat_data_i(data_i), .beat_keep_i(keep),
    .beat_bytes_i(bytes_i), .beat_last_i(last_i), .beat_user_i(user_i), .win_valid_o(win_valid),
    .win_o(win), .win_len_o(win_len), .win_more_o(more), .win_user_o(win_user),
    .win_tag_cut_o(tag_cut), .win_tag_depth_o(tag_depth), .win_ipv4_o(ipv4), .win_ipv6_o(ipv6),
    .win_tagged_o(tagged), .win_two_tags_o(two_tags)
  );

  always_comb begin
    if (!rst_n_q) assume (!valid_i);
    assume (bytes_i != '0 && 32'(bytes_i) <= BYTES);
    assume (last_i || 32'(bytes_i) == BYTES);
    assume (32'(place) < mpnic_pkg::PARSE_WINDOW);
  end

  // --- the frame ---------------------------------------------------------------------------------

  // A beat's number in its frame, PARTS for all behind the window.
  logic [$clog2(PARTS+1)-1:0] number_q = '0;
  logic       first, inside, complete;
  logic [7:0] before;
  logic       owed_q = 1'b0;  // a frame has begun, its window has not come
  logic       due_q = 1'b0;   // it comes now
  logic [7:0] len_q = '0, user_q = '0, byte_q = '0;
  logic       more_q = 1'b0;
  assign first = number_q == '0;
  assign inside = 32'(number_q) < PARTS;
  assign complete = valid_i & inside & (last_i | (32'(number_q) == PARTS - 1));
  assign before = 8'(BYTES * 32'(number_q));

  // EtherTypes, where the frame has them; what follows from them.
  logic [15:0] type0, type1, type2;
  logic        vlan0, vlan1, vlan2, tags1, tags2;
  logic [5:0]  says, says_q = '0;
  assign type0 = {data_i[8*12+:8], data_i[8*13+:8]};
  assign type1 = {data_i[8*16+:8], data_i[8*17+:8]};
  assign type2 = {data_i[8*20+:8], data_i[8*21+:8]};
  assign vlan0 = (type0 == 16'h8100 || type0 == 16'h88a8) && bytes_i >= 14;
  assign vlan1 = (type1 == 16'h8100 || type1 == 16'h88a8) && bytes_i >= 18;
  assign vlan2 = (type2 == 16'h8100 || type2 == 16'h88a8) && bytes_i >= 22;
  assign tags1 = vlan0 && bytes_i >= 18;
  assign tags2 = tags1 && vlan1 && bytes_i >= 22;
  always_comb begin
    says = {(vlan0 && !tags1) || (tags1 && vlan1 && !tags2), tags2 && vlan2, 2'b00, tags1, tags2};
    if (bytes_i >= 14) begin
      says[3] = tags2 ? type2 == 16'h0800 : tags1 ? type1 == 16'h0800 : type0 == 16'h0800;
      says[2] = tags2 ? type2 == 16'h86dd : tags1 ? type1 == 16'h86dd : type0 == 16'h86dd;
    end
  end

  logic here;  // the chosen byte is in this beat
  assign here = inside && before <= place && 32'(place) < 32'(before) + BYTES;
  always_ff @(posedge clk_i) begin
    due_q <= complete;
    if (valid_i) begin
      number_q <= last_i ? '0 : inside ? number_q + 1'b1 : number_q;
      owed_q <= (first | owed_q) & ~complete;
      if (first) user_q <= user_i;
      if (first) says_q <= says;
      if (here) byte_q <= (place - before < 8'(bytes_i)) ? data_i[8*(place-before)+:8] : '0;
      else if (first) byte_q <= '0;
    end
    if (complete) begin
      len_q <= before + 8'(bytes_i);
      more_q <= ~last_i;
    end
  end

  // --- what is proved ----------------------------------------------------------------------------

  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
      `PROVE(win_valid == due_q);
      `PROVE(!(valid_i && first) || !owed_q);
      if (win_valid) begin
        `PROVE(win_len == len_q && more == more_q && win_user == user_q);
        `PROVE({tag_cut, tag_depth, ipv4, ipv6} == says_q[5:2]);
        `PROVE(tagged == {32{says_q[1]}} && two_tags == {32{says_q[0]}});
        `PROVE(win[8*place+:8] == byte_q);
      end
      `COVER(win_valid && !more && valid_i && last_i && first);
      `COVER(win_valid && !more && 32'(win_len) == 2 * BYTES + 5 && byte_q == 8'h5a);
      `COVER(win_valid && !more && says_q == 6'b001011 && 32'(place) == 2 * BYTES && byte_q != '0);
    end
  end

  // --- what ties the two together, for the induction ----------------------------------------------

`ifndef COVERS
  (* hierconn *) logic [PARTS-1:0] \u_dut.part_q ;
  (* hierconn *) logic [2:0] \u_dut.vlan_q , \u_dut.v4_q , \u_dut.v6_q , \u_dut.there_q ;
  logic [2:0] vlan_q, v4_q, v6_q, there_q, has_q;
  logic       tags1_q, tags2_q;
  assign vlan_q = \u_dut.vlan_q ;
  assign v4_q = \u_dut.v4_q ;
  assign v6_q = \u_dut.v6_q ;
  assign there_q = \u_dut.there_q ;
  assign tags1_q = vlan_q[0] & there_q[1];
  assign tags2_q = tags1_q & vlan_q[1] & there_q[2];
  always_comb begin
    has_q[0] = there_q[0] & v4_q[0] | tags1_q & v4_q[1] | tags2_q & v4_q[2];
    has_q[1] = there_q[0] & v6_q[0] | tags1_q & v6_q[1] | tags2_q & v6_q[2];
    has_q[2] = there_q[0] & vlan_q[0] & ~there_q[1] | tags1_q & vlan_q[1] & ~there_q[2];
  end
  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
      assert (\u_dut.part_q == (inside ? PARTS'(1) << number_q : '0));
      assert (owed_q == (inside && !first));
      if (!first) begin
        assert ({has_q[2], tags2_q & vlan_q[2], has_q[0], has_q[1]} == says_q[5:2]);
        assert ({tags1_q, tags2_q} == says_q[1:0]);
        assert (win_user == user_q);
        assert (32'(place) >= 32'(before) || win[8*place+:8] == byte_q);
        assert (32'(place) < 32'(before) || !inside || byte_q == '0);
        assert (!inside || 32'(place) < 32'(before) + BYTES || win[8*place+:8] == '0);
      end
    end
  end
`endif
endmodule
