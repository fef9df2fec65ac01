# SPDX-License-Identifier: BSD-3-Clause
# mpnic_fill beside sums taken byte by byte, and broken twins of it.

FILL := $(B)/fill
FILL_PARTS_SV := $(RTL_PKGS) hw/rtl/mpnic_fifo.sv hw/rtl/mpnic_ram_fifo.sv
FILL_LIBS := $(B)/obj/tests/fill/model.o $(B)/obj/sim/gen.o $(MODEL_LIB)
FILL_VFLAGS := --x-assign unique --x-initial unique

$(eval $(call rtl_bench,$(FILL)/fill,$(FILL)/rtl,mpnic_fill,$(FILL_PARTS_SV) hw/rtl/mpnic_fill.sv,\
	$(FILL_VFLAGS) --assert,tests/fill/fill.cc,$(FILL_LIBS)))
$(eval $(call rtl_twins,$(FILL)/twins,tests/fill/fill_faults.py,fill))
$(eval $(call rtl_bench,$(FILL)/fill-twins,$(FILL)/twins/rtl,mpnic_fill,\
	$(FILL_PARTS_SV) $(FILL)/twins/mpnic_fill.sv,$(FILL_VFLAGS) --noassert,tests/fill/fill.cc,$(FILL_LIBS)))

TEST_TARGETS += test-fill
.PHONY: test-fill
test-fill: $(FILL)/fill $(FILL)/fill-twins
	@$(RUN) fill $(FILL)/fill
	@$(RUN) fill-twins tests/rtl/twins.py run tests/fill/fill_faults.py 20000 $(FILL)/fill-twins
