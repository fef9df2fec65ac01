/* SPDX-License-Identifier: BSD-3-Clause */
/* What a client of the vfio-user socket reaches: configuration space, BAR 0, reset; and the way
 * back, DMA and interrupts. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "card_internal.h"

enum {
	RESET_MS = 2000,
	ROOM_MS = 1000, /* that a write waits for room in the ring, at most */
	DOORBELL_FILE = MPNIC_BAR_DOORBELL + MPNIC_DOORBELL_SIZE,
};

/* ---- handing over --------------------------------------------------------------------------- */

static struct timespec in_ms(unsigned int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += ms * 1000000L;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

/* What is done and has been looked at leaves the ring. */
static void forget_done(struct card *card)
{
	while (card->request_count) {
		const struct card_request *r = &card->requests[card->request_first];

		if (!r->done || !r->left)
			return;
		card->request_first = (card->request_first + 1) % CARD_REQUESTS;
		card->request_count--;
	}
}

/*
 * Give the device's thread a request, and wait for its answer. A write that is not answered in time
 * is done later, in its order: clients post writes, and are not told of one that was lost. Returns
 * 0, or -EBUSY where a read was not answered, or the ring has been full for too long.
 */
static int hand_over(struct card *card, enum card_request_kind kind, uint32_t offset, void *data,
		     uint32_t len, unsigned int ms)
{
	const struct timespec room_until = in_ms(kind == CARD_READ ? ms : ROOM_MS);
	struct timespec until;
	struct card_request *r;
	int err = 0;

	pthread_mutex_lock(&card->lock);
	while (card->request_count == CARD_REQUESTS && !err)
		err = pthread_cond_timedwait(&card->answered, &card->lock, &room_until);
	if (card->request_count == CARD_REQUESTS) {
		pthread_mutex_unlock(&card->lock);
		card_log(card, "a register access was lost: the device does not answer");
		return -EBUSY;
	}
	r = &card->requests[(card->request_first + card->request_count++) % CARD_REQUESTS];
	r->kind = kind;
	r->done = r->left = false;
	r->err = 0;
	r->offset = offset;
	r->len = len;
	if (kind == CARD_WRITE)
		memcpy(r->data, data, len);
	atomic_store(&card->requested, true);
	card_wake(card);
	until = in_ms(ms);
	for (err = 0; !r->done && !err;)
		err = pthread_cond_timedwait(&card->answered, &card->lock, &until);
	if (r->done && kind == CARD_READ)
		memcpy(data, r->data, len);
	err = r->done ? r->err : kind == CARD_WRITE ? 0 : -EBUSY;
	r->left = true;
	forget_done(card);
	pthread_mutex_unlock(&card->lock);
	return err;
}

static void carry_out(struct card *card, struct card_request *r)
{
	uint32_t word;

	if (r->kind == CARD_RESET) {
		r->err = card->engine->reset(card->device, MPNIC_RESET_POWER);
		if (r->err)
			card_log(card, "no memory for a reset: the driver is told");
		else
			card->dead = false;
		return;
	}
	for (uint32_t i = 0; i < r->len; i += sizeof(word)) {
		if (r->kind == CARD_READ) {
			word = card->dead ? ~0u : card->engine->read(card->device, r->offset + i);
			memcpy(r->data + i, &word, sizeof(word));
		} else if (!card->dead) {
			memcpy(&word, r->data + i, sizeof(word));
			card->engine->write(card->device, r->offset + i, word);
		}
	}
}

bool card_bus_serve(struct card *card)
{
	if (!atomic_load_explicit(&card->requested, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&card->lock);
	atomic_store(&card->requested, false);
	for (unsigned int i = 0; i < card->request_count; i++) {
		struct card_request *r = &card->requests[(card->request_first + i) % CARD_REQUESTS];

		/* A read that nobody waits for any more must not touch what reading touches. */
		if (!r->done && !(r->kind == CARD_READ && r->left))
			carry_out(card, r);
		r->done = true;
	}
	forget_done(card);
	pthread_cond_signal(&card->answered);
	pthread_mutex_unlock(&card->lock);
	return true;
}

/* ---- BAR 0 ---------------------------------------------------------------------------------- */

/* Parts of BAR 0 that the server's thread has by itself, as plain memory. */
static uint8_t *memory_at(struct card *card, uint64_t offset, uint32_t len)
{
	if (offset >= MPNIC_BAR_DOORBELL &&
	    offset + len <= MPNIC_BAR_DOORBELL + MPNIC_DOORBELL_SIZE)
		return (uint8_t *)card->doorbells + (offset - MPNIC_BAR_DOORBELL);
	if (offset >= MPNIC_BAR_MSIX_TABLE &&
	    offset + len <= MPNIC_BAR_MSIX_TABLE + CARD_MSIX_BYTES)
		return card->msix + (offset - MPNIC_BAR_MSIX_TABLE);
	return NULL;
}

/* The device's thread reads doorbells while they are written. */
static void copy_words(uint8_t *to, const uint8_t *from, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += 4) {
		uint32_t word = __atomic_load_n((const uint32_t *)(const void *)(from + i),
						__ATOMIC_RELAXED);

		__atomic_store_n((uint32_t *)(void *)(to + i), word, __ATOMIC_RELEASE);
	}
}

/* Words [first, first + len) that hold the bytes of an access. */
static uint32_t words_around(uint64_t offset, uint32_t len, uint32_t *first)
{
	*first = (uint32_t)offset & ~3u;
	return (((uint32_t)offset + len + 3) & ~3u) - *first;
}

/* At most CARD_REQUEST_MAX - 8 bytes. */
static int read_piece(struct card *card, uint64_t offset, uint8_t *data, uint32_t len)
{
	__attribute__((aligned(4))) uint8_t words[CARD_REQUEST_MAX];
	uint32_t first;
	const uint32_t n = words_around(offset, len, &first);
	const uint8_t *memory = memory_at(card, first, n);
	int err = 0;

	if (memory)
		copy_words(words, memory, n);
	else
		err = hand_over(card, CARD_READ, first, words, n, CARD_ACCESS_MS);
	/* As on a bus that gets no answer. */
	if (err)
		memset(words, 0xff, n);
	memcpy(data, words + (offset - first), len);
	return err;
}

/* A register is written by whole words. */
static int write_piece(struct card *card, uint64_t offset, const uint8_t *data, uint32_t len)
{
	__attribute__((aligned(4))) uint8_t words[CARD_REQUEST_MAX];
	uint8_t *memory;

	if (offset % 4 || len % 4)
		return -EINVAL;
	memcpy(words, data, len);
	memory = memory_at(card, offset, len);
	if (!memory)
		return hand_over(card, CARD_WRITE, (uint32_t)offset, words, len, CARD_ACCESS_MS);
	copy_words(memory, words, len);
	card_wake(card);
	return 0;
}

static int region_read(void *ctx, unsigned int region, uint64_t offset, void *data, uint32_t len)
{
	struct card *card = ctx;
	int err = 0;

	if (region == VFIO_PCI_CONFIG_REGION_INDEX) {
		pci_config_read(&card->pci, (uint32_t)offset, data, len);
		return 0;
	}
	for (uint32_t i = 0; i < len && !err; i += CARD_REQUEST_MAX / 2) {
		const uint32_t n = len - i < CARD_REQUEST_MAX / 2 ? len - i : CARD_REQUEST_MAX / 2;

		err = read_piece(card, offset + i, (uint8_t *)data + i, n);
	}
	return err;
}

static int ask_reset(void *ctx)
{
	struct card *card = ctx;

	pci_config_reset(&card->pci);
	memset(card->msix, 0, sizeof(card->msix));
	return hand_over(card, CARD_RESET, 0, NULL, 0, RESET_MS);
}

static int region_write(void *ctx, unsigned int region, uint64_t offset, const void *data,
			uint32_t len)
{
	struct card *card = ctx;
	int err = 0;

	if (region == VFIO_PCI_CONFIG_REGION_INDEX)
		return pci_config_write(&card->pci, (uint32_t)offset, data, len) ? ask_reset(card)
										 : 0;
	for (uint32_t i = 0; i < len && !err; i += CARD_REQUEST_MAX / 2) {
		const uint32_t n = len - i < CARD_REQUEST_MAX / 2 ? len - i : CARD_REQUEST_MAX / 2;

		err = write_piece(card, offset + i, (const uint8_t *)data + i, n);
	}
	return err;
}

static void client_new(void *ctx)
{
	card_log(ctx, "a driver has attached");
}

static void client_gone(void *ctx)
{
	card_log(ctx, "the driver has gone; the card keeps its state");
}

static void server_log(void *ctx, const char *text)
{
	card_log(ctx, "%s", text);
}

static const struct vfu_ops server_ops = {
	.region_read = region_read,
	.region_write = region_write,
	.reset = ask_reset,
	.client_new = client_new,
	.client_gone = client_gone,
	.log = server_log,
};

/* ---- the device's way to the host ----------------------------------------------------------- */

static int dma_read(void *ctx, uint64_t addr, void *buf, size_t len)
{
	return vfu_burst_read(&((struct card *)ctx)->burst, addr, buf, len);
}

static int dma_write(void *ctx, uint64_t addr, const void *buf, size_t len)
{
	return vfu_burst_write(&((struct card *)ctx)->burst, addr, buf, len);
}

static void irq(void *ctx, unsigned int vector)
{
	vfu_irq(((struct card *)ctx)->server, VFIO_PCI_MSIX_IRQ_INDEX, vector);
}

static int send_wire(void *ctx, unsigned int port, const void *frame, size_t len)
{
	struct card *card = ctx;

	return wire_fault_send(card->fault[port], frame, len, card->now_ns);
}

static void random_bytes(void *ctx, void *buf, size_t len)
{
	/* Up to 256 bytes come whole, once the kernel's pool has been filled. */
	if (getrandom(buf, len, 0) == (ssize_t)len)
		return;
	/* Without a secret the tables are open to whoever knows that. */
	memset(buf, 0, len);
	card_log(ctx, "no random bytes: %s", strerror(errno));
	card_stop(ctx);
}

const struct mpnic_device_ops card_device_ops = {
	.dma_read = dma_read,
	.dma_write = dma_write,
	.irq = irq,
	.wire_send = send_wire,
	.random = random_bytes,
};

/* ---- set-up --------------------------------------------------------------------------------- */

/* Sealed, so that no client can cut off the page under the device. */
static int open_doorbells(struct card *card)
{
	void *page;

	card->doorbell_fd = memfd_create("mpnic-doorbells", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (card->doorbell_fd < 0)
		return -errno;
	if (ftruncate(card->doorbell_fd, DOORBELL_FILE) ||
	    fcntl(card->doorbell_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -errno;
	page = mmap(NULL, MPNIC_DOORBELL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		    card->doorbell_fd, MPNIC_BAR_DOORBELL);
	if (page == MAP_FAILED)
		return -errno;
	card->doorbells = page;
	return 0;
}

int card_bus_open(struct card *card, char error[CARD_ERROR_MAX])
{
	struct vfu_config config = {.path = card->config.socket, .ops = &server_ops};
	pthread_condattr_t attr;
	char why[VFU_ERROR_MAX];
	int err = open_doorbells(card);

	if (err) {
		snprintf(error, CARD_ERROR_MAX, "no memory for the doorbells: %s", strerror(-err));
		return err;
	}
	pthread_mutex_init(&card->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&card->answered, &attr);
	pthread_condattr_destroy(&attr);
	pci_config_reset(&card->pci);
	config.region[VFIO_PCI_BAR0_REGION_INDEX] = (struct vfu_region){
		.size = MPNIC_BAR_SIZE,
		.readable = true,
		.writable = true,
		.areas = 1,
		.area = {{.offset = MPNIC_BAR_DOORBELL, .size = MPNIC_DOORBELL_SIZE}},
		.fd = card->doorbell_fd,
	};
	config.region[VFIO_PCI_CONFIG_REGION_INDEX] =
		(struct vfu_region){.size = PCI_CONFIG_SIZE, .readable = true, .writable = true};
	config.irq[VFIO_PCI_MSIX_IRQ_INDEX] = MPNIC_VECTORS;
	err = vfu_open(&config, card, &card->server, why);
	if (err)
		snprintf(error, CARD_ERROR_MAX, "%s", why);
	else
		card->burst.server = card->server;
	return err;
}

void card_bus_close(struct card *card)
{
	if (card->server)
		vfu_close(card->server);
	if (card->doorbells)
		munmap(card->doorbells, MPNIC_DOORBELL_SIZE);
	if (card->doorbell_fd >= 0)
		close(card->doorbell_fd);
}
