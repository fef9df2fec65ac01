/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the files of the connection tracker: conns.c (tables, time, what goes out),
 * conns_nic.c (what the NIC is told), conns_packet.c and conns_event.c (what comes in). */
#ifndef HOST_CONNS_INTERNAL_H
#define HOST_CONNS_INTERNAL_H

#include <openssl/evp.h>

#include "conns.h"

#define NONE	       UINT32_MAX
#define NOBODY	       2 /* side of what no packet showed */
#define FAILED_JOINS   4 /* places a connection's joins failed to (rule 34) */
#define NO_REASON      255
#define MIDDLEBOX      6 /* MP_TCPRST: middlebox interference (RFC 8684 3.6) */
#define BARE_ACKS_MOST 3 /* acknowledgements without Data ACK before rule 18 is concluded */

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* Lists, oldest first: what may have to go for another, and what waits for the NIC. */
enum which_list {
	LIST_FREE,
	LIST_HALF_IN,
	LIST_HALF_OUT,
	LIST_TCP,
	LIST_OPEN,
	LIST_ENDED,
	LISTS,
};

struct link {
	uint32_t prev, next;
};

struct list {
	uint32_t first, last, count;
};

enum syn_kind {
	SYN_PLAIN,
	SYN_CAPABLE,
	SYN_JOIN,
};

/* What a SYN said. */
struct syn {
	uint64_t time_ns, key;
	uint32_t isn, token, nonce;
	uint16_t window, data;
	uint8_t kind; /* enum syn_kind */
	uint8_t version, flags, length, error, wscale, addr_id;
	bool seen, out, upper, backup, stripped, partial; /* partial: read from an event */
};

/* A flow's place in the NIC. */
enum nic_flow {
	NIC_NONE,
	NIC_ADDED,
	NIC_LEARNT, /* by its gates: stands in the stash */
};

struct flow {
	uint32_t next; /* of its hash bucket, or free */
	uint32_t conn, generation;
	struct link half; /* joins in their handshake, oldest first */
	struct mpnic_key key;
	uint8_t network;
	enum conns_state state;
	bool first, upper, out, in_half;    /* upper: the opener is the upper end of the key */
	bool closing, sure, asked, ask_due; /* closing: ends at deadline; sure: without asking */
	uint8_t opener;
	struct syn syn, again; /* again: another one inside the connection */
	uint32_t isn_peer;
	uint16_t answer_data;
	bool answered, third;
	uint32_t nonce_peer;
	uint8_t id_peer, wscale_peer;
	bool backup[2];
	enum conns_hmac synack_hmac, ack_hmac;
	bool fin[2], rst[2];
	uint8_t rst_reason;
	uint32_t window[2]; /* bytes, by who offers it */
	bool hole[2];	    /* data without a mapping, from hole_first to hole_end */
	uint32_t hole_first[2], hole_end[2];
	uint64_t touched_ns, deadline_ns, third_ns;
	uint64_t slow[2], packets, bytes, events;
	uint64_t rst_packets; /* that the NIC had counted when the RST came */
	bool rst_counted;
	enum nic_flow nic;
	bool nic_want, nic_failed, mirror_nic, confirm_tried;
	bool failed; /* a join: its HMAC was wrong, or MP_JOIN was missing */
	uint32_t nic_id;
};

struct place {
	struct ip_addr addr;
	uint16_t port;
};

struct conn {
	struct link link, due;
	uint8_t list; /* enum which_list */
	bool is_due;
	struct conns_info info; /* what is listed; state FREE: not in use */
	uint8_t plain_syns;	/* among the SYNs sent */
	struct syn offer;	/* the last SYN with MP_CAPABLE that went out */
	struct mpnic_key peer;	/* who the peer is: hi_addr and hi_port */
	uint64_t key[2];
	uint32_t token_next[2];
	bool token_hashed[2];
	uint32_t flow[CONNS_FLOWS_MAX];
	uint64_t ended_ns; /* when its last subflow ended */
	struct place failed[FAILED_JOINS];
	uint8_t faileds;
	bool dss_seen[2], fail[2], infinite[2], closed;
	uint8_t bare_acks[2];
	uint32_t bare_ack[2]; /* the last one's number */
	bool fail_rst, told_csum, told_lost, told_client, answer_good, conn_nic, set_due, bound;
	bool token_nic[2], token_failed[2];
};

