/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One end of an MPTCP connection, initiator or listener, of RFC 8684 (version 1) or RFC 6824
 * (version 0): what the segments that it receives mean, and which MPTCP options stand on those that
 * it sends. docs/handshake.md has the states and the negotiation as pictures and tables.
 *
 * Pure: segments, keys, nonces and time come in; options, verdicts and deadlines go out. All state
 * is in the caller's structs, which may be copied; nothing is allocated. TCP itself stays with the
 * caller: it gives only segments whose checksum is right and, once the connection is synchronised,
 * that TCP would accept (RFC 8684 3.4.1: standard validity checks first); it retransmits data, and
 * closes what is to be reset.
 *
 * The caller's loop: hs_receive() for each segment; then, and whenever hs_deadline() has passed,
 * while hs_due() names a segment: hs_send() for its options, and send it. Data is sent whenever the
 * caller likes, with hs_send() too. Times are milliseconds of any clock that does not go back.
 */
#ifndef HOST_HANDSHAKE_H
#define HOST_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "mpnic_encode.h"
#include "sight.h"

#define HS_NEVER	    UINT64_MAX
#define HS_V0		    (1u << 0)
#define HS_V1		    (1u << 1)
#define HS_TRIES	    6 /* of a SYN, a SYN/ACK, a joining third ACK */
#define HS_REPEATS	    3 /* of what is sent again but need not arrive (RFC 8684 3.5: 3) */
#define HS_ANNOUNCE_MAX	    4 /* addresses that wait for their echo */
#define HS_ECHO_MAX	    4 /* echoes that wait for a segment */
#define HS_REMOVE_MAX	    8 /* address ids in one REMOVE_ADDR; Linux takes no more */
#define HS_FAILED_MAX	    8 /* addresses that a join has failed to */
#define HS_REASON_NONE	    0xff
#define HS_REASON_MPTCP	    1 /* reason codes of MP_TCPRST (RFC 8684 3.6) */
#define HS_REASON_POLICY    3
#define HS_REASON_MIDDLEBOX 6

enum hs_state {
	HS_CLOSED, /* never opened, given up, or reset by either end */
	HS_LISTEN,
	HS_SYN_SENT,
	HS_SYN_RECEIVED,
	/* The initiator knows version and keys, but not yet that its third ACK has arrived:
	 * MP_CAPABLE goes on every segment (rule 15). Of a join: PRE_ESTABLISHED, no data (rule
	 * 29). */
	HS_THIRD,
	HS_ESTABLISHED,
	HS_TCP, /* plain TCP, for good (rule 26) */
	HS_FASTCLOSE_WAIT,
};

/* What a checksum flag says; A = 1 always means "required" (RFC 8684 3.1). */
enum hs_csum {
	HS_CSUM_ACCEPT,	 /* A = 0; used if the peer asks for it */
	HS_CSUM_REQUIRE, /* A = 1 */
	HS_CSUM_REFUSE,	 /* A = 0; a version 1 peer's A = 1 means TCP, version 0 knows no refusal */
};

