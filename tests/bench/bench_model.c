/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Speed of the C model on one core: headers alone and with checksums over captures that lie in
 * memory, and the checksum in and beyond the cache beside the bound that reading memory sets.
 *
 * bench_model [--json] [--tshark-pps N] FILE...
 * bench_model --merge OUT COUNT FILE...   write the same frames, again and again, COUNT at least
 */
#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <immintrin.h>

#include "mpnic_model.h"

enum {
	ROUNDS = 9,	     /* the best counts: others may use the machine */
	ROUND_NS = 10000000, /* at least, each */
	BATCH = 4096,	     /* packets between two looks at the clock, at least */
	RECORDS = 64,	     /* records that one batch fills */
	CACHE_BUF = 16 << 10,
	MEMORY_BUF = 256 << 20,
};

struct frame {
	size_t off;
	uint32_t len;
};

/* Frames of one or more captures, back to back in one buffer. */
struct frames {
	uint8_t *bytes;
	size_t used, room;
	struct frame *frames;
	size_t count, frame_room;
};

struct job {
	const struct frames *f;
	size_t first, count;
	void (*pass)(const struct job *job);
};

static volatile uint64_t sink;

/* Time that this thread had a core. */
static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void *grown(void *p, size_t size)
{
	p = realloc(p, size);
	if (!p) {
		fprintf(stderr, "bench_model: no memory for %zu bytes\n", size);
		exit(1);
	}
	return p;
}

static void append(struct frames *f, const uint8_t *data, uint32_t len)
{
	if (f->used + len > f->room) {
		f->room = 2 * (f->room + len);
		f->bytes = grown(f->bytes, f->room);
	}
	if (f->count == f->frame_room) {
		f->frame_room = 2 * f->frame_room + 1024;
		f->frames = grown(f->frames, f->frame_room * sizeof(*f->frames));
	}
	memcpy(f->bytes + f->used, data, len);
	f->frames[f->count++] = (struct frame){.off = f->used, .len = len};
	f->used += len;
}

/* Adds the frames of a capture. Returns false for one that is not Ethernet or cannot be read. */
static bool load(const char *path, struct frames *f)
{
	char err[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *hdr;
	const u_char *data;
	pcap_t *pcap = pcap_open_offline(path, err);
	int got;

	if (!pcap) {
		fprintf(stderr, "bench_model: %s\n", err);
		return false;
	}
	if (pcap_datalink(pcap) != DLT_EN10MB) {
		pcap_close(pcap);
		return false;
	}
	while ((got = pcap_next_ex(pcap, &hdr, &data)) == 1)
		append(f, data, hdr->caplen);
	if (got == PCAP_ERROR)
		fprintf(stderr, "bench_model: %s: %s\n", path, pcap_geterr(pcap));
	pcap_close(pcap);
	return got != PCAP_ERROR;
}

static void pass_headers(const struct job *job)
{
	static struct mpnic_hdr hdr[RECORDS];
	const struct frame *frame = job->f->frames + job->first;
	size_t i;

	for (i = 0; i < job->count; i++) {
		mpnic_headers(job->f->bytes + frame[i].off, frame[i].len,
			      MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &hdr[i % RECORDS]);
	}
	sink += hdr[0].parse;
}

static void pass_packets(const struct job *job)
{
	static struct mpnic_hdr hdr[RECORDS];
	static struct mpnic_csum csum[RECORDS];
	const struct frame *frame = job->f->frames + job->first;
	size_t i;

	for (i = 0; i < job->count; i++) {
		mpnic_packet(job->f->bytes + frame[i].off, frame[i].len,
			     MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &hdr[i % RECORDS],
			     &csum[i % RECORDS]);
	}
	sink += csum[0].payload_sum;
}

/* Best time of one packet, ns. */
static double measure(const struct job *job)
{
	const unsigned int batch = (unsigned int)(BATCH / job->count + 1);
	double best = 0;
	unsigned int i, n;

	job->pass(job);
	for (i = 0; i < ROUNDS; i++) {
		double start = now_ns(), ns;
		unsigned int passes = 0;

		do {
			for (n = 0; n < batch; n++)
				job->pass(job);
			passes += batch;
			ns = now_ns() - start;
		} while (ns < ROUND_NS);
		ns /= (double)passes * (double)job->count;
		if (i == 0 || ns < best)
			best = ns;
	}
	return best;
}

/* Time stamp counter cycles in a nanosecond. */
static double tsc_per_ns(void)
{
	struct timespec start, now;
	uint64_t tsc = __rdtsc();
	double ns;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
		ns = (double)(now.tv_sec - start.tv_sec) * 1e9 +
		     (double)(now.tv_nsec - start.tv_nsec);
	} while (ns < 50e6);
	return (double)(__rdtsc() - tsc) / ns;
}

