# SPDX-License-Identifier: BSD-3-Clause
# Faults of the broken twins of mpnic_dma_write, as tests/rtl/twins.py takes them.

FAULTS = [
    # Turns
    ("assign later = req_valid_i & @turn_q@;", "{CLIENTS{1'b1}}"),
    ("(~sooner + CLIENTS'(1)) & @{CLIENTS{a_free}}@;", "{CLIENTS{1'b1}}"),
    ("turn_q <= ~(@(grant - CLIENTS'(1)) | grant@);", "(grant - CLIENTS'(1))"),
    # Bursts
    ("(17'(a_len_q) + @17'(a_offset_q)@ + 17'd63", "17'd0"),
    ("17'(a_offset_q) + @17'd63@) >> 6", "17'd64"),
    ("assign to_page = 7'd64 - @{1'b0, c_addr_q[5:0]}@;", "{2'b0, c_addr_q[4:0]}"),
    ("assign ends_request = @c_left_q <= 11'(to_page)@;", "c_left_q < 11'(to_page)"),
    ("assign beats = @ends_request@ ? c_left_q", "1'b1"),
    ("c_addr_q <= {@c_addr_q[57:6] + 52'd1@, 6'd0};", "{c_addr_q[57:16], c_addr_q[15:6] + 10'd1}"),
    ("c_left_q <= c_left_q - @11'(to_page)@;", "11'd64"),
    ("assign c_free = ~c_valid_q | (emit & @ends_request@);", "1'b1"),
    ("assign b_free = @~b_valid_q | c_free@;", "1'b1"),
    ("assign emit = c_valid_q & @aw_room@ &", "1'b1"),
    ("aw_room & @cut_room@ &", "1'b1"),
    ("cut_room & @b_room@;", "1'b1"),
    # Data
    ("assign takes = @cut_even@ |", "1'b1"),
    ("| ~(@cut_last@ & ends_burst);", "1'b1"),
    ("~(cut_last & @ends_burst@);", "1'b1"),
    ("cut_valid & has_place_q & (there | @~takes@);", "1'b0"),
    ("has_place_q <= @~begins | (places_q != ($clog2(PLACES) + 1)'(1))@;", "1'b1"),
    ("assign begins = cut_valid & has_place_q & @(there | ~takes)@;", "1'b1"),
    ("(@r_head_q@ ? from", "1'b0"),
    ("(@r_tail_q@ ? to", "1'b0"),
    ("(r_end_q == '0) ? @'1@ :", "'0"),
    ("d_head_q <= @cut_first@ & (at_q", "1'b1"),
    ("d_head_q <= cut_first & @(at_q == '0)@;", "1'b1"),
    ("d_tail_q <= @cut_last@ & ends_burst;", "1'b1"),
    ("if (@f_valid_q@) before_q", "1'b1"),
    ("({d_data_q, d_data_q} << {@d_offset_q[5:3]@,", "{1'b0, d_offset_q[4:3]}"),
    ("({r_data_q, r_data_q} << {@r_offset_q[2:0]@,", "3'd0"),
    ("f_fresh_q <= @from@;", "'1"),
    ("b_even_q <= @span == packed_span@;", "1'b0"),
    # Answers
    ("failed_q <= ~flight_last & (@failed_q@ | bad_q);", "1'b0"),
    ("failed_q <= @~flight_last@ &", "1'b1"),
    ("bad_q <= @m_axi_bresp_i[1]@;", "m_axi_bresp_i != 2'd0"),
    ("answered_q & @flight_last@ & (flight_id", "1'b1"),
    ("(flight_id == @ID_W'(c)@);", "ID_W'(0)"),
]
