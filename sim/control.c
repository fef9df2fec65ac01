/* SPDX-License-Identifier: BSD-3-Clause */
#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GATE_IDS 64 /* flow ids that the gates hold for learnt flows */

/* A flow id in use. */
struct slot {
	struct mpnic_key key;
	const struct track_flow *flow; /* NULL: the tracker had no room for it */
	uint64_t deadline;	       /* when it is removed, once it has ended */
	uint32_t next;		       /* slot that ended behind it */
	bool used, ended, provisional;
	bool fixed; /* an entry of a table file, which has got a connection */
};

enum conn_use {
	CONN_NEW,
	CONN_USED,
	CONN_DONE, /* removed, or there was no room */
};

/* What the NIC was told of a connection, beside what it holds itself. */
struct conn_slot {
	enum conn_use use;
	bool fixed;	  /* of a table file: it stays */
	bool queued;	  /* its queue is settled */
	bool idsn[2];	  /* its IDSNs are told */
	bool token[2];	  /* its tokens are in the table */
	bool dsn_next[2]; /* where there is no IDSN: the numbers that were seen */
};

struct control {
	struct mpnic_state_config config;
	struct mpnic_state *state;
	struct control_counts counts;
	uint64_t now;
	struct slot *slot;	/* by flow id */
	struct conn_slot *conn; /* by connection id: the tracker's number - 1 */
	uint32_t *free_ids, free_count;
	uint32_t first_ended, last_ended;
};

void control_defaults(struct mpnic_state_config *config)
{
	mpnic_state_defaults(config);
	for (unsigned int i = 0; i < MPNIC_RETA_SIZE; i++)
		config->reta[i] = i % CONTROL_QUEUES;
}

int control_new(const struct mpnic_state_config *config, struct control **control)
{
	struct control *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->config = *config;
	c->first_ended = c->last_ended = MPNIC_ID_NONE;
	err = mpnic_state_new(config, &c->state);
	if (!err) {
		c->slot = calloc(config->flows, sizeof(*c->slot));
		c->conn = calloc(config->conns, sizeof(*c->conn));
		c->free_ids = calloc(config->flows, sizeof(*c->free_ids));
		err = c->slot && c->conn && c->free_ids ? 0 : -ENOMEM;
	}
	if (err) {
		control_free(c);
		return err;
	}
	/* The lowest id is on top. */
	while (c->free_count < config->flows) {
		c->free_ids[c->free_count] = config->flows - 1 - c->free_count;
		c->free_count++;
	}
	for (unsigned int i = 0; i < GATE_IDS && i < config->stash && i < config->flows / 2; i++)
		mpnic_flow_id_give(c->state, control_take_id(c));
	*control = c;
	return 0;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	mpnic_state_free(c->state);
	free(c->slot);
	free(c->conn);
	free(c->free_ids);
	free(c);
}

struct mpnic_state *control_state(struct control *c)
{
	return c->state;
}

uint32_t control_take_id(struct control *c)
{
	return c->free_count ? c->free_ids[--c->free_count] : MPNIC_ID_NONE;
}

uint32_t control_take_conn(struct control *c, unsigned int number)
{
	const uint32_t id = c->config.conns - 1 - number;

	if (number >= c->config.conns || c->conn[id].use == CONN_USED)
		return MPNIC_ID_NONE;
	c->conn[id].use = CONN_DONE;
	c->conn[id].fixed = true;
	return id;
}

void control_counts(const struct control *c, struct control_counts *counts)
{
	*counts = c->counts;
}

/* ---- connections --------------------------------------------------------------------------- */

/* The tracker's connection, where the NIC has it. */
static struct conn_slot *conn_of(struct control *c, const struct track_conn *conn, uint32_t *id)
{
	*id = conn->number - 1;
	return *id < c->config.conns ? &c->conn[*id] : NULL;
}

static void insert_token(struct control *c, struct conn_slot *cs, uint32_t conn_id,
			 unsigned int side, uint32_t token)
{
	const struct mpnic_token_entry entry = {
		.token = token,
		.conn_id = conn_id,
		.flags = side ? MPNIC_TOKEN_ENTRY_SIDE_B : 0,
		.cap = CONTROL_CAP,
	};

	if (mpnic_token_insert(c->state, &entry))
		c->counts.left_out++;
	else
		cs->token[side] = true;
}

