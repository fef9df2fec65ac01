/* SPDX-License-Identifier: BSD-3-Clause */
#include "http.h"
#include "pattern.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEAD_MAX  4096
#define BYTES_MAX (1ull << 32)
#define HASH_MAX  (16ull << 20)
#define HEX_SIZE  (2 * EVP_MAX_MD_SIZE + 1)

struct http {
	char head[HEAD_MAX];
	size_t head_len;
	uint64_t body_left;
	EVP_MD_CTX *hash; /* of the body that comes; NULL: none does */
	char out[512];
	size_t out_len, out_at;
	uint64_t gen_at, gen_end; /* bytes of the pattern after that */
	bool busy, last, eof;
};

static void *http_open(struct conn *c, void *arg)
{
	(void)c;
	(void)arg;
	return calloc(1, sizeof(struct http));
}

static void http_gone(struct conn *c, void *state)
{
	struct http *h = state;

	(void)c;
	EVP_MD_CTX_free(h->hash);
	free(h);
}

static void hex_of(EVP_MD_CTX *ctx, char hex[HEX_SIZE])
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	EVP_DigestFinal_ex(ctx, md, &len);
	for (unsigned i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", md[i]);
}

static EVP_MD_CTX *new_hash(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL))
		return ctx;
	fprintf(stderr, "libcrypto has no SHA-256\n");
	abort();
}

static void send_out(struct conn *c, struct http *h)
{
	uint8_t part[4096];

	h->out_at += conn_write(c, h->out + h->out_at, h->out_len - h->out_at);
	while (h->out_at == h->out_len && h->gen_at < h->gen_end) {
		size_t n = 0, taken;

		while (n < sizeof(part) && h->gen_at + n < h->gen_end) {
			part[n] = pattern(h->gen_at + n);
			n++;
		}
		taken = conn_write(c, part, n);
		h->gen_at += taken;
		if (taken < n)
			return;
	}
	if (h->out_at == h->out_len)
		h->busy = false;
}

static void answer(struct http *h, const char *status, uint64_t length, const char *body)
{
	const int n = snprintf(h->out, sizeof(h->out),
			       "HTTP/1.1 %s\r\nContent-Length: %" PRIu64 "\r\n%s\r\n%s", status,
			       length, h->last ? "Connection: close\r\n" : "", body);

	h->out_len = (size_t)n;
	h->out_at = h->gen_at = h->gen_end = 0;
	h->busy = true;
}

static void answer_text(struct http *h, const char *status, const char *text)
{
	answer(h, status, strlen(text), text);
}

static void answer_hash(struct http *h, EVP_MD_CTX *ctx)
{
	char hex[HEX_SIZE + 1];

	hex_of(ctx, hex);
	strcat(hex, "\n");
	answer_text(h, "200 OK", hex);
}

static void hash_of_pattern(struct http *h, uint64_t n)
{
	EVP_MD_CTX *ctx = new_hash();

	for (uint64_t i = 0; i < n; i++) {
		const uint8_t b = pattern(i);

		EVP_DigestUpdate(ctx, &b, 1);
	}
	answer_hash(h, ctx);
	EVP_MD_CTX_free(ctx);
}

static const char *field(const char *head, const char *name)
{
	const size_t len = strlen(name);

	for (const char *at = strstr(head, "\r\n"); at; at = strstr(at, "\r\n")) {
		at += 2;
		if (strncasecmp(at, name, len) || at[len] != ':')
			continue;
		at += len + 1;
		return at + strspn(at, " ");
	}
	return NULL;
}

static void get(struct http *h, const char *path)
{
	char *end;
	uint64_t n;

	if (strncmp(path, "/bytes/", 7) && strncmp(path, "/hash/", 6)) {
		answer_text(h, "404 Not Found", "/bytes/N, /hash/N, or POST\n");
		return;
	}
	n = strtoull(strchr(path + 1, '/') + 1, &end, 10);
	if (*end || n > (path[1] == 'b' ? BYTES_MAX : HASH_MAX)) {
		answer_text(h, "400 Bad Request", "no such number\n");
	} else if (path[1] == 'b') {
		answer(h, "200 OK", n, "");
		h->gen_end = n;
	} else {
		hash_of_pattern(h, n);
	}
}

static void upload(struct conn *c, struct http *h)
{
	const char *length = field(h->head, "Content-Length");
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (!length) {
		h->last = true;
		answer_text(h, "411 Length Required", "");
		return;
	}
	h->body_left = strtoull(length, NULL, 10);
	h->hash = new_hash();
	if (field(h->head, "Expect"))
		conn_write(c, go_on, sizeof(go_on) - 1);
}

static void request(struct conn *c, struct http *h)
{
	char method[8] = "", path[256] = "";
	const char *keep = field(h->head, "Connection");
	int minor = 0;

	if (sscanf(h->head, "%7s %255s HTTP/1.%d", method, path, &minor) != 3) {
		h->last = true;
		answer_text(h, "400 Bad Request", "");
		return;
	}
	h->last = !minor || (keep && !strncasecmp(keep, "close", 5));
	if (!strcmp(method, "GET")) {
		get(h, path);
	} else if (!strcmp(method, "POST") || !strcmp(method, "PUT")) {
		upload(c, h);
	} else {
		h->last = true;
		answer_text(h, "405 Method Not Allowed", "");
	}
}

static void body_done(struct http *h)
{
	if (!h->hash || h->body_left)
		return;
	answer_hash(h, h->hash);
	EVP_MD_CTX_free(h->hash);
	h->hash = NULL;
}

/* One step with what has come: false where nothing can be done. */
static bool step(struct conn *c, struct http *h)
{
	char *end;
	size_t n;

	if (h->busy) {
		send_out(c, h);
		return !h->busy;
	}
	if (h->last && h->out_len) {
		conn_finish(c);
		return false;
	}
	if (h->hash) {
		n = h->head_len < h->body_left ? h->head_len : (size_t)h->body_left;
		EVP_DigestUpdate(h->hash, h->head, n);
		h->body_left -= n;
		memmove(h->head, h->head + n, h->head_len - n);
		h->head_len -= n;
		body_done(h);
		return n || h->busy;
	}
	h->head[h->head_len] = 0;
	end = strstr(h->head, "\r\n\r\n");
	if (!end)
		return false;
	n = (size_t)(end - h->head) + 4;
	end[2] = 0;
	request(c, h);
	memmove(h->head, h->head + n, h->head_len - n);
	h->head_len -= n;
	return true;
}

static void run(struct conn *c, struct http *h)
{
	while (step(c, h))
		;
	if (h->eof && !h->busy)
		conn_finish(c);
}

static void http_data(struct conn *c, void *state, const uint8_t *data, size_t len)
{
	struct http *h = state;

	while (len) {
		size_t n = sizeof(h->head) - 1 - h->head_len;

		if (!n) { /* a request that is too long, or too many at once */
			conn_abort(c);
			return;
		}
		n = n < len ? n : len;
		memcpy(h->head + h->head_len, data, n);
		h->head_len += n;
		data += n;
		len -= n;
		run(c, h);
	}
}

static void http_eof(struct conn *c, void *state)
{
	struct http *h = state;

	h->eof = true;
	run(c, h);
}

static void http_room(struct conn *c, void *state)
{
	run(c, state);
}

const struct app http_app = {NULL, http_open, http_data, http_eof, http_room, http_gone};
