/* SPDX-License-Identifier: BSD-3-Clause */
/* Written from docs/peers.md line by line, apart from host/proto; clocks go forward only. */
#include "naive_peers.h"

#include <stdlib.h>
#include <string.h>

#define HOUR 3600u
#define DAY  (24 * HOUR)

struct one {
	struct peer_key key;
	int answer, confidence;
	bool mixed, v0_absent;
	int run;
	uint32_t expires, counted, backoff, dropped_at;
	int level;
};

struct net {
	uint8_t site[16][3];
	int sites, level;
	uint32_t first, last, backoff;
	uint32_t window;
	int downgrades;
};

struct naive {
	struct one list[256];
	int n;
	struct net net[256];
};

struct naive *naive_new(void)
{
	return calloc(1, sizeof(struct naive));
}

void naive_free(struct naive *naive)
{
	free(naive);
}

static uint32_t lasts(const struct one *o)
{
	if (o->answer == PEERS_NONE)
		return o->v0_absent ? 6 * HOUR : HOUR;
	if (o->confidence == PEERS_CLAIMED)
		return HOUR;
	return o->answer == PEERS_V1 ? 7 * DAY : DAY;
}

static void age(struct one *o, uint32_t now)
{
	if (o->level && now >= o->backoff + 64 * HOUR) {
		o->level = 0;
		o->backoff = 0;
	}
	if (o->answer && now >= o->expires) {
		o->answer = o->confidence = o->run = 0;
		o->mixed = o->v0_absent = false;
		o->expires = 0;
	}
	if (!o->mixed && now - o->counted >= DAY) {
		o->run = 0;
		if (o->answer != PEERS_NONE)
			o->v0_absent = false;
	}
}

static void age_net(struct net *net, uint32_t now)
{
	if (net->level && now >= net->backoff + 64 * HOUR) {
		net->level = 0;
		net->backoff = 0;
	}
}

static void answer_is(struct one *o, int answer, int confidence, uint32_t now)
{
	const bool same = o->answer == answer && o->confidence == confidence;
	uint32_t until, part;

	o->answer = answer;
	o->confidence = confidence;
	until = now + lasts(o);
	part = lasts(o) / 16;
	/* Moved on by a sixteenth at least, or not at all. */
	if (!same || until - part >= o->expires || o->expires > until)
		o->expires = until;
}

static void unknown(struct one *o)
{
	o->answer = o->confidence = 0;
	o->mixed = false;
	o->expires = 0;
}

static uint32_t backoff_time(uint32_t first, int level)
{
	uint32_t s = first;

	while (--level)
		s = s * 2 > 64 * HOUR ? 64 * HOUR : s * 2;
	return s;
}

static bool probe(const struct sight *s)
{
	return s->what >= SIGHT_PROBE_V1;
}

/* Whether it counts as another observation; then it is counted. */
static bool another(struct one *o, const struct sight *s)
{
	const bool sure = o->confidence == PEERS_CONFIRMED;
	bool yes = !o->counted;

	if (!yes && sure)
		yes = s->began_s > o->counted + 60;
	else if (!yes && probe(s))
		yes = s->began_s >= o->counted;
	else if (!yes)
		yes = s->began_s > o->counted;
	if (yes)
		o->counted = s->now_s;
	return yes;
}

/* One more against a confirmed answer; true with the third. */
static bool third(struct one *o, const struct sight *s)
{
	if (!another(o, s))
		return false;
	if (o->run < 3)
		o->run++;
	return o->run == 3;
}

static bool none_now(struct one *o, uint32_t now)
{
	if (o->run < (o->v0_absent ? 2 : 3))
		return false;
	answer_is(o, PEERS_NONE, PEERS_CLAIMED, now);
	o->run = 0;
	return true;
}

static bool limit(struct net *net, uint32_t now)
{
	if (now - net->window >= HOUR) {
		net->window = now;
		net->downgrades = 0;
	}
	return net->downgrades < 16 && ++net->downgrades;
}

