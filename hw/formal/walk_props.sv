// SPDX-License-Identifier: BSD-3-Clause
// The option walk of mpnic_tcpopt against a naive one, a byte after the other as docs/pipeline.md
// tells it: any option bytes, any length up to MAX_LEN, whole or cut off. Equal: which bytes start an
// option, how the walk ended, where the first four MPTCP options stand, and whether there are more.
`include "formal.svh"
module walk_props #(
  parameter int unsigned MAX_LEN = 40
) (
  input logic         clk_i,
  input logic [319:0] opts_i,
  input logic [5:0]   opt_len_i,
  input logic [3:0]   doff_i,
  input logic         whole_i
);
  `include "mpnic_records.svh"

  // One packet, free in the first clock and held: offered in the second.
  logic [4:0]   clock_q = '0;
  logic [319:0] opts_q;
  logic [5:0]   opt_len_q;
  logic [3:0]   doff_q;
  logic         whole_q;
  always_ff @(posedge clk_i) begin
    if (clock_q != '1) clock_q <= clock_q + 1'b1;
    if (clock_q == '0) begin
      opts_q <= opts_i;
      opt_len_q <= opt_len_i;
      doff_q <= doff_i;
      whole_q <= whole_i;
    end
  end

  // What parse promises of a header record: bytes beyond opt_len are zero, and a whole header has as
  // many option bytes as the data offset says, a cut one fewer.
  logic [319:0] beyond;
  logic [5:0]   says;
  assign beyond = {320{1'b1}} << {opt_len_q, 3'd0};
  assign says = {doff_q - 4'd5, 2'd0};
  always_ff @(posedge clk_i) begin
    if (clock_q != '0) begin
      assume (32'(opt_len_q) <= MAX_LEN);
      assume ((opts_q & beyond) == '0);
      assume (doff_q > 4'd5);
      assume (whole_q ? says == opt_len_q : says > opt_len_q);
    end
  end

  mpnic_hdr_t                        in, out;
  logic [mpnic_rtl_pkg::LOC_W-1:0]   loc;
  logic [mpnic_pkg::HDR_W-1:0]       out_hdr;
  logic                              valid_o;
  always_comb begin
    in = '0;
    in.parse = whole_q ? mpnic_pkg::PARSE_TCP : mpnic_pkg::PARSE_TRUNCATED;
    in.flags[mpnic_pkg::HDR_TCP] = 1'b1;
    in.payload_off = 8'd54;
    in.doff = {4'd0, doff_q};
    in.opt_len = {2'd0, opt_len_q};
    in.opts = opts_q;
  end
  mpnic_tcpopt u_dut (
    .clk_i, .rst_ni(clock_q != '0), .valid_i(clock_q == 5'd1), .hdr_i(in), .given_i(2'd2),
    .valid_o, .hdr_o(out_hdr), .loc_o(loc)
  );
  assign out = out_hdr;

  // The naive walk.
  logic [7:0]  kind, len, verdict;
  logic [5:0]  at;
  logic [39:0] starts;
  logic [2:0]  mptcp;  // found, up to 5
  logic [23:0] places;
  logic        ended;
  always_comb begin
    at = '0;
    ended = 1'b0;
    starts = '0;
    mptcp = '0;
    places = '0;
    verdict = whole_q ? mpnic_pkg::TCPOPT_OK : mpnic_pkg::TCPOPT_CUT;
    for (int unsigned i = 0; i < MAX_LEN; i++) begin
      kind = opts_q[8*i+:8];
      len = (i == 39) ? 8'd0 : opts_q[8*(i+1)%320+:8];
      if (!ended && 32'(at) == i && i < 32'(opt_len_q)) begin
        starts[i] = 1'b1;
        if (kind == 8'd1) begin
          at = at + 6'd1;
        end else if (kind == 8'd0) begin
          verdict = mpnic_pkg::TCPOPT_OK;
          ended = 1'b1;
        end else if (i + 1 >= 32'(opt_len_q)) begin
          verdict = whole_q ? mpnic_pkg::TCPOPT_OVERRUN : mpnic_pkg::TCPOPT_CUT;
          ended = 1'b1;
        end else if (len < 8'd2) begin
          verdict = mpnic_pkg::TCPOPT_LEN_BELOW_2;
          ended = 1'b1;
        end else if (i + 32'(len) > 32'(opt_len_q)) begin
          verdict = whole_q ? mpnic_pkg::TCPOPT_OVERRUN : mpnic_pkg::TCPOPT_CUT;
          ended = 1'b1;
        end else begin
          if (kind == mpnic_pkg::TCPOPT_KIND_MPTCP) begin
            if (mptcp < 3'd4) places[6*mptcp+:6] = at;
            if (mptcp != 3'd5) mptcp = mptcp + 3'd1;
          end
          at = at + len[5:0];
        end
      end
    end
  end

  localparam int unsigned DONE = 1 + mpnic_rtl_pkg::TCPOPT_LATENCY;
  always_ff @(posedge clk_i) begin
    if (32'(clock_q) == DONE) begin
      `PROVE(valid_o);
      `PROVE(out.opt_starts == {24'd0, starts});
      `PROVE(out.tcpopt == verdict);
      `PROVE(loc[mpnic_rtl_pkg::LOC_TOO_MANY] == (mptcp == 3'd5));
      for (int unsigned k = 0; k < 4; k++) begin
        `PROVE(loc[mpnic_rtl_pkg::LOC_OPT_W*k] == (32'(mptcp) > k));
        `PROVE(32'(mptcp) <= k || loc[mpnic_rtl_pkg::LOC_OPT_W*k+1+:6] == places[6*k+:6]);
      end
      `COVER(verdict == mpnic_pkg::TCPOPT_OK && mptcp == 3'd2 && 32'(opt_len_q) == MAX_LEN);
      `COVER(verdict == mpnic_pkg::TCPOPT_OVERRUN && mptcp == 3'd1);
      `COVER(verdict == mpnic_pkg::TCPOPT_LEN_BELOW_2);
      `COVER(verdict == mpnic_pkg::TCPOPT_CUT && starts[2]);
      `COVER(mptcp == 3'd5);
    end
  end
endmodule
