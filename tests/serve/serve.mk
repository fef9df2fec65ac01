# SPDX-License-Identifier: BSD-3-Clause
# mpnic-sim serve by its sockets (tests/driver/whole.c has it behind a driver), and faults of wires.

TEST_TARGETS += test-serve test-serve-trace test-wire-fault
.PHONY: test-serve test-serve-trace test-wire-fault

test-serve: $(B)/sim-san/mpnic-sim
	@$(RUN) serve timeout 120 tests/serve/test_serve.py $<

test-serve-trace: $(B)/sim/mpnic-sim $(B)/sim/mpnic-sim-trace
	@$(RUN) serve-trace timeout 300 tests/serve/test_trace.py $<

$(B)/tests/wire-fault: $(SIM_WIRE_NAMES:%=$(B)/san/sim/%.o) $(B)/san/sim/wire_fault.o \
		$(B)/san/tests/serve/test_wire_fault.o
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lcriterion

test-wire-fault: $(B)/tests/wire-fault
	@$(RUN) wire-fault timeout 60 $<
