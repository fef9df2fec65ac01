/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection tracker: tables, time, and what goes out. */
#include "conns_internal.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "mpcrypto.h"

#define SECOND_NS 1000000000ull

void conns_defaults(struct conns_config *config)
{
	*config = (struct conns_config){
		.conns = 16384,
		.flows = 32768,
		.half_in = 4096,
		.half_out = 4096,
		.half_joins = 2048,
		.sights = 1024,
		.changes = 4096,
		.join_cap = 8,
		.times = {.half = 130 * SECOND_NS, /* Linux sends 6 SYNs within 127 s */
			  .idle = 86400 * SECOND_NS,
			  .time_wait = 60 * SECOND_NS,
			  .rst_wait = 10 * SECOND_NS,
			  .ask = 5 * SECOND_NS,
			  .linger = 60 * SECOND_NS},
	};
}

static bool within(uint32_t value, uint32_t most)
{
	return value >= 1 && value <= most;
}

static bool is_valid(const struct conns_config *g)
{
	return within(g->conns, CONNS_TABLE_MAX) && within(g->flows, CONNS_TABLE_MAX) &&
	       g->flows >= g->conns && within(g->half_in, g->conns) &&
	       within(g->half_out, g->conns) && within(g->half_joins, g->flows) &&
	       within(g->sights, CONNS_TABLE_MAX) && within(g->changes, CONNS_TABLE_MAX);
}

static int new_mac(struct conns *c)
{
	size_t size = 8;
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
		OSSL_PARAM_construct_end(),
	};

	c->mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	c->mac_ctx = c->mac ? EVP_MAC_CTX_new(c->mac) : NULL;
	if (!c->mac_ctx || !EVP_MAC_CTX_set_params(c->mac_ctx, params))
		return -ENOMEM;
	return 0;
}

static int new_tables(struct conns *c)
{
	const struct conns_config *g = &c->config;
	uint32_t buckets = 1;

	while (buckets < g->flows)
		buckets *= 2;
	c->mask = buckets - 1;
	c->flow_bucket = malloc(buckets * sizeof(*c->flow_bucket));
	c->token_bucket = malloc(buckets * sizeof(*c->token_bucket));
	c->conn = calloc(g->conns, sizeof(*c->conn));
	c->flow = calloc(g->flows, sizeof(*c->flow));
	c->sight = calloc(g->sights, sizeof(*c->sight));
	c->change = calloc(g->changes, sizeof(*c->change));
	if (!c->flow_bucket || !c->token_bucket || !c->conn || !c->flow || !c->sight || !c->change)
		return -ENOMEM;
	memset(c->flow_bucket, 0xff, buckets * sizeof(*c->flow_bucket));
	memset(c->token_bucket, 0xff, buckets * sizeof(*c->token_bucket));
	return 0;
}

/* ---- lists of connections ------------------------------------------------------------------- */

static void list_init(struct list *l)
{
	*l = (struct list){NONE, NONE, 0};
}

/* @at: the link of the entry at an index. */
#define DEFINE_LIST(name, type, array, member)                                  \
	static void name##_append(struct conns *c, struct list *l, uint32_t at) \
	{                                                                       \
		type *e = &c->array[at];                                        \
                                                                                \
		e->member = (struct link){l->last, NONE};                       \
		if (l->last == NONE)                                            \
			l->first = at;                                          \
		else                                                            \
			c->array[l->last].member.next = at;                     \
		l->last = at;                                                   \
		l->count++;                                                     \
	}                                                                       \
	static void name##_unlink(struct conns *c, struct list *l, uint32_t at) \
	{                                                                       \
		const struct link k = c->array[at].member;                      \
                                                                                \
		if (k.prev == NONE)                                             \
			l->first = k.next;                                      \
		else                                                            \
			c->array[k.prev].member.next = k.next;                  \
		if (k.next == NONE)                                             \
			l->last = k.prev;                                       \
		else                                                            \
			c->array[k.next].member.prev = k.prev;                  \
		l->count--;                                                     \
	}

DEFINE_LIST(age, struct conn, conn, link)
DEFINE_LIST(due, struct conn, conn, due)
DEFINE_LIST(half, struct flow, flow, half)

static uint32_t index_of(const struct conns *c, const struct conn *n)
{
	return (uint32_t)(n - c->conn);
}

