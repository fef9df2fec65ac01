# SPDX-License-Identifier: BSD-3-Clause
# Faults of the broken twins of mpnic_dma_read, as tests/rtl/twins.py takes them.

FAULTS = [
    # Bursts
    ("(17'(len_q) + 17'(offset_q) + @17'd63@) >> 6)", "17'd64"),
    ("11'((17'(len_q) + @17'(offset_q)@", "17'd0"),
    ("assign limit = @(to_page > 7'(BURST))@ ?", "1'b1"),
    ("assign to_page = 7'd64 - @{1'b0, addr_q[5:0]}@;", "{2'b0, addr_q[4:0]}"),
    ("assign ends_request = @left_q <= {5'd0, limit}@;", "left_q < {5'd0, limit}"),
    ("assign beats = @ends_request@ ?", "1'b0"),
    ("addr_q <= addr_q + @58'(beats_q)@", "58'(BURST)"),
    ("left_q <= left_q - @11'(beats_q)@", "11'(beats_q) + 11'd1"),
    ("grant[c]) state_q <= @last_q@ ? IDLE", "1'b1"),
    # Room
    ("!grant[c] && @ROOM_W'(cost_q) <= room_q@ &&", "1'b1"),
    ("&&\n                   @!bursts_q[BURSTS_LOG2]@;", "1'b1"),
    ("room_q + @ROOM_W'(taken[c])@", "ROOM_W'(taken[c] & ~rsp_last_o)"),
    ("beats - @6'(first_q && offset_q != '0)@ +", "6'd0"),
    ("6'(first_q && offset_q != '0) + @6'(ends_request && extra_q)@", "6'd0"),
    # Turns
    ("assign later = can & @turn_q@;", "{CLIENTS{1'b1}}"),
    ("assign ar_free = @~ar_valid_q | m_axi_arready_i@;", "1'b1"),
    ("rsp_sooner = (@rsp_later != '0@) ? rsp_later", "1'b0"),
    ("gives_up = @patience_q == '0@ &&", "1'b0"),
    ("slow_q <= (retry_q == '0) ? '0 : @(slow_q | back) & ~rsp_ready_i@;", "{CLIENTS{1'b0}}"),
    ("rd_q <= rd_q + 8'(fetch[c]) - @8'(back[c])@;", "8'd0"),
    # Answers
    ("assign m_axi_rready_o = @~(ends_request & extra)@;", "1'b1"),
    ("tail_q <= @ends_request & extra@;", "1'b0"),
    ("extra_q <= @offset_q != '0@ &&", "1'b1"),
    ("tail_q | ~(first & @~begun_one@ & (offset", "1'b1"),
    ("~(@first@ & ~begun_one", "1'b1"),
    ("c_last_q <= tail_q | (ends_request & @~extra@);", "1'b1"),
    ("{@c_offset_q[2:0]@, 3'd0});", "3'd0"),
    ("({r_data_q, r_data_q} >> {@c_offset[5:3]@, 6'd0});", "{1'b0, c_offset[4:3]}"),
    ("assign carry = carry_mem[@f_id_q@];", "2'd0"),
    ("if (c_offset_q == '0) kept = @'0@;", "kept"),
    ("r_error_q <= @m_axi_rresp_i[1]@;", "m_axi_rresp_i != 2'd0"),
    ("~f_last_q & (@failed_q[c]@ | f_error_q)", "1'b0"),
    ("failed_q[c] <= @~f_last_q@ &", "1'b1"),
    ("w_error_q <= @f_error_q@ | failed_one;", "1'b0"),
    ("rd_q <= rd_q + @BURSTS_LOG2'(ends[c])@;", "BURSTS_LOG2'(ends[c] & last)"),
]
