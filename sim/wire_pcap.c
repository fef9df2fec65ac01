/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures: frames of one file, and another file for what is sent. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture.h"
#include "pcapng.h"
#include "wire_private.h"

struct pcap_wire {
	char *in;
	FILE *file;
	struct capture *capture;
	struct pcapng *out;
	struct stat in_stat;
	bool end;
};

static int capture_fail(struct wire *w, const struct pcap_wire *p, int err)
{
	uint64_t offset;
	const char *text = capture_error(p->capture, &offset);

	/* -EBADMSG is of a frame here. */
	return wire_fail(w, err == -EBADMSG ? -EPROTO : err, "%s, byte %" PRIu64 ": %s", p->in,
			 offset, text);
}

/* Regular files alone: a pipe would block. */
static int open_in(struct wire *w, struct pcap_wire *p)
{
	int fd = open(p->in, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int err;

	if (fd < 0)
		return wire_fail(w, -errno, "%s: %s", p->in, strerror(errno));
	p->file = fdopen(fd, "rb");
	if (!p->file) {
		close(fd);
		return wire_fail(w, -ENOMEM, "out of memory");
	}
	if (fstat(fd, &p->in_stat))
		return wire_fail(w, -errno, "%s: %s", p->in, strerror(errno));
	if (!S_ISREG(p->in_stat.st_mode))
		return wire_fail(w, -EINVAL, "%s: a file is needed, not a pipe, device or folder",
				 p->in);
	err = capture_open(p->file, &p->capture);
	if (err == -ENOMEM)
		return wire_fail(w, err, "out of memory");
	return err ? capture_fail(w, p, err) : 0;
}

static int open_out(struct wire *w, struct pcap_wire *p, const char *path)
{
	struct stat st;
	int err;

	if (!*path)
		return wire_fail(w, -EINVAL, "\"%s\": a file is missing behind the comma", w->spec);
	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return wire_fail(w, -EINVAL, "%s: is there, and is no file", path);
	if (!stat(path, &st) && p->file && st.st_dev == p->in_stat.st_dev &&
	    st.st_ino == p->in_stat.st_ino)
		return wire_fail(w, -EINVAL, "%s: would overwrite the capture that is read", path);
	err = pcapng_open(path, &p->out);
	if (!err)
		err = pcapng_interface(p->out, CAPTURE_LINK_ETHERNET, 0, "wire");
	return err < 0 ? wire_fail(w, err, "%s: %s", path, strerror(-err)) : 0;
}

static int pcap_open_wire(struct wire *w, const char *rest)
{
	struct pcap_wire *p = calloc(1, sizeof(*p));
	const char *comma = strchr(rest, ',');
	int err = 0;

	w->state = p;
	if (!p)
		return wire_fail(w, -ENOMEM, "out of memory");
	p->in = strndup(rest, comma ? (size_t)(comma - rest) : strlen(rest));
	if (!p->in)
		return wire_fail(w, -ENOMEM, "out of memory");
	if (!*p->in && !comma)
		return wire_fail(w, -EINVAL,
				 "\"%s\": a file is needed: pcap:IN, pcap:IN,OUT, or "
				 "pcap:,OUT to write alone",
				 w->spec);
	p->end = !*p->in;
	if (!p->end)
		err = open_in(w, p);
	if (!err && comma)
		err = open_out(w, p, comma + 1);
	return err;
}

static int pcap_recv(struct wire *w, void *buf, size_t size, size_t *len, uint64_t *time_ns)
{
	struct pcap_wire *p = w->state;
	struct capture_frame frame;
	int got = p->end ? 0 : capture_next(p->capture, &frame);

	if (got < 0)
		return capture_fail(w, p, got);
	if (!got) {
		p->end = true;
		return -ENODATA;
	}
	if (frame.iface->link_type != CAPTURE_LINK_ETHERNET) {
		wire_count(&w->stats.rx.foreign, 1);
		return -EBADMSG;
	}
	if (frame.len < frame.orig_len) {
		wire_count(&w->stats.rx.truncated, 1);
		return -EBADMSG;
	}
	memcpy(buf, frame.data, frame.len < size ? frame.len : size);
	*len = frame.len;
	*time_ns = frame.time_ns;
	return 1;
}

static int pcap_send(struct wire *w, const void *frame, size_t len, uint64_t time_ns)
{
	const struct pcap_wire *p = w->state;
	int err;

	if (!p->out)
		return -ENOTCONN;
	err = pcapng_packet(p->out, 0, time_ns, frame, (uint32_t)len, (uint32_t)len, "");
	return err ? wire_fail(w, err, "%s: the output cannot be written", w->spec) : 0;
}

static bool pcap_link(struct wire *w)
{
	const struct pcap_wire *p = w->state;

	return !p->end || p->out;
}

static int pcap_close(struct wire *w)
{
	struct pcap_wire *p = w->state;
	int err;

	if (!p)
		return 0;
	err = pcapng_close(p->out);
	capture_close(p->capture);
	if (p->file)
		fclose(p->file);
	free(p->in);
	free(p);
	return err;
}

const struct wire_kind wire_pcap = {"pcap",    pcap_open_wire, pcap_recv, pcap_send,
				    pcap_link, pcap_close,     true};
