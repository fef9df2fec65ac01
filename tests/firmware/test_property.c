/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random commands beside a naive reference, an array of what should be there, and beside the
 * model's own insertion under the same hash key: firmware says that a table is full when that does,
 * and every entry stands at the same place.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "build.h"
#include "commands.h"

#define OP(name)     MPNIC_ADMIN_OP_##name
#define STATUS(name) MPNIC_STATUS_##name

enum {
	NAMES = 400, /* keys of each table */
	KINDS = 4,
	STEPS = 5000,
};

enum kind {
	EXACT,
	MASKED,
	TOKEN,
	PEER
};

static struct gates g;
static struct mpnic_state *model;
static uint64_t seed;

static struct {
	bool there;
	uint32_t id, value;
} naive[KINDS][NAMES];

static uint32_t below(uint32_t n)
{
	return (uint32_t)((rnd(&seed) >> 32) * n >> 32);
}

static struct mpnic_key key_of(enum kind kind, uint32_t name)
{
	return kind == EXACT
		       ? key_exact(0x0a000000, (uint16_t)(name + 1), 0x0a000000 + name % 7 + 1, 80)
		       : key_masked(0x0b000000 + name);
}

static struct mpnic_token_entry token_of(uint32_t name)
{
	return (struct mpnic_token_entry){.token = 0x10000 * name + 7, .conn_id = name % 64};
}

static struct mpnic_peer_entry peer_of(uint32_t name)
{
	return peer_at(0x0a000000 + name / 2, name % 2 ? 443 : 0);
}

/* ---- commands and what they should say ------------------------------------------------------ */

static int expect(enum kind kind, uint32_t name, int missing)
{
	return naive[kind][name].there ? STATUS(OK) : missing;
}

static void add_flow_(enum kind kind, uint32_t name)
{
	const struct mpnic_key key = key_of(kind, name);
	const struct mpnic_admin_flow flow = flow_with(&key);
	const struct mpnic_flow plain = {.conn_id = MPNIC_ID_NONE};
	const int got = gates_admin(&g, OP(FLOW_ADD), 0, 0, &flow, sizeof(flow));
	uint32_t id;
	int err;

	if (naive[kind][name].there) {
		cr_assert_eq(got, STATUS(EXISTS));
		return;
	}
	/* Ids may be out before places are: then nothing was tried. */
	if (got == STATUS(FULL) && g.fw.flow_ids.used == g.fw.flow_ids.count)
		return;
	memcpy(&id, g.cpl.data, sizeof(id));
	err = mpnic_flow_insert(model, &key, got ? 0 : id, &plain);
	cr_assert_eq(got, err ? STATUS(FULL) : STATUS(OK), "%d, model %d", got, err);
	naive[kind][name].there = !got;
	naive[kind][name].id = id;
}

static void use_flow(enum kind kind, uint32_t name)
{
	const struct mpnic_key key = key_of(kind, name);
	const struct mpnic_admin_flow flow = flow_with(&key);

	if (below(2)) {
		cr_assert_eq(gates_admin(&g, OP(FLOW_GET), 0, 0, &flow, sizeof(flow)),
			     expect(kind, name, STATUS(MISSING)));
		if (naive[kind][name].there)
			cr_assert_eq(((struct mpnic_admin_flow_state *)g.cpl.data)->flow_id,
				     naive[kind][name].id);
		return;
	}
	cr_assert_eq(gates_admin(&g, OP(FLOW_REMOVE), 0, 0, &flow, sizeof(flow)),
		     expect(kind, name, STATUS(MISSING)));
	cr_assert_eq(mpnic_flow_remove(model, &key), naive[kind][name].there ? 0 : -ENOENT);
	naive[kind][name].there = false;
}

static void add_token_(uint32_t name)
{
	struct mpnic_token_entry entry = token_of(name);
	int got, err;

	entry.cap = (uint8_t)below(256);
	got = gates_admin(&g, OP(TOKEN_ADD), 0, 0, &entry, sizeof(entry));
	if (naive[TOKEN][name].there) {
		cr_assert_eq(got, STATUS(EXISTS));
		return;
	}
	err = mpnic_token_insert(model, &entry);
	cr_assert_eq(got, err ? STATUS(FULL) : STATUS(OK));
	naive[TOKEN][name].there = !got;
	naive[TOKEN][name].value = entry.cap;
}

