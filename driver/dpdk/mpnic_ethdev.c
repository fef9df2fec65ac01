/* SPDX-License-Identifier: BSD-3-Clause */
/* The ops of a port. What is not here answers ENOTSUP, and mpnic.ini says so. */
#include <errno.h>

#include <rte_ether.h>
#include <rte_malloc.h>

#include "mpnic_pmd.h"

#define RX_OFFLOADS                                                                                \
	(RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM |                            \
	 RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_RSS_HASH | \
	 RTE_ETH_RX_OFFLOAD_TIMESTAMP)
#define TX_OFFLOADS                                                     \
	(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM | \
	 RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS | \
	 RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE)

struct pmd_port *pmd_port_of(const struct rte_eth_dev *eth)
{
	return eth->data->dev_private;
}

/* A card that must be reset takes no commands: that is said once, by INTR_RESET. */
static int refuse_failed(const struct pmd_card *card)
{
	return card->failed ? -EIO : 0;
}

/* --- what a port is to be --------------------------------------------------------------------- */

static int apply_mac(struct pmd_port *port, unsigned int i, const uint8_t *wanted)
{
	static const uint8_t none[6];
	struct mpnic_dev *dev = port->card->dev;
	int err = 0;

	if (port->mac_used[i] && wanted && !memcmp(port->mac_set[i], wanted, sizeof(none)))
		return 0;
	if (port->mac_used[i])
		err = mpnic_admin_mac_remove(dev, port->index, port->mac_set[i]);
	if (err)
		return err;
	port->mac_used[i] = false;
	if (!wanted || !memcmp(wanted, none, sizeof(none)))
		return 0;
	err = mpnic_admin_mac_add(dev, port->index, wanted);
	/* Two places of the list may say the same. */
	if (err && err != -EEXIST)
		return err;
	port->mac_used[i] = !err;
	memcpy(port->mac_set[i], wanted, sizeof(none));
	return 0;
}

static int apply_macs(struct pmd_port *port)
{
	const struct rte_eth_dev_data *data = port->eth->data;
	int err = 0;

	for (unsigned int i = 0; i < PMD_MACS && !err; i++)
		err = apply_mac(port, i, data->mac_addrs[i].addr_bytes);
	return err;
}

int pmd_port_apply(struct pmd_port *port)
{
	const struct rte_eth_dev_data *data = port->eth->data;
	const struct mpnic_admin_port state = {
		.flags = (uint16_t)((port->up ? MPNIC_PORT_UP : 0) |
				    (data->promiscuous ? MPNIC_PORT_PROMISCUOUS : 0) |
				    (data->all_multicast ? MPNIC_PORT_ALL_MULTICAST : 0)),
		.mtu = data->mtu,
		.queue_base = (uint16_t)(port->index * port->card->span),
		.queue_count = data->nb_rx_queues,
	};
	int err = refuse_failed(port->card);

	if (err)
		return err;
	err = apply_macs(port);
	if (!err)
		err = mpnic_admin_port_set(port->card->dev, port->index, &state);
	return err ? pmd_error(port->card, err, "the port's settings") : 0;
}

static int apply(struct rte_eth_dev *eth)
{
	struct pmd_port *port = pmd_port_of(eth);
	int err;

	pmd_lock(port->card);
	err = pmd_port_apply(port);
	pmd_unlock(port->card);
	return err;
}

/* ethdev has not noted the change yet when it asks for it; on error it keeps the old value. */
static int set_promiscuous(struct rte_eth_dev *eth, uint8_t on)
{
	const uint8_t before = eth->data->promiscuous;
	int err;

	eth->data->promiscuous = on & 1;
	err = apply(eth);
	eth->data->promiscuous = before;
	return err;
}

static int promiscuous_enable(struct rte_eth_dev *eth)
{
	return set_promiscuous(eth, 1);
}

static int promiscuous_disable(struct rte_eth_dev *eth)
{
	return set_promiscuous(eth, 0);
}

static int set_allmulticast(struct rte_eth_dev *eth, uint8_t on)
{
	const uint8_t before = eth->data->all_multicast;
	int err;

	eth->data->all_multicast = on & 1;
	err = apply(eth);
	eth->data->all_multicast = before;
	return err;
}

static int allmulticast_enable(struct rte_eth_dev *eth)
{
	return set_allmulticast(eth, 1);
}

static int allmulticast_disable(struct rte_eth_dev *eth)
{
	return set_allmulticast(eth, 0);
}

