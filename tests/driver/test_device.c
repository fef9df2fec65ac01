/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening, firmware, health and recovery, over a device in memory. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common.h"
#include "mpnic_device_map.h"

static struct fake *fake;
static struct mpnic_dev *dev;
static char error[MPNIC_ERROR_MAX];

static int attach(const struct mpnic_options *options)
{
	return mpnic_attach(fake_transport(fake), options, &dev, error);
}

static void refused(uint32_t reg, uint32_t value, int err, const char *text)
{
	fake = fake_new();
	fake->reg[reg / 4] = value;
	cr_assert_eq(attach(NULL), err, "register 0x%x", reg);
	cr_assert(strstr(error, text), "'%s' is not in '%s'", text, error);
}

Test(driver_device, what_is_refused_and_why)
{
	refused(MPNIC_HOST_SIGNATURE, 0x12345678, -EPROTONOSUPPORT, "0x12345678");
	refused(MPNIC_HOST_SIGNATURE, 0xffffffff, -EPROTONOSUPPORT, "not an mpnic");
	refused(MPNIC_HOST_REGS_VERSION, 0x20003, -EPROTONOSUPPORT, "2.3");
	refused(MPNIC_HOST_CAPS_REQUIRED, 1u << 20, -EPROTO, "does not have");
	refused(MPNIC_HOST_GEOMETRY, 0x400003, -EPROTO, "3 ports");
	refused(MPNIC_HOST_GEOMETRY, 0x401102, -EPROTO, "17 queues");
	refused(MPNIC_HOST_GEOMETRY, 0x411002, -EPROTO, "65 vectors");
	refused(MPNIC_HOST_GEOMETRY, 0, -EPROTO, "0 ports");
	fake = fake_new();
	fake->reg[MPNIC_HOST_CAPS / 4] |= 1u << 20;
	fake->reg[MPNIC_HOST_CAPS_REQUIRED / 4] |= 1u << 20;
	cr_assert_eq(attach(NULL), -EPROTONOSUPPORT);
	cr_assert(strstr(error, "bit 20"), "%s", error);
	fake = fake_new();
	fake->gone = true;
	cr_assert_eq(attach(NULL), -ENODEV);
	fake = fake_new();
	fake->fail_access = -EIO;
	cr_assert_eq(attach(NULL), -EIO);
}

Test(driver_device, info_and_registers)
{
	uint64_t counter[MPNIC_PORT_COUNTERS], time;
	const struct mpnic_info *info;
	uint32_t value;

	fake = fake_new();
	memset(&fake->reg[MPNIC_HOST_SERIAL / 4], 0x1b, 32);
	OK(attach(NULL));
	info = mpnic_info(dev);
	cr_assert_eq(info->ports, 2);
	cr_assert_eq(info->queues, 16);
	cr_assert_eq(info->vectors, 64);
	cr_assert(info->doorbells_mapped);
	cr_assert_str_eq(info->serial, "????????????????????????????????");
	cr_assert_eq(mpnic_identity(dev), NULL);
	fake->reg[MPNIC_HOST_TIME / 4 + 1] = 7;
	OK(mpnic_time(dev, &time));
	cr_assert_eq(time, 7ull << 32);
	OK(mpnic_port_counters(dev, 1, counter));
	cr_assert_eq(counter[0], 0x1100);
	cr_assert_eq(counter[13], 0x1168);
	cr_assert_eq(mpnic_port_counters(dev, 2, counter), -ERANGE);
	cr_assert_eq(mpnic_reg_read(dev, 2, &value), -EINVAL);
	cr_assert_eq(mpnic_reg_read(dev, MPNIC_BAR_SIZE, &value), -EINVAL);
	cr_assert_eq(mpnic_reg_read(dev, UINT32_MAX & ~3u, &value), -EINVAL);
	cr_assert_eq(mpnic_reg_read64(dev, MPNIC_BAR_SIZE - 4, &time), -EINVAL);
	OK(mpnic_reg_read(dev, MPNIC_BAR_SIZE - 4, &value));
	mpnic_close(dev);
}

