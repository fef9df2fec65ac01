/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PCAP_MAGIC_US	     0xa1b2c3d4u
#define PCAP_MAGIC_NS	     0xa1b23c4du
#define PCAP_MAGIC_KUZNETZOV 0xa1b2cd34u
#define PCAP_HEADER_LEN	     24
#define PCAP_RECORD_LEN	     16

#define NG_BLOCK_SHB	   0x0a0d0d0au
#define NG_BLOCK_IDB	   1u
#define NG_BLOCK_PB	   2u /* obsolete, still met */
#define NG_BLOCK_SPB	   3u
#define NG_BLOCK_EPB	   6u
#define NG_ORDER_MAGIC	   0x1a2b3c4du
#define NG_BLOCK_MIN	   12u
#define NG_OPT_END	   0
#define NG_OPT_IF_NAME	   2
#define NG_OPT_IF_TSRESOL  9
#define NG_OPT_IF_TSOFFSET 14
#define NG_TSRESOL_US	   6

#define NS_PER_S 1000000000u

struct capture {
	FILE *file;
	bool ng, swapped, nano, failed;
	uint64_t position; /* bytes read */
	uint64_t frames;
	unsigned int sections;
	unsigned int section_ifaces; /* index of the section's first interface */
	unsigned int ifaces;
	struct capture_iface iface[CAPTURE_IFACE_MAX];
	uint64_t error_offset;
	char error[192];
	uint8_t *buf; /* one block or packet */
	size_t buf_size;
};

