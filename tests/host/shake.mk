# SPDX-License-Identifier: BSD-3-Clause
# Encoder and handshake engine: Criterion under sanitizers, and a fuzzer.

TEST_TARGETS += test-encode test-handshake
.PHONY: test-encode test-handshake

$(B)/host/test-encode: $(patsubst %,$(B)/san/tests/host/%.o,test_encode capture) $(MODEL_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lcriterion -lpcap

HANDSHAKE_TEST_OBJS := $(patsubst %,$(B)/san/tests/host/%.o,test_handshake test_join test_channel ends)

$(B)/host/test-handshake: $(HANDSHAKE_TEST_OBJS) $(HOST_SAN_LIB) $(MODEL_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lcriterion -lpcap $(HOST_LIBS)

# Criterion does not free all of its own at the end of a test.
test-encode test-handshake: test-%: $(B)/host/test-%
	@ASAN_OPTIONS=detect_leaks=0 $(RUN) $* $<
