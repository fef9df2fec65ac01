/* SPDX-License-Identifier: BSD-3-Clause */
/* Options of an established connection: DSS, addresses, priorities, the ends of it. */
#include "handshake_internal.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "mpcrypto.h"
#include "mpnic_model.h"

#define FIELD(name) MPNIC_FIELD_##name

/* ---- what is heard --------------------------------------------------------------------------- */

static uint64_t expand(uint64_t near, uint32_t low)
{
	return near + (uint64_t)(int64_t)(int32_t)(low - (uint32_t)near);
}

static void take_data_ack(struct hs_conn *c, const struct mpnic_opt *opt, bool *passes,
			  struct hs_result *r)
{
	uint64_t ack = opt->dss.data_ack;

	if (!(opt->fields & FIELD(DATA_ACK8)))
		ack = expand(c->data_una, (uint32_t)ack);
	/* Of what was never sent: nobody's who has our key. */
	if ((int64_t)(ack - c->data_max) > 0 || (int64_t)(ack - (c->own_idsn + 1)) < 0) {
		hs_ignore(c, HS_WHY_DATA_ACK, r);
		return;
	}
	if ((int64_t)(ack - c->data_una) > 0)
		c->data_una = ack;
	/* One that acknowledges no data shows that the peer has our key, not that mappings pass. */
	if (ack != c->own_idsn + 1)
		*passes = true;
	if (c->confirmed)
		return;
	c->confirmed = true;
	r->events |= HS_EV_CONFIRMED;
}

enum hs_why hs_take_dss(struct hs_conn *c, const struct mpnic_opt *opt, bool *passes,
			struct hs_result *r)
{
	const bool csum = opt->fields & FIELD(CHECKSUM);

	if ((opt->fields & FIELD(MAPPING)) && !opt->data_len)
		return HS_WHY_INFINITE;
	/* RFC 8684 3.3: a checksum that was not agreed on is wrong; RFC 6824 ignores it. */
	if ((opt->fields & FIELD(MAPPING)) && csum != c->csum && (c->csum || c->version))
		return HS_WHY_CSUM_PRESENCE;
	c->peer_dss = true;
	if (opt->fields & FIELD(DSN8))
		c->peer_dsn8 = true;
	if (opt->fields & FIELD(DATA_ACK))
		take_data_ack(c, opt, passes, r);
	return HS_WHY_NONE;
}

static struct hs_addr addr_of(const struct mpnic_opt *opt)
{
	struct hs_addr a = {
		.addr = {.version = opt->fields & FIELD(ADDR4) ? 4 : 6},
		.port = opt->port,
		.id = opt->addr_id,
	};

	memcpy(a.addr.bytes, opt->add_addr.addr, sizeof(a.addr.bytes));
	return a;
}

static bool same_place(const struct hs_addr *a, const struct ip_addr *addr, uint16_t port)
{
	return a->port == port && a->addr.version == addr->version &&
	       !memcmp(a->addr.bytes, addr->bytes, sizeof(addr->bytes));
}

static size_t addr_len(const struct hs_addr *a)
{
	return a->addr.version == 4 ? 4 : 16;
}

static bool add_addr_right(const struct hs_conn *c, const struct mpnic_opt *opt,
			   const struct hs_addr *a)
{
	const uint64_t want = mpcrypto_add_addr(c->peer_key, c->own_key, a->id, a->addr.bytes,
						addr_len(a), a->port);

	return !CRYPTO_memcmp(&want, &opt->add_addr.addr_hmac, sizeof(want));
}

static bool take_echo(struct hs_conn *c, const struct hs_addr *a, struct hs_result *r)
{
	for (unsigned int i = 0; i < HS_ANNOUNCE_MAX; i++) {
		struct hs_announce *n = &c->announce[i];

		if (n->timer.due == HS_NEVER || n->addr.id != a->id ||
		    !same_place(&n->addr, &a->addr, a->port))
			continue;
		hs_timer_off(&n->timer);
		r->events |= HS_EV_ADD_ADDR_ECHO;
		return true;
	}
	hs_ignore(c, HS_WHY_STATE, r);
	return false;
}

