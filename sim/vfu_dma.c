/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA maps and accesses. An access holds its map by a count of users, without the lock while bytes
 * move; an unmap takes the map out of the table, cancels the DMA messages that wait for it, and
 * waits for the copies, which never wait for anything. An access of several maps holds one at a
 * time, so that an unmap waits for no more than one copy of each thread, or for its burst.
 *
 * A burst holds the table instead: an atomic instruction waits for all stores before it, and stores
 * to what another core has just read take long. So there is none between the accesses of a burst.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "safe_copy.h"
#include "vfu_private.h"

#define ROOM_FIRST 64

/* ---- the table ----------------------------------------------------------------------------- */

/* Index of the first map that ends behind iova. */
static uint32_t find_index(const struct vfu_dma *dma, uint64_t iova)
{
	uint32_t low = 0, high = dma->maps;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct vfu_map *map = dma->map[middle];

		if (map->iova + (map->size - 1) < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct vfu_map *find(const struct vfu_dma *dma, uint64_t iova)
{
	uint32_t at = find_index(dma, iova);

	if (at == dma->maps || dma->map[at]->iova > iova)
		return NULL;
	return dma->map[at];
}

static int make_room(struct vfu_dma *dma)
{
	uint32_t room = dma->room ? dma->room * 2 : ROOM_FIRST;
	struct vfu_map **map;

	if (dma->maps == VFU_MAPS_MAX)
		return -ENOSPC;
	if (dma->maps < dma->room)
		return 0;
	map = realloc(dma->map, room * sizeof(*map));
	if (!map)
		return -ENOMEM;
	dma->map = map;
	dma->room = room;
	return 0;
}

static int insert(struct vfu_dma *dma, struct vfu_map *map)
{
	uint32_t at = find_index(dma, map->iova);
	int err;

	if (at < dma->maps && dma->map[at]->iova <= map->iova + (map->size - 1))
		return -EEXIST;
	err = make_room(dma);
	if (err)
		return err;
	memmove(dma->map + at + 1, dma->map + at, (dma->maps - at) * sizeof(*dma->map));
	dma->map[at] = map;
	dma->maps++;
	return 0;
}

int vfu_dma_init(struct vfu_server *s)
{
	pthread_rwlockattr_t attr;
	int err = pthread_rwlockattr_init(&attr);

	if (err)
		return -err;
	/* A burst that follows another must not keep the server from the table. */
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	err = pthread_rwlock_init(&s->dma.maps_lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	return -err;
}

/* For a change of the table. */
static void lock_table(struct vfu_server *s)
{
	pthread_rwlock_wrlock(&s->dma.maps_lock);
	pthread_mutex_lock(&s->lock);
}

/* ---- mapping ------------------------------------------------------------------------------- */

/*
 * Memory, and nothing else: a page of a file on a network or of FUSE can take for ever to come, and
 * a device's memory is none of ours. Returns the page size of the file.
 */
static int check_file(struct vfu_server *s, int fd, uint64_t end, uint64_t *page)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) || fstatfs(fd, &fs))
		return -errno;
	if (!S_ISREG(st.st_mode) || (fs.f_type != TMPFS_MAGIC && fs.f_type != HUGETLBFS_MAGIC &&
				     fs.f_type != RAMFS_MAGIC)) {
		vfu_log(s, "DMA_MAP: the file is no shared memory (memfd, tmpfs, hugetlbfs)");
		return -EINVAL;
	}
	if (end > (uint64_t)st.st_size) {
		vfu_log(s, "DMA_MAP: the file has %lld bytes, the map needs %llu",
			(long long)st.st_size, (unsigned long long)end);
		return -EINVAL;
	}
	*page = s->page;
	if (fs.f_type == HUGETLBFS_MAGIC && (uint64_t)st.st_blksize > s->page)
		*page = (uint64_t)st.st_blksize;
	return 0;
}

