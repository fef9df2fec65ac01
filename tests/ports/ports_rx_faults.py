# SPDX-License-Identifier: BSD-3-Clause
# Faults of the broken twins of mpnic_port_rx, as tests/rtl/twins.py takes them.

FAULTS = [
    # The filter
    ("== {1'b1, @1'(PORT)@, s_axis_tdata_i[47:0]}", "macs_i[k*50+48]"),
    ("== {@1'b1@, 1'(PORT)", "macs_i[k*50+49]"),
    ("{1'b1, 1'(PORT), @s_axis_tdata_i[47:0]@}", "{macs_i[k*50+47], s_axis_tdata_i[46:0]}"),
    ("broadcast0_q <= @&s_axis_tdata_i[47:0]@", "&s_axis_tdata_i[46:0]"),
    ("(groups0_q & @data0_q[0]@)", "1'b1"),
    ("all0_q | @broadcast0_q@ |", "1'b0"),
    ("if (@!first0_q@) pass1_q", "1'b0"),
    # Lengths
    (": @mtu0_q + OVER_MTU@;", "mtu0_q"),
    ("? @16'(mpnic_pkg::FRAME_MAX)@\n", "16'hffff"),
    ("@~|(keep0_q[63:1] & ~keep0_q[62:0])@ & (last0_q", "1'b1"),
    ("& (@last0_q | keep0_q[63]@)", "1'b1"),
    ("(broken2_q & @~first1_q@)", "1'b1"),
    ("broken2_q <= (bytes1_q == '0) | (@broken2_q@ &", "1'b0"),
    ("if (@!len2_q[14]@) len2_q", "!len2_q[13] || len2_q[12]"),
    ("len2_q > limit2_q", "len2_q >= limit2_q"),
    ("len2_q < @16'(mpnic_pkg::FRAME_MIN)@", "16'd13"),
    # Store and forward
    ("push & last3_q & @~short3_q@", "1'b1"),
    ("(bad | (@last3_q & short3_q@))", "1'b0"),
    ("assign drop = valid3_q & (@bad@ |", "1'b0"),
    ("push = valid3_q & @~bad@", "1'b1"),
    ("begins_q <= @s_axis_tlast_i@", "1'b1"),
    ("out_first_q <= @m_last_o@", "1'b1"),
    # Pulses
    ("down_q <= valid3_q & @last3_q@ & ~up3_q", "1'b1"),
    ("length_q <= valid3_q & last3_q & @up3_q@", "1'b1"),
    ("& ~off_length & @~pass3_q@", "pass3_q"),
    ("up3_q & @~off_length@ & ~pass3_q", "1'b1"),
    # The memory
    ("PTR_W'(DEPTH - MARGIN)", "PTR_W'(DEPTH)"),
    ("wr_q <= drop_i ? @end_q@ : wr_behind", "wr_q"),
    ("waits_q <= @rd_d != end_d@", "rd_d != wr_q"),
    ("@waits_q & (~valid_q | ready_i)@", "waits_q"),
]
