/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The VFIO transport over a made-up kernel: the linker hands its system calls to this file
 * (--wrap), where files of /sys and /dev/vfio lead to the device in memory. It shows the order of
 * calls, their structures and every refusal; what a real IOMMU does it cannot show.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>

#include "common.h"

enum {
	CONTAINER = 50001,
	GROUP,
	DEVICE
};

#define CONFIG (7ull << 40)

/* What the made-up kernel is like. */
static struct {
	struct fake *fake;
	bool absent, no_api, no_type1, busy, not_viable, small, no_memory, unplugged, ones, no_map;
	const char *driver, *group; /* NULL: none */
	bool set_container, set_iommu;
	uint16_t command; /* of configuration space */
	unsigned int irq_calls, irq_first, irq_count, opened;
} k;

int __real_open(const char *path, int flags, ...);
int __real_ioctl(int fd, unsigned long request, ...);
int __real_close(int fd);
int __real_access(const char *path, int mode);
ssize_t __real_readlink(const char *path, char *buf, size_t size);
ssize_t __real_pread(int fd, void *buf, size_t size, off_t offset);
ssize_t __real_pwrite(int fd, const void *buf, size_t size, off_t offset);
void *__real_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset);

int __wrap_open(const char *path, int flags, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_close(int fd);
int __wrap_access(const char *path, int mode);
ssize_t __wrap_readlink(const char *path, char *buf, size_t size);
ssize_t __wrap_pread(int fd, void *buf, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *buf, size_t size, off_t offset);
void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset);

static int refuse(int err)
{
	errno = err;
	return -1;
}

int __wrap_open(const char *path, int flags, ...)
{
	if (strncmp(path, "/dev/vfio/", 10) != 0)
		return __real_open(path, flags, 0);
	if (!strcmp(path, "/dev/vfio/vfio")) {
		k.opened++;
		return CONTAINER;
	}
	cr_assert_str_eq(path + 10, k.group);
	if (k.busy)
		return refuse(EBUSY);
	k.opened++;
	return GROUP;
}

int __wrap_close(int fd)
{
	if (fd < CONTAINER || fd > DEVICE)
		return __real_close(fd);
	k.opened--;
	return 0;
}

int __wrap_access(const char *path, int mode)
{
	if (strncmp(path, "/sys/bus/pci/devices/", 21) != 0)
		return __real_access(path, mode);
	return k.absent ? refuse(ENOENT) : 0;
}

ssize_t __wrap_readlink(const char *path, char *buf, size_t size)
{
	const char *to = strstr(path, "/driver") ? k.driver : k.group;
	int n;

	if (strncmp(path, "/sys/bus/pci/devices/", 21) != 0)
		return __real_readlink(path, buf, size);
	cr_assert(!strncmp(path + 21, "0000:01:00.0/", 13), "%s", path);
	if (!to)
		return refuse(ENOENT);
	n = snprintf(buf, size, "../../../somewhere/%s", to);
	return n < (int)size ? n : (int)size;
}

static int region_info(struct vfio_region_info *info)
{
	cr_assert_eq(info->argsz, sizeof(*info));
	if (info->index == VFIO_PCI_CONFIG_REGION_INDEX) {
		info->offset = CONFIG;
		return 0;
	}
	cr_assert_eq(info->index, VFIO_PCI_BAR0_REGION_INDEX);
	info->size = k.small ? 4096 : MPNIC_BAR_SIZE;
	info->flags = k.no_map ? 3 : 7;
	return 0;
}

static int set_irqs(const struct vfio_irq_set *set)
{
	const int *fd = (const int *)set->data;

	cr_assert_eq(set->index, VFIO_PCI_MSIX_IRQ_INDEX);
	cr_assert_eq(set->flags, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER);
	cr_assert_eq(set->argsz, sizeof(*set) + 4 * set->count);
	k.irq_calls++;
	k.irq_first = set->start;
	k.irq_count = set->count;
	return k.fake->transport.ops->irq_set(&k.fake->transport, set->start, set->count, fd);
}

