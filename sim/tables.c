/* SPDX-License-Identifier: BSD-3-Clause */
#include "tables.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX  128
#define PROTO_TCP 6
#define PROTO_UDP 17
#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))

enum entry_kind {
	ENTRY_PEER,
	ENTRY_CONN,
	ENTRY_TOKEN,
	ENTRY_RULE,
	ENTRY_FLOW,
	ENTRY_MASKED,
};

/* A flow's key as the header record would have it, so that the model makes the key. */
struct flow_entry {
	uint8_t src[16], dst[16];
	uint16_t sport, dport, vlan; /* vlan: id + 1 */
	uint8_t proto, ip_version;
	struct mpnic_action action;
};

struct entry {
	enum entry_kind kind;
	unsigned int line;
	unsigned int number; /* of a rule; of a connection, or that of a token */
	union {
		struct mpnic_peer_entry peer;
		struct mpnic_conn conn;
		struct mpnic_token_entry token;
		struct mpnic_rule rule;
		struct flow_entry flow;
	};
};

struct tables {
	struct mpnic_state_config config;
	struct entry *entry;
	unsigned int entries, size;
	bool conn[TABLES_CONNS]; /* named so far */
};

struct parser {
	struct tables *tables;
	struct tables_error *error;
	const char *line, *at, *end; /* the line, what is not read of it, its end */
	unsigned int number;
	char word[WORD_MAX];
	unsigned int column; /* of the word */
};

static int fail(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(struct parser *p, const char *format, ...)
{
	va_list args;

	p->error->line = p->number;
	p->error->column = p->column;
	va_start(args, format);
	vsnprintf(p->error->what, sizeof(p->error->what), format, args);
	va_end(args);
	return -EINVAL;
}

/* ---- words --------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the next word. Returns 1, 0 at the end of the line, -EINVAL if it is no word. */
static int next(struct parser *p)
{
	size_t len = 0;

	while (p->at < p->end && is_blank(*p->at))
		p->at++;
	p->column = (unsigned int)(p->at - p->line) + 1;
	p->word[0] = '\0';
	if (p->at == p->end || *p->at == '#')
		return 0;
	while (p->at < p->end && !is_blank(*p->at)) {
		if (!isprint((unsigned char)*p->at))
			return fail(p, "a byte that is no printable ASCII; write plain text");
		if (len == WORD_MAX - 1)
			return fail(p, "a word of more than %d characters", WORD_MAX - 1);
		p->word[len++] = *p->at++;
	}
	p->word[len] = '\0';
	return 1;
}

static int need(struct parser *p, const char *what)
{
	int got = next(p);

	return got ? got < 0 ? got : 0 : fail(p, "%s is missing", what);
}

static int parse_number(struct parser *p, const char *text, uint64_t max, const char *what,
			uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, text[0] == '0' && (text[1] | 32) == 'x' ? 16 : 10);
	if (!isdigit((unsigned char)text[0]) || *end || errno || *value > max)
		return fail(p, "'%.40s' is no %s: a number from 0 to %llu, decimal or with 0x",
			    text, what, (unsigned long long)max);
	return 0;
}

static int number(struct parser *p, uint64_t max, const char *what, uint64_t *value)
{
	int err = need(p, what);

	return err ? err : parse_number(p, p->word, max, what, value);
}

/* One of some names. */
static int choose(struct parser *p, const char *const *names, unsigned int n, const char *what,
		  unsigned int *choice)
{
	char all[120] = "";
	int err = need(p, what);

	if (err)
		return err;
	for (unsigned int i = 0; i < n; i++) {
		size_t len = strlen(all);

		if (!strcasecmp(names[i], p->word)) {
			*choice = i;
			return 0;
		}
		snprintf(all + len, sizeof(all) - len, "%s%s", i ? ", " : "", names[i]);
	}
	return fail(p, "'%.40s' is no %s: %s", p->word, what, all);
}

/* The word as an address; with a prefix length behind a slash, where bits is not NULL. */
static int parse_address(struct parser *p, uint8_t addr[16], uint8_t *ip_version, uint64_t *bits)
{
	char text[WORD_MAX], *slash;
	bool v6 = strchr(p->word, ':');

	strcpy(text, p->word);
	slash = bits ? strchr(text, '/') : NULL;
	if (slash)
		*slash++ = '\0';
	memset(addr, 0, 16);
	if (inet_pton(v6 ? AF_INET6 : AF_INET, text, addr) != 1)
		return fail(p, "'%.60s' is no address: IPv4 or IPv6%s", p->word,
			    bits ? ", with /BITS for a prefix" : "");
	if (*ip_version && *ip_version != (v6 ? 6 : 4))
		return fail(p, "an address of the other IP version than before");
	*ip_version = v6 ? 6 : 4;
	if (bits)
		*bits = v6 ? 128 : 32;
	return slash ? parse_number(p, slash, *bits, "prefix length", bits) : 0;
}

