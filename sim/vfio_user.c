/* SPDX-License-Identifier: BSD-3-Clause */
/* The server: its socket, its loop, and how clients come and go. */
#define _GNU_SOURCE /* accept4, POLLRDHUP */
#include "vfio_user.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "safe_copy.h"
#include "vfu_private.h"

#define EVENTS	     4
#define LOG_LINE_MAX 256
#define IDLE_MS	     1000 /* without a version, before another client may take the place */

static int fail(char error[VFU_ERROR_MAX], int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(char error[VFU_ERROR_MAX], int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(error, VFU_ERROR_MAX, fmt, args);
	va_end(args);
	return err;
}

void vfu_log(struct vfu_server *s, const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	va_list args;

	if (!s->ops->log || !s->log_left)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	s->ops->log(s->ctx, line);
	if (!--s->log_left)
		s->ops->log(s->ctx, "no more is said of this client");
}

/* ---- configuration ------------------------------------------------------------------------- */

static int check_region(const struct vfu_region *r, unsigned int i, uint64_t page,
			char error[VFU_ERROR_MAX])
{
	uint64_t end = 0;

	if (r->areas > VFU_AREAS_MAX || (r->areas && r->fd < 0))
		return fail(error, -EINVAL, "region %u: %u areas, fd %d", i, r->areas, r->fd);
	if (r->areas && r->fd_offset % page)
		return fail(error, -EINVAL, "region %u: the offset in its file is no whole page",
			    i);
	for (unsigned int a = 0; a < r->areas; a++) {
		const struct vfu_area *area = &r->area[a];

		if (!area->size || area->offset % page || area->size % page || area->offset < end ||
		    area->size > r->size || area->offset > r->size - area->size)
			return fail(error, -EINVAL,
				    "region %u, area %u: of whole pages, in order, inside, please",
				    i, a);
		end = area->offset + area->size;
	}
	return 0;
}

static int check_config(const struct vfu_config *c, uint64_t page, char error[VFU_ERROR_MAX])
{
	static const uint32_t max[VFU_IRQS] = {1, 32, VFU_VECTORS_MAX, 1, 1};

	if (!c->path)
		return fail(error, -EINVAL, "no path for the socket");
	if (!c->ops || !c->ops->region_read || !c->ops->region_write)
		return fail(error, -EINVAL, "region_read and region_write are needed");
	for (unsigned int i = 0; i < VFU_IRQS; i++)
		if (c->irq[i] > max[i])
			return fail(error, -EINVAL, "interrupts of kind %u: %u, at most %u", i,
				    c->irq[i], max[i]);
	for (unsigned int i = 0; i < VFU_REGIONS; i++) {
		int err = check_region(&c->region[i], i, page, error);

		if (err)
			return err;
	}
	return 0;
}

/* ---- open and close ------------------------------------------------------------------------ */

static int init_locks(struct vfu_server *s)
{
	pthread_condattr_t attr;
	int err = pthread_condattr_init(&attr);

	if (err)
		return -err;
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	err = pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	if (err)
		return -err;
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->irq_lock, NULL);
	return vfu_dma_init(s);
}

static struct vfu_server *create(const struct vfu_config *config, void *ctx)
{
	struct vfu_server *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->config = *config;
	if (!s->config.dma_ms)
		s->config.dma_ms = VFU_DMA_MS;
	s->ops = config->ops;
	s->ctx = ctx;
	s->fd = s->listen_fd = s->epoll_fd = s->stop_fd = s->spare_fd = -1;
	s->out_last = &s->out_first;
	s->page = (size_t)sysconf(_SC_PAGESIZE);
	s->in.payload = malloc(VFU_PAYLOAD_MAX);
	s->reply = malloc(VFU_PAYLOAD_MAX);
	if (!s->in.payload || !s->reply || vfu_irq_init(s) || init_locks(s)) {
		vfu_irq_free(s);
		free(s->reply);
		free(s->in.payload);
		free(s);
		return NULL;
	}
	return s;
}

