/* SPDX-License-Identifier: BSD-3-Clause */
/* The mailbox, before firmware and behind it. The host may be hostile. */
#include "boot.h"
#include "util.h"

enum {
	HEADER_VERSION = 1,
	HEADER_SIZE = sizeof(struct mpnic_fw_header),
	AT_SP_WORDS = sizeof(((struct mpnic_crash *)0)->at_sp) / 4,
};

/* ---- commands that need no boot ------------------------------------------------------------- */

static void done(const struct hal *hal, uint32_t status)
{
	hal_write(hal, MPNIC_FW_MAILBOX_DONE, status);
}

static void send_crash(const struct hal *hal, const struct mpnic_crash *crash)
{
	if (crash)
		hal_write_words(hal, MPNIC_FW_MAILBOX, crash, sizeof(*crash) / 4);
	hal_write(hal, MPNIC_FW_MAILBOX_RESULT, crash ? sizeof(*crash) : 0);
	done(hal, MPNIC_STATUS_OK);
}

static void send_log(const struct hal *hal)
{
	const uint32_t oldest = hal_read(hal, MPNIC_FW_LOG_FIRST);
	const uint32_t end = hal_read(hal, MPNIC_FW_LOG_END);
	uint32_t first = hal_read(hal, MPNIC_FW_MAILBOX_ARG0), count, i, word = 0;

	first = first < oldest ? oldest : min_u32(first, end);
	count = min_u32(end - first, MPNIC_MAILBOX_WINDOW);
	hal_write(hal, MPNIC_FW_LOG_SELECT, first);
	for (i = 0; i < count; i++) {
		word |= (hal_read(hal, MPNIC_FW_LOG_BYTE) & 0xff) << i % 4 * 8;
		if (i % 4 != 3 && i + 1 != count)
			continue;
		hal_write(hal, MPNIC_FW_MAILBOX + i / 4 * 4, word);
		word = 0;
	}
	hal_write(hal, MPNIC_FW_MAILBOX_ARG0, first);
	hal_write(hal, MPNIC_FW_MAILBOX_RESULT, count);
	done(hal, MPNIC_STATUS_OK);
}

void boot_mailbox(const struct hal *hal, const struct mpnic_crash *crash)
{
	switch (hal_read(hal, MPNIC_FW_MAILBOX_COMMAND)) {
	case MPNIC_MAILBOX_NOP:
		done(hal, MPNIC_STATUS_OK);
		return;
	case MPNIC_MAILBOX_CRASH:
		send_crash(hal, crash);
		return;
	case MPNIC_MAILBOX_LOG:
		send_log(hal);
		return;
	case MPNIC_MAILBOX_LOAD:
	case MPNIC_MAILBOX_START:
		done(hal, MPNIC_STATUS_BUSY);
		return;
	default:
		done(hal, MPNIC_STATUS_UNKNOWN);
	}
}

/* ---- images --------------------------------------------------------------------------------- */

/* IEEE 802.3, by bytes. Goes on from @crc, which begins as ~0. */
static uint32_t crc32(const uint32_t table[256], uint32_t crc, const uint8_t *bytes, uint32_t len)
{
	for (; len--; bytes++)
		crc = crc >> 8 ^ table[(crc ^ *bytes) & 255];
	return crc;
}

static void crc_table(uint32_t table[256])
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (unsigned int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xedb88320 & -(crc & 1));
		table[i] = crc;
	}
}

static uint32_t image_crc(const uint8_t *image, const struct mpnic_fw_header *header)
{
	struct mpnic_fw_header h = *header;
	uint32_t table[256], crc;

	h.crc = 0;
	crc_table(table);
	crc = crc32(table, ~0u, (const uint8_t *)&h, sizeof(h));
	return ~crc32(table, crc, image + sizeof(h), header->length);
}

