/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * whole SIM IMAGE [KILLS [ENGINE]]: libmpnic against the simulated card, as two processes. Traffic
 * through every queue with all bytes compared, admin commands by the thousand, every fault that the
 * card can be made to have, and the death of either side at any moment. The RTL (ENGINE rtl) gets
 * less of all.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "card.h"
#include "mpnic.h"

#define WINDOW	 16
#define BUF_SIZE 2048
#define SEGS	 3

static const char *sim_path, *image, *engine = "model";
/* How much of it, and how long the device may take; as the engine is. */
static struct {
	unsigned int frames, flows, timeout_ms, patience_ms;
	bool whole_tables; /* all ids are looked at */
} size = {.frames = 150, .flows = 62259 /* 95 % */, .patience_ms = 2000, .whole_tables = true};
static char folder[] = "/tmp/mpnic-whole-XXXXXX";
static char socket_path[64], control_path[64], device[80];
static pid_t sim;
static uint64_t seed = 0x2545f4914f6cdd1d;

static void clean_up(void)
{
	if (sim > 0)
		kill(sim, SIGKILL);
	unlink(socket_path);
	unlink(control_path);
	rmdir(folder);
}

static void fail(int line, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));

static void fail(int line, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "whole.c:%d: ", line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	clean_up();
	exit(1);
}

#define CHECK(good, ...)                             \
	do {                                         \
		if (!(good))                         \
			fail(__LINE__, __VA_ARGS__); \
	} while (0)
#define OK(call)                                                                          \
	do {                                                                              \
		int ok_err = (call);                                                      \
		CHECK(!ok_err, "%s: %s: %s", #call, strerror(-ok_err), mpnic_error(dev)); \
	} while (0)

static uint32_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20);
}

/* --- the other side -------------------------------------------------------------------------- */

static void start_sim(void)
{
	const char *const argv[] = {sim_path,	  "serve",    "--quiet",   "--engine",
				    engine,	  "--socket", socket_path, "--control",
				    control_path, "--port0",  "loop",	   "--port1",
				    "loop",	  "--serial", "WHOLE-1",   NULL};

	unlink(control_path);
	sim = card_start((char *const *)argv, control_path);
	CHECK(sim > 0, "%s does not start", sim_path);
}

static void kill_sim(void)
{
	kill(sim, SIGKILL);
	waitpid(sim, NULL, 0);
	sim = 0;
}

static void command(const char *text)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char answer[256] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, control_path);
	CHECK(fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof(a)), "control: %s",
	      strerror(errno));
	CHECK(dprintf(fd, "%s\n", text) > 0, "control");
	CHECK(read(fd, answer, sizeof(answer) - 1) > 0 && strstr(answer, "\"ok\":true"),
	      "control: '%s' is answered by %s", text, answer);
	close(fd);
}

static struct mpnic_dev *open_device(bool irq)
{
	const struct mpnic_options options = {
		.firmware = image, .admin_irq = irq, .timeout_ms = size.timeout_ms};
	char error[MPNIC_ERROR_MAX];
	struct mpnic_dev *dev;
	int err;

	/* A server that has not yet seen that its last client has died turns us away. */
	for (unsigned int i = 0; i < 100; i++) {
		err = mpnic_open(device, &options, &dev, error);
		if (!err)
			return dev;
		usleep(20000);
	}
	fail(__LINE__, "open: %s", error);
}

/* --- traffic --------------------------------------------------------------------------------- */

struct path {
	struct mpnic_dev *dev;
	struct mpnic_dma dma;
	struct mpnic_rxq *rx;
	struct mpnic_txq *tx;
	unsigned int queue, port;
	uint16_t flags;
	int fd; /* eventfd of the Rx queue; -1: polled */
	uint32_t sent, received, len[WINDOW];
};

