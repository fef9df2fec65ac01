/* SPDX-License-Identifier: BSD-3-Clause */
#include "gates.h"

#include <stdlib.h>
#include <string.h>

enum {
	NS_PER_MS = 1000000
};

static const char serial[32] = "TEST-0001";
static const uint8_t made_mac[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};

/* A window of registers over a record. */
struct span {
	uint32_t first, size;
	void *bytes;
	bool writable;
};

static bool find_window(struct gates *g, uint32_t off, struct span *span)
{
	const struct span spans[] = {
		{MPNIC_FW_ADMIN_CMD, sizeof(g->cmd), &g->cmd, false},
		{MPNIC_FW_ADMIN_CPL, sizeof(g->cpl), &g->cpl, true},
		{MPNIC_FW_TABLE_CMD, sizeof(g->table_cmd), &g->table_cmd, true},
		{MPNIC_FW_TABLE_RSP, sizeof(g->table_rsp), &g->table_rsp, false},
		{MPNIC_FW_SETTINGS, sizeof(g->settings), &g->settings, true},
		{MPNIC_FW_EVENT, sizeof(g->event), &g->event, true},
		{MPNIC_FW_MAILBOX, sizeof(g->mailbox), g->mailbox, true},
	};

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		if (off - spans[i].first < spans[i].size) {
			*span = spans[i];
			return true;
		}
	}
	return false;
}

/* Of the table port's windows, and what tells the host that something is done: not before it is. */
static void expect_settled(struct gates *g, bool touches)
{
	g->misused += touches && g->table_busy;
}

static uint32_t word_at(const void *from, uint32_t off)
{
	uint32_t word;

	memcpy(&word, (const uint8_t *)from + off, sizeof(word));
	return word;
}

static uint32_t random_word(struct gates *g)
{
	uint64_t z = g->random;

	if (!z)
		return 0;
	z = g->random += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	return (uint32_t)(z >> 32);
}

static uint32_t pending(const struct gates *g)
{
	return (g->admin_waits ? MPNIC_FW_PENDING_ADMIN : 0) |
	       (g->mailbox_waits ? MPNIC_FW_PENDING_MAILBOX : 0) |
	       (g->link_changed ? MPNIC_FW_PENDING_LINK : 0);
}

static uint32_t busy(unsigned int *polls)
{
	if (!*polls)
		return 0;
	--*polls;
	return 1;
}

static struct gates_queue *queue_of(struct gates *g)
{
	static struct gates_queue none;
	const uint32_t kind = g->queue_select >> 16, index = g->queue_select & 0xffff;

	if (kind < 3 && index < (kind == MPNIC_QUEUE_EVENT ? 1 : MPNIC_QUEUES))
		return &g->queue[kind][index];
	g->misused++;
	return &none;
}

static uint32_t read_queue(struct gates *g, uint32_t off)
{
	struct gates_queue *q = queue_of(g);
	struct mpnic_admin_queue_stats stats = {.frames = g->queue_select,
						.enabled = q->control == 1};

	switch (off) {
	case MPNIC_FW_QUEUE_CONTROL:
		if (q->control == 2 && !busy(&g->queue_busy))
			q->control = 0;
		return q->control;
	case MPNIC_FW_QUEUE_LOG2:
		return q->log2;
	case MPNIC_FW_QUEUE_VECTOR:
		return q->vector;
	default:
		if (off - MPNIC_FW_QUEUE_STATS < sizeof(stats))
			return word_at(&stats, off - MPNIC_FW_QUEUE_STATS);
		g->misused++;
		return 0;
	}
}

static uint32_t read_port(struct gates *g, uint32_t off)
{
	if (g->port_select >= MPNIC_PORTS) {
		g->misused++;
		return 0;
	}
	switch (off) {
	case MPNIC_FW_PORT_FLAGS:
		g->link_changed &= (uint8_t) ~(1u << g->port_select);
		return g->port_flags[g->port_select];
	case MPNIC_FW_PORT_MTU:
		return g->port_mtu[g->port_select];
	case MPNIC_FW_PORT_QUEUES:
		return g->port_queues[g->port_select];
	default:
		return 100000;
	}
}

