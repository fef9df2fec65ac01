/* SPDX-License-Identifier: BSD-3-Clause */
/* What mpnicctl may ask (docs/mpnicctl.md). Arguments come from whoever may use the socket. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "rte_pmd_mpnic.h"

/* ---- arguments ------------------------------------------------------------------------------ */

struct peer_args {
	struct peer_key key;
	unsigned int bits; /* of the prefix; all: an address */
	bool whole;
	enum peers_answer answer; /* PEERS_UNKNOWN: not given */
};

static bool take_network(const struct daemon *d, const json_t *args, uint8_t *network,
			 struct ctl_answer *a)
{
	const json_t *given = json_object_get(args, "network");
	int number;

	*network = 0;
	if (!given)
		return true;
	number = json_is_string(given)
			 ? policy_network_number(plane_policy(d->plane), json_string_value(given))
			 : -ENOENT;
	if (number < 0) {
		ctl_refuse(a, "network: no such one is configured");
		return false;
	}
	*network = (uint8_t)number;
	return true;
}

static bool take_address(const json_t *args, struct peer_args *p, struct ctl_answer *a)
{
	const char *given = json_string_value(json_object_get(args, "address"));
	char text[INET6_ADDRSTRLEN + 4];
	char *slash, *end;
	unsigned long bits;

	if (!given || strlen(given) >= sizeof(text)) {
		ctl_refuse(a, "address: an IP address, for a prefix with /LENGTH");
		return false;
	}
	strcpy(text, given);
	slash = strchr(text, '/');
	if (slash)
		*slash++ = '\0';
	if (inet_pton(AF_INET, text, p->key.addr.bytes) == 1) {
		p->key.addr.version = 4;
	} else if (inet_pton(AF_INET6, text, p->key.addr.bytes) == 1) {
		p->key.addr.version = 6;
	} else {
		ctl_refuse(a, "address: \"%s\" is none", text);
		return false;
	}
	p->bits = p->key.addr.version == 6 ? 128 : 32;
	p->whole = true;
	if (!slash)
		return true;
	bits = strtoul(slash, &end, 10);
	if (!*slash || *end || bits > p->bits) {
		ctl_refuse(a, "address: a prefix has 0 to %u bits", p->bits);
		return false;
	}
	p->whole = bits == p->bits;
	p->bits = (unsigned int)bits;
	return true;
}

static bool take_port(const json_t *args, struct peer_args *p, struct ctl_answer *a)
{
	const json_t *given = json_object_get(args, "port");
	const json_int_t port = json_integer_value(given);

	if (given && (!json_is_integer(given) || port < 0 || port > 65535)) {
		ctl_refuse(a, "port: 1 to 65535; 0 or none: the peer as a client, or every port");
		return false;
	}
	p->key.port = (uint16_t)port;
	return true;
}

static bool take_answer(const json_t *args, struct peer_args *p, struct ctl_answer *a)
{
	const char *speaks = json_string_value(json_object_get(args, "speaks"));

	if (!speaks)
		return true;
	if (!strcmp(speaks, "v1"))
		p->answer = PEERS_V1;
	else if (!strcmp(speaks, "v0"))
		p->answer = PEERS_V0;
	else if (!strcmp(speaks, "none"))
		p->answer = PEERS_NONE;
	else
		ctl_refuse(a, "speaks: v1, v0 or none");
	return !a->error[0];
}

static bool take_peer(const struct daemon *d, const json_t *args, struct peer_args *p,
		      struct ctl_answer *a)
{
	*p = (struct peer_args){0};
	return take_network(d, args, &p->key.network, a) && take_address(args, p, a) &&
	       take_port(args, p, a) && take_answer(args, p, a);
}

/* A learnt entry has one address. */
static bool take_one(const struct daemon *d, const json_t *args, struct peer_args *p,
		     struct ctl_answer *a)
{
	if (!take_peer(d, args, p, a))
		return false;
	if (!p->whole)
		ctl_refuse(a, "address: one, not a prefix; prefixes can be pinned");
	return p->whole;
}

static void refuse_error(struct ctl_answer *a, int err)
{
	switch (err) {
	case -ENOENT:
		ctl_refuse(a, "nothing is known of that");
		break;
	case -ENOSPC:
		ctl_refuse(a, "there is no room for more");
		break;
	case -EINVAL:
		ctl_refuse(a, "a listener has a port, and an answer is v1, v0 or none");
		break;
	default:
		ctl_refuse(a, "%s", strerror(-err));
	}
}