static bool take_add_addr(struct hs_conn *c, const struct mpnic_opt *opt, struct hs_result *r)
{
	const struct hs_addr a = addr_of(opt);

	if (c->version && (opt->flags & 1))
		return take_echo(c, &a, r);
	if (c->version && !add_addr_right(c, opt, &a)) {
		hs_ignore(c, HS_WHY_ADD_ADDR_HMAC, r);
		return false;
	}
	c->proved = c->version;
	c->peer_ids[a.id / 64] |= 1ull << a.id % 64;
	hs_forget_failure(c, &a);
	r->events |= HS_EV_ADD_ADDR;
	if (!c->version)
		return true;
	/* The peer sends it again if its echo is lost. */
	if (c->echoes == HS_ECHO_MAX)
		c->echoes_lost++;
	else
		c->echo[c->echoes++] = a;
	return true;
}

static bool take_remove_addr(struct hs_conn *c, const struct mpnic_hdr *hdr,
			     const struct mpnic_opt *opt, struct hs_result *r)
{
	const uint8_t *ids = hdr->opts + opt->offset + 3;
	bool known = false;

	for (unsigned int i = 0; i + 3 < opt->length; i++) {
		uint64_t *word = &c->peer_ids[ids[i] / 64];
		const uint64_t bit = 1ull << ids[i] % 64;

		if (!(*word & bit)) {
			hs_ignore(c, HS_WHY_UNKNOWN_ID, r);
			continue;
		}
		*word &= ~bit;
		r->removed[ids[i] / 64] |= bit;
		r->events |= HS_EV_REMOVE_ADDR;
		known = true;
	}
	return known;
}

/* The first subflow is reset, also if it came on another one. */
static bool take_fastclose(struct hs_conn *c, const struct mpnic_opt *opt, struct hs_result *r)
{
	if (CRYPTO_memcmp(&opt->fastclose.fastclose_key, &c->own_key, sizeof(c->own_key))) {
		hs_ignore(c, HS_WHY_WRONG_KEY, r);
		return false;
	}
	r->events |= HS_EV_FASTCLOSE;
	hs_reset(c, HS_WHY_FASTCLOSE, HS_REASON_NONE, r);
	return true;
}

/* Rules 22 and 23: version 1 answers, and both directions are TCP; version 0 knows no answer. */
static bool take_fail(struct hs_conn *c, bool only, struct hs_result *r)
{
	r->events |= HS_EV_FAIL;
	if (!only)
		return true;
	hs_timer_off(&c->fail_timer);
	if (c->version && !c->fail_sent) {
		c->fail_answer = true;
		c->want = HS_ACK;
	}
	if (c->state == HS_TCP)
		return true;
	c->infinite = true;
	hs_fall_back(c, HS_WHY_MP_FAIL, r);
	return true;
}

static bool take_control(struct hs_conn *c, const struct mpnic_hdr *hdr,
			 const struct mpnic_opt *opt, bool only, struct hs_result *r)
{
	switch (opt->subtype) {
	case MPNIC_SUBTYPE_ADD_ADDR:
		return c->state != HS_TCP && take_add_addr(c, opt, r);
	case MPNIC_SUBTYPE_REMOVE_ADDR:
		return c->state != HS_TCP && take_remove_addr(c, hdr, opt, r);
	case MPNIC_SUBTYPE_MP_PRIO:
		if (c->state == HS_TCP)
			return false;
		r->events |= HS_EV_PRIO;
		return true;
	case MPNIC_SUBTYPE_MP_FAIL:
		return take_fail(c, only, r);
	case MPNIC_SUBTYPE_MP_FASTCLOSE:
		return c->state != HS_TCP && take_fastclose(c, opt, r);
	case MPNIC_SUBTYPE_MP_TCPRST:
		r->events |= HS_EV_TCPRST;
		return true;
	default:
		return false;
	}
}

void hs_take_control(struct hs_conn *c, const struct mpnic_hdr *hdr, bool only, struct hs_result *r)
{
	for (unsigned int i = 0; i < hdr->mptcp_count && c->state != HS_CLOSED; i++) {
		const struct mpnic_opt *opt = &hdr->opt[i];

		if (!opt->error && take_control(c, hdr, opt, only, r))
			r->accepted |= (uint8_t)(1u << i);
	}
}

/* ---- rule 34 --------------------------------------------------------------------------------- */

