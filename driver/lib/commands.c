/* SPDX-License-Identifier: BSD-3-Clause */
/* The admin commands, one function each. */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mpnic_map.h"

#define RETA_PER_COMMAND     48
#define COUNTERS_PER_COMMAND 12

/* In and out are of at most 112 bytes. */
static int run(struct mpnic_dev *dev, enum mpnic_admin_op_code op, uint32_t id, uint32_t arg,
	       const void *in, size_t in_size, void *out, size_t out_size)
{
	struct mpnic_admin_cmd cmd = {.op = (uint16_t)op, .id = id, .arg = arg};
	struct mpnic_admin_cpl cpl;
	int err;

	if (in_size)
		memcpy(cmd.data, in, in_size);
	err = mpnic_admin(dev, &cmd, &cpl);
	if (!err && out_size)
		memcpy(out, cpl.data, out_size);
	return err;
}

static int tell(struct mpnic_dev *dev, enum mpnic_admin_op_code op, uint32_t id, const void *in,
		size_t size)
{
	return run(dev, op, id, 0, in, size, NULL, 0);
}

int mpnic_admin_nop(struct mpnic_dev *dev)
{
	return tell(dev, MPNIC_ADMIN_OP_NOP, 0, NULL, 0);
}

int mpnic_admin_port_get(struct mpnic_dev *dev, unsigned int port, struct mpnic_admin_port *state)
{
	return run(dev, MPNIC_ADMIN_OP_PORT_GET, port, 0, NULL, 0, state, sizeof(*state));
}

int mpnic_admin_port_set(struct mpnic_dev *dev, unsigned int port,
			 const struct mpnic_admin_port *state)
{
	return tell(dev, MPNIC_ADMIN_OP_PORT_SET, port, state, sizeof(*state));
}

static int mac_command(struct mpnic_dev *dev, enum mpnic_admin_op_code op, unsigned int port,
		       const uint8_t mac[6])
{
	struct mpnic_admin_mac m = {0};

	memcpy(m.mac, mac, sizeof(m.mac));
	return tell(dev, op, port, &m, sizeof(m));
}

int mpnic_admin_mac_add(struct mpnic_dev *dev, unsigned int port, const uint8_t mac[6])
{
	return mac_command(dev, MPNIC_ADMIN_OP_MAC_ADD, port, mac);
}

int mpnic_admin_mac_remove(struct mpnic_dev *dev, unsigned int port, const uint8_t mac[6])
{
	return mac_command(dev, MPNIC_ADMIN_OP_MAC_REMOVE, port, mac);
}

int mpnic_admin_queue_create(struct mpnic_dev *dev, unsigned int index,
			     const struct mpnic_admin_queue *queue)
{
	return tell(dev, MPNIC_ADMIN_OP_QUEUE_CREATE, index, queue, sizeof(*queue));
}

int mpnic_admin_queue_destroy(struct mpnic_dev *dev, enum mpnic_queue_code kind, unsigned int index)
{
	struct mpnic_admin_queue queue = {.kind = (uint8_t)kind};

	return tell(dev, MPNIC_ADMIN_OP_QUEUE_DESTROY, index, &queue, sizeof(queue));
}

int mpnic_admin_queue_get(struct mpnic_dev *dev, enum mpnic_queue_code kind, unsigned int index,
			  struct mpnic_admin_queue_stats *stats)
{
	struct mpnic_admin_queue queue = {.kind = (uint8_t)kind};

	return run(dev, MPNIC_ADMIN_OP_QUEUE_GET, index, 0, &queue, sizeof(queue), stats,
		   sizeof(*stats));
}

int mpnic_admin_vector_set(struct mpnic_dev *dev, unsigned int vector, uint32_t interval_us)
{
	struct mpnic_admin_vector v = {.interval_us = interval_us};

	return tell(dev, MPNIC_ADMIN_OP_VECTOR_SET, vector, &v, sizeof(v));
}

int mpnic_admin_settings_get(struct mpnic_dev *dev, struct mpnic_settings *settings)
{
	return run(dev, MPNIC_ADMIN_OP_SETTINGS_GET, 0, 0, NULL, 0, settings, sizeof(*settings));
}

int mpnic_admin_settings_set(struct mpnic_dev *dev, const struct mpnic_settings *settings)
{
	return tell(dev, MPNIC_ADMIN_OP_SETTINGS_SET, 0, settings, sizeof(*settings));
}

int mpnic_admin_network_set(struct mpnic_dev *dev, unsigned int source, uint8_t network)
{
	return tell(dev, MPNIC_ADMIN_OP_NETWORK_SET, source, &network, 1);
}

int mpnic_admin_network_default(struct mpnic_dev *dev, unsigned int network,
				enum mpnic_first_syn_code first_syn)
{
	uint8_t value = (uint8_t)first_syn;

