/* SPDX-License-Identifier: BSD-3-Clause */
/* Joined subflows: MP_JOIN with its HMACs, and the first Data ACK on each (RFC 8684 3.2, 3.7). */
#include "handshake_internal.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "mpcrypto.h"
#include "mpnic_model.h"

#define FIELD(name)    MPNIC_FIELD_##name
#define JOIN_BACKUP    1 /* B flag of MP_JOIN's SYN and SYN/ACK */
#define HMAC_SHORT_LEN 8

static void init(struct hs_join *j, const struct hs_join_plan *plan)
{
	memset(j, 0, sizeof(*j));
	j->id = plan->id;
	j->backup = plan->backup;
	j->nonce = plan->nonce;
	j->isn = plan->isn;
	j->reason = HS_REASON_NONE;
	hs_timer_off(&j->timer);
}

static bool is_mptcp(const struct hs_conn *c)
{
	return c->keys && (c->state == HS_THIRD || c->state == HS_ESTABLISHED);
}

int hs_join_open(struct hs_join *j, const struct hs_conn *c, const struct hs_join_plan *plan,
		 uint64_t now)
{
	init(j, plan);
	if (!is_mptcp(c))
		return -ENOTCONN;
	if (!c->peer_dss)
		return -EAGAIN;
	if (plan->to_first && c->peer_no_join)
		return -EPERM;
	if (hs_has_failed(c, &plan->addr, plan->port))
		return -EHOSTUNREACH;
	j->initiator = true;
	j->to = (struct hs_addr){.addr = plan->addr, .port = plan->port};
	j->state = HS_SYN_SENT;
	hs_timer_start(&j->timer, now);
	return 0;
}

void hs_join_listen(struct hs_join *j, const struct hs_join_plan *plan)
{
	init(j, plan);
	j->state = HS_LISTEN;
}

bool hs_join_token(const struct mpnic_hdr *hdr, uint32_t *token)
{
	const struct mpnic_opt *opt = hs_find(hdr, MPNIC_SUBTYPE_MP_JOIN);

	if (hs_kind_of(hdr) != HS_SYN || !opt || opt->error)
		return false;
	*token = opt->join_syn.token;
	return true;
}

static void close_join(struct hs_join *j, struct hs_conn *c, enum hs_why why)
{
	/* RFC 8684 3.4.1: no further attempts to an address that a join has failed to (rule 34). */
	if (j->initiator && j->state != HS_ESTABLISHED && j->state != HS_CLOSED)
		hs_note_failure(c, &j->to);
	if (j->state == HS_ESTABLISHED)
		c->joins--;
	j->state = HS_CLOSED;
	j->why = (uint8_t)why;
	hs_timer_off(&j->timer);
}

static void reset(struct hs_join *j, struct hs_conn *c, enum hs_why why, uint8_t reason,
		  struct hs_result *r)
{
	close_join(j, c, why);
	j->reason = reason;
	j->want = HS_RST;
	r->events |= HS_EV_RESET;
	r->why = (uint8_t)why;
}

void hs_join_refuse(struct hs_join *j, struct hs_conn *c, uint8_t reason)
{
	close_join(j, c, HS_WHY_JOIN_REFUSED);
	j->reason = reason;
	j->want = HS_RST;
}

void hs_join_closed(struct hs_join *j, struct hs_conn *c)
{
	close_join(j, c, j->why ? (enum hs_why)j->why : HS_WHY_RST);
	j->want = HS_NOTHING;
}

static void establish(struct hs_join *j, struct hs_conn *c, struct hs_result *r)
{
	j->state = HS_ESTABLISHED;
	hs_timer_off(&j->timer);
	c->joins++;
	c->peer_ids[j->peer_id / 64] |= 1ull << j->peer_id % 64;
	r->events |= HS_EV_ESTABLISHED;
}

static void own_hmac(const struct hs_join *j, const struct hs_conn *c,
		     uint8_t hmac[MPCRYPTO_JOIN_HMAC_LEN])
{
	mpcrypto_join(c->version, c->own_key, c->peer_key, j->nonce, j->peer_nonce, hmac);
}

static void peer_hmac(const struct hs_join *j, const struct hs_conn *c,
		      uint8_t hmac[MPCRYPTO_JOIN_HMAC_LEN])
{
	mpcrypto_join(c->version, c->peer_key, c->own_key, j->peer_nonce, j->nonce, hmac);
}

static uint64_t leftmost(const uint8_t *hmac)
{
	uint64_t v;

	memcpy(&v, hmac, sizeof(v));
	return __builtin_bswap64(v);
}