static int device_ioctl(unsigned long request, void *arg)
{
	struct vfio_irq_info *irq = arg;

	switch (request) {
	case VFIO_DEVICE_GET_REGION_INFO:
		return region_info(arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		irq->count = 2048;
		return 0;
	case VFIO_DEVICE_SET_IRQS:
		return set_irqs(arg);
	case VFIO_DEVICE_RESET:
		return k.fake->transport.ops->reset(&k.fake->transport);
	default:
		return refuse(ENOTTY);
	}
}

static int container_ioctl(unsigned long request, void *arg)
{
	const struct mpnic_transport_ops *ops = k.fake->transport.ops;
	const struct vfio_iommu_type1_dma_map *map = arg;
	const struct vfio_iommu_type1_dma_unmap *unmap = arg;

	switch (request) {
	case VFIO_GET_API_VERSION:
		return k.no_api ? 1 : VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return !k.no_type1 && (uintptr_t)arg == VFIO_TYPE1v2_IOMMU;
	case VFIO_SET_IOMMU:
		cr_assert(k.set_container, "IOMMU before container");
		k.set_iommu = true;
		return 0;
	case VFIO_IOMMU_MAP_DMA:
		cr_assert(k.set_iommu && map->argsz == sizeof(*map) && map->flags == 3);
		if (k.no_memory)
			return refuse(ENOMEM);
		return ops->dma_map(&k.fake->transport, (void *)(uintptr_t)map->vaddr, map->size,
				    map->iova, -1, 0);
	case VFIO_IOMMU_UNMAP_DMA:
		cr_assert_eq(unmap->argsz, sizeof(*unmap));
		return ops->dma_unmap(&k.fake->transport, unmap->iova, unmap->size);
	default:
		return refuse(ENOTTY);
	}
}

static int group_ioctl(unsigned long request, void *arg)
{
	struct vfio_group_status *status = arg;

	switch (request) {
	case VFIO_GROUP_GET_STATUS:
		status->flags = k.not_viable ? 0 : VFIO_GROUP_FLAGS_VIABLE;
		return 0;
	case VFIO_GROUP_SET_CONTAINER:
		cr_assert_eq(*(int *)arg, CONTAINER);
		k.set_container = true;
		return 0;
	case VFIO_GROUP_GET_DEVICE_FD:
		cr_assert(k.set_iommu, "device before IOMMU");
		cr_assert_str_eq(arg, "0000:01:00.0");
		k.opened++;
		return DEVICE;
	default:
		return refuse(ENOTTY);
	}
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (fd == CONTAINER)
		return container_ioctl(request, arg);
	if (fd == GROUP)
		return group_ioctl(request, arg);
	return fd == DEVICE ? device_ioctl(request, arg) : __real_ioctl(fd, request, arg);
}

ssize_t __wrap_pread(int fd, void *buf, size_t size, off_t offset)
{
	if (fd != DEVICE)
		return __real_pread(fd, buf, size, offset);
	if (k.unplugged)
		return refuse(EIO);
	if ((uint64_t)offset == CONFIG + PCI_COMMAND) {
		memcpy(buf, &k.command, 2);
		return 2;
	}
	cr_assert(size == 4 && offset < MPNIC_BAR_SIZE);
	if (k.ones)
		memset(buf, 0xff, 4);
	else
		cr_assert_eq(
			k.fake->transport.ops->read32(&k.fake->transport, (uint32_t)offset, buf),
			0);
	return 4;
}

ssize_t __wrap_pwrite(int fd, const void *buf, size_t size, off_t offset)
{
	uint32_t value;

	if (fd != DEVICE)
		return __real_pwrite(fd, buf, size, offset);
	if (k.unplugged)
		return refuse(EIO);
	if ((uint64_t)offset == CONFIG + PCI_COMMAND) {
		memcpy(&k.command, buf, 2);
		return 2;
	}
	cr_assert(size == 4 && offset < MPNIC_BAR_SIZE);
	memcpy(&value, buf, 4);
	k.fake->transport.ops->write32(&k.fake->transport, (uint32_t)offset, value);
	return 4;
}

void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset)
{
	void *page;

	if (fd != DEVICE)
		return __real_mmap(addr, size, prot, flags, fd, offset);
	cr_assert_eq(offset, MPNIC_BAR_DOORBELL);
	cr_assert_eq(size, 4096);
	page = __real_mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(page, k.fake->page, size);
	free(k.fake->page);
	k.fake->page = page;
	return page;
}

/* --- tests ----------------------------------------------------------------------------------- */

static char error[MPNIC_ERROR_MAX];
static struct mpnic_dev *dev;

static void kernel(void)
{
	memset(&k, 0, sizeof(k));
	k.fake = fake_new();
	fake_run_firmware(k.fake, 1);
	k.driver = "vfio-pci";
	k.group = "17";
}

static int open_card(void)
{
	const struct mpnic_options options = {.firmware_path = "/nonexistent"};

	return mpnic_open("01:00.0", &options, &dev, error);
}

static void refused(int err, const char *text)
{
	cr_assert_eq(open_card(), err, "%s", error);
	cr_assert(strstr(error, text), "'%s' is not in '%s'", text, error);
	cr_assert_eq(k.opened, 0);
	kernel();
}

