// SPDX-License-Identifier: BSD-3-Clause
// A table by docs/state.md, "Tables": two arrays of buckets of four entries, looked up by key.
//
// Look-ups: one a clock, each answered mpnic_rtl_pkg::TABLE_LATENCY clocks later. Nothing stalls
// them. A look-up reads one bucket of each array at one clock's edge, and an entry is written whole
// at one: so it sees the table as it stood at one moment, every entry either old or new. That
// moment is exact: a look-up sees every write and clear that the port took in an earlier clock than
// its own, and none of a later or the same one. So whoever writes an entry to its other place in one
// clock and clears the old place in any later one has the key found by every look-up, always; in
// between it stands in both. If a key stands in several places, its first counts: array 0 before 1,
// lower ways first; never a mix.
//
// A clock before hit_o, hits_o and taken_o say of each place of the look-up's two buckets (ways of array
// 0, then of array 1) whether its key stands there, and whether anything does. Without PUT alone.
//
// The port takes a request in each clock in which port_valid_i and ready_o are high and clear_i is
// low, and carries them out in order: it writes an entry to a place (one that is not valid: clears the
// place), or reads one; port_rvalid_o, with what stands there, comes PORT_LATENCY clocks later, and
// port_entry_o is zero in all other clocks, or what port_other_i was in the clock before: so may the ports of
// tables that are not read at the same time be joined. Key and value of an entry that is not valid mean nothing.
//
// With PUT a look-up that finds nothing puts its key at the first place of its two buckets that is free,
// if put_i says so and there is one. Both are late: put_i is taken TABLE_LATENCY - 1 clocks after its
// look-up, and put_value_i in the clock behind, in which put_o says that it was put. So whether to put
// may depend on whether the look-up just before did. A look-up sees all puts of those before it, so that
// a key that comes twice, back to back, is put once. Into such a table the port writes no entry, it only
// clears and reads, never in the clock of a look-up; it too sees, and clears, what look-ups before
// it put, and no other.
//
// Reset and clear_i clear all: in BUCKETS clocks, in which ready_o is low and look-ups find nothing;
// clear_i may come at any time. The memories need no initial value. They have two ports, one for
// look-ups, one for the table port, to read or write; where both meet at an address, the look-up
// reads what was there before (block RAM: READ_FIRST; UltraRAM: look-ups on port A).
module mpnic_table #(
  parameter int unsigned ENTRIES = 65536,  // a power of two, 16 or more
  parameter int unsigned KEY_W = 320,
  parameter int unsigned VALUE_W = 16,
  parameter int unsigned PUT = 0
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,
  input  logic                       clear_i,
  output logic                       ready_o,

  input  logic                       valid_i,
  input  logic [KEY_W-1:0]           key_i,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [63:0]                hash_i,  // of the key
  // verilator lint_on UNUSEDSIGNAL
  output logic                       valid_o,
  output logic [KEY_W-1:0]           key3_o,  // of the look-up three clocks ago, if there was one
  output logic                       hit_o,
  output logic [VALUE_W-1:0]         value_o,  // zero if it is no hit
  // verilator lint_off UNUSEDSIGNAL
  input  logic                       put_i,
  input  logic [VALUE_W-1:0]         put_value_i,
  // verilator lint_on UNUSEDSIGNAL
  output logic                       put_o,  // no hit, and put
  output logic [7:0]                 hits_o,
  output logic [7:0]                 taken_o,

  input  logic                       port_valid_i,
  input  logic                       port_write_i,
  input  logic [$clog2(ENTRIES)-1:0] port_place_i,  // array, bucket, way
  // verilator lint_off UNUSEDSIGNAL
  input  logic [KEY_W+VALUE_W:0]     port_entry_i,  // { valid, value, key }
  // verilator lint_on UNUSEDSIGNAL
  input  logic [KEY_W+VALUE_W:0]     port_other_i,
  output logic                       port_rvalid_o,
  output logic [KEY_W+VALUE_W:0]     port_entry_o
);

  localparam int unsigned LATENCY = mpnic_rtl_pkg::TABLE_LATENCY;
  localparam int unsigned BUCKETS = ENTRIES / 8;  // of an array
  localparam int unsigned BUCKET_W = $clog2(BUCKETS);
  localparam int unsigned PLACE_W = $clog2(ENTRIES);
  localparam int unsigned ENTRY_W = KEY_W + VALUE_W + 1;
  localparam int unsigned ENTRY_VALID = ENTRY_W - 1;
  localparam int unsigned THIRD = (KEY_W + 2) / 3;

  // Keys that are the same, in two levels: three bits of both to a LUT, which is as many as it takes, and the
  // carry through what is all ones. As a tree of gates it is half as large again, for tools balance it in pairs.
  function automatic logic same(input logic [KEY_W-1:0] a, input logic [KEY_W-1:0] b);
    logic [3*THIRD-1:0] difference;
    logic [THIRD-1:0]   thirds;
    // verilator lint_off UNUSEDSIGNAL
    logic [THIRD:0]     carry;
    // verilator lint_on UNUSEDSIGNAL
    difference = (3 * THIRD)'(a) ^ (3 * THIRD)'(b);
    thirds = difference[0+:THIRD] | difference[THIRD+:THIRD] | difference[2*THIRD+:THIRD];
    carry = {1'b0, ~thirds} + (THIRD + 1)'(1);
    same = carry[THIRD];
  endfunction

  // Of places those in arrays whose rows are the same.
  function automatic logic [7:0] in_rows(input logic [7:0] places, input logic [1:0] rows_same);
    in_rows = places & {{4{rows_same[1]}}, {4{rows_same[0]}}};
  endfunction

  // --- the port, and the rows that are cleared -----------------------------------------------------

  logic                clearing_q, take;
  logic [BUCKET_W-1:0] clear_row_q;
  logic [7:0]          at;  // which place of the rows
  assign ready_o = ~clearing_q;
  assign take = port_valid_i & ~clearing_q & ~clear_i;
  assign at = 8'd1 << {port_place_i[PLACE_W-1], port_place_i[1:0]};
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      clearing_q <= 1'b1;
      clear_row_q <= '0;
    end else begin
      clearing_q <= clear_i | (clearing_q & ~&clear_row_q);
      clear_row_q <= (clear_i | ~clearing_q) ? '0 : clear_row_q + BUCKET_W'(1);
    end
  end

  // What is written, read, and in which row of each array.
  logic [7:0]            writes, reads, mem_writes, mem_reads;
  logic [2*BUCKET_W-1:0] rows, mem_rows;
  logic [ENTRY_W-1:0]    written, mem_written;
  assign mem_writes = writes | {8{clearing_q}};
  assign mem_reads = reads & {8{~clearing_q}};
  assign mem_rows = clearing_q ? {clear_row_q, clear_row_q} : rows;
  assign mem_written = {written[ENTRY_VALID] & ~clearing_q, written[ENTRY_VALID-1:0]};

  // --- look-ups: 1, key and buckets --------------------------------------------------------------

  logic [LATENCY-1:0]    valid_q;
  logic                  dead1_q, dead2_q, dead3_q;  // while the table is cleared
  logic [KEY_W-1:0]      key1_q, key2_q, key3_q;
  logic [2*BUCKET_W-1:0] buckets_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[LATENCY-2:0], valid_i};
  end
  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      key1_q <= key_i;
      buckets_q <= {hash_i[32+:BUCKET_W], hash_i[0+:BUCKET_W]};
      dead1_q <= clearing_q;
    end
    if (valid_q[0]) begin
      key2_q <= key1_q;
      dead2_q <= dead1_q;
    end
    if (valid_q[1]) begin
      key3_q <= key2_q;
      dead3_q <= dead2_q;
    end
  end

  assign key3_o = key3_q;

  // --- 2 the memories, 3 their registers, 4 and 5 comparison ---------------------------------------

  // Of what memory does not show yet, for the look-up at 4: places that were cleared, and taken since.
  logic [7:0]           cleared4;
  logic [7:0]           taken4, free_q;
  logic [7:0]           hit_q;
  logic [8*VALUE_W-1:0] value_q;
  logic [8*ENTRY_W-1:0] others_q;
  generate
    for (genvar p = 0; p < 8; p++) begin : gen_place
      (* ram_style = (BUCKETS > 1024) ? "auto" : "block" *) logic [ENTRY_W-1:0] mem[BUCKETS];
      logic [ENTRY_W-1:0]  entry2_q, entry3_q, other_q;
      logic [BUCKET_W-1:0] bucket, row;
      assign bucket = buckets_q[(p/4)*BUCKET_W+:BUCKET_W];
      assign row = mem_rows[(p/4)*BUCKET_W+:BUCKET_W];
      always_ff @(posedge clk_i) begin
        if (valid_q[0]) entry2_q <= mem[bucket];
      end
      always_ff @(posedge clk_i) begin
        if (mem_writes[p]) mem[row] <= mem_written;
        if (!mem_reads[p]) other_q <= '0;
        else other_q <= mem[row];
      end
      assign others_q[ENTRY_W*p+:ENTRY_W] = other_q;

      logic                 same4_q, valid4_q;
      logic [VALUE_W-1:0]   value4_q;
      always_ff @(posedge clk_i) begin
        if (valid_q[1]) entry3_q <= entry2_q;
        if (valid_q[2]) begin
          same4_q <= same(entry3_q[KEY_W-1:0], key3_q);
          valid4_q <= entry3_q[ENTRY_VALID] & ~dead3_q;
          value4_q <= entry3_q[KEY_W+:VALUE_W];
        end
        if (valid_q[3]) begin
          hit_q[p] <= valid4_q & ~cleared4[p] & same4_q;
          free_q[p] <= (~valid4_q | cleared4[p]) & ~taken4[p];
          value_q[VALUE_W*p+:VALUE_W] <= value4_q;
        end
      end
    end
  endgenerate

  // --- 6: the first hit ----------------------------------------------------------------------------

  logic               again;  // one that was put, and is not in memory yet
  logic [VALUE_W-1:0] again_value;
  logic [7:0]         first;  // in its array
  logic [VALUE_W-1:0] value0, value1;
  assign first = hit_q & ~{|hit_q[6:4], |hit_q[5:4], hit_q[4], 1'b0, |hit_q[2:0], |hit_q[1:0],
                           hit_q[0], 1'b0};
  always_comb begin
    value0 = '0;
    value1 = '0;
    for (int unsigned w = 0; w < 4; w++) begin
      value0 = value0 | (value_q[VALUE_W*w+:VALUE_W] & {VALUE_W{first[w]}});
      value1 = value1 | (value_q[VALUE_W*(4+w)+:VALUE_W] & {VALUE_W{first[4+w]}});
    end
  end
  logic               hit6_q;
  logic [VALUE_W-1:0] value6_q;
  always_ff @(posedge clk_i) begin
    if (valid_q[4]) begin
      hit6_q <= (|hit_q) | again;
      value6_q <= again ? again_value : (|hit_q[3:0]) ? value0 : value1;
    end
  end
  assign hits_o = hit_q;
  assign taken_o = ~free_q;
  assign valid_o = valid_q[LATENCY-1];
  assign hit_o = hit6_q;
  assign value_o = value6_q;

  // --- who writes ----------------------------------------------------------------------------------

  generate
    if (PUT != 0) begin : gen_put
      localparam int unsigned BEFORE = 5;  // clocks whose writes memory does not show to a look-up

      // What travels: of stage i at [(i - 1) * W +: W]. Rows are a look-up's buckets or the port's row.
      logic [(BEFORE+1)*KEY_W-1:0]      keys_q;
      logic [(BEFORE+1)*2*BUCKET_W-1:0] ways_q;
      logic [(BEFORE+2)*8-1:0]          clears_q;  // the port's
      logic [(BEFORE+1)*8-1:0]          reads_q;
      logic [BEFORE-1:0]                alive_q;  // look-ups that may put
      logic [BUCKET_W-1:0]              port_row;
      assign port_row = port_place_i[PLACE_W-2:2];
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          clears_q <= '0;
          reads_q <= '0;
          alive_q <= '0;
        end else begin
          clears_q <= {clears_q[(BEFORE+1)*8-1:0], at & {8{take & port_write_i}}};
          reads_q <= {reads_q[BEFORE*8-1:0], at & {8{take & ~port_write_i}}};
          alive_q <= clearing_q ? '0 : {alive_q[BEFORE-2:0], valid_i};
        end
      end
      always_ff @(posedge clk_i) begin
        keys_q <= ((BEFORE + 1) * KEY_W)'({keys_q, key_i});
        ways_q <= ((BEFORE + 1) * 2 * BUCKET_W)'(
            {ways_q, port_valid_i ? {port_row, port_row} : {hash_i[32+:BUCKET_W],
                                                            hash_i[0+:BUCKET_W]}});
      end

      // 1: which of the five before (0: the last) have the same rows; 1 and 2: the same key.
      logic [2*BEFORE-1:0] beside, beside2_q;
      logic [7:0]          beside3_q;
      logic [3:0]          beside4_q;
      logic [1:0]          beside5_q;
      logic [BEFORE-1:0]   same3_q;
      logic [1:0]          same4_q;
      logic                same5_q;
      for (genvar d = 0; d < BEFORE; d++) begin : gen_before
        logic same2_q;
        assign beside[2*d] = ways_q[0+:BUCKET_W] == ways_q[2*BUCKET_W*(d+1)+:BUCKET_W];
        assign beside[2*d+1] = ways_q[BUCKET_W+:BUCKET_W] ==
                               ways_q[2*BUCKET_W*(d+1)+BUCKET_W+:BUCKET_W];
        always_ff @(posedge clk_i) begin
          same2_q <= same(keys_q[0+:KEY_W], keys_q[KEY_W*(d+1)+:KEY_W]);
          same3_q[d] <= same2_q;
        end
      end
      always_ff @(posedge clk_i) begin
        {beside5_q, beside4_q, beside3_q, beside2_q} <= {beside4_q[1:0], beside3_q[3:0],
                                                         beside2_q[7:0], beside};
        {same5_q, same4_q} <= {same4_q[0], same3_q[1:0]};
      end

      // Where those that have left 5 put: of stages 6, 7, 8.
      logic [7:0]         place6_q, puts6, puts7_q, puts8_q;
      logic               put6_q;
      logic [VALUE_W-1:0] value7_q, value8_q;
      assign puts6 = place6_q & {8{put6_q}};
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          puts7_q <= '0;
          puts8_q <= '0;
        end else begin
          puts7_q <= puts6 & {8{~clearing_q}};
          puts8_q <= puts7_q & {8{~clearing_q}};
        end
      end
      always_ff @(posedge clk_i) begin
        value7_q <= put_value_i;
        value8_q <= value7_q;
      end

      // A look-up takes note of all that those before it have cleared and put, in their order, as
      // it comes to be known: clears when they are at 5, puts when they are at 6. What memory
      // shows of a place that was cleared is void; taken are those that were put and not cleared.
      logic [7:0] cleared3_q, cleared4_q, taken3_q, taken4_q;
      logic [7:0] clears_5of2, clears_4of2, clears_3of2, clears_2of3, clears_1of4;
      assign clears_5of2 = in_rows(clears_q[8*6+:8], beside2_q[8+:2]);
      assign clears_4of2 = in_rows(clears_q[8*5+:8], beside2_q[6+:2]);
      assign clears_3of2 = in_rows(clears_q[8*4+:8], beside2_q[4+:2]);
      assign clears_2of3 = in_rows(clears_q[8*4+:8], beside3_q[2+:2]);
      assign clears_1of4 = in_rows(clears_q[8*4+:8], beside4_q[0+:2]);
      assign cleared4 = cleared4_q | clears_1of4;
      assign taken4 = (taken4_q | in_rows(puts6, beside4_q[2+:2])) & ~clears_1of4;
      always_ff @(posedge clk_i) begin
        cleared3_q <= clears_5of2 | clears_4of2 | clears_3of2;
        taken3_q <= ((in_rows(puts7_q, beside2_q[8+:2]) & ~clears_4of2) |
                     in_rows(puts6, beside2_q[6+:2])) & ~clears_3of2;
        cleared4_q <= cleared3_q | clears_2of3;
        taken4_q <= (taken3_q | in_rows(puts6, beside3_q[4+:2])) & ~clears_2of3;
      end

      // The same for those of its own key: where it stands, and with which value.
      logic [7:0]         again3, again4_q, again4;
      logic               again5_q;
      logic [VALUE_W-1:0] value4_q, value5_q;
      assign again3 = (((((puts8_q & {8{same3_q[4]}}) &
                          ~in_rows(clears_q[8*6+:8], beside3_q[6+:2])) |
                         (puts7_q & {8{same3_q[3]}})) &
                        ~in_rows(clears_q[8*5+:8], beside3_q[4+:2])) |
                       (puts6 & {8{same3_q[2]}})) & ~clears_2of3;
      assign again4 = (again4_q | (puts6 & {8{same4_q[1]}})) & ~clears_1of4;
      always_ff @(posedge clk_i) begin
        again4_q <= again3;
        value4_q <= (put6_q & same3_q[2]) ? put_value_i : ((|puts7_q) & same3_q[3]) ? value7_q :
                    value8_q;
        again5_q <= |again4;
        value5_q <= (put6_q & same4_q[1]) ? put_value_i : value4_q;
      end

      // 5: whether, and where. Nothing of the one before but its place comes late.
      logic       put, again1;
      logic [7:0] free;
      assign again1 = put6_q & same5_q;
      assign again = again5_q | again1;
      assign again_value = again1 ? put_value_i : value5_q;
      assign free = free_q & ~in_rows(puts6, beside5_q);
      assign put = put_i & alive_q[BEFORE-1] & ~clearing_q & ~(|hit_q) & ~again & (|free);
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) put6_q <= 1'b0;
        else put6_q <= put;
      end
      always_ff @(posedge clk_i) place6_q <= free & (~free + 8'd1);
      assign put_o = put6_q;

      // 6: written.
      assign writes = puts6 | clears_q[8*BEFORE+:8];
      assign reads = reads_q[8*BEFORE+:8];
      assign rows = ways_q[2*BUCKET_W*BEFORE+:2*BUCKET_W];
      assign written = {put6_q, put_value_i, keys_q[KEY_W*BEFORE+:KEY_W]};
    end else begin : gen_no_put
      logic                write_q, read_q;
      logic [BUCKET_W-1:0] row_q;
      logic [7:0]          places_q;
      logic [ENTRY_W-1:0]  entry_q;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          write_q <= 1'b0;
          read_q <= 1'b0;
        end else begin
          write_q <= take & port_write_i;
          read_q <= take & ~port_write_i;
        end
      end
      always_ff @(posedge clk_i) begin
        if (take) begin
          row_q <= port_place_i[PLACE_W-2:2];
          places_q <= at;
          entry_q <= port_entry_i;
        end
      end
      assign writes = places_q & {8{write_q}};
      assign reads = places_q & {8{read_q}};
      assign rows = {row_q, row_q};
      assign written = entry_q;
      assign cleared4 = '0;
      assign taken4 = '0;
      assign again = 1'b0;
      assign again_value = '0;
      assign put_o = 1'b0;
    end
  endgenerate

  // --- port: what was read -------------------------------------------------------------------------

  logic [1:0]         rvalid_q;
  logic [ENTRY_W-1:0] answer, answer_q;
  always_comb begin
    answer = port_other_i;
    for (int unsigned p = 0; p < 8; p++) answer = answer | others_q[ENTRY_W*p+:ENTRY_W];
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) rvalid_q <= '0;
    else rvalid_q <= {rvalid_q[0], |mem_reads};
  end
  always_ff @(posedge clk_i) answer_q <= answer;
  assign port_rvalid_o = rvalid_q[1];
  assign port_entry_o = answer_q;

endmodule