Test(driver_device, names)
{
	char name[MPNIC_COUNTER_NAME_MAX];
	unsigned int named = 0;

	cr_assert_eq(mpnic_open("what", NULL, &dev, error), -EINVAL);
	cr_assert(strstr(error, "vfio-user:PATH"));
	cr_assert_eq(mpnic_open("00:20.0", NULL, &dev, NULL), -EINVAL);
	cr_assert_eq(mpnic_open("ffff:ff:1f.7", NULL, &dev, error), -ENODEV);
	cr_assert(strstr(error, "no PCI device ffff:ff:1f.7"), "%s", error);
	cr_assert_eq(mpnic_open("vfio-user:", NULL, &dev, error), -EINVAL);
	cr_assert_eq(mpnic_open("vfio-user:/nonexistent/socket", NULL, &dev, error), -ENODEV);
	cr_assert(strstr(error, "nobody serves /nonexistent/socket"), "%s", error);
	for (unsigned int i = 0; i < 1000; i++)
		named += mpnic_counter_name(i, name);
	cr_assert_gt(named, 60);
	cr_assert_leq(named, MPNIC_COUNTERS);
	cr_assert(mpnic_counter_name(MPNIC_COUNTERS - 4, name));
	cr_assert_str_eq(name, "frames");
	cr_assert(mpnic_counter_name(8 + 8 + 16 + 16 + MPNIC_PUNT_FIRST_SYN, name));
	cr_assert_str_eq(name, "punt.first_syn");
	for (unsigned int s = 0; s < 300; s++) {
		cr_assert(mpnic_status_text(s));
		cr_assert(mpnic_fw_status_text(s));
		cr_assert_eq(mpnic_status_errno(s) == 0, s == MPNIC_STATUS_OK);
	}
}

/* --- firmware -------------------------------------------------------------------------------- */

static uint8_t image[10000];

static const char *good_image(const char *name, uint32_t version)
{
	fake_image(image, sizeof(image), version);
	return write_file(name, image, sizeof(image));
}

static int start_with(const char *path)
{
	const struct mpnic_options o = {.firmware_path = path};

	OK(attach(&o));
	return mpnic_start(dev, 0);
}

Test(driver_firmware, is_loaded_once)
{
	good_image("mpnic-1.mpfw", 0x10005);
	fake = fake_new();
	OK(start_with(test_folder()));
	cr_assert_eq(fake->starts, 1);
	cr_assert_eq(fake->resets, 0);
	cr_assert(!memcmp(fake->image, image, sizeof(image)));
	cr_assert_str_eq((const char *)mpnic_identity(dev)->fw_name, "fake");
	OK(mpnic_stop(dev));
	cr_assert_eq(fake->reg[MPNIC_HOST_ADMIN_CONTROL / 4], 0);
	OK(mpnic_start(dev, 0)); /* the same runs already */
	cr_assert_eq(fake->starts, 1);
	cr_assert_eq(mpnic_start(dev, 0), -EALREADY);
	OK(mpnic_stop(dev));
	good_image("mpnic-1.mpfw", 0x10006);
	OK(mpnic_start(dev, 0));
	cr_assert_eq(fake->starts, 2);
	cr_assert_eq(fake->reg[MPNIC_HOST_RESET / 4], MPNIC_RESET_UPGRADE);
	mpnic_close(dev);
}

Test(driver_firmware, search_order)
{
	const struct mpnic_options o = {.firmware_path = NULL};
	char path[4096], folders[600], want[600];

	snprintf(folders, sizeof(folders), ":/nonexistent::%s", test_folder());
	setenv(MPNIC_FW_PATH_ENV, folders, 1);
	fake = fake_new();
	OK(attach(&o));
	cr_assert_eq(mpnic_fw_find(dev, path, sizeof(path)), -ENOENT);
	cr_assert(strstr(mpnic_error(dev), "serial-FAKE-1.mpfw"), "%s", mpnic_error(dev));
	cr_assert_eq(mpnic_start(dev, 0), -ENOENT);
	good_image("mpnic-1.mpfw", 1);
	OK(mpnic_fw_find(dev, path, sizeof(path)));
	snprintf(want, sizeof(want), "%s/mpnic-1.mpfw", test_folder());
	cr_assert_str_eq(path, want);
	good_image("pci-0000:01:00.0.mpfw", 1);
	OK(mpnic_fw_find(dev, path, sizeof(path)));
	cr_assert(strstr(path, "/pci-"));
	good_image("serial-FAKE-1.mpfw", 1);
	OK(mpnic_fw_find(dev, path, sizeof(path)));
	cr_assert(strstr(path, "/serial-"));
	cr_assert_eq(mpnic_fw_find(dev, path, 10), -ENOENT);
	mpnic_close(dev);
}