static uint32_t read_log(struct gates *g, uint32_t off)
{
	const uint32_t first = g->log_end > GATES_LOG ? g->log_end - GATES_LOG : 0;

	switch (off) {
	case MPNIC_FW_LOG_BYTE:
		if (g->log_select < first || g->log_select >= g->log_end)
			g->misused++;
		return g->log[g->log_select++ % GATES_LOG];
	case MPNIC_FW_LOG_FIRST:
		return first;
	default:
		return g->log_end;
	}
}

static uint32_t read_sizes(const struct gates *g, uint32_t off)
{
	const uint32_t sizes[] = {g->config.flows,  g->config.stash, g->config.conns,
				  g->config.tokens, g->config.peers, 0};

	return sizes[(off - MPNIC_FW_SIZES) / 4];
}

static uint32_t read_reg(struct gates *g, uint32_t off)
{
	struct span span;

	if (find_window(g, off, &span)) {
		expect_settled(g, span.bytes == &g->table_rsp);
		return word_at(span.bytes, off - span.first);
	}
	if (off - MPNIC_FW_SIZES < 24)
		return read_sizes(g, off);
	if (off - MPNIC_FW_SERIAL < sizeof(serial))
		return word_at(serial, off - MPNIC_FW_SERIAL);
	if (off - MPNIC_FW_MAC < sizeof(made_mac))
		return word_at(made_mac, off - MPNIC_FW_MAC);
	if (off - MPNIC_FW_QUEUE_STATS < sizeof(struct mpnic_admin_queue_stats))
		return read_queue(g, off);
	switch (off) {
	case MPNIC_FW_VERSION:
		return g->version;
	case MPNIC_FW_BEAT:
		return g->beat;
	case MPNIC_FW_TIME:
		g->latched = g->now;
		return (uint32_t)g->now;
	case MPNIC_FW_TIME + 4:
		return (uint32_t)(g->latched >> 32);
	case MPNIC_FW_PENDING:
		/* Once a poll: so time goes on the same for firmware on its core. */
		g->now += g->step;
		if (g->polled)
			g->polled(g);
		return pending(g);
	case MPNIC_FW_GEOMETRY:
		return MPNIC_PORTS | MPNIC_QUEUES << 8 | MPNIC_VECTORS << 16;
	case MPNIC_FW_RANDOM:
		return random_word(g);
	case MPNIC_FW_TABLE_GO:
		return busy(&g->table_busy);
	case MPNIC_FW_SETTINGS_GO:
		return busy(&g->settings_busy);
	case MPNIC_FW_EVENT_GO:
		return g->event_busy;
	case MPNIC_FW_STATUS:
		return g->status;
	case MPNIC_FW_QUEUE_CONTROL:
	case MPNIC_FW_QUEUE_LOG2:
	case MPNIC_FW_QUEUE_VECTOR:
		return read_queue(g, off);
	case MPNIC_FW_PORT_FLAGS:
	case MPNIC_FW_PORT_MTU:
	case MPNIC_FW_PORT_QUEUES:
	case MPNIC_FW_PORT_SPEED:
		return read_port(g, off);
	case MPNIC_FW_MAC_LOW:
		return g->mac_low[g->mac_select % MPNIC_MAC_FILTERS];
	case MPNIC_FW_MAC_HIGH:
		return g->mac_high[g->mac_select % MPNIC_MAC_FILTERS];
	case MPNIC_FW_LOG_BYTE:
	case MPNIC_FW_LOG_FIRST:
	case MPNIC_FW_LOG_END:
		return read_log(g, off);
	case MPNIC_FW_MAILBOX_COMMAND:
		return g->mailbox_command;
	case MPNIC_FW_MAILBOX_ARG0:
	case MPNIC_FW_MAILBOX_ARG1:
		return g->mailbox_arg[(off - MPNIC_FW_MAILBOX_ARG0) / 4];
	default:
		g->misused++;
		return 0;
	}
}

static void do_table(struct gates *g)
{
	expect_settled(g, true);
	if (g->before)
		g->before(g);
	g->commands[g->table_cmd.op % 32]++;
	if (g->table_cmd.op == MPNIC_TABLE_OP_HASH_KEY)
		memcpy(g->hash_key, g->table_cmd.data, sizeof(g->hash_key));
	g->misused += !!mpnic_state_command(g->state, &g->table_cmd, &g->table_rsp);
	if (g->table_cmd.op == MPNIC_TABLE_OP_READ)
		g->table_rsp.data[0] ^= g->flip;
	g->table_busy = g->table_polls;
}

