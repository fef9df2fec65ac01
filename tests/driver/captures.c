/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * captures SIM IMAGE ENGINE CAPTURE...: the frames of captures come in at a wire port of the
 * simulated card, spread over all Rx queues, and go back out of the Tx queue of the same number.
 * Each byte is compared, in both directions, with what libpcap reads.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "card.h"
#include "mpnic.h"

#define BUF_SIZE 2048
#define BUFS	 64
#define LONGEST	 9000
#define WIRE_MIN 60

struct frame {
	uint8_t *bytes;
	uint32_t len;
	bool seen;
};

struct frames {
	struct frame *at;
	size_t count, size;
};

struct queue {
	struct mpnic_dma dma;
	struct mpnic_rxq *rx;
	struct mpnic_txq *tx;
	size_t next; /* frames before are behind us: a queue keeps their order */
	unsigned int frames;
};

static char folder[] = "/tmp/mpnic-captures-XXXXXX", socket_path[64], in_path[64], out_path[64];
static pid_t sim;

static void clean_up(void)
{
	if (sim > 0) {
		kill(sim, SIGKILL);
		waitpid(sim, NULL, 0);
	}
	unlink(socket_path);
	unlink(in_path);
	unlink(out_path);
	rmdir(folder);
}

static __attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...)
{
	va_list args;

	fputs("captures: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	clean_up();
	exit(1);
}

#define OK(what)                                                         \
	do {                                                             \
		if (what)                                                \
			fail("line %d: %s", __LINE__, mpnic_error(dev)); \
	} while (0)

/* ---- files ---------------------------------------------------------------------------------- */

static void add(struct frames *f, const uint8_t *bytes, uint32_t len)
{
	if (f->count == f->size) {
		f->size = f->size ? 2 * f->size : 256;
		f->at = realloc(f->at, f->size * sizeof(*f->at));
		if (!f->at)
			fail("no memory");
	}
	f->at[f->count] = (struct frame){.bytes = malloc(len), .len = len};
	if (!f->at[f->count].bytes)
		fail("no memory");
	memcpy(f->at[f->count++].bytes, bytes, len);
}

static void drop(struct frames *f)
{
	while (f->count)
		free(f->at[--f->count].bytes);
	free(f->at);
}

/* Frames that a port takes, whole ones; also into @out, if it is not NULL. */
static void read_capture(const char *path, struct frames *f, pcap_dumper_t *out)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *in = pcap_open_offline(path, error);
	struct pcap_pkthdr *hdr;
	const uint8_t *bytes;

	if (!in)
		fail("%s: %s", path, error);
	while (pcap_next_ex(in, &hdr, &bytes) == 1) {
		if (hdr->caplen != hdr->len || hdr->len < 14 || hdr->len > LONGEST)
			continue;
		add(f, bytes, hdr->caplen);
		if (out)
			pcap_dump((uint8_t *)out, hdr, bytes);
	}
	pcap_close(in);
}

static void merge(char *const *paths, struct frames *f)
{
	pcap_t *any = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *out = any ? pcap_dump_open(any, in_path) : NULL;

	if (!out)
		fail("%s cannot be written", in_path);
	for (; *paths; paths++)
		read_capture(*paths, f, out);
	pcap_dump_close(out);
	pcap_close(any);
}

/* The first frame from @from on that is this one and was not seen. Returns its number, or -1. */
static long find(struct frames *f, size_t from, const uint8_t *bytes, uint32_t len, uint32_t pad)
{
	static const uint8_t zeros[WIRE_MIN];

	for (size_t i = from; i < f->count; i++) {
		const struct frame *x = &f->at[i];
		const uint32_t padded = x->len < pad ? pad : x->len;

		if (!x->seen && padded == len && !memcmp(x->bytes, bytes, x->len) &&
		    !memcmp(bytes + x->len, zeros, padded - x->len))
			return (long)i;
	}
	return -1;
}

/* ---- card and queues ------------------------------------------------------------------------ */

