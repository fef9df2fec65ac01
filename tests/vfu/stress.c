/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All threads of the vfio-user server at once: three make DMA, in shared memory and by messages,
 * one raises interrupts, one serves, and a client maps, unmaps, answers, leaves and comes back.
 * stress SECONDS. What must hold: DMA ends as the interface says, memory that was unmapped is not
 * written any more, and no sanitizer finds anything.
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
#include <time.h>
#include <unistd.h>

#include "vfio_user.h"

#define PAGE	4096
#define SHARED	(16 * PAGE) /* at 0, in 4 maps */
#define MESSAGE 0x100000    /* so many bytes are there without a file */
#define DMAS	3

#define must(condition)                                                                 \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "stress: line %d: %s\n", __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

struct header {
	uint16_t id, command;
	uint32_t size, flags, error;
};

static struct vfu_server *server;
static int end; /* atomic */
static int ram, event;
static uint8_t *memory;

static int on_read(void *ctx, unsigned int region, uint64_t offset, void *data, uint32_t len)
{
	(void)ctx;
	(void)region;
	(void)offset;
	memset(data, 0, len);
	return 0;
}

static int on_write(void *ctx, unsigned int region, uint64_t offset, const void *data, uint32_t len)
{
	(void)ctx;
	(void)region;
	(void)offset;
	(void)data;
	(void)len;
	return 0;
}

static void *serve_thread(void *arg)
{
	(void)arg;
	must(!vfu_run(server));
	return NULL;
}

static bool ended(void)
{
	return __atomic_load_n(&end, __ATOMIC_RELAXED);
}

static bool expected(int err)
{
	return !err || err == -EFAULT || err == -ECANCELED || err == -ETIMEDOUT;
}

static void *dma_thread(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	struct vfu_burst burst = {.server = server};
	uint8_t *buf = calloc(1, SHARED);
	uint64_t done = 0;

	while (!ended()) {
		bool message = rand_r(&seed) % 8 == 0;
		uint64_t iova = (message ? MESSAGE : 0) + (uint64_t)rand_r(&seed) % SHARED;
		size_t len = (size_t)rand_r(&seed) % (message ? PAGE : SHARED);
		int err;

		if (!burst.begun && rand_r(&seed) % 4 == 0)
			vfu_burst_begin(server, &burst);
		if (rand_r(&seed) % 2)
			err = vfu_burst_read(&burst, iova, buf, len);
		else
			err = vfu_burst_write(&burst, iova, buf, len);
		must(expected(err));
		done += !err;
		if (burst.begun && rand_r(&seed) % 4 == 0)
			vfu_burst_end(&burst);
	}
	if (burst.begun)
		vfu_burst_end(&burst);
	must(done);
	free(buf);
	return NULL;
}

static void *irq_thread(void *arg)
{
	struct vfu_stats stats;

	(void)arg;
	while (!ended()) {
		int got = vfu_irq(server, VFIO_PCI_MSIX_IRQ_INDEX, 0);

		must(got >= 0);
		vfu_stats(server, &stats);
		usleep(50);
	}
	return NULL;
}

/* ---- client -------------------------------------------------------------------------------- */

static void transfer(int fd, void *data, size_t len, bool out)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = out ? write(fd, (uint8_t *)data + at, len - at)
				: read(fd, (uint8_t *)data + at, len - at);

		must(n > 0);
		at += (size_t)n;
	}
}

static void answer_dma(int fd, struct header *h, uint8_t *payload)
{
	uint64_t count;

	memcpy(&count, payload + 8, sizeof(count));
	must(count <= PAGE);
	h->flags = 1;
	h->size = 16 + 16 + (h->command == 11 ? (uint32_t)count : 0);
	transfer(fd, h, sizeof(*h), true);
	transfer(fd, payload, h->size - 16, true);
}

/* Returns the errno of the reply; DMA messages that come before it are answered. */
static uint32_t await(int fd, uint16_t command)
{
	static uint8_t payload[32 + PAGE];
	struct header h;

	for (;;) {
		transfer(fd, &h, sizeof(h), false);
		must(h.size >= sizeof(h) && h.size - sizeof(h) <= sizeof(payload));
		transfer(fd, payload, h.size - sizeof(h), false);
		if ((h.flags & 15) == 1)
			break;
		answer_dma(fd, &h, payload);
	}
	must(h.command == command);
	return h.error;
}

