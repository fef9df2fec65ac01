/* SPDX-License-Identifier: BSD-3-Clause */
/* The host's part in a replay, with tracker and model, on records made by hand. */
#include "segments.h"

#define SECOND 1000000000ull

static void begin_with(struct bench *b, const struct mpnic_state_config *config)
{
	begin(b, &wide);
	cr_assert_eq(control_new(config, &b->control), 0);
}

static void begin_small(struct bench *b)
{
	struct mpnic_state_config config;

	control_defaults(&config);
	config.flows = config.stash = config.tokens = config.peers = 8;
	config.conns = 128;
	begin_with(b, &config);
}

static void begin_default(struct bench *b)
{
	struct mpnic_state_config config;

	control_defaults(&config);
	begin_with(b, &config);
}

static void end(struct bench *b)
{
	control_free(b->control);
	track_free(b->track);
}

static struct mpnic_table_stats table(struct bench *b, enum mpnic_table_code id)
{
	struct mpnic_table_stats stats;

	mpnic_table_stats(control_state(b->control), id, &stats);
	return stats;
}

static struct control_counts counts(struct bench *b)
{
	struct control_counts n;

	control_counts(b->control, &n);
	return n;
}

static void plain(struct bench *b, unsigned int from, uint8_t flags)
{
	segment(b, from, flags, from ? 501 : 101, from ? 101 : 501);
	send(b);
}

Test(control, a_connection_is_known_from_its_first_segment)
{
	const struct mpnic_conn *conn;
	const struct track_conn *c;
	struct bench b;

	begin_default(&b);
	segment(&b, 0, SYN, 100, 0);
	capable(&b, 1, 0, 0);
	send(&b);
	cr_assert_eq(b.result.flow, MPNIC_FLOW_EXACT);
	cr_assert(b.result.signs & MPNIC_SIGN_HANDSHAKE);
	handshake_v1(&b);
	conn = mpnic_conn_at(control_state(b.control), b.result.conn_id);
	cr_assert_eq(conn->idsn[0], V1_IDSN_A);
	cr_assert_eq(conn->token[1], V1_TOKEN_B);
	cr_assert_eq(conn->dsn_next[0], V1_IDSN_A + 1);
	cr_assert_eq(conn->version, MPNIC_GIVEN_V1);
	cr_assert_not(conn->flags & MPNIC_CONN_CSUM);
	cr_assert_eq(table(&b, MPNIC_TABLE_TOKEN).used, 2);

	segment(&b, 0, ACK, 101, 501);
	payload(&b, 10, 0);
	mapping(&b, V1_IDSN_A + 1, true, 1, 10, 0);
	send(&b);
	cr_assert_eq(b.result.dsn_state, MPNIC_DSN_MAPPED);
	cr_assert_eq(b.result.dsn, V1_IDSN_A + 1);
	c = conclude(&b, 1);
	cr_assert(c->data[0].numbered);
	cr_assert_eq(c->data[0].dsn_end, V1_IDSN_A + 11);
	cr_assert_eq(c->flow[0]->data[0].segments[MPNIC_DSN_MAPPED], 1);
	cr_assert_eq(c->data[0].queue, conn->rx_queue);
	cr_assert_eq(c->data[1].queue, conn->rx_queue, "both directions, one queue");
	cr_assert_eq(c->data[0].queue_moves, 0);
	end(&b);
}

/* DSNs of 4 octets, one of 8, and 4 again over a wrap of the lower half; the last checksum is
 * wrong. */
Test(control, dss_checksums)
{
	static const uint64_t dsn[] = {
		V1_IDSN_A + 1,
		V1_IDSN_A + 1500000000,
		V1_IDSN_A + 3000000000,
		(V1_IDSN_A | 0xffffffff) - 5,
		(V1_IDSN_A | 0xffffffff) + 5,
		(V1_IDSN_A | 0xffffffff) + 15,
	};
	const struct track_conn *c;
	struct bench b;

	begin_default(&b);
	segment(&b, 0, SYN, 100, 0);
	capable(&b, 1, 0, 0)->flags |= MPNIC_CAPABLE_A;
	send(&b);
	handshake_v1(&b);
	for (uint32_t i = 0; i < 6; i++) {
		uint32_t ssn = 1 + 10 * i;
		bool octets8 = i == 1;

		segment(&b, 0, ACK, 100 + ssn, 501);
		payload(&b, 10, 0xbeef);
		mapping(&b, octets8 ? dsn[i] : (uint32_t)dsn[i], octets8, ssn, 10,
			dss_checksum(dsn[i], ssn, 10, 0xbeef) ^ (i == 5));
		send(&b);
	}
	c = conclude(&b, 1);
	cr_assert_eq(c->data[0].csum[MPNIC_MAP_CSUM_GOOD], 5);
	cr_assert_eq(c->data[0].csum[MPNIC_MAP_CSUM_BAD], 1);
	cr_assert_eq(track_not_judged(&c->data[0]), 0);
	cr_assert_eq(c->event_count[TRACK_CSUM_BAD][0], 1);
	cr_assert_eq(c->sign[9][0].frame, b.frame);
	cr_assert_eq(c->event[0].value, dsn[5], "64 bits");
	end(&b);
}

