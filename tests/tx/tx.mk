# SPDX-License-Identifier: BSD-3-Clause
# Tx queues beside their rules, and broken twins of them.

TX := $(B)/tx
TX_PKGS := hw/regs/generated/mpnic_pkg.sv hw/regs/generated/mpnic_device_pkg.sv
TX_PARTS := tx tx_desc tx_gather
TX_SV := $(TX_PKGS) hw/rtl/mpnic_fifo.sv hw/rtl/mpnic_frame_fifo.sv $(TX_PARTS:%=hw/rtl/mpnic_%.sv)
TX_VFLAGS := --x-assign unique --x-initial unique

$(eval $(call rtl_bench,$(TX)/tx,$(TX)/rtl,mpnic_tx,$(TX_SV),$(TX_VFLAGS),tests/tx/tx.cc))
