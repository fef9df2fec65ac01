/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulated card as another process, for tests and benches of the driver. */
#ifndef TESTS_DRIVER_CARD_H
#define TESTS_DRIVER_CARD_H

#include <stdint.h>
#include <sys/types.h>

/* Start argv[0] with these arguments and wait until the file @ready is there, which it makes last.
 * Returns its process, or -1 after 20 s, or if it cannot be started. */
pid_t card_start(char *const argv[], const char *ready);

uint64_t now_ms(void);

#endif
