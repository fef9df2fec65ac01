# SPDX-License-Identifier: BSD-3-Clause
# libFuzzer over the C model and its stateful half, with sanitizers: `fuzz-model` and `fuzz-state` for
# FUZZ_SECONDS, short runs in `test`.

FUZZ_SECONDS ?= 60
FUZZ := $(B)/fuzz
FUZZ_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_SRCS := tests/fuzz/fuzz_model.c tests/unit/naive.c $(MODEL_SRCS)
TEST_TARGETS += test-fuzz-model test-fuzz-state
FUZZ_TARGETS += fuzz-model fuzz-state

$(FUZZ)/fuzz_model: $(FUZZ_SRCS) $(wildcard hw/model/*.h tests/unit/*.h) hw/regs/generated/mpnic_regs.h
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) -Itests/unit $(FUZZ_CFLAGS) $(FUZZ_SRCS) -o $@

$(FUZZ)/fuzz_state: tests/fuzz/fuzz_state.c $(MODEL_SRCS) $(MODEL_HDRS)
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) $(FUZZ_CFLAGS) tests/fuzz/fuzz_state.c $(MODEL_SRCS) -o $@

$(B)/obj/tests/fuzz/seeds.o: CPPFLAGS += -Itests/unit

$(FUZZ)/seeds: $(addprefix $(B)/obj/tests/,fuzz/seeds.o unit/build.o unit/naive.o) $(MODEL_LIB)
	@mkdir -p $(@D)
	$(CC) -o $@ $^ -lpcap

# Seeds first, then what earlier runs found; a finding is left in $(FUZZ) as crash-*.
define fuzz_model
	@rm -rf $(FUZZ)/seed && mkdir -p $(FUZZ)/seed $(FUZZ)/corpus
	@$(FUZZ)/seeds $(FUZZ)/seed $(wildcard tests/captures/*.pcap)
	@$(RUN) $(1) $(FUZZ)/fuzz_model -error_exitcode=1 -max_total_time=$(2) -max_len=2048 -print_final_stats=1 \
		-verbosity=1 -artifact_prefix=$(FUZZ)/ $(FUZZ)/corpus $(FUZZ)/seed
endef

.PHONY: fuzz-model test-fuzz-model
fuzz-model: $(FUZZ)/fuzz_model $(FUZZ)/seeds
	$(call fuzz_model,fuzz-model-long,$(FUZZ_SECONDS))

test-fuzz-model: $(FUZZ)/fuzz_model $(FUZZ)/seeds
	$(call fuzz_model,fuzz-model,10)

define fuzz_state
	@rm -rf $(FUZZ)/seed-state && mkdir -p $(FUZZ)/seed-state $(FUZZ)/corpus-state
	@$(FUZZ)/seeds --state $(FUZZ)/seed-state $(wildcard tests/captures/*.pcap)
	@$(RUN) $(1) $(FUZZ)/fuzz_state -error_exitcode=1 -max_total_time=$(2) -max_len=4096 -print_final_stats=1 \
		-verbosity=1 -artifact_prefix=$(FUZZ)/ $(FUZZ)/corpus-state $(FUZZ)/seed-state
endef

.PHONY: fuzz-state test-fuzz-state
fuzz-state: $(FUZZ)/fuzz_state $(FUZZ)/seeds
	$(call fuzz_state,fuzz-state-long,$(FUZZ_SECONDS))

test-fuzz-state: $(FUZZ)/fuzz_state $(FUZZ)/seeds
	$(call fuzz_state,fuzz-state,10)
