/* SPDX-License-Identifier: BSD-3-Clause */
/* Each admin command: what it does, and every field that it must refuse. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <string.h>

#include "commands.h"

static struct gates g;

static void setup(void)
{
	struct mpnic_state_config config;

	commands_config(&config);
	gates_init(&g, &config, 1);
	gates_start(&g);
	cr_assert_eq(g.status, MPNIC_FW_STATUS_RUNNING);
}

static void teardown(void)
{
	cr_expect_eq(g.misused, 0, "%u accesses against the contract", g.misused);
	cr_expect_eq(g.settings_error, 0);
	gates_free(&g);
}

TestSuite(admin, .init = setup, .fini = teardown);

#define OP(name)     MPNIC_ADMIN_OP_##name
#define STATUS(name) MPNIC_STATUS_##name
#define LAST_OP	     MPNIC_ADMIN_OP_SELF_TEST

static int give(const struct mpnic_admin_cmd *cmd)
{
	g.cmd = *cmd;
	return gates_admin_raw(&g);
}

static int give_good(uint16_t op)
{
	const struct mpnic_admin_cmd cmd = good_command(op);

	return give(&cmd);
}

/* ---- what all have in common ---------------------------------------------------------------- */

static const struct {
	uint8_t data;
	bool id, arg;
} shapes[] = {
	[OP(NOP)] = {0, false, false},
	[OP(IDENTIFY)] = {80, false, false},
	[OP(PORT_GET)] = {0, true, false},
	[OP(PORT_SET)] = {24, true, false},
	[OP(MAC_ADD)] = {8, true, false},
	[OP(MAC_REMOVE)] = {8, true, false},
	[OP(QUEUE_CREATE)] = {32, true, false},
	[OP(QUEUE_DESTROY)] = {32, true, false},
	[OP(QUEUE_GET)] = {32, true, false},
	[OP(VECTOR_SET)] = {8, true, false},
	[OP(SETTINGS_GET)] = {0, false, false},
	[OP(SETTINGS_SET)] = {96, false, false},
	[OP(NETWORK_SET)] = {1, true, false},
	[OP(NETWORK_DEFAULT)] = {1, true, false},
	[OP(RETA_SET)] = {96, true, true},
	[OP(RSS_KEY_SET)] = {40, false, false},
	[OP(FLOW_ADD)] = {72, false, false},
	[OP(FLOW_REMOVE)] = {72, false, false},
	[OP(FLOW_SET)] = {72, true, false},
	[OP(FLOW_GET)] = {72, false, false},
	[OP(FLOW_DSS_SET)] = {40, true, true},
	[OP(FLOW_CONFIRM)] = {72, false, false},
	[OP(RULE_SET)] = {108, true, false},
	[OP(RULE_GET)] = {0, true, false},
	[OP(CONN_SET)] = {64, true, false},
	[OP(TOKEN_ADD)] = {12, false, false},
	[OP(TOKEN_REMOVE)] = {12, false, false},
	[OP(TOKEN_GET)] = {12, false, false},
	[OP(PEER_SET)] = {24, false, false},
	[OP(PEER_REMOVE)] = {24, false, false},
	[OP(PEER_GET)] = {24, false, false},
	[OP(AGE)] = {0, true, true},
	[OP(STATS)] = {0, true, true},
	[OP(TABLES)] = {0, false, false},
	[OP(LOG)] = {0, true, false},
	[OP(SELF_TEST)] = {0, false, false},
};

Test(admin, each_good_command_is_done)
{
	for (uint16_t op = 0; op <= LAST_OP; op++) {
		int want = STATUS(OK);

		/* What is not there. The others follow one that puts it there. */
		if (op == OP(FLOW_SET) || op == OP(FLOW_GET) || op == OP(FLOW_DSS_SET) ||
		    op == OP(FLOW_CONFIRM) || op == OP(TOKEN_GET) || op == OP(PEER_GET))
			want = STATUS(MISSING);
		cr_assert_eq(give_good(op), want, "%s: %d", mpnic_admin_op_name(op), g.cpl.status);
		cr_assert_eq(g.cpl.op, op);
		cr_assert_eq(g.cpl.cookie, 77);
		cr_assert_eq(g.cpl.reserved, 0);
		for (size_t i = 0; i < sizeof(g.cpl.reserved2); i++)
			cr_assert_eq(g.cpl.reserved2[i], 0);
	}
}

Test(admin, unknown_commands)
{
	for (unsigned int op = LAST_OP + 1; op < 0x10000; op += op < 300 ? 1 : 997) {
		cr_assert_eq(gates_admin(&g, (uint16_t)op, 0, 0, NULL, 0), STATUS(UNKNOWN));
		cr_assert_eq(g.cpl.op, op);
	}
}

/* Every bit beyond what a command has. */
Test(admin, what_must_be_zero_is)
{
	for (uint16_t op = 0; op <= LAST_OP; op++) {
		for (size_t at = 0; at < sizeof(struct mpnic_admin_cmd); at++) {
			struct mpnic_admin_cmd cmd = good_command(op);
			const bool in_id = at >= 4 && at < 8, in_arg = at >= 8 && at < 12;

			if (at < 4 || (in_id && shapes[op].id) || (in_arg && shapes[op].arg) ||
			    (at >= 16 && at < 16u + shapes[op].data))
				continue;
			((uint8_t *)&cmd)[at] ^= (uint8_t)(1 << at % 8);
			cr_assert_eq(give(&cmd), STATUS(INVALID), "%s, byte %zu: %d",
				     mpnic_admin_op_name(op), at, g.cpl.status);
			for (size_t i = 0; i < sizeof(g.cpl.data); i++)
				cr_assert_eq(g.cpl.data[i], 0);
		}
	}
}

