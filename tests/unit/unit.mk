# SPDX-License-Identifier: BSD-3-Clause
# Unit tests of the C model, over the library as it is installed and over its sanitized twin.

UNIT_SRCS := $(wildcard tests/unit/*.c)
UNIT := $(B)/unit
TEST_TARGETS += test-unit test-unit-san

$(UNIT)/unit: $(UNIT_SRCS:%.c=$(B)/obj/%.o) $(B)/obj/sim/gen.o $(MODEL_LIB)
	@mkdir -p $(@D)
	$(CC) -o $@ $^ -lcriterion -lpcap

$(UNIT)/unit-san: $(UNIT_SRCS:%.c=$(B)/san/%.o) $(B)/san/sim/gen.o $(MODEL_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) -o $@ $^ -lcriterion -lpcap

.PHONY: test-unit test-unit-san
test-unit: $(UNIT)/unit
	@$(RUN) unit $<

# Criterion does not free all of its own at the end of a test.
test-unit-san: $(UNIT)/unit-san
	@ASAN_OPTIONS=detect_leaks=0 $(RUN) unit-san $<
