/* SPDX-License-Identifier: BSD-3-Clause */
/* What a card's host reaches: BAR 0. How it reaches it is card_socket.c or card_local.c. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "card_internal.h"

enum {
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

int card_bus_ask(struct card *card, enum card_request_kind kind, uint32_t offset, void *data,
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
	if (kind == CARD_WRITE || kind == CARD_LOCAL)
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

	if (r->kind == CARD_LOCAL) {
		r->err = card_local_carry_out(card, r->data);
		return;
	}
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
	pthread_cond_broadcast(&card->answered);
	pthread_mutex_unlock(&card->lock);
	return true;
}

/* ---- BAR 0 ---------------------------------------------------------------------------------- */

/* Parts of BAR 0 that the host's side has by itself, as plain memory. */
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

int card_bus_read(struct card *card, uint64_t offset, uint8_t *data, uint32_t len)
{
	__attribute__((aligned(4))) uint8_t words[CARD_REQUEST_MAX];
	uint32_t first;
	const uint32_t n = words_around(offset, len, &first);
	const uint8_t *memory = memory_at(card, first, n);
	int err = 0;

	if (memory)
		copy_words(words, memory, n);
	else
		err = card_bus_ask(card, CARD_READ, first, words, n, CARD_ACCESS_MS);
	/* As on a bus that gets no answer. */
	if (err)
		memset(words, 0xff, n);
	memcpy(data, words + (offset - first), len);
	return err;
}

int card_bus_write(struct card *card, uint64_t offset, const uint8_t *data, uint32_t len)
{
	__attribute__((aligned(4))) uint8_t words[CARD_REQUEST_MAX];
	uint8_t *memory;

	if (offset % 4 || len % 4)
		return -EINVAL;
	memcpy(words, data, len);
	memory = memory_at(card, offset, len);
	if (!memory)
		return card_bus_ask(card, CARD_WRITE, (uint32_t)offset, words, len, CARD_ACCESS_MS);
	copy_words(memory, words, len);
	card_wake(card);
	return 0;
}

/* ---- the device's way to its wires ---------------------------------------------------------- */

int card_wire_send(void *ctx, unsigned int port, const void *frame, size_t len)
{
	struct card *card = ctx;

	return wire_fault_send(card->fault[port], frame, len, card->now_ns);
}

void card_random(void *ctx, void *buf, size_t len)
{
	/* Up to 256 bytes come whole, once the kernel's pool has been filled. */
	if (getrandom(buf, len, 0) == (ssize_t)len)
		return;
	/* Without a secret the tables are open to whoever knows that. */
	memset(buf, 0, len);
	card_log(ctx, "no random bytes: %s", strerror(errno));
	card_stop(ctx);
}

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
	pthread_condattr_t attr;
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
	return 0;
}

void card_bus_close(struct card *card)
{
	if (card->doorbells)
		munmap(card->doorbells, MPNIC_DOORBELL_SIZE);
	if (card->doorbell_fd >= 0)
		close(card->doorbell_fd);
}
