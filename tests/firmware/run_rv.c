/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run_rv ROM IMAGE [ROUNDS]: boot's ROM and the firmware's image on the instruction-set model of
 * the core, over the same gates as the native build: both must read and write the same registers,
 * with the same values, in the same order, from reset over the load of the image to the last of
 * many random admin commands. Then what only the core has: traps, the watchdog's reset, the stack.
 *
 * It also counts the instructions of an insertion.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "rv32i.h"

enum {
	ROM_SIZE = 4096,
	GATES_SIZE = 4096,
	TRACE_MAX = 1 << 24,
	STACK_FILL = 0x5afe57ac,
	LINES = RV32I_MIP_TIMER | RV32I_MIP_EXTERNAL,
};
#define ROM_BASE  0xffff0000u
#define FIRST_RUN 2000000000u /* instructions, after which nothing more is waited for */

struct access {
	bool write;
	uint16_t off;
	uint32_t value;
};

/* What the host does: it looks at each poll of the firmware whether it is its turn. */
struct host {
	uint64_t seed;
	unsigned int step, steps; /* commands that were given, of how many */
	size_t loaded;		  /* of the image */
	bool started;
	uint32_t status[16]; /* how many were answered so */
};

static uint8_t rom[ROM_SIZE], image[MPNIC_FW_IMAGE_MAX];
static size_t image_size;
static struct gates g;
static struct host host;
static struct access *trace;
static size_t trace_count, trace_at;
static bool comparing, differs;

/* The core. */
static struct rv32i cpu;
static uint8_t ram[HAL_RAM_SIZE];
static uint64_t instructions, loads, stores;

static uint32_t below(uint32_t n)
{
	uint64_t z = host.seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (uint32_t)(((z ^ z >> 31) >> 32) * n >> 32);
}

/* ---- the host ------------------------------------------------------------------------------- */

static void mailbox(uint32_t command, uint32_t arg0, uint32_t arg1)
{
	g.mailbox_command = command;
	g.mailbox_arg[0] = arg0;
	g.mailbox_arg[1] = arg1;
	g.mailbox_waits = true;
}

static void load_more(void)
{
	const size_t left = image_size - host.loaded;
	const size_t len = left < sizeof(g.mailbox) ? left : sizeof(g.mailbox);

	if (!left) {
		host.started = true;
		mailbox(MPNIC_MAILBOX_START, (uint32_t)image_size, 0);
		return;
	}
	memcpy(g.mailbox, image + host.loaded, len);
	mailbox(MPNIC_MAILBOX_LOAD, (uint32_t)host.loaded, (uint32_t)len);
	host.loaded += len;
}

/* Of a few keys, so that they meet; some fields are changed. */
static void give_command(void)
{
	static const uint16_t often[] = {MPNIC_ADMIN_OP_FLOW_ADD,    MPNIC_ADMIN_OP_FLOW_ADD,
					 MPNIC_ADMIN_OP_FLOW_REMOVE, MPNIC_ADMIN_OP_TOKEN_ADD,
					 MPNIC_ADMIN_OP_PEER_SET,    MPNIC_ADMIN_OP_FLOW_GET,
					 MPNIC_ADMIN_OP_FLOW_ADD,    MPNIC_ADMIN_OP_PEER_REMOVE};
	const uint16_t op = below(3) ? often[below(8)] : (uint16_t)below(40);

	g.cmd = good_command(op);
	g.cmd.cookie = (uint16_t)host.step;
	if (op == MPNIC_ADMIN_OP_FLOW_ADD || op == MPNIC_ADMIN_OP_FLOW_REMOVE ||
	    op == MPNIC_ADMIN_OP_FLOW_GET) {
		const struct mpnic_key key =
			below(2) ? key_exact(0x0a000000, (uint16_t)below(300), 0x0b000000, 80)
				 : key_masked(0x0c000000 + below(300));
		const struct mpnic_admin_flow flow = flow_with(&key);

		memcpy(g.cmd.data, &flow, sizeof(flow));
	} else if (op == MPNIC_ADMIN_OP_TOKEN_ADD) {
		memcpy(g.cmd.data, &(uint32_t){below(100)}, 4);
	} else if (op == MPNIC_ADMIN_OP_PEER_SET || op == MPNIC_ADMIN_OP_PEER_REMOVE) {
		g.cmd.data[3] = (uint8_t)below(64);
	}
	if (!below(8))
		((uint8_t *)&g.cmd)[4 + below(124)] ^= (uint8_t)(1 << below(8));
	g.admin_waits = true;
}

