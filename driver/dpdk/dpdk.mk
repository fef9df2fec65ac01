# SPDX-License-Identifier: BSD-3-Clause
# The DPDK driver: $(B)/dpdk/librte_net_mpnic.so, a plug-in for the distribution's DPDK programs, and
# a sanitized twin in $(B)/dpdk-san. With the C model in it, for engine=model.

PMD := $(B)/dpdk/librte_net_mpnic.so
PMD_SAN := $(B)/dpdk-san/librte_net_mpnic.so
PMD_SRCS := $(wildcard driver/dpdk/*.c)
PMD_MODEL_SRCS := $(MODEL_SRCS) $(MODEL_DEVICE_SRCS) $(FW_SRCS) $(patsubst %,sim/%.c,card card_bus \
	card_local card_socket card_command model_engine pci_config wire_fault \
	$(sort $(SIM_VFU_NAMES) $(SIM_WIRE_NAMES)))
PMD_OTHERS := $(sort $(PMD_MODEL_SRCS) $(wildcard driver/lib/*.c))
PMD_HEADERS := $(B)/dpdk/include/fetched
DPDK_VERSION := $(shell pkg-config --modversion libdpdk 2>/dev/null)
DPDK_CFLAGS = $(shell pkg-config --cflags libdpdk) -isystem $(B)/dpdk/include \
	-DALLOW_INTERNAL_API -DMPNIC_DPDK_VERSION='"$(DPDK_VERSION)"'
DPDK_LIBS = $(shell pkg-config --libs libdpdk) -lrte_bus_vdev -lrte_bus_pci
PMD_LINK = -shared -Wl,-soname,$(@F) -Wl,--version-script=driver/dpdk/net_mpnic.map

ALL_TARGETS += $(PMD)
CPPCHECK_FILES += $(PMD_SRCS)
INSTALL_TARGETS += install-dpdk

$(PMD_HEADERS): driver/dpdk/headers.sh
	@mkdir -p $(@D)
	driver/dpdk/headers.sh $(@D)
	@touch $@

$(B)/dpdk/obj/driver/dpdk/%.o: driver/dpdk/%.c $(PMD_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(DPDK_CFLAGS) -fPIC -MMD -MP -c $< -o $@

$(B)/dpdk/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c $< -o $@

$(B)/dpdk-san/obj/driver/dpdk/%.o: driver/dpdk/%.c $(PMD_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(SANFLAGS) $(DPDK_CFLAGS) -fPIC -MMD -MP -c $< -o $@

$(B)/dpdk-san/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(SANFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c $< -o $@

PMD_ALL_SRCS := $(PMD_SRCS) $(PMD_OTHERS)
$(PMD): $(PMD_ALL_SRCS:%.c=$(B)/dpdk/obj/%.o) driver/dpdk/net_mpnic.map
	$(CC) $(PMD_LINK) -Wl,-z,defs $(filter %.o,$^) -o $@ $(DPDK_LIBS) -ljansson -pthread

$(PMD_SAN): $(PMD_ALL_SRCS:%.c=$(B)/dpdk-san/obj/%.o) driver/dpdk/net_mpnic.map
	$(CC) $(SANFLAGS) $(PMD_LINK) $(filter %.o,$^) -o $@ \
		$(DPDK_LIBS) -ljansson -pthread

.PHONY: install-dpdk
install-dpdk: $(PMD)
	install -D -m 755 $(PMD) $(DESTDIR)$(PREFIX)/lib/dpdk/$(notdir $(PMD))
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/include/mpnic driver/dpdk/rte_pmd_mpnic.h
