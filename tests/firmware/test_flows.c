/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows, learnt ones above all: insertion, confirmation, ageing, ids and generations, tokens. */
#include <criterion/criterion.h>
#include <string.h>

#include "commands.h"
#include "stateful.h"

static struct gates g;

#define OP(name)     MPNIC_ADMIN_OP_##name
#define STATUS(name) MPNIC_STATUS_##name

enum {
	TOKEN = 0x12345678,
	CONN = 9,
	SECOND = 1000000000,
};

static void setup(void)
{
	struct mpnic_state_config config;

	commands_config(&config);
	gates_init(&g, &config, 3);
	gates_start(&g);
}

static void teardown(void)
{
	cr_expect_eq(g.misused, 0, "%u accesses against the contract", g.misused);
	gates_free(&g);
}

TestSuite(flows, .init = setup, .fini = teardown);

/* ---- helpers -------------------------------------------------------------------------------- */

static int admin(uint16_t op, const void *data, size_t len)
{
	return gates_admin(&g, op, 0, 0, data, len);
}

static int flow_op(uint16_t op, const struct mpnic_key *key)
{
	const struct mpnic_admin_flow flow = flow_with(key);

	return admin(op, &flow, sizeof(flow));
}

static uint32_t add(const struct mpnic_key *key)
{
	uint32_t id = MPNIC_ID_NONE;

	cr_assert_eq(flow_op(OP(FLOW_ADD), key), STATUS(OK));
	memcpy(&id, g.cpl.data, sizeof(id));
	return id;
}

static struct mpnic_admin_flow_state get(const struct mpnic_key *key)
{
	struct mpnic_admin_flow_state state;

	cr_assert_eq(flow_op(OP(FLOW_GET), key), STATUS(OK));
	memcpy(&state, g.cpl.data, sizeof(state));
	return state;
}

static struct mpnic_admin_tables tables(void)
{
	struct mpnic_admin_tables t;

	cr_assert_eq(gates_admin(&g, OP(TABLES), 0, 0, NULL, 0), STATUS(OK));
	memcpy(&t, g.cpl.data, sizeof(t));
	return t;
}

static void add_token(uint8_t flags, uint8_t cap)
{
	const struct mpnic_conn conn = {.version = 1};
	const struct mpnic_token_entry entry = {
		.token = TOKEN, .conn_id = CONN, .flags = flags, .cap = cap};

	cr_assert_eq(gates_admin(&g, OP(CONN_SET), CONN, 0, &conn, sizeof(conn)), STATUS(OK));
	cr_assert_eq(admin(OP(TOKEN_ADD), &entry, sizeof(entry)), STATUS(OK));
}

static uint8_t provisional(void)
{
	const struct mpnic_token_entry entry = {.token = TOKEN};
	struct mpnic_token_entry got;

	cr_assert_eq(admin(OP(TOKEN_GET), &entry, sizeof(entry)), STATUS(OK));
	memcpy(&got, g.cpl.data, sizeof(got));
	cr_assert_eq(got.token, TOKEN);
	cr_assert_eq(got.conn_id, CONN);
	return got.provisional;
}

/* A SYN with the token, from a port. Returns what became of it. */
static uint8_t join(uint16_t port, struct mpnic_key *key)
{
	struct pkt pkt = pkt_join(4, TOKEN);
	struct mpnic_result result;
	bool flip;

	pkt_ends(&pkt, 0x0a000001, port, 0x0a000002, 80);
	mpnic_state_packet(g.state, &pkt.hdr, &pkt.csum, g.now, &result, NULL);
	if (key)
		cr_assert(mpnic_flow_key(g.state, &pkt.hdr, false, key, &flip));
	return result.token;
}

static void pass(const struct mpnic_key *key)
{
	struct pkt pkt = pkt_tcp(4, ACK, NULL, 0);
	struct mpnic_result result;

	memcpy(pkt.hdr.src, key->lo_addr, 16);
	memcpy(pkt.hdr.dst, key->hi_addr, 16);
	pkt.hdr.sport = key->lo_port;
	pkt.hdr.dport = key->hi_port;
	mpnic_state_packet(g.state, &pkt.hdr, &pkt.csum, g.now, &result, NULL);
}

/* ---- flows ---------------------------------------------------------------------------------- */