static int watch(struct vfu_server *s, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int open_files(struct vfu_server *s, char error[VFU_ERROR_MAX])
{
	int err = safe_copy_init();

	if (err)
		return fail(error, err, "the handler of SIGBUS: %s", strerror(-err));
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (s->epoll_fd < 0 || s->stop_fd < 0 || s->spare_fd < 0)
		return fail(error, -errno, "file descriptors: %s", strerror(errno));
	s->listen_fd = unix_path_bind(s->config.path, SOCK_STREAM, &s->bound, error, VFU_ERROR_MAX);
	if (s->listen_fd < 0)
		return s->listen_fd;
	if (watch(s, s->stop_fd) || watch(s, s->listen_fd))
		return fail(error, -errno, "epoll: %s", strerror(errno));
	return 0;
}

int vfu_open(const struct vfu_config *config, void *ctx, struct vfu_server **server,
	     char error[VFU_ERROR_MAX])
{
	struct vfu_server *s;
	int err = check_config(config, (uint64_t)sysconf(_SC_PAGESIZE), error);

	if (err)
		return err;
	s = create(config, ctx);
	if (!s)
		return fail(error, -ENOMEM, "out of memory");
	err = open_files(s, error);
	if (err) {
		vfu_close(s);
		return err;
	}
	*server = s;
	return 0;
}

static void close_if(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void drop_client(struct vfu_server *s);

void vfu_close(struct vfu_server *s)
{
	if (!s)
		return;
	drop_client(s);
	unix_path_remove(&s->bound);
	close_if(s->listen_fd);
	close_if(s->epoll_fd);
	close_if(s->stop_fd);
	close_if(s->spare_fd);
	vfu_irq_free(s);
	pthread_mutex_destroy(&s->irq_lock);
	pthread_mutex_destroy(&s->lock);
	pthread_rwlock_destroy(&s->dma.maps_lock);
	pthread_cond_destroy(&s->changed);
	free(s->dma.map);
	free(s->reply);
	free(s->in.payload);
	free(s);
}

/* ---- clients ------------------------------------------------------------------------------- */

/* What the protocol asks for: its memory and eventfds go, the device's state stays. */
static void drop_client(struct vfu_server *s)
{
	bool known = s->negotiated;

	if (s->fd < 0)
		return;
	vfu_link_next(s);
	pthread_mutex_lock(&s->lock);
	vfu_link_close(s);
	s->stats.connected = false;
	pthread_mutex_unlock(&s->lock);
	vfu_dma_unmap_all(s);
	for (unsigned int i = 0; i < VFU_IRQS; i++)
		vfu_irq_forget(s, i);
	s->negotiated = false;
	s->closing = false;
	if (known && s->ops->client_gone)
		s->ops->client_gone(s->ctx);
}

static void take_client(struct vfu_server *s, int fd)
{
	s->log_left = VFU_LOG_LINES;
	clock_gettime(CLOCK_MONOTONIC, &s->since);
	pthread_mutex_lock(&s->lock);
	vfu_link_open(s, fd);
	s->stats.connected = true;
	pthread_mutex_unlock(&s->lock);
}

static bool muted(struct vfu_server *s)
{
	bool is;

	pthread_mutex_lock(&s->lock);
	is = vfu_link_muted(s);
	pthread_mutex_unlock(&s->lock);
	return is;
}

/* The client has gone, and what it has left is still to be read. */
static bool hung_up(struct vfu_server *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLRDHUP};

	return poll(&p, 1, 0) == 1 && !muted(s);
}

/* Connected, and says nothing: not to keep others out. */
static bool idle(const struct vfu_server *s)
{
	struct timespec now;

	if (s->negotiated)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - s->since.tv_sec) * 1000 + (now.tv_nsec - s->since.tv_nsec) / 1000000 >
	       IDLE_MS;
}

/* Without a descriptor for it a connection cannot even be refused; that is what the spare is for.
 */
