/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an observation does to what is known of a peer; the table of docs/peers.md as code. It knows
 * one record and its network, nothing of the table that they are in.
 */
#include "peers_internal.h"

#include <string.h>

/* A stored time may lie so far beyond what is plausible before it is void: clocks step. */
#define CLOCK_SLACK_S 86400
#define SHORT_SLACK_S 3600

static void count(struct peers_record *r, enum sight_what what)
{
	const unsigned int shift = what % 2 * 4, n = peers_count(r->counts, what);

	if (n < PEERS_COUNT_MAX)
		r->counts[what / 2] = (uint8_t)(r->counts[what / 2] + (1u << shift));
}

unsigned int peers_count(const uint8_t counts[PEERS_COUNTS_SIZE], enum sight_what what)
{
	return counts[what / 2] >> what % 2 * 4 & 0xf;
}

static uint32_t add(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static bool sure(const struct peers_record *r)
{
	return r->confidence >= PEERS_CONFIRMED;
}

static uint32_t life(const struct peers_config *c, const struct peers_record *r)
{
	if (r->confidence == PEERS_OPERATOR)
		return c->operator_s;
	switch ((enum peers_answer)r->answer) {
	case PEERS_V1:
		return sure(r) ? c->v1_confirmed_s : c->v1_claimed_s;
	case PEERS_V0:
		return sure(r) ? c->v0_confirmed_s : c->v0_claimed_s;
	case PEERS_NONE:
		return r->v0_absent ? c->none_probed_s : c->none_s;
	case PEERS_UNKNOWN:
		break;
	}
	return 0;
}

static uint32_t doubled(uint32_t first, uint32_t cap, uint32_t level)
{
	const uint64_t s = (uint64_t)first << (level - 1);

	return s < cap ? (uint32_t)s : cap;
}

static uint32_t next_probe(const struct peers_config *c, const struct peers_record *r,
			   uint32_t now_s)
{
	if (!r->key.port)
		return 0;
	if (r->answer == PEERS_V0 && sure(r))
		return add(now_s, c->v0_reprobe_s);
	if (r->answer == PEERS_NONE)
		return add(now_s, c->none_reprobe_s);
	return 0;
}

void peers_set_answer(const struct peers_config *c, struct peers_record *r,
		      enum peers_answer answer, enum peers_confidence confidence, uint8_t by,
		      uint32_t now_s)
{
	const bool same = r->answer == answer && r->confidence == confidence;
	uint32_t lasts;

	if (!same) {
		r->set_by = by;
		r->set_s = now_s;
	}
	r->answer = (uint8_t)answer;
	r->confidence = (uint8_t)confidence;
	lasts = life(c, r);
	/* Affirmed each second, a record shall not be stored each second. */
	if (!same || add(now_s, lasts - lasts / 16) >= r->expires_s ||
	    r->expires_s > add(now_s, lasts))
		r->expires_s = add(now_s, lasts);
	r->probe_s = next_probe(c, r, now_s);
}

/* Back to an unknown answer; what counts for the future of the peer stays: run, counters. */
static void unset(struct peers_record *r, uint8_t by, uint32_t now_s)
{
	r->answer = PEERS_UNKNOWN;
	r->confidence = PEERS_UNSURE;
	r->mixed = false;
	r->set_by = by;
	r->set_s = now_s;
	r->expires_s = 0;
	r->probe_s = 0;
}

static void past(uint32_t *s, uint32_t now_s)
{
	if (*s > now_s)
		*s = now_s;
}

static void renew_backoff(uint32_t first, uint32_t cap, uint32_t *until_s, uint32_t *level,
			  uint32_t now_s)
{
	if (!*level)
		return;
	/* Longer than it may last: the clock was set back. Long over: the next one is the first. */
	if (*until_s > add(add(now_s, doubled(first, cap, *level)), SHORT_SLACK_S) ||
	    now_s >= add(*until_s, cap)) {
		*level = 0;
		*until_s = 0;
	}
}

bool peers_renew(const struct peers_config *c, struct peers_record *r, uint32_t now_s)
{
	uint32_t level = r->backoff_level;
	bool expired = false;

	past(&r->set_s, now_s);
	past(&r->seen_s, now_s);
	if (r->counted_s > add(now_s, SHORT_SLACK_S))
		r->counted_s = 0; /* else nothing would count until the clock is there again */
	past(&r->counted_s, now_s);
	renew_backoff(c->backoff_s, c->backoff_cap_s, &r->backoff_s, &level, now_s);
	r->backoff_level = (uint8_t)level;
	if (r->answer != PEERS_UNKNOWN &&
	    (now_s >= r->expires_s || r->expires_s > add(add(now_s, life(c, r)), CLOCK_SLACK_S))) {
		unset(r, PEERS_BY_NOBODY, r->expires_s < now_s ? r->expires_s : now_s);
		r->run = 0;
		r->v0_absent = false;
		expired = true;
	}
	if (!r->mixed && now_s - r->counted_s >= c->doubt_s) {
		r->run = 0;
		if (r->answer != PEERS_NONE)
			r->v0_absent = false;
		if (r->answer == PEERS_UNKNOWN || (r->answer == PEERS_V1))
			r->probe_s = 0;
	}
	if (r->probe_s > now_s) {
		const uint32_t planned = next_probe(c, r, now_s);
		const uint32_t again = add(now_s, c->probe_again_s);

		if (r->probe_s > (planned > again ? planned : again))
			r->probe_s = now_s;
	}
	return expired;
}

uint8_t peers_ask(const struct peers_record *r, uint32_t now_s)
{
	if (!r->probe_s || now_s < r->probe_s || r->mixed)
		return 0;
	if (r->answer == PEERS_UNKNOWN && !r->v0_absent)
		return PEERS_ASK_V1 | PEERS_ASK_V0;
	return PEERS_ASK_V1;
}

bool peers_is_client(enum sight_what what)
{
	return what == SIGHT_CLIENT_V1 || what == SIGHT_CLIENT_V0 || what == SIGHT_CLIENT_TCP;
}

static bool is_probe(enum sight_what what)
{
	return what >= SIGHT_PROBE_V1 && what <= SIGHT_PROBE_LOST;
}

/* Of the version that the peer was asked for, whatever the sight says of it itself. */
static enum sight_offer offer_of(const struct sight *s)
{
	switch (s->what) {
	case SIGHT_PROBE_V1:
	case SIGHT_PROBE_ABSENT_V1:
	case SIGHT_CONFIRM_V1:
		return SIGHT_OFFER_V1;
	case SIGHT_PROBE_ABSENT_V0:
	case SIGHT_CONFIRM_V0:
		return SIGHT_OFFER_V0;
	default:
		return s->offer;
	}
}

bool peers_tells(const struct sight *s)
{
	switch (s->what) {
	case SIGHT_SILENT:
	case SIGHT_RESET:
	case SIGHT_DSS_LOST:
	case SIGHT_CSUM_BAD:
		return false;
	case SIGHT_CLIENT_V1:
	case SIGHT_CLIENT_V0:
	case SIGHT_CLIENT_TCP:
	case SIGHT_DROPPED:
	case SIGHT_PROBE_LOST:
		return true;
	default:
		/* An answer to a plain SYN says nothing: it may not carry MP_CAPABLE (rule 2). */
		return offer_of(s) != SIGHT_OFFER_NONE;
	}
}

bool peers_begins(const struct sight *s)
{
	return peers_tells(s) && s->what != SIGHT_PROBE_LOST;
}

/* When the connection began, where a clock that stepped back would have it begin later than now. */
static uint32_t began(const struct sight *s)
{
	return s->began_s < s->now_s ? s->began_s : s->now_s;
}

/* Connections that were under way when one was counted are the same observation. */
static bool separate(const struct peers_config *c, const struct peers_record *r,
		     const struct sight *s)
{
	if (!r->counted_s)
		return true;
	if (sure(r))
		return began(s) > add(r->counted_s, c->apart_s);
	/* A probe begins because of what was counted, so after it, if in the same second. */
	return is_probe(s->what) ? began(s) >= r->counted_s : began(s) > r->counted_s;
}

static void counted(struct peers_record *r, const struct sight *s)
{
	r->counted_s = s->now_s;
}

static void want_probe(struct peers_record *r, const struct sight *s)
{
	/* A probe sees no more than a SYN/ACK: it cannot tell why a handshake failed later, and a
	 * middlebox that copies options would copy the probe's. */
	if (s->what == SIGHT_FELL_BACK || s->what == SIGHT_ECHO || is_probe(s->what))
		return;
	if (!r->probe_s)
		r->probe_s = s->now_s;
}

/* Overturning is limited in a network: what makes many peers forget MPTCP at once is on the path.
 */
static bool may_downgrade(const struct peers_config *c, struct peers_network *net, uint32_t now_s)
{
	if (net->window_s > now_s || now_s - net->window_s >= c->downgrades_window_s) {
		net->window_s = now_s;
		net->downgrades = 0;
	}
	if (net->downgrades >= c->downgrades)
		return false;
	net->downgrades++;
	return true;
}

static void claim(const struct peers_config *c, struct peers_record *r, const struct sight *s,
		  enum peers_answer answer)
{
	if (answer == PEERS_V0)
		r->v0_absent = false;
	peers_set_answer(c, r, answer, PEERS_CLAIMED, (uint8_t)s->what, s->now_s);
}

/* Separate observations agree, or fewer where v0 was asked for in vain too. */
static void conclude_none(const struct peers_config *c, struct peers_record *r,
			  const struct sight *s)
{
	const uint32_t enough = r->v0_absent ? c->observations - 1 : c->observations;

	if (r->run < enough)
		return;
	claim(c, r, s, PEERS_NONE);
	r->run = 0;
}

/* An observation against a confirmed (or set) answer; true: there are enough of them. */
static bool against(const struct peers_config *c, struct peers_record *r, const struct sight *s)
{
	if (!separate(c, r, s))
		return false;
	counted(r, s);
	if (r->run < c->observations)
		r->run++;
	return r->run >= c->observations;
}

static uint8_t against_v1(const struct peers_config *c, struct peers_network *net,
			  struct peers_record *r, const struct sight *s, bool says_v0)
{
	const uint8_t run = r->run;

	if (!against(c, r, s)) {
		if (r->run != run)
			want_probe(r, s);
		return r->run == 1 && !run ? PEERS_ALARM_DOUBT : 0;
	}
	if (!may_downgrade(c, net, s->now_s))
		return PEERS_ALARM_HELD;
	r->run = 0;
	claim(c, r, s, says_v0 ? PEERS_V0 : PEERS_NONE);
	return PEERS_ALARM_DOWNGRADE;
}

/* A claim of another answer: at once over another claim, else with as many as it takes. */
static void overturn(const struct peers_config *c, struct peers_record *r, const struct sight *s,
		     enum peers_answer answer)
{
	if (sure(r)) {
		if (!against(c, r, s))
			return;
		r->run = 0;
	}
	claim(c, r, s, answer);
}

/* v1 was offered, and the peer did not take it. */
static uint8_t failed_v1(const struct peers_config *c, struct peers_network *net,
			 struct peers_record *r, const struct sight *s, bool says_v0)
{
	if (r->answer == PEERS_V1 && sure(r))
		return against_v1(c, net, r, s, says_v0);
	if (says_v0) {
		/* Rule 7: the peer says itself that it speaks v0. */
		if (r->answer != PEERS_V0 || !sure(r))
			overturn(c, r, s, PEERS_V0);
		return 0;
	}
	/* A v0 listener that follows RFC 6824 answers v1 without MP_CAPABLE (rule 6). */
	if (r->answer == PEERS_V0 || !separate(c, r, s))
		return 0;
	counted(r, s);
	if (r->answer == PEERS_NONE) {
		if (!sure(r))
			peers_set_answer(c, r, PEERS_NONE, PEERS_CLAIMED, r->set_by, s->now_s);
		return 0;
	}
	if (r->answer == PEERS_V1)
		unset(r, (uint8_t)s->what, s->now_s);
	if (r->run < PEERS_RUN_MAX)
		r->run++;
	want_probe(r, s);
	conclude_none(c, r, s);
	return 0;
}

/* v0 was offered, and the peer did not take it. Says nothing of v1. */
static void failed_v0(const struct peers_config *c, struct peers_record *r, const struct sight *s)
{
	if (r->answer == PEERS_V1 || r->answer == PEERS_NONE)
		return;
	if (r->answer == PEERS_UNKNOWN) {
		r->v0_absent = true;
		if (r->run)
			conclude_none(c, r, s);
		return;
	}
	if (sure(r) && !against(c, r, s))
		return;
	unset(r, (uint8_t)s->what, s->now_s);
	counted(r, s);
	r->run = 0;
	r->v0_absent = true;
	want_probe(r, s);
}

static void claim_v1(const struct peers_config *c, struct peers_record *r, const struct sight *s)
{
	if (r->mixed || (r->answer == PEERS_V1 && sure(r)))
		return;
	overturn(c, r, s, PEERS_V1);
}

static void said_v0(const struct peers_config *c, struct peers_record *r, const struct sight *s)
{
	/* Who speaks both answers a v0 SYN with v0: no step down from v1. */
	if (r->mixed || r->answer == PEERS_V1 || (r->answer == PEERS_V0 && sure(r)))
		return;
	overturn(c, r, s, PEERS_V0);
}

static void confirm(const struct peers_config *c, struct peers_record *r, const struct sight *s,
		    enum peers_answer answer)
{
	const bool same = r->answer == answer && sure(r);

	/* Who speaks both is in v0 where v0 was offered. */
	if (answer == PEERS_V0 && r->answer == PEERS_V1 && sure(r))
		return;
	if (r->mixed) {
		if (began(s) > r->counted_s && ++r->run == PEERS_RUN_MAX) {
			r->mixed = false;
			r->run = 0;
		}
	} else {
		/* Confirmed, then refused, then confirmed: several hosts behind one address. */
		r->mixed = same && r->run && began(s) > r->counted_s;
		r->run = 0;
	}
	counted(r, s);
	r->v0_absent = false;
	peers_set_answer(c, r, answer, PEERS_CONFIRMED, (uint8_t)s->what, s->now_s);
}

/* While answers conflict, none but a completed handshake changes anything. */
static void conflict(struct peers_record *r, const struct sight *s)
{
	counted(r, s);
	r->run = 0;
}

static void client(const struct peers_config *c, struct peers_record *r, const struct sight *s)
{
	const enum peers_answer said = s->what == SIGHT_CLIENT_V1   ? PEERS_V1
				       : s->what == SIGHT_CLIENT_V0 ? PEERS_V0
								    : PEERS_NONE;

	if (r->answer != PEERS_UNKNOWN && r->answer != said)
		r->mixed = true; /* several hosts behind one address, or a gateway's downgrade */
	/* The numbers of the answers rank them: v1, v0, none. */
	if (r->answer != PEERS_UNKNOWN && said > r->answer)
		return;
	peers_set_answer(c, r, said, PEERS_CLAIMED, (uint8_t)s->what, s->now_s);
}

void peers_back_off_record(const struct peers_config *c, struct peers_record *r, uint32_t now_s)
{
	if (r->backoff_level < PEERS_LEVEL_MAX)
		r->backoff_level++;
	r->backoff_s = add(now_s, doubled(c->backoff_s, c->backoff_cap_s, r->backoff_level));
}

uint32_t peers_network_backoff(const struct peers_config *c, const struct peers_network *net,
			       uint32_t now_s)
{
	struct peers_network copy = *net;

	renew_backoff(c->network_backoff_s, c->network_backoff_cap_s, &copy.backoff_s, &copy.level,
		      now_s);
	return copy.level && now_s < copy.backoff_s ? copy.backoff_s : 0;
}

static bool add_site(struct peers_network *net, uint64_t site)
{
	uint32_t i;

	for (i = 0; i < net->sites; i++) {
		if (net->site[i] == site)
			return false;
	}
	if (net->sites < PEERS_SITES_MAX)
		net->site[net->sites++] = site;
	return true;
}

/* Rule 33: a network backs off only after several distinct sites failed and none succeeded. */
static uint8_t network_dropped(const struct peers_config *c, struct peers_network *net,
			       const struct sight *s, uint64_t site)
{
	if (began(s) < net->backoff_s)
		return 0; /* it is of the time before, or in, the last back-off */
	if (net->first_s > s->now_s || s->now_s - net->first_s > c->network_window_s)
		net->sites = 0;
	if (!net->sites)
		net->first_s = s->now_s;
	net->last_s = s->now_s;
	if (!add_site(net, site) || net->sites < c->network_sites)
		return 0;
	net->sites = 0;
	if (net->level < PEERS_LEVEL_MAX)
		net->level++;
	net->backoff_s =
		add(s->now_s, doubled(c->network_backoff_s, c->network_backoff_cap_s, net->level));
	return PEERS_ALARM_BLACKHOLE;
}

static uint8_t dropped(const struct peers_config *c, struct peers_network *net,
		       struct peers_record *r, const struct sight *s, uint64_t site)
{
	/* Connections that began before the last back-off was over add nothing to it. */
	if (!r->backoff_level || began(s) >= r->backoff_s)
		peers_back_off_record(c, r, s->now_s);
	return network_dropped(c, net, s, site);
}

/*
 * A SYN with MP_CAPABLE was answered, in whatever way: none is dropped on that path. Only SYNs that
 * were sent after the drop count, and only those with the option: that plain ones pass was known.
 */
static void syn_passed(const struct peers_config *c, struct peers_network *net,
		       struct peers_record *r, const struct sight *s)
{
	if (r->backoff_level) {
		const uint32_t lasts = doubled(c->backoff_s, c->backoff_cap_s, r->backoff_level);

		if (began(s) > r->backoff_s - lasts) {
			r->backoff_level = 0;
			r->backoff_s = 0;
		}
	}
	if ((net->sites || net->level) && began(s) > net->last_s) {
		net->sites = 0;
		net->level = 0;
		net->backoff_s = 0;
	}
}

static bool is_answer(enum sight_what what)
{
	switch (what) {
	case SIGHT_ANSWER_V1:
	case SIGHT_ANSWER_V0:
	case SIGHT_ABSENT:
	case SIGHT_MALFORMED:
	case SIGHT_ECHO:
	case SIGHT_CONFIRM_V1:
	case SIGHT_CONFIRM_V0:
	case SIGHT_PROBE_V1:
	case SIGHT_PROBE_V0:
	case SIGHT_PROBE_ABSENT_V1:
	case SIGHT_PROBE_ABSENT_V0:
		return true;
	default:
		return false;
	}
}

static uint8_t failed(const struct peers_config *c, struct peers_network *net,
		      struct peers_record *r, const struct sight *s)
{
	if (r->mixed) {
		conflict(r, s);
		return 0;
	}
	if (offer_of(s) == SIGHT_OFFER_V1)
		return failed_v1(c, net, r, s, false);
	failed_v0(c, r, s);
	return 0;
}

static uint8_t answered_v0(const struct peers_config *c, struct peers_network *net,
			   struct peers_record *r, const struct sight *s)
{
	if (offer_of(s) != SIGHT_OFFER_V1) {
		said_v0(c, r, s);
		return 0;
	}
	if (r->mixed) {
		conflict(r, s);
		return 0;
	}
	return failed_v1(c, net, r, s, true);
}

/* A probe was answered, or not: what is left to ask, and when. */
static void probed(const struct peers_config *c, struct peers_record *r, const struct sight *s,
		   bool settled)
{
	const uint32_t planned = next_probe(c, r, s->now_s);

	if (!r->probe_s || r->probe_s > s->now_s)
		return;
	if (settled && r->answer == PEERS_V1)
		r->probe_s = 0;
	else if (planned && !r->run && s->what != SIGHT_PROBE_LOST)
		r->probe_s = planned;
	else
		r->probe_s = add(s->now_s, c->probe_again_s);
}

uint8_t peers_learn(const struct peers_config *c, struct peers_network *net, struct peers_record *r,
		    const struct sight *s, uint64_t site)
{
	uint8_t alarms = 0;

	count(r, s->what);
	r->seen_s = s->now_s;
	if (!peers_tells(s))
		return 0;
	renew_backoff(c->network_backoff_s, c->network_backoff_cap_s, &net->backoff_s, &net->level,
		      s->now_s);
	past(&net->last_s, s->now_s);
	if (is_answer(s->what))
		syn_passed(c, net, r, s);
	switch (s->what) {
	case SIGHT_ANSWER_V1:
	case SIGHT_PROBE_V1:
		/* Rule 5: higher than what was offered is no answer. */
		if (offer_of(s) == SIGHT_OFFER_V1)
			claim_v1(c, r, s);
		else
			alarms = failed(c, net, r, s);
		break;
	case SIGHT_ANSWER_V0:
	case SIGHT_PROBE_V0:
		alarms = answered_v0(c, net, r, s);
		break;
	case SIGHT_ECHO:
		alarms = PEERS_ALARM_MIDDLEBOX | failed(c, net, r, s);
		break;
	case SIGHT_ABSENT:
	case SIGHT_MALFORMED:
	case SIGHT_FELL_BACK:
	case SIGHT_PROBE_ABSENT_V1:
	case SIGHT_PROBE_ABSENT_V0:
		alarms = failed(c, net, r, s);
		break;
	case SIGHT_DROPPED:
		alarms = dropped(c, net, r, s, site);
		break;
	case SIGHT_CONFIRM_V1:
		confirm(c, r, s, PEERS_V1);
		break;
	case SIGHT_CONFIRM_V0:
		confirm(c, r, s, PEERS_V0);
		break;
	case SIGHT_CLIENT_V1:
	case SIGHT_CLIENT_V0:
	case SIGHT_CLIENT_TCP:
		client(c, r, s);
		break;
	default:
		break;
	}
	if (is_probe(s->what))
		probed(c, r, s, s->what == SIGHT_PROBE_V1);
	return alarms;
}