Test(driver_vfio, refusals)
{
	kernel();
	k.absent = true;
	refused(-ENODEV, "no PCI device 0000:01:00.0");
	k.driver = NULL;
	refused(-ENODEV, "has no driver");
	k.driver = "mlx5_core";
	refused(-EBUSY, "bound to mlx5_core");
	k.driver = "a-name-that-is-longer-than-any-driver-of-a-kernel-could-ever-have-been-called";
	refused(-ENODEV, "has no driver");
	k.group = NULL;
	refused(-ENODEV, "no IOMMU group");
	k.no_api = true;
	refused(-EPROTONOSUPPORT, "another version");
	k.no_type1 = true;
	refused(-EPROTONOSUPPORT, "type 1");
	k.busy = true;
	refused(-EBUSY, "another program has it");
	k.not_viable = true;
	refused(-EBUSY, "group 17 is not viable");
	k.small = true;
	refused(-EPROTONOSUPPORT, "4096 bytes");
	k.unplugged = true;
	refused(-EIO, "configuration cannot be read");
	k.ones = true;
	refused(-ENODEV, "unplugged");
}

Test(driver_vfio, frames)
{
	struct mpnic_frame frame[2];
	struct mpnic_sent sent[2];
	struct mpnic_dma dma;
	struct mpnic_rxq *rx;
	struct mpnic_txq *tx;
	struct mpnic_buf buf[2];
	struct mpnic_send send = {.buf = buf, .bufs = 1};

	kernel();
	cr_assert_eq(open_card(), 0, "%s", error);
	cr_assert_eq(k.command & (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER),
		     PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	cr_assert_str_eq(mpnic_info(dev)->transport, "vfio");
	cr_assert_str_eq(mpnic_info(dev)->pci, "0000:01:00.0");
	cr_assert(mpnic_info(dev)->doorbells_mapped);
	OK(mpnic_start(dev, 0));
	k.no_memory = true;
	cr_assert_eq(mpnic_dma_alloc(dev, 4096, &dma), -ENOMEM);
	cr_assert(strstr(mpnic_error(dev), "ulimit"), "%s", mpnic_error(dev));
	k.no_memory = false;
	OK(mpnic_dma_alloc(dev, 8192, &dma));
	OK(mpnic_rxq_create(dev, 0, NULL, &rx));
	OK(mpnic_txq_create(dev, 0, NULL, &tx));
	k.fake->loop = true;
	buf[0] = (struct mpnic_buf){dma.iova, NULL, 600};
	buf[1] = (struct mpnic_buf){dma.iova + 4096, NULL, 2048};
	memset(dma.addr, 0x5a, 600);
	cr_assert_eq(mpnic_rxq_post(rx, &buf[1], 1), 1);
	cr_assert_eq(mpnic_txq_burst(tx, &send, 1), 1);
	cr_assert_eq(mpnic_txq_done(tx, sent, 2), 1);
	cr_assert_eq(mpnic_rxq_burst(rx, frame, 2), 1);
	cr_assert(!memcmp(dma.addr, (char *)dma.addr + 4096, 600));
	cr_assert_eq(k.fake->bad_dma, 0);
	k.unplugged = true;
	cr_assert_eq(mpnic_admin_nop(dev), -ENODEV);
	k.unplugged = false; /* gone is gone */
	cr_assert_eq(mpnic_admin_nop(dev), -ENODEV);
	mpnic_close(dev);
	cr_assert_eq(k.opened, 0);
}

Test(driver_vfio, vectors)
{
	int fds[2] = {60001, 60002};

	kernel();
	cr_assert_eq(open_card(), 0, "%s", error);
	OK(mpnic_irq_set(dev, 3, 2, fds));
	cr_assert(k.irq_first == 0 && k.irq_count == MPNIC_VECTORS, "all are enabled at once");
	cr_assert(k.fake->irq_fd[3] == 60001 && k.fake->irq_fd[4] == 60002);
	cr_assert_eq(k.fake->irq_fd[0], -1);
	fds[0] = -1;
	OK(mpnic_irq_set(dev, 4, 1, fds));
	cr_assert(k.irq_first == 4 && k.irq_count == 1 && k.irq_calls == 2);
	cr_assert_eq(k.fake->irq_fd[4], -1);
	mpnic_close(dev);
}

Test(driver_vfio, without_mapping)
{
	kernel();
	k.no_map = true;
	cr_assert_eq(open_card(), 0, "%s", error);
	cr_assert(!mpnic_info(dev)->doorbells_mapped);
	OK(mpnic_start(dev, 0));
	k.fake->no_reset = true;
	OK(mpnic_reset(dev, MPNIC_RESET_USER)); /* by VFIO_DEVICE_RESET */
	cr_assert_eq(k.fake->reg[MPNIC_HOST_RESET / 4], MPNIC_RESET_POWER);
	mpnic_close(dev);
}
