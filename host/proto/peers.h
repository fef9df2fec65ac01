/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The peer version cache: what each peer speaks, how sure that is and until when (docs/peers.md;
 * RFC 8684 3.1 and 3.9.3). Observations come in (sight.h), answers go out. It reads no clock: times
 * are seconds since 1970, and may step backwards. Memory is allocated when it is created and never
 * again. One thread at a time.
 */
#ifndef HOST_PEERS_H
#define HOST_PEERS_H

#include <stddef.h>

#include "sight.h"

/* The same numbers as enum speaks of the NIC's records. */
enum peers_answer {
	PEERS_UNKNOWN,
	PEERS_V1,
	PEERS_V0,
	PEERS_NONE, /* TCP alone: several observations agree, nothing can prove it */
};

enum peers_confidence {
	PEERS_UNSURE,	 /* of an unknown answer */
	PEERS_CLAIMED,	 /* somebody said so, perhaps a forger */
	PEERS_CONFIRMED, /* a handshake was completed: first DATA_ACK */
	PEERS_OPERATOR,	 /* somebody set it */
};

/* Who set an answer, beside enum sight_what. */
#define PEERS_BY_OPERATOR SIGHTS
#define PEERS_BY_NOBODY	  (SIGHTS + 1)

#define PEERS_CAPACITY_MAX ((1u << 24) - 1)
#define PEERS_PINS_MAX	   65535
#define PEERS_SECRET_SIZE  16
#define PEERS_COUNT_MAX	   15 /* counters of an entry stay there */
#define PEERS_COUNTS_SIZE  ((SIGHTS + 1) / 2)
#define PEERS_RUN_MAX	   7
#define PEERS_LEVEL_MAX	   7

/* Numbers; what they are for, and why they are as peers_defaults() has them: docs/peers.md. */
struct peers_config {
	uint32_t capacity;		   /* entries, 1 to PEERS_CAPACITY_MAX */
	uint32_t pins;			   /* pins, 0 to PEERS_PINS_MAX */
	uint8_t secret[PEERS_SECRET_SIZE]; /* random: nobody outside can make keys collide */
	/* How long an answer lasts, seconds. */
	uint32_t v1_claimed_s, v1_confirmed_s, v0_claimed_s, v0_confirmed_s;
	uint32_t none_s;	/* by connections alone */
	uint32_t none_probed_s; /* a probe of v0 agreed */
	uint32_t operator_s;	/* peers_set() */
	/* When a probe is wanted: of a v0 or none answer, and after one that settled nothing. */
	uint32_t v0_reprobe_s, none_reprobe_s, probe_again_s;
	uint32_t observations; /* separate ones to overturn an answer, 2 to 6 */
	uint32_t apart_s;      /* at least so far apart, against a confirmed answer */
	uint32_t doubt_s;      /* an observation counts against an answer for so long */
	/* Back-off: first time and cap, doubling between; of a destination and of a network. */
	uint32_t backoff_s, backoff_cap_s, network_backoff_s, network_backoff_cap_s;
	uint32_t network_sites;	   /* distinct sites that must fail, 2 to 8 */
	uint32_t network_window_s; /* within so long */
	/* Confirmed v1 answers that may be overturned in a network, in a time. */
	uint32_t downgrades, downgrades_window_s;
};

/* All numbers but capacity, pins and secret, which are left zero. */
void peers_defaults(struct peers_config *config);

struct peers;

/* -EINVAL: a number is out of range (then *why says which; why may be NULL); -ENOMEM. */
int peers_new(const struct peers_config *config, struct peers **peers, const char **why);
void peers_free(struct peers *peers);

/* Saturating counter of a kind of observation, 0 to PEERS_COUNT_MAX. */
unsigned int peers_count(const uint8_t counts[PEERS_COUNTS_SIZE], enum sight_what what);

/* Questions that a probe is wanted for, bits; as POLICY_ASK_* of policy.h. */
#define PEERS_ASK_V1 1
#define PEERS_ASK_V0 2

