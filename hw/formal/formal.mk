# SPDX-License-Identifier: BSD-3-Clause
# The proofs (docs/formal.md): all of them, and those that are quick enough for `make test`.

FORMAL_TARGETS += formal-all
TEST_TARGETS += test-formal
.PHONY: formal-all test-formal

formal-all:
	hw/formal/prove.py $(B)/formal/all

test-formal:
	@$(RUN) formal hw/formal/prove.py --quick $(B)/formal/quick
