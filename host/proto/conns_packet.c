/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection tracker: what packets say. */
#include <string.h>

#include "conns_internal.h"
#include "mpcrypto.h"

/* Bytes that a segment may be ahead of the handshake and still speak of it. */
#define NEAR_HANDSHAKE 65536u

static bool is_syn(const struct mpnic_hdr *h)
{
	return (h->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

static bool is_synack(const struct mpnic_hdr *h)
{
	return (h->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == (TCP_SYN | TCP_ACK);
}

/* As docs/state.md has it: what is not sound changes no state. */
static bool is_sound(const struct mpnic_hdr *h, const struct mpnic_csum *csum)
{
	return h->parse == MPNIC_PARSE_TCP && csum->ip != MPNIC_CSUM_BAD &&
	       csum->ip != MPNIC_CSUM_NOT_JUDGED &&
	       (csum->l4 == MPNIC_CSUM_GOOD || csum->l4 == MPNIC_CSUM_PARTIAL);
}

static const struct mpnic_opt *find_opt(const struct mpnic_hdr *h, unsigned int subtype)
{
	for (unsigned int i = 0; i < h->mptcp_count; i++)
		if (h->opt[i].subtype == subtype)
			return &h->opt[i];
	return NULL;
}

static const struct mpnic_opt *find_good(const struct mpnic_hdr *h, unsigned int subtype)
{
	const struct mpnic_opt *o = find_opt(h, subtype);

	return o && !o->error ? o : NULL;
}

static bool is_broken(const struct mpnic_hdr *h)
{
	return h->tcpopt == MPNIC_TCPOPT_LEN_BELOW_2 || h->tcpopt == MPNIC_TCPOPT_OVERRUN;
}

static void find(struct step *s, uint8_t network)
{
	conns_key(s->c, s->h, &s->key, &s->upper);
	s->flow = conns_find_flow(s->c, &s->key, network);
	if (!s->flow)
		return;
	s->conn = conn_of(s->c, s->flow);
	s->dir = s->upper != s->flow->upper;
	s->side = s->dir ^ s->flow->opener;
}

/* ---- SYN ------------------------------------------------------------------------------------ */

static void read_syn(const struct step *s, struct syn *syn)
{
	const struct mpnic_hdr *h = s->h;
	const struct mpnic_opt *capable = find_opt(h, MPNIC_SUBTYPE_MP_CAPABLE);
	const struct mpnic_opt *join = find_good(h, MPNIC_SUBTYPE_MP_JOIN);

	*syn = (struct syn){
		.time_ns = s->c->now,
		.isn = h->seq,
		.window = h->window,
		.data = h->payload_len,
		.wscale = h->flags & MPNIC_HDR_WSCALE ? h->wscale : UINT8_MAX,
		.seen = true,
		.out = s->p->out,
		.upper = s->upper,
		.stripped = s->p->out && capable && s->p->sent == CONNS_SENT_STRIPPED,
	};
	if (capable && !syn->stripped) {
		syn->kind = SYN_CAPABLE;
		syn->version = capable->version;
		syn->flags = capable->flags;
		syn->length = capable->length;
		syn->error = capable->error;
		syn->key =
			capable->fields & MPNIC_FIELD_SENDER_KEY ? capable->capable.sender_key : 0;
	} else if (join && !capable) {
		syn->kind = SYN_JOIN;
		syn->token = join->join_syn.token;
		syn->nonce = join->join_syn.nonce;
		syn->addr_id = join->addr_id;
		syn->backup = join->flags & 1;
	}
}

static void find_end(const struct mpnic_key *key, bool upper, struct place *at)
{
	*at = (struct place){.addr.version = key->kind,
			     .port = upper ? key->hi_port : key->lo_port};
	memcpy(at->addr.bytes, upper ? key->hi_addr : key->lo_addr, sizeof(at->addr.bytes));
}

static bool same_place(const struct place *a, const struct place *b)
{
	return a->port == b->port && a->addr.version == b->addr.version &&
	       !memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr.bytes));
}

static struct flow *add_flow(struct step *s, struct conn *n, const struct syn *syn, uint8_t network)
{
	struct flow *f = conns_new_flow(s->c, n, &s->key, network);

	if (!f)
		return NULL;
	f->syn = *syn;
	f->out = syn->out;
	f->upper = syn->upper;
	f->window[0] = syn->window;
	conns_deadline(s->c, f);
	s->flow = f;
	s->conn = n;
	s->dir = 0;
	return f;
}

/* A SYN of no connection that is known, with MP_CAPABLE or plain. */
static struct flow *begin_conn(struct step *s, const struct syn *syn, uint8_t network)
{
	struct conns *c = s->c;
	struct conn *n = conns_new_conn(c, syn->out);
	struct place peer;
	struct flow *f;

	if (!n)
		return NULL;
	n->info.network = network;
	n->info.syns = 1;
	n->plain_syns = syn->kind != SYN_CAPABLE;
	if (syn->kind == SYN_CAPABLE)
		n->offer = *syn;
	find_end(&s->key, syn->upper != syn->out, &peer);
	n->peer.kind = peer.addr.version;
	n->peer.hi_port = peer.port;
	memcpy(n->peer.hi_addr, peer.addr.bytes, sizeof(n->peer.hi_addr));
	f = add_flow(s, n, syn, network);
	if (!f) {
		conns_end_conn(c, n, NOBODY);
		return NULL;
	}
	f->first = true;
	c->counts.began += syn->kind == SYN_CAPABLE;
	if (syn->kind == SYN_CAPABLE)
		conns_log(c, n, CONNS_BEGAN, 0, 0, 0);
	return f;
}

/* At most so many at once of one connection: an oldest one goes. */
static void limit_joins(struct conns *c, struct conn *n)
{
	struct flow *oldest = NULL;
	unsigned int half = 0;

	for (unsigned int i = 0; i < CONNS_FLOWS_MAX; i++) {
		struct flow *f = n->flow[i] == NONE ? NULL : &c->flow[n->flow[i]];

		if (!f || !f->in_half)
			continue;
		half++;
		if (!oldest || f->syn.time_ns < oldest->syn.time_ns)
			oldest = f;
	}
	if (half < CONNS_HALF_JOINS)
		return;
	c->counts.evicted_join++;
	conns_end_flow(c, oldest, NOBODY);
}

static void check_new_join(struct step *s, struct conn *n, const struct syn *syn, unsigned int by)
{
	struct place to;

	find_end(&s->key, !syn->upper, &to);
	for (unsigned int i = 0; i < n->faileds; i++)
		if (same_place(&n->failed[i], &to))
			conns_note(s->c, n, 34, (uint8_t)by);
	if (!n->dss_seen[!by] && !n->info.confirmed)
		conns_note(s->c, n, 14, (uint8_t)by);
}

static struct flow *begin_join(struct step *s, const struct syn *syn, uint8_t network)
{
	struct conns *c = s->c;
	unsigned int owner;
	struct conn *n = conns_find_token(c, syn->token, !syn->out, &owner);
	struct flow *f;

	if (!n) {
		if (!s->v) /* the packet itself counts */
			return NULL;
		c->counts.join_unknown++;
		s->v->found = CONNS_JOIN_UNKNOWN;
		return NULL;
	}
	if (s->v)
		s->v->number = n->info.number;
	if (n->info.state == CONNS_TCP) {
		c->counts.join_fallback++;
		conns_note(c, n, 26, !owner);
		if (s->v)
			s->v->found = CONNS_JOIN_FALLBACK;
		return NULL;
	}
	check_new_join(s, n, syn, !owner);
	limit_joins(c, n);
	if (!is_live(n))
		return NULL;
	if (c->half_joins.count >= c->config.half_joins) {
		c->counts.evicted_join++;
		conns_end_flow(c, &c->flow[c->half_joins.first], NOBODY);
	}
	f = is_live(n) ? add_flow(s, n, syn, network) : NULL;
	if (!f)
		return NULL;
	f->opener = !owner;
	f->backup[0] = syn->backup;
	s->side = f->opener;
	conns_half_join(c, f, true);
	c->counts.joins++;
	conns_log(c, n, CONNS_JOIN_BEGAN, 0, f->opener, syn->addr_id);
	return f;
}

struct flow *conns_begin(struct step *s, const struct syn *syn, uint8_t network)
{
	return syn->kind == SYN_JOIN ? begin_join(s, syn, network) : begin_conn(s, syn, network);
}

/* The same SYN again: MP_CAPABLE may be gone from it (rule 4). */
static void syn_again(struct step *s, const struct syn *syn)
{
	struct conn *n = s->conn;
	struct flow *f = s->flow;

	if (f->first) {
		n->info.syns++;
		if (syn->kind == SYN_CAPABLE) {
			n->offer = *syn;
			n->offer.time_ns = f->syn.time_ns;
		} else if (n->plain_syns < UINT8_MAX) {
			n->plain_syns++;
		}
	}
	if (f->syn.partial && syn->kind == SYN_JOIN) {
		f->syn = *syn;
		f->backup[0] = syn->backup;
		f->window[0] = syn->window;
	}
	if (f->state == CONNS_SYN)
		conns_deadline(s->c, f);
}

static void on_syn(struct step *s)
{
	struct flow *f = s->flow;
	struct syn syn;

	read_syn(s, &syn);
	if (f && !s->dir && f->syn.isn == syn.isn) {
		syn_again(s, &syn);
		return;
	}
	/*
	 * A SYN inside a connection is answered by a challenge, not obeyed (RFC 5961 4): the old
	 * one ends when the other end takes the new one. The host knows what it does.
	 */
	if (f && !syn.out) {
		s->c->counts.second_syn++;
		f->again = syn;
		return;
	}
	if (f)
		conns_end_flow(s->c, f, (uint8_t)s->side);
	s->flow = NULL;
	s->conn = NULL;
	if (!conns_begin(s, &syn, s->p->network) && s->v->found == CONNS_FINE)
		s->v->found = CONNS_LEFT_OUT;
}

/* ---- SYN/ACK -------------------------------------------------------------------------------- */

/* Does it acknowledge the SYN, and some of its data at most? */
static bool answers(const struct mpnic_hdr *h, const struct syn *syn)
{
	return syn->seen && h->ack - (syn->isn + 1) <= syn->data;
}

static void bind_nic(struct conns *c, struct conn *n, struct flow *f)
{
	n->bound = n->info.key_known[0] && n->info.key_known[1];
	if (!n->bound)
		return;
	f->nic_want = true;
	n->set_due = true;
	conns_due(c, n);
}

/* Why a SYN/ACK without MP_CAPABLE has none, as far as that can be told. */
static uint8_t rule_of_absence(const struct conn *n)
{
	if (n->offer.error == MPNIC_OPT_ERROR_EXTENSIBILITY)
		return 8;
	if (n->offer.error == MPNIC_OPT_ERROR_NO_CRYPTO)
		return 9;
	return n->plain_syns ? 4 : 1;
}

static void answer_absent(struct step *s)
{
	struct conn *n = s->conn;

	if (n->info.out && is_broken(s->h))
		conns_sight(s->c, n, SIGHT_MALFORMED);
	else if (n->info.out)
		conns_sight(s->c, n, n->plain_syns ? SIGHT_DROPPED : SIGHT_ABSENT);
	conns_fall_back(s->c, n, is_broken(s->h) ? 12 : rule_of_absence(n), 1);
}

static bool is_echo(const struct conn *n, const struct mpnic_opt *o)
{
	if (o->error)
		return o->length == n->offer.length && o->flags == n->offer.flags &&
		       o->version == n->offer.version;
	return n->offer.key && o->capable.sender_key == n->offer.key;
}

/* An answer that cannot be taken; returns whether it is one. */
static bool answer_bad(struct step *s, const struct mpnic_opt *o)
{
	struct conn *n = s->conn;
	const bool echo = is_echo(n, o);
	uint8_t rule = 13;

	if (!o->error && !echo && o->version <= n->offer.version)
		return false;
	if (!o->error && !echo)
		rule = 5;
	if (n->info.out)
		conns_sight(s->c, n, echo ? SIGHT_ECHO : SIGHT_MALFORMED);
	conns_fall_back(s->c, n, rule, 1);
	return true;
}

static void answer_good(struct step *s, const struct mpnic_opt *o)
{
	struct conns *c = s->c;
	struct conn *n = s->conn;

	if (n->info.out)
		conns_sight(c, n, o->version ? SIGHT_ANSWER_V1 : SIGHT_ANSWER_V0);
	if (o->version < n->offer.version && !(o->version == 1 && n->offer.version > 1)) {
		conns_fall_back(c, n, 7, 1);
		return;
	}
	n->answer_good = true;
	n->info.state = s->flow->state = CONNS_ANSWER;
	n->info.version = o->version;
	n->info.csum = (n->offer.flags | o->flags) & MPNIC_CAPABLE_A;
	n->info.deny_join[1] = o->version && (o->flags & MPNIC_CAPABLE_C);
	n->info.deny_join[0] = o->version && (n->offer.flags & MPNIC_CAPABLE_C);
	conns_log(c, n, CONNS_ANSWERED, 0, 1, 0);
	if (!o->version)
		conns_learn_key(c, n, 0, n->offer.key);
	conns_learn_key(c, n, 1, o->capable.sender_key);
	bind_nic(c, n, s->flow);
}

/* The answer to a plain SYN. */
static void answer_to_plain(struct step *s, const struct mpnic_opt *o)
{
	if (o)
		conns_note(s->c, s->conn, 2, 1);
	/* A client is known by its third packet; of a plain SYN of the host nothing more is told.
	 */
	if (s->conn->info.out)
		conns_end_conn(s->c, s->conn, 1);
}

static void answer_first(struct step *s)
{
	struct conn *n = s->conn;
	const struct mpnic_opt *o = find_opt(s->h, MPNIC_SUBTYPE_MP_CAPABLE);

	if (!n->offer.seen) {
		answer_to_plain(s, o);
		return;
	}
	if (!o || is_broken(s->h)) {
		answer_absent(s);
		return;
	}
	if (!answer_bad(s, o))
		answer_good(s, o);
}

/* A new ADD_ADDR makes a new try legal (rule 34). */
static void forget_failed(struct conn *n, const struct place *at)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < n->faileds; i++) {
		const bool same = !memcmp(&n->failed[i].addr, &at->addr, sizeof(at->addr)) &&
				  (!at->port || n->failed[i].port == at->port);

		if (!same)
			n->failed[kept++] = n->failed[i];
	}
	n->faileds = (uint8_t)kept;
}