/* Keys, version and checksums, as soon as the tracker knows them. */
static void tell_conn(struct control *c, const struct track_conn *tc, struct conn_slot *cs,
		      uint32_t conn_id)
{
	struct mpnic_conn conn = *mpnic_conn_at(c->state, conn_id);
	bool news[2] = {false, false};

	conn.version = tc->version;
	if (tc->csum_known && tc->csum)
		conn.flags |= MPNIC_CONN_CSUM;
	for (unsigned int side = 0; side < 2; side++) {
		if (!tc->key_known[side] || cs->idsn[side])
			continue;
		cs->idsn[side] = news[side] = true;
		conn.idsn[side] = tc->idsn[side];
		conn.dsn_next[side] = tc->idsn[side] + 1;
		conn.token[side] = tc->token[side];
	}
	mpnic_conn_set(c->state, conn_id, &conn);
	for (unsigned int side = 0; side < 2; side++)
		if (news[side])
			insert_token(c, cs, conn_id, side, tc->token[side]);
}

static void seed(struct mpnic_conn *conn, struct conn_slot *cs, unsigned int side, uint64_t dsn)
{
	if (cs->idsn[side] || cs->dsn_next[side])
		return;
	cs->dsn_next[side] = true;
	conn->dsn_next[side] = dsn;
}

/* A handshake with a hole: numbers of 8 octets say where a side without a key has come to. */
static void tell_numbers(struct control *c, const struct mpnic_hdr *h, struct conn_slot *cs,
			 uint32_t conn_id, unsigned int side)
{
	struct mpnic_conn conn = *mpnic_conn_at(c->state, conn_id);

	for (unsigned int i = 0; i < h->mptcp_count; i++) {
		const struct mpnic_opt *o = &h->opt[i];

		if (o->subtype != MPNIC_SUBTYPE_DSS || o->error)
			continue;
		if (o->fields & MPNIC_FIELD_DSN8)
			seed(&conn, cs, side, o->dss.dsn);
		if (o->fields & MPNIC_FIELD_DATA_ACK8)
			seed(&conn, cs, !side, o->dss.data_ack);
	}
	mpnic_conn_set(c->state, conn_id, &conn);
}

static void remove_conn(struct control *c, uint32_t conn_id)
{
	static const struct mpnic_conn none;
	const struct mpnic_conn *conn = mpnic_conn_at(c->state, conn_id);
	struct conn_slot *cs = &c->conn[conn_id];

	for (unsigned int side = 0; side < 2; side++)
		if (cs->token[side])
			mpnic_token_remove(c->state, conn->token[side]);
	mpnic_conn_set(c->state, conn_id, &none);
	cs->use = CONN_DONE;
}

/* ---- flows --------------------------------------------------------------------------------- */

/* A learnt flow is confirmed, or gone: its token may learn another one. */
static void settle_join(struct control *c, uint32_t flow_id)
{
	struct mpnic_flow flow = *mpnic_flow_at(c->state, flow_id);
	const struct mpnic_conn *conn = mpnic_conn_at(c->state, flow.conn_id);
	const struct mpnic_token_entry *found = NULL;
	struct mpnic_token_entry entry;

	if (!c->slot[flow_id].provisional)
		return;
	c->slot[flow_id].provisional = false;
	flow.flags &= (uint16_t)~MPNIC_FLOW_STATE_PROVISIONAL;
	mpnic_flow_set(c->state, flow_id, &flow);
	/* The listener of the subflow owns the token. */
	if (conn)
		found = mpnic_token_find(c->state,
					 conn->token[!(flow.flags & MPNIC_FLOW_STATE_SIDE_B)]);
	if (!found || !found->provisional)
		return;
	entry = *found;
	entry.provisional--;
	mpnic_token_set(c->state, &entry);
}

static void detach(struct control *c, uint32_t flow_id)
{
	struct mpnic_flow flow = *mpnic_flow_at(c->state, flow_id);

	memset(flow.dir, 0, sizeof(flow.dir));
	flow.conn_id = MPNIC_ID_NONE;
	flow.flags = 0;
	mpnic_flow_set(c->state, flow_id, &flow);
}

static void count_subflow(struct control *c, uint32_t conn_id, int change)
{
	struct mpnic_conn conn = *mpnic_conn_at(c->state, conn_id);

	conn.subflows = (uint16_t)(conn.subflows + change);
	mpnic_conn_set(c->state, conn_id, &conn);
}

static void give_back(struct control *c, uint32_t flow_id)
{
	c->free_ids[c->free_count++] = flow_id;
}

