/* SPDX-License-Identifier: BSD-3-Clause */
/* The admin queue over a device in memory: right, slow, silent, lying. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common.h"

static struct fake *fake;
static struct mpnic_dev *dev;

Test(driver_admin, statuses_become_errors)
{
	struct mpnic_admin_queue_stats stats;

	dev = start_fake(&fake, NULL);
	OK(mpnic_admin_nop(dev));
	cr_assert_eq(mpnic_admin_queue_get(dev, MPNIC_QUEUE_RX, 1, &stats), -ENOENT);
	cr_assert(strstr(mpnic_error(dev), "queue_get: it is not there"), "%s", mpnic_error(dev));
	cr_assert_eq(mpnic_admin_queue_get(dev, MPNIC_QUEUE_RX, 99, &stats), -ERANGE);
	mpnic_close(dev);
}

static struct mpnic_admin_cmd seen;

static bool look(struct fake *f, const struct mpnic_admin_cmd *cmd, struct mpnic_admin_cpl *cpl)
{
	(void)f;
	(void)cpl;
	seen = *cmd;
	return true;
}

/* What each helper puts where: against the contract's text, not against itself. */
Test(driver_admin, helpers)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
	struct mpnic_admin_port port = {.flags = MPNIC_PORT_UP, .mtu = 1500}, port2;
	struct mpnic_key key = {.lo_port = 80, .proto = 6, .kind = 4};
	struct mpnic_action action = {.mark = 5, .rx_queue = 3};
	struct mpnic_rule_use use;
	struct mpnic_token_entry token;
	uint64_t counter[MPNIC_COUNTERS];
	uint16_t queue[MPNIC_RETA_SIZE];
	uint8_t rss_key[MPNIC_RSS_KEY_LEN] = {1};
	uint32_t id;

	dev = start_fake(&fake, NULL);
	fake->lie = look;
	OK(mpnic_admin_port_set(dev, 1, &port));
	cr_assert_eq(seen.op, MPNIC_ADMIN_OP_PORT_SET);
	cr_assert_eq(seen.id, 1);
	cr_assert(!memcmp(seen.data, &port, sizeof(port)));
	OK(mpnic_admin_port_get(dev, 0, &port2));
	OK(mpnic_admin_mac_add(dev, 1, mac));
	cr_assert(!memcmp(seen.data, mac, 6));
	OK(mpnic_admin_mac_remove(dev, 1, mac));
	cr_assert_eq(seen.op, MPNIC_ADMIN_OP_MAC_REMOVE);
	OK(mpnic_admin_vector_set(dev, 3, 50));
	cr_assert_eq(seen.id, 3);
	cr_assert_eq(seen.data[0], 50);
	for (unsigned int i = 0; i < MPNIC_RETA_SIZE; i++)
		queue[i] = (uint16_t)i;
	OK(mpnic_admin_reta_set(dev, 0, MPNIC_RETA_SIZE, queue));
	cr_assert_eq(fake->ops[MPNIC_ADMIN_OP_RETA_SET], 3);
	cr_assert_eq(seen.id, 96);
	cr_assert_eq(seen.arg, 32);
	cr_assert_eq(seen.data[0], 96);
	cr_assert_eq(mpnic_admin_reta_set(dev, 1, MPNIC_RETA_SIZE, queue), -ERANGE);
	OK(mpnic_admin_rss_key_set(dev, rss_key));
	cr_assert(!memcmp(seen.data, rss_key, sizeof(rss_key)));
	OK(mpnic_admin_network_set(dev, 2, 7));
	cr_assert(seen.id == 2 && seen.data[0] == 7);
	OK(mpnic_admin_network_default(dev, 7, MPNIC_FIRST_SYN_PUNT));
	cr_assert(seen.id == 7 && seen.data[0] == MPNIC_FIRST_SYN_PUNT);
	OK(mpnic_admin_flow_remove(dev, &key));
	cr_assert(!memcmp(seen.data, &key, sizeof(key)));
	OK(mpnic_admin_flow_set(dev, 77, &action));
	cr_assert_eq(seen.id, 77);
	cr_assert(!memcmp(seen.data + offsetof(struct mpnic_admin_flow, action), &action,
			  sizeof(action)));
	OK(mpnic_admin_flow_add(dev, &(struct mpnic_admin_flow){.key = {9}}, &id));
	cr_assert_eq(id, 9); /* the fake gives the data back */
	OK(mpnic_admin_flow_confirm(dev, &key));
	OK(mpnic_admin_flow_dss_set(dev, 5, 1, &(struct mpnic_dir){.isn = 4}));
	cr_assert(seen.id == 5 && seen.arg == 1 && seen.data[0] == 4);
	OK(mpnic_admin_rule_set(dev, 63, &(struct mpnic_rule){.valid = 1}));
	cr_assert(seen.id == 63 && seen.data[107] == 1);
	OK(mpnic_admin_rule_get(dev, 63, &use));
	OK(mpnic_admin_conn_set(dev, 8, &(struct mpnic_conn){.version = 1}));
	OK(mpnic_admin_token_add(dev, &(struct mpnic_token_entry){.token = 0xdeadbeef}));
	OK(mpnic_admin_token_get(dev, 0xdeadbeef, &token));
	cr_assert_eq(token.token, 0xdeadbeef);
	OK(mpnic_admin_token_remove(dev, 0xdeadbeef));
	OK(mpnic_admin_peer_set(dev, &(struct mpnic_peer_entry){.port = 1}));
	OK(mpnic_admin_peer_remove(dev, &(struct mpnic_peer_entry){.port = 1}));
	OK(mpnic_admin_counters(dev, 1, counter));
	for (unsigned int i = 0; i < MPNIC_COUNTERS; i++)
		cr_assert_eq(counter[i], 1000 + i);
	mpnic_close(dev);
}

