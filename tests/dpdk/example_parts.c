/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parts of the example mptcp_stream that a live transfer between honest ends does not reach: what a
 * full window refuses, numbers that wrap around, a third packet that is lost, and joins whose HMAC
 * is wrong. The card is played by functions that count what it is told.
 *
 * usage: example_parts CAPTURE, of a connection with a join
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "conn.h"
#include "rte_pmd_mpnic.h"
#include "window.h"

#define must(condition)                                                                        \
	do {                                                                                   \
		if (!(condition)) {                                                            \
			fprintf(stderr, "example_parts: line %d: %s\n", __LINE__, #condition); \
			exit(1);                                                               \
		}                                                                              \
	} while (0)

/* --- the card ------------------------------------------------------------------------------------
 */

static struct told {
	unsigned int conns, tokens, flows, dirs, confirmed, removed, marked;
	struct mpnic_conn conn;
	struct mpnic_action mark;
	uint32_t isn[2];
	int err; /* that flow_confirm gives */
} told;

int rte_pmd_mpnic_conn_set(uint16_t port_id, uint32_t conn_id, const struct mpnic_conn *conn)
{
	must(port_id == 0 && conn_id == CONN_ID);
	told.conns++;
	told.conn = *conn;
	return 0;
}

int rte_pmd_mpnic_token_add(uint16_t port_id, const struct mpnic_token_entry *entry)
{
	const unsigned int side = !!(entry->flags & MPNIC_TOKEN_ENTRY_SIDE_B);

	must(port_id == 0 && told.conns == 1 && entry->token == told.conn.token[side]);
	told.tokens++;
	return 0;
}

int rte_pmd_mpnic_flow_add(uint16_t port_id, const struct mpnic_admin_flow *flow, uint32_t *flow_id)
{
	must(port_id == 0 && flow->conn_id == CONN_ID && told.tokens == 2);
	told.flows++;
	*flow_id = 77;
	return 0;
}

int rte_pmd_mpnic_flow_dss_set(uint16_t port_id, uint32_t flow_id, unsigned int direction,
			       const struct mpnic_dir *dir)
{
	/* The opener's last: until then its data has no number, and is looked at again. */
	must(port_id == 0 && flow_id == 77 && direction == 1 - told.dirs);
	must(dir->flags & MPNIC_DIR_ISN);
	told.isn[direction] = dir->isn;
	told.dirs++;
	return 0;
}

int rte_pmd_mpnic_flow_get(uint16_t port_id, const struct mpnic_key *key,
			   struct mpnic_admin_flow_state *state)
{
	must(port_id == 0 && key->proto == 6);
	state->flow_id = 78;
	return 0;
}

int rte_pmd_mpnic_flow_confirm(uint16_t port_id, const struct mpnic_key *key)
{
	must(port_id == 0 && key->proto == 6);
	told.confirmed++;
	return told.err;
}

int rte_pmd_mpnic_flow_remove(uint16_t port_id, const struct mpnic_key *key)
{
	must(port_id == 0 && key->proto == 6);
	told.removed++;
	return 0;
}

int rte_pmd_mpnic_flow_set(uint16_t port_id, uint32_t flow_id, const struct mpnic_action *action)
{
	must(port_id == 0 && flow_id == 78);
	told.marked++;
	told.mark = *action;
	return 0;
}

/* --- joins ---------------------------------------------------------------------------------------
 */

/* What the wire does to handshakes. NO_THIRD: the first subflow's third packet is lost, and the
 * first segment behind it, so that another one with MP_CAPABLE comes first. */
enum harm {
	NONE,
	NO_THIRD,
	BAD_HMAC,
	BAD_NONCE,
	NO_CONFIRM,
};

static bool is_third(const struct mpnic_hdr *h)
{
	return h->mptcp_count && !h->opt[0].subtype && h->opt[0].fields & MPNIC_FIELD_RECEIVER_KEY;
}

static void spoil(struct mpnic_hdr *h, enum harm harm)
{
	for (unsigned int i = 0; i < h->mptcp_count; i++) {
		struct mpnic_opt *o = &h->opt[i];

		if (o->subtype != MPNIC_SUBTYPE_MP_JOIN)
			continue;
		if (harm == BAD_HMAC && o->fields & MPNIC_FIELD_HMAC)
			o->join_ack.hmac[19] ^= 1;
		if (harm == BAD_NONCE && o->fields & MPNIC_FIELD_TOKEN)
			o->join_syn.nonce ^= 1;
	}
}

/* The addresses of captures' servers end with 2. Returns frames that may not pass. */
static unsigned int replay(const char *path, enum harm harm, struct conn *c)
{
	FILE *file = fopen(path, "rb");
	struct capture *capture;
	struct capture_frame f;
	unsigned int refused = 0, lost = 0;
	uint32_t isn[2] = {0};

	must(file && !capture_open(file, &capture));
	told = (struct told){.err = harm == NO_CONFIRM ? -ENOENT : 0};
	*c = (struct conn){0};
	while (capture_next(capture, &f) == 1) {
		struct mpnic_hdr h;

		mpnic_headers(f.data, f.len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &h);
		if (harm == NO_THIRD && is_third(&h) && lost++ < 2)
			continue;
		if (h.tcp_flags & 2 && h.mptcp_count && !h.opt[0].subtype)
			isn[h.tcp_flags >> 4 & 1] = h.seq;
		spoil(&h, harm);
		must(!conn_open(c, &h));
		if (c->known && h.parse == MPNIC_PARSE_TCP)
			refused += !conn_join(c, &h, h.src[3] == 2);
	}
	must(c->known && isn[0] && isn[1] && !memcmp(told.isn, isn, sizeof(isn)));
	capture_close(capture);
	fclose(file);
	return refused;
}

static void joins(const char *path)
{
	static struct conn c;

	for (enum harm harm = NONE; harm <= NO_THIRD; harm++) {
		must(!replay(path, harm, &c));
		must(told.conns == 1 && told.flows == 1 && told.dirs == 2);
		must(told.confirmed == 1 && told.marked == 1 && !told.removed);
		must(c.subflows == 2 && c.subflow[0].verified && c.subflow[1].verified);
		must(told.mark.actions == MPNIC_ACTION_MARK && told.mark.mark == 2);
	}
	for (enum harm harm = BAD_HMAC; harm <= BAD_NONCE; harm++) {
		must(!replay(path, harm, &c));
		must(!told.confirmed && !told.marked && told.removed == 1);
		must(c.subflows == 2 && !c.subflow[1].verified);
	}
	must(replay(path, NO_CONFIRM, &c) == 1);
	must(told.confirmed == 1 && !told.marked && !c.subflow[1].verified);
}

/* --- the window ----------------------------------------------------------------------------------
 */

static uint8_t data[3 * WINDOW];

/* Pieces in any order, some twice, of a stream whose numbers wrap around in it. */
static void in_any_order(uint64_t first)
{
	const uint32_t step = 1000, near = WINDOW / 2;
	struct window *w = window_new(first);
	char got[WINDOW_HASH_LEN], want[WINDOW_HASH_LEN];
	uint64_t fresh = 0;

	must(w);
	for (uint64_t at = 0; at < sizeof(data); at = w->next - first) {
		const uint64_t room = sizeof(data) - at, ahead = (uint64_t)rand() % near;
		uint32_t len = step + (uint32_t)rand() % step;
		const uint64_t from = rand() % 4 ? at : at + (ahead < room ? ahead : 0);
		const uint64_t back = from > 500 && !(rand() % 3) ? 500 : 0;
		int64_t n;

		if (len > sizeof(data) - from + back)
			len = (uint32_t)(sizeof(data) - from + back);
		n = window_put(w, first + from - back, data + from - back, len);
		must(n >= 0);
		fresh += (uint64_t)n;
	}
	must(fresh == sizeof(data) && w->bytes == sizeof(data) && w->repeated);
	window_hash(w, got);
	window_free(w);
	w = window_new(0);
	must(w);
	for (uint32_t at = 0; at < sizeof(data); at += 4096)
		must(window_put(w, at, data + at, 4096) == 4096);
	window_hash(w, want);
	window_free(w);
	must(!strcmp(got, want));
}

static void full(void)
{
	struct window *w = window_new(100);
	char hash[WINDOW_HASH_LEN];

	must(w);
	must(window_put(w, 100 + WINDOW - 9, data, 10) == -1); /* its last byte is beyond */
	must(window_put(w, 100 + WINDOW - 10, data, 10) == 10);
	must(window_put(w, 99, data, 1) == 0 && w->repeated == 1); /* before the stream */
	must(w->bytes == 0);
	must(window_put(w, 100, data, WINDOW - 10) == WINDOW - 10);
	must(w->bytes == WINDOW && w->next == 100 + WINDOW);
	/* Bytes that came first count. */
	must(window_put(w, w->next + 1, (const uint8_t *)"b", 1) == 1);
	must(window_put(w, w->next, (const uint8_t *)"ax", 2) == 1);
	must(w->data[(100 + WINDOW + 1) % WINDOW] == 'b');
	window_hash(w, hash);
	window_free(w);
	/* SHA-256 of nothing. */
	w = window_new(0);
	must(w);
	window_hash(w, hash);
	window_free(w);
	must(!strncmp(hash, "e3b0c44298fc1c149afbf4c8996fb924", 32));
}

int main(int argc, char **argv)
{
	must(argc == 2);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	joins(argv[1]);
	full();
	in_any_order(1);
	in_any_order(UINT64_MAX - WINDOW); /* numbers wrap around */
	in_any_order((1ull << 32) - 12345);
	return 0;
}
