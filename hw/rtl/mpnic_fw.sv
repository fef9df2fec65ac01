// SPDX-License-Identifier: BSD-3-Clause
// Firmware's side of the device: its processor with memory and boot ROM, and the gates as it sees them
// (registers fw of hw/regs/device.toml). Addresses: RAM from 0, gates from FW_BASE, ROM in the last 64
// KiB; elsewhere is nothing, and an access there is a fault.
//
// Records that firmware and gates hand each other lie in windows, a memory of 256 words; the mover
// carries them between it and the register through which they go, a word a clock. An access of the
// processor to a window waits while it does.
//
// The log lives until power goes (pwr_rst_ni), the rest until the device is reset.
module mpnic_fw #(
  parameter              ROM = "",
  parameter int unsigned FLOWS = 65536,
  parameter int unsigned STASH = 256,
  parameter int unsigned CONNS = 65536,
  parameter int unsigned TOKENS = 65536,
  parameter int unsigned PEERS = 4096
) (
  input  logic                                     clk_i,
  input  logic                                     pwr_rst_ni,
  input  logic                                     rst_ni,
  output logic                                     ready_o,      // windows are clear
  output logic                                     sleep_o,      // the processor does

  input  logic [63:0]                              now_i,        // ns
  input  logic [31:0]                              random_i,     // other bits in each clock
  input  logic [255:0]                             serial_i,
  input  logic [95:0]                              macs_i,       // of the ports, first byte lowest
  input  logic [63:0]                              speeds_i,     // Mb/s
  input  logic [1:0]                               links_i,

  // What the host's registers show of it.
  output logic [7:0]                               status_o,
  output logic [31:0]                              version_o,
  output logic [31:0]                              heartbeat_o,
  input  logic                                     mail_command_i,  // written, as are the arguments
  input  logic [1:0]                               mail_arg_i,
  input  logic [31:0]                              mail_wdata_i,
  output logic                                     mail_waits_o,
  output logic [31:0]                              mail_command_o,
  output logic [31:0]                              mail_status_o,
  output logic [63:0]                              mail_args_o,
  output logic [31:0]                              mail_result_o,
  input  logic                                     box_valid_i,  // the mailbox's window
  input  logic                                     box_write_i,
  input  logic [8:0]                               box_word_i,
  input  logic [31:0]                              box_wdata_i,
  output logic                                     box_ready_o,
  output logic [31:0]                              box_rdata_o,  // in the clock after ready

  input  logic                                     admin_valid_i,
  input  logic [mpnic_device_pkg::ADMIN_CMD_W-1:0] admin_cmd_i,
  output logic                                     admin_serve_o,
  output logic                                     admin_cpl_valid_o,
  output logic [mpnic_device_pkg::ADMIN_CPL_W-1:0] admin_cpl_o,

  output logic                                     table_busy_o,  // from before valid to behind the answer
  output logic                                     table_valid_o,
  input  logic                                     table_ready_i,
  output logic [mpnic_pkg::TABLE_CMD_W-1:0]        table_cmd_o,
  input  logic                                     table_rsp_valid_i,
  input  logic [mpnic_pkg::TABLE_RSP_W-1:0]        table_rsp_i,

  output logic                                     hold_o,       // no frame may enter the pipeline
  input  logic                                     empty_i,      // none is in it
  output logic [mpnic_pkg::SETTINGS_W-1:0]         settings_o,

  output logic                                     event_valid_o,
  input  logic                                     event_ready_i,
  output logic [mpnic_device_pkg::EVENT_CPL_W-1:0] event_o,

  // Queue port: a request stands until ready.
  output logic [2:0]                               qp_valid_o,   // by enum queue
  output logic [3:0]                               qp_index_o,
  output logic                                     qp_write_o,
  output logic [10:0]                              qp_addr_o,
  output logic [31:0]                              qp_wdata_o,
  input  logic [2:0]                               qp_ready_i,
  input  logic [95:0]                              qp_rdata_i,

  output logic [31:0]                              port_flags_o,   // 16 bits a port, as all of these
  output logic [31:0]                              port_mtu_o,
  output logic [63:0]                              port_queues_o,  // 32 bits a port
  output logic [32*50-1:0]                         mac_filter_o,   // { used, port, address }

  output logic [5:0]                               vector_o,
  output logic                                     interval_write_o,
  output logic [31:0]                              interval_o,
  input  logic [31:0]                              interval_i
);

  // Offsets of registers fw, 12 bits.
  localparam logic [11:0] MAILBOX_DONE = 12'(mpnic_device_pkg::FW_MAILBOX_DONE);
  localparam logic [11:0] VERSION = 12'(mpnic_device_pkg::FW_VERSION);
  localparam logic [11:0] BEAT = 12'(mpnic_device_pkg::FW_BEAT);
  localparam logic [11:0] WATCHDOG = 12'(mpnic_device_pkg::FW_WATCHDOG);
  localparam logic [11:0] TIME = 12'(mpnic_device_pkg::FW_TIME);
  localparam logic [11:0] PENDING = 12'(mpnic_device_pkg::FW_PENDING);
  localparam logic [11:0] GEOMETRY = 12'(mpnic_device_pkg::FW_GEOMETRY);
  localparam logic [11:0] SIZES = 12'(mpnic_device_pkg::FW_SIZES);
  localparam logic [11:0] SERIAL = 12'(mpnic_device_pkg::FW_SERIAL);
  localparam logic [11:0] RANDOM = 12'(mpnic_device_pkg::FW_RANDOM);
  localparam logic [11:0] ADMIN_GO = 12'(mpnic_device_pkg::FW_ADMIN_GO);
  localparam logic [11:0] TABLE_GO = 12'(mpnic_device_pkg::FW_TABLE_GO);
  localparam logic [11:0] SETTINGS_GO = 12'(mpnic_device_pkg::FW_SETTINGS_GO);
  localparam logic [11:0] EVENT_GO = 12'(mpnic_device_pkg::FW_EVENT_GO);
  localparam logic [11:0] QUEUE_SELECT = 12'(mpnic_device_pkg::FW_QUEUE_SELECT);
  localparam logic [11:0] QUEUE_STATS = 12'(mpnic_device_pkg::FW_QUEUE_STATS);
  localparam logic [11:0] PORT_SELECT = 12'(mpnic_device_pkg::FW_PORT_SELECT);
  localparam logic [11:0] PORT_FLAGS = 12'(mpnic_device_pkg::FW_PORT_FLAGS);
  localparam logic [11:0] PORT_MTU = 12'(mpnic_device_pkg::FW_PORT_MTU);
  localparam logic [11:0] PORT_QUEUES = 12'(mpnic_device_pkg::FW_PORT_QUEUES);
  localparam logic [11:0] PORT_SPEED = 12'(mpnic_device_pkg::FW_PORT_SPEED);
  localparam logic [11:0] MAC_SELECT = 12'(mpnic_device_pkg::FW_MAC_SELECT);
  localparam logic [11:0] MAC_LOW = 12'(mpnic_device_pkg::FW_MAC_LOW);
  localparam logic [11:0] MAC_HIGH = 12'(mpnic_device_pkg::FW_MAC_HIGH);
  localparam logic [11:0] VECTOR_SELECT = 12'(mpnic_device_pkg::FW_VECTOR_SELECT);
  localparam logic [11:0] VECTOR_INTERVAL = 12'(mpnic_device_pkg::FW_VECTOR_INTERVAL);
  localparam logic [11:0] LOG = 12'(mpnic_device_pkg::FW_LOG);
  localparam logic [11:0] LOG_SELECT = 12'(mpnic_device_pkg::FW_LOG_SELECT);
  localparam logic [11:0] LOG_BYTE = 12'(mpnic_device_pkg::FW_LOG_BYTE);
  localparam logic [11:0] LOG_FIRST = 12'(mpnic_device_pkg::FW_LOG_FIRST);
  localparam logic [11:0] LOG_END = 12'(mpnic_device_pkg::FW_LOG_END);
  localparam logic [11:0] STATUS = 12'(mpnic_device_pkg::FW_STATUS);
  localparam logic [11:0] MAILBOX_COMMAND = 12'(mpnic_device_pkg::FW_MAILBOX_COMMAND);
  localparam logic [11:0] MAILBOX_ARG0 = 12'(mpnic_device_pkg::FW_MAILBOX_ARG0);
  localparam logic [11:0] MAILBOX_ARG1 = 12'(mpnic_device_pkg::FW_MAILBOX_ARG1);
  localparam logic [11:0] MAILBOX_RESULT = 12'(mpnic_device_pkg::FW_MAILBOX_RESULT);

  localparam int unsigned MTU_DEFAULT = 1500;
  localparam int unsigned LOG_SIZE = 16384;
  localparam int unsigned LOG_W = $clog2(LOG_SIZE);
  localparam int unsigned NS_PER_MS = 1000000;

  // --- the processor and its memory ----------------------------------------------------------------

  logic        cpu_rst_nq, bites, valid, ready, fault;
  logic [31:0] addr, wdata, rdata;
  logic [3:0]  wstrb;
  logic        irq_timer_q;
  logic [2:0]  pending;
  mpnic_cpu #(
    .RESET_PC(32'hffff_0000)
  ) u_cpu (
    .clk_i,
    .rst_ni        (cpu_rst_nq),
    .valid_o       (valid),
    .ready_i       (ready),
    .addr_o        (addr),
    .wdata_o       (wdata),
    .wstrb_o       (wstrb),
    .rdata_i       (rdata),
    .error_i       (fault),
    .irq_external_i(wake),
    .irq_timer_i   (irq_timer_q),
    .sleep_o,
    // verilator lint_off PINCONNECTEMPTY
    .fetch_o       (),
    .retire_valid_o(),
    .retire_trap_o (),
    .retire_pc_o   (),
    .retire_insn_o (),
    .retire_rd_o   (),
    .retire_value_o(),
    .retire_cause_o()
    // verilator lint_on PINCONNECTEMPTY
  );

  // Boot does nothing about links: they wake firmware alone.
  logic wake;
  assign wake = pending[mpnic_device_pkg::FW_PENDING_ADMIN] |
                pending[mpnic_device_pkg::FW_PENDING_MAILBOX] |
                (pending[mpnic_device_pkg::FW_PENDING_LINK] & admin_serve_o);

  // A watchdog that bites starts it anew.
  logic cpu_runs_q;  // cpu_rst_nq, for what is no reset
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      cpu_rst_nq <= 1'b0;
      cpu_runs_q <= 1'b0;
    end else begin
      cpu_rst_nq <= ready_o & ~bites;
      cpu_runs_q <= ready_o & ~bites;
    end
  end

  logic        is_ram, is_rom, is_gates, ram_ready, rom_ready, gates_ready_q;
  logic [31:0] ram_rdata, rom_rdata, gates_rdata_q;
  assign is_ram = addr[31:16] == 16'h0000;
  assign is_rom = addr[31:16] == 16'hffff;
  assign is_gates = addr[31:12] == 20'(mpnic_device_pkg::FW_BASE >> 12);
  mpnic_cpu_ram u_ram (
    .clk_i,
    .rst_ni (cpu_rst_nq),
    .valid_i(valid & is_ram),
    .ready_o(ram_ready),
    .addr_i (addr),
    .wdata_i(wdata),
    .wstrb_i(wstrb),
    .rdata_o(ram_rdata)
  );
  mpnic_cpu_ram #(
    .SIZE(4096),
    .INIT(ROM)
  ) u_rom (
    .clk_i,
    .rst_ni (cpu_rst_nq),
    .valid_i(valid & is_rom),
    .ready_o(rom_ready),
    .addr_i (addr),
    .wdata_i(wdata),
    .wstrb_i(4'd0),
    .rdata_o(rom_rdata)
  );

  // Gates take words alone; nothing is where nothing is.
  logic partial, nowhere;
  assign partial = (wstrb != 4'd0) & (wstrb != 4'hf);
  assign nowhere = ~is_ram & ~is_rom & ~is_gates;
  assign fault = nowhere | (is_gates & partial) | (is_rom & (wstrb != 4'd0));
  always_comb begin
    ready = nowhere | (is_gates & (partial | gates_ready_q | posts));
    rdata = gates_rdata_q;
    if (is_ram) begin
      ready = ram_ready;
      rdata = ram_rdata;
    end else if (is_rom) begin
      ready = rom_ready;
      rdata = rom_rdata;
    end
  end

  // --- an access to the gates ----------------------------------------------------------------------

  // It is taken (IDLE), done (ACT: at once, or when the window, the mailbox or the queue is free), its
  // answer kept (KEEP), given. A write is answered as it is taken: the processor goes on, and its next
  // access here waits. One that was taken is done, also if the processor is reset.
  typedef enum logic [1:0] {IDLE, ACT, KEEP, GIVE} state_e;
  state_e      state_q;
  logic [11:0] off_q;
  logic [31:0] data_q;
  logic        write_q, done, acts, takes, posts;
  logic        in_window, in_box, in_queue, window_free, box_free, queue_there, queue_ready;
  assign in_window = (off_q >= 12'h100) & (off_q < 12'h400);
  assign in_box = off_q[11];
  assign in_queue = ((off_q > QUEUE_SELECT) & (off_q < PORT_SELECT)) |
                    (off_q[11:6] == QUEUE_STATS[11:6]);
  assign done = in_window ? window_free : in_box ? box_free : in_queue ? queue_ready : 1'b1;
  assign acts = (state_q == ACT) & done;
  assign takes = (state_q == IDLE) & valid & is_gates & ~partial & cpu_runs_q;
  assign posts = takes & (wstrb != 4'd0);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) state_q <= IDLE;
    else begin
      unique case (state_q)
        IDLE: if (takes) state_q <= ACT;
        ACT: if (done) state_q <= write_q ? IDLE : KEEP;
        KEEP: state_q <= GIVE;
        default: state_q <= IDLE;
      endcase
    end
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) gates_ready_q <= 1'b0;
    else gates_ready_q <= (state_q == KEEP) & cpu_runs_q;
  end
  always_ff @(posedge clk_i) begin
    if (state_q == IDLE) begin
      off_q <= addr[11:0];
      data_q <= wdata;
      write_q <= wstrb != 4'd0;
    end
  end

  logic reads, writes, writes_reg;
  assign reads = acts & ~write_q;
  assign writes = acts & write_q;
  assign writes_reg = writes & ~in_window & ~in_box & ~in_queue;

  // --- windows and the mover -----------------------------------------------------------------------

  // Firmware cannot write to what gates put there.
  logic        window_wen, mover_reads, mover_writes, moves_q;
  logic [7:0]  mover_at_q, window_at;
  logic [31:0] window_rdata_q, mover_word;
  assign window_free = ~moves_q & ~mover_starts;
  assign window_wen = writes & in_window & (off_q[9:7] != 3'h2) & ~((off_q[9:7] == 3'h5) &
                      (off_q[6:0] < 7'h30));
  assign window_at = moves_q ? mover_at_q : off_q[9:2];
  logic [31:0] windows[256];
  always_ff @(posedge clk_i) begin
    if (mover_writes) windows[window_at] <= mover_word;
    else if (window_wen) windows[window_at] <= data_q;
    window_rdata_q <= windows[window_at];
  end

  // Jobs, by their bits: a command of the host comes in, completion, table command, settings, event
  // go out, a table's response comes in.
  localparam int unsigned JOBS = 6;
  localparam int unsigned J_ADMIN = 0;
  localparam int unsigned J_CPL = 1;
  localparam int unsigned J_TABLE = 2;
  localparam int unsigned J_SETTINGS = 3;
  localparam int unsigned J_EVENT = 4;
  localparam int unsigned J_RSP = 5;
  localparam logic [JOBS*8-1:0] FIRST = {8'ha0, 8'he0, 8'hc0, 8'h80, 8'h60, 8'h40};
  localparam logic [JOBS*8-1:0] WORDS = {8'd12, 8'd32, 8'd24, 8'd30, 8'd32, 8'd32};

  logic [JOBS-1:0] want_q, job_q, next_job, ends;
  logic            clear_q, mover_starts, comes_in, wait_q, admin_here_q, table_busy_q;
  logic [7:0]      left_q;
  logic [1023:0]   shift_q;
  // The next job, if the register is free; responses first, which the table port does not hold.
  always_comb begin
    next_job = '0;
    if (want_q[J_RSP]) next_job[J_RSP] = 1'b1;
    else if (want_q[J_CPL]) next_job[J_CPL] = 1'b1;
    else if (want_q[J_TABLE]) next_job[J_TABLE] = 1'b1;
    else if (want_q[J_EVENT]) next_job[J_EVENT] = 1'b1;
    else if (want_q[J_SETTINGS]) next_job[J_SETTINGS] = 1'b1;
    else next_job[J_ADMIN] = want_q[J_ADMIN];
  end
  assign mover_starts = ~moves_q & ~wait_q & ~clear_q & (|want_q);
  assign comes_in = job_q[J_ADMIN] | job_q[J_RSP];
  assign mover_writes = clear_q | (moves_q & comes_in);
  assign mover_reads = moves_q & ~comes_in & ~clear_q;
  assign mover_word = clear_q ? '0 : shift_q[31:0];
  assign ready_o = ~clear_q;

  // What came out waits in the register until it is taken.
  logic [7:0] first, words;
  always_comb begin
    first = '0;
    words = '0;
    for (int unsigned j = 0; j < JOBS; j++) begin
      if (next_job[j]) begin
        first = first | FIRST[8*j+:8];
        words = words | WORDS[8*j+:8];
      end
    end
  end

  logic reads_q;
  assign ends[J_CPL] = came_out & job_q[J_CPL];
  assign ends[J_TABLE] = came_out & job_q[J_TABLE] & table_ready_i;
  assign ends[J_SETTINGS] = came_out & job_q[J_SETTINGS] & empty_i;
  assign ends[J_EVENT] = came_out & job_q[J_EVENT] & event_ready_i;
  assign ends[J_ADMIN] = moves_q & job_q[J_ADMIN] & (left_q == 8'd1);
  assign ends[J_RSP] = moves_q & job_q[J_RSP] & (left_q == 8'd1);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      clear_q <= 1'b1;
      moves_q <= 1'b1;
      wait_q <= 1'b0;
      reads_q <= 1'b0;
      job_q <= '0;
      mover_at_q <= '0;
      left_q <= '0;
    end else begin
      reads_q <= mover_reads;
      if (clear_q) begin
        mover_at_q <= mover_at_q + 8'd1;
        if (box_cleared) begin
          clear_q <= 1'b0;
          moves_q <= 1'b0;
        end
      end else if (mover_starts) begin
        job_q <= next_job;
        moves_q <= 1'b1;
        mover_at_q <= first;
        left_q <= words;
      end else if (moves_q) begin
        mover_at_q <= mover_at_q + 8'd1;
        left_q <= left_q - 8'd1;
        if (left_q == 8'd1) moves_q <= 1'b0;
        if (left_q == 8'd1 && !comes_in) wait_q <= 1'b1;
      end else if (|ends) begin
        wait_q <= 1'b0;
      end
    end
  end
  // Words enter at the top: behind N words the first stands N words below it.
  always_ff @(posedge clk_i) begin
    if (mover_starts && next_job[J_ADMIN]) shift_q <= admin_cmd_i;
    else if (mover_starts && next_job[J_RSP]) shift_q <= 1024'(rsp_q);
    else if (moves_q && comes_in) shift_q <= {32'd0, shift_q[1023:32]};
    else if (reads_q) shift_q <= {window_rdata_q, shift_q[1023:32]};
  end
  logic [mpnic_pkg::TABLE_RSP_W-1:0] rsp_q;
  always_ff @(posedge clk_i) if (table_rsp_valid_i) rsp_q <= table_rsp_i;

  // The last word comes out in the first clock of waiting.
  logic out_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) out_q <= 1'b0;
    else out_q <= wait_q & ~(|ends);
  end
  logic came_out;
  assign came_out = wait_q & out_q;
  logic go_cpl, admin_go;
  assign admin_go = writes_reg & (off_q == ADMIN_GO) & admin_here_q;
  assign go_cpl = came_out & job_q[J_CPL];
  assign admin_cpl_valid_o = go_cpl;
  assign admin_cpl_o = shift_q;
  assign table_busy_o = table_busy_q;
  assign table_valid_o = came_out & job_q[J_TABLE];
  assign table_cmd_o = shift_q[1023-:mpnic_pkg::TABLE_CMD_W];
  assign event_valid_o = came_out & job_q[J_EVENT];
  assign event_o = shift_q;
  assign hold_o = want_q[J_SETTINGS] | (job_q[J_SETTINGS] & (moves_q | wait_q));
  assign admin_serve_o = status_q == mpnic_device_pkg::FW_STATUS_RUNNING;

  logic [mpnic_pkg::SETTINGS_W-1:0] settings_q;
  assign settings_o = settings_q;
  logic take_settings;
  assign take_settings = came_out & job_q[J_SETTINGS] & empty_i;

  logic [JOBS-1:0] asked;
  assign asked[J_ADMIN] = admin_valid_i & ~admin_here_q & ~want_q[J_ADMIN] &
                          ~((moves_q | mover_starts) & job_q[J_ADMIN]) & ~admin_answered_q;
  assign asked[J_CPL] = admin_go;
  assign asked[J_TABLE] = writes_reg & (off_q == TABLE_GO) & ~table_busy_q;
  assign asked[J_SETTINGS] = writes_reg & (off_q == SETTINGS_GO);
  assign asked[J_EVENT] = writes_reg & (off_q == EVENT_GO);
  assign asked[J_RSP] = table_rsp_valid_i;
  // A command that was answered goes, a clock behind the answer at the latest.
  logic admin_answered_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      want_q <= '0;
      admin_here_q <= 1'b0;
      admin_answered_q <= 1'b0;
      table_busy_q <= 1'b0;
      settings_q <= '0;
    end else begin
      want_q <= (want_q & ~({JOBS{mover_starts}} & next_job)) | asked;
      if (ends[J_ADMIN]) admin_here_q <= 1'b1;
      else if (admin_go) admin_here_q <= 1'b0;
      if (admin_go) admin_answered_q <= 1'b1;
      else if (!admin_valid_i) admin_answered_q <= 1'b0;
      if (asked[J_TABLE]) table_busy_q <= 1'b1;
      else if (ends[J_RSP]) table_busy_q <= 1'b0;
      if (take_settings) settings_q <= shift_q[1023-:mpnic_pkg::SETTINGS_W];
    end
  end

  // --- the mailbox ---------------------------------------------------------------------------------

  // One memory; the host's access goes first, firmware's waits a clock.
  logic        box_cleared, box_wen;
  logic [8:0]  box_at, box_clear_q;
  logic [31:0] box_mem[512];
  logic [31:0] box_rdata_q, box_word;
  assign box_cleared = &box_clear_q;
  assign box_ready_o = box_valid_i & ~clear_q;
  assign box_free = ~box_valid_i;
  assign box_at = clear_q ? box_clear_q : box_valid_i ? box_word_i : off_q[10:2];
  assign box_word = clear_q ? '0 : box_valid_i ? box_wdata_i : data_q;
  assign box_wen = clear_q | (box_valid_i ? box_write_i & ~mail_waits_q : writes & in_box);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) box_clear_q <= '0;
    else if (clear_q) box_clear_q <= box_clear_q + 9'd1;
  end
  always_ff @(posedge clk_i) begin
    if (box_wen) box_mem[box_at] <= box_word;
    box_rdata_q <= box_mem[box_at];
  end
  assign box_rdata_o = box_rdata_q;

  logic        mail_waits_q;
  logic [31:0] mail_command_q, mail_status_q, mail_result_q;
  logic [63:0] mail_args_q;
  assign mail_waits_o = mail_waits_q;
  assign mail_command_o = mail_command_q;
  assign mail_status_o = mail_status_q;
  assign mail_args_o = mail_args_q;
  assign mail_result_o = mail_result_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      mail_waits_q <= 1'b0;
      mail_command_q <= '0;
      mail_status_q <= '0;
      mail_result_q <= '0;
      mail_args_q <= '0;
    end else begin
      if (writes_reg && off_q == MAILBOX_ARG0) mail_args_q[31:0] <= data_q;
      if (writes_reg && off_q == MAILBOX_ARG1) mail_args_q[63:32] <= data_q;
      if (writes_reg && off_q == MAILBOX_RESULT) mail_result_q <= data_q;
      if (writes_reg && off_q == MAILBOX_DONE) begin
        mail_status_q <= data_q;
        mail_waits_q <= 1'b0;
      end
      if (!mail_waits_q) begin
        if (mail_arg_i[0]) mail_args_q[31:0] <= mail_wdata_i;
        if (mail_arg_i[1]) mail_args_q[63:32] <= mail_wdata_i;
        if (mail_command_i) begin
          mail_command_q <= mail_wdata_i;
          mail_result_q <= '0;
          mail_waits_q <= 1'b1;
        end
      end
    end
  end

  // --- time, watchdog, status ----------------------------------------------------------------------

  logic [7:0]  status_q;
  logic [31:0] version_q, beat_q, time_high_q, watchdog_ms_q;
  logic [63:0] watchdog_at_q, tick_q;
  logic        watchdog_on_q, watchdog_set_q, watchdog_due_q, tick_due_q;
  assign status_o = status_q;
  assign version_o = version_q;
  assign heartbeat_o = beat_q;
  assign bites = watchdog_on_q & watchdog_due_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      status_q <= mpnic_device_pkg::FW_STATUS_NONE;
      version_q <= '0;
      beat_q <= '0;
      watchdog_on_q <= 1'b0;
      watchdog_set_q <= 1'b0;
      watchdog_due_q <= 1'b0;
      tick_due_q <= 1'b0;
      irq_timer_q <= 1'b0;
      tick_q <= '0;
    end else begin
      if (writes_reg && off_q == STATUS) status_q <= data_q[7:0];
      if (writes_reg && off_q == VERSION) version_q <= data_q;
      if (writes_reg && off_q == BEAT) beat_q <= data_q;
      watchdog_set_q <= writes_reg & (off_q == WATCHDOG) & (data_q != '0);
      if (writes_reg && off_q == WATCHDOG) begin
        watchdog_on_q <= 1'b0;
      end else if (watchdog_set_q) watchdog_on_q <= 1'b1;
      watchdog_due_q <= watchdog_on_q & (now_i >= watchdog_at_q) & ~bites &
                        ~(writes_reg & (off_q == WATCHDOG));
      if (bites) begin
        watchdog_on_q <= 1'b0;
        status_q <= mpnic_device_pkg::FW_STATUS_HUNG;
      end
      tick_due_q <= (now_i >= tick_q) & ~tick_due_q;
      if (tick_due_q) tick_q <= now_i + 64'(NS_PER_MS);
      if (tick_due_q) irq_timer_q <= 1'b1;
      else if (reads && off_q == PENDING) irq_timer_q <= 1'b0;
    end
  end
  always_ff @(posedge clk_i) begin
    watchdog_ms_q <= data_q;
    if (watchdog_set_q) watchdog_at_q <= now_i + 64'(watchdog_ms_q) * 64'(NS_PER_MS);
    if (reads && off_q == TIME) time_high_q <= now_i[63:32];
  end

  // --- ports, MAC filter, selections ---------------------------------------------------------------

  logic [31:0]      queue_select_q, mac_select_q, vector_select_q, port_select_q, log_select_q;
  logic [5:0]       port_flags_q;  // 3 bits a port
  logic [31:0]      mtu_q;
  logic [63:0]      port_queues_q;
  logic [32*50-1:0] mac_q;
  logic [1:0]       links_q, link_changed_q;
  logic             port, moved_log;
  logic [4:0]       mac_at;
  assign port = port_select_q[0];
  assign mac_at = mac_select_q[4:0];
  always_comb begin
    for (int unsigned p = 0; p < 2; p++) begin
      port_flags_o[16*p+:16] = {12'd0, links_q[p], port_flags_q[3*p+:3]};
    end
  end
  assign port_mtu_o = mtu_q;
  assign port_queues_o = port_queues_q;
  assign mac_filter_o = mac_q;
  assign vector_o = vector_select_q[5:0];
  assign interval_o = data_q;
  assign interval_write_o = writes_reg & (off_q == VECTOR_INTERVAL);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      queue_select_q <= '0;
      port_select_q <= '0;
      mac_select_q <= '0;
      vector_select_q <= '0;
      log_select_q <= '0;
      port_flags_q <= '0;
      mtu_q <= {2{16'(MTU_DEFAULT)}};
      port_queues_q <= '0;
      mac_q <= '0;
      link_changed_q <= '0;
    end else begin
      if (writes_reg && off_q == QUEUE_SELECT) queue_select_q <= data_q;
      if (writes_reg && off_q == PORT_SELECT) port_select_q <= data_q;
      if (writes_reg && off_q == MAC_SELECT) mac_select_q <= data_q;
      if (writes_reg && off_q == VECTOR_SELECT) vector_select_q <= data_q;
      if (writes_reg && off_q == LOG_SELECT) log_select_q <= data_q;
      else if (moved_log) log_select_q <= log_select_q + 32'd1;
      if (writes_reg && off_q == PORT_FLAGS) port_flags_q[3*port+:3] <= data_q[2:0];
      if (writes_reg && off_q == PORT_MTU) mtu_q[16*port+:16] <= data_q[15:0];
      if (writes_reg && off_q == PORT_QUEUES) port_queues_q[32*port+:32] <= data_q;
      if (writes_reg && off_q == MAC_LOW) mac_q[50*mac_at+:32] <= data_q;
      if (writes_reg && off_q == MAC_HIGH) begin
        mac_q[50*mac_at+32+:18] <= {data_q[16], data_q[17], data_q[15:0]};
      end
      for (int unsigned p = 0; p < 2; p++) begin
        if (links_i[p] != links_q[p]) link_changed_q[p] <= 1'b1;
        else if (reads && off_q == PORT_FLAGS && port == 1'(p)) link_changed_q[p] <= 1'b0;
      end
    end
  end
  // The link is what it is, whatever is reset; nobody is told of what changed meanwhile.
  always_ff @(posedge clk_i or negedge pwr_rst_ni) begin
    if (!pwr_rst_ni) links_q <= '0;
    else links_q <= links_i;
  end

  assign pending[mpnic_device_pkg::FW_PENDING_ADMIN] = admin_here_q;
  assign pending[mpnic_device_pkg::FW_PENDING_MAILBOX] = mail_waits_q;
  assign pending[mpnic_device_pkg::FW_PENDING_LINK] = |link_changed_q;

  // --- queues --------------------------------------------------------------------------------------

  logic [1:0] kind;
  assign kind = queue_select_q[17:16];
  assign queue_there = (queue_select_q[31:18] == '0) &
                       ((kind == 2'd2) ? queue_select_q[15:0] == '0 :
                        (kind != 2'd3) & (queue_select_q[15:4] == '0));
  assign qp_valid_o = {3{(state_q == ACT) & in_queue & queue_there & ~in_window & ~in_box}} &
                      {kind == 2'd2, kind == 2'd1, kind == 2'd0};
  assign queue_ready = ~queue_there | (|(qp_ready_i & qp_valid_o));
  assign qp_index_o = queue_select_q[3:0];
  assign qp_write_o = write_q;
  assign qp_addr_o = off_q[10:0];
  assign qp_wdata_o = data_q;

  // --- log -----------------------------------------------------------------------------------------

  logic [31:0] log_end_q, log_first;
  logic        log_there;
  logic [7:0]  log_mem[LOG_SIZE];
  logic [7:0]  log_rdata_q;
  assign log_first = (log_end_q > LOG_SIZE) ? log_end_q - LOG_SIZE : '0;
  assign log_there = (log_select_q >= log_first) & (log_select_q < log_end_q);
  assign moved_log = reads & (off_q == LOG_BYTE) & log_there;
  logic log_wen;
  assign log_wen = writes_reg & (off_q == LOG);
  always_ff @(posedge clk_i or negedge pwr_rst_ni) begin
    if (!pwr_rst_ni) log_end_q <= '0;
    else if (log_wen) log_end_q <= log_end_q + 32'd1;
  end
  always_ff @(posedge clk_i) begin
    if (log_wen) log_mem[log_end_q[LOG_W-1:0]] <= data_q[7:0];
    log_rdata_q <= log_mem[log_select_q[LOG_W-1:0]];
  end

  // --- reading -------------------------------------------------------------------------------------

  logic [31:0]   reg_value, value_q, size;
  logic [3:0]    strap_word;
  logic          from_window_q, from_box_q, from_log_q;
  logic [511:0]  straps;  // serial number and addresses, as they lie from SERIAL on
  assign straps = {96'd0, macs_i, 64'd0, serial_i};
  assign strap_word = off_q[5:2] - SERIAL[5:2];
  always_comb begin
    unique case (off_q[4:2])
      3'd0: size = FLOWS;
      3'd1: size = STASH;
      3'd2: size = CONNS;
      3'd3: size = TOKENS;
      3'd4: size = PEERS;
      default: size = '0;
    endcase
  end
  always_comb begin
    reg_value = '0;
    unique case (off_q)
      VERSION: reg_value = version_q;
      BEAT: reg_value = beat_q;
      TIME: reg_value = now_i[31:0];
      TIME + 12'd4: reg_value = time_high_q;
      PENDING: reg_value = {29'd0, pending};
      GEOMETRY: reg_value = {16'(mpnic_device_pkg::VECTORS), 8'(mpnic_device_pkg::QUEUES),
                             8'(mpnic_device_pkg::PORTS)};
      RANDOM: reg_value = random_i;
      TABLE_GO: reg_value = {31'd0, table_busy_q};
      SETTINGS_GO: reg_value = {31'd0, hold_o};
      EVENT_GO: reg_value = {31'd0, want_q[J_EVENT] | (job_q[J_EVENT] & (moves_q | wait_q))};
      QUEUE_SELECT: reg_value = queue_select_q;
      PORT_SELECT: reg_value = port_select_q;
      PORT_FLAGS: reg_value = {16'd0, port_flags_o[16*port+:16]};
      PORT_MTU: reg_value = {16'd0, mtu_q[16*port+:16]};
      PORT_QUEUES: reg_value = port_queues_q[32*port+:32];
      PORT_SPEED: reg_value = speeds_i[32*port+:32];
      MAC_SELECT: reg_value = mac_select_q;
      MAC_LOW: reg_value = mac_q[50*mac_at+:32];
      MAC_HIGH: reg_value = {14'd0, mac_q[50*mac_at+48], mac_q[50*mac_at+49],
                             mac_q[50*mac_at+32+:16]};
      VECTOR_SELECT: reg_value = vector_select_q;
      VECTOR_INTERVAL: reg_value = interval_i;
      LOG_SELECT: reg_value = log_select_q;
      LOG_FIRST: reg_value = log_first;
      LOG_END: reg_value = log_end_q;
      STATUS: reg_value = {24'd0, status_q};
      MAILBOX_COMMAND: reg_value = mail_command_q;
      MAILBOX_ARG0: reg_value = mail_args_q[31:0];
      MAILBOX_ARG1: reg_value = mail_args_q[63:32];
      default: begin
        if (off_q >= SIZES && off_q < SERIAL) reg_value = size;
        else if (off_q >= SERIAL && off_q < RANDOM) reg_value = straps[32*strap_word+:32];
      end
    endcase
  end
  logic [31:0] queue_value;
  assign queue_value = (qp_rdata_i[31:0] & {32{qp_valid_o[0]}}) |
                       (qp_rdata_i[63:32] & {32{qp_valid_o[1]}}) |
                       (qp_rdata_i[95:64] & {32{qp_valid_o[2]}});
  always_ff @(posedge clk_i) begin
    if (acts) begin
      value_q <= in_queue ? queue_value : reg_value;
      from_window_q <= in_window;
      from_box_q <= in_box;
      from_log_q <= off_q == LOG_BYTE;
      if (off_q == LOG_BYTE && !log_there) from_log_q <= 1'b0;
    end
    gates_rdata_q <= from_window_q ? window_rdata_q : from_box_q ? box_rdata_q :
                     from_log_q ? {24'd0, log_rdata_q} : value_q;
  end

endmodule
