// SPDX-License-Identifier: BSD-3-Clause
// MP_JOINs of stage flow (docs/state.md, "flow", MP_JOIN): what becomes of each, and with which flow id
// its flow is learnt. Numbers in names are clocks behind the slot's first; each memory is read and
// written at its clock, so that slots, packets and commands, are done in order. One slot a clock.
//
// At 18 it is decided whether the stash is to put the flow (put18_o); the stash says in the clock
// behind whether it did (put19_i), and takes the flow id then. So what the slot just before did is known
// in time: its put, and the id and the provisional flow that this took. A token's count is read six
// clocks before it is written. On its way from there a slot takes over what each slot before it
// that has the same token entry leaves.
module mpnic_join #(
  parameter int unsigned FLOWS = 65536,
  parameter int unsigned STASH = 256,
  parameter int unsigned CONNS = 65536,
  parameter int unsigned TOKENS = 65536
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,

  input  logic                       wr_valid_i,  // of the tables' hash
  input  logic [14:0]                wr_at_i,
  input  logic [63:0]                wr_data_i,
  input  logic [63:0]                offset_i,
  input  logic                       clear_i,
  output logic                       ready_o,

  input  logic                       join2_i,  // an MP_JOIN is looked up
  input  logic [31:0]                token2_i,
  input  logic                       known17_i,  // the flow is in the flow table
  output logic                       put18_o,
  input  logic                       put19_i,
  input  logic                       hit19_i,  // the flow is in the stash
  output logic [$clog2(FLOWS)-1:0]   id19_o,  // what a learnt flow gets
  output logic [7:0]                 generation19_o,
  output logic [$clog2(CONNS)-1:0]   conn19_o,
  output logic                       side_b19_o,
  output logic [7:0]                 token20_o,  // enum token

  // Commands.
  input  logic                       port7_i,
  input  logic                       port_write_i,
  input  logic                       token13_i,  // id_i is written, if token_write_i, and read
  input  logic                       token_write_i,
  input  logic                       conn15_i,
  input  logic                       give19_i,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [31:0]                id_i,
  input  logic [mpnic_pkg::TABLE_PLACE_W-1:0] data_i,
  // verilator lint_on UNUSEDSIGNAL
  output logic [mpnic_pkg::TABLE_PLACE_W-1:0] place_o,  // zero unless it was read
  output logic [mpnic_pkg::TOKEN_ENTRY_W-1:0] entry_o   // the same
);

  localparam int unsigned ID_W = $clog2(FLOWS);
  localparam int unsigned CONN_W = $clog2(CONNS);
  localparam int unsigned INDEX_W = $clog2(TOKENS);
  localparam int unsigned KEY_W = 32;
  localparam int unsigned VALUE_LSB = mpnic_pkg::TABLE_PLACE_VALUE_LSB;

