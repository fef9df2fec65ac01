/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connection tracker: what the records of a capture's packets say about its MPTCP connections.
 *
 * Pure: records come in, a description comes out; no I/O, no clock. Packets are hostile: memory is
 * bounded by struct track_limits, and what did not fit is counted. Only segments whose TCP header
 * was decoded and whose IP and TCP checksums are not bad may change anything (the rule of the
 * pipeline: verdict before state).
 */
#ifndef SIM_TRACK_H
#define SIM_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mpnic_regs.h"

#define TRACK_FLOW_CONN_MAX 32 /* subflows of one connection */
#define TRACK_EVENTS_MAX    64 /* events of one kind and sender of one connection */

struct track_limits {
	unsigned int flows; /* TCP flows, MPTCP or not */
	unsigned int conns; /* MPTCP connections */
};

/* How a connection came out; names are in docs/json.md. */
enum track_outcome {
	TRACK_V1,
	TRACK_V0,
	TRACK_SILENT,	   /* TCP: the SYN/ACK has no MP_CAPABLE */
	TRACK_ANSWERED_V0, /* TCP: MP_CAPABLE of version 0 in answer to version 1 */
	TRACK_REFUSED,	   /* for the reason that is named */
	TRACK_MIDDLE,	   /* no SYN in the capture, MPTCP options seen */
};

enum track_verdict {
	TRACK_NOT_SEEN,
	TRACK_KEY_UNKNOWN,
	TRACK_GOOD,
	TRACK_BAD,
};

enum track_event_kind {
	TRACK_ADD_ADDR,	    /* addr, addr_len, port, id, verdict (version 1) */
	TRACK_ADD_ECHO,	    /* addr, addr_len, port, id */
	TRACK_REMOVE_ADDR,  /* ids */
	TRACK_PRIO,	    /* backup, id if has_id */
	TRACK_DATA_FIN,	    /* value: DSN as on the wire, dsn_octets */
	TRACK_FAIL,	    /* value: DSN */
	TRACK_INFINITE,	    /* value: DSN as on the wire, dsn_octets */
	TRACK_UNMAPPED,	    /* data that no mapping covers before the sender's first one */
	TRACK_FASTCLOSE,    /* verdict on its key */
	TRACK_TCPRST,	    /* reason, flags */
	TRACK_PLAIN_SYN,    /* the SYN again, without MP_CAPABLE */
	TRACK_CSUM_BAD,	    /* DSS checksum wrong; value: DSN, 64 bits */
	TRACK_CSUM_MISSING, /* DSS mapping without the checksum that was negotiated */
	TRACK_CSUM_EXTRA,   /* DSS checksum that was not negotiated */
	TRACK_OPT_ERROR,    /* subtype, reason: enum opt_error */
	TRACK_CHAIN_ERROR,  /* reason: enum tcpopt */
	TRACK_TOO_MANY,
	TRACK_COMBINATION,
	TRACK_EVENT_KINDS,
};

struct track_event {
	enum track_event_kind kind;
	uint64_t frame;
	unsigned int subflow; /* index in the connection */
	unsigned int from;    /* 0: sent by A, the initiator; 1: by B */
	enum track_verdict verdict;
	uint64_t value;
	uint8_t dsn_octets; /* 4 or 8 */
	uint8_t addr[16];
	uint8_t addr_len; /* 4 or 16 */
	bool has_id, has_port, backup;
	uint8_t id;
	uint16_t port;
	uint8_t ids[MPNIC_TCP_OPT_MAX], ids_len;
	uint8_t subtype, reason, flags;
};

/* An MP_CAPABLE as it was seen on a segment of the handshake; frame 0: not seen. */
struct track_capable {
	uint64_t frame;
	uint8_t version, flags, length, error;
};

struct track_join {
	bool seen;	  /* MP_JOIN in the SYN */
	bool token_known; /* the token is that of a connection in the capture */
	uint32_t token;
	uint32_t nonce[2];
	bool answered; /* MP_JOIN in the SYN/ACK */
	uint8_t id[2];
	bool backup[2];
	uint64_t ack_frame; /* MP_JOIN in the third packet; 0: not seen */
	enum track_verdict synack_verdict, ack_verdict;
};

/* Sizes of counts by value: as in struct mpnic_state_counters. */
#define TRACK_DSN   16
#define TRACK_CSUM  16
#define TRACK_SIGNS 32

/* What the pipeline's stateful half said of what one side sent, on one flow or on all. */
struct track_data {
	bool numbered;		      /* segments had data sequence numbers: */
	uint64_t dsn, dsn_end;	      /* the lowest one, and one beyond the highest */
	uint64_t segments[TRACK_DSN]; /* with data, by enum dsn */
	uint64_t bytes[TRACK_DSN];    /* of them, by the same */
	uint64_t csum[TRACK_CSUM];    /* mappings that ended, by enum map_csum */
	uint64_t fin_good, fin_bad;   /* checksums of DATA_FINs without data: the tracker's */
	uint64_t retransmissions, retransmitted;
	uint64_t reinjections, reinjected;
	bool queued;
	uint16_t queue;	      /* that of the last segment */
	uint64_t queue_moves; /* how often it was another one than before */
};

/* A sign of the pipeline on what one side sent. */
struct track_sign {
	uint64_t count, frame; /* the first one */
};

