/* SPDX-License-Identifier: BSD-3-Clause */
#include "track.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mpcrypto.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define BUCKETS_MAX 65536u /* of flows, and of tokens: a power of two */

struct token {
	struct token *next;
	uint32_t token;
	unsigned int side; /* whose token it is */
	struct track_conn *conn;
};

struct track {
	struct track_limits limits;
	struct track_totals totals;
	unsigned int flows, buckets;
	struct track_flow **flow;
	struct token **token;
	struct track_flow *retired; /* flows whose ports were reused */
	struct track_conn **conn;
	unsigned int conns, conns_size;
};

/* One packet on its way through the tracker. */
struct packet {
	const struct mpnic_hdr *hdr;
	const struct mpnic_csum *csum;
	uint64_t frame, time_ns;
	struct track_flow *flow;
	unsigned int dir; /* side of the flow that sent it */
};

struct track *track_new(const struct track_limits *limits)
{
	struct track *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->limits = *limits;
	t->buckets = 1;
	while (t->buckets < limits->flows && t->buckets < BUCKETS_MAX)
		t->buckets *= 2;
	t->flow = calloc(t->buckets, sizeof(*t->flow));
	t->token = calloc(t->buckets, sizeof(*t->token));
	if (t->flow && t->token)
		return t;
	track_free(t);
	return NULL;
}

static void free_flows(struct track_flow *flow)
{
	while (flow) {
		struct track_flow *next = flow->next;

		free(flow->data);
		free(flow);
		flow = next;
	}
}

static void free_tokens(struct token *token)
{
	while (token) {
		struct token *next = token->next;

		free(token);
		token = next;
	}
}

void track_free(struct track *t)
{
	if (!t)
		return;
	for (unsigned int i = 0; t->flow && i < t->buckets; i++)
		free_flows(t->flow[i]);
	for (unsigned int i = 0; t->token && i < t->buckets; i++)
		free_tokens(t->token[i]);
	free_flows(t->retired);
	free(t->flow);
	free(t->token);
	for (unsigned int i = 0; i < t->conns; i++) {
		free(t->conn[i]->event);
		free(t->conn[i]);
	}
	free(t->conn);
	free(t);
}

/* ---- look-ups ------------------------------------------------------------------------------ */

static unsigned int mix(const struct track *t, uint64_t v)
{
	v *= 0x9e3779b97f4a7c15u;
	return (unsigned int)(v >> 48) % t->buckets;
}

/* Equal for both directions. */
static unsigned int flow_bucket(const struct track *t, const struct mpnic_hdr *h)
{
	uint64_t sum = h->ip_version + ((uint64_t)(h->sport + h->dport) << 24), word[2];

	for (int i = 0; i < 2; i++) {
		const uint8_t *addr = i ? h->dst : h->src;

		memcpy(word, addr, sizeof(word));
		sum += (word[0] ^ (word[1] << 7 | word[1] >> 57)) * 0xff51afd7ed558ccdu;
	}
	return mix(t, sum ^ sum >> 32);
}

static bool side_is(const struct track_flow *f, unsigned int side, const uint8_t addr[16],
		    uint16_t port)
{
	return f->port[side] == port && !memcmp(f->addr[side], addr, 16);
}

/* Direction of a segment in a flow: 0 or 1, or -1 if it is of another flow. */
static int flow_dir(const struct track_flow *f, const struct mpnic_hdr *h)
{
	if (f->ip_version != h->ip_version)
		return -1;
	for (unsigned int dir = 0; dir < 2; dir++)
		if (side_is(f, dir, h->src, h->sport) && side_is(f, !dir, h->dst, h->dport))
			return (int)dir;
	return -1;
}