/* A later packet with the right HMAC still makes it a subflow: a wrong one may be anybody's. */
static void fail_join(struct step *s, bool bad)
{
	struct conns *c = s->c;
	struct flow *f = s->flow;
	struct conn *n = s->conn;

	if (bad)
		s->v->found = CONNS_JOIN_BAD;
	c->counts.join_bad += bad;
	if (f->failed)
		return;
	f->failed = true;
	f->nic_want = false;
	if (f->nic != NIC_NONE)
		conns_due(c, n);
	conns_note(c, n, 28, (uint8_t)s->side);
	conns_log(c, n, CONNS_JOIN_FAILED, 28, (uint8_t)s->side, f->syn.addr_id);
	if (n->faileds == FAILED_JOINS)
		memmove(n->failed, n->failed + 1, sizeof(n->failed[0]) * --n->faileds);
	find_end(&f->key, !f->upper, &n->failed[n->faileds++]);
}

static bool both_keys(const struct conn *n)
{
	return n->info.key_known[0] && n->info.key_known[1];
}

static void join_hmac(const struct step *s, uint8_t hmac[MPCRYPTO_JOIN_HMAC_LEN])
{
	const struct conn *n = s->conn;
	const struct flow *f = s->flow;
	const uint32_t nonce[2] = {f->syn.nonce, f->nonce_peer};

	mpcrypto_join(n->info.version, n->key[s->side], n->key[!s->side], nonce[s->dir],
		      nonce[!s->dir], hmac);
}

