/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every MPTCP connection and subflow that passes, seen from between its ends (docs/conns.md).
 *
 * Pure: packets, the NIC's events and the time come in; what was concluded, what is to be told to
 * the NIC and to the peer version cache goes out, to be fetched with conns_next_*(). All memory is
 * taken by conns_new(). Packets and events are hostile; nothing they say is believed that their
 * sender need not know the connection's numbers or keys for, where it would end the connection.
 *
 * What it must get, both ways, as struct conns_packet:
 * - SYN, SYN/ACK, FIN and RST of every TCP connection;
 * - the packet behind the SYN/ACK in the initiator's direction, whatever it carries;
 * - packets with MP_CAPABLE, MP_JOIN, ADD_ADDR, REMOVE_ADDR, MP_PRIO, MP_FAIL, MP_FASTCLOSE or
 *   MP_TCPRST.
 * More packets do no harm, but none is needed: what data says comes as the NIC's events.
 * What happens when some are lost:
 * - a SYN: the connection is not seen (its further packets count as strays), until it is sent
 * again;
 * - a SYN/ACK: the connection times out as half-open, unless it is sent again;
 * - a third packet: keys come with the next MP_CAPABLE; without one the connection is MPTCP with
 *   the first DSS, key A unknown: then joins cannot be judged (CONNS_HMAC_UNKNOWN);
 * - events: counted by their sequence numbers (lost_events); numbers catch up with the next event,
 *   a confirmation or fallback comes with the next frame that shows it again;
 * - FIN, RST: the connection ages by idle time.
 *
 * Times are nanoseconds of one clock of the caller's that does not go back; config.epoch_s ties it
 * to 1970. Addresses are in wire order, numbers in host order. Side 0 is the initiator (A) of a
 * connection, side 1 its listener (B). One thread at a time.
 */
#ifndef HOST_CONNS_H
#define HOST_CONNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mpnic_device_regs.h"
#include "sight.h"

#define CONNS_RULES	 35 /* rules of fallback are numbered 1 to 34 (docs/conns.md) */
#define CONNS_FLOWS_MAX	 16 /* subflows of one connection */
#define CONNS_ADDRS_MAX	 8  /* addresses that one side announced */
#define CONNS_HALF_JOINS 4  /* joins of one connection that are in their handshake */
#define CONNS_TABLE_MAX	 (1u << 22)

struct conns;

/* What is dropped (verdict.drop); without a bit the packet passes and the receiver judges. */
enum conns_policy {
	CONNS_DROP_JOIN_UNKNOWN = 1u << 0,  /* MP_JOIN SYN with a token that nobody knows */
	CONNS_DROP_JOIN_BAD = 1u << 1,	    /* MP_JOIN SYN/ACK or ACK whose HMAC is wrong */
	CONNS_DROP_JOIN_FALLBACK = 1u << 2, /* MP_JOIN SYN of a connection that is TCP (rule 26) */
	CONNS_DROP_ADDR_BAD = 1u << 3,	    /* ADD_ADDR whose HMAC is wrong (rule 30) */
	CONNS_PUNT_JOINS = 1u << 8,	    /* token entries ask the NIC to punt, not to learn */
};

/* Spans of time, ns. */
struct conns_times {
	uint64_t half;	    /* handshake, from its last SYN */
	uint64_t idle;	    /* open subflow without a packet */
	uint64_t time_wait; /* behind both FINs */
	uint64_t rst_wait;  /* from a RST to its being believed */
	uint64_t ask;	    /* for the answer to CONNS_DO_FLOW_ASK */
	uint64_t linger;    /* connection without subflows, that was not closed */
};

