/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection tracker: random packets, and handshakes on a bad path. */
#include <criterion/criterion.h>
#include <string.h>

#include "conns_lab.h"
#include "conns_soup.h"
#include "mpcrypto.h"

#define KEY_A 0x1fdb5df328bc3defull
#define KEY_B 0x29a6c86981ad933cull

static uint64_t rnd(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

Test(conns_property, anything_in_any_order)
{
	uint64_t state = 4711;
	uint8_t data[6000];

	for (unsigned int run = 0; run < 60; run++) {
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = (uint8_t)(rnd(&state) >> 40);
		conns_soup(data, sizeof(data));
	}
}

/* ---- a handshake on a path that loses, doubles and reorders ---------------------------------- */

enum piece {
	OFFER,
	ANSWER,
	THIRD,
	FIRST_DATA, /* with MP_CAPABLE */
	PIECES,
};

static void send_piece(struct lab *l, enum piece piece, unsigned int version,
		       const uint64_t idsn[2])
{
	const uint8_t flags = MPNIC_CAPABLE_H | MPNIC_CAPABLE_A;
	struct opts o = {.len = 0};

	switch (piece) {
	case OFFER:
		opt_capable(&o, version, flags, version ? 0 : 1, KEY_A, 0);
		lab_segment(l, 0, SYN, 100, 0, 0, &o);
		return;
	case ANSWER:
		opt_capable(&o, version, flags, 1, KEY_B, 0);
		lab_segment(l, 1, SYN | ACK, 500, 101, 0, &o);
		return;
	case THIRD:
		opt_capable(&o, version, flags, 2, KEY_A, KEY_B);
		lab_segment(l, 0, ACK, 101, 501, 0, &o);
		return;
	default:
		if (version)
			opt_capable_data(&o, flags, KEY_A, KEY_B, 10,
					 lab_checksum(idsn[0] + 1, 1, 10));
		else
			opt_dss(&o, MPNIC_DSS_A | MPNIC_DSS_M, idsn[1] + 1, idsn[0] + 1, 1, 10,
				lab_checksum(idsn[0] + 1, 1, 10));
		lab_segment(l, 0, ACK, 101, 501, 10, &o);
		return;
	}
}

/* Each piece comes once at least, in its turn; the third may be lost, if data follows; whatever has
 * come before may come again. */
static void bad_path(struct lab *l, unsigned int version, const uint64_t idsn[2], uint64_t *state)
{
	for (unsigned int p = OFFER; p < PIECES; p++) {
		if (p == THIRD && version && !(rnd(state) & 3 << 20))
			continue;
		send_piece(l, p, version, idsn);
		for (unsigned int n = rnd(state) >> 60; n; n--)
			send_piece(l, (rnd(state) >> 33) % (p + 1), version, idsn);
	}
}

static void check_path(unsigned int version, unsigned int host, uint64_t *state)
{
	uint64_t idsn[2], key[2];
	struct conns_counts counts;
	struct conns_info info;
	struct opts o = {.len = 0};
	uint32_t token[2], at = 0;
	struct lab l;

	cr_assert_eq(lab_new(&l, NULL), 0);
	l.host = host;
	mpcrypto_key(version, KEY_A, &token[0], &idsn[0]);
	mpcrypto_key(version, KEY_B, &token[1], &idsn[1]);
	bad_path(&l, version, idsn, state);
	opt_dss(&o, MPNIC_DSS_A | MPNIC_DSS_M, idsn[0] + 11, idsn[1] + 1, 1, 10,
		lab_checksum(idsn[1] + 1, 1, 10));
	lab_segment(&l, 1, ACK, 501, 111, 10, &o);
	o.len = 0;
	opt_dss(&o, MPNIC_DSS_A, idsn[1] + 11, 0, 0, 0, -1);
	lab_segment(&l, 0, ACK, 111, 511, 0, &o);
	cr_assert(conns_list(l.conns, &at, &info));
	cr_assert_eq(info.number, 1);
	cr_assert_eq(info.state, CONNS_OPEN, "state %d, rule %u", info.state, info.rule);
	cr_assert(info.confirmed && info.csum && info.in_nic);
	cr_assert_eq(info.version, version);
	cr_assert_eq(conns_keys(l.conns, 1, key), 0);
	cr_assert(key[0] == KEY_A && key[1] == KEY_B);
	cr_assert_not(conns_list(l.conns, &at, &info), "one connection");
	/* The same is said of the peer, once. */
	cr_assert_eq(l.sights, host ? 1 : 2);
	cr_assert_eq(lab_count_log(&l, CONNS_OPENED, 0), 1);
	conns_counts(l.conns, &counts);
	cr_assert_eq(counts.fell_back, 0);
	cr_assert_eq(l.failed, 0);
	conns_check(l.conns);
	lab_free(&l);
}

Test(conns_property, handshake_on_a_bad_path)
{
	uint64_t state = 99;

	for (unsigned int i = 0; i < 400; i++)
		check_path(i & 1, i >> 1 & 1, &state);
}
