/* SPDX-License-Identifier: BSD-3-Clause */
/* Firmware: where it lies, how it gets into the device, what it leaves behind. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MS	     1000000ull
#define MAILBOX_BUSY (1u << 31)

struct image {
	uint8_t *data;
	size_t size;
	uint32_t version; /* 0: its head is not one */
};

/* --- the mailbox ----------------------------------------------------------------------------- */

/* Returns what the command's status means. */
static int mailbox(struct mpnic_dev *dev, enum mpnic_mailbox_code command, uint32_t arg0,
		   uint32_t arg1)
{
	uint64_t deadline = mpnic_i_now() + dev->options.timeout_ms * MS;
	uint64_t pause = 10000;
	uint32_t status;
	int err = mpnic_i_write(dev, MPNIC_HOST_MAILBOX_ARG0, arg0);

	if (!err)
		err = mpnic_i_write(dev, MPNIC_HOST_MAILBOX_ARG1, arg1);
	if (!err)
		err = mpnic_i_write(dev, MPNIC_HOST_MAILBOX_COMMAND, command);
	if (err)
		return err;
	for (;;) {
		err = mpnic_i_read(dev, MPNIC_HOST_MAILBOX_STATUS, &status);
		if (err)
			return err;
		if (!(status & MAILBOX_BUSY))
			break;
		if (mpnic_i_now() > deadline)
			return mpnic_i_fail(dev, -ETIMEDOUT,
					    "mailbox command %s was not answered in %u ms",
					    mpnic_mailbox_name(command), dev->options.timeout_ms);
		mpnic_i_sleep(pause);
		pause = pause < MS ? 2 * pause : MS;
	}
	err = mpnic_status_errno(status);
	if (!err)
		return 0;
	return mpnic_i_fail(dev, err, "mailbox command %s: %s", mpnic_mailbox_name(command),
			    mpnic_status_text(status));
}

static int window_read(struct mpnic_dev *dev, void *to, size_t size)
{
	uint8_t *bytes = to;

	for (size_t at = 0; at < size; at += 4) {
		uint32_t word;
		int err = mpnic_i_read(dev, MPNIC_BAR_MAILBOX + (uint32_t)at, &word);

		if (err)
			return err;
		memcpy(bytes + at, &word, size - at < 4 ? size - at : 4);
	}
	return 0;
}

static int window_write(struct mpnic_dev *dev, const uint8_t *from, size_t size)
{
	for (size_t at = 0; at < size; at += 4) {
		uint32_t word = 0;
		int err;

		memcpy(&word, from + at, size - at < 4 ? size - at : 4);
		err = mpnic_i_write(dev, MPNIC_BAR_MAILBOX + (uint32_t)at, word);
		if (err)
			return err;
	}
	return 0;
}

/* --- images ---------------------------------------------------------------------------------- */

static bool plain_name(const char *name)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-_.:";

	return *name && name[strspn(name, good)] == '\0';
}

static bool exists(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode);
}

/* A serial number comes from the device: one that is no plain name makes no path. */
static bool find_in(const struct mpnic_dev *dev, const char *folder, size_t len, char *path,
		    size_t size)
{
	const char *serial = dev->info.serial, *pci = dev->info.pci;
	int n;

	if (!len)
		return false;
	if (plain_name(serial)) {
		n = snprintf(path, size, "%.*s/serial-%s.mpfw", (int)len, folder, serial);
		if (n > 0 && (size_t)n < size && exists(path))
			return true;
	}
	if (pci && plain_name(pci)) {
		n = snprintf(path, size, "%.*s/pci-%s.mpfw", (int)len, folder, pci);
		if (n > 0 && (size_t)n < size && exists(path))
			return true;
	}
	n = snprintf(path, size, "%.*s/mpnic-%d.mpfw", (int)len, folder, MPNIC_REGS_MAJOR);
	return n > 0 && (size_t)n < size && exists(path);
}

