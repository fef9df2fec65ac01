# SPDX-License-Identifier: BSD-3-Clause
# The device's model behind a host's memory: as a driver sees it, and under a hostile one.

DEVICE := $(B)/device
# Those that any engine passes, and those of the model.
DEVICE_COMMON := host test_device test_hostile
DEVICE_SRCS := $(DEVICE_COMMON) test_model
DEVICE_PROBE := $(DEVICE)/probe.mpfw
DEVICE_CPPFLAGS := -Itests/device -Itests/unit -DFIRMWARE_IMAGE='"$(FW_IMAGE)"' -DPROBE_IMAGE='"$(DEVICE_PROBE)"'

TEST_TARGETS += test-device test-device-san test-device-twins
.PHONY: test-device test-device-san test-device-twins
test-device: $(DEVICE)/device $(FW_IMAGE)
	@$(RUN) device $<
test-device-san: $(DEVICE)/device-san $(FW_IMAGE)
	@$(RUN) device-san $<

$(B)/obj/tests/device/%.o $(B)/san/tests/device/%.o: CPPFLAGS += $(DEVICE_CPPFLAGS)

$(DEVICE)/device: $(DEVICE_SRCS:%=$(B)/obj/tests/device/%.o) $(B)/obj/sim/model_engine.o $(B)/obj/tests/unit/build.o $(B)/obj/tests/unit/naive.o $(B)/obj/sim/gen.o \
		$(MODEL_LIB) $(FW_LIB)
	@mkdir -p $(@D)
	$(CC) $^ -o $@ -lcriterion
$(DEVICE)/device-san: $(DEVICE_SRCS:%=$(B)/san/tests/device/%.o) $(B)/san/sim/model_engine.o $(B)/san/tests/unit/build.o $(B)/san/tests/unit/naive.o $(B)/san/sim/gen.o \
		$(MODEL_SAN_LIB) $(FW_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lcriterion

# The same on the RTL. Its tables are small; firmware is loaded once, then restored.
DEVICE_RTL := $(B)/device-rtl-test
DEVICE_RTL_SIZES := FLOWS=1024 STASH=64 CONNS=1024 TOKENS=1024 PEERS=256
$(eval $(call device_engine,device-rtl-test,$(DEVICE_RTL_SIZES),\
	--assert --x-assign fast --x-initial fast --savable,-DDEVICE_SAVABLE=1,verilated_save.o))
DEVICE_RTL_OBJS := $(B)/obj/sim/model_engine.o $(B)/obj/tests/unit/build.o $(B)/obj/tests/unit/naive.o $(B)/obj/sim/gen.o \
	$(DEVICE_RTL)/librtl_engine.a $(MODEL_LIB) $(FW_LIB)
$(DEVICE)/device-rtl: $(patsubst %,$(B)/obj/tests/device/%.o,$(DEVICE_COMMON) test_rtl rtl) $(DEVICE_RTL_OBJS)
	@mkdir -p $(@D)
	$(CC) $^ -o $@ -lcriterion $(RTL_LIBS)

# Model and RTL side by side.
$(DEVICE)/lockstep: $(B)/obj/tests/device/lockstep.o $(B)/obj/tests/device/host.o $(B)/obj/tests/device/rtl.o \
		$(DEVICE_RTL_OBJS)
	@mkdir -p $(@D)
	$(CC) $^ -o $@ $(RTL_LIBS)

TEST_TARGETS += test-device-rtl test-device-lockstep
SOAK_TARGETS += soak-device-lockstep
.PHONY: test-device-rtl test-device-lockstep soak-device-lockstep
test-device-lockstep: $(DEVICE)/lockstep $(FW_IMAGE)
	@rm -f $(DEVICE)/snapshot-lockstep
	@HOST_SNAPSHOT=$(DEVICE)/snapshot-lockstep $(RUN) device-lockstep $<
	@HOST_SNAPSHOT=$(DEVICE)/snapshot-lockstep $(RUN) device-lockstep-spoilt sh -ec \
		'for what in phase buffers wire; do $< --count 200 --spoil $$what; done'

soak-device-lockstep: $(DEVICE)/lockstep $(FW_IMAGE)
	@rm -f $(DEVICE)/snapshot-lockstep
	HOST_SNAPSHOT=$(DEVICE)/snapshot-lockstep $< --count $$(( $${SOAK_SECONDS:-600} * 20 )) --seed $$(date +%s)

# Another firmware, for the core in RTL alone.
$(DEVICE)/probe.elf: tests/device/probe.c $(FW)/rv/start.o firmware/link.ld $(FW_HDRS)
	@mkdir -p $(@D)
	$(RV)gcc $(CPPFLAGS) $(RV_CFLAGS) -c -o $(@:.elf=.o) $<
	$(RV_LINK) -T firmware/link.ld -o $@ $(@:.elf=.o) $(FW)/rv/start.o
$(DEVICE_PROBE): $(DEVICE)/probe.elf firmware/image.py
	$(RV)objcopy -O binary $< $(@:.mpfw=.body)
	firmware/image.py $(@:.mpfw=.body) $@

test-device-rtl: $(DEVICE)/device-rtl $(FW_IMAGE) $(DEVICE_PROBE)
	@rm -f $(DEVICE)/snapshot
	@HOST_SNAPSHOT=$(DEVICE)/snapshot $(RUN) device-rtl $<

# The model's library comes last: of it is taken what the broken source does not replace.
DEVICE_TWIN_OBJS := $(DEVICE_SRCS:%=$(B)/obj/tests/device/%.o) $(B)/obj/sim/model_engine.o $(B)/obj/tests/unit/build.o \
	$(B)/obj/tests/unit/naive.o $(B)/obj/sim/gen.o
test-device-twins: $(DEVICE_TWIN_OBJS) $(MODEL_LIB) $(FW_LIB) $(FW_IMAGE)
	@$(RUN) device-twins tests/device/twins.py --out $(DEVICE)/twins \
		--cc "$(CC) $(CPPFLAGS) $(CFLAGS)" $(DEVICE_TWIN_OBJS) $(MODEL_LIB) $(FW_LIB)

# Clocks of the device in RTL.
$(DEVICE)/bench-rtl: $(B)/obj/tests/bench/bench_device_rtl.o $(B)/obj/tests/device/host.o $(B)/obj/tests/device/rtl.o \
		$(DEVICE_RTL_OBJS)
	@mkdir -p $(@D)
	$(CC) $^ -o $@ $(RTL_LIBS)
$(B)/obj/tests/bench/bench_device_rtl.o: CPPFLAGS += $(DEVICE_CPPFLAGS)

BENCH_TARGETS += bench-device-rtl
.PHONY: bench-device-rtl
bench-device-rtl: $(DEVICE)/bench-rtl $(FW_IMAGE)
	$<

# The model alone, on one core.
$(DEVICE)/bench: $(B)/obj/tests/bench/bench_device.o $(B)/obj/tests/device/host.o $(B)/obj/sim/model_engine.o \
		$(B)/obj/tests/unit/build.o $(B)/obj/tests/unit/naive.o $(B)/obj/sim/gen.o \
		$(MODEL_LIB) $(FW_LIB)
	@mkdir -p $(@D)
	$(CC) $^ -o $@
$(B)/obj/tests/bench/bench_device.o: CPPFLAGS += $(DEVICE_CPPFLAGS)

BENCH_TARGETS += bench-device
.PHONY: bench-device
bench-device: $(DEVICE)/bench $(FW_IMAGE)
	$<
