# SPDX-License-Identifier: BSD-3-Clause
# The control socket of mpnicd, by itself.

CTL_SRCS := host/mpnicd/ctl.c sim/unix_path.c
TEST_TARGETS += test-ctl
FUZZ_TARGETS += fuzz-ctl

$(B)/san/host/mpnicd/ctl.o $(B)/san/tests/host/test_ctl.o: CPPFLAGS += -Ihost/mpnicd -D_GNU_SOURCE

$(B)/tests/host-ctl: $(B)/san/tests/host/test_ctl.o $(CTL_SRCS:%.c=$(B)/san/%.o)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lcriterion -ljansson

$(B)/fuzz/ctl: tests/host/fuzz_ctl.c $(CTL_SRCS) host/mpnicd/ctl.h
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) -Ihost/mpnicd -D_GNU_SOURCE -std=gnu11 -O1 -g \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all $(filter %.c,$^) -o $@ -ljansson

.PHONY: test-ctl fuzz-ctl
test-ctl: $(B)/tests/host-ctl $(B)/fuzz/ctl
	@$(RUN) ctl timeout 120 sh -c '$(B)/tests/host-ctl && \
		$(B)/fuzz/ctl -runs=20000 -max_len=512 -verbosity=0 -artifact_prefix=$(B)/fuzz/'

fuzz-ctl: $(B)/fuzz/ctl
	@mkdir -p $(B)/fuzz/ctl-corpus
	@$(RUN) fuzz-ctl $(B)/fuzz/ctl -max_total_time=$(FUZZ_SECONDS) -max_len=70000 -rss_limit_mb=2048 \
		-timeout=10 -artifact_prefix=$(B)/fuzz/ -verbosity=0 -print_final_stats=1 $(B)/fuzz/ctl-corpus
