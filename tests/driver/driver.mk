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

# By its programs: the tool, and through it the vfio-user client, against a server in Python.
TEST_TARGETS += test-tool test-vfio-client
SOAK_TARGETS += soak-vfio-client
.PHONY: test-tool test-vfio-client soak-vfio-client

test-tool: $(B)/tool-san/mpnic-tool
	@$(RUN) driver-tool tests/driver/test_tool.py $<

test-vfio-client: $(B)/tool-san/mpnic-tool
	@$(RUN) driver-vfio-user tests/driver/test_vfio_user.py $<

soak-vfio-client: $(B)/tool-san/mpnic-tool
	tests/driver/test_vfio_user.py $< $(or $(SOAK_SECONDS),600)

# As a whole: the library with sanitizers, and the simulated card as another process.
TEST_TARGETS += test-driver-whole
SOAK_TARGETS += soak-driver-whole
.PHONY: test-driver-whole soak-driver-whole

$(DRIVER)/whole: $(B)/san/tests/driver/whole.o $(B)/san/tests/driver/card.o $(LIB_SAN)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) -o $@ $^ -pthread

test-driver-whole: $(DRIVER)/whole $(B)/sim/mpnic-sim $(FW_IMAGE)
	@$(RUN) driver-whole $< $(B)/sim/mpnic-sim $(FW_IMAGE)

# The same over the RTL.
TEST_TARGETS += test-driver-rtl
.PHONY: test-driver-rtl
test-driver-rtl: $(DRIVER)/whole $(B)/sim/mpnic-sim $(FW_IMAGE)
	@$(RUN) driver-rtl $< $(B)/sim/mpnic-sim $(FW_IMAGE) 1 rtl

# Some 300 kills of either side, at moments of a fresh seed.
soak-driver-whole: $(DRIVER)/whole $(B)/sim/mpnic-sim $(FW_IMAGE)
	$< $(B)/sim/mpnic-sim $(FW_IMAGE) 300

# The VFIO transport, with its system calls led to a made-up kernel.
VFIO_CALLS := open close access readlink ioctl pread pwrite mmap
TEST_TARGETS += test-driver-vfio
.PHONY: test-driver-vfio

$(DRIVER)/vfio: $(patsubst %,$(B)/san/tests/driver/%.o,test_vfio fake common) $(LIB_SAN)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(VFIO_CALLS:%=-Wl,--wrap=%) -o $@ $^ -lcriterion -pthread

test-driver-vfio: $(DRIVER)/vfio
	@ASAN_OPTIONS=detect_leaks=0 $(RUN) driver-vfio $<

# Captures in and out again, through all queues.
TEST_TARGETS += test-driver-captures
.PHONY: test-driver-captures
$(DRIVER)/captures: $(B)/san/tests/driver/captures.o $(B)/san/tests/driver/card.o $(LIB_SAN)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) -o $@ $^ -lpcap -pthread

DRIVER_CAPTURES := $(sort $(wildcard tests/captures/*.pcap))
test-driver-captures: $(DRIVER)/captures $(B)/sim/mpnic-sim $(FW_IMAGE)
	@$(RUN) driver-captures $< $(B)/sim/mpnic-sim $(FW_IMAGE) model $(DRIVER_CAPTURES)
	@$(RUN) driver-captures-rtl $< $(B)/sim/mpnic-sim $(FW_IMAGE) rtl $(DRIVER_CAPTURES)