/* The bound: every byte is loaded, next to nothing is done with it. */
__attribute__((target("avx2"))) static void read_wide(const uint8_t *data, size_t len)
{
	__m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
	size_t i;

	for (i = 0; i + 128 <= len; i += 128) {
		a = _mm256_or_si256(a, _mm256_loadu_si256((const __m256i *)(data + i)));
		b = _mm256_or_si256(b, _mm256_loadu_si256((const __m256i *)(data + i + 32)));
		c = _mm256_or_si256(c, _mm256_loadu_si256((const __m256i *)(data + i + 64)));
		d = _mm256_or_si256(d, _mm256_loadu_si256((const __m256i *)(data + i + 96)));
	}
	a = _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d));
	sink += (uint64_t)_mm256_extract_epi64(a, 0);
}

static void read_words(const uint8_t *data, size_t len)
{
	uint64_t a = 0, v;
	size_t i;

	for (i = 0; i + sizeof(v) <= len; i += sizeof(v)) {
		memcpy(&v, data + i, sizeof(v));
		a |= v;
	}
	sink += a;
}

static void read_bound(const uint8_t *data, size_t len)
{
	if (__builtin_cpu_supports("avx2"))
		read_wide(data, len);
	else
		read_words(data, len);
}

static void read_sum(const uint8_t *data, size_t len)
{
	sink += mpnic_sum16(data, len);
}

static double gigabytes(const uint8_t *data, size_t len, void (*read)(const uint8_t *, size_t))
{
	double start = now_ns(), ns;
	unsigned int passes = 0;

	do {
		unsigned int i, batch = len < MEMORY_BUF ? 1000 : 1;

		for (i = 0; i < batch; i++)
			read(data, len);
		passes += batch;
		ns = now_ns() - start;
	} while (ns < ROUND_NS);
	return (double)passes * (double)len / ns;
}

struct sum_rates {
	double bound, sum; /* GB/s */
};

/* Bound and checksum in turns, so that a neighbour on the machine meets both. */
static struct sum_rates measure_sum(const uint8_t *data, size_t len)
{
	struct sum_rates best = {0};
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		const double bound = gigabytes(data, len, read_bound);
		const double sum = gigabytes(data, len, read_sum);

		best.bound = bound > best.bound ? bound : best.bound;
		best.sum = sum > best.sum ? sum : best.sum;
	}
	return best;
}

