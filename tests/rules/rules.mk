# SPDX-License-Identifier: BSD-3-Clause
# RTL of the rules and of the counters beside the C model (docs/verification.md), and broken twins.

RULES := $(B)/rules
RULES_VFLAGS := --x-assign unique --x-initial unique
RULES_OBJS := $(patsubst %,$(B)/obj/tests/rules/%_reference.o,flow act) $(MODEL_LIB)
RULES_ENTRIES := 64
RULES_FLAGS_count := -GENTRIES=$(RULES_ENTRIES)

# Each module, and a twin of it: $(RULES)/NAME, $(RULES)/NAME-twins.
define rules_programs
$(call rtl_bench,$(RULES)/$(1),$(RULES)/rtl-$(1),mpnic_$(1),$(RTL_PKGS) hw/rtl/mpnic_$(1).sv,\
	$(RULES_VFLAGS) $(RULES_FLAGS_$(1)) --assert,tests/rules/$(1).cc,$(RULES_OBJS),-DENTRIES=$(RULES_ENTRIES))
$(call rtl_twins,$(RULES)/twins-$(1),tests/rules/$(1)_faults.py,$(1))
$(call rtl_bench,$(RULES)/$(1)-twins,$(RULES)/twins-$(1)/rtl,mpnic_$(1),\
	$(RTL_PKGS) $(RULES)/twins-$(1)/mpnic_$(1).sv,\
	$(RULES_VFLAGS) $(RULES_FLAGS_$(1)),tests/rules/$(1).cc,$(RULES_OBJS),-DENTRIES=$(RULES_ENTRIES))
endef
$(foreach name,rules count counters,$(eval $(call rules_programs,$(name))))

TEST_TARGETS += test-rules test-rules-twins
SOAK_TARGETS += soak-rules
.PHONY: test-rules test-rules-twins soak-rules
test-rules: $(RULES)/rules $(RULES)/count $(RULES)/counters
	@$(RUN) rules $(RULES)/rules --count 3000000
	@$(RUN) count $(RULES)/count --count 2000000
	@$(RUN) counters $(RULES)/counters --count 4000000

test-rules-twins: $(patsubst %,$(RULES)/%-twins,rules count counters)
	@for name in rules count counters; do $(RUN) $$name-twins tests/rtl/twins.py run \
		tests/rules/$${name}_faults.py 3000000 $(RULES)/$$name-twins || exit 1; done

soak-rules: $(RULES)/rules $(RULES)/count $(RULES)/counters
	for bench in $^; do \
		$$bench --count $$(( $${SOAK_SECONDS:-600} * 100000 )) --seed $$(date +%s) || exit 1; \
	done

# Each alone, too.
LINT_TARGETS += lint-rules
.PHONY: lint-rules
lint-rules:
	for top in mpnic_rules mpnic_count "mpnic_count -GENTRIES=64" mpnic_counters; do \
		$(VERILATOR) --lint-only -Wall --top-module $$top $(RTL_PKGS) \
			hw/rtl/$${top%% *}.sv || exit 1; \
	done
	for top in mpnic_rules mpnic_count mpnic_counters; do \
		yosys -q -p "read_verilog -sv $(RTL_PKGS) hw/rtl/$$top.sv" \
			-p "hierarchy -check -top $$top; proc; check -assert" || exit 1; \
	done