struct conns_config {
	uint32_t conns, flows;	    /* sizes, 1 to CONNS_TABLE_MAX; flows >= conns */
	uint32_t half_in, half_out; /* connections in their handshake, by who began; 1 to conns */
	uint32_t half_joins;	    /* joins in their handshake; 1 to flows */
	uint32_t sights, changes;   /* sizes of these queues, 1 to CONNS_TABLE_MAX */
	uint32_t conn_base;	    /* ids in the NIC are conn_base to conn_base + conns - 1 */
	uint32_t epoch_s;	    /* seconds since 1970 at time 0 of the caller's clock */
	uint32_t policy;	    /* enum conns_policy */
	uint8_t key[16];	    /* of the hash tables: secret, random */
	uint8_t join_cap;	    /* unconfirmed joins of one token in the NIC */
	uint64_t host_sources;	    /* as settings.host_sources of the NIC */
	bool exact_vlan;	    /* as settings.exact_vlan of the NIC */
	struct mpnic_action action; /* given to flows in the NIC */
	struct conns_times times;
};

/* Everything but the key and epoch_s, which remain zero. */
void conns_defaults(struct conns_config *config);

/* Returns 0, -EINVAL for a size out of range, -ENOMEM. */
int conns_new(const struct conns_config *config, struct conns **conns);
void conns_free(struct conns *conns);

/* The wall clock was set: began_s and now_s of sights from now on. */
void conns_set_epoch(struct conns *conns, uint32_t epoch_s);

/* ---- packets -------------------------------------------------------------------------------- */

/* What became of a SYN of the host that carried MP_CAPABLE. */
enum conns_sent {
	CONNS_SENT_AS_IS,
	CONNS_SENT_STRIPPED, /* by policy: for the peer it is a plain SYN */
};

struct conns_packet {
	const struct mpnic_hdr *hdr; /* as it came, before any edit of ours */
	const struct mpnic_csum *csum;
	uint64_t time_ns;
	uint8_t network;
	bool out;	      /* host to wire */
	enum conns_sent sent; /* of a SYN with @out */
};

enum conns_found {
	CONNS_FINE,
	CONNS_NOT_SOUND,     /* no whole TCP header, or a bad checksum: changes nothing */
	CONNS_STRAY,	     /* of no connection that is known */
	CONNS_LEFT_OUT,	     /* no room for it: passes untracked */
	CONNS_JOIN_UNKNOWN,  /* rule 28 */
	CONNS_JOIN_BAD,	     /* rule 28: HMAC wrong */
	CONNS_JOIN_FALLBACK, /* rule 26 */
	CONNS_ADDR_BAD,	     /* rule 30 */
};

struct conns_verdict {
	bool drop;
	enum conns_found found;
	uint64_t number; /* of the connection; 0: none */
};

/*
 * conns_packet() - take in a packet. Then do what conns_next_action() says, and only then let the
 * packet go on: so the NIC knows a subflow before its data can come.
 */
void conns_packet(struct conns *conns, const struct conns_packet *packet,
		  struct conns_verdict *verdict);

/* conns_wants() - is it a packet that must come here? The NIC's metadata (flow `miss`, sign
 * HANDSHAKE) saves the question for data of connections that are open. */
bool conns_wants(const struct conns *conns, const struct mpnic_hdr *hdr, uint8_t network);

/* Version to decode a segment's options with: enum given; UNKNOWN where it is not known. */
unsigned int conns_version(const struct conns *conns, const struct mpnic_hdr *hdr, uint8_t network);

/*
 * conns_syn_number() - before conns_packet(): which SYN of its connection attempt is this one?
 * 0: the first; n: its nth retransmission. @offered: how many of the earlier ones went out with
 * MP_CAPABLE; may be NULL.
 */
unsigned int conns_syn_number(const struct conns *conns, const struct mpnic_hdr *hdr,
			      uint8_t network, unsigned int *offered);

/* ---- the NIC -------------------------------------------------------------------------------- */

/* An event of a frame. @now_ns: the caller's clock (event->time_ns is the device's). */
void conns_event(struct conns *conns, const struct mpnic_event *event, uint64_t now_ns);

/* Event LEARNT_AGED: firmware removed a learnt flow that was not confirmed in time. */
void conns_learnt_aged(struct conns *conns, uint32_t flow_id);

