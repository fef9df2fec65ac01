/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bursts. No locks, no allocation but of mbufs, nothing waits.
 *
 * An mbuf is the cookie of its descriptor in libmpnic's ring, so there is no second ring beside it.
 * Per frame the hot path reads one completion (a cache line that the device wrote), one entry of
 * the ring's shadow and one line of the mbuf.
 */
#include <errno.h>

#include <rte_malloc.h>
#include <rte_mbuf_dyn.h>
#include <rte_prefetch.h>

#include "mpnic_pmd.h"
#include "rte_pmd_mpnic.h"

enum {
	PREFETCH = 4, /* frames ahead */
	REFILL = 32,  /* buffers that are posted at once */
};

/* --- what the device says of a frame ---------------------------------------------------------- */

static uint32_t l2_type(const struct mpnic_rx_cpl *cpl)
{
	switch (cpl->vlan_count & 0xf) {
	case 0:
		return RTE_PTYPE_L2_ETHER;
	case 1:
		return RTE_PTYPE_L2_ETHER_VLAN;
	default:
		return RTE_PTYPE_L2_ETHER_QINQ;
	}
}

static uint32_t l3_type(const struct mpnic_rx_cpl *cpl)
{
	const unsigned int len = cpl->l4_off - cpl->l3_off;

	switch (cpl->vlan_count >> 4) {
	case 4:
		return len > 20 ? RTE_PTYPE_L3_IPV4_EXT : RTE_PTYPE_L3_IPV4;
	case 6:
		return len > 40 ? RTE_PTYPE_L3_IPV6_EXT : RTE_PTYPE_L3_IPV6;
	default:
		return 0;
	}
}

static uint32_t packet_type(const struct mpnic_rx_cpl *cpl)
{
	switch (cpl->parse) {
	case MPNIC_PARSE_TCP:
		return l2_type(cpl) | l3_type(cpl) | RTE_PTYPE_L4_TCP;
	case MPNIC_PARSE_UDP:
		return l2_type(cpl) | l3_type(cpl) | RTE_PTYPE_L4_UDP;
	case MPNIC_PARSE_OTHER_L4:
		return l2_type(cpl) | l3_type(cpl) | RTE_PTYPE_L4_NONFRAG;
	case MPNIC_PARSE_FRAGMENT:
		return l2_type(cpl) | l3_type(cpl) | RTE_PTYPE_L4_FRAG;
	default:
		return l2_type(cpl);
	}
}

const uint32_t *pmd_ptypes(struct rte_eth_dev *eth)
{
	static const uint32_t types[] = {
		RTE_PTYPE_L2_ETHER,    RTE_PTYPE_L2_ETHER_VLAN, RTE_PTYPE_L2_ETHER_QINQ,
		RTE_PTYPE_L3_IPV4,     RTE_PTYPE_L3_IPV4_EXT,	RTE_PTYPE_L3_IPV6,
		RTE_PTYPE_L3_IPV6_EXT, RTE_PTYPE_L4_TCP,	RTE_PTYPE_L4_UDP,
		RTE_PTYPE_L4_FRAG,     RTE_PTYPE_L4_NONFRAG,	RTE_PTYPE_UNKNOWN,
	};

	return eth->rx_pkt_burst == pmd_rx_burst ? types : NULL;
}

/* By enum csum: none, good, bad, partial, zero, not judged. */
static const uint64_t ip_flags[] = {
	[MPNIC_CSUM_GOOD] = RTE_MBUF_F_RX_IP_CKSUM_GOOD,
	[MPNIC_CSUM_BAD] = RTE_MBUF_F_RX_IP_CKSUM_BAD,
	[MPNIC_CSUM_NOT_JUDGED] = RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN,
};