/* What is known of a peer, at the time of the look-up. */
struct peers_view {
	uint8_t answer;	    /* enum peers_answer */
	uint8_t confidence; /* enum peers_confidence */
	/* The answer is proven, was set by somebody, or is PEERS_NONE after as many separate
	 * observations as are asked for; one forged packet cannot make it so. */
	bool sure;
	bool pinned;	/* the answer is a pin's, ... */
	uint8_t bits;	/* ... with this prefix length, ... */
	uint8_t learnt; /* ... and this is what was learnt below it (enum peers_answer) */
	bool known;	/* there is a learnt entry: what follows is about it */
	bool expired;	/* it had an answer that is too old now */
	bool mixed;	/* answers conflict: offer v1, no retry (gateway.md 5) */
	uint8_t ask;	/* PEERS_ASK_*: a probe is wanted now; 0: none is */
	uint8_t run;	/* separate observations against the answer; see docs/peers.md */
	uint8_t set_by; /* enum sight_what, PEERS_BY_OPERATOR or PEERS_BY_NOBODY */
	uint8_t backoff_level;
	uint8_t counts[PEERS_COUNTS_SIZE]; /* peers_count() */
	uint32_t expires_s;		   /* 0: no answer, or it never expires (pins) */
	uint32_t ask_s;			   /* since, or from, when a probe is wanted; 0: never */
	uint32_t set_s, seen_s;		   /* when the answer was set; last observation */
	uint32_t backoff_s;		   /* offer plain TCP until then; 0: no back-off */
	uint32_t network_backoff_s;	   /* the same for the whole network */
};

/* Looks a peer up (port 0: the address as a client) and marks it as used. A malformed key (IP
 * version) is an unknown peer. */
void peers_look(struct peers *peers, const struct peer_key *key, uint32_t now_s,
		struct peers_view *view);

/* The same for @n keys at once: memory is waited for once, not once a key. */
void peers_look_burst(struct peers *peers, const struct peer_key *key, unsigned int n,
		      uint32_t now_s, struct peers_view *view);

/* Bits of peers_change.alarms. */
#define PEERS_ALARM_DOUBT     1	 /* first observation against a confirmed v1 */
#define PEERS_ALARM_DOWNGRADE 2	 /* a confirmed v1 was overturned: suspicious */
#define PEERS_ALARM_HELD      4	 /* it would have been, but too many were in this network */
#define PEERS_ALARM_MIDDLEBOX 8	 /* our own option came back */
#define PEERS_ALARM_BLACKHOLE 16 /* a network began to back off */

/* What an observation or a command changed. */
struct peers_change {
	struct peer_key key; /* of the entry: port 0 for the peer as a client */
	uint8_t old_answer, old_confidence;
	uint8_t answer, confidence; /* learnt, as of now */
	uint8_t alarms;
	bool tell_nic;	      /* answer, mixed or back-off changed: renew the NIC's entry */
	bool save;	      /* the record changed: store it (what only counts is not worth it) */
	bool network_changed; /* back-off of the network began or ended */
	bool evicted;	      /* another entry had to go: take it from NIC and store */
	struct peer_key evicted_key;
};

/* Learns. -EINVAL: no valid sight (address, kind, offer; port 0 where a listener is meant), counted
 * as refused, nothing is changed. What says nothing of MPTCP is counted only. */
int peers_see(struct peers *peers, const struct sight *sight, struct peers_change *change);

/* Begins or goes on with the back-off of a destination by command of a policy (rule 33). */
int peers_back_off(struct peers *peers, const struct peer_key *key, uint32_t now_s,
		   struct peers_change *change);

/* An operator says what a listener speaks; learning goes on from there. -EINVAL: not a listener, or
 * no answer. */
int peers_set(struct peers *peers, const struct peer_key *key, enum peers_answer answer,
	      uint32_t now_s, struct peers_change *change);

/* Forgets what was learnt of a peer. -ENOENT. */
int peers_remove(struct peers *peers, const struct peer_key *key);

/* A fixed answer for a prefix, above all that is learnt. The longest prefix wins; of two of one
 * length the one with the port. Never expires, never evicted. */
struct peers_pin {
	uint8_t network;
	uint8_t bits;	     /* prefix length, 0 to 32 or 128 */
	uint8_t answer;	     /* enum peers_answer, not PEERS_UNKNOWN */
	struct ip_addr addr; /* zeros beyond bits */
	uint16_t port;	     /* 0: every port; never the peer as a client */
	uint32_t set_s;	     /* when it was set */
};

