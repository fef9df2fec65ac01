# SPDX-License-Identifier: BSD-3-Clause
# The control plane as one.

TEST_TARGETS += test-plane
FUZZ_TARGETS += fuzz-plane
.PHONY: test-plane fuzz-plane

$(B)/tests/host-plane: $(B)/san/tests/host/test_plane.o $(HOST_SAN_LIB) $(MODEL_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lcriterion -lcrypto

$(B)/fuzz/plane: tests/host/fuzz_plane.c $(HOST_SRCS) $(MODEL_SRCS) $(wildcard host/proto/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) -std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all $(filter %.c,$^) -o $@ -lcrypto

test-plane: $(B)/tests/host-plane $(B)/fuzz/plane
	@$(RUN) plane timeout 120 sh -c '$(B)/tests/host-plane && \
		$(B)/fuzz/plane -max_total_time=3 -max_len=4096 -verbosity=0 -artifact_prefix=$(B)/fuzz/'

fuzz-plane: $(B)/fuzz/plane
	@mkdir -p $(B)/fuzz/plane-corpus
	@$(RUN) fuzz-plane $(B)/fuzz/plane -max_total_time=$(FUZZ_SECONDS) -max_len=8192 -rss_limit_mb=2048 \
		-timeout=10 -artifact_prefix=$(B)/fuzz/ -verbosity=0 -print_final_stats=1 $(B)/fuzz/plane-corpus