static void refuse_for_want(struct vfu_server *s)
{
	close_if(s->spare_fd);
	close_if(accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC));
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void serve_listener(struct vfu_server *s)
{
	int fd;

	if (s->fd >= 0 && hung_up(s))
		return; /* the next one waits until that one is done with */
	if (s->fd >= 0 && idle(s))
		drop_client(s);
	fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE)
			refuse_for_want(s);
		return;
	}
	if (s->fd < 0) {
		take_client(s, fd);
		return;
	}
	close(fd);
	pthread_mutex_lock(&s->lock);
	s->stats.turned_away++;
	pthread_mutex_unlock(&s->lock);
}

static void count_broken(struct vfu_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->stats.broken++;
	pthread_mutex_unlock(&s->lock);
}

/* Returns an error where the client is to be dropped. */
static int read_messages(struct vfu_server *s)
{
	for (unsigned int i = 0; i < VFU_BURST && !s->closing && !muted(s); i++) {
		int got = vfu_link_receive(s);

		if (got == -EMSGSIZE || got == -EBADMSG) {
			vfu_log(s, "a message of %u bytes, flags 0x%x: the stream makes no sense",
				s->in.header.size, s->in.header.flags);
			count_broken(s);
		}
		if (got <= 0)
			return got;
		vfu_msg_handle(s);
		vfu_link_next(s);
	}
	return 0;
}

static void flush(struct vfu_server *s)
{
	pthread_mutex_lock(&s->lock);
	vfu_link_flush(s);
	pthread_mutex_unlock(&s->lock);
}

static void serve_client(struct vfu_server *s, uint32_t events)
{
	int err;

	if (events & EPOLLOUT)
		flush(s);
	err = read_messages(s);
	/* Nobody is there to read what waits. */
	if ((events & (EPOLLHUP | EPOLLERR)) && muted(s))
		err = -ECONNRESET;
	if (err || s->closing)
		drop_client(s);
}

/* ---- the loop ------------------------------------------------------------------------------ */

static void enter(struct vfu_server *s, bool in)
{
	pthread_mutex_lock(&s->lock);
	s->serving = in;
	s->thread = pthread_self();
	pthread_mutex_unlock(&s->lock);
}

/* The client's first: a new one is taken when the old one's end has been read. */
static void serve_events(struct vfu_server *s, const struct epoll_event *event, int count)
{
	bool listener = false;

	for (int i = 0; i < count; i++) {
		if (event[i].data.fd == s->listen_fd)
			listener = true;
		else if (event[i].data.fd == s->fd)
			serve_client(s, event[i].events);
	}
	if (listener)
		serve_listener(s);
}

static bool has(const struct epoll_event *event, int count, int fd)
{
	for (int i = 0; i < count; i++)
		if (event[i].data.fd == fd)
			return true;
	return false;
}

int vfu_poll_fd(const struct vfu_server *s)
{
	return s->epoll_fd;
}

int vfu_serve(struct vfu_server *s, int timeout_ms)
{
	struct epoll_event event[EVENTS];
	int count = epoll_wait(s->epoll_fd, event, EVENTS, timeout_ms);

	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	if (has(event, count, s->stop_fd))
		return -ECANCELED;
	enter(s, true);
	serve_events(s, event, count);
	enter(s, false);
	return 0;
}

int vfu_run(struct vfu_server *s)
{
	int err;

	do
		err = vfu_serve(s, -1);
	while (!err);
	return err == -ECANCELED ? 0 : err;
}

void vfu_stop(struct vfu_server *s)
{
	static const uint64_t one = 1;
	int err = errno;

	if (write(s->stop_fd, &one, sizeof(one)) < 0)
		errno = err; /* the counter is full: stopped often enough */
	errno = err;
}

void vfu_stats(struct vfu_server *s, struct vfu_stats *stats)
{
	pthread_mutex_lock(&s->lock);
	*stats = s->stats;
	stats->maps = s->dma.maps;
	pthread_mutex_unlock(&s->lock);
	pthread_mutex_lock(&s->irq_lock);
	stats->irqs = s->irqs;
	pthread_mutex_unlock(&s->irq_lock);
}