void conns_to_list(struct conns *c, struct conn *n, enum which_list list)
{
	age_unlink(c, &c->lists[n->list], index_of(c, n));
	n->list = list;
	age_append(c, &c->lists[list], index_of(c, n));
}

void conns_due(struct conns *c, struct conn *n)
{
	if (n->is_due)
		return;
	n->is_due = true;
	due_append(c, &c->due, index_of(c, n));
}

void conns_half_join(struct conns *c, struct flow *f, bool half)
{
	const uint32_t at = (uint32_t)(f - c->flow);

	if (f->in_half == half)
		return;
	f->in_half = half;
	if (half)
		half_append(c, &c->half_joins, at);
	else
		half_unlink(c, &c->half_joins, at);
}

int conns_new(const struct conns_config *config, struct conns **conns)
{
	struct conns *c;
	int err;

	if (!is_valid(config))
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->config = *config;
	c->next_number = 1;
	err = new_mac(c);
	if (!err)
		err = new_tables(c);
	if (err) {
		conns_free(c);
		return err;
	}
	for (unsigned int i = 0; i < LISTS; i++)
		list_init(&c->lists[i]);
	list_init(&c->due);
	list_init(&c->half_joins);
	for (uint32_t i = 0; i < config->conns; i++)
		age_append(c, &c->lists[LIST_FREE], i);
	for (uint32_t i = 0; i < config->flows; i++)
		c->flow[i].next = i + 1 < config->flows ? i + 1 : NONE;
	c->free_flow_last = config->flows - 1;
	*conns = c;
	return 0;
}

void conns_free(struct conns *c)
{
	if (!c)
		return;
	EVP_MAC_CTX_free(c->mac_ctx);
	EVP_MAC_free(c->mac);
	if (c->conn) /* keys are not left behind */
		explicit_bzero(c->conn, c->config.conns * sizeof(*c->conn));
	if (c->flow)
		explicit_bzero(c->flow, c->config.flows * sizeof(*c->flow));
	free(c->flow_bucket);
	free(c->token_bucket);
	free(c->conn);
	free(c->flow);
	free(c->sight);
	free(c->change);
	explicit_bzero(&c->config, sizeof(c->config));
	free(c);
}

void conns_set_epoch(struct conns *c, uint32_t epoch_s)
{
	c->config.epoch_s = epoch_s;
}

/* ---- look-ups ------------------------------------------------------------------------------- */

/* SipHash under a secret key: remote hosts choose tuples and tokens. */
static uint32_t hash(const struct conns *c, const void *data, size_t len)
{
	uint8_t digest[8];
	uint32_t value;
	size_t got;

	if (!EVP_MAC_init(c->mac_ctx, c->config.key, sizeof(c->config.key), NULL) ||
	    !EVP_MAC_update(c->mac_ctx, data, len) ||
	    !EVP_MAC_final(c->mac_ctx, digest, &got, sizeof(digest)))
		abort(); /* libcrypto without SipHash: conns_new() would have failed */
	memcpy(&value, digest, sizeof(value));
	return value & c->mask;
}

static uint32_t *flow_bucket(const struct conns *c, const struct mpnic_key *key, uint8_t network)
{
	uint8_t data[sizeof(*key) + 1];

	memcpy(data, key, sizeof(*key));
	data[sizeof(*key)] = network;
	return &c->flow_bucket[hash(c, data, sizeof(data))];
}

static uint32_t *token_bucket(const struct conns *c, uint32_t token)
{
	return &c->token_bucket[hash(c, &token, sizeof(token))];
}

/* As docs/state.md, flow 1: the lower end first, of equal ends the sender. */
void conns_key(const struct conns *c, const struct mpnic_hdr *h, struct mpnic_key *key, bool *upper)
{
	int order = memcmp(h->src, h->dst, sizeof(h->src));

	if (!order)
		order = (h->sport > h->dport) - (h->sport < h->dport);
	*upper = order > 0;
	*key = (struct mpnic_key){
		.lo_port = *upper ? h->dport : h->sport,
		.hi_port = *upper ? h->sport : h->dport,
		.proto = h->ip_proto,
		.kind = h->ip_version,
	};
	memcpy(key->lo_addr, *upper ? h->dst : h->src, sizeof(key->lo_addr));
	memcpy(key->hi_addr, *upper ? h->src : h->dst, sizeof(key->hi_addr));
	if (c->config.exact_vlan && h->vlan_count)
		key->vlan = (uint16_t)((h->vlan_outer & 0xfff) + 1);
}