/* --- time ------------------------------------------------------------------------------------ */

struct result {
	int err, calls;
	bool completed;
};

static void note(void *ctx, int err, const struct mpnic_admin_cpl *cpl)
{
	struct result *r = ctx;

	r->err = err;
	r->calls++;
	r->completed = cpl != NULL;
}

static unsigned int late_lines;

static void count_late(void *ctx, enum mpnic_log_level level, const char *text)
{
	(void)ctx;
	(void)level;
	late_lines += strstr(text, "late") != NULL;
}

Test(driver_admin, abandoned_commands)
{
	const struct mpnic_options o = {.admin_ms = 100, .log = count_late};
	struct mpnic_admin_cmd cmd = {.op = MPNIC_ADMIN_OP_TABLES};
	struct result r = {0};
	struct mpnic_health h;

	dev = start_fake(&fake, &o);
	fake->deaf = true;
	cr_assert_eq(mpnic_admin_nop(dev), -ETIMEDOUT);
	cr_assert(strstr(mpnic_error(dev), "nop was not answered in 100 ms"), "%s",
		  mpnic_error(dev));
	OK(mpnic_admin_post(dev, &cmd, note, &r));
	usleep(120000);
	cr_assert_eq(mpnic_admin_poll(dev), 0);
	cr_assert_eq(r.err, -ETIMEDOUT);
	cr_assert_eq(r.calls, 1);
	cr_assert(!r.completed);
	cr_assert_eq(mpnic_health(dev, &h), -ETIMEDOUT);
	cr_assert_eq(h.reason, MPNIC_RESET_ADMIN_TIMEOUT);
	cr_assert_eq(h.admin_timeouts, 2);
	/* Now the device answers: the late completions find nobody, the next command its own. */
	fake->deaf = false;
	OK(mpnic_admin_nop(dev));
	cr_assert_eq(late_lines, 2);
	cr_assert_eq(r.calls, 1);
	mpnic_close(dev);
}

Test(driver_admin, full_ring)
{
	const struct mpnic_options o = {.admin_ms = 100, .admin_log2 = 3};
	struct mpnic_admin_cmd cmd = {.op = MPNIC_ADMIN_OP_NOP};
	struct result r[9] = {0};

	dev = start_fake(&fake, &o);
	fake->deaf = true;
	for (unsigned int i = 0; i < 8; i++)
		OK(mpnic_admin_post(dev, &cmd, note, &r[i]));
	cr_assert_eq(mpnic_admin_post(dev, &cmd, note, &r[8]), -EAGAIN);
	cr_assert_eq(mpnic_admin_nop(dev), -ETIMEDOUT);
	fake->deaf = false;
	fake_work(fake);
	OK(mpnic_admin_nop(dev));
	for (unsigned int i = 0; i < 8; i++)
		cr_assert_eq(r[i].calls, 1, "%u: %d", i, r[i].calls);
	cr_assert_eq(r[8].calls, 0);
	for (unsigned int i = 0; i < 1000; i++)
		OK(mpnic_admin_nop(dev)); /* many rounds: the phase turns */
	mpnic_close(dev);
}

