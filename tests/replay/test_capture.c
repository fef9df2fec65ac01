/* SPDX-License-Identifier: BSD-3-Clause */
/* The reader of capture files, on files made here byte by byte, in both byte orders. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "capture.h"

struct file {
	uint8_t bytes[4096];
	size_t len;
	bool swapped;
};

static void put(struct file *f, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		size_t shift = 8 * (f->swapped ? size - 1 - i : i);

		f->bytes[f->len++] = (uint8_t)(value >> shift);
	}
}

static void put_bytes(struct file *f, const char *data, size_t len)
{
	memcpy(f->bytes + f->len, data, len);
	f->len += len;
	while (f->len % 4)
		f->bytes[f->len++] = 0;
}

static void pcap_header(struct file *f, uint32_t magic, uint32_t link)
{
	put(f, magic, 4);
	put(f, 2, 2);
	put(f, 4, 2);
	put(f, 0, 8);
	put(f, 65535, 4);
	put(f, link, 4);
}

static void pcap_record(struct file *f, uint32_t sec, uint32_t frac, const char *data, uint32_t len,
			uint32_t orig)
{
	put(f, sec, 4);
	put(f, frac, 4);
	put(f, len, 4);
	put(f, orig, 4);
	memcpy(f->bytes + f->len, data, len);
	f->len += len;
}

static void shb(struct file *f)
{
	put(f, 0x0a0d0d0a, 4);
	put(f, 28, 4);
	put(f, 0x1a2b3c4d, 4);
	put(f, 1, 2);
	put(f, 0, 2);
	put(f, ~0ull, 8);
	put(f, 28, 4);
}

static void idb(struct file *f, uint32_t link, uint8_t tsresol, int64_t offset, const char *name)
{
	uint32_t total = 20 + 8 + 12 + 4 + (uint32_t)((strlen(name) + 3) & ~3u) + 4;

	put(f, 1, 4);
	put(f, total, 4);
	put(f, link, 2);
	put(f, 0, 2);
	put(f, 96, 4);
	put(f, 9, 2);
	put(f, 1, 2);
	put_bytes(f, (const char *)&tsresol, 1);
	put(f, 14, 2);
	put(f, 8, 2);
	put(f, (uint64_t)offset, 8);
	put(f, 2, 2);
	put(f, strlen(name), 2);
	put_bytes(f, name, strlen(name));
	put(f, 0, 4);
	put(f, total, 4);
}

static void epb(struct file *f, uint32_t iface, uint64_t time, const char *data, uint32_t len,
		uint32_t orig)
{
	uint32_t total = 32 + ((len + 3) & ~3u);

	put(f, 6, 4);
	put(f, total, 4);
	put(f, iface, 4);
	put(f, time >> 32, 4);
	put(f, time & 0xffffffff, 4);
	put(f, len, 4);
	put(f, orig, 4);
	put_bytes(f, data, len);
	put(f, total, 4);
}

static void spb(struct file *f, const char *data, uint32_t len, uint32_t orig)
{
	uint32_t total = 16 + ((len + 3) & ~3u);

	put(f, 3, 4);
	put(f, total, 4);
	put(f, orig, 4);
	put_bytes(f, data, len);
	put(f, total, 4);
}

static struct capture *open_file(const struct file *f, FILE **stream)
{
	struct capture *c;

	*stream = fmemopen((void *)(uintptr_t)f->bytes, f->len, "rb");
	cr_assert_not_null(*stream);
	cr_assert_neq(capture_open(*stream, &c), -ENOMEM);
	return c;
}

static void expect_frame(struct capture *c, const char *data, uint32_t orig, uint64_t time_ns,
			 unsigned int iface)
{
	struct capture_frame f;

	cr_assert_eq(capture_next(c, &f), 1);
	cr_assert_eq(f.len, strlen(data));
	cr_assert_arr_eq(f.data, data, f.len);
	cr_assert_eq(f.orig_len, orig);
	cr_assert_eq(f.time_ns, time_ns, "time %lu", (unsigned long)f.time_ns);
	cr_assert_eq(f.iface->index, iface);
}

static void expect_error(struct capture *c, const char *what, uint64_t offset)
{
	struct capture_frame f;
	uint64_t at;
	const char *text;

	cr_assert_eq(capture_next(c, &f), -EBADMSG);
	text = capture_error(c, &at);
	cr_assert_not_null(strstr(text, what), "got '%s'", text);
	cr_assert_eq(at, offset, "at %lu", (unsigned long)at);
	cr_assert_eq(capture_next(c, &f), -EBADMSG, "there is no way on");
}

static void close_file(struct capture *c, FILE *stream)
{
	capture_close(c);
	fclose(stream);
}

Test(capture, pcap_in_both_orders_and_resolutions)
{
	for (int i = 0; i < 4; i++) {
		struct file f = {.swapped = i & 1};
		struct capture_frame frame;
		struct capture *c;
		FILE *s;

		pcap_header(&f, i & 2 ? 0xa1b23c4d : 0xa1b2c3d4, 1);
		pcap_record(&f, 7, 123456, "abcde", 5, 9);
		pcap_record(&f, 0xffffffff, 1, "", 0, 0);
		c = open_file(&f, &s);
		expect_frame(c, "abcde", 9, 7000000000 + (i & 2 ? 123456 : 123456000), 0);
		expect_frame(c, "", 0, 0xffffffffull * 1000000000 + (i & 2 ? 1 : 1000), 0);
		cr_assert_eq(capture_next(c, &frame), 0);
		close_file(c, s);
	}
}

Test(capture, pcapng_interfaces_sections_and_times)
{
	for (int i = 0; i < 2; i++) {
		struct file f = {.swapped = i};
		struct capture_frame frame;
		struct capture *c;
		FILE *s;

		shb(&f);
		idb(&f, 1, 6, 0, "eth0");
		idb(&f, 113, 9, 5, "any");
		epb(&f, 1, 42, "abc", 3, 3);
		epb(&f, 0, 42, "abcd", 4, 1500);
		f.swapped = !f.swapped; /* a section of the other order */
		shb(&f);
		idb(&f, 1, 0x80 | 10, -1, "x\n"); /* 2^-10 s */
		epb(&f, 0, 1536 + 1024, "q", 1, 1);
		spb(&f, "simple", 6, 6);
		c = open_file(&f, &s);
		expect_frame(c, "abc", 3, 5000000042, 1);
		expect_frame(c, "abcd", 1500, 42000, 0);
		expect_frame(c, "q", 1, 1500000000, 2);
		expect_frame(c, "simple", 6, 0, 2);
		cr_assert_eq(capture_next(c, &frame), 0);
		close_file(c, s);
	}
}

