// SPDX-License-Identifier: BSD-3-Clause
// One mapping of the state, map or prev, beside a packet and its own mapping: every question that
// mpnic_dss_rules asks of the two, in one clock, before it is known which answers count.
//
// Comparisons are signs of sums, one carry chain each. "a from b on, less than len behind it" is
// two: a - b is not negative, a - b - len is (len below 2^31). Ends of mappings and differences
// between data and subflow sequence numbers (shift) are part of the state, so that each sum has two
// terms.
module mpnic_dss_map (
  input  logic        clk_i,

  // Stage 6: the segment; its own mapping; DATA_FIN: the number behind it.
  input  logic [31:0] rel_i,
  input  logic [31:0] rel_end_i,  // behind its last byte
  input  logic [31:0] own_ssn_i,
  input  logic [31:0] own_end_i,
  input  logic [31:0] own_end1_i,  // the end, but for one without bytes: one more
  input  logic [31:0] own_shift_i,
  input  logic [31:0] own_dsn_i,
  input  logic [15:0] own_len_i,
  input  logic        own_0_i,     // it has no bytes
  input  logic [31:0] fin_next_i,
  // The state.
  input  logic [63:0] next_i,
  input  logic        next_before_i,  // sign of own_dsn_i - next_i
  input  logic        there_i,        // there is this mapping
  input  logic [31:0] ssn_i,
  input  logic [31:0] end_i,
  input  logic [15:0] len_i,
  input  logic [63:0] dsn_i,
  input  logic [31:0] shift_i,

  // Stage 6.
  output logic        in_o,       // the segment starts in it
  output logic        same_o,     // the own mapping is the same
  output logic        hit_o,      // it has bytes of this one under other numbers
  output logic        before_o,   // it ends before the own mapping's end
  output logic        start_before_o,  // it starts before the own mapping
  // Stage 7; what is asked of a segment's end is right if it starts in the mapping.
  output logic        past_o,       // the segment starts before it
  output logic [63:0] reach_o,      // number behind the segment's last byte in it
  output logic        beyond_o,     // which is beyond next
  input  logic        fin_above_i,  // fin_next_i was beyond next
  output logic        fin_beyond_o,  // fin_next_i was beyond reach_o, if that is beyond next
  output logic        near_o,       // the own mapping's number is near this one's
  output logic        near_own_o    // this one's number is near the own mapping's
);

  // --- arithmetic --------------------------------------------------------------------------------

  // Wide ands by a carry chain. Equality: three bits a step.
  // verilator lint_off UNUSEDSIGNAL
  function automatic logic equal(input logic [47:0] a, input logic [47:0] b);
    logic [15:0] same;
    logic [17:0] carry;
    for (int unsigned k = 0; k < 16; k++) same[k] = a[3*k+:3] == b[3*k+:3];
    carry = {1'b0, same, 1'b1} + 18'd1;
    equal = carry[17];
  endfunction

  // a - b is the constant c + 1, without the sum: for each bit of a + ~b to be that of c, what it
  // gets from the bit below has to be what that one, being right, gives. Two bits a step.
  function automatic logic apart(input logic [30:0] a, input logic [30:0] b, input logic [30:0] c);
    logic [31:0] right, gives;
    logic [15:0] two;
    logic [17:0] carry;
    gives = {(a & ~b) | ((a | ~b) & ~c), 1'b0};
    right = {1'b1, a ^ b ^ c ^ gives[30:0]};
    for (int unsigned k = 0; k < 16; k++) two[k] = &right[2*k+:2];
    carry = {1'b0, two, 1'b1} + 18'd1;
    apart = carry[17];
  endfunction
  // verilator lint_on UNUSEDSIGNAL

  // verilator lint_off UNUSEDSIGNAL
  logic [31:0] rel_d, rel_len_d, own_len_d, back_d, newer_d, y, y_back;
  logic [32:0] own_d, start_d;
  logic [17:0] over_d;
  logic [31:0] v_in, v_over, w_in, w_over;
  // verilator lint_on UNUSEDSIGNAL

  logic over;  // the segment ends behind it

  // --- the segment -------------------------------------------------------------------------------

  logic [31:0] reach_in, reach_over, reach;
  assign rel_d = rel_i - ssn_i;
  assign rel_len_d = rel_i - end_i;
  assign over_d = rel_end_i[17:0] + ~end_i[17:0];  // 1 less
  assign over = ~over_d[17];
  assign in_o = there_i & ~rel_d[31] & rel_len_d[31];
  assign reach_in = shift_i + rel_end_i;
  assign reach_over = dsn_i[31:0] + {16'd0, len_i};
  assign reach = over ? reach_over : reach_in;

  // --- the own mapping ---------------------------------------------------------------------------

  logic equal_ssn, equal_shift;
  assign own_d = {1'b0, own_ssn_i} - {1'b0, ssn_i};
  assign own_len_d = own_ssn_i - end_i;
  assign back_d = ssn_i - own_end1_i;
  assign newer_d = end_i - own_end_i;
  assign start_d = {1'b0, ssn_i} - {1'b0, own_ssn_i};
  assign equal_ssn = ~own_d[32] & ~start_d[32];
  assign equal_shift = equal({16'd0, shift_i}, {16'd0, own_shift_i});
  assign same_o = there_i & equal_ssn & equal({len_i, shift_i}, {own_len_i, own_shift_i});
  // One of the two starts in the other; at the same place, if either has bytes.
  assign hit_o = there_i & ~equal_shift &
                 (own_d[31] ? back_d[31] : (own_len_d[31] | (equal_ssn & ~own_0_i)));
  assign before_o = newer_d[31];
  assign start_before_o = start_d[31];

  // --- numbers -----------------------------------------------------------------------------------

  // x: next - dsn; s: own - next, which is 32 bits with its sign, or far; y: their sum, own - dsn.
  // verilator lint_off UNUSEDSIGNAL
  logic [63:0] x;
  logic [32:0] x_low;  // for its borrow alone
  // verilator lint_on UNUSEDSIGNAL
  logic        k;
  assign x = next_i - dsn_i;
  assign x_low = {1'b0, next_i[31:0]} - {1'b0, dsn_i[31:0]};
  assign y = own_dsn_i - dsn_i[31:0];
  // y is near if its upper half is all sign: x's is then 0 or -1, as the signs and the carry say.
  assign k = (y[31] == next_before_i) ? x[31] : y[31];
  // The other way round the lowest number of 32 bits is too low, its opposite is not.
  logic y_min;
  assign y_back = {1'b0, dsn_i[30:0]} - {1'b0, own_dsn_i[30:0]};
  assign y_min = (own_dsn_i[31] ^ dsn_i[31]) & y[31] & ~y_back[31];

  // reach - next is cut - x, with a cut of 1 to 65535. x of 0 or more: compared by the lower half,
  // if the upper is 0. x below 0: beyond, but for the lowest x, where the difference has no
  // opposite.
  assign v_in = reach_in + ~next_i[31:0] + {31'd0, x[63]};
  assign v_over = reach_over + ~next_i[31:0] + {31'd0, x[63]};
  assign w_in = fin_next_i - reach_in;
  assign w_over = fin_next_i - reach_over;

  // The upper half of x but its sign, by the upper halves of next and dsn and the borrow.
  logic        v, w, borrow, zero, less, near;
  logic        hi_0, hi_1, hi_less;  // these differ by 0, 1, -1
  assign v = over ? v_over[31] : v_in[31];
  assign w = over ? w_over[31] : w_in[31];
  assign hi_0 = apart(next_i[62:32], dsn_i[62:32], 31'h7fff_ffff);
  assign hi_1 = apart(next_i[62:32], dsn_i[62:32], 31'd0);
  assign hi_less = apart(next_i[62:32], dsn_i[62:32], 31'h7fff_fffe);
  assign borrow = x_low[32];
  assign zero = borrow ? hi_1 : hi_0;
  assign less = borrow ? hi_0 : hi_less;
  assign near = k ? (less & x[63]) : (zero & ~x[63]);

  logic [31:0] reach_q, dsn_hi_q, dsn_more_q;
  logic        past_q, beyond_q, v_q, w_q, x63_q, x_min_q, x_ones_q, near_q, near_own_q, dsn_31_q;
  always_ff @(posedge clk_i) begin
    past_q <= rel_d[31];
    reach_q <= reach;
    dsn_hi_q <= dsn_i[63:32];
    dsn_more_q <= dsn_i[63:32] + 32'd1;
    dsn_31_q <= dsn_i[31];
    beyond_q <= x[63] ^ (zero & ~x[31] & ~v);  // x is 0, but for 31 bits, or the lowest
    v_q <= v;
    w_q <= w;
    x63_q <= x[63];
    x_min_q <= x[63] & zero;
    x_ones_q <= x[63] & less & x[31];
    near_q <= near;
    // With y_min, own before next and bit 31 of x 0 is only if the lower half of x is 0: no borrow.
    near_own_q <= y_min ? (~x[63] & ((next_before_i & ~x[31]) ? hi_1 : zero)) : near;
  end
  assign past_o = past_q;
  assign reach_o = {(dsn_31_q & ~reach_q[31]) ? dsn_more_q : dsn_hi_q, reach_q};
  assign beyond_o = beyond_q;
  assign fin_beyond_o = fin_above_i ? (~w_q & ~v_q & (~x63_q | x_ones_q)) : (w_q & v_q & x_min_q);
  assign near_o = near_q;
  assign near_own_o = near_own_q;

endmodule
