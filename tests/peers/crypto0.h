/* SPDX-License-Identifier: BSD-3-Clause */
/* What MPTCP version 0 derives from keys (RFC 6824 3.1 and 3.2), with SHA-1. */
#ifndef PEERS_CRYPTO0_H
#define PEERS_CRYPTO0_H

#include <stdint.h>

#include "options.h"

uint32_t key_token(const uint8_t key[KEY_LEN]);
uint64_t key_idsn(const uint8_t key[KEY_LEN]);
/* HMAC-SHA1 of (first nonce, second nonce) with the key (first, second). */
void join_hmac(const uint8_t first[KEY_LEN], const uint8_t second[KEY_LEN], uint32_t nonce1,
	       uint32_t nonce2, uint8_t hmac[HMAC_LEN]);

#endif