static const uint64_t l4_flags[] = {
	[MPNIC_CSUM_GOOD] = RTE_MBUF_F_RX_L4_CKSUM_GOOD,
	[MPNIC_CSUM_BAD] = RTE_MBUF_F_RX_L4_CKSUM_BAD,
	[MPNIC_CSUM_PARTIAL] = RTE_MBUF_F_RX_L4_CKSUM_NONE,
	[MPNIC_CSUM_ZERO] = RTE_MBUF_F_RX_L4_CKSUM_GOOD,
	[MPNIC_CSUM_NOT_JUDGED] = RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN,
};

static uint64_t csum_flags(const struct mpnic_rx_cpl *cpl)
{
	return (cpl->csum_ip < RTE_DIM(ip_flags) ? ip_flags[cpl->csum_ip] : 0) |
	       (cpl->csum_l4 < RTE_DIM(l4_flags) ? l4_flags[cpl->csum_l4] : 0);
}

/* The record of a completion begins with what applications get. */
_Static_assert(offsetof(struct mpnic_rx_cpl, meta) == 0, "meta");
_Static_assert(sizeof(struct rte_pmd_mpnic_meta) == sizeof(struct mpnic_meta), "meta");

/* Each offset lies in the frame, but a device that lies may have them in any order. */
static void set_lengths(struct rte_mbuf *m, const struct mpnic_rx_cpl *cpl)
{
	const unsigned int l3 = cpl->l3_off, l4 = cpl->l4_off, payload = cpl->payload_off;

	m->l2_len = l3 & 0x7f;
	m->l3_len = l4 > l3 ? (l4 - l3) & 0x1ff : 0;
	m->l4_len = payload > l4 ? (payload - l4) & 0xff : 0;
}

static void describe(const struct pmd_rxq *q, const struct mpnic_rx_cpl *cpl, struct rte_mbuf *m)
{
	uint64_t flags = RTE_MBUF_F_RX_RSS_HASH | csum_flags(cpl);

	m->packet_type = packet_type(cpl);
	m->pkt_len = cpl->len;
	m->hash.rss = cpl->hash;
	m->vlan_tci = cpl->vlan_outer;
	if (cpl->vlan_count & 0xf)
		flags |= RTE_MBUF_F_RX_VLAN;
	if (cpl->mark) {
		m->hash.fdir.hi = cpl->mark - PMD_MARK_BASE;
		flags |= RTE_MBUF_F_RX_FDIR | RTE_MBUF_F_RX_FDIR_ID;
	}
	m->ol_flags = flags & q->ol_mask;
	if (q->time_offset >= 0) {
		*RTE_MBUF_DYNFIELD(m, q->time_offset, rte_mbuf_timestamp_t *) = cpl->time_ns;
		m->ol_flags |= q->time_flag;
	}
	if (q->meta_offset >= 0) {
		memcpy(RTE_MBUF_DYNFIELD(m, q->meta_offset, void *), &cpl->meta, sizeof(cpl->meta));
		set_lengths(m, cpl);
		m->ol_flags |= q->meta_flag;
		if (cpl->source >= MPNIC_SOURCE_HOST)
			m->ol_flags |= q->host_flag;
	}
}

/* --- Rx --------------------------------------------------------------------------------------- */

static struct rte_mbuf *mbuf_of(const struct pmd_rxq *q, uint32_t number)
{
	return mpnic_rxq_buf(q->rx, number)->cookie;
}

/* Those of frames that are lost. */
static void free_bufs(const struct pmd_rxq *q, const struct mpnic_frame *f)
{
	for (uint32_t i = 0; i < f->cpl.buffers; i++)
		rte_mbuf_raw_free(mbuf_of(q, f->desc + i));
}

/* data_off, refcnt, nb_segs and port are one word, "rearm_data". */
static void rearm(const struct pmd_rxq *q, struct rte_mbuf *m)
{
	*(uint64_t *)RTE_PTR_ADD(m, offsetof(struct rte_mbuf, rearm_data)) = q->rearm;
}

