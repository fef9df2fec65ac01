# SPDX-License-Identifier: BSD-3-Clause
# Area, depth and clock of the RTL, and the page that tells them (docs/performance.md).

SYNTH := $(B)/synth
SYNTH_STAGES := mpnic_parse mpnic_tcpopt mpnic_mptcp mpnic_csum
SYNTH_SOURCES := -Ihw/regs/generated $(RTL_SV)
SYNTH_SCRIPTS := hw/synth/measure.py hw/synth/netlist.py
SYNTH_NETLIST_CLOCKS := 100000
SYNTH_XCUP := $(patsubst %,$(SYNTH)/xcup-%.json,$(SYNTH_STAGES) mpnic_window mpnic_stateless) \
	$(SYNTH)/parts-mpnic_stateless.json
SYNTH_ECP5 := $(patsubst %,$(SYNTH)/ecp5-%.json,$(SYNTH_STAGES) mpnic_stateless)

SYNTH_TARGETS += synth-xcup synth-ecp5 synth-netlist synth-report
.PHONY: synth-xcup synth-ecp5 synth-netlist synth-report

synth-xcup:
	@$(MAKE) --no-print-directory -j$(shell nproc) $(SYNTH_XCUP)

synth-ecp5:
	@hw/synth/ecp5-root.sh
	@$(MAKE) --no-print-directory -j$(shell nproc) $(SYNTH_ECP5)

$(SYNTH_XCUP) $(SYNTH_ECP5): $(RTL_SV) hw/regs/generated/mpnic_records.svh $(SYNTH_SCRIPTS)
$(SYNTH_ECP5): hw/synth/wrap.py hw/synth/ecp5-root.sh

$(SYNTH)/xcup-%.json:
	@hw/synth/measure.py xcup $* $(@D) $(SYNTH_SOURCES)

$(SYNTH)/parts-%.json:
	@hw/synth/measure.py parts $* $(@D) $(SYNTH_SOURCES)

$(SYNTH)/ecp5-%.json:
	@hw/synth/measure.py ecp5 $* $(@D) $(SYNTH_SOURCES)

# The pipeline's netlist in the place of its RTL, behind the same engine: frames, records and clocks
# must be the same, and the records the C model's.
YOSYS_CELLS = $(dir $(shell command -v yosys))../share/yosys/xilinx/cells_sim.v

$(SYNTH)/engine/Vmpnic_stateless.mk: $(SYNTH)/xcup-mpnic_stateless.json
	@mkdir -p $(@D)
	$(VERILATOR) $(RTL_VFLAGS) $(RTL_FAST) -Wno-lint -Wno-style -Wno-UNOPTFLAT -Wno-INITIALDLY \
		--Mdir $(@D) \
		$(SYNTH)/xcup-mpnic_stateless/abc.v $(YOSYS_CELLS)
$(eval $(call rtl_engine_lib,synth/engine,,-O1,verilated.o verilated_threads.o))

SYNTH_TEST_OBJS := $(B)/obj/hw/synth/netlist_test.o $(B)/obj/sim/gen.o
$(SYNTH)/netlist_test-%: $(SYNTH_TEST_OBJS) $(B)/model/libmpnic_model.a
	@mkdir -p $(@D)
	$(CC) $^ $(RTL_LIBS) -o $@
$(SYNTH)/netlist_test-rtl: $(B)/rtl/librtl_engine.a
$(SYNTH)/netlist_test-netlist: $(SYNTH)/engine/librtl_engine.a

$(SYNTH)/netlist_test-%.json: $(SYNTH)/netlist_test-%
	$< $(SYNTH_NETLIST_CLOCKS) 1 >$@

$(SYNTH)/netlist.json: $(SYNTH)/netlist_test-rtl.json $(SYNTH)/netlist_test-netlist.json
	cmp $^
	cp $< $@

synth-netlist: $(SYNTH)/netlist.json
	@echo "synth-netlist: the netlist did what the RTL does: $$(cat $<)"

$(SYNTH)/timing: $(B)/obj/hw/synth/timing.o $(B)/rtl/librtl_engine.a
	@mkdir -p $(@D)
	$(CC) $^ $(RTL_LIBS) -o $@

$(SYNTH)/timing.json: $(SYNTH)/timing
	$< $@

synth-report: $(SYNTH)/timing.json $(SYNTH)/netlist.json
	hw/synth/report.py $(SYNTH) docs/performance.md docs/performance.csv $(SYNTH_SOURCES)
