// SPDX-License-Identifier: BSD-3-Clause
// The stages of mpnic_stateful with their latencies but without their work: for proofs of what joins
// them. Each counts what passes, checks that all records that come beside each other bear its number
// (of slots with frames), and hands on results that bear it. A command is answered once, one to three
// clocks after it came, with its own number; what is free is open in every clock.
`include "formal.svh"
module mpnic_flow #(
  parameter int unsigned FLOWS = 65536,
  parameter int unsigned STASH = 256,
  parameter int unsigned CONNS = 65536,
  parameter int unsigned TOKENS = 65536,
  parameter int unsigned PEERS = 4096
) (
  input  logic                              clk_i,
  input  logic                              rst_ni,
  output logic                              ready_o,
  input  logic                              valid_i,
  input  logic [mpnic_pkg::HDR_W-1:0]       hdr_i,
  output logic                              valid_o,
  output logic [mpnic_pkg::RESULT_W-1:0]    result_o,
  output logic                              known_o,
  output logic                              fresh_o,
  output logic                              first_o,
  output logic [mpnic_pkg::ACTION_W-1:0]    action_o,
  output logic [1:0]                        first_syn_o,
  output logic [7:0]                        generation_o,
  input  logic                              cmd_i,
  input  logic [mpnic_pkg::TABLE_CMD_W-1:0] table_cmd_i,
  output logic                              rsp_valid_o,
  output logic [mpnic_pkg::TABLE_RSP_W-1:0] rsp_o
);
  localparam int unsigned LATENCY = mpnic_rtl_pkg::FLOW_LATENCY;
  (* anyseq *) logic  ready;
  logic [LATENCY-1:0] valid_q;
  logic [5:0]         in_q, out_q;
  logic               busy;
  assign ready_o = ready;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= '0;
      {in_q, out_q} <= '0;
    end else begin
      valid_q <= LATENCY'({valid_q, valid_i});
      in_q <= in_q + 6'(valid_i);
      out_q <= out_q + 6'(valid_o);
    end
  end
  assign valid_o = valid_q[LATENCY-1];
  assign result_o = mpnic_pkg::RESULT_W'(out_q) << mpnic_pkg::RESULT_FLOW_ID_LSB;
  assign {known_o, fresh_o, first_o, first_syn_o} = '0;
  assign action_o = mpnic_pkg::ACTION_W'(out_q);
  assign generation_o = 8'(out_q);
  answer u_answer (
    .clk_i, .rst_ni, .cmd_i, .number_i(table_cmd_i[mpnic_pkg::TABLE_CMD_ID_LSB+:6]),
    .busy_o(busy), .valid_o(rsp_valid_o), .number_o(rsp_o[5:0])
  );
  assign rsp_o[mpnic_pkg::TABLE_RSP_W-1:6] = '0;
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      `PROVE(!(valid_i && cmd_i));
      if (valid_i) `PROVE(hdr_i[mpnic_pkg::HDR_SOURCE_LSB+:6] == in_q);
    end
  end
endmodule

module mpnic_dss #(
  parameter int unsigned FLOWS = 65536,
  parameter int unsigned CONNS = 65536
) (
  input  logic                           clk_i,
  input  logic                           rst_ni,
  input  logic                           valid_i,
  output logic                           ready_o,
  input  logic [mpnic_pkg::HDR_W-1:0]    hdr_i,
  input  logic [mpnic_pkg::CSUM_W-1:0]   csum_i,
  input  logic [mpnic_pkg::RESULT_W-1:0] result_i,
  input  logic                           known_i,
  input  logic                           fresh_i,
  input  logic                           first_i,
  output logic                           valid_o,
  output logic [mpnic_pkg::RESULT_W-1:0] result_o,
  input  logic                           cmd_valid_i,
  output logic                           cmd_ready_o,
  input  logic                           cmd_write_i,
  input  logic [1:0]                     cmd_what_i,
  input  logic [31:0]                    cmd_id_i,
  input  logic [mpnic_pkg::DIR_W-1:0]    cmd_data_i,
  output logic                           rsp_valid_o,
  output logic [mpnic_pkg::DIR_W-1:0]    rsp_data_o,
  output logic [mpnic_pkg::DIR_W-1:0]    commit_dir_o,
  output logic [mpnic_pkg::DIR_W-1:0]    commit_other_o,
  output logic                           commit_zero_o,
  output logic [63:0]                    commit_next_o
);
  localparam int unsigned LATENCY = mpnic_rtl_pkg::DSS_LATENCY;
  (* anyseq *) logic  holds;  // never in two clocks that follow each other
  logic [LATENCY-1:0] valid_q;
  logic [5:0]         in_q, out_q;
  logic               held_q, free, busy, waits_q;
  assign free = ~(holds & ~held_q);
  assign cmd_ready_o = ~busy & free;
  assign ready_o = free & ~busy & ~cmd_valid_i;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= '0;
      {in_q, out_q} <= '0;
      held_q <= 1'b0;
      waits_q <= 1'b0;
    end else begin
      valid_q <= LATENCY'({valid_q, valid_i & ready_o});
      in_q <= in_q + 6'(valid_i & ready_o);
      out_q <= out_q + 6'(valid_o);
      held_q <= ~free;
      waits_q <= valid_i & ~ready_o;
    end
  end
  assign valid_o = valid_q[LATENCY-1];
  assign result_o = mpnic_pkg::RESULT_W'(out_q) << mpnic_pkg::RESULT_DSN_LSB;
  answer u_answer (
    .clk_i, .rst_ni, .cmd_i(cmd_valid_i & cmd_ready_o), .number_i(cmd_id_i[5:0]),
    .busy_o(busy), .valid_o(rsp_valid_o), .number_o(rsp_data_o[5:0])
  );
  assign rsp_data_o[mpnic_pkg::DIR_W-1:6] = '0;
  assign {commit_dir_o, commit_other_o, commit_zero_o, commit_next_o} = '0;
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      `PROVE(!(valid_i && cmd_valid_i));
      if (waits_q) `PROVE(valid_i);
      if (valid_i) begin
        `PROVE(hdr_i[mpnic_pkg::HDR_SOURCE_LSB+:6] == in_q);
        `PROVE(csum_i[mpnic_pkg::CSUM_FRAME_LEN_LSB+:6] == in_q);
        `PROVE(result_i[mpnic_pkg::RESULT_FLOW_ID_LSB+:6] == in_q);
      end
    end
  end
