/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device for the tests of the vfio-user server: vfu-device SOCKET [DMA_MS]. Its server has a
 * thread, its DMA has another. Stops with SIGTERM, and then all must be freed.
 *
 * BAR 0, registers (little endian):
 *   0x000  256 bytes that keep what is written
 *   0x100  u64 source   0x108  u64 target   0x110  u32 length
 *   0x114  u32 command, for the DMA thread: see enum command
 *   0x118  u32 status: 0 idle, 1 busy       0x11c  u32 error of the last command, errno
 *   0x120  u64 commands done in all         0x128  u64 sum of the bytes that SUM has read
 *   0x130  u32 write: raise interrupt (kind << 16 | vector); read: what that returned
 *   0x138  u32 write: read a byte at `source` from the server's thread; read: what that returned
 *   0x140  u32 clients come, 0x144 gone, 0x148 resets, 0x14c ranges mapped, 0x150 unmapped
 *   0x160  write: sleep so many ms, as no real device may
 *   0x170  any access fails with EIO; 0x178 with a number that is no errno
 * BAR 2: 3 pages, the second can be mapped. BAR 4: 1 page, can be mapped. ROM: 1 page, only read.
 * Config space: 256 bytes, with the masks of BARs. VGA: 16 bytes, only written.
 */
#define _GNU_SOURCE /* memfd_create */
#include <errno.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vfio_user.h"

#define PAGE	 4096
#define BUF_SIZE (4 * 1024 * 1024)
#define VECTORS	 64

enum command {
	COPY = 1,  /* source to target */
	SUM,	   /* read the source and add up its bytes */
	FILL,	   /* write length bytes 0xa5 to the target */
	COPY_LOOP, /* COPY until STOP; errors are counted as done */
	STOP,
};

struct dma_regs {
	uint64_t source, target;
	uint32_t length, command;
	uint32_t status, error;
	uint64_t done, sum;
};

struct device {
	struct vfu_server *server;
	pthread_mutex_t lock;
	pthread_cond_t work;
	bool quit;
	uint8_t file[256];
	struct dma_regs dma;
	uint8_t *buf;		 /* of the DMA thread */
	unsigned int generation; /* of its commands */
	int irq_result, inner_result;
	uint32_t counts[5];
	uint8_t *bar[2]; /* 2 and 4 */
	int fd;
	uint8_t config[256], rom[PAGE];
};

enum {
	CLIENTS,
	GONE,
	RESETS,
	MAPPED,
	UNMAPPED
};

static struct vfu_server *to_stop;

static void on_term(int sig)
{
	(void)sig;
	vfu_stop(to_stop);
}

/* ---- DMA ----------------------------------------------------------------------------------- */

static int run(struct device *d, const struct dma_regs *r, uint64_t *sum)
{
	int err;

	if (r->length > BUF_SIZE)
		return -E2BIG;
	if (r->command == FILL) {
		memset(d->buf, 0xa5, r->length);
		return vfu_dma_write(d->server, r->target, d->buf, r->length);
	}
	err = vfu_dma_read(d->server, r->source, d->buf, r->length);
	if (err)
		return err;
	if (r->command != SUM)
		return vfu_dma_write(d->server, r->target, d->buf, r->length);
	*sum = 0;
	for (uint32_t i = 0; i < r->length; i++)
		*sum += d->buf[i];
	return 0;
}

/* The lock is held. */
static void run_command(struct device *d)
{
	struct dma_regs r = d->dma;
	unsigned int generation = d->generation;
	uint64_t sum = r.sum;
	int err;

	pthread_mutex_unlock(&d->lock);
	err = run(d, &r, &sum);
	pthread_mutex_lock(&d->lock);
	d->dma.done++;
	if (generation != d->generation)
		return; /* stopped, or another one given */
	d->dma.sum = sum;
	if (!err || d->dma.command != COPY_LOOP)
		d->dma.error = (uint32_t)-err;
	if (d->dma.command != COPY_LOOP) {
		d->dma.command = 0;
		d->dma.status = 0;
	}
}

