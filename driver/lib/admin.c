/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The admin queue. A ring of commands, a ring of completions in the same order.
 *
 * A command that is not answered in time is abandoned, not forgotten: its place stays taken and its
 * cookie stays expected, so that a completion that comes late finds its command, and the command
 * finds nobody. All of this happens under the queue's lock, so a completion is either taken or
 * given up, never both.
 */
#include "internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MS	   1000000ull
#define US	   1000ull
#define SPIN_NS	   (20 * US) /* this long it is polled without a pause */
#define PAUSE_MAX  (1 * MS)  /* between polls */
#define FD_WAIT_MS 10	     /* for an interrupt, which may be lost */
#define LOOK_NS	   (50 * MS) /* how often a waiting thread looks whether the device lives */

static const char *op_name(unsigned int op)
{
	return mpnic_admin_op_name(op);
}

static uint32_t entries(const struct admin_queue *a)
{
	return 1u << a->log2;
}

static struct admin_slot *slot_of(struct admin_queue *a, uint32_t number)
{
	return &a->slot[number & (entries(a) - 1)];
}

static void finish(struct admin_slot *slot, int err, const struct mpnic_admin_cpl *cpl)
{
	mpnic_admin_done done = slot->done;
	void *ctx = slot->ctx;

	slot->done = NULL; /* once */
	if (done)
		done(ctx, err, cpl);
}

int mpnic_i_admin_init(struct mpnic_dev *dev)
{
	struct admin_queue *a = &dev->admin;
	pthread_mutexattr_t attr;

	a->state = -ENOTCONN;
	a->irq_fd = -1;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&a->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	return 0;
}

void mpnic_i_admin_free(struct mpnic_dev *dev)
{
	pthread_mutex_destroy(&dev->admin.lock);
	if (dev->admin.irq_fd >= 0)
		close(dev->admin.irq_fd);
}

static void end_all(struct admin_queue *a, int err)
{
	uint32_t tail = a->tail;

	a->state = err;
	for (; a->head != tail; a->head++)
		finish(slot_of(a, a->head), err == -ENOTCONN ? -ECANCELED : err, NULL);
}

void mpnic_i_admin_fail(struct mpnic_dev *dev, int err)
{
	pthread_mutex_lock(&dev->admin.lock);
	end_all(&dev->admin, err);
	pthread_mutex_unlock(&dev->admin.lock);
}

static int make_irq(struct mpnic_dev *dev)
{
	struct admin_queue *a = &dev->admin;

	if (!dev->options.admin_irq)
		return 0;
	if (a->irq_fd < 0)
		a->irq_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (a->irq_fd < 0)
		return mpnic_i_fail(dev, -errno, "no eventfd: %s", strerror(errno));
	return mpnic_irq_set(dev, 0, 1, &a->irq_fd);
}

static int write64(struct mpnic_dev *dev, uint32_t offset, uint64_t value)
{
	int err = mpnic_i_write(dev, offset, (uint32_t)value);

	return err ? err : mpnic_i_write(dev, offset + 4, (uint32_t)(value >> 32));
}

static int make_rings(struct mpnic_dev *dev)
{
	struct admin_queue *a = &dev->admin;
	int err;

	a->log2 = dev->options.admin_log2;
	if (a->mem.addr)
		return 0;
	err = mpnic_dma_alloc(
		dev, entries(a) * (sizeof(struct mpnic_admin_cmd) + sizeof(struct mpnic_admin_cpl)),
		&a->mem);
	if (err)
		return err;
	a->cmd = a->mem.addr;
	a->cpl = (struct mpnic_admin_cpl *)(a->cmd + entries(a));
	return 0;
}

/*
 * Writes of registers are posted, doorbells may be memory: reading the register back sees to it
 * that the device has taken the write before it sees the memory that we touch next. A queue that
 * starts also zeroes its doorbell.
 */
static int set_control(struct mpnic_dev *dev, uint32_t control)
{
	uint32_t value;
	int err = mpnic_i_write(dev, MPNIC_HOST_ADMIN_CONTROL, control);

	if (!err)
		err = mpnic_i_read(dev, MPNIC_HOST_ADMIN_CONTROL, &value);
	if (!err && value != control)
		return mpnic_i_fail(dev, -EIO, "the admin queue cannot be %s (0x%x)",
				    control ? "enabled" : "stopped", value);
	return err;
}