/* A good MP_JOIN of this segment, or NULL. */
static const struct mpnic_opt *join_of(const struct mpnic_hdr *hdr)
{
	const struct mpnic_opt *opt = hs_find(hdr, MPNIC_SUBTYPE_MP_JOIN);

	return opt && !opt->error ? opt : NULL;
}

static void take_syn(struct hs_join *j, struct hs_conn *c, const struct mpnic_hdr *hdr,
		     uint64_t now, struct hs_result *r)
{
	const struct mpnic_opt *opt = join_of(hdr);
	const bool again = j->state == HS_SYN_RECEIVED;

	if (again && (hdr->seq != j->peer_isn || !opt || opt->join_syn.nonce != j->peer_nonce)) {
		hs_ignore(c, HS_WHY_STATE, r);
		return;
	}
	if (!opt || !is_mptcp(c)) {
		reset(j, c, HS_WHY_JOIN_ABSENT, HS_REASON_MPTCP, r);
		return;
	}
	if (opt->join_syn.token != c->own_token) {
		reset(j, c, HS_WHY_JOIN_TOKEN, HS_REASON_MPTCP, r);
		return;
	}
	j->state = HS_SYN_RECEIVED;
	j->peer_isn = hdr->seq;
	j->peer_nonce = opt->join_syn.nonce;
	j->peer_id = opt->addr_id;
	j->peer_backup = opt->flags & JOIN_BACKUP;
	j->want = HS_SYNACK;
	hs_timer_start(&j->timer, now);
	r->events |= HS_EV_SYN;
}

static void take_synack(struct hs_join *j, struct hs_conn *c, const struct mpnic_hdr *hdr,
			uint64_t now, struct hs_result *r)
{
	const struct mpnic_opt *opt = join_of(hdr);
	uint8_t want[MPCRYPTO_JOIN_HMAC_LEN];
	uint64_t hmac;

	if (hdr->ack != j->isn + 1) {
		hs_ignore(c, HS_WHY_BAD_ACK, r);
		return;
	}
	if (!opt || !is_mptcp(c)) {
		reset(j, c, HS_WHY_JOIN_ABSENT, HS_REASON_MPTCP, r);
		return;
	}
	j->peer_isn = hdr->seq;
	j->peer_nonce = opt->join_synack.nonce2;
	j->peer_id = opt->addr_id;
	j->peer_backup = opt->flags & JOIN_BACKUP;
	peer_hmac(j, c, want);
	hmac = leftmost(want);
	if (CRYPTO_memcmp(&hmac, &opt->join_synack.hmac64, HMAC_SHORT_LEN)) {
		reset(j, c, HS_WHY_JOIN_HMAC, HS_REASON_MPTCP, r);
		return;
	}
	j->state = HS_THIRD;
	j->want = HS_ACK;
	hs_timer_start(&j->timer, now);
}

/* Each third ACK is acknowledged, for only that ends its repetition (rule 29). */
static void take_third(struct hs_join *j, struct hs_conn *c, const struct mpnic_hdr *hdr,
		       struct hs_result *r)
{
	const struct mpnic_opt *opt = join_of(hdr);
	uint8_t want[MPCRYPTO_JOIN_HMAC_LEN];

	if (hdr->seq != j->peer_isn + 1 || hdr->ack != j->isn + 1) {
		hs_ignore(c, HS_WHY_BAD_ACK, r);
		return;
	}
	if (!opt || !is_mptcp(c)) {
		reset(j, c, HS_WHY_JOIN_ABSENT, HS_REASON_MPTCP, r);
		return;
	}
	peer_hmac(j, c, want);
	if (CRYPTO_memcmp(want, opt->join_ack.hmac, sizeof(want))) {
		reset(j, c, HS_WHY_JOIN_HMAC, HS_REASON_MPTCP, r);
		return;
	}
	establish(j, c, r);
	j->want = HS_ACK;
}

/* Any ACK that is no SYN/ACK: the listener has left SYN-RECEIVED, so it has the HMAC. */
static void take_acknowledgement(struct hs_join *j, struct hs_conn *c, const struct mpnic_hdr *hdr,
				 struct hs_result *r)
{
	if (hdr->ack != j->isn + 1)
		hs_ignore(c, HS_WHY_BAD_ACK, r);
	else
		establish(j, c, r);
}

