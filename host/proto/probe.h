/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions to peers: which version does it speak? One SYN with MP_CAPABLE asks, the answer is
 * taken apart and answered with a RST, so that the peer never has more than an embryonic
 * connection. The engine decides when a SYN may leave; it reads no clock and sends nothing itself.
 *
 * - Only peers with which the host lately completed a handshake that it began are asked, only where
 *   policy allows it. An inbound packet never begins a probe, nor makes one send a SYN sooner.
 * - Source ports are of a reserved range, which the host's kernel must not use.
 * - All SYNs pass one token bucket, and a peer is asked once in its interval. State is of fixed
 * size.
 * - An answer counts if its addresses, ports and acknowledgement number are right: who cannot see
 * the SYN must guess 32 bits of a random number (and a port), within the time-out.
 */
#ifndef HOST_PROBE_H
#define HOST_PROBE_H

#include <stddef.h>

#include "mpnic_regs.h"
#include "policy.h"
#include "sight.h"

#define PROBE_PORTS_MAX	  4096
#define PROBE_AT_ONCE_MAX 256
#define PROBE_PEERS_MAX	  (1 << 20)
#define PROBE_QUESTIONS	  2
#define PROBE_OPTS_MAX	  12

struct probe_config {
	uint16_t port_first, port_last; /* at least 2 ports for each probe under way */
	uint32_t per_second, burst;	/* SYNs, of all probes: rate x time + burst at most */
	uint32_t at_once;		/* probes under way */
	uint32_t timeout_ms;		/* for an answer; as long are late answers answered */
	uint32_t repeats;		/* SYNs of a question after the first */
	uint32_t peers;		  /* peers whose interval is kept; beyond it no new one is asked */
	uint32_t handshake_age_s; /* a completed handshake counts for so long */
};

/* 61000 to 61255 lie behind the range that Linux gives to connections of its own (32768 to 60999)
 * and hold twice as many ports as probes are under way. */
#define PROBE_CONFIG_DEFAULT                                                            \
	{                                                                               \
		.port_first = 61000, .port_last = 61255, .per_second = 10, .burst = 20, \
		.at_once = 64, .timeout_ms = 1000, .repeats = 1, .peers = 16384,        \
		.handshake_age_s = 7 * 86400,                                           \
	}

/* Monotonic time for deadlines and round trips; seconds since 1970 for what is remembered. */
struct probe_now {
	uint64_t ns;
	uint32_t s;
};

struct probe_ask {
	struct peer_key peer; /* whom; port 0, a peer as a client, is refused */
	struct ip_addr from;  /* the host's address on the way to it */
	uint16_t mss;	      /* that the SYN says; 0: none */
	uint8_t questions;    /* POLICY_ASK_* */
	/* Also ask v0 where the answer to v1 said v1, or nothing clear (mpnicctl probe). */
	bool all;
	/* When the host last completed a handshake with this peer that the host had begun, seconds
	 * since 1970; 0: never. */
	uint32_t handshake_s;
	uint64_t tag; /* the caller's, comes back in the report */
};

/* Random bytes for one probe, unguessable. */
struct probe_random {
	uint32_t isn[PROBE_QUESTIONS];
	uint64_t key[PROBE_QUESTIONS];
	uint16_t port[PROBE_QUESTIONS];
};

/* What became of probe_start(). */
enum probe_start {
	PROBE_TAKEN,
	PROBE_NOT_ASKABLE,  /* no question, no port, addresses of two versions */
	PROBE_EXCLUDED,	    /* by policy */
	PROBE_NO_HANDSHAKE, /* none, or too long ago */
	PROBE_TOO_SOON,	    /* for this peer */
	PROBE_FULL,	    /* too many under way, or reports were not collected */
	PROBE_PEERS_FULL,   /* too many peers were asked within their interval */
	PROBE_STARTS,
};

const char *probe_start_name(enum probe_start start);

