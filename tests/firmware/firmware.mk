# SPDX-License-Identifier: BSD-3-Clause
# The firmware, natively, over gates that are the model's tables: each admin command, boot, properties.

FW_TEST := $(B)/firmware-test
FW_TEST_SRCS := $(filter-out tests/firmware/fuzz_admin.c,$(wildcard tests/firmware/*.c)) \
	$(addprefix tests/unit/,build.c naive.c stateful.c)
TEST_TARGETS += test-firmware test-firmware-san

$(B)/obj/tests/firmware/%.o $(B)/san/tests/firmware/%.o: CPPFLAGS += -Itests/unit -Itests/firmware \
	-D_GNU_SOURCE

$(FW_TEST)/firmware: $(FW_TEST_SRCS:%.c=$(B)/obj/%.o) $(FW_LIB) $(MODEL_LIB)
	@mkdir -p $(@D)
	$(CC) -o $@ $^ -lcriterion

$(FW_TEST)/firmware-san: $(FW_TEST_SRCS:%.c=$(B)/san/%.o) $(FW_SAN_LIB) $(MODEL_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) -o $@ $^ -lcriterion

.PHONY: test-firmware test-firmware-san
test-firmware: $(FW_TEST)/firmware
	@$(RUN) firmware $<

# Criterion does not free all of its own at the end of a test.
test-firmware-san: $(FW_TEST)/firmware-san
	@ASAN_OPTIONS=detect_leaks=0 $(RUN) firmware-san $<