static void answer_join(struct step *s)
{
	const struct mpnic_opt *o = find_good(s->h, MPNIC_SUBTYPE_MP_JOIN);
	struct flow *f = s->flow;
	uint8_t hmac[MPCRYPTO_JOIN_HMAC_LEN];
	uint64_t left;

	if (!o) {
		fail_join(s, false);
		return;
	}
	f->id_peer = o->addr_id;
	f->backup[1] = o->flags & 1;
	f->nonce_peer = o->join_synack.nonce2;
	f->synack_hmac = CONNS_HMAC_UNKNOWN;
	if (both_keys(s->conn)) {
		join_hmac(s, hmac);
		memcpy(&left, hmac, sizeof(left));
		f->synack_hmac = __builtin_bswap64(left) == o->join_synack.hmac64 ? CONNS_HMAC_GOOD
										  : CONNS_HMAC_BAD;
	}
	f->state = CONNS_ANSWER;
	if (f->synack_hmac == CONNS_HMAC_BAD)
		fail_join(s, true);
}

/* The other end took the new SYN: the old connection is over. */
static bool starts_again(struct step *s)
{
	const struct syn syn = s->flow->again;

	if (!answers(s->h, &syn) || syn.upper == s->upper)
		return false;
	conns_end_flow(s->c, s->flow, (uint8_t)s->side);
	s->flow = NULL;
	s->conn = NULL;
	if (!conns_begin(s, &syn, s->p->network))
		return false;
	s->dir = 1;
	s->side = s->dir ^ s->flow->opener;
	return true;
}

