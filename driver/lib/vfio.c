/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transport: a card bound to vfio-pci, by container and group (<linux/vfio.h>).
 *
 * Registers are accessed through the kernel (pread, pwrite), doorbells through a mapping. The
 * kernel's way costs some 100 ns beside the microsecond that a register costs anyway, works for
 * every page of the BAR (older kernels do not map the one with the MSI-X table), and gives an error
 * where a card is unplugged; a mapped access would be a SIGBUS.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_BYTES 4096u
#define SYSFS	   "/sys/bus/pci/devices/"

struct vfio {
	struct mpnic_transport transport;
	pthread_mutex_t lock; /* of why and of the vectors */
	char bdf[16];
	int container, group, device;
	uint64_t bar;	 /* offset of BAR 0 in the device's file */
	uint64_t config; /* of its configuration space */
	uint32_t vectors;
	bool vectors_on;
	int vector_fd[MPNIC_VECTORS];
	void *page;
	bool gone;
};

static struct vfio *of(struct mpnic_transport *transport)
{
	return (struct vfio *)transport;
}

static int why(struct vfio *v, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int why(struct vfio *v, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(v->transport.why, sizeof(v->transport.why), format, args);
	va_end(args);
	return err;
}

/* --- registers ------------------------------------------------------------------------------- */

static int v_gone(struct vfio *v, const char *how)
{
	v->gone = true;
	return why(v, -ENODEV, "%s: %s", v->bdf, how);
}

/* A card that is unplugged reads as ones everywhere. */
static int check_ones(struct vfio *v)
{
	uint32_t signature;

	if (pread(v->device, &signature, 4, (off_t)(v->bar + MPNIC_HOST_SIGNATURE)) == 4 &&
	    signature != UINT32_MAX)
		return 0;
	return v_gone(v, "its registers cannot be read; was it unplugged?");
}

static int v_read32(struct mpnic_transport *t, uint32_t offset, uint32_t *value)
{
	struct vfio *v = of(t);
	ssize_t n;

	*value = 0;
	if (v->gone)
		return -ENODEV;
	n = pread(v->device, value, 4, (off_t)(v->bar + offset));
	if (n != 4)
		return v_gone(v, n < 0 ? strerror(errno) : "short read");
	return *value == UINT32_MAX ? check_ones(v) : 0;
}

static int v_write32(struct mpnic_transport *t, uint32_t offset, uint32_t value)
{
	struct vfio *v = of(t);
	ssize_t n;

	if (v->gone)
		return -ENODEV;
	n = pwrite(v->device, &value, 4, (off_t)(v->bar + offset));
	return n == 4 ? 0 : v_gone(v, n < 0 ? strerror(errno) : "short write");
}

static int v_map_doorbells(struct mpnic_transport *t, volatile uint32_t **page)
{
	*page = of(t)->page;
	return *page ? 0 : why(of(t), -ENOTSUP, "the kernel does not map the doorbells");
}

/* --- memory and interrupts ------------------------------------------------------------------- */

static int v_dma_map(struct mpnic_transport *t, void *addr, uint64_t size, uint64_t iova, int fd,
		     uint64_t fd_offset)
{
	struct vfio_iommu_type1_dma_map m = {
		.argsz = sizeof(m),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)addr,
		.iova = iova,
		.size = size,
	};
	int err;

	(void)fd;
	(void)fd_offset;
	if (!ioctl(of(t)->container, VFIO_IOMMU_MAP_DMA, &m))
		return 0;
	err = -errno;
	if (err == -ENOMEM)
		return why(of(t), err,
			   "the kernel locks no more memory for this user: raise `ulimit -l`");
	return why(of(t), err, "the IOMMU does not take the memory: %s", strerror(-err));
}

static int v_dma_unmap(struct mpnic_transport *t, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap m = {.argsz = sizeof(m), .iova = iova, .size = size};

	if (!ioctl(of(t)->container, VFIO_IOMMU_UNMAP_DMA, &m))
		return 0;
	return why(of(t), -errno, "the IOMMU does not give the memory back: %s", strerror(errno));
}

static int set_irqs(struct vfio *v, unsigned int first, unsigned int count)
{
	struct {
		struct vfio_irq_set set;
		int fd[MPNIC_VECTORS];
	} m = {
		.set =
			{
				.argsz = (uint32_t)(sizeof(m.set) + count * sizeof(int)),
				.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
				.index = VFIO_PCI_MSIX_IRQ_INDEX,
				.start = first,
				.count = count,
			},
	};

	memcpy((char *)&m + sizeof(m.set), v->vector_fd + first, count * sizeof(int));
	return ioctl(v->device, VFIO_DEVICE_SET_IRQS, &m) ? -errno : 0;
}

