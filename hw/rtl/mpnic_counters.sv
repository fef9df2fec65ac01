// SPDX-License-Identifier: BSD-3-Clause
// What was said of the packets of each of 64 sources, counted (docs/state.md, "Counters"): 64 bits
// each. The number of a counter is its place, in words of 64 bits, in struct mpnic_state_counters.
// Packets: one a clock, of any source; bits of actions from REWRITE on are not counted.
//
// A read (read_i; then none until read_valid_o) is answered within 150 clocks, with all packets
// before it and some or none of those that come until then: exact if there are none. ready_o is
// low after reset until all counters are 0; neither packets nor reads come before.
//
// Four bits of what is said are a group. By group and source a small memory counts how often each
// of their 16 values came, modulo 2^18: one increment a packet. A counter is a sum of these,
// modulo 2^18. A sweeper goes over all counters, makes that sum, and adds what it has grown by to
// the counter proper, of 64 bits. It does a step for each packet, and so is back before 2^18 of
// them have come; a read is a visit out of its turn. Bytes are the same with one sum by source,
// modulo 2^36.
module mpnic_counters (
  input  logic                           clk_i,
  input  logic                           rst_ni,
  output logic                           ready_o,

  input  logic                           valid_i,
  input  logic [5:0]                     source_i,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [mpnic_pkg::RESULT_W-1:0] result_i,
  // verilator lint_on UNUSEDSIGNAL
  input  logic [15:0]                    len_i,
  input  logic                           event_i,  // one was written
  input  logic                           lost_i,  // one found no room

  input  logic                           read_i,
  input  logic [5:0]                     read_source_i,
  input  logic [6:0]                     read_number_i,
  output logic                           read_valid_o,
  output logic [63:0]                    read_o
);

  localparam int unsigned GROUPS = 15;
  localparam int unsigned KEYS_W = 4 * GROUPS;
  localparam int unsigned SMALL_W = 18;
  localparam int unsigned BYTES_W = 36;
  localparam int unsigned BEFORE = 3;  // clocks whose packets memory does not show
  localparam logic [6:0]  NUMBERS = 7'd116;

  // --- 1: groups, or what is cleared -------------------------------------------------------------

  logic              clearing_q;
  logic [12:0]       turn_q;  // of the sweeper: { number, source }
  logic [KEYS_W-1:0] keys;
  assign keys = {result_i[mpnic_pkg::RESULT_SIGNS_LSB+:32],
                 result_i[mpnic_pkg::RESULT_ACTIONS_LSB+2+:4],
                 result_i[mpnic_pkg::RESULT_ACTIONS_LSB+1], result_i[mpnic_pkg::RESULT_DROP_LSB+:3],
                 result_i[mpnic_pkg::RESULT_ACTIONS_LSB], result_i[mpnic_pkg::RESULT_PUNT_LSB+:3],
                 lost_i, result_i[mpnic_pkg::RESULT_TOKEN_LSB+:3],
                 event_i, result_i[mpnic_pkg::RESULT_FLOW_LSB+:3],
                 result_i[mpnic_pkg::RESULT_MAP_CSUM_LSB+:4],
                 result_i[mpnic_pkg::RESULT_DSN_STATE_LSB+:4]};

  // Of stage i: [i - 1].
  logic [5:0]          valid_q;
  logic [6*6-1:0]      source_q;
  logic [5*KEYS_W-1:0] keys_q;
  logic [6*16-1:0]     len_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[4:0], clearing_q ? ~turn_q[12] : valid_i};
  end
  always_ff @(posedge clk_i) begin
    if (|{valid_q, valid_i, clearing_q}) begin
      source_q <= {source_q[29:0], clearing_q ? turn_q[9:4] : source_i};
      keys_q <= {keys_q[4*KEYS_W-1:0], clearing_q ? {GROUPS{turn_q[3:0]}} : keys};
      len_q <= {len_q[79:0], len_i};
    end
  end

  // Which of those before have the same source.
  logic [BEFORE-1:0] same, same2_q, same3_q;
  always_comb begin
    for (int unsigned d = 0; d < BEFORE; d++) begin
      same[d] = valid_q[d+1] & (source_q[0+:6] == source_q[6*(d+1)+:6]);
    end
  end
  always_ff @(posedge clk_i) begin
    same2_q <= same;
    same3_q <= same2_q;
  end

  // --- 2 to 5: how often each group had each value -----------------------------------------------

  logic                       step;  // of the sweeper
  logic [4:0]                 at_q;  // its place in a visit
  logic [12:0]                visit_q;  // the visit: { number, source }
  logic [32*(GROUPS+1)-1:0]   small2;  // by group
  generate
    for (genvar g = 0; g < GROUPS; g++) begin : gen_group
      (* ram_style = "block" *) logic [SMALL_W-1:0] mem[1024];
      (* ram_style = "block" *) logic [SMALL_W-1:0] copy[1024];  // the sweeper's
      logic [SMALL_W-1:0] small3_q, small4_q, small5_q, small1_q, small2_q;
      logic [3:0]         key2, key3, key4, key5;
      logic [BEFORE-1:0]  uses3_q;
      logic [2:0]         adds4_q;
      assign key2 = keys_q[KEYS_W+4*g+:4];
      assign key3 = keys_q[2*KEYS_W+4*g+:4];
      assign key4 = keys_q[3*KEYS_W+4*g+:4];
      assign key5 = keys_q[4*KEYS_W+4*g+:4];
      always_ff @(posedge clk_i) begin
        if (valid_q[4]) mem[{source_q[24+:6], key5}] <= small5_q;
        if (valid_q[1]) small3_q <= mem[{source_q[6+:6], key2}];
      end
      always_ff @(posedge clk_i) begin
        if (valid_q[4]) copy[{source_q[24+:6], key5}] <= small5_q;
        if (step) small1_q <= copy[{visit_q[5:0], at_q[3:0]}];
      end
      always_ff @(posedge clk_i) begin
        if (valid_q[1]) begin
          uses3_q <= same2_q & {key2 == key5, key2 == key4, key2 == key3};
        end
        if (valid_q[2]) begin
          small4_q <= small3_q;
          adds4_q <= 3'd1 + 3'(uses3_q[0]) + 3'(uses3_q[1]) + 3'(uses3_q[2]);
        end
        if (valid_q[3]) begin
          small5_q <= (small4_q + SMALL_W'(adds4_q)) & {SMALL_W{~clearing_q}};
        end
        if (step) small2_q <= small1_q;
      end
      assign small2[32*g+:32] = 32'(small2_q);
    end
  endgenerate
  assign small2[32*GROUPS+:32] = '0;

  // --- 3 to 6: bytes -----------------------------------------------------------------------------

  (* ram_style = "block" *) logic [BYTES_W-1:0] bytes_mem[64];
  (* ram_style = "block" *) logic [BYTES_W-1:0] bytes_copy[64];
  logic [BYTES_W-1:0] bytes4_q, bytes5_q, bytes6_q, bytes1_q, bytes2_q;
  logic [16:0]        adds4a_q, adds4b_q;
  logic [17:0]        adds5_q;
  always_ff @(posedge clk_i) begin
    if (valid_q[5]) bytes_mem[source_q[30+:6]] <= bytes6_q;
    if (valid_q[2]) bytes4_q <= bytes_mem[source_q[12+:6]];
  end
  always_ff @(posedge clk_i) begin
    if (valid_q[5]) bytes_copy[source_q[30+:6]] <= bytes6_q;
    if (step) bytes1_q <= bytes_copy[visit_q[5:0]];
  end
  always_ff @(posedge clk_i) begin
    if (valid_q[2]) begin
      adds4a_q <= {1'b0, len_q[32+:16]} + {1'b0, len_q[48+:16] & {16{same3_q[0]}}};
      adds4b_q <= {1'b0, len_q[64+:16] & {16{same3_q[1]}}} +
                  {1'b0, len_q[80+:16] & {16{same3_q[2]}}};
    end
    if (valid_q[3]) begin
      bytes5_q <= bytes4_q;
      adds5_q <= 18'(adds4a_q) + 18'(adds4b_q);
    end
    if (valid_q[4]) begin
      bytes6_q <= (bytes5_q + BYTES_W'(adds5_q)) & {BYTES_W{~clearing_q}};
    end
    if (step) bytes2_q <= bytes1_q;
  end

  // --- sweeper: whose turn it is -----------------------------------------------------------------

  // A read is due when the packets before it are counted; three turns lie between two of them, so
  // that they do not keep the sweeper from coming round.
  localparam logic [4:0] LAST = 5'd23;  // of a visit
  logic       last_q, take, due_q, wanted_q, reading_q;
  logic [5:0] wait_q;
  logic [1:0] turns_q;
  logic [12:0] read_what_q;
  assign step = valid_q[0] | wanted_q | clearing_q;
  assign take = due_q & (&turns_q);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      clearing_q <= 1'b1;
      turn_q <= '0;
      visit_q <= '0;
      at_q <= '0;
      last_q <= 1'b0;
      {due_q, wanted_q, reading_q} <= '0;
      wait_q <= '0;
      turns_q <= '0;
    end else begin
      clearing_q <= clearing_q & ~&turn_q;
      wait_q <= {wait_q[4:0], read_i};
      wanted_q <= read_i | (wanted_q & ~read_valid_o);
      due_q <= wait_q[5] | (due_q & ~(step & last_q & take));
      if (step) begin
        last_q <= at_q == LAST - 5'd1;
        at_q <= (last_q | clearing_q) ? '0 : at_q + 5'd1;
        if (last_q) begin
          reading_q <= take;
          turns_q <= take ? '0 : turns_q + {1'b0, ~&turns_q};
        end
        if (last_q | clearing_q) begin
          visit_q <= take ? read_what_q : turn_q;
          if (~take) begin
            turn_q <= turn_q + 13'd1;
            if (turn_q == {NUMBERS - 7'd1, 6'd63} && !clearing_q) turn_q <= '0;
          end
        end
      end
    end
  end
  always_ff @(posedge clk_i) if (read_i) read_what_q <= {read_number_i, read_source_i};
  assign ready_o = ~clearing_q;

  // --- which values of which group the counter is the sum of -------------------------------------

  logic [3:0] group, group_q, mask, mask_q, match, match_q;
  logic [6:0] number;
  logic       some, some_q, is_bytes_q;
  assign number = visit_q[12:6];
  always_comb begin
    some = 1'b1;
    group = '0;
    mask = 4'hf;
    match = number[3:0];
    casez (number)
      7'b0000???: {group, mask, match} = {4'd2, 4'h7, 1'b0, number[2:0]};  // flow
      7'b0001???: {group, mask, match} = {4'd3, 4'h7, 1'b0, number[2:0]};  // token
      7'b001????: group = 4'd0;  // dsn
      7'b010????: group = 4'd1;  // map_csum
      7'b0110???: {group, mask, match} = {4'd4, 4'h7, 1'b0, number[2:0]};  // punt
      7'b0111???: {group, mask, match} = {4'd5, 4'h7, 1'b0, number[2:0]};  // drop
      7'b1000000: {group, mask, match} = {4'd4, 4'h8, 4'h8};  // action
      7'b1000001: {group, mask, match} = {4'd5, 4'h8, 4'h8};
      7'b100001?, 7'b100010?: begin
        group = 4'd6;
        mask = 4'd1 << (number[1:0] ^ 2'd2);
        match = mask;
      end
      7'b101????, 7'b110????: begin  // sign
        group = {1'b0, ~number[4], number[3:2]} + 4'd7;
        mask = 4'd1 << number[1:0];
        match = mask;
      end
      7'b1110000: {mask, match} = 8'h00;  // packets
      7'b1110010: {group, mask, match} = {4'd2, 4'h8, 4'h8};  // events
      7'b1110011: {group, mask, match} = {4'd3, 4'h8, 4'h8};  // lost
      default: some = 1'b0;
    endcase
  end
  always_ff @(posedge clk_i) begin
    if (step) begin
      {some_q, group_q, mask_q, match_q} <= {some, group, mask, match};
      is_bytes_q <= number == 7'd113;
    end
  end

  // --- a visit: the sum, what it has grown by, the counter ---------------------------------------

  (* ram_style = "block" *) logic [63:0] large_mem[8192];
  logic [63:0]        large1_q, large2_q, new_q;
  logic [32:0]        low_q;
  logic [BYTES_W-1:0] one3_q, sum_q, grown_q;
  logic               take0, take1_q, take2_q, take3_q;
  // Values 1 to 15, then 0, so that what the counter is the sum of is known before the first.
  assign take0 = (at_q[4] ? ~|at_q[3:0] : |at_q[3:0]) &
                 (is_bytes_q ? at_q[4] : some_q & ((at_q[3:0] & mask_q) == match_q));
  always_ff @(posedge clk_i) begin
    if (clearing_q | (step & last_q)) large_mem[visit_q] <= new_q;
    else if (step) large1_q <= large_mem[visit_q];
  end
  always_ff @(posedge clk_i) begin
    if (step) begin
      large2_q <= large1_q;
      {take3_q, take2_q, take1_q} <= {take2_q, take1_q, take0};
      one3_q <= is_bytes_q ? bytes2_q : BYTES_W'(small2[{group_q, 5'd0}+:SMALL_W]);
      if (at_q == '0) begin
        sum_q <= '0;
      end else if (take3_q) begin
        sum_q[SMALL_W-1:0] <= sum_q[SMALL_W-1:0] + one3_q[SMALL_W-1:0];
        sum_q[BYTES_W-1:SMALL_W] <= one3_q[BYTES_W-1:SMALL_W];
      end
      grown_q <= sum_q - large2_q[BYTES_W-1:0];
      if (!is_bytes_q) grown_q[BYTES_W-1:SMALL_W] <= '0;
      low_q <= 33'(large2_q[31:0]) + 33'(grown_q[31:0]);
    end
    if (clearing_q) new_q <= '0;
    else if (step) new_q <= {large2_q[63:32] + 32'(grown_q[BYTES_W-1:32]) + 32'(low_q[32]),
                             low_q[31:0]};
  end
  logic read_valid_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) read_valid_q <= 1'b0;
    else read_valid_q <= step & last_q & reading_q;
  end
  logic [63:0] read_q;
  always_ff @(posedge clk_i) if (last_q) read_q <= new_q;
  assign read_valid_o = read_valid_q;
  assign read_o = read_q;

endmodule