static void on_synack(struct step *s)
{
	struct flow *f = s->flow;

	if (s->dir != 1 || !answers(s->h, &f->syn)) {
		if (!starts_again(s)) {
			s->c->counts.bad_ack++;
			if (s->conn && s->flow->state == CONNS_SYN && s->flow->first)
				conns_note(s->c, s->conn, 12, (uint8_t)s->side);
			return;
		}
		f = s->flow;
	}
	if (f->answered && !(f->isn_peer != s->h->seq && s->p->out && !f->third))
		return; /* sent again; the initiator takes the first one */
	f->isn_peer = s->h->seq;
	f->wscale_peer = s->h->flags & MPNIC_HDR_WSCALE ? s->h->wscale : UINT8_MAX;
	f->answer_data = s->h->payload_len;
	f->window[1] = s->h->window;
	if (f->answered)
		return;
	f->answered = true;
	conns_deadline(s->c, f);
	if (f->first)
		answer_first(s);
	else
		answer_join(s);
}

/* ---- third packet --------------------------------------------------------------------------- */

static void tell_client(struct step *s)
{
	struct conn *n = s->conn;
	enum sight_what what = SIGHT_CLIENT_TCP;

	if (n->info.out || n->told_client)
		return;
	n->told_client = true;
	if (n->offer.seen && !n->offer.error)
		what = n->offer.version ? SIGHT_CLIENT_V1 : SIGHT_CLIENT_V0;
	conns_sight(s->c, n, what);
}

static void open_conn(struct step *s)
{
	struct conns *c = s->c;
	struct conn *n = s->conn;

	n->info.state = s->flow->state = CONNS_OPEN;
	c->counts.opened++;
	conns_to_list(c, n, LIST_OPEN);
	conns_log(c, n, CONNS_OPENED, 0, 0, 0);
	tell_client(s);
}