static void use_token(uint32_t name)
{
	const struct mpnic_token_entry entry = token_of(name);
	struct mpnic_token_entry out;

	if (below(2)) {
		cr_assert_eq(gates_admin(&g, OP(TOKEN_GET), 0, 0, &entry, sizeof(entry)),
			     expect(TOKEN, name, STATUS(MISSING)));
		memcpy(&out, g.cpl.data, sizeof(out));
		if (naive[TOKEN][name].there)
			cr_assert(out.cap == naive[TOKEN][name].value && out.token == entry.token &&
				  out.conn_id == entry.conn_id);
		return;
	}
	cr_assert_eq(gates_admin(&g, OP(TOKEN_REMOVE), 0, 0, &entry, sizeof(entry)),
		     expect(TOKEN, name, STATUS(MISSING)));
	cr_assert_eq(mpnic_token_remove(model, entry.token),
		     naive[TOKEN][name].there ? 0 : -ENOENT);
	naive[TOKEN][name].there = false;
}

static void set_peer(uint32_t name)
{
	struct mpnic_peer_entry peer = peer_of(name);
	int got, err;

	peer.speaks = (uint8_t)below(4);
	peer.first_syn = (uint8_t)below(3);
	got = gates_admin(&g, OP(PEER_SET), 0, 0, &peer, sizeof(peer));
	if (naive[PEER][name].there) {
		cr_assert_eq(got, STATUS(OK));
	} else {
		err = mpnic_peer_insert(model, &peer);
		cr_assert_eq(got, err ? STATUS(FULL) : STATUS(OK));
	}
	naive[PEER][name].there = !got;
	naive[PEER][name].value = peer.speaks | (uint32_t)peer.first_syn << 8;
}

static void use_peer(uint32_t name)
{
	const struct mpnic_peer_entry peer = peer_of(name);
	struct mpnic_peer_entry out;

	if (below(2)) {
		cr_assert_eq(gates_admin(&g, OP(PEER_GET), 0, 0, &peer, sizeof(peer)),
			     expect(PEER, name, STATUS(MISSING)));
		memcpy(&out, g.cpl.data, sizeof(out));
		if (naive[PEER][name].there)
			cr_assert_eq(out.speaks | (uint32_t)out.first_syn << 8,
				     naive[PEER][name].value);
		return;
	}
	cr_assert_eq(gates_admin(&g, OP(PEER_REMOVE), 0, 0, &peer, sizeof(peer)),
		     expect(PEER, name, STATUS(MISSING)));
	cr_assert_eq(mpnic_peer_remove(model, &peer), naive[PEER][name].there ? 0 : -ENOENT);
	naive[PEER][name].there = false;
}

static void step(uint32_t fill)
{
	const enum kind kind = below(KINDS);
	const uint32_t name = below(NAMES);
	const bool add = below(100) < fill;

	if (kind == TOKEN)
		(add ? add_token_ : use_token)(name);
	else if (kind == PEER)
		(add ? set_peer : use_peer)(name);
	else
		(add ? add_flow_ : use_flow)(kind, name);
}

/* ---- places --------------------------------------------------------------------------------- */

/* Tokens' values are indices, which each gives in its way; peers' in the model may be old. */
static void compare_places(void)
{
	static const uint8_t tables[] = {MPNIC_TABLE_FLOW, MPNIC_TABLE_MASKED, MPNIC_TABLE_TOKEN,
					 MPNIC_TABLE_PEER};
	uint32_t used[5] = {0};

	for (size_t t = 0; t < sizeof(tables); t++) {
		const uint32_t sizes[] = {g.config.flows, g.config.flows, g.config.tokens,
					  g.config.peers};

		for (uint32_t place = 0; place < sizes[t]; place++) {
			const struct mpnic_table_cmd cmd = {
				.op = MPNIC_TABLE_OP_READ, .which = tables[t], .id = place};
			struct mpnic_table_place ours, theirs;
			struct mpnic_table_rsp rsp;

			cr_assert_eq(mpnic_state_command(g.state, &cmd, &rsp), 0);
			memcpy(&ours, &rsp, sizeof(ours));
			cr_assert_eq(mpnic_state_command(model, &cmd, &rsp), 0);
			memcpy(&theirs, &rsp, sizeof(theirs));
			if (t > 1)
				ours.value = theirs.value = 0;
			cr_assert_eq(memcmp(&ours, &theirs, sizeof(ours)), 0, "%s, place %u",
				     mpnic_table_name(tables[t]), place);
			used[tables[t]] += ours.valid;
		}
	}
	cr_assert_eq(gates_admin(&g, OP(TABLES), 0, 0, NULL, 0), STATUS(OK));
	for (size_t t = 0; t < 5; t++)
		cr_assert_eq(((struct mpnic_admin_tables *)g.cpl.data)->used[t], used[t]);
	for (size_t t = 0; t < sizeof(tables); t++) {
		struct mpnic_table_stats stats;

		mpnic_table_stats(model, tables[t], &stats);
		cr_assert_eq(((struct mpnic_admin_tables *)g.cpl.data)->moved[tables[t]],
			     stats.moved);
	}
}

