/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a connection, or a probe, has shown of its peer: the words between who sees packets (conns,
 * probe) and who remembers (peers). Causes stay apart: of a SYN/ACK without MP_CAPABLE nobody can
 * tell whether the peer speaks no MPTCP, or not this version, or a middlebox took the option (RFC
 * 8684 figure 17), so it is one observation, not a conclusion.
 */
#ifndef HOST_SIGHT_H
#define HOST_SIGHT_H

#include <stdbool.h>
#include <stdint.h>

/* An IP address, in wire order; IPv4 in the first 4 bytes, zeros behind it. */
struct ip_addr {
	uint8_t version; /* 4 or 6 */
	uint8_t bytes[16];
};

/* Who listens: the key of what is remembered. Linux enables MPTCP for each socket, so the port is
 * part of it; two networks may have the same private address, so the network is. */
struct peer_key {
	uint8_t network; /* number of a configured network; as peer_entry.network in the NIC */
	struct ip_addr addr;
	uint16_t port; /* host order; 0: the address as a client */
};

enum sight_what {
	/* An answer to the host's SYN. */
	SIGHT_ANSWER_V1, /* SYN/ACK with MP_CAPABLE of version 1; proves nothing before the confirm
			  */
	SIGHT_ANSWER_V0, /* ... of version 0, to an offer of version 1 or 0 (rules 5, 7) */
	SIGHT_ABSENT,	 /* SYN/ACK without MP_CAPABLE: cause unknown (rules 1, 6, 9, 10, 11) */
	SIGHT_MALFORMED, /* its MP_CAPABLE has the wrong length or form (rule 13) */
	SIGHT_ECHO,	 /* it is our own option: a middlebox copies what it does not know */
	SIGHT_DROPPED,	 /* SYNs with MP_CAPABLE stayed unanswered, a plain one was answered */
	SIGHT_SILENT,	 /* no SYN was answered, with and without: says nothing of MPTCP */
	SIGHT_RESET,	 /* a RST to the SYN: a closed port; says nothing of MPTCP */
	/* What became of a handshake. */
	SIGHT_CONFIRM_V1, /* first DATA_ACK of the peer in a connection of version 1 */
	SIGHT_CONFIRM_V0,
	SIGHT_FELL_BACK, /* answered, but TCP before the first DATA_ACK (rules 3, 15, 18) */
	/* In a connection that had been confirmed: no failure of the version. */
	SIGHT_DSS_LOST, /* options vanished later (rule 19) */
	SIGHT_CSUM_BAD, /* a DSS checksum was wrong: somebody changes bytes (rules 21, 22, 24) */
	/* The peer as a client: a role of its own. After its third packet. */
	SIGHT_CLIENT_V1,
	SIGHT_CLIENT_V0, /* may be another gateway's downgrade: never lowers v1 */
	SIGHT_CLIENT_TCP,
	/* An answer to a probe; a probe's silence after an answered plain SYN is SIGHT_PROBE_LOST.
	 */
	SIGHT_PROBE_V1,
	SIGHT_PROBE_V0,
	SIGHT_PROBE_ABSENT_V1, /* the v1 question was answered without MP_CAPABLE */
	SIGHT_PROBE_ABSENT_V0,
	SIGHT_PROBE_LOST,
	SIGHTS,
};

/* Which version was offered when this was seen. */
enum sight_offer {
	SIGHT_OFFER_NONE, /* a plain SYN */
	SIGHT_OFFER_V1,
	SIGHT_OFFER_V0,
};

struct sight {
	struct peer_key peer;
	enum sight_what what;
	enum sight_offer offer;
	/* When the connection's first SYN was sent, seconds since 1970: connections that were under
	 * way at the same time are one observation, not several. */
	uint32_t began_s;
	uint32_t now_s;
};

#endif
