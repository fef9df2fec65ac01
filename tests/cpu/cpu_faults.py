# SPDX-License-Identifier: BSD-3-Clause
# Faults of the broken twins of the processor, as tests/rtl/twins.py takes them.

FAULTS = [
    # Registers and operands
    ("op != OP_FENCE && @rd != 5'd0@", "1'b1"),
    ("!is_store && @op != OP_FENCE@", "1'b1"),
    ("OP_LUI: a = @32'd0@", "x1"),
    ("OP_AUIPC, OP_JAL: a = @{pc_q, 2'd0}@", "{pc_plus, 2'd0}"),
    ("OP_SYSTEM: a = @word_f3[2]@ ?", "1'b0"),
    ("if (@wb@) regs[rd]", "wb && state_q != MEM"),
    ("regs[rd] <= @res_d@", "res_q"),
    ("if (state_q == SHIFT) res_d = @more ? shifted : res_q@", "shifted"),
    ("target = {pc_q, 2'd0} + {{20{@insn_q[31]@}}", "1'b0"),
    # Arithmetic and comparisons
    ("compare_signed && a_q[31] == b_q[31]", "1'b0"),
    ("is_branch ? !f3[1] : !f3[0]", "!f3[1]"),
    ("f7[5] && a_q[31]", "a_q[31]"),
    ("by8 ? 5'd8 : 5'd1", "5'd1"),
    ("{{8{fill}}, res_q[31:8]}", "{8'd0, res_q[31:8]}"),
    # Jumps
    ("sum[0] && op != OP_JALR", "sum[0]"),
    ("taken && effective[1]", "is_branch && taken && effective[1]"),
    ("res_d = @{pc_plus, 2'd0}@", "{pc_q, 2'd0}"),
    # Memory
    ("f3[0] && sum[0]", "1'b0"),
    ("f3[1] && @sum[1:0] != 2'd0@", "sum[0]"),
    ("res_q[1] ? 4'hc : 4'h3", "4'h3"),
    ("{2{rs2_q[15:0]}}", "{16'd0, rs2_q[15:0]}"),
    ("octet[7] && !f3[2]", "octet[7]"),
    ("half[15] && !f3[2]", "1'b0"),
    ("if (@ready_i && error_i@)", "1'b0"),
    ("state_d = @error_i@ ? TRAP : EXEC", "1'b0"),
    ("(@state_q == FETCH && !irq@)", "state_q == FETCH"),
    ("state_q == MEM ? {res_q[31:2], 2'd0} : {pc_q, 2'd0}",
     "(state_q == MEM && !ready_i) ? {res_q[31:2], 2'd0} : {pc_q, 2'd0}"),
    # Decoding
    ("f7 == 7'h20 && f3 == 3'd5", "f7[5] && f3 == 3'd5"),
    ("f3 < 3'd3", "1'b1"),
    ("if (@insn_q[1:0] != 2'd3@)", "1'b0"),
    # CSRs
    ("f3[1:0] == 2'd1 || insn_q[19:15] != 5'd0", "1'b1"),
    ("csr[4:0] != 5'd1 && csr[4:0] != 5'd2", "csr[4:0] != 5'd1"),
    ("csr_old & ~a_q", "csr_old ^ a_q"),
    ("csr[11] && (csr[2] || csr[0])", "1'b0"),
    ("{csr_new[31], csr_new[3:0]}", "{1'b0, csr_new[3:0]}"),
    ("mtvec_q <= @csr_new[31:2]@", "{csr_new[31:3], 1'b0}"),
    ("if (@done@) minstret_q", "done || state_q == TRAP"),
    ("if (@csr_write && csr == 12'hb80@) mcycle_q", "1'b0"),
    # Traps and interrupts
    ("mpie_q <= @mie_q@;", "1'b1"),
    ("mie_q <= @mpie_q@;", "1'b1"),
    ("mpie_q <= @1'b1@;", "1'b0"),
    ("C_FETCH_FAULT: tval = @{pc_q, 2'd0}@", "insn_q"),
    ("wakes && mie_q", "wakes"),
    ("(@meip_q && meie_q@) ? C_EXTERNAL", "meip_q"),
    ("done || state_q == TRAP || state_q == SLEEP", "1'b1"),
    ("SLEEP: done = @wakes@", "irq"),
    ("is_wfi && !wakes", "is_wfi"),
]
