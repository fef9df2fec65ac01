/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "wire_private.h"

#define SKIP_MAX 256 /* bad frames in one call; behind so many, others shall have their turn */

int wire_fail(struct wire *w, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(w->error, sizeof(w->error), fmt, args);
	va_end(args);
	return err;
}

/* ---- loop ---------------------------------------------------------------------------------- */

struct loop {
	unsigned int first, count;
	unsigned int empty; /* times that none was found since there was one */
	bool readable;	    /* the eventfd is */
	struct {
		size_t len;
		uint64_t time_ns;
		uint8_t data[WIRE_FRAME_MAX];
	} frame[WIRE_LOOP_MAX];
};

static int loop_open(struct wire *w, const char *rest)
{
	if (*rest)
		return wire_fail(w, -EINVAL, "\"%s\": nothing may follow \"loop\"", w->spec);
	w->state = calloc(1, sizeof(struct loop));
	if (!w->state)
		return wire_fail(w, -ENOMEM, "out of memory");
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0)
		return wire_fail(w, -errno, "eventfd: %s", strerror(errno));
	return 0;
}

/*
 * The eventfd is readable while there are frames, and until none was found twice in a row: while
 * frames come, burst upon burst, it costs no system calls.
 */
static int settle(struct wire *w, struct loop *l)
{
	uint64_t value;

	if (!l->readable || ++l->empty < 2)
		return 0;
	l->readable = false;
	if (read(w->fd, &value, sizeof(value)) < 0 && errno != EAGAIN)
		return wire_fail(w, -errno, "eventfd: %s", strerror(errno));
	return 0;
}

static int loop_recv(struct wire *w, void *buf, size_t size, size_t *len, uint64_t *time_ns)
{
	struct loop *l = w->state;
	unsigned int i = l->first;

	if (!l->count)
		return settle(w, l);
	*len = l->frame[i].len;
	*time_ns = l->frame[i].time_ns;
	memcpy(buf, l->frame[i].data, *len < size ? *len : size);
	/* Where few frames are under way, few places are used, which stay in the cache. */
	l->first = --l->count ? (i + 1) % WIRE_LOOP_MAX : 0;
	return 1;
}

static int loop_send(struct wire *w, const void *frame, size_t len, uint64_t time_ns)
{
	static const uint64_t one = 1;
	struct loop *l = w->state;
	unsigned int i = (l->first + l->count) % WIRE_LOOP_MAX;

	if (l->count == WIRE_LOOP_MAX)
		return -EAGAIN;
	memcpy(l->frame[i].data, frame, len);
	l->frame[i].len = len;
	l->frame[i].time_ns = time_ns;
	l->count++;
	l->empty = 0;
	if (l->readable)
		return 0;
	if (write(w->fd, &one, sizeof(one)) < 0)
		return wire_fail(w, -errno, "eventfd: %s", strerror(errno));
	l->readable = true;
	return 0;
}

static bool always(struct wire *w)
{
	(void)w;
	return true;
}

static int loop_close(struct wire *w)
{
	free(w->state);
	return 0;
}

static const struct wire_kind wire_loop = {"loop", loop_open,  loop_recv, loop_send,
					   always, loop_close, false};

/* ---- none ---------------------------------------------------------------------------------- */

static int none_open(struct wire *w, const char *rest)
{
	if (*rest)
		return wire_fail(w, -EINVAL, "\"%s\": nothing may follow \"none\"", w->spec);
	return 0;
}

static int none_recv(struct wire *w, void *buf, size_t size, size_t *len, uint64_t *time_ns)
{
	(void)w;
	(void)buf;
	(void)size;
	(void)len;
	(void)time_ns;
	return 0;
}

static int none_send(struct wire *w, const void *frame, size_t len, uint64_t time_ns)
{
	(void)w;
	(void)frame;
	(void)len;
	(void)time_ns;
	return -ENOTCONN;
}

static bool never(struct wire *w)
{
	(void)w;
	return false;
}

static int none_close(struct wire *w)
{
	(void)w;
	return 0;
}

static const struct wire_kind wire_none = {"none", none_open,  none_recv, none_send,
					   never,  none_close, false};

/* ---- all kinds ----------------------------------------------------------------------------- */