Test(flows, a_flow_lives)
{
	const struct mpnic_key key = key_exact(1, 10, 2, 20), other = key_exact(1, 11, 2, 20);
	struct mpnic_admin_flow flow = flow_with(&key);
	const struct mpnic_action action = {.mark = 99, .actions = MPNIC_ACTION_MARK, .prio = 4};
	struct mpnic_dir dir = {.isn = 77, .flags = MPNIC_DIR_ISN | MPNIC_DIR_THIRD};
	struct mpnic_admin_flow_state state;
	const uint32_t id = add(&key);

	cr_assert_eq(flow_op(OP(FLOW_ADD), &key), STATUS(EXISTS));
	cr_assert_eq(flow_op(OP(FLOW_GET), &other), STATUS(MISSING));
	state = get(&key);
	cr_assert_eq(state.flow_id, id);
	cr_assert_eq(state.generation, 1);
	cr_assert_eq(state.learnt, 0);
	cr_assert_eq(state.packets, 0);
	cr_assert_eq(state.conn_id, MPNIC_ID_NONE);
	g.now += 50 << 20;
	pass(&key);
	pass(&key);
	state = get(&key);
	cr_assert_eq(state.packets, 2);
	cr_assert_gt(state.bytes, 80);
	cr_assert_leq((g.now >> 20) - state.last_seen, 1);

	memcpy(flow.action, &action, sizeof(action));
	cr_assert_eq(gates_admin(&g, OP(FLOW_SET), id, 0, &flow, sizeof(flow)), STATUS(OK));
	cr_assert_eq(mpnic_flow_at(g.state, id)->mark, 99);
	cr_assert_eq(mpnic_flow_at(g.state, id)->prio, 4);
	cr_assert_eq(mpnic_flow_at(g.state, id)->packets, 2);
	cr_assert_eq(mpnic_flow_at(g.state, id)->generation, 1);
	cr_assert_eq(gates_admin(&g, OP(FLOW_DSS_SET), id, 1, &dir, sizeof(dir)), STATUS(OK));
	state = get(&key);
	cr_assert_eq(memcmp(state.dir + 40, &dir, sizeof(dir)), 0);
	memset(&dir, 0, sizeof(dir));
	cr_assert_eq(memcmp(state.dir, &dir, sizeof(dir)), 0);

	cr_assert_eq(flow_op(OP(FLOW_CONFIRM), &key), STATUS(EXISTS));
	cr_assert_eq(flow_op(OP(FLOW_REMOVE), &key), STATUS(OK));
	cr_assert_eq(flow_op(OP(FLOW_REMOVE), &key), STATUS(MISSING));
	cr_assert_eq(flow_op(OP(FLOW_CONFIRM), &key), STATUS(MISSING));
	cr_assert_eq(gates_admin(&g, OP(FLOW_SET), id, 0, &flow, sizeof(flow)), STATUS(MISSING));
	cr_assert_eq(gates_admin(&g, OP(FLOW_DSS_SET), id, 0, &dir, sizeof(dir)), STATUS(MISSING));
	cr_assert_eq(mpnic_flow_find(g.state, &key), MPNIC_ID_NONE);
}

/* Who is excepted is taken over by FLOW_ADD and FLOW_SET; under the settable mask there are no
 * ends. */
Test(flows, an_entry_excepts_frames)
{
	const struct mpnic_key key = key_exact(1, 10, 2, 20), masked = key_masked(1);
	const uint8_t ends[] = {MPNIC_EXCEPT_LOWER, MPNIC_EXCEPT_UPPER};
	struct mpnic_admin_flow flow = flow_with(&key);
	struct mpnic_action action = {.except = 2 * MPNIC_EXCEPT_OUTRANKED - 1, .prio = 4};

	memcpy(flow.action, &action, sizeof(action));
	cr_assert_eq(admin(OP(FLOW_ADD), &flow, sizeof(flow)), STATUS(OK));
	cr_assert_eq(mpnic_flow_at(g.state, get(&key).flow_id)->except, action.except);
	pass(&key);
	cr_assert_eq(get(&key).packets, 0);
	action.except = MPNIC_EXCEPT_UPPER;
	memcpy(flow.action, &action, sizeof(action));
	cr_assert_eq(gates_admin(&g, OP(FLOW_SET), get(&key).flow_id, 0, &flow, sizeof(flow)),
		     STATUS(OK));
	pass(&key);
	cr_assert_eq(get(&key).packets, 1);

	flow = flow_with(&masked);
	for (unsigned int i = 0; i < 2; i++) {
		action.except = ends[i];
		memcpy(flow.action, &action, sizeof(action));
		cr_assert_eq(admin(OP(FLOW_ADD), &flow, sizeof(flow)), STATUS(INVALID));
	}
	action.except = MPNIC_EXCEPT_OTHERS | MPNIC_EXCEPT_TAGGED;
	memcpy(flow.action, &action, sizeof(action));
	cr_assert_eq(admin(OP(FLOW_ADD), &flow, sizeof(flow)), STATUS(OK));
}