endmodule

module mpnic_act #(
  parameter int unsigned EVENTS = 64
) (
  input  logic                             clk_i,
  input  logic                             rst_ni,
  input  logic                             valid_i,
  input  logic [mpnic_pkg::HDR_W-1:0]      hdr_i,
  input  logic [mpnic_pkg::CSUM_W-1:0]     csum_i,
  input  logic [63:0]                      time_i,
  input  logic [mpnic_pkg::RESULT_W-1:0]   result_i,
  input  logic [mpnic_pkg::ACTION_W-1:0]   action_i,
  input  logic [1:0]                       first_syn_i,
  input  logic [7:0]                       generation_i,
  output logic                             valid_o,
  output logic [mpnic_pkg::RESULT_W-1:0]   result_o,
  output logic                             lost_o,
  output logic                             event_valid_o,
  output logic [mpnic_pkg::EVENT_W-1:0]    event_o,
  input  logic                             event_ready_i,
  input  logic                             cnt_read_i,
  input  logic [5:0]                       cnt_source_i,
  input  logic [6:0]                       cnt_number_i,
  output logic                             cnt_valid_o,
  output logic [63:0]                      cnt_o,
  output logic                             ready_o
);
  localparam int unsigned LATENCY = mpnic_rtl_pkg::ACT_LATENCY;
  (* anyseq *) logic  ready;
  logic [LATENCY-1:0] valid_q, drop_q;
  logic [5:0]         in_q, out_q;
  logic               busy;
  assign ready_o = ready;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= '0;
      {in_q, out_q} <= '0;
    end else begin
      valid_q <= LATENCY'({valid_q, valid_i});
      in_q <= in_q + 6'(valid_i);
      out_q <= out_q + 6'(valid_o);
    end
  end
  // Bit 7 of source says that the frame is to be dropped.
  always_ff @(posedge clk_i) begin
    drop_q <= LATENCY'({drop_q, hdr_i[mpnic_pkg::HDR_SOURCE_LSB+7]});
  end
  assign valid_o = valid_q[LATENCY-1];
  assign result_o = (mpnic_pkg::RESULT_W'(out_q) << mpnic_pkg::RESULT_DSN_LSB) |
                    (mpnic_pkg::RESULT_W'(drop_q[LATENCY-1]) << mpnic_pkg::RESULT_DROP_LSB);
  assign {lost_o, event_valid_o, event_o} = '0;
  answer u_answer (
    .clk_i, .rst_ni, .cmd_i(cnt_read_i), .number_i(cnt_number_i[5:0]),
    .busy_o(busy), .valid_o(cnt_valid_o), .number_o(cnt_o[5:0])
  );
  assign cnt_o[63:6] = '0;
  always_ff @(posedge clk_i) begin
    if (rst_ni && valid_i) begin
      `PROVE(hdr_i[mpnic_pkg::HDR_SOURCE_LSB+:6] == in_q);
      `PROVE(csum_i[mpnic_pkg::CSUM_FRAME_LEN_LSB+:6] == in_q);
      `PROVE(time_i[5:0] == in_q);
      `PROVE(result_i[mpnic_pkg::RESULT_DSN_LSB+:6] == in_q);
      `PROVE(action_i[5:0] == in_q);
      `PROVE(generation_i[5:0] == in_q);
    end
  end
endmodule

// By deparse's contract: one record at a time here, none of them in front of its frame's beats.
module mpnic_deparse #(
  parameter int unsigned DATA_W = 512
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
  logic [5:0] number_q;
  logic       there_q, drop_q, takes;
  assign s_ready_o = there_q & (drop_q | m_ready_i);
  assign takes = s_valid_i & s_ready_o;
  assign r_ready_o = ~there_q | (takes & s_last_i);
  assign m_valid_o = s_valid_i & there_q & ~drop_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      there_q <= 1'b0;
      number_q <= '0;
    end else begin
      there_q <= r_valid_i | (there_q & ~(takes & s_last_i));
      number_q <= number_q + 6'(r_valid_i & r_ready_o);
    end
  end
  always_ff @(posedge clk_i) begin
    if (r_valid_i & r_ready_o) begin
      drop_q <= r_result_i[mpnic_pkg::RESULT_DROP_LSB];
      m_hdr_o <= r_hdr_i;
      m_csum_o <= r_csum_i;
      m_result_o <= r_result_i;
    end
  end
  assign m_first_o = s_first_i;
  assign m_last_o = s_last_i;
  assign m_bytes_o = s_bytes_i;
  assign m_data_o = s_data_i;
  always_ff @(posedge clk_i) begin
    if (rst_ni && r_valid_i) begin
      `PROVE(r_hdr_i[mpnic_pkg::HDR_SOURCE_LSB+:6] == number_q);
      `PROVE(r_csum_i[mpnic_pkg::CSUM_FRAME_LEN_LSB+:6] == number_q);
      `PROVE(r_result_i[mpnic_pkg::RESULT_DSN_LSB+:6] == number_q);
      `PROVE(r_result_i[mpnic_pkg::RESULT_DROP_LSB] == r_hdr_i[mpnic_pkg::HDR_SOURCE_LSB+7]);
    end
  end
endmodule

// Answers a command that comes in one clock in one of the next three.
module answer (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       cmd_i,
  input  logic [5:0] number_i,
  output logic       busy_o,
  output logic       valid_o,
  output logic [5:0] number_o
);
  (* anyseq *) logic waits;
  logic [1:0]        clocks_q;
  logic              busy_q;
  logic [5:0]        number_q;
  assign valid_o = busy_q & ~(waits & (clocks_q != 2'd2));
  assign busy_o = busy_q;
  assign number_o = number_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      clocks_q <= '0;
    end else begin
      busy_q <= cmd_i | (busy_q & ~valid_o);
      clocks_q <= cmd_i ? 2'd0 : clocks_q + 2'd1;
    end
  end
  always_ff @(posedge clk_i) if (cmd_i) number_q <= number_i;
  always_ff @(posedge clk_i) begin
    if (rst_ni && busy_q) `PROVE(!cmd_i);
  end
endmodule