/* ---- peers ---------------------------------------------------------------------------------- */

static struct peers *peers_of(const struct daemon *d)
{
	return plane_peers(d->plane);
}

/* A cursor's at[]: pins so far, the cache's own, network + 1 or 0. */
static enum ctl_next next_peer(void *ctx, struct ctl_cursor *cursor, json_t **row)
{
	struct daemon *d = ctx;
	const struct peers_pin *pin = peers_pin_at(peers_of(d), (uint32_t)cursor->at[0]);
	uint32_t at = (uint32_t)cursor->at[1];
	struct peers_record r;
	struct peers_view v;

	if (pin) {
		const struct peer_key key = {pin->network, pin->addr, pin->port};

		cursor->at[0]++;
		v = (struct peers_view){.answer = pin->answer,
					.confidence = PEERS_OPERATOR,
					.sure = true,
					.pinned = true,
					.bits = pin->bits,
					.set_by = PEERS_BY_OPERATOR,
					.set_s = pin->set_s};
		*row = words_peer(d, &key, &v);
		return CTL_ROW;
	}
	do {
		if (!peers_next(peers_of(d), &at, &r))
			return CTL_END;
		cursor->at[1] = at;
	} while (cursor->at[2] && r.key.network != cursor->at[2] - 1);
	peers_look(peers_of(d), &r.key, daemon_now(d).s, &v);
	*row = words_peer(d, &r.key, &v);
	return CTL_ROW;
}

static void peers_list(void *ctx, const json_t *args, struct ctl_answer *a)
{
	uint8_t network;

	if (!take_network(ctx, args, &network, a))
		return;
	a->next = next_peer;
	a->cursor.at[2] = json_object_get(args, "network") ? network + 1u : 0;
}

static void peer_show(void *ctx, const json_t *args, struct ctl_answer *a)
{
	const struct daemon *d = ctx;
	struct peer_args p;
	struct peers_view v;

	if (!take_one(d, args, &p, a))
		return;
	peers_look(peers_of(d), &p.key, daemon_now(d).s, &v);
	a->result = words_peer(d, &p.key, &v);
}

static void peer_set(void *ctx, const json_t *args, struct ctl_answer *a)
{
	struct daemon *d = ctx;
	struct peers_change change;
	struct peer_args p;
	int err;

	if (!take_one(d, args, &p, a))
		return;
	err = peers_set(peers_of(d), &p.key, p.answer, daemon_now(d).s, &change);
	if (err)
		refuse_error(a, err);
	else
		plane_touch_peer(d->plane, &p.key);
}

static struct peers_pin pin_of(const struct daemon *d, const struct peer_args *p)
{
	return (struct peers_pin){.network = p->key.network,
				  .bits = (uint8_t)p->bits,
				  .answer = (uint8_t)p->answer,
				  .addr = p->key.addr,
				  .port = p->key.port,
				  .set_s = daemon_now(d).s};
}

/* It may hold many peers. */
static void pin_changed(struct daemon *d, const struct peers_pin *pin, bool gone)
{
	daemon_save_pin(d, pin, gone);
	d->sweeping = true;
	d->sweep = 0;
}

static void peer_pin(void *ctx, const json_t *args, struct ctl_answer *a)
{
	struct daemon *d = ctx;
	struct peer_args p;
	struct peers_pin pin;
	const char *wrong;
	int err;

	if (!take_peer(d, args, &p, a))
		return;
	pin = pin_of(d, &p);
	wrong = peers_pin_wrong(&pin);
	err = peers_pin(peers_of(d), &pin);
	if (wrong)
		ctl_refuse(a, "%s", wrong);
	else if (err)
		refuse_error(a, err);
	else
		pin_changed(d, &pin, false);
}

static void peer_unpin(void *ctx, const json_t *args, struct ctl_answer *a)
{
	struct daemon *d = ctx;
	struct peer_args p;
	struct peers_pin pin;
	int err;

	if (!take_peer(d, args, &p, a))
		return;
	pin = pin_of(d, &p);
	err = peers_unpin(peers_of(d), &pin);
	if (err)
		refuse_error(a, err);
	else
		pin_changed(d, &pin, true);
}