/* ---- fields --------------------------------------------------------------------------------- */

#define AT(record, field) \
	offsetof(struct mpnic_admin_cmd, data) + offsetof(struct mpnic_##record, field)
#define ID	  offsetof(struct mpnic_admin_cmd, id)
#define ARG	  offsetof(struct mpnic_admin_cmd, arg)
#define DATA(off) (offsetof(struct mpnic_admin_cmd, data) + (off))

/* A good command with @len bytes at @at changed to @value. */
static const struct {
	uint16_t op;
	uint16_t at, len;
	uint64_t value;
	int status;
} bad_fields[] = {
	{OP(IDENTIFY), AT(admin_identify, admin_version), 2, 0, STATUS(VERSION)},
	{OP(IDENTIFY), AT(admin_identify, reserved), 1, 1, STATUS(INVALID)},
	{OP(PORT_GET), ID, 4, 2, STATUS(RANGE)},
	{OP(PORT_GET), ID, 4, 0xffffffff, STATUS(RANGE)},
	{OP(PORT_SET), ID, 4, 2, STATUS(RANGE)},
	{OP(PORT_SET), AT(admin_port, flags), 2, 0x10, STATUS(INVALID)},
	{OP(PORT_SET), AT(admin_port, flags), 2, 0x8000, STATUS(INVALID)},
	{OP(PORT_SET), AT(admin_port, mtu), 2, 67, STATUS(INVALID)},
	{OP(PORT_SET), AT(admin_port, mtu), 2, 0, STATUS(INVALID)},
	{OP(PORT_SET), AT(admin_port, mtu), 2, 9587, STATUS(INVALID)},
	{OP(PORT_SET), AT(admin_port, mtu), 2, 65535, STATUS(INVALID)},
	{OP(PORT_SET), AT(admin_port, queue_count), 2, 13, STATUS(RANGE)},
	{OP(PORT_SET), AT(admin_port, queue_base), 2, 17, STATUS(RANGE)},
	{OP(PORT_SET), AT(admin_port, queue_base), 2, 65535, STATUS(RANGE)},
	{OP(PORT_SET), AT(admin_port, reserved), 1, 1, STATUS(INVALID)},
	{OP(MAC_ADD), ID, 4, 2, STATUS(RANGE)},
	{OP(MAC_ADD), AT(admin_mac, mac), 6, 0, STATUS(INVALID)},
	{OP(MAC_ADD), AT(admin_mac, reserved), 2, 0x100, STATUS(INVALID)},
	{OP(MAC_REMOVE), ID, 4, 2, STATUS(RANGE)},
	{OP(MAC_REMOVE), AT(admin_mac, reserved), 1, 1, STATUS(INVALID)},
	{OP(QUEUE_CREATE), ID, 4, 16, STATUS(RANGE)},
	{OP(QUEUE_CREATE), ID, 4, 0x10000, STATUS(RANGE)},
	{OP(QUEUE_CREATE), AT(admin_queue, kind), 1, 3, STATUS(INVALID)},
	{OP(QUEUE_CREATE), AT(admin_queue, kind), 1, MPNIC_QUEUE_EVENT, STATUS(RANGE)},
	{OP(QUEUE_CREATE), AT(admin_queue, ring_log2), 1, 2, STATUS(INVALID)},
	{OP(QUEUE_CREATE), AT(admin_queue, ring_log2), 1, 16, STATUS(INVALID)},
	{OP(QUEUE_CREATE), AT(admin_queue, ring_log2), 1, 255, STATUS(INVALID)},
	{OP(QUEUE_CREATE), AT(admin_queue, irq), 2, 64, STATUS(RANGE)},
	{OP(QUEUE_CREATE), AT(admin_queue, irq), 2, 0xfffe, STATUS(RANGE)},
	{OP(QUEUE_CREATE), AT(admin_queue, ring), 8, 0x1020, STATUS(INVALID)},
	{OP(QUEUE_CREATE), AT(admin_queue, ring), 8, 0xffffffffffffffc0, STATUS(INVALID)},
	{OP(QUEUE_CREATE), AT(admin_queue, cpl), 8, 1, STATUS(INVALID)},
	{OP(QUEUE_CREATE), AT(admin_queue, cpl), 8, 0xffffffffffffff00, STATUS(INVALID)},
	{OP(QUEUE_CREATE), AT(admin_queue, reserved), 4, 1, STATUS(INVALID)},
	{OP(QUEUE_CREATE), AT(admin_queue, reserved2), 8, 1, STATUS(INVALID)},
	{OP(QUEUE_DESTROY), AT(admin_queue, kind), 1, 3, STATUS(INVALID)},
	{OP(QUEUE_DESTROY), ID, 4, 16, STATUS(RANGE)},
	{OP(QUEUE_GET), AT(admin_queue, kind), 1, 200, STATUS(INVALID)},
	{OP(QUEUE_GET), ID, 4, 16, STATUS(RANGE)},
	{OP(VECTOR_SET), ID, 4, 64, STATUS(RANGE)},
	{OP(VECTOR_SET), AT(admin_vector, reserved), 4, 1, STATUS(INVALID)},
	{OP(SETTINGS_SET), AT(settings, exact_vlan), 1, 2, STATUS(INVALID)},
	{OP(SETTINGS_SET), AT(settings, prefix4), 1, 33, STATUS(INVALID)},
	{OP(SETTINGS_SET), AT(settings, prefix6), 1, 129, STATUS(INVALID)},
	{OP(SETTINGS_SET), AT(settings, join_policy), 1, 3, STATUS(INVALID)},
	{OP(SETTINGS_SET), AT(settings, join_policy), 1, 8, STATUS(INVALID)},
	{OP(SETTINGS_SET), AT(settings, miss.actions), 2, 0x40, STATUS(INVALID)},
	{OP(SETTINGS_SET), AT(settings, miss.rx_queue), 2, 16, STATUS(RANGE)},
	{OP(SETTINGS_SET), AT(settings, miss.except), 1, 1, STATUS(INVALID)},
	{OP(SETTINGS_SET), AT(settings, learnt.actions), 2, 0x8000, STATUS(INVALID)},
	{OP(SETTINGS_SET), AT(settings, learnt.except), 1, 1, STATUS(INVALID)},
	{OP(NETWORK_SET), ID, 4, 64, STATUS(RANGE)},
	{OP(NETWORK_DEFAULT), ID, 4, 256, STATUS(RANGE)},
	{OP(NETWORK_DEFAULT), DATA(0), 1, 3, STATUS(INVALID)},
	{OP(RETA_SET), ID, 4, 81, STATUS(RANGE)},
	{OP(RETA_SET), ID, 4, 128, STATUS(RANGE)},
	{OP(RETA_SET), ID, 4, 0xffffffff, STATUS(RANGE)},
	{OP(RETA_SET), ARG, 4, 0, STATUS(INVALID)},
	{OP(RETA_SET), ARG, 4, 49, STATUS(INVALID)},
	{OP(RETA_SET), ARG, 4, 0xffffffff, STATUS(INVALID)},
	{OP(RETA_SET), ARG, 4, 47, STATUS(INVALID)}, /* the 48th is not zero */
	{OP(RETA_SET), DATA(0), 2, 16, STATUS(RANGE)},
	{OP(FLOW_ADD), AT(admin_flow, key) + 39, 1, 5, STATUS(INVALID)},
	{OP(FLOW_ADD), AT(admin_flow, key) + 39, 1, 0, STATUS(INVALID)},
	{OP(FLOW_ADD), AT(admin_flow, key) + 39, 1, 0x84, STATUS(INVALID)}, /* beyond the mask */
	{OP(FLOW_ADD), AT(admin_flow, key) + 15, 1, 1, STATUS(INVALID)},
	{OP(FLOW_ADD), AT(admin_flow, key) + 31, 1, 1, STATUS(INVALID)},
	{OP(FLOW_ADD), AT(admin_flow, key) + 0, 1, 11, STATUS(INVALID)}, /* upper end first */
	{OP(FLOW_ADD), AT(admin_flow, key) + 36, 2, 5, STATUS(INVALID)}, /* VLAN */
	{OP(FLOW_ADD), AT(admin_flow, action) + 8, 2, 0x40, STATUS(INVALID)},
	{OP(FLOW_ADD), AT(admin_flow, action) + 11, 1, 0x80, STATUS(INVALID)}, /* except */
	{OP(FLOW_ADD), AT(admin_flow, action) + 4, 8, 0x00000001ffffffff,
	 STATUS(RANGE)}, /* queue */
	{OP(FLOW_ADD), AT(admin_flow, conn_id), 4, 64, STATUS(RANGE)},
	{OP(FLOW_ADD), AT(admin_flow, conn_id), 4, 0xfffffffe, STATUS(RANGE)},
	{OP(FLOW_ADD), AT(admin_flow, flow_id), 4, 1, STATUS(INVALID)},
	{OP(FLOW_ADD), AT(admin_flow, flags), 2, MPNIC_FLOW_STATE_PROVISIONAL, STATUS(INVALID)},
	{OP(FLOW_ADD), AT(admin_flow, flags), 2, 0x10, STATUS(INVALID)},
	{OP(FLOW_ADD), AT(admin_flow, reserved), 1, 1, STATUS(INVALID)},
	{OP(FLOW_REMOVE), AT(admin_flow, key), 1, 0xff, STATUS(MISSING)},
	{OP(FLOW_SET), ID, 4, 256, STATUS(RANGE)},
	{OP(FLOW_SET), ID, 4, 0xffffffff, STATUS(RANGE)},
	{OP(FLOW_SET), AT(admin_flow, action) + 8, 2, 0x40, STATUS(INVALID)},
	{OP(FLOW_SET), AT(admin_flow, action) + 11, 1, 0x80, STATUS(INVALID)},
	{OP(FLOW_DSS_SET), ID, 4, 256, STATUS(RANGE)},
	{OP(FLOW_DSS_SET), ARG, 4, 2, STATUS(INVALID)},
	{OP(FLOW_DSS_SET), AT(dir, flags), 4, 0x4000, STATUS(INVALID)},
	{OP(FLOW_DSS_SET), AT(dir, map_judge), 1, 11, STATUS(INVALID)},
	{OP(FLOW_DSS_SET), AT(dir, reserved), 1, 1, STATUS(INVALID)},
	{OP(RULE_SET), ID, 4, 64, STATUS(RANGE)},
	{OP(RULE_SET), AT(rule, valid), 1, 2, STATUS(INVALID)},
	{OP(RULE_SET), AT(rule, actions), 2, 0x40, STATUS(INVALID)},
	{OP(RULE_SET), AT(rule, rx_queue), 8, 0x01000001ffff0010, STATUS(RANGE)},
	{OP(RULE_GET), ID, 4, 64, STATUS(RANGE)},
	{OP(CONN_SET), ID, 4, 64, STATUS(RANGE)},
	{OP(CONN_SET), AT(conn, version), 1, 3, STATUS(INVALID)},
	{OP(CONN_SET), AT(conn, flags), 1, 8, STATUS(INVALID)},
	{OP(CONN_SET), AT(conn, rx_queue), 2, 16, STATUS(RANGE)},
	{OP(CONN_SET), AT(conn, reserved) + 17, 1, 1, STATUS(INVALID)},
	{OP(TOKEN_ADD), AT(token_entry, conn_id), 4, 64, STATUS(RANGE)},
	{OP(TOKEN_ADD), AT(token_entry, conn_id), 4, MPNIC_ID_NONE, STATUS(RANGE)},
	{OP(TOKEN_ADD), AT(token_entry, flags), 1, 4, STATUS(INVALID)},
	{OP(TOKEN_ADD), AT(token_entry, reserved), 1, 1, STATUS(INVALID)},
	{OP(PEER_SET), AT(peer_entry, ip_version), 1, 5, STATUS(INVALID)},
	{OP(PEER_SET), AT(peer_entry, addr) + 4, 1, 1, STATUS(INVALID)},
	{OP(PEER_SET), AT(peer_entry, speaks), 1, 4, STATUS(INVALID)},
	{OP(PEER_SET), AT(peer_entry, first_syn), 1, 3, STATUS(INVALID)},
	{OP(PEER_SET), AT(peer_entry, reserved), 2, 0x100, STATUS(INVALID)},
	{OP(AGE), ID, 4, 256, STATUS(RANGE)},
	{OP(AGE), ID, 4, MPNIC_ID_NONE, STATUS(RANGE)},
	{OP(STATS), ID, 4, 64, STATUS(RANGE)},
	{OP(STATS), ARG, 4, 116, STATUS(RANGE)},
	{OP(STATS), ARG, 4, 0xffffffff, STATUS(RANGE)},
};

Test(admin, fields_that_are_refused)
{
	for (size_t i = 0; i < sizeof(bad_fields) / sizeof(bad_fields[0]); i++) {
		struct mpnic_admin_cmd cmd = good_command(bad_fields[i].op);

		memcpy((uint8_t *)&cmd + bad_fields[i].at, &bad_fields[i].value, bad_fields[i].len);
		cr_expect_eq(give(&cmd), bad_fields[i].status, "%zu, %s, byte %u: %s", i,
			     mpnic_admin_op_name(bad_fields[i].op), bad_fields[i].at,
			     mpnic_status_name(g.cpl.status));
	}
	/* None of them did anything. */
	cr_assert_eq(gates_admin(&g, OP(TABLES), 0, 0, NULL, 0), STATUS(OK));
	for (size_t i = 0; i < 5; i++)
		cr_expect_eq(((struct mpnic_admin_tables *)g.cpl.data)->used[i], 0);
	for (size_t i = 0; i < MPNIC_MAC_FILTERS; i++)
		cr_expect_eq(g.mac_high[i], 0);
	for (size_t i = 0; i < MPNIC_QUEUES; i++)
		cr_expect_eq(g.queue[MPNIC_QUEUE_TX][i].control, 0);
	cr_expect_eq(g.port_flags[1], 0);
	cr_expect_eq(g.interval[63], 0);
	cr_expect_eq(g.settings.event_mask,
		     ~(uint32_t)(MPNIC_SIGN_JOIN_UNKNOWN | MPNIC_SIGN_MALFORMED));
}

/* ---- versions ------------------------------------------------------------------------------- */

Test(admin, identify)
{
	const struct mpnic_admin_identity *id = (struct mpnic_admin_identity *)g.cpl.data;
	char text[GATES_LOG + 1];

	cr_assert_eq(give_good(OP(IDENTIFY)), STATUS(OK));
	cr_assert_eq(id->admin_version, MPNIC_ADMIN_VERSION);
	cr_assert_eq(id->ports, 2);
	cr_assert_eq(id->queues, 16);
	cr_assert_eq(id->vectors, 64);
	cr_assert_eq(id->flows, 256);
	cr_assert_eq(id->stash, 16);
	cr_assert_eq(id->conns, 64);
	cr_assert_eq(id->tokens, 64);
	cr_assert_eq(id->peers, 32);
	cr_assert_eq(id->rules, 64);
	cr_assert_eq(id->mac_filters, 32);
	cr_assert_eq(id->fw_version, FW_VERSION);
	cr_assert_eq(id->fw_version, g.version);
	cr_assert_eq(memcmp(id->mac, "\2\0\0\0\0\1\2\0\0\0\0\2", 12), 0);
	cr_assert_str_eq((const char *)id->fw_name, FW_NAME);
	cr_assert_str_eq((const char *)id->serial, "TEST-0001");
	gates_log_text(&g, text, sizeof(text));
	cr_assert(strstr(text, "info: driver 1.2.3\n"));
	cr_assert(strstr(text, "info: driver runs on any\n"));
}

/* A newer driver speaks our version, whatever else it says of itself; there is no older one. */
Test(admin, versions_that_differ)
{
	struct mpnic_admin_cmd cmd = good_command(OP(IDENTIFY));

	cmd.data[0] = 9;
	cmd.data[2] = 1;
	cmd.data[111] = 1;
	cr_assert_eq(give(&cmd), STATUS(OK));
	cr_assert_eq(((struct mpnic_admin_identity *)g.cpl.data)->admin_version,
		     MPNIC_ADMIN_VERSION);
	memset(cmd.data, 0xff, 2);
	cr_assert_eq(give(&cmd), STATUS(OK));
	cmd.data[0] = cmd.data[1] = 0;
	cr_assert_eq(give(&cmd), STATUS(VERSION));
}

/* Text from a driver does not reach the log as it is. */
Test(admin, hostile_text)
{
	struct mpnic_admin_cmd cmd = good_command(OP(IDENTIFY));
	char text[GATES_LOG + 1];
	size_t i;

	memset(cmd.data + 8, '\n', 32);
	memset(cmd.data + 40, 0x9b, 40);
	cr_assert_eq(give(&cmd), STATUS(OK));
	gates_log_text(&g, text, sizeof(text));
	cr_assert(strstr(text, "driver ????????????????????????????????\n"));
	for (i = 0; text[i]; i++)
		cr_assert(text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~'));
}

/* ---- ports, addresses, queues, vectors ------------------------------------------------------ */

Test(admin, ports)
{
	struct mpnic_admin_cmd cmd = good_command(OP(PORT_SET));
	struct mpnic_admin_port port;

	g.port_flags[1] = MPNIC_PORT_LINK;
	cr_assert_eq(give(&cmd), STATUS(OK));
	cr_assert_eq(g.port_flags[1], MPNIC_PORT_LINK | MPNIC_PORT_UP);
	cr_assert_eq(g.port_mtu[1], 9000);
	cr_assert_eq(g.port_queues[1], 4 | 12 << 16);
	cr_assert_eq(g.port_flags[0], 0);
	cr_assert_eq(gates_admin(&g, OP(PORT_GET), 1, 0, NULL, 0), STATUS(OK));
	memcpy(&port, g.cpl.data, sizeof(port));
	cr_assert_eq(port.flags, MPNIC_PORT_LINK | MPNIC_PORT_UP);
	cr_assert_eq(port.mtu, 9000);
	cr_assert_eq(port.speed, 100000);
	cr_assert_eq(port.queue_base, 4);
	cr_assert_eq(port.queue_count, 12);
	cr_assert_eq(memcmp(port.mac, "\2\0\0\0\0\2", 6), 0);
	/* Given back as it was read. */
	cr_assert_eq(gates_admin(&g, OP(PORT_SET), 1, 0, &port, sizeof(port)), STATUS(OK));
	cr_assert_eq(g.port_flags[1], MPNIC_PORT_LINK | MPNIC_PORT_UP);
	port.queue_base = 16;
	port.queue_count = 0;
	cr_assert_eq(gates_admin(&g, OP(PORT_SET), 1, 0, &port, sizeof(port)), STATUS(OK));
}

Test(admin, addresses)
{
	struct mpnic_admin_mac mac = {.mac = {0x33, 0x33, 0, 0, 0, 1}};

	cr_assert_eq(gates_admin(&g, OP(MAC_REMOVE), 0, 0, &mac, sizeof(mac)), STATUS(MISSING));
	for (unsigned int i = 0; i < MPNIC_MAC_FILTERS; i++) {
		mac.mac[5] = (uint8_t)(i / 2);
		cr_assert_eq(gates_admin(&g, OP(MAC_ADD), i % 2, 0, &mac, sizeof(mac)), STATUS(OK));
		cr_assert_eq(gates_admin(&g, OP(MAC_ADD), i % 2, 0, &mac, sizeof(mac)),
			     STATUS(EXISTS));
	}
	cr_assert_eq(g.mac_low[0], 0x00003333);
	cr_assert_eq(g.mac_high[0], 0x10000);
	cr_assert_eq(g.mac_high[31], 0x30f00);
	mac.mac[5] = 99;
	cr_assert_eq(gates_admin(&g, OP(MAC_ADD), 0, 0, &mac, sizeof(mac)), STATUS(FULL));
	mac.mac[5] = 7;
	cr_assert_eq(gates_admin(&g, OP(MAC_REMOVE), 1, 0, &mac, sizeof(mac)), STATUS(OK));
	cr_assert_eq(gates_admin(&g, OP(MAC_REMOVE), 1, 0, &mac, sizeof(mac)), STATUS(MISSING));
	cr_assert_eq(g.mac_high[15], 0);
	cr_assert_eq(g.mac_high[14], 0x10700);
	mac.mac[5] = 99;
	cr_assert_eq(gates_admin(&g, OP(MAC_ADD), 0, 0, &mac, sizeof(mac)), STATUS(OK));
	cr_assert_eq(g.mac_high[15], 0x16300);
}

Test(admin, queues)
{
	const struct mpnic_admin_cmd create = good_command(OP(QUEUE_CREATE));
	const struct gates_queue *q = &g.queue[MPNIC_QUEUE_TX][15];
	struct mpnic_admin_queue event = {
		.kind = MPNIC_QUEUE_EVENT, .ring_log2 = 15, .irq = 0xffff};

	cr_assert_eq(give_good(OP(QUEUE_DESTROY)), STATUS(MISSING));
	cr_assert_eq(give(&create), STATUS(OK));
	cr_assert_eq(q->control, 1);
	cr_assert_eq(q->log2, 9);
	cr_assert_eq(q->vector, 63);
	cr_assert_eq(q->ring, 0x123456000);
	cr_assert_eq(q->cpl, 0x40);
	cr_assert_eq(give(&create), STATUS(EXISTS));
	cr_assert_eq(give_good(OP(QUEUE_GET)), STATUS(OK));
	cr_assert_eq(((struct mpnic_admin_queue_stats *)g.cpl.data)->frames, 1 << 16 | 15);
	cr_assert_eq(((struct mpnic_admin_queue_stats *)g.cpl.data)->enabled, 1);
	g.queue_polls = 50;
	cr_assert_eq(give_good(OP(QUEUE_DESTROY)), STATUS(OK));
	cr_assert_eq(q->control, 0);
	cr_assert_eq(g.queue_busy, 0);
	cr_assert_eq(give_good(OP(QUEUE_DESTROY)), STATUS(MISSING));

	cr_assert_eq(gates_admin(&g, OP(QUEUE_CREATE), 0, 0, &event, sizeof(event)), STATUS(OK));
	cr_assert_eq(g.queue[MPNIC_QUEUE_EVENT][0].control, 1);
	event.ring = 64;
	cr_assert_eq(gates_admin(&g, OP(QUEUE_CREATE), 0, 0, &event, sizeof(event)),
		     STATUS(INVALID));
}

/* It is given up, and can be asked for again; meanwhile the device lives on. */
Test(admin, a_queue_that_does_not_end)
{
	const uint32_t beat = g.beat;

	cr_assert_eq(give_good(OP(QUEUE_CREATE)), STATUS(OK));
	g.queue_polls = 1000000000;
	g.step = 20000;
	cr_assert_eq(give_good(OP(QUEUE_DESTROY)), STATUS(IO));
	cr_assert_geq(g.beat, beat + 9);
	cr_assert_eq(g.status, MPNIC_FW_STATUS_RUNNING);
	cr_assert_eq(give_good(OP(QUEUE_CREATE)), STATUS(BUSY));
	g.queue_busy = g.queue_polls = 3;
	cr_assert_eq(give_good(OP(QUEUE_DESTROY)), STATUS(OK));
	cr_assert_eq(give_good(OP(QUEUE_CREATE)), STATUS(OK));
}

Test(admin, vectors)
{
	cr_assert_eq(give_good(OP(VECTOR_SET)), STATUS(OK));
	cr_assert_eq(g.interval[63], 50);
}

/* ---- settings and small memories ------------------------------------------------------------ */

Test(admin, settings)
{
	const struct mpnic_admin_cmd set = good_command(OP(SETTINGS_SET));

	cr_assert_eq(gates_admin(&g, OP(SETTINGS_GET), 0, 0, NULL, 0), STATUS(OK));
	cr_assert_eq(((struct mpnic_settings *)g.cpl.data)->host_sources, 12);
	cr_assert_eq(((struct mpnic_settings *)g.cpl.data)->prefix4, 32);
	g.settings_polls = 40;
	cr_assert_eq(give(&set), STATUS(OK));
	cr_assert_eq(g.settings_busy, 0);
	cr_assert_eq(memcmp(&g.settings, set.data, sizeof(g.settings)), 0);
	cr_assert_eq(gates_admin(&g, OP(SETTINGS_GET), 0, 0, NULL, 0), STATUS(OK));
	cr_assert_eq(memcmp(g.cpl.data, set.data, sizeof(g.settings)), 0);
}

/* Keys were made under them. */
Test(admin, settings_that_entries_depend_on)
{
	const struct mpnic_key exact = key_exact(1, 1, 2, 2), masked = key_masked(9);
	struct mpnic_admin_flow flow = flow_with(&exact);
	struct mpnic_peer_entry peer = peer_at(0x0a000000, 0);
	struct mpnic_settings s;

	cr_assert_eq(gates_admin(&g, OP(SETTINGS_GET), 0, 0, NULL, 0), STATUS(OK));
	memcpy(&s, g.cpl.data, sizeof(s));
	cr_assert_eq(gates_admin(&g, OP(FLOW_ADD), 0, 0, &flow, sizeof(flow)), STATUS(OK));
	s.exact_vlan = 1;
	cr_assert_eq(gates_admin(&g, OP(SETTINGS_SET), 0, 0, &s, sizeof(s)), STATUS(BUSY));
	s.exact_vlan = 0;
	s.mask.hi_port = 0xffff;
	cr_assert_eq(gates_admin(&g, OP(SETTINGS_SET), 0, 0, &s, sizeof(s)), STATUS(OK));
	flow = flow_with(&masked);
	cr_assert_eq(gates_admin(&g, OP(FLOW_ADD), 0, 0, &flow, sizeof(flow)), STATUS(OK));
	s.mask.hi_port = 0;
	cr_assert_eq(gates_admin(&g, OP(SETTINGS_SET), 0, 0, &s, sizeof(s)), STATUS(BUSY));
	cr_assert_eq(gates_admin(&g, OP(FLOW_REMOVE), 0, 0, &flow, sizeof(flow)), STATUS(OK));
	s.prefix4 = 24;
	cr_assert_eq(gates_admin(&g, OP(SETTINGS_SET), 0, 0, &s, sizeof(s)), STATUS(OK));
	cr_assert_eq(gates_admin(&g, OP(PEER_SET), 0, 0, &peer, sizeof(peer)), STATUS(OK));
	peer.addr[3] = 1;
	cr_assert_eq(gates_admin(&g, OP(PEER_SET), 0, 0, &peer, sizeof(peer)), STATUS(INVALID));
	s.prefix4 = 32;
	cr_assert_eq(gates_admin(&g, OP(SETTINGS_SET), 0, 0, &s, sizeof(s)), STATUS(BUSY));
	s.prefix4 = 24;
	s.event_mask = 1;
	cr_assert_eq(gates_admin(&g, OP(SETTINGS_SET), 0, 0, &s, sizeof(s)), STATUS(OK));
}

/* A start fills what a reset leaves open; commands write what they name. */
Test(admin, small_memories)
{
	const uint32_t before[] = {
		g.commands[MPNIC_TABLE_OP_NETWORK], g.commands[MPNIC_TABLE_OP_FIRST_SYN],
		g.commands[MPNIC_TABLE_OP_RETA], g.commands[MPNIC_TABLE_OP_RSS_KEY]};

	cr_assert_eq(before[0], 64);
	cr_assert_eq(before[1], 256);
	cr_assert_eq(before[2], 128);
	cr_assert_eq(before[3], 1);
	cr_assert_eq(give_good(OP(NETWORK_SET)), STATUS(OK));
	cr_assert_eq(g.table_cmd.op, MPNIC_TABLE_OP_NETWORK);
	cr_assert_eq(g.table_cmd.id, 63);
	cr_assert_eq(g.table_cmd.data[0], 255);
	cr_assert_eq(give_good(OP(NETWORK_DEFAULT)), STATUS(OK));
	cr_assert_eq(g.table_cmd.op, MPNIC_TABLE_OP_FIRST_SYN);
	cr_assert_eq(g.table_cmd.id, 255);
	cr_assert_eq(g.table_cmd.data[0], MPNIC_FIRST_SYN_PUNT);
	cr_assert_eq(give_good(OP(RETA_SET)), STATUS(OK));
	cr_assert_eq(g.commands[MPNIC_TABLE_OP_RETA] - before[2], 48);
	cr_assert_eq(g.table_cmd.id, 127);
	cr_assert_eq(g.table_cmd.data[0], 15);
	cr_assert_eq(give_good(OP(RSS_KEY_SET)), STATUS(OK));
	cr_assert_eq(g.table_cmd.op, MPNIC_TABLE_OP_RSS_KEY);
	cr_assert_eq(g.table_cmd.data[39], 0x5a);
}

Test(admin, rules)
{
	struct mpnic_admin_cmd cmd = good_command(OP(RULE_SET));

	cr_assert_eq(gates_admin(&g, OP(RULE_GET), 63, 0, NULL, 0), STATUS(MISSING));
	cr_assert_eq(give(&cmd), STATUS(OK));
	cr_assert_eq(gates_admin(&g, OP(RULE_GET), 63, 0, NULL, 0), STATUS(OK));
	cr_assert_eq(gates_admin(&g, OP(RULE_GET), 31, 0, NULL, 0), STATUS(MISSING));
	cmd.data[offsetof(struct mpnic_rule, valid)] = 0;
	cr_assert_eq(give(&cmd), STATUS(OK));
	cr_assert_eq(gates_admin(&g, OP(RULE_GET), 63, 0, NULL, 0), STATUS(MISSING));
	/* One that is freed may say anything. */
	memset(cmd.data, 0xff, sizeof(struct mpnic_rule));
	cmd.data[offsetof(struct mpnic_rule, valid)] = 0;
	cr_assert_eq(give(&cmd), STATUS(OK));
}

Test(admin, connections)
{
	struct mpnic_table_cmd cmd = {.op = MPNIC_TABLE_OP_DSS_READ, .which = MPNIC_DSS_MEM_NEXT};
	const struct mpnic_conn *conn;
	struct mpnic_table_rsp rsp;

	cr_assert_eq(give_good(OP(CONN_SET)), STATUS(OK));
	conn = mpnic_conn_at(g.state, 5);
	cr_assert_eq(conn->idsn[0], 1);
	cr_assert_eq(conn->rx_queue, 15);
	cr_assert_eq(conn->version, 1);
	cr_assert_eq(conn->flags, MPNIC_CONN_CSUM | MPNIC_CONN_QUEUE);
	cmd.id = 5;
	cr_assert_eq(mpnic_state_command(g.state, &cmd, &rsp), 0);
	cr_assert_eq(memcmp(rsp.data, (uint64_t[]){3, 4}, 16), 0);
}

/* ---- log, statistics, self-test ------------------------------------------------------------- */

Test(admin, the_log)
{
	const struct mpnic_admin_log *log = (struct mpnic_admin_log *)g.cpl.data;
	char text[GATES_LOG + 1], got[GATES_LOG + 200] = "";
	size_t at = 0;

	for (int i = 0; i < 200; i++)
		cr_assert_eq(give_good(OP(IDENTIFY)), STATUS(OK));
	cr_assert_gt(g.log_end, GATES_LOG);
	gates_log_text(&g, text, sizeof(text));
	cr_assert_eq(gates_admin(&g, OP(LOG), 0, 0, NULL, 0), STATUS(OK));
	cr_assert_eq(log->first, g.log_end - GATES_LOG);
	while (log->count) {
		memcpy(got + at, log->text, log->count);
		at += log->count;
		cr_assert_eq(gates_admin(&g, OP(LOG), log->first + log->count, 0, NULL, 0),
			     STATUS(OK));
	}
	cr_assert_str_eq(got, text);
	cr_assert_eq(gates_admin(&g, OP(LOG), 0xffffffff, 0, NULL, 0), STATUS(OK));
	cr_assert_eq(log->first, g.log_end);
	cr_assert_eq(log->count, 0);
}

Test(admin, statistics)
{
	const struct mpnic_state_counters *c = mpnic_state_counters(g.state, 0);
	uint64_t *all = (uint64_t *)(uintptr_t)c; /* as if frames had passed */
	const uint64_t *got = (const uint64_t *)g.cpl.data;

	for (unsigned int i = 0; i < 116; i++)
		all[i] = 1000 + i;
	for (unsigned int first = 0; first < 116; first++) {
		cr_assert_eq(gates_admin(&g, OP(STATS), 0, first, NULL, 0), STATUS(OK));
		for (unsigned int i = 0; i < 12; i++)
			cr_assert_eq(got[i], first + i < 116 ? 1000 + first + i : 0);
		for (unsigned int i = 96; i < 112; i++)
			cr_assert_eq(g.cpl.data[i], 0);
	}
}

Test(admin, self_test)
{
	uint32_t failed;

	cr_assert_eq(give_good(OP(SELF_TEST)), STATUS(OK));
	memcpy(&failed, g.cpl.data, 4);
	cr_assert_eq(failed, 0);
	g.step = 0;
	cr_assert_eq(give_good(OP(SELF_TEST)), STATUS(OK));
	memcpy(&failed, g.cpl.data, 4);
	cr_assert_eq(failed, MPNIC_SELF_TEST_TIMER);
	g.step = GATES_STEP_NS;
	g.flip = 0x10;
	cr_assert_eq(give_good(OP(SELF_TEST)), STATUS(OK));
	memcpy(&failed, g.cpl.data, 4);
	cr_assert_eq(failed, MPNIC_SELF_TEST_TABLE);
	g.flip = 0;
	cr_assert_eq(give_good(OP(TABLES)), STATUS(OK));
	cr_assert_eq(((struct mpnic_admin_tables *)g.cpl.data)->used[0], 0);
	cr_assert_eq(give_good(OP(FLOW_ADD)), STATUS(OK));
}

/* ---- health --------------------------------------------------------------------------------- */

Test(admin, the_heart_beats_by_time)
{
	const uint32_t first = g.beat;
	char text[GATES_LOG + 1];

	gates_pass(&g, 1000000000);
	cr_assert_geq(g.beat - first, 9);
	cr_assert_leq(g.beat - first, 11);
	cr_assert_eq(g.status, MPNIC_FW_STATUS_RUNNING);
	/* One that was not called for long beats once, not ten times. */
	g.now += 3000000000;
	g.beats_seen = 0;
	for (int i = 0; i < 20; i++)
		gates_poll(&g);
	cr_assert_eq(g.beats_seen, 1);
	gates_log_text(&g, text, sizeof(text));
	cr_assert(strstr(text, "info: mpnic firmware, version "));
}

/* The watchdog bites what is not polled. */
Test(admin, a_watchdog_is_armed)
{
	cr_assert_gt(g.watchdog, g.now);
	g.now += 600000000;
	cr_assert_lt(g.watchdog, g.now);
}

Test(admin, links_make_events)
{
	struct mpnic_event body = {0};

	g.port_flags[1] |= MPNIC_PORT_LINK;
	g.link_changed = 2;
	g.event_busy = true;
	gates_pass(&g, 5000000);
	cr_assert_eq(g.event_count, 0);
	cr_assert_eq(g.link_changed, 0);
	g.event_busy = false;
	gates_pass(&g, 5000000);
	cr_assert_eq(g.event_count, 1);
	cr_assert_eq(g.events[0].kind, MPNIC_EVENT_KIND_LINK);
	memcpy(&body, g.events[0].body, sizeof(g.events[0].body));
	cr_assert_eq(body.source, 1);
	cr_assert_eq(body.reason, 1);
	/* Seen by a command first: the event comes all the same. */
	g.port_flags[1] &= ~(uint32_t)MPNIC_PORT_LINK;
	g.link_changed = 2;
	cr_assert_eq(gates_admin(&g, OP(PORT_GET), 1, 0, NULL, 0), STATUS(OK));
	gates_pass(&g, 5000000);
	cr_assert_eq(g.event_count, 2);
	memcpy(&body, g.events[1].body, sizeof(g.events[1].body));
	cr_assert_eq(body.reason, 0);
}

/* ---- start ---------------------------------------------------------------------------------- */

Test(admin, each_start_draws_another_key)
{
	static struct gates other;
	static const uint8_t zero[MPNIC_HASH_KEY_LEN];
	struct mpnic_state_config config;

	commands_config(&config);
	gates_init(&other, &config, 2);
	gates_start(&other);
	cr_assert_neq(memcmp(other.hash_key, g.hash_key, sizeof(g.hash_key)), 0);
	/* Gates have it; nobody else keeps any of it. */
	for (size_t i = 0; i + 8 <= sizeof(g.hash_key); i += 8) {
		cr_assert_neq(memcmp(g.hash_key + i, zero, 8), 0);
		cr_assert_not(memmem(&g.fw, sizeof(g.fw), g.hash_key + i, 8));
		cr_assert_not(memmem(&g.table_cmd, sizeof(g.table_cmd), g.hash_key + i, 8));
	}
	gates_free(&other);
	/* A generator that stands still is told, and the key is not zero. */
	gates_init(&other, &config, 0);
	gates_start(&other);
	cr_assert_eq(other.status, MPNIC_FW_STATUS_RUNNING);
	cr_assert_neq(memcmp(other.hash_key, zero, sizeof(zero)), 0);
	cr_assert(memmem(other.log, sizeof(other.log), "error: the random generator", 27));
	cr_assert_eq(other.misused, 0);
	gates_free(&other);
}

/* Sizes that it cannot keep account of. The mailbox is served all the same. */
Test(admin, unknown_hardware)
{
	static struct gates other;
	struct mpnic_state_config config;

	commands_config(&config);
	config.stash = 512;
	gates_init(&other, &config, 2);
	gates_start(&other);
	cr_assert_eq(other.status, MPNIC_FW_STATUS_BAD_HARDWARE);
	cr_assert_eq(gates_mailbox(&other, MPNIC_MAILBOX_LOG, 0, 0), STATUS(OK));
	cr_assert_gt(other.mailbox_result, 0);
	cr_assert_eq(gates_admin(&other, OP(NOP), 0, 0, NULL, 0), -1);
	gates_free(&other);
}

/* A table port that takes its time. */
Test(admin, gates_that_are_slow)
{
	g.table_polls = 17;
	for (uint16_t op = 0; op <= LAST_OP; op++) {
		give_good(op);
		cr_assert_eq(g.misused, 0);
	}
}
