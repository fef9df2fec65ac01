/* SPDX-License-Identifier: BSD-3-Clause */
/* Peers, connections and notes as JSON. Keys of connections are never in it. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const char *const answers[] = {"unknown", "v1", "v0", "none"};
static const char *const confidences[] = {"unsure", "claimed", "confirmed", "operator"};
static const char *const offers[] = {"tcp", "v1", "v0"};
static const char *const sights[SIGHTS] = {
	[SIGHT_ANSWER_V1] = "answer_v1",
	[SIGHT_ANSWER_V0] = "answer_v0",
	[SIGHT_ABSENT] = "absent",
	[SIGHT_MALFORMED] = "malformed",
	[SIGHT_ECHO] = "echo",
	[SIGHT_DROPPED] = "dropped",
	[SIGHT_SILENT] = "silent",
	[SIGHT_RESET] = "reset",
	[SIGHT_CONFIRM_V1] = "confirm_v1",
	[SIGHT_CONFIRM_V0] = "confirm_v0",
	[SIGHT_FELL_BACK] = "fell_back",
	[SIGHT_DSS_LOST] = "dss_lost",
	[SIGHT_CSUM_BAD] = "csum_bad",
	[SIGHT_CLIENT_V1] = "client_v1",
	[SIGHT_CLIENT_V0] = "client_v0",
	[SIGHT_CLIENT_TCP] = "client_tcp",
	[SIGHT_PROBE_V1] = "probe_v1",
	[SIGHT_PROBE_V0] = "probe_v0",
	[SIGHT_PROBE_ABSENT_V1] = "probe_absent_v1",
	[SIGHT_PROBE_ABSENT_V0] = "probe_absent_v0",
	[SIGHT_PROBE_LOST] = "probe_lost",
};

static const char *word(const char *const *words, size_t count, unsigned int i)
{
	return i < count && words[i] ? words[i] : "?";
}

#define WORD(words, i) word(words, ARRAY_SIZE(words), i)

void words_addr(const struct ip_addr *addr, char *text, size_t size)
{
	if (!inet_ntop(addr->version == 6 ? AF_INET6 : AF_INET, addr->bytes, text, (socklen_t)size))
		snprintf(text, size, "?");
}

void words_network(const struct daemon *d, uint8_t network, char *text, size_t size)
{
	const char *name = policy_network_name(plane_policy(d->plane), network);

	if (name)
		snprintf(text, size, "%s", name);
	else
		snprintf(text, size, "%u", network);
}

static void put(json_t *o, const char *key, json_t *value)
{
	json_object_set_new(o, key, value);
}

static void put_text(json_t *o, const char *key, const char *text)
{
	put(o, key, json_string(text));
}

static void put_int(json_t *o, const char *key, int64_t value)
{
	put(o, key, json_integer(value));
}

static void put_end(json_t *o, const char *key, const struct ip_addr *addr, uint16_t port)
{
	char ip[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 8];

	words_addr(addr, ip, sizeof(ip));
	snprintf(text, sizeof(text), addr->version == 6 ? "[%s]:%u" : "%s:%u", ip, port);
	put_text(o, key, text);
}

/* Seconds, as people read them. */
static void span(int64_t s, char *text, size_t size)
{
	if (s < 120)
		snprintf(text, size, "%" PRId64 "s", s < 0 ? 0 : s);
	else if (s < 7200)
		snprintf(text, size, "%" PRId64 "m", s / 60);
	else if (s < 2 * 86400)
		snprintf(text, size, "%" PRId64 "h", s / 3600);
	else
		snprintf(text, size, "%" PRId64 "d", s / 86400);
}

static void put_span(json_t *o, const char *key, int64_t s)
{
	char text[24];

	span(s, text, sizeof(text));
	put_text(o, key, text);
}

/* ---- peers ---------------------------------------------------------------------------------- */

static void put_peer_key(const struct daemon *d, json_t *o, const struct peer_key *key,
			 unsigned int bits)
{
	char text[INET6_ADDRSTRLEN + 8], ip[INET6_ADDRSTRLEN], network[POLICY_NAME_SIZE];
	const unsigned int whole = key->addr.version == 6 ? 128 : 32;

	words_network(d, key->network, network, sizeof(network));
	put_text(o, "network", network);
	words_addr(&key->addr, ip, sizeof(ip));
	if (bits < whole)
		snprintf(text, sizeof(text), "%s/%u", ip, bits);
	else
		snprintf(text, sizeof(text), "%s", ip);
	put_text(o, "address", text);
	put(o, "port", key->port ? json_integer(key->port) : json_null());
}

