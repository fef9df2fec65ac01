/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters. Of frames and bytes this side's: what the application got and gave. Of what was lost on
 * the way the card's, with their names there (docs/device-records.md, docs/state.md), rx_ and tx_
 * being the direction.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

#include <rte_dev_info.h>
#include <rte_string_fns.h>
#include <rte_telemetry.h>

#include "mpnic_device_map.h"
#include "mpnic_pmd.h"

/* --- of queues -------------------------------------------------------------------------------- */

static void rxq_now(const struct pmd_rxq *q, uint64_t now[4])
{
	now[0] = q->frames;
	now[1] = q->bytes;
	now[2] = q->errors;
	now[3] = q->no_mbuf;
}

static void txq_now(const struct pmd_txq *q, uint64_t now[3])
{
	now[0] = q->frames;
	now[1] = q->bytes;
	now[2] = q->errors;
}

static void add_rxq(const struct pmd_rxq *q, unsigned int i, struct rte_eth_stats *stats)
{
	uint64_t now[4];

	rxq_now(q, now);
	stats->ipackets += now[0] - q->base[0];
	stats->ibytes += now[1] - q->base[1];
	stats->ierrors += now[2] - q->base[2];
	stats->rx_nombuf += now[3] - q->base[3];
	if (i >= RTE_ETHDEV_QUEUE_STAT_CNTRS)
		return;
	stats->q_ipackets[i] = now[0] - q->base[0];
	stats->q_ibytes[i] = now[1] - q->base[1];
	stats->q_errors[i] = now[2] - q->base[2];
}

static void add_txq(const struct pmd_txq *q, unsigned int i, struct rte_eth_stats *stats)
{
	uint64_t now[3];

	txq_now(q, now);
	stats->opackets += now[0] - q->base[0];
	stats->obytes += now[1] - q->base[1];
	stats->oerrors += now[2] - q->base[2];
	if (i >= RTE_ETHDEV_QUEUE_STAT_CNTRS)
		return;
	stats->q_opackets[i] = now[0] - q->base[0];
	stats->q_obytes[i] = now[1] - q->base[1];
}

/* --- of the card ------------------------------------------------------------------------------ */

static unsigned int stat_index(uint32_t reg)
{
	return reg / 8;
}

/* A card that failed shows what it showed last: nothing new. */
static int port_counters(struct pmd_port *port, uint64_t counter[MPNIC_PORT_COUNTERS])
{
	int err;

	pmd_lock(port->card);
	err = mpnic_port_counters(port->card->dev, port->index, counter);
	pmd_unlock(port->card);
	for (unsigned int i = 0; i < MPNIC_PORT_COUNTERS && !err; i++)
		counter[i] -= port->base_port[i];
	return err;
}

int pmd_stats_get(struct rte_eth_dev *eth, struct rte_eth_stats *stats)
{
	uint64_t counter[MPNIC_PORT_COUNTERS];

	for (unsigned int i = 0; i < eth->data->nb_rx_queues; i++)
		if (eth->data->rx_queues[i])
			add_rxq(eth->data->rx_queues[i], i, stats);
	for (unsigned int i = 0; i < eth->data->nb_tx_queues; i++)
		if (eth->data->tx_queues[i])
			add_txq(eth->data->tx_queues[i], i, stats);
	if (port_counters(pmd_port_of(eth), counter))
		return 0;
	stats->imissed = counter[stat_index(MPNIC_STAT_RX_NO_BUFFER)] +
			 counter[stat_index(MPNIC_STAT_RX_NO_QUEUE)];
	stats->ierrors += counter[stat_index(MPNIC_STAT_RX_LENGTH)];
	stats->oerrors +=
		counter[stat_index(MPNIC_STAT_TX_DOWN)] + counter[stat_index(MPNIC_STAT_TX_WIRE)];
	return 0;
}

static int pipe_counters(struct pmd_port *port, unsigned int from_host,
			 uint64_t counter[MPNIC_COUNTERS])
{
	const unsigned int source = (from_host ? MPNIC_SOURCE_HOST : 0) + port->index;
	int err;

	pmd_lock(port->card);
	err = port->card->failed ? -EIO : mpnic_admin_counters(port->card->dev, source, counter);
	pmd_unlock(port->card);
	return err;
}

