/* SPDX-License-Identifier: BSD-3-Clause */
#include "conn.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "mpcrypto.h"
#include "rte_pmd_mpnic.h"

enum {
	FIN = 1,
	SYN = 2,
	RST = 4,
	ACK = 16,
	TOKEN_CAP = 4, /* subflows that are learnt from a token before one is confirmed */
};

/* ---- frames --------------------------------------------------------------------------------- */

/* The segment's first option of a subtype, or NULL. One with an error has no fields. */
static const struct mpnic_opt *option(const struct mpnic_hdr *h, unsigned int subtype)
{
	for (unsigned int i = 0; i < h->mptcp_count; i++)
		if (h->opt[i].subtype == subtype && !h->opt[i].error)
			return &h->opt[i];
	return NULL;
}

/* The key of a frame's flow: the end that is lower comes first. Returns whether that is the
 * receiver. */
static bool flow_key(const struct mpnic_hdr *h, struct mpnic_key *key)
{
	const int order = memcmp(h->src, h->dst, sizeof(h->src));
	const bool flip = order > 0 || (!order && h->sport > h->dport);

	*key = (struct mpnic_key){
		.lo_port = flip ? h->dport : h->sport,
		.hi_port = flip ? h->sport : h->dport,
		.proto = h->ip_proto,
		.kind = h->ip_version,
	};
	memcpy(key->lo_addr, flip ? h->dst : h->src, sizeof(key->lo_addr));
	memcpy(key->hi_addr, flip ? h->src : h->dst, sizeof(key->hi_addr));
	return flip;
}

static struct conn_subflow *find(struct conn *c, const struct mpnic_key *key)
{
	for (unsigned int i = 0; i < c->subflows; i++)
		if (!memcmp(&c->subflow[i].key, key, sizeof(*key)))
			return &c->subflow[i];
	return NULL;
}

/* A subflow whose opener sent @h. NULL: there is no room. */
static struct conn_subflow *add(struct conn *c, const struct mpnic_hdr *h)
{
	const int family = h->ip_version == 6 ? AF_INET6 : AF_INET;
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	struct conn_subflow *s;

	if (c->subflows == CONN_SUBFLOWS)
		return NULL;
	s = &c->subflow[c->subflows++];
	flow_key(h, &s->key);
	inet_ntop(family, h->src, src, sizeof(src));
	inet_ntop(family, h->dst, dst, sizeof(dst));
	snprintf(s->name, sizeof(s->name), "%s.%u > %s.%u", src, h->sport, dst, h->dport);
	return s;
}

/* Subflows are numbered by marks: a frame with one is of a verified subflow, and says of which. */
static struct mpnic_action mark_of(const struct conn *c, const struct conn_subflow *s)
{
	/* An mbuf has the action's mark - 1, which is the index. */
	return (struct mpnic_action){
		.actions = MPNIC_ACTION_MARK,
		.mark = (uint32_t)(s - c->subflow) + 1,
	};
}

bool conn_has(const struct conn *c, const struct mpnic_hdr *h)
{
	struct mpnic_key key;

	if (!c->known || h->parse != MPNIC_PARSE_TCP)
		return false;
	flow_key(h, &key);
	return !memcmp(&c->subflow[0].key, &key, sizeof(key));
}

/* ---- the connection ------------------------------------------------------------------------- */

static int add_conn(const struct conn *c, const uint32_t token[2], bool csum)
{
	struct mpnic_conn conn = {
		.version = (uint8_t)c->version,
		.flags = csum ? MPNIC_CONN_CSUM : 0,
		.subflows = 1,
	};

	for (unsigned int side = 0; side < 2; side++) {
		conn.idsn[side] = c->idsn[side];
		conn.dsn_next[side] = c->idsn[side] + 1;
		conn.token[side] = token[side];
	}
	return rte_pmd_mpnic_conn_set(c->port, CONN_ID, &conn);
}

/* From now on the card learns subflows by itself, from MP_JOINs with this token. */
static int add_token(const struct conn *c, unsigned int side, uint32_t token)
{
	const struct mpnic_token_entry entry = {
		.token = token,
		.conn_id = CONN_ID,
		.flags = side ? MPNIC_TOKEN_ENTRY_SIDE_B : 0,
		.cap = TOKEN_CAP,
	};

	return rte_pmd_mpnic_token_add(c->port, &entry);
}

/*
 * A SYN/ACK has the first numbers of both sides: its own, and the client's in what it acknowledges,
 * which counts data that was taken from the SYN. The third packet has not always: if it was lost,
 * data with MP_CAPABLE stands for it, of which a segment behind the first may come first.
 */
static void note_answer(struct conn *c, const struct mpnic_hdr *h)
{
	flow_key(h, &c->answered);
	c->isn[0] = h->ack - 1;
	c->isn[1] = h->seq;
}

/*
 * PUNT is for frames that this program sends to have them looked at again: the card gives them back
 * instead of sending them.
 */