enum conns_do {
	CONNS_DO_CONN_SET,     /* conn_id, conn: the whole record; zeros: no longer used */
	CONNS_DO_FLOW_ADD,     /* flow, then dir[0] and dir[1] to the id it got */
	CONNS_DO_FLOW_CONFIRM, /* flow.key */
	CONNS_DO_FLOW_SET,     /* flow.key, flow.action */
	CONNS_DO_FLOW_REMOVE,  /* flow.key */
	CONNS_DO_FLOW_ASK,     /* flow.key: is it in use? answered with conns_flow_seen() */
	CONNS_DO_TOKEN_ADD,    /* token */
	CONNS_DO_TOKEN_REMOVE, /* token.token */
};

/* One thing that the NIC is to be told. Records are as in rte_pmd_mpnic.h. */
struct conns_action {
	enum conns_do what;
	uint32_t conn_id;
	uint32_t flow_ref[2]; /* whose it is, for conns_failed() and conns_flow_seen() */
	struct mpnic_conn conn;
	struct mpnic_admin_flow flow;
	struct mpnic_dir dir[2];
	struct mpnic_token_entry token;
};

/*
 * conns_next_action() - the next thing to do, in an order in which nothing names what is not there.
 * What is due follows from the difference between what is wanted and what the NIC was told, so none
 * is ever lost, and a caller that does not ask costs no memory; the slots of what has ended are
 * free when its removal was fetched. Returns false if nothing is due.
 */
bool conns_next_action(struct conns *conns, struct conns_action *action);

/* The action was not done: @err, negative errno. What it was for is tracked, but not in the NIC. */
void conns_failed(struct conns *conns, const struct conns_action *action, int err);

/* The NIC was reset, its tables are empty: everything that should stand there is due again. */
void conns_nic_reset(struct conns *conns);

/* Answer to CONNS_DO_FLOW_ASK, at once where that is possible. @seen_ns: when its last frame
 * passed, by the caller's clock. */
void conns_flow_seen(struct conns *conns, const struct conns_action *asked, uint64_t packets,
		     uint64_t bytes, uint64_t seen_ns);

/* ---- time ----------------------------------------------------------------------------------- */

/* conns_tick() - look at @budget places of the tables for what is too old; the next call goes on
 * behind them. Returns how many connections ended. */
unsigned int conns_tick(struct conns *conns, uint64_t now_ns, unsigned int budget);

/* ---- what goes out -------------------------------------------------------------------------- */

/* Next observation on a peer; false: none. What found no room was counted (lost_sights). */
bool conns_next_sight(struct conns *conns, struct sight *sight);

enum conns_what {
	CONNS_BEGAN,	 /* first SYN with MP_CAPABLE */
	CONNS_ANSWERED,	 /* SYN/ACK with a good MP_CAPABLE */
	CONNS_OPENED,	 /* third packet: it is MPTCP */
	CONNS_CONFIRMED, /* first Data ACK of the host's peer */
	CONNS_FELL_BACK, /* to TCP, by rule */
	CONNS_NOTED, /* what a rule speaks of was seen for the first time; no fallback by itself */
	CONNS_JOIN_BEGAN,
	CONNS_JOINED,	   /* a join's third packet, HMAC right or not to be judged */
	CONNS_JOIN_FAILED, /* by rule 28 */
	CONNS_FLOW_ENDED,
	CONNS_ADDR_ADDED,
	CONNS_ADDR_REMOVED,
	CONNS_PRIO,
	CONNS_CLOSED,
	CONNS_NOT_IN_NIC, /* the NIC had no room */
};

/* A line of the change log. */
struct conns_change {
	uint64_t time_ns, number; /* connection, from 1 */
	enum conns_what what;
	uint8_t rule; /* 0: none */
	uint8_t by;   /* side whose packet showed it; 2: nobody's (time, the NIC) */
	uint8_t id;   /* address id (joins, addresses) */
	uint8_t host; /* side that the host is */
};

bool conns_next_change(struct conns *conns, struct conns_change *change);

const char *conns_what_name(enum conns_what what);

/* ---- listing -------------------------------------------------------------------------------- */

enum conns_state {
	CONNS_FREE,
	CONNS_SYN,    /* SYN seen */
	CONNS_ANSWER, /* SYN/ACK with MP_CAPABLE seen */
	CONNS_OPEN,   /* third packet seen: MPTCP */
	CONNS_TCP,    /* fell back */
	CONNS_ENDED,  /* its removal from the NIC is still due */
};