static bool is_confirming(const struct conn *n, const struct mpnic_opt *o)
{
	return o->version == n->info.version && o->capable.receiver_key == n->key[1] &&
	       (!n->info.key_known[0] || o->capable.sender_key == n->key[0]);
}

/* Both numbers as a segment right behind the handshake has them: who sent it saw the SYN/ACK. */
static bool is_near(const struct step *s)
{
	const struct flow *f = s->flow;
	const struct mpnic_hdr *h = s->h;

	return h->ack - (f->isn_peer + 1) <= f->answer_data &&
	       h->seq - (f->syn.isn + 1) < NEAR_HANDSHAKE;
}

static uint8_t rule_of_bare(const struct step *s)
{
	if (is_broken(s->h))
		return 12;
	if (s->h->payload_len)
		return s->conn->info.version ? 15 : 16;
	return s->conn->plain_syns ? 4 : 3;
}

static void end_handshake(struct step *s, uint8_t rule)
{
	if (!is_near(s))
		return;
	tell_client(s);
	conns_fall_back(s->c, s->conn, rule, 0);
}

/* A's MP_CAPABLE with both keys. */
static void confirm(struct step *s, const struct mpnic_opt *o)
{
	struct conns *c = s->c;
	struct conn *n = s->conn;

	if (!is_confirming(n, o)) {
		if (n->info.state == CONNS_OPEN)
			conns_note(c, n, 13, 0);
		else
			end_handshake(s, 13);
		return;
	}
	if (n->info.csum && !(o->flags & MPNIC_CAPABLE_A))
		conns_note(c, n, 10, 0);
	conns_learn_key(c, n, 0, o->capable.sender_key);
	if (n->info.state == CONNS_ANSWER)
		open_conn(s);
	if (!n->bound)
		bind_nic(c, n, s->flow);
}

static void third_of_first(struct step *s)
{
	struct conn *n = s->conn;
	const struct mpnic_opt *o = find_opt(s->h, MPNIC_SUBTYPE_MP_CAPABLE);

	if (n->info.state == CONNS_ANSWER || n->info.state == CONNS_OPEN) {
		if (o && o->fields & MPNIC_FIELD_RECEIVER_KEY)
			confirm(s, o);
		else if (n->info.state == CONNS_OPEN)
			return;
		else if (o && o->error == MPNIC_OPT_ERROR_LENGTH && !n->info.version &&
			 s->h->payload_len)
			end_handshake(s, 16);
		else if (o)
			end_handshake(s, 13);
		else if (!find_good(s->h, MPNIC_SUBTYPE_DSS))
			end_handshake(s, rule_of_bare(s));
		else if (is_near(s))
			open_conn(s); /* its MP_CAPABLE did not come by here */
		return;
	}
	if (!s->flow->answered || !is_near(s))
		return;
	tell_client(s);
	if (!n->offer.seen)
		conns_end_conn(s->c, n, 0); /* plain TCP: nothing more is to be known */
}

static void third_of_join(struct step *s)
{
	struct conns *c = s->c;
	struct flow *f = s->flow;
	const struct mpnic_opt *o = find_opt(s->h, MPNIC_SUBTYPE_MP_JOIN);
	uint8_t hmac[MPCRYPTO_JOIN_HMAC_LEN];

	if (f->state == CONNS_OPEN || !f->answered)
		return;
	if (!o || o->error) {
		if (is_near(s) && f->ack_hmac == CONNS_HMAC_NONE &&
		    f->synack_hmac != CONNS_HMAC_NONE)
			fail_join(s, false);
		return;
	}
	f->ack_hmac = CONNS_HMAC_UNKNOWN;
	if (both_keys(s->conn)) {
		join_hmac(s, hmac);
		f->ack_hmac = !memcmp(hmac, o->join_ack.hmac, sizeof(hmac)) ? CONNS_HMAC_GOOD
									    : CONNS_HMAC_BAD;
	}
	if (f->ack_hmac == CONNS_HMAC_BAD) {
		fail_join(s, true);
		return;
	}
	if (f->failed) {
		struct place to;

		find_end(&f->key, !f->upper, &to);
		forget_failed(s->conn, &to);
		f->failed = false;
	}
	if (s->h->payload_len)
		conns_note(c, s->conn, 29, (uint8_t)s->side);
	f->state = CONNS_OPEN;
	conns_half_join(c, f, false);
	c->counts.joined++;
	conns_log(c, s->conn, CONNS_JOINED, 0, f->opener, f->syn.addr_id);
	if (f->ack_hmac != CONNS_HMAC_GOOD || !s->conn->bound)
		return;
	f->nic_want = true;
	conns_due(c, s->conn);
}

