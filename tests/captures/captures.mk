# SPDX-License-Identifier: BSD-3-Clause
# Captures: committed, so that replay needs no root; this makes them anew.

.PHONY: captures
captures: ## make tests/captures anew with the local kernel (root; renews its README.md)
	tests/captures/make.py