/* @size: what the host says that it wrote. */
static enum mpnic_fw_status_code check(const uint8_t *image, uint32_t size,
				       struct mpnic_fw_header *h)
{
	if (size < HEADER_SIZE || size > MPNIC_FW_IMAGE_MAX)
		return MPNIC_FW_STATUS_BAD_HEADER;
	memcpy(h, image, sizeof(*h));
	if (h->magic != MPNIC_FW_IMAGE_MAGIC)
		return MPNIC_FW_STATUS_BAD_MAGIC;
	if (h->header_version != HEADER_VERSION)
		return MPNIC_FW_STATUS_BAD_HEADER;
	if (h->regs_major != MPNIC_REGS_MAJOR)
		return MPNIC_FW_STATUS_BAD_HARDWARE;
	if (!h->length || h->length % 4 || h->length != size - HEADER_SIZE ||
	    !all_zero(h->reserved, sizeof(h->reserved)))
		return MPNIC_FW_STATUS_BAD_HEADER;
	if (h->load % 4 || h->load > HAL_FW_RAM - h->length || h->entry % 4 || h->entry < h->load ||
	    h->entry >= h->load + h->length)
		return MPNIC_FW_STATUS_BAD_HEADER;
	if (image_crc(image, h) != h->crc)
		return MPNIC_FW_STATUS_BAD_CHECKSUM;
	return MPNIC_FW_STATUS_RUNNING;
}

/* The image is gathered at address 0, from where its body goes to where it belongs. */
static void load(struct boot *boot)
{
	const struct hal *hal = boot->hal;
	const uint32_t at = hal_read(hal, MPNIC_FW_MAILBOX_ARG0);
	const uint32_t len = hal_read(hal, MPNIC_FW_MAILBOX_ARG1);
	uint8_t *ram = hal_ram(hal);
	const uint32_t words = at % 4 ? 0 : len / 4;
	uint32_t i, word = 0;

	if (len > MPNIC_MAILBOX_WINDOW || at > MPNIC_FW_IMAGE_MAX - len) {
		done(hal, MPNIC_STATUS_RANGE);
		return;
	}
	hal_write(hal, MPNIC_FW_STATUS, MPNIC_FW_STATUS_LOADING);
	hal_read_words(hal, MPNIC_FW_MAILBOX, ram + at, words);
	for (i = 4 * words; i < len; i++) {
		if (!(i % 4))
			word = hal_read(hal, MPNIC_FW_MAILBOX + i);
		ram[at + i] = (uint8_t)(word >> i % 4 * 8);
	}
	done(hal, MPNIC_STATUS_OK);
}

static void start(struct boot *boot)
{
	const struct hal *hal = boot->hal;
	uint8_t *ram = hal_ram(hal);
	struct mpnic_fw_header header;
	const enum mpnic_fw_status_code status =
		check(ram, hal_read(hal, MPNIC_FW_MAILBOX_ARG0), &header);

	if (status != MPNIC_FW_STATUS_RUNNING) {
		hal_write(hal, MPNIC_FW_STATUS, status);
		done(hal, status == MPNIC_FW_STATUS_BAD_HARDWARE ? MPNIC_STATUS_VERSION
								 : MPNIC_STATUS_INVALID);
		return;
	}
	memmove(ram + header.load, ram + HEADER_SIZE, header.length);
	done(hal, MPNIC_STATUS_OK);
	hal_run(hal, header.entry);
}

/* ---- what happens --------------------------------------------------------------------------- */

static void die(struct boot *boot, enum mpnic_fw_status_code status)
{
	boot->dead = true;
	boot->crash.status = status;
	boot->crash.time_ns = hal_read64(boot->hal, MPNIC_FW_TIME);
	boot->crash.fw_version = hal_read(boot->hal, MPNIC_FW_VERSION);
	boot->crash.heartbeat = hal_read(boot->hal, MPNIC_FW_BEAT);
	hal_write(boot->hal, MPNIC_FW_WATCHDOG, 0);
	hal_write(boot->hal, MPNIC_FW_STATUS, status);
}

void boot_start(struct boot *boot, const struct hal *hal)
{
	memset(boot, 0, sizeof(*boot));
	boot->hal = hal;
	if (hal_read(hal, MPNIC_FW_STATUS) == MPNIC_FW_STATUS_HUNG)
		die(boot, MPNIC_FW_STATUS_HUNG);
}

void boot_crashed(struct boot *boot, const struct mpnic_crash *crash)
{
	boot->crash = *crash;
	die(boot, MPNIC_FW_STATUS_CRASHED);
}

bool boot_poll(struct boot *boot)
{
	const struct hal *hal = boot->hal;
	uint32_t command;

	if (!(hal_read(hal, MPNIC_FW_PENDING) & MPNIC_FW_PENDING_MAILBOX))
		return false;
	command = hal_read(hal, MPNIC_FW_MAILBOX_COMMAND);
	if (!boot->dead && command == MPNIC_MAILBOX_LOAD)
		load(boot);
	else if (!boot->dead && command == MPNIC_MAILBOX_START)
		start(boot);
	else
		boot_mailbox(hal, boot->dead ? &boot->crash : NULL);
	return true;
}
