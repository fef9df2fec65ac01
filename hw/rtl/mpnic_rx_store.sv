// SPDX-License-Identifier: BSD-3-Clause
// Frames on their way to the host: their beats wait in a RAM, a ring of 256, until commands say which
// of their bytes go where.
//
// A command takes beats_i beats of data from byte offset_i of beat beat_i on, packed from that byte
// on; behind it free_i beats of the ring, the oldest ones, are free again. Data of commands comes in
// their order, one beat a clock, but one clock more for a command with an offset; what is behind a
// command's last byte is undefined.
module mpnic_rx_store (
  input  logic         clk_i,
  input  logic         rst_ni,

  input  logic         s_valid_i,
  output logic         s_ready_o,
  input  logic [511:0] s_data_i,

  input  logic         cmd_valid_i,
  output logic         cmd_ready_o,
  input  logic [7:0]   cmd_beat_i,    // place in the ring
  input  logic [5:0]   cmd_offset_i,
  input  logic [7:0]   cmd_beats_i,   // 0: nothing but free_i
  input  logic [7:0]   cmd_free_i,

  output logic         dat_valid_o,
  input  logic         dat_ready_i,
  output logic [511:0] dat_data_o,

  output logic         empty_o        // no beat is in the ring or on its way
);

  localparam int unsigned PLACES = 16;

  // ---- the ring ----------------------------------------------------------------------------------

  logic       push, frees;
  logic [7:0] wr_q;
  logic [8:0] room_q;
  assign s_ready_o = room_q != '0;
  assign push = s_valid_i & s_ready_o;

  // ---- commands: a beat is read where a place in the FIFO of data is free ------------------------

  logic       cmd_q, reads, makes, ends, has_place_q;
  logic [7:0] beat_q, free_q;
  logic [8:0] left_q;    // beats to be read
  logic       skips_q;   // the next one makes no data: there is an offset
  logic [5:0] offset_q;
  logic [4:0] places_q;
  logic       dat_pop;
  assign reads = cmd_q & (left_q != '0) & (has_place_q | skips_q);
  assign makes = reads & ~skips_q;
  assign ends = cmd_q & ((left_q == '0) | (reads & (left_q == 9'd1)));
  assign frees = ends;
  assign cmd_ready_o = ~cmd_q | ends;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      wr_q <= '0;
      room_q <= 9'd256;
      cmd_q <= 1'b0;
      places_q <= 5'(PLACES);
      has_place_q <= 1'b1;
    end else begin
      wr_q <= wr_q + 8'(push);
      room_q <= room_q - 9'(push) + (frees ? 9'(free_q) : 9'd0);
      if (cmd_ready_o) cmd_q <= cmd_valid_i;
      if (makes != dat_pop) begin
        places_q <= makes ? places_q - 5'd1 : places_q + 5'd1;
        has_place_q <= ~makes | (places_q != 5'd1);
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (cmd_ready_o) begin
      beat_q <= cmd_beat_i;
      offset_q <= cmd_offset_i;
      free_q <= cmd_free_i;
      skips_q <= cmd_offset_i != '0;
      left_q <= (cmd_beats_i == '0) ? 9'd0 : 9'(cmd_beats_i) + 9'(cmd_offset_i != '0);
    end else if (reads) begin
      beat_q <= beat_q + 8'd1;
      skips_q <= 1'b0;
      left_q <= left_q - 9'd1;
    end
  end

  (* ram_style = "block" *) logic [511:0] mem[256];
  logic [511:0] mem_q;
  always_ff @(posedge clk_i) begin
    if (push) mem[wr_q] <= s_data_i;
    mem_q <= mem[beat_q];
  end

  // ---- rotated by multiples of 8 bytes, by bytes, joined with the beat before --------------------

  logic         m_valid_q, c_valid_q, f_valid_q, j_valid_q;
  logic         m_skips_q, c_skips_q, f_skips_q;
  logic [5:0]   m_offset_q, c_offset_q, f_offset_q;
  logic [511:0] c_data_q, f_data_q, j_data_q, before_q, kept;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      m_valid_q <= 1'b0;
      c_valid_q <= 1'b0;
      f_valid_q <= 1'b0;
      j_valid_q <= 1'b0;
    end else begin
      m_valid_q <= reads;
      c_valid_q <= m_valid_q;
      f_valid_q <= c_valid_q;
      j_valid_q <= f_valid_q & ~f_skips_q;
    end
  end
  // Bytes that come from the beat before.
  assign kept = (f_offset_q == '0) ? '0 : {512{1'b1}} >> {f_offset_q, 3'd0};
  always_ff @(posedge clk_i) begin
    m_skips_q <= skips_q;
    m_offset_q <= offset_q;
    c_skips_q <= m_skips_q;
    c_offset_q <= m_offset_q;
    c_data_q <= 512'({mem_q, mem_q} >> {m_offset_q[5:3], 6'd0});
    f_skips_q <= c_skips_q;
    f_offset_q <= c_offset_q;
    f_data_q <= 512'({c_data_q, c_data_q} >> {c_offset_q[2:0], 3'd0});
    j_data_q <= (before_q & kept) | (f_data_q & ~kept);
    if (f_valid_q) before_q <= f_data_q;
  end

  logic fifo_room;
  mpnic_fifo #(
    .W    (512),
    .DEPTH(PLACES)
  ) u_data (
    .clk_i,
    .rst_ni,
    .valid_i(j_valid_q),
    .ready_o(fifo_room),
    .data_i (j_data_q),
    .valid_o(dat_valid_o),
    .ready_i(dat_ready_i),
    .data_o (dat_data_o)
  );
  assign dat_pop = dat_valid_o & dat_ready_i;

  assign empty_o = (room_q == 9'd256) & ~cmd_q & (places_q == 5'(PLACES));

  // The FIFO has a place for each beat that makes data.
  logic unused;
  assign unused = fifo_room;

endmodule