Test(control, checksum_that_was_not_negotiated)
{
	const struct track_conn *c;
	struct bench b;

	begin_default(&b);
	handshake_v1(&b);
	segment(&b, 0, ACK, 101, 501);
	payload(&b, 10, 0xbeef);
	mapping(&b, V1_IDSN_A + 1, true, 1, 10, 0);
	send(&b);
	segment(&b, 0, ACK, 121, 501); /* and a hole, that nothing maps */
	payload(&b, 30, 0xbeef);
	send(&b);
	c = conclude(&b, 1);
	cr_assert_eq(c->event_count[TRACK_CSUM_EXTRA][0], 1);
	cr_assert_eq(track_not_judged(&c->data[0]), 1);
	cr_assert_eq(track_unmapped(c->data[0].segments), 1);
	cr_assert_eq(track_unmapped(c->data[0].bytes), 30);
	cr_assert_eq(c->dss[0].unmapped_first, b.frame);
	end(&b);
}

Test(control, joins_are_learnt_moved_and_confirmed)
{
	const struct track_conn *c;
	uint32_t token;
	uint64_t idsn;
	struct bench b;

	begin_default(&b);
	handshake_v1(&b);
	mpcrypto_key(1, V1_KEY_A, &token, &idsn);
	join_by_b(&b, token, 0);
	cr_assert_eq(b.result.flow, MPNIC_FLOW_EXACT, "out of the stash");
	cr_assert_eq(table(&b, MPNIC_TABLE_STASH).used, 0);
	cr_assert_eq(table(&b, MPNIC_TABLE_FLOW).used, 2);
	cr_assert_eq(counts(&b).learnt, 1);
	cr_assert_eq(counts(&b).confirmed, 1);
	cr_assert_eq(mpnic_token_find(control_state(b.control), token)->provisional, 0);
	cr_assert_eq(b.result.side, 1, "B opened it");
	join_by_b(&b, token, 1);
	cr_assert_eq(counts(&b).confirmed, 1, "a wrong HMAC confirms nothing");
	cr_assert_eq(mpnic_token_find(control_state(b.control), token)->provisional, 1);
	c = conclude(&b, 1);
	for (unsigned int i = 0; i < 3; i++)
		cr_assert_eq(c->flow[i]->data[0].queue, c->flow[0]->data[0].queue);
	join_by_b(&b, token + 1, 0);
	cr_assert_eq(table(&b, MPNIC_TABLE_FLOW).used, 3, "unknown token: nothing learnt");
	end(&b);
}

Test(control, unconfirmed_joins_are_capped_until_they_end)
{
	uint32_t token;
	uint64_t idsn;
	struct bench b;

	begin_default(&b);
	handshake_v1(&b);
	mpcrypto_key(1, V1_KEY_A, &token, &idsn);
	for (unsigned int i = 0; i < CONTROL_CAP + 3; i++)
		join_by_b(&b, token, 1);
	cr_assert_eq(counts(&b).learnt, CONTROL_CAP);
	for (unsigned int i = 0; i < CONTROL_CAP + 3; i++, b.port--)
		plain(&b, 1, RST);
	b.time_ns += CONTROL_LINGER_NS;
	b.port += CONTROL_CAP + 3;
	join_by_b(&b, token, 0);
	cr_assert_eq(counts(&b).learnt, CONTROL_CAP + 1);
	cr_assert_eq(counts(&b).confirmed, 1);
	cr_assert_eq(counts(&b).removed, CONTROL_CAP);
	end(&b);
}