static void remove_flow(struct control *c, uint32_t flow_id)
{
	struct slot *slot = &c->slot[flow_id];
	const uint32_t conn_id = mpnic_flow_at(c->state, flow_id)->conn_id;
	const struct mpnic_conn *conn = mpnic_conn_at(c->state, conn_id);

	settle_join(c, flow_id);
	if (slot->fixed)
		detach(c, flow_id);
	else
		mpnic_flow_remove(c->state, &slot->key);
	slot->used = false;
	c->counts.removed++;
	if (!slot->ended && !slot->fixed) /* else its place in the queue gives the id back */
		give_back(c, flow_id);
	if (!conn || !conn->subflows)
		return;
	count_subflow(c, conn_id, -1);
	if (!conn->subflows && !c->conn[conn_id].fixed)
		remove_conn(c, conn_id);
}

/* Returns the id of the new entry, or of the table file's, which keeps its action. */
static uint32_t insert_flow(struct control *c, const struct mpnic_key *key,
			    const struct mpnic_flow *flow)
{
	uint32_t id = mpnic_flow_find(c->state, key);
	struct mpnic_flow fixed;

	if (id != MPNIC_ID_NONE) {
		fixed = *mpnic_flow_at(c->state, id);
		fixed.conn_id = flow->conn_id;
		fixed.flags = flow->flags;
		mpnic_flow_set(c->state, id, &fixed);
		c->slot[id].fixed = true;
		return id;
	}
	id = control_take_id(c);
	if (id == MPNIC_ID_NONE || !mpnic_flow_insert(c->state, key, id, flow))
		return id;
	give_back(c, id);
	return MPNIC_ID_NONE;
}

static void insert_first(struct control *c, const struct track_flow *tf,
			 const struct mpnic_key *key, bool flip)
{
	const struct mpnic_action *action = &c->config.learnt;
	struct mpnic_flow flow = {
		.flags = MPNIC_FLOW_STATE_FIRST | (flip ? MPNIC_FLOW_STATE_FLIP : 0),
		.mark = action->mark,
		.rx_queue = action->rx_queue,
		.strip = action->strip,
		.actions = action->actions,
		.prio = action->prio,
	};
	struct conn_slot *cs = conn_of(c, tf->conn, &flow.conn_id);
	uint32_t id;

	if (!cs || cs->use != CONN_NEW)
		return;
	cs->use = CONN_DONE;
	id = insert_flow(c, key, &flow);
	if (id == MPNIC_ID_NONE) {
		c->counts.left_out++;
		return;
	}
	cs->use = CONN_USED;
	c->slot[id] =
		(struct slot){.key = *key, .flow = tf, .used = true, .fixed = c->slot[id].fixed};
	/* It was zero. */
	count_subflow(c, flow.conn_id, 1);
	c->counts.inserted++;
}

/* The gates have learnt a flow into the stash. */
static void take_learnt(struct control *c, const struct track_flow *tf, const struct mpnic_key *key,
			uint32_t flow_id)
{
	const uint32_t conn_id = mpnic_flow_at(c->state, flow_id)->conn_id;
	uint32_t id = control_take_id(c);

	c->slot[flow_id] =
		(struct slot){.key = *key, .flow = tf, .used = true, .provisional = true};
	if (mpnic_conn_at(c->state, conn_id))
		count_subflow(c, conn_id, 1);
	c->counts.learnt++;
	c->counts.left_out += !!mpnic_stash_move(c->state, key);
	if (id != MPNIC_ID_NONE)
		mpnic_flow_id_give(c->state, id);
}

static bool has_ended(const struct track_flow *f)
{
	return f->rst_frame[0] || f->rst_frame[1] || (f->fin_frame[0] && f->fin_frame[1]);
}

/* Ends come in the order of time, and all flows stay equally long, so that one queue will do. */
static void end_flow(struct control *c, uint32_t flow_id)
{
	struct slot *slot = &c->slot[flow_id];

	slot->ended = true;
	slot->deadline = c->now + CONTROL_LINGER_NS;
	slot->next = MPNIC_ID_NONE;
	if (c->last_ended == MPNIC_ID_NONE)
		c->first_ended = flow_id;
	else
		c->slot[c->last_ended].next = flow_id;
	c->last_ended = flow_id;
}

static void expire(struct control *c)
{
	while (c->first_ended != MPNIC_ID_NONE) {
		const uint32_t id = c->first_ended;
		struct slot *slot = &c->slot[id];

		if (slot->used && slot->deadline > c->now)
			return;
		c->first_ended = slot->next;
		if (c->first_ended == MPNIC_ID_NONE)
			c->last_ended = MPNIC_ID_NONE;
		slot->ended = false;
		if (slot->used)
			remove_flow(c, id);
		else
			give_back(c, id);
	}
}

