/* SPDX-License-Identifier: BSD-3-Clause */
/* The vfio-user server's interface, and copies that survive the loss of memory, without a client.
 */
#define _GNU_SOURCE /* memfd_create */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "safe_copy.h"
#include "vfio_user.h"

#define PAGE 4096

static int on_read(void *ctx, unsigned int region, uint64_t offset, void *data, uint32_t len)
{
	(void)ctx;
	(void)region;
	(void)offset;
	memset(data, 0, len);
	return 0;
}

static int on_write(void *ctx, unsigned int region, uint64_t offset, const void *data, uint32_t len)
{
	(void)ctx;
	(void)region;
	(void)offset;
	(void)data;
	(void)len;
	return 0;
}

static const struct vfu_ops ops = {.region_read = on_read, .region_write = on_write};

static struct vfu_config good_config(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/tmp/vfu-units-%d", getpid());
	return (struct vfu_config){.path = path, .irq = {1, 32, 2048, 1, 1}, .ops = &ops};
}

static void refused(const struct vfu_config *config, int err, const char *says)
{
	char error[VFU_ERROR_MAX] = "";
	struct vfu_server *server = NULL;

	cr_expect_eq(vfu_open(config, NULL, &server, error), err, "%s", error);
	cr_expect_not_null(strstr(error, says), "\"%s\" is not in: %s", says, error);
	cr_expect_null(server);
}

Test(server, bad_configurations)
{
	struct vfu_config c = good_config();
	struct vfu_ops no_read = ops;
	struct vfu_region good = {
		.size = 4 * PAGE, .areas = 2, .area = {{0, PAGE}, {2 * PAGE, 2 * PAGE}}};

	c.path = NULL;
	refused(&c, -EINVAL, "no path");
	c.path = "";
	refused(&c, -EINVAL, "no path");
	c = good_config();
	no_read.region_read = NULL;
	c.ops = &no_read;
	refused(&c, -EINVAL, "region_read");
	for (unsigned int i = 0; i < VFU_IRQS; i++) {
		c = good_config();
		c.irq[i]++;
		refused(&c, -EINVAL, "interrupts of kind");
	}
	c = good_config();
	c.region[2] = good;
	c.region[2].fd = -1;
	refused(&c, -EINVAL, "region 2");
	c.region[2] = good;
	c.region[2].areas = VFU_AREAS_MAX + 1;
	refused(&c, -EINVAL, "region 2");
	c.region[2] = good;
	c.region[2].fd_offset = 1;
	refused(&c, -EINVAL, "whole page");
	for (int i = 0; i < 6; i++) {
		static const struct vfu_area bad[] = {
			{0, 0},		  {2 * PAGE, 3 * PAGE}, {PAGE / 2, PAGE},
			{PAGE, PAGE / 2}, {1ull << 63, PAGE},	{0, PAGE}};

		c.region[2] = good;
		c.region[2].area[1] = bad[i];
		refused(&c, -EINVAL, "region 2, area 1");
	}
}

Test(server, without_a_client)
{
	struct vfu_config c = good_config();
	char error[VFU_ERROR_MAX];
	struct vfu_server *s;
	struct vfu_stats stats;
	struct pollfd p = {.events = POLLIN};
	uint8_t buf[8];

	cr_assert_eq(vfu_open(&c, NULL, &s, error), 0, "%s", error);
	p.fd = vfu_poll_fd(s);
	cr_assert_eq(vfu_dma_read(s, 0, buf, 8), -EFAULT);
	cr_assert_eq(vfu_dma_write(s, UINT64_MAX, buf, 8), -EFAULT);
	cr_assert_eq(vfu_dma_read(s, 0, buf, 0), 0);
	cr_assert_eq(vfu_irq(s, 2, 2047), VFU_IRQ_ABSENT);
	cr_assert_eq(vfu_irq(s, 2, 2048), -EINVAL);
	cr_assert_eq(vfu_irq(s, 5, 0), -EINVAL);
	cr_assert_eq(vfu_serve(s, 0), 0);
	cr_assert_eq(poll(&p, 1, 0), 0);
	vfu_stats(s, &stats);
	cr_assert_eq(stats.dma_errors, 2);
	cr_assert_not(stats.connected);
	vfu_stop(s);
	cr_assert_eq(poll(&p, 1, 0), 1);
	cr_assert_eq(vfu_serve(s, -1), -ECANCELED);
	cr_assert_eq(vfu_run(s), 0);
	vfu_close(s);
	vfu_close(NULL);
}

