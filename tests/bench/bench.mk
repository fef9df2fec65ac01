# SPDX-License-Identifier: BSD-3-Clause
# Speed of the C model: packets a second beside tshark, checksum bytes a second beside memory.

BENCH_MODEL := $(B)/bench/bench_model
BENCH_TARGETS += bench-model

$(BENCH_MODEL): $(B)/obj/tests/bench/bench_model.o $(MODEL_LIB)
	@mkdir -p $(@D)
	$(CC) -o $@ $^ -lpcap

.PHONY: bench-model
bench-model: $(BENCH_MODEL)
	tests/bench/bench_model.sh $< $(BENCH_MODEL_ARGS)

# Speed of its stateful half, with many active flows; the method stands in bench_state.c.
BENCH_STATE := $(B)/bench/bench_state
BENCH_TARGETS += bench-state

$(BENCH_STATE): $(B)/obj/tests/bench/bench_state.o $(MODEL_LIB)
	@mkdir -p $(@D)
	$(CC) -o $@ $^

.PHONY: bench-state
bench-state: $(BENCH_STATE)
	$< $(BENCH_STATE_ARGS)

# The simulated card (C model) in one process, libmpnic in another.
BENCH_TARGETS += bench-driver
$(B)/bench/bench_driver: $(B)/obj/tests/bench/bench_driver.o $(B)/obj/tests/driver/card.o $(LIB)
	@mkdir -p $(@D)
	$(CC) -o $@ $^ -pthread

.PHONY: bench-driver
bench-driver: $(B)/bench/bench_driver $(B)/sim/mpnic-sim $(FW_IMAGE)
	$< $(B)/sim/mpnic-sim $(FW_IMAGE)

# The DPDK driver's bursts, beside net_null and net_ring, and its rules; the methods stand in bench_dpdk.c
# and flow_perf.sh.
BENCH_TARGETS += bench-dpdk
$(B)/bench/bench_dpdk: tests/bench/bench_dpdk.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(shell pkg-config --cflags libdpdk) $< -o $@ $(shell pkg-config --libs libdpdk)

.PHONY: bench-dpdk
DPDK_PMDS = $(shell pkg-config --variable=libdir libdpdk)/dpdk/pmds-23.0
bench-dpdk: $(B)/bench/bench_dpdk $(PMD) $(FW_IMAGE) $(B)/sim/mpnic-sim
	tests/dpdk/private.sh $(PMD) $< -l 1 --no-huge -m 512 --no-pci --file-prefix=bench$$$$ \
		--log-level=error -d %F/librte_net_mpnic.so -d $(DPDK_PMDS)/librte_net_null.so \
		-d $(DPDK_PMDS)/librte_net_ring.so --vdev net_null0 --vdev net_ring0 \
		--vdev net_mpnic0,engine=model,port0=loop,firmware=$(abspath $(FW_IMAGE)) \
		--vdev net_mpnic1,engine=model,port0=loop,metadata=1,firmware=$(abspath $(FW_IMAGE))
	tests/bench/flow_perf.sh $(PMD) $(B)/sim/mpnic-sim $(abspath $(FW_IMAGE))

# The peer version cache, beside rte_hash; the method stands in bench_peers.c.
BENCH_TARGETS += bench-peers
$(B)/bench/bench_peers: tests/bench/bench_peers.c $(STORE_LIB) $(HOST_LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(shell pkg-config --cflags libdpdk) $^ -o $@ \
		$(shell pkg-config --libs libdpdk) $(STORE_LIBS) $(HOST_LIBS)

.PHONY: bench-peers
bench-peers: $(B)/bench/bench_peers
	$< $(BENCH_PEERS_ARGS)

# mpnicd between a kernel and its peers, beside the same without it.
BENCH_TARGETS += bench-daemon
.PHONY: bench-daemon
bench-daemon: $(B)/sim/mpnic-sim $(B)/host/mpnicd $(B)/host/mpnicctl \
		$(patsubst %,$(B)/peers/%,v0peer v0client pathbox)
	tests/bench/bench_daemon.py