static int mtu_set(struct rte_eth_dev *eth, uint16_t mtu)
{
	const uint16_t before = eth->data->mtu;
	const uint32_t frame = (uint32_t)mtu + PMD_FRAME_OVER;
	int err;

	for (unsigned int i = 0; i < eth->data->nb_rx_queues && !eth->data->scattered_rx; i++) {
		const struct pmd_rxq *q = eth->data->rx_queues[i];

		if (q && frame > q->buf_size) {
			PMD_LOG(ERR,
				"%s: an MTU of %u needs buffers of %u bytes, or Rx offload scatter",
				eth->data->name, mtu, frame);
			return -EINVAL;
		}
	}
	eth->data->mtu = mtu;
	err = apply(eth);
	eth->data->mtu = before;
	return err;
}

/* --- addresses -------------------------------------------------------------------------------- */

static int set_address(struct rte_eth_dev *eth, uint32_t index, const uint8_t *mac)
{
	struct pmd_port *port = pmd_port_of(eth);
	int err;

	if (index >= PMD_MACS)
		return -ENOSPC;
	pmd_lock(port->card);
	err = refuse_failed(port->card);
	if (!err)
		err = apply_mac(port, index, mac);
	if (err)
		pmd_error(port->card, err, "the MAC filter");
	pmd_unlock(port->card);
	return err;
}

static int mac_addr_add(struct rte_eth_dev *eth, struct rte_ether_addr *mac, uint32_t index,
			uint32_t pool)
{
	return pool ? -ENOTSUP : set_address(eth, index, mac->addr_bytes);
}

static void mac_addr_remove(struct rte_eth_dev *eth, uint32_t index)
{
	set_address(eth, index, NULL);
}

static int mac_addr_set(struct rte_eth_dev *eth, struct rte_ether_addr *mac)
{
	return set_address(eth, 0, mac->addr_bytes);
}

/* --- link ------------------------------------------------------------------------------------- */

static uint32_t speed_of(uint32_t mbps)
{
	return mbps ? mbps : RTE_ETH_SPEED_NUM_NONE;
}

int pmd_link_update(struct rte_eth_dev *eth, int wait)
{
	struct pmd_port *port = pmd_port_of(eth);
	struct rte_eth_link link = {
		.link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
		.link_autoneg = RTE_ETH_LINK_FIXED,
	};
	struct mpnic_admin_port state = {0};

	(void)wait;
	pmd_lock(port->card);
	if (!port->card->failed && !mpnic_admin_port_get(port->card->dev, port->index, &state)) {
		link.link_speed = speed_of(state.speed);
		link.link_status = port->up && state.flags & MPNIC_PORT_LINK;
	}
	pmd_unlock(port->card);
	return rte_eth_linkstatus_set(eth, &link);
}

static int set_up(struct rte_eth_dev *eth, bool up)
{
	struct pmd_port *port = pmd_port_of(eth);
	const bool before = port->up;
	int err;

	pmd_lock(port->card);
	port->up = up;
	err = pmd_port_apply(port);
	if (err)
		port->up = before;
	pmd_unlock(port->card);
	return err;
}

static int set_link_up(struct rte_eth_dev *eth)
{
	return set_up(eth, true);
}

static int set_link_down(struct rte_eth_dev *eth)
{
	return set_up(eth, false);
}

/* --- RSS -------------------------------------------------------------------------------------- */

/* The table and the key are the card's: both ports see a change. */
static int reta_update(struct rte_eth_dev *eth, struct rte_eth_rss_reta_entry64 *conf,
		       uint16_t size)
{
	struct pmd_card *card = pmd_port_of(eth)->card;
	uint16_t reta[MPNIC_RETA_SIZE];
	int err;

	if (size != MPNIC_RETA_SIZE)
		return -EINVAL;
	pmd_lock(card);
	memcpy(reta, card->reta, sizeof(reta));
	for (unsigned int i = 0; i < size; i++) {
		const struct rte_eth_rss_reta_entry64 *group = &conf[i / RTE_ETH_RETA_GROUP_SIZE];
		const unsigned int at = i % RTE_ETH_RETA_GROUP_SIZE;

		if (group->mask >> at & 1)
			reta[i] = group->reta[at];
	}
	err = refuse_failed(card);
	if (!err)
		err = mpnic_admin_reta_set(card->dev, 0, MPNIC_RETA_SIZE, reta);
	if (err) {
		pmd_error(card, err, "the RSS table");
	} else {
		memcpy(card->reta, reta, sizeof(reta));
		card->reta_given = true;
	}
	pmd_unlock(card);
	return err;
}