static void set_port(struct path *p, uint16_t flags)
{
	struct mpnic_dev *dev = p->dev;
	const struct mpnic_admin_port port = {
		.flags = flags,
		.mtu = 9000,
		.queue_base = (uint16_t)p->queue,
		.queue_count = 1,
	};

	OK(mpnic_admin_port_set(dev, p->port, &port));
}

static void post(struct path *p, uint32_t slot)
{
	struct mpnic_buf buf = {
		.iova = p->dma.iova + (WINDOW * SEGS + slot) * BUF_SIZE,
		.cookie = (uint8_t *)p->dma.addr + (WINDOW * SEGS + slot) * BUF_SIZE,
		.len = 256 + slot * 8,
	};
	int n = mpnic_rxq_post(p->rx, &buf, 1);

	CHECK(n == 1, "post: %d", n);
}

static void make_path(struct path *p, struct mpnic_dev *dev, unsigned int queue, int fd)
{
	const struct mpnic_queue_options options = {.log2 = 8,
						    .vector = fd < 0 ? MPNIC_NO_VECTOR : queue + 1};

	*p = (struct path){.dev = dev, .queue = queue, .port = queue & 1, .fd = fd};
	OK(mpnic_dma_alloc(dev, BUF_SIZE * (WINDOW * SEGS + 128), &p->dma));
	if (fd >= 0)
		OK(mpnic_irq_set(dev, queue + 1, 1, &fd));
	OK(mpnic_rxq_create(dev, queue, &options, &p->rx));
	OK(mpnic_txq_create(dev, queue, &options, &p->tx));
	for (uint32_t i = 0; i < 128; i++)
		post(p, i);
	set_port(p, MPNIC_PORT_UP | MPNIC_PORT_PROMISCUOUS);
}

static void end_path(struct path *p)
{
	struct mpnic_dev *dev = p->dev;

	OK(mpnic_rxq_destroy(p->rx));
	OK(mpnic_txq_destroy(p->tx));
	mpnic_dma_free(dev, &p->dma);
}

static uint8_t byte_of(uint32_t number, uint32_t at)
{
	/* Broadcast, from a local address, of an EtherType for experiments. */
	static const uint8_t head[14] = {255, 255, 255, 255, 255, 255,	2,
					 0,   0,   0,	0,   1,	  0x88, 0xb5};

	return at < 14 ? head[at] : (uint8_t)(number * 31 + at * 7 + (at >> 8));
}

/* Pieces are of unequal length; buffers are BUF_SIZE, so a frame has at most 3 * 2000 bytes. */
static int send_frame(struct path *p)
{
	uint32_t slot = p->sent % WINDOW, len = 0;
	struct mpnic_buf buf[SEGS];
	struct mpnic_send send = {
		.buf = buf, .bufs = 1 + rnd() % SEGS, .port = (uint8_t)p->port, .flags = p->flags};
	int n;

	for (unsigned int s = 0; s < send.bufs; s++) {
		uint32_t at = (slot * SEGS + s) * BUF_SIZE;
		uint8_t *data = (uint8_t *)p->dma.addr + at;

		buf[s] = (struct mpnic_buf){.iova = p->dma.iova + at,
					    .len = s ? 1 + rnd() % 900 : 60 + rnd() % 1400};
		for (uint32_t i = 0; i < buf[s].len; i++)
			data[i] = byte_of(p->sent, len + i);
		len += buf[s].len;
	}
	n = mpnic_txq_burst(p->tx, &send, 1);
	if (n <= 0)
		return n;
	p->len[slot] = len;
	p->sent++;
	return 1;
}

