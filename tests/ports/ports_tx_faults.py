# SPDX-License-Identifier: BSD-3-Clause
# Faults of the broken twins of mpnic_port_tx, as tests/rtl/twins.py takes them.

FAULTS = [
    ("room & @~abort_i@", "1'b1"),
    ("flags_i[mpnic_device_pkg::PORT_UP] & @flags_i[mpnic_device_pkg::PORT_LINK]@", "1'b1"),
    ("assign link = @flags_i[mpnic_device_pkg::PORT_UP]@", "1'b1"),
    ("send_d = @s_first_i@ ? link", "1'b1"),
    ("valid0_q <= take & @alive_d@", "1'b1"),
    ("if (@abort_i@) alive_q", "1'b0"),
    ("data0_q & @mask@", "'1"),
    ("(@first0_q@ && bytes0_q < WIRE_MIN)", "1'b1"),
    ("bytes0_q < WIRE_MIN) ? @WIRE_MIN@", "7'd64"),
    ("first0_q && @bytes0_q < WIRE_MIN@", "bytes0_q < 7'd59"),
    ("(@begins_q@ ? 16'd0 : len_q)", "1'b1"),
    ("if (leaves) begins_q <= @last_q@", "1'b1"),
    ("abort2_q <= @abort_q@", "1'b0"),
    (".drop_i  (@abort2_q@)", "abort_i"),
    (".push_i  (valid1_q & @send1_q@)", "1'b1"),
    (".commit_i(@ends@)", "valid1_q"),
    ("if (@f_ready@) valid_q", "m_axis_tready_i"),
    ("frames_q <= leaves & last_q & @~m_axis_refused_i@", "1'b1"),
    ("wire_q <= leaves & @last_q@ & m_axis_refused_i", "1'b1"),
    ("down_q <= @ends & ~send1_q@", "1'b0"),
    ("keep_q <= @ones(f_bytes)@", "'1"),
]