static void take_segment(struct hs_join *j, struct hs_conn *c, const struct mpnic_hdr *hdr,
			 struct hs_result *r)
{
	if (!j->initiator && join_of(hdr))
		j->want = HS_ACK;
	for (unsigned int i = 0; i < hdr->mptcp_count; i++) {
		enum hs_why why;

		if (hdr->opt[i].error || hdr->opt[i].subtype != MPNIC_SUBTYPE_DSS)
			continue;
		why = hs_take_dss(c, &hdr->opt[i], &j->dss_passes, r);
		if (why == HS_WHY_CSUM_PRESENCE) {
			reset(j, c, why, HS_REASON_MPTCP, r);
			return;
		}
		if (!why)
			continue;
		/* The sender of an infinite mapping has this subflow alone. */
		j->stays = true;
		hs_fall_back(c, why, r);
	}
	/* Rule 18: on a joined subflow there is no way back to TCP. */
	if (j->data_sent && !j->dss_passes && !hdr->mptcp_count &&
	    (int32_t)(hdr->ack - (j->isn + 1)) > 0) {
		reset(j, c, HS_WHY_NO_DATA_ACK, HS_REASON_MIDDLEBOX, r);
		return;
	}
	hs_take_control(c, hdr, false, r);
	if (c->state != HS_CLOSED)
		return;
	close_join(j, c, (enum hs_why)c->why);
	j->want = c->want;
}

static void take_rst(struct hs_join *j, struct hs_conn *c, const struct mpnic_hdr *hdr,
		     struct hs_result *r)
{
	const struct mpnic_opt *opt = hs_find(hdr, MPNIC_SUBTYPE_MP_TCPRST);

	if (j->state == HS_CLOSED || j->state == HS_LISTEN ||
	    (j->state == HS_SYN_SENT && hdr->ack != j->isn + 1)) {
		hs_ignore(c, HS_WHY_STATE, r);
		return;
	}
	if (is_mptcp(c))
		hs_take_control(c, hdr, false, r);
	close_join(j, c, r->events & HS_EV_FASTCLOSE ? HS_WHY_FASTCLOSE : HS_WHY_RST);
	j->want = HS_NOTHING;
	if (opt && !opt->error)
		j->reason = opt->tcprst.reason;
	r->events |= HS_EV_RESET;
	r->why = j->why;
}

void hs_join_receive(struct hs_join *j, struct hs_conn *c, struct mpnic_hdr *hdr, uint64_t now,
		     struct hs_result *r)
{
	const enum hs_kind kind = hs_kind_of(hdr);

	memset(r, 0, sizeof(*r));
	hs_decode(c, hdr);
	if (kind == HS_RST)
		take_rst(j, c, hdr, r);
	else if (kind == HS_SYN && (j->state == HS_LISTEN || j->state == HS_SYN_RECEIVED))
		take_syn(j, c, hdr, now, r);
	else if (kind == HS_SYNACK && j->state == HS_SYN_SENT)
		take_synack(j, c, hdr, now, r);
	else if (kind == HS_SYNACK && j->initiator && j->state != HS_CLOSED &&
		 hdr->ack == j->isn + 1 && hdr->seq == j->peer_isn)
		j->want = HS_ACK;
	else if (kind == HS_ACK && j->state == HS_SYN_RECEIVED)
		take_third(j, c, hdr, r);
	else if (kind == HS_ACK && j->state == HS_THIRD)
		take_acknowledgement(j, c, hdr, r);
	else if (kind == HS_ACK && j->state == HS_ESTABLISHED)
		take_segment(j, c, hdr, r);
	else
		hs_ignore(c, HS_WHY_STATE, r);
	if (kind == HS_ACK && j->state == HS_ESTABLISHED && (r->events & HS_EV_ESTABLISHED))
		take_segment(j, c, hdr, r);
}

/* ---- sending --------------------------------------------------------------------------------- */

static struct mpnic_out_opt syn_opt(const struct hs_join *j, const struct hs_conn *c)
{
	return (struct mpnic_out_opt){
		.opt = {.subtype = MPNIC_SUBTYPE_MP_JOIN,
			.version = c->version,
			.flags = j->backup ? JOIN_BACKUP : 0,
			.addr_id = j->id,
			.fields = FIELD(ADDR_ID) | FIELD(TOKEN) | FIELD(NONCE),
			.join_syn = {.token = c->peer_token, .nonce = j->nonce}}};
}

static struct mpnic_out_opt synack_opt(const struct hs_join *j, const struct hs_conn *c)
{
	uint8_t hmac[MPCRYPTO_JOIN_HMAC_LEN];

	own_hmac(j, c, hmac);
	return (struct mpnic_out_opt){
		.opt = {.subtype = MPNIC_SUBTYPE_MP_JOIN,
			.version = c->version,
			.flags = j->backup ? JOIN_BACKUP : 0,
			.addr_id = j->id,
			.fields = FIELD(ADDR_ID) | FIELD(HMAC) | FIELD(NONCE),
			.join_synack = {.hmac64 = leftmost(hmac), .nonce2 = j->nonce}}};
}

