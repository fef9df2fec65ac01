# SPDX-License-Identifier: BSD-3-Clause
# The vfio-user server and wire ports: units (Criterion), a raw client in Python against a test
# device, under address and thread sanitizers, and a fuzz target.

VFU_LIBS := -ljansson -lpthread
VFU_TSANFLAGS := -fsanitize=thread -fno-omit-frame-pointer

TEST_TARGETS += test-vfu test-vfu-san test-vfu-tsan test-vfu-units test-vfu-stress test-wire \
	test-wire-tap
.PHONY: test-vfu test-vfu-san test-vfu-tsan test-vfu-units test-vfu-stress test-wire test-wire-tap

$(B)/tsan/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(VFU_TSANFLAGS) -MMD -MP -c $< -o $@

$(B)/tests/vfu-device: $(SIM_VFU_NAMES:%=$(B)/obj/sim/%.o) $(B)/obj/tests/vfu/device.o
	@mkdir -p $(@D)
	$(CC) $^ -o $@ $(VFU_LIBS)

$(B)/tests/vfu-device-san: $(SIM_VFU_NAMES:%=$(B)/san/sim/%.o) $(B)/san/tests/vfu/device.o
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ $(VFU_LIBS)

$(B)/tests/vfu-device-tsan: $(SIM_VFU_NAMES:%=$(B)/tsan/sim/%.o) $(B)/tsan/tests/vfu/device.o
	@mkdir -p $(@D)
	$(CC) $(VFU_TSANFLAGS) $^ -o $@ $(VFU_LIBS)

test-vfu: $(B)/tests/vfu-device
	@$(RUN) vfu timeout 300 tests/vfu/test_vfu.py $<

test-vfu-san: $(B)/tests/vfu-device-san
	@$(RUN) vfu-san timeout 300 tests/vfu/test_vfu.py $<

test-vfu-tsan: $(B)/tests/vfu-device-tsan
	@$(RUN) vfu-tsan timeout 300 tests/vfu/test_vfu.py $<

$(B)/tests/vfu-units: $(SIM_VFU_NAMES:%=$(B)/san/sim/%.o) $(B)/san/tests/vfu/test_server.o
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lcriterion $(VFU_LIBS)

$(B)/tests/vfu-stress-san: $(SIM_VFU_NAMES:%=$(B)/san/sim/%.o) $(B)/san/tests/vfu/stress.o
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ $(VFU_LIBS)

$(B)/tests/vfu-stress-tsan: $(SIM_VFU_NAMES:%=$(B)/tsan/sim/%.o) $(B)/tsan/tests/vfu/stress.o
	@mkdir -p $(@D)
	$(CC) $(VFU_TSANFLAGS) $^ -o $@ $(VFU_LIBS)

test-vfu-units: $(B)/tests/vfu-units
	@$(RUN) vfu-units timeout 60 $<

test-vfu-stress: $(B)/tests/vfu-stress-san $(B)/tests/vfu-stress-tsan
	@$(RUN) vfu-stress timeout 120 sh -c 'for s in $^; do $$s 2 || exit 1; done'

$(B)/tests/wire-units: $(SIM_WIRE_NAMES:%=$(B)/san/sim/%.o) $(B)/san/tests/vfu/test_wire.o
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lcriterion

$(B)/tests/wire-tap: $(SIM_WIRE_NAMES:%=$(B)/san/sim/%.o) $(B)/san/tests/vfu/tap.o
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@

test-wire: $(B)/tests/wire-units
	@$(RUN) wire timeout 120 $<

test-wire-tap: $(B)/tests/wire-tap
	@$(RUN) wire-tap timeout 60 $<

# A short run with every test, a longer one with `make fuzz`.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS += fuzz-vfu
TEST_TARGETS += test-vfu-fuzz
.PHONY: fuzz-vfu test-vfu-fuzz
FUZZ_VFU := -error_exitcode=1 -max_len=2048 -rss_limit_mb=2048 -timeout=10 -artifact_prefix=$(B)/fuzz/ -verbosity=0 \
	-print_final_stats=1 $(B)/fuzz/vfu-corpus

$(B)/fuzz/vfu: tests/vfu/fuzz_vfu.c $(SIM_VFU_NAMES:%=sim/%.c) $(wildcard sim/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) -std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all $(filter %.c,$^) -o $@ $(VFU_LIBS)

$(B)/fuzz/vfu-corpus: $(B)/fuzz/vfu
	@mkdir -p $@
	$< --seeds $@

fuzz-vfu: $(B)/fuzz/vfu-corpus
	@$(RUN) fuzz-vfu $(B)/fuzz/vfu -max_total_time=$(FUZZ_SECONDS) $(FUZZ_VFU)

test-vfu-fuzz: $(B)/fuzz/vfu-corpus
	@$(RUN) vfu-fuzz $(B)/fuzz/vfu -max_total_time=3 $(FUZZ_VFU)