/* Why something is not MPTCP, was reset or was ignored; in brackets rules of docs/handshake.md. */
enum hs_why {
	HS_WHY_NONE,
	HS_WHY_ABSENT,		/* [1] SYN/ACK without MP_CAPABLE, cause unknown (6, 9, 10, 11) */
	HS_WHY_NOT_OFFERED,	/* [2] SYN without MP_CAPABLE */
	HS_WHY_THIRD_ABSENT,	/* [3] third packet without MP_CAPABLE */
	HS_WHY_PLAIN_ANSWERED,	/* [4] no SYN with MP_CAPABLE was answered, a plain one was */
	HS_WHY_VERSION,		/* [5] a version that this end does not have, or did not offer */
	HS_WHY_NO_KEY_IN_SYN,	/* [6] a SYN of version 1 or more at a listener of version 0 */
	HS_WHY_ANSWERED_V0,	/* [7] a SYN of version 1 was answered with version 0 */
	HS_WHY_EXTENSIBILITY,	/* [8] B = 1 */
	HS_WHY_NO_CRYPTO,	/* [9] no algorithm, or none that was proposed */
	HS_WHY_CSUM_REFUSED,	/* [10] A = 1, and this end does not want checksums */
	HS_WHY_NO_KEY,		/* [11] the listener has no unique key */
	HS_WHY_CORRUPT,		/* [12] broken options, or a contradiction to what was agreed */
	HS_WHY_BAD_ACK,		/* [12] an acknowledgement of what was not sent */
	HS_WHY_MALFORMED,	/* [13] MP_CAPABLE of a wrong length */
	HS_WHY_WRONG_KEY,	/* [13] a key that is not the one */
	HS_WHY_ECHO,		/* [13] our own option came back: a middlebox copies it */
	HS_WHY_FIRST_DATA_BARE, /* [15] first data with neither MP_CAPABLE nor mapping */
	HS_WHY_NO_DATA_ACK,	/* [18] data acknowledged, but not at the data level */
	HS_WHY_CSUM_BAD,	/* [22] the caller has found a wrong DSS checksum */
	HS_WHY_MP_FAIL,		/* [23] MP_FAIL of the peer (version 0: 22) */
	HS_WHY_INFINITE,	/* [25] infinite mapping of the peer */
	HS_WHY_CSUM_PRESENCE,	/* [27] a DSS with or without checksum, other than agreed */
	HS_WHY_JOIN_TOKEN,	/* [28] MP_JOIN with another token */
	HS_WHY_JOIN_HMAC,	/* [28] MP_JOIN whose HMAC is wrong */
	HS_WHY_JOIN_ABSENT,	/* [28] SYN, SYN/ACK or third packet without a right MP_JOIN */
	HS_WHY_JOIN_REFUSED,	/* [28] by policy of this end */
	HS_WHY_ADD_ADDR_HMAC,	/* [30] ADD_ADDR whose HMAC is wrong */
	HS_WHY_UNKNOWN_ID,	/* [30] REMOVE_ADDR of an id that is not known */
	HS_WHY_DATA_ACK,	/* [30] a Data ACK of what was not sent */
	HS_WHY_STATE,		/* a segment or option that means nothing here */
	HS_WHY_SILENT,		/* no answer at all */
	HS_WHY_RST,		/* RST of the peer */
	HS_WHY_FASTCLOSE,	/* MP_FASTCLOSE of either end */
	HS_WHYS,
};

enum hs_kind {
	HS_NOTHING,
	HS_SYN,
	HS_SYNACK,
	HS_ACK, /* also with payload, or with FIN */
	HS_RST,
};

/* Bits of hs_result.events. */
enum hs_event {
	HS_EV_SYN = 1 << 0,	    /* listener: a SYN was taken; why: what it is not MPTCP for */
	HS_EV_ESTABLISHED = 1 << 1, /* version, keys, tokens, IDSNs and checksum flag are known */
	HS_EV_CONFIRMED = 1 << 2,   /* first Data ACK of the peer: it has our key */
	HS_EV_TCP = 1 << 3,	    /* the connection is plain TCP from now on */
	HS_EV_RESET = 1 << 4,	    /* the subflow is reset, by this end or the other */
	HS_EV_IGNORED = 1 << 5,	    /* the segment, or an option of it, was not acted on */
	HS_EV_ADD_ADDR = 1 << 6,    /* accepted: the options */
	HS_EV_ADD_ADDR_ECHO = 1 << 7,
	HS_EV_REMOVE_ADDR = 1 << 8, /* removed: the ids */
	HS_EV_PRIO = 1 << 9,	    /* accepted: the option; bit 0 of its flags: backup */
	HS_EV_FASTCLOSE = 1 << 10,
	HS_EV_TCPRST = 1 << 11, /* accepted: the option */
	HS_EV_FAIL = 1 << 12,	/* accepted: the option */
};

struct hs_result {
	uint16_t events;
	uint8_t why;	  /* enum hs_why of HS_EV_TCP, HS_EV_RESET, HS_EV_SYN, or HS_EV_IGNORED */
	uint8_t accepted; /* bit i: hdr->opt[i] was acted on; not of MP_CAPABLE, MP_JOIN, DSS */
	uint64_t removed[4]; /* bit i % 64 of word i / 64: address id i was removed */
};

struct hs_config {
	uint8_t versions; /* HS_V0, HS_V1: an initiator offers the highest */
	uint8_t csum;	  /* enum hs_csum */
	/* No joins to the address and port of the first subflow: the C flag. Version 1 alone has
	 * it; in version 0 that bit proposes a crypto algorithm. */
	bool no_join;
	uint8_t capable_syns; /* SYNs with MP_CAPABLE before a plain one (rule 4); 0: 2 */
	uint16_t rto_ms; /* first time to wait before sending again, doubled each time; 0: 1000 */
};

struct hs_timer {
	uint64_t due;
	uint8_t tries;
};

/* An address of an ADD_ADDR. */
struct hs_addr {
	struct ip_addr addr;
	uint16_t port; /* 0: none */
	uint8_t id;
};

struct hs_announce {
	struct hs_addr addr;
	struct hs_timer timer; /* due HS_NEVER: not in use */
};