/* A frame of several buffers. The library has seen to it that they hold the frame. */
static void chain(const struct pmd_rxq *q, const struct mpnic_frame *f, struct rte_mbuf *head)
{
	struct rte_mbuf *last = head;
	uint32_t left = f->cpl.len;
	uint16_t segs = 1;

	head->data_len = (uint16_t)RTE_MIN(left, q->buf_size);
	left -= head->data_len;
	for (uint32_t i = 1; i < f->cpl.buffers; i++) {
		struct rte_mbuf *m = mbuf_of(q, f->desc + i);

		/* A device may take more buffers than it needs. */
		if (!left) {
			rte_mbuf_raw_free(m);
			continue;
		}
		rearm(q, m);
		m->data_len = (uint16_t)RTE_MIN(left, q->buf_size);
		left -= m->data_len;
		last->next = m;
		last = m;
		segs++;
	}
	last->next = NULL;
	head->nb_segs = segs;
}

/* NULL: the frame was lost, and its buffers are free. */
static struct rte_mbuf *take(struct pmd_rxq *q, const struct mpnic_frame *f)
{
	struct rte_mbuf *m;

	if (unlikely(f->cpl.status != MPNIC_RX_STATUS_OK || !f->cpl.len)) {
		q->errors++;
		free_bufs(q, f);
		return NULL;
	}
	m = mbuf_of(q, f->desc);
	rearm(q, m);
	if (likely(f->cpl.buffers == 1))
		m->data_len = (uint16_t)f->cpl.len;
	else
		chain(q, f, m);
	describe(q, &f->cpl, m);
	q->bytes += f->cpl.len;
	return m;
}

static void post(struct pmd_rxq *q, struct rte_mbuf **mbuf, unsigned int count)
{
	struct mpnic_buf buf[REFILL];
	int posted;

	for (unsigned int i = 0; i < count; i++)
		buf[i] = (struct mpnic_buf){
			.iova = rte_mbuf_data_iova_default(mbuf[i]),
			.cookie = mbuf[i],
			.len = q->buf_size,
		};
	posted = mpnic_rxq_post(q->rx, buf, count);
	/* A queue that stands takes none. */
	for (unsigned int i = posted < 0 ? 0 : (unsigned int)posted; i < count; i++)
		rte_mbuf_raw_free(mbuf[i]);
}

static void refill(struct pmd_rxq *q)
{
	struct rte_mbuf *mbuf[REFILL];
	unsigned int room;

	for (room = mpnic_rxq_room(q->rx); room >= q->refill; room -= q->refill) {
		if (unlikely(rte_mempool_get_bulk(q->pool, (void **)mbuf, q->refill))) {
			q->no_mbuf += q->refill;
			return;
		}
		post(q, mbuf, q->refill);
		if (mpnic_rxq_room(q->rx) != room - q->refill)
			return;
	}
}

static uint16_t take_some(struct pmd_rxq *q, struct rte_mbuf **mbuf, unsigned int count, int *came)
{
	const int n = mpnic_rxq_burst(q->rx, q->frame, count);
	uint16_t got = 0;

	*came = n;
	for (int i = 0; i < n && i < PREFETCH; i++)
		rte_prefetch0(mbuf_of(q, q->frame[i].desc));
	for (int i = 0; i < n; i++) {
		struct rte_mbuf *m;

		if (i + PREFETCH < n)
			rte_prefetch0(mbuf_of(q, q->frame[i + PREFETCH].desc));
		m = take(q, &q->frame[i]);
		if (likely(m != NULL))
			mbuf[got++] = m;
	}
	return got;
}

uint16_t pmd_rx_burst(void *queue, struct rte_mbuf **mbuf, uint16_t count)
{
	struct pmd_rxq *q = queue;
	uint16_t got = 0;
	int came;

	if (unlikely(!q->rx))
		return 0;
	do {
		const unsigned int want =
			RTE_MIN((unsigned int)count - got, (unsigned int)PMD_BURST);

		got += take_some(q, mbuf + got, want, &came);
		if (came < (int)want)
			break;
	} while (got < count);
	q->frames += got;
	if (mpnic_rxq_room(q->rx) >= q->refill)
		refill(q);
	return got;
}

