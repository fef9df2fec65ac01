# SPDX-License-Identifier: BSD-3-Clause
# The C model as a library: $(B)/model/libmpnic_model.a, and a sanitized twin in $(B)/model-san.

# The device around the pipeline needs firmware (firmware/firmware.mk): who links sources links MODEL_SRCS.
MODEL_DEVICE_SRCS := $(wildcard hw/model/device*.c)
MODEL_SRCS := $(filter-out $(MODEL_DEVICE_SRCS),$(wildcard hw/model/*.c hw/regs/generated/*.c))
MODEL_HDRS := $(wildcard hw/model/*.h hw/regs/generated/*.h firmware/*.h)
MODEL_OBJS := $(patsubst %.c,$(B)/model/%.o,$(notdir $(MODEL_SRCS) $(MODEL_DEVICE_SRCS)))
MODEL_SAN_OBJS := $(patsubst %.c,$(B)/model-san/%.o,$(notdir $(MODEL_SRCS) $(MODEL_DEVICE_SRCS)))
MODEL_LIB := $(B)/model/libmpnic_model.a
MODEL_SAN_LIB := $(B)/model-san/libmpnic_model.a

# The project's flags, but for the optimisation level: the model is the fast path.
MODEL_CFLAGS = $(filter-out -O%,$(CFLAGS)) -O3

ALL_TARGETS += $(MODEL_LIB)

$(B)/model/%.o: hw/model/%.c $(MODEL_HDRS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(MODEL_CFLAGS) -c -o $@ $<

$(B)/model/%.o: hw/regs/generated/%.c $(MODEL_HDRS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(MODEL_CFLAGS) -c -o $@ $<

$(B)/model-san/%.o: hw/model/%.c $(MODEL_HDRS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(SANFLAGS) -c -o $@ $<

$(B)/model-san/%.o: hw/regs/generated/%.c $(MODEL_HDRS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(SANFLAGS) -c -o $@ $<

$(MODEL_LIB): $(MODEL_OBJS)
	rm -f $@
	$(AR) rcs $@ $^

$(MODEL_SAN_LIB): $(MODEL_SAN_OBJS)
	rm -f $@
	$(AR) rcs $@ $^
