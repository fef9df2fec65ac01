/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer target over the stateful half of the C model: an input is a run of commands, each with
 * two bytes and a length before its bytes. Frames go through one state one by one and through
 * another in bursts, and are then stripped in place; tables are changed in between. What must hold
 * for every input is checked.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mpnic_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(condition)                                                                        \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

enum {
	FLOWS = 64,
	CONNS = 8,
	MOST = 5,   /* frames of a burst */
	SOUND = 1,  /* how: checksums are taken as right */
	PARTS = 16, /* how: the bytes are options alone */
};

enum command {
	FRAME,
	FLOW_INSERT,
	FLOW_REMOVE,
	TOKEN,
	PEER,
	RULE,
	IDS,
	CONN,
	COMMANDS
};

/* Frames that wait for their burst. */
struct waiting {
	struct mpnic_hdr hdr[MOST];
	struct mpnic_csum csum[MOST];
	struct mpnic_result result[MOST];
	struct mpnic_event event[MOST];
	struct mpnic_state_frame frame[MOST];
	unsigned int count;
};

struct run {
	struct mpnic_state *single, *burst;
	struct waiting waiting;
	uint64_t time;
};

static void start(struct run *r, uint8_t how)
{
	struct mpnic_state_config config;

	mpnic_state_defaults(&config);
	config.flows = FLOWS;
	config.stash = 8;
	config.conns = CONNS;
	config.tokens = 8;
	config.peers = 8;
	config.masked = how & 1;
	config.exact_vlan = how >> 1 & 1;
	config.join_unknown = (how >> 2) % 3;
	config.join_full = how >> 4 & 1;
	config.join_burst = 1;
	config.host_sources = how & 0x20 ? ~0ull : 0;
	config.first_syn[0] = (how >> 6) % 3;
	config.prefix4 = how & 0x80 ? 9 : 32;
	config.prefix6 = how & 0x80 ? 65 : 128;
	memset(config.mask.hi_addr, how, 16);
	memset(r, 0, sizeof(*r));
	check(!mpnic_state_new(&config, &r->single));
	check(!mpnic_state_new(&config, &r->burst));
}

static void check_result(const struct mpnic_hdr *hdr, const struct mpnic_result *result)
{
	check(result->flow <= MPNIC_FLOW_RULE && result->token <= MPNIC_TOKEN_FALLBACK);
	check(result->punt <= MPNIC_PUNT_FIRST_SYN && result->drop <= MPNIC_DROP_JOIN_LIMIT);
	check(result->dsn_state <= MPNIC_DSN_SYN && result->map_csum <= MPNIC_MAP_CSUM_REPLACED);
	check(result->flow_id == MPNIC_ID_NONE || result->flow_id < FLOWS);
	check(result->masked_id == MPNIC_ID_NONE || result->masked_id < FLOWS);
	check(result->conn_id == MPNIC_ID_NONE ||
	      (result->conn_id < CONNS && result->flow_id != MPNIC_ID_NONE));
	check(result->dir <= 1 && result->side <= 1);
	check(!(result->drop && result->punt));
	check(!(result->drop || result->punt) || !result->strip);
	check(!!(result->actions & MPNIC_ACTION_DROP) == (result->drop != 0));
	check(!!(result->actions & MPNIC_ACTION_PUNT) == (result->punt != 0));
	check(!!(result->actions & MPNIC_ACTION_STRIP) == (result->strip != 0));
	check(result->rule == 255 || result->rule < MPNIC_RULES);
	check((hdr->flags & MPNIC_HDR_L3) || result->flow == MPNIC_FLOW_NONE ||
	      result->flow == MPNIC_FLOW_RULE);
}

static void run_waiting(struct run *r)
{
	struct waiting *w = &r->waiting;
	unsigned int i;

	for (i = 0; i < w->count; i++) {
		w->frame[i].hdr = &w->hdr[i];
		w->frame[i].csum = &w->csum[i];
		w->frame[i].result = &w->result[i];
		w->frame[i].event = &w->event[i];
	}
	mpnic_state_burst(r->burst, w->frame, w->count);
	for (i = 0; i < w->count; i++) {
		struct mpnic_result result;
		struct mpnic_event event;
		const bool has_event = mpnic_state_packet(r->single, &w->hdr[i], &w->csum[i],
							  w->frame[i].time_ns, &result, &event);

		check(has_event == w->frame[i].has_event);
		check(!memcmp(&result, &w->result[i], sizeof(result)));
		check(!has_event || !memcmp(&event, &w->event[i], sizeof(event)));
		check_result(&w->hdr[i], &result);
	}
	w->count = 0;
}

