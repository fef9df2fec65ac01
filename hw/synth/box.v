// SPDX-License-Identifier: BSD-3-Clause
// What stands for a deep memory while its surroundings are synthesised: a $mem_v2 cell of Yosys
// changes its type to this one, so that no pass takes it apart. netlist.py counts the RAMs.
(* blackbox *)
module mpnic_box #(
  parameter MEMID = "",
  parameter SIZE = 1,
  parameter OFFSET = 0,
  parameter ABITS = 1,
  parameter WIDTH = 1,
  parameter INIT = 1'bx,
  parameter RD_PORTS = 1,
  parameter RD_CLK_ENABLE = 1'b1,
  parameter RD_CLK_POLARITY = 1'b1,
  parameter RD_TRANSPARENCY_MASK = 1'b0,
  parameter RD_COLLISION_X_MASK = 1'b0,
  parameter RD_WIDE_CONTINUATION = 1'b0,
  parameter RD_CE_OVER_SRST = 1'b0,
  parameter RD_ARST_VALUE = 1'b0,
  parameter RD_SRST_VALUE = 1'b0,
  parameter RD_INIT_VALUE = 1'b0,
  parameter WR_PORTS = 1,
  parameter WR_CLK_ENABLE = 1'b1,
  parameter WR_CLK_POLARITY = 1'b1,
  parameter WR_PRIORITY_MASK = 1'b0,
  parameter WR_WIDE_CONTINUATION = 1'b0
) (
  input  [RD_PORTS-1:0]       RD_CLK,
  input  [RD_PORTS-1:0]       RD_EN,
  input  [RD_PORTS-1:0]       RD_ARST,
  input  [RD_PORTS-1:0]       RD_SRST,
  input  [RD_PORTS*ABITS-1:0] RD_ADDR,
  output [RD_PORTS*WIDTH-1:0] RD_DATA,
  input  [WR_PORTS-1:0]       WR_CLK,
  input  [WR_PORTS*WIDTH-1:0] WR_EN,
  input  [WR_PORTS*ABITS-1:0] WR_ADDR,
  input  [WR_PORTS*WIDTH-1:0] WR_DATA
);
endmodule
