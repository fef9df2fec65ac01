/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stream behind its data sequence numbers: bytes come in any order and any number of times, and
 * leave in order, into a hash. What lies more than WINDOW bytes ahead of the first missing byte is
 * refused, so that memory is bounded whatever comes.
 */
#ifndef WINDOW_H
#define WINDOW_H

#include <openssl/evp.h>
#include <stdint.h>

#define WINDOW                                                                             \
	(16u << 20) /* more than Linux lets a peer send ahead by default (tcp_rmem: 6 MiB) \
		     */

struct window {
	uint64_t next;	   /* number of the first byte that is missing */
	uint64_t bytes;	   /* that left in order */
	uint64_t repeated; /* that had come before; the first ones count */
	EVP_MD_CTX *hash;
	uint8_t data[WINDOW], there[WINDOW]; /* a ring; there: 1 where data has a byte */
};

/* Empty, from data sequence number @next on. NULL: out of memory. */
struct window *window_new(uint64_t next);
/* Returns how many of the bytes are new, or -1: some lie beyond the window, none was taken. */
int64_t window_put(struct window *w, uint64_t dsn, const uint8_t *data, uint32_t len);
/* SHA-256 of what left, in hexadecimal. Nothing may be put any more. */
#define WINDOW_HASH_LEN (2 * 32 + 1)
void window_hash(struct window *w, char hex[WINDOW_HASH_LEN]);
void window_free(struct window *w);

#endif