static void post_again(void *ctx, int err, const struct mpnic_admin_cpl *cpl)
{
	unsigned int *left = ctx;
	struct mpnic_admin_cmd cmd = {.op = MPNIC_ADMIN_OP_NOP};

	(void)cpl;
	if (!err && --*left)
		mpnic_admin_post(dev, &cmd, post_again, left);
}

Test(driver_admin, callbacks_may_post)
{
	struct mpnic_admin_cmd cmd = {.op = MPNIC_ADMIN_OP_NOP};
	unsigned int left = 100;

	dev = start_fake(&fake, NULL);
	OK(mpnic_admin_post(dev, &cmd, post_again, &left));
	for (unsigned int i = 0; i < 200 && left; i++)
		cr_assert_geq(mpnic_admin_poll(dev), 0);
	cr_assert_eq(left, 0);
	mpnic_close(dev);
}

Test(driver_admin, end_of_the_queue_ends_commands)
{
	struct mpnic_admin_cmd cmd = {.op = MPNIC_ADMIN_OP_NOP};
	struct result r = {0};

	dev = start_fake(&fake, NULL);
	fake->deaf = true;
	OK(mpnic_admin_post(dev, &cmd, note, &r));
	OK(mpnic_reset(dev, MPNIC_RESET_USER));
	cr_assert_eq(r.err, -ECANCELED);
	cr_assert_eq(mpnic_admin_post(dev, &cmd, note, &r), -ENOTCONN);
	cr_assert_eq(r.calls, 1);
	mpnic_close(dev);
}

Test(driver_admin, a_device_that_goes_away)
{
	dev = start_fake(&fake, NULL);
	fake->awake = true; /* so that the doorbell itself meets nobody */
	fake_work(fake);
	fake->gone = true;
	cr_assert_eq(mpnic_admin_nop(dev), -ENODEV);
	cr_assert_eq(mpnic_admin_nop(dev), -ENODEV);
	mpnic_close(dev);
}

Test(driver_admin, interrupt)
{
	const struct mpnic_options o = {.admin_irq = true};

	dev = start_fake(&fake, &o);
	cr_assert_geq(mpnic_admin_fd(dev), 0);
	cr_assert_eq(fake->reg[MPNIC_HOST_ADMIN_VECTOR / 4], 0);
	OK(mpnic_admin_nop(dev));
	mpnic_close(dev);
}

static void *slow_device(void *arg)
{
	struct fake *f = arg;

	for (unsigned int i = 0; i < 40; i++) {
		usleep(10000);
		fake_work(f);
	}
	return NULL;
}

static void *issue(void *arg)
{
	struct mpnic_admin_cmd cmd = {.op = MPNIC_ADMIN_OP_TABLES};
	struct mpnic_admin_cpl cpl;

	memcpy(cmd.data, arg, 4);
	for (unsigned int i = 0; i < 20; i++)
		if (mpnic_admin(dev, &cmd, &cpl) || memcmp(cpl.data, arg, 4))
			return (void *)"wrong";
	return NULL;
}

/* Commands of many threads, answered by a slow device: each gets its own answer. */
Test(driver_admin, many_threads)
{
	const struct mpnic_options o = {.admin_irq = true, .admin_log2 = 3};
	pthread_t device, thread[8];
	uint32_t mark[8];

	dev = start_fake(&fake, &o);
	fake->awake = true;
	fake_work(fake);
	pthread_create(&device, NULL, slow_device, fake);
	for (unsigned int i = 0; i < 8; i++) {
		mark[i] = 0x1000 + i;
		pthread_create(&thread[i], NULL, issue, &mark[i]);
	}
	for (unsigned int i = 0; i < 8; i++) {
		void *wrong;

		pthread_join(thread[i], &wrong);
		cr_assert_eq(wrong, NULL);
	}
	pthread_join(device, NULL);
	cr_assert_eq(fake->ops[MPNIC_ADMIN_OP_TABLES], 160);
	mpnic_close(dev);
}

