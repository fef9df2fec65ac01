// SPDX-License-Identifier: BSD-3-Clause
// mpnic_cpu: whatever the bus answers and whenever interrupts come, a request stands until it is
// answered; each fetch has one record, with its address and its word, before the next fetch begins;
// only loads and stores that did not trap before use the bus, once, in their width.
// With INSN, of each word there is: it is illegal, or retires, as a list of encodings says, goes on
// where it must, and what it writes, for those that read only x0, is right.
`include "formal.svh"
module cpu_props #(
  parameter bit INSN = 1'b0
) (
  input logic        clk_i,
  input logic        ready_i,
  input logic [31:0] rdata_i,
  input logic        error_i,
  input logic        irq_external_i,
  input logic        irq_timer_i
);
  logic rst_n_q = 1'b0;
  always_ff @(posedge clk_i) rst_n_q <= 1'b1;

  logic        valid, fetch, sleep, retire_valid, trap;
  logic [31:0] addr, wdata, pc, insn, value, cause;
  logic [3:0]  wstrb;
  logic [4:0]  rd;
  mpnic_cpu #(.RESET_PC(32'h8000_0000), .RETIRE(1'b1)) u_dut (
    .clk_i, .rst_ni(rst_n_q), .valid_o(valid), .ready_i, .fetch_o(fetch), .addr_o(addr),
    .wdata_o(wdata), .wstrb_o(wstrb), .rdata_i, .error_i, .irq_external_i, .irq_timer_i,
    .sleep_o(sleep), .retire_valid_o(retire_valid), .retire_trap_o(trap), .retire_pc_o(pc),
    .retire_insn_o(insn), .retire_rd_o(rd), .retire_value_o(value), .retire_cause_o(cause)
  );

  // ---- the bus, and records ---------------------------------------------------------------------

  logic        waits_q = 1'b0, fetch_q = 1'b0;
  logic [31:0] addr_q = '0, wdata_q = '0;
  logic [3:0]  wstrb_q = '0;
  logic        owed_q = 1'b0, failed_q = 1'b0, used_q = 1'b0, data_failed_q = 1'b0;
  logic [31:0] at_q = '0, word_q = '0, data_addr_q = '0, data_word_q = '0;
  logic [3:0]  data_strb_q = '0;
  logic        answered;
  assign answered = valid && ready_i;
  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
      waits_q <= valid && !ready_i;
      fetch_q <= fetch;
      addr_q <= addr;
      wdata_q <= wdata;
      wstrb_q <= wstrb;
      if (answered && fetch) begin
        owed_q <= 1'b1;
        failed_q <= error_i;
        used_q <= 1'b0;
        at_q <= addr;
        word_q <= rdata_i;
      end else if (retire_valid) begin
        owed_q <= 1'b0;
      end
      if (answered && !fetch) begin
        used_q <= 1'b1;
        data_failed_q <= error_i;
        data_addr_q <= addr;
        data_word_q <= wdata;
        data_strb_q <= wstrb;
      end
    end
  end

  logic interrupt, is_load, is_store;
  assign interrupt = trap && cause[31];
  assign is_load = word_q[6:0] == 7'h03;
  assign is_store = word_q[6:0] == 7'h23;
  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
      if (waits_q) `PROVE(valid && fetch == fetch_q && addr == addr_q && wstrb == wstrb_q);
      if (waits_q && wstrb_q != '0) `PROVE(wdata == wdata_q);
      if (valid) `PROVE(addr[1:0] == '0 && !(fetch && wstrb != '0));
      // One record for each fetch, and before the next.
      if (valid && fetch) `PROVE(!owed_q || retire_valid);
      if (retire_valid) `PROVE(owed_q != interrupt);
      // Data accesses: of a load or store that was fetched, once.
      if (valid && !fetch) begin
        `PROVE(owed_q && !failed_q && !used_q && !retire_valid);
        `PROVE(is_load ? wstrb == '0 : is_store);
        if (is_store) `PROVE(wstrb == 4'h1 || wstrb == 4'h2 || wstrb == 4'h4 || wstrb == 4'h8 ||
                             wstrb == 4'h3 || wstrb == 4'hc || wstrb == 4'hf);
      end
      if (sleep) `PROVE(owed_q && !valid);
      if (retire_valid && trap) `PROVE(rd == '0);
      if (retire_valid && rd == '0) `PROVE(value == '0);
      `COVER(retire_valid && interrupt);
      `COVER(retire_valid && !trap && is_store && used_q);
      `COVER(retire_valid && trap && cause == 32'd5);
      `COVER(retire_valid && trap && cause == 32'd1);
    end
  end

  // ---- what instructions there are ---------------------------------------------------------------

  function automatic logic csr_there(input logic [11:0] csr, input logic writes);
    casez (csr)
      12'h300, 12'h301, 12'h304, 12'h305, 12'h310, 12'h320, 12'h340, 12'h341, 12'h342, 12'h343,
      12'h344, 12'hb00, 12'hb02, 12'hb80, 12'hb82: csr_there = 1'b1;
      12'hf11, 12'hf12, 12'hf13, 12'hf14, 12'hf15: csr_there = !writes;
      default: csr_there = (csr >= 12'h323 && csr <= 12'h33f) ||
                           (csr >= 12'hb03 && csr <= 12'hb1f) ||
                           (csr >= 12'hb83 && csr <= 12'hb9f);
    endcase
  endfunction

  function automatic logic there(input logic [31:0] i);
    casez (i)
      32'b????????????_?????_???_?????_0110111: there = 1'b1;  // LUI
      32'b????????????_?????_???_?????_0010111: there = 1'b1;  // AUIPC
      32'b????????????_?????_???_?????_1101111: there = 1'b1;  // JAL
      32'b????????????_?????_000_?????_1100111: there = 1'b1;  // JALR
      32'b????????????_?????_00?_?????_1100011: there = 1'b1;  // BEQ, BNE
      32'b????????????_?????_1??_?????_1100011: there = 1'b1;  // BLT, BGE, BLTU, BGEU
      32'b????????????_?????_00?_?????_0000011: there = 1'b1;  // LB, LH
      32'b????????????_?????_010_?????_0000011: there = 1'b1;  // LW
      32'b????????????_?????_10?_?????_0000011: there = 1'b1;  // LBU, LHU
      32'b????????????_?????_00?_?????_0100011: there = 1'b1;  // SB, SH
      32'b????????????_?????_010_?????_0100011: there = 1'b1;  // SW
      32'b????????????_?????_000_?????_0010011: there = 1'b1;  // ADDI
      32'b????????????_?????_01?_?????_0010011: there = 1'b1;  // SLTI, SLTIU
      32'b????????????_?????_100_?????_0010011: there = 1'b1;  // XORI
      32'b????????????_?????_11?_?????_0010011: there = 1'b1;  // ORI, ANDI
      32'b0000000?????_?????_?01_?????_0010011: there = 1'b1;  // SLLI, SRLI
      32'b0100000?????_?????_101_?????_0010011: there = 1'b1;  // SRAI
      32'b0000000?????_?????_???_?????_0110011: there = 1'b1;  // ADD to AND
      32'b0100000?????_?????_000_?????_0110011: there = 1'b1;  // SUB
      32'b0100000?????_?????_101_?????_0110011: there = 1'b1;  // SRA
      32'b????????????_?????_000_?????_0001111: there = 1'b1;  // FENCE
      32'h0000_0073, 32'h0010_0073, 32'h3020_0073, 32'h1050_0073: there = 1'b1;
      32'b????????????_?????_?01_?????_1110011: there = csr_there(i[31:20], 1'b1);
      32'b????????????_?????_?1?_?????_1110011: there = csr_there(i[31:20], i[19:15] != '0);
      default: there = 1'b0;
    endcase
  endfunction

  // Where the record before led to: pc + 4, or where a jump or branch may lead.
  logic        after_q = 1'b0, either_q = 1'b0;
  logic [31:0] next_q = '0, jump_q = '0;
  logic [31:0] imm_i, imm_b, imm_j;
  assign imm_i = {{20{word_q[31]}}, word_q[31:20]};
  assign imm_b = {{20{word_q[31]}}, word_q[7], word_q[30:25], word_q[11:8], 1'b0};
  assign imm_j = {{12{word_q[31]}}, word_q[19:12], word_q[20], word_q[30:21], 1'b0};
  always_ff @(posedge clk_i) begin
    if (rst_n_q && retire_valid) begin
      // Not known here: where a trap, MRET or a JALR that reads a register leads.
      after_q <= !trap && insn != 32'h3020_0073 && !(insn[6:0] == 7'h67 && insn[19:15] != '0);
      either_q <= insn[6:0] == 7'h63;
      next_q <= insn[6:0] == 7'h6f ? pc + imm_j : insn[6:0] == 7'h67 ? imm_i & ~32'd1 : pc + 32'd4;
      jump_q <= pc + imm_b;
    end
  end

  logic x0_only;
  assign x0_only = word_q[19:15] == '0 && rd != '0 && !trap && retire_valid;
  generate
    if (INSN) begin : gen_insn
      always_ff @(posedge clk_i) begin
        if (rst_n_q) begin
          if (retire_valid && !interrupt) begin
            `PROVE(pc == at_q);
            `PROVE(insn == (failed_q ? '0 : word_q));
            `PROVE(failed_q == (trap && cause == 32'd1));
            if (!failed_q) `PROVE((trap && cause == 32'd2) == !there(word_q));
            if (!failed_q) `PROVE((trap && cause == 32'd11) == (word_q == 32'h0000_0073));
            if (!failed_q) `PROVE((trap && cause == 32'd3) == (word_q == 32'h0010_0073));
            `PROVE((trap && cause == 32'd5) == (is_load && used_q && data_failed_q && !failed_q));
            `PROVE((trap && cause == 32'd7) == (is_store && used_q && data_failed_q && !failed_q));
            if (!trap) `PROVE(used_q == (is_load || is_store));
          end
          if (retire_valid && after_q) `PROVE(pc == next_q || (either_q && pc == jump_q));
          // x0 is zero: for all that reads nothing else.
          if (x0_only && word_q[6:0] == 7'h13) begin
            if (word_q[14:12] == 3'd0) `PROVE(value == imm_i);
            if (word_q[14:12] == 3'd6) `PROVE(value == imm_i);
            if (word_q[14:12] == 3'd4) `PROVE(value == imm_i);
            if (word_q[14:12] == 3'd7) `PROVE(value == '0);
            if (word_q[13:12] == 2'd1) `PROVE(value == '0);
            if (word_q[14:12] == 3'd2) `PROVE(value == {31'd0, !imm_i[31] && imm_i != '0});
            if (word_q[14:12] == 3'd3) `PROVE(value == {31'd0, imm_i != '0});
          end
          if (x0_only && word_q[6:0] == 7'h33 && word_q[24:20] == '0) `PROVE(value == '0);
          if (valid && !fetch && is_store && word_q[24:20] == '0) `PROVE(wdata == '0);
          if (retire_valid && !trap && word_q[6:0] == 7'h37 && rd != '0)
            `PROVE(value == {word_q[31:12], 12'd0});
          if (retire_valid && !trap && word_q[6:0] == 7'h17 && rd != '0)
            `PROVE(value == at_q + {word_q[31:12], 12'd0});
          if (retire_valid && !trap && (word_q[6:0] == 7'h6f || word_q[6:0] == 7'h67) && rd != '0)
            `PROVE(value == at_q + 32'd4);
          `COVER(retire_valid && after_q && either_q && pc == jump_q && jump_q != next_q);
          `COVER(x0_only && word_q[6:0] == 7'h33 && word_q[24:20] == '0);
        end
      end
    end
  endgenerate
endmodule