struct conns {
	struct conns_config config;
	struct conns_counts counts;
	EVP_MAC *mac;
	EVP_MAC_CTX *mac_ctx;
	uint32_t mask; /* of the buckets of both hash tables */
	uint32_t *flow_bucket, *token_bucket;
	struct conn *conn;
	struct flow *flow;
	struct list lists[LISTS], due, half_joins;
	uint32_t free_flow, free_flow_last; /* a queue, so that places rest */
	uint64_t next_number, now;
	uint32_t scan;
	struct sight *sight;
	uint32_t sight_first, sights;
	struct conns_change *change;
	uint32_t change_first, changes;
	bool event_seen;
	uint32_t event_seq;
};

/* One packet, or event, on its way. */
struct step {
	struct conns *c;
	const struct conns_packet *p; /* NULL: an event */
	const struct mpnic_hdr *h;
	struct mpnic_key key;
	bool upper; /* its sender is the upper end */
	struct flow *flow;
	struct conn *conn;
	unsigned int dir; /* 0: sent by the flow's opener */
	unsigned int side;
	struct conns_verdict *v;
};

static inline unsigned int host_side(const struct conn *n)
{
	return n->info.out ? 0 : 1;
}

static inline bool is_live(const struct conn *n)
{
	return n->info.state != CONNS_FREE && n->info.state != CONNS_ENDED;
}

static inline struct conn *conn_of(struct conns *c, const struct flow *f)
{
	return &c->conn[f->conn];
}

/* Serial arithmetic of 64 bits. */
static inline bool beyond(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) > 0;
}

/* conns.c */
void conns_key(const struct conns *c, const struct mpnic_hdr *h, struct mpnic_key *key,
	       bool *upper);
struct flow *conns_find_flow(const struct conns *c, const struct mpnic_key *key, uint8_t network);
/* The connection whose token it is, and whose side; @local: the host's own token. */
struct conn *conns_find_token(const struct conns *c, uint32_t token, bool local,
			      unsigned int *side);
/* NULL: no room. */
struct conn *conns_new_conn(struct conns *c, bool out);
struct flow *conns_new_flow(struct conns *c, struct conn *n, const struct mpnic_key *key,
			    uint8_t network);
void conns_end_flow(struct conns *c, struct flow *f, uint8_t by);
void conns_end_conn(struct conns *c, struct conn *n, uint8_t by);
void conns_to_list(struct conns *c, struct conn *n, enum which_list list);
void conns_due(struct conns *c, struct conn *n);
void conns_half_join(struct conns *c, struct flow *f, bool half);
/* A key became known: token and IDSN follow. */
void conns_learn_key(struct conns *c, struct conn *n, unsigned int side, uint64_t key);
void conns_log(struct conns *c, const struct conn *n, enum conns_what what, uint8_t rule,
	       uint8_t by, uint8_t id);
void conns_note(struct conns *c, struct conn *n, uint8_t rule, uint8_t by);
void conns_sight(struct conns *c, const struct conn *n, enum sight_what what);
void conns_fall_back(struct conns *c, struct conn *n, uint8_t rule, uint8_t by);
/* When the flow is looked at next. */
void conns_deadline(struct conns *c, struct flow *f);

/* conns_nic.c */
/* Nothing of it is left in the NIC. */
bool conns_nic_clear(const struct conn *n);
/* The next action for a connection; false: none. */
bool conns_nic_next(struct conns *c, struct conn *n, struct conns_action *a);
void conns_free_ended_flow(struct conns *c, struct conn *n, unsigned int index);

/* conns_packet.c, conns_event.c */
struct flow *conns_begin(struct step *s, const struct syn *syn, uint8_t network);
void conns_data_ack(struct conns *c, struct conn *n, unsigned int side, uint64_t data_ack);
void conns_number(struct conn *n, unsigned int side, uint64_t end);
void conns_infinite(struct conns *c, struct conn *n, unsigned int side);
void conns_mp_fail(struct conns *c, struct conn *n, const struct flow *f, unsigned int side,
		   uint64_t dsn, bool rst);
void conns_fin(struct conns *c, struct flow *f, unsigned int dir);
void conns_rst(struct conns *c, struct flow *f, unsigned int dir, bool out, uint32_t seq,
	       uint32_t ack, bool has_ack);
/* The host sent something on it. */
void conns_alive(struct conns *c, struct flow *f);
/* @side's data came without mappings for too long (rule 19). */
void conns_options_lost(struct conns *c, struct conn *n, unsigned int side);

#endif
