# SPDX-License-Identifier: BSD-3-Clause
# Tests of mpnic-sim replay: reader and tracker alone (Criterion), the program on captures and on
# crafted files, and a fuzz target for all that reads files.

TEST_TARGETS += test-replay-units test-replay
FUZZ_TARGETS += fuzz-capture fuzz-tables
.PHONY: test-replay-units test-replay fuzz-capture fuzz-tables

REPLAY_UNIT_OBJS := $(B)/san/tests/replay/test_track.o $(B)/san/tests/replay/test_capture.o \
	$(B)/san/tests/replay/test_fields.o $(B)/san/tests/replay/test_control.o \
	$(B)/san/tests/replay/test_tables.o \
	$(patsubst %,$(B)/san/sim/%.o,capture track control tables fields) \
	$(B)/san/host/proto/mpcrypto.o

$(B)/tests/replay-units: $(REPLAY_UNIT_OBJS) $(MODEL_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lcriterion -lcrypto

test-replay-units: $(B)/tests/replay-units
	@$(RUN) replay-units timeout 300 $<

# The program with an RTL that is wrong where it is told to.
$(B)/tests/mpnic-sim-faulty: $(SIM_SAN_OBJS) $(B)/san/tests/replay/faulty_engine.o \
		$(B)/pipeline/librtl_engine.a $(B)/device-rtl/librtl_engine.a $(MODEL_SAN_LIB) $(FW_SAN_LIB)
	@mkdir -p $(@D)
	$(CXX) $(SANFLAGS) -Wl,--wrap=pipeline_engine_next $^ -o $@ $(SIM_LIBS) $(RTL_LIBS)

# The program with small tables.
$(B)/tests/mpnic-sim-small: $(SIM_SAN_OBJS) $(B)/san/tests/replay/small_tables.o \
		$(B)/pipeline/librtl_engine.a $(B)/device-rtl/librtl_engine.a $(MODEL_SAN_LIB) $(FW_SAN_LIB)
	@mkdir -p $(@D)
	$(CXX) $(SANFLAGS) -Wl,--wrap=control_defaults $^ -o $@ $(SIM_LIBS) $(RTL_LIBS)

REPLAY_NEEDS := $(B)/sim/mpnic-sim $(B)/sim/mpnic-sim-trace $(B)/sim-san/mpnic-sim \
	$(B)/tests/mpnic-sim-faulty $(B)/tests/mpnic-sim-small
TEST_EARLY += $(REPLAY_NEEDS)
test-replay: $(REPLAY_NEEDS)
	@$(RUN) replay timeout 900 tests/replay/test_replay.py --sim $(B)/sim/mpnic-sim \
		--san $(B)/sim-san/mpnic-sim --small $(B)/tests/mpnic-sim-small \
		--faulty $(B)/tests/mpnic-sim-faulty --work $(B)/tests/replay

FUZZ_SECONDS ?= 60
FUZZ_CAPTURE_SRCS := tests/replay/fuzz_capture.c \
	host/proto/mpcrypto.c $(patsubst %,sim/%.c,capture track control totals text fields reading report json)

$(B)/fuzz/capture: $(FUZZ_CAPTURE_SRCS) $(MODEL_SRCS) $(MODEL_HDRS) $(wildcard sim/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) -std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all $(filter %.c,$^) -o $@ -ljansson -lcrypto

fuzz-capture: $(B)/fuzz/capture
	@mkdir -p $(B)/fuzz/capture-corpus
	tests/replay/test_replay.py --seeds $(B)/fuzz/capture-corpus
	@$(RUN) fuzz-capture $(B)/fuzz/capture -error_exitcode=1 -max_total_time=$(FUZZ_SECONDS) -max_len=16384 \
		-rss_limit_mb=2048 -timeout=10 -artifact_prefix=$(B)/fuzz/ -verbosity=0 \
		-print_final_stats=1 $(B)/fuzz/capture-corpus

FUZZ_TABLES_SRCS := tests/replay/fuzz_tables.c host/proto/mpcrypto.c $(patsubst %,sim/%.c,tables control track)

$(B)/fuzz/tables: $(FUZZ_TABLES_SRCS) $(MODEL_SRCS) $(MODEL_HDRS) $(wildcard sim/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) -std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all $(filter %.c,$^) -o $@ -lcrypto

fuzz-tables: $(B)/fuzz/tables
	@mkdir -p $(B)/fuzz/tables-corpus
	cp tests/replay/tables/*.tables $(B)/fuzz/tables-corpus
	@$(RUN) fuzz-tables $(B)/fuzz/tables -error_exitcode=1 -max_total_time=$(FUZZ_SECONDS) -max_len=4096 \
		-rss_limit_mb=2048 -timeout=10 -artifact_prefix=$(B)/fuzz/ -verbosity=0 \
		-print_final_stats=1 $(B)/fuzz/tables-corpus