uint32_t pmd_rx_count(void *queue)
{
	const struct pmd_rxq *q = queue;

	return q->rx ? mpnic_rxq_ready(q->rx, mpnic_rxq_posted(q->rx)) : 0;
}

int pmd_rx_desc_status(void *queue, uint16_t offset)
{
	const struct pmd_rxq *q = queue;

	if (offset >= q->desc)
		return -EINVAL;
	if (!q->rx || offset >= mpnic_rxq_posted(q->rx))
		return RTE_ETH_RX_DESC_UNAVAIL;
	return mpnic_rxq_ready(q->rx, offset + 1u) > offset ? RTE_ETH_RX_DESC_DONE
							    : RTE_ETH_RX_DESC_AVAIL;
}

/* --- Tx --------------------------------------------------------------------------------------- */

static void free_sent(struct pmd_txq *q, const struct mpnic_sent *sent, int count)
{
	struct rte_mbuf *mbuf[PMD_BURST];

	for (int i = 0; i < count; i++) {
		mbuf[i] = sent[i].cookie;
		q->errors += sent[i].err != 0;
	}
	if (q->fast_free)
		rte_mempool_put_bulk(mbuf[0]->pool, (void **)mbuf, (unsigned int)count);
	else
		rte_pktmbuf_free_bulk(mbuf, (unsigned int)count);
}

/* Take back what is done, at most @count frames. */
static unsigned int reclaim(struct pmd_txq *q, unsigned int count)
{
	struct mpnic_sent sent[PMD_BURST];
	unsigned int freed = 0;
	int n;

	do {
		const unsigned int want = RTE_MIN(count - freed, (unsigned int)PMD_BURST);

		n = mpnic_txq_done(q->tx, sent, want);
		if (n <= 0)
			break;
		free_sent(q, sent, n);
		freed += (unsigned int)n;
	} while (freed < count);
	return freed;
}

int pmd_tx_cleanup(void *queue, uint32_t count)
{
	struct pmd_txq *q = queue;

	return q->tx ? (int)reclaim(q, count ? count : q->desc) : 0;
}

static bool sendable(const struct rte_mbuf *m)
{
	return m->nb_segs <= MPNIC_TX_SEGMENTS && m->pkt_len >= MPNIC_FRAME_MIN &&
	       m->pkt_len <= MPNIC_FRAME_MAX;
}

static uint16_t flags_of(const struct pmd_txq *q, const struct rte_mbuf *m)
{
	const uint64_t csum = RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK;

	return (uint16_t)((m->ol_flags & csum ? MPNIC_TX_CSUM : 0) |
			  (m->ol_flags & q->bypass_flag ? MPNIC_TX_BYPASS : 0));
}

static unsigned int fill_bufs(struct mpnic_buf *buf, const struct rte_mbuf *m)
{
	unsigned int n = 0;

	for (; m; m = m->next) {
		if (unlikely(!m->data_len))
			continue;
		buf[n].iova = rte_mbuf_data_iova(m);
		buf[n].len = m->data_len;
		n++;
	}
	return n;
}

/*
 * Make send entries of mbufs, as far as there is room for their pieces. Frames that can never be
 * sent count as errors and are freed. Returns how many mbufs were looked at.
 */
static uint16_t prepare(struct pmd_txq *q, struct rte_mbuf **mbuf, uint16_t count,
			unsigned int *frames)
{
	const uint8_t wire = q->wire;
	unsigned int bufs = 0, n = 0;
	uint16_t i;

	for (i = 0; i < count && n < PMD_BURST; i++) {
		struct rte_mbuf *m = mbuf[i];

		if (unlikely(!sendable(m))) {
			q->errors++;
			rte_pktmbuf_free(m);
			continue;
		}
		if (bufs + m->nb_segs > RTE_DIM(q->buf))
			break;
		q->send[n].buf = &q->buf[bufs];
		q->send[n].bufs = fill_bufs(&q->buf[bufs], m);
		q->send[n].flags = flags_of(q, m);
		q->send[n].port = wire;
		q->send[n].cookie = m;
		bufs += q->send[n].bufs;
		n++;
	}
	*frames = n;
	return i;
}

