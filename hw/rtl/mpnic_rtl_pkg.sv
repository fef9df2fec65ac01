// SPDX-License-Identifier: BSD-3-Clause
// Hand-written constants of the RTL: how many clocks each header stage takes from valid_i to
// valid_o. FIFO depths and delay lines are derived from them, so a stage may change its number.
// verilator lint_off UNUSEDPARAM
package mpnic_rtl_pkg;

  localparam int unsigned PARSE_LATENCY = 7;
  localparam int unsigned TCPOPT_LATENCY = 6;
  localparam int unsigned MPTCP_LATENCY = 3;

endpackage
// verilator lint_on UNUSEDPARAM
