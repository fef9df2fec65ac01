/* SPDX-License-Identifier: BSD-3-Clause */
#include "mover.h"

#include <errno.h>
#include <poll.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_ring.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "slow.h"

enum mover_state {
	MOVER_STOP,
	MOVER_RUN,
	MOVER_PAUSE,
};

enum {
	SLOW_RING = 4096,
	SPIN_ROUNDS = 500,	  /* without a frame, before the thread sleeps */
	SLEEP_MIN_NS = 20 * 1000, /* frames of the NIC are not waited for but looked for */
	SLEEP_MAX_NS = 1000 * 1000,
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- to control ----------------------------------------------------------------------------- */

static void wake_control(struct mover *mover)
{
	const uint64_t one = 1;

	if (atomic_exchange(&mover->control_sleeps, false))
		(void)!write(mover->wake_fd, &one, sizeof(one));
}

/* Returns whether the ring took it. */
static bool give(struct mover *mover, struct rte_mbuf *m, const struct mover_note *note)
{
	*mover_note(m) = *note;
	if (rte_ring_sp_enqueue(mover->slow, m)) {
		mover->count[note->port].control_full++;
		return false;
	}
	return true;
}

/* Returns whether the frame is to go on by the fast path. */
static bool take_slow(struct mover *mover, struct rte_mbuf *m, struct mover_note *note,
		      enum slow_class class)
{
	note->held = class == SLOW_HOLD;
	if (note->held) {
		mover->count[note->port].held++;
		if (!give(mover, m, note))
			rte_pktmbuf_free(m);
		return false;
	}
	mover->count[note->port].copied++;
	rte_mbuf_refcnt_update(m, 1);
	if (!give(mover, m, note))
		rte_mbuf_refcnt_update(m, -1);
	return true;
}

/* ---- from the NIC to the kernel ------------------------------------------------------------- */

bool mover_to_kernel(const struct mover *mover, unsigned int port, struct rte_mbuf *m)
{
	const uint64_t good = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	const struct tap_csum csum = {.valid = (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == good};
	struct iovec piece[TAP_PIECES];
	unsigned int n = 0;
	int err;

	for (const struct rte_mbuf *s = m; s && n < TAP_PIECES; s = s->next)
		piece[n++] = (struct iovec){rte_pktmbuf_mtod(s, void *), s->data_len};
	err = tap_send(&mover->tap[port], piece, n, &csum);
	rte_pktmbuf_free(m);
	return !err;
}

static void receive_one(struct mover *mover, unsigned int port, struct rte_mbuf *m, uint64_t now)
{
	struct mover_count *count = &mover->count[port];
	struct mover_note note = {.time_ns = now, .port = (uint8_t)port};
	const uint32_t len = m->pkt_len;
	enum slow_class class;

	if (nic_is_slow(mover->nic, m)) {
		note.punted = m->ol_flags & mover->nic->from_host_flag;
		class = note.punted ? SLOW_HOLD
				    : slow_class(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
		if (class != SLOW_NOT && !take_slow(mover, m, &note, class))
			return;
	}
	if (mover_to_kernel(mover, port, m)) {
		count->to_kernel++;
		count->to_kernel_bytes += len;
	} else {
		count->kernel_full++;
	}
}

static unsigned int receive(struct mover *mover, unsigned int port, uint64_t now)
{
	struct rte_mbuf *burst[NIC_BURST];
	const uint16_t n = rte_eth_rx_burst(mover->nic->port[port], 0, burst, NIC_BURST);

	for (uint16_t i = 0; i < n; i++)
		receive_one(mover, port, burst[i], now);
	return n;
}

/* ---- from the kernel to the NIC ------------------------------------------------------------- */

/* A frame of the kernel, or NULL: there is none. */
static struct rte_mbuf *read_kernel(struct mover *mover, unsigned int port, struct tap_csum *csum,
				    bool *lost)
{
	struct mover_count *count = &mover->count[port];
	struct rte_mbuf *m = rte_pktmbuf_alloc(mover->nic->pool);
	ssize_t len;

	*lost = false;
	if (!m) {
		count->no_mbuf++;
		return NULL;
	}
	len = tap_recv(&mover->tap[port], rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m),
		       csum);
	if (len > 0) {
		m->pkt_len = m->data_len = (uint16_t)len;
		return m;
	}
	rte_pktmbuf_free(m);
	*lost = len == -EMSGSIZE;
	count->too_long += *lost;
	count->kernel_errors += len < 0 && !*lost;
	return NULL;
}

/* The card fills in all that the frame has, pseudo header included. */
static void ask_checksum(struct rte_mbuf *m, const struct tap_csum *csum)
{
	if (!csum->needed)
		return;
	m->ol_flags |= csum->offset == 16 ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
	m->l2_len = sizeof(struct rte_ether_hdr);
	m->l3_len = csum->start > m->l2_len ? csum->start - m->l2_len : 0;
}

static void send_all(struct mover *mover, unsigned int port, struct rte_mbuf **burst, uint16_t n)
{
	struct mover_count *count = &mover->count[port];
	uint64_t bytes = 0;
	uint16_t sent;

	for (uint16_t i = 0; i < n; i++)
		bytes += burst[i]->pkt_len;
	sent = rte_eth_tx_burst(mover->nic->port[port], NIC_TXQ_MOVER, burst, n);
	for (uint16_t i = sent; i < n; i++) {
		bytes -= burst[i]->pkt_len;
		rte_pktmbuf_free(burst[i]);
	}
	count->from_kernel += sent;
	count->from_kernel_bytes += bytes;
	count->nic_full += n - sent;
}

static unsigned int forward(struct mover *mover, unsigned int port, uint64_t now)
{
	struct rte_mbuf *burst[NIC_BURST];
	unsigned int looked = 0;
	uint16_t n = 0;

	for (; looked < NIC_BURST; looked++) {
		struct mover_note note = {
			.time_ns = now, .port = (uint8_t)port, .from_kernel = true};
		struct tap_csum csum;
		enum slow_class class;
		struct rte_mbuf *m;
		bool lost;

		m = read_kernel(mover, port, &csum, &lost);
		if (!m && !lost)
			break;
		if (!m)
			continue;
		ask_checksum(m, &csum);
		note.csum_partial = csum.needed;
		class = slow_class(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
		if (class == SLOW_NOT || take_slow(mover, m, &note, class))
			burst[n++] = m;
	}
	if (n)
		send_all(mover, port, burst, n);
	return looked;
}

/* ---- thread --------------------------------------------------------------------------------- */

/* Sleep until the kernel has a frame, or for a moment: the NIC must be looked at. */
static void rest(struct mover *mover)
{
	struct pollfd fd[NIC_PORTS];
	struct timespec t = {0};
	uint64_t ns;

	if (mover->idle < SPIN_ROUNDS)
		return;
	ns = (uint64_t)SLEEP_MIN_NS * (1 + (mover->idle - SPIN_ROUNDS) / 64);
	t.tv_nsec = (long)RTE_MIN(ns, (uint64_t)SLEEP_MAX_NS);
	for (unsigned int i = 0; i < mover->nic->ports; i++)
		fd[i] = (struct pollfd){.fd = mover->tap[i].fd, .events = POLLIN};
	ppoll(fd, mover->nic->ports, &t, NULL);
}

static void move(struct mover *mover)
{
	const uint64_t now = now_ns();
	unsigned int frames = 0;

	for (unsigned int port = 0; port < mover->nic->ports; port++) {
		frames += receive(mover, port, now);
		frames += forward(mover, port, now);
	}
	if (rte_ring_count(mover->slow))
		wake_control(mover);
	mover->idle = frames ? 0 : mover->idle + 1;
	rest(mover);
}

static void *run(void *arg)
{
	struct mover *mover = arg;
	int wanted;

	rte_thread_register(); /* for the mempool's cache */
	while ((wanted = atomic_load(&mover->wanted)) != MOVER_STOP) {
		atomic_store(&mover->is, wanted);
		if (wanted == MOVER_RUN)
			move(mover);
		else
			usleep(1000);
	}
	rte_thread_unregister();
	return NULL;
}

int mover_start(struct mover *mover, struct nic *nic)
{
	int err;

	mover->nic = nic;
	mover->slow =
		rte_ring_create("slow", SLOW_RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (!mover->slow)
		return -rte_errno;
	mover->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (mover->wake_fd < 0)
		return -errno;
	atomic_store(&mover->wanted, MOVER_RUN);
	err = -pthread_create(&mover->thread, NULL, run, mover);
	if (!err)
		pthread_setname_np(mover->thread, "mover");
	return err;
}

void mover_stop(struct mover *mover)
{
	void *m;

	atomic_store(&mover->wanted, MOVER_STOP);
	pthread_join(mover->thread, NULL);
	while (!rte_ring_sc_dequeue(mover->slow, &m))
		rte_pktmbuf_free(m);
	rte_ring_free(mover->slow);
	close(mover->wake_fd);
}

void mover_pause(struct mover *mover)
{
	atomic_store(&mover->wanted, MOVER_PAUSE);
	while (atomic_load(&mover->is) != MOVER_PAUSE)
		usleep(100);
}

void mover_resume(struct mover *mover)
{
	mover->idle = 0;
	atomic_store(&mover->wanted, MOVER_RUN);
}
