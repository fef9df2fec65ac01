/* SPDX-License-Identifier: BSD-3-Clause */
/* The data that is fetched and sent: byte i of it depends on i alone. */
#ifndef PEERS_PATTERN_H
#define PEERS_PATTERN_H

#include <stdint.h>

static inline uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 17 + (i >> 16));
}

#endif