int mpnic_i_admin_start(struct mpnic_dev *dev)
{
	struct admin_queue *a = &dev->admin;
	int err = make_rings(dev);

	if (!err)
		err = make_irq(dev);
	if (!err)
		err = set_control(dev, 0);
	if (err)
		return err;
	memset(a->mem.addr, 0, a->mem.size);
	a->tail = a->head = 0;
	a->timeouts = 0;
	err = mpnic_i_doorbell_preset(dev, MPNIC_DOORBELL_ADMIN, 0);
	if (!err)
		err = write64(dev, MPNIC_HOST_ADMIN_RING, a->mem.iova);
	if (!err)
		err = write64(dev, MPNIC_HOST_ADMIN_CPL,
			      a->mem.iova + entries(a) * sizeof(struct mpnic_admin_cmd));
	if (!err)
		err = mpnic_i_write(dev, MPNIC_HOST_ADMIN_LOG2, a->log2);
	if (!err)
		err = mpnic_i_write(dev, MPNIC_HOST_ADMIN_VECTOR,
				    a->irq_fd < 0 ? MPNIC_NO_VECTOR : 0);
	if (!err)
		err = set_control(dev, MPNIC_ADMIN_CONTROL_ENABLE);
	if (!err)
		a->state = 0;
	return err;
}

int mpnic_admin_fd(const struct mpnic_dev *dev)
{
	return dev->admin.irq_fd;
}

int mpnic_status_errno(unsigned int status)
{
	switch (status) {
	case MPNIC_STATUS_OK:
		return 0;
	case MPNIC_STATUS_UNKNOWN:
		return -EOPNOTSUPP;
	case MPNIC_STATUS_VERSION:
		return -EPROTONOSUPPORT;
	case MPNIC_STATUS_INVALID:
		return -EINVAL;
	case MPNIC_STATUS_RANGE:
		return -ERANGE;
	case MPNIC_STATUS_EXISTS:
		return -EEXIST;
	case MPNIC_STATUS_MISSING:
		return -ENOENT;
	case MPNIC_STATUS_FULL:
		return -ENOSPC;
	case MPNIC_STATUS_BUSY:
		return -EBUSY;
	case MPNIC_STATUS_IO:
		return -EIO;
	default:
		return -EPROTO;
	}
}

const char *mpnic_status_text(unsigned int status)
{
	switch (status) {
	case MPNIC_STATUS_OK:
		return "done";
	case MPNIC_STATUS_UNKNOWN:
		return "the device does not know this command";
	case MPNIC_STATUS_VERSION:
		return "the device does not speak this version";
	case MPNIC_STATUS_INVALID:
		return "the device refuses a value";
	case MPNIC_STATUS_RANGE:
		return "an index or id is out of range";
	case MPNIC_STATUS_EXISTS:
		return "it is there already";
	case MPNIC_STATUS_MISSING:
		return "it is not there";
	case MPNIC_STATUS_FULL:
		return "no room is left in the table";
	case MPNIC_STATUS_BUSY:
		return "not in this state: in use, or not yet enabled";
	case MPNIC_STATUS_IO:
		return "the device could not do it";
	default:
		return "a status that this driver does not know";
	}
}

/* --- completions (all with the lock held) ---------------------------------------------------- */

/* Copies the next completion, if it is there. */
static bool next_completion(struct admin_queue *a, struct mpnic_admin_cpl *cpl)
{
	const struct mpnic_admin_cpl *at = &a->cpl[a->head & (entries(a) - 1)];
	uint8_t phase = (a->head >> a->log2 & 1) ^ 1;

	if (__atomic_load_n(&at->phase, __ATOMIC_ACQUIRE) != phase)
		return false;
	memcpy(cpl, at, sizeof(*cpl));
	atomic_signal_fence(memory_order_seq_cst); /* from here on the copy alone is looked at */
	return true;
}

static int lied(struct mpnic_dev *dev, const struct admin_slot *slot,
		const struct mpnic_admin_cpl *cpl)
{
	mpnic_i_fail(dev, -EPROTO, "admin completion of %s, cookie %u, where %s, cookie %u was due",
		     op_name(cpl->op), cpl->cookie, op_name(slot->op), slot->cookie);
	mpnic_i_log(dev, MPNIC_LOG_ERROR, "%s", dev->error);
	end_all(&dev->admin, -EPROTO);
	return -EPROTO;
}