/* An MP_JOIN's flow is learnt. */
static void join(void)
{
	struct mpnic_hdr hdr = {
		.parse = MPNIC_PARSE_TCP,
		.flags = MPNIC_HDR_L3 | MPNIC_HDR_L4 | MPNIC_HDR_TCP,
		.ip_version = 4,
		.ip_proto = 6,
		.tcp_flags = 2,
		.mptcp_count = 1,
		.sport = (uint16_t)below(300),
		.dport = 80,
		.src = {10},
		.dst = {11},
	};
	const struct mpnic_csum csum = {.ip = MPNIC_CSUM_GOOD, .l4 = MPNIC_CSUM_GOOD};
	struct mpnic_result result;

	hdr.opt[0].subtype = MPNIC_SUBTYPE_MP_JOIN;
	hdr.opt[0].join_syn.token = below(100);
	mpnic_state_packet(g.state, &hdr, &csum, g.now, &result, NULL);
}

static void turn(struct gates *gates)
{
	(void)gates;
	if (g.admin_waits || g.mailbox_waits)
		return;
	if (!host.started) {
		load_more();
		return;
	}
	if (g.status != MPNIC_FW_STATUS_RUNNING || host.step == host.steps)
		return;
	if (host.step)
		host.status[g.cpl.status % 16]++;
	host.step++;
	switch (below(20)) {
	case 0:
		g.now += (uint64_t)below(2000) * 1000000;
		break;
	case 1:
		g.port_flags[0] ^= MPNIC_PORT_LINK;
		g.link_changed |= 1;
		break;
	case 2:
		mailbox(below(6), below(4096), below(64));
		return;
	case 3:
	case 4:
		join();
		break;
	default:
		break;
	}
	give_command();
}

/* ---- traces --------------------------------------------------------------------------------- */

static void note(struct gates *gates, bool write, uint32_t off, uint32_t value)
{
	const struct access a = {.write = write, .off = (uint16_t)off, .value = value};

	(void)gates;
	if (!comparing) {
		if (trace_count < TRACE_MAX)
			trace[trace_count++] = a;
		return;
	}
	if (differs || trace_at == trace_count)
		return;
	if (trace[trace_at].write != write || trace[trace_at].off != off ||
	    trace[trace_at].value != value) {
		printf("access %zu, native: %s 0x%03x 0x%08x; core: %s 0x%03x 0x%08x, pc 0x%x\n",
		       trace_at, trace[trace_at].write ? "write" : "read", trace[trace_at].off,
		       trace[trace_at].value, write ? "write" : "read", off, value, cpu.pc);
		differs = true;
	}
	trace_at++;
}

static void begin(unsigned int steps, bool traced)
{
	struct mpnic_state_config config;

	commands_config(&config);
	gates_init(&g, &config, 11);
	g.polled = turn;
	g.trace = traced ? note : NULL;
	g.table_polls = 2;
	host = (struct host){.seed = 5, .steps = steps};
}

/* ---- the core ------------------------------------------------------------------------------- */

static int read_word(uint32_t addr, uint32_t *word)
{
	if (addr < HAL_RAM_SIZE) {
		memcpy(word, ram + addr, 4);
		return 0;
	}
	if (addr - ROM_BASE < ROM_SIZE) {
		memcpy(word, rom + (addr - ROM_BASE), 4);
		return 0;
	}
	return -1;
}

static int fetch(void *ctx, uint32_t addr, uint32_t *word)
{
	(void)ctx;
	return read_word(addr, word);
}

static int load(void *ctx, uint32_t addr, uint32_t *word)
{
	loads++;
	if (addr - (uint32_t)MPNIC_FW_BASE >= GATES_SIZE)
		return read_word(addr, word);
	*word = gates_read(ctx, addr - (uint32_t)MPNIC_FW_BASE);
	return 0;
}

static int store(void *ctx, uint32_t addr, uint32_t word, uint8_t strobes)
{
	stores++;
	if (addr < HAL_RAM_SIZE) {
		for (unsigned int i = 0; i < 4; i++) {
			if (strobes >> i & 1)
				ram[addr + i] = (uint8_t)(word >> 8 * i);
		}
		return 0;
	}
	if (addr - (uint32_t)MPNIC_FW_BASE >= GATES_SIZE || strobes != 15)
		return -1;
	gates_write(ctx, addr - (uint32_t)MPNIC_FW_BASE, word);
	return 0;
}

static const struct rv32i_bus bus = {.ctx = &g, .fetch = fetch, .load = load, .store = store};

/* Runs until @done. Memory is what a power-up may leave. Returns false if that does not come. */
static bool run_core(bool (*done)(void))
{
	struct rv32i_retire retire;
	uint64_t left = FIRST_RUN;

	while (!done() && --left) {
		instructions += rv32i_step(&cpu, &bus, LINES, &retire);
		if (retire.trap && (retire.cause & RV32I_INTERRUPT)) {
			puts("core: an interrupt was taken");
			return false;
		}
	}
	return left;
}