static void peer_remove(void *ctx, const json_t *args, struct ctl_answer *a)
{
	struct daemon *d = ctx;
	struct peer_args p;
	int err;

	if (!take_one(d, args, &p, a))
		return;
	err = peers_remove(peers_of(d), &p.key);
	if (err)
		refuse_error(a, err);
	else
		plane_touch_peer(d->plane, &p.key);
}

static void forget(void *ctx, const struct peer_key *key)
{
	const struct daemon *d = ctx;

	plane_touch_peer(d->plane, key);
}

static void peers_forget(void *ctx, const json_t *args, struct ctl_answer *a)
{
	struct peers_flush which = {.all_addresses = true};
	struct daemon *d = ctx;
	int64_t gone;

	if (!take_network(d, args, &which.network, a))
		return;
	which.all_networks = !json_object_get(args, "network");
	gone = peers_flush(peers_of(d), &which, forget, d);
	a->result = json_pack("{s:I}", "forgotten", (json_int_t)gone);
}

/* As the file has them: what import takes back, whatever version reads it. */
static json_t *bytes(const uint8_t *data, size_t len)
{
	char text[2 * PEERS_VALUE_SIZE + 1];

	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", data[i]);
	return json_string(text);
}

static json_t *exported(struct daemon *d, json_t *row, const uint8_t *key, const uint8_t *value,
			size_t value_len)
{
	(void)d;
	json_object_set_new(row, "key", bytes(key, PEERS_KEY_SIZE));
	json_object_set_new(row, "value", bytes(value, value_len));
	return row;
}

static enum ctl_next next_export(void *ctx, struct ctl_cursor *cursor, json_t **row)
{
	const struct peers_pin *pin;
	struct daemon *d = ctx;
	uint8_t key[PEERS_KEY_SIZE], value[PEERS_VALUE_SIZE];
	uint32_t at = (uint32_t)cursor->at[1];
	struct peers_record r;
	enum ctl_next next;

	pin = peers_pin_at(peers_of(d), (uint32_t)cursor->at[0]);
	if (pin)
		peers_encode_pin(pin, key, value);
	next = next_peer(ctx, cursor, row);
	if (next != CTL_ROW)
		return next;
	if (pin) {
		*row = exported(d, *row, key, value, PEERS_PIN_SIZE);
		return next;
	}
	peers_next(peers_of(d), &at, &r);
	peers_encode(&r, key, value);
	*row = exported(d, *row, key, value, PEERS_VALUE_SIZE);
	return next;
}

static void peers_export(void *ctx, const json_t *args, struct ctl_answer *a)
{
	(void)ctx;
	(void)args;
	a->next = next_export;
}

static size_t unhex(const json_t *from, uint8_t *to, size_t room)
{
	const char *text = json_string_value(from);
	size_t len = 0;
	unsigned int byte;

	for (; text && text[0] && text[1] && len < room; text += 2) {
		if (sscanf(text, "%2x", &byte) != 1)
			return 0;
		to[len++] = (uint8_t)byte;
	}
	return text && !*text ? len : 0;
}

static void peer_import(void *ctx, const json_t *args, struct ctl_answer *a)
{
	uint8_t key[PEERS_KEY_SIZE], value[PEERS_VALUE_SIZE];
	const size_t key_len = unhex(json_object_get(args, "key"), key, sizeof(key));
	const size_t value_len = unhex(json_object_get(args, "value"), value, sizeof(value));
	struct daemon *d = ctx;
	struct peers_item item;
	const char *wrong = peers_decode(key, key_len, value, value_len, &item);
	int err;

	if (wrong) {
		ctl_refuse(a, "\"key\" and \"value\", as peers export writes them: %s", wrong);
		return;
	}
	err = item.kind == PEERS_KIND_PIN
		      ? peers_pin(peers_of(d), &item.pin)
		      : peers_import(peers_of(d), &item.record, daemon_now(d).s, NULL);
	if (err)
		refuse_error(a, err);
	else if (item.kind == PEERS_KIND_PIN)
		pin_changed(d, &item.pin, false);
	else
		plane_touch_peer(d->plane, &item.record.key);
}

/* ---- connections, events -------------------------------------------------------------------- */

