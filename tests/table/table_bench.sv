// SPDX-License-Identifier: BSD-3-Clause
// What tests/table drives: the tables' hash before a table, as a stage of the pipeline has them, and
// the RSS hash of the key's first 36 bytes under the secret's first 40. fault_i breaks the table
// port's promises, to see that the test notices: 1 writes come two clocks later than clears, 2 an
// entry is written in two halves, its key first; 3 breaks a bit of one hash in 16.
module table_bench #(
  parameter int unsigned ENTRIES = 4096,
  parameter int unsigned KEY_W = 320,
  parameter int unsigned VALUE_W = 32,
  parameter int unsigned PUT = 0
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,
  input  logic [1:0]                 fault_i,

  input  logic                       load_i,
  input  logic [447:0]               secret_i,
  output logic                       loaded_o,
  output logic                       rss_loaded_o,

  input  logic                       clear_i,
  output logic                       ready_o,

  input  logic                       valid_i,
  input  logic [KEY_W-1:0]           key_i,
  input  logic                       put_i,
  input  logic [VALUE_W-1:0]         put_value_i,
  output logic                       hash_valid_o,
  output logic [63:0]                hash_o,
  output logic                       rss_valid_o,
  output logic [31:0]                rss_o,
  output logic                       valid_o,
  output logic                       hit_o,
  output logic [VALUE_W-1:0]         value_o,
  output logic                       put_o,

  input  logic                       port_valid_i,
  input  logic                       port_write_i,
  input  logic [$clog2(ENTRIES)-1:0] port_place_i,
  input  logic [KEY_W+VALUE_W:0]     port_entry_i,
  output logic                       port_rvalid_o,
  output logic [KEY_W+VALUE_W:0]     port_entry_o
);

  localparam int unsigned PLACE_W = $clog2(ENTRIES);
  localparam int unsigned ENTRY_W = KEY_W + VALUE_W + 1;

  logic        wr_valid;
  logic [14:0] wr_at;
  logic [63:0] wr_data, offset_q, hash;
  mpnic_toeplitz_key u_key (
    .clk_i,
    .rst_ni,
    .load_i,
    .key_i     (secret_i[383:0]),
    .ready_o   (loaded_o),
    .wr_valid_o(wr_valid),
    .wr_at_o   (wr_at),
    .wr_data_o (wr_data)
  );
  always_ff @(posedge clk_i) if (load_i) offset_q <= secret_i[447:384];

  mpnic_hash #(
    .W(KEY_W)
  ) u_hash (
    .clk_i,
    .rst_ni,
    .wr_valid_i(wr_valid),
    .wr_at_i   (wr_at),
    .wr_data_i (wr_data),
    .offset_i  (offset_q),
    .valid_i,
    .key_i,
    .valid_o   (hash_valid_o),
    .hash_o    (hash)
  );
  logic [3:0] count_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) count_q <= '0;
    else count_q <= count_q + 4'(hash_valid_o);
  end
  assign hash_o = hash ^ 64'(fault_i == 2'd3 && count_q == '1);

  logic        rss_wr_valid;
  logic [14:0] rss_wr_at;
  logic [31:0] rss_wr_data;
  mpnic_toeplitz_key #(
    .W(288),
    .H(32)
  ) u_rss_key (
    .clk_i,
    .rst_ni,
    .load_i,
    .key_i     (secret_i[319:0]),
    .ready_o   (rss_loaded_o),
    .wr_valid_o(rss_wr_valid),
    .wr_at_o   (rss_wr_at),
    .wr_data_o (rss_wr_data)
  );
  mpnic_toeplitz #(
    .W(288),
    .H(32)
  ) u_rss (
    .clk_i,
    .rst_ni,
    .wr_valid_i(rss_wr_valid),
    .wr_at_i   (rss_wr_at),
    .wr_data_i (rss_wr_data),
    .valid_i,
    .skip_i    ('0),
    .data_i    (288'(key_i)),
    .valid_o   (rss_valid_o),
    .hash_o    (rss_o)
  );

  // Whether to put comes late, and with which value a clock later.
  localparam int unsigned HASH = mpnic_rtl_pkg::HASH_LATENCY;
  localparam int unsigned LOOK_UP = mpnic_rtl_pkg::TABLE_LATENCY;
  logic [KEY_W-1:0]   key;
  logic               put;
  logic [VALUE_W-1:0] put_value;
  mpnic_delay #(.W(KEY_W), .N(HASH)) u_keys (.clk_i, .rst_ni, .data_i(key_i), .data_o(key));
  mpnic_delay #(.W(1), .N(HASH + LOOK_UP - 1)) u_puts (
    .clk_i, .rst_ni, .data_i(put_i), .data_o(put)
  );
  mpnic_delay #(.W(VALUE_W), .N(HASH + LOOK_UP)) u_values (
    .clk_i, .rst_ni, .data_i(put_value_i), .data_o(put_value)
  );

  // The table port, as it is or broken. The test leaves pauses enough for what comes late.
  localparam int unsigned REQUEST_W = PLACE_W + ENTRY_W + 2;
  logic [REQUEST_W-1:0] request, late1_q, late2_q, broken;
  logic                 is_write;
  generate
    if (PUT != 0) begin : gen_slots  // in order with the look-ups
      logic [HASH-1:0] valid_q;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) valid_q <= '0;
        else valid_q <= {valid_q[HASH-2:0], port_valid_i};
      end
      mpnic_delay #(.W(REQUEST_W - 1), .N(HASH)) u_requests (
        .clk_i, .rst_ni,
        .data_i({port_write_i, port_place_i, port_entry_i}),
        .data_o(request[REQUEST_W-2:0])
      );
      assign request[REQUEST_W-1] = valid_q[HASH-1];
    end else begin : gen_now
      assign request = {port_valid_i, port_write_i, port_place_i, port_entry_i};
    end
  endgenerate
  assign is_write = request[REQUEST_W-1] & request[REQUEST_W-2] & request[ENTRY_W-1];
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      late1_q <= '0;
      late2_q <= '0;
    end else begin
      late1_q <= is_write ? request : '0;
      late2_q <= late1_q;
    end
  end
  always_comb begin
    broken = request;
    case (fault_i)
      2'd1: if (late2_q[REQUEST_W-1]) broken = late2_q;
            else if (is_write) broken = '0;
      2'd2: if (late1_q[REQUEST_W-1]) broken = late1_q;
            else if (is_write) broken[KEY_W+:VALUE_W] = '0;
      default: ;
    endcase
  end

  // verilator lint_off PINCONNECTEMPTY
  mpnic_table #(
    .ENTRIES(ENTRIES),
    .KEY_W  (KEY_W),
    .VALUE_W(VALUE_W),
    .PUT    (PUT)
  ) u_table (
    .clk_i,
    .rst_ni,
    .clear_i,
    .ready_o,
    .valid_i     (hash_valid_o),
    .key_i       (key),
    .hash_i      (hash_o),
    .put_i       (put),
    .put_value_i (put_value),
    .valid_o,
    .key3_o      (),
    .hit_o,
    .value_o,
    .put_o,
    .hits_o      (),
    .taken_o     (),
    .port_valid_i(broken[REQUEST_W-1]),
    .port_write_i(broken[REQUEST_W-2]),
    .port_place_i(broken[ENTRY_W+:PLACE_W]),
    .port_entry_i(broken[ENTRY_W-1:0]),
    .port_other_i('0),
    .port_rvalid_o,
    .port_entry_o
  );
  // verilator lint_on PINCONNECTEMPTY

endmodule