static void start_sim(const char *path, const char *engine)
{
	char wire[160];
	const char *const argv[] = {path,	"serve",     "--quiet", "--engine", engine,
				    "--socket", socket_path, "--port0", wire,	    NULL};

	snprintf(wire, sizeof(wire), "pcap:%s,%s", in_path, out_path);
	sim = card_start((char *const *)argv, socket_path);
	if (sim < 0)
		fail("%s does not start", path);
}

static void post(struct queue *q, unsigned int slot)
{
	const struct mpnic_buf buf = {
		.iova = q->dma.iova + slot * BUF_SIZE,
		.cookie = (uint8_t *)q->dma.addr + slot * BUF_SIZE,
		.len = BUF_SIZE,
	};

	if (mpnic_rxq_post(q->rx, &buf, 1) != 1)
		fail("a buffer is not taken");
}

/* Buffers for Rx, then one frame's place for Tx. */
static void make_queue(struct mpnic_dev *dev, unsigned int index, struct queue *q)
{
	const struct mpnic_queue_options options = {.log2 = 6, .vector = MPNIC_NO_VECTOR};

	OK(mpnic_dma_alloc(dev, BUFS * BUF_SIZE + LONGEST, &q->dma));
	OK(mpnic_rxq_create(dev, index, &options, &q->rx));
	OK(mpnic_txq_create(dev, index, &options, &q->tx));
	for (unsigned int i = 0; i < BUFS; i++)
		post(q, i);
}

static void send_back(struct mpnic_dev *dev, struct queue *q, uint32_t len, uint64_t patience)
{
	const struct mpnic_buf buf = {.iova = q->dma.iova + BUFS * BUF_SIZE, .len = len};
	const struct mpnic_send send = {.buf = &buf, .bufs = 1};
	const uint64_t start = now_ms();
	struct mpnic_sent sent;
	int n;

	if (mpnic_txq_burst(q->tx, &send, 1) != 1)
		fail("a frame is not taken: %s", mpnic_error(dev));
	while (!(n = mpnic_txq_done(q->tx, &sent, 1)))
		if (now_ms() - start > patience)
			fail("a frame is not sent");
	if (n < 0 || sent.err)
		fail("a frame is not sent: %s", mpnic_queue_error_name(sent.error));
}

/* Returns whether a frame came. */
static bool take(struct mpnic_dev *dev, struct queue *q, struct frames *f, uint64_t patience)
{
	uint8_t *whole = (uint8_t *)q->dma.addr + BUFS * BUF_SIZE;
	struct mpnic_frame frame;
	uint32_t at = 0;
	long number;
	int n = mpnic_rxq_burst(q->rx, &frame, 1);

	if (n < 0)
		fail("a queue: %s", strerror(-n));
	if (!n)
		return false;
	if (frame.cpl.status != MPNIC_RX_STATUS_OK || frame.cpl.len > LONGEST)
		fail("a frame of %u bytes: %s", frame.cpl.len,
		     mpnic_rx_status_name(frame.cpl.status));
	for (uint32_t b = 0; b < frame.cpl.buffers; b++) {
		const struct mpnic_buf buf = *mpnic_rxq_buf(q->rx, frame.desc + b);
		const uint32_t left = frame.cpl.len - at, len = left < buf.len ? left : buf.len;

		memcpy(whole + at, buf.cookie, len);
		at += len;
		if (mpnic_rxq_post(q->rx, &buf, 1) != 1)
			fail("a buffer is not taken back");
	}
	number = find(f, q->next, whole, at, 0);
	if (number < 0)
		fail("a frame of %u bytes that is not in the captures, or not in its order", at);
	f->at[number].seen = true;
	q->next = (size_t)number + 1;
	q->frames++;
	send_back(dev, q, at, patience);
	return true;
}