/*
 * Kernels before 6.5 give a device no vector beyond those that it was first enabled with, so all
 * are enabled at once; those without an eventfd raise nothing.
 */
static int v_irq_set(struct mpnic_transport *t, unsigned int first, unsigned int count,
		     const int *fds)
{
	struct vfio *v = of(t);
	int err;

	if (first > v->vectors || count > v->vectors - first)
		return why(v, -ERANGE, "the card has %u MSI-X vectors", v->vectors);
	pthread_mutex_lock(&v->lock);
	memcpy(v->vector_fd + first, fds, count * sizeof(*fds));
	err = v->vectors_on ? set_irqs(v, first, count) : set_irqs(v, 0, v->vectors);
	if (!err)
		v->vectors_on = true;
	pthread_mutex_unlock(&v->lock);
	return err ? why(v, err, "MSI-X cannot be set: %s", strerror(-err)) : 0;
}

static int v_reset(struct mpnic_transport *t)
{
	struct vfio *v = of(t);

	if (v->gone)
		return -ENODEV;
	if (!ioctl(v->device, VFIO_DEVICE_RESET))
		return 0;
	return why(v, -errno, "the card's function cannot be reset: %s", strerror(errno));
}

static void v_close(struct mpnic_transport *t)
{
	struct vfio *v = of(t);

	if (v->page)
		munmap(v->page, PAGE_BYTES);
	if (v->device >= 0)
		close(v->device);
	if (v->group >= 0)
		close(v->group);
	if (v->container >= 0)
		close(v->container);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

/* --- setting up ------------------------------------------------------------------------------ */

static int parse_bdf(const char *name, char bdf[16])
{
	unsigned int domain = 0, bus, slot, function;
	char end;

	if (sscanf(name, "%4x:%2x:%2x.%1x%c", &domain, &bus, &slot, &function, &end) != 4) {
		domain = 0;
		if (sscanf(name, "%2x:%2x.%1x%c", &bus, &slot, &function, &end) != 3)
			return -EINVAL;
	}
	if (slot > 31 || function > 7)
		return -EINVAL;
	snprintf(bdf, 16, "%04x:%02x:%02x.%x", domain & 0xffff, bus & 0xff, slot, function);
	return 0;
}

/* The last part of where a link of the device's folder in sysfs points to. */
static bool link_of(const struct vfio *v, const char *name, char *to, size_t size)
{
	char path[96], target[512];
	const char *last;
	ssize_t n;

	snprintf(path, sizeof(path), SYSFS "%s/%s", v->bdf, name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	if (strlen(last) >= size)
		return false;
	strcpy(to, last);
	return true;
}

static int check_bound(struct vfio *v, char group[32])
{
	char path[96], driver[64];

	snprintf(path, sizeof(path), SYSFS "%s", v->bdf);
	if (access(path, F_OK))
		return why(v, -ENODEV, "there is no PCI device %s", v->bdf);
	if (!link_of(v, "driver", driver, sizeof(driver)))
		return why(
			v, -ENODEV,
			"%s has no driver: bind it to vfio-pci (`driverctl set-override %s vfio-pci`)",
			v->bdf, v->bdf);
	if (strcmp(driver, "vfio-pci"))
		return why(v, -EBUSY, "%s is bound to %s, not to vfio-pci", v->bdf, driver);
	if (!link_of(v, "iommu_group", group, 32))
		return why(v, -ENODEV, "%s is in no IOMMU group: enable the IOMMU", v->bdf);
	return 0;
}

static int open_container(struct vfio *v)
{
	v->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (v->container < 0)
		return why(v, -errno, "/dev/vfio/vfio: %s; is the module vfio loaded?",
			   strerror(errno));
	if (ioctl(v->container, VFIO_GET_API_VERSION) != VFIO_API_VERSION)
		return why(v, -EPROTONOSUPPORT, "the kernel's VFIO has another version");
	if (ioctl(v->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) != 1)
		return why(v, -EPROTONOSUPPORT, "the kernel has no type 1 IOMMU for VFIO");
	return 0;
}

static int open_group(struct vfio *v, const char *number)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	char path[64];

	snprintf(path, sizeof(path), "/dev/vfio/%s", number);
	v->group = open(path, O_RDWR | O_CLOEXEC);
	if (v->group < 0)
		return why(v, -errno, "%s: %s", path,
			   errno == EBUSY ? "another program has it" : strerror(errno));
	if (ioctl(v->group, VFIO_GROUP_GET_STATUS, &status))
		return why(v, -errno, "IOMMU group %s: %s", number, strerror(errno));
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return why(
			v, -EBUSY,
			"IOMMU group %s is not viable: all its devices must be bound to vfio-pci",
			number);
	if (ioctl(v->group, VFIO_GROUP_SET_CONTAINER, &v->container))
		return why(v, -errno, "IOMMU group %s: %s", number, strerror(errno));
	if (ioctl(v->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return why(v, -errno, "type 1 IOMMU: %s", strerror(errno));
	v->device = ioctl(v->group, VFIO_GROUP_GET_DEVICE_FD, v->bdf);
	return v->device < 0 ? why(v, -errno, "%s: %s", v->bdf, strerror(errno)) : 0;
}

static int get_regions(struct vfio *v)
{
	struct vfio_region_info bar = {.argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX};
	struct vfio_region_info config = {.argsz = sizeof(config),
					  .index = VFIO_PCI_CONFIG_REGION_INDEX};
	struct vfio_irq_info irq = {.argsz = sizeof(irq), .index = VFIO_PCI_MSIX_IRQ_INDEX};

	if (ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, &bar) ||
	    ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, &config))
		return why(v, -errno, "%s: regions: %s", v->bdf, strerror(errno));
	if (bar.size < MPNIC_BAR_SIZE)
		return why(v, -EPROTONOSUPPORT, "BAR 0 of %s has %llu bytes, not %u", v->bdf,
			   (unsigned long long)bar.size, MPNIC_BAR_SIZE);
	v->bar = bar.offset;
	v->config = config.offset;
	if (bar.flags & VFIO_REGION_INFO_FLAG_MMAP) {
		v->page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, v->device,
			       (off_t)(v->bar + MPNIC_BAR_DOORBELL));
		if (v->page == MAP_FAILED)
			v->page = NULL;
	}
	if (!ioctl(v->device, VFIO_DEVICE_GET_IRQ_INFO, &irq))
		v->vectors = irq.count < MPNIC_VECTORS ? irq.count : MPNIC_VECTORS;
	return 0;
}