static void check_frame(struct path *p, const struct mpnic_frame *f)
{
	uint32_t at = 0;

	CHECK(f->cpl.status == MPNIC_RX_STATUS_OK, "queue %u, frame %u: %s", p->queue, p->received,
	      mpnic_rx_status_name(f->cpl.status));
	CHECK(f->cpl.len == p->len[p->received % WINDOW], "queue %u, frame %u: %u bytes", p->queue,
	      p->received, f->cpl.len);
	CHECK(f->cpl.source == p->port, "queue %u: source %u", p->queue, f->cpl.source);
	for (uint32_t b = 0; b < f->cpl.buffers; b++) {
		const struct mpnic_buf *buf = mpnic_rxq_buf(p->rx, f->desc + b);
		const uint8_t *data = buf->cookie;

		for (uint32_t i = 0; i < buf->len && at < f->cpl.len; i++, at++)
			CHECK(data[i] == byte_of(p->received, at), "queue %u, frame %u, byte %u",
			      p->queue, p->received, at);
	}
	CHECK(at == f->cpl.len, "queue %u: %u bytes of %u in its buffers", p->queue, at,
	      f->cpl.len);
}

/* Returns how many frames came, or an error of the queue. */
static int take_frames(struct path *p)
{
	struct mpnic_frame frame[8];
	int n = mpnic_rxq_burst(p->rx, frame, 8);

	for (int i = 0; i < n; i++) {
		check_frame(p, &frame[i]);
		p->received++;
		for (uint32_t b = 0; b < frame[i].cpl.buffers; b++) {
			struct mpnic_buf buf = *mpnic_rxq_buf(p->rx, frame[i].desc + b);

			mpnic_rxq_post(p->rx, &buf, 1);
		}
	}
	return n;
}

static void wait_frames(const struct path *p)
{
	struct pollfd poll_fd = {.fd = p->fd, .events = POLLIN};
	uint64_t value;

	if (p->fd < 0)
		usleep(20);
	else if (poll(&poll_fd, 1, 1000) > 0)
		CHECK(read(p->fd, &value, sizeof(value)) == sizeof(value), "eventfd");
}

/* Pass frames. Returns 0, -EAGAIN where one did not come back within two seconds, or a queue's
 * error. */
static int pass(struct path *p, uint32_t count)
{
	uint32_t end = p->sent + count;
	struct mpnic_health health;
	uint64_t last = now_ms();

	while (p->received != end) {
		struct mpnic_sent sent[WINDOW];
		int n, done;

		while (p->sent != end && p->sent - p->received < WINDOW && (n = send_frame(p)))
			if (n < 0)
				return n;
		done = mpnic_txq_done(p->tx, sent, WINDOW);
		if (done < 0)
			return done;
		for (int i = 0; i < done; i++)
			CHECK(!sent[i].err, "queue %u: not sent, %s", p->queue,
			      mpnic_queue_error_name(sent[i].error));
		n = take_frames(p);
		if (n < 0)
			return n;
		if (n)
			last = now_ms();
		else if (now_ms() - last > size.patience_ms)
			return -EAGAIN;
		else if (now_ms() - last > 300 && (n = mpnic_health(p->dev, &health)))
			return n;
		else
			wait_frames(p);
	}
	return 0;
}

static void forget(struct path *p)
{
	struct mpnic_sent sent[WINDOW];

	while (mpnic_txq_done(p->tx, sent, WINDOW) > 0)
		;
	p->received = p->sent;
}

/* --- tests ----------------------------------------------------------------------------------- */

static void every_queue(void)
{
	struct mpnic_dev *dev = open_device(true);
	struct mpnic_queue_counters count;
	struct path p;

	OK(mpnic_start(dev, 0));
	CHECK(!strcmp(mpnic_info(dev)->serial, "WHOLE-1"), "serial %s", mpnic_info(dev)->serial);
	CHECK(mpnic_info(dev)->doorbells_mapped,
	      "doorbells are not mapped: the file is not sealed");
	for (unsigned int q = 0; q < mpnic_info(dev)->queues; q++) {
		int fd = q % 4 ? eventfd(0, 0) : -1, err;

		make_path(&p, dev, q, fd);
		for (p.flags = 0; p.flags <= MPNIC_TX_BYPASS; p.flags += MPNIC_TX_BYPASS) {
			err = pass(&p, size.frames);
			CHECK(!err, "queue %u, flags %u: %s after %u frames", q, p.flags,
			      strerror(-err), p.received);
		}
		mpnic_rxq_counters(p.rx, &count);
		CHECK(count.frames == 2 * size.frames && !count.lies && !count.errors,
		      "queue %u counts", q);
		end_path(&p);
		if (fd >= 0)
			close(fd);
	}
	OK(mpnic_stop(dev));
	mpnic_close(dev);
}

