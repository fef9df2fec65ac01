/* SPDX-License-Identifier: BSD-3-Clause */
#include "fetch.h"
#include "pattern.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"join", "join-backup", "prio", "remove", "kill", "abort"};

bool fetch_step(struct fetch *f, const char *text)
{
	char *end;
	const uint64_t at = strtoull(text, &end, 10);

	if (*end != ':' || f->steps == FETCH_STEPS)
		return false;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(end + 1, names[i]))
			continue;
		f->step[f->steps].at = at;
		f->step[f->steps++].what = (enum fetch_action)i;
		return true;
	}
	return false;
}

static void join(struct fetch *f, const struct endpoint *to, bool backup)
{
	if (f->second.len == to->addr.len)
		conn_join(f->c, &f->second, to, backup);
}

static void act(struct fetch *f, enum fetch_action what)
{
	switch (what) {
	case FETCH_JOIN:
	case FETCH_JOIN_BACKUP:
		join(f, &conn_report(f->c)->remote, what == FETCH_JOIN_BACKUP);
		break;
	case FETCH_PRIO:
		conn_send_prio(f->c, true);
		break;
	case FETCH_REMOVE:
		conn_send_remove(f->c);
		break;
	case FETCH_KILL:
		conn_kill_subflow(f->c);
		break;
	case FETCH_ABORT:
		conn_abort(f->c);
		break;
	}
}

static void steps(struct fetch *f)
{
	const uint64_t at = f->post ? conn_acked(f->c) : f->got;

	while (f->done < f->steps && at >= f->step[f->done].at && !f->over)
		act(f, f->step[f->done++].what);
}

void fetch_advertised(struct fetch *f, const struct conn_report *r)
{
	const struct endpoint to = {r->added, r->added_port};

	if (f->join_advertised)
		join(f, &to, false);
}

static void push(struct conn *c, struct fetch *f)
{
	uint8_t part[4096];

	while (f->post && f->sent < f->bytes) {
		size_t n = 0, taken;

		while (n < sizeof(part) && f->sent + n < f->bytes) {
			part[n] = pattern(f->sent + n);
			n++;
		}
		taken = conn_write(c, part, n);
		f->sent += taken;
		if (taken < n)
			return;
	}
}

static void *fetch_open(struct conn *c, void *arg)
{
	struct fetch *f = arg;
	char ask[256];
	int n;

	f->c = c;
	if (f->post)
		n = snprintf(ask, sizeof(ask),
			     "POST /sink HTTP/1.1\r\nHost: peer\r\nContent-Length: %" PRIu64
			     "\r\nConnection: close\r\n\r\n",
			     f->bytes);
	else
		n = snprintf(ask, sizeof(ask),
			     "GET /bytes/%" PRIu64
			     " HTTP/1.1\r\nHost: peer\r\nConnection: close\r\n\r\n",
			     f->bytes);
	conn_write(c, ask, (size_t)n);
	push(c, f);
	return f;
}

static void check_hash(struct fetch *f)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t md[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned len = 0;

	EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	for (uint64_t i = 0; i < f->bytes; i++) {
		const uint8_t b = pattern(i);

		EVP_DigestUpdate(ctx, &b, 1);
	}
	EVP_DigestFinal_ex(ctx, md, &len);
	EVP_MD_CTX_free(ctx);
	for (unsigned i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", md[i]);
	f->wrong |= strncmp(f->head, hex, 2 * len) != 0;
}

static void body(struct fetch *f, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++, f->got++) {
		if (!f->post)
			f->wrong |= data[i] != pattern(f->got);
		else if (f->got < sizeof(f->head) - 1)
			f->head[f->got] = (char)data[i];
	}
	steps(f);
}

static void fetch_data(struct conn *c, void *state, const uint8_t *data, size_t len)
{
	struct fetch *f = state;

	(void)c;
	while (len && !f->in_body) {
		if (f->head_len == sizeof(f->head) - 1) {
			f->wrong = true;
			return;
		}
		f->head[f->head_len++] = (char)*data++;
		f->head[f->head_len] = 0;
		len--;
		if (f->head_len < 4 || strcmp(f->head + f->head_len - 4, "\r\n\r\n"))
			continue;
		f->in_body = true;
		f->wrong |= strncmp(f->head, "HTTP/1.1 200", 12) != 0;
		memset(f->head, 0, sizeof(f->head));
	}
	body(f, data, len);
}

static void fetch_eof(struct conn *c, void *state)
{
	struct fetch *f = state;

	if (f->post && !f->wrong)
		check_hash(f);
	f->right = f->in_body && !f->wrong && (f->post || f->got == f->bytes);
	conn_finish(c);
}

static void fetch_room(struct conn *c, void *state)
{
	struct fetch *f = state;

	steps(f);
	if (!f->over)
		push(c, f);
}

static void fetch_gone(struct conn *c, void *state)
{
	struct fetch *f = state;

	f->over = true;
	f->report = *conn_report(c);
}

struct app fetch_app(struct fetch *f)
{
	return (struct app){f, fetch_open, fetch_data, fetch_eof, fetch_room, fetch_gone};
}