static enum ctl_next next_conn(void *ctx, struct ctl_cursor *cursor, json_t **row)
{
	const struct daemon *d = ctx;
	uint32_t at = (uint32_t)cursor->at[0];
	struct conns_info info;

	do {
		if (!conns_list(plane_conns(d->plane), &at, &info))
			return CTL_END;
		cursor->at[0] = at;
	} while (!cursor->at[1] && info.state == CONNS_ENDED);
	*row = words_conn(d, &info);
	return CTL_ROW;
}

static void conns(void *ctx, const json_t *args, struct ctl_answer *a)
{
	(void)ctx;
	a->next = next_conn;
	a->cursor.at[1] = json_is_true(json_object_get(args, "all"));
}

/* at[]: the next note wanted; whether to wait for more. */
static enum ctl_next next_note(void *ctx, struct ctl_cursor *cursor, json_t **row)
{
	const struct daemon *d = ctx;
	const struct plane_note *n = plane_note(d->plane, cursor->at[0] + 1);

	if (!n)
		return cursor->at[1] ? CTL_WAIT : CTL_END;
	*row = words_note(d, n);
	if (n->seq > cursor->at[0] + 1 && cursor->at[0])
		json_object_set_new(*row, "lost",
				    json_integer((json_int_t)(n->seq - cursor->at[0] - 1)));
	cursor->at[0] = n->seq;
	return CTL_ROW;
}

static void events(void *ctx, const json_t *args, struct ctl_answer *a)
{
	(void)ctx;
	a->next = next_note;
	a->cursor.at[1] = json_is_true(json_object_get(args, "follow"));
}

/* ---- policy --------------------------------------------------------------------------------- */

static json_t *setting(uint32_t value, const struct policy_setting_info *info)
{
	if (info->words)
		return json_string(info->words[value]);
	return json_integer(value);
}

static void policy_for(void *ctx, const json_t *args, struct ctl_answer *a)
{
	const struct daemon *d = ctx;
	struct policy_rules rules;
	struct peer_args p;

	if (!take_one(d, args, &p, a))
		return;
	policy_find(plane_policy(d->plane), &p.key, &rules);
	a->result = json_object();
	for (unsigned int i = 0; i < POLICY_SETTINGS; i++) {
		char from[160];

		policy_origin(plane_policy(d->plane), rules.from[i], from, sizeof(from));
		json_object_set_new(a->result, policy_settings[i].name,
				    json_pack("{s:o,s:s}", "value",
					      setting(rules.value[i], &policy_settings[i]), "from",
					      from));
	}
}

static enum ctl_next next_prefix(void *ctx, struct ctl_cursor *cursor, json_t **row)
{
	const struct daemon *d = ctx;
	const struct policy_prefix *p;
	char ip[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 8];

	if (cursor->at[0] == policy_prefixes(plane_policy(d->plane)))
		return CTL_END;
	p = policy_prefix_at(plane_policy(d->plane), (size_t)cursor->at[0]++);
	*row = json_object();
	words_addr(&p->addr, ip, sizeof(ip));
	snprintf(text, sizeof(text), "%s/%u", ip, p->bits);
	json_object_set_new(*row, "prefix", json_string(text));
	json_object_set_new(*row, "line", json_integer(p->line));
	if (p->port)
		json_object_set_new(*row, "port", json_integer(p->port));
	for (unsigned int i = 0; i < POLICY_SETTINGS; i++)
		if (p->values.set >> i & 1)
			json_object_set_new(*row, policy_settings[i].name,
					    setting(p->values.value[i], &policy_settings[i]));
	return CTL_ROW;
}

static void policy_list(void *ctx, const json_t *args, struct ctl_answer *a)
{
	(void)ctx;
	(void)args;
	a->next = next_prefix;
}

static void policy_reload(void *ctx, const json_t *args, struct ctl_answer *a)
{
	char error[DAEMON_ERROR];

	(void)args;
	if (daemon_reload(ctx, error, sizeof(error)))
		ctl_refuse(a, "%.*s", CTL_ERROR - 1, error);
}

/* ---- probe ---------------------------------------------------------------------------------- */

/* at[]: the probe's tag; the note looked at last. */
static enum ctl_next next_report(void *ctx, struct ctl_cursor *cursor, json_t **row)
{
	const struct daemon *d = ctx;
	const struct plane_note *n;

