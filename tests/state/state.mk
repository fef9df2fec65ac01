# SPDX-License-Identifier: BSD-3-Clause
# Stage dss beside an independent computation: generated conversations, broken twins, captures.

STATE := $(B)/state
STATE_SRCS := tests/state/talk.c tests/state/oracle.c tests/state/check.c
STATE_SEGMENTS ?= 400000

TEST_TARGETS += test-state test-state-san test-state-twins test-state-captures
SOAK_TARGETS += soak-state

$(STATE)/check: $(STATE_SRCS:%.c=$(B)/obj/%.o) $(MODEL_LIB)
	@mkdir -p $(@D)
	$(CC) -o $@ $^

$(STATE)/check-san: $(STATE_SRCS:%.c=$(B)/san/%.o) $(MODEL_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) -o $@ $^

.PHONY: test-state test-state-san test-state-twins soak-state
test-state: $(STATE)/check
	@$(RUN) state $< $(STATE_SEGMENTS) 1

test-state-san: $(STATE)/check-san
	@$(RUN) state-san $< 60000 1000000

# What they notice, and that they notice it.
STATE_TWIN_UNIT := $(patsubst %,$(B)/obj/tests/unit/%.o,build naive run test_dss)
test-state-twins: $(STATE_SRCS:%.c=$(B)/obj/%.o) $(STATE_TWIN_UNIT) $(MODEL_LIB)
	@$(RUN) state-twins tests/state/twins.py --out $(STATE)/twins --lib $(MODEL_LIB) \
		--conversations $(STATE_SRCS:%.c=$(B)/obj/%.o) --unit $(STATE_TWIN_UNIT)

# The whole stateful half, with a host's part played; then the same with bytes changed on the way.
$(STATE)/drive: $(B)/obj/tests/state/drive.o $(B)/obj/host/proto/mpcrypto.o $(MODEL_LIB)
	@mkdir -p $(@D)
	$(CC) -o $@ $^ -lcrypto

$(STATE)/drive-san: $(B)/san/tests/state/drive.o $(B)/san/host/proto/mpcrypto.o $(MODEL_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) -o $@ $^ -lcrypto

STATE_CAPTURES := --captures tests/captures --captures $(MPNIC_PCAPS)
.PHONY: test-state-captures
test-state-captures: $(STATE)/drive $(STATE)/drive-san
	@$(RUN) state-captures tests/state/captures.py --program $(STATE)/drive $(STATE_CAPTURES) --tshark
	@$(RUN) state-damaged tests/state/captures.py --program $(STATE)/drive-san $(STATE_CAPTURES) --damage

# Fresh seeds; some 250,000 segments a second.
soak-state: $(STATE)/check
	$< $$(( $${SOAK_SECONDS:-600} * 200000 )) 0