struct batch {
	unsigned int done, wrong;
};

static void count_done(void *ctx, int err, const struct mpnic_admin_cpl *cpl)
{
	struct batch *b = ctx;

	(void)cpl;
	b->done++;
	b->wrong += err != 0;
}

static void flow_of(struct mpnic_admin_flow *flow, uint32_t i)
{
	struct mpnic_key key = {.lo_port = 80, .hi_port = (uint16_t)i, .proto = 6, .kind = 4};

	memset(flow, 0, sizeof(*flow));
	memcpy(key.lo_addr, "\12\0\0\1", 4);
	key.hi_addr[0] = 20;
	memcpy(key.hi_addr + 1, &i, 3);
	memcpy(flow->key, &key, sizeof(key));
	flow->conn_id = MPNIC_ID_NONE;
}

/* Flows in and out, with many commands under way. Returns milliseconds. */
static uint64_t flows(struct mpnic_dev *dev, enum mpnic_admin_op_code op, uint32_t count)
{
	struct mpnic_admin_cmd cmd = {.op = (uint16_t)op};
	struct batch b = {0};
	uint64_t start = now_ms();

	for (uint32_t i = 0; b.done < count;) {
		int err = i < count ? 0 : -EAGAIN;

		if (!err) {
			flow_of((struct mpnic_admin_flow *)cmd.data, i);
			err = mpnic_admin_post(dev, &cmd, count_done, &b);
		}
		i += !err;
		if (!err)
			continue;
		CHECK(err == -EAGAIN, "flow %u: %s", i, mpnic_error(dev));
		err = mpnic_admin_poll(dev);
		CHECK(err >= 0, "flow %u: %s", i, mpnic_error(dev));
		if (!err)
			usleep(50);
		CHECK(now_ms() - start < 60000, "%u of %u commands", b.done, count);
	}
	CHECK(!b.wrong, "%u of %u commands failed: %s", b.wrong, count, mpnic_error(dev));
	return now_ms() - start;
}

/* None of the flows is ever found: all are old. */
static void ageing(struct mpnic_dev *dev, uint32_t count)
{
	struct mpnic_admin_aged aged = {.next = 0};
	uint32_t found = 0;

	usleep(30000);
	while (aged.next != MPNIC_ID_NONE) {
		OK(mpnic_admin_age(dev, aged.next, 10, &aged));
		found += aged.count;
	}
	CHECK(found == count, "%u of %u flows are old", found, count);
	OK(mpnic_admin_age(dev, 0, 1000000, &aged));
	CHECK(!aged.count, "flows older than the card");
}

static void admin(void)
{
	struct mpnic_dev *dev = open_device(false);
	struct mpnic_admin_tables tables;
	struct mpnic_admin_flow_state state;
	struct mpnic_admin_flow flow;
	uint64_t in, out, counter[MPNIC_COUNTERS];
	uint32_t failed, id;
	const uint32_t count = size.flows;

	OK(mpnic_start(dev, 0));
	OK(mpnic_admin_self_test(dev, &failed));
	CHECK(!failed, "self-test: 0x%x", failed);
	in = flows(dev, MPNIC_ADMIN_OP_FLOW_ADD, count);
	OK(mpnic_admin_tables(dev, &tables));
	CHECK(tables.used[MPNIC_TABLE_FLOW] == count, "%u flows", tables.used[MPNIC_TABLE_FLOW]);
	flow_of(&flow, 77);
	CHECK(mpnic_admin_flow_add(dev, &flow, &id) == -EEXIST, "a flow twice");
	OK(mpnic_admin_flow_get(dev, (struct mpnic_key *)flow.key, &state));
	if (size.whole_tables)
		ageing(dev, count);
	out = flows(dev, MPNIC_ADMIN_OP_FLOW_REMOVE, count);
	CHECK(mpnic_admin_flow_get(dev, (struct mpnic_key *)flow.key, &state) == -ENOENT,
	      "a flow that was removed");
	OK(mpnic_admin_counters(dev, 0, counter));
	mpnic_close(dev);
	printf("admin commands a second: %llu flows added, %llu removed\n",
	       (unsigned long long)count * 1000 / (in + 1),
	       (unsigned long long)count * 1000 / (out + 1));
}

