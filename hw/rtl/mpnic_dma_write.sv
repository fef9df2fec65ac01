// SPDX-License-Identifier: BSD-3-Clause
// AXI4 write master, shared by clients: requests of any address and length in, with their bytes packed
// from the first one on; a pulse for each when all of it was answered.
//
// Bursts are INCR of whole 64-byte beats, all of one id. None crosses 4 KiB, none has a beat in which
// its request has no byte; strobes are exactly the request's bytes. Clients take turns by requests,
// and their data goes out in the order in which requests were taken: a client asks only for what its
// data will come for. No clock is lost on W between beats, bursts or requests as long as data is there;
// W does not wait for AW. Up to 64 bursts are under way.
module mpnic_dma_write #(
  parameter int unsigned CLIENTS = 5  // at most 8
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,

  input  logic [CLIENTS-1:0]     req_valid_i,
  output logic [CLIENTS-1:0]     req_ready_o,   // one-hot at most
  input  logic [64*CLIENTS-1:0]  req_addr_i,    // of the first byte
  input  logic [16*CLIENTS-1:0]  req_len_i,     // bytes, 1 to 65535

  // ceil(length / 64) beats for each request, in their order.
  input  logic [CLIENTS-1:0]     dat_valid_i,
  output logic [CLIENTS-1:0]     dat_ready_o,
  input  logic [512*CLIENTS-1:0] dat_data_i,

  output logic [CLIENTS-1:0]     done_valid_o,  // one-hot at most, a pulse for each request
  output logic                   done_error_o,  // a burst of it was not answered well

  output logic                   m_axi_awvalid_o,
  input  logic                   m_axi_awready_i,
  output logic [3:0]             m_axi_awid_o,
  output logic [63:0]            m_axi_awaddr_o,
  output logic [7:0]             m_axi_awlen_o,
  output logic [2:0]             m_axi_awsize_o,
  output logic [1:0]             m_axi_awburst_o,

  output logic                   m_axi_wvalid_o,
  input  logic                   m_axi_wready_i,
  output logic [511:0]           m_axi_wdata_o,
  output logic [63:0]            m_axi_wstrb_o,
  output logic                   m_axi_wlast_o,

  input  logic                   m_axi_bvalid_i,
  output logic                   m_axi_bready_o,
  input  logic [3:0]             m_axi_bid_i,
  input  logic [1:0]             m_axi_bresp_i
);

  localparam int unsigned ID_W = 3;

  // ---- requests: one a clock, clients in turn ----------------------------------------------------

  logic [CLIENTS-1:0] turn_q, later, sooner, grant;  // turn: clients from this one on come first
  logic               a_free;
  assign later = req_valid_i & turn_q;
  assign sooner = (later != '0) ? later : req_valid_i;
  assign grant = sooner & (~sooner + CLIENTS'(1)) & {CLIENTS{a_free}};
  assign req_ready_o = grant;

  logic [63:0]     req_addr;
  logic [15:0]     req_len;
  logic [ID_W-1:0] req_id;
  always_comb begin
    req_addr = '0;
    req_len = '0;
    req_id = '0;
    for (int c = 0; c < CLIENTS; c++) begin
      req_addr |= req_addr_i[c*64+:64] & {64{grant[c]}};
      req_len |= req_len_i[c*16+:16] & {16{grant[c]}};
      req_id |= ID_W'(c) & {ID_W{grant[c]}};
    end
  end

  // Taken; measured; cut into bursts.
  logic            a_valid_q, b_valid_q, c_valid_q, b_free, c_free;
  logic [57:0]     a_addr_q, b_addr_q, c_addr_q;  // in beats
  logic [5:0]      a_offset_q, b_offset_q, c_offset_q;
  logic [15:0]     a_len_q;
  logic [ID_W-1:0] a_id_q, b_id_q, c_id_q;
  logic [10:0]     b_span_q, c_left_q;            // beats in memory
  logic [5:0]      b_end_q, c_end_q;              // bytes in the last of them; 0: all
  logic            b_even_q, c_even_q;            // as many beats in memory as of data
  logic            c_first_q, emit, ends_request;
  assign a_free = ~a_valid_q | b_free;
  assign b_free = ~b_valid_q | c_free;
  assign c_free = ~c_valid_q | (emit & ends_request);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      turn_q <= '1;
      a_valid_q <= 1'b0;
      b_valid_q <= 1'b0;
      c_valid_q <= 1'b0;
    end else begin
      if (a_free) a_valid_q <= grant != '0;
      if (b_free) b_valid_q <= a_valid_q;
      if (c_free) c_valid_q <= b_valid_q;
      // Behind the one that was served.
      if (grant != '0) turn_q <= ~((grant - CLIENTS'(1)) | grant);
    end
  end

  logic [10:0] span, packed_span;
  assign span = 11'((17'(a_len_q) + 17'(a_offset_q) + 17'd63) >> 6);
  assign packed_span = 11'((17'(a_len_q) + 17'd63) >> 6);

  // A burst ends with the request or with the page.
  logic [6:0] to_page, beats, beats_less;
  assign to_page = 7'd64 - {1'b0, c_addr_q[5:0]};
  assign ends_request = c_left_q <= 11'(to_page);
  assign beats = ends_request ? c_left_q[6:0] : to_page;
  assign beats_less = beats - 7'd1;
  always_ff @(posedge clk_i) begin
    if (a_free) begin
      {a_addr_q, a_offset_q} <= req_addr;
      a_len_q <= req_len;
      a_id_q <= req_id;
    end
    if (b_free) begin
      b_addr_q <= a_addr_q;
      b_offset_q <= a_offset_q;
      b_id_q <= a_id_q;
      b_span_q <= span;
      b_even_q <= span == packed_span;
      b_end_q <= a_offset_q + a_len_q[5:0];
    end
    if (c_free) begin
      c_addr_q <= b_addr_q;
      c_offset_q <= b_offset_q;
      c_id_q <= b_id_q;
      c_left_q <= b_span_q;
      c_even_q <= b_even_q;
      c_end_q <= b_end_q;
      c_first_q <= 1'b1;
    end else if (emit) begin
      c_addr_q <= {c_addr_q[57:6] + 52'd1, 6'd0};
      c_left_q <= c_left_q - 11'(to_page);
      c_first_q <= 1'b0;
    end
  end

  // ---- AW ----------------------------------------------------------------------------------------

  logic       aw_room, cut_room, b_room;
  logic [5:0] aw_len;
  assign emit = c_valid_q & aw_room & cut_room & b_room;
  mpnic_fifo #(
    .W    (64),
    .DEPTH(16)
  ) u_aw (
    .clk_i,
    .rst_ni,
    .valid_i(emit),
    .ready_o(aw_room),
    .data_i ({c_addr_q, beats_less[5:0]}),
    .valid_o(m_axi_awvalid_o),
    .ready_i(m_axi_awready_i),
    .data_o ({m_axi_awaddr_o[63:6], aw_len})
  );
  assign m_axi_awid_o = 4'd0;
  assign m_axi_awaddr_o[5:0] = 6'd0;
  assign m_axi_awlen_o = 8'(aw_len);
  assign m_axi_awsize_o = 3'd6;
  assign m_axi_awburst_o = 2'b01;

  // ---- W: data is taken, rotated, joined with the beat before ------------------------------------

  localparam int unsigned CUT_W = ID_W + 21;
  logic            cut_valid, cut_pop, cut_first, cut_last, cut_even;
  logic [ID_W-1:0] cut_id;
  logic [5:0]      cut_offset, cut_end, cut_len;
  mpnic_fifo #(
    .W    (CUT_W),
    .DEPTH(32)
  ) u_cut (
    .clk_i,
    .rst_ni,
    .valid_i(emit),
    .ready_o(cut_room),
    .data_i ({c_id_q, c_offset_q, c_end_q, beats_less[5:0], c_first_q, ends_request, c_even_q}),
    .valid_o(cut_valid),
    .ready_i(cut_pop),
    .data_o ({cut_id, cut_offset, cut_end, cut_len, cut_first, cut_last, cut_even})
  );

  // A beat is begun where a place in the FIFO of W is free.
  localparam int unsigned PLACES = 16;
  logic [$clog2(PLACES):0] places_q;
  logic [5:0]              at_q;
  logic                    has_place_q, begins, takes, there, ends_burst, w_pop;
  logic [CLIENTS-1:0]      cut_client;
  always_comb begin
    for (int c = 0; c < CLIENTS; c++) cut_client[c] = cut_id == ID_W'(c);
  end
  assign ends_burst = at_q == cut_len;
  assign takes = cut_even | ~(cut_last & ends_burst);
  assign there = (dat_valid_i & cut_client) != '0;
  assign begins = cut_valid & has_place_q & (there | ~takes);
  assign cut_pop = begins & ends_burst;
  assign dat_ready_o = cut_client & {CLIENTS{cut_valid & has_place_q & takes}};
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      at_q <= '0;
      places_q <= ($clog2(PLACES) + 1)'(PLACES);
      has_place_q <= 1'b1;
    end else begin
      if (begins) at_q <= ends_burst ? '0 : at_q + 6'd1;
      if (begins != w_pop) begin
        places_q <= begins ? places_q - 1'b1 : places_q + 1'b1;
        has_place_q <= ~begins | (places_q != ($clog2(PLACES) + 1)'(1));
      end
    end
  end

  logic [511:0] data, d_data_q, r_data_q, f_data_q, before_q;
  always_comb begin
    data = '0;
    for (int c = 0; c < CLIENTS; c++) data |= dat_data_i[c*512+:512] & {512{cut_client[c]}};
  end
  logic       d_valid_q, r_valid_q, f_valid_q, d_last_q, r_last_q, f_last_q;
  logic       d_head_q, r_head_q, d_tail_q, r_tail_q;  // the request's first beat, its last
  logic [5:0] d_offset_q, r_offset_q, d_end_q, r_end_q;
  logic [63:0] from, to, f_strb_q, f_fresh_q;
  assign from = '1 << r_offset_q;
  assign to = (r_end_q == '0) ? '1 : ~('1 << r_end_q);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      d_valid_q <= 1'b0;
      r_valid_q <= 1'b0;
      f_valid_q <= 1'b0;
    end else begin
      d_valid_q <= begins;
      r_valid_q <= d_valid_q;
      f_valid_q <= r_valid_q;
    end
  end
  always_ff @(posedge clk_i) begin
    d_data_q <= data;
    d_offset_q <= cut_offset;
    d_end_q <= cut_end;
    d_head_q <= cut_first & (at_q == '0);
    d_tail_q <= cut_last & ends_burst;
    d_last_q <= ends_burst;
    r_data_q <= 512'(({d_data_q, d_data_q} << {d_offset_q[5:3], 6'd0}) >> 512);
    r_offset_q <= d_offset_q;
    r_end_q <= d_end_q;
    r_head_q <= d_head_q;
    r_tail_q <= d_tail_q;
    r_last_q <= d_last_q;
    f_data_q <= 512'(({r_data_q, r_data_q} << {r_offset_q[2:0], 3'd0}) >> 512);
    f_strb_q <= (r_head_q ? from : '1) & (r_tail_q ? to : '1);
    f_fresh_q <= from;
    f_last_q <= r_last_q;
    if (f_valid_q) before_q <= f_data_q;
  end
  logic [511:0] fresh;  // bytes that come from this beat, not from the one before
  always_comb begin
    for (int i = 0; i < 64; i++) fresh[i*8+:8] = {8{f_fresh_q[i]}};
  end

  logic         w_valid_q, w_last_q, w_room;
  logic [63:0]  w_strb_q;
  logic [511:0] w_data_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) w_valid_q <= 1'b0;
    else w_valid_q <= f_valid_q;
  end
  always_ff @(posedge clk_i) begin
    w_data_q <= (f_data_q & fresh) | (before_q & ~fresh);
    w_strb_q <= f_strb_q;
    w_last_q <= f_last_q;
  end
  mpnic_fifo #(
    .W    (577),
    .DEPTH(PLACES)
  ) u_w (
    .clk_i,
    .rst_ni,
    .valid_i(w_valid_q),
    .ready_o(w_room),
    .data_i ({w_last_q, w_strb_q, w_data_q}),
    .valid_o(m_axi_wvalid_o),
    .ready_i(m_axi_wready_i),
    .data_o ({m_axi_wlast_o, m_axi_wstrb_o, m_axi_wdata_o})
  );
  assign w_pop = m_axi_wvalid_o & m_axi_wready_i;

  // ---- B: answers come in the order of bursts ----------------------------------------------------

  logic            answered_q, bad_q, failed_q, flight_valid, flight_last;
  logic [ID_W-1:0] flight_id;
  mpnic_fifo #(
    .W    (ID_W + 1),
    .DEPTH(64)
  ) u_flight (
    .clk_i,
    .rst_ni,
    .valid_i(emit),
    .ready_o(b_room),
    .data_i ({c_id_q, ends_request}),
    .valid_o(flight_valid),
    .ready_i(answered_q),
    .data_o ({flight_id, flight_last})
  );
  assign m_axi_bready_o = 1'b1;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      answered_q <= 1'b0;
      bad_q <= 1'b0;
      failed_q <= 1'b0;
      done_valid_o <= '0;
      done_error_o <= 1'b0;
    end else begin
      answered_q <= m_axi_bvalid_i;
      bad_q <= m_axi_bresp_i[1];
      if (answered_q) failed_q <= ~flight_last & (failed_q | bad_q);
      for (int c = 0; c < CLIENTS; c++) begin
        done_valid_o[c] <= answered_q & flight_last & (flight_id == ID_W'(c));
      end
      done_error_o <= answered_q & (failed_q | bad_q);
    end
  end

  // All bursts have one id; a slave answers none that it was not asked for; OKAY and EXOKAY are no
  // errors; W has a place for each beat that is begun.
  logic unused;
  assign unused = ^{beats_less[6], m_axi_bid_i, m_axi_bresp_i[0], flight_valid, w_room};

endmodule