static uint32_t call(int fd, uint16_t command, const void *payload, uint32_t len, int with)
{
	union {
		struct cmsghdr align;
		uint8_t space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct header h = {1, command, (uint32_t)sizeof(h) + len, 0, 0};
	struct iovec part[2] = {{&h, sizeof(h)}, {(void *)payload, len}};
	struct msghdr msg = {.msg_iov = part, .msg_iovlen = 2};

	if (with >= 0) {
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &with, sizeof(with));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	must(sendmsg(fd, &msg, 0) == (ssize_t)h.size);
	return await(fd, command);
}

static void map(int fd, uint64_t iova, uint64_t size, int file)
{
	struct {
		uint32_t argsz, flags;
		uint64_t offset, iova, size;
	} m = {32, 3, file < 0 ? 0 : iova, iova, size};

	must(!call(fd, 2, &m, sizeof(m), file));
}

static void unmap(int fd, uint64_t iova, uint64_t size)
{
	struct {
		uint32_t argsz, flags;
		uint64_t iova, size;
	} u = {24, 0, iova, size};

	must(!call(fd, 3, &u, sizeof(u), -1));
}

static void irqs(int fd, uint32_t flags, uint32_t count, int file)
{
	uint32_t set[5] = {20, flags, VFIO_PCI_MSIX_IRQ_INDEX, 0, count};

	must(!call(fd, 8, set, sizeof(set), file));
}

/* Nothing may be written where the reply to an unmap has been seen. */
static void check_quiet(uint64_t iova)
{
	uint8_t *at = memory + iova;

	memset(at, 0x5a, SHARED / 4);
	usleep(500);
	for (size_t i = 0; i < SHARED / 4; i++)
		must(at[i] == 0x5a);
}

static void be_client(const char *path, unsigned int *seed)
{
	static const uint32_t version = 0x10000;
	static const uint64_t reg[2] = {0, (uint64_t)4 << 32};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	must(fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)));
	must(!call(fd, 1, &version, sizeof(version), -1));
	for (uint64_t i = 0; i < 4; i++)
		map(fd, i * (SHARED / 4), SHARED / 4, ram);
	map(fd, MESSAGE, SHARED + PAGE, -1);
	for (int i = 0; i < 40; i++) {
		uint64_t iova = (uint64_t)(rand_r(seed) % 4) * (SHARED / 4);

		irqs(fd, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, 1, event);
		unmap(fd, iova, SHARED / 4);
		check_quiet(iova);
		map(fd, iova, SHARED / 4, ram);
		for (int n = 0; n < 20; n++)
			must(!call(fd, 9, reg, sizeof(reg), -1));
		if (i % 8 == 7) {
			unmap(fd, MESSAGE, SHARED + PAGE);
			map(fd, MESSAGE, SHARED + PAGE, -1);
		}
		irqs(fd, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, 0, -1);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct vfu_ops ops = {.region_read = on_read, .region_write = on_write};
	char path[64], error[VFU_ERROR_MAX];
	struct vfu_config config = {.path = path, .irq = {0, 0, 1, 0, 0}, .ops = &ops};
	time_t until = time(NULL) + (argc > 1 ? atoi(argv[1]) : 3);
	pthread_t serving, raising, moving[DMAS];
	struct vfu_stats stats;
	unsigned int seed = 1;

	snprintf(path, sizeof(path), "/tmp/vfu-stress-%d", getpid());
	config.region[0] = (struct vfu_region){.size = PAGE, .readable = true, .writable = true};
	ram = memfd_create("ram", 0);
	event = eventfd(0, EFD_NONBLOCK);
	must(ram >= 0 && event >= 0 && !ftruncate(ram, SHARED));
	memory = mmap(NULL, SHARED, PROT_READ | PROT_WRITE, MAP_SHARED, ram, 0);
	must(memory != MAP_FAILED && !vfu_open(&config, NULL, &server, error));
	must(!pthread_create(&serving, NULL, serve_thread, NULL));
	must(!pthread_create(&raising, NULL, irq_thread, NULL));
	for (uintptr_t i = 0; i < DMAS; i++)
		must(!pthread_create(&moving[i], NULL, dma_thread, (void *)(i + 1)));
	do
		be_client(path, &seed);
	while (time(NULL) < until);
	__atomic_store_n(&end, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < DMAS; i++)
		must(!pthread_join(moving[i], NULL));
	must(!pthread_join(raising, NULL));
	vfu_stop(server);
	must(!pthread_join(serving, NULL));
	vfu_stats(server, &stats);
	must(!stats.broken && stats.dma_messages && stats.irqs);
	printf("stress: %lu clients, %lu commands, %lu DMA reads, %lu writes, %lu errors, %lu "
	       "messages, %lu interrupts\n",
	       stats.clients, stats.commands, stats.dma_reads, stats.dma_writes, stats.dma_errors,
	       stats.dma_messages, stats.irqs);
	vfu_close(server);
	munmap(memory, SHARED);
	close(ram);
	close(event);
	return 0;
}
