# SPDX-License-Identifier: BSD-3-Clause
# Tests of the connection tracker: rule by rule, captures beside the replay's tracker, random
# sequences; a fuzz target over packets, events and time.

TEST_TARGETS += test-conns test-fuzz-conns
FUZZ_TARGETS += fuzz-conns
.PHONY: test-conns test-fuzz-conns fuzz-conns

CONNS_SRCS := $(wildcard host/proto/conns*.c) host/proto/mpcrypto.c
CONNS_TEST_SRCS := tests/host/conns_lab.c tests/host/conns_soup.c \
	$(wildcard tests/host/test_conns*.c) sim/track.c sim/capture.c

$(B)/tests/conns: $(patsubst %.c,$(B)/san/%.o,$(CONNS_TEST_SRCS) $(CONNS_SRCS)) $(MODEL_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lcriterion -lcrypto

# Criterion does not free all of its own at the end of a test; the fuzz target looks for leaks.
test-conns: $(B)/tests/conns
	@ASAN_OPTIONS=detect_leaks=0 $(RUN) conns timeout 300 $<

FUZZ_CONNS_SRCS := tests/host/fuzz_conns.c tests/host/conns_soup.c tests/host/conns_lab.c $(CONNS_SRCS)

$(B)/fuzz/conns: $(FUZZ_CONNS_SRCS) $(MODEL_SRCS) $(MODEL_HDRS) $(wildcard host/proto/*.h tests/host/conns_*.h)
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) -std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all $(filter %.c,$^) -o $@ -lcrypto

# Long inputs from the start: a connection takes some to build up. The short run begins anew, so that
# it does not grow with what long ones found.
define fuzz_conns
	@mkdir -p $(B)/fuzz/$(1)-corpus
	@$(RUN) $(1) $(B)/fuzz/conns -error_exitcode=1 -max_total_time=$(2) -max_len=4096 -len_control=0 \
		-timeout=10 -artifact_prefix=$(B)/fuzz/ -verbosity=0 -print_final_stats=1 $(B)/fuzz/$(1)-corpus
endef

fuzz-conns: $(B)/fuzz/conns
	$(call fuzz_conns,fuzz-conns-long,$(FUZZ_SECONDS))

test-fuzz-conns: $(B)/fuzz/conns
	@rm -rf $(B)/fuzz/fuzz-conns-corpus
	$(call fuzz_conns,fuzz-conns,5)