`include "mpnic_records.svh"

  // --- 2 to 13: the token's index ------------------------------------------------------------------

  localparam int unsigned PLACE_ENTRY_W = KEY_W + INDEX_W + 1;
  logic                     hash_valid, valid13, hit13;
  logic [63:0]              hash;
  logic [31:0]              key7;
  logic [INDEX_W-1:0]       value13;
  logic [PLACE_ENTRY_W-1:0] read;
  mpnic_hash #(
    .W(KEY_W)
  ) u_hash (
    .clk_i, .rst_ni, .wr_valid_i, .wr_at_i, .wr_data_i, .offset_i,
    .valid_i(join2_i),
    .key_i  (token2_i),
    .valid_o(hash_valid),
    .hash_o (hash)
  );
  mpnic_delay #(.W(KEY_W), .N(5)) u_key (.clk_i, .rst_ni, .data_i(token2_i), .data_o(key7));
  // verilator lint_off PINCONNECTEMPTY
  mpnic_table #(
    .ENTRIES(TOKENS),
    .KEY_W  (KEY_W),
    .VALUE_W(INDEX_W)
  ) u_table (
    .clk_i, .rst_ni, .clear_i, .ready_o,
    .valid_i      (hash_valid),
    .key_i        (key7),
    .hash_i       (hash),
    .valid_o      (valid13),
    .key3_o       (),
    .hit_o        (hit13),
    .value_o      (value13),
    .put_i        (1'b0),
    .put_value_i  ('0),
    .put_o        (),
    .hits_o       (),
    .taken_o      (),
    .port_valid_i (port7_i),
    .port_write_i,
    .port_place_i (id_i[INDEX_W-1:0]),
    .port_entry_i ({data_i[mpnic_pkg::TABLE_PLACE_VALID_LSB], data_i[VALUE_LSB+:INDEX_W],
                    data_i[KEY_W-1:0]}),
    .port_other_i ('0),
    .port_rvalid_o(),
    .port_entry_o (read)
  );
  // verilator lint_on PINCONNECTEMPTY
  always_comb begin
    place_o = '0;
    place_o[KEY_W-1:0] = read[KEY_W-1:0];
    place_o[VALUE_LSB+:INDEX_W] = read[KEY_W+:INDEX_W];
    place_o[mpnic_pkg::TABLE_PLACE_VALID_LSB] = read[PLACE_ENTRY_W-1];
  end

  // --- what travels --------------------------------------------------------------------------------

  logic [18:14] join_q, cmd_q;
  logic         join19_q, cmd19_q, write19_q, write20_q;
  logic         hit14_q, hit15_q, hit16_q, hit17_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      join_q <= '0;
      cmd_q <= '0;
      join19_q <= 1'b0;
      cmd19_q <= 1'b0;
    end else begin
      join_q <= {join_q[17:14], valid13};
      cmd_q <= {cmd_q[17:14], token13_i};
      join19_q <= join_q[18];
      cmd19_q <= cmd_q[18];
    end
  end
  always_ff @(posedge clk_i) {hit17_q, hit16_q, hit15_q, hit14_q} <= {hit16_q, hit15_q, hit14_q, hit13};

  // --- 13 to 15: the token's entry -----------------------------------------------------------------

  // { in range, conn_id, flags, cap }
  localparam int unsigned ENTRY_W = CONN_W + 11;
  // verilator lint_off UNUSEDSIGNAL
  mpnic_token_entry_t   given;
  // verilator lint_on UNUSEDSIGNAL
  logic [ENTRY_W-1:0]   entries[TOKENS];
  logic [ENTRY_W-1:0]   entry14_q, entry15_q, entry16_q, entry17_q, entry18_q, entry19_q, entry13;
  logic [7:0]           counts[TOKENS];
  logic [7:0]           count14_q, count15_q;
  logic [INDEX_W-1:0]   index13;
  logic [6*INDEX_W-1:0] index_q;  // of 14 to 19
  assign given = data_i[mpnic_pkg::TOKEN_ENTRY_W-1:0];
  assign entry13 = {~|given.conn_id[31:CONN_W], given.conn_id[CONN_W-1:0], given.flags[1:0],
                    given.cap};
  assign index13 = token13_i ? id_i[INDEX_W-1:0] : value13;
  always_ff @(posedge clk_i) begin
    if (token13_i && token_write_i) entries[index13] <= entry13;
    else entry14_q <= entries[index13];
    count14_q <= counts[index13];
    index_q <= {index_q[5*INDEX_W-1:0], index13};
    {entry19_q, entry18_q, entry17_q, entry16_q, entry15_q} <=
        {entry18_q, entry17_q, entry16_q, entry15_q, entry14_q};
    count15_q <= count14_q;
  end

  // --- 15 to 17: its connection's flag TCP ---------------------------------------------------------

  (* ram_style = "block" *) logic tcps[CONNS];
  logic              tcp16_q, tcp17_q;
  logic [CONN_W-1:0] conn15;
  assign conn15 = conn15_i ? id_i[CONN_W-1:0] : entry15_q[10+:CONN_W];
  always_ff @(posedge clk_i) begin
    if (conn15_i) tcps[conn15] <= data_i[24+mpnic_pkg::CONN_TCP];
    else tcp16_q <= tcps[conn15];
    tcp17_q <= tcp16_q;
  end

  // --- 13 to 18: how many are provisional ----------------------------------------------------------

  // Of the six slots before (0: the last) which have the same entry. The earliest two write when
  // the slot itself is at 13 and 14, the last when it is at 18.
  logic [5:0] same, same14_q;
  logic [3:0] same15_q;
  logic [2:0] same16_q;
  logic [1:0] same17_q;
  logic       same18_q;
  logic [7:0] count19_q, count20_q;  // what a slot leaves, if it writes
  logic       over15_q, over17;
  logic [7:0] over15_count_q, count16_q, count17_q, count17, count18_q, count18;
  logic [7:0] cap17, less17_q;  // cap - 1
  logic       room_now18_q, room_then18_q, room19_q, room18;
  logic       write19;
  always_comb begin
    for (int unsigned d = 0; d < 6; d++) same[d] = index13 == index_q[INDEX_W*d+:INDEX_W];
  end
  assign write19 = put19_i | write19_q;
  assign cap17 = entry17_q[7:0];
  assign over17 = same17_q[1] & write19;
  assign count17 = over17 ? count19_q : count17_q;
  // The same entry, so the slot just before had the same count and cap when it put.
  assign room18 = (same18_q & put19_i) ? room_then18_q : (same18_q & write19_q) ? room19_q : room_now18_q;
  assign count18 = (same18_q & write19) ? count19_q : count18_q;
  always_ff @(posedge clk_i) begin
    same14_q <= same;
    {same18_q, same17_q, same16_q, same15_q} <= {same17_q[0], same16_q[1:0], same15_q[2:0],
                                                 same14_q[3:0]};
    write20_q <= write19;
    count20_q <= count19_q;
    over15_q <= (same14_q[4] & write19) | (same14_q[5] & write20_q);
    over15_count_q <= (same14_q[4] & write19) ? count19_q : count20_q;
    count16_q <= (same15_q[3] & write19) ? count19_q : over15_q ? over15_count_q : count15_q;
    count17_q <= (same16_q[2] & write19) ? count19_q : count16_q;
    less17_q <= entry16_q[7:0] - 8'd1;
    count18_q <= count17;
    // Compared and added before it is known which, each in a form of its own, or tools share one
    // comparison or sum behind the choice.
    room_now18_q <= over17 ? cap17 > count19_q : count17_q < cap17;
    // Taken if it had room, so that cap is not 0.
    room_then18_q <= over17 ? less17_q > count19_q : count17_q < less17_q;
    count19_q <= (cmd_q[18] & token_write_i) ? given.provisional :
                 (same18_q & write19) ? count19_q + 8'd1 : count18_q - 8'hff;
    room19_q <= (cmd_q[18] & token_write_i) ? given.provisional < given.cap : room18;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) write19_q <= 1'b0;
    else write19_q <= cmd_q[18] & token_write_i;
  end
  always_ff @(posedge clk_i) begin
    if (write19) counts[index_q[INDEX_W*5+:INDEX_W]] <= count19_q;
  end

  // TOKEN_READ. The token itself stands in the table alone.
  mpnic_token_entry_t entry20_q;
  logic [7:0]         count19_read_q;
  always_ff @(posedge clk_i) begin
    count19_read_q <= count18;
    entry20_q <= '0;
    if (cmd19_q && !token_write_i) begin
      entry20_q.conn_id <= 32'(entry19_q[10+:CONN_W]) | {32{~entry19_q[10+CONN_W]}};
      entry20_q.flags <= 8'(entry19_q[9:8]);
      entry20_q.cap <= entry19_q[7:0];
      entry20_q.provisional <= count19_read_q;
    end
  end
  assign entry_o = entry20_q;

  // --- 19: free flow ids, in the order in which they were given ---------------------------------------

  localparam int unsigned PTR_W = $clog2(STASH);
  logic [ID_W+7:0]  ids[STASH];
  logic [ID_W+7:0]  head19;
  logic [PTR_W-1:0] rd_q, wr_q;
  logic [PTR_W:0]   free_q, free;
  logic             some_q, two_q, three, free18;
  // A slot gives or takes. Whether some are left is known without the sum.
  assign free = free_q + {{PTR_W{put19_i}}, put19_i | give19_i};
  assign three = (|free_q[PTR_W:2]) | (&free_q[1:0]);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rd_q <= '0;
      wr_q <= '0;
      free_q <= '0;
      some_q <= 1'b0;
      two_q <= 1'b0;
    end else begin
      rd_q <= rd_q + PTR_W'(put19_i);
      wr_q <= wr_q + PTR_W'(give19_i);
      free_q <= free;
      some_q <= two_q | give19_i | (some_q & ~put19_i);
      two_q <= three | (give19_i & some_q) | (two_q & ~put19_i);
    end
  end
  always_ff @(posedge clk_i) begin
    if (give19_i) ids[wr_q] <= {data_i[7:0], id_i[ID_W-1:0]};
  end
  assign head19 = ids[rd_q];
  // For the slot at 18, what the one at 19 gave or took.
  assign free18 = give19_i | (put19_i ? two_q : some_q);

  // --- 17 to 20: what becomes of it ----------------------------------------------------------------

  logic       asks18_q, asks19_q, full19_q, known18_q, known19_q;
  logic [7:0] verdict18_q, verdict19_q, token20_q;
  always_ff @(posedge clk_i) begin
    asks18_q <= join_q[17] & hit17_q & entry17_q[10+CONN_W] & ~tcp17_q &
                ~entry17_q[8+mpnic_pkg::TOKEN_ENTRY_PUNT] & ~known17_i;
    verdict18_q <= (~hit17_q | ~entry17_q[10+CONN_W]) ? mpnic_pkg::TOKEN_UNKNOWN :
                   tcp17_q ? mpnic_pkg::TOKEN_FALLBACK : mpnic_pkg::TOKEN_PUNTED;
    known18_q <= known17_i;
    known19_q <= known18_q;
    asks19_q <= asks18_q;
    full19_q <= room18;
    verdict19_q <= verdict18_q;
    token20_q <= ~join19_q ? mpnic_pkg::TOKEN_NONE :
                 (known19_q | hit19_i) ? mpnic_pkg::TOKEN_KNOWN :
                 ~asks19_q ? verdict19_q :
                 put19_i ? mpnic_pkg::TOKEN_LEARNT :
                 full19_q ? mpnic_pkg::TOKEN_FULL : mpnic_pkg::TOKEN_CAPPED;
  end
  assign put18_o = asks18_q & room18 & free18;
  assign id19_o = head19[ID_W-1:0];
  assign generation19_o = head19[ID_W+:8] + 8'd1;
  assign conn19_o = entry19_q[10+:CONN_W];
  assign side_b19_o = ~entry19_q[8+mpnic_pkg::TOKEN_ENTRY_SIDE_B];
  assign token20_o = token20_q;

endmodule