/* Of mbufs that were looked at, those that the ring did not take are the application's again: they
 * must stand at the end, without gaps. */
static uint16_t give_back(struct pmd_txq *q, struct rte_mbuf **mbuf, uint16_t seen,
			  unsigned int frames, unsigned int sent)
{
	for (unsigned int i = frames; i > sent; i--)
		mbuf[--seen] = q->send[i - 1].cookie;
	return seen;
}

static void count_sent(struct pmd_txq *q, unsigned int sent)
{
	for (unsigned int i = 0; i < sent; i++)
		q->bytes += ((const struct rte_mbuf *)q->send[i].cookie)->pkt_len;
	q->frames += sent;
}

/* The first of q->send can never be sent: its pieces are not what its length says. */
static unsigned int drop_first(struct pmd_txq *q)
{
	q->errors++;
	rte_pktmbuf_free(q->send[0].cookie);
	return 1;
}

uint16_t pmd_tx_burst(void *queue, struct rte_mbuf **mbuf, uint16_t count)
{
	struct pmd_txq *q = queue;
	uint16_t done = 0;

	if (unlikely(!q->tx))
		return 0;
	if (mpnic_txq_room(q->tx) < q->free_below)
		reclaim(q, 2 * PMD_BURST);
	while (done < count) {
		unsigned int frames, sent;
		uint16_t seen = prepare(q, mbuf + done, count - done, &frames);
		const int n = frames ? mpnic_txq_burst(q->tx, q->send, frames) : 0;

		sent = n < 0 ? 0 : (unsigned int)n;
		if (unlikely(n == -EINVAL))
			sent = drop_first(q);
		if (likely(n > 0))
			count_sent(q, sent);
		done += give_back(q, mbuf + done, seen, frames, sent);
		if (sent < frames)
			break;
	}
	return done;
}

