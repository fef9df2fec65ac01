/* SPDX-License-Identifier: BSD-3-Clause */
#include "mpcrypto.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

static void put_be32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

static void put_be64(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
}

static uint64_t get_be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

static const EVP_MD *hash(unsigned int version)
{
	return version ? EVP_sha256() : EVP_sha1();
}

void mpcrypto_key(unsigned int version, uint64_t key, uint32_t *token, uint64_t *idsn)
{
	uint8_t digest[EVP_MAX_MD_SIZE], wire[8];
	unsigned int len;

	put_be64(wire, key);
	if (!EVP_Digest(wire, sizeof(wire), digest, &len, hash(version), NULL))
		abort(); /* libcrypto without SHA: nothing here could be right */
	*token = (uint32_t)(get_be64(digest) >> 32);
	*idsn = get_be64(digest + len - 8);
}

static unsigned int hmac_of(unsigned int version, uint64_t key1, uint64_t key2, const uint8_t *msg,
			    size_t msg_len, uint8_t digest[EVP_MAX_MD_SIZE])
{
	unsigned int len;
	uint8_t key[16];

	put_be64(key, key1);
	put_be64(key + 8, key2);
	if (!HMAC(hash(version), key, sizeof(key), msg, msg_len, digest, &len))
		abort();
	return len;
}

void mpcrypto_join(unsigned int version, uint64_t sender_key, uint64_t receiver_key,
		   uint32_t sender_nonce, uint32_t receiver_nonce,
		   uint8_t hmac[MPCRYPTO_JOIN_HMAC_LEN])
{
	uint8_t digest[EVP_MAX_MD_SIZE], msg[8];

	put_be32(msg, sender_nonce);
	put_be32(msg + 4, receiver_nonce);
	hmac_of(version, sender_key, receiver_key, msg, sizeof(msg), digest);
	memcpy(hmac, digest, MPCRYPTO_JOIN_HMAC_LEN);
}

uint64_t mpcrypto_add_addr(uint64_t sender_key, uint64_t receiver_key, uint8_t id,
			   const uint8_t *addr, size_t addr_len, uint16_t port)
{
	uint8_t digest[EVP_MAX_MD_SIZE], msg[1 + 16 + 2];
	unsigned int len;

	msg[0] = id;
	memcpy(msg + 1, addr, addr_len);
	msg[1 + addr_len] = (uint8_t)(port >> 8);
	msg[2 + addr_len] = (uint8_t)port;
	len = hmac_of(1, sender_key, receiver_key, msg, addr_len + 3, digest);
	return get_be64(digest + len - 8);
}
