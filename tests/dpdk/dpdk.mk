# SPDX-License-Identifier: BSD-3-Clause
# Tests of the DPDK driver under the distribution's own programs (docs/dpdk.md), with the C model in
# the same process, and with mpnic-sim serve in another. FW_IMAGE is from the firmware.

DPDK_TEST := tests/dpdk/test_pmd.py
DPDK_TEST_ARGS = $(B)/sim/mpnic-sim $(abspath $(FW_IMAGE))
DPDK_TEST_NEEDS := $(B)/sim/mpnic-sim $(FW_IMAGE)

TEST_TARGETS += test-dpdk test-dpdk-san test-dpdk-serve test-dpdk-rtl test-dpdk-flow test-dpdk-fuzz test-dpdk-ops test-dpdk-features
.PHONY: test-dpdk test-dpdk-san test-dpdk-serve test-dpdk-rtl test-dpdk-flow test-dpdk-fuzz test-dpdk-ops test-dpdk-features

test-dpdk: $(PMD) $(DPDK_TEST_NEEDS)
	@$(RUN) dpdk $(DPDK_TEST) $(PMD) $(DPDK_TEST_ARGS) in-process

# With sanitizers in the driver and in the model.
test-dpdk-san: $(PMD_SAN) $(DPDK_TEST_NEEDS)
	@$(RUN) dpdk-san $(DPDK_TEST) $(PMD_SAN) $(DPDK_TEST_ARGS) in-process $(DPDK_SAN_TESTS)
DPDK_SAN_TESTS := test_segments test_rules test_subflows_follow_their_token test_firmware_crash \
	test_completion_that_lies test_stop_start_reset

test-dpdk-serve: $(PMD) $(DPDK_TEST_NEEDS)
	@$(RUN) dpdk-serve $(DPDK_TEST) $(PMD) $(DPDK_TEST_ARGS) model $(DPDK_SERVE_TESTS)
# What is other than in one process.
DPDK_SERVE_TESTS := test_io_forwarding test_segments test_stop_start_reset test_link_change test_firmware_hang \
	test_dead_device test_simulator_killed test_memory_without_file

test-dpdk-rtl: $(PMD) $(DPDK_TEST_NEEDS)
	@$(RUN) dpdk-rtl $(DPDK_TEST) $(PMD) $(DPDK_TEST_ARGS) rtl test_tour test_simulator_killed

# Programs of our own, on the C model in their process.
DPDK_PRIVATE := tests/dpdk/private.sh $(PMD)
DPDK_ALONE := -l 0 --no-huge -m 256 --no-pci --file-prefix=mpnic$$$$
DPDK_MODEL = net_mpnic0,engine=model,port0=loop,firmware=$(abspath $(FW_IMAGE))

# Random rules beside an interpreter.
DPDK_TRUTH := $(B)/dpdk-test/flow_truth
$(DPDK_TRUTH): tests/dpdk/flow_truth.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(shell pkg-config --cflags libdpdk) $< -o $@ $(shell pkg-config --libs libdpdk)

DPDK_TRUTH_RUN = $(DPDK_PRIVATE) $(DPDK_TRUTH) $(DPDK_ALONE) -d %F/librte_net_mpnic.so \
	--vdev $(DPDK_MODEL),port1=loop,control=%F/control -- %F/control
test-dpdk-flow: $(DPDK_TRUTH) $(PMD) $(FW_IMAGE)
	@$(RUN) dpdk-flow $(DPDK_TRUTH_RUN) 1000 1

SOAK_TARGETS += soak-dpdk-flow
.PHONY: soak-dpdk-flow
soak-dpdk-flow: $(DPDK_TRUTH) $(PMD) $(FW_IMAGE)
	$(DPDK_TRUTH_RUN) 50000 $$(date +%s)

# Whatever an application may say, with sanitizers in the driver.
DPDK_FUZZ := $(B)/dpdk-test/flow_fuzz
$(DPDK_FUZZ): tests/dpdk/flow_fuzz.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Idriver/dpdk $(CFLAGS) $(shell pkg-config --cflags libdpdk) $(SANFLAGS) $< -o $@ \
		$(shell pkg-config --libs libdpdk)

DPDK_FUZZ_RUN = ASAN_OPTIONS=detect_leaks=0 tests/dpdk/private.sh $(PMD_SAN) $(DPDK_FUZZ) $(DPDK_ALONE) \
	-d %F/librte_net_mpnic.so --vdev $(DPDK_MODEL) --
test-dpdk-fuzz: $(DPDK_FUZZ) $(PMD_SAN) $(FW_IMAGE)
	@$(RUN) dpdk-fuzz env $(DPDK_FUZZ_RUN) 5 1

FUZZ_TARGETS += fuzz-dpdk-flow
.PHONY: fuzz-dpdk-flow
fuzz-dpdk-flow: $(DPDK_FUZZ) $(PMD_SAN) $(FW_IMAGE)
	$(DPDK_FUZZ_RUN) $(or $(FUZZ_SECONDS),60) $$(date +%s)

# What testpmd has no command for; and the driver's functions, for which the program is linked to it.
DPDK_OPS := $(B)/dpdk-test/ops
$(DPDK_OPS): tests/dpdk/ops.c $(PMD)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Idriver/dpdk $(CFLAGS) $(shell pkg-config --cflags libdpdk) -DALLOW_EXPERIMENTAL_API \
		$< -o $@ $(PMD) $(shell pkg-config --libs libdpdk)

test-dpdk-ops: $(DPDK_OPS) $(PMD) $(FW_IMAGE)
	@$(RUN) dpdk-ops $(DPDK_PRIVATE) $(DPDK_OPS) $(DPDK_ALONE) --vdev $(DPDK_MODEL),metadata=1

# What the driver says that it can, beside what it can.
test-dpdk-features: $(PMD)
	@$(RUN) dpdk-features tests/dpdk/features.py $(PMD)

# It takes huge pages from the kernel for a while.
SOAK_TARGETS += soak-dpdk-huge
.PHONY: soak-dpdk-huge
soak-dpdk-huge: $(PMD) $(DPDK_TEST_NEEDS)
	$(DPDK_TEST) $(PMD) $(DPDK_TEST_ARGS) model huge_pages_and_a_second_process
