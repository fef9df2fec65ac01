/* SPDX-License-Identifier: BSD-3-Clause */
/* Boot: images in pieces, each reason to refuse one, crash records, what is left of the log. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "build.h"
#include "commands.h"

static struct gates g;

#define STATUS(name) MPNIC_STATUS_##name
#define FW(name)     MPNIC_FW_STATUS_##name
#define BOX(name)    MPNIC_MAILBOX_##name

static void setup(void)
{
	struct mpnic_state_config config;

	commands_config(&config);
	gates_init(&g, &config, 1);
}

static void teardown(void)
{
	cr_expect_eq(g.misused, 0, "%u accesses against the contract", g.misused);
	gates_free(&g);
}

TestSuite(boot, .init = setup, .fini = teardown);

/* ---- images --------------------------------------------------------------------------------- */

static uint8_t image[MPNIC_FW_IMAGE_MAX + 64];

/* Bit by bit, as IEEE 802.3 has it. */
static uint32_t naive_crc(const uint8_t *bytes, size_t len)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	return ~crc;
}

static struct mpnic_fw_header *header(void)
{
	return (struct mpnic_fw_header *)(void *)image;
}

static void seal(size_t size)
{
	header()->crc = 0;
	header()->crc = naive_crc(image, size);
}

/* A good one with @length bytes that mean nothing. */
static size_t make_image(uint32_t length)
{
	uint64_t seed = length;

	memset(image, 0, sizeof(image));
	*header() = (struct mpnic_fw_header){
		.magic = MPNIC_FW_IMAGE_MAGIC,
		.header_version = 1,
		.regs_major = MPNIC_REGS_MAJOR,
		.fw_version = 1 << 16 | 2,
		.length = length,
		.load = 64,
		.entry = 64,
		.name = "test",
	};
	for (size_t i = 0; i < length; i++)
		image[64 + i] = (uint8_t)(rnd(&seed) >> 24);
	seal(64 + length);
	return 64 + length;
}

static void load(size_t size, size_t piece)
{
	for (size_t at = 0; at < size; at += piece) {
		const size_t len = size - at < piece ? size - at : piece;

		memset(g.mailbox, 0xee, sizeof(g.mailbox));
		memcpy(g.mailbox, image + at, len);
		cr_assert_eq(gates_mailbox(&g, BOX(LOAD), (uint32_t)at, (uint32_t)len), STATUS(OK));
		cr_assert_eq(g.status, FW(LOADING));
	}
}

static void refuse(size_t size, uint32_t status)
{
	load(sizeof(struct mpnic_fw_header) < size ? size : sizeof(struct mpnic_fw_header), 2048);
	cr_assert_eq(gates_mailbox(&g, BOX(START), (uint32_t)size, 0),
		     status == FW(BAD_HARDWARE) ? STATUS(VERSION) : STATUS(INVALID));
	cr_assert_eq(g.status, status, "%s", mpnic_fw_status_name(g.status));
	cr_assert_eq(g.runs, 0);
}

Test(boot, an_image_runs)
{
	static const uint32_t lengths[] = {4, 8, 2048, 20000, MPNIC_FW_IMAGE_MAX - 64};
	static const size_t pieces[] = {2048, 4, 100, 13, 2047};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		const size_t size = make_image(lengths[i]);

		teardown();
		setup();
		load(size, pieces[i]);
		cr_assert_eq(gates_mailbox(&g, BOX(START), (uint32_t)size, 0), STATUS(OK));
		cr_assert_eq(g.runs, 1);
		cr_assert_eq(g.run_entry, 64);
		cr_assert_eq(memcmp(g.ram + 64, image + 64, lengths[i]), 0);
	}
}

/* It is moved to where it belongs, up or down, over itself. */
Test(boot, an_image_is_moved)
{
	static const uint32_t loads[] = {0, 4, 64, 68, 4096, HAL_FW_RAM - 40000};

	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		size_t size = make_image(40000);

		header()->load = loads[i];
		header()->entry = loads[i] + 39996;
		seal(size);
		teardown();
		setup();
		load(size, 2048);
		cr_assert_eq(gates_mailbox(&g, BOX(START), (uint32_t)size, 0), STATUS(OK));
		cr_assert_eq(g.run_entry, loads[i] + 39996);
		cr_assert_eq(memcmp(g.ram + loads[i], image + 64, 40000), 0);
	}
}

