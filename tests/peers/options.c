/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <string.h>

enum {
	OPT_END,
	OPT_NOP,
	OPT_MSS,
	OPT_WSCALE,
	OPT_SACK_OK,
	OPT_TS = 8,
	OPT_MPTCP = 30
};
enum {
	SUB_CAPABLE,
	SUB_JOIN,
	SUB_DSS,
	SUB_ADD,
	SUB_REMOVE,
	SUB_PRIO,
	SUB_FAIL,
	SUB_FASTCLOSE,
};
enum {
	DSS_A = 1,
	DSS_A8 = 2,
	DSS_M = 4,
	DSS_M8 = 8,
	DSS_F = 16
};

static bool read_capable(const uint8_t *p, size_t len, struct opt_capable *o)
{
	if (o->len || len < 4)
		return false;
	o->version = p[2] & 15;
	o->flags = p[3];
	if (!o->version && !(o->flags & FLAG_EXT) && len != 12 && len != 20)
		return false;
	o->len = (uint8_t)len;
	if (!o->version && len >= 12)
		memcpy(o->key[0], p + 4, KEY_LEN);
	if (!o->version && len >= 20)
		memcpy(o->key[1], p + 12, KEY_LEN);
	return true;
}

static bool read_join(const uint8_t *p, size_t len, struct opt_join *o)
{
	if (o->len || (len != 12 && len != 16 && len != 24))
		return false;
	o->len = (uint8_t)len;
	o->backup = p[2] & 1;
	o->id = p[3];
	if (len == 12)
		o->token = get32(p + 4);
	if (len == 12)
		o->nonce = get32(p + 8);
	if (len == 16)
		o->nonce = get32(p + 12);
	if (len == 16)
		memcpy(o->hmac, p + 4, 8);
	if (len == 24)
		memcpy(o->hmac, p + 4, HMAC_LEN);
	return true;
}

static bool read_dss(const uint8_t *p, size_t len, struct opt_dss *o)
{
	const uint8_t f = len < 4 ? 0 : p[3];
	const size_t ack = f & DSS_A ? (f & DSS_A8 ? 8 : 4) : 0;
	const size_t dsn = f & DSS_M ? (f & DSS_M8 ? 8 : 4) : 0;
	const size_t need = 4 + ack + (dsn ? dsn + 6 : 0);
	const uint8_t *at = p + 4;

	if (o->here || len < 4 || (len != need && !(dsn && len == need + 2)))
		return false;
	o->here = true;
	o->has_ack = ack;
	o->ack8 = ack == 8;
	o->has_map = dsn;
	o->dsn8 = dsn == 8;
	o->fin = dsn && (f & DSS_F);
	o->has_csum = len != need;
	if (ack)
		o->ack = ack == 8 ? get64(at) : get32(at);
	at += ack;
	if (!dsn)
		return true;
	o->dsn = dsn == 8 ? get64(at) : get32(at);
	o->ssn = get32(at + dsn);
	o->len = get16(at + dsn + 4);
	if (o->has_csum)
		o->csum = get16(at + dsn + 6);
	return true;
}

static bool read_add(const uint8_t *p, size_t len, struct options *o)
{
	struct opt_add *a = &o->add[o->adds];
	const uint8_t version = len < 4 ? 0 : p[2] & 15;
	const size_t alen = version == 4 ? 4 : 16;

	if (o->adds == 4 || (version != 4 && version != 6) || (len != 4 + alen && len != 6 + alen))
		return false;
	a->id = p[3];
	a->addr.len = (uint8_t)alen;
	memcpy(a->addr.b, p + 4, alen);
	a->port = len == 6 + alen ? get16(p + 4 + alen) : 0;
	o->adds++;
	return true;
}

static bool read_remove(const uint8_t *p, size_t len, struct options *o)
{
	const size_t n = len - 3;

	if (len < 4 || n > sizeof(o->remove))
		return false;
	memcpy(o->remove, p + 3, n);
	o->removes = (unsigned)n;
	return true;
}