/* Sets, or replaces the answer of, a pin. -EINVAL; -ENOSPC: config.pins are set. */
int peers_pin(struct peers *peers, const struct peers_pin *pin);
/* Ends the pin of that network, prefix and port (answer and time are not looked at). -ENOENT. */
int peers_unpin(struct peers *peers, const struct peers_pin *pin);
/* Pin number @i in order of network, address, length, port; NULL: there are no more. */
const struct peers_pin *peers_pin_at(const struct peers *peers, uint32_t i);

/* All that is learnt of a peer: for stores, export and import. Times: as in peers_view. */
struct peers_record {
	struct peer_key key;
	uint8_t answer, confidence;
	bool mixed;
	bool v0_absent; /* v0 was offered, or asked for, in vain */
	uint8_t run;
	uint8_t set_by;
	uint8_t backoff_level;
	uint8_t counts[PEERS_COUNTS_SIZE];
	uint32_t expires_s, set_s, seen_s;
	uint32_t counted_s; /* last observation that counted: separate ones begin after it */
	uint32_t probe_s;
	uint32_t backoff_s;
};

/* NULL, or what is wrong with a record: every field is looked at. */
const char *peers_record_wrong(const struct peers_record *record);
const char *peers_pin_wrong(const struct peers_pin *pin);
const char *peers_key_wrong(const struct peer_key *key);

/* A copy of what was learnt. -ENOENT. */
int peers_get(const struct peers *peers, const struct peer_key *key, struct peers_record *record);

/* Takes a record in, in place of what was known of that peer; also the fast way to load many.
 * Times beyond what an answer may last are as void as expired ones. -EINVAL. change may be NULL. */
int peers_import(struct peers *peers, const struct peers_record *record, uint32_t now_s,
		 struct peers_change *change);

/* Walks over all records: *cursor is 0 at first; false: no more. Entries may come and go between
 * calls: those that stay are seen exactly once. */
bool peers_next(const struct peers *peers, uint32_t *cursor, struct peers_record *record);

/* What time alone changes: looks at up to *budget entries, from where the last call ended, and
 * stops at one whose answer or back-off is over (true; *change says so, *budget what is left). Call
 * it so often that a pass over all takes no longer than the NIC may be behind. */
bool peers_age(struct peers *peers, uint32_t now_s, uint32_t *budget, struct peers_change *change);

/* What peers_flush() forgets: pins stay. */
struct peers_flush {
	bool all_networks;
	uint8_t network;
	bool all_addresses;
	struct ip_addr prefix;
	uint8_t bits;
};

/* Forgets what was learnt, and back-off and limits of the networks where all addresses are meant.
 * gone() is told every key and must not call back; may be NULL. Returns how many, or -EINVAL. */
int64_t peers_flush(struct peers *peers, const struct peers_flush *which,
		    void (*gone)(void *ctx, const struct peer_key *key), void *ctx);

struct peers_stats {
	uint32_t capacity, entries, protected_entries, pins;
	uint64_t memory; /* bytes that were allocated */
	uint64_t sights[SIGHTS];
	uint64_t refused; /* invalid sights */
	uint64_t idle;	  /* sights that said nothing: of plain SYNs, or of no known peer */
	uint64_t inserted, evicted, evicted_expired, evicted_protected;
	uint64_t downgrades, held;
};

void peers_stats(const struct peers *peers, struct peers_stats *stats);

/*
 * Records and pins as bytes, little-endian, for stores (docs/peers.md, "File format"). Key and
 * value are separate, as a store wants them; keys sort by kind, network and address.
 */
#define PEERS_KEY_SIZE	 22
#define PEERS_VALUE_SIZE 44 /* of a record */
#define PEERS_PIN_SIZE	 8  /* value of a pin */
#define PEERS_FORMAT	 1

enum peers_kind {
	PEERS_KIND_RECORD = 1,
	PEERS_KIND_PIN = 2,
};

void peers_encode_key(const struct peer_key *key, uint8_t out[PEERS_KEY_SIZE]);
void peers_encode(const struct peers_record *record, uint8_t key[PEERS_KEY_SIZE],
		  uint8_t value[PEERS_VALUE_SIZE]);
void peers_encode_pin(const struct peers_pin *pin, uint8_t key[PEERS_KEY_SIZE],
		      uint8_t value[PEERS_PIN_SIZE]);

struct peers_item {
	enum peers_kind kind;
	union {
		struct peers_record record;
		struct peers_pin pin;
	};
};

/* Decodes and checks bytes from anywhere: NULL, or what is wrong with them. */
const char *peers_decode(const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len,
			 struct peers_item *item);

#endif