	return tell(dev, MPNIC_ADMIN_OP_NETWORK_DEFAULT, network, &value, 1);
}

int mpnic_admin_reta_set(struct mpnic_dev *dev, unsigned int first, unsigned int count,
			 const uint16_t *queue)
{
	if (first > MPNIC_RETA_SIZE || count > MPNIC_RETA_SIZE - first)
		return mpnic_i_fail(dev, -ERANGE, "entries %u to %u of an RSS table of %u", first,
				    first + count - 1, MPNIC_RETA_SIZE);
	for (unsigned int done = 0; done < count; done += RETA_PER_COMMAND) {
		unsigned int n = count - done < RETA_PER_COMMAND ? count - done : RETA_PER_COMMAND;
		int err = run(dev, MPNIC_ADMIN_OP_RETA_SET, first + done, n, queue + done,
			      n * sizeof(*queue), NULL, 0);

		if (err)
			return err;
	}
	return 0;
}

int mpnic_admin_rss_key_set(struct mpnic_dev *dev, const uint8_t key[MPNIC_RSS_KEY_LEN])
{
	return tell(dev, MPNIC_ADMIN_OP_RSS_KEY_SET, 0, key, MPNIC_RSS_KEY_LEN);
}

/* --- tables ---------------------------------------------------------------------------------- */

int mpnic_admin_flow_add(struct mpnic_dev *dev, const struct mpnic_admin_flow *flow,
			 uint32_t *flow_id)
{
	uint32_t id;
	int err = run(dev, MPNIC_ADMIN_OP_FLOW_ADD, 0, 0, flow, sizeof(*flow), &id, sizeof(id));

	if (!err && flow_id)
		*flow_id = id;
	return err;
}

static int key_command(struct mpnic_dev *dev, enum mpnic_admin_op_code op,
		       const struct mpnic_key *key, void *out, size_t out_size)
{
	struct mpnic_admin_flow flow = {0};

	memcpy(flow.key, key, sizeof(flow.key));
	return run(dev, op, 0, 0, &flow, sizeof(flow), out, out_size);
}

int mpnic_admin_flow_remove(struct mpnic_dev *dev, const struct mpnic_key *key)
{
	return key_command(dev, MPNIC_ADMIN_OP_FLOW_REMOVE, key, NULL, 0);
}

int mpnic_admin_flow_set(struct mpnic_dev *dev, uint32_t flow_id, const struct mpnic_action *action)
{
	struct mpnic_admin_flow flow = {0};

	memcpy(flow.action, action, sizeof(flow.action));
	return tell(dev, MPNIC_ADMIN_OP_FLOW_SET, flow_id, &flow, sizeof(flow));
}

int mpnic_admin_flow_get(struct mpnic_dev *dev, const struct mpnic_key *key,
			 struct mpnic_admin_flow_state *state)
{
	return key_command(dev, MPNIC_ADMIN_OP_FLOW_GET, key, state, sizeof(*state));
}

int mpnic_admin_flow_dss_set(struct mpnic_dev *dev, uint32_t flow_id, unsigned int direction,
			     const struct mpnic_dir *dir)
{
	return run(dev, MPNIC_ADMIN_OP_FLOW_DSS_SET, flow_id, direction, dir, sizeof(*dir), NULL,
		   0);
}

int mpnic_admin_flow_confirm(struct mpnic_dev *dev, const struct mpnic_key *key)
{
	return key_command(dev, MPNIC_ADMIN_OP_FLOW_CONFIRM, key, NULL, 0);
}

int mpnic_admin_rule_set(struct mpnic_dev *dev, unsigned int index, const struct mpnic_rule *rule)
{
	return tell(dev, MPNIC_ADMIN_OP_RULE_SET, index, rule, sizeof(*rule));
}

int mpnic_admin_rule_get(struct mpnic_dev *dev, unsigned int index, struct mpnic_rule_use *use)
{
	uint8_t out[20];
	int err = run(dev, MPNIC_ADMIN_OP_RULE_GET, index, 0, NULL, 0, out, sizeof(out));

	if (err)
		return err;
	memcpy(&use->packets, out, 8);
	memcpy(&use->bytes, out + 8, 8);
	memcpy(&use->last_seen, out + 16, 4);
	return 0;
}

int mpnic_admin_conn_set(struct mpnic_dev *dev, uint32_t conn_id, const struct mpnic_conn *conn)
{
	return tell(dev, MPNIC_ADMIN_OP_CONN_SET, conn_id, conn, sizeof(*conn));
}

int mpnic_admin_token_add(struct mpnic_dev *dev, const struct mpnic_token_entry *entry)
{
	return tell(dev, MPNIC_ADMIN_OP_TOKEN_ADD, 0, entry, sizeof(*entry));
}