/* What is not mapped is an error of that frame, and the next goes its way. */
static void bad_addresses(void)
{
	struct mpnic_dev *dev = open_device(false);
	struct mpnic_admin_queue_stats stats;
	struct mpnic_sent sent[4];
	struct mpnic_buf bad = {.iova = 0x1000, .len = 100};
	struct mpnic_send send = {.buf = &bad, .bufs = 1, .cookie = &bad};
	struct path p;
	uint64_t start = now_ms();
	int n;

	OK(mpnic_start(dev, 0));
	make_path(&p, dev, 4, -1);
	CHECK(!pass(&p, 20), "before");
	forget(&p);
	CHECK(mpnic_txq_burst(p.tx, &send, 1) == 1, "send");
	while (!(n = mpnic_txq_done(p.tx, sent, 4)) && now_ms() - start < 5000)
		usleep(100);
	CHECK(n == 1 && sent[0].err == -EIO && sent[0].error == MPNIC_QUEUE_ERROR_DESC_ADDR &&
		      sent[0].cookie == &bad,
	      "a bad address: %d", n);
	CHECK(!pass(&p, 20), "behind it");
	/* A doorbell beyond the ring: counted at the device, and the next right one is heard. */
	OK(mpnic_reg_write(dev, MPNIC_BAR_DOORBELL + MPNIC_DOORBELL_TX + 4 * 4, 0x7fffffff));
	OK(mpnic_reg_write(dev, MPNIC_BAR_KICK, 1));
	start = now_ms();
	do {
		usleep(2000);
		OK(mpnic_admin_queue_get(dev, MPNIC_QUEUE_TX, 4, &stats));
	} while (stats.errors < 2 && now_ms() - start < 5000);
	CHECK(stats.errors >= 2 && stats.last_error == MPNIC_QUEUE_ERROR_DOORBELL,
	      "errors %llu, last %u", (unsigned long long)stats.errors, stats.last_error);
	CHECK(!pass(&p, 20), "behind a bad doorbell");
	end_path(&p);
	mpnic_close(dev);
}

/* Until the driver notices, by health or by a queue; returns the error. */
static int notice(struct path *p, struct mpnic_health *health)
{
	uint64_t start = now_ms();

	while (now_ms() - start < 8000) {
		int err = mpnic_health(p->dev, health);

		if (err)
			return err;
		usleep(50000);
	}
	return 0;
}

static void fault(const char *text, int want)
{
	struct mpnic_dev *dev = open_device(false);
	struct mpnic_health h;
	struct mpnic_crash crash;
	struct path p;
	int err;

	OK(mpnic_start(dev, 0));
	make_path(&p, dev, 1, -1);
	CHECK(!pass(&p, 50), "%s: before", text);
	command(text);
	err = pass(&p, 50);
	if (err != -EPROTO)
		err = notice(&p, &h);
	else
		CHECK(mpnic_health(dev, &h) == -EPROTO, "%s: health", text);
	CHECK(err == want, "%s: noticed %s (%s), not %s", text, strerror(-err), mpnic_error(dev),
	      strerror(-want));
	if (!strcmp(text, "fault fw-crash"))
		OK(mpnic_fw_crash(dev, &crash));
	OK(mpnic_recover(dev, h.reason));
	forget(&p);
	set_port(&p, MPNIC_PORT_UP | MPNIC_PORT_PROMISCUOUS);
	err = pass(&p, 50);
	CHECK(!err, "%s: after recovery: %s", text, strerror(-err));
	OK(mpnic_health(dev, &h));
	end_path(&p);
	mpnic_close(dev);
}