/* ---- safe_copy ----------------------------------------------------------------------------- */

static uint8_t *shared_pages(int *fd, size_t pages)
{
	uint8_t *memory;

	cr_assert_eq(safe_copy_init(), 0);
	*fd = memfd_create("shared", 0);
	cr_assert_eq(ftruncate(*fd, (off_t)(pages * PAGE)), 0);
	memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	cr_assert_neq(memory, MAP_FAILED);
	return memory;
}

Test(safe_copy, every_alignment_and_length)
{
	static uint8_t from[128], back[128];
	int fd;
	uint8_t *shared = shared_pages(&fd, 1);

	for (size_t i = 0; i < sizeof(from); i++)
		from[i] = (uint8_t)(i * 37 + 1);
	for (size_t at = 0; at < 16; at++) {
		for (size_t len = 0; len < 80; len++) {
			memset(shared, 0, 256);
			memset(back, 0, sizeof(back));
			cr_assert_eq(safe_copy_to(shared + at, from + len % 9, len), 0);
			cr_assert_arr_eq(shared + at, from + len % 9, len);
			cr_assert(!shared[at + len] && (!at || !shared[at - 1]));
			cr_assert_eq(safe_copy_from(back + 1, shared + at, len), 0);
			cr_assert_arr_eq(back + 1, from + len % 9, len);
			cr_assert(!back[0] && !back[len + 1]);
		}
	}
}

Test(safe_copy, memory_that_is_gone)
{
	static uint8_t buf[3 * PAGE];
	sigset_t before, after;
	int fd;
	uint8_t *shared = shared_pages(&fd, 3);

	sigprocmask(SIG_BLOCK, NULL, &before);
	cr_assert_eq(ftruncate(fd, PAGE), 0);
	for (int i = 0; i < 10; i++) {
		cr_assert_eq(safe_copy_to(shared, buf, sizeof(buf)), -EFAULT);
		cr_assert_eq(safe_copy_from(buf, shared + PAGE - 3, 7), -EFAULT);
		cr_assert_eq(safe_copy_from(buf, shared + 2 * PAGE + 1, 1), -EFAULT);
		cr_assert_eq(safe_copy_from(buf, shared, PAGE), 0);
	}
	sigprocmask(SIG_BLOCK, NULL, &after);
	cr_assert_eq(sigismember(&after, SIGBUS), sigismember(&before, SIGBUS));
	cr_assert_eq(ftruncate(fd, 3 * PAGE), 0);
	cr_assert_eq(safe_copy_to(shared, buf, sizeof(buf)), 0);
}

static sigjmp_buf elsewhere;

static void on_other_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	siglongjmp(elsewhere, 1);
}

/* A fault that is no copy's goes to the handler that was there before. */
Test(safe_copy, faults_of_others)
{
	struct sigaction action = {.sa_sigaction = on_other_fault, .sa_flags = SA_SIGINFO};
	volatile int caught = 0;
	volatile uint8_t *shared;
	int fd;

	sigaction(SIGBUS, &action, NULL);
	shared = shared_pages(&fd, 1);
	cr_assert_eq(ftruncate(fd, 0), 0);
	if (sigsetjmp(elsewhere, 1))
		caught++;
	else
		(void)shared[0];
	cr_assert_eq(caught, 1);
	if (sigsetjmp(elsewhere, 1))
		caught++;
	else
		raise(SIGBUS); /* sent, not a fault */
	cr_assert_eq(caught, 2);
}

/* And where there was none, the process ends by it, as it should. */
Test(safe_copy, faults_without_a_handler, .signal = SIGBUS)
{
	volatile uint8_t *shared;
	int fd;

	signal(SIGBUS, SIG_DFL);
	shared = shared_pages(&fd, 1);
	cr_assert_eq(ftruncate(fd, 0), 0);
	(void)shared[0];
}