static void power_up(void)
{
	uint32_t fill = STACK_FILL;

	for (size_t i = 0; i < sizeof(ram); i += 4)
		memcpy(ram + i, &fill, 4);
	rv32i_reset(&cpu, ROM_BASE);
}

static bool all_given(void)
{
	return host.step == host.steps && !g.admin_waits && !g.mailbox_waits;
}

/* ---- the same traffic ----------------------------------------------------------------------- */

static void run_native(void)
{
	unsigned int runs = 0;

	boot_start(&g.boot, &g.hal);
	while (!all_given()) {
		gates_poll(&g);
		if (g.runs != runs) {
			runs = g.runs;
			fw_start(&g.fw, &g.hal);
		}
	}
}

static bool same_traffic(unsigned int steps)
{
	uint32_t status[16];
	bool good;

	begin(steps, true);
	run_native();
	memcpy(status, host.status, sizeof(status));
	gates_free(&g);
	comparing = true;
	begin(steps, true);
	power_up();
	good = run_core(all_given) && !differs && trace_at == trace_count;
	if (good)
		printf("%zu accesses are the same, natively and on the core; %u commands, of which %u done\n",
		       trace_count, steps, status[0]);
	else
		printf("traffic differs at %zu of %zu accesses\n", trace_at, trace_count);
	g.trace = NULL;
	for (unsigned int i = 0; i <= MPNIC_STATUS_BUSY; i++) {
		/* There is no version that it does not speak but 0. */
		if (!status[i] && i != MPNIC_STATUS_VERSION && i != MPNIC_STATUS_BUSY &&
		    steps >= 2000) {
			printf("never answered: %s\n", mpnic_status_name(i));
			good = false;
		}
	}
	return good;
}

static uint32_t stack_left(void)
{
	const uint32_t fill = STACK_FILL;
	uint32_t at = HAL_FW_RAM - 4096;

	while (at < HAL_FW_RAM && !memcmp(ram + at, &fill, 4))
		at += 4;
	return at - (HAL_FW_RAM - 4096);
}

/* ---- death ---------------------------------------------------------------------------------- */

static bool mailbox_done(void)
{
	return !g.mailbox_waits;
}

static bool get_crash(struct mpnic_crash *crash)
{
	mailbox(MPNIC_MAILBOX_CRASH, 0, 0);
	if (!run_core(mailbox_done) || g.mailbox_result != sizeof(*crash))
		return false;
	memcpy(crash, g.mailbox, sizeof(*crash));
	return true;
}

static bool died(void)
{
	return g.status != MPNIC_FW_STATUS_RUNNING;
}

/* Whatever the instruction that it comes to next is, it becomes @insn. */
static bool crash_with(uint32_t insn, uint32_t cause)
{
	struct mpnic_crash crash;
	uint32_t pc, sp, x8;

	/* In the loop of main(), where it often is. */
	do {
		struct rv32i_retire retire;

		rv32i_step(&cpu, &bus, LINES, &retire);
	} while (cpu.asleep || cpu.pc >= HAL_FW_RAM);
	pc = cpu.pc;
	sp = cpu.x[2];
	x8 = cpu.x[8];
	memcpy(ram + pc, &insn, 4);
	if (!run_core(died) || g.status != MPNIC_FW_STATUS_CRASHED || g.watchdog ||
	    !get_crash(&crash))
		return false;
	if (crash.cause == cause && crash.pc == pc && crash.x[2] == sp && crash.x[8] == x8 &&
	    crash.status == MPNIC_FW_STATUS_CRASHED && crash.fw_version == FW_VERSION &&
	    crash.heartbeat == g.beat && !memcmp(crash.at_sp, ram + sp, 16))
		return true;
	printf("crash record: cause %u, pc 0x%x instead of 0x%x, sp 0x%x instead of 0x%x\n",
	       crash.cause, crash.pc, pc, crash.x[2], sp);
	return false;
}

static bool restart(void)
{
	gates_free(&g);
	begin(10, false);
	rv32i_reset(&cpu, ROM_BASE);
	return run_core(all_given);
}

static bool crashes(void)
{
	static const struct {
		const char *what;
		uint32_t insn, cause;
	} kinds[] = {
		{"illegal", 0x00000000, RV32I_ILLEGAL},
		{"breakpoint", 0x00100073, RV32I_BREAKPOINT},
		{"call", 0x00000073, RV32I_ECALL},
		{"load from 1", 0x00102083, RV32I_LOAD_MISALIGNED},
		{"load from nothing", 0xffc02083 /* -4(x0): behind the ROM */, RV32I_LOAD_FAULT},
		{"store to 2", 0x00102123, RV32I_STORE_MISALIGNED},
		{"jump by 2", 0x0020006f, RV32I_JUMP_MISALIGNED},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!restart() || !crash_with(kinds[i].insn, kinds[i].cause)) {
			printf("crash by %s: not as it should be\n", kinds[i].what);
			return false;
		}
	}
	printf("%zu kinds of crashes are recorded with the registers as they were\n",
	       sizeof(kinds) / sizeof(kinds[0]));
	return true;
}

