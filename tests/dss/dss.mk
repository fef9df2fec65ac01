# SPDX-License-Identifier: BSD-3-Clause
# RTL of stage dss beside the C model (docs/verification.md), and broken twins of it.

DSS := $(B)/dss
DSS_PARTS := dss_keys dss_forward dss_map dss_rules dss
DSS_SV := $(RTL_PKGS) hw/rtl/mpnic_delay.sv $(DSS_PARTS:%=hw/rtl/mpnic_%.sv)
DSS_VFLAGS := -GFLOWS=64 -GCONNS=32 -GCOMMIT=1 --x-assign fast --x-initial fast
DSS_OBJS := $(B)/obj/tests/state/talk.o $(B)/model/libmpnic_model.a
DSS_COUNT ?= 2000000

$(eval $(call rtl_bench,$(DSS)/dss,$(DSS)/rtl,mpnic_dss,$(DSS_SV),$(DSS_VFLAGS) --assert,\
	tests/dss/dss.cc,$(DSS_OBJS)))

# The twins: assertions off, so that it is the comparison that notices them.
$(eval $(call rtl_twins,$(DSS)/twins,tests/dss/faults.py,$(DSS_PARTS)))
$(eval $(call rtl_bench,$(DSS)/dss-twins,$(DSS)/twins/rtl,mpnic_dss,\
	$(RTL_PKGS) hw/rtl/mpnic_delay.sv $(DSS_PARTS:%=$(DSS)/twins/mpnic_%.sv),\
	$(DSS_VFLAGS) --noassert,tests/dss/dss.cc,$(DSS_OBJS)))

TEST_TARGETS += test-dss test-dss-twins
SOAK_TARGETS += soak-dss
.PHONY: test-dss test-dss-twins soak-dss
test-dss: $(DSS)/dss
	@$(RUN) dss $< --count $(DSS_COUNT)

test-dss-twins: $(DSS)/dss-twins
	@$(RUN) dss-twins tests/rtl/twins.py run tests/dss/faults.py $(DSS_COUNT) $<

# Some 150,000 packets a second.
soak-dss: $(DSS)/dss
	$< --count $$(( $${SOAK_SECONDS:-600} * 150000 )) --seed $$(date +%s)
