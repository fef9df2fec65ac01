# SPDX-License-Identifier: BSD-3-Clause
# The RTL's table and its hash beside the C model's: long keys, a small table, short keys.

TABLE := $(B)/table
TABLE_SV := $(RTL_PKGS) $(patsubst %,hw/rtl/mpnic_%.sv,delay hash mix table toeplitz toeplitz_key) \
	tests/table/table_bench.sv
TABLE_OBJS := $(B)/obj/tests/table/drive.o $(MODEL_LIB)

# $(call table_bench,name,key width,entries,puts)
table_bench = $(eval $(call rtl_bench,$(TABLE)/$(1)/drive,$(TABLE)/$(1),table_bench,$(TABLE_SV),\
	-GKEY_W=$(2) -GENTRIES=$(3) -GPUT=$(4) --x-assign unique --x-initial unique,\
	tests/table/bench.cc,$(TABLE_OBJS),-DKEY_W=$(2) -DENTRIES=$(3) -DPUT=$(4)))
$(call table_bench,flow,320,4096,0)
$(call table_bench,small,320,64,0)
$(call table_bench,token,32,4096,0)
$(call table_bench,stash,320,64,1)

TEST_TARGETS += test-table
.PHONY: test-table
test-table: $(patsubst %,$(TABLE)/%/drive,flow small token stash)
	@$(RUN) table-can-fail $(TABLE)/small/drive --faults
	@$(RUN) table-flow $(TABLE)/flow/drive 30 1
	@$(RUN) table-small $(TABLE)/small/drive 200 1
	@$(RUN) table-token $(TABLE)/token/drive 30 1
	@$(RUN) table-stash $(TABLE)/stash/drive 120 1

# Each alone, and in other sizes than the pipeline has.
LINT_TARGETS += lint-table
.PHONY: lint-table
lint-table:
	for top in "mpnic_hash" "mpnic_hash -GW=160" "mpnic_hash -GW=32" "mpnic_toeplitz_key" \
			"mpnic_toeplitz -GW=288 -GH=32" "mpnic_toeplitz_key -GCHUNK=5" \
			"mpnic_toeplitz -GW=144 -GFIRST=14" "mpnic_toeplitz -GCHUNK=5" \
			"mpnic_table" "mpnic_table -GENTRIES=256 -GKEY_W=32 -GVALUE_W=32" \
			"mpnic_table -GENTRIES=256 -GPUT=1"; do \
		$(VERILATOR) --lint-only -Wall --top-module $$top $(TABLE_SV) || exit 1; \
	done
	for top in mpnic_hash mpnic_toeplitz_key mpnic_table; do \
		yosys -q -p 'read_verilog -sv $(TABLE_SV)' \
			-p "hierarchy -check -top $$top; proc; check -assert" || exit 1; \
	done
