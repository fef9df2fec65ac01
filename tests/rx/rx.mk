# SPDX-License-Identifier: BSD-3-Clause
# The Rx queues' RTL behind the DMA masters beside the device's model, and broken twins of it.

RX := $(B)/rx
RX_PARTS := rx rx_desc rx_done rx_store
RX_LIB_SV := hw/regs/generated/mpnic_pkg.sv hw/regs/generated/mpnic_device_pkg.sv \
	$(patsubst %,hw/rtl/mpnic_%.sv,fifo ram_fifo dma_read dma_write)
RX_SV := $(RX_LIB_SV) $(RX_PARTS:%=hw/rtl/mpnic_%.sv)
RX_VFLAGS := --x-assign unique --x-initial unique
RX_OBJS := $(B)/obj/tests/rx/reference.o $(MODEL_LIB) $(FW_LIB)

$(eval $(call rtl_bench,$(RX)/rx,$(RX)/rtl,rx_bench,$(RX_SV) tests/rx/rx_bench.sv,\
	$(RX_VFLAGS) --assert,tests/rx/rx.cc,$(RX_OBJS)))

$(eval $(call rtl_twins,$(RX)/twins,tests/rx/rx_faults.py,$(RX_PARTS)))
$(eval $(call rtl_bench,$(RX)/rx-twins,$(RX)/twins/rtl,rx_bench,$(RX_LIB_SV) \
	$(RX_PARTS:%=$(RX)/twins/mpnic_%.sv) tests/rx/rx_bench.sv,$(RX_VFLAGS) --noassert,\
	tests/rx/rx.cc,$(RX_OBJS)))

TEST_TARGETS += test-rx
.PHONY: test-rx
test-rx: $(RX)/rx $(RX)/rx-twins
	@$(RUN) rx $(RX)/rx
	@$(RUN) rx-twins tests/rtl/twins.py run tests/rx/rx_faults.py 1200000 $(RX)/rx-twins
