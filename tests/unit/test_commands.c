/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table commands as gates do them (mpnic_state_command()), where the pipeline's lock-step, which
 * compares them with the RTL, does not come: what memories do not have, and settings.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "stateful.h"

static struct mpnic_state *state;
static struct mpnic_table_rsp rsp;

enum {
	FLOWS = 64,
	STASH = 8,
	CONNS = 16,
	TOKENS = 32,
	PEERS = 8
};

static void setup(void)
{
	struct mpnic_state_config config;

	mpnic_state_defaults(&config);
	config.flows = FLOWS;
	config.stash = STASH;
	config.conns = CONNS;
	config.tokens = TOKENS;
	config.peers = PEERS;
	cr_assert_eq(mpnic_state_new(&config, &state), 0);
}

static void teardown(void)
{
	mpnic_state_free(state);
}

TestSuite(commands, .init = setup, .fini = teardown);

static int command(uint8_t op, uint8_t which, uint32_t id, const void *data, size_t len)
{
	struct mpnic_table_cmd cmd = {.op = op, .which = which, .id = id};

	if (len)
		memcpy(cmd.data, data, len);
	memset(&rsp, 0xee, sizeof(rsp));
	return mpnic_state_command(state, &cmd, &rsp);
}

static bool answer_is(const void *data, size_t len)
{
	for (size_t i = len; i < sizeof(rsp.data); i++)
		cr_assert_eq(rsp.data[i], 0);
	return !memcmp(rsp.data, data, len);
}

static struct mpnic_table_found find(const struct mpnic_key *key)
{
	struct mpnic_table_found found;

	cr_assert_eq(command(MPNIC_TABLE_OP_FIND, 0, 0, key, sizeof(*key)), 0);
	memcpy(&found, rsp.data, sizeof(found));
	cr_assert(answer_is(&found, sizeof(found)));
	return found;
}

Test(commands, unknown_ones_do_nothing)
{
	for (unsigned int op = MPNIC_TABLE_OP_FIND + 1; op < 256; op++) {
		cr_assert_eq(command((uint8_t)op, 0, 0, "x", 1), -EINVAL);
		cr_assert(answer_is("", 0));
	}
	for (unsigned int which = MPNIC_TABLE_PEER + 1; which < 256; which++) {
		cr_assert_eq(command(MPNIC_TABLE_OP_WRITE, (uint8_t)which, 0, "x", 1), 0);
		cr_assert_eq(command(MPNIC_TABLE_OP_READ, (uint8_t)which, 0, NULL, 0), 0);
		cr_assert(answer_is("", 0));
	}
}

