/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Admin commands. The driver may be hostile: every field is looked at before anything is done, what
 * must be zero is, and each command is bounded in what it takes.
 */
#include "internal.h"

enum {
	USES_ID = 1,
	USES_ARG = 2,
};

/* What a command has in it; all else must be zero. */
struct admin_op {
	uint32_t (*run)(struct fw *fw); /* returns a status, or FW_LATER */
	uint8_t data;			/* bytes */
	uint8_t uses;
	uint8_t out; /* bytes of its answer */
};

static uint32_t run_nop(struct fw *fw)
{
	(void)fw;
	return MPNIC_STATUS_OK;
}

/* The lower of both versions is spoken. A newer driver may say more of itself than we know. */
static uint32_t run_identify(struct fw *fw)
{
	struct mpnic_admin_identity *out = (struct mpnic_admin_identity *)fw->cpl.data;
	struct mpnic_admin_identify in;

	memcpy(&in, fw->cmd.data, sizeof(in));
	if (!in.admin_version)
		return MPNIC_STATUS_VERSION;
	if (in.admin_version <= MPNIC_ADMIN_VERSION &&
	    !(all_zero(in.reserved, sizeof(in.reserved)) &&
	      all_zero(fw->cmd.data + sizeof(in), sizeof(fw->cmd.data) - sizeof(in))))
		return MPNIC_STATUS_INVALID;
	fw_log_bytes(fw, FW_INFO, "driver ", in.driver_version, sizeof(in.driver_version));
	fw_log_bytes(fw, FW_INFO, "driver runs on ", in.os, sizeof(in.os));
	out->admin_version = MPNIC_ADMIN_VERSION;
	out->ports = (uint8_t)fw->ports;
	out->queues = (uint16_t)fw->queues;
	out->vectors = (uint16_t)fw->vectors;
	out->flows = fw->flows;
	out->stash = fw->stash;
	out->conns = fw->conns;
	out->tokens = fw->table[MPNIC_TABLE_TOKEN].size;
	out->peers = fw->table[MPNIC_TABLE_PEER].size;
	out->rules = MPNIC_RULES;
	out->mac_filters = MPNIC_MAC_FILTERS;
	out->fw_version = FW_VERSION;
	hal_read_words(fw->hal, MPNIC_FW_MAC, out->mac, sizeof(out->mac) / 4);
	memcpy(out->fw_name, FW_NAME, sizeof(FW_NAME));
	hal_read_words(fw->hal, MPNIC_FW_SERIAL, out->serial, sizeof(out->serial) / 4);
	return MPNIC_STATUS_OK;
}

static uint32_t run_log(struct fw *fw)
{
	struct mpnic_admin_log *out = (struct mpnic_admin_log *)fw->cpl.data;
	const uint32_t first = hal_read(fw->hal, MPNIC_FW_LOG_FIRST);
	const uint32_t end = hal_read(fw->hal, MPNIC_FW_LOG_END);
	uint32_t i;

	out->first = fw->cmd.id < first ? first : min_u32(fw->cmd.id, end);
	out->count = min_u32(end - out->first, sizeof(out->text));
	hal_write(fw->hal, MPNIC_FW_LOG_SELECT, out->first);
	for (i = 0; i < out->count; i++)
		out->text[i] = (uint8_t)hal_read(fw->hal, MPNIC_FW_LOG_BYTE);
	return MPNIC_STATUS_OK;
}

