# SPDX-License-Identifier: BSD-3-Clause
# Tx queues beside their rules, and broken twins of them.

TX := $(B)/tx
TX_PKGS := hw/regs/generated/mpnic_pkg.sv hw/regs/generated/mpnic_device_pkg.sv
TX_PARTS := tx tx_desc tx_gather
TX_SV := $(TX_PKGS) hw/rtl/mpnic_fifo.sv hw/rtl/mpnic_frame_fifo.sv $(TX_PARTS:%=hw/rtl/mpnic_%.sv)
TX_VFLAGS := --x-assign unique --x-initial unique

$(eval $(call rtl_bench,$(TX)/tx,$(TX)/rtl,mpnic_tx,$(TX_SV),$(TX_VFLAGS),tests/tx/tx.cc))
$(eval $(call rtl_twins,$(TX)/twins,tests/tx/tx_faults.py,$(TX_PARTS)))
$(eval $(call rtl_bench,$(TX)/tx-twins,$(TX)/twins/rtl,mpnic_tx,\
	$(TX_PKGS) hw/rtl/mpnic_fifo.sv hw/rtl/mpnic_frame_fifo.sv $(TX_PARTS:%=$(TX)/twins/mpnic_%.sv),\
	$(TX_VFLAGS),tests/tx/tx.cc))

TEST_TARGETS += test-tx
.PHONY: test-tx
test-tx: $(TX)/tx $(TX)/tx-twins
	@$(RUN) tx $(TX)/tx --count 60000
	@$(RUN) tx-twins tests/rtl/twins.py run tests/tx/tx_faults.py 12000 $(TX)/tx-twins