/* A frame that is stripped reads as before, but for the options that are gone. */
static void check_strip(const uint8_t *bytes, size_t len, const struct mpnic_hdr *hdr,
			const struct mpnic_csum *csum, uint16_t subtypes)
{
	struct mpnic_result result = {.strip = subtypes};
	uint8_t *frame = malloc(len ? len : 1);
	struct mpnic_hdr hdr_after;
	struct mpnic_csum after;
	unsigned int i;

	check(frame);
	memcpy(frame, bytes, len);
	mpnic_deparse(frame, len, hdr, csum, &result);
	if (!(result.flags & MPNIC_RESULT_STRIPPED)) {
		check(!memcmp(frame, bytes, len));
		free(frame);
		return;
	}
	mpnic_packet(frame, len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &hdr_after, &after);
	check(hdr_after.parse == hdr->parse && hdr_after.tcpopt == hdr->tcpopt);
	for (i = 0; i < hdr_after.mptcp_count; i++)
		check(hdr_after.opt[i].subtype > 15 || !(subtypes >> hdr_after.opt[i].subtype & 1));
	check(after.l4 == csum->l4 ||
	      (csum->l4 == MPNIC_CSUM_BAD && after.l4 == MPNIC_CSUM_PARTIAL) ||
	      (csum->l4 == MPNIC_CSUM_PARTIAL && after.l4 == MPNIC_CSUM_GOOD));
	check(after.payload_sum == csum->payload_sum);
	for (i = 0; i < len; i++)
		check(frame[i] == bytes[i] || (i >= hdr->l4_off + 16u && i < hdr->l4_off + 60u));
	free(frame);
}

/* Options alone, as a segment between a few ends: what a fuzzer seldom reaches through checksums.
 */
static void make_segment(uint8_t how, const uint8_t *bytes, size_t len, struct mpnic_hdr *hdr,
			 struct mpnic_csum *csum)
{
	const uint8_t flags = bytes[0], seq = bytes[1], payload = bytes[2];

	bytes += 3;
	len -= 3;
	mpnic_decode_options(bytes, len < 40 ? len : 40, flags, payload, MPNIC_GIVEN_UNKNOWN, hdr);
	hdr->flags |= MPNIC_HDR_L3;
	hdr->ip_version = 4;
	hdr->ip_proto = 6;
	hdr->src[0] = how >> 5 & 1;
	hdr->dst[0] = how >> 6 & 1;
	hdr->sport = how >> 7;
	hdr->dport = 1;
	hdr->seq = seq;
	hdr->ack = payload;
	*csum = (struct mpnic_csum){
		.ip = MPNIC_CSUM_GOOD,
		.l4 = MPNIC_CSUM_GOOD,
		.frame_len = (uint16_t)(54 + payload),
		.payload_seen = payload,
		.payload_sum = (uint16_t)(seq * 257u),
	};
}

static void add_frame(struct run *r, uint8_t how, const uint8_t *bytes, size_t len)
{
	struct waiting *w = &r->waiting;
	struct mpnic_hdr *hdr = &w->hdr[w->count];
	struct mpnic_csum *csum = &w->csum[w->count];

	if ((how & PARTS) && len >= 3) {
		make_segment(how, bytes, len, hdr, csum);
	} else {
		mpnic_packet(bytes, len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, how >> 5), hdr, csum);
		check_strip(bytes, len, hdr, csum, (uint16_t)(how * 0x0101u | 1));
		if (how & SOUND) {
			csum->ip = MPNIC_CSUM_GOOD;
			csum->l4 = MPNIC_CSUM_GOOD;
		}
	}
	w->frame[w->count].time_ns = r->time += how * 100000ull;
	w->count++;
	if (w->count == MOST || (how & 2))
		run_waiting(r);
}

/* The key of the last frame. */
static bool last_key(const struct run *r, bool masked, struct mpnic_key *key, bool *flip)
{
	return mpnic_flow_key(r->single, &r->waiting.hdr[0], masked, key, flip);
}

static void insert_flow(struct run *r, uint8_t how, const uint8_t *bytes, size_t len)
{
	struct mpnic_flow flow = {.conn_id = how % (CONNS + 1)};
	struct mpnic_key key;
	bool flip;
	int err;

	if (flow.conn_id == CONNS)
		flow.conn_id = MPNIC_ID_NONE;
	memcpy(&flow.mark, bytes, len < 12 ? len : 12);
	flow.actions &= MPNIC_ACTION_REWRITE - 1;
	if (!last_key(r, how & 0x80, &key, &flip))
		return;
	err = mpnic_flow_insert(r->single, &key, how % FLOWS, &flow);
	check(err == mpnic_flow_insert(r->burst, &key, how % FLOWS, &flow));
	check(err == 0 || err == -EEXIST || err == -ENOSPC || err == -EINVAL);
	if (!err)
		check(mpnic_flow_find(r->single, &key) == how % FLOWS);
}