/* ---- packets ------------------------------------------------------------------------------- */

/* One frame on its way. */
struct step {
	const struct mpnic_hdr *hdr;
	const struct track_flow *flow; /* the tracker's, or NULL */
	unsigned int dir;
	bool has_key, flip;
	struct mpnic_key key;
};

/* The host's flow of a key; entries of a table file are not the control's. */
static uint32_t find_slot(const struct control *c, const struct step *p)
{
	const uint32_t id = p->has_key ? mpnic_flow_find(c->state, &p->key) : MPNIC_ID_NONE;

	return id != MPNIC_ID_NONE && c->slot[id].used ? id : MPNIC_ID_NONE;
}

static void before(struct control *c, const struct step *p)
{
	const struct track_conn *tc = p->flow ? p->flow->conn : NULL;
	const uint32_t old = find_slot(c, p);
	struct conn_slot *cs;
	uint32_t conn_id;

	/* Its ports are used again: a new flow. */
	if (old != MPNIC_ID_NONE && p->flow && c->slot[old].flow != p->flow)
		remove_flow(c, old);
	if (!tc)
		return;
	if (tc->offer.frame && tc->flow[0] == p->flow)
		insert_first(c, p->flow, &p->key, p->flip);
	cs = conn_of(c, tc, &conn_id);
	if (!cs || cs->use != CONN_USED)
		return;
	tell_conn(c, tc, cs, conn_id);
	tell_numbers(c, p->hdr, cs, conn_id, p->dir ^ p->flow->opener);
}

static void behind_conn(struct control *c, const struct track_conn *tc,
			const struct mpnic_result *result)
{
	uint32_t conn_id;
	struct conn_slot *cs = conn_of(c, tc, &conn_id);
	struct mpnic_conn conn;

	if (!cs || cs->use != CONN_USED)
		return;
	conn = *mpnic_conn_at(c->state, conn_id);
	if (!cs->queued) {
		cs->queued = true;
		conn.rx_queue = c->config.reta[result->hash % MPNIC_RETA_SIZE];
		conn.flags |= MPNIC_CONN_QUEUE;
	}
	if (!(conn.flags & MPNIC_CONN_TCP) && track_is_tcp(tc)) {
		conn.flags |= MPNIC_CONN_TCP;
		c->counts.fallen_back++;
	}
	mpnic_conn_set(c->state, conn_id, &conn);
}

static void behind(struct control *c, const struct step *p, const struct mpnic_result *result)
{
	uint32_t id;

	if (result->token == MPNIC_TOKEN_LEARNT)
		take_learnt(c, p->flow, &p->key, result->flow_id);
	if (!p->flow || !p->flow->conn)
		return;
	behind_conn(c, p->flow->conn, result);
	id = find_slot(c, p);
	if (id == MPNIC_ID_NONE)
		return;
	if (c->slot[id].provisional && p->flow->join.ack_verdict == TRACK_GOOD) {
		settle_join(c, id);
		c->counts.confirmed++;
	}
	/* An entry of a table file keeps its connection until its ports are used again. */
	if (!c->slot[id].ended && !c->slot[id].fixed && has_ended(p->flow))
		end_flow(c, id);
}

static void find_step(const struct control *c, const struct track *track,
		      const struct mpnic_hdr *hdr, struct step *p)
{
	*p = (struct step){.hdr = hdr};
	p->flow = track_find(track, hdr, &p->dir);
	p->has_key = mpnic_flow_key(c->state, hdr, false, &p->key, &p->flip);
}

void control_before(struct control *c, const struct track *track, const struct mpnic_hdr *hdr,
		    uint64_t time_ns)
{
	struct step p;

	if (time_ns > c->now)
		c->now = time_ns;
	expire(c);
	find_step(c, track, hdr, &p);
	before(c, &p);
}

static const struct mpnic_conn *result_conn(struct control *c, const struct mpnic_result *result)
{
	return result->conn_id == MPNIC_ID_NONE ? NULL : mpnic_conn_at(c->state, result->conn_id);
}

bool control_packet(struct control *c, const struct track *track, const struct mpnic_hdr *hdr,
		    const struct mpnic_csum *csum, uint64_t time_ns, struct mpnic_result *result,
		    struct mpnic_event *event, const struct mpnic_conn **conn)
{
	struct step p;
	bool has_event;

	find_step(c, track, hdr, &p);
	has_event = mpnic_state_packet(c->state, hdr, csum, time_ns, result, event);
	*conn = result_conn(c, result);
	behind(c, &p, result);
	return has_event;
}
