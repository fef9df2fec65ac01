# SPDX-License-Identifier: BSD-3-Clause
# The device's model behind a host's memory: as a driver sees it, and under a hostile one.

DEVICE := $(B)/device
DEVICE_SRCS := host test_device test_hostile
DEVICE_CPPFLAGS := -Itests/device -Itests/unit -DFIRMWARE_IMAGE='"$(FW_IMAGE)"'

TEST_TARGETS += test-device test-device-san test-device-twins
.PHONY: test-device test-device-san test-device-twins
test-device: $(DEVICE)/device $(FW_IMAGE)
	@$(RUN) device $<
test-device-san: $(DEVICE)/device-san $(FW_IMAGE)
	@$(RUN) device-san $<

$(B)/obj/tests/device/%.o $(B)/san/tests/device/%.o: CPPFLAGS += $(DEVICE_CPPFLAGS)

$(DEVICE)/device: $(DEVICE_SRCS:%=$(B)/obj/tests/device/%.o) $(B)/obj/tests/unit/build.o $(B)/obj/tests/unit/naive.o $(B)/obj/sim/gen.o \
		$(MODEL_LIB) $(FW_LIB)
	@mkdir -p $(@D)
	$(CC) $^ -o $@ -lcriterion
$(DEVICE)/device-san: $(DEVICE_SRCS:%=$(B)/san/tests/device/%.o) $(B)/san/tests/unit/build.o $(B)/san/tests/unit/naive.o $(B)/san/sim/gen.o \
		$(MODEL_SAN_LIB) $(FW_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lcriterion

# The model's library comes last: of it is taken what the broken source does not replace.
DEVICE_TWIN_OBJS := $(DEVICE_SRCS:%=$(B)/obj/tests/device/%.o) $(B)/obj/tests/unit/build.o \
	$(B)/obj/tests/unit/naive.o $(B)/obj/sim/gen.o
test-device-twins: $(DEVICE_TWIN_OBJS) $(MODEL_LIB) $(FW_LIB) $(FW_IMAGE)
	@$(RUN) device-twins tests/device/twins.py --out $(DEVICE)/twins \
		--cc "$(CC) $(CPPFLAGS) $(CFLAGS)" $(DEVICE_TWIN_OBJS) $(MODEL_LIB) $(FW_LIB)