static bool is_syn(const struct mpnic_hdr *h)
{
	return (h->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

static bool is_synack(const struct mpnic_hdr *h)
{
	return (h->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == (TCP_SYN | TCP_ACK);
}

/* A SYN with another initial sequence number is not this flow's: its ports are used again. */
static bool starts_anew(const struct track_flow *f, unsigned int dir, const struct mpnic_hdr *h)
{
	return is_syn(h) && !(dir == 0 && f->isn_known[0] && f->isn[0] == h->seq);
}

static struct track_flow *find_flow(const struct track *t, const struct mpnic_hdr *h,
				    unsigned int *dir)
{
	for (struct track_flow *f = t->flow[flow_bucket(t, h)]; f; f = f->next) {
		int d = flow_dir(f, h);

		if (d >= 0) {
			*dir = (unsigned int)d;
			return f;
		}
	}
	return NULL;
}

static const struct token *find_token(const struct track *t, uint32_t value)
{
	for (const struct token *k = t->token[mix(t, value)]; k; k = k->next)
		if (k->token == value)
			return k;
	return NULL;
}

/* First option of a subtype, with an error or not. */
static const struct mpnic_opt *find_opt(const struct mpnic_hdr *h, unsigned int subtype)
{
	for (unsigned int i = 0; i < h->mptcp_count; i++)
		if (h->opt[i].subtype == subtype)
			return &h->opt[i];
	return NULL;
}

static const struct mpnic_opt *find_join(const struct mpnic_hdr *h)
{
	const struct mpnic_opt *o = find_opt(h, MPNIC_SUBTYPE_MP_JOIN);

	return o && !o->error ? o : NULL;
}

unsigned int track_version(const struct track *t, const struct mpnic_hdr *h)
{
	const struct track_flow *f;
	const struct mpnic_opt *join;
	const struct token *k;
	unsigned int dir;

	if (!(h->flags & MPNIC_HDR_TCP))
		return MPNIC_GIVEN_UNKNOWN;
	f = find_flow(t, h, &dir);
	if (f && !starts_anew(f, dir, h))
		return f->conn ? f->conn->version : MPNIC_GIVEN_UNKNOWN;
	join = is_syn(h) ? find_join(h) : NULL;
	k = join ? find_token(t, join->join_syn.token) : NULL;
	return k ? k->conn->version : MPNIC_GIVEN_UNKNOWN;
}

/* ---- making flows and connections ---------------------------------------------------------- */

static int add_token(struct track *t, struct track_conn *conn, unsigned int side, uint32_t value)
{
	struct token *k = calloc(1, sizeof(*k));
	unsigned int bucket = mix(t, value);

	if (!k)
		return -ENOMEM;
	k->token = value;
	k->side = side;
	k->conn = conn;
	k->next = t->token[bucket];
	t->token[bucket] = k;
	return 0;
}

static int add_conn(struct track *t, const struct packet *p, struct track_conn **conn)
{
	struct track_conn *c;

	*conn = NULL;
	if (t->conns == t->limits.conns)
		return 0;
	if (t->conns == t->conns_size) {
		unsigned int size = t->conns_size ? t->conns_size * 2 : 16;
		struct track_conn **list = realloc(t->conn, size * sizeof(*list));

		if (!list)
			return -ENOMEM;
		t->conn = list;
		t->conns_size = size;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	t->conn[t->conns++] = c;
	c->number = t->conns;
	c->first_frame = p->frame;
	c->first_ns = p->time_ns;
	c->version = MPNIC_GIVEN_UNKNOWN;
	*conn = c;
	return 0;
}

/* The flow becomes a subflow. What it carried before (a plain start) counts too. */
static void attach(struct track_conn *c, struct track_flow *f, unsigned int opener)
{
	f->conn = c;
	f->opener = opener;
	f->index = c->flows + c->flows_left_out;
	for (unsigned int dir = 0; dir < 2; dir++) {
		c->segments[dir ^ opener] += f->segments[dir];
		c->bytes[dir ^ opener] += f->bytes[dir];
	}
	if (c->flows < TRACK_FLOW_CONN_MAX)
		c->flow[c->flows++] = f;
	else
		c->flows_left_out++;
}

/* Who sent the first packet of a flow: the initiator, unless the packet says otherwise. */
static unsigned int first_dir(const struct mpnic_hdr *h)
{
	return is_synack(h) ? 1 : 0;
}

static struct track_flow *new_flow(struct track *t, const struct mpnic_hdr *h)
{
	unsigned int bucket = flow_bucket(t, h), dir = first_dir(h);
	struct track_flow *f;

	if (t->flows == t->limits.flows)
		return NULL;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	t->flows++;
	f->ip_version = h->ip_version;
	memcpy(f->addr[dir], h->src, 16);
	memcpy(f->addr[!dir], h->dst, 16);
	f->port[dir] = h->sport;
	f->port[!dir] = h->dport;
	f->next = t->flow[bucket];
	t->flow[bucket] = f;
	return f;
}

/* A connection may still point at it, so it is kept, but no longer found. */
static void retire(struct track *t, struct track_flow *old, const struct mpnic_hdr *h)
{
	struct track_flow **at = &t->flow[flow_bucket(t, h)];

	while (*at != old)
		at = &(*at)->next;
	*at = old->next;
	old->next = t->retired;
	t->retired = old;
}

/* ---- events -------------------------------------------------------------------------------- */

static unsigned int sender(const struct packet *p)
{
	return p->dir ^ p->flow->opener;
}

/* The event to fill in; NULL if there are enough of its kind, or no memory: then it only counts. */
static struct track_event *add_event(const struct packet *p, enum track_event_kind kind)
{
	struct track_conn *c = p->flow->conn;
	struct track_event *e;

	if (c->event_count[kind][sender(p)]++ >= TRACK_EVENTS_MAX)
		return NULL;
	if (c->events == c->events_size) {
		unsigned int size = c->events_size ? c->events_size * 2 : 8;
		struct track_event *list = realloc(c->event, size * sizeof(*list));

		if (!list)
			return NULL;
		c->event = list;
		c->events_size = size;
	}
	e = &c->event[c->events++];
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->frame = p->frame;
	e->subflow = p->flow->index;
	e->from = sender(p);
	return e;
}

static void add_dsn(const struct packet *p, enum track_event_kind kind, uint64_t dsn,
		    unsigned int octets)
{
	struct track_event *e = add_event(p, kind);

	if (!e)
		return;
	e->value = dsn;
	e->dsn_octets = (uint8_t)octets;
}

/* ---- keys and handshakes ------------------------------------------------------------------- */

static int learn_key(struct track *t, struct track_conn *c, unsigned int side, uint64_t key)
{
	if (c->key_known[side] || c->version == MPNIC_GIVEN_UNKNOWN)
		return 0;
	c->key_known[side] = true;
	c->key[side] = key;
	mpcrypto_key(c->version, key, &c->token[side], &c->idsn[side]);
	return add_token(t, c, side, c->token[side]);
}

static void see_capable(struct track_capable *seen, const struct packet *p,
			const struct mpnic_opt *o)
{
	seen->frame = p->frame;
	seen->version = o->version;
	seen->flags = o->flags;
	seen->length = o->length;
	seen->error = o->error;
}

static int capable_on_synack(struct track *t, const struct packet *p, const struct mpnic_opt *o)
{
	struct track_conn *c = p->flow->conn;

	if (p->dir != 1 || p->flow->index || (c->answer.frame && !c->answer.error))
		return 0;
	see_capable(&c->answer, p, o);
	if (o->error || (c->offer.frame && (c->offer.error || c->offer.version != o->version)))
		return 0;
	c->version = o->version;
	if (c->offer.frame) {
		c->csum_known = true;
		c->csum = (c->offer.flags | o->flags) & MPNIC_CAPABLE_A;
	}
	if (c->offer.frame && c->version == 0) {
		/* Its own key was kept from the SYN; it only becomes a key now. */
		uint64_t own = c->key[0];

		c->answer_echoes = own == o->capable.sender_key;
		if (learn_key(t, c, 0, own))
			return -ENOMEM;
	}
	return learn_key(t, c, 1, o->capable.sender_key);
}

static int capable_on_ack(struct track *t, const struct packet *p, const struct mpnic_opt *o)
{
	struct track_conn *c = p->flow->conn;

	if (p->dir != 0 || p->flow->index)
		return 0;
	if (!c->confirm.frame || (c->confirm.error && !o->error))
		see_capable(&c->confirm, p, o);
	if (o->error || (c->answer.frame && (c->answer.error || c->version != o->version)))
		return 0;
	if ((c->key_known[1] && c->key[1] != o->capable.receiver_key) ||
	    (c->key_known[0] && c->key[0] != o->capable.sender_key)) {
		c->confirm_wrong_key = true;
		return 0;
	}
	if (c->version == MPNIC_GIVEN_UNKNOWN &&
	    !(c->offer.frame && c->offer.version != o->version))
		c->version = o->version;
	if (!c->csum_known) {
		c->csum_known = true;
		c->csum = o->flags & MPNIC_CAPABLE_A;
	}
	if (learn_key(t, c, 0, o->capable.sender_key))
		return -ENOMEM;
	return learn_key(t, c, 1, o->capable.receiver_key);
}

static enum track_verdict verdict(bool equal)
{
	return equal ? TRACK_GOOD : TRACK_BAD;
}

static bool keys_known(const struct track_conn *c)
{
	return c->key_known[0] && c->key_known[1];
}

/* HMAC of MP_JOIN as the sender of this packet must have made it. */
static void expect_join(const struct packet *p, uint8_t hmac[MPCRYPTO_JOIN_HMAC_LEN])
{
	const struct track_conn *c = p->flow->conn;
	const struct track_join *j = &p->flow->join;
	unsigned int from = sender(p);

	mpcrypto_join(c->version, c->key[from], c->key[!from], j->nonce[p->dir], j->nonce[!p->dir],
		      hmac);
}

static void join_on_synack(const struct packet *p, const struct mpnic_opt *o)
{
	struct track_join *j = &p->flow->join;
	uint8_t hmac[MPCRYPTO_JOIN_HMAC_LEN];
	uint64_t leftmost;

	if (p->dir != 1 || o->error)
		return;
	j->answered = true;
	j->id[1] = o->addr_id;
	j->backup[1] = o->flags & 1;
	j->nonce[1] = o->join_synack.nonce2;
	j->synack_verdict = TRACK_KEY_UNKNOWN;
	if (!j->seen || !keys_known(p->flow->conn))
		return;
	expect_join(p, hmac);
	memcpy(&leftmost, hmac, sizeof(leftmost));
	j->synack_verdict = verdict(__builtin_bswap64(leftmost) == o->join_synack.hmac64);
}

static void join_on_ack(const struct packet *p, const struct mpnic_opt *o)
{
	struct track_join *j = &p->flow->join;
	uint8_t hmac[MPCRYPTO_JOIN_HMAC_LEN];

	if (p->dir != 0 || o->error || j->ack_verdict == TRACK_GOOD)
		return;
	j->ack_frame = p->frame;
	j->ack_verdict = TRACK_KEY_UNKNOWN;
	if (!j->seen || !j->answered || !keys_known(p->flow->conn))
		return;
	expect_join(p, hmac);
	j->ack_verdict = verdict(!memcmp(hmac, o->join_ack.hmac, sizeof(hmac)));
}

/* A SYN with MP_CAPABLE opens a connection. */
static int offer(struct track *t, const struct packet *p, const struct mpnic_opt *o)
{
	struct track_conn *c;
	int err = add_conn(t, p, &c);

	if (err || !c)
		return err;
	attach(c, p->flow, 0);
	c->syn_seen = true;
	see_capable(&c->offer, p, o);
	if (o->fields & MPNIC_FIELD_SENDER_KEY)
		c->key[0] = o->capable.sender_key; /* v0: becomes known with the answer */
	return 0;
}

/* A SYN with MP_JOIN joins the connection whose token it names, or one that nobody saw begin. */
static int join(struct track *t, const struct packet *p, const struct mpnic_opt *o)
{
	const struct token *k = find_token(t, o->join_syn.token);
	struct track_join *j = &p->flow->join;
	struct track_conn *c;
	int err = 0;

	if (k) {
		attach(k->conn, p->flow, !k->side);
	} else {
		err = add_conn(t, p, &c);
		if (err || !c)
			return err;
		attach(c, p->flow, 0);
		err = add_token(t, c, 1, o->join_syn.token);
	}
	j->seen = true;
	j->token = o->join_syn.token;
	j->token_known = k && k->conn->key_known[k->side];
	j->nonce[0] = o->join_syn.nonce;
	j->id[0] = o->addr_id;
	j->backup[0] = o->flags & 1;
	return err;
}

static int on_syn(struct track *t, const struct packet *p)
{
	struct track_flow *f = p->flow;
	const struct mpnic_opt *capable = find_opt(p->hdr, MPNIC_SUBTYPE_MP_CAPABLE);
	const struct mpnic_opt *o = find_join(p->hdr);

	f->isn[0] = p->hdr->seq;
	f->isn_known[0] = true;
	if (f->syn_frame) { /* again */
		if (f->conn && f->conn->offer.frame && !p->hdr->mptcp &&
		    p->hdr->tcpopt != MPNIC_TCPOPT_CUT)
			add_event(p, TRACK_PLAIN_SYN);
		return 0;
	}
	f->syn_frame = p->frame;
	if (f->conn)
		return 0;
	if (capable)
		return offer(t, p, capable);
	return o ? join(t, p, o) : 0;
}

/* The SYN may carry data (TCP Fast Open), which may be acknowledged with it. */
static bool answers_syn(const struct packet *p)
{
	const struct track_flow *f = p->flow;

	return !f->isn_known[0] || p->hdr->ack - (f->isn[0] + 1) <= f->bytes[0];
}

static void on_synack(const struct packet *p)
{
	struct track_flow *f = p->flow;

	if (!f->isn_known[0]) {
		f->isn[0] = p->hdr->ack - 1;
		f->isn_known[0] = true;
	}
	f->isn[1] = p->hdr->seq;
	f->isn_known[1] = true;
	if (!f->synack_frame)
		f->synack_frame = p->frame;
	f->synack_cut |= p->hdr->tcpopt == MPNIC_TCPOPT_CUT;
}

/* ---- data ---------------------------------------------------------------------------------- */

static void on_mapping(const struct packet *p, const struct mpnic_opt *o)
{
	struct track_dss *d = &p->flow->conn->dss[sender(p)];
	unsigned int octets = o->fields & MPNIC_FIELD_DSN8 ? 8 : 4;

	if (octets == 8)
		d->map8++;
	else
		d->map4++;
	d->with_csum += !!(o->fields & MPNIC_FIELD_CHECKSUM);
	if (!o->data_len) {
		d->infinite++;
		add_dsn(p, TRACK_INFINITE, o->dss.dsn, octets);
		return;
	}
	if (o->flags & MPNIC_DSS_F) {
		d->data_fin++;
		add_dsn(p, TRACK_DATA_FIN, o->dss.dsn, octets);
	}
}

static void on_dss(const struct packet *p, const struct mpnic_opt *o)
{
	struct track_dss *d = &p->flow->conn->dss[sender(p)];

	d->options++;
	p->flow->dss++;
	if (!(o->fields & (MPNIC_FIELD_DATA_ACK | MPNIC_FIELD_MAPPING)))
		d->empty++;
	if (o->fields & MPNIC_FIELD_DATA_ACK8)
		d->ack8++;
	else if (o->fields & MPNIC_FIELD_DATA_ACK)
		d->ack4++;
	if (o->fields & MPNIC_FIELD_MAPPING)
		on_mapping(p, o);
}

/* The first mapping of A came with MP_CAPABLE: DSN IDSN + 1, subflow sequence number 1. */
static void on_capable_data(const struct packet *p, const struct mpnic_opt *o)
{
	if ((o->fields & MPNIC_FIELD_DATA_LEN) && !sender(p))
		p->flow->conn->dss[0].capable_data++;
}

/* ---- the other options --------------------------------------------------------------------- */

static void on_add_addr(const struct packet *p, const struct mpnic_opt *o)
{
	const struct track_conn *c = p->flow->conn;
	bool echo = o->version == 1 && (o->flags & 1);
	struct track_event *e = add_event(p, echo ? TRACK_ADD_ECHO : TRACK_ADD_ADDR);
	unsigned int from = sender(p);

	if (!e)
		return;
	e->has_id = true;
	e->id = o->addr_id;
	e->addr_len = o->fields & MPNIC_FIELD_ADDR6 ? 16 : 4;
	memcpy(e->addr, o->add_addr.addr, sizeof(e->addr));
	e->has_port = o->fields & MPNIC_FIELD_PORT;
	e->port = o->port;
	if (!(o->fields & MPNIC_FIELD_HMAC))
		return;
	e->verdict = TRACK_KEY_UNKNOWN;
	if (keys_known(c))
		e->verdict = verdict(o->add_addr.addr_hmac ==
				     mpcrypto_add_addr(c->key[from], c->key[!from], e->id, e->addr,
						       e->addr_len, e->port));
}

static void on_remove_addr(const struct packet *p, const struct mpnic_opt *o)
{
	struct track_event *e = add_event(p, TRACK_REMOVE_ADDR);

	if (!e)
		return;
	e->ids_len = o->length - 3;
	memcpy(e->ids, p->hdr->opts + o->offset + 3, e->ids_len);
}

static void on_prio(const struct packet *p, const struct mpnic_opt *o)
{
	struct track_event *e = add_event(p, TRACK_PRIO);

	if (!e)
		return;
	e->backup = o->flags & 1;
	e->has_id = o->fields & MPNIC_FIELD_ADDR_ID;
	e->id = o->addr_id;
}

static void on_fastclose(const struct packet *p, const struct mpnic_opt *o)
{
	const struct track_conn *c = p->flow->conn;
	struct track_event *e = add_event(p, TRACK_FASTCLOSE);
	unsigned int to = !sender(p);

	if (!e)
		return;
	e->verdict = TRACK_KEY_UNKNOWN;
	if (c->key_known[to])
		e->verdict = verdict(c->key[to] == o->fastclose.fastclose_key);
}

static void on_tcprst(const struct packet *p, const struct mpnic_opt *o)
{
	struct track_event *e = add_event(p, TRACK_TCPRST);

	if (!e)
		return;
	e->flags = o->flags;
	e->reason = o->tcprst.reason;
}

static void on_error(const struct packet *p, const struct mpnic_opt *o)
{
	struct track_event *e = add_event(p, TRACK_OPT_ERROR);

	if (!e)
		return;
	e->subtype = o->subtype;
	e->reason = o->error;
}

static int on_capable(struct track *t, const struct packet *p, const struct mpnic_opt *o)
{
	if (is_synack(p->hdr))
		return answers_syn(p) ? capable_on_synack(t, p, o) : 0;
	if (!(p->hdr->tcp_flags & (TCP_SYN | TCP_RST)))
		return capable_on_ack(t, p, o);
	return 0;
}

static int on_option(struct track *t, const struct packet *p, const struct mpnic_opt *o)
{
	int err = 0;

	if (o->subtype == MPNIC_SUBTYPE_MP_CAPABLE)
		err = on_capable(t, p, o);
	if (o->error) {
		on_error(p, o);
		return err;
	}
	switch (o->subtype) {
	case MPNIC_SUBTYPE_MP_CAPABLE:
		on_capable_data(p, o);
		break;
	case MPNIC_SUBTYPE_MP_JOIN:
		if (is_synack(p->hdr))
			join_on_synack(p, o);
		else if (!(p->hdr->tcp_flags & TCP_SYN))
			join_on_ack(p, o);
		break;
	case MPNIC_SUBTYPE_DSS:
		on_dss(p, o);
		break;
	case MPNIC_SUBTYPE_ADD_ADDR:
		on_add_addr(p, o);
		break;
	case MPNIC_SUBTYPE_REMOVE_ADDR:
		on_remove_addr(p, o);
		break;
	case MPNIC_SUBTYPE_MP_PRIO:
		on_prio(p, o);
		break;
	case MPNIC_SUBTYPE_MP_FAIL:
		add_dsn(p, TRACK_FAIL, o->fail.fail_dsn, 8);
		break;
	case MPNIC_SUBTYPE_MP_FASTCLOSE:
		on_fastclose(p, o);
		break;
	case MPNIC_SUBTYPE_MP_TCPRST:
		on_tcprst(p, o);
		break;
	default:
		break;
	}
	return err;
}

static int on_options(struct track *t, const struct packet *p)
{
	const struct mpnic_hdr *h = p->hdr;
	int err = 0;

	for (unsigned int i = 0; i < h->mptcp_count; i++)
		err |= on_option(t, p, &h->opt[i]);
	if (h->mptcp & MPNIC_MPTCP_TOO_MANY)
		add_event(p, TRACK_TOO_MANY);
	if (h->mptcp & MPNIC_MPTCP_COMBINATION)
		add_event(p, TRACK_COMBINATION);
	if (h->tcpopt == MPNIC_TCPOPT_LEN_BELOW_2 || h->tcpopt == MPNIC_TCPOPT_OVERRUN) {
		struct track_event *e = add_event(p, TRACK_CHAIN_ERROR);

		if (e)
			e->reason = h->tcpopt;
	}
	return err ? -ENOMEM : 0;
}

/* ---- packets ------------------------------------------------------------------------------- */

static void count(const struct packet *p)
{
	struct track_flow *f = p->flow;
	struct track_conn *c = f->conn;

	f->segments[p->dir]++;
	f->bytes[p->dir] += p->hdr->payload_len;
	if (!f->first_frame)
		f->first_frame = p->frame;
	f->last_frame = p->frame;
	f->cut |= p->hdr->tcpopt == MPNIC_TCPOPT_CUT;
	if ((p->hdr->tcp_flags & TCP_RST) && !f->rst_frame[p->dir])
		f->rst_frame[p->dir] = p->frame;
	if ((p->hdr->tcp_flags & TCP_FIN) && !f->fin_frame[p->dir])
		f->fin_frame[p->dir] = p->frame;
	if (f->synack_frame && !p->dir && !p->hdr->mptcp && !f->plain_ack_frame &&
	    !(p->hdr->tcp_flags & (TCP_SYN | TCP_RST)) && p->hdr->tcpopt != MPNIC_TCPOPT_CUT)
		f->plain_ack_frame = p->frame;
	if (!c)
		return;
	c->segments[sender(p)]++;
	c->bytes[sender(p)] += p->hdr->payload_len;
	c->last_frame = p->frame;
	c->last_ns = p->time_ns;
}

/* MPTCP on a flow that did not begin with it, or whose beginning is not in the capture. */
static int adopt(struct track *t, struct packet *p)
{
	struct track_conn *c;
	int err = add_conn(t, p, &c);

	if (err || !c)
		return err;
	c->first_frame = p->flow->first_frame;
	c->syn_seen = p->flow->syn_frame;
	c->last_frame = p->frame;
	c->last_ns = p->time_ns;
	attach(c, p->flow, 0);
	return 0;
}

static bool is_segment(const struct mpnic_hdr *h)
{
	return (h->flags & MPNIC_HDR_TCP) && h->payload_off;
}

static bool is_bad(const struct mpnic_csum *csum)
{
	return csum->ip == MPNIC_CSUM_BAD || csum->l4 == MPNIC_CSUM_BAD;
}

int track_packet(struct track *t, const struct mpnic_hdr *h, const struct mpnic_csum *csum,
		 uint64_t frame, uint64_t time_ns)
{
	struct packet p = {.hdr = h, .csum = csum, .frame = frame, .time_ns = time_ns};
	int err = 0;

	if (!is_segment(h))
		return 0;
	if (is_bad(csum)) {
		t->totals.bad_checksum++;
		return 0;
	}
	p.flow = find_flow(t, h, &p.dir);
	if (p.flow && starts_anew(p.flow, p.dir, h)) {
		retire(t, p.flow, h);
		p.flow = NULL;
	}
	if (!p.flow) {
		p.flow = new_flow(t, h);
		p.dir = first_dir(h);
	}
	if (!p.flow) {
		t->totals.flows_left_out++;
		return 0;
	}
	if (is_syn(h))
		err = on_syn(t, &p);
	else if (is_synack(h) && p.dir == 1 && answers_syn(&p))
		on_synack(&p);
	else if (is_synack(h) && p.flow->conn)
		p.flow->conn->answer_bad_ack = true;
	count(&p);
	if (!err && !p.flow->conn && (h->mptcp & MPNIC_MPTCP_PRESENT))
		err = adopt(t, &p);
	if (err)
		return err;
	if (p.flow->conn)
		return on_options(t, &p);
	if (h->mptcp & MPNIC_MPTCP_PRESENT)
		t->totals.conns_left_out++;
	return 0;
}

const struct track_flow *track_find(const struct track *t, const struct mpnic_hdr *h,
				    unsigned int *dir)
{
	return is_segment(h) ? find_flow(t, h, dir) : NULL;
}

/* ---- what the pipeline's stateful half says ------------------------------------------------ */

static bool is_before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

/* A segment that goes on behind its mapping is numbered up to there; so is the connection. */
static uint64_t end_of(const struct packet *p, const struct mpnic_result *r,
		       const struct mpnic_conn *conn)
{
	uint64_t end = r->dsn + p->hdr->payload_len;

	if (conn && is_before(conn->dsn_next[r->side], end))
		return conn->dsn_next[r->side];
	return end;
}

static void widen(struct track_data *d, uint64_t dsn, uint64_t end)
{
	if (!d->numbered || is_before(dsn, d->dsn))
		d->dsn = dsn;
	if (!d->numbered || is_before(d->dsn_end, end))
		d->dsn_end = end;
	d->numbered = true;
}

static void count_data(struct track_data *d, const struct packet *p, const struct mpnic_result *r,
		       const struct mpnic_conn *conn)
{
	unsigned int len = p->hdr->payload_len;

	if (r->dsn_state) {
		d->segments[r->dsn_state % TRACK_DSN]++;
		d->bytes[r->dsn_state % TRACK_DSN] += len;
	}
	if (r->dsn_state == MPNIC_DSN_MAPPED)
		widen(d, r->dsn, end_of(p, r, conn));
	if (r->map_csum)
		d->csum[r->map_csum % TRACK_CSUM]++;
	if (r->flags & MPNIC_RESULT_RETRANSMISSION) {
		d->retransmissions++;
		d->retransmitted += len;
	}
	if (r->flags & MPNIC_RESULT_REINJECTION) {
		d->reinjections++;
		d->reinjected += len;
	}
	d->queue_moves += d->queued && d->queue != r->rx_queue;
	d->queue = r->rx_queue;
	d->queued = true;
}

/* Is a mapping missing? Not where there is no stream, or where the host has given it up. */
static bool is_unmapped(unsigned int dsn_state)
{
	return dsn_state == MPNIC_DSN_NO_ISN || dsn_state == MPNIC_DSN_NO_MAPPING ||
	       dsn_state == MPNIC_DSN_PAST || dsn_state == MPNIC_DSN_INFINITE ||
	       dsn_state == MPNIC_DSN_FAR;
}

static void see_unmapped(const struct packet *p, const struct mpnic_result *r)
{
	struct track_dss *d = &p->flow->conn->dss[sender(p)];

	if (!is_unmapped(r->dsn_state) || d->unmapped_first)
		return;
	d->unmapped_first = p->frame;
	if (!d->map4 && !d->map8 && !d->capable_data)
		add_event(p, TRACK_UNMAPPED);
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Of the pseudo header alone: there is no payload. */
static bool is_right(uint64_t dsn, const struct mpnic_opt *o)
{
	uint64_t sum = (dsn >> 48) + (dsn >> 32 & 0xffff) + (dsn >> 16 & 0xffff) + (dsn & 0xffff);

	sum += (o->dss.ssn >> 16) + (o->dss.ssn & 0xffff) + o->data_len + o->checksum;
	return fold(sum) == 0xffff;
}

/* The pipeline judges mappings of data; that of a DATA_FIN alone needs no state but its number. */
static void judge_fin(const struct packet *p, const struct mpnic_result *r)
{
	const struct track_conn *c = p->flow->conn;
	const struct mpnic_opt *o = find_opt(p->hdr, MPNIC_SUBTYPE_DSS);
	struct track_data *both[] = {&p->flow->data[p->dir], &p->flow->conn->data[sender(p)]};
	bool good;

	if (!(r->signs & MPNIC_SIGN_DATA_FIN) || !r->data_fin || !c->csum || p->hdr->payload_len)
		return;
	if (!o || o->data_len != 1 || !(o->fields & MPNIC_FIELD_CHECKSUM))
		return;
	good = is_right(r->data_fin, o);
	for (unsigned int i = 0; i < 2; i++) {
		both[i]->fin_good += good;
		both[i]->fin_bad += !good;
	}
	if (!good)
		add_dsn(p, TRACK_CSUM_BAD, r->data_fin, 8);
}

static void see_signs(const struct packet *p, const struct mpnic_result *r)
{
	for (uint32_t signs = r->signs; signs; signs &= signs - 1) {
		struct track_sign *s = &p->flow->conn->sign[__builtin_ctz(signs)][sender(p)];

		if (!s->count++)
			s->frame = p->frame;
	}
	if (r->signs & MPNIC_SIGN_CSUM_BAD)
		add_dsn(p, TRACK_CSUM_BAD, r->map_dsn, 8);
	if (r->signs & MPNIC_SIGN_CSUM_MISSING)
		add_event(p, TRACK_CSUM_MISSING);
	if (r->signs & MPNIC_SIGN_CSUM_EXTRA)
		add_event(p, TRACK_CSUM_EXTRA);
}

int track_result(struct track *t, const struct mpnic_hdr *h, const struct mpnic_csum *csum,
		 const struct mpnic_result *r, const struct mpnic_conn *conn, uint64_t frame)
{
	struct packet p = {.hdr = h, .csum = csum, .frame = frame};

	if (!is_segment(h) || is_bad(csum))
		return 0;
	p.flow = find_flow(t, h, &p.dir);
	if (!p.flow || !p.flow->conn)
		return 0;
	if (!p.flow->data)
		p.flow->data = calloc(2, sizeof(*p.flow->data));
	if (!p.flow->data)
		return -ENOMEM;
	count_data(&p.flow->data[p.dir], &p, r, conn);
	count_data(&p.flow->conn->data[sender(&p)], &p, r, conn);
	see_unmapped(&p, r);
	see_signs(&p, r);
	judge_fin(&p, r);
	return 0;
}

uint64_t track_unmapped(const uint64_t by_dsn[TRACK_DSN])
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < TRACK_DSN; i++)
		sum += is_unmapped(i) ? by_dsn[i] : 0;
	return sum;
}

uint64_t track_not_judged(const struct track_data *d)
{
	uint64_t sum = 0;

	for (unsigned int i = MPNIC_MAP_CSUM_MISSING; i < TRACK_CSUM; i++)
		sum += d->csum[i];
	return sum;
}

/* ---- conclusions --------------------------------------------------------------------------- */

static const char *capable_error(const struct track_capable *c, bool answer)
{
	switch (c->error) {
	case MPNIC_OPT_ERROR_EXTENSIBILITY:
		return answer ? "answer_extensibility" : "offer_extensibility";
	case MPNIC_OPT_ERROR_NO_CRYPTO:
		return answer ? "answer_no_crypto" : "offer_no_crypto";
	case MPNIC_OPT_ERROR_VERSION:
		return answer ? "answer_version" : "offer_version";
	default:
		return answer ? "answer_length" : "offer_length";
	}
}

/* The third packet: why the initiator did not go on with MPTCP. */
static const char *unconfirmed(const struct track_conn *c)
{
	const struct track_flow *f = c->flow[0];

	if (c->answer_echoes)
		return "answer_echoes_key";
	if (c->confirm_wrong_key)
		return "confirm_wrong_key";
	if (c->confirm.frame && c->confirm.version != c->version)
		return "confirm_version";
	if (c->confirm.error)
		return "confirm_malformed";
	if (f->plain_ack_frame)
		return "third_ack_without_mp_capable";
	if (f->rst_frame[0] || f->rst_frame[1])
		return "rst";
	return "no_third_ack";
}

static enum track_outcome refused(struct track_conn *c, const char *reason)
{
	c->reason = reason;
	return TRACK_REFUSED;
}

static enum track_outcome unanswered(struct track_conn *c)
{
	const struct track_flow *f = c->flow[0];

	if (f->synack_cut)
		return refused(c, "answer_cut");
	if (f->synack_frame)
		return TRACK_SILENT;
	if (c->answer_bad_ack)
		return refused(c, "answer_bad_ack");
	return refused(c, f->rst_frame[0] || f->rst_frame[1] ? "rst" : "no_answer");
}

static bool is_confirmed(const struct track_conn *c)
{
	return c->confirm.frame && !c->confirm.error && !c->confirm_wrong_key &&
	       c->confirm.version == c->version;
}

/* Version agreed on, and then used. */
static bool is_mptcp(const struct track_conn *c)
{
	return c->version != MPNIC_GIVEN_UNKNOWN && (is_confirmed(c) || c->flow[0]->dss);
}

static bool failed_handshake(const struct track_conn *c)
{
	const struct track_flow *f = c->flow[0];

	if (!c->offer.frame || is_mptcp(c))
		return false;
	if (!c->answer.frame)
		return f->synack_frame && !f->synack_cut;
	return c->offer.error || c->answer.error || c->answer.version != c->offer.version ||
	       f->plain_ack_frame;
}

/* MP_FAIL and one infinite mapping settle it; an infinite mapping alone is the word of one side. */
static bool is_infinite(const struct track_conn *c)
{
	bool failed = c->event_count[TRACK_FAIL][0] || c->event_count[TRACK_FAIL][1];

	if (failed)
		return c->dss[0].infinite || c->dss[1].infinite;
	return c->dss[0].infinite && c->dss[1].infinite;
}

bool track_is_tcp(const struct track_conn *c)
{
	return failed_handshake(c) || is_infinite(c);
}

static enum track_outcome conclude(struct track_conn *c)
{
	c->reason = NULL;
	if (!c->syn_seen)
		return TRACK_MIDDLE;
	if (!c->offer.frame)
		return refused(c, "syn_without_mp_capable");
	if (is_mptcp(c))
		return c->version ? TRACK_V1 : TRACK_V0;
	if (c->offer.error)
		return refused(c, capable_error(&c->offer, false));
	if (!c->answer.frame)
		return unanswered(c);
	if (c->answer.error)
		return refused(c, capable_error(&c->answer, true));
	if (c->answer.version < c->offer.version)
		return TRACK_ANSWERED_V0;
	if (c->answer.version > c->offer.version)
		return refused(c, "answer_version_higher");
	return refused(c, unconfirmed(c));
}

static void count_plain(struct track *t, const struct track_flow *f)
{
	for (; f; f = f->next) {
		t->totals.plain_flows += !f->conn && !f->cut;
		t->totals.cut_flows += !f->conn && f->cut;
	}
}

void track_finish(struct track *t)
{
	for (unsigned int i = 0; i < t->conns; i++)
		t->conn[i]->outcome = conclude(t->conn[i]);
	t->totals.plain_flows = t->totals.cut_flows = 0;
	for (unsigned int i = 0; i < t->buckets; i++)
		count_plain(t, t->flow[i]);
	count_plain(t, t->retired);
}

unsigned int track_conns(const struct track *t)
{
	return t->conns;
}

const struct track_conn *track_conn(const struct track *t, unsigned int index)
{
	return t->conn[index];
}

const struct track_totals *track_totals(const struct track *t)
{
	return &t->totals;
}

/* ---- names --------------------------------------------------------------------------------- */

const char *track_outcome_name(enum track_outcome outcome)
{
	static const char *const names[] = {
		[TRACK_V1] = "v1",
		[TRACK_V0] = "v0",
		[TRACK_SILENT] = "tcp_silent",
		[TRACK_ANSWERED_V0] = "tcp_answered_v0",
		[TRACK_REFUSED] = "refused",
		[TRACK_MIDDLE] = "middle",
	};

	return names[outcome];
}

const char *track_verdict_name(enum track_verdict v)
{
	static const char *const names[] = {
		[TRACK_NOT_SEEN] = "not_seen",
		[TRACK_KEY_UNKNOWN] = "key_unknown",
		[TRACK_GOOD] = "good",
		[TRACK_BAD] = "bad",
	};

	return names[v];
}

const char *track_event_name(enum track_event_kind kind)
{
	static const char *const names[] = {
		[TRACK_ADD_ADDR] = "add_addr",
		[TRACK_ADD_ECHO] = "add_addr_echo",
		[TRACK_REMOVE_ADDR] = "remove_addr",
		[TRACK_PRIO] = "mp_prio",
		[TRACK_DATA_FIN] = "data_fin",
		[TRACK_FAIL] = "mp_fail",
		[TRACK_INFINITE] = "infinite_mapping",
		[TRACK_UNMAPPED] = "data_without_mapping",
		[TRACK_FASTCLOSE] = "mp_fastclose",
		[TRACK_TCPRST] = "mp_tcprst",
		[TRACK_PLAIN_SYN] = "plain_syn",
		[TRACK_CSUM_BAD] = "dss_checksum_bad",
		[TRACK_CSUM_MISSING] = "dss_checksum_missing",
		[TRACK_CSUM_EXTRA] = "dss_checksum_extra",
		[TRACK_OPT_ERROR] = "option_error",
		[TRACK_CHAIN_ERROR] = "option_chain_error",
		[TRACK_TOO_MANY] = "too_many_options",
		[TRACK_COMBINATION] = "combination",
	};

	return names[kind];
}
