/* SPDX-License-Identifier: BSD-3-Clause */
#include "plane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	TOUCHED = 1u << 12, /* peers whose entries are to be renewed */
	NOTES = 1u << 12,
	RSTS = 64,	  /* of probes, to be sent */
	AGE_PLACES = 256, /* of the cache, in one round */
	WISHES = 64,
};

enum {
	TCP_SYN = 2,
	TCP_RST = 4,
	TCP_ACK = 16,
};

/* A question for when the host's SYN has been answered: nobody is asked whom the host has not
 * reached. */
struct wish {
	struct peer_key peer;
	uint8_t questions; /* 0: free */
	uint16_t sport;	   /* of the SYN */
	uint32_t isn;
};

struct plane {
	struct plane_config config;
	const struct policy *policy;
	struct conns *conns;
	struct peers *peers;
	struct probe *probe;
	bool draining;
	uint64_t tags;
	/* Rings: [tail, head) is filled. */
	struct peer_key touched[TOUCHED];
	uint32_t touched_head, touched_tail;
	bool touched_missed;
	struct plane_note note[NOTES];
	uint64_t notes; /* seq of the last one */
	struct probe_packet rst[RSTS];
	unsigned int rst_head, rst_tail;
	struct wish wish[WISHES]; /* a new one takes the place of the oldest */
	unsigned int wishes;
	struct plane_counts counts;
	struct paths paths;
};

/* ---- parts ---------------------------------------------------------------------------------- */

struct conns *plane_conns(struct plane *c)
{
	return c->conns;
}

struct peers *plane_peers(struct plane *c)
{
	return c->peers;
}

struct probe *plane_probe(struct plane *c)
{
	return c->probe;
}

const struct policy *plane_policy(const struct plane *c)
{
	return c->policy;
}

const struct plane_counts *plane_counts(const struct plane *c)
{
	return &c->counts;
}

bool plane_draining(const struct plane *c)
{
	return c->draining;
}

int plane_new(const struct plane_config *config, const struct policy *policy, struct plane **out,
	      const char **wrong)
{
	struct plane *c = calloc(1, sizeof(*c));
	uint64_t seed;
	int err;

	*wrong = NULL;
	if (!c)
		return -ENOMEM;
	c->config = *config;
	c->policy = policy;
	config->random(config->ctx, &c->paths.seed, sizeof(c->paths.seed));
	config->random(config->ctx, &seed, sizeof(seed));
	err = conns_new(&config->conns, &c->conns);
	if (err == -EINVAL)
		*wrong = "sizes of the connection tracker";
	if (!err)
		err = peers_new(&config->peers, &c->peers, wrong);
	if (!err)
		err = probe_create(&config->probe, seed, &c->probe, wrong);
	if (err) {
		plane_free(c);
		return err;
	}
	*out = c;
	return 0;
}

void plane_free(struct plane *c)
{
	if (!c)
		return;
	probe_destroy(c->probe);
	peers_free(c->peers);
	conns_free(c->conns);
	free(c);
}

/* ---- the log -------------------------------------------------------------------------------- */

static struct plane_note *new_note(struct plane *c, enum plane_note_kind kind, struct plane_now now)
{
	struct plane_note *n = &c->note[++c->notes % NOTES];

	*n = (struct plane_note){.seq = c->notes, .time_ns = now.ns, .kind = kind};
	return n;
}

void plane_tell(struct plane *c, enum plane_note_kind kind, struct plane_now now)
{
	new_note(c, kind, now);
}

const struct plane_note *plane_note(const struct plane *c, uint64_t seq)
{
	const uint64_t oldest = c->notes >= NOTES ? c->notes - NOTES + 1 : 1;

	if (seq < oldest)
		seq = oldest;
	return seq > c->notes ? NULL : &c->note[seq % NOTES];
}

const struct policy *plane_set_policy(struct plane *c, const struct policy *policy,
				      struct plane_now now)
{
	const struct policy *before = c->policy;