static int reta_query(struct rte_eth_dev *eth, struct rte_eth_rss_reta_entry64 *conf, uint16_t size)
{
	struct pmd_card *card = pmd_port_of(eth)->card;

	if (size != MPNIC_RETA_SIZE)
		return -EINVAL;
	pmd_lock(card);
	for (unsigned int i = 0; i < size; i++) {
		struct rte_eth_rss_reta_entry64 *group = &conf[i / RTE_ETH_RETA_GROUP_SIZE];
		const unsigned int at = i % RTE_ETH_RETA_GROUP_SIZE;

		if (group->mask >> at & 1)
			group->reta[at] = card->reta[i] % RTE_MAX(eth->data->nb_rx_queues, 1);
	}
	pmd_unlock(card);
	return 0;
}

static int set_rss_key(struct pmd_card *card, const uint8_t *key)
{
	int err;

	pmd_lock(card);
	err = refuse_failed(card);
	if (!err)
		err = mpnic_admin_rss_key_set(card->dev, key);
	if (!err)
		memcpy(card->rss_key, key, MPNIC_RSS_KEY_LEN);
	else
		pmd_error(card, err, "the RSS key");
	pmd_unlock(card);
	return err;
}

/* The hash is always of all fields: fewer can be asked for, and rss_hash_conf_get() says what is.
 */
static int rss_hash_update(struct rte_eth_dev *eth, struct rte_eth_rss_conf *conf)
{
	if (conf->rss_key && conf->rss_key_len != MPNIC_RSS_KEY_LEN) {
		PMD_LOG(ERR, "%s: the RSS key has %u bytes, not %u", eth->data->name,
			MPNIC_RSS_KEY_LEN, conf->rss_key_len);
		return -EINVAL;
	}
	if (!(conf->rss_hf & PMD_RSS_HF)) {
		PMD_LOG(ERR, "%s: RSS is turned off by using one queue", eth->data->name);
		return -ENOTSUP;
	}
	return conf->rss_key ? set_rss_key(pmd_port_of(eth)->card, conf->rss_key) : 0;
}

static int rss_hash_conf_get(struct rte_eth_dev *eth, struct rte_eth_rss_conf *conf)
{
	struct pmd_card *card = pmd_port_of(eth)->card;

	pmd_lock(card);
	if (conf->rss_key && conf->rss_key_len >= MPNIC_RSS_KEY_LEN) {
		memcpy(conf->rss_key, card->rss_key, MPNIC_RSS_KEY_LEN);
		conf->rss_key_len = MPNIC_RSS_KEY_LEN;
	}
	conf->rss_hf = PMD_RSS_HF;
	pmd_unlock(card);
	return 0;
}

/* --- what the port is ------------------------------------------------------------------------- */

static uint32_t speed_capa(uint32_t mbps)
{
	return mbps ? rte_eth_speed_bitflag(mbps, RTE_ETH_LINK_FULL_DUPLEX) : 0;
}

static int dev_infos_get(struct rte_eth_dev *eth, struct rte_eth_dev_info *info)
{
	const struct pmd_port *port = pmd_port_of(eth);
	const struct pmd_card *card = port->card;
	const struct rte_eth_desc_lim desc = {
		.nb_max = PMD_DESC_MAX,
		.nb_min = PMD_DESC_MIN,
		.nb_align = 1,
		.nb_seg_max = MPNIC_TX_SEGMENTS,
		.nb_mtu_seg_max = MPNIC_TX_SEGMENTS,
	};

	info->min_mtu = RTE_ETHER_MIN_MTU;
	info->max_mtu = PMD_MTU_MAX;
	info->min_rx_bufsize = 64;
	info->max_rx_pktlen = MPNIC_FRAME_MAX;
	info->max_rx_queues = info->max_tx_queues = (uint16_t)card->span;
	info->max_mac_addrs = PMD_MACS;
	info->rx_offload_capa = RX_OFFLOADS;
	info->tx_offload_capa = TX_OFFLOADS;
	info->tx_queue_offload_capa = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	info->reta_size = MPNIC_RETA_SIZE;
	info->hash_key_size = MPNIC_RSS_KEY_LEN;
	info->flow_type_rss_offloads = PMD_RSS_HF;
	info->default_rxconf.rx_drop_en = 1;
	info->rx_desc_lim = info->tx_desc_lim = desc;
	info->speed_capa = speed_capa(eth->data->dev_link.link_speed);
	info->default_rxportconf = info->default_txportconf = (struct rte_eth_dev_portconf){
		.burst_size = PMD_BURST, .ring_size = 1024, .nb_queues = 1};
	info->dev_capa =
		RTE_ETH_DEV_CAPA_RUNTIME_RX_QUEUE_SETUP | RTE_ETH_DEV_CAPA_RUNTIME_TX_QUEUE_SETUP;
	info->err_handle_mode = RTE_ETH_ERROR_HANDLE_MODE_PASSIVE;
	return 0;
}

