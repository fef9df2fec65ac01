/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What MPTCP derives from its keys (RFC 6824 and RFC 8684, 3.1, 3.2, 3.4.1). Version 0 uses SHA-1,
 * version 1 SHA-256. Keys and results are numbers whose most significant byte is first on the wire.
 */
#ifndef HOST_MPCRYPTO_H
#define HOST_MPCRYPTO_H

#include <stddef.h>
#include <stdint.h>

#define MPCRYPTO_JOIN_HMAC_LEN 20

/* Token (most significant 32 bits) and IDSN (least significant 64 bits of the key's hash). */
void mpcrypto_key(unsigned int version, uint64_t key, uint32_t *token, uint64_t *idsn);

/* Leftmost 160 bits of the HMAC of MP_JOIN, as its sender makes it. */
void mpcrypto_join(unsigned int version, uint64_t sender_key, uint64_t receiver_key,
		   uint32_t sender_nonce, uint32_t receiver_nonce,
		   uint8_t hmac[MPCRYPTO_JOIN_HMAC_LEN]);

/* Rightmost 64 bits of the HMAC of ADD_ADDR (version 1). addr_len: 4 or 16; port 0: none. */
uint64_t mpcrypto_add_addr(uint64_t sender_key, uint64_t receiver_key, uint8_t id,
			   const uint8_t *addr, size_t addr_len, uint16_t port);

#endif