	if (!cursor->at[0])
		return CTL_END;
	while ((n = plane_note(d->plane, cursor->at[1] + 1))) {
		cursor->at[1] = n->seq;
		if (n->kind != NOTE_PROBE || n->report.tag != cursor->at[0])
			continue;
		*row = words_report(&n->report);
		cursor->at[0] = 0;
		return CTL_ROW;
	}
	return CTL_WAIT;
}

static void probe(void *ctx, const json_t *args, struct ctl_answer *a)
{
	struct daemon *d = ctx;
	const struct plane_note *n;
	enum probe_start start;
	struct peer_args p;
	uint64_t tag;

	if (!take_one(d, args, &p, a))
		return;
	/* Notes so far cannot be its report. */
	for (a->cursor.at[1] = 0; (n = plane_note(d->plane, a->cursor.at[1] + 1));)
		a->cursor.at[1] = n->seq;
	if (plane_ask(d->plane, &p.key, daemon_now(d), &tag, &start)) {
		ctl_refuse(a, "the host has no connection there, and has had none: the way is not "
			      "known, and a peer that it has not spoken to is not asked");
		return;
	}
	if (start != PROBE_TAKEN) {
		ctl_refuse(a, "not asked: %s", probe_start_name(start));
		return;
	}
	a->next = next_report;
	a->cursor.at[0] = tag;
}

/* ---- the rest ------------------------------------------------------------------------------- */

static void stats(void *ctx, const json_t *args, struct ctl_answer *a)
{
	(void)args;
	a->result = counters_json(ctx);
}

static json_t *words_tables(const struct daemon *d)
{
	struct mpnic_admin_tables t;
	json_t *o = json_object();

	if (rte_pmd_mpnic_tables(d->nic.port[0], &t))
		return o;
	for (unsigned int i = 0; i < RTE_DIM(t.used); i++)
		json_object_set_new(o, mpnic_table_name(i),
				    json_pack("{s:I,s:I,s:I}", "used", (json_int_t)t.used[i],
					      "size", (json_int_t)t.size[i], "refused",
					      (json_int_t)t.full[i]));
	return o;
}

static void device(void *ctx, const json_t *args, struct ctl_answer *a)
{
	const struct daemon *d = ctx;
	json_t *ports = json_object();

	(void)args;
	a->result = json_object();
	json_object_set_new(a->result, "device", json_string(d->config.device));
	json_object_set_new(a->result, "state", json_string(d->lost ? "failed" : "up"));
	json_object_set_new(a->result, "resets", json_integer((json_int_t)d->nic_resets));
	for (unsigned int i = 0; i < d->nic.ports; i++) {
		char mac[RTE_ETHER_ADDR_FMT_SIZE];
		struct rte_eth_link link;

		rte_ether_format_addr(mac, sizeof(mac), &d->nic.mac[i]);
		rte_eth_link_get_nowait(d->nic.port[i], &link);
		json_object_set_new(ports, d->mover.tap[i].name,
				    json_pack("{s:s,s:b,s:i}", "mac", mac, "link",
					      (int)link.link_status, "mtu", (int)d->nic.mtu));
	}
	json_object_set_new(a->result, "ports", ports);
	if (!d->lost)
		json_object_set_new(a->result, "tables", words_tables(d));
}

static void drain(void *ctx, const json_t *args, struct ctl_answer *a)
{
	const json_t *on = json_object_get(args, "on");
	struct daemon *d = ctx;

	if (!json_is_boolean(on))
		ctl_refuse(a, "on: true or false");
	else
		plane_drain(d->plane, json_is_true(on), daemon_now(d));
}

const struct ctl_command daemon_commands[] = {
	{"peers", peers_list},
	{"peer-show", peer_show},
	{"peer-set", peer_set},
	{"peer-pin", peer_pin},
	{"peer-unpin", peer_unpin},
	{"peer-remove", peer_remove},
	{"peers-flush", peers_forget},
	{"peers-export", peers_export},
	{"peer-import", peer_import},
	{"conns", conns},
	{"events", events},
	{"policy", policy_list},
	{"policy-for", policy_for},
	{"policy-reload", policy_reload},
	{"probe", probe},
	{"stats", stats},
	{"device", device},
	{"drain", drain},
	{0},
};
