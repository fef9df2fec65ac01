/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer: a stream of admin commands, joins, time and mailbox commands from a hostile host. Each
 * command is answered in bounded work, with a status and nothing behind it, no access breaks the
 * contract, and at the end what firmware counts is what stands in the tables.
 */
#include <stdlib.h>
#include <string.h>

#include "commands.h"

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

static struct gates g;

static bool zero(const uint8_t *p, size_t len)
{
	while (len--) {
		if (*p++)
			return false;
	}
	return true;
}

static void command(const struct mpnic_admin_cmd *cmd)
{
	g.cmd = *cmd;
	CHECK(gates_admin_raw(&g) >= 0);
	CHECK(g.cpl.op == cmd->op && g.cpl.cookie == cmd->cookie);
	CHECK(g.cpl.status <= MPNIC_STATUS_IO);
	CHECK(!g.cpl.reserved && zero(g.cpl.reserved2, sizeof(g.cpl.reserved2)));
	CHECK(!g.cpl.status || zero(g.cpl.data, sizeof(g.cpl.data)));
	CHECK(!g.misused && !g.settings_error);
}

/* A SYN with a token that is likely there. */
static void join(const uint8_t *data)
{
	struct mpnic_hdr hdr = {
		.parse = MPNIC_PARSE_TCP,
		.flags = MPNIC_HDR_L3 | MPNIC_HDR_L4 | MPNIC_HDR_TCP,
		.ip_version = 4,
		.ip_proto = 6,
		.tcp_flags = 2,
		.mptcp_count = 1,
		.sport = (uint16_t)(data[0] % 16),
		.dport = 80,
		.dst = {1},
	};
	const struct mpnic_csum csum = {
		.ip = MPNIC_CSUM_GOOD, .l4 = MPNIC_CSUM_GOOD, .frame_len = 60};
	struct mpnic_result result;

	hdr.opt[0].subtype = MPNIC_SUBTYPE_MP_JOIN;
	hdr.opt[0].join_syn.token = data[1] % 4 ? 0xdeadbeef : data[2];
	mpnic_state_packet(g.state, &hdr, &csum, g.now, &result, NULL);
}

/* A good command with some bytes changed: random ones get no further than their reserved fields. */
static size_t changed(const uint8_t *data, size_t size)
{
	struct mpnic_admin_cmd cmd = good_command(data[0] % 40);
	const size_t changes = data[1] % 8;
	size_t at = 2;

	for (size_t i = 0; i < changes && at + 2 <= size; i++, at += 2)
		((uint8_t *)&cmd)[2 + data[at] % 126] = data[at + 1];
	command(&cmd);
	return at;
}

static void compare(void)
{
	struct mpnic_admin_tables t;
	struct mpnic_table_rsp rsp;
	const uint32_t sizes[] = {g.config.flows, g.config.stash, g.config.flows, g.config.tokens,
				  g.config.peers};

	CHECK(gates_admin(&g, MPNIC_ADMIN_OP_TABLES, 0, 0, NULL, 0) == MPNIC_STATUS_OK);
	memcpy(&t, g.cpl.data, sizeof(t));
	for (uint8_t which = 0; which < 5; which++) {
		uint32_t used = 0;

		for (uint32_t id = 0; id < sizes[which]; id++) {
			const struct mpnic_table_cmd cmd = {
				.op = MPNIC_TABLE_OP_READ, .which = which, .id = id};

			mpnic_state_command(g.state, &cmd, &rsp);
			used += rsp.data[offsetof(struct mpnic_table_place, valid)];
		}
		CHECK(used == t.used[which]);
	}
	/* No id is lost: free, given, at rest, or somebody's. */
	gates_pass(&g, 5000000);
	CHECK(g.fw.flow_ids.used == g.fw.given_count + t.used[0] + t.used[1] + t.used[2]);
	CHECK(g.fw.token_ids.used == t.used[3]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mpnic_state_config config;
	struct mpnic_admin_cmd cmd;

	commands_config(&config);
	config.flows = 64;
	gates_init(&g, &config, 1);
	gates_start(&g);
	while (size >= 4) {
		const uint8_t what = *data++;
		size_t taken;

		size--;
		switch (what % 8) {
		case 0:
			memset(&cmd, 0, sizeof(cmd));
			taken = size < sizeof(cmd) ? size : sizeof(cmd);
			memcpy(&cmd, data, taken);
			command(&cmd);
			break;
		case 1:
			taken = 3;
			join(data);
			break;
		case 2:
			taken = 1;
			gates_pass(&g, (uint64_t)data[0] * data[0] * 1000000 / 4);
			break;
		case 3:
			taken = 3;
			CHECK(gates_mailbox(&g, data[0], data[1], data[2]) >= 0);
			break;
		default:
			taken = changed(data, size);
		}
		data += taken;
		size -= taken < size ? taken : size;
	}
	compare();
	CHECK(!g.misused);
	gates_free(&g);
	return 0;
}
