# SPDX-License-Identifier: BSD-3-Clause
# Tests of the connection tracker: rule by rule, captures beside the replay's tracker, random
# sequences; a fuzz target over packets, events and time.

TEST_TARGETS += test-conns test-fuzz-conns
FUZZ_TARGETS += fuzz-conns
.PHONY: test-conns test-fuzz-conns fuzz-conns

CONNS_SRCS := $(wildcard host/proto/conns*.c) host/proto/mpcrypto.c
CONNS_TEST_SRCS := tests/host/conns_lab.c $(wildcard tests/host/test_conns*.c) sim/track.c sim/capture.c

$(B)/tests/conns: $(patsubst %.c,$(B)/san/%.o,$(CONNS_TEST_SRCS) $(CONNS_SRCS)) $(MODEL_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lcriterion -lcrypto

# Criterion does not free all of its own at the end of a test; the fuzz target looks for leaks.
test-conns: $(B)/tests/conns
	@ASAN_OPTIONS=detect_leaks=0 $(RUN) conns timeout 300 $<
