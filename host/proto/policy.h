/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is offered to whom, and why (docs/policy.md; all decisions in one page: docs/decisions.md).
 *
 * Rules are settings. They are given by prefix, by network, and as defaults, and are inherited
 * field by field: what the most specific prefix does not set comes from the next prefix that
 * contains it wholly, then from the network, then from the defaults, then from what is built in. Of
 * two prefixes that hold a peer the longer one counts; of two of one length the one with the port,
 * then the one that names the network.
 *
 * A policy is built once and then only read, by any number of threads: a reload builds another.
 */
#ifndef HOST_POLICY_H
#define HOST_POLICY_H

#include <stddef.h>

#include "mpnic_regs.h"
#include "sight.h"

enum policy_setting {
	POLICY_MODE,	      /* enum policy_mode */
	POLICY_UNKNOWN,	      /* enum policy_offer: to a peer of which nothing is known */
	POLICY_KNOWN_V1,      /* enum policy_offer: to one that speaks v1 */
	POLICY_KNOWN_V0,      /* enum policy_offer: to one that speaks v0 */
	POLICY_REFUSED,	      /* enum policy_refused: after a SYN/ACK without MP_CAPABLE */
	POLICY_STRIP_FROM,    /* SYN retransmission from which MP_CAPABLE is stripped; 0: never */
	POLICY_DSS_LOST,      /* enum policy_trouble: options were lost on data */
	POLICY_CHECKSUM_BAD,  /* enum policy_trouble: a DSS checksum was wrong */
	POLICY_JOIN_BAD_HMAC, /* enum policy_join */
	POLICY_JOIN_UNKNOWN_TOKEN, /* enum policy_join */
	POLICY_PROBE,		   /* 0, 1: questions to peers are allowed */
	POLICY_PROBE_INTERVAL,	   /* seconds from one probe of a peer to the next, at least */
	POLICY_SETTINGS,
};

enum policy_mode {
	POLICY_ACT,
	POLICY_OBSERVE, /* learn and show, touch nothing: no strip, no drop, no probe */
};

enum policy_offer {
	POLICY_OFFER_TCP, /* MP_CAPABLE is stripped */
	POLICY_OFFER_V1,
	POLICY_OFFER_V0, /* needs the gateway: refused so far */
};

enum policy_refused {
	POLICY_REFUSED_TCP,   /* RFC 8684 3.1: "MAY choose to immediately fall back to TCP" */
	POLICY_REFUSED_PROBE, /* the same, and a question in the background */
	POLICY_REFUSED_RETRY, /* needs the gateway: refused so far */
};

enum policy_trouble {
	POLICY_NOTE,	 /* it is shown and counted; offers stay */
	POLICY_BACK_OFF, /* the peer gets plain TCP for its back-off time */
};

enum policy_join {
	POLICY_JOIN_PASS, /* the host answers with a RST (RFC 8684 3.8) */
	POLICY_JOIN_DROP, /* RFC 8684 3.9.3 */
};

/* A setting, for who reads or shows one. Names are those of the configuration file. */
struct policy_setting_info {
	const char *name;
	const char *const *words;   /* its values from 0 on, NULL at the end; NULL: a number */
	uint32_t min, max, initial; /* of a number; initial also of a word */
	const char *rfc;	    /* where the choice comes from */
	const char *why;	    /* why it is built in as it is */
};

extern const struct policy_setting_info policy_settings[POLICY_SETTINGS];

/* The words of POLICY_UNKNOWN and POLICY_REFUSED that a gateway is needed for: returns what to use
 * instead, or NULL if the value can be had. */
const char *policy_unavailable(enum policy_setting setting, uint32_t value);

/* Some of the settings. Bit s of @set: value[s] is given. */
struct policy_values {
	uint32_t set;
	uint32_t value[POLICY_SETTINGS];
};

/* The rules for one peer; all of them. from[]: policy_origin() tells. */
struct policy_rules {
	uint32_t value[POLICY_SETTINGS];
	uint32_t from[POLICY_SETTINGS];
};

/* For addresses of this prefix. Wire order; bits behind @bits are zero. */
struct policy_prefix {
	struct ip_addr addr;
	uint8_t bits;	 /* 0..32, 0..128 */
	uint16_t port;	 /* host order; 0: every port, and the peer as a client */
	int16_t network; /* -1: every network */
	uint32_t line;	 /* of the configuration file, for policy_origin() */
	struct policy_values values;
};

#define POLICY_NAME_SIZE    32 /* of a network, with its final 0 */
#define POLICY_NETWORKS	    256
#define POLICY_PORTS	    64	 /* frames of the NIC come from one of 64 sources */
#define POLICY_ATTACHED	    1024 /* places (port, VLAN) that networks are at, in all */
#define POLICY_PREFIXES_MAX 65536

struct policy;

/* With the values built in. NULL: no memory. */
struct policy *policy_create(void);
void policy_destroy(struct policy *policy);

/* Building. @line is for policy_origin(). -EINVAL: a value out of its range, or no such address;
 * -ENOTSUP: see policy_unavailable(); -EEXIST: it is there; -ENOSPC; -ENOMEM. */
int policy_defaults(struct policy *policy, const struct policy_values *values);
int policy_network_add(struct policy *policy, uint8_t network, const char *name, uint32_t line,
		       const struct policy_values *values);
int policy_prefix_add(struct policy *policy, const struct policy_prefix *prefix);
/* Frames of NIC port @port with VLAN id @vlan (0: without a tag, -1: all that no other network has)
 * are of @network. -ENOENT: no such network. */
int policy_attach(struct policy *policy, uint8_t network, unsigned int port, int vlan);
/* Ends building: look-ups are right from now on. -EEXIST: two prefixes are the same; their lines go
 * to line[2]. -ENOMEM. */