/* An ADD_ADDR without a port is for whatever port the peer has (RFC 8684 3.4.1). */
void hs_forget_failure(struct hs_conn *c, const struct hs_addr *addr)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < c->failures; i++) {
		const uint16_t port = addr->port ? addr->port : c->failed[i].port;

		if (!same_place(&c->failed[i], &addr->addr, port))
			c->failed[kept++] = c->failed[i];
	}
	c->failures = (uint8_t)kept;
}

bool hs_has_failed(const struct hs_conn *c, const struct ip_addr *addr, uint16_t port)
{
	for (unsigned int i = 0; i < c->failures; i++) {
		if (same_place(&c->failed[i], addr, port))
			return true;
	}
	return false;
}

/* Of too many the oldest is forgotten, and counted. */
void hs_note_failure(struct hs_conn *c, const struct hs_addr *to)
{
	if (hs_has_failed(c, &to->addr, to->port))
		return;
	if (c->failures == HS_FAILED_MAX) {
		memmove(c->failed, c->failed + 1, sizeof(c->failed) - sizeof(c->failed[0]));
		c->failures--;
		c->failures_lost++;
	}
	c->failed[c->failures++] = *to;
}

/* ---- what is said ---------------------------------------------------------------------------- */

bool hs_put(struct hs_out *out, unsigned int *room, const struct mpnic_out_opt *o)
{
	uint8_t wire[MPNIC_TCP_OPT_MAX];
	const int len = mpnic_encode_option(&o->opt, o->tail, wire, *room);

	if (len < 0 || out->count == MPNIC_MPTCP_OPTS)
		return false;
	*room -= (unsigned int)len;
	out->opt[out->count++] = *o;
	return true;
}

