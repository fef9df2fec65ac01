/* SPDX-License-Identifier: BSD-3-Clause */
#include "pcapng.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SHB	 0x0a0d0d0au
#define BLOCK_IDB	 1u
#define BLOCK_EPB	 6u
#define ORDER_MAGIC	 0x1a2b3c4du
#define OPT_COMMENT	 1
#define OPT_SHB_USERAPPL 4
#define OPT_IF_NAME	 2
#define OPT_IF_TSRESOL	 9
#define OPT_MAX		 65535u
#define TSRESOL_NS	 9

struct pcapng {
	FILE *file;
	unsigned int ifaces;
};

static void put(struct pcapng *p, const void *data, size_t len)
{
	fwrite(data, 1, len, p->file); /* errors show in ferror() */
}

static void put16(struct pcapng *p, uint16_t v)
{
	put(p, &v, sizeof(v));
}

static void put32(struct pcapng *p, uint32_t v)
{
	put(p, &v, sizeof(v));
}

static uint32_t padded(size_t len)
{
	return (uint32_t)((len + 3) & ~(size_t)3);
}

static void put_padded(struct pcapng *p, const void *data, size_t len)
{
	static const uint8_t zero[4];

	put(p, data, len);
	put(p, zero, padded(len) - len);
}

static void put_option(struct pcapng *p, uint16_t code, const void *data, size_t len)
{
	put16(p, code);
	put16(p, (uint16_t)len);
	put_padded(p, data, len);
}

static int status(const struct pcapng *p)
{
	return ferror(p->file) ? -EIO : 0;
}

static void put_section(struct pcapng *p)
{
	static const char app[] = "mpnic-sim";
	uint32_t total = 28 + 4 + padded(sizeof(app) - 1) + 4;

	put32(p, BLOCK_SHB);
	put32(p, total);
	put32(p, ORDER_MAGIC);
	put16(p, 1);
	put16(p, 0);
	put32(p, 0xffffffff); /* section length not given */
	put32(p, 0xffffffff);
	put_option(p, OPT_SHB_USERAPPL, app, sizeof(app) - 1);
	put32(p, 0);
	put32(p, total);
}

int pcapng_open(const char *path, struct pcapng **pcapng)
{
	struct pcapng *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->file = fopen(path, "wb");
	if (!p->file) {
		int err = -errno;

		free(p);
		return err;
	}
	put_section(p);
	*pcapng = p;
	return status(p);
}

int pcapng_interface(struct pcapng *p, uint16_t link_type, uint32_t snaplen, const char *name)
{
	static const uint8_t tsresol = TSRESOL_NS;
	size_t name_len = strlen(name);
	uint32_t total = 20 + (name_len ? 4 + padded(name_len) : 0) + 8 + 4;

	put32(p, BLOCK_IDB);
	put32(p, total);
	put16(p, link_type);
	put16(p, 0);
	put32(p, snaplen);
	if (name_len)
		put_option(p, OPT_IF_NAME, name, name_len);
	put_option(p, OPT_IF_TSRESOL, &tsresol, sizeof(tsresol));
	put32(p, 0);
	put32(p, total);
	return status(p) ? -EIO : (int)p->ifaces++;
}

int pcapng_packet(struct pcapng *p, unsigned int iface, uint64_t time_ns, const uint8_t *data,
		  uint32_t len, uint32_t orig_len, const char *comment)
{
	size_t comment_len = strlen(comment);
	uint32_t total;

	if (comment_len > OPT_MAX)
		comment_len = OPT_MAX;
	total = 32 + padded(len);
	if (comment_len)
		total += 4 + padded(comment_len) + 4;
	put32(p, BLOCK_EPB);
	put32(p, total);
	put32(p, iface);
	put32(p, (uint32_t)(time_ns >> 32));
	put32(p, (uint32_t)time_ns);
	put32(p, len);
	put32(p, orig_len);
	put_padded(p, data, len);
	if (comment_len) {
		put_option(p, OPT_COMMENT, comment, comment_len);
		put32(p, 0);
	}
	put32(p, total);
	return status(p);
}

int pcapng_close(struct pcapng *p)
{
	int err;

	if (!p)
		return 0;
	err = status(p);
	if (fclose(p->file) && !err)
		err = -errno;
	free(p);
	return err;
}
