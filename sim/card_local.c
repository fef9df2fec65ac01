/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A card's host in the same process. What it lets the device reach, and which eventfds it wants
 * signalled, is the device's thread's: it is told between two steps, so that DMA takes no lock, and
 * a range that was unmapped is no longer in use.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "card_internal.h"

enum {
	ASK_MS = 2000,
	MAPS_MAX = 65535,
};

struct local_request {
	enum {
		LOCAL_MAP,
		LOCAL_UNMAP,
		LOCAL_IRQ
	} what;
	struct card_map map;
	unsigned int vector;
	int fd;
};

/* ---- the device's thread -------------------------------------------------------------------- */

/* The first map that ends behind @iova. */
static unsigned int map_behind(const struct card *card, uint64_t iova)
{
	unsigned int low = 0, high = card->map_count;

	while (low < high) {
		const unsigned int middle = (low + high) / 2;

		if (card->maps[middle].iova + card->maps[middle].size > iova)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static int add_map(struct card *card, const struct card_map *map)
{
	const unsigned int at = map_behind(card, map->iova);
	struct card_map *maps;

	if (at < card->map_count && card->maps[at].iova < map->iova + map->size)
		return -EEXIST;
	if (card->map_count == MAPS_MAX)
		return -ENOSPC;
	maps = realloc(card->maps, (card->map_count + 1) * sizeof(*maps));
	if (!maps)
		return -ENOMEM;
	memmove(&maps[at + 1], &maps[at], (card->map_count - at) * sizeof(*maps));
	maps[at] = *map;
	card->maps = maps;
	card->map_count++;
	return 0;
}

static int remove_map(struct card *card, const struct card_map *map)
{
	const unsigned int at = map_behind(card, map->iova);

	if (at == card->map_count || card->maps[at].iova != map->iova ||
	    card->maps[at].size != map->size)
		return -ENOENT;
	card->map_count--;
	memmove(&card->maps[at], &card->maps[at + 1], (card->map_count - at) * sizeof(*map));
	card->map_last = 0;
	return 0;
}

int card_local_carry_out(struct card *card, const void *request)
{
	struct local_request r;

	memcpy(&r, request, sizeof(r));
	switch (r.what) {
	case LOCAL_MAP:
		return add_map(card, &r.map);
	case LOCAL_UNMAP:
		return remove_map(card, &r.map);
	default:
		card->irq_fd[r.vector] = r.fd;
		return 0;
	}
}

/* The host's memory behind a bus address; *len becomes what lies there in one piece. */
static uint8_t *host_memory(struct card *card, uint64_t iova, size_t *len)
{
	const struct card_map *map;
	uint64_t offset;

	if (card->map_last >= card->map_count ||
	    iova - card->maps[card->map_last].iova >= card->maps[card->map_last].size)
		card->map_last = map_behind(card, iova);
	if (card->map_last == card->map_count)
		return NULL;
	map = &card->maps[card->map_last];
	if (iova < map->iova)
		return NULL;
	offset = iova - map->iova;
	if (*len > map->size - offset)
		*len = map->size - offset;
	return map->addr + offset;
}

static bool reachable(struct card *card, uint64_t iova, size_t len)
{
	while (len) {
		size_t piece = len;

		if (iova + len < iova || !host_memory(card, iova, &piece))
			return false;
		iova += piece;
		len -= piece;
	}
	return true;
}

static int dma_read(void *ctx, uint64_t iova, void *buf, size_t len)
{
	struct card *card = ctx;
	uint8_t *to = buf;

	if (!reachable(card, iova, len))
		return -EFAULT;
	while (len) {
		size_t piece = len;
		const uint8_t *from = host_memory(card, iova, &piece);

		memcpy(to, from, piece);
		to += piece;
		iova += piece;
		len -= piece;
	}
	return 0;
}

/* The last word is there after all others: in a completion it has the phase. */
static void copy_to_host(uint8_t *to, const uint8_t *from, size_t len)
{
	uint64_t last;

	if (len < sizeof(last) || (uintptr_t)(to + len) % sizeof(last)) {
		memcpy(to, from, len);
		return;
	}
	memcpy(to, from, len - sizeof(last));
	memcpy(&last, from + len - sizeof(last), sizeof(last));
	__atomic_store_n((uint64_t *)(void *)(to + len - sizeof(last)), last, __ATOMIC_RELEASE);
}

static int dma_write(void *ctx, uint64_t iova, const void *buf, size_t len)
{
	struct card *card = ctx;
	const uint8_t *from = buf;

	if (!reachable(card, iova, len))
		return -EFAULT;
	while (len) {
		size_t piece = len;
		uint8_t *to = host_memory(card, iova, &piece);

		copy_to_host(to, from, piece);
		from += piece;
		iova += piece;
		len -= piece;
	}
	return 0;
}

static void irq(void *ctx, unsigned int vector)
{
	const struct card *card = ctx;
	const uint64_t one = 1;

	/* It fails only where the count is full, and then the host is awake. */
	if (card->irq_fd[vector] >= 0)
		(void)!write(card->irq_fd[vector], &one, sizeof(one));
}

static const struct mpnic_device_ops device_ops = {
	.dma_read = dma_read,
	.dma_write = dma_write,
	.irq = irq,
	.wire_send = card_wire_send,
	.random = card_random,
};

/* ---- the host's side ------------------------------------------------------------------------ */

int card_local_read(struct card *card, uint32_t offset, uint32_t *value)
{
	uint8_t word[sizeof(*value)];
	const int err = card_bus_read(card, offset, word, sizeof(word));

	memcpy(value, word, sizeof(word));
	return err;
}

int card_local_write(struct card *card, uint32_t offset, uint32_t value)
{
	if (offset == MPNIC_BAR_KICK) {
		card_wake(card);
		return 0;
	}
	return card_bus_write(card, offset, (const uint8_t *)&value, sizeof(value));
}

int card_local_reset(struct card *card)
{
	return card_bus_ask(card, CARD_RESET, 0, NULL, 0, ASK_MS);
}

int card_local_serve(struct card *card)
{
	bool done = false;

	if (!card->engine->serve || pthread_mutex_trylock(&card->device_lock))
		return -EBUSY;
	if (!card->dead && !atomic_load(&card->stop))
		done = card->engine->serve(card->device, card_now_ns());
	pthread_mutex_unlock(&card->device_lock);
	return done ? 0 : -EBUSY;
}

uint32_t *card_local_doorbells(struct card *card)
{
	return card->doorbells;
}

static int ask(struct card *card, struct local_request *r)
{
	return card_bus_ask(card, CARD_LOCAL, 0, r, sizeof(*r), ASK_MS);
}

int card_local_map(struct card *card, void *addr, uint64_t size, uint64_t iova)
{
	struct local_request r = {.what = LOCAL_MAP, .map = {iova, size, addr}};

	return ask(card, &r);
}

int card_local_unmap(struct card *card, uint64_t iova, uint64_t size)
{
	struct local_request r = {.what = LOCAL_UNMAP, .map = {iova, size, NULL}};

	return ask(card, &r);
}

int card_local_irq(struct card *card, unsigned int vector, int fd)
{
	struct local_request r = {.what = LOCAL_IRQ, .vector = vector, .fd = fd};

	return ask(card, &r);
}

/* ---- set-up --------------------------------------------------------------------------------- */

static int open_local(struct card *card, char error[CARD_ERROR_MAX])
{
	(void)error;
	for (unsigned int i = 0; i < MPNIC_VECTORS; i++)
		card->irq_fd[i] = -1;
	return 0;
}

static int start_local(struct card *card)
{
	(void)card;
	return 0;
}

static void stop_local(struct card *card)
{
	(void)card;
}

static void close_local(struct card *card)
{
	free(card->maps);
}

const struct card_host card_local = {
	.device_ops = &device_ops,
	.open = open_local,
	.start = start_local,
	.stop = stop_local,
	.close = close_local,
};