/* Places and ids wrap; what a memory does not have is not kept. */
Test(commands, memories_have_their_bits)
{
	struct mpnic_table_place place = {.value = 0xffffffff, .valid = 0xff}, want = {.valid = 1};
	struct mpnic_token_entry token,
		want_token = {
			.conn_id = MPNIC_ID_NONE, .flags = 3, .provisional = 0xff, .cap = 0xff};
	uint8_t ones[112], flow[48], dir[40];

	memset(ones, 0xff, sizeof(ones));
	memset(place.key, 0xa5, sizeof(place.key));
	cr_assert_eq(command(MPNIC_TABLE_OP_WRITE, MPNIC_TABLE_TOKEN, 5 + 7 * TOKENS, &place, 48),
		     0);
	cr_assert_eq(command(MPNIC_TABLE_OP_READ, MPNIC_TABLE_TOKEN, 5, NULL, 0), 0);
	memset(want.key, 0xa5, 4);
	want.value = TOKENS - 1;
	cr_assert(answer_is(&want, sizeof(want)));
	cr_assert_eq(command(MPNIC_TABLE_OP_WRITE, MPNIC_TABLE_PEER, 5 + PEERS, &place, 48), 0);
	cr_assert_eq(command(MPNIC_TABLE_OP_READ, MPNIC_TABLE_PEER, 5, NULL, 0), 0);
	memset(want.key, 0xa5, 20);
	want.value = 0x303;
	cr_assert(answer_is(&want, sizeof(want)));
	cr_assert_eq(command(MPNIC_TABLE_OP_WRITE, MPNIC_TABLE_FLOW, 3, &place, 48), 0);
	cr_assert_eq(command(MPNIC_TABLE_OP_READ, MPNIC_TABLE_FLOW, 3 + FLOWS, NULL, 0), 0);
	memset(want.key, 0xa5, 40);
	want.value = FLOWS - 1;
	cr_assert(answer_is(&want, sizeof(want)));
	/* Into the stash gates alone put. */
	cr_assert_eq(command(MPNIC_TABLE_OP_WRITE, MPNIC_TABLE_STASH, 3, &place, 48), 0);
	cr_assert_eq(command(MPNIC_TABLE_OP_READ, MPNIC_TABLE_STASH, 3, NULL, 0), 0);
	cr_assert(answer_is("", 0));

	cr_assert_eq(command(MPNIC_TABLE_OP_TOKEN, 0, TOKENS + 1, ones, 12), 0);
	cr_assert_eq(command(MPNIC_TABLE_OP_TOKEN_READ, 0, 1, NULL, 0), 0);
	cr_assert(answer_is(&want_token, sizeof(want_token)));
	memcpy(&token, rsp.data, sizeof(token));

	cr_assert_eq(command(MPNIC_TABLE_OP_FLOW, 0, FLOWS + 2, ones, 48), 0);
	cr_assert_eq(command(MPNIC_TABLE_OP_FLOW_READ, 0, 2, NULL, 0), 0);
	memset(flow, 0xff, sizeof(flow));
	flow[33] = 0; /* actions: 7 bits */
	flow[32] = 0x7f;
	flow[36] = 0x0f; /* flags: 4 bits */
	memset(flow + 37, 0, 11);
	flow[38] = 0x7f; /* except: 7 bits */
	cr_assert(answer_is(flow, sizeof(flow)));
	memset(flow, 0, 16); /* the masked entry's counters are zero */
	memset(flow + 20, 0, 4);
	cr_assert_eq(command(MPNIC_TABLE_OP_MASKED_READ, 0, 2, NULL, 0), 0);
	cr_assert(answer_is(flow, sizeof(flow)));

	cr_assert_eq(command(MPNIC_TABLE_OP_DSS_WRITE, MPNIC_DSS_MEM_DIR1, 2, ones, 40), 0);
	cr_assert_eq(command(MPNIC_TABLE_OP_DSS_READ, MPNIC_DSS_MEM_DIR1, 2 + FLOWS, NULL, 0), 0);
	memset(dir, 0xff, sizeof(dir));
	dir[34] = 0x0f; /* map_judge */
	dir[35] = 0;
	dir[37] = 0x3f;
	dir[38] = dir[39] = 0;
	cr_assert(answer_is(dir, sizeof(dir)));
	cr_assert_eq(command(MPNIC_TABLE_OP_DSS_WRITE, MPNIC_DSS_MEM_CONN, 1, ones, 9), 0);
	cr_assert_eq(command(MPNIC_TABLE_OP_DSS_READ, MPNIC_DSS_MEM_CONN, 1, NULL, 0), 0);
	cr_assert(answer_is("", 0));
	cr_assert_eq(mpnic_conn_at(state, 1)->flags, MPNIC_CONN_CSUM | MPNIC_CONN_TCP);
	cr_assert_eq(command(MPNIC_TABLE_OP_COUNT, 0, 116, NULL, 0), 0);
	cr_assert(answer_is("", 0));
}

/* A connection's flag TCP is in two memories, which are written one after the other. */
Test(commands, flag_tcp_of_flow_and_of_dss)
{
	const uint8_t none[4] = {0}, tcp[4] = {0, 0, 0, MPNIC_CONN_TCP}, fixed[9] = {0};
	struct mpnic_token_entry entry = {.cap = 9};
	struct mpnic_table_place place = {.valid = 1};
	struct pkt pkt = pkt_join(4, 0);
	struct mpnic_result result;
	const uint32_t generation = 0;
	struct mpnic_key key;
	bool flip;

	/* A token stands everywhere, so that it stands where it should. */
	for (uint32_t at = 0; at < TOKENS; at++)
		command(MPNIC_TABLE_OP_WRITE, MPNIC_TABLE_TOKEN, at, &place, 48);
	command(MPNIC_TABLE_OP_TOKEN, 0, 0, &entry, sizeof(entry));
	command(MPNIC_TABLE_OP_GIVE, 0, 7, &generation, 1);
	command(MPNIC_TABLE_OP_DSS_WRITE, MPNIC_DSS_MEM_CONN, 0, fixed, sizeof(fixed));
	command(MPNIC_TABLE_OP_CONN, 0, 0, tcp, sizeof(tcp));
	mpnic_state_packet(state, &pkt.hdr, &pkt.csum, 0, &result, NULL);
	cr_assert_eq(result.token, MPNIC_TOKEN_FALLBACK);
	cr_assert_eq(mpnic_conn_at(state, 0)->flags, 0);
	command(MPNIC_TABLE_OP_CONN, 0, 0, none, sizeof(none));
	mpnic_state_packet(state, &pkt.hdr, &pkt.csum, 0, &result, NULL);
	cr_assert_eq(result.token, MPNIC_TOKEN_LEARNT);
	cr_assert_eq(result.flow_id, 7);
	cr_assert(mpnic_flow_key(state, &pkt.hdr, false, &key, &flip));
	cr_assert_eq(find(&key).stash_hit, 1);
	cr_assert_eq(find(&key).flow_hits, 0);
	key.lo_port ^= 1;
	cr_assert_eq(find(&key).stash_hit, 0);
}

