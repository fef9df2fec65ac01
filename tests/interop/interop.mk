# SPDX-License-Identifier: BSD-3-Clause
# The second opinion: tshark's reading of captures and of generated packets beside the model's.

INTEROP_RECORDS := $(B)/interop/records

$(INTEROP_RECORDS): tests/interop/records.c $(B)/model/libmpnic_model.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $^

TEST_TARGETS += test-tshark test-live
.PHONY: test-tshark test-live

test-tshark: $(INTEROP_RECORDS)
	@$(RUN) tshark tests/interop/compare.py --program $(INTEROP_RECORDS) \
		--captures tests/captures --captures $(MPNIC_PCAPS) --forms 10 --all-rules --self-test

test-live: $(INTEROP_RECORDS)
	@$(RUN) live tests/interop/live.sh $(INTEROP_RECORDS) $(B)/live