/* Its counters are its own; a change of its action zeroes them, as gates do. */
Test(flows, masked_entries_live)
{
	const struct mpnic_key key = key_masked(0x0a000001),
			       exact = key_exact(0x0a000001, 5, 0x0b000000, 6);
	struct mpnic_admin_flow flow = flow_with(&key);
	const uint32_t id = add(&key);
	uint32_t seen;

	g.now += 900 << 20;
	pass(&exact);
	cr_assert_eq(get(&key).packets, 1);
	seen = get(&key).last_seen;
	cr_assert_eq(seen, (uint32_t)(mpnic_masked_count(g.state, id)->last_seen));
	cr_assert_eq(gates_admin(&g, OP(FLOW_SET), id, 0, &flow, sizeof(flow)), STATUS(OK));
	cr_assert_eq(get(&key).packets, 0);
	cr_assert_eq(get(&key).last_seen, seen);
	cr_assert_eq(flow_op(OP(FLOW_REMOVE), &key), STATUS(OK));
	cr_assert_eq(flow_op(OP(FLOW_GET), &key), STATUS(MISSING));
}

/* Ids rest before they come again, with another generation. */
Test(flows, ids_in_turns)
{
	static uint8_t generation[256];
	uint32_t last_use[256];
	unsigned int again = 0;

	memset(last_use, 0xff, sizeof(last_use));
	for (uint32_t n = 0; n < 3000; n++) {
		const struct mpnic_key key = key_exact(1, (uint16_t)n, 2, 20);
		const uint32_t id = add(&key);

		cr_assert_lt(id, 256);
		generation[id]++;
		cr_assert_eq(get(&key).generation, generation[id]);
		if (last_use[id] != 0xffffffff) {
			cr_assert_geq(n - last_use[id], 100, "id %u", id);
			again++;
		}
		last_use[id] = n;
		cr_assert_eq(flow_op(OP(FLOW_REMOVE), &key), STATUS(OK));
	}
	cr_assert_gt(again, 2000);
}

/* All but those that gates have; then it waits for those at rest rather than saying that none is
 * left. */
Test(flows, all_ids)
{
	struct mpnic_key key = key_exact(1, 0, 2, 20);
	uint32_t count = 0, given = tables().given_ids;
	int status;

	cr_assert_eq(given, 4);
	for (;; count++) {
		key = count % 2 ? key_masked(count) : key_exact(1, (uint16_t)count, 2, 20);
		status = flow_op(OP(FLOW_ADD), &key);
		if (status)
			break;
	}
	cr_assert_eq(status, STATUS(FULL));
	cr_assert_eq(count, 256 - given);
	cr_assert_eq(tables().free_ids, 0);
	key = key_exact(1, 10, 2, 20);
	cr_assert_eq(flow_op(OP(FLOW_REMOVE), &key), STATUS(OK));
	key = key_exact(1, 1, 2, 20);
	cr_assert_eq(flow_op(OP(FLOW_ADD), &key), STATUS(OK));
}

/* More are removed than can rest at a time: the last ones wait. */
Test(flows, many_removals)
{
	struct mpnic_state_config config;
	const uint64_t before = g.now;

	gates_free(&g);
	commands_config(&config);
	config.flows = 1024;
	gates_init(&g, &config, 3);
	gates_start(&g);
	for (uint16_t n = 0; n < 900; n++) {
		const struct mpnic_key key = key_exact(1, n, 2, 20);

		add(&key);
	}
	g.step = 1;
	for (uint16_t n = 0; n < 900; n++) {
		const struct mpnic_key key = key_exact(1, n, 2, 20);

		g.step = n < 250 ? 1 : 1000;
		cr_assert_eq(flow_op(OP(FLOW_REMOVE), &key), STATUS(OK));
	}
	cr_assert_gt(g.now - before, 3 * FW_DRAIN_TICKS << 20);
	gates_pass(&g, 10000000);
	cr_assert_eq(tables().free_ids + tables().given_ids, 1024);
}

