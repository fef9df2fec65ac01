// SPDX-License-Identifier: BSD-3-Clause
// A pipeline that only passes frames on, and breaks the stream rule that the frame's source (bits
// 7:2 of `user`) asks for. tests/lockstep/engine_test.c sees to it that the engine notices each.
module mpnic_stateless #(
  parameter int unsigned DATA_W = 512
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,
  input  logic [DATA_W-1:0]            s_axis_tdata_i,
  input  logic [DATA_W/8-1:0]          s_axis_tkeep_i,
  input  logic [7:0]                   s_axis_tuser_i,
  input  logic                         s_axis_tlast_i,
  input  logic                         s_axis_tvalid_i,
  output logic                         s_axis_tready_o,
  output logic [DATA_W-1:0]            m_axis_tdata_o,
  output logic [DATA_W/8-1:0]          m_axis_tkeep_o,
  output logic                         m_axis_tlast_o,
  output logic                         m_axis_tfirst_o,
  output logic                         m_axis_tvalid_o,
  input  logic                         m_axis_tready_i,
  output logic [mpnic_pkg::HDR_W-1:0]  m_axis_hdr_o,
  output logic [mpnic_pkg::CSUM_W-1:0] m_axis_csum_o
);

  // Names and numbers as in engine_test.c.
  localparam logic [5:0] HARM = 6'd1;
  localparam logic [5:0] LOSE = 6'd2;
  localparam logic [5:0] REPEAT = 6'd3;
  localparam logic [5:0] FIRST = 6'd4;
  localparam logic [5:0] LAST = 6'd5;
  localparam logic [5:0] KEEP = 6'd6;
  localparam logic [5:0] DATA_MOVES = 6'd7;
  localparam logic [5:0] HDR_MOVES = 6'd8;
  localparam logic [5:0] CSUM_MOVES = 6'd9;
  localparam logic [5:0] VALID_FALLS = 6'd10;
  localparam logic [5:0] HANG = 6'd11;
  localparam logic [5:0] INVENT = 6'd12;

  logic [DATA_W-1:0]   data_q;
  logic [DATA_W/8-1:0] keep_q;
  logic                valid_q, first_q, last_q, inside_q, again_q, odd_q;
  logic [5:0]          fault_q, fault_d;
  logic                take, leave;

  assign s_axis_tready_o = fault_q != HANG && !again_q && (!valid_q || leave);
  assign take = s_axis_tvalid_i && s_axis_tready_o;
  assign leave = m_axis_tvalid_o && m_axis_tready_i;
  assign fault_d = inside_q ? fault_q : s_axis_tuser_i[7:2];

  assign m_axis_tvalid_o = valid_q && fault_q != HANG && !(fault_q == VALID_FALLS && odd_q);
  assign m_axis_tfirst_o = first_q && fault_q != FIRST;
  assign m_axis_tlast_o = last_q != (fault_q == LAST);
  assign m_axis_tkeep_o = keep_q ^ {{DATA_W/8-1{1'b0}}, fault_q == KEEP};
  assign m_axis_tdata_o = data_q ^ {fault_q == DATA_MOVES && odd_q, {DATA_W-2{1'b0}}, fault_q == HARM};
  assign m_axis_hdr_o = {{mpnic_pkg::HDR_W-1{1'b0}}, fault_q == HDR_MOVES && odd_q};
  assign m_axis_csum_o = {{mpnic_pkg::CSUM_W-1{1'b0}}, fault_q == CSUM_MOVES && odd_q};

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      inside_q <= 1'b0;
      again_q <= 1'b0;
      odd_q <= 1'b0;
      fault_q <= 6'd0;
      first_q <= 1'b0;
      last_q <= 1'b0;
      data_q <= '0;
      keep_q <= '0;
    end else begin
      odd_q <= valid_q && !leave && !odd_q;
      if (leave) begin
        valid_q <= again_q || (fault_q == INVENT && last_q);
        again_q <= 1'b0;
      end
      if (take) begin
        fault_q <= fault_d;
        inside_q <= !s_axis_tlast_i;
        valid_q <= !(fault_d == LOSE && inside_q);
        again_q <= fault_d == REPEAT && !s_axis_tlast_i;
        first_q <= !inside_q;
        last_q <= s_axis_tlast_i;
        data_q <= s_axis_tdata_i;
        keep_q <= s_axis_tkeep_i;
      end
    end
  end

endmodule