static void on_third(struct step *s)
{
	struct flow *f = s->flow;

	if (f->answered && !f->third && is_near(s)) {
		f->third = true;
		f->third_ns = s->c->now;
	}
	if (f->first)
		third_of_first(s);
	else
		third_of_join(s);
}

/* ---- control options ------------------------------------------------------------------------ */

static void set_place(const struct mpnic_opt *o, struct place *at)
{
	*at = (struct place){.port = o->fields & MPNIC_FIELD_PORT ? o->port : 0};
	at->addr.version = o->fields & MPNIC_FIELD_ADDR6 ? 6 : 4;
	memcpy(at->addr.bytes, o->add_addr.addr, sizeof(at->addr.bytes));
}

static struct conns_addr *find_addr(struct conn *n, unsigned int side, uint8_t id)
{
	for (unsigned int i = 0; i < n->info.addrs[side]; i++)
		if (n->info.addr[side][i].id == id)
			return &n->info.addr[side][i];
	return NULL;
}

static void echo_addr(struct step *s, const struct mpnic_opt *o)
{
	struct conns_addr *a = find_addr(s->conn, !s->side, o->addr_id);

	if (a)
		a->echoed = true;
}

static enum conns_hmac judge_addr(const struct step *s, const struct mpnic_opt *o)
{
	const struct conn *n = s->conn;
	const size_t len = o->fields & MPNIC_FIELD_ADDR6 ? 16 : 4;

	if (!(o->fields & MPNIC_FIELD_HMAC))
		return CONNS_HMAC_NONE;
	if (!both_keys(n))
		return CONNS_HMAC_UNKNOWN;
	return o->add_addr.addr_hmac == mpcrypto_add_addr(n->key[s->side], n->key[!s->side],
							  o->addr_id, o->add_addr.addr, len,
							  o->port)
		       ? CONNS_HMAC_GOOD
		       : CONNS_HMAC_BAD;
}

static void on_add_addr(struct step *s, const struct mpnic_opt *o)
{
	struct conn *n = s->conn;
	const enum conns_hmac hmac = judge_addr(s, o);
	struct conns_addr *a = find_addr(n, s->side, o->addr_id);
	struct place at;

	if (o->version == 1 && (o->flags & 1)) {
		echo_addr(s, o);
		return;
	}
	if (hmac == CONNS_HMAC_BAD) {
		s->c->counts.addr_bad++;
		conns_note(s->c, n, 30, (uint8_t)s->side);
		s->v->found = CONNS_ADDR_BAD;
		return;
	}
	set_place(o, &at);
	forget_failed(n, &at);
	if (!a && n->info.addrs[s->side] == CONNS_ADDRS_MAX) {
		s->c->counts.left_out_addrs++;
		return;
	}
	if (a && !memcmp(&a->addr, &at.addr, sizeof(at.addr)) && a->port == at.port)
		return; /* sent again */
	if (!a)
		a = &n->info.addr[s->side][n->info.addrs[s->side]++];
	*a = (struct conns_addr){.addr = at.addr, .port = at.port, .id = o->addr_id, .hmac = hmac};
	conns_log(s->c, n, CONNS_ADDR_ADDED, 0, (uint8_t)s->side, o->addr_id);
}

static bool knows_id(const struct step *s, uint8_t id)
{
	for (unsigned int i = 0; i < CONNS_FLOWS_MAX; i++) {
		const struct flow *f;

		if (s->conn->flow[i] == NONE)
			continue;
		f = &s->c->flow[s->conn->flow[i]];
		if ((f->opener == s->side ? f->syn.addr_id : f->id_peer) == id)
			return true;
	}
	return false;
}

static void on_remove_addr(struct step *s, const struct mpnic_opt *o)
{
	struct conn *n = s->conn;

	for (unsigned int i = 3; i < o->length && o->offset + i < MPNIC_TCP_OPT_MAX; i++) {
		const uint8_t id = s->h->opts[o->offset + i];
		struct conns_addr *a = find_addr(n, s->side, id);

		if (!a && !knows_id(s, id)) {
			conns_note(s->c, n, 30, (uint8_t)s->side);
			continue;
		}
		conns_log(s->c, n, CONNS_ADDR_REMOVED, 0, (uint8_t)s->side, id);
		if (a)
			*a = n->info.addr[s->side][--n->info.addrs[s->side]];
	}
}

static void on_prio(struct step *s, const struct mpnic_opt *o)
{
	const bool backup = o->flags & 1;

	if (!(o->fields & MPNIC_FIELD_ADDR_ID)) {
		s->flow->backup[s->dir] = backup;
		conns_log(s->c, s->conn, CONNS_PRIO, 0, (uint8_t)s->side, 0);
		return;
	}
	/* Version 0: of every subflow with that address of the sender's. */
	for (unsigned int i = 0; i < CONNS_FLOWS_MAX; i++) {
		struct flow *f;
		unsigned int end;

		if (s->conn->flow[i] == NONE)
			continue;
		f = &s->c->flow[s->conn->flow[i]];
		end = s->side ^ f->opener;
		if ((end ? f->id_peer : f->syn.addr_id) == o->addr_id)
			f->backup[end] = backup;
	}
	conns_log(s->c, s->conn, CONNS_PRIO, 0, (uint8_t)s->side, o->addr_id);
}

