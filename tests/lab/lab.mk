# SPDX-License-Identifier: BSD-3-Clause
# The lab: a host and peers in network namespaces. Needs root; skipped, with the reason, elsewhere.

TEST_TARGETS += test-lab
.PHONY: test-lab

test-lab: $(B)/peers/v0peer $(B)/peers/v0client $(B)/peers/pathbox
	@$(RUN) lab timeout -k 5 180 tests/lab/test_lab.py
