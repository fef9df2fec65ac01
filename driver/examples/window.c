/* SPDX-License-Identifier: BSD-3-Clause */
#include "window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct window *window_new(uint64_t next)
{
	struct window *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->next = next;
	w->hash = EVP_MD_CTX_new();
	if (w->hash && EVP_DigestInit_ex(w->hash, EVP_sha256(), NULL))
		return w;
	EVP_MD_CTX_free(w->hash);
	free(w);
	return NULL;
}

/* How many bytes from @dsn on lie in one piece of the ring. */
static uint32_t piece(uint64_t dsn, uint32_t len)
{
	const uint32_t room = WINDOW - dsn % WINDOW;

	return len < room ? len : room;
}

static uint32_t put_piece(struct window *w, uint32_t at, const uint8_t *data, uint32_t len)
{
	uint32_t fresh = 0;

	for (uint32_t i = 0; i < len; i++) {
		if (w->there[at + i])
			continue;
		w->there[at + i] = 1;
		w->data[at + i] = data[i];
		fresh++;
	}
	return fresh;
}

/* The bytes up to the next hole leave. */
static void advance(struct window *w)
{
	for (;;) {
		const uint32_t at = w->next % WINDOW;
		const uint8_t *hole = memchr(w->there + at, 0, WINDOW - at);
		const uint32_t len = hole ? (uint32_t)(hole - (w->there + at)) : WINDOW - at;

		if (!len)
			return;
		EVP_DigestUpdate(w->hash, w->data + at, len);
		memset(w->there + at, 0, len);
		w->next += len;
		w->bytes += len;
	}
}

int64_t window_put(struct window *w, uint64_t dsn, const uint8_t *data, uint32_t len)
{
	/* Numbers wrap around: what counts is the distance. */
	const int64_t ahead = (int64_t)(dsn - w->next);
	uint32_t fresh = 0, old = 0, put;

	if (ahead > (int64_t)WINDOW - len)
		return -1;
	if (ahead < 0)
		old = -ahead < len ? (uint32_t)-ahead : len;
	for (uint32_t at = old; at < len; at += put) {
		put = piece(dsn + at, len - at);
		fresh += put_piece(w, (uint32_t)((dsn + at) % WINDOW), data + at, put);
	}
	w->repeated += len - fresh;
	advance(w);
	return fresh;
}

void window_hash(struct window *w, char hex[WINDOW_HASH_LEN])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	EVP_DigestFinal_ex(w->hash, digest, &len);
	for (unsigned int i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

void window_free(struct window *w)
{
	EVP_MD_CTX_free(w->hash);
	free(w);
}