static bool read_prio(const uint8_t *p, size_t len, struct options *o)
{
	if (len != 3 && len != 4)
		return false;
	o->prio = true;
	o->prio_backup = p[2] & 1;
	o->prio_has_id = len == 4;
	if (len == 4)
		o->prio_id = p[3];
	return true;
}

static bool read_mptcp(const uint8_t *p, size_t len, struct options *o)
{
	switch (p[2] >> 4) {
	case SUB_CAPABLE:
		return read_capable(p, len, &o->capable);
	case SUB_JOIN:
		return read_join(p, len, &o->join);
	case SUB_DSS:
		return read_dss(p, len, &o->dss);
	case SUB_ADD:
		return read_add(p, len, o);
	case SUB_REMOVE:
		return read_remove(p, len, o);
	case SUB_PRIO:
		return read_prio(p, len, o);
	case SUB_FAIL:
		o->fail = len == 12;
		if (o->fail)
			o->fail_dsn = get64(p + 4);
		return o->fail;
	case SUB_FASTCLOSE:
		o->fastclose = len == 12;
		if (o->fastclose)
			memcpy(o->fastclose_key, p + 4, KEY_LEN);
		return o->fastclose;
	default:
		return true; /* section 8: what is not assigned is ignored */
	}
}

static void read_one(const uint8_t *p, size_t len, struct options *o)
{
	switch (p[0]) {
	case OPT_MSS:
		if (len == 4)
			o->mss = get16(p + 2);
		break;
	case OPT_WSCALE:
		o->has_wscale = len == 3;
		if (len == 3)
			o->wscale = p[2] > 14 ? 14 : p[2];
		break;
	case OPT_TS:
		o->has_ts = len == 10;
		if (len != 10)
			break;
		o->tsval = get32(p + 2);
		o->tsecr = get32(p + 6);
		break;
	case OPT_MPTCP:
		if (len < 3) {
			o->bad++;
			break;
		}
		o->signal |= p[2] >> 4 != SUB_DSS;
		o->bad += !read_mptcp(p, len, o);
		break;
	default:
		break;
	}
}

void options_parse(const uint8_t *p, size_t len, struct options *o)
{
	size_t at = 0;

	memset(o, 0, sizeof(*o));
	while (at < len && p[at] != OPT_END) {
		size_t n;

		if (p[at] == OPT_NOP) {
			at++;
			continue;
		}
		if (at + 2 > len || p[at + 1] < 2 || at + p[at + 1] > len) {
			o->wrong_length = true;
			return;
		}
		n = p[at + 1];
		read_one(p + at, n, o);
		at += n;
	}
}

/* Room for an option of so many bytes, padded; NULL where there is none. */
static uint8_t *room(struct optbuf *b, size_t len)
{
	const size_t padded = (len + 3) / 4 * 4;
	uint8_t *p = b->b + b->n;

	if (b->n + padded > OPTIONS_MAX)
		return NULL;
	memset(p, OPT_NOP, padded);
	b->n = (uint8_t)(b->n + padded);
	return p;
}

static uint8_t *mptcp(struct optbuf *b, size_t len, uint8_t sub, uint8_t nibble)
{
	uint8_t *p = room(b, len);

	if (!p)
		return NULL;
	p[0] = OPT_MPTCP;
	p[1] = (uint8_t)len;
	p[2] = (uint8_t)(sub << 4 | nibble);
	return p;
}

bool put_syn_options(struct optbuf *b, uint16_t mss, uint8_t wscale)
{
	uint8_t *p = room(b, 8);

	if (!p)
		return false;
	p[0] = OPT_MSS;
	p[1] = 4;
	put16(p + 2, mss);
	p[5] = OPT_WSCALE;
	p[6] = 3;
	p[7] = wscale;
	return true;
}

bool put_timestamps(struct optbuf *b, uint32_t val, uint32_t ecr)
{
	uint8_t *p = room(b, 12);

	if (!p)
		return false;
	p[2] = OPT_TS;
	p[3] = 10;
	put32(p + 4, val);
	put32(p + 8, ecr);
	return true;
}