/* Let the card answer and reach memory. */
static int enable(struct vfio *v)
{
	off_t at = (off_t)(v->config + PCI_COMMAND);
	uint16_t command;

	if (pread(v->device, &command, 2, at) != 2)
		return why(v, -EIO, "%s: its configuration cannot be read", v->bdf);
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	if (pwrite(v->device, &command, 2, at) != 2)
		return why(v, -EIO, "%s: its configuration cannot be written", v->bdf);
	return 0;
}

static const struct mpnic_transport_ops vfio_ops = {
	.read32 = v_read32,
	.write32 = v_write32,
	.map_doorbells = v_map_doorbells,
	.dma_map = v_dma_map,
	.dma_unmap = v_dma_unmap,
	.irq_set = v_irq_set,
	.reset = v_reset,
	.close = v_close,
};

static int set_up(struct vfio *v)
{
	char group[32];
	int err = check_bound(v, group);

	if (!err)
		err = open_container(v);
	if (!err)
		err = open_group(v, group);
	if (!err)
		err = get_regions(v);
	return err ? err : enable(v);
}

static int fail(char error[MPNIC_ERROR_MAX], int err, const char *format, const char *arg)
{
	if (error)
		snprintf(error, MPNIC_ERROR_MAX, format, arg);
	return err;
}

int mpnic_vfio_open(const char *name, struct mpnic_transport **transport,
		    char error[MPNIC_ERROR_MAX])
{
	struct vfio *v = calloc(1, sizeof(*v));
	int err;

	if (!v)
		return fail(error, -ENOMEM, "%s", "out of memory");
	v->transport.ops = &vfio_ops;
	v->transport.kind = "vfio";
	v->transport.pci = v->bdf;
	v->container = v->group = v->device = -1;
	for (unsigned int i = 0; i < MPNIC_VECTORS; i++)
		v->vector_fd[i] = -1;
	pthread_mutex_init(&v->lock, NULL);
	if (parse_bdf(name, v->bdf)) {
		v_close(&v->transport);
		return fail(error, -EINVAL,
			    "'%s' is no device: a PCI address (0000:01:00.0) or vfio-user:PATH is",
			    name);
	}
	err = set_up(v);
	if (err) {
		fail(error, err, "%s", v->transport.why);
		v_close(&v->transport);
		return err;
	}
	*transport = &v->transport;
	return 0;
}
