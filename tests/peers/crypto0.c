/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto0.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t key_token(const uint8_t key[KEY_LEN])
{
	uint8_t hash[SHA_DIGEST_LENGTH];

	SHA1(key, KEY_LEN, hash);
	return get32(hash);
}

uint64_t key_idsn(const uint8_t key[KEY_LEN])
{
	uint8_t hash[SHA_DIGEST_LENGTH];

	SHA1(key, KEY_LEN, hash);
	return get64(hash + SHA_DIGEST_LENGTH - 8);
}

void join_hmac(const uint8_t first[KEY_LEN], const uint8_t second[KEY_LEN], uint32_t nonce1,
	       uint32_t nonce2, uint8_t hmac[HMAC_LEN])
{
	uint8_t keys[2 * KEY_LEN], nonces[8];
	unsigned len;

	memcpy(keys, first, KEY_LEN);
	memcpy(keys + KEY_LEN, second, KEY_LEN);
	put32(nonces, nonce1);
	put32(nonces + 4, nonce2);
	if (HMAC(EVP_sha1(), keys, sizeof(keys), nonces, sizeof(nonces), hmac, &len))
		return;
	fprintf(stderr, "libcrypto has no HMAC-SHA1\n");
	abort();
}
