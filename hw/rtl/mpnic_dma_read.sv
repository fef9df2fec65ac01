// SPDX-License-Identifier: BSD-3-Clause
// AXI4 read master, shared by clients: requests of any address and length in, their bytes out, packed
// from the first one on.
//
// Bursts are INCR of whole 64-byte beats, the client's number is their id. None crosses 4 KiB, none
// has a beat in which its request has no byte. A burst is issued only where there is room for its
// answer, so that R never waits for a client. A client's answers come in the order of its requests,
// beats of different clients in any. A beat that its client does not take within PATIENCE clocks goes
// back if another client has one: rsp_valid_o may fall before rsp_ready_i comes, and the beat is
// offered again. Bytes behind a request's last one are undefined.
module mpnic_dma_read #(
  parameter int unsigned CLIENTS = 4,   // at most 4
  parameter int unsigned BULK = 2,      // the client that has 256 beats of room; others have 64
  parameter int unsigned PATIENCE = 8
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,

  input  logic [CLIENTS-1:0]    req_valid_i,
  output logic [CLIENTS-1:0]    req_ready_o,
  input  logic [64*CLIENTS-1:0] req_addr_i,   // of the first byte
  input  logic [16*CLIENTS-1:0] req_len_i,    // bytes, 1 to 65535

  output logic [CLIENTS-1:0]    rsp_valid_o,  // one-hot at most
  input  logic [CLIENTS-1:0]    rsp_ready_i,
  output logic [511:0]          rsp_data_o,
  output logic                  rsp_last_o,
  output logic                  rsp_error_o,  // with the last beat: a beat was not answered well

  output logic                  m_axi_arvalid_o,
  input  logic                  m_axi_arready_i,
  output logic [3:0]            m_axi_arid_o,
  output logic [63:0]           m_axi_araddr_o,
  output logic [7:0]            m_axi_arlen_o,
  output logic [2:0]            m_axi_arsize_o,
  output logic [1:0]            m_axi_arburst_o,

  input  logic                  m_axi_rvalid_i,
  output logic                  m_axi_rready_o,
  input  logic [3:0]            m_axi_rid_i,
  input  logic [511:0]          m_axi_rdata_i,
  input  logic [1:0]            m_axi_rresp_i,
  input  logic                  m_axi_rlast_i
);

  localparam int unsigned ID_W = 2;
  localparam int unsigned BURST = 32;       // beats at most
  localparam int unsigned BURSTS_LOG2 = 5;  // log2 of a client's bursts under way
  localparam int unsigned ROOM_W = 9;       // of numbers of a client's beats

  // ---- requests: each client's is cut into bursts ------------------------------------------------

  logic [CLIENTS-1:0]      can, grant;
  logic [58*CLIENTS-1:0]   burst_addr;   // in beats
  logic [6*CLIENTS-1:0]    burst_beats;
  logic [9*CLIENTS-1:0]    burst_how;    // { offset of the request, extra, first, last }
  logic [CLIENTS-1:0]      ends;         // a burst of the client's has its last beat
  logic [CLIENTS-1:0]      taken;        // a beat of the client's has left

  generate
    for (genvar c = 0; c < CLIENTS; c++) begin : gen_client
      localparam int unsigned ROOM = (c == BULK) ? 256 : 64;
      typedef enum logic [1:0] {IDLE, SIZE, CUT, OFFER} state_e;
      state_e              state_q;
      logic [57:0]         addr_q;
      logic [5:0]          offset_q, beats_q;
      logic [15:0]         len_q;
      logic [10:0]         left_q;       // beats to be asked for
      logic                first_q, last_q, extra_q, can_q;
      logic [ROOM_W-1:0]   room_q;       // beats that nothing was asked for
      logic [5:0]          cost_q;       // beats that the burst's answer makes
      logic [BURSTS_LOG2:0] bursts_q;

      // A request's beats in memory, and in its answer.
      logic [10:0] span, packed_span;
      assign span = 11'((17'(len_q) + 17'(offset_q) + 17'd63) >> 6);
      assign packed_span = 11'((17'(len_q) + 17'd63) >> 6);

      // The burst ends with the request, with the page, or is as long as a burst may be.
      logic [6:0]  to_page;
      logic [5:0]  limit, beats;
      logic        ends_request;
      assign to_page = 7'd64 - {1'b0, addr_q[5:0]};
      assign limit = (to_page > 7'(BURST)) ? 6'(BURST) : to_page[5:0];
      assign ends_request = left_q <= {5'd0, limit};
      assign beats = ends_request ? left_q[5:0] : limit;

      assign req_ready_o[c] = state_q == IDLE;
      assign can[c] = can_q;
      assign burst_addr[c*58+:58] = addr_q;
      assign burst_beats[c*6+:6] = beats_q;
      assign burst_how[c*9+:9] = {offset_q, extra_q, first_q, last_q};

      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          state_q <= IDLE;
          can_q <= 1'b0;
          room_q <= ROOM_W'(ROOM);
          bursts_q <= '0;
        end else begin
          room_q <= room_q + ROOM_W'(taken[c]) - (grant[c] ? ROOM_W'(cost_q) : '0);
          bursts_q <= bursts_q + (BURSTS_LOG2 + 1)'(grant[c]) - (BURSTS_LOG2 + 1)'(ends[c]);
          // Room grows until the grant.
          can_q <= state_q == OFFER && !grant[c] && ROOM_W'(cost_q) <= room_q &&
                   !bursts_q[BURSTS_LOG2];
          unique case (state_q)
            IDLE: if (req_valid_i[c]) state_q <= SIZE;
            SIZE: state_q <= CUT;
            CUT: state_q <= OFFER;
            default: if (grant[c]) state_q <= last_q ? IDLE : CUT;
          endcase
        end
      end

      always_ff @(posedge clk_i) begin
        unique case (state_q)
          IDLE: begin
            {addr_q, offset_q} <= req_addr_i[c*64+:64];
            len_q <= req_len_i[c*16+:16];
            first_q <= 1'b1;
          end
          SIZE: begin
            left_q <= span;
            extra_q <= offset_q != '0 && span == packed_span;
          end
          CUT: begin
            beats_q <= beats;
            last_q <= ends_request;
            cost_q <= beats - 6'(first_q && offset_q != '0) + 6'(ends_request && extra_q);
          end
          default: begin
            if (grant[c]) begin
              addr_q <= addr_q + 58'(beats_q);
              left_q <= left_q - 11'(beats_q);
              first_q <= 1'b0;
            end
          end
        endcase
      end
    end
  endgenerate

  // ---- AR: clients take turns by bursts ----------------------------------------------------------

  logic [CLIENTS-1:0] turn_q;   // thermometer: clients from this one on come first
  logic [CLIENTS-1:0] later, sooner;
  logic               ar_free, ar_valid_q;
  assign later = can & turn_q;
  assign sooner = (later != '0) ? later : can;
  assign ar_free = ~ar_valid_q | m_axi_arready_i;
  assign grant = ar_free ? sooner & (~sooner + CLIENTS'(1)) : '0;

  logic [57:0] ar_addr, ar_addr_q;
  logic [5:0]  ar_beats;
  logic [4:0]  ar_len_q;
  logic [8:0]  ar_how;
  logic [ID_W-1:0] ar_id, ar_id_q;
  always_comb begin
    ar_addr = '0;
    ar_beats = '0;
    ar_how = '0;
    ar_id = '0;
    for (int c = 0; c < CLIENTS; c++) begin
      ar_addr |= burst_addr[c*58+:58] & {58{grant[c]}};
      ar_beats |= burst_beats[c*6+:6] & {6{grant[c]}};
      ar_how |= burst_how[c*9+:9] & {9{grant[c]}};
      ar_id |= ID_W'(c) & {ID_W{grant[c]}};
    end
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      ar_valid_q <= 1'b0;
      turn_q <= '1;
    end else if (ar_free) begin
      ar_valid_q <= grant != '0;
      // Behind the one that was served.
      if (grant != '0) turn_q <= ~((grant - CLIENTS'(1)) | grant);
    end
  end
  always_ff @(posedge clk_i) begin
    if (ar_free) begin
      ar_addr_q <= ar_addr;
      ar_len_q <= 5'(ar_beats - 6'd1);
      ar_id_q <= ar_id;
    end
  end
  assign m_axi_arvalid_o = ar_valid_q;
  assign m_axi_arid_o = 4'(ar_id_q);
  assign m_axi_araddr_o = {ar_addr_q, 6'd0};
  assign m_axi_arlen_o = 8'(ar_len_q);
  assign m_axi_arsize_o = 3'd6;
  assign m_axi_arburst_o = 2'b01;

  // ---- R: beats are rotated, then joined with the one before -------------------------------------

  // What is known of bursts under way: a ring for each client.
  logic [8:0] how_mem[4 * 2**BURSTS_LOG2];
  logic [BURSTS_LOG2*CLIENTS-1:0] how_wr, how_rd;
  logic [CLIENTS-1:0]             begun;  // the burst at the ring's head has had a beat
  logic                           r_valid_q, r_last_q, r_error_q;
  logic [ID_W-1:0]                r_id_q;
  logic [511:0]                   r_data_q;
  logic                           tail_q;  // one more beat follows from what is there
  logic [ID_W-1:0]                tail_id_q;
  logic [5:0]                     tail_offset_q;

  generate
    for (genvar c = 0; c < CLIENTS; c++) begin : gen_how
      logic [BURSTS_LOG2-1:0] wr_q, rd_q;
      logic                   begun_q, mine;
      assign mine = r_valid_q && r_id_q == ID_W'(c);
      assign ends[c] = mine & r_last_q;
      assign how_wr[c*BURSTS_LOG2+:BURSTS_LOG2] = wr_q;
      assign how_rd[c*BURSTS_LOG2+:BURSTS_LOG2] = rd_q;
      assign begun[c] = begun_q;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          wr_q <= '0;
          rd_q <= '0;
          begun_q <= 1'b0;
        end else begin
          wr_q <= wr_q + BURSTS_LOG2'(grant[c]);
          rd_q <= rd_q + BURSTS_LOG2'(ends[c]);
          if (mine) begun_q <= ~r_last_q;
        end
      end
    end
  endgenerate
  logic [BURSTS_LOG2-1:0] how_wr_one, how_rd_one;
  logic                   begun_one;
  always_comb begin
    how_wr_one = '0;
    how_rd_one = '0;
    begun_one = 1'b0;
    for (int c = 0; c < CLIENTS; c++) begin
      how_wr_one |= how_wr[c*BURSTS_LOG2+:BURSTS_LOG2] & {BURSTS_LOG2{grant[c]}};
      how_rd_one |= how_rd[c*BURSTS_LOG2+:BURSTS_LOG2] & {BURSTS_LOG2{r_id_q == ID_W'(c)}};
      begun_one |= begun[c] & (r_id_q == ID_W'(c));
    end
  end
  always_ff @(posedge clk_i) begin
    if (grant != '0) how_mem[{ar_id, how_wr_one}] <= ar_how;
  end
  logic [5:0] offset;
  logic       extra, first, last, ends_request;
  assign {offset, extra, first, last} = how_mem[{r_id_q, how_rd_one}];
  assign ends_request = r_valid_q & r_last_q & last;
  assign m_axi_rready_o = ~(ends_request & extra);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      r_valid_q <= 1'b0;
      tail_q <= 1'b0;
    end else begin
      r_valid_q <= m_axi_rvalid_i & m_axi_rready_o;
      tail_q <= ends_request & extra;
    end
  end
  always_ff @(posedge clk_i) begin
    r_id_q <= m_axi_rid_i[ID_W-1:0];
    r_data_q <= m_axi_rdata_i;
    r_error_q <= m_axi_rresp_i[1];
    r_last_q <= m_axi_rlast_i;
    tail_id_q <= r_id_q;
    tail_offset_q <= offset;
  end

  // Rotated by multiples of 8 bytes, then by bytes. Of a request that begins inside of a beat, the
  // first beat makes none; each one behind it completes one; the rest of the last one may make one.
  logic            c_valid_q, c_makes_q, c_last_q, c_error_q, f_valid_q, f_makes_q, f_last_q, f_error_q;
  logic [ID_W-1:0] c_id_q, f_id_q;
  logic [5:0]      c_offset_q;
  logic [511:0]    c_data_q, f_data_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      c_valid_q <= 1'b0;
      f_valid_q <= 1'b0;
    end else begin
      c_valid_q <= r_valid_q | tail_q;
      f_valid_q <= c_valid_q;
    end
  end
  logic [5:0] c_offset;
  assign c_offset = tail_q ? tail_offset_q : offset;
  always_ff @(posedge clk_i) begin
    c_id_q <= tail_q ? tail_id_q : r_id_q;
    c_offset_q <= c_offset;
    c_makes_q <= tail_q | ~(first & ~begun_one & (offset != '0));
    c_last_q <= tail_q | (ends_request & ~extra);
    c_error_q <= ~tail_q & r_error_q;
    c_data_q <= 512'({r_data_q, r_data_q} >> {c_offset[5:3], 6'd0});
    f_id_q <= c_id_q;
    f_makes_q <= c_makes_q;
    f_last_q <= c_last_q;
    f_error_q <= c_error_q;
    f_data_q <= 512'({c_data_q, c_data_q} >> {c_offset_q[2:0], 3'd0});
  end

  logic [511:0] carry_mem[4];
  logic [511:0] carry, kept;  // kept: bytes that come from the beat before
  assign carry = carry_mem[f_id_q];
  always_ff @(posedge clk_i) begin
    if (f_valid_q) carry_mem[f_id_q] <= f_data_q;
  end
  logic [511:0] kept_q;
  always_comb begin
    kept = '1;
    kept = kept >> {c_offset_q, 3'd0};
    if (c_offset_q == '0) kept = '0;
  end
  always_ff @(posedge clk_i) kept_q <= kept;

  logic               w_valid_q, w_last_q, w_error_q;
  logic [ID_W-1:0]    w_id_q;
  logic [511:0]       w_data_q;
  logic [CLIENTS-1:0] failed_q;  // a beat of the request under way was not answered well
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      w_valid_q <= 1'b0;
      failed_q <= '0;
    end else begin
      w_valid_q <= f_valid_q & f_makes_q;
      for (int c = 0; c < CLIENTS; c++) begin
        if (f_valid_q && f_id_q == ID_W'(c)) failed_q[c] <= ~f_last_q & (failed_q[c] | f_error_q);
      end
    end
  end
  logic failed_one;
  always_comb begin
    failed_one = 1'b0;
    for (int c = 0; c < CLIENTS; c++) failed_one |= failed_q[c] & (f_id_q == ID_W'(c));
  end
  always_ff @(posedge clk_i) begin
    w_id_q <= f_id_q;
    w_last_q <= f_last_q;
    w_error_q <= f_error_q | failed_one;
    w_data_q <= (carry & kept_q) | (f_data_q & ~kept_q);
  end

  // ---- answers wait in a RAM, a ring for each client ---------------------------------------------

  logic [8*CLIENTS-1:0] wr, rd;
  logic [CLIENTS-1:0]   waits, fetch, back;
  logic [CLIENTS-1:0]   rsp_valid_q;
  generate
    for (genvar c = 0; c < CLIENTS; c++) begin : gen_ring
      logic [7:0]        wr_q, rd_q;
      logic [ROOM_W-1:0] count_q;
      logic              push;
      assign push = w_valid_q && w_id_q == ID_W'(c);
      assign wr[c*8+:8] = wr_q;
      assign rd[c*8+:8] = rd_q;
      assign waits[c] = count_q != '0;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          wr_q <= '0;
          rd_q <= '0;
          count_q <= '0;
        end else begin
          wr_q <= wr_q + 8'(push);
          rd_q <= rd_q + 8'(fetch[c]) - 8'(back[c]);
          count_q <= count_q + ROOM_W'(push) + ROOM_W'(back[c]) - ROOM_W'(fetch[c]);
        end
      end
    end
  endgenerate

  // Clients take turns by beats. One that was offered a beat in vain is slow: others go before it until
  // its ready is seen, or RETRY_LOG2 says that it may try once more.
  localparam int unsigned RETRY_LOG2 = 10;
  logic [CLIENTS-1:0] slow_q, eager, rsp_turn_q, rsp_later, rsp_sooner;
  logic [$clog2(PATIENCE+1)-1:0] patience_q;
  logic [RETRY_LOG2-1:0] retry_q;
  logic               gives_up;
  assign taken = rsp_valid_q & rsp_ready_i;
  assign gives_up = patience_q == '0 && (waits & ~slow_q & ~rsp_valid_q) != '0;
  assign back = (taken == '0 && gives_up) ? rsp_valid_q : '0;
  assign eager = ((waits & ~slow_q) != '0) ? waits & ~slow_q : waits;
  assign rsp_later = eager & rsp_turn_q;
  assign rsp_sooner = (rsp_later != '0) ? rsp_later : eager;
  assign fetch = (rsp_valid_q == '0 || taken != '0 || gives_up) ?
                 rsp_sooner & (~rsp_sooner + CLIENTS'(1)) : '0;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rsp_valid_q <= '0;
      rsp_turn_q <= '1;
      patience_q <= '0;
      slow_q <= '0;
      retry_q <= '0;
    end else begin
      retry_q <= retry_q + 1'b1;
      slow_q <= (retry_q == '0) ? '0 : (slow_q | back) & ~rsp_ready_i;
      if (fetch != '0) begin
        rsp_valid_q <= fetch;
        rsp_turn_q <= ~((fetch - CLIENTS'(1)) | fetch);
        patience_q <= ((fetch & slow_q) != '0) ? '0 : ($clog2(PATIENCE + 1))'(PATIENCE);
      end else begin
        rsp_valid_q <= rsp_valid_q & ~taken & ~back;
        if (patience_q != '0) patience_q <= patience_q - 1'b1;
      end
    end
  end

  // The bulk client's ring is the upper half.
  logic [8:0] wr_addr, rd_addr;
  always_comb begin
    wr_addr = '0;
    rd_addr = '0;
    for (int c = 0; c < CLIENTS; c++) begin
      if (w_id_q == ID_W'(c)) begin
        wr_addr |= (c == BULK) ? {1'b1, wr[c*8+:8]} : {1'b0, ID_W'(c), wr[c*8+:6]};
      end
      if (fetch[c]) begin
        rd_addr |= (c == BULK) ? {1'b1, rd[c*8+:8]} : {1'b0, ID_W'(c), rd[c*8+:6]};
      end
    end
  end
  (* ram_style = "block" *) logic [513:0] mem[512];
  logic [513:0] mem_q;
  always_ff @(posedge clk_i) begin
    if (w_valid_q) mem[wr_addr] <= {w_error_q & w_last_q, w_last_q, w_data_q};
    if (fetch != '0) mem_q <= mem[rd_addr];
  end
  assign rsp_valid_o = rsp_valid_q;
  assign {rsp_error_o, rsp_last_o, rsp_data_o} = mem_q;

  // Ids of bursts that were asked for have no other bits; OKAY and EXOKAY are no errors.
  logic unused;
  assign unused = ^{1'b0, m_axi_rid_i, m_axi_rresp_i, wr, rd, 1'b0};

endmodule
