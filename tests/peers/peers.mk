# SPDX-License-Identifier: BSD-3-Clause
# Test peers: an MPTCP version 0 stack in user space, a middlebox, and their own tests.

PEERS := $(B)/peers
PEER_STACK := $(patsubst %,tests/peers/%.o,frame options crypto0 reasm stack subflow mptcp0 http fetch)
PEER_HOST := $(patsubst %,tests/peers/%.o,port host report)
PEER_LIBS := -ljansson -lcrypto
PEER_PROGRAMS := $(PEERS)/v0peer $(PEERS)/v0client $(PEERS)/pathbox

TEST_TARGETS += test-peers-units test-peers
.PHONY: test-peers-units test-peers

$(PEERS)/v0peer $(PEERS)/v0client: $(PEERS)/%: $(B)/obj/tests/peers/%.o \
		$(addprefix $(B)/obj/,$(PEER_STACK) $(PEER_HOST))
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(PEER_LIBS)

$(PEERS)/pathbox: $(patsubst %,$(B)/obj/tests/peers/%.o,pathbox path port frame)
	@mkdir -p $(@D)
	$(CC) -o $@ $^ -ljansson -lpcap

$(PEERS)/units: $(addprefix $(B)/san/,$(PEER_STACK) tests/peers/path.o tests/peers/test_peers.o)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) -o $@ $^ -lcriterion -lcrypto

# Criterion does not free all of its own at the end of a test.
test-peers-units: $(PEERS)/units
	@ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=16 $(RUN) peers-units timeout 120 $<

TEST_EARLY += $(PEER_PROGRAMS)
test-peers: $(PEER_PROGRAMS)
	@$(RUN) peers timeout -k 5 120 tests/peers/test_peers.py --programs $(PEERS)
