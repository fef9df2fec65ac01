/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "vfu_private.h"

uint32_t vfu_irq_flags(unsigned int index)
{
	switch (index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		return VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	case VFIO_PCI_MSI_IRQ_INDEX:
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE;
	default:
		return VFIO_IRQ_INFO_EVENTFD;
	}
}

int vfu_irq_init(struct vfu_server *s)
{
	for (unsigned int i = 0; i < VFU_IRQS; i++) {
		s->vector[i] = calloc(s->config.irq[i] ? s->config.irq[i] : 1, sizeof(**s->vector));
		if (!s->vector[i])
			return -ENOMEM;
		for (uint32_t v = 0; v < s->config.irq[i]; v++)
			s->vector[i][v].fd = -1;
	}
	return 0;
}

void vfu_irq_free(struct vfu_server *s)
{
	for (unsigned int i = 0; i < VFU_IRQS; i++)
		free(s->vector[i]);
}

static void set_fd(struct vfu_vector *v, int fd)
{
	if (v->fd >= 0)
		close(v->fd);
	v->fd = fd;
	if (fd < 0)
		v->pending = false;
}

/* The counter of an eventfd may be full, by a client's malice: then it is readable anyway. */
static void write_event(int fd)
{
	static const uint64_t one = 1;
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return;
	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* The lock is held. */
static int raise_vector(struct vfu_server *s, unsigned int index, struct vfu_vector *v)
{
	if (v->fd < 0)
		return VFU_IRQ_ABSENT;
	if (v->masked) {
		v->pending = true;
		return VFU_IRQ_MASKED;
	}
	if (index == VFIO_PCI_INTX_IRQ_INDEX)
		v->masked = true;
	write_event(v->fd);
	s->irqs++;
	return 0;
}

int vfu_irq(struct vfu_server *s, unsigned int irq, unsigned int vector)
{
	int result;

	if (irq >= VFU_IRQS || vector >= s->config.irq[irq])
		return -EINVAL;
	pthread_mutex_lock(&s->irq_lock);
	result = raise_vector(s, irq, &s->vector[irq][vector]);
	pthread_mutex_unlock(&s->irq_lock);
	return result;
}

static void unmask(struct vfu_server *s, unsigned int index, struct vfu_vector *v)
{
	v->masked = false;
	if (!v->pending)
		return;
	v->pending = false;
	raise_vector(s, index, v);
}

static void act(struct vfu_server *s, const struct vfu_irq_change *c, struct vfu_vector *v)
{
	switch (c->action) {
	case VFIO_IRQ_SET_ACTION_MASK:
		v->masked = true;
		break;
	case VFIO_IRQ_SET_ACTION_UNMASK:
		unmask(s, c->index, v);
		break;
	default:
		raise_vector(s, c->index, v);
	}
}

static void change_vector(struct vfu_server *s, const struct vfu_irq_change *c, uint32_t i)
{
	struct vfu_vector *v = &s->vector[c->index][c->start + i];

	switch (c->data) {
	case VFIO_IRQ_SET_DATA_EVENTFD:
		set_fd(v, c->fds[i]);
		break;
	case VFIO_IRQ_SET_DATA_BOOL:
		if (c->bools[i])
			act(s, c, v);
		break;
	default:
		act(s, c, v);
	}
}

static void disable(struct vfu_server *s, unsigned int index)
{
	for (uint32_t i = 0; i < s->config.irq[index]; i++) {
		struct vfu_vector *v = &s->vector[index][i];

		set_fd(v, -1);
		v->masked = false;
	}
}

static int check(const struct vfu_server *s, const struct vfu_irq_change *c)
{
	bool trigger = c->action == VFIO_IRQ_SET_ACTION_TRIGGER;

	if (c->index >= VFU_IRQS)
		return -EINVAL;
	if (c->start > s->config.irq[c->index] || c->count > s->config.irq[c->index] - c->start)
		return -EINVAL;
	if (!c->count && (c->start || !trigger || c->data != VFIO_IRQ_SET_DATA_NONE))
		return -EINVAL;
	if (trigger)
		return 0;
	/* An eventfd for masking: QEMU does without where it is refused. */
	if (c->data == VFIO_IRQ_SET_DATA_EVENTFD)
		return -ENOTSUP;
	return vfu_irq_flags(c->index) & VFIO_IRQ_INFO_MASKABLE ? 0 : -EINVAL;
}

int vfu_irq_change(struct vfu_server *s, const struct vfu_irq_change *c)
{
	int err = check(s, c);

	if (err)
		return err;
	pthread_mutex_lock(&s->irq_lock);
	if (!c->count)
		disable(s, c->index);
	for (uint32_t i = 0; i < c->count; i++)
		change_vector(s, c, i);
	pthread_mutex_unlock(&s->irq_lock);
	return 0;
}

void vfu_irq_forget(struct vfu_server *s, unsigned int index)
{
	pthread_mutex_lock(&s->irq_lock);
	disable(s, index);
	pthread_mutex_unlock(&s->irq_lock);
}
