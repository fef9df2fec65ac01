# SPDX-License-Identifier: BSD-3-Clause
# RTL beside C model, packet by packet (docs/verification.md).

LOCKSTEP := $(B)/lockstep

$(LOCKSTEP)/faulty/Vmpnic_pipeline.mk: hw/regs/generated/mpnic_pkg.sv tests/lockstep/faulty.sv
	@mkdir -p $(@D)
	$(VERILATOR) $(RTL_VFLAGS) $(RTL_FAST) --Mdir $(@D) $^
$(eval $(call rtl_engine_lib,lockstep/faulty,,-O1,verilated.o verilated_threads.o))

$(LOCKSTEP)/engine_test: $(B)/obj/tests/lockstep/engine_test.o $(LOCKSTEP)/faulty/librtl_engine.a
	$(CC) $^ $(RTL_LIBS) -o $@

TEST_TARGETS += test-engine
.PHONY: test-engine
test-engine: $(LOCKSTEP)/engine_test
	@$(RUN) engine $<
