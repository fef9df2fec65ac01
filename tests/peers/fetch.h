/* SPDX-License-Identifier: BSD-3-Clause */
/* An HTTP client that fetches, or sends, bytes of the pattern and checks what it got. */
#ifndef PEERS_FETCH_H
#define PEERS_FETCH_H

#include "stack.h"

#define FETCH_STEPS 8

enum fetch_action {
	FETCH_JOIN,	   /* a subflow from the second address to the peer's first */
	FETCH_JOIN_BACKUP, /* the same, as a backup */
	FETCH_PRIO,	   /* the newest subflow becomes a backup */
	FETCH_REMOVE,	   /* REMOVE_ADDR of it */
	FETCH_KILL,	   /* its end by RST */
	FETCH_ABORT,	   /* MP_FASTCLOSE */
};

struct fetch {
	uint64_t bytes;
	bool post;
	/* What is done once so many bytes have come, or were acknowledged; in order. */
	struct {
		uint64_t at;
		enum fetch_action what;
	} step[FETCH_STEPS];
	unsigned steps;
	bool join_advertised; /* a subflow to every address that the peer advertises */
	struct ipaddr second; /* address for joins */

	/* The outcome. */
	uint64_t got, sent;
	bool right, over; /* all came and was right; the connection has ended */
	struct conn_report report;

	/* Its own. */
	char head[1024];
	size_t head_len;
	bool in_body, wrong, asked;
	unsigned done;
	struct conn *c;
};

/* f is the app's arg and must live as long as the connection. */
struct app fetch_app(struct fetch *f);
/* From text, as "50000:join"; false where it is none. */
bool fetch_step(struct fetch *f, const char *text);
/* The peer advertised an address. */
void fetch_advertised(struct fetch *f, const struct conn_report *r);

#endif