	c->policy = policy;
	probe_abandon(c->probe, policy);
	/* What the NIC says of each peer may be another now. */
	c->touched_missed = true;
	new_note(c, NOTE_POLICY, now);
	return before;
}

void plane_drain(struct plane *c, bool on, struct plane_now now)
{
	if (c->draining == on)
		return;
	c->touched_missed = true;
	c->draining = on;
	new_note(c, NOTE_DRAIN, now)->on = on;
}

/* ---- peers ---------------------------------------------------------------------------------- */

void plane_touch_peer(struct plane *c, const struct peer_key *peer)
{
	if (c->touched_head - c->touched_tail == TOUCHED) {
		c->counts.peers_missed++;
		c->touched_missed = true;
		return;
	}
	c->touched[c->touched_head++ % TOUCHED] = *peer;
}

bool plane_next_peer(struct plane *c, struct peer_key *peer)
{
	if (c->touched_head == c->touched_tail)
		return false;
	*peer = c->touched[c->touched_tail++ % TOUCHED];
	return true;
}

bool plane_peers_missed(struct plane *c)
{
	const bool missed = c->touched_missed;

	if (missed)
		c->touched_tail = c->touched_head;
	c->touched_missed = false;
	return missed;
}

static struct policy_peer look(const struct plane *c, const struct peer_key *key, uint32_t now_s)
{
	struct peers_view v;

	peers_look(c->peers, key, now_s, &v);
	return (struct policy_peer){
		.speaks = v.answer,
		.sure = v.sure,
		.mixed = v.mixed,
		.backed_off = v.backoff_s > now_s || v.network_backoff_s > now_s,
		.probe_due = v.ask != 0,
	};
}

void plane_nic_peer(const struct plane *c, const struct peer_key *peer, struct plane_now now,
		    uint8_t *speaks, uint8_t *first_syn)
{
	const struct policy_peer p = look(c, peer, now.s);
	struct policy_rules rules;

	policy_find(c->policy, peer, &rules);
	*speaks = p.speaks;
	*first_syn = (uint8_t)policy_nic(&rules, &p);
	if (c->draining && rules.value[POLICY_MODE] == POLICY_ACT)
		*first_syn = MPNIC_FIRST_SYN_STRIP;
	/* The kernel's SYNs pass here before the NIC sees them: what it would punt has been
	 * decided. */
	if (*first_syn == MPNIC_FIRST_SYN_PUNT)
		*first_syn = MPNIC_FIRST_SYN_PASS;
}

static void changed(struct plane *c, const struct peers_change *change, struct plane_now now)
{
	struct plane_note *n;

	if (change->evicted)
		plane_touch_peer(c, &change->evicted_key);
	if (change->tell_nic || change->save)
		plane_touch_peer(c, &change->key);
	c->touched_missed |= change->network_changed;
	if (change->old_answer == change->answer && change->old_confidence == change->confidence &&
	    !change->alarms)
		return;
	n = new_note(c, NOTE_PEER, now);
	n->peer = change->key;
	n->learnt = *change;
}

/* ---- frames --------------------------------------------------------------------------------- */

static uint8_t network_of(const struct plane *c, const struct mpnic_hdr *hdr, uint8_t port)
{
	const int vlan = hdr->vlan_count ? hdr->vlan_outer & 0xfff : 0;

	return policy_network_of(c->policy, port, vlan);
}

unsigned int plane_version(const struct plane *c, const struct mpnic_hdr *hdr, uint8_t port)
{
	return conns_version(c->conns, hdr, network_of(c, hdr, port));
}

static struct ip_addr addr_from(const struct mpnic_hdr *hdr, const uint8_t bytes[16])
{
	struct ip_addr addr = {.version = hdr->ip_version};

	memcpy(addr.bytes, bytes, sizeof(addr.bytes));
	return addr;
}

static bool same_peer(const struct peer_key *a, const struct peer_key *b)
{
	return a->network == b->network && a->port == b->port &&
	       a->addr.version == b->addr.version &&
	       !memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr.bytes));
}