/* One TCP flow. Side 0 sent the SYN (or, where no handshake was seen, the first packet). */
struct track_flow {
	struct track_flow *next;
	struct track_conn *conn; /* NULL: plain TCP so far */
	unsigned int index;	 /* in the connection */
	unsigned int opener;	 /* side of the connection (0: A) that is side 0 here */
	uint8_t ip_version;
	uint8_t addr[2][16];
	uint16_t port[2];
	bool isn_known[2];
	uint32_t isn[2];
	uint64_t first_frame, last_frame;
	uint64_t syn_frame, synack_frame; /* 0: not seen */
	uint64_t plain_ack_frame; /* first segment of side 0 behind the SYN/ACK without MPTCP */
	uint64_t rst_frame[2], fin_frame[2];
	uint64_t segments[2], bytes[2];
	bool cut;	 /* a segment's options are cut off */
	bool synack_cut; /* the SYN/ACK's are */
	uint64_t dss;	 /* DSS options, both ways */
	struct track_join join;
	struct track_data *data; /* [2], by sender; NULL: the pipeline said nothing of it yet */
};

/* DSS of one sender. */
struct track_dss {
	uint64_t options;
	uint64_t ack4, ack8; /* Data ACKs by width */
	uint64_t map4, map8; /* mappings by DSN width */
	uint64_t with_csum, infinite, data_fin, empty;
	uint64_t unmapped_first; /* frame of the first data that no mapping covers; 0: none */
	uint64_t capable_data;	 /* MP_CAPABLE with a data length */
};

struct track_conn {
	unsigned int number; /* from 1, in the order of their first packets */
	uint64_t first_frame, last_frame;
	uint64_t first_ns, last_ns;
	bool syn_seen; /* the first subflow's SYN is in the capture */
	struct track_capable offer, answer, confirm;
	bool confirm_wrong_key; /* an ACK's MP_CAPABLE repeated another key than the answer's */
	bool answer_echoes;	/* the answer's key is the offer's own */
	bool answer_bad_ack;	/* a SYN/ACK that acknowledges something else was seen */
	uint8_t version;	/* enum given: what both sides agreed on */
	enum track_outcome outcome;
	const char *reason;    /* of TRACK_REFUSED; else NULL */
	bool csum_known, csum; /* negotiated */
	bool key_known[2];
	uint64_t key[2], idsn[2];
	uint32_t token[2];
	struct track_flow *flow[TRACK_FLOW_CONN_MAX];
	unsigned int flows, flows_left_out;
	struct track_dss dss[2];
	uint64_t segments[2], bytes[2]; /* of flows that are kept or not */
	struct track_data data[2];	/* likewise */
	struct track_sign sign[TRACK_SIGNS][2];
	struct track_event *event;
	unsigned int events, events_size;
	uint64_t event_count[TRACK_EVENT_KINDS][2]; /* by sender, kept or not */
};

struct track_totals {
	unsigned int plain_flows; /* TCP flows without any MPTCP option */
	unsigned int cut_flows;	  /* the same, but their options are cut off in the capture */
	uint64_t flows_left_out;  /* packets of flows beyond the limit */
	uint64_t conns_left_out;  /* packets of connections beyond the limit */
	uint64_t bad_checksum;	  /* segments that were not looked at for their checksum */
};

struct track;

/* NULL if there is no memory. */
struct track *track_new(const struct track_limits *limits);
void track_free(struct track *track);

/* Version of the connection that the segment belongs to: enum given, UNKNOWN where not known. */
unsigned int track_version(const struct track *track, const struct mpnic_hdr *hdr);

/* Take in one packet's records. Returns 0 or -ENOMEM (the packet is then counted as left out). */
int track_packet(struct track *track, const struct mpnic_hdr *hdr, const struct mpnic_csum *csum,
		 uint64_t frame, uint64_t time_ns);

/* The flow of a segment, as track_packet() has left it; NULL if there is none. @dir: its sender. */
const struct track_flow *track_find(const struct track *track, const struct mpnic_hdr *hdr,
				    unsigned int *dir);

/*
 * Take in what the stateful half said of the packet that track_packet() had last. @conn: the
 * pipeline's connection as it is behind the packet, or NULL. Returns 0 or -ENOMEM.
 */
int track_result(struct track *track, const struct mpnic_hdr *hdr, const struct mpnic_csum *csum,
		 const struct mpnic_result *result, const struct mpnic_conn *conn, uint64_t frame);

/* Would the host say by now that the connection is plain TCP? */
bool track_is_tcp(const struct track_conn *conn);

/* Segments, or bytes, of data that no mapping covers; mappings whose checksum was not judged. */
uint64_t track_unmapped(const uint64_t by_dsn[TRACK_DSN]);
uint64_t track_not_judged(const struct track_data *data);

/* Conclude: sets the outcome of every connection. */
void track_finish(struct track *track);

unsigned int track_conns(const struct track *track);
const struct track_conn *track_conn(const struct track *track, unsigned int index);
const struct track_totals *track_totals(const struct track *track);

const char *track_outcome_name(enum track_outcome outcome);
const char *track_verdict_name(enum track_verdict verdict);
const char *track_event_name(enum track_event_kind kind);

#endif
