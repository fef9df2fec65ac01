# SPDX-License-Identifier: BSD-3-Clause
# The processor beside its C model and beside QEMU (docs/cpu.md), and broken twins of it.

CPU := $(B)/cpu
CPU_SV := hw/rtl/mpnic_cpu.sv
CPU_VFLAGS := --x-assign unique --x-initial unique -GRETIRE=1 -GRESET_PC=0x80000000
CPU_OBJS := $(B)/model/rv32i.o $(B)/obj/tests/cpu/board.o
CPU_COUNT ?= 6000000
RISCV := riscv64-unknown-elf-
RISCV_FLAGS := -march=rv32i_zicsr -mabi=ilp32 -nostdlib -nostartfiles -static -Wa,--fatal-warnings \
	-Itests/cpu -Wl,-T,tests/cpu/link.ld -Wl,--no-warn-rwx-segments -Wl,--build-id=none
CPU_TESTS := $(patsubst tests/cpu/%.S,$(CPU)/%.elf,$(sort $(wildcard tests/cpu/*.S)))

$(CPU)/%.elf: tests/cpu/%.S tests/cpu/frame.inc tests/cpu/link.ld
	@mkdir -p $(@D)
	$(RISCV)gcc $(RISCV_FLAGS) $< -o $@

$(eval $(call rtl_bench,$(CPU)/run,$(CPU)/rtl,mpnic_cpu,$(CPU_SV),$(CPU_VFLAGS) --assert,\
	tests/cpu/run.cc,$(CPU_OBJS)))

CPU_IMAGE := $(CPU)/system/ram.hex
$(eval $(call rtl_bench,$(CPU)/run-system,$(CPU)/system,cpu_system,\
	$(CPU_SV) hw/rtl/mpnic_cpu_ram.sv tests/cpu/cpu_system.sv,\
	--x-assign unique --x-initial unique --assert '-GINIT="$(CPU_IMAGE)"',\
	tests/cpu/run.cc,$(CPU_OBJS),'-DRAM_IMAGE="$(CPU_IMAGE)"'))

$(B)/obj/tests/cpu/programs.o: tests/cpu/programs.cc tests/cpu/programs.h tests/rtl/random.h
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) -Itests/rtl -c $< -o $@
CPU_STEP_OBJS := $(B)/model/rv32i.o $(B)/obj/tests/cpu/programs.o
$(eval $(call rtl_bench,$(CPU)/cpu,$(CPU)/rtl-step,mpnic_cpu,$(CPU_SV),$(CPU_VFLAGS) --assert,\
	tests/cpu/cpu.cc,$(CPU_STEP_OBJS)))

# The twins: assertions off, so that it is the comparison that notices them.
$(eval $(call rtl_twins,$(CPU)/twins,tests/cpu/cpu_faults.py,cpu))
$(eval $(call rtl_bench,$(CPU)/cpu-twins,$(CPU)/twins/rtl,mpnic_cpu,$(CPU)/twins/mpnic_cpu.sv,\
	$(CPU_VFLAGS) --noassert,tests/cpu/cpu.cc,$(CPU_STEP_OBJS)))

TEST_TARGETS += test-cpu test-cpu-programs test-cpu-qemu
.PHONY: test-cpu test-cpu-programs test-cpu-qemu
test-cpu: $(CPU)/cpu $(CPU)/cpu-twins
	@$(RUN) cpu $< --count $(CPU_COUNT)
	@$(RUN) cpu-twins tests/rtl/twins.py run tests/cpu/cpu_faults.py 900000 $(CPU)/cpu-twins

test-cpu-programs: $(CPU)/run $(CPU)/run-system $(CPU_TESTS) $(CPU)/timing/clocks.elf
	@$(RUN) cpu-programs sh -c '$< model $(CPU_TESTS) && $< rtl $(CPU_TESTS) && \
		$< rtl --waits $(CPU_TESTS) && \
		$(CPU)/run-system rtl $(CPU_TESTS) $(CPU)/timing/clocks.elf'

test-cpu-qemu: $(CPU_TESTS)
	@$(RUN) cpu-qemu tests/cpu/qemu.sh $(CPU_TESTS)

LINT_TARGETS += lint-cpu
.PHONY: lint-cpu
lint-cpu:
	for retire in 0 1; do \
		$(VERILATOR) --lint-only -Wall "-GRETIRE=1'b$$retire" --top-module mpnic_cpu $(CPU_SV) || exit 1; \
	done
	$(VERILATOR) --lint-only -Wall --top-module mpnic_cpu_ram hw/rtl/mpnic_cpu_ram.sv
	yosys -q -p 'read_verilog -sv $(CPU_SV); hierarchy -check -top mpnic_cpu; proc; check -assert'
	yosys -q -p 'read_verilog -sv hw/rtl/mpnic_cpu_ram.sv' \
		-p 'hierarchy -check -top mpnic_cpu_ram; proc; check -assert'

SOAK_TARGETS += soak-cpu
.PHONY: soak-cpu
soak-cpu: $(CPU)/cpu
	end=$$(($$(date +%s) + $${SOAK_SECONDS:-600})); while [ $$(date +%s) -lt $$end ]; do \
		$< --count 5000000 --seed $$(date +%s%N) || exit 1; done
