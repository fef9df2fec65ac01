# SPDX-License-Identifier: BSD-3-Clause
# Tests of libmpnic and mpnic-tool, with sanitizers (docs/driver.md, docs/tool.md).

DRIVER_UNIT_SRCS := $(patsubst %,tests/driver/%.c,fake common test_device test_admin test_rings)
DRIVER := $(B)/driver

$(DRIVER)/unit: $(DRIVER_UNIT_SRCS:%.c=$(B)/san/%.o) $(LIB_SAN)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) -o $@ $^ -lcriterion -pthread

TEST_TARGETS += test-driver
.PHONY: test-driver

# Criterion does not free all of its own at the end of a test.
test-driver: $(DRIVER)/unit
	@ASAN_OPTIONS=detect_leaks=0 $(RUN) driver-unit $<
