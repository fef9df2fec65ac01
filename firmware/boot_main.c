/* SPDX-License-Identifier: BSD-3-Clause */
/* Boot on the NIC's core: what its ROM does behind boot_start.S. */
#include "boot.h"
#include "util.h"

enum {
	AT_SP = sizeof(((struct mpnic_crash *)0)->at_sp),
	SP = 2, /* x2 */
};

static struct boot boot;
static const struct hal gates;

/* Registers at a trap, or at a reset: then they are what the core was left with. */
extern uint32_t boot_saved[32];

void boot_reset(void) __attribute__((noreturn));
void boot_trap(uint32_t cause, uint32_t pc, uint32_t value) __attribute__((noreturn));

static __attribute__((noreturn)) void serve(void)
{
	__asm__ volatile("csrw mie, %0" : : "r"(1u << 11 | 1u << 7));
	for (;;) {
		while (boot_poll(&boot))
			;
		__asm__ volatile("wfi");
	}
}

/* The stack may be anywhere: what is not in memory is zero. */
static void save(struct mpnic_crash *crash)
{
	const uint32_t sp = boot_saved[SP];

	memcpy(crash->x, boot_saved, sizeof(crash->x));
	if (!(sp % 4) && sp < HAL_RAM_SIZE)
		memcpy(crash->at_sp, hal_ram(&gates) + sp, min_u32(AT_SP, HAL_RAM_SIZE - sp));
}

void boot_reset(void)
{
	boot_start(&boot, &gates);
	if (boot.dead)
		save(&boot.crash);
	serve();
}

void boot_trap(uint32_t cause, uint32_t pc, uint32_t value)
{
	struct mpnic_crash crash = {.cause = cause, .pc = pc, .value = value};

	save(&crash);
	boot.hal = &gates;
	boot_crashed(&boot, &crash);
	serve();
}

void hal_run(const struct hal *hal, uint32_t entry)
{
	(void)hal;
	__asm__ volatile("jr %0" : : "r"(entry));
	__builtin_unreachable();
}
