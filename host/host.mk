# SPDX-License-Identifier: BSD-3-Clause
# The control plane: libmpnic_host.a holds the pure logic of host/proto, libmpnic_store.a the file of
# the peer cache.

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

STORE_SRCS := $(wildcard host/store/*.c)
STORE_LIB := $(B)/host/libmpnic_store.a
STORE_SAN_LIB := $(B)/host-san/libmpnic_store.a
STORE_LIBS := -llmdb -lz
CPPFLAGS += -Ihost/store

$(STORE_LIB): $(STORE_SRCS:%.c=$(B)/obj/%.o)
	@mkdir -p $(@D)
	@rm -f $@
	ar rcs $@ $^

$(STORE_SAN_LIB): $(STORE_SRCS:%.c=$(B)/san/%.o)
	@mkdir -p $(@D)
	@rm -f $@
	ar rcs $@ $^