int mpnic_admin_token_remove(struct mpnic_dev *dev, uint32_t token)
{
	struct mpnic_token_entry entry = {.token = token};

	return tell(dev, MPNIC_ADMIN_OP_TOKEN_REMOVE, 0, &entry, sizeof(entry));
}

int mpnic_admin_token_get(struct mpnic_dev *dev, uint32_t token, struct mpnic_token_entry *entry)
{
	struct mpnic_token_entry which = {.token = token};

	return run(dev, MPNIC_ADMIN_OP_TOKEN_GET, 0, 0, &which, sizeof(which), entry,
		   sizeof(*entry));
}

int mpnic_admin_peer_set(struct mpnic_dev *dev, const struct mpnic_peer_entry *entry)
{
	return tell(dev, MPNIC_ADMIN_OP_PEER_SET, 0, entry, sizeof(*entry));
}

int mpnic_admin_peer_remove(struct mpnic_dev *dev, const struct mpnic_peer_entry *entry)
{
	return tell(dev, MPNIC_ADMIN_OP_PEER_REMOVE, 0, entry, sizeof(*entry));
}

int mpnic_admin_peer_get(struct mpnic_dev *dev, const struct mpnic_peer_entry *which,
			 struct mpnic_peer_entry *entry)
{
	return run(dev, MPNIC_ADMIN_OP_PEER_GET, 0, 0, which, sizeof(*which), entry,
		   sizeof(*entry));
}

int mpnic_admin_age(struct mpnic_dev *dev, uint32_t from, uint32_t units,
		    struct mpnic_admin_aged *aged)
{
	int err = run(dev, MPNIC_ADMIN_OP_AGE, from, units, NULL, 0, aged, sizeof(*aged));

	if (err)
		return err;
	if (aged->count > sizeof(aged->id) / sizeof(aged->id[0]) || aged->next <= from)
		return mpnic_i_fail(dev, -EPROTO,
				    "a scan from flow %u gave %u ids and goes on at %u", from,
				    aged->count, aged->next);
	return 0;
}

int mpnic_admin_tables(struct mpnic_dev *dev, struct mpnic_admin_tables *tables)
{
	return run(dev, MPNIC_ADMIN_OP_TABLES, 0, 0, NULL, 0, tables, sizeof(*tables));
}

int mpnic_admin_self_test(struct mpnic_dev *dev, uint32_t *failed)
{
	return run(dev, MPNIC_ADMIN_OP_SELF_TEST, 0, 0, NULL, 0, failed, sizeof(*failed));
}

/* --- counters -------------------------------------------------------------------------------- */

int mpnic_admin_counters(struct mpnic_dev *dev, unsigned int source,
			 uint64_t counter[MPNIC_COUNTERS])
{
	for (uint32_t first = 0; first < MPNIC_COUNTERS; first += COUNTERS_PER_COMMAND) {
		uint64_t value[COUNTERS_PER_COMMAND];
		uint32_t n = MPNIC_COUNTERS - first;
		int err = run(dev, MPNIC_ADMIN_OP_STATS, source, first, NULL, 0, value,
			      sizeof(value));

		if (err)
			return err;
		if (n > COUNTERS_PER_COMMAND)
			n = COUNTERS_PER_COMMAND;
		memcpy(counter + first, value, n * sizeof(*value));
	}
	return 0;
}

/* docs/state.md, "Counters": groups in their order, and names of their values. */
static const struct {
	const char *group;
	unsigned int size;
	const char *(*name)(unsigned int value);
} groups[] = {
	{"flow", 8, mpnic_flow_name},	  {"token", 8, mpnic_token_name},
	{"dsn", 16, mpnic_dsn_name},	  {"map_csum", 16, mpnic_map_csum_name},
	{"punt", 8, mpnic_punt_name},	  {"drop", 8, mpnic_drop_name},
	{"action", 16, mpnic_action_bit}, {"sign", 32, mpnic_sign_bit},
};

bool mpnic_counter_name(unsigned int counter, char name[MPNIC_COUNTER_NAME_MAX])
{
	static const char *const last[] = {"frames", "bytes", "events", "events_lost"};

	for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
		const char *value;

		if (counter >= groups[g].size) {
			counter -= groups[g].size;
			continue;
		}
		value = groups[g].name(counter);
		if (!value || *value == '?')
			return false;
		snprintf(name, MPNIC_COUNTER_NAME_MAX, "%s.%s", groups[g].group, value);
		return true;
	}
	if (counter >= ARRAY_SIZE(last))
		return false;
	snprintf(name, MPNIC_COUNTER_NAME_MAX, "%s", last[counter]);
	return true;
}
