// SPDX-License-Identifier: BSD-3-Clause
// mpnic_table, whatever is looked up, written and read.
//
// table_props: a look-up of one key, chosen at will, gives exactly what stood in the table in the
// clock in which it was given, and at which of its places the key stood, and anything; a read gives
// what stands at its place; cleared means empty.
// table_move: while an entry is moved from place to place, again and again, copied first, cleared
// later, and anything else is written elsewhere, every look-up of its key finds it.
// table_put: a key is put once, whatever is put before, between and beside; from then on every look-up
// finds it, with the value that was put.
`include "formal.svh"
module table_props #(
  parameter int unsigned ENTRIES = 16,
  parameter int unsigned KEY_W = 2,
  parameter int unsigned VALUE_W = 1
) (
  input logic                       clk_i,
  input logic                       clear_i,
  input logic                       valid_i,
  input logic                       mine_i,
  input logic [KEY_W-1:0]           key_i,
  input logic [63:0]                hash_i,
  input logic                       port_valid_i,
  input logic                       port_write_i,
  input logic [$clog2(ENTRIES)-1:0] port_place_i,
  input logic [KEY_W+VALUE_W:0]     port_entry_i
);
  localparam int unsigned PLACE_W = $clog2(ENTRIES);
  localparam int unsigned BUCKET_W = PLACE_W - 3;
  localparam int unsigned LATENCY = mpnic_rtl_pkg::TABLE_LATENCY;

  logic rst_n_q = 1'b0;
  always_ff @(posedge clk_i) rst_n_q <= 1'b1;

  // The key that is watched, and its hash: any.
  logic [KEY_W-1:0] key_q = '0, key;
  logic [63:0]      hash_q = '0, hash;
  always_ff @(posedge clk_i) begin
    if (!rst_n_q) begin
      key_q <= key_i;
      hash_q <= hash_i;
    end
  end
  assign key = mine_i ? key_q : key_i;
  assign hash = mine_i ? hash_q : hash_i;

  logic                   ready_o, valid_o, hit_o, port_rvalid_o;
  logic [VALUE_W-1:0]     value_o;
  logic [7:0]             hits_o, taken_o;
  logic [KEY_W+VALUE_W:0] port_entry_o;
  mpnic_table #(.ENTRIES(ENTRIES), .KEY_W(KEY_W), .VALUE_W(VALUE_W)) u_dut (
    .clk_i, .rst_ni(rst_n_q), .clear_i, .ready_o, .valid_i, .key_i(key), .hash_i(hash),
    .put_i(1'b0), .put_value_i('0), .valid_o, .key3_o(), .hit_o, .value_o, .hits_o, .taken_o, .port_valid_i, .port_write_i, .port_place_i, .port_entry_i, .port_other_i('0), .port_rvalid_o,
    .port_entry_o
  );

  // What stands in the key's two buckets: for each of eight places whether anything is there, the key,
  // and with which value.
  logic [7:0]           there_q = '0, taken_q = '0;
  logic [8*VALUE_W-1:0] values_q = '0;
  logic                 take, near;
  logic [2:0]           at;
  assign take = port_valid_i & ready_o & ~clear_i;
  assign at = {port_place_i[PLACE_W-1], port_place_i[1:0]};
  assign near = port_place_i[PLACE_W-2:2] ==
                (at[2] ? hash_q[32+:BUCKET_W] : hash_q[0+:BUCKET_W]);
  always_ff @(posedge clk_i) begin
    if (clear_i) begin
      there_q <= '0;
      taken_q <= '0;
    end else if (take && port_write_i && near) begin
      taken_q[at] <= port_entry_i[KEY_W+VALUE_W];
      there_q[at] <= port_entry_i[KEY_W+VALUE_W] & (port_entry_i[KEY_W-1:0] == key_q);
      values_q[at*VALUE_W+:VALUE_W] <= port_entry_i[KEY_W+:VALUE_W];
    end
  end
  logic [VALUE_W-1:0] value;
  always_comb begin
    value = '0;
    for (int i = 7; i >= 0; i--) if (there_q[i]) value = values_q[i*VALUE_W+:VALUE_W];
  end

  // Look-ups under way.
  logic [LATENCY-1:0]         valid_q = '0, mine_q = '0, hit_q = '0;
  logic [LATENCY*VALUE_W-1:0] value_q = '0;
  logic [(LATENCY-1)*16-1:0]  places_q = '0;  // taken and there, as of the clock of the look-up
  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
      valid_q <= {valid_q[LATENCY-2:0], valid_i};
      places_q <= ((LATENCY - 1) * 16)'({places_q, {taken_q, there_q} & {16{ready_o}}});
      mine_q <= {mine_q[LATENCY-2:0], mine_i};
      hit_q <= {hit_q[LATENCY-2:0], (|there_q) & ready_o};
      value_q <= (LATENCY * VALUE_W)'({value_q, value});
    end
  end

  // A place that is watched: what is read there.
  logic [PLACE_W-1:0]     place_q = '0;
  logic                   known_q = 1'b0;
  logic [KEY_W+VALUE_W:0] entry_q = '0;
  logic [2:0]             read_q = '0, answer_q = '0;
  logic [3*(KEY_W+VALUE_W+1)-1:0] read_entry_q = '0;
  always_ff @(posedge clk_i) begin
    if (!rst_n_q) place_q <= port_place_i;
    else begin
      if (clear_i) known_q <= 1'b0;
      else if (take && port_write_i && port_place_i == place_q) begin
        known_q <= 1'b1;
        entry_q <= port_entry_i;
      end
      read_q <= {read_q[1:0], take & ~port_write_i};
      answer_q <= {answer_q[1:0],
                   take & ~port_write_i & known_q & (port_place_i == place_q)};
      read_entry_q <= (3 * (KEY_W + VALUE_W + 1))'({read_entry_q, entry_q});
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
      `PROVE(valid_o == valid_q[LATENCY-1]);
      `PROVE(port_rvalid_o == read_q[2]);
      if (valid_q[LATENCY-1] && mine_q[LATENCY-1]) begin
        `PROVE(hit_o == hit_q[LATENCY-1]);
        if (hit_q[LATENCY-1]) `PROVE(value_o == value_q[(LATENCY-1)*VALUE_W+:VALUE_W]);
      end
      if (valid_q[LATENCY-2] && mine_q[LATENCY-2])
        `PROVE({taken_o, hits_o} == places_q[(LATENCY-2)*16+:16]);
      if (answer_q[2]) `PROVE(port_entry_o == read_entry_q[2*(KEY_W+VALUE_W+1)+:KEY_W+VALUE_W+1]);
      `COVER(valid_o && mine_q[LATENCY-1] && hit_o && hit_q[LATENCY-1] && |value_o);
      `COVER(answer_q[2] && !clear_i && there_q == 8'h11);
    end
  end
endmodule

module table_move #(
  parameter int unsigned ENTRIES = 16,
  parameter int unsigned KEY_W = 2,
  parameter int unsigned VALUE_W = 2
) (
  input logic                       clk_i,
  input logic                       step_i,  // the entry's next step, to port_place_i
  input logic                       valid_i,
  input logic                       mine_i,
  input logic [KEY_W-1:0]           key_i,
  input logic [63:0]                hash_i,
  input logic                       port_valid_i,
  input logic                       port_write_i,
  input logic [$clog2(ENTRIES)-1:0] port_place_i,
  input logic [KEY_W+VALUE_W:0]     port_entry_i
);
  localparam int unsigned PLACE_W = $clog2(ENTRIES);
  localparam int unsigned BUCKET_W = PLACE_W - 3;
  localparam int unsigned LATENCY = mpnic_rtl_pkg::TABLE_LATENCY;

  logic rst_n_q = 1'b0;
  always_ff @(posedge clk_i) rst_n_q <= 1'b1;

  logic [KEY_W-1:0]   key_q = '0, key;
  logic [VALUE_W-1:0] value_q = '0;
  logic [63:0]        hash_q = '0, hash;
  always_ff @(posedge clk_i) begin
    if (!rst_n_q) begin
      key_q <= key_i;
      hash_q <= hash_i;
      value_q <= port_entry_i[KEY_W+:VALUE_W];
    end
  end
  assign key = mine_i ? key_q : key_i;
  assign hash = mine_i ? hash_q : hash_i;

  // Where the entry stands: nowhere yet, at one place, at two.
  logic [1:0]             places_q = '0;
  logic [PLACE_W-1:0]     old_q = '0, new_q = '0, place;
  logic                   ready_o, own, step, valid, write;
  logic [KEY_W+VALUE_W:0] entry;
  assign own = port_place_i[PLACE_W-2:2] ==
               (port_place_i[PLACE_W-1] ? hash_q[32+:BUCKET_W] : hash_q[0+:BUCKET_W]);
  assign step = step_i & ready_o &
                ((places_q == 2'd2) | (own & ((places_q == 2'd0) | (port_place_i != old_q))));
  assign place = (step && places_q == 2'd2) ? old_q : port_place_i;
  assign entry = step ? {places_q != 2'd2, value_q, key_q} : port_entry_i;
  assign write = step | port_write_i;
  // Nobody else writes to its places, or its key.
  assign valid = step | (port_valid_i & ~(port_write_i &
      (((port_place_i == old_q) & (places_q != 2'd0)) |
       ((port_place_i == new_q) & (places_q == 2'd2)) |
       (port_entry_i[KEY_W+VALUE_W] & (port_entry_i[KEY_W-1:0] == key_q)))));
  logic moved_q = 1'b0;
  always_ff @(posedge clk_i) begin
    if (rst_n_q && step) begin
      if (places_q == 2'd1) new_q <= port_place_i;
      if (places_q == 2'd0) old_q <= port_place_i;
      if (places_q == 2'd2) old_q <= new_q;
      places_q <= (places_q == 2'd1) ? 2'd2 : 2'd1;
      moved_q <= moved_q | (places_q == 2'd2);
    end
  end

  logic                   valid_o, hit_o, port_rvalid_o;
  logic [VALUE_W-1:0]     value_o;
  logic [KEY_W+VALUE_W:0] port_entry_o;
  mpnic_table #(.ENTRIES(ENTRIES), .KEY_W(KEY_W), .VALUE_W(VALUE_W)) u_dut (
    .clk_i, .rst_ni(rst_n_q), .clear_i(1'b0), .ready_o, .valid_i, .key_i(key), .hash_i(hash),
    .put_i(1'b0), .put_value_i('0), .valid_o, .key3_o(), .hit_o, .value_o, .port_valid_i(valid), .port_write_i(write), .port_place_i(place),
    .port_entry_i(entry), .port_other_i('0), .port_rvalid_o, .port_entry_o
  );

  logic [LATENCY-1:0] due_q = '0;
  always_ff @(posedge clk_i) begin
    if (rst_n_q) due_q <= {due_q[LATENCY-2:0], valid_i & mine_i & (places_q != 2'd0)};
  end
  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
      if (due_q[LATENCY-1]) `PROVE(valid_o && hit_o && value_o == value_q);
      `COVER(due_q[LATENCY-1] && moved_q && old_q[PLACE_W-1]);
    end
  end
endmodule

module table_put #(
  parameter int unsigned ENTRIES = 16,
  parameter int unsigned KEY_W = 2,
  parameter int unsigned VALUE_W = 1
) (
  input logic               clk_i,
  input logic               valid_i,
  input logic               mine_i,
  input logic               put_i,
  input logic [VALUE_W-1:0] put_value_i,
  input logic [KEY_W-1:0]   key_i,
  input logic [63:0]        hash_i
);
  localparam int unsigned LATENCY = mpnic_rtl_pkg::TABLE_LATENCY;

  logic rst_n_q = 1'b0;
  always_ff @(posedge clk_i) rst_n_q <= 1'b1;

  logic [KEY_W-1:0] key_q = '0, key;
  logic [63:0]      hash_q = '0, hash;
  always_ff @(posedge clk_i) begin
    if (!rst_n_q) begin
      key_q <= key_i;
      hash_q <= hash_i;
    end
  end
  // Another key has another hash, but for the place of its buckets.
  logic mine;
  assign mine = mine_i | (key_i == key_q);
  assign key = mine ? key_q : key_i;
  assign hash = mine ? hash_q : hash_i;

  logic                   ready_o, valid_o, hit_o, put_o, port_rvalid_o;
  logic [VALUE_W-1:0]     value_o;
  logic [KEY_W+VALUE_W:0] port_entry_o;
  mpnic_table #(.ENTRIES(ENTRIES), .KEY_W(KEY_W), .VALUE_W(VALUE_W), .PUT(1)) u_dut (
    .clk_i, .rst_ni(rst_n_q), .clear_i(1'b0), .ready_o, .valid_i, .key_i(key), .hash_i(hash),
    .put_i, .put_value_i, .valid_o, .key3_o(), .hit_o, .value_o, .put_o, .port_valid_i(1'b0),
    .port_write_i(1'b0), .port_place_i('0), .port_entry_i('0), .port_other_i('0), .port_rvalid_o, .port_entry_o
  );

  logic [LATENCY-1:0]         mine_q = '0;
  logic                       put_q = 1'b0;
  logic                       known_q = 1'b0;
  logic [VALUE_W-1:0]         value_q = '0;
  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
      mine_q <= {mine_q[LATENCY-2:0], valid_i & mine};
      put_q <= put_i;
      if (mine_q[LATENCY-1] && put_o) begin
        known_q <= 1'b1;
        value_q <= put_value_i;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
      if (mine_q[LATENCY-1]) begin
        `PROVE(valid_o && hit_o == known_q && !(put_o && hit_o));
        if (known_q) `PROVE(value_o == value_q);
        if (put_o) `PROVE(put_q);
      end
      `COVER(mine_q[LATENCY-1] && known_q && |value_q);
    end
  end
endmodule