Test(driver_firmware, a_serial_is_no_path)
{
	char path[4096];
	const struct mpnic_options o = {.firmware_path = test_folder()};

	good_image("secret.mpfw", 1);
	snprintf(path, sizeof(path), "%s/serial-", test_folder());
	cr_assert_eq(mkdir(path, 0700), 0);
	fake = fake_new();
	memset(&fake->reg[MPNIC_HOST_SERIAL / 4], 0, 32);
	memcpy(&fake->reg[MPNIC_HOST_SERIAL / 4], "/../secret", 10);
	OK(attach(&o));
	cr_assert_eq(mpnic_fw_find(dev, path, sizeof(path)), -ENOENT);
	mpnic_close(dev);
}

static void image_refused(size_t offset, uint8_t change, const char *text)
{
	struct mpnic_options o = {0};

	fake_image(image, sizeof(image), 0x10005);
	image[offset] ^= change;
	o.firmware = write_file("bad.mpfw", image, sizeof(image));
	fake = fake_new();
	OK(attach(&o));
	cr_assert_eq(mpnic_start(dev, 0), -ENOEXEC, "%s", mpnic_error(dev));
	cr_assert(strstr(mpnic_error(dev), text), "'%s' is not in '%s'", text, mpnic_error(dev));
	mpnic_close(dev);
}

Test(driver_firmware, refusals_say_why)
{
	struct mpnic_options o = {0};
	static uint8_t large[MPNIC_FW_IMAGE_MAX + 4];

	image_refused(0, 1, "not an image");
	image_refused(4, 2, "header");
	image_refused(12, 4, "header");
	image_refused(5000, 1, "checksum");
	image_refused(28, 1, "checksum"); /* the checksum itself */
	fake = fake_new();
	o.firmware = write_file("short.mpfw", image, 63);
	OK(attach(&o));
	cr_assert_eq(mpnic_start(dev, 0), -ENOEXEC);
	cr_assert(strstr(mpnic_error(dev), "too short"));
	cr_assert_eq(mpnic_fw_load(dev, write_file("large.mpfw", large, sizeof(large))), -ENOEXEC);
	cr_assert(strstr(mpnic_error(dev), "longer"));
	cr_assert_eq(mpnic_fw_load(dev, "/nonexistent"), -ENOENT);
	cr_assert_eq(mpnic_fw_load(dev, "/"), -EISDIR);
	mpnic_close(dev);
}

Test(driver_firmware, mailbox_that_does_not_answer)
{
	struct mpnic_options o = {.firmware = good_image("a.mpfw", 1)};
	uint64_t start;
	struct timespec t;

	fake = fake_new();
	fake->mailbox_busy = true;
	OK(attach(&o));
	clock_gettime(CLOCK_MONOTONIC, &t);
	start = (uint64_t)t.tv_sec;
	cr_assert_eq(mpnic_start(dev, 0), -ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &t);
	cr_assert_leq((uint64_t)t.tv_sec - start, 4);
	cr_assert(strstr(mpnic_error(dev), "load"), "%s", mpnic_error(dev));
	mpnic_close(dev);
}

static uint32_t long_log(struct fake *f, uint32_t offset, uint32_t value)
{
	(void)f;
	return offset == MPNIC_HOST_MAILBOX_RESULT ? 1u << 20 : value;
}

Test(driver_firmware, log_and_crash)
{
	struct mpnic_crash crash;
	char text[300];
	uint32_t first;

	dev = start_fake(&fake, NULL);
	for (unsigned int i = 0; i < 200; i++)
		fake->log[i] = (char)('a' + i % 26);
	cr_assert_eq(mpnic_fw_log(dev, 10, text, sizeof(text), &first), 104);
	cr_assert_eq(first, 10);
	cr_assert(!memcmp(text, fake->log + 10, 104));
	cr_assert_eq(mpnic_fw_log(dev, 190, text, 4, &first), 4);
	cr_assert_eq(mpnic_fw_log(dev, 200, text, sizeof(text), &first), 0);
	cr_assert_eq(mpnic_fw_log(dev, 0, text, 0, &first), -EINVAL);
	cr_assert_eq(mpnic_fw_crash(dev, &crash), -ENOENT);
	fake->reg[MPNIC_HOST_DEVICE_STATUS / 4] = MPNIC_DEVICE_STATUS_FAILED;
	fake->reg[MPNIC_HOST_FW_STATUS / 4] = MPNIC_FW_STATUS_CRASHED;
	cr_assert_eq(mpnic_admin_nop(dev), -EIO); /* at once, not after the time-out */
	cr_assert(strstr(mpnic_error(dev), "crashed"), "%s", mpnic_error(dev));
	OK(mpnic_fw_crash(dev, &crash));
	cr_assert_eq(crash.pc, 0x1234);
	cr_assert_eq(mpnic_fw_log(dev, 10, text, sizeof(text), &first), 190); /* by mailbox */
	fake->lie_reg = long_log;
	cr_assert_eq(mpnic_fw_log(dev, 10, text, sizeof(text), &first), -EPROTO);
	cr_assert_eq(mpnic_fw_crash(dev, &crash), -EPROTO);
	mpnic_close(dev);
}

