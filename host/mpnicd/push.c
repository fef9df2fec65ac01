/* SPDX-License-Identifier: BSD-3-Clause */
#include "push.h"

#include <errno.h>
#include <string.h>

#include "rte_pmd_mpnic.h"

/* All ports of a card have the same tables. */
static uint16_t any_port(const struct nic *nic)
{
	return nic->port[0];
}

int push_room(const struct nic *nic, uint32_t *conns, uint32_t *flows)
{
	const int count = rte_pmd_mpnic_conn_count(any_port(nic));
	struct mpnic_admin_tables tables;
	const int err = rte_pmd_mpnic_tables(any_port(nic), &tables);

	if (count < 0 || err)
		return count < 0 ? count : err;
	*conns = (uint32_t)count;
	*flows = tables.size[MPNIC_TABLE_FLOW];
	return 0;
}

void push_clock(struct push *push, uint64_t device_ns, uint64_t now_ns)
{
	const int64_t ahead = (int64_t)(now_ns - device_ns);

	/* What came fastest knows best. */
	if (!push->known || ahead < push->ahead_ns)
		push->ahead_ns = ahead;
	push->known = true;
}

/* last_seen counts 2^20 ns of the device's time, modulo 2^32. */
static uint64_t seen_ns(const struct push *push, uint32_t last_seen, uint64_t now_ns)
{
	const uint64_t device = now_ns - (uint64_t)push->ahead_ns;
	const uint32_t ago = (uint32_t)(device >> 20) - last_seen;

	if (!push->known || ago > INT32_MAX || (uint64_t)ago << 20 > now_ns)
		return now_ns;
	return now_ns - ((uint64_t)ago << 20);
}

static int flow_add(uint16_t port, const struct conns_action *a)
{
	struct mpnic_admin_flow flow = a->flow;
	uint32_t id;
	int err;

	flow.flow_id = 0; /* the answer's */
	err = rte_pmd_mpnic_flow_add(port, &flow, &id);
	if (err)
		return err;
	for (unsigned int i = 0; !err && i < 2; i++)
		if (a->dir[i].flags)
			err = rte_pmd_mpnic_flow_dss_set(port, id, i, &a->dir[i]);
	return err;
}

static struct mpnic_key key_of(const struct conns_action *a)
{
	struct mpnic_key key;

	_Static_assert(sizeof(a->flow.key) == sizeof(key), "record key");
	memcpy(&key, a->flow.key, sizeof(key));
	return key;
}

static int flow_set(uint16_t port, const struct conns_action *a)
{
	const struct mpnic_key key = key_of(a);
	struct mpnic_admin_flow_state state;
	struct mpnic_action action;
	const int err = rte_pmd_mpnic_flow_get(port, &key, &state);

	if (err)
		return err;
	memcpy(&action, a->flow.action, sizeof(action));
	return rte_pmd_mpnic_flow_set(port, state.flow_id, &action);
}

static int flow_ask(const struct push *push, uint16_t port, struct conns *conns,
		    const struct conns_action *a, uint64_t now_ns)
{
	const struct mpnic_key key = key_of(a);
	struct mpnic_admin_flow_state state;
	const int err = rte_pmd_mpnic_flow_get(port, &key, &state);

	if (!err)
		conns_flow_seen(conns, a, state.packets, state.bytes,
				seen_ns(push, state.last_seen, now_ns));
	return err;
}

static int act(const struct push *push, const struct nic *nic, struct conns *conns,
	       const struct conns_action *a, uint64_t now_ns)
{
	const uint16_t port = any_port(nic);
	const struct mpnic_key key = key_of(a);

	switch (a->what) {
	case CONNS_DO_CONN_SET:
		return rte_pmd_mpnic_conn_set(port, a->conn_id, &a->conn);
	case CONNS_DO_FLOW_ADD:
		return flow_add(port, a);
	case CONNS_DO_FLOW_CONFIRM:
		return rte_pmd_mpnic_flow_confirm(port, &key);
	case CONNS_DO_FLOW_SET:
		return flow_set(port, a);
	case CONNS_DO_FLOW_REMOVE:
		return rte_pmd_mpnic_flow_remove(port, &key);
	case CONNS_DO_FLOW_ASK:
		return flow_ask(push, port, conns, a, now_ns);
	case CONNS_DO_TOKEN_ADD:
		return rte_pmd_mpnic_token_add(port, &a->token);
	case CONNS_DO_TOKEN_REMOVE:
		return rte_pmd_mpnic_token_remove(port, a->token.token);
	}
	return -EINVAL;
}

int push_actions(const struct push *push, const struct nic *nic, struct conns *conns,
		 unsigned int budget, uint64_t now_ns)
{
	struct conns_action action;
	unsigned int done = 0;

	for (; done < budget && conns_next_action(conns, &action); done++) {
		const int err = act(push, nic, conns, &action, now_ns);

		if (err)
			conns_failed(conns, &action, err);
		if (err == -EIO)
			return err;
	}
	return (int)done;
}

int push_settings(const struct nic *nic, struct mpnic_settings *settings)
{
	return rte_pmd_mpnic_settings_get(any_port(nic), settings);
}

int push_network(const struct nic *nic, unsigned int port, uint8_t network)
{
	return rte_pmd_mpnic_network_set(nic->port[port], network);
}

int push_peer(const struct nic *nic, const struct peer_key *peer, unsigned int speaks,
	      unsigned int first_syn)
{
	struct mpnic_peer_entry entry = {
		.port = peer->port,
		.network = peer->network,
		.ip_version = peer->addr.version,
		.speaks = (uint8_t)speaks,
		.first_syn = (uint8_t)first_syn,
	};
	int err;

	memcpy(entry.addr, peer->addr.bytes, sizeof(entry.addr));
	if (speaks != MPNIC_SPEAKS_UNKNOWN || first_syn != MPNIC_FIRST_SYN_PASS)
		return rte_pmd_mpnic_peer_set(any_port(nic), &entry);
	err = rte_pmd_mpnic_peer_remove(any_port(nic), &entry);
	return err == -ENOENT ? 0 : err;
}
