/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control's thread. Each round: frames that the mover gave, events of the NIC, what follows from
 * both for tables and peers, probes that are due; then time, commands and signals. Nothing to do:
 * it sleeps until the mover or a client wakes it, or for a moment, since events of the NIC are
 * looked for.
 */
#include <errno.h>
#include <rte_ethdev.h>
#include <rte_ring.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"
#include "mpnic_encode.h"
#include "mpnic_state.h"
#include "rte_pmd_mpnic.h"

#define MS 1000000ull

enum {
	FRAMES = 64, /* of a round */
	EVENTS = 64,
	ACTIONS = 64,
	SIGHTS_ROUND = 256,
	PEERS_ROUND = 64,
	TICK_PLACES = 256,
	SLEEP_MS = 2,
	SAVE_MS = 500,
	RETRY_MS = 500,
	UNSAVED = 1 << 14,
	SPIN_ROUNDS = 20,
	TCP_SYN = 2,
};

struct plane_now daemon_now(const struct daemon *d)
{
	struct timespec t;
	uint64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &t);
	ns = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	return (struct plane_now){
		.ns = ns, .s = (uint32_t)((int64_t)(ns + (uint64_t)d->wall_ahead_ns) / 1000000000)};
}

int64_t daemon_look_at_clock(struct daemon *d)
{
	struct timespec wall, mono;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	d->wall_ahead_ns =
		(wall.tv_sec - mono.tv_sec) * INT64_C(1000000000) + wall.tv_nsec - mono.tv_nsec;
	return d->wall_ahead_ns / 1000000000;
}

/* The wall clock may be set at any time. */
static void look_at_clock(struct daemon *d)
{
	const int64_t before = d->wall_ahead_ns / 1000000000, now = daemon_look_at_clock(d);

	if (now != before)
		conns_set_epoch(plane_conns(d->plane), (uint32_t)now);
}

/* ---- frames --------------------------------------------------------------------------------- */

static void send_frame(struct daemon *d, unsigned int port, struct rte_mbuf *m)
{
	if (d->lost || !rte_eth_tx_burst(d->nic.port[port], NIC_TXQ_CONTROL, &m, 1))
		rte_pktmbuf_free(m);
}

static void strip_capable(struct rte_mbuf *m, const struct mpnic_hdr *hdr,
			  const struct mpnic_csum *csum)
{
	struct mpnic_result r = {.strip = 1u << MPNIC_SUBTYPE_MP_CAPABLE};

	mpnic_deparse(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, hdr, csum, &r);
}

static void release(struct daemon *d, struct rte_mbuf *m, const struct mover_note *note)
{
	if (!note->from_kernel && !note->punted) {
		mover_to_kernel(&d->mover, note->port, m);
		return;
	}
	/* Decided by us: the card's tables have seen it. */
	if (note->punted)
		m->ol_flags = d->nic.bypass_flag;
	send_frame(d, note->port, m);
}

static void decode(const struct daemon *d, const struct rte_mbuf *m, uint8_t port,
		   struct mpnic_hdr *hdr, struct mpnic_csum *csum)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	unsigned int given;

	mpnic_packet(frame, m->data_len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), hdr, csum);
	given = plane_version(d->plane, hdr, port);
	if (given != MPNIC_GIVEN_UNKNOWN)
		mpnic_headers(frame, m->data_len, (uint8_t)MPNIC_USER(given, 0), hdr);
}

static void take_frame(struct daemon *d, struct rte_mbuf *m, struct plane_now now)
{
	const struct mover_note note = *mover_note(m);
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;
	struct plane_frame f = {.frame = rte_pktmbuf_mtod(m, const uint8_t *),
				.hdr = &hdr,
				.csum = &csum,
				.port = note.port,
				.from_kernel = note.from_kernel || note.punted};
	enum plane_fate fate;

	decode(d, m, note.port, &hdr, &csum);
	now.ns = note.time_ns;
	fate = plane_frame(d->plane, &f, now);
	/* The NIC knows a subflow before its data can come. */
	if (!d->lost)
		push_actions(&d->push, &d->nic, plane_conns(d->plane), ACTIONS, now.ns);
	if (!note.held || fate == PLANE_DROP || fate == PLANE_OURS) {
		rte_pktmbuf_free(m);
		return;
	}
	if (fate == PLANE_STRIP)
		strip_capable(m, &hdr, &csum);
	release(d, m, &note);
}

static unsigned int take_frames(struct daemon *d, struct plane_now now)
{
	void *burst[FRAMES];
	const unsigned int n = rte_ring_sc_dequeue_burst(d->mover.slow, burst, FRAMES, NULL);

	for (unsigned int i = 0; i < n; i++)
		take_frame(d, burst[i], now);
	return n;
}