static int map_file(struct vfu_server *s, struct vfu_map *map, int fd, uint64_t offset)
{
	int prot = (map->readable ? PROT_READ : 0) | (map->writable ? PROT_WRITE : 0);
	uint64_t page, before, len;
	int err;

	if (offset > INT64_MAX || map->size > INT64_MAX - offset)
		return -EINVAL;
	err = check_file(s, fd, offset + map->size, &page);
	if (err)
		return err;
	before = offset % page; /* QEMU's low memory begins within a huge page */
	len = before + map->size;
	map->mapped =
		mmap(NULL, len, prot, MAP_SHARED | MAP_NORESERVE, fd, (off_t)(offset - before));
	if (map->mapped == MAP_FAILED) {
		err = -errno;
		map->mapped = NULL;
		vfu_log(s, "DMA_MAP: mmap: %s", strerror(-err));
		return err;
	}
	map->mapped_len = (len + page - 1) / page * page;
	map->data = (uint8_t *)map->mapped + before;
	return 0;
}

static void free_map(struct vfu_map *map)
{
	if (map->mapped)
		munmap(map->mapped, map->mapped_len);
	free(map);
}

static void tell(struct vfu_server *s, uint64_t iova, uint64_t size, bool mapped)
{
	if (s->ops->dma_changed)
		s->ops->dma_changed(s->ctx, iova, size, mapped);
}

int vfu_dma_map(struct vfu_server *s, uint64_t iova, uint64_t size, bool readable, bool writable,
		int fd, uint64_t offset)
{
	struct vfu_map *map;
	int err = 0;

	if (!size || iova + (size - 1) < iova || (!readable && !writable))
		return -EINVAL;
	map = calloc(1, sizeof(*map));
	if (!map)
		return -ENOMEM;
	*map = (struct vfu_map){
		.iova = iova, .size = size, .readable = readable, .writable = writable};
	if (fd >= 0)
		err = map_file(s, map, fd, offset);
	if (!err) {
		lock_table(s);
		err = insert(&s->dma, map);
		pthread_mutex_unlock(&s->lock);
		pthread_rwlock_unlock(&s->dma.maps_lock);
	}
	if (err) {
		free_map(map);
		return err;
	}
	tell(s, iova, size, true);
	return 0;
}

/* The lock is held; the map is out of the table. */
static void retire(struct vfu_server *s, struct vfu_map *map)
{
	map->dying = true;
	for (unsigned int i = 0; i < VFU_REQUESTS; i++) {
		struct vfu_request *r = &s->dma.request[i];

		if (r->state != VFU_REQUEST_SENT || r->map != map)
			continue;
		r->state = VFU_REQUEST_DONE;
		r->result = -ECANCELED;
	}
	pthread_cond_broadcast(&s->changed);
	while (map->users)
		pthread_cond_wait(&s->changed, &s->lock);
}

int vfu_dma_unmap(struct vfu_server *s, uint64_t iova, uint64_t size)
{
	struct vfu_dma *dma = &s->dma;
	struct vfu_map *map;
	uint32_t at;

	lock_table(s);
	at = find_index(dma, iova);
	map = at < dma->maps ? dma->map[at] : NULL;
	if (map && (map->iova != iova || map->size != size))
		map = NULL;
	if (map) {
		dma->maps--;
		memmove(dma->map + at, dma->map + at + 1, (dma->maps - at) * sizeof(*dma->map));
	}
	pthread_rwlock_unlock(&dma->maps_lock);
	if (map)
		retire(s, map);
	pthread_mutex_unlock(&s->lock);
	if (!map)
		return -ENOENT;
	free_map(map);
	tell(s, iova, size, false);
	return 0;
}

void vfu_dma_unmap_all(struct vfu_server *s)
{
	struct vfu_map *map;

	for (;;) {
		lock_table(s);
		map = s->dma.maps ? s->dma.map[--s->dma.maps] : NULL;
		pthread_rwlock_unlock(&s->dma.maps_lock);
		if (map)
			retire(s, map);
		pthread_mutex_unlock(&s->lock);
		if (!map)
			return;
		tell(s, map->iova, map->size, false);
		free_map(map);
	}
}

/* ---- by message ---------------------------------------------------------------------------- */

/* One vfu_dma_read() or vfu_dma_write(). */
struct access {
	bool write;
	uint8_t *to;	     /* of a read */
	const uint8_t *from; /* of a write */
	bool timed;	     /* by the first message */
	struct timespec deadline;
};

