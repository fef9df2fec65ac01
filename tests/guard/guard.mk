# SPDX-License-Identifier: BSD-3-Clause
# mpnic_axi_guard between a master that is reset at any moment and a bus, and broken twins of it.

GUARD := $(B)/guard
GUARD_VFLAGS := --x-assign unique --x-initial unique

$(eval $(call rtl_bench,$(GUARD)/guard,$(GUARD)/rtl,mpnic_axi_guard,hw/rtl/mpnic_fifo.sv hw/rtl/mpnic_axi_guard.sv,\
	$(GUARD_VFLAGS),tests/guard/guard.cc))
$(eval $(call rtl_twins,$(GUARD)/twins,tests/guard/guard_faults.py,axi_guard))
$(eval $(call rtl_bench,$(GUARD)/guard-twins,$(GUARD)/twins/rtl,mpnic_axi_guard,\
	hw/rtl/mpnic_fifo.sv $(GUARD)/twins/mpnic_axi_guard.sv,$(GUARD_VFLAGS),tests/guard/guard.cc))

TEST_TARGETS += test-guard
.PHONY: test-guard
test-guard: $(GUARD)/guard $(GUARD)/guard-twins
	@$(RUN) guard $(GUARD)/guard
	@$(RUN) guard-twins tests/rtl/twins.py run tests/guard/guard_faults.py 1000 $(GUARD)/guard-twins
