# SPDX-License-Identifier: BSD-3-Clause
# RTL of the rules and of the counters beside the C model (docs/verification.md), and broken twins.

RULES := $(B)/rules
RULES_VFLAGS := --cc -O3 -Wno-lint -Ihw/regs/generated --x-assign unique --x-initial unique
RULES_OBJS := $(patsubst %,$(B)/obj/tests/rules/%_reference.o,flow act) $(MODEL_LIB)
RULES_ENTRIES := 64
RULES_SIZE := -GENTRIES=$(RULES_ENTRIES)

# $(call rules_bench,name,folder,RTL,Verilator flags): $(RULES)/folder/name
define rules_bench
$(RULES)/$(2)/Vmpnic_$(1).mk: $(RTL_PKGS) $(3) tests/rules/rules.mk
	@mkdir -p $$(@D)
	$(VERILATOR) $(RULES_VFLAGS) --top-module mpnic_$(1) $(4) --Mdir $$(@D) $(RTL_PKGS) $(3)

$(RULES)/$(2)/$(1): $(RULES)/$(2)/Vmpnic_$(1).mk tests/rules/$(1).cc tests/rules/random.h \
		tests/rules/reference.h $(RULES_OBJS)
	$$(MAKE) --no-print-directory -s -C $$(@D) -f Vmpnic_$(1).mk CXX=$$(RTL_CXX) \
		OPT_FAST="$(RTL_OPT)" OPT_GLOBAL=-O1 Vmpnic_$(1)__ALL.a verilated.o verilated_threads.o
	$$(CXX) $$(RTL_CXXFLAGS) -DENTRIES=$(RULES_ENTRIES) -Ihw/model -Ihw/regs/generated \
		-Itests/rules -I$$(@D) \
		-isystem $$$$($(VERILATOR) --getenv VERILATOR_ROOT)/include tests/rules/$(1).cc \
		$$(@D)/Vmpnic_$(1)__ALL.a $$(@D)/verilated.o $$(@D)/verilated_threads.o $(RULES_OBJS) \
		$(RTL_LIBS) -o $$@
endef
$(eval $(call rules_bench,rules,rtl-rules,hw/rtl/mpnic_rules.sv,--assert))
$(eval $(call rules_bench,count,rtl-count,hw/rtl/mpnic_count.sv,--assert $(RULES_SIZE)))
$(eval $(call rules_bench,counters,rtl-counters,hw/rtl/mpnic_counters.sv,--assert))

$(RULES)/twins/mpnic_%.sv: hw/rtl/mpnic_%.sv tests/rules/twins.py
	@mkdir -p $(@D)
	tests/rules/twins.py make $< $@
$(eval $(call rules_bench,rules,twins-rules,$(RULES)/twins/mpnic_rules.sv))
$(eval $(call rules_bench,count,twins-count,$(RULES)/twins/mpnic_count.sv,$(RULES_SIZE)))
$(eval $(call rules_bench,counters,twins-counters,$(RULES)/twins/mpnic_counters.sv))

TEST_TARGETS += test-rules test-rules-twins
SOAK_TARGETS += soak-rules
.PHONY: test-rules test-rules-twins soak-rules
test-rules: $(RULES)/rtl-rules/rules $(RULES)/rtl-count/count $(RULES)/rtl-counters/counters
	@$(RUN) rules $(RULES)/rtl-rules/rules --count 3000000
	@$(RUN) count $(RULES)/rtl-count/count --count 2000000
	@$(RUN) counters $(RULES)/rtl-counters/counters --count 4000000

test-rules-twins: $(RULES)/twins-rules/rules $(RULES)/twins-count/count \
		$(RULES)/twins-counters/counters
	@$(RUN) rules-twins tests/rules/twins.py run $^

soak-rules: $(RULES)/rtl-rules/rules $(RULES)/rtl-count/count $(RULES)/rtl-counters/counters
	for bench in $^; do \
		$$bench --count $$(( $${SOAK_SECONDS:-600} * 100000 )) --seed $$(date +%s) || exit 1; \
	done

# They stand in no pipeline yet.
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
