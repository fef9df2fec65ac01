# SPDX-License-Identifier: BSD-3-Clause
# RTL beside C model, packet by packet (docs/verification.md).

LOCKSTEP := $(B)/lockstep
LOCKSTEP_OBJS := $(patsubst %,$(B)/obj/%.o,tests/lockstep/lockstep tests/lockstep/frames \
	tests/lockstep/report sim/gen) $(B)/model/libmpnic_model.a
LOCKSTEP_CAPTURES = $(sort $(wildcard tests/captures/*.pcap* $(MPNIC_PCAPS)/*.pcap*))
LOCKSTEP_SECONDS = $(or $(SOAK_SECONDS),600)
FUZZ_SECONDS ?= 60

$(LOCKSTEP)/layout.h: tests/lockstep/layout.awk hw/regs/generated/mpnic_pkg.sv
	@mkdir -p $(@D)
	awk -f $^ >$@
$(B)/obj/tests/lockstep/report.o: $(LOCKSTEP)/layout.h
$(B)/obj/tests/lockstep/report.o: CPPFLAGS += -I$(LOCKSTEP)

# lockstep, and its twins of other widths, with waveforms, with coverage.
define lockstep_program
$(LOCKSTEP)/lockstep$(1): $(LOCKSTEP_OBJS) $(B)/rtl$(1)/librtl_engine.a
	@mkdir -p $$(@D)
	$$(CC) $$^ -lpcap $$(RTL_LIBS) -o $$@
endef
$(eval $(call lockstep_program,))
$(foreach kind,-128 -256 -trace -cov,$(eval $(call lockstep_program,$(kind))))

$(LOCKSTEP)/timing $(LOCKSTEP)/bench_rtl: $(LOCKSTEP)/%: $(B)/obj/tests/lockstep/%.o \
		$(B)/obj/sim/gen.o $(B)/rtl/librtl_engine.a
	@mkdir -p $(@D)
	$(CC) $^ $(RTL_LIBS) -o $@

# The engine itself, around a pipeline that breaks the rules.
$(LOCKSTEP)/faulty/Vmpnic_stateless.mk: hw/regs/generated/mpnic_pkg.sv tests/lockstep/faulty.sv
	@mkdir -p $(@D)
	$(VERILATOR) $(RTL_VFLAGS) $(RTL_FAST) --Mdir $(@D) $^
$(eval $(call rtl_engine_lib,lockstep/faulty,,-O1,verilated.o verilated_threads.o))
$(LOCKSTEP)/engine_test: $(B)/obj/tests/lockstep/engine_test.o $(LOCKSTEP)/faulty/librtl_engine.a
	$(CC) $^ $(RTL_LIBS) -o $@

TEST_TARGETS += test-engine test-lockstep test-lockstep-widths test-timing
BENCH_TARGETS += bench-rtl
SOAK_TARGETS += soak-lockstep
FUZZ_TARGETS += fuzz-rtl
.PHONY: test-engine test-lockstep test-lockstep-widths test-timing bench-rtl soak-lockstep fuzz-rtl
.PHONY: coverage

test-engine: $(LOCKSTEP)/engine_test
	@$(RUN) engine $<

test-lockstep: $(LOCKSTEP)/lockstep
	@$(RUN) lockstep-can-fail $< --self-test --count 5000
	@$(RUN) lockstep $< --enum --count 500000 --reach $(LOCKSTEP_CAPTURES)

test-lockstep-widths: $(LOCKSTEP)/lockstep-128 $(LOCKSTEP)/lockstep-256
	@$(RUN) lockstep-128 $(LOCKSTEP)/lockstep-128 --enum --every 8 $(LOCKSTEP_CAPTURES)
	@$(RUN) lockstep-256 $(LOCKSTEP)/lockstep-256 --enum --every 8 $(LOCKSTEP_CAPTURES)

test-timing: $(LOCKSTEP)/timing
	@$(RUN) timing $<

bench-rtl: $(LOCKSTEP)/bench_rtl
	$<

soak-lockstep: $(LOCKSTEP)/lockstep
	$< --seconds $(LOCKSTEP_SECONDS) --seed $$(date +%s%N)

fuzz-rtl: $(LOCKSTEP)/lockstep
	$< --seconds $(FUZZ_SECONDS) --seed $$(date +%s%N)

coverage: $(LOCKSTEP)/lockstep-cov
	tests/lockstep/coverage.sh $< $(B)/coverage
