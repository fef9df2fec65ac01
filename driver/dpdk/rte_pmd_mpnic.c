/* SPDX-License-Identifier: BSD-3-Clause */
/* What applications get beyond ethdev. */
#include <errno.h>

#include <rte_bitops.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include "mpnic_pmd.h"
#include "rte_pmd_mpnic.h"

/* --- dynamic fields --------------------------------------------------------------------------- */

int rte_pmd_mpnic_meta_register(int *offset, uint64_t *flag)
{
	static const struct rte_mbuf_dynfield field = {
		.name = RTE_PMD_MPNIC_META_FIELD,
		.size = sizeof(struct rte_pmd_mpnic_meta),
		.align = __alignof__(struct rte_pmd_mpnic_meta),
	};
	const int at = rte_mbuf_dynfield_register(&field);

	if (at < 0)
		return -1;
	*offset = at;
	return pmd_flag_register(RTE_PMD_MPNIC_META_FLAG, flag);
}

int pmd_flag_register(const char *name, uint64_t *flag)
{
	struct rte_mbuf_dynflag bit = {0};
	int number;

	snprintf(bit.name, sizeof(bit.name), "%s", name);
	number = rte_mbuf_dynflag_register(&bit);
	if (number < 0)
		return -1;
	*flag = RTE_BIT64(number);
	return 0;
}

/* --- calls ------------------------------------------------------------------------------------ */

static struct pmd_port *port_by_id(uint16_t port_id)
{
	if (!rte_eth_dev_is_valid_port(port_id) || rte_eth_devices[port_id].dev_ops != &pmd_ops)
		return NULL;
	return pmd_port_of(&rte_eth_devices[port_id]);
}

/* The port with its card's lock, or NULL. */
static struct pmd_port *enter(uint16_t port_id, int *err)
{
	struct pmd_port *port = port_by_id(port_id);

	*err = port ? 0 : -ENODEV;
	if (!port)
		return NULL;
	pmd_lock(port->card);
	if (!port->card->failed)
		return port;
	*err = -EIO;
	pmd_unlock(port->card);
	return NULL;
}

static int leave(const struct pmd_port *port, int err)
{
	pmd_unlock(port->card);
	return err;
}

#define CALL(port_id, what, ...)                                                               \
	do {                                                                                   \
		int err_;                                                                      \
		const struct pmd_port *port_ = enter(port_id, &err_);                          \
                                                                                               \
		return port_ ? leave(port_, mpnic_admin_##what(port_->card->dev, __VA_ARGS__)) \
			     : err_;                                                           \
	} while (0)

int rte_pmd_mpnic_conn_set(uint16_t port_id, uint32_t conn_id, const struct mpnic_conn *conn)
{
	CALL(port_id, conn_set, conn_id, conn);
}

int rte_pmd_mpnic_conn_count(uint16_t port_id)
{
	int err;
	const struct pmd_port *port = enter(port_id, &err);
	uint32_t conns;

	if (!port)
		return err;
	conns = mpnic_identity(port->card->dev)->conns;
	return leave(port, conns > RTE_PMD_MPNIC_RULE_CONNS
				   ? (int)(conns - RTE_PMD_MPNIC_RULE_CONNS)
				   : 0);
}

int rte_pmd_mpnic_flow_add(uint16_t port_id, const struct mpnic_admin_flow *flow, uint32_t *flow_id)
{
	CALL(port_id, flow_add, flow, flow_id);
}

int rte_pmd_mpnic_flow_remove(uint16_t port_id, const struct mpnic_key *key)
{
	CALL(port_id, flow_remove, key);
}

int rte_pmd_mpnic_flow_get(uint16_t port_id, const struct mpnic_key *key,
			   struct mpnic_admin_flow_state *state)
{
	CALL(port_id, flow_get, key, state);
}

int rte_pmd_mpnic_flow_set(uint16_t port_id, uint32_t flow_id, const struct mpnic_action *action)
{
	CALL(port_id, flow_set, flow_id, action);
}

int rte_pmd_mpnic_flow_dss_set(uint16_t port_id, uint32_t flow_id, unsigned int direction,
			       const struct mpnic_dir *dir)
{
	CALL(port_id, flow_dss_set, flow_id, direction, dir);
}

int rte_pmd_mpnic_flow_confirm(uint16_t port_id, const struct mpnic_key *key)
{
	CALL(port_id, flow_confirm, key);
}

int rte_pmd_mpnic_flow_age(uint16_t port_id, uint32_t from, uint32_t units,
			   struct mpnic_admin_aged *aged)
{
	CALL(port_id, age, from, units, aged);
}

int rte_pmd_mpnic_token_add(uint16_t port_id, const struct mpnic_token_entry *entry)
{
	CALL(port_id, token_add, entry);
}

int rte_pmd_mpnic_token_remove(uint16_t port_id, uint32_t token)
{
	CALL(port_id, token_remove, token);
}

int rte_pmd_mpnic_token_get(uint16_t port_id, uint32_t token, struct mpnic_token_entry *entry)
{
	CALL(port_id, token_get, token, entry);
}

int rte_pmd_mpnic_peer_set(uint16_t port_id, const struct mpnic_peer_entry *entry)
{
	CALL(port_id, peer_set, entry);
}

int rte_pmd_mpnic_peer_remove(uint16_t port_id, const struct mpnic_peer_entry *entry)
{
	CALL(port_id, peer_remove, entry);
}

int rte_pmd_mpnic_peer_get(uint16_t port_id, const struct mpnic_peer_entry *which,
			   struct mpnic_peer_entry *entry)
{
	CALL(port_id, peer_get, which, entry);
}

int rte_pmd_mpnic_network_default(uint16_t port_id, unsigned int network, unsigned int first_syn)
{
	CALL(port_id, network_default, network, (enum mpnic_first_syn_code)first_syn);
}

/* Frames from the wire and frames to it are two sources. */
int rte_pmd_mpnic_network_set(uint16_t port_id, uint8_t network)
{
	int err;
	const struct pmd_port *port = enter(port_id, &err);

	if (!port)
		return err;
	err = mpnic_admin_network_set(port->card->dev, port->index, network);
	if (!err)
		err = mpnic_admin_network_set(port->card->dev, MPNIC_SOURCE_HOST + port->index,
					      network);
	return leave(port, err);
}

int rte_pmd_mpnic_settings_get(uint16_t port_id, struct mpnic_settings *settings)
{
	CALL(port_id, settings_get, settings);
}

int rte_pmd_mpnic_settings_set(uint16_t port_id, const struct mpnic_settings *settings)
{
	CALL(port_id, settings_set, settings);
}

int rte_pmd_mpnic_events(uint16_t port_id, struct mpnic_event_cpl *event, unsigned int count)
{
	const struct pmd_port *port = port_by_id(port_id);

	if (!port)
		return -ENODEV;
	return port->card->events ? mpnic_evq_burst(port->card->events, event, count) : -EAGAIN;
}

int rte_pmd_mpnic_tables(uint16_t port_id, struct mpnic_admin_tables *tables)
{
	CALL(port_id, tables, tables);
}
