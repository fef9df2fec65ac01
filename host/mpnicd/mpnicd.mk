# SPDX-License-Identifier: BSD-3-Clause
# mpnicd, a DPDK program: it is linked with the driver, and finds it beside itself; and a sanitized
# twin in $(B)/host-san.

MPNICD := $(B)/host/mpnicd
MPNICD_SAN := $(B)/host-san/mpnicd
MPNICD_SRCS := $(wildcard host/mpnicd/*.c) $(CONFIG_SRCS) sim/unix_path.c
MPNICD_CFLAGS = $(shell pkg-config --cflags libdpdk) -Idriver/dpdk -Ihost/mpnicd -Ihost/config \
	-Ihost/store -D_GNU_SOURCE
MPNICD_LIBS = $(shell pkg-config --libs libdpdk) $(CONFIG_LIBS) $(STORE_LIBS) -ljansson -lmicrohttpd \
	-lsystemd -lcrypto -pthread

ALL_TARGETS += $(MPNICD)
INSTALL_TARGETS += install-mpnicd

$(B)/host/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(MPNICD_CFLAGS) -MMD -MP -c $< -o $@

$(B)/host-san/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(SANFLAGS) $(MPNICD_CFLAGS) -MMD -MP -c $< -o $@

$(MPNICD): $(MPNICD_SRCS:%.c=$(B)/host/obj/%.o) $(HOST_LIB) $(STORE_LIB) $(MODEL_LIB) $(PMD)
	$(CC) $(filter-out %.so,$^) -o $@ -L$(dir $(PMD)) -l:$(notdir $(PMD)) \
		-Wl,-rpath,'$$ORIGIN/../dpdk:$$ORIGIN/../lib/dpdk' $(MPNICD_LIBS)

$(MPNICD_SAN): $(MPNICD_SRCS:%.c=$(B)/host-san/obj/%.o) $(HOST_SAN_LIB) $(STORE_SAN_LIB) \
		$(MODEL_SAN_LIB) $(PMD_SAN)
	$(CC) $(SANFLAGS) $(filter-out %.so,$^) -o $@ -L$(dir $(PMD_SAN)) -l:$(notdir $(PMD_SAN)) \
		-Wl,-rpath,'$$ORIGIN/../dpdk-san' $(MPNICD_LIBS)

.PHONY: install-mpnicd
install-mpnicd: $(MPNICD)
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/sbin $(MPNICD)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 host/man/mpnicd.8
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/mpnic host/config/mpnicd.conf
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system host/mpnicd/mpnicd.service
