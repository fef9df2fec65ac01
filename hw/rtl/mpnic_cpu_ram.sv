// SPDX-License-Identifier: BSD-3-Clause
// Block RAM on the bus of mpnic_cpu.sv: 32 bits wide, with byte strobes. A write is answered at once,
// a read in the clock after its first. Addresses wrap around at SIZE.
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

  logic writes, read_q;
  assign writes = wstrb_i != 4'd0;
  assign ready_o = read_q || (valid_i && writes);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) read_q <= 1'b0;
    else read_q <= valid_i && !writes && !read_q;
  end

  always_ff @(posedge clk_i) begin
    if (valid_i && !read_q) begin
      for (int i = 0; i < 4; i++) begin
        if (wstrb_i[i]) mem[word][8*i+:8] <= wdata_i[8*i+:8];
      end
      rdata_o <= mem[word];
    end
  end

endmodule
