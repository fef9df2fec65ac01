# SPDX-License-Identifier: BSD-3-Clause
# Encoder and handshake engine: Criterion under sanitizers, and a fuzzer.

TEST_TARGETS += test-encode
.PHONY: test-encode

$(B)/host/test-encode: $(patsubst %,$(B)/san/tests/host/%.o,test_encode capture) $(MODEL_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lcriterion -lpcap

# Criterion does not free all of its own at the end of a test.
test-encode: $(B)/host/test-encode
	@ASAN_OPTIONS=detect_leaks=0 $(RUN) encode $<