/* ---- learnt flows --------------------------------------------------------------------------- */

Test(flows, a_learnt_flow_is_confirmed)
{
	struct mpnic_admin_flow_state state;
	struct mpnic_key key;
	uint32_t id;

	add_token(0, 4);
	cr_assert_eq(join(1000, &key), MPNIC_TOKEN_LEARNT);
	cr_assert_eq(provisional(), 1);
	cr_assert_eq(flow_op(OP(FLOW_ADD), &key), STATUS(EXISTS));
	state = get(&key);
	id = state.flow_id;
	cr_assert_eq(state.learnt, 1);
	cr_assert_eq(state.conn_id, CONN);
	cr_assert_eq(state.packets, 1);
	cr_assert_eq(tables().used[MPNIC_TABLE_STASH], 1);
	pass(&key);
	cr_assert_eq(flow_op(OP(FLOW_CONFIRM), &key), STATUS(OK));
	cr_assert_eq(flow_op(OP(FLOW_CONFIRM), &key), STATUS(EXISTS));
	state = get(&key);
	cr_assert_eq(state.flow_id, id);
	cr_assert_eq(state.learnt, 0);
	cr_assert_eq(state.packets, 2);
	cr_assert_eq(mpnic_flow_at(g.state, id)->flags & MPNIC_FLOW_STATE_PROVISIONAL, 0);
	cr_assert_eq(mpnic_flow_at(g.state, id)->flags & MPNIC_FLOW_STATE_SIDE_B,
		     MPNIC_FLOW_STATE_SIDE_B);
	cr_assert_eq(provisional(), 0);
	cr_assert_eq(tables().used[MPNIC_TABLE_STASH], 0);
	cr_assert_eq(tables().used[MPNIC_TABLE_FLOW], 1);
	/* It does not age any more. */
	gates_pass(&g, 40ull * SECOND);
	cr_assert_eq(get(&key).flow_id, id);
	cr_assert_eq(g.event_count, 0);
}

Test(flows, one_that_is_not_confirmed_goes)
{
	struct mpnic_event body = {0};
	struct mpnic_key key;
	uint32_t id;

	add_token(MPNIC_TOKEN_ENTRY_SIDE_B, 4);
	cr_assert_eq(join(1000, &key), MPNIC_TOKEN_LEARNT);
	id = mpnic_flow_find(g.state, &key);
	gates_pass(&g, 29ull * SECOND);
	cr_assert_eq(mpnic_flow_find(g.state, &key), id);
	g.event_busy = true;
	gates_pass(&g, 2ull * SECOND);
	/* No room to tell: it stays until there is. */
	cr_assert_eq(mpnic_flow_find(g.state, &key), id);
	g.event_busy = false;
	gates_pass(&g, SECOND);
	cr_assert_eq(mpnic_flow_find(g.state, &key), MPNIC_ID_NONE);
	cr_assert_eq(g.event_count, 1);
	cr_assert_eq(g.events[0].kind, MPNIC_EVENT_KIND_LEARNT_AGED);
	memcpy(&body, g.events[0].body, sizeof(g.events[0].body));
	cr_assert_eq(body.flow_id, id);
	cr_assert_eq(body.conn_id, CONN);
	cr_assert_eq(provisional(), 0);
	cr_assert_eq(flow_op(OP(FLOW_CONFIRM), &key), STATUS(MISSING));
}

Test(flows, a_learnt_flow_is_removed)
{
	struct mpnic_admin_flow flow;
	struct mpnic_key key;
	uint32_t id;

	add_token(0, 4);
	cr_assert_eq(join(1000, &key), MPNIC_TOKEN_LEARNT);
	id = mpnic_flow_find(g.state, &key);
	/* By its id, before firmware has seen it. */
	flow = flow_with(&key);
	cr_assert_eq(gates_admin(&g, OP(FLOW_SET), id, 0, &flow, sizeof(flow)), STATUS(OK));
	cr_assert_eq(gates_admin(&g, OP(FLOW_SET), id + 1, 0, &flow, sizeof(flow)),
		     STATUS(MISSING));
	cr_assert_eq(flow_op(OP(FLOW_REMOVE), &key), STATUS(OK));
	cr_assert_eq(provisional(), 0);
	cr_assert_eq(mpnic_flow_find(g.state, &key), MPNIC_ID_NONE);
	cr_assert_eq(join(1000, &key), MPNIC_TOKEN_LEARNT);
}