int policy_seal(struct policy *policy, uint32_t line[2]);

/* The rules for @peer, never none. Costs a binary search (docs/policy.md, "Cost"). */
void policy_find(const struct policy *policy, const struct peer_key *peer,
		 struct policy_rules *rules);
/* Where a setting comes from, as text: "prefix 10.0.0.0/8 port 443 (line 12)". */
void policy_origin(const struct policy *policy, uint32_t from, char *text, size_t size);

/* In which network a frame is; 0 where none is attached. */
uint8_t policy_network_of(const struct policy *policy, unsigned int port, int vlan);
/* Whether all frames of a NIC port are in one network: only then the NIC's own peer table, which
 * knows a network for each port, may answer for it. */
bool policy_port_is_one(const struct policy *policy, unsigned int port, uint8_t *network);
/* NULL: not configured. */
const char *policy_network_name(const struct policy *policy, uint8_t network);
/* -ENOENT: no such network. */
int policy_network_number(const struct policy *policy, const char *name);
size_t policy_prefixes(const struct policy *policy);
/* Prefix @i as it was given, sorted by address. */
const struct policy_prefix *policy_prefix_at(const struct policy *policy, size_t i);

/* What the cache says of a peer, as far as decisions need it. */
struct policy_peer {
	uint8_t speaks; /* enum mpnic_speaks_code */
	/* The cache vouches for `speaks`: a completed handshake or as many independent observations
	 * as it asks for. One forged or stripped SYN/ACK never makes an answer sure. */
	bool sure;
	bool mixed;	 /* conflicting answers: several hosts behind one address */
	bool backed_off; /* MPTCP failed here lately, or in the whole network */
	bool probe_due;	 /* the answer is old: ask again */
};

/* Questions of a probe, bits. */
#define POLICY_ASK_V1 1
#define POLICY_ASK_V0 2

enum policy_reason {
	POLICY_BECAUSE_PLAIN, /* the host's SYN has no MP_CAPABLE */
	POLICY_BECAUSE_OBSERVE,
	POLICY_BECAUSE_UNKNOWN,
	POLICY_BECAUSE_UNKNOWN_TCP,
	POLICY_BECAUSE_NOT_SURE,
	POLICY_BECAUSE_V1,
	POLICY_BECAUSE_V1_TCP,
	POLICY_BECAUSE_V0,
	POLICY_BECAUSE_V0_TRY_V1,
	POLICY_BECAUSE_V0_TCP,
	POLICY_BECAUSE_NONE,
	POLICY_BECAUSE_MIXED,
	POLICY_BECAUSE_BACK_OFF,
	POLICY_BECAUSE_UNANSWERED,	/* SYNs so far were not answered */
	POLICY_BECAUSE_EARLY,		/* too few of them to tell loss from a middlebox */
	POLICY_BECAUSE_STRIPPED_BEFORE, /* the first SYN was stripped */
	POLICY_BECAUSE_REFUSED,
	POLICY_BECAUSE_REFUSED_ASK,
	POLICY_BECAUSE_ANSWERED_V0,
	POLICY_BECAUSE_NOTHING,
	POLICY_BECAUSE_PROBING_OFF,
	POLICY_BECAUSE_TROUBLE,
	POLICY_BECAUSE_TROUBLE_NOTED,
	POLICY_REASONS,
};

/* Short name for counters and JSON, a sentence for people, and the source ("RFC 8684 3.1"). */
const char *policy_reason_name(enum policy_reason reason);
const char *policy_reason_text(enum policy_reason reason);
const char *policy_reason_rfc(enum policy_reason reason);

struct policy_decision {
	uint8_t syn;	/* enum mpnic_first_syn_code: PASS or STRIP */
	uint8_t offer;	/* enum sight_offer: what the peer then sees */
	uint8_t reason; /* enum policy_reason */
	/* Questions (POLICY_ASK_*) to ask once this connection is established with the peer. */
	uint8_t ask;
};

/* The host's first SYN to a peer. @asks: what the host's own SYN offers. */
void policy_first_syn(const struct policy_rules *rules, const struct policy_peer *peer,
		      enum sight_offer asks, struct policy_decision *decision);

/* Its @nth retransmission (1: the first). @first: what became of the first SYN. */
void policy_syn_again(const struct policy_rules *rules, const struct policy_decision *first,
		      enum sight_offer asks, unsigned int nth, struct policy_decision *decision);

/*
 * What the NIC itself is told (peer_entry.first_syn): PASS or STRIP where all first SYNs and their
 * repetitions are decided alike without the host, else PUNT.
 */
enum mpnic_first_syn_code policy_nic(const struct policy_rules *rules,
				     const struct policy_peer *peer);

struct policy_next {
	uint8_t ask;	/* questions to ask the peer, POLICY_ASK_*; 0: none */
	bool back_off;	/* the peer is to be backed off */
	uint8_t reason; /* enum policy_reason */
};

/* After @what was seen of a peer, to an offer of @offer. @peer: what the cache said before it.
 * Sights of the peer as a client never lead to a question. */
void policy_after(const struct policy_rules *rules, const struct policy_peer *peer,
		  enum sight_what what, enum sight_offer offer, struct policy_next *next);

/* Whether the peer may be asked at all, by whatever cause. */
bool policy_may_probe(const struct policy_rules *rules);

/* Whether an MP_JOIN passes. @setting: POLICY_JOIN_BAD_HMAC or POLICY_JOIN_UNKNOWN_TOKEN. */
bool policy_join_passes(const struct policy_rules *rules, enum policy_setting setting);

#endif