static int take_completions(struct mpnic_dev *dev)
{
	struct admin_queue *a = &dev->admin;
	struct mpnic_admin_cpl cpl;
	int count = 0;

	while (!a->state && a->head != a->tail && next_completion(a, &cpl)) {
		struct admin_slot slot = *slot_of(a, a->head);

		if (cpl.op != slot.op || cpl.cookie != slot.cookie)
			return lied(dev, &slot, &cpl);
		if (slot.abandoned)
			mpnic_i_log(dev, MPNIC_LOG_WARN, "%s, cookie %u, was answered late",
				    op_name(slot.op), slot.cookie);
		a->head++;
		count++;
		finish(&slot, mpnic_status_errno(cpl.status), &cpl);
	}
	return a->state ? a->state : count;
}

static void give_up_old(struct mpnic_dev *dev)
{
	struct admin_queue *a = &dev->admin;
	uint32_t tail = a->tail;
	uint64_t now = a->head == tail ? 0 : mpnic_i_now();

	for (uint32_t n = a->head; !a->state && n != tail; n++) {
		struct admin_slot *slot = slot_of(a, n);

		if (slot->abandoned || now < slot->deadline)
			continue;
		mpnic_i_fail(dev, -ETIMEDOUT, "%s was not answered in %u ms", op_name(slot->op),
			     dev->options.admin_ms);
		mpnic_i_log(dev, MPNIC_LOG_WARN, "%s", dev->error);
		a->timeouts++;
		finish(slot, -ETIMEDOUT, NULL);
		slot->abandoned = true;
	}
}

static int poll_locked(struct mpnic_dev *dev)
{
	struct admin_queue *a = &dev->admin;
	int count;

	if (a->state)
		return a->state;
	if (a->polling)
		return 0;
	a->polling = true;
	count = take_completions(dev);
	give_up_old(dev);
	a->polling = false;
	return count;
}

int mpnic_admin_poll(struct mpnic_dev *dev)
{
	int count;

	pthread_mutex_lock(&dev->admin.lock);
	count = poll_locked(dev);
	pthread_mutex_unlock(&dev->admin.lock);
	return count;
}

/* --- commands -------------------------------------------------------------------------------- */

static int ring(struct mpnic_dev *dev)
{
	struct mpnic_transport *t = dev->transport;
	const uint32_t tail = dev->admin.tail;

	if (t->ops->serve && !mpnic_i_doorbell_preset(dev, MPNIC_DOORBELL_ADMIN, tail) &&
	    !t->ops->serve(t))
		return 0;
	return mpnic_i_doorbell(dev, MPNIC_DOORBELL_ADMIN, tail, NULL);
}

static int post_locked(struct mpnic_dev *dev, struct mpnic_admin_cmd *cmd, mpnic_admin_done done,
		       void *ctx)
{
	struct admin_queue *a = &dev->admin;
	int err;

	if (a->state)
		return a->state;
	if (a->tail - a->head == entries(a))
		return -EAGAIN;
	cmd->cookie = (uint16_t)a->tail;
	memset(cmd->reserved, 0, sizeof(cmd->reserved));
	*slot_of(a, a->tail) = (struct admin_slot){
		.op = cmd->op,
		.cookie = cmd->cookie,
		.deadline = mpnic_i_now() + dev->options.admin_ms * MS,
		.done = done,
		.ctx = ctx,
	};
	a->cmd[a->tail & (entries(a) - 1)] = *cmd;
	a->tail++;
	err = ring(dev);
	if (!err)
		return 0;
	/* The caller is told by the return value, so not by its callback too. */
	slot_of(a, a->tail - 1)->done = NULL;
	if (err == -ENODEV)
		end_all(a, err);
	return mpnic_i_fail(dev, err, "the admin doorbell cannot be rung: %s",
			    dev->transport->why[0] ? dev->transport->why : strerror(-err));
}

static int not_started(struct mpnic_dev *dev, int err)
{
	if (err == -ENOTCONN)
		return mpnic_i_fail(dev, err, "the device is not started");
	return err;
}