static void begin(struct mpnic_state_config *config, uint64_t with)
{
	memset(naive, 0, sizeof(naive));
	seed = with;
	gates_init(&g, config, with);
	g.table_polls = (unsigned int)(with % 3);
	gates_start(&g);
	/* The key is the gates'. */
	cr_assert_eq(mpnic_state_new(config, &model), 0);
	mpnic_state_free(model);
	memcpy(config->hash_key, g.hash_key, sizeof(config->hash_key));
	cr_assert_eq(mpnic_state_new(config, &model), 0);
}

static void end(void)
{
	cr_assert_eq(g.misused, 0);
	gates_free(&g);
	mpnic_state_free(model);
}

Test(property, random_commands)
{
	static const uint32_t fills[] = {50, 80, 95, 60, 30};
	struct mpnic_state_config config;

	for (uint64_t round = 1; round <= 4; round++) {
		commands_config(&config);
		begin(&config, round);
		for (unsigned int i = 0; i < STEPS; i++) {
			step(fills[(i / 500 + round) % 5]);
			if (i % 1250 == 0)
				compare_places();
		}
		compare_places();
		end();
	}
}

/* To 95 % without one that finds no room, as docs/state.md says, and on until one does. */
Test(property, full_tables)
{
	struct mpnic_state_config config;
	uint32_t n, full[3] = {0};

	commands_config(&config);
	config.flows = 4096;
	config.tokens = 2048;
	config.peers = 1024;
	begin(&config, 42);
	for (n = 0; n < 4096 && !full[0]; n++) {
		const struct mpnic_key key =
			key_exact(0x0a000000 + n / 100, (uint16_t)(n * 7 + 1), 0x0b000000, 80);
		const struct mpnic_admin_flow flow = flow_with(&key);
		const struct mpnic_flow plain = {.conn_id = MPNIC_ID_NONE};
		const int got = gates_admin(&g, OP(FLOW_ADD), 0, 0, &flow, sizeof(flow));
		uint32_t id;

		memcpy(&id, g.cpl.data, sizeof(id));
		if (got)
			full[0] = n;
		else
			cr_assert_eq(mpnic_flow_insert(model, &key, id, &plain), 0);
	}
	for (n = 0; n < 2048 && !full[1]; n++) {
		const struct mpnic_token_entry entry = {.token = n * 0x9e3779b9, .conn_id = n % 64};

		if (gates_admin(&g, OP(TOKEN_ADD), 0, 0, &entry, sizeof(entry)))
			full[1] = n;
		cr_assert_eq(mpnic_token_insert(model, &entry), full[1] ? -ENOSPC : 0);
	}
	for (n = 0; n < 1024 && !full[2]; n++) {
		const struct mpnic_peer_entry peer = peer_at(0x0a000000 + n, 443);

		if (gates_admin(&g, OP(PEER_SET), 0, 0, &peer, sizeof(peer)))
			full[2] = n;
		cr_assert_eq(mpnic_peer_insert(model, &peer), full[2] ? -ENOSPC : 0);
	}
	cr_assert_geq(full[0], 4096 * 95 / 100);
	cr_assert_geq(full[1], 2048 * 95 / 100);
	cr_assert_geq(full[2], 1024 * 95 / 100);
	compare_places();
	end();
}
