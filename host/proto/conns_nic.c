/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the NIC is told of connections: the difference between what should stand there and what was
 * told. Order: what names a connection goes before it and comes after it.
 */
#include "conns_internal.h"

#include <errno.h>
#include <string.h>

static bool wants_token(const struct conn *n, unsigned int side)
{
	return n->bound && is_live(n) && n->token_hashed[side] && n->conn_nic &&
	       !n->token_failed[side];
}

bool conns_nic_clear(const struct conn *n)
{
	for (unsigned int i = 0; i < CONNS_FLOWS_MAX; i++)
		if (n->flow[i] != NONE)
			return false;
	return !n->conn_nic && !n->token_nic[0] && !n->token_nic[1];
}

static bool remove_token(struct conn *n, struct conns_action *a)
{
	for (unsigned int side = 0; side < 2; side++) {
		if (!n->token_nic[side] || wants_token(n, side))
			continue;
		n->token_nic[side] = false;
		a->what = CONNS_DO_TOKEN_REMOVE;
		a->token.token = n->info.token[side];
		return true;
	}
	return false;
}

static bool add_token(const struct conns *c, struct conn *n, struct conns_action *a)
{
	for (unsigned int side = 0; side < 2; side++) {
		if (n->token_nic[side] || !wants_token(n, side))
			continue;
		n->token_nic[side] = true;
		a->what = CONNS_DO_TOKEN_ADD;
		a->token = (struct mpnic_token_entry){
			.token = n->info.token[side],
			.conn_id = n->info.conn_id,
			.flags = (uint8_t)((side ? MPNIC_TOKEN_ENTRY_SIDE_B : 0) |
					   (c->config.policy & CONNS_PUNT_JOINS
						    ? MPNIC_TOKEN_ENTRY_PUNT
						    : 0)),
			.cap = c->config.join_cap,
		};
		return true;
	}
	return false;
}

static void name_flow(const struct conns *c, const struct flow *f, struct conns_action *a)
{
	a->flow_ref[0] = (uint32_t)(f - c->flow);
	a->flow_ref[1] = f->generation;
	memcpy(a->flow.key, &f->key, sizeof(a->flow.key));
	a->flow.flow_id = f->nic_id;
}

static bool remove_flow(struct conns *c, struct conn *n, struct conns_action *a)
{
	for (unsigned int i = 0; i < CONNS_FLOWS_MAX; i++) {
		struct flow *f = n->flow[i] == NONE ? NULL : &c->flow[n->flow[i]];

		if (!f || f->nic == NIC_NONE || f->nic_want)
			continue;
		a->what = CONNS_DO_FLOW_REMOVE;
		name_flow(c, f, a);
		f->nic = NIC_NONE;
		if (f->state == CONNS_ENDED)
			conns_free_ended_flow(c, n, i);
		return true;
	}
	return false;
}

static bool set_conn(struct conn *n, struct conns_action *a)
{
	const struct conns_info *i = &n->info;

	if (!n->set_due)
		return false;
	n->set_due = false;
	n->conn_nic = true;
	a->what = CONNS_DO_CONN_SET;
	a->conn = (struct mpnic_conn){
		.version = i->version,
		.flags = (uint8_t)((i->csum ? MPNIC_CONN_CSUM : 0) |
				   (i->state == CONNS_TCP ? MPNIC_CONN_TCP : 0)),
		.subflows = (uint16_t)i->flows,
	};
	for (unsigned int side = 0; side < 2; side++) {
		a->conn.idsn[side] = i->idsn[side];
		a->conn.dsn_next[side] = i->dsn[side];
		a->conn.token[side] = i->token[side];
	}
	return true;
}

static bool wants_mirror(const struct conn *n, const struct flow *f)
{
	return n->info.state != CONNS_TCP &&
	       ((f->first && !n->info.confirmed) || f->hole[0] || f->hole[1]);
}

static void set_flow_action(const struct conns *c, const struct conn *n, struct flow *f,
			    struct conns_action *a)
{
	struct mpnic_action action = c->config.action;

	f->mirror_nic = wants_mirror(n, f);
	if (f->mirror_nic)
		action.actions |= MPNIC_ACTION_MIRROR;
	memcpy(a->flow.action, &action, sizeof(action));
}