Test(boot, images_that_are_refused)
{
	const size_t size = 64 + 1000;

#define BAD(change, status)               \
	do {                              \
		make_image(1000);         \
		header()->change;         \
		seal(size);               \
		refuse(size, FW(status)); \
	} while (0)

	BAD(magic ^= 1, BAD_MAGIC);
	BAD(magic = 0, BAD_MAGIC);
	BAD(header_version = 0, BAD_HEADER);
	BAD(header_version = 2, BAD_HEADER);
	BAD(regs_major = MPNIC_REGS_MAJOR + 1, BAD_HARDWARE);
	BAD(regs_major = 0, BAD_HARDWARE);
	BAD(length = 996, BAD_HEADER);
	BAD(length = 1004, BAD_HEADER);
	BAD(length = 0, BAD_HEADER);
	BAD(length = 0xfffffff0, BAD_HEADER);
	BAD(reserved[3] = 1, BAD_HEADER);
	BAD(load = HAL_FW_RAM - 996, BAD_HEADER);
	BAD(load = HAL_FW_RAM, BAD_HEADER);
	BAD(load = 0xfffffffc, BAD_HEADER);
	BAD(load = 0xfffffc18, BAD_HEADER);
	BAD(load = 66, BAD_HEADER);
	BAD(entry = 60, BAD_HEADER);
	BAD(entry = 65, BAD_HEADER);
	BAD(entry = 1064, BAD_HEADER);
	BAD(entry = 0xfffffffc, BAD_HEADER);
	make_image(1000);
	refuse(63, FW(BAD_HEADER));
	refuse(0, FW(BAD_HEADER));
	cr_assert_eq(gates_mailbox(&g, BOX(START), 0xffffffff, 0), STATUS(INVALID));
	cr_assert_eq(gates_mailbox(&g, BOX(START), MPNIC_FW_IMAGE_MAX + 4, 0), STATUS(INVALID));
	cr_assert_eq(g.status, FW(BAD_HEADER));
	/* And then a good one. */
	make_image(1000);
	load(size, 2048);
	cr_assert_eq(gates_mailbox(&g, BOX(START), size, 0), STATUS(OK));
	cr_assert_eq(g.runs, 1);
}