static void *dma_thread(void *arg)
{
	struct device *d = arg;

	pthread_mutex_lock(&d->lock);
	while (!d->quit) {
		if (d->dma.command)
			run_command(d);
		else
			pthread_cond_wait(&d->work, &d->lock);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

/* ---- registers ----------------------------------------------------------------------------- */

static int read_bar0(struct device *d, uint64_t offset, void *data, uint32_t len)
{
	uint8_t regs[0x200] = {0};

	if (offset == 0x170)
		return -EIO;
	if (offset == 0x178)
		return 12345678;
	memcpy(regs, d->file, sizeof(d->file));
	memcpy(regs + 0x100, &d->dma, sizeof(d->dma));
	memcpy(regs + 0x130, &d->irq_result, 4);
	memcpy(regs + 0x138, &d->inner_result, 4);
	memcpy(regs + 0x140, d->counts, sizeof(d->counts));
	for (uint32_t i = 0; i < len; i++)
		((uint8_t *)data)[i] = offset + i < sizeof(regs) ? regs[offset + i] : 0;
	return 0;
}

static void command(struct device *d, uint32_t value)
{
	d->generation++;
	if (value == STOP) {
		d->dma.command = 0;
		d->dma.status = 0;
		return;
	}
	d->dma.command = value;
	d->dma.status = 1;
	d->dma.error = 0;
	pthread_cond_signal(&d->work);
}

static int write_reg(struct device *d, uint64_t offset, uint32_t value)
{
	uint8_t byte;

	switch (offset) {
	case 0x114:
		command(d, value);
		return 0;
	case 0x130:
		d->irq_result = vfu_irq(d->server, value >> 16, value & 0xffff);
		return 0;
	case 0x138:
		d->inner_result = vfu_dma_read(d->server, d->dma.source, &byte, 1);
		return 0;
	case 0x160:
		usleep(value * 1000);
		return 0;
	case 0x170:
		return -EIO;
	default:
		return -EINVAL;
	}
}

static int write_bar0(struct device *d, uint64_t offset, const void *data, uint32_t len)
{
	uint32_t value;

	if (offset + len <= sizeof(d->file)) {
		memcpy(d->file + offset, data, len);
		return 0;
	}
	if (offset >= 0x100 && offset + len <= 0x114) {
		memcpy((uint8_t *)&d->dma + (offset - 0x100), data, len);
		return 0;
	}
	if (len != sizeof(value))
		return -EINVAL;
	memcpy(&value, data, sizeof(value));
	return write_reg(d, offset, value);
}

/* BARs 0, 2 and 4 have sizes; their low bits do not change. */
static void write_config(struct device *d, uint64_t offset, const uint8_t *data, uint32_t len)
{
	static const uint32_t masks[6] = {0xfffff000, 0, 0xffffc000, 0, 0xfffff000, 0};

	for (uint32_t i = 0; i < len; i++)
		if (offset + i >= 4 && (offset + i < 8 || offset + i >= 16))
			d->config[offset + i] = data[i];
	for (unsigned int i = 0; i < 6; i++) {
		uint32_t bar;

		memcpy(&bar, d->config + 16 + 4 * i, sizeof(bar));
		bar &= masks[i];
		memcpy(d->config + 16 + 4 * i, &bar, sizeof(bar));
	}
}

static int on_read(void *ctx, unsigned int region, uint64_t offset, void *data, uint32_t len)
{
	struct device *d = ctx;
	int err = 0;

	pthread_mutex_lock(&d->lock);
	switch (region) {
	case 0:
		err = read_bar0(d, offset, data, len);
		break;
	case 2:
	case 4:
		memcpy(data, d->bar[region / 2 - 1] + offset, len);
		break;
	case VFIO_PCI_ROM_REGION_INDEX:
		memcpy(data, d->rom + offset, len);
		break;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		memcpy(data, d->config + offset, len);
		break;
	default:
		err = -EINVAL;
	}
	pthread_mutex_unlock(&d->lock);
	return err;
}

static int on_write(void *ctx, unsigned int region, uint64_t offset, const void *data, uint32_t len)
{
	struct device *d = ctx;
	int err = 0;

	pthread_mutex_lock(&d->lock);
	switch (region) {
	case 0:
		err = write_bar0(d, offset, data, len);
		break;
	case 2:
	case 4:
		memcpy(d->bar[region / 2 - 1] + offset, data, len);
		break;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		write_config(d, offset, data, len);
		break;
	case VFIO_PCI_VGA_REGION_INDEX:
		break;
	default:
		err = -EINVAL;
	}
	pthread_mutex_unlock(&d->lock);
	return err;
}

static void count(struct device *d, unsigned int what)
{
	pthread_mutex_lock(&d->lock);
	d->counts[what]++;
	pthread_mutex_unlock(&d->lock);
}

static int on_reset(void *ctx)
{
	struct device *d = ctx;

	pthread_mutex_lock(&d->lock);
	memset(d->file, 0, sizeof(d->file));
	command(d, STOP);
	pthread_mutex_unlock(&d->lock);
	count(d, RESETS);
	return 0;
}

static void on_client(void *ctx)
{
	count(ctx, CLIENTS);
}

static void on_gone(void *ctx)
{
	count(ctx, GONE);
}

static void on_dma(void *ctx, uint64_t iova, uint64_t size, bool mapped)
{
	(void)iova;
	(void)size;
	count(ctx, mapped ? MAPPED : UNMAPPED);
}

static void on_log(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "device: %s\n", text);
}

/* -------------------------------------------------------------------------------------------- */

static const struct vfu_ops ops = {.region_read = on_read,
				   .region_write = on_write,
				   .reset = on_reset,
				   .client_new = on_client,
				   .client_gone = on_gone,
				   .dma_changed = on_dma,
				   .log = on_log};

static void init(struct device *d)
{
	uint8_t *memory;

	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->work, NULL);
	d->buf = malloc(BUF_SIZE);
	d->fd = memfd_create("bars", MFD_CLOEXEC);
	if (!d->buf || d->fd < 0 || ftruncate(d->fd, 4 * PAGE))
		exit(2);
	memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd, 0);
	if (memory == MAP_FAILED)
		exit(2);
	d->bar[0] = memory;
	d->bar[1] = memory + 3 * PAGE;
	for (unsigned int i = 0; i < sizeof(d->rom); i++)
		d->rom[i] = (uint8_t)(i * 7);
	memcpy(d->config, "\xf4\x1a\x01\x10", 4);
}

