// SPDX-License-Identifier: BSD-3-Clause
// Ternary rules (docs/state.md, "flow"): of the rules that match a key the one with the lowest
// prio, of equal ones that with the lowest index, and its action. One look-up a clock, answered
// mpnic_rtl_pkg::RULES_LATENCY clocks later; nothing stalls them.
//
// off_i and on_i switch rule id_i; no key comes in their clock. All keys that come later see it,
// none that came before does, answered or not. load_i gives rule id_i, which must be off, the
// contents data_i, which stays as it is until busy_o is low again, some 4100 clocks. Look-ups do
// not notice. At most one of the three comes in a clock, and while busy_o is high no load, nor is
// the rule that is loaded switched on. After reset all rules are off, and need to be loaded; the
// memories need no initial value.
//
// Nine bits of the key address one block RAM, in which stands which of the 64 rules these bits
// suit; a rule matches if it stands in all 43. Rules are stored in bytes of 8, and a load writes
// those of its byte anew, all from what they were loaded with: of the others just what stands
// there, so that they may be looked up all the time. In the same way, a small memory for each byte
// tells which of its rules that match comes first, for every set of them.
module mpnic_rules (
  input  logic                                     clk_i,
  input  logic                                     rst_ni,

  input  logic                                     valid_i,
  input  logic [mpnic_pkg::RULE_KEY_W-1:0]         key_i,
  output logic                                     valid_o,
  output logic                                     hit_o,
  output logic [5:0]                               index_o,
  output logic [mpnic_pkg::ACTION_W-1:0]           action_o,  // zero if it is no hit

  input  logic                                     off_i,
  input  logic                                     on_i,
  input  logic                                     load_i,
  input  logic [5:0]                               id_i,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [mpnic_pkg::RULE_W-1:0]             data_i,
  // verilator lint_on UNUSEDSIGNAL
  output logic                                     busy_o
);

  localparam int unsigned LATENCY = mpnic_rtl_pkg::RULES_LATENCY;
  localparam int unsigned RULES = mpnic_pkg::RULES;
  localparam int unsigned KEY_W = mpnic_pkg::RULE_KEY_W;
  localparam int unsigned CHUNK = 9;  // bits of the key that address a memory
  localparam int unsigned CHUNKS = (KEY_W + CHUNK - 1) / CHUNK;
  localparam int unsigned PADDED = CHUNK * CHUNKS;
  localparam int unsigned BYTES = RULES / 8;
  localparam int unsigned PRIO_W = mpnic_pkg::RULE_PRIO_W;
  localparam int unsigned DONE_W = mpnic_pkg::ACTION_EXCEPT_LSB;  // action, which excepts nothing
  localparam int unsigned STEP_W = CHUNK + 3;

  // --- load: 1, the rule is stored; then each entry with each rule of its byte -------------------

  logic              busy_q, store_q, run1_q, run2_q, run3_q, write4_q, done;
  logic [5:0]        id_q;
  logic [STEP_W-1:0] step1_q, step2_q, step3_q;  // { entry, rule }
  logic [CHUNK-1:0]  entry4_q;
  logic [7:0]        set2;  // of rules, that the entry stands for
  logic              member3_q;  // the rule is in it
  assign set2 = step2_q[3+:8];
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      {busy_q, store_q, run1_q, run2_q, run3_q, write4_q} <= '0;
    end else begin
      busy_q <= load_i | (busy_q & ~done);
      store_q <= load_i;
      run1_q <= store_q | (run1_q & ~&step1_q);
      run2_q <= run1_q;
      run3_q <= run2_q;
      write4_q <= run3_q & (&step3_q[2:0]);
    end
  end
  always_ff @(posedge clk_i) begin
    if (load_i) id_q <= id_i;
    if (busy_q) begin
      step1_q <= (step1_q + STEP_W'(1)) & ~{STEP_W{store_q}};
      step2_q <= step1_q;
      step3_q <= step2_q;
      entry4_q <= step3_q[STEP_W-1:3];
      member3_q <= set2[step2_q[2:0]];
    end
  end
  assign done = write4_q & (&entry4_q);
  assign busy_o = busy_q;

  localparam int unsigned ROW_W = 2 * KEY_W + PRIO_W;
  (* ram_style = "block" *) logic [ROW_W-1:0] rows[RULES];
  logic [ROW_W-1:0]  row2_q, row3_q;
  logic [PADDED-1:0] value3, mask3;
  logic [PRIO_W-1:0] prio3;
  always_ff @(posedge clk_i) begin
    if (store_q) begin
      rows[id_q] <= {data_i[mpnic_pkg::RULE_PRIO_LSB+:PRIO_W],
                     data_i[mpnic_pkg::RULE_MASK_LSB+:KEY_W],
                     data_i[mpnic_pkg::RULE_VALUE_LSB+:KEY_W]};
    end
    if (run1_q) row2_q <= rows[{id_q[5:3], step1_q[2:0]}];
    if (run2_q) row3_q <= row2_q;
  end
  assign value3 = PADDED'(row3_q[0+:KEY_W]);
  assign mask3 = PADDED'(row3_q[KEY_W+:KEY_W]);
  assign prio3 = row3_q[2*KEY_W+:PRIO_W];

  // 4: which rules the entry suits, by chunk; the first rule of its set.
  logic [8*CHUNKS-1:0] suits4_q;
  logic [CHUNKS-1:0]   suits;
  logic                some4_q;
  logic [2:0]          best4_q;
  logic [PRIO_W-1:0]   prio4_q;
  logic                better;
  assign better = member3_q & (~some4_q | (prio3 < prio4_q));
  always_comb begin
    for (int unsigned c = 0; c < CHUNKS; c++) begin
      suits[c] = ~|((step3_q[STEP_W-1:3] ^ value3[CHUNK*c+:CHUNK]) & mask3[CHUNK*c+:CHUNK]);
    end
  end
  always_ff @(posedge clk_i) begin
    if (run3_q) begin
      for (int unsigned c = 0; c < CHUNKS; c++) begin
        suits4_q[8*c+:8] <= {suits[c], suits4_q[8*c+1+:7]};
      end
      some4_q <= member3_q | (some4_q & |step3_q[2:0]);
      if (better | ~|step3_q[2:0]) begin
        best4_q <= step3_q[2:0];
        prio4_q <= prio3;
      end
    end
  end

  logic [BYTES-1:0] which;
  assign which = BYTES'(1) << id_q[5:3];

  // --- on and off: they travel as keys do, and are done where the keys' matches are put together -

  logic [RULES-1:0] on_q;
  logic [2:0]       set_q, clear_q;
  logic [17:0]      ids_q;
  logic [RULES-1:0] at;
  assign at = RULES'(1) << ids_q[17:12];
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      set_q <= '0;
      clear_q <= '0;
      on_q <= '0;
    end else begin
      set_q <= {set_q[1:0], on_i};
      clear_q <= {clear_q[1:0], off_i};
      if (set_q[2] | clear_q[2]) on_q <= (on_q & ~at) | (at & {RULES{set_q[2]}});
    end
  end
  always_ff @(posedge clk_i) ids_q <= {ids_q[11:0], id_i};

  // --- look-ups: 1 the key, 2 the memories, 3 their registers, 4 and 5 which rules match ---------

  logic [LATENCY-1:0] valid_q;
  logic [KEY_W-1:0]   key1_q;
  logic [PADDED-1:0]  key1;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[LATENCY-2:0], valid_i};
  end
  always_ff @(posedge clk_i) if (valid_i) key1_q <= key_i;
  assign key1 = PADDED'(key1_q);

  logic [RULES*CHUNKS-1:0] match3_q;
  generate
    for (genvar c = 0; c < CHUNKS; c++) begin : gen_chunk
      (* ram_style = "block" *) logic [RULES-1:0] mem[1 << CHUNK];
      logic [RULES-1:0] match2_q;
      always_ff @(posedge clk_i) begin
        if (write4_q) begin
          for (int unsigned b = 0; b < BYTES; b++) begin
            if (which[b]) mem[entry4_q][8*b+:8] <= suits4_q[8*c+:8];
          end
        end
        if (valid_q[0]) match2_q <= mem[key1[CHUNK*c+:CHUNK]];
        if (valid_q[1]) match3_q[RULES*c+:RULES] <= match2_q;
      end
    end
  endgenerate

  localparam int unsigned PARTS = (CHUNKS + 5) / 6;
  logic [RULES*PARTS-1:0]   part, part4_q;
  logic [RULES*PARTS*6-1:0] match3;
  logic [RULES-1:0]         match, match5_q;
  assign match3 = {{RULES * (PARTS * 6 - CHUNKS) {1'b1}}, match3_q};
  always_comb begin
    match = on_q;
    for (int unsigned p = 0; p < PARTS; p++) begin
      part[RULES*p+:RULES] = '1;
      for (int unsigned c = 6 * p; c < 6 * p + 6; c++) begin
        part[RULES*p+:RULES] = part[RULES*p+:RULES] & match3[RULES*c+:RULES];
      end
      match = match & part4_q[RULES*p+:RULES];
    end
  end
  always_ff @(posedge clk_i) begin
    if (valid_q[2]) part4_q <= part;
    if (valid_q[3]) match5_q <= match;
  end

  // --- 6 the first of each byte, 7 its register --------------------------------------------------

  localparam int unsigned RANK_W = PRIO_W + 1;  // all ones: no rule
  logic [BYTES-1:0]        some6_q;
  logic [BYTES*RANK_W-1:0] rank7_q;
  logic [BYTES*3-1:0]      first7_q;
  generate
    for (genvar b = 0; b < BYTES; b++) begin : gen_byte
      (* ram_style = "block" *) logic [PRIO_W+2:0] mem[256];
      logic [PRIO_W+2:0] first6_q;
      always_ff @(posedge clk_i) begin
        if (write4_q & which[b]) mem[entry4_q[7:0]] <= {prio4_q, best4_q};
        if (valid_q[4]) begin
          first6_q <= mem[match5_q[8*b+:8]];
          some6_q[b] <= |match5_q[8*b+:8];
        end
        if (valid_q[5]) begin
          first7_q[3*b+:3] <= first6_q[2:0];
          rank7_q[RANK_W*b+:RANK_W] <= some6_q[b] ? {1'b0, first6_q[3+:PRIO_W]} : '1;
        end
      end
    end
  endgenerate

  // --- 8 to 13: the first of all; each round compares, then chooses ------------------------------

  logic [4*RANK_W-1:0] rank9_q;
  logic [2*RANK_W-1:0] rank11_q;
  logic [15:0]         first9_q;
  logic [9:0]          first11_q;
  logic [5:0]          first13_q;
  logic                hit13_q;
  logic [3:0]          upper8_q;
  logic [1:0]          upper10_q;
  logic                upper12_q;
  logic [8*RANK_W-1:0] rank8_q;
  logic [4*RANK_W-1:0] rank10_q;
  logic [2*RANK_W-1:0] rank12_q;
  logic [23:0]         first8_q;
  logic [15:0]         first10_q;
  logic [9:0]          first12_q;
  always_ff @(posedge clk_i) begin
    if (valid_q[6]) begin
      rank8_q <= rank7_q;
      first8_q <= first7_q;
      for (int unsigned i = 0; i < 4; i++) begin
        upper8_q[i] <= rank7_q[RANK_W*(2*i+1)+:RANK_W] < rank7_q[RANK_W*2*i+:RANK_W];
      end
    end
    if (valid_q[7]) begin
      for (int unsigned i = 0; i < 4; i++) begin
        rank9_q[RANK_W*i+:RANK_W] <= upper8_q[i] ? rank8_q[RANK_W*(2*i+1)+:RANK_W] :
                                                   rank8_q[RANK_W*2*i+:RANK_W];
        first9_q[4*i+:4] <= {upper8_q[i], upper8_q[i] ? first8_q[3*(2*i+1)+:3] :
                                                        first8_q[3*2*i+:3]};
      end
    end
    if (valid_q[8]) begin
      rank10_q <= rank9_q;
      first10_q <= first9_q;
      for (int unsigned i = 0; i < 2; i++) begin
        upper10_q[i] <= rank9_q[RANK_W*(2*i+1)+:RANK_W] < rank9_q[RANK_W*2*i+:RANK_W];
      end
    end
    if (valid_q[9]) begin
      for (int unsigned i = 0; i < 2; i++) begin
        rank11_q[RANK_W*i+:RANK_W] <= upper10_q[i] ? rank10_q[RANK_W*(2*i+1)+:RANK_W] :
                                                     rank10_q[RANK_W*2*i+:RANK_W];
        first11_q[5*i+:5] <= {upper10_q[i], upper10_q[i] ? first10_q[4*(2*i+1)+:4] :
                                                           first10_q[4*2*i+:4]};
      end
    end
    if (valid_q[10]) begin
      rank12_q <= rank11_q;
      first12_q <= first11_q;
      upper12_q <= rank11_q[RANK_W+:RANK_W] < rank11_q[0+:RANK_W];
    end
    if (valid_q[11]) begin
      first13_q <= {upper12_q, upper12_q ? first12_q[9:5] : first12_q[4:0]};
      hit13_q <= ~(rank12_q[2*RANK_W-1] & rank12_q[RANK_W-1]);
    end
  end

  // --- 14 and 15: its action ---------------------------------------------------------------------

  (* ram_style = "block" *) logic [DONE_W-1:0] actions[RULES];
  logic [DONE_W-1:0] action14_q, action15_q;
  logic [5:0]        first14_q, first15_q;
  logic              hit14_q, hit15_q;
  always_ff @(posedge clk_i) begin
    // Last, when all keys that came before the rule was switched off are answered.
    if (done) actions[id_q] <= data_i[mpnic_pkg::RULE_MARK_LSB+:DONE_W];
    if (valid_q[12]) begin
      action14_q <= actions[first13_q];
      first14_q <= first13_q & {6{hit13_q}};
      hit14_q <= hit13_q;
    end
    if (valid_q[13]) begin
      action15_q <= hit14_q ? action14_q : '0;
      first15_q <= first14_q;
      hit15_q <= hit14_q;
    end
  end
  assign valid_o = valid_q[LATENCY-1];
  assign hit_o = hit15_q;
  assign index_o = first15_q;
  assign action_o = mpnic_pkg::ACTION_W'(action15_q);

endmodule
