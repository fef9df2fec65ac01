// SPDX-License-Identifier: BSD-3-Clause
// Peers of stage flow (docs/state.md, "flow", First SYN): whether a first SYN comes from a host port, in
// which network, and what is known of its destination: with its port, else for all ports, else the
// network's default. Numbers in names are clocks behind the slot's first; each memory is read and
// written at its clock, so that slots are done in order. One slot a clock.
//
// Both look-ups are of one table, which is there twice; for its hash is linear but for the end, both
// share the hash of all but the port.
module mpnic_peer #(
  parameter int unsigned PEERS = 4096
) (
  input  logic                             clk_i,
  input  logic                             rst_ni,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [mpnic_pkg::SETTINGS_W-1:0] settings_i,
  // verilator lint_on UNUSEDSIGNAL

  input  logic                             wr_valid_i,  // of the tables' hash
  input  logic [14:0]                      wr_at_i,
  input  logic [63:0]                      wr_data_i,
  input  logic [63:0]                      offset_i,
  input  logic                             clear_i,
  output logic                             ready_o,

  input  logic                             capable1_i,
  input  logic                             v4_1_i,
  input  logic [5:0]                       source1_i,
  input  logic [127:0]                     dst3_i,
  input  logic [15:0]                      dport3_i,
  input  logic [7:0]                       ip_version3_i,
  output logic [7:0]                       speaks15_o,  // 0 if nothing is known
  output logic [1:0]                       first_syn15_o,

  // Commands.
  input  logic                             network1_i,
  input  logic                             port8_i,
  input  logic                             port_write_i,
  input  logic                             first_syn14_i,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [31:0]                      id_i,
  input  logic [mpnic_pkg::TABLE_PLACE_W-1:0] data_i,
  // verilator lint_on UNUSEDSIGNAL
  output logic [mpnic_pkg::TABLE_PLACE_W-1:0] place_o  // zero unless it was read
);

  localparam int unsigned KEY_W = 160;
  localparam int unsigned VALUE_W = 4;  // { first_syn, speaks }
  localparam int unsigned VALUE_LSB = mpnic_pkg::TABLE_PLACE_VALUE_LSB;