int mpnic_admin_post(struct mpnic_dev *dev, struct mpnic_admin_cmd *cmd, mpnic_admin_done done,
		     void *ctx)
{
	int err;

	pthread_mutex_lock(&dev->admin.lock);
	err = post_locked(dev, cmd, done, ctx);
	pthread_mutex_unlock(&dev->admin.lock);
	return not_started(dev, err);
}

static void waiter_done(void *ctx, int err, const struct mpnic_admin_cpl *cpl)
{
	struct admin_wait *wait = ctx;

	wait->err = err;
	if (cpl)
		wait->cpl = *cpl;
	wait->finished = true;
}

/* Firmware that died answers nothing: no need to wait for the time-out. */
static int look(struct mpnic_dev *dev)
{
	uint32_t status, fw;
	int err = mpnic_i_read(dev, MPNIC_HOST_DEVICE_STATUS, &status);

	if (err || status == MPNIC_DEVICE_STATUS_RUNNING)
		return err;
	err = mpnic_i_read(dev, MPNIC_HOST_FW_STATUS, &fw);
	if (err)
		return err;
	return mpnic_i_fail(dev, -EIO, "the device is in state %s, its firmware: %s",
			    mpnic_device_status_name(status), mpnic_fw_status_text(fw));
}

static void pause_for(const struct mpnic_dev *dev, uint64_t waited)
{
	struct pollfd p = {.fd = dev->admin.irq_fd, .events = POLLIN};
	uint64_t value;

	if (waited < SPIN_NS)
		return;
	if (p.fd < 0) {
		mpnic_i_sleep(waited / 4 < PAUSE_MAX ? waited / 4 : PAUSE_MAX);
		return;
	}
	if (poll(&p, 1, FD_WAIT_MS) > 0 && read(p.fd, &value, sizeof(value)) < 0)
		return; /* another thread took it: it polls for us too */
}

static bool poll_for(struct mpnic_dev *dev, const struct admin_wait *wait)
{
	bool finished;

	pthread_mutex_lock(&dev->admin.lock);
	poll_locked(dev);
	finished = wait->finished;
	pthread_mutex_unlock(&dev->admin.lock);
	return finished;
}

/* Wait until *finished, which another thread's poll may set. An error that ends all commands
 * finishes this one too. */
static void wait_for(struct mpnic_dev *dev, const struct admin_wait *wait)
{
	uint64_t start, looked;

	/* It often is answered by now, where the device was served in this thread. */
	if (poll_for(dev, wait))
		return;
	start = looked = mpnic_i_now();
	while (!poll_for(dev, wait)) {
		uint64_t now = mpnic_i_now();
		int err = 0;

		if (now - looked > LOOK_NS) {
			looked = now;
			err = look(dev);
		}
		if (err)
			mpnic_i_admin_fail(dev, err);
		else
			pause_for(dev, now - start);
	}
}

static int post_or_wait(struct mpnic_dev *dev, struct mpnic_admin_cmd *cmd, struct admin_wait *wait)
{
	uint64_t deadline = 0;

	for (;;) {
		int err = mpnic_admin_post(dev, cmd, waiter_done, wait);

		if (err != -EAGAIN)
			return err;
		if (!deadline)
			deadline = mpnic_i_now() + dev->options.admin_ms * MS;
		if (mpnic_i_now() > deadline)
			return mpnic_i_fail(
				dev, -ETIMEDOUT,
				"the admin ring stays full: the device answers nothing");
		err = mpnic_admin_poll(dev);
		if (err < 0)
			return err;
		if (!err)
			mpnic_i_sleep(50 * US);
	}
}

int mpnic_admin(struct mpnic_dev *dev, struct mpnic_admin_cmd *cmd, struct mpnic_admin_cpl *cpl)
{
	struct admin_wait wait = {.finished = false};
	int err = post_or_wait(dev, cmd, &wait);

	if (err)
		return err;
	wait_for(dev, &wait);
	if (cpl && !wait.err)
		*cpl = wait.cpl;
	if (wait.err && wait.cpl.status)
		mpnic_i_fail(dev, wait.err, "%s: %s", op_name(cmd->op),
			     mpnic_status_text(wait.cpl.status));
	return wait.err;
}