static void finish(struct device *d, pthread_t thread)
{
	pthread_mutex_lock(&d->lock);
	d->quit = true;
	pthread_cond_signal(&d->work);
	pthread_mutex_unlock(&d->lock);
	pthread_join(thread, NULL);
	vfu_close(d->server);
	munmap(d->bar[0], 4 * PAGE);
	close(d->fd);
	free(d->buf);
}

int main(int argc, char **argv)
{
	static struct device d;
	struct vfu_config config = {
		.path = argc > 1 ? argv[1] : NULL,
		.dma_ms = argc > 2 ? (unsigned int)atoi(argv[2]) : 0,
		.irq = {1, 0, VECTORS, 1, 1},
		.ops = &ops,
	};
	char error[VFU_ERROR_MAX];
	pthread_t thread;
	int err;

	init(&d);
	config.region[0] = (struct vfu_region){.size = PAGE, .readable = true, .writable = true};
	config.region[2] = (struct vfu_region){.size = 3 * PAGE,
					       .readable = true,
					       .writable = true,
					       .areas = 1,
					       .area = {{PAGE, PAGE}},
					       .fd = d.fd};
	config.region[4] = (struct vfu_region){.size = PAGE,
					       .readable = true,
					       .writable = true,
					       .areas = 1,
					       .area = {{0, PAGE}},
					       .fd = d.fd,
					       .fd_offset = 3 * PAGE};
	config.region[VFIO_PCI_ROM_REGION_INDEX] =
		(struct vfu_region){.size = PAGE, .readable = true};
	config.region[VFIO_PCI_CONFIG_REGION_INDEX] =
		(struct vfu_region){.size = 256, .readable = true, .writable = true};
	config.region[VFIO_PCI_VGA_REGION_INDEX] =
		(struct vfu_region){.size = 16, .writable = true};
	if (vfu_open(&config, &d, &d.server, error)) {
		fprintf(stderr, "vfu-device: %s\n", error);
		return 1;
	}
	to_stop = d.server;
	signal(SIGTERM, on_term);
	pthread_create(&thread, NULL, dma_thread, &d);
	puts("ready");
	fflush(stdout);
	err = vfu_run(d.server);
	finish(&d, thread);
	return err ? 1 : 0;
}