/* --- health ---------------------------------------------------------------------------------- */

Test(driver_health, each_illness)
{
	struct mpnic_health h;

	dev = start_fake(&fake, NULL);
	OK(mpnic_health(dev, &h));
	cr_assert_eq(h.device_status, MPNIC_DEVICE_STATUS_RUNNING);
	fake->still = true;
	OK(mpnic_health(dev, &h));
	usleep(500000);
	OK(mpnic_health(dev, &h)); /* not yet */
	usleep(550000);
	cr_assert_eq(mpnic_health(dev, &h), -ETIMEDOUT);
	cr_assert_eq(h.reason, MPNIC_RESET_HEARTBEAT);
	cr_assert_geq(h.still_ms, 1000);
	fake->still = false;
	OK(mpnic_health(dev, &h));
	fake->reg[MPNIC_HOST_GENERATION / 4]++;
	cr_assert_eq(mpnic_health(dev, &h), -ESTALE);
	fake->reg[MPNIC_HOST_GENERATION / 4]--;
	fake->reg[MPNIC_HOST_DEVICE_STATUS / 4] = MPNIC_DEVICE_STATUS_FAILED;
	fake->reg[MPNIC_HOST_FW_STATUS / 4] = MPNIC_FW_STATUS_HUNG;
	cr_assert_eq(mpnic_health(dev, &h), -EIO);
	cr_assert(strstr(mpnic_error(dev), "watchdog"), "%s", mpnic_error(dev));
	fake->gone = true;
	cr_assert_eq(mpnic_health(dev, &h), -ENODEV);
	mpnic_close(dev);
}

Test(driver_health, reset_that_does_not_come)
{
	dev = start_fake(&fake, NULL);
	fake->no_reset = true;
	OK(mpnic_reset(dev, MPNIC_RESET_USER)); /* by resetting the function */
	cr_assert_eq(fake->reg[MPNIC_HOST_RESET / 4], MPNIC_RESET_POWER);
	fake->no_reset = false;
	OK(mpnic_reset(dev, MPNIC_RESET_USER));
	cr_assert_eq(fake->reg[MPNIC_HOST_RESET / 4], MPNIC_RESET_USER);
	cr_assert_eq(mpnic_reset(dev, 0x10000), -EINVAL);
	cr_assert_eq(mpnic_admin_nop(dev), -ENOTCONN);
	/* One that comes late is waited for: until then all looks as if nothing were to come. */
	fake_run_firmware(fake, 1);
	fake->slow_reset = 20;
	OK(mpnic_reset(dev, MPNIC_RESET_QUEUE));
	cr_assert_eq(fake->reg[MPNIC_HOST_RESET / 4], MPNIC_RESET_QUEUE);
	cr_assert_eq(fake->reg[MPNIC_HOST_DEVICE_STATUS / 4], MPNIC_DEVICE_STATUS_BOOT);
	mpnic_close(dev);
}

