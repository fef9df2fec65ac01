/* SPDX-License-Identifier: BSD-3-Clause */
#include "commands.h"

#include <string.h>

static void put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

struct mpnic_key key_exact(uint32_t lo, uint16_t lo_port, uint32_t hi, uint16_t hi_port)
{
	struct mpnic_key key = {.lo_port = lo_port, .hi_port = hi_port, .proto = 6, .kind = 4};

	put_be32(key.lo_addr, lo);
	put_be32(key.hi_addr, hi);
	return key;
}

struct mpnic_key key_masked(uint32_t addr)
{
	struct mpnic_key key = {.kind = 0x80 | 4};

	put_be32(key.lo_addr, addr);
	return key;
}

struct mpnic_admin_flow flow_with(const struct mpnic_key *key)
{
	struct mpnic_admin_flow flow = {.conn_id = MPNIC_ID_NONE};

	memcpy(flow.key, key, sizeof(flow.key));
	return flow;
}

struct mpnic_peer_entry peer_at(uint32_t addr, uint16_t port)
{
	struct mpnic_peer_entry peer = {.port = port, .ip_version = 4};

	put_be32(peer.addr, addr);
	return peer;
}

static void set(struct mpnic_admin_cmd *cmd, const void *data, size_t len)
{
	memcpy(cmd->data, data, len);
}

static void good_port(struct mpnic_admin_cmd *cmd)
{
	const struct mpnic_admin_port port = {
		.flags = MPNIC_PORT_UP, .mtu = 9000, .queue_base = 4, .queue_count = 12};

	cmd->id = 1;
	set(cmd, &port, sizeof(port));
}

static void good_queue(struct mpnic_admin_cmd *cmd)
{
	const struct mpnic_admin_queue queue = {.kind = MPNIC_QUEUE_TX,
						.ring_log2 = 9,
						.irq = 63,
						.ring = 0x123456000,
						.cpl = 0x40};

	cmd->id = 15;
	set(cmd, &queue, sizeof(queue));
}

static void good_settings(struct mpnic_admin_cmd *cmd)
{
	struct mpnic_settings settings = {
		.host_sources = 12,
		.join_interval = 1000,
		.join_slack = 5000,
		.miss = {.prio = 255, .actions = MPNIC_ACTION_QUEUE, .rx_queue = 15},
		.learnt = {.prio = 9},
		.event_mask = 0xffff,
		.prefix4 = 32,
		.prefix6 = 64,
		.join_policy = 5,
	};

	memset(&settings.mask.lo_addr, 0xff, 16);
	settings.mask.hi_port = 0xffff;
	set(cmd, &settings, sizeof(settings));
}

static void good_flow(struct mpnic_admin_cmd *cmd)
{
	const struct mpnic_key key = key_exact(0x0a000001, 1000, 0x0a000002, 80);
	struct mpnic_admin_flow flow = flow_with(&key);
	const struct mpnic_action action = {.mark = 7, .actions = MPNIC_ACTION_MARK, .prio = 3};

	flow.conn_id = 5;
	flow.flags = MPNIC_FLOW_STATE_FIRST | MPNIC_FLOW_STATE_FLIP;
	memcpy(flow.action, &action, sizeof(action));
	set(cmd, &flow, sizeof(flow));
}

static void good_rule(struct mpnic_admin_cmd *cmd)
{
	struct mpnic_rule rule = {.actions = MPNIC_ACTION_MARK, .mark = 3, .prio = 9, .valid = 1};

	memset(rule.mask, 0xff, 4);
	cmd->id = 63;
	set(cmd, &rule, sizeof(rule));
}

static void good_conn(struct mpnic_admin_cmd *cmd)
{
	const struct mpnic_conn conn = {
		.idsn = {1, 2},
		.dsn_next = {3, 4},
		.rx_queue = 15,
		.version = 1,
		.flags = MPNIC_CONN_CSUM | MPNIC_CONN_QUEUE,
	};

	cmd->id = 5;
	set(cmd, &conn, sizeof(conn));
}

