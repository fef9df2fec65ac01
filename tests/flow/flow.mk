# SPDX-License-Identifier: BSD-3-Clause
# RTL of stage flow beside the C model (docs/verification.md), and broken twins of it.

FLOW := $(B)/flow
FLOW_PARTS := mpnic_flow mpnic_flow_keys mpnic_join mpnic_peer mpnic_decide mpnic_table
FLOW_SV := $(RTL_PKGS) $(patsubst %,hw/rtl/mpnic_%.sv,delay toeplitz toeplitz_key mix hash rules count) \
	$(FLOW_PARTS:%=hw/rtl/%.sv)
FLOW_VFLAGS := --cc -O3 -Wno-lint -Ihw/regs/generated --top-module mpnic_flow -GFLOWS=64 -GSTASH=16 \
	-GCONNS=16 -GTOKENS=32 -GPEERS=32 --x-assign fast --x-initial unique
FLOW_OBJS := $(patsubst %,$(B)/obj/%.o,tests/flow/drive tests/flow/firmware tests/flow/packets sim/gen) \
	$(MODEL_LIB)
FLOW_COUNT ?= 700000

# $(call flow_program,program,directory,sources,Verilator flags)
define flow_program
$(2)/Vmpnic_flow.mk: $(3) hw/regs/generated/mpnic_records.svh tests/flow/flow.mk
	@mkdir -p $$(@D)
	$(VERILATOR) $(FLOW_VFLAGS) $(4) --Mdir $$(@D) $(3)

$(1): $(2)/Vmpnic_flow.mk tests/flow/bench.cc tests/flow/bench.h $(FLOW_OBJS)
	$$(MAKE) --no-print-directory -s -C $(2) -f Vmpnic_flow.mk CXX=$$(RTL_CXX) \
		OPT_FAST="$(RTL_OPT)" OPT_GLOBAL=-O1 Vmpnic_flow__ALL.a verilated.o verilated_threads.o
	$$(CXX) $$(RTL_CXXFLAGS) -Ihw/regs/generated -Itests/flow -I$(2) \
		-isystem $$$$($(VERILATOR) --getenv VERILATOR_ROOT)/include \
		-isystem $$$$($(VERILATOR) --getenv VERILATOR_ROOT)/include/vltstd tests/flow/bench.cc \
		$(FLOW_OBJS) $(2)/Vmpnic_flow__ALL.a $(2)/verilated.o $(2)/verilated_threads.o \
		$$(RTL_LIBS) -o $$@
endef
$(eval $(call flow_program,$(FLOW)/flow,$(FLOW)/rtl,$(FLOW_SV),--assert))

# The twins: assertions off, so that it is the comparison that notices them.
FLOW_TWIN_SV := $(filter-out $(FLOW_PARTS:%=hw/rtl/%.sv),$(FLOW_SV)) $(FLOW_PARTS:%=$(FLOW)/twins/%.sv)
$(FLOW)/twins/mpnic_flow.sv: tests/flow/twins.py $(FLOW_PARTS:%=hw/rtl/%.sv)
	@mkdir -p $(@D)
	tests/flow/twins.py make $(@D) $(filter %.sv,$^)
$(filter-out %/mpnic_flow.sv,$(FLOW_PARTS:%=$(FLOW)/twins/%.sv)): $(FLOW)/twins/mpnic_flow.sv
$(eval $(call flow_program,$(FLOW)/flow-twins,$(FLOW)/twins/rtl,$(FLOW_TWIN_SV),--noassert))

TEST_TARGETS += test-flow test-flow-twins
SOAK_TARGETS += soak-flow
.PHONY: test-flow test-flow-twins soak-flow
test-flow: $(FLOW)/flow
	@$(RUN) flow $< --count $(FLOW_COUNT)

test-flow-twins: $(FLOW)/flow-twins
	@$(RUN) flow-twins tests/flow/twins.py run $< 200000

# Some 60,000 packets a second.
soak-flow: $(FLOW)/flow
	$< --count $$(( $${SOAK_SECONDS:-600} * 60000 )) --seed $$(date +%s)

LINT_TARGETS += lint-flow
.PHONY: lint-flow
lint-flow:
	$(VERILATOR) --lint-only -Wall -Ihw/regs/generated --top-module mpnic_flow $(FLOW_SV)
	yosys -q -p 'read_verilog -sv -Ihw/regs/generated $(FLOW_SV)' \
		-p 'chparam -set FLOWS 64 -set STASH 16 -set CONNS 16 -set TOKENS 32 -set PEERS 32 mpnic_flow' \
		-p 'hierarchy -check -top mpnic_flow; proc; check -assert'
