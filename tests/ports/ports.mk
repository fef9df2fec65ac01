# SPDX-License-Identifier: BSD-3-Clause
# The wire ports beside their rules, and broken twins of them.

PORTS := $(B)/ports
PORTS_PKGS := hw/regs/generated/mpnic_pkg.sv hw/regs/generated/mpnic_device_pkg.sv
PORTS_SV := $(PORTS_PKGS) hw/rtl/mpnic_frame_fifo.sv
PORTS_VFLAGS := --x-assign unique --x-initial unique

$(eval $(call rtl_bench,$(PORTS)/rx,$(PORTS)/rtl-rx,mpnic_port_rx,$(PORTS_SV) hw/rtl/mpnic_port_rx.sv,\
	$(PORTS_VFLAGS) -GPORT=1,tests/ports/rx.cc))
$(eval $(call rtl_bench,$(PORTS)/tx,$(PORTS)/rtl-tx,mpnic_port_tx,$(PORTS_SV) hw/rtl/mpnic_port_tx.sv,\
	$(PORTS_VFLAGS),tests/ports/tx.cc))

$(eval $(call rtl_twins,$(PORTS)/twins-rx,tests/ports/ports_rx_faults.py,port_rx frame_fifo))
$(eval $(call rtl_bench,$(PORTS)/rx-twins,$(PORTS)/twins-rx/rtl,mpnic_port_rx,\
	$(PORTS_PKGS) $(PORTS)/twins-rx/mpnic_frame_fifo.sv $(PORTS)/twins-rx/mpnic_port_rx.sv,\
	$(PORTS_VFLAGS) -GPORT=1,tests/ports/rx.cc))
$(eval $(call rtl_twins,$(PORTS)/twins-tx,tests/ports/ports_tx_faults.py,port_tx))
$(eval $(call rtl_bench,$(PORTS)/tx-twins,$(PORTS)/twins-tx/rtl,mpnic_port_tx,\
	$(PORTS_SV) $(PORTS)/twins-tx/mpnic_port_tx.sv,$(PORTS_VFLAGS),tests/ports/tx.cc))

TEST_TARGETS += test-ports
.PHONY: test-ports
test-ports: $(PORTS)/rx $(PORTS)/tx $(PORTS)/rx-twins $(PORTS)/tx-twins
	@$(RUN) port-rx $(PORTS)/rx --count 30000
	@$(RUN) port-tx $(PORTS)/tx --count 30000
	@$(RUN) port-rx-twins tests/rtl/twins.py run tests/ports/ports_rx_faults.py 10000 $(PORTS)/rx-twins
	@$(RUN) port-tx-twins tests/rtl/twins.py run tests/ports/ports_tx_faults.py 5000 $(PORTS)/tx-twins