static int address(struct parser *p, uint8_t addr[16], uint8_t *ip_version, uint64_t *bits)
{
	int err = need(p, "an address");

	return err ? err : parse_address(p, addr, ip_version, bits);
}

static int protocol(struct parser *p, uint8_t *proto)
{
	uint64_t value = 0;
	int err = need(p, "a protocol");

	if (err)
		return err;
	if (!strcasecmp(p->word, "tcp"))
		value = PROTO_TCP;
	else if (!strcasecmp(p->word, "udp"))
		value = PROTO_UDP;
	else
		err = parse_number(p, p->word, 255, "protocol (or tcp, udp)", &value);
	*proto = (uint8_t)value;
	return err;
}

static void set_prefix(uint8_t mask[16], uint64_t bits)
{
	memset(mask, 0, 16);
	for (unsigned int i = 0; i < bits; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
}

/* MPTCP subtypes by name, with commas between them. */
static int subtypes(struct parser *p, uint16_t *set)
{
	char text[WORD_MAX], *rest = text, *name;
	int err = need(p, "a subtype");

	if (err)
		return err;
	if (!strcasecmp(p->word, "all")) {
		*set = UINT16_MAX;
		return 0;
	}
	strcpy(text, p->word);
	while ((name = strsep(&rest, ","))) {
		unsigned int i = 0;

		while (i < 16 && strcasecmp(mpnic_subtype_name(i), name))
			i++;
		if (i == 16)
			return fail(
				p,
				"'%.40s' is no MPTCP option: MP_CAPABLE, MP_JOIN, DSS, ... with "
				"commas between them, or all",
				name);
		*set |= (uint16_t)(1u << i);
	}
	return 0;
}

static int unknown(struct parser *p, const char *allowed)
{
	return fail(p, "'%.40s' is not known here: %s", p->word, allowed);
}

/* ---- actions ------------------------------------------------------------------------------- */

#define ACTION_WORDS "pass, queue N, mark N, drop, punt, strip OPTION, mirror, prio N"

static int valued_action(struct parser *p, uint64_t max, const char *what, uint16_t bit,
			 struct mpnic_action *action, uint64_t *value)
{
	action->actions |= bit;
	return number(p, max, what, value);
}

/* The word that was read, as part of an action. Returns 1, 0 if it is none, or -EINVAL. */
static int action_word(struct parser *p, struct mpnic_action *action)
{
	static const struct {
		const char *name;
		uint16_t bit;
	} plain[] = {
		{"pass", 0},
		{"drop", MPNIC_ACTION_DROP},
		{"punt", MPNIC_ACTION_PUNT},
		{"mirror", MPNIC_ACTION_MIRROR},
	};
	uint64_t value = 0;
	int err;

	for (unsigned int i = 0; i < COUNT(plain); i++) {
		if (strcmp(p->word, plain[i].name))
			continue;
		action->actions |= plain[i].bit;
		return 1;
	}
	if (!strcmp(p->word, "queue")) {
		err = valued_action(p, UINT16_MAX, "queue", MPNIC_ACTION_QUEUE, action, &value);
		action->rx_queue = (uint16_t)value;
	} else if (!strcmp(p->word, "mark")) {
		err = valued_action(p, UINT32_MAX, "mark", MPNIC_ACTION_MARK, action, &value);
		action->mark = (uint32_t)value;
	} else if (!strcmp(p->word, "prio")) {
		err = valued_action(p, UINT8_MAX, "prio", 0, action, &value);
		action->prio = (uint8_t)value;
	} else if (!strcmp(p->word, "strip")) {
		action->actions |= MPNIC_ACTION_STRIP;
		err = subtypes(p, &action->strip);
	} else {
		return 0;
	}
	return err ? err : 1;
}

/* A whole line of them. */
static int action_line(struct parser *p, struct mpnic_action *action)
{
	int got = need(p, "an action (" ACTION_WORDS ")");

	*action = (struct mpnic_action){.prio = UINT8_MAX};
	if (got)
		return got;
	do {
		got = action_word(p, action);
		if (!got)
			return unknown(p, ACTION_WORDS);
	} while (got > 0 && (got = next(p)) > 0);
	return got;
}

/* ---- settings ------------------------------------------------------------------------------ */

static int set_exact_vlan(struct parser *p)
{
	static const char *const names[] = {"off", "on"};
	unsigned int choice = 0;
	int err = choose(p, names, COUNT(names), "switch", &choice);

	p->tables->config.exact_vlan = choice;
	return err;
}

/* src or dst, or with a slash and a prefix length. */
static bool is_address_field(const char *word, const char *name)
{
	return !strncmp(word, name, 3) && (!word[3] || word[3] == '/');
}

static int mask_address(struct parser *p, uint8_t mask[16])
{
	uint64_t bits = 128;

	if (p->word[3] && parse_number(p, p->word + 4, bits, "prefix length", &bits))
		return -EINVAL;
	set_prefix(mask, bits);
	return 0;
}

static int mask_field(struct parser *p, struct mpnic_key *mask)
{
	if (is_address_field(p->word, "src"))
		return mask_address(p, mask->lo_addr);
	if (is_address_field(p->word, "dst"))
		return mask_address(p, mask->hi_addr);
	if (!strcmp(p->word, "sport"))
		mask->lo_port = UINT16_MAX;
	else if (!strcmp(p->word, "dport"))
		mask->hi_port = UINT16_MAX;
	else if (!strcmp(p->word, "vlan"))
		mask->vlan = UINT16_MAX;
	else if (!strcmp(p->word, "proto"))
		mask->proto = UINT8_MAX;
	else
		return unknown(p, "src, dst (with /BITS), sport, dport, vlan, proto, or off alone");
	return 0;
}

static int set_mask(struct parser *p)
{
	struct mpnic_state_config *c = &p->tables->config;
	int got = need(p, "a field of the mask, or off");

	if (got)
		return got;
	memset(&c->mask, 0, sizeof(c->mask));
	c->masked = strcmp(p->word, "off");
	if (!c->masked)
		return 0;
	do {
		got = mask_field(p, &c->mask);
	} while (!got && (got = next(p)) > 0);
	return got;
}

static int set_rss_key(struct parser *p)
{
	uint8_t *key = p->tables->config.rss_key;
	int err = need(p, "the key");

	if (err)
		return err;
	if (strlen(p->word) != 2 * MPNIC_RSS_KEY_LEN ||
	    strspn(p->word, "0123456789abcdefABCDEF") != 2 * MPNIC_RSS_KEY_LEN)
		return fail(p, "the RSS key has %d hexadecimal digits, without 0x",
			    2 * MPNIC_RSS_KEY_LEN);
	for (unsigned int i = 0; i < MPNIC_RSS_KEY_LEN; i++) {
		char byte[3] = {p->word[2 * i], p->word[2 * i + 1], '\0'};

		key[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return 0;
}

/* Queues of the indirection table; fewer than it has are repeated. */
static int set_reta(struct parser *p)
{
	uint16_t *reta = p->tables->config.reta;
	unsigned int n = 0;
	uint64_t queue = 0;
	int got = need(p, "a queue");

	if (got)
		return got;
	do {
		if (n == MPNIC_RETA_SIZE)
			return fail(p, "more than %d queues", MPNIC_RETA_SIZE);
		if (parse_number(p, p->word, UINT16_MAX, "queue", &queue))
			return -EINVAL;
		reta[n++] = (uint16_t)queue;
	} while ((got = next(p)) > 0);
	for (unsigned int i = n; i < MPNIC_RETA_SIZE; i++)
		reta[i] = reta[i - n];
	return got;
}

static int set_default(struct parser *p)
{
	return action_line(p, &p->tables->config.miss);
}

static int set_learnt(struct parser *p)
{
	return action_line(p, &p->tables->config.learnt);
}

static const char *const policies[] = {"pass", "punt", "drop"};

static int set_join_unknown(struct parser *p)
{
	unsigned int choice = 0;
	int err = choose(p, policies, 3, "policy", &choice);

	p->tables->config.join_unknown = (uint8_t)choice;
	return err;
}

static int set_join_full(struct parser *p)
{
	unsigned int choice = 0;
	int err = choose(p, policies, 2, "policy", &choice);

	p->tables->config.join_full = (uint8_t)choice;
	return err;
}

static int set_join_rate(struct parser *p)
{
	uint64_t rate = 0, burst = 0;
	int err = number(p, UINT32_MAX, "rate", &rate);

	if (!err)
		err = number(p, UINT32_MAX, "burst", &burst);
	p->tables->config.join_rate = (uint32_t)rate;
	p->tables->config.join_burst = (uint32_t)burst;
	return err;
}

static int set_host_source(struct parser *p)
{
	uint64_t source = 0;
	int err = number(p, 63, "source", &source);

	p->tables->config.host_sources |= 1ull << (source & 63);
	return err;
}

static int set_network(struct parser *p)
{
	uint64_t source = 0, network = 0;
	int err = number(p, 63, "source", &source);

	if (!err)
		err = number(p, 255, "network", &network);
	p->tables->config.network[source & 63] = (uint8_t)network;
	return err;
}

static const char *const first_syns[] = {"pass", "strip", "punt"};

static int set_first_syn(struct parser *p)
{
	unsigned int choice = 0;
	uint64_t network = 0;
	int err = number(p, 255, "network", &network);

	if (!err)
		err = choose(p, first_syns, 3, "policy", &choice);
	p->tables->config.first_syn[network & 255] = (uint8_t)choice;
	return err;
}

static int set_prefix4(struct parser *p)
{
	uint64_t bits = 0;
	int err = number(p, 32, "prefix length", &bits);

	p->tables->config.prefix4 = (uint8_t)bits;
	return err;
}

static int set_prefix6(struct parser *p)
{
	uint64_t bits = 0;
	int err = number(p, 128, "prefix length", &bits);

	p->tables->config.prefix6 = (uint8_t)bits;
	return err;
}

/* ---- entries ------------------------------------------------------------------------------- */

/* Returns a new entry, zero but for its kind and line; NULL after a message, or without memory. */
static struct entry *add_entry(struct parser *p, enum entry_kind kind)
{
	struct tables *t = p->tables;
	struct entry *e;

	if (t->entries == TABLES_ENTRIES_MAX) {
		fail(p, "more than %u entries", TABLES_ENTRIES_MAX);
		return NULL;
	}
	if (t->entries == t->size) {
		unsigned int size = t->size ? t->size * 2 : 64;
		struct entry *list = realloc(t->entry, size * sizeof(*list));

		if (!list) {
			fail(p, "out of memory");
			return NULL;
		}
		t->entry = list;
		t->size = size;
	}
	e = &t->entry[t->entries++];
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->line = p->number;
	return e;
}

static int peer_option(struct parser *p, struct mpnic_peer_entry *peer)
{
	uint64_t value = 0;
	int err;

	if (!strcmp(p->word, "port")) {
		err = number(p, UINT16_MAX, "port", &value);
		peer->port = (uint16_t)value;
		return err;
	}
	if (!strcmp(p->word, "network")) {
		err = number(p, 255, "network", &value);
		peer->network = (uint8_t)value;
		return err;
	}
	return unknown(p, "port N, network N");
}

static int add_peer(struct parser *p)
{
	static const char *const speaks[] = {"unknown", "v1", "v0", "none"};
	struct entry *e = add_entry(p, ENTRY_PEER);
	unsigned int what = 0, first = 0;
	int err;

	if (!e)
		return -EINVAL;
	err = address(p, e->peer.addr, &e->peer.ip_version, NULL);
	if (!err)
		err = choose(p, speaks, 4, "version", &what);
	if (!err)
		err = choose(p, first_syns, 3, "policy", &first);
	e->peer.speaks = (uint8_t)what;
	e->peer.first_syn = (uint8_t)first;
	while (!err && (err = next(p)) > 0)
		err = peer_option(p, &e->peer);
	return err;
}

static int conn_option(struct parser *p, struct mpnic_conn *conn)
{
	uint64_t value = 0;
	int err;

	if (!strcmp(p->word, "checksums")) {
		conn->flags |= MPNIC_CONN_CSUM;
		return 0;
	}
	if (!strcmp(p->word, "queue")) {
		err = number(p, UINT16_MAX, "queue", &value);
		conn->rx_queue = (uint16_t)value;
		conn->flags |= MPNIC_CONN_QUEUE;
		return err;
	}
	if (!strcmp(p->word, "version")) {
		err = number(p, 1, "version", &value);
		conn->version = (uint8_t)value;
		return err;
	}
	if (!strcmp(p->word, "idsn-a") || !strcmp(p->word, "idsn-b")) {
		unsigned int side = p->word[5] == 'b';

		err = number(p, UINT64_MAX, "IDSN", &value);
		conn->idsn[side] = value;
		conn->dsn_next[side] = value + 1;
		return err;
	}
	return unknown(p, "version 0 or 1, checksums, idsn-a N, idsn-b N, queue N");
}

static int add_conn(struct parser *p)
{
	struct entry *e = add_entry(p, ENTRY_CONN);
	uint64_t value = 0;
	int err;

	if (!e)
		return -EINVAL;
	err = number(p, TABLES_CONNS - 1, "connection", &value);
	if (err)
		return err;
	if (p->tables->conn[value])
		return fail(p, "connection %s is there already", p->word);
	p->tables->conn[value] = true;
	e->number = (unsigned int)value;
	e->conn.version = MPNIC_GIVEN_V1;
	while (!err && (err = next(p)) > 0)
		err = conn_option(p, &e->conn);
	return err;
}

static int token_option(struct parser *p, struct mpnic_token_entry *token)
{
	uint64_t value = 0;
	int err;

	if (!strcmp(p->word, "punt")) {
		token->flags |= MPNIC_TOKEN_ENTRY_PUNT;
		return 0;
	}
	if (strcmp(p->word, "cap"))
		return unknown(p, "punt, cap N");
	err = number(p, UINT8_MAX, "cap", &value);
	token->cap = (uint8_t)value;
	return err;
}

static int add_token(struct parser *p)
{
	static const char *const sides[] = {"a", "b"};
	struct entry *e = add_entry(p, ENTRY_TOKEN);
	unsigned int side = 0;
	uint64_t value = 0;
	int err;

	if (!e)
		return -EINVAL;
	err = number(p, UINT32_MAX, "token", &value);
	e->token.token = (uint32_t)value;
	if (!err)
		err = number(p, TABLES_CONNS - 1, "connection", &value);
	if (err)
		return err;
	if (!p->tables->conn[value])
		return fail(p, "connection %s is not known; a line 'connection %s' goes before",
			    p->word, p->word);
	e->number = (unsigned int)value;
	err = choose(p, sides, 2, "side", &side);
	e->token.flags = side ? MPNIC_TOKEN_ENTRY_SIDE_B : 0;
	e->token.cap = UINT8_MAX;
	while (!err && (err = next(p)) > 0)
		err = token_option(p, &e->token);
	return err;
}

/* ---- rules --------------------------------------------------------------------------------- */

#define RULE_WORDS "src, dst, sport, dport, vlan, ethertype, source, ip, proto, option, tcp-flags"

static int rule_address(struct parser *p, uint8_t value[16], uint8_t mask[16],
			struct mpnic_rule_key *v, struct mpnic_rule_key *m)
{
	uint64_t bits = 0;
	int err = address(p, value, &v->ip_version, &bits);

	if (err)
		return err;
	m->ip_version = UINT8_MAX;
	set_prefix(mask, bits);
	for (unsigned int i = 0; i < 16; i++)
		value[i] &= mask[i];
	return 0;
}

static int rule_number(struct parser *p, uint64_t max, const char *what, uint16_t *value,
		       uint16_t *mask)
{
	uint64_t number_of = 0;
	int err = number(p, max, what, &number_of);

	*value = (uint16_t)number_of;
	*mask = UINT16_MAX;
	return err;
}

static int rule_byte(struct parser *p, uint64_t max, const char *what, uint8_t *value,
		     uint8_t *mask)
{
	uint16_t wide = 0, all;
	int err = rule_number(p, max, what, &wide, &all);

	*value = (uint8_t)wide;
	*mask = UINT8_MAX;
	return err;
}

/* VALUE or VALUE/MASK. */
static int rule_flags(struct parser *p, uint8_t *value, uint8_t *mask)
{
	uint64_t v = 0, m = UINT8_MAX;
	char *slash;
	int err = need(p, "TCP flags");

	if (err)
		return err;
	slash = strchr(p->word, '/');
	if (slash) {
		*slash = '\0';
		err = parse_number(p, slash + 1, UINT8_MAX, "mask of TCP flags", &m);
	}
	if (!err)
		err = parse_number(p, p->word, UINT8_MAX, "set of TCP flags", &v);
	*value = (uint8_t)(v & m);
	*mask = (uint8_t)m;
	return err;
}

static int rule_field(struct parser *p, struct mpnic_rule_key *v, struct mpnic_rule_key *m)
{
	const char *name = p->word;
	int err;

	if (!strcmp(name, "src"))
		return rule_address(p, v->src, m->src, v, m);
	if (!strcmp(name, "dst"))
		return rule_address(p, v->dst, m->dst, v, m);
	if (!strcmp(name, "sport"))
		return rule_number(p, UINT16_MAX, "port", &v->sport, &m->sport);
	if (!strcmp(name, "dport"))
		return rule_number(p, UINT16_MAX, "port", &v->dport, &m->dport);
	if (!strcmp(name, "ethertype"))
		return rule_number(p, UINT16_MAX, "EtherType", &v->ethertype, &m->ethertype);
	if (!strcmp(name, "vlan")) {
		err = rule_number(p, 4095, "VLAN id", &v->vlan, &m->vlan);
		v->vlan++;
		return err;
	}
	if (!strcmp(name, "source"))
		return rule_byte(p, 63, "source", &v->source, &m->source);
	if (!strcmp(name, "ip"))
		return rule_byte(p, 6, "IP version", &v->ip_version, &m->ip_version);
	if (!strcmp(name, "proto")) {
		m->ip_proto = UINT8_MAX;
		return protocol(p, &v->ip_proto);
	}
	if (!strcmp(name, "tcp-flags"))
		return rule_flags(p, &v->tcp_flags, &m->tcp_flags);
	if (strcmp(name, "option"))
		return unknown(p, RULE_WORDS "; " ACTION_WORDS);
	err = subtypes(p, &v->subtypes);
	m->subtypes = v->subtypes;
	return err;
}

static int add_rule(struct parser *p)
{
	struct entry *e = add_entry(p, ENTRY_RULE);
	struct mpnic_rule_key value = {.sport = 0}, mask = {.sport = 0};
	struct mpnic_action action = {.prio = 0};
	uint64_t index = 0;
	int got;

	if (!e)
		return -EINVAL;
	got = number(p, MPNIC_RULES - 1, "rule", &index);
	if (got)
		return got;
	e->number = (unsigned int)index;
	while ((got = next(p)) > 0) {
		got = action_word(p, &action);
		if (!got)
			got = rule_field(p, &value, &mask);
		if (got < 0)
			return got;
	}
	memcpy(e->rule.value, &value, sizeof(value));
	memcpy(e->rule.mask, &mask, sizeof(mask));
	e->rule.mark = action.mark;
	e->rule.rx_queue = action.rx_queue;
	e->rule.strip = action.strip;
	e->rule.actions = action.actions;
	e->rule.prio = action.prio;
	e->rule.valid = 1;
	return got;
}

/* ---- flows --------------------------------------------------------------------------------- */

static bool is_zero(const uint8_t *bytes, size_t len)
{
	while (len && !bytes[len - 1])
		len--;
	return !len;
}

/* A field that the mask leaves out could never be found. */
static bool in_mask(const struct mpnic_key *mask, const char *field)
{
	if (!strcmp(field, "src"))
		return !is_zero(mask->lo_addr, 16);
	if (!strcmp(field, "dst"))
		return !is_zero(mask->hi_addr, 16);
	if (!strcmp(field, "sport"))
		return mask->lo_port;
	if (!strcmp(field, "dport"))
		return mask->hi_port;
	return strcmp(field, "vlan") ? mask->proto : mask->vlan;
}

static int port(struct parser *p, uint16_t *value)
{
	uint64_t wide = 0;
	int err = number(p, UINT16_MAX, "port", &wide);

	*value = (uint16_t)wide;
	return err;
}

static int vlan(struct parser *p, uint16_t *value)
{
	uint64_t id = 0;
	int err = number(p, 4095, "VLAN id", &id);

	*value = (uint16_t)(id + 1);
	return err;
}

static int masked_field(struct parser *p, struct flow_entry *f)
{
	static const char *const fields[] = {"src", "dst", "sport", "dport", "vlan", "proto"};
	unsigned int i = 0;

	while (i < COUNT(fields) && strcmp(p->word, fields[i]))
		i++;
	if (i == COUNT(fields))
		return unknown(p, "src, dst, sport, dport, vlan, proto, ip; " ACTION_WORDS);
	if (!in_mask(&p->tables->config.mask, fields[i]))
		return fail(p, "%s is not part of the mask; name it in the line 'mask'", fields[i]);
	switch (i) {
	case 0:
		return address(p, f->src, &f->ip_version, NULL);
	case 1:
		return address(p, f->dst, &f->ip_version, NULL);
	case 2:
		return port(p, &f->sport);
	case 3:
		return port(p, &f->dport);
	case 4:
		return vlan(p, &f->vlan);
	default:
		return protocol(p, &f->proto);
	}
}

static int ip_version(struct parser *p, struct flow_entry *f)
{
	uint64_t version = 0;
	int err = number(p, 6, "IP version", &version);

	f->ip_version = (uint8_t)version;
	return err ? err : version == 4 || version == 6 ? 0 : fail(p, "ip is 4 or 6");
}

static int add_masked(struct parser *p)
{
	struct entry *e = add_entry(p, ENTRY_MASKED);
	int got;

	if (!e)
		return -EINVAL;
	if (!p->tables->config.masked)
		return fail(p, "the settable mask is off; a line 'mask' with fields turns it on");
	while ((got = next(p)) > 0) {
		got = action_word(p, &e->flow.action);
		if (!got)
			got = strcmp(p->word, "ip") ? masked_field(p, &e->flow)
						    : ip_version(p, &e->flow);
		if (got < 0)
			return got;
	}
	if (!got && !e->flow.ip_version)
		return fail(p, "an address, or ip 4 or ip 6, is missing");
	return got;
}

static int flow_option(struct parser *p, struct flow_entry *f)
{
	if (strcmp(p->word, "vlan"))
		return unknown(p, "vlan N; " ACTION_WORDS);
	if (!p->tables->config.exact_vlan)
		return fail(p, "vlan is not part of the key; a line 'exact-vlan on' makes it so");
	return vlan(p, &f->vlan);
}

/* flow PROTO ADDRESS PORT ADDRESS PORT [vlan N] ACTION */
static int add_flow(struct parser *p)
{
	struct entry *e = add_entry(p, ENTRY_FLOW);
	struct flow_entry *f;
	int got;

	if (!e)
		return -EINVAL;
	f = &e->flow;
	got = protocol(p, &f->proto);
	if (!got && f->proto != PROTO_TCP && f->proto != PROTO_UDP)
		return fail(p, "a flow has ports: tcp or udp");
	if (!got)
		got = address(p, f->src, &f->ip_version, NULL);
	if (!got)
		got = port(p, &f->sport);
	if (!got)
		got = address(p, f->dst, &f->ip_version, NULL);
	if (!got)
		got = port(p, &f->dport);
	while (!got && (got = next(p)) > 0) {
		got = action_word(p, &f->action);
		if (!got)
			got = flow_option(p, f);
		if (got > 0)
			got = 0;
	}
	return got;
}

/* ---- lines --------------------------------------------------------------------------------- */

#define STATEMENTS                                                                               \
	"exact-vlan, mask, rss-key, reta, default, learnt, join-unknown, join-full, join-rate, " \
	"host-source, network, first-syn, prefix4, prefix6; peer, connection, token, rule, "     \
	"masked, flow"

static const struct statement {
	const char *name;
	int (*parse)(struct parser *p);
	bool is_entry;
} statements[] = {
	{"exact-vlan", set_exact_vlan, false},
	{"mask", set_mask, false},
	{"rss-key", set_rss_key, false},
	{"reta", set_reta, false},
	{"default", set_default, false},
	{"learnt", set_learnt, false},
	{"join-unknown", set_join_unknown, false},
	{"join-full", set_join_full, false},
	{"join-rate", set_join_rate, false},
	{"host-source", set_host_source, false},
	{"network", set_network, false},
	{"first-syn", set_first_syn, false},
	{"prefix4", set_prefix4, false},
	{"prefix6", set_prefix6, false},
	{"peer", add_peer, true},
	{"connection", add_conn, true},
	{"token", add_token, true},
	{"rule", add_rule, true},
	{"masked", add_masked, true},
	{"flow", add_flow, true},
};

static int parse_line(struct parser *p)
{
	int got = next(p);
	unsigned int i = 0;

	if (got <= 0)
		return got;
	while (i < COUNT(statements) && strcmp(statements[i].name, p->word))
		i++;
	if (i == COUNT(statements))
		return unknown(p, STATEMENTS);
	if (!statements[i].is_entry && p->tables->entries)
		return fail(p, "settings go before entries; move this line up");
	got = statements[i].parse(p);
	if (!got)
		got = next(p);
	return got > 0 ? fail(p, "'%.40s' is too much here; a statement ends with its line",
			      p->word)
		       : got;
}

static int parse_text(struct parser *p, const char *text, size_t len)
{
	const char *end = text + len;
	int err = 0;

	while (!err && text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));

		p->line = p->at = text;
		p->end = stop ? stop : end;
		p->number++;
		err = parse_line(p);
		text = stop ? stop + 1 : end;
	}
	return err;
}

int tables_parse(const char *text, size_t len, const struct mpnic_state_config *defaults,
		 struct tables **tables, struct tables_error *error)
{
	struct parser p = {.error = error, .column = 1, .number = 0};
	int err;

	p.tables = calloc(1, sizeof(*p.tables));
	if (!p.tables)
		return -ENOMEM;
	p.tables->config = *defaults;
	err = len > TABLES_TEXT_MAX ? fail(&p, "more than %u bytes", TABLES_TEXT_MAX)
				    : parse_text(&p, text, len);
	if (err) {
		tables_free(p.tables);
		return err;
	}
	*tables = p.tables;
	return 0;
}

void tables_free(struct tables *t)
{
	if (!t)
		return;
	free(t->entry);
	free(t);
}

const struct mpnic_state_config *tables_config(const struct tables *t)
{
	return &t->config;
}

/* ---- into the tables ----------------------------------------------------------------------- */

static int insert_flow(const struct entry *e, struct mpnic_state *state,
		       const struct tables_ids *ids)
{
	const struct flow_entry *f = &e->flow;
	struct mpnic_hdr hdr = {
		.parse = f->proto == PROTO_UDP ? MPNIC_PARSE_UDP : MPNIC_PARSE_TCP,
		.flags = MPNIC_HDR_L3 | MPNIC_HDR_L4,
		.ip_version = f->ip_version,
		.ip_proto = f->proto,
		.sport = f->sport,
		.dport = f->dport,
		.vlan_count = f->vlan ? 1 : 0,
		.vlan_outer = f->vlan ? (uint16_t)(f->vlan - 1) : 0,
	};
	struct mpnic_flow flow = {
		.conn_id = MPNIC_ID_NONE,
		.mark = f->action.mark,
		.rx_queue = f->action.rx_queue,
		.strip = f->action.strip,
		.actions = f->action.actions,
		.prio = f->action.prio,
	};
	struct mpnic_key key;
	uint32_t id;
	bool flip;

	memcpy(hdr.src, f->src, sizeof(hdr.src));
	memcpy(hdr.dst, f->dst, sizeof(hdr.dst));
	if (!mpnic_flow_key(state, &hdr, e->kind == ENTRY_MASKED, &key, &flip))
		return -EINVAL;
	if (mpnic_flow_find(state, &key) != MPNIC_ID_NONE)
		return -EEXIST;
	id = ids->flow(ids->context);
	return id == MPNIC_ID_NONE ? -ENOSPC : mpnic_flow_insert(state, &key, id, &flow);
}

static int insert_conn(const struct entry *e, struct mpnic_state *state,
		       const struct tables_ids *ids)
{
	uint32_t id = ids->conn(ids->context, e->number);

	if (id == MPNIC_ID_NONE)
		return -ENOSPC;
	return mpnic_conn_set(state, id, &e->conn);
}

static int insert_token(const struct entry *e, struct mpnic_state *state,
			const struct tables_ids *ids)
{
	struct mpnic_token_entry token = e->token;
	struct mpnic_conn conn;
	int err;

	token.conn_id = ids->conn(ids->context, e->number);
	if (!mpnic_conn_at(state, token.conn_id))
		return -ENOSPC;
	err = mpnic_token_insert(state, &token);
	if (err)
		return err;
	conn = *mpnic_conn_at(state, token.conn_id);
	conn.token[!!(token.flags & MPNIC_TOKEN_ENTRY_SIDE_B)] = token.token;
	return mpnic_conn_set(state, token.conn_id, &conn);
}

static int insert(const struct entry *e, struct mpnic_state *state, const struct tables_ids *ids)
{
	switch (e->kind) {
	case ENTRY_PEER:
		return mpnic_peer_insert(state, &e->peer);
	case ENTRY_CONN:
		return insert_conn(e, state, ids);
	case ENTRY_TOKEN:
		return insert_token(e, state, ids);
	case ENTRY_RULE:
		return mpnic_rule_set(state, e->number, &e->rule);
	default:
		return insert_flow(e, state, ids);
	}
}

static const char *why(const struct entry *e, int err)
{
	if (err == -EEXIST)
		return "this entry is there already; remove one of both";
	if (err == -ENOSPC)
		return "the table has no room for this entry";
	if (e->kind == ENTRY_PEER)
		return "the peer's address has bits behind the prefix (prefix4, prefix6)";
	return "this entry cannot be";
}

int tables_apply(const struct tables *t, struct mpnic_state *state, const struct tables_ids *ids,
		 struct tables_error *error)
{
	for (unsigned int i = 0; i < t->entries; i++) {
		const struct entry *e = &t->entry[i];
		int err = insert(e, state, ids);

		if (!err)
			continue;
		error->line = e->line;
		error->column = 1;
		snprintf(error->what, sizeof(error->what), "%s", why(e, err));
		return -EINVAL;
	}
	return 0;
}
