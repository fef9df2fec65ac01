# SPDX-License-Identifier: BSD-3-Clause
# Encoder and handshake engine: Criterion under sanitizers, and a fuzzer.

TEST_TARGETS += test-encode test-handshake test-fuzz-handshake
FUZZ_TARGETS += fuzz-handshake
.PHONY: test-encode test-handshake fuzz-handshake test-fuzz-handshake

ENCODE_TEST_OBJS := $(patsubst %,$(B)/san/tests/host/%.o,test_encode shake_capture)
HANDSHAKE_TEST_OBJS := $(patsubst %,$(B)/san/tests/host/%.o,test_handshake test_handshake_join \
	test_handshake_channel test_handshake_captures shake_ends shake_capture)

$(B)/host/test-encode: $(ENCODE_TEST_OBJS) $(MODEL_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lcriterion -lpcap

$(B)/host/test-handshake: $(HANDSHAKE_TEST_OBJS) $(HOST_SAN_LIB) $(MODEL_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lcriterion -lpcap $(HOST_LIBS)

# Criterion does not free all of its own at the end of a test.
test-encode test-handshake: test-%: $(B)/host/test-%
	@ASAN_OPTIONS=detect_leaks=0 $(RUN) $* $<

FUZZ_SECONDS ?= 60
FUZZ_HANDSHAKE_SRCS := tests/host/fuzz_handshake.c \
	$(wildcard host/proto/handshake*.c) host/proto/mpcrypto.c

$(B)/fuzz/handshake: $(FUZZ_HANDSHAKE_SRCS) $(MODEL_SRCS) $(MODEL_HDRS) $(wildcard host/proto/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) -std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all $(filter %.c,$^) -o $@ $(HOST_LIBS)

# A finding is left in $(B)/fuzz as crash-*.
define fuzz_handshake
	@mkdir -p $(B)/fuzz/handshake-corpus
	@$(RUN) $(1) $(B)/fuzz/handshake -error_exitcode=1 -max_total_time=$(2) -max_len=1024 -timeout=10 \
		-artifact_prefix=$(B)/fuzz/ -verbosity=0 -print_final_stats=1 $(B)/fuzz/handshake-corpus
endef

fuzz-handshake: $(B)/fuzz/handshake
	$(call fuzz_handshake,fuzz-handshake-long,$(FUZZ_SECONDS))

test-fuzz-handshake: $(B)/fuzz/handshake
	$(call fuzz_handshake,fuzz-handshake,3)
