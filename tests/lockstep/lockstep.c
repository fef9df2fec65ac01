/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RTL and C model in lock-step: the same frames through both, and not a bit of a difference. The
 * run is cut into chunks; each has an engine and pauses of its own, which follow from the seed and
 * the chunk's number alone, so that one chunk can be run again by itself, with a waveform.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lockstep.h"

#define UNDER_WAY 256 /* frames in the engine at most */
#define JOBS_MAX  64
#define NONE	  UINT64_MAX

struct options {
	uint64_t seed, count, chunk, chunk_frames;
	unsigned int jobs, seconds, every;
	int in_pause, out_pause; /* -1: by chunk */
	const char *trace;
	bool enumerations, reach, self_test;
};

struct shared {
	atomic_uint_fast64_t next;   /* chunk */
	atomic_uint_fast64_t failed; /* chunk, or NONE */
	struct counts counts[JOBS_MAX];
};

struct run {
	const struct options *opts;
	const struct frames *frames;
	struct shared *shared;
	uint64_t total; /* frames */
	double end;
	struct gen_packet packet;
};

/* What the model says of a frame that is under way. */
struct expected {
	unsigned int class;
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void set_pauses(const struct options *opts, uint64_t chunk, struct rtl_engine_opts *engine)
{
	static const uint8_t patterns[][2] = {
		{0, 0},	    {0, 0},   {0, 0},	{16, 16}, {64, 0},   {0, 64},
		{128, 128}, {0, 200}, {200, 0}, {0, 0},	  {20, 150}, {4, 4},
	};
	const uint64_t hash = (opts->seed + chunk) * UINT64_C(0x9e3779b97f4a7c15);
	const uint8_t *pattern = patterns[(hash >> 40) % (sizeof(patterns) / sizeof(patterns[0]))];

	engine->seed = hash;
	engine->in_pause = opts->in_pause < 0 ? pattern[0] : (unsigned int)opts->in_pause;
	engine->out_pause = opts->out_pause < 0 ? pattern[1] : (unsigned int)opts->out_pause;
}

/* With --every, one frame of each so many; not the same one each time, for enumerations have a
 * step. */
static uint64_t sampled(const struct run *run, uint64_t index)
{
	const unsigned int every = run->opts->every;

	return index * every + (index * UINT64_C(0x9e3779b97f4a7c15) >> 33) % every;
}

static int send_frame(struct run *run, struct rtl_engine *engine, uint64_t index,
		      struct expected *expected)
{
	struct gen_packet *p = &run->packet;

	frames_get(run->frames, run->opts->seed, sampled(run, index), p);
	expected->class = p->class;
	mpnic_packet(p->frame, p->len, p->user, &expected->hdr, &expected->csum);
	return rtl_engine_send(engine, p->frame, p->len, p->user);
}

/* With --self-test the model's record has a bit too many or too few, another one each time. */
static void spoil(struct expected *e, uint64_t index)
{
	const unsigned int bits = 8 * (sizeof(e->hdr) + sizeof(e->csum));
	const unsigned int bit = (unsigned int)(index % bits);
	const unsigned int in_csum = bit - 8 * (unsigned int)sizeof(e->hdr);

	if (bit < 8 * sizeof(e->hdr))
		((uint8_t *)&e->hdr)[bit / 8] ^= (uint8_t)(1u << bit % 8);
	else
		((uint8_t *)&e->csum)[in_csum / 8] ^= (uint8_t)(1u << in_csum % 8);
}

static int check_frame(const struct run *run, uint64_t index, struct expected *e,
		       const struct rtl_result *rtl)
{
	if (run->opts->self_test) {
		spoil(e, index);
		if (!records_equal(&e->hdr, &e->csum, rtl))
			return 0;
		fprintf(stderr, "lockstep: frame %" PRIu64 ": a flipped bit was not noticed\n",
			index);
		return -EBADMSG;
	}
	if (records_equal(&e->hdr, &e->csum, rtl))
		return 0;
	fprintf(stderr, "lockstep: frame %" PRIu64 ":\n", index);
	print_difference(stderr, &e->hdr, &e->csum, rtl);
	return -EBADMSG;
}

static int pump(struct run *run, struct rtl_engine *engine, uint64_t first, uint64_t last,
		struct counts *counts)
{
	static struct expected under_way[UNDER_WAY];
	struct rtl_result result;
	uint64_t sent = first, got = first;
	int err;