static void remove_flow(struct run *r, uint8_t how)
{
	struct mpnic_key key;
	bool flip;
	int err;

	if (!last_key(r, how & 0x80, &key, &flip))
		return;
	if (how & 1) {
		err = mpnic_stash_move(r->single, &key);
		check(err == mpnic_stash_move(r->burst, &key));
		check(err == 0 || err == -ENOENT || err == -ENOSPC);
		return;
	}
	err = mpnic_flow_remove(r->single, &key);
	check(err == mpnic_flow_remove(r->burst, &key));
	check(mpnic_flow_find(r->single, &key) == MPNIC_ID_NONE);
}

static void set_conn(struct run *r, uint8_t how)
{
	struct mpnic_conn conn = *mpnic_conn_at(r->single, how % CONNS);

	conn.flags = how >> 3 & 7;
	check(!mpnic_conn_set(r->single, how % CONNS, &conn));
	check(!mpnic_conn_set(r->burst, how % CONNS, &conn));
}

static void set_token(struct run *r, uint8_t how, const uint8_t *bytes, size_t len)
{
	struct mpnic_token_entry entry = {0};
	int err;

	memcpy(&entry.token, bytes, len < 4 ? len : 4);
	entry.conn_id = how % CONNS;
	entry.flags = how >> 4 & 3;
	entry.cap = how >> 6;
	if (mpnic_token_find(r->single, entry.token)) {
		check(!mpnic_token_remove(r->single, entry.token));
		check(!mpnic_token_remove(r->burst, entry.token));
		return;
	}
	err = mpnic_token_insert(r->single, &entry);
	check(err == mpnic_token_insert(r->burst, &entry));
	check(err == 0 || err == -ENOSPC);
}

static void set_peer(struct run *r, uint8_t how)
{
	const struct mpnic_hdr *hdr = &r->waiting.hdr[0];
	struct mpnic_peer_entry entry = {
		.port = how & 1 ? hdr->dport : 0,
		.ip_version = hdr->ip_version,
		.speaks = how >> 1 & 3,
		.first_syn = (how >> 3) % 3,
	};
	int err;

	memcpy(entry.addr, hdr->dst, 16);
	err = mpnic_peer_insert(r->single, &entry);
	check(err == mpnic_peer_insert(r->burst, &entry));
	check(err == 0 || err == -EEXIST || err == -ENOSPC || err == -EINVAL);
	if (err == -EEXIST) {
		check(!mpnic_peer_remove(r->single, &entry));
		check(!mpnic_peer_remove(r->burst, &entry));
	}
}

static void set_rule(struct run *r, uint8_t how, const uint8_t *bytes, size_t len)
{
	struct mpnic_rule rule = {0};

	memcpy(&rule, bytes, len < sizeof(rule) ? len : sizeof(rule));
	check(mpnic_rule_set(r->single, how % 64, &rule) ==
	      mpnic_rule_set(r->burst, how % 64, &rule));
}

static void command(struct run *r, uint8_t what, uint8_t how, const uint8_t *bytes, size_t len)
{
	if (what % COMMANDS == FRAME) {
		add_frame(r, how, bytes, len);
		return;
	}
	/* Tables change between bursts only. */
	run_waiting(r);
	switch (what % COMMANDS) {
	case FLOW_INSERT:
		insert_flow(r, how, bytes, len);
		return;
	case FLOW_REMOVE:
		remove_flow(r, how);
		return;
	case TOKEN:
		set_token(r, how, bytes, len);
		return;
	case PEER:
		set_peer(r, how);
		return;
	case RULE:
		set_rule(r, how, bytes, len);
		return;
	case IDS:
		check(mpnic_flow_id_give(r->single, how % FLOWS) ==
		      mpnic_flow_id_give(r->burst, how % FLOWS));
		return;
	default:
		set_conn(r, how);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run r;
	unsigned int i;

	if (size < 1)
		return 0;
	start(&r, data[0]);
	data++;
	size--;
	while (size >= 3) {
		const size_t room = size - 3, len = data[2] < room ? data[2] : room;

		command(&r, data[0], data[1], data + 3, len);
		data += 3 + len;
		size -= 3 + len;
	}
	run_waiting(&r);
	for (i = 0; i < FLOWS; i++)
		check(!memcmp(mpnic_flow_at(r.single, i), mpnic_flow_at(r.burst, i),
			      sizeof(struct mpnic_flow)));
	for (i = 0; i < CONNS; i++)
		check(!memcmp(mpnic_conn_at(r.single, i), mpnic_conn_at(r.burst, i),
			      sizeof(struct mpnic_conn)));
	mpnic_state_free(r.single);
	mpnic_state_free(r.burst);
	return 0;
}