enum conns_hmac {
	CONNS_HMAC_NONE,    /* not seen */
	CONNS_HMAC_UNKNOWN, /* a key is not known */
	CONNS_HMAC_GOOD,
	CONNS_HMAC_BAD,
};

struct conns_addr {
	struct ip_addr addr;
	uint16_t port; /* 0: none named */
	uint8_t id;
	enum conns_hmac hmac; /* never BAD: those are not kept */
	bool echoed;
};

/* A connection, without its keys. */
struct conns_info {
	uint64_t number;
	enum conns_state state;
	uint8_t network;
	bool out;		 /* the host is its initiator (side 0) */
	bool confirmed;		 /* its peer sent a Data ACK */
	bool in_nic, not_in_nic; /* not_in_nic: there was no room */
	uint8_t version;	 /* enum given; UNKNOWN before the answer */
	bool csum;		 /* DSS checksums */
	bool key_known[2], deny_join[2], data_fin[2];
	uint32_t conn_id;
	uint32_t token[2]; /* 0 where the key is not known */
	uint64_t idsn[2];
	uint64_t dsn[2]; /* highest number seen of what each side sent */
	uint64_t began_ns, confirmed_ns, fell_ns;
	unsigned int syns, flows;
	uint8_t rule, by;	     /* of the fallback; rule 0: none */
	uint32_t noted[CONNS_RULES]; /* how often something that a rule speaks of was seen */
	struct conns_addr addr[2][CONNS_ADDRS_MAX];
	unsigned int addrs[2];
};

struct conns_flow_info {
	enum conns_state state; /* OPEN of a join: its third packet was seen */
	bool first, out;	/* out: opened by the host */
	uint8_t opener;		/* side that opened it */
	uint8_t network;
	struct ip_addr addr[2]; /* of its opener, of the other end */
	uint16_t port[2];
	uint8_t id[2];	/* address ids, likewise */
	bool backup[2]; /* what each said of it */
	enum conns_hmac synack_hmac, ack_hmac;
	bool fin[2], rst[2];
	uint8_t rst_reason;	  /* of MP_TCPRST; 255: none */
	uint64_t slow_packets[2]; /* that came here, by sender, opener first */
	uint64_t packets, bytes;  /* as the NIC said last */
	uint64_t events;
	bool in_nic;
};

/* conns_list() - the connection at or behind *@at, which is moved on; start with 0. False: no more.
 * Connections that come or go in between may be missed, none is told twice. */
bool conns_list(const struct conns *conns, uint32_t *at, struct conns_info *info);
/* Subflow @index of a connection that conns_list() told of. False: no such, or it is over. */
bool conns_list_flow(const struct conns *conns, const struct conns_info *of, unsigned int index,
		     struct conns_flow_info *info);

/* The keys of a connection, for who asks by name. Returns 0; -ENOENT: no such connection;
 * -ENODATA: a key is not known. */
int conns_keys(const struct conns *conns, uint64_t number, uint64_t key[2]);

struct conns_counts {
	uint64_t packets, not_sound, strays, events, stray_events, lost_events;
	uint64_t began, opened, confirmed, fell_back, closed;
	uint64_t joins, joined, join_unknown, join_bad, join_fallback;
	uint64_t evicted_half, evicted_tcp, evicted_join; /* for another one */
	uint64_t left_out_conns, left_out_flows, left_out_addrs;
	uint64_t token_collisions; /* a token that another connection has: not looked up */
	uint64_t bad_ack;	   /* SYN/ACKs that answer no SYN */
	uint64_t second_syn;	   /* SYNs inside a connection; an answer makes them a new one */
	uint64_t addr_bad, fastclose_bad, fail_bad; /* HMAC, key, DSN wrong */
	uint64_t rst_doubted;			    /* RSTs from the wire that were not the end */
	uint64_t nic_failed, lost_sights, lost_changes;
	uint64_t rule[CONNS_RULES]; /* fallbacks by rule */
	uint32_t used_conns, used_flows;
};

void conns_counts(const struct conns *conns, struct conns_counts *counts);

#endif
