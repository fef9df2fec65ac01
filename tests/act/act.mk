# SPDX-License-Identifier: BSD-3-Clause
# RTL of stages act and deparse beside the C model (docs/verification.md), and broken twins of it.

ACT := $(B)/act
ACT_SV := $(RTL_PKGS) $(patsubst %,hw/rtl/mpnic_%.sv,delay ram_fifo count counters act)
DEPARSE_SV := $(RTL_PKGS) $(patsubst %,hw/rtl/mpnic_%.sv,delay fifo ram_fifo strip deparse)
ACT_OBJS := $(B)/obj/tests/act/model.o $(MODEL_LIB)
DEPARSE_OBJS := $(patsubst %,$(B)/obj/sim/%.o,gen capture) $(MODEL_LIB)
ACT_COUNT ?= 6000000
DEPARSE_COUNT ?= 500000

# $(call act_program,program,directory,top,sources,bench,objects,Verilator flags,macros)
define act_program
$(2)/V$(3).mk: $(4) hw/regs/generated/mpnic_records.svh tests/act/act.mk
	@mkdir -p $$(@D)
	$(VERILATOR) --cc -O3 -Wno-lint -Ihw/regs/generated --top-module $(3) --x-assign unique \
		--x-initial unique $(7) --Mdir $$(@D) $(4)

$(1): $(2)/V$(3).mk $(5) $(6)
	$$(MAKE) --no-print-directory -s -C $(2) -f V$(3).mk CXX=$$(RTL_CXX) OPT_FAST="$(RTL_OPT)" \
		OPT_GLOBAL=-O1 V$(3)__ALL.a verilated.o verilated_threads.o
	$$(CXX) $$(RTL_CXXFLAGS) $$(CPPFLAGS) $(8) -Itests/act -I$(2) \
		-isystem $$$$($(VERILATOR) --getenv VERILATOR_ROOT)/include $(5) $(6) \
		$(2)/V$(3)__ALL.a $(2)/verilated.o $(2)/verilated_threads.o $(RTL_LIBS) -o $$@
endef
$(eval $(call act_program,$(ACT)/act,$(ACT)/rtl,mpnic_act,$(ACT_SV),tests/act/act.cc,$(ACT_OBJS),\
	--assert -GEVENTS=16))

$(foreach w,128 256 512,$(eval $(call act_program,$(ACT)/deparse-$(w),$(ACT)/rtl-$(w),mpnic_deparse,\
	$(DEPARSE_SV),tests/act/deparse.cc,$(DEPARSE_OBJS),--assert -GFRAMES=16 -GDATA_W=$(w),-DDATA_W=$(w))))
# The twins: assertions off, so that it is the comparison that notices them. $(call act_twins,stage,top,
# parts that have faults,other sources,bench,objects,Verilator flags,macros)
define act_twins
$(ACT)/twins-$(1)/sv/mpnic_$(lastword $(3)).sv: tests/act/twins.py $(patsubst %,hw/rtl/mpnic_%.sv,$(3))
	@mkdir -p $$(@D)
	tests/act/twins.py make $(1) $$(@D) $$(filter %.sv,$$^)
$(patsubst %,$(ACT)/twins-$(1)/sv/mpnic_%.sv,$(filter-out $(lastword $(3)),$(3))): \
	$(ACT)/twins-$(1)/sv/mpnic_$(lastword $(3)).sv
$(call act_program,$(ACT)/$(1)-twins,$(ACT)/twins-$(1)/rtl,$(2),\
	$(4) $(patsubst %,$(ACT)/twins-$(1)/sv/mpnic_%.sv,$(3)),$(5),$(6),--noassert $(7),$(8))
endef
$(eval $(call act_twins,act,mpnic_act,ram_fifo act,\
	$(RTL_PKGS) $(patsubst %,hw/rtl/mpnic_%.sv,delay count counters),\
	tests/act/act.cc,$(ACT_OBJS),-GEVENTS=16))
$(eval $(call act_twins,deparse,mpnic_deparse,ram_fifo strip deparse,\
	$(RTL_PKGS) $(patsubst %,hw/rtl/mpnic_%.sv,delay fifo),\
	tests/act/deparse.cc,$(DEPARSE_OBJS),-GFRAMES=16 -GDATA_W=128,-DDATA_W=128))

ACT_CAPTURES := $(sort $(wildcard tests/captures/*.pcap tests/captures/*.pcapng))

TEST_TARGETS += test-act test-deparse
.PHONY: test-act test-deparse
test-act: $(ACT)/act $(ACT)/act-twins
	@$(RUN) act $< --count $(ACT_COUNT)
	@$(RUN) act-twins tests/act/twins.py run act $(ACT)/act-twins 200000

test-deparse: $(patsubst %,$(ACT)/deparse-%,128 256 512) $(ACT)/deparse-twins
	@$(RUN) deparse sh -c 'for w in 128 256 512; do $(ACT)/deparse-$$w --count $(DEPARSE_COUNT) \
		$(ACT_CAPTURES) $$(find "$$MPNIC_PCAPS" -name "*.pcap*") || exit 1; done'
	@$(RUN) deparse-twins tests/act/twins.py run deparse $(ACT)/deparse-twins 100000
