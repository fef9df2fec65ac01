# SPDX-License-Identifier: BSD-3-Clause
# The control plane: libmpnic_host.a holds the pure logic of host/proto.

HOST_SRCS := $(wildcard host/proto/*.c)
HOST_LIB := $(B)/host/libmpnic_host.a
HOST_SAN_LIB := $(B)/host-san/libmpnic_host.a
HOST_LIBS := -lcrypto

$(HOST_LIB): $(HOST_SRCS:%.c=$(B)/obj/%.o)
	@mkdir -p $(@D)
	@rm -f $@
	ar rcs $@ $^

$(HOST_SAN_LIB): $(HOST_SRCS:%.c=$(B)/san/%.o)
	@mkdir -p $(@D)
	@rm -f $@
	ar rcs $@ $^

# mpnicd, a DPDK program; it is linked with the driver, and finds it beside itself.
MPNICD := $(B)/host/mpnicd
MPNICD_SRCS := $(wildcard host/mpnicd/*.c)
MPNICD_CFLAGS = $(shell pkg-config --cflags libdpdk) -Idriver/dpdk -Ihost/mpnicd -D_GNU_SOURCE
MPNICD_LIBS = $(shell pkg-config --libs libdpdk)

$(B)/host/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(MPNICD_CFLAGS) -MMD -MP -c $< -o $@