/* One end of a connection and of its first subflow. Callers read the first part. */
struct hs_conn {
	uint8_t state;	 /* enum hs_state */
	uint8_t version; /* agreed on at HS_EV_ESTABLISHED; before that as offered */
	uint8_t why;	 /* enum hs_why: of HS_TCP and HS_CLOSED */
	bool initiator;
	bool csum;	   /* DSS checksums are used, in both directions */
	bool peer_no_join; /* the peer's C flag */
	bool peer_dss;	/* a DSS, or MP_CAPABLE with data, has come: joins are allowed (rule 14) */
	bool confirmed; /* a Data ACK has come: the peer has our key */
	uint32_t joins; /* joined subflows that are established */
	/* Valid from HS_EV_ESTABLISHED on; an initiator's own from hs_open() on. */
	uint32_t own_token, peer_token;
	uint64_t own_key, peer_key, own_idsn, peer_idsn;
	uint32_t isn, peer_isn;
	/* What did not fit or was not taken, counted. */
	uint32_t echoes_lost, failures_lost, ignored;

	/* The engine's own. */
	struct hs_config cfg;
	bool keys, proved, dss_passes, have_key, offered, answer_capable, capable_sent, peer_dsn8,
		third_fresh;
	bool fastclose_rst, infinite, fail_sent, fail_answer, prio, prio_backup, prio_has_id;
	uint8_t want, syns, peer_flags, reset_reason, prio_id, removes, echoes, failures;
	uint8_t remove[HS_REMOVE_MAX];
	struct hs_timer timer, fail_timer;
	uint64_t data_una, data_max, fail_dsn;
	uint64_t peer_ids[4];
	struct hs_announce announce[HS_ANNOUNCE_MAX];
	struct hs_addr echo[HS_ECHO_MAX], failed[HS_FAILED_MAX];
};

/* A segment that is to be sent. */
struct hs_segment {
	uint8_t kind;	 /* enum hs_kind */
	uint8_t room;	 /* bytes for MPTCP: 40 less those of TCP's own options, gaps not counted */
	bool data_fin;	 /* the data stream ends behind the payload */
	uint16_t len;	 /* payload bytes; they get a mapping of their own */
	uint16_t sum;	 /* mpnic_sum16() of the payload; not read without checksums */
	uint32_t ssn;	 /* subflow sequence number of the payload; the subflow's first byte: 1 */
	uint64_t offset; /* of the payload in the data stream; its first byte: 0 */
	uint64_t received; /* bytes of the peer's data stream in order, a DATA_FIN counted */
};

struct hs_out {
	struct mpnic_out_opt opt[MPNIC_MPTCP_OPTS];
	uint8_t count;
	/* The DATA_FIN did not go with the payload, for MP_CAPABLE has none: send it once more. */
	bool fin_later;
};

/*
 * hs_open() - an initiator, about to send its SYN.
 * @key: its key, unique among its connections by the token of the version it offers (RFC 8684 3.1)
 * @isn: its initial sequence number
 */
void hs_open(struct hs_conn *c, const struct hs_config *cfg, uint64_t key, uint32_t isn,
	     uint64_t now);

/*
 * hs_listen() - a listener of one connection, before its SYN.
 * @key: unique by its token in every version of @cfg; NULL: there is none, so no MPTCP (rule 11)
 */
void hs_listen(struct hs_conn *c, const struct hs_config *cfg, const uint64_t *key, uint32_t isn);

/*
 * hs_receive() - a segment of the first subflow has come.
 * @hdr: as decoded; its MPTCP options are decoded again here, with the connection's version
 * @r:   every byte is written
 */
void hs_receive(struct hs_conn *c, struct mpnic_hdr *hdr, uint64_t now, struct hs_result *r);

/* When hs_due() will name a segment if nothing else happens: 0 at once, HS_NEVER. */
uint64_t hs_deadline(const struct hs_conn *c);

/* The segment that is to be sent now without data, or HS_NOTHING. May give up: HS_CLOSED. */
enum hs_kind hs_due(struct hs_conn *c, uint64_t now);

/*
 * hs_send() - the MPTCP options of a segment that is sent now on the first subflow.
 * Returns 0; -EAGAIN if a bare ACK must go first (version 0's third ACK carries no data, and goes
 * before each segment with data until a DSS comes: rule 16); -EINVAL for a segment that this state
 * does not send; -ENOSPC if the mapping needs more room; -EMSGSIZE if its length does not fit.
 */
int hs_send(struct hs_conn *c, const struct hs_segment *s, uint64_t now, struct hs_out *out);