static void rxq_info_get(struct rte_eth_dev *eth, uint16_t queue, struct rte_eth_rxq_info *info)
{
	const struct pmd_rxq *q = eth->data->rx_queues[queue];

	info->mp = q->pool;
	info->conf = q->conf;
	info->scattered_rx = eth->data->scattered_rx;
	info->rx_buf_size = (uint16_t)q->buf_size;
	info->nb_desc = (uint16_t)q->desc;
}

static void txq_info_get(struct rte_eth_dev *eth, uint16_t queue, struct rte_eth_txq_info *info)
{
	const struct pmd_txq *q = eth->data->tx_queues[queue];

	info->conf = q->conf;
	info->nb_desc = (uint16_t)q->desc;
}

static int burst_mode_get(struct rte_eth_dev *eth, uint16_t queue, struct rte_eth_burst_mode *mode)
{
	(void)queue;
	snprintf(mode->info, sizeof(mode->info), "Scalar%s",
		 eth->data->scattered_rx ? ", scattered" : "");
	return 0;
}

/* --- life ------------------------------------------------------------------------------------- */

static int dev_configure(struct rte_eth_dev *eth)
{
	struct rte_eth_conf *conf = &eth->data->dev_conf;
	struct pmd_port *port = pmd_port_of(eth);
	int err;

	pmd_lock(port->card);
	err = pmd_flows_check(port);
	pmd_unlock(port->card);
	if (err)
		return err;
	eth->data->scattered_rx = !!(conf->rxmode.offloads & RTE_ETH_RX_OFFLOAD_SCATTER);
	if (conf->lpbk_mode) {
		PMD_LOG(ERR, "%s: there is no loopback mode; give a simulated card the wire `loop`",
			eth->data->name);
		return -ENOTSUP;
	}
	if (!(conf->rxmode.mq_mode & RTE_ETH_MQ_RX_RSS_FLAG))
		return 0;
	conf->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_RSS_HASH;
	return rss_hash_update(eth, &conf->rx_adv_conf.rss_conf);
}

static void stop_queues(struct rte_eth_dev *eth)
{
	for (unsigned int i = 0; i < eth->data->nb_rx_queues; i++)
		if (eth->data->rx_queues[i])
			pmd_rxq_stop(eth->data->rx_queues[i]);
	for (unsigned int i = 0; i < eth->data->nb_tx_queues; i++)
		if (eth->data->tx_queues[i])
			pmd_txq_stop(eth->data->tx_queues[i]);
}

static int start_queues(struct rte_eth_dev *eth)
{
	int err = 0;

	for (unsigned int i = 0; i < eth->data->nb_tx_queues && !err; i++) {
		struct pmd_txq *q = eth->data->tx_queues[i];

		err = q->conf.tx_deferred_start ? 0 : pmd_txq_start(q);
	}
	for (unsigned int i = 0; i < eth->data->nb_rx_queues && !err; i++) {
		struct pmd_rxq *q = eth->data->rx_queues[i];

		err = q->conf.rx_deferred_start ? 0 : pmd_rxq_start(q);
	}
	return err;
}

static int check_scatter(const struct rte_eth_dev *eth)
{
	const uint32_t frame = (uint32_t)eth->data->mtu + PMD_FRAME_OVER;

	for (unsigned int i = 0; i < eth->data->nb_rx_queues && !eth->data->scattered_rx; i++) {
		const struct pmd_rxq *q = eth->data->rx_queues[i];

		if (frame <= q->buf_size)
			continue;
		PMD_LOG(ERR,
			"%s: queue %u has buffers of %u bytes, and frames have up to %u: a larger data "
			"room, Rx offload scatter, or a smaller MTU",
			eth->data->name, i, q->buf_size, frame);
		return -EINVAL;
	}
	return 0;
}

static bool any_started(const struct pmd_card *card)
{
	for (unsigned int i = 0; i < card->ports; i++)
		if (card->port[i] && card->port[i]->eth->data->dev_started)
			return true;
	return false;
}

