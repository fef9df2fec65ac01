# SPDX-License-Identifier: BSD-3-Clause
# Filled-in checksums beside their rules, and broken twins of them.

FILL := $(B)/fill
FILL_SV := hw/regs/generated/mpnic_pkg.sv hw/rtl/mpnic_ram_fifo.sv hw/rtl/mpnic_frame_fifo.sv
FILL_VFLAGS := --x-assign unique --x-initial unique

$(eval $(call rtl_bench,$(FILL)/fill,$(FILL)/rtl,mpnic_fill,$(FILL_SV) hw/rtl/mpnic_fill.sv,\
	$(FILL_VFLAGS),tests/fill/fill.cc,$(MODEL_LIB)))
$(eval $(call rtl_twins,$(FILL)/twins,tests/fill/fill_faults.py,fill))
$(eval $(call rtl_bench,$(FILL)/fill-twins,$(FILL)/twins/rtl,mpnic_fill,\
	$(FILL_SV) $(FILL)/twins/mpnic_fill.sv,$(FILL_VFLAGS),tests/fill/fill.cc,$(MODEL_LIB)))

TEST_TARGETS += test-fill
.PHONY: test-fill
test-fill: $(FILL)/fill $(FILL)/fill-twins
	@$(RUN) fill $(FILL)/fill --count 60000
	@$(RUN) fill-twins tests/rtl/twins.py run tests/fill/fill_faults.py 6000 $(FILL)/fill-twins

LINT_TARGETS += lint-fill
.PHONY: lint-fill
lint-fill:
	$(VERILATOR) --lint-only -Wall -Ihw/regs/generated --top-module mpnic_fill $(FILL_SV) hw/rtl/mpnic_fill.sv
	yosys -q -p 'read_verilog -sv -Ihw/regs/generated $(FILL_SV) hw/rtl/mpnic_fill.sv' \
		-p 'hierarchy -check -top mpnic_fill; proc; check -assert'
