// SPDX-License-Identifier: BSD-3-Clause
// Frames for the host into 16 Rx queues, as device_to_host() in hw/model/device_rx.c says: buffers,
// completions, counters and errors are the same, whatever the host writes into its rings.
//
//   s_* -> mpnic_rx_store (RAM) -> data to buffers          mpnic_rx_desc: descriptors ahead of frames
//      \-> queue -> decide, buffer by buffer -> mpnic_rx_done: completions, counters, interrupts
//
// Frames are decided one by one in their order, at four clocks a buffer; their data, completions and
// answers overlap. A frame without a descriptor is dropped at once, one whose descriptors are on their
// way waits, as long as its queue works and its doorbell says that there are some. Completions behind
// the one that failed may have been written when the queue stops; they count for nothing.
//
// Register port: a request stands until qp_ready_o, a pulse with the data. QUEUE_CONTROL := 1 waits
// until nothing of the queue is under way; its doorbell in tails_i is zero in the clock behind the ready.
module mpnic_rx (
  input  logic                           clk_i,
  input  logic                           rst_ni,

  // Frames; all but the data is valid with all beats of one.
  input  logic                           s_valid_i,
  output logic                           s_ready_o,
  input  logic                           s_first_i,
  input  logic                           s_last_i,
  input  logic [6:0]                     s_bytes_i,
  input  logic [511:0]                   s_data_i,
  input  logic [mpnic_pkg::HDR_W-1:0]    s_hdr_i,
  input  logic [mpnic_pkg::CSUM_W-1:0]   s_csum_i,
  input  logic [mpnic_pkg::RESULT_W-1:0] s_result_i,
  input  logic [63:0]                    s_time_i,
  input  logic                           s_port_i,       // whose queues and counters it is

  input  logic [63:0]                    port_queues_i,  // by port { queue_count, queue_base }
  input  logic [511:0]                   tails_i,        // doorbells by queue

  input  logic                           qp_valid_i,
  input  logic [3:0]                     qp_index_i,
  input  logic                           qp_write_i,
  input  logic [10:0]                    qp_addr_i,      // offset in registers fw
  input  logic [31:0]                    qp_wdata_i,
  output logic                           qp_ready_o,
  output logic [31:0]                    qp_rdata_o,

  // Client of mpnic_dma_read: descriptors.
  output logic                           desc_req_valid_o,
  input  logic                           desc_req_ready_i,
  output logic [63:0]                    desc_req_addr_o,
  output logic [15:0]                    desc_req_len_o,
  input  logic                           desc_rsp_valid_i,
  output logic                           desc_rsp_ready_o,
  input  logic [511:0]                   desc_rsp_data_i,
  input  logic                           desc_rsp_last_i,
  input  logic                           desc_rsp_error_i,

  // Clients of mpnic_dma_write: data, completions.
  output logic                           data_req_valid_o,
  input  logic                           data_req_ready_i,
  output logic [63:0]                    data_req_addr_o,
  output logic [15:0]                    data_req_len_o,
  output logic                           data_dat_valid_o,
  input  logic                           data_dat_ready_i,
  output logic [511:0]                   data_dat_data_o,
  input  logic                           data_done_valid_i,
  input  logic                           data_done_error_i,
  output logic                           cpl_req_valid_o,
  input  logic                           cpl_req_ready_i,
  output logic [63:0]                    cpl_req_addr_o,
  output logic [15:0]                    cpl_req_len_o,
  output logic                           cpl_dat_valid_o,
  input  logic                           cpl_dat_ready_i,
  output logic [511:0]                   cpl_dat_data_o,
  input  logic                           cpl_done_valid_i,
  input  logic                           cpl_done_error_i,

  output logic                           irq_valid_o,
  output logic [5:0]                     irq_vector_o,
  input  logic [63:0]                    irq_pending_i,

  output logic [1:0]                     stat_no_queue_o,   // pulses by port
  output logic [1:0]                     stat_no_buffer_o,
  output logic                           idle_o
);

  localparam int unsigned QUEUES = 16;
  localparam int unsigned FRAMES = 64;     // from their first beat until their completion is written
  localparam int unsigned FRAME_BUFFERS = 152;  // at most, of 64 bytes each
  localparam int unsigned WRITES = 256;    // of data under way

  // ---- frames come in ----------------------------------------------------------------------------

  logic       takes, store_ready, starts_frame, record_pop;
  logic       begun_q;                     // inside of a frame
  logic [6:0] frames_q;
  logic       has_room_q;
  logic [7:0] beats_q;                     // of the frame so far
  assign s_ready_o = store_ready & (begun_q | has_room_q);
  assign takes = s_valid_i & s_ready_o;
  assign starts_frame = takes & s_first_i;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      begun_q <= 1'b0;
      frames_q <= '0;
      has_room_q <= 1'b1;
      beats_q <= '0;
    end else begin
      if (takes) begin
        begun_q <= ~s_last_i;
        beats_q <= s_last_i ? 8'd0 : beats_q + 8'd1;
      end
      frames_q <= frames_q + 7'(starts_frame) - 7'(record_pop);
      has_room_q <= frames_q < 7'(FRAMES - 1);
    end
  end

  // The completion, as far as the frame itself makes it.
  logic [511:0] record_in, record;
  logic         record_room, record_valid;
  always_comb begin
    record_in = '0;
    record_in[mpnic_device_pkg::META_DSN_LSB+:64] = s_result_i[mpnic_pkg::RESULT_DSN_LSB+:64];
    record_in[mpnic_device_pkg::META_CONN_ID_LSB+:32] = s_result_i[mpnic_pkg::RESULT_CONN_ID_LSB+:32];
    record_in[mpnic_device_pkg::META_SIGNS_LSB+:32] = s_result_i[mpnic_pkg::RESULT_SIGNS_LSB+:32];
    record_in[mpnic_device_pkg::META_DSN_STATE_LSB+:8] = s_result_i[mpnic_pkg::RESULT_DSN_STATE_LSB+:8];
    record_in[mpnic_device_pkg::META_MAP_CSUM_LSB+:8] = s_result_i[mpnic_pkg::RESULT_MAP_CSUM_LSB+:8];
    record_in[mpnic_device_pkg::META_FLAGS_LSB+:8] = s_result_i[mpnic_pkg::RESULT_FLAGS_LSB+:8];
    record_in[mpnic_device_pkg::META_SIDE_LSB+:8] =
        s_result_i[mpnic_pkg::RESULT_SIDE_LSB+:8] | {s_result_i[mpnic_pkg::RESULT_DIR_LSB+:7], 1'b0};
    record_in[mpnic_device_pkg::META_PUNT_LSB+:8] = s_result_i[mpnic_pkg::RESULT_PUNT_LSB+:8];
    record_in[mpnic_device_pkg::META_TOKEN_LSB+:8] = s_result_i[mpnic_pkg::RESULT_TOKEN_LSB+:8];
    record_in[mpnic_device_pkg::META_SPEAKS_LSB+:8] = s_result_i[mpnic_pkg::RESULT_SPEAKS_LSB+:8];
    record_in[mpnic_device_pkg::META_FLOW_LSB+:8] = s_result_i[mpnic_pkg::RESULT_FLOW_LSB+:8];
    record_in[mpnic_device_pkg::RX_CPL_TIME_NS_LSB+:64] = s_time_i;
    record_in[mpnic_device_pkg::RX_CPL_HASH_LSB+:32] = s_result_i[mpnic_pkg::RESULT_HASH_LSB+:32];
    record_in[mpnic_device_pkg::RX_CPL_MARK_LSB+:32] = s_result_i[mpnic_pkg::RESULT_MARK_LSB+:32];
    record_in[mpnic_device_pkg::RX_CPL_FLOW_ID_LSB+:32] = s_result_i[mpnic_pkg::RESULT_FLOW_ID_LSB+:32];
    record_in[mpnic_device_pkg::RX_CPL_VLAN_OUTER_LSB+:16] = s_hdr_i[mpnic_pkg::HDR_VLAN_OUTER_LSB+:16];
    record_in[mpnic_device_pkg::RX_CPL_PARSE_LSB+:8] = s_hdr_i[mpnic_pkg::HDR_PARSE_LSB+:8];
    record_in[mpnic_device_pkg::RX_CPL_L3_OFF_LSB+:8] = s_hdr_i[mpnic_pkg::HDR_L3_OFF_LSB+:8];
    record_in[mpnic_device_pkg::RX_CPL_L4_OFF_LSB+:8] = s_hdr_i[mpnic_pkg::HDR_L4_OFF_LSB+:8];
    record_in[mpnic_device_pkg::RX_CPL_PAYLOAD_OFF_LSB+:8] = s_hdr_i[mpnic_pkg::HDR_PAYLOAD_OFF_LSB+:8];
    record_in[mpnic_device_pkg::RX_CPL_CSUM_IP_LSB+:8] = s_csum_i[mpnic_pkg::CSUM_IP_LSB+:8];
    record_in[mpnic_device_pkg::RX_CPL_CSUM_L4_LSB+:8] = s_csum_i[mpnic_pkg::CSUM_L4_LSB+:8];
    record_in[mpnic_device_pkg::RX_CPL_IP_PROTO_LSB+:8] = s_hdr_i[mpnic_pkg::HDR_IP_PROTO_LSB+:8];
    record_in[mpnic_device_pkg::RX_CPL_SOURCE_LSB+:8] = s_hdr_i[mpnic_pkg::HDR_SOURCE_LSB+:8];
    record_in[mpnic_device_pkg::RX_CPL_VLAN_COUNT_LSB+:8] =
        s_hdr_i[mpnic_pkg::HDR_VLAN_COUNT_LSB+:8] | {s_hdr_i[mpnic_pkg::HDR_IP_VERSION_LSB+:4], 4'd0};
  end
  mpnic_ram_fifo #(
    .W    (512),
    .DEPTH(FRAMES)
  ) u_records (
    .clk_i,
    .rst_ni,
    .valid_i(starts_frame),
    .ready_o(record_room),
    .data_i (record_in),
    .valid_o(record_valid),
    .ready_i(record_pop),
    .data_o (record)
  );

  logic        len_room, len_valid, frame_pop;
  logic [13:0] len;
  mpnic_fifo #(
    .W    (14),
    .DEPTH(FRAMES)
  ) u_lens (
    .clk_i,
    .rst_ni,
    .valid_i(takes & s_last_i),
    .ready_o(len_room),
    .data_i ({beats_q, 6'd0} + {7'd0, s_bytes_i}),
    .valid_o(len_valid),
    .ready_i(frame_pop),
    .data_o (len)
  );

  // ---- its queue: the pipeline's choice modulo the port's number of queues, plus its first --------

  localparam int unsigned STEPS = 16;
  logic [STEPS:0]       mod_valid;
  logic [66*STEPS+65:0] mod;  // by stage { port, base, count, the choice's bits to come, rest, none }
  assign mod_valid[0] = starts_frame;
  assign mod[65:0] = {s_port_i, s_port_i ? port_queues_i[47:32] : port_queues_i[15:0],
                      s_port_i ? port_queues_i[63:48] : port_queues_i[31:16],
                      s_result_i[mpnic_pkg::RESULT_RX_QUEUE_LSB+:16], 16'd0,
                      (s_port_i ? port_queues_i[63:48] : port_queues_i[31:16]) == 16'd0};
  generate
    for (genvar i = 0; i < STEPS; i++) begin : gen_mod
      logic        valid_q, port, port_q, none, none_q, fits;
      logic [15:0] base, count, bits, rest, base_q, count_q, bits_q, rest_q;
      logic [16:0] rest_in;
      logic [15:0] rest_less;
      assign {port, base, count, bits, rest, none} = mod[i*66+:66];
      assign rest_in = {rest, bits[15]};
      assign rest_less = rest_in[15:0] - count;
      assign fits = rest_in < {1'b0, count};
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) valid_q <= 1'b0;
        else valid_q <= mod_valid[i];
      end
      always_ff @(posedge clk_i) begin
        port_q <= port;
        base_q <= base;
        count_q <= count;
        bits_q <= {bits[14:0], 1'b0};
        rest_q <= fits ? rest_in[15:0] : rest_less;
        none_q <= none;
      end
      assign mod_valid[i+1] = valid_q;
      assign mod[(i+1)*66+:66] = {port_q, base_q, count_q, bits_q, rest_q, none_q};
    end
  endgenerate
  logic        choice_none, choice_port, choice_room, choice_valid;
  logic [15:0] choice_base, choice_rest;
  logic [16:0] choice;
  assign {choice_port, choice_base} = mod[STEPS*66+49+:17];
  assign choice_rest = mod[STEPS*66+1+:16];
  assign choice_none = mod[STEPS*66];
  assign choice = {1'b0, choice_base} + {1'b0, choice_rest};
  logic       queue_none, queue_port;
  logic [3:0] queue_index;
  mpnic_fifo #(
    .W    (6),
    .DEPTH(FRAMES)
  ) u_queues (
    .clk_i,
    .rst_ni,
    .valid_i(mod_valid[STEPS]),
    .ready_o(choice_room),
    .data_i ({choice_port, choice_none | (choice[16:4] != '0), choice[3:0]}),
    .valid_o(choice_valid),
    .ready_i(frame_pop),
    .data_o ({queue_port, queue_none, queue_index})
  );

  // ---- registers of queues -----------------------------------------------------------------------

  // As in read_queue() and write_queue() in hw/model/device_fw.c. A word that was not written since the
  // reset is 0, whatever its memory holds.
  logic [31:0]       ring_low_mem[QUEUES], ring_high_mem[QUEUES];
  logic [31:0]       cpl_low_mem[QUEUES], cpl_high_mem[QUEUES];
  logic [3:0]        log2_mem[QUEUES];
  logic [6:0]        vector_mem[QUEUES];  // bit 6: none
  logic [QUEUES-1:0] ring_low_q, ring_high_q, cpl_low_q, cpl_high_q, log2_q, vector_q;  // were written
  logic [QUEUES-1:0] enabled_q, stopping_q, stopped, desc_busy, done_busy, busy;
  logic              start, stop, config_write;

  typedef enum logic [1:0] {ASKED, WAITS, ANSWERS} qp_state_e;
  qp_state_e   qp_q;
  logic        is_control, is_start;
  logic [8:0]  qp_word;
  assign qp_word = qp_addr_i[10:2];
  assign is_control = qp_word == 9'(mpnic_device_pkg::FW_QUEUE_CONTROL / 4);
  assign is_start = qp_write_i & is_control & qp_wdata_i[0];
  assign config_write = (qp_q == ANSWERS) & qp_write_i;
  assign start = (qp_q == ANSWERS) & is_start;
  assign stop = config_write & is_control & ~qp_wdata_i[0];
  assign qp_ready_o = qp_q == ANSWERS;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      qp_q <= ASKED;
      enabled_q <= '0;
      stopping_q <= '0;
    end else begin
      stopping_q <= stopping_q & busy;
      unique case (qp_q)
        ASKED: begin
          if (qp_valid_i) qp_q <= is_start ? WAITS : ANSWERS;
          // A queue that works is stopped before it starts anew.
          if (qp_valid_i && is_start) begin
            enabled_q[qp_index_i] <= 1'b0;
            if (enabled_q[qp_index_i]) stopping_q[qp_index_i] <= 1'b1;
          end
        end
        WAITS: if (!stopping_q[qp_index_i] && !busy[qp_index_i]) qp_q <= ANSWERS;
        default: qp_q <= ASKED;
      endcase
      if (start) enabled_q[qp_index_i] <= 1'b1;
      if (stop) begin
        enabled_q[qp_index_i] <= 1'b0;
        if (enabled_q[qp_index_i]) stopping_q[qp_index_i] <= 1'b1;
      end
    end
  end

  logic ring_low_we, ring_high_we, cpl_low_we, cpl_high_we, log2_we, vector_we;
  assign log2_we = config_write && qp_word == 9'(mpnic_device_pkg::FW_QUEUE_LOG2 / 4);
  assign vector_we = config_write && qp_word == 9'(mpnic_device_pkg::FW_QUEUE_VECTOR / 4);
  assign ring_low_we = config_write && qp_word == 9'(mpnic_device_pkg::FW_QUEUE_RING / 4);
  assign ring_high_we = config_write && qp_word == 9'(mpnic_device_pkg::FW_QUEUE_RING / 4 + 1);
  assign cpl_low_we = config_write && qp_word == 9'(mpnic_device_pkg::FW_QUEUE_CPL / 4);
  assign cpl_high_we = config_write && qp_word == 9'(mpnic_device_pkg::FW_QUEUE_CPL / 4 + 1);
  always_ff @(posedge clk_i) begin
    if (ring_low_we) ring_low_mem[qp_index_i] <= {qp_wdata_i[31:6], 6'd0};
    if (ring_high_we) ring_high_mem[qp_index_i] <= qp_wdata_i;
    if (cpl_low_we) cpl_low_mem[qp_index_i] <= {qp_wdata_i[31:6], 6'd0};
    if (cpl_high_we) cpl_high_mem[qp_index_i] <= qp_wdata_i;
    if (log2_we) log2_mem[qp_index_i] <= qp_wdata_i[3:0];
    if (vector_we) vector_mem[qp_index_i] <= {qp_wdata_i[31:6] != '0, qp_wdata_i[5:0]};
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      ring_low_q <= '0;
      ring_high_q <= '0;
      cpl_low_q <= '0;
      cpl_high_q <= '0;
      log2_q <= '0;
      vector_q <= '0;
    end else begin
      if (ring_low_we) ring_low_q[qp_index_i] <= 1'b1;
      if (ring_high_we) ring_high_q[qp_index_i] <= 1'b1;
      if (cpl_low_we) cpl_low_q[qp_index_i] <= 1'b1;
      if (cpl_high_we) cpl_high_q[qp_index_i] <= 1'b1;
      if (log2_we) log2_q[qp_index_i] <= 1'b1;
      if (vector_we) vector_q[qp_index_i] <= 1'b1;
    end
  end

  // verilator lint_off UNUSEDSIGNAL
  logic [423:0] stats;  // but for the doorbell
  // verilator lint_on UNUSEDSIGNAL
  logic [511:0] stats_record;
  logic [31:0]  qp_read;
  logic [6:0]   qp_vector;
  assign stats_record = {87'd0, enabled_q[qp_index_i] & ~stopped[qp_index_i], stats[423:352],
                         tails_i[32*qp_index_i+:32], stats[319:0]};
  assign qp_vector = vector_mem[qp_index_i] & {7{vector_q[qp_index_i]}};
  always_comb begin
    unique case (qp_word)
      9'(mpnic_device_pkg::FW_QUEUE_CONTROL / 4):
        qp_read = {30'd0, stopping_q[qp_index_i], enabled_q[qp_index_i]};
      9'(mpnic_device_pkg::FW_QUEUE_LOG2 / 4):
        qp_read = {28'd0, log2_mem[qp_index_i] & {4{log2_q[qp_index_i]}}};
      9'(mpnic_device_pkg::FW_QUEUE_VECTOR / 4):
        qp_read = qp_vector[6] ? 32'hffff : {26'd0, qp_vector[5:0]};
      9'(mpnic_device_pkg::FW_QUEUE_RING / 4):
        qp_read = ring_low_mem[qp_index_i] & {32{ring_low_q[qp_index_i]}};
      9'(mpnic_device_pkg::FW_QUEUE_RING / 4 + 1):
        qp_read = ring_high_mem[qp_index_i] & {32{ring_high_q[qp_index_i]}};
      9'(mpnic_device_pkg::FW_QUEUE_CPL / 4):
        qp_read = cpl_low_mem[qp_index_i] & {32{cpl_low_q[qp_index_i]}};
      9'(mpnic_device_pkg::FW_QUEUE_CPL / 4 + 1):
        qp_read = cpl_high_mem[qp_index_i] & {32{cpl_high_q[qp_index_i]}};
      default: qp_read = stats_record[qp_word[3:0]*32+:32];
    endcase
  end
  always_ff @(posedge clk_i) qp_rdata_o <= qp_read;

  // ---- descriptors -------------------------------------------------------------------------------

  logic [3:0]   scan_index, look_q;
  logic [31:0]  look_head;
  logic         look_there, look_lost, desc_take, desc_idle;
  logic [127:0] desc;
  mpnic_rx_desc u_desc (
    .clk_i,
    .rst_ni,
    .on_i         (enabled_q & ~stopped),
    .busy_o       (desc_busy),
    .idle_o       (desc_idle),
    .start_i      (start),
    .start_index_i(qp_index_i),
    .tails_i,
    .scan_index_o (scan_index),
    .scan_ring_i  ({ring_high_mem[scan_index] & {32{ring_high_q[scan_index]}},
                    ring_low_mem[scan_index][31:6] & {26{ring_low_q[scan_index]}}}),
    .scan_log2_i  (log2_mem[scan_index] & {4{log2_q[scan_index]}}),
    .look_index_i (look_q),
    .look_head_o  (look_head),
    .look_there_o (look_there),
    .look_lost_o  (look_lost),
    .desc_o       (desc),
    .take_i       (desc_take),
    .req_valid_o  (desc_req_valid_o),
    .req_ready_i  (desc_req_ready_i),
    .req_addr_o   (desc_req_addr_o),
    .req_len_o    (desc_req_len_o),
    .rsp_valid_i  (desc_rsp_valid_i),
    .rsp_ready_o  (desc_rsp_ready_o),
    .rsp_data_i   (desc_rsp_data_i),
    .rsp_last_i   (desc_rsp_last_i),
    .rsp_error_i  (desc_rsp_error_i)
  );

  // ---- frames are decided, one buffer in a turn of LOOK, JUDGE, DECIDE -----------------------------

  localparam logic [2:0] FRAME = 3'd0;  // kinds of entries, as in mpnic_rx_done
  localparam logic [2:0] REFUSE = 3'd1;
  localparam logic [2:0] NO_QUEUE = 3'd2;
  localparam logic [2:0] NO_BUFFER = 3'd3;
  localparam logic [2:0] DOORBELL = 3'd4;
  localparam logic [2:0] RING = 3'd5;

  typedef enum logic [1:0] {IDLE, LOOK, JUDGE, DECIDE} state_e;
  state_e      state_q;
  logic        none_q, port_q;
  logic [13:0] len_q, done_q;   // bytes of the frame, and in buffers
  logic [7:0]  buffers_q, first_beat_q, beats_frame;
  logic        on_q, there_q, lost_q, bad_len_q, bad_flags_q, fills_q, can_begin_q;
  logic [31:0] tail_q, head_q, ready_q;
  logic [3:0]  size_log2_q;
  logic [63:0] desc_addr_q;
  logic [13:0] left, take, take_q;
  logic [8:0]  writes_q;        // of data under way
  assign beats_frame = 8'((len_q + 14'd63) >> 6);
  assign left = len_q - done_q;
  assign take = (desc[mpnic_device_pkg::RX_DESC_LEN_LSB+:16] < 16'(left)) ?
                desc[mpnic_device_pkg::RX_DESC_LEN_LSB+:14] : left;

  // What comes of it.
  logic       decides, waits, ends, drops, uses, refuses, over, begun;
  logic       cmd_ready, req_ready, entry_ready, puts_entry, puts_data, puts_cmd;
  logic       data_seen, rx_idle, store_empty;
  logic [2:0] kind;
  logic       fit;
  assign begun = buffers_q != '0;
  assign over = ready_q > (32'd1 << size_log2_q);
  always_comb begin
    waits = 1'b0;
    uses = 1'b0;
    kind = FRAME;
    if (none_q | ~on_q) begin
      kind = begun ? FRAME : NO_QUEUE;
    end else if (over) begin
      kind = begun ? FRAME : DOORBELL;
    end else if (ready_q == '0) begin
      kind = begun ? FRAME : NO_BUFFER;
    end else if (!there_q) begin
      waits = ~lost_q;
      kind = begun ? FRAME : RING;
    end else if (bad_len_q | bad_flags_q) begin
      kind = begun ? FRAME : REFUSE;
    end else begin
      uses = 1'b1;
    end
  end
  assign refuses = ~waits & (kind == REFUSE);
  assign ends = ~waits & ~refuses & (~uses | fills_q);
  assign fit = cmd_ready & req_ready & entry_ready;
  assign decides = (state_q == DECIDE) & (waits | fit);
  assign puts_entry = decides & (refuses | ends);
  assign puts_data = decides & uses;
  assign puts_cmd = decides & (uses | ends);
  assign drops = ends & ~uses;
  assign desc_take = decides & (uses | refuses);
  assign frame_pop = (state_q == IDLE) & len_valid & choice_valid & can_begin_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= IDLE;
      first_beat_q <= '0;
      writes_q <= '0;
      can_begin_q <= 1'b1;
    end else begin
      writes_q <= writes_q + 9'(puts_data) - 9'(data_seen);
      can_begin_q <= writes_q < 9'(WRITES - FRAME_BUFFERS);
      unique case (state_q)
        IDLE: if (frame_pop) state_q <= LOOK;
        LOOK: state_q <= JUDGE;
        JUDGE: state_q <= DECIDE;
        default: begin
          if (decides) state_q <= ends ? IDLE : LOOK;
          if (decides && ends) first_beat_q <= first_beat_q + beats_frame;
        end
      endcase
    end
  end
  always_ff @(posedge clk_i) begin
    unique case (state_q)
      IDLE: begin
        none_q <= queue_none;
        port_q <= queue_port;
        look_q <= queue_index;
        len_q <= len;
        done_q <= '0;
        buffers_q <= '0;
      end
      LOOK: begin
        on_q <= enabled_q[look_q] & ~stopped[look_q];
        tail_q <= tails_i[look_q*32+:32];
        head_q <= look_head;
        there_q <= look_there;
        lost_q <= look_lost;
        size_log2_q <= log2_mem[look_q] & {4{log2_q[look_q]}};
      end
      JUDGE: begin
        ready_q <= tail_q - head_q;
        desc_addr_q <= desc[mpnic_device_pkg::RX_DESC_ADDR_LSB+:64];
        bad_flags_q <= desc[mpnic_device_pkg::RX_DESC_RESERVED_LSB+:48] != '0;
        bad_len_q <= desc[mpnic_device_pkg::RX_DESC_LEN_LSB+6+:10] == '0;
        take_q <= take;
        fills_q <= desc[mpnic_device_pkg::RX_DESC_LEN_LSB+:16] >= 16'(left);
      end
      default: begin
        if (puts_data) begin
          done_q <= done_q + take_q;
          buffers_q <= buffers_q + 8'd1;
        end
      end
    endcase
  end

  mpnic_fifo #(
    .W    (78),
    .DEPTH(4)
  ) u_requests (
    .clk_i,
    .rst_ni,
    .valid_i(puts_data),
    .ready_o(req_ready),
    .data_i ({take_q, desc_addr_q}),
    .valid_o(data_req_valid_o),
    .ready_i(data_req_ready_i),
    .data_o ({data_req_len_o[13:0], data_req_addr_o})
  );
  assign data_req_len_o[15:14] = 2'd0;

  logic       store_cmd_valid, store_cmd_ready;
  logic [7:0] cmd_beat, cmd_beats, cmd_beats_in, cmd_free;
  logic [5:0] cmd_offset;
  assign cmd_beats_in = drops ? 8'd0 : 8'((take_q + 14'd63) >> 6);
  mpnic_fifo #(
    .W    (30),
    .DEPTH(4)
  ) u_commands (
    .clk_i,
    .rst_ni,
    .valid_i(puts_cmd),
    .ready_o(cmd_ready),
    .data_i ({first_beat_q + done_q[13:6], done_q[5:0], cmd_beats_in,
              beats_frame & {8{ends}}}),
    .valid_o(store_cmd_valid),
    .ready_i(store_cmd_ready),
    .data_o ({cmd_beat, cmd_offset, cmd_beats, cmd_free})
  );
  mpnic_rx_store u_store (
    .clk_i,
    .rst_ni,
    .s_valid_i   (s_valid_i & (begun_q | has_room_q)),
    .s_ready_o   (store_ready),
    .s_data_i,
    .cmd_valid_i (store_cmd_valid),
    .cmd_ready_o (store_cmd_ready),
    .cmd_beat_i  (cmd_beat),
    .cmd_offset_i(cmd_offset),
    .cmd_beats_i (cmd_beats),
    .cmd_free_i  (cmd_free),
    .dat_valid_o (data_dat_valid_o),
    .dat_ready_i (data_dat_ready_i),
    .dat_data_o  (data_dat_data_o),
    .empty_o     (store_empty)
  );

  // ---- what becomes of them ----------------------------------------------------------------------

  logic [3:0] cpl_index, irq_index;
  mpnic_rx_done u_done (
    .clk_i,
    .rst_ni,
    .entry_valid_i  (puts_entry),
    .entry_ready_o  (entry_ready),
    .entry_kind_i   (kind),
    .entry_index_i  (look_q),
    .entry_port_i   (port_q),
    .entry_tail_i   (tail_q),
    .entry_buffers_i(buffers_q + 8'(uses)),
    .entry_len_i    (uses ? len_q : done_q),
    .entry_cut_i    (~uses),
    .entry_ring_i   (begun & on_q & ~over & (ready_q != '0) & lost_q & ~there_q),
    .entry_flags_i  (bad_flags_q),
    .record_i       (record),
    .record_ready_o (record_pop),
    .data_done_valid_i,
    .data_done_error_i,
    .data_seen_o    (data_seen),
    .cpl_req_valid_o,
    .cpl_req_ready_i,
    .cpl_req_addr_o,
    .cpl_dat_valid_o,
    .cpl_dat_ready_i,
    .cpl_dat_data_o,
    .cpl_done_valid_i,
    .cpl_done_error_i,
    .cpl_index_o    (cpl_index),
    .cpl_base_i     ({cpl_high_mem[cpl_index] & {32{cpl_high_q[cpl_index]}},
                      cpl_low_mem[cpl_index][31:6] & {26{cpl_low_q[cpl_index]}}}),
    .cpl_log2_i     (log2_mem[cpl_index] & {4{log2_q[cpl_index]}}),
    .irq_index_o    (irq_index),
    .irq_vector_i   (vector_mem[irq_index] & {7{vector_q[irq_index]}}),
    .start_i        (start),
    .start_index_i  (qp_index_i),
    .stopped_o      (stopped),
    .busy_o         (done_busy),
    .stats_index_i  (qp_index_i),
    .stats_o        (stats),
    .irq_valid_o,
    .irq_vector_o,
    .irq_pending_i,
    .stat_no_queue_o,
    .stat_no_buffer_o,
    .idle_o         (rx_idle)
  );
  assign cpl_req_len_o = 16'd64;

  always_comb begin
    for (int q = 0; q < QUEUES; q++) begin
      busy[q] = desc_busy[q] | done_busy[q] | (state_q != IDLE && look_q == 4'(q));
    end
  end
  assign idle_o = (frames_q == '0) & (state_q == IDLE) & store_empty & ~store_cmd_valid & rx_idle &
                  ~data_req_valid_o & desc_idle;

  // FIFOs have room for as many frames as are taken; a record is there long before its entry is.
  logic unused;
  assign unused = ^{record_room, len_room, choice_room, record_valid, s_hdr_i, s_csum_i, s_result_i,
                    qp_addr_i[1:0], mod};

endmodule
