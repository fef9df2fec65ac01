# SPDX-License-Identifier: BSD-3-Clause
# The control plane as one.

TEST_TARGETS += test-plane
.PHONY: test-plane

$(B)/tests/host-plane: $(B)/san/tests/host/test_plane.o $(HOST_SAN_LIB) $(MODEL_SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lcriterion -lcrypto

test-plane: $(B)/tests/host-plane
	@$(RUN) plane timeout 120 $<