static const struct admin_op ops[] = {
	[MPNIC_ADMIN_OP_NOP] = {run_nop, 0, 0, 0},
	/* It looks at what is behind its record itself. */
	[MPNIC_ADMIN_OP_IDENTIFY] = {run_identify, 112, 0, sizeof(struct mpnic_admin_identity)},
	[MPNIC_ADMIN_OP_PORT_GET] = {fw_port_get, 0, USES_ID, sizeof(struct mpnic_admin_port)},
	[MPNIC_ADMIN_OP_PORT_SET] = {fw_port_set, sizeof(struct mpnic_admin_port), USES_ID, 0},
	[MPNIC_ADMIN_OP_MAC_ADD] = {fw_mac_add, sizeof(struct mpnic_admin_mac), USES_ID, 0},
	[MPNIC_ADMIN_OP_MAC_REMOVE] = {fw_mac_remove, sizeof(struct mpnic_admin_mac), USES_ID, 0},
	[MPNIC_ADMIN_OP_QUEUE_CREATE] = {fw_queue_create, sizeof(struct mpnic_admin_queue), USES_ID,
					 0},
	[MPNIC_ADMIN_OP_QUEUE_DESTROY] = {fw_queue_destroy, sizeof(struct mpnic_admin_queue),
					  USES_ID, 0},
	[MPNIC_ADMIN_OP_QUEUE_GET] = {fw_queue_get, sizeof(struct mpnic_admin_queue), USES_ID,
				      sizeof(struct mpnic_admin_queue_stats)},
	[MPNIC_ADMIN_OP_VECTOR_SET] = {fw_vector_set, sizeof(struct mpnic_admin_vector), USES_ID,
				       0},
	[MPNIC_ADMIN_OP_SETTINGS_GET] = {fw_settings_get, 0, 0, sizeof(struct mpnic_settings)},
	[MPNIC_ADMIN_OP_SETTINGS_SET] = {fw_settings_set, sizeof(struct mpnic_settings), 0, 0},
	[MPNIC_ADMIN_OP_NETWORK_SET] = {fw_network_set, 1, USES_ID, 0},
	[MPNIC_ADMIN_OP_NETWORK_DEFAULT] = {fw_network_default, 1, USES_ID, 0},
	[MPNIC_ADMIN_OP_RETA_SET] = {fw_reta_set, 96, USES_ID | USES_ARG, 0},
	[MPNIC_ADMIN_OP_RSS_KEY_SET] = {fw_rss_key_set, MPNIC_RSS_KEY_LEN, 0, 0},
	[MPNIC_ADMIN_OP_FLOW_ADD] = {fw_flow_add, sizeof(struct mpnic_admin_flow), 0, 4},
	[MPNIC_ADMIN_OP_FLOW_REMOVE] = {fw_flow_remove, sizeof(struct mpnic_admin_flow), 0, 0},
	[MPNIC_ADMIN_OP_FLOW_SET] = {fw_flow_set, sizeof(struct mpnic_admin_flow), USES_ID, 0},
	[MPNIC_ADMIN_OP_FLOW_GET] = {fw_flow_get, sizeof(struct mpnic_admin_flow), 0,
				     sizeof(struct mpnic_admin_flow_state)},
	[MPNIC_ADMIN_OP_FLOW_DSS_SET] = {fw_flow_dss_set, sizeof(struct mpnic_dir),
					 USES_ID | USES_ARG, 0},
	[MPNIC_ADMIN_OP_FLOW_CONFIRM] = {fw_flow_confirm, sizeof(struct mpnic_admin_flow), 0, 0},
	[MPNIC_ADMIN_OP_RULE_SET] = {fw_rule_set, sizeof(struct mpnic_rule), USES_ID, 0},
	[MPNIC_ADMIN_OP_RULE_GET] = {fw_rule_get, 0, USES_ID, 20},
	[MPNIC_ADMIN_OP_CONN_SET] = {fw_conn_set, sizeof(struct mpnic_conn), USES_ID, 0},
	[MPNIC_ADMIN_OP_TOKEN_ADD] = {fw_token_add, sizeof(struct mpnic_token_entry), 0, 0},
	[MPNIC_ADMIN_OP_TOKEN_REMOVE] = {fw_token_remove, sizeof(struct mpnic_token_entry), 0, 0},
	[MPNIC_ADMIN_OP_TOKEN_GET] = {fw_token_get, sizeof(struct mpnic_token_entry), 0,
				      sizeof(struct mpnic_token_entry)},
	[MPNIC_ADMIN_OP_PEER_SET] = {fw_peer_set, sizeof(struct mpnic_peer_entry), 0, 0},
	[MPNIC_ADMIN_OP_PEER_REMOVE] = {fw_peer_remove, sizeof(struct mpnic_peer_entry), 0, 0},
	[MPNIC_ADMIN_OP_PEER_GET] = {fw_peer_get, sizeof(struct mpnic_peer_entry), 0,
				     sizeof(struct mpnic_peer_entry)},
	[MPNIC_ADMIN_OP_AGE] = {fw_age, 0, USES_ID | USES_ARG, sizeof(struct mpnic_admin_aged)},
	[MPNIC_ADMIN_OP_STATS] = {fw_stats, 0, USES_ID | USES_ARG, 96},
	[MPNIC_ADMIN_OP_TABLES] = {fw_tables, 0, 0, sizeof(struct mpnic_admin_tables)},
	[MPNIC_ADMIN_OP_LOG] = {run_log, 0, USES_ID, sizeof(struct mpnic_admin_log)},
	[MPNIC_ADMIN_OP_SELF_TEST] = {fw_self_test, 0, 0, 4},
};

