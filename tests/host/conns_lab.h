/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A daemon's part around the connection tracker, for its tests: packets go through the real decoder
 * and the model's stateful half, the tracker gets those that conns.h names and all events, and what
 * it wants of the NIC is done to the model's tables as firmware would.
 */
#ifndef TESTS_HOST_CONNS_LAB_H
#define TESTS_HOST_CONNS_LAB_H

#include "conns.h"
#include "mpnic_model.h"
#include "mpnic_state.h"

#define LAB_IDS	   256
#define LAB_GATES  16 /* flow ids that the gates hold */
#define LAB_SIGHTS 64
#define LAB_LOG	   256
#define LAB_ORDER  64

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

struct opts {
	uint8_t byte[MPNIC_TCP_OPT_MAX];
	unsigned int len;
};

struct lab {
	struct conns *conns;
	struct mpnic_state *nic;
	uint64_t now;
	unsigned int host; /* side that the host is */
	unsigned int path; /* 10.0.<path + 1>.x */
	bool swap;	   /* A has the upper address */
	uint16_t port;	   /* A's; B's is 80 */
	uint8_t network;
	unsigned int given; /* version to decode with */
	enum conns_sent sent;
	bool all;	/* the tracker gets every packet */
	bool no_events; /* all are lost */
	bool no_nic;	/* every action fails */
	bool no_drain;	/* nobody fetches anything */
	bool mute;	/* nobody answers CONNS_DO_FLOW_ASK */
	uint32_t free_ids[LAB_IDS], free_count;
	struct mpnic_hdr hdr; /* last packet */
	struct mpnic_csum csum;
	struct mpnic_result result;
	struct conns_verdict verdict;
	struct sight sight[LAB_SIGHTS];
	unsigned int sights;
	struct conns_change log[LAB_LOG];
	unsigned int logs;
	unsigned int done[CONNS_DO_TOKEN_REMOVE + 1]; /* actions by kind */
	uint8_t order[LAB_ORDER];		      /* their kinds, as they came */
	unsigned int orders;
	unsigned int failed; /* that the model refused */
	unsigned int asked;
	struct conns_action ask; /* last CONNS_DO_FLOW_ASK */
	unsigned int seen;	 /* packets that the tracker got */
};

/* Returns 0 or an error. @config NULL: small defaults. */
int lab_new(struct lab *lab, const struct conns_config *config);
void lab_config(struct conns_config *config);
void lab_free(struct lab *lab);

/* One packet, in lab->hdr and lab->csum: to NIC and tracker in the order of its direction. */
void lab_pass(struct lab *lab, bool out);
/* The card was reset: its tables are empty. */
int lab_reset_nic(struct lab *lab);
/* Do what the tracker wants; fetch sights and log. */
void lab_drain(struct lab *lab);

/* A segment from side @from (0: A) of the current path and port, with @payload zero bytes. */
void lab_segment(struct lab *lab, unsigned int from, uint8_t flags, uint32_t seq, uint32_t ack,
		 unsigned int payload, const struct opts *opts);
void lab_tick(struct lab *lab, uint64_t span_ns);

unsigned int lab_count_sights(const struct lab *lab, enum sight_what what);
unsigned int lab_count_log(const struct lab *lab, enum conns_what what, unsigned int rule);

/* Options. */
void opt_capable(struct opts *o, unsigned int version, uint8_t flags, unsigned int keys,
		 uint64_t key_a, uint64_t key_b);
/* With data: @csum < 0 for none. */
void opt_capable_data(struct opts *o, uint8_t flags, uint64_t key_a, uint64_t key_b, uint16_t len,
		      int csum);
void opt_join_syn(struct opts *o, uint8_t id, uint32_t token, uint32_t nonce);
void opt_join_synack(struct opts *o, uint8_t id, uint64_t hmac, uint32_t nonce);
void opt_join_ack(struct opts *o, const uint8_t hmac[20]);
/* @csum < 0: none. Numbers of 8 octets. */
void opt_dss(struct opts *o, uint8_t flags, uint64_t ack, uint64_t dsn, uint32_t ssn, uint16_t len,
	     int csum);
void opt_add_addr(struct opts *o, uint8_t id, const uint8_t addr[4], uint64_t hmac);
void opt_raw(struct opts *o, const uint8_t *bytes, unsigned int len);
void opt_put(struct opts *o, uint64_t value, unsigned int bytes);

/* Of zero bytes. */
uint16_t lab_checksum(uint64_t dsn, uint32_t ssn, uint16_t len);

#endif
