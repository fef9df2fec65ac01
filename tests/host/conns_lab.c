/* SPDX-License-Identifier: BSD-3-Clause */
#include "conns_lab.h"

#include <errno.h>
#include <string.h>

/* ---- the NIC -------------------------------------------------------------------------------- */

static int new_nic(struct lab *l)
{
	struct mpnic_state_config g;
	int err;

	mpnic_state_defaults(&g);
	g.flows = LAB_IDS;
	g.stash = 32;
	g.conns = 128;
	g.tokens = 128;
	g.peers = 8;
	g.host_sources = 2; /* source 1: what the host sends */
	l->free_count = 0;
	err = mpnic_state_new(&g, &l->nic);
	for (uint32_t i = 0; i < LAB_IDS; i++)
		l->free_ids[l->free_count++] = LAB_IDS - 1 - i;
	for (unsigned int i = 0; !err && i < LAB_GATES; i++)
		err = mpnic_flow_id_give(l->nic, l->free_ids[--l->free_count]);
	return err;
}

int lab_reset_nic(struct lab *l)
{
	mpnic_state_free(l->nic);
	conns_nic_reset(l->conns);
	return new_nic(l);
}

void lab_config(struct conns_config *config)
{
	conns_defaults(config);
	config->conns = 64;
	config->flows = 128;
	config->half_in = config->half_out = config->half_joins = 16;
	config->epoch_s = 1700000000;
	config->host_sources = 2;
	memset(config->key, 7, sizeof(config->key));
}

int lab_new(struct lab *l, const struct conns_config *config)
{
	struct conns_config small;
	int err;

	memset(l, 0, sizeof(*l));
	lab_config(&small);
	l->now = 1000000000;
	l->port = 40000;
	l->given = MPNIC_GIVEN_UNKNOWN;
	err = conns_new(config ? config : &small, &l->conns);
	return err ? err : new_nic(l);
}

void lab_free(struct lab *l)
{
	conns_free(l->conns);
	mpnic_state_free(l->nic);
}

static int add_flow(struct lab *l, const struct conns_action *a)
{
	const struct mpnic_key *key = (const struct mpnic_key *)a->flow.key;
	struct mpnic_action action;
	struct mpnic_flow flow = {.conn_id = a->flow.conn_id, .flags = a->flow.flags};
	uint32_t id;
	int err;

	memcpy(&action, a->flow.action, sizeof(action));
	flow.actions = action.actions;
	flow.dir[0] = a->dir[0];
	flow.dir[1] = a->dir[1];
	if (!l->free_count)
		return -ENOSPC;
	id = l->free_ids[l->free_count - 1];
	err = mpnic_flow_insert(l->nic, key, id, &flow);
	if (!err)
		l->free_count--;
	return err;
}

/* A learnt flow is confirmed or removed: its token may learn another one. */
static void settle(struct lab *l, uint32_t id)
{
	struct mpnic_flow flow = *mpnic_flow_at(l->nic, id);
	const struct mpnic_conn *conn = mpnic_conn_at(l->nic, flow.conn_id);
	const struct mpnic_token_entry *found;
	struct mpnic_token_entry entry;

	if (!(flow.flags & MPNIC_FLOW_STATE_PROVISIONAL))
		return;
	flow.flags &= (uint16_t)~MPNIC_FLOW_STATE_PROVISIONAL;
	mpnic_flow_set(l->nic, id, &flow);
	found = conn ? mpnic_token_find(l->nic,
					conn->token[!(flow.flags & MPNIC_FLOW_STATE_SIDE_B)])
		     : NULL;
	if (!found || !found->provisional)
		return;
	entry = *found;
	entry.provisional--;
	mpnic_token_set(l->nic, &entry);
}

static int confirm(struct lab *l, const struct mpnic_key *key)
{
	const uint32_t id = mpnic_flow_find(l->nic, key);
	int err;

	if (id == MPNIC_ID_NONE)
		return -ENOENT;
	err = mpnic_stash_move(l->nic, key);
	if (!err)
		settle(l, id);
	return err;
}

static int remove_flow(struct lab *l, const struct mpnic_key *key)
{
	const uint32_t id = mpnic_flow_find(l->nic, key);
	int err;

	if (id == MPNIC_ID_NONE)
		return -ENOENT;
	settle(l, id);
	err = mpnic_flow_remove(l->nic, key);
	if (!err)
		l->free_ids[l->free_count++] = id;
	return err;
}

static int set_action(struct lab *l, const struct conns_action *a)
{
	const uint32_t id = mpnic_flow_find(l->nic, (const struct mpnic_key *)a->flow.key);
	struct mpnic_action action;
	struct mpnic_flow flow;

	if (id == MPNIC_ID_NONE)
		return -ENOENT;
	memcpy(&action, a->flow.action, sizeof(action));
	flow = *mpnic_flow_at(l->nic, id);
	flow.actions = action.actions;
	return mpnic_flow_set(l->nic, id, &flow);
}