static void on_fastclose(struct step *s, const struct mpnic_opt *o)
{
	struct conns *c = s->c;
	struct conn *n = s->conn;

	/* The key is the receiver's: nobody else knows it. */
	if (!n->info.key_known[!s->side] || n->key[!s->side] != o->fastclose.fastclose_key) {
		c->counts.fastclose_bad++;
		return;
	}
	n->closed = true;
	for (unsigned int i = 0; i < CONNS_FLOWS_MAX; i++) {
		struct flow *f = n->flow[i] == NONE ? NULL : &c->flow[n->flow[i]];

		if (!f || f->state == CONNS_ENDED)
			continue;
		f->closing = f->sure = true;
		f->deadline_ns = c->now + c->config.times.rst_wait;
	}
}

/* Four octets are the number near what the side has come to. */
static uint64_t widen(const struct conn *n, unsigned int side, uint64_t value, bool wide)
{
	const uint64_t base = n->info.dsn[side];

	return wide ? value : base + (uint64_t)(int64_t)(int32_t)((uint32_t)value - (uint32_t)base);
}

/* Numbers come from here until the NIC's events, which it has checked, tell of them. */
static void see_numbers(struct step *s, const struct mpnic_opt *o)
{
	struct conn *n = s->conn;

	if (o->fields & MPNIC_FIELD_DATA_ACK)
		conns_data_ack(
			s->c, n, s->side,
			widen(n, !s->side, o->dss.data_ack, o->fields & MPNIC_FIELD_DATA_ACK8));
	if ((o->fields & MPNIC_FIELD_MAPPING) && o->data_len)
		conns_number(n, s->side,
			     widen(n, s->side, o->dss.dsn, o->fields & MPNIC_FIELD_DSN8) +
				     o->data_len);
}

static void on_dss(struct step *s, const struct mpnic_opt *o)
{
	struct conn *n = s->conn;

	n->dss_seen[s->side] = true;
	if (!n->info.confirmed)
		see_numbers(s, o);
	if (!(o->fields & MPNIC_FIELD_MAPPING))
		return;
	if (!o->data_len)
		conns_infinite(s->c, n, s->side);
	else if (o->flags & MPNIC_DSS_F)
		n->info.data_fin[s->side] = true;
}

static void on_option(struct step *s, const struct mpnic_opt *o)
{
	switch (o->subtype) {
	case MPNIC_SUBTYPE_DSS:
		on_dss(s, o);
		break;
	case MPNIC_SUBTYPE_ADD_ADDR:
		on_add_addr(s, o);
		break;
	case MPNIC_SUBTYPE_REMOVE_ADDR:
		on_remove_addr(s, o);
		break;
	case MPNIC_SUBTYPE_MP_PRIO:
		on_prio(s, o);
		break;
	case MPNIC_SUBTYPE_MP_FAIL:
		conns_mp_fail(s->c, s->conn, s->flow, s->side, o->fail.fail_dsn,
			      s->h->tcp_flags & TCP_RST);
		break;
	case MPNIC_SUBTYPE_MP_FASTCLOSE:
		on_fastclose(s, o);
		break;
	case MPNIC_SUBTYPE_MP_TCPRST:
		s->flow->rst_reason = o->tcprst.reason;
		break;
	default:
		break;
	}
}

static bool is_open(const struct step *s)
{
	return s->conn->info.state == CONNS_OPEN && s->flow->state == CONNS_OPEN;
}

static void on_options(struct step *s)
{
	for (unsigned int i = 0; i < s->h->mptcp_count && is_open(s); i++)
		if (!s->h->opt[i].error)
			on_option(s, &s->h->opt[i]);
}

/* ---- packets -------------------------------------------------------------------------------- */

static void see_window(struct step *s)
{
	struct flow *f = s->flow;
	const uint8_t scale = s->dir ? f->wscale_peer : f->syn.wscale;
	const bool scaled = f->syn.wscale != UINT8_MAX && f->wscale_peer != UINT8_MAX;
	const uint32_t window = (uint32_t)s->h->window << (scaled ? (scale > 14 ? 14 : scale) : 0);

	if (window > f->window[s->dir])
		f->window[s->dir] = window;
}