struct flow *conns_find_flow(const struct conns *c, const struct mpnic_key *key, uint8_t network)
{
	for (uint32_t i = *flow_bucket(c, key, network); i != NONE; i = c->flow[i].next) {
		struct flow *f = &c->flow[i];

		if (f->network == network && !memcmp(&f->key, key, sizeof(*key)))
			return f;
	}
	return NULL;
}

/* A token's place is its connection's index and side. */
struct conn *conns_find_token(const struct conns *c, uint32_t token, bool local, unsigned int *side)
{
	for (uint32_t at = *token_bucket(c, token); at != NONE;) {
		struct conn *n = &c->conn[at / 2];

		*side = at % 2;
		if (n->info.token[*side] == token && (*side == host_side(n)) == local)
			return n;
		at = n->token_next[*side];
	}
	return NULL;
}

static void hash_token(struct conns *c, struct conn *n, unsigned int side)
{
	uint32_t *bucket = token_bucket(c, n->info.token[side]);
	unsigned int other;

	if (conns_find_token(c, n->info.token[side], side == host_side(n), &other)) {
		c->counts.token_collisions++;
		return;
	}
	n->token_hashed[side] = true;
	n->token_next[side] = *bucket;
	*bucket = index_of(c, n) * 2 + side;
}

static void unhash_token(struct conns *c, struct conn *n, unsigned int side)
{
	const uint32_t at = index_of(c, n) * 2 + side;
	uint32_t *link;

	if (!n->token_hashed[side])
		return;
	link = token_bucket(c, n->info.token[side]);
	while (*link != at)
		link = &c->conn[*link / 2].token_next[*link % 2];
	*link = n->token_next[side];
	n->token_hashed[side] = false;
}

void conns_learn_key(struct conns *c, struct conn *n, unsigned int side, uint64_t key)
{
	struct conns_info *i = &n->info;

	if (i->key_known[side])
		return;
	i->key_known[side] = true;
	n->key[side] = key;
	mpcrypto_key(i->version, key, &i->token[side], &i->idsn[side]);
	i->dsn[side] = i->idsn[side] + 1;
	hash_token(c, n, side);
	if (!n->bound)
		return;
	n->set_due = true;
	conns_due(c, n);
}

/* ---- making and ending ---------------------------------------------------------------------- */

static void evict(struct conns *c, enum which_list list)
{
	struct conn *n = &c->conn[c->lists[list].first];

	if (list == LIST_TCP)
		c->counts.evicted_tcp++;
	else
		c->counts.evicted_half++;
	conns_end_conn(c, n, NOBODY);
}

/* Ends a connection for another one; false: none may be. */
static bool make_room(struct conns *c, bool out)
{
	static const enum which_list order[] = {LIST_TCP, LIST_HALF_IN, LIST_HALF_OUT};

	if (c->lists[LIST_ENDED].count) /* whose places are free as soon as the NIC was told */
		return false;
	for (unsigned int i = 0; i < (out ? 3 : 2); i++) {
		if (c->lists[order[i]].first == NONE)
			continue;
		evict(c, order[i]);
		return true;
	}
	return false;
}

struct conn *conns_new_conn(struct conns *c, bool out)
{
	const enum which_list half = out ? LIST_HALF_OUT : LIST_HALF_IN;
	struct conn *n;

	if (c->lists[half].count >= (out ? c->config.half_out : c->config.half_in))
		evict(c, half);
	if (c->lists[LIST_FREE].first == NONE && !make_room(c, out)) {
		c->counts.left_out_conns++;
		return NULL;
	}
	/* What was ended may wait for the NIC. */
	if (c->lists[LIST_FREE].first == NONE) {
		c->counts.left_out_conns++;
		return NULL;
	}
	n = &c->conn[c->lists[LIST_FREE].first];
	conns_to_list(c, n, half);
	n->info = (struct conns_info){
		.number = c->next_number++,
		.state = CONNS_SYN,
		.out = out,
		.version = MPNIC_GIVEN_UNKNOWN,
		.conn_id = c->config.conn_base + index_of(c, n),
		.began_ns = c->now,
	};
	for (unsigned int i = 0; i < CONNS_FLOWS_MAX; i++)
		n->flow[i] = NONE;
	return n;
}

