# SPDX-License-Identifier: BSD-3-Clause
# RTL of stages act and deparse beside the C model (docs/verification.md), and broken twins of it.

ACT := $(B)/act
ACT_SV := $(RTL_PKGS) $(patsubst %,hw/rtl/mpnic_%.sv,delay ram_fifo count counters act)
DEPARSE_SV := $(RTL_PKGS) $(patsubst %,hw/rtl/mpnic_%.sv,delay fifo ram_fifo strip deparse)
ACT_OBJS := $(B)/obj/tests/act/model.o $(MODEL_LIB)
DEPARSE_OBJS := $(patsubst %,$(B)/obj/sim/%.o,gen capture) $(MODEL_LIB)
ACT_COUNT ?= 6000000
DEPARSE_COUNT ?= 500000

ACT_VFLAGS := --x-assign unique --x-initial unique

$(eval $(call rtl_bench,$(ACT)/act,$(ACT)/rtl,mpnic_act,$(ACT_SV),$(ACT_VFLAGS) --assert -GEVENTS=16,\
	tests/act/act.cc,$(ACT_OBJS)))
$(foreach w,128 256 512,$(eval $(call rtl_bench,$(ACT)/deparse-$(w),$(ACT)/rtl-$(w),mpnic_deparse,\
	$(DEPARSE_SV),$(ACT_VFLAGS) --assert -GFRAMES=16 -GDATA_W=$(w),\
	tests/act/deparse.cc,$(DEPARSE_OBJS),-DDATA_W=$(w))))

# The twins: assertions off, so that it is the comparison that notices them.
$(eval $(call rtl_twins,$(ACT)/twins-act,tests/act/act_faults.py,ram_fifo act))
$(eval $(call rtl_bench,$(ACT)/act-twins,$(ACT)/twins-act/rtl,mpnic_act,\
	$(RTL_PKGS) $(patsubst %,hw/rtl/mpnic_%.sv,delay count counters) \
	$(patsubst %,$(ACT)/twins-act/mpnic_%.sv,ram_fifo act),\
	$(ACT_VFLAGS) --noassert -GEVENTS=16,tests/act/act.cc,$(ACT_OBJS)))
$(eval $(call rtl_twins,$(ACT)/twins-deparse,tests/act/deparse_faults.py,ram_fifo strip deparse))
$(eval $(call rtl_bench,$(ACT)/deparse-twins,$(ACT)/twins-deparse/rtl,mpnic_deparse,\
	$(RTL_PKGS) $(patsubst %,hw/rtl/mpnic_%.sv,delay fifo) \
	$(patsubst %,$(ACT)/twins-deparse/mpnic_%.sv,ram_fifo strip deparse),\
	$(ACT_VFLAGS) --noassert -GFRAMES=16 -GDATA_W=128,\
	tests/act/deparse.cc,$(DEPARSE_OBJS),-DDATA_W=128))

ACT_CAPTURES := $(sort $(wildcard tests/captures/*.pcap* $(MPNIC_PCAPS)/*.pcap*))

TEST_TARGETS += test-act test-deparse
.PHONY: test-act test-deparse
test-act: $(ACT)/act $(ACT)/act-twins
	@$(RUN) act $< --count $(ACT_COUNT)
	@$(RUN) act-twins tests/rtl/twins.py run tests/act/act_faults.py 200000 $(ACT)/act-twins

test-deparse: $(patsubst %,$(ACT)/deparse-%,128 256 512) $(ACT)/deparse-twins
	@$(RUN) deparse sh -c 'for w in 128 256 512; do $(ACT)/deparse-$$w --count $(DEPARSE_COUNT) \
		$(ACT_CAPTURES) || exit 1; done'
	@$(RUN) deparse-twins tests/rtl/twins.py run tests/act/deparse_faults.py 100000 \
		$(ACT)/deparse-twins
