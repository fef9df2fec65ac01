// SPDX-License-Identifier: BSD-3-Clause
// Stage mptcp: the MPTCP options that tcpopt found, decoded (docs/pipeline.md, "mptcp"), one packet
// a clock.
//
// Guarantees: MPTCP_LATENCY clocks after valid_i, valid_o comes with the same packet's header
// record, in which mptcp, mptcp_count and opt are filled.
module mpnic_mptcp (
  input  logic                            clk_i,
  input  logic                            rst_ni,
  input  logic                            valid_i,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [mpnic_pkg::HDR_W-1:0]     hdr_i,  // what this stage fills in is zero
  // verilator lint_on UNUSEDSIGNAL
  input  logic [1:0]                      given_i,
  input  logic [mpnic_rtl_pkg::LOC_W-1:0] loc_i,
  output logic                            valid_o,
  output logic [mpnic_pkg::HDR_W-1:0]     hdr_o
);
  `include "mpnic_records.svh"

  localparam int unsigned LATENCY = mpnic_rtl_pkg::MPTCP_LATENCY;
  localparam int unsigned LOC_OPT_W = mpnic_rtl_pkg::LOC_OPT_W;
  localparam int unsigned SEG_LSB = mpnic_rtl_pkg::LOC_SEG_LSB;

  logic [LATENCY:1] valid_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[1], valid_i};
  end

  logic [35:0]                     subtype_q1;
  logic [3:0]                      dss_may_q1, error_q1;
  logic [mpnic_pkg::HDR_OPT_W-1:0] opt_q2;
  for (genvar k = 0; k < 4; k++) begin : g_opt
    mpnic_mptcp_opt u_opt (
      .clk_i,
      .classify_i(valid_i),
      .extract_i(valid_q[1]),
      .loc_i(loc_i[LOC_OPT_W*k+:LOC_OPT_W]),
      .seg_i(loc_i[SEG_LSB+:mpnic_rtl_pkg::LOC_SEG_W]),
      .given_i,
      .subtype_o(subtype_q1[9*k+:9]),
      .dss_may_o(dss_may_q1[k]),
      .error_o(error_q1[k]),
      .opt_o(opt_q2[mpnic_pkg::OPT_W*k+:mpnic_pkg::OPT_W])
    );
  end

  // Which subtypes stand together.
  logic [8:0] s0, s1, s2, s3, seen, twice, beside_capable;
  logic       combination, ack_q1;
  assign {s3, s2, s1, s0} = subtype_q1;
  assign seen = s0 | s1 | s2 | s3;
  assign twice = (s0 & (s1 | s2 | s3)) | (s1 & (s2 | s3)) | (s2 & s3);
  // On an ACK, REMOVE_ADDR may stand beside MP_CAPABLE, and DSS beside version 0.
  assign beside_capable = seen & {4'b1111, ~ack_q1, 1'b1, dss_may_q1 == '0, 2'b10};
  assign combination = ((twice & 9'b111110111) != '0) | (seen[0] & (beside_capable != '0)) |
                       (seen[1] & (seen[8:2] != '0)) | (seen[8] & (seen[5:2] != '0));

  logic [3:0] there_q1, mptcp_q2;
  logic [2:0] count_q2;
  logic       too_many_q1;
  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      ack_q1 <= loc_i[SEG_LSB+3];
      too_many_q1 <= loc_i[mpnic_rtl_pkg::LOC_TOO_MANY];
      there_q1 <= {loc_i[3*LOC_OPT_W], loc_i[2*LOC_OPT_W], loc_i[LOC_OPT_W], loc_i[0]};
    end
    if (valid_q[1]) begin
      mptcp_q2[mpnic_pkg::MPTCP_PRESENT] <= there_q1[0];
      mptcp_q2[mpnic_pkg::MPTCP_MALFORMED] <= error_q1 != '0;
      mptcp_q2[mpnic_pkg::MPTCP_TOO_MANY] <= too_many_q1;
      mptcp_q2[mpnic_pkg::MPTCP_COMBINATION] <= combination;
      count_q2 <= {there_q1[3], there_q1[1] & ~there_q1[3],
                   (there_q1[0] & ~there_q1[1]) | (there_q1[2] & ~there_q1[3])};
    end
  end

  // The header record: what came in, without what is zero anyway, and what was decoded.
  localparam int unsigned SOURCE = mpnic_pkg::HDR_SOURCE_LSB;
  localparam int unsigned COUNT = mpnic_pkg::HDR_MPTCP_COUNT_LSB;
  localparam int unsigned KEPT_W = (1088 - 512) + 40 + 64 + (COUNT - SOURCE) + 3 + 4;
  mpnic_hdr_t        out;
  logic [KEPT_W-1:0] kept;
  mpnic_delay #(.W(KEPT_W), .N(LATENCY)) u_kept (
    .clk_i, .rst_ni,
    .data_i({hdr_i[10:8], hdr_i[3:0], hdr_i[487:448], hdr_i[1087:512], hdr_i[415:352],
             hdr_i[COUNT-1:SOURCE]}),
    .data_o(kept)
  );
  always_comb begin
    out = '0;
    {out[10:8], out[3:0], out[487:448], out[1087:512], out[415:352], out[COUNT-1:SOURCE]} = kept;
    out.mptcp[3:0] = mptcp_q2;
    out.mptcp_count[2:0] = count_q2;
    out.opt = opt_q2;
  end
  assign hdr_o = out;
  assign valid_o = valid_q[LATENCY];

endmodule