/* last_seen counts 2^20 ns, modulo 2^32. */
static int tell(struct lab *l, const struct conns_action *a)
{
	const uint32_t id = mpnic_flow_find(l->nic, (const struct mpnic_key *)a->flow.key);
	const struct mpnic_flow *flow = id == MPNIC_ID_NONE ? NULL : mpnic_flow_at(l->nic, id);

	if (!flow)
		return -ENOENT;
	conns_flow_seen(l->conns, a, flow->packets, flow->bytes,
			((l->now >> 20) - (uint32_t)((uint32_t)(l->now >> 20) - flow->last_seen))
				<< 20);
	return 0;
}

static int apply(struct lab *l, const struct conns_action *a)
{
	const struct mpnic_key *key = (const struct mpnic_key *)a->flow.key;

	switch (a->what) {
	case CONNS_DO_CONN_SET:
		return mpnic_conn_set(l->nic, a->conn_id, &a->conn);
	case CONNS_DO_FLOW_ADD:
		return add_flow(l, a);
	case CONNS_DO_FLOW_CONFIRM:
		return confirm(l, key);
	case CONNS_DO_FLOW_SET:
		return set_action(l, a);
	case CONNS_DO_FLOW_REMOVE:
		return remove_flow(l, key);
	case CONNS_DO_TOKEN_ADD:
		return mpnic_token_insert(l->nic, &a->token);
	case CONNS_DO_TOKEN_REMOVE:
		return mpnic_token_remove(l->nic, a->token.token);
	case CONNS_DO_FLOW_ASK:
		l->asked++;
		l->ask = *a;
		return l->mute ? 0 : tell(l, a);
	}
	return -EINVAL;
}

void lab_drain(struct lab *l)
{
	struct conns_action a;
	struct conns_change change;
	struct sight sight;

	if (l->no_drain)
		return;
	while (conns_next_action(l->conns, &a)) {
		const int err = l->no_nic ? -ENOSPC : apply(l, &a);

		l->done[a.what]++;
		if (l->orders < LAB_ORDER)
			l->order[l->orders++] = a.what;
		l->failed += !!err;
		if (err)
			conns_failed(l->conns, &a, err);
	}
	while (conns_next_sight(l->conns, &sight))
		if (l->sights < LAB_SIGHTS)
			l->sight[l->sights++] = sight;
	while (conns_next_change(l->conns, &change))
		if (l->logs < LAB_LOG)
			l->log[l->logs++] = change;
}

static void to_conns(struct lab *l, bool out)
{
	const struct conns_packet p = {
		.hdr = &l->hdr,
		.csum = &l->csum,
		.time_ns = l->now,
		.network = l->network,
		.out = out,
		.sent = l->sent,
	};

	l->verdict = (struct conns_verdict){.found = CONNS_FINE};
	if (!l->all && !conns_wants(l->conns, &l->hdr, l->network))
		return;
	l->seen++;
	conns_packet(l->conns, &p, &l->verdict);
	lab_drain(l);
}

static void to_nic(struct lab *l)
{
	struct mpnic_event event;

	if (!mpnic_state_packet(l->nic, &l->hdr, &l->csum, l->now, &l->result, &event))
		return;
	if (l->result.token == MPNIC_TOKEN_LEARNT && l->free_count)
		mpnic_flow_id_give(l->nic, l->free_ids[--l->free_count]);
	if (l->no_events)
		return;
	conns_event(l->conns, &event, l->now);
	lab_drain(l);
}

void lab_pass(struct lab *l, bool out)
{
	l->hdr.source = out;
	if (out) {
		to_conns(l, true);
		if (l->verdict.drop)
			return;
	}
	to_nic(l);
	if (!out)
		to_conns(l, false);
}

void lab_segment(struct lab *l, unsigned int from, uint8_t flags, uint32_t seq, uint32_t ack,
		 unsigned int payload, const struct opts *opts)
{
	struct mpnic_hdr *h = &l->hdr;

	l->now += 1000;
	mpnic_decode_options(opts ? opts->byte : NULL, opts ? opts->len : 0, flags,
			     (uint16_t)payload, l->given, h);
	h->parse = MPNIC_PARSE_TCP;
	h->flags |= MPNIC_HDR_L3 | MPNIC_HDR_L4 | MPNIC_HDR_TCP;
	h->ip_version = 4;
	h->ip_proto = 6;
	h->payload_off = 54;
	h->payload_len = (uint16_t)payload;
	h->src[0] = h->dst[0] = 10;
	h->src[2] = h->dst[2] = (uint8_t)(l->path + 1);
	h->src[3] = (uint8_t)((from ^ l->swap) + 1);
	h->dst[3] = (uint8_t)(2 - (from ^ l->swap));
	h->sport = from ? 80 : l->port;
	h->dport = from ? l->port : 80;
	h->tcp_flags = flags;
	h->seq = seq;
	h->ack = ack;
	h->window = 1000;
	l->csum = (struct mpnic_csum){
		.ip = MPNIC_CSUM_GOOD,
		.l4 = MPNIC_CSUM_GOOD,
		.frame_len = (uint16_t)(74 + payload),
		.payload_seen = (uint16_t)payload,
	};
	lab_pass(l, from == l->host);
}