/* Gates never run out for longer than it takes to see it. */
Test(flows, ids_are_given_anew)
{
	unsigned int learnt = 0;
	struct mpnic_key key;

	add_token(0, 255);
	for (uint16_t n = 0; n < 2000; n++) {
		if (join(n, &key) != MPNIC_TOKEN_LEARNT)
			continue;
		learnt++;
		cr_assert_eq(flow_op(n % 2 ? OP(FLOW_CONFIRM) : OP(FLOW_REMOVE), &key), STATUS(OK));
		if (n % 2)
			cr_assert_eq(flow_op(OP(FLOW_REMOVE), &key), STATUS(OK));
		cr_assert_eq(provisional(), 0);
		/* Or all ids would be at rest. */
		gates_pass(&g, 100000);
	}
	cr_assert_eq(learnt, 2000);
	gates_pass(&g, 10000000);
	cr_assert_eq(tables().given_ids, 4);
	cr_assert_eq(tables().free_ids, 252);
}

/* A flood fills the stash, up to the cap, and ends by itself. */
Test(flows, a_flood_of_joins)
{
	unsigned int results[8] = {0};

	add_token(0, 10);
	for (uint16_t n = 0; n < 1000; n++) {
		results[join(n, NULL)]++;
		gates_pass(&g, 1000000);
	}
	cr_assert_eq(results[MPNIC_TOKEN_LEARNT], 10);
	/* Four ids at a time, and new ones when the stash was looked at. */
	cr_assert_eq(results[MPNIC_TOKEN_CAPPED] + results[MPNIC_TOKEN_FULL], 990);
	cr_assert_leq(results[MPNIC_TOKEN_FULL], 60);
	cr_assert_eq(provisional(), 10);
	gates_pass(&g, 35ull * SECOND);
	cr_assert_eq(provisional(), 0);
	cr_assert_eq(g.event_count, 10);
	cr_assert_eq(tables().free_ids, 252);
}

/* Gates count up between firmware's read and write of a token: the count comes right again. */
static bool race_armed;

static void race(struct gates *gates)
{
	if (!race_armed || gates->table_cmd.op != MPNIC_TABLE_OP_TOKEN)
		return;
	race_armed = false;
	cr_assert_eq(join(5000, NULL), MPNIC_TOKEN_LEARNT);
}

Test(flows, a_count_that_raced_is_repaired)
{
	struct mpnic_key key, other;

	add_token(0, 8);
	cr_assert_eq(join(1000, &key), MPNIC_TOKEN_LEARNT);
	cr_assert_eq(join(1001, &other), MPNIC_TOKEN_LEARNT);
	g.before = race;
	race_armed = true;
	cr_assert_eq(flow_op(OP(FLOW_CONFIRM), &key), STATUS(OK));
	cr_assert(!race_armed);
	cr_assert_eq(provisional(), 1);
	gates_pass(&g, 200000000);
	cr_assert_eq(provisional(), 2);
}

/* ---- ageing --------------------------------------------------------------------------------- */

Test(flows, those_not_found_for_long)
{
	static bool aged[256];
	const struct mpnic_admin_aged *out = (struct mpnic_admin_aged *)g.cpl.data;
	uint32_t ids[120], next = 0, count = 0;

	for (uint32_t n = 0; n < 120; n++) {
		const struct mpnic_key key =
			n % 3 ? key_exact(1, (uint16_t)n, 2, 20) : key_masked(0x01000000 + n);

		ids[n] = add(&key);
	}
	g.now += 1000ull << 20;
	for (uint32_t n = 0; n < 120; n += 2) {
		const struct mpnic_key key = n % 3 ? key_exact(1, (uint16_t)n, 2, 20)
						   : key_exact(0x01000000 + n, 1, 0x02000000, 2);

		pass(&key);
	}
	while (next != MPNIC_ID_NONE) {
		const uint32_t first = next;

		cr_assert_eq(gates_admin(&g, OP(AGE), next, 900, NULL, 0), STATUS(OK));
		cr_assert_leq(out->count, 26);
		for (uint32_t i = 0; i < out->count; i++) {
			cr_assert_geq(out->id[i], first);
			cr_assert(!aged[out->id[i]]);
			aged[out->id[i]] = true;
			count++;
		}
		next = out->next;
		cr_assert(next == MPNIC_ID_NONE || next > first);
	}
	cr_assert_eq(count, 60);
	for (uint32_t n = 0; n < 120; n++)
		cr_assert_eq(aged[ids[n]], n % 2);
	/* Time zero: all that stand for something; not those that gates have, nor those at rest. */
	cr_assert_eq(gates_admin(&g, OP(AGE), 0, 0, NULL, 0), STATUS(OK));
	cr_assert_eq(out->count, 26);
}