/*
 * Things to be said; hs_due() then names the segment. They return 0; -ENOTCONN outside of
 * HS_ESTABLISHED; -EOPNOTSUPP where the version has no such thing; -ENOSPC if too much waits.
 */
/* ADD_ADDR: repeated until the echo has come (version 1), sent once (version 0, RFC 6824 3.4.1). */
int hs_add_addr(struct hs_conn *c, const struct hs_addr *addr, uint64_t now);
/* REMOVE_ADDR of 1 to HS_REMOVE_MAX ids, else -EINVAL; what was to be announced with them is not.
 */
int hs_remove_addr(struct hs_conn *c, const uint8_t *ids, unsigned int count);
/* MP_PRIO for the subflow that it is sent on; @id: of another one (version 0), or NULL. */
int hs_prio(struct hs_conn *c, bool backup, const uint8_t *id);
/* MP_FASTCLOSE; @rst: on a RST (version 1), else on ACKs until a RST comes (RFC 8684 3.5). */
int hs_fastclose(struct hs_conn *c, bool rst, uint64_t now);
/* MP_FAIL for the only subflow: the mapping at @dsn has a wrong checksum (rule 22). */
int hs_fail(struct hs_conn *c, uint64_t dsn, uint64_t now);

/* ---- joins ----------------------------------------------------------------------------------- */

/* One end of a joined subflow. Every function takes its connection with it. */
struct hs_join {
	uint8_t state;	/* enum hs_state; HS_THIRD is PRE_ESTABLISHED */
	uint8_t why;	/* enum hs_why: of HS_CLOSED */
	uint8_t reason; /* of MP_TCPRST, as sent or received; HS_REASON_NONE */
	bool initiator, backup, peer_backup;
	uint8_t id, peer_id;
	uint32_t nonce, peer_nonce, isn, peer_isn;

	/* The engine's own. */
	bool data_sent, dss_passes, stays;
	uint8_t want;
	struct hs_timer timer;
	struct hs_addr to;
};

struct hs_join_plan {
	uint8_t id;	/* own address id */
	bool backup;	/* B flag */
	uint32_t nonce; /* random */
	uint32_t isn;
	/* Initiators: where to, for rule 34, and whether that is the first subflow's (C flag). */
	struct ip_addr addr;
	uint16_t port;
	bool to_first;
};

/*
 * hs_join_open() - an initiator of a join, about to send its SYN; either end of a connection may
 * be. Returns 0; -EAGAIN before a DSS has come (rule 14); -ENOTCONN if the connection is not MPTCP
 * (any more); -EPERM if the peer's C flag forbids it; -EHOSTUNREACH if a join to there has failed
 * and no new ADD_ADDR has come (rule 34).
 */
int hs_join_open(struct hs_join *j, const struct hs_conn *c, const struct hs_join_plan *plan,
		 uint64_t now);

/* The token of an MP_JOIN SYN: which connection it is for. false: it is not one. */
bool hs_join_token(const struct mpnic_hdr *hdr, uint32_t *token);

/* A listener of a join, before its SYN. */
void hs_join_listen(struct hs_join *j, const struct hs_join_plan *plan);

/* This end does not want the join, or no longer: RST with @reason, HS_REASON_POLICY for one (RFC
 * 8684 3.2). */
void hs_join_refuse(struct hs_join *j, struct hs_conn *c, uint8_t reason);

/* As for the first subflow. Options for the whole connection are taken and sent here too. */
void hs_join_receive(struct hs_join *j, struct hs_conn *c, struct mpnic_hdr *hdr, uint64_t now,
		     struct hs_result *r);
uint64_t hs_join_deadline(const struct hs_join *j);
/* Also names a RST for each join, but one with an infinite mapping, once the connection is TCP
 * (rule 26) or closed: to be asked after HS_EV_TCP and HS_EV_RESET of the first subflow too. */
enum hs_kind hs_join_due(struct hs_join *j, struct hs_conn *c, uint64_t now);
/* -EAGAIN for data before the third ACK was acknowledged (rule 29); else as hs_send(). */
int hs_join_send(struct hs_join *j, struct hs_conn *c, const struct hs_segment *s, uint64_t now,
		 struct hs_out *out);
/* An established join has ended. */
void hs_join_closed(struct hs_join *j, struct hs_conn *c);

/* MP_TCPRST for a RST of a subflow without connection: an MP_JOIN with a token that nobody knows.
 */
void hs_tcprst(uint8_t reason, struct hs_out *out);

/* Words for logs. */
const char *hs_state_name(unsigned int state);
const char *hs_why_name(unsigned int why);
/* The rule of docs/handshake.md that a cause is of; 0: none. */
unsigned int hs_why_rule(unsigned int why);

#endif
