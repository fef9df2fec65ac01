/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One MPTCP connection, and what the card is told of it. Only frames of handshakes are looked at
 * here; all that the stream needs comes from the card.
 */
#ifndef CONN_H
#define CONN_H

#include <stdbool.h>

#include "mpnic_model.h"

#define CONN_ID	      0 /* in the card's tables: this program has one connection */
#define CONN_SUBFLOWS 8

struct conn_subflow {
	struct mpnic_key key;
	char name[128];	   /* addresses and ports, client first */
	uint32_t nonce[2]; /* of an MP_JOIN's handshake, by side */
	bool verified;
};

/* Arrays by side: 0 the client, who opened the connection, 1 the server. */
struct conn {
	uint16_t port; /* a port of the card */
	bool known;    /* the card has been told */
	unsigned int version;
	struct mpnic_key answered; /* flow of the last SYN/ACK with MP_CAPABLE */
	uint32_t isn[2];	   /* of that flow */
	uint64_t key[2], idsn[2];
	struct conn_subflow subflow[CONN_SUBFLOWS]; /* the first one first */
	unsigned int subflows;
};

/*
 * A frame of a flow that the card does not know. If it is the third packet of an MPTCP handshake,
 * the card is told of the connection. Returns 0, or a negative errno if the card did not take it.
 */
int conn_open(struct conn *c, const struct mpnic_hdr *h);
/* Whether the frame is of the connection's first subflow. */
bool conn_has(const struct conn *c, const struct mpnic_hdr *h);
/*
 * A frame of the handshake of a further subflow, sent by @side. The card has learnt the subflow
 * from the token; it is confirmed if its HMAC is right. Returns whether the frame may pass.
 */
bool conn_join(struct conn *c, const struct mpnic_hdr *h, unsigned int side);

#endif