static const char *set_by(unsigned int by)
{
	return by == PEERS_BY_OPERATOR ? "operator" : by < SIGHTS ? sights[by] : "";
}

static void note_on_peer(const struct peers_view *v, uint32_t now, char *text, size_t size)
{
	const struct {
		bool is;
		const char *say;
	} notes[] = {
		{v->mixed, "mixed"},
		{v->backoff_s > now, "backs off"},
		{v->network_backoff_s > now, "network backs off"},
		{v->ask, "probe wanted"},
		{v->run != 0, "in doubt"},
		{v->expired, "expired"},
	};
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(notes); i++)
		if (notes[i].is && len < size)
			len += (size_t)snprintf(text + len, size - len, "%s%s", len ? ", " : "",
						notes[i].say);
}

json_t *words_peer(const struct daemon *d, const struct peer_key *key, const struct peers_view *v)
{
	const unsigned int whole = key->addr.version == 6 ? 128 : 32;
	const uint32_t now = daemon_now(d).s;
	json_t *o = json_object(), *seen = json_object();
	char text[128];

	put_peer_key(d, o, key, v->pinned && !v->known ? v->bits : whole);
	put_text(o, "speaks", WORD(answers, v->answer));
	put_text(o, "how", v->pinned ? "pinned" : WORD(confidences, v->confidence));
	put(o, "sure", json_boolean(v->sure));
	put_text(o, "source", v->pinned ? "operator" : set_by(v->set_by));
	put_span(o, "age", (int64_t)now - (v->set_s ? v->set_s : v->seen_s));
	if (v->expires_s)
		put_span(o, "expires", (int64_t)v->expires_s - now);
	else
		put(o, "expires", json_null());
	note_on_peer(v, now, text, sizeof(text));
	put_text(o, "note", text);
	put(o, "mixed", json_boolean(v->mixed));
	put_int(o, "set_s", v->set_s);
	put_int(o, "seen_s", v->seen_s);
	put_int(o, "expires_s", v->expires_s);
	put_int(o, "ask_s", v->ask_s);
	put_int(o, "backoff_s", v->backoff_s);
	for (unsigned int i = 0; i < SIGHTS; i++)
		if (peers_count(v->counts, i))
			put_int(seen, sights[i], peers_count(v->counts, i));
	put(o, "seen", seen);
	return o;
}

/* ---- connections ---------------------------------------------------------------------------- */

static const char *state_name(enum conns_state state)
{
	static const char *const names[] = {"free", "syn", "answered", "mptcp", "tcp", "ended"};

	return WORD(names, state);
}

static const char *hmac_name(enum conns_hmac hmac)
{
	static const char *const names[] = {"not seen", "unknown", "good", "bad"};

	return WORD(names, hmac);
}

static json_t *words_flow(const struct conns_flow_info *f)
{
	/* The host's end first. */
	const unsigned int host = f->out ? 0 : 1;
	json_t *o = json_object();
	char note[160];
	int len;

	put_end(o, "local", &f->addr[host], f->port[host]);
	put_end(o, "remote", &f->addr[!host], f->port[!host]);
	put_text(o, "state",
		 f->rst[0] || f->rst[1]	  ? "reset"
		 : f->fin[0] && f->fin[1] ? "closed"
					  : state_name(f->state));
	put(o, "first", json_boolean(f->first));
	put_int(o, "local_id", f->id[host]);
	put_int(o, "remote_id", f->id[!host]);
	put(o, "backup", json_boolean(f->backup[0] || f->backup[1]));
	put_int(o, "packets", (int64_t)f->packets);
	put_int(o, "bytes", (int64_t)f->bytes);
	put(o, "in_nic", json_boolean(f->in_nic));
	if (!f->first) {
		put_text(o, "synack_hmac", hmac_name(f->synack_hmac));
		put_text(o, "ack_hmac", hmac_name(f->ack_hmac));
	}
	len = snprintf(note, sizeof(note), "%s%s", f->first ? "first" : "join",
		       f->backup[0] || f->backup[1] ? " backup" : "");
	if (!f->first && (size_t)len < sizeof(note))
		len += snprintf(note + len, sizeof(note) - (size_t)len, " hmac %s/%s",
				hmac_name(f->synack_hmac), hmac_name(f->ack_hmac));
	if (f->rst_reason != 255 && (size_t)len < sizeof(note))
		snprintf(note + len, sizeof(note) - (size_t)len, " mp_tcprst %u", f->rst_reason);
	put_text(o, "note", note);
	return o;
}

