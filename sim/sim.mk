# SPDX-License-Identifier: BSD-3-Clause
# The simulator's program: $(B)/sim/mpnic-sim, and its twin that writes waveforms, which it starts
# for --trace. $(B)/sim-san/mpnic-sim has sanitizers in all that reads files.

# Libraries of their own: the vfio-user server (needs -ljansson -lpthread), wire ports.
SIM_VFU_NAMES := vfio_user vfu_link vfu_msg vfu_dma vfu_irq safe_copy unix_path
SIM_WIRE_NAMES := wire wire_tap wire_pcap wire_unix unix_path capture pcapng
SIM_NAMES := $(sort main replay track control tables engine totals text fields reading \
	difference report json progress trace_twin serve card card_bus card_socket card_local card_command card_engine model_engine pci_config wire_fault \
	$(SIM_VFU_NAMES) $(SIM_WIRE_NAMES))
SIM_OBJS := $(SIM_NAMES:%=$(B)/obj/sim/%.o) $(B)/obj/host/proto/mpcrypto.o
SIM_SAN_OBJS := $(SIM_NAMES:%=$(B)/san/sim/%.o) $(B)/san/host/proto/mpcrypto.o
SIM_LIBS := -ljansson -lcrypto

ALL_TARGETS += $(B)/sim/mpnic-sim $(B)/sim/mpnic-sim-trace

$(B)/sim/mpnic-sim: $(SIM_OBJS) $(B)/pipeline/librtl_engine.a $(B)/device-rtl/librtl_engine.a $(MODEL_LIB) $(FW_LIB)
	@mkdir -p $(@D)
	$(CXX) $^ -o $@ $(SIM_LIBS) $(RTL_LIBS)

$(B)/sim/mpnic-sim-trace: $(SIM_OBJS) $(B)/pipeline-trace/librtl_engine.a \
		$(B)/device-rtl-trace/librtl_engine.a $(MODEL_LIB) $(FW_LIB)
	@mkdir -p $(@D)
	$(CXX) $^ -o $@ $(SIM_LIBS) $(RTL_LIBS)

$(B)/sim-san/mpnic-sim: $(SIM_SAN_OBJS) $(B)/pipeline/librtl_engine.a $(B)/device-rtl/librtl_engine.a \
		$(MODEL_SAN_LIB) $(FW_SAN_LIB)
	@mkdir -p $(@D)
	$(CXX) $(SANFLAGS) $^ -o $@ $(SIM_LIBS) $(RTL_LIBS)

# The device in RTL behind sim/device_engine.h, with tables of the sizes given.
# $(call device_engine,directory,sizes as NAME=N,Verilator's flags,macros[,run time[,flags of hot code]])
DEVICE_SIZES := FLOWS=65536 STASH=256 CONNS=65536 TOKENS=65536 PEERS=4096
define device_engine
$(eval $(call rtl_engine,$(1),$(2:%=-G%) hw/rtl/device.vlt,$(3),$(4) $(2:%=-DDEVICE_%) -Ihw/model -I$(FW),\
	$(or $(6),$(RTL_OPT)),$(5),mpnic_device,device_engine))
$(B)/$(1)/Vmpnic_device.mk: hw/rtl/device.vlt sim/sim.mk
$(B)/$(1)/librtl_engine.a: $(FW_ROM_C)
endef
$(eval $(call device_engine,device-rtl,$(DEVICE_SIZES),$(RTL_FAST)))
# Buses of data are wider than what is traced by default. In two pieces, what runs in each clock and
# what does not, it is compiled in half of the time, for the headers are large.
DEVICE_TRACE := $(B)/device-rtl-trace
$(eval $(call device_engine,device-rtl-trace,$(DEVICE_SIZES),\
	--assert --x-assign fast --x-initial fast --trace-fst --trace-structs --trace-max-width 1024,\
	-DRTL_TRACE=1,verilated_fst_c.o,-O1))
$(DEVICE_TRACE)/librtl_engine.a: $(DEVICE_TRACE)/hot.cpp
$(DEVICE_TRACE)/librtl_engine.a: RTL_MAKEFLAGS := VM_CLASSES_FAST=hot VM_SUPPORT_FAST= \
	VM_CLASSES_SLOW=cold VM_SUPPORT_SLOW=
$(DEVICE_TRACE)/hot.cpp: $(DEVICE_TRACE)/Vmpnic_device.mk
	cd $(@D) && rm -f hot.cpp cold.cpp && awk '/^VM_.*_FAST/ { piece = "hot.cpp" } \
		/^VM_.*_SLOW/ { piece = "cold.cpp" } /^\tV/ { print "#include \"" $$1 ".cpp\"" > piece }' \
		Vmpnic_device_classes.mk