static void free_conn(struct conns *c, struct conn *n)
{
	const struct link link = n->link;
	const uint8_t list = n->list;

	explicit_bzero(n, sizeof(*n));
	n->link = link;
	n->list = list;
	conns_to_list(c, n, LIST_FREE);
}

static void free_flow(struct conns *c, struct flow *f)
{
	const uint32_t at = (uint32_t)(f - c->flow), generation = f->generation + 1;

	explicit_bzero(f, sizeof(*f));
	f->generation = generation;
	f->next = NONE;
	if (c->free_flow == NONE)
		c->free_flow = at;
	else
		c->flow[c->free_flow_last].next = at;
	c->free_flow_last = at;
	c->counts.used_flows--;
}

static uint32_t take_flow(struct conns *c)
{
	const uint32_t at = c->free_flow;

	if (at != NONE)
		c->free_flow = c->flow[at].next;
	return at;
}

/* A place in its connection; NONE: it has too many. */
static unsigned int free_index(const struct conn *n)
{
	unsigned int i = 0;

	while (i < CONNS_FLOWS_MAX && n->flow[i] != NONE)
		i++;
	return i;
}

struct flow *conns_new_flow(struct conns *c, struct conn *n, const struct mpnic_key *key,
			    uint8_t network)
{
	const unsigned int index = free_index(n);
	uint32_t at = index < CONNS_FLOWS_MAX ? take_flow(c) : NONE;
	uint32_t *bucket;
	struct flow *f;

	if (at == NONE && index < CONNS_FLOWS_MAX && c->half_joins.first != NONE) {
		c->counts.evicted_join++;
		conns_end_flow(c, &c->flow[c->half_joins.first], NOBODY);
		/* It may have been the last subflow of this very connection. */
		at = is_live(n) ? take_flow(c) : NONE;
	}
	if (at == NONE) {
		c->counts.left_out_flows++;
		return NULL;
	}
	c->counts.used_flows++;
	f = &c->flow[at];
	f->conn = index_of(c, n);
	f->key = *key;
	f->network = network;
	f->state = CONNS_SYN;
	f->rst_reason = NO_REASON;
	f->nic_id = MPNIC_ID_NONE;
	bucket = flow_bucket(c, key, network);
	f->next = *bucket;
	*bucket = at;
	n->flow[index] = at;
	n->info.flows++;
	return f;
}

static void unhash_flow(struct conns *c, struct flow *f)
{
	uint32_t *link = flow_bucket(c, &f->key, f->network);

	while (*link != (uint32_t)(f - c->flow))
		link = &c->flow[*link].next;
	*link = f->next;
}

void conns_free_ended_flow(struct conns *c, struct conn *n, unsigned int index)
{
	free_flow(c, &c->flow[n->flow[index]]);
	n->flow[index] = NONE;
}

static bool stays_without_flows(const struct conn *n)
{
	const struct conns_info *i = &n->info;

	return i->state == CONNS_OPEN && !n->closed && !(i->data_fin[0] && i->data_fin[1]);
}

/* The flow is not found any more; its place is free when the NIC has forgotten it. */
static void drop_flow(struct conns *c, struct conn *n, struct flow *f)
{
	unsigned int index = 0;

	conns_half_join(c, f, false);
	unhash_flow(c, f);
	f->state = CONNS_ENDED;
	f->nic_want = f->ask_due = false;
	n->info.flows--;
	while (n->flow[index] != (uint32_t)(f - c->flow))
		index++;
	if (f->nic == NIC_NONE)
		conns_free_ended_flow(c, n, index);
	else
		conns_due(c, n);
}

void conns_end_flow(struct conns *c, struct flow *f, uint8_t by)
{
	struct conn *n = conn_of(c, f);

	if (n->info.state == CONNS_OPEN || n->info.state == CONNS_TCP)
		conns_log(c, n, CONNS_FLOW_ENDED, 0, by, f->syn.addr_id);
	drop_flow(c, n, f);
	if (n->info.flows)
		return;
	if (!stays_without_flows(n)) {
		conns_end_conn(c, n, by);
		return;
	}
	n->ended_ns = c->now + c->config.times.linger;
}

static void settle(struct conns *c, struct conn *n)
{
	if (n->info.state == CONNS_ENDED && conns_nic_clear(n) && !n->is_due)
		free_conn(c, n);
}