static unsigned int take_events(struct daemon *d, struct plane_now now)
{
	struct mpnic_event_cpl cpl[EVENTS];
	const int n = d->lost ? 0 : rte_pmd_mpnic_events(d->nic.port[0], cpl, EVENTS);

	for (int i = 0; i < n; i++) {
		struct mpnic_event event = {0};

		memcpy(&event, cpl[i].body, sizeof(cpl[i].body));
		if (cpl[i].kind == MPNIC_EVENT_KIND_FRAME) {
			push_clock(&d->push, event.time_ns, now.ns);
			plane_event(d->plane, &event, now);
			d->events++;
		} else if (cpl[i].kind == MPNIC_EVENT_KIND_LEARNT_AGED) {
			conns_learnt_aged(plane_conns(d->plane), event.flow_id);
		}
	}
	return n > 0 ? (unsigned int)n : 0;
}

/* ---- probes --------------------------------------------------------------------------------- */

static size_t encode_probe(const struct probe_packet *p, const struct path *path, uint8_t *frame,
			   size_t room)
{
	struct mpnic_out_frame f = {
		.vlan_count = path->vlan_count,
		.vlan = {path->vlan[0], path->vlan[1]},
		.ip_version = p->src.version,
		.ttl = 64,
		.sport = p->sport,
		.dport = p->dport,
		.seq = p->seq,
		.ack = p->ack,
		.tcp_flags = p->tcp_flags,
		.window = p->window,
	};
	uint8_t opts[4 + PROBE_OPTS_MAX];
	size_t len = 0;
	int got;

	memcpy(f.dst_mac, path->dst_mac, sizeof(f.dst_mac));
	memcpy(f.src_mac, path->src_mac, sizeof(f.src_mac));
	memcpy(f.src, p->src.bytes, sizeof(f.src));
	memcpy(f.dst, p->dst.bytes, sizeof(f.dst));
	if (p->mss) {
		const uint8_t mss[] = {2, 4, (uint8_t)(p->mss >> 8), (uint8_t)p->mss};

		memcpy(opts, mss, sizeof(mss));
		len = sizeof(mss);
	}
	memcpy(opts + len, p->opts, p->opt_len);
	got = mpnic_encode_frame(&f, opts, len + p->opt_len, NULL, 0, frame, room);
	return got < 0 ? 0 : (size_t)got;
}

/* They leave as the host's own frames do, but behind the tables: nobody tracks them. */
static unsigned int send_probes(struct daemon *d, struct plane_now now)
{
	struct probe_packet packet;
	unsigned int n = 0;
	struct path path;

	while (!d->lost && n < FRAMES && plane_next_probe(d->plane, now, &packet, &path)) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(d->nic.pool);
		size_t len = 0;

		n++;
		if (m)
			len = encode_probe(&packet, &path, rte_pktmbuf_mtod(m, uint8_t *),
					   rte_pktmbuf_tailroom(m));
		if (!len) {
			d->unsent_probes++;
			rte_pktmbuf_free(m);
			continue;
		}
		m->pkt_len = m->data_len = (uint16_t)len;
		m->ol_flags = d->nic.bypass_flag;
		send_frame(d, path.port, m);
	}
	return n;
}

/* ---- peers: NIC and file -------------------------------------------------------------------- */

static void push_one(struct daemon *d, const struct peer_key *key, struct plane_now now)
{
	uint8_t speaks, first_syn;

	if (d->lost || !key->port)
		return;
	plane_nic_peer(d->plane, key, now, &speaks, &first_syn);
	if (push_peer(&d->nic, key, speaks, first_syn))
		d->peers_refused++;
}

static void note_unsaved(struct daemon *d, const struct peer_key *key, struct plane_now now)
{
	if (!d->store)
		return;
	if (!d->unsaved_count && !d->unsaved_missed)
		d->save_ns = now.ns + SAVE_MS * MS;
	if (d->unsaved_count == UNSAVED)
		d->unsaved_missed = true;
	else
		d->unsaved[d->unsaved_count++] = *key;
}

static unsigned int take_peers(struct daemon *d, struct plane_now now)
{
	struct peer_key key;
	unsigned int n = 0;

	if (plane_peers_missed(d->plane)) {
		d->sweeping = true;
		d->sweep = 0;
		d->unsaved_missed = d->store != NULL;
	}
	for (; n < PEERS_ROUND && plane_next_peer(d->plane, &key); n++) {
		push_one(d, &key, now);
		note_unsaved(d, &key, now);
	}
	return n;
}

/* All peers, a few in a round. */
static unsigned int sweep(struct daemon *d, struct plane_now now)
{
	struct peers_record r;
	unsigned int n = 0;

	while (d->sweeping && n < PEERS_ROUND) {
		d->sweeping = peers_next(plane_peers(d->plane), &d->sweep, &r);
		if (d->sweeping)
			push_one(d, &r.key, now);
		n++;
	}
	return n;
}

/* ---- time ----------------------------------------------------------------------------------- */