static const struct wire_kind *find_kind(const char *spec, const char **rest)
{
	static const struct wire_kind *const kinds[] = {&wire_tap, &wire_pcap, &wire_unix,
							&wire_loop, &wire_none};
	size_t len = strcspn(spec, ":");

	*rest = spec + len + (spec[len] == ':');
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i]->name) == len && !memcmp(kinds[i]->name, spec, len))
			return kinds[i];
	return NULL;
}

static int open_kind(struct wire *w)
{
	const char *rest;

	w->kind = find_kind(w->spec, &rest);
	if (!w->kind)
		return wire_fail(w, -EINVAL,
				 "\"%s\": no such kind of wire; there are tap:NAME, "
				 "pcap:IN[,OUT], unix:LOCAL[,REMOTE], loop, none",
				 w->spec);
	return w->kind->open(w, rest);
}

int wire_open(const char *spec, struct wire **wire, char error[WIRE_ERROR_MAX])
{
	struct wire *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (w) {
		w->fd = -1;
		w->spec = strdup(spec);
	}
	if (!w || !w->spec)
		snprintf(error, WIRE_ERROR_MAX, "out of memory");
	else
		err = open_kind(w);
	if (!err) {
		*wire = w;
		return 0;
	}
	if (w && w->spec)
		memcpy(error, w->error, WIRE_ERROR_MAX);
	wire_close(w);
	return err;
}

const char *wire_spec(const struct wire *w)
{
	return w->spec;
}

static bool good_length(struct wire_counts *counts, size_t len)
{
	if (len < WIRE_FRAME_MIN)
		wire_count(&counts->too_short, 1);
	else if (len > WIRE_FRAME_MAX)
		wire_count(&counts->too_long, 1);
	else
		return true;
	return false;
}

int wire_recv_time(struct wire *w, void *buf, size_t size, uint64_t *time_ns)
{
	struct wire_counts *rx = &w->stats.rx;

	for (unsigned int i = 0; i < SKIP_MAX && !w->broken; i++) {
		size_t len = 0;
		int got;

		*time_ns = 0;
		got = w->kind->recv(w, buf, size, &len, time_ns);
		if (!got || got == -ENODATA)
			return got;
		if (got == -EBADMSG || (got > 0 && !good_length(rx, len)))
			continue;
		if (got < 0) {
			wire_count(&rx->errors, 1);
			w->broken = got;
			break;
		}
		wire_count(&rx->frames, 1);
		wire_count(&rx->bytes, len);
		return (int)len;
	}
	return w->broken;
}

int wire_recv(struct wire *w, void *buf, size_t size)
{
	uint64_t time_ns;

	return wire_recv_time(w, buf, size, &time_ns);
}

static void count_sent(struct wire_counts *tx, int err, size_t len)
{
	switch (err) {
	case 0:
		wire_count(&tx->frames, 1);
		wire_count(&tx->bytes, len);
		break;
	case -EAGAIN:
		wire_count(&tx->busy, 1);
		break;
	case -ENOTCONN:
		wire_count(&tx->no_peer, 1);
		break;
	default:
		wire_count(&tx->errors, 1);
	}
}

int wire_send_time(struct wire *w, const void *frame, size_t len, uint64_t time_ns)
{
	int err;

	if (!good_length(&w->stats.tx, len))
		return -EMSGSIZE;
	err = w->broken ? w->broken : w->kind->send(w, frame, len, time_ns);
	count_sent(&w->stats.tx, err, len);
	return err;
}

int wire_send(struct wire *w, const void *frame, size_t len)
{
	struct timespec now = {0};

	if (w->kind->stamps)
		clock_gettime(CLOCK_REALTIME, &now);
	return wire_send_time(w, frame, len,
			      (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
}

int wire_fd(const struct wire *w)
{
	return w->fd;
}

bool wire_link(struct wire *w)
{
	return !w->broken && w->kind->link(w);
}

const char *wire_error(const struct wire *w)
{
	return w->error;
}

void wire_stats(const struct wire *w, struct wire_stats *stats)
{
	const uint64_t *from = (const uint64_t *)&w->stats;
	uint64_t *to = (uint64_t *)stats;

	_Static_assert(sizeof(*stats) % sizeof(*to) == 0, "counters of 64 bits, and nothing else");
	for (size_t i = 0; i < sizeof(*stats) / sizeof(*to); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

int wire_close(struct wire *w)
{
	int err = 0;

	if (!w)
		return 0;
	if (w->kind)
		err = w->kind->close(w);
	if (w->fd >= 0)
		close(w->fd);
	free(w->spec);
	free(w);
	return err;
}
