/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The vfio-user server with a client that the fuzzer plays: messages with a right size and anything
 * else wrong, raw bytes, descriptors of all kinds, answers to DMA messages, DMA and interrupts
 * between them. --seeds FOLDER writes inputs to begin with.
 */
#define _GNU_SOURCE /* memfd_create */
#include <errno.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vfio_user.h"

#define PAGE	 4096
#define RAM_SIZE (16 * PAGE)
#define IN_MAX	 (4 * 1024 * 1024)
#define DMA_MAX	 (3 * PAGE)
#define ROUNDS	 64 /* of serving, for one thing sent */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

struct header {
	uint16_t id, command;
	uint32_t size, flags, error;
};

struct bytes {
	const uint8_t *at;
	size_t left;
};

/* A DMA access that another thread makes. */
struct job {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool waiting, busy, write;
	uint64_t iova;
	uint32_t len;
};

static struct vfu_server *server;
static struct job job = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0, 0};
static char path[64];
static int client = -1, fds[4];
static uint8_t bar[PAGE], received[IN_MAX];
static size_t received_len;
static struct header asked; /* the server's last command, and what it is about */
static uint8_t asked_about[16];

static uint8_t take(struct bytes *b)
{
	if (!b->left)
		return 0;
	b->left--;
	return *b->at++;
}

static void take_many(struct bytes *b, uint8_t *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = take(b);
}

/* ---- device -------------------------------------------------------------------------------- */

static int region_read(void *ctx, unsigned int region, uint64_t offset, void *data, uint32_t len)
{
	(void)ctx;
	if (region > 2 || len > PAGE || offset + len > PAGE)
		abort();
	memcpy(data, bar + offset, len);
	return 0;
}

static int region_write(void *ctx, unsigned int region, uint64_t offset, const void *data,
			uint32_t len)
{
	(void)ctx;
	if (region > 2 || len > PAGE || offset + len > PAGE)
		abort();
	memcpy(bar + offset, data, len);
	return 0;
}

static int reset(void *ctx)
{
	(void)ctx;
	memset(bar, 0, sizeof(bar));
	return 0;
}

static void log_text(void *ctx, const char *text)
{
	(void)ctx;
	if (strlen(text) > 255 || strchr(text, '\n'))
		abort();
}

static void *dma_thread(void *arg)
{
	static uint8_t buf[DMA_MAX];

	(void)arg;
	pthread_mutex_lock(&job.lock);
	for (;;) {
		while (!job.waiting)
			pthread_cond_wait(&job.changed, &job.lock);
		job.waiting = false;
		job.busy = true;
		pthread_mutex_unlock(&job.lock);
		if (job.write)
			vfu_dma_write(server, job.iova, buf, job.len);
		else
			vfu_dma_read(server, job.iova, buf, job.len);
		pthread_mutex_lock(&job.lock);
		job.busy = false;
		pthread_cond_broadcast(&job.changed);
	}
	return NULL;
}

static void finish_job(void)
{
	pthread_mutex_lock(&job.lock);
	while (job.waiting || job.busy)
		pthread_cond_wait(&job.changed, &job.lock);
	pthread_mutex_unlock(&job.lock);
}

static void start_job(struct bytes *b)
{
	uint8_t raw[4];

	finish_job();
	take_many(b, raw, sizeof(raw));
	pthread_mutex_lock(&job.lock);
	job.write = raw[0] & 1;
	job.iova = (uint64_t)raw[1] << 11;
	job.len = (raw[2] | (uint32_t)raw[3] << 8) % DMA_MAX;
	job.waiting = true;
	pthread_cond_broadcast(&job.changed);
	pthread_mutex_unlock(&job.lock);
}

/* ---- client -------------------------------------------------------------------------------- */

static void note_commands(void)
{
	size_t at = 0;

	while (received_len - at >= sizeof(asked)) {
		struct header h;

		memcpy(&h, received + at, sizeof(h));
		if (h.size < sizeof(h) || h.size > IN_MAX)
			abort(); /* the server speaks nonsense */
		if (received_len - at < h.size)
			break;
		if (!(h.flags & 15) && h.size >= sizeof(h) + sizeof(asked_about)) {
			asked = h;
			memcpy(asked_about, received + at + sizeof(h), sizeof(asked_about));
		}
		at += h.size;
	}
	memmove(received, received + at, received_len - at);
	received_len -= at;
}

static void drain(void)
{
	for (;;) {
		union {
			struct cmsghdr align;
			uint8_t space[CMSG_SPACE(16 * sizeof(int))];
		} control;
		struct iovec part = {received + received_len, sizeof(received) - received_len};
		struct msghdr msg = {.msg_iov = &part,
				     .msg_iovlen = 1,
				     .msg_control = &control,
				     .msg_controllen = sizeof(control)};
		ssize_t got = recvmsg(client, &msg, MSG_DONTWAIT);

		if (got <= 0)
			return;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
			int fd;

			memcpy(&fd, CMSG_DATA(c), sizeof(fd));
			close(fd);
		}
		received_len += (size_t)got;
		note_commands();
	}
}