/* A lost interrupt costs a wait, no frame. */
static void lost_interrupt(void)
{
	struct mpnic_dev *dev = open_device(true);
	int fd = eventfd(0, 0);
	struct path p;

	OK(mpnic_start(dev, 0));
	make_path(&p, dev, 2, fd);
	for (unsigned int i = 0; i < 2; i++) {
		command("fault irq-lost");
		CHECK(!pass(&p, 20), "lost interrupt");
	}
	end_path(&p);
	mpnic_close(dev);
	close(fd);
}

/* What is lost on the way is lost: frames do not come back, and then they do again. */
static void no_way(struct path *p, const char *break_it, const char *mend_it)
{
	int err;

	command(break_it);
	err = pass(p, 5);
	CHECK(err == -EAGAIN, "%s: %s", break_it, strerror(-err));
	command(mend_it);
	forget(p);
	err = pass(p, 20);
	CHECK(!err, "%s: %s", mend_it, strerror(-err));
}

static void wires_and_links(void)
{
	const unsigned int patience = size.patience_ms;
	struct mpnic_dev *dev = open_device(false);
	struct mpnic_admin_port port;
	struct path p;

	OK(mpnic_start(dev, 0));
	make_path(&p, dev, 5, -1);
	size.patience_ms = patience / 5;
	no_way(&p, "wire 1 drop=1", "wire 1 none");
	no_way(&p, "link 1 down", "link 1 up");
	size.patience_ms = patience;
	command("wire 1 delay=2000");
	CHECK(!pass(&p, 20), "a slow wire");
	command("wire 1 none");
	OK(mpnic_admin_port_get(dev, 1, &port));
	CHECK(port.flags & MPNIC_PORT_LINK, "no link");
	end_path(&p);
	mpnic_close(dev);
}

/* A completion with the wrong phase is none: its queue stands still until it is made anew. */
static void wrong_phase(void)
{
	const unsigned int patience = size.patience_ms;
	struct mpnic_dev *dev = open_device(false);
	struct path p;
	int err;

	OK(mpnic_start(dev, 0));
	make_path(&p, dev, 6, -1);
	CHECK(!pass(&p, 20), "before");
	command("fault cpl-phase");
	size.patience_ms = patience / 5;
	err = pass(&p, 5);
	size.patience_ms = patience;
	CHECK(err == -EAGAIN || err == -EPROTO, "wrong phase: %s", strerror(-err));
	OK(mpnic_recover(dev, MPNIC_RESET_QUEUE));
	forget(&p);
	set_port(&p, MPNIC_PORT_UP | MPNIC_PORT_PROMISCUOUS);
	CHECK(!pass(&p, 20), "after recovery");
	end_path(&p);
	mpnic_close(dev);
}

