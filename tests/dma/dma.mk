# SPDX-License-Identifier: BSD-3-Clause
# The DMA masters beside a memory that answers when and how it likes, and broken twins of them.

DMA := $(B)/dma
DMA_VFLAGS := --x-assign unique --x-initial unique
DMA_WRITE_SV := hw/rtl/mpnic_fifo.sv hw/rtl/mpnic_dma_write.sv

$(eval $(call rtl_bench,$(DMA)/read,$(DMA)/rtl-read,mpnic_dma_read,hw/rtl/mpnic_dma_read.sv,\
	$(DMA_VFLAGS) --assert,tests/dma/read.cc))
$(eval $(call rtl_bench,$(DMA)/write,$(DMA)/rtl-write,mpnic_dma_write,$(DMA_WRITE_SV),\
	$(DMA_VFLAGS) --assert,tests/dma/write.cc))

$(eval $(call rtl_twins,$(DMA)/twins-read,tests/dma/read_faults.py,dma_read))
$(eval $(call rtl_twins,$(DMA)/twins-write,tests/dma/write_faults.py,dma_write))
$(eval $(call rtl_bench,$(DMA)/read-twins,$(DMA)/twins-read/rtl,mpnic_dma_read,\
	$(DMA)/twins-read/mpnic_dma_read.sv,$(DMA_VFLAGS) --noassert,tests/dma/read.cc))
$(eval $(call rtl_bench,$(DMA)/write-twins,$(DMA)/twins-write/rtl,mpnic_dma_write,\
	hw/rtl/mpnic_fifo.sv $(DMA)/twins-write/mpnic_dma_write.sv,$(DMA_VFLAGS) --noassert,\
	tests/dma/write.cc))

TEST_TARGETS += test-dma
.PHONY: test-dma
test-dma: $(DMA)/read $(DMA)/write $(DMA)/read-twins $(DMA)/write-twins
	@$(RUN) dma-read $(DMA)/read
	@$(RUN) dma-write $(DMA)/write
	@$(RUN) dma-read-twins tests/rtl/twins.py run tests/dma/read_faults.py 120000 $(DMA)/read-twins
	@$(RUN) dma-write-twins tests/rtl/twins.py run tests/dma/write_faults.py 120000 \
		$(DMA)/write-twins
