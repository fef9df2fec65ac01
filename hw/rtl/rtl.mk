# SPDX-License-Identifier: BSD-3-Clause
# The RTL as C++: one library behind sim/rtl_engine.h for each purpose and data width, and the RTL's
# lint. What links librtl_engine.a links $(RTL_LIBS) too, with $(CXX) or with $(CC).

VERILATOR := verilator
RTL_DATA_W := 512
RTL_PKGS := hw/regs/generated/mpnic_pkg.sv hw/regs/generated/mpnic_device_pkg.sv hw/rtl/mpnic_rtl_pkg.sv
RTL_SV := $(RTL_PKGS) $(filter-out $(RTL_PKGS),$(sort $(wildcard hw/rtl/*.sv)))
RTL_LIBS := -lz -lstdc++ -lm -latomic -pthread
# Where clang is there: it compiles Verilator's output a third faster than gcc, to a faster program.
RTL_CXX := $(or $(shell command -v clang++),$(CXX))
RTL_OPT := -O2 -march=native
RTL_CXXFLAGS := -std=c++17 -O2 -g $(WARN)
# Lint is for lint-rtl.
RTL_VFLAGS := --cc -O3 -Wno-lint -Ihw/regs/generated --top-module mpnic_stateless
# No assertions and no set-up of what reset sets anyway: three times as fast as Verilator's defaults.
RTL_FAST := --noassert --x-assign fast --x-initial fast
# Random values where the RTL leaves them open, assertions on.
RTL_DEBUG := --assert --x-assign unique --x-initial unique

# $(call rtl_engine_lib,directory,macros,flags of hot code,Verilator's run time[,top[,wrapper]]): from
# Verilator's output there to librtl_engine.a, behind sim/(wrapper).cc.
define rtl_engine_lib
$(B)/$(1)/librtl_engine.a: $(B)/$(1)/V$(or $(5),mpnic_stateless).mk sim/$(or $(6),rtl_engine).cc \
		sim/$(or $(6),rtl_engine).h sim/verilated_top.h hw/rtl/rtl.mk hw/regs/generated/mpnic_regs.h
	$$(MAKE) --no-print-directory -s -C $$(@D) -f V$(or $(5),mpnic_stateless).mk CXX=$$(RTL_CXX) \
		OPT_FAST="$(3)" OPT_GLOBAL=-O1 $$(RTL_MAKEFLAGS) V$(or $(5),mpnic_stateless)__ALL.a $(4)
	$$(CXX) $$(RTL_CXXFLAGS) -Isim -Ihw/regs/generated -I$$(@D) $(2) \
		-isystem $$$$($(VERILATOR) --getenv VERILATOR_ROOT)/include \
		-isystem $$$$($(VERILATOR) --getenv VERILATOR_ROOT)/include/vltstd \
		-c sim/$(or $(6),rtl_engine).cc -o $$(@D)/rtl_engine.o
	rm -f $$@
	cd $$(@D) && $$(AR) rcs $$(@F) rtl_engine.o \
		$$$$($$(AR) t V$(or $(5),mpnic_stateless)__ALL.a) $(4)
endef

# $(call rtl_engine,directory,parameters,Verilator flags,macros of the wrapper,flags of hot code,run
# time[,top[,wrapper]])
define rtl_engine
$(B)/$(1)/V$(or $(7),mpnic_stateless).mk: $(RTL_SV) hw/regs/generated/mpnic_records.svh hw/rtl/rtl.mk
	@mkdir -p $$(@D)
	$(VERILATOR) $(subst mpnic_stateless,$(or $(7),mpnic_stateless),$(RTL_VFLAGS)) $(2) $(3) \
		--Mdir $$(@D) $(RTL_SV)

$(call rtl_engine_lib,$(1),$(4),$(5),verilated.o verilated_threads.o $(6),$(7),$(8))
endef

$(eval $(call rtl_engine,rtl,-GDATA_W=$(RTL_DATA_W),$(RTL_FAST),,$(RTL_OPT)))
$(eval $(call rtl_engine,rtl-256,-GDATA_W=256,$(RTL_FAST),,$(RTL_OPT)))
$(eval $(call rtl_engine,rtl-128,-GDATA_W=128,$(RTL_FAST),,$(RTL_OPT)))
$(eval $(call rtl_engine,rtl-trace,-GDATA_W=$(RTL_DATA_W),$(RTL_DEBUG) --trace-fst --trace-structs,\
	-DRTL_TRACE=1,-O1,verilated_fst_c.o))
$(eval $(call rtl_engine,rtl-cov,-GDATA_W=$(RTL_DATA_W),$(RTL_DEBUG) --coverage-line --coverage-toggle,\
	-DRTL_COVERAGE=1,-O1,verilated_cov.o))

# The whole pipeline.
$(eval $(call rtl_engine,pipeline,-GDATA_W=$(RTL_DATA_W),$(RTL_FAST),,$(RTL_OPT),,mpnic_pipeline,pipeline_engine))
$(eval $(call rtl_engine,pipeline-trace,-GDATA_W=$(RTL_DATA_W),$(RTL_DEBUG) --trace-fst --trace-structs,\
	-DRTL_TRACE=1,-O1,verilated_fst_c.o,mpnic_pipeline,pipeline_engine))

# A bench around a module, and around broken twins of it (tests/rtl/twins.py).
# $(call rtl_bench,program,directory,module,sources,Verilator flags,bench.cc,what it is linked with[,macros])
define rtl_bench
$(2)/V$(3).mk: $(4) hw/regs/generated/mpnic_records.svh hw/rtl/rtl.mk $(wildcard $(dir $(6))*.mk)
	@mkdir -p $$(@D)
	$(VERILATOR) --cc -O3 -Wno-lint -Ihw/regs/generated --top-module $(3) $(5) --Mdir $$(@D) $(4)

$(1): $(2)/V$(3).mk $(6) $(wildcard $(dir $(6))*.h tests/rtl/*.h) $(7)
	$$(MAKE) --no-print-directory -s -C $(2) -f V$(3).mk CXX=$$(RTL_CXX) OPT_FAST="$(RTL_OPT)" \
		OPT_GLOBAL=-O1 V$(3)__ALL.a verilated.o verilated_threads.o
	$$(CXX) $$(RTL_CXXFLAGS) $$(CPPFLAGS) $(8) -Itests/rtl -Itests/state -I$(dir $(6)) -I$(2) \
		-isystem $$$$($(VERILATOR) --getenv VERILATOR_ROOT)/include $(6) $(7) \
		$(2)/V$(3)__ALL.a $(2)/verilated.o $(2)/verilated_threads.o $(RTL_LIBS) -o $$@
endef

# $(call rtl_twins,directory,faults.py,parts that have faults): $(1)/mpnic_PART.sv
define rtl_twins
$(1)/made: $(2) tests/rtl/twins.py $(3:%=hw/rtl/mpnic_%.sv)
	@mkdir -p $$(@D)
	@touch $$@
	tests/rtl/twins.py make $(2) $$(@D) $(3:%=hw/rtl/mpnic_%.sv)
# A recipe, so that make looks at them again.
$(3:%=$(1)/mpnic_%.sv): $(1)/made ; @:
endef

# The packed structs that the generator wrote have the layout that it promised.
TEST_TARGETS += test-records
.PHONY: test-records
test-records: $(B)/rtl-records/Vmpnic_regs_check $(B)/rtl-records/Vmpnic_device_regs_check
	@$(RUN) records sh -c 'for check in $^; do $$check; done | tee $(B)/rtl-records/log && \
		[ $$(grep -c "records: ok" $(B)/rtl-records/log) = 2 ]'

$(B)/rtl-records/V%_check: hw/regs/generated/%_check.sv $(wildcard hw/regs/generated/*.sv*)
	@mkdir -p $(@D)
	$(VERILATOR) --binary --assert -Ihw/regs/generated --Mdir $(@D)/$*_check -o ../$(@F) \
		--top-module $*_check hw/regs/generated/mpnic_pkg.sv \
		hw/regs/generated/mpnic_device_pkg.sv $<

LINT_TARGETS += lint-rtl
.PHONY: lint-rtl
lint-rtl:
	for width in 128 256 512; do \
		$(VERILATOR) --lint-only -Wall -Ihw/regs/generated -GDATA_W=$$width \
			--top-module mpnic_pipeline $(RTL_SV) || exit 1; \
	done
	$(VERILATOR) --lint-only -Wall -Ihw/regs/generated --top-module mpnic_device $(RTL_SV)
	yosys -q -p 'read_verilog -sv -Ihw/regs/generated $(RTL_SV)' \
		-p 'hierarchy -check -top mpnic_device; proc; check -assert'
