// SPDX-License-Identifier: BSD-3-Clause
// Inside mpnic_csum: its carry-save adders keep, bit by bit, the number of ones that go in, where
// bits of twice the weight come out one place to the left, around the word's end. So they keep the
// ones' complement sum, and yield zero from zeros alone.

(* anyseq *) logic [383:0] any_words;
(* anyseq *) logic [175:0] any_a, any_b, any_c;

// Ones at bit `bit_no` of word `lane` among `terms` vectors of `lanes` words each.
function automatic logic [2:0] ones(input logic [383:0] x, input int terms, input int lanes,
                                    input int at);
  ones = '0;
  for (int t = 0; t < 6; t++) begin
    if (t < terms) ones = ones + 3'(x[16*lanes*t+at]);
  end
endfunction

logic [191:0] sum24;
logic [95:0]  sum12;
logic [47:0]  sum6;
logic [31:0]  sum3;
logic [351:0] sum33;
assign sum24 = add24(any_words);
assign sum12 = add12(any_words[191:0]);
assign sum6 = add6to3(any_words[95:0]);
assign sum3 = add3to2(any_words[47:0]);
assign sum33 = add3x11(any_a, any_b, any_c);

// Bit i of a word, once and twice around to the left.
function automatic int left(input int at, input int by);
  left = (at / 16) * 16 + (at + by) % 16;
endfunction

always_comb begin
  for (int i = 0; i < 64; i++) begin
    assert (4'(ones(any_words, 6, 4, i)) ==
            4'(sum24[i]) + {2'd0, sum24[64+left(i, 1)], 1'b0} + {1'b0, sum24[128+left(i, 2)], 2'd0});
  end
  for (int i = 0; i < 32; i++) begin
    assert (4'(ones(any_words, 6, 2, i)) ==
            4'(sum12[i]) + {2'd0, sum12[32+left(i, 1)], 1'b0} + {1'b0, sum12[64+left(i, 2)], 2'd0});
  end
  for (int i = 0; i < 16; i++) begin
    assert (4'(ones(any_words, 6, 1, i)) ==
            4'(sum6[i]) + {2'd0, sum6[16+left(i, 1)], 1'b0} + {1'b0, sum6[32+left(i, 2)], 2'd0});
    assert (4'(ones(any_words, 3, 1, i)) == 4'(sum3[i]) + {2'd0, sum3[16+left(i, 1)], 1'b0});
  end
  for (int i = 0; i < 176; i++) begin
    assert (4'(any_a[i]) + 4'(any_b[i]) + 4'(any_c[i]) ==
            4'(sum33[i]) + {2'd0, sum33[176+left(i, 1)], 1'b0});
  end
end

// The verdict's test, and the fold of the record's sum, against two words' sum.
logic [16:0] two;
logic [15:0] folded;
assign two = 17'(any_words[15:0]) + 17'(any_words[31:16]);
assign folded = two[15:0] + 16'(two[16]);
always_comb begin
  assert (all_ones(any_words[31:0]) == (two == 17'h0ffff || two == 17'h1fffe));
  assert (17'(folded) == two || 17'(folded) + 17'h0ffff == two);
  assert (two == '0 || folded != '0);
end
