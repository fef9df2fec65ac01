# SPDX-License-Identifier: BSD-3-Clause
# RTL of stage flow beside the C model (docs/verification.md), and broken twins of it.

FLOW := $(B)/flow
FLOW_PARTS := flow flow_keys join peer decide table
FLOW_REST := $(RTL_PKGS) $(patsubst %,hw/rtl/mpnic_%.sv,delay toeplitz toeplitz_key mix hash rules count)
FLOW_SV := $(FLOW_REST) $(FLOW_PARTS:%=hw/rtl/mpnic_%.sv)
FLOW_VFLAGS := -GFLOWS=64 -GSTASH=16 -GCONNS=16 -GTOKENS=32 -GPEERS=32 --x-assign fast \
	--x-initial unique
FLOW_OBJS := $(patsubst %,$(B)/obj/%.o,tests/flow/drive tests/flow/firmware tests/flow/packets sim/gen) \
	$(MODEL_LIB)
FLOW_COUNT ?= 700000

$(eval $(call rtl_bench,$(FLOW)/flow,$(FLOW)/rtl,mpnic_flow,$(FLOW_SV),$(FLOW_VFLAGS) --assert,\
	tests/flow/bench.cc,$(FLOW_OBJS)))

# The twins: assertions off, so that it is the comparison that notices them.
$(eval $(call rtl_twins,$(FLOW)/twins,tests/flow/faults.py,$(FLOW_PARTS)))
$(eval $(call rtl_bench,$(FLOW)/flow-twins,$(FLOW)/twins/rtl,mpnic_flow,\
	$(FLOW_REST) $(FLOW_PARTS:%=$(FLOW)/twins/mpnic_%.sv),$(FLOW_VFLAGS) --noassert,\
	tests/flow/bench.cc,$(FLOW_OBJS)))

TEST_TARGETS += test-flow test-flow-twins
SOAK_TARGETS += soak-flow
.PHONY: test-flow test-flow-twins soak-flow
test-flow: $(FLOW)/flow
	@$(RUN) flow $< --count $(FLOW_COUNT)

test-flow-twins: $(FLOW)/flow-twins
	@$(RUN) flow-twins tests/rtl/twins.py run tests/flow/faults.py 700000 $<

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