int mpnic_fw_find(struct mpnic_dev *dev, char *path, size_t size)
{
	const char *folders = dev->firmware_path;

	if (!folders)
		folders = getenv(MPNIC_FW_PATH_ENV);
	if (!folders || !*folders)
		folders = MPNIC_FW_PATH;
	for (const char *at = folders; at; at = strchr(at, ':')) {
		at += *at == ':';
		if (find_in(dev, at, strcspn(at, ":"), path, size))
			return 0;
	}
	return mpnic_i_fail(dev, -ENOENT,
			    "no firmware: no serial-%s.mpfw, pci-%s.mpfw or mpnic-%u.mpfw in %s",
			    dev->info.serial[0] ? dev->info.serial : "SERIAL",
			    dev->info.pci ? dev->info.pci : "ADDRESS", MPNIC_REGS_MAJOR, folders);
}

static int read_all(struct mpnic_dev *dev, int fd, const char *path, struct image *image)
{
	while (image->size <= MPNIC_FW_IMAGE_MAX) {
		ssize_t n =
			read(fd, image->data + image->size, MPNIC_FW_IMAGE_MAX + 1 - image->size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return mpnic_i_fail(dev, -errno, "cannot read %s: %s", path,
					    strerror(errno));
		if (!n)
			break;
		image->size += (size_t)n;
	}
	if (image->size > MPNIC_FW_IMAGE_MAX)
		return mpnic_i_fail(dev, -ENOEXEC,
				    "%s is longer than the %u bytes that firmware may have", path,
				    MPNIC_FW_IMAGE_MAX);
	if (image->size < sizeof(struct mpnic_fw_header))
		return mpnic_i_fail(dev, -ENOEXEC, "%s is too short for firmware (%zu bytes)", path,
				    image->size);
	return 0;
}

/* Reads an image; whether it is a good one is the device's to judge. */
static int read_image(struct mpnic_dev *dev, const char *path, struct image *image)
{
	struct mpnic_fw_header header;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err;

	*image = (struct image){0};
	if (fd < 0)
		return mpnic_i_fail(dev, -errno, "cannot open %s: %s", path, strerror(errno));
	image->data = malloc(MPNIC_FW_IMAGE_MAX + 1);
	err = image->data ? read_all(dev, fd, path, image)
			  : mpnic_i_fail(dev, -ENOMEM, "out of memory");
	close(fd);
	if (err) {
		free(image->data);
		image->data = NULL;
		return err;
	}
	memcpy(&header, image->data, sizeof(header));
	if (header.magic == MPNIC_FW_IMAGE_MAGIC)
		image->version = header.fw_version;
	return 0;
}

/* --- loading --------------------------------------------------------------------------------- */

const char *mpnic_fw_status_text(unsigned int fw_status)
{
	switch (fw_status) {
	case MPNIC_FW_STATUS_NONE:
		return "none was loaded since the reset";
	case MPNIC_FW_STATUS_LOADING:
		return "an image is being loaded";
	case MPNIC_FW_STATUS_RUNNING:
		return "it runs";
	case MPNIC_FW_STATUS_BAD_MAGIC:
		return "refused: not an image of mpnic's firmware";
	case MPNIC_FW_STATUS_BAD_HEADER:
		return "refused: a length or an address in the image's header does not fit, or "
		       "its version is not known";
	case MPNIC_FW_STATUS_BAD_CHECKSUM:
		return "refused: the image's checksum is wrong";
	case MPNIC_FW_STATUS_BAD_HARDWARE:
		return "refused: the image is for another version of the hardware";
	case MPNIC_FW_STATUS_CRASHED:
		return "it crashed";
	case MPNIC_FW_STATUS_HUNG:
		return "it hangs: its watchdog ran out";
	default:
		return "a status that this driver does not know";
	}
}

static int await_running(struct mpnic_dev *dev, const char *path)
{
	uint64_t deadline = mpnic_i_now() + dev->options.timeout_ms * MS;
	uint32_t status, fw;

	for (;;) {
		int err = mpnic_i_read(dev, MPNIC_HOST_FW_STATUS, &fw);

		if (!err)
			err = mpnic_i_read(dev, MPNIC_HOST_DEVICE_STATUS, &status);
		if (err)
			return err;
		if (fw == MPNIC_FW_STATUS_RUNNING && status == MPNIC_DEVICE_STATUS_RUNNING)
			return 0;
		if (fw != MPNIC_FW_STATUS_LOADING && fw != MPNIC_FW_STATUS_RUNNING)
			return mpnic_i_fail(dev, -ENOEXEC, "firmware %s: %s", path,
					    mpnic_fw_status_text(fw));
		if (mpnic_i_now() > deadline)
			return mpnic_i_fail(
				dev, -ETIMEDOUT,
				"firmware %s did not start in %u ms (device %s, firmware %s)", path,
				dev->options.timeout_ms, mpnic_device_status_name(status),
				mpnic_fw_status_name(fw));
		mpnic_i_sleep(MS);
	}
}

/* The mailbox says that it refuses, FW_STATUS why. */
static int start_failed(struct mpnic_dev *dev, const char *path, int err)
{
	uint32_t fw;

	if (err == -ENODEV || err == -ETIMEDOUT || mpnic_i_read(dev, MPNIC_HOST_FW_STATUS, &fw))
		return err;
	if (fw < MPNIC_FW_STATUS_BAD_MAGIC)
		return err;
	return mpnic_i_fail(dev, -ENOEXEC, "firmware %s: %s", path, mpnic_fw_status_text(fw));
}

static int load(struct mpnic_dev *dev, const char *path, const struct image *image)
{
	uint32_t status;
	int err = mpnic_i_read(dev, MPNIC_HOST_DEVICE_STATUS, &status);

	if (!err && status != MPNIC_DEVICE_STATUS_BOOT)
		err = mpnic_reset(dev, status == MPNIC_DEVICE_STATUS_RUNNING ? MPNIC_RESET_UPGRADE
									     : MPNIC_RESET_DRIVER);
	for (size_t at = 0; !err && at < image->size; at += MPNIC_MAILBOX_WINDOW) {
		size_t size = image->size - at;

		if (size > MPNIC_MAILBOX_WINDOW)
			size = MPNIC_MAILBOX_WINDOW;
		err = window_write(dev, image->data + at, size);
		if (!err)
			err = mailbox(dev, MPNIC_MAILBOX_LOAD, (uint32_t)at, (uint32_t)size);
	}
	if (err)
		return err;
	err = mailbox(dev, MPNIC_MAILBOX_START, (uint32_t)image->size, 0);
	if (err)
		return start_failed(dev, path, err);
	err = await_running(dev, path);
	if (!err)
		mpnic_i_log(dev, MPNIC_LOG_INFO, "firmware %u.%u runs, from %s",
			    image->version >> 16, image->version & 0xffff, path);
	return err;
}

int mpnic_fw_load(struct mpnic_dev *dev, const char *path)
{
	struct image image;
	int err = read_image(dev, path, &image);

	if (err)
		return err;
	mpnic_i_admin_fail(dev, -ENOTCONN);
	mpnic_i_queues_lost(dev, -ESTALE);
	dev->started = false;
	err = load(dev, path, &image);
	free(image.data);
	return err;
}

int mpnic_fw_version(struct mpnic_dev *dev, uint32_t *version)
{
	return mpnic_i_read(dev, MPNIC_HOST_FW_VERSION, version);
}

static int load_other(struct mpnic_dev *dev, const char *path, bool running, bool *fresh)
{
	struct image image;
	uint32_t version = 0;
	int err = read_image(dev, path, &image);

	if (err)
		return err;
	if (running)
		err = mpnic_fw_version(dev, &version);
	if (!err && !(running && version && version == image.version)) {
		*fresh = true;
		err = load(dev, path, &image);
	}
	free(image.data);
	return err;
}

/* See to it that firmware runs. fresh: it was loaded now, so that nothing is left of another
 * driver. */
int mpnic_i_fw_start(struct mpnic_dev *dev, unsigned int flags, bool *fresh)
{
	char path[4096];
	uint32_t status;
	bool running;
	int err = mpnic_i_settle(dev, &status);

	*fresh = false;
	if (!err && flags & MPNIC_START_NO_LOAD) {
		if (status == MPNIC_DEVICE_STATUS_RUNNING)
			return 0;
		return mpnic_i_fail(dev, -ENOENT, "no firmware runs (the device is in state %s)",
				    mpnic_device_status_name(status));
	}
	if (!err && status == MPNIC_DEVICE_STATUS_FAILED) {
		err = mpnic_reset(dev, MPNIC_RESET_DRIVER);
		status = MPNIC_DEVICE_STATUS_BOOT;
	}
	if (err)
		return err;
	running = status == MPNIC_DEVICE_STATUS_RUNNING;
	if (!running && status != MPNIC_DEVICE_STATUS_BOOT)
		return mpnic_i_fail(dev, -EPROTO, "the device's status %u is none that there is",
				    status);
	if (dev->firmware)
		return load_other(dev, dev->firmware, running, fresh);
	err = mpnic_fw_find(dev, path, sizeof(path));
	if (err == -ENOENT && running)
		return 0;
	return err ? err : load_other(dev, path, running, fresh);
}

/* --- what it leaves behind ------------------------------------------------------------------- */

static int log_by_mailbox(struct mpnic_dev *dev, uint32_t from, void *buf, size_t size,
			  uint32_t *first)
{
	uint32_t count;
	int err = mailbox(dev, MPNIC_MAILBOX_LOG, from, 0);

	if (!err)
		err = mpnic_i_read(dev, MPNIC_HOST_MAILBOX_RESULT, &count);
	if (!err)
		err = mpnic_i_read(dev, MPNIC_HOST_MAILBOX_ARG0, first);
	if (err)
		return err;
	if (count > MPNIC_MAILBOX_WINDOW)
		return mpnic_i_fail(dev, -EPROTO,
				    "the device says %u bytes of log in a window of %u", count,
				    MPNIC_MAILBOX_WINDOW);
	if (count > size)
		count = (uint32_t)size;
	err = window_read(dev, buf, count);
	return err ? err : (int)count;
}

static int log_by_admin(struct mpnic_dev *dev, uint32_t from, void *buf, size_t size,
			uint32_t *first)
{
	struct mpnic_admin_cmd cmd = {.op = MPNIC_ADMIN_OP_LOG, .id = from};
	struct mpnic_admin_cpl cpl;
	struct mpnic_admin_log log;
	int err = mpnic_admin(dev, &cmd, &cpl);

	if (err)
		return err;
	memcpy(&log, cpl.data, sizeof(log));
	if (log.count > sizeof(log.text))
		return mpnic_i_fail(dev, -EPROTO, "the device says %u bytes of log in %zu",
				    log.count, sizeof(log.text));
	*first = log.first;
	if (log.count < size)
		size = log.count;
	memcpy(buf, log.text, size);
	return (int)size;
}

int mpnic_fw_log(struct mpnic_dev *dev, uint32_t from, void *buf, size_t size, uint32_t *first)
{
	if (!size)
		return mpnic_i_fail(dev, -EINVAL, "no room for a piece of the log");
	return dev->admin.state ? log_by_mailbox(dev, from, buf, size, first)
				: log_by_admin(dev, from, buf, size, first);
}

int mpnic_fw_crash(struct mpnic_dev *dev, struct mpnic_crash *crash)
{
	uint32_t size;
	int err = mailbox(dev, MPNIC_MAILBOX_CRASH, 0, 0);

	if (!err)
		err = mpnic_i_read(dev, MPNIC_HOST_MAILBOX_RESULT, &size);
	if (err)
		return err;
	if (!size)
		return mpnic_i_fail(dev, -ENOENT, "the firmware did not crash");
	if (size != sizeof(*crash))
		return mpnic_i_fail(dev, -EPROTO, "the device's crash record has %u bytes, not %zu",
				    size, sizeof(*crash));
	return window_read(dev, crash, sizeof(*crash));
}
