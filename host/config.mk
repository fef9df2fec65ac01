# SPDX-License-Identifier: BSD-3-Clause
# The reader of mpnicd's configuration file, over libconfig.

CPPFLAGS += -Ihost/config
CONFIG_SRCS := $(wildcard host/config/*.c)
CONFIG_LIBS := -lconfig