static void set_dirs(const struct conns *c, const struct conn *n, const struct flow *f,
		     struct conns_action *a)
{
	uint32_t flags = MPNIC_DIR_ISN;

	if (f->first)
		flags |= MPNIC_DIR_CAPABLE |
			 (n->info.version == MPNIC_GIVEN_V1 ? MPNIC_DIR_CAPABLE_V1 : 0);
	a->dir[0] = (struct mpnic_dir){
		.isn = f->syn.isn,
		/* What comes from the wire has passed the NIC already, what the host sends has not.
		 */
		.flags = flags |
			 (f->third && (!f->out || c->now > f->third_ns) ? MPNIC_DIR_THIRD : 0),
	};
	a->dir[1] = (struct mpnic_dir){.isn = f->isn_peer, .flags = f->answered ? flags : 0};
}

static void add_flow(const struct conns *c, const struct conn *n, struct flow *f,
		     struct conns_action *a)
{
	unsigned int flags = f->upper ? MPNIC_FLOW_STATE_FLIP : 0;

	if (f->first)
		flags |= MPNIC_FLOW_STATE_FIRST;
	if (f->opener)
		flags |= MPNIC_FLOW_STATE_SIDE_B;
	a->what = CONNS_DO_FLOW_ADD;
	a->flow.conn_id = n->info.conn_id;
	a->flow.flags = (uint16_t)flags;
	set_flow_action(c, n, f, a);
	set_dirs(c, n, f, a);
	f->nic = NIC_ADDED;
}

/* A flow that stays: what is to be done with it, if anything. */
static bool do_flow(const struct conns *c, const struct conn *n, struct flow *f,
		    struct conns_action *a)
{
	name_flow(c, f, a);
	if (f->nic == NIC_NONE) {
		if (!f->nic_want || f->nic_failed || !n->conn_nic)
			return false;
		add_flow(c, n, f, a);
		return true;
	}
	if (f->nic == NIC_LEARNT && f->ack_hmac == CONNS_HMAC_GOOD) {
		f->nic = NIC_ADDED;
		f->confirm_tried = true;
		f->mirror_nic = false;
		a->what = CONNS_DO_FLOW_CONFIRM;
		return true;
	}
	if (f->nic == NIC_ADDED && f->mirror_nic != wants_mirror(n, f)) {
		a->what = CONNS_DO_FLOW_SET;
		set_flow_action(c, n, f, a);
		return true;
	}
	if (!f->ask_due)
		return false;
	f->ask_due = false;
	a->what = CONNS_DO_FLOW_ASK;
	return true;
}

static bool do_flows(const struct conns *c, const struct conn *n, struct conns_action *a)
{
	for (unsigned int i = 0; i < CONNS_FLOWS_MAX; i++) {
		struct flow *f = n->flow[i] == NONE ? NULL : &c->flow[n->flow[i]];

		if (f && f->state != CONNS_ENDED && do_flow(c, n, f, a))
			return true;
	}
	return false;
}

/* Its record is cleared, so that nothing of it is found by the next one of this id. */
static bool clear_conn(struct conn *n, struct conns_action *a)
{
	if (is_live(n) || !n->conn_nic)
		return false;
	n->conn_nic = false;
	a->what = CONNS_DO_CONN_SET;
	return true;
}

bool conns_nic_next(struct conns *c, struct conn *n, struct conns_action *a)
{
	*a = (struct conns_action){.conn_id = n->info.conn_id, .flow_ref = {NONE, 0}};
	return remove_token(n, a) || remove_flow(c, n, a) || set_conn(n, a) || do_flows(c, n, a) ||
	       add_token(c, n, a) || clear_conn(n, a);
}

/* ---- what failed ---------------------------------------------------------------------------- */

static struct conn *named_conn(const struct conns *c, uint32_t conn_id)
{
	const uint32_t at = conn_id - c->config.conn_base;

	return at < c->config.conns && is_live(&c->conn[at]) ? &c->conn[at] : NULL;
}

static struct flow *named_flow(const struct conns *c, const struct conns_action *a)
{
	struct flow *f;

	if (a->flow_ref[0] >= c->config.flows)
		return NULL;
	f = &c->flow[a->flow_ref[0]];
	return f->generation == a->flow_ref[1] && f->state != CONNS_FREE ? f : NULL;
}