static struct mpnic_out_opt third_opt(const struct hs_join *j, const struct hs_conn *c)
{
	struct mpnic_out_opt o = {.opt = {.subtype = MPNIC_SUBTYPE_MP_JOIN,
					  .version = c->version,
					  .fields = FIELD(HMAC)}};

	own_hmac(j, c, o.opt.join_ack.hmac);
	return o;
}

static int send_established(struct hs_join *j, struct hs_conn *c, const struct hs_segment *s,
			    uint64_t now, unsigned int *room, struct hs_out *out)
{
	int err;

	if (!is_mptcp(c))
		return 0;
	if (!s->len && !s->data_fin) {
		hs_put_control(c, s, now, room, out);
		return 0;
	}
	err = hs_put_mapping(c, s, room, out);
	if (!err && s->len)
		j->data_sent = true;
	return err;
}

static int send_rst(const struct hs_join *j, const struct hs_conn *c, unsigned int *room,
		    struct hs_out *out)
{
	const struct mpnic_out_opt o = hs_tcprst_opt(j->reason);

	if (c->version && j->reason != HS_REASON_NONE)
		hs_put(out, room, &o);
	return 0;
}

static int send_one(struct hs_join *j, const struct hs_conn *c, const struct mpnic_out_opt *o,
		    uint64_t now, unsigned int *room, struct hs_out *out)
{
	hs_timer_sent(&j->timer, c->cfg.rto_ms, UINT8_MAX, now);
	return hs_put(out, room, o) ? 0 : -ENOSPC;
}

static int send_ack(struct hs_join *j, struct hs_conn *c, const struct hs_segment *s, uint64_t now,
		    unsigned int *room, struct hs_out *out)
{
	const struct mpnic_out_opt third = third_opt(j, c);

	if (j->state == HS_ESTABLISHED)
		return send_established(j, c, s, now, room, out);
	if (j->state != HS_THIRD)
		return -EINVAL;
	if (s->len || s->data_fin)
		return -EAGAIN;
	return send_one(j, c, &third, now, room, out);
}

int hs_join_send(struct hs_join *j, struct hs_conn *c, const struct hs_segment *s, uint64_t now,
		 struct hs_out *out)
{
	const struct mpnic_out_opt syn = syn_opt(j, c), synack = synack_opt(j, c);
	unsigned int room = s->room < MPNIC_TCP_OPT_MAX ? s->room : MPNIC_TCP_OPT_MAX;
	int err = -EINVAL;

	memset(out, 0, sizeof(*out));
	if (s->kind == HS_SYN && j->state == HS_SYN_SENT)
		err = send_one(j, c, &syn, now, &room, out);
	else if (s->kind == HS_SYNACK && j->state == HS_SYN_RECEIVED)
		err = send_one(j, c, &synack, now, &room, out);
	else if (s->kind == HS_ACK)
		err = send_ack(j, c, s, now, &room, out);
	else if (s->kind == HS_RST) {
		err = send_rst(j, c, &room, out);
		close_join(j, c, j->why ? (enum hs_why)j->why : HS_WHY_RST);
	}
	if (err != -EAGAIN && j->want == s->kind)
		j->want = HS_NOTHING;
	return err;
}

uint64_t hs_join_deadline(const struct hs_join *j)
{
	if (j->want)
		return 0;
	return j->state == HS_CLOSED ? HS_NEVER : j->timer.due;
}

/* Of a connection that is TCP one subflow remains (rule 26), as of one that is closed fast (3.5).
 */
static void end_with_mptcp(struct hs_join *j, struct hs_conn *c)
{
	if (is_mptcp(c) || j->stays || j->state == HS_CLOSED || j->state == HS_LISTEN)
		return;
	close_join(j, c, (enum hs_why)c->why);
	j->want = HS_RST;
}

enum hs_kind hs_join_due(struct hs_join *j, struct hs_conn *c, uint64_t now)
{
	end_with_mptcp(j, c);
	if (j->want || j->state == HS_CLOSED || j->timer.due > now)
		return (enum hs_kind)j->want;
	if (j->timer.tries >= HS_TRIES) {
		close_join(j, c, HS_WHY_SILENT);
		return HS_NOTHING;
	}
	if (j->state == HS_SYN_SENT)
		return HS_SYN;
	return j->state == HS_SYN_RECEIVED ? HS_SYNACK : HS_ACK;
}

void hs_tcprst(uint8_t reason, struct hs_out *out)
{
	memset(out, 0, sizeof(*out));
	out->opt[out->count++] = hs_tcprst_opt(reason);
}