static int fail(struct capture *c, int err, uint64_t offset, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int fail(struct capture *c, int err, uint64_t offset, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(c->error, sizeof(c->error), fmt, args);
	va_end(args);
	c->error_offset = offset;
	c->failed = true;
	return err;
}

static uint16_t get16(const struct capture *c, const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return c->swapped ? __builtin_bswap16(v) : v;
}

static uint32_t get32(const struct capture *c, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return c->swapped ? __builtin_bswap32(v) : v;
}

static uint64_t get64(const struct capture *c, const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return c->swapped ? __builtin_bswap64(v) : v;
}

/* Bytes read, fewer than asked only at the end of the file; -EIO. */
static ssize_t take(struct capture *c, void *to, size_t len)
{
	size_t got = fread(to, 1, len, c->file);

	c->position += got;
	if (got < len && ferror(c->file))
		return fail(c, -EIO, c->position, "read error: %s", strerror(errno));
	return (ssize_t)got;
}

/* Read len bytes that must be there, as part of what began at `start`. */
static int need(struct capture *c, void *to, size_t len, uint64_t start, const char *of)
{
	ssize_t got = take(c, to, len);

	if (got < 0)
		return (int)got;
	if ((size_t)got < len)
		return fail(c, -EBADMSG, start, "the file ends inside %s: %zu of %zu bytes missing",
			    of, len - (size_t)got, len);
	return 0;
}

/* The buffer grows with what a file really holds, so that a lying length costs nothing. */
static int need_buf(struct capture *c, size_t len, uint64_t start, const char *of)
{
	size_t have = 0;

	while (have < len) {
		size_t step = len - have < 65536 ? len - have : 65536;
		int err;

		if (have + step > c->buf_size) {
			size_t size = c->buf_size ? c->buf_size * 2 : 65536;
			uint8_t *buf = realloc(c->buf, size);

			if (!buf)
				return fail(c, -ENOMEM, start, "out of memory");
			c->buf = buf;
			c->buf_size = size;
		}
		err = need(c, c->buf + have, step, start, of);
		if (err)
			return err;
		have += step;
	}
	return 0;
}

static struct capture_iface *add_iface(struct capture *c)
{
	struct capture_iface *iface;

	if (c->ifaces == CAPTURE_IFACE_MAX)
		return NULL;
	iface = &c->iface[c->ifaces];
	memset(iface, 0, sizeof(*iface));
	iface->index = c->ifaces;
	iface->section = c->sections ? c->sections - 1 : 0;
	iface->id = c->ifaces - c->section_ifaces;
	iface->tsresol = NG_TSRESOL_US;
	c->ifaces++;
	return iface;
}

static int set_lengths(struct capture *c, struct capture_frame *frame, uint32_t len,
		       uint32_t orig_len, const uint8_t *data)
{
	frame->data = data;
	frame->len = len;
	frame->len_lie = orig_len < len;
	frame->orig_len = orig_len < len ? len : orig_len;
	frame->number = ++c->frames;
	return 1;
}

/* ---- pcap ---------------------------------------------------------------------------------- */

static int open_pcap(struct capture *c, const uint8_t magic[4])
{
	uint8_t h[PCAP_HEADER_LEN];
	struct capture_iface *iface;
	unsigned int major, minor;
	int err;

	memcpy(h, magic, 4);
	err = need(c, h + 4, sizeof(h) - 4, 0, "the file header");
	if (err)
		return err;
	major = get16(c, h + 4);
	minor = get16(c, h + 6);
	if (major != 2 || minor != 4)
		return fail(c, -EBADMSG, 4, "pcap version %u.%u; only 2.4 is read", major, minor);
	iface = add_iface(c);
	iface->snaplen = get32(c, h + 16);
	iface->link_type = get32(c, h + 20) & 0xffff; /* above: FCS length, reserved bits */
	return 0;
}

static int next_pcap(struct capture *c, struct capture_frame *frame)
{
	uint64_t start = c->position;
	uint8_t h[PCAP_RECORD_LEN];
	ssize_t got = take(c, h, sizeof(h));
	uint32_t len;
	int err;

	if (got <= 0)
		return (int)got;
	if ((size_t)got < sizeof(h))
		return fail(c, -EBADMSG, start, "the file ends inside a packet header");
	len = get32(c, h + 8);
	if (len > CAPTURE_FRAME_MAX)
		return fail(c, -EBADMSG, start, "a packet of %u bytes; the limit is %u", len,
			    CAPTURE_FRAME_MAX);
	err = need_buf(c, len, start, "a packet");
	if (err)
		return err;
	frame->iface = &c->iface[0];
	frame->offset = start;
	frame->time_ns =
		(uint64_t)get32(c, h) * NS_PER_S + (uint64_t)get32(c, h + 4) * (c->nano ? 1 : 1000);
	return set_lengths(c, frame, len, get32(c, h + 12), c->buf);
}

/* ---- pcapng -------------------------------------------------------------------------------- */

/* Units of 10^-n or 2^-n seconds to nanoseconds. */
static uint64_t to_ns(const struct capture_iface *iface, uint64_t units)
{
	unsigned int exp = iface->tsresol & 0x7f;
	unsigned __int128 t = units;
	uint64_t ns;

	if (iface->tsresol & 0x80) {
		ns = exp < 64 ? (uint64_t)(t * NS_PER_S >> exp) : 0;
	} else {
		for (; exp < 9; exp++)
			t *= 10;
		for (; exp > 9 && t; exp--)
			t /= 10;
		ns = (uint64_t)t;
	}
	return ns + (uint64_t)iface->tsoffset * NS_PER_S;
}

static void set_name(struct capture_iface *iface, const uint8_t *p, size_t len)
{
	size_t i, n = len < sizeof(iface->name) - 1 ? len : sizeof(iface->name) - 1;

	for (i = 0; i < n && p[i]; i++)
		iface->name[i] = p[i] >= 0x20 && p[i] < 0x7f ? (char)p[i] : '?';
	iface->name[i] = '\0';
}

static int idb_options(struct capture *c, struct capture_iface *iface, const uint8_t *p, size_t len,
		       uint64_t start)
{
	while (len >= 4) {
		unsigned int code = get16(c, p), opt_len = get16(c, p + 2);
		size_t padded = 4 + ((opt_len + 3u) & ~3u);

		if (code == NG_OPT_END)
			return 0;
		if (padded > len)
			return fail(c, -EBADMSG, start,
				    "an interface option (code %u, %u bytes) runs past its block",
				    code, opt_len);
		if (code == NG_OPT_IF_NAME)
			set_name(iface, p + 4, opt_len);
		else if (code == NG_OPT_IF_TSRESOL && opt_len == 1)
			iface->tsresol = p[4];
		else if (code == NG_OPT_IF_TSOFFSET && opt_len == 8)
			iface->tsoffset = (int64_t)get64(c, p + 4);
		p += padded;
		len -= padded;
	}
	return 0;
}

static int block_idb(struct capture *c, size_t len, uint64_t start)
{
	struct capture_iface *iface;

	if (len < 8)
		return fail(c, -EBADMSG, start, "an interface block of %zu bytes is too short",
			    len);
	iface = add_iface(c);
	if (!iface)
		return fail(c, -EBADMSG, start, "more than %u interfaces", CAPTURE_IFACE_MAX);
	iface->link_type = get16(c, c->buf);
	iface->snaplen = get32(c, c->buf + 4);
	return idb_options(c, iface, c->buf + 8, len - 8, start);
}

static int find_iface(struct capture *c, uint32_t id, uint64_t start,
		      const struct capture_iface **iface)
{
	if (id >= c->ifaces - c->section_ifaces)
		return fail(c, -EBADMSG, start,
			    "a packet of interface %u, but its section has %u interfaces", id,
			    c->ifaces - c->section_ifaces);
	*iface = &c->iface[c->section_ifaces + id];
	return 0;
}

/* Enhanced and obsolete packet blocks differ in their first 4 bytes only. */
static int block_packet(struct capture *c, size_t len, uint64_t start, bool obsolete,
			struct capture_frame *frame)
{
	const uint8_t *b = c->buf;
	uint32_t cap_len;
	int err;

	if (len < 20)
		return fail(c, -EBADMSG, start, "a packet block of %zu bytes is too short", len);
	err = find_iface(c, obsolete ? get16(c, b) : get32(c, b), start, &frame->iface);
	if (err)
		return err;
	cap_len = get32(c, b + 12);
	if (cap_len > len - 20)
		return fail(c, -EBADMSG, start,
			    "a packet of %u bytes in a block that has room for %zu", cap_len,
			    len - 20);
	if (cap_len > CAPTURE_FRAME_MAX)
		return fail(c, -EBADMSG, start, "a packet of %u bytes; the limit is %u", cap_len,
			    CAPTURE_FRAME_MAX);
	frame->offset = start;
	frame->time_ns = to_ns(frame->iface, (uint64_t)get32(c, b + 4) << 32 | get32(c, b + 8));
	return set_lengths(c, frame, cap_len, get32(c, b + 16), b + 20);
}

/* A simple packet block has neither interface nor time; its length is the smaller of the original
 * length and the first interface's snap length. */
static int block_simple(struct capture *c, size_t len, uint64_t start, struct capture_frame *frame)
{
	uint32_t orig_len, cap_len;
	int err;

	if (len < 4)
		return fail(c, -EBADMSG, start, "a packet block of %zu bytes is too short", len);
	err = find_iface(c, 0, start, &frame->iface);
	if (err)
		return err;
	orig_len = get32(c, c->buf);
	cap_len = orig_len;
	if (frame->iface->snaplen && cap_len > frame->iface->snaplen)
		cap_len = frame->iface->snaplen;
	if (cap_len > len - 4 || cap_len > CAPTURE_FRAME_MAX)
		return fail(c, -EBADMSG, start,
			    "a packet of %u bytes in a block that has room for %zu", cap_len,
			    len - 4);
	frame->offset = start;
	frame->time_ns = 0;
	return set_lengths(c, frame, cap_len, orig_len, c->buf + 4);
}

static int set_order(struct capture *c, const uint8_t magic[4], uint64_t start)
{
	c->swapped = false;
	if (get32(c, magic) == NG_ORDER_MAGIC)
		return 0;
	c->swapped = true;
	if (get32(c, magic) == NG_ORDER_MAGIC)
		return 0;
	return fail(c, -EBADMSG, start, "a section without a byte-order magic");
}

/* Read the block whose type word is in `type`; its body (without the two lengths) comes to buf. */
static int read_block(struct capture *c, const uint8_t type[4], uint64_t start, uint32_t *code,
		      size_t *body)
{
	uint32_t total, trailer;
	uint8_t h[8];
	int err;

	err = need(c, h, 4, start, "a block header");
	if (err)
		return err;
	*code = get32(c, type);
	if (*code == NG_BLOCK_SHB) { /* reads alike in both orders; the section has its own */
		err = need(c, h + 4, 4, start, "a section header");
		if (err)
			return err;
		err = set_order(c, h + 4, start);
		if (err)
			return err;
	}
	total = get32(c, h);
	if (total < NG_BLOCK_MIN || total % 4 || total > CAPTURE_BLOCK_MAX)
		return fail(c, -EBADMSG, start,
			    "a block of %u bytes; lengths are multiples of 4 from 12 to %u", total,
			    CAPTURE_BLOCK_MAX);
	*body = total - NG_BLOCK_MIN;
	if (*code == NG_BLOCK_SHB) {
		if (*body < 16)
			return fail(c, -EBADMSG, start, "a section header of %u bytes is too short",
				    total);
		*body -= 4; /* the magic is read */
	}
	err = need_buf(c, *body + 4, start, "a block");
	if (err)
		return err;
	trailer = get32(c, c->buf + *body);
	if (trailer != total)
		return fail(c, -EBADMSG, start,
			    "a block whose two lengths differ (%u in front, %u behind)", total,
			    trailer);
	return 0;
}

static int begin_section(struct capture *c, uint64_t start)
{
	unsigned int major = get16(c, c->buf);

	if (major != 1)
		return fail(c, -EBADMSG, start, "pcapng version %u; only 1 is read", major);
	c->sections++;
	c->section_ifaces = c->ifaces;
	return 0;
}

static int next_ng(struct capture *c, struct capture_frame *frame)
{
	for (;;) {
		uint64_t start = c->position;
		uint8_t type[4];
		uint32_t code;
		size_t body;
		ssize_t got = take(c, type, sizeof(type));
		int err = 0;

		if (got <= 0)
			return (int)got;
		if ((size_t)got < sizeof(type))
			return fail(c, -EBADMSG, start, "the file ends inside a block header");
		err = read_block(c, type, start, &code, &body);
		if (err)
			return err;
		switch (code) {
		case NG_BLOCK_SHB:
			err = begin_section(c, start);
			break;
		case NG_BLOCK_IDB:
			err = block_idb(c, body, start);
			break;
		case NG_BLOCK_PB:
			return block_packet(c, body, start, true, frame);
		case NG_BLOCK_EPB:
			return block_packet(c, body, start, false, frame);
		case NG_BLOCK_SPB:
			return block_simple(c, body, start, frame);
		default: /* names, statistics, secrets, custom blocks */
			break;
		}
		if (err)
			return err;
	}
}

static int open_ng(struct capture *c, const uint8_t type[4])
{
	uint32_t code;
	size_t body;
	int err = read_block(c, type, 0, &code, &body);

	c->ng = true;
	return err ? err : begin_section(c, 0);
}

/* ---- both ---------------------------------------------------------------------------------- */

static int open_by_magic(struct capture *c)
{
	uint8_t magic[4];
	ssize_t got = take(c, magic, sizeof(magic));
	uint32_t value;

	if (got < 0)
		return (int)got;
	if (!got)
		return fail(c, -EBADMSG, 0, "the file is empty");
	if (got < 4)
		return fail(c, -EBADMSG, 0, "neither pcap nor pcapng: only %zd bytes", got);
	if (get32(c, magic) == NG_BLOCK_SHB)
		return open_ng(c, magic);
	for (int i = 0; i < 2; i++) {
		c->swapped = i;
		value = get32(c, magic);
		c->nano = value == PCAP_MAGIC_NS;
		if (value == PCAP_MAGIC_US || value == PCAP_MAGIC_NS)
			return open_pcap(c, magic);
		if (value == PCAP_MAGIC_KUZNETZOV)
			return fail(
				c, -EBADMSG, 0,
				"the modified pcap of old Linux tools; convert it with editcap");
	}
	if (magic[0] == 0x1f && magic[1] == 0x8b)
		return fail(c, -EBADMSG, 0,
			    "compressed (gzip); unpack it first: gzip -dc FILE | "
			    "mpnic-sim replay -");
	return fail(c, -EBADMSG, 0, "neither pcap nor pcapng: it starts with %02x%02x%02x%02x",
		    magic[0], magic[1], magic[2], magic[3]);
}

int capture_open(FILE *file, struct capture **capture)
{
	struct capture *c = calloc(1, sizeof(*c));

	*capture = c;
	if (!c)
		return -ENOMEM;
	c->file = file;
	return open_by_magic(c);
}

int capture_next(struct capture *c, struct capture_frame *frame)
{
	if (c->failed)
		return -EBADMSG;
	memset(frame, 0, sizeof(*frame));
	return c->ng ? next_ng(c, frame) : next_pcap(c, frame);
}

const char *capture_error(const struct capture *c, uint64_t *offset)
{
	*offset = c->error_offset;
	return c->error;
}

const char *capture_format(const struct capture *c)
{
	if (c->ng)
		return "pcapng";
	return c->nano ? "pcap, nanoseconds" : "pcap, microseconds";
}

uint64_t capture_position(const struct capture *c)
{
	return c->position;
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	free(c->buf);
	free(c);
}

const char *capture_link_name(unsigned int link_type)
{
	static const struct {
		unsigned int type;
		const char *name;
	} names[] = {
		{0, "NULL"},
		{CAPTURE_LINK_ETHERNET, "ETHERNET"},
		{6, "IEEE802_5"},
		{8, "SLIP"},
		{9, "PPP"},
		{50, "PPP_HDLC"},
		{51, "PPP_ETHER"},
		{101, "RAW"},
		{104, "C_HDLC"},
		{105, "IEEE802_11"},
		{107, "FRELAY"},
		{108, "LOOP"},
		{113, "LINUX_SLL"},
		{117, "PFLOG"},
		{119, "IEEE802_11_PRISM"},
		{127, "IEEE802_11_RADIOTAP"},
		{147, "USER0"},
		{189, "USB_LINUX"},
		{192, "PPI"},
		{220, "USB_LINUX_MMAPPED"},
		{228, "IPV4"},
		{229, "IPV6"},
		{239, "NFLOG"},
		{249, "USBPCAP"},
		{253, "NETLINK"},
		{276, "LINUX_SLL2"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == link_type)
			return names[i].name;
	return "?";
}