static void not_in_nic(struct conns *c, struct conn *n)
{
	c->counts.nic_failed++;
	if (!n->info.not_in_nic)
		conns_log(c, n, CONNS_NOT_IN_NIC, 0, NOBODY, 0);
	n->info.not_in_nic = true;
}

/* An ended flow that only waited for its removal. */
static void gone_from_nic(struct conns *c, struct flow *f)
{
	struct conn *n = conn_of(c, f);

	for (unsigned int i = 0; i < CONNS_FLOWS_MAX; i++)
		if (n->flow[i] == (uint32_t)(f - c->flow))
			conns_free_ended_flow(c, n, i);
	conns_due(c, n); /* which frees the connection, if it was the last */
}

/* It may stand in the stash unknown to us, or be gone from there: each is tried once. */
static void flow_failed(struct conns *c, struct flow *f, const struct conns_action *a, int err)
{
	struct conn *n = conn_of(c, f);
	const bool retry = (a->what == CONNS_DO_FLOW_ADD && err == -EEXIST && !f->first &&
			    !f->confirm_tried) ||
			   (a->what == CONNS_DO_FLOW_CONFIRM && err == -ENOENT && !f->nic_failed);

	f->nic = NIC_NONE;
	if (f->state == CONNS_ENDED) {
		gone_from_nic(c, f);
		return;
	}
	if (retry && a->what == CONNS_DO_FLOW_ADD)
		f->nic = NIC_LEARNT;
	else if (!retry)
		f->nic_failed = true;
	if (retry)
		conns_due(c, n);
	else
		not_in_nic(c, n);
}

void conns_failed(struct conns *c, const struct conns_action *a, int err)
{
	struct conn *n = named_conn(c, a->conn_id);
	struct flow *f = named_flow(c, a);

	switch (a->what) {
	case CONNS_DO_CONN_SET:
		if (!n)
			return;
		n->conn_nic = false;
		not_in_nic(c, n);
		return;
	case CONNS_DO_FLOW_ADD:
	case CONNS_DO_FLOW_CONFIRM:
		if (f)
			flow_failed(c, f, a, err);
		return;
	case CONNS_DO_TOKEN_ADD:
		if (!n)
			return;
		for (unsigned int side = 0; side < 2; side++) {
			if (n->info.token[side] != a->token.token || !n->token_nic[side])
				continue;
			n->token_nic[side] = false;
			n->token_failed[side] = true;
		}
		not_in_nic(c, n);
		return;
	case CONNS_DO_FLOW_SET:
	case CONNS_DO_FLOW_REMOVE:
	case CONNS_DO_FLOW_ASK:
	case CONNS_DO_TOKEN_REMOVE:
		c->counts.nic_failed++; /* what is not there need not go */
		return;
	}
}

static void forget_nic(struct conns *c, struct conn *n)
{
	for (unsigned int i = 0; i < CONNS_FLOWS_MAX; i++) {
		struct flow *f = n->flow[i] == NONE ? NULL : &c->flow[n->flow[i]];

		if (!f)
			continue;
		f->nic = NIC_NONE;
		f->nic_failed = f->confirm_tried = false;
		f->nic_id = MPNIC_ID_NONE;
		if (f->state == CONNS_ENDED)
			conns_free_ended_flow(c, n, i);
	}
	n->conn_nic = n->token_nic[0] = n->token_nic[1] = false;
	n->token_failed[0] = n->token_failed[1] = n->info.not_in_nic = false;
	n->set_due = n->bound && is_live(n);
	conns_due(c, n);
}

void conns_nic_reset(struct conns *c)
{
	for (uint32_t i = 0; i < c->config.conns; i++)
		if (c->conn[i].info.state != CONNS_FREE)
			forget_nic(c, &c->conn[i]);
}

void conns_learnt_aged(struct conns *c, uint32_t flow_id)
{
	for (uint32_t i = 0; i < c->config.flows; i++) {
		struct flow *f = &c->flow[i];

		if (f->nic != NIC_LEARNT || f->nic_id != flow_id)
			continue;
		f->nic = NIC_NONE;
		f->nic_id = MPNIC_ID_NONE;
		if (f->state == CONNS_ENDED)
			gone_from_nic(c, f);
	}
}