struct mpnic_admin_cmd good_command(uint16_t op)
{
	struct mpnic_admin_cmd cmd = {.op = op, .cookie = 77};
	const struct mpnic_admin_identify identify = {
		.admin_version = MPNIC_ADMIN_VERSION, .driver_version = "1.2.3", .os = "any"};
	const struct mpnic_admin_mac mac = {.mac = {1, 2, 3, 4, 5, 6}};
	const struct mpnic_token_entry token = {
		.token = 0xdeadbeef, .conn_id = 5, .flags = MPNIC_TOKEN_ENTRY_SIDE_B, .cap = 4};
	const struct mpnic_peer_entry peer = peer_at(0x0a000001, 80);
	const struct mpnic_dir dir = {.isn = 9, .flags = MPNIC_DIR_ISN};

	switch (op) {
	case MPNIC_ADMIN_OP_IDENTIFY:
		set(&cmd, &identify, sizeof(identify));
		break;
	case MPNIC_ADMIN_OP_PORT_SET:
		good_port(&cmd);
		break;
	case MPNIC_ADMIN_OP_MAC_ADD:
	case MPNIC_ADMIN_OP_MAC_REMOVE:
		cmd.id = 1;
		set(&cmd, &mac, sizeof(mac));
		break;
	case MPNIC_ADMIN_OP_QUEUE_CREATE:
	case MPNIC_ADMIN_OP_QUEUE_DESTROY:
	case MPNIC_ADMIN_OP_QUEUE_GET:
		good_queue(&cmd);
		break;
	case MPNIC_ADMIN_OP_VECTOR_SET:
		cmd.id = 63;
		set(&cmd, &(struct mpnic_admin_vector){.interval_us = 50}, 8);
		break;
	case MPNIC_ADMIN_OP_SETTINGS_SET:
		good_settings(&cmd);
		break;
	case MPNIC_ADMIN_OP_NETWORK_SET:
		cmd.id = 63;
		cmd.data[0] = 255;
		break;
	case MPNIC_ADMIN_OP_NETWORK_DEFAULT:
		cmd.id = 255;
		cmd.data[0] = MPNIC_FIRST_SYN_PUNT;
		break;
	case MPNIC_ADMIN_OP_RETA_SET:
		cmd.id = 80;
		cmd.arg = 48;
		cmd.data[94] = 15;
		break;
	case MPNIC_ADMIN_OP_RSS_KEY_SET:
		memset(cmd.data, 0x5a, MPNIC_RSS_KEY_LEN);
		break;
	case MPNIC_ADMIN_OP_FLOW_ADD:
	case MPNIC_ADMIN_OP_FLOW_REMOVE:
	case MPNIC_ADMIN_OP_FLOW_SET:
	case MPNIC_ADMIN_OP_FLOW_GET:
	case MPNIC_ADMIN_OP_FLOW_CONFIRM:
		good_flow(&cmd);
		break;
	case MPNIC_ADMIN_OP_FLOW_DSS_SET:
		cmd.arg = 1;
		set(&cmd, &dir, sizeof(dir));
		break;
	case MPNIC_ADMIN_OP_RULE_SET:
		good_rule(&cmd);
		break;
	case MPNIC_ADMIN_OP_RULE_GET:
		cmd.id = 63;
		break;
	case MPNIC_ADMIN_OP_CONN_SET:
		good_conn(&cmd);
		break;
	case MPNIC_ADMIN_OP_TOKEN_ADD:
	case MPNIC_ADMIN_OP_TOKEN_REMOVE:
	case MPNIC_ADMIN_OP_TOKEN_GET:
		set(&cmd, &token, sizeof(token));
		break;
	case MPNIC_ADMIN_OP_PEER_SET:
	case MPNIC_ADMIN_OP_PEER_REMOVE:
	case MPNIC_ADMIN_OP_PEER_GET:
		set(&cmd, &peer, sizeof(peer));
		break;
	case MPNIC_ADMIN_OP_STATS:
		cmd.id = 63;
		cmd.arg = 115;
		break;
	default:
		break;
	}
	return cmd;
}

void commands_config(struct mpnic_state_config *config)
{
	mpnic_state_defaults(config);
	config->flows = 256;
	config->stash = 16;
	config->conns = 64;
	config->tokens = 64;
	config->peers = 32;
}
