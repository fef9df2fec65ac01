# SPDX-License-Identifier: BSD-3-Clause
# mpnicd and mpnicctl with a simulated card, in the lab.

TEST_TARGETS += test-daemon test-run
DAEMON_NEEDS := $(B)/sim/mpnic-sim $(MPNICD) $(MPNICCTL) \
	$(patsubst %,$(B)/peers/%,v0peer v0client pathbox)
.PHONY: test-daemon test-run

# With sanitizers in mpnicd and its driver; without them test-run has both.
test-daemon: $(DAEMON_NEEDS) $(MPNICD_SAN) $(MPNICCTL_SAN)
	@$(RUN) daemon timeout 300 tests/daemon/test_daemon.py --san

# What `make run` shows.
test-run: $(DAEMON_NEEDS)
	@$(RUN) run timeout 300 sim/run.py
