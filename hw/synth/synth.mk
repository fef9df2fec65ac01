# SPDX-License-Identifier: BSD-3-Clause
# Area, depth and clock of the RTL, and the page that tells them (docs/performance.md).

SYNTH := $(B)/synth
SYNTH_STAGES := mpnic_parse mpnic_tcpopt mpnic_mptcp mpnic_csum
SYNTH_SOURCES := -Ihw/regs/generated $(RTL_SV)
SYNTH_SCRIPTS := hw/synth/measure.py hw/synth/netlist.py hw/synth/box.v
SYNTH_NETLIST_CLOCKS := 100000
# The whole pipeline: with its tables of 65,536 entries, and with tables that fit an ECP5.
SYNTH_WHOLE := mpnic_flow mpnic_dss mpnic_act mpnic_deparse mpnic_pipeline
SYNTH_SMALL := -PFLOWS=1024 -PSTASH=16 -PCONNS=1024 -PTOKENS=1024 -PPEERS=64 -PEVENTS=16

SYNTH_XCUP := $(patsubst %,$(SYNTH)/xcup-%.json,$(SYNTH_STAGES) mpnic_window mpnic_stateless) \
	$(patsubst %,$(SYNTH)/abc-%.json,$(SYNTH_WHOLE)) $(SYNTH)/state-mpnic_pipeline.json \
	$(patsubst %,$(SYNTH)/parts-%.json,mpnic_stateless mpnic_pipeline)
SYNTH_ECP5 := $(patsubst %,$(SYNTH)/ecp5-%.json,$(SYNTH_STAGES) mpnic_stateless mpnic_pipeline)

# What stands around the pipeline (docs/device-rtl.md).
SYNTH_DEVICE_PARTS := $(addprefix mpnic_,cpu fw regs admin events irq port_stats axi_guard dma_read dma_write \
	rx tx fill port_rx port_tx)
SYNTH_DEVICE := $(SYNTH_DEVICE_PARTS:%=$(SYNTH)/abc-%.json)

# The page comes before the verdict on the netlist: it tells that too.
SYNTH_TARGETS += synth-xcup synth-ecp5 synth-report synth-netlist synth-device
.PHONY: synth-xcup synth-ecp5 synth-netlist synth-report synth-device

synth-device:
	@$(MAKE) --no-print-directory -j$(shell nproc) $(SYNTH_DEVICE)
	@hw/synth/device.py $(SYNTH) $(SYNTH_DEVICE_PARTS)

synth-xcup:
	@$(MAKE) --no-print-directory -j$(shell nproc) $(SYNTH_XCUP)

synth-ecp5:
	@hw/synth/ecp5-root.sh
	@$(MAKE) --no-print-directory -j$(shell nproc) $(SYNTH_ECP5)

$(SYNTH_XCUP) $(SYNTH_ECP5) $(SYNTH_DEVICE): $(RTL_SV) hw/regs/generated/mpnic_records.svh $(SYNTH_SCRIPTS)
$(SYNTH_ECP5): hw/synth/wrap.py hw/synth/ecp5-root.sh
$(SYNTH)/ecp5-mpnic_pipeline.json: SYNTH_SOURCES += $(SYNTH_SMALL)

# What is measured is the first word of the name.
$(SYNTH_XCUP) $(SYNTH_ECP5) $(SYNTH_DEVICE): $(SYNTH)/%.json:
	@hw/synth/measure.py $(subst -, ,$*) $(@D) $(SYNTH_SOURCES)

# The netlist of the stateless half in the place of its RTL, behind the same engine: frames, records and
# clocks must be the same, and the records the C model's. What simulates it is ours (cells.h), from the
# file whose cells are counted: Verilator 5.006 takes Yosys' Verilog and cells_sim.v, but makes a wrong tlast of
# the same netlist after 428 clocks, and some minutes of compiling. It passes with abc9's netlist.
$(SYNTH)/engine/mpnic_stateless.cells: $(SYNTH)/xcup-mpnic_stateless.json hw/synth/cells.py
	@mkdir -p $(@D)
	hw/synth/cells.py netlist $(<:.json=)/abc.json mpnic_stateless $@ $(@D)/Vmpnic_stateless.h