static void recovers(bool gone)
{
	struct mpnic_options o = {.firmware = good_image("a.mpfw", 0x10002)};
	struct mpnic_dma dma;
	struct mpnic_rxq *rx;
	struct mpnic_txq *tx;
	struct mpnic_evq *ev;
	struct mpnic_buf buf[8];
	struct mpnic_frame frame[8];
	struct mpnic_sent sent[8];
	struct mpnic_send send = {.buf = buf, .bufs = 2, .cookie = &send};
	struct mpnic_health h;
	int cookie[8];

	dev = start_fake(&fake, &o);
	OK(mpnic_dma_alloc(dev, 65536, &dma));
	OK(mpnic_rxq_create(dev, 3, NULL, &rx));
	OK(mpnic_txq_create(dev, 2, NULL, &tx));
	OK(mpnic_evq_create(dev, NULL, &ev));
	for (unsigned int i = 0; i < 8; i++)
		buf[i] = (struct mpnic_buf){dma.iova + 4096 * i, &cookie[i], 2048};
	cr_assert_eq(mpnic_rxq_post(rx, buf, 8), 8);
	for (unsigned int i = 0; i < 3; i++)
		cr_assert(fake_receive(fake, 3, some_frame, 64));
	cr_assert_eq(mpnic_rxq_burst(rx, frame, 3), 3);
	fake->hold_tx = true;
	cr_assert_eq(mpnic_txq_burst(tx, &send, 1), 1);
	cr_assert_eq(mpnic_txq_done(tx, sent, 8), 0);
	if (gone)
		fake->gone = true;
	else
		fake->reg[MPNIC_HOST_DEVICE_STATUS / 4] = MPNIC_DEVICE_STATUS_FAILED;
	cr_assert_eq(mpnic_health(dev, &h), gone ? -ENODEV : -EIO);
	if (gone) {
		fake->stays_gone = true;
		cr_assert_eq(mpnic_recover(dev, h.reason), -ENODEV);
		fake->stays_gone = false;
	}
	OK(mpnic_recover(dev, h.reason));
	fake->hold_tx = false;
	OK(mpnic_health(dev, &h));
	cr_assert_eq(mpnic_txq_done(tx, sent, 8), 1);
	cr_assert_eq(sent[0].err, -ECANCELED);
	cr_assert_eq(sent[0].cookie, &send);
	cr_assert_eq(mpnic_rxq_posted(rx), 5);
	for (unsigned int i = 0; i < 5; i++)
		cr_assert(fake_receive(fake, 3, some_frame, 64 + i));
	cr_assert(!fake_receive(fake, 3, some_frame, 64));
	cr_assert_eq(mpnic_rxq_burst(rx, frame, 8), 5);
	for (unsigned int i = 0; i < 5; i++) {
		const struct mpnic_buf *b = mpnic_rxq_buf(rx, frame[i].desc);

		cr_assert_eq(b->cookie, &cookie[3 + i]);
		cr_assert_eq(frame[i].cpl.len, 64 + i);
	}
	cr_assert_eq(mpnic_txq_burst(tx, &send, 1), 1);
	cr_assert_eq(mpnic_txq_done(tx, sent, 8), 1);
	cr_assert_eq(sent[0].err, 0);
	cr_assert(fake_event(fake, MPNIC_EVENT_KIND_LINK));
	cr_assert_eq(fake->bad_dma, 0);
	mpnic_close(dev);
}

Test(driver_health, recovers_from_a_crash)
{
	recovers(false);
}

Test(driver_health, recovers_from_a_restart)
{
	recovers(true);
}

Test(driver_health, left_over_queues_are_destroyed)
{
	struct mpnic_options o = {.firmware_path = "/nonexistent"};

	fake = fake_new();
	fake_run_firmware(fake, 7);
	fake->rx[5].enabled = fake->tx[15].enabled = fake->event.enabled = true;
	OK(attach(&o));
	OK(mpnic_start(dev, MPNIC_START_KEEP));
	cr_assert(fake->rx[5].enabled);
	OK(mpnic_stop(dev));
	OK(mpnic_start(dev, 0));
	cr_assert(!fake->rx[5].enabled && !fake->tx[15].enabled && !fake->event.enabled);
	mpnic_close(dev);
}

Test(driver_dma, what_can_be_mapped)
{
	struct mpnic_dma a, b;
	static char page[8192] __attribute__((aligned(4096)));

	dev = start_fake(&fake, NULL);
	OK(mpnic_dma_alloc(dev, 1, &a));
	cr_assert_eq(a.size, 4096);
	cr_assert_eq(*(uint8_t *)a.addr, 0);
	cr_assert_neq(ftruncate(a.fd, 0), 0); /* nobody cuts it off */
	cr_assert_eq(mpnic_dma_alloc(dev, 0, &b), -EINVAL);
	cr_assert_eq(mpnic_dma_alloc(dev, SIZE_MAX, &b), -EINVAL);
	OK(mpnic_dma_map(dev, page, 8192, 0x10000, -1, 0));
	cr_assert_eq(mpnic_dma_map(dev, page, 4096, 0x11000, -1, 0), -EEXIST);
	cr_assert_eq(mpnic_dma_map(dev, page, 4095, 0x20000, -1, 0), -EINVAL);
	cr_assert_eq(mpnic_dma_map(dev, page, 8192, UINT64_MAX - 4095, -1, 0), -EINVAL);
	cr_assert_eq(mpnic_dma_unmap(dev, 0x10000, 4096), -ENOENT);
	cr_assert_eq(mpnic_dma_unmap(dev, a.iova, a.size), -ENOENT); /* not the caller's */
	OK(mpnic_dma_unmap(dev, 0x10000, 8192));
	mpnic_dma_free(dev, &a);
	mpnic_dma_free(dev, &a); /* is none any more */
	mpnic_close(dev);
}