	while (got < last) {
		struct expected *e = &under_way[got % UNDER_WAY];

		for (; sent < last && sent - got < UNDER_WAY; sent++) {
			err = send_frame(run, engine, sent, &under_way[sent % UNDER_WAY]);
			if (err)
				return err;
		}
		err = rtl_engine_recv(engine, &result);
		if (err != 1)
			return err ? err : -ENOMSG;
		err = check_frame(run, got, e, &result);
		if (err)
			return err;
		count_frame(counts, e->class, &result);
		got++;
	}
	return rtl_engine_recv(engine, &result);
}

static int run_chunk(struct run *run, uint64_t chunk, struct counts *counts)
{
	const struct options *opts = run->opts;
	const uint64_t first = chunk * opts->chunk_frames;
	const uint64_t end = first + opts->chunk_frames;
	const uint64_t last = end < run->total ? end : run->total;
	struct rtl_engine_opts engine_opts = {0};
	struct rtl_engine *engine;
	int err;

	set_pauses(opts, chunk, &engine_opts);
	if (opts->chunk != NONE)
		engine_opts.trace = opts->trace;
	err = rtl_engine_open(&engine_opts, &engine);
	if (err) {
		fprintf(stderr, "lockstep: engine: %s\n", strerror(-err));
		return err;
	}
	err = pump(run, engine, first, last, counts);
	if (err)
		fprintf(stderr,
			"lockstep: chunk %" PRIu64 " (frames %" PRIu64 " to %" PRIu64
			", pauses %u in, %u out) ended at clock %" PRIu64 ": %s\n",
			chunk, first, last - 1, engine_opts.in_pause, engine_opts.out_pause,
			rtl_engine_clocks(engine), strerror(-err));
	counts->clocks += rtl_engine_clocks(engine);
	counts->chunks++;
	rtl_engine_close(engine);
	return err;
}

static bool more(const struct run *run, uint64_t chunk)
{
	if (atomic_load(&run->shared->failed) != NONE)
		return false;
	if (run->opts->seconds)
		return now() < run->end;
	return chunk * run->opts->chunk_frames < run->total;
}

static int work(struct run *run, struct counts *counts)
{
	uint64_t chunk;

	if (run->opts->chunk != NONE)
		return run_chunk(run, run->opts->chunk, counts);
	while (chunk = atomic_fetch_add(&run->shared->next, 1), more(run, chunk)) {
		const int err = run_chunk(run, chunk, counts);

		if (err) {
			atomic_store(&run->shared->failed, chunk);
			return err;
		}
	}
	return 0;
}

/* Returns how many workers failed. */
static unsigned int work_all(struct run *run)
{
	unsigned int i, failed = 0;
	int status;

	for (i = 0; i < run->opts->jobs; i++) {
		const pid_t pid = fork();

		if (pid < 0) {
			perror("lockstep: fork");
			return 1;
		}
		if (!pid)
			_exit(work(run, &run->shared->counts[i]) ? 1 : 0);
	}
	while (wait(&status) > 0) {
		if (WIFSIGNALED(status))
			fprintf(stderr, "lockstep: a worker died of signal %d\n", WTERMSIG(status));
		failed += status != 0;
	}
	return failed;
}

static void print_rates(const struct counts *c, const struct options *opts, double seconds)
{
	printf("lockstep: seed %" PRIu64 ", %" PRIu64 " frames (%" PRIu64 " bytes) in %" PRIu64
	       " chunks, %" PRIu64 " clocks, %.1f s, %u processes: %.0f frames/s, %.0f clocks/s\n",
	       opts->seed, c->frames, c->bytes, c->chunks, c->clocks, seconds, opts->jobs,
	       (double)c->frames / seconds, (double)c->clocks / seconds);
}

/* How the failing chunk is run again; with --trace that is done at once. */
static void again(char **argv, int argc, const struct options *opts, uint64_t chunk)
{
	char program[4096], number[24];
	char **args;
	int i;

	if (chunk == NONE)
		return;
	args = calloc((size_t)argc + 3, sizeof(*args));
	if (!args)
		return;
	snprintf(program, sizeof(program), "%s-trace", argv[0]);
	snprintf(number, sizeof(number), "%" PRIu64, chunk);
	args[0] = program;
	args[1] = (char *)"--chunk";
	args[2] = number;
	memcpy(args + 3, argv + 1, ((size_t)argc - 1) * sizeof(*args));
	fprintf(stderr, "lockstep: the chunk again, with a waveform:");
	for (i = 0; i < argc + 2; i++)
		fprintf(stderr, " %s", args[i]);
	fprintf(stderr, "%s\n", opts->trace ? "" : " --trace FILE.fst");
	if (opts->trace) {
		fflush(NULL);
		execv(program, args);
		perror(program);
	}
	free(args);
}

static int report(const struct run *run, unsigned int failed, double seconds)
{
	struct counts total = {0};
	unsigned int i;

	for (i = 0; i < run->opts->jobs; i++)
		add_counts(&total, &run->shared->counts[i]);
	print_rates(&total, run->opts, seconds);
	if (run->opts->self_test) {
		printf("lockstep: %s\n",
		       failed ? "a flipped bit passed" : "each flipped bit noticed");
		return failed != 0;
	}
	print_counts(&total);
	if (run->opts->reach && !failed)
		failed += print_unreached(&total);
	if (!failed)
		printf("lockstep: RTL and model agree on all frames\n");
	return failed != 0;
}

static int usage(void)
{
	fputs("usage: lockstep [options] [CAPTURE...]\n"
	      "  --seed N         of random frames and pauses (1)\n"
	      "  --count N        random frames (100000)\n"
	      "  --seconds N      random frames for so long, instead of --count\n"
	      "  --enum           the hostile enumerations, complete, before them\n"
	      "  --every N        only one frame in N of all that\n"
	      "  --chunk-frames N frames to a chunk (1024)\n"
	      "  --in-pause N     chance in 256 that the source pauses in a clock (several)\n"
	      "  --out-pause N    chance in 256 that the sink is not ready in a clock (several)\n"
	      "  --jobs N         processes (one a processor)\n"
	      "  --reach          fail if a verdict of the contract was not reached\n"
	      "  --self-test      spoil a bit of each model record; fail if it is not noticed\n"
	      "  --chunk N        only that part of the run\n"
	      "  --trace FILE     waveform of --chunk, or of the chunk that fails\n",
	      stderr);
	return 2;
}

static int parse_options(int argc, char **argv, struct options *opts)
{
	static const struct option names[] = {
		{"seed", required_argument, NULL, 's'},
		{"count", required_argument, NULL, 'n'},
		{"seconds", required_argument, NULL, 't'},
		{"enum", no_argument, NULL, 'e'},
		{"every", required_argument, NULL, 'v'},
		{"chunk-frames", required_argument, NULL, 'k'},
		{"in-pause", required_argument, NULL, 'i'},
		{"out-pause", required_argument, NULL, 'o'},
		{"jobs", required_argument, NULL, 'j'},
		{"reach", no_argument, NULL, 'r'},
		{"self-test", no_argument, NULL, 'f'},
		{"chunk", required_argument, NULL, 'c'},
		{"trace", required_argument, NULL, 'w'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		const uint64_t number = optarg ? strtoull(optarg, NULL, 0) : 0;

		switch (option) {
		case 's':
			opts->seed = number;
			break;
		case 'n':
			opts->count = number;
			break;
		case 't':
			opts->seconds = (unsigned int)number;
			break;
		case 'e':
			opts->enumerations = true;
			break;
		case 'v':
			opts->every = (unsigned int)number;
			break;
		case 'k':
			opts->chunk_frames = number;
			break;
		case 'i':
			opts->in_pause = (int)(number & 0xff);
			break;
		case 'o':
			opts->out_pause = (int)(number & 0xff);
			break;
		case 'j':
			opts->jobs = (unsigned int)number;
			break;
		case 'r':
			opts->reach = true;
			break;
		case 'f':
			opts->self_test = true;
			break;
		case 'c':
			opts->chunk = number;
			break;
		case 'w':
			opts->trace = optarg;
			break;
		default:
			return -EINVAL;
		}
	}
	if (opts->chunk != NONE)
		opts->jobs = 1;
	if (!opts->jobs || opts->jobs > JOBS_MAX || !opts->every || !opts->chunk_frames)
		return -EINVAL;
	return 0;
}

int main(int argc, char **argv)
{
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct options opts = {
		.seed = 1,
		.count = 100000,
		.chunk = NONE,
		.chunk_frames = 1024,
		.every = 1,
		.jobs = processors > JOBS_MAX ? JOBS_MAX : (unsigned int)processors,
		.in_pause = -1,
		.out_pause = -1,
	};
	static struct run run;
	struct frames *frames;
	unsigned int failed;
	double start;
	int ret;

	if (parse_options(argc, argv, &opts))
		return usage();
	if (frames_open(opts.enumerations, argv + optind, argc - optind, &frames))
		return 1;
	run.opts = &opts;
	run.frames = frames;
	run.total = opts.seconds ? NONE : (frames_fixed(frames) + opts.count) / opts.every;
	run.shared = mmap(NULL, sizeof(*run.shared), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run.shared == MAP_FAILED) {
		perror("lockstep: mmap");
		return 1;
	}
	atomic_store(&run.shared->failed, NONE);
	start = now();
	run.end = start + opts.seconds;
	failed = work_all(&run);
	ret = report(&run, failed, now() - start);
	frames_close(frames);
	fflush(stdout);
	if (failed && opts.chunk == NONE && !opts.self_test)
		again(argv, argc, &opts, atomic_load(&run.shared->failed));
	return ret;
}