int pmd_stats_reset(struct rte_eth_dev *eth)
{
	struct pmd_port *port = pmd_port_of(eth);
	uint64_t counter[MPNIC_PORT_COUNTERS];

	for (unsigned int i = 0; i < eth->data->nb_rx_queues; i++) {
		struct pmd_rxq *q = eth->data->rx_queues[i];

		if (q)
			rxq_now(q, q->base);
	}
	for (unsigned int i = 0; i < eth->data->nb_tx_queues; i++) {
		struct pmd_txq *q = eth->data->tx_queues[i];

		if (q)
			txq_now(q, q->base);
	}
	if (!port_counters(port, counter))
		for (unsigned int i = 0; i < MPNIC_PORT_COUNTERS; i++)
			port->base_port[i] += counter[i];
	for (unsigned int host = 0; host < 2; host++)
		pipe_counters(port, host, port->base_pipe[host]);
	return 0;
}

/* --- xstats ----------------------------------------------------------------------------------- */

/* What only this driver and libmpnic know. */
enum own {
	OWN_LIES,
	OWN_KICKS,
	OWN_ADMIN_TIMEOUTS,
	OWN_RESETS,
	OWN_FAILED,
	OWN_COUNT
};

static const char *const own_name[OWN_COUNT] = {
	[OWN_LIES] = "completions_that_lied",
	[OWN_KICKS] = "doorbell_kicks",
	[OWN_ADMIN_TIMEOUTS] = "admin_timeouts",
	[OWN_RESETS] = "card_resets",
	[OWN_FAILED] = "card_failed",
};

static void add_ended(struct mpnic_queue_counters *sum, const struct mpnic_queue_counters *more)
{
	sum->lies += more->lies;
	sum->kicks += more->kicks;
}

static void sum_queues(const struct rte_eth_dev *eth, struct mpnic_queue_counters *sum)
{
	struct mpnic_queue_counters c;

	for (unsigned int i = 0; i < eth->data->nb_rx_queues; i++) {
		const struct pmd_rxq *q = eth->data->rx_queues[i];

		if (!q)
			continue;
		add_ended(sum, &q->ended);
		if (!q->rx)
			continue;
		mpnic_rxq_counters(q->rx, &c);
		add_ended(sum, &c);
	}
	for (unsigned int i = 0; i < eth->data->nb_tx_queues; i++) {
		const struct pmd_txq *q = eth->data->tx_queues[i];

		if (!q)
			continue;
		add_ended(sum, &q->ended);
		if (!q->tx)
			continue;
		mpnic_txq_counters(q->tx, &c);
		add_ended(sum, &c);
	}
}

static void own_values(const struct rte_eth_dev *eth, uint64_t value[OWN_COUNT])
{
	struct pmd_card *card = pmd_port_of(eth)->card;
	struct mpnic_queue_counters sum = {0};
	struct mpnic_health health = {0};

	pmd_lock(card);
	sum_queues(eth, &sum);
	mpnic_health(card->dev, &health);
	value[OWN_LIES] = sum.lies;
	value[OWN_KICKS] = sum.kicks;
	value[OWN_ADMIN_TIMEOUTS] = health.admin_timeouts;
	value[OWN_RESETS] = card->resets;
	value[OWN_FAILED] = card->failed != 0;
	pmd_unlock(card);
}

/* Names of counters are lower case with _ in DPDK. */
static void tidy(char *name)
{
	for (; *name; name++) {
		if (*name >= 'A' && *name <= 'Z')
			*name = (char)(*name - 'A' + 'a');
		else if (*name == '.' || *name == '-' || *name == ' ')
			*name = '_';
	}
}

static const char *const direction[2] = {"rx", "tx"};

/* Counters of the pipeline that have names. */
static unsigned int pipe_count(void)
{
	char name[MPNIC_COUNTER_NAME_MAX];
	unsigned int count = 0;

	for (unsigned int i = 0; i < MPNIC_COUNTERS; i++)
		count += mpnic_counter_name(i, name);
	return count;
}

static unsigned int xstats_count(void)
{
	return MPNIC_PORT_COUNTERS + 2 * pipe_count() + OWN_COUNT;
}

int pmd_xstats_names(struct rte_eth_dev *eth, struct rte_eth_xstat_name *names, unsigned int count)
{
	char pipe[MPNIC_COUNTER_NAME_MAX];
	unsigned int n = 0;

	(void)eth;
	if (!names || count < xstats_count())
		return (int)xstats_count();
	for (unsigned int i = 0; i < MPNIC_PORT_COUNTERS; i++)
		snprintf(names[n++].name, RTE_ETH_XSTATS_NAME_SIZE, "port_%s",
			 mpnic_stat_registers[i].name);
	for (unsigned int host = 0; host < 2; host++)
		for (unsigned int i = 0; i < MPNIC_COUNTERS; i++)
			if (mpnic_counter_name(i, pipe))
				snprintf(names[n++].name, RTE_ETH_XSTATS_NAME_SIZE, "%s_%s",
					 direction[host], pipe);
	for (unsigned int i = 0; i < OWN_COUNT; i++)
		rte_strscpy(names[n++].name, own_name[i], RTE_ETH_XSTATS_NAME_SIZE);
	for (unsigned int i = 0; i < n; i++)
		tidy(names[i].name);
	return (int)n;
}