bool put_capable(struct optbuf *b, uint8_t flags, const uint8_t *key, const uint8_t *second)
{
	uint8_t *p = mptcp(b, second ? 20 : 12, SUB_CAPABLE, 0);

	if (!p)
		return false;
	p[3] = flags;
	memcpy(p + 4, key, KEY_LEN);
	if (second)
		memcpy(p + 12, second, KEY_LEN);
	return true;
}

bool put_join(struct optbuf *b, const struct opt_join *o)
{
	uint8_t *p = mptcp(b, o->len, SUB_JOIN, o->backup);

	if (!p)
		return false;
	p[3] = o->id;
	if (o->len == 12) {
		put32(p + 4, o->token);
		put32(p + 8, o->nonce);
	} else if (o->len == 16) {
		memcpy(p + 4, o->hmac, 8);
		put32(p + 12, o->nonce);
	} else {
		p[2] = SUB_JOIN << 4;
		p[3] = 0;
		memcpy(p + 4, o->hmac, HMAC_LEN);
	}
	return true;
}

bool put_dss(struct optbuf *b, const struct opt_dss *o)
{
	const size_t ack = o->has_ack ? (o->ack8 ? 8 : 4) : 0;
	const size_t dsn = o->has_map ? (o->dsn8 ? 8 : 4) : 0;
	const size_t map = dsn ? dsn + 6 + (o->has_csum ? 2 : 0) : 0;
	uint8_t *p = mptcp(b, 4 + ack + map, SUB_DSS, 0);

	if (!p)
		return false;
	p[3] = (uint8_t)((ack ? DSS_A : 0) | (ack == 8 ? DSS_A8 : 0) | (dsn ? DSS_M : 0) |
			 (dsn == 8 ? DSS_M8 : 0) | (o->fin ? DSS_F : 0));
	p += 4;
	if (ack == 8)
		put64(p, o->ack);
	else if (ack)
		put32(p, (uint32_t)o->ack);
	p += ack;
	if (!dsn)
		return true;
	if (dsn == 8)
		put64(p, o->dsn);
	else
		put32(p, (uint32_t)o->dsn);
	put32(p + dsn, o->ssn);
	put16(p + dsn + 4, o->len);
	if (o->has_csum)
		put16(p + dsn + 6, o->csum);
	return true;
}

bool put_add(struct optbuf *b, const struct opt_add *o)
{
	const size_t alen = o->addr.len;
	uint8_t *p = mptcp(b, 4 + alen + (o->port ? 2 : 0), SUB_ADD, alen == 4 ? 4 : 6);

	if (!p)
		return false;
	p[3] = o->id;
	memcpy(p + 4, o->addr.b, alen);
	if (o->port)
		put16(p + 4 + alen, o->port);
	return true;
}

bool put_remove(struct optbuf *b, uint8_t id)
{
	uint8_t *p = mptcp(b, 4, SUB_REMOVE, 0);

	if (!p)
		return false;
	p[3] = id;
	return true;
}

bool put_prio(struct optbuf *b, bool backup, const uint8_t *id)
{
	uint8_t *p = mptcp(b, id ? 4 : 3, SUB_PRIO, backup);

	if (!p)
		return false;
	if (id)
		p[3] = *id;
	return true;
}

bool put_fail(struct optbuf *b, uint64_t dsn)
{
	uint8_t *p = mptcp(b, 12, SUB_FAIL, 0);

	if (!p)
		return false;
	p[3] = 0;
	put64(p + 4, dsn);
	return true;
}

bool put_fastclose(struct optbuf *b, const uint8_t *key)
{
	uint8_t *p = mptcp(b, 12, SUB_FASTCLOSE, 0);

	if (!p)
		return false;
	p[3] = 0;
	memcpy(p + 4, key, KEY_LEN);
	return true;
}

uint16_t dss_checksum(uint64_t dsn, uint32_t ssn, uint16_t len, const struct sum *data)
{
	struct sum s = {.total = data->total};

	sum_add64(&s, dsn);
	sum_add32(&s, ssn);
	sum_add16(&s, len);
	return sum_end(&s);
}