uint16_t hs_dss_csum(uint64_t dsn, uint32_t ssn, uint16_t len, uint16_t sum)
{
	uint64_t s = (dsn >> 48) + (dsn >> 32 & 0xffff) + (dsn >> 16 & 0xffff) + (dsn & 0xffff) +
		     (ssn >> 16) + (ssn & 0xffff) + len + sum;

	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static void add_data_ack(const struct hs_conn *c, const struct hs_segment *s, struct mpnic_opt *opt)
{
	opt->flags |= MPNIC_DSS_A;
	opt->fields |= FIELD(DATA_ACK);
	opt->dss.data_ack = c->peer_idsn + 1 + s->received;
	/* A number of 64 bits must be acknowledged with 64 bits (RFC 8684 3.3.2). */
	if (c->peer_dsn8) {
		opt->flags |= MPNIC_DSS_a8;
		opt->fields |= FIELD(DATA_ACK8);
	} else {
		opt->dss.data_ack &= 0xffffffff;
	}
}

static void add_mapping(const struct hs_conn *c, const struct hs_segment *s, struct mpnic_opt *opt)
{
	opt->flags |= MPNIC_DSS_M | MPNIC_DSS_m8 | (s->data_fin ? MPNIC_DSS_F : 0);
	opt->fields |= FIELD(MAPPING) | FIELD(DSN8);
	opt->dss.dsn = c->own_idsn + 1 + s->offset;
	/* A DATA_FIN alone has no place in the subflow (RFC 8684 3.3.3). */
	opt->dss.ssn = s->len ? s->ssn : 0;
	opt->data_len = (uint16_t)(s->len + s->data_fin);
	if (!c->csum)
		return;
	opt->fields |= FIELD(CHECKSUM);
	opt->checksum = hs_dss_csum(opt->dss.dsn, opt->dss.ssn, opt->data_len, s->len ? s->sum : 0);
}

int hs_put_mapping(struct hs_conn *c, const struct hs_segment *s, unsigned int *room,
		   struct hs_out *out)
{
	struct mpnic_out_opt o = {.opt = {.subtype = MPNIC_SUBTYPE_DSS, .version = c->version}};
	const uint64_t end = c->own_idsn + 1 + s->offset + s->len + s->data_fin;

	if (s->len + s->data_fin > UINT16_MAX)
		return -EMSGSIZE;
	add_data_ack(c, s, &o.opt);
	add_mapping(c, s, &o.opt);
	if (!hs_put(out, room, &o))
		return -ENOSPC;
	if ((int64_t)(end - c->data_max) > 0)
		c->data_max = end;
	return 0;
}

static struct mpnic_out_opt add_addr_opt(const struct hs_conn *c, const struct hs_addr *a,
					 bool echo)
{
	struct mpnic_out_opt o = {
		.opt = {
			.subtype = MPNIC_SUBTYPE_ADD_ADDR,
			.version = c->version,
			.addr_id = a->id,
			.port = a->port,
			.fields = (uint16_t)(FIELD(ADDR_ID) |
					     (a->addr.version == 4 ? FIELD(ADDR4) : FIELD(ADDR6)) |
					     (a->port ? FIELD(PORT) : 0)),
		}};

	memcpy(o.opt.add_addr.addr, a->addr.bytes, addr_len(a));
	if (!c->version) {
		o.opt.flags = a->addr.version;
	} else if (echo) {
		o.opt.flags = 1;
	} else {
		o.opt.fields |= FIELD(HMAC);
		o.opt.add_addr.addr_hmac = mpcrypto_add_addr(c->own_key, c->peer_key, a->id,
							     a->addr.bytes, addr_len(a), a->port);
	}
	return o;
}

struct mpnic_out_opt hs_tcprst_opt(uint8_t reason)
{
	return (struct mpnic_out_opt){.opt = {.subtype = MPNIC_SUBTYPE_MP_TCPRST,
					      .version = 1,
					      .fields = FIELD(REASON),
					      .tcprst.reason = reason}};
}

struct mpnic_out_opt hs_fastclose_opt(const struct hs_conn *c)
{
	return (struct mpnic_out_opt){.opt = {.subtype = MPNIC_SUBTYPE_MP_FASTCLOSE,
					      .version = c->version,
					      .fastclose.fastclose_key = c->peer_key}};
}

struct mpnic_out_opt hs_fail_opt(uint64_t dsn)
{
	return (struct mpnic_out_opt){
		.opt = {.subtype = MPNIC_SUBTYPE_MP_FAIL, .version = 1, .fail.fail_dsn = dsn}};
}

/* Oldest first. One that does not even fit alone never will: it is counted, not kept. */
static void put_echoes(struct hs_conn *c, unsigned int *room, struct hs_out *out)
{
	while (c->echoes) {
		const struct mpnic_out_opt o = add_addr_opt(c, &c->echo[0], true);

		if (!hs_put(out, room, &o)) {
			if (out->count)
				return;
			c->echoes_lost++;
		}
		memmove(c->echo, c->echo + 1, sizeof(c->echo) - sizeof(c->echo[0]));
		c->echoes--;
	}
}

/* Version 0 has no echo to wait for. */
static void put_announces(struct hs_conn *c, uint64_t now, unsigned int *room, struct hs_out *out)
{
	for (unsigned int i = 0; i < HS_ANNOUNCE_MAX; i++) {
		struct hs_announce *n = &c->announce[i];
		struct mpnic_out_opt o;

		if (n->timer.due > now)
			continue;
		o = add_addr_opt(c, &n->addr, false);
		if (!hs_put(out, room, &o) && out->count)
			continue;
		hs_timer_sent(&n->timer, c->cfg.rto_ms, c->version ? 1 + HS_REPEATS : 1, now);
	}
}

static void put_remove(struct hs_conn *c, unsigned int *room, struct hs_out *out)
{
	struct mpnic_out_opt o = {.opt = {.subtype = MPNIC_SUBTYPE_REMOVE_ADDR,
					  .version = c->version,
					  .length = (uint8_t)(3 + c->removes)}};

	if (!c->removes)
		return;
	memcpy(o.tail, c->remove, c->removes);
	if (hs_put(out, room, &o) || !out->count)
		c->removes = 0;
}

static void put_prio(struct hs_conn *c, unsigned int *room, struct hs_out *out)
{
	struct mpnic_out_opt o = {.opt = {.subtype = MPNIC_SUBTYPE_MP_PRIO,
					  .version = c->version,
					  .flags = c->prio_backup}};

	if (!c->prio)
		return;
	if (c->prio_has_id) {
		o.opt.fields = FIELD(ADDR_ID);
		o.opt.addr_id = c->prio_id;
	}
	if (hs_put(out, room, &o) || !out->count)
		c->prio = false;
}

void hs_put_control(struct hs_conn *c, const struct hs_segment *s, uint64_t now, unsigned int *room,
		    struct hs_out *out)
{
	struct mpnic_out_opt dss = {.opt = {.subtype = MPNIC_SUBTYPE_DSS, .version = c->version}};

	put_echoes(c, room, out);
	put_announces(c, now, room, out);
	put_remove(c, room, out);
	put_prio(c, room, out);
	add_data_ack(c, s, &dss.opt);
	hs_put(out, room, &dss);
}

bool hs_control_waits(const struct hs_conn *c)
{
	return (c->state == HS_ESTABLISHED || c->state == HS_THIRD) &&
	       (c->echoes || c->removes || c->prio);
}

uint64_t hs_control_deadline(const struct hs_conn *c)
{
	uint64_t due = HS_NEVER;

	for (unsigned int i = 0; i < HS_ANNOUNCE_MAX; i++) {
		if (c->announce[i].timer.due < due)
			due = c->announce[i].timer.due;
	}
	return due;
}

void hs_control_clear(struct hs_conn *c)
{
	for (unsigned int i = 0; i < HS_ANNOUNCE_MAX; i++)
		hs_timer_off(&c->announce[i].timer);
	hs_timer_off(&c->fail_timer);
	c->echoes = c->removes = 0;
	c->prio = false;
}

/* ---- what the caller wants said -------------------------------------------------------------- */

int hs_add_addr(struct hs_conn *c, const struct hs_addr *addr, uint64_t now)
{
	if (c->state != HS_ESTABLISHED)
		return -ENOTCONN;
	for (unsigned int i = 0; i < HS_ANNOUNCE_MAX; i++) {
		struct hs_announce *n = &c->announce[i];

		if (n->timer.due != HS_NEVER)
			continue;
		n->addr = *addr;
		hs_timer_start(&n->timer, now);
		return 0;
	}
	return -ENOSPC;
}

int hs_remove_addr(struct hs_conn *c, const uint8_t *ids, unsigned int count)
{
	if (c->state != HS_ESTABLISHED)
		return -ENOTCONN;
	if (!count || count > HS_REMOVE_MAX)
		return -EINVAL;
	if (c->removes)
		return -ENOSPC;
	memcpy(c->remove, ids, count);
	c->removes = (uint8_t)count;
	for (unsigned int i = 0; i < HS_ANNOUNCE_MAX; i++) {
		if (memchr(ids, c->announce[i].addr.id, count))
			hs_timer_off(&c->announce[i].timer);
	}
	return 0;
}

int hs_prio(struct hs_conn *c, bool backup, const uint8_t *id)
{
	if (c->state != HS_ESTABLISHED)
		return -ENOTCONN;
	if (id && c->version)
		return -EOPNOTSUPP;
	if (c->prio)
		return -ENOSPC;
	c->prio = true;
	c->prio_backup = backup;
	c->prio_has_id = id;
	c->prio_id = id ? *id : 0;
	return 0;
}

int hs_fastclose(struct hs_conn *c, bool rst, uint64_t now)
{
	if (c->state != HS_ESTABLISHED)
		return -ENOTCONN;
	if (rst && !c->version)
		return -EOPNOTSUPP;
	hs_control_clear(c);
	c->why = HS_WHY_FASTCLOSE;
	c->state = rst ? HS_CLOSED : HS_FASTCLOSE_WAIT;
	c->want = rst ? HS_RST : HS_ACK;
	c->fastclose_rst = c->version;
	hs_timer_start(&c->timer, now);
	return 0;
}

int hs_fail(struct hs_conn *c, uint64_t dsn, uint64_t now)
{
	struct hs_result r = {0};

	if (c->state != HS_ESTABLISHED || c->joins)
		return -ENOTCONN;
	if (!c->csum)
		return -EOPNOTSUPP;
	hs_fall_back(c, HS_WHY_CSUM_BAD, &r);
	c->fail_sent = true;
	c->fail_dsn = dsn;
	/* TCP in both directions (RFC 8684 3.7), which the peer's version may not know: it is told.
	 */
	c->infinite = true;
	hs_timer_start(&c->fail_timer, now);
	return 0;
}
