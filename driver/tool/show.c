/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that look: info, regs, stats, tables, selftest; and reset and port. */
#include "tool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mpnic_device_map.h"

static void set_version(json_t *o, const char *key, uint32_t version)
{
	set_text(o, key, "%u.%u", version >> 16, version & 0xffff);
}

static void set_mac(json_t *o, const char *key, const uint8_t *m)
{
	set_text(o, key, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

/* --- info ------------------------------------------------------------------------------------ */

static void describe(json_t *doc, const char *name, const struct mpnic_info *info)
{
	set_text(doc, "device", "%s", name);
	set_text(doc, "transport", "%s", info->transport);
	set_text(doc, "serial", "%s", info->serial);
	set_version(doc, "registers", info->regs_version);
	set_bits(doc, "capabilities", info->caps, mpnic_cap_bit);
	set_bits(doc, "required", info->required, mpnic_cap_bit);
	set_number(doc, "ports", info->ports);
	set_number(doc, "queues", info->queues);
	set_number(doc, "vectors", info->vectors);
	set_text(doc, "doorbells", "%s", info->doorbells_mapped ? "mapped" : "by message");
}

static void describe_health(json_t *doc, struct mpnic_dev *dev, const struct mpnic_health *h)
{
	uint32_t version = 0, reset = 0;
	uint64_t ns = 0;

	set_text(doc, "status", "%s", mpnic_device_status_name(h->device_status));
	set_text(doc, "firmware_status", "%s", mpnic_fw_status_name(h->fw_status));
	if (!mpnic_fw_version(dev, &version))
		set_version(doc, "firmware_version", version);
	set_number(doc, "heartbeat", h->heartbeat);
	set_number(doc, "generation", h->generation);
	if (!mpnic_reg_read(dev, MPNIC_HOST_RESET, &reset))
		set_text(doc, "last_reset", "%s", mpnic_reset_name(reset & 0xffff));
	if (!mpnic_time(dev, &ns))
		set_text(doc, "time", "%" PRIu64 ".%09" PRIu64 " s", ns / 1000000000,
			 ns % 1000000000);
}

static void describe_firmware(json_t *doc, const struct mpnic_admin_identity *id)
{
	json_t *fw = set_object(doc, "firmware");

	set_text(fw, "name", "%s", (const char *)id->fw_name);
	set_number(fw, "admin_version", id->admin_version);
	set_number(fw, "flows", id->flows);
	set_number(fw, "learnt_flows", id->stash);
	set_number(fw, "connections", id->conns);
	set_number(fw, "tokens", id->tokens);
	set_number(fw, "peers", id->peers);
	set_number(fw, "rules", id->rules);
	set_number(fw, "mac_filters", id->mac_filters);
}

static void port_row(json_t *row, unsigned int number, const struct mpnic_admin_port *p)
{
	set_number(row, "port", number);
	set_text(row, "state", "%s", p->flags & MPNIC_PORT_UP ? "up" : "down");
	set_text(row, "link", "%s", p->flags & MPNIC_PORT_LINK ? "up" : "down");
	set_number(row, "speed_mbps", p->speed);
	set_number(row, "mtu", p->mtu);
	set_bool(row, "promiscuous", p->flags & MPNIC_PORT_PROMISCUOUS);
	set_bool(row, "all_multicast", p->flags & MPNIC_PORT_ALL_MULTICAST);
	set_number(row, "queue_base", p->queue_base);
	set_number(row, "queue_count", p->queue_count);
	set_mac(row, "mac", p->mac);
}

static int describe_ports(json_t *doc, struct mpnic_dev *dev)
{
	json_t *ports = set_array(doc, "port");

	for (unsigned int i = 0; i < mpnic_info(dev)->ports; i++) {
		struct mpnic_admin_port p;
		int err = mpnic_admin_port_get(dev, i, &p);

		if (err)
			return err;
		port_row(add_row(ports), i, &p);
	}
	return 0;
}

int info_main(struct tool *t)
{
	struct mpnic_health h;
	struct mpnic_dev *dev;
	int code = open_device(t, 1, &dev);
	json_t *doc;
	int err;

	if (code)
		return code;
	doc = json_object();
	describe(doc, t->argv[1], mpnic_info(dev));
	err = mpnic_health(dev, &h);
	if (err && err != -EIO) {
		json_decref(doc);
		code = device_failed(dev);
		mpnic_close(dev);
		return code;
	}
	describe_health(doc, dev, &h);
	if (h.device_status == MPNIC_DEVICE_STATUS_RUNNING) {
		err = mpnic_start(dev, MPNIC_START_KEEP | MPNIC_START_NO_LOAD);
		if (!err) {
			describe_firmware(doc, mpnic_identity(dev));
			err = describe_ports(doc, dev);
		}
	}
	output(t, doc);
	if (err)
		code = device_failed(dev);
	mpnic_close(dev);
	return code;
}

/* --- regs ------------------------------------------------------------------------------------ */

static int dump_block(struct mpnic_dev *dev, json_t *rows, const char *prefix, uint32_t base,
		      const struct mpnic_register *reg, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value;
		uint32_t low;
		json_t *row;
		int err;

		if (!strchr(reg[i].access, 'r') || reg[i].size > 8)
			continue;
		if (reg[i].size == 8) {
			err = mpnic_reg_read64(dev, base + reg[i].offset, &value);
		} else {
			err = mpnic_reg_read(dev, base + reg[i].offset, &low);
			value = low;
		}
		if (err)
			return err;
		row = add_row(rows);
		set_text(row, "offset", "0x%05x", base + reg[i].offset);
		set_text(row, "name", "%s%s", prefix, reg[i].name);
		set_text(row, "value", "0x%0*" PRIx64, reg[i].size == 8 ? 16 : 8, value);
	}
	return 0;
}

int regs_main(struct tool *t)
{
	struct mpnic_dev *dev;
	int code = open_device(t, 1, &dev);
	json_t *doc, *rows;
	int err;

	if (code)
		return code;
	doc = json_object();
	rows = set_array(doc, "registers");
	err = dump_block(dev, rows, "", 0, mpnic_host_registers, MPNIC_HOST_REGISTERS);
	for (unsigned int p = 0; !err && p < mpnic_info(dev)->ports; p++) {
		char prefix[24];

		snprintf(prefix, sizeof(prefix), "PORT%u_", p);
		err = dump_block(dev, rows, prefix, MPNIC_BAR_STAT + 0x100 * p,
				 mpnic_stat_registers, MPNIC_STAT_REGISTERS);
	}
	if (err)
		code = device_failed(dev);
	output(t, doc);
	mpnic_close(dev);
	return code;
}

/* --- stats ----------------------------------------------------------------------------------- */

static void lower(char *to, size_t size, const char *from)
{
	size_t i;

	for (i = 0; i + 1 < size && from[i]; i++)
		to[i] = from[i] >= 'A' && from[i] <= 'Z' ? (char)(from[i] + 32) : from[i];
	to[i] = '\0';
}

static int port_stats(const struct tool *t, struct mpnic_dev *dev, json_t *doc)
{
	for (unsigned int p = 0; p < mpnic_info(dev)->ports; p++) {
		uint64_t counter[MPNIC_PORT_COUNTERS];
		char name[32];
		json_t *o;
		int err = mpnic_port_counters(dev, p, counter);

		if (err)
			return err;
		snprintf(name, sizeof(name), "port%u", p);
		o = set_object(doc, name);
		for (unsigned int i = 0; i < MPNIC_PORT_COUNTERS; i++) {
			lower(name, sizeof(name), mpnic_stat_registers[i].name);
			if (counter[i] || t->all)
				set_number(o, name, counter[i]);
		}
	}
	return 0;
}

static int source_stats(const struct tool *t, struct mpnic_dev *dev, json_t *doc)
{
	static const char *const names[] = {"wire0", "wire1", "host0", "host1"};

	for (unsigned int s = 0; s < sizeof(names) / sizeof(names[0]); s++) {
		uint64_t counter[MPNIC_COUNTERS];
		json_t *o;
		int err;

		if (s % 2 >= mpnic_info(dev)->ports)
			continue;
		err = mpnic_admin_counters(dev, s, counter);
		if (err)
			return err;
		o = set_object(doc, names[s]);
		for (unsigned int i = 0; i < MPNIC_COUNTERS; i++) {
			char name[MPNIC_COUNTER_NAME_MAX];

			if ((counter[i] || t->all) && mpnic_counter_name(i, name))
				set_number(o, name, counter[i]);
		}
	}
	return 0;
}

static int queue_stats(struct mpnic_dev *dev, json_t *doc)
{
	json_t *rows = set_array(doc, "queue");

	for (unsigned int kind = MPNIC_QUEUE_RX; kind <= MPNIC_QUEUE_EVENT; kind++) {
		unsigned int count = kind == MPNIC_QUEUE_EVENT ? 1 : mpnic_info(dev)->queues;

		for (unsigned int i = 0; i < count; i++) {
			struct mpnic_admin_queue_stats s;
			int err = mpnic_admin_queue_get(dev, kind, i, &s);
			json_t *row;

			if (err == -ENOENT || err == -EBUSY || (!err && !s.enabled))
				continue;
			if (err)
				return err;
			row = add_row(rows);
			set_text(row, "queue", "%s%u", mpnic_queue_name(kind), i);
			set_number(row, "frames", s.frames);
			set_number(row, "bytes", s.bytes);
			set_number(row, "drops", s.drops);
			set_number(row, "errors", s.errors);
			set_number(row, "interrupts", s.interrupts);
			set_number(row, "tail", s.tail);
			set_number(row, "head", s.head);
			set_text(row, "last_error", "%s", mpnic_queue_error_name(s.last_error));
		}
	}
	return 0;
}

int stats_main(struct tool *t)
{
	struct mpnic_dev *dev;
	int code = open_running(t, 1, &dev);
	json_t *doc;
	int err;

	if (code)
		return code;
	doc = json_object();
	err = port_stats(t, dev, doc);
	if (!err)
		err = source_stats(t, dev, doc);
	if (!err)
		err = queue_stats(dev, doc);
	output(t, doc);
	if (err)
		code = device_failed(dev);
	mpnic_close(dev);
	return code;
}

int tables_main(struct tool *t)
{
	struct mpnic_admin_tables tables;
	struct mpnic_dev *dev;
	int code = open_running(t, 1, &dev);
	json_t *doc, *rows;

	if (code)
		return code;
	if (mpnic_admin_tables(dev, &tables)) {
		code = device_failed(dev);
		mpnic_close(dev);
		return code;
	}
	doc = json_object();
	rows = set_array(doc, "table");
	for (unsigned int i = 0; i < sizeof(tables.used) / sizeof(tables.used[0]); i++) {
		json_t *row = add_row(rows);

		set_text(row, "table", "%s", mpnic_table_name(i));
		set_number(row, "used", tables.used[i]);
		set_number(row, "size", tables.size[i]);
		set_number(row, "full", tables.full[i]);
		set_number(row, "moved", tables.moved[i]);
	}
	set_number(doc, "free_flow_ids", tables.free_ids);
	set_number(doc, "flow_ids_for_gates", tables.given_ids);
	output(t, doc);
	mpnic_close(dev);
	return code;
}

int selftest_main(struct tool *t)
{
	struct mpnic_dev *dev;
	int code = open_running(t, 1, &dev);
	uint32_t failed;
	json_t *doc;

	if (code)
		return code;
	if (mpnic_admin_self_test(dev, &failed)) {
		code = device_failed(dev);
		mpnic_close(dev);
		return code;
	}
	doc = json_object();
	set_bool(doc, "passed", !failed);
	set_bits(doc, "failed", failed, mpnic_self_test_bit);
	output(t, doc);
	mpnic_close(dev);
	return failed ? EXIT_WRONG : EXIT_FINE;
}

/* --- reset ----------------------------------------------------------------------------------- */

int reset_main(struct tool *t)
{
	struct mpnic_dev *dev;
	unsigned int why;
	json_t *doc;
	int code;

	if (t->argc != 3)
		return complain(EXIT_USAGE, "reset takes a device and a reason");
	for (why = 0; strcmp(mpnic_reset_name(why), "?"); why++)
		if (!strcmp(mpnic_reset_name(why), t->argv[2]))
			break;
	if (!strcmp(mpnic_reset_name(why), "?")) {
		fprintf(stderr, "mpnic-tool: no reason '%s'; there are:", t->argv[2]);
		for (why = 0; strcmp(mpnic_reset_name(why), "?"); why++)
			fprintf(stderr, " %s", mpnic_reset_name(why));
		fputc('\n', stderr);
		return EXIT_USAGE;
	}
	code = open_device(t, 1, &dev);
	if (code)
		return code;
	if (mpnic_reset(dev, why)) {
		code = device_failed(dev);
	} else {
		doc = json_object();
		set_text(doc, "reset", "%s", mpnic_reset_name(why));
		set_number(doc, "generation", mpnic_info(dev)->generation);
		output(t, doc);
	}
	mpnic_close(dev);
	return code;
}

/* --- port ------------------------------------------------------------------------------------ */

struct change {
	struct mpnic_admin_port port;
	bool changed;
	uint8_t mac[6];
	int mac_change; /* 1: add, -1: remove */
};

static bool parse_switch(const char *text, uint16_t bit, uint16_t *flags)
{
	if (!strcmp(text, "on"))
		*flags |= bit;
	else if (!strcmp(text, "off"))
		*flags &= (uint16_t)~bit;
	else
		return false;
	return true;
}

static bool parse_mac(const char *text, uint8_t mac[6])
{
	char end;

	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%c", &mac[0], &mac[1], &mac[2],
		      &mac[3], &mac[4], &mac[5], &end) == 6;
}

