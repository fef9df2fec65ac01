# SPDX-License-Identifier: BSD-3-Clause
# Programs that show how the DPDK driver is used. They are linked with it, and find it beside them.

EXAMPLE := $(B)/driver/examples/mptcp_stream
EXAMPLE_SAN := $(B)/driver/examples-san/mptcp_stream
EXAMPLE_NAMES := mptcp_stream conn window
EXAMPLE_SRCS := $(EXAMPLE_NAMES:%=driver/examples/%.c)
EXAMPLE_CFLAGS = $(shell pkg-config --cflags libdpdk) -Idriver/dpdk
EXAMPLE_LIBS = $(shell pkg-config --libs libdpdk) -lcrypto

ALL_TARGETS += $(EXAMPLE)
CPPCHECK_FILES += driver/examples/conn.c driver/examples/window.c

$(B)/driver/examples/%.o: driver/examples/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(EXAMPLE_CFLAGS) -MMD -MP -c $< -o $@

$(B)/driver/examples-san/%.o: driver/examples/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(SANFLAGS) $(EXAMPLE_CFLAGS) -MMD -MP -c $< -o $@

$(EXAMPLE): $(EXAMPLE_NAMES:%=$(B)/driver/examples/%.o) $(B)/obj/host/proto/mpcrypto.o $(MODEL_LIB) $(PMD)
	$(CC) $(filter-out %.so,$^) -o $@ -L$(dir $(PMD)) -l:$(notdir $(PMD)) \
		-Wl,-rpath,'$$ORIGIN/../../dpdk' $(EXAMPLE_LIBS)

$(EXAMPLE_SAN): $(EXAMPLE_NAMES:%=$(B)/driver/examples-san/%.o) $(B)/san/host/proto/mpcrypto.o $(MODEL_SAN_LIB) $(PMD_SAN)
	$(CC) $(SANFLAGS) $(filter-out %.so,$^) -o $@ -L$(dir $(PMD_SAN)) -l:$(notdir $(PMD_SAN)) \
		-Wl,-rpath,'$$ORIGIN/../../dpdk-san' $(EXAMPLE_LIBS)
