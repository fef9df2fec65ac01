# SPDX-License-Identifier: BSD-3-Clause
# mpnic-tool: $(B)/tool/mpnic-tool, and a sanitized twin in $(B)/tool-san. It alone links libpci (GPL-2+).

TOOL_SRCS := $(wildcard driver/tool/*.c)
TOOL_LIBS := -ljansson -lpci -pthread

ALL_TARGETS += $(B)/tool/mpnic-tool
INSTALL_TARGETS += install-tool
CPPCHECK_FILES += $(TOOL_SRCS)

$(B)/tool/mpnic-tool: $(TOOL_SRCS:%.c=$(B)/obj/%.o) $(LIB)
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(TOOL_LIBS)

$(B)/tool-san/mpnic-tool: $(TOOL_SRCS:%.c=$(B)/san/%.o) $(LIB_SAN)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) -o $@ $^ $(TOOL_LIBS)

.PHONY: install-tool
install-tool: $(B)/tool/mpnic-tool
	install -D -m 755 $< $(DESTDIR)$(PREFIX)/bin/mpnic-tool
