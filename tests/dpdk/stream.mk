# SPDX-License-Identifier: BSD-3-Clause
# The example of the DPDK driver: a live transfer between two kernels, and its parts by themselves.

TEST_TARGETS += test-dpdk-stream test-dpdk-stream-san test-dpdk-stream-parts
.PHONY: test-dpdk-stream test-dpdk-stream-san test-dpdk-stream-parts

test-dpdk-stream: $(EXAMPLE) $(B)/firmware/mpnic-1.mpfw
	@$(RUN) dpdk-stream tests/dpdk/test_stream.py $^

# DPDK does not free all of its own.
test-dpdk-stream-san: $(EXAMPLE_SAN) $(B)/firmware/mpnic-1.mpfw
	@ASAN_OPTIONS=detect_leaks=0 $(RUN) dpdk-stream-san tests/dpdk/test_stream.py $^ \
		test_lossy_wires test_small test_plain_tcp

$(B)/san/tests/dpdk/example_parts.o: CPPFLAGS += -Idriver/dpdk -Idriver/examples

$(B)/tests/example-parts: $(B)/san/tests/dpdk/example_parts.o $(B)/driver/examples-san/conn.o \
		$(B)/driver/examples-san/window.o $(B)/san/host/proto/mpcrypto.o $(B)/san/sim/capture.o \
		$(B)/san/sim/pcapng.o $(MODEL_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lcrypto

test-dpdk-stream-parts: $(B)/tests/example-parts
	@$(RUN) dpdk-stream-parts $< tests/captures/v4_join.pcap
