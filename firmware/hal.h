/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What firmware and boot stand on: the gates' registers (MPNIC_FW_* of mpnic_device_regs.h, offsets
 * from MPNIC_FW_BASE) and the processor's memory. On the NIC's core these are accesses to
 * addresses; natively they are the C model's, by the functions of struct hal.
 */
#ifndef MPNIC_FIRMWARE_HAL_H
#define MPNIC_FIRMWARE_HAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mpnic_device_regs.h"

/* A word of any record. */
typedef uint32_t hal_word __attribute__((may_alias));

/* Memory map: docs/firmware.md. */
enum {
	HAL_RAM_SIZE = 64 << 10,
	HAL_FW_RAM =
		60 << 10, /* of it: what an image may use, from address 0 on; the rest is boot's */
};

#ifdef __riscv

struct hal {
	uint32_t unused;
};

static inline uint32_t hal_read(const struct hal *hal, uint32_t off)
{
	(void)hal;
	return *(volatile uint32_t *)((uint32_t)MPNIC_FW_BASE + off);
}

static inline void hal_write(const struct hal *hal, uint32_t off, uint32_t value)
{
	(void)hal;
	*(volatile uint32_t *)((uint32_t)MPNIC_FW_BASE + off) = value;
}

static inline bool hal_reads_words(const struct hal *hal, uint32_t off, void *to,
				   unsigned int words)
{
	(void)hal;
	(void)off;
	(void)to;
	(void)words;
	return false;
}

static inline bool hal_writes_words(const struct hal *hal, uint32_t off, const void *from,
				    unsigned int words)
{
	(void)hal;
	(void)off;
	(void)from;
	(void)words;
	return false;
}

/* The processor's memory from address 0 on. Built with -fno-delete-null-pointer-checks. */
static inline uint8_t *hal_ram(const struct hal *hal)
{
	(void)hal;
	return (uint8_t *)0;
}

/* Start what was loaded; does not return. In crt of boot. */
void hal_run(const struct hal *hal, uint32_t entry) __attribute__((noreturn));

#else

/* All natively: owned by the caller, who keeps it as long as firmware or boot use it. */
struct hal {
	void *ctx;
	/* @off: a multiple of 4 below 4096. */
	uint32_t (*read)(void *ctx, uint32_t off);
	void (*write)(void *ctx, uint32_t off, uint32_t value);
	/* NULL, or the same as so many of these, word by word. */
	void (*read_words)(void *ctx, uint32_t off, void *to, unsigned int words);
	void (*write_words)(void *ctx, uint32_t off, const void *from, unsigned int words);
	/* Of boot alone: HAL_RAM_SIZE bytes that images are loaded to, aligned to 4. */
	uint8_t *ram;
	/* Of boot alone: an image was loaded and found good. Called from boot_poll(), which touches
	 * nothing behind it: the caller polls the firmware from then on. */
	void (*run)(void *ctx, uint32_t entry);
};

static inline uint32_t hal_read(const struct hal *hal, uint32_t off)
{
	return hal->read(hal->ctx, off);
}

static inline void hal_write(const struct hal *hal, uint32_t off, uint32_t value)
{
	hal->write(hal->ctx, off, value);
}

static inline bool hal_reads_words(const struct hal *hal, uint32_t off, void *to,
				   unsigned int words)
{
	if (hal->read_words)
		hal->read_words(hal->ctx, off, to, words);
	return hal->read_words;
}

static inline bool hal_writes_words(const struct hal *hal, uint32_t off, const void *from,
				    unsigned int words)
{
	if (hal->write_words)
		hal->write_words(hal->ctx, off, from, words);
	return hal->write_words;
}

static inline uint8_t *hal_ram(const struct hal *hal)
{
	return hal->ram;
}

static inline void hal_run(const struct hal *hal, uint32_t entry)
{
	hal->run(hal->ctx, entry);
}

#endif

static inline uint64_t hal_read64(const struct hal *hal, uint32_t off)
{
	const uint32_t low = hal_read(hal, off);

	return (uint64_t)hal_read(hal, off + 4) << 32 | low;
}

static inline void hal_write64(const struct hal *hal, uint32_t off, uint64_t value)
{
	hal_write(hal, off, (uint32_t)value);
	hal_write(hal, off + 4, (uint32_t)(value >> 32));
}

/* Records in windows, @words of 4 bytes each. @to, @from: aligned to 4. */
static inline void hal_read_words(const struct hal *hal, uint32_t off, void *to, unsigned int words)
{
	hal_word *p = (hal_word *)to;

	if (hal_reads_words(hal, off, to, words))
		return;
	for (; words >= 4; words -= 4, off += 16, p += 4) {
		p[0] = hal_read(hal, off);
		p[1] = hal_read(hal, off + 4);
		p[2] = hal_read(hal, off + 8);
		p[3] = hal_read(hal, off + 12);
	}
	for (; words; words--, off += 4)
		*p++ = hal_read(hal, off);
}

static inline void hal_clear_words(const struct hal *hal, uint32_t off, unsigned int words)
{
	for (; words; words--, off += 4)
		hal_write(hal, off, 0);
}

static inline void hal_write_words(const struct hal *hal, uint32_t off, const void *from,
				   unsigned int words)
{
	const hal_word *p = (const hal_word *)from;

	if (hal_writes_words(hal, off, from, words))
		return;
	for (; words >= 4; words -= 4, off += 16, p += 4) {
		hal_write(hal, off, p[0]);
		hal_write(hal, off + 4, p[1]);
		hal_write(hal, off + 8, p[2]);
		hal_write(hal, off + 12, p[3]);
	}
	for (; words; words--, off += 4)
		hal_write(hal, off, *p++);
}

#endif