static void pipe_values(struct pmd_port *port, unsigned int host, struct rte_eth_xstat *stats,
			unsigned int *n)
{
	uint64_t counter[MPNIC_COUNTERS] = {0};
	char name[MPNIC_COUNTER_NAME_MAX];
	const int err = pipe_counters(port, host, counter);

	for (unsigned int i = 0; i < MPNIC_COUNTERS; i++)
		if (mpnic_counter_name(i, name))
			stats[(*n)++].value = err ? 0 : counter[i] - port->base_pipe[host][i];
}

int pmd_xstats_get(struct rte_eth_dev *eth, struct rte_eth_xstat *stats, unsigned int count)
{
	struct pmd_port *port = pmd_port_of(eth);
	uint64_t counter[MPNIC_PORT_COUNTERS] = {0}, own[OWN_COUNT];
	unsigned int n = 0;

	if (!stats || count < xstats_count())
		return (int)xstats_count();
	port_counters(port, counter);
	for (unsigned int i = 0; i < MPNIC_PORT_COUNTERS; i++)
		stats[n++].value = counter[i];
	pipe_values(port, 0, stats, &n);
	pipe_values(port, 1, stats, &n);
	own_values(eth, own);
	for (unsigned int i = 0; i < OWN_COUNT; i++)
		stats[n++].value = own[i];
	for (unsigned int i = 0; i < n; i++)
		stats[i].id = i;
	return (int)n;
}

/* --- registers, firmware, dump ---------------------------------------------------------------- */

/* Registers of the host from 0 to the serial number's end, then the port's counters. */
enum {
	HOST_BYTES = MPNIC_HOST_SERIAL + 32,
	STAT_BYTES = MPNIC_PORT_COUNTERS * 8,
};

static int read_words(struct pmd_card *card, uint32_t from, uint32_t bytes, uint32_t *to)
{
	int err = 0;

	for (uint32_t i = 0; i < bytes && !err; i += 4)
		err = mpnic_reg_read(card->dev, from + i, &to[i / 4]);
	return err;
}

int pmd_get_reg(struct rte_eth_dev *eth, struct rte_dev_reg_info *regs)
{
	const struct pmd_port *port = pmd_port_of(eth);
	struct pmd_card *card = port->card;
	const uint32_t words = (HOST_BYTES + STAT_BYTES) / 4;
	uint32_t *to = regs->data;
	int err;

	regs->width = 4;
	regs->version = mpnic_info(card->dev)->regs_version;
	if (!to) {
		regs->length = words;
		return 0;
	}
	if (regs->offset || (regs->length && regs->length != words))
		return -ENOTSUP;
	regs->length = words;
	pmd_lock(card);
	err = read_words(card, 0, HOST_BYTES, to);
	if (!err)
		err = read_words(card, MPNIC_BAR_STAT + 0x100 * port->index, STAT_BYTES,
				 to + HOST_BYTES / 4);
	pmd_unlock(card);
	return err;
}

int pmd_fw_version(struct rte_eth_dev *eth, char *text, size_t size)
{
	const struct mpnic_admin_identity *id = mpnic_identity(pmd_port_of(eth)->card->dev);
	int n;

	if (!id)
		return -EIO;
	n = snprintf(text, size, "%u.%u %.32s", id->fw_version >> 16, id->fw_version & 0xffff,
		     (const char *)id->fw_name);
	return n < 0 ? -EINVAL : (size_t)n < size ? 0 : n + 1;
}