void conns_end_conn(struct conns *c, struct conn *n, uint8_t by)
{
	const bool shown =
		n->info.state == CONNS_OPEN || n->info.state == CONNS_TCP || n->offer.seen;

	for (unsigned int i = 0; i < CONNS_FLOWS_MAX; i++)
		if (n->flow[i] != NONE && c->flow[n->flow[i]].state != CONNS_ENDED)
			drop_flow(c, n, &c->flow[n->flow[i]]);
	unhash_token(c, n, 0);
	unhash_token(c, n, 1);
	c->counts.closed++;
	if (shown)
		conns_log(c, n, CONNS_CLOSED, 0, by, 0);
	n->info.state = CONNS_ENDED;
	n->set_due = false;
	explicit_bzero(n->key, sizeof(n->key));
	conns_to_list(c, n, LIST_ENDED);
	if (!conns_nic_clear(n))
		conns_due(c, n);
	settle(c, n);
}

/* ---- conclusions ---------------------------------------------------------------------------- */

void conns_log(struct conns *c, const struct conn *n, enum conns_what what, uint8_t rule,
	       uint8_t by, uint8_t id)
{
	uint32_t at = c->change_first + c->changes;

	if (c->changes == c->config.changes) {
		c->counts.lost_changes++;
		return;
	}
	if (at >= c->config.changes)
		at -= c->config.changes;
	c->changes++;
	c->change[at] = (struct conns_change){
		.time_ns = c->now,
		.number = n->info.number,
		.what = what,
		.rule = rule,
		.by = by,
		.id = id,
		.host = (uint8_t)host_side(n),
	};
}

bool conns_next_change(struct conns *c, struct conns_change *change)
{
	if (!c->changes)
		return false;
	*change = c->change[c->change_first];
	c->change_first = (c->change_first + 1) % c->config.changes;
	c->changes--;
	return true;
}

void conns_note(struct conns *c, struct conn *n, uint8_t rule, uint8_t by)
{
	if (!n->info.noted[rule]++)
		conns_log(c, n, CONNS_NOTED, rule, by, 0);
}

static uint32_t wall(const struct conns *c, uint64_t time_ns)
{
	return c->config.epoch_s + (uint32_t)(time_ns / SECOND_NS);
}

static enum sight_offer offer_of(const struct conn *n)
{
	if (!n->offer.seen)
		return SIGHT_OFFER_NONE;
	return n->offer.version ? SIGHT_OFFER_V1 : SIGHT_OFFER_V0;
}

void conns_sight(struct conns *c, const struct conn *n, enum sight_what what)
{
	uint32_t at = c->sight_first + c->sights;
	struct sight *s;

	if (c->sights == c->config.sights) {
		c->counts.lost_sights++;
		return;
	}
	if (at >= c->config.sights)
		at -= c->config.sights;
	c->sights++;
	s = &c->sight[at];
	*s = (struct sight){
		.peer = {.network = n->info.network, .port = n->info.out ? n->peer.hi_port : 0},
		.what = what,
		.offer = offer_of(n),
		.began_s = wall(c, n->info.began_ns),
		.now_s = wall(c, c->now),
	};
	s->peer.addr.version = n->peer.kind;
	memcpy(s->peer.addr.bytes, n->peer.hi_addr, sizeof(s->peer.addr.bytes));
}

bool conns_next_sight(struct conns *c, struct sight *sight)
{
	if (!c->sights)
		return false;
	*sight = c->sight[c->sight_first];
	c->sight_first = (c->sight_first + 1) % c->config.sights;
	c->sights--;
	return true;
}

static void to_tcp(struct conns *c, struct flow *f)
{
	if (f->state == CONNS_ENDED)
		return;
	f->state = CONNS_TCP;
	conns_half_join(c, f, false);
	conns_deadline(c, f);
}

void conns_fall_back(struct conns *c, struct conn *n, uint8_t rule, uint8_t by)
{
	struct conns_info *i = &n->info;

	if (i->state == CONNS_TCP)
		return;
	i->state = CONNS_TCP;
	i->rule = rule;
	i->by = by;
	i->fell_ns = c->now;
	if (!i->noted[rule])
		i->noted[rule]++;
	for (unsigned int k = 0; k < CONNS_FLOWS_MAX; k++)
		if (n->flow[k] != NONE)
			to_tcp(c, &c->flow[n->flow[k]]);
	c->counts.fell_back++;
	c->counts.rule[rule]++;
	conns_log(c, n, CONNS_FELL_BACK, rule, by, 0);
	if (i->out && n->answer_good && !i->confirmed)
		conns_sight(c, n, SIGHT_FELL_BACK);
	if (n->bound) {
		n->set_due = true;
		conns_due(c, n);
	}
	conns_to_list(c, n, LIST_TCP);
}

