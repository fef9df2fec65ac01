# SPDX-License-Identifier: BSD-3-Clause
# mpnicctl, the tool for mpnicd, and a sanitized twin.

MPNICCTL := $(B)/host/mpnicctl
MPNICCTL_SAN := $(B)/host-san/mpnicctl
MPNICCTL_SRCS := $(wildcard host/mpnicctl/*.c)

ALL_TARGETS += $(MPNICCTL)
INSTALL_TARGETS += install-mpnicctl

$(MPNICCTL): $(MPNICCTL_SRCS:%.c=$(B)/obj/%.o)
	@mkdir -p $(@D)
	$(CC) $^ -o $@ -ljansson

$(MPNICCTL_SAN): $(MPNICCTL_SRCS:%.c=$(B)/san/%.o)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -ljansson

.PHONY: install-mpnicctl
install-mpnicctl: $(MPNICCTL)
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(MPNICCTL)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 host/man/mpnicctl.1
	install -D -m 644 host/mpnicctl/mpnicctl.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/mpnicctl