static const char *version_name(unsigned int version)
{
	return version == MPNIC_GIVEN_V1 ? "v1" : version == MPNIC_GIVEN_V0 ? "v0" : "unknown";
}

static void put_noted(json_t *o, const struct conns_info *i)
{
	json_t *noted = json_object();
	char rule[4];

	for (unsigned int r = 1; r < CONNS_RULES; r++)
		if (i->noted[r]) {
			snprintf(rule, sizeof(rule), "%u", r);
			put_int(noted, rule, i->noted[r]);
		}
	put(o, "noted_rules", noted);
}

json_t *words_conn(const struct daemon *d, const struct conns_info *i)
{
	json_t *o = json_object(), *flows = json_array();
	char text[POLICY_NAME_SIZE + 64];
	struct conns_flow_info f;

	put_int(o, "id", (int64_t)i->number);
	words_network(d, i->network, text, sizeof(text));
	put_text(o, "network", text);
	put_text(o, "state", state_name(i->state));
	put_text(o, "version", version_name(i->version));
	put_text(o, "initiator", i->out ? "host" : "peer");
	put(o, "confirmed", json_boolean(i->confirmed));
	put(o, "checksum", json_boolean(i->csum));
	put(o, "in_nic", json_boolean(i->in_nic));
	put_int(o, "syns", i->syns);
	put_int(o, "fallback_rule", i->rule);
	put_text(o, "fallback_by",
		 !i->rule		  ? ""
		 : i->by > 1		  ? "nobody"
		 : (i->by == 0) == i->out ? "host"
					  : "peer");
	for (unsigned int side = 0; side < 2; side++) {
		json_t *s = json_object();

		snprintf(text, sizeof(text), "%08" PRIx32, i->token[side]);
		put_text(s, "token", text);
		snprintf(text, sizeof(text), "%016" PRIx64, i->idsn[side]);
		put_text(s, "idsn", text);
		put_int(s, "dsn", i->key_known[side] ? (int64_t)(i->dsn[side] - i->idsn[side]) : 0);
		put(s, "key_known", json_boolean(i->key_known[side]));
		put(s, "data_fin", json_boolean(i->data_fin[side]));
		put_int(s, "addresses", i->addrs[side]);
		put(o, side ? "b" : "a", s);
	}
	put_noted(o, i);
	snprintf(text, sizeof(text), "%s%s", i->confirmed ? "confirmed" : "",
		 i->csum ? " checksum" : "");
	if (i->rule)
		snprintf(text, sizeof(text), "fell back by rule %u", i->rule);
	put_text(o, "note", text);
	for (unsigned int k = 0; conns_list_flow(plane_conns(d->plane), i, k, &f); k++)
		json_array_append_new(flows, words_flow(&f));
	put(o, "subflows", flows);
	return o;
}

/* ---- notes ---------------------------------------------------------------------------------- */

static void put_time(const struct daemon *d, json_t *o, uint64_t ns)
{
	const int64_t wall = (int64_t)ns + d->wall_ahead_ns;
	const time_t s = (time_t)(wall / 1000000000);
	char text[40], date[24];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03uZ", date, (unsigned int)(wall / 1000000 % 1000));
	put_text(o, "time", text);
}

static void put_conn_note(json_t *o, const struct conns_change *c)
{
	char text[128];
	int len;

	put_text(o, "what", conns_what_name(c->what));
	snprintf(text, sizeof(text), "conn %" PRIu64, c->number);
	put_text(o, "who", text);
	put_int(o, "conn", (int64_t)c->number);
	put_int(o, "rule", c->rule);
	len = snprintf(text, sizeof(text), "%s",
		       c->by > 1	  ? ""
		       : c->by == c->host ? "by the host"
					  : "by the peer");
	if (c->rule && (size_t)len < sizeof(text))
		snprintf(text + len, sizeof(text) - (size_t)len, "%srule %u", len ? ", " : "",
			 c->rule);
	put_text(o, "detail", text);
}

static void alarms(uint8_t bits, char *text, size_t size)
{
	static const char *const names[] = {"first doubt of a confirmed v1", "downgrade",
					    "downgrade held: too many", "a middlebox echoes",
					    "a network swallows MP_CAPABLE"};
	size_t len = strlen(text);

	for (unsigned int i = 0; i < ARRAY_SIZE(names) && len < size; i++)
		if (bits >> i & 1)
			len += (size_t)snprintf(text + len, size - len, "; alarm: %s", names[i]);
}

