# SPDX-License-Identifier: BSD-3-Clause
# mpnic: build, run and check everything. `make help` lists the targets; each part has its own .mk.

B := build
CC := gcc
CXX := g++
CLANG := clang
PREFIX ?= /usr/local
ENGINE ?= model
RUN_NEEDS = $(B)/sim/mpnic-sim $(MPNICD) $(MPNICCTL) $(PEER_PROGRAMS)
MPNIC_PCAPS ?= ../shared/pcaps
export MPNIC_PCAPS

WARN := -Wall -Wextra -Werror -Wshadow
CFLAGS := -std=gnu11 -O2 -g $(WARN) -Wstrict-prototypes -Wmissing-prototypes
CXXFLAGS := -std=c++17 -O2 -g $(WARN)
CPPFLAGS := -Ihw/regs/generated -Ihw/model -Ifirmware -Isim -Ihost/proto
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
RUN := tests/run.sh

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all help run test bench lint fuzz formal synth soak install regs clean
.DEFAULT_GOAL := all

# Lists that the parts add their targets to.
ALL_TARGETS :=
TEST_TARGETS :=
TEST_EARLY :=
BENCH_TARGETS :=
LINT_TARGETS := lint-regs lint-format lint-cppcheck lint-shell
FUZZ_TARGETS :=
FORMAL_TARGETS :=
SYNTH_TARGETS :=
SOAK_TARGETS :=
INSTALL_TARGETS :=
CPPCHECK_FILES := $(shell git ls-files 'hw/*.c' 'firmware/*.c' 'host/*.c' 'sim/*.c' ':!hw/regs/generated')

# Objects: plain, and with sanitizers.
$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(B)/san/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(SANFLAGS) -MMD -MP -c $< -o $@

include $(wildcard hw/*/*.mk firmware/*.mk sim/*.mk driver/*/*.mk host/*.mk host/*/*.mk tests/*/*.mk)
-include $(shell test ! -d $(B) || find $(B) -name '*.d' 2>/dev/null)

all: ## build everything (what is missing on the machine is named by `make setup-build`)
all: $(ALL_TARGETS)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' \
		Makefile $(filter %.mk,$(MAKEFILE_LIST))
	@echo "Settings: B=$(B) PREFIX=$(PREFIX) ENGINE=$(ENGINE) MPNIC_PCAPS=$(MPNIC_PCAPS) FUZZ_SECONDS SOAK_SECONDS MPNIC_TRIXIE"

run: ## install what is missing, build, and run a Linux host behind a simulated card (ENGINE=model|rtl)
run: setup-build
	@./setup.sh run || true
	@$(MAKE) --no-print-directory $(RUN_NEEDS)
	@sim/run.py --engine $(ENGINE); code=$$?; [ $$code = 77 ] || exit $$code; \
		echo "run: so it replays captures through RTL and C model instead"; \
		$(B)/sim/mpnic-sim replay $(sort $(wildcard tests/captures/*.pcap tests/captures/*.pcapng))

test: ## install what is missing, build, and run all tests
# The longest first, so that none runs alone at the end; what it is made of before all else (what
# cannot be built there fails once more, and counts, below).
TEST_FIRST := test-replay test-pipeline test-driver-rtl test-device-twins test-device-rtl
test: setup-test
	@rm -rf $(B)/results
	@$(MAKE) --no-print-directory -k -j$(shell nproc) --output-sync=target $(TEST_EARLY) || true
	@$(MAKE) --no-print-directory -k -j$(shell nproc) --output-sync=target \
		$(filter $(TEST_TARGETS),$(TEST_FIRST)) $(filter-out $(TEST_FIRST),$(TEST_TARGETS)); made=$$?; \
	$(RUN) --summary && { [ $$made = 0 ] || \
		{ echo "make test: some tests could not be built; see '***' above" >&2; false; }; }

bench: ## measure: C model, RTL simulation, beside their peers and bounds
bench: setup-test
	@$(MAKE) --no-print-directory $(BENCH_TARGETS)

lint: ## formatting, static analysis, Verilator and Yosys on the RTL, generated files
lint: setup-lint
	@$(MAKE) --no-print-directory $(LINT_TARGETS)

fuzz: ## longer random campaigns (FUZZ_SECONDS each, default 60)
fuzz: setup-test
	@$(MAKE) --no-print-directory $(FUZZ_TARGETS)

formal: ## all proofs (hw/formal)
formal: setup-test
	@$(MAKE) --no-print-directory $(FORMAL_TARGETS)

synth: ## area, levels and placed clocks; renews docs/performance.md (several hours)
synth: setup-synth
	@$(MAKE) --no-print-directory $(SYNTH_TARGETS)

soak: ## lock-step and generated conversations for SOAK_SECONDS (default 600) with fresh seeds
soak: setup-test
	@$(MAKE) --no-print-directory $(SOAK_TARGETS)

install: ## install the programs, the libraries and their headers below PREFIX (DESTDIR respected)
install: all $(INSTALL_TARGETS)
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(B)/sim/mpnic-sim $(B)/sim/mpnic-sim-trace
	install -D -m 644 $(B)/model/libmpnic_model.a $(DESTDIR)$(PREFIX)/lib/libmpnic_model.a
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/include/mpnic hw/model/mpnic_model.h \
		hw/model/mpnic_state.h hw/model/mpnic_encode.h hw/regs/generated/mpnic_regs.h

regs: ## renew the generated files after a change of hw/regs/*.toml
	hw/regs/generate.py

clean: ## remove everything that was built
	rm -rf $(B)

setup-%:
	@./setup.sh $*

.PHONY: lint-regs lint-format lint-cppcheck lint-shell test-lint
C_FILES := $(shell git ls-files '*.c' '*.h' '*.cc' ':!hw/regs/generated')

lint-regs:
	hw/regs/generate.py --check

lint-format:
	clang-format-14 --dry-run -Werror $(C_FILES)

lint-cppcheck:
	cppcheck --quiet --std=c11 --language=c --enable=warning,performance,portability --inline-suppr \
		--error-exitcode=1 --suppress=missingIncludeSystem $(CPPFLAGS) \
		$(CPPCHECK_FILES)

lint-shell:
	shellcheck $(shell git ls-files '*.sh') .ci/run

TEST_TARGETS += test-lint
test-lint:
	@$(RUN) lint $(MAKE) --no-print-directory $(LINT_TARGETS)
