/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the files of the peer version cache: table (peers.c), learning, pins, bytes. */
#ifndef HOST_PEERS_INTERNAL_H
#define HOST_PEERS_INTERNAL_H

#include "peers.h"

#define PEERS_SITES_MAX 8
#define PEERS_NO_PIN	UINT32_MAX

/* A network: its back-off, and how many answers were overturned in it lately. */
struct peers_network {
	uint64_t
		site[PEERS_SITES_MAX]; /* hashes of sites that failed and nothing succeeded since */
	uint32_t sites;
	uint32_t first_s, last_s; /* of those failures */
	uint32_t backoff_s, level;
	uint32_t window_s, downgrades;
};

/* Pins in order of network, address, length, port. Pins of one prefix are a group. */
struct peers_pins {
	struct peers_pin *pin;
	uint32_t *head;	  /* first of the pin's group */
	uint32_t *parent; /* of a head: head of the next prefix around it, or PEERS_NO_PIN */
	uint32_t *group;  /* of a head: pins in its group */
	uint32_t count, max;
};

/* SipHash-2-4 of a key. */
uint64_t peers_hash(const uint8_t secret[PEERS_SECRET_SIZE], const struct peer_key *key);

/* The address's first @bits bits, zeros behind. */
struct ip_addr peers_mask(const struct ip_addr *addr, unsigned int bits);

/* Makes a record right for the time @now_s: what is too old, or set by a clock that has since
 * stepped back too far, is forgotten. Returns whether there was an answer that is too old. */
bool peers_renew(const struct peers_config *config, struct peers_record *record, uint32_t now_s);

/* Questions of the probe that is wanted now, PEERS_ASK_*. */
uint8_t peers_ask(const struct peers_record *record, uint32_t now_s);

/* What @sight does to the renewed @record and to its network; returns PEERS_ALARM_*. @site: hash of
 * the site that the peer is in. */
uint8_t peers_learn(const struct peers_config *config, struct peers_network *network,
		    struct peers_record *record, const struct sight *sight, uint64_t site);

/* Whether it says anything of MPTCP at all; false: @record would stay as it is but for a count. */
bool peers_tells(const struct sight *sight);
/* Whether it may make an entry where there is none. */
bool peers_begins(const struct sight *sight);
bool peers_is_client(enum sight_what what);

void peers_set_answer(const struct peers_config *config, struct peers_record *record,
		      enum peers_answer answer, enum peers_confidence confidence, uint8_t by,
		      uint32_t now_s);
void peers_back_off_record(const struct peers_config *config, struct peers_record *record,
			   uint32_t now_s);
/* When the network's back-off ends; 0: none at @now_s. */
uint32_t peers_network_backoff(const struct peers_config *config,
			       const struct peers_network *network, uint32_t now_s);

const struct peers_pin *peers_pin_find(const struct peers_pins *pins, const struct peer_key *key);
int peers_pin_put(struct peers_pins *pins, const struct peers_pin *pin);
int peers_pin_drop(struct peers_pins *pins, const struct peers_pin *pin);

#endif
