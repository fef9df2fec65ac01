/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small TCP/IP stack in user space with MPTCP version 0 (RFC 6824), both roles. It does no I/O:
 * frames, time and random bytes come in, frames and reports go out, so that two of them can be
 * tested against each other in memory, in a time of their own. Times are in microseconds.
 */
#ifndef PEERS_STACK_H
#define PEERS_STACK_H

#include "frame.h"

#define STACK_ADDRS 8
#define NO_VERSION  (-1)
#define NEVER	    UINT64_MAX

enum stack_mode {
	MODE_STRICT,	/* RFC 6824: another version on a SYN is no MPTCP */
	MODE_ANSWER_V0, /* another version is answered with MP_CAPABLE of version 0 */
	MODE_TCP,	/* no MPTCP at all */
};

/* Deliberate errors, one bit each, to see that the other end notices. */
enum stack_fault {
	FAULT_HMAC = 1,	   /* wrong HMAC in MP_JOIN */
	FAULT_IDSN = 2,	   /* data does not begin at IDSN + 1 */
	FAULT_CSUM = 4,	   /* wrong DSS checksums */
	FAULT_TOKEN = 8,   /* wrong token in MP_JOIN */
	FAULT_NO_DSS = 16, /* no DSS at all */
};

struct stack_config {
	enum stack_mode mode;
	bool checksum; /* require DSS checksums */
	bool long_dsn; /* 8 octets for DSN and Data ACK; else 4 where 4 are allowed */
	uint64_t rto_min;
	uint64_t idle; /* a connection in which nothing comes for so long is dropped */
	unsigned mtu;
	uint8_t mac[MAC_LEN];
	struct ipaddr addr[STACK_ADDRS];
	unsigned addrs;
	struct ipaddr advertise; /* told to every peer with ADD_ADDR, where there is one */
	uint16_t advertise_port;
	unsigned ports; /* wires; all addresses are on each */
	unsigned faults;
};

struct endpoint {
	struct ipaddr addr;
	uint16_t port;
};

/* What is known of a connection; counters are of options that came, unless they say sent. */
struct conn_report {
	struct endpoint local, remote; /* of the first subflow */
	bool active;
	int offered, answered; /* versions on SYN and SYN/ACK, or NO_VERSION */
	bool mptcp, checksum;
	const char *fallback; /* why it fell back to TCP after a handshake; NULL: it did not */
	const char *end;      /* how it ended: fin, data_fin, reset, fastclose, timeout, refused */
	unsigned subflows, joins_refused;
	uint64_t bytes_in, bytes_out; /* in order to, and accepted from, the application */
	uint64_t data_acks, maps, csum_bad, out_of_window, retransmits;
	unsigned fails, fails_sent, adds, removes, prios, bad_options;
	struct ipaddr added; /* the last address that was advertised */
	uint16_t added_port;
};

struct stack;
struct conn;

enum stack_event {
	EVENT_OPEN,
	EVENT_SUBFLOW,
	EVENT_REFUSED,
	EVENT_ADD_ADDR,
	EVENT_END
};

struct stack_env {
	void *ctx;
	void (*send)(void *ctx, unsigned port, const uint8_t *frame, size_t len);
	void (*random)(void *ctx, void *buf, size_t len);
	/* c is NULL where an MP_JOIN was refused that belongs to no connection. */
	void (*report)(void *ctx, enum stack_event e, struct conn *c);
};

/* What uses a connection. All may be called while the connection is written to. */
struct app {
	void *arg;
	void *(*open)(struct conn *c, void *arg); /* it is established; its state, or NULL */
	void (*data)(struct conn *c, void *state, const uint8_t *data, size_t len);
	void (*eof)(struct conn *c, void *state);  /* the peer will send no more */
	void (*room)(struct conn *c, void *state); /* more was acknowledged: there is room */
	void (*gone)(struct conn *c, void *state); /* frees the state */
};

/* NULL: no memory. The configuration is copied. */
struct stack *stack_new(const struct stack_config *cfg, const struct stack_env *env);
void stack_free(struct stack *st);
/* 0, or -ENOSPC. */
int stack_listen(struct stack *st, uint16_t port, const struct app *app);
/* NULL: no room. */
struct conn *stack_connect(struct stack *st, const struct ipaddr *local,
			   const struct endpoint *remote, const struct app *app);
void stack_input(struct stack *st, unsigned port, const uint8_t *frame, size_t len, uint64_t now);
/* Does what is due; when the next is, or NEVER. */
uint64_t stack_tick(struct stack *st, uint64_t now);

/* How much was taken. */
size_t conn_write(struct conn *c, const void *data, size_t len);
/* How many bytes of what was written the peer has acknowledged. */
uint64_t conn_acked(const struct conn *c);
/* No more will be written; what was is still sent. */
void conn_finish(struct conn *c);
/* MP_FASTCLOSE (3.5), or RST of a TCP connection. */
void conn_abort(struct conn *c);
/* A further subflow: 0, or -EINVAL where MPTCP is not in use, -ENOSPC. */
int conn_join(struct conn *c, const struct ipaddr *local, const struct endpoint *remote,
	      bool backup);
/* On the newest subflow: MP_PRIO for itself, REMOVE_ADDR of its id, its end by RST where it is not
 * the only one. */
void conn_send_prio(struct conn *c, bool backup);
void conn_send_remove(struct conn *c);
void conn_kill_subflow(struct conn *c);
const struct conn_report *conn_report(const struct conn *c);

#endif