static void run(const char *image, struct frames *f, uint64_t patience, unsigned int *used)
{
	const struct mpnic_options options = {.firmware = image,
					      .timeout_ms = (unsigned int)patience};
	struct mpnic_admin_port port = {.flags = MPNIC_PORT_UP | MPNIC_PORT_PROMISCUOUS,
					.mtu = LONGEST};
	struct queue queue[MPNIC_QUEUES] = {0};
	uint16_t spread[MPNIC_RETA_SIZE];
	char device[80], error[MPNIC_ERROR_MAX];
	struct mpnic_dev *dev;
	uint64_t last;

	snprintf(device, sizeof(device), MPNIC_VFIO_USER "%s", socket_path);
	if (mpnic_open(device, &options, &dev, error))
		fail("%s", error);
	OK(mpnic_start(dev, 0));
	for (unsigned int i = 0; i < MPNIC_RETA_SIZE; i++)
		spread[i] = (uint16_t)(i % MPNIC_QUEUES);
	for (unsigned int i = 0; i < MPNIC_RETA_SIZE; i += 32)
		OK(mpnic_admin_reta_set(dev, i, 32, spread + i));
	for (unsigned int i = 0; i < MPNIC_QUEUES; i++)
		make_queue(dev, i, &queue[i]);
	port.queue_count = MPNIC_QUEUES;
	OK(mpnic_admin_port_set(dev, 0, &port));
	last = now_ms();
	for (size_t got = 0; got < f->count;) {
		bool any = false;

		for (unsigned int i = 0; i < MPNIC_QUEUES; i++) {
			const bool came = take(dev, &queue[i], f, patience);

			got += came;
			any |= came;
		}
		if (any)
			last = now_ms();
		else if (now_ms() - last > patience)
			fail("%zu of %zu frames came", got, f->count);
		else
			usleep(50);
	}
	for (unsigned int i = 0; i < MPNIC_QUEUES; i++) {
		*used += queue[i].frames != 0;
		OK(mpnic_rxq_destroy(queue[i].rx));
		OK(mpnic_txq_destroy(queue[i].tx));
		mpnic_dma_free(dev, &queue[i].dma);
	}
	mpnic_close(dev);
}

/* What left the card, in any order. */
static void check_out(struct frames *f)
{
	struct frames out = {0};

	for (size_t i = 0; i < f->count; i++)
		f->at[i].seen = false;
	read_capture(out_path, &out, NULL);
	if (out.count != f->count)
		fail("%zu of %zu frames left", out.count, f->count);
	for (size_t i = 0; i < out.count; i++) {
		const long number = find(f, 0, out.at[i].bytes, out.at[i].len, WIRE_MIN);

		if (number < 0)
			fail("frame %zu that left was never sent", i);
		f->at[number].seen = true;
	}
	drop(&out);
}

int main(int argc, char **argv)
{
	struct frames f = {0};
	unsigned int used = 0;
	uint64_t bytes = 0;
	int status;

	if (argc < 5) {
		fputs("usage: captures SIM IMAGE ENGINE CAPTURE...\n", stderr);
		return 2;
	}
	if (!mkdtemp(folder))
		return 1;
	snprintf(socket_path, sizeof(socket_path), "%s/card", folder);
	snprintf(in_path, sizeof(in_path), "%s/in.pcap", folder);
	snprintf(out_path, sizeof(out_path), "%s/out.pcapng", folder);
	merge(argv + 4, &f);
	start_sim(argv[1], argv[3]);
	run(argv[2], &f, strcmp(argv[3], "rtl") ? 5000 : 30000, &used);
	kill(sim, SIGTERM);
	if (waitpid(sim, &status, 0) != sim || !WIFEXITED(status) || WEXITSTATUS(status)) {
		sim = 0;
		fail("the card did not end well");
	}
	sim = 0;
	check_out(&f);
	for (size_t i = 0; i < f.count; i++)
		bytes += f.at[i].len;
	if (used != MPNIC_QUEUES)
		fail("%u of %d queues had frames", used, MPNIC_QUEUES);
	clean_up();
	printf("captures: %zu frames, %llu bytes through %u queues, in and out again\n", f.count,
	       (unsigned long long)bytes, used);
	drop(&f);
	return 0;
}