/* The server dies at any moment, and comes back. */
static void server_killed(unsigned int kills)
{
	struct mpnic_dev *dev = open_device(false);
	struct mpnic_health h;
	struct path p;
	int err;

	OK(mpnic_start(dev, 0));
	make_path(&p, dev, 3, -1);
	for (unsigned int i = 0; i < kills; i++) {
		pid_t killer = fork();

		if (!killer) {
			usleep(rnd() % 60000);
			kill(sim, SIGKILL);
			_exit(0);
		}
		do {
			err = pass(&p, 5);
		} while (!err && !mpnic_health(dev, &h));
		waitpid(killer, NULL, 0);
		waitpid(sim, NULL, 0);
		CHECK(mpnic_health(dev, &h) == -ENODEV, "kill %u: %s", i, mpnic_error(dev));
		CHECK(mpnic_recover(dev, h.reason) == -ENODEV, "kill %u: recovered", i);
		CHECK(mpnic_admin_nop(dev) < 0, "kill %u: admin", i);
		start_sim();
		OK(mpnic_recover(dev, MPNIC_RESET_DRIVER));
		forget(&p);
		set_port(&p, MPNIC_PORT_UP | MPNIC_PORT_PROMISCUOUS);
		err = pass(&p, 20);
		CHECK(!err, "kill %u: afterwards: %s", i, strerror(-err));
	}
	end_path(&p);
	mpnic_close(dev);
}

static void driver_life(void)
{
	struct mpnic_dev *dev = open_device(rnd() & 1);
	struct path p;

	OK(mpnic_start(dev, 0));
	make_path(&p, dev, rnd() % 16, -1);
	while (!pass(&p, 50))
		;
	_exit(1);
}

/* The driver dies at any moment, and another comes. */
static void driver_killed(unsigned int kills)
{
	struct mpnic_dev *dev;
	struct path p;
	int status;

	for (unsigned int i = 0; i < kills; i++) {
		uint32_t us = rnd() % 300000;
		pid_t driver = fork();

		if (!driver) {
			sim = 0; /* not ours to end */
			driver_life();
		}
		usleep(us);
		kill(driver, SIGKILL);
		waitpid(driver, &status, 0);
		CHECK(WIFSIGNALED(status), "kill %u: the driver ended by itself, %d", i, status);
		dev = open_device(false);
		OK(mpnic_start(dev, 0));
		make_path(&p, dev, i % 16, -1);
		CHECK(!pass(&p, 20), "kill %u: afterwards", i);
		end_path(&p);
		mpnic_close(dev);
	}
}

static void took(const char *what)
{
	static uint64_t before;
	uint64_t now = now_ms();

	printf("%-32s %6.1f s\n", what, before ? (double)(now - before) / 1000 : 0.0);
	before = now;
}

int main(int argc, char **argv)
{
	unsigned int kills = argc > 3 ? (unsigned int)strtoul(argv[3], NULL, 0) : 8;

	if (argc < 3) {
		fputs("usage: whole SIM IMAGE [KILLS [ENGINE]]\n", stderr);
		return 2;
	}
	sim_path = argv[1];
	image = argv[2];
	if (argc > 4)
		engine = argv[4];
	if (!strcmp(engine, "rtl")) {
		size.frames = 12;
		size.flows = 100;
		size.whole_tables = false;
		size.timeout_ms = size.patience_ms = 30000;
	}
	if (!mkdtemp(folder))
		return 1;
	if (argc == 4)
		seed ^= (uint64_t)now_ms() << 20;
	snprintf(socket_path, sizeof(socket_path), "%s/card", folder);
	snprintf(control_path, sizeof(control_path), "%s/control", folder);
	snprintf(device, sizeof(device), MPNIC_VFIO_USER "%s", socket_path);
	printf("seed 0x%llx\n", (unsigned long long)seed);
	start_sim();
	took("start");
	every_queue();
	took("queues");
	admin();
	took("admin commands");
	bad_addresses();
	lost_interrupt();
	took("bad addresses, lost interrupts");
	wires_and_links();
	took("wires and links");
	wrong_phase();
	took("wrong phase");
	fault("fault fw-crash", -EIO);
	took("crash");
	fault("fault fw-hang", -EIO);
	took("hang");
	fault("fault cpl-buffers", -EPROTO);
	took("wrong completion");
	fault("dead", -EIO);
	took("dead device");
	server_killed(kills);
	took("server killed");
	driver_killed(kills);
	took("driver killed");
	kill_sim();
	clean_up();
	printf("16 queues, 8 faults, %u kills of either side\n", kills);
	return 0;
}