static void not_v1(struct one *o, struct net *net, const struct sight *s, bool v0)
{
	const bool sure = o->confidence == PEERS_CONFIRMED;

	if (o->mixed) {
		o->counted = s->now_s;
		o->run = 0;
		return;
	}
	if (o->answer == PEERS_V1 && sure) {
		if (third(o, s) && limit(net, s->now_s)) {
			o->run = 0;
			if (v0)
				o->v0_absent = false;
			answer_is(o, v0 ? PEERS_V0 : PEERS_NONE, PEERS_CLAIMED, s->now_s);
		}
		return;
	}
	if (v0) {
		if (o->answer == PEERS_V0 && sure)
			return;
		o->v0_absent = false;
		answer_is(o, PEERS_V0, PEERS_CLAIMED, s->now_s);
		return;
	}
	if (o->answer == PEERS_V0 || !another(o, s))
		return;
	if (o->answer == PEERS_NONE) {
		answer_is(o, PEERS_NONE, PEERS_CLAIMED, s->now_s);
		return;
	}
	if (o->answer == PEERS_V1)
		unknown(o);
	if (o->run < 7)
		o->run++;
	none_now(o, s->now_s);
}

static void not_v0(struct one *o, const struct sight *s)
{
	if (o->mixed) {
		o->counted = s->now_s;
		o->run = 0;
		return;
	}
	if (o->answer == PEERS_V1 || o->answer == PEERS_NONE)
		return;
	if (!o->answer) {
		o->v0_absent = true;
		if (o->run)
			none_now(o, s->now_s);
		return;
	}
	if (o->confidence == PEERS_CONFIRMED && !third(o, s))
		return;
	unknown(o);
	o->counted = s->now_s;
	o->run = 0;
	o->v0_absent = true;
}

static void says_v1(struct one *o, const struct sight *s)
{
	const bool sure = o->confidence == PEERS_CONFIRMED;

	if (o->mixed || (o->answer == PEERS_V1 && sure))
		return;
	if (sure) {
		if (!third(o, s))
			return;
		o->run = 0;
	}
	answer_is(o, PEERS_V1, PEERS_CLAIMED, s->now_s);
}

static void says_v0(struct one *o, const struct sight *s)
{
	if (o->mixed || o->answer == PEERS_V1 ||
	    (o->answer == PEERS_V0 && o->confidence == PEERS_CONFIRMED))
		return;
	o->v0_absent = false;
	answer_is(o, PEERS_V0, PEERS_CLAIMED, s->now_s);
}

static void confirmed(struct one *o, const struct sight *s, int answer)
{
	const bool was = o->answer == answer && o->confidence == PEERS_CONFIRMED;
	const bool later = s->began_s > o->counted;

	if (answer == PEERS_V0 && o->answer == PEERS_V1 && o->confidence == PEERS_CONFIRMED)
		return;
	if (o->mixed && later && ++o->run == 7) {
		o->mixed = false;
		o->run = 0;
	} else if (!o->mixed) {
		o->mixed = was && o->run && later;
		o->run = 0;
	}
	o->counted = s->now_s;
	o->v0_absent = false;
	answer_is(o, answer, PEERS_CONFIRMED, s->now_s);
}

static void as_client(struct one *o, const struct sight *s)
{
	const int said = s->what == SIGHT_CLIENT_V1   ? PEERS_V1
			 : s->what == SIGHT_CLIENT_V0 ? PEERS_V0
						      : PEERS_NONE;

	if (o->answer && o->answer != said)
		o->mixed = true;
	if (!o->answer || said <= o->answer)
		answer_is(o, said, PEERS_CLAIMED, s->now_s);
}

static void dropped(struct one *o, struct net *net, const struct sight *s)
{
	int i;

	if (!o->level || s->began_s >= o->backoff) {
		o->level += o->level < 7;
		o->backoff = s->now_s + backoff_time(600, o->level);
		o->dropped_at = s->now_s;
	}
	if (s->began_s < net->backoff)
		return;
	if (s->now_s - net->first > HOUR)
		net->sites = 0;
	if (!net->sites)
		net->first = s->now_s;
	net->last = s->now_s;
	for (i = 0; i < net->sites; i++) {
		if (!memcmp(net->site[i], s->peer.addr.bytes, 3))
			return;
	}
	memcpy(net->site[net->sites++], s->peer.addr.bytes, 3);
	if (net->sites < 4)
		return;
	net->sites = 0;
	net->level += net->level < 7;
	net->backoff = s->now_s + backoff_time(HOUR, net->level);
}