/* ---- time ----------------------------------------------------------------------------------- */

void conns_deadline(struct conns *c, struct flow *f)
{
	const struct conns_times *t = &c->config.times;
	const bool half = f->state == CONNS_SYN || f->state == CONNS_ANSWER;

	f->touched_ns = c->now;
	if (!f->closing)
		f->deadline_ns = c->now + (half ? t->half : t->idle);
	f->asked = f->ask_due = false;
}

/* The handshake's time is over. */
static void end_half(struct conns *c, struct flow *f)
{
	struct conn *n = conn_of(c, f);

	if (f->first && n->info.out && n->offer.seen && !f->answered)
		conns_sight(c, n, SIGHT_SILENT);
	conns_end_flow(c, f, NOBODY);
}

static void look_at_flow(struct conns *c, struct flow *f)
{
	struct conn *n = conn_of(c, f);

	if (f->state == CONNS_FREE || f->state == CONNS_ENDED || f->deadline_ns > c->now)
		return;
	if (!f->closing && (f->state == CONNS_SYN || f->state == CONNS_ANSWER)) {
		end_half(c, f);
		return;
	}
	if (f->nic == NIC_NONE || f->sure || f->asked) {
		conns_end_flow(c, f, NOBODY);
		return;
	}
	f->asked = f->ask_due = true;
	f->deadline_ns = c->now + c->config.times.ask;
	conns_due(c, n);
}

/* Did anything pass behind what seemed the end? */
static bool goes_on(const struct conns *c, const struct flow *f, uint64_t packets, uint64_t seen_ns)
{
	if (!f->closing)
		return seen_ns > f->touched_ns;
	if (f->rst_counted)
		return packets > f->rst_packets;
	/* Last acknowledgements are not it. */
	return seen_ns > f->touched_ns + c->config.times.time_wait / 2;
}

void conns_flow_seen(struct conns *c, const struct conns_action *asked, uint64_t packets,
		     uint64_t bytes, uint64_t seen_ns)
{
	const uint32_t at = asked->flow_ref[0];
	struct flow *f;

	if (at >= c->config.flows || c->flow[at].generation != asked->flow_ref[1])
		return;
	f = &c->flow[at];
	if (f->state == CONNS_FREE || f->state == CONNS_ENDED)
		return;
	f->packets = packets;
	f->bytes = bytes;
	if (f->closing && !f->asked) {
		f->rst_counted = true;
		f->rst_packets = packets;
		return;
	}
	if (!goes_on(c, f, packets, seen_ns))
		return;
	c->counts.rst_doubted += f->closing && (f->rst[0] || f->rst[1]);
	f->closing = f->asked = f->ask_due = f->rst_counted = false;
	f->rst[0] = f->rst[1] = f->fin[0] = f->fin[1] = false;
	f->touched_ns = seen_ns;
	f->deadline_ns = seen_ns + c->config.times.idle;
}

static void look_at_conn(struct conns *c, struct conn *n)
{
	if (n->info.state == CONNS_OPEN && !n->info.flows && n->ended_ns <= c->now)
		conns_end_conn(c, n, NOBODY);
}

unsigned int conns_tick(struct conns *c, uint64_t now_ns, unsigned int budget)
{
	const uint64_t before = c->counts.closed;

	if (now_ns > c->now)
		c->now = now_ns;
	if (budget > c->config.flows)
		budget = c->config.flows;
	while (budget--) {
		const uint32_t at = c->scan;

		c->scan = (at + 1) % c->config.flows;
		look_at_flow(c, &c->flow[at]);
		if (at < c->config.conns)
			look_at_conn(c, &c->conn[at]);
	}
	return (unsigned int)(c->counts.closed - before);
}

/* ---- actions -------------------------------------------------------------------------------- */