# Verilator's run time is that of the RTL.
$(SYNTH)/engine/librtl_engine.a: $(SYNTH)/engine/mpnic_stateless.cells $(B)/rtl/librtl_engine.a \
		hw/synth/cells.cc hw/synth/cells.h sim/rtl_engine.cc
	for file in hw/synth/cells.cc sim/rtl_engine.cc; do \
		$(CXX) $(RTL_CXXFLAGS) -Isim -Ihw/regs/generated -Ihw/synth -I$(@D) \
			-isystem $$($(VERILATOR) --getenv VERILATOR_ROOT)/include \
			-c $$file -o $(@D)/$$(basename $$file .cc).o || exit 1; \
	done
	rm -f $@
	$(AR) rcs $@ $(@D)/rtl_engine.o $(@D)/cells.o $(B)/rtl/verilated.o $(B)/rtl/verilated_threads.o

SYNTH_TEST_OBJS := $(B)/obj/hw/synth/netlist_test.o $(B)/obj/sim/gen.o
$(SYNTH)/netlist_test-%: $(SYNTH_TEST_OBJS) $(B)/model/libmpnic_model.a
	@mkdir -p $(@D)
	$(CC) $^ $(RTL_LIBS) -o $@
$(SYNTH)/netlist_test-rtl: $(B)/rtl/librtl_engine.a
$(SYNTH)/netlist_test-netlist: $(SYNTH)/engine/librtl_engine.a

# A failure is a result: it goes to the page, and synth-netlist tells it.
$(SYNTH)/netlist_test-%.json: $(SYNTH)/netlist_test-%
	MPNIC_CELLS=$(SYNTH)/engine/mpnic_stateless.cells $< $(SYNTH_NETLIST_CLOCKS) 1 >$@ 2>$(@:.json=.log) || \
		printf '{"failed": "%s"}\n' "$$(tail -n 1 $(@:.json=.log) | tr -d '"\\')" >$@

# And it must not do with a netlist that is not right.
$(SYNTH)/netlist_faults.json: $(SYNTH)/netlist_test-netlist hw/synth/faults.py
	hw/synth/faults.py $< $(SYNTH)/engine/mpnic_stateless.cells $(SYNTH)/engine >$@ 2>$(@:.json=.log) || \
		printf '{"failed": "%s"}\n' "$$(tail -n 1 $(@:.json=.log) | tr -d '"\\')" >$@

SYNTH_NETLIST := $(SYNTH)/netlist_test-rtl.json $(SYNTH)/netlist_test-netlist.json
synth-netlist: $(SYNTH_NETLIST) $(SYNTH)/netlist_faults.json
	@! cat $^ | grep failed
	@cmp $(SYNTH_NETLIST)
	@echo "synth-netlist: the netlist did what the RTL does: $$(cat $<); faults: $$(cat $(SYNTH)/netlist_faults.json)"

$(SYNTH)/timing: $(B)/obj/hw/synth/timing.o $(B)/rtl/librtl_engine.a
	@mkdir -p $(@D)
	$(CC) $^ $(RTL_LIBS) -o $@

$(SYNTH)/timing.json: $(SYNTH)/timing
	$< $@

# What breaks a limit there is marked, and is a row of the page. (The tests' own names come later.)
$(SYNTH)/pipeline-timing.txt: $(B)/pipeline-test/timing
	$< >$@ || grep -q WRONG $@

synth-report: $(SYNTH)/timing.json $(SYNTH)/pipeline-timing.txt $(SYNTH_NETLIST) $(SYNTH)/netlist_faults.json
	hw/synth/report.py $(SYNTH) docs/performance.md docs/performance.csv $(SYNTH_SOURCES)