/* Ids of flows and places of tokens come back: more connections than the tables have places. */
Test(control, what_has_ended_is_removed)
{
	struct bench b;

	begin_small(&b);
	for (unsigned int i = 0; i < 40; i++) {
		b.port++;
		handshake_v1(&b);
		cr_assert_eq(b.result.flow, MPNIC_FLOW_EXACT, "connection %u", i);
		plain(&b, 0, ACK | 1);
		plain(&b, 1, ACK | 1);
		cr_assert_eq(b.result.flow, MPNIC_FLOW_EXACT, "it stays for a while");
		b.time_ns += CONTROL_LINGER_NS;
	}
	plain(&b, 0, ACK);
	cr_assert_eq(table(&b, MPNIC_TABLE_FLOW).used, 0);
	cr_assert_eq(table(&b, MPNIC_TABLE_TOKEN).used, 0);
	cr_assert_eq(counts(&b).inserted, 40);
	cr_assert_eq(counts(&b).removed, 40);
	cr_assert_eq(counts(&b).left_out, 0);
	end(&b);
}

Test(control, full_tables_are_counted)
{
	struct bench b;

	begin_small(&b);
	for (unsigned int i = 0; i < 60; i++) {
		b.port++;
		handshake_v1(&b);
	}
	cr_assert_leq(table(&b, MPNIC_TABLE_FLOW).used, 8);
	cr_assert_eq(counts(&b).inserted, table(&b, MPNIC_TABLE_FLOW).used);
	cr_assert_gt(counts(&b).left_out, 50);
	cr_assert_eq(b.result.flow, MPNIC_FLOW_MISS);
	end(&b);
}

Test(control, ports_that_are_used_again)
{
	struct bench b;
	uint32_t conn_id;

	begin_default(&b);
	handshake_v1(&b);
	conn_id = b.result.conn_id;
	segment(&b, 0, SYN, 70000, 0);
	capable(&b, 1, 0, 0);
	send(&b);
	cr_assert_eq(b.result.flow, MPNIC_FLOW_EXACT);
	cr_assert_neq(b.result.conn_id, conn_id);
	cr_assert_eq(table(&b, MPNIC_TABLE_FLOW).used, 1);
	cr_assert_eq(table(&b, MPNIC_TABLE_TOKEN).used, 0, "the first one's went with it");
	segment(&b, 0, SYN, 90000, 0); /* and now without MPTCP */
	send(&b);
	cr_assert_eq(b.result.flow, MPNIC_FLOW_MISS);
	cr_assert_eq(table(&b, MPNIC_TABLE_FLOW).used, 0);
	end(&b);
}

Test(control, a_silent_peer_is_tcp)
{
	struct bench b;

	begin_default(&b);
	segment(&b, 0, SYN, 100, 0);
	capable(&b, 1, 0, 0);
	send(&b);
	plain(&b, 1, SYNACK);
	cr_assert(b.result.signs & MPNIC_SIGN_CAPABLE_ABSENT, "the sign comes first");
	plain(&b, 0, ACK);
	payload(&b, 10, 0);
	send(&b);
	cr_assert_eq(b.result.dsn_state, MPNIC_DSN_NOT_MPTCP);
	cr_assert_eq(counts(&b).fallen_back, 1);
	end(&b);
}

Test(control, mp_fail_and_an_infinite_mapping_are_the_end_of_mptcp)
{
	struct mpnic_opt *o;
	uint32_t token;
	uint64_t idsn;
	struct bench b;

	begin_default(&b);
	handshake_v1(&b);
	segment(&b, 1, ACK, 501, 101);
	o = option(&b, MPNIC_SUBTYPE_MP_FAIL, 1);
	o->fail.fail_dsn = V1_IDSN_A + 1;
	send(&b);
	cr_assert_eq(counts(&b).fallen_back, 0, "not by MP_FAIL alone");
	segment(&b, 0, ACK, 101, 501);
	payload(&b, 10, 0);
	mapping(&b, V1_IDSN_A + 1, true, 1, 0, 0);
	send(&b);
	cr_assert(b.result.signs & MPNIC_SIGN_INFINITE);
	cr_assert_eq(counts(&b).fallen_back, 1);
	mpcrypto_key(1, V1_KEY_A, &token, &idsn);
	segment(&b, 1, SYN, 900, 0);
	b.hdr.sport++;
	o = option(&b, MPNIC_SUBTYPE_MP_JOIN, 1);
	o->fields = MPNIC_FIELD_TOKEN;
	o->join_syn.token = token;
	send(&b);
	cr_assert_eq(b.result.token, MPNIC_TOKEN_FALLBACK);
	end(&b);
}

