/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control plane as one: what passes goes to the tracker (conns), what that says of peers to the
 * cache (peers) and to policy, what policy wants to know to probes. It decides what becomes of the
 * frames that were held, and says what the NIC, the file of the cache and the log are to get.
 *
 * Pure: frames, events, time and random bytes come in; nothing is read or sent. One thread at a
 * time. The caller's loop: plane_frame() or plane_event() for what came, push what conns has
 * due to the NIC, let held frames go, plane_settle(), then fetch peers, probes' packets and
 * notes.
 */
#ifndef HOST_PLANE_H
#define HOST_PLANE_H

#include "conns.h"
#include "paths.h"
#include "peers.h"
#include "policy.h"
#include "probe.h"

struct plane_config {
	struct conns_config conns;
	struct peers_config peers;
	struct probe_config probe;
	/* Unguessable bytes, as many as wanted. */
	void (*random)(void *ctx, void *bytes, size_t count);
	void *ctx;
};

/* What the two clocks say: monotonic, and of the wall. */
struct plane_now {
	uint64_t ns; /* never goes back */
	uint32_t s;  /* since 1970 */
};

struct plane;

/* @policy: the caller's, sealed; it must outlive its use. 0 or a negative errno; *wrong says what
 * about the configuration. */
int plane_new(const struct plane_config *config, const struct policy *policy, struct plane **plane,
	      const char **wrong);
void plane_free(struct plane *plane);

/* The parts, for listing and for the caller's own commands. */
struct conns *plane_conns(struct plane *plane);
struct peers *plane_peers(struct plane *plane);
struct probe *plane_probe(struct plane *plane);
const struct policy *plane_policy(const struct plane *plane);

/* Another policy from now on; what it forbids ends. Returns the one before. */
const struct policy *plane_set_policy(struct plane *plane, const struct policy *policy,
				      struct plane_now now);
/* While draining, no MPTCP connection begins: first SYNs of the host lose their MP_CAPABLE. */
void plane_drain(struct plane *plane, bool on, struct plane_now now);
bool plane_draining(const struct plane *plane);

/* ---- frames --------------------------------------------------------------------------------- */

struct plane_frame {
	const uint8_t *frame;
	const struct mpnic_hdr *hdr; /* decoded with the version of plane_version() */
	const struct mpnic_csum *csum;
	uint8_t port; /* of the NIC */
	bool from_kernel;
};

enum plane_fate {
	PLANE_PASS,
	PLANE_STRIP, /* pass without its MP_CAPABLE: a SYN of the host */
	PLANE_DROP,
	PLANE_OURS, /* an answer to a probe: the kernel must not see it */
};

/* Version to decode a frame with: enum given. */
unsigned int plane_version(const struct plane *plane, const struct mpnic_hdr *hdr, uint8_t port);

/* What becomes of a frame of the slow path. Of one that was not held nothing but what it shows
 * counts. */
enum plane_fate plane_frame(struct plane *plane, const struct plane_frame *frame,
			    struct plane_now now);

/* An event of the NIC. */
void plane_event(struct plane *plane, const struct mpnic_event *event, struct plane_now now);

/* Draw what follows: sights to the cache, questions to peers, answers that are too old. @budget:
 * sights at most. */
void plane_settle(struct plane *plane, unsigned int budget, struct plane_now now);

/* ---- what goes out -------------------------------------------------------------------------- */

/*
 * A peer whose answer has changed: for the NIC's table, and for the file. False: none. If more have
 * changed than are kept (plane_peers_missed() says so, once), all are to be gone through.
 */
bool plane_next_peer(struct plane *plane, struct peer_key *peer);
bool plane_peers_missed(struct plane *plane);
/* A command changed a peer. */
void plane_touch_peer(struct plane *plane, const struct peer_key *peer);

/* What the NIC's peer table is to say of a peer. */
void plane_nic_peer(const struct plane *plane, const struct peer_key *peer, struct plane_now now,
		    uint8_t *speaks, uint8_t *first_syn);

/* The next segment of a probe, and the way it goes. False: none is due. */
bool plane_next_probe(struct plane *plane, struct plane_now now, struct probe_packet *packet,
		      struct path *path);
/* When there is one, monotonic ns; UINT64_MAX: not by itself. */
uint64_t plane_deadline(const struct plane *plane);

/* Ask a peer because somebody wants to know (mpnicctl probe). Both questions. *tag: names the note
 * that will tell. -ENETUNREACH: the host has sent nothing there, so that no way is known. */
int plane_ask(struct plane *plane, const struct peer_key *peer, struct plane_now now, uint64_t *tag,
	      enum probe_start *start);

/* ---- the log -------------------------------------------------------------------------------- */

enum plane_note_kind {
	NOTE_CONN,  /* change: of a connection */
	NOTE_OFFER, /* decision on a first SYN, or one that was sent again */
	NOTE_PEER,  /* peer: what the cache says has changed */
	NOTE_PROBE, /* report */
	NOTE_NIC_RESET,
	NOTE_POLICY, /* another policy is in force */
	NOTE_DRAIN,  /* on or off */
};

struct plane_note {
	uint64_t seq; /* counts notes, from 1 */
	uint64_t time_ns;
	enum plane_note_kind kind;
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
const struct plane_note *plane_note(const struct plane *plane, uint64_t seq);
/* The caller's own: NOTE_NIC_RESET. */
void plane_tell(struct plane *plane, enum plane_note_kind kind, struct plane_now now);

struct plane_counts {
	uint64_t offers[POLICY_REASONS]; /* decisions on SYNs of the host, by reason */
	uint64_t stripped, dropped;
	uint64_t asks_without_path;
	uint64_t peers_missed;
};

const struct plane_counts *plane_counts(const struct plane *plane);

#endif
