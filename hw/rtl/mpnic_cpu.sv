// SPDX-License-Identifier: BSD-3-Clause
// The firmware's processor: RV32I, Zicsr, machine mode alone (docs/cpu.md). One instruction at a
// time: fetch, execute, and where needed one state more; nothing is fetched ahead.
//
// Bus: a request (valid_o, fetch_o, addr_o, wdata_o, wstrb_o) stands unchanged until ready_i, which
// comes with rdata_i and error_i, in the same clock at the earliest. addr_o is a multiple of 4;
// wstrb_o is 0 for a read. error_i ends the access as an access fault.
//
// Interrupt lines, in step with clk_i, are looked at once an instruction, in its last clock, and in
// each clock of WFI; sleep_o is high meanwhile.
//
// Retire port: a record for each instruction done or trapped and for each interrupt taken, in the
// clock after. It is for lock-step with hw/model/rv32i.h, which has the same records.
module mpnic_cpu #(
  parameter logic [31:0] RESET_PC = 32'h0000_0000,
  parameter bit          RETIRE = 1'b0  // with a retire port; otherwise it stays zero
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
  output logic        retire_trap_o,
  output logic [31:0] retire_pc_o,
  output logic [31:0] retire_insn_o,   // 0 where none was fetched
  output logic [4:0]  retire_rd_o,     // 0: no register was written
  output logic [31:0] retire_value_o,
  output logic [31:0] retire_cause_o   // as mcause, of a trap
);

  // ---- encodings -------------------------------------------------------------------------------

  // opcode[6:2]; opcode[1:0] is 3
  localparam logic [4:0] OP_LOAD = 5'h00;
  localparam logic [4:0] OP_FENCE = 5'h03;
  localparam logic [4:0] OP_IMM = 5'h04;
  localparam logic [4:0] OP_AUIPC = 5'h05;
  localparam logic [4:0] OP_STORE = 5'h08;
  localparam logic [4:0] OP_REG = 5'h0c;
  localparam logic [4:0] OP_LUI = 5'h0d;
  localparam logic [4:0] OP_BRANCH = 5'h18;
  localparam logic [4:0] OP_JALR = 5'h19;
  localparam logic [4:0] OP_JAL = 5'h1b;
  localparam logic [4:0] OP_SYSTEM = 5'h1c;

  // insn[31:7] of those SYSTEM instructions that are no CSR access
  localparam logic [24:0] ECALL = 25'h000_0000;
  localparam logic [24:0] EBREAK = 25'h000_2000;
  localparam logic [24:0] WFI = 25'h020_a000;
  localparam logic [24:0] MRET = 25'h060_4000;

  // mcause: interrupt, code
  localparam logic [4:0] C_JUMP_MISALIGNED = 5'd0;
  localparam logic [4:0] C_FETCH_FAULT = 5'd1;
  localparam logic [4:0] C_ILLEGAL = 5'd2;
  localparam logic [4:0] C_EBREAK = 5'd3;
  localparam logic [4:0] C_LOAD_MISALIGNED = 5'd4;
  localparam logic [4:0] C_LOAD_FAULT = 5'd5;
  localparam logic [4:0] C_STORE_MISALIGNED = 5'd6;
  localparam logic [4:0] C_STORE_FAULT = 5'd7;
  localparam logic [4:0] C_ECALL = 5'd11;
  localparam logic [4:0] C_TIMER = {1'b1, 4'd7};
  localparam logic [4:0] C_EXTERNAL = {1'b1, 4'd11};

  // ---- state -----------------------------------------------------------------------------------

  typedef enum logic [2:0] {FETCH, EXEC, SHIFT, MEM, SLEEP, TRAP} state_e;
  state_e state_q, state_d;
  logic   done;  // the instruction's last clock

  logic [31:2] pc_q, pc_d, pc_plus;
  logic [31:0] insn_q, a_q, b_q, rs2_q, res_q, res_d;
  logic        sub_q;
  logic [4:0]  cause_q, cause_d;
  assign pc_plus = pc_q + 30'd1;

  // ---- decode: of insn_q, which stays until the next fetch is answered ---------------------------

  logic [4:0]  op, rd;
  logic [2:0]  f3;
  logic [6:0]  f7;
  logic [11:0] csr;
  assign op = insn_q[6:2];
  assign rd = insn_q[11:7];
  assign f3 = insn_q[14:12];
  assign f7 = insn_q[31:25];
  assign csr = insn_q[31:20];

  logic is_load, is_store, is_branch, is_jump, is_system, is_csr, is_shift, is_arith;
  assign is_load = op == OP_LOAD;
  assign is_store = op == OP_STORE;
  assign is_branch = op == OP_BRANCH;
  assign is_jump = op == OP_JAL || op == OP_JALR;
  assign is_system = op == OP_SYSTEM;
  assign is_csr = is_system && f3 != 3'd0;
  assign is_arith = op == OP_IMM || op == OP_REG;
  assign is_shift = is_arith && f3[1:0] == 2'd1;

  logic is_ecall, is_ebreak, is_wfi, is_mret;
  assign is_ecall = is_system && insn_q[31:7] == ECALL;
  assign is_ebreak = is_system && insn_q[31:7] == EBREAK;
  assign is_wfi = is_system && insn_q[31:7] == WFI;
  assign is_mret = is_system && insn_q[31:7] == MRET;

  logic csr_known, csr_writes;
  assign csr_writes = f3[1:0] == 2'd1 || insn_q[19:15] != 5'd0;
  always_comb begin
    unique casez (csr)
      12'h300, 12'h301, 12'h304, 12'h305, 12'h310: csr_known = 1'b1;
      12'h340, 12'h341, 12'h342, 12'h343, 12'h344: csr_known = 1'b1;
      12'b0011_001?_????: csr_known = csr[4:0] != 5'd1 && csr[4:0] != 5'd2;  // 320, 323..33f
      12'b1011_?00?_????: csr_known = csr[4:0] != 5'd1;  // b00, b02..b1f, b80, b82..b9f
      12'hf11, 12'hf12, 12'hf13, 12'hf14, 12'hf15: csr_known = !csr_writes;
      default: csr_known = 1'b0;
    endcase
  end

  logic legal;
  always_comb begin
    unique case (op)
      OP_LUI, OP_AUIPC, OP_JAL: legal = 1'b1;
      OP_JALR, OP_FENCE: legal = f3 == 3'd0;
      OP_BRANCH: legal = f3[2:1] != 2'd1;
      OP_LOAD: legal = f3[1:0] != 2'd3 && f3 != 3'd6;
      OP_STORE: legal = f3 < 3'd3;
      OP_IMM: legal = f3[1:0] != 2'd1 || f7 == 7'h00 || (f7 == 7'h20 && f3 == 3'd5);
      OP_REG: legal = f7 == 7'h00 || (f7 == 7'h20 && (f3 == 3'd0 || f3 == 3'd5));
      OP_SYSTEM: legal = is_ecall || is_ebreak || is_wfi || is_mret ||
                         (f3[1:0] != 2'd0 && csr_known);
      default: legal = 1'b0;
    endcase
    if (insn_q[1:0] != 2'd3) legal = 1'b0;
  end

  // ---- operands: of the word that is fetched, as it comes ------------------------------------------

  logic [4:0]  word_op, rs1, rs2;
  logic [2:0]  word_f3;
  logic [31:0] imm;
  assign word_op = rdata_i[6:2];
  assign word_f3 = rdata_i[14:12];
  assign rs1 = rdata_i[19:15];
  assign rs2 = rdata_i[24:20];
  always_comb begin
    unique case (word_op)
      OP_LUI, OP_AUIPC: imm = {rdata_i[31:12], 12'd0};
      OP_JAL: imm = {{12{rdata_i[31]}}, rdata_i[19:12], rdata_i[20], rdata_i[30:21], 1'b0};
      OP_STORE: imm = {{21{rdata_i[31]}}, rdata_i[30:25], rdata_i[11:7]};
      default: imm = {{21{rdata_i[31]}}, rdata_i[30:20]};
    endcase
  end

  // x0 is zero when the FPGA starts and is never written; the others are not set.
  logic        wb;
  logic [31:0] regs[32];
  initial regs[0] = 32'd0;
  logic [31:0] x1, x2, a, b;
  logic        sub;  // b_q is the complement of rs2 or of an immediate
  assign x1 = regs[rs1];
  assign x2 = regs[rs2];
  always_ff @(posedge clk_i) begin
    if (wb) regs[rd] <= res_d;
  end

  always_comb begin
    unique case (word_op)
      OP_LUI: a = 32'd0;
      OP_AUIPC, OP_JAL: a = {pc_q, 2'd0};
      OP_SYSTEM: a = word_f3[2] ? {27'd0, rs1} : x1;
      default: a = x1;
    endcase
    b = (word_op == OP_BRANCH || word_op == OP_REG) ? x2 : imm;
    sub = word_op == OP_BRANCH ||
          ((word_op == OP_IMM || word_op == OP_REG) && word_f3[2:1] == 2'd1) ||
          (word_op == OP_REG && word_f3 == 3'd0 && rdata_i[30]);
  end

  always_ff @(posedge clk_i) begin
    if (state_q == FETCH && ready_i) begin
      insn_q <= rdata_i;
      a_q <= a;
      b_q <= b ^ {32{sub}};
      rs2_q <= x2;
      sub_q <= sub;
    end
  end

  // ---- execute ---------------------------------------------------------------------------------

  logic [32:0] sum;
  assign sum = {1'b0, a_q} + {1'b0, b_q} + {32'd0, sub_q};

  logic compare_signed, less, equal, taken;
  assign compare_signed = is_branch ? !f3[1] : !f3[0];
  assign less = !sum[32] ^ (compare_signed && a_q[31] == b_q[31]);
  assign equal = &(a_q ^ b_q);
  assign taken = is_jump || (is_branch && ((f3[2] ? less : equal) ^ f3[0]));

  logic [31:0] logical;
  assign logical = f3[1:0] == 2'd0 ? a_q ^ b_q : f3[1:0] == 2'd2 ? a_q | b_q : a_q & b_q;

  // Where an instruction reads, writes or goes. Of a branch the sum is its comparison.
  logic [31:0] effective, target;
  assign target = {pc_q, 2'd0} + {{20{insn_q[31]}}, insn_q[7], insn_q[30:25], insn_q[11:8], 1'b0};
  assign effective = is_branch ? target : {sum[31:1], sum[0] && op != OP_JALR};
  logic jump_misaligned, data_misaligned;
  assign jump_misaligned = taken && effective[1];
  assign data_misaligned = (f3[0] && sum[0]) || (f3[1] && sum[1:0] != 2'd0);

  // Shifts: by 8 or 1 a clock, of what EXEC put into res_q.
  logic        fill, by8, more;
  logic [4:0]  todo_q;
  logic [31:0] shifted;
  assign fill = f7[5] && a_q[31];
  assign by8 = todo_q[4:3] != 2'd0;
  assign more = todo_q != 5'd0;
  always_comb begin
    unique case ({f3[2], by8})
      2'd0: shifted = {res_q[30:0], 1'b0};
      2'd1: shifted = {res_q[23:0], 8'd0};
      2'd2: shifted = {fill, res_q[31:1]};
      default: shifted = {{8{fill}}, res_q[31:8]};
    endcase
  end
  always_ff @(posedge clk_i) begin
    if (state_q == EXEC) todo_q <= b_q[4:0];
    else todo_q <= todo_q - (by8 ? 5'd8 : 5'd1);
  end

  // ---- memory ----------------------------------------------------------------------------------

  assign valid_o = (state_q == FETCH && !irq) || state_q == MEM;
  assign fetch_o = state_q == FETCH;
  assign addr_o = state_q == MEM ? {res_q[31:2], 2'd0} : {pc_q, 2'd0};

  always_comb begin
    wdata_o = rs2_q;
    wstrb_o = 4'hf;
    if (f3[1:0] == 2'd0) begin
      wdata_o = {4{rs2_q[7:0]}};
      wstrb_o = 4'h1 << res_q[1:0];
    end else if (f3[1:0] == 2'd1) begin
      wdata_o = {2{rs2_q[15:0]}};
      wstrb_o = res_q[1] ? 4'hc : 4'h3;
    end
    if (state_q != MEM || !is_store) wstrb_o = 4'h0;
  end

  logic [15:0] half;
  logic [7:0]  octet;
  logic [31:0] loaded;
  assign half = res_q[1] ? rdata_i[31:16] : rdata_i[15:0];
  assign octet = res_q[0] ? half[15:8] : half[7:0];
  always_comb begin
    unique case (f3[1:0])
      2'd0: loaded = {{24{octet[7] && !f3[2]}}, octet};
      2'd1: loaded = {{16{half[15] && !f3[2]}}, half};
      default: loaded = rdata_i;
    endcase
  end

  // ---- control and status registers --------------------------------------------------------------

  logic        mie_q, mpie_q;           // mstatus
  logic        meie_q, mtie_q;          // mie
  logic        meip_q, mtip_q;          // mip
  logic [31:2] mtvec_q, mepc_q;
  logic [4:0]  mcause_q;
  logic [31:0] mscratch_q, mtval_q;
  logic [63:0] mcycle_q, minstret_q;

  logic wakes, irq;
  assign wakes = (meip_q && meie_q) || (mtip_q && mtie_q);
  assign irq = wakes && mie_q;

  // Of the known ones, a few bits of the address tell which it is.
  logic [31:0] csr_old, csr_new, csr_trap, csr_setup, csr_count;
  always_comb begin
    unique case (csr[1:0])
      2'd0: csr_trap = csr[2] ? {20'd0, meip_q, 3'd0, mtip_q, 7'd0} : mscratch_q;  // 344, 340
      2'd1: csr_trap = {mepc_q, 2'd0};                                             // 341
      2'd2: csr_trap = {mcause_q[4], 27'd0, mcause_q[3:0]};                        // 342
      default: csr_trap = mtval_q;                                                 // 343
    endcase
    unique case ({csr[2], csr[0]})
      2'd0: csr_setup = {19'd0, 2'b11, 3'd0, mpie_q, 3'd0, mie_q, 3'd0};           // 300
      2'd1: csr_setup = 32'h4000_0100;                                             // 301: RV32I
      2'd2: csr_setup = {20'd0, meie_q, 3'd0, mtie_q, 7'd0};                       // 304
      default: csr_setup = {mtvec_q, 2'd0};                                        // 305
    endcase
    unique case ({csr[7], csr[1]})
      2'd0: csr_count = mcycle_q[31:0];                                            // b00
      2'd1: csr_count = minstret_q[31:0];                                          // b02
      2'd2: csr_count = mcycle_q[63:32];                                           // b80
      default: csr_count = minstret_q[63:32];                                      // b82
    endcase
    csr_old = csr[11] ? csr_count : csr[6] ? csr_trap : csr_setup;
    if (csr[5:3] != 3'd0 || (csr[11] && (csr[2] || csr[0]))) csr_old = 32'd0;
    unique case (f3[1:0])
      2'd1: csr_new = a_q;
      2'd2: csr_new = csr_old | a_q;
      default: csr_new = csr_old & ~a_q;
    endcase
  end

  logic csr_write;
  assign csr_write = state_q == EXEC && is_csr && legal && csr_writes;

  logic [31:0] tval;
  always_comb begin
    unique case (cause_q)
      C_FETCH_FAULT: tval = {pc_q, 2'd0};
      C_ILLEGAL: tval = insn_q;
      C_JUMP_MISALIGNED, C_LOAD_MISALIGNED, C_LOAD_FAULT, C_STORE_MISALIGNED, C_STORE_FAULT:
        tval = effective;
      default: tval = 32'd0;
    endcase
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      mie_q <= 1'b0;
      mpie_q <= 1'b0;
      meie_q <= 1'b0;
      mtie_q <= 1'b0;
      mtvec_q <= '0;
      mscratch_q <= '0;
      mepc_q <= '0;
      mcause_q <= '0;
      mtval_q <= '0;
    end else if (state_q == TRAP) begin
      mie_q <= 1'b0;
      mpie_q <= mie_q;
      mepc_q <= pc_q;
      mcause_q <= cause_q;
      mtval_q <= tval;
    end else if (csr_write) begin
      unique case (csr)
        12'h300: {mpie_q, mie_q} <= {csr_new[7], csr_new[3]};
        12'h304: {meie_q, mtie_q} <= {csr_new[11], csr_new[7]};
        12'h305: mtvec_q <= csr_new[31:2];
        12'h340: mscratch_q <= csr_new;
        12'h341: mepc_q <= csr_new[31:2];
        12'h342: mcause_q <= {csr_new[31], csr_new[3:0]};
        12'h343: mtval_q <= csr_new;
        default: ;
      endcase
    end else if (state_q == EXEC && is_mret && legal) begin
      mie_q <= mpie_q;
      mpie_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      meip_q <= 1'b0;
      mtip_q <= 1'b0;
    end else if (done || state_q == TRAP || state_q == SLEEP) begin
      meip_q <= irq_external_i;
      mtip_q <= irq_timer_i;
    end
  end

  // A write comes after the clock and the instruction that it is in were counted.
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      mcycle_q <= '0;
      minstret_q <= '0;
    end else begin
      mcycle_q <= mcycle_q + 64'd1;
      if (done) minstret_q <= minstret_q + 64'd1;
      if (csr_write && csr == 12'hb00) mcycle_q[31:0] <= csr_new;
      if (csr_write && csr == 12'hb80) mcycle_q[63:32] <= csr_new;
      if (csr_write && csr == 12'hb02) minstret_q[31:0] <= csr_new;
      if (csr_write && csr == 12'hb82) minstret_q[63:32] <= csr_new;
    end
  end

  // ---- control ---------------------------------------------------------------------------------

  logic       traps;  // in EXEC
  logic [4:0] trap_cause;
  always_comb begin
    traps = 1'b1;
    if (!legal) trap_cause = C_ILLEGAL;
    else if (is_ecall) trap_cause = C_ECALL;
    else if (is_ebreak) trap_cause = C_EBREAK;
    else if (is_load && data_misaligned) trap_cause = C_LOAD_MISALIGNED;
    else if (is_store && data_misaligned) trap_cause = C_STORE_MISALIGNED;
    else begin
      trap_cause = C_JUMP_MISALIGNED;
      traps = jump_misaligned;
    end
  end

  always_comb begin
    state_d = state_q;
    cause_d = cause_q;
    done = 1'b0;
    unique case (state_q)
      FETCH: begin
        if (irq) begin
          state_d = TRAP;
          cause_d = (meip_q && meie_q) ? C_EXTERNAL : C_TIMER;
        end else if (ready_i) begin
          state_d = error_i ? TRAP : EXEC;
          cause_d = C_FETCH_FAULT;
        end
      end
      EXEC: begin
        cause_d = trap_cause;
        if (traps) state_d = TRAP;
        else if (is_load || is_store) state_d = MEM;
        else if (is_shift) state_d = SHIFT;
        else if (is_wfi && !wakes) state_d = SLEEP;
        else done = 1'b1;
      end
      SHIFT: done = !more;
      MEM: begin
        cause_d = is_store ? C_STORE_FAULT : C_LOAD_FAULT;
        if (ready_i && error_i) state_d = TRAP;
        else if (ready_i) done = 1'b1;
      end
      SLEEP: done = wakes;
      default: state_d = FETCH;  // TRAP
    endcase
    if (done) state_d = FETCH;
  end
  assign sleep_o = state_q == SLEEP;
  assign wb = done && !is_branch && !is_store && op != OP_FENCE && rd != 5'd0;

  always_comb begin
    pc_d = pc_plus;
    if (state_q == TRAP) pc_d = mtvec_q;
    else if (is_mret) pc_d = mepc_q;
    else if (taken) pc_d = effective[31:2];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= FETCH;
      pc_q <= RESET_PC[31:2];
      cause_q <= '0;
    end else begin
      state_q <= state_d;
      cause_q <= cause_d;
      if (done || state_q == TRAP) pc_q <= pc_d;
    end
  end

  always_comb begin
    res_d = effective;
    if (is_csr) res_d = csr_old;
    if (is_jump) res_d = {pc_plus, 2'd0};
    if (is_arith && f3[2:1] == 2'd1) res_d = {31'd0, less};
    if (is_arith && f3[2]) res_d = logical;
    if (is_shift) res_d = a_q;
    if (state_q == SHIFT) res_d = more ? shifted : res_q;
    if (state_q == MEM) res_d = loaded;
  end

  always_ff @(posedge clk_i) begin
    if (state_q == EXEC || state_q == SHIFT || (state_q == MEM && ready_i)) res_q <= res_d;
  end

  // ---- retire port -----------------------------------------------------------------------------

  generate
    if (RETIRE) begin : gen_retire
      logic wb_q;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          retire_valid_o <= 1'b0;
          wb_q <= 1'b0;
        end else begin
          wb_q <= wb;
          retire_valid_o <= done || state_q == TRAP;
          retire_trap_o <= state_q == TRAP;
          retire_pc_o <= {pc_q, 2'd0};
          retire_insn_o <= (state_q == TRAP && (cause_q[4] || cause_q == C_FETCH_FAULT)) ? 32'd0 :
                           insn_q;
          retire_cause_o <= state_q == TRAP ? {cause_q[4], 27'd0, cause_q[3:0]} : 32'd0;
        end
      end
      assign retire_rd_o = wb_q ? rd : 5'd0;
      assign retire_value_o = wb_q ? res_q : 32'd0;
    end else begin : gen_no_retire
      assign retire_valid_o = 1'b0;
      assign retire_trap_o = 1'b0;
      assign retire_pc_o = '0;
      assign retire_insn_o = '0;
      assign retire_rd_o = '0;
      assign retire_value_o = '0;
      assign retire_cause_o = '0;
    end
  endgenerate

endmodule