static int add_flow(struct conn *c, const struct mpnic_hdr *h)
{
	const uint32_t flags = MPNIC_DIR_ISN | MPNIC_DIR_CAPABLE |
			       (c->version == MPNIC_GIVEN_V1 ? MPNIC_DIR_CAPABLE_V1 : 0);
	const struct mpnic_dir client = {.isn = c->isn[0], .flags = flags | MPNIC_DIR_THIRD};
	const struct mpnic_dir server = {.isn = c->isn[1], .flags = flags};
	struct mpnic_admin_flow flow = {.conn_id = CONN_ID, .flags = MPNIC_FLOW_STATE_FIRST};
	struct conn_subflow *s = add(c, h);
	struct mpnic_action action = mark_of(c, s);
	struct mpnic_key key;
	uint32_t id;
	int err;

	if (flow_key(h, &key))
		flow.flags |= MPNIC_FLOW_STATE_FLIP;
	action.actions |= MPNIC_ACTION_PUNT;
	memcpy(flow.key, &key, sizeof(flow.key));
	memcpy(flow.action, &action, sizeof(flow.action));
	err = rte_pmd_mpnic_flow_add(c->port, &flow, &id);
	if (!err)
		err = rte_pmd_mpnic_flow_dss_set(c->port, id, 1, &server);
	if (!err)
		err = rte_pmd_mpnic_flow_dss_set(c->port, id, 0, &client);
	s->verified = !err;
	return err;
}

/* Whether it has both keys, and is of the flow that was answered last. */
static bool is_third(const struct conn *c, const struct mpnic_hdr *h, const struct mpnic_opt *o)
{
	const unsigned int keys = MPNIC_FIELD_SENDER_KEY | MPNIC_FIELD_RECEIVER_KEY;
	struct mpnic_key key;

	flow_key(h, &key);
	return (o->fields & keys) == keys && (h->tcp_flags & (SYN | RST | FIN | ACK)) == ACK &&
	       !memcmp(&key, &c->answered, sizeof(key));
}

int conn_open(struct conn *c, const struct mpnic_hdr *h)
{
	const struct mpnic_opt *o = option(h, MPNIC_SUBTYPE_MP_CAPABLE);
	uint32_t token[2];
	int err;

	if (c->known || !o)
		return 0;
	if ((h->tcp_flags & (SYN | ACK)) == (SYN | ACK))
		note_answer(c, h);
	if (!is_third(c, h, o))
		return 0;
	c->known = true;
	c->version = o->version ? MPNIC_GIVEN_V1 : MPNIC_GIVEN_V0;
	c->key[0] = o->capable.sender_key;
	c->key[1] = o->capable.receiver_key;
	for (unsigned int side = 0; side < 2; side++)
		mpcrypto_key(o->version, c->key[side], &token[side], &c->idsn[side]);
	/* The flow last: frames that find it find all the rest. */
	err = add_conn(c, token, o->flags & MPNIC_CAPABLE_A);
	for (unsigned int side = 0; side < 2 && !err; side++)
		err = add_token(c, side, token[side]);
	return err ? err : add_flow(c, h);
}

/* ---- further subflows ----------------------------------------------------------------------- */

/* The HMAC that the third packet's sender must have made (RFC 8684 3.2). */
static bool hmac_is_right(const struct conn *c, const struct conn_subflow *s, unsigned int side,
			  const struct mpnic_opt *o)
{
	uint8_t hmac[MPCRYPTO_JOIN_HMAC_LEN];

	mpcrypto_join(c->version == MPNIC_GIVEN_V1, c->key[side], c->key[!side], s->nonce[side],
		      s->nonce[!side], hmac);
	return !memcmp(hmac, o->join_ack.hmac, sizeof(hmac));
}

/* Keep the subflow that the card has learnt: in 30 s it would remove it. */
static bool confirm(const struct conn *c, struct conn_subflow *s)
{
	const struct mpnic_action mark = mark_of(c, s);
	struct mpnic_admin_flow_state state;

	s->verified = !rte_pmd_mpnic_flow_get(c->port, &s->key, &state) &&
		      !rte_pmd_mpnic_flow_confirm(c->port, &s->key) &&
		      !rte_pmd_mpnic_flow_set(c->port, state.flow_id, &mark);
	return s->verified;
}

bool conn_join(struct conn *c, const struct mpnic_hdr *h, unsigned int side)
{
	const struct mpnic_opt *o = option(h, MPNIC_SUBTYPE_MP_JOIN);
	struct conn_subflow *s;
	struct mpnic_key key;

	if (!o)
		return true;
	flow_key(h, &key);
	s = find(c, &key);
	if (!s && h->tcp_flags & SYN)
		s = add(c, h);
	if (!s)
		return false;
	if (h->tcp_flags & SYN) {
		s->nonce[side] = h->tcp_flags & ACK ? o->join_synack.nonce2 : o->join_syn.nonce;
		return true;
	}
	if (!(o->fields & MPNIC_FIELD_HMAC) || s->verified)
		return true;
	if (hmac_is_right(c, s, side, o))
		return confirm(c, s);
	/* The server will reset it; to us it is no subflow of this connection. */
	rte_pmd_mpnic_flow_remove(c->port, &key);
	return true;
}
