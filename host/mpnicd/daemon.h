/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside of mpnicd.
 *
 *   main.c      command line, start, end
 *   loop.c      control's thread: slow frames, events, tables, probes, time
 *   commands.c  what mpnicctl may ask
 *   words.c     peers, connections and notes as JSON
 *   counters.c  statistics, as JSON and as metrics
 *   nic.c       DPDK          mover.c  frames between NIC and kernel     tap.c  the kernel's side
 *   keep.c      the cache's file       reload.c  the configuration, again
 *   push.c      tables of the NIC      ctl.c    control socket           metrics.c  HTTP
 *
 * Two threads: the mover carries frames; control, the main one, does all else.
 */
#ifndef MPNICD_DAEMON_H
#define MPNICD_DAEMON_H

#include "config.h"
#include "plane.h"
#include "ctl.h"
#include "metrics.h"
#include "mover.h"
#include "push.h"
#include "store.h"

#define DAEMON_ERROR 640

struct daemon {
	const char *config_path;
	struct config config;
	struct nic nic;
	struct mover mover;
	struct push push;
	struct plane *plane;
	struct store *store; /* NULL: memory alone */
	struct ctl *ctl;
	struct metrics *metrics; /* NULL: none */
	int epoll, signals;
	bool stop;
	int64_t wall_ahead_ns; /* of the monotonic clock */
	uint64_t started_ns;
	/* The card has failed and could not be reset yet: next try. */
	bool lost;
	uint64_t retry_ns;
	uint64_t nic_resets, events, unsent_probes, store_errors;
	uint64_t peers_refused; /* by the NIC's table, which is full: mpnicd decides for them */
	uint64_t pins_left_out; /* of the file: more than there is room for */
	uint64_t save_ns;	/* when what is to be saved goes into the file */
	/* Peers that changed since: for the file. */
	struct peer_key *unsaved;
	uint32_t unsaved_count;
	bool unsaved_missed; /* more than these: all are written */
	uint32_t sweep;	     /* cursor of a walk over all peers for the NIC; 0: none is under way */
	bool sweeping;
};

struct plane_now daemon_now(const struct daemon *d);
/* Before daemon_now() is of use. Returns seconds since 1970 at time 0 of the monotonic clock. */
int64_t daemon_look_at_clock(struct daemon *d);

/* A line to stderr, for people and for the journal. */
void daemon_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Until a signal or an error; 0 or a negative errno with a message. */
int daemon_loop(struct daemon *d, char *error, size_t size);
/* Read the configuration again: what may change while running does. */
int daemon_reload(struct daemon *d, char *error, size_t size);
/* Open the cache's file and take in what it has. */
int daemon_open_store(struct daemon *d, char *error, size_t size);
/* Write what has changed into the file now. */
void daemon_save(struct daemon *d);
void daemon_save_pin(struct daemon *d, const struct peers_pin *pin, bool gone);

extern const struct ctl_command daemon_commands[];

/* words.c */
json_t *words_peer(const struct daemon *d, const struct peer_key *key,
		   const struct peers_view *view);
json_t *words_conn(const struct daemon *d, const struct conns_info *info);
json_t *words_note(const struct daemon *d, const struct plane_note *note);
void words_addr(const struct ip_addr *addr, char *text, size_t size);
void words_network(const struct daemon *d, uint8_t network, char *text, size_t size);
json_t *words_report(const struct probe_report *report);

/* counters.c */
json_t *counters_json(const struct daemon *d);
void counters_metrics(void *daemon, FILE *out);

#endif
