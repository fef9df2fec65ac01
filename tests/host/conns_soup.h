/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets, events and time by the bytes of an input, for the property tests and the fuzz target. */
#ifndef TESTS_HOST_CONNS_SOUP_H
#define TESTS_HOST_CONNS_SOUP_H

#include <stddef.h>
#include <stdint.h>

struct conns;

/* Runs an input; abort() with a message where something that must hold does not. */
void conns_soup(const uint8_t *data, size_t size);

/* What must hold of the tables at any time. */
void conns_check(struct conns *conns);

#endif
