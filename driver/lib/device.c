/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices: open, start, reset, recover, health; registers and doorbells. */
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mpnic_device_map.h"

#define MS 1000000ull

unsigned int mpnic_lib_version(void)
{
	return MPNIC_LIB_VERSION;
}

uint64_t mpnic_i_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void mpnic_i_sleep(uint64_t ns)
{
	struct timespec t = {.tv_sec = (time_t)(ns / 1000000000u),
			     .tv_nsec = (long)(ns % 1000000000u)};

	nanosleep(&t, NULL);
}

int mpnic_i_fail(struct mpnic_dev *dev, int err, const char *format, ...)
{
	char text[MPNIC_ERROR_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	memcpy(dev->error, text, sizeof(text));
	return err;
}

void mpnic_i_log(const struct mpnic_dev *dev, enum mpnic_log_level level, const char *format, ...)
{
	char text[MPNIC_ERROR_MAX];
	va_list args;

	if (!dev->options.log)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	dev->options.log(dev->options.log_ctx, level, text);
}

const char *mpnic_error(const struct mpnic_dev *dev)
{
	return dev->error;
}

void mpnic_i_text(char *to, size_t size, const void *from, size_t len)
{
	const unsigned char *c = from;
	size_t i;

	for (i = 0; i < len && i + 1 < size && c[i]; i++)
		to[i] = c[i] >= 0x20 && c[i] < 0x7f ? (char)c[i] : '?';
	to[i] = '\0';
}

/* --- registers and doorbells ----------------------------------------------------------------- */

static int access_failed(struct mpnic_dev *dev, const char *what, uint32_t offset, int err)
{
	const char *why = dev->transport->why[0] ? dev->transport->why : strerror(-err);

	if (err == -ENODEV)
		return mpnic_i_fail(dev, err, "the device is gone: %s", why);
	return mpnic_i_fail(dev, err, "%s of register 0x%x failed: %s", what, offset, why);
}

int mpnic_i_read(struct mpnic_dev *dev, uint32_t offset, uint32_t *value)
{
	int err = dev->transport->ops->read32(dev->transport, offset, value);

	return err ? access_failed(dev, "reading", offset, err) : 0;
}

int mpnic_i_write(struct mpnic_dev *dev, uint32_t offset, uint32_t value)
{
	int err = dev->transport->ops->write32(dev->transport, offset, value);

	return err ? access_failed(dev, "writing", offset, err) : 0;
}

static int check_offset(struct mpnic_dev *dev, uint32_t offset, uint32_t size)
{
	if (offset % 4 || offset > MPNIC_BAR_SIZE - size)
		return mpnic_i_fail(dev, -EINVAL, "0x%x is no register", offset);
	return 0;
}

int mpnic_reg_read(struct mpnic_dev *dev, uint32_t offset, uint32_t *value)
{
	int err = check_offset(dev, offset, 4);

	return err ? err : mpnic_i_read(dev, offset, value);
}

int mpnic_reg_write(struct mpnic_dev *dev, uint32_t offset, uint32_t value)
{
	int err = check_offset(dev, offset, 4);

	return err ? err : mpnic_i_write(dev, offset, value);
}

int mpnic_reg_read64(struct mpnic_dev *dev, uint32_t offset, uint64_t *value)
{
	uint32_t low, high;
	int err = check_offset(dev, offset, 8);

	if (!err)
		err = mpnic_i_read(dev, offset, &low);
	if (!err)
		err = mpnic_i_read(dev, offset + 4, &high);
	if (!err)
		*value = (uint64_t)high << 32 | low;
	return err;
}

_Static_assert(MPNIC_PORT_COUNTERS == MPNIC_STAT_REGISTERS, "counters of a port");

int mpnic_port_counters(struct mpnic_dev *dev, unsigned int port,
			uint64_t counter[MPNIC_PORT_COUNTERS])
{
	if (port >= dev->info.ports)
		return mpnic_i_fail(dev, -ERANGE, "there is no port %u", port);
	for (unsigned int i = 0; i < MPNIC_PORT_COUNTERS; i++) {
		uint32_t offset = MPNIC_BAR_STAT + 0x100 * port + mpnic_stat_registers[i].offset;
		int err = mpnic_reg_read64(dev, offset, &counter[i]);

		if (err)
			return err;
	}
	return 0;
}

int mpnic_time(struct mpnic_dev *dev, uint64_t *ns)
{
	return mpnic_reg_read64(dev, MPNIC_HOST_TIME, ns);
}

/*
 * Rings are memory, doorbells may be a card's registers: everything written to memory goes first.
 */
static void io_release(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dmb oshst" ::: "memory");
#else
	atomic_thread_fence(memory_order_release);
#endif
}

int mpnic_i_doorbell_preset(struct mpnic_dev *dev, uint32_t offset, uint32_t value)
{
	if (!dev->page)
		return dev->transport->ops->write32(dev->transport, MPNIC_BAR_DOORBELL + offset,
						    value);
	dev->page[offset / 4] = value;
	return 0;
}

/*
 * A device that found nothing to do sets NEED_KICK, then looks at the doorbells once more, then
 * sleeps. So we store the doorbell, then look at NEED_KICK: between the two, on both sides, must
 * be a full barrier, or each may miss the other's store.
 */
int mpnic_i_doorbell(struct mpnic_dev *dev, uint32_t offset, uint32_t value, uint64_t *kicks)
{
	int err;

	io_release();
	err = mpnic_i_doorbell_preset(dev, offset, value);
	if (err || !dev->kick)
		return err;
	if (dev->page) {
		atomic_thread_fence(memory_order_seq_cst);
		if (!dev->page[MPNIC_DOORBELL_NEED_KICK / 4])
			return 0;
	}
	if (kicks)
		++*kicks;
	return dev->transport->ops->write32(dev->transport, MPNIC_BAR_KICK, 1);
}

/* --- opening --------------------------------------------------------------------------------- */

static int check_caps(struct mpnic_dev *dev)
{
	uint32_t unknown = dev->info.required & ~(uint32_t)KNOWN_CAPS;
	char names[128] = "";
	size_t used = 0;

	if (dev->info.required & ~dev->info.caps)
		return mpnic_i_fail(
			dev, -EPROTO,
			"the device requires capabilities (0x%x) that it does not have (0x%x)",
			dev->info.required, dev->info.caps);
	if (!unknown)
		return 0;
	for (unsigned int bit = 0; bit < 32 && used < sizeof(names); bit++)
		if (unknown >> bit & 1) {
			const char *name = mpnic_cap_bit(bit);
			int n = name ? snprintf(names + used, sizeof(names) - used, " %s", name)
				     : snprintf(names + used, sizeof(names) - used, " bit %u", bit);

			used += (size_t)n;
		}
	return mpnic_i_fail(dev, -EPROTONOSUPPORT,
			    "the device requires capabilities that this driver does not know:%s",
			    names);
}

static int check_version(struct mpnic_dev *dev)
{
	uint32_t signature, version;
	int err = mpnic_i_read(dev, MPNIC_HOST_SIGNATURE, &signature);

	if (err)
		return err;
	if (signature != MPNIC_SIGNATURE)
		return mpnic_i_fail(dev, -EPROTONOSUPPORT,
				    "not an mpnic: its signature is 0x%08x, not 0x%08x", signature,
				    MPNIC_SIGNATURE);
	err = mpnic_i_read(dev, MPNIC_HOST_REGS_VERSION, &version);
	if (err)
		return err;
	if (version >> 16 != MPNIC_REGS_MAJOR)
		return mpnic_i_fail(
			dev, -EPROTONOSUPPORT,
			"the device's registers have version %u.%u, this driver drives %u",
			version >> 16, version & 0xffff, MPNIC_REGS_MAJOR);
	dev->info.regs_version = version;
	return 0;
}

static int check_geometry(struct mpnic_dev *dev)
{
	struct mpnic_info *info = &dev->info;
	uint32_t geometry;
	int err = mpnic_i_read(dev, MPNIC_HOST_GEOMETRY, &geometry);

	if (err)
		return err;
	info->ports = geometry & 0xff;
	info->queues = geometry >> 8 & 0xff;
	info->vectors = geometry >> 16;
	if (info->ports < 1 || info->ports > MPNIC_PORTS || info->queues < 1 ||
	    info->queues > MPNIC_QUEUES || info->vectors > MPNIC_VECTORS)
		return mpnic_i_fail(
			dev, -EPROTO,
			"the device says %u ports, %u queues, %u vectors; at most %u, %u, %u can be",
			info->ports, info->queues, info->vectors, MPNIC_PORTS, MPNIC_QUEUES,
			MPNIC_VECTORS);
	return 0;
}

static int read_serial(struct mpnic_dev *dev)
{
	uint32_t word[8] = {0};

	for (unsigned int i = 0; i < ARRAY_SIZE(word); i++) {
		int err = dev->transport->ops->read32(dev->transport, MPNIC_HOST_SERIAL + 4 * i,
						      &word[i]);

		if (err == -ENODEV)
			return access_failed(dev, "reading", MPNIC_HOST_SERIAL, err);
		if (err)
			return 0; /* one without a serial number */
	}
	mpnic_i_text(dev->info.serial, sizeof(dev->info.serial), word, sizeof(word));
	return 0;
}

static int map_doorbells(struct mpnic_dev *dev)
{
	int err = dev->transport->ops->map_doorbells(dev->transport, &dev->page);

	if (err)
		dev->page = NULL;
	dev->info.doorbells_mapped = !err;
	if (!err || err == -ENOTSUP) {
		if (err)
			mpnic_i_log(dev, MPNIC_LOG_INFO, "doorbells are rung by message: %s",
				    dev->transport->why);
		return 0;
	}
	return mpnic_i_fail(dev, err, "cannot map the doorbells: %s",
			    dev->transport->why[0] ? dev->transport->why : strerror(-err));
}

/* What mpnic_open() and a reconnection look at. */
static int examine(struct mpnic_dev *dev)
{
	int err = check_version(dev);

	if (!err)
		err = mpnic_i_read(dev, MPNIC_HOST_CAPS, &dev->info.caps);
	if (!err)
		err = mpnic_i_read(dev, MPNIC_HOST_CAPS_REQUIRED, &dev->info.required);
	if (!err)
		err = check_caps(dev);
	if (!err)
		err = check_geometry(dev);
	if (!err)
		err = mpnic_i_read(dev, MPNIC_HOST_GENERATION, &dev->info.generation);
	if (!err)
		err = read_serial(dev);
	if (!err)
		err = map_doorbells(dev);
	dev->kick = dev->info.caps & MPNIC_CAP_NEED_KICK;
	return err;
}

static int copy_string(const char *from, char **to)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

static int copy_options(struct mpnic_dev *dev, const struct mpnic_options *options)
{
	int err;

	if (options)
		dev->options = *options;
	err = copy_string(dev->options.firmware, &dev->firmware);
	if (!err)
		err = copy_string(dev->options.firmware_path, &dev->firmware_path);
	if (!err)
		err = copy_string(dev->options.driver ? dev->options.driver : "libmpnic",
				  &dev->driver);
	if (err)
		return mpnic_i_fail(dev, err, "out of memory");
	if (!dev->options.timeout_ms)
		dev->options.timeout_ms = STATE_MS;
	if (!dev->options.admin_ms)
		dev->options.admin_ms = dev->options.timeout_ms > MPNIC_ADMIN_TIMEOUT_MS
						? dev->options.timeout_ms
						: MPNIC_ADMIN_TIMEOUT_MS;
	if (!dev->options.admin_log2)
		dev->options.admin_log2 = 6;
	if (dev->options.admin_log2 < MPNIC_RING_LOG2_MIN ||
	    dev->options.admin_log2 > ADMIN_LOG2_MAX)
		return mpnic_i_fail(dev, -EINVAL,
				    "an admin ring of 2^%u entries; 2^%u to 2^%u can be",
				    dev->options.admin_log2, MPNIC_RING_LOG2_MIN, ADMIN_LOG2_MAX);
	return 0;
}

static void free_device(struct mpnic_dev *dev)
{
	/* First the transport: behind it the device reaches no memory that is freed. */
	dev->transport->ops->close(dev->transport);
	mpnic_i_queues_free(dev);
	mpnic_i_admin_free(dev);
	mpnic_i_dma_free_all(dev);
	free(dev->firmware);
	free(dev->firmware_path);
	free(dev->driver);
	free(dev);
}

static void say(char error[MPNIC_ERROR_MAX], const char *text)
{
	if (error)
		snprintf(error, MPNIC_ERROR_MAX, "%s", text);
}

int mpnic_attach(struct mpnic_transport *transport, const struct mpnic_options *options,
		 struct mpnic_dev **out, char error[MPNIC_ERROR_MAX])
{
	struct mpnic_dev *dev = calloc(1, sizeof(*dev));
	int err;

	if (!dev) {
		transport->ops->close(transport);
		say(error, "out of memory");
		return -ENOMEM;
	}
	dev->transport = transport;
	dev->info.transport = transport->kind;
	dev->info.pci = transport->pci;
	for (unsigned int i = 0; i < MPNIC_VECTORS; i++)
		dev->irq_fd[i] = -1;
	err = mpnic_i_admin_init(dev);
	if (!err)
		err = copy_options(dev, options);
	if (!err)
		err = examine(dev);
	if (err) {
		say(error, dev->error);
		free_device(dev);
		return err;
	}
	say(error, "");
	*out = dev;
	return 0;
}

int mpnic_open(const char *name, const struct mpnic_options *options, struct mpnic_dev **dev,
	       char error[MPNIC_ERROR_MAX])
{
	const size_t prefix = strlen(MPNIC_VFIO_USER);
	struct mpnic_transport *transport;
	int err;

	if (!strncmp(name, MPNIC_VFIO_USER, prefix))
		err = mpnic_vfio_user_open(name + prefix, options ? options->timeout_ms : 0,
					   &transport, error);
	else
		err = mpnic_vfio_open(name, &transport, error);
	return err ? err : mpnic_attach(transport, options, dev, error);
}

void mpnic_close(struct mpnic_dev *dev)
{
	if (!dev)
		return;
	if (mpnic_stop(dev) && dev->started)
		/* It does not listen: what it may still write to goes only after the transport. */
		mpnic_i_log(dev, MPNIC_LOG_WARN, "%s", dev->error);
	free_device(dev);
}

const struct mpnic_info *mpnic_info(const struct mpnic_dev *dev)
{
	return &dev->info;
}

const struct mpnic_admin_identity *mpnic_identity(const struct mpnic_dev *dev)
{
	return dev->started ? &dev->identity : NULL;
}

/* --- start and stop -------------------------------------------------------------------------- */

int mpnic_i_settle(struct mpnic_dev *dev, uint32_t *status)
{
	uint64_t deadline = mpnic_i_now() + dev->options.timeout_ms * MS;

	for (;;) {
		int err = mpnic_i_read(dev, MPNIC_HOST_DEVICE_STATUS, status);

		if (err || *status != MPNIC_DEVICE_STATUS_RESET)
			return err;
		if (mpnic_i_now() > deadline)
			return mpnic_i_fail(dev, -ETIMEDOUT,
					    "the device has been in reset for more than %u ms",
					    dev->options.timeout_ms);
		mpnic_i_sleep(MS);
	}
}

static int check_identity(struct mpnic_dev *dev, const struct mpnic_admin_cpl *cpl)
{
	struct mpnic_admin_identity *id = &dev->identity;
	char name[sizeof(id->fw_name)], serial[sizeof(id->serial)];

	memcpy(id, cpl->data, sizeof(*id));
	if (id->admin_version < 1 || id->admin_version > MPNIC_ADMIN_VERSION)
		return mpnic_i_fail(
			dev, -EPROTO,
			"the firmware wants version %u of the admin protocol; 1 to %u was offered",
			id->admin_version, MPNIC_ADMIN_VERSION);
	if (id->ports != dev->info.ports || id->queues != dev->info.queues ||
	    id->vectors != dev->info.vectors)
		return mpnic_i_fail(
			dev, -EPROTO,
			"the firmware says %u ports, %u queues, %u vectors; the registers say %u, %u, %u",
			id->ports, id->queues, id->vectors, dev->info.ports, dev->info.queues,
			dev->info.vectors);
	memcpy(name, id->fw_name, sizeof(name));
	memcpy(serial, id->serial, sizeof(serial));
	mpnic_i_text((char *)id->fw_name, sizeof(id->fw_name), name, sizeof(name));
	mpnic_i_text((char *)id->serial, sizeof(id->serial), serial, sizeof(serial));
	return 0;
}

static int identify(struct mpnic_dev *dev)
{
	struct mpnic_admin_cmd cmd = {.op = MPNIC_ADMIN_OP_IDENTIFY};
	struct mpnic_admin_identify id = {.admin_version = MPNIC_ADMIN_VERSION};
	struct mpnic_admin_cpl cpl;
	int err;

	snprintf((char *)id.driver_version, sizeof(id.driver_version), "%s", dev->driver);
	snprintf((char *)id.os, sizeof(id.os), "Linux");
	memcpy(cmd.data, &id, sizeof(id));
	err = mpnic_admin(dev, &cmd, &cpl);
	return err ? err : check_identity(dev, &cpl);
}

/* Another driver may have left without a word: what it created must not move frames. */
static int destroy_left_over(struct mpnic_dev *dev)
{
	static const uint8_t kinds[] = {MPNIC_QUEUE_RX, MPNIC_QUEUE_TX, MPNIC_QUEUE_EVENT};

	for (unsigned int k = 0; k < ARRAY_SIZE(kinds); k++) {
		unsigned int count = kinds[k] == MPNIC_QUEUE_EVENT ? 1 : dev->info.queues;

		for (unsigned int i = 0; i < count; i++) {
			int err = mpnic_admin_queue_destroy(dev, kinds[k], i);

			/* The firmware's own refusals say that there is none. */
			if (err == -ENODEV || err == -ETIMEDOUT || err == -EPROTO)
				return err;
		}
	}
	return 0;
}

static int start(struct mpnic_dev *dev, unsigned int flags)
{
	bool fresh;
	int err = mpnic_i_fw_start(dev, flags, &fresh);

	if (!err)
		err = mpnic_i_read(dev, MPNIC_HOST_GENERATION, &dev->info.generation);
	if (!err)
		err = mpnic_i_admin_start(dev);
	if (!err)
		err = identify(dev);
	if (!err && !fresh && !(flags & MPNIC_START_KEEP))
		err = destroy_left_over(dev);
	if (err) {
		mpnic_i_admin_fail(dev, -ENOTCONN);
		return err;
	}
	dev->beat_ns = 0;
	dev->started = true;
	return 0;
}

int mpnic_start(struct mpnic_dev *dev, unsigned int flags)
{
	if (dev->started)
		return mpnic_i_fail(dev, -EALREADY, "the device is started already");
	return start(dev, flags);
}

int mpnic_stop(struct mpnic_dev *dev)
{
	int err;

	if (!dev->started)
		return 0;
	err = mpnic_i_queues_stop(dev);
	mpnic_i_admin_fail(dev, -ENOTCONN);
	dev->started = false;
	if (!err)
		err = mpnic_i_write(dev, MPNIC_HOST_ADMIN_CONTROL, 0);
	return err;
}

/* --- reset and recovery ---------------------------------------------------------------------- */

/* The device counts its resets: only so is it sure that it is not still in front of this one. */
static int wait_reset(struct mpnic_dev *dev, uint32_t before)
{
	uint64_t deadline = mpnic_i_now() + dev->options.timeout_ms * MS;
	uint32_t status, generation;

	for (;;) {
		int err = mpnic_i_settle(dev, &status);

		if (!err)
			err = mpnic_i_read(dev, MPNIC_HOST_GENERATION, &generation);
		if (err)
			return err;
		if (generation != before)
			break;
		if (mpnic_i_now() > deadline)
			return mpnic_i_fail(dev, -ETIMEDOUT,
					    "the device did not reset (generation %u)", before);
		mpnic_i_sleep(MS);
	}
	dev->info.generation = generation;
	return 0;
}

int mpnic_reset(struct mpnic_dev *dev, unsigned int why)
{
	uint32_t before;
	int err;

	if (why > 0xffff)
		return mpnic_i_fail(dev, -EINVAL, "%u is no reason for a reset", why);
	mpnic_i_admin_fail(dev, -ENOTCONN);
	mpnic_i_queues_lost(dev, -ESTALE);
	dev->started = false;
	dev->beat_ns = 0;
	err = mpnic_i_read(dev, MPNIC_HOST_GENERATION, &before);
	if (!err && before == UINT32_MAX)
		err = mpnic_i_fail(dev, -ETIMEDOUT, "the device's registers read as ones");
	if (!err)
		err = mpnic_i_write(dev, MPNIC_HOST_RESET, (uint32_t)MPNIC_RESET_MAGIC << 16 | why);
	if (!err)
		err = wait_reset(dev, before);
	if (err != -ETIMEDOUT)
		return err;
	mpnic_i_log(dev, MPNIC_LOG_WARN, "%s; resetting its function", dev->error);
	err = dev->transport->ops->reset(dev->transport);
	if (err)
		return mpnic_i_fail(dev, err == -ENODEV ? err : -ETIMEDOUT,
				    "the device does not reset, and its function neither: %s",
				    strerror(-err));
	return wait_reset(dev, before);
}

static int reconnect(struct mpnic_dev *dev)
{
	uint32_t value;
	int err = dev->transport->ops->read32(dev->transport, MPNIC_HOST_SIGNATURE, &value);

	if (err != -ENODEV)
		return 0;
	if (!dev->transport->ops->reconnect)
		return access_failed(dev, "reading", MPNIC_HOST_SIGNATURE, err);
	dev->page = NULL;
	err = dev->transport->ops->reconnect(dev->transport);
	if (err)
		return mpnic_i_fail(dev, err, "the device is gone and not back: %s",
				    dev->transport->why);
	err = examine(dev);
	if (!err)
		err = mpnic_i_dma_remap(dev);
	for (unsigned int i = 0; !err && i < dev->info.vectors; i++)
		if (dev->irq_fd[i] >= 0)
			err = dev->transport->ops->irq_set(dev->transport, i, 1, &dev->irq_fd[i]);
	return err;
}

int mpnic_recover(struct mpnic_dev *dev, unsigned int why)
{
	int err;

	mpnic_i_admin_fail(dev, -ENOTCONN);
	mpnic_i_queues_lost(dev, -ESTALE);
	dev->started = false;
	err = reconnect(dev);
	if (!err)
		err = mpnic_reset(dev, why);
	if (!err)
		err = start(dev, 0);
	if (!err)
		err = mpnic_i_queues_again(dev);
	if (!err)
		mpnic_i_log(dev, MPNIC_LOG_INFO, "recovered after reset for %s, generation %u",
			    mpnic_reset_name(why), dev->info.generation);
	return err;
}

/* --- health ---------------------------------------------------------------------------------- */

static int judge(struct mpnic_dev *dev, struct mpnic_health *health)
{
	if (health->device_status == UINT32_MAX) {
		health->reason = MPNIC_RESET_HEARTBEAT;
		return mpnic_i_fail(dev, -EIO, "the device is dead: its registers read as ones");
	}
	if (health->generation != dev->info.generation) {
		health->reason = MPNIC_RESET_DRIVER;
		return mpnic_i_fail(dev, -ESTALE,
				    "the device was reset by another (generation %u, not %u)",
				    health->generation, dev->info.generation);
	}
	if (health->device_status == MPNIC_DEVICE_STATUS_FAILED) {
		health->reason = MPNIC_RESET_HEARTBEAT;
		return mpnic_i_fail(dev, -EIO, "the firmware failed: %s",
				    mpnic_fw_status_text(health->fw_status));
	}
	if (!dev->started)
		return 0;
	if (health->still_ms >= 10 * MPNIC_HEARTBEAT_MS &&
	    health->still_ms >= dev->options.timeout_ms / 2) {
		health->reason = MPNIC_RESET_HEARTBEAT;
		return mpnic_i_fail(dev, -ETIMEDOUT,
				    "the firmware's heartbeat has stood still for %u ms",
				    health->still_ms);
	}
	if (mpnic_i_queues_state(dev) == -EIO) {
		health->reason = MPNIC_RESET_QUEUE;
		return mpnic_i_fail(dev, -EPROTO,
				    "a queue stopped: the device could not reach its ring");
	}
	if (dev->admin.state == -EPROTO || mpnic_i_queues_state(dev) == -EPROTO) {
		health->reason = MPNIC_RESET_COMPLETION;
		return mpnic_i_fail(dev, -EPROTO,
				    "the device wrote a completion that makes no sense");
	}
	if (health->admin_timeouts) {
		health->reason = MPNIC_RESET_ADMIN_TIMEOUT;
		return mpnic_i_fail(dev, -ETIMEDOUT, "%u admin commands were not answered",
				    health->admin_timeouts);
	}
	return 0;
}

int mpnic_health(struct mpnic_dev *dev, struct mpnic_health *health)
{
	uint64_t now = mpnic_i_now();
	int err;

	memset(health, 0, sizeof(*health));
	health->admin_timeouts = dev->admin.timeouts;
	health->reason = MPNIC_RESET_DRIVER;
	err = mpnic_i_read(dev, MPNIC_HOST_DEVICE_STATUS, &health->device_status);
	if (!err)
		err = mpnic_i_read(dev, MPNIC_HOST_FW_STATUS, &health->fw_status);
	if (!err)
		err = mpnic_i_read(dev, MPNIC_HOST_HEARTBEAT, &health->heartbeat);
	if (!err)
		err = mpnic_i_read(dev, MPNIC_HOST_GENERATION, &health->generation);
	if (err)
		return err;
	if (!dev->beat_ns || health->heartbeat != dev->beat) {
		dev->beat = health->heartbeat;
		dev->beat_ns = now;
	}
	health->still_ms = (unsigned int)((now - dev->beat_ns) / MS);
	return judge(dev, health);
}
