/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside the stack: stack.c has addresses, neighbours, demultiplexing and timers, subflow.c TCP,
 * mptcp0.c the connection that has one subflow or more. Offsets count the bytes of a stream from 0,
 * in 64 bits: on a subflow 0 is the byte after the SYN, in a connection the byte at IDSN + 1.
 */
#ifndef PEERS_PRIVATE_H
#define PEERS_PRIVATE_H

#include "crypto0.h"
#include "options.h"
#include "reasm.h"
#include "stack.h"

#define WINDOW		(256u << 10) /* that is advertised, of each connection */
#define WSCALE		4
#define TX_SIZE		(256u << 10)
#define CONNS_MAX	128
#define SUBFLOWS_MAX	256
#define CONN_SUBFLOWS	8
#define LISTENERS_MAX	8
#define NEIGHBOURS_MAX	16
#define MAPS_MAX	512
#define TS_LEN		12
#define DSS_MAX		28
#define SYN_TRIES	6
#define CAPABLE_TRIES	3 /* then a plain SYN: 3.1, local policy */
#define RETRIES_MAX	8
#define STALE_AFTER	2 /* timeouts after which other subflows take over */
#define LINGER		1000000
#define CONN_LINGER	2000000 /* of a connection without a subflow */
#define KEEPALIVE_WAIT	1000000 /* after REMOVE_ADDR, 3.4.2 */
#define FASTCLOSE_TRIES 3

/* A segment that was sent and not acknowledged: data, DATA_FIN with it, or a FIN. */
struct seg {
	struct seg *next;
	uint64_t off, data_off;
	uint64_t sent;
	uint16_t len;
	bool fin, data_fin;
	bool again; /* sent more than once */
	uint8_t data[];
};

/* A data sequence mapping that came (3.3.1). */
struct map {
	uint64_t start, data_off, dsn;
	uint32_t ssn, bytes; /* bytes: on the subflow */
	uint16_t len, csum;
	bool has_csum, fin;
};

enum sf_state {
	SF_SYN_SENT,
	SF_SYN_RCVD,
	SF_PRE_ESTABLISHED,
	SF_OPEN
};

struct subflow {
	struct stack *st;
	struct conn *c;
	enum sf_state state;
	bool first, active, dead, was_open;
	struct endpoint local, remote;
	unsigned port; /* wire */
	uint8_t peer_mac[MAC_LEN];
	bool mac_known;

	uint32_t iss, irs;
	uint64_t una, nxt, wnd_edge;
	struct seg *head, *tail;
	uint8_t peer_scale;
	uint16_t peer_mss;
	bool ts;
	uint32_t ts_recent;
	uint32_t cwnd, ssthresh, last_window;
	unsigned dups;
	bool recovering;
	uint64_t recover;
	uint64_t srtt, rttvar, rto, rto_at;
	unsigned backoff;
	bool syn_plain; /* the last SYN of the peer, or ours, had no MPTCP */
	bool fin_queued, fin_acked, fin_came, closed_first;
	uint64_t fin_off; /* of the peer's FIN */
	uint64_t linger_at, heard;
	int64_t delta; /* data offset - offset, the same since linear_from */
	uint64_t linear_from;

	struct reasm rx;
	struct map *maps;
	unsigned n_maps;
	bool failed; /* a checksum was wrong; what comes is held */
	uint64_t fail_dsn, fail_at;

	uint32_t nonce, peer_nonce;
	uint8_t id, peer_id, remove_id;
	bool backup, own_backup;
	uint64_t remove_at;
	bool ack_due;
	/* Signals for the next segment without data. */
	bool send_add, send_remove, send_prio, send_fastclose;
};

enum conn_mode {
	CONN_NEW,
	CONN_TCP,
	CONN_MPTCP
};

struct conn {
	struct stack *st;
	const struct app *app;
	void *state;
	enum conn_mode mode;
	bool opened;
	bool dead; /* it has ended; freed with its last subflow */
	struct conn_report r;
	uint8_t key[KEY_LEN], peer_key[KEY_LEN];
	bool have_peer_key;
	uint32_t token, peer_token;
	uint64_t idsn, peer_idsn;
	struct subflow *sub[CONN_SUBFLOWS];
	unsigned subs, turn;

