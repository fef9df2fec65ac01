# SPDX-License-Identifier: BSD-3-Clause
# Tests of the peer version cache and of its file: Criterion units with sanitizers, fuzz targets.

TEST_TARGETS += test-peer-cache
FUZZ_TARGETS += fuzz-peers fuzz-peers-bytes
.PHONY: test-peer-cache fuzz-peers fuzz-peers-bytes
FUZZ_SECONDS ?= 60

PEERS_UNIT_OBJS := $(patsubst %,$(B)/san/tests/host/%.o,test_peers naive_peers test_store)

$(B)/tests/peers-units: $(PEERS_UNIT_OBJS) $(STORE_SAN_LIB) $(HOST_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lcriterion $(STORE_LIBS) $(HOST_LIBS)

# Criterion does not free all of its own at the end of a test.
test-peer-cache: $(B)/tests/peers-units
	@ASAN_OPTIONS=detect_leaks=0 $(RUN) peer-cache timeout 120 $<

PEERS_SRCS := $(wildcard host/proto/peers*.c)

$(B)/fuzz/peers: tests/host/fuzz_peers.c $(PEERS_SRCS) $(wildcard host/proto/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) -std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all $(filter %.c,$^) -o $@

$(B)/fuzz/peers-bytes: tests/host/fuzz_peers_bytes.c $(PEERS_SRCS) $(wildcard host/proto/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) -std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all $(filter %.c,$^) -o $@

# $(1): test's name, $(2): target, $(3): seconds.
define fuzz_peers
	@mkdir -p $(B)/fuzz/$(2)-corpus
	@$(RUN) $(1) $(B)/fuzz/$(2) -error_exitcode=1 -max_total_time=$(3) -max_len=1024 -timeout=10 \
		-artifact_prefix=$(B)/fuzz/ -verbosity=0 -print_final_stats=1 $(B)/fuzz/$(2)-corpus
endef

fuzz-peers: $(B)/fuzz/peers
	$(call fuzz_peers,fuzz-peers-long,peers,$(FUZZ_SECONDS))

fuzz-peers-bytes: $(B)/fuzz/peers-bytes
	$(call fuzz_peers,fuzz-peers-bytes-long,peers-bytes,$(FUZZ_SECONDS))