/* --- lies ------------------------------------------------------------------------------------ */

static unsigned int lie_field;

static bool lie(struct fake *f, const struct mpnic_admin_cmd *cmd, struct mpnic_admin_cpl *cpl)
{
	(void)f;
	(void)cmd;
	if (lie_field == 0)
		cpl->cookie ^= 1;
	else if (lie_field == 1)
		cpl->op ^= 1;
	else if (lie_field == 2)
		cpl->status = 0x4000;
	else if (lie_field == 3)
		cpl->phase ^= 1;
	else
		return false;
	return true;
}

Test(driver_admin, lies)
{
	const struct mpnic_options o = {.admin_ms = 50};
	static const int want[] = {-EPROTO, -EPROTO, -EPROTO, -ETIMEDOUT, -ETIMEDOUT};
	struct mpnic_health h;

	for (lie_field = 0; lie_field < 5; lie_field++) {
		dev = start_fake(&fake, &o);
		fake->lie = lie;
		cr_assert_eq(mpnic_admin_nop(dev), want[lie_field], "lie %u", lie_field);
		if (lie_field < 2) {
			cr_assert_eq(mpnic_health(dev, &h), -EPROTO);
			cr_assert_eq(h.reason, MPNIC_RESET_COMPLETION);
			cr_assert_eq(mpnic_admin_nop(dev), -EPROTO);
		}
		mpnic_close(dev);
	}
}

static bool lie_aged(struct fake *f, const struct mpnic_admin_cmd *cmd, struct mpnic_admin_cpl *cpl)
{
	struct mpnic_admin_aged aged = {.next = lie_field ? cmd->id : cmd->id + 1,
					.count = lie_field ? 1 : 27};

	(void)f;
	memcpy(cpl->data, &aged, sizeof(aged));
	return true;
}

static bool lie_log(struct fake *f, const struct mpnic_admin_cmd *cmd, struct mpnic_admin_cpl *cpl)
{
	struct mpnic_admin_log log = {.count = 105};

	(void)f;
	(void)cmd;
	memcpy(cpl->data, &log, sizeof(log));
	return true;
}

Test(driver_admin, lying_answers)
{
	struct mpnic_admin_aged aged;
	uint32_t first;
	char text[400];

	dev = start_fake(&fake, NULL);
	fake->lie = lie_aged;
	for (lie_field = 0; lie_field < 2; lie_field++)
		cr_assert_eq(mpnic_admin_age(dev, 4, 100, &aged), -EPROTO);
	fake->lie = lie_log;
	cr_assert_eq(mpnic_fw_log(dev, 0, text, sizeof(text), &first), -EPROTO);
	mpnic_close(dev);
}

static struct mpnic_admin_identity false_identity;

static bool lie_identity(struct fake *f, const struct mpnic_admin_cmd *cmd,
			 struct mpnic_admin_cpl *cpl)
{
	(void)f;
	if (cmd->op == MPNIC_ADMIN_OP_IDENTIFY)
		memcpy(cpl->data, &false_identity, sizeof(false_identity));
	return true;
}

static int identified(struct mpnic_admin_identity id)
{
	const struct mpnic_options o = {.firmware_path = "/nonexistent"};
	char error[MPNIC_ERROR_MAX];
	int err;

	false_identity = id;
	fake = fake_new();
	fake_run_firmware(fake, 1);
	fake->lie = lie_identity;
	OK(mpnic_attach(fake_transport(fake), &o, &dev, error));
	err = mpnic_start(dev, 0);
	if (!err)
		for (unsigned int i = 0; i < 31; i++)
			cr_assert_eq(mpnic_identity(dev)->fw_name[i], '?');
	mpnic_close(dev);
	return err;
}

Test(driver_admin, identity)
{
	struct mpnic_admin_identity id = {
		.admin_version = 1, .ports = 2, .queues = 16, .vectors = 64};

	memset(id.fw_name, 0x9b, sizeof(id.fw_name)); /* no NUL, and an escape of terminals */
	OK(identified(id));
	id.admin_version = 2;
	cr_assert_eq(identified(id), -EPROTO);
	id.admin_version = 0;
	cr_assert_eq(identified(id), -EPROTO);
	id.admin_version = 1;
	id.queues = 4096;
	cr_assert_eq(identified(id), -EPROTO);
}
