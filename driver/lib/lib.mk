# SPDX-License-Identifier: BSD-3-Clause
# libmpnic, the driver library: $(B)/lib/libmpnic.a and .so, and a sanitized twin in $(B)/lib-san.

LIB_MAJOR := 0
LIB_VERSION := 0.1.0
LIB_SRCS := $(wildcard driver/lib/*.c) hw/regs/generated/mpnic_regs.c \
	hw/regs/generated/mpnic_device_regs.c hw/regs/generated/mpnic_map.c \
	hw/regs/generated/mpnic_device_map.c
LIB_HDRS := driver/lib/mpnic.h $(patsubst %,hw/regs/generated/mpnic_%.h,regs device_regs map \
	device_map)
LIB := $(B)/lib/libmpnic.a
LIB_SO := $(B)/lib/libmpnic.so.$(LIB_MAJOR)
LIB_SAN := $(B)/lib-san/libmpnic.a

CPPFLAGS += -Idriver/lib
ALL_TARGETS += $(LIB) $(LIB_SO) $(B)/lib/mpnic.pc
INSTALL_TARGETS += install-lib
CPPCHECK_FILES += $(filter-out hw/%,$(LIB_SRCS))

# One set of objects for both libraries; position independence costs nothing that could be measured.
$(B)/lib/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -MMD -MP -c $< -o $@

$(LIB): $(LIB_SRCS:%.c=$(B)/lib/%.o)
	rm -f $@
	$(AR) rcs $@ $^

$(LIB_SO): $(LIB_SRCS:%.c=$(B)/lib/%.o) driver/lib/libmpnic.map
	$(CC) -shared -Wl,-soname,$(@F) -Wl,-z,defs -Wl,--version-script=driver/lib/libmpnic.map \
		$(filter %.o,$^) -o $@ -pthread
	ln -sf $(@F) $(B)/lib/libmpnic.so

$(LIB_SAN): $(LIB_SRCS:%.c=$(B)/san/%.o)
	@mkdir -p $(@D)
	rm -f $@
	$(AR) rcs $@ $^

$(B)/lib/mpnic.pc: driver/lib/mpnic.pc.in
	@mkdir -p $(@D)
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(LIB_VERSION)|' $< >$@

.PHONY: install-lib
install-lib: $(LIB) $(LIB_SO) $(B)/lib/mpnic.pc
	install -D -m 644 $(LIB) $(DESTDIR)$(PREFIX)/lib/libmpnic.a
	install -D -m 755 $(LIB_SO) $(DESTDIR)$(PREFIX)/lib/$(notdir $(LIB_SO))
	ln -sf $(notdir $(LIB_SO)) $(DESTDIR)$(PREFIX)/lib/libmpnic.so
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/include/mpnic $(LIB_HDRS)
	install -D -m 644 $(B)/lib/mpnic.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig/mpnic.pc
