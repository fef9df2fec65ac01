/* SPDX-License-Identifier: BSD-3-Clause */
/* The table port: a command at a time. While gates are at it firmware goes on, until it needs the
 * windows again. */
#include "internal.h"

enum {
	CMD_DATA = MPNIC_FW_TABLE_CMD + offsetof(struct mpnic_table_cmd, data),
};

/* Most take a few clocks; HASH_KEY and RULE_LOAD thousands. Gates that never answer are for the
 * watchdog. */
void fw_settle(const struct fw *fw)
{
	while (hal_read(fw->hal, MPNIC_FW_TABLE_GO))
		;
}

static void go(const struct fw *fw, uint8_t op, uint8_t which, uint32_t id)
{
	hal_write(fw->hal, MPNIC_FW_TABLE_CMD, (uint32_t)(op | which << 8));
	hal_write(fw->hal, MPNIC_FW_TABLE_CMD + offsetof(struct mpnic_table_cmd, id), id);
	hal_write(fw->hal, MPNIC_FW_TABLE_GO, 1);
}

void fw_command(const struct fw *fw, uint8_t op, uint8_t which, uint32_t id)
{
	fw_settle(fw);
	go(fw, op, which, id);
}

void fw_command_data(const struct fw *fw, uint8_t op, uint8_t which, uint32_t id, const void *data,
		     size_t len)
{
	fw_settle(fw);
	hal_write_words(fw->hal, CMD_DATA, data, (unsigned int)(len / 4));
	go(fw, op, which, id);
}

void fw_answer(const struct fw *fw, void *to, size_t len)
{
	fw_settle(fw);
	hal_read_words(fw->hal, MPNIC_FW_TABLE_RSP, to, (unsigned int)(len / 4));
}