static void put_learnt(json_t *o, const struct peers_change *c)
{
	char text[256];

	put_text(o, "what", c->alarms ? "peer alarm" : "peer");
	snprintf(text, sizeof(text), "%s (%s) was %s (%s)", WORD(answers, c->answer),
		 WORD(confidences, c->confidence), WORD(answers, c->old_answer),
		 WORD(confidences, c->old_confidence));
	alarms(c->alarms, text, sizeof(text));
	put_text(o, "detail", text);
	put_text(o, "speaks", WORD(answers, c->answer));
	put_text(o, "how", WORD(confidences, c->confidence));
	put_int(o, "alarms", c->alarms);
}

static json_t *words_question(const struct probe_question *q)
{
	json_t *o = json_object();

	put_int(o, "syns", q->asked);
	put_text(o, "seen", q->what < SIGHTS ? sights[q->what] : "nothing");
	if (q->rtt_ns) {
		put(o, "rtt_us", json_integer((json_int_t)(q->rtt_ns / 1000)));
		put_int(o, "tcp_flags", q->tcp_flags);
	}
	if (q->capable) {
		put_int(o, "mp_capable_version", q->capable_version);
		put_int(o, "mp_capable_flags", q->capable_flags);
		put_int(o, "mp_capable_length", q->capable_length);
		put_text(o, "mp_capable_error", mpnic_opt_error_name(q->capable_error));
	}
	return o;
}

json_t *words_report(const struct probe_report *r)
{
	static const char *const names[PROBE_QUESTIONS] = {"v1", "v0"};
	json_t *o = json_object();

	for (unsigned int i = 0; i < PROBE_QUESTIONS; i++)
		if (r->question[i].asked)
			put(o, names[i], words_question(&r->question[i]));
	if (r->abandoned)
		put(o, "abandoned", json_true());
	return o;
}

static void put_probe(json_t *o, const struct probe_report *r)
{
	char text[160] = "";
	size_t len = 0;

	put_text(o, "what", "probe");
	for (unsigned int i = 0; i < PROBE_QUESTIONS && len < sizeof(text); i++)
		if (r->question[i].asked)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%sv%u asked: %s",
						len ? ", " : "", r->question[i].version,
						r->question[i].what < SIGHTS
							? sights[r->question[i].what]
							: "nothing");
	put_text(o, "detail", text);
	put(o, "report", words_report(r));
}

static void put_offer(json_t *o, const struct plane_note *n)
{
	const struct policy_decision *p = &n->offer.decision;
	char text[256];

	put_text(o, "what", "offer");
	snprintf(text, sizeof(text), "%s%s: %s", WORD(offers, p->offer),
		 n->offer.nth ? ", sent again" : "", policy_reason_text(p->reason));
	put_text(o, "detail", text);
	put_text(o, "offer", WORD(offers, p->offer));
	put_text(o, "reason", policy_reason_name(p->reason));
	put_text(o, "source", policy_reason_rfc(p->reason));
	put_int(o, "again", n->offer.nth);
}

json_t *words_note(const struct daemon *d, const struct plane_note *n)
{
	json_t *o = json_object();
	char text[INET6_ADDRSTRLEN + 8], ip[INET6_ADDRSTRLEN];

	put_int(o, "seq", (int64_t)n->seq);
	put_time(d, o, n->time_ns);
	if (n->kind == NOTE_OFFER || n->kind == NOTE_PEER || n->kind == NOTE_PROBE) {
		put_peer_key(d, o, &n->peer, 128);
		words_addr(&n->peer.addr, ip, sizeof(ip));
		snprintf(text, sizeof(text), "%s %u", ip, n->peer.port);
		put_text(o, "who", text);
	}
	switch (n->kind) {
	case NOTE_CONN:
		put_conn_note(o, &n->change);
		break;
	case NOTE_OFFER:
		put_offer(o, n);
		break;
	case NOTE_PEER:
		put_learnt(o, &n->learnt);
		break;
	case NOTE_PROBE:
		put_probe(o, &n->report);
		break;
	case NOTE_NIC_RESET:
		put_text(o, "what", "nic reset");
		break;
	case NOTE_POLICY:
		put_text(o, "what", "policy");
		break;
	case NOTE_DRAIN:
		put_text(o, "what", n->on ? "drain on" : "drain off");
		break;
	}
	return o;
}