struct report {
	bool json, first;
	double tshark_pps;
	double tsc; /* cycles in a nanosecond */
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void print_packets(struct report *r, const char *name, const struct job *job)
{
	struct job headers = *job, packets = *job;
	double h, p; /* ns */
	size_t i, bytes = 0;

	headers.pass = pass_headers;
	packets.pass = pass_packets;
	h = measure(&headers);
	p = measure(&packets);
	for (i = 0; i < job->count; i++)
		bytes += job->f->frames[job->first + i].len;

	if (r->json) {
		printf("%s{\"capture\":\"%s\",\"packets\":%zu,\"bytes\":%zu,"
		       "\"headers\":{\"pps\":%.0f,\"ns\":%.2f,\"tsc_cycles\":%.1f},"
		       "\"packet\":{\"pps\":%.0f,\"ns\":%.2f,\"tsc_cycles\":%.1f,\"gb_s\":%.2f}",
		       r->first ? "" : ",", name, job->count, bytes, 1e9 / h, h, h * r->tsc,
		       1e9 / p, p, p * r->tsc, (double)bytes / (double)job->count / p);
		if (r->tshark_pps > 0)
			printf(",\"tshark_pps\":%.0f", r->tshark_pps);
		printf("}");
	} else {
		printf("%-44.44s %7zu %6zu %8.1f %6.1f %6.0f %8.1f %6.1f %6.0f %6.1f\n", name,
		       job->count, bytes / job->count, 1e3 / h, h, h * r->tsc, 1e3 / p, p,
		       p * r->tsc, (double)bytes / (double)job->count / p);
		if (r->tshark_pps > 0)
			printf("\ntshark on the same frames: %.0f packets/s; the model with "
			       "checksums decodes %.0f times as many\n",
			       r->tshark_pps, 1e9 / p / r->tshark_pps);
	}
	r->first = false;
}

static void print_sum(const struct report *r, const char *name, size_t len)
{
	uint8_t *data = grown(NULL, len);
	struct sum_rates s;
	size_t i;

	for (i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	s = measure_sum(data, len);
	free(data);
	if (r->json)
		printf(",\"%s\":{\"bytes\":%zu,\"sum_gb_s\":%.2f,\"read_gb_s\":%.2f}", name, len,
		       s.sum, s.bound);
	else
		printf("checksum of %9zu bytes: %6.1f GB/s; reading alone %6.1f GB/s (%.0f %%)\n",
		       len, s.sum, s.bound, 100 * s.sum / s.bound);
}

static int bench(struct report *r, int count, char **paths)
{
	struct frames f = {0}, windows = {0};
	struct job job = {.f = &f};
	struct report rows = {.json = r->json, .first = true, .tsc = tsc_per_ns()};
	size_t n;
	int i;

	if (r->json)
		printf("{\"captures\":[");
	else
		printf("%-44s %7s %6s | %8s %6s %6s | %8s %6s %6s %6s\n", "capture, one core",
		       "packets", "bytes", "hdr Mp/s", "ns", "cycles", "all Mp/s", "ns", "cycles",
		       "GB/s");
	for (i = 0; i < count; i++) {
		job.first = f.count;
		if (!load(paths[i], &f))
			continue;
		job.count = f.count - job.first;
		if (job.count)
			print_packets(&rows, base_name(paths[i]), &job);
	}
	if (!f.count) {
		fprintf(stderr, "bench_model: no Ethernet frames to measure\n");
		return 1;
	}
	job.first = 0;
	job.count = f.count;
	/* All frames seldom fit the cache; what the header stages look at does. */
	for (n = 0; n < f.count; n++)
		append(&windows, f.bytes + f.frames[n].off,
		       f.frames[n].len < MPNIC_PARSE_WINDOW ? f.frames[n].len : MPNIC_PARSE_WINDOW);
	print_packets(&rows, "all, parse windows alone",
		      &(struct job){.f = &windows, .count = windows.count});
	rows.tshark_pps = r->tshark_pps;
	print_packets(&rows, "all", &job);
	if (r->json)
		printf("]");
	print_sum(r, "cache", CACHE_BUF);
	print_sum(r, "memory", MEMORY_BUF);
	if (r->json)
		printf("}\n");
	free(windows.bytes);
	free(windows.frames);
	free(f.bytes);
	free(f.frames);
	return 0;
}

/* Frames as a capture of @min packets or more, for programs that need longer to start than to run.
 */
static int merge(const char *out, size_t min, int count, char **paths)
{
	struct frames f = {0};
	pcap_dumper_t *dump;
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, MPNIC_REPLAY_MAX);
	size_t written = 0, i;
	int n;

	for (n = 0; n < count; n++)
		load(paths[n], &f);
	dump = dead && f.count ? pcap_dump_open(dead, out) : NULL;
	if (!dump) {
		fprintf(stderr, "bench_model: cannot write %s\n", out);
		return 1;
	}
	while (written < min) {
		for (i = 0; i < f.count; i++, written++) {
			struct pcap_pkthdr hdr = {
				.ts.tv_sec = (time_t)(written / 1000000),
				.ts.tv_usec = (suseconds_t)(written % 1000000),
				.caplen = f.frames[i].len,
				.len = f.frames[i].len,
			};

			pcap_dump((u_char *)dump, &hdr, f.bytes + f.frames[i].off);
		}
	}
	pcap_dump_close(dump);
	pcap_close(dead);
	free(f.bytes);
	free(f.frames);
	printf("%zu\n", written);
	return 0;
}

int main(int argc, char **argv)
{
	struct report r = {0};
	int i = 1;

	if (argc > 4 && !strcmp(argv[1], "--merge"))
		return merge(argv[2], strtoul(argv[3], NULL, 10), argc - 4, argv + 4);
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--json")) {
			r.json = true;
		} else if (!strcmp(argv[i], "--tshark-pps") && i + 1 < argc) {
			r.tshark_pps = strtod(argv[++i], NULL);
		} else {
			fprintf(stderr, "bench_model: unknown option %s\n", argv[i]);
			return 2;
		}
	}
	return bench(&r, argc - i, argv + i);
}