`include "mpnic_records.svh"

  // verilator lint_off UNUSEDSIGNAL
  mpnic_settings_t settings;
  // verilator lint_on UNUSEDSIGNAL
  assign settings = settings_i;

  // --- 2 and 3: network, and how much of the address counts -----------------------------------------

  logic [7:0]  networks[64];
  logic        ask2_q, ask3_q;
  logic [7:0]  network2_q, network3_q, network14;
  logic [7:0]  prefix2_q, part3_q;
  logic [15:0] whole3_q, last3_q;
  always_ff @(posedge clk_i) begin
    if (network1_i) networks[id_i[5:0]] <= data_i[7:0];
    network2_q <= networks[source1_i];
    network3_q <= network2_q;
    prefix2_q <= v4_1_i ? settings.prefix4 : settings.prefix6;
    for (int unsigned i = 0; i < 16; i++) begin
      whole3_q[i] <= prefix2_q[7:3] > 5'(i);
      last3_q[i] <= prefix2_q[7:3] == 5'(i);
    end
    part3_q <= 8'(16'hff00 >> prefix2_q[2:0]);
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      ask2_q <= 1'b0;
      ask3_q <= 1'b0;
    end else begin
      ask2_q <= capable1_i & settings.host_sources[source1_i];
      ask3_q <= ask2_q;
    end
  end

  // --- 3: key, and its hash with the port and without -----------------------------------------------

  logic [127:0]     addr;
  logic [KEY_W-1:0] key3, key8;
  logic             linear_valid, hash_valid;
  logic [63:0]      linear, linear_port, hash, hash_any;
  always_comb begin
    for (int unsigned i = 0; i < 16; i++) begin
      addr[8*i+:8] = dst3_i[8*i+:8] & ({8{whole3_q[i]}} | ({8{last3_q[i]}} & part3_q));
    end
  end
  assign key3 = {ip_version3_i, network3_q, dport3_i, addr};
  mpnic_toeplitz #(
    .W(KEY_W)
  ) u_linear (
    .clk_i, .rst_ni, .wr_valid_i, .wr_at_i, .wr_data_i,
    .valid_i(ask3_q),
    .skip_i ('0),
    .data_i ({key3[159:144], 16'd0, key3[127:0]}),
    .valid_o(linear_valid),
    .hash_o (linear)
  );
  // verilator lint_off PINCONNECTEMPTY
  mpnic_toeplitz #(
    .W    (144),
    .FIRST(14)  // bits 126 to 143
  ) u_linear_port (
    .clk_i, .rst_ni, .wr_valid_i, .wr_at_i, .wr_data_i,
    .valid_i(ask3_q),
    .skip_i ('0),
    .data_i ({dport3_i, 128'd0}),
    .valid_o(),
    .hash_o (linear_port)
  );
  mpnic_mix u_mix (
    .clk_i, .rst_ni, .offset_i,
    .valid_i (linear_valid),
    .linear_i(linear ^ linear_port),
    .valid_o (hash_valid),
    .hash_o  (hash)
  );
  mpnic_mix u_mix_any (
    .clk_i, .rst_ni, .offset_i,
    .valid_i (linear_valid),
    .linear_i(linear),
    .valid_o (),
    .hash_o  (hash_any)
  );
  mpnic_delay #(.W(KEY_W), .N(5)) u_key (.clk_i, .rst_ni, .data_i(key3), .data_o(key8));

  // --- 8 to 14: look-ups -----------------------------------------------------------------------------

  localparam int unsigned ENTRY_W = KEY_W + VALUE_W + 1;
  logic [$clog2(PEERS)-1:0] place;
  logic [ENTRY_W-1:0]       entry, read;
  logic                     ready, ready_any, valid14, hit, hit_any;
  logic [VALUE_W-1:0]       value, value_any;
  assign place = id_i[$clog2(PEERS)-1:0];
  assign entry = {data_i[mpnic_pkg::TABLE_PLACE_VALID_LSB], data_i[VALUE_LSB+8+:2],
                  data_i[VALUE_LSB+:2], data_i[KEY_W-1:0]};
  mpnic_table #(
    .ENTRIES(PEERS),
    .KEY_W  (KEY_W),
    .VALUE_W(VALUE_W)
  ) u_table (
    .clk_i, .rst_ni, .clear_i,
    .ready_o      (ready),
    .valid_i      (hash_valid),
    .key_i        (key8),
    .hash_i       (hash),
    .valid_o      (valid14),
    .key3_o       (),
    .hit_o        (hit),
    .value_o      (value),
    .put_i        (1'b0),
    .put_value_i  ('0),
    .put_o        (),
    .hits_o       (),
    .taken_o      (),
    .port_valid_i (port8_i),
    .port_write_i,
    .port_place_i (place),
    .port_entry_i (entry),
    .port_other_i ('0),
    .port_rvalid_o(),
    .port_entry_o (read)
  );
  mpnic_table #(
    .ENTRIES(PEERS),
    .KEY_W  (KEY_W),
    .VALUE_W(VALUE_W)
  ) u_table_any (
    .clk_i, .rst_ni, .clear_i,
    .ready_o      (ready_any),
    .valid_i      (hash_valid),
    .key_i        ({key8[159:144], 16'd0, key8[127:0]}),
    .hash_i       (hash_any),
    .valid_o      (),
    .key3_o       (),
    .hit_o        (hit_any),
    .value_o      (value_any),
    .put_i        (1'b0),
    .put_value_i  ('0),
    .put_o        (),
    .hits_o       (),
    .taken_o      (),
    .port_valid_i (port8_i & port_write_i),
    .port_write_i,
    .port_place_i (place),
    .port_entry_i (entry),
    .port_other_i ('0),
    .port_rvalid_o(),
    .port_entry_o ()
  );
  // verilator lint_on PINCONNECTEMPTY
  assign ready_o = ready & ready_any;
  always_comb begin
    place_o = '0;
    place_o[KEY_W-1:0] = read[KEY_W-1:0];
    place_o[VALUE_LSB+:2] = read[KEY_W+:2];
    place_o[VALUE_LSB+8+:2] = read[KEY_W+2+:2];
    place_o[mpnic_pkg::TABLE_PLACE_VALID_LSB] = read[ENTRY_W-1];
  end

  // --- 14: the answer --------------------------------------------------------------------------------

  logic [1:0] first_syns[256];
  logic [1:0] speaks15_q, first_syn15_q;
  mpnic_delay #(.W(8), .N(11)) u_network (
    .clk_i, .rst_ni, .data_i(network3_q), .data_o(network14)
  );
  always_ff @(posedge clk_i) begin
    if (first_syn14_i) first_syns[id_i[7:0]] <= data_i[1:0];
    speaks15_q <= ~valid14 ? 2'd0 : hit ? value[1:0] : value_any[1:0] & {2{hit_any}};
    first_syn15_q <= ~valid14 ? 2'd0 : hit ? value[3:2] : hit_any ? value_any[3:2] :
                     first_syns[network14];
  end
  assign speaks15_o = 8'(speaks15_q);
  assign first_syn15_o = first_syn15_q;

endmodule
