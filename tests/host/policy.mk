# SPDX-License-Identifier: BSD-3-Clause
# Policy, configuration file and probe engine: units, properties, fuzz targets; the page of decisions.

TEST_TARGETS += test-host-policy test-host-decisions
FUZZ_TARGETS += fuzz-config fuzz-probe
BENCH_TARGETS += bench-host-policy
.PHONY: test-host-policy test-host-decisions fuzz-config fuzz-probe decisions \
	bench-host-policy

HOST_POLICY_SRCS := host/proto/policy.c host/proto/policy_find.c host/proto/probe.c
HOST_POLICY_TESTS := test_policy test_policy_find test_probe test_config

$(B)/host-policy/units: $(HOST_POLICY_TESTS:%=$(B)/san/tests/host/%.o) $(B)/san/tests/unit/build.o $(B)/san/tests/unit/naive.o \
		$(patsubst %.c,$(B)/san/%.o,$(HOST_POLICY_SRCS) $(CONFIG_SRCS)) $(MODEL_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=read \
		-Wl,--wrap=policy_prefix_add $^ -o $@ \
		-lcriterion $(CONFIG_LIBS)

$(B)/san/tests/host/test_policy_find.o $(B)/san/tests/host/test_probe.o: CPPFLAGS += -Itests/unit

# Criterion does not free all of its own at the end of a test.
test-host-policy: $(B)/host-policy/units
	@ASAN_OPTIONS=detect_leaks=0 $(RUN) host-policy timeout 120 $<

# The tables of docs/decisions.md and docs/policy.md come from the code. `make decisions` renews them.
$(B)/host-policy/decisions: $(B)/obj/tests/host/decisions.o \
		$(HOST_POLICY_SRCS:%.c=$(B)/obj/%.o) $(MODEL_LIB)
	@mkdir -p $(@D)
	$(CC) $^ -o $@

test-host-decisions: $(B)/host-policy/decisions
	@$(RUN) host-decisions tests/host/decisions.sh $< check

decisions: $(B)/host-policy/decisions ## renew the tables of docs/decisions.md and docs/policy.md
	@tests/host/decisions.sh $< write

FUZZ_SECONDS ?= 60
HOST_FUZZ_FLAGS := -std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
HOST_FUZZ_RUN := -error_exitcode=1 -rss_limit_mb=2048 -timeout=10 -artifact_prefix=$(B)/fuzz/ \
	-verbosity=0 -print_final_stats=1
FUZZ_CONFIG := LSAN_OPTIONS=suppressions=tests/host/config/lsan.supp:print_suppressions=0
FUZZ_CONFIG_ARGS := -detect_leaks=0 $(HOST_FUZZ_RUN) -dict=tests/host/config/words.dict

$(B)/fuzz/config: tests/host/fuzz_config.c $(CONFIG_SRCS) $(HOST_POLICY_SRCS) $(MODEL_SRCS) \
		$(wildcard host/*/*.h) $(MODEL_HDRS)
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) $(HOST_FUZZ_FLAGS) $(filter %.c,$^) -o $@ $(CONFIG_LIBS)

$(B)/fuzz/probe: tests/host/fuzz_probe.c $(HOST_POLICY_SRCS) $(MODEL_SRCS) $(wildcard host/*/*.h) \
		$(MODEL_HDRS)
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) $(HOST_FUZZ_FLAGS) $(filter %.c,$^) -o $@

$(B)/fuzz/config-corpus: $(B)/fuzz/config
	@mkdir -p $@
	cp host/config/mpnicd.conf tests/host/config/*.conf $@

$(B)/fuzz/probe-corpus: $(B)/fuzz/probe
	@mkdir -p $@
	@touch $@

# libconfig loses memory by itself (lsan.supp), which makes libFuzzer look for leaks after each run: so
# they are looked for once, at the end.
fuzz-config: $(B)/fuzz/config-corpus
	@$(FUZZ_CONFIG) $(RUN) fuzz-config $(B)/fuzz/config -max_total_time=$(FUZZ_SECONDS) -max_len=16384 \
		$(FUZZ_CONFIG_ARGS) $<

fuzz-probe: $(B)/fuzz/probe-corpus
	@$(RUN) fuzz-probe $(B)/fuzz/probe -max_total_time=$(FUZZ_SECONDS) -max_len=8192 $(HOST_FUZZ_RUN) $<

# From 10 to 10,000 prefixes: how long a look-up takes, and what it costs in memory.
$(B)/host-policy/bench: $(B)/obj/tests/host/bench_policy.o $(HOST_POLICY_SRCS:%.c=$(B)/obj/%.o) $(MODEL_LIB)
	@mkdir -p $(@D)
	$(CC) $^ -o $@

bench-host-policy: $(B)/host-policy/bench
	@$(RUN) bench-host-policy $<
