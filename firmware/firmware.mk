# SPDX-License-Identifier: BSD-3-Clause
# Firmware and boot (docs/firmware.md): $(B)/firmware/libmpnic_fw.a for the C model, with a sanitized
# twin in $(B)/firmware-san; mpnic-1.mpfw, which drivers load, and the ROM of boot for the RV32I core.

FW := $(B)/firmware
# Both from one source, but for what stands where a processor starts.
FW_SRCS := $(addprefix firmware/,admin.c boot.c flows.c fw.c ids.c log.c ports.c selftest.c \
	table.c tables.c)
FW_HDRS := $(wildcard firmware/*.h hw/regs/generated/*.h)
FW_LIB := $(FW)/libmpnic_fw.a
FW_SAN_LIB := $(B)/firmware-san/libmpnic_fw.a
FW_IMAGE := $(FW)/mpnic-1.mpfw
FW_ROM := $(FW)/mpnic-boot.hex
FW_ROM_C := $(FW)/mpnic-boot.inc
# Records are read where they lie in windows.
FW_CFLAGS := -fno-strict-aliasing

ALL_TARGETS += $(FW_LIB) $(FW_IMAGE) $(FW_ROM)
INSTALL_TARGETS += install-firmware

# Where drivers look for it (docs/driver.md).
.PHONY: install-firmware
install-firmware: $(FW_IMAGE)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/firmware/mpnic $(FW_IMAGE)

$(FW)/%.o: firmware/%.c $(FW_HDRS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(FW_CFLAGS) -c -o $@ $<

$(B)/firmware-san/%.o: firmware/%.c $(FW_HDRS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(FW_CFLAGS) $(SANFLAGS) -c -o $@ $<

$(FW_LIB): $(FW_SRCS:firmware/%.c=$(FW)/%.o)
	rm -f $@
	$(AR) rcs $@ $^

$(FW_SAN_LIB): $(FW_SRCS:firmware/%.c=$(B)/firmware-san/%.o)
	rm -f $@
	$(AR) rcs $@ $^

# --- for the core ------------------------------------------------------------------------------

RV := riscv64-unknown-elf-
RV_FLAGS := -march=rv32i -misa-spec=2.2 -mabi=ilp32 -ffreestanding -nostdlib
RV_CFLAGS := -std=gnu11 -O2 $(FW_CFLAGS) $(WARN) -Wstrict-prototypes -Wmissing-prototypes $(RV_FLAGS) \
	-ffunction-sections -fdata-sections -fno-delete-null-pointer-checks \
	-fno-tree-loop-distribute-patterns
RV_LINK = $(RV)gcc $(RV_FLAGS) -Wl,--gc-sections -Wl,--fatal-warnings -Wl,--no-warn-rwx-segments
RV_FW_OBJS := $(FW_SRCS:firmware/%.c=$(FW)/rv/%.o) $(addprefix $(FW)/rv/,main.o mem.o start.o)
RV_BOOT_OBJS := $(addprefix $(FW)/rv/,boot_start.o boot_main.o boot.o mem.o)

$(FW)/rv/%.o: firmware/%.c $(FW_HDRS) firmware/firmware.mk
	@mkdir -p $(@D)
	$(RV)gcc $(CPPFLAGS) $(RV_CFLAGS) -c -o $@ $<

$(FW)/rv/%.o: firmware/%.S firmware/firmware.mk
	@mkdir -p $(@D)
	$(RV)gcc $(RV_FLAGS) -c -o $@ $<

$(FW)/mpnic-fw.elf: $(RV_FW_OBJS) firmware/link.ld
	$(RV_LINK) -T firmware/link.ld -o $@ $(RV_FW_OBJS) -lgcc

$(FW)/mpnic-boot.elf: $(RV_BOOT_OBJS) firmware/boot.ld
	$(RV_LINK) -T firmware/boot.ld -o $@ $(RV_BOOT_OBJS) -lgcc

$(FW_IMAGE): $(FW)/mpnic-fw.elf firmware/image.py hw/regs/device.toml
	$(RV)objcopy -O binary $< $(FW)/mpnic-fw.body
	firmware/image.py $(FW)/mpnic-fw.body $@
	@$(RV)size $< | awk 'NR == 2 { printf "firmware: %d bytes of code and constants, %d of RAM in all (61376 with 4096 for the stack)\n", \
		$$1 + $$2, $$4 }'

$(FW)/mpnic-boot.bin: $(FW)/mpnic-boot.elf
	$(RV)objcopy -O binary $< $@

$(FW_ROM): $(FW)/mpnic-boot.bin $(FW)/mpnic-boot.elf firmware/image.py
	firmware/image.py --hex $< $@
	@$(RV)size $(FW)/mpnic-boot.elf | awk 'NR == 2 { printf "boot: %d bytes of ROM (4096)\n", $$1 }'

# For the simulated core: its ROM is filled before power comes up.
$(FW_ROM_C): $(FW)/mpnic-boot.bin firmware/image.py
	firmware/image.py --c $< $@
