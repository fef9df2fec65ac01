/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions to peers (probe.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"

#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define TCP_FIN 0x01

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull
#define NEVER	  UINT64_MAX
#define NOBODY	  UINT32_MAX
#define WINDOW	  64240
/* A SYN/ACK is repeated where our RST was lost; more than this is somebody's nonsense. */
#define RSTS_MAX 8

enum phase {
	FREE,
	WAITING, /* for the token bucket */
	ASKED,	 /* for an answer, until `at` */
	DONE,	 /* late answers get a RST until `at` */
};

struct slot {
	enum phase phase;
	uint64_t at;
	uint8_t questions, now; /* bits; which one is under way: 0 (v1), 1 (v0) */
	bool all, collected;
	uint16_t mss;
	uint64_t key[PROBE_QUESTIONS];
	uint8_t rsts[PROBE_QUESTIONS];
	struct probe_report report;
};

/* A peer whose interval is not over. */
struct asked {
	struct peer_key peer;
	uint64_t until;
	uint32_t next; /* in its bucket, or of the free ones */
};

struct probe {
	struct probe_config config;
	struct probe_counts counts;
	uint64_t bucket; /* time at which the token bucket is full again, less its slack */
	uint32_t cursor; /* slot that is served next */
	struct slot *slot;
	uint16_t *owner; /* by port of the range: 1 + 2 * slot + question; 0: free */
	uint64_t seed;
	uint32_t *head; /* buckets */
	uint32_t buckets;
	struct asked *asked;
	uint32_t unused;   /* list of free ones */
	uint64_t sweep_at; /* before this none of them ends */
};

const char *probe_start_name(enum probe_start start)
{
	static const char *const names[PROBE_STARTS] = {
		[PROBE_TAKEN] = "taken",	   [PROBE_NOT_ASKABLE] = "not_askable",
		[PROBE_EXCLUDED] = "excluded",	   [PROBE_NO_HANDSHAKE] = "no_handshake",
		[PROBE_TOO_SOON] = "too_soon",	   [PROBE_FULL] = "full",
		[PROBE_PEERS_FULL] = "peers_full",
	};

	return start < PROBE_STARTS ? names[start] : "?";
}

const char *probe_config_wrong(const struct probe_config *config)
{
	const uint32_t ports = config->port_last - config->port_first + 1u;

	if (!config->port_first || config->port_last < config->port_first)
		return "its ports are no range";
	if (ports > PROBE_PORTS_MAX)
		return "it has more than 4096 ports";
	if (!config->at_once || config->at_once > PROBE_AT_ONCE_MAX)
		return "at_once is not 1 to 256";
	if (ports < PROBE_QUESTIONS * config->at_once)
		return "it has less than two ports for each probe of at_once";
	if (!config->per_second || config->per_second > 100000 || !config->burst ||
	    config->burst > 100000)
		return "per_second or burst is not 1 to 100000";
	if (config->timeout_ms < 10 || config->timeout_ms > 60000)
		return "timeout_ms is not 10 to 60000";
	if (config->repeats > 5)
		return "repeats is more than 5";
	if (!config->peers || config->peers > PROBE_PEERS_MAX)
		return "peers is not 1 to 1048576";
	return NULL;
}

int probe_create(const struct probe_config *config, uint64_t seed, struct probe **out,
		 const char **wrong)
{
	struct probe *probe;

	*out = NULL;
	*wrong = probe_config_wrong(config);
	if (*wrong)
		return -EINVAL;
	probe = calloc(1, sizeof(*probe));
	if (!probe)
		return -ENOMEM;
	probe->config = *config;
	probe->seed = seed;
	for (probe->buckets = 1; probe->buckets < config->peers;)
		probe->buckets *= 2;
	probe->slot = calloc(config->at_once, sizeof(*probe->slot));
	probe->owner = calloc(config->port_last - config->port_first + 1u, sizeof(*probe->owner));
	probe->head = malloc(probe->buckets * sizeof(*probe->head));
	probe->asked = calloc(config->peers, sizeof(*probe->asked));
	if (!probe->slot || !probe->owner || !probe->head || !probe->asked) {
		probe_destroy(probe);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < probe->buckets; i++)
		probe->head[i] = NOBODY;
	for (uint32_t i = 0; i < config->peers; i++)
		probe->asked[i].next = i + 1 < config->peers ? i + 1 : NOBODY;
	*out = probe;
	return 0;
}

void probe_destroy(struct probe *probe)
{
	if (!probe)
		return;
	free(probe->slot);
	free(probe->owner);
	free(probe->head);
	free(probe->asked);
	free(probe);
}

static bool same_addr(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->version == b->version && !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static bool same_peer(const struct peer_key *a, const struct peer_key *b)
{
	return a->network == b->network && a->port == b->port && same_addr(&a->addr, &b->addr);
}

static uint32_t bucket_of(const struct probe *probe, const struct peer_key *peer)
{
	uint64_t hash = probe->seed ^ ((uint64_t)peer->network << 16 | peer->port);

	for (unsigned int i = 0; i < sizeof(peer->addr.bytes); i += 8) {
		uint64_t word;

		memcpy(&word, peer->addr.bytes + i, sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 29;
	}
	return hash & (probe->buckets - 1);
}

/* Frees the peers whose interval is over; once for all that end up to sweep_at. */
static void sweep(struct probe *probe, uint64_t now)
{
	if (now < probe->sweep_at)
		return;
	probe->sweep_at = NEVER;
	for (uint32_t b = 0; b < probe->buckets; b++) {
		uint32_t *link = &probe->head[b];

		while (*link != NOBODY) {
			struct asked *asked = &probe->asked[*link];
			const uint32_t index = *link;

			if (asked->until > now) {
				if (asked->until < probe->sweep_at)
					probe->sweep_at = asked->until;
				link = &asked->next;
				continue;
			}
			*link = asked->next;
			asked->next = probe->unused;
			probe->unused = index;
		}
	}
}

static struct asked *asked_find(struct probe *probe, const struct peer_key *peer)
{
	uint32_t at = probe->head[bucket_of(probe, peer)];

	while (at != NOBODY && !same_peer(&probe->asked[at].peer, peer))
		at = probe->asked[at].next;
	return at == NOBODY ? NULL : &probe->asked[at];
}

static struct asked *asked_new(struct probe *probe, const struct peer_key *peer, uint64_t now)
{
	uint32_t *head = &probe->head[bucket_of(probe, peer)];
	uint32_t index;

	if (probe->unused == NOBODY)
		sweep(probe, now);
	index = probe->unused;
	if (index == NOBODY)
		return NULL;
	probe->unused = probe->asked[index].next;
	probe->asked[index] = (struct asked){.peer = *peer, .next = *head};
	*head = index;
	return &probe->asked[index];
}

static struct slot *slot_free(struct probe *probe)
{
	for (uint32_t i = 0; i < probe->config.at_once; i++) {
		if (probe->slot[i].phase == FREE)
			return &probe->slot[i];
	}
	return NULL;
}

static bool under_way(const struct probe *probe, const struct peer_key *peer)
{
	for (uint32_t i = 0; i < probe->config.at_once; i++) {
		const struct slot *slot = &probe->slot[i];

		if (slot->phase != FREE && same_peer(&slot->report.peer, peer))
			return true;
	}
	return false;
}

/* A free port of the range, from a random one on; there are enough for all slots. */
static uint16_t take_port(struct probe *probe, uint16_t random, uint16_t owner)
{
	const uint32_t ports = probe->config.port_last - probe->config.port_first + 1u;
	uint32_t at = random % ports;

	while (probe->owner[at])
		at = (at + 1) % ports;
	probe->owner[at] = owner;
	return probe->config.port_first + at;
}

static void free_slot(struct probe *probe, struct slot *slot)
{
	for (unsigned int q = 0; q < PROBE_QUESTIONS; q++)
		probe->owner[slot->report.question[q].sport - probe->config.port_first] = 0;
	memset(slot, 0, sizeof(*slot));
}

static void free_done(struct probe *probe, uint64_t now)
{
	for (uint32_t i = 0; i < probe->config.at_once; i++) {
		struct slot *slot = &probe->slot[i];

		if (slot->phase == DONE && slot->collected && now >= slot->at)
			free_slot(probe, slot);
	}
}

static bool askable(const struct probe_ask *ask)
{
	const uint8_t version = ask->peer.addr.version;

	if (version != 4 && version != 6)
		return false;
	if (!ask->peer.port || ask->from.version != version)
		return false;
	return ask->questions && !(ask->questions & ~(POLICY_ASK_V1 | POLICY_ASK_V0));
}

static bool knows_us(const struct probe *probe, const struct probe_ask *ask, uint32_t now_s)
{
	if (!ask->handshake_s)
		return false;
	/* A clock that was set back makes no handshake too old. */
	return ask->handshake_s > now_s ||
	       now_s - ask->handshake_s <= probe->config.handshake_age_s;
}

static enum probe_start may_start(struct probe *probe, const struct probe_ask *ask,
				  const struct policy_rules *rules, struct probe_now now)
{
	const struct asked *asked;

	if (!askable(ask))
		return PROBE_NOT_ASKABLE;
	if (!policy_may_probe(rules))
		return PROBE_EXCLUDED;
	if (!knows_us(probe, ask, now.s))
		return PROBE_NO_HANDSHAKE;
	asked = asked_find(probe, &ask->peer);
	if ((asked && asked->until > now.ns) || under_way(probe, &ask->peer))
		return PROBE_TOO_SOON;
	return PROBE_TAKEN;
}

static void fill_slot(struct probe *probe, struct slot *slot, const struct probe_ask *ask,
		      const struct probe_random *random, struct probe_now now)
{
	const uint16_t owner = 1 + PROBE_QUESTIONS * (slot - probe->slot);

	*slot = (struct slot){
		.phase = WAITING,
		.at = now.ns,
		.questions = ask->questions,
		.now = ask->questions & POLICY_ASK_V1 ? 0 : 1,
		.all = ask->all,
		.mss = ask->mss,
		.report = {.peer = ask->peer, .from = ask->from, .tag = ask->tag},
	};
	for (unsigned int q = 0; q < PROBE_QUESTIONS; q++) {
		slot->key[q] = random->key[q];
		slot->report.question[q] = (struct probe_question){
			.version = 1 - q,
			.sport = take_port(probe, random->port[q], owner + q),
			.isn = random->isn[q],
			.what = SIGHTS,
		};
	}
}

static enum probe_start start(struct probe *probe, const struct probe_ask *ask,
			      const struct policy_rules *rules, const struct probe_random *random,
			      struct probe_now now)
{
	const enum probe_start may = may_start(probe, ask, rules, now);
	struct asked *asked;
	struct slot *slot;

	if (may != PROBE_TAKEN)
		return may;
	free_done(probe, now.ns);
	slot = slot_free(probe);
	if (!slot)
		return PROBE_FULL;
	asked = asked_find(probe, &ask->peer);
	if (!asked)
		asked = asked_new(probe, &ask->peer, now.ns);
	if (!asked)
		return PROBE_PEERS_FULL;
	asked->until = now.ns + rules->value[POLICY_PROBE_INTERVAL] * NS_PER_S;
	if (asked->until < probe->sweep_at)
		probe->sweep_at = asked->until;
	fill_slot(probe, slot, ask, random, now);
	return PROBE_TAKEN;
}

enum probe_start probe_start(struct probe *probe, const struct probe_ask *ask,
			     const struct policy_rules *rules, const struct probe_random *random,
			     struct probe_now now)
{
	const enum probe_start how = start(probe, ask, rules, random, now);

	probe->counts.starts[how]++;
	return how;
}

static uint64_t bucket_interval(const struct probe *probe)
{
	return (NS_PER_S + probe->config.per_second - 1) / probe->config.per_second;
}

/* When the bucket lets the next SYN through. As the NIC's bucket: docs/state.md, act, 2. */
static uint64_t bucket_open(const struct probe *probe)
{
	const uint64_t slack = (probe->config.burst - 1) * bucket_interval(probe);

	return probe->bucket > slack ? probe->bucket - slack : 0;
}

static bool bucket_take(struct probe *probe, uint64_t now)
{
	if (now < bucket_open(probe))
		return false;
	if (probe->bucket < now)
		probe->bucket = now;
	probe->bucket += bucket_interval(probe);
	return true;
}

/* MP_CAPABLE of a SYN: version 1 has no key (RFC 8684 3.1), version 0 has (RFC 6824 3.1). */
static uint8_t put_capable(uint8_t *opts, unsigned int version, uint64_t key)
{
	const uint8_t len = version ? 4 : 12;

	opts[0] = MPNIC_TCPOPT_KIND_MPTCP;
	opts[1] = len;
	opts[2] = MPNIC_SUBTYPE_MP_CAPABLE << 4 | version;
	opts[3] = MPNIC_CAPABLE_H;
	for (unsigned int i = 4; i < len; i++)
		opts[i] = key >> (8 * (11 - i));
	return len;
}

static void packet_to(const struct slot *slot, unsigned int q, struct probe_packet *packet)
{
	*packet = (struct probe_packet){
		.network = slot->report.peer.network,
		.src = slot->report.from,
		.dst = slot->report.peer.addr,
		.sport = slot->report.question[q].sport,
		.dport = slot->report.peer.port,
		.seq = slot->report.question[q].isn,
	};
}

static void send_syn(struct probe *probe, struct slot *slot, struct probe_now now,
		     struct probe_packet *packet)
{
	struct probe_question *question = &slot->report.question[slot->now];

	packet_to(slot, slot->now, packet);
	packet->tcp_flags = TCP_SYN;
	packet->window = WINDOW;
	packet->mss = slot->mss;
	packet->opt_len = put_capable(packet->opts, question->version, slot->key[slot->now]);
	if (!question->asked++)
		question->began_s = now.s;
	question->sent_ns = now.ns;
	slot->phase = ASKED;
	slot->at = now.ns + probe->config.timeout_ms * NS_PER_MS;
	probe->counts.syns++;
}

static void end(struct probe *probe, struct slot *slot, uint64_t now)
{
	slot->phase = DONE;
	slot->at = now + probe->config.timeout_ms * NS_PER_MS;
}

/* Whether v0 is to be asked after what the question for v1 has shown. */
static bool ask_v0_too(const struct slot *slot, enum sight_what what)
{
	if (slot->now != 0 || !(slot->questions & POLICY_ASK_V0))
		return false;
	if (what == SIGHT_PROBE_ABSENT_V1)
		return true;
	return slot->all && what != SIGHT_PROBE_V0 && what != SIGHT_RESET;
}

static void conclude(struct probe *probe, struct slot *slot, enum sight_what what,
		     struct probe_now now)
{
	struct probe_report *report = &slot->report;
	struct probe_question *question = &report->question[slot->now];

	question->what = what;
	question->answer_s = now.s;
	report->sight[report->sights++] = (struct sight){
		.peer = report->peer,
		.what = what,
		.offer = question->version ? SIGHT_OFFER_V1 : SIGHT_OFFER_V0,
		.began_s = question->began_s,
		.now_s = now.s,
	};
	if (!ask_v0_too(slot, what)) {
		end(probe, slot, now.ns);
		return;
	}
	slot->now = 1;
	slot->phase = WAITING;
	slot->at = now.ns;
}

static void time_out(struct probe *probe, struct slot *slot, struct probe_now now)
{
	if (slot->phase != ASKED || now.ns < slot->at)
		return;
	if (slot->report.question[slot->now].asked <= probe->config.repeats) {
		slot->phase = WAITING;
		slot->at = now.ns;
		return;
	}
	probe->counts.lost++;
	conclude(probe, slot, SIGHT_PROBE_LOST, now);
}

bool probe_next(struct probe *probe, struct probe_now now, struct probe_packet *packet)
{
	const uint32_t slots = probe->config.at_once;

	for (uint32_t i = 0; i < slots; i++) {
		struct slot *slot = &probe->slot[(probe->cursor + i) % slots];

		time_out(probe, slot, now);
		if (slot->phase != WAITING || !bucket_take(probe, now.ns))
			continue;
		probe->cursor = (probe->cursor + i + 1) % slots;
		send_syn(probe, slot, now, packet);
		return true;
	}
	free_done(probe, now.ns);
	return false;
}

uint64_t probe_deadline(const struct probe *probe)
{
	uint64_t first = NEVER;

	for (uint32_t i = 0; i < probe->config.at_once; i++) {
		const struct slot *slot = &probe->slot[i];
		uint64_t at = slot->at;

		if (slot->phase != WAITING && slot->phase != ASKED)
			continue;
		if (slot->phase == WAITING && bucket_open(probe) > at)
			at = bucket_open(probe);
		if (at < first)
			first = at;
	}
	return first;
}

static const struct mpnic_opt *capable_of(const struct mpnic_hdr *hdr)
{
	for (unsigned int i = 0; i < hdr->mptcp_count; i++) {
		if (hdr->opt[i].subtype == MPNIC_SUBTYPE_MP_CAPABLE)
			return &hdr->opt[i];
	}
	return NULL;
}

/* A middlebox that copies options it does not know gives back the option, or the key in it. */
static bool is_echo(const struct mpnic_hdr *hdr, const struct mpnic_opt *opt, unsigned int version,
		    uint64_t key)
{
	uint8_t ours[PROBE_OPTS_MAX];
	const uint8_t len = put_capable(ours, version, key);

	if (opt->length == len && opt->offset + len <= hdr->opt_len &&
	    !memcmp(hdr->opts + opt->offset, ours, len))
		return true;
	return !version && opt->fields & MPNIC_FIELD_SENDER_KEY && opt->capable.sender_key == key;
}

static enum sight_what read_synack(const struct mpnic_hdr *hdr, const struct mpnic_opt *opt,
				   unsigned int version, uint64_t key)
{
	const enum sight_what absent = version ? SIGHT_PROBE_ABSENT_V1 : SIGHT_PROBE_ABSENT_V0;

	if (!opt)
		return hdr->tcpopt <= MPNIC_TCPOPT_OK ? absent : SIGHT_MALFORMED;
	if (is_echo(hdr, opt, version, key))
		return SIGHT_ECHO;
	/* To be ignored as if it were not there: RFC 8684 3.1, "B", and no crypto bit. */
	if (opt->error == MPNIC_OPT_ERROR_EXTENSIBILITY || opt->error == MPNIC_OPT_ERROR_NO_CRYPTO)
		return absent;
	/* The answer must be of a version not above the offer, with the algorithm of the offer. */
	if (opt->error || opt->version > version || !(opt->flags & MPNIC_CAPABLE_H))
		return SIGHT_MALFORMED;
	return opt->version ? SIGHT_PROBE_V1 : SIGHT_PROBE_V0;
}

static void note_answer(struct probe *probe, struct slot *slot, const struct mpnic_hdr *hdr,
			struct probe_now now)
{
	struct probe_question *question = &slot->report.question[slot->now];
	const struct mpnic_opt *opt = capable_of(hdr);
	enum sight_what what = SIGHT_RESET;

	question->tcp_flags = hdr->tcp_flags;
	question->rtt_ns = now.ns > question->sent_ns ? now.ns - question->sent_ns : 1;
	question->rtt_unsure = question->asked > 1;
	if (opt) {
		question->capable = true;
		question->capable_version = opt->version;
		question->capable_flags = opt->flags;
		question->capable_length = opt->length;
		question->capable_error = opt->error;
	}
	if (!(hdr->tcp_flags & TCP_RST))
		what = read_synack(hdr, opt, question->version, slot->key[slot->now]);
	probe->counts.answers++;
	conclude(probe, slot, what, now);
}

/* A SYN/ACK, or a RST with ACK, of exactly our SYN; a RST without is none (RFC 9293 3.10.7.3). */
static bool answers(const struct slot *slot, unsigned int q, const struct mpnic_hdr *hdr)
{
	const struct probe_question *question = &slot->report.question[q];
	const uint8_t flags = hdr->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN);

	if (flags != (TCP_SYN | TCP_ACK) && flags != (TCP_RST | TCP_ACK))
		return false;
	return question->asked && hdr->ack == question->isn + 1;
}

static bool from_peer(const struct slot *slot, const struct mpnic_hdr *hdr, uint8_t network)
{
	const struct probe_report *report = &slot->report;

	return hdr->sport == report->peer.port && network == report->peer.network &&
	       hdr->ip_version == report->peer.addr.version &&
	       !memcmp(hdr->src, report->peer.addr.bytes, sizeof(hdr->src)) &&
	       !memcmp(hdr->dst, report->from.bytes, sizeof(hdr->dst));
}

enum probe_input probe_input(struct probe *probe, const struct mpnic_hdr *hdr,
			     const struct mpnic_csum *csum, uint8_t network, struct probe_now now,
			     struct probe_packet *rst)
{
	const struct probe_config *config = &probe->config;
	struct slot *slot;
	unsigned int owner, q;

	if (hdr->parse != MPNIC_PARSE_TCP || hdr->dport < config->port_first ||
	    hdr->dport > config->port_last)
		return PROBE_NOT_OURS;
	owner = probe->owner[hdr->dport - config->port_first];
	slot = owner ? &probe->slot[(owner - 1) / PROBE_QUESTIONS] : NULL;
	q = owner ? (owner - 1) % PROBE_QUESTIONS : 0;
	if (!slot || csum->l4 != MPNIC_CSUM_GOOD || !from_peer(slot, hdr, network) ||
	    !answers(slot, q, hdr)) {
		probe->counts.strays++;
		return PROBE_CONSUMED;
	}
	/* Also between a time-out and its repetition: a late answer is one. */
	if (q == slot->now && slot->report.question[q].what == SIGHTS && slot->phase != DONE)
		note_answer(probe, slot, hdr, now);
	if (hdr->tcp_flags & TCP_RST || slot->rsts[q] == RSTS_MAX)
		return PROBE_CONSUMED;
	slot->rsts[q]++;
	probe->counts.rsts++;
	packet_to(slot, q, rst);
	rst->seq = hdr->ack; /* RFC 9293 3.10.7.3: SEQ = SEG.ACK */
	rst->tcp_flags = TCP_RST;
	return PROBE_ANSWER;
}

bool probe_report(struct probe *probe, struct probe_report *report)
{
	for (uint32_t i = 0; i < probe->config.at_once; i++) {
		struct slot *slot = &probe->slot[i];

		if (slot->phase != DONE || slot->collected)
			continue;
		*report = slot->report;
		slot->collected = true;
		return true;
	}
	return false;
}

void probe_abandon(struct probe *probe, const struct policy *policy)
{
	for (uint32_t i = 0; i < probe->config.at_once; i++) {
		struct slot *slot = &probe->slot[i];
		struct policy_rules rules;

		if (slot->phase != WAITING && slot->phase != ASKED)
			continue;
		policy_find(policy, &slot->report.peer, &rules);
		if (policy_may_probe(&rules))
			continue;
		slot->report.abandoned = true;
		slot->phase = DONE; /* `at` stays: a SYN that is out may be answered until then */
		probe->counts.abandoned++;
	}
}

const struct probe_counts *probe_counts(const struct probe *probe)
{
	return &probe->counts;
}