/* ---- tokens --------------------------------------------------------------------------------- */

Test(flows, tokens)
{
	struct mpnic_token_entry entry = {.conn_id = 3, .cap = 5, .provisional = 2};
	unsigned int count = 0;

	/* Of one connection all: their entries are far from where their search begins. */
	for (entry.token = 0; entry.token < 64; entry.token++) {
		const int status = admin(OP(TOKEN_ADD), &entry, sizeof(entry));

		cr_assert(status == STATUS(OK) || status == STATUS(FULL));
		count += status == STATUS(OK);
		if (status == STATUS(OK))
			cr_assert_eq(admin(OP(TOKEN_ADD), &entry, sizeof(entry)), STATUS(EXISTS));
	}
	cr_assert_geq(count, 56);
	cr_assert_eq(tables().used[MPNIC_TABLE_TOKEN], count);
	entry.token = 1;
	cr_assert_eq(admin(OP(TOKEN_REMOVE), &entry, sizeof(entry)), STATUS(OK));
	cr_assert_eq(admin(OP(TOKEN_REMOVE), &entry, sizeof(entry)), STATUS(MISSING));
	cr_assert_eq(admin(OP(TOKEN_GET), &entry, sizeof(entry)), STATUS(MISSING));
	entry.token = 2;
	cr_assert_eq(admin(OP(TOKEN_GET), &entry, sizeof(entry)), STATUS(OK));
	cr_assert_eq(memcmp(g.cpl.data, &entry, sizeof(entry)), 0);
}

/* A learnt flow outlives its token; one of the same connection and side that comes later is its. */
Test(flows, a_token_goes_before_its_flow)
{
	const struct mpnic_token_entry entry = {
		.token = TOKEN, .conn_id = CONN, .provisional = 1, .cap = 9};
	struct mpnic_key key, other;

	add_token(0, 4);
	cr_assert_eq(join(1000, &key), MPNIC_TOKEN_LEARNT);
	cr_assert_eq(join(1001, &other), MPNIC_TOKEN_LEARNT);
	cr_assert_eq(admin(OP(TOKEN_REMOVE), &entry, sizeof(entry)), STATUS(OK));
	cr_assert_eq(flow_op(OP(FLOW_CONFIRM), &key), STATUS(OK));
	cr_assert_eq(admin(OP(TOKEN_ADD), &entry, sizeof(entry)), STATUS(OK));
	cr_assert_eq(flow_op(OP(FLOW_CONFIRM), &other), STATUS(OK));
	cr_assert_eq(provisional(), 0);
}

/* ---- peers ---------------------------------------------------------------------------------- */

Test(flows, peers)
{
	struct mpnic_peer_entry peer = peer_at(0x0a000001, 80), got;

	cr_assert_eq(admin(OP(PEER_GET), &peer, sizeof(peer)), STATUS(MISSING));
	peer.speaks = MPNIC_SPEAKS_V0;
	peer.first_syn = MPNIC_FIRST_SYN_PUNT;
	cr_assert_eq(admin(OP(PEER_SET), &peer, sizeof(peer)), STATUS(OK));
	peer.speaks = MPNIC_SPEAKS_V1;
	cr_assert_eq(admin(OP(PEER_SET), &peer, sizeof(peer)), STATUS(OK));
	cr_assert_eq(tables().used[MPNIC_TABLE_PEER], 1);
	got = peer;
	got.speaks = got.first_syn = 0;
	cr_assert_eq(admin(OP(PEER_GET), &got, sizeof(got)), STATUS(OK));
	cr_assert_eq(memcmp(g.cpl.data, &peer, sizeof(peer)), 0);
	got.port = 0;
	cr_assert_eq(admin(OP(PEER_GET), &got, sizeof(got)), STATUS(MISSING));
	cr_assert_eq(admin(OP(PEER_REMOVE), &peer, sizeof(peer)), STATUS(OK));
	cr_assert_eq(admin(OP(PEER_REMOVE), &peer, sizeof(peer)), STATUS(MISSING));
}
