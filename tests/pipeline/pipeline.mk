# SPDX-License-Identifier: BSD-3-Clause
# The whole pipeline in RTL beside the C model, with small tables that are full most of the time.

PIPELINE := $(B)/pipeline-test
PIPELINE_SIZES := FLOWS=256 STASH=16 CONNS=2048 TOKENS=64 PEERS=32
PIPELINE_OBJS := $(patsubst %,$(B)/obj/sim/%.o,engine control track fields difference text gen) \
	$(B)/obj/host/proto/mpcrypto.o $(B)/obj/tests/state/talk.o $(MODEL_LIB)
PIPELINE_COUNT ?= 300000

$(B)/obj/tests/pipeline/lockstep.o: tests/pipeline/pipeline.mk
$(B)/obj/tests/pipeline/lockstep.o: CPPFLAGS += $(PIPELINE_SIZES:%=-D%) -Itests/state

# The same at three widths, and with waveforms and assertions.
define pipeline_program
$(eval $(call rtl_engine,pipeline-small$(1),-GDATA_W=$(2) $(PIPELINE_SIZES:%=-G%),$(3),$(4),$(RTL_OPT),$(5),mpnic_pipeline,pipeline_engine))
$(B)/pipeline-small$(1)/Vmpnic_pipeline.mk: tests/pipeline/pipeline.mk
$(PIPELINE)/lockstep$(1): $(B)/obj/tests/pipeline/lockstep.o $(PIPELINE_OBJS) \
		$(B)/pipeline-small$(1)/librtl_engine.a
	@mkdir -p $$(@D)
	$$(CC) $$^ $$(RTL_LIBS) -lcrypto -o $$@
endef
$(eval $(call pipeline_program,,512,--assert --x-assign fast --x-initial fast))
$(eval $(call pipeline_program,-128,128,--assert --x-assign unique --x-initial unique))
$(eval $(call pipeline_program,-trace,512,$(RTL_DEBUG) --trace-fst --trace-structs,-DRTL_TRACE=1,\
	verilated_fst_c.o))

$(PIPELINE)/timing: $(B)/obj/tests/pipeline/timing.o $(B)/pipeline/librtl_engine.a $(MODEL_LIB)
	@mkdir -p $(@D)
	$(CC) $^ $(RTL_LIBS) -o $@

TEST_TARGETS += test-pipeline test-pipeline-timing
BENCH_TARGETS += bench-pipeline
SOAK_TARGETS += soak-pipeline
.PHONY: test-pipeline test-pipeline-timing bench-pipeline soak-pipeline
test-pipeline: $(PIPELINE)/lockstep $(PIPELINE)/lockstep-128
	@$(RUN) pipeline $(PIPELINE)/lockstep -c $(PIPELINE_COUNT)
	@$(RUN) pipeline-128 $(PIPELINE)/lockstep-128 -c 20000 -s 2

soak-pipeline: $(PIPELINE)/lockstep
	$< -c $$(( $${SOAK_SECONDS:-600} * 5000 )) -s $$(date +%s)

test-pipeline-timing: $(PIPELINE)/timing
	@$(RUN) pipeline-timing $<

bench-pipeline: $(PIPELINE)/timing
	$< --bench