int pmd_priv_dump(struct rte_eth_dev *eth, FILE *file)
{
	const struct pmd_port *port = pmd_port_of(eth);
	struct pmd_card *card = port->card;
	const struct mpnic_info *info = mpnic_info(card->dev);
	struct mpnic_admin_tables t = {0};

	fprintf(file, "port %u of %s by %s, generation %u\n", port->index, card->name,
		info->transport, info->generation);
	fprintf(file, "queues %u to %u of each kind; doorbells %s\n", port->index * card->span,
		(port->index + 1) * card->span - 1,
		info->doorbells_mapped ? "mapped" : "by message");
	pmd_lock(card);
	if (card->failed)
		fprintf(file, "failed: %s\n", strerror(-card->failed));
	else if (!mpnic_admin_tables(card->dev, &t))
		for (unsigned int i = 0; i < RTE_DIM(t.used); i++)
			fprintf(file, "table %s: %u of %u, %u refused, %u moves\n",
				mpnic_table_name(i), t.used[i], t.size[i], t.full[i], t.moved[i]);
	pmd_unlock(card);
	return 0;
}

static void dump_state(const char *kind, const struct mpnic_queue_state *s, FILE *file)
{
	fprintf(file, "%s queue %u of the card: %u entries, %u under way, next completion %u%s%s\n",
		kind, s->index, 1u << s->log2, s->tail - s->head, s->completion,
		s->state ? ", stands: " : "", s->state ? strerror(-s->state) : "");
}

int pmd_rx_desc_dump(const struct rte_eth_dev *eth, uint16_t queue, uint16_t offset, uint16_t num,
		     FILE *file)
{
	const struct pmd_rxq *q = eth->data->rx_queues[queue];
	struct mpnic_queue_state state;

	if (!q->rx)
		return -EINVAL;
	mpnic_rxq_state(q->rx, &state);
	dump_state("Rx", &state, file);
	for (unsigned int i = offset; i < (unsigned int)offset + num && i < q->desc; i++) {
		struct mpnic_rx_cpl cpl;

		mpnic_rxq_peek(q->rx, i, &cpl);
		fprintf(file, "%5u: phase %u, %u bytes, %u buffers, status %s, source %u\n", i,
			cpl.phase, cpl.len, cpl.buffers, mpnic_rx_status_name(cpl.status),
			cpl.source);
	}
	return 0;
}

int pmd_tx_desc_dump(const struct rte_eth_dev *eth, uint16_t queue, uint16_t offset, uint16_t num,
		     FILE *file)
{
	const struct pmd_txq *q = eth->data->tx_queues[queue];
	struct mpnic_queue_state state;

	(void)offset;
	(void)num;
	if (!q->tx)
		return -EINVAL;
	mpnic_txq_state(q->tx, &state);
	dump_state("Tx", &state, file);
	return 0;
}

/* --- telemetry -------------------------------------------------------------------------------- */

static void tell_tables(struct rte_tel_data *d, const struct mpnic_admin_tables *t)
{
	for (unsigned int i = 0; i < RTE_DIM(t->used); i++) {
		char key[48];

		snprintf(key, sizeof(key), "%s_used", mpnic_table_name(i));
		rte_tel_data_add_dict_u64(d, key, t->used[i]);
		snprintf(key, sizeof(key), "%s_size", mpnic_table_name(i));
		rte_tel_data_add_dict_u64(d, key, t->size[i]);
	}
}

static void tell_card(struct pmd_card *card, struct rte_tel_data *d)
{
	const struct mpnic_info *info = mpnic_info(card->dev);
	struct mpnic_admin_tables tables = {0};
	struct mpnic_health health = {0};

	rte_tel_data_add_dict_string(d, "card", card->name);
	rte_tel_data_add_dict_string(d, "transport", info->transport);
	rte_tel_data_add_dict_int(d, "failed", card->failed);
	rte_tel_data_add_dict_u64(d, "resets", card->resets);
	rte_tel_data_add_dict_u64(d, "generation", info->generation);
	mpnic_health(card->dev, &health);
	rte_tel_data_add_dict_u64(d, "heartbeat", health.heartbeat);
	rte_tel_data_add_dict_u64(d, "admin_timeouts", health.admin_timeouts);
	if (!card->failed && !mpnic_admin_tables(card->dev, &tables))
		tell_tables(d, &tables);
}

int pmd_telemetry(const char *command, const char *parameters, struct rte_tel_data *d)
{
	char *end;
	unsigned long id;
	struct pmd_card *card;

	(void)command;
	id = parameters ? strtoul(parameters, &end, 10) : UINT16_MAX;
	if (!parameters || end == parameters || *end || id >= RTE_MAX_ETHPORTS ||
	    !rte_eth_dev_is_valid_port((uint16_t)id) || rte_eth_devices[id].dev_ops != &pmd_ops)
		return -EINVAL;
	card = pmd_port_of(&rte_eth_devices[id])->card;
	rte_tel_data_start_dict(d);
	pmd_lock(card);
	tell_card(card, d);
	pmd_unlock(card);
	return 0;
}
