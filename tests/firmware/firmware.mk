# SPDX-License-Identifier: BSD-3-Clause
# The firmware, natively, over gates that are the model's tables: each admin command, boot, properties.

FW_TEST := $(B)/firmware-test
FW_TEST_SRCS := $(filter-out %/fuzz_admin.c %/run_rv.c,$(wildcard tests/firmware/*.c)) \
	$(addprefix tests/unit/,build.c naive.c stateful.c)
TEST_TARGETS += test-firmware test-firmware-san

$(B)/obj/tests/firmware/%.o $(B)/san/tests/firmware/%.o: CPPFLAGS += -Itests/unit -Itests/firmware \
	-D_GNU_SOURCE -DFW_IMAGE='"$(FW_IMAGE)"'

$(FW_TEST)/firmware: $(FW_TEST_SRCS:%.c=$(B)/obj/%.o) $(FW_LIB) $(MODEL_LIB)
	@mkdir -p $(@D)
	$(CC) -o $@ $^ -lcriterion

$(FW_TEST)/firmware-san: $(FW_TEST_SRCS:%.c=$(B)/san/%.o) $(FW_SAN_LIB) $(MODEL_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) -o $@ $^ -lcriterion

.PHONY: test-firmware test-firmware-san
test-firmware: $(FW_TEST)/firmware $(FW_IMAGE)
	@$(RUN) firmware $<

# Criterion does not free all of its own at the end of a test.
test-firmware-san: $(FW_TEST)/firmware-san $(FW_IMAGE)
	@ASAN_OPTIONS=detect_leaks=0 $(RUN) firmware-san $<

# libFuzzer over streams of admin commands: a short run in `test`.
TEST_TARGETS += test-fuzz-admin
FUZZ_TARGETS += fuzz-admin

$(FW_TEST)/fuzz_admin: $(addprefix tests/firmware/,fuzz_admin.c gates.c commands.c gates.h commands.h) \
		$(addprefix firmware/,$(notdir $(FW_SRCS))) $(MODEL_SRCS) $(FW_HDRS) $(MODEL_HDRS)
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) -Itests/firmware $(FUZZ_CFLAGS) $(FW_CFLAGS) $(filter tests/firmware/%.c,$^) $(FW_SRCS) \
		$(MODEL_SRCS) -o $@

.PHONY: fuzz-admin test-fuzz-admin
fuzz-admin: $(FW_TEST)/fuzz_admin
	@mkdir -p $(FW_TEST)/corpus
	@$(RUN) fuzz-admin-long $< -error_exitcode=1 -max_total_time=$(FUZZ_SECONDS) -max_len=2048 -len_control=0 -print_final_stats=1 \
		-verbosity=1 -artifact_prefix=$(FW_TEST)/ $(FW_TEST)/corpus

test-fuzz-admin: $(FW_TEST)/fuzz_admin
	@mkdir -p $(FW_TEST)/corpus
	@$(RUN) fuzz-admin $< -error_exitcode=1 -max_total_time=6 -max_len=1024 -len_control=0 -print_final_stats=1 -verbosity=1 \
		-artifact_prefix=$(FW_TEST)/ $(FW_TEST)/corpus

# The image and boot's ROM on the core's instruction-set model: the same traffic as natively.
TEST_TARGETS += test-firmware-rv

$(FW_TEST)/run_rv: $(addprefix $(B)/obj/tests/firmware/,run_rv.o gates.o commands.o) $(FW_LIB) \
		$(MODEL_LIB)
	@mkdir -p $(@D)
	$(CC) -o $@ $^

.PHONY: test-firmware-rv
test-firmware-rv: $(FW_TEST)/run_rv $(FW_IMAGE) $(FW_ROM)
	@$(RUN) firmware-rv $< $(FW)/mpnic-boot.bin $(FW_IMAGE)