/* Whom a frame goes to. */
static struct peer_key key_of(const struct mpnic_hdr *hdr, uint8_t network)
{
	return (struct peer_key){
		.network = network, .addr = addr_from(hdr, hdr->dst), .port = hdr->dport};
}

static enum sight_offer offer_of(const struct mpnic_hdr *hdr)
{
	for (unsigned int i = 0; i < hdr->mptcp_count; i++) {
		const struct mpnic_opt *o = &hdr->opt[i];

		if (o->subtype == MPNIC_SUBTYPE_MP_CAPABLE && o->error == MPNIC_OPT_ERROR_NONE)
			return o->version == 1 ? SIGHT_OFFER_V1 : SIGHT_OFFER_V0;
	}
	return SIGHT_OFFER_NONE;
}

static bool has_join(const struct mpnic_hdr *hdr)
{
	for (unsigned int i = 0; i < hdr->mptcp_count; i++)
		if (hdr->opt[i].subtype == MPNIC_SUBTYPE_MP_JOIN)
			return true;
	return false;
}

static void decide(const struct plane *c, const struct peer_key *peer, const struct mpnic_hdr *hdr,
		   unsigned int nth, unsigned int offered, uint32_t now_s,
		   struct policy_decision *d)
{
	const struct policy_peer known = look(c, peer, now_s);
	const enum sight_offer asks = offer_of(hdr);
	struct policy_decision first = {
		.syn = offered ? MPNIC_FIRST_SYN_PASS : MPNIC_FIRST_SYN_STRIP,
		.offer = (uint8_t)(offered ? asks : SIGHT_OFFER_NONE),
	};
	struct policy_rules rules;

	policy_find(c->policy, peer, &rules);
	if (nth)
		policy_syn_again(&rules, &first, asks, nth, d);
	else
		policy_first_syn(&rules, &known, asks, d);
	if (c->draining && asks && rules.value[POLICY_MODE] == POLICY_ACT) {
		d->syn = MPNIC_FIRST_SYN_STRIP;
		d->offer = SIGHT_OFFER_NONE;
		d->ask = 0;
	}
}

static void wish_for(struct plane *c, const struct peer_key *peer, const struct mpnic_hdr *syn,
		     uint8_t questions)
{
	c->wish[c->wishes++ % WISHES] = (struct wish){
		.peer = *peer, .questions = questions, .sport = syn->sport, .isn = syn->seq};
}

/* A SYN of the host without ACK: what the peer will be offered. */
static enum conns_sent offer(struct plane *c, const struct plane_frame *f, uint8_t network,
			     struct plane_now now)
{
	const struct peer_key peer = key_of(f->hdr, network);
	struct policy_decision d;
	unsigned int nth, offered = 0;
	struct plane_note *n;

	paths_learn(&c->paths, f->frame, f->hdr, network, f->port, now.ns);
	if (has_join(f->hdr) || offer_of(f->hdr) == SIGHT_OFFER_NONE)
		return CONNS_SENT_AS_IS;
	nth = conns_syn_number(c->conns, f->hdr, network, &offered);
	decide(c, &peer, f->hdr, nth, offered, now.s, &d);
	if (d.reason < POLICY_REASONS)
		c->counts.offers[d.reason]++;
	if (d.ask)
		wish_for(c, &peer, f->hdr, d.ask);
	n = new_note(c, NOTE_OFFER, now);
	n->peer = peer;
	n->offer.decision = d;
	n->offer.nth = nth;
	return d.syn == MPNIC_FIRST_SYN_STRIP ? CONNS_SENT_STRIPPED : CONNS_SENT_AS_IS;
}

