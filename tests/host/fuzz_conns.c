/* SPDX-License-Identifier: BSD-3-Clause */
/* libFuzzer target over the connection tracker: packets, events, time and trouble by the input. */
#include "conns_soup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	conns_soup(data, size);
	return 0;
}