Test(capture, names_are_printable)
{
	struct file f = {0};
	struct capture_frame frame;
	struct capture *c;
	FILE *s;

	shb(&f);
	idb(&f, 1, 6, 0, "a\033\nb");
	epb(&f, 0, 0, "x", 1, 1);
	c = open_file(&f, &s);
	cr_assert_eq(capture_next(c, &frame), 1);
	cr_assert_str_eq(frame.iface->name, "a??b");
	cr_assert_eq(frame.iface->snaplen, 96);
	close_file(c, s);
}

Test(capture, lying_lengths)
{
	struct file f = {0};
	struct capture *c;
	struct capture_frame frame;
	FILE *s;

	pcap_header(&f, 0xa1b2c3d4, 1);
	pcap_record(&f, 0, 0, "abcd", 4, 2); /* longer in the file than on the wire */
	put(&f, 0, 8);
	put(&f, 0xfffffff0, 4);
	put(&f, 0xfffffff0, 4);
	c = open_file(&f, &s);
	cr_assert_eq(capture_next(c, &frame), 1);
	cr_assert(frame.len_lie && frame.orig_len == 4);
	expect_error(c, "the limit is", 24 + 20);
	close_file(c, s);
}

Test(capture, packet_larger_than_its_block)
{
	struct file f = {0};
	struct capture *c;
	FILE *s;

	shb(&f);
	idb(&f, 1, 6, 0, "");
	epb(&f, 0, 0, "abcd", 4, 4);
	f.bytes[f.len - 16] = 5; /* captured length 5 in room for 4 */
	c = open_file(&f, &s);
	expect_error(c, "in a block that has room for 4", f.len - 36);
	close_file(c, s);
}

Test(capture, unknown_interface)
{
	struct file f = {0};
	struct capture *c;
	FILE *s;

	shb(&f);
	epb(&f, 0, 0, "abcd", 4, 4);
	c = open_file(&f, &s);
	expect_error(c, "interface 0, but its section has 0", 28);
	close_file(c, s);
}

Test(capture, block_lengths_that_differ)
{
	struct file f = {0};
	struct capture *c;
	FILE *s;

	shb(&f);
	idb(&f, 1, 6, 0, "");
	f.bytes[f.len - 4] ^= 4;
	c = open_file(&f, &s);
	expect_error(c, "two lengths differ", 28);
	close_file(c, s);
}

/* Whatever byte the file ends at: whole packets come out, then an error or the end. */
Test(capture, ends_anywhere)
{
	struct file f = {0};

	shb(&f);
	idb(&f, 1, 6, 0, "eth0");
	epb(&f, 0, 0, "abcdefg", 7, 7);
	epb(&f, 0, 0, "hij", 3, 3);
	for (size_t len = f.len; len > 0; len--) {
		struct file cut = f;
		struct capture_frame frame;
		struct capture *c;
		int got, frames = 0;
		FILE *s;

		cut.len = len;
		c = open_file(&cut, &s);
		while ((got = capture_next(c, &frame)) > 0)
			frames++;
		cr_assert(got == 0 || got == -EBADMSG);
		cr_assert_eq(frames, len == f.len ? 2 : len >= f.len - 36 ? 1 : 0, "at %zu", len);
		close_file(c, s);
	}
}

Test(capture, no_capture_at_all)
{
	static const struct {
		const char *bytes, *what;
		size_t len;
	} files[] = {
		{"ab", "only 2 bytes", 2},
		{"GET / HTTP/1.0\r\n", "neither pcap nor pcapng", 16},
		{"\x1f\x8b\x08\x00\x00\x00\x00\x00", "gzip", 8},
		{"\x34\xcd\xb2\xa1\x00\x00\x00\x00", "modified pcap", 8},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct file f = {.len = files[i].len};
		struct capture *c;
		FILE *s;

		memcpy(f.bytes, files[i].bytes, f.len);
		c = open_file(&f, &s);
		expect_error(c, files[i].what, 0);
		close_file(c, s);
	}
}
