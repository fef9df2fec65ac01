// SPDX-License-Identifier: BSD-3-Clause
// The processor with its RAM, as in the NIC; the bus of what is not RAM leads outside.
module cpu_system #(
  parameter INIT = ""
) (
  input  logic        clk_i,
  input  logic        rst_ni,

  output logic        valid_o,
  input  logic        ready_i,
  output logic        fetch_o,
  output logic [31:0] addr_o,
  output logic [31:0] wdata_o,
  output logic [3:0]  wstrb_o,
  input  logic [31:0] rdata_i,
  input  logic        error_i,

  input  logic        irq_external_i,
  input  logic        irq_timer_i,
  output logic        sleep_o,

  output logic        retire_valid_o,
  output logic        retire_trap_o
);

  logic        valid, is_ram, ram_ready;
  logic [31:0] ram_rdata;
  assign is_ram = addr_o[31:16] == 16'h8000;
  assign valid_o = valid & ~is_ram;

  mpnic_cpu #(.RESET_PC(32'h8000_0000), .RETIRE(1'b1)) u_cpu (
    .clk_i, .rst_ni,
    .valid_o(valid), .ready_i(is_ram ? ram_ready : ready_i), .fetch_o, .addr_o, .wdata_o, .wstrb_o,
    .rdata_i(is_ram ? ram_rdata : rdata_i), .error_i(~is_ram & error_i),
    .irq_external_i, .irq_timer_i, .sleep_o, .retire_valid_o, .retire_trap_o,
    .retire_pc_o(), .retire_insn_o(), .retire_rd_o(), .retire_value_o(), .retire_cause_o()
  );

  mpnic_cpu_ram #(.INIT(INIT)) u_ram (
    .clk_i, .rst_ni, .valid_i(valid & is_ram), .ready_o(ram_ready), .addr_i(addr_o),
    .wdata_i(wdata_o), .wstrb_i(wstrb_o), .rdata_o(ram_rdata)
  );

endmodule