/* ---- the windows ---------------------------------------------------------------------------- */

enum {
	/* Before their data. */
	CMD_HEAD_WORDS = offsetof(struct mpnic_admin_cmd, data) / 4,
	CPL_HEAD_WORDS = offsetof(struct mpnic_admin_cpl, data) / 4,
	DATA_WORDS = 28,
	CMD_DATA = MPNIC_FW_ADMIN_CMD + offsetof(struct mpnic_admin_cmd, data),
};

static uint32_t words_of(uint32_t bytes)
{
	return (bytes + 3) / 4;
}

/* Reads a command as far as it goes; what is behind is only looked at. Returns a status. */
static uint32_t fetch(struct fw *fw)
{
	struct mpnic_admin_cmd *cmd = &fw->cmd;
	const struct admin_op *op;
	uint32_t i, words, rest = 0;

	hal_read_words(fw->hal, MPNIC_FW_ADMIN_CMD, cmd, CMD_HEAD_WORDS);
	if (cmd->op >= sizeof(ops) / sizeof(ops[0]))
		return MPNIC_STATUS_UNKNOWN;
	op = &ops[cmd->op];
	words = words_of(op->data);
	hal_read_words(fw->hal, CMD_DATA, cmd->data, words);
	for (i = words; i < DATA_WORDS; i++)
		rest |= hal_read(fw->hal, CMD_DATA + 4 * i);
	if (rest || (cmd->id && !(op->uses & USES_ID)) || (cmd->arg && !(op->uses & USES_ARG)) ||
	    !all_zero_words(cmd->reserved, 1) ||
	    !all_zero(cmd->data + op->data, 4 * words - op->data))
		return MPNIC_STATUS_INVALID;
	return MPNIC_STATUS_OK;
}

/* The completion's data are zero between two commands, and so is its window behind what the last
 * one said: that alone is written over. */
static void answer(struct fw *fw, uint32_t status)
{
	struct mpnic_admin_cpl *cpl = &fw->cpl;
	const uint32_t said =
		fw->cmd.op < sizeof(ops) / sizeof(ops[0]) ? words_of(ops[fw->cmd.op].out) : 0;
	const uint32_t words = status ? 0 : said;

	if (status)
		memset(cpl->data, 0, 4 * said);
	cpl->op = fw->cmd.op;
	cpl->cookie = fw->cmd.cookie;
	cpl->status = (uint16_t)status;
	hal_write_words(fw->hal, MPNIC_FW_ADMIN_CPL, cpl,
			CPL_HEAD_WORDS + (words > fw->cpl_words ? words : fw->cpl_words));
	fw->cpl_words = words;
	memset(cpl->data, 0, 4 * words);
	fw->busy = false;
	fw_settle(fw);
	hal_write(fw->hal, MPNIC_FW_ADMIN_GO, 1);
}

void fw_admin(struct fw *fw)
{
	uint32_t status = MPNIC_STATUS_OK;

	if (!fw->busy) {
		fw->wait = FW_WAIT_NONE;
		fw->busy = true;
		status = fetch(fw);
	}
	if (!status)
		status = ops[fw->cmd.op].run(fw);
	if (status != FW_LATER)
		answer(fw, status);
}