/* The watchdog resets the core; its registers are what they were. */
static bool hang(void)
{
	struct mpnic_crash crash;
	uint32_t x[32];

	if (!restart())
		return false;
	memcpy(x, cpu.x, sizeof(x));
	rv32i_reset(&cpu, ROM_BASE);
	memcpy(cpu.x, x, sizeof(x));
	g.status = MPNIC_FW_STATUS_HUNG;
	if (!get_crash(&crash) || crash.status != MPNIC_FW_STATUS_HUNG ||
	    memcmp(crash.x, x, sizeof(x)) || memcmp(crash.at_sp, ram + x[2], sizeof(crash.at_sp)))
		return false;
	puts("a hang is recorded with the registers as they were");
	return true;
}

/* ---- what an insertion takes ---------------------------------------------------------------- */

static unsigned int to_add;

static void add_flows(struct gates *gates)
{
	struct mpnic_key key;
	struct mpnic_admin_flow flow;

	if (!host.started || gates->status != MPNIC_FW_STATUS_RUNNING) {
		turn(gates);
		return;
	}
	if (gates->admin_waits || !to_add)
		return;
	key = key_exact(0x0a000000 + to_add / 50, (uint16_t)to_add,
			0x0b000000 + (uint32_t)host.seed, 80);
	flow = flow_with(&key);
	gates->cmd = (struct mpnic_admin_cmd){.op = MPNIC_ADMIN_OP_FLOW_ADD};
	memcpy(gates->cmd.data, &flow, sizeof(flow));
	gates->admin_waits = true;
	to_add--;
}

static bool runs(void)
{
	return g.status == MPNIC_FW_STATUS_RUNNING;
}

static bool all_added(void)
{
	return !to_add && !g.admin_waits;
}

/* By fill: up to half, up to 95 %. The core takes three clocks an instruction, one more for an
 * access, and for shifts one by bit or so: what counts here is what it executes. */
static bool count_insertion(void)
{
	struct mpnic_state_config config;
	uint64_t before, before_accesses;

	commands_config(&config);
	config.flows = 8192;
	gates_free(&g);
	gates_init(&g, &config, 11);
	g.polled = add_flows;
	host = (struct host){.seed = 5};
	rv32i_reset(&cpu, ROM_BASE);
	if (!run_core(runs))
		return false;
	for (unsigned int part = 0; part < 2; part++) {
		const unsigned int count = part ? 8192 * 45 / 100 : 4096;

		to_add = count;
		before = instructions;
		before_accesses = loads + stores;
		if (!run_core(all_added) || g.cpl.status)
			return false;
		printf("insertion, table %s: %.0f instructions, of which %.0f loads and stores\n",
		       part ? "from 50 to 95 % full" : "up to 50 % full",
		       (double)(instructions - before) / count,
		       (double)(loads + stores - before_accesses) / count);
		if (!part)
			host.seed++;
	}
	return true;
}

/* ---- program -------------------------------------------------------------------------------- */

static size_t read_file(const char *name, uint8_t *to, size_t max)
{
	FILE *file = fopen(name, "rb");
	size_t size;

	if (!file) {
		perror(name);
		exit(1);
	}
	size = fread(to, 1, max, file);
	fclose(file);
	return size;
}

int main(int argc, char **argv)
{
	const unsigned int steps = argc > 3 ? (unsigned int)strtoul(argv[3], NULL, 0) : 2000;
	bool good;

	if (argc < 3) {
		fprintf(stderr, "usage: run_rv ROM IMAGE [ROUNDS]\n");
		return 2;
	}
	read_file(argv[1], rom, sizeof(rom));
	image_size = read_file(argv[2], image, sizeof(image));
	trace = calloc(TRACE_MAX, sizeof(*trace));
	if (!trace)
		return 1;
	good = same_traffic(steps);
	if (good)
		printf("%u bytes of the stack's 4096 were never used\n", stack_left());
	good = good && stack_left() >= 1024;
	good = good && crashes() && hang() && count_insertion();
	if (good && g.misused) {
		printf("%u accesses against the contract\n", g.misused);
		good = false;
	}
	free(trace);
	gates_free(&g);
	puts(good ? "firmware on the core: good" : "firmware on the core: NOT good");
	return !good;
}
