/* SPDX-License-Identifier: BSD-3-Clause */
/* Table files: what they give, what their errors say, and hostile ones. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "tables.h"

#define GOOD "tests/replay/tables/all.tables"

struct bench {
	struct tables *tables;
	struct tables_error error;
	struct control *control;
	int err;
};

static uint32_t take_flow(void *control)
{
	return control_take_id((struct control *)control);
}

static uint32_t take_conn(void *control, unsigned int number)
{
	return control_take_conn((struct control *)control, number);
}

static void parse(struct bench *b, const char *text, size_t len)
{
	struct mpnic_state_config config;

	memset(b, 0, sizeof(*b));
	control_defaults(&config);
	config.flows = config.stash = config.tokens = config.peers = 16;
	config.conns = 512;
	b->err = tables_parse(text, len, &config, &b->tables, &b->error);
}

static void apply(struct bench *b)
{
	struct tables_ids ids = {.flow = take_flow, .conn = take_conn};

	cr_assert_eq(control_new(tables_config(b->tables), &b->control), 0);
	ids.context = b->control;
	b->err = tables_apply(b->tables, control_state(b->control), &ids, &b->error);
}

static void end(struct bench *b)
{
	control_free(b->control);
	if (b->tables)
		tables_free(b->tables);
}

static size_t read_good(char *text, size_t size)
{
	FILE *file = fopen(GOOD, "rb");
	size_t len;

	cr_assert_not_null(file);
	len = fread(text, 1, size, file);
	fclose(file);
	cr_assert(len && len < size);
	return len;
}

static uint32_t used(struct bench *b, enum mpnic_table_code table)
{
	struct mpnic_table_stats stats;

	mpnic_table_stats(control_state(b->control), table, &stats);
	return stats.used;
}

Test(tables, all_statements)
{
	const struct mpnic_state_config *c;
	const struct mpnic_token_entry *token;
	const struct mpnic_conn *conn;
	char text[8192];
	struct bench b;

	parse(&b, text, read_good(text, sizeof(text)));
	cr_assert_eq(b.err, 0, "line %u: %s", b.error.line, b.error.what);
	c = tables_config(b.tables);
	cr_assert(!c->exact_vlan && c->masked);
	cr_assert_eq(c->mask.lo_addr[3], 0xff);
	cr_assert_eq(c->mask.lo_addr[4], 0);
	cr_assert_eq(c->mask.hi_port, 0xffff);
	cr_assert_eq(c->reta[7], 3, "repeated");
	cr_assert_eq(c->learnt.mark, 0x77);
	cr_assert_eq(c->miss.prio, 255);
	cr_assert_eq(c->join_unknown, MPNIC_JOIN_PUNT);
	cr_assert_eq(c->host_sources, 1);
	cr_assert_eq(c->network[0], 7);
	apply(&b);
	cr_assert_eq(b.err, 0, "line %u: %s", b.error.line, b.error.what);
	cr_assert_eq(used(&b, MPNIC_TABLE_PEER), 3);
	cr_assert_eq(used(&b, MPNIC_TABLE_TOKEN), 2);
	cr_assert_eq(used(&b, MPNIC_TABLE_MASKED), 2);
	cr_assert_eq(used(&b, MPNIC_TABLE_FLOW), 2);
	token = mpnic_token_find(control_state(b.control), 0x604f7cdc);
	cr_assert_eq(token->flags, MPNIC_TOKEN_ENTRY_SIDE_B | MPNIC_TOKEN_ENTRY_PUNT);
	conn = mpnic_conn_at(control_state(b.control), token->conn_id);
	cr_assert_eq(conn->dsn_next[1], 0xbbbcb6a9ca71a7ba);
	cr_assert_eq(conn->token[0], 0x01020304);
	cr_assert_eq(conn->flags, MPNIC_CONN_CSUM | MPNIC_CONN_QUEUE);
	end(&b);
}

Test(tables, errors_say_where_and_what)
{
	static const struct {
		const char *text;
		unsigned int line, column;
		const char *what; /* is part of it */
	} wrong[] = {
		{"nothing", 1, 1, "'nothing' is not known here: exact-vlan"},
		{"\n# x\n  reta 0 x", 3, 10, "'x' is no queue"},
		{"reta", 1, 5, "a queue is missing"},
		{"reta 70000", 1, 6, "0 to 65535"},
		{"exact-vlan maybe", 1, 12, "off, on"},
		{"exact-vlan on on", 1, 15, "'on' is too much here"},
		{"mask src/129", 1, 6, "prefix length"},
		{"mask source", 1, 6, "sport"},
		{"rss-key 00", 1, 9, "80 hexadecimal digits"},
		{"default fly", 1, 9, "queue N"},
		{"default queue", 1, 14, "queue is missing"},
		{"default strip DSS,X", 1, 15, "'X' is no MPTCP option"},
		{"join-full drop", 1, 11, "pass, punt"},
		{"host-source 64", 1, 13, "0 to 63"},
		{"prefix4 33", 1, 9, "0 to 32"},
		{"peer 10.0.0 v1 pass", 1, 6, "is no address"},
		{"peer 10.0.0.1 v2 pass", 1, 15, "unknown, v1, v0, none"},
		{"token 1 2 a", 1, 9, "connection 2"},
		{"connection 1\nconnection 1", 2, 12, "there already"},
		{"rule 64 drop", 1, 6, "0 to 63"},
		{"rule 1 src 1.2.3.4 dst ::1", 1, 24, "other IP version"},
		{"rule 1 dport 65536", 1, 14, "0 to 65535"},
		{"rule 0 drop\nreta 1", 2, 1, "settings go before entries"},
		{"masked dst 1.2.3.4 drop", 1, 8, "not part of the mask"},
		{"masked drop", 1, 12, "ip 4 or ip 6"},
		{"mask off\nmasked src 1.2.3.4", 2, 1, "is off"},
		{"flow icmp 1.2.3.4 1 1.2.3.5 2", 1, 6, "protocol"},
		{"flow 1 1.2.3.4 1 1.2.3.5 2", 1, 6, "tcp or udp"},
		{"flow tcp 1.2.3.4 1 1.2.3.5", 1, 27, "port is missing"},
		{"flow tcp 1.2.3.4 1 1.2.3.5 2 vlan 3", 1, 30, "exact-vlan on"},
		{"reta \x01", 1, 6, "printable"},
	};
	struct bench b;

	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		parse(&b, wrong[i].text, strlen(wrong[i].text));
		cr_assert_eq(b.err, -22, "%s", wrong[i].text);
		cr_expect(strstr(b.error.what, wrong[i].what), "%s: %s", wrong[i].text,
			  b.error.what);
		cr_expect_eq(b.error.line, wrong[i].line, "%s: line %u", wrong[i].text,
			     b.error.line);
		cr_expect_eq(b.error.column, wrong[i].column, "%s: column %u", wrong[i].text,
			     b.error.column);
	}
}

