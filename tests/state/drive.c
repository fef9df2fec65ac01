/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stateful half as a filter, with a host's part played as simply as can be: frames in on stdin,
 * each behind its length (32 bits, little-endian); a line for each out on stdout. Connections and
 * their first flows are inserted when both keys have been seen, with tokens for both sides, so that
 * flows of joins are learnt.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mpcrypto.h"
#include "mpnic_state.h"

enum {
	SYN = 2,
	ACK = 16,
	SYNS_MAX = 1024, /* handshakes under way */
	IDS = 1024,
};

/* A first SYN that has not come to both keys. */
struct half {
	struct mpnic_key key;
	bool used, flip;
	uint32_t isn[2];
	uint64_t keys[2];
	unsigned int have; /* bits: of A, of B */
	uint8_t version[2];
	bool csum;
};

struct host {
	struct mpnic_state *state;
	struct half half[SYNS_MAX];
	unsigned int next_half, next_id;
};

static const struct mpnic_opt *capable_of(const struct mpnic_hdr *hdr)
{
	for (unsigned int i = 0; i < hdr->mptcp_count; i++) {
		if (hdr->opt[i].subtype == MPNIC_SUBTYPE_MP_CAPABLE && !hdr->opt[i].error)
			return &hdr->opt[i];
	}
	return NULL;
}

static struct half *find_half(struct host *host, const struct mpnic_key *key)
{
	for (unsigned int i = 0; i < SYNS_MAX; i++) {
		if (host->half[i].used && !memcmp(&host->half[i].key, key, sizeof(*key)))
			return &host->half[i];
	}
	return NULL;
}

static void insert(struct host *host, struct half *h)
{
	const unsigned int version = h->version[1];
	struct mpnic_flow flow = {.conn_id = host->next_id};
	struct mpnic_conn conn = {.version = (uint8_t)version};

	h->used = false;
	if (host->next_id == IDS || h->version[0] != version)
		return;
	conn.flags = h->csum ? MPNIC_CONN_CSUM : 0;
	for (unsigned int side = 0; side < 2; side++) {
		struct mpnic_token_entry entry = {
			.conn_id = host->next_id,
			.flags = side ? MPNIC_TOKEN_ENTRY_SIDE_B : 0,
			.cap = 255,
		};

		mpcrypto_key(version, h->keys[side], &entry.token, &conn.idsn[side]);
		conn.token[side] = entry.token;
		conn.dsn_next[side] = conn.idsn[side] + 1;
		mpnic_token_insert(host->state, &entry);
		flow.dir[side].isn = h->isn[side];
		flow.dir[side].flags = MPNIC_DIR_ISN | MPNIC_DIR_CAPABLE |
				       (side ? 0 : MPNIC_DIR_THIRD) |
				       (version ? MPNIC_DIR_CAPABLE_V1 : 0);
	}
	flow.flags = MPNIC_FLOW_STATE_FIRST | (h->flip ? MPNIC_FLOW_STATE_FLIP : 0);
	mpnic_conn_set(host->state, host->next_id, &conn);
	mpnic_flow_remove(host->state, &h->key);
	if (mpnic_flow_insert(host->state, &h->key, host->next_id, &flow))
		fprintf(stderr, "drive: a flow could not be inserted\n");
	host->next_id++;
}

static void on_syn(struct host *host, const struct mpnic_hdr *hdr, const struct mpnic_key *key,
		   bool flip, const struct mpnic_opt *capable)
{
	struct half *h = find_half(host, key);

	if (!(hdr->tcp_flags & ACK)) {
		if (!h)
			h = &host->half[host->next_half++ % SYNS_MAX];
		*h = (struct half){.key = *key, .used = true, .flip = flip, .isn = {hdr->seq}};
	} else if (!h) {
		return;
	} else {
		h->isn[1] = hdr->seq;
	}
	h->version[!!(hdr->tcp_flags & ACK)] = capable->version;
	h->csum |= !!(capable->flags & MPNIC_CAPABLE_A);
	if (capable->fields & MPNIC_FIELD_SENDER_KEY) {
		h->keys[!!(hdr->tcp_flags & ACK)] = capable->capable.sender_key;
		h->have |= hdr->tcp_flags & ACK ? 2 : 1;
	}
}

/* What a host does before it lets the frame pass. */
static void look(struct host *host, const struct mpnic_hdr *hdr, const struct mpnic_csum *csum)
{
	const struct mpnic_opt *capable = capable_of(hdr);
	struct mpnic_key key;
	struct half *h;
	bool flip;

	if (hdr->parse != MPNIC_PARSE_TCP || csum->l4 == MPNIC_CSUM_BAD ||
	    csum->ip == MPNIC_CSUM_BAD || !capable ||
	    !mpnic_flow_key(host->state, hdr, false, &key, &flip))
		return;
	if (hdr->tcp_flags & SYN) {
		on_syn(host, hdr, &key, flip, capable);
		return;
	}
	h = find_half(host, &key);
	if (!h || !(capable->fields & MPNIC_FIELD_RECEIVER_KEY))
		return;
	h->keys[0] = capable->capable.sender_key;
	if (h->keys[1] == capable->capable.receiver_key)
		insert(host, h);
}

int main(void)
{
	static uint8_t frame[MPNIC_REPLAY_MAX];
	struct mpnic_state_config config;
	struct host host = {0};
	struct mpnic_event event;
	struct mpnic_result r;
	struct mpnic_csum csum;
	struct mpnic_hdr hdr;
	uint64_t time = 0;
	uint32_t len;

	mpnic_state_defaults(&config);
	config.flows = 4096;
	config.conns = IDS;
	config.tokens = 4096;
	memset(config.hash_key, 0x5a, sizeof(config.hash_key));
	if (mpnic_state_new(&config, &host.state))
		return 1;
	for (uint32_t id = IDS; id < IDS + config.stash; id++)
		mpnic_flow_id_give(host.state, id);
	while (fread(&len, sizeof(len), 1, stdin) == 1) {
		if (len > sizeof(frame) || fread(frame, 1, len, stdin) != len)
			return 1;
		mpnic_packet(frame, len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &hdr, &csum);
		look(&host, &hdr, &csum);
		mpnic_state_packet(host.state, &hdr, &csum, time += 1000, &r, &event);
		printf("%s %" PRIx64 " %s %" PRIx64 " %u %x %" PRIx64 " %x %" PRIx64 "\n",
		       mpnic_dsn_name(r.dsn_state), r.dsn, mpnic_map_csum_name(r.map_csum),
		       r.map_dsn, r.map_len, r.flags, r.data_ack, r.signs, r.data_fin);
	}
	mpnic_state_free(host.state);
	return ferror(stdin) || fflush(stdout) ? 1 : 0;
}
