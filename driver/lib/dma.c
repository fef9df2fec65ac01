/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that both sides reach, and interrupts. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create() */
#endif
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static int map_entry(struct mpnic_dev *dev, const struct dma_entry *e)
{
	int err = dev->transport->ops->dma_map(dev->transport, e->addr, e->size, e->iova, e->fd,
					       e->fd_offset);

	if (!err)
		return 0;
	return mpnic_i_fail(dev, err, "the device cannot be given %llu bytes of memory: %s",
			    (unsigned long long)e->size,
			    dev->transport->why[0] ? dev->transport->why : strerror(-err));
}

static bool overlaps(const struct mpnic_dev *dev, uint64_t iova, uint64_t size)
{
	for (const struct dma_entry *e = dev->dma; e; e = e->next)
		if (iova < e->iova + e->size && e->iova < iova + size)
			return true;
	return false;
}

/* Takes fd over, also on error. */
static int add_entry(struct mpnic_dev *dev, const struct dma_entry *like)
{
	struct dma_entry *e = malloc(sizeof(*e));
	int err;

	if (!e) {
		if (like->fd >= 0)
			close(like->fd);
		return mpnic_i_fail(dev, -ENOMEM, "out of memory");
	}
	*e = *like;
	err = map_entry(dev, e);
	if (err) {
		if (e->fd >= 0)
			close(e->fd);
		free(e);
		return err;
	}
	e->next = dev->dma;
	dev->dma = e;
	return 0;
}

int mpnic_dma_map(struct mpnic_dev *dev, void *addr, size_t size, uint64_t iova, int fd,
		  uint64_t fd_offset)
{
	struct dma_entry e = {
		.addr = addr, .size = size, .iova = iova, .fd = -1, .fd_offset = fd_offset};
	size_t page = page_size();

	if (!size || size % page || (uintptr_t)addr % page || iova % page || fd_offset % page ||
	    iova + size < iova)
		return mpnic_i_fail(dev, -EINVAL, "memory for the device is of whole pages");
	if (overlaps(dev, iova, size))
		return mpnic_i_fail(dev, -EEXIST, "bus address 0x%llx is mapped already",
				    (unsigned long long)iova);
	if (fd >= 0) {
		e.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (e.fd < 0)
			return mpnic_i_fail(dev, -errno, "memory's file: %s", strerror(errno));
	}
	return add_entry(dev, &e);
}

static int unmap(struct mpnic_dev *dev, uint64_t iova, size_t size, bool owned)
{
	for (struct dma_entry **at = &dev->dma; *at; at = &(*at)->next) {
		struct dma_entry *e = *at;
		int err;

		if (e->iova != iova || e->size != size || e->owned != owned)
			continue;
		*at = e->next;
		err = dev->transport->ops->dma_unmap(dev->transport, iova, size);
		if (e->fd >= 0)
			close(e->fd);
		free(e);
		if (err)
			return mpnic_i_fail(dev, err, "memory cannot be taken from the device: %s",
					    dev->transport->why[0] ? dev->transport->why
								   : strerror(-err));
		return 0;
	}
	return mpnic_i_fail(dev, -ENOENT, "bus address 0x%llx is not mapped",
			    (unsigned long long)iova);
}

int mpnic_dma_unmap(struct mpnic_dev *dev, uint64_t iova, size_t size)
{
	return unmap(dev, iova, size, false);
}

/*
 * The file is sealed: a process that it is handed to could otherwise cut it off, and our next
 * access would be a SIGBUS.
 */
static int make_file(size_t size)
{
	int fd = memfd_create("mpnic", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int err;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int mpnic_dma_alloc(struct mpnic_dev *dev, size_t size, struct mpnic_dma *dma)
{
	size_t page = page_size();
	struct dma_entry e = {.owned = true};
	int err;

	*dma = (struct mpnic_dma){.fd = -1};
	if (!size || size > SIZE_MAX / 2)
		return mpnic_i_fail(dev, -EINVAL, "%zu bytes of memory", size);
	e.size = (size + page - 1) / page * page;
	e.fd = make_file(e.size);
	if (e.fd < 0)
		return mpnic_i_fail(dev, e.fd, "no memory for the device: %s", strerror(-e.fd));
	e.addr = mmap(NULL, e.size, PROT_READ | PROT_WRITE, MAP_SHARED, e.fd, 0);
	if (e.addr == MAP_FAILED) {
		err = -errno;
		close(e.fd);
		return mpnic_i_fail(dev, err, "no memory for the device: %s", strerror(-err));
	}
	e.iova = (uintptr_t)e.addr;
	err = add_entry(dev, &e);
	if (err) {
		munmap(e.addr, e.size);
		return err;
	}
	*dma = (struct mpnic_dma){.addr = e.addr, .iova = e.iova, .size = e.size, .fd = e.fd};
	return 0;
}

void mpnic_dma_free(struct mpnic_dev *dev, struct mpnic_dma *dma)
{
	if (!dma->addr)
		return;
	/* An error means that the device is gone: there is nobody to keep the memory for. */
	unmap(dev, dma->iova, dma->size, true);
	munmap(dma->addr, dma->size);
	*dma = (struct mpnic_dma){.fd = -1};
}

int mpnic_i_dma_remap(struct mpnic_dev *dev)
{
	for (const struct dma_entry *e = dev->dma; e; e = e->next) {
		int err = map_entry(dev, e);

		if (err)
			return err;
	}
	return 0;
}

/* The transport is closed already. */
void mpnic_i_dma_free_all(struct mpnic_dev *dev)
{
	while (dev->dma) {
		struct dma_entry *e = dev->dma;

		dev->dma = e->next;
		if (e->owned)
			munmap(e->addr, e->size);
		if (e->fd >= 0)
			close(e->fd);
		free(e);
	}
}

int mpnic_irq_set(struct mpnic_dev *dev, unsigned int first, unsigned int count, const int *fds)
{
	int err;

	if (first > dev->info.vectors || count > dev->info.vectors - first)
		return mpnic_i_fail(dev, -ERANGE, "vectors %u to %u of %u", first,
				    first + count - 1, dev->info.vectors);
	if (!count)
		return 0;
	err = dev->transport->ops->irq_set(dev->transport, first, count, fds);
	if (err)
		return mpnic_i_fail(dev, err, "interrupts cannot be set: %s",
				    dev->transport->why[0] ? dev->transport->why : strerror(-err));
	memcpy(&dev->irq_fd[first], fds, count * sizeof(*fds));
	return 0;
}