static bool is_first_syn(const struct plane_frame *f)
{
	return f->from_kernel && f->hdr->parse == MPNIC_PARSE_TCP &&
	       (f->hdr->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}

static void drain_changes(struct plane *c, struct plane_now now)
{
	struct conns_change change;

	while (conns_next_change(c->conns, &change)) {
		struct plane_note *n = new_note(c, NOTE_CONN, now);

		n->time_ns = change.time_ns;
		n->change = change;
	}
}

/* The tracker says what it found; whether that is dropped is a matter of the peer's rules. */
static bool is_dropped(const struct plane *c, const struct plane_frame *f, uint8_t network,
		       const struct conns_verdict *v)
{
	struct peer_key peer = key_of(f->hdr, network);
	struct policy_rules rules;

	if (!v->drop)
		return false;
	if (!f->from_kernel) {
		peer.addr = addr_from(f->hdr, f->hdr->src);
		peer.port = f->hdr->sport;
	}
	policy_find(c->policy, &peer, &rules);
	if (v->found == CONNS_JOIN_UNKNOWN)
		return !policy_join_passes(&rules, POLICY_JOIN_UNKNOWN_TOKEN);
	return !policy_join_passes(&rules, POLICY_JOIN_BAD_HMAC);
}

static enum probe_start ask(struct plane *c, const struct peer_key *peer, uint8_t questions,
			    bool all, uint64_t tag, struct plane_now now)
{
	const struct path *path = paths_find(&c->paths, peer->network, &peer->addr);
	struct probe_ask a = {.peer = *peer, .questions = questions, .all = all, .tag = tag};
	struct probe_random random;
	struct policy_rules rules;

	if (!path) {
		c->counts.asks_without_path++;
		return PROBE_NO_HANDSHAKE;
	}
	a.from = path->from;
	a.mss = path->mss;
	a.handshake_s = path->handshake_s;
	policy_find(c->policy, peer, &rules);
	c->config.random(c->config.ctx, &random, sizeof(random));
	return probe_start(c->probe, &a, &rules, &random, (struct probe_now){now.ns, now.s});
}

/* A SYN/ACK from the wire: what was wished for when the SYN left. */
static void grant_wishes(struct plane *c, const struct mpnic_hdr *hdr, uint8_t network,
			 struct plane_now now)
{
	const struct peer_key peer = {
		.network = network, .addr = addr_from(hdr, hdr->src), .port = hdr->sport};

	for (unsigned int i = 0; i < WISHES; i++) {
		struct wish *w = &c->wish[i];

		if (!w->questions || w->sport != hdr->dport || w->isn + 1 != hdr->ack ||
		    !same_peer(&w->peer, &peer))
			continue;
		paths_answered(&c->paths, network, &peer.addr, now.s);
		ask(c, &peer, w->questions, false, 0, now);
		w->questions = 0;
	}
}

static bool is_synack(const struct plane_frame *f)
{
	return !f->from_kernel && f->hdr->parse == MPNIC_PARSE_TCP &&
	       (f->hdr->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == (TCP_SYN | TCP_ACK);
}

enum plane_fate plane_frame(struct plane *c, const struct plane_frame *f, struct plane_now now)
{
	const uint8_t network = network_of(c, f->hdr, f->port);
	struct conns_packet p = {.hdr = f->hdr,
				 .csum = f->csum,
				 .time_ns = now.ns,
				 .network = network,
				 .out = f->from_kernel};
	struct probe_packet rst;
	struct conns_verdict v;

	if (!f->from_kernel) {
		const struct probe_now at = {now.ns, now.s};
		const enum probe_input in =
			probe_input(c->probe, f->hdr, f->csum, network, at, &rst);

		/* One that finds no room is lost as any packet may be: the peer gives up by itself.
		 */
		if (in == PROBE_ANSWER && c->rst_head - c->rst_tail < RSTS)
			c->rst[c->rst_head++ % RSTS] = rst;
		if (in != PROBE_NOT_OURS)
			return PLANE_OURS;
	}
	if (is_first_syn(f))
		p.sent = offer(c, f, network, now);
	else if (is_synack(f))
		grant_wishes(c, f->hdr, network, now);
	conns_packet(c->conns, &p, &v);
	drain_changes(c, now);
	if (is_dropped(c, f, network, &v)) {
		c->counts.dropped++;
		return PLANE_DROP;
	}
	c->counts.stripped += p.sent == CONNS_SENT_STRIPPED;
	return p.sent == CONNS_SENT_STRIPPED ? PLANE_STRIP : PLANE_PASS;
}

void plane_event(struct plane *c, const struct mpnic_event *event, struct plane_now now)
{
	conns_event(c->conns, event, now.ns);
	drain_changes(c, now);
}

/* ---- sights and questions ------------------------------------------------------------------- */

/* The host has begun a TCP handshake with that peer, and it was answered. */
static bool is_answer(enum sight_what what)
{
	return what == SIGHT_ANSWER_V1 || what == SIGHT_ANSWER_V0 || what == SIGHT_ABSENT ||
	       what == SIGHT_MALFORMED || what == SIGHT_ECHO || what == SIGHT_DROPPED;
}

static void follow_up(struct plane *c, const struct sight *s, const struct policy_peer *before,
		      struct plane_now now)
{
	struct policy_rules rules;
	struct peers_change change;
	struct policy_next next;

	policy_find(c->policy, &s->peer, &rules);
	policy_after(&rules, before, s->what, s->offer, &next);
	if (next.back_off && !peers_back_off(c->peers, &s->peer, now.s, &change))
		changed(c, &change, now);
	if (next.ask)
		ask(c, &s->peer, next.ask, false, 0, now);
}

static void take_sight(struct plane *c, const struct sight *s, struct plane_now now)
{
	const struct policy_peer before = look(c, &s->peer, now.s);
	struct peers_change change;

	if (is_answer(s->what))
		paths_answered(&c->paths, s->peer.network, &s->peer.addr, now.s);
	if (!peers_see(c->peers, s, &change))
		changed(c, &change, now);
	follow_up(c, s, &before, now);
}

static void take_report(struct plane *c, const struct probe_report *r, struct plane_now now)
{
	struct plane_note *n;

	for (unsigned int i = 0; i < r->sights; i++) {
		struct peers_change change;

		if (!peers_see(c->peers, &r->sight[i], &change))
			changed(c, &change, now);
	}
	n = new_note(c, NOTE_PROBE, now);
	n->peer = r->peer;
	n->report = *r;
}

/* Answers and back-offs that are over by themselves. */
static void age(struct plane *c, struct plane_now now)
{
	uint32_t budget = AGE_PLACES;
	struct peers_change change;

	while (peers_age(c->peers, now.s, &budget, &change))
		changed(c, &change, now);
}

void plane_settle(struct plane *c, unsigned int budget, struct plane_now now)
{
	struct probe_report report;
	struct sight sight;

	age(c, now);

	for (; budget && conns_next_sight(c->conns, &sight); budget--)
		take_sight(c, &sight, now);
	while (probe_report(c->probe, &report))
		take_report(c, &report, now);
}

int plane_ask(struct plane *c, const struct peer_key *peer, struct plane_now now, uint64_t *tag,
	      enum probe_start *start)
{
	if (!paths_find(&c->paths, peer->network, &peer->addr))
		return -ENETUNREACH;
	*tag = ++c->tags;
	*start = ask(c, peer, POLICY_ASK_V1 | POLICY_ASK_V0, true, *tag, now);
	return 0;
}

static bool next_packet(struct plane *c, struct plane_now now, struct probe_packet *packet)
{
	if (c->rst_tail != c->rst_head) {
		*packet = c->rst[c->rst_tail++ % RSTS];
		return true;
	}
	return probe_next(c->probe, (struct probe_now){now.ns, now.s}, packet);
}

bool plane_next_probe(struct plane *c, struct plane_now now, struct probe_packet *packet,
		      struct path *path)
{
	while (next_packet(c, now, packet)) {
		const struct path *p = paths_find(&c->paths, packet->network, &packet->dst);

		/* Forgotten since it was asked: the question goes unanswered. */
		if (!p)
			continue;
		*path = *p;
		return true;
	}
	return false;
}

uint64_t plane_deadline(const struct plane *c)
{
	return c->rst_tail != c->rst_head ? 0 : probe_deadline(c->probe);
}
