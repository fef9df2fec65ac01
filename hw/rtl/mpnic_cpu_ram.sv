// SPDX-License-Identifier: BSD-3-Clause
// Block RAM on the bus of mpnic_cpu.sv: 32 bits wide, with byte strobes. Every access is answered in
// the clock after its first. Addresses wrap around at SIZE.
module mpnic_cpu_ram #(
  parameter int unsigned SIZE = 65536,  // bytes, a power of two
  parameter              INIT = ""      // file of 32-bit words for $readmemh
) (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic        valid_i,
  output logic        ready_o,
  /* verilator lint_off UNUSEDSIGNAL */
  input  logic [31:0] addr_i,
  /* verilator lint_on UNUSEDSIGNAL */
  input  logic [31:0] wdata_i,
  input  logic [3:0]  wstrb_i,
  output logic [31:0] rdata_o
);

  localparam int unsigned WORDS = SIZE / 4;
  localparam int unsigned ADDR_W = $clog2(WORDS);

  (* ram_style = "block" *) logic [31:0] mem[WORDS];
  logic [ADDR_W-1:0] word;
  assign word = addr_i[2+:ADDR_W];

  generate
    if (INIT != "") begin : gen_init
      initial $readmemh(INIT, mem);
    end
  endgenerate

  logic first;
  assign first = valid_i && !ready_o;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) ready_o <= 1'b0;
    else ready_o <= first;
  end

  always_ff @(posedge clk_i) begin
    if (first) begin
      for (int i = 0; i < 4; i++) begin
        if (wstrb_i[i]) mem[word][8*i+:8] <= wdata_i[8*i+:8];
      end
      rdata_o <= mem[word];
    end
  end

endmodule
