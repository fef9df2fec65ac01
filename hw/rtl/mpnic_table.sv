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
// The port takes a request in each clock in which port_valid_i and port_ready_o are high and clear_i
// is low, and carries them out in order: it writes an entry to a place (one that is not valid: clears
// the place), or reads one; port_rvalid_o, with what stands there, comes PORT_LATENCY clocks later.
// Key and value of an entry that is not valid mean nothing.
//
// With PUT a look-up with put_i that finds nothing puts its key there, with put_value_i, at the first
// place of its two buckets that is free, if there is one (put_o). One a clock; a look-up sees all
// puts of those before it, so that a key that comes twice, back to back, is put once. A request of
// the port waits for a put that is written in the same clock: then it counts as taken so much later.
// Into such a table the port writes no entry, it only clears: places of entries that look-ups find.
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
  // verilator lint_off UNUSEDSIGNAL
  input  logic                       put_i,
  input  logic [VALUE_W-1:0]         put_value_i,
  // verilator lint_on UNUSEDSIGNAL
  output logic                       valid_o,
  output logic                       hit_o,
  output logic [VALUE_W-1:0]         value_o,  // zero if it is no hit
  output logic                       put_o,  // no hit, and put

  input  logic                       port_valid_i,
  output logic                       port_ready_o,
  input  logic                       port_write_i,
  input  logic [$clog2(ENTRIES)-1:0] port_place_i,  // array, bucket, way
  input  logic [KEY_W+VALUE_W:0]     port_entry_i,  // { valid, value, key }
  output logic                       port_rvalid_o,
  output logic [KEY_W+VALUE_W:0]     port_entry_o
);

  localparam int unsigned PORT_LATENCY = 4;
  localparam int unsigned LATENCY = mpnic_rtl_pkg::TABLE_LATENCY;
  localparam int unsigned BUCKETS = ENTRIES / 8;  // of an array
  localparam int unsigned BUCKET_W = $clog2(BUCKETS);
  localparam int unsigned PLACE_W = $clog2(ENTRIES);
  localparam int unsigned ENTRY_W = KEY_W + VALUE_W + 1;
  localparam int unsigned ENTRY_VALID = ENTRY_W - 1;
  localparam int unsigned GROUPS = (KEY_W + 17) / 18;  // of key bits that are compared first

  // --- port: 1, the request, or one row more that is cleared --------------------------------------

  logic                clearing_q, take;
  logic                write_q, read_q;
  logic [BUCKET_W-1:0] row_q;
  logic [7:0]          places_q;  // which of the row's
  logic [ENTRY_W-1:0]  entry_q;
  logic [7:0]          puts;  // places that are put to in this clock
  logic                wait_put;
  assign wait_put = (write_q | read_q) & |puts;
  assign port_ready_o = ~clearing_q & ~wait_put;
  assign take = port_valid_i & port_ready_o & ~clear_i;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      clearing_q <= 1'b1;
      write_q <= 1'b0;
      read_q <= 1'b0;
      row_q <= '0;
    end else begin
      clearing_q <= clear_i | (clearing_q & ~&row_q);
      write_q <= ~clear_i & (wait_put ? write_q : take & port_write_i);
      read_q <= ~clear_i & (wait_put ? read_q : take & ~port_write_i);
      if (clear_i) row_q <= '0;
      else if (clearing_q) row_q <= row_q + BUCKET_W'(1);
      else if (take) row_q <= port_place_i[PLACE_W-2:2];
    end
  end
  always_ff @(posedge clk_i) begin
    if (take) begin
      places_q <= 8'd1 << {port_place_i[PLACE_W-1], port_place_i[1:0]};
      entry_q <= port_entry_i;
    end
  end
  assign ready_o = ~clearing_q;

  // What is written, and where in each array: a put's entry or the request's.
  logic [7:0]            writes;
  logic [ENTRY_W-1:0]    written;
  logic [ENTRY_W-2:0]    put_entry;
  logic [2*BUCKET_W-1:0] rows, put_rows;
  logic                  reads;
  assign writes = {8{clearing_q}} | ((|puts) ? puts : {8{write_q}} & places_q);
  assign written = {(|puts | entry_q[ENTRY_VALID]) & ~clearing_q,
                    (|puts) ? put_entry : entry_q[ENTRY_VALID-1:0]};
  assign rows = (|puts && !clearing_q) ? put_rows : {row_q, row_q};
  assign reads = read_q & ~wait_put;

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

  // --- 2 the memories, 3 their registers, 4 and 5 comparison ----------------------------------------

  logic [7:0]           hit_q;
  // verilator lint_off UNUSEDSIGNAL
  logic [7:0]           free_q;
  // verilator lint_on UNUSEDSIGNAL
  logic [8*VALUE_W-1:0] value_q;
  logic [8*ENTRY_W-1:0] others_q;
  generate
    for (genvar p = 0; p < 8; p++) begin : gen_place
      logic [ENTRY_W-1:0]  mem[BUCKETS];
      logic [ENTRY_W-1:0]  entry2_q, entry3_q, other_q;
      logic [BUCKET_W-1:0] bucket, row;
      assign bucket = buckets_q[(p/4)*BUCKET_W+:BUCKET_W];
      assign row = rows[(p/4)*BUCKET_W+:BUCKET_W];
      always_ff @(posedge clk_i) begin
        if (valid_q[0]) entry2_q <= mem[bucket];
      end
      always_ff @(posedge clk_i) begin
        if (writes[p]) mem[row] <= written;
        else if (reads) other_q <= mem[row];
      end
      assign others_q[ENTRY_W*p+:ENTRY_W] = other_q;

      logic [KEY_W-1:0]     difference;
      logic [18*GROUPS-1:0] padded;
      logic [GROUPS-1:0]    differs, differs4_q;
      logic                 valid4_q;
      logic [VALUE_W-1:0]   value4_q;
      assign difference = entry3_q[KEY_W-1:0] ^ key3_q;
      assign padded = (18 * GROUPS)'(difference);
      always_comb begin
        for (int unsigned g = 0; g < GROUPS; g++) differs[g] = |padded[18*g+:18];
      end
      always_ff @(posedge clk_i) begin
        if (valid_q[1]) entry3_q <= entry2_q;
        if (valid_q[2]) begin
          differs4_q <= differs;
          valid4_q <= entry3_q[ENTRY_VALID] & ~dead3_q;
          value4_q <= entry3_q[KEY_W+:VALUE_W];
        end
        if (valid_q[3]) begin
          hit_q[p] <= valid4_q & ~|differs4_q;
          free_q[p] <= ~valid4_q;
          value_q[VALUE_W*p+:VALUE_W] <= value4_q;
        end
      end
    end
  endgenerate

  // --- 6: the first hit ----------------------------------------------------------------------------

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
  assign valid_o = valid_q[LATENCY-1];
  assign hit_o = hit6_q;
  assign value_o = value6_q;

  // --- 6: puts -------------------------------------------------------------------------------------

  // The memories do not show what the look-ups of the five clocks before put.
  logic               again;  // one of them put this key
  logic [VALUE_W-1:0] again_value;
  generate
    if (PUT != 0) begin : gen_put
      localparam int unsigned BEFORE = 5;

      // Keys, buckets, values on the way: of clock i at [i * W +: W], 0: registered in clock 1.
      logic [(BEFORE+1)*KEY_W-1:0]      keys_q;
      logic [(BEFORE+1)*2*BUCKET_W-1:0] ways_q;
      logic [(BEFORE+1)*VALUE_W-1:0]    values_q;
      logic [BEFORE-1:0]                put_q;
      always_ff @(posedge clk_i) begin
        keys_q <= ((BEFORE + 1) * KEY_W)'({keys_q, key_i});
        ways_q <= ((BEFORE + 1) * 2 * BUCKET_W)'({ways_q, hash_i[32+:BUCKET_W],
                                                  hash_i[0+:BUCKET_W]});
        values_q <= ((BEFORE + 1) * VALUE_W)'({values_q, put_value_i});
        put_q <= {put_q[BEFORE-2:0], valid_i & put_i & ~clearing_q};
      end

      // 2: which of those before have the same key, and the same buckets; 3: all of the key.
      logic [BEFORE*GROUPS-1:0] differs, differs2_q;
      logic [BEFORE-1:0]        same3_q, same4_q, same5_q;
      logic [2*BEFORE-1:0]      beside, beside2_q, beside3_q, beside4_q, beside5_q;
      always_comb begin
        for (int unsigned d = 0; d < BEFORE; d++) begin
          beside[2*d] = ways_q[0+:BUCKET_W] == ways_q[2*BUCKET_W*(d+1)+:BUCKET_W];
          beside[2*d+1] = ways_q[BUCKET_W+:BUCKET_W] ==
                          ways_q[2*BUCKET_W*(d+1)+BUCKET_W+:BUCKET_W];
        end
      end
      for (genvar d = 0; d < BEFORE; d++) begin : gen_before
        logic [KEY_W-1:0]     difference;
        logic [18*GROUPS-1:0] padded;
        assign difference = keys_q[0+:KEY_W] ^ keys_q[KEY_W*(d+1)+:KEY_W];
        assign padded = (18 * GROUPS)'(difference);
        always_comb begin
          for (int unsigned g = 0; g < GROUPS; g++) differs[GROUPS*d+g] = |padded[18*g+:18];
        end
        always_ff @(posedge clk_i) same3_q[d] <= ~|differs2_q[GROUPS*d+:GROUPS];
      end
      always_ff @(posedge clk_i) begin
        differs2_q <= differs;
        same4_q <= same3_q;
        same5_q <= same4_q;
        beside2_q <= beside;
        beside3_q <= beside2_q;
        beside4_q <= beside3_q;
        beside5_q <= beside4_q;
      end

      // 5: the first free place. where_q: that of those before, 0: nothing was put.
      logic [BEFORE*8-1:0]       where_q;
      logic [BEFORE*VALUE_W-1:0] done_values_q;
      logic [BEFORE-1:0]         done;
      logic [7:0]                taken, free, place;
      logic                      put, put6_q;
      always_comb begin
        taken = '0;
        again_value = '0;
        for (int unsigned d = 0; d < BEFORE; d++) begin
          done[d] = |where_q[8*d+:8];
          taken = taken | (where_q[8*d+:8] & {{4{beside5_q[2*d+1]}}, {4{beside5_q[2*d]}}});
        end
        for (int unsigned d = 0; d < BEFORE; d++) begin
          again_value = again_value |
                        (done_values_q[VALUE_W*d+:VALUE_W] & {VALUE_W{same5_q[d] & done[d]}});
        end
      end
      assign again = |(same5_q & done);
      assign free = free_q & ~taken;
      assign place = free & (~free + 8'd1);
      assign put = valid_q[BEFORE-1] & put_q[BEFORE-1] & ~(|hit_q) & ~again & (|free);
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) where_q <= '0;
        else where_q <= {where_q[8*(BEFORE-1)-1:0], place & {8{put & ~clearing_q}}};
      end
      always_ff @(posedge clk_i) begin
        done_values_q <= (BEFORE * VALUE_W)'({done_values_q, values_q[VALUE_W*(BEFORE-1)+:VALUE_W]});
        put6_q <= put;
      end

      // 6: written.
      assign puts = where_q[7:0];
      assign put_rows = ways_q[2*BUCKET_W*BEFORE+:2*BUCKET_W];
      assign put_entry = {values_q[VALUE_W*BEFORE+:VALUE_W], keys_q[KEY_W*BEFORE+:KEY_W]};
      assign put_o = put6_q;
    end else begin : gen_no_put
      assign puts = '0;
      assign put_rows = '0;
      assign put_entry = '0;
      assign put_o = 1'b0;
      assign again = 1'b0;
      assign again_value = '0;
    end
  endgenerate

  // --- port: 3 and 4, what was read ----------------------------------------------------------------

  logic [2:0]         rvalid_q;
  logic [7:0]         places2_q;
  logic               array3_q;
  logic [ENTRY_W-1:0] read0, read1, read0_q, read1_q, answer_q;
  always_comb begin
    read0 = '0;
    read1 = '0;
    for (int unsigned p = 0; p < 4; p++) begin
      read0 = read0 | (others_q[ENTRY_W*p+:ENTRY_W] & {ENTRY_W{places2_q[p]}});
      read1 = read1 | (others_q[ENTRY_W*(4+p)+:ENTRY_W] & {ENTRY_W{places2_q[4+p]}});
    end
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) rvalid_q <= '0;
    else rvalid_q <= {rvalid_q[1:0], reads};
  end
  always_ff @(posedge clk_i) begin
    if (reads) places2_q <= places_q;
    if (rvalid_q[0]) begin
      read0_q <= read0;
      read1_q <= read1;
      array3_q <= |places2_q[7:4];
    end
    if (rvalid_q[1]) answer_q <= array3_q ? read1_q : read0_q;
  end
  assign port_rvalid_o = rvalid_q[PORT_LATENCY-2];
  assign port_entry_o = answer_q;

endmodule