static void do_settings(struct gates *g)
{
	const int err = mpnic_state_settings(g->state, &g->settings);

	g->settings_error = g->settings_error ? g->settings_error : err;
	g->settings_busy = g->settings_polls;
}

static void do_event(struct gates *g)
{
	expect_settled(g, true);
	if (g->event_busy)
		g->misused++;
	else if (g->event_count < GATES_EVENTS)
		g->events[g->event_count++] = g->event;
}

static void write_queue(struct gates *g, uint32_t off, uint32_t value)
{
	struct gates_queue *q = queue_of(g);

	switch (off) {
	case MPNIC_FW_QUEUE_CONTROL:
		g->misused += value > 1;
		g->queue_busy = g->queue_polls;
		q->control = value ? 1 : q->control ? 2 : 0;
		return;
	case MPNIC_FW_QUEUE_LOG2:
		q->log2 = value;
		return;
	case MPNIC_FW_QUEUE_VECTOR:
		q->vector = value;
		return;
	case MPNIC_FW_QUEUE_RING:
		q->ring = (q->ring & ~UINT64_C(0xffffffff)) | value;
		return;
	case MPNIC_FW_QUEUE_RING + 4:
		q->ring = (uint32_t)q->ring | (uint64_t)value << 32;
		return;
	case MPNIC_FW_QUEUE_CPL:
		q->cpl = (q->cpl & ~UINT64_C(0xffffffff)) | value;
		return;
	default:
		q->cpl = (uint32_t)q->cpl | (uint64_t)value << 32;
	}
}

static void write_port(struct gates *g, uint32_t off, uint32_t value)
{
	if (g->port_select >= MPNIC_PORTS) {
		g->misused++;
		return;
	}
	if (off == MPNIC_FW_PORT_MTU)
		g->port_mtu[g->port_select] = value;
	else if (off == MPNIC_FW_PORT_QUEUES)
		g->port_queues[g->port_select] = value;
	else
		g->port_flags[g->port_select] =
			(g->port_flags[g->port_select] & MPNIC_PORT_LINK) | value;
}

static void write_reg(struct gates *g, uint32_t off, uint32_t value)
{
	struct span span;

	if (find_window(g, off, &span)) {
		if (span.writable)
			memcpy((uint8_t *)span.bytes + (off - span.first), &value, sizeof(value));
		g->misused += !span.writable;
		expect_settled(g, span.bytes == &g->table_cmd);
		return;
	}
	if (off >= MPNIC_FW_QUEUE_CONTROL && off < MPNIC_FW_PORT_SELECT) {
		write_queue(g, off, value);
		return;
	}
	switch (off) {
	case MPNIC_FW_MAILBOX_DONE:
		g->misused += !g->mailbox_waits;
		g->mailbox_waits = false;
		g->mailbox_status = value;
		return;
	case MPNIC_FW_VERSION:
		g->version = value;
		return;
	case MPNIC_FW_BEAT:
		g->beat = value;
		g->beats_seen++;
		return;
	case MPNIC_FW_WATCHDOG:
		g->watchdog = value ? g->now + (uint64_t)value * NS_PER_MS : 0;
		return;
	case MPNIC_FW_ADMIN_GO:
		g->misused += !g->admin_waits;
		expect_settled(g, true);
		g->admin_waits = false;
		return;
	case MPNIC_FW_TABLE_GO:
		do_table(g);
		return;
	case MPNIC_FW_SETTINGS_GO:
		do_settings(g);
		return;
	case MPNIC_FW_EVENT_GO:
		do_event(g);
		return;
	case MPNIC_FW_QUEUE_SELECT:
		g->queue_select = value;
		return;
	case MPNIC_FW_PORT_SELECT:
		g->port_select = value;
		return;
	case MPNIC_FW_PORT_FLAGS:
	case MPNIC_FW_PORT_MTU:
	case MPNIC_FW_PORT_QUEUES:
		write_port(g, off, value);
		return;
	case MPNIC_FW_MAC_SELECT:
		g->mac_select = value;
		g->misused += value >= MPNIC_MAC_FILTERS;
		return;
	case MPNIC_FW_MAC_LOW:
		g->mac_low[g->mac_select % MPNIC_MAC_FILTERS] = value;
		return;
	case MPNIC_FW_MAC_HIGH:
		g->mac_high[g->mac_select % MPNIC_MAC_FILTERS] = value;
		return;
	case MPNIC_FW_VECTOR_SELECT:
		g->vector_select = value;
		g->misused += value >= MPNIC_VECTORS;
		return;
	case MPNIC_FW_VECTOR_INTERVAL:
		g->interval[g->vector_select % MPNIC_VECTORS] = value;
		return;
	case MPNIC_FW_LOG:
		g->log[g->log_end++ % GATES_LOG] = (uint8_t)value;
		return;
	case MPNIC_FW_LOG_SELECT:
		g->log_select = value;
		return;
	case MPNIC_FW_STATUS:
		g->status = value;
		return;
	case MPNIC_FW_MAILBOX_ARG0:
	case MPNIC_FW_MAILBOX_ARG1:
		g->mailbox_arg[(off - MPNIC_FW_MAILBOX_ARG0) / 4] = value;
		return;
	case MPNIC_FW_MAILBOX_RESULT:
		g->mailbox_result = value;
		return;
	default:
		g->misused++;
	}
}

