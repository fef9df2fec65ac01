# SPDX-License-Identifier: BSD-3-Clause
# The device's model behind a host's memory: as a driver sees it, and under a hostile one.

DEVICE := $(B)/device
DEVICE_SRCS := host test_device test_hostile
DEVICE_CPPFLAGS := -Itests/device -Itests/unit -DFIRMWARE_IMAGE='"$(FW_IMAGE)"'

TEST_TARGETS += test-device test-device-san
.PHONY: test-device test-device-san
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