/* The key clears all tables and nothing else. */
Test(commands, hash_key)
{
	const struct mpnic_flow flow = {.conn_id = MPNIC_ID_NONE, .mark = 5};
	struct pkt pkt = pkt_tcp(4, ACK, NULL, 0);
	const struct mpnic_key key = add_flow(state, &pkt, 9, &flow);
	uint8_t hash_key[MPNIC_HASH_KEY_LEN] = {1};

	cr_assert_eq(mpnic_flow_find(state, &key), 9);
	cr_assert_eq(command(MPNIC_TABLE_OP_HASH_KEY, 0, 0, hash_key, sizeof(hash_key)), 0);
	cr_assert_eq(mpnic_flow_find(state, &key), MPNIC_ID_NONE);
	cr_assert_eq(mpnic_flow_at(state, 9)->mark, 5);
	cr_assert_eq(mpnic_flow_insert(state, &key, 9, &flow), 0);
	cr_assert_eq(mpnic_flow_find(state, &key), 9);
}

/* What FIND says of a table is what READ says of the eight places. */
static void same_as_read(uint8_t which, const struct mpnic_key *key, uint64_t hash, uint8_t hits,
			 uint8_t taken)
{
	const uint32_t buckets = FLOWS / 8;
	struct mpnic_table_place place;

	for (unsigned int i = 0; i < 8; i++) {
		const uint32_t bucket = i < 4 ? (uint32_t)hash % buckets
					      : buckets + (uint32_t)(hash >> 32) % buckets;

		cr_assert_eq(command(MPNIC_TABLE_OP_READ, which, bucket * 4 + i % 4, NULL, 0), 0);
		memcpy(&place, rsp.data, sizeof(place));
		cr_assert_eq(taken >> i & 1, place.valid);
		cr_assert_eq(hits >> i & 1,
			     place.valid && !memcmp(place.key, key, sizeof(place.key)));
	}
}

Test(commands, find)
{
	const struct mpnic_flow flow = {.conn_id = MPNIC_ID_NONE};
	struct mpnic_key key = {.hi_addr = {1}, .kind = 4};
	struct mpnic_table_place place = {.valid = 1};
	struct mpnic_table_found found;
	unsigned int hits = 0;

	for (uint16_t i = 0; i < FLOWS / 2; i++) {
		key.hi_port = i;
		cr_assert_eq(mpnic_flow_insert(state, &key, i, &flow), 0);
	}
	for (uint16_t i = 0; i < FLOWS; i++) {
		key.hi_port = i;
		found = find(&key);
		same_as_read(MPNIC_TABLE_FLOW, &key, found.hash, found.flow_hits, found.flow_taken);
		same_as_read(MPNIC_TABLE_MASKED, &key, found.hash, found.masked_hits,
			     found.masked_taken);
		hits += !!found.flow_hits;
		cr_assert_eq(found.stash_hit, 0);
		/* In both buckets: as while it is moved. */
		memcpy(place.key, &key, sizeof(key));
		command(MPNIC_TABLE_OP_WRITE, MPNIC_TABLE_MASKED,
			(uint32_t)found.hash % (FLOWS / 8) * 4 + i % 4, &place, sizeof(place));
		command(MPNIC_TABLE_OP_WRITE, MPNIC_TABLE_MASKED,
			FLOWS / 2 + (uint32_t)(found.hash >> 32) % (FLOWS / 8) * 4 + 3, &place,
			sizeof(place));
		found = find(&key);
		same_as_read(MPNIC_TABLE_MASKED, &key, found.hash, found.masked_hits,
			     found.masked_taken);
		cr_assert_eq(found.masked_hits, 1 << i % 4 | 0x80);
	}
	cr_assert_eq(hits, FLOWS / 2);
}

Test(commands, settings)
{
	const struct mpnic_settings good = {.prefix4 = 32,
					    .prefix6 = 128,
					    .join_policy = 6,
					    .miss.actions = MPNIC_ACTION_MARK,
					    .miss.mark = 77};
	struct pkt pkt = pkt_tcp(4, ACK, NULL, 0);
	struct mpnic_settings bad;

	cr_assert_eq(mpnic_state_settings(state, &good), 0);
	cr_assert_eq(feed(state, &pkt, 0).result.mark, 77);
#define BAD(field, value)                                                 \
	do {                                                              \
		bad = good;                                               \
		bad.miss.mark = 1;                                        \
		bad.field = value;                                        \
		cr_assert_eq(mpnic_state_settings(state, &bad), -EINVAL); \
		cr_assert_eq(feed(state, &pkt, 0).result.mark, 77);       \
	} while (0)
	BAD(prefix4, 33);
	BAD(prefix6, 129);
	BAD(exact_vlan, 2);
	BAD(join_policy, 3);
	BAD(join_policy, 8);
	BAD(miss.actions, MPNIC_ACTION_REWRITE);
	BAD(learnt.actions, MPNIC_ACTION_REWRITE);
}