/* One setting from argv[i] on: how many words it took, or 0. */
static int parse_setting(const struct tool *t, int i, struct change *c)
{
	const char *word = t->argv[i], *next = i + 1 < t->argc ? t->argv[i + 1] : "";
	const char *third = i + 2 < t->argc ? t->argv[i + 2] : "";
	unsigned long number;

	if (!strcmp(word, "mac")) {
		c->mac_change = !strcmp(next, "add") ? 1 : !strcmp(next, "del") ? -1 : 0;
		return c->mac_change && parse_mac(third, c->mac) ? 3 : 0;
	}
	c->changed = true;
	if (!strcmp(word, "up")) {
		c->port.flags |= MPNIC_PORT_UP;
		return 1;
	}
	if (!strcmp(word, "down")) {
		c->port.flags &= (uint16_t)~MPNIC_PORT_UP;
		return 1;
	}
	if (!strcmp(word, "promisc"))
		return parse_switch(next, MPNIC_PORT_PROMISCUOUS, &c->port.flags) ? 2 : 0;
	if (!strcmp(word, "allmulti"))
		return parse_switch(next, MPNIC_PORT_ALL_MULTICAST, &c->port.flags) ? 2 : 0;
	if (!strcmp(word, "mtu") && parse_number(next, MPNIC_FRAME_MAX - 14, &number)) {
		c->port.mtu = (uint16_t)number;
		return 2;
	}
	return 0;
}