uint16_t pmd_tx_prepare(void *queue, struct rte_mbuf **mbuf, uint16_t count)
{
	(void)queue;
	for (uint16_t i = 0; i < count; i++) {
		const uint64_t unknown = RTE_MBUF_F_TX_OFFLOAD_MASK &
					 ~(RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK |
					   RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6);

		if (mbuf[i]->ol_flags & unknown ||
		    (mbuf[i]->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_SCTP_CKSUM) {
			rte_errno = ENOTSUP;
			return i;
		}
		if (!sendable(mbuf[i])) {
			rte_errno = EINVAL;
			return i;
		}
	}
	return count;
}

int pmd_tx_desc_status(void *queue, uint16_t offset)
{
	struct pmd_txq *q = queue;

	if (offset >= q->desc)
		return -EINVAL;
	if (!q->tx)
		return RTE_ETH_TX_DESC_UNAVAIL;
	/* Descriptors that are done are known when they are taken back. */
	reclaim(q, q->desc);
	return offset < q->desc - mpnic_txq_room(q->tx) ? RTE_ETH_TX_DESC_FULL
							: RTE_ETH_TX_DESC_DONE;
}

/* --- set-up ----------------------------------------------------------------------------------- */

void pmd_port_init_fp(struct rte_eth_dev *eth)
{
	eth->rx_pkt_burst = pmd_rx_burst;
	eth->tx_pkt_burst = pmd_tx_burst;
	eth->tx_pkt_prepare = pmd_tx_prepare;
	eth->rx_queue_count = pmd_rx_count;
	eth->rx_descriptor_status = pmd_rx_desc_status;
	eth->tx_descriptor_status = pmd_tx_desc_status;
}

static int check_desc(const struct rte_eth_dev *eth, const char *kind, unsigned int desc)
{
	if (rte_is_power_of_2(desc))
		return 0;
	PMD_LOG(ERR, "%s: a ring of %u %s descriptors; a power of two can be", eth->data->name,
		desc, kind);
	return -EINVAL;
}

struct pool_check {
	struct pmd_card *card;
	bool reached;
};

static void check_chunk(struct rte_mempool *pool, void *arg, struct rte_mempool_memhdr *chunk,
			unsigned int index)
{
	struct pool_check *check = arg;

	(void)pool;
	(void)index;
	check->reached &= pmd_card_reaches(check->card, chunk->addr, chunk->len);
}

static int check_pool(struct pmd_port *port, struct rte_mempool *pool)
{
	struct pool_check check = {.card = port->card, .reached = true};

	rte_mempool_mem_iter(pool, check_chunk, &check);
	if (check.reached)
		return 0;
	PMD_LOG(ERR,
		"%s: the memory of pool %s has no file, so the card cannot reach it: make the "
		"pool in DPDK's memory (testpmd: --mp-alloc=native), or map it with "
		"rte_dev_dma_map()",
		port->eth->data->name, pool->name);
	return -ENOTSUP;
}

static uint64_t rearm_of(uint16_t port)
{
	struct rte_mbuf m = {.data_off = RTE_PKTMBUF_HEADROOM, .nb_segs = 1, .port = port};
	uint64_t word;

	rte_mbuf_refcnt_set(&m, 1);
	memcpy(&word, RTE_PTR_ADD(&m, offsetof(struct rte_mbuf, rearm_data)), sizeof(word));
	return word;
}

static uint64_t wanted_flags(uint64_t offloads)
{
	uint64_t flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_FDIR | RTE_MBUF_F_RX_FDIR_ID;

	if (offloads & RTE_ETH_RX_OFFLOAD_RSS_HASH)
		flags |= RTE_MBUF_F_RX_RSS_HASH;
	if (offloads & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM)
		flags |= RTE_MBUF_F_RX_IP_CKSUM_MASK;
	if (offloads & (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM))
		flags |= RTE_MBUF_F_RX_L4_CKSUM_MASK;
	return flags;
}

static int set_dynamic(struct pmd_rxq *q, uint64_t offloads)
{
	int err = 0;

	q->time_offset = q->meta_offset = -1;
	if (offloads & RTE_ETH_RX_OFFLOAD_TIMESTAMP)
		err = rte_mbuf_dyn_rx_timestamp_register(&q->time_offset, &q->time_flag);
	if (!err && q->port->card->args.metadata)
		err = rte_pmd_mpnic_meta_register(&q->meta_offset, &q->meta_flag);
	if (!err && q->port->card->args.metadata)
		err = pmd_flag_register(RTE_PMD_MPNIC_FROM_HOST_FLAG, &q->host_flag);
	if (err)
		PMD_LOG(ERR, "%s: no room for a dynamic field: %s", q->port->eth->data->name,
			rte_strerror(rte_errno));
	return err ? -rte_errno : 0;
}

static uint32_t buffer_size(const struct rte_mempool *pool)
{
	const uint32_t room = rte_pktmbuf_data_room_size((struct rte_mempool *)(uintptr_t)pool);

	return room > RTE_PKTMBUF_HEADROOM ? room - RTE_PKTMBUF_HEADROOM : 0;
}

int pmd_rxq_setup(struct rte_eth_dev *eth, uint16_t queue, uint16_t desc, unsigned int socket,
		  const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	struct pmd_port *port = pmd_port_of(eth);
	const uint64_t offloads = conf->offloads | eth->data->dev_conf.rxmode.offloads;
	struct pmd_rxq *q;
	int err = check_desc(eth, "Rx", desc);

	if (!err)
		err = check_pool(port, pool);
	if (err)
		return err;
	q = rte_zmalloc_socket("mpnic_rxq", sizeof(*q), RTE_CACHE_LINE_SIZE, (int)socket);
	if (!q)
		return -ENOMEM;
	q->port = port;
	q->pool = pool;
	q->index = queue;
	q->desc = desc;
	q->conf = *conf;
	q->buf_size = buffer_size(pool);
	q->refill = (uint16_t)RTE_MIN(REFILL, desc / 2);
	q->rearm = rearm_of(eth->data->port_id);
	q->ol_mask = wanted_flags(offloads);
	err = set_dynamic(q, offloads);
	if (err) {
		rte_free(q);
		return err;
	}
	eth->data->rx_queues[queue] = q;
	return 0;
}

int pmd_txq_setup(struct rte_eth_dev *eth, uint16_t queue, uint16_t desc, unsigned int socket,
		  const struct rte_eth_txconf *conf)
{
	const uint64_t offloads = conf->offloads | eth->data->dev_conf.txmode.offloads;
	struct pmd_txq *q;
	int err = check_desc(eth, "Tx", desc);

	if (err)
		return err;
	q = rte_zmalloc_socket("mpnic_txq", sizeof(*q), RTE_CACHE_LINE_SIZE, (int)socket);
	if (!q)
		return -ENOMEM;
	q->port = pmd_port_of(eth);
	q->index = queue;
	q->desc = desc;
	q->conf = *conf;
	q->wire = (uint8_t)q->port->index;
	/* A chain cannot go back to its pool at once. */
	q->fast_free =
		(offloads & (RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE | RTE_ETH_TX_OFFLOAD_MULTI_SEGS)) ==
		RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	q->free_below = (uint16_t)RTE_MAX(desc / 2, conf->tx_free_thresh);
	if (q->port->card->args.metadata &&
	    pmd_flag_register(RTE_PMD_MPNIC_BYPASS_FLAG, &q->bypass_flag)) {
		PMD_LOG(ERR, "%s: no room for a flag of mbufs: %s", eth->data->name,
			rte_strerror(rte_errno));
		rte_free(q);
		return -rte_errno;
	}
	eth->data->tx_queues[queue] = q;
	return 0;
}

static unsigned int log2_of(unsigned int desc)
{
	return (unsigned int)__builtin_ctz(desc);
}

static void add_counters(struct mpnic_queue_counters *to, const struct mpnic_queue_counters *c)
{
	to->frames += c->frames;
	to->bytes += c->bytes;
	to->errors += c->errors;
	to->lies += c->lies;
	to->kicks += c->kicks;
}

int pmd_rxq_start(struct pmd_rxq *q)
{
	const struct mpnic_queue_options options = {.log2 = log2_of(q->desc),
						    .vector = MPNIC_NO_VECTOR};
	struct pmd_card *card = q->port->card;
	struct rte_eth_dev_data *data = q->port->eth->data;
	struct mpnic_rxq *rx;
	int err;

	if (q->rx)
		return 0;
	err = mpnic_rxq_create(card->dev, q->port->index * card->span + q->index, &options, &rx);
	if (err)
		return pmd_error(card, err, "an Rx queue");
	q->rx = rx;
	refill(q);
	if (!mpnic_rxq_posted(rx)) {
		PMD_LOG(ERR, "%s: pool %s has no mbufs for Rx queue %u", data->name, q->pool->name,
			q->index);
		pmd_rxq_stop(q);
		return -ENOMEM;
	}
	data->rx_queue_state[q->index] = RTE_ETH_QUEUE_STATE_STARTED;
	return 0;
}

int pmd_txq_start(struct pmd_txq *q)
{
	const struct mpnic_queue_options options = {.log2 = log2_of(q->desc),
						    .vector = MPNIC_NO_VECTOR};
	struct pmd_card *card = q->port->card;
	struct mpnic_txq *tx;
	int err;

	if (q->tx)
		return 0;
	err = mpnic_txq_create(card->dev, q->port->index * card->span + q->index, &options, &tx);
	if (err)
		return pmd_error(card, err, "a Tx queue");
	q->tx = tx;
	q->port->eth->data->tx_queue_state[q->index] = RTE_ETH_QUEUE_STATE_STARTED;
	return 0;
}

static void free_posted(void *ctx, const struct mpnic_buf *buf)
{
	(void)ctx;
	rte_mbuf_raw_free(buf->cookie);
}

static void free_cookie(void *ctx, void *cookie)
{
	(void)ctx;
	rte_pktmbuf_free(cookie);
}

void pmd_rxq_bury(struct pmd_rxq *q)
{
	struct mpnic_queue_counters c;

	if (!q->rx)
		return;
	mpnic_rxq_drain(q->rx, free_posted, NULL);
	mpnic_rxq_counters(q->rx, &c);
	add_counters(&q->ended, &c);
	mpnic_rxq_destroy(q->rx);
	q->rx = NULL;
	q->zombie = false;
}

void pmd_txq_bury(struct pmd_txq *q)
{
	struct mpnic_queue_counters c;

	if (!q->tx)
		return;
	mpnic_txq_drain(q->tx, free_cookie, NULL);
	mpnic_txq_counters(q->tx, &c);
	add_counters(&q->ended, &c);
	mpnic_txq_destroy(q->tx);
	q->tx = NULL;
	q->zombie = false;
}

/* Firmware that failed answers no command: it is not waited for. */
static bool is_silent(const struct pmd_card *card)
{
	return card->failed == -EIO || card->failed == -ETIMEDOUT;
}

/* Whether the device may still touch the queue's buffers, from what stopping it came to. */
static bool may_touch(struct pmd_card *card, int err)
{
	if (!err || err == -ENODEV)
		return false;
	pmd_card_fail(card, err, MPNIC_RESET_ADMIN_TIMEOUT);
	return true;
}

int pmd_rxq_stop(struct pmd_rxq *q)
{
	struct pmd_card *card = q->port->card;

	q->port->eth->data->rx_queue_state[q->index] = RTE_ETH_QUEUE_STATE_STOPPED;
	if (!q->rx || q->zombie)
		return 0;
	q->zombie = is_silent(card) || may_touch(card, mpnic_rxq_stop(q->rx));
	if (!q->zombie)
		pmd_rxq_bury(q);
	return 0;
}

int pmd_txq_stop(struct pmd_txq *q)
{
	struct pmd_card *card = q->port->card;

	q->port->eth->data->tx_queue_state[q->index] = RTE_ETH_QUEUE_STATE_STOPPED;
	if (!q->tx || q->zombie)
		return 0;
	/* What has been sent is taken back as such. */
	reclaim(q, q->desc);
	q->zombie = is_silent(card) || may_touch(card, mpnic_txq_stop(q->tx));
	if (!q->zombie)
		pmd_txq_bury(q);
	return 0;
}

void pmd_rxq_release(struct rte_eth_dev *eth, uint16_t queue)
{
	struct pmd_rxq *q = eth->data->rx_queues[queue];

	if (!q)
		return;
	pmd_lock(q->port->card);
	pmd_rxq_stop(q);
	if (q->zombie)
		PMD_LOG(ERR,
			"%s: the card may still write to the buffers of Rx queue %u: they are "
			"given up",
			eth->data->name, queue);
	pmd_unlock(q->port->card);
	eth->data->rx_queues[queue] = NULL;
	rte_free(q);
}

void pmd_txq_release(struct rte_eth_dev *eth, uint16_t queue)
{
	struct pmd_txq *q = eth->data->tx_queues[queue];

	if (!q)
		return;
	pmd_lock(q->port->card);
	pmd_txq_stop(q);
	pmd_unlock(q->port->card);
	eth->data->tx_queues[queue] = NULL;
	rte_free(q);
}