bool conns_next_action(struct conns *c, struct conns_action *action)
{
	while (c->due.first != NONE) {
		const uint32_t at = c->due.first;
		struct conn *n = &c->conn[at];

		if (conns_nic_next(c, n, action))
			return true;
		due_unlink(c, &c->due, at);
		n->is_due = false;
		settle(c, n);
	}
	return false;
}

/* ---- listing -------------------------------------------------------------------------------- */

bool conns_list(const struct conns *c, uint32_t *at, struct conns_info *info)
{
	while (*at < c->config.conns) {
		const struct conn *n = &c->conn[(*at)++];

		if (!is_live(n))
			continue;
		*info = n->info;
		info->in_nic = n->conn_nic;
		return true;
	}
	return false;
}

static const struct conn *find_number(const struct conns *c, uint64_t number)
{
	for (uint32_t i = 0; number && i < c->config.conns; i++)
		if (is_live(&c->conn[i]) && c->conn[i].info.number == number)
			return &c->conn[i];
	return NULL;
}

static void set_end(const struct flow *f, unsigned int end, struct conns_flow_info *info)
{
	const bool upper = f->upper ^ (end == 1);

	info->addr[end].version = f->key.kind;
	memcpy(info->addr[end].bytes, upper ? f->key.hi_addr : f->key.lo_addr, 16);
	info->port[end] = upper ? f->key.hi_port : f->key.lo_port;
}

static void tell_flow(const struct flow *f, struct conns_flow_info *info)
{
	*info = (struct conns_flow_info){
		.state = f->state,
		.first = f->first,
		.out = f->out,
		.opener = f->opener,
		.network = f->network,
		.id = {f->syn.addr_id, f->id_peer},
		.backup = {f->backup[0], f->backup[1]},
		.synack_hmac = f->synack_hmac,
		.ack_hmac = f->ack_hmac,
		.fin = {f->fin[0], f->fin[1]},
		.rst = {f->rst[0], f->rst[1]},
		.rst_reason = f->rst_reason,
		.slow_packets = {f->slow[0], f->slow[1]},
		.packets = f->packets,
		.bytes = f->bytes,
		.events = f->events,
		.in_nic = f->nic != NIC_NONE,
	};
	set_end(f, 0, info);
	set_end(f, 1, info);
}

bool conns_list_flow(const struct conns *c, const struct conns_info *of, unsigned int index,
		     struct conns_flow_info *info)
{
	const uint32_t at = of->conn_id - c->config.conn_base;
	const struct conn *n = at < c->config.conns ? &c->conn[at] : NULL;

	if (!n || !is_live(n) || n->info.number != of->number)
		return false;
	for (unsigned int i = 0; i < CONNS_FLOWS_MAX; i++) {
		if (n->flow[i] == NONE || c->flow[n->flow[i]].state == CONNS_ENDED || index--)
			continue;
		tell_flow(&c->flow[n->flow[i]], info);
		return true;
	}
	return false;
}

int conns_keys(const struct conns *c, uint64_t number, uint64_t key[2])
{
	const struct conn *n = find_number(c, number);

	if (!n)
		return -ENOENT;
	if (!n->info.key_known[0] || !n->info.key_known[1])
		return -ENODATA;
	key[0] = n->key[0];
	key[1] = n->key[1];
	return 0;
}

void conns_counts(const struct conns *c, struct conns_counts *counts)
{
	*counts = c->counts;
	counts->used_conns = c->config.conns - c->lists[LIST_FREE].count;
}

const char *conns_what_name(enum conns_what what)
{
	static const char *const names[] = {
		[CONNS_BEGAN] = "began",
		[CONNS_ANSWERED] = "answered",
		[CONNS_OPENED] = "opened",
		[CONNS_CONFIRMED] = "confirmed",
		[CONNS_FELL_BACK] = "fell_back",
		[CONNS_NOTED] = "noted",
		[CONNS_JOIN_BEGAN] = "join_began",
		[CONNS_JOINED] = "joined",
		[CONNS_JOIN_FAILED] = "join_failed",
		[CONNS_FLOW_ENDED] = "flow_ended",
		[CONNS_ADDR_ADDED] = "addr_added",
		[CONNS_ADDR_REMOVED] = "addr_removed",
		[CONNS_PRIO] = "prio",
		[CONNS_CLOSED] = "closed",
		[CONNS_NOT_IN_NIC] = "not_in_nic",
	};

	return (unsigned int)what < sizeof(names) / sizeof(names[0]) ? names[what] : "?";
}
