# SPDX-License-Identifier: BSD-3-Clause
# RTL of stage dss beside the C model (docs/verification.md), and broken twins of it.

DSS := $(B)/dss
DSS_PARTS := mpnic_dss_keys mpnic_dss_forward mpnic_dss_map mpnic_dss_rules mpnic_dss
DSS_SV := $(RTL_PKGS) hw/rtl/mpnic_delay.sv $(DSS_PARTS:%=hw/rtl/%.sv)
DSS_VFLAGS := --cc -O3 -Wno-lint -Ihw/regs/generated --top-module mpnic_dss -GFLOWS=64 -GCONNS=32 -GCOMMIT=1 \
	--x-assign fast --x-initial fast
DSS_OBJS := $(B)/obj/tests/state/talk.o $(B)/model/libmpnic_model.a
DSS_COUNT ?= 2000000

# $(call dss_program,program,directory,sources,Verilator flags)
define dss_program
$(2)/Vmpnic_dss.mk: $(3) hw/regs/generated/mpnic_records.svh tests/dss/dss.mk
	@mkdir -p $$(@D)
	$(VERILATOR) $(DSS_VFLAGS) $(4) --Mdir $$(@D) $(3)

$(1): $(2)/Vmpnic_dss.mk tests/dss/dss.cc $(DSS_OBJS)
	$$(MAKE) --no-print-directory -s -C $(2) -f Vmpnic_dss.mk CXX=$$(RTL_CXX) \
		OPT_FAST="$(RTL_OPT)" OPT_GLOBAL=-O1 Vmpnic_dss__ALL.a verilated.o verilated_threads.o
	$$(CXX) $$(RTL_CXXFLAGS) -Ihw/model -Ihw/regs/generated -Itests/state -I$(2) \
		-isystem $$$$($(VERILATOR) --getenv VERILATOR_ROOT)/include tests/dss/dss.cc \
		$(2)/Vmpnic_dss__ALL.a $(2)/verilated.o $(2)/verilated_threads.o $(DSS_OBJS) \
		$(RTL_LIBS) -o $$@
endef
$(eval $(call dss_program,$(DSS)/dss,$(DSS)/rtl,$(DSS_SV),--assert))

# The twins: assertions off, so that it is the comparison that notices them.
DSS_TWIN_SV := $(RTL_PKGS) hw/rtl/mpnic_delay.sv $(DSS_PARTS:%=$(DSS)/twins/%.sv)
$(DSS)/twins/mpnic_dss.sv: tests/dss/twins.py $(DSS_PARTS:%=hw/rtl/%.sv)
	@mkdir -p $(@D)
	tests/dss/twins.py make $(@D) $(filter %.sv,$^)
$(filter-out %/mpnic_dss.sv,$(DSS_PARTS:%=$(DSS)/twins/%.sv)): $(DSS)/twins/mpnic_dss.sv
$(eval $(call dss_program,$(DSS)/dss-twins,$(DSS)/twins/rtl,$(DSS_TWIN_SV),--noassert))

TEST_TARGETS += test-dss test-dss-twins
SOAK_TARGETS += soak-dss
.PHONY: test-dss test-dss-twins soak-dss
test-dss: $(DSS)/dss
	@$(RUN) dss $< --count $(DSS_COUNT)

test-dss-twins: $(DSS)/dss-twins
	@$(RUN) dss-twins tests/dss/twins.py run $< 150000

# Some 150,000 packets a second.
soak-dss: $(DSS)/dss
	$< --count $$(( $${SOAK_SECONDS:-600} * 150000 )) --seed $$(date +%s)