Test(tables, entries_that_cannot_be)
{
	static const struct {
		const char *text;
		unsigned int line;
		const char *what;
	} wrong[] = {
		{"prefix4 24\npeer 10.0.0.1 v1 pass", 2, "prefix4"},
		{"flow tcp 1.1.1.1 1 2.2.2.2 2\nflow tcp 2.2.2.2 2 1.1.1.1 1", 2, "already"},
		{"masked src 1.1.1.1\n\nmasked src 1.1.1.1 drop", 3, "already"},
		{"connection 0\ntoken 5 0 a\ntoken 5 0 b", 3, "already"},
		{"peer ::1 v1 pass\npeer ::1 v0 pass", 2, "already"},
	};
	char many[4096] = "";
	struct bench b;

	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		parse(&b, wrong[i].text, strlen(wrong[i].text));
		cr_assert_eq(b.err, 0, "%s: %s", wrong[i].text, b.error.what);
		apply(&b);
		cr_assert_eq(b.err, -22, "%s", wrong[i].text);
		cr_expect_eq(b.error.line, wrong[i].line);
		cr_expect(strstr(b.error.what, wrong[i].what), "%s", b.error.what);
		end(&b);
	}
	for (unsigned int i = 0; i < 40; i++)
		sprintf(many + strlen(many), "masked src 1.1.1.%u\n", i);
	parse(&b, many, strlen(many));
	apply(&b);
	cr_assert_eq(b.err, -22);
	cr_assert(strstr(b.error.what, "no room"), "%s", b.error.what);
	end(&b);
}

static void survive(const char *text, size_t len)
{
	struct bench b;

	parse(&b, text, len);
	if (b.err)
		cr_assert(b.error.line && b.error.column && b.error.what[0]);
	else
		apply(&b);
	end(&b);
}

Test(tables, hostile_text)
{
	static const unsigned char values[] = {0, ' ', '\n', '/', '-', 'x', '9', 0xff};
	char text[8192], whole[8192], *copy;
	size_t len = read_good(whole, sizeof(whole));

	for (size_t i = 0; i < len; i++) {
		copy = malloc(i + 1); /* of its size, so that the sanitizer sees its end */
		memcpy(copy, whole, i);
		survive(copy, i);
		free(copy);
		memcpy(text, whole, len);
		for (unsigned int k = 0; k < sizeof(values); k++) {
			text[i] = (char)values[k];
			survive(text, len);
		}
	}
}

Test(tables, bounds)
{
	static const char entry[] = "rule 1\n";
	const size_t lines = TABLES_ENTRIES_MAX + 1, size = lines * (sizeof(entry) - 1);
	char *text = malloc(TABLES_TEXT_MAX + 1);
	struct bench b;

	for (size_t i = 0; i < lines; i++)
		memcpy(text + i * (sizeof(entry) - 1), entry, sizeof(entry) - 1);
	parse(&b, text, size);
	cr_assert_eq(b.err, -22);
	cr_assert_eq(b.error.line, lines);
	memset(text, 'a', TABLES_TEXT_MAX + 1);
	parse(&b, text, TABLES_TEXT_MAX);
	cr_assert(strstr(b.error.what, "a word of more than"), "%s", b.error.what);
	parse(&b, text, TABLES_TEXT_MAX + 1);
	cr_assert(strstr(b.error.what, "bytes"), "%s", b.error.what);
	free(text);
}