	uint8_t *tx; /* ring: tx_una to tx_end */
	uint64_t tx_una, tx_nxt, tx_end, tx_limit, tx_top;
	bool fin_wanted, fin_sent, fin_acked;
	bool acked_once;		       /* a DATA_ACK came */
	bool tx_infinite;		       /* subflow acknowledgements count */
	uint64_t inf_off, inf_data, inf_until; /* the infinite mapping, sent until that is acked */
	uint64_t resend_at;
	unsigned resends;

	struct reasm rx;
	bool rx_infinite;
	bool dss_came; /* a DSS did */
	bool peer_dsn8;
	bool fin_known, eof_told;
	uint64_t fin_at; /* data offset of the peer's DATA_FIN */
	uint64_t linger_at;
	bool advertised, aborted;
	unsigned fastclose_tries;
	uint64_t fastclose_at;
};

struct neighbour {
	struct ipaddr addr;
	uint8_t mac[MAC_LEN];
	unsigned port;
	bool known;
};

struct stack {
	struct stack_config cfg;
	struct stack_env env;
	uint64_t now;
	struct {
		uint16_t port;
		const struct app *app;
	} listener[LISTENERS_MAX];
	unsigned listeners;
	struct conn *conn[CONNS_MAX];
	unsigned conns;
	struct subflow *sub[SUBFLOWS_MAX];
	unsigned subs;
	struct neighbour near[NEIGHBOURS_MAX];
	unsigned nears;
};

/* stack.c */
struct conn *stack_conn(struct stack *st, const struct app *app);
struct subflow *stack_subflow(struct conn *c, const struct endpoint *local,
			      const struct endpoint *remote);
struct conn *stack_by_token(struct stack *st, uint32_t token);
/* Into the subflow, or asked for on the wires. */
void stack_resolve(struct subflow *sf);
uint32_t stack_random32(struct stack *st);
uint64_t extend(uint32_t low, uint64_t near);

/* subflow.c */
void sf_connect(struct subflow *sf);
void sf_accept(struct subflow *sf, const struct segment *s, const struct options *o);
void sf_input(struct subflow *sf, const struct segment *s, const struct options *o);
void sf_timer(struct subflow *sf);
uint64_t sf_next_timer(const struct subflow *sf);
void sf_send_ack(struct subflow *sf);
void sf_reset(struct subflow *sf);
void sf_gone(struct subflow *sf);
void sf_free(struct subflow *sf);
bool sf_can_send(const struct subflow *sf);
/* Data of the connection from data_off on, or a FIN. */
void sf_send(struct subflow *sf, uint64_t data_off, uint16_t len, bool data_fin, bool fin);
void sf_probe_later(struct subflow *sf);
uint16_t sf_payload_max(const struct subflow *sf);
/* RST as the answer to a segment. */
void answer_reset(struct stack *st, unsigned port, const struct segment *s);

/* mptcp0.c */
void mp_new_key(struct conn *c);
void mp_options(struct subflow *sf, uint8_t flags, const struct seg *g, struct optbuf *b);
void mp_syn(struct subflow *sf, const struct options *o);
/* The SYN/ACK, the third ACK: false where the subflow must be reset. */
bool mp_syn_ack(struct subflow *sf, const struct options *o);
bool mp_third(struct subflow *sf, const struct segment *s, const struct options *o);
void mp_opened(struct subflow *sf);
/* False: the data of the segment must not be taken now. */
bool mp_input(struct subflow *sf, const struct segment *s, const struct options *o);
/* Both FINs of the subflow are through. */
void mp_subflow_closed(struct subflow *sf);
/* After data came in on the subflow. */
void mp_deliver(struct subflow *sf);
void mp_sub_acked(struct subflow *sf, const struct seg *g);
void mp_push(struct conn *c);
void mp_subflow_gone(struct subflow *sf, const char *how);
void mp_handover(struct conn *c);
void mp_timer(struct conn *c);
uint64_t mp_next_timer(const struct conn *c);
void conn_free(struct conn *c);

#endif