/* Each bit of an image is in its checksum, or is looked at. */
Test(boot, every_bit_counts)
{
	const size_t size = make_image(100);

	for (size_t bit = 0; bit < 8 * size; bit++) {
		image[bit / 8] ^= (uint8_t)(1 << bit % 8);
		load(size, 2048);
		cr_assert_neq(gates_mailbox(&g, BOX(START), (uint32_t)size, 0), STATUS(OK),
			      "bit %zu", bit);
		image[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	cr_assert_eq(g.runs, 0);
}

Test(boot, pieces_that_do_not_fit)
{
	static const uint32_t args[][2] = {
		{0, 2049},
		{0, 0xffffffff},
		{MPNIC_FW_IMAGE_MAX, 1},
		{MPNIC_FW_IMAGE_MAX - 3, 4},
		{0xffffffff, 1},
		{0xfffff800, 2048},
		{0x80000000, 0x80000000},
	};

	memset(g.ram, 0x77, sizeof(g.ram));
	for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++)
		cr_assert_eq(gates_mailbox(&g, BOX(LOAD), args[i][0], args[i][1]), STATUS(RANGE));
	for (size_t i = 0; i < sizeof(g.ram); i++)
		cr_assert_eq(g.ram[i], 0x77);
	cr_assert_eq(g.status, FW(NONE));
	cr_assert_eq(gates_mailbox(&g, BOX(LOAD), MPNIC_FW_IMAGE_MAX, 0), STATUS(OK));
}

/* The image that is built for the core. */
Test(boot, the_built_image_is_good)
{
	FILE *file = fopen(FW_IMAGE, "rb");
	size_t size;

	cr_assert(file, "%s", FW_IMAGE);
	size = fread(image, 1, sizeof(image), file);
	fclose(file);
	cr_assert_leq(size, MPNIC_FW_IMAGE_MAX);
	load(size, 2048);
	cr_assert_eq(gates_mailbox(&g, BOX(START), (uint32_t)size, 0), STATUS(OK), "%s",
		     mpnic_fw_status_name(g.status));
	cr_assert_eq(header()->fw_version, FW_VERSION);
	cr_assert_str_eq((const char *)header()->name, FW_NAME);
	image[size - 1] ^= 1;
	teardown();
	setup();
	refuse(size, FW(BAD_CHECKSUM));
}

/* ---- the rest of the mailbox ---------------------------------------------------------------- */

Test(boot, commands)
{
	cr_assert_eq(gates_mailbox(&g, BOX(NOP), 0, 0), STATUS(OK));
	cr_assert_eq(gates_mailbox(&g, BOX(LOG) + 1, 0, 0), STATUS(UNKNOWN));
	cr_assert_eq(gates_mailbox(&g, 0xffffffff, 0, 0), STATUS(UNKNOWN));
	cr_assert_eq(gates_mailbox(&g, BOX(CRASH), 0, 0), STATUS(OK));
	cr_assert_eq(g.mailbox_result, 0);
	cr_assert_eq(gates_mailbox(&g, BOX(LOG), 5, 0), STATUS(OK));
	cr_assert_eq(g.mailbox_result, 0);
	cr_assert_eq(g.mailbox_arg[0], 0);
	cr_assert_eq(g.status, FW(NONE));
}

/* While firmware runs it serves the mailbox; an image is for after a reset. */
Test(boot, beside_firmware)
{
	gates_start(&g);
	cr_assert_eq(gates_mailbox(&g, BOX(NOP), 0, 0), STATUS(OK));
	cr_assert_eq(gates_mailbox(&g, BOX(LOAD), 0, 4), STATUS(BUSY));
	cr_assert_eq(gates_mailbox(&g, BOX(START), 64, 0), STATUS(BUSY));
	cr_assert_eq(gates_mailbox(&g, 77, 0, 0), STATUS(UNKNOWN));
	cr_assert_eq(gates_mailbox(&g, BOX(CRASH), 0, 0), STATUS(OK));
	cr_assert_eq(g.mailbox_result, 0);
	cr_assert_eq(gates_mailbox(&g, BOX(LOG), 3, 0), STATUS(OK));
	cr_assert_eq(g.mailbox_arg[0], 3);
	cr_assert_eq(g.mailbox_result, g.log_end - 3);
	cr_assert_eq(memcmp(g.mailbox, g.log + 3, g.mailbox_result), 0);
	cr_assert_eq(g.status, FW(RUNNING));
}

Test(boot, the_log_in_pieces)
{
	for (uint32_t i = 0; i < GATES_LOG + 1000; i++)
		gates_write(&g, MPNIC_FW_LOG, 'a' + i % 26);
	cr_assert_eq(gates_mailbox(&g, BOX(LOG), 10, 0), STATUS(OK));
	cr_assert_eq(g.mailbox_arg[0], 1000);
	cr_assert_eq(g.mailbox_result, 2048);
	for (uint32_t i = 0; i < 2048; i++)
		cr_assert_eq(g.mailbox[i], 'a' + (1000 + i) % 26);
	cr_assert_eq(gates_mailbox(&g, BOX(LOG), GATES_LOG + 995, 0), STATUS(OK));
	cr_assert_eq(g.mailbox_result, 5);
	cr_assert_eq(gates_mailbox(&g, BOX(LOG), 0xffffffff, 0), STATUS(OK));
	cr_assert_eq(g.mailbox_result, 0);
	cr_assert_eq(g.mailbox_arg[0], GATES_LOG + 1000);
}

/* ---- death ---------------------------------------------------------------------------------- */

Test(boot, a_crash_is_kept)
{
	struct mpnic_crash crash = {
		.cause = 2, .pc = 0x1234, .value = 0xffffffff, .x = {[2] = 0xeff0}};
	struct mpnic_crash got;

	gates_start(&g);
	gates_pass(&g, 250000000);
	boot_crashed(&g.boot, &crash);
	cr_assert_eq(g.status, FW(CRASHED));
	cr_assert_eq(g.watchdog, 0);
	cr_assert_eq(gates_mailbox(&g, BOX(CRASH), 0, 0), STATUS(OK));
	cr_assert_eq(g.mailbox_result, sizeof(got));
	memcpy(&got, g.mailbox, sizeof(got));
	cr_assert_eq(got.status, FW(CRASHED));
	cr_assert_eq(got.cause, 2);
	cr_assert_eq(got.pc, 0x1234);
	cr_assert_eq(got.value, 0xffffffff);
	cr_assert_eq(got.x[2], 0xeff0);
	cr_assert_eq(got.fw_version, FW_VERSION);
	cr_assert_eq(got.heartbeat, g.beat);
	cr_assert_gt(got.heartbeat, 1);
	cr_assert_gt(got.time_ns, 250000000);
	/* The log outlives it; an image is for after a reset. */
	cr_assert_eq(gates_mailbox(&g, BOX(LOG), 0, 0), STATUS(OK));
	cr_assert_gt(g.mailbox_result, 20);
	cr_assert_eq(gates_mailbox(&g, BOX(LOAD), 0, 4), STATUS(BUSY));
	cr_assert_eq(gates_mailbox(&g, BOX(START), 64, 0), STATUS(BUSY));
	cr_assert_eq(g.status, FW(CRASHED));
	/* A reset makes it new. */
	g.status = FW(NONE);
	boot_start(&g.boot, &g.hal);
	g.runs = 0;
	cr_assert_eq(gates_mailbox(&g, BOX(CRASH), 0, 0), STATUS(OK));
	cr_assert_eq(g.mailbox_result, 0);
	cr_assert_eq(gates_mailbox(&g, BOX(LOAD), 0, 4), STATUS(OK));
}

/* The watchdog starts the core anew: STATUS tells boot why. */
Test(boot, a_hang_is_told)
{
	struct mpnic_crash got;

	gates_start(&g);
	gates_pass(&g, 150000000);
	g.now += 2000000000;
	cr_assert_lt(g.watchdog, g.now);
	g.status = FW(HUNG);
	boot_start(&g.boot, &g.hal);
	cr_assert_eq(gates_mailbox(&g, BOX(CRASH), 0, 0), STATUS(OK));
	memcpy(&got, g.mailbox, sizeof(got));
	cr_assert_eq(got.status, FW(HUNG));
	cr_assert_eq(got.heartbeat, g.beat);
	cr_assert_eq(g.status, FW(HUNG));
	cr_assert_eq(gates_mailbox(&g, BOX(START), 64, 0), STATUS(BUSY));
}