static void passed(struct one *o, struct net *net, const struct sight *s)
{
	if (o->level && s->began_s > o->dropped_at) {
		o->level = 0;
		o->backoff = 0;
	}
	if ((net->sites || net->level) && s->began_s > net->last) {
		net->sites = net->level = 0;
		net->backoff = 0;
	}
}

static struct one *find(const struct naive *naive, const struct peer_key *key)
{
	int i;

	for (i = 0; i < naive->n; i++) {
		if (!memcmp(&naive->list[i].key, key, sizeof(*key)))
			return (struct one *)&naive->list[i];
	}
	return NULL;
}

/* The version that was asked for: 1, 0, or -1 for none. */
static int asked(const struct sight *s)
{
	if (s->what == SIGHT_PROBE_V1 || s->what == SIGHT_PROBE_ABSENT_V1 ||
	    s->what == SIGHT_CONFIRM_V1)
		return 1;
	if (s->what == SIGHT_PROBE_ABSENT_V0 || s->what == SIGHT_CONFIRM_V0)
		return 0;
	return s->offer == SIGHT_OFFER_V1 ? 1 : s->offer == SIGHT_OFFER_V0 ? 0 : -1;
}

void naive_see(struct naive *naive, const struct sight *s)
{
	struct peer_key key = s->peer;
	struct net *net = &naive->net[key.network];
	const int version = asked(s);
	struct one *o;

	if (s->what == SIGHT_CLIENT_V1 || s->what == SIGHT_CLIENT_V0 || s->what == SIGHT_CLIENT_TCP)
		key.port = 0;
	o = find(naive, &key);
	switch (s->what) {
	case SIGHT_SILENT:
	case SIGHT_RESET:
	case SIGHT_DSS_LOST:
	case SIGHT_CSUM_BAD:
	case SIGHT_PROBE_LOST:
		if (o)
			age(o, s->now_s);
		return;
	default:
		break;
	}
	if (key.port && s->what != SIGHT_DROPPED && version < 0) {
		if (o)
			age(o, s->now_s);
		return;
	}
	if (!o) {
		o = &naive->list[naive->n++];
		o->key = key;
	}
	age(o, s->now_s);
	age_net(net, s->now_s);
	if (key.port && s->what != SIGHT_DROPPED && s->what != SIGHT_FELL_BACK)
		passed(o, net, s);
	if (!key.port)
		as_client(o, s);
	else if (s->what == SIGHT_DROPPED)
		dropped(o, net, s);
	else if (s->what == SIGHT_CONFIRM_V1 || s->what == SIGHT_CONFIRM_V0)
		confirmed(o, s, version ? PEERS_V1 : PEERS_V0);
	else if ((s->what == SIGHT_ANSWER_V1 || s->what == SIGHT_PROBE_V1) && version)
		says_v1(o, s);
	else if ((s->what == SIGHT_ANSWER_V0 || s->what == SIGHT_PROBE_V0) && !version)
		says_v0(o, s);
	else if (version)
		not_v1(o, net, s, s->what == SIGHT_ANSWER_V0 || s->what == SIGHT_PROBE_V0);
	else
		not_v0(o, s);
}

void naive_look(const struct naive *naive, const struct peer_key *key, uint32_t now,
		struct naive_view *view)
{
	const struct one *o = find(naive, key);
	struct net net = naive->net[key->network];

	memset(view, 0, sizeof(*view));
	age_net(&net, now);
	view->network_backoff_s = net.level && now < net.backoff ? net.backoff : 0;
	if (o) {
		struct one copy = *o;

		age(&copy, now);
		view->answer = (uint8_t)copy.answer;
		view->confidence = (uint8_t)copy.confidence;
		view->mixed = copy.mixed;
		view->expires_s = copy.expires;
		view->backoff_s = now < copy.backoff ? copy.backoff : 0;
	}
}