static int parse_settings(const struct tool *t, struct change *c)
{
	for (int i = 3; i < t->argc;) {
		int words = parse_setting(t, i, c);

		if (!words)
			return complain(EXIT_USAGE,
					"'%s' is no setting of a port, or lacks its value",
					t->argv[i]);
		i += words;
	}
	return EXIT_FINE;
}

static int change_port(struct mpnic_dev *dev, unsigned int number, struct change *c)
{
	int err = 0;

	if (c->changed) {
		/* What can only be read must not be written. */
		c->port.flags &= (uint16_t)~MPNIC_PORT_LINK;
		c->port.speed = 0;
		memset(c->port.mac, 0, sizeof(c->port.mac));
		err = mpnic_admin_port_set(dev, number, &c->port);
	}
	if (!err && c->mac_change > 0)
		err = mpnic_admin_mac_add(dev, number, c->mac);
	if (!err && c->mac_change < 0)
		err = mpnic_admin_mac_remove(dev, number, c->mac);
	return err ? err : mpnic_admin_port_get(dev, number, &c->port);
}

int port_main(struct tool *t)
{
	struct change c = {0}, check = {0};
	struct mpnic_dev *dev;
	unsigned long number;
	json_t *doc;
	int code;

	if (t->argc < 3 || !parse_number(t->argv[2], MPNIC_PORTS - 1, &number))
		return complain(EXIT_USAGE, "port takes a device and a port's number");
	/* Before the device is touched. */
	code = parse_settings(t, &check);
	if (!code)
		code = open_running(t, 1, &dev);
	if (code)
		return code;
	if (mpnic_admin_port_get(dev, (unsigned int)number, &c.port)) {
		code = device_failed(dev);
	} else {
		parse_settings(t, &c);
		if (change_port(dev, (unsigned int)number, &c)) {
			code = device_failed(dev);
		} else {
			doc = json_object();
			port_row(doc, (unsigned int)number, &c.port);
			output(t, doc);
		}
	}
	mpnic_close(dev);
	return code;
}