static void on_segment(struct step *s)
{
	const struct mpnic_hdr *h = s->h;
	struct flow *f = s->flow;
	const uint32_t generation = f->generation;

	if (s->p->out && !(h->tcp_flags & (TCP_RST | TCP_FIN)))
		conns_alive(s->c, f);
	if (!(h->tcp_flags & TCP_RST) && (h->tcp_flags & TCP_ACK)) {
		see_window(s);
		if (!s->dir)
			on_third(s);
	}
	if (f->generation != generation || f->state == CONNS_ENDED)
		return;
	if (!f->closing && (f->state == CONNS_OPEN || f->state == CONNS_TCP))
		conns_deadline(s->c, f);
	on_options(s);
	if (h->tcp_flags & TCP_RST)
		conns_rst(s->c, f, s->dir, s->p->out, h->seq, h->ack, h->tcp_flags & TCP_ACK);
	else if (h->tcp_flags & TCP_FIN)
		conns_fin(s->c, f, s->dir);
}

static void take(struct step *s)
{
	const struct mpnic_hdr *h = s->h;

	find(s, s->p->network);
	if (s->flow)
		s->flow->slow[s->dir]++;
	if (is_syn(h)) {
		on_syn(s);
		return;
	}
	if (!s->flow) {
		s->c->counts.strays++;
		s->v->found = CONNS_STRAY;
		return;
	}
	s->v->number = s->conn->info.number;
	if (is_synack(h))
		on_synack(s);
	else if (!(h->tcp_flags & TCP_SYN))
		on_segment(s);
}

static bool is_dropped(const struct conns *c, enum conns_found found)
{
	static const uint32_t bit[] = {
		[CONNS_JOIN_UNKNOWN] = CONNS_DROP_JOIN_UNKNOWN,
		[CONNS_JOIN_BAD] = CONNS_DROP_JOIN_BAD,
		[CONNS_JOIN_FALLBACK] = CONNS_DROP_JOIN_FALLBACK,
		[CONNS_ADDR_BAD] = CONNS_DROP_ADDR_BAD,
	};

	return c->config.policy & bit[found];
}

void conns_packet(struct conns *c, const struct conns_packet *p, struct conns_verdict *v)
{
	struct step s = {.c = c, .p = p, .h = p->hdr, .v = v};

	*v = (struct conns_verdict){.found = CONNS_FINE};
	if (p->time_ns > c->now)
		c->now = p->time_ns;
	c->counts.packets++;
	if (!is_sound(p->hdr, p->csum)) {
		c->counts.not_sound++;
		v->found = CONNS_NOT_SOUND;
		return;
	}
	take(&s);
	if (s.conn && s.conn->info.state != CONNS_FREE)
		v->number = s.conn->info.number;
	v->drop = is_dropped(c, v->found);
}

static bool is_control(const struct mpnic_hdr *h)
{
	for (unsigned int i = 0; i < h->mptcp_count; i++)
		if (h->opt[i].subtype != MPNIC_SUBTYPE_DSS)
			return true;
	return h->mptcp & MPNIC_MPTCP_TOO_MANY;
}

bool conns_wants(const struct conns *c, const struct mpnic_hdr *h, uint8_t network)
{
	const struct flow *f;
	struct mpnic_key key;
	bool upper;

	if (h->parse != MPNIC_PARSE_TCP)
		return false;
	if ((h->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) || is_control(h))
		return true;
	conns_key(c, h, &key, &upper);
	f = conns_find_flow(c, &key, network);
	return f && f->upper == upper && f->answered && (!f->third || f->state == CONNS_ANSWER);
}

unsigned int conns_version(const struct conns *c, const struct mpnic_hdr *h, uint8_t network)
{
	const struct mpnic_opt *join = is_syn(h) ? find_good(h, MPNIC_SUBTYPE_MP_JOIN) : NULL;
	const struct flow *f;
	const struct conn *n;
	struct mpnic_key key;
	unsigned int side;
	bool upper;

	if (h->parse != MPNIC_PARSE_TCP)
		return MPNIC_GIVEN_UNKNOWN;
	conns_key(c, h, &key, &upper);
	f = conns_find_flow(c, &key, network);
	if (f)
		return c->conn[f->conn].info.version;
	if (!join)
		return MPNIC_GIVEN_UNKNOWN;
	n = conns_find_token(c, join->join_syn.token, true, &side);
	if (!n)
		n = conns_find_token(c, join->join_syn.token, false, &side);
	return n ? n->info.version : MPNIC_GIVEN_UNKNOWN;
}

unsigned int conns_syn_number(const struct conns *c, const struct mpnic_hdr *h, uint8_t network,
			      unsigned int *offered)
{
	const struct flow *f;
	struct mpnic_key key;
	const struct conn *n;
	bool upper;

	if (offered)
		*offered = 0;
	if (h->parse != MPNIC_PARSE_TCP)
		return 0;
	conns_key(c, h, &key, &upper);
	f = conns_find_flow(c, &key, network);
	if (!f || !f->first || f->upper != upper || f->syn.isn != h->seq)
		return 0;
	n = &c->conn[f->conn];
	if (offered)
		*offered = n->info.syns - n->plain_syns;
	return n->info.syns;
}