static void serve(void)
{
	struct vfu_stats before, after;

	vfu_stats(server, &before);
	for (int i = 0; i < ROUNDS; i++) {
		int err = vfu_serve(server, 0);

		if (err)
			abort();
		drain();
		vfu_stats(server, &after);
		if (!memcmp(&before, &after, sizeof(before)))
			return;
		before = after;
	}
}

static void connect_client(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	strcpy(address.sun_path, path);
	if (client < 0 || connect(client, (struct sockaddr *)&address, sizeof(address)))
		abort();
	received_len = 0;
	serve();
}

static void send_bytes(const uint8_t *bytes, size_t len, uint8_t which)
{
	union {
		struct cmsghdr align;
		uint8_t space[CMSG_SPACE(32 * sizeof(int))];
	} control = {0};
	struct iovec part = {(void *)bytes, len};
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
	unsigned int count = which & 0x80 ? 20 : which >> 4 & 3;
	int *out = (int *)CMSG_DATA(&control.align);

	if (count) {
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(count * sizeof(int));
		for (unsigned int i = 0; i < count; i++)
			out[i] = fds[(which + i) % 4];
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	if (len && sendmsg(client, &msg, MSG_NOSIGNAL) < 0 && errno != EAGAIN && errno != EPIPE &&
	    errno != ECONNRESET)
		abort();
	serve();
}

static void send_message(struct bytes *b)
{
	uint8_t message[16 + 256];
	uint8_t which = 0, len;
	struct header h = {.command = take(b), .flags = take(b), .id = 7};

	which = take(b);
	len = take(b);
	h.size = sizeof(h) + len;
	memcpy(message, &h, sizeof(h));
	take_many(b, message + sizeof(h), len);
	send_bytes(message, h.size, which);
}

static void send_answer(struct bytes *b)
{
	static uint8_t message[32 + DMA_MAX];
	uint8_t how = take(b);
	uint64_t count;
	struct header h = asked;

	memcpy(&count, asked_about + 8, sizeof(count));
	h.flags = how & 1 ? 0x21 : 1;
	h.size = sizeof(h) + (how & 2 ? 0 : sizeof(asked_about));
	if (!(how & 6) && count <= DMA_MAX)
		h.size += (uint32_t)count;
	memcpy(message, &h, sizeof(h));
	memcpy(message + sizeof(h), asked_about, sizeof(asked_about));
	if (how & 8)
		message[16 + (how >> 4)] ^= take(b);
	send_bytes(message, h.size, 0);
}

static void send_raw(struct bytes *b)
{
	uint8_t which = take(b), len = take(b), bytes[256];

	take_many(b, bytes, len);
	send_bytes(bytes, len, which);
}

static void negotiate(bool qemu)
{
	static const char json[] = "{\"capabilities\":{\"max_msg_fds\":16,\"migration\":"
				   "{\"max_bitmap_size\":1},\"write_multiple\":true}}";
	uint8_t message[20 + sizeof(json)] = {0};
	struct header h = {.command = 1, .size = qemu ? sizeof(message) : 20};

	memcpy(message, &h, sizeof(h));
	memcpy(message + 20, json, sizeof(json));
	send_bytes(message, h.size, 0);
}

static void close_client(void)
{
	struct vfu_stats stats;

	close(client);
	client = -1;
	do {
		if (vfu_serve(server, 1))
			abort();
		vfu_stats(server, &stats);
	} while (stats.connected);
	if (stats.maps)
		abort();
}

/* Memory, eventfds and sockets that are open; pipes may be a sanitizer's. */
static unsigned int files(void)
{
	unsigned int count = 0;

	for (int fd = 0; fd < 512; fd++) {
		char name[32], target[64] = "";

		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		if (readlink(name, target, sizeof(target) - 1) > 0)
			count += strstr(target, "memfd") || strstr(target, "eventfd") ||
				 strstr(target, "socket");
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned int before, runs;
	struct bytes b = {data, size};
	uint8_t options = take(&b);

	connect_client();
	if (options & 1)
		negotiate(options & 2);
	while (b.left) {
		uint8_t op = take(&b);

		switch (op & 7) {
		default:
			send_message(&b);
			break;
		case 3:
			send_answer(&b);
			break;
		case 4:
			send_raw(&b);
			break;
		case 5:
			start_job(&b);
			break;
		case 6:
			vfu_irq(server, take(&b), take(&b));
			break;
		case 7:
			serve();
		}
	}
	close_client();
	finish_job();
	if (ftruncate(fds[0], RAM_SIZE))
		abort();
	if (++runs % 256 == 1) {
		unsigned int now = files();

		if (before && now != before)
			abort(); /* a descriptor was kept */
		before = now;
	}
	return 0;
}

/* ---- seeds --------------------------------------------------------------------------------- */

/* One of each command as it should be, with what makes something of it. */
static const struct {
	const char *name;
	uint8_t bytes[96];
	size_t len;
} seeds[] = {
	{"info", {1, 0, 4, 0, 0, 16, 16}, 23},
	{"region", {1, 0, 5, 0, 0, 32, 64, 0, 0, 0, 0, 0, 0, 0, 2}, 39},
	{"irq_info", {1, 0, 7, 0, 0, 16, 16, 0, 0, 0, 0, 0, 0, 0, 2}, 23},
	{"irqs",
	 {1, 0, 8, 0, 0x11, 20, 20, 0, 0, 0, 0x24, 0, 0, 0, 2, 0,
	  0, 0, 0, 0, 0,    0,	1,  0, 0, 0, 6,	   2, 0, 6, 2, 1},
	 32},
	{"read", {1, 0, 9, 0, 0, 16, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0}, 22},
	{"write",
	 {1, 0, 10, 16, 0, 20, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4},
	 26},
	{"multi",
	 {3, 0, 15, 0, 0, 32, 1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0,
	  0, 0, 0,  0, 0, 0,  0, 4, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8},
	 38},
	{"reset", {1, 0, 13, 0, 0, 0}, 6},
	{"map",
	 {1, 0, 2, 0, 0x10, 32, 32,   0, 0, 0, 3, 0, 0, 0, 0, 0, 0,  0,	 0, 0, 0, 0, 0,	 0,  0,
	  0, 0, 0, 0, 0,    0,	0x40, 0, 0, 0, 0, 0, 0, 5, 1, 0, 16, 16, 7, 5, 0, 0, 16, 16, 7},
	 52},
	{"messages",
	 {1, 0, 2, 0,  0, 32, 32, 0, 0, 0, 3, 0, 0,    0, 0, 0, 0, 0, 0,
	  0, 0, 0, 0,  0, 0,  0,  0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0,
	  5, 0, 0, 16, 1, 7,  7,  3, 0, 5, 1, 0, 16,   1, 7, 7, 3, 2},
	 60},
	{"unmap",
	 {1, 0, 2, 0, 0, 32, 32, 0, 0,	  0, 3, 0, 0, 0, 0,    0, 0, 0, 0, 0,  0,  0, 0,
	  0, 0, 0, 0, 0, 0,  0,	 0, 0x40, 0, 0, 0, 0, 0, 0,    0, 3, 0, 0, 24, 24, 0, 0,
	  0, 0, 0, 0, 0, 0,  0,	 0, 0,	  0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0,  0},
	 67},
	{"raw", {0, 4, 0x33, 20, 1, 0, 1, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0}, 24},
	{"json",
	 {0,   0,   1,	 0,   0,   40,	0,   0,	  1,   0,   '{', '"', 'c', 'a', 'p',
	  'a', 'b', 'i', 'l', 'i', 't', 'i', 'e', 's', '"', ':', '{', '"', 'm', 'a',
	  'x', '_', 'm', 's', 'g', '_', 'f', 'd', 's', '"', ':', '8', '}', '}'},
	 47},
};

static int write_seeds(const char *folder)
{
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		char name[256];
		FILE *file;

		snprintf(name, sizeof(name), "%s/%s", folder, seeds[i].name);
		file = fopen(name, "wb");
		if (!file)
			return 1;
		fwrite(seeds[i].bytes, 1, seeds[i].len, file);
		fclose(file);
	}
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct vfu_ops ops = {.region_read = region_read,
					   .region_write = region_write,
					   .reset = reset,
					   .log = log_text};
	struct vfu_config config = {.path = path, .irq = {1, 0, 8, 1, 1}, .dma_ms = 2, .ops = &ops};
	char error[VFU_ERROR_MAX];
	pthread_t thread;
	int ends[2];

	if (*argc == 3 && !strcmp((*argv)[1], "--seeds"))
		exit(write_seeds((*argv)[2]));
	snprintf(path, sizeof(path), "/tmp/fuzz-vfu-%d", getpid());
	fds[0] = memfd_create("ram", 0);
	fds[1] = eventfd(0, EFD_NONBLOCK);
	if (pipe(ends) || ftruncate(fds[0], RAM_SIZE))
		abort();
	fds[2] = ends[1];
	fds[3] = socket(AF_UNIX, SOCK_STREAM, 0);
	for (int i = 0; i < 3; i++)
		config.region[i] = (struct vfu_region){
			.size = i == 1 ? 0 : PAGE, .readable = true, .writable = i == 0};
	config.region[2].areas = 1;
	config.region[2].area[0] = (struct vfu_area){0, PAGE};
	config.region[2].fd = fds[0];
	if (vfu_open(&config, NULL, &server, error)) {
		fprintf(stderr, "%s\n", error);
		abort();
	}
	return pthread_create(&thread, NULL, dma_thread, NULL);
}