uint32_t gates_read(void *ctx, uint32_t off)
{
	struct gates *g = ctx;
	const uint32_t value = read_reg(g, off);

	if (g->trace)
		g->trace(g, false, off, value);
	return value;
}

void gates_write(void *ctx, uint32_t off, uint32_t value)
{
	struct gates *g = ctx;

	write_reg(g, off, value);
	if (g->trace)
		g->trace(g, true, off, value);
}

static void run(void *ctx, uint32_t entry)
{
	struct gates *g = ctx;

	g->run_entry = entry;
	g->runs++;
}

void gates_init(struct gates *g, const struct mpnic_state_config *config, uint64_t seed)
{
	memset(g, 0, sizeof(*g));
	g->config = *config;
	if (mpnic_state_new(config, &g->state))
		abort();
	g->hal = (struct hal){
		.ctx = g, .read = gates_read, .write = gates_write, .ram = g->ram, .run = run};
	g->now = 5 * (uint64_t)NS_PER_MS;
	g->step = GATES_STEP_NS;
	g->random = seed;
	boot_start(&g->boot, &g->hal);
}

void gates_free(struct gates *g)
{
	mpnic_state_free(g->state);
	g->state = NULL;
}

void gates_start(struct gates *g)
{
	g->runs++;
	fw_start(&g->fw, &g->hal);
}

bool gates_poll(struct gates *g)
{
	bool did;

	did = g->runs && !g->boot.dead ? fw_poll(&g->fw) : boot_poll(&g->boot);
	if (g->watchdog && g->now >= g->watchdog)
		g->status = MPNIC_FW_STATUS_HUNG;
	return did;
}

void gates_pass(struct gates *g, uint64_t ns)
{
	while (ns) {
		const uint64_t by = ns < NS_PER_MS ? ns : NS_PER_MS;

		g->now += by;
		ns -= by;
		for (unsigned int i = 0; i < 100 && gates_poll(g); i++)
			;
	}
}

int gates_admin_raw(struct gates *g)
{
	memset(&g->cpl, 0xee, offsetof(struct mpnic_admin_cpl, data));
	g->admin_waits = true;
	for (unsigned int i = 0; i < GATES_POLLS && g->admin_waits; i++)
		gates_poll(g);
	return g->admin_waits ? -1 : g->cpl.status;
}

int gates_admin(struct gates *g, uint16_t op, uint32_t id, uint32_t arg, const void *data,
		size_t len)
{
	g->cmd = (struct mpnic_admin_cmd){
		.op = op, .cookie = (uint16_t)(g->cmd.cookie + 1), .id = id, .arg = arg};
	if (len)
		memcpy(g->cmd.data, data, len);
	return gates_admin_raw(g);
}

int gates_mailbox(struct gates *g, uint32_t command, uint32_t arg0, uint32_t arg1)
{
	g->mailbox_command = command;
	g->mailbox_arg[0] = arg0;
	g->mailbox_arg[1] = arg1;
	g->mailbox_waits = true;
	for (unsigned int i = 0; i < 1000 && g->mailbox_waits; i++)
		gates_poll(g);
	return g->mailbox_waits ? -1 : (int)g->mailbox_status;
}

void gates_log_text(struct gates *g, char *text, size_t size)
{
	uint32_t at = g->log_end > GATES_LOG ? g->log_end - GATES_LOG : 0;

	for (; size > 1 && at < g->log_end; size--, at++)
		*text++ = (char)g->log[at % GATES_LOG];
	*text = 0;
}
