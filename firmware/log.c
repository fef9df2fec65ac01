/* SPDX-License-Identifier: BSD-3-Clause */
/* The log: lines of text, "[ms since power] level: text", which gates keep. */
#include "internal.h"

static void put(const struct fw *fw, char c)
{
	hal_write(fw->hal, MPNIC_FW_LOG, (uint8_t)c);
}

static void put_text(const struct fw *fw, const char *text)
{
	while (*text)
		put(fw, *text++);
}

/* Without division, which the core does not have. */
static void put_number(const struct fw *fw, uint32_t number)
{
	static const uint32_t tens[] = {1000000000, 100000000, 10000000, 1000000, 100000,
					10000,	    1000,      100,	 10};
	bool some = false;
	unsigned int i;

	for (i = 0; i < sizeof(tens) / sizeof(tens[0]); i++) {
		char digit = '0';

		for (; number >= tens[i]; digit++)
			number -= tens[i];
		some |= digit != '0';
		if (some)
			put(fw, digit);
	}
	put(fw, (char)('0' + number));
}

/* Time in units of last_seen, which are milliseconds but for 5 %: "1.05ms" no reader wants. */
static void begin(const struct fw *fw, enum fw_level level, const char *text)
{
	static const char *const names[] = {"error", "warn", "info"};

	put(fw, '[');
	put_number(fw, fw_tick(fw));
	put_text(fw, "] ");
	put_text(fw, names[level]);
	put_text(fw, ": ");
	put_text(fw, text);
}

void fw_log(const struct fw *fw, enum fw_level level, const char *text)
{
	begin(fw, level, text);
	put(fw, '\n');
}

void fw_log_number(const struct fw *fw, enum fw_level level, const char *text, uint32_t number)
{
	begin(fw, level, text);
	put_number(fw, number);
	put(fw, '\n');
}

void fw_log_bytes(const struct fw *fw, enum fw_level level, const char *text, const uint8_t *bytes,
		  size_t len)
{
	begin(fw, level, text);
	for (; len && *bytes; len--, bytes++)
		put(fw, *bytes < ' ' || *bytes > '~' ? '?' : (char)*bytes);
	put(fw, '\n');
}