/* The third packet is not in the capture: A's key is not known, its numbers of 8 octets are. */
Test(control, a_handshake_with_a_hole)
{
	struct bench b;

	begin_default(&b);
	segment(&b, 0, SYN, 100, 0);
	capable(&b, 1, 0, 0);
	send(&b);
	segment(&b, 1, SYNACK, 500, 101);
	capable(&b, 1, V1_KEY_B, 0);
	send(&b);
	segment(&b, 0, ACK, 101, 501);
	payload(&b, 10, 0);
	mapping(&b, 0x8877665544332211, true, 1, 10, 0);
	send(&b);
	cr_assert_eq(b.result.dsn_state, MPNIC_DSN_MAPPED);
	cr_assert_eq(b.result.dsn, 0x8877665544332211);
	end(&b);
}

Test(control, segments_with_bad_checksums_change_nothing)
{
	struct bench b;

	begin_default(&b);
	segment(&b, 0, SYN, 100, 0);
	capable(&b, 1, 0, 0);
	b.csum.l4 = MPNIC_CSUM_BAD;
	send(&b);
	cr_assert_eq(table(&b, MPNIC_TABLE_FLOW).used, 0);
	handshake_v1(&b);
	segment(&b, 0, RST, 101, 0);
	b.csum.l4 = MPNIC_CSUM_BAD;
	send(&b);
	b.time_ns += 2 * CONTROL_LINGER_NS;
	plain(&b, 0, ACK);
	cr_assert_eq(b.result.flow, MPNIC_FLOW_EXACT, "a bad RST ends nothing");
	end(&b);
}

/* An entry that is not the control's gets connections, one after the other, and stays. */
Test(control, an_entry_of_a_table_file)
{
	struct mpnic_flow flow = {.conn_id = MPNIC_ID_NONE, .mark = 7, .prio = 1};
	struct mpnic_state *state;
	struct mpnic_key key;
	struct bench b;
	uint32_t id;
	bool flip;

	begin_default(&b);
	state = control_state(b.control);
	segment(&b, 0, SYN, 100, 0);
	mpnic_flow_key(state, &b.hdr, false, &key, &flip);
	id = control_take_id(b.control);
	cr_assert_eq(mpnic_flow_insert(state, &key, id, &flow), 0);
	for (unsigned int i = 0; i < 3; i++) {
		segment(&b, 0, SYN, 70000 * (i + 1), 0);
		capable(&b, 1, 0, 0);
		send(&b);
		cr_assert_eq(b.result.flow_id, id);
		cr_assert_eq(b.result.conn_id, 2 * i);
		handshake_v1(&b); /* of another SYN */
		cr_assert_eq(b.result.conn_id, 2 * i + 1);
		plain(&b, 0, RST);
	}
	b.time_ns += 2 * CONTROL_LINGER_NS;
	plain(&b, 1, ACK);
	cr_assert_eq(b.result.flow_id, id, "it stays");
	cr_assert_eq(b.result.conn_id, 5, "with its last connection");
	segment(&b, 0, SYN, 5, 0); /* and now without MPTCP */
	send(&b);
	cr_assert_eq(b.result.flow_id, id);
	cr_assert_eq(b.result.conn_id, MPNIC_ID_NONE);
	cr_assert_eq(mpnic_flow_at(state, id)->mark, 7);
	cr_assert_eq(counts(&b).left_out, 0);
	end(&b);
}

/* Nobody is told of a time that goes back. */
Test(control, time_that_goes_back)
{
	struct bench b;

	begin_default(&b);
	b.time_ns = 1000 * SECOND;
	handshake_v1(&b);
	plain(&b, 0, RST);
	b.time_ns = 0;
	plain(&b, 1, ACK);
	cr_assert_eq(b.result.flow, MPNIC_FLOW_EXACT);
	b.time_ns = 1000 * SECOND + CONTROL_LINGER_NS + SECOND;
	plain(&b, 1, ACK);
	cr_assert_eq(b.result.flow, MPNIC_FLOW_MISS);
	end(&b);
}