static int dev_start(struct rte_eth_dev *eth)
{
	struct pmd_port *port = pmd_port_of(eth);
	int err = check_scatter(eth);

	if (err)
		return err;
	pmd_lock(port->card);
	if (port->card->failed) {
		PMD_LOG(ERR, "%s: the card failed; reset its ports first", eth->data->name);
		err = -EIO;
	}
	if (!err)
		err = pmd_card_spread(port->card);
	if (!err)
		err = pmd_card_events(port->card, true);
	if (!err)
		err = start_queues(eth);
	port->up = !err;
	if (!err)
		err = pmd_port_apply(port);
	if (err) {
		port->up = false;
		stop_queues(eth);
		if (!any_started(port->card))
			pmd_card_events(port->card, false);
	}
	pmd_unlock(port->card);
	if (!err)
		pmd_link_update(eth, 0);
	return err;
}

static int dev_stop(struct rte_eth_dev *eth)
{
	struct pmd_port *port = pmd_port_of(eth);

	pmd_lock(port->card);
	port->up = false;
	if (!port->card->failed)
		pmd_port_apply(port);
	stop_queues(eth);
	eth->data->dev_started = 0;
	if (!any_started(port->card))
		pmd_card_events(port->card, false);
	pmd_unlock(port->card);
	pmd_link_update(eth, 0);
	return 0;
}

static void bury_queues(struct rte_eth_dev *eth)
{
	for (unsigned int i = 0; i < eth->data->nb_rx_queues; i++)
		if (eth->data->rx_queues[i])
			pmd_rxq_bury(eth->data->rx_queues[i]);
	for (unsigned int i = 0; i < eth->data->nb_tx_queues; i++)
		if (eth->data->tx_queues[i])
			pmd_txq_bury(eth->data->tx_queues[i]);
}

/* The card reaches none of DPDK's memory any more: what it may have written to is free. */
static int recover(struct pmd_card *card)
{
	int err;

	if (any_started(card)) {
		PMD_LOG(ERR,
			"%s: both ports are of one card, which is reset as a whole: stop the "
			"other port first",
			card->name);
		return -EBUSY;
	}
	err = mpnic_reset(card->dev, card->reason);
	/* One that is gone, or that was simulated and died, writes nothing either. */
	if (err && err != -ENODEV)
		return pmd_error(card, err, "reset");
	for (unsigned int i = 0; i < card->ports; i++)
		if (card->port[i])
			bury_queues(card->port[i]->eth);
	return pmd_card_recover(card);
}

static void forget_macs(struct pmd_card *card)
{
	for (unsigned int i = 0; i < card->ports; i++)
		if (card->port[i])
			memset(card->port[i]->mac_used, 0, sizeof(card->port[i]->mac_used));
}

/*
 * rte_eth_dev_reset() has stopped the port. A card that failed is reset and gets its firmware and
 * what its ports share; a port's own settings follow when it is started.
 */
static int dev_reset(struct rte_eth_dev *eth)
{
	struct pmd_port *port = pmd_port_of(eth);
	struct pmd_card *card = port->card;
	int err = 0;

	pmd_lock(card);
	if (card->failed) {
		err = recover(card);
		if (!err)
			forget_macs(card);
	}
	if (!err)
		err = pmd_port_apply(port);
	pmd_unlock(card);
	return err;
}

static int is_removed(struct rte_eth_dev *eth)
{
	struct pmd_card *card = pmd_port_of(eth)->card;
	uint32_t value;
	int removed;

	pmd_lock(card);
	removed = mpnic_reg_read(card->dev, MPNIC_HOST_SIGNATURE, &value) == -ENODEV;
	pmd_unlock(card);
	return removed;
}

static int rx_queue_start(struct rte_eth_dev *eth, uint16_t queue)
{
	struct pmd_rxq *q = eth->data->rx_queues[queue];
	int err;

	pmd_lock(q->port->card);
	err = refuse_failed(q->port->card);
	if (!err)
		err = pmd_rxq_start(q);
	pmd_unlock(q->port->card);
	return err;
}

static int rx_queue_stop(struct rte_eth_dev *eth, uint16_t queue)
{
	struct pmd_rxq *q = eth->data->rx_queues[queue];
	int err;

	pmd_lock(q->port->card);
	err = pmd_rxq_stop(q);
	pmd_unlock(q->port->card);
	return err;
}

