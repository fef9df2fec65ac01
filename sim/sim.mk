# SPDX-License-Identifier: BSD-3-Clause
# The simulator's program: $(B)/sim/mpnic-sim, and its twin that writes waveforms, which it starts
# for --trace. $(B)/sim-san/mpnic-sim has sanitizers in all that reads files.

# Libraries of their own: the vfio-user server (needs -ljansson -lpthread), wire ports.
SIM_VFU_NAMES := vfio_user vfu_link vfu_msg vfu_dma vfu_irq safe_copy unix_path
SIM_WIRE_NAMES := wire wire_tap wire_pcap wire_unix unix_path capture pcapng
SIM_NAMES := $(sort main replay track control tables mpcrypto engine totals text fields reading \
	difference report json progress serve card card_bus card_command pci_config wire_fault \
	$(SIM_VFU_NAMES) $(SIM_WIRE_NAMES))
SIM_OBJS := $(SIM_NAMES:%=$(B)/obj/sim/%.o)
SIM_SAN_OBJS := $(SIM_NAMES:%=$(B)/san/sim/%.o)
SIM_LIBS := -ljansson -lcrypto

ALL_TARGETS += $(B)/sim/mpnic-sim $(B)/sim/mpnic-sim-trace

$(B)/sim/mpnic-sim: $(SIM_OBJS) $(B)/pipeline/librtl_engine.a $(MODEL_LIB) $(FW_LIB)
	@mkdir -p $(@D)
	$(CXX) $^ -o $@ $(SIM_LIBS) $(RTL_LIBS)

$(B)/sim/mpnic-sim-trace: $(SIM_OBJS) $(B)/pipeline-trace/librtl_engine.a $(MODEL_LIB) $(FW_LIB)
	@mkdir -p $(@D)
	$(CXX) $^ -o $@ $(SIM_LIBS) $(RTL_LIBS)

$(B)/sim-san/mpnic-sim: $(SIM_SAN_OBJS) $(B)/pipeline/librtl_engine.a $(MODEL_SAN_LIB) $(FW_SAN_LIB)
	@mkdir -p $(@D)
	$(CXX) $(SANFLAGS) $^ -o $@ $(SIM_LIBS) $(RTL_LIBS)