static struct timespec deadline_in(unsigned int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

static bool id_used(const struct vfu_dma *dma, uint16_t id)
{
	for (unsigned int i = 0; i < VFU_REQUESTS; i++)
		if (dma->request[i].state != VFU_REQUEST_FREE && dma->request[i].id == id)
			return true;
	return false;
}

static struct vfu_request *free_request(struct vfu_dma *dma)
{
	for (unsigned int i = 0; i < VFU_REQUESTS; i++)
		if (dma->request[i].state == VFU_REQUEST_FREE)
			return &dma->request[i];
	return NULL;
}

static int take_request(struct vfu_server *s, const struct vfu_map *map, const struct access *a,
			struct vfu_request **request)
{
	while (!map->dying) {
		*request = free_request(&s->dma);
		if (*request)
			return 0;
		if (pthread_cond_timedwait(&s->changed, &s->lock, &a->deadline))
			return -ETIMEDOUT;
	}
	return -ECANCELED;
}

static void send_request(struct vfu_server *s, struct vfu_request *r, const uint8_t *from,
			 uint64_t count)
{
	static const uint8_t pad[sizeof(uint32_t)];
	struct vfu_dma_access access = {.address = r->address, .count = count};
	bool shorter = r->layout == VFU_LAYOUT_SHORT;
	struct vfu_header header = {.command = r->command, .flags = VFU_TYPE_COMMAND};
	struct iovec part[3] = {{&access, sizeof(access)}};

	do
		r->id = s->dma.next_id++;
	while (id_used(&s->dma, r->id));
	header.id = r->id;
	r->state = VFU_REQUEST_SENT;
	if (from) {
		part[0].iov_len -= shorter ? sizeof(pad) : 0;
		part[1] = (struct iovec){(void *)from, r->len};
		part[2] = (struct iovec){(void *)pad, shorter ? sizeof(pad) : 0};
	}
	s->stats.dma_messages++;
	vfu_link_send(s, &header, part, from ? 3 : 1, -1);
}

static int await_reply(struct vfu_server *s, struct vfu_request *r, const struct access *a)
{
	int result = 0;

	while (r->state == VFU_REQUEST_SENT && !result)
		if (pthread_cond_timedwait(&s->changed, &s->lock, &a->deadline))
			result = -ETIMEDOUT;
	if (r->state == VFU_REQUEST_DONE)
		result = r->result;
	r->state = VFU_REQUEST_FREE;
	pthread_cond_broadcast(&s->changed); /* for who waits for a free one */
	return result;
}

/*
 * QEMU ignores the upper half of `count`; others find so large a count wrong, and say so. This goes
 * only to clients whose capabilities are QEMU's.
 */
static int ask_layout(struct vfu_server *s, const struct vfu_map *map, const struct access *a)
{
	uint8_t bytes[sizeof(uint32_t)];
	uint32_t len = map->size < sizeof(bytes) ? (uint32_t)map->size : sizeof(bytes);
	struct vfu_request *r;
	int err = take_request(s, map, a, &r);

	if (err)
		return err;
	s->dma.layout = VFU_LAYOUT_ASKED;
	*r = (struct vfu_request){.command = VFU_DMA_READ,
				  .layout = VFU_LAYOUT_SHORT,
				  .map = map,
				  .address = map->iova,
				  .to = bytes,
				  .len = len};
	send_request(s, r, NULL, ((uint64_t)1 << 32) + len);
	err = await_reply(s, r, a);
	if (err == -EIO)
		s->dma.layout = VFU_LAYOUT_SPEC;
	else
		s->dma.layout = err ? VFU_LAYOUT_UNKNOWN : VFU_LAYOUT_SHORT;
	return err == -EIO ? 0 : err;
}

/* Which layout the client has; one thread asks, others wait for what it finds. */
static int learn_layout(struct vfu_server *s, const struct vfu_map *map, const struct access *a)
{
	while (s->dma.layout == VFU_LAYOUT_ASKED && !map->dying)
		if (pthread_cond_timedwait(&s->changed, &s->lock, &a->deadline))
			return -ETIMEDOUT;
	return s->dma.layout == VFU_LAYOUT_UNKNOWN ? ask_layout(s, map, a) : 0;
}

static int one_message(struct vfu_server *s, const struct vfu_map *map, const struct access *a,
		       uint64_t iova, size_t done, uint32_t len)
{
	struct vfu_request *r;
	int err = take_request(s, map, a, &r);

	if (err)
		return err;
	*r = (struct vfu_request){.command = a->write ? VFU_DMA_WRITE : VFU_DMA_READ,
				  .layout = s->dma.layout,
				  .map = map,
				  .address = iova,
				  .to = a->write ? NULL : a->to + done,
				  .len = len};
	send_request(s, r, a->write ? a->from + done : NULL, len);
	return await_reply(s, r, a);
}

/* The lock is held but while waiting; `map` is held by its users. */
static int by_message(struct vfu_server *s, const struct vfu_map *map, struct access *a,
		      uint64_t iova, size_t done, size_t len)
{
	size_t chunk = s->client_xfer < VFU_DMA_CHUNK ? s->client_xfer : VFU_DMA_CHUNK;
	int err;

	if (s->serving && pthread_equal(s->thread, pthread_self()))
		return -EDEADLK;
	if (!a->timed)
		a->deadline = deadline_in(s->config.dma_ms);
	a->timed = true;
	err = learn_layout(s, map, a);
	for (size_t at = 0; at < len && !err; at += chunk) {
		size_t n = len - at < chunk ? len - at : chunk;

		err = one_message(s, map, a, iova + at, done + at, (uint32_t)n);
	}
	return err;
}

static struct vfu_request *find_request(struct vfu_dma *dma, const struct vfu_header *header)
{
	for (unsigned int i = 0; i < VFU_REQUESTS; i++) {
		struct vfu_request *r = &dma->request[i];

		if (r->state == VFU_REQUEST_SENT && r->id == header->id &&
		    r->command == header->command)
			return r;
	}
	return NULL;
}

/* What QEMU answers to DMA_WRITE is the header alone. */
static int judge_reply(const struct vfu_request *r, const uint8_t *payload, size_t len)
{
	struct vfu_dma_access access = {0};
	size_t fixed = r->layout == VFU_LAYOUT_SHORT ? 12 : sizeof(access);

	if (r->command == VFU_DMA_WRITE && !len)
		return 0;
	if (r->command == VFU_DMA_WRITE && len != 12 && len != sizeof(access))
		return -EIO;
	if (r->command == VFU_DMA_WRITE)
		fixed = len;
	else if (len != sizeof(access) + r->len)
		return -EIO;
	memcpy(&access, payload, fixed);
	if (access.address != r->address || access.count != r->len)
		return -EIO;
	if (r->to)
		memcpy(r->to, payload + fixed, r->len);
	return 0;
}

void vfu_dma_reply(struct vfu_server *s, const struct vfu_header *header, const uint8_t *payload,
		   size_t len)
{
	struct vfu_request *r;

	pthread_mutex_lock(&s->lock);
	r = find_request(&s->dma, header);
	if (!r) {
		s->stats.late_replies++;
		pthread_mutex_unlock(&s->lock);
		return;
	}
	r->result = -EIO;
	if (!(header->flags & VFU_FLAG_ERROR))
		r->result = judge_reply(r, payload, len);
	r->state = VFU_REQUEST_DONE;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

/* ---- access -------------------------------------------------------------------------------- */

static int judge_range(const struct vfu_dma *dma, uint64_t iova, size_t len, bool write)
{
	uint64_t last = iova + (len - 1);

	if (last < iova)
		return -EFAULT;
	for (;;) {
		const struct vfu_map *map = find(dma, iova);
		uint64_t map_last;

		if (!map)
			return -EFAULT;
		if (!(write ? map->writable : map->readable))
			return -EACCES;
		map_last = map->iova + (map->size - 1);
		if (map_last >= last)
			return 0;
		iova = map_last + 1;
	}
}

static int copy(const struct vfu_map *map, const struct access *a, uint64_t iova, size_t done,
		size_t len)
{
	uint8_t *shared = map->data + (iova - map->iova);

	if (a->write)
		return safe_copy_to(shared, a->from + done, len);
	return safe_copy_from(a->to + done, shared, len);
}

/* What lies in one map; the lock is held. Returns the bytes moved, or an error. */
static ssize_t access_map(struct vfu_server *s, struct access *a, uint64_t iova, size_t done,
			  size_t len)
{
	struct vfu_map *map = find(&s->dma, iova);
	uint64_t left;
	int err;

	/* It was there when the range was judged. */
	if (!map || !(a->write ? map->writable : map->readable))
		return -ECANCELED;
	left = map->size - (iova - map->iova);
	if (left < len)
		len = (size_t)left;
	map->users++;
	if (map->data) {
		pthread_mutex_unlock(&s->lock);
		err = copy(map, a, iova, done, len);
		pthread_mutex_lock(&s->lock);
	} else {
		err = by_message(s, map, a, iova, done, len);
	}
	if (!--map->users && map->dying)
		pthread_cond_broadcast(&s->changed);
	return err ? err : (ssize_t)len;
}

static void count_access(struct vfu_stats *stats, bool write, int err, size_t len)
{
	if (err) {
		stats->dma_errors++;
	} else if (write) {
		stats->dma_writes++;
		stats->dma_write_bytes += len;
	} else {
		stats->dma_reads++;
		stats->dma_read_bytes += len;
	}
}

static int access_range(struct vfu_server *s, struct access *a, uint64_t iova, size_t len)
{
	size_t done = 0;
	int err;

	if (!len)
		return 0;
	pthread_mutex_lock(&s->lock);
	err = judge_range(&s->dma, iova, len, a->write);
	while (!err && done < len) {
		ssize_t moved = access_map(s, a, iova + done, done, len - done);

		if (moved < 0)
			err = (int)moved;
		else
			done += (size_t)moved;
	}
	count_access(&s->stats, a->write, err, len);
	pthread_mutex_unlock(&s->lock);
	return err;
}

int vfu_dma_read(struct vfu_server *s, uint64_t iova, void *buf, size_t len)
{
	struct access a = {.to = buf};

	return access_range(s, &a, iova, len);
}

int vfu_dma_write(struct vfu_server *s, uint64_t iova, const void *buf, size_t len)
{
	struct access a = {.write = true, .from = buf};

	return access_range(s, &a, iova, len);
}

/* ---- bursts -------------------------------------------------------------------------------- */

void vfu_burst_begin(struct vfu_server *s, struct vfu_burst *burst)
{
	*burst = (struct vfu_burst){.server = s, .begun = true};
	pthread_rwlock_rdlock(&s->dma.maps_lock);
}

void vfu_burst_end(struct vfu_burst *burst)
{
	struct vfu_server *s = burst->server;

	pthread_rwlock_unlock(&s->dma.maps_lock);
	burst->begun = false;
	if (!(burst->reads | burst->writes | burst->errors))
		return;
	pthread_mutex_lock(&s->lock);
	s->stats.dma_reads += burst->reads;
	s->stats.dma_read_bytes += burst->read_bytes;
	s->stats.dma_writes += burst->writes;
	s->stats.dma_write_bytes += burst->write_bytes;
	s->stats.dma_errors += burst->errors;
	pthread_mutex_unlock(&s->lock);
}

/* The map that has all of a range as memory, and allows the access; NULL: there is none. */
static const struct vfu_map *whole_map(const struct vfu_dma *dma, uint64_t iova, size_t len,
				       bool write)
{
	const struct vfu_map *map = find(dma, iova);

	if (!map || !map->data || !(write ? map->writable : map->readable) ||
	    map->size - (iova - map->iova) < len)
		return NULL;
	return map;
}

/* What is not a copy, or goes wrong, is done as outside of a burst, which is left meanwhile. */
static int access_slowly(struct vfu_burst *burst, struct access *a, uint64_t iova, size_t len)
{
	struct vfu_server *s = burst->server;
	int err;

	if (!burst->begun)
		return access_range(s, a, iova, len);
	pthread_rwlock_unlock(&s->dma.maps_lock);
	err = access_range(s, a, iova, len);
	pthread_rwlock_rdlock(&s->dma.maps_lock);
	return err;
}

int vfu_burst_read(struct vfu_burst *burst, uint64_t iova, void *buf, size_t len)
{
	struct access a = {.to = buf};
	const struct vfu_map *map =
		burst->begun ? whole_map(&burst->server->dma, iova, len, false) : NULL;
	int err;

	if (!map)
		return access_slowly(burst, &a, iova, len);
	err = copy(map, &a, iova, 0, len);
	if (err) {
		burst->errors++;
		return err;
	}
	burst->reads++;
	burst->read_bytes += len;
	return 0;
}

int vfu_burst_write(struct vfu_burst *burst, uint64_t iova, const void *buf, size_t len)
{
	struct access a = {.write = true, .from = buf};
	const struct vfu_map *map =
		burst->begun ? whole_map(&burst->server->dma, iova, len, true) : NULL;
	int err;

	if (!map)
		return access_slowly(burst, &a, iova, len);
	err = copy(map, &a, iova, 0, len);
	if (err) {
		burst->errors++;
		return err;
	}
	burst->writes++;
	burst->write_bytes += len;
	return 0;
}