void lab_tick(struct lab *l, uint64_t span_ns)
{
	l->now += span_ns;
	conns_tick(l->conns, l->now, UINT32_MAX);
	lab_drain(l);
}

unsigned int lab_count_sights(const struct lab *l, enum sight_what what)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < l->sights; i++)
		count += l->sight[i].what == what;
	return count;
}

unsigned int lab_count_log(const struct lab *l, enum conns_what what, unsigned int rule)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < l->logs; i++)
		count += l->log[i].what == what && l->log[i].rule == rule;
	return count;
}

/* ---- options -------------------------------------------------------------------------------- */

void opt_put(struct opts *o, uint64_t value, unsigned int bytes)
{
	while (bytes-- && o->len < sizeof(o->byte))
		o->byte[o->len++] = (uint8_t)(value >> 8 * bytes);
}

void opt_raw(struct opts *o, const uint8_t *bytes, unsigned int len)
{
	for (unsigned int i = 0; i < len; i++)
		opt_put(o, bytes[i], 1);
}

static void head(struct opts *o, unsigned int len, unsigned int subtype, unsigned int nibble)
{
	opt_put(o, 30, 1);
	opt_put(o, len, 1);
	opt_put(o, subtype << 4 | nibble, 1);
}

void opt_capable(struct opts *o, unsigned int version, uint8_t flags, unsigned int keys,
		 uint64_t key_a, uint64_t key_b)
{
	head(o, 4 + 8 * keys, MPNIC_SUBTYPE_MP_CAPABLE, version);
	opt_put(o, flags, 1);
	if (keys)
		opt_put(o, key_a, 8);
	if (keys > 1)
		opt_put(o, key_b, 8);
}

void opt_capable_data(struct opts *o, uint8_t flags, uint64_t key_a, uint64_t key_b, uint16_t len,
		      int csum)
{
	head(o, csum < 0 ? 22 : 24, MPNIC_SUBTYPE_MP_CAPABLE, 1);
	opt_put(o, flags, 1);
	opt_put(o, key_a, 8);
	opt_put(o, key_b, 8);
	opt_put(o, len, 2);
	if (csum >= 0)
		opt_put(o, (uint64_t)csum, 2);
}

void opt_join_syn(struct opts *o, uint8_t id, uint32_t token, uint32_t nonce)
{
	head(o, 12, MPNIC_SUBTYPE_MP_JOIN, 0);
	opt_put(o, id, 1);
	opt_put(o, token, 4);
	opt_put(o, nonce, 4);
}

void opt_join_synack(struct opts *o, uint8_t id, uint64_t hmac, uint32_t nonce)
{
	head(o, 16, MPNIC_SUBTYPE_MP_JOIN, 0);
	opt_put(o, id, 1);
	opt_put(o, hmac, 8);
	opt_put(o, nonce, 4);
}

void opt_join_ack(struct opts *o, const uint8_t hmac[20])
{
	head(o, 24, MPNIC_SUBTYPE_MP_JOIN, 0);
	opt_put(o, 0, 1);
	opt_raw(o, hmac, 20);
}

void opt_dss(struct opts *o, uint8_t flags, uint64_t ack, uint64_t dsn, uint32_t ssn, uint16_t len,
	     int csum)
{
	unsigned int size = 4;

	size += flags & MPNIC_DSS_A ? 8 : 0;
	size += flags & MPNIC_DSS_M ? 14 : 0;
	size += flags & MPNIC_DSS_M && csum >= 0 ? 2 : 0;
	head(o, size, MPNIC_SUBTYPE_DSS, 0);
	opt_put(o,
		flags | (flags & MPNIC_DSS_A ? MPNIC_DSS_a8 : 0) |
			(flags & MPNIC_DSS_M ? MPNIC_DSS_m8 : 0),
		1);
	if (flags & MPNIC_DSS_A)
		opt_put(o, ack, 8);
	if (!(flags & MPNIC_DSS_M))
		return;
	opt_put(o, dsn, 8);
	opt_put(o, ssn, 4);
	opt_put(o, len, 2);
	if (csum >= 0)
		opt_put(o, (uint64_t)csum, 2);
}

void opt_add_addr(struct opts *o, uint8_t id, const uint8_t addr[4], uint64_t hmac)
{
	head(o, 16, MPNIC_SUBTYPE_ADD_ADDR, 0);
	opt_put(o, id, 1);
	opt_raw(o, addr, 4);
	opt_put(o, hmac, 8);
}

uint16_t lab_checksum(uint64_t dsn, uint32_t ssn, uint16_t len)
{
	uint64_t sum = (dsn >> 48) + (dsn >> 32 & 0xffff) + (dsn >> 16 & 0xffff) + (dsn & 0xffff);

	sum += (ssn >> 16) + (ssn & 0xffff) + len;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}