static int tx_queue_start(struct rte_eth_dev *eth, uint16_t queue)
{
	struct pmd_txq *q = eth->data->tx_queues[queue];
	int err;

	pmd_lock(q->port->card);
	err = refuse_failed(q->port->card);
	if (!err)
		err = pmd_txq_start(q);
	pmd_unlock(q->port->card);
	return err;
}

static int tx_queue_stop(struct rte_eth_dev *eth, uint16_t queue)
{
	struct pmd_txq *q = eth->data->tx_queues[queue];
	int err;

	pmd_lock(q->port->card);
	err = pmd_txq_stop(q);
	pmd_unlock(q->port->card);
	return err;
}

/* With the lock. What a silent card may still write to can only be freed when it was reset. */
static void quiet(struct pmd_card *card)
{
	if (!card->failed)
		return;
	if (any_started(card) || mpnic_reset(card->dev, card->reason)) {
		if (!any_started(card))
			pmd_error(card, -EIO, "the card does not reset; its buffers are lost");
		return;
	}
	for (unsigned int i = 0; i < card->ports; i++)
		if (card->port[i])
			bury_queues(card->port[i]->eth);
}

int pmd_port_close(struct rte_eth_dev *eth)
{
	struct pmd_port *port = pmd_port_of(eth);
	struct pmd_card *card = port->card;
	bool last;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return 0;
	if (eth->data->dev_started)
		dev_stop(eth);
	pmd_watchdog_stop(card);
	pmd_lock(card);
	quiet(card);
	pmd_flows_flush(port);
	for (unsigned int i = 0; i < PMD_MACS && !card->failed; i++)
		apply_mac(port, i, NULL);
	pmd_unlock(card);
	for (uint16_t i = 0; i < eth->data->nb_rx_queues; i++)
		pmd_rxq_release(eth, i);
	for (uint16_t i = 0; i < eth->data->nb_tx_queues; i++)
		pmd_txq_release(eth, i);
	pmd_lock(card);
	card->port[port->index] = NULL;
	last = !--card->open;
	pmd_unlock(card);
	if (last)
		pmd_card_close(card);
	else
		pmd_watchdog_start(card);
	return 0;
}

const struct eth_dev_ops pmd_ops = {
	.dev_configure = dev_configure,
	.dev_start = dev_start,
	.dev_stop = dev_stop,
	.dev_set_link_up = set_link_up,
	.dev_set_link_down = set_link_down,
	.dev_close = pmd_port_close,
	.dev_reset = dev_reset,
	.is_removed = is_removed,
	.link_update = pmd_link_update,
	.promiscuous_enable = promiscuous_enable,
	.promiscuous_disable = promiscuous_disable,
	.allmulticast_enable = allmulticast_enable,
	.allmulticast_disable = allmulticast_disable,
	.mac_addr_add = mac_addr_add,
	.mac_addr_remove = mac_addr_remove,
	.mac_addr_set = mac_addr_set,
	.mtu_set = mtu_set,
	.stats_get = pmd_stats_get,
	.stats_reset = pmd_stats_reset,
	.xstats_get = pmd_xstats_get,
	.xstats_get_names = pmd_xstats_names,
	.xstats_reset = pmd_stats_reset,
	.dev_infos_get = dev_infos_get,
	.rxq_info_get = rxq_info_get,
	.txq_info_get = txq_info_get,
	.rx_burst_mode_get = burst_mode_get,
	.tx_burst_mode_get = burst_mode_get,
	.fw_version_get = pmd_fw_version,
	.dev_supported_ptypes_get = pmd_ptypes,
	.rx_queue_start = rx_queue_start,
	.rx_queue_stop = rx_queue_stop,
	.tx_queue_start = tx_queue_start,
	.tx_queue_stop = tx_queue_stop,
	.rx_queue_setup = pmd_rxq_setup,
	.rx_queue_release = pmd_rxq_release,
	.tx_queue_setup = pmd_txq_setup,
	.tx_queue_release = pmd_txq_release,
	.tx_done_cleanup = pmd_tx_cleanup,
	.rss_hash_update = rss_hash_update,
	.rss_hash_conf_get = rss_hash_conf_get,
	.reta_update = reta_update,
	.reta_query = reta_query,
	.get_reg = pmd_get_reg,
	.flow_ops_get = pmd_flow_ops,
	.eth_dev_priv_dump = pmd_priv_dump,
	.eth_rx_descriptor_dump = pmd_rx_desc_dump,
	.eth_tx_descriptor_dump = pmd_tx_desc_dump,
};