static void recover(struct daemon *d, struct plane_now now)
{
	char error[DAEMON_ERROR];
	int err;

	if (!d->lost) {
		daemon_say("the card has failed: it is reset, and its tables are filled again");
		/* No port can be used; what the kernel sends waits, and is lost when it is much. */
		mover_pause(&d->mover);
	}
	d->lost = true;
	if (now.ns < d->retry_ns)
		return;
	err = nic_recover(&d->nic, error, sizeof(error));
	d->retry_ns = now.ns + RETRY_MS * MS;
	if (err)
		return;
	mover_resume(&d->mover);
	daemon_say("the card is back");
	d->lost = false;
	d->nic_resets++;
	d->push.known = false;
	conns_nic_reset(plane_conns(d->plane));
	plane_tell(d->plane, NOTE_NIC_RESET, now);
	d->sweeping = true;
	d->sweep = 0;
}

static void pass_time(struct daemon *d, struct plane_now now)
{
	look_at_clock(d);
	conns_tick(plane_conns(d->plane), now.ns, TICK_PLACES);
	if (d->lost || atomic_load(&d->nic.failed))
		recover(d, now);
	if (d->unsaved_count + d->unsaved_missed && now.ns >= d->save_ns)
		daemon_save(d);
}

/* ---- signals and sleep ---------------------------------------------------------------------- */

static void take_signal(struct daemon *d)
{
	char error[DAEMON_ERROR];
	struct signalfd_siginfo s;

	if (read(d->signals, &s, sizeof(s)) != sizeof(s))
		return;
	if (s.ssi_signo != SIGHUP) {
		d->stop = true;
		return;
	}
	if (daemon_reload(d, error, sizeof(error)))
		daemon_say("nothing is changed: %s", error);
	else
		daemon_say("%s: read again", d->config_path);
}

static int sleep_ms(struct daemon *d, struct plane_now now)
{
	const uint64_t due = plane_deadline(d->plane);

	if (due <= now.ns)
		return 0;
	return due - now.ns < SLEEP_MS * MS ? 1 : SLEEP_MS;
}

static void wait_for_news(struct daemon *d, bool busy)
{
	struct epoll_event event[4];
	uint64_t count;
	int n, timeout = 0;

	if (!busy) {
		timeout = sleep_ms(d, daemon_now(d));
		atomic_store(&d->mover.control_sleeps, true);
		if (rte_ring_count(d->mover.slow))
			timeout = 0;
	}
	n = epoll_wait(d->epoll, event, 4, timeout);
	atomic_store(&d->mover.control_sleeps, false);
	for (int i = 0; i < n; i++) {
		if (event[i].data.fd == d->signals)
			take_signal(d);
		else if (event[i].data.fd == d->mover.wake_fd)
			(void)!read(d->mover.wake_fd, &count, sizeof(count));
		else if (d->metrics && event[i].data.fd == metrics_fd(d->metrics))
			metrics_run(d->metrics);
		else
			ctl_run(d->ctl);
	}
}

static int watch(struct daemon *d, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_loop(struct daemon *d)
{
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	d->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (d->signals < 0 || d->epoll < 0)
		return -errno;
	err = watch(d, d->signals);
	if (!err)
		err = watch(d, d->mover.wake_fd);
	if (!err)
		err = watch(d, ctl_fd(d->ctl));
	if (!err && d->metrics)
		err = watch(d, metrics_fd(d->metrics));
	if (!err && d->store) {
		d->unsaved = calloc(UNSAVED, sizeof(*d->unsaved));
		err = d->unsaved ? 0 : -ENOMEM;
	}
	return err;
}

int daemon_loop(struct daemon *d, char *error, size_t size)
{
	const int err = open_loop(d);
	unsigned int idle = 0;
	uint64_t seen = 0;

	if (err) {
		snprintf(error, size, "control: %s", strerror(-err));
		return err;
	}
	while (!d->stop) {
		const struct plane_now now = daemon_now(d);
		unsigned int done = take_frames(d, now) + take_events(d, now);

		plane_settle(d->plane, SIGHTS_ROUND, now);
		if (!d->lost)
			done += (unsigned int)RTE_MAX(0, push_actions(&d->push, &d->nic,
								      plane_conns(d->plane),
								      ACTIONS, now.ns));
		done += take_peers(d, now) + sweep(d, now) + send_probes(d, now);
		pass_time(d, now);
		if (plane_note(d->plane, seen + 1)) {
			while (plane_note(d->plane, seen + 1))
				seen = plane_note(d->plane, seen + 1)->seq;
			ctl_news(d->ctl);
		}
		idle = done ? 0 : idle + 1;
		wait_for_news(d, idle < SPIN_ROUNDS);
	}
	if (d->store)
		daemon_save(d);
	free(d->unsaved);
	close(d->signals);
	close(d->epoll);
	return 0;
}