/* A segment to send; no payload. Addresses in wire order, numbers in host order. */
struct probe_packet {
	uint8_t network;
	struct ip_addr src, dst;
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t tcp_flags; /* CWR (bit 7) to FIN (bit 0) */
	uint16_t window;
	uint16_t mss;		      /* 0: no such option */
	uint8_t opt_len;	      /* of the MPTCP option: 0, 4 or 12 */
	uint8_t opts[PROBE_OPTS_MAX]; /* zero beyond opt_len */
};

/* One question, as it went. There are no keys in it. */
struct probe_question {
	uint8_t asked;	 /* SYNs that were sent; 0: was not asked */
	uint8_t version; /* that was offered */
	uint16_t sport;	 /* host order */
	uint32_t isn;
	uint64_t sent_ns; /* of the last SYN */
	uint8_t what;	  /* enum sight_what; SIGHTS while there is none */
	bool capable;	  /* the answer has an MP_CAPABLE; its parts: */
	uint8_t capable_version, capable_flags, capable_length, capable_error; /* enum opt_error */
	uint8_t tcp_flags;						       /* of the answer */
	uint64_t rtt_ns; /* since the last SYN; 0: no answer */
	bool rtt_unsure; /* several SYNs were sent: which one it answers is not known */
	uint32_t began_s, answer_s;
};

struct probe_report {
	struct peer_key peer;
	struct ip_addr from;
	uint64_t tag;
	bool abandoned;					 /* by probe_abandon() */
	struct probe_question question[PROBE_QUESTIONS]; /* v1, v0 */
	unsigned int sights;
	struct sight sight[PROBE_QUESTIONS];
};

struct probe_counts {
	uint64_t starts[PROBE_STARTS]; /* by enum probe_start */
	uint64_t syns, rsts;
	uint64_t answers; /* that counted */
	uint64_t lost;	  /* questions without */
	uint64_t strays;  /* packets to the reserved ports that answer nothing */
	uint64_t abandoned;
};

struct probe;

/* @seed: random, for the hash over peers. -EINVAL: a bad configuration, and *wrong says what about
 * it; -ENOMEM. */
int probe_create(const struct probe_config *config, uint64_t seed, struct probe **probe,
		 const char **wrong);
void probe_destroy(struct probe *probe);
/* NULL, or what is wrong with it. */
const char *probe_config_wrong(const struct probe_config *config);

/* Takes a probe, or says why not; its first SYN comes from probe_next(). @rules: of ask->peer. */
enum probe_start probe_start(struct probe *probe, const struct probe_ask *ask,
			     const struct policy_rules *rules, const struct probe_random *random,
			     struct probe_now now);

/* The next SYN that is due: true, and *packet is to be sent now. Call it until it says false, after
 * probe_start() and probe_input() and when probe_deadline() has come. */
bool probe_next(struct probe *probe, struct probe_now now, struct probe_packet *packet);
/* When there is something to do, in monotonic nanoseconds; UINT64_MAX: nothing is under way. */
uint64_t probe_deadline(const struct probe *probe);

enum probe_input {
	PROBE_NOT_OURS, /* not to a reserved port */
	PROBE_CONSUMED, /* ours: the host's kernel must not see it */
	PROBE_ANSWER,	/* the same, and *rst is to be sent */
};

/* A packet from the wire. @hdr, @csum: mpnic_packet()'s, MPNIC_GIVEN_UNKNOWN. @network: it is of.
 */
enum probe_input probe_input(struct probe *probe, const struct mpnic_hdr *hdr,
			     const struct mpnic_csum *csum, uint8_t network, struct probe_now now,
			     struct probe_packet *rst);

/* The next probe that has ended: true, and *report is filled in. */
bool probe_report(struct probe *probe, struct probe_report *report);

/* After a reload: ends what @policy does not allow any more. */
void probe_abandon(struct probe *probe, const struct policy *policy);

const struct probe_counts *probe_counts(const struct probe *probe);

#endif
