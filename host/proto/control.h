/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control plane as one: what passes goes to the tracker (conns), what that says of peers to the
 * cache (peers) and to policy, what policy wants to know to probes. It decides what becomes of the
 * frames that were held, and says what the NIC, the file of the cache and the log are to get.
 *
 * Pure: frames, events, time and random bytes come in; nothing is read or sent. One thread at a
 * time. The caller's loop: control_frame() or control_event() for what came, push what conns has
 * due to the NIC, let held frames go, control_settle(), then fetch peers, probes' packets and
 * notes.
 */
#ifndef HOST_CONTROL_H
#define HOST_CONTROL_H

#include "conns.h"
#include "paths.h"
#include "peers.h"
#include "policy.h"
#include "probe.h"

struct control_config {
	struct conns_config conns;
	struct peers_config peers;
	struct probe_config probe;
	/* Unguessable bytes, as many as wanted. */
	void (*random)(void *ctx, void *bytes, size_t count);
	void *ctx;
};

/* What the two clocks say: monotonic, and of the wall. */
struct control_now {
	uint64_t ns; /* never goes back */
	uint32_t s;  /* since 1970 */
};

struct control;

/* @policy: the caller's, sealed; it must outlive its use. 0 or a negative errno; *wrong says what
 * about the configuration. */
int control_new(const struct control_config *config, const struct policy *policy,
		struct control **control, const char **wrong);
void control_free(struct control *control);

/* The parts, for listing and for the caller's own commands. */
struct conns *control_conns(struct control *control);
struct peers *control_peers(struct control *control);
struct probe *control_probe(struct control *control);
const struct policy *control_policy(const struct control *control);

/* Another policy from now on; what it forbids ends. Returns the one before. */
const struct policy *control_set_policy(struct control *control, const struct policy *policy,
					struct control_now now);
/* While draining, no MPTCP connection begins: first SYNs of the host lose their MP_CAPABLE. */
void control_drain(struct control *control, bool on, struct control_now now);
bool control_draining(const struct control *control);

/* ---- frames --------------------------------------------------------------------------------- */

struct control_frame {
	const uint8_t *frame;
	const struct mpnic_hdr *hdr; /* decoded with the version of control_version() */
	const struct mpnic_csum *csum;
	uint8_t port; /* of the NIC */
	bool from_kernel;
};

enum control_fate {
	CONTROL_PASS,
	CONTROL_STRIP, /* pass without its MP_CAPABLE: a SYN of the host */
	CONTROL_DROP,
	CONTROL_OURS, /* an answer to a probe: the kernel must not see it */
};

/* Version to decode a frame with: enum given. */
unsigned int control_version(const struct control *control, const struct mpnic_hdr *hdr,
			     uint8_t port);

/* What becomes of a frame of the slow path. Of one that was not held nothing but what it shows
 * counts. */
enum control_fate control_frame(struct control *control, const struct control_frame *frame,
				struct control_now now);

/* An event of the NIC. */
void control_event(struct control *control, const struct mpnic_event *event,
		   struct control_now now);

/* Draw what follows: sights to the cache, questions to peers. @budget: sights at most. */
void control_settle(struct control *control, unsigned int budget, struct control_now now);

/* ---- what goes out -------------------------------------------------------------------------- */

/*
 * A peer whose answer has changed: for the NIC's table, and for the file. False: none. If more have
 * changed than are kept (control_peers_missed() says so, once), all are to be gone through.
 */
bool control_next_peer(struct control *control, struct peer_key *peer);
bool control_peers_missed(struct control *control);
/* A command changed a peer. */
void control_touch_peer(struct control *control, const struct peer_key *peer);

/* What the NIC's peer table is to say of a peer. */
void control_nic_peer(const struct control *control, const struct peer_key *peer,
		      struct control_now now, uint8_t *speaks, uint8_t *first_syn);

/* The next segment of a probe, and the way it goes. False: none is due. */
bool control_next_probe(struct control *control, struct control_now now,
			struct probe_packet *packet, struct path *path);
/* When there is one, monotonic ns; UINT64_MAX: not by itself. */
uint64_t control_deadline(const struct control *control);

/* Ask a peer because somebody wants to know (mpnicctl probe). Both questions. *tag: names the note
 * that will tell. -ENETUNREACH: the host has sent nothing there, so that no way is known. */
int control_ask(struct control *control, const struct peer_key *peer, struct control_now now,
		uint64_t *tag, enum probe_start *start);

/* ---- the log -------------------------------------------------------------------------------- */

enum control_note_kind {
	NOTE_CONN,  /* change: of a connection */
	NOTE_OFFER, /* decision on a first SYN, or one that was sent again */
	NOTE_PEER,  /* peer: what the cache says has changed */
	NOTE_PROBE, /* report */
	NOTE_NIC_RESET,
	NOTE_POLICY, /* another policy is in force */
	NOTE_DRAIN,  /* on or off */
};

struct control_note {
	uint64_t seq; /* counts notes, from 1 */
	uint64_t time_ns;
	enum control_note_kind kind;
	struct peer_key peer; /* OFFER, PEER, PROBE */
	union {
		struct conns_change change;
		struct {
			struct policy_decision decision;
			unsigned int nth; /* retransmission */
		} offer;
		struct peers_change learnt;
		struct probe_report report;
		bool on; /* DRAIN */
	};
};

/* The first note with a number of @seq or above that is kept, or NULL. */
const struct control_note *control_note(const struct control *control, uint64_t seq);
/* The caller's own: NOTE_NIC_RESET. */
void control_tell(struct control *control, enum control_note_kind kind, struct control_now now);

struct control_counts {
	uint64_t offers[POLICY_REASONS]; /* decisions on SYNs of the host, by reason */
	uint64_t stripped, dropped;
	uint64_t asks_without_path;
	uint64_t peers_missed;
};

const struct control_counts *control_counts(const struct control *control);

#endif
